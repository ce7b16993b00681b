//! The nodes of a dialplan: fourteen closed kinds, each with its exits.
//! How they are written is in `parse_node.rs`, what they do to a caller in `ivr/`.

use std::time::Duration;

use super::TextPosition;
use super::prompt::PromptItem;
use crate::language::Language;

/// The name of a node some exit leads to, and where it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    pub node: String,
    pub at: TextPosition,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    pub name: String,
    pub at: TextPosition,
    /// From this node on the call is about this topic.
    pub topic: Option<String>,
    /// From this node on the caller is known to be in this territory of the city plan.
    pub territory: Option<String>,
    pub kind: NodeKind,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NodeKind {
    Menu(Menu),
    Say(Say),
    Collect(Collect),
    Schedule(Schedule),
    SetLanguage(SetLanguage),
    Lookup(LookupNode),
    Queue(Queue),
    Duty(Duty),
    Callback(Callback),
    Voicemail(Voicemail),
    CaseStatus(CaseStatus),
    WorkOrder(WorkOrderNode),
    Hangup(Hangup),
    Answer(Answer),
    Attach(Attach),
}

/// One key decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Menu {
    pub prompt: Vec<PromptItem>,
    /// A key pressed while the prompt plays counts and stops it.
    pub barge_in: bool,
    /// Keys pressed before this node was reached count here.
    pub type_ahead: bool,
    /// Silence after the prompt, then `no_input`.
    pub timeout: Duration,
    /// By key, `0-9 * #`.
    pub keys: Vec<(char, Target)>,
    pub no_input: Retry,
    pub no_match: Retry,
}

/// What a caller who said nothing, or something else, hears, how often, and where they go then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Retry {
    /// The time that leads to `to`, 1 to 5; the times before it repeat the node.
    pub after: u32,
    /// Said before the node is repeated.
    pub prompt: Vec<PromptItem>,
    pub to: Target,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Say {
    pub prompt: Vec<PromptItem>,
    pub barge_in: bool,
    pub next: Target,
}

/// Several digits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Collect {
    pub prompt: Vec<PromptItem>,
    pub barge_in: bool,
    pub type_ahead: bool,
    /// What the digits are.
    pub into: Slot,
    pub min_digits: usize,
    pub max_digits: usize,
    /// Ends the entry before `max_digits`.
    pub terminator: Option<char>,
    /// Silence after the prompt, before the first digit.
    pub timeout: Duration,
    /// Silence after a digit that ends the entry.
    pub inter_digit_timeout: Duration,
    /// The digits reach neither journal nor log.
    pub secret: bool,
    pub next: Target,
    pub no_input: Retry,
    pub no_match: Retry,
}

/// Where collected digits are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    CaseNumber,
    CallbackNumber,
    /// Of the case whose order an executor calls about.
    OrderNumber,
    /// By which an executor is known.
    PhoneCode,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// Names a calendar, not a node.
    pub calendar: Target,
    pub open: Target,
    pub closed: Target,
    pub holiday: Target,
    pub emergency: Target,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetLanguage {
    pub language: Language,
    pub next: Onward,
}

