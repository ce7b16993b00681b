//! Many cases moved by one cause, as the end of an incident moves all of its cases: a few hundred rows, their orders and
//! entries in one transaction, which no other change shares. What a row has come to since it was read is not overwritten: it
//! is left for the next time.

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

/// Cases of one transaction: calls wait for it some tens of milliseconds at most.
pub const MOST_AT_ONCE: usize = 200;

/// Changes of different cases, worked out and not written yet.
pub struct WorkedOut {
    saves: Vec<Save>,
}

impl std::fmt::Debug for WorkedOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WorkedOut({} cases)", self.saves.len())
    }
}

impl Store {
    /// Applies `change` to those of `numbers` that are there, the first 200 at most. Those that `change` refuses are left out.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn work_out<F>(
        &self,
        numbers: &[CaseNumber],
        actor: &Actor,
        at: Timestamp,
        change: F,
    ) -> Result<WorkedOut, StoreError>
    where
        F: Fn(Case) -> Transition + Send + Sync,
    {
        let Some((first, rest)) = numbers.get(..numbers.len().min(MOST_AT_ONCE)).and_then(<[_]>::split_first)
        else {
            return Ok(WorkedOut { saves: Vec::new() });
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
            let (before, revision) = (cases::read(row)?, Fields::of(row, "case").plain("revision")?);
            let previous = match before.state.order() {
                Some(order) => self.work_order(order).await?,
                None => None,
            };
            match change(before.clone()) {
                Ok((case, events)) => {
                    let source = Source { at, actor, contact: None, media: None };
                    let orders = WorkOrder::after(&case, previous, &events, at);
                    let entries = drafts(&case, &events, &source)?;
                    let moves_parts = moves_parts(&events);
                    let linked = Vec::new();
                    saves.push(Save {
                        before,
                        case,
                        revision,
                        orders,
                        moves_parts,
                        linked,
                        entries,
                        once: None,
                    });
                }
                Err(refused) => tracing::warn!(case.id = %before.number, %refused, "left as it is"),
            }
        }
        Ok(WorkedOut { saves })
    }

    /// Writes them; how many were moved. Those that somebody else moved meanwhile stay as they are.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn write(&self, changes: WorkedOut) -> Result<usize, StoreError> {
        if changes.saves.is_empty() {
            return Ok(0);
        }
        self.writer.make(changes).await
    }
}

impl Change for WorkedOut {
    type Answer = usize;
    const IS_LONG: bool = true;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<usize, StoreError> {
        let kept = case_change::keep(ledger.connection, self.saves).await?;
        let moved = kept.len();
        case_change::append(ledger, kept.into_iter().flat_map(|save| save.entries).collect()).await?;
        Ok(moved)
    }
}
