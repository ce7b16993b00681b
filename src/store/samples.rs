//! Samples of calls for auditors: what they are drawn from, the draw, and what came of each call; a row and its entry in one
//! transaction. How a draw goes is `crate::audit::sample`; that it was kept to holds `verify_audit.rs`.

use std::time::Duration;

use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, SqliteConnection};

use crate::audit::sample::{
    self, Commitment, DrawRefused, Drawn, Item, Judged, JudgingRefused, MAX_FRAME, MAX_SAMPLES, Outcome,
    Strata,
};
use crate::audit::{Scope, ScopedCall};
use crate::digest::Sha256;
use crate::ids::{ContactId, EngagementId, FindingId, SampleId, UserId};
use crate::journal::{Draft, EventType};
use crate::people::Actor;
use crate::time::Timestamp;

use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{ROWS_AT_ONCE, Store, StoreError};

/// For a month of calls on a slow disk.
const FRAME_DEADLINE: Duration = Duration::from_secs(15);

/// A sample without its frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptSample {
    pub commitment: Commitment,
    /// Number of the entry that tells of it.
    pub entry: u64,
    pub drawn: Option<Drawn>,
    /// Calls of it with an outcome.
    pub judged: usize,
}

impl Store {
    /// What a sample would be drawn from: calls that have ended, of a period and a scope. None when there are more than
    /// 300,000.
    pub async fn frame(
        &self,
        scope: &Scope,
        period: (Timestamp, Timestamp),
        strata: Strata,
    ) -> Result<Option<(String, usize)>, StoreError> {
        let mut query = QueryBuilder::new(
            "SELECT id, offered_at, category, queue FROM contacts WHERE ended_at IS NOT NULL AND offered_at >= ",
        );
        query.push_bind(period.0.micros()).push(" AND offered_at < ").push_bind(period.1.micros());
        let most = i64::try_from(MAX_FRAME).unwrap_or(i64::MAX).saturating_add(1);
        query.push(" ORDER BY offered_at LIMIT ").push_bind(most);
        let rows = self.reading_within(FRAME_DEADLINE, query.build().fetch_all(&self.readers)).await?;
        if rows.len() > MAX_FRAME {
            return Ok(None);
        }
        let mut calls: Vec<(ContactId, String)> = Vec::with_capacity(rows.len());
        for row in &rows {
            let fields = Fields::of(row, "call");
            let call = ScopedCall {
                offered_at: fields.moment("offered_at")?,
                category: fields.plain("category")?,
                queue: fields.plain("queue")?,
            };
            if scope.covers(&call) {
                calls.push((fields.word("id")?, strata.of(&call)));
            }
        }
        calls.sort_unstable();
        let text = sample::frame_text(calls.iter().map(|(id, stratum)| (*id, stratum.as_str())));
        Ok(Some((text, calls.len())))
    }

    /// Fixes what a sample depends on, before its seed can be known.
    ///
    /// # Errors
    /// `NotFound` when the engagement has no room for one more.
    pub async fn commit_sample(
        &self,
        commitment: Commitment,
        frame: String,
        by: Actor,
    ) -> Result<(), StoreError> {
        self.writer.make(Commit { commitment, frame, by }).await
    }

    /// Draws it by the first checkpoint after it was fixed and `value`; by the inner error when that cannot be.
    pub async fn draw_sample(
        &self,
        id: SampleId,
        value: String,
        at: Timestamp,
        by: Actor,
    ) -> Result<Result<(), DrawRefused>, StoreError> {
        self.writer.make(Draw { id, value, at, by }).await
    }

    /// Says what came of a call of it; the last word counts. Findings that `author` noted about the call since the draw
    /// belong to the outcome [`Outcome::Finding`].
    pub async fn judge_item(
        &self,
        sample: SampleId,
        place: u32,
        outcome: Outcome,
        (author, by): (UserId, Actor),
        at: Timestamp,
    ) -> Result<Result<(), JudgingRefused>, StoreError> {
        self.writer.make(Judge { sample, place, outcome, author, by, at }).await
    }

