//! Keeps what outlives the program on the disk, every few seconds and at the end, beside the switchboard's task: a disk that
//! hangs holds up nothing. What is kept is `switchboard/standing.rs`'s.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::files::standing_file;
use crate::switchboard::{Standing, Switchboard};
use crate::time::Now;

/// How much of it a crash may cost: less than a phone takes to notice one.
const EVERY: Duration = Duration::from_secs(10);
/// Patience with the disk when the program stops.
const LAST_DEADLINE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct StandingKeeper {
    path: PathBuf,
    next_at: Instant,
    writing: Option<JoinHandle<()>>,
}

impl StandingKeeper {
    pub(super) fn new(path: PathBuf, now: Now) -> Self {
        Self { path, next_at: now.mono + EVERY, writing: None }
    }

    /// When it wants to see the switchboard next.
    pub(super) fn deadline(&self) -> Instant {
        self.next_at
    }

    /// Writes when it is time, unless the disk still has the last one to take.
    pub(super) fn look(&mut self, switchboard: &Switchboard, now: Now) {
        if self.next_at > now.mono {
            return;
        }
        self.next_at = now.mono + EVERY;
        if self.writing.as_ref().is_none_or(JoinHandle::is_finished) {
            self.writing = Some(self.write(switchboard.standing(now)));
        }
    }

    /// Writes for the last time.
    pub(super) async fn finish(mut self, standing: Standing) {
        let last = async {
            if let Some(writing) = self.writing.take() {
                // What it has to say is in the log.
                writing.await.ok();
            }
            self.write(standing).await.ok();
        };
        if tokio::time::timeout(LAST_DEADLINE, last).await.is_err() {
            tracing::warn!("where the phones are was not written in time; they must register again");
        }
    }

    fn write(&self, standing: Standing) -> JoinHandle<()> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = standing_file::write(&path, &standing) {
                tracing::warn!(path = %path.display(), %error, "where the phones are is not kept");
            }
        })
    }
}

/// Gives the switchboard what a former run has left.
pub(super) fn restore(path: &Path, switchboard: &mut Switchboard, now: Now) {
    match standing_file::read(path) {
        Ok(None) => {}
        Ok(Some(standing)) => {
            let kept_at = standing.at.rfc3339();
            let phones = switchboard.restore(standing, now);
            tracing::info!(phones, kept_at, "phones of the former run are known");
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "phones of the former run are not known: they must register again");
        }
    }
}
