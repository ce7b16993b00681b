//! Walking a dialplan with one caller: VoiceXML's words (`menu`, `no_input`, `no_match`, `barge_in`,
//! `inter_digit_timeout`), real-time machine form.

use serde::{Deserialize, Serialize};

use crate::dialplan::PromptRef;
use crate::language::Language;

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
    NotFound,
    /// The store did not answer in time; the node's spoken fallback is taken.
    Failed,
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

/// One caller's walk through one dialplan.
#[derive(Debug)]
pub struct Walk {}

impl Walk {
    /// Starts at the dialplan's first node. `caller` is the number as signalled (withheld numbers are empty).
    pub fn new(
        _plan: std::sync::Arc<crate::dialplan::Dialplan>,
        _caller: &crate::phone_number::PhoneNumber,
        _now: crate::time::Now,
    ) -> Self {
        todo!()
    }

    pub fn handle_digit(&mut self, _digit: crate::dtmf::Digit, _now: crate::time::Now) {
        todo!()
    }

    /// The prompts of the last [`Output::PlayPrompt`] were played to their end.
    pub fn handle_play_finished(&mut self, _now: crate::time::Now) {
        todo!()
    }

    pub fn handle_lookup(&mut self, _answer: Answer, _now: crate::time::Now) {
        todo!()
    }

    pub fn handle_timeout(&mut self, _now: crate::time::Now) {
        todo!()
    }

    pub fn poll_timeout(&self) -> Option<std::time::Instant> {
        todo!()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        todo!()
    }

    /// The language in force: the dialplan's first until one is chosen.
    pub fn language(&self) -> Language {
        todo!()
    }
}
pub fn position_prompts(_position: usize, _language: Language) -> Vec<PromptRef> {
    todo!()
}
impl Walk {
    pub fn handle_queue_full(&mut self, _now: crate::time::Now) {
        todo!()
    }
}
