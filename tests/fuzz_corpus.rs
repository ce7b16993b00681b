//! The fuzz targets over their corpora and over the torture messages of RFC 4475, in every test run: seeds written by
//! hand, and minimised finds. `make fuzz` looks for new ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use targets::TARGETS;

/// Seeds of one target at most: they are read in every test run, and by people.
const MAX_SEEDS: usize = 64;
/// Inputs of chance for each target, half of them changed seeds.
const ROUNDS: usize = 1000;
/// Bytes of a seed at most.
const MAX_SEED_BYTES: usize = 8 * 1024;

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_seed_passes_its_target() {
    for (name, target) in TARGETS {
        let seeds = files(&folder("fuzz/corpus").join(name));
        assert!((1..=MAX_SEEDS).contains(&seeds.len()), "{name} has {} seeds", seeds.len());
        for seed in seeds {
            let bytes = fs::read(&seed).unwrap();
            assert!(bytes.len() <= MAX_SEED_BYTES, "{}", seed.display());
            let passed = std::panic::catch_unwind(|| target(&bytes));
            assert!(passed.is_ok(), "{}", seed.display());
        }
    }
}

/// Any target takes any bytes: those of the others, and of messages.
#[test]
fn every_target_takes_everything() {
    let corpora = TARGETS.iter().flat_map(|(name, _)| files(&folder("fuzz/corpus").join(name)));
    let inputs: Vec<PathBuf> = corpora.chain(files(&folder("tests/data/rfc4475"))).collect();
    for input in inputs {
        let bytes = fs::read(&input).unwrap();
        for (name, target) in TARGETS {
            let passed = std::panic::catch_unwind(|| target(&bytes));
            assert!(passed.is_ok(), "{name} of {}", input.display());
        }
    }
}

/// Seeds with some bytes changed, and sequences of nothing but chance.
#[test]
fn every_target_takes_what_chance_makes() {
    let seed = std::env::var("RINGBACK_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1580);
    println!("RINGBACK_TEST_SEED={seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    for (name, target) in TARGETS {
        let seeds: Vec<Vec<u8>> =
            files(&folder("fuzz/corpus").join(name)).iter().map(|seed| fs::read(seed).unwrap()).collect();
        for round in 0..ROUNDS {
            let mut bytes = seeds[dice.random_range(0..seeds.len())].clone();
            if round % 2 == 0 {
                bytes.resize(dice.random_range(0..200), 0);
                dice.fill(bytes.as_mut_slice());
            } else {
                for _ in 0..dice.random_range(0..8) {
                    let at = dice.random_range(0..bytes.len());
                    bytes[at] = dice.random();
                }
            }
            let passed = std::panic::catch_unwind(|| target(&bytes));
            assert!(passed.is_ok(), "{name}, round {round} of seed {seed}: {}", bytes.escape_ascii());
        }
    }
}

#[test]
fn every_target_is_built_and_has_seeds() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    let programs: BTreeSet<String> = files(&folder("fuzz/fuzz_targets")).into_iter().map(stem).collect();
    let corpora: BTreeSet<String> = files(&folder("fuzz/corpus")).into_iter().map(stem).collect();
    assert_eq!(programs, names);
    assert_eq!(corpora, names);
}
