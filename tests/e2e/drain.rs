//! A node that an administrator takes out of service: whoever asks hears 503 and why, the calls that are on and the callers
//! who wait go on to their end, phones stay registered, and it comes back without a restart.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;

use crate::citizen::Invite;
use crate::phone::{Answering, Event, Phone};
use crate::server::{KEYS_TO_QUEUE, LOOPBACK, PASSWORD, Server, Setup, TRUNK};
use crate::sip_wire::{ANSWER_TIMEOUT, Message, Transport, Wire, token, with_body};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);

/// What the server says to an OPTIONS from `from`, as a dispatcher asks.
fn options(server: &Server, from: IpAddr) -> Message {
    let mut wire = Wire::open(Transport::Udp, from, server.sip);
    let call_id = token("options");
    let head = format!(
        "OPTIONS sip:{} SIP/2.0\r\n{}Max-Forwards: 70\r\nFrom: <sip:probe@city.test>;tag=1\r\nTo: <sip:1580@{}>\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\n",
        server.sip,
        wire.via(&token("branch")),
        server.sip,
    );
    wire.send(with_body(head, ""));
    wire.receive_where(ANSWER_TIMEOUT, |message| message.status().is_some()).expect("OPTIONS is answered")
}

fn invite(caller: &str) -> Invite {
    Invite { caller: caller.to_owned(), ..Invite::default() }
}

#[test]
fn a_node_out_of_service_finishes_what_it_has_and_comes_back() {
    let server = Server::start();
    let (admin, operator) = (server.sign_in("admin"), server.sign_in("olena"));
    let phone = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    operator.set_ready();
    let mut talks = invite("380440000911").call(server.sip);
    talks.rtp.press(KEYS_TO_QUEUE);
    phone.rings(SOON);
    phone.expect(&Event::Talking, SOON);
    let mut waits = invite("380440000912").call(server.sip);
    waits.rtp.press(KEYS_TO_QUEUE);
    let auditor = server.sign_in("audyt");
    auditor.call_where("380440000912", "in the queue", |call| call["case"].is_string());
    assert_eq!(options(&server, TRUNK).status(), Some(200));

    let (status, refused) = operator.send("POST", "/api/v1/admin/drain", Some(&json!({})));
    assert_eq!(status, 403, "{refused}");
    for _ in 0..2 {
        admin.post("/api/v1/admin/drain", &json!({}));
    }
    let asked = options(&server, TRUNK);
    assert_eq!((asked.status(), asked.header("Retry-After")), (Some(503), Some("5")), "{asked:?}");
    assert!(asked.start_line.ends_with("503 Taken out of service"), "{asked:?}");
    let refused = invite("380440000913").dial(server.sip).answered().expect_err("no new calls");
    assert_eq!((refused.status(), refused.header("Retry-After")), (Some(503), Some("5")), "{refused:?}");
    let state = || admin.get("/api/v1/admin/service")["intake"]["state"].clone();
    wait::until_true("the page to say so", SOON, || state() == "draining");
    wait::until_true("the metrics to say so", SOON, || admin.metric("ringback_draining") == 1);
    assert_eq!(server.anonymous().status("/readyz"), Some(503));
    assert_eq!(server.anonymous().status("/livez"), Some(200));

    // Phones are as they were: registered, not told to go elsewhere, and rung for those who wait.
    let mut again = Wire::open(Transport::Udp, LOOPBACK, server.sip);
    assert_eq!(crate::phone::register(&mut again, "202", PASSWORD).status(), Some(200));
    assert_eq!(options(&server, LOOPBACK).status(), Some(200));
    talks.hang_up();
    phone.expect(&Event::HungUpOn, SOON);
    phone.rings(SOON);
    phone.expect(&Event::Talking, SOON);
    waits.hang_up();
    assert!(auditor.finished_call("380440000912")["case"].is_string());

    let (status, _) = admin.send("DELETE", "/api/v1/admin/drain", None);
    assert_eq!(status, 204);
    assert_eq!(options(&server, TRUNK).status(), Some(200));
    wait::until_true("the node to be ready", SOON, || server.anonymous().status("/readyz") == Some(200));
    invite("380440000914").call(server.sip).hang_up();
    wait::until_true("the metrics to say so", SOON, || admin.metric("ringback_draining") == 0);
    let verified = server.output(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn a_stop_lets_calls_finish_and_a_second_one_ends_them() {
    let setup = || Setup { sip: "drain_secs = 60\n".to_owned(), ..Setup::default() };
    let mut server = Server::start_with(&setup());
    let mut citizen = invite("380440000915").call(server.sip);
    server.signal("TERM");
    wait::until_true("the intake to close", SOON, || options(&server, TRUNK).status() == Some(503));
    let asked = options(&server, TRUNK);
    assert!(asked.start_line.ends_with("503 Stopping"), "{asked:?}");
    let refused = invite("380440000916").dial(server.sip).answered().expect_err("no new calls");
    assert_eq!((refused.status(), refused.header("Retry-After")), (Some(503), Some("5")), "{refused:?}");
    wait::until_true("readiness to end", SOON, || server.anonymous().status("/readyz") == Some(503));
    assert!(server.is_running(), "the call is on");
    citizen.hang_up();
    server.ends();

    let mut server = Server::start_with(&setup());
    let mut citizen = invite("380440000917").call(server.sip);
    server.signal("TERM");
    wait::until_true("the intake to close", SOON, || options(&server, TRUNK).status() == Some(503));
    server.signal("TERM");
    citizen.is_hung_up_on(SOON);
    server.ends();
}
