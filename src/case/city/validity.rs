//! Versions of norms in time: one id at a time in force, no day between two of them, and for every category a promise of
//! normal priority on every day from its first one on.

use chrono::NaiveDate;

use super::Category;
use super::reader::{Placed, Reader};
use crate::case::norm::{Norm, Validity};
use crate::case::routing::closeness;
use crate::case::{Clock, Priority};

/// The first day after `valid`; none when it has no end.
fn day_after(valid: Validity) -> Option<NaiveDate> {
    valid.to.and_then(|to| to.succ_opt())
}

/// The norms by their beginning; one without comes first.
fn by_beginning(mut norms: Vec<&Placed<Norm>>) -> Vec<&Placed<Norm>> {
    norms.sort_by_key(|norm| norm.value.valid.from);
    norms
}

/// Of one id one version is in force on a day, and between two versions there is no day without.
pub(super) fn check_versions(norms: &[Placed<Norm>], reader: &mut Reader<'_>) {
    let mut ids: Vec<&str> = norms.iter().map(|norm| norm.value.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let versions = by_beginning(norms.iter().filter(|norm| norm.value.id == id).collect());
        for pair in versions.windows(2) {
            let (earlier, later) = (&pair[0].value, &pair[1]);
            match (day_after(earlier.valid), later.value.valid.from) {
                (Some(after), Some(from)) if from == after => {}
                (Some(after), Some(from)) if from > after => {
                    let last = from.pred_opt().unwrap_or(from);
                    reader.complain(
                        later.offset,
                        format!("no version of the norm '{id}' is in force from {after} to {last}"),
                    );
                }
                _ => reader.complain(
                    later.offset,
                    format!(
                        "two versions of the norm '{id}' are in force on the same day: valid_from, valid_to"
                    ),
                ),
            }
            if earlier.clock != later.value.clock {
                reader.complain(
                    later.offset,
                    format!("the versions of the norm '{id}' run on different clocks"),
                );
            }
        }
    }
}

/// A promise for `category` on every day from its first one on, by the executor's clock; by the citizen's too, when the
/// city has norms of it.
pub(super) fn check_coverage(category: &Placed<Category>, norms: &[Placed<Norm>], reader: &mut Reader<'_>) {
    let id = &category.value.id;
    for clock in [Clock::Executor, Clock::Citizen] {
        let of_clock = |norm: &&Placed<Norm>| norm.value.clock == clock;
        if clock == Clock::Citizen && !norms.iter().any(|norm| of_clock(&norm)) {
            continue;
        }
        let applies = |norm: &&Placed<Norm>| {
            norm.value.priority == Priority::Normal && closeness(&norm.value.category, id).is_some()
        };
        let fitting = by_beginning(norms.iter().filter(of_clock).filter(applies).collect());
        let Some(first) = fitting.first() else {
            let kind = if clock == Clock::Executor { "norm" } else { "norm of the citizen's clock" };
            reader.complain(
                category.offset,
                format!("no {kind} of normal priority applies to category '{id}'"),
            );
            continue;
        };
        let mut covered_to = day_after(first.value.valid);
        for norm in &fitting {
            let joins = covered_to.zip(norm.value.valid.from).is_none_or(|(covered, from)| from <= covered);
            if joins {
                covered_to = match (covered_to, day_after(norm.value.valid)) {
                    (Some(covered), Some(after)) => Some(covered.max(after)),
                    _ => None,
                };
            }
        }
        if let Some(day) = covered_to {
            let clock = clock.name();
            reader.complain(
                category.offset,
                format!("from {day} on no norm of the {clock}'s clock applies to category '{id}'"),
            );
        }
    }
}
