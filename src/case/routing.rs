//! Category x territory x time -> the responsible executor and the norm's deadline. The city plan says who and how
//! long (`city`); here is the order in which its rules go before each other.

use crate::ids::WorkOrderId;
use crate::time::Timestamp;

use super::city::CityPlan;
use super::{Case, Clock, Deadline};

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

/// Chooses executor and deadline for `case` as it stands at `at`. Day 0 of the norm is the registration, and the version
/// in force then counts. A promise the case already has stays as it is, moved as it was moved; one by another norm keeps
/// its `first` (invariant 5).
pub fn route(
    plan: &CityPlan,
    case: &Case,
    order: WorkOrderId,
    at: Timestamp,
) -> Result<Assignment, RoutingError> {
    let category =
        plan.category(&case.category).ok_or_else(|| RoutingError::UnknownCategory(case.category.clone()))?;
    let territory = match case.place.as_ref().and_then(|place| place.territory.as_deref()) {
        Some(id) => Some(plan.territory(id).ok_or_else(|| RoutingError::UnknownTerritory(id.to_owned()))?),
        None => None,
    };
    let area = plan.responsible(&category.id, territory.map(|territory| territory.id.as_str()), at);
    let executor = area.and_then(|area| plan.organisation(&area.executor)).ok_or_else(|| {
        RoutingError::NobodyResponsible {
            category: category.id.clone(),
            territory: territory.map_or("no territory", |territory| &territory.id).to_owned(),
        }
    })?;
    let deadline = plan
        .promise(case, Clock::Executor, Some(at))
        .ok_or_else(|| RoutingError::NoNorm(category.id.clone()))?;
    let name = category.name_in(plan.language());
    Ok(Assignment {
        order,
        executor: executor.id.clone(),
        executor_name: executor.name.clone(),
        deadline,
        task: territory.map_or_else(|| name.to_owned(), |territory| format!("{name} - {}", territory.name)),
    })
}

/// How closely `pattern` names `category`: none when it does not, 0 for `*`, more for each level of a dotted name.
pub(super) fn closeness(pattern: &str, category: &str) -> Option<usize> {
    if pattern == "*" {
        return Some(0);
    }
    let rest = category.strip_prefix(pattern)?;
    (rest.is_empty() || rest.starts_with('.')).then(|| pattern.split('.').count())
}
