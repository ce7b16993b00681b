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
use super::{Examined, MAX_UNPAGED, Once, Store, StoreError, proof, sent};

/// Uploads between request and commit at most, 10 MiB each: the writer's queue alone would let thousands in.
pub(super) const IN_FLIGHT: usize = 8;

impl Store {
    /// Keeps the original bytes under their digest and journals `evidence.received`, at `evidence.received_at`, and
    /// `evidence.checked` with what was found out, the earlier picture it repeats among it.
    ///
    /// # Errors
    /// `Corrupt` when length or digest are not those of `bytes`, `NotFound` when the case has no such work order,
    /// `Exists` when the id is taken,
    /// `Repeated` and `KeyTaken` as said at [`Once`].
    pub async fn add_evidence(
        &self,
        submission: Submission,
        case: &CaseNumber,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let Submission { evidence, bytes, mut examined, once } = submission;
        if evidence.length != bytes.len() as u64 || evidence.sha256 != Sha256::of(&bytes) {
            let detail = format!("{}: the bytes are not those of its digest", evidence.id);
            return Err(StoreError::Corrupt { what: "evidence", detail });
        }
        let slot = tokio::time::timeout(WRITE_DEADLINE, self.evidence_slots.acquire()).await;
        let _slot = slot.map_err(|_| StoreError::Timeout)?.map_err(|_| StoreError::Closed)?;
        if let Some(once) = &once {
            self.refuse_repeated(once).await?;
        }
        let line = tokio::time::timeout(WRITE_DEADLINE, self.evidence_line.lock()).await;
        let _line = line.map_err(|_| StoreError::Timeout)?;
        if let Some(examined) = &mut examined {
            let earlier = self.repeated_by(&evidence, examined).await?;
            examined.check = examined.check.clone().repeating(earlier);
        }
        let submission = Submission { evidence, bytes, examined, once };
        self.writer.make(AddEvidence { submission, case: case.clone(), actor: actor.clone() }).await
    }

