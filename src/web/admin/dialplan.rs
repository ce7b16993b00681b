//! `/api/v1/admin/dialplan`: the tree in force, node by node, and walking it without a telephone: the very walk that
//! callers take (`ivr/simulate.rs`).

use std::collections::BTreeMap;

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dialplan::node::{NodeKind, Onward, Retry};
use crate::dialplan::{Node, PromptItem, PromptRef, PromptTexts, Target};
use crate::ivr::{Exit, Happening, Line, SimulatedInput, simulate_in};
use crate::language::Language;
use crate::phone_number::PhoneNumber;
use crate::time::{self, Now};

use super::super::Shared;
use super::super::error::ApiError;
use super::super::extract::Json;
use super::super::view::UtcTime;
use super::{DIALPLAN, InForce};

/// Inputs of one simulation: nobody presses more keys in a call.
const MAX_INPUTS: usize = 200;
/// Who calls, when nobody is named: a number as good as any.
const SOMEBODY: &str = "+380501234567";
/// Longest number there is, with room for how people write it.
const MAX_NUMBER_CHARS: usize = 24;

/// The tree in force.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct TreeView {
    file: String,
    languages: Vec<&'static str>,
    #[schema(example = "Europe/Kyiv")]
    time_zone: String,
    start: String,
    /// Where everybody with a life-safety call is sent.
    emergency: String,
    nodes: Vec<NodeView>,
}

/// One node.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct NodeView {
    name: String,
    /// `menu`, `say`, `collect`, `schedule`, `set_language`, `lookup`, `queue`, `callback`, `voicemail`, `case_status`
    /// or `hangup`.
    kind: &'static str,
    /// Its line in the file.
    line: usize,
    topic: Option<String>,
    /// The queue, calendar or language it is about.
    about: Option<String>,
    prompts: Vec<SpokenView>,
    exits: Vec<ExitView>,
}

/// Something a node says.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct SpokenView {
    /// A prompt, or `$count` and the like for what is learnt during the call.
    id: String,
    /// When it is said: `prompt`, `no_input` or `no_match`.
    when: &'static str,
    /// Text by language.
    texts: BTreeMap<&'static str, String>,
}

/// A way out of a node.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ExitView {
    /// `key` with `key`, else the name of the exit, as in `no_input`, `open`, `full`; `back` leads to where the caller
    /// came from.
    by: &'static str,
    key: Option<char>,
    to: Option<String>,
}

/// The tree of the dialplan in force.
#[utoipa::path(get, path = "/api/v1/admin/dialplan", tag = "admin",
    responses((status = 200, body = TreeView), (status = 403)))]
pub(in crate::web) async fn show(State(web): State<Shared>) -> Answer<TreeView> {
    let in_force = web.in_force();
    let plan = &in_force.plan;
    let file = in_force.file(DIALPLAN).map(|file| file.path.display().to_string());
    Answer(TreeView {
        file: file.unwrap_or_else(|| plan.file().to_owned()),
        languages: plan.languages().iter().map(|language| language.code()).collect(),
        time_zone: plan.time_zone().name().to_owned(),
        start: plan.start().to_owned(),
        emergency: plan.emergency().unwrap_or_default().to_owned(),
        nodes: plan.nodes().map(|node| node_view(node, &in_force)).collect(),
    })
}

fn node_view(node: &Node, in_force: &InForce) -> NodeView {
    NodeView {
        name: node.name.clone(),
        kind: kind(&node.kind),
        line: node.at.line,
        topic: node.topic.clone(),
        about: match &node.kind {
            NodeKind::Queue(queue) => Some(queue.queue.clone()),
            NodeKind::WorkOrder(order) => Some(order.step.name().to_owned()),
            NodeKind::Duty(duty) => Some(duty.roster.clone()),
            NodeKind::Schedule(schedule) => Some(schedule.calendar.node.clone()),
            NodeKind::SetLanguage(set) => Some(set.language.code().to_owned()),
            _ => None,
        },
        prompts: spoken(node, in_force.plan.languages(), in_force.prompts.texts()),
        exits: exits(&node.kind),
    }
}

const fn kind(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Menu(_) => "menu",
        NodeKind::Say(_) => "say",
        NodeKind::Collect(_) => "collect",
        NodeKind::Schedule(_) => "schedule",
        NodeKind::SetLanguage(_) => "set_language",
        NodeKind::Lookup(_) => "lookup",
        NodeKind::Queue(_) => "queue",
        NodeKind::Duty(_) => "duty",
        NodeKind::Callback(_) => "callback",
        NodeKind::Voicemail(_) => "voicemail",
        NodeKind::CaseStatus(_) => "case_status",
        NodeKind::WorkOrder(_) => "work_order",
        NodeKind::Answer(_) => "answer",
        NodeKind::Attach(_) => "attach",
        NodeKind::Hangup(_) => "hangup",
    }
}

