//! What has been kept long enough by the city's rules: cases by the time since they were closed, calls without a case by
//! the time since they ended. It lists; who decides is the program's own watch (`app/eraser.rs`).

use std::time::Duration;

use crate::case::city::CityPlan;
use crate::case::norm::Term;
use crate::case::retention::{Contents, RetentionRule};
use crate::time::Timestamp;

use super::erasures::Kept;
use super::holds::Subject;
use super::{Store, StoreError};

/// Cases or calls of one page: each is one step in an index.
pub const LOOKED_AT: u32 = 200;
/// Of the shortest month.
const DAYS_OF_MONTH: u32 = 28;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Something whose time is up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    pub kept: Kept,
    pub what: Contents,
    /// By its id, and its version.
    pub rule: (String, u32),
}

/// Where a walk through all that is kept stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum DueWalk {
    #[default]
    Beginning,
    Cases(Kept),
    CallsBegin,
    Calls(Kept),
}

impl Store {
    /// The next page of what is due at `at`, at most `limit`, held things among it; and where the walk goes on. None at
    /// its end, and where the city has no rules.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn retention_due(
        &self,
        city: &CityPlan,
        walk: DueWalk,
        at: Timestamp,
        limit: usize,
    ) -> Result<(Vec<Due>, Option<DueWalk>), StoreError> {
        let mut found = Vec::new();
        let (is_of_cases, after) = match walk {
            DueWalk::Beginning => (true, None),
            DueWalk::Cases(after) => (true, Some(after)),
            DueWalk::CallsBegin => (false, None),
            DueWalk::Calls(after) => (false, Some(after)),
        };
        let page = match (is_of_cases, over_before(city, is_of_cases, at)) {
            (_, None) => Vec::new(),
            (true, Some(before)) => self.kept_cases(after.as_ref(), before, LOOKED_AT).await?,
            (false, Some(before)) => self.kept_calls(after.as_ref(), before, LOOKED_AT).await?,
        };
        let is_last = page.len() < LOOKED_AT as usize;
        let mut last = None;
        for kept in page {
            if found.len() >= limit {
                return Ok((found, last.map(if is_of_cases { DueWalk::Cases } else { DueWalk::Calls })));
            }
            last = Some(kept.clone());
            found.extend(due_of(city, kept, at));
        }
        let next = match (is_of_cases, last.filter(|_| !is_last)) {
            (true, Some(last)) => Some(DueWalk::Cases(last)),
            (true, None) => Some(DueWalk::CallsBegin),
            (false, last) => last.map(DueWalk::Calls),
        };
        Ok((found, next))
    }
}

/// Before this moment something was over that could be due at `at`; none when no rule is about it.
fn over_before(city: &CityPlan, is_of_cases: bool, at: Timestamp) -> Option<Timestamp> {
    let terms = |rule: &RetentionRule| match is_of_cases {
        true => [rule.recordings, rule.photos, rule.words],
        false => [rule.calls_without_case, None, None],
    };
    let days = city.retention_rules().iter().flat_map(terms).flatten().map(|term| match term {
        Term::Days(days) => days,
        Term::Months(months) => months.saturating_mul(DAYS_OF_MONTH),
        Term::Open(_) | Term::WorkingDays(_) => 0,
    });
    let micros = i64::try_from((DAY * days.min()?).as_micros()).unwrap_or(i64::MAX);
    Some(Timestamp::from_micros(at.micros().saturating_sub(micros)))
}

/// What of one case or call has been kept long enough.
fn due_of(city: &CityPlan, kept: Kept, at: Timestamp) -> Option<Due> {
    let (rule, due) = match kept.subject {
        Subject::Case(_) => {
            let rule = city.retention_rule(&kept.category)?;
            (rule, rule.due(kept.over_at, at))
        }
        Subject::Call(_) => {
            let rule = city.retention_of_calls()?;
            (rule, rule.due_of_call(kept.over_at, at))
        }
    };
    let what: Contents = due.difference(&kept.erased).copied().collect();
    (!what.is_empty()).then(|| Due { kept, what, rule: (rule.id.clone(), rule.version) })
}
