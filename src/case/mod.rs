//! The case: states of DOMAIN.md as consuming transitions, its norm's deadline, and who is responsible.
//! Durable machine form: each transition returns the new case and what happened, saved in one transaction.

mod answering;
pub mod city;
pub mod clocks;
mod closing;
pub mod deadline;
mod erasing;
pub mod escalation;
pub mod event;
mod execution;
pub mod forwarding;
pub mod hold;
pub mod merging;
pub mod norm;
pub mod number;
pub mod part;
pub mod part_of;
pub mod proof;
pub mod reception;
pub mod relation;
mod reopening;
pub mod replay;
pub mod retention;
pub mod routing;
pub mod rules;
#[cfg(test)]
pub(crate) mod tests;
pub mod transition;
mod watch;
pub mod work_order;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::address::Point;
use crate::ids::{ContactId, NotificationId, WorkOrderId};
use crate::language::Language;
use crate::phone_number::PhoneNumber;
use crate::time::Timestamp;

pub use clocks::Clocks;
pub use deadline::{Clock, Deadline};
pub use event::CaseEvent;
pub use hold::{HeldWork, HoldReason};
pub use part::{Part, PartState};
pub use part_of::PartOf;
pub use relation::{Joined, LastOrder, Relation, RelationKind};
pub use reopening::ReopenCause;
use retention::Contents;
pub use transition::InvalidTransition;

/// Register number `year-office-sequence`, e.g. `2026-01-000042`; gapless within year and office.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseNumber(pub String);

impl std::fmt::Display for CaseNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known when a case is registered; the register number comes from the store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CaseDraft {
    pub contact: Option<ContactId>,
    /// Category id of the classifier, here the guess from the IVR topic, e.g. `water`.
    pub category: String,
    pub language: Language,
    pub priority: Priority,
    pub applicant: Applicant,
    pub place: Option<Place>,
    pub description: String,
    /// Node names the caller went through.
    pub ivr_path: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    Normal,
    Urgent,
    LifeSafety,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Applicant {
    pub identity: IdentityLevel,
    pub number: Option<PhoneNumber>,
    pub name: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityLevel {
    Anonymous,
    CallerNumber,
    Stated,
    Verified,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    /// As people read it: street, house, flat.
    pub address: String,
    /// Territory id of the city plan, e.g. `center`; routing needs it.
    pub territory: Option<String>,
    /// The same in its parts; none in cases older than the address register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Site>,
}

/// An address in its parts, as the register had it when it was chosen.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Site {
    /// Key of the street in the register; of a street it does not have, the plain text.
    pub key: String,
    /// With the kind of street; what the operator wrote, when it is not in the register.
    pub street: String,
    pub settlement: Option<String>,
    pub house: Option<String>,
    pub flat: Option<String>,
    /// Street and house both are; the flat is anybody's word.
    pub in_register: bool,
    pub point: Option<Point>,
    /// Organisation id of who keeps the house.
    pub holder: Option<String>,
}

/// A registered case. The state's own data lives in the state.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Case {
    pub number: CaseNumber,
    pub state: CaseState,
    pub registered_at: Timestamp,
    pub category: String,
    pub classifier_version: u32,
    pub place: Option<Place>,
    pub description: String,
    pub language: Language,
    pub priority: Priority,
    pub applicant: Applicant,
    /// Every contact linked to the case, the first one registered it.
    pub contacts: Vec<ContactId>,
    /// 1 for the first run through; each reopening adds one.
    pub cycle: u16,
    /// Steps up the ladder: 0 is the executor, 1 the head of the executor's post, 2 the deputy's line and so on. Each
    /// "not fixed" and each reopening adds to it; it never sinks.
    #[serde(default)]
    pub level: u8,
    /// When this cycle began; none in the first, which began with the registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopened_at: Option<Timestamp>,
    /// Times an executor declined it.
    pub bounces: u16,
    /// None until somebody was given the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_order: Option<LastOrder>,
    /// Organisations that work with the lead on the order issued last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<Relation>,
    /// Applicants of cases that were merged into this one; they are told like its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<Joined>,
    /// Cases that were merged into this one.
    #[serde(default)]
    pub absorbed: u16,
    /// Incidents it is or was part of, the oldest first; the last one may still be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<PartOf>,
    /// Visits of an inspector.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inspections: Vec<Inspection>,
    /// What the city promised for the work: the executor's clock.
    pub deadline: Option<Deadline>,
    /// What was promised to the citizen, and all that moved or missed a promise.
    #[serde(default)]
    pub clocks: Clocks,
    /// Who was told the result, how, and whether it arrived (invariant 4).
    pub told: Vec<Told>,
    /// Who must do what by when (invariant 12); none only when closed.
    pub next: Option<NextAction>,
    /// What of it was destroyed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub erased: Contents,
}

