//! What people ask of the running switchboard, from the desk, the API or a star code.
//! Only the words: `distribution.rs` carries them out, and who may ask for what is
//! settled before, in `web/access.rs`.

use crate::call::contact::Disposition;
use crate::ids::{ContactId, UserId};
use crate::phone_number::PhoneNumber;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    SetReady {
        operator: UserId,
    },
    SetNotReady {
        operator: UserId,
        reason: String,
    },
    /// Ends wrap-up; the operator is ready again unless not-ready was asked for.
    EndWrapUp {
        operator: UserId,
    },
    /// A minute more to write the last call up.
    ExtendWrapUp {
        operator: UserId,
    },
    /// The operator says how the contact ended; allowed while talking and in wrap-up.
    Dispose {
        operator: UserId,
        contact: ContactId,
        disposition: Disposition,
    },
    /// The operator who talks passes the caller on to an extension or a queue (blind).
    Transfer {
        contact: ContactId,
        by: UserId,
        target: PhoneNumber,
    },
    /// Ends a live call in order (supervisor, or the operator who holds it).
    HangUp {
        contact: ContactId,
        by: UserId,
    },
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommandError {
    /// Answer 404.
    #[error("no such operator or call")]
    Unknown,
    /// Answer 409.
    #[error("{0}")]
    Conflict(String),
    /// Answer 403.
    #[error("this call belongs to somebody else")]
    NotYours,
    /// Answer 503: the switchboard did not answer in time or is stopping.
    #[error("the switchboard is not answering")]
    Unavailable,
}
