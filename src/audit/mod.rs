//! Audit engagements: an auditor's right to read and play, with a beginning, an end and a scope, given by somebody else.
//! What may be reached with one over HTTP is `web/access/engagement.rs`; how calls are drawn for it is `sample.rs`.

pub mod sample;

use serde::{Deserialize, Serialize};

use crate::ids::{EngagementId, UserId};
use crate::time::Timestamp;

/// Categories and queues in a scope, each; a city has fewer of both.
pub const MAX_NAMES: usize = 200;
/// Letters of a purpose: a paragraph of the order that begins the audit.
pub const MAX_PURPOSE_CHARS: usize = 1_000;
/// Longest engagement, days. An auditor of the house is given a new one each year.
pub const MAX_DAYS: u32 = 366;
const DAY_MICROS: i64 = 86_400_000_000;

/// Which calls. What is empty or missing narrows nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Of the case a call is on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<String>,
    /// Offered at this moment or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_from: Option<Timestamp>,
    /// Offered before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_until: Option<Timestamp>,
}

/// What a scope asks of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopedCall {
    pub offered_at: Timestamp,
    pub category: Option<String>,
    pub queue: Option<String>,
}

impl Scope {
    /// The whole city, at all times.
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    pub fn covers(&self, call: &ScopedCall) -> bool {
        let named = |names: &[String], name: Option<&String>| {
            names.is_empty() || name.is_some_and(|name| names.contains(name))
        };
        named(&self.categories, call.category.as_ref())
            && named(&self.queues, call.queue.as_ref())
            && self.calls_from.is_none_or(|from| from <= call.offered_at)
            && self.calls_until.is_none_or(|until| call.offered_at < until)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Engagement {
    pub id: EngagementId,
    pub auditor: UserId,
    pub from: Timestamp,
    /// The first moment at which nothing is allowed any more, unless it was closed before.
    pub until: Timestamp,
    pub scope: Scope,
    pub purpose: String,
    pub opened_by: UserId,
    pub opened_at: Timestamp,
    pub closed: Option<Closed>,
}

/// Ended before its time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closed {
    pub by: UserId,
    pub at: Timestamp,
    pub reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidEngagement {
    #[error("an engagement ends after it begins, and after now")]
    Ends,
    #[error("an engagement lasts {MAX_DAYS} days at most")]
    TooLong,
    #[error("the period of the calls ends after it begins")]
    Period,
    #[error("a scope names at most {MAX_NAMES} categories and as many queues")]
    TooManyNames,
    #[error("say what the engagement is for, in at most {MAX_PURPOSE_CHARS} characters")]
    Purpose,
    #[error("nobody opens an engagement for themselves")]
    Own,
    #[error("it is over already")]
    Over,
}

/// Where an engagement stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    NotYet,
    Running,
    Over,
}

impl Engagement {
    /// Checks what was asked for at `opened_at`.
    ///
    /// # Errors
    /// Why there can be no such engagement.
    pub fn open(self) -> Result<Self, InvalidEngagement> {
        if self.until <= self.from || self.until <= self.opened_at {
            return Err(InvalidEngagement::Ends);
        }
        if self.until.micros().saturating_sub(self.from.micros()) > i64::from(MAX_DAYS) * DAY_MICROS {
            return Err(InvalidEngagement::TooLong);
        }
        if self.scope.calls_from.zip(self.scope.calls_until).is_some_and(|(from, until)| until <= from) {
            return Err(InvalidEngagement::Period);
        }
        if self.scope.categories.len() > MAX_NAMES || self.scope.queues.len() > MAX_NAMES {
            return Err(InvalidEngagement::TooManyNames);
        }
        if self.purpose.trim().is_empty() || self.purpose.chars().count() > MAX_PURPOSE_CHARS {
            return Err(InvalidEngagement::Purpose);
        }
        if self.opened_by == self.auditor {
            return Err(InvalidEngagement::Own);
        }
        Ok(self)
    }

    /// Ends it before its time.
    ///
    /// # Errors
    /// `Over` when it has ended by itself or was closed.
    pub fn close(self, closed: Closed) -> Result<Self, InvalidEngagement> {
        if self.standing(closed.at) == Standing::Over {
            return Err(InvalidEngagement::Over);
        }
        Ok(Self { closed: Some(closed), ..self })
    }

