//! All transactions by number, and every way to find one without looking at all: by key, by flow, by
//! deadline. Owns the bound.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use super::key::{Key, MergeKey};
use super::machine::{Machine, Transaction};
use super::{IN_DIALOG_RESERVE, MAX_TRANSACTIONS};
use crate::sip::message::Flow;

#[derive(Debug, Default)]
pub(super) struct Table {
    entries: HashMap<u64, Entry>,
    by_key: HashMap<Key, u64>,
    by_merge_key: HashMap<MergeKey, u64>,
    by_flow: HashMap<Flow, BTreeSet<u64>>,
    deadlines: BTreeSet<(Instant, u64)>,
}

#[derive(Debug)]
struct Entry {
    transaction: Transaction,
    key: Key,
    merge_key: Option<MergeKey>,
    flow: Flow,
    /// Its place in `deadlines`.
    scheduled: Option<Instant>,
}

/// Who asks for a place in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Claim {
    OutOfDialog,
    /// BYE and its like may use the reserve: a full table must not keep calls from ending.
    InDialog,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Nothing is left in any index.
    #[cfg(test)]
    pub(super) fn is_blank(&self) -> bool {
        self.entries.is_empty()
            && self.by_key.is_empty()
            && self.by_merge_key.is_empty()
            && self.by_flow.is_empty()
            && self.deadlines.is_empty()
    }

    pub(super) fn has_room(&self, claim: Claim) -> bool {
        let limit = match claim {
            Claim::OutOfDialog => MAX_TRANSACTIONS - IN_DIALOG_RESERVE,
            Claim::InDialog => MAX_TRANSACTIONS,
        };
        self.len() < limit
    }

    pub(super) fn insert(&mut self, id: u64, transaction: Transaction, key: Key, flow: Flow) {
        self.by_key.insert(key.clone(), id);
        self.by_flow.entry(flow).or_default().insert(id);
        self.entries.insert(id, Entry { transaction, key, merge_key: None, flow, scheduled: None });
        self.settle(id);
    }

    /// Lets requests merged with this one be recognised.
    pub(super) fn guard(&mut self, id: u64, merge_key: MergeKey) {
        if let Some(entry) = self.entries.get_mut(&id) {
            self.by_merge_key.insert(merge_key.clone(), id);
            entry.merge_key = Some(merge_key);
        }
    }

    pub(super) fn unguard(&mut self, id: u64) {
        if let Some(merge_key) = self.entries.get_mut(&id).and_then(|entry| entry.merge_key.take()) {
            self.by_merge_key.remove(&merge_key);
        }
    }

    pub(super) fn find(&self, key: &Key) -> Option<u64> {
        self.by_key.get(key).copied()
    }

    pub(super) fn is_merged(&self, merge_key: &MergeKey) -> bool {
        self.by_merge_key.contains_key(merge_key)
    }

    pub(super) fn transaction(&mut self, id: u64) -> Option<&mut Transaction> {
        self.entries.get_mut(&id).map(|entry| &mut entry.transaction)
    }

    pub(super) fn flow(&self, id: u64) -> Option<Flow> {
        self.entries.get(&id).map(|entry| entry.flow)
    }

    /// To be called after each step of a transaction: moves its deadline, or forgets it when it has ended.
    pub(super) fn settle(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let wanted = if entry.transaction.is_terminated() { None } else { entry.transaction.poll_timeout() };
        if entry.scheduled != wanted {
            if let Some(at) = entry.scheduled {
                self.deadlines.remove(&(at, id));
            }
            if let Some(at) = wanted {
                self.deadlines.insert((at, id));
            }
            entry.scheduled = wanted;
        }
        if entry.transaction.is_terminated() {
            self.remove(id);
        }
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.unguard(id);
        let Some(entry) = self.entries.remove(&id) else { return };
        if let Some(at) = entry.scheduled {
            self.deadlines.remove(&(at, id));
        }
        self.by_key.remove(&entry.key);
        self.leave(id, &entry.flow);
    }

    /// Takes a transaction out of the index of a flow.
    fn leave(&mut self, id: u64, flow: &Flow) {
        if let Some(ids) = self.by_flow.get_mut(flow) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_flow.remove(flow);
            }
        }
    }

    /// The peer of a transaction has come to another flow.
    pub(super) fn move_to(&mut self, id: u64, flow: Flow) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let left = std::mem::replace(&mut entry.flow, flow);
        self.leave(id, &left);
        self.by_flow.entry(flow).or_default().insert(id);
    }

    /// Transactions over `flow`, oldest first.
    pub(super) fn over_flow(&self, flow: &Flow) -> Vec<u64> {
        self.by_flow.get(flow).map(|ids| ids.iter().copied().collect()).unwrap_or_default()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// One transaction with a deadline at or before `now`, earliest first.
    pub(super) fn due(&self, now: Instant) -> Option<u64> {
        self.deadlines.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }
}
