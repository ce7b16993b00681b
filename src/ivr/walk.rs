//! The machine of one walk: where the caller is, what plays, what is awaited until when.
//! Inputs by `handle_*`, outputs by [`Walk::poll_output`]; drain it after every input.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::order::Field;
use super::{About, Answer, Exit, Lookup, Outage, Output, Step};
use crate::dialplan::node::{Node, NodeKind, Queue, Target};
use crate::dialplan::{Dialplan, PromptRef};
use crate::dtmf::Digit;
use crate::ids::IncidentNumber;
use crate::language::Language;
use crate::phone_number::PhoneNumber;
use crate::time::Now;

/// Nodes entered within one second: a caller's fastest keys make a dozen, a plan that circles thousands.
/// One that slipped through the check is told of the fault and hung up on.
const MAX_STEPS_PER_SECOND: u32 = 64;
/// Nodes entered in one walk; whoever is lost that long is put through to a person.
const MAX_STEPS: u32 = 500;
/// Keys pressed ahead of the prompts; the longest sensible way is a language, a topic and a case number.
const MAX_TYPED_AHEAD: usize = 20;
/// Longest any list of prompts plays: 16 sentences. After it the play-out is taken for finished.
const PLAY_TIMEOUT: Duration = Duration::from_secs(240);
/// Spoken before the walk gives up over a fault of its own.
const FAULT_PROMPT: &str = "system.technical";

/// What the walk is waiting for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// The node's prompt plays; then it waits for keys.
    Prompting,
    /// A prompt plays; then the walk goes on. `barge_in`: a key cuts it short.
    Telling {
        then: Then,
        barge_in: bool,
    },
    /// A menu's prompt is over; one key is awaited.
    AwaitingKey,
    /// Digits are being entered.
    Collecting {
        digits: String,
    },
    LookingUp,
    /// [`Output::Leave`] was given; only a queue that takes nobody, or too many, brings the walk back.
    Left,
}

/// Where a told prompt leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Then {
    Go(Target),
    Leave(Exit),
}

/// One caller's walk through one dialplan. Run it so: an input, then [`Self::poll_output`] until it is empty,
/// then wait for the next input or for [`Self::poll_timeout`].
pub struct Walk {
    pub(super) plan: Arc<Dialplan>,
    pub(super) caller: PhoneNumber,
    pub(super) language: Language,
    /// The node the caller is at, and the one before it.
    pub(super) node: String,
    pub(super) came_from: Option<String>,
    pub(super) topic: Option<String>,
    pub(super) case_number: Option<String>,
    pub(super) callback_number: Option<String>,
    pub(super) field: Field,
    pub(super) own_cases: u32,
    /// Where the caller says they are.
    pub(super) territory: Option<String>,
    /// Found by the last look-up for one.
    pub(super) outage: Option<Outage>,
    /// Incidents the caller has heard of in this call.
    pub(super) outages_heard: Vec<IncidentNumber>,
    /// The caller was led to be asked where they are.
    pub(super) place_asked: bool,
    /// An applicant is told of the end of an incident, not of work for them alone.
    pub(super) restored: bool,
    /// Times this stay at the node went without input, and with a wrong one.
    pub(super) no_inputs: u32,
    pub(super) no_matches: u32,
    pub(super) typed_ahead: VecDeque<char>,
    /// A collect ended by its length: its terminator, pressed by habit until then, means nothing.
    pub(super) habitual_key: Option<(char, Instant)>,
    pub(super) state: State,
    pub(super) deadline: Option<Instant>,
    /// Look-ups given up on whose answers may still come.
    late_answers: u32,
    steps: u32,
    second_began: Instant,
    steps_in_second: u32,
    outputs: VecDeque<Output>,
}

/// Without what the caller typed.
impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("node", &self.node)
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

impl Walk {
    /// Starts at the dialplan's first node, in its first language. `caller` is the number as signalled (withheld numbers are empty).
    pub fn new(plan: Arc<Dialplan>, caller: &PhoneNumber, now: Now) -> Self {
        Self::begun_in(None, plan, caller, now)
    }

    /// The same in a language the caller has chosen elsewhere, where the dialplan speaks it.
    pub fn begun_in(wanted: Option<Language>, plan: Arc<Dialplan>, caller: &PhoneNumber, now: Now) -> Self {
        let spoken = plan.languages();
        let wanted = wanted.filter(|wanted| spoken.contains(wanted));
        let language = wanted.or(spoken.first().copied()).unwrap_or(Language::Uk);
        let start = plan.start().to_owned();
        let mut walk = Self::at_rest(plan, caller, language, start.clone(), now);
        walk.enter(start, now);
        walk
    }

