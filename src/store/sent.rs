//! Requests that a device may send twice: each carries a key of its own, kept in the transaction of what it changed. A
//! repeated one changes nothing and is told what the first one made. (`Idempotency-Key`, as drafted by the IETF's HTTP
//! API group.)

use std::time::Duration;

use sqlx::SqliteConnection;

use crate::digest::Sha256;
use crate::ids::UserId;
use crate::time::Timestamp;

use super::row::Fields;
use super::{Store, StoreError};

/// A telephone that was off for longer finds its order with somebody else anyway.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Keys of one person at most, the oldest go first: a month of thirty orders a day with five steps each.
pub const MAX_KEYS: i64 = 5_000;
/// Letters, digits and hyphens of a key; a UUID has 36.
pub const KEY_CHARS: std::ops::RangeInclusive<usize> = 8..=64;
/// Expired keys removed with each new one: twice as fast as they come in.
const SWEPT_AT_ONCE: i64 = 2;

/// One request that may come again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Once {
    pub user: UserId,
    pub key: String,
    /// Digest of what is asked for: one key cannot stand for two requests.
    pub asked: Sha256,
}

impl Store {
    /// # Errors
    /// `Repeated` when this very request was carried out before, `KeyTaken` when its key stands for another.
    pub async fn refuse_repeated(&self, once: &Once) -> Result<(), StoreError> {
        let sql = "SELECT asked, outcome FROM sent_requests WHERE user_id = $1 AND key = $2";
        let query = sqlx::query(sql).bind(once.user.to_string()).bind(&once.key);
        let Some(row) = self.reading(query.fetch_optional(&self.readers)).await? else { return Ok(()) };
        Err(known(&Fields::of(&row, "sent request"), once)?)
    }
}

fn known(fields: &Fields<'_>, once: &Once) -> Result<StoreError, StoreError> {
    if fields.word::<Sha256>("asked")? == once.asked {
        Ok(StoreError::Repeated { outcome: fields.plain("outcome")? })
    } else {
        Ok(StoreError::KeyTaken)
    }
}

/// Keeps the key, with the change it belongs to; the same errors as above when another request was faster.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    once: &Once,
    outcome: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let user = once.user.to_string();
    let sql = "SELECT asked, outcome FROM sent_requests WHERE user_id = $1 AND key = $2";
    if let Some(row) = sqlx::query(sql).bind(&user).bind(&once.key).fetch_optional(&mut *connection).await? {
        return Err(known(&Fields::of(&row, "sent request"), once)?);
    }
    sqlx::query("INSERT INTO sent_requests (user_id, key, asked, outcome, at) VALUES ($1, $2, $3, $4, $5)")
        .bind(&user)
        .bind(&once.key)
        .bind(once.asked.to_string())
        .bind(outcome)
        .bind(at.micros())
        .execute(&mut *connection)
        .await?;
    let kept = i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX);
    sqlx::query(
        "DELETE FROM sent_requests WHERE rowid IN (SELECT rowid FROM sent_requests WHERE at < $1 LIMIT $2)",
    )
    .bind(at.micros().saturating_sub(kept))
    .bind(SWEPT_AT_ONCE)
    .execute(&mut *connection)
    .await?;
    let too_many = "DELETE FROM sent_requests WHERE rowid IN \
                    (SELECT rowid FROM sent_requests WHERE user_id = $1 ORDER BY at DESC LIMIT $2 OFFSET $3)";
    sqlx::query(too_many).bind(&user).bind(SWEPT_AT_ONCE).bind(MAX_KEYS).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::people::Actor;
    use crate::store::Occasion;
    use crate::store::fixture::{Files, at, registered};
    use crate::store::{SipAccount, User};
    use crate::{case, people};
    use sqlx::Connection;
    use uuid::Uuid;

    const USER: UserId = UserId(Uuid::from_u128(3));

    fn once(n: i64) -> Once {
        Once { user: USER, key: format!("key-{n:08}"), asked: Sha256::of(b"the same") }
    }

    async fn executor(store: &Store) {
        let user = User {
            id: USER,
            name: "petro".to_owned(),
            role: people::Role::Executor,
            password_hash: "x".to_owned(),
            organisation: Some("vodokanal".to_owned()),
            languages: Vec::new(),
            queues: Vec::new(),
            skills: Default::default(),
            posts: Vec::new(),
            clearances: Vec::new(),
            second_factor: false,
            sip: None::<SipAccount>,
            disabled: false,
        };
        store.create_user(&user).await.unwrap();
    }

    async fn step(store: &Store, number: &case::CaseNumber, secs: i64, n: i64) -> Result<(), StoreError> {
        let actor = Actor::system("test");
        let occasion = Occasion { during: None, once: Some(once(n)) };
        let change =
            store.change_case_for(number, &actor, at(secs), occasion, |case, _| Ok((case, Vec::new())));
        change.await.map(|_| ())
    }

    #[tokio::test]
    async fn a_key_lasts_a_month_and_a_person_has_so_many() {
        let files = Files::new();
        let store = files.open().await;
        executor(&store).await;
        let number = registered(&store, 1).await.number;
        step(&store, &number, 10, 1).await.unwrap();
        assert!(matches!(step(&store, &number, 11, 1).await, Err(StoreError::Repeated { outcome: None })));
        let month = i64::try_from(KEPT.as_secs()).unwrap();
        // At its age to the second it is still known; a second later the next request sweeps it out.
        step(&store, &number, 10 + month, 2).await.unwrap();
        assert!(matches!(step(&store, &number, 10 + month, 1).await, Err(StoreError::Repeated { .. })));
        step(&store, &number, 11 + month, 3).await.unwrap();
        step(&store, &number, 12 + month, 1).await.unwrap();

        let mut intruder = files.intruder().await;
        let mut filling = intruder.begin().await.unwrap();
        for n in 0..MAX_KEYS - 3 {
            sqlx::query("INSERT INTO sent_requests (user_id, key, asked, at) VALUES ($1, $2, 'x', $3)")
                .bind(USER.to_string())
                .bind(format!("old-{n}"))
                .bind(at(20 + month).micros() + n)
                .execute(&mut *filling)
                .await
                .unwrap();
        }
        filling.commit().await.unwrap();
        let count = "SELECT COUNT(*) FROM sent_requests";
        let kept: i64 = sqlx::query_scalar(count).fetch_one(&mut intruder).await.unwrap();
        assert_eq!(kept, MAX_KEYS);
        step(&store, &number, 30 + month, 4).await.unwrap();
        let kept: i64 = sqlx::query_scalar(count).fetch_one(&mut intruder).await.unwrap();
        assert_eq!(kept, MAX_KEYS, "the oldest went");
        assert!(matches!(step(&store, &number, 31 + month, 4).await, Err(StoreError::Repeated { .. })));
    }
}
