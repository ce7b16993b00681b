//! A citizen's call through the tree and the queue to an operator, with peers we did not write: SIPp on both sides.
//! What each says is heard at the other end and stands on its own channel of the recording, in step, for the whole
//! length of the call. Digits come as RFC 4733 on two payload types, as SIP INFO, and from SIPp's own media.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api::{Api, event, event_names};
use crate::audio::{Stereo, ToneSequence};
use crate::rtp_peer::RtpPeer;
use crate::server::{KEYS_TO_QUEUE, LOOPBACK, PASSWORD, Server, TRUNK};
use crate::sip_wire::Transport;
use crate::sipp::{Place, Sipp, digit_packets, free_port, speech_packets, write_capture};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);
/// How long SIPp's citizen stays after the answer: tree, queue, ringing, and then [`SPEECH_MS`] of talk.
const STAY_MS: i64 = 11_000;
const SPEECH_MS: usize = 4000;
/// Of a sequence, what must be there. A tone cut by the codec's frame costs a little; a lost second costs 0.25.
const WHOLE: f64 = 0.95;
/// Citizen and operator in the recording, against when they spoke.
const IN_STEP_MS: i64 = 40;
/// The recording against the call.
const LENGTH_MS: i64 = 100;
/// From mouth to ear through the bridge: less than one is aware of in a talk.
const DELAY_MS: i64 = 200;

/// What one side said, and when it began.
#[derive(Debug)]
pub struct Said {
    pub sequence: ToneSequence,
    pub began: Instant,
    /// How late the speaker itself was at worst.
    pub lag: Duration,
}

impl Said {
    /// Takes what `peer` has said to its end.
    pub fn by(peer: &RtpPeer, sequence: ToneSequence) -> Self {
        wait::until_true("the speech to end", SOON, || {
            peer.speech_began().is_some() && peer.has_finished_speaking()
        });
        Self { sequence, began: peer.speech_began().expect("it has begun"), lag: peer.worst_lag() }
    }

    /// Share that must be there, 0 to 1: all but what a busy machine took from its speaker, and from a listener that was
    /// late by `lag`.
    pub fn least(&self, lag: Duration) -> f64 {
        let late_ms = (self.lag + lag).as_secs_f64() * 1000.0;
        WHOLE - late_ms / self.sequence.length_ms() as f64
    }
}

/// `listener` heard all of it, without an audible delay.
pub fn assert_heard(listener: &RtpPeer, said: &Said) {
    // The last packet is on its way when the last sample was said.
    let end = said.began + Duration::from_millis(said.sequence.length_ms() as u64 + DELAY_MS as u64);
    wait::until_true("the end of the speech to arrive", SOON, || {
        listener.heard().is_some_and(|heard| heard.until() >= end)
    });
    let heard = listener.heard().expect("something was heard");
    let found = said.sequence.find(&heard.samples);
    let lag = listener.worst_lag();
    assert!(
        found.share >= said.least(lag),
        "{found:?}; we were late by {lag:?}: {}",
        said.sequence.sketch(&heard.samples)
    );
    let delay = milliseconds(heard.since, said.began) + found.start_ms;
    // What the machine took from the listener is not the program's.
    let longest = DELAY_MS + lag.as_millis() as i64;
    assert!((-20..=longest).contains(&delay), "heard after {delay} ms, the listener late by {lag:?}");
}

/// Both stand on their channel only, and in step with each other, at the beginning and at the end.
pub fn assert_recorded(recording: &Stereo, citizen: &Said, operator: &Said) {
    let (left, right) = (citizen.sequence.find(&recording.left), operator.sequence.find(&recording.right));
    assert!(
        left.share >= citizen.least(Duration::ZERO),
        "citizen on the left: {left:?}: {}",
        citizen.sequence.sketch(&recording.left)
    );
    assert!(
        right.share >= operator.least(Duration::ZERO),
        "operator on the right: {right:?}: {}",
        operator.sequence.sketch(&recording.right)
    );
    let wrong_left = operator.sequence.presence(&recording.left);
    assert!(wrong_left < 0.01, "the operator is on the citizen's channel: {wrong_left}");
    let apart = milliseconds(citizen.began, operator.began);
    let in_step = IN_STEP_MS + (citizen.lag + operator.lag).as_millis() as i64;
    let length = citizen.sequence.length_ms().min(operator.sequence.length_ms());
    for (from, to) in [(0, 1000), (length - 1000, length)] {
        let left = citizen.sequence.find_part(&recording.left, from, to).start_ms;
        let right = operator.sequence.find_part(&recording.right, from, to).start_ms;
        let off = left - right - apart;
        assert!(off.abs() <= in_step, "from {from} ms to {to} ms the channels are {off} ms apart");
    }
}

