//! Content keys as they lie in the database: wrapped by a master key, made when something is first encrypted, wrapped anew
//! after a change of the master key, destroyed for good. What they encrypt is for others; the cryptography is `content_key/`.

use rand::RngExt as _;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::content_key::{ContentKey, KEY_LEN, KeyRing, NONCE_LEN, Wrapped};
use crate::journal::Draft;
use crate::time::Timestamp;

use super::holds::Subject;
use super::row::Fields;
use super::writer::{Change, Ledger};
use super::{Store, StoreError};

/// Keys wrapped anew in one transaction: some milliseconds for those who wait behind it.
const REWRAPPED_AT_ONCE: u32 = 200;

/// The name of its key in the row, authenticated with the wrapped key. A call's is for its sound: it may be about two cases,
/// and get its case late. A case's is for what applicants sent.
fn name(of: &Subject) -> String {
    match of {
        Subject::Call(id) => format!("call:{id}"),
        Subject::Case(number) => format!("case:{number}"),
    }
}

impl Store {
    /// True when what is written is encrypted.
    pub fn encrypts(&self) -> bool {
        self.keys.is_some()
    }

    /// The key of `of`; none where nothing of it was ever encrypted.
    ///
    /// # Errors
    /// `Erased` when the key was destroyed, `KeyMissing` when it was wrapped by a master key that is not there, `Corrupt` when
    /// it does not open.
    pub async fn content_key(&self, of: &Subject) -> Result<Option<ContentKey>, StoreError> {
        let sql = "SELECT master, wrapped, destroyed_at FROM content_keys WHERE subject = $1";
        let query = sqlx::query(sql).bind(name(of));
        match self.reading(query.fetch_optional(&self.readers)).await? {
            Some(row) => open(self.keys.as_ref(), of, &row).map(Some),
            None => Ok(None),
        }
    }

    /// The key of `of`, made at `at` where there is none.
    ///
    /// # Errors
    /// As [`Self::content_key`]; `KeyMissing` also in a store without master keys.
    pub async fn content_key_for(&self, of: Subject, at: Timestamp) -> Result<ContentKey, StoreError> {
        if let Some(key) = self.content_key(&of).await? {
            return Ok(key);
        }
        let keys = self.keys.clone().ok_or_else(no_key)?;
        self.writer.make(Make { of, keys, at }).await
    }

    /// Destroys the key of `of`, for good, with the entry that tells why: from then on [`Self::content_key`] answers `Erased`,
    /// whether there was one or not. Whoever has a transaction of their own calls [`destroy`].
    pub async fn destroy_content_key(&self, of: Subject, entry: Draft) -> Result<(), StoreError> {
        self.writer.make(Destroy { of, entry }).await
    }

    /// Wraps all that other master keys wrapped with the newest one; `told` hears how many so far. Stopped anywhere, the next
    /// run goes on; beside a working service, which has to know the newest key by then. How many.
    ///
    /// # Errors
    /// As [`Self::content_key`], naming the first that cannot be opened; what comes before it is done.
    pub async fn rewrap_content_keys(&self, told: &mut (dyn FnMut(u64) + Send)) -> Result<u64, StoreError> {
        let keys = self.keys.clone().ok_or_else(no_key)?;
        let sql = "SELECT subject, master, wrapped FROM content_keys \
                   WHERE destroyed_at IS NULL AND master <> $1 AND subject > $2 ORDER BY subject LIMIT $3";
        let (mut done, mut after) = (0, String::new());
        loop {
            let query = sqlx::query(sql).bind(keys.newest().id()).bind(&after).bind(REWRAPPED_AT_ONCE);
            let rows = self.reading(query.fetch_all(&self.readers)).await?;
            let mut anew = Vec::with_capacity(rows.len());
            for row in &rows {
                let fields = Fields::of(row, "content key");
                let subject: String = fields.plain("subject")?;
                let old = Wrapped { master: fields.plain("master")?, sealed: fields.plain("wrapped")? };
                let new = keys.wrap(&unwrap(Some(&keys), &subject, &old)?, &subject, rand::rng().random());
                after.clone_from(&subject);
                anew.push((subject, old, new));
            }
            if anew.is_empty() {
                return Ok(done);
            }
            done += self.writer.make(Rewrap(anew)).await?;
            told(done);
        }
    }
}

/// What [`StoreError::KeyMissing`] says where there is no master key at all.
fn no_key() -> StoreError {
    StoreError::KeyMissing { master: "(none)".to_owned() }
}

