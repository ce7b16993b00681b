//! Executors outside: the telephone each is rung at, the code by which they are known when they call, and their calls to
//! applicants through the city. Only hashes of codes lie here; what a wrong one costs is `crate::phone_code`'s.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::call::masked::MaskedCall;
use crate::ids::{UserId, WorkOrderId};
use crate::journal::{Draft, EventType};
use crate::people::{Actor, Role};
use crate::phone_code::Wrongs;
use crate::phone_number::PhoneNumber;
use crate::time::Timestamp;

use super::row::Fields;
use super::writer::{Change, Ledger};
use super::{MAX_UNPAGED, Store, StoreError};

/// What is on record of one person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldPhone {
    pub user: UserId,
    /// Where they are rung.
    pub phone: Option<PhoneNumber>,
    /// Argon2id PHC string; none without a code.
    pub code_hash: Option<String>,
    pub wrongs: Wrongs,
}

/// What is to be different.
#[derive(Clone, Debug)]
pub enum FieldPhoneChange {
    Phone(Option<PhoneNumber>),
    /// A new code: what names the person, and the hash of the whole. Wrong ones are forgotten.
    Code {
        name: String,
        hash: String,
    },
    NoCode,
}

/// Calls of executors to the applicant of one order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BegunCalls {
    /// By anybody, since the moment asked about.
    pub count: u32,
    pub last: Option<(crate::ids::ContactId, Timestamp)>,
}

