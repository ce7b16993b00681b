//! Callers who leave before anybody answers: the contact, its recording and, from the queue on, its case are
//! complete all the same. And what is durable before the caller hears "answered".

use std::time::Duration;

use ringback::store::{ContactFilter, Page, Store};

use crate::api::{event, event_names};
use crate::audio::{Stereo, ToneSequence};
use crate::citizen::{Citizen, Invite};
use crate::server::{KEYS_TO_QUEUE, Server};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);
const LENGTH_MS: i64 = 100;

/// Speaks for a while where the caller is, hangs up; how long the call was, in milliseconds.
fn speak_and_leave(citizen: &mut Citizen, sequence: &ToneSequence) -> i64 {
    citizen.rtp.say(&sequence.samples());
    wait::until_true("the citizen to finish", SOON, || {
        citizen.rtp.speech_began().is_some() && citizen.rtp.has_finished_speaking()
    });
    let left_at = citizen.hang_up();
    (left_at - citizen.answered_at).as_millis() as i64
}

fn assert_recorded(recording: &Stereo, sequence: &ToneSequence, length_ms: i64, citizen: &Citizen) {
    let found = sequence.find(&recording.left);
    assert!(found.share > 0.95 - citizen.rtp.forgiven(sequence), "{found:?}");
    let longer = recording.duration_ms() - length_ms;
    let forgiven = citizen.rtp.worst_lag().as_millis() as i64;
    assert!(longer.abs() <= LENGTH_MS + forgiven, "the recording is {longer} ms longer than the call");
}

#[test]
fn in_the_tree() {
    let server = Server::start_alone();
    let caller = "380440000301";
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    let sequence = ToneSequence::citizen(41, 2000);
    let length_ms = speak_and_leave(&mut citizen, &sequence);
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call(caller);
    assert_eq!(call["disposition"], "abandoned", "{call}");
    assert_eq!(call["termination"], "caller_hung_up", "{call}");
    assert!(call["queue"].is_null() && call["queued_at"].is_null(), "{call}");
    let recording = auditor.recording(&call);
    assert_recorded(&recording, &sequence, length_ms, &citizen);
    // The right channel is what the city said: the welcome.
    assert!(crate::audio::rms(&recording.right) > 100.0, "no prompt on the right channel");
}

#[test]
fn in_the_queue() {
    let server = Server::start_alone();
    let caller = "380440000302";
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    let auditor = server.sign_in("audyt");
    // The case is there while the caller still waits.
    let waiting = auditor.call_where(caller, "in the queue with its case", |call| call["case"].is_string());
    assert!(waiting["ended_at"].is_null() && waiting["queued_at"].is_string(), "{waiting}");
    let number = waiting["case"].as_str().expect("a number").to_owned();
    let sequence = ToneSequence::citizen(42, 2000);
    let length_ms = speak_and_leave(&mut citizen, &sequence);
    let call = auditor.finished_call(caller);
    assert_eq!(call["disposition"], "abandoned", "{call}");
    assert_eq!(call["case"], number.as_str(), "{call}");
    assert_recorded(&auditor.recording(&call), &sequence, length_ms, &citizen);
    let kontrol = server.sign_in("kontrol");
    let case = kontrol.get(&format!("/api/v1/cases/{number}"));
    assert_eq!(case["state"], "registered", "{case}");
    assert_eq!(case["language"], "en", "{case}");
    assert_eq!(case["contacts"][0], call["id"], "{case}");
    let category = case["category"].as_str().unwrap_or_default();
    assert!(category.contains("water"), "the guess from the topic is {category}");
    assert!(!case["next"]["owner"].is_null(), "an open case has somebody who must act: {case}");
    let path: Vec<&str> =
        call["ivr_path"].as_array().expect("a path").iter().filter_map(|node| node.as_str()).collect();
    assert_eq!(path.first(), Some(&"language"), "{path:?}");
    assert!(path.contains(&"topics"), "{path:?}");
    let names = auditor.timeline(&call);
    assert!(event(&names, "case.registered").is_some(), "{:?}", event_names(&names));
}

/// CANCEL may cross the answer; either way nothing of the call stays behind.
#[test]
fn before_the_answer() {
    let server = Server::start();
    for number in 0..10 {
        let mut dialling =
            Invite { caller: format!("38044000031{number}"), ..Invite::default() }.dial(server.sip);
        dialling.cancel();
        match dialling.answered() {
            Ok(mut citizen) => drop(citizen.hang_up()),
            Err(refusal) => assert_eq!(refusal.status(), Some(487), "{refusal:?}"),
        }
    }
    let api = server.anonymous();
    wait::until_true("every call to be over", SOON, || api.metric("ringback_calls") == 0);
    wait::until_true("every port to be free", SOON, || api.metric("ringback_rtp_ports") == 0);
    let calls = server.sign_in("audyt").calls();
    assert!(calls.iter().all(|call| call["disposition"] == "abandoned"), "{calls:?}");
}

/// The program is killed the moment the caller hears "answered"; what must be durable by then is read from disk.
#[test]
fn contact_and_first_entry_are_durable_before_the_answer() {
    let mut server = Server::start();
    let caller = "380440000303";
    let citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    server.kill();
    drop(citizen);
    let recordings = server.recordings();
    assert_eq!(recordings.len(), 1, "{recordings:?}");
    Stereo::read(std::fs::File::open(&recordings[0]).expect("the recording is there"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        let store = Store::open(&server.database_url(), "01").await.expect("the database opens");
        let page = Page { limit: 10, cursor: None };
        let contacts =
            store.contacts(&ContactFilter::default(), &page).await.expect("contacts can be listed").items;
        assert_eq!(contacts.len(), 1, "{contacts:?}");
        assert_eq!(contacts[0].caller.as_str(), caller);
        assert!(contacts[0].recording.is_some(), "{contacts:?}");
        let timeline = store.contact_timeline(contacts[0].id).await.expect("the timeline can be read");
        let first = timeline.first().expect("the first entry is there");
        assert_eq!(first.event, "contact.offered");
        store.close().await;
    });
}
