//! The auditor's walk over calls: each contact's row against its own `contact.` and `rec.` entries, and completeness: an
//! answered call has a recording or an entry that says why not, and no call was answered by its SIP messages alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{Finding, VerifyReport, Watch};
use crate::call::contact::{Contact, Direction};
use crate::case::retention::{self, Content, Contents};
use crate::ids::ContactId;
use crate::store::row::{self, Fields};
use crate::store::{Store, StoreError, contacts, numbers};
use crate::time::Timestamp;

/// Contacts read at once, with all their entries.
const ROWS_AT_ONCE: u32 = 200;
/// Octets that a final answer begins with.
const OK: &[u8] = b"SIP/2.0 200";

impl Store {
    pub(super) async fn verify_contacts(
        &self,
        report: &mut VerifyReport,
        watch: Watch<'_>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT contacts.*, salt FROM contacts LEFT JOIN caller_salts ON caller_salts.contact = id WHERE id > $1 AND ($3 = 0 OR EXISTS (SELECT 1 FROM journal \
                   WHERE journal.contact = contacts.id AND journal.seq > $3)) ORDER BY id LIMIT $2";
        loop {
            // Rows and entries of one moment: the program may be at work.
            let mut moment = self.readers.begin().await?;
            let query = sqlx::query(sql)
                .bind(&report.after)
                .bind(ROWS_AT_ONCE)
                .bind(row::stored_count(report.since.seq));
            let rows = self.reading(query.fetch_all(&mut *moment)).await?;
            let last: Option<String> =
                rows.last().map(|row| Fields::of(row, "contact").plain("id")).transpose()?;
            self.verify_rows_between(&mut moment, last.as_deref(), report).await?;
            let Some(last) = last else { return Ok(()) };
            let count = rows.len() as u64;
            let mut contacts = Vec::with_capacity(rows.len());
            let mut apart = BTreeMap::new();
            for row in &rows {
                if let Some(contact) = report.note(contacts::read(row))? {
                    apart.insert(contact.id, Apart::read(row)?);
                    contacts.push(contact);
                }
            }
            let ids: Vec<String> = contacts.iter().map(|contact| contact.id.to_string()).collect();
            let mut told = self.told(&mut moment, &ids, report).await?;
            let recorded = self.recorded(&mut moment, &ids).await?;
            let unanswered: Vec<String> = contacts
                .iter()
                .filter(|contact| could_be_answered(contact))
                .map(|it| it.id.to_string())
                .collect();
            let answered = self.answered_on_the_wire(&mut moment, &unanswered).await?;
            for contact in &contacts {
                let told = told.remove(&contact.id).unwrap_or_default();
                let recorded = recorded.get(&contact.id).map(String::as_str);
                let apart = apart.remove(&contact.id).unwrap_or_default();
                for (what, row, journal) in told.differences(contact, recorded, &apart) {
                    report.add(Finding::ContactDiffers { id: contact.id, what, row, journal });
                }
                if contact.answered_at.is_some() && !told.is_recorded && !report.nothing_is_recorded {
                    report.add(Finding::NotRecorded(contact.id));
                }
                if answered.contains(&contact.id) {
                    report.add(Finding::AnswerNotRecorded(contact.id));
                }
                if let Some(case) = contact.case.as_ref().filter(|case| !told.cases.contains(&case.0)) {
                    self.verify_link(&mut moment, contact, &case.0, report).await?;
                }
            }
            drop(moment);
            report.checked.contacts += count;
            if report.stops(last, watch) {
                return Ok(());
            }
        }
    }

    /// Calls after the last one looked at, up to `last` or to the end, that have entries and no row.
    async fn verify_rows_between(
        &self,
        moment: &mut SqliteConnection,
        last: Option<&str>,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        let sql = "SELECT contact FROM (SELECT DISTINCT contact FROM journal \
                   WHERE contact > $1 AND ($2 IS NULL OR contact <= $2) AND seq > $3) AS told \
                   WHERE NOT EXISTS (SELECT 1 FROM contacts WHERE id = told.contact) AND EXISTS \
                   (SELECT 1 FROM journal WHERE contact = told.contact AND type = 'contact.offered') LIMIT $4";
        let query = sqlx::query(sql)
            .bind(&report.after)
            .bind(last)
            .bind(row::stored_count(report.since.seq))
            .bind(super::MAX_FINDINGS as i64);
        let rows = self.reading(query.fetch_all(moment)).await?;
        for row in &rows {
            if let Some(id) = report.note(Fields::of(row, "journal entry").word("contact"))? {
                report.add(Finding::ContactMissing(id));
            }
        }
        Ok(())
    }

