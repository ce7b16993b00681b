//! Random histories of cases, by everybody, with clocks that pause and run out: what the types count of each change is
//! what its journal entries count for, step by step, and at every moment the case stands the same by both ways.
#![allow(clippy::unwrap_used, clippy::panic)]

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::case::hold::HoldReason;
use crate::case::tests::draft;
use crate::case::tests::steps::{everybody, moves};
use crate::case::transition::Transition;
use crate::case::{Case, CaseEvent, CaseNumber, Clock, PartState};
use crate::journal::Draft;
use crate::people::{Actor, Role};
use crate::report::fact::{Standing, Step, StepKind};
use crate::report::replay::{CASE_EVENTS, CaseReplay};
use crate::report::samples;
use crate::time::Timestamp;

const HISTORIES: u64 = 400;
const STEPS_EACH: usize = 400;

/// Steps after which nobody works on the case, and the orders given by hand, which any day would be full of.
const ENDS: &[&str] = &[
    "withdraw",
    "withdraw_unheard",
    "merge",
    "give_way",
    "explain",
    "refuse",
    "unfounded",
    "planned",
    "forward",
    "archive",
    "assign_by_hand",
    "decline",
    "hold_reception",
    "miss_reception",
];

/// Each kind of step is seen so often at least: histories in which one never happens would prove nothing about it.
const SEEN_OF_EACH_KIND: usize = 20;

struct History {
    rng: StdRng,
    now: Timestamp,
    case: Case,
    replay: CaseReplay,
    plan: crate::case::city::CityPlan,
    actors: Vec<Actor>,
    steps: Vec<StepKind>,
}

impl History {
    fn begun(seed: u64) -> Self {
        let now = samples::at(0);
        let (case, events) = Case::register(draft(), CaseNumber::new(2026, "01", 1), now);
        let mut history = Self {
            rng: StdRng::seed_from_u64(seed),
            now,
            replay: CaseReplay::new(case.number.clone()),
            case: case.clone(),
            plan: samples::plan(),
            actors: everybody(),
            steps: Vec::new(),
        };
        history.see(None, case, &events, &Actor::system("test"));
        history
    }

    fn live(&mut self) {
        let moves = moves();
        for _ in 0..STEPS_EACH {
            let minutes =
                if self.rng.random_range(0..30) == 0 { 20_000 } else { self.rng.random_range(0..300) };
            self.now = Timestamp(self.now.0 + 1 + minutes * 60_000_000);
            let before = self.case.clone();
            // Every other step leads on to finished work and round again; the rest is whatever comes.
            if self.rng.random_range(0..2) == 0 {
                let (name, by) = self.way_on();
                let act = moves.iter().find(|(known, _)| *known == name).unwrap().1;
                if let Ok((after, events)) = act(before.clone(), &by, self.now) {
                    self.see(Some(&before), after, &events, &by);
                }
                continue;
            }
            let by = self.somebody();
            let tried = match self.rng.random_range(0..moves.len() + 12) {
                n if n < moves.len() => {
                    let (name, act) = moves[n];
                    // Most ways lead out of the city's work at once; few are taken, so that work is done.
                    if ENDS.contains(&name) && self.rng.random_range(0..20) > 0 {
                        continue;
                    }
                    act(before.clone(), &by, self.now)
                }
                n => self.clock_step(n - moves.len(), before.clone(), &by),
            };
            let Ok((after, events)) = tried else { continue };
            self.see(Some(&before), after, &events, &by);
        }
        // Some end in another case. Before, that would have been the end of the work that is to be seen.
        if self.rng.random_range(0..5) == 0 {
            let act = moves.iter().find(|(known, _)| *known == "merge").unwrap().1;
            let before = self.case.clone();
            if let Ok((after, events)) = act(before.clone(), &control(), self.now) {
                self.see(Some(&before), after, &events, &control());
            }
        }
    }

