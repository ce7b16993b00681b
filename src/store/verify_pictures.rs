//! The auditor's walk over pictures: those that applicants sent and those that crews proved their work with. Each row against
//! the entry that tells of it, both ways, and the octets against the digest of the entry. It only reads.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};
use sqlx::SqliteConnection;

use crate::case::proof::ProofCheck;
use crate::case::retention::Content;
use crate::case::{Case, CaseNumber};
use crate::digest::Sha256;
use crate::journal::{Entry, EventType};

use super::row::Fields;
use super::verify::{Finding, VerifyReport};
use super::{Store, StoreError, attachments, evidence, journal};

const ATTACHMENT: &str = "attachment";
const EVIDENCE: &str = "evidence";
/// Pictures of one case: ten of the applicant, and some of each of its orders.
const MAX_OF_CASE: u32 = 10_000;

/// What is wrong with a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PictureFault {
    RowMissing,
    EntryMissing,
    /// The column that is not what the entry tells.
    Column(&'static str),
    /// The octets of this part.
    Altered(&'static str),
    Missing(&'static str),
    /// It is encrypted.
    Locked(&'static str),
    /// What was found out about it.
    Check,
}

impl fmt::Display for PictureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RowMissing => f.write_str("its entry is there, and its row is missing"),
            Self::EntryMissing => f.write_str("its row is there, and no entry tells of it"),
            Self::Column(what) => write!(f, "{what} is not what the journal tells"),
            Self::Altered(part) => write!(f, "its {part} picture is not the one that came"),
            Self::Missing(part) => write!(f, "its {part} picture is missing"),
            Self::Locked(part) => write!(f, "its {part} picture is encrypted, and its key is not there"),
            Self::Check => f.write_str("what was found out about it is not what the journal tells"),
        }
    }
}

/// Entries that tell of a picture.
pub(super) fn is_told(event: &str) -> bool {
    [EventType::ApplicantAttached, EventType::EvidenceReceived].iter().any(|told| told.name() == event)
}

