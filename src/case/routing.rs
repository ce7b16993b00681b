//! Category x territory x balance holder x time -> the lead, those who work with it, why, and the norm's deadline. The
//! city plan says who (`city/areas`) and how long (`city`); here its answers become an assignment.

use serde::{Deserialize, Serialize};

use crate::ids::WorkOrderId;
use crate::time::Timestamp;

use super::city::{Category, CityPlan, Matter, Organisation, Territory};
use super::{Case, Clock, Deadline};

/// What routing decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assignment {
    pub order: WorkOrderId,
    /// Organisation id.
    pub executor: String,
    pub executor_name: String,
    /// Organisation ids of those who work with the lead; each reports its part.
    pub co_executors: Vec<String>,
    /// The rule that decided; none when a person chose.
    pub because: Option<Because>,
    pub deadline: Deadline,
    /// What the executor is asked to do, in words.
    pub task: String,
}

/// Why this executor: the parts of the rule that was the most specific. Ids of the city plan only, for the journal.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Because {
    /// As the rule names it: the category, a parent of it, or `*`.
    pub category: String,
    /// Where the rule names territories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub territory: Option<String>,
    /// Where the rule names balance holders: organisation id of who keeps the house.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Name of the rule's calendar, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
}

impl Because {
    /// In the names of the plan, parts joined by `x`: `heating x Північний район x КП «Тепломережа» x crews`.
    pub fn in_words(&self, plan: &CityPlan) -> String {
        let category = match plan.category(&self.category) {
            Some(category) => category.name_in(plan.language()).to_owned(),
            None => self.category.clone(),
        };
        let territory = self.territory.as_ref();
        let territory = territory.map(|id| plan.territory(id).map_or(id, |known| &known.name).clone());
        let holder = self.holder.as_ref();
        let holder = holder.map(|id| plan.organisation(id).map_or(id, |known| &known.name).clone());
        let parts = [Some(category), territory, holder, self.hours.clone()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" x ")
    }
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
    let (category, territory) = known(plan, case)?;
    let matter = matter(case, category, territory);
    let decided =
        plan.responsible(matter, at).and_then(|area| Some((area, plan.organisation(&area.executor)?)));
    let (area, executor) = decided.ok_or_else(|| RoutingError::NobodyResponsible {
        category: category.id.clone(),
        territory: territory.map_or("no territory", |territory| &territory.id).to_owned(),
    })?;
    let chosen = assignment(plan, case, executor, order, at)?;
    let because = Some(area.because(matter));
    Ok(Assignment { co_executors: area.co_executors.clone(), because, ..chosen })
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
    let (category, territory) = known(plan, &again)?;
    let same = again.last_order.as_ref().filter(|last| {
        last.by_hand || plan.may_be_given(&last.executor, matter(&again, category, territory))
    });
    let chosen = route(plan, &again, order, at);
    match same.filter(|last| plan.organisation(&last.executor).is_some()) {
        // Whom the rules name now as well is given it by the rules, with who works with them.
        Some(last) if chosen.as_ref().is_ok_and(|chosen| chosen.executor == last.executor) => chosen,
        Some(last) => route_to(plan, &again, &last.executor, order, at),
        None => chosen,
    }
}

fn known<'p>(plan: &'p CityPlan, case: &Case) -> Result<(&'p Category, Option<&'p Territory>), RoutingError> {
    let category =
        plan.category(&case.category).ok_or_else(|| RoutingError::UnknownCategory(case.category.clone()))?;
    let territory = match case.place.as_ref().and_then(|place| place.territory.as_deref()) {
        Some(id) => Some(plan.territory(id).ok_or_else(|| RoutingError::UnknownTerritory(id.to_owned()))?),
        None => None,
    };
    Ok((category, territory))
}

fn matter<'m>(case: &'m Case, category: &'m Category, territory: Option<&'m Territory>) -> Matter<'m> {
    let site = case.place.as_ref().and_then(|place| place.site.as_ref());
    Matter {
        category: &category.id,
        territory: territory.map(|territory| territory.id.as_str()),
        holder: site.and_then(|site| site.holder.as_deref()),
    }
}

fn assignment(
    plan: &CityPlan,
    case: &Case,
    executor: &Organisation,
    order: WorkOrderId,
    at: Timestamp,
) -> Result<Assignment, RoutingError> {
    let (category, territory) = known(plan, case)?;
    let deadline = plan
        .promise(case, Clock::Executor, Some(at))
        .ok_or_else(|| RoutingError::NoNorm(category.id.clone()))?;
    let name = category.name_in(plan.language());
    Ok(Assignment {
        order,
        executor: executor.id.clone(),
        executor_name: executor.name.clone(),
        co_executors: Vec::new(),
        because: None,
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
