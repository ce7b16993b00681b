//! An open incident in words: where, what, why, until when. Only the choice and the order of prompts; and that a time which
//! has passed, or passes while it is being said, is never spoken.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, Timelike};
use chrono_tz::Tz;

use super::{Outage, OutagePlace, spoken};
use crate::dialplan::PromptRef;
use crate::dialplan::prompt::{SPOKEN_CAUSES, cause_prompt, hour_prompt, incident_prompt};
use crate::language::Language;
use crate::time::Timestamp;

/// The announcement and the offer behind it take so long.
const SPOKEN_WITHIN: Duration = Duration::from_secs(60);

pub(super) fn prompts(outage: &Outage, now: Timestamp, zone: Tz, language: Language) -> Vec<PromptRef> {
    let prompt = |id: &str| PromptRef { id: id.to_owned(), language };
    let mut prompts = vec![
        prompt(match outage.place {
            OutagePlace::Address => "incident.at_address",
            OutagePlace::District => "incident.in_district",
            OutagePlace::City => "incident.in_city",
        }),
        prompt(&incident_prompt(outage.topic.as_deref())),
    ];
    if SPOKEN_CAUSES.contains(&outage.cause.as_str()) {
        prompts.push(prompt(&cause_prompt(&outage.cause)));
    }
    match outage.expected.filter(|expected| *expected > now.plus(SPOKEN_WITHIN)) {
        Some(expected) => prompts.extend(until(expected, now, zone, language)),
        None => prompts.push(prompt("incident.until_unknown")),
    }
    prompts
}

/// Today and tomorrow by the next full hour, so that nobody is promised too much; later by the day.
fn until(expected: Timestamp, now: Timestamp, zone: Tz, language: Language) -> Vec<PromptRef> {
    let prompt = |id: &str| PromptRef { id: id.to_owned(), language };
    let civil = |at: Timestamp| at.utc().with_timezone(&zone);
    let (day, hour) = full_hour(civil(expected));
    let today = civil(now).date_naive();
    if day == today {
        vec![prompt("incident.until_today"), prompt(&hour_prompt(hour))]
    } else if today.checked_add_days(Days::new(1)) == Some(day) {
        vec![prompt("incident.until_tomorrow"), prompt(&hour_prompt(hour))]
    } else {
        let mut prompts = vec![prompt("incident.until_date")];
        prompts.extend(spoken::date(day, language));
        prompts
    }
}

/// The day and the full hour not before a moment, 1 to 24: midnight ends its day.
fn full_hour(at: DateTime<Tz>) -> (NaiveDate, u32) {
    let begun = at.hour() + u32::from(at.minute() > 0 || at.second() > 0 || at.nanosecond() > 0);
    let day = at.date_naive();
    match begun {
        0 => (day.checked_sub_days(Days::new(1)).unwrap_or(day), 24),
        hour => (day, hour),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::ids::IncidentNumber;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_utc(DateTime::parse_from_rfc3339(text).unwrap().to_utc())
    }

    fn said(expected: Option<&str>, now: &str, language: Language) -> Vec<String> {
        let outage = Outage {
            incident: IncidentNumber(1),
            topic: Some("water".to_owned()),
            cause: "unknown".to_owned(),
            place: OutagePlace::District,
            expected: expected.map(at),
        };
        let prompts = prompts(&outage, at(now), chrono_tz::Europe::Kyiv, language);
        prompts.into_iter().skip(2).map(|prompt| prompt.id).collect()
    }

    #[test]
    fn hours_are_those_of_the_city_rounded_up() {
        let uk = Language::Uk;
        let noon = "2026-11-20T12:00:00+02:00";
        for (expected, now, words) in [
            ("2026-11-20T17:20:00+02:00", noon, vec!["incident.until_today", "hour.18"]),
            ("2026-11-20T18:00:00+02:00", noon, vec!["incident.until_today", "hour.18"]),
            ("2026-11-20T23:01:00+02:00", noon, vec!["incident.until_today", "hour.24"]),
            ("2026-11-21T00:00:00+02:00", noon, vec!["incident.until_today", "hour.24"]),
            ("2026-11-21T00:30:00+02:00", noon, vec!["incident.until_tomorrow", "hour.1"]),
            ("2026-11-20T22:30:00Z", noon, vec!["incident.until_tomorrow", "hour.1"]),
            ("2026-11-22T09:00:00+02:00", noon, vec!["incident.until_date", "day.22", "month.11"]),
        ] {
            assert_eq!(said(Some(expected), now, uk), words, "{expected}");
        }
        let lt = said(Some("2026-12-01T09:00:00+02:00"), noon, Language::Lt);
        assert_eq!(lt, ["incident.until_date", "month.12", "day.1"]);
    }

    #[test]
    fn a_time_that_has_passed_or_passes_meanwhile_is_never_said() {
        for now in ["2026-11-20T18:00:00+02:00", "2026-11-20T17:59:00+02:00", "2026-11-21T09:00:00+02:00"] {
            let words = said(Some("2026-11-20T18:00:00+02:00"), now, Language::En);
            assert_eq!(words, ["incident.until_unknown"], "{now}");
        }
        assert_eq!(said(None, "2026-11-20T12:00:00+02:00", Language::En), ["incident.until_unknown"]);
    }

    #[test]
    fn place_matter_and_cause_come_first() {
        let outage = Outage {
            incident: IncidentNumber(1),
            topic: Some("pigeons".to_owned()),
            cause: "weather".to_owned(),
            place: OutagePlace::Address,
            expected: None,
        };
        let ids: Vec<_> = prompts(&outage, at("2026-11-20T12:00:00Z"), chrono_tz::UTC, Language::He)
            .into_iter()
            .map(|prompt| prompt.id)
            .collect();
        let expected = [
            "incident.at_address",
            "incident.what_other",
            "incident.cause_weather",
            "incident.until_unknown",
        ];
        assert_eq!(ids, expected);
    }
}
