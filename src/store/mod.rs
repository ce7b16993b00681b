//! The store: rows and the hash-chained journal in one transaction, group-committed by one writer (SQLite in
//! WAL mode, `synchronous=FULL`). The store knows the types; the types do not know the store.

use crate::call::contact::{Contact, Disposition};
use crate::case::transition::InvalidTransition;
use crate::case::work_order::{EvidenceRef, WorkOrder, WorkOrderState};
use crate::case::{Case, CaseDraft, CaseEvent, CaseNumber};
use crate::ids::{ContactId, EvidenceId, UserId, WorkOrderId};
use crate::journal::{Draft, Entry};
use crate::language::Language;
use crate::people::{Actor, Role};
use crate::recording::Recording;
use crate::sip::digest_auth::Ha1;
use crate::time::Timestamp;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("stored {what} cannot be read: {detail}")]
    Corrupt { what: &'static str, detail: String },
    #[error("{0} already exists")]
    Exists(String),
    #[error("no such {0}")]
    NotFound(&'static str),
    #[error("the database did not answer in time")]
    Timeout,
    #[error(transparent)]
    Transition(#[from] InvalidTransition),
    #[error("the store is closing")]
    Closed,
}

/// One atomic change: rows and the entries that tell of them.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub contacts: Vec<Contact>,
    pub recordings: Vec<Recording>,
    pub entries: Vec<Draft>,
}

/// A person who signs in, and for operators the phone's secret.
#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub role: Role,
    /// Argon2id PHC string; never leaves the store but for checking.
    pub password_hash: String,
    /// Executor organisation, for role `executor`.
    pub organisation: Option<String>,
    pub languages: Vec<Language>,
    pub queues: Vec<String>,
    pub sip: Option<SipAccount>,
    pub disabled: bool,
}

#[derive(Clone, Debug)]
pub struct SipAccount {
    pub extension: String,
    pub ha1: Ha1,
}

