//! What an applicant may set in motion, in one place: which transition of the case it is, and until when.
//! The rules are those of `crate::case`; here they only get their names.

use crate::case::city::CityPlan;
use crate::case::transition::{InvalidTransition, Transition};
use crate::case::{Case, ReopenCause, routing};
use crate::ids::WorkOrderId;
use crate::people::Actor;
use crate::time::Timestamp;

/// Until when the applicant may reopen it; none when it is not to be reopened.
pub(super) fn reopen_deadline(case: &Case, plan: &CityPlan, by: &Actor, at: Timestamp) -> Option<Timestamp> {
    let rule = plan.reopen_rule();
    let (_, closed_at) = case.check_reopening(rule, ReopenCause::Applicant, by, at).ok()?;
    Some(rule.window_deadline(closed_at))
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
    let rule = plan.reopen_rule();
    case.check_reopening(rule, ReopenCause::Applicant, by, at)?;
    let nobody = InvalidTransition::Invariant("nobody is in charge of this any more: ring the city");
    let assignment = routing::reroute(plan, &case, order, at).map_err(|_| nobody)?;
    case.reopen(assignment, rule, ReopenCause::Applicant, reason, by, at)
}

pub(super) fn may_withdraw(case: &Case) -> bool {
    case.state.is_open() && case.joined.is_empty()
}

/// The applicant takes the case back.
pub(super) fn withdraw(case: Case, reason: &str, by: &Actor, at: Timestamp) -> Transition {
    case.withdraw(reason, None, by, at)
}
