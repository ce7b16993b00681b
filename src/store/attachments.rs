//! Pictures from applicants: the original and what is shown of it, with the case they came with, encrypted under its key where
//! there is a master key. The journal tells that they came, with their digests, which are those of the pictures themselves.

use rand::RngExt as _;
use serde_json::json;
use sqlx::sqlite::SqliteRow;

use crate::case::CaseNumber;
use crate::case::transition::InvalidTransition;
use crate::content_key::{ContentKey, KEY_LEN, open_whole, seal_whole};
use crate::digest::Sha256;
use crate::ids::AttachmentId;
use crate::journal::EventType;
use crate::people::Actor;
use crate::time::Timestamp;

use super::filings::{about, count_of, standing};
use super::row::{self, Fields};
use super::writer::{Change, Ledger, WRITE_DEADLINE};
use super::{Store, StoreError, Subject};

/// Pictures of one case: enough to show what is wrong, few enough to look at.
const MAX_ATTACHMENTS: i64 = 10;
/// Pictures from before there was a key that are encrypted in one go, 10 MiB each at most.
const TAKEN_OVER_AT_ONCE: u32 = 4;

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
        let key = match self.encrypts() {
            true => Some(
                self.content_key_for(Subject::Case(attachment.case.clone()), attachment.received_at).await?,
            ),
            false => None,
        };
        let encrypted = key.is_some();
        let (original, shown) = (kept(key.clone(), attachment.id, original), kept(key, attachment.id, shown));
        let contents = [("original", original.await?), ("shown", shown.await?)];
        self.writer.make(Attach { attachment, encrypted, contents, actor }).await
    }

    /// Encrypts some of the pictures that are still plain; false when none was left, or there is no key.
    pub async fn encrypt_attachments(&self, at: Timestamp) -> Result<bool, StoreError> {
        if !self.encrypts() {
            return Ok(false);
        }
        let sql = "SELECT attachment, part, content, case_number FROM attachment_contents \
                   JOIN attachments ON attachments.id = attachment WHERE encrypted = 0 AND NOT EXISTS (SELECT 1 \
                   FROM content_keys WHERE subject = 'case:' || case_number AND destroyed_at IS NOT NULL) LIMIT $1";
        let rows = self.reading(sqlx::query(sql).bind(TAKEN_OVER_AT_ONCE).fetch_all(&self.readers)).await?;
        for row in &rows {
            let fields = Fields::of(row, "attachment");
            let (attachment, case): (AttachmentId, CaseNumber) =
                (fields.word("attachment")?, fields.word("case_number")?);
            let key = match self.content_key_for(Subject::Case(case), at).await {
                // Erased since they were listed.
                Err(StoreError::Erased) => continue,
                key => key?,
            };
            let content = kept(Some(key), attachment, fields.plain("content")?).await?;
            self.writer.make(TakeOver { attachment, part: fields.plain("part")?, content }).await?;
        }
        Ok(!rows.is_empty())
    }

    /// In order of arrival.
    pub async fn attachments_of(&self, case: &CaseNumber) -> Result<Vec<Attachment>, StoreError> {
        let sql = "SELECT * FROM attachments WHERE case_number = $1 ORDER BY received_at, id LIMIT $2";
        let query = sqlx::query(sql).bind(&case.0).bind(MAX_ATTACHMENTS);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read_attachment).collect()
    }

    /// The picture as it is shown.
    ///
    /// # Errors
    /// `Erased` when the key of its case was destroyed, `Corrupt` when it is not what came.
    pub async fn shown_attachment(
        &self,
        id: AttachmentId,
    ) -> Result<Option<(Attachment, Vec<u8>)>, StoreError> {
        self.attachment_content(id, "shown").await
    }

    /// The picture as it came.
    ///
    /// # Errors
    /// As [`Self::shown_attachment`].
    pub async fn original_attachment(
        &self,
        id: AttachmentId,
    ) -> Result<Option<(Attachment, Vec<u8>)>, StoreError> {
        self.attachment_content(id, "original").await
    }

    pub(super) async fn attachment_content(
        &self,
        id: AttachmentId,
        part: &str,
    ) -> Result<Option<(Attachment, Vec<u8>)>, StoreError> {
        let sql = "SELECT attachments.*, encrypted, content FROM attachments \
                   LEFT JOIN attachment_contents ON attachment = id AND part = $2 WHERE id = $1";
        let query = sqlx::query(sql).bind(id.to_string()).bind(part);
        let Some(row) = self.reading(query.fetch_optional(&self.readers)).await? else { return Ok(None) };
        let attachment = read_attachment(&row)?;
        let fields = Fields::of(&row, "attachment");
        let key = self.content_key(&Subject::Case(attachment.case.clone())).await?;
        let Some(content) = fields.plain::<Option<Vec<u8>>>("content")? else { return Ok(None) };
        if !fields.flag("encrypted")? {
            return Ok(Some((attachment, content)));
        }
        let spoilt = || StoreError::Corrupt { what: "attachment", detail: format!("{id}: {part}") };
        let opened = open_whole(&key.ok_or_else(spoilt)?, id.0, &content).map_err(|_| spoilt())?;
        // Both parts are of one attachment; which of them this is tells the digest.
        let digest = if part == "shown" { attachment.shown_sha256 } else { attachment.sha256 };
        if Sha256::of(&opened) == digest { Ok(Some((attachment, opened))) } else { Err(spoilt()) }
    }
}

