//! The end of incidents: when one is restored its cases go to verification, a few hundred in one transaction, and the calls
//! that ask do the rest; when it was declared in error they go back to the desk. When everybody was told it is closed. All
//! of it is worked out anew from the rows each time: a program that was killed goes on where it was.

use std::collections::HashMap;
use std::sync::Arc;

use rand::RngExt as _;
use tokio::sync::watch;

use super::pace::pause_after;
use super::vital::Vital;
use crate::case::city::CityPlan;
use crate::case::routing::{self, Assignment};
use crate::case::transition::Transition;
use crate::case::{Case, Deadline};
use crate::ids::{Mint, WorkOrderId};
use crate::incident::IncidentState;
use crate::people::Actor;
use crate::store::{IncidentSummary, MOST_AT_ONCE, Store, StoreError};
use crate::time::Timestamp;

/// Rounds of one incident at a stretch: calls and desks write in between.
const ROUNDS: usize = 200;
const ACTOR: &str = "incidents";
/// The norm of cases whose category has none.
const NORM: &str = "incident";

#[derive(Debug)]
pub(super) struct IncidentWatch {
    store: Store,
    city: watch::Receiver<Arc<CityPlan>>,
    mint: Mint,
    _vital: Vital,
}

impl IncidentWatch {
    pub(super) fn new(store: Store, city: watch::Receiver<Arc<CityPlan>>, vital: Vital) -> Self {
        Self { store, city, mint: Mint::new(rand::rng().random()), _vital: vital }
    }

    /// Ends with the service.
    pub(super) async fn run(mut self) {
        loop {
            let began = crate::time::now().mono;
            match self.look().await {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => tracing::warn!(%error, "the end of incidents is not carried out"),
            }
            tokio::select! {
                () = tokio::time::sleep(pause_after(began)) => {}
                changed = self.city.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let city = self.city.borrow_and_update().clone();
        for summary in self.store.incidents_to_end().await? {
            end(&self.store, &city, summary, &mut self.mint).await?;
        }
        Ok(())
    }
}

/// Moves all cases on that wait for the end of this incident, and closes it when everybody was told.
pub(crate) async fn end(
    store: &Store,
    city: &CityPlan,
    summary: IncidentSummary,
    mint: &mut Mint,
) -> Result<(), StoreError> {
    let (incident, number) = (&summary.incident, summary.incident.number);
    let mut actor = Actor::system(ACTOR);
    if let IncidentState::Restored { by, .. } = &incident.state {
        actor.on_behalf = Some(by.clone());
    }
    let most = u32::try_from(MOST_AT_ONCE).unwrap_or(u32::MAX);
    for _ in 0..ROUNDS {
        let waiting = store.cases_awaiting_incident(number, most).await?;
        if waiting.is_empty() {
            break;
        }
        let at = crate::time::now().utc;
        let orders: HashMap<_, _> =
            waiting.iter().map(|case| (case.clone(), WorkOrderId(mint.uuid(at)))).collect();
        let by = actor.clone();
        let is_cancelled = matches!(incident.state, IncidentState::Cancelled { .. });
        let executor = incident.matter.executor.clone();
        let moved = store
            .change_cases(&waiting, &actor, at, |case| -> Transition {
                let order = orders.get(&case.number).copied();
                match order.filter(|_| !is_cancelled) {
                    Some(order) => {
                        let assignment = assignment(city, &case, &executor, order, at);
                        case.restored(assignment, &by, at)
                    }
                    None => case.let_go("cancelled", &by, at),
                }
            })
            .await?;
        tracing::info!(incident = %number, moved, waiting = waiting.len(), "cases of an incident moved on");
    }
    if !matches!(incident.state, IncidentState::Restored { .. }) {
        return Ok(());
    }
    let Some(now) = store.incident(number).await? else { return Ok(()) };
    if now.is_told() {
        let (wave, by, at) = (now.wave(), actor.clone(), crate::time::now().utc);
        store.move_incident(number, &actor, at, move |incident| incident.close(wave, &by, at)).await?;
        tracing::info!(incident = %number, notices = wave.notices, confirmed = wave.confirmed, "incident closed");
    }
    Ok(())
}

/// The incident's executor has had the work; what the city promised for it stays as it was promised.
fn assignment(city: &CityPlan, case: &Case, executor: &str, order: WorkOrderId, at: Timestamp) -> Assignment {
    routing::route_to(city, case, executor, order, at).unwrap_or_else(|_| {
        let promised = Deadline { norm: NORM.to_owned(), first: at, resolve_by: at, ..Deadline::default() };
        Assignment {
            order,
            executor: executor.to_owned(),
            executor_name: executor.to_owned(),
            co_executors: Vec::new(),
            because: None,
            deadline: case.deadline.clone().unwrap_or(promised),
            task: case.category.clone(),
        }
    })
}

#[cfg(test)]
mod tests;
