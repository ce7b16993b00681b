//! Evidence judged, applicant told, case closed: who, in which language, after which attempts, with which code.
//! The other ways out are `endings`.

use super::*;

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
        assert_not_allowed(
            case.close(ClosingCode::FixedConfirmed, &unreachable_after(3, 1), &actor, minute(9)),
            &who,
        );
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
    assert!(
        case.close(
            ClosingCode::FixedConfirmed,
            &unreachable_after(3, 1),
            &Actor::system("ring_back"),
            minute(9)
        )
        .is_ok()
    );
}

#[test]
fn no_close_before_the_applicant_was_told_in_the_language_of_the_case() {
    let close = |case: Case, code, attempts| {
        case.close(code, &unreachable_after(attempts, 1), &control(), minute(30))
    };
    let tell = |case: Case, at, delivered, confirmed| {
        case.tell(told(minute(at), delivered, confirmed), &control(), minute(at)).unwrap().0
    };
    let case = in_state("verification");
    assert_invariant(
        close(case.clone(), ClosingCode::FixedInspected, 3),
        "no inspector has found the work done",
    );
    let visited = case.clone().inspect(true, "труба нова", &control(), minute(8)).unwrap().0;
    assert_invariant(
        close(visited.clone(), ClosingCode::FixedInspected, 3),
        "the applicant was not told yet",
    );
    assert_invariant(
        close(case.clone(), ClosingCode::FixedConfirmed, 3),
        "the applicant has not confirmed that it is fixed",
    );
    let in_english = Told { language: Language::En, ..told(minute(8), true, None) };
    assert_invariant(
        case.clone().tell(in_english, &control(), minute(8)),
        "the applicant is told in the language of the case",
    );
    assert!(close(tell(visited, 9, true, None), ClosingCode::FixedInspected, 3).is_ok());
    let once = tell(case.clone(), 8, true, None);
    assert_invariant(
        close(once, ClosingCode::FixedUnconfirmed, 3),
        "the attempts to reach the applicant are not used up: enough of them, on enough days",
    );
    let thrice = (8..11).fold(case.clone(), |case, at| tell(case, at, false, None));
    assert!(close(thrice.clone(), ClosingCode::FixedUnconfirmed, 3).is_ok());
    assert_invariant(
        close(thrice, ClosingCode::FixedUnconfirmed, 4),
        "the attempts to reach the applicant are not used up: enough of them, on enough days",
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
        case.close(ClosingCode::FixedConfirmed, &unreachable_after(1, 1), &control(), minute(13)),
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
        assert_invariant(
            explained.clone().close(code, &unreachable_after(1, 1), &control(), minute(3)),
            fixed,
        );
    }
    assert!(
        explained.close(ClosingCode::Explained, &unreachable_after(3, 1), &operator(), minute(3)).is_ok()
    );
    assert_invariant(
        in_state("explained").close(ClosingCode::Explained, &unreachable_after(3, 1), &operator(), minute(3)),
        "the applicant was not told yet",
    );
    assert_invariant(
        in_state("verification").tell(same_contact, &control(), minute(8)),
        "work is not done during the call that reports the trouble",
    );
    assert_invariant(
        in_state("verification").close(
            ClosingCode::Withdrawn,
            &unreachable_after(1, 1),
            &control(),
            minute(8),
        ),
        "work that was done is closed as fixed, or returned",
    );
}

#[test]
fn who_was_written_to_and_did_not_answer_in_time_counts_as_unconfirmed() {
    let verifying = in_state("verification");
    let system = Actor::system("verification");
    let rule = unreachable_after(3, 2);
    let at = verifying.state.evidence_accepted_at().unwrap();
    let written = |channel, delivered| Told { channel, ..told(at, delivered, None) };
    let close = |case: Case, at| case.close(ClosingCode::FixedUnconfirmed, &rule, &system, at);
    let by = rule.answer_deadline(at);
    for channel in [TellingChannel::Sms, TellingChannel::Mail] {
        let told = verifying.clone().tell(written(channel, true), &system, at).unwrap().0;
        assert!(
            close(told.clone(), Timestamp::from_micros(by.micros() - 1)).is_err(),
            "they have time to answer"
        );
        assert_eq!(close(told, by).unwrap().0.state.name(), "closed");
        let lost = verifying.clone().tell(written(channel, false), &system, at).unwrap().0;
        assert!(close(lost, by).is_err(), "it did not arrive");
    }
    let heard = verifying.tell(written(TellingChannel::Voice, true), &system, at).unwrap().0;
    assert!(close(heard, by).is_err(), "calls are counted, not waited for");
}
