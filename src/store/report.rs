//! What the weekly report counts, as rows: steps and standings of cases, kept with the change that makes them, and the
//! facts of a period read back. What counts as what is `crate::report`.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, SqliteConnection};

use crate::call::contact::Contact;
use crate::case::Case;
use crate::journal::Draft;
use crate::report::{ContactFact, Facts, Period, Standing, Step, StepKind};

use super::row::{self, Fields};
use super::{ROWS_AT_ONCE, Store, StoreError, contacts};

/// A week of the largest city on a slow disk.
const REPORT_DEADLINE: Duration = Duration::from_secs(60);
/// Facts of each kind in one period; a large city has a tenth of it.
pub(super) const MAX_FACTS: usize = 2_000_000;

impl Store {
    /// The facts of `period`, from the rows.
    ///
    /// # Errors
    /// `Timeout` after a minute, `Corrupt` for a period with more than 2 million facts of one kind.
    pub async fn report_facts(&self, period: &Period) -> Result<Facts, StoreError> {
        let staff = self.own_phones().await?;
        let contacts = self.contacts_offered(period, &staff).await?;
        let steps = self.steps_within(period).await?;
        let open = self.open_standings(period).await?;
        Ok(Facts { contacts, steps, open })
    }

    /// Only the calls of `period`, for the board.
    ///
    /// # Errors
    /// Those of [`Self::report_facts`].
    pub async fn report_contacts(&self, period: &Period) -> Result<Facts, StoreError> {
        let staff = self.own_phones().await?;
        Ok(Facts { contacts: self.contacts_offered(period, &staff).await?, ..Facts::default() })
    }

    /// Names of those who have a phone of the city: calls from them are no citizens' calls.
    pub(super) async fn own_phones(&self) -> Result<BTreeSet<String>, StoreError> {
        let names = sqlx::query_scalar("SELECT name FROM users").fetch_all(&self.readers);
        Ok(self.reading(names).await?.into_iter().collect())
    }

    async fn contacts_offered(
        &self,
        period: &Period,
        staff: &BTreeSet<String>,
    ) -> Result<Vec<ContactFact>, StoreError> {
        let sql = "SELECT * FROM contacts WHERE offered_at >= $1 AND offered_at < $2 ORDER BY offered_at, id LIMIT $3";
        let rows = self.fact_rows(sql, period.from.micros(), period.to.micros()).await?;
        let mut facts = Vec::with_capacity(rows.len());
        for row in &rows {
            let contact: Contact = contacts::read(row)?;
            facts.extend(ContactFact::of(&contact, |origin| staff.contains(origin)));
        }
        Ok(facts)
    }

    async fn steps_within(&self, period: &Period) -> Result<Vec<Step>, StoreError> {
        let sql = "SELECT * FROM case_steps WHERE at >= $1 AND at < $2 ORDER BY at LIMIT $3";
        let rows = self.fact_rows(sql, period.from.micros(), period.to.micros()).await?;
        rows.iter().map(read_step).collect()
    }

    /// Cases that were open at the end of the period, as they stood then.
    async fn open_standings(&self, period: &Period) -> Result<Vec<Standing>, StoreError> {
        // What was closed before and stays so cannot have been open; each of the others is asked how it stood.
        let sql = "SELECT standing.* FROM ( \
                     SELECT number FROM cases WHERE closed_at IS NULL AND registered_at < $1 \
                     UNION ALL SELECT number FROM cases WHERE closed_at >= $2 AND registered_at < $1) AS maybe \
                   JOIN case_standings AS standing ON standing.case_number = maybe.number \
                   AND standing.since = (SELECT MAX(since) FROM case_standings \
                     WHERE case_number = maybe.number AND since < $1) \
                   WHERE standing.is_open = 1 LIMIT $3";
        let as_of = period.to.micros();
        let rows = self.fact_rows(sql, as_of, as_of).await?;
        rows.iter().map(read_standing).collect()
    }

