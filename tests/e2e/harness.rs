//! The harness held by itself: the foreign peers against our own, without the program in between. When these fail,
//! the fault is in the tools, not in the program.

use std::time::Duration;

use crate::audio::ToneSequence;
use crate::baresip::Baresip;
use crate::citizen::Invite;
use crate::rtp_peer::RtpPeer;
use crate::server::{LOOPBACK, Slot, TRUNK};
use crate::sip_wire::Transport;
use crate::sipp::{Place, Sipp, digit_packets, free_port, speech_packets, write_capture};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);

#[test]
fn baresip_answers_speaks_listens_and_hangs_up() {
    let _machine = Slot::all();
    let (said, answered) = (ToneSequence::citizen(21, 1500), ToneSequence::operator(21, 1500));
    // Nobody's server: it does not register.
    let mut phone = Baresip::start(free_port(LOOPBACK), "201", None, &answered.samples());
    let dialling =
        Invite { from: LOOPBACK, called: "201".to_owned(), ..Invite::default() }.dial(phone.address);
    phone.expect_event("CALL_INCOMING", SOON);
    phone.command("accept");
    let mut citizen = dialling.answered().expect("baresip accepts");
    phone.expect_event("CALL_ESTABLISHED", SOON);
    citizen.rtp.say(&said.samples());
    wait::until_true("the operator to be heard", SOON, || {
        citizen.rtp.heard().is_some_and(|heard| answered.find(&heard.samples).share > 0.9)
    });
    wait::until_true("the citizen to finish", SOON, || citizen.rtp.has_finished_speaking());
    phone.command("hangup");
    citizen.is_hung_up_on(SOON);
    phone.expect_event("CALL_CLOSED", SOON);
    let found = said.find(&phone.heard());
    assert!(found.share > 0.9, "{found:?}");
}

#[test]
fn sipp_calls_and_answers_with_our_scenarios() {
    let _machine = Slot::all();
    for transport in [Transport::Udp, Transport::Tcp] {
        let (citizen, operator) = (RtpPeer::start(TRUNK), RtpPeer::start(LOOPBACK));
        let phone = Place { transport, local: free_port(LOOPBACK), server: free_port(LOOPBACK) };
        let caller = Place { transport, local: free_port(TRUNK), server: phone.local };
        let values = |rtp: &RtpPeer| {
            vec![
                ("caller", "380441112233".to_owned()),
                ("extension", "201".to_owned()),
                ("rtp_port", rtp.address.port().to_string()),
                ("event_pt", "101".to_owned()),
                ("talk_ms", "500".to_owned()),
            ]
        };
        let answering = Sipp::start(include_str!("sipp/phone_answers.xml"), &phone, &values(&operator), &[]);
        wait::until_true("sipp to listen", SOON, || listens(&phone));
        let calling = Sipp::start(include_str!("sipp/citizen_hangs_up.xml"), &caller, &values(&citizen), &[]);
        calling.succeed(SOON);
        answering.succeed(SOON);
    }
}

/// SIPp plays a capture that was written here: keys and tones arrive as they were put in.
#[test]
fn sipp_plays_our_capture() {
    let _machine = Slot::all();
    let operator = RtpPeer::start(LOOPBACK);
    let phone = Place { transport: Transport::Udp, local: free_port(LOOPBACK), server: free_port(LOOPBACK) };
    let caller = Place { transport: Transport::Udp, local: free_port(TRUNK), server: phone.local };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let sequence = ToneSequence::citizen(22, 1000);
    let mut packets = digit_packets(1, 101, 1600);
    packets.extend(speech_packets(&sequence.samples(), 1600 + 1280));
    let capture = write_capture(&folder.path().join("speech.pcap"), &packets);
    let values = [
        ("caller", "380441112233".to_owned()),
        ("extension", "201".to_owned()),
        ("rtp_port", operator.address.port().to_string()),
        ("event_pt", "101".to_owned()),
        ("talk_ms", "2000".to_owned()),
        ("capture", capture.display().to_string()),
    ];
    let answering = Sipp::start(include_str!("sipp/phone_answers.xml"), &phone, &values, &[]);
    wait::until_true("sipp to listen", SOON, || listens(&phone));
    let media_port = free_port(TRUNK).port().to_string();
    let more = ["-mi", "127.0.0.2", "-mp", &media_port];
    Sipp::start(include_str!("sipp/citizen_plays_capture.xml"), &caller, &values, &more).succeed(SOON);
    answering.succeed(SOON);
    let found = sequence.find(&operator.heard().expect("something is heard").samples);
    assert!(found.share > 0.95, "{found:?}");
}

/// A port that cannot be bound is taken.
fn listens(place: &Place) -> bool {
    match place.transport {
        Transport::Udp => std::net::UdpSocket::bind(place.local).is_err(),
        _ => std::net::TcpListener::bind(place.local).is_err(),
    }
}
