//! After a crash: recordings that were being written are repaired and sealed, contacts that were open are closed with
//! a journalled reason, contacts in wrap-up get their disposition, and a caller who had reached the queue has a case
//! even if the crash came first. Files of calls that never got that far go (`strays`). Rows say when things happened as well as can be known; entries say when that was
//! found.

mod strays;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::call::case_draft;
use crate::call::contact::{Contact, Disposition};
use crate::case::Priority;
use crate::files::recording_repair;
use crate::journal::{Draft, EventType, MediaPosition};
use crate::people::Actor;
use crate::recording::{Gap, GapReason, Recording, RecordingResult, RecordingState};
use crate::store::{Batch, Store};
use crate::termination::Termination;
use crate::time::Timestamp;
use crate::wav::Layout;
use crate::wav::chunks::{SEARCHED_LEN, is_whole_trailer};

/// The component named in the journal.
const ACTOR: &str = "recovery";
/// Octets of markers at the end of a file; the writer makes far less.
const MAX_TRAILER: u64 = 1 << 20;

pub(super) async fn close_what_a_crash_left_open(
    store: &Store,
    recordings: &Path,
    categories: &BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let now = crate::time::now().utc;
    Recovery { store, recordings, categories, now }.run().await
}

struct Recovery<'a> {
    store: &'a Store,
    recordings: &'a Path,
    categories: &'a BTreeMap<String, String>,
    now: Timestamp,
}

impl Recovery<'_> {
    /// The store lists a part of what is open at a time; each list is asked for until it is empty.
    async fn run(&self) -> anyhow::Result<()> {
        strays::remove(self.store, self.recordings, self.now).await.context("files without a row")?;
        let mut seen = BTreeSet::new();
        loop {
            let open = unseen(self.store.open_recordings().await?, |recording| recording.id, &mut seen);
            if open.is_empty() {
                break;
            }
            for recording in open {
                self.seal(recording).await?;
            }
        }
        // Recordings first: how long one is tells when its call ended.
        let mut seen = BTreeSet::new();
        loop {
            let open = unseen(self.store.open_contacts().await?, |contact| contact.id, &mut seen);
            if open.is_empty() {
                break;
            }
            for contact in open {
                self.close(contact).await?;
            }
        }
        let mut seen = BTreeSet::new();
        loop {
            let ended = unseen(self.store.undisposed_contacts().await?, |contact| contact.id, &mut seen);
            if ended.is_empty() {
                break;
            }
            for contact in ended {
                self.dispose(contact).await?;
            }
        }
        Ok(())
    }

    async fn seal(&self, mut recording: Recording) -> anyhow::Result<()> {
        let file = self.recordings.join(&recording.path);
        recording.state = RecordingState::Sealed;
        if matches!(file.try_exists(), Ok(false)) && !self.was_answered(&recording).await? {
            // Nothing was said, and the file went as it should: the end of its contact is all there is to tell.
            recording.result = Some(RecordingResult::Discarded);
            let batch = Batch { recordings: vec![recording], ..Batch::default() };
            return self.store.commit(batch).await.context("discarding a recording");
        }
        let was_sealed = is_sealed(&file).unwrap_or(false);
        match recording_repair::repair(&file) {
            Ok(repaired) => {
                recording.frames = repaired.frames;
                recording.sha256 = Some(repaired.sha256);
                recording.proof = repaired.proof;
                let whole = was_sealed && !repaired.changed && repaired.frames > 0;
                recording.result = Some(if whole { RecordingResult::Ok } else { RecordingResult::Degraded });
            }
            Err(error) => {
                tracing::error!(
                    call.id = %recording.contact, recording.id = %recording.id, %error,
                    "recording cannot be repaired"
                );
                recording.result = Some(RecordingResult::Failed);
            }
        }
        tracing::warn!(
            call.id = %recording.contact, frames = recording.frames, result = ?recording.result,
            "recording sealed after a crash"
        );
        let entries = self.entries_of_sealing(&mut recording);
        let batch = Batch { recordings: vec![recording], entries, ..Batch::default() };
        self.store.commit(batch).await.context("sealing a recording")
    }

    async fn was_answered(&self, recording: &Recording) -> anyhow::Result<bool> {
        let contact = self.store.contact(recording.contact).await?;
        Ok(contact.is_some_and(|contact| contact.answered_at.is_some()))
    }

    /// What is missing is missing at the end; a file that was complete misses nothing.
    fn entries_of_sealing(&self, recording: &mut Recording) -> Vec<Draft> {
        let whole = recording.result == Some(RecordingResult::Ok);
        let offset_ms = recording.frames * 1000 / u64::from(recording.sample_rate.max(1));
        let reason = if whole {
            "the program died after the file was complete"
        } else {
            "the program died while recording"
        };
        let mut entries = Vec::new();
        if !whole {
            recording.gaps.push(Gap { offset_ms, duration_ms: 0, reason: GapReason::Crash });
            let mut gap = self.entry(EventType::RecGap, reason);
            gap.data = serde_json::json!({ "duration_ms": 0, "cause": GapReason::Crash });
            entries.push(gap);
        }
        let mut sealed = self.entry(EventType::RecSealed, reason);
        sealed.data = serde_json::json!({
            "frames": recording.frames,
            "result": recording.result,
            "sha256": recording.sha256,
            "seal": recording.proof.as_ref().map(|proof| proof.seal),
        });
        entries.push(sealed);
        for entry in &mut entries {
            entry.contact = Some(recording.contact);
            entry.media = Some(MediaPosition { recording: recording.id, offset_ms });
        }
        entries
    }

    async fn close(&self, contact: Contact) -> anyhow::Result<()> {
        let mut contact = self.with_case(contact).await?;
        let ended_at = end_of(&contact, self.recorded(&contact).await?);
        contact.ended_at = Some(ended_at);
        contact.termination = Some(Termination::Crashed);
        contact.disposition.get_or_insert(contact.default_disposition(false, false));
        let reason = "the program died during the call";
        let mut ended = self.entry_about(&contact, EventType::ContactEnded, reason);
        ended.data = serde_json::json!({
            "termination": Termination::Crashed.name(),
            "ended_at": ended_at.rfc3339(),
        });
        let disposed = self.disposed(&contact, reason);
        tracing::warn!(call.id = %contact.id, "call closed after a crash");
        self.save(contact, vec![ended, disposed]).await
    }

    /// The call had ended, the operator was still writing it up.
    async fn dispose(&self, contact: Contact) -> anyhow::Result<()> {
        let mut contact = self.with_case(contact).await?;
        contact.disposition.get_or_insert(contact.default_disposition(false, false));
        let disposed = self.disposed(&contact, "the program died before the contact was disposed");
        tracing::warn!(call.id = %contact.id, "contact disposed after a crash");
        self.save(contact, vec![disposed]).await
    }

    /// Who reached the queue has a case.
    async fn with_case(&self, mut contact: Contact) -> anyhow::Result<Contact> {
        if let (Some(_), None) = (contact.queued_at, &contact.case) {
            let draft = case_draft::of_contact(&contact, self.categories, Priority::Normal, "");
            let case = self.store.register_case(draft, self.now, Actor::system(ACTOR), None).await;
            contact.case = Some(case.context("registering a case")?.number);
        }
        Ok(contact)
    }

    /// How much of the call is on the disk.
    async fn recorded(&self, contact: &Contact) -> anyhow::Result<Duration> {
        let recordings = self.store.recordings_of(contact.id).await?;
        let ms = |it: &Recording| it.frames.saturating_mul(1000) / u64::from(it.sample_rate.max(1));
        Ok(Duration::from_millis(recordings.iter().map(ms).fold(0, u64::saturating_add)))
    }

    async fn save(&self, contact: Contact, entries: Vec<Draft>) -> anyhow::Result<()> {
        let batch = Batch { contacts: vec![contact], entries, ..Batch::default() };
        self.store.commit(batch).await.context("closing a contact")
    }

    fn disposed(&self, contact: &Contact, reason: &str) -> Draft {
        let mut draft = self.entry_about(contact, EventType::ContactDisposed, reason);
        draft.data = serde_json::json!({
            "disposition": contact.disposition.map(Disposition::name),
            "language": contact.language,
            "topic": contact.topic,
        });
        draft
    }

    fn entry_about(&self, contact: &Contact, event: EventType, reason: &str) -> Draft {
        let mut draft = self.entry(event, reason);
        draft.contact = Some(contact.id);
        draft.case.clone_from(&contact.case);
        draft
    }

    fn entry(&self, event: EventType, reason: &str) -> Draft {
        let mut draft = Draft::new(event, self.now, Actor::system(ACTOR));
        draft.reason = Some(reason.to_owned());
        draft
    }
}

