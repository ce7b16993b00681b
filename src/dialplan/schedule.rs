//! Named calendars of a dialplan: whether a moment is open, closed, a holiday or under an emergency override,
//! in the calendar's own civil time. Daylight saving is chrono-tz's (IANA) business.

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;

use crate::time::Timestamp;

/// Minutes of a civil day.
const DAY_MINUTES: u32 = 24 * 60;
/// Weekdays as a dialplan writes them.
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calendar {
    pub time_zone: Tz,
    /// Open at any time; holidays do not count.
    pub always: bool,
    pub open: Vec<OpenHours>,
    pub holidays: Vec<Holiday>,
    /// Somebody declared an emergency: takes precedence over everything.
    pub emergency: bool,
}

/// `"Mon-Fri 08:00-17:00"`: open from the first minute up to, not including, the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenHours {
    /// 0 is Monday; `last_day` may lie before `first_day` (`Sat-Mon`).
    first_day: u32,
    last_day: u32,
    from_minute: u32,
    until_minute: u32,
}

/// `"2026-12-25"`, or `"12-25"` for every year.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holiday {
    year: Option<i32>,
    month: u32,
    day: u32,
}

/// How a calendar stands at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    Open,
    Closed,
    Holiday,
    Emergency,
}

impl Calendar {
    pub fn standing(&self, at: Timestamp) -> Standing {
        let local = at.utc().with_timezone(&self.time_zone);
        if self.emergency {
            Standing::Emergency
        } else if self.always {
            Standing::Open
        } else if self.holidays.iter().any(|holiday| holiday.covers(&local)) {
            Standing::Holiday
        } else if self.open.iter().any(|hours| hours.cover(&local)) {
            Standing::Open
        } else {
            Standing::Closed
        }
    }
}

impl OpenHours {
    /// Reads `"Mon-Fri 08:00-17:00"` or `"Sat 09:00-14:00"`; the error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let form = || format!("'{text}' is not of the form \"Mon-Fri 08:00-17:00\"");
        let (days, hours) = text.split_once(' ').ok_or_else(form)?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (from, until) = hours.split_once('-').ok_or_else(form)?;
        let weekday = |name: &str| WEEKDAYS.iter().position(|day| *day == name).ok_or_else(form);
        let (first_day, last_day) = (weekday(first)? as u32, weekday(last)? as u32);
        let from_minute = parse_minute(from).ok_or_else(form)?;
        let until_minute = parse_minute(until).ok_or_else(form)?;
        if until_minute <= from_minute {
            return Err(format!("'{text}' ends before it begins: split hours at midnight (24:00)"));
        }
        Ok(Self { first_day, last_day, from_minute, until_minute })
    }

    fn cover(&self, local: &DateTime<Tz>) -> bool {
        let today = local.weekday().num_days_from_monday();
        let minute = local.hour() * 60 + local.minute();
        let on_day = if self.first_day <= self.last_day {
            (self.first_day..=self.last_day).contains(&today)
        } else {
            today >= self.first_day || today <= self.last_day
        };
        on_day && (self.from_minute..self.until_minute).contains(&minute)
    }
}

/// Minutes since midnight of `HH:MM`, up to and including `24:00`.
fn parse_minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 {
        return None;
    }
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= DAY_MINUTES).then_some(total)
}

