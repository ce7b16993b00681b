//! The hash chain: each entry's hash covers its canonical bytes (RFC 8785) and the hash before it.

use serde::{Deserialize, Serialize};

use crate::case::CaseNumber;
use crate::digest::Sha256;
use crate::ids::{ContactId, EntryId};
use crate::people::Actor;
use crate::time::Timestamp;

use super::event::{Draft, MediaPosition};

/// The end of the chain: what the next entry builds on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
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

impl Head {
    /// Gives `draft` its number, id and hash and moves the head.
    pub fn append(&mut self, _draft: Draft, _id: EntryId) -> Entry {
        todo!()
    }
}

impl Entry {
    /// True when the hash is that of the entry's canonical bytes and `prev` that of `before`.
    pub fn follows(&self, _before: &Head) -> bool {
        todo!()
    }
}
