//! Recordings: the rows that describe the files; the files themselves belong to `files/`.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::ids::ContactId;
use crate::recording::Recording;

use super::row::{self, Fields};
use super::{MAX_UNPAGED, Store, StoreError};

impl Store {
    /// In order of time.
    pub async fn recordings_of(&self, contact: ContactId) -> Result<Vec<Recording>, StoreError> {
        let sql = "SELECT * FROM recordings WHERE contact = $1 ORDER BY started_at, id LIMIT $2";
        let query = sqlx::query(sql).bind(contact.to_string()).bind(MAX_UNPAGED);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    /// Recordings still `capturing`: what a crash left open. Oldest first, at most 10,000.
    pub async fn open_recordings(&self) -> Result<Vec<Recording>, StoreError> {
        let sql = "SELECT * FROM recordings WHERE state = 'capturing' ORDER BY started_at, id LIMIT $1";
        let rows = self.reading(sqlx::query(sql).bind(MAX_UNPAGED).fetch_all(&self.readers)).await?;
        rows.iter().map(read).collect()
    }
}

/// Inserts or overwrites the row.
pub(super) async fn save(connection: &mut SqliteConnection, recording: &Recording) -> Result<(), StoreError> {
    let sql = "INSERT INTO recordings (id, contact, path, state, started_at, sample_rate, frames, gaps, result, \
               sha256) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
               ON CONFLICT (id) DO UPDATE SET contact = excluded.contact, path = excluded.path, \
               state = excluded.state, started_at = excluded.started_at, sample_rate = excluded.sample_rate, \
               frames = excluded.frames, gaps = excluded.gaps, result = excluded.result, \
               sha256 = excluded.sha256";
    sqlx::query(sql)
        .bind(recording.id.to_string())
        .bind(recording.contact.to_string())
        .bind(&recording.path)
        .bind(row::word(&recording.state)?)
        .bind(recording.started_at.micros())
        .bind(recording.sample_rate)
        .bind(row::stored_count(recording.frames))
        .bind(row::json(&recording.gaps)?)
        .bind(row::optional_word(recording.result.as_ref())?)
        .bind(recording.sha256.map(|digest| digest.to_string()))
        .execute(connection)
        .await?;
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
    })
}
