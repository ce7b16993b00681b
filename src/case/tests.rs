//! Every state against every action, and the invariants of DOMAIN.md one by one.
//! Time is counted in minutes after the registration.

#![allow(clippy::unwrap_used, clippy::panic)]

use uuid::Uuid;

use super::city::EvidenceRule;
use super::routing::Assignment;
use super::transition::{Classification, Transition};
use super::work_order::{EvidenceRef, WorkOrder, WorkOrderState, WorkReport};
use super::*;
use crate::digest::Sha256;
use crate::ids::{EvidenceId, UserId};
use crate::journal::{Draft, EventType};
use crate::people::{Actor, Role};

/// Minutes after the registration.
fn minute(n: i64) -> Timestamp {
    Timestamp::from_micros(1_795_000_000_000_000 + n * 60_000_000)
}

fn person(role: Role, organisation: Option<&str>) -> Actor {
    Actor::person(role, UserId(Uuid::from_u128(5)), organisation.map(str::to_owned))
}

fn operator() -> Actor {
    person(Role::Operator, None)
}

fn control() -> Actor {
    person(Role::Control, None)
}

fn executor() -> Actor {
    person(Role::Executor, Some("vodokanal"))
}

fn order() -> WorkOrderId {
    WorkOrderId(Uuid::from_u128(77))
}

fn draft() -> CaseDraft {
    CaseDraft {
        contact: Some(ContactId(Uuid::from_u128(1))),
        category: "water.burst".to_owned(),
        language: Language::Uk,
        priority: Priority::Normal,
        applicant: Applicant {
            identity: IdentityLevel::CallerNumber,
            number: Some(PhoneNumber::from_user_part("380441234567")),
            name: Some("Марія Коваль".to_owned()),
        },
        place: Some(Place {
            address: "Шевченка 12".to_owned(),
            territory: Some("center".to_owned()),
            site: None,
        }),
        description: "Тече зі стелі".to_owned(),
        ivr_path: vec!["root".to_owned(), "water".to_owned()],
    }
}

fn registered() -> Case {
    Case::register(draft(), CaseNumber::new(2026, "01", 1), minute(0)).0
}

fn assignment() -> Assignment {
    Assignment {
        order: order(),
        executor: "vodokanal".to_owned(),
        executor_name: "Водоканал".to_owned(),
        deadline: Deadline {
            norm: "water-burst".to_owned(),
            first: minute(1_440),
            resolve_by: minute(1_440),
            accept_by: Some(minute(15)),
            ..Deadline::default()
        },
        task: "Прорив водопроводу".to_owned(),
    }
}

fn rule() -> EvidenceRule {
    EvidenceRule { min_photos: 2, roles: vec!["before".to_owned(), "after".to_owned()] }
}

fn photo(role: &str, at: Timestamp) -> EvidenceRef {
    EvidenceRef {
        id: EvidenceId(Uuid::from_u128(3)),
        order: order(),
        role: role.to_owned(),
        content_type: "image/jpeg".to_owned(),
        length: 1,
        sha256: Sha256::of(role.as_bytes()),
        received_at: at,
        cycle: 1,
    }
}

fn told(at: Timestamp, delivered: bool, confirmed: Option<bool>) -> Told {
    Told { at, language: Language::Uk, channel: TellingChannel::Voice, delivered, confirmed, cycle: 1 }
}

fn report(case: Case, evidence: &[EvidenceRef], at: Timestamp) -> Transition {
    case.report_work(
        WorkReport { result: "Замінено ділянку".to_owned() },
        evidence,
        Some(&rule()),
        &executor(),
        at,
    )
}

/// The case in each state, by name, on the straight way.
fn in_state(state: &str) -> Case {
    let steps: [Action; 5] = [
        ("assigned", |case| case.assign(assignment(), &operator(), minute(1))),
        ("accepted", |case| case.accept(&executor(), minute(2))),
        ("in_progress", |case| case.start(&executor(), minute(3))),
        ("work_reported", |case| {
            report(case, &[photo("before", minute(4)), photo("after", minute(5))], minute(6))
        }),
        ("verification", |case| case.accept_evidence(&control(), minute(7))),
    ];
    let mut case = registered();
    match state {
        "registered" => return case,
        "explained" => return case.explain("Графік на сайті", &operator(), minute(1)).unwrap().0,
        "closed" => {
            let case = in_state("verification")
                .tell(told(minute(8), true, Some(true)), &control(), minute(8))
                .unwrap()
                .0;
            return case.close(ClosingCode::FixedConfirmed, 3, &control(), minute(9)).unwrap().0;
        }
        _ => {}
    }
    for (name, step) in steps {
        case = step(case).unwrap().0;
        assert_eq!(case.state.name(), name);
        if name == state {
            return case;
        }
    }
    panic!("no state {state}");
}

