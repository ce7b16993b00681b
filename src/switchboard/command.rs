//! What people ask of the running switchboard, from the desk, the API or a star code.
//! Only the words: `distribution.rs` carries them out, and who may ask for what is
//! settled before, in `web/access.rs`.

use std::net::IpAddr;
use std::time::Duration;

use crate::call::Guest;
use crate::call::contact::Disposition;
use crate::call::masked::MaskedCall;
use crate::call::supervision::Wish;
use crate::case::CaseNumber;
use crate::ids::{ContactId, UserId};
use crate::people::Role;
use crate::phone_number::PhoneNumber;
use crate::sip::digest_auth::Ha1;

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
    /// The contact is on another case from now on; the rows say so already.
    LinkCase {
        contact: ContactId,
        case: CaseNumber,
    },
    /// The operator who talks passes the caller on to an extension or a queue (blind).
    Transfer {
        contact: ContactId,
        by: UserId,
        target: PhoneNumber,
    },
    /// A supervisor comes into a talk, or does something else there from now on.
    Supervise {
        contact: ContactId,
        by: UserId,
        wish: Wish,
    },
    /// The supervisor leaves the talk.
    EndSupervision {
        contact: ContactId,
        by: UserId,
    },
    /// Somebody need not be rung back any more.
    WithdrawCallback {
        origin: ContactId,
        by: (UserId, Role),
        reason: String,
    },
    /// Control does not want to wait for the next call that asks about this case.
    RingApplicant {
        case: CaseNumber,
    },
    /// An executor wants to talk with the applicant of an order; judged already.
    CallApplicant(Box<MaskedCall>),
    /// Nobody asks about it any more; the rows say so already.
    StopAsking {
        case: CaseNumber,
    },
    /// This number may be rung again; the rows say so already.
    AllowCalls {
        number: PhoneNumber,
    },
    /// A supervisor makes an operator ready or not.
    SetStatusOf {
        operator: UserId,
        by: UserId,
        /// None for ready.
        not_ready: Option<String>,
    },
    /// Ends a live call in order (supervisor, or the operator who holds it).
    HangUp {
        contact: ContactId,
        by: UserId,
    },
    /// A citizen at `source` wants to call from the web page, and will show the password of `user`, a name nobody has.
    LetGuestIn {
        user: String,
        ha1: Ha1,
        source: IpAddr,
        guest: Guest,
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
    /// Answer 403.
    #[error("calls from the web page are switched off")]
    SwitchedOff,
    /// Answer 429.
    #[error("too many calls from this address")]
    TooOften { retry_after: Duration },
    /// Answer 503: no place for another call.
    #[error("all lines are busy")]
    Full,
    /// Answer 503: the switchboard did not answer in time or is stopping.
    #[error("the switchboard is not answering")]
    Unavailable,
}
