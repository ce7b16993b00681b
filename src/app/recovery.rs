//! After a crash: recordings that were being written are repaired and sealed, contacts that were open are closed with
//! a journalled reason, and a caller who had reached the queue has a case even if the crash came first.

use std::collections::BTreeMap;
use std::path::Path;

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

/// The component named in the journal.
const ACTOR: &str = "recovery";

pub(super) async fn close_what_a_crash_left_open(
    store: &Store,
    recordings: &Path,
    categories: &BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let now = crate::time::now().utc;
    for recording in store.open_recordings().await? {
        let batch = seal(recording, recordings, now);
        store.commit(batch).await.context("sealing a recording")?;
    }
    for contact in store.open_contacts().await? {
        close(store, contact, categories, now).await?;
    }
    Ok(())
}

fn seal(mut recording: Recording, folder: &Path, now: Timestamp) -> Batch {
    let repaired = recording_repair::repair(&folder.join(&recording.path));
    recording.state = RecordingState::Sealed;
    match repaired {
        Ok(repaired) => {
            recording.frames = repaired.frames;
            recording.sha256 = Some(repaired.sha256);
            recording.result = Some(RecordingResult::Degraded);
        }
        Err(error) => {
            tracing::error!(recording.id = %recording.id, %error, "recording cannot be repaired");
            recording.result = Some(RecordingResult::Failed);
        }
    }
    let offset_ms = recording.frames * 1000 / u64::from(recording.sample_rate.max(1));
    recording.gaps.push(Gap { offset_ms, duration_ms: 0, reason: GapReason::Crash });
    let entry = |event| {
        let mut draft = Draft::new(event, now, Actor::system(ACTOR));
        draft.contact = Some(recording.contact);
        draft.media = Some(MediaPosition { recording: recording.id, offset_ms });
        draft.reason = Some("the program died while recording".to_owned());
        draft
    };
    let mut gap = entry(EventType::RecGap);
    gap.data = serde_json::json!({ "duration_ms": 0, "cause": GapReason::Crash });
    let mut sealed = entry(EventType::RecSealed);
    sealed.data = serde_json::json!({
        "frames": recording.frames,
        "result": recording.result,
        "sha256": recording.sha256,
    });
    tracing::warn!(call.id = %recording.contact, frames = recording.frames, "recording repaired after a crash");
    Batch { contacts: Vec::new(), recordings: vec![recording], entries: vec![gap, sealed] }
}

async fn close(
    store: &Store,
    mut contact: Contact,
    categories: &BTreeMap<String, String>,
    now: Timestamp,
) -> anyhow::Result<()> {
    if let (Some(_), None) = (contact.queued_at, &contact.case) {
        let draft = case_draft::of_contact(&contact, categories, Priority::Normal, "");
        let case = store
            .register_case(draft, now, Actor::system(ACTOR), None)
            .await
            .context("registering a case")?;
        contact.case = Some(case.number);
    }
    contact.ended_at = Some(now);
    contact.termination = Some(Termination::Crashed);
    let disposition = match (&contact.case, contact.connected_at) {
        (Some(_), Some(_)) => Disposition::CaseCreated,
        (Some(_), None) => Disposition::Abandoned,
        (None, _) => Disposition::Technical,
    };
    contact.disposition.get_or_insert(disposition);
    let entry = |event, data| {
        let mut draft = Draft::new(event, now, Actor::system(ACTOR));
        draft.contact = Some(contact.id);
        draft.case.clone_from(&contact.case);
        draft.reason = Some("the program died during the call".to_owned());
        draft.data = data;
        draft
    };
    let entries = vec![
        entry(EventType::ContactEnded, serde_json::json!({ "termination": Termination::Crashed.name() })),
        entry(
            EventType::ContactDisposed,
            serde_json::json!({ "disposition": contact.disposition.map(Disposition::name) }),
        ),
    ];
    tracing::warn!(call.id = %contact.id, "call closed after a crash");
    store
        .commit(Batch { contacts: vec![contact], recordings: Vec::new(), entries })
        .await
        .context("closing a contact")
}
