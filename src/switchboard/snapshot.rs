//! What the desks see of the running switchboard; remade after each change, at most ten times a second.

use serde::Serialize;

use crate::acd::OperatorStatus;
use crate::case::CaseNumber;
use crate::ids::{ContactId, UserId};
use crate::language::Language;
use crate::phone_number::PhoneNumber;
use crate::time::Timestamp;

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Snapshot {
    /// Grows by one with each different snapshot.
    pub seq: u64,
    pub at: Timestamp,
    pub calls: Vec<LiveCall>,
    pub operators: Vec<LiveOperator>,
    pub queues: Vec<LiveQueue>,
}

/// A call that is on now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LiveCall {
    pub id: ContactId,
    pub caller: PhoneNumber,
    pub phase: CallPhase,
    pub since: Timestamp,
    pub answered_at: Option<Timestamp>,
    pub language: Option<Language>,
    pub topic: Option<String>,
    pub ivr_path: Vec<String>,
    pub queue: Option<String>,
    /// From 1, while waiting.
    pub position: Option<usize>,
    pub operator: Option<UserId>,
    pub case: Option<CaseNumber>,
    pub on_hold: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallPhase {
    Setup,
    Ivr,
    Voicemail,
    Waiting,
    Ringing,
    Talking,
    WrapUp,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LiveOperator {
    pub id: UserId,
    pub name: String,
    pub extension: String,
    pub languages: Vec<Language>,
    pub queues: Vec<String>,
    pub registered: bool,
    #[serde(flatten)]
    pub status: OperatorStatus,
    pub since: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LiveQueue {
    pub name: String,
    pub waiting: usize,
    pub longest_wait_secs: u64,
    pub operators_ready: usize,
    pub operators_talking: usize,
}
