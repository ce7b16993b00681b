//! The allowed transitions of a case. Illegal ones are typed errors with a reason a person understands.

use crate::people::Actor;
use crate::time::Timestamp;

use super::routing::Assignment;
use super::work_order::{EvidenceRef, WorkReport};
use super::{Case, CaseDraft, CaseEvent, CaseNumber, ClosingCode, Place, Priority, Told};
use crate::ids::ContactId;

/// A transition that the state, the actor or an invariant forbids.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidTransition {
    #[error("a case that is '{state}' cannot be {wanted}")]
    WrongState { state: &'static str, wanted: &'static str },
    /// Answer 403.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// Answer 409.
    #[error("{0}")]
    Invariant(&'static str),
    /// Answer 422.
    #[error("{0}")]
    Incomplete(&'static str),
}

pub type Transition = Result<(Case, Vec<CaseEvent>), InvalidTransition>;

/// What an operator or dispatcher sets; `None` leaves the field.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Classification {
    pub category: Option<String>,
    pub place: Option<Place>,
    pub description: Option<String>,
    pub priority: Option<Priority>,
    pub applicant_name: Option<String>,
}

impl Case {
    pub fn register(_draft: CaseDraft, _number: CaseNumber, _at: Timestamp) -> (Self, Vec<CaseEvent>) {
        todo!()
    }

    pub fn link(self, _contact: ContactId, _at: Timestamp) -> Transition {
        todo!()
    }

    pub fn classify(self, _change: Classification, _by: &Actor, _at: Timestamp) -> Transition {
        todo!()
    }

    /// Issues the work order to the executor that routing chose, with the norm's deadline.
    pub fn assign(self, _assignment: Assignment, _by: &Actor, _at: Timestamp) -> Transition {
        todo!()
    }

    /// By the executor's organisation only.
    pub fn accept(self, _by: &Actor, _at: Timestamp) -> Transition {
        todo!()
    }

    /// Back to `registered` with bounce+1; the second bounce goes to a dispatcher (`next.owner`).
    pub fn decline(self, _reason: &str, _by: &Actor, _at: Timestamp) -> Transition {
        todo!()
    }

    pub fn start(self, _by: &Actor, _at: Timestamp) -> Transition {
        todo!()
    }

    /// "Done": refused without the evidence the category demands (`evidence` lists what was uploaded for this order).
    pub fn report_work(
        self,
        _report: WorkReport,
        _evidence: &[EvidenceRef],
        _rule: Option<&super::city::EvidenceRule>,
        _by: &Actor,
        _at: Timestamp,
    ) -> Transition {
        todo!()
    }

    /// Control accepts the evidence: verification begins. Never of the executor's organisation.
    pub fn accept_evidence(self, _by: &Actor, _at: Timestamp) -> Transition {
        todo!()
    }

    /// Control rejects the evidence: back to `in_progress`.
    pub fn reject_evidence(self, _reason: &str, _by: &Actor, _at: Timestamp) -> Transition {
        todo!()
    }

    /// An attempt to tell the applicant is recorded. A refuting answer (`confirmed: Some(false)`) returns the
    /// case to work.
    pub fn tell(self, _told: Told, _by: &Actor, _at: Timestamp) -> Transition {
        todo!()
    }

    /// Control returns the case to work from verification.
    pub fn return_to_work(self, _reason: &str, _by: &Actor, _at: Timestamp) -> Transition {
        todo!()
    }

    /// A consultation recorded as a case: nothing to execute.
    pub fn explain(self, _text: &str, _by: &Actor, _at: Timestamp) -> Transition {
        todo!()
    }

    /// Invariants 3 and 4 are checked here: who closes, and that the applicant was told. `attempts` is the norm's
    /// number of telling attempts after which `fixed_unconfirmed` is allowed.
    pub fn close(self, _code: ClosingCode, _attempts: usize, _by: &Actor, _at: Timestamp) -> Transition {
        todo!()
    }
}
