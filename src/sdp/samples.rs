//! Agreed streams for the tests of those who carry them; a test changes what it is about.
//! How streams are agreed is tested beside `offer_answer`.

use std::net::SocketAddr;

use super::{AudioSession, Codec, Direction};

/// Plain RTP of one codec, 20 ms a packet, both ways, without events; RTCP has the next port.
pub(crate) fn audio_session(codec: Codec, remote_rtp: SocketAddr) -> AudioSession {
    AudioSession {
        codec,
        send_payload_type: codec.payload_type(),
        receive_payload_type: codec.payload_type(),
        send_event_payload_type: None,
        receive_event_payload_type: None,
        event_clock_hz: codec.clock_hz(),
        alternatives: Vec::new(),
        remote_rtp,
        remote_rtcp: SocketAddr::new(remote_rtp.ip(), remote_rtp.port().saturating_add(1)),
        direction: Direction::SendRecv,
        ptime: 20,
        transport: Box::default(),
    }
}
