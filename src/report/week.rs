//! The week of a report: ISO 8601, Monday to Sunday by the city's clock, written `2026-W47`. A period is what is
//! counted over: a week, or a day of the board.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{Datelike, Days, NaiveDate, Weekday};

use crate::calendar::Calendar;
use crate::time::Timestamp;

/// Years a report may be asked of; others are typing errors.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2200;

/// A week, known by its Monday.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Week(NaiveDate);

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is no week, as in 2026-W47")]
pub struct NotAWeek(String);

/// From `from` to just before `to`, which for a week that is not over is now; what stands is told as of `to`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Period {
    pub from: Timestamp,
    pub to: Timestamp,
    /// Nothing of it is still to come.
    pub is_over: bool,
    /// An answer within this time keeps the service level.
    pub answer_within: Duration,
    /// The city's clock: hours and days are its.
    pub clock: Calendar,
}

impl Week {
    /// The week of the moment by the city's clock.
    pub fn of(at: Timestamp, clock: &Calendar) -> Self {
        let date = clock.date_of(at);
        Self(date - Days::new(u64::from(date.weekday().num_days_from_monday())))
    }

    pub fn before(self) -> Self {
        Self(self.0 - Days::new(7))
    }

    pub fn first_day(self) -> NaiveDate {
        self.0
    }

    pub fn last_day(self) -> NaiveDate {
        self.0 + Days::new(6)
    }

    /// `now` bounds what can be known.
    pub fn period(self, now: Timestamp, answer_within: Duration, clock: &Calendar) -> Period {
        let (from, end) = (clock.start_of(self.0), clock.start_of(self.0 + Days::new(7)));
        Period { from, to: end.min(now.max(from)), is_over: end <= now, answer_within, clock: clock.clone() }
    }
}

impl Period {
    /// The day of `now` so far.
    pub fn day(now: Timestamp, answer_within: Duration, clock: &Calendar) -> Self {
        let today = clock.date_of(now);
        Self { from: clock.start_of(today), to: now, is_over: false, answer_within, clock: clock.clone() }
    }

    pub fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let week = self.0.iso_week();
        write!(f, "{:04}-W{:02}", week.year(), week.week())
    }
}

impl FromStr for Week {
    type Err = NotAWeek;

    fn from_str(text: &str) -> Result<Self, NotAWeek> {
        let wrong = || NotAWeek(text.chars().take(20).collect());
        let (year, week) = text.split_once("-W").ok_or_else(wrong)?;
        let plain = |digits: &str, count: usize| {
            digits.len() == count && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !plain(year, 4) || !plain(week, 2) {
            return Err(wrong());
        }
        let (year, week): (i32, u32) =
            (year.parse().map_err(|_| wrong())?, week.parse().map_err(|_| wrong())?);
        let monday = NaiveDate::from_isoywd_opt(year, week, Weekday::Mon).filter(|_| YEARS.contains(&year));
        monday.map(Self).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn weeks_are_written_as_they_are_read_and_nothing_else_is_one() {
        for text in ["2026-W47", "2026-W53", "2027-W01", "2020-W53"] {
            assert_eq!(text.parse::<Week>().unwrap().to_string(), text);
        }
        for text in
            ["", "2026", "2026-47", "2026-W", "2026-W0", "2026-W00", "2026-W54", "2025-W53", "2026-W+1"]
        {
            assert!(text.parse::<Week>().is_err(), "{text}");
        }
        assert!("1999-W10".parse::<Week>().is_err() && "2026-W047".parse::<Week>().is_err());
    }

    #[test]
    fn a_week_is_seven_days_of_the_city_whatever_its_clock_does() {
        let clock = Calendar::always("Europe/Kyiv").unwrap();
        let week: Week = "2026-W43".parse().unwrap();
        let period = week.period(Timestamp(i64::MAX), Duration::from_secs(20), &clock);
        assert_eq!(period.from.rfc3339(), "2026-10-18T21:00:00.000Z");
        assert_eq!(period.to.rfc3339(), "2026-10-25T22:00:00.000Z", "the night of 25 hours is in it");
        assert_eq!((Week::of(period.from, &clock), period.to), (week, period.to));
        assert_eq!(Week::of(Timestamp(period.to.0 - 1), &clock), week);
        assert_eq!(Week::of(period.to, &clock).before(), week);
        let early = week.period(Timestamp(period.from.0 + 5), Duration::ZERO, &clock);
        assert_eq!(
            (early.to, early.is_over),
            (Timestamp(period.from.0 + 5), false),
            "of a week that goes on, what is known now"
        );
    }
}
