//! The auditor's walk over legal holds and erasures: each row against its own entries, both ways; that what was decided was
//! done, and that nothing of what was destroyed is still there. It only reads.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::case::retention::Content;
use crate::ids::{ErasureId, HoldId};
use crate::journal::Entry;
use crate::time::{self, Timestamp};

use super::content::{self, Owner};
use super::erasures::{self, Erasure, ErasureState, Ground};
use super::holds::{self, Hold, Subject};
use super::verify::{Finding, VerifyReport};
use super::{Store, StoreError, erasing, journal};

/// The words of the index `journal_of_erasures`, in its order.
const TOLD: &str = "SELECT * FROM journal WHERE type IN ('hold.placed', 'hold.lifted', 'retention.due', 'erasure.asked', \
     'erasure.agreed', 'erasure.refused', 'case.erased', 'contact.erased') AND seq > $1 ORDER BY seq LIMIT $2";
const ROWS_AT_ONCE: u32 = 500;
/// An erasure that takes longer than this was not carried out.
const CARRIED_OUT_WITHIN: Duration = Duration::from_secs(10 * 60);

/// What entries, or the row, say of a hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Keeping {
    subject: String,
    reference: String,
    reason: String,
    placed: (i64, String),
    lifted: Option<(i64, String, String)>,
}

/// The same of an erasure.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Destroying {
    subject: String,
    what: String,
    state: String,
    asked: Option<(i64, String, String)>,
    rule: Option<(String, u64)>,
    decided_at: Option<i64>,
    decided_by: Option<String>,
    done_at: Option<i64>,
}

impl Store {
    pub(super) async fn verify_erasures(&self, report: &mut VerifyReport) -> Result<(), StoreError> {
        // One moment for rows and entries: the program may be at work.
        let mut moment = self.readers.begin().await?;
        let (mut holds, mut erasures) = (BTreeMap::new(), BTreeMap::new());
        let mut last = 0;
        loop {
            let query = sqlx::query(TOLD).bind(super::row::stored_count(last)).bind(ROWS_AT_ONCE);
            let rows = self.reading(query.fetch_all(&mut *moment)).await?;
            for row in &rows {
                let entry = journal::read(row)?;
                last = entry.seq;
                apply(&entry, &mut holds, &mut erasures);
            }
            if rows.len() < ROWS_AT_ONCE as usize {
                break;
            }
        }
        self.compare_holds(&mut moment, holds, report).await?;
        self.compare_erasures(&mut moment, erasures, report).await
    }

    async fn compare_holds(
        &self,
        moment: &mut SqliteConnection,
        mut told: BTreeMap<HoldId, Keeping>,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows =
                self.page_of("SELECT * FROM legal_holds WHERE id > $1 ORDER BY id LIMIT $2", &after, moment);
            let rows = rows.await?;
            for row in &rows {
                let hold = holds::read(row)?;
                after = hold.id.to_string();
                let journal = told.remove(&hold.id);
                if journal.as_ref() != Some(&Keeping::of(&hold)) {
                    report.add(Finding::HoldDiffers { id: hold.id, subject: hold.subject.to_string() });
                }
            }
            if rows.len() < ROWS_AT_ONCE as usize {
                break;
            }
        }
        for (id, keeping) in told {
            report.add(Finding::HoldDiffers { id, subject: keeping.subject });
        }
        Ok(())
    }

    async fn compare_erasures(
        &self,
        moment: &mut SqliteConnection,
        mut told: BTreeMap<ErasureId, Destroying>,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        let late = Timestamp::from_micros(
            time::now().utc.micros() - i64::try_from(CARRIED_OUT_WITHIN.as_micros()).unwrap_or(i64::MAX),
        );
        let mut after = String::new();
        loop {
            let rows =
                self.page_of("SELECT * FROM erasures WHERE id > $1 ORDER BY id LIMIT $2", &after, moment);
            let rows = rows.await?;
            for row in &rows {
                let erasure = erasures::read(row)?;
                after = erasure.id.to_string();
                let subject = erasure.subject.to_string();
                if told.remove(&erasure.id).as_ref() != Some(&Destroying::of(&erasure)) {
                    report.add(Finding::ErasureDiffers { id: erasure.id, subject: subject.clone() });
                }
                match erasure.state {
                    ErasureState::Decided if erasure.decided_at.is_some_and(|at| at < late) => {
                        report.add(Finding::NotErased { id: erasure.id, subject });
                    }
                    ErasureState::Done => self.look_for_content(moment, &erasure, report).await?,
                    _ => {}
                }
            }
            if rows.len() < ROWS_AT_ONCE as usize {
                break;
            }
        }
        for (id, destroying) in told {
            report.add(Finding::ErasureDiffers { id, subject: destroying.subject });
        }
        Ok(())
    }

    async fn page_of(
        &self,
        sql: &'static str,
        after: &str,
        moment: &mut SqliteConnection,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        self.reading(sqlx::query(sql).bind(after).bind(ROWS_AT_ONCE).fetch_all(moment)).await
    }

    async fn look_for_content(
        &self,
        moment: &mut SqliteConnection,
        erasure: &Erasure,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        let sql = "SELECT contact FROM erasure_calls WHERE erasure = $1 ORDER BY contact";
        let query = sqlx::query_scalar(sql).bind(erasure.id.to_string());
        let calls: Vec<String> = self.reading(query.fetch_all(&mut *moment)).await?;
        let mut owners: Vec<Owner<'_>> = calls.iter().map(|call| Owner::Call(call)).collect();
        if let Subject::Case(number) = &erasure.subject {
            owners.push(Owner::Case(&number.0));
        }
        for owner in owners {
            for content in &erasure.what {
                for (table, sql) in content::left_of(owner, *content) {
                    let left = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql)).bind(owner.id());
                    if self.reading(left.fetch_one(&mut *moment)).await? > 0 {
                        let owner = owner.id().to_owned();
                        report.add(Finding::StillThere { id: erasure.id, owner, place: table });
                    }
                }
            }
        }
        let Subject::Case(number) = &erasure.subject else { return Ok(()) };
        let owner = || number.0.clone();
        if erasure.what.contains(&Content::Photos)
            && erasing::pictures_left(&mut *moment, &number.0).await? > 0
        {
            report.add(Finding::StillThere { id: erasure.id, owner: owner(), place: "evidence_blobs" });
        }
        if erasure.what.contains(&Content::Words) {
            let case = match erasures::case(&mut *moment, number).await {
                // That its row is gone is a finding, not the end of the walk.
                Err(StoreError::NotFound(_)) => {
                    let subject = erasure.subject.to_string();
                    report.add(Finding::ErasureDiffers { id: erasure.id, subject });
                    return Ok(());
                }
                case => case?,
            };
            let named =
                [&case.applicant].into_iter().chain(case.joined.iter().map(|joined| &joined.applicant));
            let is_named = named.into_iter().any(|one| one.number.is_some() || one.name.is_some());
            if is_named || !case.description.is_empty() || !case.erased.contains(&Content::Words) {
                report.add(Finding::StillThere { id: erasure.id, owner: owner(), place: "cases" });
            }
        }
        Ok(())
    }
}

