//! When a city calls: by the hour of the day, the day of the week and the month, and all at once when the heating fails.
//! Calls come by chance (a Poisson process whose rate follows the curve); the dice are the caller's, so a seed repeats them.
//!
//! The size is the design load of a large city: three million cases a year, some 1,200 in the busiest hour, and twelve calls
//! a second at worst. The shape within day, week and year is an assumption, to be replaced by a city's own figures.

use std::time::Duration;

use chrono::{Datelike, Days, NaiveDate};
use rand::{Rng, RngExt};

/// Cases a year of a city of three million people.
pub const CASES_A_YEAR: f64 = 3_000_000.0;
/// Some calls ask, or ask again: as many came for each case in the database of `ONLY=city make bench`.
pub const CALLS_PER_CASE: f64 = 1.18;

/// Parts of a day's calls by hour. The sum does not matter.
const HOURS: [f64; 24] = [
    8.0, 6.0, 5.0, 5.0, 6.0, 10.0, 22.0, 45.0, 88.0, 112.0, 108.0, 96.0, 78.0, 76.0, 74.0, 68.0, 58.0, 46.0,
    38.0, 32.0, 26.0, 20.0, 14.0, 10.0,
];
/// Times the mean day, Monday first.
const WEEKDAYS: [f64; 7] = [1.25, 1.12, 1.08, 1.06, 1.0, 0.82, 0.67];
/// Times the mean month, January first.
const MONTHS: [f64; 12] = [1.18, 1.12, 1.0, 0.95, 0.92, 0.92, 0.95, 0.93, 0.95, 1.08, 1.0, 1.0];

/// Everybody at once: calls that come on top, for one matter.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Outage {
    /// From the beginning of the simulation.
    pub begins: Duration,
    /// Until the rate is at its highest; it grows evenly.
    pub grows: Duration,
    /// Calls a second at worst.
    pub most: f64,
    /// For so long it stays there.
    pub lasts: Duration,
    /// Afterwards the rate halves each time this has passed.
    pub halves_every: Duration,
}

impl Outage {
    /// Calls a second at `at`.
    fn rate(&self, at: Duration) -> f64 {
        let Some(since) = at.checked_sub(self.begins) else { return 0.0 };
        if since < self.grows {
            return self.most * since.as_secs_f64() / self.grows.as_secs_f64();
        }
        let over = since.saturating_sub(self.grows + self.lasts);
        self.most * 0.5_f64.powf(over.as_secs_f64() / self.halves_every.as_secs_f64())
    }
}

/// The rate of calls over time.
#[derive(Clone, PartialEq, Debug)]
pub enum Curve {
    /// Calls a second, always the same: for comparison with the formulas.
    Even(f64),
    City {
        /// Of the first day, which begins at midnight.
        first: NaiveDate,
        calls_a_year: f64,
        outage: Option<Outage>,
    },
}

/// What somebody calls about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    Anything,
    TheOutage,
}

impl Curve {
    /// Calls a second at `at`: all of them, and those about the outage.
    pub fn rate(&self, at: Duration) -> (f64, f64) {
        match self {
            Self::Even(rate) => (*rate, 0.0),
            Self::City { first, calls_a_year, outage } => {
                let (day, hour) = (at.as_secs() / 86_400, at.as_secs() / 3_600 % 24);
                let date = first.checked_add_days(Days::new(day)).unwrap_or(*first);
                let usual = calls_a_year / 365.0
                    * WEEKDAYS[date.weekday().num_days_from_monday() as usize]
                    * MONTHS[date.month0() as usize]
                    * HOURS[usize::try_from(hour).unwrap_or(0)]
                    / HOURS.iter().sum::<f64>()
                    / 3_600.0;
                let outage = outage.map_or(0.0, |outage| outage.rate(at));
                (usual + outage, outage)
            }
        }
    }

    /// The next call after `at`, and what it is about; none before `end`. The rate is taken as even within a minute, which
    /// is exact for a process without memory that is looked at anew at each.
    pub fn next(&self, mut at: Duration, end: Duration, dice: &mut impl Rng) -> Option<(Duration, About)> {
        while at < end {
            let minute_ends = Duration::from_secs((at.as_secs() / 60 + 1) * 60);
            let (rate, outage) = self.rate(at);
            let gap = -(1.0 - dice.random::<f64>()).ln() / rate;
            match Duration::try_from_secs_f64(gap).ok().filter(|gap| at + *gap < minute_ends) {
                Some(gap) => {
                    let is_outage = dice.random::<f64>() * rate < outage;
                    let about = if is_outage { About::TheOutage } else { About::Anything };
                    return Some((at + gap, about)).filter(|(at, _)| *at < end);
                }
                None => at = minute_ends,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn city(outage: Option<Outage>) -> Curve {
        let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        Curve::City { first, calls_a_year: CASES_A_YEAR * CALLS_PER_CASE, outage }
    }

    fn outage() -> Outage {
        Outage { begins: 6 * HOUR, grows: HOUR / 2, most: 12.0, lasts: HOUR, halves_every: HOUR }
    }

    #[test]
    fn a_year_has_its_cases_and_the_busiest_hour_some_1200() {
        let city = city(None);
        let hours: Vec<f64> = (0..365 * 24).map(|hour| city.rate(hour * HOUR).0 * 3_600.0).collect();
        let cases = hours.iter().sum::<f64>() / CALLS_PER_CASE;
        assert!((cases / CASES_A_YEAR - 1.0).abs() < 0.01, "{cases}");
        let busiest = hours.iter().copied().fold(0.0, f64::max) / CALLS_PER_CASE;
        assert!((1_150.0..1_350.0).contains(&busiest), "{busiest}");
    }

    #[test]
    fn an_outage_grows_stays_and_halves() {
        let outage = outage();
        let rate = |hours: f64| outage.rate(HOUR.mul_f64(hours));
        assert_eq!((rate(5.9), rate(6.25), rate(6.5), rate(7.49)), (0.0, 6.0, 12.0, 12.0));
        assert!((rate(8.5) - 6.0).abs() < 1e-9 && (rate(9.5) - 3.0).abs() < 1e-9);
    }

    #[test]
    fn calls_come_as_often_as_the_curve_says_and_the_same_by_the_same_seed() {
        let city = city(Some(outage()));
        let calls = |seed| {
            let (mut dice, mut at, mut told) = (StdRng::seed_from_u64(seed), Duration::ZERO, Vec::new());
            while let Some((next, about)) = city.next(at, 12 * HOUR, &mut dice) {
                assert!(next > at);
                told.push((next, about));
                at = next;
            }
            told
        };
        let found = calls(1);
        assert_eq!(found, calls(1));
        assert_ne!(found, calls(2));
        let wanted: f64 = (0..12 * 60).map(|minute| city.rate(minute * HOUR / 60).0 * 60.0).sum();
        let (count, about) =
            (found.len() as f64, found.iter().filter(|call| call.1 == About::TheOutage).count());
        assert!((count - wanted).abs() < 5.0 * wanted.sqrt(), "{count} calls, not {wanted}");
        assert!(about as f64 > 0.8 * count, "{about} of {count} about the outage");
    }
}
