//! Automatic call distribution: who waits, who may answer, who gets the next call. Real-time machine form.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::ids::{ContactId, UserId};
use crate::language::Language;

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

/// The distributor: all queues and all operators of this node.
#[derive(Debug)]
pub struct Distributor {}

impl Distributor {
    pub fn new(_queues: Vec<QueueSettings>) -> Self {
        todo!()
    }

    /// Replaces settings and profiles (start, reload); running offers and calls stay.
    pub fn configure(
        &mut self,
        _queues: Vec<QueueSettings>,
        _operators: Vec<OperatorProfile>,
        _now: Instant,
    ) {
        todo!()
    }

    /// The operator's phone registered or lost its last registration. A lost phone leaves routing at once;
    /// a call in progress goes on. A phone that returns is `NotReady("signed_in")`, or what it was within a minute.
    pub fn handle_registered(&mut self, _operator: UserId, _now: Instant) {
        todo!()
    }

    pub fn handle_unregistered(&mut self, _operator: UserId, _now: Instant) {
        todo!()
    }

    /// Asked for by desk, API or star code. During a call it takes effect after wrap-up.
    pub fn set_ready(&mut self, _operator: UserId, _now: Instant) -> Result<(), OperatorError> {
        todo!()
    }

    pub fn set_not_ready(
        &mut self,
        _operator: UserId,
        _reason: &str,
        _now: Instant,
    ) -> Result<(), OperatorError> {
        todo!()
    }

    pub fn enqueue(&mut self, _entry: QueueEntry, _now: Instant) -> Enqueued {
        todo!()
    }

    /// The caller hung up or was taken elsewhere: out of the queue, any offer withdrawn.
    pub fn leave(&mut self, _contact: ContactId, _now: Instant) {
        todo!()
    }

    /// The operator picked up. False when the reservation is gone (the caller just left): hang up on them.
    pub fn offer_answered(&mut self, _contact: ContactId, _operator: UserId, _now: Instant) -> bool {
        todo!()
    }

    pub fn offer_failed(
        &mut self,
        _contact: ContactId,
        _operator: UserId,
        _failure: OfferFailure,
        _now: Instant,
    ) {
        todo!()
    }

    /// The operator's leg of this contact ended: wrap-up begins.
    pub fn call_ended(&mut self, _contact: ContactId, _operator: UserId, _now: Instant) {
        todo!()
    }

    pub fn end_wrap_up(&mut self, _operator: UserId, _now: Instant) -> Result<(), OperatorError> {
        todo!()
    }

    pub fn status(&self, _operator: UserId) -> Option<&OperatorStatus> {
        todo!()
    }

    /// All operators with status and since when, for the board.
    pub fn operators(&self) -> Vec<(&OperatorProfile, &OperatorStatus, Instant)> {
        todo!()
    }

    /// Waiting callers of `queue` in the order they would be served, with since when.
    pub fn waiting(&self, _queue: &str) -> Vec<(&QueueEntry, Instant)> {
        todo!()
    }

    pub fn handle_timeout(&mut self, _now: Instant) {
        todo!()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        todo!()
    }
}
