//! The machine of all that are to be asked: told what the store knows, it says whom to ring now. What the store says may be
//! older than what has happened here since: attempts are joined by their contact, an answer is never forgotten.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use super::schedule::attempt_from;
use super::{Attempt, Inquiry, MAX_INQUIRIES, NotAsked, Outcome, Policy, Recipient, next_attempt};
use crate::case::CaseNumber;
use crate::ids::ContactId;
use crate::phone_number::PhoneNumber;
use crate::time::{Now, Timestamp};

/// What is due and cannot be rung is looked at again after this.
const SECOND: Duration = Duration::from_secs(1);
/// No wait is longer than this at a stretch: afterwards it is looked at again, by whatever the clock says then.
const LONGEST_REST: Duration = Duration::from_secs(3_600);
/// After a try for which there was no line, nobody is rung for so long: lines are freed by the second.
const LINE_REST: Duration = Duration::from_secs(5);
/// Whoever talks with the city already is left alone for so long.
const TALK_REST: Duration = Duration::from_secs(60);
/// Numbers that said "no more calls" in this run and that the store may not have told of yet.
const MAX_REFUSALS: usize = 10_000;

#[derive(Debug)]
struct Entry {
    inquiry: Inquiry,
    /// The contact of the attempt that goes on.
    ringing: Option<ContactId>,
    /// Place in `due`; none when there is no attempt to come, or one goes on.
    due: Option<Timestamp>,
    /// Control does not want to wait.
    is_urgent: bool,
}

/// A number's line.
#[derive(Clone, Copy, Default, Debug)]
struct Line {
    ringing: bool,
    /// Not to be rung about another case before.
    free_at: Timestamp,
}

/// All cases that wait for their applicant's answer.
#[derive(Debug, Default)]
pub struct Verifications {
    policy: Option<Policy>,
    entries: BTreeMap<Recipient, Entry>,
    /// The next attempt of each, the earliest first; of those at the same moment whose work was done first.
    due: BTreeSet<(Timestamp, Timestamp, Recipient)>,
    lines: HashMap<PhoneNumber, Line>,
    /// By the contact of the attempt.
    attempts: HashMap<ContactId, Recipient>,
    /// Said in this run, until the store tells of it or it is taken back.
    refusals: HashSet<PhoneNumber>,
    /// Nobody is rung before.
    held_until: Option<Timestamp>,
    /// When somebody may be rung next, kept so that nobody has to look through all of them at each step.
    wake_at: Option<Instant>,
}

impl Verifications {
    /// None where the program rings nobody.
    pub fn configure(&mut self, policy: Option<Policy>, now: Now) {
        self.policy = policy;
        let cases: Vec<Recipient> = self.entries.keys().cloned().collect();
        for case in cases {
            self.schedule(&case, now.utc);
        }
        self.set_wake(now);
    }

    pub fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Calls that go on.
    pub fn ringing(&self) -> usize {
        self.attempts.len()
    }

    /// What the store knows now of all cases that wait: others are no longer asked about. At most [`MAX_INQUIRIES`].
    pub fn know(&mut self, inquiries: Vec<Inquiry>, now: Now) {
        let mut known = BTreeSet::new();
        for inquiry in inquiries.into_iter().take(MAX_INQUIRIES) {
            known.insert(inquiry.recipient.clone());
            self.know_one(inquiry, now);
        }
        let gone = |entry: &Entry, case: &Recipient| entry.ringing.is_none() && !known.contains(case);
        let gone: Vec<Recipient> = self
            .entries
            .iter()
            .filter(|(case, entry)| gone(entry, case))
            .map(|(case, _)| case.clone())
            .collect();
        for case in gone {
            self.unschedule(&case);
            self.entries.remove(&case);
        }
        let wanted: HashSet<&PhoneNumber> =
            self.entries.values().filter_map(|entry| entry.inquiry.number.as_ref()).collect();
        self.lines.retain(|number, line| line.ringing || wanted.contains(number));
        self.refusals.retain(|number| wanted.contains(number));
        self.set_wake(now);
    }

