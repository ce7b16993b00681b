//! What each kind of node does when the caller comes to it, and what an answered look-up means there.
//! Keys and silence at the node are `collect.rs`'s; the keys an author writes
//! for it are `dialplan/parse_node.rs`'s.

use super::outage;
use super::spoken;
use super::walk::{State, Then, Walk};
use super::{Answer, Exit, Lookup, Output, Step};
use crate::dialplan::node::{
    self, CaseStatus, LookupKind, LookupNode, NodeKind, Onward, SetLanguage, Target,
};
use crate::dialplan::prompt::{BEEP, PromptItem, SPOKEN_TOPICS, Value, topic_prompt};
use crate::dialplan::{PromptRef, Standing};
use crate::time::Now;

/// Incidents remembered of one call: nobody listens to more.
const MAX_HEARD: usize = 10;

impl Walk {
    /// The caller comes to node `name`.
    pub(super) fn enter(&mut self, name: String, now: Now) {
        self.node = name;
        self.no_inputs = 0;
        self.no_matches = 0;
        let plan = self.plan.clone();
        // A checked plan has every node its exits name.
        let Some(node) = plan.node(&self.node) else { return self.leave_for_fault(now) };
        self.step(Step::Entered { node: node.name.clone() });
        self.take_topic(node.topic.as_ref());
        self.territory = node.territory.clone().or(self.territory.take());
        match &node.kind {
            NodeKind::Menu(menu) => self.prompt_for_input(&menu.prompt, menu.type_ahead, now),
            NodeKind::Collect(collect) => self.prompt_for_input(&collect.prompt, collect.type_ahead, now),
            NodeKind::Say(say) => {
                // Whoever has typed ahead knows what would be said.
                let is_skipped = say.barge_in && !self.typed_ahead.is_empty();
                let prompts = if is_skipped { Vec::new() } else { self.compose(&say.prompt, now) };
                self.tell(prompts, Then::Go(say.next.clone()), say.barge_in, now);
            }
            NodeKind::Schedule(schedule) => {
                let calendar = plan.calendar(&schedule.calendar.node);
                let next = match calendar.map(|calendar| calendar.standing(now.utc)) {
                    Some(Standing::Open) => &schedule.open,
                    Some(Standing::Holiday) => &schedule.holiday,
                    Some(Standing::Emergency) => &schedule.emergency,
                    Some(Standing::Closed) | None => &schedule.closed,
                };
                self.go(&next.node, now);
            }
            NodeKind::SetLanguage(set) => self.set_language(set, now),
            NodeKind::Lookup(lookup) => self.start_lookup(lookup, now),
            NodeKind::CaseStatus(status) => self.start_case_status(status, now),
            NodeKind::WorkOrder(node) => self.start_work_order(node, now),
            NodeKind::Queue(queue) => {
                let exit = Exit::Queue {
                    queue: queue.queue.clone(),
                    topic: self.topic.clone(),
                    urgent: queue.urgent,
                };
                let prompts = self.compose(&queue.prompt, now);
                self.tell(prompts, Then::Leave(exit), false, now);
            }
            NodeKind::Duty(duty) => {
                let exit = Exit::Duty { roster: duty.roster.clone(), topic: self.topic.clone() };
                let prompts = self.compose(&duty.prompt, now);
                self.tell(prompts, Then::Leave(exit), false, now);
            }
            NodeKind::Callback(callback) => {
                let number = self.callback_number.clone();
                if number.is_none() && self.caller.is_withheld() {
                    return self.go(&callback.no_number.node, now);
                }
                let prompts = self.compose(&callback.prompt, now);
                let exit = Exit::Callback { topic: self.topic.clone(), number };
                self.tell(prompts, Then::Leave(exit), false, now);
            }
            NodeKind::Voicemail(voicemail) => {
                let mut prompts = self.compose(&voicemail.prompt, now);
                prompts.push(self.prompt(BEEP));
                let exit = Exit::Voicemail { topic: self.topic.clone(), max_secs: voicemail.max_secs };
                self.tell(prompts, Then::Leave(exit), false, now);
            }
            NodeKind::Answer(answer) => self.take_answer(answer, now),
            NodeKind::Attach(attach) => self.attach(attach, now),
            NodeKind::Hangup(hangup) => {
                let prompts = self.compose(&hangup.prompt, now);
                self.tell(prompts, Then::Leave(Exit::Hangup), false, now);
            }
        }
    }

    fn take_answer(&mut self, answer: &node::Answer, now: Now) {
        self.output(Output::Answered(answer.verdict));
        self.go(&answer.next.node, now);
    }

    /// Nothing to attach to is a plan that leads here past its look-up: the caller goes on all the same.
    fn attach(&mut self, attach: &node::Attach, now: Now) {
        let number = self.callback_number.clone();
        if number.is_none() && self.caller.is_withheld() {
            return self.go(&attach.no_number.node, now);
        }
        if let Some(outage) = &self.outage {
            let incident = outage.incident;
            self.output(Output::Attach { incident, number });
        }
        self.go(&attach.next.node, now);
    }

    fn take_topic(&mut self, topic: Option<&String>) {
        if let Some(topic) = topic.filter(|topic| self.topic.as_ref() != Some(topic)) {
            self.topic = Some(topic.clone());
            self.step(Step::TopicChosen { topic: topic.clone() });
        }
    }