    /// Asks an applicant about a case, or leaves word of it with an answering machine.
    pub fn asking(
        plan: Arc<Dialplan>,
        caller: &PhoneNumber,
        about: About<'_>,
        machine: bool,
        now: Now,
    ) -> Self {
        let About { case, topic, language, restored } = about;
        let spoken = plan.languages();
        let language = if spoken.contains(&language) { Some(language) } else { spoken.first().copied() };
        let start = plan.machine().filter(|_| machine).unwrap_or(plan.start()).to_owned();
        let mut walk = Self::at_rest(plan, caller, language.unwrap_or(Language::Uk), start.clone(), now);
        walk.case_number = Some(case.to_owned());
        walk.topic = topic.map(str::to_owned);
        walk.restored = restored;
        walk.enter(start, now);
        walk
    }

    fn at_rest(
        plan: Arc<Dialplan>,
        caller: &PhoneNumber,
        language: Language,
        start: String,
        now: Now,
    ) -> Self {
        Self {
            plan,
            caller: caller.clone(),
            language,
            node: start,
            came_from: None,
            topic: None,
            case_number: None,
            callback_number: None,
            field: Field::default(),
            own_cases: 0,
            territory: None,
            outage: None,
            outages_heard: Vec::new(),
            place_asked: false,
            restored: false,
            no_inputs: 0,
            no_matches: 0,
            typed_ahead: VecDeque::new(),
            habitual_key: None,
            state: State::Left,
            deadline: None,
            late_answers: 0,
            steps: 0,
            second_began: now.mono,
            steps_in_second: 0,
            outputs: VecDeque::new(),
        }
    }

    /// A key was pressed. What it means depends on the node; keys nobody waits for are kept for later nodes.
    pub fn handle_digit(&mut self, digit: Digit, now: Now) {
        let digit = digit.as_char();
        if let Some((key, until)) = self.habitual_key.take()
            && key == digit
            && now.mono <= until
        {
            return;
        }
        match &self.state {
            State::Left | State::Telling { then: Then::Leave(_), .. } => {}
            State::Prompting => self.handle_digit_during_prompt(digit, now),
            State::AwaitingKey | State::Collecting { .. } => self.take_digit(digit, now),
            State::Telling { then: Then::Go(next), barge_in: true } => {
                let next = next.clone();
                self.type_ahead(digit);
                self.output(Output::StopPrompt);
                self.go(&next.node, now);
            }
            State::Telling { .. } | State::LookingUp => self.type_ahead(digit),
        }
    }

    fn handle_digit_during_prompt(&mut self, digit: char, now: Now) {
        let (barge_in, type_ahead) = match self.node().map(|node| &node.kind) {
            Some(NodeKind::Menu(menu)) => (menu.barge_in, menu.type_ahead),
            Some(NodeKind::Collect(collect)) => (collect.barge_in, collect.type_ahead),
            _ => (false, false),
        };
        if barge_in {
            self.output(Output::StopPrompt);
            self.await_input(now);
            self.take_digit(digit, now);
        } else if type_ahead {
            self.type_ahead(digit);
        }
    }

    /// The prompts of the last [`Output::PlayPrompt`] were played to their end.
    pub fn handle_play_finished(&mut self, now: Now) {
        match self.state.clone() {
            State::Prompting => {
                self.await_input(now);
                self.take_typed_ahead(now);
            }
            State::Telling { then, .. } => self.then(then, now),
            State::AwaitingKey | State::Collecting { .. } | State::LookingUp | State::Left => {}
        }
    }

    /// The answer to the last [`Output::Lookup`]; one that comes after the node's deadline counts for nothing.
    pub fn handle_lookup(&mut self, answer: Answer, now: Now) {
        if self.late_answers > 0 {
            self.late_answers -= 1;
        } else if self.state == State::LookingUp {
            self.use_answer(answer, now);
        }
    }

