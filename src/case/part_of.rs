//! A case as part of an incident: the incident has the work, the case keeps its applicant. Attached, it waits at the desk;
//! when the incident is restored it goes to verification like work of its own, and a "no" takes it out of the incident.
//! What an incident is, is `crate::incident`'s.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::routing::Assignment;
use super::transition::{DESK, InvalidTransition, Transition, allow, said};
use super::{Case, CaseEvent, CaseNumber, CaseState, NextAction};
use crate::ids::IncidentNumber;
use crate::language::Language;
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

/// A case that was in more of them is a trouble of its own.
const MAX_INCIDENTS: usize = 50;

/// One stay in an incident.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartOf {
    pub incident: IncidentNumber,
    pub attached_at: Timestamp,
    /// When the closing wave came to this case: from then on its applicants are told and asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_at: Option<Timestamp>,
    /// When it left: refuted, detached by hand, or gone another way. None for one that stays part of it, also closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detached_at: Option<Timestamp>,
}

/// What telling one applicant of the restoration has come to. The names are those of the API and the store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeState {
    /// Nobody has tried yet.
    Queued,
    /// Tried, not reached yet.
    Trying,
    /// Knows it, and has not answered.
    Told,
    Confirmed,
    Refuted,
    /// The case went on without this applicant having been reached.
    NotReached,
}

impl NoticeState {
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Trying, Self::Told, Self::Confirmed, Self::Refuted, Self::NotReached];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Trying => "trying",
            Self::Told => "told",
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
            Self::NotReached => "not_reached",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// The delivery record of one applicant: there is exactly one for each incident, case and applicant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IncidentNotice {
    pub incident: IncidentNumber,
    /// Who came with this merged case; none is the case's own applicant.
    pub whom: Option<CaseNumber>,
    pub language: Language,
    pub queued_at: Timestamp,
    pub state: NoticeState,
}

impl Case {
    /// The incident it is part of, also after its restoration.
    pub fn incident(&self) -> Option<IncidentNumber> {
        self.stay().map(|stay| stay.incident)
    }

    /// Attached, and the incident is not restored yet as far as this case knows.
    pub fn awaits_incident(&self) -> bool {
        self.stay().is_some_and(|stay| stay.restored_at.is_none())
    }

    /// What its applicants are told and asked now is the end of the incident.
    pub fn tells_restoration(&self) -> bool {
        let restored_at = self.stay().and_then(|stay| stay.restored_at);
        restored_at.is_some() && restored_at == self.state.evidence_accepted_at()
    }

    fn stay(&self) -> Option<&PartOf> {
        self.incidents.last().filter(|stay| stay.detached_at.is_none())
    }

    /// The applicants wait for the incident's end; an order that is out for this case alone is cancelled. `until` is when
    /// somebody looks at it again. Attaching it twice attaches it once.
    pub fn attach(
        mut self,
        incident: IncidentNumber,
        until: Timestamp,
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        if by.kind != ActorKind::Applicant && by.kind != ActorKind::System {
            allow(by, DESK, "only operators, supervisors and the control desk attach cases to an incident")?;
        }
        if self.incident() == Some(incident) && self.state.is_open() {
            return Ok((self, Vec::new()));
        }
        match self.state {
            CaseState::Registered
            | CaseState::Assigned { .. }
            | CaseState::Accepted { .. }
            | CaseState::InProgress { .. } => {}
            _ => return Err(self.refused("attached to an incident")),
        }
        self.check_apart()?;
        if self.awaits_reception() {
            return Err(InvalidTransition::Invariant(
                "an official waits for the applicant: give the appointment back first",
            ));
        }
        if self.incidents.len() >= MAX_INCIDENTS {
            return Err(InvalidTransition::Invariant(
                "it was part of too many incidents: treat it by itself",
            ));
        }
        if let Some(executor) = self.state.executor() {
            self.check_outside(by, executor)?;
        }
        let mut events = self.cancel_order("incident");
        self.back_to_desk(at);
        self.next = Some(NextAction::new("control", "wait for the incident's end", until.max(at)));
        self.incidents.push(PartOf { incident, attached_at: at, restored_at: None, detached_at: None });
        let who = json!({ "incident": incident, "by_caller": by.kind == ActorKind::Applicant });
        events.push(CaseEvent::new("incident.case_attached", who));
        Ok((self, events))
    }

    /// It was not part of it after all: back to the desk. Not once its applicants are being asked.
    pub fn detach(mut self, reason: &str, by: &Actor, at: Timestamp) -> Transition {
        allow(by, DESK, "only operators, supervisors and the control desk detach cases from an incident")?;
        if !self.awaits_incident() {
            return Err(InvalidTransition::Invariant("the case is not waiting for an incident"));
        }
        let reason = said(reason, "say why it is not part of the incident")?;
        let event = self.leave_incident("desk", at).map(|event| event.because(reason));
        if matches!(self.state, CaseState::Registered) {
            self.back_to_desk(at);
        }
        Ok((self, event.into_iter().collect()))
    }

