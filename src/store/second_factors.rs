//! Second factors: the secret an authenticator app shares with us, wrapped by the master key where there is one, the last code
//! that was accepted, and digests of recovery codes. What a code is stands in `one_time_code.rs`. The secret leaves this file
//! to check a code and for nothing else.

use rand::RngExt as _;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::content_key::{KeyRing, Wrapped};
use crate::digest::Sha256;
use crate::ids::UserId;
use crate::journal::Draft;
use crate::one_time_code::{SECRET_LEN, Secret};

use super::content_keys::unwrap;
use super::row::Fields;
use super::writer::{Change, Ledger};
use super::{MAX_UNPAGED, Store, StoreError};

/// What a person proves themselves by beside the password.
#[derive(Clone, Debug)]
pub struct SecondFactor {
    pub secret: Secret,
    /// Of the code accepted last.
    pub last_step: i64,
    /// The person has shown that their app has it; before, nobody is asked for it.
    pub confirmed: bool,
    /// Recovery codes not used yet.
    pub recovery_left: u32,
}

impl Store {
    pub async fn second_factor(&self, user: UserId) -> Result<Option<SecondFactor>, StoreError> {
        let sql = "SELECT second_factors.*, (SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1) AS unspent \
                   FROM second_factors WHERE user_id = $1";
        let query = sqlx::query(sql).bind(user.to_string());
        let Some(row) = self.reading(query.fetch_optional(&self.readers)).await? else { return Ok(None) };
        let fields = Fields::of(&row, "second factor");
        Ok(Some(SecondFactor {
            secret: read_secret(self.keys.as_ref(), &user.to_string(), &row)?,
            last_step: fields.plain("last_step")?,
            confirmed: fields.flag("confirmed")?,
            recovery_left: fields.count("unspent")?,
        }))
    }

    /// A secret that is asked for once it is confirmed; one offered before and not confirmed is void.
    ///
    /// # Errors
    /// `Exists` when the person has one that is in use.
    pub async fn offer_second_factor(&self, user: UserId, secret: Secret) -> Result<(), StoreError> {
        let (master, secret) = kept(self.keys.as_ref(), &user.to_string(), &secret);
        self.writer.make(Offer { user, master, secret }).await
    }

    /// Wraps the secrets that are plain, or were wrapped by a former master key; nothing without a key. How many.
    ///
    /// # Errors
    /// `KeyMissing` when one was wrapped by a key that is not there.
    pub async fn wrap_second_factors(&self) -> Result<u64, StoreError> {
        let Some(keys) = &self.keys else { return Ok(0) };
        let sql = "SELECT user_id, master, secret FROM second_factors WHERE master IS NOT $1 LIMIT $2";
        let query = sqlx::query(sql).bind(keys.newest().id()).bind(MAX_UNPAGED);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let mut anew = Vec::with_capacity(rows.len());
        for row in &rows {
            let user: String = Fields::of(row, "second factor").plain("user_id")?;
            let old: Vec<u8> = Fields::of(row, "second factor").plain("secret")?;
            let (master, secret) = kept(Some(keys), &user, &read_secret(Some(keys), &user, row)?);
            anew.push(Anew { user, old, master, secret });
        }
        if anew.is_empty() { Ok(0) } else { self.writer.make(WrapAnew(anew)).await }
    }

    /// The person's app has the secret: it showed the code of `step`. From now on it is asked for. Other sessions than that
    /// of `token` end. False when there is nothing to confirm.
    pub async fn confirm_second_factor(
        &self,
        user: UserId,
        step: i64,
        recovery_codes: &[String],
        token: &str,
        entry: Draft,
    ) -> Result<bool, StoreError> {
        let codes = recovery_codes.iter().map(|code| digest(code)).collect();
        self.writer.make(Confirm { user, step, codes, token: digest(token), entry }).await
    }

    /// Spends the code of `step`; false when it, or a later one, was spent before.
    pub async fn spend_code(&self, user: UserId, step: i64) -> Result<bool, StoreError> {
        self.writer.make(Spend { user, step }).await
    }

