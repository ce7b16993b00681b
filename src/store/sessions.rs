//! Sign-in sessions, programs' tokens and one-time sign-in links. Only the SHA-256 of a token is kept, so a copy of
//! the database signs nobody in. A session ends at its absolute limit, or when nobody used it for its idle limit; the
//! limits are given by who opens it (`web/session.rs`).

use std::time::Duration;

use sqlx::SqliteConnection;

use crate::digest::Sha256;
use crate::ids::{SessionId, UserId};
use crate::journal::Draft;
use crate::time::Timestamp;

use super::row::Fields;
use super::users;
use super::writer::{Change, Ledger};
use super::{Store, StoreError, User};

/// Expired sessions removed in one go, so that the removal never holds the writer up.
const PURGED_AT_ONCE: u32 = 500;

/// Use is written down this often, not with every request. Far below the shortest idle limit, five minutes.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// Sessions one person has at the same time; the one that was not used for longest gives way to a new one.
pub const MAX_SESSIONS: u32 = 20;

/// What a person's session begins with.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub token: String,
    pub id: SessionId,
    pub user: UserId,
    pub opened_at: Timestamp,
    /// The absolute limit.
    pub expires_at: Timestamp,
    /// Unused for so long it ends.
    pub idle: Duration,
    /// Address it was opened from.
    pub source: String,
    /// What the browser calls itself.
    pub browser: String,
    /// Opened through the identity provider, which wants to hear of its end.
    pub by_oidc: bool,
    /// That provider has seen a second factor.
    pub second_factor: bool,
}

/// A session as its owner sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenSession {
    pub id: SessionId,
    pub opened_at: Timestamp,
    /// Last used; up to a minute late.
    pub seen_at: Timestamp,
    /// Of both limits the earlier, as things stand.
    pub ends_at: Timestamp,
    pub source: String,
    pub browser: String,
    /// Belongs to the token that was asked with.
    pub own: bool,
}

impl Store {
    /// A program's token or a one-time link: it has no idle limit and is on no list. Only the SHA-256 of the token is
    /// stored.
    pub async fn create_session(
        &self,
        token: &str,
        user: UserId,
        expires_at: Timestamp,
        one_time: bool,
    ) -> Result<(), StoreError> {
        self.writer.make(CreateSession { token: digest(token), user, expires_at, one_time }).await
    }

    /// A person signs in. The session `instead`, a token, ends in the same transaction.
    ///
    /// # Errors
    /// `NotFound` for an unknown user.
    pub async fn open_session(&self, new: NewSession, instead: Option<&str>) -> Result<(), StoreError> {
        self.writer.make(Open { new, instead: instead.map(digest) }).await
    }

    /// The user behind a live token, which is used by this; none when the user is disabled. A one-time token works
    /// once.
    pub async fn session_user(&self, token: &str, at: Timestamp) -> Result<Option<User>, StoreError> {
        let Some((user, seen)) = self.live_session(token, at).await? else { return Ok(None) };
        let token = digest(token);
        match seen {
            Seen::Once => Ok(self.writer.make(UseOnce { token, at }).await?.then_some(user)),
            Seen::At(seen_at) => {
                if at.since(seen_at) >= SEEN_EVERY {
                    self.writer.make(Touch { token, at }).await?;
                }
                Ok(Some(user))
            }
        }
    }

    /// The same without using it: an open page that nobody looks at keeps no session alive.
    pub async fn session_stands(&self, token: &str, at: Timestamp) -> Result<Option<User>, StoreError> {
        let live = self.live_session(token, at).await?;
        Ok(live.filter(|(_, seen)| matches!(seen, Seen::At(_))).map(|(user, _)| user))
    }

