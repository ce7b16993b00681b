//! Co-executors: each answers for its part, the lead for the whole; what is declined waits for a dispatcher, and the
//! journal tells the same as the rows.

use super::*;
use crate::case::part::{Part, PartState};
use crate::case::replay::Replayed;

fn of(organisation: &str) -> Actor {
    person(Role::Executor, Some(organisation))
}

fn supervisor() -> Actor {
    person(Role::Supervisor, None)
}

#[test]
fn the_lead_reports_when_every_part_is_reported() {
    let (case, mut events) = Case::register(draft(), CaseNumber::new(2026, "01", 1), minute(0));
    let mut next = |moved: Transition| {
        let (case, more) = moved.unwrap();
        events.extend(more);
        case
    };
    let co_executors = vec!["roads".to_owned(), "light".to_owned()];
    let case = next(case.assign(Assignment { co_executors, ..assignment() }, &operator(), minute(1)));
    let (lead, result) = (executor(), || WorkReport { result: "mended".to_owned() });
    let case = next(case.accept(&lead, minute(2)));
    let case = next(case.start(&lead, minute(3)));
    let case = next(case.accept_part(&of("roads"), minute(4)));
    let report = |case: &Case| case.clone().report_work(result(), &[], None, &lead, minute(5));
    assert_invariant(report(&case), "a co-executor has not reported its part yet");
    let case = next(case.report_part("asphalt laid", &of("roads"), minute(5)));
    let case = next(case.decline_part("not our lamp", &of("light"), minute(6)));
    assert_invariant(report(&case), "a co-executor declined its part: a dispatcher decides who does it");
    let twice = case.clone().report_part("again", &of("roads"), minute(7));
    assert_invariant(twice, "this part was answered already");
    assert_not_allowed(case.clone().accept_part(&of("heat"), minute(7)), "a stranger");
    assert_not_allowed(case.clone().accept_part(&lead, minute(7)), "the lead has the whole");
    assert_not_allowed(case.clone().give_part("light", None, "no lamp", &operator(), minute(7)), "operator");
    let same = case.clone().give_part("light", Some("roads"), "they can", &supervisor(), minute(7));
    assert_invariant(same, "this organisation has a part of the work already");
    let done = case.clone().give_part("roads", None, "late", &supervisor(), minute(7));
    assert_invariant(done, "this organisation has no part that is still open");
    let case = next(case.give_part("light", Some("heat"), "theirs", &supervisor(), minute(8)));
    let case = next(case.give_part("heat", None, "nobody is needed", &supervisor(), minute(9)));
    let case = next(report(&case));
    assert_eq!(case.parts, [Part { executor: "roads".to_owned(), state: PartState::Reported, reason: None }]);
    assert_not_allowed(
        case.clone()
            .accept_evidence(&Actor { organisation: Some("roads".to_owned()), ..control() }, minute(10)),
        "nobody judges a part of their own",
    );
    let mut journal = Replayed::default();
    events.iter().for_each(|event| journal.apply(event.name, &event.data));
    assert_eq!(journal.difference(&case), None);
}

#[test]
fn whoever_gets_the_work_anew_gets_it_without_the_parts_of_before() {
    let co_executors = vec!["roads".to_owned()];
    let case =
        registered().assign(Assignment { co_executors, ..assignment() }, &operator(), minute(1)).unwrap().0;
    assert!(case.part_of("roads").is_some());
    let case = case.decline("too far", &executor(), minute(2)).unwrap().0;
    assert!(case.part_of("roads").is_none(), "no order, no part");
    let again = case.assign(assignment(), &operator(), minute(3)).unwrap().0;
    assert_eq!(again.parts, []);
}

/// In progress with vodokanal, the part of "roads" reported.
fn shared_work() -> Case {
    let co_executors = vec!["roads".to_owned()];
    let case =
        registered().assign(Assignment { co_executors, ..assignment() }, &operator(), minute(1)).unwrap().0;
    let case = case.accept(&executor(), minute(2)).unwrap().0;
    let case = case.start(&executor(), minute(3)).unwrap().0;
    case.report_part("asphalt laid", &of("roads"), minute(4)).unwrap().0
}

fn shared_verification() -> Case {
    let shown = [photo("before", minute(4)), photo("after", minute(5))];
    let case = report(shared_work(), &shown, minute(6)).unwrap().0;
    case.accept_evidence(&control(), minute(7)).unwrap().0
}

fn city_plan() -> crate::case::city::CityPlan {
    let text = include_str!("../../../city.toml");
    crate::case::city::CityPlan::parse("city.toml", text)
        .unwrap_or_else(|complaints| panic!("{complaints:#?}"))
}