/// Where a language change leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Onward {
    To(Target),
    /// `"@back"`: the node the caller came from, spoken again in the new language.
    Back,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookupNode {
    pub what: LookupKind,
    /// An answer that takes longer is `failed`.
    pub deadline: Duration,
    pub found: Target,
    pub not_found: Target,
    pub failed: Target,
    /// Of incidents: there are some, and nobody knows where the caller is. Taken once in a walk; else `not_found` is.
    pub unknown: Option<Target>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LookupKind {
    /// Has the caller's own number open cases?
    OwnCases,
    /// Does the case with the collected number exist?
    CaseStatus,
    /// Is there an open incident where the caller is, about their topic if they chose one, that they have not heard of?
    Incident,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Queue {
    pub prompt: Vec<PromptItem>,
    pub queue: String,
    /// Before all others: a threat to life.
    pub urgent: bool,
    /// The queue took nobody more, or not for longer.
    pub full: Target,
    /// Too many call: taken once before the caller waits.
    pub surge: Option<Target>,
}

/// Rings whoever is on duty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Duty {
    pub prompt: Vec<PromptItem>,
    /// As the city plan names it.
    pub roster: String,
    /// Nobody is on duty, or nobody answers.
    pub nobody: Target,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Callback {
    pub prompt: Vec<PromptItem>,
    /// No number was collected and the caller's own is withheld.
    pub no_number: Target,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Voicemail {
    pub prompt: Vec<PromptItem>,
    pub max_secs: u32,
}

/// Speaks state and promised date of the case whose number was collected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaseStatus {
    pub barge_in: bool,
    pub deadline: Duration,
    pub next: Target,
    pub not_found: Target,
    pub failed: Target,
}

/// An executor opens their order, or takes a step of its work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkOrderNode {
    pub step: OrderStep,
    pub deadline: Duration,
    /// Opened and told, or the step is taken.
    pub next: Target,
    /// Number or code are wrong; or the order is not in a state for this step.
    pub refused: Target,
    /// Of `open`: too many wrong codes.
    pub locked: Option<Target>,
    /// Of `done`: the category demands photos.
    pub photos: Option<Target>,
    pub failed: Target,
}

impl WorkOrderNode {
    pub fn locked_or_refused(&self) -> &Target {
        self.locked.as_ref().unwrap_or(&self.refused)
    }

    fn exits(&self) -> impl Iterator<Item = &Target> {
        [&self.next, &self.refused, &self.failed].into_iter().chain(&self.locked).chain(&self.photos)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum OrderStep {
    /// Looks number and code up, and tells the order.
    Open,
    /// Tells it once more.
    Again,
    Accept,
    Done,
    /// The executor is rung and connected with the applicant after this call.
    Call,
}

impl OrderStep {
    pub const ALL: [(&'static str, Self); 5] = [
        ("open", Self::Open),
        ("again", Self::Again),
        ("accept", Self::Accept),
        ("done", Self::Done),
        ("call", Self::Call),
    ];

    /// The order is told.
    pub const fn tells(self) -> bool {
        matches!(self, Self::Open | Self::Again)
    }

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, step)| *step == self).map_or("open", |(name, _)| name)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hangup {
    pub prompt: Vec<PromptItem>,
}

/// Whoever comes here has answered the question whether the work is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub verdict: Verdict,
    pub next: Target,
}

/// Whoever comes here wants to be told when the incident that was found is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attach {
    pub next: Target,
    /// No number was collected and the caller's own is withheld.
    pub no_number: Target,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    Fixed,
    NotFixed,
    /// Wants no such calls any more.
    NoMoreCalls,
}

impl Verdict {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::NotFixed => "not_fixed",
            Self::NoMoreCalls => "no_more_calls",
        }
    }
}

/// One way out of a node.
#[derive(Clone, Debug)]
pub struct NodeExit<'a> {
    pub target: &'a Target,
    /// False when the walk takes it by itself: nothing the caller must do stops a loop of such exits.
    pub needs_input: bool,
}

