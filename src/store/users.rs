//! People who sign in, and the secrets of operators' phones. Passwords are checked in `web/`; here lie only hashes.
//! Their sessions are `sessions.rs`.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::ids::UserId;
use crate::journal::Draft;
use crate::language::Language;
use crate::people::Role;
use crate::sip::digest_auth::Ha1;

use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{MAX_UNPAGED, SipAccount, Store, StoreError, User};

impl Store {
    /// Fails with `Exists` when the name or the extension is taken.
    pub async fn create_user(&self, user: &User) -> Result<(), StoreError> {
        self.writer.make(CreateUser { user: user.clone(), entry: None }).await
    }

    /// The same, and journals who did it.
    pub async fn add_user(&self, user: &User, entry: Draft) -> Result<(), StoreError> {
        self.writer.make(CreateUser { user: user.clone(), entry: Some(entry) }).await
    }

    /// Changes a user and journals it in one transaction. Sessions of somebody who is blocked or has a new password
    /// end.
    ///
    /// # Errors
    /// `NotFound`, `Exists` for an extension that is taken, `LastAdmin` when nobody would be left who may do this.
    pub async fn change_user(
        &self,
        id: UserId,
        change: UserChange,
        entry: Draft,
    ) -> Result<User, StoreError> {
        self.writer.make(ChangeUser { id, change, entry }).await
    }

    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let query = sqlx::query("SELECT * FROM users WHERE id = $1").bind(id.to_string());
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    pub async fn user_by_name(&self, name: &str) -> Result<Option<User>, StoreError> {
        let query = sqlx::query("SELECT * FROM users WHERE name = $1").bind(name);
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    /// By name, at most 10,000.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        let query = sqlx::query("SELECT * FROM users ORDER BY name LIMIT $1").bind(MAX_UNPAGED);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }
}

/// What is to be different about a user; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    pub password_hash: Option<String>,
    pub disabled: Option<bool>,
    pub languages: Option<Vec<Language>>,
    pub queues: Option<Vec<String>>,
    pub skills: Option<BTreeMap<String, u8>>,
    pub posts: Option<Vec<String>>,
    pub clearances: Option<Vec<String>>,
    pub sip: Option<SipAccount>,
}

impl UserChange {
    /// Who was signed in so far must sign in again.
    fn ends_sessions(&self) -> bool {
        self.password_hash.is_some() || self.disabled == Some(true)
    }

    fn apply(self, user: &mut User) {
        let Self { password_hash, disabled, languages, queues, skills, posts, clearances, sip } = self;
        user.password_hash = password_hash.unwrap_or_else(|| user.password_hash.clone());
        user.disabled = disabled.unwrap_or(user.disabled);
        user.languages = languages.unwrap_or_else(|| user.languages.clone());
        user.queues = queues.unwrap_or_else(|| user.queues.clone());
        user.skills = skills.unwrap_or_else(|| user.skills.clone());
        user.posts = posts.unwrap_or_else(|| user.posts.clone());
        user.clearances = clearances.unwrap_or_else(|| user.clearances.clone());
        user.sip = sip.or_else(|| user.sip.clone());
    }
}

struct ChangeUser {
    id: UserId,
    change: UserChange,
    entry: Draft,
}

impl Change for ChangeUser {
    type Answer = User;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<User, StoreError> {
        let Self { id, change, entry } = self;
        let connection = &mut *ledger.connection;
        let mut user = by_id(connection, id).await?.ok_or(StoreError::NotFound("user"))?;
        let ends_sessions = change.ends_sessions();
        change.apply(&mut user);
        if user.disabled && user.role == Role::Admin && !another_admin(connection, id).await? {
            return Err(StoreError::LastAdmin);
        }
        if let Some(account) = &user.sip
            && extension_taken(connection, &account.extension, id).await?
        {
            return Err(StoreError::Exists(format!("extension {}", account.extension)));
        }
        save(connection, &user).await?;
        if ends_sessions {
            let gone = sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(id.to_string());
            gone.execute(&mut *connection).await?;
        }
        ledger.append_all(vec![entry]).await?;
        Ok(user)
    }
}

async fn another_admin(connection: &mut SqliteConnection, than: UserId) -> sqlx::Result<bool> {
    let sql = "SELECT 1 FROM users WHERE role = $1 AND disabled = 0 AND id <> $2 LIMIT 1";
    let query = sqlx::query(sql).bind(Role::Admin.name()).bind(than.to_string());
    Ok(query.fetch_optional(connection).await?.is_some())
}

async fn extension_taken(
    connection: &mut SqliteConnection,
    extension: &str,
    not_by: UserId,
) -> sqlx::Result<bool> {
    let sql = "SELECT 1 FROM users WHERE sip_extension = $1 AND id <> $2";
    let query = sqlx::query(sql).bind(extension).bind(not_by.to_string());
    Ok(query.fetch_optional(connection).await?.is_some())
}

