//! Citizens who are to be rung back: who asked for it, and who gave up waiting. One number has one place, that of its
//! arrival; one attempt at a time, so many in all, and only in permitted hours. Whose turn it is decides `acd/`, where the
//! place is held; ringing is `call/callback.rs`.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::case::CaseNumber;
use crate::ids::ContactId;
use crate::language::Language;
use crate::phone_number::PhoneNumber;
use crate::time::{Now, TimerQueue, Timestamp};

/// Citizens waiting to be rung back at once. Above that nobody is promised anything.
pub const MAX_CALL_BACKS: usize = 2_000;
/// From a place in the line that was lost to the next.
const SHORT_REST: Duration = Duration::from_secs(60);

/// One citizen to be rung back, as the store keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CallBack {
    /// The contact it comes from.
    pub origin: ContactId,
    pub number: PhoneNumber,
    pub queue: String,
    pub language: Language,
    pub topic: Option<String>,
    pub case: Option<CaseNumber>,
    pub why: Why,
    /// The citizen has waited since then: the place in the line.
    pub since: Timestamp,
    /// Attempts begun.
    pub attempts: u32,
    /// No attempt before.
    pub not_before: Timestamp,
    pub state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The citizen chose it instead of waiting.
    Requested,
    /// The citizen hung up in the line.
    Abandoned,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Waiting,
    /// The citizen has talked with an operator.
    Reached,
    /// Every attempt came to nothing.
    GivenUp,
    /// Called again, or taken off the list by somebody.
    Withdrawn,
}

/// The city's rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// When citizens may be rung.
    pub hours: Calendar,
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// From one attempt to the next.
    pub retry_after: Duration,
    /// Who hangs up in the line is rung back after so long a wait; none for never.
    pub abandoned_after: Option<Duration>,
}

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Reached,
    Busy,
    NoAnswer,
    /// No line out, or none that takes the number.
    Unreachable,
    /// The operator hung up before anybody answered.
    Dropped,
    /// No operator picked up: no attempt at all.
    NoOperator,
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Unreachable => "unreachable",
            Self::Dropped => "dropped",
            Self::NoOperator => "no_operator",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotListed {
    #[error("the city rings nobody back")]
    Off,
    #[error("this number is to be rung back already")]
    Known,
    #[error("{MAX_CALL_BACKS} citizens wait to be rung back")]
    Full,
}

/// Where one of them stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Not before a certain moment.
    Resting,
    /// Holds a place in the line under the name of the contact that the next attempt will be.
    InLine(ContactId),
    /// An operator has it.
    Attempt(ContactId),
}

#[derive(Debug)]
struct Entry {
    callback: CallBack,
    stage: Stage,
}

/// All that wait. Those that are over are only in the store.
#[derive(Debug, Default)]
pub struct CallBacks {
    policy: Option<Policy>,
    entries: BTreeMap<ContactId, Entry>,
    /// One number, one place.
    numbers: HashMap<PhoneNumber, ContactId>,
    /// By the contact of the attempt.
    attempts: HashMap<ContactId, ContactId>,
    rests: TimerQueue<ContactId>,
}

