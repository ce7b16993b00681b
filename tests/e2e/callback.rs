//! Citizens are rung back over a trunk, with sound: who gave up waiting, and who asked for it. The operator is there first;
//! one attempt at a time, remembered across a crash; who calls again is off the list.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use serde_json::Value;

use crate::api::{Api, event, event_names};
use crate::audio::{ToneSequence, rms};
use crate::citizen::Invite;
use crate::desk_phone::DeskPhone;
use crate::outside::with_lines_and;
use crate::server::{KEYS_TO_QUEUE, Server};
use crate::transfer::{SOON, assert_one_recording, say, user_id};
use crate::wait;

const LINE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5));
/// A mobile that the line takes calls to.
const MOBILE: &str = "+380501234567";
/// At any hour, so that the test means the same at night; whoever waits at all is rung back.
const CALLBACK: &str = "[callback]\nautomatic = true\nhours = \"00:00-24:00\"\nattempts = 2\n\
                        retry_after_secs = 10\nabandoned_after_secs = 0\n";

fn on_the_list(api: &Api) -> Vec<Value> {
    api.items("/api/v1/callbacks?")
}

/// A citizen waits in the line and gives up; the call.
fn gives_up(server: &Server, caller: &str) -> Value {
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    let auditor = server.sign_in("audyt");
    auditor.call_where(&caller[1..], "in the line", |call| call["queued_at"].is_string());
    citizen.hang_up();
    auditor.finished_call(&caller[1..])
}

/// The calls with `caller`, the oldest first: the citizen's own, and each attempt to ring back.
fn calls_of(api: &Api, caller: &str) -> Vec<Value> {
    // Part of a number finds it; a plus would be a blank in the query.
    let mut calls = api.calls_of(&caller[1..]);
    calls.sort_by_key(|call| call["offered_at"].to_string());
    calls
}

#[test]
fn who_gave_up_waiting_is_rung_back_by_an_operator_who_is_there() {
    let (server, mut lines) = with_lines_and(&[LINE], CALLBACK);
    let abandoned = gives_up(&server, MOBILE);
    let olena = server.sign_in("olena");
    let listed = wait::until("the list", SOON, || on_the_list(&olena).pop());
    assert_eq!((&listed["origin"], &listed["why"]), (&abandoned["id"], &"abandoned".into()), "{listed}");
    assert_eq!((&listed["number"], &listed["case"]), (&MOBILE.into(), &abandoned["case"]), "{listed}");

    let mut phone = DeskPhone::register(server.sip, "201");
    olena.set_ready();
    let talk = phone.answer();
    let invite = lines[0].is_called();
    assert!(invite.start_line.starts_with(&format!("INVITE sip:{MOBILE}@{LINE}")), "{invite:?}");
    lines[0].let_ring(&invite);
    wait::until_true("the operator to hear it ring", SOON, || {
        talk.rtp.heard().is_some_and(|heard| rms(&heard.samples) > 200.0)
    });
    let mobile = lines[0].pick_up(&invite);
    let answered_at = Instant::now();
    let asked = say(&mobile.rtp, &talk.rtp, ToneSequence::citizen(121, 1500));
    let told = say(&talk.rtp, &mobile.rtp, ToneSequence::operator(122, 1500));
    let auditor = server.sign_in("audyt");
    let connected = wait::until("one call more", SOON, || {
        calls_of(&auditor, MOBILE).into_iter().find(|call| call["connected_at"].is_string())
    });
    phone.hang_up(talk);
    lines[0].is_hung_up_on(&mobile);
    let length = answered_at.elapsed();
    olena.post("/api/v1/operators/me/wrap-up-done", &serde_json::json!({}));
    wait::until_true("the end", SOON, || {
        let call = &calls_of(&auditor, MOBILE)[1];
        call["recordings"][0]["result"] == "ok" && call["disposition"].is_string()
    });

    let call = calls_of(&auditor, MOBILE).remove(1);
    assert_eq!((&call["id"], &call["case"]), (&connected["id"], &abandoned["case"]), "{call}");
    assert_eq!(call["operator"], user_id(&auditor, "olena"), "{call}");
    assert_eq!(call["disposition"], "case_linked", "{call}");
    assert_one_recording(&auditor, &call, &[&asked], &[&told], length);
    assert_eq!(on_the_list(&olena), Vec::<Value>::new());
    let timeline = auditor.timeline(&abandoned);
    let names = event_names(&timeline);
    for name in ["callback.listed", "callback.begun", "callback.ended"] {
        assert_eq!(names.iter().filter(|known| **known == name).count(), 1, "{name} in {names:?}");
    }
    let ended = event(&timeline, "callback.ended").expect("it is told");
    assert_eq!(
        (&ended["data"]["outcome"], &ended["data"]["contact"]),
        (&"reached".into(), &call["id"]),
        "{ended}"
    );
}