/// `later - earlier`, which may be negative.
fn milliseconds(later: Instant, earlier: Instant) -> i64 {
    let forward = later.saturating_duration_since(earlier).as_millis() as i64;
    forward - earlier.saturating_duration_since(later).as_millis() as i64
}

/// Registers SIPp as the phone of `olena`, makes her ready, and lets SIPp wait for the call at the same port.
fn sipp_phone(server: &Server, rtp: &RtpPeer) -> Sipp {
    let place = Place { transport: Transport::Udp, local: free_port(LOOPBACK), server: server.sip };
    let values = [
        ("extension", "201".to_owned()),
        ("password", PASSWORD.to_owned()),
        ("rtp_port", rtp.address.port().to_string()),
    ];
    let registering = Sipp::start(include_str!("sipp/phone_registers.xml"), &place, &values, &[]);
    registering.succeed(SOON);
    let phone = Sipp::start(include_str!("sipp/phone_answers.xml"), &place, &values, &[]);
    wait::until_true("sipp to listen", SOON, || std::net::UdpSocket::bind(place.local).is_err());
    server.sign_in("olena").set_ready();
    phone
}

/// How SIPp's citizen presses the keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keys {
    Event { payload_type: u8 },
    Info,
}

fn call_is_heard_and_recorded(transport: Transport, keys: Keys, caller: &str) {
    let server = Server::start_alone();
    call_through(&server, server.sip, transport, keys, caller);
}

/// The whole call, judged at both ends, in the recording and in the journal. The citizen's INVITE goes to `next_hop`;
/// where the citizen's sound came from.
pub fn call_through(
    server: &Server,
    next_hop: SocketAddr,
    transport: Transport,
    keys: Keys,
    caller: &str,
) -> SocketAddr {
    let (citizen, operator) = (RtpPeer::start(TRUNK), RtpPeer::start(LOOPBACK));
    let phone = sipp_phone(server, &operator);
    let place = Place { transport, local: free_port(TRUNK), server: next_hop };
    let (first, second) = KEYS_TO_QUEUE.split_at(1);
    let event_pt = if let Keys::Event { payload_type } = keys { payload_type } else { 101 };
    citizen.set_event_payload_type(event_pt);
    let values = [
        ("caller", caller.to_owned()),
        ("rtp_port", citizen.address.port().to_string()),
        ("event_pt", event_pt.to_string()),
        ("talk_ms", STAY_MS.to_string()),
        ("first_key", first.to_owned()),
        ("second_key", second.to_owned()),
    ];
    let scenario = match keys {
        Keys::Info => include_str!("sipp/citizen_presses_by_info.xml"),
        Keys::Event { .. } => include_str!("sipp/citizen_hangs_up.xml"),
    };
    let calling = Sipp::start(scenario, &place, &values, &[]);
    if let Keys::Event { .. } = keys {
        citizen.press(KEYS_TO_QUEUE);
    }
    wait::until_true("the operator to be connected", SOON, || operator.packets_received() > 0);
    let (said, answered) = (ToneSequence::citizen(1, SPEECH_MS), ToneSequence::operator(2, SPEECH_MS));
    citizen.say(&said.samples());
    operator.say(&answered.samples());
    let (said, answered) = (Said::by(&citizen, said), Said::by(&operator, answered));
    assert_heard(&operator, &said);
    assert_heard(&citizen, &answered);
    let messages = calling.succeed(SOON + SOON);
    phone.succeed(SOON);
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call(caller);
    let recording = auditor.recording(&call);
    assert_recorded(&recording, &said, &answered);
    let longer = recording.duration_ms() - messages.call_ms();
    let forgiven = citizen.worst_lag().as_millis() as i64;
    assert!(longer.abs() <= LENGTH_MS + forgiven, "the recording is {longer} ms longer than the call");
    assert_call_is_told(&auditor, &call);
    citizen.remote().expect("the citizen heard somebody")
}

