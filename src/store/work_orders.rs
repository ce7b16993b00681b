//! Work orders: one row per order, listed by deadline. The rows follow their case: `case_change.rs` writes them,
//! `crate::case::work_order` decides what stands in them.

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::case::Case;
use crate::case::work_order::WorkOrder;
use crate::ids::WorkOrderId;

use super::cases::{MAX_NUMBER_DIGITS, any_of};
use super::page::{Cursor, Order};
use super::row::{self, Fields};
use super::{Listed, Page, ROWS_AT_ONCE, Store, StoreError, WorkOrderFilter};

const ONE: &str = "SELECT * FROM work_orders WHERE id = $1";
/// The `+` keeps the index of all that is out away.
pub(super) const ENDING_IN: &str = "SELECT * FROM work_orders WHERE id IN (SELECT id FROM work_orders WHERE executor = $1 \
     AND state IN ('issued', 'accepted', 'started', 'returned') \
     UNION ALL SELECT order_id FROM work_order_parts WHERE executor = $1) \
     AND +state IN ('issued', 'accepted', 'started', 'returned') \
     AND REPLACE(case_number, '-', '') LIKE $2 ORDER BY +resolve_by, id LIMIT 2";

impl Store {
    pub async fn work_order(&self, id: WorkOrderId) -> Result<Option<WorkOrder>, StoreError> {
        let query = sqlx::query(ONE).bind(id.to_string());
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    /// Orders of cases that an organisation leads or has a part in, not reported yet, whose case's register number, read
    /// without its dashes, ends in `digits`; two at most, which says that more digits are needed.
    pub async fn orders_ending_in(
        &self,
        organisation: &str,
        digits: &str,
    ) -> Result<Vec<WorkOrder>, StoreError> {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || digits.len() > MAX_NUMBER_DIGITS {
            return Ok(Vec::new());
        }
        let query = sqlx::query(ENDING_IN).bind(organisation).bind(format!("%{digits}"));
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    /// By deadline, the earliest first.
    pub async fn work_orders(
        &self,
        filter: &WorkOrderFilter,
        page: &Page,
    ) -> Result<Listed<WorkOrder>, StoreError> {
        let mut query = listing(filter, page)?;
        let rows = self.reading(query.build().fetch_all(&self.readers)).await?;
        let orders = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(page.list(orders, |order: &WorkOrder| Cursor { at: order.resolve_by, id: order.id.to_string() }))
    }
}

/// The list of [`Store::work_orders`]. Of an organisation: the first it leads and the first it has a part in, each by an
/// index of its own, and the first of both.
pub(super) fn listing(filter: &WorkOrderFilter, page: &Page) -> Result<QueryBuilder<Sqlite>, StoreError> {
    let states = filter.states.iter().map(row::word).collect::<Result<Vec<_>, _>>()?;
    let words = || states.iter().map(String::as_str);
    let mut query = QueryBuilder::new("SELECT * FROM work_orders WHERE 1 = 1");
    if let Some(executor) = &filter.executor {
        query.push(" AND id IN (SELECT * FROM (SELECT id FROM work_orders WHERE executor = ");
        query.push_bind(executor.clone());
        any_of(&mut query, "state", words());
        // In the order of deadlines all that was ever done comes before what is out: rather by state, then sorted.
        let moment = if states.is_empty() { "resolve_by" } else { "+resolve_by" };
        page.narrow(&mut query, (moment, "id"), Order::EarliestFirst)?;
        query.push(") UNION ALL SELECT * FROM (SELECT id FROM work_orders WHERE id IN ");
        query.push("(SELECT order_id FROM work_order_parts WHERE executor = ");
        query.push_bind(executor.clone()).push(")");
        any_of(&mut query, "+state", words());
        page.narrow(&mut query, ("+resolve_by", "id"), Order::EarliestFirst)?;
        query.push("))");
    } else {
        any_of(&mut query, "state", words());
    }
    page.narrow(&mut query, ("resolve_by", "id"), Order::EarliestFirst)?;
    Ok(query)
}

/// The order as it is in this very transaction.
pub(super) async fn standing(
    connection: &mut SqliteConnection,
    id: WorkOrderId,
) -> Result<Option<WorkOrder>, StoreError> {
    sqlx::query(ONE).bind(id.to_string()).fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// Who works with the lead on the orders that are out, for their own lists.
pub(super) async fn save_parts(connection: &mut SqliteConnection, cases: &[&Case]) -> Result<(), StoreError> {
    let mut orders = Vec::with_capacity(cases.len());
    let mut parts = Vec::new();
    for case in cases {
        let Some(order) = case.state.order() else { continue };
        orders.push(order.to_string());
        parts.extend(case.parts.iter().map(|part| (order.to_string(), part.executor.as_str())));
    }
    for orders in orders.chunks(ROWS_AT_ONCE) {
        let mut gone = QueryBuilder::<Sqlite>::new("DELETE FROM work_order_parts WHERE order_id IN (");
        let mut ids = gone.separated(", ");
        for order in orders {
            ids.push_bind(order);
        }
        gone.push(")").build().execute(&mut *connection).await?;
    }
    for parts in parts.chunks(ROWS_AT_ONCE) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO work_order_parts (order_id, executor) ");
        insert.push_values(parts, |mut values, (order, executor)| {
            values.push_bind(order).push_bind(*executor);
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Inserts or overwrites the rows.
pub(super) async fn save(connection: &mut SqliteConnection, orders: &[&WorkOrder]) -> Result<(), StoreError> {
    for orders in orders.chunks(ROWS_AT_ONCE) {
        save_some(connection, orders).await?;
    }
    Ok(())
}

async fn save_some(connection: &mut SqliteConnection, orders: &[&WorkOrder]) -> Result<(), StoreError> {
    let mut words = Vec::with_capacity(orders.len());
    for order in orders {
        words.push((row::word(&order.state)?, order.because.as_ref().map(row::json).transpose()?));
    }
    let mut upsert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO work_orders (id, case_number, executor, state, task, issued_at, accept_by, resolve_by, result, \
         declined_reason, because) ",
    );
    upsert.push_values(orders.iter().zip(words), |mut values, (order, (state, because))| {
        values
            .push_bind(order.id.to_string())
            .push_bind(&order.case.0)
            .push_bind(&order.executor)
            .push_bind(state)
            .push_bind(&order.task)
            .push_bind(order.issued_at.micros())
            .push_bind(row::micros(order.accept_by))
            .push_bind(order.resolve_by.micros())
            .push_bind(&order.result)
            .push_bind(&order.declined_reason)
            .push_bind(because);
    });
    upsert.push(
        " ON CONFLICT (id) DO UPDATE SET case_number = excluded.case_number, executor = excluded.executor, \
         state = excluded.state, task = excluded.task, issued_at = excluded.issued_at, \
         accept_by = excluded.accept_by, resolve_by = excluded.resolve_by, result = excluded.result, \
         declined_reason = excluded.declined_reason, because = excluded.because",
    );
    upsert.build().execute(connection).await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<WorkOrder, StoreError> {
    let fields = Fields::of(row, "work order");
    Ok(WorkOrder {
        id: fields.word("id")?,
        case: fields.word("case_number")?,
        executor: fields.plain("executor")?,
        state: fields.word("state")?,
        task: fields.plain("task")?,
        issued_at: fields.moment("issued_at")?,
        accept_by: fields.optional_moment("accept_by")?,
        resolve_by: fields.moment("resolve_by")?,
        result: fields.plain("result")?,
        declined_reason: fields.plain("declined_reason")?,
        because: fields.optional_json("because")?,
    })
}
