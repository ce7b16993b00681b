//! Everything that can be tried with a case, by name, and everybody who may try it: shared by the walk through all
//! situations (`walk`), the random histories (`histories`) and those of the weekly report.

use std::time::Duration;

use super::witness::Tried;
use super::*;
use crate::case::forwarding::ForwardAnswer;
use crate::case::reception::{Booking, Slot};
use crate::case::transition::Classification;
use crate::ids::IncidentNumber;
use crate::people::ActorKind;

/// Works with the lead where work is shared.
pub(super) const CO_EXECUTOR: &str = "roads";
const INCIDENT: IncidentNumber = IncidentNumber(12);
const HOUR: Duration = Duration::from_secs(3_600);

pub(super) struct Step {
    pub name: &'static str,
    pub tried: fn(&Case) -> Tried,
    pub act: fn(Case, &Actor, Timestamp) -> Transition,
}

const fn step(name: &'static str, act: fn(Case, &Actor, Timestamp) -> Transition) -> Step {
    Step { name, tried: |_| Tried::Other, act }
}

pub(super) fn rule() -> VerifyRule {
    unreachable_after(3, 2)
}

fn close(code: ClosingCode, case: Case, by: &Actor, at: Timestamp) -> Transition {
    case.close(code, &rule(), by, at)
}

fn ask(case: Case, delivered: bool, confirmed: Option<bool>, by: &Actor, at: Timestamp) -> Transition {
    let told = Told { cycle: case.cycle, ..told(at, delivered, confirmed) };
    case.tell(told, by, at)
}

fn asked(delivered: bool, confirmed: Option<bool>) -> Tried {
    Tried::Tell { whom: None, delivered, confirmed }
}

fn done(case: Case, roles: &[&str], by: &Actor, at: Timestamp) -> Transition {
    let order = case.state.order().unwrap_or_else(order);
    let cycle = case.cycle;
    let shown: Vec<_> = roles.iter().map(|role| EvidenceRef { order, cycle, ..photo(role, at) }).collect();
    case.report_work(WorkReport { result: "Замінено".to_owned() }, &shown, Some(&super::rule()), by, at)
}

/// Another assignment for each moment, since an order is issued once.
pub(super) fn assigned_to(executor: &str, case: &Case, at: Timestamp) -> Assignment {
    let micros = u128::from(at.micros().unsigned_abs());
    let mut assignment = Assignment {
        order: WorkOrderId(Uuid::from_u128(micros)),
        executor: executor.to_owned(),
        ..assignment()
    };
    assignment.deadline.resolve_by = at.plus(std::time::Duration::from_secs(86_400));
    assignment.deadline.accept_by = None;
    assignment.deadline.first = case.deadline.as_ref().map_or(assignment.deadline.resolve_by, |d| d.first);
    assignment
}

/// An open case of somebody else, about the same; its number says when it was made.
fn neighbour(at: Timestamp) -> Case {
    let sequence = at.micros().unsigned_abs() / 60_000_000;
    let mut draft = draft();
    draft.contact = Some(ContactId(Uuid::from_u128(u128::from(sequence) << 8)));
    draft.applicant.number = Some(PhoneNumber::from_user_part(&format!("380502223344{sequence}")));
    Case::register(draft, CaseNumber::new(2027, "01", sequence), at).0
}

/// An hour of an official that begins at `starts_at`.
fn booking(starts_at: Timestamp) -> Booking {
    let slot = Slot { starts_at, ends_at: starts_at.plus(HOUR) };
    Booking { reception: "mayor".to_owned(), post: "mayor.reception".to_owned(), slot }
}