    async fn fact_rows(&self, sql: &'static str, from: i64, to: i64) -> Result<Vec<SqliteRow>, StoreError> {
        let limit = i64::try_from(MAX_FACTS + 1).unwrap_or(i64::MAX);
        let query = sqlx::query(sql).bind(from).bind(to).bind(limit);
        let rows = self.reading_within(REPORT_DEADLINE, query.fetch_all(&self.readers)).await?;
        check_bound(rows.len())?;
        Ok(rows)
    }
}

/// More facts than memory should be asked for.
pub(super) fn check_bound(facts: usize) -> Result<(), StoreError> {
    if facts > MAX_FACTS {
        let detail = format!("it has more than {MAX_FACTS} facts of one kind");
        return Err(StoreError::Corrupt { what: "period of a report", detail });
    }
    Ok(())
}

/// Steps and standings of some changes.
#[derive(Default)]
pub(super) struct Counted {
    steps: Vec<Step>,
    standings: Vec<Standing>,
}

impl Counted {
    /// Of the change from `before` to `after`, whose entries these are. None before is the registration.
    pub(super) fn add(&mut self, before: Option<&Case>, after: &Case, entries: &[Draft]) {
        self.steps.extend(Step::of_change(before, after, entries));
        let Some(at) = entries.last().map(|entry| entry.at) else { return };
        let standing = Standing::of(after, at);
        if before.is_none_or(|before| !standing.is_same(&Standing::of(before, at))) {
            self.standings.push(standing);
        }
    }

    pub(super) async fn keep(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        save_steps(connection, &self.steps).await?;
        save_standings(connection, &self.standings).await
    }
}

