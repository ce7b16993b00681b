//! Recordings: the rows that describe the files, overwritten at each change, and the digests of their seconds, which
//! come once, when a file is sealed (decision 0030). The files themselves belong to
//! `files/`; whether the two still agree is checked by `verify.rs`.

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, SqliteConnection};

use crate::ids::{ContactId, RecordingId};
use crate::recording::{Recording, Seconds};
use crate::time::Timestamp;

use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{MAX_UNPAGED, ROWS_AT_ONCE, Store, StoreError};

impl Store {
    /// In order of time.
    pub async fn recordings_of(&self, contact: ContactId) -> Result<Vec<Recording>, StoreError> {
        let sql = "SELECT * FROM recordings WHERE contact = $1 ORDER BY started_at, id LIMIT $2";
        let query = sqlx::query(sql).bind(contact.to_string()).bind(MAX_UNPAGED);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    /// The digests of its seconds; none of what was sealed before there were any.
    pub async fn recording_seconds(&self, id: RecordingId) -> Result<Option<Seconds>, StoreError> {
        let query =
            sqlx::query("SELECT leaves FROM recording_seconds WHERE recording = $1").bind(id.to_string());
        let Some(row) = self.reading(query.fetch_optional(&self.readers)).await? else { return Ok(None) };
        let leaves: Vec<u8> = Fields::of(&row, "seconds").plain("leaves")?;
        Ok(Seconds::from_bytes(&leaves))
    }

    /// Recordings still `capturing`: what a crash left open. Oldest first, at most 10,000.
    pub async fn open_recordings(&self) -> Result<Vec<Recording>, StoreError> {
        let sql = "SELECT * FROM recordings WHERE state = 'capturing' ORDER BY started_at, id LIMIT $1";
        let rows = self.reading(sqlx::query(sql).bind(MAX_UNPAGED).fetch_all(&self.readers)).await?;
        rows.iter().map(read).collect()
    }

    /// Sealed recordings with a digest whose files are still plain and were not erased, in order of time, behind the one named
    /// by `after`.
    pub async fn plain_recordings(
        &self,
        after: Option<(Timestamp, RecordingId)>,
        limit: u32,
    ) -> Result<Vec<Recording>, StoreError> {
        let sql = "SELECT * FROM recordings WHERE state = 'sealed' AND sha256 IS NOT NULL AND encrypted_at IS NULL \
                   AND (started_at, id) > ($1, $2) AND NOT EXISTS (SELECT 1 FROM content_keys \
                   WHERE subject = 'call:' || recordings.contact AND destroyed_at IS NOT NULL) \
                   ORDER BY started_at, id LIMIT $3";
        let (at, id) = after.map_or((i64::MIN, String::new()), |(at, id)| (at.micros(), id.to_string()));
        let query = sqlx::query(sql).bind(at).bind(id).bind(limit);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    /// The recording's file is encrypted, and no plain one is left.
    pub async fn note_encrypted(&self, id: RecordingId, at: Timestamp) -> Result<bool, StoreError> {
        self.writer.make(NoteEncrypted { id, at }).await
    }
}

struct NoteEncrypted {
    id: RecordingId,
    at: Timestamp,
}

impl Change for NoteEncrypted {
    type Answer = bool;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<bool, StoreError> {
        let sql = "UPDATE recordings SET encrypted_at = $2 WHERE id = $1 AND state <> 'erased'";
        let update = sqlx::query(sql).bind(self.id.to_string()).bind(self.at.micros());
        Ok(update.execute(&mut *ledger.connection).await?.rows_affected() > 0)
    }
}

/// Inserts or overwrites the rows.
pub(super) async fn save(
    connection: &mut SqliteConnection,
    recordings: &[Recording],
) -> Result<(), StoreError> {
    for recordings in recordings.chunks(ROWS_AT_ONCE) {
        save_some(connection, recordings).await?;
        for recording in recordings {
            let Some(proof) = &recording.proof else { continue };
            let sql = "INSERT INTO recording_seconds (recording, leaves) VALUES ($1, $2) \
                       ON CONFLICT (recording) DO UPDATE SET leaves = excluded.leaves";
            let insert = sqlx::query(sql).bind(recording.id.to_string()).bind(proof.seconds.to_bytes());
            insert.execute(&mut *connection).await?;
        }
    }
    Ok(())
}

async fn save_some(connection: &mut SqliteConnection, recordings: &[Recording]) -> Result<(), StoreError> {
    let mut words = Vec::with_capacity(recordings.len());
    for recording in recordings {
        let result = row::optional_word(recording.result.as_ref())?;
        words.push((row::word(&recording.state)?, row::json(&recording.gaps)?, result));
    }
    let mut upsert = QueryBuilder::new(
        "INSERT INTO recordings (id, contact, path, state, started_at, sample_rate, frames, gaps, result, sha256) ",
    );
    upsert.push_values(recordings.iter().zip(words), |mut values, (recording, (state, gaps, result))| {
        values
            .push_bind(recording.id.to_string())
            .push_bind(recording.contact.to_string())
            .push_bind(&recording.path)
            .push_bind(state)
            .push_bind(recording.started_at.micros())
            .push_bind(recording.sample_rate)
            .push_bind(row::stored_count(recording.frames))
            .push_bind(gaps)
            .push_bind(result)
            .push_bind(recording.sha256.map(|digest| digest.to_string()));
    });
    upsert.push(
        " ON CONFLICT (id) DO UPDATE SET contact = excluded.contact, path = excluded.path, \
         state = excluded.state, started_at = excluded.started_at, sample_rate = excluded.sample_rate, \
         frames = excluded.frames, gaps = excluded.gaps, result = excluded.result, sha256 = excluded.sha256",
    );
    upsert.build().execute(connection).await?;
    Ok(())
}

pub(super) fn read(row: &SqliteRow) -> Result<Recording, StoreError> {
    let fields = Fields::of(row, "recording");
    Ok(Recording {
        id: fields.word("id")?,
        contact: fields.word("contact")?,
        path: fields.plain("path")?,
        state: fields.word("state")?,
        started_at: fields.moment("started_at")?,
        sample_rate: fields.count("sample_rate")?,
        frames: fields.count("frames")?,
        gaps: fields.json("gaps")?,
        result: fields.optional_word("result")?,
        sha256: fields.optional_word("sha256")?,
        proof: None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::recording::{Gap, GapReason, RecordingResult};
    use crate::store::Batch;
    use crate::store::fixture::{contact_id, fresh, offered, recording, sealed};

    #[tokio::test]
    async fn a_recording_is_open_until_it_is_sealed() {
        let (store, _files) = fresh().await;
        store.commit(Batch { recordings: vec![recording(1)], ..offered(1) }).await.unwrap();
        assert_eq!(store.open_recordings().await.unwrap(), [recording(1)]);
        let complete = Recording {
            gaps: vec![Gap { offset_ms: 20, duration_ms: 40, reason: GapReason::RingOverflow }],
            result: Some(RecordingResult::Degraded),
            ..sealed(1)
        };
        store.commit(Batch { recordings: vec![complete.clone()], ..Batch::default() }).await.unwrap();
        assert_eq!(store.open_recordings().await.unwrap(), []);
        assert_eq!(store.recordings_of(contact_id(1)).await.unwrap(), [complete]);
        assert_eq!(store.recordings_of(contact_id(2)).await.unwrap(), []);
    }
}
