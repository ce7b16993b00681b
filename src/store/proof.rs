//! What was found out about pictures, and the search for earlier ones that look alike. The index is four bands of the
//! fingerprint: a picture within 7 differing bits agrees with the new one in a band but for at most one bit, so 68
//! looked-up values find every one of them among millions (see `picture/fingerprint.rs`).

use std::collections::BTreeMap;

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::case::proof::{LookAlike, ProofCheck, SAME_ORDER_BITS};
use crate::case::work_order::EvidenceRef;
use crate::digest::Sha256;
use crate::ids::{EvidenceId, WorkOrderId};
use crate::picture::Fingerprint;

use super::row::{self, Fields};
use super::{MAX_UNPAGED, Store, StoreError};

/// Candidates of the index that are compared at most, the newest first. A million pictures give some thousand; more
/// than this share a band only where everybody photographs the same plain thing.
const MAX_CANDIDATES: i64 = 20_000;

/// What comes with a picture besides its original bytes.
#[derive(Clone, PartialEq, Debug)]
pub struct Examined {
    pub check: ProofCheck,
    pub fingerprint: Option<Fingerprint>,
    /// Differing bits of 64 up to which an earlier picture counts as alike.
    pub alike_bits: u32,
    pub display: Vec<u8>,
    pub thumbnail: Vec<u8>,
}

/// Which copy is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ViewSize {
    Display,
    Thumbnail,
}

impl ViewSize {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Display => "display",
            Self::Thumbnail => "thumbnail",
        }
    }
}

impl Store {
    /// The findings on the pictures of one order; those from before there were any have none.
    pub async fn checks_of(
        &self,
        order: WorkOrderId,
    ) -> Result<BTreeMap<EvidenceId, ProofCheck>, StoreError> {
        let sql = "SELECT evidence_checks.evidence, evidence_checks.body FROM evidence_checks \
                   JOIN evidence ON evidence.id = evidence_checks.evidence WHERE evidence.work_order = $1 LIMIT $2";
        let query = sqlx::query(sql).bind(order.to_string()).bind(MAX_UNPAGED);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let found = rows.iter().map(|row| {
            let fields = Fields::of(row, "evidence check");
            Ok((fields.word("evidence")?, fields.json("body")?))
        });
        found.collect()
    }

    /// A copy for the screen; none of pictures from before there were any.
    pub async fn evidence_view(&self, sha256: Sha256, size: ViewSize) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT content FROM evidence_views WHERE sha256 = $1 AND size = $2";
        let query = sqlx::query(sql).bind(sha256.to_string()).bind(size.name());
        let row = self.reading(query.fetch_optional(&self.readers)).await?;
        row.map(|row| Fields::of(&row, "evidence view").plain("content")).transpose()
    }

    /// The earlier picture that `evidence` repeats: the same file before any that looks alike, the closest of those.
    pub(super) async fn repeated_by(
        &self,
        evidence: &EvidenceRef,
        examined: &Examined,
    ) -> Result<Option<LookAlike>, StoreError> {
        if let Some(same) = self.same_file(evidence).await? {
            return Ok(Some(same));
        }
        let Some(fingerprint) = examined.fingerprint else { return Ok(None) };
        let mut query = candidates(fingerprint);
        let rows = self.reading(query.build().fetch_all(&self.readers)).await?;
        let mut closest: Option<(u32, EvidenceId)> = None;
        for row in &rows {
            let fields = Fields::of(row, "evidence check");
            let other = Fingerprint {
                across: fields.plain::<i64>("bits_across")?.cast_unsigned(),
                down: fields.plain::<i64>("bits_down")?.cast_unsigned(),
            };
            let order: WorkOrderId = fields.word("work_order")?;
            let is_same_order = order == evidence.order;
            let most = if is_same_order { SAME_ORDER_BITS } else { examined.alike_bits };
            let distance = fingerprint.distance_within(other, most.min(examined.alike_bits));
            if let Some(bits) = distance.filter(|bits| closest.is_none_or(|(least, _)| *bits < least)) {
                closest = Some((bits, fields.word("evidence")?));
            }
        }
        let Some((bits, earlier)) = closest else { return Ok(None) };
        self.look_alike(earlier, bits, false).await
    }

    async fn same_file(&self, evidence: &EvidenceRef) -> Result<Option<LookAlike>, StoreError> {
        let sql = "SELECT id FROM evidence WHERE sha256 = $1 ORDER BY received_at LIMIT 1";
        let query = sqlx::query(sql).bind(evidence.sha256.to_string());
        let Some(row) = self.reading(query.fetch_optional(&self.readers)).await? else { return Ok(None) };
        self.look_alike(Fields::of(&row, "evidence").word("id")?, 0, true).await
    }

    async fn look_alike(
        &self,
        evidence: EvidenceId,
        bits: u32,
        is_same_file: bool,
    ) -> Result<Option<LookAlike>, StoreError> {
        let sql = "SELECT case_number FROM work_orders \
                   WHERE id = (SELECT work_order FROM evidence WHERE id = $1)";
        let query = sqlx::query(sql).bind(evidence.to_string());
        let row = self.reading(query.fetch_optional(&self.readers)).await?;
        let case = row.map(|row| Fields::of(&row, "work order").word("case_number")).transpose()?;
        Ok(case.map(|case| LookAlike { evidence, case, bits, is_same_file }))
    }
}

/// Everything that could be within the distance, by each band for itself.
fn candidates(fingerprint: Fingerprint) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(
        "SELECT evidence, bits_across, bits_down, \
         (SELECT work_order FROM evidence WHERE id = evidence_checks.evidence) AS work_order \
         FROM evidence_checks WHERE ",
    );
    for (at, band) in fingerprint.bands().into_iter().enumerate() {
        query.push(if at == 0 { "" } else { " OR " });
        query.push(["band_0", "band_1", "band_2", "band_3"][at]).push(" IN (");
        let mut values = query.separated(", ");
        for probe in Fingerprint::probes(band) {
            values.push_bind(i64::from(probe));
        }
        query.push(")");
    }
    query.push(" ORDER BY rowid DESC LIMIT ").push_bind(MAX_CANDIDATES);
    query
}

/// Writes what `Examined` has, in the transaction of the evidence itself.
pub(super) async fn save(
    connection: &mut SqliteConnection,
    evidence: &EvidenceRef,
    examined: &Examined,
) -> Result<(), StoreError> {
    let bands = examined.fingerprint.map(|fingerprint| fingerprint.bands().map(i64::from));
    let sql = "INSERT INTO evidence_checks (evidence, body, bits_across, bits_down, band_0, band_1, band_2, band_3) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    sqlx::query(sql)
        .bind(evidence.id.to_string())
        .bind(row::json(&examined.check)?)
        .bind(examined.fingerprint.map(|fingerprint| fingerprint.across.cast_signed()))
        .bind(examined.fingerprint.map(|fingerprint| fingerprint.down.cast_signed()))
        .bind(bands.map(|bands| bands[0]))
        .bind(bands.map(|bands| bands[1]))
        .bind(bands.map(|bands| bands[2]))
        .bind(bands.map(|bands| bands[3]))
        .execute(&mut *connection)
        .await?;
    for (size, content) in
        [(ViewSize::Display, &examined.display), (ViewSize::Thumbnail, &examined.thumbnail)]
    {
        sqlx::query(
            "INSERT INTO evidence_views (sha256, size, content) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(evidence.sha256.to_string())
        .bind(size.name())
        .bind(content)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
