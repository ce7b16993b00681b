//! The life of a case: each part by itself, every action in every state by everybody (`walk`), and random histories
//! (`histories`), both of `steps` and watched by a `witness` who keeps count in a way of their own. Here is what they share.
//! Time is counted in minutes after the registration.

#![allow(clippy::unwrap_used, clippy::panic)]

mod closing;
mod endings;
mod execution;
mod histories;
mod part;
mod part_of;
mod reception;
pub(crate) mod steps;
mod walk;
mod witness;

use uuid::Uuid;

use super::city::EvidenceRule;
use super::routing::Assignment;
use super::rules::{ArchiveRule, ReopenRule, VerifyRule};
use super::transition::Transition;
use super::work_order::{EvidenceRef, WorkReport};
use super::*;
use crate::calendar::Calendar;
use crate::digest::Sha256;
use crate::ids::{EvidenceId, UserId};
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

pub(crate) fn draft() -> CaseDraft {
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
        co_executors: Vec::new(),
        because: None,
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
    Told {
        at,
        language: Language::Uk,
        channel: TellingChannel::Voice,
        delivered,
        confirmed,
        cycle: 1,
        whom: None,
        contact: None,
        notification: None,
    }
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

/// `[verify]` with so many attempts on so many days.
fn unreachable_after(attempts: usize, on_days: usize) -> VerifyRule {
    VerifyRule { attempts, on_days, answer_days: 3, inspect_per_mille: 0, clock: clock() }
}

fn clock() -> Calendar {
    Calendar::always("Europe/Kyiv").unwrap()
}

fn reopening() -> ReopenRule {
    ReopenRule { window_days: 30, level_up: 1, clock: clock() }
}

fn archiving() -> ArchiveRule {
    ArchiveRule { after_days: 365, clock: clock() }
}

/// The state a step leads to, and the step.
type Way = (&'static str, fn(Case) -> Transition);

/// The case in a state, by name, on the straight way.
fn in_state(state: &str) -> Case {
    let steps: [Way; 5] = [
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
        "forwarded" => {
            return case.forward("Нацполіція", minute(600), "їхнє", &operator(), minute(1)).unwrap().0;
        }
        "closed" => {
            let confirmed = told(minute(8), true, Some(true));
            let case = in_state("verification").tell(confirmed, &control(), minute(8)).unwrap().0;
            let rule = unreachable_after(3, 1);
            return case.close(ClosingCode::FixedConfirmed, &rule, &control(), minute(9)).unwrap().0;
        }
        "archived" => {
            let year_later = minute(9 + 367 * 1_440);
            return in_state("closed")
                .archive(&archiving(), &Actor::system("archive"), year_later)
                .unwrap()
                .0;
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

fn assert_not_allowed(outcome: Transition, why: &str) {
    assert!(matches!(outcome, Err(InvalidTransition::NotAllowed(_))), "{why}: {outcome:?}");
}

fn assert_invariant(outcome: Transition, reason: &str) {
    assert_eq!(outcome.unwrap_err().to_string(), reason);
}
