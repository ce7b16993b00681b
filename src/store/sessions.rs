//! Sign-in sessions, programs' tokens and one-time sign-in links. Only the SHA-256 of a token is kept, so a copy of
//! the database signs nobody in.

use sqlx::SqliteConnection;

use crate::digest::Sha256;
use crate::ids::UserId;
use crate::time::Timestamp;

use super::row::Fields;
use super::users;
use super::writer::{Change, Ledger};
use super::{Store, StoreError, User};

/// Expired sessions removed in one go, so that the removal never holds the writer up.
const PURGED_AT_ONCE: u32 = 500;

impl Store {
    /// A sign-in session or a program's token; only the SHA-256 of the token is stored.
    pub async fn create_session(
        &self,
        token: &str,
        user: UserId,
        expires_at: Timestamp,
        one_time: bool,
    ) -> Result<(), StoreError> {
        self.writer.make(CreateSession { token: digest(token), user, expires_at, one_time }).await
    }

    /// The user behind a live token; none when the user is disabled. A one-time token works once.
    pub async fn session_user(&self, token: &str, at: Timestamp) -> Result<Option<User>, StoreError> {
        let token = digest(token);
        let sql = "SELECT users.*, sessions.expires_at, sessions.one_time FROM sessions \
                   JOIN users ON users.id = sessions.user_id WHERE sessions.token_sha256 = $1";
        let row = self.reading(sqlx::query(sql).bind(&token).fetch_optional(&self.readers)).await?;
        let Some(row) = row else { return Ok(None) };
        let fields = Fields::of(&row, "session");
        if fields.moment("expires_at")? <= at {
            self.writer.make(Purge { at }).await?;
            return Ok(None);
        }
        let user = users::read(&row)?;
        if user.disabled || (fields.flag("one_time")? && !self.writer.make(UseOnce { token, at }).await?) {
            return Ok(None);
        }
        Ok(Some(user))
    }

    pub async fn delete_session(&self, token: &str) -> Result<(), StoreError> {
        self.writer.make(DeleteSession { token: digest(token) }).await
    }
}

fn digest(token: &str) -> String {
    Sha256::of(token.as_bytes()).to_string()
}

struct CreateSession {
    token: String,
    user: UserId,
    expires_at: Timestamp,
    one_time: bool,
}

impl Change for CreateSession {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let sql = "INSERT INTO sessions (token_sha256, user_id, expires_at, one_time, used) \
                   SELECT $1, id, $3, $4, 0 FROM users WHERE id = $2 ON CONFLICT DO NOTHING RETURNING user_id";
        let created = sqlx::query(sql)
            .bind(&self.token)
            .bind(self.user.to_string())
            .bind(self.expires_at.micros())
            .bind(i64::from(self.one_time))
            .fetch_optional(&mut *ledger.connection)
            .await?;
        match created {
            Some(_) => Ok(()),
            None if is_known(ledger.connection, self.user).await? => {
                Err(StoreError::Exists("session".to_owned()))
            }
            None => Err(StoreError::NotFound("user")),
        }
    }
}

async fn is_known(connection: &mut SqliteConnection, user: UserId) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT 1 FROM users WHERE id = $1").bind(user.to_string());
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// Spends a one-time token; true for the one caller that did.
struct UseOnce {
    token: String,
    at: Timestamp,
}

impl Change for UseOnce {
    type Answer = bool;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<bool, StoreError> {
        let sql = "UPDATE sessions SET used = 1 \
                   WHERE token_sha256 = $1 AND one_time = 1 AND used = 0 AND expires_at > $2";
        let spent = sqlx::query(sql)
            .bind(&self.token)
            .bind(self.at.micros())
            .execute(&mut *ledger.connection)
            .await?;
        purge(ledger.connection, self.at).await?;
        Ok(spent.rows_affected() == 1)
    }
}

/// Made whenever somebody comes with an expired token, which browsers do daily.
struct Purge {
    at: Timestamp,
}

impl Change for Purge {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        purge(ledger.connection, self.at).await
    }
}

async fn purge(connection: &mut SqliteConnection, at: Timestamp) -> Result<(), StoreError> {
    let sql = "DELETE FROM sessions WHERE token_sha256 IN ( \
               SELECT token_sha256 FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
    sqlx::query(sql).bind(at.micros()).bind(PURGED_AT_ONCE).execute(connection).await?;
    Ok(())
}

struct DeleteSession {
    token: String,
}

impl Change for DeleteSession {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sessions WHERE token_sha256 = $1")
            .bind(&self.token)
            .execute(&mut *ledger.connection)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::people::Role;
    use crate::store::fixture::{Files, at, fresh, user};

    #[tokio::test]
    async fn a_session_lives_until_it_expires_or_is_deleted() {
        let (store, _files) = fresh().await;
        let operator = user(1, Role::Operator);
        store.create_user(&operator).await.unwrap();
        for token in ["one", "two"] {
            store.create_session(token, operator.id, at(60), false).await.unwrap();
        }
        let name_behind = async |token: &str, seconds: i64| {
            store.session_user(token, at(seconds)).await.unwrap().map(|user| user.name)
        };
        for seconds in [0, 30, 59] {
            assert_eq!(name_behind("one", seconds).await.as_deref(), Some("user1"));
        }
        store.delete_session("two").await.unwrap();
        assert_eq!(name_behind("two", 30).await, None);
        assert_eq!(name_behind("three", 30).await, None);
        assert_eq!(name_behind("one", 60).await, None);
        // The expired one is gone for good.
        assert_eq!(name_behind("one", 30).await, None);
    }

    #[tokio::test]
    async fn a_one_time_token_works_for_one_of_many() {
        let (store, _files) = fresh().await;
        let auditor = user(1, Role::Auditor);
        store.create_user(&auditor).await.unwrap();
        store.create_session("link", auditor.id, at(60), true).await.unwrap();
        let visitors: Vec<_> = (0..10)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.session_user("link", at(1)).await })
            })
            .collect();
        let mut let_in = 0;
        for visitor in visitors {
            let_in += usize::from(visitor.await.unwrap().unwrap().is_some());
        }
        assert_eq!(let_in, 1);
        assert!(store.session_user("link", at(2)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn tokens_are_not_in_the_database() {
        let files = Files::new();
        let store = files.open().await;
        let admin = user(1, Role::Admin);
        let unknown = store.create_session("secret-token", admin.id, at(60), false).await;
        assert!(matches!(unknown, Err(StoreError::NotFound("user"))), "{unknown:?}");
        store.create_user(&admin).await.unwrap();
        store.create_session("secret-token", admin.id, at(60), false).await.unwrap();
        let twice = store.create_session("secret-token", admin.id, at(60), false).await;
        assert!(matches!(twice, Err(StoreError::Exists(_))), "{twice:?}");
        let kept: String = sqlx::query_scalar("SELECT token_sha256 FROM sessions")
            .fetch_one(&mut files.intruder().await)
            .await
            .unwrap();
        assert_eq!(kept, digest("secret-token"));
    }

    #[tokio::test]
    async fn the_disabled_are_not_let_in() {
        let (store, _files) = fresh().await;
        let former = User { disabled: true, ..user(1, Role::Operator) };
        store.create_user(&former).await.unwrap();
        store.create_session("token", former.id, at(60), false).await.unwrap();
        assert!(store.session_user("token", at(1)).await.unwrap().is_none());
    }
}
