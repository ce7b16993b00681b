//! Rows for the tests of this layer, told apart by small numbers. Moments count from the epoch in seconds.
//! Nothing here is written to a store; the store that is made is empty and in memory.
#![allow(clippy::unwrap_used)]

use uuid::Uuid;

use crate::call::contact::Contact;
use crate::ids::{ContactId, RecordingId};
use crate::phone_number::PhoneNumber;
use crate::recording::{Recording, RecordingState};
use crate::store::Store;
use crate::time::Timestamp;

pub(super) async fn store() -> Store {
    Store::open("sqlite::memory:", "01").await.unwrap()
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

pub(super) fn contact(n: u32) -> Contact {
    Contact::offered(
        ContactId(Uuid::from_u128(u128::from(n))),
        at(i64::from(n)),
        PhoneNumber::from_user_part("+380501234567"),
        PhoneNumber::from_user_part("1580"),
        "city".to_owned(),
        format!("call-{n}"),
    )
}

/// Of contact `n`, under way.
pub(super) fn recording(n: u32) -> Recording {
    Recording {
        id: RecordingId(Uuid::from_u128(u128::from(n))),
        contact: contact(n).id,
        path: format!("2026/{n}.wav"),
        state: RecordingState::Capturing,
        started_at: at(i64::from(n)),
        sample_rate: 8_000,
        frames: 0,
        gaps: Vec::new(),
        result: None,
        sha256: None,
        proof: None,
    }
}