/// DOMAIN.md's states. Withdrawn and merged cases are closed with the code that says so: only `closed` and `archived`
/// are ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CaseState {
    Registered,
    Assigned {
        order: WorkOrderId,
        executor: String,
        assigned_at: Timestamp,
    },
    Accepted {
        order: WorkOrderId,
        executor: String,
        accepted_at: Timestamp,
    },
    InProgress {
        order: WorkOrderId,
        executor: String,
        started_at: Timestamp,
    },
    /// Nobody can work now, and the clocks stand still.
    OnHold {
        order: WorkOrderId,
        executor: String,
        reason: HoldReason,
        held_at: Timestamp,
        /// It goes on by itself then.
        until_at: Timestamp,
        #[serde(flatten)]
        work: HeldWork,
    },
    WorkReported {
        order: WorkOrderId,
        executor: String,
        reported_at: Timestamp,
    },
    Verification {
        order: WorkOrderId,
        executor: String,
        reported_at: Timestamp,
        evidence_accepted_at: Timestamp,
    },
    /// Another body is asked; its answer is awaited, never assumed.
    Forwarded {
        /// The body's name.
        to: String,
        forwarded_at: Timestamp,
        answer_by: Timestamp,
        /// When the body answered that the matter is its own; the applicant is to be told.
        answered_at: Option<Timestamp>,
    },
    /// There is nothing to execute; the applicant is to be told why.
    Explained {
        explained_at: Timestamp,
        /// The code it will be closed with.
        #[serde(default = "ClosingCode::explained")]
        code: ClosingCode,
    },
    Closed {
        code: ClosingCode,
        closed_at: Timestamp,
    },
    /// A record: nothing moves it any more.
    Archived {
        code: ClosingCode,
        closed_at: Timestamp,
        archived_at: Timestamp,
    },
}

