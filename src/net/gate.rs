//! What is turned away before it is read: datagrams and connections of sources that the switchboard wants to hear nothing
//! from, connections above a rate, whose handshakes would cost us the processor, and answers to malformed messages above
//! one. Who is shunned and for how long is `sip/guard`'s decision.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::sip::guard::{Bucket, Rate, Recent, Source};

/// Sources shunned at a time. Above it new ones are read and then dropped by the guard, which costs a little more.
const MAX_SHUNNED: usize = 4096;
/// Answers to malformed messages, a second, and for how many seconds at once. A peer with a fault needs a few; a flood,
/// perhaps from forged addresses, gets no more.
const MALFORMED_ANSWERS: (u32, u32) = (100, 2);
/// Connections of one source, a second, and for how many seconds at once: an office of five hundred phones after a
/// power cut. A TLS handshake takes about a millisecond of a core.
const CONNECTIONS: (u32, u32) = (20, 25);
/// Sources with a bucket of connections. One pushed out begins with a full one, and paid a handshake of TCP for it.
const MAX_CONNECTING: usize = 4096;

#[derive(Debug)]
pub(super) struct Gate {
    shunned: Mutex<HashMap<Source, Instant>>,
    malformed: Mutex<Bucket>,
    connecting: Mutex<Recent<Source, Bucket>>,
}

impl Gate {
    pub fn new(now: Instant) -> Self {
        Self {
            shunned: Mutex::default(),
            malformed: Mutex::new(Bucket::full(now)),
            connecting: Mutex::new(Recent::new(MAX_CONNECTING)),
        }
    }

    pub fn shun(&self, source: Source, until: Instant, now: Instant) {
        let mut shunned = self.shunned.lock().unwrap_or_else(PoisonError::into_inner);
        if shunned.len() >= MAX_SHUNNED {
            shunned.retain(|_, until| *until > now);
        }
        if shunned.len() < MAX_SHUNNED {
            shunned.insert(source, until);
        }
    }

    pub fn admits(&self, address: IpAddr, now: Instant) -> bool {
        let mut shunned = self.shunned.lock().unwrap_or_else(PoisonError::into_inner);
        let source = Source::from(address);
        match shunned.get(&source) {
            Some(until) if now < *until => false,
            Some(_) => {
                shunned.remove(&source);
                true
            }
            None => true,
        }
    }

    /// Whether `source` may open one more connection now.
    pub fn may_connect(&self, source: Source, now: Instant) -> bool {
        let (per_sec, burst_secs) = CONNECTIONS;
        let mut connecting = self.connecting.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = connecting.touch(source, || Bucket::full(now));
        bucket.take(Rate::per_second(per_sec, burst_secs), now)
    }

    /// Whether one more malformed message may be answered.
    pub fn may_answer(&self, now: Instant) -> bool {
        let (per_sec, burst_secs) = MALFORMED_ANSWERS;
        let mut bucket = self.malformed.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(Rate::per_second(per_sec, burst_secs), now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn a_shunned_source_is_let_in_again_when_its_time_is_over() {
        let now = crate::time::now().mono;
        let until = now + Duration::from_secs(60);
        let gate = Gate::new(now);
        gate.shun(Source::from(address(1)), until, now);
        assert!(!gate.admits(address(1), now) && gate.admits(address(2), now));
        assert!(gate.admits(address(1), until));
        assert!(gate.shunned.lock().is_ok_and(|shunned| shunned.is_empty()), "and forgotten");
    }

    #[test]
    fn the_table_is_bounded_and_makes_room_when_times_are_over() {
        let now = crate::time::now().mono;
        let until = now + Duration::from_secs(60);
        let gate = Gate::new(now);
        let last = u32::try_from(MAX_SHUNNED).unwrap_or(u32::MAX) + 10;
        for number in 0..=last {
            gate.shun(Source::from(address(number)), until, now);
        }
        assert!(gate.shunned.lock().is_ok_and(|shunned| shunned.len() == MAX_SHUNNED));
        assert!(gate.admits(address(last), now), "the guard drops it");
        gate.shun(Source::from(address(last)), until + Duration::from_secs(60), until);
        assert!(!gate.admits(address(last), until));
    }

    #[test]
    fn connections_are_opened_at_a_rate_by_each_source_on_its_own() {
        let now = crate::time::now().mono;
        let gate = Gate::new(now);
        let opened =
            |last, at| (0..1000).filter(|_| gate.may_connect(Source::from(address(last)), at)).count();
        assert_eq!((opened(1, now), opened(2, now)), (500, 500));
        assert_eq!(opened(1, now + Duration::from_secs(1)), 20);
    }

    #[test]
    fn malformed_floods_are_answered_at_a_rate() {
        let now = crate::time::now().mono;
        let gate = Gate::new(now);
        assert_eq!((0..10_000).filter(|_| gate.may_answer(now)).count(), 200);
        assert!(gate.may_answer(now + Duration::from_secs(1)));
    }
}
