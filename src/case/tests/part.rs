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
    assert_eq!(case.parts, [Part { executor: "roads".to_owned(), state: PartState::Reported }]);
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