    /// Does what is due at `now`; call it at [`Self::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Now) {
        if self.deadline.is_none_or(|deadline| now.mono < deadline) {
            return;
        }
        self.deadline = None;
        match &self.state {
            State::Prompting | State::Telling { .. } => self.handle_play_finished(now),
            State::AwaitingKey => self.handle_no_input(now),
            State::Collecting { .. } => self.handle_digits_ended(now),
            State::LookingUp => {
                self.late_answers += 1;
                self.use_answer(Answer::Failed, now);
            }
            State::Left => {}
        }
    }

    /// The queue of the last [`Exit::Queue`] takes nobody more, or of the last [`Exit::Duty`] nobody answers: the walk
    /// goes on at the exit that the node has for that.
    pub fn handle_queue_full(&mut self, now: Now) {
        if self.state != State::Left {
            return;
        }
        let next = match self.node().map(|node| &node.kind) {
            Some(NodeKind::Queue(queue)) => queue.full.node.clone(),
            Some(NodeKind::Duty(duty)) => duty.nobody.node.clone(),
            _ => return,
        };
        self.go(&next, now);
    }

    /// Too many wait for the queue of the last [`Exit::Queue`]: its node's `surge` exit is taken. False when it has none.
    pub fn handle_surge(&mut self, now: Now) -> bool {
        let node = self.node().filter(|_| self.state == State::Left).map(|node| &node.kind);
        let Some(NodeKind::Queue(Queue { surge: Some(surge), .. })) = node else { return false };
        let surge = surge.node.clone();
        self.go(&surge, now);
        true
    }

    /// When [`Self::handle_timeout`] has something to do; none while only inputs matter.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The language in force: the dialplan's first until one is chosen.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Name of the node the caller is at.
    pub fn node_name(&self) -> &str {
        &self.node
    }

    /// [`Output::Leave`] was given.
    pub fn is_over(&self) -> bool {
        self.state == State::Left
    }

    /// A prompt is playing as far as the walk knows.
    pub fn is_playing(&self) -> bool {
        matches!(self.state, State::Prompting | State::Telling { .. })
    }

    pub(super) fn node(&self) -> Option<&Node> {
        self.plan.node(&self.node)
    }

    pub(super) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn step(&mut self, step: Step) {
        self.output(Output::Step(step));
    }

    pub(super) fn type_ahead(&mut self, digit: char) {
        if self.typed_ahead.len() < MAX_TYPED_AHEAD {
            self.typed_ahead.push_back(digit);
        }
    }

    /// Leaves the current node for `next`, unless the walk has gone on for too long.
    pub(super) fn go(&mut self, next: &str, now: Now) {
        self.deadline = None;
        self.came_from = Some(self.node.clone());
        self.steps += 1;
        if now.mono.saturating_duration_since(self.second_began) >= Duration::from_secs(1) {
            self.second_began = now.mono;
            self.steps_in_second = 0;
        }
        self.steps_in_second += 1;
        if self.steps_in_second > MAX_STEPS_PER_SECOND {
            self.typed_ahead.clear();
            self.tell(vec![self.prompt(FAULT_PROMPT)], Then::Leave(Exit::Hangup), false, now);
            return;
        }
        if self.steps > MAX_STEPS {
            self.steps = 0;
            self.typed_ahead.clear();
            let operator = self.plan.operator().to_owned();
            return self.enter(operator, now);
        }
        self.enter(next.to_owned(), now);
    }

    /// Plays `prompts`, then goes on; nothing to play goes on at once.
    pub(super) fn tell(&mut self, prompts: Vec<PromptRef>, then: Then, barge_in: bool, now: Now) {
        if prompts.is_empty() {
            return self.then(then, now);
        }
        self.play(prompts, now);
        self.state = State::Telling { then, barge_in };
    }

    pub(super) fn play(&mut self, prompts: Vec<PromptRef>, now: Now) {
        self.output(Output::PlayPrompt { prompts });
        self.deadline = Some(now.mono + PLAY_TIMEOUT);
    }

    fn then(&mut self, then: Then, now: Now) {
        match then {
            Then::Go(next) => self.go(&next.node, now),
            Then::Leave(exit) => {
                self.deadline = None;
                self.typed_ahead.clear();
                self.state = State::Left;
                self.output(Output::Leave(exit));
            }
        }
    }

    pub(super) fn look_up(&mut self, lookup: Lookup, deadline: Duration, now: Now) {
        self.state = State::LookingUp;
        self.deadline = Some(now.mono + deadline);
        self.output(Output::Lookup(lookup));
    }

    pub(super) fn prompt(&self, id: &str) -> PromptRef {
        PromptRef { id: id.to_owned(), language: self.language }
    }
}

#[cfg(test)]
mod tests;
