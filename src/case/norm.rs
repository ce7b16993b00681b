//! Norms: the promise made for a category, and its deadlines by calendar. The terms are those of DOMAIN.md: `PT..`
//! open time, `wd` working days, `d` calendar days, `mo` months; day 0 is the day of registration.

use std::str::FromStr;
use std::time::Duration;

use chrono::NaiveDate;

use super::{Clock, Deadline, Priority};
use crate::calendar::Calendar;
use crate::time::Timestamp;

/// No promise is longer than this many of its unit; five years of working days fit.
const MAX_COUNT: u32 = 1_500;

/// How long something may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Term {
    /// `PT24H`, `PT15M`, `PT1H30M`: time within the calendar's hours.
    Open(Duration),
    /// `14wd`: the end of the fourteenth working day.
    WorkingDays(u32),
    /// `30d`: the end of the thirtieth calendar day.
    Days(u32),
    /// `1mo`: the end of the same day of the next month.
    Months(u32),
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is no term, as in PT15M, PT24H, 14wd, 30d or 1mo; at most {MAX_COUNT} of a unit")]
pub struct InvalidTerm(pub String);

/// A promise for one category, or for all (`*`). Several of one id are its versions, one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Norm {
    pub id: String,
    pub clock: Clock,
    /// What is cited to people who ask why until then: the act, its article.
    pub act: Option<String>,
    /// A category id, a parent of categories, or `*`.
    pub category: String,
    /// Holds only from this priority upwards.
    pub priority: Priority,
    /// Until when the executor answers, from the assignment.
    pub accept: Option<Term>,
    /// Until when the work is done, from the registration.
    pub resolve: Term,
    /// The longest that term and extensions may take together; none when it is not extended.
    pub extend_total: Option<Term>,
    pub calendar: Calendar,
    /// The calendar's name in the plan.
    pub calendar_name: String,
    /// Dates of registration for which this version counts.
    pub valid: Validity,
    /// A day that is no working day gives way to the next one that is.
    pub roll: bool,
}

/// From the first to the last date, both belonging to it; none is without end.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Validity {
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
}

impl Validity {
    pub fn contains(self, date: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date <= to)
    }
}

impl Norm {
    /// This version counts for what was registered at `registered_at`.
    pub fn is_in_force(&self, registered_at: Timestamp) -> bool {
        self.valid.contains(self.calendar.date_of(registered_at))
    }

    /// The deadlines of a case registered at `registered_at` and assigned at `assigned_at`. None when the calendar
    /// does not open again within ten years.
    pub fn deadline(&self, registered_at: Timestamp, assigned_at: Timestamp) -> Option<Deadline> {
        let accept_by = match self.accept {
            Some(term) => Some(self.end_of_term(term, assigned_at)?),
            None => None,
        };
        Some(Deadline { accept_by, ..self.promise(registered_at)? })
    }

    /// The same without a work order that would have to be accepted.
    pub fn promise(&self, registered_at: Timestamp) -> Option<Deadline> {
        let resolve_by = self.end_of_term(self.resolve, registered_at)?;
        let extendable_to = match self.extend_total {
            Some(total) => Some(self.end_of_term(total, registered_at)?.max(resolve_by)),
            None => None,
        };
        let calendar = (self.calendar_name.as_str(), &self.calendar);
        let promised = Deadline::promised(self.id.clone(), calendar, registered_at, resolve_by);
        Some(Deadline { act: self.act.clone(), extendable_to, ..promised })
    }

    fn end_of_term(&self, term: Term, from: Timestamp) -> Option<Timestamp> {
        term.end(from, &self.calendar, self.roll)
    }
}

impl Term {
    /// When the term that began at `from` ends; with `roll` a day off gives way to the next working day. None when
    /// the calendar does not open again within ten years.
    pub fn end(self, from: Timestamp, calendar: &Calendar, roll: bool) -> Option<Timestamp> {
        let date = match self {
            Self::Open(length) => return calendar.open_time_later(from, length),
            Self::WorkingDays(count) => return calendar.working_days_later(from, count),
            Self::Days(count) => calendar.days_later(from, count)?,
            Self::Months(count) => calendar.months_later(from, count)?,
        };
        let date = if roll { calendar.working_day_from(date)? } else { date };
        Some(calendar.end_of(date))
    }
}

impl std::fmt::Display for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open(length) => write!(f, "PT{}M", length.as_secs() / 60),
            Self::WorkingDays(count) => write!(f, "{count}wd"),
            Self::Days(count) => write!(f, "{count}d"),
            Self::Months(count) => write!(f, "{count}mo"),
        }
    }
}