pub(super) async fn save_steps(connection: &mut SqliteConnection, steps: &[Step]) -> Result<(), StoreError> {
    for steps in steps.chunks(ROWS_AT_ONCE) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO case_steps (case_number, at, step, executor, category, territory, language, code, heard, \
             begun_at, reported_at, resolve_by) ",
        );
        insert.push_values(steps, |mut values, step| {
            values
                .push_bind(step.case.0.as_str())
                .push_bind(step.at.micros())
                .push_bind(step.kind.name())
                .push_bind(step.executor.as_deref())
                .push_bind(step.category.as_str())
                .push_bind(step.territory.as_deref())
                .push_bind(step.language.code())
                .push_bind(step.code.as_deref())
                .push_bind(i64::from(step.heard))
                .push_bind(step.begun_at.micros())
                .push_bind(row::micros(step.reported_at))
                .push_bind(row::micros(step.resolve_by));
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Of two changes in one microsecond the later one stands.
pub(super) async fn save_standings(
    connection: &mut SqliteConnection,
    standings: &[Standing],
) -> Result<(), StoreError> {
    for standings in standings.chunks(ROWS_AT_ONCE) {
        let mut insert = QueryBuilder::new(
            "INSERT OR REPLACE INTO case_standings (case_number, since, registered_at, is_open, executor, category, \
             territory, resolve_by, promised_by) ",
        );
        insert.push_values(standings, |mut values, standing| {
            values
                .push_bind(standing.case.0.as_str())
                .push_bind(standing.since.micros())
                .push_bind(standing.registered_at.micros())
                .push_bind(i64::from(standing.is_open))
                .push_bind(standing.executor.as_deref())
                .push_bind(standing.category.as_str())
                .push_bind(standing.territory.as_deref())
                .push_bind(row::micros(standing.resolve_by))
                .push_bind(row::micros(standing.promised_by));
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

fn read_step(row: &SqliteRow) -> Result<Step, StoreError> {
    let fields = Fields::of(row, "step of a case");
    Ok(Step {
        case: fields.word("case_number")?,
        at: fields.moment("at")?,
        kind: fields.known("step", StepKind::from_name)?,
        executor: fields.plain("executor")?,
        category: fields.plain("category")?,
        territory: fields.plain("territory")?,
        language: fields.word("language")?,
        code: fields.plain("code")?,
        heard: fields.flag("heard")?,
        begun_at: fields.moment("begun_at")?,
        reported_at: fields.optional_moment("reported_at")?,
        resolve_by: fields.optional_moment("resolve_by")?,
    })
}

fn read_standing(row: &SqliteRow) -> Result<Standing, StoreError> {
    let fields = Fields::of(row, "standing of a case");
    Ok(Standing {
        case: fields.word("case_number")?,
        since: fields.moment("since")?,
        registered_at: fields.moment("registered_at")?,
        is_open: fields.flag("is_open")?,
        executor: fields.plain("executor")?,
        category: fields.plain("category")?,
        territory: fields.plain("territory")?,
        resolve_by: fields.optional_moment("resolve_by")?,
        promised_by: fields.optional_moment("promised_by")?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::calendar::Calendar;
    use crate::call::contact::Disposition;
    use crate::case::tests::steps::{everybody, moves};
    use crate::journal::EventType;
    use crate::language::Language;
    use crate::people::Actor;
    use crate::report::{Report, Value, Week, differences, report};
    use crate::store::Batch;
    use crate::store::fixture::{Files, at, case_draft, contact, entry};
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};
    use serde_json::json;

    fn periods() -> [Period; 2] {
        let clock = Calendar::always("Europe/Kyiv").unwrap();
        let week: Week = "2026-W48".parse().unwrap();
        let period = |week: Week| week.period(at(14 * 86_400), Duration::from_secs(30), &clock);
        [period(week), period(week.before())]
    }

    /// A call with all its entries, in the queue or not, answered or not.
    fn call(n: u32, rng: &mut StdRng) -> Batch {
        let seconds = i64::from(n) * 5_000;
        let mut contact = contact(n);
        contact.offered_at = at(seconds);
        contact.language = Some(Language::ALL[rng.random_range(0..6)]);
        let mut entries = vec![entry(EventType::ContactOffered, n, seconds)];
        entries[0].data = json!({ "origin": contact.origin });
        if rng.random_range(0..4) > 0 {
            contact.queued_at = Some(at(seconds + 10));
            let mut queued = entry(EventType::ContactQueued, n, seconds + 10);
            queued.data = json!({ "language": contact.language });
            entries.push(queued);
        }
        let wait = rng.random_range(0..60);
        if contact.queued_at.is_some() && rng.random_range(0..3) > 0 {
            contact.connected_at = Some(at(seconds + 10 + wait));
            entries.push(entry(EventType::ContactConnected, n, seconds + 10 + wait));
        }
        contact.ended_at = Some(at(seconds + 200));
        contact.disposition = Some(match (contact.queued_at, contact.connected_at) {
            (Some(_), None) => Disposition::Abandoned,
            (None, _) => Disposition::Consultation,
            _ => Disposition::CaseCreated,
        });
        let mut ended = entry(EventType::ContactEnded, n, seconds + 200);
        ended.data = json!({ "termination": "caller_hung_up" });
        let mut disposed = entry(EventType::ContactDisposed, n, seconds + 201);
        disposed.data = json!({ "disposition": contact.disposition, "language": contact.language });
        entries.extend([ended, disposed]);
        Batch { contacts: vec![contact], entries, ..Batch::default() }
    }

    /// Two weeks of calls and cases, moved by everybody at random.
    async fn lived(store: &Store, seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let (moves, everybody) = (moves(), everybody());
        let mut numbers = Vec::new();
        for n in 1..=60 {
            store.commit(call(n, &mut rng)).await.unwrap();
            let registered_at = at(i64::from(n) * 5_000 + 20);
            if n % 2 == 0 {
                let draft = case_draft(n);
                let case = store.register_case(draft, registered_at, Actor::system("test"), None);
                numbers.push(case.await.unwrap().number);
            }
            for turn in 0..40 {
                let Some(number) = numbers.get(rng.random_range(0..numbers.len().max(1))) else { break };
                let (_, step) = moves[rng.random_range(0..moves.len())];
                let by = everybody[rng.random_range(0..everybody.len())].clone();
                let now = at(i64::from(n) * 5_000 + 100 + turn * 100);
                let actor = by.clone();
                // Refusals are part of it.
                let _ = store.change_case(number, &actor, now, move |case, _| step(case, &by, now)).await;
            }
        }
    }

    async fn both_ways(store: &Store) -> (Report, Report) {
        let [now, before] = periods();
        let facts = (store.report_facts(&now).await.unwrap(), store.report_facts(&before).await.unwrap());
        let [told, told_before] = store.report_facts_from_journal([&now, &before]).await.unwrap();
        let rows = report((&now, &facts.0), (&before, &facts.1));
        (rows, report((&now, &told), (&before, &told_before)))
    }

    fn total(report: &Report, id: &str) -> (u64, u64) {
        let figure = report.figures.iter().find(|figure| figure.indicator == id).unwrap();
        (figure.value.members(), figure.before.members())
    }

    #[tokio::test]
    async fn rows_and_journal_give_the_same_report_until_somebody_touches_one() {
        for seed in 1..=3 {
            let files = Files::new();
            let store = files.open().await;
            lived(&store, seed).await;
            let (rows, journal) = both_ways(&store).await;
            assert_eq!(differences(&rows, &journal), [], "seed {seed}");
            assert_eq!(rows, journal);
            for id in ["contacts_offered", "contacts_abandoned", "cases_registered", "cases_open"] {
                let (now, before) = total(&rows, id);
                assert!(now > 0 && before > 0, "{id} of seed {seed}: {now} {before}");
            }
            store.close().await;
            let tampered = [
                (
                    "UPDATE case_steps SET at = at - 604800000000 WHERE step = 'registered'",
                    "cases_registered",
                ),
                ("UPDATE case_standings SET is_open = 0", "cases_open"),
                (
                    "UPDATE contacts SET disposition = 'consultation' WHERE disposition = 'abandoned'",
                    "contacts_abandoned",
                ),
                ("UPDATE cases SET closed_at = 1 WHERE closed_at IS NULL", "cases_open"),
            ];
            for (statement, indicator) in tampered {
                let copy = files.after_crash();
                sqlx::query(statement).execute(&mut copy.intruder().await).await.unwrap();
                let (rows, journal) = both_ways(&copy.open().await).await;
                let found = differences(&rows, &journal);
                assert!(
                    found.iter().any(|it| it.indicator == indicator && it.part.is_none()),
                    "{statement}: {found:?}"
                );
            }
        }
    }

    #[tokio::test]
    async fn cases_older_than_the_rows_are_counted_all_the_same() {
        let files = Files::new();
        let store = files.open().await;
        lived(&store, 7).await;
        let (rows, _) = both_ways(&store).await;
        store.close().await;
        for emptied in ["DELETE FROM case_steps", "DELETE FROM case_standings"] {
            sqlx::query(emptied).execute(&mut files.intruder().await).await.unwrap();
        }
        let (filled, journal) = both_ways(&files.open().await).await;
        assert_eq!(differences(&filled, &journal), []);
        assert_eq!(differences(&rows, &filled), []);
    }

    #[tokio::test]
    async fn calls_of_the_city_and_of_its_phones_are_nobodys_wait() {
        let files = Files::new();
        let store = files.open().await;
        let mut user = crate::store::fixture::user(1, crate::people::Role::Operator);
        user.name = "desk".to_owned();
        store.create_user(&user).await.unwrap();
        let mut rng = StdRng::seed_from_u64(1);
        let mut own = call(1, &mut rng);
        own.contacts[0].origin = "desk".to_owned();
        own.entries[0].data = json!({ "origin": "desk" });
        let mut rung = call(2, &mut rng);
        rung.contacts[0].direction = crate::call::contact::Direction::Outbound;
        rung.entries[0].data = json!({ "origin": "city", "callback_of": "x" });
        for batch in [own, rung, call(3, &mut rng)] {
            store.commit(batch).await.unwrap();
        }
        let (rows, journal) = both_ways(&store).await;
        let offered = rows.figures.iter().find(|figure| figure.indicator == "contacts_offered").unwrap();
        assert_eq!((offered.before, rows == journal), (Value::Count { count: 1 }, true));
    }
}
