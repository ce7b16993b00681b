//! A thousand random calls through the pure core: SIP messages and RTP frames over a seeded lossy link, in
//! simulated time, with DOMAIN.md's invariants checked after each step. `RINGBACK_TEST_SEED=n` repeats a run.

pub(crate) mod city;
mod ears;
mod invariants;
mod link;
mod people;
mod record;
mod service;
mod street;
mod world;

use std::time::Duration;

use rand::RngExt;

use world::{Plan, World};

/// The run of every day, so that a change is judged by itself; `RINGBACK_TEST_SEED=random` takes any other.
const SEED: u64 = 1580;

/// Prints the seed first, so that a failure can be repeated.
fn seed() -> u64 {
    let seed = match std::env::var("RINGBACK_TEST_SEED") {
        Ok(text) => text.parse().unwrap_or_else(|_| rand::rng().random()),
        Err(_) => SEED,
    };
    println!("RINGBACK_TEST_SEED={seed}");
    seed
}

#[test]
fn a_thousand_random_calls_keep_every_invariant() {
    let mut world =
        World::new(Plan { seed: seed(), operators: 6, loss: 0.03, commit_failures: 0.005, vanishing: 0.02 });
    world.sign_operators_in();
    for _ in 0..1_000 {
        world.place_call();
        world.run_for(Duration::from_millis(600));
    }
    world.run_until_quiet();
    world.check_the_end();
    let tally = world.tally();
    println!("{tally:?}");
    assert!(tally.offered >= 1_000, "every INVITE reached the service");
    assert!(tally.transferred >= 10, "operators passed calls on: {tally:?}");
    assert!(tally.overflowed >= 10, "some waited for too long: {tally:?}");
    assert!(tally.rang_many >= 20, "several phones rang for one caller: {tally:?}");
    assert!(tally.talked > 50 && tally.abandoned > 50 && tally.queued > 200, "the run was varied: {tally:?}");
}

#[test]
fn a_perfect_link_and_disk_lose_nobody() {
    let mut world =
        World::new(Plan { seed: seed(), operators: 3, loss: 0.0, commit_failures: 0.0, vanishing: 0.0 });
    world.sign_operators_in();
    for _ in 0..60 {
        world.place_call();
        world.run_for(Duration::from_millis(900));
    }
    world.run_until_quiet();
    world.check_the_end();
    assert_eq!(world.tally().technical, 0, "nothing failed that could not fail");
}
