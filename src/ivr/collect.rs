//! Keys: one that decides in a menu, several that make a number in a collect; silence and wrong entries.
//! How a key is heard on the line is `dtmf/` and `media/`; digits marked
//! secret leave here masked for the journal.

use std::time::Instant;

use super::Step;
use super::walk::{State, Walk};
use crate::dialplan::node::{Collect, NodeKind, Retry, Slot};
use crate::time::Now;

/// What the journal keeps of secret digits; their number is secret too.
const MASK: &str = "****";

impl Walk {
    /// The prompt is over or was cut short: keys are awaited from now on.
    pub(super) fn await_input(&mut self, now: Now) {
        let (state, deadline) = match self.node().map(|node| &node.kind) {
            Some(NodeKind::Menu(menu)) => (State::AwaitingKey, now.mono + menu.timeout),
            Some(NodeKind::Collect(collect)) => {
                (State::Collecting { digits: String::new() }, collect_deadline(collect, "", now))
            }
            _ => return,
        };
        self.state = state;
        self.deadline = Some(deadline);
    }

    /// Keys pressed before this node wanted them count now, as many as it needs.
    pub(super) fn take_typed_ahead(&mut self, now: Now) {
        let node = self.node.clone();
        while matches!(self.state, State::AwaitingKey | State::Collecting { .. }) && self.node == node {
            let Some(digit) = self.typed_ahead.pop_front() else { return };
            self.take_digit(digit, now);
        }
    }

    pub(super) fn take_digit(&mut self, digit: char, now: Now) {
        let plan = self.plan.clone();
        match plan.node(&self.node).map(|node| &node.kind) {
            Some(NodeKind::Menu(menu)) => {
                self.step(Step::Digit { node: self.node.clone(), digits: digit.to_string() });
                match menu.keys.iter().find(|(key, _)| *key == digit) {
                    Some((_, next)) => self.go(&next.node, now),
                    None => self.handle_no_match(now),
                }
            }
            Some(NodeKind::Collect(collect)) => self.collect_digit(collect, digit, now),
            _ => {}
        }
    }

    fn collect_digit(&mut self, collect: &Collect, digit: char, now: Now) {
        let State::Collecting { digits } = &mut self.state else { return };
        if collect.terminator == Some(digit) {
            return self.handle_digits_ended(now);
        }
        digits.push(digit);
        let is_full = digits.len() >= collect.max_digits;
        self.deadline = Some(collect_deadline(collect, digits, now));
        if is_full {
            match (collect.terminator, self.typed_ahead.front()) {
                (Some(key), Some(next)) if key == *next => drop(self.typed_ahead.pop_front()),
                (Some(key), None) => self.habitual_key = Some((key, now.mono + collect.inter_digit_timeout)),
                _ => {}
            }
            self.handle_digits_ended(now);
        }
    }

    /// The entry is over: by its terminator, its length, or silence.
    pub(super) fn handle_digits_ended(&mut self, now: Now) {
        let State::Collecting { digits } = &mut self.state else { return };
        let digits = std::mem::take(digits);
        let plan = self.plan.clone();
        let Some(NodeKind::Collect(collect)) = plan.node(&self.node).map(|node| &node.kind) else { return };
        if digits.is_empty() {
            return self.handle_no_input(now);
        }
        let kept = if collect.secret { MASK.to_owned() } else { digits.clone() };
        self.step(Step::Digit { node: self.node.clone(), digits: kept });
        if digits.len() < collect.min_digits || !digits.chars().all(|c| c.is_ascii_digit()) {
            return self.handle_no_match(now);
        }
        match collect.into {
            Slot::CaseNumber => self.case_number = Some(digits),
            Slot::CallbackNumber => self.callback_number = Some(digits),
            Slot::OrderNumber => self.field.order = Some(digits),
            Slot::PhoneCode => self.field.code = Some(digits),
        }
        self.go(&collect.next.node, now);
    }

    pub(super) fn handle_no_input(&mut self, now: Now) {
        self.step(Step::NoInput { node: self.node.clone() });
        self.no_inputs += 1;
        self.retry(
            self.no_inputs,
            |kind| match kind {
                NodeKind::Menu(menu) => Some(&menu.no_input),
                NodeKind::Collect(collect) => Some(&collect.no_input),
                _ => None,
            },
            now,
        );
    }

    fn handle_no_match(&mut self, now: Now) {
        self.step(Step::NoMatch { node: self.node.clone() });
        self.no_matches += 1;
        // What was typed after a wrong key was meant for another place.
        self.typed_ahead.clear();
        self.retry(
            self.no_matches,
            |kind| match kind {
                NodeKind::Menu(menu) => Some(&menu.no_match),
                NodeKind::Collect(collect) => Some(&collect.no_match),
                _ => None,
            },
            now,
        );
    }

    /// Repeats the node, or gives up on it after the last attempt.
    fn retry(&mut self, times: u32, of: impl Fn(&NodeKind) -> Option<&Retry>, now: Now) {
        let plan = self.plan.clone();
        let Some(node) = plan.node(&self.node) else { return };
        let Some(retry) = of(&node.kind) else { return };
        if times >= retry.after {
            return self.go(&retry.to.node, now);
        }
        let prompt = match &node.kind {
            NodeKind::Menu(menu) => &menu.prompt,
            NodeKind::Collect(collect) => &collect.prompt,
            _ => return,
        };
        let mut prompts = self.compose(&retry.prompt, now);
        prompts.extend(self.compose(prompt, now));
        self.play(prompts, now);
        self.state = State::Prompting;
    }
}

/// When silence ends the entry: sooner once there are digits.
fn collect_deadline(collect: &Collect, digits: &str, now: Now) -> Instant {
    now.mono + if digits.is_empty() { collect.timeout } else { collect.inter_digit_timeout }
}
