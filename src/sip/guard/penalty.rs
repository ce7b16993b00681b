//! The penalty box: sources nobody listens to for a while. Each time in it is twice as long as the last, up to a
//! bound; good behaviour is forgotten bad behaviour.

use std::time::{Duration, Instant};

use super::recent::Recent;
use super::source::Source;

/// Sources in the box, or lately in it. The one longest untouched gets out when it is full: it has to be caught again.
pub const MAX_PENALTIES: usize = 4096;
/// Longest time in the box: an address may belong to somebody else tomorrow, or have been forged.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// So long after the last time in the box the next one is short again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60 * 60);

#[derive(Debug)]
pub(super) struct PenaltyBox {
    sources: Recent<Source, Penalty>,
}

#[derive(Clone, Copy, Debug)]
struct Penalty {
    until: Instant,
    length: Duration,
}

impl PenaltyBox {
    pub(super) fn new() -> Self {
        Self { sources: Recent::new(MAX_PENALTIES) }
    }

    pub(super) fn holds(&self, source: Source, now: Instant) -> bool {
        self.sources.get(&source).is_some_and(|penalty| now < penalty.until)
    }

    /// Puts `source` in, for `shortest` the first time; until when.
    pub(super) fn put(&mut self, source: Source, shortest: Duration, now: Instant) -> Instant {
        let penalty = self.sources.touch(source, || Penalty { until: now, length: Duration::ZERO });
        let forgiven = now.saturating_duration_since(penalty.until) >= FORGIVEN_AFTER;
        penalty.length =
            if forgiven { shortest } else { (penalty.length * 2).clamp(shortest, LONGEST.max(shortest)) };
        penalty.until = now + penalty.length;
        penalty.until
    }

    pub(super) fn release(&mut self, source: Source) {
        self.sources.remove(&source);
    }

    pub(super) fn len(&self) -> usize {
        self.sources.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: Duration = Duration::from_secs(60);

    fn source(number: u32) -> Source {
        Source::from(std::net::IpAddr::from(number.to_be_bytes()))
    }

    #[test]
    fn the_box_opens_by_itself_and_holds_longer_each_time() {
        let mut now = crate::time::now().mono;
        let mut penalties = PenaltyBox::new();
        for secs in [60, 120, 240, 480, 900, 900] {
            let until = penalties.put(source(1), SHORTEST, now);
            assert_eq!(until, now + Duration::from_secs(secs));
            assert!(penalties.holds(source(1), until - Duration::from_millis(1)));
            assert!(!penalties.holds(source(1), until) && !penalties.holds(source(2), now));
            now = until;
        }
        now += FORGIVEN_AFTER;
        assert_eq!(penalties.put(source(1), SHORTEST, now), now + SHORTEST, "forgiven");
    }

    #[test]
    fn a_released_source_is_heard_again() {
        let now = crate::time::now().mono;
        let mut penalties = PenaltyBox::new();
        penalties.put(source(1), SHORTEST, now);
        penalties.release(source(1));
        assert!(!penalties.holds(source(1), now));
    }

    #[test]
    fn the_box_is_bounded() {
        let now = crate::time::now().mono;
        let mut penalties = PenaltyBox::new();
        let last = u32::try_from(MAX_PENALTIES).unwrap_or(u32::MAX) + 100;
        for number in 0..=last {
            penalties.put(source(number), SHORTEST, now);
        }
        assert_eq!(penalties.len(), MAX_PENALTIES);
        assert!(penalties.holds(source(last), now) && !penalties.holds(source(0), now));
    }
}
