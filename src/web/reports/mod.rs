//! `/api/v1/reports`: the weekly control report, the list behind each of its figures, the same from the journal, and
//! today's calls for the board. What is counted, and how, is `crate::report`; files are `file.rs`.

mod computed;
pub(super) mod file;

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::language::Language;
use crate::report::{
    Dimension, Facts, Indicator, Names, Period, ReportView, Section, ValueView, Week, differences, members,
    report, view, words,
};
use crate::time::{self, Timestamp};

use super::error::ApiError;
use super::extract::Query;
use super::gate::Principal;
use super::view::UtcTime;
use super::{Shared, Web, access};
use computed::Computed;
pub(super) use computed::Kept;

/// Lines of a list on one page.
const LINES: usize = 200;
/// Differences told; whoever sees so many looks into the journal.
const MAX_DIFFERENCES: usize = 200;
/// Times that a week which goes on is counted again because it moved meanwhile.
const MAX_RECOUNTS: usize = 3;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(weekly))
        .routes(routes!(list))
        .routes(routes!(recompute))
        .routes(routes!(today))
        .routes(routes!(file::download))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReportQuery {
    /// `2026-W47`, ISO 8601 by the city's clock; this week when left out.
    week: Option<String>,
    /// Of titles and names: `uk en lt pl ru he`; the city's when left out.
    language: Option<String>,
}

/// The weekly control report of a week, beside the week before.
#[utoipa::path(get, path = "/api/v1/reports/weekly", tag = "reports", params(ReportQuery),
    responses((status = 200, body = ReportView), (status = 400), (status = 503)))]
pub(super) async fn weekly(
    State(web): State<Shared>,
    Query(query): Query<ReportQuery>,
) -> Result<Answer<ReportView>, ApiError> {
    let language = language_of(query.language.as_deref(), &web)?;
    let computed = web.count_week(week_of(query.week.as_deref(), &web)?).await?;
    let plan = web.city();
    Ok(Answer(view(&computed.report(), computed.week, &Names { plan: &plan, language })))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    week: Option<String>,
    /// `to` of the report that the figure was in: its list is as long as it said, whatever has happened since.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<UtcTime>,
    /// Id of the indicator.
    indicator: String,
    /// A breakdown, with `key`; the whole figure when left out.
    by: Option<String>,
    /// Of the row; none is the row without a key.
    key: Option<String>,
    /// The week before.
    #[serde(default)]
    before: bool,
    /// Lines left out at the beginning: `next` of the page before.
    #[serde(default)]
    offset: usize,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MemberList {
    /// Lines in all: the figure, or the part of a share.
    total: usize,
    /// Of those the ones that are not listed here, because that would tell that they are of a category which takes a
    /// clearance to read.
    withheld: usize,
    items: Vec<MemberView>,
    /// `offset` of the next page; null on the last.
    next: Option<usize>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MemberView {
    at: UtcTime,
    /// Id of the call, of figures about calls.
    call: Option<String>,
    /// Register number, of figures about cases.
    case: Option<String>,
    executor: Option<String>,
    category: Option<String>,
    /// What was measured.
    seconds: Option<u64>,
}

/// The calls or cases behind a figure, the oldest first.
#[utoipa::path(get, path = "/api/v1/reports/weekly/list", tag = "reports", params(ListQuery),
    responses((status = 200, body = MemberList), (status = 400), (status = 404)))]
