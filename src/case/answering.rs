//! Cases that end without work: explained, refused, unfounded, planned anyway, or withdrawn by the applicant. What the
//! city answers is told before it is closed; what the applicant withdraws they know themselves.

use serde_json::json;

use super::closing::TELL_WITHIN;
use super::transition::{DESK, DISPATCHERS, InvalidTransition, Transition, allow, said};
use super::{Case, CaseEvent, CaseState, ClosingCode, NextAction};
use crate::ids::ContactId;
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

impl Case {
    /// A consultation recorded as a case: nothing to execute.
    pub fn explain(mut self, text: &str, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::Registered = self.state else { return Err(self.refused("explained")) };
        allow(by, DESK, "only operators, supervisors and the control desk explain")?;
        let text = said(text, "say what was explained")?;
        let explained = CaseEvent::new("case.explained", json!({ "text": text }));
        self.answered(ClosingCode::Explained, at);
        Ok((self, vec![explained]))
    }

    /// The city's decision not to do it: `code` is `refused_lawful`, `unfounded` or `planned_programme`, and `ground`
    /// the act, the finding or the programme that it rests on.
    pub fn refuse(mut self, code: ClosingCode, ground: &str, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::Registered = self.state else { return Err(self.refused("refused")) };
        allow(by, DISPATCHERS, "only supervisors and the control desk refuse a case")?;
        if !matches!(
            code,
            ClosingCode::RefusedLawful | ClosingCode::Unfounded | ClosingCode::PlannedProgramme
        ) {
            return Err(InvalidTransition::Incomplete(
                "a case is refused as refused_lawful, unfounded or planned_programme",
            ));
        }
        let ground = said(ground, "say which act, finding or programme this rests on")?;
        let refused = CaseEvent::new("case.refused", json!({ "code": code })).because(ground);
        self.answered(code, at);
        Ok((self, vec![refused]))
    }

    /// The applicant takes the case back, in whatever state it is; an order that is out is cancelled. An operator names
    /// the call on this case in which the applicant said so, where an auditor can hear it.
    pub fn withdraw(
        mut self,
        reason: &str,
        contact: Option<ContactId>,
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        if !self.state.is_open() {
            return Err(self.refused("withdrawn"));
        }
        if by.kind != ActorKind::Applicant {
            allow(by, DESK, "only the applicant withdraws a case, or the desk for them")?;
        }
        if let Some(executor) = self.state.executor() {
            self.check_outside(by, executor)?;
        }
        let reason = said(reason, "say why the applicant withdraws the case")?;
        match contact {
            Some(contact) if !self.contacts.contains(&contact) => {
                return Err(InvalidTransition::Invariant("that call is not on this case: link it first"));
            }
            None if by.kind == ActorKind::Operator => {
                return Err(InvalidTransition::Incomplete(
                    "name the call in which the applicant withdrew the case",
                ));
            }
            _ => {}
        }
        if !self.joined.is_empty() {
            return Err(InvalidTransition::Invariant(
                "applicants of merged cases wait for it too: one of them cannot withdraw it for all",
            ));
        }
        let mut events = self.cancel_order("withdrawn");
        // What an applicant said is theirs, and may have to be erased: only the city's staff is quoted.
        let withdrawn = CaseEvent::new("case.withdrawn", json!({ "contact": contact }));
        events.push(if by.kind == ActorKind::Applicant { withdrawn } else { withdrawn.because(reason) });
        events.push(self.closed(ClosingCode::Withdrawn, None, at));
        Ok((self, events))
    }

    fn answered(&mut self, code: ClosingCode, at: Timestamp) {
        self.state = CaseState::Explained { explained_at: at, code };
        self.next = Some(NextAction::new("operator", "tell the applicant", at.plus(TELL_WITHIN)));
    }
}
