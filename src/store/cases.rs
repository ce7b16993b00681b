//! Cases: the whole case as JSON beside the columns that lists are filtered and sorted by. How a case gets its
//! number is `register.rs`, how it changes `case_change.rs`; what may change is decided in `crate::case`.

use std::collections::HashSet;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::case::{Case, CaseNumber};
use crate::journal::Draft;
use crate::time::Timestamp;

use super::clocks;
use super::incidents;
use super::nearby;
use super::page::{Cursor, Order, that_contains};
use super::relations;
use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{CaseFilter, Listed, Page, ROWS_AT_ONCE, Store, StoreError};

/// Digits of a register number that `case_for_caller` looks at: more than any number has.
pub(super) const MAX_NUMBER_DIGITS: usize = 32;

/// Values bound in one query.
const MAX_NAMED: usize = 500;

impl Store {
    pub async fn case(&self, number: &CaseNumber) -> Result<Option<Case>, StoreError> {
        Ok(self.case_with_revision(number).await?.map(|(case, _)| case))
    }

    /// The categories of these cases, at most a few thousand; unknown ones are left out.
    pub async fn categories_of(
        &self,
        numbers: &[CaseNumber],
    ) -> Result<Vec<(CaseNumber, String)>, StoreError> {
        let mut found = Vec::with_capacity(numbers.len());
        for some in numbers.chunks(MAX_NAMED) {
            let mut query =
                QueryBuilder::<Sqlite>::new("SELECT number, category FROM cases WHERE number IN (");
            let mut values = query.separated(", ");
            for number in some {
                values.push_bind(number.0.clone());
            }
            query.push(")");
            let rows = self.reading(query.build().fetch_all(&self.readers)).await?;
            for row in &rows {
                let fields = Fields::of(row, "case");
                found.push((CaseNumber(fields.plain("number")?), fields.plain("category")?));
            }
        }
        Ok(found)
    }

    /// The case as it is when `entry`, that it was read, is written: in one transaction. None for an unknown case, of which
    /// nothing is written.
    pub async fn read_case(&self, number: &CaseNumber, entry: Draft) -> Result<Option<Case>, StoreError> {
        self.writer.make(ReadCase { number: number.clone(), entry }).await
    }

    /// Newest first.
    pub async fn cases(&self, filter: &CaseFilter, page: &Page) -> Result<Listed<Case>, StoreError> {
        let mut query = listing(filter, page)?;
        let rows = self.reading(query.build().fetch_all(&self.readers)).await?;
        let cases = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(page.list(cases, |case: &Case| Cursor { at: case.registered_at, id: case.number.0.clone() }))
    }

