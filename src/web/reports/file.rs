//! The weekly report as a file: a page to print, a workbook, a table, JSON. Each that leaves the house is journalled,
//! with its digest.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::digest::Sha256;
use crate::journal::{Draft, EventType};
use crate::report::html::Heading;
use crate::report::{Names, Period, Report, Week, csv, html, view, xlsx};
use crate::time;

use super::super::Shared;
use super::super::error::ApiError;
use super::super::extract::Query;
use super::super::gate::Principal;
use super::{language_of, week_of};

/// The form of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// To print: A4, one page without anything outside itself.
    Html,
    Xlsx,
    Csv,
    Json,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FileQuery {
    week: Option<String>,
    language: Option<String>,
    #[param(value_type = String)]
    format: Form,
}

impl Form {
    const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
        }
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// What the writer of the form says, in words.
    pub fn print(
        self,
        report: &Report,
        week: Week,
        is_from_journal: bool,
        names: &Names<'_>,
    ) -> Result<Vec<u8>, String> {
        let text = week.to_string();
        match self {
            Self::Html => {
                let heading = heading(&report.period, week, &text, is_from_journal, names.plan.name());
                Ok(html::print(report, &heading, names).into_bytes())
            }
            Self::Xlsx => xlsx::print(report, &text, names).map_err(|error| error.to_string()),
            Self::Csv => csv::print(report, &text, names).map_err(|error| error.to_string()),
            Self::Json => {
                serde_json::to_vec_pretty(&view(report, week, names)).map_err(|error| error.to_string())
            }
        }
    }
}

fn heading<'a>(
    period: &Period,
    week: Week,
    text: &'a str,
    is_from_journal: bool,
    city: &'a str,
) -> Heading<'a> {
    let day = |date: chrono::NaiveDate| date.format("%d.%m.%Y").to_string();
    Heading {
        city,
        week: text,
        days: (day(week.first_day()), day(week.last_day())),
        as_of: period.clock.civil(period.to).format("%d.%m.%Y %H:%M").to_string(),
        is_unfinished: !period.is_over,
        is_from_journal,
    }
}

/// The report as a file; the page to print opens in the browser, the others are saved.
#[utoipa::path(get, path = "/api/v1/reports/weekly/file", tag = "reports", params(FileQuery),
    responses((status = 200, content_type = "application/octet-stream"), (status = 400), (status = 503)))]
pub(super) async fn download(
    State(web): State<Shared>,
    principal: Principal,
    Query(query): Query<FileQuery>,
) -> Result<Response, ApiError> {
    let language = language_of(query.language.as_deref(), &web)?;
    let week = week_of(query.week.as_deref(), &web)?;
    let computed = web.count_week(week).await?;
    let plan = web.city();
    let printed = query.format.print(&computed.report(), week, false, &Names { plan: &plan, language });
    let bytes = printed.map_err(|error| ApiError::internal("the report was not printed", &error))?;
    let mut issued = Draft::new(EventType::ReportIssued, time::now().utc, principal.actor());
    issued.data = serde_json::json!({
        "week": week.to_string(),
        "format": query.format.name(),
        "to": computed.period.to,
        "sha256": Sha256::of(&bytes),
    });
    web.journal(issued).await?;
    let how = if query.format == Form::Html { "inline" } else { "attachment" };
    let name = format!("{how}; filename=\"report-{week}.{}\"", query.format.name());
    let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
    let content_type = HeaderValue::from_static(query.format.content_type());
    let mut response =
        ([(header::CONTENT_TYPE, content_type), (header::CONTENT_DISPOSITION, name)], bytes).into_response();
    if query.format == Form::Html {
        // Its style is its own, and nothing else is loaded.
        let policy =
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}
