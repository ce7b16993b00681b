//! What the weekly report counts, as rows: steps and standings of cases, kept with the change that makes them, and the
//! facts of a period read back. What counts as what is `crate::report`.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, SqliteConnection};

use crate::call::contact::Contact;
use crate::case::{Case, CaseNumber};
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

/// Steps and standing of the change from `before` to `after`, whose entries these are. None before is the registration.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    before: Option<&Case>,
    after: &Case,
    entries: &[Draft],
) -> Result<(), StoreError> {
    save_steps(connection, &Step::of_change(before, after, entries)).await?;
    let Some(at) = entries.last().map(|entry| entry.at) else { return Ok(()) };
    let standing = Standing::of(after, at);
    if before.is_none_or(|before| !standing.is_same(&Standing::of(before, at))) {
        save_standings(connection, &[standing]).await?;
    }
    Ok(())
}

/// The case as it is before a change is written.
pub(super) async fn before(
    connection: &mut SqliteConnection,
    number: &CaseNumber,
) -> Result<Option<Case>, StoreError> {
    let query = sqlx::query("SELECT body FROM cases WHERE number = $1").bind(&number.0);
    let row = query.fetch_optional(connection).await?;
    row.as_ref().map(super::cases::read).transpose()
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
    for standing in standings {
        let sql = "INSERT OR REPLACE INTO case_standings (case_number, since, registered_at, is_open, executor, category, \
                   territory, resolve_by, promised_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        sqlx::query(sql)
            .bind(&standing.case.0)
            .bind(standing.since.micros())
            .bind(standing.registered_at.micros())
            .bind(i64::from(standing.is_open))
            .bind(&standing.executor)
            .bind(&standing.category)
            .bind(&standing.territory)
            .bind(row::micros(standing.resolve_by))
            .bind(row::micros(standing.promised_by))
            .execute(&mut *connection)
            .await?;
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
