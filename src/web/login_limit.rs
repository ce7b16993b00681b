//! Failed sign-ins per user name and source address: ten in five minutes, then none until the window is over.
//! The table is bounded; under pressure it forgets those with the fewest failures first, so that flooding it with
//! invented names does not free a name under attack.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Failures allowed within [`WINDOW`].
pub(super) const MAX_FAILURES: u32 = 10;
pub(super) const WINDOW: Duration = Duration::from_secs(300);

/// Pairs remembered: at the two password checks at once that the server does, a window sees fewer.
const MAX_PAIRS: usize = 20_000;

/// Names are cut here for the table; user names are shorter.
const MAX_NAME_CHARS: usize = 64;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Attempt {
    user: String,
    source: IpAddr,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    failures: u32,
    since: Instant,
}

#[derive(Debug, Default)]
pub(super) struct LoginLimit {
    pairs: HashMap<Attempt, Count>,
}

impl Attempt {
    /// One IPv6 subscriber owns a /64: its addresses count as one.
    pub(super) fn new(user: &str, source: IpAddr) -> Self {
        let source = match source.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
            v4 @ IpAddr::V4(_) => v4,
        };
        Self { user: user.chars().take(MAX_NAME_CHARS).collect(), source }
    }
}

impl LoginLimit {
    /// Counts an attempt before it is checked, so that attempts at the same time count too. The wait when there
    /// were too many.
    pub(super) fn begin(&mut self, attempt: &Attempt, now: Instant) -> Result<(), Duration> {
        if let Some(count) = self.pairs.get_mut(attempt) {
            let age = now.saturating_duration_since(count.since);
            if age >= WINDOW {
                *count = Count { failures: 1, since: now };
            } else if count.failures >= MAX_FAILURES {
                return Err(WINDOW - age);
            } else {
                count.failures += 1;
            }
            return Ok(());
        }
        if self.pairs.len() >= MAX_PAIRS {
            self.make_room(now);
        }
        self.pairs.insert(attempt.clone(), Count { failures: 1, since: now });
        Ok(())
    }

    /// The attempt was good: nothing is held against this pair any more.
    pub(super) fn succeeded(&mut self, attempt: &Attempt) {
        self.pairs.remove(attempt);
    }

    fn make_room(&mut self, now: Instant) {
        self.pairs.retain(|_, count| now.saturating_duration_since(count.since) < WINDOW);
        if self.pairs.len() < MAX_PAIRS {
            return;
        }
        let least = self.pairs.iter().min_by_key(|(_, count)| (count.failures, count.since));
        if let Some(pair) = least.map(|(pair, _)| pair.clone()) {
            self.pairs.remove(&pair);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn attempt(user: &str, source: &str) -> Attempt {
        Attempt::new(user, source.parse().unwrap())
    }

    #[test]
    fn the_eleventh_attempt_waits_for_the_window() {
        let (mut limit, start) = (LoginLimit::default(), crate::time::now().mono);
        let olena = attempt("olena", "127.0.0.1");
        for _ in 0..MAX_FAILURES {
            limit.begin(&olena, start).unwrap();
        }
        let later = start + Duration::from_secs(60);
        assert_eq!(limit.begin(&olena, later), Err(WINDOW - Duration::from_secs(60)));
        assert_eq!(limit.begin(&attempt("olena", "127.0.0.2"), later), Ok(()));
        assert_eq!(limit.begin(&attempt("petro", "127.0.0.1"), later), Ok(()));
        assert_eq!(limit.begin(&olena, start + WINDOW), Ok(()));
    }

    #[test]
    fn success_wipes_the_slate() {
        let (mut limit, now) = (LoginLimit::default(), crate::time::now().mono);
        let olena = attempt("olena", "127.0.0.1");
        for _ in 0..MAX_FAILURES {
            limit.begin(&olena, now).unwrap();
        }
        limit.succeeded(&olena);
        assert_eq!(limit.begin(&olena, now), Ok(()));
    }

    #[test]
    fn a_flood_of_names_frees_nobody_and_stays_bounded() {
        let (mut limit, now) = (LoginLimit::default(), crate::time::now().mono);
        let olena = attempt("olena", "127.0.0.1");
        for _ in 0..MAX_FAILURES {
            limit.begin(&olena, now).unwrap();
        }
        for n in 0..MAX_PAIRS {
            limit.begin(&attempt(&format!("u{n}"), "127.0.0.1"), now).unwrap();
        }
        assert_eq!(limit.pairs.len(), MAX_PAIRS);
        assert!(limit.begin(&olena, now).is_err());
    }

    #[test]
    fn addresses_of_one_subscriber_are_one_source() {
        assert_eq!(attempt("a", "2001:db8::1"), attempt("a", "2001:db8::ffff:2"));
        assert_ne!(attempt("a", "2001:db8::1"), attempt("a", "2001:db8:0:1::1"));
        assert_eq!(attempt("a", "::ffff:127.0.0.1"), attempt("a", "127.0.0.1"));
    }
}
