//! Prompts as a dialplan writes them, and the ids the program itself composes: numbers, case states, dates.
//! Their words are in `texts.rs`; the order they are spoken in is `ivr/spoken.rs`.

use super::TextPosition;
use crate::language::Language;

/// Longest prompt id, in characters; it is also a file name.
pub const MAX_PROMPT_ID_LEN: usize = 64;
/// Numbers with a prompt of their own; above them the caller hears `number.more` or `queue.position_more`.
pub const MAX_SPOKEN_NUMBER: u32 = 20;
/// Sounds the program makes itself; they need neither text nor recording.
pub const TONE_PREFIX: &str = "tone.";
/// Played before a voice message is recorded.
pub const BEEP: &str = "tone.beep";

/// One entry of a `prompt = [...]` list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PromptItem {
    /// `"greeting"`, or `"language.en@en"` for a prompt always spoken in that language.
    Text { id: String, language: Option<Language>, at: TextPosition },
    /// `"$count"`: something learnt during the call.
    Value { value: Value, at: TextPosition },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    /// The caller's open cases, as counted by the last `lookup`.
    Count,
    /// The collected case number, digit by digit.
    CaseNumber,
    /// What the case is about, in a word; nothing for topics without one.
    Topic,
    /// The number to ring back, the caller's own when none was collected, digit by digit.
    CallbackNumber,
    /// The incident found by the last `lookup`: where, what, why, until when.
    Incident,
    /// What the call that asks has to say: work was done, or an incident is over.
    Result,
}

