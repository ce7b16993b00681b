//! The languages a citizen may be served in.
//! A closed list: a new one needs prompts (`dialplans/prompts`), word order (`ivr/spoken.rs`) and a voice
//! (`speech/`). The language of the pages is not meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A language of service, by its ISO 639-1 code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Uk,
    En,
    Lt,
    Pl,
    Ru,
    He,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown language '{0}': one of uk, en, lt, pl, ru, he")]
pub struct UnknownLanguage(pub String);

impl Language {
    pub const ALL: [Self; 6] = [Self::Uk, Self::En, Self::Lt, Self::Pl, Self::Ru, Self::He];

    pub const fn code(self) -> &'static str {
        match self {
            Self::Uk => "uk",
            Self::En => "en",
            Self::Lt => "lt",
            Self::Pl => "pl",
            Self::Ru => "ru",
            Self::He => "he",
        }
    }

    pub const fn is_right_to_left(self) -> bool {
        matches!(self, Self::He)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|language| language.code() == text)
            .ok_or_else(|| UnknownLanguage(text.to_owned()))
    }
}
