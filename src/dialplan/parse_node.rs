//! The keys of each kind of node. Exits have no defaults: where a caller goes is always written down.
//! Ranges of single keys are judged here, what nodes are to each other in `check.rs`;
//! what a node does is `ivr/enter.rs`.

use toml::de::DeValue;

use super::MAX_MENU_KEYS;
use super::fields::Fields;
use super::node::{
    Answer, Attach, Callback, CaseStatus, Collect, Duty, Hangup, LookupKind, LookupNode, Menu, Node,
    NodeKind, Onward, OrderStep, Queue, Say, Schedule, SetLanguage, Slot, Target, Verdict, Voicemail,
    WorkOrderNode,
};
use super::prompt;
use crate::language::Language;

/// Goes back to the node the caller came from.
const BACK: &str = "@back";
/// Silence a caller is given, seconds: below 1 nobody finds the key, above 30 the line seems dead.
const SILENCE_SECS: std::ops::RangeInclusive<i64> = 1..=30;
const DEFAULT_TIMEOUT_SECS: i64 = 6;
const DEFAULT_INTER_DIGIT_SECS: i64 = 4;
/// A look-up takes place while the caller hears nothing.
const LOOKUP_SECS: std::ops::RangeInclusive<i64> = 1..=10;
const DEFAULT_LOOKUP_SECS: i64 = 3;
/// Longest typed entry: a register number has 12 digits, E.164 numbers 15.
const DIGITS: std::ops::RangeInclusive<i64> = 1..=20;
/// Voice messages, seconds.
const MESSAGE_SECS: std::ops::RangeInclusive<i64> = 5..=300;

type Reader = fn(&mut Fields<'_, '_>) -> Option<NodeKind>;

/// The kinds as a dialplan writes them.
const READERS: [(&str, Reader); 15] = [
    ("menu", menu),
    ("say", say),
    ("collect", collect),
    ("schedule", schedule),
    ("set_language", set_language),
    ("lookup", lookup),
    ("queue", queue),
    ("duty", duty),
    ("callback", callback),
    ("voicemail", voicemail),
    ("case_status", case_status),
    ("work_order", work_order),
    ("hangup", hangup),
    ("answer", answer),
    ("attach", attach),
];

/// Reads one node; none when something it cannot do without is missing, which was complained about.
pub(super) fn read(name: &str, mut fields: Fields<'_, '_>) -> Option<Node> {
    let at = fields.position();
    if !prompt::is_prompt_id(name) || name.contains('.') {
        let message = format!("'{name}' is no name for a node: lower-case letters, digits and '_'");
        fields.source.complain_at(at, message);
    }
    let topic = fields.optional_string("topic").map(|(topic, _)| topic.to_owned());
    let territory = fields.optional_string("territory").map(|(territory, _)| territory.to_owned());
    let reader = fields.one_of("kind", &READERS)?;
    let kind = reader(&mut fields);
    fields.finish();
    Some(Node { name: name.to_owned(), at, topic, territory, kind: kind? })
}

fn menu(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let prompt = fields.spoken("prompt");
    let barge_in = fields.bool("barge_in", true);
    let type_ahead = fields.bool("type_ahead", true);
    let timeout = fields.secs("timeout_secs", SILENCE_SECS, DEFAULT_TIMEOUT_SECS);
    let keys = menu_keys(fields);
    let (no_input, no_match) = (fields.retry("no_input"), fields.retry("no_match"));
    Some(NodeKind::Menu(Menu {
        prompt,
        barge_in,
        type_ahead,
        timeout,
        keys,
        no_input: no_input?,
        no_match: no_match?,
    }))
}

