//! Which media thread has which leg. Legs that may hear each other share one: a leg is opened where the one it is to
//! stand beside is, any other on the thread that has fewest.

use std::collections::HashMap;

use crate::ids::LegId;

#[derive(Debug)]
pub(super) struct Homes {
    threads: HashMap<LegId, usize>,
    /// Legs of each thread.
    legs: Vec<usize>,
}

impl Homes {
    /// `threads` is at least 1.
    pub(super) fn new(threads: usize) -> Self {
        Self { threads: HashMap::new(), legs: vec![0; threads.max(1)] }
    }

    /// The thread of a leg that is opened now; that of before when it is open already.
    pub(super) fn open(&mut self, leg: LegId, beside: Option<LegId>) -> usize {
        if let Some(thread) = self.of(leg) {
            return thread;
        }
        let shared = beside.and_then(|beside| self.of(beside));
        let thread = shared.unwrap_or_else(|| self.emptiest());
        self.threads.insert(leg, thread);
        self.legs[thread] += 1;
        thread
    }

    pub(super) fn of(&self, leg: LegId) -> Option<usize> {
        self.threads.get(&leg).copied()
    }

    /// Forgets a leg; the thread it had.
    pub(super) fn close(&mut self, leg: LegId) -> Option<usize> {
        let thread = self.threads.remove(&leg)?;
        self.legs[thread] -= 1;
        Some(thread)
    }

    fn emptiest(&self) -> usize {
        (0..self.legs.len()).min_by_key(|thread| self.legs[*thread]).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_spread_and_stay_together() {
        let mut homes = Homes::new(2);
        let opened = [(1, None), (2, None), (3, Some(1)), (4, None), (5, Some(9)), (3, None)];
        let threads = opened.map(|(leg, beside)| homes.open(LegId(leg), beside.map(LegId)));
        assert_eq!(threads, [0, 1, 0, 1, 0, 0]);
        assert_eq!([homes.close(LegId(1)), homes.close(LegId(1)), homes.of(LegId(1))], [Some(0), None, None]);
        assert_eq!([homes.close(LegId(3)), homes.close(LegId(5))], [Some(0); 2]);
        assert_eq!([6, 7, 8].map(|leg| homes.open(LegId(leg), None)), [0, 0, 0]);
    }
}