#[test]
fn whoever_has_a_part_judges_decides_merges_and_tells_nothing() {
    type Try = fn(&Actor) -> Transition;
    let attempts: [(&str, Role, Try); 11] = [
        ("close", Role::Control, |by| {
            let (case, _) =
                shared_verification().tell(told(minute(8), true, Some(true)), &control(), minute(8))?;
            case.close(ClosingCode::FixedConfirmed, &unreachable_after(3, 1), by, minute(9))
        }),
        ("tell", Role::Operator, |by| shared_verification().tell(told(minute(8), true, None), by, minute(8))),
        ("return", Role::Control, |by| shared_verification().return_to_work("no water", by, minute(8))),
        ("inspect", Role::Control, |by| shared_verification().inspect(true, "it is done", by, minute(8))),
        ("withdraw", Role::Supervisor, |by| shared_work().withdraw("they moved", None, by, minute(8))),
        ("merge", Role::Operator, |by| {
            let other = Case::register(draft(), CaseNumber::new(2026, "01", 2), minute(5)).0;
            Ok(shared_work().merge(other, "the same pipe", by, minute(8))?.closed)
        }),
        ("attach", Role::Operator, |by| {
            shared_work().attach(crate::ids::IncidentNumber(3), minute(60), by, minute(8))
        }),
        ("hold", Role::Control, |by| {
            let until = city_plan().clock().date_of(minute(8)) + chrono::Days::new(3);
            shared_work().hold(HoldReason::Season, until, "frost", &city_plan(), by, minute(8))
        }),
        ("extend", Role::Supervisor, |by| {
            let until = city_plan().clock().date_of(minute(8)) + chrono::Days::new(3);
            shared_work().extend(Clock::Executor, until, "no pipes", &city_plan(), by, minute(8))
        }),
        ("turn down", Role::Control, |by| {
            let until = city_plan().clock().date_of(minute(8)) + chrono::Days::new(3);
            let wish = crate::case::hold::Wish::Pause { reason: HoldReason::Season, until };
            let (case, _) = shared_work().ask(wish, "frost", &city_plan(), &executor(), minute(8))?;
            case.turn_down("it is June", by, minute(9))
        }),
        ("reopen", Role::Control, |by| {
            let (case, _) =
                shared_verification().tell(told(minute(8), true, Some(true)), &control(), minute(8))?;
            let (case, _) =
                case.close(ClosingCode::FixedConfirmed, &unreachable_after(3, 1), &control(), minute(9))?;
            case.reopen(assignment(), &reopening(), ReopenCause::Inspection, "not done", by, minute(10))
        }),
    ];
    for (what, role, attempt) in attempts {
        let refused = attempt(&person(role, Some("roads"))).expect_err(what);
        let words = "your organisation has a part in this work: somebody else judges it";
        assert_eq!(refused, InvalidTransition::NotAllowed(words), "{what}");
        let refused = attempt(&person(role, Some("vodokanal"))).expect_err(what);
        let words = "nobody judges the work of their own organisation";
        assert_eq!(refused, InvalidTransition::NotAllowed(words), "{what}, of the lead");
        // The very same by somebody else of the same role, so that it is refused for nothing but the organisation.
        for outside in [person(role, None), person(role, Some("heat"))] {
            let outcome = attempt(&outside);
            let is_beyond_the_plan = matches!(what, "hold" | "extend");
            let reason = outcome.as_ref().err().map(ToString::to_string);
            assert!(
                outcome.is_ok()
                    || is_beyond_the_plan && !matches!(outcome, Err(InvalidTransition::NotAllowed(_))),
                "{what}: {reason:?}"
            );
        }
    }
}

#[test]
fn a_declined_part_waits_for_the_dispatcher_however_far_the_lead_goes_on() {
    let owner = |case: &Case| case.next.as_ref().unwrap().owner.clone();
    let co_executors = vec!["roads".to_owned(), "light".to_owned()];
    let case =
        registered().assign(Assignment { co_executors, ..assignment() }, &operator(), minute(1)).unwrap().0;
    assert_eq!(owner(&case), "vodokanal");
    let case = case.decline_part("  not our road ", &of("roads"), minute(2)).unwrap().0;
    assert_eq!(case.part_of("roads").unwrap().reason.as_deref(), Some("not our road"));
    let case = case.accept(&executor(), minute(3)).unwrap().0;
    let case = case.start(&executor(), minute(4)).unwrap().0;
    assert_eq!(owner(&case), "dispatcher");
    let case = case.decline_part("no lamp there", &of("light"), minute(5)).unwrap().0;
    let case = case.give_part("roads", Some("heat"), "their trench", &supervisor(), minute(6)).unwrap().0;
    assert_eq!(
        (owner(&case).as_str(), case.part_of("heat").unwrap().reason.as_deref()),
        ("dispatcher", None)
    );
    let case = case.give_part("light", None, "nobody is needed", &supervisor(), minute(7)).unwrap().0;
    assert_eq!((owner(&case).as_str(), case.next.unwrap().action.as_str()), ("vodokanal", "report the work"));
}