fn open(keys: Option<&KeyRing>, of: &Subject, row: &SqliteRow) -> Result<ContentKey, StoreError> {
    let fields = Fields::of(row, "content key");
    if fields.plain::<Option<i64>>("destroyed_at")?.is_some() {
        return Err(StoreError::Erased);
    }
    let wrapped = Wrapped { master: fields.plain("master")?, sealed: fields.plain("wrapped")? };
    let of = name(of);
    let octets: Result<[u8; KEY_LEN], _> = unwrap(keys, &of, &wrapped)?.try_into();
    octets
        .map(ContentKey::new)
        .map_err(|_| StoreError::Corrupt { what: "content key", detail: format!("{of}: its length") })
}

/// What was wrapped for `of`.
pub(super) fn unwrap(keys: Option<&KeyRing>, of: &str, wrapped: &Wrapped) -> Result<Vec<u8>, StoreError> {
    let opened = keys.and_then(|keys| keys.unwrap(wrapped, of));
    let missing = || StoreError::KeyMissing { master: wrapped.master.clone() };
    opened
        .ok_or_else(missing)?
        .map_err(|error| StoreError::Corrupt { what: "content key", detail: format!("{of}: {error}") })
}

/// Overwrites the key of `of` in the transaction of `connection`. A row stays, also where there was none: nothing is
/// encrypted for `of` any more. Its old pages go when the log is written back, with `secure_delete` also from the file.
pub(super) async fn destroy(
    connection: &mut SqliteConnection,
    of: &Subject,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO content_keys (subject, master, wrapped, made_at, destroyed_at) \
               VALUES ($1, '', zeroblob(60), $2, $2) ON CONFLICT (subject) DO UPDATE \
               SET master = '', wrapped = zeroblob(60), destroyed_at = excluded.destroyed_at \
               WHERE destroyed_at IS NULL";
    sqlx::query(sql).bind(name(of)).bind(at.micros()).execute(connection).await?;
    Ok(())
}

struct Make {
    of: Subject,
    keys: KeyRing,
    at: Timestamp,
}

impl Change for Make {
    type Answer = ContentKey;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<ContentKey, StoreError> {
        let Self { of, keys, at } = self;
        for_writing(ledger.connection, &keys, &of, at).await
    }
}

/// The key of `of`, made where there is none, in the transaction of `connection`.
pub(super) async fn for_writing(
    connection: &mut SqliteConnection,
    keys: &KeyRing,
    of: &Subject,
    at: Timestamp,
) -> Result<ContentKey, StoreError> {
    let sql = "SELECT master, wrapped, destroyed_at FROM content_keys WHERE subject = $1";
    let query = sqlx::query(sql).bind(name(of));
    if let Some(row) = query.fetch_optional(&mut *connection).await? {
        return open(Some(keys), of, &row);
    }
    let (octets, nonce): ([u8; KEY_LEN], [u8; NONCE_LEN]) = (rand::rng().random(), rand::rng().random());
    let key = ContentKey::new(octets);
    let wrapped = keys.wrap_content_key(&key, &name(of), nonce);
    let sql = "INSERT INTO content_keys (subject, master, wrapped, made_at) VALUES ($1, $2, $3, $4)";
    sqlx::query(sql)
        .bind(name(of))
        .bind(wrapped.master)
        .bind(wrapped.sealed)
        .bind(at.micros())
        .execute(connection)
        .await?;
    Ok(key)
}

struct Destroy {
    of: Subject,
    entry: Draft,
}

impl Change for Destroy {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        destroy(ledger.connection, &self.of, self.entry.at).await?;
        ledger.append_all(vec![self.entry]).await
    }
}

/// Subject, as it was, as it is to be.
struct Rewrap(Vec<(String, Wrapped, Wrapped)>);

