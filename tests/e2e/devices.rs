//! Several phones of one operator, phones behind a proxy, and phones that are gone: who is rung, by which way, and who
//! is not rung any more (PAINS 19).

use std::time::Duration;

use crate::citizen::{Citizen, Invite};
use crate::phone;
use crate::server::{KEYS_TO_QUEUE, LOOPBACK, PASSWORD, Server, Setup};
use crate::sip_wire::{Message, Transport, Wire, token};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);
/// Three OPTIONS without an answer, five seconds each, and what a busy machine adds.
const UNTIL_GONE: Duration = Duration::from_secs(40);

fn caller_in_queue(server: &Server) -> Citizen {
    let citizen = Invite::default().call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    citizen
}

fn request_to(wire: &mut Wire, method: &str, at_most: Duration) -> Message {
    wire.receive_where(at_most, |message| message.method() == Some(method))
        .unwrap_or_else(|| panic!("no {method} within {at_most:?}"))
}

#[test]
fn the_next_phone_rings_when_the_first_is_gone() {
    let server = Server::start();
    let mut preferred = Wire::open(Transport::Udp, LOOPBACK, server.sip);
    let mut other = Wire::open(Transport::Udp, LOOPBACK, server.sip);
    let contact = format!("{};q=0.9", preferred.contact("201"));
    assert_eq!(phone::register_as(&mut preferred, "201", PASSWORD, &contact, "").status(), Some(200));
    let contact = format!("{};q=0.1", other.contact("201"));
    let answer = phone::register_as(&mut other, "201", PASSWORD, &contact, "");
    assert_eq!(answer.headers_named("Contact").count(), 2, "both are there: {answer:?}");
    server.sign_in("olena").set_ready();

    let mut citizen = caller_in_queue(&server);
    let first = request_to(&mut preferred, "INVITE", SOON);
    preferred.send(first.response(410, "Gone", &token("tag"), "", ""));
    let second = request_to(&mut other, "INVITE", SOON);
    assert_eq!(first.expect("X-Ringback-Contact"), second.expect("X-Ringback-Contact"));
    other.send(second.response(486, "Busy Here", &token("tag"), "", ""));
    citizen.hang_up();
}

#[test]
fn the_way_to_a_phone_behind_a_proxy_is_its_path() {
    let server = Server::start();
    let mut wire = Wire::open(Transport::Udp, LOOPBACK, server.sip);
    let contact = wire.contact("201");
    let path = "<sip:edge.test;lr>";
    let unasked = phone::register_as(&mut wire, "201", PASSWORD, &contact, &format!("Path: {path}\r\n"));
    assert_eq!((unasked.status(), unasked.header("Unsupported")), (Some(420), Some("path")));
    let more = format!("Path: {path}\r\nSupported: path\r\n");
    let answer = phone::register_as(&mut wire, "201", PASSWORD, &contact, &more);
    assert_eq!((answer.status(), answer.header("Path")), (Some(200), Some(path)));
    server.sign_in("olena").set_ready();

    let mut citizen = caller_in_queue(&server);
    let invite = request_to(&mut wire, "INVITE", SOON);
    assert_eq!(invite.header("Route"), Some(path));
    wire.send(invite.response(486, "Busy Here", &token("tag"), "", ""));
    citizen.hang_up();
}

#[test]
fn an_unplugged_phone_is_not_available_until_it_answers_again() {
    let server = Server::start_with(&Setup { sip: "qualify_secs = 1\n".to_owned(), ..Setup::default() });
    let mut wire = Wire::open(Transport::Udp, LOOPBACK, server.sip);
    assert_eq!(phone::register(&mut wire, "201", PASSWORD).status(), Some(200));
    let api = server.sign_in("olena");
    api.set_ready();
    wait::until_true("olena to be ready", SOON, || api.status_of("olena") == "ready");
    wait::until_true("olena's phone to be missed", UNTIL_GONE, || api.status_of("olena") == "logged_out");
    // Those that were not answered are still in the socket; they are of no use to anybody.
    let mut plugged_in = || {
        while let Some(question) = wire.receive(Duration::from_millis(50)) {
            if question.method() == Some("OPTIONS") {
                wire.send(question.response(200, "OK", &token("tag"), "", ""));
            }
        }
        !["", "logged_out"].contains(&api.status_of("olena").as_str())
    };
    wait::until_true("olena's phone to be back", SOON, &mut plugged_in);
}