pub(super) const STEPS: &[Step] = &[
    step("link", |case, _, at| {
        let contact = ContactId(Uuid::from_u128(u128::from(at.micros().unsigned_abs())));
        case.link(contact, at)
    }),
    step("classify", |case, by, at| {
        let description = Some("Тече сильніше".to_owned());
        case.classify(Classification { description, ..Classification::default() }, by, at)
    }),
    Step {
        name: "assign",
        tried: |_| Tried::Issue { shared: false },
        act: |case, by, at| {
            let assignment = assigned_to("vodokanal", &case, at);
            case.assign(assignment, by, at)
        },
    },
    Step {
        name: "assign_shared",
        tried: |_| Tried::Issue { shared: true },
        act: |case, by, at| {
            let assignment = assigned_to("vodokanal", &case, at);
            let assignment = Assignment { co_executors: vec![CO_EXECUTOR.to_owned()], ..assignment };
            case.assign(assignment, by, at)
        },
    },
    Step {
        name: "assign_by_hand",
        tried: |_| Tried::Issue { shared: false },
        act: |case, by, at| {
            let other = if case.state.executor() == Some("vodokanal") { "heat" } else { "vodokanal" };
            let assignment = assigned_to(other, &case, at);
            case.assign_by_hand(assignment, "їхня мережа", by, at)
        },
    },
    step("accept", |case, by, at| case.accept(by, at)),
    step("decline", |case, by, at| case.decline("не наше", by, at)),
    step("start", |case, by, at| case.start(by, at)),
    Step {
        name: "report",
        tried: |_| Tried::Report { proven: true },
        act: |case, by, at| done(case, &["before", "after"], by, at),
    },
    Step {
        name: "report_bare",
        tried: |_| Tried::Report { proven: false },
        act: |case, by, at| done(case, &["before"], by, at),
    },
    Step {
        name: "accept_evidence",
        tried: |_| Tried::AcceptEvidence,
        act: |case, by, at| case.accept_evidence(by, at),
    },
    step("reject_evidence", |case, by, at| case.reject_evidence("інший будинок", by, at)),
    step("return", |case, by, at| case.return_to_work("води немає", by, at)),
    Step { name: "tell", tried: |_| asked(true, None), act: |case, by, at| ask(case, true, None, by, at) },
    Step { name: "miss", tried: |_| asked(false, None), act: |case, by, at| ask(case, false, None, by, at) },
    Step {
        name: "confirm",
        tried: |_| asked(true, Some(true)),
        act: |case, by, at| ask(case, true, Some(true), by, at),
    },
    Step {
        name: "refute",
        tried: |_| asked(true, Some(false)),
        act: |case, by, at| ask(case, true, Some(false), by, at),
    },
    Step {
        name: "tell_joined",
        tried: |case| Tried::Tell {
            whom: Some(case.joined.last().map_or_else(String::new, |joined| joined.from.0.clone())),
            delivered: true,
            confirmed: None,
        },
        act: |case, by, at| {
            let whom =
                Some(case.joined.last().map_or(CaseNumber(String::new()), |joined| joined.from.clone()));
            let told = Told { whom, cycle: case.cycle, ..told(at, true, None) };
            case.tell(told, by, at)
        },
    },
    Step {
        name: "inspect",
        tried: |_| Tried::Inspect { passed: true },
        act: |case, by, at| case.inspect(true, "зроблено", by, at),
    },
    Step {
        name: "inspect_undone",
        tried: |_| Tried::Inspect { passed: false },
        act: |case, by, at| case.inspect(false, "не зроблено", by, at),
    },
    Step {
        name: "explain",
        tried: |_| Tried::Answer,
        act: |case, by, at| case.explain("за графіком", by, at),
    },
    Step {
        name: "refuse",
        tried: |_| Tried::Answer,
        act: |case, by, at| case.refuse(ClosingCode::RefusedLawful, "стаття 8", by, at),
    },
    Step {
        name: "unfounded",
        tried: |_| Tried::Answer,
        act: |case, by, at| case.refuse(ClosingCode::Unfounded, "огляд нічого не показав", by, at),
    },
    Step {
        name: "planned",
        tried: |_| Tried::Answer,
        act: |case, by, at| case.refuse(ClosingCode::PlannedProgramme, "програма на 2027 рік", by, at),
    },
    step("forward", |case, by, at| {
        case.forward("Обленерго", at.plus(std::time::Duration::from_secs(864_000)), "їхня мережа", by, at)
    }),
    Step {
        name: "taken_over",
        tried: |_| Tried::ForwardTakenOver,
        act: |case, by, at| case.forward_answered(ForwardAnswer::TakenOver, "беремо", by, at),
    },
    step("sent_back", |case, by, at| case.forward_answered(ForwardAnswer::SentBack, "не наше", by, at)),
    Step {
        name: "withdraw",
        tried: |_| Tried::Withdraw { with_call: true },
        act: |case, by, at| {
            let call = case.contacts.first().copied();
            case.withdraw("передумали", call, by, at)
        },
    },
    Step {
        name: "withdraw_unheard",
        tried: |_| Tried::Withdraw { with_call: false },
        act: |case, by, at| case.withdraw("передумали", None, by, at),
    },
    step("merge", |case, by, at| Ok(case.merge(neighbour(at), "той самий будинок", by, at)?.closed)),
    Step {
        name: "absorb",
        tried: |_| Tried::Absorb { from: String::new() },
        act: |case, by, at| Ok(neighbour(at).merge(case, "той самий будинок", by, at)?.into),
    },
    step("give_way", |case, by, at| case.give_way(&neighbour(at), by, at)),
    step("repeat", |case, by, at| {
        let earlier =
            Case { registered_at: minute(-9), number: CaseNumber::new(2025, "01", 7), ..case.clone() };
        case.relate(RelationKind::RepeatOf, &earlier, by, at)
    }),
    step("close_confirmed", |case, by, at| close(ClosingCode::FixedConfirmed, case, by, at)),
    step("close_inspected", |case, by, at| close(ClosingCode::FixedInspected, case, by, at)),
    step("close_unconfirmed", |case, by, at| close(ClosingCode::FixedUnconfirmed, case, by, at)),
    step("close_explained", |case, by, at| close(ClosingCode::Explained, case, by, at)),
    step("close_refused", |case, by, at| close(ClosingCode::RefusedLawful, case, by, at)),
    step("close_unfounded", |case, by, at| close(ClosingCode::Unfounded, case, by, at)),
    step("close_planned", |case, by, at| close(ClosingCode::PlannedProgramme, case, by, at)),
    step("close_forwarded", |case, by, at| close(ClosingCode::NotCompetentForwarded, case, by, at)),
    step("close_withdrawn", |case, by, at| close(ClosingCode::Withdrawn, case, by, at)),
    step("close_duplicate", |case, by, at| close(ClosingCode::Duplicate, case, by, at)),
    Step {
        name: "reopen",
        tried: |_| Tried::Reopen,
        act: |case, by, at| {
            let assignment = assigned_to("vodokanal", &case, at);
            case.reopen(assignment, &reopening(), ReopenCause::Applicant, "знову не світить", by, at)
        },
    },
    Step {
        name: "reopen_inspected",
        tried: |_| Tried::Reopen,
        act: |case, by, at| {
            let assignment = assigned_to("vodokanal", &case, at);
            case.reopen(assignment, &reopening(), ReopenCause::Inspection, "не зроблено", by, at)
        },
    },
    step("archive", |case, by, at| case.archive(&archiving(), by, at)),
    Step {
        name: "accept_part",
        tried: |_| Tried::Part(PartState::Accepted),
        act: |case, by, at| case.accept_part(by, at),
    },
    Step {
        name: "report_part",
        tried: |_| Tried::Part(PartState::Reported),
        act: |case, by, at| case.report_part("засипано", by, at),
    },
    Step {
        name: "decline_part",
        tried: |_| Tried::Part(PartState::Declined),
        act: |case, by, at| case.decline_part("не наша дорога", by, at),
    },
    Step {
        name: "give_part",
        tried: |_| Tried::GivePart { from: CO_EXECUTOR, to: Some("heat") },
        act: |case, by, at| case.give_part(CO_EXECUTOR, Some("heat"), "їхня траншея", by, at),
    },
    Step {
        name: "do_without",
        tried: |_| Tried::GivePart { from: CO_EXECUTOR, to: None },
        act: |case, by, at| case.give_part(CO_EXECUTOR, None, "обійдуться", by, at),
    },
    Step {
        name: "attach",
        tried: |case| if case.incident().is_some() { Tried::Other } else { Tried::Attach },
        act: |case, by, at| case.attach(INCIDENT, at.plus(HOUR), by, at),
    },
    Step {
        name: "detach", tried: |_| Tried::Detach, act: |case, by, at| case.detach("інша вулиця", by, at)
    },
    Step { name: "let_go", tried: |_| Tried::Detach, act: |case, by, at| case.let_go("cancelled", by, at) },
    Step {
        name: "restored",
        tried: |case| match case.state {
            CaseState::Registered if case.awaits_incident() => Tried::Restored,
            _ if case.awaits_incident() => Tried::Detach,
            _ => Tried::Other,
        },
        act: |case, by, at| {
            let assignment = assigned_to("vodokanal", &case, at);
            case.restored(assignment, by, at)
        },
    },
    step("book", |case, by, at| case.book(&booking(at.plus(HOUR)), by, at)),
    step("move_reception", |case, by, at| {
        let from = booking(at.plus(HOUR)).slot;
        case.move_reception(from, &booking(at.plus(2 * HOUR)), by, at)
    }),
    Step {
        name: "hold_reception",
        tried: |case| match case.state {
            CaseState::Registered if case.joined.is_empty() => Tried::Receive,
            _ => Tried::Other,
        },
        act: |case, by, at| case.hold_reception(booking(at).slot, "зробимо навесні", by, at),
    },
    Step {
        name: "miss_reception",
        tried: |_| Tried::Withdraw { with_call: false },
        act: |case, by, at| case.miss_reception(booking(at).slot, by, at),
    },
    step("instruct", |case, by, _| case.instruct(&CaseNumber::new(2027, "01", 9), by)),
];

