//! The secure front by itself, in time that the tests make: a peer of DTLS and STUN pieces against it, over a link that
//! loses what it is told to. The same over sockets, with sound, is in `media_plane/secure_calls`.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::handshake::Handshake;
use super::*;
use crate::rtp::RtpHeader;
use crate::sdp::samples::audio_session;
use crate::sdp::{Codec, DtlsRole, Fingerprint, IceCredentials, IceSession, MediaTransport};
use crate::srtp::{MasterKey, SrtpReceiver, SrtpSender, Suite};
use crate::stun::tests::{Check, read_answer};

const PASSWORD: &str = "0123456789abcdef0123456789abcdef";

pub(in crate::media_plane) fn ice_session() -> IceSession {
    let credentials = |ufrag: &str| IceCredentials { ufrag: ufrag.to_owned(), password: PASSWORD.to_owned() };
    IceSession { local: credentials("ours"), remote: credentials("them") }
}

pub(in crate::media_plane) fn check() -> Vec<u8> {
    let (username, password) = ("ours:them", PASSWORD);
    Check { transaction: [5; 12], username, password, controlling: true, nominates: true }.to_bytes()
}

/// The other end of a DTLS leg.
pub(in crate::media_plane) struct Peer {
    pub(in crate::media_plane) identity: Identity,
    handshake: Option<Handshake>,
    pub(in crate::media_plane) sender: Option<SrtpSender>,
    pub(in crate::media_plane) receiver: Option<SrtpReceiver>,
    suite: Option<Suite>,
}

impl Peer {
    pub(in crate::media_plane) fn new() -> Self {
        let identity = Identity::generate().unwrap();
        Self { identity, handshake: None, sender: None, receiver: None, suite: None }
    }

    pub(in crate::media_plane) fn begin(&mut self, role: DtlsRole, ours: Fingerprint, now: Instant) {
        self.handshake = Some(Handshake::new(&self.identity, role, ours, true, now));
    }

    /// A step with a datagram or without; what it sends.
    pub(in crate::media_plane) fn step(&mut self, datagram: Option<&[u8]>, now: Instant) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        let handshake = self.handshake.as_mut().unwrap();
        let transmit = |record: &[u8]| sent.push(record.to_vec());
        let keys = match datagram {
            Some(datagram) => handshake.handle_datagram(datagram, now, transmit),
            None => handshake.handle_timeout(now, transmit),
        };
        if let Some(keys) = keys.unwrap() {
            self.suite = Some(keys.send.suite());
            self.sender = Some(SrtpSender::new(&keys.send));
            self.receiver = Some(SrtpReceiver::new(&keys.receive));
        }
        sent
    }
}

fn peer_at(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], port))
}

fn rtp(number: u16) -> Vec<u8> {
    let header = RtpHeader { marker: false, payload_type: 8, sequence_number: number, timestamp: 0, ssrc: 9 };
    header.write(&[0x55; 160], &mut [0; 200]).unwrap().to_vec()
}

fn session(security: Security, ice: bool, rtcp_mux: bool) -> AudioSession {
    let transport =
        MediaTransport { rtcp_mux, security, ice: ice.then(ice_session), ..MediaTransport::default() };
    AudioSession {
        remote_rtcp: peer_at(if rtcp_mux { 1 } else { 11 }),
        transport: Box::new(transport),
        ..audio_session(Codec::Pcma, peer_at(1))
    }
}

/// A front whose peer has this fingerprint.
fn dtls_front(role: DtlsRole, fingerprint: Fingerprint, ice: bool, now: Instant) -> SecureFront {
    let identity = Arc::new(Identity::generate().unwrap());
    let session = session(Security::Dtls { role, fingerprint }, ice, true);
    SecureFront::new(identity, &session, now).unwrap()
}

fn now() -> Instant {
    crate::time::now().mono
}