#[test]
fn an_attempt_that_fails_is_made_once_more_even_after_a_crash() {
    let (mut server, mut lines) = with_lines_and(&[LINE], CALLBACK);
    gives_up(&server, MOBILE);
    let mut phone = DeskPhone::register(server.sip, "201");
    server.sign_in("olena").set_ready();
    let talk = phone.answer();
    let invite = lines[0].is_called();
    lines[0].refuse(&invite, 486);
    phone.is_hung_up_on(&talk);
    let olena = server.sign_in("olena");
    let tried = wait::until("the attempt to be counted", SOON, || {
        on_the_list(&olena).pop().filter(|callback| callback["attempts"] == 1)
    });
    assert!(tried["not_before"].as_str() > tried["since"].as_str(), "{tried}");
    server.kill();
    server.run();

    let mut phone = DeskPhone::register(server.sip, "201");
    let olena = server.sign_in("olena");
    assert_eq!(on_the_list(&olena), [tried], "remembered");
    olena.set_ready();
    let invite = phone.called_within(3 * SOON).expect("the rest ends and her phone rings");
    let talk = phone.pick_up(&invite);
    let invite = lines[0].is_called();
    let mobile = lines[0].pick_up(&invite);
    say(&mobile.rtp, &talk.rtp, ToneSequence::citizen(123, 1000));
    lines[0].hang_up(mobile);
    phone.is_hung_up_on(&talk);
    wait::until_true("the list to be empty", SOON, || on_the_list(&olena).is_empty());
}

#[test]
fn who_calls_again_or_is_taken_off_the_list_is_not_rung_back() {
    let (server, _lines) = with_lines_and(&[LINE], CALLBACK);
    let first = gives_up(&server, MOBILE);
    let second = gives_up(&server, "+380507654321");
    let maria = server.sign_in("maria");
    wait::until_true("both on the list", SOON, || on_the_list(&maria).len() == 2);
    let path = format!("/api/v1/callbacks/{}/withdraw", second["id"].as_str().expect("an id"));
    let reason = serde_json::json!({ "reason": "reached by mail" });
    assert_eq!(maria.send("POST", &path, Some(&reason)).0, 204);
    assert_eq!(maria.send("POST", &path, Some(&reason)).0, 409, "twice");

    // On the line in person before anybody was free to ring back: nobody dials a number that is engaged with us.
    let mut citizen = Invite { caller: MOBILE.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    let auditor = server.sign_in("audyt");
    wait::until_true("the citizen in the line", SOON, || {
        let calls = calls_of(&auditor, MOBILE);
        calls.len() == 2 && calls[1]["queued_at"].is_string()
    });
    let mut phone = DeskPhone::register(server.sip, "201");
    server.sign_in("olena").set_ready();
    let talk = phone.answer();
    say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(124, 1000));
    citizen.hang_up();
    phone.is_hung_up_on(&talk);
    assert_eq!(on_the_list(&maria), Vec::<Value>::new());
    for (call, reason) in [(&first, "called_again"), (&second, "reached by mail")] {
        let timeline = auditor.timeline(call);
        let withdrawn = event(&timeline, "callback.withdrawn").expect("it is told");
        assert_eq!(withdrawn["reason"], reason, "{withdrawn}");
    }
}
