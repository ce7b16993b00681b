//! Cases as the world outside may ask for them (Open311): by number, or by category, state and time of registration;
//! and what happened to them. Only categories that are named are looked at: which may be seen is decided in `web/`.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use crate::case::{Case, CaseNumber};
use crate::ids::AttachmentId;
use crate::time::Timestamp;

use super::cases::{self, any_of};
use super::row::Fields;
use super::{Store, StoreError, TimelineEntry, journal};

/// Which cases are wanted; those of no category are none.
#[derive(Clone, Debug)]
pub struct RequestFilter {
    /// When there are any, only these, whatever the rest says but the categories.
    pub numbers: Vec<CaseNumber>,
    pub categories: Vec<String>,
    /// Still open, or closed; both when none.
    pub open: Option<bool>,
    /// Registered at or after, and before.
    pub registered: (Timestamp, Timestamp),
    pub skip: u64,
    pub limit: u32,
}

/// One case, and what of it stands in other tables.
#[derive(Clone, Debug)]
pub struct PublicRequest {
    pub case: Case,
    /// Of its last change.
    pub updated_at: Timestamp,
    /// The first that the applicant sent.
    pub picture: Option<AttachmentId>,
    /// Code and value, as the applicant answered the questions of the category.
    pub answers: Vec<(String, String)>,
}

/// What the world is told of, in this order in the index of migration 0013 as well.
const TOLD: &str = "('case.registered', 'wo.issued', 'wo.accepted', 'wo.declined', 'wo.started', 'wo.reported', \
                    'wo.returned', 'evidence.accepted', 'case.explained', 'case.refused', 'case.forwarded', \
                    'case.forward_answered', 'norm.clock_paused', 'norm.clock_resumed', 'case.merged', \
                    'case.reopened', 'case.withdrawn', 'case.closed')";

/// Whether entries of this type are among those that tell of a case's way.
pub fn tells(event: &str) -> bool {
    TOLD.contains(&format!("'{event}'"))
}

/// Steps of one answer: a thousand cases that were each sent to and fro.
const MAX_STEPS: u32 = 50_000;

/// What somebody comes to an official with is between the two of them, and so is what was instructed there.
const NOT_PUBLIC: &str = " AND NOT EXISTS (SELECT 1 FROM appointments a WHERE a.case_number = cases.number) \
                          AND NOT EXISTS (SELECT 1 FROM case_relations r WHERE r.case_number = cases.number \
                                          AND r.kind = 'follows')";

/// Of a case that is over; all others are open.
const CLOSED: &str = "state IN ('closed', 'archived')";

impl Store {
    /// The newest first, each with the moment of its last change.
    pub async fn public_requests(&self, filter: &RequestFilter) -> Result<Vec<PublicRequest>, StoreError> {
        if filter.categories.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::new(
            "SELECT cases.*, COALESCE((SELECT MAX(at) FROM journal WHERE case_number = cases.number \
             AND type NOT LIKE 'access.%'), registered_at) AS updated_at, \
             (SELECT id FROM attachments WHERE case_number = cases.number ORDER BY received_at LIMIT 1) AS picture, \
             COALESCE((SELECT answers FROM filings WHERE case_number = cases.number), '[]') AS answers \
             FROM cases WHERE 1 = 1",
        );
        query.push(NOT_PUBLIC);
        narrow(&mut query, filter);
        query.push(" ORDER BY registered_at DESC, number DESC LIMIT ").push_bind(filter.limit);
        query.push(" OFFSET ").push_bind(i64::try_from(filter.skip).unwrap_or(i64::MAX));
        let rows = self.reading(query.build().fetch_all(&self.readers)).await?;
        rows.iter().map(read).collect()
    }

    /// When each of these cases took which steps, the earliest first.
    pub async fn public_steps(
        &self,
        numbers: &[CaseNumber],
    ) -> Result<HashMap<CaseNumber, Vec<(Timestamp, String)>>, StoreError> {
        let mut steps: HashMap<CaseNumber, Vec<(Timestamp, String)>> = HashMap::new();
        if numbers.is_empty() {
            return Ok(steps);
        }
        let mut query = QueryBuilder::new("SELECT case_number, at, type FROM journal WHERE 1 = 1");
        any_of(&mut query, "case_number", numbers.iter().map(|number| number.0.as_str()));
        query.push(" AND type IN ").push(TOLD).push(" ORDER BY at, seq LIMIT ").push_bind(MAX_STEPS);
        let rows: Vec<SqliteRow> = self.reading(query.build().fetch_all(&self.readers)).await?;
        for row in &rows {
            let fields = Fields::of(row, "entry");
            let step = (fields.moment("at")?, fields.plain("type")?);
            steps.entry(fields.word("case_number")?).or_default().push(step);
        }
        Ok(steps)
    }

