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
use crate::case::{Case, CaseNumber, Deadline};
use crate::ids::{IncidentNumber, Mint, WorkOrderId};
use crate::incident::{Incident, IncidentState};
use crate::people::Actor;
use crate::store::{IncidentSummary, MOST_AT_ONCE, Store, StoreError, WorkedOut};
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
                // Somebody has just said that it is over, and waits to see it happen.
                () = self.store.incident_moved() => {}
                changed = self.city.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let city = self.city.borrow_and_update().clone();
        end_incidents(&self.store, &city, &mut self.mint).await
    }
}

/// Carries out what the end of incidents asks for, as far as it can be done now.
///
/// # Errors
/// Those of the store.
pub async fn end_incidents(store: &Store, city: &CityPlan, mint: &mut Mint) -> Result<(), StoreError> {
    for summary in store.incidents_to_end().await? {
        end(store, city, summary, mint).await?;
    }
    Ok(())
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
    move_on(store, city, incident, &actor, mint).await?;
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

/// All cases that wait for the end of this incident. While some are written the next ones are worked out.
async fn move_on(
    store: &Store,
    city: &CityPlan,
    incident: &Incident,
    actor: &Actor,
    mint: &mut Mint,
) -> Result<(), StoreError> {
    let most = u32::try_from(MOST_AT_ONCE).unwrap_or(u32::MAX);
    let (mut last, mut worked_out) = (None, None);
    for _ in 0..ROUNDS {
        let waiting = store.cases_awaiting_incident(incident.number, last.as_ref(), most).await?;
        let next = async {
            match &waiting[..] {
                [] => Ok(None),
                some => work_out(store, city, incident, some, actor, mint).await.map(Some),
            }
        };
        let (next, written) = tokio::join!(next, write(store, incident.number, worked_out.take()));
        written?;
        worked_out = next?;
        if worked_out.is_none() {
            break;
        }
        last = waiting.last().cloned();
    }
    write(store, incident.number, worked_out).await
}

async fn write(
    store: &Store,
    incident: IncidentNumber,
    changes: Option<WorkedOut>,
) -> Result<(), StoreError> {
    let Some(changes) = changes else { return Ok(()) };
    let moved = store.write(changes).await?;
    tracing::info!(%incident, moved, "cases of an incident moved on");
    Ok(())
}

async fn work_out(
    store: &Store,
    city: &CityPlan,
    incident: &Incident,
    waiting: &[CaseNumber],
    actor: &Actor,
    mint: &mut Mint,
) -> Result<WorkedOut, StoreError> {
    let at = crate::time::now().utc;
    let orders: HashMap<_, _> = waiting.iter().map(|case| (case, WorkOrderId(mint.uuid(at)))).collect();
    let is_cancelled = matches!(incident.state, IncidentState::Cancelled { .. });
    let executor = &incident.matter.executor;
    let change = |case: Case| -> Transition {
        match orders.get(&case.number).filter(|_| !is_cancelled) {
            Some(order) => {
                let assignment = assignment(city, &case, executor, *order, at);
                case.restored(assignment, actor, at)
            }
            None => case.let_go("cancelled", actor, at),
        }
    };
    store.work_out(waiting, actor, at, change).await
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