impl Store {
    pub async fn field_phones(&self) -> Result<Vec<FieldPhone>, StoreError> {
        let query = sqlx::query("SELECT * FROM field_phones ORDER BY user_id LIMIT $1").bind(MAX_UNPAGED);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    pub async fn field_phone(&self, user: UserId) -> Result<Option<FieldPhone>, StoreError> {
        let query = sqlx::query("SELECT * FROM field_phones WHERE user_id = $1").bind(user.to_string());
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    /// Whose code begins so.
    pub async fn field_phone_by_code(&self, name: &str) -> Result<Option<FieldPhone>, StoreError> {
        let query = sqlx::query("SELECT * FROM field_phones WHERE code_name = $1").bind(name);
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    /// # Errors
    /// `NotFound` for an unknown user, `Exists` when another code begins like this one.
    pub async fn change_field_phone(
        &self,
        user: UserId,
        change: FieldPhoneChange,
        entry: Draft,
    ) -> Result<FieldPhone, StoreError> {
        self.writer.make(ChangeFieldPhone { user, change, entry }).await
    }

    /// A code was typed: a right one forgives the wrong ones before it, a wrong one counts and is journalled.
    pub async fn note_code(
        &self,
        user: UserId,
        right: bool,
        at: Timestamp,
        entry: Option<Draft>,
    ) -> Result<Wrongs, StoreError> {
        self.writer.make(NoteCode { user, right, at, entry }).await
    }

    /// Calls about `order` begun at or after `since`, and the last one there was.
    pub async fn begun_calls(&self, order: WorkOrderId, since: Timestamp) -> Result<BegunCalls, StoreError> {
        let sql = "SELECT COUNT(*) AS count FROM masked_calls WHERE order_id = $1 AND at >= $2";
        let query = sqlx::query(sql).bind(order.to_string()).bind(since.micros());
        let row = self.reading(query.fetch_one(&self.readers)).await?;
        let count = Fields::of(&row, "masked calls").count("count")?;
        let sql = "SELECT * FROM masked_calls WHERE order_id = $1 ORDER BY at DESC LIMIT 1";
        let query = sqlx::query(sql).bind(order.to_string());
        let last = self.reading(query.fetch_optional(&self.readers)).await?;
        let last = last.as_ref().map(|row| {
            let fields = Fields::of(row, "masked call");
            Ok::<_, StoreError>((fields.word("contact")?, fields.moment("at")?))
        });
        Ok(BegunCalls { count, last: last.transpose()? })
    }

    /// The call has begun; it counts whatever becomes of it.
    pub async fn note_masked_call(&self, call: &MaskedCall, at: Timestamp) -> Result<(), StoreError> {
        self.writer.make(NoteMasked { call: call.clone(), at }).await
    }
}

struct ChangeFieldPhone {
    user: UserId,
    change: FieldPhoneChange,
    entry: Draft,
}

impl Change for ChangeFieldPhone {
    type Answer = FieldPhone;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<FieldPhone, StoreError> {
        let Self { user, change, entry } = self;
        let id = user.to_string();
        let connection = &mut *ledger.connection;
        let known = sqlx::query("SELECT 1 FROM users WHERE id = $1").bind(&id);
        known.fetch_optional(&mut *connection).await?.ok_or(StoreError::NotFound("user"))?;
        let new =
            sqlx::query("INSERT INTO field_phones (user_id) VALUES ($1) ON CONFLICT DO NOTHING").bind(&id);
        new.execute(&mut *connection).await?;
        let changed = match &change {
            FieldPhoneChange::Phone(phone) => {
                let sql = "UPDATE field_phones SET phone = $2 WHERE user_id = $1";
                sqlx::query(sql).bind(&id).bind(phone.as_ref().map(PhoneNumber::as_str))
            }
            FieldPhoneChange::Code { name, hash } => {
                let sql = "SELECT 1 FROM field_phones WHERE code_name = $1 AND user_id <> $2";
                let taken = sqlx::query(sql).bind(name).bind(&id).fetch_optional(&mut *connection).await?;
                if taken.is_some() {
                    return Err(StoreError::Exists("a code that begins so".to_owned()));
                }
                let sql = "UPDATE field_phones SET code_name = $2, code_hash = $3, wrong = 0, \
                           locked_until = NULL WHERE user_id = $1";
                sqlx::query(sql).bind(&id).bind(name).bind(hash)
            }
            FieldPhoneChange::NoCode => {
                let sql = "UPDATE field_phones SET code_name = NULL, code_hash = NULL, wrong = 0, \
                           locked_until = NULL WHERE user_id = $1";
                sqlx::query(sql).bind(&id)
            }
        };
        changed.execute(&mut *connection).await?;
        let phone = of_user(connection, &id).await?;
        ledger.append_all(vec![entry]).await?;
        Ok(phone)
    }
}

struct NoteCode {
    user: UserId,
    right: bool,
    at: Timestamp,
    entry: Option<Draft>,
}

impl Change for NoteCode {
    type Answer = Wrongs;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Wrongs, StoreError> {
        let id = self.user.to_string();
        let connection = &mut *ledger.connection;
        let before = of_user(connection, &id).await?.wrongs;
        let wrongs = if self.right { Wrongs::default() } else { before.one_more(self.at) };
        if wrongs != before {
            let sql = "UPDATE field_phones SET wrong = $2, locked_until = $3 WHERE user_id = $1";
            let query = sqlx::query(sql).bind(&id).bind(wrongs.in_a_row);
            query.bind(super::row::micros(wrongs.locked_until)).execute(&mut *connection).await?;
        }
        ledger.append_all(self.entry.into_iter().collect()).await?;
        Ok(wrongs)
    }
}

struct NoteMasked {
    call: MaskedCall,
    at: Timestamp,
}

impl Change for NoteMasked {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { call, at } = self;
        let sql = "INSERT INTO masked_calls (contact, order_id, case_number, user_id, at) \
                   VALUES ($1, $2, $3, $4, $5)";
        sqlx::query(sql)
            .bind(call.id.to_string())
            .bind(call.order.to_string())
            .bind(&call.case.0)
            .bind(call.by.to_string())
            .bind(at.micros())
            .execute(&mut *ledger.connection)
            .await?;
        let actor = Actor::person(Role::Executor, call.by, Some(call.organisation));
        let mut entry = Draft::new(EventType::WoContacted, at, actor);
        entry.contact = Some(call.id);
        entry.data = serde_json::json!({ "order": call.order, "call": call.id });
        entry.case = Some(call.case);
        ledger.append_all(vec![entry]).await
    }
}

async fn of_user(connection: &mut SqliteConnection, id: &str) -> Result<FieldPhone, StoreError> {
    let query = sqlx::query("SELECT * FROM field_phones WHERE user_id = $1").bind(id);
    read(&query.fetch_optional(connection).await?.ok_or(StoreError::NotFound("telephone"))?)
}

fn read(row: &SqliteRow) -> Result<FieldPhone, StoreError> {
    let fields = Fields::of(row, "field phone");
    Ok(FieldPhone {
        user: fields.word("user_id")?,
        phone: fields.optional_word("phone")?,
        code_hash: fields.plain("code_hash")?,
        wrongs: Wrongs {
            in_a_row: fields.count("wrong")?,
            locked_until: fields.optional_moment("locked_until")?,
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::phone_code::{Standing, WRONG_AT_MOST, WRONG_BEFORE_REST};
    use crate::store::fixture::{at, fresh, user};

    fn entry() -> Draft {
        Draft::new(EventType::UserChanged, at(1), Actor::system("test"))
    }

    fn code(name: &str) -> FieldPhoneChange {
        FieldPhoneChange::Code { name: name.to_owned(), hash: format!("hash of {name}") }
    }

    #[tokio::test]
    async fn a_code_is_found_by_its_name_and_belongs_to_one() {
        let (store, _files) = fresh().await;
        let (one, two) = (user(1, Role::Executor), user(2, Role::Executor));
        for user in [&one, &two] {
            store.create_user(user).await.unwrap();
        }
        let phone = PhoneNumber::from_user_part("+380501234567");
        let set = FieldPhoneChange::Phone(Some(phone.clone()));
        store.change_field_phone(one.id, set, entry()).await.unwrap();
        let kept = store.change_field_phone(one.id, code("1234"), entry()).await.unwrap();
        assert_eq!((kept.phone, kept.code_hash.as_deref()), (Some(phone), Some("hash of 1234")));
        let taken = store.change_field_phone(two.id, code("1234"), entry()).await;
        assert!(matches!(taken, Err(StoreError::Exists(_))), "{taken:?}");
        assert_eq!(store.field_phone_by_code("1234").await.unwrap().unwrap().user, one.id);
        assert!(store.field_phone_by_code("9999").await.unwrap().is_none());
        store.change_field_phone(one.id, FieldPhoneChange::NoCode, entry()).await.unwrap();
        assert!(store.field_phone_by_code("1234").await.unwrap().is_none());
        store.change_field_phone(two.id, code("1234"), entry()).await.unwrap();
        let nobody = store.change_field_phone(user(9, Role::Executor).id, code("1"), entry()).await;
        assert!(matches!(nobody, Err(StoreError::NotFound("user"))), "{nobody:?}");
    }

    #[tokio::test]
    async fn wrong_codes_are_remembered_until_a_right_one_or_a_new_one() {
        let (store, _files) = fresh().await;
        let one = user(1, Role::Executor);
        store.create_user(&one).await.unwrap();
        store.change_field_phone(one.id, code("1234"), entry()).await.unwrap();
        for n in 1..WRONG_BEFORE_REST {
            let wrongs = store.note_code(one.id, false, at(2), Some(entry())).await.unwrap();
            assert_eq!((wrongs.in_a_row, wrongs.standing(at(3))), (n, Standing::Usable));
        }
        assert_eq!(store.note_code(one.id, true, at(3), None).await.unwrap(), Wrongs::default());
        for _ in 0..WRONG_AT_MOST {
            store.note_code(one.id, false, at(4), Some(entry())).await.unwrap();
        }
        let kept = store.field_phone(one.id).await.unwrap().unwrap();
        assert_eq!(kept.wrongs.standing(at(1_000_000)), Standing::Void);
        let renewed = store.change_field_phone(one.id, code("5678"), entry()).await.unwrap();
        assert_eq!(renewed.wrongs, Wrongs::default());
    }
}
