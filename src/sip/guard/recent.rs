//! A table with a bound: when it is full, what was touched longest ago makes room. Who floods it with new keys pushes
//! out what nobody uses, and pays for each key with a message.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

#[derive(Debug)]
pub struct Recent<K, V> {
    limit: usize,
    entries: HashMap<K, (u64, V)>,
    /// Keys by the turn in which they were touched last.
    order: BTreeMap<u64, K>,
    turn: u64,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    pub fn new(limit: usize) -> Self {
        Self { limit, entries: HashMap::new(), order: BTreeMap::new(), turn: 0 }
    }

    /// Looks without touching.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The entry of `key`, made when it is missing; now the latest.
    pub fn touch(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        if !self.entries.contains_key(&key)
            && self.entries.len() == self.limit
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.turn += 1;
        let entry = self.entries.entry(key.clone()).or_insert_with(|| (self.turn, make()));
        self.order.remove(&entry.0);
        entry.0 = self.turn;
        self.order.insert(self.turn, key);
        &mut entry.1
    }

    pub fn remove(&mut self, key: &K) {
        if let Some((turn, _)) = self.entries.remove(key) {
            self.order.remove(&turn);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_untouched_makes_room() {
        let mut table = Recent::new(3);
        for key in [1, 2, 3] {
            table.touch(key, || key * 10);
        }
        *table.touch(1, || 0) += 1;
        table.touch(4, || 40);
        assert_eq!((table.get(&1), table.get(&2), table.get(&4)), (Some(&11), None, Some(&40)));
        table.remove(&3);
        table.touch(5, || 50);
        assert_eq!((table.len(), table.order.len()), (3, 3));
        assert_eq!(table.get(&1), Some(&11), "there was room");
    }
}
