//! What the passing of time does to a case: the citizen's promise is found, a pause ends, a clock warns and is missed,
//! an escalation climbs. [`Case::due_at`] says when to look next, without the city plan; [`Case::watch`] takes every
//! step that is due, each once: the marks of what was done are on the case.

use serde_json::json;

use super::city::CityPlan;
use super::clocks::Promise;
use super::escalation::{Escalation, MAX_ESCALATIONS};
use super::{Case, CaseEvent, CaseState, Clock};
use crate::time::Timestamp;

/// Steps taken at once: all warnings, both breaches and two whole ladders fit several times.
const MAX_STEPS: usize = 64;

/// One thing that is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Step {
    Promise,
    Resume,
    Warn(Clock),
    /// Nobody has accepted the order in time.
    Unaccepted,
    Breach(Clock),
    /// The escalation of this index goes one level up.
    Climb(usize),
}

impl Case {
    /// When [`Self::watch`] has something to do next; none when only people move the case.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.next_step().map(|(at, _)| at)
    }

    /// Takes every step that is due at `at`, in the order of their moments.
    pub fn watch(mut self, plan: &CityPlan, at: Timestamp) -> (Self, Vec<CaseEvent>) {
        let mut events = Vec::new();
        for _ in 0..MAX_STEPS {
            match self.next_step() {
                Some((due_at, step)) if due_at <= at => self = self.take(step, plan, at, &mut events),
                _ => break,
            }
        }
        (self, events)
    }

    fn next_step(&self) -> Option<(Timestamp, Step)> {
        if !self.state.is_open() {
            return None;
        }
        let promise = match self.clocks.citizen {
            Promise::Pending | Promise::Review(_) => Some((self.registered_at, Step::Promise)),
            Promise::None | Promise::Given(_) => None,
        };
        let resume = match self.state {
            CaseState::OnHold { until_at, .. } => Some((until_at, Step::Resume)),
            _ => None,
        };
        let clocks = [Clock::Citizen, Clock::Executor].into_iter().filter_map(|clock| self.clock_step(clock));
        let unaccepted = self.acceptance_deadline().map(|by| (by, Step::Unaccepted));
        let climbs = self.clocks.escalations.iter().enumerate();
        let climbs = climbs
            .filter_map(|(index, escalation)| Some((self.climb_deadline(escalation)?, Step::Climb(index))));
        promise.into_iter().chain(resume).chain(clocks).chain(unaccepted).chain(climbs).min()
    }

    fn clock_step(&self, clock: Clock) -> Option<(Timestamp, Step)> {
        let deadline = self.deadline_of(clock).filter(|_| self.is_running(clock))?;
        let warning = deadline.warnings.iter().map(|warning| (warning.at, Step::Warn(clock))).min();
        let breach = (!deadline.is_breached()).then_some((deadline.resolve_by, Step::Breach(clock)));
        warning.into_iter().chain(breach).min()
    }

    /// Until when the order that is out is to be accepted; none when it was, or when the ladder was asked about it.
    fn acceptance_deadline(&self) -> Option<Timestamp> {
        let deadline = self.deadline.as_ref().filter(|_| matches!(self.state, CaseState::Assigned { .. }))?;
        let is_open = |by: &Timestamp| deadline.unaccepted != Some(*by) && *by < deadline.resolve_by;
        deadline.accept_by.filter(is_open)
    }

    /// Whether what `escalation` asks about is still to be done.
    fn is_late(&self, escalation: &Escalation) -> bool {
        let Some(deadline) = self.deadline_of(escalation.clock) else { return false };
        let waits = matches!(self.state, CaseState::Assigned { .. });
        let unaccepted = waits && deadline.unaccepted == Some(escalation.missed);
        let unresolved = deadline.breached == Some(escalation.missed) && deadline.is_breached();
        self.is_running(escalation.clock) && (unaccepted || unresolved)
    }

    /// When the next level is asked; none when it was, or when there is none.
    fn climb_deadline(&self, escalation: &Escalation) -> Option<Timestamp> {
        let is_same =
            |other: &&Escalation| other.clock == escalation.clock && other.missed == escalation.missed;
        let climbed =
            self.clocks.escalations.iter().filter(is_same).any(|other| other.level > escalation.level);
        if climbed || escalation.is_last || self.clocks.escalations.len() >= MAX_ESCALATIONS {
            return None;
        }
        let unanswered = escalation.answer_by.filter(|_| escalation.answer.is_none());
        unanswered.into_iter().chain(escalation.next_at.filter(|_| self.is_late(escalation))).min()
    }

    fn take(self, step: Step, plan: &CityPlan, at: Timestamp, events: &mut Vec<CaseEvent>) -> Self {
        match step {
            Step::Promise => self.promise_citizen(plan, events),
            Step::Resume => match self.clone().resumed(plan, at) {
                Ok((case, resumed)) => {
                    events.push(resumed.because("the day came until which it was on hold"));
                    case
                }
                Err(_) => self,
            },
            Step::Warn(clock) => self.warn(clock, events),
            Step::Unaccepted => self.miss_acceptance(plan, at, events),
            Step::Breach(clock) => self.breach(clock, plan, at, events),
            Step::Climb(index) => self.climb(index, plan, at, events),
        }
    }

    fn promise_citizen(mut self, plan: &CityPlan, events: &mut Vec<CaseEvent>) -> Self {
        let promised = plan.promise(&self, Clock::Citizen, None);
        let earlier = self.clocks.citizen().cloned();
        self.clocks.citizen = match (promised, earlier) {
            // A promise once given is not taken back because no norm fits the matter any more.
            (Some(promised), earlier) => {
                if earlier.as_ref() != Some(&promised) {
                    events.push(promised.applied(Clock::Citizen));
                }
                Promise::Given(promised)
            }
            (None, Some(earlier)) => Promise::Given(earlier),
            (None, None) => Promise::None,
        };
        self
    }

    fn warn(mut self, clock: Clock, events: &mut Vec<CaseEvent>) -> Self {
        let Some(deadline) = self.deadline_mut(clock) else { return self };
        let earliest = deadline.warnings.iter().enumerate().min_by_key(|(_, warning)| warning.at);
        let Some(index) = earliest.map(|(index, _)| index) else { return self };
        let warning = deadline.warnings.remove(index);
        let warned = json!({
            "clock": clock,
            "norm": deadline.norm,
            "percent": warning.percent,
            "due_at": warning.at,
            "resolve_by": deadline.resolve_by,
        });
        events.push(CaseEvent::new("norm.warned", warned));
        self
    }

    /// The order lies there, and the ladder is asked why.
    fn miss_acceptance(mut self, plan: &CityPlan, at: Timestamp, events: &mut Vec<CaseEvent>) -> Self {
        let Some(deadline) = self.deadline.as_mut() else { return self };
        let Some(missed) = deadline.accept_by else { return self };
        deadline.unaccepted = Some(missed);
        let unaccepted = json!({ "norm": deadline.norm, "accept_by": missed });
        events.push(CaseEvent::new("norm.unaccepted", unaccepted));
        if let Some(rung) = plan.first_rung(&self) {
            events.extend(self.raise(Clock::Executor, missed, rung, plan, at));
        }
        self
    }

    /// A breach and its first escalation are one step (invariant 7).
    fn breach(mut self, clock: Clock, plan: &CityPlan, at: Timestamp, events: &mut Vec<CaseEvent>) -> Self {
        let Some(deadline) = self.deadline_mut(clock) else { return self };
        let missed = deadline.resolve_by;
        deadline.breached = Some(missed);
        let breached = json!({
            "clock": clock,
            "norm": deadline.norm,
            "first": deadline.first,
            "resolve_by": missed,
        });
        events.push(CaseEvent::new("norm.breached", breached));
        // Always asked; what makes deadlines bounds how often.
        if let Some(rung) = plan.first_rung(&self) {
            events.extend(self.raise(clock, missed, rung, plan, at));
        }
        self
    }

    fn climb(mut self, index: usize, plan: &CityPlan, at: Timestamp, events: &mut Vec<CaseEvent>) -> Self {
        let Some(Escalation { clock, missed, level, .. }) = self.clocks.escalations.get(index).cloned()
        else {
            return self;
        };
        let above = plan.rung(level.saturating_add(1), self.state.executor());
        match above.and_then(|rung| self.raise(clock, missed, rung, plan, at)) {
            Some(raised) => events.push(raised),
            // The city has shortened its ladder meanwhile: the post that was asked stays the last one.
            None => self.clocks.escalations[index].is_last = true,
        }
        self
    }
}

#[cfg(test)]
mod tests;