pub(super) async fn list(
    State(web): State<Shared>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> Result<Answer<MemberList>, ApiError> {
    let week = week_of(query.week.as_deref(), &web)?;
    let indicator = Indicator::of_id(&query.indicator).ok_or(ApiError::NotFound("indicator"))?;
    let part = match &query.by {
        None => None,
        Some(by) => {
            let by = Dimension::from_id(by).filter(|by| indicator.by.contains(by));
            Some((by.ok_or(ApiError::NotFound("breakdown"))?, query.key.as_deref()))
        }
    };
    let computed = match query.to.and_then(|to| web.reports.kept(week, to.0)) {
        Some(kept) => kept,
        None => web.count_week(week).await?,
    };
    let city = web.city();
    let mut members = members(indicator, part, computed.facts(query.before));
    let total = members.len();
    // Which cases are of a restricted category is not told by listing that category, but to those who read them.
    if query.by.as_deref() == Some("category") {
        let is_found = |category: &String| access::is_found(&principal.user, &city, category);
        members.retain(|member| member.category.as_ref().is_none_or(is_found));
    }
    let listed = members.len();
    let shown = members.into_iter().skip(query.offset).take(LINES).map(|member| MemberView {
        at: member.at.into(),
        call: member.contact.map(|contact| contact.to_string()),
        case: member.case.map(|case| case.to_string()),
        executor: member.executor,
        category: member.category.filter(|category| !access::is_withheld_in_lists(&city, category)),
        seconds: member.seconds,
    });
    let items: Vec<MemberView> = shown.collect();
    let end = query.offset.saturating_add(items.len());
    Ok(Answer(MemberList { total, withheld: total - listed, items, next: (end < listed).then_some(end) }))
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Recomputed {
    /// Every figure is the same by both ways.
    same: bool,
    /// Figures compared, those of breakdowns and of the week before among them.
    compared: usize,
    /// The first 200.
    differences: Vec<DifferenceView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DifferenceView {
    indicator: &'static str,
    title: &'static str,
    by: Option<&'static str>,
    /// Of the row of the breakdown.
    name: Option<String>,
    /// In the week before.
    before: bool,
    /// By the rows of the database, and by the journal.
    rows: ValueView,
    journal: ValueView,
}

/// The report once more, from journal entries alone, and where the two differ. Takes minutes in a city of millions.
#[utoipa::path(post, path = "/api/v1/reports/weekly/recompute", tag = "reports", params(ReportQuery),
    responses((status = 200, body = Recomputed), (status = 400), (status = 503)))]
pub(super) async fn recompute(
    State(web): State<Shared>,
    Query(query): Query<ReportQuery>,
) -> Result<Answer<Recomputed>, ApiError> {
    let language = language_of(query.language.as_deref(), &web)?;
    let week = week_of(query.week.as_deref(), &web)?;
    let _place = web.reports.recomputing.try_acquire();
    if _place.is_err() {
        return Err(ApiError::Unavailable(
            "the report is being recomputed for somebody else; try again then",
        ));
    }
    let mut rows = web.count_week(week).await?;
    for _ in 0..MAX_RECOUNTS {
        let [now, earlier] = web.store().report_facts_from_journal(rows.periods()).await?;
        let journal = report((&rows.period, &now), (&rows.before, &earlier));
        let found = differences(&rows.report(), &journal);
        if found.is_empty() || rows.period.is_over {
            return Ok(Answer(recomputed(&rows, &found, language, &web)));
        }
        // A call may have ended between the two ways: a difference counts when the rows stand still.
        let again = web.count_until(week, rows.period.to).await?;
        if again.is_same(&rows) {
            return Ok(Answer(recomputed(&rows, &found, language, &web)));
        }
        rows = again;
    }
    Err(ApiError::Unavailable("the week moves too fast to be counted twice; try again"))
}

fn recomputed(
    rows: &Computed,
    found: &[crate::report::Difference],
    language: Language,
    web: &Web,
) -> Recomputed {
    let plan = web.city();
    let names = Names { plan: &plan, language };
    let parts = |figure: &crate::report::Figure| {
        1 + figure.breakdowns.iter().map(|breakdown| breakdown.rows.len()).sum::<usize>()
    };
    let told = found.iter().take(MAX_DIFFERENCES).map(|difference| DifferenceView {
        indicator: difference.indicator,
        title: words::title(difference.indicator, language),
        by: difference.part.as_ref().map(|(by, _)| by.id()),
        name: difference.part.as_ref().map(|(by, key)| names.of(*by, key.as_deref())),
        before: difference.is_before,
        rows: ValueView::new(difference.rows, &names),
        journal: ValueView::new(difference.journal, &names),
    });
    Recomputed {
        same: found.is_empty(),
        compared: 2 * rows.report().figures.iter().map(parts).sum::<usize>(),
        differences: told.collect(),
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Today {
    /// Midnight by the city's clock, and now.
    from: UtcTime,
    to: UtcTime,
    figures: Vec<TodayFigure>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TodayFigure {
    id: &'static str,
    title: &'static str,
    value: ValueView,
}

/// Today's calls, counted as the weekly report counts them.
#[utoipa::path(get, path = "/api/v1/reports/today", tag = "reports", params(ReportQuery),
    responses((status = 200, body = Today)))]
pub(super) async fn today(
    State(web): State<Shared>,
    Query(query): Query<ReportQuery>,
) -> Result<Answer<Today>, ApiError> {
    let language = language_of(query.language.as_deref(), &web)?;
    let plan = web.city();
    let period = Period::day(time::now().utc, web.answer_within(), plan.clock());
    let facts = web.store().report_contacts(&period).await?;
    let counted = report((&period, &facts), (&period, &Facts::default()));
    let names = Names { plan: &plan, language };
    let of_calls = |id: &str| Indicator::of_id(id).is_some_and(|it| it.section == Section::Contacts);
    let figures = counted.figures.iter().filter(|figure| of_calls(figure.indicator));
    let figures = figures.map(|figure| TodayFigure {
        id: figure.indicator,
        title: words::title(figure.indicator, language),
        value: ValueView::new(figure.value, &names),
    });
    Ok(Answer(Today { from: period.from.into(), to: period.to.into(), figures: figures.collect() }))
}

impl Web {
    fn answer_within(&self) -> std::time::Duration {
        self.given.in_force.borrow().answer_within
    }

    /// The week and the one before, as they are now.
    async fn count_week(&self, week: Week) -> Result<Arc<Computed>, ApiError> {
        self.count_until(week, time::now().utc).await
    }

    async fn count_until(&self, week: Week, now: Timestamp) -> Result<Arc<Computed>, ApiError> {
        let Ok(_place) = self.reports.counting.acquire().await else {
            return Err(ApiError::Unavailable("the service is stopping"));
        };
        let plan = self.city();
        let period = week.period(now, self.answer_within(), plan.clock());
        let before = week.before().period(now, self.answer_within(), plan.clock());
        let facts = self.store().report_facts(&period).await?;
        let earlier = self.store().report_facts(&before).await?;
        Ok(self.reports.keep(Computed { week, period, before, facts, earlier }))
    }
}

fn week_of(week: Option<&str>, web: &Web) -> Result<Week, ApiError> {
    let week = match week {
        None => return Ok(Week::of(time::now().utc, web.city().clock())),
        Some(text) => text.parse::<Week>().map_err(|error| ApiError::BadRequest(error.to_string()))?,
    };
    if week > Week::of(time::now().utc, web.city().clock()) {
        return Err(ApiError::BadRequest(format!("the week {week} has not begun")));
    }
    Ok(week)
}

fn language_of(language: Option<&str>, web: &Web) -> Result<Language, ApiError> {
    match language {
        None => Ok(web.city().language()),
        Some(code) => code.parse().map_err(|error| ApiError::BadRequest(format!("{error}"))),
    }
}