    /// Spends a recovery code, which is journalled; false when it is none.
    pub async fn spend_recovery_code(
        &self,
        user: UserId,
        code: &str,
        entry: Draft,
    ) -> Result<bool, StoreError> {
        self.writer.make(SpendRecovery { user, code: digest(code), entry }).await
    }

    /// Takes the second factor away and ends all sessions; false when there is none.
    pub async fn reset_second_factor(&self, user: UserId, entry: Draft) -> Result<bool, StoreError> {
        self.writer.make(Reset { user, entry }).await
    }
}

fn digest(text: &str) -> String {
    Sha256::of(text.as_bytes()).to_string()
}

/// Whose secret it is and what for, authenticated with it.
fn purpose(user: &str) -> String {
    format!("second factor:{user}")
}

/// Number of the master key, if any, and what stands in the row.
fn kept(keys: Option<&KeyRing>, user: &str, secret: &Secret) -> (Option<String>, Vec<u8>) {
    match keys.map(|keys| keys.wrap(&secret.0, &purpose(user), rand::rng().random())) {
        Some(Wrapped { master, sealed }) => (Some(master), sealed),
        None => (None, secret.0.to_vec()),
    }
}

fn read_secret(keys: Option<&KeyRing>, user: &str, row: &SqliteRow) -> Result<Secret, StoreError> {
    let fields = Fields::of(row, "second factor");
    let (master, secret): (Option<String>, Vec<u8>) = (fields.plain("master")?, fields.plain("secret")?);
    let secret = match master {
        Some(master) => unwrap(keys, &purpose(user), &Wrapped { master, sealed: secret })?,
        None => secret,
    };
    let secret: [u8; SECRET_LEN] = secret
        .try_into()
        .map_err(|_| StoreError::Corrupt { what: "second factor", detail: "column secret".to_owned() })?;
    Ok(Secret(secret))
}

struct Anew {
    user: String,
    old: Vec<u8>,
    master: Option<String>,
    secret: Vec<u8>,
}

struct WrapAnew(Vec<Anew>);

impl Change for WrapAnew {
    type Answer = u64;
    const IS_LONG: bool = true;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<u64, StoreError> {
        let mut done = 0;
        for Anew { user, old, master, secret } in self.0 {
            // One that was offered anew meanwhile stays.
            let sql = "UPDATE second_factors SET master = $3, secret = $4 WHERE user_id = $1 AND secret = $2";
            let update = sqlx::query(sql).bind(user).bind(old).bind(master).bind(secret);
            done += update.execute(&mut *ledger.connection).await?.rows_affected();
        }
        Ok(done)
    }
}

struct Offer {
    user: UserId,
    master: Option<String>,
    secret: Vec<u8>,
}

impl Change for Offer {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let sql = "INSERT INTO second_factors (user_id, master, secret, last_step, confirmed) \
                   VALUES ($1, $2, $3, 0, 0) ON CONFLICT (user_id) DO UPDATE \
                   SET master = $2, secret = $3, last_step = 0 WHERE confirmed = 0";
        let query = sqlx::query(sql).bind(self.user.to_string()).bind(self.master).bind(self.secret);
        match query.execute(&mut *ledger.connection).await?.rows_affected() {
            0 => Err(StoreError::Exists("second factor".to_owned())),
            _ => Ok(()),
        }
    }
}

struct Confirm {
    user: UserId,
    step: i64,
    codes: Vec<String>,
    token: String,
    entry: Draft,
}