pub(super) async fn by_id(connection: &mut SqliteConnection, id: UserId) -> Result<Option<User>, StoreError> {
    let query = sqlx::query("SELECT * FROM users WHERE id = $1").bind(id.to_string());
    query.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

pub(super) async fn save(connection: &mut SqliteConnection, user: &User) -> Result<(), StoreError> {
    let sql = "UPDATE users SET password_hash = $2, disabled = $3, languages = $4, queues = $5, skills = $6, \
               sip_extension = $7, ha1_md5 = $8, ha1_sha256 = $9, posts = $10, clearances = $11 WHERE id = $1";
    sqlx::query(sql)
        .bind(user.id.to_string())
        .bind(&user.password_hash)
        .bind(i64::from(user.disabled))
        .bind(row::json(&user.languages)?)
        .bind(row::json(&user.queues)?)
        .bind(row::json(&user.skills)?)
        .bind(user.sip.as_ref().map(|account| account.extension.as_str()))
        .bind(user.sip.as_ref().map(|account| hex(&account.ha1.md5)))
        .bind(user.sip.as_ref().map(|account| hex(&account.ha1.sha256)))
        .bind(row::json(&user.posts)?)
        .bind(row::json(&user.clearances)?)
        .execute(connection)
        .await?;
    Ok(())
}

struct CreateUser {
    user: User,
    entry: Option<Draft>,
}

impl Change for CreateUser {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { user, entry } = self;
        refuse_taken(ledger.connection, &user).await?;
        let sql = "INSERT INTO users (id, name, role, password_hash, organisation, languages, queues, \
                   skills, sip_extension, ha1_md5, ha1_sha256, disabled, posts, clearances) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
        sqlx::query(sql)
            .bind(user.id.to_string())
            .bind(&user.name)
            .bind(user.role.name())
            .bind(&user.password_hash)
            .bind(&user.organisation)
            .bind(row::json(&user.languages)?)
            .bind(row::json(&user.queues)?)
            .bind(row::json(&user.skills)?)
            .bind(user.sip.as_ref().map(|account| account.extension.as_str()))
            .bind(user.sip.as_ref().map(|account| hex(&account.ha1.md5)))
            .bind(user.sip.as_ref().map(|account| hex(&account.ha1.sha256)))
            .bind(i64::from(user.disabled))
            .bind(row::json(&user.posts)?)
            .bind(row::json(&user.clearances)?)
            .execute(&mut *ledger.connection)
            .await?;
        ledger.append_all(entry.into_iter().collect()).await
    }
}

/// Names what is taken, which the violated constraint would not.
async fn refuse_taken(connection: &mut SqliteConnection, user: &User) -> Result<(), StoreError> {
    let extension = user.sip.as_ref().map(|account| account.extension.as_str());
    let sql = "SELECT id, name FROM users WHERE id = $1 OR name = $2 OR sip_extension = $3 LIMIT 1";
    let taken: Option<(String, String)> = sqlx::query_as(sql)
        .bind(user.id.to_string())
        .bind(&user.name)
        .bind(extension)
        .fetch_optional(connection)
        .await?;
    match taken {
        None => Ok(()),
        Some((_, name)) if name == user.name => Err(StoreError::Exists(format!("user {name}"))),
        Some((id, _)) if id == user.id.to_string() => Err(StoreError::Exists(format!("user {id}"))),
        Some(_) => Err(StoreError::Exists(format!("extension {}", extension.unwrap_or_default()))),
    }
}

