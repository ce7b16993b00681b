//! What the report counts: contacts, steps of cases, and how cases stand at a moment. Here the facts as the types know
//! them, worked out from a case before and after a change; the same from journal entries is `replay`, by other code.

use serde::{Deserialize, Serialize};

use crate::call::contact::{Contact, Direction, Disposition};
use crate::case::{Case, CaseNumber, CaseState, Clock, ClosingCode};
use crate::ids::ContactId;
use crate::journal::{Draft, EventType};
use crate::language::Language;
use crate::termination::Termination;
use crate::time::Timestamp;

/// All that one period's figures are made of.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Facts {
    /// Offered in the period.
    pub contacts: Vec<ContactFact>,
    /// Done in the period.
    pub steps: Vec<Step>,
    /// Open cases, as they stood at its end.
    pub open: Vec<Standing>,
}

/// A citizen's call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContactFact {
    pub id: ContactId,
    pub offered_at: Timestamp,
    /// None while the call goes on: it may still be chosen.
    pub language: Option<Language>,
    pub queued_at: Option<Timestamp>,
    pub connected_at: Option<Timestamp>,
    /// None too of a call that died with the program: when is a guess.
    pub ended_at: Option<Timestamp>,
    pub disposition: Option<Disposition>,
}

/// What happened to a case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    Registered,
    Closed,
    Reopened,
    /// The executor says it is done.
    Reported,
    /// The evidence was accepted.
    Done,
    EvidenceRejected,
    /// Reported done, but the applicant or the control desk found it undone.
    Refuted,
    /// More time, or time that does not count.
    DeadlineMoved,
    Merged,
}

/// One counted step, with what it was about and whose work it was when it happened.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Step {
    pub case: CaseNumber,
    pub at: Timestamp,
    pub kind: StepKind,
    /// Organisation id of whom the last order went to.
    pub executor: Option<String>,
    pub category: String,
    pub territory: Option<String>,
    pub language: Language,
    /// Of a closing: its code's name.
    pub code: Option<String>,
    /// Of a closing: the case's own applicant was reached with the result.
    pub heard: bool,
    /// When this cycle of the case began.
    pub begun_at: Timestamp,
    /// Of accepted work: when it was reported done.
    pub reported_at: Option<Timestamp>,
    /// The executor's deadline then.
    pub resolve_by: Option<Timestamp>,
}

/// How a case stands from `since` on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    pub case: CaseNumber,
    pub since: Timestamp,
    pub registered_at: Timestamp,
    pub is_open: bool,
    /// Who holds the work.
    pub executor: Option<String>,
    pub category: String,
    pub territory: Option<String>,
    /// The executor's deadline, while that clock runs.
    pub resolve_by: Option<Timestamp>,
    /// The citizen's, while that clock runs.
    pub promised_by: Option<Timestamp>,
}

impl StepKind {
    pub const ALL: [Self; 9] = [
        Self::Registered,
        Self::Closed,
        Self::Reopened,
        Self::Reported,
        Self::Done,
        Self::EvidenceRejected,
        Self::Refuted,
        Self::DeadlineMoved,
        Self::Merged,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Closed => "closed",
            Self::Reopened => "reopened",
            Self::Reported => "reported",
            Self::Done => "done",
            Self::EvidenceRejected => "evidence_rejected",
            Self::Refuted => "refuted",
            Self::DeadlineMoved => "deadline_moved",
            Self::Merged => "merged",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl ContactFact {
    /// None for calls that the city made, and for those of its own phones.
    pub fn of(contact: &Contact, is_staff: impl Fn(&str) -> bool) -> Option<Self> {
        if contact.direction == Direction::Outbound || is_staff(&contact.origin) {
            return None;
        }
        let died = contact.termination == Some(Termination::Crashed);
        Some(Self {
            id: contact.id,
            offered_at: contact.offered_at,
            language: contact.language.filter(|_| contact.disposition.is_some()),
            queued_at: contact.queued_at,
            connected_at: contact.connected_at,
            ended_at: contact.ended_at.filter(|_| !died),
            disposition: contact.disposition,
        })
    }
}

impl Step {
    /// What the change from `before` to `after` counts as, for each of its entries that counts. None before is the
    /// registration.
    pub fn of_change(before: Option<&Case>, after: &Case, entries: &[Draft]) -> Vec<Self> {
        let counted = |entry: &Draft| Some((StepKind::of(entry.event, before)?, entry.at));
        entries.iter().filter_map(counted).map(|(kind, at)| Self::new(kind, at, before, after)).collect()
    }

    fn new(kind: StepKind, at: Timestamp, before: Option<&Case>, after: &Case) -> Self {
        // Whose work it was: the step may have given it to somebody else. Work that an incident has done was issued and
        // reported in one step.
        let was = before.unwrap_or(after);
        let worked = if matches!(kind, StepKind::Reported | StepKind::Done) { after } else { was };
        // Told and closed in one step, as in the call that asks.
        let mut told_now = after.told.iter().skip(was.told.len());
        let heard = was.is_heard() || told_now.any(|told| told.whom.is_none() && told.delivered);
        let reported_at = match &after.state {
            CaseState::Verification { reported_at, .. } if kind == StepKind::Done => Some(*reported_at),
            _ => None,
        };
        let code = after.state.closing().filter(|_| kind == StepKind::Closed).map(|(code, _)| code);
        Self {
            case: after.number.clone(),
            at,
            kind,
            executor: worked.last_order.as_ref().map(|last| last.executor.clone()),
            category: was.category.clone(),
            territory: territory_of(was),
            language: was.language,
            code: code.map(code_name),
            heard: kind == StepKind::Closed && heard,
            begun_at: was.reopened_at.unwrap_or(was.registered_at),
            reported_at,
            resolve_by: worked.deadline.as_ref().map(|deadline| deadline.resolve_by),
        }
    }
}

impl StepKind {
    fn of(event: EventType, before: Option<&Case>) -> Option<Self> {
        let verifying = before.is_some_and(|case| matches!(case.state, CaseState::Verification { .. }));
        Some(match event {
            EventType::CaseRegistered => Self::Registered,
            EventType::CaseClosed => Self::Closed,
            EventType::CaseReopened => Self::Reopened,
            EventType::WoReported => Self::Reported,
            EventType::EvidenceAccepted => Self::Done,
            EventType::EvidenceRejected => Self::EvidenceRejected,
            EventType::WoReturned if verifying => Self::Refuted,
            EventType::NormExtended | EventType::NormClockPaused => Self::DeadlineMoved,
            EventType::CaseMerged => Self::Merged,
            _ => return None,
        })
    }
}

impl Standing {
    pub fn of(case: &Case, since: Timestamp) -> Self {
        let running = |clock| case.deadline_of(clock).filter(|_| case.is_running(clock));
        Self {
            case: case.number.clone(),
            since,
            registered_at: case.registered_at,
            is_open: case.state.is_open(),
            executor: case.state.executor().map(str::to_owned),
            category: case.category.clone(),
            territory: territory_of(case),
            resolve_by: running(Clock::Executor).map(|deadline| deadline.resolve_by),
            promised_by: running(Clock::Citizen).map(|deadline| deadline.resolve_by),
        }
    }

    /// The same but for since when.
    pub fn is_same(&self, other: &Self) -> bool {
        let since = self.since;
        *self == Self { since, ..other.clone() }
    }
}

fn territory_of(case: &Case) -> Option<String> {
    case.place.as_ref().and_then(|place| place.territory.clone())
}

fn code_name(code: ClosingCode) -> String {
    let name = serde_json::to_value(code).ok();
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
