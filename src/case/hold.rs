//! On hold, and more time: the only two ways in which a deadline moves. An executor asks with a reason, control or a
//! supervisor decides, never for their own organisation; both are bounded, and each change is an event with its approver.

use std::time::Duration;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::city::CityPlan;
use super::clocks::{Extension, Pause};
use super::transition::{InvalidTransition, Transition, allow, said};
use super::{Case, CaseEvent, CaseState, Clock, NextAction};
use crate::calendar::date_text;
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

/// Pauses of one case, and extensions; whoever wants more of them has another matter.
const MAX_MOVES: usize = 50;

const APPROVERS: &[ActorKind] = &[ActorKind::Control, ActorKind::Supervisor];

/// Why nobody can work.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    AwaitingApplicant,
    AwaitingThirdParty,
    PlannedWorks,
    Season,
}

/// How far the work had come when it was put on hold; it goes on from there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "was", rename_all = "snake_case")]
pub enum HeldWork {
    Accepted { accepted_at: Timestamp },
    InProgress { started_at: Timestamp },
}

/// How long a case may be on hold, elapsed time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HoldRule {
    /// One pause.
    pub longest: Duration,
    /// All pauses of a case together.
    pub total: Duration,
}

/// What an executor asks for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Asked {
    pub wish: Wish,
    pub why: String,
    pub asked_at: Timestamp,
    /// User id.
    pub by: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "snake_case")]
pub enum Wish {
    Pause {
        reason: HoldReason,
        #[serde(with = "date_text")]
        until: NaiveDate,
    },
    Extension {
        clock: Clock,
        #[serde(with = "date_text")]
        until: NaiveDate,
    },
}

impl Wish {
    const fn name(&self) -> &'static str {
        match self {
            Self::Pause { .. } => "pause",
            Self::Extension { .. } => "extension",
        }
    }
}

impl Case {
    /// The executor asks for a pause or for more time. What could not be granted is refused at once, so that nobody
    /// waits for an answer that is known.
    pub fn ask(mut self, wish: Wish, why: &str, plan: &CityPlan, by: &Actor, at: Timestamp) -> Transition {
        let executor = self.held_executor("moved to a later day")?;
        if by.kind != ActorKind::Executor || by.organisation.as_deref() != Some(&executor) {
            return Err(InvalidTransition::NotAllowed("only the executor who holds the order may do this"));
        }
        let why = said(why, "say why more time is needed")?;
        match &wish {
            Wish::Extension { clock: Clock::Citizen, .. } => {
                return Err(InvalidTransition::NotAllowed(
                    "the city alone moves what it promised the citizen",
                ));
            }
            Wish::Extension { clock, until } => self.extended(*clock, *until, plan, at).map(|_| ())?,
            Wish::Pause { until, .. } => self.pause_end(*until, plan, at).map(|_| ())?,
        }
        let asked = CaseEvent::new("norm.asked", json!(wish)).because(why);
        self.clocks.asked = Some(Asked { wish, why: why.to_owned(), asked_at: at, by: by.id.clone() });
        Ok((self, vec![asked]))
    }

    /// What was asked for is granted.
    pub fn approve(mut self, plan: &CityPlan, by: &Actor, at: Timestamp) -> Transition {
        let asked = self.clocks.asked.take();
        let Asked { wish, why, by: who, .. } =
            asked.ok_or(InvalidTransition::Invariant("nothing is asked for, or it was decided already"))?;
        match wish {
            Wish::Pause { reason, until } => self.hold_for(reason, until, (&why, Some(who)), plan, by, at),
            Wish::Extension { clock, until } => {
                self.extend_for(clock, until, (&why, Some(who)), plan, by, at)
            }
        }
    }

    /// What was asked for is refused; the clocks go on as they did.
    pub fn turn_down(mut self, why: &str, by: &Actor, _at: Timestamp) -> Transition {
        let asked = self.clocks.asked.take();
        let asked =
            asked.ok_or(InvalidTransition::Invariant("nothing is asked for, or it was decided already"))?;
        self.may_decide(by)?;
        let why = said(why, "say why it is refused")?;
        let refused = json!({ "wish": asked.wish.name(), "asked_by": asked.by });
        Ok((self, vec![CaseEvent::new("norm.refused", refused).because(why)]))
    }

