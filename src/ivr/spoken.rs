//! Numbers, dates, queue places and case states, composed of prompts in the order each language speaks them.
//! Only the choice and the order of prompts: their words stand in
//! `dialplans/prompts`, their sound is `speech/`.

use std::time::Duration;

use chrono::NaiveDate;

use super::SpokenOrder;
use crate::dialplan::PromptRef;
use crate::dialplan::prompt::{
    MAX_SPOKEN_NUMBER, SPOKEN_TOPICS, day_prompt, month_prompt, number_prompt, state_prompt, topic_prompt,
};
use crate::language::Language;

/// Digits spoken of one number; E.164 has 15, a register number 12.
const MAX_SPOKEN_DIGITS: usize = 20;
/// States in which nobody works on the case any more: their promised date says nothing.
const FINAL_STATES: [&str; 5] = ["closed", "archived", "withdrawn", "merged", "explained"];

/// Waits that have words, up to so many minutes. A wait is told as the next longer one: nobody is promised too much.
const SPOKEN_WAITS: [(u64, &str); 5] = [
    (1, "queue.wait_1"),
    (2, "queue.wait_2"),
    (5, "queue.wait_5"),
    (10, "queue.wait_10"),
    (20, "queue.wait_20"),
];

/// "You are number `position` in the queue"; 1 is the next to be served. How long it will take is said where it is
/// known.
pub fn position_prompts(
    position: usize,
    expected_wait: Option<Duration>,
    language: Language,
) -> Vec<PromptRef> {
    let prompt = |id: &str| PromptRef { id: id.to_owned(), language };
    let place = u32::try_from(position).unwrap_or(u32::MAX);
    let mut prompts = match place {
        0 | 1 => vec![prompt("queue.next")],
        2..=MAX_SPOKEN_NUMBER => vec![prompt("queue.position"), number(place, language)],
        _ => vec![prompt("queue.position_more")],
    };
    prompts.extend(expected_wait.map(|wait| prompt(wait_prompt(wait))));
    prompts.push(prompt("queue.stay"));
    prompts
}

fn wait_prompt(wait: Duration) -> &'static str {
    let told = SPOKEN_WAITS.iter().find(|(minutes, _)| wait <= Duration::from_secs(minutes * 60));
    told.map_or("queue.wait_long", |(_, prompt)| prompt)
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

/// Number, matter, place and promised date of an order.
pub(super) fn order_prompts(order: &SpokenOrder, today: NaiveDate, language: Language) -> Vec<PromptRef> {
    let prompt = |id: &str| PromptRef { id: id.to_owned(), language };
    let mut prompts = vec![prompt("order.number")];
    prompts.extend(digits(&order.number, language));
    let topic = order.topic.as_deref().filter(|topic| SPOKEN_TOPICS.contains(topic));
    prompts.extend(topic.map(|topic| prompt(&topic_prompt(topic))));
    match &order.place {
        Some(place) => prompts.extend([prompt("order.place"), place.clone()]),
        None => prompts.push(prompt("order.place_unknown")),
    }
    let due = order.due.and_then(|(year, month, day)| NaiveDate::from_ymd_opt(year, month, day));
    match due {
        Some(due) if due < today => prompts.push(prompt("order.overdue")),
        Some(due) => {
            prompts.push(prompt("order.due"));
            prompts.extend(date(due, language));
        }
        None => {}
    }
    prompts
}

/// Day and month as the language orders them after "by": Lithuanian says the month first.
pub(super) fn date(date: NaiveDate, language: Language) -> [PromptRef; 2] {
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
            assert_eq!(ids(&position_prompts(place, None, Language::Pl)), expected, "{place}");
        }
    }

    #[test]
    fn a_wait_is_told_as_the_next_longer_one() {
        for (secs, expected) in [
            (0, "queue.wait_1"),
            (60, "queue.wait_1"),
            (61, "queue.wait_2"),
            (299, "queue.wait_5"),
            (600, "queue.wait_10"),
            (1_200, "queue.wait_20"),
            (1_201, "queue.wait_long"),
            (u64::MAX, "queue.wait_long"),
        ] {
            let told = position_prompts(2, Some(Duration::from_secs(secs)), Language::Uk);
            assert_eq!(ids(&told), ["queue.position", "number.2", expected, "queue.stay"], "{secs} s");
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
