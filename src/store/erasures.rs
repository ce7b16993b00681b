//! Erasures: asked for by one person and agreed to by another, or decided by a rule of the city plan; then done
//! (`erasing.rs`). A legal hold wins over each of them. Which calls go with a case is settled when it is decided: a call
//! that is also on another case stays until that one may go, too.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::case::retention::{self, Content, Contents};
use crate::case::{Case, CaseNumber};
use crate::ids::{ContactId, ErasureId};
use crate::journal::EventType;
use crate::people::Actor;
use crate::time::Timestamp;

use super::holds::{self, Subject};
use super::page::{Cursor, Order};
use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{Listed, Page, Store, StoreError, cases};

/// Why nothing is destroyed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("a legal hold stands on {0}: nothing of it is destroyed until it is lifted")]
    Held(String),
    #[error("the erasure of {0} is decided and being carried out: it cannot be held any more")]
    UnderWay(String),
    #[error("{0} is held by enough others already")]
    HeldOften(String),
    #[error("another person agrees to an erasure than the one who asked for it")]
    SamePerson,
    #[error("you lifted the hold on it: another person agrees to its erasure")]
    LiftedByYou,
    #[error("you asked to erase what it keeps: another person lifts the hold")]
    AskedByYou,
    #[error("an erasure of {0} waits already")]
    Waits(String),
    #[error("nothing is left of it to erase")]
    Gone,
    #[error("the call is on case {0}: its content goes with the case")]
    OnCase(String),
    #[error("the call is not over yet")]
    CallGoesOn,
    #[error("a call of it is also on case {0}, which is being erased: try again in a moment")]
    SharedCall(String),
    #[error("a message to the applicant is still on its way: try again when it has arrived or failed")]
    MessageOut,
    #[error("it was merged into case {0}, which is still worked on")]
    MergedIntoOpen(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureState {
    Asked,
    Refused,
    /// To be carried out, whatever comes between.
    Decided,
    Done,
}

/// Who wants it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ground {
    /// Somebody's wish, by a person.
    Asked { reason: String, at: Timestamp, by: String },
    /// By a rule of the city plan, in its version.
    Rule { id: String, version: u32 },
}

/// One erasure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Erasure {
    pub id: ErasureId,
    pub subject: Subject,
    pub what: Contents,
    pub state: ErasureState,
    pub ground: Ground,
    pub decided_at: Option<Timestamp>,
    /// User id; none of a rule.
    pub decided_by: Option<String>,
    pub done_at: Option<Timestamp>,
}

/// Something that a rule may be about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    pub subject: Subject,
    /// Empty for calls.
    pub category: String,
    /// When the case was closed, or the call ended.
    pub over_at: Timestamp,
    /// What is gone of it already.
    pub erased: Contents,
    pub is_held: bool,
}

impl Store {
    /// Somebody of the records office asks to destroy everything of a case or a call.
    ///
    /// # Errors
    /// `Transition` for a case that is worked on, `Erasure` with the reason.
    pub async fn ask_erasure(
        &self,
        id: ErasureId,
        subject: Subject,
        reason: String,
        actor: Actor,
        at: Timestamp,
    ) -> Result<Erasure, StoreError> {
        self.writer.make(Ask { id, subject, reason, actor, at }).await
    }

    /// A second person agrees: from now on it is carried out.
    ///
    /// # Errors
    /// As [`Self::ask_erasure`]; `NotFound` when nobody waits under this id.
    pub async fn agree_to_erasure(
        &self,
        id: ErasureId,
        actor: Actor,
        at: Timestamp,
    ) -> Result<Erasure, StoreError> {
        self.writer.make(Agree { id, actor, at }).await
    }

    /// It is not done; also by who asked for it.
    pub async fn refuse_erasure(
        &self,
        id: ErasureId,
        reason: String,
        actor: Actor,
        at: Timestamp,
    ) -> Result<Erasure, StoreError> {
        self.writer.make(Refuse { id, reason, actor, at }).await
    }

    /// A rule of the plan says that the time is up.
    ///
    /// # Errors
    /// As [`Self::ask_erasure`].
    pub async fn decide_by_rule(
        &self,
        id: ErasureId,
        (subject, what): (Subject, Contents),
        (rule, version): (String, u32),
        at: Timestamp,
    ) -> Result<Erasure, StoreError> {
        self.writer.make(DecideByRule { id, subject, what, rule, version, at }).await
    }