    pub async fn sample(&self, id: SampleId) -> Result<Option<KeptSample>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{SAMPLES} WHERE id = $1"))).bind(id.to_string());
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    /// Samples of an engagement, in the order in which they were fixed; 50 at most.
    pub async fn samples_of(&self, engagement: EngagementId) -> Result<Vec<KeptSample>, StoreError> {
        let sql = format!("{SAMPLES} WHERE engagement = $1 ORDER BY entry LIMIT $2");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(engagement.to_string()).bind(MAX_SAMPLES);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    /// The text that a sample was drawn from.
    pub async fn sample_frame(&self, id: SampleId) -> Result<Option<String>, StoreError> {
        let query = sqlx::query("SELECT frame FROM audit_samples WHERE id = $1").bind(id.to_string());
        let row = self.reading(query.fetch_optional(&self.readers)).await?;
        row.map(|row| Fields::of(&row, "sample").plain("frame")).transpose()
    }

    /// The calls of a sample, and whether `auditor` listened to each since the draw.
    pub async fn sample_items(&self, id: SampleId, auditor: UserId) -> Result<Vec<(Item, bool)>, StoreError> {
        let sql = "SELECT audit_items.*, EXISTS (SELECT 1 FROM journal WHERE journal.contact = audit_items.contact \
                   AND type = 'access.played' AND json_extract(actor, '$.id') = $2 \
                   AND journal.at >= audit_samples.drawn_at) AS heard \
                   FROM audit_items JOIN audit_samples ON audit_samples.id = sample \
                   WHERE sample = $1 ORDER BY place LIMIT $3";
        let most = i64::try_from(sample::MAX_SIZE).unwrap_or(i64::MAX);
        let query = sqlx::query(sql).bind(id.to_string()).bind(auditor.to_string()).bind(most);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        rows.iter().map(|row| Ok((read_item(row)?, Fields::of(row, "item").flag("heard")?))).collect()
    }
}

const SAMPLES: &str = "SELECT id, engagement, committed_at, entry, calls_from, calls_until, frame_size, \
                       frame_sha256, size, strata, source, public_at, drawn_at, checkpoint_size, root, value, \
                       (SELECT count(*) FROM audit_items WHERE sample = audit_samples.id AND outcome IS NOT NULL) \
                       AS judged FROM audit_samples";

struct Commit {
    commitment: Commitment,
    frame: String,
    by: Actor,
}

impl Change for Commit {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { commitment: it, frame, by } = self;
        let mut draft = Draft::new(EventType::AuditSampleCommitted, it.committed_at, by);
        draft.data = committed(&it)?;
        let entry = ledger.head.seq + 1;
        let sql = "INSERT INTO audit_samples (id, engagement, committed_at, entry, calls_from, calls_until, frame, \
                   frame_size, frame_sha256, size, strata, source, public_at) \
                   SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 FROM audit_engagements WHERE id = $2 \
                   AND (SELECT count(*) FROM audit_samples WHERE engagement = $2) < $14";
        let kept = sqlx::query(sql)
            .bind(it.id.to_string())
            .bind(it.engagement.to_string())
            .bind(it.committed_at.micros())
            .bind(row::stored_count(entry))
            .bind(it.calls_from.micros())
            .bind(it.calls_until.micros())
            .bind(&frame)
            .bind(row::stored_count(it.frame_size as u64))
            .bind(it.frame.to_string())
            .bind(row::stored_count(it.size as u64))
            .bind(row::word(&it.strata)?)
            .bind(&it.source)
            .bind(it.public_at.micros())
            .bind(MAX_SAMPLES)
            .execute(&mut *ledger.connection)
            .await?;
        if kept.rows_affected() == 0 {
            return Err(StoreError::NotFound("engagement with room for a sample"));
        }
        ledger.append_all(vec![draft]).await
    }
}

