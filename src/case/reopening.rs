//! "It is broken again": a closed case goes back to work under its number, one cycle and one level on. After the window
//! it is a new case that repeats the old one. And the archive, where nothing moves any more.

use serde_json::json;

use super::routing::Assignment;
use super::rules::{ArchiveRule, ReopenRule};
use super::transition::{InvalidTransition, Transition, allow, said};
use super::{Case, CaseEvent, CaseState, ClosingCode};
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

/// A case that went round more often is settled by people, not by one more round.
const MAX_CYCLES: u16 = 50;
/// No ladder has more rungs.
pub(super) const MAX_LEVEL: u8 = 9;

/// Why a closed case goes back to work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReopenCause {
    /// The applicant says so, by phone or on the page, or a member of staff for them; within the window only.
    Applicant,
    /// An inspector stood before it; until the case is archived.
    Inspection,
}

impl ReopenCause {
    const fn name(self) -> &'static str {
        match self {
            Self::Applicant => "applicant",
            Self::Inspection => "inspection",
        }
    }
}

const REOPENERS: &[ActorKind] = &[
    ActorKind::Applicant,
    ActorKind::System,
    ActorKind::Operator,
    ActorKind::Supervisor,
    ActorKind::Control,
];

impl Case {
    /// Back to work under the same number. `assignment` is what [`super::routing::reroute`] chose.
    pub fn reopen(
        mut self,
        assignment: Assignment,
        rule: &ReopenRule,
        cause: ReopenCause,
        reason: &str,
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        self.check_words()?;
        let (code, _) = self.check_reopening(rule, cause, by, at)?;
        let reason = said(reason, "say what is wrong again")?;
        let mut events = Vec::new();
        if cause == ReopenCause::Inspection {
            events.push(self.inspected(false, at)?);
        }
        self.cycle += 1;
        self.level = self.level.saturating_add(rule.level_up).min(MAX_LEVEL);
        self.reopened_at = Some(at);
        self.clocks.review();
        let same = self.last_order.as_ref().filter(|last| last.executor == assignment.executor);
        let by_hand = same.is_some_and(|last| last.by_hand);
        let reopened = json!({
            "cycle": self.cycle,
            "level": self.level,
            "code": code,
            "cause": cause.name(),
            "same_executor": same.is_some(),
        });
        let reopened = CaseEvent::new("case.reopened", reopened);
        // What an applicant said is theirs, and may have to be erased: only the city's staff is quoted.
        events.push(if by.kind == ActorKind::Applicant { reopened } else { reopened.because(reason) });
        events.extend(self.leave_incident("reopened", at));
        events.extend(self.issue(assignment, by_hand, at));
        Ok((self, events))
    }

    /// Whether and by whom it may be reopened at `at`; how and when it was closed.
    ///
    /// # Errors
    /// What stands against it, as [`Self::reopen`] says it.
    pub fn check_reopening(
        &self,
        rule: &ReopenRule,
        cause: ReopenCause,
        by: &Actor,
        at: Timestamp,
    ) -> Result<(ClosingCode, Timestamp), InvalidTransition> {
        let CaseState::Closed { code, closed_at } = self.state else { return Err(self.refused("reopened")) };
        match cause {
            ReopenCause::Applicant => {
                allow(by, REOPENERS, "only the applicant, the desk and the control desk reopen a case")?;
            }
            ReopenCause::Inspection => {
                allow(by, &[ActorKind::Control], "only the control desk inspects")?;
                if let Some(last) = &self.last_order {
                    self.check_outside(by, &last.executor)?;
                }
            }
        }
        if code == ClosingCode::Duplicate {
            return Err(InvalidTransition::Invariant(
                "it was merged into another case and goes on there: reopen that one",
            ));
        }
        if cause == ReopenCause::Applicant && at > rule.window_deadline(closed_at) {
            return Err(InvalidTransition::Invariant(
                "the time in which it could be reopened is over: register a new case as its repeat",
            ));
        }
        if self.cycle >= MAX_CYCLES {
            return Err(InvalidTransition::Invariant("it was reopened too often: register a new case"));
        }
        Ok((code, closed_at))
    }

    /// After the time for reopening and asking the case becomes a record. The program does it.
    pub fn archive(mut self, rule: &ArchiveRule, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::Closed { code, closed_at } = self.state else { return Err(self.refused("archived")) };
        allow(by, &[ActorKind::System], "the program archives, by the time that the city has set")?;
        if at < rule.archive_deadline(closed_at) {
            return Err(InvalidTransition::Invariant("it was closed too recently to be archived"));
        }
        self.state = CaseState::Archived { code, closed_at, archived_at: at };
        Ok((self, vec![CaseEvent::new("case.archived", json!({ "code": code }))]))
    }
}
