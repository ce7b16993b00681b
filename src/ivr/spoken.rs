//! Numbers, dates, queue places and case states, composed of prompts in the order each language speaks them.
//! Only the choice and the order of prompts: their words stand in
//! `dialplans/prompts`, their sound is `speech/`.

use chrono::NaiveDate;

use crate::dialplan::PromptRef;
use crate::dialplan::prompt::{MAX_SPOKEN_NUMBER, day_prompt, month_prompt, number_prompt, state_prompt};
use crate::language::Language;

/// Digits spoken of one number; E.164 has 15, a register number 12.
const MAX_SPOKEN_DIGITS: usize = 20;
/// States in which nobody works on the case any more: their promised date says nothing.
const FINAL_STATES: [&str; 5] = ["closed", "archived", "withdrawn", "merged", "explained"];

/// "You are number `position` in the queue"; 1 is the next to be served.
pub fn position_prompts(position: usize, language: Language) -> Vec<PromptRef> {
    let prompt = |id: &str| PromptRef { id: id.to_owned(), language };
    let place = u32::try_from(position).unwrap_or(u32::MAX);
    match place {
        0 | 1 => vec![prompt("queue.next"), prompt("queue.stay")],
        2..=MAX_SPOKEN_NUMBER => {
            vec![prompt("queue.position"), number(place, language), prompt("queue.stay")]
        }
        _ => vec![prompt("queue.position_more"), prompt("queue.stay")],
    }
}

pub(super) fn number(number: u32, language: Language) -> PromptRef {
    PromptRef { id: number_prompt(number), language }
}

/// Digit by digit; a leading `+` and other signs are not spoken.
pub(super) fn digits(digits: &str, language: Language) -> Vec<PromptRef> {
    let values = digits.chars().filter_map(|c| c.to_digit(10)).take(MAX_SPOKEN_DIGITS);
    values.map(|digit| number(digit, language)).collect()
}

/// The state of a case, and for one that is open its promised date.
pub(super) fn case_status_prompts(
    state: &str,
    due: Option<(i32, u32, u32)>,
    today: NaiveDate,
    language: Language,
) -> Vec<PromptRef> {
    let prompt = |id: &str| PromptRef { id: id.to_owned(), language };
    let mut prompts = vec![prompt("status.is"), prompt(&state_prompt(state))];
    let due = due.and_then(|(year, month, day)| NaiveDate::from_ymd_opt(year, month, day));
    match due {
        _ if FINAL_STATES.contains(&state) => {}
        Some(due) if due < today => prompts.push(prompt("status.overdue")),
        Some(due) => {
            prompts.push(prompt("status.due"));
            prompts.extend(date(due, language));
        }
        None => {}
    }
    prompts
}

/// Day and month as the language orders them after "by": Lithuanian says the month first.
fn date(date: NaiveDate, language: Language) -> [PromptRef; 2] {
    use chrono::Datelike as _;
    let day = PromptRef { id: day_prompt(date.day()), language };
    let month = PromptRef { id: month_prompt(date.month()), language };
    match language {
        Language::Lt => [month, day],
        Language::Uk | Language::En | Language::Pl | Language::Ru | Language::He => [day, month],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn ids(prompts: &[PromptRef]) -> Vec<&str> {
        prompts.iter().map(|prompt| prompt.id.as_str()).collect()
    }

    #[test]
    fn places_in_the_queue() {
        for (place, expected) in [
            (0, vec!["queue.next", "queue.stay"]),
            (1, vec!["queue.next", "queue.stay"]),
            (2, vec!["queue.position", "number.2", "queue.stay"]),
            (20, vec!["queue.position", "number.20", "queue.stay"]),
            (21, vec!["queue.position_more", "queue.stay"]),
            (usize::MAX, vec!["queue.position_more", "queue.stay"]),
        ] {
            assert_eq!(ids(&position_prompts(place, Language::Pl)), expected, "{place}");
        }
    }

    #[test]
    fn dates_follow_the_language_and_the_state() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        let status = |state: &str, due, language| case_status_prompts(state, due, today, language);
        let spoken = status("in_progress", Some((2026, 12, 1)), Language::Uk);
        assert_eq!(ids(&spoken), ["status.is", "state.in_progress", "status.due", "day.1", "month.12"]);
        let spoken = status("in_progress", Some((2026, 11, 21)), Language::Lt);
        assert_eq!(ids(&spoken), ["status.is", "state.in_progress", "status.due", "month.11", "day.21"]);
        assert_eq!(ids(&status("on_hold", Some((2026, 11, 20)), Language::En))[2..], ["status.overdue"]);
        assert_eq!(ids(&status("closed", Some((2026, 11, 20)), Language::En)), ["status.is", "state.closed"]);
        assert_eq!(
            ids(&status("nonsense", Some((2026, 2, 30)), Language::He)),
            ["status.is", "state.unknown"]
        );
    }

    #[test]
    fn numbers_are_spoken_digit_by_digit() {
        assert_eq!(ids(&digits("+38 01", Language::En)), ["number.3", "number.8", "number.0", "number.1"]);
        assert_eq!(digits(&"9".repeat(100), Language::En).len(), MAX_SPOKEN_DIGITS);
    }
}
