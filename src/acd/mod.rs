//! Automatic call distribution: who waits, who may answer, who gets the next call. Real-time machine form.
//!
//! Here stand the words; `distributor` holds the machine, `operator` one operator's state, `line` the callers who
//! wait, `routing` the choice, by one of the strategies of `strategy`. Phones, prompts and bridges belong to `call/`.

mod distributor;
mod line;
#[cfg(test)]
mod model;
mod operator;
mod queue;
mod routing;
mod strategy;
mod surge;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{ContactId, UserId};
use crate::language::Language;

pub use distributor::Distributor;
pub use strategy::Strategy;
pub use surge::SurgeLimits;

/// An operator as the configuration and the user table describe them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OperatorProfile {
    pub user: UserId,
    pub name: String,
    /// SIP extension, the registrar's user.
    pub extension: String,
    pub languages: Vec<Language>,
    /// Queue names this operator serves.
    pub queues: Vec<String>,
    /// By name, each from 1 to [`MAX_SKILL_LEVEL`].
    pub skills: BTreeMap<String, u8>,
}

/// The best there is in a skill.
pub const MAX_SKILL_LEVEL: u8 = 5;

/// What the operator does now; shown on desk and board, journalled on change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum OperatorStatus {
    /// No live registration.
    LoggedOut,
    NotReady {
        reason: String,
    },
    Ready,
    /// A call is being offered.
    Offered {
        contact: ContactId,
    },
    Talking {
        contact: ContactId,
    },
    WrapUp {
        contact: ContactId,
    },
}

/// One waiting caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueueEntry {
    pub contact: ContactId,
    pub queue: String,
    pub language: Language,
    /// Life-safety: before all others.
    pub urgent: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueueSettings {
    pub name: String,
    pub strategy: Strategy,
    /// Where phones are added one by one ([`Strategy::Progressive`]): the time until the next.
    pub ring_another_after: Duration,
    /// Its callers go before others as if they had waited so much longer; who waits long enough elsewhere goes first
    /// all the same.
    pub head_start: Duration,
    /// Most callers waiting at once; the next is refused with [`Enqueued::Full`].
    pub capacity: usize,
    /// An offer unanswered for this long goes to the next operator.
    pub ring_timeout: Duration,
    pub wrap_up: Duration,
    /// Time between position announcements.
    pub announce_every: Duration,
    /// After this long any language will do.
    pub relax_language_after: Duration,
    /// Skills its operators must have, and at what level.
    pub skills: BTreeMap<String, u8>,
    /// Each time this long has passed, one level less of each skill will do; none for never.
    pub relax_skills_every: Option<Duration>,
    /// Who has waited for this long is sent on ([`Output::Overflow`]); none for never. Urgent callers never are.
    pub max_wait: Option<Duration>,
    /// Who would have to wait for longer is not taken ([`Enqueued::Full`]); none for any time. Urgent callers are.
    pub max_expected_wait: Option<Duration>,
    /// When too many call ([`Distributor::note_arrival`]).
    pub surge: SurgeLimits,
}

/// What the distributor wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Ring this operator for this contact, maybe beside others: the operator is reserved for the caller until an
    /// outcome is told.
    Offer {
        contact: ContactId,
        operator: UserId,
    },
    /// Stop ringing: the caller left, or the ring timeout passed.
    WithdrawOffer {
        contact: ContactId,
        operator: UserId,
    },
    /// Tell the caller their place, from 1, and how long it will take where that is known.
    AnnouncePosition {
        contact: ContactId,
        position: usize,
        expected_wait: Option<Duration>,
    },
    /// The caller has waited too long and is out of the line.
    Overflow {
        contact: ContactId,
    },
    /// More call than can be answered, or no longer.
    SurgeChanged {
        queue: String,
        on: bool,
    },
    StatusChanged {
        operator: UserId,
        status: OperatorStatus,
    },
    /// Wrap-up time is over or was ended: the contact may be disposed of.
    WrapUpEnded {
        contact: ContactId,
        operator: UserId,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enqueued {
    Waiting,
    Full,
    /// No such queue.
    Unknown,
}

/// Why an offer came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OfferFailure {
    /// The ring timeout passed or the phone did not answer.
    NoAnswer,
    /// 486, 603 and the like: the operator pressed reject.
    Rejected,
    /// The phone could not be reached at all.
    Unreachable,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OperatorError {
    #[error("no such operator")]
    Unknown,
    #[error("the phone of this operator is not registered")]
    NotRegistered,
    #[error("the operator is busy with a call")]
    Busy,
}

/// Why the wrap-up cannot be longer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WrapUpError {
    #[error("no such operator")]
    Unknown,
    #[error("the operator has no call to write up")]
    NotInWrapUp,
    #[error("there is no more time to write the call up")]
    NoMoreTime,
}

/// What becomes of an operator whose phone rang until the deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AfterNoAnswer {
    /// Not ready, reason `no_answer`: nobody is rung at an empty desk twice.
    #[default]
    NotReady,
    /// Still ready, behind all who are idle.
    BackOfLine,
}