    async fn live_session(&self, token: &str, at: Timestamp) -> Result<Option<(User, Seen)>, StoreError> {
        let token = digest(token);
        let sql = "SELECT users.*, sessions.expires_at, sessions.one_time, sessions.seen_at, sessions.idle_micros, \
                   sessions.second_factor AS factor_seen FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.token_sha256 = $1";
        let row = self.reading(sqlx::query(sql).bind(&token).fetch_optional(&self.readers)).await?;
        let Some(row) = row else { return Ok(None) };
        let fields = Fields::of(&row, "session");
        if ends_at(&fields)? <= at {
            self.writer.make(Purge { token, at }).await?;
            return Ok(None);
        }
        let mut user = users::read(&row)?;
        user.second_factor |= fields.flag("factor_seen")?;
        let seen = if fields.flag("one_time")? { Seen::Once } else { Seen::At(fields.moment("seen_at")?) };
        Ok((!user.disabled).then_some((user, seen)))
    }

    /// Whether this session was opened through the identity provider.
    pub async fn came_by_oidc(&self, token: &str) -> Result<bool, StoreError> {
        let query = sqlx::query("SELECT 1 FROM sessions WHERE token_sha256 = $1 AND by_oidc = 1");
        Ok(self.reading(query.bind(digest(token)).fetch_optional(&self.readers)).await?.is_some())
    }

    pub async fn delete_session(&self, token: &str) -> Result<(), StoreError> {
        self.writer.make(DeleteSession { token: digest(token) }).await
    }

    /// Sessions of `user` that stand at `at`, the one used last first; at most [`MAX_SESSIONS`]. `token` marks its own.
    pub async fn sessions_of(
        &self,
        user: UserId,
        token: &str,
        at: Timestamp,
    ) -> Result<Vec<OpenSession>, StoreError> {
        let sql = "SELECT * FROM sessions WHERE user_id = $1 AND id IS NOT NULL AND expires_at > $2 \
                   ORDER BY seen_at DESC, id LIMIT $3";
        let query = sqlx::query(sql).bind(user.to_string()).bind(at.micros()).bind(MAX_SESSIONS);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let own = digest(token);
        let mut sessions = Vec::with_capacity(rows.len());
        for row in &rows {
            let fields = Fields::of(row, "session");
            let session = OpenSession {
                id: fields.word("id")?,
                opened_at: fields.moment("opened_at")?,
                seen_at: fields.moment("seen_at")?,
                ends_at: ends_at(&fields)?,
                source: fields.plain("source")?,
                browser: fields.plain("browser")?,
                own: fields.plain::<String>("token_sha256")? == own,
            };
            if session.ends_at > at {
                sessions.push(session);
            }
        }
        Ok(sessions)
    }

    /// Ends sessions of `user` and journals it, unless there was none to end. How many ended.
    pub async fn end_sessions(&self, user: UserId, which: Ending, entry: Draft) -> Result<u64, StoreError> {
        self.writer.make(End { user, which, entry }).await
    }
}

/// Which sessions of a person are to end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    All,
    One(SessionId),
    /// All but the one with this token.
    Others(String),
}

/// When a session was used last, where that is kept.
enum Seen {
    At(Timestamp),
    /// A token for one use.
    Once,
}

/// Of both limits the earlier.
fn ends_at(fields: &Fields<'_>) -> Result<Timestamp, StoreError> {
    let expires_at = fields.moment("expires_at")?;
    let idle: Option<i64> = fields.plain("idle_micros")?;
    let seen_at = fields.moment("seen_at")?;
    Ok(idle.map_or(expires_at, |idle| {
        expires_at.min(Timestamp::from_micros(seen_at.micros().saturating_add(idle)))
    }))
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

/// Made whenever somebody comes with a token that is over, which browsers do daily.
struct Purge {
    token: String,
    at: Timestamp,
}

impl Change for Purge {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        delete(ledger.connection, &self.token).await?;
        purge(ledger.connection, self.at).await
    }
}

/// Written down once in [`SEEN_EVERY`].
struct Touch {
    token: String,
    at: Timestamp,
}

impl Change for Touch {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET seen_at = MAX(seen_at, $2) WHERE token_sha256 = $1";
        sqlx::query(sql).bind(&self.token).bind(self.at.micros()).execute(&mut *ledger.connection).await?;
        Ok(())
    }
}

