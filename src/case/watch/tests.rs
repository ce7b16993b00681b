//! Random histories with simulated time against DOMAIN.md's invariants 5, 6 and 7; and what a ladder and a pause do, step
//! by step. A seed is printed with a failure; `RINGBACK_TEST_SEED=1580` repeats one.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::Days;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use crate::case::city::CityPlan;
use crate::case::clocks::Promise;
use crate::case::deadline::Clock;
use crate::case::hold::{HoldReason, Wish};
use crate::case::routing::route;
use crate::case::work_order::WorkReport;
use crate::case::{
    Applicant, Case, CaseDraft, CaseEvent, CaseNumber, CaseState, IdentityLevel, InvalidTransition, Place,
    Priority,
};
use crate::ids::{UserId, WorkOrderId};
use crate::language::Language;
use crate::people::{Actor, Role};
use crate::time::Timestamp;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
const ORGANISATION: &str = "roads";

fn plan() -> CityPlan {
    CityPlan::parse("city.toml", include_str!("../../../city.toml"))
        .unwrap_or_else(|wrong| panic!("{wrong:#?}"))
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_utc(chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc())
}

fn person(role: Role, organisation: Option<&str>) -> Actor {
    Actor::person(role, UserId(Uuid::from_u128(5)), organisation.map(str::to_owned))
}

fn control() -> Actor {
    person(Role::Control, None)
}

fn executor() -> Actor {
    person(Role::Executor, Some(ORGANISATION))
}

/// Monday, ten o'clock.
fn registered() -> Case {
    let draft = CaseDraft {
        contact: None,
        category: "roads".to_owned(),
        language: Language::Uk,
        priority: Priority::Normal,
        applicant: Applicant { identity: IdentityLevel::Anonymous, number: None, name: None },
        place: Some(Place { territory: Some("center".to_owned()), ..Place::default() }),
        description: String::new(),
        ivr_path: Vec::new(),
    };
    Case::register(draft, CaseNumber::new(2026, "01", 1), at("2026-09-07T10:00:00+03:00")).0
}

fn in_progress(plan: &CityPlan) -> Case {
    let case = registered().watch(plan, registered().registered_at).0;
    let now = case.registered_at.plus(HOUR);
    let assignment = route(plan, &case, WorkOrderId(Uuid::from_u128(1)), now).unwrap();
    let case = case.assign(assignment, &person(Role::Operator, None), now).unwrap().0;
    let case = case.accept(&executor(), now.plus(HOUR)).unwrap().0;
    case.start(&executor(), now.plus(2 * HOUR)).unwrap().0
}

fn names(events: &[CaseEvent]) -> Vec<&'static str> {
    events.iter().map(|event| event.name).collect()
}

#[test]
fn both_promises_are_there_with_their_acts_and_their_first_deadlines() {
    let case = in_progress(&plan());
    let citizen = case.clocks.citizen().unwrap();
    assert_eq!(citizen.first, at("2026-10-07T17:00:00+03:00"), "the same day of the next month");
    assert!(citizen.act.as_deref().unwrap().contains("Про звернення громадян"));
    // Fourteen working days.
    assert_eq!(case.deadline.as_ref().unwrap().first, at("2026-09-25T17:00:00+03:00"));
    assert_eq!(citizen.extendable_to, Some(at("2026-10-22T17:00:00+03:00")), "45 days at most");
}

#[test]
fn on_hold_the_clocks_stand_and_at_the_day_they_go_on_by_themselves() {
    let plan = plan();
    let case = in_progress(&plan);
    let before = case.deadline.clone().unwrap();
    let now = at("2026-09-09T12:00:00+03:00");
    let until = now.utc().date_naive().checked_add_days(Days::new(14)).unwrap();
    let refused = case.clone().hold(HoldReason::Season, until, "фарба не сохне", &plan, &executor(), now);
    assert!(matches!(refused, Err(InvalidTransition::NotAllowed(_))), "an executor only asks");
    let (held, events) =
        case.hold(HoldReason::Season, until, "фарба не сохне", &plan, &control(), now).unwrap();
    assert_eq!((held.state.name(), names(&events)), ("on_hold", vec!["norm.clock_paused"]));
    assert_eq!(events[0].reason.as_deref(), Some("фарба не сохне"));
    assert_eq!(held.due_at(), Some(at("2026-09-23T00:00:00+03:00")));
    let (held, nothing) = held.watch(&plan, at("2026-09-22T23:59:59+03:00"));
    assert!(nothing.is_empty(), "{nothing:?}");
    let (resumed, events) = held.watch(&plan, at("2026-09-23T09:00:00+03:00"));
    assert_eq!((resumed.state.name(), names(&events)), ("in_progress", vec!["norm.clock_resumed"]));
    let after = resumed.deadline.unwrap();
    assert_eq!(after.first, before.first);
    // From 9 September, 12:00, to the 25th, 17:00, are 5 h and 12 days; from the 23rd, with a holiday, to 12 October.
    assert_eq!(after.resolve_by, at("2026-10-12T13:00:00+03:00"));
}

