//! A mass outage: declared by area and cause with the time by which it should be over, moved, restored, told of, closed; or
//! cancelled when it was none. Durable machine form: each step consumes the incident and says what happened. The cases of
//! its applicants are `case::part_of`'s; which incident a spot lies in is `area`'s.

mod area;
mod replay;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ids::IncidentNumber;
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

pub use area::{Area, HouseRange, Nearness, Side, Spot, Stretch};
pub use replay::Replayed;

/// Open at the same time; in more of them nobody finds their own.
pub const MAX_OPEN: usize = 200;
/// No outage is foreseen for longer: 90 days.
const LONGEST_EXPECTED: std::time::Duration = std::time::Duration::from_secs(90 * 24 * 60 * 60);
/// A word or a sentence.
const MAX_REASON_CHARS: usize = 1_000;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Incident {
    pub number: IncidentNumber,
    pub state: IncidentState,
    pub declared_at: Timestamp,
    /// What is meant: area, category, cause, who mends it.
    #[serde(flatten)]
    pub matter: Matter,
    /// When it should be over; none while nobody can say.
    pub expected: Option<Timestamp>,
    /// Times that the expectation was moved.
    pub updates: u32,
}

/// What does not change while the incident lasts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Matter {
    /// Category id of the classifier.
    pub category: String,
    pub cause: Cause,
    pub area: Area,
    /// Organisation id of who has the work.
    pub executor: String,
}

/// Why: a closed list, so that it can be said in every language.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Something of the network broke.
    Failure,
    PlannedWorks,
    PowerCut,
    Weather,
    /// Not known yet, or none of these.
    Unknown,
}

impl Cause {
    pub const ALL: [Self; 5] =
        [Self::Failure, Self::PlannedWorks, Self::PowerCut, Self::Weather, Self::Unknown];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::PlannedWorks => "planned_works",
            Self::PowerCut => "power_cut",
            Self::Weather => "weather",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum IncidentState {
    Open,
    /// Over; the applicants are being told.
    Restored {
        restored_at: Timestamp,
        by: String,
    },
    /// Everybody was told, or could not be reached.
    Closed {
        restored_at: Timestamp,
        closed_at: Timestamp,
    },
    /// It was none, or not there.
    Cancelled {
        cancelled_at: Timestamp,
    },
}

impl IncidentState {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Restored { .. } => "restored",
            Self::Closed { .. } => "closed",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    const fn in_words(&self) -> &'static str {
        match self {
            Self::Open => "is open",
            Self::Restored { .. } => "is restored already",
            Self::Closed { .. } => "is closed",
            Self::Cancelled { .. } => "was cancelled",
        }
    }
}

/// What happened to an incident, by the journal's name.
#[derive(Clone, PartialEq, Debug)]
pub struct IncidentEvent {
    pub name: &'static str,
    pub reason: Option<String>,
    pub data: Value,
}

/// How the applicants were told, when all of it is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Wave {
    /// Delivery records in all.
    pub notices: u64,
    pub told: u64,
    pub confirmed: u64,
    pub refuted: u64,
    pub not_reached: u64,
}

/// A step that the state, the actor or the input forbids.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// Answer 409.
    #[error("the incident {in_words}: it cannot be {wanted} now")]
    WrongState { in_words: &'static str, wanted: &'static str },
    /// Answer 403.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// Answer 422.
    #[error("{0}")]
    Incomplete(&'static str),
}

pub type Step = Result<(Incident, Vec<IncidentEvent>), Refused>;

/// Who declares and ends incidents.
const DECLARERS: &[ActorKind] = &[ActorKind::Supervisor, ActorKind::Control];

impl Incident {
    /// # Errors
    /// Who may not; an area that names nothing; a time that has passed or is more than 90 days away.
    pub fn declare(
        matter: Matter,
        expected: Option<Timestamp>,
        number: IncidentNumber,
        by: &Actor,
        at: Timestamp,
    ) -> Step {
        allow(by)?;
        matter.area.check()?;
        check_expected(expected, at)?;
        let mut data = json!(matter);
        data["incident"] = json!(number);
        data["expected"] = json!(expected);
        let incident =
            Self { number, state: IncidentState::Open, declared_at: at, matter, expected, updates: 0 };
        Ok((incident, vec![IncidentEvent { name: "incident.declared", reason: None, data }]))
    }

