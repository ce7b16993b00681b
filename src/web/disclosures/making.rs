//! Packages on their way and on the disk: made in the background, one at a time and within a deadline, kept in a folder of bounded
//! size until their time is over. A package that was broken off by a restart is made again by whoever asks for it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::bundle::disclosure::{Disclosure, Package};
use crate::export::{ExportError, Form, Made, Maker, Progress};
use crate::ids::DisclosureId;
use crate::journal::SignerKey;
use crate::people::Actor;
use crate::store::DisclosureStep;
use crate::time;

use super::super::error::ApiError;
use super::super::{Shared, Web};

/// Made at once: one keeps the disk busy.
const AT_ONCE: usize = 1;
/// Waiting for their turn and being made.
const MAX_WAITING: usize = 16;
/// Packages on the disk; a city hands over some a week, and each is gone after some days.
const MAX_KEPT: usize = 64;
/// For hours of sound from a slow disk, its turn not counted.
const DEADLINE: Duration = Duration::from_secs(30 * 60);
/// Pause between two looks for packages whose time is over.
const SWEEP_EVERY: Duration = Duration::from_secs(10 * 60);
const ACTOR: &str = "disclosure";

/// What the making needs of the configuration.
#[derive(Clone, Debug)]
pub struct DisclosureTerms {
    /// None where the journal is not signed: nothing could be proven then.
    pub key: Option<Arc<SignerKey>>,
    pub dir: PathBuf,
    pub keep: Duration,
    /// For a checkpoint that covers the case.
    pub patience: Duration,
}

/// Who is being made, and the turn.
#[derive(Debug)]
pub(in crate::web) struct Making {
    terms: DisclosureTerms,
    running: Mutex<BTreeMap<DisclosureId, Arc<Progress>>>,
    turns: Semaphore,
}