/// What the journal tells of a commitment.
pub(super) fn committed(it: &Commitment) -> Result<serde_json::Value, StoreError> {
    Ok(json!({
        "sample": it.id, "engagement": it.engagement, "calls_from": it.calls_from, "calls_until": it.calls_until,
        "frame_size": it.frame_size, "frame_sha256": it.frame, "size": it.size, "strata": row::word(&it.strata)?,
        "source": it.source, "public_at": it.public_at,
    }))
}

/// What it tells of a draw.
pub(super) fn told(id: SampleId, drawn: &Drawn) -> serde_json::Value {
    json!({
        "sample": id, "checkpoint": drawn.checkpoint, "root": drawn.root, "value": drawn.value, "seed": drawn.seed(),
    })
}

struct Draw {
    id: SampleId,
    value: String,
    at: Timestamp,
    by: Actor,
}

impl Change for Draw {
    type Answer = Result<(), DrawRefused>;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Self::Answer, StoreError> {
        let Self { id, value, at, by } = self;
        let (sql, key) = (format!("{SAMPLES} WHERE id = $1"), id.to_string());
        let row =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(&key).fetch_optional(&mut *ledger.connection).await?;
        let Some(kept) = row.as_ref().map(read).transpose()? else { return Ok(Err(DrawRefused::Unknown)) };
        if kept.drawn.is_some() {
            return Ok(Err(DrawRefused::Drawn));
        }
        let Some((checkpoint, root, signed_at)) = first_checkpoint(ledger.connection, kept.entry).await?
        else {
            return Ok(Err(DrawRefused::NoCheckpoint));
        };
        let drawn = match kept.commitment.draw(Drawn { at, checkpoint, root, value }, signed_at) {
            Ok(drawn) => drawn,
            Err(refused) => return Ok(Err(refused)),
        };
        let query = sqlx::query("SELECT frame FROM audit_samples WHERE id = $1").bind(&key);
        let row = query.fetch_one(&mut *ledger.connection).await?;
        let frame: String = Fields::of(&row, "sample").plain("frame")?;
        let chosen = sample::choose(&frame, kept.commitment.size, &drawn.seed());
        let unreadable = || StoreError::Corrupt { what: "sample", detail: "its frame".to_owned() };
        let chosen: Vec<_> = (1_i64..).zip(chosen.ok_or_else(unreadable)?).collect();
        for chosen in chosen.chunks(ROWS_AT_ONCE) {
            let mut insert = QueryBuilder::new("INSERT INTO audit_items (sample, place, contact, stratum) ");
            insert.push_values(chosen, |mut values, (place, (contact, stratum))| {
                values.push_bind(&key).push_bind(*place).push_bind(contact.to_string()).push_bind(stratum);
            });
            insert.build().execute(&mut *ledger.connection).await?;
        }
        let sql = "UPDATE audit_samples SET drawn_at = $2, checkpoint_size = $3, root = $4, value = $5 WHERE id = $1";
        let query = sqlx::query(sql).bind(&key).bind(drawn.at.micros());
        let query = query.bind(row::stored_count(checkpoint)).bind(root.to_string()).bind(&drawn.value);
        query.execute(&mut *ledger.connection).await?;
        let mut draft = Draft::new(EventType::AuditSampleDrawn, drawn.at, by);
        draft.data = told(id, &drawn);
        ledger.append_all(vec![draft]).await?;
        Ok(Ok(()))
    }
}

/// The first checkpoint whose tree has entry `seq` in it: its size, its root, and when it was signed.
pub(super) async fn first_checkpoint(
    connection: &mut SqliteConnection,
    seq: u64,
) -> Result<Option<(u64, Sha256, Timestamp)>, StoreError> {
    let sql = "SELECT size, root, at FROM checkpoints WHERE size >= $1 ORDER BY size LIMIT 1";
    let row = sqlx::query(sql).bind(row::stored_count(seq)).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(None) };
    let fields = Fields::of(&row, "checkpoint");
    Ok(Some((fields.count("size")?, fields.word("root")?, fields.moment("at")?)))
}

