//! A gateway that answers nobody is left in peace: after some failures in a row nothing is sent for a while, then one message
//! tries. Messages wait meanwhile without losing attempts. Halting and resuming are told once each, for the alarm.

use std::time::Duration;

use crate::time::Timestamp;

/// Failures of the gateway in a row; those of single messages do not count.
pub const FAILURES: u32 = 5;
/// The first rest; each further one is twice as long, up to the longest.
const FIRST_REST: Duration = Duration::from_secs(60);
const LONGEST_REST: Duration = Duration::from_secs(15 * 60);

/// What changed, to be told to those who look after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    Halted,
    Resumed,
}

#[derive(Clone, Debug, Default)]
pub struct Breaker {
    failures: u32,
    rest: Duration,
    /// Nothing is sent before; none while all is well.
    halted_until: Option<Timestamp>,
    since: Option<Timestamp>,
}

impl Breaker {
    /// How many messages may be on their way at `at`, of `at_once`: none in a rest, one after it, to try.
    pub fn room(&self, at: Timestamp, at_once: usize) -> usize {
        match self.halted_until {
            None => at_once,
            Some(until) if at < until => 0,
            Some(_) => at_once.min(1),
        }
    }

    /// Since when it is halted.
    pub fn halted_since(&self) -> Option<Timestamp> {
        self.since
    }

    /// The gateway has answered, whatever it said of the message.
    pub fn answered(&mut self) -> Option<Turn> {
        let was = std::mem::take(self);
        was.since.map(|_| Turn::Resumed)
    }

    /// The gateway did not answer, or said that it cannot work.
    pub fn failed(&mut self, at: Timestamp) -> Option<Turn> {
        self.failures = self.failures.saturating_add(1);
        if self.failures < FAILURES {
            return None;
        }
        self.rest = if self.rest.is_zero() { FIRST_REST } else { (self.rest * 2).min(LONGEST_REST) };
        self.halted_until = Some(at.plus(self.rest));
        let is_news = self.since.is_none();
        self.since.get_or_insert(at);
        is_news.then_some(Turn::Halted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn failures_in_a_row_halt_it_and_one_answer_resumes_it() {
        let mut breaker = Breaker::default();
        for _ in 1..FAILURES {
            assert_eq!(breaker.failed(at(0)), None);
        }
        assert_eq!((breaker.answered(), breaker.room(at(0), 4)), (None, 4), "not in a row");
        let turns: Vec<_> = (0..FAILURES).filter_map(|_| breaker.failed(at(10))).collect();
        assert_eq!(turns, [Turn::Halted]);
        assert_eq!((breaker.room(at(69), 4), breaker.room(at(70), 4)), (0, 1), "one tries");
        assert_eq!(breaker.failed(at(70)), None, "told once");
        assert_eq!((breaker.room(at(189), 4), breaker.room(at(190), 4)), (0, 1), "twice as long");
        assert_eq!(breaker.halted_since(), Some(at(10)));
        assert_eq!((breaker.answered(), breaker.room(at(191), 4)), (Some(Turn::Resumed), 4));
        assert_eq!(breaker.answered(), None);
    }

    #[test]
    fn rests_do_not_grow_for_ever() {
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            breaker.failed(at(0));
        }
        assert_eq!((breaker.room(at(899), 4), breaker.room(at(900), 4)), (0, 1));
    }
}
