//! What a bundle tells in `case.json`: the case, its calls, recordings and pictures as the city has them, and its history.
//! Everything in it that the journal knows, too, is proven by the journal; the rest by the signature over the checksums.

use serde::Serialize;
use serde_json::{Value, json};

use super::FORMAT;
use crate::call::contact::Contact;
use crate::case::Case;
use crate::digest::Sha256;
use crate::ids::{ContactId, RecordingId};
use crate::journal::Entry;
use crate::language::Language;
use crate::time::Timestamp;

/// One case, ready to be handed over.
#[derive(Clone, Debug)]
pub struct Story {
    pub made_at: Timestamp,
    /// The number that citizens called.
    pub short_number: String,
    /// IANA name of the city's time zone.
    pub zone: String,
    /// Of the page inside.
    pub language: Language,
    pub case: Case,
    pub calls: Vec<Contact>,
    pub recordings: Vec<Sound>,
    pub photos: Vec<Photo>,
    pub people: Vec<Person>,
    /// In order of their numbers.
    pub entries: Vec<Entry>,
    /// Entries of this case that are newer than the checkpoint and therefore not here.
    pub unsigned_entries: usize,
}

/// What became of a recording's file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SoundState {
    /// In the bundle as it was sealed.
    Sealed,
    /// Destroyed by the rules of retention; its entry and digest remain.
    Erased,
    /// Sealed once, and not to be found when the bundle was made.
    Missing,
    /// Nothing that was sealed: the call goes on, was not answered, or could not be recorded.
    None,
}

#[derive(Clone, Debug, Serialize)]
pub struct Sound {
    pub id: RecordingId,
    pub call: ContactId,
    pub state: SoundState,
    /// In the bundle.
    pub file: Option<String>,
    /// Where the city keeps it.
    #[serde(skip)]
    pub path: String,
    pub started_at: Timestamp,
    pub sample_rate: u32,
    pub frames: u64,
    /// SHA-256 of everything behind the head, then of the head.
    pub sealed_sha256: Option<Sha256>,
}

impl Sound {
    /// Whole milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.frames * 1000 / u64::from(self.sample_rate.max(1))
    }
}

/// What kind of picture it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoKind {
    /// From those who did the work.
    Evidence,
    /// From the applicant.
    Attachment,
}

#[derive(Clone, Debug, Serialize)]
pub struct Photo {
    pub id: String,
    pub kind: PhotoKind,
    /// `before`, `after` or `other`.
    pub role: Option<String>,
    /// None when its bytes are not to be had any more.
    pub file: Option<String>,
    pub content_type: String,
    pub sha256: Sha256,
    pub received_at: Timestamp,
}

/// Somebody of the city who is named by an id in the history.
#[derive(Clone, Debug, Serialize)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub role: &'static str,
}

impl Story {
    /// The whole of `case.json`.
    pub fn to_json(&self) -> Value {
        json!({
            "format": FORMAT,
            "made_at": self.made_at.rfc3339(),
            "short_number": self.short_number,
            "zone": self.zone,
            "language": self.language,
            "case": self.case,
            "calls": self.calls,
            "recordings": self.recordings,
            "photos": self.photos,
            "people": self.people,
            "unsigned_entries": self.unsigned_entries,
            "history": self.entries.iter().map(line).collect::<Vec<_>>(),
        })
    }
}

/// An entry as people read it; its exact bytes are in `journal/`.
fn line(entry: &Entry) -> Value {
    json!({
        "seq": entry.seq,
        "at": entry.at.rfc3339(),
        "type": entry.event,
        "actor": entry.actor,
        "call": entry.contact,
        "recording": entry.media.map(|media| media.recording),
        "offset_ms": entry.media.map(|media| media.offset_ms),
        "reason": entry.reason,
        "data": entry.data,
    })
}
