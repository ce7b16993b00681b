//! `/api/v1/calls`: the record of calls, and what an operator or supervisor does to a live one. Sound is
//! `recording.rs`, waveforms are `peaks.rs`, SIP messages are `ladder.rs`,
//! supervisors in a talk are `supervision.rs`, what auditors note is `findings.rs`.

pub(super) mod envelope;
pub(super) mod findings;
pub(super) mod ladder;
pub(super) mod link;
pub(super) mod peaks;
pub(super) mod range;
pub(super) mod recording;
pub(super) mod supervision;
mod view;
pub(super) mod wav_layout;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::call::contact::{Contact, Disposition};
use crate::case::CaseNumber;
use crate::ids::{ContactId, UserId};
use crate::journal::{Draft, EventType};
use crate::people::Role;
use crate::phone_number::PhoneNumber;
use crate::store::ContactFilter;
use crate::switchboard::Command;
use crate::time;

use super::access::Sight;
use super::error::ApiError;
use super::extract::{Json, Path, Query};
use super::gate::{Principal, Subject};
use super::view::{ListView, Paging, UtcTime, check_caller_filter};
use super::{Shared, Web, access};
use view::CallView;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CallQuery {
    /// Part of the caller's number.
    caller: Option<String>,
    /// User id of the operator.
    #[param(value_type = Option<String>)]
    operator: Option<UserId>,
    #[param(value_type = Option<String>)]
    disposition: Option<Disposition>,
    /// Register number.
    case: Option<String>,
    /// Category id of the case the call is on.
    category: Option<String>,
    /// Words of the case's description and of notes to it, in any of their forms; all must be there. For supervisors,
    /// control, the mayor's office and auditors. That it was searched by words is journalled, the words are not.
    words: Option<String>,
    /// Offered at this moment or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<UtcTime>,
    /// Offered before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<UtcTime>,
}

/// Calls, newest first.
#[utoipa::path(get, path = "/api/v1/calls", tag = "calls", params(CallQuery, Paging),
    responses((status = 200, body = ListView<CallView>), (status = 400), (status = 403)))]
pub(super) async fn list(
    State(web): State<Shared>,
    principal: Principal,
    Query(query): Query<CallQuery>,
    Query(paging): Query<Paging>,
) -> Result<Answer<ListView<CallView>>, ApiError> {
    let query_caller = query.caller.filter(|caller| !caller.is_empty());
    check_caller_filter(principal.role(), query_caller.as_deref())?;
    let words = query.words.filter(|words| !words.trim().is_empty());
    check_words(principal.role(), words.as_deref())?;
    let filter = ContactFilter {
        caller: query_caller,
        operator: query.operator,
        disposition: query.disposition,
        case: query.case.filter(|case| !case.is_empty()).map(CaseNumber),
        category: query.category.filter(|category| !category.is_empty()),
        words,
        from: query.from.map(|at| at.0),
        to: query.to.map(|at| at.0),
    };
    let page = paging.page()?;
    if access::search_is_journalled(principal.role(), filter.words.is_some())
        && let Some(entry) = searched(&filter, &principal)
    {
        web.journal(entry).await?;
    }
    let searches = filter.caller.is_some() || filter.words.is_some() || filter.category.is_some();
    let listed = web.store().contacts(&filter, &page).await?;
    let mut items = Vec::with_capacity(listed.items.len());
    for contact in &listed.items {
        if !web.lists_call(&principal, contact.id).await? {
            continue;
        }
        let sight = web.sight_of_call(contact, &principal).await?;
        // What is not told must not be found out by searching for it.
        if searches && sight == Sight::Existence {
            continue;
        }
        let recordings = web.store().recordings_of(contact.id).await?;
        items.push(match sight {
            Sight::Free => CallView::new(contact, &recordings, principal.role()),
            Sight::Existence | Sight::Reading => CallView::withheld(contact, &recordings),
        });
    }
    Ok(Answer(ListView { items, next: listed.next }))
}

/// More is no search but a text.
const MAX_WORDS_CHARS: usize = 200;

fn check_words(role: Role, words: Option<&str>) -> Result<(), ApiError> {
    let Some(words) = words else { return Ok(()) };
    if !access::searches_words(role) {
        return Err(ApiError::forbidden("this role does not search by words"));
    }
    if words.chars().count() > MAX_WORDS_CHARS {
        return Err(ApiError::BadRequest(format!("words are {MAX_WORDS_CHARS} characters at most")));
    }
    Ok(())
}

/// The entry about a search: by what it was narrowed, never to what. None for the list of all calls.
fn searched(filter: &ContactFilter, principal: &Principal) -> Option<Draft> {
    let conditions = [
        ("caller", filter.caller.is_some()),
        ("case", filter.case.is_some()),
        ("operator", filter.operator.is_some()),
        ("category", filter.category.is_some()),
        ("disposition", filter.disposition.is_some()),
        ("words", filter.words.is_some()),
        ("time", filter.from.is_some() || filter.to.is_some()),
    ];
    let by: Vec<_> = conditions.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if by.is_empty() {
        return None;
    }
    let mut draft = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
    draft.data = serde_json::json!({ "what": "search", "by": by });
    Some(draft)
}