impl CaseState {
    /// The name used in the API, the journal and the logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Assigned { .. } => "assigned",
            Self::Accepted { .. } => "accepted",
            Self::InProgress { .. } => "in_progress",
            Self::OnHold { .. } => "on_hold",
            Self::WorkReported { .. } => "work_reported",
            Self::Verification { .. } => "verification",
            Self::Forwarded { .. } => "forwarded",
            Self::Explained { .. } => "explained",
            Self::Closed { .. } => "closed",
            Self::Archived { .. } => "archived",
        }
    }

    /// What an operator says of a case in this state: "the case ...".
    pub const fn in_words(&self) -> &'static str {
        match self {
            Self::Registered => "is registered and waits to be assigned",
            Self::Assigned { .. } => "is assigned and waits for the executor's answer",
            Self::Accepted { .. } => "is accepted by the executor",
            Self::InProgress { .. } => "is being worked on",
            Self::OnHold { .. } => "is on hold",
            Self::WorkReported { .. } => "is reported done and waits for its evidence to be checked",
            Self::Verification { .. } => "is being verified with the applicant",
            Self::Forwarded { .. } => "is with another body, whose answer is awaited",
            Self::Explained { .. } => "is answered and waits for the applicant to be told",
            Self::Closed { .. } => "is closed",
            Self::Archived { .. } => "is in the archive",
        }
    }

    /// Somebody still has something to do.
    pub const fn is_open(&self) -> bool {
        !matches!(self, Self::Closed { .. } | Self::Archived { .. })
    }

    /// Its name for those outside: a closed case that goes on under another number, or was taken back, is called so.
    pub const fn told_as(&self) -> &'static str {
        match self.closing() {
            Some((ClosingCode::Duplicate, _)) => "merged",
            Some((ClosingCode::Withdrawn, _)) => "withdrawn",
            _ => self.name(),
        }
    }

    /// It was closed with a result its applicant can judge.
    pub const fn has_result(&self) -> bool {
        match self {
            Self::Closed { code, .. } => !matches!(code, ClosingCode::Withdrawn | ClosingCode::Duplicate),
            _ => false,
        }
    }

    /// How and when it was closed.
    pub const fn closing(&self) -> Option<(ClosingCode, Timestamp)> {
        match self {
            Self::Closed { code, closed_at } | Self::Archived { code, closed_at, .. } => {
                Some((*code, *closed_at))
            }
            _ => None,
        }
    }

    /// The executor organisation that holds or reported the work.
    pub fn executor(&self) -> Option<&str> {
        match self {
            Self::Assigned { executor, .. }
            | Self::Accepted { executor, .. }
            | Self::InProgress { executor, .. }
            | Self::OnHold { executor, .. }
            | Self::WorkReported { executor, .. }
            | Self::Verification { executor, .. } => Some(executor),
            Self::Registered
            | Self::Forwarded { .. }
            | Self::Explained { .. }
            | Self::Closed { .. }
            | Self::Archived { .. } => None,
        }
    }

    /// When verification began.
    pub const fn evidence_accepted_at(&self) -> Option<Timestamp> {
        match self {
            Self::Verification { evidence_accepted_at, .. } => Some(*evidence_accepted_at),
            _ => None,
        }
    }

    pub const fn order(&self) -> Option<WorkOrderId> {
        match self {
            Self::Assigned { order, .. }
            | Self::Accepted { order, .. }
            | Self::InProgress { order, .. }
            | Self::OnHold { order, .. }
            | Self::WorkReported { order, .. }
            | Self::Verification { order, .. } => Some(*order),
            Self::Registered
            | Self::Forwarded { .. }
            | Self::Explained { .. }
            | Self::Closed { .. }
            | Self::Archived { .. } => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosingCode {
    FixedConfirmed,
    FixedInspected,
    FixedUnconfirmed,
    Explained,
    RefusedLawful,
    NotCompetentForwarded,
    Duplicate,
    Withdrawn,
    Unfounded,
    PlannedProgramme,
}

impl ClosingCode {
    const fn explained() -> Self {
        Self::Explained
    }

    /// Work was done.
    pub const fn is_fixed(self) -> bool {
        matches!(self, Self::FixedConfirmed | Self::FixedInspected | Self::FixedUnconfirmed)
    }
}

/// One attempt to tell the applicant the result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Told {
    pub at: Timestamp,
    pub language: Language,
    pub channel: TellingChannel,
    pub delivered: bool,
    /// Set when the applicant answered the question "is it fixed?".
    pub confirmed: Option<bool>,
    /// Cycle of the case this telling belongs to.
    pub cycle: u16,
    /// Whom: the applicant who came with this merged case; none is the case's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whom: Option<CaseNumber>,
    /// The call in which the program told them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactId>,
    /// The message in which the program wrote to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification: Option<NotificationId>,
}

/// A visit of the control desk's inspector.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Inspection {
    pub at: Timestamp,
    pub cycle: u16,
    /// The work was found done.
    pub passed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TellingChannel {
    /// A member of staff rang the applicant.
    Voice,
    Sms,
    Mail,
    /// Told during the very call that is being explained.
    SameContact,
    /// The applicant looked it up with number and code, and answered there.
    Page,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NextAction {
    /// An executor organisation's id, or a role name.
    pub owner: String,
    pub action: String,
    pub by: Timestamp,
}
