//! Every way in: TLS, WebSocket, IPv6. A call over each is heard both ways; connections that break, certificates that
//! change and strangers who take up room do no harm to the calls that are on.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::audio::ToneSequence;
use crate::call_audio::{Said, assert_heard};
use crate::citizen::{Citizen, Invite};
use crate::phone::{Answering, Event, Phone, Return};
use crate::rtp_peer::RtpPeer;
use crate::server::{KEYS_TO_QUEUE, LOOPBACK, PASSWORD, Server, Setup, TRUNK};
use crate::sip_wire::{Transport, Wire};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);
/// Connections one source may hold, as `net/limits.rs` says.
const PER_SOURCE: usize = 256;
/// A phone that is not heard for so long has lost its call, as `media/mod.rs` says.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(30);
/// A browser that answers no ping for so long is gone, as `web/sip_socket.rs` says: its deadline, and one ping more.
const SILENT_SOCKET: Duration = Duration::from_secs(45 + 20);
/// A TLS handshake may take so long, as `net/limits.rs` says.
const HANDSHAKE: Duration = Duration::from_secs(10);

fn server() -> Server {
    Server::start_with(&Setup { alone: true, doors: true, ..Setup::default() })
}

/// For browser phones of our own, which speak plain RTP; Chromium's encrypted one is in `browser_call`.
fn plain_server() -> Server {
    Server::start_with(&Setup { alone: true, doors: true, srtp: "off", ..Setup::default() })
}

/// Presses the keys into the queue; the operator, who was made ready, answers.
pub fn connect(server: &Server, citizen: &Citizen, operator: &Phone) {
    server.sign_in("olena").set_ready();
    citizen.rtp.press(KEYS_TO_QUEUE);
    operator.rings(SOON);
    operator.expect(&Event::Talking, SOON);
    wait::until_true("the bridge", SOON, || operator.rtp.packets_received() > 0);
}

/// Both speak; both hear all of the other.
pub fn talk(citizen: &RtpPeer, operator: &RtpPeer, seed: u64) {
    let (said, answered) = (ToneSequence::citizen(seed, 2000), ToneSequence::operator(seed, 2000));
    citizen.listen_anew();
    operator.listen_anew();
    citizen.say(&said.samples());
    operator.say(&answered.samples());
    let (said, answered) = (Said::by(citizen, said), Said::by(operator, answered));
    assert_heard(operator, &said);
    assert_heard(citizen, &answered);
}

fn invite(caller: &str) -> Invite {
    Invite { caller: caller.to_owned(), ..Invite::default() }
}

#[test]
fn a_call_over_tls_is_heard_both_ways() {
    let server = server();
    let wire = Wire::open_tls(TRUNK, server.doors().tls, &server.certificate());
    let mut citizen = invite("380440000801").dial_over(wire).answered().expect("the call is answered");
    let operator = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    connect(&server, &citizen, &operator);
    talk(&citizen.rtp, &operator.rtp, 81);
    operator.hang_up();
    citizen.is_hung_up_on(SOON);
}

#[test]
fn a_browser_phone_talks_over_a_web_socket() {
    let server = plain_server();
    let wire = Wire::open(Transport::Ws, LOOPBACK, server.http);
    let operator = Phone::register_over(wire, "201", PASSWORD, Answering::Accept);
    let mut citizen = invite("380440000802").call(server.sip);
    connect(&server, &citizen, &operator);
    let invited = operator.invite().expect("it rang");
    assert!(invited.expect("Via").starts_with("SIP/2.0/WS "), "{invited:?}");
    assert!(invited.expect("Contact").contains(";transport=ws"), "{invited:?}");
    talk(&citizen.rtp, &operator.rtp, 82);
    citizen.hang_up();
    operator.expect(&Event::HungUpOn, SOON);
}

/// PAINS 14: the socket breaks in the middle of a call.
#[test]
fn a_browser_phone_that_reconnects_keeps_its_call() {
    let server = plain_server();
    for (how, caller) in [(Return::Registers, "380440000803"), (Return::Asks, "380440000804")] {
        let wire = Wire::open(Transport::Ws, LOOPBACK, server.http);
        let operator = Phone::register_over(wire, "201", PASSWORD, Answering::Accept);
        let mut citizen = invite(caller).call(server.sip);
        connect(&server, &citizen, &operator);
        operator.reconnect(how);
        operator.expect(&Event::Back, SOON);
        talk(&citizen.rtp, &operator.rtp, 83);
        // Our BYE finds the phone where it is now.
        citizen.hang_up();
        operator.expect(&Event::HungUpOn, SOON);
        let call = server.sign_in("audyt").finished_call(caller);
        assert_eq!(call["termination"], "caller_hung_up", "{how:?}: {call}");
    }
}

/// The network is gone, and nobody says so: no end of the connection, no BYE, no sound.
#[test]
fn a_browser_phone_that_never_returns_loses_its_call_and_then_its_binding() {
    let server = plain_server();
    let wire = Wire::open(Transport::Ws, LOOPBACK, server.http);
    let operator = Phone::register_over(wire, "201", PASSWORD, Answering::Accept);
    let mut citizen = invite("380440000813").call(server.sip);
    connect(&server, &citizen, &operator);
    let colleague = Phone::register(server.sip, "202", PASSWORD, Answering::Accept);
    server.sign_in("petro").set_ready();
    operator.freeze();
    // The caller comes to the next operator, before all others.
    colleague.rings(MEDIA_TIMEOUT + SOON);
    colleague.expect(&Event::Talking, SOON);
    talk(&citizen.rtp, &colleague.rtp, 90);
    let olena = || {
        let operators = server.sign_in("audyt").items("/api/v1/operators");
        operators.into_iter().find(|operator| operator["name"] == "olena")
    };
    wait::until_true("the binding to be gone", SILENT_SOCKET + SOON, || {
        olena().is_some_and(|olena| olena["status"] == "logged_out")
    });
    citizen.hang_up();
    colleague.expect(&Event::HungUpOn, SOON);
}