impl Change for Rewrap {
    type Answer = u64;
    const IS_LONG: bool = true;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<u64, StoreError> {
        let mut done = 0;
        for (subject, old, new) in self.0 {
            // One that was destroyed meanwhile stays so.
            let sql = "UPDATE content_keys SET master = $3, wrapped = $4 WHERE subject = $1 AND wrapped = $2";
            let update = sqlx::query(sql).bind(subject).bind(old.sealed).bind(new.master).bind(new.sealed);
            done += update.execute(&mut *ledger.connection).await?.rows_affected();
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::content_key::MasterKey;
    use crate::journal::EventType;
    use crate::people::Actor;
    use crate::store::fixture::{Files, at, contact_id, fresh};

    fn master(n: u8) -> MasterKey {
        MasterKey::new([n; KEY_LEN])
    }

    fn ring(newest: u8, former: &[u8]) -> Option<KeyRing> {
        Some(KeyRing::new(master(newest), former.iter().map(|n| master(*n)).collect()))
    }

    fn call(n: u32) -> Subject {
        Subject::Call(contact_id(n))
    }

    #[tokio::test]
    async fn each_subject_has_one_key_of_its_own() {
        let (store, _files) = fresh().await;
        assert!(matches!(store.content_key_for(call(1), at(1)).await, Err(StoreError::KeyMissing { .. })));
        let store = store.with_keys(ring(1, &[]));
        assert_eq!(store.content_key(&call(1)).await.unwrap(), None);
        let asking: Vec<_> = (0..10)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.content_key_for(call(1), at(1)).await.unwrap() })
            })
            .collect();
        let made = store.content_key_for(call(1), at(1)).await.unwrap();
        for asked in asking {
            assert_eq!(asked.await.unwrap(), made, "who come together get the same");
        }
        assert_eq!(store.content_key(&call(1)).await.unwrap(), Some(made.clone()));
        assert_ne!(store.content_key_for(call(2), at(1)).await.unwrap(), made);
    }

    #[tokio::test]
    async fn a_key_opens_for_its_master_and_subject_alone() {
        let files = Files::new();
        let store = files.open().await.with_keys(ring(1, &[]));
        let key = store.content_key_for(call(1), at(1)).await.unwrap();
        let missing = store.clone().with_keys(None).content_key(&call(1)).await;
        let Err(StoreError::KeyMissing { master: named }) = missing else { panic!("{missing:?}") };
        assert_eq!(named, master(1).id());
        let newer = store.clone().with_keys(ring(2, &[1]));
        assert_eq!(newer.content_key(&call(1)).await.unwrap(), Some(key));
        let moved = "UPDATE content_keys SET subject = $1";
        let intruder = &mut files.intruder().await;
        sqlx::query(moved).bind(name(&call(2))).execute(intruder).await.unwrap();
        assert!(matches!(store.content_key(&call(2)).await, Err(StoreError::Corrupt { .. })));
    }

    #[tokio::test]
    async fn all_are_wrapped_anew_and_the_former_master_key_can_go() {
        let (store, _files) = fresh().await;
        let old = store.with_keys(ring(1, &[]));
        let many = REWRAPPED_AT_ONCE + 10;
        let mut keys = Vec::new();
        for n in 1..=many {
            keys.push(old.content_key_for(call(n), at(1)).await.unwrap());
        }
        let entry = Draft::new(EventType::AccessViewed, at(2), Actor::system("test"));
        old.destroy_content_key(call(1), entry).await.unwrap();
        let both = old.clone().with_keys(ring(2, &[1]));
        let mut told = Vec::new();
        let done = both.rewrap_content_keys(&mut |done| told.push(done)).await.unwrap();
        assert_eq!((done, told), (u64::from(many) - 1, vec![200, u64::from(many) - 1]));
        assert_eq!(both.rewrap_content_keys(&mut |_| {}).await.unwrap(), 0);
        let new = old.clone().with_keys(ring(2, &[]));
        for n in 2..=many {
            assert_eq!(new.content_key(&call(n)).await.unwrap().as_ref(), keys.get(n as usize - 1));
        }
        assert!(matches!(old.content_key(&call(2)).await, Err(StoreError::KeyMissing { .. })));
    }

    #[tokio::test]
    async fn a_destroyed_key_is_gone_from_its_row_and_none_is_made_again() {
        let files = Files::new();
        let store = files.open().await.with_keys(ring(1, &[]));
        store.content_key_for(call(1), at(1)).await.unwrap();
        let wrapped = async || -> Vec<u8> {
            let sql = "SELECT wrapped FROM content_keys ORDER BY subject LIMIT 1";
            sqlx::query_scalar(sql).fetch_one(&mut files.intruder().await).await.unwrap()
        };
        assert_ne!(wrapped().await, vec![0; 60]);
        for n in [1, 2] {
            let entry = Draft::new(EventType::AccessViewed, at(2), Actor::system("test"));
            store.destroy_content_key(call(n), entry).await.unwrap();
            assert!(matches!(store.content_key(&call(n)).await, Err(StoreError::Erased)));
            assert!(matches!(store.content_key_for(call(n), at(3)).await, Err(StoreError::Erased)));
        }
        assert_eq!(wrapped().await, vec![0; 60]);
        assert_eq!(store.entries_after(0, 10).await.unwrap().len(), 2, "told in the same transaction");
    }
}
