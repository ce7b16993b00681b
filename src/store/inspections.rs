//! Closed cases that an inspector visits: drawn in the transaction that closes them, by the hash of its journal entry,
//! and crossed off by the entry of the visit. The rule of the draw is `case/rules.rs`.

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, SqliteConnection};

use crate::case::CaseNumber;
use crate::case::rules::VerifyRule;
use crate::journal::Entry;
use crate::time::Timestamp;

use super::page::{Cursor, Order};
use super::row::{self, Fields};
use super::{Listed, Page, Store, StoreError};

/// A case drawn for a visit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DrawnCase {
    pub case: CaseNumber,
    /// The cycle that was closed.
    pub cycle: u16,
    /// Number of the journal entry whose hash decided.
    pub entry: u64,
    pub drawn_at: Timestamp,
    pub inspected_at: Option<Timestamp>,
    pub passed: Option<bool>,
}

impl Store {
    /// Oldest draw first; `due` are those nobody has visited yet.
    pub async fn drawn_cases(&self, due: bool, page: &Page) -> Result<Listed<DrawnCase>, StoreError> {
        let mut query = QueryBuilder::new("SELECT * FROM inspections WHERE 1 = 1");
        if due {
            // A case that went back to work or into the archive is visited no more for this closing.
            query.push(
                " AND inspected_at IS NULL AND EXISTS (SELECT 1 FROM cases WHERE number = inspections.case_number \
                 AND state = 'closed' AND json_extract(body, '$.cycle') = inspections.cycle)",
            );
        }
        page.narrow(&mut query, ("drawn_at", "case_number"), Order::EarliestFirst)?;
        let rows = self.reading(query.build().fetch_all(&self.readers)).await?;
        let drawn = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(page.list(drawn, |drawn: &DrawnCase| Cursor { at: drawn.drawn_at, id: drawn.case.0.clone() }))
    }
}

/// The share with which an entry that closes a case was put into the draw, in thousandths; none for all others.
pub(super) fn share(event: &str, data: &serde_json::Value) -> Option<u16> {
    let share = data["inspect_per_mille"].as_u64().filter(|_| event == "case.closed")?;
    u16::try_from(share).ok()
}

/// What the entries of one change mean for visits.
pub(super) async fn follow(connection: &mut SqliteConnection, entries: &[Entry]) -> Result<(), StoreError> {
    for entry in entries {
        let Some(case) = &entry.case else { continue };
        if entry.event == "verify.inspected" {
            let passed = entry.data["passed"].as_bool().unwrap_or_default();
            let sql = "UPDATE inspections SET inspected_at = $3, passed = $4 \
                       WHERE case_number = $1 AND cycle = $2 AND inspected_at IS NULL";
            let visited = sqlx::query(sql).bind(&case.0).bind(entry.data["cycle"].as_i64());
            visited.bind(entry.at.micros()).bind(i64::from(passed)).execute(&mut *connection).await?;
        }
        let drawn = share(&entry.event, &entry.data).is_some_and(|s| VerifyRule::is_drawn(&entry.hash, s));
        if drawn {
            let sql = "INSERT INTO inspections (case_number, cycle, entry, drawn_at) VALUES ($1, $2, $3, $4)";
            let insert = sqlx::query(sql).bind(&case.0).bind(entry.data["cycle"].as_i64());
            let insert = insert.bind(row::stored_count(entry.seq)).bind(entry.at.micros());
            insert.execute(&mut *connection).await?;
        }
    }
    Ok(())
}

