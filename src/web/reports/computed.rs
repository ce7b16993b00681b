//! Weeks that were counted, kept for a while: the list behind a figure comes from the very facts the figure was made of.
//! A few of them, because the facts of a large city's week are tens of megabytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::report::{Facts, Period, Report, Week, report};
use crate::time::Timestamp;

/// Weeks kept; whoever asks for an older one has it counted again.
const KEPT: usize = 3;
/// Counted at once: each reads some hundred thousand rows.
const COUNTED_AT_ONCE: usize = 1;

/// A week and the one before, with all that their figures are made of.
#[derive(Debug)]
pub(super) struct Computed {
    pub(super) week: Week,
    pub(super) period: Period,
    pub(super) before: Period,
    pub(super) facts: Facts,
    pub(super) earlier: Facts,
}

impl Computed {
    pub(super) fn report(&self) -> Report {
        report((&self.period, &self.facts), (&self.before, &self.earlier))
    }

    pub(super) fn facts(&self, before: bool) -> (&Period, &Facts) {
        if before { (&self.before, &self.earlier) } else { (&self.period, &self.facts) }
    }

    pub(super) fn periods(&self) -> [&Period; 2] {
        [&self.period, &self.before]
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.facts, &self.earlier) == (&other.facts, &other.earlier)
    }
}

/// What was counted last, and who may count.
#[derive(Debug)]
pub(in crate::web) struct Kept {
    weeks: Mutex<VecDeque<Arc<Computed>>>,
    pub(super) counting: Semaphore,
    pub(super) recomputing: Semaphore,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            weeks: Mutex::default(),
            counting: Semaphore::new(COUNTED_AT_ONCE),
            recomputing: Semaphore::new(COUNTED_AT_ONCE),
        }
    }
}

impl Kept {
    pub(super) fn keep(&self, computed: Computed) -> Arc<Computed> {
        let computed = Arc::new(computed);
        let mut weeks = self.weeks.lock().unwrap_or_else(PoisonError::into_inner);
        weeks.push_back(computed.clone());
        while weeks.len() > KEPT {
            weeks.pop_front();
        }
        computed
    }

    /// As it was counted at `to`, which the API told in milliseconds.
    pub(super) fn kept(&self, week: Week, to: Timestamp) -> Option<Arc<Computed>> {
        let weeks = self.weeks.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |known: &&Arc<Computed>| {
            known.week == week && known.period.to.micros() / 1_000 == to.micros() / 1_000
        };
        weeks.iter().rev().find(is_it).cloned()
    }
}
