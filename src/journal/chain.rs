//! The hash chain: each entry's hash covers its canonical bytes (RFC 8785) and the hash before it.
//! Checking a sequence of entries is `verify`; keeping them is `store/`.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::case::CaseNumber;
use crate::digest::Sha256;
use crate::ids::{ContactId, EntryId};
use crate::people::Actor;
use crate::time::Timestamp;

use super::canonical::{NotCanonical, canonical, storable};
use super::event::{Draft, MediaPosition};

/// The end of the chain: what the next entry builds on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Head {
    /// Sequence number of the last entry; 0 before the first.
    pub seq: u64,
    pub hash: Sha256,
}

/// A journal entry as stored.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub seq: u64,
    pub id: EntryId,
    #[serde(rename = "type")]
    pub event: String,
    pub v: u16,
    pub at: Timestamp,
    pub actor: Actor,
    pub contact: Option<ContactId>,
    pub case: Option<CaseNumber>,
    pub media: Option<MediaPosition>,
    pub reason: Option<String>,
    pub data: serde_json::Value,
    pub prev: Sha256,
    pub hash: Sha256,
}

/// Version of the entry's form; a change of its fields raises it.
const ENTRY_VERSION: u16 = 1;

impl Head {
    /// Gives `draft` its number, id and hash and moves the head. Data without a canonical form is kept as text
    /// ([`storable`]), so that no fact is ever refused.
    pub fn append(&mut self, draft: Draft, id: EntryId) -> Entry {
        let mut entry = Entry {
            seq: self.seq + 1,
            id,
            event: draft.event.name().to_owned(),
            v: ENTRY_VERSION,
            at: draft.at,
            actor: draft.actor,
            contact: draft.contact,
            case: draft.case,
            media: draft.media,
            reason: draft.reason,
            data: storable(draft.data),
            prev: self.hash,
            hash: Sha256::default(),
        };
        entry.hash =
            entry.digest().expect("storable data has a canonical form, and so have all other fields");
        *self = entry.head();
        entry
    }
}

impl Entry {
    /// True when the hash is that of the entry's canonical bytes and `prev` that of `before`.
    pub fn follows(&self, before: &Head) -> bool {
        self.seq == before.seq + 1 && self.prev == before.hash && self.digest() == Ok(self.hash)
    }

    /// What the next entry builds on.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    /// SHA-256 of [`Self::canonical`].
    pub fn digest(&self) -> Result<Sha256, NotCanonical> {
        Ok(Sha256::of(self.canonical()?.as_bytes()))
    }

    /// Every field but `hash` in canonical JSON (RFC 8785); `prev` is among them, and so the whole past.
    pub fn canonical(&self) -> Result<String, NotCanonical> {
        let fields = json!({
            "seq": self.seq,
            "id": self.id,
            "type": self.event,
            "v": self.v,
            "at": self.at,
            "actor": self.actor,
            "contact": self.contact,
            "case": self.case,
            "media": self.media,
            "reason": self.reason,
            "data": self.data,
            "prev": self.prev,
        });
        canonical(&fields)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use uuid::Uuid;

    use super::*;
    use crate::journal::EventType;

    fn draft() -> Draft {
        Draft::new(
            EventType::ConfigChanged,
            Timestamp::from_micros(1_790_000_000_000_000),
            Actor::system("test"),
        )
    }

    #[test]
    fn the_hash_covers_exactly_the_documented_bytes() {
        let mut head = Head::default();
        let id = EntryId(Uuid::nil());
        let entry = head.append(draft(), id);
        let bytes = concat!(
            r#"{"actor":{"id":"test","kind":"system"},"at":1790000000000000,"case":null,"contact":null,"data":{},"#,
            r#""id":"00000000-0000-0000-0000-000000000000","media":null,"#,
            r#""prev":"0000000000000000000000000000000000000000000000000000000000000000","#,
            r#""reason":null,"seq":1,"type":"config.changed","v":1}"#
        );
        assert_eq!(entry.hash, Sha256::of(bytes.as_bytes()));
        assert_eq!(head, entry.head());
    }

    #[test]
    fn an_entry_read_back_from_json_has_the_same_hash() {
        let mut head = Head::default();
        let mut draft = draft();
        draft.data = json!({"half": 0.5, "text": "так\n", "n": 3});
        let entry = head.append(draft, EntryId(Uuid::from_u128(7)));
        let read: Entry = serde_json::from_str(&serde_json::to_string(&entry).unwrap()).unwrap();
        assert_eq!(read, entry);
        assert!(read.follows(&Head::default()));
        assert!(!read.follows(&head));
    }
}
