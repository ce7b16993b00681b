//! The same facts from journal entries alone: the auditor's second way to every figure. Of the rows and of the types
//! behind them nothing is used; a case is what its entries' names and data say, one after the other.

use serde_json::Value;

use super::fact::{ContactFact, Standing, Step, StepKind};
use crate::call::contact::Disposition;
use crate::case::CaseNumber;
use crate::case::replay::Replayed;
use crate::ids::ContactId;
use crate::language::Language;
use crate::time::Timestamp;

/// Entries of a case that move something the report counts; others may be left out.
pub const CASE_EVENTS: &[&str] = &[
    "case.registered",
    "case.classified",
    "case.forwarded",
    "case.forward_answered",
    "case.explained",
    "case.refused",
    "case.merged",
    "case.closed",
    "case.archived",
    "case.reopened",
    "wo.issued",
    "wo.accepted",
    "wo.started",
    "wo.declined",
    "wo.cancelled",
    "wo.reported",
    "wo.returned",
    "evidence.accepted",
    "evidence.rejected",
    "incident.case_attached",
    "norm.applied",
    "norm.clock_paused",
    "norm.clock_resumed",
    "norm.extended",
    "verify.attempted",
    "reply.sent",
];

/// Those of a contact.
pub const CONTACT_EVENTS: &[&str] = &[
    "contact.offered",
    "contact.queued",
    "contact.connected",
    "contact.transferred",
    "contact.ended",
    "contact.disposed",
];

/// One case, entry by entry.
#[derive(Clone, Debug)]
pub struct CaseReplay {
    number: CaseNumber,
    told: Replayed,
    registered_at: Option<Timestamp>,
    /// Beginning of the cycle.
    begun_at: Timestamp,
    reported_at: Option<Timestamp>,
    category: String,
    territory: Option<String>,
    language: Language,
    /// Of the last order issued.
    executor: Option<String>,
    resolve_by: Option<Timestamp>,
    promised_by: Option<Timestamp>,
    heard: bool,
    changed_at: Timestamp,
}

impl CaseReplay {
    pub fn new(number: CaseNumber) -> Self {
        Self {
            number,
            told: Replayed::default(),
            registered_at: None,
            begun_at: Timestamp::default(),
            reported_at: None,
            category: String::new(),
            territory: None,
            language: Language::Uk,
            executor: None,
            resolve_by: None,
            promised_by: None,
            heard: false,
            changed_at: Timestamp::default(),
        }
    }

    pub fn number(&self) -> &CaseNumber {
        &self.number
    }

    /// The next entry; what it counts as.
    pub fn apply(&mut self, event: &str, at: Timestamp, data: &Value) -> Option<Step> {
        if event == "case.registered" {
            self.registered_at = Some(at);
            self.begun_at = at;
            self.language = language(&data["language"]).unwrap_or(Language::Uk);
            self.take_matter(data);
        }
        let step = kind(event, data).map(|kind| self.step(kind, at, data));
        match event {
            "case.classified" => self.take_matter(data),
            "wo.issued" => self.executor = text(&data["executor"]),
            "wo.reported" => self.reported_at = Some(at),
            "case.reopened" => self.begun_at = at,
            "norm.applied" => match data["clock"].as_str() {
                Some("executor") => self.resolve_by = moment(&data["resolve_by"]),
                _ => self.promised_by = moment(&data["resolve_by"]),
            },
            "verify.attempted" | "reply.sent" if data["whom"].is_null() => {
                self.heard |= data["delivered"] == Value::Bool(true);
            }
            "evidence.accepted"
            | "wo.returned"
            | "case.explained"
            | "case.refused"
            | "case.forward_answered" => self.heard = false,
            _ => {}
        }
        // A clock that stood still, went on or was extended: both as they are now.
        if let Some(deadlines) = data.get("deadlines") {
            self.resolve_by = moment(&deadlines["executor"]["resolve_by"]);
            self.promised_by = moment(&deadlines["citizen"]["resolve_by"]);
        }
        self.told.apply(event, data);
        self.changed_at = at;
        step
    }