    pub async fn erasure(&self, id: ErasureId) -> Result<Option<Erasure>, StoreError> {
        let query = sqlx::query("SELECT * FROM erasures WHERE id = $1").bind(id.to_string());
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    /// What of a call is gone; none for an unknown one.
    pub async fn erased_of_call(&self, call: ContactId) -> Result<Option<Contents>, StoreError> {
        let query = sqlx::query_scalar("SELECT erased FROM contacts WHERE id = $1").bind(call.to_string());
        let bits: Option<i64> = self.reading(query.fetch_optional(&self.readers)).await?;
        Ok(bits.map(retention::of_bits))
    }

    /// Those in this state, the oldest first, at most `limit`.
    pub async fn erasures_in(&self, state: ErasureState, limit: u32) -> Result<Vec<Erasure>, StoreError> {
        let query = sqlx::query("SELECT * FROM erasures WHERE state = $1 ORDER BY id LIMIT $2");
        let query = query.bind(row::word(&state)?).bind(limit);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    /// What was destroyed, the latest first.
    pub async fn erasures_done(&self, page: &Page) -> Result<Listed<Erasure>, StoreError> {
        let mut query = sqlx::QueryBuilder::new("SELECT * FROM erasures WHERE state = 'done'");
        page.narrow(&mut query, ("done_at", "id"), Order::NewestFirst)?;
        let rows = self.reading(query.build().fetch_all(&self.readers)).await?;
        let done = rows.iter().map(read).collect::<Result<_, _>>()?;
        let place = |one: &Erasure| Cursor { at: one.done_at.unwrap_or_default(), id: one.id.to_string() };
        Ok(page.list(done, place))
    }

    /// Cases closed before `before` of which something is left, in the order of their closing, after the one named.
    pub async fn kept_cases(
        &self,
        after: Option<&Kept>,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Kept>, StoreError> {
        let sql = "SELECT number AS case_number, category, closed_at AS over_at, erased, EXISTS (SELECT 1 FROM legal_holds \
                   WHERE lifted_at IS NULL AND (legal_holds.case_number = number OR legal_holds.contact IN \
                   (SELECT contact FROM case_contacts WHERE case_contacts.case_number = number))) AS held \
                   FROM cases WHERE closed_at IS NOT NULL AND erased < 7 AND (closed_at, number) > ($1, $2) \
                   AND closed_at < $3 ORDER BY closed_at, number LIMIT $4";
        self.kept(sql, after, before, limit).await
    }

    /// The same of calls that no case came from.
    pub async fn kept_calls(
        &self,
        after: Option<&Kept>,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Kept>, StoreError> {
        let sql = "SELECT NULL AS case_number, id AS contact, '' AS category, ended_at AS over_at, erased, EXISTS \
                   (SELECT 1 FROM legal_holds WHERE lifted_at IS NULL AND contact = contacts.id) AS held FROM contacts \
                   WHERE ended_at IS NOT NULL AND case_number IS NULL AND erased = 0 AND (ended_at, id) > ($1, $2) \
                   AND ended_at < $3 AND NOT EXISTS (SELECT 1 FROM case_contacts WHERE contact = contacts.id) \
                   ORDER BY ended_at, id LIMIT $4";
        self.kept(sql, after, before, limit).await
    }

    async fn kept(
        &self,
        sql: &'static str,
        after: Option<&Kept>,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Kept>, StoreError> {
        let query = sqlx::query(sql)
            .bind(after.map_or(i64::MIN, |kept| kept.over_at.micros()))
            .bind(after.map(|kept| kept.subject.to_string()).unwrap_or_default())
            .bind(before.micros())
            .bind(limit);
        let read = |row: &SqliteRow| {
            let fields = Fields::of(row, "kept");
            Ok(Kept {
                subject: Subject::read(&fields)?,
                category: fields.plain("category")?,
                over_at: fields.moment("over_at")?,
                erased: retention::of_bits(fields.plain("erased")?),
                is_held: fields.flag("held")?,
            })
        };
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }
}

struct Ask {
    id: ErasureId,
    subject: Subject,
    reason: String,
    actor: Actor,
    at: Timestamp,
}

impl Change for Ask {
    type Answer = Erasure;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Erasure, StoreError> {
        let Self { id, subject, reason, actor, at } = self;
        let what = left(ledger.connection, &subject).await?;
        check(ledger.connection, &subject).await?;
        let ground = Ground::Asked { reason, at, by: actor.id.clone() };
        let erasure = Erasure {
            id,
            subject,
            what,
            state: ErasureState::Asked,
            ground,
            decided_at: None,
            decided_by: None,
            done_at: None,
        };
        insert(ledger.connection, &erasure).await?;
        let mut draft = erasure.subject.draft(EventType::ErasureAsked, at, actor);
        if let Ground::Asked { reason, .. } = &erasure.ground {
            draft.reason = Some(reason.clone());
        }
        draft.data = json!({ "erasure": id, "what": erasure.what });
        ledger.append_all(vec![draft]).await?;
        Ok(erasure)
    }
}

struct Agree {
    id: ErasureId,
    actor: Actor,
    at: Timestamp,
}

impl Change for Agree {
    type Answer = Erasure;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Erasure, StoreError> {
        let Self { id, actor, at } = self;
        let asked = waiting(ledger.connection, id).await?;
        if let Ground::Asked { by, .. } = &asked.ground
            && *by == actor.id
        {
            return Err(Refusal::SamePerson.into());
        }
        let sql = "SELECT 1 FROM legal_holds WHERE lifted_by = $2 AND (case_number = $1 OR contact = $1)";
        let lifted = sqlx::query(sql).bind(asked.subject.to_string()).bind(&actor.id);
        if lifted.fetch_optional(&mut *ledger.connection).await?.is_some() {
            return Err(Refusal::LiftedByYou.into());
        }
        check(ledger.connection, &asked.subject).await?;
        let sql = "UPDATE erasures SET state = 'decided', decided_at = $2, decided_by = $3 WHERE id = $1 RETURNING *";
        let query = sqlx::query(sql).bind(id.to_string()).bind(at.micros()).bind(&actor.id);
        let decided = read(&query.fetch_one(&mut *ledger.connection).await?)?;
        let settled = settle(ledger.connection, &decided).await?;
        let mut draft = decided.subject.draft(EventType::ErasureAgreed, at, actor);
        draft.data = settled.told(&decided);
        ledger.append_all(vec![draft]).await?;
        Ok(decided)
    }
}

struct Refuse {
    id: ErasureId,
    reason: String,
    actor: Actor,
    at: Timestamp,
}

impl Change for Refuse {
    type Answer = Erasure;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Erasure, StoreError> {
        let Self { id, reason, actor, at } = self;
        waiting(ledger.connection, id).await?;
        let sql = "UPDATE erasures SET state = 'refused', decided_at = $2, decided_by = $3 WHERE id = $1 RETURNING *";
        let query = sqlx::query(sql).bind(id.to_string()).bind(at.micros()).bind(&actor.id);
        let refused = read(&query.fetch_one(&mut *ledger.connection).await?)?;
        let mut draft = refused.subject.draft(EventType::ErasureRefused, at, actor);
        draft.reason = Some(reason);
        draft.data = json!({ "erasure": id });
        ledger.append_all(vec![draft]).await?;
        Ok(refused)
    }
}

struct DecideByRule {
    id: ErasureId,
    subject: Subject,
    what: Contents,
    rule: String,
    version: u32,
    at: Timestamp,
}

impl Change for DecideByRule {
    type Answer = Erasure;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Erasure, StoreError> {
        let Self { id, subject, what, rule, version, at } = self;
        let left = left(ledger.connection, &subject).await?;
        let what: Contents = what.intersection(&left).copied().collect();
        if what.is_empty() {
            return Err(Refusal::Gone.into());
        }
        check(ledger.connection, &subject).await?;
        let erasure = Erasure {
            id,
            subject,
            what,
            state: ErasureState::Decided,
            ground: Ground::Rule { id: rule, version },
            decided_at: Some(at),
            decided_by: None,
            done_at: None,
        };
        insert(ledger.connection, &erasure).await?;
        let settled = settle(ledger.connection, &erasure).await?;
        let mut draft = erasure.subject.draft(EventType::RetentionDue, at, Actor::system("retention"));
        draft.data = settled.told(&erasure);
        ledger.append_all(vec![draft]).await?;
        Ok(erasure)
    }
}

async fn waiting(connection: &mut SqliteConnection, id: ErasureId) -> Result<Erasure, StoreError> {
    let query = sqlx::query("SELECT * FROM erasures WHERE id = $1 AND state = 'asked'").bind(id.to_string());
    let row = query.fetch_optional(connection).await?;
    read(&row.ok_or(StoreError::NotFound("erasure that waits"))?)
}

/// What is there to destroy.
async fn left(connection: &mut SqliteConnection, subject: &Subject) -> Result<Contents, StoreError> {
    subject.check_exists(&mut *connection).await?;
    let (sql, all) = match subject {
        Subject::Case(_) => ("SELECT erased FROM cases WHERE number = $1", Contents::from(Content::ALL)),
        Subject::Call(_) => (
            "SELECT erased FROM contacts WHERE id = $1",
            Contents::from([Content::Recordings, Content::Words]),
        ),
    };
    let erased: i64 = sqlx::query_scalar(sql).bind(subject.to_string()).fetch_one(connection).await?;
    let left: Contents = all.difference(&retention::of_bits(erased)).copied().collect();
    if left.is_empty() { Err(Refusal::Gone.into()) } else { Ok(left) }
}

/// Every reason not to destroy it, whoever wants it.
async fn check(connection: &mut SqliteConnection, subject: &Subject) -> Result<(), StoreError> {
    let id = subject.to_string();
    if let Some(held) = holds::held(&mut *connection, &id).await? {
        return Err(Refusal::Held(held).into());
    }
    match subject {
        Subject::Case(number) => check_case(connection, number).await,
        Subject::Call(call) => check_call(connection, *call).await,
    }
}

async fn check_case(connection: &mut SqliteConnection, number: &CaseNumber) -> Result<(), StoreError> {
    let case = case(&mut *connection, number).await?;
    case.check_erasable()?;
    let sql = "SELECT 1 FROM notifications WHERE case_number = $1 AND state IN ('queued', 'sending') LIMIT 1";
    if sqlx::query(sql).bind(&number.0).fetch_optional(&mut *connection).await?.is_some() {
        return Err(Refusal::MessageOut.into());
    }
    // Of two cases with one call the second has to see that the first one let it go.
    let sql = "SELECT case_number FROM erasures WHERE state = 'decided' AND case_number IN \
               (SELECT case_number FROM case_contacts WHERE case_number <> $1 AND contact IN \
               (SELECT contact FROM case_contacts WHERE case_number = $1)) LIMIT 1";
    let shared = sqlx::query_scalar(sql).bind(&number.0).fetch_optional(&mut *connection).await?;
    if let Some(other) = shared {
        return Err(Refusal::SharedCall(other).into());
    }
    let Some(into) = case.merged_into() else { return Ok(()) };
    if let Some(held) = holds::held(&mut *connection, &into.0).await? {
        return Err(Refusal::Held(held).into());
    }
    let other = self::case(connection, into).await?;
    if other.state.is_open() { Err(Refusal::MergedIntoOpen(into.0.clone()).into()) } else { Ok(()) }
}

async fn check_call(connection: &mut SqliteConnection, call: ContactId) -> Result<(), StoreError> {
    let sql = "SELECT ended_at IS NOT NULL AS over, COALESCE(case_number, (SELECT case_number FROM case_contacts \
               WHERE contact = contacts.id LIMIT 1)) AS on_case FROM contacts WHERE id = $1";
    let row = sqlx::query(sql).bind(call.to_string()).fetch_one(connection).await?;
    let fields = Fields::of(&row, "call");
    match (fields.plain::<Option<String>>("on_case")?, fields.flag("over")?) {
        (Some(case), _) => Err(Refusal::OnCase(case).into()),
        (None, false) => Err(Refusal::CallGoesOn.into()),
        (None, true) => Ok(()),
    }
}

pub(super) async fn case(connection: &mut SqliteConnection, number: &CaseNumber) -> Result<Case, StoreError> {
    let query = sqlx::query("SELECT * FROM cases WHERE number = $1").bind(&number.0);
    cases::read(&query.fetch_optional(connection).await?.ok_or(StoreError::NotFound("case"))?)
}

async fn insert(connection: &mut SqliteConnection, erasure: &Erasure) -> Result<(), StoreError> {
    let (reason, asked_at, asked_by, rule, version) = match &erasure.ground {
        Ground::Asked { reason, at, by } => (Some(reason), Some(at.micros()), Some(by), None, None),
        Ground::Rule { id, version } => (None, None, None, Some(id), Some(i64::from(*version))),
    };
    let sql = "INSERT INTO erasures (id, case_number, contact, what, state, reason, asked_at, asked_by, rule, rule_version, \
               decided_at, decided_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
               ON CONFLICT DO NOTHING";
    let inserted = sqlx::query(sql)
        .bind(erasure.id.to_string())
        .bind(erasure.subject.case())
        .bind(erasure.subject.call())
        .bind(row::json(&erasure.what)?)
        .bind(row::word(&erasure.state)?)
        .bind(reason)
        .bind(asked_at)
        .bind(asked_by)
        .bind(rule)
        .bind(version)
        .bind(row::micros(erasure.decided_at))
        .bind(&erasure.decided_by)
        .execute(connection)
        .await?;
    match inserted.rows_affected() {
        0 => Err(Refusal::Waits(erasure.subject.to_string()).into()),
        _ => Ok(()),
    }
}

/// Which calls go, and which stay because of another case.
struct Settled {
    calls: usize,
    kept: Vec<String>,
}

impl Settled {
    fn told(&self, erasure: &Erasure) -> serde_json::Value {
        let mut told =
            json!({ "erasure": erasure.id, "what": erasure.what, "calls": self.calls, "kept": self.kept });
        if let Ground::Rule { id, version } = &erasure.ground {
            (told["rule"], told["version"]) = (json!(id), json!(version));
        }
        told
    }
}

/// All calls of a case, as `$1`, in which its applicant spoke or was spoken about.
pub(super) const CALLS_OF_CASE: &str = "SELECT contact FROM case_contacts WHERE case_number = $1 \
     UNION SELECT id FROM contacts WHERE case_number = $1 \
     UNION SELECT contact FROM masked_calls WHERE case_number = $1 AND contact IN (SELECT id FROM contacts) \
     UNION SELECT origin FROM callbacks WHERE case_number = $1";

/// Notes which calls go with it. A call stays while another of its cases is there with the same content, or is held.
async fn settle(connection: &mut SqliteConnection, erasure: &Erasure) -> Result<Settled, StoreError> {
    let id = erasure.subject.to_string();
    let calls: Vec<String> = match &erasure.subject {
        Subject::Call(_) => vec![id.clone()],
        Subject::Case(_) => {
            let sql = sqlx::AssertSqlSafe(CALLS_OF_CASE.to_owned());
            sqlx::query_scalar(sql).bind(&id).fetch_all(&mut *connection).await?
        }
    };
    let wanted = retention::to_bits(&erasure.what);
    let mut settled = Settled { calls: 0, kept: Vec::new() };
    for call in calls {
        let sql = "SELECT 1 FROM cases WHERE number <> $2 AND number IN (SELECT case_number FROM case_contacts \
                   WHERE contact = $1 UNION SELECT case_number FROM contacts WHERE id = $1) AND ((erased & $3) <> $3 \
                   OR EXISTS (SELECT 1 FROM legal_holds WHERE lifted_at IS NULL AND legal_holds.case_number = cases.number))";
        let query = sqlx::query(sql).bind(&call).bind(&id).bind(wanted);
        if query.fetch_optional(&mut *connection).await?.is_some() {
            settled.kept.push(call);
            continue;
        }
        let sql = "INSERT INTO erasure_calls (erasure, contact) VALUES ($1, $2)";
        sqlx::query(sql).bind(erasure.id.to_string()).bind(&call).execute(&mut *connection).await?;
        settled.calls += 1;
    }
    Ok(settled)
}

pub(super) fn read(row: &SqliteRow) -> Result<Erasure, StoreError> {
    let fields = Fields::of(row, "erasure");
    let ground = match fields.plain::<Option<String>>("rule")? {
        Some(id) => Ground::Rule { id, version: fields.count("rule_version")? },
        None => Ground::Asked {
            reason: fields.plain("reason")?,
            at: fields.moment("asked_at")?,
            by: fields.plain("asked_by")?,
        },
    };
    Ok(Erasure {
        id: fields.word("id")?,
        subject: Subject::read(&fields)?,
        what: fields.json("what")?,
        state: fields.word("state")?,
        ground,
        decided_at: fields.optional_moment("decided_at")?,
        decided_by: fields.plain("decided_by")?,
        done_at: fields.optional_moment("done_at")?,
    })
}