    /// The incident was declared in error, or has nothing to tell this case any more.
    pub fn let_go(mut self, cause: &'static str, by: &Actor, at: Timestamp) -> Transition {
        allow(by, &[ActorKind::System], "the program carries out the end of an incident")?;
        let event = self.leave_incident(cause, at);
        if event.is_some() && matches!(self.state, CaseState::Registered) {
            self.back_to_desk(at);
        }
        Ok((self, event.into_iter().collect()))
    }

    /// The closing wave: the incident's work is this case's, done; its applicants are told and asked as after any work.
    /// A case that went another way meanwhile only leaves. Coming twice comes once.
    pub fn restored(mut self, assignment: Assignment, by: &Actor, at: Timestamp) -> Transition {
        allow(by, &[ActorKind::System], "the program carries out the end of an incident")?;
        let Some(incident) = self.incident().filter(|_| self.awaits_incident()) else {
            return Ok((self, Vec::new()));
        };
        if !matches!(self.state, CaseState::Registered) {
            return self.let_go("moved_on", by, at);
        }
        let Assignment { order, executor, .. } = assignment.clone();
        let mut events = self.issue(assignment, true, at);
        let reported = json!({ "order": order, "result": "", "incident": incident, "evidence": [] });
        events.push(CaseEvent::new("wo.reported", reported));
        self.clocks.settle(at);
        self.state = CaseState::WorkReported { order, executor, reported_at: at };
        events.extend(self.begin_verification(at));
        if let Some(stay) = self.incidents.last_mut() {
            stay.restored_at = Some(at);
        }
        Ok((self, events))
    }

    /// One for each applicant that the wave came to, of every incident it came from.
    pub fn incident_notices(&self) -> Vec<IncidentNotice> {
        let mut notices = Vec::new();
        for stay in &self.incidents {
            let Some(queued_at) = stay.restored_at else { continue };
            let runs = self.state.evidence_accepted_at() == Some(queued_at);
            for (whom, language) in self.recipients() {
                let joined = self.joined.iter().find(|joined| Some(&joined.from) == whom);
                // Who joined later hears of something else.
                if joined
                    .is_some_and(|joined| joined.joined_at > stay.detached_at.unwrap_or(joined.joined_at))
                {
                    continue;
                }
                let state = self.notice_state(whom, queued_at, stay.detached_at, runs);
                let whom = whom.cloned();
                notices.push(IncidentNotice { incident: stay.incident, whom, language, queued_at, state });
            }
        }
        notices
    }

    fn notice_state(
        &self,
        whom: Option<&CaseNumber>,
        queued_at: Timestamp,
        until: Option<Timestamp>,
        runs: bool,
    ) -> NoticeState {
        let theirs = |told: &&super::Told| {
            told.whom.as_ref() == whom && told.at >= queued_at && until.is_none_or(|until| told.at <= until)
        };
        let tellings: Vec<_> = self.told.iter().filter(theirs).collect();
        let answer = tellings.iter().rev().find_map(|told| told.confirmed);
        match answer {
            Some(true) => NoticeState::Confirmed,
            Some(false) => NoticeState::Refuted,
            None if tellings.iter().any(|told| told.delivered) => NoticeState::Told,
            None if !runs => NoticeState::NotReached,
            None if tellings.is_empty() => NoticeState::Queued,
            None => NoticeState::Trying,
        }
    }

    /// Whatever begins now is no more the incident's: the work goes on, or begins again, for this case alone.
    pub(super) fn outlive_incident(&mut self, cause: &'static str, at: Timestamp) -> Option<CaseEvent> {
        let is_over = self.stay().is_some_and(|stay| stay.restored_at.is_some());
        if is_over { self.leave_incident(cause, at) } else { None }
    }

    /// Takes it out of the incident it is part of; the state is the caller's to move on.
    pub(super) fn leave_incident(&mut self, cause: &'static str, at: Timestamp) -> Option<CaseEvent> {
        let stay = self.incidents.last_mut().filter(|stay| stay.detached_at.is_none())?;
        stay.detached_at = Some(at);
        let left = json!({ "incident": stay.incident, "cause": cause });
        Some(CaseEvent::new("incident.case_detached", left))
    }

    /// Nobody is given work that an incident has.
    pub(super) fn check_apart(&self) -> Result<(), InvalidTransition> {
        if self.awaits_incident() {
            return Err(InvalidTransition::Invariant(
                "the case is part of an incident, which has the work: detach it first",
            ));
        }
        Ok(())
    }
}