    async fn told(
        &self,
        moment: &mut SqliteConnection,
        ids: &[String],
        report: &mut VerifyReport,
    ) -> Result<BTreeMap<ContactId, Told>, StoreError> {
        let sql = "SELECT type, at, contact, case_number, actor, data FROM journal WHERE contact IN (";
        let mut query = listing(sql, ids);
        let rows = self.reading(query.push(") ORDER BY seq").build().fetch_all(moment)).await?;
        let mut told: BTreeMap<ContactId, Told> = BTreeMap::new();
        for row in &rows {
            let told = told.entry(Fields::of(row, "journal entry").word("contact")?).or_default();
            report.note(told.apply(row))?;
        }
        Ok(told)
    }

    /// Whose rows the recordings are.
    async fn recorded(
        &self,
        moment: &mut SqliteConnection,
        ids: &[String],
    ) -> Result<BTreeMap<ContactId, String>, StoreError> {
        let mut query = listing("SELECT contact, id FROM recordings WHERE contact IN (", ids);
        let rows = self.reading(query.push(")").build().fetch_all(moment)).await?;
        let read = |row: &SqliteRow| {
            let fields = Fields::of(row, "recording");
            Ok((fields.word("contact")?, fields.plain("id")?))
        };
        rows.iter().map(read).collect()
    }

    /// Of calls that came in and have ended without an answer, those to whose INVITE we said 200.
    async fn answered_on_the_wire(
        &self,
        moment: &mut SqliteConnection,
        ids: &[String],
    ) -> Result<BTreeSet<ContactId>, StoreError> {
        if ids.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut query = listing("SELECT contact, bytes FROM ladder_messages WHERE contact IN (", ids);
        query.push(") AND direction = 'sent' AND substr(bytes, 1, 11) = ").push_bind(OK);
        let rows = self.reading(query.build().fetch_all(moment)).await?;
        let mut answered = BTreeSet::new();
        for row in &rows {
            let fields = Fields::of(row, "SIP message");
            if answers_invite(&fields.plain::<Vec<u8>>("bytes")?) {
                answered.insert(fields.word("contact")?);
            }
        }
        Ok(answered)
    }

    /// The case may have been linked by an entry of the case that names the contact.
    async fn verify_link(
        &self,
        moment: &mut SqliteConnection,
        contact: &Contact,
        case: &str,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        let sql = "SELECT 1 FROM journal WHERE case_number = $1 AND instr(data, $2) > 0 LIMIT 1";
        let query = sqlx::query(sql).bind(case).bind(contact.id.to_string());
        if self.reading(query.fetch_optional(moment)).await?.is_none() {
            let (id, row, journal) = (contact.id, case.to_owned(), "none of its cases".to_owned());
            report.add(Finding::ContactDiffers { id, what: "case", row, journal });
        }
        Ok(())
    }
}

fn listing(sql: &'static str, ids: &[String]) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(sql);
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id.clone());
    }
    query
}

fn could_be_answered(contact: &Contact) -> bool {
    contact.answered_at.is_none() && contact.ended_at.is_some() && contact.direction == Direction::Inbound
}

/// The `CSeq` of a message names the request it answers (RFC 3261 section 8.1.1.5).
fn answers_invite(message: &[u8]) -> bool {
    let head = String::from_utf8_lossy(message);
    head.lines().take_while(|line| !line.is_empty()).any(|line| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        name.trim().eq_ignore_ascii_case("cseq") && value.trim_end().ends_with("INVITE")
    })
}

