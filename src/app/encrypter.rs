//! Encrypts the sound of calls that are over, and pictures from before, where the city has a key: one file at a time, on a
//! thread that comes after everything else, a part of a processor at most. What a crash or a stop left half done the next round finishes. How one file is
//! replaced is `files/encrypt.rs`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::setpriority_process;
use rustix::thread::gettid;
use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use super::Stop;
use super::metrics::Meters;
use crate::files::{EncryptError, ToEncrypt, encrypt, recording_erase};
use crate::recording::Recording;
use crate::store::{Store, StoreError, Subject};

/// Pause between two looks for calls that are over.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Pause after a file, as a multiple of what it took: a quarter of a processor and of the disk at most.
const PAUSE_FACTOR: u32 = 3;
/// Rows looked up at once; a round takes as many such steps as it needs.
const AT_ONCE: u32 = 100;
/// After everything else on the machine (nice(2)).
const NICENESS: i32 = 19;

#[derive(Debug)]
pub(super) struct Encrypter {
    pub store: Store,
    /// Of the recordings.
    pub folder: PathBuf,
    pub meters: Arc<Meters>,
    pub stopping: watch::Receiver<Stop>,
}

/// What a round did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Round {
    encrypted: u64,
    /// Somebody listens: they are for the next round.
    in_use: u64,
    failed: u64,
}

impl Encrypter {
    /// The first round at once, until the service ends.
    pub(super) async fn run(mut self) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed_before = 0;
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                _ = self.stopping.wait_for(|stop| *stop > Stop::Running) => return,
            }
            match self.pictures().await {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => tracing::warn!(%error, "pictures could not be encrypted; tried again"),
            }
            match self.round(failed_before).await {
                Ok(round) => {
                    self.meters.recordings_left_plain.set(round.failed);
                    failed_before = round.failed;
                }
                Err(StoreError::Closed) => return,
                Err(error) => tracing::warn!(%error, "recordings could not be encrypted; tried again"),
            }
        }
    }

    /// Those that came before there was a key.
    async fn pictures(&mut self) -> Result<(), StoreError> {
        loop {
            let began = crate::time::now().mono;
            let stops = *self.stopping.borrow() > Stop::Running;
            if stops || !self.store.encrypt_attachments(crate::time::now().utc).await? {
                return Ok(());
            }
            let took = crate::time::now().mono.saturating_duration_since(began);
            tokio::time::sleep(took * PAUSE_FACTOR).await;
        }
    }

    /// Goes once through all that is plain. What failed is logged when it was not so many before.
    async fn round(&mut self, failed_before: u64) -> Result<Round, StoreError> {
        let (mut round, mut after) = (Round::default(), None);
        loop {
            let plain = self.store.plain_recordings(after, AT_ONCE).await?;
            for recording in &plain {
                if *self.stopping.borrow() > Stop::Running {
                    return Ok(round);
                }
                after = Some((recording.started_at, recording.id));
                let began = crate::time::now().mono;
                match self.encrypt(recording).await? {
                    Ok(()) => round.encrypted += 1,
                    Err(EncryptError::InUse { .. }) => round.in_use += 1,
                    Err(error) => {
                        round.failed += 1;
                        if round.failed > failed_before {
                            let (id, call) = (recording.id, recording.contact);
                            tracing::error!(recording.id = %id, call.id = %call, %error, "recording stays plain");
                        }
                    }
                }
                let took = crate::time::now().mono.saturating_duration_since(began);
                tokio::time::sleep(took * PAUSE_FACTOR).await;
            }
            if plain.len() < AT_ONCE as usize {
                return Ok(round);
            }
        }
    }

    /// The outer error is the store's: then nothing else can be done either.
    async fn encrypt(&self, recording: &Recording) -> Result<Result<(), EncryptError>, StoreError> {
        let now = crate::time::now().utc;
        let key = match self.store.content_key_for(Subject::Call(recording.contact), now).await {
            Ok(key) => key,
            // Erased in this very moment.
            Err(StoreError::Erased) => return Ok(Ok(())),
            Err(error) => return Err(error),
        };
        let Some(sha256) = recording.sha256 else { return Ok(Ok(())) };
        let file = ToEncrypt {
            path: self.folder.join(&recording.path),
            id: recording.id.0,
            sample_rate: recording.sample_rate,
            sha256,
            key,
            salt: rand::random(),
        };
        if let Err(error) = beside_everything(move || encrypt(&file)).await {
            return Ok(Err(error));
        }
        if !self.store.note_encrypted(recording.id, crate::time::now().utc).await? {
            // Erased while it was being encrypted: what was written since then goes, too. Its key is gone already.
            let (root, path) = (self.folder.clone(), recording.path.clone());
            let erased = tokio::task::spawn_blocking(move || recording_erase::erase(&root, &path)).await;
            let source = match erased {
                Ok(Ok(())) => return Ok(Ok(())),
                Ok(Err(source)) => source,
                Err(died) => std::io::Error::other(died),
            };
            return Ok(Err(EncryptError::Io { path: self.folder.join(&recording.path), source }));
        }
        self.meters.recordings_encrypted.add(1);
        Ok(Ok(()))
    }
}

/// Runs `work` on a thread of its own that gives way to every other.
async fn beside_everything(
    work: impl FnOnce() -> Result<u64, EncryptError> + Send + 'static,
) -> Result<u64, EncryptError> {
    let (done, outcome) = oneshot::channel();
    let thread = std::thread::Builder::new().name("encryption".to_owned()).spawn(move || {
        // Refused nowhere: everybody may give way.
        setpriority_process(Some(gettid()), NICENESS).ok();
        done.send(work()).ok();
    });
    let no_thread = |source| EncryptError::Io { path: PathBuf::new(), source };
    thread.map_err(no_thread)?;
    outcome.await.unwrap_or_else(|_| Err(no_thread(std::io::Error::other("the thread of encryption died"))))
}

#[cfg(test)]
mod tests;
