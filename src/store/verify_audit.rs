//! Engagements and samples under the same proof as everything else: each row against the entries that tell of it, and every
//! draw once more, from its frame, its checkpoint and its public value. It only reads.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::audit::Engagement;
use crate::audit::sample::{self, Item};
use crate::digest::Sha256;
use crate::ids::{EngagementId, SampleId};
use crate::journal::{Entry, EventType};

use super::row::Fields;
use super::samples::{self, KeptSample};
use super::verify::{Finding, VerifyReport};
use super::{Store, StoreError, engagements, journal, row};

/// Entries and rows read at once.
const AT_ONCE: u32 = 500;

/// The entries of one engagement or one sample.
#[derive(Default)]
struct Told {
    begun: Option<Entry>,
    /// `audit.closed` or `audit.sample_drawn`.
    done: Option<Entry>,
    /// The last word about each call, by its place.
    judged: BTreeMap<u64, Entry>,
}

impl Store {
    pub(super) async fn verify_audits(&self, report: &mut VerifyReport) -> Result<(), StoreError> {
        let (mut told, last) = self.told_of_audits().await?;
        for row in
            self.audit_rows("SELECT * FROM audit_engagements WHERE id > $1 ORDER BY id LIMIT $2").await?
        {
            let engagement = engagements::read(&row)?;
            let entries = told.remove(&engagement.id.0).unwrap_or_default();
            // One that was written to while this was read has its entry behind the last that was looked at.
            if self.audits_after(last, engagement.id.0).await? {
                continue;
            }
            let fields = Fields::of(&row, "engagement");
            let is_said = fields.plain::<Option<String>>("closing")?.is_some();
            // Words without anybody who said them are read as none.
            let half_closed = (is_said != engagement.closed.is_some()).then_some("the closing");
            if let Some(what) = engagement_difference(&engagement, &entries).or(half_closed) {
                report.add(Finding::AuditDiffers { kind: "engagement", id: engagement.id.0, what });
            }
        }
        let sql = "SELECT *, 0 AS judged FROM audit_samples WHERE id > $1 ORDER BY id LIMIT $2";
        for row in self.audit_rows(sql).await? {
            let kept = samples::read(&row)?;
            let entries = told.remove(&kept.commitment.id.0).unwrap_or_default();
            let id = kept.commitment.id;
            if self.audits_after(last, id.0).await? {
                continue;
            }
            let frame: String = Fields::of(&row, "sample").plain("frame")?;
            if let Some(what) = self.sample_difference(&kept, &frame, &entries).await? {
                report.add(Finding::AuditDiffers { kind: "sample", id: id.0, what });
            }
        }
        for (id, entries) in told {
            let is_sample = entries.begun.is_none_or(|it| it.event != EventType::AuditEngaged.name());
            let kind = if is_sample { "sample" } else { "engagement" };
            report.add(Finding::AuditDiffers { kind, id, what: "the row" });
        }
        Ok(())
    }

    /// All entries about audits by what they are about, and the number of the last.
    async fn told_of_audits(&self) -> Result<(BTreeMap<Uuid, Told>, u64), StoreError> {
        let sql = "SELECT * FROM journal WHERE type >= 'audit.' AND type < 'audit/' AND seq > $1 ORDER BY seq LIMIT $2";
        let (mut told, mut last) = (BTreeMap::<Uuid, Told>::new(), 0);
        loop {
            let query = sqlx::query(sql).bind(row::stored_count(last)).bind(AT_ONCE);
            let rows = self.reading(query.fetch_all(&self.readers)).await?;
            for row in &rows {
                let entry = journal::read(row)?;
                last = entry.seq;
                let about = entry.data["sample"].as_str().or(entry.data["engagement"].as_str());
                let Some(about) = about.and_then(|id| id.parse().ok()) else { continue };
                let of = told.entry(about).or_default();
                match EventType::from_name(&entry.event) {
                    Some(EventType::AuditEngaged | EventType::AuditSampleCommitted) => of.begun = Some(entry),
                    Some(EventType::AuditItemJudged) => {
                        of.judged.insert(entry.data["place"].as_u64().unwrap_or(0), entry);
                    }
                    _ => of.done = Some(entry),
                }
            }
            if rows.len() < AT_ONCE as usize {
                return Ok((told, last));
            }
        }
    }