impl Holiday {
    /// Reads `"2026-12-25"` or `"12-25"`; the error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a date of the form \"2026-12-25\" or \"12-25\"");
        let numbers: Option<Vec<u32>> = text.split('-').map(|part| part.parse().ok()).collect();
        let (year, month, day) = match numbers.ok_or_else(wrong)?[..] {
            [month, day] => (None, month, day),
            [year, month, day] => (i32::try_from(year).ok(), month, day),
            _ => return Err(wrong()),
        };
        // A leap year stands for "every year": 02-29 is a holiday when there is one.
        chrono::NaiveDate::from_ymd_opt(year.unwrap_or(2028), month, day).ok_or_else(wrong)?;
        Ok(Self { year, month, day })
    }

    fn covers(&self, local: &DateTime<Tz>) -> bool {
        self.year.is_none_or(|year| year == local.year())
            && (self.month, self.day) == (local.month(), local.day())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn office() -> Calendar {
        Calendar {
            time_zone: chrono_tz::Europe::Kyiv,
            always: false,
            open: vec![OpenHours::parse("Mon-Fri 08:00-17:00").unwrap()],
            holidays: vec![Holiday::parse("12-25").unwrap(), Holiday::parse("2026-08-24").unwrap()],
            emergency: false,
        }
    }

    fn at(rfc3339: &str) -> Timestamp {
        Timestamp::from_utc(DateTime::parse_from_rfc3339(rfc3339).unwrap().into())
    }

    #[test]
    fn office_hours_follow_civil_time_across_daylight_saving() {
        let office = office();
        // Clocks go forward on Sunday 2026-03-29 in Kyiv: UTC+2 before, UTC+3 after.
        assert_eq!(office.standing(at("2026-03-27T05:59:59Z")), Standing::Closed);
        assert_eq!(office.standing(at("2026-03-27T06:00:00Z")), Standing::Open);
        assert_eq!(office.standing(at("2026-03-30T04:59:59Z")), Standing::Closed);
        assert_eq!(office.standing(at("2026-03-30T05:00:00Z")), Standing::Open);
        assert_eq!(office.standing(at("2026-03-30T13:59:59Z")), Standing::Open);
        assert_eq!(office.standing(at("2026-03-30T14:00:00Z")), Standing::Closed);
        // And back on Sunday 2026-10-25.
        assert_eq!(office.standing(at("2026-10-23T05:00:00Z")), Standing::Open);
        assert_eq!(office.standing(at("2026-10-26T05:00:00Z")), Standing::Closed);
        assert_eq!(office.standing(at("2026-10-26T06:00:00Z")), Standing::Open);
    }

    #[test]
    fn an_hour_that_comes_twice_is_open_twice() {
        let night = Calendar {
            open: vec![OpenHours::parse("Sun 03:00-04:00").unwrap()],
            holidays: vec![],
            ..office()
        };
        // 2026-10-25 03:30 local happens at 00:30Z (summer time) and at 01:30Z (winter time).
        assert_eq!(night.standing(at("2026-10-25T00:30:00Z")), Standing::Open);
        assert_eq!(night.standing(at("2026-10-25T01:30:00Z")), Standing::Open);
        assert_eq!(night.standing(at("2026-10-25T02:30:00Z")), Standing::Closed);
        // 2026-03-29 03:30 local never happens.
        assert_eq!(night.standing(at("2026-03-29T00:59:59Z")), Standing::Closed);
        assert_eq!(night.standing(at("2026-03-29T01:00:00Z")), Standing::Closed);
    }

    #[test]
    fn emergency_comes_before_holiday_and_holiday_before_hours() {
        let mut office = office();
        // Both are weekdays at noon.
        assert_eq!(office.standing(at("2026-12-25T10:00:00Z")), Standing::Holiday);
        assert_eq!(office.standing(at("2026-08-24T09:00:00Z")), Standing::Holiday);
        assert_eq!(office.standing(at("2027-08-24T09:00:00Z")), Standing::Open);
        // The holiday begins at local midnight, still the day before in UTC.
        assert_eq!(office.standing(at("2026-12-24T22:00:00Z")), Standing::Holiday);
        assert_eq!(office.standing(at("2026-12-24T21:59:59Z")), Standing::Closed);
        office.emergency = true;
        assert_eq!(office.standing(at("2026-12-25T10:00:00Z")), Standing::Emergency);
    }

    #[test]
    fn days_may_wrap_around_the_week() {
        let weekend = OpenHours::parse("Sat-Mon 00:00-24:00").unwrap();
        let calendar = Calendar { open: vec![weekend], holidays: vec![], ..office() };
        assert_eq!(calendar.standing(at("2026-11-21T12:00:00Z")), Standing::Open);
        assert_eq!(calendar.standing(at("2026-11-23T12:00:00Z")), Standing::Open);
        assert_eq!(calendar.standing(at("2026-11-24T12:00:00Z")), Standing::Closed);
    }

    #[test]
    fn wrong_hours_and_dates_are_refused() {
        for wrong in
            ["", "Mon", "Mon 8:00-17:00", "Mo 08:00-17:00", "Mon 08:00", "Mon 08:00-24:01", "Mon 17:00-08:00"]
        {
            assert!(OpenHours::parse(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "13-01", "2026-02-29", "02-30", "1-2-3-4", "yesterday"] {
            assert!(Holiday::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Holiday::parse("02-29").is_ok());
    }
}
