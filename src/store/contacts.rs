//! Contacts: one row per call, written whole at each change by the switchboard, listed newest first.
//! Which case a contact is on changes with the case (`register.rs`, `case_change.rs`), never by a late snapshot.

use std::time::Duration;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::call::contact::Contact;
use crate::case::CaseNumber;
use crate::ids::ContactId;
use crate::verification::{Asked, Outcome};

use super::page::{Cursor, Order, that_contains};
use super::row::{self, Fields};
use super::verification;
use super::words;
use super::{ContactFilter, Listed, MAX_UNPAGED, Page, ROWS_AT_ONCE, Store, StoreError};

/// For one pass over all contacts of some years on a slow disk, at the start of the program.
const SCAN_DEADLINE: Duration = Duration::from_secs(60);

impl Store {
    pub async fn contact(&self, id: ContactId) -> Result<Option<Contact>, StoreError> {
        let query = sqlx::query("SELECT * FROM contacts WHERE id = $1").bind(id.to_string());
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    /// Newest first.
    pub async fn contacts(&self, filter: &ContactFilter, page: &Page) -> Result<Listed<Contact>, StoreError> {
        let mut query = listing(filter, page)?;
        let rows = self.reading(query.build().fetch_all(&self.readers)).await?;
        let contacts = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(page.list(contacts, |contact: &Contact| Cursor {
            at: contact.offered_at,
            id: contact.id.to_string(),
        }))
    }

    /// The last call that came over a trunk, among the newest 2,000 of all: a trunk that has brought none of them is
    /// not in use.
    pub async fn last_contact_of(&self, origin: &str) -> Result<Option<Contact>, StoreError> {
        let sql = "SELECT * FROM (SELECT * FROM contacts ORDER BY offered_at DESC, id DESC LIMIT 2000) \
                   WHERE origin = $1 ORDER BY offered_at DESC, id DESC LIMIT 1";
        let query = sqlx::query(sql).bind(origin);
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    /// Contacts without `ended_at`: what a crash left open. Oldest first, at most 10,000.
    pub async fn open_contacts(&self) -> Result<Vec<Contact>, StoreError> {
        let sql = "SELECT * FROM contacts WHERE ended_at IS NULL ORDER BY offered_at, id LIMIT $1";
        let rows = self.reading(sqlx::query(sql).bind(MAX_UNPAGED).fetch_all(&self.readers)).await?;
        rows.iter().map(read).collect()
    }

    /// Contacts that ended without a disposition: what a crash during wrap-up left. Oldest first, at most 10,000.
    /// No index helps: it reads the whole table once, so its deadline is a minute.
    pub async fn undisposed_contacts(&self) -> Result<Vec<Contact>, StoreError> {
        // The `+` keeps the index away, which would fetch every row one by one.
        let sql = "SELECT * FROM contacts WHERE disposition IS NULL AND ended_at IS NOT NULL \
                   ORDER BY +offered_at, id LIMIT $1";
        let rows = sqlx::query(sql).bind(MAX_UNPAGED).fetch_all(&self.readers);
        self.reading_within(SCAN_DEADLINE, rows).await?.iter().map(read).collect()
    }
}

/// The list of [`Store::contacts`].
pub(super) fn listing(filter: &ContactFilter, page: &Page) -> Result<QueryBuilder<Sqlite>, StoreError> {
    let mut query = QueryBuilder::new("SELECT * FROM contacts WHERE 1 = 1");
    if let Some(caller) = &filter.caller {
        that_contains(&mut query, "caller", caller);
    }
    if let Some(operator) = filter.operator {
        query.push(" AND operator = ").push_bind(operator.to_string());
    }
    if let Some(disposition) = filter.disposition {
        query.push(" AND disposition = ").push_bind(disposition.name());
    }
    if let Some(case) = &filter.case {
        // A contact that moved to another case stays in the list of its first one too.
        query.push(" AND id IN (SELECT contact FROM case_contacts WHERE case_number = ");
        query.push_bind(case.0.clone()).push(")");
    }
    if let Some(category) = &filter.category {
        query.push(" AND category = ").push_bind(category.clone());
    }
    if let Some(words) = &filter.words {
        with_words(&mut query, words);
    }
    if let Some(from) = filter.from {
        query.push(" AND offered_at >= ").push_bind(from.micros());
    }
    if let Some(to) = filter.to {
        query.push(" AND offered_at < ").push_bind(to.micros());
    }
    page.narrow(&mut query, ("offered_at", "id"), Order::NewestFirst)?;
    Ok(query)
}

/// Narrows to calls on cases that have all these words; text without a word finds nothing.
fn with_words(query: &mut QueryBuilder<Sqlite>, text: &str) {
    let Some(question) = words::question(text) else {
        query.push(" AND 0");
        return;
    };
    query.push(
        " AND id IN (SELECT contact FROM case_contacts WHERE case_number IN (SELECT case_number FROM case_texts \
         WHERE id IN (SELECT rowid FROM case_words WHERE case_words MATCH ",
    );
    query.push_bind(question).push(" ORDER BY rowid DESC LIMIT ").push_bind(words::MAX_CASES).push(")))");
}

/// Inserts or overwrites the rows, but for the case: the switchboard's snapshot may be older than the operator's
/// decision to link the contact elsewhere. [`set_case`] moves it.
pub(super) async fn save(connection: &mut SqliteConnection, contacts: &[Contact]) -> Result<(), StoreError> {
    for contacts in contacts.chunks(ROWS_AT_ONCE) {
        save_some(connection, contacts).await?;
        let on_cases = contacts.iter().filter(|contact| contact.case.is_some()).map(|contact| contact.id);
        note_cases(connection, on_cases.collect()).await?;
        let refusing = |contact: &&Contact| {
            contact.asked.is_some_and(|asked| asked.outcome == Some(Outcome::NoMoreCalls))
        };
        for contact in contacts.iter().filter(refusing) {
            verification::note_refusal(connection, contact).await?;
        }
    }
    Ok(())
}

async fn save_some(connection: &mut SqliteConnection, contacts: &[Contact]) -> Result<(), StoreError> {
    let mut paths = Vec::with_capacity(contacts.len());
    for contact in contacts {
        paths.push(row::json(&contact.ivr_path)?);
    }
    let mut upsert = QueryBuilder::new(
        "INSERT INTO contacts (id, caller, called, origin, sip_call_id, language, topic, ivr_path, queue, operator, \
         case_number, recording, offered_at, answered_at, queued_at, connected_at, ended_at, termination, \
         disposition, callback, stated_number, direction, asked, asked_offset_ms) ",
    );
    upsert.push_values(contacts.iter().zip(paths), |mut values, (contact, ivr_path)| {
        values
            .push_bind(contact.id.to_string())
            .push_bind(contact.caller.as_str())
            .push_bind(contact.called.as_str())
            .push_bind(&contact.origin)
            .push_bind(&contact.sip_call_id)
            .push_bind(contact.language.map(|language| language.code()))
            .push_bind(&contact.topic)
            .push_bind(ivr_path)
            .push_bind(&contact.queue)
            .push_bind(contact.operator.map(|operator| operator.to_string()))
            .push_bind(contact.case.as_ref().map(|case| case.0.as_str()))
            .push_bind(contact.recording.map(|recording| recording.to_string()))
            .push_bind(contact.offered_at.micros())
            .push_bind(row::micros(contact.answered_at))
            .push_bind(row::micros(contact.queued_at))
            .push_bind(row::micros(contact.connected_at))
            .push_bind(row::micros(contact.ended_at))
            .push_bind(contact.termination.map(|termination| termination.name()))
            .push_bind(contact.disposition.map(|disposition| disposition.name()))
            .push_bind(contact.callback.as_ref().map(|number| number.as_str()))
            .push_bind(contact.stated_number.as_ref().map(|number| number.as_str()))
            .push_bind(contact.direction.name())
            .push_bind(contact.asked.map(|asked| asked.outcome.map_or(verification::OPEN, Outcome::name)))
            .push_bind(contact.asked.and_then(|asked| asked.offset_ms).map(row::stored_count));
    });
    upsert.push(
        " ON CONFLICT (id) DO UPDATE SET caller = excluded.caller, called = excluded.called, \
         origin = excluded.origin, sip_call_id = excluded.sip_call_id, language = excluded.language, \
         topic = excluded.topic, ivr_path = excluded.ivr_path, queue = excluded.queue, \
         operator = excluded.operator, case_number = COALESCE(contacts.case_number, excluded.case_number), \
         recording = excluded.recording, offered_at = excluded.offered_at, answered_at = excluded.answered_at, \
         queued_at = excluded.queued_at, connected_at = excluded.connected_at, ended_at = excluded.ended_at, \
         termination = excluded.termination, disposition = excluded.disposition, callback = excluded.callback, \
         stated_number = excluded.stated_number, direction = excluded.direction, asked = excluded.asked, \
         asked_offset_ms = excluded.asked_offset_ms",
    );
    upsert.build().execute(connection).await?;
    Ok(())
}

/// Puts the contact on `case`, away from another one it may have been on.
pub(super) async fn set_case(
    connection: &mut SqliteConnection,
    contact: ContactId,
    case: &CaseNumber,
) -> Result<(), StoreError> {
    let moved = sqlx::query("UPDATE contacts SET case_number = $1 WHERE id = $2")
        .bind(&case.0)
        .bind(contact.to_string())
        .execute(&mut *connection)
        .await?;
    if moved.rows_affected() == 0 {
        return Err(StoreError::NotFound("contact"));
    }
    note_cases(connection, vec![contact]).await
}

/// Adds the contacts to the lists of the cases they are on.
async fn note_cases(connection: &mut SqliteConnection, contacts: Vec<ContactId>) -> Result<(), StoreError> {
    if contacts.is_empty() {
        return Ok(());
    }
    let mut insert = QueryBuilder::new(
        "INSERT INTO case_contacts (case_number, contact) SELECT case_number, id FROM contacts WHERE id IN (",
    );
    let mut ids = insert.separated(", ");
    for contact in contacts {
        ids.push_bind(contact.to_string());
    }
    insert.push(") ON CONFLICT DO NOTHING").build().execute(connection).await?;
    Ok(())
}

/// The case the contact is on.
pub(super) async fn case_of(
    connection: &mut SqliteConnection,
    contact: ContactId,
) -> Result<Option<CaseNumber>, StoreError> {
    let row = sqlx::query("SELECT case_number FROM contacts WHERE id = $1")
        .bind(contact.to_string())
        .fetch_optional(connection)
        .await?
        .ok_or(StoreError::NotFound("contact"))?;
    Fields::of(&row, "contact").optional_word("case_number")
}

pub(super) fn read(row: &SqliteRow) -> Result<Contact, StoreError> {
    let fields = Fields::of(row, "contact");
    Ok(Contact {
        id: fields.word("id")?,
        caller: fields.word("caller")?,
        called: fields.word("called")?,
        origin: fields.plain("origin")?,
        sip_call_id: fields.plain("sip_call_id")?,
        language: fields.optional_word("language")?,
        topic: fields.plain("topic")?,
        ivr_path: fields.json("ivr_path")?,
        queue: fields.plain("queue")?,
        operator: fields.optional_word("operator")?,
        case: fields.optional_word("case_number")?,
        recording: fields.optional_word("recording")?,
        offered_at: fields.moment("offered_at")?,
        answered_at: fields.optional_moment("answered_at")?,
        queued_at: fields.optional_moment("queued_at")?,
        connected_at: fields.optional_moment("connected_at")?,
        ended_at: fields.optional_moment("ended_at")?,
        termination: fields.optional_word("termination")?,
        disposition: fields.optional_word("disposition")?,
        callback: fields.optional_word("callback")?,
        stated_number: fields.optional_word("stated_number")?,
        direction: fields.word("direction")?,
        asked: read_asked(&fields)?,
    })
}

/// None of a call that was not to ask.
fn read_asked(fields: &Fields<'_>) -> Result<Option<Asked>, StoreError> {
    let Some(word) = fields.plain::<Option<String>>("asked")? else { return Ok(None) };
    let outcome = if word == verification::OPEN { None } else { Some(fields.word("asked")?) };
    let offset_ms: Option<i64> = fields.plain("asked_offset_ms")?;
    Ok(Some(Asked { outcome, offset_ms: offset_ms.and_then(|ms| u64::try_from(ms).ok()) }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::call::contact::{Direction, Disposition};
    use crate::ids::UserId;
    use crate::store::fixture::{at, contact, contact_id, fresh, offered, page, registered};
    use crate::store::{Batch, fixture};
    use crate::termination::Termination;

    #[tokio::test]
    async fn a_contact_is_read_back_as_it_was_written() {
        let (store, _files) = fresh().await;
        let full = Contact {
            topic: Some("water".to_owned()),
            queue: Some("water".to_owned()),
            operator: Some(UserId(uuid::Uuid::from_u128(5))),
            recording: Some(fixture::recording_id(1)),
            answered_at: Some(at(2)),
            queued_at: Some(at(3)),
            connected_at: Some(at(4)),
            ended_at: Some(at(5)),
            termination: Some(Termination::CallerHungUp),
            disposition: Some(Disposition::Consultation),
            callback: Some(contact(9).caller),
            stated_number: Some(contact(8).caller),
            direction: Direction::Outbound,
            asked: Some(Asked { outcome: Some(Outcome::Refuted), offset_ms: Some(4_200) }),
            ..contact(1)
        };
        for snapshot in [contact(1), full] {
            store.commit(Batch { contacts: vec![snapshot.clone()], ..Batch::default() }).await.unwrap();
            assert_eq!(store.contact(contact_id(1)).await.unwrap(), Some(snapshot));
        }
        assert_eq!(store.contact(contact_id(2)).await.unwrap(), None);
        assert_eq!(store.open_contacts().await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_contact_that_ended_is_undisposed_until_it_is_disposed() {
        let (store, _files) = fresh().await;
        let ended = |n: u32| Contact { ended_at: Some(at(60)), ..contact(n) };
        let contacts = vec![ended(3), contact(2), ended(1)];
        store.commit(Batch { contacts, ..Batch::default() }).await.unwrap();
        assert_eq!(store.undisposed_contacts().await.unwrap(), [ended(1), ended(3)]);
        let disposed = Contact { disposition: Some(Disposition::Nuisance), ..ended(1) };
        store.commit(Batch { contacts: vec![disposed], ..Batch::default() }).await.unwrap();
        assert_eq!(store.undisposed_contacts().await.unwrap(), [ended(3)]);
        assert_eq!(store.open_contacts().await.unwrap(), [contact(2)]);
    }

    #[tokio::test]
    async fn a_later_snapshot_does_not_lose_the_case() {
        let (store, _files) = fresh().await;
        let case = registered(&store, 1).await;
        let other = registered(&store, 2).await;
        for stale in [None, Some(other.number.clone())] {
            let snapshot = Contact { case: stale, ended_at: Some(at(60)), ..contact(1) };
            store.commit(Batch { contacts: vec![snapshot], ..Batch::default() }).await.unwrap();
            let stored = store.contact(contact_id(1)).await.unwrap().unwrap();
            assert_eq!((stored.case.as_ref(), stored.ended_at), (Some(&case.number), Some(at(60))));
        }
        let filter = ContactFilter { case: Some(other.number), ..ContactFilter::default() };
        let of_other = store.contacts(&filter, &page(10, None)).await.unwrap().items;
        assert_eq!(of_other.iter().map(|contact| contact.id).collect::<Vec<_>>(), [contact_id(2)]);
    }

    #[tokio::test]
    async fn pages_go_on_where_they_ended_whatever_came_in() {
        let (store, _files) = fresh().await;
        for n in 1..=5 {
            store.commit(offered(n)).await.unwrap();
        }
        let all = ContactFilter::default();
        let mut seen = Vec::new();
        let mut cursor = None;
        for late in 6..9 {
            let listed = store.contacts(&all, &page(2, cursor)).await.unwrap();
            seen.extend(listed.items.iter().map(|contact| contact.id));
            cursor = listed.next;
            store.commit(offered(late)).await.unwrap();
        }
        assert_eq!(seen, [5, 4, 3, 2, 1].map(contact_id));
        assert_eq!(cursor, None);
        let forged = store.contacts(&all, &page(2, Some("1' OR 1".to_owned()))).await;
        assert!(matches!(forged, Err(StoreError::NotFound("page"))), "{forged:?}");
    }

    #[tokio::test]
    async fn the_last_call_of_a_trunk_is_its_own() {
        let (store, _files) = fresh().await;
        let over = |n: u32, origin: &str| Contact { origin: origin.to_owned(), ..contact(n) };
        let contacts = vec![over(1, "city"), over(2, "city"), over(3, "spare")];
        store.commit(Batch { contacts, ..Batch::default() }).await.unwrap();
        assert_eq!(store.last_contact_of("city").await.unwrap().unwrap().id, contact_id(2));
        assert_eq!(store.last_contact_of("unused").await.unwrap(), None);
    }

    #[tokio::test]
    async fn filters_narrow_the_list() {
        let (store, _files) = fresh().await;
        let operator = UserId(uuid::Uuid::from_u128(77));
        let handled =
            Contact { operator: Some(operator), disposition: Some(Disposition::Nuisance), ..contact(2) };
        let contacts = vec![contact(1), handled, contact(3)];
        store.commit(Batch { contacts, ..Batch::default() }).await.unwrap();
        let any = ContactFilter::default;
        let expectations = [
            (ContactFilter { caller: Some("500000003".to_owned()), ..any() }, vec![3]),
            (ContactFilter { caller: Some("%".to_owned()), ..any() }, vec![]),
            (ContactFilter { operator: Some(operator), ..any() }, vec![2]),
            (ContactFilter { disposition: Some(Disposition::Nuisance), ..any() }, vec![2]),
            (ContactFilter { from: Some(at(2)), ..any() }, vec![3, 2]),
            (ContactFilter { to: Some(at(2)), ..any() }, vec![1]),
            (ContactFilter { case: Some(CaseNumber("2026-01-000001".to_owned())), ..any() }, vec![]),
        ];
        for (filter, expected) in expectations {
            let listed = store.contacts(&filter, &page(10, None)).await.unwrap().items;
            let ids: Vec<_> = listed.iter().map(|contact| contact.id).collect();
            assert_eq!(ids, expected.into_iter().map(contact_id).collect::<Vec<_>>(), "{filter:?}");
        }
    }
}
