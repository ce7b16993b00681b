//! What the store's tests share: a database in a temporary folder, and rows that make sense together. All ids and
//! moments follow from small numbers, so that a failure reads the same each time.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use uuid::Uuid;

use crate::call::contact::Contact;
use crate::case::{Applicant, CaseDraft, IdentityLevel, Priority};
use crate::digest::Sha256;
use crate::ids::{ContactId, RecordingId, UserId};
use crate::journal::{Draft, EventType};
use crate::language::Language;
use crate::people::{Actor, Role};
use crate::phone_number::PhoneNumber;
use crate::recording::{Recording, RecordingState};
use crate::time::Timestamp;

use super::{Batch, Page, Store, User};

/// 2026-11-21 06:00 UTC, in microseconds.
const MORNING: i64 = 1_795_240_800_000_000;

pub(super) struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    pub(super) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("city.db")
    }

    pub(super) fn url(&self) -> String {
        format!("sqlite://{}", self.path().display())
    }

    pub(super) async fn open(&self) -> Store {
        Store::open(&self.url(), "01").await.unwrap()
    }

    /// A connection past the store, as another program would have it.
    pub(super) async fn intruder(&self) -> SqliteConnection {
        SqliteConnection::connect(&self.url()).await.unwrap()
    }

    /// The files as they lie now, which is what a crash would leave.
    pub(super) fn after_crash(&self) -> Self {
        let copy = Self::new();
        for file in std::fs::read_dir(self.dir.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.dir.path().join(file.file_name())).unwrap();
        }
        copy
    }
}

/// A new store; the files last as long as the second of the two.
pub(super) async fn fresh() -> (Store, Files) {
    let files = Files::new();
    (files.open().await, files)
}

/// `seconds` after six in the morning.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(MORNING + seconds * 1_000_000)
}

pub(super) fn contact_id(n: u32) -> ContactId {
    ContactId(Uuid::from_u128(u128::from(n)))
}

pub(super) fn recording_id(n: u32) -> RecordingId {
    RecordingId(Uuid::from_u128(u128::from(n)))
}

/// Contact number `n`, offered `n` seconds after six.
pub(super) fn contact(n: u32) -> Contact {
    let offered = Contact::offered(
        contact_id(n),
        at(i64::from(n)),
        PhoneNumber::from_user_part(&format!("+38050{n:07}")),
        PhoneNumber::from_user_part("1580"),
        "city".to_owned(),
        format!("call-{n}"),
    );
    Contact { language: Some(Language::Uk), ..offered }
}

/// Recording number `n` of contact number `n`.
pub(super) fn recording(n: u32) -> Recording {
    Recording {
        id: recording_id(n),
        contact: contact_id(n),
        path: format!("2026/11/21/{n}.wav"),
        state: RecordingState::Capturing,
        started_at: at(i64::from(n)),
        sample_rate: 8_000,
        frames: 0,
        gaps: Vec::new(),
        result: None,
        sha256: None,
        proof: None,
    }
}

pub(super) fn sealed(n: u32) -> Recording {
    let sha256 = Some(Sha256::of(&n.to_be_bytes()));
    Recording { state: RecordingState::Sealed, frames: 8_000, sha256, ..recording(n) }
}

pub(super) fn entry(event: EventType, n: u32, seconds: i64) -> Draft {
    let mut draft = Draft::new(event, at(seconds), Actor::system("test"));
    draft.contact = Some(contact_id(n));
    draft.data = json!({ "n": n });
    draft
}

/// Contact number `n` with the entry that offers it.
pub(super) fn offered(n: u32) -> Batch {
    let entries = vec![entry(EventType::ContactOffered, n, i64::from(n))];
    Batch { contacts: vec![contact(n)], entries, ..Batch::default() }
}

/// What contact number `n` calls about.
pub(super) fn case_draft(n: u32) -> CaseDraft {
    CaseDraft {
        contact: Some(contact_id(n)),
        category: "water".to_owned(),
        language: Language::Uk,
        priority: Priority::Normal,
        applicant: Applicant {
            identity: IdentityLevel::CallerNumber,
            number: Some(contact(n).caller),
            name: None,
        },
        place: None,
        description: "no water".to_owned(),
        ivr_path: vec!["welcome".to_owned(), "water".to_owned()],
    }
}

/// A contact and its case, registered `n` seconds after six.
pub(super) async fn registered(store: &Store, n: u32) -> crate::case::Case {
    store.commit(offered(n)).await.unwrap();
    let at = at(i64::from(n));
    store.register_case(case_draft(n), at, Actor::system("test"), None).await.unwrap()
}

pub(super) fn user(n: u32, role: Role) -> User {
    User {
        id: UserId(Uuid::from_u128(u128::from(n))),
        name: format!("user{n}"),
        role,
        password_hash: "$argon2id$".to_owned(),
        organisation: None,
        languages: vec![Language::Uk, Language::He],
        queues: vec!["water".to_owned()],
        skills: [("water".to_owned(), 3)].into(),
        posts: vec!["executor.head".to_owned()],
        clearances: Vec::new(),
        second_factor: false,
        sip: None,
        disabled: false,
    }
}

pub(super) fn page(limit: u32, cursor: Option<String>) -> Page {
    Page { limit, cursor }
}
