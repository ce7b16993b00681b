//! What time does to cases: which of them the watch over the clocks has to look at, and the escalations that wait for an
//! answer. Both are indexes over the cases; what is in them is worked out by `crate::case`.

use sqlx::{QueryBuilder, SqliteConnection};

use crate::case::{Case, CaseNumber};
use crate::time::Timestamp;

use super::page::{Cursor, Order};
use super::row::{self, Fields};
use super::{Listed, Page, Store, StoreError, cases};

/// Which escalations are listed.
#[derive(Clone, Debug, Default)]
pub struct EscalationFilter {
    /// Asked of one of these posts; none for all.
    pub posts: Option<Vec<String>>,
    /// The organisation whose own posts are meant by `executor.…`; such posts of others are not listed. Only with
    /// `posts`.
    pub organisation: Option<String>,
    /// Without those that are answered.
    pub open: bool,
}

/// One escalation and its case; `number` counts the case's escalations from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RaisedEscalation {
    pub number: usize,
    pub case: Case,
}

impl Store {
    /// Cases that are due at `at`, the longest due first, after the one that was looked at last.
    pub async fn cases_due(
        &self,
        at: Timestamp,
        after: Option<&(Timestamp, CaseNumber)>,
        limit: u32,
    ) -> Result<Vec<(Timestamp, CaseNumber)>, StoreError> {
        let sql = "SELECT due_at, number FROM cases WHERE due_at IS NOT NULL AND due_at <= $1 \
                   AND (due_at, number) > ($2, $3) ORDER BY due_at, number LIMIT $4";
        let (moment, number) = after.map_or((i64::MIN, ""), |(at, number)| (at.micros(), number.0.as_str()));
        let query = sqlx::query(sql).bind(at.micros()).bind(moment).bind(number).bind(limit);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let due = |row| {
            let fields = Fields::of(row, "case");
            Ok((fields.moment("due_at")?, fields.word("number")?))
        };
        rows.iter().map(due).collect()
    }

    /// The earliest first.
    pub async fn escalations(
        &self,
        filter: &EscalationFilter,
        page: &Page,
    ) -> Result<Listed<RaisedEscalation>, StoreError> {
        let mut query = QueryBuilder::new(
            "SELECT cases.body AS body, escalations.number AS escalation FROM escalations \
             JOIN cases ON cases.number = escalations.case_number WHERE 1 = 1",
        );
        if filter.open {
            query.push(" AND answered_at IS NULL");
        }
        if let Some(posts) = &filter.posts {
            query.push(
                " AND EXISTS (SELECT 1 FROM escalation_posts AS asked WHERE asked.case_number = \
                 escalations.case_number AND asked.number = escalations.number AND (asked.post NOT LIKE 'executor.%' \
                 OR escalations.executor = ",
            );
            query.push_bind(filter.organisation.clone()).push(")");
            cases::any_of(&mut query, "asked.post", posts.iter().map(String::as_str));
            // Whoever holds no post is asked nothing.
            query.push(if posts.is_empty() { " AND 1 = 0)" } else { ")" });
        }
        let id = "escalations.case_number || '-' || escalations.number";
        page.narrow(&mut query, ("raised_at", id), Order::EarliestFirst)?;
        let rows = self.reading(query.build().fetch_all(&self.readers)).await?;
        let raised = |row| {
            let fields = Fields::of(row, "escalation");
            Ok::<_, StoreError>(RaisedEscalation {
                number: fields.count::<u32>("escalation")? as usize,
                case: cases::read(row)?,
            })
        };
        let raised = rows.iter().map(raised).collect::<Result<Vec<_>, _>>()?;
        Ok(page.list(raised, |raised: &RaisedEscalation| Cursor {
            at: raised
                .case
                .clocks
                .escalations
                .get(raised.number - 1)
                .map_or_else(Default::default, |e| e.raised_at),
            id: format!("{}-{}", raised.case.number, raised.number),
        }))
    }
}

/// The rows of the escalations that this step raised or answered.
pub(super) async fn save_escalations(
    connection: &mut SqliteConnection,
    step: &cases::Step<'_>,
) -> Result<(), StoreError> {
    let (case, before) = (step.after, &step.before.clocks.escalations);
    let numbered = (1_i64..).zip(&case.clocks.escalations).enumerate();
    for (_, (number, escalation)) in numbered.filter(|(index, (_, now))| before.get(*index) != Some(*now)) {
        let sql = "INSERT INTO escalations (case_number, number, executor, raised_at, answered_at) \
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (case_number, number) \
                   DO UPDATE SET answered_at = excluded.answered_at";
        sqlx::query(sql)
            .bind(&case.number.0)
            .bind(number)
            .bind(&escalation.executor)
            .bind(escalation.raised_at.micros())
            .bind(row::micros(escalation.answer.as_ref().map(|answer| answer.answered_at)))
            .execute(&mut *connection)
            .await?;
        for post in &escalation.to {
            let sql =
                "INSERT OR IGNORE INTO escalation_posts (case_number, number, post) VALUES ($1, $2, $3)";
            sqlx::query(sql).bind(&case.number.0).bind(number).bind(post).execute(&mut *connection).await?;
        }
    }
    Ok(())
}
