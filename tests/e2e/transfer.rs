//! Transfers and calls between extensions, with sound: the citizen is heard by the one who took over, and all of it
//! stands in one recording. REFER blind and attended, what is refused, Replaces from a second phone.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api::{Api, event, event_names};
use crate::audio::ToneSequence;
use crate::call_audio::{Said, assert_heard};
use crate::citizen::{Citizen, Invite};
use crate::desk_phone::{DeskPhone, Talk};
use crate::phone::{Answering, Event, Phone};
use crate::rtp_peer::RtpPeer;
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server};
use crate::sip_wire::{Transport, Wire, token, with_body};
use crate::wait;

pub const SOON: Duration = Duration::from_secs(10);
/// The recording against the call.
const LENGTH_MS: i64 = 150;

/// Olena at her desk phone talks with a citizen.
pub fn talking(server: &Server, caller: &str) -> (Citizen, DeskPhone, Talk) {
    let mut olena = DeskPhone::register(server.sip, "201");
    server.sign_in("olena").set_ready();
    let citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    let talk = olena.answer();
    (citizen, olena, talk)
}

/// `speaker` says something that `listener` hears whole.
pub fn say(speaker: &RtpPeer, listener: &RtpPeer, sequence: ToneSequence) -> Said {
    listener.listen_anew();
    wait::until_true("the bridge", SOON, || listener.heard().is_some());
    speaker.say(&sequence.samples());
    let said = Said::by(speaker, sequence);
    assert_heard(listener, &said);
    said
}

fn status_of(api: &Api, name: &str) -> String {
    let operators = api.items("/api/v1/operators?");
    let operator = operators.iter().find(|operator| operator["name"] == name);
    operator.and_then(|operator| operator["status"].as_str()).unwrap_or_default().to_owned()
}

pub fn user_id(api: &Api, name: &str) -> String {
    let operators = api.items("/api/v1/operators?");
    let operator = operators.iter().find(|operator| operator["name"] == name);
    operator.and_then(|operator| operator["id"].as_str()).expect("everybody has an id").to_owned()
}

/// The whole call is on the recording: both things the citizen said, and what the second operator said.
pub fn assert_one_recording(auditor: &Api, call: &Value, left: &[&Said], right: &[&Said], length: Duration) {
    assert_eq!(call["recordings"].as_array().map(Vec::len), Some(1), "{call}");
    assert_eq!(call["recordings"][0]["result"], "ok", "{call}");
    let recording = auditor.recording(call);
    for (channel, said) in [(&recording.left, left), (&recording.right, right)] {
        for said in said {
            let found = said.sequence.find(channel);
            assert!(
                found.share >= said.least(Duration::ZERO),
                "{found:?}: {}",
                said.sequence.sketch(channel)
            );
        }
    }
    let off = recording.duration_ms() - i64::try_from(length.as_millis()).expect("a short call");
    assert!(off.abs() <= LENGTH_MS, "the recording is {off} ms longer than the call");
}

#[test]
fn a_blind_transfer_goes_on_in_one_recording() {
    let server = Server::start_alone();
    let petro = Phone::register(server.sip, "202", PASSWORD, Answering::Accept);
    let (mut citizen, mut olena, mut talk) = talking(&server, "380440000501");
    let before = say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(51, 1500));
    olena.hold(&mut talk, "sendonly");
    let accepted = olena.refer(&mut talk, "202", "");
    assert_eq!(accepted.status(), Some(202), "{accepted:?}");
    let contact = petro.rings(SOON);
    petro.expect(&Event::Talking, SOON);
    let told = olena.told(&talk);
    assert_eq!((told.first(), told.last()), (Some(&100), Some(&200)), "{told:?}");
    olena.is_hung_up_on(&talk);
    let after = say(&citizen.rtp, &petro.rtp, ToneSequence::citizen(52, 1500));
    let answer = say(&petro.rtp, &citizen.rtp, ToneSequence::operator(53, 1500));
    petro.hang_up();
    let length = citizen.is_hung_up_on(SOON) - citizen.answered_at;
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call("380440000501");
    assert_eq!(call["id"], contact.as_str(), "one contact");
    assert_eq!(call["operator"], user_id(&auditor, "petro"), "{call}");
    assert_one_recording(&auditor, &call, &[&before, &after], &[&answer], length);
    let timeline = auditor.timeline(&call);
    let transferred = event(&timeline, "contact.transferred").expect("it is told");
    assert_eq!(transferred["data"]["kind"], "blind", "{transferred}");
    assert!(transferred["offset_ms"].as_i64().is_some_and(|at| at > 1500), "{transferred}");
}

