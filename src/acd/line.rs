//! The callers who wait, in the order they are served: urgent ones first, then who waits longest, those of a queue with
//! a head start as if they had come so much earlier. A caller keeps the place while an operator's phone rings for them.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::QueueEntry;
use crate::ids::{ContactId, UserId};

/// A place in the line; the order of its fields is the order of service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Place {
    /// False sorts first.
    patient: bool,
    /// Of the arrival, less the head start.
    since: Instant,
    /// Keeps the order of arrival within one moment.
    ticket: u64,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) entry: QueueEntry,
    pub(super) since: Instant,
    /// Is not on the line, and will be rung back.
    pub(super) is_absent: bool,
    /// Whose phones ring for this caller.
    pub(super) offered_to: Vec<UserId>,
    /// How many phones may ring at once where they are added one by one.
    pub(super) phones_at_once: usize,
    /// Phones rung so far.
    pub(super) attempts: u64,
    /// Any language will do.
    pub(super) relaxed: bool,
    /// So many levels less of each skill will do.
    pub(super) levels_spared: u8,
    /// The longest wait is over: leaves the line once no phone rings.
    pub(super) overdue: bool,
}

/// All waiting callers of all queues. Bounded by the queues' capacities.
#[derive(Debug, Default)]
pub(super) struct Line {
    places: HashMap<ContactId, Place>,
    waiting: BTreeMap<Place, Waiting>,
    tickets: u64,
}

impl Line {
    /// Adds a caller who came at `since`, and counts as having come `head_start` earlier still.
    pub(super) fn push(&mut self, entry: QueueEntry, head_start: Duration, since: Instant) -> &mut Waiting {
        self.tickets += 1;
        let counted = since.checked_sub(head_start).unwrap_or(since);
        let place = Place { patient: !entry.urgent, since: counted, ticket: self.tickets };
        self.places.insert(entry.contact, place);
        self.waiting.entry(place).or_insert(Waiting {
            entry,
            since,
            is_absent: false,
            offered_to: Vec::new(),
            phones_at_once: 1,
            attempts: 0,
            relaxed: false,
            levels_spared: 0,
            overdue: false,
        })
    }

    pub(super) fn remove(&mut self, contact: ContactId) -> Option<Waiting> {
        self.waiting.remove(&self.places.remove(&contact)?)
    }

    pub(super) fn contains(&self, contact: ContactId) -> bool {
        self.places.contains_key(&contact)
    }

    pub(super) fn find(&self, contact: ContactId) -> Option<&Waiting> {
        self.waiting.get(self.places.get(&contact)?)
    }

    pub(super) fn find_mut(&mut self, contact: ContactId) -> Option<&mut Waiting> {
        self.waiting.get_mut(self.places.get(&contact)?)
    }

    /// In the order of service.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.values()
    }

    pub(super) fn of_queue<'a>(&'a self, queue: &'a str) -> impl Iterator<Item = &'a Waiting> {
        self.iter().filter(move |waiting| waiting.entry.queue == queue)
    }
}
