//! Pictures from applicants: the original and what is shown of it, with the case they came with. The journal tells that they
//! came, with their digests. Bytes lie where those of evidence do.

use serde_json::json;
use sqlx::sqlite::SqliteRow;

use crate::case::CaseNumber;
use crate::case::transition::InvalidTransition;
use crate::digest::Sha256;
use crate::ids::AttachmentId;
use crate::journal::EventType;
use crate::people::Actor;
use crate::time::Timestamp;

use super::filings::{about, count_of, standing};
use super::row::{self, Fields};
use super::writer::{Change, Ledger, WRITE_DEADLINE};
use super::{Store, StoreError};

/// Pictures of one case: enough to show what is wrong, few enough to look at.
const MAX_ATTACHMENTS: i64 = 10;

/// A picture from an applicant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attachment {
    pub id: AttachmentId,
    pub case: CaseNumber,
    /// Of the original.
    pub content_type: String,
    /// Of the original, bytes.
    pub length: u64,
    pub sha256: Sha256,
    /// Of what is shown, always a JPEG.
    pub shown_sha256: Sha256,
    pub received_at: Timestamp,
}

impl Store {
    /// Keeps the original and the picture that is shown.
    ///
    /// # Errors
    /// `NotFound` for an unknown case, `Transition` when it has as many as it may have.
    pub async fn attach(
        &self,
        attachment: Attachment,
        original: Vec<u8>,
        shown: Vec<u8>,
        actor: Actor,
    ) -> Result<(), StoreError> {
        let slot = tokio::time::timeout(WRITE_DEADLINE, self.evidence_slots.acquire()).await;
        let _slot = slot.map_err(|_| StoreError::Timeout)?.map_err(|_| StoreError::Closed)?;
        self.writer.make(Attach { attachment, original, shown, actor }).await
    }

    /// In order of arrival.
    pub async fn attachments_of(&self, case: &CaseNumber) -> Result<Vec<Attachment>, StoreError> {
        let sql = "SELECT * FROM attachments WHERE case_number = $1 ORDER BY received_at, id LIMIT $2";
        let query = sqlx::query(sql).bind(&case.0).bind(MAX_ATTACHMENTS);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read_attachment).collect()
    }

    /// The picture as it is shown.
    pub async fn shown_attachment(
        &self,
        id: AttachmentId,
    ) -> Result<Option<(Attachment, Vec<u8>)>, StoreError> {
        let sql = "SELECT attachments.*, content FROM attachments \
                   JOIN evidence_blobs ON evidence_blobs.sha256 = shown_sha256 WHERE id = $1";
        let query = sqlx::query(sql).bind(id.to_string());
        let Some(row) = self.reading(query.fetch_optional(&self.readers)).await? else { return Ok(None) };
        Ok(Some((read_attachment(&row)?, Fields::of(&row, "attachment").plain("content")?)))
    }
}

impl Store {
    /// The picture as it came; none when it is not kept.
    pub async fn original_attachment(&self, id: AttachmentId) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT content FROM attachments \
                   JOIN evidence_blobs ON evidence_blobs.sha256 = attachments.sha256 WHERE id = $1";
        let row = self.reading(sqlx::query(sql).bind(id.to_string()).fetch_optional(&self.readers)).await?;
        row.map(|row| Fields::of(&row, "attachment").plain("content")).transpose()
    }
}

struct Attach {
    attachment: Attachment,
    original: Vec<u8>,
    shown: Vec<u8>,
    actor: Actor,
}

impl Change for Attach {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { attachment, original, shown, actor } = self;
        standing(ledger.connection, &attachment.case).await?;
        let count = "SELECT COUNT(*) AS count FROM attachments WHERE case_number = $1";
        if count_of(ledger.connection, count, &attachment.case).await? >= MAX_ATTACHMENTS {
            return Err(InvalidTransition::Invariant("ten pictures are enough for one request").into());
        }
        for (digest, bytes) in [(attachment.sha256, original), (attachment.shown_sha256, shown)] {
            sqlx::query(
                "INSERT INTO evidence_blobs (sha256, content) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            )
            .bind(digest.to_string())
            .bind(bytes)
            .execute(&mut *ledger.connection)
            .await?;
        }
        let sql = "INSERT INTO attachments \
                   (id, case_number, content_type, length, sha256, shown_sha256, received_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        sqlx::query(sql)
            .bind(attachment.id.to_string())
            .bind(&attachment.case.0)
            .bind(&attachment.content_type)
            .bind(row::stored_count(attachment.length))
            .bind(attachment.sha256.to_string())
            .bind(attachment.shown_sha256.to_string())
            .bind(attachment.received_at.micros())
            .execute(&mut *ledger.connection)
            .await?;
        let data = json!({
            "attachment": attachment.id,
            "content_type": attachment.content_type,
            "length": attachment.length,
            "sha256": attachment.sha256,
            "shown_sha256": attachment.shown_sha256,
        });
        let (case, at) = (&attachment.case, attachment.received_at);
        ledger.append_all(vec![about(case, EventType::ApplicantAttached, &actor, at, data)]).await
    }
}

fn read_attachment(row: &SqliteRow) -> Result<Attachment, StoreError> {
    let fields = Fields::of(row, "attachment");
    Ok(Attachment {
        id: fields.word("id")?,
        case: fields.word("case_number")?,
        content_type: fields.plain("content_type")?,
        length: fields.count("length")?,
        sha256: fields.word("sha256")?,
        shown_sha256: fields.word("shown_sha256")?,
        received_at: fields.moment("received_at")?,
    })
}