#[test]
fn an_attended_transfer_joins_citizen_and_colleague() {
    let server = Server::start_alone();
    let petro = Phone::register(server.sip, "202", PASSWORD, Answering::Accept);
    let (mut citizen, mut olena, mut talk) = talking(&server, "380440000502");
    let before = say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(54, 1500));
    olena.hold(&mut talk, "sendonly");
    let dialled = olena.dial("202", "");
    let consultation = olena.outcome(dialled).expect("the colleague picks up");
    petro.rings(SOON);
    petro.expect(&Event::Talking, SOON);
    let question = say(&consultation.rtp, &petro.rtp, ToneSequence::operator(55, 1000));
    let reply = say(&petro.rtp, &consultation.rtp, ToneSequence::operator(56, 1000));
    let accepted = olena.refer_into(&mut talk, &consultation);
    assert_eq!(accepted.status(), Some(202), "{accepted:?}");
    assert_eq!(olena.told(&talk), [100, 200]);
    olena.is_hung_up_on(&talk);
    olena.is_hung_up_on(&consultation);
    let after = say(&citizen.rtp, &petro.rtp, ToneSequence::citizen(57, 1500));
    let answer = say(&petro.rtp, &citizen.rtp, ToneSequence::operator(58, 1500));
    citizen.hang_up();
    let length = Instant::now() - citizen.answered_at;
    petro.expect(&Event::HungUpOn, SOON);
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call("380440000502");
    assert_eq!(call["operator"], user_id(&auditor, "petro"), "{call}");
    assert_one_recording(&auditor, &call, &[&before, &after], &[&answer], length);
    let recording = auditor.recording(&call);
    let leaked = question.sequence.find(&recording.left).share;
    assert!(leaked < 0.5, "what the operators said among themselves is not the citizen's: {leaked}");
    // What they said is a contact of its own, recorded like every call.
    let asked = auditor.finished_call("201");
    assert_eq!(asked["termination"], "transferred", "{asked}");
    assert_eq!(asked["disposition"], "consultation", "{asked}");
    let aside = auditor.recording(&asked);
    assert!(question.sequence.find(&aside.left).share >= 0.95, "{}", question.sequence.sketch(&aside.left));
    assert!(reply.sequence.find(&aside.right).share >= 0.95, "{}", reply.sequence.sketch(&aside.right));
    let timeline = auditor.timeline(&call);
    let transferred = event(&timeline, "contact.transferred").expect("it is told");
    assert_eq!(transferred["data"]["consultation"], asked["id"], "{transferred}");
    for name in ["olena", "petro"] {
        wait::until_true("both to be free", SOON, || status_of(&auditor, name) != "talking");
    }
}

#[test]
fn a_transfer_that_fails_gives_the_citizen_back() {
    let server = Server::start_alone();
    let petro = Phone::register(server.sip, "202", PASSWORD, Answering::Reject);
    let (mut citizen, mut olena, mut talk) = talking(&server, "380440000503");
    // Busy: told, and the talk goes on.
    assert_eq!(olena.refer(&mut talk, "202", "").status(), Some(202));
    petro.rings(SOON);
    assert_eq!(olena.told(&talk), [100, 486]);
    say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(59, 1000));
    // Nobody, or out into the world.
    for target in ["999", "380441234567"] {
        assert_eq!(olena.refer(&mut talk, target, "").status(), Some(202));
        assert_eq!(olena.told(&talk), [100, 603], "{target}");
    }
    // To herself: she is talking.
    assert_eq!(olena.refer(&mut talk, "201", "").status(), Some(202));
    assert_eq!(olena.told(&talk), [100, 486]);
    // She leaves while the colleague's phone rings, and the colleague declines: the citizen is not lost, but waits before all
    // others.
    petro.set_answering(Answering::LetRing);
    let accepted = olena.refer(&mut talk, "202", "Refer-Sub: false\r\n");
    assert_eq!((accepted.status(), accepted.header("Refer-Sub")), (Some(202), Some("false")));
    assert!(!olena.was_told(&talk), "no NOTIFY was wanted");
    let old = talk.call_id.clone();
    petro.rings(SOON);
    olena.hang_up(talk);
    petro.hang_up();
    let again = olena.answer();
    assert_ne!(again.call_id, old, "a new ring");
    say(&citizen.rtp, &again.rtp, ToneSequence::citizen(60, 1000));
    citizen.hang_up();
    olena.is_hung_up_on(&again);
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call("380440000503");
    let timeline = auditor.timeline(&call);
    assert!(event(&timeline, "contact.transferred").is_none(), "{:?}", event_names(&timeline));
    let queued = event_names(&timeline).iter().filter(|name| **name == "contact.queued").count();
    assert_eq!(queued, 2, "{:?}", event_names(&timeline));
}

