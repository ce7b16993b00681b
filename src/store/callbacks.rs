//! Citizens to be rung back: one row for each, read again at the start, so that a restart forgets nobody. Who
//! is rung when decides `crate::callback`.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::callback::{CallBack, MAX_CALL_BACKS};

use super::row::{self, Fields};
use super::{Store, StoreError};

impl Store {
    /// Those who still wait, the longest first.
    pub async fn callbacks(&self) -> Result<Vec<CallBack>, StoreError> {
        let query =
            sqlx::query("SELECT * FROM callbacks WHERE state = 'waiting' ORDER BY since, origin LIMIT $1")
                .bind(i64::try_from(MAX_CALL_BACKS).unwrap_or(i64::MAX));
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }
}

/// Inserts or overwrites the rows.
pub(super) async fn save(
    connection: &mut SqliteConnection,
    callbacks: &[CallBack],
) -> Result<(), StoreError> {
    for callback in callbacks {
        let sql = "INSERT INTO callbacks (origin, number, queue, language, topic, case_number, why, since, attempts, \
                   not_before, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                   ON CONFLICT (origin) DO UPDATE SET case_number = excluded.case_number, \
                   attempts = excluded.attempts, not_before = excluded.not_before, state = excluded.state";
        sqlx::query(sql)
            .bind(callback.origin.to_string())
            .bind(callback.number.as_str())
            .bind(&callback.queue)
            .bind(callback.language.code())
            .bind(&callback.topic)
            .bind(callback.case.as_ref().map(|case| case.0.as_str()))
            .bind(row::word(&callback.why)?)
            .bind(callback.since.micros())
            .bind(callback.attempts)
            .bind(callback.not_before.micros())
            .bind(row::word(&callback.state)?)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn read(row: &SqliteRow) -> Result<CallBack, StoreError> {
    let fields = Fields::of(row, "callback");
    Ok(CallBack {
        origin: fields.word("origin")?,
        number: fields.word("number")?,
        queue: fields.plain("queue")?,
        language: fields.word("language")?,
        topic: fields.plain("topic")?,
        case: fields.optional_word("case_number")?,
        why: fields.word("why")?,
        since: fields.moment("since")?,
        attempts: fields.plain("attempts")?,
        not_before: fields.moment("not_before")?,
        state: fields.word("state")?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::callback::{State, Why};
    use crate::language::Language;
    use crate::phone_number::PhoneNumber;
    use crate::store::Batch;
    use crate::store::fixture::{at, contact_id, fresh, offered};

    fn callback(n: u32) -> CallBack {
        CallBack {
            origin: contact_id(n),
            number: PhoneNumber::from_user_part("+380671234567"),
            queue: "city".to_owned(),
            language: Language::Uk,
            topic: Some("water".to_owned()),
            case: None,
            why: Why::Abandoned,
            since: at(i64::from(n)),
            attempts: 0,
            not_before: at(50),
            state: State::Waiting,
        }
    }

    #[tokio::test]
    async fn those_who_wait_are_read_back_in_their_order() {
        let (store, _files) = fresh().await;
        for n in [2, 1, 3] {
            store.commit(Batch { callbacks: vec![callback(n)], ..offered(n) }).await.unwrap();
        }
        let tried = CallBack { attempts: 1, not_before: at(90), ..callback(1) };
        let over = CallBack { state: State::Reached, ..callback(3) };
        store.commit(Batch { callbacks: vec![tried.clone(), over], ..Batch::default() }).await.unwrap();
        assert_eq!(store.callbacks().await.unwrap(), [tried, callback(2)]);
    }
}
