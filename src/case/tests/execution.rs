//! The way through the executor's hands: assign, accept or decline, start, report.
//! And the work order's row beside it.

use super::*;
use crate::case::transition::Classification;
use crate::case::work_order::{WorkOrder, WorkOrderState};

#[test]
fn only_the_executors_own_organisation_works_on_the_order() {
    let strangers =
        [operator(), control(), person(Role::Executor, Some("roads")), person(Role::Executor, None)];
    for stranger in strangers {
        let who = format!("{stranger:?}");
        assert_not_allowed(in_state("assigned").accept(&stranger, minute(2)), &who);
        assert_not_allowed(in_state("assigned").decline("ні", &stranger, minute(2)), &who);
        assert_not_allowed(in_state("accepted").start(&stranger, minute(3)), &who);
        let report = WorkReport { result: "так".to_owned() };
        assert_not_allowed(
            in_state("in_progress").report_work(report, &[], None, &stranger, minute(4)),
            &who,
        );
    }
}

#[test]
fn done_is_not_believed_without_the_evidence_of_this_order() {
    let too_few = "the category demands more photos than this order shows";
    let good = [photo("before", minute(4)), photo("after", minute(5))];
    let case = || in_state("in_progress");
    assert!(report(case(), &good, minute(6)).is_ok());
    assert_invariant(report(case(), &[], minute(6)), too_few);
    assert_invariant(report(case(), &good[..1], minute(6)), too_few);
    let of_other_order = EvidenceRef { order: WorkOrderId(Uuid::from_u128(78)), ..good[1].clone() };
    assert_invariant(report(case(), &[good[0].clone(), of_other_order], minute(6)), too_few);
    let of_other_cycle = EvidenceRef { cycle: 2, ..good[1].clone() };
    assert_invariant(report(case(), &[good[0].clone(), of_other_cycle], minute(6)), too_few);
    let no_photo = EvidenceRef { content_type: "application/pdf".to_owned(), ..good[1].clone() };
    assert_invariant(report(case(), &[good[0].clone(), no_photo], minute(6)), too_few);
    assert_invariant(
        report(case(), &[photo("before", minute(4)), photo("before", minute(5))], minute(6)),
        "a picture the category demands is missing",
    );
    let nothing_said =
        case().report_work(WorkReport { result: "  ".to_owned() }, &good, None, &executor(), minute(6));
    assert!(matches!(nothing_said, Err(InvalidTransition::Incomplete(_))));
}

#[test]
fn a_rejected_picture_proves_nothing_a_second_time() {
    let old = [photo("before", minute(4)), photo("after", minute(5))];
    let case = in_state("work_reported").reject_evidence("нечітко", &control(), minute(7)).unwrap().0;
    assert_invariant(
        report(case.clone(), &old, minute(8)),
        "no picture shows the work after it was last started",
    );
    let fresh = [old[0].clone(), photo("after", minute(8))];
    assert!(report(case, &fresh, minute(9)).is_ok());
}

#[test]
fn the_second_decline_goes_to_a_dispatcher_and_the_first_deadline_stays() {
    let case = in_state("assigned").decline("не наша мережа", &executor(), minute(2)).unwrap().0;
    assert_eq!((case.bounces, case.next.as_ref().unwrap().owner.as_str()), (1, "operator"));
    assert_eq!(case.deadline.as_ref().unwrap().first, minute(1_440));
    let case = case.assign(assignment(), &operator(), minute(3)).unwrap().0;
    let case = case.decline("і зараз не наша", &executor(), minute(4)).unwrap().0;
    assert_eq!((case.bounces, case.next.as_ref().unwrap().owner.as_str()), (2, "dispatcher"));
    for actor in [operator(), Actor::system("routing")] {
        assert_not_allowed(
            case.clone().assign(assignment(), &actor, minute(5)),
            "routing had its chance twice",
        );
    }
    assert!(case.assign(assignment(), &control(), minute(5)).is_ok());
    let silent = in_state("assigned").decline(" ", &executor(), minute(2));
    assert!(matches!(silent, Err(InvalidTransition::Incomplete(_))));
}

#[test]
fn category_and_territory_stand_while_an_executor_holds_the_work() {
    let category = Classification { category: Some("roads".to_owned()), ..Classification::default() };
    assert!(in_state("registered").classify(category.clone(), &operator(), minute(1)).is_ok());
    assert!(matches!(
        in_state("accepted").classify(category, &operator(), minute(3)),
        Err(InvalidTransition::Invariant(_))
    ));
    let same_place =
        Place {
            address: "Шевченка 12, кв. 4".to_owned(), territory: Some("center".to_owned()), site: None
        };
    let flat = Classification { place: Some(same_place), ..Classification::default() };
    assert!(in_state("accepted").classify(flat, &operator(), minute(3)).is_ok());
    let nothing = in_state("registered").classify(Classification::default(), &operator(), minute(1));
    assert!(matches!(nothing, Err(InvalidTransition::Incomplete(_))));
    let endless = Classification { description: Some("ї".repeat(4_001)), ..Classification::default() };
    assert!(in_state("registered").classify(endless, &operator(), minute(1)).is_err());
}

