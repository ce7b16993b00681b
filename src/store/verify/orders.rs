//! The auditor's walk over work orders: each row of a case against what its entries made of the order, and who works with
//! its executor. Deadlines are the case's and are looked at there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Finding, VerifyReport};
use crate::case::CaseNumber;
use crate::journal::canonical::canonical;
use crate::store::row::Fields;
use crate::store::{Store, StoreError};

/// What a row and the entries both tell of an order, under the names of the columns.
type Told = BTreeMap<&'static str, String>;

impl Store {
    /// Rows and entries are of one moment: the program may be at work.
    pub(super) async fn verify_orders(
        &self,
        case: &CaseNumber,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        let mut moment = self.readers.begin().await?;
        let sql = "SELECT id, executor, state, task, issued_at, result, declined_reason, because FROM work_orders \
                   WHERE case_number = $1 ORDER BY id";
        let rows = self.reading(sqlx::query(sql).bind(&case.0).fetch_all(&mut *moment)).await?;
        let sql = "SELECT type, at, reason, data FROM journal WHERE case_number = $1 ORDER BY seq";
        let entries = self.reading(sqlx::query(sql).bind(&case.0).fetch_all(&mut *moment)).await?;
        drop(moment);
        let mut replayed = Replayed::default();
        for entry in &entries {
            let fields = Fields::of(entry, "journal entry");
            let (event, reason): (String, Option<String>) = (fields.plain("type")?, fields.plain("reason")?);
            replayed.apply(&event, fields.plain("at")?, reason, &fields.json("data")?);
        }
        let mut told = replayed.orders;
        for row in &rows {
            let fields = Fields::of(row, "work order");
            let id: String = fields.plain("id")?;
            let by_journal = told.remove(&id).unwrap_or_default();
            let by_row = read(&fields)?;
            for what in COLUMNS {
                if by_row.get(what) != by_journal.get(what) {
                    report.add(differs(case, &id, what, by_row.get(what), by_journal.get(what)));
                }
            }
        }
        for (id, order) in &told {
            report.add(differs(case, id, "state", None, order.get("state")));
        }
        Ok(())
    }
}

const COLUMNS: &[&str] = &["executor", "state", "task", "issued_at", "result", "declined_reason", "because"];

/// The words of a task or a result stay out of what is printed: they may name somebody.
const WORDS: &[&str] = &["task", "result", "declined_reason", "because"];

fn differs(
    case: &CaseNumber,
    id: &str,
    what: &'static str,
    row: Option<&String>,
    journal: Option<&String>,
) -> Finding {
    let said = |value: Option<&String>, words: &str| match value {
        None => "none".to_owned(),
        Some(_) if WORDS.contains(&what) => words.to_owned(),
        Some(value) => value.clone(),
    };
    let (row, journal) = (said(row, "other words"), said(journal, "its own"));
    Finding::OrderDiffers { case: case.clone(), id: id.to_owned(), what, row, journal }
}

fn read(fields: &Fields<'_>) -> Result<Told, StoreError> {
    let issued_at: i64 = fields.plain("issued_at")?;
    let mut told = BTreeMap::from([("issued_at", super::contacts::in_words(Some(issued_at)))]);
    for what in ["executor", "state", "task", "result", "declined_reason"] {
        told.extend(fields.plain::<Option<String>>(what)?.map(|word| (what, word)));
    }
    told.extend(
        fields.optional_json::<Value>("because")?.and_then(|why| Some(("because", canonical(&why).ok()?))),
    );
    Ok(told)
}

/// The orders of one case as its entries tell them, by id.
#[derive(Default)]
struct Replayed {
    orders: BTreeMap<String, Told>,
    /// The one that went out last.
    last: Option<String>,
}

