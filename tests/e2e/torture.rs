//! The 49 messages of RFC 4475 sent to the real service, over UDP and over TCP, from a trunk: each gets the answer of
//! `tests/data/rfc4475/table.rs`, or silence, and the next good call works. What the parser makes of them is tested
//! with the parser.

#[path = "../data/rfc4475/table.rs"]
mod table;

use std::time::Duration;

use crate::bad_input::{SILENCE, TRANSPORTS, assert_good_call_works, request};
use crate::server::{Server, TRUNK};
use crate::sip_wire::{ANSWER_TIMEOUT, Message, Transport, Wire, token};

use self::table::{MESSAGES, Stream, Torture};

#[test]
fn each_torture_message_has_its_outcome() {
    let server = Server::start();
    for transport in TRANSPORTS {
        for torture in MESSAGES {
            let mut wire = Wire::open(transport, TRUNK, server.sip);
            wire.send(torture.bytes());
            match transport {
                Transport::Udp => {
                    let Torture { name, why, .. } = torture;
                    assert_eq!(answers(&mut wire, &torture), torture.udp, "{name} over UDP ({why})");
                }
                _ => over_tcp(&mut wire, &torture),
            }
            assert_good_call_works(&server, transport);
        }
    }
    let counted = server.anonymous().metric_sum("ringback_sip_malformed_total");
    let malformed = MESSAGES.iter().filter(|torture| torture.cause.is_some()).count() as u64;
    // On a stream, `clerr` is still being waited for; the body of `inv2543`, which has no length, is one more.
    assert_eq!(counted, 2 * malformed);
}

fn over_tcp(wire: &mut Wire, torture: &Torture) {
    match torture.stream {
        Stream::GoesOn => assert_eq!(answers(wire, torture), torture.tcp, "TCP: {torture:?}"),
        Stream::Waits => {
            let heard: Vec<u16> = torture.tcp.iter().filter_map(|_| next_final(wire)).collect();
            assert_eq!(heard, torture.tcp, "TCP: {torture:?}");
            let text = request(wire, "OPTIONS", &token("next"), "");
            wire.send(text);
            let after = wire.receive_where(SILENCE, |message| message.answers() == "OPTIONS");
            assert!(after.is_none(), "TCP: {torture:?}: {after:?}");
        }
        Stream::Closed => {
            let heard: Vec<u16> = torture.tcp.iter().filter_map(|_| next_final(wire)).collect();
            assert_eq!(heard, torture.tcp, "TCP: {torture:?}");
            assert!(wire.is_closed_within(Duration::from_secs(3)), "TCP: {torture:?}");
        }
    }
}

/// Final answers in order, repetitions left out, up to the answer to an OPTIONS sent afterwards: had the message been
/// answered at all, that would have come first.
fn answers(wire: &mut Wire, torture: &Torture) -> Vec<u16> {
    let next = token("next");
    let text = request(wire, "OPTIONS", &next, "");
    wire.send(text);
    let mut heard: Vec<Message> = Vec::new();
    loop {
        let message = wire.receive(ANSWER_TIMEOUT);
        let message = message.unwrap_or_else(|| panic!("nothing is heard after {torture:?}"));
        if message.header("Call-ID") == Some(&next) {
            assert_eq!(message.status(), Some(200), "after {torture:?}");
            return heard.iter().filter_map(Message::status).collect();
        }
        let is_final = message.status().is_some_and(|status| status >= 200);
        let repeats = heard.iter().any(|known| known.header("Call-ID") == message.header("Call-ID"));
        if is_final && !repeats {
            heard.push(message);
        }
    }
}

fn next_final(wire: &mut Wire) -> Option<u16> {
    wire.receive_where(ANSWER_TIMEOUT, |message| message.status().is_some_and(|status| status >= 200))?
        .status()
}