fn spoken(node: &Node, languages: &[Language], texts: &PromptTexts) -> Vec<SpokenView> {
    let view = |when: &'static str, item: &PromptItem| match item {
        PromptItem::Text { id, language, .. } => {
            let spoken_in = language.as_ref().map_or(languages, std::slice::from_ref);
            let text = |language: &Language| {
                let text = texts.text(&PromptRef { id: id.clone(), language: *language })?;
                Some((language.code(), text.text.clone()))
            };
            SpokenView { id: id.clone(), when, texts: spoken_in.iter().filter_map(text).collect() }
        }
        PromptItem::Value { value, .. } => {
            let name = crate::dialplan::prompt::Value::ALL.iter().find(|(_, known)| known == value);
            let id = name.map_or("$", |(name, _)| *name).to_owned();
            SpokenView { id, when, texts: BTreeMap::new() }
        }
    };
    let retries: [(&'static str, Option<&Retry>); 2] = match &node.kind {
        NodeKind::Menu(menu) => [("no_input", Some(&menu.no_input)), ("no_match", Some(&menu.no_match))],
        NodeKind::Collect(collect) => {
            [("no_input", Some(&collect.no_input)), ("no_match", Some(&collect.no_match))]
        }
        _ => [("no_input", None), ("no_match", None)],
    };
    let again =
        || retries.iter().filter_map(|(_, retry)| *retry).map(|retry| retry.prompt.len()).sum::<usize>();
    let all = node.prompts();
    let own = all.len() - again();
    let mut views: Vec<SpokenView> = all.into_iter().take(own).map(|item| view("prompt", item)).collect();
    for (when, retry) in retries {
        views.extend(retry.into_iter().flat_map(|retry| &retry.prompt).map(|item| view(when, item)));
    }
    views
}

fn exits(kind: &NodeKind) -> Vec<ExitView> {
    let way = |by: &'static str, to: &Target| ExitView { by, key: None, to: Some(to.node.clone()) };
    match kind {
        NodeKind::Menu(menu) => {
            let by_key = |(key, to): &(char, Target)| ExitView { key: Some(*key), ..way("key", to) };
            let mut exits: Vec<ExitView> = menu.keys.iter().map(by_key).collect();
            exits.extend([way("no_input", &menu.no_input.to), way("no_match", &menu.no_match.to)]);
            exits
        }
        NodeKind::Collect(collect) => vec![
            way("next", &collect.next),
            way("no_input", &collect.no_input.to),
            way("no_match", &collect.no_match.to),
        ],
        NodeKind::Say(say) => vec![way("next", &say.next)],
        NodeKind::Schedule(schedule) => vec![
            way("open", &schedule.open),
            way("closed", &schedule.closed),
            way("holiday", &schedule.holiday),
            way("emergency", &schedule.emergency),
        ],
        NodeKind::SetLanguage(set) => match &set.next {
            Onward::To(next) => vec![way("next", next)],
            Onward::Back => vec![ExitView { by: "back", key: None, to: None }],
        },
        NodeKind::Lookup(lookup) => {
            let mut exits = vec![
                way("found", &lookup.found),
                way("not_found", &lookup.not_found),
                way("failed", &lookup.failed),
            ];
            exits.extend(lookup.unknown.as_ref().map(|unknown| way("unknown", unknown)));
            exits
        }
        NodeKind::Attach(attach) => vec![way("next", &attach.next), way("no_number", &attach.no_number)],
        NodeKind::CaseStatus(status) => vec![
            way("next", &status.next),
            way("not_found", &status.not_found),
            way("failed", &status.failed),
        ],
        NodeKind::WorkOrder(order) => {
            let locked = order.locked.as_ref().map(|to| way("locked", to));
            let photos = order.photos.as_ref().map(|to| way("photos", to));
            let common =
                [way("next", &order.next), way("refused", &order.refused), way("failed", &order.failed)];
            common.into_iter().chain(locked).chain(photos).collect()
        }
        NodeKind::Queue(queue) => {
            let surge = queue.surge.as_ref().map(|surge| way("surge", surge));
            [Some(way("full", &queue.full)), surge].into_iter().flatten().collect()
        }
        NodeKind::Duty(duty) => vec![way("nobody", &duty.nobody)],
        NodeKind::Callback(callback) => vec![way("no_number", &callback.no_number)],
        NodeKind::Answer(answer) => vec![way("next", &answer.next)],
        NodeKind::Voicemail(_) | NodeKind::Hangup(_) => Vec::new(),
    }
}

/// A call to be walked through.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct SimulationWish {
    /// What the caller does, in order: keys as in `1` or `12#`, `w` for silence, `count=2`, `case=in_progress`,
    /// `not_found`, `failed`, `full`, `surge`.
    #[serde(default)]
    inputs: Vec<String>,
    /// When the call begins; now when left out.
    at: Option<UtcTime>,
    /// The language from the first word on; that of the plan when left out.
    #[schema(value_type = Option<String>)]
    language: Option<Language>,
    /// The caller's number; empty for a withheld one.
    caller: Option<String>,
}

