//! The journal's rows: entries are appended at the end of the chain by the writer, read in order, and verified.
//! The database refuses to alter or delete them (triggers in `migrations/`); the chain shows it when somebody did
//! so past the database. What the hash covers is `crate::journal::chain`.

use rand::RngExt;
use sqlx::{QueryBuilder, SqliteConnection};

use crate::ids::EntryId;
use crate::journal::{Draft, Entry, Head, MediaPosition};

use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{ROWS_AT_ONCE, Store, StoreError, numbers};

/// Entries read at once, by [`Store::entries_after`] and while verifying.
pub(super) const MAX_ENTRIES: u32 = 1_000;

impl Store {
    /// Appends entries that change no row (`access.`).
    pub async fn journal(&self, drafts: Vec<Draft>) -> Result<(), StoreError> {
        self.writer.make(Drafts(drafts)).await
    }

    /// Entries after `seq`, oldest first, at most `limit` and never more than 1,000.
    pub async fn entries_after(&self, seq: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        self.rows_after(seq, limit).await?.iter().map(read).collect()
    }

    /// One page of the chain as stored, readable or not.
    pub(super) async fn rows_after(
        &self,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<sqlx::sqlite::SqliteRow>, StoreError> {
        let query = sqlx::query("SELECT * FROM journal WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(row::stored_count(seq))
            .bind(limit.min(MAX_ENTRIES));
        self.reading(query.fetch_all(&self.readers)).await
    }
}

struct Drafts(Vec<Draft>);

impl Change for Drafts {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        ledger.append_all(self.0).await
    }
}

impl Ledger<'_> {
    pub(super) async fn append_all(&mut self, drafts: Vec<Draft>) -> Result<(), StoreError> {
        self.append_and_show(drafts).await?;
        Ok(())
    }

    /// The same, with the entries as they now stand in the chain.
    pub(super) async fn append_and_show(&mut self, drafts: Vec<Draft>) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::with_capacity(drafts.len());
        let mut salts = Vec::new();
        for mut draft in drafts {
            salts.extend(numbers::seal(&mut draft, || rand::rng().random()));
            let id = EntryId(self.mint.uuid(draft.at));
            entries.push(self.head.append(draft, id));
        }
        for entries in entries.chunks(ROWS_AT_ONCE) {
            save(self.connection, entries).await?;
        }
        numbers::keep(self.connection, &salts).await?;
        Ok(entries)
    }
}

/// The last entry's place; the default before the first.
pub(super) async fn head(connection: &mut SqliteConnection) -> sqlx::Result<Head> {
    let last: Option<(i64, String)> =
        sqlx::query_as("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")
            .fetch_optional(connection)
            .await?;
    let Some((seq, hash)) = last else { return Ok(Head::default()) };
    let unreadable = || sqlx::Error::Decode("the last journal entry has no readable number and hash".into());
    let seq = u64::try_from(seq).map_err(|_| unreadable())?;
    let hash = crate::digest::Sha256::from_hex(&hash).ok_or_else(unreadable)?;
    Ok(Head { seq, hash })
}

async fn save(connection: &mut SqliteConnection, entries: &[Entry]) -> Result<(), StoreError> {
    let mut json = Vec::with_capacity(entries.len());
    for entry in entries {
        json.push((row::json(&entry.actor)?, row::json(&entry.data)?));
    }
    let mut insert = QueryBuilder::new(
        "INSERT INTO journal (seq, id, type, v, at, actor, contact, case_number, recording, offset_ms, reason, data, \
         prev, hash) ",
    );
    insert.push_values(entries.iter().zip(json), |mut values, (entry, (actor, data))| {
        values
            .push_bind(row::stored_count(entry.seq))
            .push_bind(entry.id.to_string())
            .push_bind(&entry.event)
            .push_bind(i64::from(entry.v))
            .push_bind(entry.at.micros())
            .push_bind(actor)
            .push_bind(entry.contact.map(|contact| contact.to_string()))
            .push_bind(entry.case.as_ref().map(|case| case.0.as_str()))
            .push_bind(entry.media.map(|media| media.recording.to_string()))
            .push_bind(entry.media.map(|media| row::stored_count(media.offset_ms)))
            .push_bind(&entry.reason)
            .push_bind(data)
            .push_bind(entry.prev.to_string())
            .push_bind(entry.hash.to_string());
    });
    insert.build().execute(connection).await?;
    Ok(())
}