/// What, by the row, by the journal.
type Difference = (&'static str, String, String);

/// What the entries say of one contact.
#[derive(Default)]
struct Told {
    offered_at: Option<i64>,
    offered: Value,
    answered_at: Option<i64>,
    queued_at: BTreeSet<i64>,
    queues: BTreeSet<String>,
    connected_at: BTreeSet<i64>,
    connected_with: Option<String>,
    /// The moment of the entry; or, after a crash, the one that it tells, in milliseconds.
    ended_at: Option<i64>,
    ended_at_in_words: Option<String>,
    termination: Option<String>,
    disposition: Option<String>,
    /// With the disposition, where that says it.
    language: Option<Option<String>>,
    topic: Option<Option<String>>,
    /// Nodes of the dialplan, in the order in which they were entered.
    ivr_path: Vec<String>,
    cases: BTreeSet<String>,
    has_registered: bool,
    is_recorded: bool,
    /// The file has a digest by its entry.
    has_file: bool,
    /// What was destroyed.
    erased: Contents,
    /// Everybody and everything that an entry names.
    names: String,
}

/// Texts of a contact's entries kept for looking somebody up in them, octets; a call has tens of entries.
const MAX_NAMES: usize = 1 << 20;

impl Told {
    fn apply(&mut self, entry: &SqliteRow) -> Result<(), StoreError> {
        let fields = Fields::of(entry, "journal entry");
        let (event, at): (String, i64) = (fields.plain("type")?, fields.plain("at")?);
        let data: Value = fields.json("data")?;
        let text = |key: &str| data[key].as_str().map(str::to_owned);
        match event.as_str() {
            "contact.offered" => (self.offered_at, self.offered) = (Some(at), data.clone()),
            "contact.answered" => self.answered_at = self.answered_at.or(Some(at)),
            "contact.queued" => {
                self.queued_at.insert(at);
                self.queues.extend(text("queue"));
            }
            "contact.connected" => {
                self.connected_at.insert(at);
                self.connected_with = text("operator").or(self.connected_with.take());
            }
            "contact.ended" => {
                self.ended_at = Some(at);
                self.ended_at_in_words = text("ended_at");
                self.termination = text("termination");
            }
            "contact.disposed" => {
                self.disposition = text("disposition");
                self.language = data.get("language").map(|code| code.as_str().map(str::to_owned));
                self.topic = data.get("topic").map(|topic| topic.as_str().map(str::to_owned));
            }
            "ivr.entered" => self.ivr_path.extend(text("node")),
            "case.registered" => self.has_registered = true,
            "contact.erased" => {
                let what: Contents = serde_json::from_value(data["what"].clone()).unwrap_or_default();
                self.erased.extend(what);
            }
            "rec.started" => self.is_recorded = true,
            "rec.sealed" => {
                self.is_recorded = true;
                self.has_file = data["sha256"].is_string();
            }
            _ => {}
        }
        self.cases.extend(fields.plain::<Option<String>>("case_number")?);
        if self.names.len() < MAX_NAMES {
            for column in ["actor", "data"] {
                self.names.push_str(fields.plain(column)?);
            }
        }
        Ok(())
    }

    fn differences(&self, contact: &Contact, recorded: Option<&str>, apart: &Apart) -> Vec<Difference> {
        if self.offered_at.is_none() {
            return vec![("the call", "there".to_owned(), "missing".to_owned())];
        }
        let mut found = self.moments(contact);
        found.append(&mut self.words(contact, recorded));
        found.append(&mut self.numbers(contact, apart));
        found
    }

    fn moments(&self, contact: &Contact) -> Vec<Difference> {
        let micros = |at: Option<Timestamp>| at.map(Timestamp::micros);
        let mut found = Vec::new();
        let mut moment = |what, row: Option<i64>, journal: Option<i64>| {
            if row != journal {
                found.push((what, in_words(row), in_words(journal)));
            }
        };
        moment("offered at", Some(contact.offered_at.micros()), self.offered_at);
        moment("answered at", micros(contact.answered_at), self.answered_at);
        match &self.ended_at_in_words {
            // Found after a crash, and told to the millisecond.
            Some(told) if contact.ended_at.is_some_and(|at| at.rfc3339() == *told) => {}
            _ => moment("ended at", micros(contact.ended_at), self.ended_at),
        }
        let one_of = |row: Option<Timestamp>, journal: &BTreeSet<i64>| match micros(row) {
            Some(row) if journal.contains(&row) => Some(row),
            _ => journal.first().copied(),
        };
        moment(
            "connected at",
            micros(contact.connected_at),
            one_of(contact.connected_at, &self.connected_at),
        );
        if contact.direction == Direction::Inbound {
            moment("queued at", micros(contact.queued_at), one_of(contact.queued_at, &self.queued_at));
        }
        found
    }

    fn words(&self, contact: &Contact, recorded: Option<&str>) -> Vec<Difference> {
        let mut found = Vec::new();
        let said = |text: Option<&str>| text.unwrap_or("none").to_owned();
        let mut word = |what, row: Option<&str>, journal: Option<&str>| {
            if row != journal {
                found.push((what, said(row), said(journal)));
            }
        };
        let termination = contact.termination.map(|termination| termination.name());
        word("termination", termination, self.termination.as_deref());
        let disposition = contact.disposition.map(|disposition| disposition.name());
        word("disposition", disposition, self.disposition.as_deref());
        if let Some(language) = &self.language {
            word("language", contact.language.map(|language| language.code()), language.as_deref());
        }
        if let Some(topic) = &self.topic {
            word("topic", contact.topic.as_deref(), topic.as_deref());
        }
        let (path, told) = (contact.ivr_path.join(" > "), self.ivr_path.join(" > "));
        word("way through the menus", Some(&path), Some(&told));
        for (key, row) in [("origin", &contact.origin), ("sip_call_id", &contact.sip_call_id)] {
            if let Some(journal) = self.offered[key].as_str() {
                word(key, Some(row), Some(journal));
            }
        }
        let is_known = contact.queue.as_ref().is_some_and(|queue| self.queues.contains(queue));
        if let Some(queue) = self.queues.last().filter(|_| !is_known) {
            word("queue", contact.queue.as_deref(), Some(queue));
        }
        // Only calls that come in bring a Call-ID with them.
        if self.offered["sip_call_id"].is_string() && contact.direction != Direction::Inbound {
            word("direction", Some("outbound"), Some("inbound"));
        }
        let operator = contact.operator.map(|operator| operator.to_string());
        if operator.is_none() && self.connected_with.is_some() {
            word("operator", None, self.connected_with.as_deref());
        }
        if let Some(operator) = operator.as_deref().filter(|operator| !self.names.contains(*operator)) {
            word("operator", Some(operator), Some("named nowhere"));
        }
        if contact.case.is_none() && self.has_registered {
            word("case", None, self.cases.last().map(String::as_str));
        }
        let recording = contact.recording.map(|recording| recording.to_string());
        if recorded.is_some() && (recording.is_some() || self.has_file) {
            word("recording", recording.as_deref(), recorded);
        } else if self.has_file {
            word("recording", Some("missing"), Some("sealed"));
        }
        found
    }
}

/// What a row has beside its contact.
#[derive(Default)]
struct Apart {
    erased: Contents,
    salt: Option<Vec<u8>>,
}

impl Apart {
    fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let fields = Fields::of(row, "contact");
        Ok(Self { erased: retention::of_bits(fields.plain("erased")?), salt: fields.plain("salt")? })
    }
}

