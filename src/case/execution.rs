//! The executor's part: accept or decline, start, report. Only the organisation that holds the order may act, and
//! "done" is believed only with the evidence the category demands (invariant 2).

use serde_json::json;

use super::city::EvidenceRule;
use super::transition::{InvalidTransition, Transition, said};
use super::work_order::{EvidenceRef, WorkReport};
use super::{Case, CaseEvent, CaseState, NextAction};
use crate::ids::WorkOrderId;
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

/// The role of a photo that shows the finished work.
const AFTER: &str = "after";

impl Case {
    /// By the executor's organisation only.
    pub fn accept(mut self, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::Assigned { order, executor, .. } = self.state.clone() else {
            return Err(self.refused("accepted"));
        };
        is_executor(by, &executor)?;
        self.state = CaseState::Accepted { order, executor, accepted_at: at };
        self.next = self.next_at_work(at);
        Ok((self, vec![CaseEvent::new("wo.accepted", json!({ "order": order }))]))
    }

    /// Back to `registered` with bounce+1; the second bounce goes to a dispatcher (`next.owner`).
    pub fn decline(mut self, reason: &str, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::Assigned { order, executor, .. } = self.state.clone() else {
            return Err(self.refused("declined"));
        };
        is_executor(by, &executor)?;
        let reason = said(reason, "say why the work is declined")?;
        self.bounce(at);
        let declined = CaseEvent::new("wo.declined", json!({ "order": order, "bounces": self.bounces }));
        Ok((self, vec![declined.because(reason)]))
    }

    pub fn start(mut self, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::Accepted { order, executor, .. } = self.state.clone() else {
            return Err(self.refused("started"));
        };
        is_executor(by, &executor)?;
        self.state = CaseState::InProgress { order, executor, started_at: at };
        self.next = self.next_at_work(at);
        Ok((self, vec![CaseEvent::new("wo.started", json!({ "order": order }))]))
    }

    /// "Done": refused without the evidence the category demands (`evidence` lists what was uploaded for this order).
    pub fn report_work(
        mut self,
        report: WorkReport,
        evidence: &[EvidenceRef],
        rule: Option<&EvidenceRule>,
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        let CaseState::InProgress { order, executor, started_at } = self.state.clone() else {
            return Err(self.refused("reported done"));
        };
        is_executor(by, &executor)?;
        let result = said(&report.result, "say what was done")?;
        let shown: Vec<&EvidenceRef> =
            evidence.iter().filter(|piece| piece.order == order && piece.cycle == self.cycle).collect();
        if let Some(rule) = rule {
            rule.check(&shown, started_at)?;
        }
        self.check_parts()?;
        let proofs: Vec<_> =
            shown.iter().map(|piece| json!({ "id": piece.id, "sha256": piece.sha256 })).collect();
        let reported = json!({ "order": order, "result": result, "evidence": proofs });
        self.next = Some(NextAction::new("control", "check the evidence", self.resolve_deadline(at)));
        self.clocks.settle(at);
        self.state = CaseState::WorkReported { order, executor, reported_at: at };
        Ok((self, vec![CaseEvent::new("wo.reported", reported)]))
    }

    /// All that is left up to "done", by whoever only says so afterwards, as on the telephone: accepted and started are
    /// implied.
    pub fn report_at_once(
        self,
        report: WorkReport,
        evidence: &[EvidenceRef],
        rule: Option<&EvidenceRule>,
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        let (mut case, mut events) = (self, Vec::new());
        if matches!(case.state, CaseState::Assigned { .. }) {
            let (accepted, more) = case.accept(by, at)?;
            events.extend(more);
            case = accepted;
        }
        if matches!(case.state, CaseState::Accepted { .. }) {
            let (started, more) = case.start(by, at)?;
            events.extend(more);
            case = started;
        }
        let (case, more) = case.report_work(report, evidence, rule, by, at)?;
        events.extend(more);
        Ok((case, events))
    }

    /// The work goes back to the executor who holds the order.
    pub(super) fn back_to_work(&mut self, order: WorkOrderId, executor: String, at: Timestamp) {
        self.next = Some(NextAction::new(&executor, "do the work again", self.resolve_deadline(at)));
        self.state = CaseState::InProgress { order, executor, started_at: at };
    }

    /// The promise's end, or `now` when it has passed: what is late is due at once.
    pub(super) fn resolve_deadline(&self, now: Timestamp) -> Timestamp {
        self.deadline.as_ref().map_or(now, |deadline| deadline.resolve_by.max(now))
    }
}

impl EvidenceRule {
    /// Something must be shown before "done" is believed.
    pub fn demands_photos(&self) -> bool {
        self.min_photos > 0 || !self.roles.is_empty()
    }

    /// Photos enough, every role shown, and the finished work photographed after the work (last) began: the picture
    /// that was rejected proves nothing a second time.
    fn check(&self, shown: &[&EvidenceRef], started_at: Timestamp) -> Result<(), InvalidTransition> {
        let photos = shown.iter().filter(|piece| piece.content_type.starts_with("image/"));
        if photos.clone().count() < self.min_photos {
            return Err(InvalidTransition::Invariant(
                "the category demands more photos than this order shows",
            ));
        }
        if !self.roles.iter().all(|role| shown.iter().any(|piece| piece.role == *role)) {
            return Err(InvalidTransition::Invariant("a picture the category demands is missing"));
        }
        let is_fresh = |piece: &&EvidenceRef| piece.role == AFTER && piece.received_at >= started_at;
        if self.roles.iter().any(|role| role == AFTER) && !shown.iter().any(is_fresh) {
            return Err(InvalidTransition::Invariant("no picture shows the work after it was last started"));
        }
        Ok(())
    }
}

fn is_executor(by: &Actor, executor: &str) -> Result<(), InvalidTransition> {
    if by.kind == ActorKind::Executor && by.organisation.as_deref() == Some(executor) {
        Ok(())
    } else {
        Err(InvalidTransition::NotAllowed("only the executor who holds the order may do this"))
    }
}