#[test]
fn pauses_are_bounded_one_by_one_and_together() {
    let plan = plan();
    let mut case = in_progress(&plan);
    let mut now = at("2026-09-08T12:00:00+03:00");
    let day = |now: Timestamp, days| now.utc().date_naive().checked_add_days(Days::new(days)).unwrap();
    let hold = |case: &Case, now, days| {
        case.clone().hold(HoldReason::PlannedWorks, day(now, days), "план", &plan, &control(), now)
    };
    assert!(matches!(hold(&case, now, 31), Err(InvalidTransition::Invariant(_))), "30 days are the longest");
    assert!(matches!(hold(&case, now, 0), Err(InvalidTransition::Incomplete(_))), "today is not later");
    for _ in 0..2 {
        case = hold(&case, now, 29).unwrap().0;
        now = now.plus(29 * DAY);
        case = case.watch(&plan, now).0;
        assert_eq!(case.state.name(), "in_progress");
    }
    assert!(matches!(hold(&case, now, 10), Err(InvalidTransition::Invariant(_))), "60 days together");
    assert!(hold(&case, now, 2).is_ok());
}

#[test]
fn an_extension_is_asked_for_decided_and_bounded_by_the_norm() {
    let plan = plan();
    let case = in_progress(&plan);
    let now = at("2026-09-09T12:00:00+03:00");
    let until = |text| crate::calendar::parse_date(text).unwrap();
    let ask = |case: &Case, day| {
        case.clone().ask(
            Wish::Extension { clock: Clock::Executor, until: until(day) },
            "чекаємо на матеріал",
            &plan,
            &executor(),
            now,
        )
    };
    assert!(
        matches!(ask(&case, "2026-12-01"), Err(InvalidTransition::Invariant(_))),
        "30 working days at most"
    );
    assert!(matches!(ask(&case, "2026-09-24"), Err(InvalidTransition::Incomplete(_))), "not earlier");
    let (asked, events) = ask(&case, "2026-10-05").unwrap();
    assert_eq!(names(&events), ["norm.asked"]);
    assert!(asked.clone().approve(&plan, &executor(), now).is_err(), "nobody grants their own wish");
    let (refused, events) = asked.clone().turn_down("матеріал є на складі", &control(), now).unwrap();
    assert_eq!((names(&events), &refused.clocks.asked), (vec!["norm.refused"], &None));
    assert_eq!(refused.deadline, case.deadline);
    let (granted, events) = asked.approve(&plan, &control(), now).unwrap();
    assert_eq!(names(&events), ["norm.extended"]);
    let deadline = granted.deadline.as_ref().unwrap();
    assert_eq!(deadline.resolve_by, at("2026-10-05T17:00:00+03:00"));
    assert_eq!(deadline.first, case.deadline.unwrap().first);
    assert_eq!(granted.clocks.moved(), 1);
    assert!(granted.approve(&plan, &control(), now).is_err(), "decided once");
}

