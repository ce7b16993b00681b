//! Category x territory x time -> the responsible executor and the norm's deadline.

use crate::ids::WorkOrderId;
use crate::time::Timestamp;

use super::city::CityPlan;
use super::{Case, Deadline};

/// What routing decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assignment {
    pub order: WorkOrderId,
    /// Organisation id.
    pub executor: String,
    pub executor_name: String,
    pub deadline: Deadline,
    /// What the executor is asked to do, in words.
    pub task: String,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RoutingError {
    #[error("the category '{0}' is not in the city plan")]
    UnknownCategory(String),
    #[error("the territory '{0}' is not in the city plan")]
    UnknownTerritory(String),
    #[error(
        "no executor is responsible for '{category}' in '{territory}' at this time; a dispatcher must decide"
    )]
    NobodyResponsible { category: String, territory: String },
    #[error("no norm applies to '{0}'")]
    NoNorm(String),
}

/// Chooses executor and deadline for `case` as it stands at `at`. Day 0 of the norm is the registration.
pub fn route(
    _plan: &CityPlan,
    _case: &Case,
    _order: WorkOrderId,
    _at: Timestamp,
) -> Result<Assignment, RoutingError> {
    todo!()
}
