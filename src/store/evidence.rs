//! Evidence of work: the original bytes, kept once under their digest, and who sent them for which order. What
//! kinds of file are let in is decided in `web/`, whether the evidence suffices in `crate::case`.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::case::CaseNumber;
use crate::case::work_order::EvidenceRef;
use crate::digest::Sha256;
use crate::ids::{EvidenceId, WorkOrderId};
use crate::journal::{Draft, EventType};
use crate::people::Actor;

use super::row::{self, Fields};
use super::writer::{Change, Ledger, WRITE_DEADLINE};
use super::{MAX_UNPAGED, Store, StoreError};

/// Uploads between request and commit at most, 10 MiB each: the writer's queue alone would let thousands in.
pub(super) const IN_FLIGHT: usize = 8;

impl Store {
    /// Keeps the original bytes under their digest and journals `evidence.received`, at `evidence.received_at`.
    ///
    /// # Errors
    /// `Corrupt` when length or digest are not those of `bytes`, `NotFound` when the case has no such work order,
    /// `Exists` when the id is taken.
    pub async fn add_evidence(
        &self,
        evidence: EvidenceRef,
        bytes: Vec<u8>,
        case: &CaseNumber,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        if evidence.length != bytes.len() as u64 || evidence.sha256 != Sha256::of(&bytes) {
            let detail = format!("{}: the bytes are not those of its digest", evidence.id);
            return Err(StoreError::Corrupt { what: "evidence", detail });
        }
        let slot = tokio::time::timeout(WRITE_DEADLINE, self.evidence_slots.acquire()).await;
        let _slot = slot.map_err(|_| StoreError::Timeout)?.map_err(|_| StoreError::Closed)?;
        self.writer.make(AddEvidence { evidence, bytes, case: case.clone(), actor: actor.clone() }).await
    }

    /// In order of arrival.
    pub async fn evidence_of(&self, order: WorkOrderId) -> Result<Vec<EvidenceRef>, StoreError> {
        let sql = "SELECT * FROM evidence WHERE work_order = $1 ORDER BY received_at, id LIMIT $2";
        let query = sqlx::query(sql).bind(order.to_string()).bind(MAX_UNPAGED);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    pub async fn evidence_bytes(
        &self,
        id: EvidenceId,
    ) -> Result<Option<(EvidenceRef, Vec<u8>)>, StoreError> {
        let sql = "SELECT evidence.*, evidence_blobs.content FROM evidence \
                   JOIN evidence_blobs ON evidence_blobs.sha256 = evidence.sha256 WHERE evidence.id = $1";
        let query = sqlx::query(sql).bind(id.to_string());
        let Some(row) = self.reading(query.fetch_optional(&self.readers)).await? else { return Ok(None) };
        Ok(Some((read(&row)?, Fields::of(&row, "evidence").plain("content")?)))
    }
}

struct AddEvidence {
    evidence: EvidenceRef,
    bytes: Vec<u8>,
    case: CaseNumber,
    actor: Actor,
}

impl Change for AddEvidence {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { evidence, bytes, case, actor } = self;
        refuse_foreign_order(ledger.connection, &evidence, &case).await?;
        sqlx::query("INSERT INTO evidence_blobs (sha256, content) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(evidence.sha256.to_string())
            .bind(bytes)
            .execute(&mut *ledger.connection)
            .await?;
        insert(ledger.connection, &evidence).await?;
        let mut draft = Draft::new(EventType::EvidenceReceived, evidence.received_at, actor);
        draft.case = Some(case);
        draft.data = serde_json::json!({
            "evidence": evidence.id,
            "order": evidence.order,
            "role": evidence.role,
            "content_type": evidence.content_type,
            "length": evidence.length,
            "sha256": evidence.sha256,
        });
        ledger.append(draft).await
    }
}

async fn refuse_foreign_order(
    connection: &mut SqliteConnection,
    evidence: &EvidenceRef,
    case: &CaseNumber,
) -> Result<(), StoreError> {
    let query = sqlx::query("SELECT 1 FROM work_orders WHERE id = $1 AND case_number = $2")
        .bind(evidence.order.to_string())
        .bind(&case.0);
    match query.fetch_optional(connection).await? {
        Some(_) => Ok(()),
        None => Err(StoreError::NotFound("work order")),
    }
}

async fn insert(connection: &mut SqliteConnection, evidence: &EvidenceRef) -> Result<(), StoreError> {
    let sql = "INSERT INTO evidence (id, work_order, role, content_type, length, sha256, received_at, cycle) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let inserted = sqlx::query(sql)
        .bind(evidence.id.to_string())
        .bind(evidence.order.to_string())
        .bind(&evidence.role)
        .bind(&evidence.content_type)
        .bind(row::stored_count(evidence.length))
        .bind(evidence.sha256.to_string())
        .bind(evidence.received_at.micros())
        .bind(i64::from(evidence.cycle))
        .execute(connection)
        .await?;
    if inserted.rows_affected() == 0 {
        return Err(StoreError::Exists(format!("evidence {}", evidence.id)));
    }
    Ok(())
}

fn read(row: &SqliteRow) -> Result<EvidenceRef, StoreError> {
    let fields = Fields::of(row, "evidence");
    Ok(EvidenceRef {
        id: fields.word("id")?,
        order: fields.word("work_order")?,
        role: fields.plain("role")?,
        content_type: fields.plain("content_type")?,
        length: fields.count("length")?,
        sha256: fields.word("sha256")?,
        received_at: fields.moment("received_at")?,
        cycle: fields.count("cycle")?,
    })
}