    /// Work that is accepted or begun is put on hold until the beginning of a day.
    pub fn hold(
        self,
        reason: HoldReason,
        until: NaiveDate,
        why: &str,
        plan: &CityPlan,
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        self.hold_for(reason, until, (why, None), plan, by, at)
    }

    fn hold_for(
        mut self,
        reason: HoldReason,
        until: NaiveDate,
        (why, asked_by): (&str, Option<String>),
        plan: &CityPlan,
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        let (order, executor, work) = match self.state.clone() {
            CaseState::Accepted { order, executor, accepted_at } => {
                (order, executor, HeldWork::Accepted { accepted_at })
            }
            CaseState::InProgress { order, executor, started_at } => {
                (order, executor, HeldWork::InProgress { started_at })
            }
            _ => return Err(self.refused("put on hold")),
        };
        self.may_decide(by)?;
        let why = said(why, "say why nobody can work")?;
        let until_at = self.pause_end(until, plan, at)?;
        for clock in [Clock::Citizen, Clock::Executor] {
            if let Some(deadline) = self.deadline_mut(clock) {
                deadline.stand_still(at, until_at, plan.calendar_of(deadline));
            }
        }
        self.clocks.asked = None;
        self.clocks.pauses.push(Pause { reason, from_at: at, until_at });
        self.next = Some(NextAction::new(&executor, "go on with the work", until_at));
        self.state = CaseState::OnHold { order, executor, reason, held_at: at, until_at, work };
        let paused = json!({
            "reason": reason,
            "until_at": until_at,
            "asked_by": asked_by,
            "deadlines": self.deadlines(),
        });
        Ok((self, vec![CaseEvent::new("norm.clock_paused", paused).because(why)]))
    }

    /// The work goes on before its day: by those who may put it on hold, or by the executor, whose clock then runs.
    pub fn resume(self, why: &str, plan: &CityPlan, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::OnHold { executor, .. } = &self.state else { return Err(self.refused("resumed")) };
        let is_theirs =
            by.kind == ActorKind::Executor && by.organisation.as_deref() == Some(executor.as_str());
        if !is_theirs {
            self.may_decide(by)?;
        }
        let why = said(why, "say why the work can go on")?;
        let (case, resumed) = self.resumed(plan, at)?;
        Ok((case, vec![resumed.because(why)]))
    }

    /// The clocks go on at `at`, at the latest at the end of the pause, which no program that was off makes longer.
    pub(super) fn resumed(
        mut self,
        plan: &CityPlan,
        at: Timestamp,
    ) -> Result<(Self, CaseEvent), InvalidTransition> {
        let CaseState::OnHold { order, executor, held_at, until_at, work, .. } = self.state.clone() else {
            return Err(self.refused("resumed"));
        };
        // A clock that was set back does not make a pause negative.
        let ended_at = at.clamp(held_at, until_at.max(held_at));
        if ended_at < until_at {
            for clock in [Clock::Citizen, Clock::Executor] {
                if let Some(deadline) = self.deadline_mut(clock) {
                    deadline.go_on_early(until_at, ended_at, plan.calendar_of(deadline));
                }
            }
        }
        if let Some(pause) = self.clocks.pauses.last_mut() {
            pause.until_at = ended_at;
        }
        self.state = match work {
            HeldWork::Accepted { accepted_at } => CaseState::Accepted { order, executor, accepted_at },
            HeldWork::InProgress { started_at } => CaseState::InProgress { order, executor, started_at },
        };
        self.next = self.next_at_work(at);
        let data = json!({ "ended_at": ended_at, "state": self.state.name(), "deadlines": self.deadlines() });
        Ok((self, CaseEvent::new("norm.clock_resumed", data)))
    }

