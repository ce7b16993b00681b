//! The simulation against the formulas where both know the answer, and what people add to it. A seed repeats a city,
//! whatever the moment it is simulated at.

#![allow(clippy::unwrap_used)]

use chrono::NaiveDate;

use super::arrivals::Outage;
use super::count::Count;
use super::erlang::{Load, Service, service};
use super::staffing::{Goal, plan};
use super::*;
use crate::time::{Now, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);
const RATE: f64 = 0.1;

fn midnight() -> Now {
    Now { mono: crate::time::now().mono, utc: Timestamp::from_micros(1_768_176_000_000_000) }
}

fn theory(seed: u64, operators: u32, hours: u32) -> (Count, Service) {
    let setting = Setting::of_theory(seed, hours * HOUR, Curve::Even(RATE), vec![operators]);
    let load = Load { arrivals: RATE, handling: setting.handling(), patience: setting.patience, operators };
    (simulate(&setting, midnight()), service(&load, 20.0))
}

/// Twenty-one Erlang: too few operators, just enough, plenty. Twenty hours of 360 calls each.
#[test]
fn where_people_are_as_in_the_books_the_queue_does_what_the_books_say() {
    for operators in [17, 22, 26] {
        let (found, wanted) = theory(1580, operators, 20);
        let name = format!("{operators} operators: {wanted:?}");
        assert!((found.level() - wanted.level).abs() < 0.035, "{name}, level {}", found.level());
        assert!((found.abandonment() - wanted.abandoned).abs() < 0.02, "{name}, {}", found.abandonment());
        assert!((found.occupancy() - wanted.occupancy).abs() < 0.025, "{name}, {}", found.occupancy());
        let off = (found.mean_wait() - wanted.mean_wait).abs();
        assert!(off < 0.15 * wanted.mean_wait + 1.0, "{name}, {} s", found.mean_wait());
    }
}

#[test]
fn every_call_comes_to_one_end() {
    let calls = Curve::Even(1.0);
    let mut setting = Setting::of_people(7, 2 * HOUR, calls, vec![20]);
    setting.queue.capacity = 60;
    setting.relief.takes_call_back = Some(0.3);
    // From nine o'clock, when citizens may be rung.
    let count = simulate(&setting, midnight().plus(9 * HOUR));
    let ended = count.answered + count.abandoned + count.turned_away + count.listed;
    let there = count.calls - ended;
    assert!(there <= 60 + 2 * 25 + 20, "{there} of {count:?}");
    assert!(count.turned_away > 100 && count.listed > 100 && count.reached > 10, "{count:?}");
    assert!(count.again > 100 && count.surges == 1 && count.unreached > 0, "{count:?}");
    assert!(count.most.waiting <= 60 && count.most.talking <= 20, "{:?}", count.most);
    assert!(count.occupancy() > 0.97, "{}", count.occupancy());
}

#[test]
fn a_seed_repeats_a_city_at_any_moment() {
    let run = |seed, began| simulate(&Setting::of_people(seed, HOUR, Curve::Even(0.2), vec![30, 40]), began);
    assert_eq!(run(1, midnight()), run(1, midnight().plus(HOUR / 7)));
    assert_ne!(run(1, midnight()).waited_secs, run(2, midnight()).waited_secs);
}

#[test]
fn those_who_leave_work_finish_their_call_and_are_rung_no_more() {
    let count = simulate(&Setting::of_people(3, 2 * HOUR, Curve::Even(0.1), vec![30, 0]), midnight());
    let idle = count.looks.iter().rev().take(6).all(|look| look.talking == 0 && look.operators == 0);
    assert!(idle, "{:?}", count.looks);
    assert!((count.staffed_secs / 3_600.0 - 30.0).abs() < 2.0, "{} h", count.staffed_secs / 3_600.0);
}

/// Half an hour of heating failure at two calls a second against twelve operators.
#[test]
fn an_announcement_and_call_backs_serve_more_people_and_turn_fewer_away() {
    let first = NaiveDate::from_ymd_opt(2026, 1, 12).unwrap();
    let outage =
        Outage { begins: 9 * HOUR, grows: HOUR / 6, most: 2.0, lasts: HOUR / 2, halves_every: HOUR / 4 };
    let calls = Curve::City { first, calls_a_year: 100_000.0, outage: Some(outage) };
    let served = |relief| {
        let setting = Setting { relief, ..Setting::of_people(11, 12 * HOUR, calls.clone(), vec![12]) };
        simulate(&setting, midnight())
    };
    let bare = served(Relief::default());
    let both =
        served(Relief { takes_call_back: Some(0.5), announcement: Some((outage.begins + HOUR / 6, 0.8)) });
    assert_eq!((bare.told, bare.listed), (0, 0));
    assert!(both.told > 1_000 && both.reached > 50, "{both:?}");
    assert!(both.served() > 2 * bare.served(), "{} and {}", both.served(), bare.served());
    assert!(both.abandoned * 2 < bare.abandoned, "{} and {}", both.abandoned, bare.abandoned);
}

#[test]
fn a_plan_follows_the_day_and_never_leaves_one_alone() {
    let first = NaiveDate::from_ymd_opt(2026, 1, 12).unwrap();
    let calls = Curve::City { first, calls_a_year: 3_540_000.0, outage: None };
    let goal = Goal { level: 0.8, within: 20 * Duration::from_secs(1), fewest: 6, reserve: 0.0 };
    let operators = plan(&calls, 48 * HOUR, 215.0, 180.0, goal);
    assert_eq!(operators.len(), 48);
    assert!(operators[3] < 20 && operators[3] >= 6, "{operators:?}");
    assert!(operators[9] > 80 && operators[9] > operators[24 + 9], "{operators:?}");
    let more = plan(&calls, 48 * HOUR, 215.0, 180.0, Goal { reserve: 0.1, ..goal });
    assert!(more.iter().zip(&operators).all(|(more, less)| more >= less) && more[9] > operators[9]);
}