/// The entry a picture came with, and the last one of what was found out about it.
type Told = BTreeMap<(&'static str, String), (Entry, Option<Value>)>;

impl Store {
    pub(super) async fn verify_pictures(
        &self,
        case: &Case,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        let mut told = self.told_of_pictures(&case.number).await?;
        let is_erased = case.erased.contains(&Content::Photos);
        let mut found = Vec::new();
        let sql = "SELECT * FROM attachments WHERE case_number = $1 ORDER BY id LIMIT $2";
        let query = sqlx::query(sql).bind(&case.number.0).bind(MAX_OF_CASE);
        for row in self.reading(query.fetch_all(&self.readers)).await? {
            let row = attachments::read_attachment(&row)?;
            let (kind, id) = (ATTACHMENT, row.id.to_string());
            let data = json!({ "attachment": row.id, "content_type": row.content_type, "length": row.length,
                "sha256": row.sha256, "shown_sha256": row.shown_sha256 });
            let entry = told.remove(&(kind, id.clone())).map(|(entry, _)| entry);
            let fault = entry.as_ref().map_or(Some(PictureFault::EntryMissing), |entry| {
                differs(&data, &entry.data, row.received_at == entry.at)
            });
            found.extend(fault.map(|fault| (kind, id.clone(), fault)));
            if is_erased || entry.is_none() {
                continue;
            }
            for (part, digest) in [("original", row.sha256), ("shown", row.shown_sha256)] {
                let fault = match self.attachment_content(row.id, part).await {
                    Ok(Some((_, content))) if Sha256::of(&content) == digest => continue,
                    Ok(Some(_)) | Err(StoreError::Corrupt { .. }) => PictureFault::Altered(part),
                    Ok(None) | Err(StoreError::Erased) => PictureFault::Missing(part),
                    Err(StoreError::KeyMissing { .. }) => PictureFault::Locked(part),
                    Err(error) => return Err(error),
                };
                found.push((kind, id.clone(), fault));
            }
        }
        self.verify_evidence(&case.number, &mut told, is_erased, &mut found).await?;
        found.extend(told.into_keys().map(|(kind, id)| (kind, id, PictureFault::RowMissing)));
        for (kind, id, fault) in found {
            report.add(Finding::PictureDiffers { kind, id, case: case.number.clone(), fault });
        }
        Ok(())
    }

    async fn told_of_pictures(&self, case: &CaseNumber) -> Result<Told, StoreError> {
        let sql = "SELECT * FROM journal WHERE case_number = $1 \
                   AND type IN ('applicant.attached', 'evidence.received', 'evidence.checked') ORDER BY seq";
        let mut told = Told::new();
        for row in self.reading(sqlx::query(sql).bind(&case.0).fetch_all(&self.readers)).await? {
            let entry = journal::read(&row)?;
            let kind = if entry.event == EventType::ApplicantAttached.name() { ATTACHMENT } else { EVIDENCE };
            let key = (kind, entry.data[kind].as_str().unwrap_or_default().to_owned());
            if entry.event != EventType::EvidenceChecked.name() {
                told.insert(key, (entry, None));
            } else if let Some((_, check)) = told.get_mut(&key) {
                *check = Some(entry.data);
            }
        }
        Ok(told)
    }

    async fn verify_evidence(
        &self,
        case: &CaseNumber,
        told: &mut Told,
        is_erased: bool,
        found: &mut Vec<(&'static str, String, PictureFault)>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT evidence.*, evidence_checks.body FROM work_orders JOIN evidence ON work_order = work_orders.id \
                   LEFT JOIN evidence_checks ON evidence_checks.evidence = evidence.id \
                   WHERE case_number = $1 ORDER BY evidence.id LIMIT $2";
        let rows = sqlx::query(sql).bind(&case.0).bind(MAX_OF_CASE).fetch_all(&self.readers);
        for row in self.reading(rows).await? {
            let (check, row): (Option<ProofCheck>, _) =
                (Fields::of(&row, "evidence check").optional_json("body")?, evidence::read(&row)?);
            let (kind, id) = (EVIDENCE, row.id.to_string());
            let data = json!({ "evidence": row.id, "order": row.order, "role": row.role,
                "content_type": row.content_type, "length": row.length, "sha256": row.sha256 });
            let Some((entry, checked)) = told.remove(&(kind, id.clone())) else {
                found.push((kind, id, PictureFault::EntryMissing));
                continue;
            };
            let mut fault = differs(&data, &entry.data, row.received_at == entry.at);
            if check.map(|check| check.journal_data(row.id)) != checked {
                fault = fault.or(Some(PictureFault::Check));
            }
            found.extend(fault.map(|fault| (kind, id.clone(), fault)));
            let mut reader = self.readers.acquire().await?;
            let content = content_of(&mut reader, row.sha256).await?;
            let fault = match content {
                // The same picture may still prove the work on another case.
                None => (!is_erased).then_some(PictureFault::Missing("original")),
                Some(digest) => (digest != row.sha256).then_some(PictureFault::Altered("original")),
            };
            found.extend(fault.map(|fault| (kind, id, fault)));
        }
        Ok(())
    }
}

/// The digest of what lies under `sha256`; none when nothing does, or it was emptied.
async fn content_of(reader: &mut SqliteConnection, sha256: Sha256) -> Result<Option<Sha256>, StoreError> {
    let sql = "SELECT content FROM evidence_blobs WHERE sha256 = $1 AND length(content) > 0";
    let row = sqlx::query(sql).bind(sha256.to_string()).fetch_optional(reader).await?;
    let content: Option<Vec<u8>> = row.map(|row| Fields::of(&row, EVIDENCE).plain("content")).transpose()?;
    Ok(content.map(|content| Sha256::of(&content)))
}

/// The first column that differs.
fn differs(row: &Value, entry: &Value, is_same_moment: bool) -> Option<PictureFault> {
    const COLUMNS: [&str; 8] =
        ["attachment", "evidence", "order", "role", "content_type", "length", "sha256", "shown_sha256"];
    let column = COLUMNS.into_iter().find(|column| row[*column] != entry[*column]);
    column.or((!is_same_moment).then_some("the time")).map(PictureFault::Column)
}
