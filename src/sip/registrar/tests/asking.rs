//! Whether a registered phone is still there: asked by OPTIONS, missed after three silences, back with the first sign
//! of life (RFC 3261 11). Time is simulated.

use super::*;

const EVERY: Duration = Duration::from_secs(60);

impl Desk {
    fn asking() -> (Self, BindingId) {
        let mut desk = Self::new();
        desk.registrar.ask_every(Some(EVERY), desk.now);
        desk.status(1, &[PHONE], Some("3600"));
        assert_eq!(desk.outputs(), [registered()]);
        let id = desk.registrar.bindings("201")[0].id;
        (desk, id)
    }
}

fn asks(binding: BindingId) -> Output {
    Output::Ask { user: "201".to_owned(), binding }
}

#[test]
fn an_unplugged_phone_leaves_routing_and_comes_back_when_it_answers() {
    let (mut desk, id) = Desk::asking();
    desk.wait(60);
    assert_eq!(desk.outputs(), [asks(id)]);
    desk.wait(5);
    assert_eq!(desk.outputs(), [asks(id)], "in doubt it is asked again");
    desk.wait(5);
    assert_eq!((desk.outputs(), desk.registrar.reachable("201").len()), (vec![asks(id)], 1));
    desk.wait(5);
    assert_eq!((desk.outputs(), desk.registrar.reachable("201").len()), (vec![unregistered()], 0));
    assert_eq!(desk.contacts().len(), 1, "its registration stands");
    desk.wait(60);
    assert_eq!(desk.outputs(), [asks(id)]);
    desk.registrar.handle_answered("201", id, desk.now);
    assert_eq!((desk.outputs(), desk.registrar.reachable("201").len()), (vec![registered()], 1));
}

#[test]
fn a_phone_that_answers_is_asked_at_leisure_and_a_late_answer_counts() {
    let (mut desk, id) = Desk::asking();
    for _ in 0..10 {
        desk.wait(60);
        assert_eq!(desk.outputs(), [asks(id)]);
        desk.wait(5);
        assert_eq!(desk.outputs(), [asks(id)]);
        desk.registrar.handle_answered("201", id, desk.now);
        assert_eq!((desk.outputs(), desk.registrar.poll_timeout()), (vec![], Some(desk.now + EVERY)));
    }
}

#[test]
fn a_new_registration_is_a_sign_of_life() {
    let (mut desk, id) = Desk::asking();
    for secs in [60, 5, 5, 5] {
        desk.wait(secs);
    }
    assert_eq!(desk.outputs().last(), Some(&unregistered()));
    desk.status(2, &[PHONE], Some("3600"));
    assert_eq!(desk.outputs(), [registered()]);
    assert_eq!(desk.registrar.reachable("201")[0].id, id);
}

#[test]
fn a_question_that_was_not_sent_is_no_failure() {
    let (mut desk, id) = Desk::asking();
    for _ in 0..10 {
        desk.wait(60);
        desk.registrar.handle_unasked("201", id, desk.now);
        assert_eq!(desk.outputs(), [asks(id)]);
    }
}

#[test]
fn nobody_is_asked_when_that_is_switched_off() {
    let (mut desk, _) = Desk::asking();
    desk.registrar.ask_every(None, desk.now);
    desk.wait(3599);
    assert_eq!(desk.outputs(), []);
    desk.wait(1);
    assert_eq!(desk.outputs(), [unregistered()]);
}
