//! Legal holds: what a court or an inspector wants kept is destroyed by nobody, until the hold is lifted. Each step stands in
//! the journal with its reason and reference. What a hold keeps from being destroyed is asked in `erasures.rs`.

use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::case::CaseNumber;
use crate::ids::{ContactId, HoldId};
use crate::journal::{Draft, EventType};
use crate::people::Actor;
use crate::time::Timestamp;

use super::erasures::Refusal;
use super::page::Cursor;
use super::row::Fields;
use super::writer::{Change, Ledger};
use super::{Listed, Page, Store, StoreError};

/// Holds in force on one case or call: each court asks once.
const MAX_OF_SUBJECT: i64 = 20;

/// What is held, or destroyed: a case with its calls and pictures, or one call.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    Case(CaseNumber),
    Call(ContactId),
}

impl Subject {
    pub(super) fn case(&self) -> Option<&str> {
        match self {
            Self::Case(number) => Some(&number.0),
            Self::Call(_) => None,
        }
    }

    pub(super) fn call(&self) -> Option<String> {
        match self {
            Self::Case(_) => None,
            Self::Call(id) => Some(id.to_string()),
        }
    }

    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, StoreError> {
        match fields.optional_word("case_number")? {
            Some(number) => Ok(Self::Case(number)),
            None => Ok(Self::Call(fields.word("contact")?)),
        }
    }

    /// An entry about it.
    pub(super) fn draft(&self, event: EventType, at: Timestamp, actor: Actor) -> Draft {
        let mut draft = Draft::new(event, at, actor);
        match self {
            Self::Case(number) => draft.case = Some(number.clone()),
            Self::Call(id) => draft.contact = Some(*id),
        }
        draft
    }

    pub(super) async fn check_exists(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let (sql, what) = match self {
            Self::Case(_) => ("SELECT 1 FROM cases WHERE number = $1", "case"),
            Self::Call(_) => ("SELECT 1 FROM contacts WHERE id = $1", "call"),
        };
        let found = sqlx::query(sql).bind(self.to_string()).fetch_optional(connection).await?;
        found.map(|_| ()).ok_or(StoreError::NotFound(what))
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Case(number) => number.fmt(f),
            Self::Call(id) => id.fmt(f),
        }
    }
}

/// One hold, in force until it is lifted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    pub id: HoldId,
    pub subject: Subject,
    pub reason: String,
    /// The court's or inspector's own number of the matter.
    pub reference: String,
    pub placed_at: Timestamp,
    /// User id.
    pub placed_by: String,
    pub lifted: Option<Lifted>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lifted {
    pub at: Timestamp,
    /// User id.
    pub by: String,
    pub reason: String,
}

impl Store {
    /// Holds a case or a call.
    ///
    /// # Errors
    /// `NotFound` for what is not there, `Erasure` when its erasure is decided already or it is held often enough.
    pub async fn place_hold(&self, hold: Hold, actor: Actor) -> Result<(), StoreError> {
        self.writer.make(PlaceHold { hold, actor }).await
    }

    /// Lifts a hold.
    ///
    /// # Errors
    /// `NotFound` when no such hold is in force, `Erasure` when the person has asked to destroy what it keeps.
    pub async fn lift_hold(
        &self,
        id: HoldId,
        reason: String,
        actor: Actor,
        at: Timestamp,
    ) -> Result<Hold, StoreError> {
        self.writer.make(LiftHold { id, reason, actor, at }).await
    }

