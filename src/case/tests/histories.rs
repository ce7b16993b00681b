//! Thousands of random histories of several cases, days and months long, by everybody at once; the witnesses watch. Each
//! prints its seed when it fails: `RINGBACK_TEST_SEED=n` repeats that one alone.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::steps::{STEPS, as_it_was, everybody, rule};
use super::witness::{Tried, Witness};
use super::*;

const HISTORIES: u64 = 3_000;
const STEPS_EACH: usize = 120;

/// Cases of one city, in the order of the register.
struct City {
    rng: StdRng,
    now: Timestamp,
    cases: Vec<(Case, Witness)>,
    actors: Vec<Actor>,
}

impl City {
    fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), now: minute(0), cases: Vec::new(), actors: everybody() }
    }

    /// Mostly minutes and hours, sometimes weeks, so that windows end and archives fill.
    fn time_goes_by(&mut self) {
        let minutes = match self.rng.random_range(0..40) {
            0 => self.rng.random_range(0..600_000),
            1..8 => self.rng.random_range(0..3_000),
            _ => self.rng.random_range(0..90),
        };
        self.now = Timestamp::from_micros(self.now.micros() + 1 + minutes * 60_000_000);
    }

    fn register(&mut self) {
        let sequence = self.cases.len() as u64 + 1;
        let mut draft = draft();
        draft.contact = Some(ContactId(Uuid::from_u128(u128::from(sequence))));
        // Some neighbours call from the same phone.
        let phone = self.rng.random_range(0..3);
        draft.applicant.number = Some(PhoneNumber::from_user_part(&format!("380502223344{phone}")));
        let (case, events) = Case::register(draft, CaseNumber::new(2026, "01", sequence), self.now);
        let witness = Witness::of(&case, &events, rule(), self.now);
        self.cases.push((case, witness));
    }

    /// Likely somebody who may: the machine is to be led far, not refused all day.
    fn somebody(&mut self, case: &Case) -> Actor {
        if self.rng.random_range(0..4) == 0 {
            let one = self.rng.random_range(0..self.actors.len());
            return self.actors[one].clone();
        }
        match (case.state.executor(), self.rng.random_range(0..3)) {
            (Some(executor), 0) => person(Role::Executor, Some(executor)),
            (_, 1) => operator(),
            _ => control(),
        }
    }

    fn one_step(&mut self) -> bool {
        let one = self.rng.random_range(0..self.cases.len());
        let before = self.cases[one].0.clone();
        let by = self.somebody(&before);
        if self.rng.random_range(0..25) == 0 {
            return self.merge(one, &by);
        }
        let step = &STEPS[self.rng.random_range(0..STEPS.len())];
        // These make their own second case, which the register here would not know.
        if matches!(step.name, "merge" | "absorb" | "give_way") {
            return false;
        }
        let Ok((after, events)) = (step.act)(before.clone(), &by, self.now) else { return false };
        let tried = as_it_was((step.tried)(&before), &after);
        self.cases[one].1.see(&tried, &before, (&after, &events), &by, self.now);
        self.cases[one].0 = after;
        true
    }

    fn merge(&mut self, one: usize, by: &Actor) -> bool {
        let other = self.rng.random_range(0..self.cases.len());
        let (from, into) = (self.cases[one].0.clone(), self.cases[other].0.clone());
        let Ok(merged) = from.clone().merge(into.clone(), "той самий будинок", by, self.now)
        else {
            return false;
        };
        assert_ne!(one, other, "merged with itself");
        assert!(into.state.is_open() && from.state.is_open());
        let joins = merged.into.0.joined.len() > into.joined.len();
        let tried = if joins { Tried::Absorb { from: from.number.0.clone() } } else { Tried::Other };
        let (closed, events) = &merged.closed;
        self.cases[one].1.see(&Tried::Other, &from, (closed, events), by, self.now);
        let (target, events) = &merged.into;
        self.cases[other].1.see(&tried, &into, (target, events), by, self.now);
        assert!(from.contacts.iter().all(|contact| target.contacts.contains(contact)), "a contact is lost");
        (self.cases[one].0, self.cases[other].0) = (merged.closed.0, merged.into.0);
        true
    }

    /// Over all cases: every number is there, nobody was merged in a chain or a circle, every contact is on an open
    /// case or on one that tells why not.
    fn check(&self) {
        for (n, (case, _)) in self.cases.iter().enumerate() {
            assert_eq!(case.number.sequence(), Some(n as u64 + 1), "a gap in the register");
            let Some(into) = case.merged_into() else { continue };
            assert_eq!(case.state.closing().map(|(code, _)| code), Some(ClosingCode::Duplicate));
            let target = self.cases.iter().find(|(other, _)| other.number == *into).map(|(other, _)| other);
            let target = target.unwrap_or_else(|| panic!("{into} is not in the register"));
            assert_eq!(target.merged_into(), None, "a chain of merged cases");
            assert!(target.absorbed > 0);
        }
    }
}

fn live(seed: u64, closed: &mut usize, reopened: &mut usize) -> usize {
    let mut city = City::new(seed);
    let mut taken = 0;
    city.register();
    for _ in 0..STEPS_EACH {
        city.time_goes_by();
        if city.cases.len() < 4 && city.rng.random_range(0..20) == 0 {
            city.register();
        }
        taken += usize::from(city.one_step());
        city.check();
    }
    *closed += city.cases.iter().filter(|(case, _)| !case.state.is_open()).count();
    *reopened += city.cases.iter().filter(|(case, _)| case.cycle > 1).count();
    taken
}

#[test]
fn the_invariants_hold_in_every_history() {
    let asked = std::env::var("RINGBACK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = asked.map_or(0..HISTORIES, |seed: u64| seed..seed + 1);
    let (mut taken, mut closed, mut reopened) = (0, 0, 0);
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| {
            let (mut ended, mut again) = (0, 0);
            (live(seed, &mut ended, &mut again), ended, again)
        });
        let Ok((steps, ended, again)) = outcome else { panic!("RINGBACK_TEST_SEED={seed} repeats this") };
        taken += steps;
        closed += ended;
        reopened += again;
    }
    if asked.is_none() {
        // A walk in which nothing happens would prove nothing.
        assert!(taken > 20_000 && closed > 2_000 && reopened > 300, "{taken} {closed} {reopened}");
    }
}