/// Those not worked on yet. A list that only repeats what was closed already would go on for ever: that is logged, and
/// nothing is left of it.
fn unseen<T, Id: Ord>(listed: Vec<T>, id: impl Fn(&T) -> Id, seen: &mut BTreeSet<Id>) -> Vec<T> {
    let rows = listed.len();
    let unseen: Vec<T> = listed.into_iter().filter(|row| seen.insert(id(row))).collect();
    if unseen.is_empty() && rows > 0 {
        tracing::error!(rows, "rows stay open although they were closed; starting all the same");
    }
    unseen
}

/// The last sign of life: the last sample on the disk, or a later step of the call.
fn end_of(contact: &Contact, recorded: Duration) -> Timestamp {
    let spoken = contact.answered_at.unwrap_or(contact.offered_at).plus(recorded);
    [contact.queued_at, contact.connected_at].into_iter().flatten().fold(spoken, Timestamp::max)
}

/// True for a file that the writer had completed: only then markers stand behind the samples, and the head counts
/// them. While a call is on, the file is valid too, but ends with its samples.
fn is_sealed(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut beginning = Vec::new();
    (&file).take(SEARCHED_LEN as u64).read_to_end(&mut beginning)?;
    let Ok(layout) = Layout::read(&beginning) else { return Ok(false) };
    let end = layout.data_start + u64::from(layout.data_len);
    if layout.file_len != len || end >= len || len - end > MAX_TRAILER {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(end))?;
    let mut trailer = Vec::new();
    file.take(len - end).read_to_end(&mut trailer)?;
    Ok(is_whole_trailer(&trailer))
}

#[cfg(test)]
mod tests;