impl Value {
    pub const ALL: [(&'static str, Self); 6] = [
        ("$incident", Self::Incident),
        ("$result", Self::Result),
        ("$topic", Self::Topic),
        ("$count", Self::Count),
        ("$case_number", Self::CaseNumber),
        ("$callback_number", Self::CallbackNumber),
    ];
}

/// Prompts no node names: queue announcements, the spoken case status, star codes, what is said to who records a prompt by
/// telephone, orders told to executors, their calls to applicants, faults.
pub const SYSTEM_PROMPTS: [&str; 29] = [
    "queue.next",
    "queue.position",
    "queue.position_more",
    "queue.stay",
    "queue.wait_1",
    "queue.wait_2",
    "queue.wait_5",
    "queue.wait_10",
    "queue.wait_20",
    "queue.wait_long",
    "status.is",
    "status.due",
    "status.overdue",
    "operator.ready",
    "operator.not_ready",
    "operator.refused",
    "studio.speak",
    "studio.choose",
    "studio.kept",
    "studio.unfit",
    "order.number",
    "order.place",
    "order.place_unknown",
    "order.due",
    "order.overdue",
    "masked.connecting",
    "masked.announcement",
    "masked.not_reached",
    "system.technical",
];

/// Topics that have words of their own, `topic.water` and so on.
pub const SPOKEN_TOPICS: [&str; 7] =
    ["water", "heating", "electricity", "housing", "transport", "waste", "roads"];

/// Case states that have words; any other is spoken as `state.unknown`.
pub const SPOKEN_STATES: [&str; 13] = [
    "registered",
    "explained",
    "forwarded",
    "assigned",
    "accepted",
    "in_progress",
    "on_hold",
    "work_reported",
    "verification",
    "closed",
    "withdrawn",
    "merged",
    "archived",
];

/// Causes of incidents that have words, `incident.cause_failure` and so on; an unknown one is not spoken of.
pub const SPOKEN_CAUSES: [&str; 4] = ["failure", "planned_works", "power_cut", "weather"];
/// What an incident is said with besides topic, cause and hour.
const INCIDENT_PROMPTS: [&str; 8] = [
    "incident.at_address",
    "incident.in_district",
    "incident.in_city",
    "incident.until_today",
    "incident.until_tomorrow",
    "incident.until_date",
    "incident.until_unknown",
    "incident.what_other",
];

impl Value {
    /// Ids of what this value may be spoken with, beside those of [`dynamic_prompts`].
    pub fn prompts(self) -> Vec<String> {
        match self {
            Self::Topic => SPOKEN_TOPICS.into_iter().map(topic_prompt).collect(),
            Self::Incident => {
                let what = SPOKEN_TOPICS.into_iter().map(|topic| incident_prompt(Some(topic)));
                let causes = SPOKEN_CAUSES.into_iter().map(cause_prompt);
                let hours = (1..=24).map(hour_prompt);
                let others = INCIDENT_PROMPTS.into_iter().map(str::to_owned);
                what.chain(causes).chain(hours).chain(others).collect()
            }
            Self::Result => vec!["verify.done".to_owned(), "verify.restored".to_owned()],
            Self::Count | Self::CaseNumber | Self::CallbackNumber => Vec::new(),
        }
    }
}

/// What is out of order, by topic.
pub fn incident_prompt(topic: Option<&str>) -> String {
    match topic.filter(|topic| SPOKEN_TOPICS.contains(topic)) {
        Some(topic) => format!("incident.what_{topic}"),
        None => "incident.what_other".to_owned(),
    }
}

pub fn cause_prompt(cause: &str) -> String {
    format!("incident.cause_{cause}")
}

/// "By one o'clock", 1 to 24.
pub fn hour_prompt(hour: u32) -> String {
    format!("hour.{hour}")
}

/// Ids of everything composed at call time, and of [`SYSTEM_PROMPTS`].
pub fn dynamic_prompts() -> impl Iterator<Item = String> {
    let numbers = (0..=MAX_SPOKEN_NUMBER + 1).map(number_prompt);
    let states = SPOKEN_STATES.into_iter().map(state_prompt).chain(["state.unknown".to_owned()]);
    let days = (1..=31).map(day_prompt);
    let months = (1..=12).map(month_prompt);
    let system = SYSTEM_PROMPTS.into_iter().map(str::to_owned);
    numbers.chain(states).chain(days).chain(months).chain(system)
}

/// A number, also as a single digit; all above [`MAX_SPOKEN_NUMBER`] are `number.more`.
pub fn number_prompt(number: u32) -> String {
    if number <= MAX_SPOKEN_NUMBER { format!("number.{number}") } else { "number.more".to_owned() }
}

/// A sentence about the case state of this name.
pub fn state_prompt(state: &str) -> String {
    let known = SPOKEN_STATES.contains(&state);
    if known { format!("state.{state}") } else { "state.unknown".to_owned() }
}

/// What a case of this topic is about.
pub fn topic_prompt(topic: &str) -> String {
    format!("topic.{topic}")
}

/// `day` of the month, 1 to 31.
pub fn day_prompt(day: u32) -> String {
    format!("day.{day}")
}

/// `month` of the year, 1 to 12.
pub fn month_prompt(month: u32) -> String {
    format!("month.{month}")
}

/// Reads one entry of a prompt list; the error says what is wrong with it.
pub(super) fn parse_item(text: &str, at: TextPosition) -> Result<PromptItem, String> {
    if text.starts_with('$') {
        let known = Value::ALL.into_iter().find(|(name, _)| *name == text);
        return known.map(|(_, value)| PromptItem::Value { value, at }).ok_or_else(|| {
            let names: Vec<&str> = Value::ALL.iter().map(|(name, _)| *name).collect();
            format!("unknown value '{text}': one of {}", names.join(", "))
        });
    }
    let (id, language) = match text.split_once('@') {
        Some((id, code)) => (id, Some(code.parse::<Language>().map_err(|error| error.to_string())?)),
        None => (text, None),
    };
    if !is_prompt_id(id) {
        return Err(format!(
            "'{id}' is not a prompt id: lower-case letters, digits, '_' and inner '.', at most \
             {MAX_PROMPT_ID_LEN} characters"
        ));
    }
    Ok(PromptItem::Text { id: id.to_owned(), language, at })
}

/// Prompt ids are also file names: nothing in them can leave the prompt folder.
pub fn is_prompt_id(id: &str) -> bool {
    id.len() <= MAX_PROMPT_ID_LEN
        && id.split('.').all(|part| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        })
}