const STATES: [&str; 8] = [
    "registered",
    "assigned",
    "accepted",
    "in_progress",
    "work_reported",
    "verification",
    "explained",
    "closed",
];

type Action = (&'static str, fn(Case) -> Transition);

const ACTIONS: [Action; 14] = [
    ("link", |case| case.link(ContactId(Uuid::from_u128(2)), minute(10))),
    ("classify", |case| {
        let change = Classification {
            description: Some("Тече сильніше".to_owned()),
            ..Classification::default()
        };
        case.classify(change, &operator(), minute(10))
    }),
    ("assign", |case| case.assign(assignment(), &operator(), minute(10))),
    ("accept", |case| case.accept(&executor(), minute(10))),
    ("decline", |case| case.decline("не наша мережа", &executor(), minute(10))),
    ("start", |case| case.start(&executor(), minute(10))),
    ("report", |case| report(case, &[photo("before", minute(4)), photo("after", minute(9))], minute(10))),
    ("accept_evidence", |case| case.accept_evidence(&control(), minute(10))),
    ("reject_evidence", |case| case.reject_evidence("інший будинок", &control(), minute(10))),
    ("tell", |case| case.tell(told(minute(10), true, None), &control(), minute(10))),
    ("return", |case| case.return_to_work("води немає", &control(), minute(10))),
    ("explain", |case| case.explain("Графік на сайті", &operator(), minute(10))),
    ("merge", |case| case.merge(&CaseNumber::new(2026, "01", 2), &operator(), minute(10))),
    ("close", |case| {
        let code = if matches!(case.state, CaseState::Explained { .. }) {
            ClosingCode::Explained
        } else {
            ClosingCode::FixedInspected
        };
        let mut case = case;
        case.told.push(told(minute(10), true, None));
        case.close(code, 3, &control(), minute(10))
    }),
];

/// Where an action leads from a state; what is not listed is refused.
const ALLOWED: [(&str, &str, &str); 26] = [
    ("registered", "merge", "closed"),
    ("registered", "link", "registered"),
    ("assigned", "link", "assigned"),
    ("accepted", "link", "accepted"),
    ("in_progress", "link", "in_progress"),
    ("work_reported", "link", "work_reported"),
    ("verification", "link", "verification"),
    ("explained", "link", "explained"),
    ("closed", "link", "closed"),
    ("registered", "classify", "registered"),
    ("assigned", "classify", "assigned"),
    ("accepted", "classify", "accepted"),
    ("in_progress", "classify", "in_progress"),
    ("work_reported", "classify", "work_reported"),
    ("verification", "classify", "verification"),
    ("explained", "classify", "explained"),
    ("registered", "assign", "assigned"),
    ("registered", "explain", "explained"),
    ("assigned", "accept", "accepted"),
    ("assigned", "decline", "registered"),
    ("accepted", "start", "in_progress"),
    ("in_progress", "report", "work_reported"),
    ("work_reported", "accept_evidence", "verification"),
    ("work_reported", "reject_evidence", "in_progress"),
    ("verification", "return", "in_progress"),
    ("verification", "tell", "verification"),
];

/// The same, from the two states that end in telling and closing.
const ENDING: [(&str, &str, &str); 3] = [
    ("explained", "tell", "explained"),
    ("verification", "close", "closed"),
    ("explained", "close", "closed"),
];

#[test]
fn every_state_and_action() {
    for state in STATES {
        for (name, act) in ACTIONS {
            let leads_to =
                ALLOWED.iter().chain(&ENDING).find(|(from, action, _)| *from == state && *action == name);
            match (act(in_state(state)), leads_to) {
                (Ok((case, _)), Some((_, _, to))) => {
                    assert_eq!(case.state.name(), *to, "{name} from {state}")
                }
                (Err(InvalidTransition::WrongState { state: said, .. }), None) => {
                    assert_eq!(said, state, "{name} from {state}");
                }
                (outcome, _) => panic!("{name} from {state}: {outcome:?}"),
            }
        }
    }
    let refusal = in_state("closed").start(&executor(), minute(10)).unwrap_err();
    assert_eq!(refusal.to_string(), "a case that is 'closed' cannot be started");
}

#[test]
fn every_open_case_has_an_owner_and_a_next_date() {
    for state in STATES {
        assert_eq!(in_state(state).next.is_none(), state == "closed", "{state}");
    }
}

#[test]
fn every_event_is_in_the_vocabulary_and_names_no_citizen() {
    for state in STATES {
        for (name, act) in ACTIONS {
            let Ok((case, events)) = act(in_state(state)) else { continue };
            for event in events {
                let draft = Draft::from_case_event(&event, &case, &operator(), minute(10));
                let draft =
                    draft.unwrap_or_else(|| panic!("{} of {name} is not in the vocabulary", event.name));
                let text = draft.data.to_string();
                for secret in ["380441234567", "Марія", "Шевченка", "Тече"] {
                    assert!(!text.contains(secret), "{}: {text}", event.name);
                }
            }
        }
    }
    let (case, events) = Case::register(draft(), CaseNumber::new(2026, "01", 1), minute(0));
    let entry = Draft::from_case_event(&events[0], &case, &operator(), minute(0)).unwrap();
    assert_eq!((entry.event, entry.case), (EventType::CaseRegistered, Some(case.number)));
    assert!(!entry.data.to_string().contains("4567"));
}

fn assert_not_allowed(outcome: Transition, why: &str) {
    assert!(matches!(outcome, Err(InvalidTransition::NotAllowed(_))), "{why}: {outcome:?}");
}

fn assert_invariant(outcome: Transition, reason: &str) {
    assert_eq!(outcome.unwrap_err().to_string(), reason);
}

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
fn nobody_judges_or_closes_the_work_of_their_own_organisation() {
    let insider = person(Role::Control, Some("vodokanal"));
    for actor in [insider, executor(), operator(), person(Role::Auditor, None)] {
        let who = format!("{actor:?}");
        assert_not_allowed(in_state("work_reported").accept_evidence(&actor, minute(7)), &who);
        assert_not_allowed(in_state("work_reported").reject_evidence("ні", &actor, minute(7)), &who);
        assert_not_allowed(in_state("verification").return_to_work("ні", &actor, minute(8)), &who);
        let case = in_state("verification")
            .tell(told(minute(8), true, Some(true)), &control(), minute(8))
            .unwrap()
            .0;
        assert_not_allowed(case.close(ClosingCode::FixedConfirmed, 3, &actor, minute(9)), &who);
    }
    assert_not_allowed(
        in_state("registered").assign(assignment(), &executor(), minute(1)),
        "an executor assigns",
    );
    assert_not_allowed(in_state("registered").explain("так", &executor(), minute(1)), "an executor explains");
    // Control of another organisation may; the program may close what the applicant confirmed.
    let outsider = person(Role::Control, Some("council"));
    assert!(in_state("work_reported").accept_evidence(&outsider, minute(7)).is_ok());
    let case =
        in_state("verification").tell(told(minute(8), true, Some(true)), &control(), minute(8)).unwrap().0;
    assert!(case.close(ClosingCode::FixedConfirmed, 3, &Actor::system("ring_back"), minute(9)).is_ok());
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
fn no_close_before_the_applicant_was_told_in_the_language_of_the_case() {
    let close = |case: Case, code, attempts| case.close(code, attempts, &control(), minute(30));
    let tell = |case: Case, at, delivered, confirmed| {
        case.tell(told(minute(at), delivered, confirmed), &control(), minute(at)).unwrap().0
    };
    let case = in_state("verification");
    assert_invariant(close(case.clone(), ClosingCode::FixedInspected, 3), "the applicant was not told yet");
    assert_invariant(
        close(case.clone(), ClosingCode::FixedConfirmed, 3),
        "the applicant has not confirmed that it is fixed",
    );
    let in_english = Told { language: Language::En, ..told(minute(8), true, None) };
    assert_invariant(
        case.clone().tell(in_english, &control(), minute(8)),
        "the applicant is told in the language of the case",
    );
    let once = tell(case.clone(), 8, true, None);
    assert!(close(once.clone(), ClosingCode::FixedInspected, 3).is_ok());
    assert_invariant(
        close(once, ClosingCode::FixedUnconfirmed, 3),
        "the attempts to reach the applicant are not used up",
    );
    let thrice = (8..11).fold(case.clone(), |case, at| tell(case, at, false, None));
    assert!(close(thrice.clone(), ClosingCode::FixedUnconfirmed, 3).is_ok());
    assert_invariant(
        close(thrice, ClosingCode::FixedUnconfirmed, 4),
        "the attempts to reach the applicant are not used up",
    );
    assert!(close(case, ClosingCode::FixedUnconfirmed, 0).is_err(), "zero attempts are never enough");
}

#[test]
fn an_earlier_confirmation_does_not_speak_for_later_work() {
    let case =
        in_state("verification").tell(told(minute(8), true, Some(true)), &control(), minute(8)).unwrap().0;
    let case = case.return_to_work("за годину знову тече", &control(), minute(9)).unwrap().0;
    let evidence = [photo("before", minute(4)), photo("after", minute(10))];
    let case =
        report(case, &evidence, minute(11)).unwrap().0.accept_evidence(&control(), minute(12)).unwrap().0;
    assert_eq!(case.told.len(), 1);
    assert_invariant(
        case.close(ClosingCode::FixedConfirmed, 1, &control(), minute(13)),
        "the applicant has not confirmed that it is fixed",
    );
}

#[test]
fn a_refuting_applicant_returns_the_case_to_work() {
    let (case, events) =
        in_state("verification").tell(told(minute(8), true, Some(false)), &control(), minute(8)).unwrap();
    assert_eq!(
        case.state,
        CaseState::InProgress { order: order(), executor: "vodokanal".to_owned(), started_at: minute(8) }
    );
    let names: Vec<&str> = events.iter().map(|event| event.name).collect();
    assert_eq!(names, ["verify.attempted", "verify.refuted", "wo.returned"]);
}

#[test]
fn codes_fit_what_was_done() {
    let fixed = "nothing was fixed: no work was done on this case";
    let same_contact = Told { channel: TellingChannel::SameContact, ..told(minute(2), true, None) };
    let explained = in_state("explained").tell(same_contact.clone(), &operator(), minute(2)).unwrap().0;
    for code in [ClosingCode::FixedConfirmed, ClosingCode::FixedInspected, ClosingCode::FixedUnconfirmed] {
        assert_invariant(explained.clone().close(code, 1, &control(), minute(3)), fixed);
    }
    assert!(explained.close(ClosingCode::Explained, 3, &operator(), minute(3)).is_ok());
    assert_invariant(
        in_state("explained").close(ClosingCode::Explained, 3, &operator(), minute(3)),
        "the applicant was not told yet",
    );
    assert_invariant(
        in_state("verification").tell(same_contact, &control(), minute(8)),
        "work is not done during the call that reports the trouble",
    );
    assert_invariant(
        in_state("verification").close(ClosingCode::Withdrawn, 1, &control(), minute(8)),
        "work that was done is closed as fixed, or returned",
    );
}

#[test]
fn the_second_decline_goes_to_a_dispatcher_and_the_first_deadline_stays() {
    let case = in_state("assigned").decline("не наша мережа", &executor(), minute(2)).unwrap().0;
    assert_eq!((case.bounces, case.next.as_ref().unwrap().owner.as_str()), (1, "operator"));
    assert_eq!(case.deadline.as_ref().unwrap().first, minute(1_440));
    let case = case.assign(assignment(), &operator(), minute(3)).unwrap().0;
    let case = case.decline("і зараз не наша", &executor(), minute(4)).unwrap().0;
    assert_eq!((case.bounces, case.next.unwrap().owner.as_str()), (2, "dispatcher"));
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
        let after = WorkOrder::after(&case, row.clone(), &events, at);
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
        &|case| case.close(ClosingCode::FixedConfirmed, 3, &control(), minute(13)),
        minute(13),
        Some(WorkOrderState::Done),
    );
}

#[test]
fn a_declined_order_keeps_its_reason() {
    let case = in_state("assigned");
    let (assigned, events) = registered().assign(assignment(), &operator(), minute(1)).unwrap();
    let row = WorkOrder::after(&assigned, None, &events, minute(1));
    let (case, events) = case.decline("не наша мережа", &executor(), minute(2)).unwrap();
    let row = WorkOrder::after(&case, row, &events, minute(2)).unwrap();
    assert_eq!(
        (row.state, row.declined_reason.as_deref()),
        (WorkOrderState::Declined, Some("не наша мережа"))
    );
}