impl CallBacks {
    /// None where nobody is rung back.
    pub fn configure(&mut self, policy: Option<Policy>) {
        self.policy = policy;
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

    /// Of one queue, those that no operator has yet.
    pub fn waiting_in(&self, queue: &str) -> usize {
        let waits =
            |entry: &&Entry| entry.callback.queue == queue && !matches!(entry.stage, Stage::Attempt(_));
        self.entries.values().filter(waits).count()
    }

    /// Puts somebody on the list: a new one, or one that the store remembers. The row to be written.
    pub fn list(&mut self, callback: CallBack, now: Now) -> Result<CallBack, NotListed> {
        let policy = self.policy.as_ref().ok_or(NotListed::Off)?;
        if self.numbers.contains_key(&callback.number) {
            return Err(NotListed::Known);
        }
        if self.entries.len() >= MAX_CALL_BACKS {
            return Err(NotListed::Full);
        }
        let mut callback = callback;
        callback.not_before = permitted(policy, callback.not_before.max(now.utc));
        self.numbers.insert(callback.number.clone(), callback.origin);
        let origin = callback.origin;
        self.rests.set(origin, moment(callback.not_before, now));
        self.entries.insert(origin, Entry { callback: callback.clone(), stage: Stage::Resting });
        Ok(callback)
    }

    /// The next whose rest is over and who may be rung now: holds a place in the line as `token` from now on.
    pub fn take_due(
        &mut self,
        now: Now,
        mut token: impl FnMut() -> ContactId,
    ) -> Option<(ContactId, CallBack)> {
        while let Some(origin) = self.rests.take_expired(now.mono) {
            let (Some(policy), Some(entry)) = (&self.policy, self.entries.get_mut(&origin)) else { continue };
            let at = permitted(policy, entry.callback.not_before.max(now.utc));
            if at > now.utc {
                self.rests.set(origin, moment(at, now));
                continue;
            }
            let token = token();
            entry.stage = Stage::InLine(token);
            self.attempts.insert(token, origin);
            return Some((token, entry.callback.clone()));
        }
        None
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.rests.next_deadline()
    }

    /// Whose place in the line `token` is.
    pub fn of_token(&self, token: ContactId) -> Option<&CallBack> {
        self.entries.get(self.attempts.get(&token)?).map(|entry| &entry.callback)
    }

    /// Whether citizens may be rung at this moment.
    pub fn is_permitted(&self, at: Timestamp) -> bool {
        self.policy.as_ref().is_some_and(|policy| policy.hours.is_open(at))
    }

    /// An operator has it: an attempt begins, and counts whatever becomes of it. The row to be written.
    pub fn begin(&mut self, token: ContactId) -> Option<CallBack> {
        let entry = self.entries.get_mut(self.attempts.get(&token)?)?;
        entry.stage = Stage::Attempt(token);
        entry.callback.attempts += 1;
        Some(entry.callback.clone())
    }

    /// Back to rest without an attempt: the hours are over, or the place in the line is lost.
    pub fn rest(&mut self, token: ContactId, now: Now) {
        let Some(origin) = self.attempts.remove(&token) else { return };
        if let (Some(policy), Some(entry)) = (&self.policy, self.entries.get_mut(&origin)) {
            entry.stage = Stage::Resting;
            let earliest = now.utc.plus(policy.retry_after.min(SHORT_REST));
            entry.callback.not_before = permitted(policy, earliest);
            self.rests.set(origin, moment(entry.callback.not_before, now));
        }
    }

    /// What came of the attempt. The row to be written: over, or resting until the next attempt, which has the same
    /// place.
    pub fn end(&mut self, token: ContactId, outcome: Outcome, now: Now) -> Option<CallBack> {
        let origin = self.attempts.remove(&token)?;
        let entry = self.entries.get_mut(&origin)?;
        let (attempts, retry_after) =
            self.policy.as_ref().map_or((0, Duration::ZERO), |policy| (policy.attempts, policy.retry_after));
        match outcome {
            Outcome::Reached => return self.close(origin, State::Reached),
            Outcome::NoOperator => entry.callback.attempts -= 1,
            _ if entry.callback.attempts >= attempts => return self.close(origin, State::GivenUp),
            _ => {}
        }
        entry.stage = Stage::Resting;
        let rest = if outcome == Outcome::NoOperator { retry_after.min(SHORT_REST) } else { retry_after };
        if let Some(policy) = &self.policy {
            entry.callback.not_before = permitted(policy, now.utc.plus(rest));
        }
        self.rests.set(origin, moment(entry.callback.not_before, now));
        Some(entry.callback.clone())
    }

    /// Nobody needs to ring this number any more. The row to be written, and the place in the line that is free now; none
    /// while an attempt is under way.
    pub fn withdraw(&mut self, origin: ContactId) -> Option<(CallBack, Option<ContactId>)> {
        let token = match self.entries.get(&origin)?.stage {
            Stage::Attempt(_) => return None,
            Stage::InLine(token) => Some(token),
            Stage::Resting => None,
        };
        self.close(origin, State::Withdrawn).map(|callback| (callback, token))
    }

    /// Who would be rung back at `number`.
    pub fn at(&self, number: &PhoneNumber) -> Option<ContactId> {
        self.numbers.get(number).copied()
    }

    fn close(&mut self, origin: ContactId, state: State) -> Option<CallBack> {
        let Entry { mut callback, stage } = self.entries.remove(&origin)?;
        if let Stage::InLine(token) | Stage::Attempt(token) = stage {
            self.attempts.remove(&token);
        }
        self.numbers.remove(&callback.number);
        self.rests.stop(origin);
        callback.state = state;
        Some(callback)
    }
}

/// A calendar that never opens again leaves the citizen to the people at the desks.
fn permitted(policy: &Policy, at: Timestamp) -> Timestamp {
    policy.hours.next_opening(at).unwrap_or(Timestamp(i64::MAX))
}

/// No rest is longer than this at a stretch: afterwards it is looked at again, by whatever the clock says then.
const LONGEST_REST: Duration = Duration::from_secs(3_600);

fn moment(at: Timestamp, now: Now) -> Instant {
    now.mono + at.since(now.utc).min(LONGEST_REST)
}
