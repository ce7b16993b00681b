//! The facts of a report from the journal alone, case by case and call by call, in memory that does not grow with the
//! journal. And, once, the rows of cases that are older than those rows.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{SqliteConnection, SqlitePool};

use crate::case::CaseNumber;
use crate::ids::ContactId;
use crate::report::replay::{CASE_EVENTS, CONTACT_EVENTS, CaseReplay, ContactReplay};
use crate::report::{ContactFact, Facts, Period, Standing, Step};
use crate::time::Timestamp;

use super::report::{MAX_FACTS, check_bound, save_standings, save_steps};
use super::row::Fields;
use super::{Store, StoreError};

/// Entries read at once.
const ENTRIES_AT_ONCE: u32 = 5_000;
/// One page of entries, on a slow disk.
const PAGE_DEADLINE: Duration = Duration::from_secs(60);

/// An entry, as far as the replay needs it.
struct Told {
    seq: i64,
    event: String,
    at: Timestamp,
    data: Value,
}

impl Told {
    fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let fields = Fields::of(row, "journal entry");
        Ok(Self {
            seq: fields.plain("seq")?,
            event: fields.plain("type")?,
            at: fields.moment("at")?,
            data: fields.json("data")?,
        })
    }
}

impl Store {
    /// The facts of both periods from journal entries alone; the two share one walk over the journal.
    ///
    /// # Errors
    /// `Timeout` when a page takes longer than a minute, `Corrupt` for an entry that cannot be read or for more than
    /// 2 million facts of one kind.
    pub async fn report_facts_from_journal(&self, periods: [&Period; 2]) -> Result<[Facts; 2], StoreError> {
        let staff = self.own_phones().await?;
        let mut facts = [Facts::default(), Facts::default()];
        for (facts, period) in facts.iter_mut().zip(periods) {
            facts.contacts = self.contacts_told(period, &staff).await?;
        }
        let mut walk = CaseWalk::default();
        loop {
            let rows = walk.page(&self.readers);
            let rows = self.reading_within(PAGE_DEADLINE, rows).await?;
            for row in &rows {
                let (case, told) = walk.read(row)?;
                if let Some(done) = walk.turn_to(&case) {
                    done.settle(&mut facts);
                }
                walk.apply(told, &mut facts, periods);
            }
            if rows.is_empty() {
                break;
            }
            for facts in &facts {
                check_bound(facts.steps.len())?;
                check_bound(facts.open.len())?;
            }
        }
        if let Some(done) = walk.now.take() {
            done.settle(&mut facts);
        }
        for facts in &mut facts {
            facts.steps.sort_by(|one, other| (one.at, &one.case).cmp(&(other.at, &other.case)));
        }
        Ok(facts)
    }

    async fn contacts_told(
        &self,
        period: &Period,
        staff: &BTreeSet<String>,
    ) -> Result<Vec<ContactFact>, StoreError> {
        let events = list_of(CONTACT_EVENTS);
        let sql = format!(
            "SELECT entry.seq, entry.type, entry.at, entry.data, offer.contact FROM journal AS offer \
             JOIN journal AS entry ON entry.contact = offer.contact AND entry.type IN ({events}) \
             WHERE offer.type = 'contact.offered' AND offer.at >= $1 AND offer.at < $2 AND offer.contact IS NOT NULL \
             ORDER BY offer.at, offer.contact, entry.seq LIMIT $3"
        );
        // One more than there may be, so that it shows.
        let limit = i64::try_from((MAX_FACTS + 1) * CONTACT_EVENTS.len()).unwrap_or(i64::MAX);
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(period.from.micros()).bind(period.to.micros());
        let rows = self.reading_within(PAGE_DEADLINE, query.bind(limit).fetch_all(&self.readers)).await?;
        check_bound(rows.len() / CONTACT_EVENTS.len())?;
        let mut facts = Vec::new();
        let mut now: Option<(ContactId, ContactReplay)> = None;
        for row in &rows {
            let id: ContactId = Fields::of(row, "journal entry").word("contact")?;
            let told = Told::read(row)?;
            if now.as_ref().is_none_or(|(known, _)| *known != id) {
                let done = now.replace((id, ContactReplay::new(id, told.at, &told.data)));
                facts.extend(done.and_then(|(_, replay)| replay.fact(|origin| staff.contains(origin))));
            }
            if let Some((_, replay)) = &mut now {
                replay.apply(&told.event, told.at, &told.data);
            }
        }
        facts.extend(now.and_then(|(_, replay)| replay.fact(|origin| staff.contains(origin))));
        Ok(facts)
    }
}