    /// The case whose register number, read without its dashes, ends in `digits` and whose applicant has the number
    /// `caller`; the newest of several. None without digits or for a withheld number.
    pub async fn case_for_caller(&self, digits: &str, caller: &str) -> Result<Option<Case>, StoreError> {
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if !is_number || digits.len() > MAX_NUMBER_DIGITS || caller.is_empty() {
            return Ok(None);
        }
        let sql = "SELECT * FROM cases WHERE caller = $1 AND REPLACE(number, '-', '') LIKE $2 \
                   ORDER BY registered_at DESC, number DESC LIMIT 1";
        let query = sqlx::query(sql).bind(caller).bind(format!("%{digits}"));
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    /// Closed cases, not archived yet, whose closing lies before `moment`; the longest closed first.
    pub async fn cases_closed_before(
        &self,
        moment: Timestamp,
        limit: u32,
    ) -> Result<Vec<CaseNumber>, StoreError> {
        let sql =
            "SELECT number FROM cases WHERE state = 'closed' AND closed_at < $1 ORDER BY closed_at LIMIT $2";
        let query = sqlx::query_scalar(sql).bind(moment.micros()).bind(limit);
        let numbers: Vec<String> = self.reading(query.fetch_all(&self.readers)).await?;
        Ok(numbers.into_iter().map(CaseNumber).collect())
    }

    pub(super) async fn case_with_revision(
        &self,
        number: &CaseNumber,
    ) -> Result<Option<(Case, i64)>, StoreError> {
        let query = sqlx::query("SELECT * FROM cases WHERE number = $1").bind(&number.0);
        let Some(row) = self.reading(query.fetch_optional(&self.readers)).await? else { return Ok(None) };
        Ok(Some((read(&row)?, Fields::of(&row, "case").plain("revision")?)))
    }
}

struct ReadCase {
    number: CaseNumber,
    entry: Draft,
}

impl Change for ReadCase {
    type Answer = Option<Case>;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Option<Case>, StoreError> {
        let query = sqlx::query("SELECT * FROM cases WHERE number = $1").bind(&self.number.0);
        let Some(row) = query.fetch_optional(&mut *ledger.connection).await? else { return Ok(None) };
        let case = read(&row)?;
        ledger.append_all(vec![Draft { case: Some(self.number), ..self.entry }]).await?;
        Ok(Some(case))
    }
}

/// Whether a state's name is that of a case that is over.
fn is_over(state: &str) -> bool {
    matches!(state, "closed" | "archived")
}

/// The list of [`Store::cases`].
pub(super) fn listing(filter: &CaseFilter, page: &Page) -> Result<QueryBuilder<Sqlite>, StoreError> {
    let mut query = QueryBuilder::new("SELECT * FROM cases WHERE 1 = 1");
    any_of(&mut query, "state", filter.states.iter().map(String::as_str));
    let is_open = filter.overdue_at.is_some()
        || !filter.states.is_empty() && !filter.states.iter().any(|state| is_over(state));
    if is_open {
        // Follows from the states, which SQLite does not see: only by these very words it takes the index of open cases.
        query.push(" AND state NOT IN ('closed', 'archived')");
    }
    // What is open is little and judged by that index alone; a `+` keeps the larger ones away.
    let (executor, category) = if is_open {
        (" AND +executor = ", " AND +category = ")
    } else {
        (" AND executor = ", " AND category = ")
    };
    if let Some(name) = &filter.executor {
        query.push(executor).push_bind(name.clone());
    }
    if let Some(name) = &filter.category {
        query.push(category).push_bind(name.clone());
    }
    if let Some(caller) = &filter.caller {
        that_contains(&mut query, "caller", caller);
    }
    if let Some(other) = &filter.related_to {
        query.push(" AND number IN (SELECT case_number FROM case_relations WHERE other = ");
        query.push_bind(other.0.clone()).push(")");
    }
    if let Some(at) = filter.overdue_at {
        query.push(" AND resolve_by < ").push_bind(at.micros());
    }
    let moment = if is_open && filter.states.is_empty() { "+registered_at" } else { "registered_at" };
    page.narrow(&mut query, (moment, "number"), Order::NewestFirst)?;
    Ok(query)
}

/// Adds `column IN (words)` to a condition, unless there are none.
pub(super) fn any_of<'w>(
    query: &mut QueryBuilder<Sqlite>,
    column: &'static str,
    words: impl Iterator<Item = &'w str>,
) {
    let mut words = words.peekable();
    if words.peek().is_none() {
        return;
    }
    query.push(" AND ").push(column).push(" IN (");
    let mut list = query.separated(", ");
    for word in words {
        list.push_bind(word.to_owned());
    }
    query.push(")");
}

/// The number's parts, as the register gave them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place<'o> {
    pub year: i32,
    pub office: &'o str,
    pub seq: u64,
}

/// A new row, at revision 1.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    case: &Case,
    place: Place<'_>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO cases (number, year, office, seq, revision, state, category, executor, caller, \
               registered_at, resolve_by, body, street, house, lat, lon, closed_at, level, due_at) \
               VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
    let (street, house, lat, lon) = nearby::located(case);
    sqlx::query(sql)
        .bind(&case.number.0)
        .bind(place.year)
        .bind(place.office)
        .bind(row::stored_count(place.seq))
        .bind(case.state.name())
        .bind(&case.category)
        .bind(case.state.executor())
        .bind(case.applicant.number.as_ref().map(|number| number.as_str()))
        .bind(case.registered_at.micros())
        .bind(row::micros(case.earliest_deadline()))
        .bind(row::json(case)?)
        .bind(street)
        .bind(house)
        .bind(lat)
        .bind(lon)
        .bind(closed_at(case))
        .bind(i64::from(case.level))
        .bind(row::micros(case.due_at()))
        .execute(&mut *connection)
        .await?;
    relations::save(connection, None, case).await
}