impl Making {
    pub(in crate::web) fn new(terms: DisclosureTerms) -> Self {
        Self { terms, running: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }

    /// Where the package is, if it is made.
    pub(super) fn file(&self, id: DisclosureId) -> PathBuf {
        self.terms.dir.join(format!("{id}.zip"))
    }

    pub(super) fn percent(&self, id: DisclosureId) -> Option<u8> {
        self.with_running(|running| running.get(&id).map(|progress| progress.percent()))
    }

    fn with_running<T>(&self, with: impl FnOnce(&mut BTreeMap<DisclosureId, Arc<Progress>>) -> T) -> T {
        with(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins in the background. The disclosure is approved.
    pub(super) fn begin(web: &Shared, disclosure: &Disclosure) -> Result<(), ApiError> {
        let making = &web.disclosing;
        let Some(key) = making.terms.key.clone() else {
            return Err(ApiError::Unavailable("the journal is not signed: a package would prove nothing"));
        };
        making.sweep();
        if making.kept().len() >= MAX_KEPT {
            return Err(ApiError::conflict(
                "packages_full",
                "too many packages are kept; wait for their end",
            ));
        }
        let progress = Arc::new(Progress::default());
        making.with_running(|running| {
            if running.contains_key(&disclosure.id) {
                return Err(ApiError::conflict("being_made", "the package is being made"));
            }
            if running.len() >= MAX_WAITING {
                return Err(ApiError::conflict("packages_full", "too many packages wait to be made"));
            }
            running.insert(disclosure.id, progress.clone());
            Ok(())
        })?;
        let maker = Maker {
            store: web.store().clone(),
            tiles: web.given.tiles.clone(),
            recordings: web.given.recording_dir.clone(),
            key,
            plan: web.city(),
            short_number: web.given.short_number.clone(),
        };
        let (web, disclosure) = (web.clone(), disclosure.clone());
        tokio::spawn(async move {
            web.make_package(&maker, &disclosure, progress).await;
            web.disclosing.with_running(|running| running.remove(&disclosure.id));
        });
        Ok(())
    }

    /// Files of the folder with the moment of their last change.
    fn kept(&self) -> Vec<(PathBuf, std::time::SystemTime)> {
        let Ok(entries) = std::fs::read_dir(&self.terms.dir) else { return Vec::new() };
        let files = entries.flatten().filter(|entry| {
            entry.path().extension().is_some_and(|ending| ending == "zip" || ending == "part")
        });
        files.filter_map(|file| Some((file.path(), file.metadata().ok()?.modified().ok()?))).collect()
    }

    /// Removes what was kept long enough, and parts that nobody is writing.
    fn sweep(&self) {
        let is_idle = self.with_running(|running| running.is_empty());
        for (path, changed) in self.kept() {
            let is_over = changed.elapsed().is_ok_and(|age| age >= self.terms.keep);
            let is_part = path.extension().is_some_and(|ending| ending == "part");
            if (is_over || is_part && is_idle)
                && let Err(error) = std::fs::remove_file(&path)
            {
                tracing::warn!(path = %path.display(), %error, "a package cannot be removed");
            }
        }
    }

    /// Removes packages in time for as long as the service runs.
    pub(in crate::web) async fn keep_clean(web: Weak<Web>) {
        let mut looks = tokio::time::interval(SWEEP_EVERY);
        loop {
            looks.tick().await;
            let Some(web) = web.upgrade() else { return };
            let swept = tokio::task::spawn_blocking(move || web.disclosing.sweep()).await;
            if swept.is_err() {
                tracing::error!("the sweep of the packages died");
            }
        }
    }
}

impl Web {
    async fn make_package(&self, maker: &Maker, disclosure: &Disclosure, progress: Arc<Progress>) {
        let Ok(_turn) = self.disclosing.turns.acquire().await else { return };
        let terms = &self.disclosing.terms;
        let (part, whole) =
            (terms.dir.join(format!("{}.part", disclosure.id)), self.disclosing.file(disclosure.id));
        let work = async {
            std::fs::create_dir_all(&terms.dir).map_err(|source| file_error(&terms.dir, source))?;
            let made = maker
                .make(&disclosure.case, (part.clone(), Form::Zip), terms.patience, progress.clone())
                .await?;
            std::fs::rename(&part, &whole).map_err(|source| file_error(&whole, source))?;
            Ok::<Made, ExportError>(made)
        };
        let made = tokio::time::timeout(DEADLINE, work).await.unwrap_or(Err(ExportError::Stopped));
        let step = match made {
            Ok(made) => {
                let made_at = time::now().utc;
                let until_at = made_at.plus(terms.keep);
                DisclosureStep::Make(Package { made_at, sha256: made.sha256, length: made.length, until_at })
            }
            Err(error) => {
                progress.is_stopped.store(true, Ordering::Relaxed);
                tracing::error!(disclosure.id = %disclosure.id, %error, "a package could not be made");
                // It may not be there, or its writer may just be ending: the sweep takes what is left.
                let _ = std::fs::remove_file(&part);
                DisclosureStep::Fail { cause: cause(&error) }
            }
        };
        let kept =
            self.store().step_disclosure(disclosure.id, step, Actor::system(ACTOR), time::now().utc).await;
        if let Err(error) = kept {
            tracing::error!(disclosure.id = %disclosure.id, %error, "what became of a package was not kept");
        }
    }
}

fn file_error(path: &std::path::Path, source: std::io::Error) -> ExportError {
    ExportError::File { what: path.display().to_string(), source }
}

/// A word for the journal.
fn cause(error: &ExportError) -> &'static str {
    match error {
        ExportError::NoCase(_) => "no_case",
        ExportError::NoCheckpoint => "no_checkpoint",
        ExportError::NotProven(_) => "not_proven",
        ExportError::Stopped => "deadline",
        ExportError::Certificate(_) => "certificate",
        ExportError::Store(_) => "store",
        ExportError::File { .. } => "disk",
    }
}