/// `keys = { 1 = "water", 0 = "emergency" }`.
fn menu_keys(fields: &mut Fields<'_, '_>) -> Vec<(char, Target)> {
    let Some((table, offset)) = fields.table_of("keys") else { return Vec::new() };
    if table.is_empty() || table.len() > MAX_MENU_KEYS {
        fields.source.complain(offset, format!("a menu has 1 to {MAX_MENU_KEYS} keys"));
    }
    let mut keys = Vec::new();
    for (key, target) in table.iter().take(MAX_MENU_KEYS) {
        let mut chars = key.get_ref().chars();
        let (Some(digit @ ('0'..='9' | '*' | '#')), None) = (chars.next(), chars.next()) else {
            let message = format!("'{}' is not a telephone key: 0 to 9, \"*\" or \"#\"", key.get_ref());
            fields.source.complain(key.span().start, message);
            continue;
        };
        let DeValue::String(node) = target.get_ref() else {
            fields.source.complain(target.span().start, format!("key {digit} must lead to a node's name"));
            continue;
        };
        keys.push((
            digit,
            Target { node: node.to_string(), at: fields.source.position(target.span().start) },
        ));
    }
    keys
}

fn say(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let prompt = fields.spoken("prompt");
    let barge_in = fields.bool("barge_in", true);
    Some(NodeKind::Say(Say { prompt, barge_in, next: fields.target("next")? }))
}

fn collect(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let prompt = fields.spoken("prompt");
    let (barge_in, type_ahead) = (fields.bool("barge_in", true), fields.bool("type_ahead", true));
    let slots = [
        ("case_number", Slot::CaseNumber),
        ("callback_number", Slot::CallbackNumber),
        ("order_number", Slot::OrderNumber),
        ("phone_code", Slot::PhoneCode),
    ];
    let into = fields.one_of("into", &slots);
    let min = fields.integer("min_digits", DIGITS, Some(1));
    let max = fields.integer("max_digits", DIGITS, None);
    let terminator = terminator(fields);
    let timeout = fields.secs("timeout_secs", SILENCE_SECS, DEFAULT_TIMEOUT_SECS);
    let inter_digit_timeout = fields.secs("inter_digit_timeout_secs", SILENCE_SECS, DEFAULT_INTER_DIGIT_SECS);
    let secret = fields.bool("secret", false);
    if into == Some(Slot::PhoneCode) && !secret {
        fields
            .source
            .complain_at(fields.position(), "a phone_code must be secret = true: a journal is for ever");
    }
    let next = fields.target("next");
    let (no_input, no_match) = (fields.retry("no_input"), fields.retry("no_match"));
    let (min_digits, max_digits) = (usize::try_from(min?).ok()?, usize::try_from(max?).ok()?);
    if min_digits > max_digits {
        fields.source.complain_at(
            fields.position(),
            format!("min_digits {min_digits} is above max_digits {max_digits}"),
        );
    }
    Some(NodeKind::Collect(Collect {
        prompt,
        barge_in,
        type_ahead,
        into: into?,
        min_digits,
        max_digits,
        terminator,
        timeout,
        inter_digit_timeout,
        secret,
        next: next?,
        no_input: no_input?,
        no_match: no_match?,
    }))
}

/// `#` unless the plan says otherwise; `""` for none.
fn terminator(fields: &mut Fields<'_, '_>) -> Option<char> {
    match fields.optional_string("terminator") {
        None | Some(("#", _)) => Some('#'),
        Some(("*", _)) => Some('*'),
        Some(("", _)) => None,
        Some((_, offset)) => {
            fields.source.complain(offset, "'terminator' is \"#\", \"*\" or \"\" for none");
            None
        }
    }
}

fn schedule(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let calendar = fields.target("calendar");
    let (open, closed) = (fields.target("open"), fields.target("closed"));
    let (holiday, emergency) = (fields.target("holiday"), fields.target("emergency"));
    Some(NodeKind::Schedule(Schedule {
        calendar: calendar?,
        open: open?,
        closed: closed?,
        holiday: holiday?,
        emergency: emergency?,
    }))
}

fn set_language(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let language = fields.one_of("language", &Language::ALL.map(|language| (language.code(), language)));
    let next = fields.target("next")?;
    let next = if next.node == BACK { Onward::Back } else { Onward::To(next) };
    Some(NodeKind::SetLanguage(SetLanguage { language: language?, next }))
}

