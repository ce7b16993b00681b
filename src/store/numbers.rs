//! Telephone numbers in the journal: an entry is for ever and a number may have to be erased, so `contact.offered` tells a
//! digest over the number and a salt that lies beside it. Who has both proves that they belong together; without the salt
//! nobody finds the number again, however few there are.

use serde_json::{Value, json};
use sqlx::SqliteConnection;

use crate::digest::Sha256;
use crate::ids::ContactId;
use crate::journal::{Draft, EventType};

use super::StoreError;

/// Up to so many characters it is the city's own short number, or an extension.
const SHORT: usize = 6;
/// Bytes.
pub(super) const SALT_LEN: usize = 16;

pub(super) type Salt = [u8; SALT_LEN];

/// What the entry tells of a number.
pub(super) fn digest(salt: &[u8], number: &str) -> Sha256 {
    Sha256::of(&[salt, number.as_bytes()].concat())
}

/// The key under which the digest of `key`'s number stands.
pub(super) fn digest_key(key: &str) -> String {
    format!("{key}_digest")
}

/// Puts digests in the places of the numbers of an offered call; the salt, where there was one to hide.
pub(super) fn seal(draft: &mut Draft, salt: impl FnOnce() -> Salt) -> Option<(ContactId, Salt)> {
    let contact = draft.contact.filter(|_| draft.event == EventType::ContactOffered)?;
    let data = draft.data.as_object_mut()?;
    let is_long = |value: &Value| value.as_str().is_some_and(|number| number.chars().count() > SHORT);
    let keys: Vec<&str> =
        ["caller", "called"].into_iter().filter(|key| data.get(*key).is_some_and(is_long)).collect();
    if keys.is_empty() {
        return None;
    }
    let salt = salt();
    for key in keys {
        let Some(Value::String(number)) = data.remove(key) else { continue };
        data.insert(digest_key(key), json!(digest(&salt, &number).to_string()));
    }
    Some((contact, salt))
}

pub(super) async fn keep(
    connection: &mut SqliteConnection,
    salts: &[(ContactId, Salt)],
) -> Result<(), StoreError> {
    for (contact, salt) in salts {
        let sql = "INSERT INTO caller_salts (contact, salt) VALUES ($1, $2) \
                   ON CONFLICT (contact) DO UPDATE SET salt = excluded.salt";
        sqlx::query(sql).bind(contact.to_string()).bind(&salt[..]).execute(&mut *connection).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::store::fixture::{entry, fresh, offered};

    #[tokio::test]
    async fn an_entry_tells_no_long_number_and_the_same_number_looks_different_each_time() {
        let (store, _files) = fresh().await;
        for n in 1..=2 {
            let mut batch = offered(n);
            batch.entries[0].data = json!({ "caller": "+380501112233", "called": "1580", "origin": "city" });
            store.commit(batch).await.unwrap();
        }
        let entries = store.entries_after(0, 10).await.unwrap();
        let told: Vec<_> = entries.iter().map(|entry| entry.data.clone()).collect();
        assert!(told.iter().all(|data| data["caller"].is_null() && data["called"] == "1580"), "{told:?}");
        assert!(told[0]["caller_digest"].is_string() && told[0]["caller_digest"] != told[1]["caller_digest"]);
    }

    #[test]
    fn only_offers_with_long_numbers_are_sealed() {
        for (event, caller) in
            [(EventType::ContactEnded, "+380501112233"), (EventType::ContactOffered, "201")]
        {
            let mut draft = entry(event, 1, 1);
            draft.data = json!({ "caller": caller });
            let before = draft.clone();
            assert_eq!(seal(&mut draft, || [7; SALT_LEN]), None);
            assert_eq!(draft, before);
        }
    }
}