/// The record and the journal say what happened.
fn assert_call_is_told(auditor: &Api, call: &Value) {
    assert_eq!(call["language"], "en", "{call}");
    assert_eq!(call["topic"], "water", "{call}");
    assert_eq!(call["termination"], "caller_hung_up", "{call}");
    assert_eq!(call["recordings"][0]["result"], "ok", "{call}");
    assert_eq!(call["recordings"][0]["gaps"], serde_json::json!([]), "{call}");
    assert!(call["case"].is_string(), "{call}");
    let timeline = auditor.timeline(call);
    let names = event_names(&timeline);
    let mut left = names.iter();
    for wanted in [
        "contact.offered",
        "contact.answered",
        "ivr.digit",
        "contact.queued",
        "contact.connected",
        "contact.ended",
        "rec.sealed",
    ] {
        assert!(left.any(|name| *name == wanted), "no {wanted} in its place: {names:?}");
    }
    // Everything between answer and end stands at a place of the recording, and its places never go back.
    let of_the_call =
        timeline.iter().filter(|item| item["type"].as_str().is_some_and(|name| !name.starts_with("access.")));
    let offsets: Vec<i64> = of_the_call.filter_map(|item| item["offset_ms"].as_i64()).collect();
    assert!(offsets.len() >= 5 && offsets.is_sorted(), "{offsets:?}");
    let digit = event(&timeline, "ivr.digit").expect("a digit was pressed");
    assert_eq!(digit["recording"], call["recordings"][0]["id"], "{digit}");
    assert!(event(&timeline, "access.played").is_some(), "our own listening is in the journal: {names:?}");
}

#[test]
fn udp_with_digits_on_payload_type_101() {
    call_is_heard_and_recorded(Transport::Udp, Keys::Event { payload_type: 101 }, "380440000101");
}

#[test]
fn tcp_with_digits_on_payload_type_96() {
    call_is_heard_and_recorded(Transport::Tcp, Keys::Event { payload_type: 96 }, "380440000096");
}

#[test]
fn udp_with_digits_by_info() {
    call_is_heard_and_recorded(Transport::Udp, Keys::Info, "380440000103");
}

/// SIPp sends all media itself: keys as RFC 4733 and tones, played from a capture through a raw socket.
#[test]
fn sipps_own_media_is_recorded_and_its_digits_count() {
    let server = Server::start_alone();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for payload_type in [101_u8, 96] {
        let caller = format!("38044111{payload_type:04}");
        let sequence = ToneSequence::citizen(u64::from(payload_type), 2000);
        let mut packets = speech_packets(&[0; 160 * 25], 1600);
        for (index, key) in KEYS_TO_QUEUE.bytes().enumerate() {
            let at = 8000 + index as u32 * 4800;
            packets.extend(digit_packets(key - b'0', payload_type, at));
            packets.extend(speech_packets(&[0; 160 * 20], at + 1280));
        }
        packets.extend(speech_packets(&sequence.samples(), 24_000));
        let capture = write_capture(&folder.path().join(format!("{payload_type}.pcap")), &packets);
        let values = [
            ("caller", caller.clone()),
            ("event_pt", payload_type.to_string()),
            ("talk_ms", "5000".to_owned()),
            ("capture", capture.display().to_string()),
        ];
        let place = Place { transport: Transport::Udp, local: free_port(TRUNK), server: server.sip };
        let media_port = free_port(TRUNK).port().to_string();
        let more = ["-mi", "127.0.0.2", "-mp", &media_port];
        Sipp::start(include_str!("sipp/citizen_plays_capture.xml"), &place, &values, &more).succeed(SOON);
        let auditor = server.sign_in("audyt");
        let call = auditor.finished_call(&caller);
        assert_eq!(call["topic"], "water", "the keys did not count: {call}");
        let found = sequence.find(&auditor.recording(&call).left);
        assert!(found.share >= WHOLE, "payload type {payload_type}: {found:?}");
    }
}