impl Change for Confirm {
    type Answer = bool;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<bool, StoreError> {
        let connection = &mut *ledger.connection;
        let user = self.user.to_string();
        let sql =
            "UPDATE second_factors SET confirmed = 1, last_step = $2 WHERE user_id = $1 AND confirmed = 0";
        let confirmed = sqlx::query(sql).bind(&user).bind(self.step).execute(&mut *connection).await?;
        if confirmed.rows_affected() == 0 {
            return Ok(false);
        }
        forget_codes(connection, &user).await?;
        for code in &self.codes {
            let sql = "INSERT INTO recovery_codes (user_id, code_sha256) VALUES ($1, $2)";
            sqlx::query(sql).bind(&user).bind(code).execute(&mut *connection).await?;
        }
        sqlx::query("UPDATE users SET second_factor = 1 WHERE id = $1")
            .bind(&user)
            .execute(&mut *connection)
            .await?;
        let others = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND token_sha256 <> $2");
        others.bind(&user).bind(&self.token).execute(&mut *connection).await?;
        ledger.append_all(vec![self.entry]).await?;
        Ok(true)
    }
}

struct Spend {
    user: UserId,
    step: i64,
}

impl Change for Spend {
    type Answer = bool;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<bool, StoreError> {
        let sql = "UPDATE second_factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2";
        let query = sqlx::query(sql).bind(self.user.to_string()).bind(self.step);
        Ok(query.execute(&mut *ledger.connection).await?.rows_affected() == 1)
    }
}

struct SpendRecovery {
    user: UserId,
    code: String,
    entry: Draft,
}

impl Change for SpendRecovery {
    type Answer = bool;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1 AND code_sha256 = $2");
        let query = query.bind(self.user.to_string()).bind(self.code);
        if query.execute(&mut *ledger.connection).await?.rows_affected() == 0 {
            return Ok(false);
        }
        ledger.append_all(vec![self.entry]).await?;
        Ok(true)
    }
}

struct Reset {
    user: UserId,
    entry: Draft,
}

impl Change for Reset {
    type Answer = bool;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<bool, StoreError> {
        let (connection, user) = (&mut *ledger.connection, self.user.to_string());
        let gone = sqlx::query("DELETE FROM second_factors WHERE user_id = $1").bind(&user);
        if gone.execute(&mut *connection).await?.rows_affected() == 0 {
            return Ok(false);
        }
        forget_codes(connection, &user).await?;
        sqlx::query("UPDATE users SET second_factor = 0 WHERE id = $1")
            .bind(&user)
            .execute(&mut *connection)
            .await?;
        sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(&user).execute(&mut *connection).await?;
        ledger.append_all(vec![self.entry]).await?;
        Ok(true)
    }
}

