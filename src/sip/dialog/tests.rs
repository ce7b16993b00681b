//! Dialogs of both sides: identity, numbers, routes, targets (RFC 3261 12). The peer is played by hand-made
//! messages; the transaction layer has no part here.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use super::*;
use crate::sip::message::{Host, StatusCode, Transport};

fn name_addr(text: &str) -> NameAddr {
    NameAddr::parse(text).unwrap()
}

fn flow() -> Flow {
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    Flow { transport: Transport::Udp, local: address(5060), remote: address(5070) }
}

fn contact() -> NameAddr {
    name_addr("<sip:ringback@127.0.0.1:5060>")
}

fn invite() -> Request {
    let mut headers = Headers::default();
    headers.push("Record-Route", "<sip:p1.example;lr>, <sip:p2.example;lr>");
    headers.push("Record-Route", "<sip:p3.example;lr>");
    headers.push("Contact", "<sip:alice@phone.example:5070>");
    Request {
        method: Method::Invite,
        uri: Uri::sip(Some("1580"), Host::Name("city.example".to_owned()), None),
        via: Vec::new(),
        from: name_addr("\"Alice\" <sip:alice@example.org>;tag=a1"),
        to: name_addr("<sip:1580@city.example>"),
        call_id: "call-1".to_owned(),
        cseq: CSeq { seq: 7, method: Method::Invite },
        max_forwards: 70,
        headers,
        body: Vec::new(),
    }
}

/// The peer's 2xx to an INVITE of ours.
fn success() -> Response {
    invite().response(StatusCode::OK, "b1").with_header("Contact", "<sip:bob@desk.example>")
}

fn uas() -> Dialog {
    Dialog::uas(&invite(), "b1", contact(), flow()).unwrap()
}

fn uac() -> Dialog {
    Dialog::uac(&invite(), &success(), contact(), flow()).unwrap()
}

fn routes(request: &Request) -> Vec<&str> {
    request.headers.all("Route").collect()
}

/// A request of the peer within [`uas`]'s dialog.
fn from_peer(method: Method, seq: u32) -> Request {
    let mut request = invite();
    request.cseq = CSeq { seq, method: method.clone() };
    request.method = method;
    request.to.set_tag("b1");
    request.headers = Headers::default();
    request
}

#[test]
fn both_sides_know_the_dialog_by_mirrored_tags() {
    let (uas, uac) = (uas(), uac());
    assert_eq!(uas.id.call_id, uac.id.call_id);
    assert_eq!((&uas.id.local_tag, &uas.id.remote_tag), (&uac.id.remote_tag, &uac.id.local_tag));
    assert_eq!(Dialog::id_of_request(&from_peer(Method::Bye, 8)), Some(uas.id));
    assert_eq!(Dialog::id_of_request(&invite()), None, "no To tag, no dialog");
}

#[test]
fn request_of_the_uas_goes_the_recorded_route() {
    let mut dialog = uas();
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:alice@phone.example:5070");
    assert_eq!(routes(&bye), ["<sip:p1.example;lr>", "<sip:p2.example;lr>", "<sip:p3.example;lr>"]);
    assert_eq!((bye.from.tag(), bye.to.tag()), (Some("b1"), Some("a1")));
    assert_eq!(bye.to.display.as_deref(), Some("Alice"));
    assert_eq!((bye.cseq.seq, &bye.cseq.method, bye.max_forwards), (1, &Method::Bye, 70));
    assert!(bye.via.is_empty() && bye.headers.first("Contact").is_none());
    assert_eq!(Dialog::id_of_request(&bye), Some(uac().id), "the peer finds its dialog");
}

#[test]
fn request_of_the_uac_goes_the_recorded_route_backwards() {
    let mut dialog = uac();
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:bob@desk.example");
    assert_eq!(routes(&bye), ["<sip:p3.example;lr>", "<sip:p2.example;lr>", "<sip:p1.example;lr>"]);
    assert_eq!(bye.cseq.seq, 8, "one above the INVITE's");
}

#[test]
fn a_strict_router_becomes_the_request_uri() {
    let mut request = invite();
    request.headers.set("Record-Route", "<sip:strict.example>, <sip:p2.example;lr>");
    let mut dialog = Dialog::uas(&request, "b1", contact(), flow()).unwrap();
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:strict.example");
    assert_eq!(routes(&bye), ["<sip:p2.example;lr>", "<sip:alice@phone.example:5070>"]);
}

#[test]
fn without_routes_the_target_is_all() {
    let mut request = invite();
    request.headers.remove("Record-Route");
    let mut dialog = Dialog::uas(&request, "b1", contact(), flow()).unwrap();
    assert_eq!(routes(&dialog.request(Method::Bye)), [""; 0]);
}

#[test]
fn only_target_refreshing_requests_carry_our_contact() {
    let mut dialog = uac();
    let reinvite = dialog.request(Method::Invite);
    assert_eq!(reinvite.headers.first("Contact"), Some("<sip:ringback@127.0.0.1:5060>"));
    assert!(dialog.request(Method::Info).headers.first("Contact").is_none());
    assert_eq!(dialog.local_seq, 9, "each request has its own number");
}

