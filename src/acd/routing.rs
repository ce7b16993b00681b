//! Who gets the next call: the first caller of the line for whom an operator is ready, and of those operators one
//! who speaks the caller's language before one who does not, then the one idle longest.

use std::collections::BTreeMap;

use super::line::{Line, Waiting};
use super::operator::Operator;
use crate::ids::{ContactId, UserId};

/// The next pair to ring, or none while nobody fits anybody.
pub(super) fn next_offer(
    line: &Line,
    operators: &BTreeMap<UserId, Operator>,
    is_open_queue: impl Fn(&str) -> bool,
) -> Option<(ContactId, UserId)> {
    let ready: Vec<(&UserId, &Operator)> =
        operators.iter().filter(|(_, operator)| operator.is_ready()).collect();
    if ready.is_empty() {
        return None;
    }
    line.iter().filter(|waiting| waiting.offered_to.is_none()).find_map(|waiting| {
        // Callers left in a queue that was taken out of the configuration are anybody's.
        let orphaned = !is_open_queue(&waiting.entry.queue);
        let chosen = ready
            .iter()
            .filter(|(_, operator)| orphaned || operator.profile.queues.contains(&waiting.entry.queue))
            .filter(|(_, operator)| waiting.relaxed || speaks(operator, waiting))
            .min_by_key(|(user, operator)| (!speaks(operator, waiting), operator.idle_since, **user))?;
        Some((waiting.entry.contact, *chosen.0))
    })
}

fn speaks(operator: &Operator, waiting: &Waiting) -> bool {
    operator.profile.languages.contains(&waiting.entry.language)
}
