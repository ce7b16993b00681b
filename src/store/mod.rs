//! The store: rows and the hash-chained journal in one transaction, group-committed by one writer (SQLite in
//! WAL mode, `synchronous=FULL`). The store knows the types; the types do not know the store.
//!
//! Reads go to a small pool of their own and see all that was answered before them. Each subject has its file;
//! what is common to all of them is here. No rule of the domain is decided here or in SQL.

mod appointments;
mod assignments;
mod attachments;
mod callbacks;
mod case_change;
mod case_wave;
mod cases;
mod checkpoint;
mod checkpoints;
mod clocks;
mod code_requests;
mod contacts;
mod content;
mod content_keys;
mod disclosures;
mod due;
mod engagements;
mod erasing;
mod erasures;
mod evidence;
mod field_phones;
mod filings;
mod findings;
#[cfg(test)]
mod fixture;
mod gaps;
mod hearings;
mod holds;
mod incidents;
mod inspections;
mod journal;
mod ladders;
mod nearby;
mod notifications;
mod numbers;
mod page;
mod proof;
mod public_requests;
#[cfg(test)]
mod query_plans;
mod recordings;
mod register;
mod relations;
mod report;
mod report_replay;
mod row;
mod samples;
mod second_factors;
mod sent;
mod sessions;
#[cfg(test)]
pub(crate) mod tally;
mod timeline;
mod users;
mod verification;
mod verify;
mod verify_audit;
mod verify_disclosures;
mod verify_erasures;
mod verify_findings;
mod verify_hearings;
mod verify_incidents;
mod verify_pictures;
mod verify_tree;
mod versions;
mod words;
mod work_orders;
mod writer;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::{Mutex, Notify, Semaphore};

use crate::call::contact::{Contact, Disposition};
use crate::callback::CallBack;
use crate::case::CaseNumber;
use crate::case::transition::InvalidTransition;
use crate::case::work_order::WorkOrderState;
use crate::content_key::KeyRing;
use crate::ids::{Mint, UserId};
use crate::journal::{Draft, Entry};
use crate::language::Language;
use crate::people::Role;
use crate::recording::Recording;
use crate::sip::digest_auth::Ha1;
use crate::time::Timestamp;

use writer::{Change, Ledger, Writer};