/// What a step does.
pub(crate) type Act = fn(Case, &Actor, Timestamp) -> Transition;

/// The steps for others who watch histories.
pub(crate) fn moves() -> Vec<(&'static str, Act)> {
    STEPS.iter().map(|step| (step.name, step.act)).collect()
}

/// Everybody there is: each kind outside the executors, those who move cases also within the one that has the work, and
/// some within the one that has a part in it.
pub(crate) fn everybody() -> Vec<Actor> {
    let mut actors = vec![
        Actor::system("test"),
        Actor { kind: ActorKind::Applicant, ..Actor::system("contact") },
        person(Role::Executor, Some("heat")),
    ];
    actors.extend(Role::ALL.map(|role| person(role, None)));
    let within = [Role::Operator, Role::Supervisor, Role::Control, Role::Executor];
    actors.extend(within.map(|role| person(role, Some("vodokanal"))));
    actors.extend([Role::Control, Role::Executor].map(|role| person(role, Some(CO_EXECUTOR))));
    actors
}

/// What a step of the joined kind was tried with: only the machine knows the number it gave.
pub(super) fn as_it_was(tried: Tried, after: &Case) -> Tried {
    match tried {
        Tried::Absorb { .. } => Tried::Absorb {
            from: after.joined.last().map_or_else(String::new, |joined| joined.from.0.clone()),
        },
        tried => tried,
    }
}