#[test]
fn a_breach_climbs_from_post_to_post_until_the_post_answers() {
    let plan = plan();
    let case = in_progress(&plan);
    // Friday, 17:00: the head of the organisation has four open hours.
    let missed = at("2026-09-25T17:00:00+03:00");
    let (case, events) = case.watch(&plan, missed);
    assert_eq!(names(&events), ["norm.warned", "norm.warned", "norm.warned", "norm.breached", "esc.raised"]);
    let head = &case.clocks.escalations[0];
    assert_eq!((head.level, head.to.as_slice()), (1, ["executor.head".to_owned()].as_slice()));
    assert_eq!(head.answer_by, Some(at("2026-09-28T12:00:00+03:00")));
    let posts = |post: &str| vec![post.to_owned()];
    let answer = |case: &Case, number, post: &str, by: &Actor, now| {
        case.clone().answer_escalation(number, "завтра закінчимо", &posts(post), by, now)
    };
    let stranger = person(Role::Executor, Some("vodokanal"));
    for (post, by) in [("executor.head", &stranger), ("mayor.control", &control())] {
        assert!(matches!(answer(&case, 1, post, by, missed), Err(InvalidTransition::NotAllowed(_))));
    }
    // Unanswered, it goes up at noon.
    let (case, events) = case.watch(&plan, at("2026-09-28T12:00:00+03:00"));
    assert_eq!((names(&events), case.clocks.escalations[1].level), (vec!["esc.raised"], 2));
    let noon = at("2026-09-28T12:30:00+03:00");
    let (case, events) = answer(&case, 1, "executor.head", &executor(), noon).unwrap();
    assert_eq!(names(&events), ["esc.answered"]);
    assert_eq!(events[0].data["in_time"], false);
    assert!(answer(&case, 1, "executor.head", &executor(), noon).is_err(), "answered once");
    let (case, _) = answer(&case, 2, "deputy_mayor.line", &person(Role::MayorOffice, None), noon).unwrap();
    // The citizen's clock warns meanwhile.
    let (case, events) = case.watch(&plan, at("2026-09-30T16:00:00+03:00"));
    assert_eq!(names(&events), ["norm.warned"]);
    // Answered, but three working days after the deadline still not done.
    assert_eq!(case.due_at(), Some(at("2026-09-30T17:00:00+03:00")));
    let (case, events) = case.watch(&plan, at("2026-09-30T17:00:00+03:00"));
    assert_eq!((names(&events), case.clocks.escalations[2].level), (vec!["esc.raised"], 3));
    assert!(case.due_at().unwrap() > at("2026-10-01T00:00:00+03:00"), "nobody stands above");
}

/// What came back one level up is missed one level up; above the last post the last one is asked again.
#[test]
fn a_case_that_came_back_is_asked_about_above_the_post_that_has_it() {
    let plan = plan();
    let late = at("2026-09-25T17:00:00+03:00");
    for (level, asked) in [(0, 1), (1, 2), (2, 3), (3, 3), (9, 3)] {
        let case = Case { level, ..in_progress(&plan) };
        assert_eq!(case.watch(&plan, late).0.clocks.escalations[0].level, asked, "at level {level}");
    }
    let in_nobodys_hands = registered().watch(&plan, at("2026-12-31T17:00:00+02:00")).0;
    assert_eq!(in_nobodys_hands.clocks.escalations[0].level, 2, "without an executor it has no head");
}

#[test]
fn outside_the_promise_of_whoever_has_the_work_is_told() {
    let plan = plan();
    let case = in_progress(&plan);
    let (work, law) = (case.deadline.clone().unwrap(), case.clocks.citizen().cloned().unwrap());
    assert!(work.resolve_by < law.resolve_by);
    let (just_late, late) = (work.resolve_by.plus(HOUR), law.resolve_by.plus(HOUR));
    assert_eq!((case.promise_shown(), case.earliest_deadline()), (Some(&work), Some(work.resolve_by)));
    assert_eq!((case.is_overdue(work.resolve_by), case.is_overdue(just_late)), (false, true));
    let forwarded = CaseState::Forwarded {
        to: "обленерго".to_owned(),
        forwarded_at: case.registered_at,
        answer_by: work.resolve_by.plus(DAY),
        answered_at: None,
    };
    let forwarded = Case { state: forwarded, ..case.clone() };
    assert_eq!(forwarded.promise_shown(), Some(&law), "nobody of the city works on it");
    assert_eq!((forwarded.is_overdue(just_late), forwarded.is_overdue(late)), (false, true));
    assert_eq!(forwarded.earliest_deadline(), Some(law.resolve_by.min(work.resolve_by.plus(DAY))));
    let until = just_late.utc().date_naive().checked_add_days(Days::new(14)).unwrap();
    let (held, _) = case.hold(HoldReason::Season, until, "фарба", &plan, &control(), just_late).unwrap();
    assert_eq!((held.is_overdue(late), held.earliest_deadline()), (false, None), "what stands is not late");
}

#[test]
fn a_city_without_a_norm_for_citizens_is_not_looked_at_for_ever() {
    let text = include_str!("../../../city.toml").replacen("clock = \"citizen\"", "clock = \"executor\"", 1);
    let plan = CityPlan::parse("city.toml", &text).unwrap();
    let (case, events) = registered().watch(&plan, registered().registered_at);
    assert_eq!((&case.clocks.citizen, case.due_at(), events.len()), (&Promise::None, None, 0));
}