impl FromStr for Term {
    type Err = InvalidTerm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidTerm(text.to_owned());
        if let Some(time) = text.strip_prefix("PT") {
            return parse_open_time(time).map(Self::Open).ok_or_else(wrong);
        }
        let (count, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
        let count = parse_count(count).filter(|count| *count > 0).ok_or_else(wrong)?;
        match unit {
            "wd" => Ok(Self::WorkingDays(count)),
            "d" => Ok(Self::Days(count)),
            "mo" => Ok(Self::Months(count)),
            _ => Err(wrong()),
        }
    }
}

/// The part of an ISO 8601 duration after `PT`: hours and minutes.
fn parse_open_time(text: &str) -> Option<Duration> {
    let (hours, rest) = text.split_once('H').map_or((None, text), |(hours, rest)| (Some(hours), rest));
    let minutes = if rest.is_empty() { None } else { Some(rest.strip_suffix('M')?) };
    let count = |part: Option<&str>| part.map_or(Some(0), parse_count);
    let length = u64::from(count(hours)?) * 3_600 + u64::from(count(minutes)?) * 60;
    (length > 0).then(|| Duration::from_secs(length))
}

fn parse_count(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|count| is_number && *count <= MAX_COUNT)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::calendar::parse_date;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_utc(chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc())
    }

    fn office() -> Calendar {
        let holidays = ["2026-12-25", "2027-01-01"].map(|date| parse_date(date).unwrap()).into();
        Calendar::weekly("Europe/Kyiv", "Mon-Fri".parse().unwrap(), "08:00-17:00".parse().unwrap(), holidays)
            .unwrap()
    }

    fn norm(resolve: &str, calendar: Calendar, roll: bool) -> Norm {
        Norm {
            id: "n".to_owned(),
            category: "*".to_owned(),
            priority: Priority::Normal,
            accept: Some("PT15M".parse().unwrap()),
            resolve: resolve.parse().unwrap(),
            clock: Clock::Executor,
            act: None,
            extend_total: None,
            calendar,
            calendar_name: "office".to_owned(),
            valid: Validity::default(),
            roll,
        }
    }

    #[test]
    fn terms_of_the_norm_table() {
        let duty = || Calendar::always("Europe/Kyiv").unwrap();
        for (resolve, calendar, roll, registered, resolve_by) in [
            // Emergencies count through the night and over the clock change of 29 March.
            ("PT24H", duty(), false, "2026-03-28T20:00:00+02:00", "2026-03-29T21:00:00+03:00"),
            ("PT8H", office(), false, "2026-11-20T13:00:00+02:00", "2026-11-23T12:00:00+02:00"),
            ("PT1H30M", office(), false, "2026-11-21T13:00:00+02:00", "2026-11-23T09:30:00+02:00"),
            ("7wd", office(), false, "2026-12-22T09:00:00+02:00", "2027-01-04T17:00:00+02:00"),
            ("14wd", office(), false, "2026-10-20T09:00:00+03:00", "2026-11-09T17:00:00+02:00"),
            ("3d", office(), false, "2026-11-19T09:00:00+02:00", "2026-11-23T00:00:00+02:00"),
            ("3d", office(), true, "2026-11-19T09:00:00+02:00", "2026-11-23T17:00:00+02:00"),
            ("1mo", office(), true, "2026-01-31T09:00:00+02:00", "2026-03-02T17:00:00+02:00"),
            ("1mo", office(), true, "2026-11-25T09:00:00+02:00", "2026-12-28T17:00:00+02:00"),
        ] {
            let deadline = norm(resolve, calendar, roll).deadline(at(registered), at(registered)).unwrap();
            assert_eq!(deadline.resolve_by, at(resolve_by), "{resolve} from {registered}");
            assert_eq!(deadline.first, deadline.resolve_by);
        }
    }

    #[test]
    fn acceptance_counts_from_the_assignment_and_the_work_from_the_registration() {
        let norm = norm("PT8H", office(), false);
        let deadline =
            norm.deadline(at("2026-11-20T08:00:00+02:00"), at("2026-11-20T16:50:00+02:00")).unwrap();
        assert_eq!(deadline.accept_by, Some(at("2026-11-23T08:05:00+02:00")));
        assert_eq!(deadline.resolve_by, at("2026-11-20T16:00:00+02:00"));
    }

    #[test]
    fn terms_read_and_nonsense_is_refused() {
        assert_eq!("PT15M".parse(), Ok(Term::Open(Duration::from_secs(900))));
        assert_eq!("14wd".parse(), Ok(Term::WorkingDays(14)));
        assert_eq!("30d".parse(), Ok(Term::Days(30)));
        assert_eq!("1mo".parse(), Ok(Term::Months(1)));
        for text in [
            "", "PT", "PTH", "PT0M", "PT5", "PT5S", "P1D", "0wd", "-1d", "+1d", "1 d", "1w", "99999d",
            "PT9999H", "€d",
        ] {
            assert!(text.parse::<Term>().is_err(), "{text}");
        }
    }
}
