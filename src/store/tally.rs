//! What all tests with random mutations have in common: how many of them are made, from which seed, and what became of
//! each by its kind. `RINGBACK_MUTATIONS=10000` is all of them over all such tests together, `RINGBACK_TEST_SEED` repeats
//! a run. An ordinary run makes few: each is a whole verification.
#![allow(clippy::panic)]

use std::collections::BTreeMap;

/// Over all tests in an ordinary run.
const MUTATIONS: u32 = 200;

/// What a test made so far.
pub(crate) struct Tally {
    name: &'static str,
    pub(crate) seed: u64,
    wanted: u32,
    /// Made and found.
    kinds: BTreeMap<String, (u32, u32)>,
    missed: Vec<String>,
}

impl Tally {
    /// A test that makes `share` per cent of all mutations.
    pub(crate) fn new(name: &'static str, share: u32) -> Self {
        let given = |key: &str| std::env::var(key).ok().and_then(|text| text.parse::<u64>().ok());
        let all = given("RINGBACK_MUTATIONS").and_then(|all| u32::try_from(all).ok()).unwrap_or(MUTATIONS);
        let seed = given("RINGBACK_TEST_SEED").unwrap_or(1580);
        println!("{name}: RINGBACK_TEST_SEED={seed}");
        Self { name, seed, wanted: all * share / 100, kinds: BTreeMap::new(), missed: Vec::new() }
    }

    pub(crate) fn made(&self) -> u32 {
        self.kinds.values().map(|(made, _)| made).sum()
    }

    pub(crate) fn wants_more(&self) -> bool {
        self.made() < self.wanted
    }

    /// One mutation: its kind, what was done in words, and whether it was found.
    pub(crate) fn note(&mut self, kind: &str, what: &str, is_found: bool) {
        let (made, found) = self.kinds.entry(kind.to_owned()).or_default();
        *made += 1;
        *found += u32::from(is_found);
        if !is_found {
            println!("missed: {kind}: {what}");
            self.missed.push(format!("{kind}: {what}"));
        }
    }

    /// Prints the table; fails when one was missed.
    pub(crate) fn settle(self) {
        for (kind, (made, found)) in &self.kinds {
            println!("{}: {kind}: {made} made, {found} found", self.name);
        }
        let (made, missed) = (self.made(), self.missed.len());
        println!("{}: {made} made, {} found", self.name, made as usize - missed);
        assert!(missed == 0, "seed {}: {missed} of {made} were missed: {:#?}", self.seed, self.missed);
    }
}
