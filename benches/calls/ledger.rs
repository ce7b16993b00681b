//! The callers' own book: each call as its caller knows it, whatever becomes of the service. What the service has on
//! its record is held against it by `account.rs`; which sound was said and heard in it is `speech.rs`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::service::{CALLER_PREFIX, DIGIT_TO_QUEUE};

/// What a caller does.
#[derive(Clone, Copy, Debug)]
pub struct Conduct {
    /// The key that is pressed, and how long after the answer; without one the caller stays in the menu.
    pub presses: Option<(u8, Duration)>,
    /// Hangs up, or cancels, this long after dialling; otherwise when told to.
    pub leaves: Option<Duration>,
}

impl Conduct {
    /// Asks for an operator and waits to be told that it is enough.
    pub const STAYS: Self =
        Self { presses: Some((DIGIT_TO_QUEUE, Duration::from_millis(800))), leaves: None };

    pub fn leaving(self, after: Duration) -> Self {
        Self { leaves: Some(after), ..self }
    }
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    pub call_id: String,
    /// The telephone that dialled.
    pub caller: usize,
    /// Our 200 came.
    pub answered_at: Option<Instant>,
    /// An operator's telephone rang for it.
    pub rang_at: Option<Instant>,
    /// The caller hung up, or the service died.
    pub ended_at: Option<Instant>,
    /// Pieces that the caller had said by then.
    pub said: u64,
    /// What the caller had heard of the operator by then: the place in the text of the last piece, and how many.
    pub heard: Option<(u64, u64)>,
}

impl Call {
    /// From the answer to the end, as long as both were seen.
    pub fn length(&self) -> Option<Duration> {
        Some(self.ended_at?.saturating_duration_since(self.answered_at?))
    }
}

/// All calls of a run, and the one that each telephone has now.
#[derive(Debug, Default)]
pub struct Ledger {
    pub calls: Vec<Call>,
    current: HashMap<usize, usize>,
}

impl Ledger {
    pub fn dialled(&mut self, caller: usize, call_id: String) {
        self.current.insert(caller, self.calls.len());
        self.calls.push(Call {
            call_id,
            caller,
            answered_at: None,
            rang_at: None,
            ended_at: None,
            said: 0,
            heard: None,
        });
    }

    pub fn answered(&mut self, caller: usize, at: Instant) {
        if let Some(call) = self.current.get(&caller) {
            self.calls[*call].answered_at = Some(at);
        }
    }

    /// An operator's telephone shows who calls.
    pub fn rang(&mut self, shown: &str, at: Instant) {
        let caller = shown.split_once(CALLER_PREFIX).and_then(|(_, caller)| caller.parse::<usize>().ok());
        if let Some(call) = caller.and_then(|caller| self.current.get(&caller)) {
            self.calls[*call].rang_at.get_or_insert(at);
        }
    }

    /// What is said and heard later counts no more.
    pub fn ended(&mut self, caller: usize, at: Instant, said: u64, heard: Option<(u64, u64)>) {
        let Some(call) = self.current.remove(&caller) else { return };
        let call = &mut self.calls[call];
        (call.ended_at, call.said, call.heard) = (Some(at), said, heard);
    }

    /// Telephones whose call is not over.
    pub fn on(&self) -> Vec<usize> {
        self.current.keys().copied().collect()
    }
}