    /// All of a subject, the newest first, lifted ones too; of a call also those on its cases.
    pub async fn holds_of(&self, subject: &Subject) -> Result<Vec<Hold>, StoreError> {
        let sql = "SELECT * FROM legal_holds WHERE case_number = $1 OR contact = $1 OR case_number IN \
                   (SELECT case_number FROM case_contacts WHERE contact = $1) \
                   ORDER BY placed_at DESC, id DESC LIMIT $2";
        let query = sqlx::query(sql).bind(subject.to_string()).bind(super::MAX_UNPAGED);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    /// Those in force, the newest first.
    pub async fn holds(&self, page: &Page) -> Result<Listed<Hold>, StoreError> {
        let mut query = sqlx::QueryBuilder::new("SELECT * FROM legal_holds WHERE lifted_at IS NULL");
        page.narrow(&mut query, ("placed_at", "id"), super::page::Order::NewestFirst)?;
        let rows = self.reading(query.build().fetch_all(&self.readers)).await?;
        let holds = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(page.list(holds, |hold: &Hold| Cursor { at: hold.placed_at, id: hold.id.to_string() }))
    }
}

struct PlaceHold {
    hold: Hold,
    actor: Actor,
}

impl Change for PlaceHold {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { hold, actor } = self;
        hold.subject.check_exists(ledger.connection).await?;
        // Its files may be gone in the next moment: a hold that keeps nothing would be a lie.
        let sql = "SELECT 1 FROM erasures WHERE state = 'decided' AND (case_number = $1 OR contact = $1 OR id IN \
                   (SELECT erasure FROM erasure_calls WHERE contact = $1 OR contact IN \
                   (SELECT contact FROM case_contacts WHERE case_number = $1))) LIMIT 1";
        let decided = sqlx::query(sql).bind(hold.subject.to_string());
        if decided.fetch_optional(&mut *ledger.connection).await?.is_some() {
            return Err(Refusal::UnderWay(hold.subject.to_string()).into());
        }
        let sql = "INSERT INTO legal_holds (id, case_number, contact, reason, reference, placed_at, placed_by) \
                   SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (SELECT count(*) FROM legal_holds \
                   WHERE lifted_at IS NULL AND (case_number = $2 OR contact = $3)) < $8";
        let placed = sqlx::query(sql)
            .bind(hold.id.to_string())
            .bind(hold.subject.case())
            .bind(hold.subject.call())
            .bind(&hold.reason)
            .bind(&hold.reference)
            .bind(hold.placed_at.micros())
            .bind(&hold.placed_by)
            .bind(MAX_OF_SUBJECT)
            .execute(&mut *ledger.connection)
            .await?;
        if placed.rows_affected() == 0 {
            return Err(Refusal::HeldOften(hold.subject.to_string()).into());
        }
        let mut draft = hold.subject.draft(EventType::HoldPlaced, hold.placed_at, actor);
        draft.reason = Some(hold.reason);
        draft.data = json!({ "hold": hold.id, "reference": hold.reference });
        ledger.append_all(vec![draft]).await
    }
}

struct LiftHold {
    id: HoldId,
    reason: String,
    actor: Actor,
    at: Timestamp,
}

impl Change for LiftHold {
    type Answer = Hold;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Hold, StoreError> {
        let Self { id, reason, actor, at } = self;
        let sql = "UPDATE legal_holds SET lifted_at = $2, lifted_by = $3, lifted_reason = $4 \
                   WHERE id = $1 AND lifted_at IS NULL RETURNING *";
        let query = sqlx::query(sql).bind(id.to_string()).bind(at.micros()).bind(&actor.id).bind(&reason);
        let row = query.fetch_optional(&mut *ledger.connection).await?;
        let hold = read(&row.ok_or(StoreError::NotFound("hold in force"))?)?;
        // Who wants it destroyed does not take away what keeps it.
        let sql = "SELECT 1 FROM erasures WHERE state = 'asked' AND asked_by = $2 AND (case_number = $1 OR contact = $1)";
        let asked = sqlx::query(sql).bind(hold.subject.to_string()).bind(&actor.id);
        if asked.fetch_optional(&mut *ledger.connection).await?.is_some() {
            return Err(Refusal::AskedByYou.into());
        }
        let mut draft = hold.subject.draft(EventType::HoldLifted, at, actor);
        draft.reason = Some(reason);
        draft.data = json!({ "hold": id });
        ledger.append_all(vec![draft]).await?;
        Ok(hold)
    }
}

pub(super) fn read(row: &SqliteRow) -> Result<Hold, StoreError> {
    let fields = Fields::of(row, "hold");
    let lifted = match fields.optional_moment("lifted_at")? {
        Some(at) => {
            Some(Lifted { at, by: fields.plain("lifted_by")?, reason: fields.plain("lifted_reason")? })
        }
        None => None,
    };
    Ok(Hold {
        id: fields.word("id")?,
        subject: Subject::read(&fields)?,
        reason: fields.plain("reason")?,
        reference: fields.plain("reference")?,
        placed_at: fields.moment("placed_at")?,
        placed_by: fields.plain("placed_by")?,
        lifted,
    })
}

/// What is held of these: the case or call by its name. `condition` finds holds in force about `$1`.
pub(super) async fn held(
    connection: &mut SqliteConnection,
    subject: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT COALESCE(case_number, contact) FROM legal_holds WHERE lifted_at IS NULL AND \
               (case_number = $1 OR contact = $1 OR contact IN (SELECT contact FROM case_contacts WHERE case_number = $1)) \
               LIMIT 1";
    Ok(sqlx::query_scalar(sql).bind(subject).fetch_optional(connection).await?)
}
