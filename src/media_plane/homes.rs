//! Where each leg is: its media thread, and the quarter of the tick in which its turn comes. Legs that may hear each
//! other share both: a leg is opened where the one it is to stand beside is, any other where there are fewest.

use std::collections::HashMap;

use super::quarter::QUARTERS;
use crate::ids::LegId;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Home {
    pub(super) thread: usize,
    pub(super) quarter: usize,
}

#[derive(Debug)]
pub(super) struct Homes {
    legs: HashMap<LegId, Home>,
    /// Legs of each quarter of each thread.
    population: Vec<[usize; QUARTERS]>,
}

impl Homes {
    /// `threads` is at least 1.
    pub(super) fn new(threads: usize) -> Self {
        Self { legs: HashMap::new(), population: vec![[0; QUARTERS]; threads.max(1)] }
    }

    /// The home of a leg that is opened now; that of before when it is open already.
    pub(super) fn open(&mut self, leg: LegId, beside: Option<LegId>) -> Home {
        if let Some(home) = self.of(leg) {
            return home;
        }
        let shared = beside.and_then(|beside| self.of(beside));
        let home = shared.unwrap_or_else(|| self.emptiest());
        self.legs.insert(leg, home);
        self.population[home.thread][home.quarter] += 1;
        home
    }

    pub(super) fn of(&self, leg: LegId) -> Option<Home> {
        self.legs.get(&leg).copied()
    }

    /// Forgets a leg; the home it had.
    pub(super) fn close(&mut self, leg: LegId) -> Option<Home> {
        let home = self.legs.remove(&leg)?;
        self.population[home.thread][home.quarter] -= 1;
        Some(home)
    }

    /// A quarter with fewest legs, on the thread with fewest.
    fn emptiest(&self) -> Home {
        let legs = |thread: &usize| self.population[*thread].iter().sum::<usize>();
        let thread = (0..self.population.len()).min_by_key(legs).unwrap_or(0);
        let quarter = (0..QUARTERS).min_by_key(|quarter| self.population[thread][*quarter]).unwrap_or(0);
        Home { thread, quarter }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_spread_and_stay_together() {
        let mut homes = Homes::new(2);
        let opened = [(1, None), (2, None), (3, Some(1)), (4, None), (5, Some(9)), (6, None), (3, None)];
        let places = opened.map(|(leg, beside)| {
            let home = homes.open(LegId(leg), beside.map(LegId));
            (home.thread, home.quarter)
        });
        assert_eq!(places, [(0, 0), (1, 0), (0, 0), (1, 1), (0, 1), (1, 2), (0, 0)]);
        let first = Some(Home { thread: 0, quarter: 0 });
        assert_eq!([homes.close(LegId(1)), homes.close(LegId(1)), homes.of(LegId(1))], [first, None, None]);
        assert_eq!(homes.close(LegId(3)), first);
        assert_eq!(homes.open(LegId(7), None), Home { thread: 0, quarter: 0 });
    }
}
