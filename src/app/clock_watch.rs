//! The watch over the clocks of cases: asks the store whose moment has come and lets the case take its steps. It keeps no
//! list of its own, so a restart forgets nothing; what was done is marked on the case, so a clock that steps back repeats
//! nothing. What is due, and what follows, is decided in `case/watch.rs`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tokio::sync::watch;

use super::vital::Vital;
use crate::case::CaseNumber;
use crate::case::city::CityPlan;
use crate::people::Actor;
use crate::store::{Store, StoreError};
use crate::time::Timestamp;

/// Pause between two looks. Deadlines are minutes at the shortest, and a look with nothing due is one step in an index.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Cases asked for at once. After a long stop there may be many: list after list, beside all other work.
const AT_ONCE: u32 = 200;
/// Of those, steps on their way to the writer at the same time. They share a transaction with the records of new calls,
/// which are not to wait for more than a few of them: at a hundred new calls a second 200 took 84 ms.
const BESIDE_CALLS: usize = 8;

/// What it needs: the store, and the city plan in force.
#[derive(Debug)]
pub(super) struct ClockWatch {
    pub store: Store,
    pub city: watch::Receiver<Arc<CityPlan>>,
    /// Held, not read: it tells when this task has ended.
    pub _vital: Vital,
}

impl ClockWatch {
    /// Runs until nobody has a city plan for it any more, or the store is closed.
    pub(super) async fn run(mut self) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => {}
                changed = self.city.changed() => if changed.is_err() { return },
            }
            let city = self.city.borrow_and_update().clone();
            match sweep(&self.store, &city, crate::time::now().utc).await {
                Err(StoreError::Closed) => return,
                Err(error) => tracing::error!(%error, "clocks were not looked at; trying again"),
                Ok(0) => {}
                Ok(moved) => tracing::debug!(moved, "clocks of cases moved on"),
            }
        }
    }
}

/// Every case that is due at `at` takes its steps; how many did. A case that cannot be changed is told of and left for the
/// next look; it does not keep the others waiting.
async fn sweep(store: &Store, city: &Arc<CityPlan>, at: Timestamp) -> Result<usize, StoreError> {
    let (mut last, mut moved): (Option<(Timestamp, CaseNumber)>, usize) = (None, 0);
    loop {
        let due = store.cases_due(at, last.as_ref(), AT_ONCE).await?;
        let is_all = due.len() < AT_ONCE as usize;
        last = due.last().cloned();
        let steps = due.into_iter().map(|(_, number)| take_steps(store, city.clone(), number, at));
        // Some together, so that the writer commits them with one flush of the disk.
        let mut steps = stream::iter(steps).buffer_unordered(BESIDE_CALLS);
        while let Some(step) = steps.next().await {
            match step {
                Ok(()) => moved += 1,
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(_) => {}
            }
        }
        if is_all {
            return Ok(moved);
        }
    }
}

async fn take_steps(
    store: &Store,
    city: Arc<CityPlan>,
    number: CaseNumber,
    at: Timestamp,
) -> Result<(), StoreError> {
    let actor = Actor::system("clock watch");
    let change = store.change_case(&number, &actor, at, move |case, _| Ok(case.watch(&city, at)));
    change.await.map(|_| ()).inspect_err(|error| {
        tracing::error!(case.id = %number, %error, "the clock of a case was not moved on");
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::case::{Applicant, Case, CaseDraft, IdentityLevel, Priority};
    use crate::language::Language;

    fn plan() -> Arc<CityPlan> {
        Arc::new(CityPlan::parse("city.toml", include_str!("../../city.toml")).unwrap())
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from_utc(chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc())
    }

    async fn register(store: &Store, registered_at: Timestamp) -> Case {
        let draft = CaseDraft {
            contact: None,
            category: "roads".to_owned(),
            language: Language::Uk,
            priority: Priority::Normal,
            applicant: Applicant { identity: IdentityLevel::Anonymous, number: None, name: None },
            place: None,
            description: String::new(),
            ivr_path: Vec::new(),
        };
        store.register_case(draft, registered_at, Actor::system("test"), None).await.unwrap()
    }

    async fn journalled(store: &Store, number: &CaseNumber, event: &str) -> usize {
        let entries = store.case_timeline(number).await.unwrap();
        entries.iter().filter(|entry| entry.event == event).count()
    }

    #[tokio::test]
    async fn each_thing_is_journalled_once_across_restarts_and_clock_steps() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("clocks.db").display());
        let plan = plan();
        let number = {
            let store = Store::open(&url, "01").await.unwrap();
            let number = register(&store, at("2026-09-01T10:00:00+03:00")).await.number;
            assert_eq!(sweep(&store, &plan, at("2026-09-01T10:00:01+03:00")).await.unwrap(), 1);
            assert_eq!(journalled(&store, &number, "norm.applied").await, 1, "the citizen's promise");
            store.close().await;
            number
        };
        // After a month, which a holiday and its weekend make longer; again after the clock was set back, and once more in another run.
        for moment in ["2026-10-05T10:00:00+03:00", "2026-09-15T10:00:00+03:00", "2026-10-05T10:00:01+03:00"]
        {
            let store = Store::open(&url, "01").await.unwrap();
            for _ in 0..2 {
                sweep(&store, &plan, at(moment)).await.unwrap();
            }
            assert_eq!(journalled(&store, &number, "norm.warned").await, 2, "{moment}");
            assert_eq!(journalled(&store, &number, "norm.breached").await, 1, "{moment}");
            assert_eq!(journalled(&store, &number, "esc.raised").await, 1, "{moment}");
            store.close().await;
        }
    }

    #[tokio::test]
    async fn more_cases_than_are_read_at_once_all_get_their_turn() {
        let store = Store::open("sqlite::memory:", "01").await.unwrap();
        let registered_at = at("2026-09-01T10:00:00+03:00");
        for _ in 0..=AT_ONCE {
            register(&store, registered_at).await;
        }
        let moved = sweep(&store, &plan(), registered_at).await.unwrap();
        assert_eq!(moved, AT_ONCE as usize + 1);
        assert_eq!(sweep(&store, &plan(), registered_at).await.unwrap(), 0, "nothing is left to do");
    }
}
