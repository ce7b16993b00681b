//! What the telephones are told by whoever runs them, and what they tell. They carry it out in `phones.rs`; what a caller
//! does in a call of its own is `ledger.rs`.

use std::time::{Duration, Instant};

use crate::figures::Distribution;
use crate::ledger::{Call, Conduct};

/// What the telephones are told.
#[derive(Debug)]
pub enum Order {
    /// Every operator registers; answered by [`Report::Registered`].
    Register,
    /// From now on operators let it ring for so long.
    PickUpAfter(Duration),
    /// `calls` more calls, evenly, `per_second` of them; what their callers do is taken from the list in turn.
    Dial {
        calls: u64,
        per_second: f64,
        conducts: Vec<Conduct>,
    },
    /// Distributions are taken from now on, or no longer.
    Measure(bool),
    /// Every caller hangs up; answered by [`Report::Idle`].
    HangUp,
    /// SIGKILL for this process, now; what every caller has seen until then is kept.
    Kill(u32),
    Stop,
}

#[derive(Debug)]
pub enum Report {
    Registered,
    /// All calls that were to be dialled are answered and, where there are operators, bridged, or have failed.
    AllUp,
    Idle,
}

/// An operator's telephone from its first ring on.
#[derive(Clone, Copy, Debug)]
pub struct Talk {
    /// By number from 0.
    pub operator: usize,
    pub rang_at: Instant,
    pub picked_up_at: Option<Instant>,
    /// The first words that were recognised, at either end.
    pub operator_heard_at: Option<Instant>,
    pub citizen_heard_at: Option<Instant>,
}

/// What they have seen.
#[derive(Debug, Default)]
pub struct Findings {
    pub dialled: u64,
    pub answered: u64,
    pub bridged: u64,
    /// Refused, ended by the service, or left without an answer.
    pub failed: u64,
    /// From the INVITE to its 200.
    pub setup: Distribution,
    /// The same, of calls dialled while distributions are taken.
    pub setup_beside: Distribution,
    pub deviation: Distribution,
    pub lateness: Distribution,
    pub sent: u64,
    pub received: u64,
    pub lost: u64,
    /// Pieces heard by all telephones.
    pub exact: u64,
    pub jumps: u64,
    pub unknown: u64,
    /// Telephones that heard no name of another one.
    pub heard_nobody: u64,
    /// Calls by telephone: how long they were, from the answer to the BYE.
    pub lengths: Vec<Duration>,
    /// Every call, in the order they were dialled.
    pub calls: Vec<Call>,
    /// Every call of an operator, in the order they rang.
    pub talks: Vec<Talk>,
    /// When the service was killed, if it was.
    pub killed_at: Option<Instant>,
}