#[test]
fn a_contact_is_linked_once() {
    let contact = ContactId(Uuid::from_u128(9));
    let (case, events) = registered().link(contact, minute(1)).unwrap();
    assert_eq!((case.contacts.len(), events.len()), (2, 1));
    let (case, events) = case.link(contact, minute(2)).unwrap();
    assert_eq!((case.contacts.len(), events.len()), (2, 0));
}

#[test]
fn the_work_order_follows_the_case() {
    let mut case = registered();
    let mut row: Option<WorkOrder> = None;
    let mut step = |act: &dyn Fn(Case) -> Transition, at, expected: Option<WorkOrderState>| {
        let (next, events) = act(case.clone()).unwrap();
        case = next;
        let after = WorkOrder::after(&case, row.clone(), &events, at).pop();
        assert_eq!(after.as_ref().map(|order| order.state), expected);
        row = after.or(row.take());
        row.clone()
    };
    step(&|case| case.link(ContactId(Uuid::from_u128(8)), minute(1)), minute(1), None);
    let issued = step(
        &|case| case.assign(assignment(), &operator(), minute(1)),
        minute(1),
        Some(WorkOrderState::Issued),
    );
    let issued = issued.unwrap();
    assert_eq!(
        (issued.id, issued.task.as_str(), issued.resolve_by),
        (order(), "Прорив водопроводу", minute(1_440))
    );
    step(&|case| case.accept(&executor(), minute(2)), minute(2), Some(WorkOrderState::Accepted));
    step(&|case| case.start(&executor(), minute(3)), minute(3), Some(WorkOrderState::Started));
    let before = [photo("before", minute(4)), photo("after", minute(5))];
    let reported = step(&|case| report(case, &before, minute(6)), minute(6), Some(WorkOrderState::Reported));
    assert_eq!(reported.unwrap().result.as_deref(), Some("Замінено ділянку"));
    let no_change = step(&|case| case.accept_evidence(&control(), minute(7)), minute(7), None);
    assert_eq!(no_change.unwrap().state, WorkOrderState::Reported);
    step(
        &|case| case.return_to_work("води немає", &control(), minute(8)),
        minute(8),
        Some(WorkOrderState::Returned),
    );
    let again = [photo("before", minute(4)), photo("after", minute(9))];
    step(&|case| report(case, &again, minute(10)), minute(10), Some(WorkOrderState::Reported));
    step(&|case| case.accept_evidence(&control(), minute(11)), minute(11), None);
    step(&|case| case.tell(told(minute(12), true, Some(true)), &control(), minute(12)), minute(12), None);
    step(
        &|case| case.close(ClosingCode::FixedConfirmed, &unreachable_after(3, 1), &control(), minute(13)),
        minute(13),
        Some(WorkOrderState::Done),
    );
}

#[test]
fn a_declined_order_keeps_its_reason() {
    let case = in_state("assigned");
    let (assigned, events) = registered().assign(assignment(), &operator(), minute(1)).unwrap();
    let row = WorkOrder::after(&assigned, None, &events, minute(1)).pop();
    let (case, events) = case.decline("не наша мережа", &executor(), minute(2)).unwrap();
    let row = WorkOrder::after(&case, row, &events, minute(2)).pop().unwrap();
    assert_eq!(
        (row.state, row.declined_reason.as_deref()),
        (WorkOrderState::Declined, Some("не наша мережа"))
    );
}

#[test]
fn done_by_telephone_implies_what_goes_before_it() {
    let done = || WorkReport { result: "by telephone".to_owned() };
    for state in ["assigned", "accepted", "in_progress"] {
        let (case, events) =
            in_state(state).report_at_once(done(), &[], None, &executor(), minute(9)).unwrap();
        assert_eq!(case.state.name(), "work_reported", "{state}");
        assert_eq!(events.last().map(|event| event.name), Some("wo.reported"), "{state}");
    }
    let shown = [photo("before", minute(4)), photo("after", minute(5))];
    let by_rule = |case: Case| case.report_at_once(done(), &shown, Some(&rule()), &executor(), minute(9));
    assert!(by_rule(in_state("in_progress")).is_ok());
    assert!(by_rule(in_state("accepted")).is_err(), "a photo from before the work shows nothing of it");
    assert!(in_state("verification").report_at_once(done(), &[], None, &executor(), minute(9)).is_err());
    assert_not_allowed(
        in_state("assigned").report_at_once(done(), &[], None, &control(), minute(9)),
        "control",
    );
}