/// All cases, one after the other, each entry by entry.
#[derive(Default)]
struct CaseWalk {
    now: Option<OneCase>,
    /// Where the next page begins.
    after: (String, i64),
}

/// The case that is being told.
struct OneCase {
    replay: CaseReplay,
    /// How it stood at the end of each of the two periods.
    stood: [Option<Standing>; 2],
}

impl CaseWalk {
    /// The next entries, by case and then by number.
    async fn page(&self, readers: &SqlitePool) -> sqlx::Result<Vec<SqliteRow>> {
        let events = list_of(CASE_EVENTS);
        let sql = format!(
            "SELECT seq, type, at, data, case_number FROM journal WHERE case_number IS NOT NULL \
             AND (case_number, seq) > ($1, $2) AND type IN ({events}) ORDER BY case_number, seq LIMIT $3"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(&self.after.0).bind(self.after.1);
        query.bind(ENTRIES_AT_ONCE).fetch_all(readers).await
    }

    fn read(&mut self, row: &SqliteRow) -> Result<(CaseNumber, Told), StoreError> {
        let case: CaseNumber = Fields::of(row, "journal entry").word("case_number")?;
        let told = Told::read(row)?;
        self.after = (case.0.clone(), told.seq);
        Ok((case, told))
    }

    /// Goes on to the entries of `case`; the one before, when it is another.
    fn turn_to(&mut self, case: &CaseNumber) -> Option<OneCase> {
        if self.now.as_ref().is_some_and(|now| now.replay.number() == case) {
            return None;
        }
        self.now.replace(OneCase { replay: CaseReplay::new(case.clone()), stood: [None, None] })
    }

    fn apply(&mut self, told: Told, facts: &mut [Facts; 2], periods: [&Period; 2]) {
        let Some(OneCase { replay, stood }) = &mut self.now else { return };
        let step = replay.apply(&told.event, told.at, &told.data);
        for ((facts, period), stood) in facts.iter_mut().zip(periods).zip(stood) {
            if told.at < period.to {
                *stood = replay.standing();
            }
            if period.covers(told.at) {
                facts.steps.extend(step.clone());
            }
        }
    }
}

impl OneCase {
    fn settle(self, facts: &mut [Facts; 2]) {
        for (facts, stood) in facts.iter_mut().zip(self.stood) {
            facts.open.extend(stood.filter(|standing| standing.is_open));
        }
    }
}

/// Rows for cases that are older than these rows: told once more from their entries, all or nothing.
pub(super) async fn fill(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM cases) AND NOT EXISTS (SELECT 1 FROM case_steps)";
    let is_due: bool = sqlx::query_scalar(sql).fetch_one(&mut *connection).await?;
    if !is_due {
        return Ok(());
    }
    tracing::info!("the weekly report's rows are made from the journal, once");
    let mut transaction = sqlx::Connection::begin(connection).await?;
    let mut last = String::new();
    loop {
        let sql = "SELECT number FROM cases WHERE number > $1 ORDER BY number LIMIT 1000";
        let numbers: Vec<String> = sqlx::query_scalar(sql).bind(&last).fetch_all(&mut *transaction).await?;
        let Some(end) = numbers.last() else { break };
        last.clone_from(end);
        for number in numbers {
            fill_case(&mut transaction, CaseNumber(number)).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

async fn fill_case(connection: &mut SqliteConnection, number: CaseNumber) -> Result<(), StoreError> {
    let sql = "SELECT seq, type, at, data FROM journal WHERE case_number = $1 ORDER BY seq";
    let rows = sqlx::query(sql).bind(&number.0).fetch_all(&mut *connection).await?;
    let mut replay = CaseReplay::new(number);
    let (mut steps, mut standings): (Vec<Step>, Vec<Standing>) = (Vec::new(), Vec::new());
    for row in &rows {
        let told = Told::read(row)?;
        steps.extend(replay.apply(&told.event, told.at, &told.data));
        let Some(standing) = replay.standing() else { continue };
        if standings.last().is_none_or(|last| !last.is_same(&standing)) {
            standings.push(standing);
        }
    }
    save_steps(connection, &steps).await?;
    save_standings(connection, &standings).await
}

/// Names of the vocabulary, quoted: nothing of it comes from outside.
fn list_of(events: &[&str]) -> String {
    events.iter().map(|event| format!("'{event}'")).collect::<Vec<_>>().join(", ")
}
