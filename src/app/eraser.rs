//! Carries out what is to be destroyed: erasures that two people agreed on, and what the city plan keeps no longer. It looks
//! for them page by page and decides a few beside calls; what is decided is done at once, also after a crash, and then taken
//! out of what the database leaves behind. Whether something may be destroyed is decided in `store/erasures.rs`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Stop, pace};
use crate::case::city::CityPlan;
use crate::files::recording_erase;
use crate::ids::{ErasureId, Mint};
use crate::store::{DueWalk, Erasure, ErasureState, Store, StoreError, Subject};
use crate::time::{self, Timestamp};

/// Erasures carried out, or decided by a rule, in one look. The store is written by calls, too.
const AT_ONCE: u32 = 50;
/// After one that failed (a file that cannot be written, a disk that is gone) nothing more is tried for so long.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);
/// When nothing was due in a whole walk, the next one begins so much later: terms are days.
const PAUSE_AFTER_WALK: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Eraser {
    store: Store,
    folders: Folders,
    city: watch::Receiver<Arc<CityPlan>>,
    stopping: watch::Receiver<Stop>,
    round: Round,
}

/// Where files lie that an erasure destroys.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    pub recordings: PathBuf,
    /// Of cases that were handed over.
    pub packages: PathBuf,
}

/// How far the looks have come.
#[derive(Debug)]
struct Round {
    mint: Mint,
    walk: DueWalk,
    /// The next walk begins no earlier.
    rests_until: Option<Timestamp>,
    /// What was destroyed is still in the log or the index of words.
    is_unscrubbed: bool,
}

impl Round {
    fn new() -> Self {
        // What an earlier run destroyed may not have been taken out of the log.
        Self {
            mint: Mint::new(rand::random()),
            walk: DueWalk::Beginning,
            rests_until: None,
            is_unscrubbed: true,
        }
    }
}

impl Eraser {
    pub(super) fn new(
        store: Store,
        folders: Folders,
        city: watch::Receiver<Arc<CityPlan>>,
        stopping: watch::Receiver<Stop>,
    ) -> Self {
        Self { store, folders, city, stopping, round: Round::new() }
    }

    /// The first look at once, so that what a crash left undone is done; until the service stops.
    pub(super) async fn run(mut self) {
        loop {
            let began = time::now().mono;
            let city = self.city.borrow_and_update().clone();
            let looked = look(&self.store, &self.folders, &city, &mut self.round, time::now().utc).await;
            let pause = match looked {
                Ok(()) => pace::pause_after(began),
                Err(error) => {
                    tracing::error!(%error, "what is to be erased was not erased; trying again");
                    PAUSE_AFTER_FAILURE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.stopping.wait_for(|stop| *stop > Stop::Running) => return,
            }
        }
    }
}

/// Finishes what is decided, decides what is due.
async fn look(
    store: &Store,
    folders: &Folders,
    city: &CityPlan,
    round: &mut Round,
    at: Timestamp,
) -> anyhow::Result<()> {
    carry_out(store, folders, city, round, at).await?;
    if round.rests_until.is_none_or(|until| until <= at) {
        decide(store, city, round, at).await?;
        carry_out(store, folders, city, round, at).await?;
    }
    // It reads the whole database, so once for all that a walk finds.
    if round.is_unscrubbed && round.walk == DueWalk::Beginning && store.scrub().await? {
        round.is_unscrubbed = false;
    }
    Ok(())
}

/// One page of what is due by rules.
async fn decide(store: &Store, city: &CityPlan, round: &mut Round, at: Timestamp) -> Result<(), StoreError> {
    let walk = std::mem::take(&mut round.walk);
    let (due, next) = store.retention_due(city, walk, at, AT_ONCE as usize).await?;
    round.rests_until = next.is_none().then(|| at.plus(PAUSE_AFTER_WALK));
    round.walk = next.unwrap_or_default();
    for due in due.into_iter().filter(|due| !due.kept.is_held) {
        let (id, subject) = (ErasureId(round.mint.uuid(at)), due.kept.subject);
        match store.decide_by_rule(id, (subject.clone(), due.what), due.rule, at).await {
            Ok(_) => {}
            // Held, or moved, since the list was read: the next walk comes by again.
            Err(StoreError::Erasure(reason)) => tracing::debug!(%subject, %reason, "kept"),
            Err(StoreError::Transition(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Files first: rows that say "erased" while the sound is there would be a lie, the other way round it is a moment.
async fn carry_out(
    store: &Store,
    folders: &Folders,
    city: &CityPlan,
    round: &mut Round,
    at: Timestamp,
) -> anyhow::Result<()> {
    for erasure in store.erasures_in(ErasureState::Decided, AT_ONCE).await? {
        let (sounds, packages) = (store.files_to_erase(erasure.id).await?, packages(store, &erasure).await?);
        let folders = folders.clone();
        let erased = tokio::task::spawn_blocking(move || {
            sounds.iter().try_for_each(|path| recording_erase::erase(&folders.recordings, path))?;
            packages.iter().try_for_each(|path| recording_erase::erase(&folders.packages, path))
        });
        erased.await??;
        round.is_unscrubbed = true;
        let is_public = is_public(store, city, &erasure).await?;
        store.finish_erasure(erasure.id, is_public, at).await?;
        tracing::info!(erasure.id = %erasure.id, subject = %erasure.subject, "erased");
    }
    Ok(())
}

/// Files of the case as it was handed over; whole or half made, they hold everything of it.
async fn packages(store: &Store, erasure: &Erasure) -> Result<Vec<String>, StoreError> {
    let Subject::Case(number) = &erasure.subject else { return Ok(Vec::new()) };
    let ids = store.disclosures_of(number).await?;
    Ok(ids.iter().flat_map(|id| [format!("{id}.zip"), format!("{id}.part")]).collect())
}

/// Whether the city shows the places of such matters to everybody.
async fn is_public(store: &Store, city: &CityPlan, erasure: &Erasure) -> Result<bool, StoreError> {
    let Subject::Case(number) = &erasure.subject else { return Ok(false) };
    let case = store.case(number).await?;
    Ok(case.is_some_and(|case| city.privacy_class(&case.category).is_none()))
}

#[cfg(test)]
mod tests;