#[test]
fn ack_has_the_number_of_its_invite_and_the_route_of_the_dialog() {
    let mut dialog = uac();
    dialog.request(Method::Info);
    let ack = dialog.ack(7);
    assert_eq!((&ack.method, ack.cseq.seq, &ack.cseq.method), (&Method::Ack, 7, &Method::Ack));
    assert_eq!(routes(&ack).len(), 3);
    assert_eq!(dialog.local_seq, 8, "ACK uses no number up");
}

#[test]
fn sequence_numbers_only_rise() {
    let mut dialog = uas();
    assert_eq!(dialog.receive(&from_peer(Method::Info, 6)), Err(DialogError::OutOfOrder));
    assert_eq!(dialog.receive(&from_peer(Method::Info, 20)), Ok(()), "gaps are allowed");
    assert_eq!(dialog.receive(&from_peer(Method::Bye, 19)), Err(DialogError::OutOfOrder));
    assert_eq!(dialog.receive(&from_peer(Method::Bye, 21)), Ok(()));
    let mut dialog = uac();
    assert_eq!(dialog.receive(&from_peer(Method::Info, 0)), Ok(()), "the first may be any");
    assert_eq!(dialog.remote_seq, Some(0));
}

#[test]
fn reinvite_moves_the_target_and_a_refused_one_does_not() {
    let mut dialog = uas();
    let mut moved = from_peer(Method::Invite, 8);
    moved.headers.push("Contact", "<sip:alice@elsewhere.example>");
    dialog.receive(&moved).unwrap();
    assert_eq!(dialog.request(Method::Bye).uri.to_string(), "sip:alice@elsewhere.example");
    let mut old = moved.clone();
    old.cseq.seq = 7;
    old.headers.set("Contact", "<sip:alice@old.example>");
    assert!(dialog.receive(&old).is_err());
    let mut info = from_peer(Method::Info, 9);
    info.headers.push("Contact", "<sip:alice@old.example>");
    dialog.receive(&info).unwrap();
    assert_eq!(dialog.remote_target.to_string(), "sip:alice@elsewhere.example");
}

#[test]
fn answer_to_our_reinvite_moves_the_target() {
    let mut dialog = uac();
    let reinvite = dialog.request(Method::Invite);
    let refusal =
        reinvite.response(StatusCode::REQUEST_PENDING, "").with_header("Contact", "<sip:no@x.example>");
    dialog.receive_response(&refusal);
    assert_eq!(dialog.remote_target.to_string(), "sip:bob@desk.example");
    let answer = reinvite.response(StatusCode::OK, "").with_header("Contact", "<sip:bob@new.example>");
    dialog.receive_response(&answer);
    assert_eq!(dialog.remote_target.to_string(), "sip:bob@new.example");
}

#[test]
fn early_dialog_takes_route_and_target_anew_when_confirmed() {
    let ringing =
        invite().response(StatusCode::RINGING, "b1").with_header("Contact", "<sip:early@x.example>");
    let mut dialog = Dialog::uac(&invite(), &ringing, contact(), flow()).unwrap();
    let mut ok = success();
    ok.headers.set("Record-Route", "<sip:p9.example;lr>");
    dialog.confirm(&ok).unwrap();
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:bob@desk.example");
    assert_eq!(routes(&bye), ["<sip:p9.example;lr>"]);
}

#[test]
fn messages_without_contact_or_tag_make_no_dialog() {
    let mut request = invite();
    request.headers.remove("Contact");
    assert_eq!(Dialog::uas(&request, "b1", contact(), flow()).unwrap_err(), DialogError::NoContact);
    request.headers.push("Contact", "not an address <<");
    assert_eq!(Dialog::uas(&request, "b1", contact(), flow()).unwrap_err(), DialogError::NoContact);
    let untagged = invite().response(StatusCode::TRYING, "").with_header("Contact", "<sip:bob@desk.example>");
    assert_eq!(Dialog::uac(&invite(), &untagged, contact(), flow()).unwrap_err(), DialogError::NoTag);
    let without_contact = invite().response(StatusCode::OK, "b1");
    assert_eq!(
        Dialog::uac(&invite(), &without_contact, contact(), flow()).unwrap_err(),
        DialogError::NoContact
    );
}

#[test]
fn peer_from_before_rfc_3261_has_an_empty_tag() {
    let mut request = invite();
    request.from.params = Params::default();
    let dialog = Dialog::uas(&request, "b1", contact(), flow()).unwrap();
    request.to.set_tag("b1");
    assert_eq!(Dialog::id_of_request(&request), Some(dialog.id));
}

#[test]
fn header_parts_of_a_contact_stay_out_of_the_request_line() {
    let mut request = invite();
    request.headers.set("Contact", "<sip:alice@phone.example;method=BYE?Subject=x>");
    let bye = Dialog::uas(&request, "b1", contact(), flow()).unwrap().request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:alice@phone.example");
}
