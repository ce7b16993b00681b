//! Other ways out and back in: forwarded, refused, withdrawn, merged, inspected, reopened, archived; and rows of
//! earlier versions of the program.

use super::steps::assigned_to;
use super::*;
use crate::case::forwarding::ForwardAnswer;

const DAY: i64 = 1_440;

fn names(events: &[CaseEvent]) -> Vec<&'static str> {
    events.iter().map(|event| event.name).collect()
}

fn other(sequence: u64, phone: &str) -> Case {
    let mut draft = draft();
    draft.contact = Some(ContactId(Uuid::from_u128(u128::from(sequence))));
    draft.applicant.number = Some(PhoneNumber::from_user_part(phone));
    draft.language = Language::En;
    Case::register(draft, CaseNumber::new(2026, "01", sequence), minute(0)).0
}

fn reopen(case: Case, by: &Actor, at: i64) -> Transition {
    let assignment = assigned_to("vodokanal", &case, minute(at));
    case.reopen(assignment, &reopening(), ReopenCause::Applicant, "знову тече", by, minute(at))
}

#[test]
fn a_refusal_says_what_the_case_is_doing() {
    let refusal = in_state("verification").withdraw("так", None, &control(), minute(9));
    assert!(refusal.is_ok());
    let refusal = in_state("verification").start(&executor(), minute(9)).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the case is being verified with the applicant: it cannot be started now"
    );
    for state in ["closed", "archived"] {
        let refusal = in_state(state).withdraw("так", None, &control(), minute(9)).unwrap_err();
        assert!(matches!(refusal, InvalidTransition::WrongState { state: said, .. } if said == state));
    }
}

#[test]
fn forwarded_is_no_end_and_stops_no_clock() {
    let declined = in_state("assigned").decline("не наше", &executor(), minute(2)).unwrap().0;
    let clock = declined.deadline.clone();
    let forwarded =
        declined.forward("Обленерго", minute(600), "їхня опора", &operator(), minute(3)).unwrap().0;
    assert_eq!(forwarded.deadline, clock);
    assert_eq!(forwarded.next.as_ref().unwrap().by, minute(600));
    let rule = unreachable_after(1, 1);
    let early = forwarded.clone().close(ClosingCode::NotCompetentForwarded, &rule, &operator(), minute(4));
    assert!(matches!(early, Err(InvalidTransition::WrongState { state: "forwarded", .. })));
    let unheard = forwarded.clone().tell(told(minute(4), true, None), &operator(), minute(4));
    assert!(matches!(unheard, Err(InvalidTransition::WrongState { .. })), "told before there is an answer");

    let answer = |answer| forwarded.clone().forward_answered(answer, "лист 12", &operator(), minute(700));
    let (back, events) = answer(ForwardAnswer::SentBack).unwrap();
    assert_eq!((back.state.name(), events[0].data["in_time"].as_bool()), ("registered", Some(false)));
    assert!(back.assign(assignment(), &operator(), minute(701)).is_ok());

    let taken = answer(ForwardAnswer::TakenOver).unwrap().0;
    assert_invariant(
        taken.clone().close(ClosingCode::NotCompetentForwarded, &rule, &operator(), minute(701)),
        "the applicant was not told yet",
    );
    assert_invariant(
        taken.clone().close(ClosingCode::Explained, &rule, &operator(), minute(701)),
        "it is closed with the code it was answered with",
    );
    let told = taken.tell(told(minute(702), true, None), &operator(), minute(702)).unwrap().0;
    assert!(told.close(ClosingCode::NotCompetentForwarded, &rule, &operator(), minute(703)).is_ok());
    let past = registered().forward("Обленерго", minute(1), "їхнє", &operator(), minute(1));
    assert!(matches!(past, Err(InvalidTransition::Incomplete(_))));
}

