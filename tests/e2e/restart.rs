//! A restart that is hardly noticed: phones that registered before are rung after it without registering again, operators
//! are as they were, whether the program was stopped in order or killed.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use serde_json::{Value, json};

use crate::citizen::Invite;
use crate::phone::{Answering, Event, Phone};
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server, Setup};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);
/// It is kept every ten seconds.
const KEPT: Duration = Duration::from_secs(20);

/// A citizen gets through to the phone and hangs up.
fn call_reaches(server: &Server, phone: &Phone, caller: &str) {
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    phone.rings(SOON);
    phone.expect(&Event::Talking, SOON);
    citizen.hang_up();
    phone.expect(&Event::HungUpOn, SOON);
}

#[test]
fn phones_ring_and_operators_are_as_they_were() {
    let mut server = Server::start();
    let phone = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    let _other = Phone::register(server.sip, "202", PASSWORD, Answering::Accept);
    server.sign_in("olena").set_ready();
    let pause = json!({ "status": "not_ready", "reason": "lunch" });
    server.sign_in("petro").post("/api/v1/operators/me/status", &pause);
    let supervisor = server.sign_in("maria");
    wait::until_true("petro to pause", SOON, || supervisor.status_of("petro") == "not_ready");

    server.stop();
    server.run();
    wait::until_true("olena to be ready as before", SOON, || supervisor.status_of("olena") == "ready");
    let operators = supervisor.items("/api/v1/operators");
    let petro = operators.iter().find(|one| one["name"] == "petro").expect("petro works here");
    assert_eq!((&petro["status"], &petro["reason"]), (&json!("not_ready"), &json!("lunch")), "{petro}");
    call_reaches(&server, &phone, "380440000921");

    // Killed, it knows what it last kept.
    let kept = || {
        let text = fs::read(server.folder().join("data/standing.json")).unwrap_or_default();
        serde_json::from_slice::<Value>(&text).unwrap_or_default()
    };
    wait::until_true("olena to be kept as ready again", KEPT, || {
        let ready = |one: &Value| one["not_ready"].is_null();
        kept()["operators"].as_array().is_some_and(|all| all.len() == 2 && all.iter().any(ready))
    });
    server.kill();
    server.run();
    call_reaches(&server, &phone, "380440000922");

    // What cannot be read costs the phones a registration, and not the start.
    server.stop();
    fs::write(server.folder().join("data/standing.json"), "{").expect("a temporary folder can be written");
    server.run();
    assert!(server.log().contains("phones of the former run are not known"), "{}", server.log());
    assert_eq!(supervisor.status_of("olena"), "logged_out");
}

#[test]
fn who_calls_during_a_restart_is_answered_by_the_next_run() {
    let mut server = Server::prepare(&Setup::default());
    let sip = UdpSocket::bind(server.sip).expect("the port is free");
    let http = TcpListener::bind(server.http).expect("the port is free");
    server.run_on(&sip, &http);
    let invite = |caller: &str| Invite { caller: caller.to_owned(), ..Invite::default() };
    invite("380440000931").call(server.sip).hang_up();
    server.stop();
    // Nobody is there; the INVITE is sent once, and the kernel keeps it.
    let dialling = invite("380440000932").dial(server.sip);
    let api = server.anonymous();
    let asking = std::thread::spawn(move || api.status("/livez"));
    server.run_on(&sip, &http);
    dialling.answered().expect("the next run answers").hang_up();
    assert_eq!(asking.join().expect("who asks does not panic"), Some(200));
    server.stop();
}