    fn know_one(&mut self, mut inquiry: Inquiry, now: Now) {
        let case = inquiry.recipient.clone();
        inquiry.refuses_calls |= inquiry.number.as_ref().is_some_and(|number| self.refusals.contains(number));
        let mut is_urgent = false;
        let is_new = !self.entries.contains_key(&case);
        if let Some(entry) = self.entries.get(&case) {
            // What is on its way here is older than what goes on.
            if entry.ringing.is_some() || entry.inquiry.since > inquiry.since {
                return;
            }
            if entry.inquiry.since == inquiry.since {
                join(&mut inquiry.attempts, &entry.inquiry.attempts);
                if inquiry == entry.inquiry {
                    return;
                }
                is_urgent = entry.is_urgent;
            }
        }
        if let Some(number) = &inquiry.number {
            let line = self.lines.entry(number.clone()).or_default();
            let last = inquiry.attempts.last().map(|attempt| attempt.ended_at.unwrap_or(attempt.at));
            if let (Some(policy), Some(last), true) = (&self.policy, last, is_new) {
                line.free_at = line.free_at.max(last.plus(policy.between_cases));
            }
        }
        self.unschedule(&case);
        let entry = Entry { inquiry, ringing: None, due: None, is_urgent };
        self.entries.insert(case.clone(), entry);
        self.schedule(&case, now.utc);
    }

    /// The next to be rung, under the name that `token` gives the call. An attempt has begun, and counts, unless
    /// [`Self::postpone`] takes it back.
    pub fn take_due(&mut self, now: Now, token: impl FnOnce() -> ContactId) -> Option<(ContactId, Inquiry)> {
        if self.wake_at.is_none_or(|at| at > now.mono) {
            return None;
        }
        let Some(case) = self.first_due(now) else {
            self.set_wake(now);
            self.wake_at = self.wake_at.map(|at| at.max(now.mono + SECOND));
            return None;
        };
        let contact = token();
        self.unschedule(&case);
        let entry = self.entries.get_mut(&case)?;
        entry.inquiry.attempts.push(Attempt { contact, at: now.utc, outcome: None, ended_at: None });
        entry.ringing = Some(contact);
        entry.is_urgent = false;
        if let Some(number) = &entry.inquiry.number {
            self.lines.entry(number.clone()).or_default().ringing = true;
        }
        self.attempts.insert(contact, case);
        let inquiry = entry.inquiry.clone();
        self.set_wake(now);
        Some((contact, inquiry))
    }

    fn first_due(&self, now: Now) -> Option<Recipient> {
        let policy = self.policy.as_ref()?;
        let held = self.held_until.is_some_and(|until| now.utc < until);
        if held || self.attempts.len() >= policy.at_once || !policy.hours.is_open(now.utc) {
            return None;
        }
        let mut due = self.due.iter().take_while(|(at, ..)| *at <= now.utc).map(|(.., case)| case);
        due.find(|case| self.line_free_at(case) <= now.utc).cloned()
    }

    /// There was no line for it: no attempt at all, and a rest for all.
    pub fn postpone(&mut self, contact: ContactId, now: Now) {
        let Some(case) = self.attempts.remove(&contact) else { return };
        self.held_until = Some(now.utc.plus(LINE_REST));
        let Some(entry) = self.entries.get_mut(&case) else { return };
        entry.ringing = None;
        entry.inquiry.attempts.retain(|attempt| attempt.contact != contact);
        if let Some(line) = entry.inquiry.number.as_ref().and_then(|number| self.lines.get_mut(number)) {
            line.ringing = false;
        }
        self.schedule(&case, now.utc);
        self.set_wake(now);
    }

    /// The citizen is on the line already, with us: no attempt at all, and a rest for the number.
    pub fn put_off(&mut self, contact: ContactId, now: Now) {
        let case = self.attempts.get(&contact).cloned();
        let entry = case.and_then(|case| self.entries.get(&case));
        let number = entry.and_then(|entry| entry.inquiry.number.clone());
        self.postpone(contact, now);
        self.held_until = None;
        if let Some(line) = number.and_then(|number| self.lines.get_mut(&number)) {
            line.free_at = now.utc.plus(TALK_REST);
        }
        self.set_wake(now);
    }

