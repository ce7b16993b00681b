//! Encrypted legs over real sockets: a phone with keys from the description (SDES) and a browser's end (ICE, DTLS) in
//! calls with each other, heard on both sides and in the recording. Paced by the plane's own packets.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use super::secure::tests::{Peer, check, ice_session};
use super::tests::{Bench, PATIENCE, RECORDING, level, read, tone};
use super::*;
use crate::ids::LegId;
use crate::media::{Command, DropReason, Drops, Event};
use crate::rtp::RtpHeader;
use crate::rtp::g711::Law;
use crate::rtp::rtcp::is_rtcp;
use crate::sdp::samples::audio_session;
use crate::sdp::{AudioSession, Codec, DtlsRole, MediaTransport, Security};
use crate::srtp::{MasterKey, SrtpReceiver, SrtpSender, Suite};
use crate::stun::is_stun;

/// Between two checks of a path that has not answered yet (RFC 8445 14.2).
const CHECK_EVERY: Duration = Duration::from_millis(50);

/// An end that answers each packet it hears with one of its tone.
struct SecurePhone {
    socket: UdpSocket,
    plane: SocketAddr,
    hz: f64,
    sent: u32,
    heard: Vec<i16>,
    reports: usize,
    sender: SrtpSender,
    receiver: SrtpReceiver,
}

impl SecurePhone {
    /// A phone whose keys came in its description.
    fn with_keys(bench: &Bench, leg: u64, suite: Suite, hz: f64) -> Self {
        let key = |octet: u64| MasterKey::from_random(suite, &[octet as u8; 44]);
        let (ours, theirs) = (key(leg), key(leg + 100));
        let (socket, plane) = open(bench, leg);
        let security = Security::Sdes { tag: 1, send: ours, receive: theirs };
        let transport = MediaTransport { security, ..MediaTransport::default() };
        connect(bench, leg, socket.local_addr().unwrap(), transport);
        let (sender, receiver) = (SrtpSender::new(&theirs), SrtpReceiver::new(&ours));
        Self { socket, plane, hz, sent: 0, heard: Vec::new(), reports: 0, sender, receiver }
    }

    /// A browser: proves its path, shakes hands as the client, multiplexes RTCP.
    fn browser(bench: &Bench, leg: u64, hz: f64) -> Self {
        let mut peer = Peer::new();
        let (socket, plane) = open(bench, leg);
        let security = Security::Dtls { role: DtlsRole::Server, fingerprint: peer.identity.fingerprint };
        let ice = Some(ice_session());
        let transport = MediaTransport { security, ice, rtcp_mux: true, ..MediaTransport::default() };
        connect(bench, leg, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9)), transport);
        let mut buffer = [0; 2000];
        // The first checks may come before the plane knows of the leg; agents repeat them.
        socket.set_read_timeout(Some(CHECK_EVERY)).unwrap();
        let mut answered = (0..1000).map(|_| {
            socket.send_to(&check(), plane).unwrap();
            socket.recv_from(&mut buffer).is_ok()
        });
        assert!(answered.any(|answered| answered));
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        peer.begin(DtlsRole::Client, bench.plane.dtls_fingerprint(), crate::time::now().mono);
        let mut records = peer.step(None, crate::time::now().mono);
        loop {
            for record in records {
                socket.send_to(&record, plane).unwrap();
            }
            if let (Some(sender), Some(receiver)) = (peer.sender.take(), peer.receiver.take()) {
                return Self { socket, plane, hz, sent: 0, heard: Vec::new(), reports: 0, sender, receiver };
            }
            let (len, _) = socket.recv_from(&mut buffer).unwrap();
            if is_stun(&buffer[..len]) {
                // The answer to a check that was repeated in vain.
                records = Vec::new();
                continue;
            }
            records = peer.step(Some(&buffer[..len]), crate::time::now().mono);
        }
    }

    fn turn(&mut self) {
        let mut buffer = [0; 1500];
        let (len, from) = self.socket.recv_from(&mut buffer).unwrap();
        assert_eq!(from, self.plane);
        if matches!(buffer[0], 0..=63) {
            // The last flight once more, or the answer to a check.
            return;
        }
        if is_rtcp(&buffer[..len]) {
            self.receiver.unprotect_rtcp(&mut buffer[..len]).unwrap();
            self.reports += 1;
            return;
        }
        let len = self.receiver.unprotect_rtp(&mut buffer[..len]).unwrap();
        let (_, payload) = RtpHeader::parse(&buffer[..len]).unwrap();
        self.heard.extend(payload.iter().map(|octet| Law::A.decode(*octet)));
        let samples = tone(self.hz, self.sent as usize * 160);
        let header = RtpHeader {
            marker: false,
            payload_type: 8,
            sequence_number: self.sent as u16,
            timestamp: self.sent * 160,
            ssrc: 9,
        };
        let mut plain = [0; 200];
        let packet = header.write(&samples.map(|sample| Law::A.encode(sample)), &mut plain).unwrap();
        let protected = self.sender.protect_rtp(packet, &mut buffer).unwrap();
        self.socket.send_to(protected, self.plane).unwrap();
        self.sent += 1;
    }
}