/// A trunk whose connection broke is called back where it said that it listens.
#[test]
fn our_bye_finds_a_trunk_that_lost_its_connection() {
    let server = server();
    let trunk = TcpListener::bind((TRUNK, 0)).expect("loopback has free ports");
    let mut wire = Wire::open(Transport::Tcp, TRUNK, server.sip);
    wire.listens_at = trunk.local_addr().ok();
    let citizen = invite("380440000812").dial_over(wire).answered().expect("the call is answered");
    let operator = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    connect(&server, &citizen, &operator);
    let Citizen { wire, rtp, .. } = citizen;
    drop(wire);
    talk(&rtp, &operator.rtp, 84);
    operator.hang_up();
    trunk.set_nonblocking(true).expect("a bound socket takes options");
    let (mut stream, _) = wait::until("a connection of ours", SOON, || trunk.accept().ok());
    stream.set_read_timeout(Some(SOON)).expect("a connected socket takes options");
    let mut start = [0; 4];
    stream.read_exact(&mut start).expect("a request comes");
    assert_eq!(&start, b"BYE ");
}

#[test]
fn a_call_over_ipv6_is_heard_both_ways() {
    let server = server();
    let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let citizen = Invite { from: six, ..invite("380440000805") };
    let mut citizen = citizen.call(server.doors().six);
    assert!(citizen.contact().contains("@[::1]:"), "{}", citizen.contact());
    // Each leg has the family of its own peer.
    let operator = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    connect(&server, &citizen, &operator);
    talk(&citizen.rtp, &operator.rtp, 85);
    operator.hang_up();
    citizen.is_hung_up_on(SOON);

    let wire = Wire::open(Transport::Tcp, six, server.doors().six);
    let operator = Phone::register_over(wire, "201", PASSWORD, Answering::Accept);
    let mut citizen = invite("380440000806").call(server.sip);
    connect(&server, &citizen, &operator);
    talk(&citizen.rtp, &operator.rtp, 86);
    citizen.hang_up();
    operator.expect(&Event::HungUpOn, SOON);
}

#[test]
fn a_new_certificate_comes_into_force_and_no_call_ends() {
    let server = server();
    let admin = server.sign_in("admin");
    let reload = || admin.send("POST", "/api/v1/admin/reload", Some(&serde_json::json!({}))).0;
    let tls = server.doors().tls;
    let seen = || {
        let wire = Wire::open_tls(TRUNK, tls, &server.certificate());
        let mut call = invite("380440000809").dial_over(wire).answered().expect("the call is answered");
        call.hang_up();
        call.wire.peer_certificate().expect("a handshake shows one")
    };
    let wire = Wire::open_tls(TRUNK, tls, &server.certificate());
    let mut citizen = invite("380440000808").dial_over(wire).answered().expect("the call is answered");
    let operator = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    connect(&server, &citizen, &operator);
    let old = seen();
    server.renew_certificate();
    assert_eq!(reload(), 200);
    let new = seen();
    assert_ne!(old, new);
    // Half a certificate is refused, and the last good one stays.
    let pem = std::fs::read(server.certificate()).expect("it was written");
    std::fs::write(server.certificate(), &pem[..pem.len() / 2]).expect("it can be written");
    assert_eq!(reload(), 422);
    let check = server.output(&["check"]);
    let complaint = String::from_utf8_lossy(&check.stderr).into_owned();
    assert_eq!(check.status.code(), Some(78), "{complaint}");
    assert!(complaint.contains("config.toml:6:1: ") && complaint.contains("sip.pem"), "{complaint}");
    std::fs::write(server.certificate(), pem).expect("it can be written");
    assert_eq!(seen(), new);
    talk(&citizen.rtp, &operator.rtp, 88);
    citizen.hang_up();
    operator.expect(&Event::HungUpOn, SOON);
}

#[test]
fn handshakes_that_never_end_are_given_up_and_calls_go_on() {
    let server = server();
    let began = Instant::now();
    let mut silent: Vec<TcpStream> =
        (0..20).map(|_| TcpStream::connect(server.doors().tls).expect("TLS is listened for")).collect();
    let wire = Wire::open_tls(TRUNK, server.doors().tls, &server.certificate());
    let mut citizen = invite("380440000810").dial_over(wire).answered().expect("the call is answered");
    for stream in &mut silent {
        stream.set_read_timeout(Some(HANDSHAKE + SOON)).expect("a connected socket takes options");
        // Closed, or reset: either is the end.
        assert!(matches!(stream.read(&mut [0; 16]), Ok(0)) || began.elapsed() >= HANDSHAKE);
    }
    assert!(began.elapsed() < HANDSHAKE + SOON, "{:?}", began.elapsed());
    assert_eq!(server.anonymous().metric("ringback_sip_handshakes_failed_total"), 20);
    citizen.hang_up();
}

#[test]
fn one_source_cannot_take_every_connection() {
    let server = server();
    let greedy: Vec<TcpStream> =
        (0..PER_SOURCE + 10).map(|_| TcpStream::connect(server.sip).expect("TCP is listened for")).collect();
    wait::until_true("the last ones to be refused", SOON, || {
        server.anonymous().metric("ringback_sip_sources_refused_total") == 10
    });
    // Others still come in, and are served.
    let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let mut citizen = Invite { transport: Transport::Tcp, from, ..invite("380440000811") }.call(server.sip);
    citizen.hang_up();
    assert_eq!(greedy.len(), PER_SOURCE + 10);
}
