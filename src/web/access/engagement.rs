//! What an auditor's engagement opens and when: the one place that holds an endpoint against it. An endpoint that is not
//! named here opens to whoever may see the whole city.

use crate::audit::{Engagement, ScopedCall, Standing};
use crate::time::Timestamp;

/// What an endpoint asks of an auditor who is bound by engagements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::web) enum Need {
    /// Nothing: it tells of the auditor alone.
    Nothing,
    /// That one runs: figures without anybody in them, and the engagement's own samples.
    Running,
    /// That the call in the address is in the scope of one that runs.
    Call,
    /// The same for the case.
    Case,
    /// That one runs; what is listed is narrowed to its scope where it is listed.
    Narrowed,
    /// That one runs whose scope is the whole city.
    Whole,
}

/// `path` as the table spells it.
pub(in crate::web) fn need(path: &str) -> Need {
    match path {
        "/api/v1/session"
        | "/api/v1/sessions"
        | "/api/v1/sessions/{id}"
        | "/api/v1/second-factor"
        | "/api/v1/second-factor/confirm"
        | "/api/v1/city"
        | "/api/v1/audit/engagements" => Need::Nothing,
        "/api/v1/queues" | "/api/v1/reports/weekly" | "/api/v1/reports/weekly/file" => Need::Running,
        "/api/v1/calls" | "/api/v1/cases" => Need::Narrowed,
        _ if path.starts_with("/api/v1/audit/") => Need::Running,
        _ if path.starts_with("/api/v1/calls/{id}") => Need::Call,
        _ if path.starts_with("/api/v1/cases/{number}") => Need::Case,
        _ => Need::Whole,
    }
}

/// How far somebody sees.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::web) enum Reach {
    /// As far as the role.
    #[default]
    Role,
    /// The engagements that run; at least one.
    Within(Vec<Engagement>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(in crate::web) enum NotEngaged {
    #[error("there is no audit engagement for you: the administrator or the records office opens one")]
    Never,
    #[error("your audit engagement begins at {0}")]
    NotYet(Timestamp),
    #[error("your audit engagement ended at {0}")]
    Over(Timestamp),
    #[error("this is outside the scope of your audit engagement")]
    Outside,
}

impl NotEngaged {
    /// The last part of the problem type.
    pub(in crate::web) const fn name(self) -> &'static str {
        match self {
            Self::Never => "engagement_missing",
            Self::NotYet(_) => "engagement_not_yet",
            Self::Over(_) => "engagement_over",
            Self::Outside => "engagement_outside",
        }
    }
}

/// How far an auditor sees at `at`, who was given `engagements`. Whoever was given one is bound by it, also when it is over;
/// whoever never was is bound where the city's rule says so.
pub(in crate::web) fn reach(
    engagements: Vec<Engagement>,
    required: bool,
    at: Timestamp,
) -> Result<Reach, NotEngaged> {
    if engagements.is_empty() {
        return if required { Err(NotEngaged::Never) } else { Ok(Reach::Role) };
    }
    let coming = engagements.iter().filter(|it| it.standing(at) == Standing::NotYet).map(|it| it.from).min();
    let ended = engagements.iter().map(Engagement::ends_at).filter(|ended| *ended <= at).max();
    let running: Vec<_> = engagements.into_iter().filter(|it| it.standing(at) == Standing::Running).collect();
    match (running.is_empty(), coming, ended) {
        (false, ..) => Ok(Reach::Within(running)),
        (true, Some(from), _) => Err(NotEngaged::NotYet(from)),
        (true, None, ended) => Err(NotEngaged::Over(ended.unwrap_or(at))),
    }
}

impl Reach {
    pub(in crate::web) fn is_whole(&self) -> bool {
        match self {
            Self::Role => true,
            Self::Within(engagements) => engagements.iter().any(|it| it.scope.is_whole()),
        }
    }

    pub(in crate::web) fn covers(&self, call: &ScopedCall) -> bool {
        match self {
            Self::Role => true,
            Self::Within(engagements) => engagements.iter().any(|it| it.scope.covers(call)),
        }
    }

    /// When the last of what is open now ends; none where nothing does.
    pub(in crate::web) fn ends_at(&self) -> Option<Timestamp> {
        match self {
            Self::Role => None,
            Self::Within(engagements) => engagements.iter().map(Engagement::ends_at).max(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::audit::tests::{at, engagement};

    #[test]
    fn nobody_is_bound_who_was_never_engaged_unless_the_city_says_so() {
        assert_eq!(reach(Vec::new(), false, at(1)), Ok(Reach::Role));
        assert_eq!(reach(Vec::new(), true, at(1)), Err(NotEngaged::Never));
    }

    #[test]
    fn who_was_engaged_stays_bound_by_it() {
        let reached = |seconds| reach(vec![engagement()], false, at(seconds));
        assert_eq!(reached(9), Err(NotEngaged::NotYet(at(10))));
        assert_eq!(reached(10), Ok(Reach::Within(vec![engagement()])));
        assert_eq!(reached(10).unwrap().ends_at(), Some(at(100)));
        assert_eq!(reached(100), Err(NotEngaged::Over(at(100))));
    }

    #[test]
    fn what_is_over_gives_way_to_what_comes_and_to_what_runs() {
        let mut second = engagement();
        (second.from, second.until) = (at(200), at(300));
        let both = vec![engagement(), second.clone()];
        assert_eq!(reach(both.clone(), false, at(150)), Err(NotEngaged::NotYet(at(200))));
        assert_eq!(reach(both, false, at(250)), Ok(Reach::Within(vec![second])));
    }
}
