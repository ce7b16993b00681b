//! A case in and out of incidents: what is refused on the way, and random histories in which it is attached, detached, restored,
//! let go, told, closed and reopened, each step held against its own entries.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::case::part_of::NoticeState;
use crate::case::replay::Replayed;
use crate::ids::IncidentNumber;
use crate::people::ActorKind;

const INCIDENT: IncidentNumber = IncidentNumber(12);

fn system() -> Actor {
    Actor::system("incidents")
}

fn verify() -> VerifyRule {
    VerifyRule {
        attempts: 2,
        on_days: 1,
        answer_days: 3,
        inspect_per_mille: 0,
        clock: Calendar::always("Europe/Kyiv").unwrap(),
    }
}

fn attached() -> Case {
    registered().attach(INCIDENT, minute(60), &operator(), minute(1)).unwrap().0
}

#[test]
fn the_incident_has_the_work_of_an_attached_case() {
    let case = attached();
    assert!(case.awaits_incident() && !case.tells_restoration());
    let refused = case.clone().assign(assignment(), &operator(), minute(2)).unwrap_err();
    assert!(refused.to_string().contains("incident"), "{refused}");
    assert!(case.clone().attach(INCIDENT, minute(60), &operator(), minute(2)).unwrap().1.is_empty(), "twice");
    let other = case.clone().attach(IncidentNumber(13), minute(60), &operator(), minute(2));
    assert!(matches!(other, Err(InvalidTransition::Invariant(_))));
    for role in [Role::Executor, Role::MayorOffice, Role::Auditor] {
        let refused = registered().attach(INCIDENT, minute(60), &person(role, None), minute(1));
        assert!(matches!(refused, Err(InvalidTransition::NotAllowed(_))), "{role:?}");
    }
    let (apart, events) = case.detach("another street", &operator(), minute(3)).unwrap();
    assert_eq!(events[0].reason.as_deref(), Some("another street"));
    assert!(apart.assign(assignment(), &operator(), minute(4)).is_ok());
}

#[test]
fn an_order_for_the_case_alone_is_cancelled_and_work_further_along_is_not_taken() {
    let (assigned, _) = registered().assign(assignment(), &operator(), minute(1)).unwrap();
    let (case, events) = assigned.attach(INCIDENT, minute(60), &operator(), minute(2)).unwrap();
    assert_eq!((events[0].name, case.state.name()), ("wo.cancelled", "registered"));
    let (restored, _) = attached().restored(assignment(), &system(), minute(5)).unwrap();
    let refused = restored.attach(IncidentNumber(13), minute(60), &operator(), minute(6)).unwrap_err();
    assert!(matches!(refused, InvalidTransition::WrongState { .. }), "{refused}");
}

#[test]
fn no_leaves_the_incident_one_level_up_and_yes_stays() {
    let (restored, events) = attached().restored(assignment(), &system(), minute(5)).unwrap();
    let names: Vec<_> = events.iter().map(|event| event.name).collect();
    assert!(names.contains(&"wo.issued") && names.contains(&"evidence.accepted"), "{names:?}");
    assert!(restored.tells_restoration());
    assert_eq!(restored.incident_notices()[0].state, NoticeState::Queued);
    let say = |confirmed| {
        restored.clone().tell(told(minute(6), true, Some(confirmed)), &system(), minute(6)).unwrap().0
    };
    let (no, yes) = (say(false), say(true));
    assert_eq!((no.state.name(), no.level, no.incident()), ("in_progress", 1, None));
    assert_eq!(no.incident_notices()[0].state, NoticeState::Refuted);
    assert_eq!((yes.incident(), yes.incident_notices()[0].state), (Some(INCIDENT), NoticeState::Confirmed));
}

#[test]
fn random_stays_are_what_their_entries_say_and_have_one_notice_each() {
    let seed = std::env::var("RINGBACK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("RINGBACK_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let reopen = ReopenRule { window_days: 30, level_up: 1, clock: Calendar::always("Europe/Kyiv").unwrap() };
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..2_000 {
        let (mut case, events) = Case::register(draft(), CaseNumber::new(2026, "01", 1), minute(0));
        let mut replayed = Replayed::default();
        events.iter().for_each(|event| replayed.apply(event.name, &event.data));
        let mut now = 0;
        for _ in 0..random.random_range(1..25) {
            now += random.random_range(1..30);
            let at = minute(now);
            let before = case.clone();
            let which = IncidentNumber(random.random_range(1..3));
            let answer = [None, Some(true), Some(false)][random.random_range(0..3)];
            let step = match random.random_range(0..10) {
                0 | 1 => case.attach(which, minute(60), &operator(), at),
                2 => case.detach("not this one", &operator(), at),
                3 | 4 => case.restored(assignment(), &system(), at),
                5 => case.let_go("cancelled", &system(), at),
                6 => {
                    let cycle = case.cycle;
                    let attempt = Told { cycle, ..told(at, answer.is_some() || now % 2 == 0, answer) };
                    case.tell(attempt, &system(), at)
                }
                7 => case.close(ClosingCode::FixedConfirmed, &verify(), &control(), at),
                8 => case.assign(assignment(), &operator(), at),
                _ => case.reopen(assignment(), &reopen, ReopenCause::Applicant, "again", &operator(), at),
            };
            case = match step {
                Ok((after, events)) => {
                    for event in &events {
                        let entry = crate::journal::Draft::from_case_event(event, &after, &operator(), at);
                        assert!(entry.is_some(), "{} is not in the vocabulary", event.name);
                        replayed.apply(event.name, &event.data);
                    }
                    after
                }
                Err(_) => before,
            };
            assert_eq!(replayed.difference(&case), None);
            // One delivery record for each stay that the wave came to, whatever happened since.
            let restored = case.incidents.iter().filter(|stay| stay.restored_at.is_some()).count();
            let notices = case.incident_notices();
            assert_eq!(notices.len(), restored);
            seen.extend(notices.iter().map(|notice| notice.state));
            if case.awaits_incident() {
                assert!(case.state.order().is_none(), "nobody is given work that the incident has");
            }
            assert!(
                case.incidents.iter().rev().skip(1).all(|stay| stay.detached_at.is_some()),
                "one at a time"
            );
        }
    }
    assert_eq!(seen.len(), NoticeState::ALL.len(), "every outcome was met: {seen:?}");
    assert_eq!(system().kind, ActorKind::System);
}