    /// More time, to the end of a day that the norm still allows.
    pub fn extend(
        self,
        clock: Clock,
        until: NaiveDate,
        why: &str,
        plan: &CityPlan,
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        self.extend_for(clock, until, (why, None), plan, by, at)
    }

    fn extend_for(
        mut self,
        clock: Clock,
        until: NaiveDate,
        (why, asked_by): (&str, Option<String>),
        plan: &CityPlan,
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        self.may_decide(by)?;
        let why = said(why, "say why more time is needed")?;
        let to = self.extended(clock, until, plan, at)?;
        let Some(deadline) = self.deadline_mut(clock) else { return Err(no_clock()) };
        let from = deadline.resolve_by;
        deadline.extend(to, at, plan.calendar_of(deadline));
        let norm = deadline.norm.clone();
        self.clocks.asked = None;
        self.clocks.extensions.push(Extension { clock, at, from, to });
        if let (Clock::Executor, Some(next)) = (clock, &mut self.next)
            && next.by == from
        {
            next.by = to;
        }
        let data = json!({
            "clock": clock,
            "norm": norm,
            "from": from,
            "to": to,
            "asked_by": asked_by,
            "deadlines": self.deadlines(),
        });
        Ok((self, vec![CaseEvent::new("norm.extended", data).because(why)]))
    }

    /// Until when a clock that is to end on `until` would run.
    fn extended(
        &self,
        clock: Clock,
        until: NaiveDate,
        plan: &CityPlan,
        at: Timestamp,
    ) -> Result<Timestamp, InvalidTransition> {
        if !self.is_running(clock) {
            return Err(self.refused("given more time"));
        }
        let deadline = self.deadline_of(clock).ok_or_else(no_clock)?;
        let allowed = deadline
            .extendable_to
            .ok_or(InvalidTransition::Invariant("the norm of this case allows no extension"))?;
        if self.clocks.extensions.len() >= MAX_MOVES {
            return Err(InvalidTransition::Invariant("this case was given more time too often"));
        }
        let to = plan.calendar_of(deadline).end_of(until);
        if to <= deadline.resolve_by || to <= at {
            return Err(InvalidTransition::Incomplete(
                "the new day must lie after the deadline and after today",
            ));
        }
        if to > allowed {
            return Err(InvalidTransition::Invariant(
                "the norm allows less: its longest term ends before that day",
            ));
        }
        Ok(to)
    }

    /// The beginning of `until`, when the rule allows a pause that long.
    fn pause_end(
        &self,
        until: NaiveDate,
        plan: &CityPlan,
        at: Timestamp,
    ) -> Result<Timestamp, InvalidTransition> {
        let (until_at, rule) = (plan.clock().start_of(until), plan.hold_rule());
        if until_at <= at {
            return Err(InvalidTransition::Incomplete("the work must go on on a later day than today"));
        }
        let length = until_at.since(at);
        if length > rule.longest {
            return Err(InvalidTransition::Invariant(
                "one pause may not be that long: the city's rule says how long",
            ));
        }
        if self.clocks.paused() + length > rule.total || self.clocks.pauses.len() >= MAX_MOVES {
            return Err(InvalidTransition::Invariant("the pauses of this case would together be too long"));
        }
        Ok(until_at)
    }

    fn held_executor(&self, wanted: &'static str) -> Result<String, InvalidTransition> {
        match &self.state {
            CaseState::Assigned { executor, .. }
            | CaseState::Accepted { executor, .. }
            | CaseState::InProgress { executor, .. } => Ok(executor.clone()),
            _ => Err(self.refused(wanted)),
        }
    }

    fn may_decide(&self, by: &Actor) -> Result<(), InvalidTransition> {
        allow(by, APPROVERS, "only the control desk and supervisors decide about clocks")?;
        self.state.executor().map_or(Ok(()), |executor| self.check_outside(by, executor))
    }

    /// Both clocks as they are now, for the journal.
    fn deadlines(&self) -> serde_json::Value {
        json!({ "executor": self.deadline, "citizen": self.clocks.citizen() })
    }
}

const fn no_clock() -> InvalidTransition {
    InvalidTransition::Invariant("this case has no such clock yet")
}