    /// `sql` page by page; engagements and samples are few.
    async fn audit_rows(&self, sql: &'static str) -> Result<Vec<sqlx::sqlite::SqliteRow>, StoreError> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let query = sqlx::query(sql).bind(&after).bind(AT_ONCE);
            let rows = self.reading(query.fetch_all(&self.readers)).await?;
            let is_last = rows.len() < AT_ONCE as usize;
            if let Some(row) = rows.last() {
                after = Fields::of(row, "audit").plain("id")?;
            }
            all.extend(rows);
            if is_last {
                return Ok(all);
            }
        }
    }

    async fn audits_after(&self, seq: u64, id: Uuid) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM journal WHERE type >= 'audit.' AND type < 'audit/' AND seq > $1 \
                   AND (json_extract(data, '$.sample') = $2 OR json_extract(data, '$.engagement') = $2)";
        let query = sqlx::query(sql).bind(row::stored_count(seq)).bind(id.to_string());
        Ok(self.reading(query.fetch_optional(&self.readers)).await?.is_some())
    }

    /// What of a sample is not as the journal tells it, or not what the draw gives.
    async fn sample_difference(
        &self,
        kept: &KeptSample,
        frame: &str,
        told: &Told,
    ) -> Result<Option<&'static str>, StoreError> {
        let it = &kept.commitment;
        let Some(begun) = &told.begun else { return Ok(Some("the entry")) };
        if begun.seq != kept.entry || begun.at != it.committed_at || begun.data != samples::committed(it)? {
            return Ok(Some("the commitment"));
        }
        if Sha256::of(frame.as_bytes()) != it.frame || frame.lines().count() != it.frame_size {
            return Ok(Some("the frame"));
        }
        let sql = "SELECT * FROM audit_items WHERE sample = $1 ORDER BY place";
        let rows = self.reading(sqlx::query(sql).bind(it.id.to_string()).fetch_all(&self.readers)).await?;
        let items: Vec<Item> = rows.iter().map(samples::read_item).collect::<Result<_, _>>()?;
        for row in &rows {
            let fields = Fields::of(row, "sample item");
            let (outcome, judged_at): (Option<String>, Option<i64>) =
                (fields.plain("outcome")?, fields.plain("judged_at")?);
            let is_blank = fields.plain::<String>("findings")? == "[]";
            // Half an outcome is read as none.
            if outcome.is_some() != judged_at.is_some() || outcome.is_none() && !is_blank {
                return Ok(Some("an outcome"));
            }
        }
        let Some(drawn) = &kept.drawn else {
            let is_undrawn = told.done.is_none() && items.is_empty();
            return Ok((!is_undrawn).then_some("the draw"));
        };
        let told_draw = told.done.as_ref().filter(|entry| entry.at == drawn.at);
        if told_draw.is_none_or(|entry| entry.data != samples::told(it.id, drawn)) {
            return Ok(Some("the draw"));
        }
        let mut connection = self.readers.acquire().await?;
        let first = samples::first_checkpoint(&mut connection, kept.entry).await?;
        drop(connection);
        let is_first = first.is_some_and(|(size, root, at)| {
            (size, root) == (drawn.checkpoint, drawn.root) && at < it.public_at
        });
        if !is_first {
            return Ok(Some("the checkpoint"));
        }
        let chosen = sample::choose(frame, it.size, &drawn.seed()).unwrap_or_default();
        let listed: Vec<_> = items.iter().map(|item| (item.contact, item.stratum.clone())).collect();
        let in_order = (1_u32..).zip(&items).all(|(place, item)| item.place == place);
        if chosen != listed || !in_order {
            return Ok(Some("what was drawn"));
        }
        outcomes_differ(it.id, &items, told).map(|differ| differ.then_some("an outcome"))
    }
}

fn outcomes_differ(id: SampleId, items: &[Item], told: &Told) -> Result<bool, StoreError> {
    let places: BTreeSet<u64> = items.iter().map(|item| u64::from(item.place)).collect();
    for item in items {
        let entry = told.judged.get(&u64::from(item.place));
        let agrees = match (&item.judged, entry) {
            (None, None) => true,
            (Some(judged), Some(entry)) => {
                entry.at == judged.at
                    && entry.contact == Some(item.contact)
                    && entry.data == samples::judged(id, item.place, judged)?
            }
            _ => false,
        };
        if !agrees {
            return Ok(true);
        }
    }
    Ok(told.judged.keys().any(|place| !places.contains(place)))
}

fn engagement_difference(it: &Engagement, told: &Told) -> Option<&'static str> {
    let Some(begun) = &told.begun else { return Some("the entry") };
    let id: Option<EngagementId> = begun.data["engagement"].as_str().and_then(|id| id.parse().ok());
    let scope = serde_json::to_value(&it.scope).unwrap_or_default();
    let opened = [
        ("the entry", id == Some(it.id)),
        ("the auditor", begun.data["auditor"] == it.auditor.to_string()),
        ("the beginning", begun.data["from"] == it.from.micros()),
        ("the end", begun.data["until"] == it.until.micros()),
        ("the scope", begun.data["scope"] == scope),
        ("the purpose", begun.reason.as_ref() == Some(&it.purpose)),
        ("who opened it", begun.actor.id == it.opened_by.to_string()),
        ("when it was opened", begun.at == it.opened_at),
    ];
    if let Some((what, _)) = opened.iter().find(|(_, same)| !same) {
        return Some(*what);
    }
    let closed = match (&it.closed, &told.done) {
        (None, None) => true,
        (Some(closed), Some(entry)) => {
            (closed.at, Some(&closed.reason)) == (entry.at, entry.reason.as_ref())
                && entry.actor.id == closed.by.to_string()
        }
        _ => false,
    };
    (!closed).then_some("the closing")
}

#[cfg(test)]
mod tests;
