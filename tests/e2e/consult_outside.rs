//! An operator asks somebody outside about a call, over a trunk, with sound: who hears whom, what is recorded where, and
//! the citizen handed over. Who may not, to which numbers not, and what is heard when no line is left.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use serde_json::json;

use crate::api::event;
use crate::audio::ToneSequence;
use crate::desk_phone::DeskPhone;
use crate::outside::with_lines_and;
use crate::transfer::{SOON, assert_one_recording, say, talking, user_id};
use crate::wait;

const MOBILE: &str = "0501234567";
const MOBILE_E164: &str = "+380501234567";
const FIRST: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5));
const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 6));

#[test]
fn an_executor_outside_is_asked_and_then_gets_the_citizen() {
    let (server, mut lines) = with_lines_and(&[FIRST], "");
    let (mut citizen, mut olena, mut talk) = talking(&server, "380440000611");
    let before = say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(81, 1500));
    olena.hold(&mut talk, "sendonly");
    let dialled = olena.dial(MOBILE, "");
    let invite = lines[0].is_called();
    assert!(invite.start_line.starts_with(&format!("INVITE sip:{MOBILE_E164}@{FIRST}")), "{invite:?}");
    assert!(invite.expect("From").contains("sip:+380542001580@"), "the city calls: {invite:?}");
    assert_eq!(invite.header("X-Ringback-Contact"), None, "what is said inside stays inside");
    olena.hears_ringing(&dialled);
    let mobile = lines[0].pick_up(&invite);
    let consultation = olena.outcome(dialled).expect("the mobile was answered");
    let question = say(&consultation.rtp, &mobile.rtp, ToneSequence::operator(82, 1000));
    let reply = say(&mobile.rtp, &consultation.rtp, ToneSequence::operator(83, 1000));

    // On the board it is a talk of hers beside the citizen's, and nobody else's.
    let desk = server.sign_in("olena");
    let placed = desk.calls().into_iter().filter(|call| call["caller"] == "201");
    assert_eq!(placed.count(), 1);
    let accepted = olena.refer_into(&mut talk, &consultation);
    assert_eq!(accepted.status(), Some(202), "{accepted:?}");
    assert_eq!(olena.told(&talk), [100, 200]);
    olena.is_hung_up_on(&talk);
    olena.is_hung_up_on(&consultation);
    let after = say(&citizen.rtp, &mobile.rtp, ToneSequence::citizen(84, 1500));
    let answer = say(&mobile.rtp, &citizen.rtp, ToneSequence::operator(85, 1500));
    citizen.hang_up();
    let length = Instant::now() - citizen.answered_at;
    lines[0].is_hung_up_on(&mobile);

    let auditor = server.sign_in("audyt");
    let olenas = user_id(&auditor, "olena");
    desk.post("/api/v1/operators/me/wrap-up-done", &json!({}));
    let call = auditor.finished_call("380440000611");
    assert_eq!(call["operator"], olenas, "the last one of the city: {call}");
    assert_one_recording(&auditor, &call, &[&before, &after], &[&answer], length);
    let leaked = question.sequence.find(&auditor.recording(&call).left).share;
    assert!(leaked < 0.5, "what was said while the citizen waited is not the citizen's: {leaked}");
    let asked = auditor.finished_call("201");
    assert_eq!(
        (&asked["termination"], &asked["disposition"]),
        (&json!("transferred"), &json!("consultation"))
    );
    assert_eq!(asked["operator"], olenas, "whoever asked may hear it: {asked}");
    let aside = auditor.recording(&asked);
    assert!(question.sequence.find(&aside.left).share >= 0.95, "{}", question.sequence.sketch(&aside.left));
    assert!(reply.sequence.find(&aside.right).share >= 0.95, "{}", reply.sequence.sketch(&aside.right));
    let timeline = auditor.timeline(&call);
    let data = &event(&timeline, "contact.transferred").expect("it is told")["data"];
    assert_eq!((&data["kind"], &data["trunk"]), (&json!("outside"), &json!("line0")), "{data}");
    assert_eq!(data["consultation"], asked["id"], "{data}");
    wait::until_true("her to be free", SOON, || auditor.status_of("olena") == "ready");
}

#[test]
fn outside_is_asked_only_about_a_call_and_only_where_a_line_leads() {
    let (server, mut lines) = with_lines_and(&[FIRST, SECOND], "");
    let mut petro = DeskPhone::register(server.sip, "202");
    let mut maria = DeskPhone::register(server.sip, "301");
    for phone in [&mut petro, &mut maria] {
        let dialled = phone.dial(MOBILE, "");
        assert_eq!(phone.outcome(dialled).err(), Some(403), "no call is at hand");
    }
    let (mut citizen, mut olena, mut talk) = talking(&server, "380440000612");
    olena.hold(&mut talk, "sendonly");
    for number in ["+79001234567", "0671234567", "1120"] {
        let dialled = olena.dial(number, "");
        assert_eq!(olena.outcome(dialled).err(), Some(404), "{number}");
    }
    // A colleague's phone, whatever it says of itself, has no call either.
    let dialled = petro.dial("112", "");
    assert_eq!(petro.outcome(dialled).err(), Some(403));

    // The next line is tried where one cannot serve; busy is the mobile, not the line.
    let dialled = olena.dial(MOBILE, "");
    let invite = lines[0].is_called();
    lines[0].refuse(&invite, 503);
    let invite = lines[1].is_called();
    lines[1].refuse(&invite, 486);
    assert_eq!(olena.outcome(dialled).err(), Some(486));
    let dialled = olena.dial("112", "");
    for line in &mut lines {
        let invite = line.is_called();
        line.refuse(&invite, 503);
    }
    assert_eq!(olena.outcome(dialled).err(), Some(503), "no line is left");

    // Given up while it rings: the mobile falls silent, and she is back with the citizen.
    let dialled = olena.dial(MOBILE, "");
    let invite = lines[0].is_called();
    lines[0].let_ring(&invite);
    olena.hears_ringing(&dialled);
    olena.cancel(&dialled);
    lines[0].is_cancelled(&invite);
    assert_eq!(olena.outcome(dialled).err(), Some(487));
    olena.hold(&mut talk, "sendrecv");
    say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(86, 1000));
    citizen.hang_up();
    olena.is_hung_up_on(&talk);
    let auditor = server.sign_in("audyt");
    let unanswered = auditor.calls().into_iter().filter(|call| call["caller"] == "201").collect::<Vec<_>>();
    assert_eq!(unanswered.len(), 3, "each attempt is on record: {unanswered:?}");
    assert!(unanswered.iter().all(|call| call["answered_at"].is_null()), "{unanswered:?}");
}