struct Open {
    new: NewSession,
    instead: Option<String>,
}

impl Change for Open {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { new, instead } = self;
        let connection = &mut *ledger.connection;
        if let Some(old) = instead {
            delete(connection, &old).await?;
        }
        if !is_known(connection, new.user).await? {
            return Err(StoreError::NotFound("user"));
        }
        let sql = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE user_id = $1 AND id IS NOT NULL \
                   ORDER BY seen_at DESC, id DESC LIMIT -1 OFFSET $2)";
        let oldest = sqlx::query(sql).bind(new.user.to_string()).bind(MAX_SESSIONS - 1);
        oldest.execute(&mut *connection).await?;
        let sql = "INSERT INTO sessions (token_sha256, user_id, expires_at, one_time, used, id, opened_at, seen_at, \
                   idle_micros, source, browser, by_oidc, second_factor) VALUES ($1, $2, $3, 0, 0, $4, $5, $5, $6, $7, $8, $9, $10)";
        sqlx::query(sql)
            .bind(digest(&new.token))
            .bind(new.user.to_string())
            .bind(new.expires_at.micros())
            .bind(new.id.to_string())
            .bind(new.opened_at.micros())
            .bind(i64::try_from(new.idle.as_micros()).unwrap_or(i64::MAX))
            .bind(&new.source)
            .bind(&new.browser)
            .bind(i64::from(new.by_oidc))
            .bind(i64::from(new.second_factor))
            .execute(&mut *connection)
            .await?;
        Ok(())
    }
}

struct End {
    user: UserId,
    which: Ending,
    entry: Draft,
}

impl Change for End {
    type Answer = u64;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<u64, StoreError> {
        let Self { user, which, mut entry } = self;
        let (sql, which) = match which {
            Ending::All => ("DELETE FROM sessions WHERE user_id = $1 AND $2 = ''", String::new()),
            Ending::One(id) => ("DELETE FROM sessions WHERE user_id = $1 AND id = $2", id.to_string()),
            Ending::Others(token) => {
                ("DELETE FROM sessions WHERE user_id = $1 AND token_sha256 <> $2", digest(&token))
            }
        };
        let query = sqlx::query(sql).bind(user.to_string()).bind(which);
        let ended = query.execute(&mut *ledger.connection).await?.rows_affected();
        if ended > 0 {
            entry.data = serde_json::json!({ "user": user, "ended": ended });
            ledger.append_all(vec![entry]).await?;
        }
        Ok(ended)
    }
}