impl Replayed {
    fn apply(&mut self, event: &str, at: i64, reason: Option<String>, data: &Value) {
        let text = |key: &str| data[key].as_str().map(str::to_owned);
        let Some(id) = text("order").or_else(|| self.last.clone()) else { return };
        if event == "wo.issued" {
            let mut order = BTreeMap::from([("issued_at", super::contacts::in_words(Some(at)))]);
            order.extend(text("executor").map(|executor| ("executor", executor)));
            order.extend(text("task").map(|task| ("task", task)));
            let because = Some(&data["because"]).filter(|why| !why.is_null());
            order.extend(because.and_then(|why| Some(("because", canonical(why).ok()?))));
            order.insert("state", "issued".to_owned());
            self.last = Some(id.clone());
            self.orders.insert(id, order);
            return;
        }
        let Some(order) = self.orders.get_mut(&id) else { return };
        let is_reported = order.get("state").is_some_and(|state| state == "reported");
        let state = match event {
            "wo.accepted" => "accepted",
            "wo.declined" => {
                order.extend(reason.map(|reason| ("declined_reason", reason)));
                "declined"
            }
            "wo.started" => "started",
            "wo.reported" => {
                order.extend(text("result").map(|result| ("result", result)));
                "reported"
            }
            "wo.returned" => "returned",
            "wo.cancelled" => "cancelled",
            "case.closed" if is_reported => "done",
            _ => return,
        };
        order.insert("state", state.to_owned());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::case::Deadline;
    use crate::case::routing::Assignment;
    use crate::ids::{UserId, WorkOrderId};
    use crate::people::{Actor, Role};
    use crate::store::fixture::{Files, at, registered};

    const ORDER: WorkOrderId = WorkOrderId(uuid::Uuid::from_u128(1));

    async fn declined(store: &Store) -> CaseNumber {
        let number = registered(store, 1).await.number;
        let operator = Actor::person(Role::Operator, UserId(uuid::Uuid::from_u128(1)), None);
        let by = operator.clone();
        let assigned = store.change_case(&number, &operator, at(9), move |case, _| {
            let deadline = Deadline { first: at(90), resolve_by: at(90), ..Deadline::default() };
            let assignment = Assignment {
                order: ORDER,
                executor: "vodokanal".to_owned(),
                executor_name: "Vodokanal".to_owned(),
                deadline,
                co_executors: Vec::new(),
                because: None,
                task: "mend the pipe".to_owned(),
            };
            case.assign(assignment, &by, at(9))
        });
        assigned.await.unwrap();
        let organisation = Some("vodokanal".to_owned());
        let worker = Actor::person(Role::Executor, UserId(uuid::Uuid::from_u128(2)), organisation);
        let by = worker.clone();
        let declined = store
            .change_case(&number, &worker, at(10), move |case, _| case.decline("not our pipe", &by, at(10)));
        declined.await.unwrap();
        number
    }

    #[tokio::test]
    async fn a_row_that_its_entries_do_not_tell_is_named() {
        let files = Files::new();
        let store = files.open().await;
        declined(&store).await;
        let found = |report: VerifyReport| report.in_words().collect::<Vec<_>>();
        let clean = store.verify(&mut |_| {}, None).await.unwrap();
        assert!(!found(clean).iter().any(|finding| finding.contains("work order")));
        let mut intruder = files.intruder().await;
        let changes = [
            ("state = 'started'", "state is 'started' in the row and 'declined'"),
            ("executor = 'teplo'", "executor is 'teplo' in the row and 'vodokanal'"),
            ("task = 'mend another'", "task is 'other words' in the row and 'its own'"),
            ("issued_at = issued_at - 1", "issued_at is"),
            ("declined_reason = NULL", "declined_reason is 'none' in the row and 'its own'"),
            ("result = 'all is well'", "result is 'other words' in the row and 'none'"),
        ];
        for (change, said) in changes {
            let kept = "CREATE TEMP TABLE kept AS SELECT * FROM work_orders";
            let back = "DELETE FROM work_orders; INSERT INTO work_orders SELECT * FROM kept; DROP TABLE kept";
            let sql = format!("{kept}; UPDATE work_orders SET {change}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut intruder).await.unwrap();
            let words = found(store.verify(&mut |_| {}, None).await.unwrap());
            assert!(words.iter().any(|finding| finding.contains(said)), "{change}: {words:?}");
            sqlx::raw_sql(back).execute(&mut intruder).await.unwrap();
        }
        sqlx::raw_sql("DELETE FROM work_orders").execute(&mut intruder).await.unwrap();
        let words = found(store.verify(&mut |_| {}, None).await.unwrap());
        assert!(words.iter().any(|it| it.contains("state is 'none' in the row and 'declined'")), "{words:?}");
    }
}