pub(super) fn read(row: &sqlx::sqlite::SqliteRow) -> Result<Entry, StoreError> {
    let fields = Fields::of(row, "journal entry");
    let media = match fields.optional_word("recording")? {
        Some(recording) => Some(MediaPosition { recording, offset_ms: fields.count("offset_ms")? }),
        // The hash does not cover a place in no recording, so nobody may put one there.
        None => match fields.plain::<Option<i64>>("offset_ms")? {
            Some(_) => {
                let detail = "column offset_ms: without a recording".to_owned();
                return Err(StoreError::Corrupt { what: "journal entry", detail });
            }
            None => None,
        },
    };
    Ok(Entry {
        seq: fields.count("seq")?,
        id: fields.word("id")?,
        event: fields.plain("type")?,
        v: fields.count("v")?,
        at: fields.moment("at")?,
        actor: fields.json("actor")?,
        contact: fields.optional_word("contact")?,
        case: fields.optional_word("case_number")?,
        media,
        reason: fields.plain("reason")?,
        data: fields.json("data")?,
        prev: fields.word("prev")?,
        hash: fields.word("hash")?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use serde_json::json;

    use super::*;
    use crate::journal::EventType;
    use crate::people::Actor;
    use crate::store::fixture::{Files, at, entry, fresh, offered, recording_id};

    #[tokio::test]
    async fn the_database_refuses_to_alter_the_journal() {
        let files = Files::new();
        let store = files.open().await;
        store.commit(offered(1)).await.unwrap();
        store.commit(offered(2)).await.unwrap();
        let mut intruder = files.intruder().await;
        let attempts = [
            "UPDATE journal SET data = '{}' WHERE seq = 1",
            "DELETE FROM journal WHERE seq = 2",
            "INSERT OR REPLACE INTO journal SELECT * FROM journal WHERE seq = 1",
            "INSERT INTO journal SELECT 9, 'other', type, v, at, actor, contact, case_number, recording, offset_ms, \
             reason, data, prev, hash FROM journal WHERE seq = 2",
        ];
        for attempt in attempts {
            let refusal = sqlx::query(attempt).execute(&mut intruder).await.unwrap_err().to_string();
            assert!(refusal.contains("append-only"), "{attempt}: {refusal}");
        }
        assert_eq!(store.entries_after(0, 10).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn an_entry_is_read_back_as_it_was_written() {
        let (store, _files) = fresh().await;
        let mut draft = Draft::new(EventType::AccessPlayed, at(5), Actor::system("web"));
        draft.reason = Some("a complaint".to_owned());
        draft.media = Some(MediaPosition { recording: recording_id(7), offset_ms: 1_250 });
        draft.data = json!({ "seconds": [1, 2], "share": 10, "name": "Ž\u{0}\"", "nothing": null });
        store.journal(vec![draft.clone(), entry(EventType::LogVerified, 1, 6)]).await.unwrap();
        let entries = store.entries_after(0, 10).await.unwrap();
        let first = &entries[0];
        assert_eq!((first.event.as_str(), first.at, &first.actor), ("access.played", at(5), &draft.actor));
        assert_eq!((&first.reason, first.media, &first.data), (&draft.reason, draft.media, &draft.data));
        assert!(first.follows(&Head::default()));
        assert!(entries[1].follows(&Head { seq: 1, hash: first.hash }));
        assert_eq!(store.entries_after(1, 10).await.unwrap(), entries[1..]);
        assert_eq!(store.entries_after(u64::MAX, 10).await.unwrap(), []);
    }
}
