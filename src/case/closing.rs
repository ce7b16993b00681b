//! The way to the end: evidence checked, applicant told, case closed. Nobody closes their own organisation's work
//! (invariant 3), and nothing is closed before every applicant was told in their language (invariant 4).

use std::time::Duration;

use serde_json::json;

use super::reopening::MAX_LEVEL;
use super::rules::VerifyRule;
use super::transition::{DESK, InvalidTransition, Transition, allow, said};
use super::{
    Case, CaseEvent, CaseNumber, CaseState, ClosingCode, Inspection, NextAction, TellingChannel, Told,
};
use crate::ids::WorkOrderId;
use crate::language::Language;
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

/// More attempts to tell one applicant one result help nobody.
const MAX_TELLINGS: usize = 100;
/// Visits to one place that help nobody more.
const MAX_INSPECTIONS: usize = 100;
/// The applicant hears of the result within this time of its being known.
pub(super) const TELL_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

const CONTROL: &[ActorKind] = &[ActorKind::Control];
/// The program closes what the applicant confirmed to it, or did not answer.
const CLOSERS: &[ActorKind] = &[ActorKind::Control, ActorKind::System];
/// Who may tell applicants; the program does it by telephone.
const TELLERS: &[ActorKind] =
    &[ActorKind::Operator, ActorKind::Supervisor, ActorKind::Control, ActorKind::System];

impl Case {
    /// Control accepts the evidence: verification begins. Never of the executor's organisation.
    pub fn accept_evidence(mut self, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::WorkReported { executor, .. } = &self.state else {
            return Err(self.refused("accepted as done"));
        };
        allow(by, CONTROL, "only the control desk judges evidence")?;
        self.check_outside(by, executor)?;
        let events = self.begin_verification(at);
        Ok((self, events))
    }

    /// Reported work is believed; the applicants are to be told. Nothing happens in another state.
    pub(super) fn begin_verification(&mut self, at: Timestamp) -> Vec<CaseEvent> {
        let CaseState::WorkReported { order, executor, reported_at } = self.state.clone() else {
            return Vec::new();
        };
        let mut events = vec![CaseEvent::new("evidence.accepted", json!({ "order": order }))];
        if let Some(deadline) = &self.deadline {
            let in_time = reported_at <= deadline.resolve_by;
            let satisfied = json!({ "norm": deadline.norm, "reported_at": reported_at, "in_time": in_time });
            events.push(CaseEvent::new("norm.satisfied", satisfied));
        }
        self.next = Some(NextAction::new("control", "tell the applicant", at.plus(TELL_WITHIN)));
        self.state = CaseState::Verification { order, executor, reported_at, evidence_accepted_at: at };
        events
    }

