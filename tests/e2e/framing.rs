//! Messages in unusual shapes that are right all the same, and streams that somebody fills slowly or without end:
//! compact and folded headers, bodies of bytes, many headers, messages in one write and in many, half messages.

use std::time::Duration;

use crate::bad_input::{SILENCE, TRANSPORTS, assert_good_call_works, request};
use crate::citizen::Invite;
use crate::server::{Server, TRUNK};
use crate::sip_wire::{Message, Transport, Wire, token};

const SOON: Duration = Duration::from_secs(5);

/// Short names, in small and capital letters.
fn compact(text: String) -> String {
    [
        ("Via:", "v:"),
        ("From:", "F:"),
        ("To:", "t:"),
        ("Call-ID:", "i:"),
        ("Contact:", "m:"),
        ("Content-Type:", "C:"),
        ("Content-Length:", "l:"),
    ]
    .iter()
    .fold(text, |text, (long, short)| text.replace(&format!("\r\n{long}"), &format!("\r\n{short}")))
}

/// Each value on a line of its own, and its parameters on another.
fn folded(text: String) -> String {
    let (head, body) = text.split_once("\r\n\r\n").expect("a message has a body, if an empty one");
    let (start, headers) = head.split_once("\r\n").expect("a message has headers");
    format!("{start}\r\n{}\r\n\r\n{body}", headers.replace(": ", " :\r\n\t").replace(";tag", "\r\n ;  tag"))
}

#[test]
fn compact_and_folded_invites_become_calls() {
    let server = Server::start();
    for transport in TRANSPORTS {
        for spelling in [compact, folded] {
            let mut citizen = Invite { transport, spelling, ..Invite::default() }.call(server.sip);
            citizen.hang_up();
        }
    }
}

#[test]
fn bodies_may_hold_any_bytes() {
    let server = Server::start();
    for transport in TRANSPORTS {
        let mut citizen = Invite { transport, ..Invite::default() }.call(server.sip);
        let bytes = "\u{0}\r\n\r\nINVITE sip:1580@x SIP/2.0\r\n\u{7f}Ї\u{ffff}";
        let answer = citizen.request("INFO", "Content-Type: application/octet-stream\r\n", bytes);
        assert!(matches!(answer.status(), Some(200 | 415)), "{answer:?}");
        citizen.hang_up();
    }
}

#[test]
fn many_headers_are_taken_and_too_many_are_not() {
    let server = Server::start();
    for transport in TRANSPORTS {
        let many = "X-Note: one of many\r\n".repeat(200);
        let mut citizen = Invite { transport, more: many, ..Invite::default() }.call(server.sip);
        citizen.hang_up();
        let mut wire = Wire::open(transport, TRUNK, server.sip);
        let too_many = "X-Note: one of many\r\n".repeat(300);
        let text = request(&wire, "OPTIONS", &token("call"), &too_many);
        wire.send(text);
        assert!(wire.receive(SILENCE).is_none());
        assert_good_call_works(&server, transport);
    }
}

#[test]
fn messages_in_one_write_are_answered_in_order() {
    let server = Server::start();
    let mut wire = Wire::open(Transport::Tcp, TRUNK, server.sip);
    let calls: Vec<String> = (0..30).map(|_| token("call")).collect();
    let texts: Vec<String> = calls.iter().map(|call| request(&wire, "OPTIONS", call, "")).collect();
    wire.send(texts.join("\r\n"));
    for call in calls {
        let answer = wire.receive(SOON).expect("each is answered");
        assert_eq!((answer.status(), answer.header("Call-ID")), (Some(200), Some(call.as_str())));
    }
}

#[test]
fn a_message_in_many_writes_is_one_message() {
    let server = Server::start();
    let mut wire = Wire::open(Transport::Tcp, TRUNK, server.sip);
    let call = token("call");
    let text = request(&wire, "OPTIONS", &call, "");
    for byte in text.as_bytes() {
        wire.send([*byte]);
    }
    let answer = wire.final_response(&call, "OPTIONS").expect("it is answered");
    assert_eq!(answer.status(), Some(200));
}

#[test]
fn an_announced_giant_is_answered_and_its_connection_closed() {
    let server = Server::start();
    let mut wire = Wire::open(Transport::Tcp, TRUNK, server.sip);
    let text = request(&wire, "OPTIONS", &token("call"), "")
        .replace("Content-Length: 0", "Content-Length: 18446744073709551615");
    wire.send(text);
    assert_eq!(wire.receive(SOON).and_then(|answer: Message| answer.status()), Some(513));
    assert!(wire.is_closed_within(SOON));
    assert_good_call_works(&server, Transport::Tcp);
}

/// They hold their own connections and nothing else; how long they may is held in `src/net/tests.rs`.
#[test]
fn peers_that_never_finish_a_message_disturb_nobody() {
    let server = Server::start();
    let mut slow: Vec<Wire> = (0..200).map(|_| Wire::open(Transport::Tcp, TRUNK, server.sip)).collect();
    for wire in &mut slow {
        wire.send("INVITE sip:1580@city.example SIP/2.0\r\nVia: SIP/2.0/TCP slow");
    }
    for _ in 0..3 {
        for wire in &mut slow {
            wire.send("l");
        }
        for transport in TRANSPORTS {
            assert_good_call_works(&server, transport);
        }
    }
}
