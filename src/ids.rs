//! Names of things: identifiers, and the mint that makes them from a seed.
//! UUIDv7 by RFC 9562 5.7. Case numbers are not made here: the register counts them
//! (`case/number.rs`, `store/register.rs`).

use std::fmt;
use std::str::FromStr;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// One contact: one call of a citizen. The `id` of `/api/v1/calls/{id}`; UUIDv7.
    ContactId
);
uuid_id!(
    /// One recording: a segment of a contact.
    RecordingId
);
uuid_id!(
    /// One journal entry.
    EntryId
);
uuid_id!(
    /// One work order.
    WorkOrderId
);
uuid_id!(
    /// One piece of evidence.
    EvidenceId
);
uuid_id!(
    /// A picture from an applicant.
    AttachmentId
);
uuid_id!(
    /// What an auditor noted about a moment of a recording.
    FindingId
);
uuid_id!(
    /// A case that is handed over to somebody outside.
    DisclosureId
);
uuid_id!(
    /// An auditor's right to read and play, for a time.
    EngagementId
);
uuid_id!(
    /// Calls drawn for an auditor.
    SampleId
);
uuid_id!(
    /// An applicant's wish to hear a call.
    HearingId
);
uuid_id!(
    /// A legal hold on a case or a call.
    HoldId
);
uuid_id!(
    /// Something that is to be destroyed, or was.
    ErasureId
);
uuid_id!(
    /// What somebody added to a request, in words.
    NoteId
);
uuid_id!(
    /// One message to an applicant; what a gateway knows it by.
    NotificationId
);
uuid_id!(
    /// One sign-in session, as people see it; not its token.
    SessionId
);
uuid_id!(
    /// A person who signs in: operator, executor, control, auditor...
    UserId
);

/// One mass outage; counted by the store from 1, without gaps. People say it aloud: "incident 12".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentNumber(pub u32);

impl fmt::Display for IncidentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for IncidentNumber {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// One leg: one SIP dialog and one media session of a contact. Unique within a run of the program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LegId(pub u64);

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Makes identifiers and unguessable tokens from a seed, so that a simulation can be repeated.
#[derive(Debug)]
pub struct Mint {
    rng: StdRng,
    legs: u64,
}

impl Mint {
    /// `seed` comes from the operating system in production and from the test otherwise.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { rng: StdRng::from_seed(seed), legs: 0 }
    }

    /// A fresh seed, for a machine that has randomness of its own.
    pub fn seed(&mut self) -> [u8; 32] {
        self.rng.random()
    }

    /// A UUIDv7 for the moment `at` (RFC 9562 5.7).
    pub fn uuid(&mut self, at: Timestamp) -> Uuid {
        let millis = u64::try_from(at.micros() / 1000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.rng.random()).into_uuid()
    }

    pub fn leg(&mut self) -> LegId {
        self.legs += 1;
        LegId(self.legs)
    }

    pub fn u32(&mut self) -> u32 {
        self.rng.random()
    }

    pub fn u16(&mut self) -> u16 {
        self.rng.random()
    }

    /// Random octets: keys.
    pub fn bytes<const LEN: usize>(&mut self) -> [u8; LEN] {
        self.rng.random()
    }

    /// 128 random bits as 32 lower-case hexadecimal digits: tags, branches, nonces, Call-IDs.
    pub fn token(&mut self) -> String {
        format!("{:032x}", self.rng.random::<u128>())
    }
}
