//! Many cases moved by one cause, as the end of an incident moves all of its cases: a few hundred rows, their orders and
//! entries in one transaction. What a row has come to since it was read is not overwritten: it is left for the next time.

use sqlx::QueryBuilder;
use sqlx::Sqlite;

use crate::case::transition::Transition;
use crate::case::work_order::WorkOrder;
use crate::case::{Case, CaseNumber};
use crate::people::Actor;
use crate::time::Timestamp;

use super::case_change::{self, Save, moves_parts};
use super::register::{Source, drafts};
use super::row::Fields;
use super::writer::{Change, Ledger};
use super::{Store, StoreError, cases};

/// Cases of one transaction: calls wait for it some fifty milliseconds.
pub const MOST_AT_ONCE: usize = 200;

impl Store {
    /// Applies `change` to those of `numbers` that are there, the first 200 at most; how many were moved. Those that somebody
    /// else moved at the same time, and those that `change` refuses, stay as they are.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn change_cases<F>(
        &self,
        numbers: &[CaseNumber],
        actor: &Actor,
        at: Timestamp,
        change: F,
    ) -> Result<usize, StoreError>
    where
        F: Fn(Case) -> Transition + Send + Sync,
    {
        let Some((first, rest)) = numbers.get(..numbers.len().min(MOST_AT_ONCE)).and_then(<[_]>::split_first)
        else {
            return Ok(0);
        };
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM cases WHERE number IN (");
        query.push_bind(&first.0);
        for number in rest {
            query.push(", ").push_bind(&number.0);
        }
        query.push(")");
        let rows = self.reading(query.build().fetch_all(&self.readers)).await?;
        let mut saves = Vec::with_capacity(rows.len());
        for row in &rows {
            let (case, revision) = (cases::read(row)?, Fields::of(row, "case").plain("revision")?);
            let previous = match case.state.order() {
                Some(order) => self.work_order(order).await?,
                None => None,
            };
            let number = case.number.clone();
            match change(case) {
                Ok((case, events)) => {
                    let source = Source { at, actor, contact: None, media: None };
                    let orders = WorkOrder::after(&case, previous, &events, at);
                    let entries = drafts(&case, &events, &source)?;
                    let moves_parts = moves_parts(&events);
                    let linked = Vec::new();
                    saves.push(Save { case, revision, orders, moves_parts, linked, entries, once: None });
                }
                Err(refused) => tracing::warn!(case.id = %number, %refused, "left as it is"),
            }
        }
        self.writer.make(Many { saves }).await
    }
}

struct Many {
    saves: Vec<Save>,
}

impl Change for Many {
    type Answer = usize;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<usize, StoreError> {
        let mut entries = Vec::new();
        let mut moved = 0;
        for save in self.saves {
            if save.keep(ledger.connection).await? {
                entries.extend(save.entries);
                moved += 1;
            }
        }
        case_change::append(ledger, entries).await?;
        Ok(moved)
    }
}