pub(super) fn read(row: &SqliteRow) -> Result<User, StoreError> {
    let fields = Fields::of(row, "user");
    let sip = match fields.plain::<Option<String>>("sip_extension")? {
        Some(extension) => {
            let ha1 = Ha1 { md5: secret(&fields, "ha1_md5")?, sha256: secret(&fields, "ha1_sha256")? };
            Some(SipAccount { extension, ha1 })
        }
        None => None,
    };
    Ok(User {
        id: fields.word("id")?,
        name: fields.plain("name")?,
        role: fields.word("role")?,
        password_hash: fields.plain("password_hash")?,
        organisation: fields.plain("organisation")?,
        languages: fields.json("languages")?,
        queues: fields.json("queues")?,
        skills: fields.json("skills")?,
        posts: fields.json("posts")?,
        clearances: fields.json("clearances")?,
        second_factor: fields.flag("second_factor")?,
        sip,
        disabled: fields.flag("disabled")?,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `N` bytes from hexadecimal digits; the text stays out of the error.
fn secret<const N: usize>(fields: &Fields<'_>, column: &'static str) -> Result<[u8; N], StoreError> {
    let text: String = fields.plain(column)?;
    let unreadable = || StoreError::Corrupt { what: "user", detail: format!("column {column}") };
    if text.len() != 2 * N || !text.is_ascii() {
        return Err(unreadable());
    }
    let mut bytes = [0; N];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| unreadable())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::journal::EventType;
    use crate::people::Actor;
    use crate::store::fixture::{at, fresh, user};

    fn with_phone(n: u32, extension: &str) -> User {
        let ha1 = Ha1 { md5: [0xA5; 16], sha256: [n as u8; 32] };
        User { sip: Some(SipAccount { extension: extension.to_owned(), ha1 }), ..user(n, Role::Operator) }
    }

    #[tokio::test]
    async fn a_user_is_read_back_as_it_was_written() {
        let (store, _files) = fresh().await;
        let executor = User { organisation: Some("vodokanal".to_owned()), ..user(2, Role::Executor) };
        for user in [&with_phone(1, "101"), &executor] {
            store.create_user(user).await.unwrap();
            assert_eq!(store.user(user.id).await.unwrap().as_ref(), Some(user));
            assert_eq!(store.user_by_name(&user.name).await.unwrap().as_ref(), Some(user));
        }
        let names: Vec<_> = store.users().await.unwrap().into_iter().map(|user| user.name).collect();
        assert_eq!(names, ["user1", "user2"]);
        assert!(store.user(user(3, Role::Admin).id).await.unwrap().is_none());
        assert!(store.user_by_name("user3").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn names_and_extensions_are_taken_once() {
        let (store, _files) = fresh().await;
        store.create_user(&with_phone(1, "101")).await.unwrap();
        let same_name = User { name: "user1".to_owned(), ..user(2, Role::Admin) };
        let same_id = User { id: user(1, Role::Admin).id, ..user(3, Role::Admin) };
        for (taken, complaint) in [
            (same_name, "user user1 already exists"),
            (same_id, "already exists"),
            (with_phone(4, "101"), "extension 101 already exists"),
        ] {
            let refused = store.create_user(&taken).await.unwrap_err();
            assert!(matches!(refused, StoreError::Exists(_)), "{refused:?}");
            assert!(refused.to_string().contains(complaint), "{refused}");
        }
        assert_eq!(store.users().await.unwrap().len(), 1);
    }

    fn entry() -> Draft {
        Draft::new(EventType::UserChanged, at(1), Actor::system("test"))
    }

    #[tokio::test]
    async fn a_change_leaves_the_rest_and_is_journalled() {
        let (store, _files) = fresh().await;
        let before = with_phone(1, "101");
        store.create_user(&before).await.unwrap();
        let change =
            UserChange { languages: Some(vec![Language::He, Language::En]), ..UserChange::default() };
        let changed = store.change_user(before.id, change, entry()).await.unwrap();
        assert_eq!(changed, User { languages: vec![Language::He, Language::En], ..before.clone() });
        assert_eq!(store.user(before.id).await.unwrap(), Some(changed));
        let entries = store.entries_after(0, 10).await.unwrap();
        assert_eq!(entries.iter().map(|entry| entry.event.as_str()).collect::<Vec<_>>(), ["user.changed"]);
        let nobody = store.change_user(user(9, Role::Admin).id, UserChange::default(), entry()).await;
        assert!(matches!(nobody, Err(StoreError::NotFound("user"))), "{nobody:?}");
    }

    #[tokio::test]
    async fn a_blocked_person_and_one_with_a_new_password_are_signed_out() {
        let (store, _files) = fresh().await;
        let sessions = [
            (UserChange { disabled: Some(true), ..UserChange::default() }, false),
            (UserChange { password_hash: Some("x".to_owned()), ..UserChange::default() }, false),
            (UserChange { queues: Some(Vec::new()), ..UserChange::default() }, true),
        ];
        for (n, (change, stays)) in sessions.into_iter().enumerate() {
            let person = user(u32::try_from(n).unwrap() + 1, Role::Operator);
            store.create_user(&person).await.unwrap();
            let token = format!("token-{n}");
            store.create_session(&token, person.id, at(1000), false).await.unwrap();
            store.change_user(person.id, change, entry()).await.unwrap();
            assert_eq!(store.session_user(&token, at(2)).await.unwrap().is_some(), stays, "{n}");
        }
    }

    #[tokio::test]
    async fn the_last_administrator_cannot_be_blocked() {
        let (store, _files) = fresh().await;
        let block = UserChange { disabled: Some(true), ..UserChange::default() };
        for n in 1..=2 {
            store.create_user(&user(n, Role::Admin)).await.unwrap();
        }
        store.change_user(user(1, Role::Admin).id, block.clone(), entry()).await.unwrap();
        let refused = store.change_user(user(2, Role::Admin).id, block, entry()).await;
        assert!(matches!(refused, Err(StoreError::LastAdmin)), "{refused:?}");
        assert!(!store.user(user(2, Role::Admin).id).await.unwrap().unwrap().disabled);
        assert_eq!(store.entries_after(0, 10).await.unwrap().len(), 1, "what is refused is not journalled");
    }

    #[tokio::test]
    async fn an_extension_is_not_taken_from_another() {
        let (store, _files) = fresh().await;
        for n in 1..=2 {
            store.create_user(&with_phone(n, &format!("10{n}"))).await.unwrap();
        }
        let wants =
            |extension: &str| UserChange { sip: with_phone(1, extension).sip, ..UserChange::default() };
        let refused = store.change_user(user(1, Role::Operator).id, wants("102"), entry()).await;
        assert!(matches!(refused, Err(StoreError::Exists(_))), "{refused:?}");
        store.change_user(user(1, Role::Operator).id, wants("101"), entry()).await.unwrap();
    }
}
