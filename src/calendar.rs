//! Working calendars: civil time zones, office hours, single dates that differ, and moments computed on them.
//!
//! Pure functions of a [`Calendar`] and a moment; which promise uses which calendar is `case/norm.rs`. Wall-clock
//! times are turned into moments by RFC 5545 3.3.5: a time that a clock change skips counts with the offset before
//! the change; of a time that happens twice an opening takes the first, a closing the second.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use chrono::{
    Datelike, Days, LocalResult, Months, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Weekday,
};
use chrono_tz::Tz;

use crate::time::Timestamp;

/// No promise looks further ahead than this many days; a calendar that never opens ends the search here.
const MAX_DAYS_AHEAD: u32 = 3_660;

/// When work is done, in one time zone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calendar {
    zone: Tz,
    hours: Hours,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Hours {
    /// Round the clock, holidays included.
    Always,
    Weekly {
        week: Week,
        day: DayHours,
        single: BTreeMap<NaiveDate, SingleDay>,
    },
}

/// A date that is not what its weekday says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SingleDay {
    /// A holiday, or a day off given for a working one elsewhere.
    Off,
    /// Work in the usual hours, as on the Saturday worked for a Monday.
    Working,
    /// Work in hours of its own, as on the eve of a holiday.
    Hours(DayHours),
}

/// The days of the week on which work is done, e.g. `Mon-Fri`, `Sat,Sun`, `Sun-Thu`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Week([bool; 7]);

/// Opening and closing time of a working day, e.g. `08:00-17:00`; closing may be `24:00`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DayHours {
    opens: NaiveTime,
    /// None is midnight, the end of the day.
    closes: Option<NaiveTime>,
}

/// Why a piece of a calendar's description cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CalendarError {
    #[error("'{0}' is no time zone of the IANA database, as in Europe/Kyiv")]
    Zone(String),
    #[error("'{0}' are no days of the week, as in Mon-Fri or Sat,Sun")]
    Week(String),
    #[error("'{0}' are no hours, as in 08:00-17:00; the closing comes after the opening, at most 24:00")]
    Hours(String),
    #[error("'{0}' is no date, as in 2026-01-01")]
    Date(String),
}

impl Calendar {
    /// Open round the clock in `zone`, an IANA name.
    pub fn always(zone: &str) -> Result<Self, CalendarError> {
        Ok(Self { zone: parse_zone(zone)?, hours: Hours::Always })
    }

    /// Open in `hours` on the days of `week` that are no `holidays`.
    pub fn weekly(
        zone: &str,
        week: Week,
        hours: DayHours,
        holidays: BTreeSet<NaiveDate>,
    ) -> Result<Self, CalendarError> {
        let single = holidays.into_iter().map(|date| (date, SingleDay::Off)).collect();
        Ok(Self { zone: parse_zone(zone)?, hours: Hours::Weekly { week, day: hours, single } })
    }

    /// The same with `day` for `date`; round the clock is round the clock on every date.
    #[must_use]
    pub fn with_single_day(mut self, date: NaiveDate, day: SingleDay) -> Self {
        if let Hours::Weekly { single, .. } = &mut self.hours {
            single.insert(date, day);
        }
        self
    }

    pub const fn is_always_open(&self) -> bool {
        matches!(self.hours, Hours::Always)
    }