/// A case on its way from `before`, which it was at `revision`.
pub(super) struct Step<'c> {
    pub before: &'c Case,
    pub after: &'c Case,
    pub revision: i64,
}

/// Overwrites the rows of different cases and moves their revisions on, but for those that are no longer where they were
/// read. The cases that moved.
pub(super) async fn update(
    connection: &mut SqliteConnection,
    steps: &[Step<'_>],
) -> Result<HashSet<CaseNumber>, StoreError> {
    let mut moved = HashSet::with_capacity(steps.len());
    for steps in steps.chunks(ROWS_AT_ONCE) {
        let numbers: Vec<String> =
            overwriting(steps)?.build_query_scalar().fetch_all(&mut *connection).await?;
        moved.extend(numbers.into_iter().map(CaseNumber));
    }
    let taken = steps.iter().filter(|step| moved.contains(&step.after.number)).collect::<Vec<_>>();
    for step in &taken {
        clocks::save_escalations(&mut *connection, step).await?;
        relations::save(connection, Some(step.before), step.after).await?;
    }
    incidents::save(connection, &taken).await?;
    Ok(moved)
}

/// One statement for all of them: the way to SQLite's thread and back costs more than the row.
pub(super) fn overwriting(steps: &[Step<'_>]) -> Result<QueryBuilder<Sqlite>, StoreError> {
    let mut bodies = Vec::with_capacity(steps.len());
    for step in steps {
        bodies.push(row::json(step.after)?);
    }
    let mut update = QueryBuilder::new(
        "UPDATE cases SET revision = cases.revision + 1, state = new.column3, category = new.column4, \
         executor = new.column5, caller = new.column6, resolve_by = new.column7, body = new.column8, \
         street = new.column9, house = new.column10, lat = new.column11, lon = new.column12, \
         closed_at = new.column13, level = new.column14, due_at = new.column15 FROM (",
    );
    update.push_values(steps.iter().zip(bodies), |mut values, (step, body)| {
        let case = step.after;
        let (street, house, lat, lon) = nearby::located(case);
        values
            .push_bind(case.number.0.clone())
            .push_bind(step.revision)
            .push_bind(case.state.name())
            .push_bind(case.category.clone())
            .push_bind(case.state.executor().map(str::to_owned))
            .push_bind(case.applicant.number.as_ref().map(|number| number.as_str().to_owned()))
            .push_bind(row::micros(case.earliest_deadline()))
            .push_bind(body)
            .push_bind(street)
            .push_bind(house)
            .push_bind(lat)
            .push_bind(lon)
            .push_bind(closed_at(case))
            .push_bind(i64::from(case.level))
            .push_bind(row::micros(case.due_at()));
    });
    update
        .push(") AS new WHERE cases.number = new.column1 AND cases.revision = new.column2 ")
        // What is being erased stands still for the moment that takes.
        .push("AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.case_number = cases.number AND erasures.state = 'decided') ")
        .push("RETURNING number");
    Ok(update)
}

/// The revision the row is at; none for an unknown case.
pub(super) async fn revision(
    connection: &mut SqliteConnection,
    number: &CaseNumber,
) -> Result<Option<i64>, StoreError> {
    let query = sqlx::query_scalar("SELECT revision FROM cases WHERE number = $1").bind(&number.0);
    Ok(query.fetch_optional(connection).await?)
}

fn closed_at(case: &Case) -> Option<i64> {
    case.state.closing().map(|(_, closed_at)| closed_at.micros())
}

pub(super) fn read(row: &SqliteRow) -> Result<Case, StoreError> {
    Fields::of(row, "case").json("body")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::case::clocks::Promise;
    use crate::case::{CaseDraft, CaseState, ClosingCode, Deadline};
    use crate::people::Actor;
    use crate::store::fixture::{at, case_draft, contact, fresh, page, registered};

    async fn numbers(store: &Store, filter: &CaseFilter) -> Vec<String> {
        let listed = store.cases(filter, &page(10, None)).await.unwrap();
        listed.items.into_iter().map(|case| case.number.0[8..].to_owned()).collect()
    }

    async fn set(store: &Store, case: &Case, change: impl Fn(&mut Case) + Send + Sync + 'static) {
        let actor = Actor::system("test");
        let changed = store.change_case(&case.number, &actor, at(50), move |mut case, _| {
            change(&mut case);
            Ok((case, Vec::new()))
        });
        changed.await.unwrap();
    }

    fn promised(resolve_by: Timestamp) -> Promise {
        Promise::Given(Deadline {
            norm: "water".to_owned(),
            first: resolve_by,
            resolve_by,
            ..Deadline::default()
        })
    }

    #[tokio::test]
    async fn filters_narrow_the_list() {
        let (store, _files) = fresh().await;
        let mut cases = Vec::new();
        for n in 1..=3 {
            cases.push(registered(&store, n).await);
        }
        set(&store, &cases[0], |case| {
            case.clocks.citizen = promised(at(60));
            case.state = CaseState::Closed { code: ClosingCode::Explained, closed_at: at(50) };
        })
        .await;
        set(&store, &cases[1], |case| {
            case.clocks.citizen = promised(at(60));
            case.category = "heat".to_owned();
        })
        .await;
        let any = CaseFilter::default;
        let expectations = [
            (any(), vec!["000003", "000002", "000001"]),
            (CaseFilter { states: vec!["closed".to_owned()], ..any() }, vec!["000001"]),
            (
                CaseFilter { states: vec!["closed".to_owned(), "registered".to_owned()], ..any() },
                vec!["000003", "000002", "000001"],
            ),
            (CaseFilter { category: Some("heat".to_owned()), ..any() }, vec!["000002"]),
            (CaseFilter { caller: Some("0000003".to_owned()), ..any() }, vec!["000003"]),
            (CaseFilter { executor: Some("vodokanal".to_owned()), ..any() }, vec![]),
            (CaseFilter { overdue_at: Some(at(61)), ..any() }, vec!["000002"]),
            (CaseFilter { overdue_at: Some(at(60)), ..any() }, vec![]),
        ];
        for (filter, expected) in expectations {
            assert_eq!(numbers(&store, &filter).await, expected, "{filter:?}");
        }
        assert_eq!(store.counts().await.unwrap().open_cases, 2);
    }

    #[tokio::test]
    async fn pages_cover_cases_of_the_same_moment() {
        let (store, _files) = fresh().await;
        for _ in 0..5 {
            let draft = CaseDraft { contact: None, ..case_draft(1) };
            store.register_case(draft, at(1), Actor::system("test"), None).await.unwrap();
        }
        let mut seen = Vec::new();
        let mut cursor = None;
        for _ in 0..3 {
            let listed = store.cases(&CaseFilter::default(), &page(2, cursor)).await.unwrap();
            seen.extend(listed.items.into_iter().map(|case| case.number.0));
            cursor = listed.next;
        }
        assert_eq!(seen, [5, 4, 3, 2, 1].map(|seq| format!("2026-01-{seq:06}")));
        assert_eq!(cursor, None);
    }

    #[tokio::test]
    async fn callers_find_their_own_case_only() {
        let (store, _files) = fresh().await;
        for n in 1..=12 {
            registered(&store, n).await;
        }
        let mine = contact(12).caller;
        let find = async |digits: &str, caller: &str| {
            store.case_for_caller(digits, caller).await.unwrap().map(|case| case.number.0)
        };
        for digits in ["12", "2", "01000012", "202601000012"] {
            assert_eq!(find(digits, mine.as_str()).await.as_deref(), Some("2026-01-000012"), "{digits}");
        }
        for (digits, caller) in [("11", mine.as_str()), ("", mine.as_str()), ("%", mine.as_str()), ("12", "")]
        {
            assert_eq!(find(digits, caller).await, None, "{digits}");
        }
        assert_eq!(store.case(&CaseNumber("2026-01-000013".to_owned())).await.unwrap(), None);
    }
}