    /// The expectation moves; none when nobody can say any more.
    pub fn update(mut self, expected: Option<Timestamp>, reason: &str, by: &Actor, at: Timestamp) -> Step {
        self.check_open("updated", by)?;
        check_expected(expected, at)?;
        let reason = said(reason)?;
        if expected == self.expected {
            return Err(Refused::Incomplete("this is what is expected already"));
        }
        let data = json!({ "incident": self.number, "from": self.expected, "expected": expected });
        self.expected = expected;
        self.updates = self.updates.saturating_add(1);
        Ok((self, vec![IncidentEvent { name: "incident.updated", reason: Some(reason), data }]))
    }

    /// It is over: from now on the applicants are told. Never by the organisation that had the work.
    pub fn restore(mut self, by: &Actor, at: Timestamp) -> Step {
        self.check_open("restored", by)?;
        if by.organisation.as_deref() == Some(self.matter.executor.as_str()) {
            return Err(Refused::NotAllowed("nobody judges the work of their own organisation"));
        }
        self.state = IncidentState::Restored { restored_at: at, by: by.id.clone() };
        let data = json!({ "incident": self.number, "expected": self.expected });
        Ok((self, vec![IncidentEvent { name: "incident.restored", reason: None, data }]))
    }

    /// It was declared in error: its cases go back to the desk.
    pub fn cancel(mut self, reason: &str, by: &Actor, at: Timestamp) -> Step {
        self.check_open("cancelled", by)?;
        let reason = said(reason)?;
        self.state = IncidentState::Cancelled { cancelled_at: at };
        let data = json!({ "incident": self.number });
        Ok((self, vec![IncidentEvent { name: "incident.cancelled", reason: Some(reason), data }]))
    }

    /// Everybody was told or could not be reached: the program closes it.
    pub fn close(mut self, wave: Wave, by: &Actor, at: Timestamp) -> Step {
        let IncidentState::Restored { restored_at, .. } = self.state else {
            return Err(self.refused("closed"));
        };
        if by.kind != ActorKind::System {
            return Err(Refused::NotAllowed("the program closes an incident when everybody was told"));
        }
        self.state = IncidentState::Closed { restored_at, closed_at: at };
        let mut told = json!(wave);
        told["incident"] = json!(self.number);
        let event = |name, data| IncidentEvent { name, reason: None, data };
        let closed = event("incident.closed", json!({ "incident": self.number }));
        Ok((self, vec![event("incident.told_all", told), closed]))
    }

    /// What may still be announced of the expectation at `at`: never a time that has passed.
    pub fn announced(&self, at: Timestamp) -> Option<Timestamp> {
        self.expected.filter(|expected| *expected > at)
    }

    pub const fn is_open(&self) -> bool {
        matches!(self.state, IncidentState::Open)
    }

    fn check_open(&self, wanted: &'static str, by: &Actor) -> Result<(), Refused> {
        if !self.is_open() {
            return Err(self.refused(wanted));
        }
        allow(by)
    }

    const fn refused(&self, wanted: &'static str) -> Refused {
        Refused::WrongState { in_words: self.state.in_words(), wanted }
    }
}

fn allow(by: &Actor) -> Result<(), Refused> {
    if DECLARERS.contains(&by.kind) {
        return Ok(());
    }
    Err(Refused::NotAllowed("only supervisors and the control desk declare, move and end incidents"))
}

fn check_expected(expected: Option<Timestamp>, at: Timestamp) -> Result<(), Refused> {
    match expected {
        Some(expected) if expected <= at => Err(Refused::Incomplete("the expected time has passed")),
        Some(expected) if expected.since(at) > LONGEST_EXPECTED => {
            Err(Refused::Incomplete("nobody foresees more than 90 days: leave the time open"))
        }
        _ => Ok(()),
    }
}

fn said(reason: &str) -> Result<String, Refused> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARS {
        return Err(Refused::Incomplete("say why, in 1 to 1,000 characters"));
    }
    Ok(reason.to_owned())
}
