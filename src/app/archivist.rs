//! Puts cases that have been closed long enough into the archive. Which those are is `[archive]` of the city plan and
//! `case/reopening.rs`; here is only the round that looks for them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::Stop;
use crate::case::city::CityPlan;
use crate::people::Actor;
use crate::store::{Store, StoreError};
use crate::time::Timestamp;

/// A case is archived on the day after its time is up: an hour sooner or later is nothing.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// Looked up at once; a round takes as many such steps as it needs.
const AT_ONCE: u32 = 200;

#[derive(Debug)]
pub(super) struct Archivist {
    pub store: Store,
    pub city: watch::Receiver<Arc<CityPlan>>,
    pub stopping: watch::Receiver<Stop>,
}

impl Archivist {
    /// The first round at once, then one an hour until the service stops.
    pub(super) async fn run(mut self) {
        let mut rounds = tokio::time::interval(EVERY);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = rounds.tick() => {}
                _ = self.stopping.wait_for(|stop| *stop > Stop::Running) => return,
            }
            match self.round(crate::time::now().utc).await {
                Ok(0) => {}
                Ok(archived) => tracing::info!(archived, "cases went into the archive"),
                Err(error) => tracing::warn!(%error, "cases could not be archived; tried again in an hour"),
            }
        }
    }

    /// How many were archived.
    async fn round(&self, now: Timestamp) -> Result<u64, StoreError> {
        let (plan, by) = (self.city.borrow().clone(), Actor::system("archivist"));
        let mut archived = 0;
        loop {
            let before = plan.archive_rule().closed_before(now);
            let due = self.store.cases_closed_before(before, AT_ONCE).await?;
            let before_this = archived;
            for number in &due {
                let (plan, actor) = (plan.clone(), by.clone());
                let change =
                    move |case: crate::case::Case, _: &[_]| case.archive(plan.archive_rule(), &actor, now);
                match self.store.change_case(number, &by, now, change).await {
                    Ok(_) => archived += 1,
                    // Somebody reopened it in this very moment.
                    Err(StoreError::Transition(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            // Without progress the same rows would come again for ever.
            if due.len() < AT_ONCE as usize || archived == before_this {
                return Ok(archived);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::case::{Applicant, CaseDraft, IdentityLevel, Priority};
    use crate::language::Language;
    use crate::people::ActorKind;

    #[tokio::test]
    async fn what_was_closed_long_enough_goes_into_the_archive_once() {
        let store = super::super::fixture::store().await;
        let plan = CityPlan::parse("city.toml", include_str!("../../city.toml")).unwrap();
        let day = |n: i64| Timestamp::from_micros(1_795_000_000_000_000 + n * 86_400_000_000);
        for closed_on in [0, 10, 300] {
            let draft = CaseDraft {
                contact: None,
                category: "water".to_owned(),
                language: Language::Uk,
                priority: Priority::Normal,
                applicant: Applicant { identity: IdentityLevel::Anonymous, number: None, name: None },
                place: None,
                description: String::new(),
                ivr_path: Vec::new(),
            };
            let applicant = Actor { kind: ActorKind::Applicant, ..Actor::system("page") };
            let case = store.register_case(draft, day(0), applicant.clone(), None).await.unwrap();
            let by = applicant.clone();
            let withdraw =
                move |case: crate::case::Case, _: &[_]| case.withdraw("solved", None, &by, day(closed_on));
            store.change_case(&case.number, &applicant, day(closed_on), withdraw).await.unwrap();
        }
        let (_plan_in, city) = watch::channel(Arc::new(plan));
        let (_stop, stopping) = watch::channel(Stop::Running);
        let archivist = Archivist { store: store.clone(), city, stopping };
        assert_eq!(archivist.round(day(360)).await.unwrap(), 0);
        assert_eq!(archivist.round(day(378)).await.unwrap(), 2);
        assert_eq!(archivist.round(day(378)).await.unwrap(), 0);
        assert_eq!(store.counts().await.unwrap().open_cases, 0);
        assert!(store.verify(&mut |_| {}, None).await.unwrap().is_good());
    }
}
