//! People who sign in, and the secrets of operators' phones. Passwords are checked in `web/`; here lie only hashes.
//! Their sessions are `sessions.rs`.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::ids::UserId;
use crate::sip::digest_auth::Ha1;

use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{MAX_UNPAGED, SipAccount, Store, StoreError, User};

impl Store {
    /// Fails with `Exists` when the name or the extension is taken.
    pub async fn create_user(&self, user: &User) -> Result<(), StoreError> {
        self.writer.make(CreateUser(user.clone())).await
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

struct CreateUser(User);

impl Change for CreateUser {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self(user) = self;
        refuse_taken(ledger.connection, &user).await?;
        let sql = "INSERT INTO users (id, name, role, password_hash, organisation, languages, queues, \
                   skills, sip_extension, ha1_md5, ha1_sha256, disabled) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
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
            .execute(&mut *ledger.connection)
            .await?;
        Ok(())
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
    use crate::people::Role;
    use crate::store::fixture::{fresh, user};

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
}
