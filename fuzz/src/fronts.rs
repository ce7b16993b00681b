//! The secure front of a leg under strangers' datagrams: STUN, DTLS, SRTP and what is none of them, in any order
//! (RFC 7983). The single formats are `stun` and `srtp` in `lib.rs`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ringback::media_plane::secure::{Identity, SecureFront, Stream};
use ringback::sdp::{
    AudioSession, Codec, Direction, DtlsRole, Fingerprint, IceCredentials, IceSession, MediaTransport,
    Security,
};

use super::bytes::Choices;

/// Datagrams of one input at most.
const MAX_DATAGRAMS: usize = 64;
/// Datagrams of ours that one of theirs may bring about: a flight of a handshake and an answer.
const MAX_ANSWERS: usize = 32;

/// Nobody without the keys is heard, and nobody makes us send without end.
pub fn front(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut now = Instant::now();
    let mut front = SecureFront::new(identity(), &session(choices.byte()), now).expect("DTLS has a front");
    drain(&mut front);
    for _ in 0..MAX_DATAGRAMS {
        if choices.is_over() {
            break;
        }
        let choice = choices.byte();
        let len = usize::from(u16::from_be_bytes([choices.byte() & 0x07, choices.byte()]));
        let mut datagram = choices.bytes(len).to_vec();
        let stream = if choice & 1 == 0 { Stream::Rtp } else { Stream::Rtcp };
        let from = peer(4000 + u16::from(choice >> 6));
        assert_eq!(front.handle_datagram(stream, from, &mut datagram, now), None, "a stranger is heard");
        drain(&mut front);
        now += Duration::from_millis(u64::from(choice & 0x3e) * 20);
        if front.poll_timeout().is_some_and(|at| at <= now) {
            front.handle_timeout(now);
            drain(&mut front);
        }
    }
}

fn drain(front: &mut SecureFront) {
    let count = std::iter::from_fn(|| front.poll_transmit()).take(MAX_ANSWERS + 1).count();
    assert!(count <= MAX_ANSWERS, "{count} datagrams at once");
}

/// One for all inputs: making a certificate takes longer than an input.
fn identity() -> Arc<Identity> {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    IDENTITY.get_or_init(|| Arc::new(Identity::generate().expect("a certificate"))).clone()
}

fn peer(port: u16) -> SocketAddr {
    (Ipv4Addr::new(198, 51, 100, 7), port).into()
}

/// What was agreed: either role, with ICE or without, one port or two.
fn session(choice: u8) -> AudioSession {
    let role = if choice & 1 == 0 { DtlsRole::Server } else { DtlsRole::Client };
    let credentials = |ufrag: &str| IceCredentials {
        ufrag: ufrag.to_owned(),
        password: "0123456789abcdef01234567".to_owned(),
    };
    let ice =
        (choice & 2 != 0).then(|| IceSession { local: credentials("ours"), remote: credentials("them") });
    let transport = MediaTransport {
        rtcp_mux: choice & 4 != 0,
        security: Security::Dtls { role, fingerprint: Fingerprint([7; 32]) },
        ice,
        ..MediaTransport::default()
    };
    AudioSession {
        codec: Codec::Pcma,
        send_payload_type: 8,
        receive_payload_type: 8,
        send_event_payload_type: Some(101),
        receive_event_payload_type: Some(101),
        event_clock_hz: 8000,
        alternatives: Vec::new(),
        remote_rtp: peer(4000),
        remote_rtcp: peer(4001),
        direction: Direction::SendRecv,
        ptime: 20,
        transport: Box::new(transport),
    }
}
