//! Timelines: the journal seen from one contact or one case, calls and case work merged on one clock.

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