/// Carries datagrams to and fro, time standing still, until neither says anything; `lose` counts what is sent.
fn settle(
    front: &mut SecureFront,
    peer: &mut Peer,
    mut to_front: Vec<Vec<u8>>,
    now: Instant,
    mut lose: impl FnMut() -> bool,
) {
    loop {
        for mut datagram in std::mem::take(&mut to_front) {
            if !lose() {
                assert_eq!(front.handle_datagram(Stream::Rtp, peer_at(2), &mut datagram, now), None);
            }
        }
        while let Some(transmit) = front.poll_transmit() {
            assert_eq!(transmit.to, peer_at(2));
            if !lose() {
                to_front.extend(peer.step(Some(&transmit.bytes), now));
            }
        }
        if to_front.is_empty() {
            return;
        }
    }
}

fn sound_passes(front: &mut SecureFront, peer: &mut Peer, now: Instant) {
    for number in 1..4 {
        let (mut buffer, plain) = ([0; 300], rtp(number));
        let mut datagram = peer.sender.as_mut().unwrap().protect_rtp(&plain, &mut buffer).unwrap().to_vec();
        let passed = front.handle_datagram(Stream::Rtp, peer_at(2), &mut datagram, now).unwrap();
        assert_eq!(datagram[..passed.len], plain);
        let (stream, to, bytes) = front.protect(Stream::Rtp, peer_at(1), &plain, &mut buffer, now).unwrap();
        assert_eq!((stream, to), (Stream::Rtp, peer_at(2)));
        assert_ne!(bytes[12..], plain[12..]);
        let mut bytes = bytes.to_vec();
        let len = peer.receiver.as_mut().unwrap().unprotect_rtp(&mut bytes).unwrap();
        assert_eq!(bytes[..len], plain);
    }
}

fn proved(front: &mut SecureFront, now: Instant) {
    assert_eq!(front.handle_datagram(Stream::Rtp, peer_at(2), &mut check(), now), None);
    let answer = front.poll_transmit().unwrap();
    assert_eq!(answer.to, peer_at(2));
    assert!(read_answer(&answer.bytes, [5; 12], PASSWORD).is_ok());
}

#[test]
fn a_browser_proves_its_path_shakes_hands_and_is_heard() {
    let (now, mut peer) = (now(), Peer::new());
    let mut front = dtls_front(DtlsRole::Server, peer.identity.fingerprint, true, now);
    peer.begin(DtlsRole::Client, front.identity.fingerprint, now);
    let mut hello = peer.step(None, now);
    // Before its first check it is a stranger.
    front.handle_datagram(Stream::Rtp, peer_at(2), &mut hello[0], now);
    assert!(front.poll_transmit().is_none() && front.drops().of(DropReason::ThirdAddress) == 1);
    assert_eq!(front.protect(Stream::Rtp, peer_at(1), &rtp(1), &mut [0; 300], now), None);
    proved(&mut front, now);
    assert_eq!(front.handle_datagram(Stream::Rtp, peer_at(2), &mut rtp(1), now), None, "plain media");
    assert_eq!(front.drops().of(DropReason::NoKeys), 1);
    settle(&mut front, &mut peer, hello, now, || false);
    assert_eq!(peer.suite, Some(Suite::AeadAes256Gcm));
    sound_passes(&mut front, &mut peer, now);
    // The exchange sees one source, whatever path the packets took.
    let mut buffer = [0; 300];
    let datagram = peer.sender.as_mut().unwrap().protect_rtp(&rtp(9), &mut buffer).unwrap().to_vec();
    assert_eq!(front.handle_datagram(Stream::Rtp, peer_at(3), &mut datagram.clone(), now), None);
    let passed = front.handle_datagram(Stream::Rtp, peer_at(2), &mut datagram.clone(), now).unwrap();
    assert_eq!((passed.from, front.take_failure()), (peer_at(1), false));
}

#[test]
fn as_the_client_we_begin_with_the_first_check() {
    let (now, mut peer) = (now(), Peer::new());
    let mut front = dtls_front(DtlsRole::Client, peer.identity.fingerprint, true, now);
    peer.begin(DtlsRole::Server, front.identity.fingerprint, now);
    assert!(front.poll_transmit().is_none());
    proved(&mut front, now);
    settle(&mut front, &mut peer, Vec::new(), now, || false);
    sound_passes(&mut front, &mut peer, now);
}