    /// In order of arrival.
    pub async fn evidence_of(&self, order: WorkOrderId) -> Result<Vec<EvidenceRef>, StoreError> {
        let sql = "SELECT * FROM evidence WHERE work_order = $1 ORDER BY received_at, id LIMIT $2";
        let query = sqlx::query(sql).bind(order.to_string()).bind(MAX_UNPAGED);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    pub async fn evidence(&self, id: EvidenceId) -> Result<Option<EvidenceRef>, StoreError> {
        let query = sqlx::query("SELECT * FROM evidence WHERE id = $1").bind(id.to_string());
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    pub async fn evidence_bytes(&self, id: EvidenceId) -> Result<Option<(EvidenceRef, Vec<u8>)>, StoreError> {
        let sql = "SELECT evidence.*, evidence_blobs.content FROM evidence \
                   JOIN evidence_blobs ON evidence_blobs.sha256 = evidence.sha256 WHERE evidence.id = $1";
        let query = sqlx::query(sql).bind(id.to_string());
        let Some(row) = self.reading(query.fetch_optional(&self.readers)).await? else { return Ok(None) };
        Ok(Some((read(&row)?, Fields::of(&row, "evidence").plain("content")?)))
    }
}

/// A piece of evidence on its way in.
#[derive(Clone, Debug)]
pub struct Submission {
    pub evidence: EvidenceRef,
    /// As they came.
    pub bytes: Vec<u8>,
    /// None of what is no picture.
    pub examined: Option<Examined>,
    pub once: Option<Once>,
}

struct AddEvidence {
    submission: Submission,
    case: CaseNumber,
    actor: Actor,
}

impl Change for AddEvidence {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { submission: Submission { evidence, bytes, examined, once }, case, actor } = self;
        if let Some(once) = &once {
            let outcome = evidence.id.to_string();
            sent::keep(ledger.connection, once, Some(&outcome), evidence.received_at).await?;
        }
        refuse_foreign_order(ledger.connection, &evidence, &case).await?;
        keep_picture(ledger.connection, evidence.sha256, bytes).await?;
        insert(ledger.connection, &evidence).await?;
        let mut draft = Draft::new(EventType::EvidenceReceived, evidence.received_at, actor);
        draft.case = Some(case.clone());
        draft.data = serde_json::json!({
            "evidence": evidence.id,
            "order": evidence.order,
            "role": evidence.role,
            "content_type": evidence.content_type,
            "length": evidence.length,
            "sha256": evidence.sha256,
        });
        let mut entries = vec![draft];
        if let Some(examined) = &examined {
            proof::save(ledger.connection, &evidence, examined).await?;
            let program = Actor::system("proof");
            let mut checked = Draft::new(EventType::EvidenceChecked, evidence.received_at, program);
            checked.case = Some(case);
            checked.data = examined.check.journal_data(evidence.id);
            entries.push(checked);
        }
        ledger.append_all(entries).await
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

pub(super) fn read(row: &SqliteRow) -> Result<EvidenceRef, StoreError> {
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

/// Keeps the bytes under their digest. Those of a picture that was erased and is sent again come back.
pub(super) async fn keep_picture(
    connection: &mut SqliteConnection,
    digest: Sha256,
    bytes: Vec<u8>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO evidence_blobs (sha256, content) VALUES ($1, $2) \
               ON CONFLICT (sha256) DO UPDATE SET content = excluded.content WHERE length(content) = 0";
    sqlx::query(sql).bind(digest.to_string()).bind(bytes).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::case::routing::Assignment;
    use crate::case::{Case, Deadline};
    use crate::ids::UserId;
    use crate::people::Role;
    use crate::store::fixture::{Files, at, fresh, registered};
    use uuid::Uuid;

    const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(70));

    /// A case whose order was issued.
    async fn assigned(store: &Store) -> Case {
        let case = registered(store, 1).await;
        let operator = Actor::person(Role::Operator, UserId(Uuid::from_u128(1)), None);
        let by = operator.clone();
        let assigned = store.change_case(&case.number, &operator, at(2), move |case, _| {
            let assignment = Assignment {
                order: ORDER,
                executor: "vodokanal".to_owned(),
                executor_name: "Vodokanal".to_owned(),
                deadline: Deadline {
                    norm: "water".to_owned(),
                    first: at(90),
                    resolve_by: at(90),
                    ..Deadline::default()
                },
                co_executors: Vec::new(),
                because: None,
                task: "mend".to_owned(),
            };
            case.assign(assignment, &by, at(2))
        });
        assigned.await.unwrap()
    }

    fn photo(n: u128, bytes: &[u8]) -> EvidenceRef {
        EvidenceRef {
            id: EvidenceId(Uuid::from_u128(n)),
            order: ORDER,
            role: "after".to_owned(),
            content_type: "image/jpeg".to_owned(),
            length: bytes.len() as u64,
            sha256: Sha256::of(bytes),
            received_at: at(i64::try_from(n).unwrap()),
            cycle: 1,
        }
    }

    fn plain(evidence: EvidenceRef, bytes: &[u8]) -> Submission {
        Submission { evidence, bytes: bytes.to_vec(), examined: None, once: None }
    }

    #[tokio::test]
    async fn the_original_bytes_are_kept_once_and_journalled() {
        let files = Files::new();
        let store = files.open().await;
        let case = assigned(&store).await;
        let actor = Actor::system("web");
        let bytes = vec![0xFF, 0xD8, 0x00, 0x27];
        let (first, second) = (photo(5, &bytes), photo(6, &bytes));
        for photo in [&second, &first] {
            store.add_evidence(plain(photo.clone(), &bytes), &case.number, &actor).await.unwrap();
        }
        assert_eq!(store.evidence_of(ORDER).await.unwrap(), [first.clone(), second]);
        assert_eq!(store.evidence_bytes(first.id).await.unwrap(), Some((first.clone(), bytes.clone())));
        let mut intruder = files.intruder().await;
        let kept: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM evidence_blobs").fetch_one(&mut intruder).await.unwrap();
        assert_eq!(kept, 1);
        let altered = sqlx::query("UPDATE evidence_blobs SET content = x'00'").execute(&mut intruder).await;
        assert!(altered.is_err());
        let last = store.entries_after(0, 100).await.unwrap().pop().unwrap();
        assert_eq!(
            (last.event.as_str(), last.case, last.at),
            ("evidence.received", Some(case.number.clone()), at(5))
        );
        assert_eq!(last.data["sha256"], first.sha256.to_string());

        let seen = store.change_case(&case.number, &actor, at(9), |case, evidence| {
            assert_eq!(evidence.len(), 2);
            Ok((case, Vec::new()))
        });
        seen.await.unwrap();
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_whole() {
        let (store, _files) = fresh().await;
        let case = assigned(&store).await;
        let (actor, bytes) = (Actor::system("web"), vec![1, 2, 3]);
        let good = photo(5, &bytes);
        store.add_evidence(plain(good.clone(), &bytes), &case.number, &actor).await.unwrap();
        let other_case = registered(&store, 2).await;
        let before = store.counts().await.unwrap().journal_seq;

        let other_bytes = store.add_evidence(plain(photo(6, &bytes), &[1, 2, 4]), &case.number, &actor).await;
        assert!(matches!(other_bytes, Err(StoreError::Corrupt { .. })), "{other_bytes:?}");
        let foreign = store.add_evidence(plain(photo(7, &bytes), &bytes), &other_case.number, &actor).await;
        assert!(matches!(foreign, Err(StoreError::NotFound("work order"))), "{foreign:?}");
        let twice = store.add_evidence(plain(good, &bytes), &case.number, &actor).await;
        assert!(matches!(twice, Err(StoreError::Exists(_))), "{twice:?}");

        assert_eq!(store.counts().await.unwrap().journal_seq, before);
        assert_eq!(store.evidence_of(ORDER).await.unwrap().len(), 1);
        assert_eq!(store.evidence_bytes(EvidenceId(Uuid::from_u128(7))).await.unwrap(), None);
    }
}