struct Judge {
    sample: SampleId,
    place: u32,
    outcome: Outcome,
    author: UserId,
    by: Actor,
    at: Timestamp,
}

impl Change for Judge {
    type Answer = Result<(), JudgingRefused>;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Self::Answer, StoreError> {
        let Self { sample, place, outcome, author, by, at } = self;
        let sql = "SELECT audit_items.contact, (SELECT json_group_array(findings.id) FROM findings \
                   WHERE findings.contact = audit_items.contact AND author = $3 AND findings.at >= drawn_at) AS noted \
                   FROM audit_items JOIN audit_samples ON audit_samples.id = sample WHERE sample = $1 AND place = $2";
        let query = sqlx::query(sql).bind(sample.to_string()).bind(place).bind(author.to_string());
        let Some(row) = query.fetch_optional(&mut *ledger.connection).await? else {
            return Ok(Err(JudgingRefused::Unknown));
        };
        let fields = Fields::of(&row, "item");
        let mut findings: Vec<FindingId> = fields.json("noted")?;
        findings.sort_unstable();
        match outcome {
            Outcome::Finding if findings.is_empty() => return Ok(Err(JudgingRefused::NothingNoted)),
            Outcome::Finding => {}
            _ => findings.clear(),
        }
        let sql = "UPDATE audit_items SET outcome = $3, judged_at = $4, findings = $5 WHERE sample = $1 AND place = $2";
        let query = sqlx::query(sql).bind(sample.to_string()).bind(place).bind(row::word(&outcome)?);
        let query = query.bind(at.micros()).bind(row::json(&findings)?);
        query.execute(&mut *ledger.connection).await?;
        let mut draft = Draft::new(EventType::AuditItemJudged, at, by);
        draft.contact = Some(fields.word("contact")?);
        draft.data = judged(sample, place, &Judged { outcome, at, findings })?;
        ledger.append_all(vec![draft]).await?;
        Ok(Ok(()))
    }
}

/// What the journal tells of an outcome.
pub(super) fn judged(sample: SampleId, place: u32, it: &Judged) -> Result<serde_json::Value, StoreError> {
    Ok(json!({
        "sample": sample, "place": place, "outcome": row::word(&it.outcome)?, "findings": it.findings,
    }))
}

pub(super) fn read_item(row: &SqliteRow) -> Result<Item, StoreError> {
    let fields = Fields::of(row, "item");
    let judged = match fields.optional_word("outcome")? {
        Some(outcome) => {
            Some(Judged { outcome, at: fields.moment("judged_at")?, findings: fields.json("findings")? })
        }
        None => None,
    };
    Ok(Item {
        place: fields.count("place")?,
        contact: fields.word("contact")?,
        stratum: fields.plain("stratum")?,
        judged,
    })
}

pub(super) fn read(row: &SqliteRow) -> Result<KeptSample, StoreError> {
    let fields = Fields::of(row, "sample");
    let drawn = match fields.optional_moment("drawn_at")? {
        Some(at) => Some(Drawn {
            at,
            checkpoint: fields.count("checkpoint_size")?,
            root: fields.word("root")?,
            value: fields.plain("value")?,
        }),
        None => None,
    };
    Ok(KeptSample {
        commitment: Commitment {
            id: fields.word("id")?,
            engagement: fields.word("engagement")?,
            committed_at: fields.moment("committed_at")?,
            calls_from: fields.moment("calls_from")?,
            calls_until: fields.moment("calls_until")?,
            frame_size: fields.count("frame_size")?,
            frame: fields.word("frame_sha256")?,
            size: fields.count("size")?,
            strata: fields.word("strata")?,
            source: fields.plain("source")?,
            public_at: fields.moment("public_at")?,
        },
        entry: fields.count("entry")?,
        drawn,
        judged: fields.count("judged")?,
    })
}
