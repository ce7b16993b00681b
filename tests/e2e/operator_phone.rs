//! Operators' phones: baresip registered with digest answers, holds, hangs up and dials star codes; who rejects or
//! does not answer is passed over; a caller who leaves stops the ringing.

use std::time::Duration;

use crate::api::{Api, event};
use crate::audio::ToneSequence;
use crate::baresip::Baresip;
use crate::call_audio::{Said, assert_heard};
use crate::citizen::{Citizen, Invite};
use crate::phone::{Answering, Event, Phone};
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server, Setup};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);

/// A citizen who has pressed the keys that lead into the queue.
fn caller_in_queue(server: &Server, caller: &str) -> Citizen {
    let citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    citizen
}

/// Olena at her baresip, ready, and a citizen connected to her.
fn connected(server: &Server, caller: &str, speech: &ToneSequence) -> (Citizen, Baresip) {
    let mut phone = Baresip::start(server.sip, "201", Some(PASSWORD), &speech.samples());
    server.sign_in("olena").set_ready();
    let citizen = caller_in_queue(server, caller);
    phone.expect_event("CALL_INCOMING", SOON);
    phone.command("accept");
    phone.expect_event("CALL_ESTABLISHED", SOON);
    (citizen, phone)
}

fn wait_for_status(api: &Api, name: &str, status: &str) {
    wait::until_true(&format!("{name} to be {status}"), SOON, || api.status_of(name) == status);
}

#[test]
fn baresip_answers_holds_resumes_and_hangs_up() {
    let server = Server::start_alone();
    let spoken = ToneSequence::operator(31, 30_000);
    let (mut citizen, mut phone) = connected(&server, "380440000201", &spoken);
    citizen.rtp.listen_anew();
    wait::until_true("the operator to be heard", SOON, || presence(&citizen, &spoken) > 0.5);
    let said = ToneSequence::citizen(31, 2000);
    // The silence behind it pushes the last tone through baresip's buffer.
    citizen.rtp.say(&[said.samples(), vec![0; 4000]].concat());
    wait::until_true("the citizen to finish", SOON, || citizen.rtp.has_finished_speaking());

    phone.command("hold");
    let auditor = server.sign_in("audyt");
    auditor.call_where("380440000201", "on hold", |call| {
        event(&auditor.timeline(call), "contact.held").is_some()
    });
    citizen.rtp.listen_anew();
    wait::until_true("music on hold", SOON, || heard_ms(&citizen) > 1000);
    let held = presence(&citizen, &spoken);
    assert!(held < 0.05, "the operator is heard though on hold: {held}");

    phone.command("resume");
    auditor.call_where("380440000201", "resumed", |call| {
        event(&auditor.timeline(call), "contact.resumed").is_some()
    });
    citizen.rtp.listen_anew();
    wait::until_true("the operator to be heard again", SOON, || {
        heard_ms(&citizen) > 500 && presence(&citizen, &spoken) > 0.5
    });

    phone.command("hangup");
    citizen.is_hung_up_on(SOON);
    let least = 0.95 - citizen.rtp.forgiven(&said);
    let found = said.find(&phone.heard());
    assert!(
        found.share > least,
        "what baresip heard of the citizen: {found:?}: {}",
        said.sketch(&phone.heard())
    );
    let call = auditor.finished_call("380440000201");
    assert_eq!(call["termination"], "operator_hung_up", "{call}");
    let left = said.find(&auditor.recording(&call).left);
    assert!(left.share > least, "the citizen in the recording: {left:?}");
}

/// Share of the operator's tones in what the citizen hears.
fn presence(citizen: &Citizen, spoken: &ToneSequence) -> f64 {
    citizen.rtp.heard().map_or(0.0, |heard| spoken.presence(&heard.samples))
}

fn heard_ms(citizen: &Citizen) -> usize {
    citizen.rtp.heard().map_or(0, |heard| heard.samples.len() / 8)
}