    /// What leads on from where the case stands, and who may do it.
    fn way_on(&mut self) -> (&'static str, Actor) {
        let case = &self.case;
        let lead = staff(Role::Executor, case.state.executor());
        let open = case.parts.iter().find(|part| part.state != PartState::Reported);
        let ways: Vec<(&'static str, Actor)> = match case.state.name() {
            "registered" if case.awaits_incident() => vec![("restored", Actor::system("incidents"))],
            "registered" => ["assign", "assign", "assign_shared"].map(|name| (name, control())).to_vec(),
            "assigned" => vec![("accept", lead)],
            "accepted" => vec![("start", lead)],
            "in_progress" => match open {
                None => vec![("report", lead)],
                Some(part) if part.state == PartState::Declined => {
                    ["give_part", "do_without"].map(|name| (name, control())).to_vec()
                }
                Some(part) => vec![("report_part", staff(Role::Executor, Some(&part.executor)))],
            },
            "work_reported" => ["accept_evidence", "accept_evidence", "reject_evidence"]
                .map(|name| (name, control()))
                .to_vec(),
            "verification" => {
                ["confirm", "refute", "return", "miss", "inspect", "close_confirmed", "close_unconfirmed"]
                    .map(|name| (name, control()))
                    .to_vec()
            }
            "explained" => {
                ["tell", "close_explained", "close_refused"].map(|name| (name, control())).to_vec()
            }
            "forwarded" => vec![("sent_back", control())],
            _ => vec![("reopen", control())],
        };
        let one = self.rng.random_range(0..ways.len());
        ways[one].clone()
    }

    /// Likely somebody who may.
    fn somebody(&mut self) -> Actor {
        let one = self.rng.random_range(0..self.actors.len());
        match (self.case.state.executor(), self.rng.random_range(0..4)) {
            (_, 0) => self.actors[one].clone(),
            (Some(executor), 1 | 2) => staff(Role::Executor, Some(executor)),
            _ => control(),
        }
    }

    fn clock_step(&mut self, which: usize, case: Case, by: &Actor) -> Transition {
        let day = samples::week().first_day();
        let until = self.plan.clock().date_of(self.now) + chrono::Days::new(self.rng.random_range(1..20));
        match which {
            0..4 => Ok(case.watch(&self.plan, self.now)),
            4..6 => case.hold(HoldReason::Season, until, "мороз", &self.plan, by, self.now),
            6..8 => case.resume("відлига", &self.plan, by, self.now),
            8 => case.extend(Clock::Executor, until, "труби", &self.plan, by, self.now),
            9 => case.extend(Clock::Citizen, until.max(day), "складно", &self.plan, by, self.now),
            _ => {
                let category = Some(if case.category == "water" { "light" } else { "water" }.to_owned());
                let change = crate::case::transition::Classification { category, ..Default::default() };
                case.classify(change, by, self.now)
            }
        }
    }

    /// The change by both ways.
    fn see(&mut self, before: Option<&Case>, after: Case, events: &[CaseEvent], by: &Actor) {
        let draft = |event| Draft::from_case_event(event, &after, by, self.now).unwrap();
        let entries: Vec<Draft> = events.iter().map(draft).collect();
        let counted = Step::of_change(before, &after, &entries);
        let mut told = Vec::new();
        for entry in &entries {
            let name = entry.event.name();
            // Only these are read from the journal: the rest may not matter.
            if CASE_EVENTS.contains(&name) {
                told.extend(self.replay.apply(name, entry.at, &entry.data));
            }
        }
        // Whether a double or a withdrawn case had been told of work done is counted nowhere.
        let is_counted = |step: &Step| matches!(step.code.as_deref(), Some("duplicate" | "withdrawn"));
        let comparable = |steps: Vec<Step>| -> Vec<Step> {
            steps.into_iter().map(|step| Step { heard: step.heard && !is_counted(&step), ..step }).collect()
        };
        self.steps.extend(counted.iter().map(|step| step.kind));
        assert_eq!(comparable(counted), comparable(told), "{before:?}\n-> {events:?}");
        let standing = self.replay.standing().unwrap();
        assert!(Standing::of(&after, self.now).is_same(&standing), "{after:?}\n{standing:?}\n{events:?}");
        self.case = after;
    }
}

fn staff(role: Role, organisation: Option<&str>) -> Actor {
    let user = crate::ids::UserId(uuid::Uuid::from_u128(5));
    Actor::person(role, user, organisation.map(str::to_owned))
}

fn control() -> Actor {
    staff(Role::Control, None)
}

#[test]
fn the_types_and_the_journal_count_the_same_in_every_history() {
    let asked = std::env::var("RINGBACK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut seen = std::collections::BTreeMap::<StepKind, usize>::new();
    for seed in asked.map_or(0..HISTORIES, |seed: u64| seed..seed + 1) {
        let mut history = History::begun(seed);
        let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| history.live()));
        assert!(lived.is_ok(), "RINGBACK_TEST_SEED={seed} repeats this");
        for kind in history.steps {
            *seen.entry(kind).or_default() += 1;
        }
    }
    if asked.is_none() {
        let enough = |kind| seen.get(kind).is_some_and(|count| *count >= SEEN_OF_EACH_KIND);
        assert!(StepKind::ALL.iter().all(enough), "{seen:?}");
        println!("{seen:?}");
    }
}