#[test]
fn a_transfer_to_the_queue_finds_the_next_operator() {
    let server = Server::start_alone();
    let petro = Phone::register(server.sip, "202", PASSWORD, Answering::Accept);
    let (mut citizen, mut olena, mut talk) = talking(&server, "380440000504");
    server.sign_in("petro").set_ready();
    let pause = serde_json::json!({ "status": "not_ready", "reason": "break" });
    server.sign_in("olena").post("/api/v1/operators/me/status", &pause);
    assert_eq!(olena.refer(&mut talk, "city", "").status(), Some(202));
    assert_eq!(olena.told(&talk), [100, 200]);
    olena.is_hung_up_on(&talk);
    petro.rings(SOON);
    petro.expect(&Event::Talking, SOON);
    say(&citizen.rtp, &petro.rtp, ToneSequence::citizen(61, 1000));
    citizen.hang_up();
    petro.expect(&Event::HungUpOn, SOON);
}

#[test]
fn what_is_no_transfer_is_refused_by_name() {
    let server = Server::start_alone();
    let (mut citizen, mut olena, mut talk) = talking(&server, "380440000505");
    for (refer_to, status) in [
        ("", 400),
        ("Refer-To: <sip:202@x>\r\nRefer-To: <sip:201@x>\r\n", 400),
        ("Refer-To: <sip:202@x>, <sip:201@x>\r\n", 400),
        ("Refer-To: <http://example.test/>\r\n", 416),
        ("Refer-To: <tel:+380441234567>\r\n", 416),
        ("Refer-To: <sip:202@x;method=BYE>\r\n", 603),
        ("Refer-To: <sip:202@x?Replaces=nonsense>\r\n", 400),
    ] {
        let answer = olena.request(&mut talk, "REFER", refer_to, "");
        assert_eq!(answer.status(), Some(status), "{refer_to}");
    }
    // A dialog nobody knows: accepted as RFC 5589 has it, and told.
    let replaces = "Refer-To: <sip:202@x?Replaces=no%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n";
    assert_eq!(olena.request(&mut talk, "REFER", replaces, "").status(), Some(202));
    assert_eq!(olena.told(&talk), [100, 481]);
    let refer = citizen.request("REFER", "Refer-To: <sip:202@x>\r\n", "");
    assert_eq!(refer.status(), Some(603), "citizens transfer nobody");
    let notify = olena.request(&mut talk, "NOTIFY", "Event: refer\r\nSubscription-State: active\r\n", "");
    assert_eq!(notify.status(), Some(481));
    let subscribe = olena.request(&mut talk, "SUBSCRIBE", "Event: presence\r\n", "");
    assert_eq!((subscribe.status(), subscribe.header("Allow-Events")), (Some(489), Some("refer")));
    assert_eq!(olena.request(&mut talk, "SUBSCRIBE", "Event: refer\r\n", "").status(), Some(481));
    assert_eq!(out_of_dialog(&server, "REFER", "Refer-To: <sip:202@x>\r\n"), 603);
    assert_eq!(out_of_dialog(&server, "SUBSCRIBE", "Event: message-summary\r\n"), 489);
    assert_eq!(out_of_dialog(&server, "NOTIFY", "Event: refer\r\nSubscription-State: active\r\n"), 481);
    // Nothing of this has touched the call.
    say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(62, 1000));
    citizen.hang_up();
    olena.is_hung_up_on(&talk);
}

