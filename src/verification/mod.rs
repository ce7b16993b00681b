//! Applicants who are to be asked by telephone whether what was reported done is done: who, when, how often. One applicant is
//! asked about one case in one call; one number is never rung twice at once, so many are at the same time, only in permitted hours,
//! as often and on as many days as the city plan's `[verify]` says. Ringing is `call/verification.rs`; which case is to be
//! asked about at all, and what was tried before, the store tells again and again: nothing is kept here that is not there.

mod list;
mod schedule;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::case::CaseNumber;
use crate::ids::ContactId;
use crate::language::Language;
use crate::phone_number::PhoneNumber;
use crate::time::Timestamp;

pub use list::Verifications;
pub use schedule::next_attempt;

/// Cases asked about at the same time, the longest waiting first; later ones wait in the store. A city of three million
/// cases a year closes 8,000 on a day.
pub const MAX_INQUIRIES: usize = 10_000;

/// An applicant of a case: its own, or one who came with a case that was merged into it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Recipient {
    pub case: CaseNumber,
    /// The merged case they came with; none is the case's own applicant.
    pub whom: Option<CaseNumber>,
}

/// One applicant of one case who is to be asked, as the store tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inquiry {
    pub recipient: Recipient,
    /// It is the end of an incident that they are told of.
    pub restored: bool,
    /// When the evidence was accepted. Work that was returned and done again is asked about anew.
    pub since: Timestamp,
    pub language: Language,
    /// Topic of the IVR that leads to the case's category, if there is one: what the call is about, in a word.
    pub topic: Option<String>,
    /// None where the applicant left none that can be dialled.
    pub number: Option<PhoneNumber>,
    /// Of this asking only, the oldest first.
    pub attempts: Vec<Attempt>,
    /// Whoever has this number wants no such calls.
    pub refuses_calls: bool,
    /// Control has given up asking.
    pub given_up: bool,
    /// Somebody has the answer already: from the page, or told to the city's staff.
    pub answered: bool,
}

/// One call that was to ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    pub contact: ContactId,
    pub at: Timestamp,
    /// None while it is not known.
    pub outcome: Option<Outcome>,
    /// None while the call goes on; rests begin here.
    pub ended_at: Option<Timestamp>,
}

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// "It is fixed."
    Confirmed,
    /// "It is not."
    Refuted,
    /// Wants no such calls any more.
    NoMoreCalls,
    /// Heard the result, and said nothing about it.
    Heard,
    /// Wanted an operator.
    Operator,
    /// Somebody or something answered, and neither spoke nor pressed a key.
    Silent,
    /// A machine answered, and has the message.
    Machine,
    /// Was not told: hung up before the result was said.
    HungUp,
    Busy,
    NoAnswer,
    /// No line out that takes the number, or the far network could not reach it.
    Unreachable,
    /// The program or the line broke off.
    Interrupted,
}

/// What the record of a call says that was to ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Asked {
    /// None until it is known.
    pub outcome: Option<Outcome>,
    /// When it was said, in milliseconds from the first sample of the recording.
    pub offset_ms: Option<u64>,
}

impl Outcome {
    pub const ALL: [Self; 12] = [
        Self::Confirmed,
        Self::Refuted,
        Self::NoMoreCalls,
        Self::Heard,
        Self::Operator,
        Self::Silent,
        Self::Machine,
        Self::HungUp,
        Self::Busy,
        Self::NoAnswer,
        Self::Unreachable,
        Self::Interrupted,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
            Self::NoMoreCalls => "no_more_calls",
            Self::Heard => "heard",
            Self::Operator => "operator",
            Self::Silent => "silent",
            Self::Machine => "machine",
            Self::HungUp => "hung_up",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Unreachable => "unreachable",
            Self::Interrupted => "interrupted",
        }
    }

    /// What the applicant said about the work.
    pub const fn confirmed(self) -> Option<bool> {
        match self {
            Self::Confirmed => Some(true),
            Self::Refuted => Some(false),
            _ => None,
        }
    }

    /// Whether the applicant knows the result now. A message left on a machine tells them where the city says so.
    pub const fn is_told(self, machine_counts: bool) -> bool {
        match self {
            Self::Confirmed | Self::Refuted | Self::NoMoreCalls | Self::Heard | Self::Operator => true,
            Self::Machine => machine_counts,
            _ => false,
        }
    }

    /// Nothing is left to ask.
    pub const fn settles(self) -> bool {
        matches!(self, Self::Confirmed | Self::Refuted | Self::NoMoreCalls)
    }
}

/// The city's rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// When applicants may be rung; its zone is that of the days.
    pub hours: Calendar,
    /// Attempts in all, at least 1.
    pub attempts: usize,
    /// Different days on which they are made, at least 1.
    pub on_days: usize,
    /// From an attempt to the next, when the line was busy.
    pub retry_busy: std::time::Duration,
    /// The same after any other end.
    pub retry_after: std::time::Duration,
    /// From a call to the next with the same number about another case.
    pub between_cases: std::time::Duration,
    /// Calls at the same time.
    pub at_once: usize,
}

/// Why nobody asks any more, or not now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum NotAsked {
    #[error("the applicants are not rung by the program")]
    Off,
    #[error("the case is not waiting for its applicant's answer")]
    Unknown,
    #[error("the applicant is being rung")]
    Ringing,
    #[error("the applicant has answered")]
    Answered,
    #[error("the applicant left no number that can be dialled")]
    NoNumber,
    #[error("the applicant wants no such calls")]
    NoMoreCalls,
    #[error("asking was given up")]
    GivenUp,
    #[error("the attempts are used up")]
    UsedUp,
    #[error("nobody may be rung at this hour")]
    OutsideHours,
    #[error("this number is being rung about another case")]
    LineBusy,
    #[error("the attempts that are left must be made on another day")]
    AnotherDay,
}

impl Inquiry {
    pub const fn case(&self) -> &CaseNumber {
        &self.recipient.case
    }

    /// The number under which the applicant knows the matter.
    pub fn known_as(&self) -> &CaseNumber {
        self.recipient.whom.as_ref().unwrap_or(&self.recipient.case)
    }

    /// Why there will be no further call; none while there may be one.
    pub fn over(&self, policy: &Policy) -> Option<NotAsked> {
        let outcomes = || self.attempts.iter().filter_map(|attempt| attempt.outcome);
        if self.answered || outcomes().any(|outcome| outcome.confirmed().is_some()) {
            Some(NotAsked::Answered)
        } else if self.given_up {
            Some(NotAsked::GivenUp)
        } else if self.refuses_calls || outcomes().any(|outcome| outcome == Outcome::NoMoreCalls) {
            Some(NotAsked::NoMoreCalls)
        } else if self.number.is_none() {
            Some(NotAsked::NoNumber)
        } else if self.attempts.len() >= policy.attempts {
            Some(NotAsked::UsedUp)
        } else {
            None
        }
    }
}

/// The number to ring about a case: E.164 or national, of 3 to 15 digits. None for who withheld it, for names of extensions
/// and for anything that a trunk could not dial.
pub fn diallable(number: Option<&PhoneNumber>) -> Option<PhoneNumber> {
    let number = number.filter(|number| !number.is_withheld())?;
    let digits = number.as_str().strip_prefix('+').unwrap_or(number.as_str());
    let fits = (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| number.clone())
}