fn lookup(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let kinds = [
        ("own_cases", LookupKind::OwnCases),
        ("case_status", LookupKind::CaseStatus),
        ("incident", LookupKind::Incident),
    ];
    let what = fields.one_of("what", &kinds);
    let deadline = fields.secs("deadline_secs", LOOKUP_SECS, DEFAULT_LOOKUP_SECS);
    let (found, not_found) = (fields.target("found"), fields.target("not_found"));
    let failed = fields.target("failed");
    let unknown = fields.optional_target("unknown");
    if unknown.is_some() && what.is_some_and(|what| what != LookupKind::Incident) {
        let message = "'unknown' is an exit of what = \"incident\" only";
        fields.source.complain_at(fields.position(), message);
    }
    Some(NodeKind::Lookup(LookupNode {
        unknown,
        what: what?,
        deadline,
        found: found?,
        not_found: not_found?,
        failed: failed?,
    }))
}

fn queue(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let prompt = fields.prompts("prompt");
    let queue = fields.string("queue").map(|(queue, _)| queue.to_owned());
    let urgent = fields.bool("urgent", false);
    let surge = fields.optional_target("surge");
    Some(NodeKind::Queue(Queue { prompt, queue: queue?, urgent, full: fields.target("full")?, surge }))
}

fn duty(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let prompt = fields.prompts("prompt");
    let roster = fields.string("roster").map(|(roster, _)| roster.to_owned());
    Some(NodeKind::Duty(Duty { prompt, roster: roster?, nobody: fields.target("nobody")? }))
}

fn callback(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let prompt = fields.spoken("prompt");
    Some(NodeKind::Callback(Callback { prompt, no_number: fields.target("no_number")? }))
}

fn voicemail(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let prompt = fields.spoken("prompt");
    let max_secs = fields.integer("max_secs", MESSAGE_SECS, Some(120))?;
    Some(NodeKind::Voicemail(Voicemail { prompt, max_secs: u32::try_from(max_secs).ok()? }))
}

fn case_status(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let barge_in = fields.bool("barge_in", true);
    let deadline = fields.secs("deadline_secs", LOOKUP_SECS, DEFAULT_LOOKUP_SECS);
    let (next, not_found) = (fields.target("next"), fields.target("not_found"));
    let failed = fields.target("failed");
    Some(NodeKind::CaseStatus(CaseStatus {
        barge_in,
        deadline,
        next: next?,
        not_found: not_found?,
        failed: failed?,
    }))
}

fn work_order(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let step = fields.one_of("step", &OrderStep::ALL);
    let deadline = fields.secs("deadline_secs", LOOKUP_SECS, DEFAULT_LOOKUP_SECS);
    let (next, refused) = (fields.target("next"), fields.target("refused"));
    let failed = fields.target("failed");
    // Each of the two belongs to one step, and is missed there.
    let locked = if step == Some(OrderStep::Open) { fields.target("locked") } else { None };
    let photos = if step == Some(OrderStep::Done) { fields.target("photos") } else { None };
    Some(NodeKind::WorkOrder(WorkOrderNode {
        step: step?,
        deadline,
        next: next?,
        refused: refused?,
        locked,
        photos,
        failed: failed?,
    }))
}

fn hangup(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    Some(NodeKind::Hangup(Hangup { prompt: fields.prompts("prompt") }))
}

fn answer(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let verdicts = [
        ("fixed", Verdict::Fixed),
        ("not_fixed", Verdict::NotFixed),
        ("no_more_calls", Verdict::NoMoreCalls),
    ];
    let verdict = fields.one_of("answer", &verdicts);
    Some(NodeKind::Answer(Answer { next: fields.target("next")?, verdict: verdict? }))
}

fn attach(fields: &mut Fields<'_, '_>) -> Option<NodeKind> {
    let (next, no_number) = (fields.target("next"), fields.target("no_number"));
    Some(NodeKind::Attach(Attach { next: next?, no_number: no_number? }))
}
