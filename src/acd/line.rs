//! The callers who wait, in the order they are served: urgent ones first, then who waits longest.
//! A caller keeps the place while an operator's phone rings for them.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use super::QueueEntry;
use crate::ids::{ContactId, UserId};

/// A place in the line; the order of its fields is the order of service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Place {
    /// False sorts first.
    patient: bool,
    since: Instant,
    /// Keeps the order of arrival within one moment.
    ticket: u64,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) entry: QueueEntry,
    pub(super) since: Instant,
    /// Whose phone rings for this caller.
    pub(super) offered_to: Option<UserId>,
    /// Any language will do.
    pub(super) relaxed: bool,
}

/// All waiting callers of all queues. Bounded by the queues' capacities.
#[derive(Debug, Default)]
pub(super) struct Line {
    places: HashMap<ContactId, Place>,
    waiting: BTreeMap<Place, Waiting>,
    tickets: u64,
}

impl Line {
    pub(super) fn push(&mut self, entry: QueueEntry, relaxed: bool, now: Instant) {
        self.tickets += 1;
        let place = Place { patient: !entry.urgent, since: now, ticket: self.tickets };
        self.places.insert(entry.contact, place);
        self.waiting.insert(place, Waiting { entry, since: now, offered_to: None, relaxed });
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