    /// What came of an attempt, as soon as it is known; the call may go on. The first word counts.
    pub fn note(&mut self, contact: ContactId, outcome: Outcome, now: Now) {
        let entry = self.attempts.get(&contact).and_then(|case| self.entries.get_mut(case));
        let Some(entry) = entry else { return };
        let attempt = entry.inquiry.attempts.iter_mut().find(|attempt| attempt.contact == contact);
        let Some(attempt) = attempt.filter(|attempt| attempt.outcome.is_none()) else { return };
        attempt.outcome = Some(outcome);
        if outcome == Outcome::NoMoreCalls
            && let Some(number) = entry.inquiry.number.clone()
        {
            self.refuse_calls(&number, now);
        }
    }

    /// The call of an attempt is over. What nobody noted was broken off.
    pub fn end(&mut self, contact: ContactId, now: Now) {
        self.note(contact, Outcome::Interrupted, now);
        let Some(case) = self.attempts.remove(&contact) else { return };
        let Some(entry) = self.entries.get_mut(&case) else { return };
        entry.ringing = None;
        let attempt = entry.inquiry.attempts.iter_mut().find(|attempt| attempt.contact == contact);
        if let Some(attempt) = attempt {
            attempt.ended_at = Some(now.utc);
        }
        if let Some(number) = &entry.inquiry.number {
            let between = self.policy.as_ref().map_or(Duration::ZERO, |policy| policy.between_cases);
            let line = Line { ringing: false, free_at: now.utc.plus(between) };
            self.lines.insert(number.clone(), line);
        }
        self.schedule(&case, now.utc);
        self.set_wake(now);
    }

    /// Whoever has this number wants no such calls.
    fn refuse_calls(&mut self, number: &PhoneNumber, now: Now) {
        if self.refusals.len() < MAX_REFUSALS {
            self.refusals.insert(number.clone());
        }
        self.set_refusing(number, true, now);
    }

    /// They may be rung again.
    pub fn allow_calls(&mut self, number: &PhoneNumber, now: Now) {
        self.refusals.remove(number);
        self.set_refusing(number, false, now);
    }

    fn set_refusing(&mut self, number: &PhoneNumber, refusing: bool, now: Now) {
        let theirs = |entry: &Entry| entry.inquiry.number.as_ref() == Some(number);
        let cases: Vec<Recipient> =
            self.entries.iter().filter(|(_, entry)| theirs(entry)).map(|(case, _)| case.clone()).collect();
        for case in cases {
            if let Some(entry) = self.entries.get_mut(&case) {
                entry.inquiry.refuses_calls = refusing;
            }
            self.schedule(&case, now.utc);
        }
        self.set_wake(now);
    }

    /// Control does not want to wait for the next attempts of a case: the rest is over, the other rules hold. Who of its
    /// applicants can be rung is; why nobody can, otherwise.
    pub fn ring_now(&mut self, case: &CaseNumber, now: Now) -> Result<(), NotAsked> {
        self.policy.as_ref().ok_or(NotAsked::Off)?;
        let mut outcome = Err(NotAsked::Unknown);
        for recipient in self.of_case(case) {
            match self.ring_one_now(&recipient, now) {
                Ok(()) => outcome = Ok(()),
                // Somebody who can be rung again later is a better reason than one who has answered.
                Err(why) if matches!(outcome, Err(NotAsked::Unknown | NotAsked::Answered)) => {
                    outcome = Err(why)
                }
                Err(_) => {}
            }
        }
        self.set_wake(now);
        outcome
    }

    fn ring_one_now(&mut self, case: &Recipient, now: Now) -> Result<(), NotAsked> {
        let policy = self.policy.as_ref().ok_or(NotAsked::Off)?;
        let entry = self.entries.get(case).ok_or(NotAsked::Unknown)?;
        if entry.ringing.is_some() {
            return Err(NotAsked::Ringing);
        }
        if let Some(over) = entry.inquiry.over(policy) {
            return Err(over);
        }
        if !policy.hours.is_open(now.utc) {
            return Err(NotAsked::OutsideHours);
        }
        if let Some(number) = &entry.inquiry.number
            && self.lines.get(number).is_some_and(|line| line.ringing)
        {
            return Err(NotAsked::LineBusy);
        }
        if attempt_from(policy, &entry.inquiry, now.utc).is_none_or(|at| at > now.utc) {
            return Err(NotAsked::AnotherDay);
        }
        if let Some(line) = entry.inquiry.number.as_ref().and_then(|number| self.lines.get_mut(number)) {
            line.free_at = now.utc;
        }
        if let Some(entry) = self.entries.get_mut(case) {
            entry.is_urgent = true;
        }
        self.schedule(case, now.utc);
        Ok(())
    }

