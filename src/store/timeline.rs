//! Timelines: the journal seen from one contact or one case, calls and case work merged on one clock.
//! Who may see which of it is decided in `web/access.rs`.

use crate::case::CaseNumber;
use crate::ids::ContactId;

use super::{Store, StoreError, TimelineEntry, journal};

/// Entries on a timeline at most, the earliest; a contact has tens, a case that was reopened for years hundreds.
const MAX_TIMELINE: u32 = 10_000;

impl Store {
    /// Entries of the contact and of the case it is linked to, in order of time.
    pub async fn contact_timeline(&self, id: ContactId) -> Result<Vec<TimelineEntry>, StoreError> {
        let sql = "SELECT * FROM journal WHERE seq IN ( \
                   SELECT seq FROM journal WHERE contact = $1 \
                   UNION SELECT seq FROM journal \
                   WHERE case_number = (SELECT case_number FROM contacts WHERE id = $1)) \
                   ORDER BY at, seq LIMIT $2";
        self.timeline(sql, id.to_string()).await
    }

    /// Entries of the case and of every contact linked to it, in order of time.
    pub async fn case_timeline(&self, number: &CaseNumber) -> Result<Vec<TimelineEntry>, StoreError> {
        let sql = "SELECT * FROM journal WHERE seq IN ( \
                   SELECT seq FROM journal WHERE case_number = $1 \
                   UNION SELECT seq FROM journal \
                   WHERE contact IN (SELECT contact FROM case_contacts WHERE case_number = $1)) \
                   ORDER BY at, seq LIMIT $2";
        self.timeline(sql, number.0.clone()).await
    }

    async fn timeline(&self, sql: &'static str, subject: String) -> Result<Vec<TimelineEntry>, StoreError> {
        let query = sqlx::query(sql).bind(subject).bind(MAX_TIMELINE);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(journal::read).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use crate::case::{CaseEvent, CaseNumber};
    use crate::journal::EventType;
    use crate::people::Actor;
    use crate::store::fixture::{Files, at, case_draft, contact_id, entry, fresh, offered};
    use crate::store::{Store, TimelineEntry};

    fn story(entries: &[TimelineEntry]) -> Vec<(&str, u64)> {
        let seconds = |entry: &TimelineEntry| entry.at.since(at(0)).as_secs();
        entries.iter().map(|entry| (entry.event.as_str(), seconds(entry))).collect()
    }

    /// Contact 1 opens a case, contact 2 is another's, contact 3 is linked to the case. Some entries come late.
    async fn told() -> (Store, CaseNumber, Files) {
        let (store, files) = fresh().await;
        for n in 1..=3 {
            store.commit(offered(n)).await.unwrap();
        }
        let actor = Actor::system("test");
        let case = store.register_case(case_draft(1), at(10), actor.clone(), None).await.unwrap();
        let linked = store.change_case(&case.number, &actor, at(30), |mut case, _| {
            case.contacts.push(contact_id(3));
            Ok((case, vec![CaseEvent { name: "case.linked", reason: None, data: serde_json::json!({}) }]))
        });
        linked.await.unwrap();
        let late = vec![entry(EventType::IvrDigit, 1, 5), entry(EventType::ContactEnded, 1, 30)];
        store.journal(late).await.unwrap();
        (store, case.number, files)
    }

    #[tokio::test]
    async fn calls_and_case_work_are_merged_on_one_clock() {
        let (store, number, _files) = told().await;
        let of_case = store.case_timeline(&number).await.unwrap();
        let expected = [
            ("contact.offered", 1),
            ("contact.offered", 3),
            ("ivr.digit", 5),
            ("case.registered", 10),
            ("case.linked", 30),
            ("contact.ended", 30),
        ];
        assert_eq!(story(&of_case), expected);
        let of_contact = store.contact_timeline(contact_id(1)).await.unwrap();
        let without_the_other = [expected[0], expected[2], expected[3], expected[4], expected[5]];
        assert_eq!(story(&of_contact), without_the_other);
    }

    #[tokio::test]
    async fn what_is_not_linked_is_not_shown() {
        let (store, _, _files) = told().await;
        assert_eq!(story(&store.contact_timeline(contact_id(2)).await.unwrap()), [("contact.offered", 2)]);
        assert_eq!(store.contact_timeline(contact_id(9)).await.unwrap(), []);
        assert_eq!(store.case_timeline(&CaseNumber("2026-01-000009".to_owned())).await.unwrap(), []);
    }
}