#[test]
fn a_withdrawal_cancels_the_order_and_is_heard_somewhere() {
    let case = in_state("in_progress");
    let call = case.contacts[0];
    let (withdrawn, events) =
        case.clone().withdraw("полагодили самі", Some(call), &operator(), minute(9)).unwrap();
    assert_eq!(names(&events), ["wo.cancelled", "case.withdrawn", "case.closed"]);
    assert_eq!(withdrawn.state.closing().unwrap().0, ClosingCode::Withdrawn);
    let unheard = case.clone().withdraw("полагодили самі", None, &operator(), minute(9));
    assert!(matches!(unheard, Err(InvalidTransition::Incomplete(_))));
    let elsewhere = ContactId(Uuid::from_u128(404));
    assert_invariant(
        case.clone().withdraw("полагодили самі", Some(elsewhere), &operator(), minute(9)),
        "that call is not on this case: link it first",
    );
    assert_not_allowed(case.clone().withdraw("зручніше", None, &executor(), minute(9)), "by the executor");
    let insider = person(Role::Control, Some("vodokanal"));
    assert_not_allowed(case.withdraw("зручніше", None, &insider, minute(9)), "by one of theirs");
}

#[test]
fn the_applicant_of_a_merged_case_hears_from_the_other_in_their_own_language() {
    let (first, second) = (in_state("verification"), other(2, "380502223344"));
    let merged = second.merge(first, "той самий стояк", &operator(), minute(8)).unwrap();
    let (closed, events) = merged.closed;
    assert_eq!(names(&events), ["case.merged", "case.linked", "case.closed"]);
    assert_eq!(closed.merged_into(), Some(&CaseNumber::new(2026, "01", 1)));
    let (case, _) = merged.into;
    assert_eq!((case.contacts.len(), case.joined.len(), case.absorbed), (2, 1, 1));

    let rule = unreachable_after(3, 1);
    let case = case.tell(told(minute(9), true, Some(true)), &control(), minute(9)).unwrap().0;
    assert_invariant(
        case.clone().close(ClosingCode::FixedConfirmed, &rule, &control(), minute(10)),
        "the applicant of a merged case was not told yet",
    );
    let to_second = Told { whom: Some(closed.number.clone()), ..told(minute(10), true, None) };
    assert_invariant(
        case.clone().tell(to_second.clone(), &control(), minute(10)),
        "the applicant is told in the language of the case",
    );
    let in_english = Told { language: Language::En, ..to_second };
    let stranger = Told { whom: Some(CaseNumber::new(2026, "01", 9)), ..in_english.clone() };
    assert_invariant(
        case.clone().tell(stranger, &control(), minute(10)),
        "nobody came to this case with that one",
    );
    let case = case.tell(in_english.clone(), &control(), minute(10)).unwrap().0;
    assert!(case.clone().close(ClosingCode::FixedConfirmed, &rule, &control(), minute(11)).is_ok());
    let not_mine = Told { confirmed: Some(false), ..in_english };
    let refuted = case.tell(not_mine, &control(), minute(12)).unwrap().0;
    assert_eq!((refuted.state.name(), refuted.level), ("in_progress", 1), "any no counts");
}

#[test]
fn nobody_is_merged_into_themselves_in_chains_or_into_the_past() {
    let merge = |case: Case, into: Case| case.merge(into, "те саме", &operator(), minute(9));
    let refused = |outcome: Result<_, InvalidTransition>, reason: &str| {
        let outcome: Result<crate::case::merging::Merged, _> = outcome;
        assert_eq!(outcome.unwrap_err().to_string(), reason);
    };
    let (one, two, three) = (registered(), other(2, "380502223344"), other(3, "380502223355"));
    refused(merge(one.clone(), one.clone()), "a case is not merged with itself");
    refused(
        merge(two.clone(), in_state("closed")),
        "the other case is closed: reopen it, or link this one as its repeat",
    );
    let merged = merge(two, one).unwrap();
    let (gone, target) = (merged.closed.0, merged.into.0);
    refused(
        merge(target.clone(), three.clone()),
        "other cases were merged into this one: merge the other way round",
    );
    refused(
        merge(three.clone(), gone.clone()),
        "the other case was itself merged: choose the one it was merged into",
    );
    assert!(merge(three.clone(), target.clone()).is_ok());
    // Who called twice from one phone is one applicant, and a withheld number is nobody to tell.
    let same_phone = merge(other(4, "380502223344"), target.clone()).unwrap().into.0;
    let withheld = merge(other(5, "anonymous"), target).unwrap().into.0;
    assert_eq!((same_phone.joined.len(), withheld.joined.len()), (1, 1));
    assert_not_allowed(
        merge(in_state("accepted"), three.clone())
            .map(|merged| merged.closed)
            .and(Err(InvalidTransition::NotAllowed("reached"))),
        "an order that is out is cancelled",
    );
    assert_invariant(
        three.give_way(&gone, &operator(), minute(9)),
        "the other case was itself merged: choose the one it was merged into",
    );
}