/// What stands in the row; some milliseconds of a processor for a large picture, away from the tasks.
async fn kept(
    key: Option<ContentKey>,
    attachment: AttachmentId,
    content: Vec<u8>,
) -> Result<Vec<u8>, StoreError> {
    let Some(key) = key else { return Ok(content) };
    let salt: [u8; KEY_LEN] = rand::rng().random();
    let sealed = tokio::task::spawn_blocking(move || seal_whole(&key, attachment.0, salt, &content)).await;
    let failed =
        || StoreError::Corrupt { what: "attachment", detail: format!("{attachment}: not encrypted") };
    sealed.map_err(|_| failed())?.map_err(|_| failed())
}

struct TakeOver {
    attachment: AttachmentId,
    part: String,
    content: Vec<u8>,
}

impl Change for TakeOver {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let sql = "UPDATE attachment_contents SET encrypted = 1, content = $3 \
                   WHERE attachment = $1 AND part = $2 AND encrypted = 0";
        let update = sqlx::query(sql).bind(self.attachment.to_string()).bind(self.part).bind(self.content);
        update.execute(&mut *ledger.connection).await?;
        Ok(())
    }
}

struct Attach {
    attachment: Attachment,
    encrypted: bool,
    /// By part.
    contents: [(&'static str, Vec<u8>); 2],
    actor: Actor,
}

impl Change for Attach {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { attachment, encrypted, contents, actor } = self;
        standing(ledger.connection, &attachment.case).await?;
        let count = "SELECT COUNT(*) AS count FROM attachments WHERE case_number = $1";
        if count_of(ledger.connection, count, &attachment.case).await? >= MAX_ATTACHMENTS {
            return Err(InvalidTransition::Invariant("ten pictures are enough for one request").into());
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
        let sql =
            "INSERT INTO attachment_contents (attachment, part, encrypted, content) VALUES ($1, $2, $3, $4)";
        for (part, content) in contents {
            let insert = sqlx::query(sql).bind(attachment.id.to_string()).bind(part);
            insert.bind(i64::from(encrypted)).bind(content).execute(&mut *ledger.connection).await?;
        }
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

pub(super) fn read_attachment(row: &SqliteRow) -> Result<Attachment, StoreError> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use uuid::Uuid;

    use super::*;
    use crate::content_key::{KeyRing, MasterKey};
    use crate::journal::Draft;
    use crate::store::fixture::{Files, at, registered};

    const ORIGINAL: &[u8] = b"what the camera wrote, and where it was";
    const SHOWN: &[u8] = b"what is shown of it to everybody else";

    async fn attach(store: &Store, case: &CaseNumber, n: u128) -> AttachmentId {
        let attachment = Attachment {
            id: AttachmentId(Uuid::from_u128(n)),
            case: case.clone(),
            content_type: "image/png".to_owned(),
            length: ORIGINAL.len() as u64,
            sha256: Sha256::of(ORIGINAL),
            shown_sha256: Sha256::of(SHOWN),
            received_at: at(7),
        };
        let (id, actor) = (attachment.id, Actor::system("test"));
        store.attach(attachment, ORIGINAL.to_vec(), SHOWN.to_vec(), actor).await.unwrap();
        id
    }

    async fn contents(files: &Files) -> Vec<Vec<u8>> {
        let sql = "SELECT content FROM attachment_contents ORDER BY attachment, part";
        sqlx::query_scalar(sql).fetch_all(&mut files.intruder().await).await.unwrap()
    }

    fn keys() -> Option<KeyRing> {
        Some(KeyRing::new(MasterKey::new([1; 32]), Vec::new()))
    }

    #[tokio::test]
    async fn pictures_are_encrypted_under_the_key_of_their_case_also_those_from_before() {
        let files = Files::new();
        let plain = files.open().await;
        let case = registered(&plain, 1).await.number;
        let before = attach(&plain, &case, 1).await;
        assert_eq!(contents(&files).await, [ORIGINAL, SHOWN]);
        assert!(!plain.encrypt_attachments(at(8)).await.unwrap());
        let store = plain.clone().with_keys(keys());
        let after = attach(&store, &case, 2).await;
        assert!(store.encrypt_attachments(at(8)).await.unwrap());
        assert!(!store.encrypt_attachments(at(8)).await.unwrap(), "once");
        for content in contents(&files).await {
            let holds =
                |plain: &[u8]| content.windows(8).any(|part| plain.windows(8).any(|other| other == part));
            assert!(!holds(ORIGINAL) && !holds(SHOWN));
        }
        for id in [before, after] {
            assert_eq!(store.shown_attachment(id).await.unwrap().unwrap().1, SHOWN);
            assert_eq!(store.original_attachment(id).await.unwrap().unwrap().1, ORIGINAL);
        }
        assert!(matches!(plain.shown_attachment(after).await, Err(StoreError::KeyMissing { .. })));
    }

    #[tokio::test]
    async fn a_picture_that_was_exchanged_is_not_shown_and_an_erased_one_is_gone() {
        let files = Files::new();
        let store = files.open().await.with_keys(keys());
        let case = registered(&store, 1).await.number;
        let id = attach(&store, &case, 1).await;
        let exchanged = "UPDATE attachment_contents SET content = (SELECT content FROM attachment_contents \
                         WHERE part = 'original') WHERE part = 'shown'";
        sqlx::query(exchanged).execute(&mut files.intruder().await).await.unwrap();
        assert!(matches!(store.shown_attachment(id).await, Err(StoreError::Corrupt { .. })));
        let entry = Draft::new(EventType::AccessViewed, at(9), Actor::system("test"));
        store.destroy_content_key(Subject::Case(case), entry).await.unwrap();
        assert!(matches!(store.shown_attachment(id).await, Err(StoreError::Erased)));
        assert!(matches!(store.original_attachment(id).await, Err(StoreError::Erased)));
    }
}
