//! The register of cases: a number is given in the very transaction that keeps its case, so a transaction that
//! fails leaves no gap (DOMAIN.md, invariant 9).

use chrono::Datelike;
use sqlx::SqliteConnection;

use crate::case::{Case, CaseDraft, CaseEvent, CaseNumber, RelationKind};
use crate::ids::ContactId;
use crate::journal::{Draft, MediaPosition};
use crate::people::Actor;
use crate::time::Timestamp;

use super::cases::{self, Place};
use super::row::Fields;
use super::writer::{Change, Ledger, Receipt};
use super::{Store, StoreError, contacts, report};

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
        self.writer.make(Registration { draft, at, actor, media, relation: None }).await
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
        self.writer.enqueue(Registration { draft, at, actor, media, relation: None }).await
    }
}

pub(super) struct Registration {
    pub(super) draft: CaseDraft,
    pub(super) at: Timestamp,
    pub(super) actor: Actor,
    pub(super) media: Option<MediaPosition>,
    /// The earlier case that this one belongs to.
    pub(super) relation: Option<(RelationKind, Box<Case>)>,
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
        let number = CaseNumber::new(place.year, place.office, place.seq);
        let (mut case, mut events) = Case::register(self.draft, number, self.at);
        if let Some((kind, earlier)) = &self.relation {
            let (related, linked) = case.relate(*kind, earlier, &self.actor, self.at)?;
            case = related;
            events.extend(linked);
        }
        cases::insert(ledger.connection, &case, place).await?;
        if let Some(contact) = contact {
            contacts::set_case(ledger.connection, contact, &case.number).await?;
        }
        let source = Source { at: self.at, actor: &self.actor, contact, media: self.media };
        let entries = drafts(&case, &events, &source)?;
        let mut counted = report::Counted::default();
        counted.add(None, &case, &entries);
        counted.keep(ledger.connection).await?;
        ledger.append_all(entries).await?;
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
    let row = sqlx::query(sql).bind(year).bind(office).fetch_one(connection).await?;
    Ok(Place { year, office, seq: Fields::of(&row, "register").count("last_seq")? })
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
    case: &Case,
    events: &[CaseEvent],
    source: &Source<'_>,
) -> Result<Vec<Draft>, StoreError> {
    let draft = |event: &CaseEvent| {
        let draft = Draft::from_case_event(event, case, source.actor, source.at);
        let mut draft = draft.ok_or_else(|| StoreError::Corrupt {
            what: "case event",
            detail: format!("'{}' is not in the journal's vocabulary", event.name),
        })?;
        draft.contact = source.contact;
        draft.media = source.media;
        Ok(draft)
    };
    events.iter().map(draft).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::store::fixture::{
        Files, at, case_draft, contact_id, fresh, offered, recording_id, registered,
    };

    #[tokio::test]
    async fn numbers_have_no_gap_under_failures_and_across_reopening() {
        let files = Files::new();
        let mut given = Vec::new();
        for round in 0..3 {
            let store = files.open().await;
            let mut receipts = Vec::new();
            for n in round * 20..(round + 1) * 20 {
                // Every third contact was never stored, so its case is refused.
                if n % 3 != 0 {
                    store.enqueue(offered(n)).await.unwrap();
                }
                let case = store.enqueue_case(case_draft(n), at(0), Actor::system("test"), None);
                receipts.push((n, case.await.unwrap()));
            }
            for (n, receipt) in receipts {
                match receipt.durable().await {
                    Ok(case) => given.push(case.number.0),
                    Err(StoreError::NotFound("contact")) if n % 3 == 0 => {}
                    other => panic!("contact {n}: {other:?}"),
                }
            }
            let report = store.verify(&mut |_| {}, None).await.unwrap();
            assert!(report.is_good(), "{:?}", report.findings);
            store.close().await;
        }
        let expected: Vec<_> = (1..=40).map(|seq| format!("2026-01-{seq:06}")).collect();
        assert_eq!(given, expected);
    }

    #[tokio::test]
    async fn each_year_and_office_has_its_own_numbers() {
        let files = Files::new();
        let store = files.open().await;
        let new_year = Timestamp::from_micros(1_798_761_600_000_000);
        let mut numbers = Vec::new();
        for moment in [Timestamp(new_year.micros() - 1), new_year, new_year] {
            let draft = CaseDraft { contact: None, ..case_draft(1) };
            let case = store.register_case(draft, moment, Actor::system("test"), None).await.unwrap();
            numbers.push(case.number.0);
        }
        store.close().await;
        let branch = Store::open(&files.url(), "N7").await.unwrap();
        numbers.push(registered(&branch, 1).await.number.0);
        assert_eq!(numbers, ["2026-01-000001", "2027-01-000001", "2027-01-000002", "2026-N7-000001"]);
        assert!(matches!(Store::open(&files.url(), "0-1").await, Err(StoreError::Corrupt { .. })));
    }

    #[tokio::test]
    async fn registering_links_the_contact_and_is_journalled_in_its_recording() {
        let (store, _files) = fresh().await;
        store.commit(offered(1)).await.unwrap();
        let media = Some(MediaPosition { recording: recording_id(1), offset_ms: 4_200 });
        let case = store.register_case(case_draft(1), at(9), Actor::system("ivr"), media).await.unwrap();
        assert_eq!(store.case(&case.number).await.unwrap().as_ref(), Some(&case));
        assert_eq!(store.contact(contact_id(1)).await.unwrap().unwrap().case.as_ref(), Some(&case.number));
        let entries = store.entries_after(1, 10).await.unwrap();
        assert_eq!(entries[0].event, "case.registered");
        for entry in &entries {
            assert_eq!((entry.contact, entry.case.as_ref()), (Some(contact_id(1)), Some(&case.number)));
            assert_eq!((entry.media, entry.at), (media, at(9)));
        }

        let again = store.register_case(case_draft(1), at(10), Actor::system("ivr"), None).await.unwrap();
        assert_eq!(again.number, case.number);
        assert_eq!(store.counts().await.unwrap().journal_seq, 1 + entries.len() as u64);
    }
}
