//! The contact: the record of one call, as the store keeps it and the API shows it.
//! Only the words: the call fills them in step by step (`setup` to `ending`), what
//! caused its end is `termination.rs`.

use serde::{Deserialize, Serialize};

use crate::case::CaseNumber;
use crate::ids::{ContactId, RecordingId, UserId};
use crate::language::Language;
use crate::phone_number::PhoneNumber;
use crate::termination::Termination;
use crate::time::Timestamp;
use crate::verification::Asked;

/// A snapshot of the contact; the switchboard writes it whole at each change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Contact {
    pub id: ContactId,
    /// The caller's number as signalled; empty when withheld.
    pub caller: PhoneNumber,
    pub called: PhoneNumber,
    /// Name of the trunk, of the registered user for calls from our own phones, or `web` for calls from the web page.
    pub origin: String,
    pub sip_call_id: String,
    pub language: Option<Language>,
    pub topic: Option<String>,
    /// Dialplan nodes walked through, in order.
    pub ivr_path: Vec<String>,
    pub queue: Option<String>,
    pub operator: Option<UserId>,
    pub case: Option<CaseNumber>,
    pub recording: Option<RecordingId>,
    pub offered_at: Timestamp,
    pub answered_at: Option<Timestamp>,
    pub queued_at: Option<Timestamp>,
    /// An operator picked up.
    pub connected_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub termination: Option<Termination>,
    pub disposition: Option<Disposition>,
    /// Number to ring back, when the caller asked for it or left the queue.
    pub callback: Option<PhoneNumber>,
    /// Where a caller from the web page says to be reached. Not proven: rung by people who have looked at it only.
    #[serde(default)]
    pub stated_number: Option<PhoneNumber>,
    #[serde(default)]
    pub direction: Direction,
    /// Where the city rang to ask whether work is done.
    #[serde(default)]
    pub asked: Option<Asked>,
}

/// Who rang whom.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    #[default]
    Inbound,
    /// The city rang: `caller` is whom it rang, `called` the number it showed.
    Outbound,
}

impl Direction {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

impl Contact {
    /// A call that has just come: who calls whom and by which way, and nothing more yet.
    pub fn offered(
        id: ContactId,
        offered_at: Timestamp,
        caller: PhoneNumber,
        called: PhoneNumber,
        origin: String,
        sip_call_id: String,
    ) -> Self {
        Self {
            id,
            caller,
            called,
            origin,
            sip_call_id,
            language: None,
            topic: None,
            ivr_path: Vec::new(),
            queue: None,
            operator: None,
            case: None,
            recording: None,
            offered_at,
            answered_at: None,
            queued_at: None,
            connected_at: None,
            ended_at: None,
            termination: None,
            disposition: None,
            callback: None,
            stated_number: None,
            direction: Direction::Inbound,
            asked: None,
        }
    }

    /// How the contact ended when nobody says so. `informed`: the caller heard the answer to a question. `left_word`: the
    /// caller asked to be rung back, or was asked for a message.
    pub fn default_disposition(&self, informed: bool, left_word: bool) -> Disposition {
        // The city rang about a case that is there.
        if self.asked.is_some() {
            let answered = self.answered_at.is_some();
            return if answered { Disposition::CaseLinked } else { Disposition::Abandoned };
        }
        if self.connected_at.is_some() {
            // Connected without a queue: colleagues among themselves.
            let with_citizen = self.queued_at.is_some();
            return if with_citizen { Disposition::CaseCreated } else { Disposition::Consultation };
        }
        // Whoever got neither an operator nor the machine has given up.
        if self.queued_at.is_some() && !left_word {
            return Disposition::Abandoned;
        }
        if self.case.is_some() || self.callback.is_some() {
            return Disposition::CaseCreated;
        }
        match self.termination {
            Some(Termination::IvrHungUp) => Disposition::Consultation,
            Some(Termination::CallerHungUp) if informed => Disposition::Consultation,
            Some(Termination::CallerHungUp | Termination::CallerCancelled | Termination::NotAnswered)
            | None => Disposition::Abandoned,
            Some(_) => Disposition::Technical,
        }
    }
}

/// How the contact ended for the city; exactly one (DOMAIN.md, invariant 1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    CaseCreated,
    CaseLinked,
    Consultation,
    TransferredEmergency,
    Abandoned,
    Nuisance,
    Technical,
}

impl Disposition {
    pub const fn name(self) -> &'static str {
        match self {
            Self::CaseCreated => "case_created",
            Self::CaseLinked => "case_linked",
            Self::Consultation => "consultation",
            Self::TransferredEmergency => "transferred_emergency",
            Self::Abandoned => "abandoned",
            Self::Nuisance => "nuisance",
            Self::Technical => "technical",
        }
    }
}