    /// IANA name of its zone.
    pub fn zone(&self) -> &'static str {
        self.zone.name()
    }

    /// The civil date in the calendar's zone.
    pub fn date_of(&self, at: Timestamp) -> NaiveDate {
        at.utc().with_timezone(&self.zone).date_naive()
    }

    /// What a clock on the wall in the calendar's zone shows.
    pub fn civil(&self, at: Timestamp) -> NaiveDateTime {
        at.utc().with_timezone(&self.zone).naive_local()
    }

    /// The moment a clock on the wall in the calendar's zone shows `civil`; the first of two.
    pub fn moment_of(&self, civil: NaiveDateTime) -> Timestamp {
        self.moment(civil, Twice::First)
    }

    pub fn is_working_day(&self, date: NaiveDate) -> bool {
        self.hours_on(date).is_some()
    }

    /// Opening and closing of a working day.
    fn hours_on(&self, date: NaiveDate) -> Option<DayHours> {
        match &self.hours {
            Hours::Always => Some(DayHours::WHOLE_DAY),
            Hours::Weekly { week, day, single } => match single.get(&date) {
                Some(SingleDay::Off) => None,
                Some(SingleDay::Working) => Some(*day),
                Some(SingleDay::Hours(hours)) => Some(*hours),
                None => week.contains(date.weekday()).then_some(*day),
            },
        }
    }

    /// True from the opening to just before the closing.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.opening_hours(self.date_of(at)).is_some_and(|(opens, closes)| opens <= at && at < closes)
    }

    /// `at` itself when open, else the next opening; none when there is none within ten years.
    pub fn next_opening(&self, at: Timestamp) -> Option<Timestamp> {
        self.days_from(self.date_of(at))
            .filter_map(|date| self.opening_hours(date))
            .find(|(_, closes)| *closes > at)
            .map(|(opens, _)| opens.max(at))
    }

    /// The moment when `length` of open time has passed since `at`.
    pub fn open_time_later(&self, at: Timestamp, length: Duration) -> Option<Timestamp> {
        if self.is_always_open() {
            return Some(at.plus(length));
        }
        let mut left = length;
        for (opens, closes) in self.days_from(self.date_of(at)).filter_map(|date| self.opening_hours(date)) {
            let begin = opens.max(at);
            let open_for = closes.since(begin);
            if !open_for.is_zero() && left <= open_for {
                return Some(begin.plus(left));
            }
            left -= open_for;
        }
        None
    }

    /// Open time from `from` to `to`; zero when `to` is not later. Beyond ten years nothing is counted.
    pub fn open_time_between(&self, from: Timestamp, to: Timestamp) -> Duration {
        if self.is_always_open() {
            return to.since(from);
        }
        let days = self.days_from(self.date_of(from)).filter_map(|date| self.opening_hours(date));
        days.take_while(|(opens, _)| *opens < to)
            .map(|(opens, closes)| closes.min(to).since(opens.max(from)))
            .sum()
    }

    /// The end of the `count`-th working day after the day of `at`, which is day 0.
    pub fn working_days_later(&self, at: Timestamp, count: u32) -> Option<Timestamp> {
        let today = self.date_of(at);
        if count == 0 {
            return Some(self.end_of(today));
        }
        let skipped = usize::try_from(count - 1).ok()?;
        let date = self.days_from(today).skip(1).filter(|date| self.is_working_day(*date)).nth(skipped)?;
        Some(self.end_of(date))
    }

    /// The date `count` calendar days after the day of `at`.
    pub fn days_later(&self, at: Timestamp, count: u32) -> Option<NaiveDate> {
        self.date_of(at).checked_add_days(Days::new(u64::from(count)))
    }

    /// The same day `count` months after the day of `at`; that month's last day where it has no such day.
    pub fn months_later(&self, at: Timestamp, count: u32) -> Option<NaiveDate> {
        self.date_of(at).checked_add_months(Months::new(count))
    }

    /// The midnight that begins `date`.
    pub fn start_of(&self, date: NaiveDate) -> Timestamp {
        self.moment(date.and_time(NaiveTime::MIN), Twice::First)
    }

    /// `date` when work is done on it, else the next day on which it is.
    pub fn working_day_from(&self, date: NaiveDate) -> Option<NaiveDate> {
        self.days_from(date).find(|date| self.is_working_day(*date))
    }

    /// The closing on a working day with hours, else the midnight that ends `date`.
    pub fn end_of(&self, date: NaiveDate) -> Timestamp {
        match self.opening_hours(date) {
            Some((_, closes)) => closes,
            None => self.midnight_after(date),
        }
    }

    fn opening_hours(&self, date: NaiveDate) -> Option<(Timestamp, Timestamp)> {
        let DayHours { opens, closes } = self.hours_on(date)?;
        let closes = match closes {
            Some(time) => self.moment(date.and_time(time), Twice::Second),
            None => self.midnight_after(date),
        };
        Some((self.moment(date.and_time(opens), Twice::First), closes))
    }

    fn midnight_after(&self, date: NaiveDate) -> Timestamp {
        let next = date.succ_opt().unwrap_or(date);
        self.moment(next.and_time(NaiveTime::MIN), Twice::First)
    }

    fn days_from(&self, date: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        date.iter_days().take(usize::try_from(MAX_DAYS_AHEAD).unwrap_or(usize::MAX))
    }

    fn moment(&self, local: NaiveDateTime, twice: Twice) -> Timestamp {
        match (self.zone.from_local_datetime(&local), twice) {
            (LocalResult::Single(at), _)
            | (LocalResult::Ambiguous(at, _), Twice::First)
            | (LocalResult::Ambiguous(_, at), Twice::Second) => Timestamp::from_utc(at.to_utc()),
            (LocalResult::None, _) => {
                // Skipped by a clock change: read it with the offset of a day earlier, before the change.
                let before = local.checked_sub_days(Days::new(1)).unwrap_or(local);
                let offset = self.zone.offset_from_utc_datetime(&before).fix();
                Timestamp::from_utc((local - offset).and_utc())
            }
        }
    }
}

