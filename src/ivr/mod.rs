//! Walking a dialplan with one caller: VoiceXML's words (`menu`, `no_input`, `no_match`, `barge_in`,
//! `inter_digit_timeout`), real-time machine form. The words that come in and go out are here, the machine
//! in `walk.rs`, what each node does in `enter.rs` and `order.rs`, digits in `collect.rs`, numbers and dates in
//! `spoken.rs`.

mod collect;
mod enter;
mod order;
mod outage;
mod simulate;
mod spoken;
mod walk;

use serde::{Deserialize, Serialize};

use crate::dialplan::PromptRef;
pub use crate::dialplan::node::{OrderStep, Verdict};
use crate::ids::{IncidentNumber, UserId};
use crate::language::Language;
use crate::phone_code::PhoneCode;
use crate::time::Timestamp;

pub use simulate::{Happening, InvalidInput, Line, SimulatedInput, Transcript, simulate, simulate_in};
pub use spoken::position_prompts;
pub use walk::Walk;

/// What the walk wants of the call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Play these one after the other, replacing what plays; tell the walk by `handle_play_finished`.
    PlayPrompt {
        prompts: Vec<PromptRef>,
    },
    StopPrompt,
    /// One step for the contact's trace and the journal.
    Step(Step),
    /// Look a fact up; answer with `handle_lookup` within the node's deadline.
    Lookup(Lookup),
    /// The applicant has answered whether the work is done.
    Answered(Verdict),
    /// The caller wants to be told when the incident is over, at the number typed or their own.
    Attach {
        incident: IncidentNumber,
        number: Option<String>,
    },
    /// The caller is an executor, and the call is about the case of their order: its register number.
    OrderOpened {
        case: String,
        by: UserId,
    },
    /// The walk is over.
    Leave(Exit),
}

/// A step of the walk as it is journalled (`ivr.` events).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    Entered {
        node: String,
    },
    /// `digits` is masked (`****`) where the node is marked secret.
    Digit {
        node: String,
        digits: String,
    },
    LanguageChosen {
        language: Language,
    },
    NoInput {
        node: String,
    },
    NoMatch {
        node: String,
    },
    TopicChosen {
        topic: String,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lookup {
    /// The open case of this caller with the register number typed (digits only).
    CaseStatus { number: String },
    /// Open cases of the caller's own number.
    OwnCases,
    /// The nearest open incident where the caller is, by `territory` or by what is known of their number.
    Incident {
        topic: Option<String>,
        territory: Option<String>,
        /// Those the caller has heard of.
        except: Vec<IncidentNumber>,
    },
    /// The open order of an executor who types its number (digits of the register number, or the last of them) and their
    /// own code.
    OpenOrder { number: String, code: PhoneCode },
    /// A step of the work on it.
    OrderStep { number: String, by: UserId, step: OrderStep },
}

/// An open incident, as far as it is spoken of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outage {
    pub incident: IncidentNumber,
    /// Topic of the IVR, if the category has one.
    pub topic: Option<String>,
    /// `failure`, `planned_works` and so on; others are not spoken of.
    pub cause: String,
    pub place: OutagePlace,
    /// When it should be over; not spoken of once it has passed.
    pub expected: Option<Timestamp>,
}

/// How the incident has the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutagePlace {
    Address,
    District,
    City,
}

/// Whom a walk asks, and about what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct About<'a> {
    /// Register number.
    pub case: &'a str,
    pub topic: Option<&'a str>,
    pub language: Language,
    /// The end of an incident is what they are told of.
    pub restored: bool,
}

/// The answer to a lookup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// `state` is the case state's name, e.g. `in_progress`; `due` its promised civil date (y, m, d).
    CaseStatus {
        state: String,
        due: Option<(i32, u32, u32)>,
    },
    Count(u32),
    Incident(Outage),
    /// There are incidents, and nobody knows where the caller is.
    PlaceUnknown,
    Order(Box<SpokenOrder>),
    /// The step was taken.
    StepTaken,
    /// "Done" is not believed without photos.
    NeedsPhotos,
    /// Too many wrong codes.
    Locked,
    NotFound,
    /// The store did not answer in time; the node's spoken fallback is taken.
    Failed,
}

/// An order as it is told to its executor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpokenOrder {
    /// Register number of the case, and its digits.
    pub case: String,
    pub number: String,
    /// The executor whose code it was.
    pub by: UserId,
    /// Topic of the IVR closest to the category, if there is one.
    pub topic: Option<String>,
    /// The address as a sound of its own; none where it could not be spoken.
    pub place: Option<PromptRef>,
    /// Promised civil date (y, m, d).
    pub due: Option<(i32, u32, u32)>,
}

/// How the walk ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Wait for an operator. `urgent` goes before all others (the life-safety key).
    Queue {
        queue: String,
        topic: Option<String>,
        urgent: bool,
    },
    /// Talk with whoever is on duty.
    Duty {
        roster: String,
        topic: Option<String>,
    },
    /// The caller wants to be rung back at this number (their own when none was typed).
    Callback {
        topic: Option<String>,
        number: Option<String>,
    },
    /// Record a message for at most this long, then hang up; a case is registered.
    Voicemail {
        topic: Option<String>,
        max_secs: u32,
    },
    Hangup,
}
