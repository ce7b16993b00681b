//! A norm's promise as a snapshot on the case (DOMAIN.md, invariant 5): the first deadline stays for ever, the current
//! one moves by pauses and extensions only. Here all that moves one; which norm promised what is `norm`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::time::Timestamp;

/// Warned when so many hundredths of the term's open time are used.
const WARN_AT: [u8; 2] = [50, 80];

/// Whose patience is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// What the law promises the citizen: runs from the registration until the case is closed, forwarded or not.
    Citizen,
    /// What the city promises for the work: runs from the registration while an executor holds the order, until the
    /// work is reported.
    Executor,
}

/// All moments but `first`, `accept_by` and what passed undone move when the clock stands still.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Deadline {
    pub norm: String,
    /// Cycle of the case it was promised in.
    #[serde(default = "first_cycle")]
    pub cycle: u16,
    pub first: Timestamp,
    pub resolve_by: Timestamp,
    pub accept_by: Option<Timestamp>,
    /// The legal act behind the norm, as people cite it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<String>,
    /// Name of the calendar the clock counts in; none in rows older than the two clocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// Open time of the whole term with its extensions, microseconds; none in older rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
    /// No extension reaches beyond; none when the norm allows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extendable_to: Option<Timestamp>,
    /// Warnings that are still to come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// The `resolve_by` that passed undone; another one may pass after an extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breached: Option<Timestamp>,
    /// The `accept_by` that passed while nobody had accepted the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unaccepted: Option<Timestamp>,
}

/// Due when `percent` of the term's open time is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Warning {
    pub percent: u8,
    pub at: Timestamp,
}

impl Clock {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Citizen => "citizen",
            Self::Executor => "executor",
        }
    }
}

impl Deadline {
    /// The promise `norm` made at `began_at`, due at `resolve_by`, with its warnings by `calendar`.
    pub fn promised(
        norm: String,
        calendar: (&str, &Calendar),
        began_at: Timestamp,
        resolve_by: Timestamp,
    ) -> Self {
        let (name, calendar) = calendar;
        let term = calendar.open_time_between(began_at, resolve_by);
        let mut promised = Self {
            norm,
            first: resolve_by,
            resolve_by,
            calendar: Some(name.to_owned()),
            term: Some(micros(term)),
            ..Self::default()
        };
        promised.set_warnings(began_at, Duration::ZERO, calendar);
        promised
    }

    /// This deadline passed undone.
    pub fn is_breached(&self) -> bool {
        self.breached == Some(self.resolve_by)
    }

    /// The clock stands from `at` to `until`: what was left at `at`, in open time, is left at `until`. What has passed
    /// has passed.
    pub fn stand_still(&mut self, at: Timestamp, until: Timestamp, calendar: &Calendar) {
        self.shift(|moment| moment > at, at, until, calendar);
    }

    /// The clock goes on at `at`, before the `until` it was to stand to.
    pub fn go_on_early(&mut self, until: Timestamp, at: Timestamp, calendar: &Calendar) {
        self.shift(|moment| moment >= until, until, at, calendar);
    }

    /// More time: due at `resolve_by`, not earlier than now. Warnings that lie ahead again are given again.
    pub fn extend(&mut self, resolve_by: Timestamp, at: Timestamp, calendar: &Calendar) {
        let term = Duration::from_micros(self.term.unwrap_or(0));
        let left = calendar.open_time_between(at, self.resolve_by);
        let over = calendar.open_time_between(self.resolve_by, at);
        let more = calendar.open_time_between(self.resolve_by, resolve_by);
        let had_term = self.term.is_some();
        self.resolve_by = resolve_by;
        if had_term {
            self.term = Some(micros(term + more));
            self.set_warnings(at, (term + over).saturating_sub(left), calendar);
        }
    }

    /// The warnings ahead of `at`, when `used` of the term's open time is gone.
    fn set_warnings(&mut self, at: Timestamp, used: Duration, calendar: &Calendar) {
        let term = self.term.unwrap_or(0);
        self.warnings.clear();
        for percent in WARN_AT {
            let until_then = Duration::from_micros(
                term / 100 * u64::from(percent) + term % 100 * u64::from(percent) / 100,
            );
            if until_then > used
                && let Some(at) = calendar.open_time_later(at, until_then - used)
            {
                self.warnings.push(Warning { percent, at });
            }
        }
    }