/// Which of the two moments a wall-clock time means on the day the clocks go back.
#[derive(Clone, Copy)]
enum Twice {
    First,
    Second,
}

impl DayHours {
    const WHOLE_DAY: Self = Self { opens: NaiveTime::MIN, closes: None };

    /// Both from 0 to 23, the closing after the opening.
    pub const fn from_hour_to_hour(opens: u32, closes: u32) -> Self {
        let (opens, closes) = (NaiveTime::from_hms_opt(opens, 0, 0), NaiveTime::from_hms_opt(closes, 0, 0));
        match opens {
            Some(opens) => Self { opens, closes },
            None => Self { opens: NaiveTime::MIN, closes },
        }
    }
}

impl Week {
    pub const ALL: Self = Self([true; 7]);

    pub fn contains(self, day: Weekday) -> bool {
        self.0[day.num_days_from_monday() as usize]
    }
}

impl FromStr for Week {
    type Err = CalendarError;

    /// Names of three letters, as ranges (which may run over Sunday) and lists.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || CalendarError::Week(text.to_owned());
        let day = |name: &str| {
            let name = name.trim();
            if name.len() == 3 { name.parse::<Weekday>().map_err(|_| wrong()) } else { Err(wrong()) }
        };
        let mut week = [false; 7];
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (mut current, last) = (day(first)?, day(last)?);
            week[current.num_days_from_monday() as usize] = true;
            while current != last {
                current = current.succ();
                week[current.num_days_from_monday() as usize] = true;
            }
        }
        Ok(Self(week))
    }
}

impl FromStr for DayHours {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || CalendarError::Hours(text.to_owned());
        let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").map_err(|_| wrong());
        let (opens, closes) = text.split_once('-').ok_or_else(wrong)?;
        let opens = time(opens)?;
        let closes = if closes.trim() == "24:00" { None } else { Some(time(closes)?) };
        if closes.is_some_and(|closes| closes <= opens) {
            return Err(wrong());
        }
        Ok(Self { opens, closes })
    }
}

fn parse_zone(name: &str) -> Result<Tz, CalendarError> {
    name.parse().map_err(|_| CalendarError::Zone(name.to_owned()))
}

/// An ISO 8601 calendar date, `2026-01-01`.
pub fn parse_date(text: &str) -> Result<NaiveDate, CalendarError> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| CalendarError::Date(text.to_owned()))
}

/// A date in JSON, as it is written for people who configure: `2026-01-01`.
pub mod date_text {
    use chrono::NaiveDate;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(date: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(date)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
        super::parse_date(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
