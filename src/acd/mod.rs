//! Automatic call distribution: who waits, who may answer, who gets the next call. Real-time machine form.
//!
//! Here stand the words; `distributor` holds the machine, `operator` one operator's state, `line` the callers who
//! wait, `routing` the choice. Phones, prompts and bridges belong to `call/`.

mod distributor;
mod line;
mod operator;
mod routing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{ContactId, UserId};
use crate::language::Language;

pub use distributor::Distributor;

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
}

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
    /// Most callers waiting at once; the next is refused with [`Enqueued::Full`].
    pub capacity: usize,
    /// An offer unanswered for this long goes to the next operator.
    pub ring_timeout: Duration,
    pub wrap_up: Duration,
    /// Time between position announcements.
    pub announce_every: Duration,
    /// After this long any language will do.
    pub relax_language_after: Duration,
}

/// What the distributor wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Ring this operator for this contact. Both are reserved for each other until an outcome is told.
    Offer {
        contact: ContactId,
        operator: UserId,
    },
    /// Stop ringing: the caller left, or the ring timeout passed.
    WithdrawOffer {
        contact: ContactId,
        operator: UserId,
    },
    /// Tell the caller their place, from 1.
    AnnouncePosition {
        contact: ContactId,
        position: usize,
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

/// What becomes of an operator whose phone rang until the deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AfterNoAnswer {
    /// Not ready, reason `no_answer`: nobody is rung at an empty desk twice.
    #[default]
    NotReady,
    /// Still ready, behind all who are idle.
    BackOfLine,
}