#[test]
fn unreachable_means_enough_attempts_on_enough_days_of_the_city() {
    let rule = unreachable_after(3, 2);
    let try_at = |case: Case, at| case.tell(told(minute(at), false, None), &control(), minute(at)).unwrap().0;
    let close =
        |case: &Case, at| case.clone().close(ClosingCode::FixedUnconfirmed, &rule, &control(), minute(at));
    let one_day = [10, 20, 30, 40].into_iter().fold(in_state("verification"), try_at);
    assert!(close(&one_day, 50).is_err(), "four attempts on one day");
    assert!(close(&try_at(in_state("verification"), 10 + DAY), 11 + DAY).is_err(), "one attempt");
    assert!(close(&try_at(one_day, 10 + DAY), 11 + DAY).is_ok());
}

#[test]
fn an_inspector_finds_it_done_or_sends_it_back_one_level_up() {
    let told_once =
        in_state("verification").tell(told(minute(8), true, None), &control(), minute(8)).unwrap().0;
    let visit = |passed, by: &Actor| told_once.clone().inspect(passed, "огляд на місці", by, minute(9));
    assert_not_allowed(visit(true, &operator()), "an operator inspects");
    assert_not_allowed(visit(true, &person(Role::Control, Some("vodokanal"))), "one of theirs inspects");
    let rule = unreachable_after(3, 2);
    let (done, events) = visit(true, &control()).unwrap();
    assert_eq!(names(&events), ["verify.inspected"]);
    let (closed, _) = done.close(ClosingCode::FixedInspected, &rule, &control(), minute(10)).unwrap();
    let (undone, events) = visit(false, &control()).unwrap();
    assert_eq!(names(&events), ["verify.inspected", "wo.returned"]);
    assert_eq!((undone.state.name(), undone.level), ("in_progress", 1));

    // Of a closed case: seen and found done, or reopened, even when the window is over.
    assert_eq!(
        closed.clone().inspect(true, "стоїть", &control(), minute(20)).unwrap().0.inspections.len(),
        2
    );
    assert_invariant(
        closed.clone().inspect(false, "немає", &control(), minute(20)),
        "what an inspector finds undone is reopened",
    );
    let late = 60 * DAY;
    let assignment = assigned_to("vodokanal", &closed, minute(late));
    let cause = ReopenCause::Inspection;
    let (again, events) =
        closed.reopen(assignment, &reopening(), cause, "немає", &control(), minute(late)).unwrap();
    assert_eq!(names(&events)[..2], ["verify.inspected", "case.reopened"]);
    assert_eq!((again.state.name(), again.cycle, again.level), ("assigned", 2, 1));
}

#[test]
fn reopening_is_one_cycle_and_one_level_on_within_the_window() {
    // Closed on the 18th of November 2026, 13:15 in Kyiv; the window ends with the 18th of December.
    let case = in_state("closed");
    let closed_at = case.state.closing().unwrap().1;
    let ends = reopening().window_deadline(closed_at);
    assert_eq!(ends.rfc3339(), "2026-12-18T22:00:00.000Z");
    let last_minute = (ends.micros() - minute(0).micros()) / 60_000_000;
    let applicant = Actor { kind: crate::people::ActorKind::Applicant, ..Actor::system("contact") };
    let (again, events) = reopen(case.clone(), &applicant, last_minute).unwrap();
    assert_eq!(names(&events), ["case.reopened", "case.routed", "norm.applied", "wo.issued"]);
    assert_eq!((again.number.clone(), again.cycle, again.level), (case.number.clone(), 2, 1));
    assert_eq!(again.deadline.as_ref().unwrap().first, case.deadline.as_ref().unwrap().first);
    assert_eq!(events[0].reason, None, "what the applicant said is not for ever");
    assert_invariant(
        reopen(case.clone(), &applicant, last_minute + 1),
        "the time in which it could be reopened is over: register a new case as its repeat",
    );
    assert_not_allowed(reopen(case, &executor(), 10), "an executor reopens");
    // The evidence and the answer of the first time prove nothing the second time.
    let at_work = again.accept(&executor(), minute(last_minute + 1)).unwrap().0;
    let at_work = at_work.start(&executor(), minute(last_minute + 2)).unwrap().0;
    let old = [photo("before", minute(4)), photo("after", minute(5))];
    assert!(report(at_work, &old, minute(last_minute + 3)).is_err());
    let gone =
        registered().merge(other(2, "380502223344"), "те саме", &operator(), minute(1)).unwrap().closed.0;
    assert_invariant(
        reopen(gone, &operator(), 10),
        "it was merged into another case and goes on there: reopen that one",
    );
}