/// One call with its recordings.
#[utoipa::path(get, path = "/api/v1/calls/{id}", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = CallView), (status = 404)))]
pub(super) async fn show(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<ContactId>,
) -> Result<Answer<CallView>, ApiError> {
    let contact = web.contact(id).await?;
    let recordings = web.store().recordings_of(id).await?;
    Ok(Answer(match web.call_to_read(&contact, &principal, "call").await? {
        true => CallView::new(&contact, &recordings, principal.role()),
        false => CallView::withheld(&contact, &recordings),
    }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DispositionChoice {
    #[schema(value_type = String, example = "consultation")]
    disposition: Disposition,
}

/// The operator says how the contact ended, while talking or in wrap-up.
#[utoipa::path(post, path = "/api/v1/calls/{id}/disposition", tag = "calls", params(("id" = String, Path)),
    request_body = DispositionChoice,
    responses((status = 204), (status = 403), (status = 404), (status = 409), (status = 503)))]
pub(super) async fn dispose(
    State(web): State<Shared>,
    principal: Principal,
    Path(contact): Path<ContactId>,
    Json(choice): Json<DispositionChoice>,
) -> Result<StatusCode, ApiError> {
    let operator = principal.user.id;
    web.command(Command::Dispose { operator, contact, disposition: choice.disposition }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TransferTarget {
    /// An operator's extension, the name or number of a queue, or a number that a trunk takes calls to.
    #[schema(value_type = String, example = "202")]
    target: PhoneNumber,
}

/// The operator who talks passes the caller on; until the target answers the caller hears music, and a target that does
/// not answer gives the call back.
#[utoipa::path(post, path = "/api/v1/calls/{id}/transfer", tag = "calls", params(("id" = String, Path)),
    request_body = TransferTarget,
    responses((status = 204), (status = 403), (status = 404), (status = 409), (status = 503)))]
pub(super) async fn transfer(
    State(web): State<Shared>,
    principal: Principal,
    Path(contact): Path<ContactId>,
    Json(to): Json<TransferTarget>,
) -> Result<StatusCode, ApiError> {
    let target = PhoneNumber::from_user_part(to.target.as_str());
    web.command(Command::Transfer { contact, by: principal.user.id, target }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a live call: the operator who holds it, or a supervisor.
#[utoipa::path(post, path = "/api/v1/calls/{id}/hangup", tag = "calls", params(("id" = String, Path)),
    responses((status = 204), (status = 403), (status = 404), (status = 409), (status = 503)))]
pub(super) async fn hang_up(
    State(web): State<Shared>,
    principal: Principal,
    Path(contact): Path<ContactId>,
) -> Result<StatusCode, ApiError> {
    let snapshot = web.snapshot();
    let live = snapshot.calls.iter().find(|call| call.id == contact);
    let live = live.ok_or(ApiError::NotFound("live call"))?;
    if !access::may_hang_up(&principal.user, live.operator) {
        return Err(ApiError::forbidden("this call belongs to somebody else"));
    }
    web.command(Command::HangUp { contact, by: principal.user.id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Web {
    async fn contact(&self, id: ContactId) -> Result<Contact, ApiError> {
        self.store().contact(id).await?.ok_or(ApiError::NotFound("call"))
    }

    /// The contact, when the person may hear it; a refusal is on the journal.
    async fn contact_to_hear(
        &self,
        id: ContactId,
        principal: &Principal,
        reason: Option<&str>,
        path: &str,
    ) -> Result<Contact, ApiError> {
        let contact = self.contact(id).await?;
        if let Err(refused) = access::hearing(&principal.user, &contact, reason) {
            let detail = refused.to_string();
            return Err(self.denied(principal, Subject::contact(id), &Method::GET, path, detail).await);
        }
        if let Some(case) = &contact.case {
            self.check_clearance(case, principal, path).await?;
        }
        Ok(contact)
    }

    /// What the person sees of a call, by the case it is about.
    pub(in crate::web) async fn sight_of_call(
        &self,
        contact: &Contact,
        principal: &Principal,
    ) -> Result<Sight, ApiError> {
        let plan = self.city();
        let Some(number) = contact.case.as_ref().filter(|_| !plan.privacy_classes().is_empty()) else {
            return Ok(Sight::Free);
        };
        let case = self.store().case(number).await?;
        Ok(case.map_or(Sight::Free, |case| access::sight(&principal.user, &plan, &case.category)))
    }

    /// Whether the person may read the call; where that takes a clearance, that it was read is on the journal.
    pub(in crate::web) async fn call_to_read(
        &self,
        contact: &Contact,
        principal: &Principal,
        what: &'static str,
    ) -> Result<bool, ApiError> {
        match self.sight_of_call(contact, principal).await? {
            Sight::Free => Ok(true),
            Sight::Existence => Ok(false),
            Sight::Reading => {
                let mut draft = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
                (draft.contact, draft.case) = (Some(contact.id), contact.case.clone());
                draft.data = serde_json::json!({ "what": what });
                self.journal(draft).await?;
                Ok(true)
            }
        }
    }
}

#[cfg(test)]
pub(super) use wav_layout::tests::stereo_wav;
