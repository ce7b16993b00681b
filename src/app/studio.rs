//! Where prompts spoken into a telephone are read, and kept: disk and store for `switchboard/dictation.rs`, which waits
//! for none of them. A prompt that is kept stands where an uploaded one would, and waits for the next publication.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc;

use crate::dialplan::PromptRef;
use crate::files::prompt_reader;
use crate::ids::{LegId, UserId};
use crate::journal::{Draft, EventType};
use crate::media::Sound;
use crate::people::{Actor, Role};
use crate::speech::recorded;
use crate::store::Store;
use crate::switchboard::Input;

#[derive(Debug)]
pub(super) struct Studio {
    recordings: PathBuf,
    pub(super) store: Store,
    outcomes: mpsc::Sender<Input>,
}

impl Studio {
    pub(super) fn new(recordings: &Path, store: Store, outcomes: mpsc::Sender<Input>) -> Self {
        Self { recordings: recordings.to_owned(), store, outcomes }
    }

    /// Reads a take and removes its file; answered by `DictationRead`.
    pub(super) fn read(&self, leg: LegId, path: &str, cut_ms: u32) {
        let (file, outcomes) = (self.recordings.join(path), self.outcomes.clone());
        tokio::spawn(async move {
            let read = tokio::task::spawn_blocking(move || take(&file, cut_ms)).await;
            let sound = read.unwrap_or_default();
            // The queue is closed only when the switchboard is gone.
            outcomes.send(Input::DictationRead { leg, sound }).await.ok();
        });
    }

    /// Puts the prompt into its place, then tells the journal; answered by `PromptKept`.
    pub(super) fn keep(&self, folder: PathBuf, leg: LegId, by: UserId, prompt: PromptRef, sound: Arc<Sound>) {
        let (store, outcomes) = (self.store.clone(), self.outcomes.clone());
        tokio::spawn(async move {
            let of = prompt.clone();
            let kept = tokio::task::spawn_blocking(move || recorded::keep(&folder, &of, &sound)).await;
            let kept = match kept.map_err(std::io::Error::other).flatten() {
                Ok(kept) => {
                    let mut draft = Draft::new(
                        EventType::PromptChanged,
                        crate::time::now().utc,
                        Actor::person(Role::Admin, by, None),
                    );
                    draft.data = json!({ "prompt": prompt.id, "language": prompt.language.code(), "change": {
                        "how": "recorded", "by_phone": true, "sha256": kept.sha256, "duration_ms": kept.duration_ms,
                    } });
                    store.journal(vec![draft]).await.map_err(|error| error.to_string())
                }
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = &kept {
                tracing::error!(error, prompt.id = prompt.id, "a prompt spoken by telephone is not kept");
            }
            outcomes.send(Input::PromptKept { leg, kept: kept.is_ok() }).await.ok();
        });
    }
}

/// What was said, if it can be a prompt.
fn take(file: &Path, cut_ms: u32) -> Option<Arc<Sound>> {
    let read = prompt_reader::read_left(file);
    if let Err(error) = std::fs::remove_file(file) {
        tracing::warn!(%error, "a take is left behind");
    }
    let sound = read.map(|said| recorded::trimmed(&said.samples, cut_ms));
    let judged = sound.map_err(|error| error.to_string()).and_then(|sound| {
        recorded::judge(&sound).map_err(|unfit| unfit.to_string())?;
        Ok(sound)
    });
    match judged {
        Ok(sound) => Some(Arc::new(sound)),
        Err(error) => {
            tracing::info!(error, "a take is no prompt");
            None
        }
    }
}
