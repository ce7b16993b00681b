//! The way to the end: evidence checked, applicant told, case closed. Nobody closes their own organisation's work
//! (invariant 3), and nothing is closed before the applicant was told in the case's language (invariant 4).

use std::time::Duration;

use serde_json::json;

use super::transition::{DESK, InvalidTransition, Transition, allow, said};
use super::{Case, CaseEvent, CaseNumber, CaseState, ClosingCode, NextAction, TellingChannel, Told};
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

/// More attempts to tell one applicant help nobody.
const MAX_TELLINGS: usize = 100;
/// The applicant hears of the result within this time of its being known.
const TELL_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

const CONTROL: &[ActorKind] = &[ActorKind::Control];
/// Who may tell applicants; the program does it by telephone.
const TELLERS: &[ActorKind] =
    &[ActorKind::Operator, ActorKind::Supervisor, ActorKind::Control, ActorKind::System];

impl Case {
    /// Control accepts the evidence: verification begins. Never of the executor's organisation.
    pub fn accept_evidence(mut self, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::WorkReported { order, executor, reported_at } = self.state.clone() else {
            return Err(self.refused("accepted as done"));
        };
        allow(by, CONTROL, "only the control desk judges evidence")?;
        is_outside(by, &executor)?;
        let mut events = vec![CaseEvent::new("evidence.accepted", json!({ "order": order }))];
        if let Some(deadline) = &self.deadline {
            let in_time = reported_at <= deadline.resolve_by;
            let satisfied = json!({ "norm": deadline.norm, "reported_at": reported_at, "in_time": in_time });
            events.push(CaseEvent::new("norm.satisfied", satisfied));
        }
        self.next = Some(NextAction::new("control", "tell the applicant", at.plus(TELL_WITHIN)));
        self.state = CaseState::Verification { order, executor, reported_at, evidence_accepted_at: at };
        Ok((self, events))
    }

    /// Control rejects the evidence: back to `in_progress`.
    pub fn reject_evidence(mut self, reason: &str, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::WorkReported { order, executor, .. } = self.state.clone() else {
            return Err(self.refused("sent back for its evidence"));
        };
        allow(by, CONTROL, "only the control desk judges evidence")?;
        is_outside(by, &executor)?;
        let reason = said(reason, "say what is wrong with the evidence")?;
        self.back_to_work(order, executor, at);
        let rejected = CaseEvent::new("evidence.rejected", json!({ "order": order })).because(reason);
        let returned = CaseEvent::new("wo.returned", json!({ "order": order, "cause": "evidence" }));
        Ok((self, vec![rejected, returned]))
    }

    /// An attempt to tell the applicant is recorded. A refuting answer (`confirmed: Some(false)`) returns the
    /// case to work.
    pub fn tell(mut self, told: Told, by: &Actor, at: Timestamp) -> Transition {
        let verifying = match &self.state {
            CaseState::Verification { order, executor, .. } => Some((*order, executor.clone())),
            CaseState::Explained { .. } => None,
            _ => return Err(self.refused("told to the applicant")),
        };
        allow(by, TELLERS, "only the desk and the control desk tell the applicant")?;
        if let Some((_, executor)) = &verifying {
            is_outside(by, executor)?;
        }
        self.check_telling(&told, verifying.is_some())?;
        let attempt = self.tellings().count() + 1;
        let attempted = json!({
            "channel": told.channel,
            "language": told.language,
            "delivered": told.delivered,
            "attempt": attempt,
            "cycle": self.cycle,
        });
        let confirmed = told.confirmed;
        let delivered = told.delivered;
        self.told.push(told);
        let Some((order, executor)) = verifying else {
            if delivered {
                self.next = Some(NextAction::new("operator", "close", at.plus(TELL_WITHIN)));
            }
            return Ok((self, vec![CaseEvent::new("reply.sent", attempted)]));
        };
        let mut events = vec![CaseEvent::new("verify.attempted", attempted)];
        match confirmed {
            Some(true) => {
                events.push(CaseEvent::new("verify.confirmed", json!({ "order": order })));
                self.next = Some(NextAction::new("control", "close", at.plus(TELL_WITHIN)));
            }
            Some(false) => {
                events.push(CaseEvent::new("verify.refuted", json!({ "order": order })));
                events.push(CaseEvent::new("wo.returned", json!({ "order": order, "cause": "refuted" })));
                self.back_to_work(order, executor, at);
            }
            None if !delivered => {
                events.push(CaseEvent::new("verify.unreachable", json!({ "attempt": attempt })))
            }
            None => {}
        }
        Ok((self, events))
    }

    /// Control returns the case to work from verification.
    pub fn return_to_work(mut self, reason: &str, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::Verification { order, executor, .. } = self.state.clone() else {
            return Err(self.refused("returned to work"));
        };
        allow(by, CONTROL, "only the control desk returns a case to work")?;
        is_outside(by, &executor)?;
        let reason = said(reason, "say why the work is not done")?;
        self.back_to_work(order, executor, at);
        let returned = CaseEvent::new("wo.returned", json!({ "order": order, "cause": "control" }));
        Ok((self, vec![returned.because(reason)]))
    }

    /// A consultation recorded as a case: nothing to execute.
    pub fn explain(mut self, text: &str, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::Registered = self.state else { return Err(self.refused("explained")) };
        allow(by, DESK, "only operators, supervisors and the control desk explain")?;
        let text = said(text, "say what was explained")?;
        self.state = CaseState::Explained { explained_at: at };
        self.next = Some(NextAction::new("operator", "tell the applicant", at.plus(TELL_WITHIN)));
        Ok((self, vec![CaseEvent::new("case.explained", json!({ "text": text }))]))
    }

