//! `/api/v1/work-orders/{id}/call`: an executor calls the applicant of their order through the city. Neither number is ever
//! told. Whether they may is judged in `call/masked.rs`, both telephones are rung by the switchboard.

use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::call::contact::Contact;
use crate::call::masked::{MaskedCall, NotCalled, Policy, Wish, may_call};
use crate::case::Case;
use crate::ids::{ContactId, WorkOrderId};
use crate::phone_number::PhoneNumber;
use crate::store::BegunCalls;
use crate::switchboard::Command;
use crate::time::{self, Timestamp};

use super::error::ApiError;
use super::extract::Path;
use super::gate::Principal;
use super::view::UtcTime;
use super::{Shared, Web};

const PATH: &str = "/api/v1/work-orders/{id}/call";
/// A call that has no record after so long never began.
const NEVER_BEGUN: Duration = Duration::from_secs(60);

/// What an executor must know before they press the button, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MaskedCallView {
    may_call: bool,
    /// Why not: `off`, `not_yours`, `not_open`, `no_number`, `no_phone`, `outside_hours` or `used_up`.
    #[schema(value_type = Option<String>)]
    why_not: Option<NotCalled>,
    /// Calls about this order that are left today.
    left_today: u32,
    /// The last two digits of the executor's own telephone, which will ring.
    own_phone_ends: Option<String>,
    last: Option<LastCallView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LastCallView {
    /// Id of the call.
    call: String,
    at: UtcTime,
    /// `ringing`, `talking`, `reached` or `not_reached`.
    state: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BegunView {
    /// Id of the call.
    call: String,
}

/// All that is known when an executor looks at the button.
struct Known {
    policy: Option<Policy>,
    case: Case,
    phone: Option<PhoneNumber>,
    begun: BegunCalls,
}

impl Known {
    fn judged(
        &self,
        order: WorkOrderId,
        principal: &Principal,
        at: Timestamp,
    ) -> Result<(PhoneNumber, PhoneNumber), NotCalled> {
        let wish = Wish {
            case: &self.case,
            order,
            organisation: principal.user.organisation.as_deref(),
            phone: self.phone.as_ref(),
            begun_today: self.begun.count,
        };
        may_call(self.policy.as_ref(), wish, at)
    }
}

/// Whether the reader may call the applicant of this order now, and the last call there was.
#[utoipa::path(get, path = "/api/v1/work-orders/{id}/call", tag = "work orders", params(("id" = String, Path)),
    responses((status = 200, body = MaskedCallView), (status = 403), (status = 404)))]
pub(super) async fn show(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<WorkOrderId>,
) -> Result<Answer<MaskedCallView>, ApiError> {
    let at = time::now().utc;
    let known = web.known_of(id, &principal, at).await?;
    let judged = known.judged(id, &principal, at);
    let last = match known.begun.last {
        Some((contact, at)) => {
            let row = web.store().contact(contact).await?;
            let state = state_of(row.as_ref(), time::now().utc.since(at));
            Some(LastCallView { call: contact.to_string(), at: at.into(), state })
        }
        None => None,
    };
    let most = known.policy.as_ref().map_or(0, |policy| policy.attempts_per_day);
    Ok(Answer(MaskedCallView {
        may_call: judged.is_ok(),
        why_not: judged.err(),
        left_today: most.saturating_sub(known.begun.count),
        own_phone_ends: known.phone.map(|phone| ending(&phone)),
        last,
    }))
}

/// Rings the executor's own telephone, then the applicant's.
#[utoipa::path(post, path = "/api/v1/work-orders/{id}/call", tag = "work orders", params(("id" = String, Path)),
    responses((status = 202, body = BegunView), (status = 403), (status = 404),
        (status = 409, description = "why there is no call now"), (status = 503)))]
pub(super) async fn call(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<WorkOrderId>,
) -> Result<(StatusCode, Answer<BegunView>), ApiError> {
    let at = time::now().utc;
    let known = web.known_of(id, &principal, at).await?;
    let (applicant, executor) =
        known.judged(id, &principal, at).map_err(|why| ApiError::Conflict(why.to_string()))?;
    let wanted = MaskedCall {
        id: ContactId(web.with_mint(|mint| mint.uuid(at))),
        by: principal.user.id,
        organisation: principal.user.organisation.clone().unwrap_or_default(),
        case: known.case.number.clone(),
        order: id,
        applicant,
        executor,
        language: known.case.language,
        staff_language: web.city().language(),
        after: None,
    };
    let call = wanted.id.to_string();
    web.command(Command::CallApplicant(Box::new(wanted.clone()))).await?;
    web.store().note_masked_call(&wanted, at).await?;
    Ok((StatusCode::ACCEPTED, Answer(BegunView { call })))
}

impl Web {
    async fn known_of(
        &self,
        id: WorkOrderId,
        principal: &Principal,
        at: Timestamp,
    ) -> Result<Known, ApiError> {
        let order = self.store().work_order(id).await?.ok_or(ApiError::NotFound("work order"))?;
        let case = self.case_to_read(&order.case.0, principal, PATH).await?;
        let policy = (self.given.masked)();
        let today = policy.as_ref().map_or(at, |policy| policy.hours.start_of(policy.hours.date_of(at)));
        let begun = self.store().begun_calls(id, today).await?;
        let phone = self.store().field_phone(principal.user.id).await?.and_then(|known| known.phone);
        Ok(Known { policy, case, phone, begun })
    }
}

fn state_of(contact: Option<&Contact>, age: Duration) -> &'static str {
    match contact {
        // Asked for on the telephone, and then no line was free.
        None if age > NEVER_BEGUN => "not_reached",
        Some(contact) if contact.ended_at.is_some() && contact.connected_at.is_some() => "reached",
        Some(contact) if contact.ended_at.is_some() => "not_reached",
        Some(contact) if contact.connected_at.is_some() => "talking",
        _ => "ringing",
    }
}

fn ending(phone: &PhoneNumber) -> String {
    let digits: Vec<char> = phone.as_str().chars().collect();
    digits[digits.len().saturating_sub(2)..].iter().collect()
}
