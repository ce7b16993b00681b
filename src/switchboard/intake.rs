//! Whether new calls are taken, and why not: because something cannot keep up, because an administrator takes this node out
//! of service, or because the program stops. Calls that are on are never touched from here.
//!
//! Out of service is not stopping: phones stay registered and are asked as before, operators ask each other about the
//! calls they have, callers who wait are answered, and the administrator can take calls again. The proxies in front learn
//! it from OPTIONS, and whoever calls nevertheless goes elsewhere by 503 and Retry-After.

use serde::Serialize;

use super::{CommandError, Switchboard};
use crate::call::effect::Effect;
use crate::call::refusal::Refusal;
use crate::ids::UserId;
use crate::journal::{Draft, EventType};
use crate::people::{Actor, Role};
use crate::time::{Now, Timestamp};

/// Whether new calls are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Intake {
    Open,
    /// What a call needs cannot keep up; new ones hear 503 for the moment.
    Throttled(Shortage),
    /// Taken out of service: running calls finish, new ones hear 503, until somebody says otherwise.
    Draining {
        since: Timestamp,
    },
    /// Stopping: running calls finish, new ones hear 503.
    Closed {
        since: Timestamp,
    },
}

/// What cannot keep up with the calls there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shortage {
    /// Changes wait too long to be written.
    Store,
    /// Media threads come too late: sound is heard in pieces.
    Media,
}

impl Shortage {
    const fn refusal(self) -> Refusal {
        match self {
            Self::Store => Refusal::NotDurable,
            Self::Media => Refusal::Overloaded,
        }
    }
}

impl Intake {
    /// Why a new call cannot come in.
    pub(super) const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Open => None,
            Self::Throttled(shortage) => Some(shortage.refusal()),
            Self::Draining { .. } => Some(Refusal::Draining),
            Self::Closed { .. } => Some(Refusal::Stopping),
        }
    }

    /// The same for a call that belongs to one that is on: an operator who asks a colleague.
    pub(super) const fn refusal_beside(self) -> Option<Refusal> {
        match self {
            Self::Draining { .. } => None,
            other => other.refusal(),
        }
    }

    pub(super) const fn is_closed(self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    pub(super) const fn live(self) -> LiveIntake {
        match self {
            Self::Open | Self::Throttled(_) => LiveIntake { state: IntakeState::Open, since: None },
            Self::Draining { since } => LiveIntake { state: IntakeState::Draining, since: Some(since) },
            Self::Closed { since } => LiveIntake { state: IntakeState::Stopping, since: Some(since) },
        }
    }
}

/// Whether new calls are taken, as the desks see it. What cannot keep up for a moment is told by metrics alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct LiveIntake {
    pub state: IntakeState,
    /// None while open.
    pub since: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntakeState {
    #[default]
    Open,
    /// Taken out of service.
    Draining,
    Stopping,
}

impl Switchboard {
    /// No new calls for good; true when none is left.
    pub fn close_intake(&mut self, now: Now) -> bool {
        if !self.intake.is_closed() {
            self.intake = Intake::Closed { since: now.utc };
        }
        self.calls.is_empty()
    }

    /// New calls hear 503 while what is outside cannot keep up; running ones go on.
    pub fn throttle(&mut self, shortage: Option<Shortage>) {
        if matches!(self.intake, Intake::Open | Intake::Throttled(_)) {
            self.intake = shortage.map_or(Intake::Open, Intake::Throttled);
        }
    }

    /// Whether new calls are taken.
    pub fn intake(&self) -> LiveIntake {
        self.intake.live()
    }

    /// An administrator takes this node out of service (`drain`), or takes calls again. Nothing happens when it is so
    /// already.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] when calls are to be taken again by a program that stops.
    pub(super) fn drain(&mut self, drain: bool, by: UserId, now: Now) -> Result<(), CommandError> {
        let event = match (self.intake, drain) {
            (Intake::Closed { .. }, false) => return Err(CommandError::Unavailable),
            (Intake::Open | Intake::Throttled(_), true) => EventType::ServiceDrained,
            (Intake::Draining { .. }, false) => EventType::ServiceResumed,
            _ => return Ok(()),
        };
        self.intake = if drain { Intake::Draining { since: now.utc } } else { Intake::Open };
        let what = if drain { "taken out of service" } else { "takes calls again" };
        tracing::warn!(user.id = %by, calls = self.calls.len(), "{what}");
        let mut draft = Draft::new(event, now.utc, Actor::person(Role::Admin, by, None));
        draft.data = serde_json::json!({ "calls": self.calls.len() });
        let entries = vec![draft];
        self.effects.push_back(Effect::Commit { ticket: None, contact: None, recording: None, entries });
        Ok(())
    }
}
