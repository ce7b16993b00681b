//! The two clocks of a case and what happened to them: the promise to the citizen, pauses, extensions, what an executor
//! asks for, escalations. The executor's own promise is `Case::deadline`; both count by the calendar of their norm.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::city::CityPlan;
use super::escalation::Escalation;
use super::hold::{Asked, HoldReason};
use super::{Case, CaseEvent, CaseState, Clock, Deadline};
use crate::calendar::Calendar;
use crate::time::Timestamp;

/// All but the executor's promise. Everything in here stays when the case is closed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Clocks {
    #[serde(default)]
    pub citizen: Promise,
    /// Each time on hold, in their order; the last one may still go on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Extension>,
    /// What the executor asks for and nobody has decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// In the order they were raised; never taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalations: Vec<Escalation>,
}

/// The citizen's promise, from the moment when somebody looked into the city's norms.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(tag = "promise", rename_all = "snake_case")]
pub enum Promise {
    /// The norm is still to be found, as right after the registration.
    #[default]
    Pending,
    /// The city has no norm of this kind.
    None,
    Given(Deadline),
    /// Counts, but the matter has changed since: another norm may be the one.
    Review(Deadline),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pause {
    pub reason: HoldReason,
    pub from_at: Timestamp,
    /// When it ended; while it goes on, when it will.
    pub until_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Extension {
    pub clock: Clock,
    pub at: Timestamp,
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Clocks {
    pub const fn citizen(&self) -> Option<&Deadline> {
        match &self.citizen {
            Promise::Given(deadline) | Promise::Review(deadline) => Some(deadline),
            Promise::Pending | Promise::None => None,
        }
    }

    /// The matter is another one: the promise is looked at again.
    pub(super) fn review(&mut self) {
        self.citizen = match std::mem::take(&mut self.citizen) {
            Promise::Given(deadline) | Promise::Review(deadline) => Promise::Review(deadline),
            Promise::Pending | Promise::None => Promise::Pending,
        };
    }

    /// Whoever held the work holds it no more: what they asked for is about nothing, and a pause that goes on has ended.
    pub(super) fn settle(&mut self, at: Timestamp) {
        self.asked = None;
        if let Some(pause) = self.pauses.last_mut() {
            pause.until_at = pause.until_at.min(at.max(pause.from_at));
        }
    }

    /// Elapsed time on hold, with what a pause that goes on will take.
    pub fn paused(&self) -> Duration {
        self.pauses.iter().map(|pause| pause.until_at.since(pause.from_at)).sum()
    }

    /// How often a deadline was moved by somebody's decision; the weekly report counts it.
    pub fn moved(&self) -> usize {
        self.pauses.len() + self.extensions.len()
    }
}

impl Deadline {
    /// The whole snapshot: the journal says what was promised without the row.
    pub(super) fn applied(&self, clock: Clock) -> CaseEvent {
        let mut data = json!(self);
        data["clock"] = json!(clock);
        CaseEvent::new("norm.applied", data)
    }
}

impl Case {
    pub const fn deadline_of(&self, clock: Clock) -> Option<&Deadline> {
        match clock {
            Clock::Citizen => self.clocks.citizen(),
            Clock::Executor => self.deadline.as_ref(),
        }
    }

    /// The promise that holds outside: while somebody has the work, what was promised for the work; else what the law
    /// promises. Where there is only one of them, that one.
    pub fn promise_shown(&self) -> Option<&Deadline> {
        self.deadline_of(self.clock_shown())
    }

    /// What [`Self::promise_shown`] promises has passed, and somebody is still to keep it.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.is_running(self.clock_shown())
            && self.promise_shown().is_some_and(|deadline| deadline.resolve_by < now)
    }

    fn clock_shown(&self) -> Clock {
        let in_hand = self.is_running(Clock::Executor) || matches!(self.state, CaseState::OnHold { .. });
        match (in_hand, &self.deadline, self.clocks.citizen()) {
            (true, Some(_), _) | (_, Some(_), None) => Clock::Executor,
            _ => Clock::Citizen,
        }
    }

    /// The earliest moment by which somebody must have done their part; none when everything stands or is done. What
    /// stands still is not late (on hold), and what is reported done in time does not become late by being checked.
    pub fn earliest_deadline(&self) -> Option<Timestamp> {
        let clocks = [Clock::Citizen, Clock::Executor].into_iter().filter(|clock| self.is_running(*clock));
        let promised = clocks.filter_map(|clock| self.deadline_of(clock)).map(|deadline| deadline.resolve_by);
        let awaited = match self.state {
            CaseState::Forwarded { answer_by, answered_at: None, .. } => Some(answer_by),
            _ => None,
        };
        promised.chain(awaited).min()
    }

    pub(super) const fn deadline_mut(&mut self, clock: Clock) -> Option<&mut Deadline> {
        match (clock, &mut self.clocks.citizen) {
            (Clock::Executor, _) => self.deadline.as_mut(),
            (Clock::Citizen, Promise::Given(deadline) | Promise::Review(deadline)) => Some(deadline),
            (Clock::Citizen, Promise::Pending | Promise::None) => None,
        }
    }

    /// The clock goes on: neither on hold, nor is what it measures done. Forwarding stops no clock of the citizen
    /// (invariant 6).
    pub const fn is_running(&self, clock: Clock) -> bool {
        match (clock, &self.state) {
            (_, CaseState::OnHold { .. }) => false,
            (Clock::Citizen, _) => self.state.is_open(),
            (Clock::Executor, CaseState::Assigned { .. } | CaseState::Accepted { .. }) => true,
            (Clock::Executor, CaseState::InProgress { .. }) => true,
            (Clock::Executor, _) => false,
        }
    }
}

impl CityPlan {
    /// What is promised for `case` as it stands, from its registration or the reopening of this cycle; with the
    /// acceptance of an order issued at `assigned_at`. None when no norm of that clock was in force at the registration.
    pub fn promise(&self, case: &Case, clock: Clock, assigned_at: Option<Timestamp>) -> Option<Deadline> {
        let began_at = case.reopened_at.unwrap_or(case.registered_at);
        let norm = self.norm(&case.category, case.priority, clock, began_at)?;
        let mut promised = match assigned_at {
            Some(at) => norm.deadline(began_at, at)?,
            None => norm.promise(began_at)?,
        };
        promised.cycle = case.cycle;
        let earlier = case.deadline_of(clock);
        let stands = |earlier: &&Deadline| {
            earlier.norm == promised.norm && earlier.cycle == promised.cycle && earlier.term.is_some()
        };
        if let Some(earlier) = earlier.filter(stands) {
            return Some(Deadline { accept_by: promised.accept_by, ..earlier.clone() });
        }
        for pause in case.clocks.pauses.iter().filter(|pause| pause.from_at >= began_at) {
            promised.stand_still(pause.from_at, pause.until_at, &norm.calendar);
        }
        if let Some(earlier) = earlier {
            promised.first = earlier.first;
        }
        Some(promised)
    }

    /// The calendar a clock counts in; of a row older than the clocks, or of a calendar that is gone, the city's clock.
    pub fn calendar_of(&self, deadline: &Deadline) -> &Calendar {
        deadline.calendar.as_deref().and_then(|name| self.calendar(name)).unwrap_or_else(|| self.clock())
    }
}