/// One page of a list: at most `limit` items older than `before` (an opaque cursor).
#[derive(Clone, Debug)]
pub struct Page {
    pub limit: u32,
    pub cursor: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Listed<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct ContactFilter {
    /// Contains, on the caller's number.
    pub caller: Option<String>,
    pub operator: Option<UserId>,
    pub disposition: Option<Disposition>,
    pub case: Option<CaseNumber>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
pub struct CaseFilter {
    /// State names; empty for all.
    pub states: Vec<String>,
    pub executor: Option<String>,
    pub category: Option<String>,
    pub caller: Option<String>,
    pub overdue_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
pub struct WorkOrderFilter {
    pub executor: Option<String>,
    pub states: Vec<WorkOrderState>,
}

/// A timeline item source: a journal entry, in journal order.
pub type TimelineEntry = Entry;

/// The open store; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {}

impl Store {
    /// Opens (creating when absent) and migrates `sqlite://path` or `sqlite::memory:`. `office` is the register's
    /// office code, e.g. `01`.
    pub async fn open(_url: &str, _office: &str) -> Result<Self, StoreError> {
        todo!()
    }

    /// Stops taking work, commits what is queued, closes.
    pub async fn close(&self) {
        todo!()
    }

    /// Durable when it returns: contacts, recordings and entries in one transaction, shared with others that
    /// arrive at the same time (group commit).
    pub async fn commit(&self, _batch: Batch) -> Result<(), StoreError> {
        todo!()
    }

    /// Allocates the next register number, registers and links the case to its contact, journals it.
    /// `entry_media` places the events in the recording.
    pub async fn register_case(
        &self,
        _draft: CaseDraft,
        _at: Timestamp,
        _actor: Actor,
        _media: Option<crate::journal::MediaPosition>,
    ) -> Result<Case, StoreError> {
        todo!()
    }

    /// Loads, applies `change`, saves row, work order and entries in one transaction. `change` may run again
    /// when the row moved meanwhile; it must be pure.
    pub async fn change_case<F>(
        &self,
        _number: &CaseNumber,
        _actor: &Actor,
        _at: Timestamp,
        _change: F,
    ) -> Result<Case, StoreError>
    where
        F: Fn(Case, &[EvidenceRef]) -> Result<(Case, Vec<CaseEvent>), InvalidTransition>
            + Send
            + Sync
            + 'static,
    {
        todo!()
    }

    pub async fn contact(&self, _id: ContactId) -> Result<Option<Contact>, StoreError> {
        todo!()
    }

    /// Newest first.
    pub async fn contacts(
        &self,
        _filter: &ContactFilter,
        _page: &Page,
    ) -> Result<Listed<Contact>, StoreError> {
        todo!()
    }

    pub async fn recordings_of(&self, _contact: ContactId) -> Result<Vec<Recording>, StoreError> {
        todo!()
    }

    /// Contacts without `ended_at`: what a crash left open.
    pub async fn open_contacts(&self) -> Result<Vec<Contact>, StoreError> {
        todo!()
    }

    /// Recordings still `capturing`: what a crash left open.
    pub async fn open_recordings(&self) -> Result<Vec<Recording>, StoreError> {
        todo!()
    }

    pub async fn case(&self, _number: &CaseNumber) -> Result<Option<Case>, StoreError> {
        todo!()
    }

    /// Newest first.
    pub async fn cases(&self, _filter: &CaseFilter, _page: &Page) -> Result<Listed<Case>, StoreError> {
        todo!()
    }

    /// The case whose register number ends in these digits and whose applicant has this number.
    pub async fn case_for_caller(&self, _digits: &str, _caller: &str) -> Result<Option<Case>, StoreError> {
        todo!()
    }

    pub async fn work_order(&self, _id: WorkOrderId) -> Result<Option<WorkOrder>, StoreError> {
        todo!()
    }

    /// By deadline.
    pub async fn work_orders(
        &self,
        _filter: &WorkOrderFilter,
        _page: &Page,
    ) -> Result<Listed<WorkOrder>, StoreError> {
        todo!()
    }

    /// Keeps the original bytes under their digest and journals `evidence.received`.
    pub async fn add_evidence(
        &self,
        _evidence: EvidenceRef,
        _bytes: Vec<u8>,
        _case: &CaseNumber,
        _actor: &Actor,
    ) -> Result<(), StoreError> {
        todo!()
    }

    pub async fn evidence_of(&self, _order: WorkOrderId) -> Result<Vec<EvidenceRef>, StoreError> {
        todo!()
    }

    pub async fn evidence_bytes(
        &self,
        _id: EvidenceId,
    ) -> Result<Option<(EvidenceRef, Vec<u8>)>, StoreError> {
        todo!()
    }

    /// Entries of the contact and of the case it is linked to, in order of time.
    pub async fn contact_timeline(&self, _id: ContactId) -> Result<Vec<TimelineEntry>, StoreError> {
        todo!()
    }

    /// Entries of the case and of every contact linked to it, in order of time.
    pub async fn case_timeline(&self, _number: &CaseNumber) -> Result<Vec<TimelineEntry>, StoreError> {
        todo!()
    }

    /// Appends entries that change no row (`access.`).
    pub async fn journal(&self, _drafts: Vec<Draft>) -> Result<(), StoreError> {
        todo!()
    }

    /// Entries after `seq`, oldest first, at most `limit`.
    pub async fn entries_after(&self, _seq: u64, _limit: u32) -> Result<Vec<Entry>, StoreError> {
        todo!()
    }

    pub async fn create_user(&self, _user: &User) -> Result<(), StoreError> {
        todo!()
    }

    pub async fn user(&self, _id: UserId) -> Result<Option<User>, StoreError> {
        todo!()
    }

    pub async fn user_by_name(&self, _name: &str) -> Result<Option<User>, StoreError> {
        todo!()
    }

    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        todo!()
    }

    /// A sign-in session or a program's token; only the SHA-256 of the token is stored.
    pub async fn create_session(
        &self,
        _token: &str,
        _user: UserId,
        _expires_at: Timestamp,
        _one_time: bool,
    ) -> Result<(), StoreError> {
        todo!()
    }

    /// The user behind a live token. A one-time token works once.
    pub async fn session_user(&self, _token: &str, _at: Timestamp) -> Result<Option<User>, StoreError> {
        todo!()
    }

    pub async fn delete_session(&self, _token: &str) -> Result<(), StoreError> {
        todo!()
    }
}