#[test]
fn a_phone_without_ice_shakes_hands_with_the_signalled_host_only() {
    let (now, mut peer) = (now(), Peer::new());
    let mut front = dtls_front(DtlsRole::Server, peer.identity.fingerprint, false, now);
    peer.begin(DtlsRole::Client, front.identity.fingerprint, now);
    let hello = peer.step(None, now);
    let stranger = SocketAddr::from(([203, 0, 113, 9], 2));
    front.handle_datagram(Stream::Rtp, stranger, &mut hello[0].clone(), now);
    assert!(front.poll_transmit().is_none());
    settle(&mut front, &mut peer, hello, now, || false);
    assert!(peer.sender.is_some());
}

#[test]
fn rtcp_on_its_own_port_has_an_association_of_its_own() {
    let (now, mut peer, mut reporter) = (now(), Peer::new(), Peer::new());
    reporter.identity = peer.identity.clone();
    let identity = Arc::new(Identity::generate().unwrap());
    let security = Security::Dtls { role: DtlsRole::Server, fingerprint: peer.identity.fingerprint };
    let mut front = SecureFront::new(identity, &session(security, false, false), now).unwrap();
    for (end, stream, from) in
        [(&mut peer, Stream::Rtp, peer_at(1)), (&mut reporter, Stream::Rtcp, peer_at(11))]
    {
        end.begin(DtlsRole::Client, front.identity.fingerprint, now);
        let mut to_front = end.step(None, now);
        while end.sender.is_none() {
            for datagram in std::mem::take(&mut to_front) {
                front.handle_datagram(stream, from, &mut datagram.clone(), now);
            }
            while let Some(transmit) = front.poll_transmit() {
                assert_eq!((transmit.stream, transmit.to), (stream, from));
                to_front.extend(end.step(Some(&transmit.bytes), now));
            }
        }
        // The last flight may still be on its way.
        to_front
            .iter()
            .for_each(|it| assert!(front.handle_datagram(stream, from, &mut it.clone(), now).is_none()));
    }
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    let mut buffer = [0; 100];
    let (stream, _, bytes) = front.protect(Stream::Rtcp, peer_at(11), &report, &mut buffer, now).unwrap();
    let mut bytes = bytes.to_vec();
    assert_eq!(stream, Stream::Rtcp);
    assert!(peer.receiver.as_mut().unwrap().unprotect_rtcp(&mut bytes.clone()).is_err());
    assert_eq!(reporter.receiver.as_mut().unwrap().unprotect_rtcp(&mut bytes), Ok(report.len()));
}

#[test]
fn lost_flights_are_repeated() {
    for seed in 0..20_u32 {
        let (mut now, mut peer) = (now(), Peer::new());
        let mut front = dtls_front(DtlsRole::Server, peer.identity.fingerprint, true, now);
        proved(&mut front, now);
        peer.begin(DtlsRole::Client, front.identity.fingerprint, now);
        let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
        // One of eight datagrams is lost, the same ones for the same seed.
        let mut lose = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state % 8 == 0
        };
        let mut waiting = peer.step(None, now);
        for _ in 0..140 {
            settle(&mut front, &mut peer, std::mem::take(&mut waiting), now, &mut lose);
            now += Duration::from_millis(100);
            if front.poll_timeout().is_some_and(|at| at <= now) {
                front.handle_timeout(now);
            }
            waiting.extend(peer.step(None, now));
        }
        assert!(peer.sender.is_some() && !front.take_failure(), "seed {seed}: {:?}", front.rtp);
        sound_passes(&mut front, &mut peer, now);
    }
}

#[test]
fn another_certificate_than_the_announced_one_ends_it() {
    let (now, mut peer) = (now(), Peer::new());
    let mut front = dtls_front(DtlsRole::Server, Fingerprint([7; 32]), true, now);
    proved(&mut front, now);
    peer.begin(DtlsRole::Client, front.identity.fingerprint, now);
    let mut to_front = peer.step(None, now);
    for _ in 0..10 {
        for datagram in std::mem::take(&mut to_front) {
            front.handle_datagram(Stream::Rtp, peer_at(2), &mut datagram.clone(), now);
        }
        while let Some(transmit) = front.poll_transmit() {
            to_front.extend(peer.step(Some(&transmit.bytes), now));
        }
    }
    assert!(front.take_failure() && !front.take_failure(), "told once");
    assert_eq!(front.protect(Stream::Rtp, peer_at(1), &rtp(1), &mut [0; 300], now), None);
}

