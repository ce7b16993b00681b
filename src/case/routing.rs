//! Category x territory x time -> the responsible executor and the norm's deadline. The city plan says who and how
//! long (`city`); here is the order in which its rules go before each other.

use crate::ids::WorkOrderId;
use crate::time::Timestamp;

use super::city::{Category, CityPlan, Organisation, Territory};
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
    #[error("the organisation '{0}' is not in the city plan")]
    UnknownOrganisation(String),
}

/// Chooses executor and deadline for `case` as it stands at `at`. Day 0 of the norm is the registration, or the reopening
/// of this cycle, and the version in force then counts. A promise the case already has in this cycle stays as it is, moved
/// as it was moved; another one keeps its `first` (invariant 5).
pub fn route(
    plan: &CityPlan,
    case: &Case,
    order: WorkOrderId,
    at: Timestamp,
) -> Result<Assignment, RoutingError> {
    let (category, territory) = matter(plan, case)?;
    let area = plan.responsible(&category.id, territory.map(|territory| territory.id.as_str()), at);
    let executor = area.and_then(|area| plan.organisation(&area.executor)).ok_or_else(|| {
        RoutingError::NobodyResponsible {
            category: category.id.clone(),
            territory: territory.map_or("no territory", |territory| &territory.id).to_owned(),
        }
    })?;
    assignment(plan, case, executor, order, at)
}

/// The same with the executor chosen by a person.
pub fn route_to(
    plan: &CityPlan,
    case: &Case,
    executor: &str,
    order: WorkOrderId,
    at: Timestamp,
) -> Result<Assignment, RoutingError> {
    let executor =
        plan.organisation(executor).ok_or_else(|| RoutingError::UnknownOrganisation(executor.to_owned()))?;
    assignment(plan, case, executor, order, at)
}

/// For a case that is reopened at `at`: whoever had the work has it again, as long as the plan still gives them such
/// work at any hour or a person had chosen them; else whom routing chooses. The norm counts from the reopening.
pub fn reroute(
    plan: &CityPlan,
    case: &Case,
    order: WorkOrderId,
    at: Timestamp,
) -> Result<Assignment, RoutingError> {
    let again = Case { reopened_at: Some(at), cycle: case.cycle.saturating_add(1), ..case.clone() };
    let (category, territory) = matter(plan, &again)?;
    let same = again.last_order.as_ref().filter(|last| {
        last.by_hand
            || plan.may_be_given(
                &last.executor,
                &category.id,
                territory.map(|territory| territory.id.as_str()),
            )
    });
    match same.filter(|last| plan.organisation(&last.executor).is_some()) {
        Some(last) => route_to(plan, &again, &last.executor, order, at),
        None => route(plan, &again, order, at),
    }
}

fn matter<'p>(
    plan: &'p CityPlan,
    case: &Case,
) -> Result<(&'p Category, Option<&'p Territory>), RoutingError> {
    let category =
        plan.category(&case.category).ok_or_else(|| RoutingError::UnknownCategory(case.category.clone()))?;
    let territory = match case.place.as_ref().and_then(|place| place.territory.as_deref()) {
        Some(id) => Some(plan.territory(id).ok_or_else(|| RoutingError::UnknownTerritory(id.to_owned()))?),
        None => None,
    };
    Ok((category, territory))
}

fn assignment(
    plan: &CityPlan,
    case: &Case,
    executor: &Organisation,
    order: WorkOrderId,
    at: Timestamp,
) -> Result<Assignment, RoutingError> {
    let (category, territory) = matter(plan, case)?;
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
