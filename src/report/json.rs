//! The report as the API and the JSON file show it: sections, figures with titles, definitions and breakdowns; each value
//! as a number and as people read it.

use serde::Serialize;
use utoipa::ToSchema;

use super::figures::{Figure, Report, Value};
use super::indicator::{Indicator, Section};
use super::names::Names;
use super::shown;
use super::week::Week;
use super::words::{self, say};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReportView {
    /// `2026-W47`.
    pub week: String,
    pub first_day: String,
    pub last_day: String,
    /// RFC 3339.
    pub from: String,
    pub to: String,
    /// The week goes on: `to` is the moment of the report.
    pub unfinished: bool,
    pub answer_within_secs: u64,
    pub sections: Vec<SectionView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SectionView {
    pub id: &'static str,
    pub title: &'static str,
    pub figures: Vec<FigureView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FigureView {
    pub id: &'static str,
    pub title: &'static str,
    pub definition: &'static str,
    pub value: ValueView,
    /// Of the week before.
    pub before: ValueView,
    /// By how much it changed, as people read it.
    pub change: String,
    pub breakdowns: Vec<BreakdownView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ValueView {
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub value: Value,
    /// As people read it.
    pub text: String,
    /// What a share or a duration is made of.
    pub basis: String,
    /// Lines of the list behind it.
    pub members: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BreakdownView {
    /// `hour language executor category district code age`.
    pub by: &'static str,
    pub title: &'static str,
    pub rows: Vec<RowView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RowView {
    /// Null where there is none, as of cases without an executor.
    pub key: Option<String>,
    pub name: String,
    pub value: ValueView,
    pub before: ValueView,
}

impl ValueView {
    pub fn new(value: Value, names: &Names<'_>) -> Self {
        Self {
            value,
            text: shown::value(value, names.language),
            basis: shown::basis(value),
            members: value.members(),
        }
    }
}

pub fn view(report: &Report, week: Week, names: &Names<'_>) -> ReportView {
    let section = |section: Section| {
        let is_in = |figure: &&Figure| {
            Indicator::of_id(figure.indicator).is_some_and(|indicator| indicator.section == section)
        };
        SectionView {
            id: section.id(),
            title: say(&format!("section.{}", section.id()), names.language),
            figures: report.figures.iter().filter(is_in).map(|figure| shown_figure(figure, names)).collect(),
        }
    };
    ReportView {
        week: week.to_string(),
        first_day: week.first_day().to_string(),
        last_day: week.last_day().to_string(),
        from: report.period.from.rfc3339(),
        to: report.period.to.rfc3339(),
        unfinished: !report.period.is_over,
        answer_within_secs: report.period.answer_within.as_secs(),
        sections: Section::ALL.map(section).into(),
    }
}

fn shown_figure(figure: &Figure, names: &Names<'_>) -> FigureView {
    let breakdown = |breakdown: &super::Breakdown| BreakdownView {
        by: breakdown.by.id(),
        title: say(&format!("by.{}", breakdown.by.id()), names.language),
        rows: breakdown
            .rows
            .iter()
            .map(|row| RowView {
                key: row.key.clone(),
                name: names.of(breakdown.by, row.key.as_deref()),
                value: ValueView::new(row.value, names),
                before: ValueView::new(row.before, names),
            })
            .collect(),
    };
    FigureView {
        id: figure.indicator,
        title: words::title(figure.indicator, names.language),
        definition: words::definition(figure.indicator, names.language),
        value: ValueView::new(figure.value, names),
        before: ValueView::new(figure.before, names),
        change: shown::change(figure.value, figure.before, names.language),
        breakdowns: figure.breakdowns.iter().map(breakdown).collect(),
    }
}
