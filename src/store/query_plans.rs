//! How SQLite finds what people and watches wait for, asked of SQLite itself: in a city of a million cases nothing may read
//! all cases, calls or entries, but for the lists named here, which walk an index in their own order and stop when the page
//! is full.
#![allow(clippy::unwrap_used, clippy::panic)]

use sqlx::{AssertSqlSafe, Row};

use super::fixture::{at, fresh, page, registered};
use super::{CaseFilter, ContactFilter, Store, WorkOrderFilter, cases, contacts, verification, work_orders};
use crate::call::contact::Disposition;
use crate::case::CaseNumber;
use crate::case::work_order::WorkOrderState;
use crate::ids::UserId;

/// Tables that grow with the years, by the names they have in queries.
const LARGE: [&str; 6] = ["cases", "contacts", "journal", "work_orders", "notifications", "c"];
const NEWEST_CASES: &str = "SCAN cases USING INDEX cases_by_registration";
const NEWEST_CALLS: &str = "SCAN contacts USING INDEX contacts_by_offer";
const FIRST_ORDERS: &str = "SCAN work_orders USING INDEX work_orders_by_deadline";
const OPEN_CASES: &str = "SCAN cases USING INDEX open_cases";

async fn plan(store: &Store, sql: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
    let rows = rows.fetch_all(&store.readers).await.unwrap();
    rows.iter().map(|row| row.get("detail")).collect()
}

/// Nothing large is read whole, but as `walk` says, where it says so.
async fn is_found(store: &Store, sql: &str, walk: Option<&str>) {
    let plan = plan(store, sql).await;
    let is_large = |step: &str| {
        step.strip_prefix("SCAN ").is_some_and(|rest| LARGE.contains(&rest.split(' ').next().unwrap_or(rest)))
    };
    let scans: Vec<_> = plan.iter().filter(|step| is_large(step)).map(String::as_str).collect();
    assert_eq!(scans, walk.into_iter().collect::<Vec<_>>(), "{sql}: {plan:#?}");
}

fn states(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn lists_of_cases_read_what_they_show() {
    let (store, _files) = fresh().await;
    let any = CaseFilter::default;
    let water = Some("water".to_owned());
    let verifying = CaseFilter { states: states(&["verification"]), ..any() };
    let at_desk = CaseFilter { states: states(&["registered", "explained"]), ..any() };
    for (filter, walk) in [
        (any(), Some(NEWEST_CASES)),
        (CaseFilter { caller: Some("0001234".to_owned()), ..any() }, Some(NEWEST_CASES)),
        (CaseFilter { states: states(&["archived"]), ..any() }, Some(NEWEST_CASES)),
        (CaseFilter { overdue_at: Some(at(0)), ..any() }, Some(OPEN_CASES)),
        (CaseFilter { overdue_at: Some(at(0)), ..verifying.clone() }, None),
        (CaseFilter { category: water.clone(), ..any() }, None),
        (CaseFilter { executor: Some("vodokanal".to_owned()), ..any() }, None),
        (CaseFilter { related_to: Some(CaseNumber("2026-01-000001".to_owned())), ..any() }, None),
        (CaseFilter { category: water, ..at_desk.clone() }, None),
        (verifying, None),
        (at_desk, None),
    ] {
        // The next page begins at its place in the index: what walks it is then no scan.
        let first = cases::listing(&filter, &page(50, None)).unwrap();
        is_found(&store, first.sql().as_str(), walk).await;
        let next = cases::listing(&filter, &page(50, Some("5.2026-01-000042".to_owned()))).unwrap();
        is_found(&store, next.sql().as_str(), walk.filter(|walk| *walk == OPEN_CASES)).await;
    }
    let one = CaseFilter { states: states(&["verification"]), ..any() };
    let ordered = plan(&store, cases::listing(&one, &page(50, None)).unwrap().sql().as_str()).await;
    assert_eq!(ordered, ["SEARCH cases USING INDEX open_cases (state=?)"], "in their order, no sorting");
}

#[tokio::test]
async fn lists_of_calls_and_orders_read_what_they_show() {
    let (store, _files) = fresh().await;
    let any = ContactFilter::default;
    for (filter, walk) in [
        (any(), Some(NEWEST_CALLS)),
        (ContactFilter { caller: Some("0001234".to_owned()), ..any() }, Some(NEWEST_CALLS)),
        (ContactFilter { operator: Some(UserId(uuid::Uuid::nil())), ..any() }, None),
        (ContactFilter { disposition: Some(Disposition::Nuisance), ..any() }, None),
        (ContactFilter { case: Some(CaseNumber("2026-01-000001".to_owned())), ..any() }, None),
        (ContactFilter { from: Some(at(0)), to: Some(at(9)), ..any() }, None),
        (ContactFilter { category: Some("water".to_owned()), ..any() }, None),
        (ContactFilter { words: Some("вода у дворі".to_owned()), ..any() }, None),
        (ContactFilter { words: Some("вода".to_owned()), from: Some(at(0)), to: Some(at(9)), ..any() }, None),
    ] {
        let listing = contacts::listing(&filter, &page(50, None)).unwrap();
        is_found(&store, listing.sql().as_str(), walk).await;
    }
    let out = vec![WorkOrderState::Issued, WorkOrderState::Accepted];
    let executor = Some("vodokanal".to_owned());
    for (filter, walk) in [
        (WorkOrderFilter::default(), Some(FIRST_ORDERS)),
        (WorkOrderFilter { executor: None, states: out.clone() }, None),
        (WorkOrderFilter { executor: executor.clone(), states: Vec::new() }, None),
        (WorkOrderFilter { executor, states: out }, None),
    ] {
        let listing = work_orders::listing(&filter, &page(50, None)).unwrap();
        is_found(&store, listing.sql().as_str(), walk).await;
    }
    is_found(&store, work_orders::ENDING_IN, None).await;
}

#[tokio::test]
async fn watches_read_the_cases_that_wait_and_no_others() {
    let (store, _files) = fresh().await;
    let (writings, consents) = (verification::asking_writings(), verification::asking_consents());
    for sql in [
        verification::WAITING,
        verification::CALLS,
        verification::REFUSING,
        verification::GIVEN_UP,
        &writings,
        &consents,
    ] {
        is_found(&store, sql, None).await;
        let plan = plan(&store, sql).await;
        assert!(plan.iter().any(|step| step.contains("open_cases (state=?)")), "{sql}: {plan:#?}");
    }
}

#[tokio::test]
async fn many_rows_are_overwritten_each_by_its_number() {
    let (store, _files) = fresh().await;
    let case = registered(&store, 1).await;
    let step = || cases::Step { before: &case, after: &case, revision: 1 };
    let update = cases::overwriting(&[step(), step()]).unwrap();
    is_found(&store, update.sql().as_str(), None).await;
}