pub(super) fn read(row: &SqliteRow) -> Result<DrawnCase, StoreError> {
    let fields = Fields::of(row, "inspection");
    let passed: Option<i64> = fields.plain("passed")?;
    Ok(DrawnCase {
        case: fields.word("case_number")?,
        cycle: fields.count("cycle")?,
        entry: fields.count("entry")?,
        drawn_at: fields.moment("drawn_at")?,
        inspected_at: fields.optional_moment("inspected_at")?,
        passed: passed.map(|passed| passed != 0),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::calendar::Calendar;
    use crate::case::routing::Assignment;
    use crate::case::transition::InvalidTransition;
    use crate::case::work_order::WorkReport;
    use crate::case::{Case, CaseEvent, ClosingCode, Deadline, TellingChannel, Told};
    use crate::ids::{UserId, WorkOrderId};
    use crate::people::{Actor, Role};
    use crate::store::Finding;
    use crate::store::fixture::{Files, at, page, registered};

    type Step = fn(Case, &VerifyRule) -> Result<(Case, Vec<CaseEvent>), InvalidTransition>;

    fn person(role: Role, organisation: Option<&str>) -> Actor {
        Actor::person(role, UserId(uuid::Uuid::from_u128(1)), organisation.map(str::to_owned))
    }

    fn executor() -> Actor {
        person(Role::Executor, Some("vodokanal"))
    }

    fn control() -> Actor {
        person(Role::Control, None)
    }

    /// From the registration to the closing on the applicant's word.
    const STEPS: [Step; 7] = [
        |case, _| {
            let order = WorkOrderId(uuid::Uuid::from_u128(u128::from(case.number.sequence().unwrap())));
            let deadline = Deadline {
                norm: "water".to_owned(),
                first: at(90),
                resolve_by: at(90),
                ..Deadline::default()
            };
            let executor = "vodokanal".to_owned();
            let assignment = Assignment {
                order,
                executor_name: executor.clone(),
                executor,
                deadline,
                co_executors: Vec::new(),
                because: None,
                task: "pipe".to_owned(),
            };
            case.assign(assignment, &control(), at(50))
        },
        |case, _| case.accept(&executor(), at(51)),
        |case, _| case.start(&executor(), at(52)),
        |case, _| case.report_work(WorkReport { result: "done".to_owned() }, &[], None, &executor(), at(53)),
        |case, _| case.accept_evidence(&control(), at(54)),
        |case, _| {
            let told = Told {
                at: at(55),
                language: case.language,
                channel: TellingChannel::Voice,
                delivered: true,
                confirmed: Some(true),
                cycle: 1,
                whom: None,
                contact: None,
                notification: None,
            };
            case.tell(told, &control(), at(55))
        },
        |case, rule| case.close(ClosingCode::FixedConfirmed, rule, &control(), at(56)),
    ];

    async fn closed(store: &Store, n: u32, inspect_per_mille: u16) -> CaseNumber {
        let number = registered(store, n).await.number;
        for step in STEPS {
            let clock = Calendar::always("Europe/Kyiv").unwrap();
            let rule = VerifyRule { attempts: 3, on_days: 2, answer_days: 3, inspect_per_mille, clock };
            store.change_case(&number, &control(), at(56), move |case, _| step(case, &rule)).await.unwrap();
        }
        number
    }

    #[tokio::test]
    async fn what_is_drawn_is_listed_until_somebody_was_there() {
        let files = Files::new();
        let store = files.open().await;
        closed(&store, 1, 0).await;
        let (two, three) = (closed(&store, 2, 1_000).await, closed(&store, 3, 1_000).await);
        let due = store.drawn_cases(true, &page(1, None)).await.unwrap();
        assert_eq!(due.items[0].case, two);
        let rest = store.drawn_cases(true, &page(5, due.next)).await.unwrap();
        assert_eq!(rest.items.iter().map(|drawn| &drawn.case).collect::<Vec<_>>(), [&three]);
        let by = control();
        let visited = store.change_case(&two, &by, at(70), |case, _| {
            case.inspect(true, "the pipe is new", &control(), at(70))
        });
        visited.await.unwrap();
        assert_eq!(store.drawn_cases(true, &page(5, None)).await.unwrap().items.len(), 1);
        let all = store.drawn_cases(false, &page(5, None)).await.unwrap().items;
        assert_eq!((all[0].passed, all[0].inspected_at, all[1].passed), (Some(true), Some(at(70)), None));
        assert!(store.verify(&mut |_| {}, None).await.unwrap().is_good());
    }

    #[tokio::test]
    async fn a_draw_that_was_hushed_up_and_a_row_that_was_changed_are_found() {
        let files = Files::new();
        let store = files.open().await;
        let (one, two) = (closed(&store, 1, 1_000).await, closed(&store, 2, 1_000).await);
        let mut intruder = files.intruder().await;
        let hush = format!("DELETE FROM inspections WHERE case_number = '{one}'");
        sqlx::query(sqlx::AssertSqlSafe(hush)).execute(&mut intruder).await.unwrap();
        let raise = format!("UPDATE cases SET body = json_set(body, '$.level', 3) WHERE number = '{two}'");
        sqlx::query(sqlx::AssertSqlSafe(raise)).execute(&mut intruder).await.unwrap();
        let (row, journal) = ("3".to_owned(), "0".to_owned());
        let expected =
            [Finding::DrawDiffers(one), Finding::CaseDiffers { number: two, what: "level", row, journal }];
        let found = store.verify(&mut |_| {}, None).await.unwrap().findings;
        assert!(expected.iter().all(|one| found.contains(one)), "{found:?}");
    }

    #[tokio::test]
    async fn about_the_share_that_was_asked_for_is_drawn() {
        let files = Files::new();
        let store = files.open().await;
        for n in 1..=60 {
            closed(&store, n, 500).await;
        }
        let drawn = store.drawn_cases(true, &page(100, None)).await.unwrap().items.len();
        // Five standard deviations of 60 draws at one in two; ids and hashes differ in every run.
        assert!((11..50).contains(&drawn), "{drawn}");
    }
}
