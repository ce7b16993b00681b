//! Where a walk is, so that another run goes on from there: the part under way, the last thing looked at in it, and what was
//! found so far. And what a later run may leave out: everything up to the head of an earlier one.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::{Finding, MAX_FINDINGS, Progress};
use crate::journal::Head;
use crate::store::StoreError;

/// What is looked at, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    #[default]
    Chain,
    Register,
    Incidents,
    /// What auditors noted.
    Findings,
    /// Legal holds, and what was destroyed.
    Erasures,
    Contacts,
    Recordings,
    /// Files that no row asks for.
    Files,
    Done,
}

impl Part {
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Chain => Self::Register,
            Self::Register => Self::Incidents,
            Self::Incidents => Self::Findings,
            Self::Findings => Self::Erasures,
            Self::Erasures => Self::Contacts,
            Self::Contacts => Self::Recordings,
            Self::Recordings => Self::Files,
            Self::Files | Self::Done => Self::Done,
        }
    }

    /// In words, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chain => "the journal's chain",
            Self::Register => "the register and its cases",
            Self::Incidents => "the incidents",
            Self::Findings => "the auditors' findings",
            Self::Erasures => "the legal holds and erasures",
            Self::Contacts => "the calls",
            Self::Recordings => "the recordings",
            Self::Files => "the files",
            Self::Done => "all parts",
        }
    }
}

/// What [`Store::verify`](crate::store::Store::verify) saw, and where it is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct VerifyReport {
    pub checked: Progress,
    /// The last entry that follows from all before it. Entries cut off at the end leave no trace in the chain:
    /// compare this with a head that was kept elsewhere.
    pub head: Head,
    /// The first 1,000.
    #[serde(skip)]
    pub findings: Vec<Finding>,
    /// What runs before this one found, in words; counted with the 1,000.
    pub earlier: Vec<String>,
    pub part: Part,
    /// The last thing looked at in this part, in its order; empty at its beginning.
    pub after: String,
    /// Entries up to here, and what no later entry tells of, were left out: an earlier run had looked at them.
    pub since: Head,
    /// The city records nothing, and says so in its configuration.
    #[serde(skip)]
    pub nothing_is_recorded: bool,
    /// Somebody wanted it to stop before its end.
    #[serde(skip)]
    pub is_interrupted: bool,
}

impl VerifyReport {
    /// Nothing was found.
    pub fn is_good(&self) -> bool {
        self.findings.is_empty() && self.earlier.is_empty()
    }

    pub fn is_whole(&self) -> bool {
        self.part == Part::Done
    }

    /// A run that looks only at what came after this one, which has to be whole.
    pub fn since(self) -> Self {
        Self { head: self.head, since: self.head, earlier: self.earlier, ..Self::default() }
    }

    /// All of it in words, the first first.
    pub fn in_words(&self) -> impl Iterator<Item = String> + '_ {
        self.earlier.iter().cloned().chain(self.findings.iter().map(ToString::to_string))
    }

    /// What the file of a state holds.
    pub fn to_keep(&self) -> Self {
        Self { earlier: self.in_words().collect(), findings: Vec::new(), ..self.clone() }
    }

    pub(in crate::store) fn add(&mut self, finding: Finding) {
        if self.findings.len() + self.earlier.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// A row that cannot be read is something found, not the end of the walk.
    pub(in crate::store) fn note<T>(&mut self, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(error @ StoreError::Corrupt { .. }) => {
                self.add(Finding::RowUnreadable(error.to_string()));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A page is done, and `after` its last place. True when the walk is to stop there.
    pub(in crate::store) fn stops(&mut self, after: String, watch: Watch<'_>) -> bool {
        self.after = after;
        self.is_interrupted = watch(self).is_break();
        self.is_interrupted
    }
}

/// Is shown the report after each page, and says whether to go on.
pub type Watch<'a> = &'a mut (dyn FnMut(&VerifyReport) -> ControlFlow<()> + Send);
