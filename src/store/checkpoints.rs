//! Signed checkpoints of the journal's tree: a row and the entry `log.checkpointed` in one transaction, never changed. What a
//! checkpoint says is `crate::journal::checkpoint`, when one is made `app/checkpointer.rs`, its tiles `files/tile_folder.rs`.

use serde_json::json;

use crate::digest::Sha256;
use crate::journal::{Draft, Entry, EventType, Note};
use crate::people::Actor;
use crate::time::Timestamp;

use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{Store, StoreError};

/// Entry hashes read at once.
pub const HASHES_AT_ONCE: u32 = 5_000;

/// A checkpoint that was published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptCheckpoint {
    pub note: Note,
    pub at: Timestamp,
}

impl Store {
    /// Keeps a checkpoint and journals it as `log.checkpointed` with its size and root.
    ///
    /// # Errors
    /// `Database` when one of this size or a larger one is kept already.
    pub async fn keep_checkpoint(&self, note: Note, by: Actor, at: Timestamp) -> Result<(), StoreError> {
        self.writer.make(Keep { note, by, at }).await
    }

    /// The newest checkpoint; none before the first.
    pub async fn newest_checkpoint(&self) -> Result<Option<KeptCheckpoint>, StoreError> {
        let query = sqlx::query("SELECT note, at FROM checkpoints ORDER BY size DESC LIMIT 1");
        let row = self.reading(query.fetch_optional(&self.readers)).await?;
        row.as_ref().map(read).transpose()
    }

    /// The entry with this number.
    pub async fn entry(&self, seq: u64) -> Result<Option<Entry>, StoreError> {
        let before = seq.saturating_sub(1);
        let found = self.entries_after(before, 1).await?;
        Ok(found.into_iter().find(|entry| entry.seq == seq))
    }

    /// The hashes written beside the entries after `seq`, up to entry `last`, and 5,000 at most, in order.
    ///
    /// # Errors
    /// `Corrupt` when an entry is missing among them or its hash is none.
    pub async fn entry_hashes(&self, seq: u64, last: u64) -> Result<Vec<Sha256>, StoreError> {
        let query =
            sqlx::query("SELECT seq, hash FROM journal WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3")
                .bind(row::stored_count(seq))
                .bind(row::stored_count(last))
                .bind(HASHES_AT_ONCE);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let mut hashes = Vec::with_capacity(rows.len());
        for (row, due) in rows.iter().zip(seq + 1..) {
            let fields = Fields::of(row, "journal entry");
            if fields.count::<u64>("seq")? != due {
                let detail = format!("entry {due} is missing");
                return Err(StoreError::Corrupt { what: "journal", detail });
            }
            hashes.push(fields.word("hash")?);
        }
        Ok(hashes)
    }

    /// How long the journal is now, and whether more than news of checkpoints came after entry `since`.
    pub async fn journal_growth(&self, since: u64) -> Result<(u64, bool), StoreError> {
        let sql = "SELECT (SELECT COALESCE(MAX(seq), 0) FROM journal) AS size, \
                   EXISTS (SELECT 1 FROM journal WHERE seq > $1 AND type <> 'log.checkpointed') AS grew";
        let query = sqlx::query(sql).bind(row::stored_count(since));
        let row = self.reading(query.fetch_one(&self.readers)).await?;
        let fields = Fields::of(&row, "journal");
        Ok((fields.count("size")?, fields.flag("grew")?))
    }
}

struct Keep {
    note: Note,
    by: Actor,
    at: Timestamp,
}

impl Change for Keep {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let checkpoint = &self.note.checkpoint;
        let mut draft = Draft::new(EventType::LogCheckpointed, self.at, self.by);
        draft.data = json!({ "size": checkpoint.size, "root": checkpoint.root });
        let entry = ledger.head.seq + 1;
        ledger.append_all(vec![draft]).await?;
        sqlx::query("INSERT INTO checkpoints (size, root, note, at, entry) VALUES ($1, $2, $3, $4, $5)")
            .bind(row::stored_count(checkpoint.size))
            .bind(checkpoint.root.to_string())
            .bind(self.note.text())
            .bind(self.at.micros())
            .bind(row::stored_count(entry))
            .execute(&mut *ledger.connection)
            .await?;
        Ok(())
    }
}

fn read(row: &sqlx::sqlite::SqliteRow) -> Result<KeptCheckpoint, StoreError> {
    let fields = Fields::of(row, "checkpoint");
    let note = Note::parse(&fields.plain::<String>("note")?)
        .map_err(|error| StoreError::Corrupt { what: "checkpoint", detail: error.to_string() })?;
    Ok(KeptCheckpoint { note, at: fields.moment("at")? })
}