    /// Control gives up asking about a case, all of its applicants.
    pub fn give_up(&mut self, case: &CaseNumber, now: Now) -> Result<(), NotAsked> {
        let theirs = self.of_case(case);
        if theirs.is_empty() {
            return Err(NotAsked::Unknown);
        }
        let rings = |one: &Recipient| self.entries.get(one).is_some_and(|entry| entry.ringing.is_some());
        if theirs.iter().any(rings) {
            return Err(NotAsked::Ringing);
        }
        for recipient in theirs {
            if let Some(entry) = self.entries.get_mut(&recipient) {
                entry.inquiry.given_up = true;
            }
            self.schedule(&recipient, now.utc);
        }
        self.set_wake(now);
        Ok(())
    }

    /// The applicants of a case, its own first.
    fn of_case(&self, case: &CaseNumber) -> Vec<Recipient> {
        let first = Recipient { case: case.clone(), whom: None };
        let theirs = self.entries.range(first..).map(|(recipient, _)| recipient);
        theirs.take_while(|recipient| recipient.case == *case).cloned().collect()
    }

    /// When somebody may be rung next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wake_at
    }

    fn set_wake(&mut self, now: Now) {
        self.wake_at = self.next_wake(now);
    }

    fn next_wake(&self, now: Now) -> Option<Instant> {
        let policy = self.policy.as_ref().filter(|policy| self.attempts.len() < policy.at_once)?;
        // Lines that were rung a moment ago stand in the way of a few; the first that none does is near the front.
        let mut first: Option<Timestamp> = None;
        for (due, _, case) in &self.due {
            if first.is_some_and(|first| first <= *due) {
                break;
            }
            let at = self.line_free_at(case).max(*due);
            first = Some(first.map_or(at, |first| first.min(at)));
        }
        let at = policy.hours.next_opening(first?.max(self.held_until.unwrap_or_default()).max(now.utc))?;
        Some(now.mono + at.since(now.utc).min(LONGEST_REST))
    }

    /// Of one case, when one of its applicants will be asked next, as things stand.
    pub fn next(&self, case: &CaseNumber) -> Option<Timestamp> {
        self.of_case(case).iter().filter_map(|recipient| self.entries.get(recipient)?.due).min()
    }

    /// Never while it is rung.
    fn line_free_at(&self, case: &Recipient) -> Timestamp {
        let number = self.entries.get(case).and_then(|entry| entry.inquiry.number.as_ref());
        let line = number.and_then(|number| self.lines.get(number)).copied().unwrap_or_default();
        if line.ringing { Timestamp(i64::MAX) } else { line.free_at }
    }

    fn schedule(&mut self, case: &Recipient, at: Timestamp) {
        let Some(entry) = self.entries.get(case).filter(|entry| entry.ringing.is_none()) else { return };
        let due = self.policy.as_ref().and_then(|policy| match next_attempt(policy, &entry.inquiry, at) {
            Some(_) if entry.is_urgent => attempt_from(policy, &entry.inquiry, at),
            due => due,
        });
        self.set_due(case, due);
    }

    fn unschedule(&mut self, case: &Recipient) {
        self.set_due(case, None);
    }

    fn set_due(&mut self, case: &Recipient, due: Option<Timestamp>) {
        let Some(entry) = self.entries.get_mut(case) else { return };
        let since = entry.inquiry.since;
        if let Some(before) = std::mem::replace(&mut entry.due, due) {
            self.due.remove(&(before, since, case.clone()));
        }
        if let Some(at) = due {
            self.due.insert((at, since, case.clone()));
        }
    }
}

/// Adds what happened here and is not written yet to what the store knows.
fn join(stored: &mut Vec<Attempt>, ours: &[Attempt]) {
    for attempt in ours {
        match stored.iter_mut().find(|known| known.contact == attempt.contact) {
            Some(known) => {
                known.outcome = known.outcome.or(attempt.outcome);
                known.ended_at = known.ended_at.or(attempt.ended_at);
            }
            None => stored.push(*attempt),
        }
    }
    stored.sort_by_key(|attempt| (attempt.at, attempt.contact));
}