    /// Control rejects the evidence: back to `in_progress`.
    pub fn reject_evidence(mut self, reason: &str, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::WorkReported { order, executor, .. } = self.state.clone() else {
            return Err(self.refused("sent back for its evidence"));
        };
        allow(by, CONTROL, "only the control desk judges evidence")?;
        self.check_outside(by, &executor)?;
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
            CaseState::Explained { .. } | CaseState::Forwarded { answered_at: Some(_), .. } => None,
            _ => return Err(self.refused("told to the applicant")),
        };
        // On the page the applicant answers without being rung.
        if !(by.kind == ActorKind::Applicant && told.confirmed.is_some()) {
            allow(by, TELLERS, "only the desk and the control desk tell the applicant")?;
        }
        if told.channel == TellingChannel::Page && by.kind != ActorKind::Applicant {
            return Err(InvalidTransition::NotAllowed("on the page only the applicant answers"));
        }
        if let Some((_, executor)) = &verifying {
            self.check_outside(by, executor)?;
        }
        self.check_telling(&told, verifying.is_some())?;
        let attempt = self.tellings_of(told.whom.as_ref()).count() + 1;
        let mut attempted = json!({
            "channel": told.channel,
            "language": told.language,
            "delivered": told.delivered,
            "attempt": attempt,
            "cycle": self.cycle,
        });
        if let Some(whom) = &told.whom {
            attempted["whom"] = json!(whom);
        }
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
                self.one_level_up();
                let refuted = json!({ "order": order, "level": self.level });
                events.push(CaseEvent::new("verify.refuted", refuted));
                events.push(CaseEvent::new("wo.returned", json!({ "order": order, "cause": "refuted" })));
                self.back_to_work(order, executor, at);
                events.extend(self.outlive_incident("refuted", at));
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
        self.check_outside(by, &executor)?;
        let reason = said(reason, "say why the work is not done")?;
        self.back_to_work(order, executor, at);
        let returned = CaseEvent::new("wo.returned", json!({ "order": order, "cause": "control" }));
        let mut events = vec![returned.because(reason)];
        events.extend(self.outlive_incident("returned", at));
        Ok((self, events))
    }

    /// The control desk's inspector was there. Work that was not found done goes back, one level up; of a closed case
    /// that is a reopening (`ReopenCause::Inspection`).
    pub fn inspect(mut self, passed: bool, note: &str, by: &Actor, at: Timestamp) -> Transition {
        let (held, done_by) = match &self.state {
            CaseState::Verification { order, executor, .. } => (Some(*order), executor.clone()),
            CaseState::Closed { code, .. } if code.is_fixed() => {
                let last = self.last_order.as_ref();
                (None, last.map(|last| last.executor.clone()).unwrap_or_default())
            }
            _ => return Err(self.refused("inspected")),
        };
        allow(by, CONTROL, "only the control desk inspects")?;
        self.check_outside(by, &done_by)?;
        let note = said(note, "say what the inspector saw")?;
        if held.is_none() && !passed {
            return Err(InvalidTransition::Invariant("what an inspector finds undone is reopened"));
        }
        let mut events = vec![self.inspected(passed, at)?.because(note)];
        if let Some(order) = held {
            if passed {
                self.next = Some(NextAction::new("control", "tell and close", at.plus(TELL_WITHIN)));
            } else {
                self.one_level_up();
                let returned = json!({ "order": order, "cause": "inspection", "level": self.level });
                events.push(CaseEvent::new("wo.returned", returned));
                self.back_to_work(order, done_by, at);
                events.extend(self.outlive_incident("returned", at));
            }
        }
        Ok((self, events))
    }

    pub(super) fn inspected(&mut self, passed: bool, at: Timestamp) -> Result<CaseEvent, InvalidTransition> {
        if self.inspections.len() >= MAX_INSPECTIONS {
            return Err(InvalidTransition::Invariant("it has been inspected often enough"));
        }
        self.inspections.push(Inspection { at, cycle: self.cycle, passed });
        let order = self.last_order.as_ref().map(|last| last.order);
        let inspected = json!({ "order": order, "passed": passed, "cycle": self.cycle });
        Ok(CaseEvent::new("verify.inspected", inspected))
    }

    /// Invariants 3 and 4 are checked here: who closes, and that every applicant was told or could not be reached by
    /// `rule`.
    pub fn close(mut self, code: ClosingCode, rule: &VerifyRule, by: &Actor, at: Timestamp) -> Transition {
        match &self.state {
            CaseState::Verification { executor, .. } => {
                let closers = if code == ClosingCode::FixedInspected { CONTROL } else { CLOSERS };
                allow(by, closers, "only the control desk closes work as fixed")?;
                self.check_outside(by, executor)?;
                self.check_fixed(code, rule, at)?;
            }
            CaseState::Explained { code: answered, .. } => {
                allow(by, DESK, "only the desk and the control desk close a consultation")?;
                check_answered(code, *answered)?;
            }
            CaseState::Forwarded { answered_at: Some(_), .. } => {
                allow(by, DESK, "only the desk and the control desk close what another body took over")?;
                check_answered(code, ClosingCode::NotCompetentForwarded)?;
            }
            _ => return Err(self.refused("closed")),
        }
        self.check_everyone_told(rule)?;
        let order = self.state.order();
        let mut closed = self.closed(code, order, at);
        if code == ClosingCode::FixedConfirmed && rule.inspect_per_mille > 0 {
            closed.data["inspect_per_mille"] = json!(rule.inspect_per_mille);
        }
        Ok((self, vec![closed]))
    }

    /// The end of every way: what `case.closed` says.
    pub(super) fn closed(
        &mut self,
        code: ClosingCode,
        order: Option<WorkOrderId>,
        at: Timestamp,
    ) -> CaseEvent {
        let told = self.tellings().count();
        self.clocks.settle(at);
        self.state = CaseState::Closed { code, closed_at: at };
        self.next = None;
        CaseEvent::new(
            "case.closed",
            json!({ "code": code, "order": order, "cycle": self.cycle, "told": told }),
        )
    }

    /// Who is to be told the result, and in which language: the case's own applicant (none), and those of the cases
    /// merged into it.
    pub fn recipients(&self) -> impl Iterator<Item = (Option<&CaseNumber>, Language)> {
        let joined = self.joined.iter().map(|joined| (Some(&joined.from), joined.language));
        std::iter::once((None, self.language)).chain(joined)
    }

    /// The case's own applicant was reached with the result as it stands.
    pub fn is_heard(&self) -> bool {
        self.tellings_of(None).any(|told| told.delivered)
    }

    /// Whether this recipient has heard the result as it stands, or could not be reached by `rule`.
    pub fn is_told(&self, whom: Option<&CaseNumber>, rule: &VerifyRule) -> bool {
        self.tellings_of(whom).any(|told| told.delivered)
            || rule.is_exhausted(self.tellings_of(whom).map(|told| told.at))
    }

    /// Attempts to tell of the result as it stands: earlier ones told of work that was since returned.
    fn tellings(&self) -> impl Iterator<Item = &Told> {
        let known_at = match &self.state {
            CaseState::Verification { evidence_accepted_at, .. } => Some(*evidence_accepted_at),
            CaseState::Explained { explained_at, .. } => Some(*explained_at),
            CaseState::Forwarded { answered_at, .. } => *answered_at,
            _ => None,
        };
        let current = move |told: &&Told| known_at.is_some_and(|known_at| told.at >= known_at);
        self.told.iter().filter(|told| told.cycle == self.cycle).filter(current)
    }

    fn tellings_of(&self, whom: Option<&CaseNumber>) -> impl Iterator<Item = &Told> {
        self.tellings().filter(move |told| told.whom.as_ref() == whom)
    }

    /// What the case's own applicant said last about the work as it stands, "fixed" or "not fixed".
    pub fn answer(&self) -> Option<&Told> {
        self.answer_of(None)
    }

    /// The same of who came with the merged case `whom`.
    pub fn answer_of(&self, whom: Option<&CaseNumber>) -> Option<&Told> {
        self.tellings_of(whom).filter(|told| told.confirmed.is_some()).last()
    }

    /// When the last message about the work as it stands reached the applicant.
    fn written_at(&self) -> Option<Timestamp> {
        let in_writing = |told: &&Told| {
            matches!(told.channel, TellingChannel::Sms | TellingChannel::Mail) && told.delivered
        };
        self.tellings_of(None).filter(in_writing).map(|told| told.at).last()
    }

    fn one_level_up(&mut self) {
        self.level = self.level.saturating_add(1).min(MAX_LEVEL);
    }

    fn check_telling(&self, told: &Told, verifying: bool) -> Result<(), InvalidTransition> {
        let recipient = self.recipients().find(|(whom, _)| *whom == told.whom.as_ref());
        let Some((_, language)) = recipient else {
            return Err(InvalidTransition::Invariant("nobody came to this case with that one"));
        };
        if told.language != language {
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
        if self.tellings_of(told.whom.as_ref()).count() >= MAX_TELLINGS {
            return Err(InvalidTransition::Invariant("the applicant has been told often enough"));
        }
        Ok(())
    }

    fn check_fixed(
        &self,
        code: ClosingCode,
        rule: &VerifyRule,
        at: Timestamp,
    ) -> Result<(), InvalidTransition> {
        let confirmed = self.tellings().any(|told| told.confirmed == Some(true));
        let exhausted = rule.is_exhausted(self.tellings_of(None).map(|told| told.at))
            || self.written_at().is_some_and(|told_at| rule.answer_deadline(told_at) <= at);
        let fault = match code {
            ClosingCode::FixedConfirmed if !confirmed => "the applicant has not confirmed that it is fixed",
            ClosingCode::FixedUnconfirmed if confirmed => "the applicant has confirmed: close as confirmed",
            ClosingCode::FixedUnconfirmed if !exhausted => {
                "the attempts to reach the applicant are not used up: enough of them, on enough days"
            }
            ClosingCode::FixedInspected if !self.is_found_done() => "no inspector has found the work done",
            ClosingCode::FixedConfirmed | ClosingCode::FixedInspected | ClosingCode::FixedUnconfirmed => {
                return Ok(());
            }
            _ => "work that was done is closed as fixed, or returned",
        };
        Err(InvalidTransition::Invariant(fault))
    }

    /// The last visit since the evidence was accepted.
    fn is_found_done(&self) -> bool {
        let CaseState::Verification { evidence_accepted_at, .. } = &self.state else { return false };
        let mut visits = self.inspections.iter().filter(|visit| visit.cycle == self.cycle);
        visits.rfind(|visit| visit.at >= *evidence_accepted_at).is_some_and(|visit| visit.passed)
    }

    fn check_everyone_told(&self, rule: &VerifyRule) -> Result<(), InvalidTransition> {
        match self.recipients().find(|(whom, _)| !self.is_told(*whom, rule)) {
            None => Ok(()),
            Some((None, _)) => Err(InvalidTransition::Invariant("the applicant was not told yet")),
            Some((Some(_), _)) => {
                Err(InvalidTransition::Invariant("the applicant of a merged case was not told yet"))
            }
        }
    }
}

/// A case without work is closed as what it was answered.
fn check_answered(code: ClosingCode, answered: ClosingCode) -> Result<(), InvalidTransition> {
    if code.is_fixed() {
        return Err(InvalidTransition::Invariant("nothing was fixed: no work was done on this case"));
    }
    if code != answered {
        return Err(InvalidTransition::Invariant("it is closed with the code it was answered with"));
    }
    Ok(())
}