impl Told {
    /// Numbers by their digests, and what was destroyed. Whose number it is stays out of what is printed.
    fn numbers(&self, contact: &Contact, apart: &Apart) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut add = |what, row: &str, journal: &str| found.push((what, row.to_owned(), journal.to_owned()));
        if apart.erased != self.erased {
            add("what was erased", &format!("{:?}", apart.erased), &format!("{:?}", self.erased));
        }
        let is_erased = self.erased.contains(&Content::Words);
        for (key, row) in [("caller", contact.caller.as_str()), ("called", contact.called.as_str())] {
            // Entries from before there were digests have the number itself.
            let is_its_own = match (&self.offered[key], &self.offered[numbers::digest_key(key)], &apart.salt)
            {
                (Value::String(number), ..) => number == row || is_erased && row.is_empty(),
                (_, Value::String(digest), Some(salt)) => numbers::digest(salt, row).to_string() == *digest,
                (_, Value::String(_), None) => is_erased,
                _ => true,
            };
            if !is_its_own {
                add(key, "another", "its own");
            }
        }
        found
    }
}

pub(super) fn in_words(at: Option<i64>) -> String {
    at.map_or_else(|| "none".to_owned(), |at| Timestamp::from_micros(at).utc().to_rfc3339())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_an_invite_is_one() {
        assert!(answers_invite(b"SIP/2.0 200 OK\r\nVia: x\r\ncseq:  1 INVITE\r\n\r\nv=0"));
        assert!(!answers_invite(b"SIP/2.0 200 OK\r\nCSeq: 2 BYE\r\n\r\nCSeq: 1 INVITE"));
        assert!(!answers_invite(b"SIP/2.0 200 OK\xff"));
    }
}
