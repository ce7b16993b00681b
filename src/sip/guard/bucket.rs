//! A token bucket, kept as the moment at which it will be full again: one time stamp for each source, and no tick
//! that fills it.

use std::time::{Duration, Instant};

/// How fast tokens come, and how many there are at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// One token comes in this time.
    pub interval: Duration,
    /// Tokens of a full bucket, at least 1.
    pub burst: u32,
}

impl Rate {
    /// `per_sec` at least 1; the burst is what comes in `burst_secs`.
    pub fn per_second(per_sec: u32, burst_secs: u32) -> Self {
        let per_sec = per_sec.max(1);
        Self { interval: Duration::from_secs(1) / per_sec, burst: per_sec.saturating_mul(burst_secs).max(1) }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    full_at: Instant,
}

impl Bucket {
    pub fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes one token; false when there is none.
    pub fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let full_at = self.full_at.max(now) + rate.interval;
        let taken = full_at.saturating_duration_since(now) <= rate.interval * rate.burst;
        if taken {
            self.full_at = full_at;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let start = crate::time::now().mono;
        let rate = Rate::per_second(10, 2);
        let mut bucket = Bucket::full(start);
        assert_eq!((0..100).filter(|_| bucket.take(rate, start)).count(), 20);
        let soon = start + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| bucket.take(rate, soon)).count(), 10);
        let later = start + Duration::from_secs(60);
        assert_eq!((0..100).filter(|_| bucket.take(rate, later)).count(), 20, "never more than full");
    }

    #[test]
    fn what_is_refused_costs_no_token() {
        let start = crate::time::now().mono;
        let rate = Rate { interval: Duration::from_secs(60), burst: 1 };
        let mut bucket = Bucket::full(start);
        assert!(bucket.take(rate, start));
        for secs in 1..60 {
            assert!(!bucket.take(rate, start + Duration::from_secs(secs)));
        }
        assert!(bucket.take(rate, start + Duration::from_secs(60)));
    }
}
