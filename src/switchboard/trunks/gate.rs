//! What one trunk takes: calls at once, and new calls in a second, both directions together.
//! Says when to come back; the answer to a refused caller is `call/refusal.rs`'s.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::refusal::Refusal;
use crate::switchboard::settings::Limits;

#[derive(Debug)]
pub(super) struct Gate {
    limits: Limits,
    /// When the calls let in so far would have come at an even pace (the generic cell rate algorithm, ITU-T I.371):
    /// a burst may run ahead of it by a second.
    even_pace_at: Option<Instant>,
    outgoing: Arc<()>,
}

/// Keeps a place on a trunk for one outgoing call; dropping it gives the place back.
#[derive(Debug)]
pub struct TrunkHold(#[expect(dead_code, reason = "its life is its meaning")] Arc<()>);

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, even_pace_at: None, outgoing: Arc::new(()) }
    }

    /// Calls of ours that are out now.
    pub(super) fn outgoing(&self) -> usize {
        Arc::strong_count(&self.outgoing) - 1
    }

    /// Lets one more call through, or says why not. `incoming` are the calls the trunk has brought that are on.
    pub(super) fn pass(&mut self, incoming: usize, now: Instant) -> Result<(), Refusal> {
        if self.limits.calls.is_some_and(|most| incoming + self.outgoing() >= most) {
            return Err(Refusal::TrunkFull);
        }
        let Some(rate) = self.limits.calls_per_second.filter(|rate| *rate > 0) else { return Ok(()) };
        let step = Duration::from_secs(1) / rate;
        let even_pace_at = self.even_pace_at.map_or(now, |at| at.max(now));
        if even_pace_at - now > Duration::from_secs(1) - step {
            return Err(Refusal::TrunkRate);
        }
        self.even_pace_at = Some(even_pace_at + step);
        Ok(())
    }

    pub(super) fn hold(&self) -> TrunkHold {
        TrunkHold(self.outgoing.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(calls: Option<usize>, calls_per_second: Option<u32>) -> Gate {
        Gate::new(Limits { calls, calls_per_second })
    }

    #[test]
    fn without_limits_everybody_passes() {
        let (mut gate, now) = (gate(None, None), crate::time::now().mono);
        assert!((0..1000).all(|calls| gate.pass(calls, now).is_ok()));
    }

    #[test]
    fn both_directions_share_the_places() {
        let (mut gate, now) = (gate(Some(3), None), crate::time::now().mono);
        let holds = [gate.hold(), gate.hold()];
        assert_eq!(gate.pass(0, now), Ok(()));
        assert_eq!(gate.pass(1, now), Err(Refusal::TrunkFull));
        drop(holds);
        assert_eq!(gate.pass(2, now), Ok(()));
        assert_eq!(gate.pass(3, now), Err(Refusal::TrunkFull));
    }

    #[test]
    fn a_second_takes_what_it_may_and_no_more() {
        let (mut gate, start) = (gate(None, Some(4)), crate::time::now().mono);
        let passed = |gate: &mut Gate, at: Instant| (0..10).filter(|_| gate.pass(0, at).is_ok()).count();
        assert_eq!(passed(&mut gate, start), 4, "a burst of one second");
        assert_eq!(gate.pass(0, start), Err(Refusal::TrunkRate));
        assert_eq!(passed(&mut gate, start + Duration::from_millis(249)), 0);
        assert_eq!(passed(&mut gate, start + Duration::from_millis(250)), 1, "then at an even pace");
        assert_eq!(passed(&mut gate, start + Duration::from_secs(60)), 4, "rest is not saved up");
    }
}