impl Node {
    /// Every exit but `set_language`'s `"@back"`.
    pub fn exits(&self) -> Vec<NodeExit<'_>> {
        match &self.kind {
            NodeKind::Menu(menu) => {
                let keys = menu.keys.iter().map(|(_, target)| target).chain([&menu.no_match.to]);
                let mut exits: Vec<_> = keys.map(|target| NodeExit { target, needs_input: true }).collect();
                exits.push(NodeExit { target: &menu.no_input.to, needs_input: false });
                exits
            }
            NodeKind::Collect(collect) => vec![
                NodeExit { target: &collect.next, needs_input: true },
                NodeExit { target: &collect.no_match.to, needs_input: true },
                NodeExit { target: &collect.no_input.to, needs_input: false },
            ],
            NodeKind::Say(say) => by_itself(&[&say.next]),
            NodeKind::Schedule(s) => by_itself(&[&s.open, &s.closed, &s.holiday, &s.emergency]),
            NodeKind::SetLanguage(SetLanguage { next: Onward::To(next), .. }) => by_itself(&[next]),
            NodeKind::SetLanguage(SetLanguage { next: Onward::Back, .. }) | NodeKind::Voicemail(_) => vec![],
            NodeKind::Lookup(lookup) => {
                let mut exits = by_itself(&[&lookup.found, &lookup.not_found, &lookup.failed]);
                // Once in a call at most, so it makes no loop.
                exits.extend(lookup.unknown.as_ref().map(|target| NodeExit { target, needs_input: true }));
                exits
            }
            NodeKind::Attach(attach) => by_itself(&[&attach.next, &attach.no_number]),
            NodeKind::CaseStatus(status) => by_itself(&[&status.next, &status.not_found, &status.failed]),
            NodeKind::WorkOrder(order) => by_itself(&order.exits().collect::<Vec<_>>()),
            NodeKind::Queue(queue) => {
                let mut exits = by_itself(&[&queue.full]);
                // Once in a call at most, so it makes no loop.
                exits.extend(queue.surge.as_ref().map(|target| NodeExit { target, needs_input: true }));
                exits
            }
            NodeKind::Duty(duty) => by_itself(&[&duty.nobody]),
            NodeKind::Callback(callback) => by_itself(&[&callback.no_number]),
            NodeKind::Hangup(_) => vec![],
            NodeKind::Answer(answer) => by_itself(&[&answer.next]),
        }
    }

    /// The queue in which callers wait here.
    pub fn queue(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Queue(queue) => Some(&queue.queue),
            _ => None,
        }
    }

    /// Goes back to whichever node led here.
    pub fn goes_back(&self) -> bool {
        matches!(self.kind, NodeKind::SetLanguage(SetLanguage { next: Onward::Back, .. }))
    }

    /// The walk may end here.
    pub fn is_terminal(&self) -> bool {
        self.reaches_people() || matches!(self.kind, NodeKind::Hangup(_))
    }

    /// Somebody will hear the caller: an operator now, or a person who rings back or listens later.
    pub fn reaches_people(&self) -> bool {
        matches!(
            self.kind,
            NodeKind::Queue(_) | NodeKind::Duty(_) | NodeKind::Callback(_) | NodeKind::Voicemail(_)
        )
    }

    /// Every prompt written in this node.
    pub fn prompts(&self) -> Vec<&PromptItem> {
        match &self.kind {
            NodeKind::Menu(menu) => {
                menu.prompt.iter().chain(&menu.no_input.prompt).chain(&menu.no_match.prompt).collect()
            }
            NodeKind::Collect(collect) => collect
                .prompt
                .iter()
                .chain(&collect.no_input.prompt)
                .chain(&collect.no_match.prompt)
                .collect(),
            NodeKind::Say(say) => say.prompt.iter().collect(),
            NodeKind::Queue(queue) => queue.prompt.iter().collect(),
            NodeKind::Duty(duty) => duty.prompt.iter().collect(),
            NodeKind::Callback(callback) => callback.prompt.iter().collect(),
            NodeKind::Voicemail(voicemail) => voicemail.prompt.iter().collect(),
            NodeKind::Hangup(hangup) => hangup.prompt.iter().collect(),
            NodeKind::Schedule(_)
            | NodeKind::SetLanguage(_)
            | NodeKind::Lookup(_)
            | NodeKind::Answer(_)
            | NodeKind::Attach(_)
            | NodeKind::WorkOrder(_)
            | NodeKind::CaseStatus(_) => vec![],
        }
    }
}

fn by_itself<'a>(targets: &[&'a Target]) -> Vec<NodeExit<'a>> {
    targets.iter().map(|target| NodeExit { target, needs_input: false }).collect()
}