async fn forget_codes(connection: &mut SqliteConnection, user: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1").bind(user).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::content_key::MasterKey;
    use crate::journal::EventType;
    use crate::people::{Actor, Role};
    use crate::store::User;
    use crate::store::fixture::{Files, at, fresh, user};

    fn entry(event: EventType) -> Draft {
        Draft::new(event, at(1), Actor::system("test"))
    }

    #[tokio::test]
    async fn a_factor_is_offered_confirmed_spent_and_taken_away() {
        let (store, _files) = fresh().await;
        let person = user(1, Role::Auditor);
        store.create_user(&person).await.unwrap();
        for token in ["here", "elsewhere"] {
            store.create_session(token, person.id, at(60), false).await.unwrap();
        }
        store.offer_second_factor(person.id, Secret([1; 20])).await.unwrap();
        store.offer_second_factor(person.id, Secret([2; 20])).await.unwrap();
        let offered = store.second_factor(person.id).await.unwrap().unwrap();
        assert!(offered.secret == Secret([2; 20]) && !offered.confirmed);
        assert!(!store.user(person.id).await.unwrap().unwrap().second_factor);
        let codes = ["one".to_owned(), "two".to_owned()];
        let confirm = || {
            store.confirm_second_factor(person.id, 7, &codes, "here", entry(EventType::UserSecondFactorSet))
        };
        assert!(confirm().await.unwrap());
        assert!(!confirm().await.unwrap(), "once");
        let again = store.offer_second_factor(person.id, Secret([3; 20])).await;
        assert!(matches!(again, Err(StoreError::Exists(_))), "{again:?}");
        assert!(store.user(person.id).await.unwrap().unwrap().second_factor);
        assert!(store.session_user("here", at(2)).await.unwrap().is_some());
        assert!(store.session_user("elsewhere", at(2)).await.unwrap().is_none());
        for (step, fits) in [(7, false), (8, true), (8, false), (6, false), (9, true)] {
            assert_eq!(store.spend_code(person.id, step).await.unwrap(), fits, "{step}");
        }
        let spend = |code| store.spend_recovery_code(person.id, code, entry(EventType::UserRecoveryCodeUsed));
        assert!(
            spend("one").await.unwrap() && !spend("one").await.unwrap() && !spend("three").await.unwrap()
        );
        assert_eq!(store.second_factor(person.id).await.unwrap().unwrap().recovery_left, 1);
        let reset = || store.reset_second_factor(person.id, entry(EventType::UserSecondFactorReset));
        assert!(reset().await.unwrap() && !reset().await.unwrap());
        assert!(store.second_factor(person.id).await.unwrap().is_none());
        assert!(store.session_user("here", at(2)).await.unwrap().is_none());
        assert!(!spend("two").await.unwrap(), "the old codes are void");
        assert_eq!(store.entries_after(0, 10).await.unwrap().len(), 3);
    }

    #[tokio::test]
    async fn secrets_are_wrapped_where_there_is_a_key_and_taken_over_from_before() {
        let files = Files::new();
        let plain = files.open().await;
        let (old, new) = (user(1, Role::Auditor), user(2, Role::Admin));
        for person in [&old, &new] {
            plain.create_user(person).await.unwrap();
        }
        let kept = async |person: &User| -> Vec<u8> {
            let sql = "SELECT secret FROM second_factors WHERE user_id = $1";
            let query = sqlx::query_scalar(sql).bind(person.id.to_string());
            query.fetch_one(&mut files.intruder().await).await.unwrap()
        };
        plain.offer_second_factor(old.id, Secret([1; 20])).await.unwrap();
        assert_eq!((kept(&old).await, plain.wrap_second_factors().await.unwrap()), (vec![1; 20], 0));
        let keys = |newest: u8, former: &[u8]| {
            let former = former.iter().map(|n| MasterKey::new([*n; 32])).collect();
            Some(KeyRing::new(MasterKey::new([newest; 32]), former))
        };
        let store = plain.clone().with_keys(keys(1, &[]));
        store.offer_second_factor(new.id, Secret([2; 20])).await.unwrap();
        assert_eq!(store.wrap_second_factors().await.unwrap(), 1, "the one from before");
        let opens = async |store: &Store| {
            for (person, secret) in [(&old, [1; 20]), (&new, [2; 20])] {
                assert_eq!(store.second_factor(person.id).await.unwrap().unwrap().secret, Secret(secret));
                assert_eq!(kept(person).await.len(), 48);
            }
        };
        opens(&store).await;
        assert!(matches!(plain.second_factor(old.id).await, Err(StoreError::KeyMissing { .. })));
        let changed = plain.clone().with_keys(keys(2, &[1]));
        opens(&changed).await;
        assert_eq!(changed.wrap_second_factors().await.unwrap(), 2);
        opens(&plain.clone().with_keys(keys(2, &[]))).await;
        assert!(matches!(store.wrap_second_factors().await, Err(StoreError::KeyMissing { .. })));
    }

    #[tokio::test]
    async fn one_code_lets_one_of_many_in() {
        let (store, _files) = fresh().await;
        let person = user(1, Role::Auditor);
        store.create_user(&person).await.unwrap();
        store.offer_second_factor(person.id, Secret([1; 20])).await.unwrap();
        let visitors: Vec<_> = (0..10)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.spend_code(person.id, 5).await })
            })
            .collect();
        let mut let_in = 0;
        for visitor in visitors {
            let_in += usize::from(visitor.await.unwrap().unwrap());
        }
        assert_eq!(let_in, 1);
    }
}
