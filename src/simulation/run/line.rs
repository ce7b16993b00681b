//! The way of a call through the simulated city: menu, announcement of an outage, the surge's question, the line, the
//! talk, and what becomes of those who were not served.

use std::time::Duration;

use super::super::arrivals::About;
use super::{Caller, City, Next, QUEUE, Stage};
use crate::acd::{Enqueued, QueueEntry};
use crate::callback::{CallBack, Outcome, State, Why};
use crate::ids::{ContactId, UserId};
use crate::language::Language;
use crate::phone_number::PhoneNumber;

/// Nobody calls more often for one matter.
const MOST_TRIES: u8 = 3;
/// The phone of a citizen who is rung back rings for so long, and is then answered or not.
const RINGS: Duration = Duration::from_secs(12);
/// The share of citizens who answer when they are rung back.
const ANSWERS: f64 = 0.75;

impl City<'_> {
    pub(super) fn expect_call(&mut self) {
        let next = self.setting.calls.next(self.at, self.setting.length, &mut self.dice);
        if let Some((at, about)) = next {
            self.plan(at - self.at, Next::Calls { about });
        }
    }

    pub(super) fn call(&mut self, about: About, language: Language, tries: u8) {
        self.count.calls += 1;
        self.count.again += u64::from(tries > 0);
        self.recent.0 += 1;
        let contact = self.contact();
        self.callers.insert(contact, Caller { about, language, tries, stage: Stage::Menu });
        self.in_menu += 1;
        self.note_most();
        self.plan(self.setting.menu, Next::LeavesMenu(contact));
    }

    /// Told all there is to know, asked for a number to be rung back at, or into the line.
    pub(super) fn leave_menu(&mut self, contact: ContactId) {
        let Some(caller) = self.callers.get(&contact).copied() else { return };
        self.in_menu -= 1;
        let announced = self.setting.relief.announcement.filter(|(since, _)| self.at >= *since);
        if let Some((_, share)) = announced
            && caller.about == About::TheOutage
            && self.by_chance(share)
        {
            self.count.told += 1;
            self.callers.remove(&contact);
            return;
        }
        let is_surge = self.acd.note_arrival(QUEUE, self.mono());
        if let Some(share) = self.setting.relief.takes_call_back.filter(|_| is_surge)
            && self.by_chance(share)
            && self.list(contact, caller)
        {
            self.callers.remove(&contact);
            return;
        }
        self.enter_line(contact, caller);
    }

    fn enter_line(&mut self, contact: ContactId, caller: Caller) {
        let entry = QueueEntry { contact, queue: QUEUE.to_owned(), language: caller.language, urgent: false };
        if let Some(known) = self.callers.get_mut(&contact) {
            known.stage = Stage::Waiting { since: self.at };
        }
        self.waiting += 1;
        if self.acd.enqueue(entry, self.mono()) == Enqueued::Waiting {
            self.count.entered += 1;
            let patience = self.exponential(self.setting.patience);
            self.plan(patience, Next::LosesPatience(contact));
        } else {
            self.turn_away(contact);
        }
        self.note_most();
    }

    /// The line is full, or has been too long for this caller.
    pub(super) fn turn_away(&mut self, contact: ContactId) {
        self.count.turned_away += 1;
        self.waiting -= 1;
        if let Some(caller) = self.callers.remove(&contact) {
            self.maybe_call_again(caller);
        }
    }

    pub(super) fn lose_patience(&mut self, contact: ContactId) {
        let Some(caller) = self.callers.get(&contact).copied() else { return };
        if let Stage::Waiting { since } = caller.stage {
            self.callers.remove(&contact);
            self.waiting -= 1;
            self.count.note_wait(self.at - since, false);
            self.acd.leave(contact, self.mono());
            self.maybe_call_again(caller);
        }
    }

    fn maybe_call_again(&mut self, caller: Caller) {
        let (share, minutes) = self.setting.calls_again;
        if caller.tries < MOST_TRIES && self.by_chance(share) {
            let after = self.exponential(minutes * 60.0);
            let Caller { about, language, tries, .. } = caller;
            self.plan(after, Next::CallsAgain { about, language, tries: tries + 1 });
        }
    }

    pub(super) fn pick_up(&mut self, contact: ContactId, operator: UserId) {
        if !self.acd.offer_answered(contact, operator, self.mono()) {
            return;
        }
        if self.held.remove(&contact) {
            self.call_backs.begin(contact);
            self.plan(RINGS, Next::CitizenRung(contact, operator));
            return;
        }
        let Some(caller) = self.callers.get_mut(&contact) else { return };
        if let Stage::Waiting { since } = std::mem::replace(&mut caller.stage, Stage::Talking) {
            self.waiting -= 1;
            self.count.note_wait(self.at - since, true);
        }
        let talk = self.talk();
        self.plan(talk, Next::HangsUp(contact, operator));
    }

    pub(super) fn hang_up(&mut self, contact: ContactId, operator: UserId) {
        self.callers.remove(&contact);
        self.rung_back.remove(&contact);
        self.acd.call_ended(contact, operator, self.mono());
    }
}

/// Citizens who are rung back.
impl City<'_> {
    /// False when the list takes nobody.
    fn list(&mut self, contact: ContactId, caller: Caller) -> bool {
        let now = self.now();
        let listed = self.call_backs.list(
            CallBack {
                origin: contact,
                number: PhoneNumber::from_user_part(&format!("+38050{:09}", self.contacts)),
                queue: QUEUE.to_owned(),
                language: caller.language,
                topic: None,
                case: None,
                why: Why::Requested,
                since: now.utc,
                attempts: 0,
                not_before: now.utc,
                state: State::Waiting,
            },
            now,
        );
        match listed {
            Ok(_) => self.count.listed += 1,
            Err(_) => self.count.list_full += 1,
        }
        self.note_most();
        listed.is_ok()
    }

    pub(super) fn hold_due_places(&mut self) {
        while self.call_backs.poll_timeout().is_some_and(|at| at <= self.mono()) {
            let token = self.contact();
            let Some((token, callback)) = self.call_backs.take_due(self.now(), || token) else { break };
            let since = self.began.mono + callback.since.since(self.began.utc);
            let CallBack { queue, language, .. } = callback;
            let entry = QueueEntry { contact: token, queue, language, urgent: false };
            self.held.insert(token);
            self.acd.hold_place(entry, since, self.mono());
            self.drain();
        }
    }

    pub(super) fn citizen_rung(&mut self, contact: ContactId, operator: UserId) {
        let since = self.call_backs.of_token(contact).map(|callback| callback.since);
        if self.by_chance(ANSWERS) {
            self.call_backs.end(contact, Outcome::Reached, self.now());
            self.count.reached += 1;
            let waited = since.map(|since| self.now().utc.since(since)).unwrap_or_default();
            self.count.promised_secs += waited.as_secs_f64();
            self.rung_back.insert(contact);
            let talk = self.talk();
            self.plan(talk, Next::HangsUp(contact, operator));
        } else {
            self.call_backs.end(contact, Outcome::NoAnswer, self.now());
            self.count.unreached += 1;
            self.acd.call_ended(contact, operator, self.mono());
        }
    }
}
