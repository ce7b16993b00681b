//! What an applicant may set in motion, in one place: which transition of the case it is, and until when.
//! The rules are those of `crate::case`; here they only get their names.

use crate::case::Case;
use crate::case::city::CityPlan;
use crate::case::transition::{InvalidTransition, Transition};
use crate::ids::WorkOrderId;
use crate::people::Actor;
use crate::time::Timestamp;

/// Until when the applicant may reopen it; none when it is not to be reopened.
pub(super) fn reopen_deadline(_case: &Case, _plan: &CityPlan, _at: Timestamp) -> Option<Timestamp> {
    None
}

/// "It is broken again": back to work with a new order, one level up.
pub(super) fn reopen(
    case: Case,
    _plan: &CityPlan,
    _order: WorkOrderId,
    _reason: &str,
    _by: &Actor,
    _at: Timestamp,
) -> Transition {
    Err(InvalidTransition::WrongState { state: case.state.name(), wanted: "reopened" })
}

pub(super) fn may_withdraw(_case: &Case, _at: Timestamp) -> bool {
    false
}

/// The applicant takes the case back.
pub(super) fn withdraw(case: Case, _reason: &str, _by: &Actor, _at: Timestamp) -> Transition {
    Err(InvalidTransition::WrongState { state: case.state.name(), wanted: "withdrawn" })
}
