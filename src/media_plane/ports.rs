//! The RTP port range: even ports for RTP, the odd one above for RTCP (RFC 3550 11). Used in turn, and a closed pair
//! rests for a while, so that late packets of an old call do not fall into a new one. Binding is `sockets`.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// How long a closed pair rests; longer than packets stay in a network that is fit for telephony.
pub(super) const QUARANTINE: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pair {
    Free,
    Used,
    Resting { until: Instant },
}

/// Which pairs are free.
#[derive(Debug)]
pub(super) struct PortPool {
    first: u16,
    pairs: Vec<Pair>,
    /// Where the next search begins.
    next: usize,
}

impl PortPool {
    /// The pairs that lie wholly within the range.
    pub(super) fn new(range: &RangeInclusive<u16>) -> Self {
        let first = range.start().next_multiple_of(2);
        let count = (usize::from(*range.end()) + 1).saturating_sub(usize::from(first)) / 2;
        Self { first, pairs: vec![Pair::Free; count], next: 0 }
    }

    /// An RTP port whose pair is nobody's.
    pub(super) fn take(&mut self, now: Instant) -> Option<u16> {
        let count = self.pairs.len();
        let found = (0..count).map(|step| (self.next + step) % count).find(|at| match self.pairs[*at] {
            Pair::Free => true,
            Pair::Used => false,
            Pair::Resting { until } => until <= now,
        })?;
        self.pairs[found] = Pair::Used;
        self.next = (found + 1) % count;
        Some(self.first + 2 * found as u16)
    }

    /// Takes a pair back; ports that are not out are ignored.
    pub(super) fn put_back(&mut self, rtp_port: u16, now: Instant) {
        let at = usize::from(rtp_port.saturating_sub(self.first)) / 2;
        if let Some(pair @ Pair::Used) = self.pairs.get_mut(at) {
            *pair = Pair::Resting { until: now + QUARANTINE };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pairs_are_handed_out_and_each_once() {
        let now = crate::time::now().mono;
        let mut pool = PortPool::new(&(2001..=2007));
        let ports: Vec<Option<u16>> = (0..4).map(|_| pool.take(now)).collect();
        assert_eq!(ports, [Some(2002), Some(2004), Some(2006), None]);
        assert_eq!(PortPool::new(&(2001..=2002)).take(now), None);
        assert_eq!(PortPool::new(&(65_533..=65_535)).take(now), Some(65_534));
    }

    #[test]
    fn a_closed_pair_rests_and_comes_back() {
        let now = crate::time::now().mono;
        let mut pool = PortPool::new(&(2000..=2003));
        assert_eq!([pool.take(now), pool.take(now)], [Some(2000), Some(2002)]);
        pool.put_back(2000, now);
        pool.put_back(2000, now + QUARANTINE);
        pool.put_back(9000, now);
        assert_eq!(pool.take(now), None);
        assert_eq!(pool.take(now + QUARANTINE), Some(2000));
    }
}
