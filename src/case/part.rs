//! Parts of one work order: organisations that work with the lead, each with an answer of its own. The lead answers for the
//! deadline and reports the whole, once every part is reported; a part that is declined goes back to a dispatcher, who
//! gives it to another organisation or does without.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::transition::{DISPATCHERS, InvalidTransition, Transition, allow, said};
use super::{Case, CaseEvent, CaseState, NextAction};
use crate::ids::WorkOrderId;
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

/// What one organisation beside the lead does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Part {
    /// Organisation id.
    pub executor: String,
    pub state: PartState,
    /// Why it was declined, in the organisation's words; none of other parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Part {
    pub(super) const fn asked_of(executor: String) -> Self {
        Self { executor, state: PartState::Asked, reason: None }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// Not answered yet.
    Asked,
    Accepted,
    Reported,
    /// Back with a dispatcher.
    Declined,
}

impl PartState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Accepted => "accepted",
            Self::Reported => "reported",
            Self::Declined => "declined",
        }
    }

    const fn is_open(self) -> bool {
        matches!(self, Self::Asked | Self::Accepted)
    }
}

impl Case {
    /// The part of `organisation` in the order that is out.
    pub fn part_of(&self, organisation: &str) -> Option<&Part> {
        self.state.order()?;
        self.parts.iter().find(|part| part.executor == organisation)
    }

    /// By the organisation that was asked.
    pub fn accept_part(self, by: &Actor, _at: Timestamp) -> Transition {
        self.answer_part(by, PartState::Accepted, "wo.part_accepted", |state| state == PartState::Asked)
    }

    pub fn report_part(self, result: &str, by: &Actor, _at: Timestamp) -> Transition {
        let result = said(result, "say what was done")?.to_owned();
        let (case, mut events) =
            self.answer_part(by, PartState::Reported, "wo.part_reported", PartState::is_open)?;
        for event in &mut events {
            event.data["result"] = json!(result);
        }
        Ok((case, events))
    }

    /// Back to a dispatcher; until they have decided the lead cannot report the whole.
    pub fn decline_part(self, reason: &str, by: &Actor, at: Timestamp) -> Transition {
        let reason = said(reason, "say why the part is declined")?.to_owned();
        let (mut case, events) =
            self.answer_part(by, PartState::Declined, "wo.part_declined", PartState::is_open)?;
        let own = |part: &&mut Part| by.organisation.as_deref() == Some(&part.executor);
        if let Some(part) = case.parts.iter_mut().find(own) {
            part.reason = Some(reason.clone());
        }
        case.next = case.next_at_work(at);
        Ok((case, events.into_iter().map(|event| event.because(&reason)).collect()))
    }

    /// A dispatcher takes the part of `from` and gives it to `to`, or lets the others do without.
    pub fn give_part(
        mut self,
        from: &str,
        to: Option<&str>,
        reason: &str,
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        let order = self.order_at_work()?;
        allow(by, DISPATCHERS, "only supervisors and the control desk give a part to somebody else")?;
        let reason = said(reason, "say why")?;
        let taken =
            |id: &str| self.state.executor() == Some(id) || self.parts.iter().any(|part| part.executor == id);
        if to.is_some_and(taken) {
            return Err(InvalidTransition::Invariant("this organisation has a part of the work already"));
        }
        let place =
            self.parts.iter().position(|part| part.executor == from && part.state != PartState::Reported);
        let place =
            place.ok_or(InvalidTransition::Invariant("this organisation has no part that is still open"))?;
        self.parts.remove(place);
        self.parts.extend(to.map(|to| Part::asked_of(to.to_owned())));
        self.next = self.next_at_work(at);
        let given = json!({ "order": order, "from": from, "executor": to });
        Ok((self, vec![CaseEvent::new("wo.part_given", given).because(reason)]))
    }

    /// Who has to do what while the order is worked on: a declined part waits for a dispatcher, however far the lead goes
    /// on meanwhile.
    pub(super) fn next_at_work(&self, at: Timestamp) -> Option<NextAction> {
        let until = self.resolve_deadline(at);
        if self.parts.iter().any(|part| part.state == PartState::Declined) {
            return Some(NextAction::new("dispatcher", "give the declined part to somebody", until));
        }
        let accept_by = self.deadline.as_ref().and_then(|deadline| deadline.accept_by);
        let (lead, action, by) = match &self.state {
            CaseState::Assigned { executor, .. } => {
                (executor, "accept or decline", accept_by.map_or(until, |accept_by| accept_by.max(at)))
            }
            CaseState::Accepted { executor, .. } => (executor, "start the work", until),
            CaseState::InProgress { executor, .. } => (executor, "report the work", until),
            _ => return self.next.clone(),
        };
        Some(NextAction::new(lead, action, by))
    }

    fn answer_part(
        mut self,
        by: &Actor,
        to: PartState,
        event: &'static str,
        may: impl Fn(PartState) -> bool,
    ) -> Transition {
        let order = self.order_at_work()?;
        let own = |part: &&mut Part| by.organisation.as_deref() == Some(&part.executor);
        let part = self.parts.iter_mut().find(own).filter(|_| by.kind == ActorKind::Executor);
        let part =
            part.ok_or(InvalidTransition::NotAllowed("only an organisation that has a part may do this"))?;
        if !may(part.state) {
            return Err(InvalidTransition::Invariant("this part was answered already"));
        }
        part.state = to;
        let answered = json!({ "order": order, "executor": part.executor });
        Ok((self, vec![CaseEvent::new(event, answered)]))
    }

    fn order_at_work(&self) -> Result<WorkOrderId, InvalidTransition> {
        match &self.state {
            CaseState::Assigned { order, .. }
            | CaseState::Accepted { order, .. }
            | CaseState::InProgress { order, .. } => Ok(*order),
            _ => Err(self.refused("worked on by others")),
        }
    }

    /// Invariant 3: whoever judges, decides about or closes the work of `executor` is neither of that organisation nor of
    /// one that had a part in it, also after the order is over.
    pub(super) fn check_outside(&self, by: &Actor, executor: &str) -> Result<(), InvalidTransition> {
        let Some(organisation) = by.organisation.as_deref() else { return Ok(()) };
        if organisation == executor {
            return Err(InvalidTransition::NotAllowed("nobody judges the work of their own organisation"));
        }
        if self.parts.iter().any(|part| part.executor == organisation) {
            return Err(InvalidTransition::NotAllowed(
                "your organisation has a part in this work: somebody else judges it",
            ));
        }
        Ok(())
    }

    /// The lead reports for all: not before the others have reported.
    pub fn check_parts(&self) -> Result<(), InvalidTransition> {
        if self.parts.iter().any(|part| part.state == PartState::Declined) {
            return Err(InvalidTransition::Invariant(
                "a co-executor declined its part: a dispatcher decides who does it",
            ));
        }
        if self.parts.iter().any(|part| part.state.is_open()) {
            return Err(InvalidTransition::Invariant("a co-executor has not reported its part yet"));
        }
        Ok(())
    }
}
