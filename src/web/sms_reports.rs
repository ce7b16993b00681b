//! `/api/v1/sms-reports/{secret}`: the SMS gateway tells what became of messages. Which fields say so, and in which words, is
//! configuration; the address holds the secret, for gateways can prove themselves by little else.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::notify::{Report, Reports};
use crate::store::Settlement;
use crate::time;

use super::error::ApiError;
use super::extract::{Path, Query};
use super::{Shared, Web};

/// Messages in one report; gateways send them one by one, or some dozens.
const MAX_REPORTED: usize = 100;

/// What a gateway calls by GET.
#[utoipa::path(get, path = "/api/v1/sms-reports/{secret}", tag = "gateway", params(("secret" = String, Path)),
    responses((status = 204, description = "taken, or nothing of ours"), (status = 404, description = "not this secret")))]
pub(super) async fn by_query(
    State(web): State<Shared>,
    Path(secret): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<StatusCode, ApiError> {
    let reports = web.reports(&secret)?;
    web.reported(&reports, &serde_json::json!(query)).await
}

/// The same by POST: a form, or JSON of one report or a list of them. A field may be named by a JSON pointer.
#[utoipa::path(post, path = "/api/v1/sms-reports/{secret}", tag = "gateway", params(("secret" = String, Path)),
    request_body(content = String, content_type = "application/json"),
    responses((status = 204, description = "taken, or nothing of ours"), (status = 400),
        (status = 404, description = "not this secret")))]
pub(super) async fn by_body(
    State(web): State<Shared>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let reports = web.reports(&secret)?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let said = if kind.contains("urlencoded") {
        let fields: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
        serde_json::json!(fields)
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| ApiError::BadRequest(format!("a report is JSON or a form: {error}")))?
    };
    web.reported(&reports, &said).await
}

impl Web {
    /// One answer for a wrong secret and for none that is configured.
    fn reports(&self, secret: &str) -> Result<Reports, ApiError> {
        let settings = self.given.notices.settings();
        let reports = settings.sms.as_ref().and_then(|sms| sms.gateway.reports.clone());
        reports.filter(|reports| reports.secret.is(secret)).ok_or(ApiError::NotFound("address"))
    }

    async fn reported(&self, reports: &Reports, said: &Value) -> Result<StatusCode, ApiError> {
        let one = std::slice::from_ref(said);
        let all = said.as_array().map_or(one, Vec::as_slice);
        if all.len() > MAX_REPORTED {
            return Err(ApiError::BadRequest(format!("at most {MAX_REPORTED} reports at once")));
        }
        for report in all {
            let (Some(id), Some(status)) = (field(report, &reports.id), field(report, &reports.status))
            else {
                tracing::warn!("a report of the SMS gateway names no message or no state");
                continue;
            };
            let settlement = match reports.read(&status) {
                Report::Delivered => Settlement::Delivered,
                Report::Failed(failure) => Settlement::Failed(failure),
                Report::Neither => continue,
            };
            let Some(id) = self.store().notification_reported(&id).await? else {
                tracing::debug!("a report of the SMS gateway is about no message of ours");
                continue;
            };
            self.store().settle_notification(id, settlement, time::now().utc).await?;
        }
        Ok(StatusCode::NO_CONTENT)
    }
}

/// By its name, or by a JSON pointer.
fn field(report: &Value, name: &str) -> Option<String> {
    let value = if name.starts_with('/') { report.pointer(name) } else { report.get(name) };
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
