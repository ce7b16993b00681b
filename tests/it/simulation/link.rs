//! The network: delays every datagram and loses some, from a seed.
//! Here its agenda, in order of time, and its slowest delay; whether and when a
//! packet arrives is drawn in `world.rs`.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// Something that happens at a time; equal times keep their order.
#[derive(Debug)]
struct Due<T> {
    at: Instant,
    order: u64,
    what: T,
}

impl<T> PartialEq for Due<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Due<T> {}

impl<T> PartialOrd for Due<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Due<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// What is to come, earliest first.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    heap: BinaryHeap<Due<T>>,
    order: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), order: 0 }
    }
}

impl<T> Agenda<T> {
    pub(super) fn add(&mut self, at: Instant, what: T) {
        self.order += 1;
        self.heap.push(Due { at, order: self.order, what });
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|due| due.at)
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<T> {
        if self.next_at()? > now {
            return None;
        }
        self.heap.pop().map(|due| due.what)
    }
}

/// Signalling may be slow; media is not reordered across more than a few packets.
pub(super) const SLOWEST: Duration = Duration::from_millis(60);
