//! What an applicant may set in motion, in one place: which transition of the case it is, and until when.
//! The rules are those of `crate::case`; here they only get their names.

use crate::case::city::CityPlan;
use crate::case::transition::{InvalidTransition, Transition};
use crate::case::{Case, CaseNumber, CaseState, ReopenCause, TellingChannel, Told, routing};
use crate::ids::WorkOrderId;
use crate::people::Actor;
use crate::time::Timestamp;

/// Until when the applicant may reopen it; none when it is not to be reopened.
pub(super) fn reopen_deadline(case: &Case, plan: &CityPlan, by: &Actor, at: Timestamp) -> Option<Timestamp> {
    let closed_at = may_reopen(case, plan, by, at).ok()?;
    Some(plan.reopen_rule().window_deadline(closed_at))
}

/// When it was closed. Only work that was reported done comes back by a click; what the city refused, passed on or never
/// began is a person's to decide again.
fn may_reopen(
    case: &Case,
    plan: &CityPlan,
    by: &Actor,
    at: Timestamp,
) -> Result<Timestamp, InvalidTransition> {
    let (code, closed_at) = case.check_reopening(plan.reopen_rule(), ReopenCause::Applicant, by, at)?;
    if !code.is_fixed() {
        return Err(InvalidTransition::Invariant(
            "no work was reported done on it: ring the city, or file it anew",
        ));
    }
    Ok(closed_at)
}

/// "It is broken again": back to work with a new order, one level up.
pub(super) fn reopen(
    case: Case,
    plan: &CityPlan,
    order: WorkOrderId,
    reason: &str,
    by: &Actor,
    at: Timestamp,
) -> Transition {
    may_reopen(&case, plan, by, at)?;
    let nobody = InvalidTransition::Invariant("nobody is in charge of this any more: ring the city");
    let assignment = routing::reroute(plan, &case, order, at).map_err(|_| nobody)?;
    case.reopen(assignment, plan.reopen_rule(), ReopenCause::Applicant, reason, by, at)
}

/// Whether the city waits for this applicant's word: of the case's own, or of who came with the merged case `whom`.
pub(super) fn may_answer(case: &Case, whom: Option<&CaseNumber>) -> bool {
    matches!(case.state, CaseState::Verification { .. })
        && case.recipients().any(|(known, _)| known == whom)
        && case.answer_of(whom).is_none()
}

/// "It is fixed", or "it is not": told and answered in one, as in the call that asks.
pub(super) fn answer(
    case: Case,
    whom: Option<&CaseNumber>,
    fixed: bool,
    by: &Actor,
    at: Timestamp,
) -> Transition {
    if !may_answer(&case, whom) {
        return Err(InvalidTransition::Invariant("nobody asks now whether it is fixed"));
    }
    let recipient = case.recipients().find(|(known, _)| *known == whom);
    let told = Told {
        at,
        language: recipient.map_or(case.language, |(_, language)| language),
        channel: TellingChannel::Page,
        delivered: true,
        confirmed: Some(fixed),
        cycle: case.cycle,
        whom: whom.cloned(),
        contact: None,
        notification: None,
    };
    let (case, mut events) = case.tell(told, by, at)?;
    if let Some(attempted) = events.first_mut() {
        attempted.data["outcome"] = serde_json::json!(if fixed { "confirmed" } else { "refuted" });
    }
    Ok((case, events))
}

pub(super) fn may_withdraw(case: &Case) -> bool {
    case.state.is_open() && case.joined.is_empty()
}

/// The applicant takes the case back.
pub(super) fn withdraw(case: Case, reason: &str, by: &Actor, at: Timestamp) -> Transition {
    case.withdraw(reason, None, by, at)
}
