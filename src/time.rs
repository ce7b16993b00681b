//! Moments and deadlines. The only file that reads the machine's clock.
//!
//! Machines take `now` as a parameter: [`Instant`] where only durations matter, [`Timestamp`] where
//! the moment is kept, [`Now`] where both do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment in UTC, in microseconds since 1970-01-01. Stored as BIGINT.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This moment as civil UTC time; moments outside chrono's range clamp to 1970.
    pub fn utc(self) -> chrono::DateTime<chrono::Utc> {
        chrono::DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    pub fn from_utc(at: chrono::DateTime<chrono::Utc>) -> Self {
        Self(at.timestamp_micros())
    }

    /// Later by `by`, saturating.
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Earlier by `by`, saturating.
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Time since `earlier`; zero when `earlier` lies in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 with milliseconds, `2026-11-21T06:38:21.250Z`.
    pub fn rfc3339(self) -> String {
        self.utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// One reading of both clocks: `mono` for durations, `utc` for the record.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub mono: Instant,
    pub utc: Timestamp,
}

impl Now {
    /// Both clocks moved forward by `by`; simulations step time with it.
    pub fn plus(self, by: Duration) -> Self {
        Self { mono: self.mono + by, utc: self.utc.plus(by) }
    }
}

/// Reads the machine's clocks.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> Now {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { mono: Instant::now(), utc: Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)) }
}

/// The pending deadlines of one machine, one per timer name.
#[derive(Clone, Debug)]
pub struct TimerTable<T: Ord + Copy> {
    deadlines: BTreeMap<T, Instant>,
}

impl<T: Ord + Copy> Default for TimerTable<T> {
    fn default() -> Self {
        Self { deadlines: BTreeMap::new() }
    }
}

impl<T: Ord + Copy> TimerTable<T> {
    /// Starts `timer`, replacing its earlier deadline.
    pub fn set(&mut self, timer: T, at: Instant) {
        self.deadlines.insert(timer, at);
    }

    pub fn stop(&mut self, timer: T) {
        self.deadlines.remove(&timer);
    }

    pub fn is_set(&self, timer: T) -> bool {
        self.deadlines.contains_key(&timer)
    }

    pub fn clear(&mut self) {
        self.deadlines.clear();
    }

    /// When `timer` is due, if it is set.
    pub fn deadline(&self, timer: T) -> Option<Instant> {
        self.deadlines.get(&timer).copied()
    }

    /// The earliest deadline.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.values().min().copied()
    }

    /// Takes one timer whose deadline is at or before `now`, earliest first.
    pub fn take_expired(&mut self, now: Instant) -> Option<T> {
        let (timer, at) = self.deadlines.iter().min_by_key(|(_, at)| **at)?;
        let (timer, at) = (*timer, *at);
        (at <= now).then(|| {
            self.deadlines.remove(&timer);
            timer
        })
    }
}

/// The pending deadlines of a machine that has one per caller, thousands of them: [`TimerTable`], which looks at all each
/// time, with an order beside it. Both tell the same.
#[derive(Clone, Debug)]
pub struct TimerQueue<T: Ord + Copy> {
    deadlines: BTreeMap<T, Instant>,
    order: BTreeSet<(Instant, T)>,
}

impl<T: Ord + Copy> Default for TimerQueue<T> {
    fn default() -> Self {
        Self { deadlines: BTreeMap::new(), order: BTreeSet::new() }
    }
}

impl<T: Ord + Copy> TimerQueue<T> {
    /// Starts `timer`, replacing its earlier deadline.
    pub fn set(&mut self, timer: T, at: Instant) {
        self.stop(timer);
        self.deadlines.insert(timer, at);
        self.order.insert((at, timer));
    }

    pub fn stop(&mut self, timer: T) {
        if let Some(at) = self.deadlines.remove(&timer) {
            self.order.remove(&(at, timer));
        }
    }

    pub fn is_set(&self, timer: T) -> bool {
        self.deadlines.contains_key(&timer)
    }

    /// When `timer` is due, if it is set.
    pub fn deadline(&self, timer: T) -> Option<Instant> {
        self.deadlines.get(&timer).copied()
    }

    /// The earliest deadline.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes one timer whose deadline is at or before `now`, earliest first.
    pub fn take_expired(&mut self, now: Instant) -> Option<T> {
        let (_, timer) = self.order.first().copied().filter(|(at, _)| *at <= now)?;
        self.stop(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_of_timers_tells_what_the_table_tells() {
        let start = now().mono;
        let (mut table, mut queue) = (TimerTable::default(), TimerQueue::default());
        let mut dice: u64 = 1580;
        for step in 0..5_000_u64 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (timer, moment) = (dice >> 60, start + Duration::from_secs(step + (dice >> 40) % 9));
            match (dice >> 32) % 3 {
                0 => {
                    table.set(timer, moment);
                    queue.set(timer, moment);
                }
                1 => {
                    table.stop(timer);
                    queue.stop(timer);
                }
                _ => assert_eq!(table.take_expired(moment), queue.take_expired(moment), "step {step}"),
            }
            assert_eq!(table.next_deadline(), queue.next_deadline(), "step {step}");
            assert_eq!((table.is_set(3), table.deadline(5)), (queue.is_set(3), queue.deadline(5)));
        }
        assert_eq!(queue.deadlines.len(), queue.order.len());
    }
}
