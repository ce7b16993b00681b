//! When the next attempt may be made: after its rest, in permitted hours, and never so that too few attempts are left for
//! the days the city's rule demands.

use std::collections::BTreeSet;

use super::{Attempt, Inquiry, Outcome, Policy};
use crate::time::Timestamp;

/// The earliest moment for the next attempt, not before `at`; none when there will be none.
///
/// "Three attempts on two days" lets two of them fall on the first day: the third waits for another. An attempt that
/// ended with an operator is not repeated on the same day: the operator may have heard the answer.
pub fn next_attempt(policy: &Policy, inquiry: &Inquiry, at: Timestamp) -> Option<Timestamp> {
    let last = inquiry.attempts.last();
    let mut rested =
        last.map_or(at, |last| last.ended_at.unwrap_or(last.at).plus(rest_after(policy, last)).max(at));
    if let Some(last) = last.filter(|last| last.outcome == Some(Outcome::Operator)) {
        rested = rested.max(next_day(policy, last.at)?);
    }
    attempt_from(policy, inquiry, rested)
}

/// The same without any rest, for somebody who does not want to wait.
pub(super) fn attempt_from(policy: &Policy, inquiry: &Inquiry, at: Timestamp) -> Option<Timestamp> {
    if inquiry.over(policy).is_some() {
        return None;
    }
    let attempts = &inquiry.attempts;
    let mut moment = policy.hours.next_opening(at)?;
    let left = policy.attempts.saturating_sub(attempts.len() + 1);
    let mut days: BTreeSet<_> = attempts.iter().map(|attempt| policy.hours.date_of(attempt.at)).collect();
    if left >= policy.on_days.min(policy.attempts).saturating_sub(days.len()) {
        return Some(moment);
    }
    // Every attempt that is left must bring a day that had none.
    while !days.insert(policy.hours.date_of(moment)) {
        moment = next_day(policy, moment)?;
    }
    Some(moment)
}

/// The first permitted moment of a later day.
fn next_day(policy: &Policy, at: Timestamp) -> Option<Timestamp> {
    policy.hours.next_opening(policy.hours.end_of(policy.hours.date_of(at)).max(at))
}

fn rest_after(policy: &Policy, attempt: &Attempt) -> std::time::Duration {
    match attempt.outcome {
        Some(Outcome::Busy) => policy.retry_busy,
        _ => policy.retry_after,
    }
}