#[test]
fn a_case_is_reopened_so_often_and_no_more() {
    let mut case = in_state("closed");
    let mut at = 10;
    while case.cycle < 50 {
        case = reopen(case, &operator(), at).unwrap().0;
        let call = case.contacts[0];
        case = case.withdraw("вже працює", Some(call), &operator(), minute(at + 1)).unwrap().0;
        at += 2;
    }
    assert_eq!(case.level, 9, "no ladder has more rungs");
    assert_invariant(reopen(case, &operator(), at), "it was reopened too often: register a new case");
}

#[test]
fn the_archive_is_the_programs_and_final() {
    let case = in_state("closed");
    let (system, year) = (Actor::system("archive"), 366 * DAY);
    assert_not_allowed(case.clone().archive(&archiving(), &control(), minute(year)), "a person archives");
    assert_invariant(
        case.clone().archive(&archiving(), &system, minute(300 * DAY)),
        "it was closed too recently to be archived",
    );
    let archived = case.archive(&archiving(), &system, minute(year)).unwrap().0;
    assert!(reopen(archived.clone(), &operator(), year + 1).is_err());
    assert!(archived.link(ContactId(Uuid::from_u128(9)), minute(year + 1)).is_err());
}

#[test]
fn a_person_may_choose_another_executor() {
    let by_hand = |case: Case, to: &str, by: &Actor| {
        let assignment = assigned_to(to, &case, minute(9));
        case.assign_by_hand(assignment, "їхня труба", by, minute(9))
    };
    let (case, events) = by_hand(in_state("accepted"), "heat", &control()).unwrap();
    assert_eq!(names(&events), ["wo.cancelled", "case.routed", "norm.applied", "wo.issued"]);
    assert_eq!((case.state.executor(), case.last_order.as_ref().unwrap().by_hand), (Some("heat"), true));
    assert_eq!(case.deadline.as_ref().unwrap().first, minute(1_440), "the first deadline stays");
    assert_not_allowed(by_hand(in_state("accepted"), "heat", &operator()), "an operator overrules the plan");
    assert_invariant(
        by_hand(in_state("accepted"), "vodokanal", &control()),
        "this executor holds the work already",
    );
    assert!(by_hand(in_state("work_reported"), "heat", &control()).is_err(), "what is done is judged first");
}

#[test]
fn relations_point_to_earlier_cases() {
    let (earlier, later) = (registered(), other(2, "380502223344"));
    let relate = |case: &Case, kind, to: &Case| case.clone().relate(kind, to, &operator(), minute(3));
    let (linked, events) = relate(&later, RelationKind::RepeatOf, &earlier).unwrap();
    assert_eq!((linked.relations.len(), names(&events)), (1, vec!["case.linked"]));
    assert_eq!(relate(&linked, RelationKind::RepeatOf, &earlier).unwrap().1, [], "said once");
    assert!(relate(&linked, RelationKind::Follows, &earlier).is_ok());
    assert!(relate(&earlier, RelationKind::RepeatOf, &later).is_err(), "no circle");
    assert_invariant(relate(&later, RelationKind::RepeatOf, &later), "a case is not linked with itself");
    assert_invariant(
        relate(&later, RelationKind::DuplicateOf, &earlier),
        "a duplicate is merged, not linked",
    );
}

#[test]
fn rows_of_earlier_versions_load() {
    let mut row = serde_json::to_value(in_state("closed")).unwrap();
    let fields = row.as_object_mut().unwrap();
    for added in ["level", "reopened_at", "last_order", "relations", "joined", "absorbed", "inspections"] {
        fields.remove(added);
    }
    let case: Case = serde_json::from_value(row).unwrap();
    assert_eq!((case.level, case.absorbed, case.last_order), (0, 0, None));
    let mut row = serde_json::to_value(in_state("explained")).unwrap();
    row["state"].as_object_mut().unwrap().remove("code");
    let case: Case = serde_json::from_value(row).unwrap();
    assert!(matches!(case.state, CaseState::Explained { code: ClosingCode::Explained, .. }));
}
