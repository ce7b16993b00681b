//! Dialogs on the wire: PRACK on both sides, session intervals, UPDATE and re-INVITE that hold and cross, redirections,
//! bodies of several parts, short header names, callers who wish to stay unknown. Where sound changes, it is
//! listened to.

use std::time::Duration;

use crate::api::event;
use crate::audio::ToneSequence;
use crate::call_audio::{Said, assert_heard};
use crate::citizen::{Citizen, Invite};
use crate::phone::{Answering, Event, Phone};
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server};
use crate::sip_wire::{Transport, session, with_body};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);
const TRANSPORTS: [Transport; 2] = [Transport::Udp, Transport::Tcp];

fn insisting() -> Invite {
    Invite { more: "Require: 100rel\r\n".to_owned(), ..Invite::default() }
}

fn assert_hears_the_city(citizen: &Citizen) {
    wait::until_true("the city to be heard", SOON, || citizen.rtp.packets_received() > 10);
}

/// A citizen in the queue and an operator at a phone that answers like this, talking.
fn connected(server: &Server, caller: &str, answering: Answering) -> (Citizen, Phone) {
    let phone = Phone::register(server.sip, "201", PASSWORD, answering);
    server.sign_in("olena").set_ready();
    let citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    phone.rings(SOON);
    if answering == Answering::AcceptReliably {
        phone.expect(&Event::Pracked, SOON);
    }
    phone.expect(&Event::Talking, SOON);
    (citizen, phone)
}

/// Both hear each other, whole and in time.
fn assert_talk(citizen: &Citizen, phone: &Phone, seed: u64) {
    let (asked, replied) = (ToneSequence::citizen(seed, 1500), ToneSequence::operator(seed, 1500));
    wait::until_true("the bridge", SOON, || phone.rtp.packets_received() > 0);
    citizen.rtp.listen_anew();
    phone.rtp.listen_anew();
    citizen.rtp.say(&asked.samples());
    phone.rtp.say(&replied.samples());
    assert_heard(&phone.rtp, &Said::by(&citizen.rtp, asked));
    assert_heard(&citizen.rtp, &Said::by(&phone.rtp, replied));
}

#[test]
fn ringing_is_reliable_for_who_insists() {
    let server = Server::start();
    for transport in TRANSPORTS {
        let mut dialling = Invite { transport, ..insisting() }.dial(server.sip);
        let ringing = dialling.ringing();
        assert_eq!((ringing.status(), ringing.header("Require")), (Some(180), Some("100rel")));
        let answer = dialling.prack(&ringing, "");
        assert_eq!(answer.status(), Some(200), "{answer:?}");
        let again = dialling.prack(&ringing, "");
        assert_eq!(again.status(), Some(481), "acknowledged already: {again:?}");
        let mut citizen = dialling.answered().expect("the call is answered");
        assert_hears_the_city(&citizen);
        citizen.hang_up();

        let mut plain = Invite { transport, ..Invite::default() }.dial(server.sip);
        assert_eq!(plain.ringing().header("RSeq"), None, "nobody insisted");
        plain.answered().expect("the call is answered").hang_up();
    }
}

/// RFC 3261 13.2.1: our offer goes with the first reliable response, the answer comes with its PRACK.
#[test]
fn who_insists_and_offers_nothing_is_offered_with_the_ringing() {
    let server = Server::start();
    let mut dialling = Invite { delayed_offer: true, ..insisting() }.dial(server.sip);
    let ringing = dialling.ringing();
    assert!(ringing.audio_address().is_some(), "{ringing:?}");
    let description = session(dialling.rtp.address, 101, "sendrecv");
    assert_eq!(dialling.prack(&ringing, &description).status(), Some(200));
    let mut citizen = dialling.answered().expect("the call is answered");
    assert!(citizen.answer.body.is_empty(), "all was said before: {:?}", citizen.answer);
    assert_hears_the_city(&citizen);
    citizen.hang_up();
}

#[test]
fn an_operators_phone_that_insists_is_acknowledged_and_heard() {
    let server = Server::start_alone();
    let (mut citizen, phone) = connected(&server, "380440000301", Answering::AcceptReliably);
    assert_talk(&citizen, &phone, 41);
    citizen.hang_up();
    phone.expect(&Event::HungUpOn, SOON);
}

