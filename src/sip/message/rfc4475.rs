//! Tests only: the 49 messages of RFC 4475 through the parser and the framing of streams, each with the outcome that
//! `tests/data/rfc4475/table.rs` says. What the service answers on the wire is `tests/e2e/torture.rs`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

#[path = "../../../tests/data/rfc4475/table.rs"]
mod table;

use std::collections::BTreeSet;

use self::table::{MESSAGES, Stream, Torture};
use super::framing::{Frame, StreamFramer};
use super::*;

fn request(name: &str) -> Request {
    let torture = MESSAGES.iter().find(|torture| torture.name == name).expect("a message of the table");
    match parse_datagram(&torture.bytes()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn each_is_read_or_found_malformed_as_the_table_says() {
    for torture in MESSAGES {
        let Torture { name, cause, udp, .. } = torture;
        match parse_datagram(&torture.bytes()) {
            Ok(message) => {
                assert_eq!(cause, None, "{name} was taken");
                let printed = match &message {
                    Message::Request(request) => request.to_bytes(),
                    Message::Response(response) => response.to_bytes(),
                };
                assert_eq!(parse_datagram(&printed), Ok(message), "{name}: printed and read again");
            }
            Err(error) => {
                assert_eq!(Some(error.cause.what), cause, "{name}");
                let answered: Vec<u16> = error.answer.iter().map(|answer| answer.status.0).collect();
                assert_eq!(answered, udp, "{name}");
            }
        }
    }
}

#[test]
fn streams_go_on_wait_or_end_as_the_table_says() {
    for torture in MESSAGES {
        let mut framer = StreamFramer::default();
        framer.push(&torture.bytes());
        framer.push(b"OPTIONS sip:next SIP/2.0\r\n\r\n");
        let mut frames = Vec::new();
        let lost = loop {
            match framer.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        let next_was_read =
            matches!(frames.last(), Some(Frame::Message(bytes)) if bytes.starts_with(b"OPTIONS sip:next"));
        let stream = match (lost, next_was_read) {
            (true, _) => Stream::Closed,
            (false, true) => Stream::GoesOn,
            (false, false) => Stream::Waits,
        };
        assert_eq!(stream, torture.stream, "{}: {frames:?}", torture.name);
    }
}

/// A refusal that nobody can explain is one that nobody decided.
#[test]
fn the_table_is_complete_and_says_why() {
    let names: BTreeSet<&str> = MESSAGES.iter().map(|torture| torture.name).collect();
    assert_eq!(names.len(), MESSAGES.len());
    for Torture { section, name, cause, udp, tcp, why, .. } in MESSAGES {
        let surprising =
            cause.is_none() && !matches!(udp, [200 | 401 | 416 | 420]) || udp != tcp && name != "ncl";
        assert!(!surprising || !why.is_empty() || cause.is_some(), "{section} {name} has no reason");
    }
}

#[test]
fn the_valid_ones_mean_what_they_say() {
    let wsinv = request("wsinv");
    assert_eq!((wsinv.cseq.seq, wsinv.max_forwards, wsinv.via.len()), (9, 68, 3));
    assert_eq!(wsinv.from.display.as_deref(), Some("T Oleh \\\""));
    assert_eq!(wsinv.headers.first("FreshlyMadeHeader"), Some("a fresh value goes on in a second line"));
    let contact = &wsinv.headers.addresses("Contact").unwrap()[0];
    assert_eq!((contact.params.find("q"), contact.params.find("bareparam")), (Some("0.33"), Some("")));

    let intmeth = request("intmeth");
    assert_eq!(intmeth.method, Method::Other("!peculiar-Method9876543210_*+`.%42deed'~".to_owned()));
    assert_eq!(intmeth.uri.password.as_deref(), Some("&as+one=2,wild!*pa$s~w_rd.(isn't-it)"));
    assert_eq!(intmeth.via[0].branch(), Some("z9hG4bK-.!%66*_+`'~"));

    let esc01 = request("esc01");
    assert_eq!(esc01.uri.user.as_deref(), Some("sips:clerk@city.example"));
    assert_eq!(esc01.to.uri.user.as_deref(), Some("clerk"));
    assert!(!esc01.headers.addresses("Contact").unwrap()[0].uri.params.contains("lr"));

    let escnull = request("escnull");
    let users = escnull.headers.addresses("Contact").unwrap().into_iter().map(|contact| contact.uri.user);
    assert_eq!(users.collect::<Vec<_>>(), [Some("\0".to_owned()), Some("\0\0".to_owned())]);

    let esc02 = request("esc02");
    assert_eq!(esc02.from.display.as_deref(), Some("%5A%45"));
    assert_eq!(esc02.headers.all("Contact").count(), 2, "an escaped name is another name");

    assert_eq!(request("lwsdisp").from.display.as_deref(), Some("caller"));
    assert_eq!(request("longreq").via.len(), 34);
    assert_eq!(request("dblreq").body, b"");
    assert_eq!(request("semiuri").uri.user.as_deref(), Some("clerk;desk=u@exchange.example"));
    assert!(request("semiuri").uri.params.0.is_empty());
    let transports: Vec<_> = request("transports").via.into_iter().map(|via| via.transport).collect();
    assert_eq!(transports, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
    let mpart01 = request("mpart01");
    assert!(mpart01.body.ends_with(b"--15801580cafe--\r\n") && mpart01.body.contains(&0));
    assert_eq!(request("badbranch").via[0].branch(), Some("z9hG4bK"));
    assert_eq!(request("cparam01").headers.addresses("Contact").unwrap()[0].uri.params.0, []);
    assert_eq!(request("cparam02").headers.addresses("Contact").unwrap()[0].params.0, []);
    assert_eq!(request("inv2543").max_forwards, 70);
}
