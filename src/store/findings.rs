//! What auditors note about moments of recordings: written once, never altered. The journal tells when, by whom and
//! about which moment, and the digest of what was written, never the words.

use serde_json::json;
use sqlx::sqlite::SqliteRow;

use crate::digest::Sha256;
use crate::ids::{ContactId, FindingId, RecordingId, UserId};
use crate::journal::{Draft, EventType, MediaPosition};
use crate::people::Actor;
use crate::time::Timestamp;

use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{Store, StoreError};

/// One thought; a report has others.
pub const MAX_FINDING_CHARS: usize = 2_000;
/// On one call; more is a report of its own.
const MAX_OF_CALL: u32 = 500;

/// What an auditor noted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotedFinding {
    pub id: FindingId,
    pub contact: ContactId,
    pub recording: RecordingId,
    /// Milliseconds from the start of the recording.
    pub offset_ms: u64,
    pub author: UserId,
    pub at: Timestamp,
    pub text: String,
}

impl NotedFinding {
    /// Of id and words: two findings with the same words have different digests.
    pub(super) fn digest(&self) -> Sha256 {
        Sha256::of(format!("{}\n{}", self.id, self.text).as_bytes())
    }
}

impl Store {
    /// Keeps a finding.
    ///
    /// # Errors
    /// `NotFound` when the recording is not one of the call's, `Refused` when the call has too many.
    pub async fn note_finding(&self, finding: NotedFinding, actor: Actor) -> Result<(), StoreError> {
        self.writer.make(NoteFinding { finding, actor }).await
    }

    /// Findings about a call with their authors' names, by their places in the sound.
    pub async fn findings_of(&self, contact: ContactId) -> Result<Vec<(NotedFinding, String)>, StoreError> {
        let sql = "SELECT findings.*, users.name AS author_name FROM findings JOIN users ON users.id = author \
                   WHERE contact = $1 ORDER BY offset_ms, findings.id LIMIT $2";
        let query = sqlx::query(sql).bind(contact.to_string()).bind(MAX_OF_CALL);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let with_name = |row: &SqliteRow| Ok((read(row)?, Fields::of(row, "finding").plain("author_name")?));
        rows.iter().map(with_name).collect()
    }
}

struct NoteFinding {
    finding: NotedFinding,
    actor: Actor,
}

impl Change for NoteFinding {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { finding, actor } = self;
        let sql = "INSERT INTO findings (id, contact, recording, offset_ms, author, at, text) \
                   SELECT $1, contact, id, $4, $5, $6, $7 FROM recordings WHERE id = $3 AND contact = $2 \
                   AND (SELECT count(*) FROM findings WHERE contact = $2) < $8";
        let noted = sqlx::query(sql)
            .bind(finding.id.to_string())
            .bind(finding.contact.to_string())
            .bind(finding.recording.to_string())
            .bind(row::stored_count(finding.offset_ms))
            .bind(finding.author.to_string())
            .bind(finding.at.micros())
            .bind(&finding.text)
            .bind(MAX_OF_CALL)
            .execute(&mut *ledger.connection)
            .await?;
        if noted.rows_affected() == 0 {
            return Err(StoreError::NotFound("recording with room for a finding"));
        }
        let mut draft = Draft::new(EventType::FindingNoted, finding.at, actor);
        draft.contact = Some(finding.contact);
        draft.media = Some(MediaPosition { recording: finding.recording, offset_ms: finding.offset_ms });
        draft.data = json!({ "finding": finding.id, "sha256": finding.digest().to_string() });
        ledger.append_all(vec![draft]).await
    }
}

pub(super) fn read(row: &SqliteRow) -> Result<NotedFinding, StoreError> {
    let fields = Fields::of(row, "finding");
    Ok(NotedFinding {
        id: fields.word("id")?,
        contact: fields.word("contact")?,
        recording: fields.word("recording")?,
        offset_ms: fields.count("offset_ms")?,
        author: fields.word("author")?,
        at: fields.moment("at")?,
        text: fields.plain("text")?,
    })
}
