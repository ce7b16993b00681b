//! Offer/answer for one audio stream (RFC 3264): who sends what, to where, as which payload type.

use std::net::{IpAddr, SocketAddr};

use super::Codec;

/// Media direction, from our side of the stream (RFC 3264 5.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// What both sides agreed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AudioSession {
    pub codec: Codec,
    /// The payload type we send the codec with, and the one we receive it with.
    pub send_payload_type: u8,
    pub receive_payload_type: u8,
    /// RFC 4733 payload types (we send / we receive), when negotiated.
    pub send_event_payload_type: Option<u8>,
    pub receive_event_payload_type: Option<u8>,
    /// Where the peer wants RTP and RTCP; a 0.0.0.0 address (RFC 2543 hold) makes `direction` not send.
    pub remote_rtp: SocketAddr,
    pub remote_rtcp: SocketAddr,
    /// Ours: what we may do.
    pub direction: Direction,
    /// Milliseconds per packet the peer wants, 10 to 60; 20 when it says nothing.
    pub ptime: u8,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NegotiationError {
    /// Answer 400.
    #[error("malformed session description: {0}")]
    Malformed(&'static str),
    /// Answer 488.
    #[error("no audio stream in common")]
    NoAudio,
    /// Answer 488.
    #[error("no codec in common")]
    NoCodec,
}

/// Our end of a session description; `session_version` grows by one with each new description (RFC 3264 8).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AudioOffer {
    pub session_id: u64,
    pub session_version: u64,
    pub address: IpAddr,
    /// RTP port; RTCP is the next one.
    pub port: u16,
    pub codecs: Vec<Codec>,
    pub direction: Direction,
}

/// Payload type we offer for telephone-event; an answer uses the offerer's (RFC 3264 6.1).
pub const EVENT_PAYLOAD_TYPE: u8 = 101;

impl AudioOffer {
    /// The offer's text, telephone-event at 8000 Hz included.
    pub fn to_sdp(&self) -> String {
        todo!()
    }

    /// Answers a received offer: our text and what was agreed. Every further m-line of the offer is
    /// answered with port 0. `self.direction` is what we would like (SendRecv, or less when we hold).
    pub fn answer(&self, _offer: &[u8]) -> Result<(String, AudioSession), NegotiationError> {
        todo!()
    }

    /// Reads the answer to our offer.
    pub fn accept_answer(&self, _answer: &[u8]) -> Result<AudioSession, NegotiationError> {
        todo!()
    }
}
