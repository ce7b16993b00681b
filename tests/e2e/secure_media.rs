//! Encrypted calls with peers we did not write: baresip with keys from the description (SDES), Chromium with DTLS and
//! ICE. They are heard at the far end and in the recording, which knows nothing of keys.

use std::time::{Duration, Instant};

use crate::audio::ToneSequence;
use crate::baresip::{Baresip, Manners};
use crate::browser::Browser;
use crate::citizen::Invite;
use crate::phone::{Answering, Event, Phone};
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server, Setup};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);
/// A tone sequence takes this long, and what is heard of it is looked for in a part of it.
const TALK: Duration = Duration::from_secs(6);
/// Hz of these calls' recordings.
const NARROWBAND: u32 = 8000;

/// The part of a long sequence that has certainly been said and heard when everybody talked for [`TALK`].
pub fn middle_is_heard(sequence: &ToneSequence, heard: &[i16], least: f64) {
    let best = (0..15_000)
        .step_by(1500)
        .map(|from| sequence.find_part(heard, from, from + 1500).share)
        .fold(0.0, f64::max);
    assert!(best > least, "{best}: {}", sequence.sketch(heard));
}

#[test]
fn where_encryption_is_required_two_phones_talk_and_a_plain_call_is_refused() {
    let server = Server::start_with(&Setup { alone: true, srtp: "required", ..Setup::default() });
    let refusal = Invite::default().dial(server.sip).answered().expect_err("a plain call is refused");
    assert_eq!(refusal.status(), Some(488), "{refusal:?}");
    assert!(refusal.expect("Warning").contains("SRTP"), "{refusal:?}");

    let (said, answered) = (ToneSequence::citizen(61, 30_000), ToneSequence::operator(61, 30_000));
    let phone = |extension, sequence: &ToneSequence| {
        Baresip::start_as(Manners::secure(), server.sip, extension, Some(PASSWORD), &sequence.samples())
    };
    let (mut operator, mut citizen) = (phone("201", &answered), phone("202", &said));
    server.sign_in("olena").set_ready();
    citizen.dial(&format!("sip:1580@{}", server.sip));
    citizen.expect_event("CALL_ESTABLISHED", SOON);
    for key in KEYS_TO_QUEUE.chars() {
        citizen.press(key);
    }
    operator.expect_event("CALL_INCOMING", SOON);
    operator.command("accept");
    operator.expect_event("CALL_ESTABLISHED", SOON);
    server.records_for(TALK, NARROWBAND);
    citizen.command("hangup");
    operator.expect_event("CALL_CLOSED", SOON);
    middle_is_heard(&said, &operator.heard(), 0.9);
    middle_is_heard(&answered, &citizen.heard(), 0.9);
    let auditor = server.sign_in("audyt");
    let recording = auditor.recording(&auditor.finished_call("202"));
    middle_is_heard(&said, &recording.left, 0.9);
    middle_is_heard(&answered, &recording.right, 0.9);
}

/// Chromium's media against the service; its descriptions travel in an INVITE of ours.
#[test]
fn chromium_is_heard_and_hears() {
    let server = Server::start_alone();
    let (said, answered) = (ToneSequence::citizen(63, 30_000), ToneSequence::operator(63, 30_000));
    let operator = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    server.sign_in("olena").set_ready();
    let mut browser = Browser::start(&said.samples());
    let body = Some(browser.offer());
    let mut citizen =
        Invite { body, caller: "380440000263".to_owned(), ..Invite::default() }.call(server.sip);
    let answered_at = Instant::now();
    browser.answer(&citizen.answer.body);
    wait::until_true("Chromium to be connected", SOON, || browser.state()["state"] == "connected");
    println!("connected after {:?}: {}", answered_at.elapsed(), browser.state());
    browser.press(KEYS_TO_QUEUE);
    operator.rings(SOON);
    operator.expect(&Event::Talking, SOON);
    operator.rtp.say(&answered.samples());
    server.records_for(TALK, NARROWBAND);
    middle_is_heard(&said, &operator.rtp.heard().expect("something is heard").samples, 0.8);
    middle_is_heard(&answered, &browser.heard(), 0.8);
    citizen.hang_up();
    let auditor = server.sign_in("audyt");
    let recording = auditor.recording(&auditor.finished_call("380440000263"));
    middle_is_heard(&said, &recording.left, 0.8);
    middle_is_heard(&answered, &recording.right, 0.9);
}