pub use appointments::{Appointment, AppointmentState, Reminder};
pub use assignments::{Assigned, Assignment};
pub use attachments::Attachment;
pub use case_change::Occasion;
pub use case_wave::{MOST_AT_ONCE, WorkedOut};
pub use checkpoints::KeptCheckpoint;
pub use clocks::{EscalationFilter, RaisedEscalation};
pub use code_requests::{CodeRefusal, MAX_CODES_PER_CASE_AND_HOUR, MAX_CODES_PER_NUMBER_AND_HOUR};
pub use disclosures::DisclosureStep;
pub use due::{Due, DueWalk, LOOKED_AT};
pub use erasures::{Erasure, ErasureState, Ground, Kept, Refusal};
pub use evidence::Submission;
pub use field_phones::{BegunCalls, FieldPhone, FieldPhoneChange};
pub use filings::{CodeDigest, Feedback, Filed, Filing, Note};
pub use findings::{MAX_FINDING_CHARS, NotedFinding};
pub use hearings::{Hearing, HearingState};
pub use holds::{Hold, Lifted, Subject};
pub use incidents::{IncidentCase, IncidentSummary};
pub use inspections::DrawnCase;
pub use nearby::Surroundings;
pub use notifications::{
    Claimed, MAX_GATEWAY_ID_CHARS, NewCase, Notification, OutboxCounts, Outgoing, Settlement,
};
pub use proof::{Examined, ViewSize};
pub use public_requests::{PublicRequest, RequestFilter, tells};
pub use samples::KeptSample;
pub use second_factors::SecondFactor;
pub use sent::{KEY_CHARS, Once};
pub use sessions::{Ending, MAX_SESSIONS, NewSession, OpenSession};
pub use users::UserChange;
pub use verification::{Asking, AskingCall, RefusedCalls};
pub use verify::{FileFault, Finding, Part, Progress, Range, RecordingFiles, VerifyReport, Watch};
pub use verify_pictures::PictureFault;
pub use verify_tree::{TreeFinding, TreeReport, TreeWitness};
pub use versions::{MAX_VERSIONS, PlanText, PlanVersion, Publication};
pub use writer::Receipt;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Readers beside the writer: pages and lookups are short, and more readers than cores only wait for each other.
const READERS: u32 = 4;
/// A read that takes longer than this is answered with [`StoreError::Timeout`].
const READ_DEADLINE: Duration = Duration::from_secs(5);
/// How long SQLite waits for another process (`ringback user add`, a backup); below the callers' deadline, so that
/// they learn the cause.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes the write-ahead log keeps on the disk after a checkpoint.
const WAL_SIZE_KEPT: &str = "67108864";
/// Rows written by one statement: the way to SQLite's thread and back costs more than the row, and each number of rows
/// is a statement of its own to prepare and keep.
const ROWS_AT_ONCE: usize = 16;
/// Rows of a list that has no pages (users, what a crash left open); the city has fewer of each.
const MAX_UNPAGED: u32 = 10_000;
/// Patience with a disk that does not take the last group when the program stops.
const CLOSE_DEADLINE: Duration = Duration::from_secs(10);
/// Letters and digits in an office code at most; it is part of every register number.
const MAX_OFFICE_LEN: usize = 8;

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
    /// Somebody must be left who can let others in.
    #[error("the last administrator who can sign in stays")]
    LastAdmin,
    /// Its callers would wait for nobody.
    #[error("nobody else serves the queue '{0}'")]
    QueueDeserted(String),
    /// A change that was still waiting is then withdrawn; of one that was being written the outcome is not known,
    /// but by a [`Receipt`], which waits for it.
    #[error("the database did not answer in time")]
    Timeout,
    #[error(transparent)]
    Transition(#[from] InvalidTransition),
    #[error(transparent)]
    Incident(crate::incident::Refused),
    /// The content key was destroyed, and with it what it opens.
    #[error("what was said and written was erased")]
    Erased,
    #[error("it is encrypted with the content key {master}, which [keys] of the configuration does not name")]
    KeyMissing { master: String },
    #[error(transparent)]
    Erasure(#[from] Refusal),
    /// Nothing was changed, because it was done the first time; `outcome` is what that made, where it has a name.
    #[error("this request was carried out before")]
    Repeated { outcome: Option<String> },
    #[error("this Idempotency-Key stands for another request")]
    KeyTaken,
    #[error("the store is closing")]
    Closed,
}

/// One atomic change: rows and the entries that tell of them.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub contacts: Vec<Contact>,
    pub recordings: Vec<Recording>,
    pub callbacks: Vec<CallBack>,
    pub entries: Vec<Draft>,
}

impl Batch {
    /// All of them in one, in their order. Of what is told more than once, the last counts.
    fn of_all<'a>(batches: impl Iterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for Self { contacts, recordings, callbacks, entries } in batches {
            for contact in contacts {
                match all.contacts.iter_mut().find(|known| known.id == contact.id) {
                    // The case was told with an earlier one, and is not taken back.
                    Some(known) => {
                        *known =
                            Contact { case: known.case.take().or(contact.case.clone()), ..contact.clone() }
                    }
                    None => all.contacts.push(contact.clone()),
                }
            }
            for recording in recordings {
                match all.recordings.iter_mut().find(|known| known.id == recording.id) {
                    Some(known) => known.clone_from(recording),
                    None => all.recordings.push(recording.clone()),
                }
            }
            for callback in callbacks {
                match all.callbacks.iter_mut().find(|known| known.origin == callback.origin) {
                    Some(known) => known.clone_from(callback),
                    None => all.callbacks.push(callback.clone()),
                }
            }
            all.entries.extend_from_slice(entries);
        }
        all
    }
}

