//! What a bundle tells, collected from the store: the case, its calls and recordings, pictures, the people who are named by
//! ids, and those entries that the checkpoint covers.

use std::collections::BTreeSet;

use super::{ExportError, Maker};
use crate::bundle::story::{Person, Photo, PhotoKind, Sound, SoundState, Story};
use crate::bundle::verify::is_erased_by;
use crate::bundle::{MAX_ENTRIES, photo_name, recording_name};
use crate::case::CaseNumber;
use crate::content_key::ContentKey;
use crate::ids::{AttachmentId, ContactId, WorkOrderId};
use crate::journal::{Entry, Note};
use crate::recording::{Recording, RecordingState, Seconds};
use crate::store::{StoreError, Subject};
use crate::time::Timestamp;

impl Maker {
    pub(super) async fn gather(
        &self,
        number: &CaseNumber,
        note: &Note,
        made_at: Timestamp,
    ) -> Result<Story, ExportError> {
        let case = self.store.case(number).await?.ok_or_else(|| ExportError::NoCase(number.clone()))?;
        let mut entries = self.store.case_timeline(number).await?;
        entries.sort_by_key(|entry| entry.seq);
        let all = entries.len();
        entries.retain(|entry| entry.seq <= note.checkpoint.size);
        entries.truncate(MAX_ENTRIES);
        let (mut calls, mut recordings) = (Vec::new(), Vec::new());
        for id in &case.contacts {
            calls.extend(self.store.contact(*id).await?);
            for recording in self.store.recordings_of(*id).await? {
                recordings.push(sound(&recording, &entries));
            }
        }
        let mut photos = self.evidence(&entries).await?;
        photos.extend(self.attachments(number, &entries).await?);
        let people = self.people(&entries, &calls.iter().filter_map(|call| call.operator).collect()).await?;
        Ok(Story {
            made_at,
            short_number: self.short_number.clone(),
            zone: self.plan.clock().zone().to_owned(),
            language: self.plan.language(),
            case,
            calls,
            recordings,
            photos,
            people,
            unsigned_entries: all - entries.len(),
            entries,
        })
    }

    /// Pictures of every order that the entries tell of.
    async fn evidence(&self, entries: &[Entry]) -> Result<Vec<Photo>, StoreError> {
        let mut photos = Vec::new();
        let orders: BTreeSet<WorkOrderId> = of_type(entries, "evidence.received")
            .filter_map(|entry| entry.data["order"].as_str()?.parse().ok())
            .collect();
        for order in orders {
            for piece in self.store.evidence_of(order).await? {
                let id = piece.id.to_string();
                if !of_type(entries, "evidence.received").any(|entry| entry.data["evidence"] == id.as_str()) {
                    continue;
                }
                photos.push(Photo {
                    file: Some(photo_name(&id, &piece.content_type)),
                    id,
                    kind: PhotoKind::Evidence,
                    role: Some(piece.role),
                    content_type: piece.content_type,
                    sha256: piece.sha256,
                    received_at: piece.received_at,
                });
            }
        }
        Ok(photos)
    }

    async fn attachments(&self, number: &CaseNumber, entries: &[Entry]) -> Result<Vec<Photo>, StoreError> {
        let mut photos = Vec::new();
        for picture in self.store.attachments_of(number).await? {
            let id = picture.id.to_string();
            if !of_type(entries, "applicant.attached").any(|entry| entry.data["attachment"] == id.as_str()) {
                continue;
            }
            photos.push(Photo {
                file: Some(photo_name(&id, &picture.content_type)),
                id,
                kind: PhotoKind::Attachment,
                role: None,
                content_type: picture.content_type,
                sha256: picture.sha256,
                received_at: picture.received_at,
            });
        }
        Ok(photos)
    }

    /// Bytes as they came; none when they are not kept any more.
    pub(super) async fn photo(&self, photo: &Photo) -> Result<Option<Vec<u8>>, StoreError> {
        match photo.kind {
            PhotoKind::Evidence => {
                let Ok(id) = photo.id.parse() else { return Ok(None) };
                // Of an erased picture the row stays, and no octet.
                Ok(self.store.evidence_bytes(id).await?.map(|(_, bytes)| bytes).filter(|it| !it.is_empty()))
            }
            PhotoKind::Attachment => {
                let Ok(id) = photo.id.parse::<AttachmentId>() else { return Ok(None) };
                match self.store.original_attachment(id).await {
                    Err(StoreError::Erased) => Ok(None),
                    kept => Ok(kept?.map(|(_, bytes)| bytes)),
                }
            }
        }
    }

    /// Digests of the seconds of a call's recording; none where there are none.
    pub(super) async fn seconds(&self, sound: &Sound) -> Result<Option<Seconds>, StoreError> {
        self.store.recording_seconds(sound.id).await
    }

    /// What its file is encrypted with; none where it is plain, or nobody can open it any more, which opening it says.
    pub(super) async fn key_of(&self, sound: &Sound) -> Result<Option<ContentKey>, StoreError> {
        match self.store.content_key(&Subject::Call(sound.call)).await {
            Err(StoreError::Erased | StoreError::KeyMissing { .. }) => Ok(None),
            key => key,
        }
    }

    async fn people(
        &self,
        entries: &[Entry],
        operators: &BTreeSet<crate::ids::UserId>,
    ) -> Result<Vec<Person>, StoreError> {
        let mut ids: BTreeSet<String> = entries.iter().map(|entry| entry.actor.id.clone()).collect();
        ids.extend(operators.iter().map(ToString::to_string));
        let users = self.store.users().await?.into_iter();
        let named = users.filter(|user| ids.contains(&user.id.to_string()));
        Ok(named
            .map(|user| Person { id: user.id.to_string(), name: user.name, role: user.role.name() })
            .collect())
    }
}

fn of_type<'e>(entries: &'e [Entry], event: &'static str) -> impl Iterator<Item = &'e Entry> {
    entries.iter().filter(move |entry| entry.event == event)
}

/// A recording counts with what the entries tell of it: what they do not tell cannot be proven here.
fn sound(recording: &Recording, entries: &[Entry]) -> Sound {
    let call: ContactId = recording.contact;
    let sealed = of_type(entries, "rec.sealed")
        .any(|entry| entry.contact == Some(call) && entry.data["sha256"].is_string());
    let is_erased = entries.iter().any(|entry| is_erased_by(&entry.event, entry.contact, call));
    let state = match (sealed && recording.state != RecordingState::Capturing, is_erased) {
        (false, _) => SoundState::None,
        (true, true) => SoundState::Erased,
        (true, false) => SoundState::Sealed,
    };
    Sound {
        id: recording.id,
        call,
        state,
        file: (state == SoundState::Sealed).then(|| recording_name(call)),
        path: recording.path.clone(),
        started_at: recording.started_at,
        sample_rate: recording.sample_rate,
        frames: recording.frames,
        sealed_sha256: recording.sha256,
    }
}