#[test]
fn a_case_stored_before_the_clocks_is_read_and_gets_its_promise() {
    let mut stored = serde_json::to_value(in_progress(&plan())).unwrap();
    stored.as_object_mut().unwrap().remove("clocks");
    stored["deadline"] = serde_json::json!({
        "norm": "roads", "first": 1_790_000_000_000_000_i64, "resolve_by": 1_790_000_000_000_000_i64, "accept_by": null,
    });
    let case: Case = serde_json::from_value(stored).unwrap();
    let (case, events) = case.clone().watch(&plan(), case.registered_at);
    assert_eq!(names(&events), ["norm.applied"]);
    assert_eq!(case.deadline.unwrap().resolve_by, Timestamp::from_micros(1_790_000_000_000_000));
}

/// A walk: time goes on, people do what they may and what they may not, the watch looks now and then.
struct Walk {
    plan: CityPlan,
    case: Case,
    now: Timestamp,
    journal: Vec<CaseEvent>,
    random: StdRng,
}

impl Walk {
    fn step(&mut self) {
        let ahead = self.random.random_range(0..4 * 24 * 60);
        self.now = self.now.plus(Duration::from_secs(60 * ahead));
        let days = self.random.random_range(0..40);
        let until = self.plan.clock().date_of(self.now).checked_add_days(Days::new(days)).unwrap();
        let (plan, now, case) = (&self.plan, self.now, self.case.clone());
        let number = self.random.random_range(0..4);
        let clock = if self.random.random_bool(0.5) { Clock::Citizen } else { Clock::Executor };
        let posts = vec!["executor.head".to_owned(), "deputy_mayor.line".to_owned()];
        let moved = match self.random.random_range(0..13) {
            0 => case.hold(HoldReason::AwaitingApplicant, until, "немає доступу", plan, &control(), now),
            1 => case.resume("доступ є", plan, &executor(), now),
            2 => case.extend(clock, until, "матеріал", plan, &control(), now),
            3 => case.ask(Wish::Extension { clock, until }, "матеріал", plan, &executor(), now),
            4 => case.ask(Wish::Pause { reason: HoldReason::Season, until }, "мороз", plan, &executor(), now),
            5 => case.approve(plan, &control(), now),
            6 => case.turn_down("ні", &control(), now),
            7 => case.answer_escalation(number, "зробимо", &posts, &executor(), now),
            8 => case.report_work(WorkReport { result: "зроблено".to_owned() }, &[], None, &executor(), now),
            9 => case.reject_evidence("не видно", &control(), now),
            10 => case.start(&executor(), now),
            11 => {
                let early = self.random.random_range(0..3 * 24);
                // The machine's clock may be set back.
                let now = Timestamp::from_micros(now.micros() - early * 3_600_000_000);
                Ok(case.watch(plan, now))
            }
            _ => Ok(case.watch(plan, now)),
        };
        let Ok((case, events)) = moved else { return };
        self.check(&case, &events);
        self.journal.extend(events);
        self.case = case;
    }

    fn check(&self, case: &Case, events: &[CaseEvent]) {
        let names = names(events);
        let moves = ["norm.extended", "norm.clock_paused", "norm.clock_resumed", "norm.applied"];
        for clock in [Clock::Citizen, Clock::Executor] {
            let (before, after) = (self.case.deadline_of(clock), case.deadline_of(clock));
            let (Some(before), Some(after)) = (before, after) else { continue };
            // Invariant 5.
            assert_eq!(before.first, after.first, "the first deadline is never lost");
            if before.resolve_by != after.resolve_by {
                assert!(
                    events.iter().any(|event| moves.contains(&event.name) && event.reason.is_some()),
                    "{names:?}"
                );
            }
            // Invariant 6: only a pause moves a deadline without a decision about that very deadline.
            if before.resolve_by != after.resolve_by && !names.contains(&"norm.extended") {
                let held = |case: &Case| matches!(case.state, CaseState::OnHold { .. });
                assert!(held(&self.case) || held(case), "{names:?}");
            }
        }
        assert!(case.clocks.paused() <= self.plan.hold_rule().total, "invariant 6: the pauses are bounded");
        // Invariant 7.
        for clock in [Clock::Citizen, Clock::Executor] {
            if let Some(missed) = case.deadline_of(clock).and_then(|deadline| deadline.breached) {
                let asked = case.clocks.escalations.iter().any(|e| e.clock == clock && e.missed == missed);
                assert!(asked, "a breach without an escalation");
            }
        }
        for (before, after) in self.case.clocks.escalations.iter().zip(&case.clocks.escalations) {
            if before.answer != after.answer {
                assert_eq!((&before.answer, names.as_slice()), (&None, ["esc.answered"].as_slice()));
            }
        }
        assert!(case.clocks.escalations.len() >= self.case.clocks.escalations.len(), "none is taken away");
    }

