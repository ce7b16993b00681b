//! To another body and back. Forwarded is no end: the answer is awaited by a date, the citizen's clock runs on, and the
//! case is closed only when that body has taken the matter up and the applicant knows it.

use serde_json::json;

use super::closing::TELL_WITHIN;
use super::transition::{DESK, InvalidTransition, Transition, allow, said};
use super::{Case, CaseEvent, CaseState, NextAction};
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

/// What the other body said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForwardAnswer {
    /// It is theirs and they act on it.
    TakenOver,
    /// It is not theirs, or they leave it to the city.
    SentBack,
}

impl Case {
    /// The matter is another body's; its answer is awaited until `answer_by`.
    pub fn forward(
        mut self,
        to: &str,
        answer_by: Timestamp,
        reason: &str,
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        let CaseState::Registered = self.state else { return Err(self.refused("forwarded")) };
        allow(by, DESK, "only operators, supervisors and the control desk forward a case")?;
        let to = said(to, "say to which body it is forwarded")?.to_owned();
        let reason = said(reason, "say why it is theirs")?;
        if answer_by <= at {
            return Err(InvalidTransition::Incomplete("say until when the answer is awaited"));
        }
        let forwarded = json!({ "to": to, "answer_by": answer_by });
        self.next = Some(NextAction::new("operator", "ask the other body for its answer", answer_by));
        self.state = CaseState::Forwarded { to, forwarded_at: at, answer_by, answered_at: None };
        Ok((self, vec![CaseEvent::new("case.forwarded", forwarded).because(reason)]))
    }

    /// The other body's answer: the case comes back to the desk, or the applicant is told who has it now.
    pub fn forward_answered(
        mut self,
        answer: ForwardAnswer,
        text: &str,
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        let CaseState::Forwarded { to, forwarded_at, answer_by, answered_at: None } = self.state.clone()
        else {
            return Err(self.refused("answered by another body"));
        };
        if by.kind != ActorKind::System {
            allow(by, DESK, "only operators, supervisors and the control desk record the answer")?;
        }
        let text = said(text, "say what the other body answered")?;
        let taken_over = answer == ForwardAnswer::TakenOver;
        let in_time = at <= answer_by;
        let answered = json!({ "to": to, "taken_over": taken_over, "in_time": in_time });
        if taken_over {
            self.state = CaseState::Forwarded { to, forwarded_at, answer_by, answered_at: Some(at) };
            self.next = Some(NextAction::new("operator", "tell the applicant", at.plus(TELL_WITHIN)));
        } else {
            self.back_to_desk(at);
        }
        Ok((self, vec![CaseEvent::new("case.forward_answered", answered).because(text)]))
    }
}