    /// A menu or a collect begins: keys typed ahead count before anything is said.
    fn prompt_for_input(&mut self, prompt: &[PromptItem], type_ahead: bool, now: Now) {
        if !type_ahead {
            self.typed_ahead.clear();
        }
        if self.typed_ahead.is_empty() {
            let prompts = self.compose(prompt, now);
            self.play(prompts, now);
            self.state = State::Prompting;
        } else {
            self.await_input(now);
            self.take_typed_ahead(now);
        }
    }

    fn set_language(&mut self, set: &SetLanguage, now: Now) {
        self.language = set.language;
        self.step(Step::LanguageChosen { language: set.language });
        let next = match (&set.next, &self.came_from) {
            (Onward::To(next), _) => next.node.clone(),
            (Onward::Back, Some(before)) => before.clone(),
            (Onward::Back, None) => self.plan.start().to_owned(),
        };
        self.go(&next, now);
    }

    fn start_lookup(&mut self, node: &LookupNode, now: Now) {
        let lookup = match node.what {
            LookupKind::OwnCases => (!self.caller.is_withheld()).then_some(Lookup::OwnCases),
            LookupKind::CaseStatus => self.case_number.clone().map(|number| Lookup::CaseStatus { number }),
            LookupKind::Incident => Some(Lookup::Incident {
                topic: self.topic.clone(),
                territory: self.territory.clone(),
                except: self.outages_heard.clone(),
            }),
        };
        match lookup {
            Some(lookup) => self.look_up(lookup, node.deadline, now),
            None => self.go(&node.not_found.node, now),
        }
    }

    fn start_case_status(&mut self, node: &CaseStatus, now: Now) {
        match self.case_number.clone() {
            Some(number) => self.look_up(Lookup::CaseStatus { number }, node.deadline, now),
            None => self.go(&node.not_found.node, now),
        }
    }

    pub(super) fn use_answer(&mut self, answer: Answer, now: Now) {
        let plan = self.plan.clone();
        match plan.node(&self.node).map(|node| &node.kind) {
            Some(NodeKind::Lookup(node)) => {
                let next = self.lookup_exit(node, answer).node.clone();
                self.go(&next, now);
            }
            Some(NodeKind::CaseStatus(node)) => match answer {
                Answer::CaseStatus { state, due } => {
                    let today = now.utc.utc().with_timezone(&plan.time_zone()).date_naive();
                    let prompts = spoken::case_status_prompts(&state, due, today, self.language);
                    self.tell(prompts, Then::Go(node.next.clone()), node.barge_in, now);
                }
                Answer::NotFound => self.go(&node.not_found.node, now),
                _ => self.go(&node.failed.node, now),
            },
            Some(NodeKind::WorkOrder(node)) => self.use_order_answer(node, answer, now),
            _ => self.leave_for_fault(now),
        }
    }

    fn lookup_exit<'n>(&mut self, node: &'n LookupNode, answer: Answer) -> &'n Target {
        match (node.what, answer) {
            (LookupKind::OwnCases, Answer::Count(count)) if count > 0 => {
                self.own_cases = count;
                &node.found
            }
            (LookupKind::Incident, Answer::Incident(outage)) => {
                if self.outages_heard.len() < MAX_HEARD {
                    self.outages_heard.push(outage.incident);
                }
                self.outage = Some(outage);
                &node.found
            }
            (LookupKind::Incident, Answer::PlaceUnknown) => match &node.unknown {
                Some(unknown) if !std::mem::replace(&mut self.place_asked, true) => unknown,
                _ => &node.not_found,
            },
            (LookupKind::OwnCases, Answer::Count(_)) | (_, Answer::NotFound) => &node.not_found,
            (LookupKind::CaseStatus, Answer::CaseStatus { .. }) => &node.found,
            _ => &node.failed,
        }
    }

    /// A plan that passed its check never comes here.
    fn leave_for_fault(&mut self, now: Now) {
        self.tell(Vec::new(), Then::Leave(Exit::Hangup), false, now);
    }

    /// The prompts of a list in the language in force, values spoken.
    pub(super) fn compose(&self, items: &[PromptItem], now: Now) -> Vec<PromptRef> {
        let mut prompts = Vec::new();
        for item in items {
            match item {
                PromptItem::Text { id, language, .. } => {
                    prompts.push(PromptRef { id: id.clone(), language: language.unwrap_or(self.language) });
                }
                PromptItem::Value { value: Value::Count, .. } => {
                    prompts.push(spoken::number(self.own_cases, self.language));
                }
                PromptItem::Value { value: Value::CaseNumber, .. } => {
                    let digits = self.case_number.as_deref().unwrap_or_default();
                    prompts.extend(spoken::digits(digits, self.language));
                }
                PromptItem::Value { value: Value::Topic, .. } => {
                    let topic = self.topic.as_deref().filter(|topic| SPOKEN_TOPICS.contains(topic));
                    prompts.extend(topic.map(|topic| self.prompt(&topic_prompt(topic))));
                }
                PromptItem::Value { value: Value::Incident, .. } => {
                    let zone = self.plan.time_zone();
                    let outage = self.outage.as_ref();
                    prompts.extend(
                        outage
                            .map(|outage| outage::prompts(outage, now.utc, zone, self.language))
                            .unwrap_or_default(),
                    );
                }
                PromptItem::Value { value: Value::Result, .. } => {
                    prompts.push(self.prompt(if self.restored { "verify.restored" } else { "verify.done" }));
                }
                PromptItem::Value { value: Value::CallbackNumber, .. } => {
                    let digits = self.callback_number.as_deref().unwrap_or(self.caller.as_str());
                    prompts.extend(spoken::digits(digits, self.language));
                }
            }
        }
        prompts
    }
}
