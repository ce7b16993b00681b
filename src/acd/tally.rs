//! What is counted of an operator since they signed in: calls, talk time, the end of the last call. One tally for all
//! queues: who has answered ten calls of one queue is not fresh for another.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    pub(super) calls: u64,
    pub(super) talked: Duration,
    pub(super) last_call_at: Option<Instant>,
}

impl Tally {
    /// A talk ends that began at `since`.
    pub(super) fn count(&mut self, since: Instant, now: Instant) {
        self.calls += 1;
        self.talked += now.saturating_duration_since(since);
        self.last_call_at = Some(now);
    }

    /// For somebody who signs in among `others`: level with the one who has had least, or all calls would come here
    /// until the newcomer has caught up with a day's work.
    pub(super) fn level_with(others: impl Iterator<Item = Self> + Clone) -> Self {
        Self {
            calls: others.clone().map(|tally| tally.calls).min().unwrap_or(0),
            talked: others.map(|tally| tally.talked).min().unwrap_or_default(),
            last_call_at: None,
        }
    }
}
