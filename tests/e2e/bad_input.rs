//! Bad input on the wire, over UDP and TCP: each gets the answer RFC 3261 asks for, or silence, and the next good
//! INVITE works.

use std::net::IpAddr;
use std::time::Duration;

use crate::citizen::Invite;
use crate::phone;
use crate::server::{LOOPBACK, PASSWORD, Server, Setup, TRUNK};
use crate::sip_wire::{Message, Transport, Wire, token};

/// Long enough for an answer that must not come.
pub const SILENCE: Duration = Duration::from_millis(400);
/// A loopback address that is neither trunk nor phone.
const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 3));
pub const TRANSPORTS: [Transport; 2] = [Transport::Udp, Transport::Tcp];

/// Dials and is refused; the refusal.
fn refused(server: &Server, invite: Invite) -> Message {
    match invite.clone().dial(server.sip).answered() {
        Err(refusal) => refusal,
        Ok(_) => panic!("{invite:?} was answered"),
    }
}

/// The proof after each wrong message: a good call is answered and ended in order.
pub fn assert_good_call_works(server: &Server, transport: Transport) {
    let mut citizen = Invite { transport, ..Invite::default() }.call(server.sip);
    citizen.hang_up();
}

/// A request outside any dialog, from the trunk; its answer.
fn answer_to(server: &Server, transport: Transport, method: &str, more: &str) -> Option<Message> {
    let mut wire = Wire::open(transport, TRUNK, server.sip);
    let call_id = token("call");
    let text = request(&wire, method, &call_id, more);
    wire.send(text);
    wire.final_response(&call_id, method)
}

pub fn request(wire: &Wire, method: &str, call_id: &str, more: &str) -> String {
    format!(
        "{method} sip:1580@{server} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: <sip:38044@city.test>;tag=a\r\n\
         To: <sip:1580@{server}>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\nContact: {contact}\r\n{more}\
         Content-Length: 0\r\n\r\n",
        server = wire.server,
        via = wire.via(&token("branch")),
        contact = wire.contact("38044"),
    )
}

#[test]
fn wrong_invites_are_refused_by_their_reason() {
    let server = Server::start();
    let video = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=video 4000 RTP/AVP 34\r\n";
    let gsm = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 3\r\n\
               a=rtpmap:3 GSM/8000\r\n";
    for transport in TRANSPORTS {
        let good = Invite { transport, ..Invite::default() };
        let table = [
            ("unknown number", 404, Invite { called: "1581".to_owned(), ..good.clone() }),
            ("only GSM", 488, Invite { body: Some(gsm.to_owned()), ..good.clone() }),
            ("only video", 488, Invite { body: Some(video.to_owned()), ..good.clone() }),
            (
                "no session description",
                400,
                Invite { body: Some("not sdp at all\r\n".to_owned()), ..good.clone() },
            ),
            (
                "another kind of body",
                415,
                Invite {
                    body: Some("<call/>".to_owned()),
                    more: "Content-Type: application/xml\r\n".to_owned(),
                    ..good.clone()
                },
            ),
            (
                "an extension we lack",
                420,
                Invite { more: "Require: teleport\r\n".to_owned(), ..good.clone() },
            ),
        ];
        for (what, status, invite) in table {
            let refusal = refused(&server, invite);
            assert_eq!(refusal.status(), Some(status), "{what}: {refusal:?}");
            assert!(refusal.expect("To").contains(";tag="), "{what}: a final answer has a tag");
            assert_good_call_works(&server, transport);
        }
    }
}

#[test]
fn wrong_methods_are_refused() {
    let server = Server::start();
    for transport in TRANSPORTS {
        for (method, status) in [("SUBSCRIBE", 489), ("FETCH", 501), ("BYE", 481), ("OPTIONS", 200)] {
            let answer =
                answer_to(&server, transport, method, "").unwrap_or_else(|| panic!("{method} is answered"));
            assert_eq!(answer.status(), Some(status), "{method}: {answer:?}");
        }
        assert_good_call_works(&server, transport);
    }
}

#[test]
fn the_callers_offer_may_come_with_the_ack() {
    let server = Server::start();
    for transport in TRANSPORTS {
        let mut citizen = Invite { transport, delayed_offer: true, ..Invite::default() }.call(server.sip);
        crate::wait::until_true("the city to be heard", Duration::from_secs(5), || {
            citizen.rtp.packets_received() > 10
        });
        citizen.hang_up();
    }
}

#[test]
fn above_capacity_callers_are_asked_to_come_back() {
    let server = Server::start_with(&Setup { capacity: 2, ..Setup::default() });
    for transport in TRANSPORTS {
        let invite = |caller: &str| Invite { transport, caller: caller.to_owned(), ..Invite::default() };
        let mut first = invite("38044001").call(server.sip);
        let mut second = invite("38044002").call(server.sip);
        let refusal = refused(&server, invite("38044003"));
        assert_eq!(refusal.status(), Some(503), "{refusal:?}");
        let retry_after: u32 = refusal.expect("Retry-After").parse().expect("seconds");
        assert!((1..=60).contains(&retry_after), "{retry_after}");
        // The admitted ones are unharmed.
        let before = first.rtp.packets_received();
        crate::wait::until_true("the first caller to hear on", Duration::from_secs(5), || {
            first.rtp.packets_received() > before + 10
        });
        first.hang_up();
        assert_good_call_works(&server, transport);
        second.hang_up();
    }
}