#[test]
fn a_peer_that_never_comes_is_given_up_at_the_deadline() {
    for (role, ice) in [(DtlsRole::Server, true), (DtlsRole::Client, true), (DtlsRole::Server, false)] {
        let start = now();
        let mut front = dtls_front(role, Fingerprint([7; 32]), ice, start);
        assert_eq!(front.poll_timeout(), Some(start + SECURITY_DEADLINE));
        front.handle_timeout(start + SECURITY_DEADLINE);
        assert!(front.take_failure());
        assert_eq!(front.poll_timeout(), None);
    }
    // A client whose hello nobody answers repeats it meanwhile.
    let start = now();
    let mut front = dtls_front(DtlsRole::Client, Fingerprint([7; 32]), false, start);
    let mut sent = 0;
    while let Some(at) = front.poll_timeout() {
        while front.poll_transmit().is_some() {
            sent += 1;
        }
        assert!(at <= start + SECURITY_DEADLINE);
        front.handle_timeout(at);
    }
    assert!(sent > 3 && front.take_failure(), "{sent}");
}

#[test]
fn a_hold_changes_nothing_and_new_keys_replace_old_ones() {
    let now = now();
    let key = |octet: u8| MasterKey::from_random(Suite::AesCm128HmacSha1_80, &[octet; 44]);
    let agreed = |send, receive| {
        session(Security::Sdes { tag: 1, send: key(send), receive: key(receive) }, false, false)
    };
    let identity = Arc::new(Identity::generate().unwrap());
    let mut front = SecureFront::new(identity, &agreed(1, 2), now).unwrap();
    let mut sender = SrtpSender::new(&key(2));
    let hears = |front: &mut SecureFront, sender: &mut SrtpSender, number| {
        let mut buffer = [0; 300];
        let mut datagram = sender.protect_rtp(&rtp(number), &mut buffer).unwrap().to_vec();
        let repeated = &mut datagram.clone();
        let heard = front.handle_datagram(Stream::Rtp, peer_at(1), &mut datagram, now).is_some();
        assert_eq!(front.handle_datagram(Stream::Rtp, peer_at(1), repeated, now), None, "replayed");
        heard
    };
    assert!(hears(&mut front, &mut sender, 1));
    front.reconfigure(&agreed(1, 2), now);
    assert!(hears(&mut front, &mut sender, 2));
    front.reconfigure(&agreed(3, 2), now);
    assert!(hears(&mut front, &mut sender, 3), "only our key changed");
    front.reconfigure(&agreed(3, 4), now);
    assert!(!hears(&mut front, &mut sender, 4), "the old key");
    assert!(hears(&mut front, &mut SrtpSender::new(&key(4)), 5));
    let [replayed, forged] =
        [DropReason::Replayed, DropReason::Forged].map(|reason| front.drops().of(reason));
    assert_eq!((replayed, forged, front.drops().total()), (4, 2, 6));
}

#[test]
fn nothing_that_comes_in_panics_or_is_passed_on() {
    let (now, peer) = (now(), Peer::new());
    let mut front = dtls_front(DtlsRole::Server, peer.identity.fingerprint, true, now);
    proved(&mut front, now);
    let mut state = 1_u64;
    for round in 0..20_000_u64 {
        let mut datagram: Vec<u8> = (0..round % 90)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) as u8
            })
            .collect();
        // Each kind of first octet in turn; records and checks with heads that pass for real ones.
        if let Some(first) = datagram.first_mut() {
            *first = [0, 22, 128, 20, 23, 143, 70, 2][round as usize % 8];
        }
        if round % 8 == 1 && datagram.len() > 13 {
            datagram[1..13].copy_from_slice(&[0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, round as u8, 0, 40]);
        }
        assert_eq!(front.handle_datagram(Stream::Rtp, peer_at(2), &mut datagram, now), None);
        while front.poll_transmit().is_some() {}
    }
}
