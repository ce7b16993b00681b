//! The machine of one incident: what it refuses, what of it may be announced, which spots it has; and random histories
//! held against their own entries.

#![allow(clippy::unwrap_used, clippy::panic)]

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::ids::UserId;
use crate::people::Role;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_micros(1_795_000_000_000_000 + minutes * 60_000_000)
}

fn person(role: Role, organisation: Option<&str>) -> Actor {
    Actor::person(role, UserId(uuid::Uuid::from_u128(5)), organisation.map(str::to_owned))
}

fn control() -> Actor {
    person(Role::Control, None)
}

fn stretch(houses: Vec<HouseRange>) -> Stretch {
    Stretch {
        keys: vec!["sadova#1".to_owned(), "stara#1".to_owned()], name: "Садова".to_owned(), houses
    }
}

fn matter() -> Matter {
    let odd = HouseRange { from: 1, to: 25, side: Side::Odd };
    let tail = HouseRange { from: 40, to: 40, side: Side::Both };
    Matter {
        category: "water".to_owned(),
        cause: Cause::Failure,
        area: Area {
            whole_city: false,
            territories: vec!["center".to_owned()],
            streets: vec![stretch(vec![odd, tail])],
        },
        executor: "vodokanal".to_owned(),
    }
}

fn declared(expected: Option<Timestamp>) -> Incident {
    Incident::declare(matter(), expected, IncidentNumber(1), &control(), at(0)).unwrap().0
}

#[test]
fn a_spot_is_had_by_its_house_its_street_or_its_district() {
    let area = matter().area;
    let spot = |territory: &str, street: &str, house: &str| {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        area.covers(&Spot { territory: some(territory), street: some(street), house: some(house) })
    };
    for (spot, expected) in [
        (spot("", "sadova#1", "25"), Some(Nearness::Address)),
        (spot("", "sadova#1", "1-А"), Some(Nearness::Address)),
        (spot("", "stara#1", "13"), Some(Nearness::Address)),
        (spot("", "sadova#1", "24"), None),
        (spot("", "sadova#1", "26"), None),
        (spot("", "sadova#1", "27"), None),
        (spot("", "sadova#1", "40"), Some(Nearness::Address)),
        (spot("", "sadova#1", ""), Some(Nearness::Address)),
        (spot("center", "lisova#1", "3"), Some(Nearness::District)),
        (spot("center", "sadova#1", "24"), Some(Nearness::District)),
        (spot("north", "lisova#1", "3"), None),
        (spot("", "", ""), None),
    ] {
        assert_eq!(spot, expected);
    }
    let city = Area { whole_city: true, ..Area::default() };
    assert_eq!(city.covers(&Spot::default()), Some(Nearness::City));
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let declare =
        |matter, expected, by: &Actor| Incident::declare(matter, expected, IncidentNumber(1), by, at(0));
    let nowhere = Matter { area: Area::default(), ..matter() };
    assert!(matches!(declare(nowhere, None, &control()), Err(Refused::Incomplete(_))));
    for houses in
        [HouseRange { from: 0, to: 3, side: Side::Both }, HouseRange { from: 5, to: 4, side: Side::Both }]
    {
        let area = Area { streets: vec![stretch(vec![houses])], ..Area::default() };
        assert!(matches!(
            declare(Matter { area, ..matter() }, None, &control()),
            Err(Refused::Incomplete(_))
        ));
    }
    let streets = |count| Matter {
        area: Area { streets: vec![stretch(Vec::new()); count], ..Area::default() },
        ..matter()
    };
    assert!(declare(streets(200), None, &control()).is_ok(), "at the bound");
    assert!(declare(streets(201), None, &control()).is_err());
    let quarter = 90 * 24 * 60;
    assert!(declare(matter(), Some(at(0)), &control()).is_err(), "passed");
    assert!(declare(matter(), Some(at(quarter)), &control()).is_ok());
    assert!(declare(matter(), Some(at(quarter + 1)), &control()).is_err());
    for role in Role::ALL {
        let may = matches!(role, Role::Supervisor | Role::Control);
        assert_eq!(declare(matter(), None, &person(role, None)).is_ok(), may, "{role:?}");
    }
    let own = person(Role::Control, Some("vodokanal"));
    assert!(matches!(declared(None).restore(&own, at(1)), Err(Refused::NotAllowed(_))));
}

#[test]
fn a_time_that_has_passed_is_never_announced() {
    let incident = declared(Some(at(60)));
    assert_eq!(incident.announced(at(59)), Some(at(60)));
    assert_eq!(incident.announced(at(60)), None);
    assert_eq!(incident.announced(at(61)), None);
    let (moved, _) = incident.update(Some(at(120)), "a second pipe", &control(), at(90)).unwrap();
    assert_eq!(moved.announced(at(91)), Some(at(120)));
}

/// Any steps in any order: what was let through and what the entries say is the same, what is over stays over, and only
/// an open one moves.
#[test]
fn random_histories_are_what_their_entries_say() {
    let seed = std::env::var("RINGBACK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("RINGBACK_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..500 {
        let expected = random.random_bool(0.7).then(|| at(random.random_range(1..500)));
        let step = Incident::declare(matter(), expected, IncidentNumber(7), &control(), at(0)).unwrap();
        let (mut incident, events) = step;
        let mut replayed = Replayed::default();
        events.iter().for_each(|event| replayed.apply(event.name, &event.data));
        let mut now = 0;
        for _ in 0..random.random_range(1..12) {
            now += random.random_range(0..100);
            let by = match random.random_range(0..4) {
                0 => person(Role::Operator, None),
                1 => Actor::system("incidents"),
                2 => person(Role::Supervisor, None),
                _ => control(),
            };
            let before = incident.clone();
            let taken = match random.random_range(0..4) {
                0 => {
                    let expected = random.random_bool(0.8).then(|| at(now + random.random_range(-50..200)));
                    incident.update(expected, "because", &by, at(now))
                }
                1 => incident.restore(&by, at(now)),
                2 => incident.cancel(["", "an error"][random.random_range(0..2)], &by, at(now)),
                _ => incident.close(Wave::default(), &by, at(now)),
            };
            incident = match taken {
                Ok((after, events)) => {
                    let to_closed = matches!(after.state, IncidentState::Closed { .. });
                    assert!(before.is_open() || before.state.name() == "restored" && to_closed);
                    assert!(to_closed == (by.kind == ActorKind::System));
                    assert!(by.kind != ActorKind::Operator);
                    assert!(after.announced(at(now)).is_none_or(|announced| announced > at(now)));
                    for event in &events {
                        assert!(crate::journal::EventType::from_name(event.name).is_some(), "{}", event.name);
                        replayed.apply(event.name, &event.data);
                    }
                    after
                }
                Err(_) => before,
            };
            assert_eq!(replayed.difference(&incident), None);
            let kept: Incident = serde_json::from_str(&serde_json::to_string(&incident).unwrap()).unwrap();
            assert_eq!(kept, incident);
        }
    }
}
