//! Everything that can be tried, by everybody, in every situation that can be reached from the registration: no way
//! leads to the end past the evidence, the telling or the verification. The steps are shared with `histories`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::witness::{Tried, Witness};
use super::*;
use crate::case::forwarding::ForwardAnswer;
use crate::case::transition::Classification;
use crate::people::ActorKind;

/// Reopenings, refusals and merges on one way; nothing depends on the third.
const MAX_DETOURS: u16 = 2;
const MAX_TELLINGS: usize = 4;
/// So long between two steps: the third attempt falls on the second day.
const HOURS_BETWEEN: i64 = 9;

pub(super) struct Step {
    pub name: &'static str,
    pub tried: fn(&Case) -> Tried,
    pub act: fn(Case, &Actor, Timestamp) -> Transition,
}

const fn step(name: &'static str, act: fn(Case, &Actor, Timestamp) -> Transition) -> Step {
    Step { name, tried: |_| Tried::Other, act }
}

pub(super) const RULE_ATTEMPTS: (usize, usize) = (3, 2);

fn rule() -> VerifyRule {
    unreachable_after(RULE_ATTEMPTS.0, RULE_ATTEMPTS.1)
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

pub(super) const STEPS: &[Step] = &[
    step("link", |case, _, at| {
        let contact = ContactId(Uuid::from_u128(u128::from(at.micros().unsigned_abs())));
        case.link(contact, at)
    }),
    step("classify", |case, by, at| {
        let description = Some("Тече сильніше".to_owned());
        case.classify(Classification { description, ..Classification::default() }, by, at)
    }),
    step("assign", |case, by, at| {
        let assignment = assigned_to("vodokanal", &case, at);
        case.assign(assignment, by, at)
    }),
    step("assign_by_hand", |case, by, at| {
        let other = if case.state.executor() == Some("vodokanal") { "heat" } else { "vodokanal" };
        let assignment = assigned_to(other, &case, at);
        case.assign_by_hand(assignment, "їхня мережа", by, at)
    }),
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
];

/// What a step does.
pub(crate) type Act = fn(Case, &Actor, Timestamp) -> Transition;

/// The steps for others who watch histories.
pub(crate) fn moves() -> Vec<(&'static str, Act)> {
    STEPS.iter().map(|step| (step.name, step.act)).collect()
}

/// Everybody there is: each kind outside the executors, and those who move cases also within the one that has the work.
pub(crate) fn everybody() -> Vec<Actor> {
    let mut actors = vec![
        Actor::system("test"),
        Actor { kind: ActorKind::Applicant, ..Actor::system("contact") },
        person(Role::Executor, Some("heat")),
    ];
    actors.extend(Role::ALL.map(|role| person(role, None)));
    let within = [Role::Operator, Role::Supervisor, Role::Control, Role::Executor];
    actors.extend(within.map(|role| person(role, Some("vodokanal"))));
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

/// A case and its witness, and what tells this situation from others.
#[derive(Clone)]
struct Place {
    case: Case,
    witness: Witness,
    steps: i64,
}

impl Place {
    fn key(&self) -> String {
        let case = &self.case;
        let (order, answered) = match &case.state {
            CaseState::Forwarded { answered_at, .. } => (None, answered_at.is_some()),
            state => (state.executor(), false),
        };
        let code = match &case.state {
            CaseState::Explained { code, .. } => Some(*code),
            state => state.closing().map(|(code, _)| code),
        };
        let rounds = (case.cycle, case.bounces, case.absorbed);
        let state = case.state.name();
        format!("{state} {order:?} {answered} {code:?} {rounds:?} {}", self.witness.situation())
    }

    fn is_worth_going_on(&self) -> bool {
        let case = &self.case;
        // Two detours in one life show whatever two of them do to each other.
        case.cycle - 1 + case.bounces + case.absorbed <= MAX_DETOURS
            && case.told.len() <= MAX_TELLINGS
            && case.contacts.len() <= 4
    }
}

#[test]
fn no_way_leads_past_the_evidence_the_telling_or_the_verification() {
    let (case, events) = Case::register(draft(), CaseNumber::new(2026, "01", 1), minute(0));
    let witness = Witness::of(&case, &events, rule(), minute(0));
    let start = Place { case, witness, steps: 0 };
    let mut seen = BTreeSet::from([start.key()]);
    let mut open = VecDeque::from([start]);
    let (mut states, mut codes) = (BTreeSet::new(), BTreeSet::new());
    let mut who: BTreeMap<&str, BTreeSet<ActorKind>> = BTreeMap::new();
    let everybody = everybody();
    while let Some(place) = open.pop_front() {
        states.insert(place.case.state.name());
        codes.extend(place.case.state.closing().map(|(code, _)| format!("{code:?}")));
        let longest = if place.case.state.is_open() { HOURS_BETWEEN } else { 24 * 400 };
        for wait in BTreeSet::from([HOURS_BETWEEN, longest]) {
            let at = minute((place.steps + wait) * 60);
            for (step, by) in STEPS.iter().flat_map(|step| everybody.iter().map(move |by| (step, by))) {
                let Ok((after, events)) = (step.act)(place.case.clone(), by, at) else { continue };
                let tried = as_it_was((step.tried)(&place.case), &after);
                let mut witness = place.witness.clone();
                witness.see(&tried, &place.case, (&after, &events), by, at);
                who.entry(step.name).or_default().insert(by.kind);
                let next = Place { case: after, witness, steps: place.steps + wait };
                if next.is_worth_going_on() && seen.insert(next.key()) {
                    open.push_back(next);
                }
            }
        }
    }
    assert_eq!(states.len(), 10, "{states:?}");
    assert_eq!(codes.len(), 10, "{codes:?}");
    println!("{} situations", seen.len());
    assert!(seen.len() > 200, "{} situations are not all of them", seen.len());
    check_who(&who);
}

/// Who got a step through anywhere, against the table of roles.
fn check_who(who: &BTreeMap<&str, BTreeSet<ActorKind>>) {
    use ActorKind::{Applicant, Control, Executor, Operator, Supervisor, System};
    let desk = vec![Operator, Supervisor, Control];
    let tellers = vec![System, Applicant, Operator, Supervisor, Control];
    for step in STEPS {
        let expected = match step.name {
            "link" => continue,
            "classify" | "explain" | "forward" | "merge" | "absorb" | "give_way" => desk.clone(),
            "close_explained" | "close_refused" | "close_unfounded" | "close_planned" | "close_forwarded" => {
                desk.clone()
            }
            "assign" => [vec![System], desk.clone()].concat(),
            "taken_over" | "sent_back" => [vec![System], desk.clone()].concat(),
            "assign_by_hand" | "refuse" | "unfounded" | "planned" => vec![Supervisor, Control],
            "accept" | "decline" | "start" | "report" => vec![Executor],
            "report_bare" | "close_withdrawn" | "close_duplicate" => vec![],
            "accept_evidence" | "reject_evidence" | "return" => vec![Control],
            "inspect" | "inspect_undone" | "reopen_inspected" | "close_inspected" => vec![Control],
            "confirm" | "refute" | "reopen" | "repeat" => tellers.clone(),
            "tell" | "miss" | "tell_joined" => tellers.iter().copied().filter(|k| *k != Applicant).collect(),
            "withdraw" => [vec![Applicant], desk.clone()].concat(),
            "withdraw_unheard" => vec![Applicant, Supervisor, Control],
            "close_confirmed" | "close_unconfirmed" => vec![System, Control],
            "archive" => vec![System],
            other => panic!("nobody said who may {other}"),
        };
        let found = who.get(step.name).cloned().unwrap_or_default();
        assert_eq!(found, expected.into_iter().collect(), "{}", step.name);
    }
}
