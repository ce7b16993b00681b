//! How cases belong together: one repeats, doubles or follows another. A relation is a fact and stays; it points from
//! the later case to the earlier one, so there are no circles. Being part of an incident can end: that is `part_of`.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::transition::{DESK, InvalidTransition, Transition, allow};
use super::{Applicant, Case, CaseEvent, CaseNumber};
use crate::ids::WorkOrderId;
use crate::language::Language;
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

/// More relations of one case are an incident, not a case.
const MAX_RELATIONS: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// The same trouble again, after the window of reopening.
    RepeatOf,
    /// The same trouble at the same time; the other case has the work and tells this one's applicant.
    DuplicateOf,
    /// Comes out of it, as an instruction out of a reception.
    Follows,
}

impl RelationKind {
    pub const ALL: [Self; 3] = [Self::RepeatOf, Self::DuplicateOf, Self::Follows];

    pub const fn name(self) -> &'static str {
        match self {
            Self::RepeatOf => "repeat_of",
            Self::DuplicateOf => "duplicate_of",
            Self::Follows => "follows",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Relation {
    pub kind: RelationKind,
    pub other: CaseNumber,
}

/// An applicant who came with a case that was merged into this one, and is told by this one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Joined {
    /// The case they came with; tellings name them by it.
    pub from: CaseNumber,
    pub applicant: Applicant,
    pub language: Language,
    pub joined_at: Timestamp,
}

/// Who had the last work order: asked again when the case is reopened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LastOrder {
    pub order: WorkOrderId,
    /// Organisation id.
    pub executor: String,
    /// A person chose them, not the city plan.
    pub by_hand: bool,
}

impl Case {
    /// Says that this case repeats or follows `other`, an earlier one. Saying it twice says it once.
    pub fn relate(mut self, kind: RelationKind, other: &Self, by: &Actor, _at: Timestamp) -> Transition {
        if matches!(self.state, super::CaseState::Archived { .. }) {
            return Err(self.refused("linked"));
        }
        // What an official instructs at a reception, the secretary of the mayor's office writes down.
        let instructs = kind == RelationKind::Follows && by.kind == ActorKind::MayorOffice;
        if !instructs && by.kind != ActorKind::Applicant && by.kind != ActorKind::System {
            allow(by, DESK, "only operators, supervisors and the control desk link cases")?;
        }
        if kind == RelationKind::DuplicateOf {
            return Err(InvalidTransition::Invariant("a duplicate is merged, not linked"));
        }
        let relation = Relation { kind, other: other.number.clone() };
        if self.relations.contains(&relation) {
            return Ok((self, Vec::new()));
        }
        if other.number == self.number {
            return Err(InvalidTransition::Invariant("a case is not linked with itself"));
        }
        if (other.registered_at, other.number.sequence()) > (self.registered_at, self.number.sequence()) {
            return Err(InvalidTransition::Invariant(
                "a case repeats or follows an earlier one: link the later case to this one",
            ));
        }
        let event = self.related(relation)?;
        Ok((self, vec![event]))
    }

    pub(super) fn related(&mut self, relation: Relation) -> Result<CaseEvent, InvalidTransition> {
        if self.relations.len() >= MAX_RELATIONS {
            return Err(InvalidTransition::Invariant("so many linked cases are an incident, not one case"));
        }
        let linked = json!({ "relation": relation.kind, "other": relation.other });
        self.relations.push(relation);
        Ok(CaseEvent::new("case.linked", linked))
    }

    /// The case this one was merged into.
    pub fn merged_into(&self) -> Option<&CaseNumber> {
        let merged = self.relations.iter().find(|relation| relation.kind == RelationKind::DuplicateOf);
        merged.map(|relation| &relation.other)
    }
}
