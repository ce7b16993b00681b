//! Values as people read them: thousands apart, per cent, and durations in the unit that fits. The decimal sign is the
//! language's.

use super::figures::Value;
use super::words::say;
use crate::language::Language;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Between the digits of a large number, and between a number and its unit: not a place to break a line.
const NARROW: char = '\u{202f}';

pub(super) fn value(value: Value, language: Language) -> String {
    match value {
        Value::Count { count } => grouped(count),
        Value::Share { .. } => {
            value.per_mille().map_or_else(nothing, |share| format!("{}{NARROW}%", tenths(share, language)))
        }
        Value::Seconds { seconds, .. } => seconds.map_or_else(nothing, |it| duration(it, language)),
    }
}

/// `part of whole`, for shares; how many were measured, for durations.
pub(super) fn basis(value: Value) -> String {
    match value {
        Value::Count { .. } => String::new(),
        Value::Share { part, whole } => format!("{}{NARROW}/{NARROW}{}", grouped(part), grouped(whole)),
        Value::Seconds { count, .. } => format!("n{NARROW}={NARROW}{}", grouped(count)),
    }
}

/// By how much the value differs from the one before, with its sign; nothing where one of them is not known.
pub(super) fn change(now: Value, before: Value, language: Language) -> String {
    let signed = |now: u64, before: u64, text: &dyn Fn(u64) -> String| match now.cmp(&before) {
        std::cmp::Ordering::Greater => format!("+{}", text(now - before)),
        std::cmp::Ordering::Less => format!("\u{2212}{}", text(before - now)),
        std::cmp::Ordering::Equal => "0".to_owned(),
    };
    match (now, before) {
        (Value::Count { count: now }, Value::Count { count: before }) => signed(now, before, &grouped),
        (Value::Share { .. }, Value::Share { .. }) => match (now.per_mille(), before.per_mille()) {
            (Some(now), Some(before)) => signed(now, before, &|share| tenths(share, language)),
            _ => String::new(),
        },
        (Value::Seconds { seconds: Some(now), .. }, Value::Seconds { seconds: Some(before), .. }) => {
            signed(now, before, &|seconds| duration(seconds, language))
        }
        _ => String::new(),
    }
}

fn nothing() -> String {
    "–".to_owned()
}

fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 * NARROW.len_utf8());
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(NARROW);
        }
        text.push(digit);
    }
    text
}

fn tenths(tenths: u64, language: Language) -> String {
    let sign = if matches!(language, Language::En | Language::He) { '.' } else { ',' };
    format!("{}{sign}{}", grouped(tenths / 10), tenths % 10)
}

fn duration(seconds: u64, language: Language) -> String {
    let in_units =
        |unit: u64, word| format!("{}{NARROW}{}", tenths(seconds * 10 / unit, language), say(word, language));
    match seconds {
        0..120 => format!("{seconds}{NARROW}{}", say("seconds", language)),
        120..7_200 => format!("{}{NARROW}{}", seconds / MINUTE, say("minutes", language)),
        7_200..172_800 => in_units(HOUR, "hours"),
        _ => in_units(DAY, "days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_the_language_writes_them() {
        let plain = |text: String| text.replace(NARROW, " ");
        let of = |it, language| plain(value(it, language));
        assert_eq!(of(Value::Count { count: 1_234_567 }, Language::Uk), "1 234 567");
        assert_eq!(of(Value::Count { count: 999 }, Language::Uk), "999");
        assert_eq!(of(Value::Share { part: 2, whole: 3 }, Language::Pl), "66,7 %");
        assert_eq!(of(Value::Share { part: 0, whole: 0 }, Language::En), "–");
        let seconds = |seconds| Value::Seconds { seconds: Some(seconds), count: 1 };
        assert_eq!(of(seconds(119), Language::En), "119 s");
        assert_eq!(of(seconds(120), Language::En), "2 min");
        assert_eq!(of(seconds(7_199), Language::Uk), "119 хв");
        assert_eq!(of(seconds(7_200), Language::Uk), "2,0 год");
        assert_eq!(of(seconds(172_800), Language::En), "2.0 d");
        let (two, five) = (Value::Count { count: 2 }, Value::Count { count: 5 });
        assert_eq!(change(five, two, Language::En), "+3");
        assert_eq!(change(two, five, Language::En), "\u{2212}3");
        assert_eq!(change(seconds(10), Value::Seconds { seconds: None, count: 0 }, Language::En), "");
    }
}
