//! Applicants who want to hear their own calls: asked, decided, and for a while linked. The journal tells that it was asked,
//! who let them or why not, and (with each play) what they heard; the link is kept as a digest.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::sqlite::SqliteRow;

use crate::case::CaseNumber;
use crate::digest::Sha256;
use crate::ids::{ContactId, HearingId};
use crate::journal::{Draft, EventType};
use crate::people::Actor;
use crate::time::Timestamp;

use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{Store, StoreError};

/// Waiting requests that are listed, the oldest; who has more of them decides on these first.
const MAX_WAITING: u32 = 500;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HearingState {
    Asked,
    Allowed,
    Refused,
}

/// An applicant's wish to hear one call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hearing {
    pub id: HearingId,
    pub case: CaseNumber,
    pub contact: ContactId,
    pub asked_at: Timestamp,
    pub state: HearingState,
    pub decided_at: Option<Timestamp>,
    /// Why not.
    pub reason: Option<String>,
    /// The link works until then.
    pub until_at: Option<Timestamp>,
}

impl Store {
    /// Keeps the wish; asking twice asks once. `at_once`: the rule lets applicants hear without anybody's leave.
    pub async fn ask_to_hear(
        &self,
        id: HearingId,
        (case, contact): (&CaseNumber, ContactId),
        at_once: bool,
        actor: Actor,
        at: Timestamp,
    ) -> Result<Hearing, StoreError> {
        let ask = AskToHear { id, case: case.clone(), contact, at_once, actor, at };
        self.writer.make(ask).await
    }

    /// Somebody of the records office lets the applicant hear, or says why not.
    ///
    /// # Errors
    /// `NotFound` when nobody waits under this id.
    pub async fn decide_hearing(
        &self,
        id: HearingId,
        refusal: Option<String>,
        actor: Actor,
        at: Timestamp,
    ) -> Result<Hearing, StoreError> {
        self.writer.make(DecideHearing { id, refusal, actor, at }).await
    }

    /// A link in the place of the one before, until `until_at`.
    pub async fn link_hearing(
        &self,
        id: HearingId,
        link: Sha256,
        until_at: Timestamp,
    ) -> Result<Hearing, StoreError> {
        self.writer.make(LinkHearing { id, link, until_at }).await
    }

    /// What was asked about the calls of a case.
    pub async fn hearings_of(&self, case: &CaseNumber) -> Result<Vec<Hearing>, StoreError> {
        let sql = "SELECT * FROM hearings WHERE case_number = $1 ORDER BY asked_at LIMIT $2";
        let query = sqlx::query(sql).bind(&case.0).bind(super::MAX_UNPAGED);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    /// Who waits for a decision, the longest first, at most 500.
    pub async fn hearings_waiting(&self) -> Result<Vec<Hearing>, StoreError> {
        let sql = "SELECT * FROM hearings WHERE state = 'asked' ORDER BY asked_at, id LIMIT $1";
        let query = sqlx::query(sql).bind(MAX_WAITING);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    /// What a link opens at `at`; none when it opens nothing, or no longer.
    pub async fn hearing_by_link(&self, link: Sha256, at: Timestamp) -> Result<Option<Hearing>, StoreError> {
        let sql = "SELECT * FROM hearings WHERE link = $1 AND state = 'allowed' AND until_at > $2";
        let query = sqlx::query(sql).bind(link.to_string()).bind(at.micros());
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }
}

struct AskToHear {
    id: HearingId,
    case: CaseNumber,
    contact: ContactId,
    at_once: bool,
    actor: Actor,
    at: Timestamp,
}

impl Change for AskToHear {
    type Answer = Hearing;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Hearing, StoreError> {
        let Self { id, case, contact, at_once, actor, at } = self;
        let sql = "SELECT * FROM hearings WHERE case_number = $1 AND contact = $2";
        let query = sqlx::query(sql).bind(&case.0).bind(contact.to_string());
        if let Some(row) = query.fetch_optional(&mut *ledger.connection).await? {
            return read(&row);
        }
        let state = if at_once { HearingState::Allowed } else { HearingState::Asked };
        let sql = "INSERT INTO hearings (id, case_number, contact, asked_at, state, decided_at) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
        sqlx::query(sql)
            .bind(id.to_string())
            .bind(&case.0)
            .bind(contact.to_string())
            .bind(at.micros())
            .bind(row::word(&state)?)
            .bind(row::micros(at_once.then_some(at)))
            .execute(&mut *ledger.connection)
            .await?;
        let decided_at = at_once.then_some(at);
        let hearing =
            Hearing { id, case, contact, asked_at: at, state, decided_at, reason: None, until_at: None };
        let mut entries = vec![about(&hearing, EventType::AccessAsked, &actor, at)];
        if at_once {
            entries.push(about(&hearing, EventType::AccessDisclosed, &Actor::system("rule"), at));
        }
        ledger.append_all(entries).await?;
        Ok(hearing)
    }
}

struct DecideHearing {
    id: HearingId,
    refusal: Option<String>,
    actor: Actor,
    at: Timestamp,
}

impl Change for DecideHearing {
    type Answer = Hearing;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Hearing, StoreError> {
        let Self { id, refusal, actor, at } = self;
        let state = if refusal.is_some() { HearingState::Refused } else { HearingState::Allowed };
        let sql = "UPDATE hearings SET state = $2, decided_at = $3, decided_by = $4, reason = $5 \
                   WHERE id = $1 AND state = 'asked' RETURNING *";
        let query = sqlx::query(sql).bind(id.to_string()).bind(row::word(&state)?).bind(at.micros());
        let query = query.bind(&actor.id).bind(&refusal);
        let decided = query.fetch_optional(&mut *ledger.connection).await?;
        let hearing = read(&decided.ok_or(StoreError::NotFound("request that waits"))?)?;
        let event = if refusal.is_some() { EventType::AccessRefused } else { EventType::AccessDisclosed };
        let mut entry = about(&hearing, event, &actor, at);
        entry.reason = refusal;
        ledger.append_all(vec![entry]).await?;
        Ok(hearing)
    }
}

struct LinkHearing {
    id: HearingId,
    link: Sha256,
    until_at: Timestamp,
}

impl Change for LinkHearing {
    type Answer = Hearing;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Hearing, StoreError> {
        let sql =
            "UPDATE hearings SET link = $2, until_at = $3 WHERE id = $1 AND state = 'allowed' RETURNING *";
        let query = sqlx::query(sql).bind(self.id.to_string()).bind(self.link.to_string());
        let linked = query.bind(self.until_at.micros()).fetch_optional(&mut *ledger.connection).await?;
        read(&linked.ok_or(StoreError::NotFound("call that may be heard"))?)
    }
}

fn about(hearing: &Hearing, event: EventType, actor: &Actor, at: Timestamp) -> Draft {
    let mut draft = Draft::new(event, at, actor.clone());
    draft.case = Some(hearing.case.clone());
    draft.contact = Some(hearing.contact);
    draft.data = json!({ "what": "recording", "hearing": hearing.id });
    draft
}

pub(super) fn read(row: &SqliteRow) -> Result<Hearing, StoreError> {
    let fields = Fields::of(row, "hearing");
    Ok(Hearing {
        id: fields.word("id")?,
        case: fields.word("case_number")?,
        contact: fields.word("contact")?,
        asked_at: fields.moment("asked_at")?,
        state: fields.word("state")?,
        decided_at: fields.optional_moment("decided_at")?,
        reason: fields.plain("reason")?,
        until_at: fields.optional_moment("until_at")?,
    })
}
