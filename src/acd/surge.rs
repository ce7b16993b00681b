//! A surge: more people call than the operators of a queue can answer. It begins by itself, by the rate of arrivals or by
//! the wait, and is over when both have been well below for a while; what callers hear meanwhile is the dialplan's.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Arrivals are counted over this time.
const WINDOW: Duration = Duration::from_secs(60);
/// Arrivals remembered: no rate that can be configured is higher.
pub(super) const MAX_ARRIVALS: usize = 3_000;
/// A surge is over when rate and wait have both been below half of what began it for this long: a queue that has just
/// been relieved by the message would fill again at once without it.
const CALM: Duration = Duration::from_secs(120);

/// What makes a surge of a queue; a part that is none never does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SurgeLimits {
    /// Arrivals in a minute, at most 3,000.
    pub arrivals: Option<usize>,
    /// The longest wait.
    pub wait: Option<Duration>,
}

#[derive(Debug, Default)]
pub(super) struct Surge {
    arrivals: VecDeque<Instant>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Calm,
    On {
        since: Instant,
        /// Since when rate and wait are low.
        low_since: Option<Instant>,
    },
}

impl Surge {
    pub(super) fn note_arrival(&mut self, now: Instant) {
        if self.arrivals.len() == MAX_ARRIVALS {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(now);
    }

    /// `longest_wait` is that of the caller who waits longest. True when the surge began or ended with it.
    pub(super) fn judge(&mut self, limits: SurgeLimits, longest_wait: Duration, now: Instant) -> bool {
        while self.arrivals.front().is_some_and(|at| now.saturating_duration_since(*at) >= WINDOW) {
            self.arrivals.pop_front();
        }
        let before = self.since();
        // Twice as many and twice as long, so that nothing is lost by halving.
        let reaches = |twice_arrivals: usize, twice_wait: Duration| {
            limits.arrivals.is_some_and(|limit| twice_arrivals >= 2 * limit)
                || limits.wait.is_some_and(|limit| twice_wait >= 2 * limit)
        };
        let is_high = reaches(2 * self.arrivals.len(), 2 * longest_wait);
        let is_low = !reaches(4 * self.arrivals.len(), 4 * longest_wait);
        self.state = match self.state {
            State::Calm if is_high => State::On { since: now, low_since: None },
            State::Calm => State::Calm,
            State::On { low_since: Some(low), .. }
                if is_low && now.saturating_duration_since(low) >= CALM =>
            {
                State::Calm
            }
            State::On { since, low_since } => {
                State::On { since, low_since: is_low.then_some(low_since.unwrap_or(now)) }
            }
        };
        before.is_some() != self.since().is_some()
    }

    /// Since when there is a surge.
    pub(super) fn since(&self) -> Option<Instant> {
        match self.state {
            State::Calm => None,
            State::On { since, .. } => Some(since),
        }
    }

    /// Whether [`Self::judge`] may say anything new as time passes.
    pub(super) fn is_idle(&self) -> bool {
        self.state == State::Calm && self.arrivals.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const LIMITS: SurgeLimits = SurgeLimits { arrivals: Some(60), wait: Some(Duration::from_secs(180)) };

    /// Arrivals `every` so often for `time`; when the surge began or ended.
    fn calls(surge: &mut Surge, from: Instant, every: Duration, time: Duration) -> Vec<Duration> {
        let count = u32::try_from(time.as_millis() / every.as_millis()).unwrap();
        let arrive = |n: u32| {
            let now = from + every * n;
            surge.note_arrival(now);
            surge.judge(LIMITS, Duration::ZERO, now).then(|| every * n)
        };
        (0..count).filter_map(arrive).collect()
    }

    #[test]
    fn it_begins_with_the_rate_and_ends_after_a_calm() {
        let start = crate::time::now().mono;
        let mut surge = Surge::default();
        assert!(calls(&mut surge, start, 2 * SECOND, 600 * SECOND).is_empty(), "30 a minute is nothing");
        let start = start + 600 * SECOND;
        let began = calls(&mut surge, start, SECOND / 2, 60 * SECOND);
        assert!(began.len() == 1 && (15..30).contains(&began[0].as_secs()), "{began:?}");
        let start = start + 60 * SECOND;
        // 40 a minute is below the limit, but not below half of it.
        assert!(calls(&mut surge, start, 3 * SECOND / 2, 600 * SECOND).is_empty());
        let start = start + 600 * SECOND;
        let ended = calls(&mut surge, start, 3 * SECOND, 600 * SECOND);
        assert!(ended.len() == 1 && (120..190).contains(&ended[0].as_secs()), "{ended:?}");
        assert_eq!(surge.since(), None);
    }

    #[test]
    fn it_begins_with_the_wait_and_a_high_one_puts_the_end_off() {
        let start = crate::time::now().mono;
        let mut surge = Surge::default();
        assert!(!surge.judge(LIMITS, 179 * SECOND, start));
        assert!(surge.judge(LIMITS, 180 * SECOND, start + SECOND));
        assert_eq!(surge.since(), Some(start + SECOND));
        assert!(!surge.judge(LIMITS, 30 * SECOND, start + 2 * SECOND));
        assert!(!surge.judge(LIMITS, 100 * SECOND, start + 60 * SECOND), "above half: the calm begins anew");
        assert!(!surge.judge(LIMITS, 30 * SECOND, start + 70 * SECOND));
        assert!(!surge.judge(LIMITS, 30 * SECOND, start + 189 * SECOND));
        assert!(surge.judge(LIMITS, 30 * SECOND, start + 190 * SECOND));
        assert!(surge.is_idle());
    }

    #[test]
    fn without_limits_there_is_none_and_memory_is_bounded() {
        let start = crate::time::now().mono;
        let mut surge = Surge::default();
        for _ in 0..2 * MAX_ARRIVALS {
            surge.note_arrival(start);
        }
        assert_eq!(surge.arrivals.len(), MAX_ARRIVALS);
        assert!(!surge.judge(SurgeLimits::default(), 9_999 * SECOND, start));
        assert!(!surge.judge(SurgeLimits::default(), Duration::ZERO, start + 60 * SECOND));
        assert!(surge.is_idle());
    }
}