/// What happened.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct SimulationView {
    lines: Vec<StepView>,
    /// How the call left the tree; none when it waits for the caller.
    exit: Option<SimulatedExitView>,
}

/// One thing that happened.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::web) struct StepView {
    /// Since the call was answered.
    at_secs: u64,
    /// `node`, `said`, `pressed`, `silent`, `language`, `topic`, `no_input`, `no_match`, `collected`, `looked_up`,
    /// `queue_full`, `surge` or `left`.
    what: &'static str,
    /// The node, key, prompt, language, topic or digits.
    name: Option<String>,
    /// What was said.
    text: Option<String>,
    language: Option<&'static str>,
}

/// How a simulated call left the tree.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::web) struct SimulatedExitView {
    /// `queue`, `duty`, `callback`, `voicemail` or `hangup`.
    kind: &'static str,
    queue: Option<String>,
    /// Whose duty officer is rung.
    roster: Option<String>,
    topic: Option<String>,
    /// Before all others.
    urgent: bool,
    max_secs: Option<u32>,
}

/// Walk through the dialplan in force as a caller would.
#[utoipa::path(post, path = "/api/v1/admin/dialplan/simulate", tag = "admin", request_body = SimulationWish,
    responses((status = 200, body = SimulationView), (status = 403), (status = 422)))]
pub(in crate::web) async fn simulate(
    State(web): State<Shared>,
    Json(wish): Json<SimulationWish>,
) -> Result<Answer<SimulationView>, ApiError> {
    let refuse = |why: String| Err(ApiError::Unprocessable(why));
    let in_force = web.in_force();
    let plan = in_force.plan.clone();
    let mut inputs = Vec::new();
    for word in &wish.inputs {
        match SimulatedInput::parse(word) {
            Ok(parsed) => inputs.extend(parsed),
            Err(error) => return refuse(error.to_string()),
        }
        if inputs.len() > MAX_INPUTS {
            return refuse(format!("at most {MAX_INPUTS} keys and answers"));
        }
    }
    let first = plan.languages().first().copied().unwrap_or(Language::Uk);
    let language = wish.language.unwrap_or(first);
    if !plan.languages().contains(&language) {
        return refuse(format!("the dialplan does not speak '{language}'"));
    }
    let caller = wish.caller.as_deref().unwrap_or(SOMEBODY);
    if caller.chars().count() > MAX_NUMBER_CHARS {
        return refuse(format!("a number has at most {MAX_NUMBER_CHARS} characters"));
    }
    let now = time::now();
    let started = Now { utc: wish.at.map_or(now.utc, |at| at.0), ..now };
    let caller = PhoneNumber::from_user_part(caller);
    let transcript = simulate_in(plan, language, in_force.prompts.texts(), &caller, &inputs, started);
    Ok(Answer(SimulationView {
        lines: transcript.lines.into_iter().map(StepView::from).collect(),
        exit: transcript.exit.map(SimulatedExitView::from),
    }))
}

impl From<Line> for StepView {
    fn from(line: Line) -> Self {
        let step = Self { at_secs: line.at.as_secs(), ..Self::default() };
        let named = |what, name: String| Self {
            what,
            name: Some(name),
            at_secs: line.at.as_secs(),
            ..Self::default()
        };
        match line.what {
            Happening::Pressed(digit) => named("pressed", digit.as_char().to_string()),
            Happening::Silent => Self { what: "silent", ..step },
            Happening::Said { prompt, text } => {
                Self { text: Some(text), language: Some(prompt.language.code()), ..named("said", prompt.id) }
            }
            Happening::Entered(node) => named("node", node),
            Happening::LanguageChosen(language) => named("language", language.code().to_owned()),
            Happening::TopicChosen(topic) => named("topic", topic),
            Happening::NoInput => Self { what: "no_input", ..step },
            Happening::NoMatch => Self { what: "no_match", ..step },
            Happening::Collected(digits) => named("collected", digits),
            Happening::LookedUp(what) => named("looked_up", what.replace(' ', "_")),
            Happening::QueueFull => Self { what: "queue_full", ..step },
            Happening::Surge => Self { what: "surge", ..step },
            Happening::Answered(verdict) => named("answered", verdict.name().to_owned()),
            Happening::Attached(incident) => named("attached", incident.to_string()),
            Happening::Left(_) => Self { what: "left", ..step },
        }
    }
}

impl From<Exit> for SimulatedExitView {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Queue { queue, topic, urgent } => {
                Self { kind: "queue", queue: Some(queue), topic, urgent, ..Self::default() }
            }
            Exit::Duty { roster, topic } => {
                Self { kind: "duty", roster: Some(roster), topic, ..Self::default() }
            }
            Exit::Callback { topic, .. } => Self { kind: "callback", topic, ..Self::default() },
            Exit::Voicemail { topic, max_secs } => {
                Self { kind: "voicemail", topic, max_secs: Some(max_secs), ..Self::default() }
            }
            Exit::Hangup => Self { kind: "hangup", ..Self::default() },
        }
    }
}
