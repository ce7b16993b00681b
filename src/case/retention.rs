//! How long what is known of a case is kept after it was closed: what there is to destroy, and the city's rules about it.
//! Their numbers are `[[retention]]` of the city plan (`city/retention.rs` reads them); what destroying does to a case is
//! `erasing.rs`. Without a rule nothing is ever destroyed by itself.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::norm::Term;
use crate::calendar::Calendar;
use crate::time::Timestamp;

/// What can be destroyed by itself. The names are those of the plan, the API and the journal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// The sound of all calls of the case.
    Recordings,
    /// Pictures from the applicant and of the work.
    Photos,
    /// Who the applicant is, what they said and wrote, and what tells either: numbers, names, messages, codes, SIP messages.
    Words,
}

impl Content {
    pub const ALL: [Self; 3] = [Self::Recordings, Self::Photos, Self::Words];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Recordings => "recordings",
            Self::Photos => "photos",
            Self::Words => "words",
        }
    }

    /// The bit by which rows are found.
    pub const fn bit(self) -> i64 {
        match self {
            Self::Recordings => 1,
            Self::Photos => 2,
            Self::Words => 4,
        }
    }
}

/// Some of it.
pub type Contents = BTreeSet<Content>;

/// The row's bits as what they stand for.
pub fn of_bits(bits: i64) -> Contents {
    Content::ALL.into_iter().filter(|content| bits & content.bit() != 0).collect()
}

pub fn to_bits(contents: &Contents) -> i64 {
    contents.iter().map(|content| content.bit()).sum()
}

/// How long what of a category is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RetentionRule {
    pub id: String,
    /// Counted up by the city with each change: what was destroyed names it.
    pub version: u32,
    /// A category id, a parent of categories, or `*`.
    pub category: String,
    /// From the closing; what has no term is kept for good.
    pub recordings: Option<Term>,
    pub photos: Option<Term>,
    pub words: Option<Term>,
    /// Of calls that no case came from, from their end: sound and numbers.
    pub calls_without_case: Option<Term>,
    /// The city's clock.
    pub clock: Calendar,
}

impl RetentionRule {
    const fn term(&self, content: Content) -> Option<Term> {
        match content {
            Content::Recordings => self.recordings,
            Content::Photos => self.photos,
            Content::Words => self.words,
        }
    }

    /// What of a case closed at `closed_at` has been kept long enough at `at`.
    pub fn due(&self, closed_at: Timestamp, at: Timestamp) -> Contents {
        let is_due = |content: &Content| self.is_over(self.term(*content), closed_at, at);
        Content::ALL.into_iter().filter(is_due).collect()
    }

    /// The same of a call without a case that ended at `ended_at`: it has no photos.
    pub fn due_of_call(&self, ended_at: Timestamp, at: Timestamp) -> Contents {
        let is_over = self.is_over(self.calls_without_case, ended_at, at);
        if is_over { Contents::from([Content::Recordings, Content::Words]) } else { Contents::new() }
    }

    fn is_over(&self, term: Option<Term>, from: Timestamp, at: Timestamp) -> bool {
        term.and_then(|term| term.end(from, &self.clock, false)).is_some_and(|end| end < at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_utc(chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc())
    }

    #[test]
    fn each_part_goes_on_the_day_after_its_own_term() {
        let rule = RetentionRule {
            id: "default".to_owned(),
            version: 3,
            category: "*".to_owned(),
            recordings: Some(Term::Days(30)),
            photos: Some(Term::Months(2)),
            words: None,
            calls_without_case: Some(Term::Days(1)),
            clock: Calendar::always("Europe/Kyiv").unwrap(),
        };
        let closed_at = at("2026-03-01T10:00:00+02:00");
        for (moment, due) in [
            ("2026-03-31T23:59:59+03:00", vec![]),
            ("2026-04-01T00:00:01+03:00", vec![Content::Recordings]),
            ("2026-05-02T00:00:01+03:00", vec![Content::Recordings, Content::Photos]),
            ("2099-01-01T00:00:00+02:00", vec![Content::Recordings, Content::Photos]),
        ] {
            assert_eq!(rule.due(closed_at, at(moment)).into_iter().collect::<Vec<_>>(), due, "{moment}");
        }
        assert_eq!(rule.due_of_call(closed_at, at("2026-03-02T23:00:00+02:00")), Contents::new());
        assert_eq!(rule.due_of_call(closed_at, at("2026-03-03T00:00:01+02:00")).len(), 2);
    }

    #[test]
    fn bits_and_names_say_the_same() {
        for bits in 0..8 {
            assert_eq!(to_bits(&of_bits(bits)), bits);
        }
        for content in Content::ALL {
            assert_eq!(serde_json::to_value(content).unwrap(), content.name());
        }
    }
}