async fn delete(connection: &mut SqliteConnection, token: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE token_sha256 = $1").bind(token).execute(connection).await?;
    Ok(())
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
        delete(ledger.connection, &self.token).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::journal::EventType;
    use crate::people::{Actor, Role};
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

    fn new_session(n: u32, user: UserId, opened: i64) -> NewSession {
        NewSession {
            token: format!("token-{n}"),
            id: SessionId(uuid::Uuid::from_u128(u128::from(n))),
            user,
            opened_at: at(opened),
            expires_at: at(opened + 3600),
            idle: Duration::from_secs(600),
            source: "192.0.2.1".to_owned(),
            browser: "a browser".to_owned(),
            by_oidc: false,
            second_factor: false,
        }
    }

    fn entry() -> Draft {
        Draft::new(EventType::UserSessionsEnded, at(1), Actor::system("test"))
    }

    #[tokio::test]
    async fn a_session_ends_at_its_idle_limit_and_use_puts_that_off() {
        let (store, _files) = fresh().await;
        let operator = user(1, Role::Operator);
        store.create_user(&operator).await.unwrap();
        for n in 1..=2 {
            store.open_session(new_session(n, operator.id, 0), None).await.unwrap();
        }
        let uses = async |n: u32, seconds| {
            store.session_user(&format!("token-{n}"), at(seconds)).await.unwrap().is_some()
        };
        assert!(uses(1, 599).await, "one second before the limit");
        assert!(!uses(2, 600).await, "at the limit");
        assert!(!uses(2, 1).await, "it is gone for good");
        // Used at 599: until 1199 from now on.
        assert!(uses(1, 1198).await && !uses(1, 1198 + 600).await);
    }

    #[tokio::test]
    async fn a_session_in_use_ends_at_its_absolute_limit() {
        let (store, _files) = fresh().await;
        let operator = user(1, Role::Operator);
        store.create_user(&operator).await.unwrap();
        store.open_session(new_session(1, operator.id, 0), None).await.unwrap();
        let uses = async |seconds| store.session_user("token-1", at(seconds)).await.unwrap().is_some();
        for seconds in (0..3600).step_by(300) {
            assert!(uses(seconds).await, "{seconds}");
        }
        assert!(uses(3599).await && !uses(3600).await);
    }

    #[tokio::test]
    async fn looking_whether_it_stands_is_no_use_of_it() {
        let (store, _files) = fresh().await;
        let operator = user(1, Role::Operator);
        store.create_user(&operator).await.unwrap();
        store.open_session(new_session(1, operator.id, 0), None).await.unwrap();
        assert!(store.session_stands("token-1", at(599)).await.unwrap().is_some());
        assert!(store.session_stands("token-1", at(600)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn the_session_unused_for_longest_gives_way() {
        let (store, _files) = fresh().await;
        let operator = user(1, Role::Operator);
        store.create_user(&operator).await.unwrap();
        for n in 0..=MAX_SESSIONS {
            store.open_session(new_session(n, operator.id, i64::from(n)), None).await.unwrap();
        }
        let open = store.sessions_of(operator.id, "token-3", at(30)).await.unwrap();
        assert_eq!(open.len(), MAX_SESSIONS as usize);
        assert_eq!(open.iter().filter(|session| session.own).count(), 1);
        assert!(store.session_user("token-0", at(30)).await.unwrap().is_none());
        assert!(store.session_user("token-1", at(30)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn sessions_end_one_by_one_or_all_but_one_and_only_ones_own() {
        let (store, _files) = fresh().await;
        let (operator, other) = (user(1, Role::Operator), user(2, Role::Operator));
        for person in [&operator, &other] {
            store.create_user(person).await.unwrap();
        }
        for n in 1..=4 {
            let owner = if n == 4 { other.id } else { operator.id };
            store.open_session(new_session(n, owner, 0), None).await.unwrap();
        }
        let id = |n: u128| SessionId(uuid::Uuid::from_u128(n));
        assert_eq!(store.end_sessions(operator.id, Ending::One(id(4)), entry()).await.unwrap(), 0);
        assert_eq!(store.end_sessions(operator.id, Ending::One(id(1)), entry()).await.unwrap(), 1);
        let others = Ending::Others("token-2".to_owned());
        assert_eq!(store.end_sessions(operator.id, others, entry()).await.unwrap(), 1);
        let stands = async |n| store.session_user(&format!("token-{n}"), at(1)).await.unwrap().is_some();
        assert!(!stands(1).await && stands(2).await && !stands(3).await && stands(4).await);
        assert_eq!(store.end_sessions(other.id, Ending::All, entry()).await.unwrap(), 1);
        assert_eq!(
            store.entries_after(0, 10).await.unwrap().len(),
            3,
            "what ended nothing is not journalled"
        );
    }

    #[tokio::test]
    async fn a_new_session_takes_the_place_of_the_one_before() {
        let (store, _files) = fresh().await;
        let operator = user(1, Role::Operator);
        store.create_user(&operator).await.unwrap();
        store.open_session(new_session(1, operator.id, 0), None).await.unwrap();
        store.open_session(new_session(2, operator.id, 1), Some("token-1")).await.unwrap();
        assert!(store.session_user("token-1", at(2)).await.unwrap().is_none());
        assert!(store.session_user("token-2", at(2)).await.unwrap().is_some());
    }
}
