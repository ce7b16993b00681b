//! The dialplan of one public number: TOML text -> named nodes of closed kinds, with every exit spelt out.
//! The grammar for its authors is `dialplans/README.md`; walking it is `ivr/`.

use crate::language::Language;

/// A prompt by id in a language; texts and recordings are found by it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PromptRef {
    pub id: String,
    pub language: Language,
}

/// A parsed and checked dialplan.
#[derive(Debug)]
pub struct Dialplan {}

impl Dialplan {
    /// Parses and checks `text`; `file` names it in the diagnostics. Everything wrong is listed, not only the first.
    pub fn parse(_file: &str, _text: &str) -> Result<Self, Vec<crate::diagnostic::Diagnostic>> {
        todo!()
    }

    /// Every prompt this plan may play, dynamic ones (digits, positions, states, dates) included, per language.
    pub fn prompts(&self) -> Vec<PromptRef> {
        todo!()
    }

    pub fn languages(&self) -> &[Language] {
        todo!()
    }

    /// Names of the queues the plan sends callers to.
    pub fn queues(&self) -> Vec<&str> {
        todo!()
    }
}