    /// What happened to cases of these categories from `from` on and before `to`, in order, `limit` at most.
    pub async fn public_updates(
        &self,
        categories: &[String],
        (from, to): (Timestamp, Timestamp),
        skip: u64,
        limit: u32,
    ) -> Result<Vec<TimelineEntry>, StoreError> {
        if categories.is_empty() {
            return Ok(Vec::new());
        }
        let mut query =
            QueryBuilder::new("SELECT journal.* FROM journal INDEXED BY journal_of_public_updates ");
        query.push("JOIN cases ON cases.number = journal.case_number WHERE type IN ").push(TOLD);
        query.push(" AND case_number IS NOT NULL").push(NOT_PUBLIC);
        query.push(" AND at >= ").push_bind(from.micros()).push(" AND at < ").push_bind(to.micros());
        any_of(&mut query, "category", categories.iter().map(String::as_str));
        query.push(" ORDER BY at, seq LIMIT ").push_bind(limit);
        query.push(" OFFSET ").push_bind(i64::try_from(skip).unwrap_or(i64::MAX));
        let rows: Vec<SqliteRow> = self.reading(query.build().fetch_all(&self.readers)).await?;
        rows.iter().map(journal::read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<PublicRequest, StoreError> {
    let fields = Fields::of(row, "case");
    Ok(PublicRequest {
        case: cases::read(row)?,
        updated_at: fields.moment("updated_at")?,
        picture: fields.optional_word("picture")?,
        answers: fields.json("answers")?,
    })
}

fn narrow(query: &mut QueryBuilder<Sqlite>, filter: &RequestFilter) {
    any_of(query, "category", filter.categories.iter().map(String::as_str));
    if !filter.numbers.is_empty() {
        any_of(query, "number", filter.numbers.iter().map(|number| number.0.as_str()));
        return;
    }
    let (from, to) = filter.registered;
    query.push(" AND registered_at >= ").push_bind(from.micros());
    query.push(" AND registered_at < ").push_bind(to.micros());
    match filter.open {
        Some(true) => drop(query.push(" AND NOT ").push(CLOSED)),
        Some(false) => drop(query.push(" AND ").push(CLOSED)),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::case::{CaseState, ClosingCode};
    use crate::people::Actor;
    use crate::store::fixture::{at, fresh, registered};

    fn all() -> RequestFilter {
        RequestFilter {
            numbers: Vec::new(),
            categories: vec!["water".to_owned()],
            open: None,
            registered: (at(0), at(1_000)),
            skip: 0,
            limit: 1_000,
        }
    }

    async fn found(store: &Store, filter: RequestFilter) -> Vec<String> {
        let found = store.public_requests(&filter).await.unwrap();
        found.into_iter().map(|request| request.case.number.0[8..].to_owned()).collect()
    }

    #[tokio::test]
    async fn only_what_is_asked_for_is_found() {
        let (store, _files) = fresh().await;
        let mut given = Vec::new();
        for n in 1..=4 {
            given.push(registered(&store, n).await.number);
        }
        let actor = Actor::system("test");
        let close = store.change_case(&given[0], &actor, at(60), |mut case, _| {
            case.state = CaseState::Closed { code: ClosingCode::Explained, closed_at: at(60) };
            Ok((case, Vec::new()))
        });
        close.await.unwrap();
        let hide = store.change_case(&given[1], &actor, at(60), |mut case, _| {
            case.category = "welfare".to_owned();
            Ok((case, Vec::new()))
        });
        hide.await.unwrap();
        let expectations = [
            (all(), vec!["000004", "000003", "000001"]),
            (RequestFilter { open: Some(true), ..all() }, vec!["000004", "000003"]),
            (RequestFilter { open: Some(false), ..all() }, vec!["000001"]),
            (RequestFilter { registered: (at(1), at(4)), ..all() }, vec!["000003", "000001"]),
            (RequestFilter { skip: 1, limit: 1, ..all() }, vec!["000003"]),
            (
                RequestFilter { numbers: given[..3].to_vec(), open: Some(true), ..all() },
                vec!["000003", "000001"],
            ),
            (RequestFilter { categories: Vec::new(), ..all() }, vec![]),
        ];
        for (filter, expected) in expectations {
            assert_eq!(found(&store, filter.clone()).await, expected, "{filter:?}");
        }
    }

    #[tokio::test]
    async fn updates_are_those_of_named_categories_in_their_time() {
        let (store, _files) = fresh().await;
        for n in 1..=3 {
            registered(&store, n).await;
        }
        let water = ["water".to_owned()];
        let updates = store.public_updates(&water, (at(2), at(9)), 0, 10).await.unwrap();
        assert_eq!(updates.iter().map(|entry| entry.at).collect::<Vec<_>>(), [at(2), at(3)]);
        assert!(updates.iter().all(|entry| tells(&entry.event)));
        let heat = ["heat".to_owned()];
        assert_eq!(store.public_updates(&heat, (at(0), at(9)), 0, 10).await.unwrap(), []);
        assert!(!tells("access.viewed") && !tells("registered"));
    }
}
