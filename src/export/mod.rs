//! Makes the bundle of a case (what it consists of is `crate::bundle`): collects the story and the proofs from the store and the
//! tiles (`gather`), writes files one after the other into a folder or a ZIP (`sink`, `write`), the page with its player
//! (`page`, `peaks`), and reads bundles to verify them (`source`).

mod gather;
#[cfg(test)]
mod mutations;
mod page;
mod peaks;
mod sink;
mod source;
mod write;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::bundle::story::Story;
use crate::case::CaseNumber;
use crate::case::city::CityPlan;
use crate::digest::Sha256;
use crate::files::TileFolder;
use crate::journal::{Note, SignerKey};
use crate::store::{Store, StoreError};
use crate::time;

pub use sink::Form;
pub use source::Source;

/// Pause between two looks for a checkpoint that covers the case.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What bundles of this city are made of and from.
#[derive(Clone, Debug)]
pub struct Maker {
    pub store: Store,
    pub tiles: TileFolder,
    pub recordings: PathBuf,
    pub key: Arc<SignerKey>,
    pub plan: Arc<CityPlan>,
    pub short_number: String,
}

/// How far one has come; shared with whoever shows it. Setting `is_stopped` ends the work at its next block.
#[derive(Debug, Default)]
pub struct Progress {
    /// Octets of sound and pictures written, and all of them.
    pub done: AtomicU64,
    pub all: AtomicU64,
    pub is_stopped: AtomicBool,
}

impl Progress {
    /// In hundredths; 100 only when everything is written.
    pub fn percent(&self) -> u8 {
        let (done, all) = (self.done.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed));
        u8::try_from(done.saturating_mul(100).checked_div(all).unwrap_or(0).min(100)).unwrap_or(100)
    }
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Made {
    /// Of the ZIP file; of a folder that of its `SHA256SUMS`.
    pub sha256: Sha256,
    /// Octets.
    pub length: u64,
    pub entries: usize,
    pub recordings: usize,
    /// Sealed once and not to be found now: verifying the bundle says so.
    pub missing: Vec<String>,
    /// Newer than the checkpoint, and therefore left out.
    pub unsigned_entries: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("there is no case {0}")]
    NoCase(CaseNumber),
    #[error(
        "there is no signed checkpoint of the journal yet that covers this case: a bundle would prove nothing"
    )]
    NoCheckpoint,
    #[error("entry {0} does not stand in the signed tree, or its tiles are missing: run `ringback verify`")]
    NotProven(u64),
    #[error("it was stopped")]
    Stopped,
    #[error("the journal's name cannot stand in a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{what}: {source}")]
    File { what: String, source: std::io::Error },
}

impl ExportError {
    fn file(what: impl ToString) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.to_string();
        move |source| Self::File { what, source }
    }
}

impl Maker {
    /// Writes the bundle of case `number` to `place`, which must not exist yet. Waits up to `patience` for a checkpoint by this
    /// key that covers every entry of the case as it is now; what is newer than the newest one is left out, and counted.
    ///
    /// # Errors
    /// What stands at [`ExportError`]; `place` may then hold a part, which the caller removes.
    pub async fn make(
        &self,
        number: &CaseNumber,
        (place, form): (PathBuf, Form),
        patience: Duration,
        progress: Arc<Progress>,
    ) -> Result<Made, ExportError> {
        let newest = self.store.case_timeline(number).await?.iter().map(|entry| entry.seq).max();
        let note = self.checkpoint(newest.unwrap_or(0), patience, &progress).await?;
        let story = self.gather(number, &note, time::now().utc).await?;
        let (maker, handle) = (self.clone(), tokio::runtime::Handle::current());
        let written = tokio::task::spawn_blocking(move || {
            maker.write(&story, &note, (place, form), &progress, &|photo| {
                handle.block_on(maker.photo(photo)).map_err(ExportError::from)
            })
        });
        written.await.unwrap_or(Err(ExportError::Stopped))
    }

    /// The newest checkpoint by our key, once it covers entry `seq`, or whichever there is when patience ends.
    async fn checkpoint(
        &self,
        seq: u64,
        patience: Duration,
        progress: &Progress,
    ) -> Result<Note, ExportError> {
        let (begun, keys): (Instant, _) = (time::now().mono, [self.key.verifier().clone()]);
        loop {
            let newest = self.store.newest_checkpoint().await?.map(|kept| kept.note);
            let newest = newest.filter(|note| note.verify(&keys).is_ok());
            let is_over = begun.elapsed() >= patience;
            match newest {
                Some(note) if is_over || note.checkpoint.size >= seq => return Ok(note),
                None if is_over => return Err(ExportError::NoCheckpoint),
                _ if progress.is_stopped.load(Ordering::Relaxed) => return Err(ExportError::Stopped),
                _ => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }
}

/// Names of the plan that a reader wants instead of its ids.
fn names(plan: &CityPlan, story: &Story) -> serde_json::Value {
    let category = plan.category(&story.case.category).map(|category| category.name_in(story.language));
    let organisations = plan.organisations().iter().map(|it| (it.id.as_str(), it.name.as_str()));
    serde_json::json!({
        "city": plan.name(),
        "category": category,
        "organisations": organisations.collect::<std::collections::BTreeMap<_, _>>(),
    })
}
