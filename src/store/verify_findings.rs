//! The auditor's own words under the same proof as everybody's: each finding against the entry that tells of it, both
//! ways. It only reads.

use crate::ids::{ContactId, FindingId};
use crate::journal::Entry;

use super::findings::{self, NotedFinding};
use super::verify::{Finding, VerifyReport};
use super::{Store, StoreError, journal};

const WORDS: &str = "the words";
/// Rows read at once.
const AT_ONCE: u32 = 500;

impl Store {
    /// A row that the journal knows otherwise or not at all, and an entry whose row is gone.
    pub(super) async fn verify_findings(&self, report: &mut VerifyReport) -> Result<(), StoreError> {
        let sql = "SELECT * FROM journal WHERE type = 'finding.noted' AND seq > $1 ORDER BY seq LIMIT $2";
        let mut told = std::collections::BTreeSet::new();
        let mut last = 0;
        loop {
            let query = sqlx::query(sql).bind(super::row::stored_count(last)).bind(AT_ONCE);
            let rows = self.reading(query.fetch_all(&self.readers)).await?;
            for row in &rows {
                let entry = journal::read(row)?;
                last = entry.seq;
                let Some(id) = entry.data["finding"].as_str().and_then(|id| id.parse().ok()) else {
                    continue;
                };
                told.insert(id);
                let row = self.finding(id).await?;
                // Words that went with their call are explained by its own entry, which is held against the row elsewhere.
                let is_erased = match &row {
                    Some(row) if row.text.is_empty() => self.are_words_erased(row.contact).await?,
                    _ => false,
                };
                if let Some(what) =
                    difference(row.as_ref(), &entry).filter(|what| !is_erased || *what != WORDS)
                {
                    report.add(Finding::RemarkDiffers { id, what });
                }
            }
            if rows.len() < AT_ONCE as usize {
                break;
            }
        }
        let mut after = String::new();
        loop {
            let query = sqlx::query("SELECT * FROM findings WHERE id > $1 ORDER BY id LIMIT $2");
            let rows = self.reading(query.bind(&after).bind(AT_ONCE).fetch_all(&self.readers)).await?;
            for row in &rows {
                let id = findings::read(row)?.id;
                after = id.to_string();
                // One written while this was read has its entry behind the last one that was looked at.
                if !told.contains(&id) && !self.is_told_after(id, last).await? {
                    report.add(Finding::RemarkDiffers { id, what: "the entry" });
                }
            }
            if rows.len() < AT_ONCE as usize {
                return Ok(());
            }
        }
    }

    async fn finding(&self, id: FindingId) -> Result<Option<NotedFinding>, StoreError> {
        let query = sqlx::query("SELECT * FROM findings WHERE id = $1").bind(id.to_string());
        let row = self.reading(query.fetch_optional(&self.readers)).await?;
        row.as_ref().map(findings::read).transpose()
    }

    async fn are_words_erased(&self, contact: ContactId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM journal WHERE contact = $1 AND type = 'contact.erased' AND instr(data, '\"words\"') > 0";
        let query = sqlx::query(sql).bind(contact.to_string());
        Ok(self.reading(query.fetch_optional(&self.readers)).await?.is_some())
    }

    async fn is_told_after(&self, id: FindingId, seq: u64) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM journal WHERE type = 'finding.noted' AND seq > $1 \
                   AND json_extract(data, '$.finding') = $2";
        let query = sqlx::query(sql).bind(super::row::stored_count(seq)).bind(id.to_string());
        Ok(self.reading(query.fetch_optional(&self.readers)).await?.is_some())
    }
}