fn apply(
    entry: &Entry,
    holds: &mut BTreeMap<HoldId, Keeping>,
    erasures: &mut BTreeMap<ErasureId, Destroying>,
) {
    let subject = match (&entry.case, entry.contact) {
        (Some(case), _) => case.0.clone(),
        (None, contact) => contact.map(|contact| contact.to_string()).unwrap_or_default(),
    };
    let who = (entry.at.micros(), entry.actor.id.clone());
    let reason = entry.reason.clone().unwrap_or_default();
    if let Some(id) = entry.data["hold"].as_str().and_then(|id| id.parse().ok()) {
        let hold = holds.entry(id).or_default();
        if entry.event == "hold.lifted" {
            hold.lifted = Some((who.0, who.1, reason));
        } else {
            let reference = entry.data["reference"].as_str().unwrap_or_default().to_owned();
            *hold = Keeping { subject, reference, reason, placed: who, lifted: None };
        }
        return;
    }
    let Some(id) = entry.data["erasure"].as_str().and_then(|id| id.parse().ok()) else { return };
    let told = erasures.entry(id).or_default();
    let what = entry.data["what"].to_string();
    match entry.event.as_str() {
        "erasure.asked" => {
            (told.subject, told.what, told.asked) = (subject, what, Some((who.0, who.1, reason)));
            "asked".clone_into(&mut told.state);
        }
        "retention.due" => {
            (told.subject, told.what) = (subject, what);
            let rule = entry.data["rule"].as_str().unwrap_or_default().to_owned();
            told.rule = Some((rule, entry.data["version"].as_u64().unwrap_or_default()));
            told.decided_at = Some(who.0);
            "decided".clone_into(&mut told.state);
        }
        "erasure.agreed" | "erasure.refused" => {
            (told.decided_at, told.decided_by) = (Some(who.0), Some(who.1));
            let agreed = entry.event == "erasure.agreed";
            if agreed { "decided" } else { "refused" }.clone_into(&mut told.state);
        }
        // Of a call that goes with its case the case's entry is the one that counts.
        "case.erased" | "contact.erased" if told.subject == subject => {
            told.done_at = Some(who.0);
            "done".clone_into(&mut told.state);
        }
        _ => {}
    }
}

impl Keeping {
    fn of(hold: &Hold) -> Self {
        Self {
            subject: hold.subject.to_string(),
            reference: hold.reference.clone(),
            reason: hold.reason.clone(),
            placed: (hold.placed_at.micros(), hold.placed_by.clone()),
            lifted: hold.lifted.clone().map(|lifted| (lifted.at.micros(), lifted.by, lifted.reason)),
        }
    }
}

impl Destroying {
    fn of(erasure: &Erasure) -> Self {
        let (asked, rule) = match &erasure.ground {
            Ground::Asked { reason, at, by } => (Some((at.micros(), by.clone(), reason.clone())), None),
            Ground::Rule { id, version } => (None, Some((id.clone(), u64::from(*version)))),
        };
        let word = |value: serde_json::Result<serde_json::Value>| value.unwrap_or_default();
        Self {
            subject: erasure.subject.to_string(),
            what: word(serde_json::to_value(&erasure.what)).to_string(),
            state: word(serde_json::to_value(erasure.state)).as_str().unwrap_or_default().to_owned(),
            asked,
            rule,
            decided_at: erasure.decided_at.map(Timestamp::micros),
            decided_by: erasure.decided_by.clone(),
            done_at: erasure.done_at.map(Timestamp::micros),
        }
    }
}
