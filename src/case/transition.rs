//! The allowed transitions of a case, from registration to the work order. Illegal ones are typed errors with a
//! reason a person understands.

use std::time::Duration;

use serde_json::json;

use super::retention::Contents;
use super::routing::Assignment;
use super::{
    Case, CaseDraft, CaseEvent, CaseNumber, CaseState, Clock, Clocks, IdentityLevel, LastOrder, NextAction,
    Part, Place, Priority,
};
use crate::ids::ContactId;
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

/// A transition that the state, the actor or an invariant forbids.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidTransition {
    /// Answer 409.
    #[error("the case {in_words}: it cannot be {wanted} now")]
    WrongState { state: &'static str, in_words: &'static str, wanted: &'static str },
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

/// What a person writes at once, characters; longer texts belong into attachments.
const MAX_TEXT_CHARS: usize = 4_000;
/// More contacts on one case are an incident, not a case.
pub(super) const MAX_CONTACTS: usize = 1_000;
/// A registered case is classified and assigned within this time, whatever its norm.
const TRIAGE_WITHIN: Duration = Duration::from_secs(15 * 60);
/// Version of the classifier that categories are named by.
const CLASSIFIER_VERSION: u32 = 1;
/// From so many declined orders on a dispatcher decides, not the next operator.
const DISPATCHER_FROM_BOUNCE: u16 = 2;

/// The staff that takes cases up and hands them out.
pub(super) const DESK: &[ActorKind] = &[ActorKind::Operator, ActorKind::Supervisor, ActorKind::Control];
/// Who decides where routing and executors could not agree.
pub(super) const DISPATCHERS: &[ActorKind] = &[ActorKind::Supervisor, ActorKind::Control];

/// From the call to the work order. The executor's part is `execution`, the way to the end `closing`.
impl Case {
    pub fn register(draft: CaseDraft, number: CaseNumber, at: Timestamp) -> (Self, Vec<CaseEvent>) {
        let registered = CaseEvent::new(
            "case.registered",
            json!({
                "category": draft.category,
                "territory": draft.place.as_ref().and_then(|place| place.territory.as_ref()),
                "language": draft.language,
                "priority": draft.priority,
                "identity": draft.applicant.identity,
                "contact": draft.contact,
                "ivr_path": draft.ivr_path,
            }),
        );
        let case = Self {
            number,
            state: CaseState::Registered,
            registered_at: at,
            category: draft.category,
            classifier_version: CLASSIFIER_VERSION,
            place: draft.place,
            description: draft.description,
            language: draft.language,
            priority: draft.priority,
            applicant: draft.applicant,
            contacts: draft.contact.into_iter().collect(),
            cycle: 1,
            level: 0,
            reopened_at: None,
            bounces: 0,
            last_order: None,
            parts: Vec::new(),
            relations: Vec::new(),
            joined: Vec::new(),
            absorbed: 0,
            incidents: Vec::new(),
            inspections: Vec::new(),
            deadline: None,
            clocks: Clocks::default(),
            told: Vec::new(),
            next: Some(NextAction::new("operator", "classify and assign", at.plus(TRIAGE_WITHIN))),
            erased: Contents::new(),
        };
        (case, vec![registered])
    }

    /// Another call about the same matter; a contact that is linked already stays linked once. Closed cases take
    /// contacts too: people ask about them.
    pub fn link(mut self, contact: ContactId, _at: Timestamp) -> Transition {
        if self.contacts.contains(&contact) {
            return Ok((self, Vec::new()));
        }
        if matches!(self.state, CaseState::Archived { .. }) {
            return Err(self.refused("given another call"));
        }
        self.check_words()?;
        if self.contacts.len() >= MAX_CONTACTS {
            return Err(InvalidTransition::Invariant("so many contacts are an incident, not one case"));
        }
        self.contacts.push(contact);
        Ok((self, vec![CaseEvent::new("case.linked", json!({ "contact": contact }))]))
    }

    /// Category and territory decide who works and until when, so they stand once an order is out.
    pub fn classify(mut self, change: Classification, by: &Actor, _at: Timestamp) -> Transition {
        if !self.state.is_open() {
            return Err(self.refused("classified"));
        }
        allow(by, DESK, "only operators, supervisors and the control desk classify a case")?;
        if change == Classification::default() {
            return Err(InvalidTransition::Incomplete("say what is to be changed"));
        }
        let territory_of = |place: &Option<Place>| place.as_ref().and_then(|place| place.territory.clone());
        let placed =
            change.place.as_ref().map(|place| place.site.as_ref().is_some_and(|site| site.in_register));
        let moves = change.category.as_ref().is_some_and(|category| *category != self.category)
            || change.place.is_some() && territory_of(&change.place) != territory_of(&self.place);
        if moves && self.state.order().is_some() {
            return Err(InvalidTransition::Invariant(
                "an executor holds the work: category and territory stand until the order is declined",
            ));
        }
        for text in [
            &change.description,
            &change.applicant_name,
            &change.place.as_ref().map(|place| place.address.clone()),
        ] {
            bounded(text.as_deref().unwrap_or_default())?;
        }
        let mut changed = Vec::new();
        let mut set = |name: &'static str, given: bool| {
            if given {
                changed.push(name)
            }
        };
        set("category", change.category.is_some());
        set("place", change.place.is_some());
        set("description", change.description.is_some());
        set("priority", change.priority.is_some());
        set("applicant_name", change.applicant_name.is_some());
        if change.category.is_some() || change.priority.is_some() {
            self.clocks.review();
        }
        self.category = change.category.unwrap_or(self.category);
        self.place = change.place.or(self.place);
        self.description = change.description.unwrap_or(self.description);
        self.priority = change.priority.unwrap_or(self.priority);
        if let Some(name) = change.applicant_name {
            self.applicant.identity = self.applicant.identity.max(IdentityLevel::Stated);
            self.applicant.name = Some(name);
        }
        let mut classified = json!({
            "changed": changed,
            "category": self.category,
            "territory": territory_of(&self.place),
            "priority": self.priority,
        });
        // Whether it could be trusted to be a place, not which: the address itself is never journalled.
        if let Some(in_register) = placed {
            classified["in_register"] = json!(in_register);
        }
        Ok((self, vec![CaseEvent::new("case.classified", classified)]))
    }

    /// Issues the work order to the executor that routing chose, with the norm's deadline. What was declined twice is
    /// no matter of routing any more: a dispatcher decides.
    pub fn assign(mut self, assignment: Assignment, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::Registered = self.state else { return Err(self.refused("assigned")) };
        self.check_apart()?;
        if self.bounces >= DISPATCHER_FROM_BOUNCE {
            allow(
                by,
                DISPATCHERS,
                "two executors declined: a supervisor or the control desk decides who it is",
            )?;
        } else if by.kind != ActorKind::System {
            allow(by, DESK, "only operators, supervisors and the control desk assign a case")?;
        }
        let events = self.issue(assignment, false, at);
        Ok((self, events))
    }

    /// A person chooses the executor, whatever the city plan says: of a case at the desk, or of one that another executor
    /// holds and has not reported done. That order is cancelled.
    pub fn assign_by_hand(
        mut self,
        assignment: Assignment,
        reason: &str,
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        let held = match &self.state {
            CaseState::Registered => None,
            CaseState::Assigned { executor, .. }
            | CaseState::Accepted { executor, .. }
            | CaseState::InProgress { executor, .. } => Some(executor.clone()),
            _ => return Err(self.refused("given to another executor")),
        };
        allow(by, DISPATCHERS, "only supervisors and the control desk choose an executor by hand")?;
        self.check_apart()?;
        let reason = said(reason, "say why this executor")?;
        if held.as_deref() == Some(assignment.executor.as_str()) {
            return Err(InvalidTransition::Invariant("this executor holds the work already"));
        }
        let mut events = self.cancel_order("reassigned");
        events.extend(self.issue(assignment, true, at));
        for event in events.iter_mut().filter(|event| event.name == "case.routed") {
            event.reason = Some(reason.to_owned());
        }
        Ok((self, events))
    }

    /// The work order goes out.
    pub(super) fn issue(&mut self, assignment: Assignment, by_hand: bool, at: Timestamp) -> Vec<CaseEvent> {
        let Assignment { order, executor, co_executors, because, deadline, task, .. } = assignment;
        let territory = self.place.as_ref().and_then(|place| place.territory.as_ref());
        let mut routed = json!({ "executor": executor, "category": self.category, "territory": territory });
        if let Some(because) = &because {
            routed["because"] = json!(because);
        }
        if by_hand {
            routed["by_hand"] = json!(true);
        }
        let events = vec![
            CaseEvent::new("case.routed", routed),
            deadline.applied(Clock::Executor),
            CaseEvent::new(
                "wo.issued",
                json!({ "order": order, "executor": executor, "task": task, "cycle": self.cycle,
                    "because": because, "co_executors": co_executors }),
            ),
        ];
        self.clocks.settle(at);
        self.deadline = Some(deadline);
        self.last_order = Some(LastOrder { order, executor: executor.clone(), by_hand });
        self.parts = co_executors.into_iter().map(Part::asked_of).collect();
        self.state = CaseState::Assigned { order, executor, assigned_at: at };
        self.next = self.next_at_work(at);
        events
    }

    /// The order that is out, if one is, is taken back from its executor. The state is the caller's to move on.
    pub(super) fn cancel_order(&self, cause: &str) -> Vec<CaseEvent> {
        let order = self.state.order();
        order
            .map(|order| CaseEvent::new("wo.cancelled", json!({ "order": order, "cause": cause })))
            .into_iter()
            .collect()
    }

    /// Back to the desk after a refusal.
    pub(super) fn bounce(&mut self, at: Timestamp) {
        self.bounces = self.bounces.saturating_add(1);
        self.back_to_desk(at);
    }

    /// Waits for somebody who assigns it.
    pub(super) fn back_to_desk(&mut self, at: Timestamp) {
        let owner = if self.bounces >= DISPATCHER_FROM_BOUNCE { "dispatcher" } else { "operator" };
        self.clocks.settle(at);
        self.state = CaseState::Registered;
        let action = if self.bounces > 0 { "find another executor" } else { "classify and assign" };
        self.next = Some(NextAction::new(owner, action, at.plus(TRIAGE_WITHIN)));
    }

    pub(super) const fn refused(&self, wanted: &'static str) -> InvalidTransition {
        InvalidTransition::WrongState { state: self.state.name(), in_words: self.state.in_words(), wanted }
    }
}

impl NextAction {
    pub(super) fn new(owner: &str, action: &str, by: Timestamp) -> Self {
        Self { owner: owner.to_owned(), action: action.to_owned(), by }
    }
}

pub(super) fn allow(by: &Actor, kinds: &[ActorKind], why: &'static str) -> Result<(), InvalidTransition> {
    if kinds.contains(&by.kind) { Ok(()) } else { Err(InvalidTransition::NotAllowed(why)) }
}

/// A text that must say something; trimmed.
pub(super) fn said<'a>(text: &'a str, missing: &'static str) -> Result<&'a str, InvalidTransition> {
    let text = text.trim();
    if text.is_empty() {
        return Err(InvalidTransition::Incomplete(missing));
    }
    bounded(text)?;
    Ok(text)
}

fn bounded(text: &str) -> Result<(), InvalidTransition> {
    if text.chars().count() > MAX_TEXT_CHARS {
        return Err(InvalidTransition::Incomplete("the text is longer than 4,000 characters"));
    }
    Ok(())
}
