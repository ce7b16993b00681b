//! Two cases about one trouble: one gives way and closes as the other's duplicate, its applicant and contacts go
//! along and hear from the case that goes on. Never into itself, into a closed case, or in a chain.

use serde_json::json;

use super::relation::{Joined, Relation, RelationKind};
use super::transition::{DESK, InvalidTransition, MAX_CONTACTS, Transition, allow, said};
use super::{Applicant, Case, CaseEvent, CaseState, ClosingCode};
use crate::people::Actor;
use crate::time::Timestamp;

/// More applicants of one trouble are an incident.
const MAX_JOINED: usize = 200;

/// Both cases after a merge, each with what happened to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Merged {
    pub closed: (Case, Vec<CaseEvent>),
    pub into: (Case, Vec<CaseEvent>),
}

impl Case {
    /// This case is about the same trouble as `into`, which is open and goes on. An order out for this one is cancelled.
    pub fn merge(
        mut self,
        mut into: Self,
        reason: &str,
        by: &Actor,
        at: Timestamp,
    ) -> Result<Merged, InvalidTransition> {
        self.check_merge(&into, by)?;
        let reason = said(reason, "say how you know that both are about the same")?;
        let mut events = self.cancel_order("merged");
        let moved: Vec<_> =
            self.contacts.iter().filter(|contact| !into.contacts.contains(contact)).copied().collect();
        if into.contacts.len() + moved.len() > MAX_CONTACTS || into.joined.len() >= MAX_JOINED {
            return Err(InvalidTransition::Invariant("so many contacts are an incident, not one case"));
        }
        let joins = into.is_new(&self.applicant);
        events.push(CaseEvent::new("case.merged", json!({ "into": into.number })).because(reason));
        let relation = Relation { kind: RelationKind::DuplicateOf, other: into.number.clone() };
        events.push(self.related(relation)?);
        let taken = json!({ "merged": self.number, "contacts": moved, "applicant_joined": joins });
        into.contacts.extend(moved);
        if joins {
            into.joined.push(Joined {
                from: self.number.clone(),
                applicant: self.applicant.clone(),
                language: self.language,
                joined_at: at,
            });
        }
        into.absorbed = into.absorbed.saturating_add(1);
        events.push(self.closed(ClosingCode::Duplicate, None, at));
        Ok(Merged { closed: (self, events), into: (into, vec![CaseEvent::new("case.linked", taken)]) })
    }

    /// The call this case was registered for belongs to `other`, which may be closed: this one was never work for anybody.
    /// Who calls hears so in that very call.
    pub fn give_way(mut self, other: &Self, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::Registered = self.state else { return Err(self.refused("merged")) };
        allow(by, DESK, "only operators, supervisors and the control desk merge cases")?;
        if other.number == self.number {
            return Err(InvalidTransition::Invariant("a case is not merged with itself"));
        }
        self.check_chain(other)?;
        let mut events = vec![CaseEvent::new("case.merged", json!({ "into": other.number }))];
        let relation = Relation { kind: RelationKind::DuplicateOf, other: other.number.clone() };
        events.push(self.related(relation)?);
        events.push(self.closed(ClosingCode::Duplicate, None, at));
        Ok((self, events))
    }

    fn check_merge(&self, into: &Self, by: &Actor) -> Result<(), InvalidTransition> {
        if !self.state.is_open() {
            return Err(self.refused("merged"));
        }
        allow(by, DESK, "only operators, supervisors and the control desk merge cases")?;
        if into.number == self.number {
            return Err(InvalidTransition::Invariant("a case is not merged with itself"));
        }
        self.check_chain(into)?;
        if self.awaits_reception() {
            return Err(InvalidTransition::Invariant(
                "an official waits for the applicant: give the appointment back first",
            ));
        }
        if !into.state.is_open() {
            return Err(InvalidTransition::Invariant(
                "the other case is closed: reopen it, or link this one as its repeat",
            ));
        }
        // Nobody makes the work of their own organisation disappear.
        self.state.executor().map_or(Ok(()), |executor| self.check_outside(by, executor))
    }

    fn check_chain(&self, into: &Self) -> Result<(), InvalidTransition> {
        if self.absorbed > 0 {
            return Err(InvalidTransition::Invariant(
                "other cases were merged into this one: merge the other way round",
            ));
        }
        if into.merged_into().is_some() {
            return Err(InvalidTransition::Invariant(
                "the other case was itself merged: choose the one it was merged into",
            ));
        }
        Ok(())
    }

    /// Whether nobody of this case is that applicant. Who cannot be reached is told nothing, and joins nothing.
    fn is_new(&self, applicant: &Applicant) -> bool {
        let number = applicant.number.as_ref().filter(|number| !number.is_withheld());
        let known = |other: &Applicant| other.number.as_ref() == number;
        number.is_some()
            && !known(&self.applicant)
            && !self.joined.iter().any(|joined| known(&joined.applicant))
    }
}