/// A person who signs in, and for operators the phone's secret.
#[derive(Clone, PartialEq, Eq, Debug)]
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
    /// By name, each from 1 to 5.
    pub skills: BTreeMap<String, u8>,
    /// Post ids of the city plan.
    pub posts: Vec<String>,
    /// Privacy classes of the city plan whose cases this person may read.
    pub clearances: Vec<String>,
    /// Signs in with a code of an app beside the password.
    pub second_factor: bool,
    pub sip: Option<SipAccount>,
    pub disabled: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SipAccount {
    pub extension: String,
    pub ha1: Ha1,
}

/// One page of a list: at most `limit` items (1 to 200, clamped) after `cursor`, the opaque `next` of the page
/// before. A cursor that no page gave is answered with `NotFound("page")`.
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
    /// Category id of the case the call is on.
    pub category: Option<String>,
    /// All in the description of a case the call was on, or in the notes to it; among the newest 10,000 such cases.
    pub words: Option<String>,
    /// Offered at or after.
    pub from: Option<Timestamp>,
    /// Offered before.
    pub to: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
pub struct CaseFilter {
    /// State names; empty for all.
    pub states: Vec<String>,
    /// The organisation that holds or reported the work now.
    pub executor: Option<String>,
    pub category: Option<String>,
    /// Contains, on the applicant's number.
    pub caller: Option<String>,
    /// Not closed, and promised for before this moment.
    pub overdue_at: Option<Timestamp>,
    /// Repeats, doubles or follows this case.
    pub related_to: Option<CaseNumber>,
}

#[derive(Clone, Debug, Default)]
pub struct WorkOrderFilter {
    pub executor: Option<String>,
    pub states: Vec<WorkOrderState>,
}

/// A timeline item source: a journal entry, in journal order.
pub type TimelineEntry = Entry;

/// What the metrics show of the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Sequence number of the last journal entry; 0 when there is none.
    pub journal_seq: u64,
    /// Cases that are not `closed`.
    pub open_cases: u64,
    /// Contacts without an end.
    pub open_contacts: u64,
    /// Transactions committed since the store was opened.
    pub transactions: u64,
    /// Changes those transactions carried.
    pub changes: u64,
}

/// The open store; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    writer: Writer,
    readers: SqlitePool,
    evidence_slots: Arc<Semaphore>,
    /// Held from the search for look-alikes until the picture is kept: two that come together see each other.
    evidence_line: Arc<Mutex<()>>,
    incident_moved: Arc<Notify>,
    /// None where content is not encrypted.
    keys: Option<KeyRing>,
}

