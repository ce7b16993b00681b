//! The city's rules about how a case ends: when the attempts to reach an applicant are used up, how long a closed case
//! may be reopened, when it is archived, and which closed cases an inspector visits. Their numbers are
//! `[verify]`, `[reopen]` and `[archive]` of the city plan (`city/endings.rs` reads them).

use std::collections::BTreeSet;

use crate::calendar::Calendar;
use crate::digest::Sha256;
use crate::time::Timestamp;

/// Shares are counted in thousandths.
pub const WHOLE: u16 = 1_000;

/// `[verify]`: telling an applicant who does not answer, and visiting what an applicant has confirmed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifyRule {
    /// Attempts after which an applicant counts as unreachable, at least 1.
    pub attempts: usize,
    /// Civil days on which these attempts fell at least, 1 to `attempts`.
    pub on_days: usize,
    /// Calendar days for an answer to what was written to the applicant; without one by then it counts as unconfirmed.
    pub answer_days: u32,
    /// Thousandths of the cases closed on the applicant's word that are drawn for an inspection, 0 to 1000.
    pub inspect_per_mille: u16,
    /// The city's clock: a day ends at its midnight.
    pub clock: Calendar,
}

/// `[reopen]`: "it is broken again".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReopenRule {
    /// Calendar days after the closing.
    pub window_days: u32,
    /// Steps up the ladder that a reopening begins on.
    pub level_up: u8,
    pub clock: Calendar,
}

/// `[archive]`: a closed case becomes a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArchiveRule {
    /// Calendar days after the closing; never fewer than the window of reopening.
    pub after_days: u32,
    pub clock: Calendar,
}

impl VerifyRule {
    /// Enough attempts on enough days. `attempts` are the moments at which the applicant was tried.
    pub fn is_exhausted(&self, attempts: impl Iterator<Item = Timestamp>) -> bool {
        let mut count = 0;
        let mut days = BTreeSet::new();
        for at in attempts {
            count += 1;
            days.insert(self.clock.date_of(at));
        }
        count >= self.attempts.max(1) && days.len() >= self.on_days
    }

    /// Until when somebody answers to whom it was written at `told_at`: the end of a day.
    pub fn answer_deadline(&self, told_at: Timestamp) -> Timestamp {
        end_of_day(&self.clock, told_at, self.answer_days)
    }

    /// Whether the closing with this journal hash is drawn for an inspection. The hash follows from everything that
    /// was ever journalled and from the microsecond of the closing: nobody can tell it beforehand, and everybody can
    /// check it afterwards.
    pub fn is_drawn(entry: &Sha256, inspect_per_mille: u16) -> bool {
        let [a, b, c, d, ..] = entry.0;
        u32::from_be_bytes([a, b, c, d]) % u32::from(WHOLE) < u32::from(inspect_per_mille)
    }
}

impl ReopenRule {
    /// The end of the last day on which a case closed at `closed_at` may be reopened.
    pub fn window_deadline(&self, closed_at: Timestamp) -> Timestamp {
        end_of_day(&self.clock, closed_at, self.window_days)
    }
}

impl ArchiveRule {
    pub fn archive_deadline(&self, closed_at: Timestamp) -> Timestamp {
        end_of_day(&self.clock, closed_at, self.after_days)
    }

    /// Whatever was closed before this moment is old enough at `now`, the longest day of the year and a changed clock
    /// included; for looking rows up.
    pub fn closed_before(&self, now: Timestamp) -> Timestamp {
        let hours = i64::from(self.after_days) * 24 + 25;
        Timestamp::from_micros(now.micros().saturating_sub(hours * 3_600_000_000))
    }
}

/// The end of the day `days` after that of `at`; `at` itself beyond the end of the calendar, where nobody waits.
fn end_of_day(clock: &Calendar, at: Timestamp, days: u32) -> Timestamp {
    clock.days_later(at, days).map_or(at, |date| clock.end_of(date))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_utc(chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc())
    }

    fn kyiv() -> Calendar {
        Calendar::always("Europe/Kyiv").unwrap()
    }

    #[test]
    fn attempts_count_on_the_days_of_the_city() {
        let rule =
            VerifyRule { attempts: 3, on_days: 2, answer_days: 3, inspect_per_mille: 0, clock: kyiv() };
        // 23:30 and 00:30 in Kyiv are one day of UTC and two of the city; 01:00 and 23:00 the other way round.
        let two_days = ["2026-11-21T21:00:00Z", "2026-11-21T21:30:00Z", "2026-11-21T22:30:00Z"].map(at);
        let one_day = ["2026-11-20T23:00:00Z", "2026-11-21T08:00:00Z", "2026-11-21T21:00:00Z"].map(at);
        assert!(rule.is_exhausted(two_days.into_iter()));
        assert!(!rule.is_exhausted(two_days.into_iter().skip(1)), "two attempts");
        assert!(!rule.is_exhausted(one_day.into_iter()));
        let careless = VerifyRule { attempts: 0, on_days: 0, ..rule };
        assert!(!careless.is_exhausted(std::iter::empty()), "nobody is unreachable untried");
    }

    #[test]
    fn the_window_ends_with_a_day_of_the_city() {
        let rule = ReopenRule { window_days: 30, level_up: 1, clock: kyiv() };
        assert_eq!(rule.window_deadline(at("2026-10-01T09:00:00Z")), at("2026-10-31T22:00:00Z"));
        let rule = ArchiveRule { after_days: 1, clock: kyiv() };
        assert_eq!(rule.archive_deadline(at("2026-11-20T23:00:00Z")), at("2026-11-22T22:00:00Z"));
        // Also over the long day at the end of October.
        for closed in ["2026-10-24T21:00:00Z", "2026-10-24T20:59:00Z", "2026-11-20T23:00:00Z"] {
            let now = at("2026-12-01T00:00:00Z");
            let rule = ArchiveRule { after_days: 36, ..rule.clone() };
            if at(closed) < rule.closed_before(now) {
                assert!(rule.archive_deadline(at(closed)) <= now, "{closed}");
            }
        }
    }

    #[test]
    fn the_draw_takes_its_share_and_no_more() {
        let drawn = |per_mille| {
            let hash = |n: u32| Sha256::of(&n.to_be_bytes());
            (0..10_000).filter(|n| VerifyRule::is_drawn(&hash(*n), per_mille)).count()
        };
        assert_eq!((drawn(0), drawn(WHOLE)), (0, 10_000));
        let tenth = drawn(100);
        // Six standard deviations of 10,000 draws at one in ten.
        assert!((820..1_180).contains(&tenth), "{tenth}");
    }
}