#[test]
fn an_operators_phone_may_send_the_call_to_another() {
    let server = Server::start_alone();
    let elsewhere = Phone::register(server.sip, "202", PASSWORD, Answering::Accept);
    let forwarded = Phone::register(server.sip, "201", PASSWORD, Answering::Redirect(elsewhere.address));
    server.sign_in("olena").set_ready();
    let citizen = Invite { caller: "380440000302".to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    let contact = forwarded.rings(SOON);
    assert_eq!(elsewhere.rings(SOON), contact, "the same call");
    elsewhere.expect(&Event::Talking, SOON);
    assert_talk(&citizen, &elsewhere, 42);
}

#[test]
fn session_intervals_are_agreed_on() {
    let server = Server::start();
    let asking = |interval: &str| Invite {
        more: format!("Supported: timer\r\nSession-Expires: {interval}\r\n"),
        ..Invite::default()
    };
    let refusal = asking("60").dial(server.sip).answered().expect_err("a minute is too short");
    assert_eq!((refusal.status(), refusal.header("Min-SE")), (Some(422), Some("90")));
    let mut citizen = asking("90;refresher=uac").call(server.sip);
    assert_eq!(citizen.answer.header("Session-Expires"), Some("90;refresher=uac"));
    assert_eq!(citizen.answer.header("Require"), Some("timer"));
    for method in ["UPDATE", "INVITE"] {
        let description = session(citizen.rtp.address, 101, "sendrecv");
        let body = if method == "INVITE" { description.as_str() } else { "" };
        let refresh = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
        let answer = citizen.request(method, refresh, body);
        assert_eq!(
            (answer.status(), answer.header("Session-Expires")),
            (Some(200), Some("90;refresher=uac"))
        );
    }
    citizen.hang_up();
}

/// UPDATE holds and resumes as re-INVITE does, and both ends hear it.
#[test]
fn update_holds_and_resumes() {
    let server = Server::start_alone();
    let caller = "380440000303";
    let (mut citizen, phone) = connected(&server, caller, Answering::Accept);
    assert_talk(&citizen, &phone, 43);
    let auditor = server.sign_in("audyt");
    let offer = |citizen: &Citizen, direction: &str| session(citizen.rtp.address, 101, direction);

    let held = offer(&citizen, "sendonly");
    let answer = citizen.request("UPDATE", "", &held);
    assert_eq!(answer.status(), Some(200), "{answer:?}");
    assert!(answer.body.contains("a=recvonly"), "{answer:?}");
    auditor.call_where(caller, "on hold", |call| event(&auditor.timeline(call), "contact.held").is_some());
    citizen.rtp.listen_anew();
    let unheard = ToneSequence::operator(44, 1000);
    phone.rtp.say(&unheard.samples());
    Said::by(&phone.rtp, unheard.clone());
    let presence = citizen.rtp.heard().map_or(0.0, |heard| unheard.presence(&heard.samples));
    assert!(presence < 0.05, "the operator is heard though on hold: {presence}");

    let resumed = offer(&citizen, "sendrecv");
    let answer = citizen.request("UPDATE", "", &resumed);
    assert_eq!(answer.status(), Some(200), "{answer:?}");
    auditor.call_where(caller, "resumed", |call| event(&auditor.timeline(call), "contact.resumed").is_some());
    assert_talk(&citizen, &phone, 45);
    citizen.hang_up();
}

#[test]
fn a_reinvite_before_the_ack_of_the_last_is_put_off() {
    let server = Server::start();
    let mut citizen = Invite::default().call(server.sip);
    let description = session(citizen.rtp.address, 101, "sendrecv");
    let first = citizen.request_unacknowledged("INVITE", "", &description);
    assert_eq!(first.status(), Some(200), "{first:?}");
    let crossing = citizen.request_unacknowledged("INVITE", "", &description);
    assert_eq!(crossing.status(), Some(491), "{crossing:?}");
    let later = citizen.request("UPDATE", "", "");
    assert_eq!(later.status(), Some(200), "no offer, nothing to cross: {later:?}");
}

#[test]
fn a_session_description_is_found_among_other_parts() {
    let server = Server::start();
    let sdp = "v=0\r\no=phone 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n\
               m=audio {rtp_port} RTP/AVP 8\r\n";
    let optional = "Content-Type: application/pidf+xml\r\nContent-Disposition: render;handling=optional";
    let needed = "Content-Type: application/isup\r\nContent-Disposition: signal;handling=required";
    for transport in TRANSPORTS {
        let invite = |other: &str| Invite {
            transport,
            body: Some(format!(
                "--part\r\n{other}\r\n\r\nnot for us\r\n--part\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n\
                 --part--\r\n"
            )),
            more: "MIME-Version: 1.0\r\nContent-Type: multipart/mixed;boundary=part\r\n".to_owned(),
            ..Invite::default()
        };
        let mut citizen = invite(optional).call(server.sip);
        assert_hears_the_city(&citizen);
        citizen.hang_up();
        let refusal = invite(needed).dial(server.sip).answered().expect_err("a part we cannot read");
        assert_eq!(refusal.status(), Some(415), "{refusal:?}");
        assert!(refusal.expect("Accept").contains("application/sdp"), "{refusal:?}");
    }
}

#[test]
fn what_cannot_be_satisfied_is_refused_by_its_reason() {
    let server = Server::start();
    for (more, status, header, value) in [
        ("Proxy-Require: teleport\r\n", 420, "Unsupported", "teleport"),
        ("Require: 100rel, teleport\r\n", 420, "Unsupported", "teleport"),
        ("Accept: text/html\r\n", 406, "To", "tag="),
        ("Content-Encoding: gzip\r\n", 415, "Accept-Encoding", "identity"),
        ("Content-Type: text/html\r\n", 415, "Accept", "application/sdp"),
    ] {
        let invite = Invite { more: more.to_owned(), ..Invite::default() };
        let refusal = invite.dial(server.sip).answered().expect_err(more);
        assert_eq!(refusal.status(), Some(status), "{more}: {refusal:?}");
        assert!(refusal.expect(header).contains(value), "{more}: {refusal:?}");
    }
    let mut citizen = Invite::default().call(server.sip);
    for header in ["Allow", "Supported", "Accept"] {
        assert!(citizen.answer.header(header).is_some(), "{header}: {:?}", citizen.answer);
    }
    let foreign = citizen.request("OPTIONS", "Require: teleport\r\n", "");
    assert_eq!(foreign.status(), Some(420), "within the dialog too: {foreign:?}");
    citizen.hang_up();
}

#[test]
fn short_header_names_are_as_good_as_long_ones() {
    let server = Server::start();
    for transport in TRANSPORTS {
        let mut citizen = Invite {
            transport,
            more: "k: timer\r\nx: 600;refresher=uac\r\n".to_owned(),
            ..Invite::default()
        }
        .dial_with(server.sip, |text| {
            [
                ("Via", "v"),
                ("From", "f"),
                ("To", "t"),
                ("Call-ID", "i"),
                ("Contact", "m"),
                ("Content-Type", "c"),
            ]
            .iter()
            .chain(&[("Content-Length", "l")])
            .fold(text, |text, (long, short)| {
                text.replace(&format!("\r\n{long}: "), &format!("\r\n{short}: "))
            })
        })
        .answered()
        .expect("the call is answered");
        assert_eq!(citizen.answer.header("Session-Expires"), Some("600;refresher=uac"));
        assert_hears_the_city(&citizen);
        citizen.hang_up();
    }
}

#[test]
fn who_calls_is_what_the_trunk_asserts_unless_it_is_to_stay_unknown() {
    let server = Server::start();
    let asserted = "P-Asserted-Identity: \"Olha\" <sip:380440000304@provider>\r\n\
                    Diversion: <sip:0442001581@provider>;reason=unconditional\r\n";
    let call = |caller: &str, more: &str| {
        Invite { caller: caller.to_owned(), more: more.to_owned(), ..Invite::default() }
            .call(server.sip)
            .hang_up();
    };
    call("380449999999", asserted);
    let auditor = server.sign_in("audyt");
    let known = auditor.finished_call("380440000304");
    let offered = auditor.timeline(&known);
    let offered = event(&offered, "contact.offered").expect("the call was offered");
    assert_eq!(offered["data"]["diverted_from"]["number"], "0442001581", "{offered}");
    call("380449999999", &format!("{asserted}Privacy: id\r\n"));
    wait::until_true("the call of who stays unknown", SOON, || {
        auditor.calls().iter().any(|call| call["caller"] == "")
    });
    assert!(auditor.calls_of("380449999999").is_empty());
}

#[test]
fn a_message_too_long_for_anybody_is_told_so() {
    let server = Server::start();
    let mut wire = crate::sip_wire::Wire::open(Transport::Tcp, crate::server::TRUNK, server.sip);
    let call_id = crate::sip_wire::token("call");
    let head = format!(
        "INVITE sip:1580@{server} SIP/2.0\r\n{via}From: <sip:1@x>;tag=a\r\nTo: <sip:1580@x>\r\nCall-ID: {call_id}\r\n\
         CSeq: 1 INVITE\r\nContact: {contact}\r\n",
        server = wire.server,
        via = wire.via(&crate::sip_wire::token("branch")),
        contact = wire.contact("1"),
    );
    let text = with_body(head, &"v".repeat(70_000));
    wire.send(text);
    let answer = wire.final_response(&call_id, "INVITE").expect("it is answered");
    assert_eq!(answer.status(), Some(513), "{answer:?}");
    Invite::default().call(server.sip).hang_up();
}