/// What the row does not have as the entry tells it.
fn difference(row: Option<&NotedFinding>, entry: &Entry) -> Option<&'static str> {
    let Some(row) = row else { return Some("the row") };
    let media = entry.media.map(|media| (media.recording, media.offset_ms));
    let same = [
        ("the call", entry.contact == Some(row.contact)),
        ("the moment of the recording", media == Some((row.recording, row.offset_ms))),
        ("the author", entry.actor.id == row.author.to_string()),
        ("the time", entry.at == row.at),
        (WORDS, entry.data["sha256"] == row.digest().to_string()),
    ];
    same.iter().find(|(_, same)| !same).map(|(what, _)| *what)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use uuid::Uuid;

    use super::*;
    use crate::ids::UserId;
    use crate::people::{Actor, Role};
    use crate::store::Batch;
    use crate::store::fixture::{Files, at, contact_id, offered, recording, recording_id, user};

    async fn noted(files: &Files) -> Store {
        let store = files.open().await;
        let auditor = user(9, Role::Auditor);
        store.create_user(&auditor).await.unwrap();
        let author = auditor.id;
        store.commit(Batch { recordings: vec![recording(1)], ..offered(1) }).await.unwrap();
        for (n, text) in [(1, "rude at first"), (2, "promised what no norm says")] {
            let finding = NotedFinding {
                id: FindingId(Uuid::from_u128(n)),
                contact: contact_id(1),
                recording: recording_id(1),
                offset_ms: 1_500,
                author,
                at: at(60),
                text: text.to_owned(),
            };
            store.note_finding(finding, Actor::person(Role::Auditor, author, None)).await.unwrap();
        }
        store
    }

    async fn differences(store: &Store) -> Vec<String> {
        let report = store.verify(&mut |_| {}, None).await.unwrap();
        report.findings.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn honest_findings_agree_and_each_touch_is_named() {
        let honest = Files::new();
        let store = noted(&honest).await;
        assert_eq!(differences(&store).await, [] as [String; 0]);
        let found = store.findings_of(contact_id(1)).await.unwrap();
        let texts: Vec<_> =
            found.iter().map(|(finding, name)| (finding.text.as_str(), name.as_str())).collect();
        assert_eq!(texts, [("rude at first", "user9"), ("promised what no norm says", "user9")]);
        for (touch, what) in [
            ("UPDATE findings SET text = 'polite' WHERE text LIKE 'rude%'", "the words"),
            ("UPDATE findings SET offset_ms = 0 WHERE text LIKE 'rude%'", "the moment"),
            ("UPDATE findings SET at = at + 1 WHERE text LIKE 'rude%'", "the time"),
            ("DELETE FROM findings WHERE text LIKE 'rude%'", "the row"),
            (
                "INSERT INTO findings SELECT 'f0000000-0000-7000-8000-000000000000', contact, recording, 0, author, \
                 at, 'said later' FROM findings WHERE text LIKE 'rude%'",
                "the entry",
            ),
        ] {
            let files = honest.after_crash();
            let mut intruder = files.intruder().await;
            // What the table itself refuses, an intruder takes away first.
            for trigger in ["findings_refuse_update", "findings_refuse_delete"] {
                let drop = sqlx::AssertSqlSafe(format!("DROP TRIGGER IF EXISTS {trigger}"));
                sqlx::query(drop).execute(&mut intruder).await.unwrap();
            }
            sqlx::query(touch).execute(&mut intruder).await.unwrap();
            let store = files.open().await;
            let found = differences(&store).await;
            assert!(found.len() == 1 && found[0].contains(what), "{touch}: {found:?}");
        }
    }

    #[tokio::test]
    async fn a_finding_is_about_a_recording_of_the_call() {
        let files = Files::new();
        let store = noted(&files).await;
        store.commit(offered(2)).await.unwrap();
        let stray = NotedFinding {
            id: FindingId(Uuid::from_u128(9)),
            contact: contact_id(2),
            recording: recording_id(1),
            offset_ms: 0,
            author: UserId(Uuid::nil()),
            at: at(61),
            text: "elsewhere".to_owned(),
        };
        let refused = store.note_finding(stray, Actor::system("test")).await;
        assert!(matches!(refused, Err(StoreError::NotFound(_))), "{refused:?}");
    }
}