#[test]
fn the_citizen_hangs_up_on_baresip() {
    let server = Server::start_with(&Setup { wrap_up_secs: 600, ..Setup::default() });
    let spoken = ToneSequence::operator(32, 10_000);
    let (mut citizen, mut phone) = connected(&server, "380440000202", &spoken);
    citizen.hang_up();
    phone.expect_event("CALL_CLOSED", SOON);
    // After the call comes wrap-up, in which the operator says how it ended; then the next caller may come.
    let olena = server.sign_in("olena");
    wait_for_status(&olena, "olena", "wrap_up");
    olena.post("/api/v1/operators/me/wrap-up-done", &serde_json::json!({}));
    wait_for_status(&olena, "olena", "ready");
    let call = server.sign_in("audyt").finished_call("380440000202");
    assert_eq!(call["termination"], "caller_hung_up", "{call}");
}

#[test]
fn star_codes_from_the_phone() {
    let server = Server::start();
    let mut phone = Baresip::start(server.sip, "201", Some(PASSWORD), &[0; 8000]);
    let olena = server.sign_in("olena");
    wait_for_status(&olena, "olena", "not_ready");
    for (code, status) in [("*71", "ready"), ("*72", "not_ready")] {
        phone.dial(&format!("sip:{code}@{}", server.sip));
        // It confirms and hangs up by itself.
        phone.expect_event("CALL_CLOSED", SOON);
        wait_for_status(&olena, "olena", status);
    }
}

#[test]
fn who_rejects_is_passed_over() {
    next_operator_answers(Answering::Reject, "380440000203");
}

#[test]
fn who_does_not_answer_is_passed_over() {
    next_operator_answers(Answering::LetRing, "380440000204");
}

/// The operator who was ready first is offered the call first, does not take it, and the other one talks.
fn next_operator_answers(first_does: Answering, caller: &str) {
    let server = Server::start_with(&Setup { no_answer_secs: 3, alone: true, ..Setup::default() });
    let first = Phone::register(server.sip, "201", PASSWORD, first_does);
    let second = Phone::register(server.sip, "202", PASSWORD, Answering::Accept);
    for name in ["olena", "petro"] {
        server.sign_in(name).set_ready();
    }
    let mut citizen = caller_in_queue(&server, caller);
    let contact = first.rings(SOON);
    if first_does == Answering::LetRing {
        first.expect(&Event::Cancelled, SOON);
    }
    assert_eq!(second.rings(SOON), contact, "the same call");
    second.expect(&Event::Talking, SOON);
    wait::until_true("the bridge", SOON, || second.rtp.packets_received() > 0);
    let said = ToneSequence::citizen(33, 1500);
    citizen.rtp.say(&said.samples());
    assert_heard(&second.rtp, &Said::by(&citizen.rtp, said));
    second.hang_up();
    citizen.is_hung_up_on(SOON);
    // Who did not take a call is not rung again until they say that they are there.
    assert_eq!(server.sign_in("olena").status_of("olena"), "not_ready");
}

#[test]
fn a_caller_who_leaves_stops_the_ringing() {
    let server = Server::start_alone();
    let phone = Phone::register(server.sip, "201", PASSWORD, Answering::LetRing);
    server.sign_in("olena").set_ready();
    let mut citizen = caller_in_queue(&server, "380440000205");
    phone.rings(SOON);
    let left_at = citizen.hang_up();
    let stopped_at = phone.expect(&Event::Cancelled, SOON);
    phone.assert_stopped_ringing(stopped_at.saturating_duration_since(left_at));
    // The operator is free for the next caller, who is answered.
    phone.set_answering(Answering::Accept);
    let mut next = caller_in_queue(&server, "380440000206");
    phone.rings(SOON);
    phone.expect(&Event::Talking, SOON);
    next.hang_up();
    phone.expect(&Event::HungUpOn, SOON);
}