    fn shift(
        &mut self,
        is_ahead: impl Fn(Timestamp) -> bool,
        from: Timestamp,
        to: Timestamp,
        calendar: &Calendar,
    ) {
        let warnings = self.warnings.iter_mut().map(|warning| &mut warning.at);
        let moments = warnings.chain([&mut self.resolve_by]).chain(self.extendable_to.as_mut());
        for moment in moments.filter(|moment| is_ahead(**moment)) {
            let left = calendar.open_time_between(from, *moment);
            // A calendar that does not open within ten years leaves the plain distance.
            let moved = calendar.open_time_later(to, left);
            *moment = moved.unwrap_or_else(|| to.plus(moment.since(from)));
        }
    }
}

/// Of rows older than reopening.
const fn first_cycle() -> u16 {
    1
}

fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_utc(chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc())
    }

    fn office() -> Calendar {
        Calendar::weekly("Europe/Kyiv", "Mon-Fri".parse().unwrap(), "08:00-18:00".parse().unwrap(), [].into())
            .unwrap()
    }

    /// Monday 8:00 to Friday 18:00: fifty open hours.
    fn week() -> Deadline {
        Deadline::promised(
            "n".to_owned(),
            ("office", &office()),
            at("2026-11-16T08:00:00+02:00"),
            at("2026-11-20T18:00:00+02:00"),
        )
    }

    fn warned(deadline: &Deadline) -> Vec<(u8, Timestamp)> {
        deadline.warnings.iter().map(|warning| (warning.percent, warning.at)).collect()
    }

    #[test]
    fn warnings_are_at_half_and_four_fifths_of_the_open_time() {
        let expected = [(50, at("2026-11-18T13:00:00+02:00")), (80, at("2026-11-19T18:00:00+02:00"))];
        assert_eq!(warned(&week()), expected);
    }

    #[test]
    fn a_pause_keeps_what_was_left_and_an_early_end_gives_the_rest_back() {
        let mut deadline = week();
        // Wednesday 15:00, the first warning is over: 23 hours are left.
        let (paused, until) = (at("2026-11-18T15:00:00+02:00"), at("2026-12-01T00:00:00+02:00"));
        deadline.stand_still(paused, until, &office());
        assert_eq!(deadline.resolve_by, at("2026-12-03T11:00:00+02:00"));
        assert_eq!(warned(&deadline)[1], (80, at("2026-12-02T11:00:00+02:00")));
        assert_eq!(warned(&deadline)[0], warned(&week())[0], "what has passed does not move");
        deadline.go_on_early(until, at("2026-11-23T08:00:00+02:00"), &office());
        assert_eq!(deadline.resolve_by, at("2026-11-25T11:00:00+02:00"));
        assert_eq!(deadline.first, week().first);
    }

    #[test]
    fn a_deadline_that_has_passed_is_not_brought_back_by_a_pause() {
        let mut deadline = week();
        deadline.stand_still(at("2026-11-20T18:00:00+02:00"), at("2026-12-01T00:00:00+02:00"), &office());
        assert_eq!(deadline, week());
    }

    #[test]
    fn an_extension_moves_the_warnings_to_their_share_of_the_longer_term() {
        let mut deadline = week();
        deadline.extend(at("2026-11-27T18:00:00+02:00"), at("2026-11-20T12:00:00+02:00"), &office());
        assert_eq!(deadline.term, Some(100 * 3_600_000_000));
        // Half of a hundred hours is gone on Friday evening, when it warns again.
        let expected = [(50, at("2026-11-20T18:00:00+02:00")), (80, at("2026-11-25T18:00:00+02:00"))];
        assert_eq!(warned(&deadline), expected);
        assert_eq!(deadline.first, week().first);
        // From an overdue one what is over counts as used.
        let mut late = week();
        late.extend(at("2026-11-27T18:00:00+02:00"), at("2026-11-23T10:00:00+02:00"), &office());
        assert_eq!(warned(&late), [(80, at("2026-11-25T18:00:00+02:00"))]);
    }
}
