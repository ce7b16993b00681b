//! `/api/v1/calls/{id}/timeline` and `/api/v1/cases/{number}/timeline`: the journal of a call and its case on one
//! clock, as far as the reader's role goes.

use axum::Json as Answer;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::ids::ContactId;
use crate::people::Role;
use crate::phone_number::PhoneNumber;
use crate::store::TimelineEntry;

use super::error::ApiError;
use super::extract::Path;
use super::gate::Principal;
use super::view::{ListView, UtcTime};
use super::{Shared, access};

/// Keys of entry data that hold a citizen's number or name.
const PERSONAL_KEYS: [&str; 7] =
    ["caller", "callback", "number", "name", "applicant", "applicant_name", "digits"];

/// One entry of the journal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TimelineItem {
    seq: u64,
    at: UtcTime,
    #[serde(rename = "type")]
    kind: String,
    /// Id of the recording this happened in.
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<String>,
    /// Milliseconds from the start of that recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset_ms: Option<u64>,
    #[schema(value_type = Object)]
    actor: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Contact the entry belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    /// Register number of the case the entry belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<String>,
    #[schema(value_type = Object)]
    data: Value,
}

/// The timeline of a call and the case it is linked to.
#[utoipa::path(get, path = "/api/v1/calls/{id}/timeline", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = ListView<TimelineItem>), (status = 404)))]
pub(super) async fn of_call(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<ContactId>,
) -> Result<Answer<ListView<TimelineItem>>, ApiError> {
    let contact = web.store().contact(id).await?.ok_or(ApiError::NotFound("call"))?;
    let reads = web.call_to_read(&contact, &principal, "timeline").await?;
    Ok(Answer(shown(web.store().contact_timeline(id).await?, principal.role(), reads)))
}

/// The timeline of a case and all calls linked to it; executors see what concerns their work.
#[utoipa::path(get, path = "/api/v1/cases/{number}/timeline", tag = "cases", params(("number" = String, Path)),
    responses((status = 200, body = ListView<TimelineItem>), (status = 403), (status = 404)))]
pub(super) async fn of_case(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
) -> Result<Answer<ListView<TimelineItem>>, ApiError> {
    let case = web.case_to_see(&number, &principal, "/api/v1/cases/{number}/timeline").await?;
    let reads = web.case_is_read(&case, &principal, "timeline").await?;
    Ok(Answer(shown(web.store().case_timeline(&case.number).await?, principal.role(), reads)))
}

/// Who does not read the case is told what happened and when, and nothing that was said or chosen.
fn shown(entries: Vec<TimelineEntry>, role: Role, reads: bool) -> ListView<TimelineItem> {
    let entries = entries.into_iter().filter(|entry| access::sees_entry(role, &entry.event));
    let bare = |item: TimelineItem| TimelineItem {
        reason: None,
        contact: None,
        recording: None,
        offset_ms: None,
        data: Value::Object(Default::default()),
        ..item
    };
    let items = entries.map(|entry| item(entry, role));
    ListView { items: items.map(|item| if reads { item } else { bare(item) }).collect(), next: None }
}

fn item(entry: TimelineEntry, role: Role) -> TimelineItem {
    let mut data = entry.data;
    if !access::sees_applicants(role) {
        mask(&mut data);
    }
    TimelineItem {
        seq: entry.seq,
        at: entry.at.into(),
        kind: entry.event,
        recording: entry.media.map(|media| media.recording.to_string()),
        offset_ms: entry.media.map(|media| media.offset_ms),
        actor: serde_json::to_value(&entry.actor).unwrap_or_default(),
        reason: entry.reason,
        contact: entry.contact.map(|contact| contact.to_string()),
        case: entry.case.map(|case| case.to_string()),
        data,
    }
}

/// Masks the text under personal keys, however deep; entries are ours and shallow.
fn mask(data: &mut Value) {
    match data {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if PERSONAL_KEYS.contains(&key.as_str()) => {
                        *text = PhoneNumber::from_user_part(text).masked();
                    }
                    other => mask(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn masking_reaches_nested_numbers_and_leaves_the_rest() {
        let mut data =
            json!({ "caller": "+380671234567", "to": [{ "number": "380671234567" }], "queue": "water" });
        mask(&mut data);
        assert_eq!(
            data,
            json!({ "caller": "***********67", "to": [{ "number": "**********67" }], "queue": "water" })
        );
    }
}
