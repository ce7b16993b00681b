//! Everything that can be tried, by everybody, in every situation that can be reached from the registration: no way
//! leads to the end past the evidence, the telling or the verification. What can be tried is `steps`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::steps::{STEPS, as_it_was, everybody, rule};
use super::witness::Witness;
use super::*;
use crate::people::ActorKind;

/// Reopenings, refusals, merges and incidents on one way; nothing depends on the third.
const MAX_DETOURS: usize = 2;
const MAX_TELLINGS: usize = 4;
/// So long between two steps: the third attempt falls on the second day.
const HOURS_BETWEEN: i64 = 9;

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
        let rounds = (case.cycle, case.bounces, case.absorbed, case.incidents.len());
        let waits = (case.incident(), case.awaits_incident(), case.awaits_reception());
        let state = case.state.name();
        let situation = self.witness.situation();
        format!("{state} {order:?} {answered} {code:?} {rounds:?} {waits:?} {situation}")
    }

    fn is_worth_going_on(&self) -> bool {
        let case = &self.case;
        // Two detours in one life show whatever two of them do to each other.
        let rounds = usize::from(case.cycle - 1 + case.bounces + case.absorbed);
        // What others do on shared work is the same in every round; the random histories mix them.
        let shared = 2 * usize::from(!case.parts.is_empty());
        rounds + case.incidents.len() + shared <= MAX_DETOURS
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
    use ActorKind::{Applicant, Control, Executor, MayorOffice, Operator, Supervisor, System};
    let desk = vec![Operator, Supervisor, Control];
    let tellers = vec![System, Applicant, Operator, Supervisor, Control];
    for step in STEPS {
        let expected = match step.name {
            "link" => continue,
            "classify" | "explain" | "forward" | "merge" | "absorb" | "give_way" => desk.clone(),
            "close_explained" | "close_refused" | "close_unfounded" | "close_planned" | "close_forwarded" => {
                desk.clone()
            }
            "assign" | "assign_shared" => [vec![System], desk.clone()].concat(),
            "taken_over" | "sent_back" => [vec![System], desk.clone()].concat(),
            "assign_by_hand" | "refuse" | "unfounded" | "planned" => vec![Supervisor, Control],
            "accept" | "decline" | "start" | "report" => vec![Executor],
            "accept_part" | "report_part" | "decline_part" => vec![Executor],
            "give_part" | "do_without" => vec![Supervisor, Control],
            "attach" => [vec![Applicant, System], desk.clone()].concat(),
            "detach" => desk.clone(),
            "restored" | "let_go" => vec![System],
            "book" | "move_reception" => [vec![Applicant, MayorOffice], desk.clone()].concat(),
            "hold_reception" | "miss_reception" | "instruct" => vec![MayorOffice, Supervisor, Control],
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