fn open(bench: &Bench, leg: u64) -> (UdpSocket, SocketAddr) {
    // All of one call.
    let plane = bench.open_beside(leg, Some(LegId(1))).unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    (socket, plane)
}

fn connect(bench: &Bench, leg: u64, remote_rtp: SocketAddr, transport: MediaTransport) {
    let session = AudioSession {
        remote_rtcp: remote_rtp,
        transport: Box::new(transport),
        ..audio_session(Codec::Pcma, remote_rtp)
    };
    bench.media(Command::Connect { leg: LegId(leg), session });
}

/// Both talk for two seconds; each hears the other and the file has both. What was dropped of each.
fn talk(bench: &Bench, mut a: SecurePhone, mut b: SecurePhone) -> [Drops; 2] {
    bench.open_recording();
    bench.media(Command::Record { leg: LegId(1), recording: RECORDING, sample_rate: 8000 });
    bench.media(Command::Bridge { a: LegId(1), b: LegId(2) });
    for _ in 0..100 {
        a.turn();
        b.turn();
    }
    let of_a = bench.close(1).drops;
    bench.plane.order(Order::SealRecording { recording: RECORDING });
    bench.wait_for(|report| matches!(report, Report::RecordingSealed(_)).then_some(()));
    let (left, right) = read(&bench.folder.path().join("2026/11/21/a.wav"));
    // The first packets come before the bridge.
    let heard = [(&b.heard, a.hz, b.hz), (&a.heard, b.hz, a.hz), (&left, a.hz, b.hz), (&right, b.hz, a.hz)];
    for (place, (samples, wanted, other)) in heard.into_iter().enumerate() {
        assert!(samples.len() > 80 * 160, "place {place}: {} samples", samples.len());
        let (wanted, other) = (level(&samples[1600..], wanted), level(&samples[1600..], other));
        assert!(
            wanted > 4000.0 && other < 400.0,
            "place {place}: {wanted:.0} of the tone, {other:.0} of the other"
        );
    }
    let of_b = bench.close(2).drops;
    assert_eq!(bench.plane.ports_in_use(), 0);
    [of_a, of_b]
}

#[test]
fn two_phones_with_keys_hear_each_other_and_the_file_has_both() {
    let bench = Bench::new(600, 40);
    let a = SecurePhone::with_keys(&bench, 1, Suite::AesCm128HmacSha1_80, 500.0);
    let b = SecurePhone::with_keys(&bench, 2, Suite::AeadAes128Gcm, 1200.0);
    for drops in talk(&bench, a, b) {
        assert_eq!(drops.total(), 0, "{drops:?}");
    }
}

#[test]
fn a_browser_and_a_phone_hear_each_other_and_the_file_has_both() {
    let bench = Bench::new(650, 40);
    let a = SecurePhone::with_keys(&bench, 1, Suite::AesCm128HmacSha1_32, 500.0);
    let b = SecurePhone::browser(&bench, 2, 1200.0);
    talk(&bench, a, b);
}

#[test]
fn forged_and_plain_packets_are_counted_and_not_heard() {
    let bench = Bench::new(700, 40);
    let mut phone = SecurePhone::with_keys(&bench, 1, Suite::AesCm128HmacSha1_80, 500.0);
    phone.turn();
    let header = RtpHeader { marker: false, payload_type: 8, sequence_number: 9, timestamp: 9, ssrc: 9 };
    let mut plain = [0; 200];
    let plain = header.write(&[0x55; 160], &mut plain).unwrap();
    for _ in 0..10 {
        phone.socket.send_to(plain, phone.plane).unwrap();
    }
    // What comes after them on the same socket has been read after them.
    bench.wait_for(|report| matches!(report, Report::Media(Event::AudioStarted { .. })).then_some(()));
    for _ in 0..5 {
        phone.turn();
    }
    let drops = bench.close(1).drops;
    assert_eq!((drops.of(DropReason::Forged), drops.total()), (10, 10));
}

#[test]
fn a_browser_that_never_comes_is_reported() {
    let bench = Bench::new(750, 40);
    let (_socket, _) = open(&bench, 1);
    let security = Security::Dtls { role: DtlsRole::Server, fingerprint: bench.plane.dtls_fingerprint() };
    let transport =
        MediaTransport { security, ice: Some(ice_session()), rtcp_mux: true, ..MediaTransport::default() };
    connect(&bench, 1, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9)), transport);
    bench.wait_for(|report| {
        matches!(report, Report::Media(Event::SecurityFailed { leg: LegId(1) })).then_some(())
    });
    bench.close(1);
}