    pub fn standing(&self, at: Timestamp) -> Standing {
        if at >= self.ends_at() {
            Standing::Over
        } else if at < self.from {
            Standing::NotYet
        } else {
            Standing::Running
        }
    }

    /// When it ends, or did.
    pub fn ends_at(&self) -> Timestamp {
        self.closed.as_ref().map_or(self.until, |closed| closed.at.min(self.until))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use uuid::Uuid;

    use super::*;

    pub(crate) fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_795_240_800_000_000 + seconds * 1_000_000)
    }

    /// From the tenth to the hundredth second, for user 1 by user 2.
    pub(crate) fn engagement() -> Engagement {
        Engagement {
            id: EngagementId(Uuid::from_u128(1)),
            auditor: UserId(Uuid::from_u128(1)),
            from: at(10),
            until: at(100),
            scope: Scope::default(),
            purpose: "yearly audit".to_owned(),
            opened_by: UserId(Uuid::from_u128(2)),
            opened_at: at(0),
            closed: None,
        }
    }

    fn closed(seconds: i64) -> Closed {
        Closed { by: UserId(Uuid::from_u128(2)), at: at(seconds), reason: "done".to_owned() }
    }

    #[test]
    fn it_runs_from_its_first_moment_to_before_its_last() {
        let engagement = engagement().open().unwrap();
        let standings = [9, 10, 99, 100].map(|seconds| engagement.standing(at(seconds)));
        assert_eq!(standings, [Standing::NotYet, Standing::Running, Standing::Running, Standing::Over]);
        let engagement = engagement.close(closed(50)).unwrap();
        assert_eq!(engagement.standing(at(49)), Standing::Running);
        assert_eq!(engagement.standing(at(50)), Standing::Over);
        assert_eq!(engagement.close(closed(51)), Err(InvalidEngagement::Over));
    }

    #[test]
    fn closed_before_it_began_it_never_runs() {
        let engagement = engagement().close(closed(5)).unwrap();
        assert_eq!(engagement.standing(at(50)), Standing::Over);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |change: fn(&mut Engagement)| {
            let mut engagement = engagement();
            change(&mut engagement);
            engagement.open().unwrap_err()
        };
        assert_eq!(refused(|it| it.until = it.from), InvalidEngagement::Ends);
        assert_eq!(refused(|it| it.opened_at = it.until), InvalidEngagement::Ends);
        assert_eq!(refused(|it| it.until = at(11 + 366 * 86_400)), InvalidEngagement::TooLong);
        assert_eq!(refused(|it| it.purpose = "  ".to_owned()), InvalidEngagement::Purpose);
        assert_eq!(refused(|it| it.purpose = "я".repeat(1_001)), InvalidEngagement::Purpose);
        assert_eq!(refused(|it| it.opened_by = it.auditor), InvalidEngagement::Own);
        assert_eq!(
            refused(|it| it.scope.queues = vec![String::new(); MAX_NAMES + 1]),
            InvalidEngagement::TooManyNames
        );
        assert_eq!(
            refused(|it| (it.scope.calls_from, it.scope.calls_until) = (Some(at(2)), Some(at(2)))),
            InvalidEngagement::Period
        );
        let mut longest = engagement();
        longest.until = at(10 + 366 * 86_400);
        assert!(longest.open().is_ok());
    }

    #[test]
    fn a_scope_covers_what_is_in_all_its_parts() {
        let call = ScopedCall { offered_at: at(5), category: Some("water".to_owned()), queue: None };
        assert!(Scope::default().covers(&call));
        let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(Scope { categories: of(&["heat", "water"]), ..Scope::default() }.covers(&call));
        assert!(!Scope { categories: of(&["heat"]), ..Scope::default() }.covers(&call));
        assert!(!Scope { queues: of(&["city"]), ..Scope::default() }.covers(&call));
        assert!(Scope { calls_from: Some(at(5)), ..Scope::default() }.covers(&call));
        assert!(!Scope { calls_until: Some(at(5)), ..Scope::default() }.covers(&call));
    }
}