    /// The call it was registered for belongs to `other`, which goes on: this one was never work for anybody. Who calls
    /// hears so in that very call.
    pub fn merge(mut self, other: &CaseNumber, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::Registered = self.state else { return Err(self.refused("merged")) };
        allow(by, DESK, "only operators, supervisors and the control desk merge cases")?;
        if *other == self.number {
            return Err(InvalidTransition::Invariant("a case is not merged with itself"));
        }
        let code = ClosingCode::Duplicate;
        let events = vec![
            CaseEvent::new("case.merged", json!({ "into": other })),
            CaseEvent::new(
                "case.closed",
                json!({ "code": code, "order": null, "cycle": self.cycle, "told": 0 }),
            ),
        ];
        self.state = CaseState::Closed { code, closed_at: at };
        self.next = None;
        Ok((self, events))
    }

    /// Invariants 3 and 4 are checked here: who closes, and that the applicant was told. `attempts` is the norm's
    /// number of telling attempts after which `fixed_unconfirmed` is allowed; at least one is always needed.
    pub fn close(mut self, code: ClosingCode, attempts: usize, by: &Actor, at: Timestamp) -> Transition {
        match &self.state {
            CaseState::Verification { executor, .. } => {
                let closers = if code == ClosingCode::FixedConfirmed {
                    &[ActorKind::Control, ActorKind::System]
                } else {
                    CONTROL
                };
                allow(by, closers, "only the control desk closes work as fixed")?;
                is_outside(by, executor)?;
                self.check_fixed(code, attempts.max(1))?;
            }
            CaseState::Explained { .. } => {
                allow(by, DESK, "only the desk and the control desk close a consultation")?;
                self.check_explained(code, attempts.max(1))?;
            }
            _ => return Err(self.refused("closed")),
        }
        let order = self.state.order();
        let mut events = Vec::new();
        if code == ClosingCode::FixedInspected {
            events.push(CaseEvent::new("verify.inspected", json!({ "order": order })));
        }
        let attempts = self.tellings().count();
        events.push(CaseEvent::new(
            "case.closed",
            json!({ "code": code, "order": order, "cycle": self.cycle, "told": attempts }),
        ));
        self.state = CaseState::Closed { code, closed_at: at };
        self.next = None;
        Ok((self, events))
    }

    /// Attempts to tell of the result as it stands: earlier ones told of work that was since returned.
    fn tellings(&self) -> impl Iterator<Item = &Told> {
        let known_at = match &self.state {
            CaseState::Verification { evidence_accepted_at, .. } => Some(*evidence_accepted_at),
            CaseState::Explained { explained_at } => Some(*explained_at),
            _ => None,
        };
        let current = move |told: &&Told| known_at.is_some_and(|known_at| told.at >= known_at);
        self.told.iter().filter(|told| told.cycle == self.cycle).filter(current)
    }

    fn check_telling(&self, told: &Told, verifying: bool) -> Result<(), InvalidTransition> {
        if told.language != self.language {
            return Err(InvalidTransition::Invariant("the applicant is told in the language of the case"));
        }
        if told.cycle != self.cycle {
            return Err(InvalidTransition::Invariant("the telling belongs to another cycle of the case"));
        }
        if told.confirmed.is_some() && !told.delivered {
            return Err(InvalidTransition::Incomplete("an applicant who was not reached has not answered"));
        }
        if told.confirmed.is_some() && !verifying {
            return Err(InvalidTransition::Invariant("there is no work that the applicant could confirm"));
        }
        if told.channel == TellingChannel::SameContact && verifying {
            return Err(InvalidTransition::Invariant(
                "work is not done during the call that reports the trouble",
            ));
        }
        if self.told.len() >= MAX_TELLINGS {
            return Err(InvalidTransition::Invariant("the applicant has been told often enough"));
        }
        Ok(())
    }

    fn check_fixed(&self, code: ClosingCode, attempts: usize) -> Result<(), InvalidTransition> {
        let confirmed = self.tellings().any(|told| told.confirmed == Some(true));
        let fault = match code {
            ClosingCode::FixedConfirmed if !confirmed => "the applicant has not confirmed that it is fixed",
            ClosingCode::FixedUnconfirmed if confirmed => "the applicant has confirmed: close as confirmed",
            ClosingCode::FixedUnconfirmed if self.tellings().count() < attempts => {
                "the attempts to reach the applicant are not used up"
            }
            ClosingCode::FixedInspected => return self.check_told(attempts),
            ClosingCode::FixedConfirmed | ClosingCode::FixedUnconfirmed => return Ok(()),
            _ => "work that was done is closed as fixed, or returned",
        };
        Err(InvalidTransition::Invariant(fault))
    }

    fn check_explained(&self, code: ClosingCode, attempts: usize) -> Result<(), InvalidTransition> {
        match code {
            ClosingCode::FixedConfirmed | ClosingCode::FixedInspected | ClosingCode::FixedUnconfirmed => {
                Err(InvalidTransition::Invariant("nothing was fixed: no work was done on this case"))
            }
            _ => self.check_told(attempts),
        }
    }

    fn check_told(&self, attempts: usize) -> Result<(), InvalidTransition> {
        if self.tellings().any(|told| told.delivered) || self.tellings().count() >= attempts {
            return Ok(());
        }
        Err(InvalidTransition::Invariant("the applicant was not told yet"))
    }
}

/// Invariant 3: whoever judges or closes is never of the organisation that did the work.
pub(super) fn is_outside(by: &Actor, executor: &str) -> Result<(), InvalidTransition> {
    if by.organisation.as_deref() == Some(executor) {
        return Err(InvalidTransition::NotAllowed("nobody judges the work of their own organisation"));
    }
    Ok(())
}
