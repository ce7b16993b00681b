//! What people of the simulated city are like: when operators come and go, which languages are spoken, how long somebody
//! waits, talks or takes to pick up.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;

use super::super::staffing::MOST_OPERATORS;
use super::super::{Length, QUEUE};
use super::{City, HOUR, Next};
use crate::acd::OperatorProfile;
use crate::ids::UserId;
use crate::language::Language;

/// The languages of callers, in parts of a hundred.
const SPOKEN: [(Language, f64); 5] = [
    (Language::Uk, 72.0),
    (Language::Ru, 16.0),
    (Language::En, 7.0),
    (Language::Pl, 3.0),
    (Language::He, 2.0),
];

/// Every so many operators one who speaks it, beside the city's own language.
const SPEAKERS: [(Language, u32); 4] =
    [(Language::Ru, 2), (Language::En, 4), (Language::Pl, 10), (Language::He, 12)];

impl City<'_> {
    /// Everybody who works in any hour has a phone that is registered from the beginning.
    pub(super) fn hire(&mut self) {
        let most = self.setting.operators.iter().copied().max().unwrap_or(0).min(MOST_OPERATORS);
        let profiles = (1..=most).map(|number| OperatorProfile {
            user: user(number),
            name: format!("Operator {number}"),
            extension: format!("{}", 1_000 + number),
            languages: languages_of(number),
            queues: vec![QUEUE.to_owned()],
            skills: BTreeMap::new(),
        });
        let now = self.mono();
        self.acd.configure(vec![self.setting.queue.clone()], profiles.collect(), now);
        (1..=most).for_each(|number| self.acd.handle_registered(user(number), now));
    }

    /// The next hour: newcomers are ready, those who leave go home when their call is over. Citizens who may not be rung any
    /// more lose their place until tomorrow.
    pub(super) fn begin_shift(&mut self) {
        let (before, wanted, now) = (self.shift, self.wanted(), self.mono());
        self.shift = wanted;
        // Both fail only for operators without a phone, and all have one.
        for number in before + 1..=wanted {
            let _ = self.acd.set_ready(user(number), now);
        }
        for number in wanted + 1..=before {
            let _ = self.acd.set_not_ready(user(number), "off", now);
        }
        if !self.call_backs.is_permitted(self.now().utc) {
            for token in std::mem::take(&mut self.held) {
                self.acd.leave(token, now);
                self.call_backs.rest(token, self.now());
            }
        }
        self.plan(HOUR, Next::ShiftBegins);
    }

    pub(super) fn some_language(&mut self) -> Language {
        if !self.setting.languages {
            return Language::Uk;
        }
        let mut lot = self.dice.random::<f64>() * 100.0;
        for (language, part) in SPOKEN {
            lot -= part;
            if lot < 0.0 {
                return language;
            }
        }
        Language::Uk
    }

    pub(super) fn until_picked_up(&mut self) -> Duration {
        let (soonest, latest) = self.setting.picks_up;
        Duration::from_secs_f64(soonest + (latest - soonest) * self.dice.random::<f64>())
    }

    pub(super) fn exponential(&mut self, mean: f64) -> Duration {
        Duration::from_secs_f64(-(1.0 - self.dice.random::<f64>()).ln() * mean)
    }

    pub(super) fn talk(&mut self) -> Duration {
        match self.setting.talk {
            Length::Exponential(mean) => self.exponential(mean),
            Length::LogNormal { mean, variation } => {
                // Box and Muller's way from even dice to the normal distribution.
                let (radius, turn) = (1.0 - self.dice.random::<f64>(), self.dice.random::<f64>());
                let normal = (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos();
                let spread = (1.0 + variation * variation).ln();
                let length = (mean.ln() - spread / 2.0 + spread.sqrt() * normal).exp();
                Duration::from_secs_f64(length.min(3_600.0))
            }
        }
    }

    pub(super) fn by_chance(&mut self, share: f64) -> bool {
        self.dice.random::<f64>() < share
    }
}

fn user(number: u32) -> UserId {
    UserId(uuid::Uuid::from_u128(u128::from(number)))
}

/// All speak the city's language; the others are spread over them evenly.
fn languages_of(number: u32) -> Vec<Language> {
    let others = SPEAKERS.iter().filter(|(_, every)| number.is_multiple_of(*every));
    std::iter::once(Language::Uk).chain(others.map(|(language, _)| *language)).collect()
}