    /// Each breach and each escalation is told once.
    fn check_journal(&self) {
        for name in ["norm.breached", "esc.raised"] {
            let told = self.journal.iter().filter(|event| event.name == name);
            let keys: Vec<String> = told
                .map(|event| {
                    let data = &event.data;
                    format!("{} {} {} {}", data["clock"], data["resolve_by"], data["missed"], data["level"])
                })
                .collect();
            assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{name}: {keys:?}");
        }
    }
}

#[test]
fn random_histories_keep_the_invariants_of_the_clocks() {
    let seed = std::env::var("RINGBACK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    eprintln!("RINGBACK_TEST_SEED={seed}");
    let mut seen = BTreeSet::new();
    for history in 0..200 {
        let plan = plan_once();
        let case = in_progress(&plan);
        let now = case.registered_at.plus(3 * HOUR);
        let random = StdRng::seed_from_u64(seed.wrapping_add(history));
        let mut walk = Walk { plan, case, now, journal: Vec::new(), random };
        for _ in 0..60 {
            walk.step();
        }
        walk.now = walk.now.plus(DAY);
        let (case, events) = walk.case.clone().watch(&walk.plan, walk.now);
        walk.check(&case, &events);
        assert!(case.due_at().is_none_or(|due| due > walk.now), "the watch leaves nothing that is due");
        walk.journal.extend(events);
        walk.check_journal();
        seen.extend(walk.journal.iter().map(|event| event.name));
    }
    for name in ["norm.clock_paused", "norm.clock_resumed", "norm.extended", "norm.breached", "esc.answered"]
    {
        assert!(seen.contains(name), "the walks never saw {name}");
    }
}

fn plan_once() -> CityPlan {
    static PLAN: std::sync::OnceLock<CityPlan> = std::sync::OnceLock::new();
    PLAN.get_or_init(plan).clone()
}

#[test]
fn an_order_that_nobody_accepts_in_time_asks_the_ladder() {
    let plan = plan();
    let case = registered().watch(&plan, registered().registered_at).0;
    let now = case.registered_at.plus(HOUR);
    let mut assignment = route(&plan, &case, WorkOrderId(Uuid::from_u128(1)), now).unwrap();
    let accept_by = now.plus(HOUR);
    assignment.deadline.accept_by = Some(accept_by);
    let assigned = case.assign(assignment, &person(Role::Operator, None), now).unwrap().0;
    let (waiting, events) = assigned.clone().watch(&plan, accept_by);
    assert_eq!(names(&events), ["norm.unaccepted", "esc.raised"]);
    let raised = &waiting.clocks.escalations[0];
    assert_eq!((raised.level, raised.missed, raised.clock), (1, accept_by, Clock::Executor));
    assert!(!waiting.deadline.as_ref().unwrap().is_breached(), "the work itself is not late");
    assert_eq!(waiting.clone().watch(&plan, accept_by).1, [], "once");

    // It climbs while the order lies there, and no more once it is accepted and the head has answered.
    let next = waiting.clocks.escalations[0].next_at.unwrap();
    let (climbed, _) = waiting.clone().watch(&plan, next.max(raised.answer_by.unwrap()));
    assert!(climbed.clocks.escalations.iter().any(|one| one.level == 2 && one.missed == accept_by));
    let accepted = waiting.accept(&executor(), accept_by.plus(HOUR)).unwrap().0;
    let posts = ["executor.head".to_owned()];
    let answered =
        accepted.answer_escalation(1, "бригада була на аварії", &posts, &executor(), accept_by.plus(HOUR));
    let quiet = answered.unwrap().0.watch(&plan, next).0;
    assert!(quiet.clocks.escalations.iter().all(|one| one.level == 1));
    // In time nothing is asked.
    let in_time = assigned.accept(&executor(), accept_by).unwrap().0;
    assert_eq!(names(&in_time.watch(&plan, accept_by.plus(HOUR)).1), Vec::<&str>::new());
}