fn out_of_dialog(server: &Server, method: &str, more: &str) -> u16 {
    let mut wire = Wire::open(Transport::Udp, crate::server::LOOPBACK, server.sip);
    let call_id = token("stray");
    let head = format!(
        "{method} sip:201@{to} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: <sip:x@y>;tag=1\r\nTo: <sip:201@{to}>\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 {method}\r\nContact: {contact}\r\n{more}",
        to = server.sip,
        via = wire.via(&token("branch")),
        contact = wire.contact("x"),
    );
    wire.send(with_body(head, ""));
    wire.final_response(&call_id, method).and_then(|answer| answer.status()).expect("it is answered")
}

#[test]
fn a_second_phone_of_the_operator_takes_the_call_over() {
    let server = Server::start_alone();
    let petro = Phone::register(server.sip, "202", PASSWORD, Answering::LetRing);
    let (mut citizen, mut olena, talk) = talking(&server, "380440000506");
    let replaces = format!("Replaces: {}\r\nRequire: replaces\r\n", talk.replaces());
    let mut stranger = DeskPhone::unregistered(server.sip, "202");
    let dialled = stranger.dial("1580", &replaces);
    assert_eq!(stranger.outcome(dialled).err(), Some(403), "the call is Olena's");
    let mut pocket = DeskPhone::unregistered(server.sip, "201");
    let early = format!("Replaces: {};early-only\r\n", talk.replaces());
    for (more, status) in [
        ("Replaces: nobody;to-tag=1;from-tag=2\r\n", 481),
        (early.as_str(), 486),
        ("Replaces: nonsense\r\n", 400),
        ("Replaces: a;to-tag=1;from-tag=2\r\nReplaces: b;to-tag=1;from-tag=2\r\n", 400),
    ] {
        let dialled = pocket.dial("1580", more);
        assert_eq!(pocket.outcome(dialled).err(), Some(status), "{more}");
    }
    let dialled = pocket.dial("1580", &replaces);
    let carried_on = pocket.outcome(dialled).expect("her own phone may");
    olena.is_hung_up_on(&talk);
    say(&citizen.rtp, &carried_on.rtp, ToneSequence::citizen(63, 1000));
    say(&carried_on.rtp, &citizen.rtp, ToneSequence::operator(64, 1000));
    pocket.hang_up(carried_on);
    citizen.is_hung_up_on(SOON);
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call("380440000506");
    assert_eq!(call["operator"], user_id(&auditor, "olena"), "{call}");
    drop(petro);
}

#[test]
fn colleagues_call_each_other() {
    let server = Server::start_alone();
    let petro = Phone::register(server.sip, "202", PASSWORD, Answering::LetRing);
    let mut olena = DeskPhone::register(server.sip, "201");
    // Given up: the ringing stops at once.
    let dialled = olena.dial("202", "");
    olena.hears_ringing(&dialled);
    petro.rings(SOON);
    let cancelled_at = olena.cancel(&dialled);
    let stopped_at = petro.expect(&Event::Cancelled, SOON);
    petro.assert_stopped_ringing(stopped_at.saturating_duration_since(cancelled_at));
    assert_eq!(olena.outcome(dialled).err(), Some(487));
    // Rejected, herself, nobody.
    petro.set_answering(Answering::Reject);
    for (called, status) in [("202", 486), ("201", 486)] {
        let dialled = olena.dial(called, "");
        assert_eq!(olena.outcome(dialled).err(), Some(status), "{called}");
    }
    petro.rings(SOON);
    // Answered, and hung up from either side.
    petro.set_answering(Answering::Accept);
    let dialled = olena.dial("202", "");
    let talk = olena.outcome(dialled).expect("the colleague picks up");
    petro.rings(SOON);
    petro.expect(&Event::Talking, SOON);
    let auditor = server.sign_in("audyt");
    for name in ["olena", "petro"] {
        wait::until_true("both to talk", SOON, || status_of(&auditor, name) == "talking");
    }
    petro.hang_up();
    olena.is_hung_up_on(&talk);
    let dialled = olena.dial("202", "");
    let talk = olena.outcome(dialled).expect("the colleague picks up");
    petro.rings(SOON);
    petro.expect(&Event::Talking, SOON);
    olena.hang_up(talk);
    petro.expect(&Event::HungUpOn, SOON);
    // The one to herself never became a call.
    wait::until_true("four contacts, each with its end", SOON, || {
        let calls = auditor.calls_of("201");
        calls.len() == 4 && calls.iter().all(|call| call["disposition"].is_string())
    });
    for name in ["olena", "petro"] {
        wait::until_true("both to be free", SOON, || status_of(&auditor, name) == "not_ready");
    }
}
