//! SDP (RFC 8866) and offer/answer (RFC 3264) for one audio stream.
//! `description` knows the lines, `offer_answer` what they mean; neither knows a call.

pub mod description;
mod family;
pub mod offer_answer;

pub use family::audio_address;
pub use offer_answer::{AudioOffer, AudioSession, Direction, NegotiationError};

/// The audio codecs spoken on telephone legs (RFC 3551).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Codec {
    /// G.711 A-law, static payload type 8.
    Pcma,
    /// G.711 mu-law, static payload type 0.
    Pcmu,
}

impl Codec {
    /// In our order of preference.
    pub const ALL: [Self; 2] = [Self::Pcma, Self::Pcmu];

    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcma => 8,
            Self::Pcmu => 0,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
        }
    }
}
