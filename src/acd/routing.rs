//! Who gets the next call: the first caller of the line for whom an operator is ready, and of those operators one
//! who speaks the caller's language before one who does not, then the one whom the queue's strategy names.

use std::collections::{BTreeMap, HashMap};

use super::line::{Line, Waiting};
use super::operator::Operator;
use super::queue::Queue;
use super::strategy::{Circumstances, Strategy};
use crate::ids::{ContactId, UserId};

/// Phones that ring for one caller at most. More would not answer any sooner, and each is a call of its own.
pub(super) const MAX_RINGING_AT_ONCE: usize = 20;

/// The next pair to ring, or none while nobody fits anybody.
pub(super) fn next_offer(
    line: &Line,
    operators: &BTreeMap<UserId, Operator>,
    queues: &HashMap<String, Queue>,
) -> Option<(ContactId, UserId)> {
    let ready: Vec<&Operator> = operators.values().filter(|operator| operator.is_ready()).collect();
    if ready.is_empty() {
        return None;
    }
    line.iter().find_map(|waiting| {
        // Callers left in a queue that was taken out of the configuration are anybody's.
        let queue = queues.get(&waiting.entry.queue).filter(|queue| queue.open);
        let strategy = queue.map_or(Strategy::default(), |queue| queue.settings.strategy);
        if waiting.offered_to.len() >= phones_at_once(strategy, waiting) {
            return None;
        }
        let circumstances = Circumstances {
            contact: waiting.entry.contact,
            attempts: waiting.attempts,
            last_rung: queue.and_then(|queue| queue.last_rung),
        };
        let chosen = ready
            .iter()
            .filter(|operator| queue.is_none_or(|queue| fits(operator, waiting, queue)))
            .filter(|operator| waiting.relaxed || speaks(operator, waiting))
            .min_by_key(|operator| (!speaks(operator, waiting), strategy.rank(operator, circumstances)))?;
        Some((waiting.entry.contact, chosen.profile.user))
    })
}

const fn phones_at_once(strategy: Strategy, waiting: &Waiting) -> usize {
    match strategy {
        Strategy::RingAll => MAX_RINGING_AT_ONCE,
        Strategy::Progressive => waiting.phones_at_once,
        _ => 1,
    }
}

/// Serves the queue, and has each skill it asks for at the level that is still asked for.
fn fits(operator: &Operator, waiting: &Waiting, queue: &Queue) -> bool {
    operator.serves(&queue.settings.name)
        && queue.settings.skills.iter().all(|(skill, level)| {
            let level_of = operator.profile.skills.get(skill).copied().unwrap_or(0);
            level_of >= level.saturating_sub(waiting.levels_spared)
        })
}

fn speaks(operator: &Operator, waiting: &Waiting) -> bool {
    operator.profile.languages.contains(&waiting.entry.language)
}