impl Store {
    /// Opens (creating when absent) and migrates `sqlite://path` or `sqlite::memory:`. `office` is the register's
    /// office code, e.g. `01`.
    ///
    /// A store in memory lives as long as this value and its clones; its readers may see what is not committed yet.
    ///
    /// # Errors
    /// `Corrupt` for an office code that is not 1 to 8 ASCII letters and digits, `Database` or `Migration` when the
    /// file cannot be opened or was made by a newer program.
    pub async fn open(url: &str, office: &str) -> Result<Self, StoreError> {
        let is_plain = office.bytes().all(|b| b.is_ascii_alphanumeric());
        if office.is_empty() || office.len() > MAX_OFFICE_LEN || !is_plain {
            let detail = format!("'{office}' is not 1 to {MAX_OFFICE_LEN} letters and digits");
            return Err(StoreError::Corrupt { what: "office code", detail });
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("journal_size_limit", WAL_SIZE_KEPT)
            .pragma("wal_autocheckpoint", checkpoint::WAL_PAGES)
            // What a refused change would need to be undone is not written to a file.
            .pragma("temp_store", "memory")
            // What is erased is overwritten, in pages that are free and in those that are not.
            .pragma("secure_delete", "on");
        // Kept open for good: a store in memory would be lost with its last connection.
        let kept =
            || SqlitePoolOptions::new().acquire_timeout(READ_DEADLINE).idle_timeout(None).max_lifetime(None);
        let writing = kept().max_connections(1).connect_with(options.clone()).await?;
        MIGRATIONS.run(&writing).await?;
        report_replay::fill(&mut *writing.acquire().await?).await?;
        // `read_uncommitted` touches stores in memory only, whose connections would lock each other's tables.
        let reading = options.pragma("query_only", "1").pragma("read_uncommitted", "1");
        let readers = kept().max_connections(READERS).connect_with(reading).await?;
        let mint = Mint::new(rand::rng().random());
        let writer = Writer::start(writing, mint, office.to_owned());
        tokio::spawn(checkpoint::run(readers.clone(), writer.watch()));
        let evidence_slots = Arc::new(Semaphore::new(evidence::IN_FLIGHT));
        let (evidence_line, incident_moved) = <(Arc<_>, Arc<_>)>::default();
        Ok(Self { writer, readers, evidence_slots, evidence_line, incident_moved, keys: None })
    }

    /// The same store with the master keys of the city: what is written from now on is encrypted, what was, can be read. All
    /// clones made before are without them.
    pub fn with_keys(self, keys: Option<KeyRing>) -> Self {
        Self { keys, ..self }
    }

    /// Stops taking work, commits what is queued, closes. Gives up on a disk that does not answer in 10 seconds.
    pub async fn close(&self) {
        let closed = async {
            self.writer.close().await;
            self.readers.close().await;
        };
        if tokio::time::timeout(CLOSE_DEADLINE, closed).await.is_err() {
            tracing::error!("the database did not close in time; what was not yet answered may be lost");
        }
    }

    /// Durable when it returns: contacts, recordings and entries in one transaction, shared with others that
    /// arrive at the same time (group commit). The case of a contact, once set, is not changed by this.
    pub async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.writer.make(batch).await
    }

    /// [`Self::commit`] in two steps: resolves as soon as the batch has its place in the writer's queue, behind what
    /// was enqueued before it. The receipt tells when it is durable, and waits for the outcome of what is being
    /// written.
    pub async fn enqueue(&self, batch: Batch) -> Result<Receipt, StoreError> {
        self.writer.enqueue(batch).await
    }

    pub async fn counts(&self) -> Result<Counts, StoreError> {
        let sql = "SELECT (SELECT COALESCE(MAX(seq), 0) FROM journal) AS journal_seq, \
                   (SELECT COUNT(*) FROM cases WHERE state NOT IN ('closed', 'archived')) AS open_cases, \
                   (SELECT COUNT(*) FROM contacts WHERE ended_at IS NULL) AS open_contacts";
        let row = self.reading(sqlx::query(sql).fetch_one(&self.readers)).await?;
        let fields = row::Fields::of(&row, "counts");
        let (transactions, changes) = self.writer.throughput();
        Ok(Counts {
            journal_seq: fields.count("journal_seq")?,
            open_cases: fields.count("open_cases")?,
            open_contacts: fields.count("open_contacts")?,
            transactions,
            changes,
        })
    }

    /// Awaits a read within [`READ_DEADLINE`].
    async fn reading<T>(&self, rows: impl Future<Output = sqlx::Result<T>>) -> Result<T, StoreError> {
        self.reading_within(READ_DEADLINE, rows).await
    }

    async fn reading_within<T>(
        &self,
        patience: Duration,
        rows: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(patience, rows).await {
            Err(_) | Ok(Err(sqlx::Error::PoolTimedOut)) => Err(StoreError::Timeout),
            Ok(Err(sqlx::Error::PoolClosed)) => Err(StoreError::Closed),
            Ok(read) => Ok(read?),
        }
    }
}

impl Change for Batch {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        contacts::save(ledger.connection, &self.contacts).await?;
        recordings::save(ledger.connection, &self.recordings).await?;
        callbacks::save(ledger.connection, &self.callbacks).await?;
        ledger.append_all(self.entries).await
    }

    fn joined(&self) -> Option<(&Batch, ())> {
        Some((self, ()))
    }
}
