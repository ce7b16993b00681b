//! Audit engagements: a row and its entry `audit.engaged` or `audit.closed` in one transaction, and what a scope asks of
//! calls and cases. What an engagement is stands in `crate::audit`.

use serde_json::json;
use sqlx::sqlite::SqliteRow;

use crate::audit::{Closed, Engagement, InvalidEngagement, ScopedCall};
use crate::case::CaseNumber;
use crate::ids::{ContactId, EngagementId, UserId};
use crate::journal::{Draft, EventType};
use crate::people::{Actor, Role};

use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{Store, StoreError};

/// Listed at most, those that begin last first; a city has a few in a year.
const MAX_ENGAGEMENTS: u32 = 500;
/// Calls of one case that are held against a scope.
const MAX_CALLS_OF_CASE: u32 = 500;

impl Store {
    /// Keeps an engagement that [`Engagement::open`] let pass.
    ///
    /// # Errors
    /// `NotFound` when its auditor is none.
    pub async fn open_engagement(&self, engagement: Engagement, by: Actor) -> Result<(), StoreError> {
        self.writer.make(Open { engagement, by }).await
    }

    /// Ends an engagement before its time; by the inner error when it is over already.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn close_engagement(
        &self,
        id: EngagementId,
        closed: Closed,
        by: Actor,
    ) -> Result<Result<Engagement, InvalidEngagement>, StoreError> {
        self.writer.make(Close { id, closed, by }).await
    }

    /// With the auditors' names, those that begin last first, 500 at most; of one auditor or of all.
    pub async fn engagements(
        &self,
        auditor: Option<UserId>,
    ) -> Result<Vec<(Engagement, String)>, StoreError> {
        let sql = "SELECT audit_engagements.*, users.name AS auditor_name FROM audit_engagements \
                   JOIN users ON users.id = auditor WHERE $1 IS NULL OR auditor = $1 \
                   ORDER BY from_at DESC, audit_engagements.id LIMIT $2";
        let query = sqlx::query(sql).bind(auditor.map(|id| id.to_string())).bind(MAX_ENGAGEMENTS);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let with_name =
            |row: &SqliteRow| Ok((read(row)?, Fields::of(row, "engagement").plain("auditor_name")?));
        rows.iter().map(with_name).collect()
    }

    pub async fn engagement(&self, id: EngagementId) -> Result<Option<Engagement>, StoreError> {
        let query = sqlx::query("SELECT * FROM audit_engagements WHERE id = $1").bind(id.to_string());
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    /// What a scope asks of a call; none when there is no such call.
    pub async fn scoped_call(&self, id: ContactId) -> Result<Option<ScopedCall>, StoreError> {
        let sql = "SELECT offered_at, category, queue FROM contacts WHERE id = $1";
        let query = sqlx::query(sql).bind(id.to_string());
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(scoped).transpose()
    }

    /// A case as the calls it is on, and as it was registered: what was written has no queue. Empty for no such case.
    pub async fn scoped_case(&self, number: &CaseNumber) -> Result<Vec<ScopedCall>, StoreError> {
        let sql = "SELECT registered_at AS offered_at, category, NULL AS queue FROM cases WHERE number = $1 \
                   UNION ALL SELECT offered_at, category, queue FROM contacts WHERE id IN \
                   (SELECT contact FROM case_contacts WHERE case_number = $1) LIMIT $2";
        let query = sqlx::query(sql).bind(&number.0).bind(MAX_CALLS_OF_CASE);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(scoped).collect()
    }
}

fn scoped(row: &SqliteRow) -> Result<ScopedCall, StoreError> {
    let fields = Fields::of(row, "call");
    Ok(ScopedCall {
        offered_at: fields.moment("offered_at")?,
        category: fields.plain("category")?,
        queue: fields.plain("queue")?,
    })
}

struct Open {
    engagement: Engagement,
    by: Actor,
}

impl Change for Open {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { engagement, by } = self;
        let sql = "INSERT INTO audit_engagements (id, auditor, from_at, until_at, scope, purpose, opened_by, opened_at) \
                   SELECT $1, id, $3, $4, $5, $6, $7, $8 FROM users WHERE id = $2 AND role = $9";
        let opened = sqlx::query(sql)
            .bind(engagement.id.to_string())
            .bind(engagement.auditor.to_string())
            .bind(engagement.from.micros())
            .bind(engagement.until.micros())
            .bind(row::json(&engagement.scope)?)
            .bind(&engagement.purpose)
            .bind(engagement.opened_by.to_string())
            .bind(engagement.opened_at.micros())
            .bind(Role::Auditor.name())
            .execute(&mut *ledger.connection)
            .await?;
        if opened.rows_affected() == 0 {
            return Err(StoreError::NotFound("auditor"));
        }
        let mut draft = Draft::new(EventType::AuditEngaged, engagement.opened_at, by);
        draft.reason = Some(engagement.purpose);
        draft.data = json!({
            "engagement": engagement.id, "auditor": engagement.auditor, "from": engagement.from,
            "until": engagement.until, "scope": engagement.scope,
        });
        ledger.append_all(vec![draft]).await
    }
}

struct Close {
    id: EngagementId,
    closed: Closed,
    by: Actor,
}

impl Change for Close {
    type Answer = Result<Engagement, InvalidEngagement>;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Self::Answer, StoreError> {
        let Self { id, closed, by } = self;
        let query = sqlx::query("SELECT * FROM audit_engagements WHERE id = $1").bind(id.to_string());
        let row = query.fetch_optional(&mut *ledger.connection).await?;
        let engagement = read(&row.ok_or(StoreError::NotFound("engagement"))?)?;
        let ended = match engagement.close(closed.clone()) {
            Ok(ended) => ended,
            Err(refused) => return Ok(Err(refused)),
        };
        let sql = "UPDATE audit_engagements SET closed_by = $2, closed_at = $3, closing = $4 WHERE id = $1";
        let query = sqlx::query(sql).bind(id.to_string()).bind(closed.by.to_string());
        let query = query.bind(closed.at.micros()).bind(&closed.reason);
        query.execute(&mut *ledger.connection).await?;
        let mut draft = Draft::new(EventType::AuditClosed, closed.at, by);
        draft.reason = Some(closed.reason);
        draft.data = json!({ "engagement": id });
        ledger.append_all(vec![draft]).await?;
        Ok(Ok(ended))
    }
}

pub(super) fn read(row: &SqliteRow) -> Result<Engagement, StoreError> {
    let fields = Fields::of(row, "engagement");
    let closed = match fields.optional_moment("closed_at")? {
        Some(at) => Some(Closed { by: fields.word("closed_by")?, at, reason: fields.plain("closing")? }),
        None => None,
    };
    Ok(Engagement {
        id: fields.word("id")?,
        auditor: fields.word("auditor")?,
        from: fields.moment("from_at")?,
        until: fields.moment("until_at")?,
        scope: fields.json("scope")?,
        purpose: fields.plain("purpose")?,
        opened_by: fields.word("opened_by")?,
        opened_at: fields.moment("opened_at")?,
        closed,
    })
}
