//! How many operators for each hour: the fewest by Erlang A that reach the goal, and never fewer than a night shift. Plans
//! are for an average week of a month; what people do beyond the formulas the simulation shows.

use std::time::Duration;

use super::arrivals::Curve;
use super::erlang::{self, Load};

/// A share of calls answered within a time, and who pays for it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Goal {
    /// From 0 to 1.
    pub level: f64,
    pub within: Duration,
    /// Fewer are not left alone with a city, seconds of talk or none.
    pub fewest: u32,
    /// More than by the formula, for languages and for talks that do not come as evenly as dice: 0.1 is a tenth.
    pub reserve: f64,
}

/// More are not searched for.
pub const MOST_OPERATORS: u32 = 1_000;

/// Operators for each hour of `length`.
pub fn plan(calls: &Curve, length: Duration, handling: f64, patience: f64, goal: Goal) -> Vec<u32> {
    let hours = u32::try_from(length.as_secs().div_ceil(3_600)).unwrap_or(u32::MAX);
    let for_rate = |arrivals: f64| {
        let load = Load { arrivals, handling, patience, operators: 0 };
        let fewest = erlang::operators_for(&load, goal.level, goal.within.as_secs_f64(), MOST_OPERATORS)
            .unwrap_or(MOST_OPERATORS);
        let wanted = (f64::from(fewest) * (1.0 + goal.reserve)).ceil();
        (wanted as u32).clamp(goal.fewest, MOST_OPERATORS)
    };
    // Rates repeat from week to week within a month.
    let mut known: Vec<(u64, u32)> = Vec::new();
    (0..hours)
        .map(|hour| {
            let rate = calls.rate(Duration::from_secs(3_600) * hour).0;
            match known.iter().find(|(bits, _)| *bits == rate.to_bits()) {
                Some((_, operators)) => *operators,
                None => {
                    let operators = for_rate(rate);
                    known.push((rate.to_bits(), operators));
                    operators
                }
            }
        })
        .collect()
}