    /// How the case stands after the last entry; none before its registration.
    pub fn standing(&self) -> Option<Standing> {
        let state = self.told.state.as_str();
        let is_open = !matches!(state, "closed" | "archived");
        let works = matches!(state, "assigned" | "accepted" | "in_progress");
        let holds = works || matches!(state, "on_hold" | "work_reported" | "verification");
        Some(Standing {
            case: self.number.clone(),
            since: self.changed_at,
            registered_at: self.registered_at?,
            is_open,
            executor: self.told.executor.clone().filter(|_| holds),
            category: self.category.clone(),
            territory: self.territory.clone(),
            resolve_by: self.resolve_by.filter(|_| works),
            promised_by: self.promised_by.filter(|_| is_open && state != "on_hold"),
        })
    }

    fn take_matter(&mut self, data: &Value) {
        self.category = text(&data["category"]).unwrap_or_default();
        self.territory = text(&data["territory"]);
    }

    fn step(&self, kind: StepKind, at: Timestamp, data: &Value) -> Step {
        let is_closing = kind == StepKind::Closed;
        Step {
            case: self.number.clone(),
            at,
            kind,
            executor: self.executor.clone(),
            category: self.category.clone(),
            territory: self.territory.clone(),
            language: self.language,
            code: text(&data["code"]).filter(|_| is_closing),
            heard: is_closing && self.heard,
            begun_at: self.begun_at,
            reported_at: self.reported_at.filter(|_| kind == StepKind::Done),
            resolve_by: self.resolve_by,
        }
    }
}

fn kind(event: &str, data: &Value) -> Option<StepKind> {
    Some(match event {
        "case.registered" => StepKind::Registered,
        "case.closed" => StepKind::Closed,
        "case.reopened" => StepKind::Reopened,
        "wo.reported" => StepKind::Reported,
        "evidence.accepted" => StepKind::Done,
        "evidence.rejected" => StepKind::EvidenceRejected,
        "wo.returned" if data["cause"] != "evidence" => StepKind::Refuted,
        "norm.extended" | "norm.clock_paused" => StepKind::DeadlineMoved,
        "case.merged" => StepKind::Merged,
        _ => return None,
    })
}

/// One contact, entry by entry.
#[derive(Clone, Debug)]
pub struct ContactReplay {
    fact: ContactFact,
    origin: String,
    is_ours: bool,
    /// The citizen was with somebody: back in the queue is no new wait.
    was_served: bool,
    language: Option<Language>,
}

impl ContactReplay {
    /// Begins with `contact.offered`.
    pub fn new(id: ContactId, offered_at: Timestamp, offered: &Value) -> Self {
        let rung = ["callback_of", "asks", "masked"].iter().any(|key| !offered[*key].is_null());
        Self {
            fact: ContactFact {
                id,
                offered_at,
                language: None,
                queued_at: None,
                connected_at: None,
                ended_at: None,
                disposition: None,
            },
            origin: text(&offered["origin"]).unwrap_or_default(),
            is_ours: rung || offered["direction"] == "outbound",
            was_served: false,
            language: None,
        }
    }

    pub fn apply(&mut self, event: &str, at: Timestamp, data: &Value) {
        let fact = &mut self.fact;
        match event {
            "contact.queued" if !self.was_served => {
                fact.queued_at.get_or_insert(at);
                self.language = language(&data["language"]).or(self.language);
            }
            "contact.connected" => {
                fact.connected_at.get_or_insert(at);
                self.was_served = true;
            }
            "contact.transferred" => self.was_served = true,
            "contact.ended" => fact.ended_at = (data["termination"] != "crashed").then_some(at),
            "contact.disposed" => {
                fact.disposition = serde_json::from_value::<Disposition>(data["disposition"].clone()).ok();
                self.language = language(&data["language"]).or(self.language);
            }
            _ => {}
        }
    }

    /// What counts; none for calls that the city made, and those of its own phones.
    pub fn fact(self, is_staff: impl Fn(&str) -> bool) -> Option<ContactFact> {
        if self.is_ours || is_staff(&self.origin) {
            return None;
        }
        let language = self.language.filter(|_| self.fact.disposition.is_some());
        Some(ContactFact { language, ..self.fact })
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_i64().map(Timestamp::from_micros)
}

fn language(value: &Value) -> Option<Language> {
    value.as_str()?.parse().ok()
}