#[test]
fn malformed_messages_do_no_harm() {
    let server = Server::start();
    let nonsense: [&[u8]; 5] = [
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"\x00\xff\xfe\x80 binary \x01",
        b"INVITE sip:1580@127.0.0.1 SIP/2.0\r\nnothing else\r\n\r\n",
        b"SIP/2.0 999 What\r\nVia: SIP/2.0/UDP 127.0.0.2:9;branch=z9hG4bKx\r\n\r\n",
    ];
    for transport in TRANSPORTS {
        for bytes in nonsense {
            let mut wire = Wire::open(transport, TRUNK, server.sip);
            wire.send(bytes);
            let answer = wire.receive(SILENCE).and_then(|answer| answer.status());
            assert!(matches!(answer, None | Some(400)), "{answer:?} to {:?}", String::from_utf8_lossy(bytes));
            assert_good_call_works(&server, transport);
        }
    }
}

#[test]
fn messages_whose_sender_is_known_are_answered_400() {
    let server = Server::start();
    for transport in TRANSPORTS {
        // Enough to answer (Via, From, To, Call-ID, CSeq), and one thing wrong.
        for (what, from, to) in [
            ("a CSeq that is no number", "CSeq: 1 INVITE", "CSeq: one INVITE"),
            ("a CSeq of another method", "CSeq: 1 INVITE", "CSeq: 1 BYE"),
            ("a length that is no number", "Content-Length: 0", "Content-Length: much"),
        ] {
            let mut wire = Wire::open(transport, TRUNK, server.sip);
            let text = request(&wire, "INVITE", &token("call"), "").replace(from, to);
            wire.send(text);
            let answer = wire.receive_where(Duration::from_secs(3), |answer| answer.status() != Some(100));
            // A TCP stream whose framing is lost may be closed instead (RFC 3261 18.3).
            let closed = transport == Transport::Tcp && what.contains("length") && answer.is_none();
            assert!(closed || answer.as_ref().and_then(Message::status) == Some(400), "{what}: {answer:?}");
            assert_good_call_works(&server, transport);
        }
    }
}

#[test]
fn a_huge_content_length_takes_no_memory_and_no_place() {
    let server = Server::start();
    let before = resident_kib(server.pid());
    for _ in 0..20 {
        let mut wire = Wire::open(Transport::Tcp, TRUNK, server.sip);
        let text = request(&wire, "INVITE", &token("call"), "")
            .replace("Content-Length: 0", "Content-Length: 4294967295");
        wire.send(text);
    }
    assert_good_call_works(&server, Transport::Tcp);
    let grown = resident_kib(server.pid()).saturating_sub(before);
    assert!(grown < 32 * 1024, "grown by {grown} KiB");
}

/// Memory of a process that is in RAM.
pub fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn strangers_are_challenged_and_wrong_passwords_learn_nothing() {
    let server = Server::start();
    for transport in TRANSPORTS {
        let refusal = refused(&server, Invite { transport, from: STRANGER, ..Invite::default() });
        assert!(matches!(refusal.status(), Some(401 | 403)), "{refusal:?}");
        let mut wire = Wire::open(transport, LOOPBACK, server.sip);
        let wrong = phone::register(&mut wire, "201", "not the password");
        let unknown = phone::register(&mut wire, "999", "not the password");
        assert!(matches!(wrong.status(), Some(401 | 403)), "{wrong:?}");
        assert_eq!(wrong.status(), unknown.status(), "a known and an unknown extension look the same");
        let good = phone::register(&mut wire, "201", PASSWORD);
        assert_eq!(good.status(), Some(200), "{good:?}");
        assert_good_call_works(&server, transport);
    }
}

/// One extension may not speak for another.
#[test]
fn a_phone_registers_only_itself() {
    let server = Server::start();
    let mut wire = Wire::open(Transport::Udp, LOOPBACK, server.sip);
    let call_id = token("call");
    let uri = format!("sip:{}", server.sip);
    let text = |wire: &Wire, more: &str| {
        request(wire, "REGISTER", &call_id, more)
            .replace(&format!("REGISTER sip:1580@{}", wire.server), &format!("REGISTER sip:{}", wire.server))
            .replace(&format!("To: <sip:1580@{}>", wire.server), &format!("To: <sip:202@{}>", wire.server))
    };
    let first = text(&wire, "");
    wire.send(first);
    let challenged = wire.final_response(&call_id, "REGISTER").expect("REGISTER is answered");
    let challenge = challenged.headers_named("WWW-Authenticate").find(|value| !value.contains("SHA-256"));
    let proof = phone::authorization(challenge.expect("MD5 is offered"), "201", PASSWORD, "REGISTER", &uri);
    let second = text(&wire, &format!("Authorization: {proof}\r\n")).replace("CSeq: 1", "CSeq: 2");
    wire.send(second);
    let answer = wire.final_response(&call_id, "REGISTER").expect("REGISTER is answered");
    assert_eq!(answer.status(), Some(403), "{answer:?}");
}
