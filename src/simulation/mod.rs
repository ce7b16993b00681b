//! A city on paper: how many operators, how long callers wait, what a bad day does, and what the machines must carry. The
//! queue is not modelled: it is [`crate::acd`] itself, with [`crate::callback`], on a clock that jumps from event to event.
//!
//! When people call stands in `arrivals`, what the books say in `erlang`, how many operators are planned by them in
//! `staffing`; `run` lets callers call and operators answer, `count` keeps what came of it, `burden` tells what it asks of
//! machines. No clock and no dice of its own: a seed repeats every figure.

pub mod arrivals;
pub mod burden;
pub mod count;
pub mod erlang;
pub mod plot;
mod run;
pub mod staffing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::acd::{QueueSettings, Strategy, SurgeLimits};

pub use arrivals::Curve;
pub use run::simulate;

/// Name of the only queue.
const QUEUE: &str = "city";

/// What is simulated.
#[derive(Clone, PartialEq, Debug)]
pub struct Setting {
    pub seed: u64,
    /// The simulation ends then, whoever still waits.
    pub length: Duration,
    pub calls: Curve,
    /// Operators at work in each hour; the first again after the last. At most 1,000.
    pub operators: Vec<u32>,
    pub queue: QueueSettings,
    pub talk: Length,
    /// Seconds until an operator picks up, evenly between the two; zero for at once.
    pub picks_up: (f64, f64),
    /// How long callers wait before they hang up: exponential, seconds on average.
    pub patience: f64,
    /// Greeting and menu before the line.
    pub menu: Duration,
    /// Several languages, of callers and of operators; else everybody speaks the same.
    pub languages: bool,
    /// What the city does when too many call.
    pub relief: Relief,
    /// The share of those who gave up, were turned away and are not to be rung back that call again, each up to three
    /// times; minutes until then, exponential on average.
    pub calls_again: (f64, f64),
}

/// How long a talk is; seconds on average.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Length {
    /// As the formulas have it.
    Exponential(f64),
    /// As talks are; the variation is the standard deviation over the mean.
    LogNormal { mean: f64, variation: f64 },
}

impl Length {
    pub const fn mean(self) -> f64 {
        match self {
            Self::Exponential(mean) | Self::LogNormal { mean, .. } => mean,
        }
    }
}

/// Ways to answer more people than there are operators.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Relief {
    /// In a surge callers are asked whether they want to be rung back: the share that does; none where nobody is asked.
    pub takes_call_back: Option<f64>,
    /// From then on the incident stands on the list, and its announcement is heard before the line: since when, and the
    /// share of those calling about it who need no more than that.
    pub announcement: Option<(Duration, f64)>,
}

/// The queue of a large city, as `config.toml` has it unless said otherwise: the greatest capacity, and a surge from twice
/// the calls of a busy hour's minute, or three minutes of waiting.
pub fn city_queue(strategy: Strategy) -> QueueSettings {
    QueueSettings {
        name: QUEUE.to_owned(),
        strategy,
        ring_another_after: Duration::from_secs(5),
        head_start: Duration::ZERO,
        capacity: 1_000,
        ring_timeout: Duration::from_secs(20),
        wrap_up: Duration::from_secs(30),
        announce_every: Duration::from_secs(45),
        relax_language_after: Duration::from_secs(120),
        skills: BTreeMap::new(),
        relax_skills_every: None,
        max_wait: None,
        max_expected_wait: None,
        surge: SurgeLimits { arrivals: Some(50), wait: Some(Duration::from_secs(180)) },
    }
}

impl Setting {
    /// Callers and operators as people are: talks of three minutes that vary widely, five seconds to pick up, half a minute
    /// of writing up, three minutes of patience, several languages.
    pub fn of_people(seed: u64, length: Duration, calls: Curve, operators: Vec<u32>) -> Self {
        Self {
            seed,
            length,
            calls,
            operators,
            queue: city_queue(Strategy::LongestIdle),
            talk: Length::LogNormal { mean: 180.0, variation: 0.9 },
            picks_up: (2.0, 8.0),
            patience: 180.0,
            menu: Duration::from_secs(25),
            languages: true,
            relief: Relief::default(),
            calls_again: (0.5, 8.0),
        }
    }

    /// Callers and operators as the formulas have them: one language, a talk that is exponential and all there is, nobody
    /// calls again.
    pub fn of_theory(seed: u64, length: Duration, calls: Curve, operators: Vec<u32>) -> Self {
        let people = Self::of_people(seed, length, calls, operators);
        Self {
            talk: Length::Exponential(people.handling()),
            picks_up: (0.0, 0.0),
            queue: QueueSettings { wrap_up: Duration::ZERO, ..people.queue },
            languages: false,
            calls_again: (0.0, 1.0),
            ..people
        }
    }

    /// Seconds a call keeps an operator, on average.
    pub fn handling(&self) -> f64 {
        let (soonest, latest) = self.picks_up;
        self.talk.mean() + f64::midpoint(soonest, latest) + self.queue.wrap_up.as_secs_f64()
    }
}
