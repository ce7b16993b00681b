//! The register of cases: a number is given in the very transaction that keeps its case, so a transaction that
//! fails leaves no gap (DOMAIN.md, invariant 9).

use chrono::Datelike;
use sqlx::SqliteConnection;

use crate::case::{Case, CaseDraft, CaseEvent, CaseNumber};
use crate::ids::ContactId;
use crate::journal::{Draft, EventType, MediaPosition};
use crate::people::Actor;
use crate::time::Timestamp;

use super::cases::{self, Place};
use super::writer::{Change, Ledger, Receipt};
use super::{Store, StoreError, contacts};

impl Store {
    /// Allocates the next register number, registers and links the case to its contact, journals it.
    /// `media` places the events in the recording. The number's year is that of `at` in UTC.
    ///
    /// A contact that is on a case already is answered with that case: asking again after a `Timeout` registers no
    /// second one.
    pub async fn register_case(
        &self,
        draft: CaseDraft,
        at: Timestamp,
        actor: Actor,
        media: Option<MediaPosition>,
    ) -> Result<Case, StoreError> {
        self.writer.make(Registration { draft, at, actor, media }).await
    }

    /// [`Self::register_case`] in two steps: resolves as soon as the registration has its place in the writer's
    /// queue, behind what was enqueued before it.
    pub async fn enqueue_case(
        &self,
        draft: CaseDraft,
        at: Timestamp,
        actor: Actor,
        media: Option<MediaPosition>,
    ) -> Result<Receipt<Case>, StoreError> {
        self.writer.enqueue(Registration { draft, at, actor, media }).await
    }
}

struct Registration {
    draft: CaseDraft,
    at: Timestamp,
    actor: Actor,
    media: Option<MediaPosition>,
}

impl Change for Registration {
    type Answer = Case;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Case, StoreError> {
        let contact = self.draft.contact;
        if let Some(contact) = contact
            && let Some(number) = contacts::case_of(ledger.connection, contact).await?
        {
            return existing(ledger.connection, &number).await;
        }
        let place = next_place(ledger.connection, ledger.office, self.at).await?;
        let (case, events) = Case::register(self.draft, number(place), self.at);
        cases::insert(ledger.connection, &case, place).await?;
        if let Some(contact) = contact {
            contacts::set_case(ledger.connection, contact, &case.number).await?;
        }
        let source = Source { at: self.at, actor: &self.actor, contact, media: self.media };
        ledger.append_all(drafts(&case.number, events, &source)?).await?;
        Ok(case)
    }
}

async fn existing(connection: &mut SqliteConnection, number: &CaseNumber) -> Result<Case, StoreError> {
    let query = sqlx::query("SELECT * FROM cases WHERE number = $1").bind(&number.0);
    cases::read(&query.fetch_optional(connection).await?.ok_or(StoreError::NotFound("case"))?)
}

async fn next_place<'o>(
    connection: &mut SqliteConnection,
    office: &'o str,
    at: Timestamp,
) -> Result<Place<'o>, StoreError> {
    let year = at.utc().year();
    let sql = "INSERT INTO register (year, office, last_seq) VALUES ($1, $2, 1) \
               ON CONFLICT (year, office) DO UPDATE SET last_seq = last_seq + 1 RETURNING last_seq";
    let seq = sqlx::query_scalar(sql).bind(year).bind(office).fetch_one(connection).await?;
    Ok(Place { year, office, seq })
}

/// `2026-01-000042`; more than 999,999 cases a year make it longer.
pub(super) fn number(place: Place<'_>) -> CaseNumber {
    CaseNumber(format!("{:04}-{}-{:06}", place.year, place.office, place.seq))
}

/// What all entries of one change of a case have in common.
pub(super) struct Source<'a> {
    pub at: Timestamp,
    pub actor: &'a Actor,
    pub contact: Option<ContactId>,
    pub media: Option<MediaPosition>,
}

/// The entries of what happened to the case.
pub(super) fn drafts(
    number: &CaseNumber,
    events: Vec<CaseEvent>,
    source: &Source<'_>,
) -> Result<Vec<Draft>, StoreError> {
    let draft = |event: CaseEvent| {
        let kind = EventType::from_name(event.name).ok_or_else(|| StoreError::Corrupt {
            what: "case event",
            detail: format!("'{}' is not in the journal's vocabulary", event.name),
        })?;
        let mut draft = Draft::new(kind, source.at, source.actor.clone());
        draft.contact = source.contact;
        draft.case = Some(number.clone());
        draft.media = source.media;
        draft.reason = event.reason;
        draft.data = event.data;
        Ok(draft)
    };
    events.into_iter().map(draft).collect()
}
