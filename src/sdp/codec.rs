//! The audio codecs spoken: their names in SDP, RTP clocks and rates. Encoding and decoding are `media/codec.rs`.
//! RFC 3551 (G.711, G.722), RFC 7587 (Opus).

use std::str::FromStr;

/// An audio codec.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub enum Codec {
    /// Opus (RFC 6716), mono, spoken up to 8 kHz of audio.
    Opus,
    /// G.722 at 64 kbit/s, static payload type 9.
    G722,
    /// G.711 A-law, static payload type 8.
    Pcma,
    /// G.711 mu-law, static payload type 0.
    Pcmu,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is no codec of ours: opus, G722, PCMA, PCMU")]
pub struct UnknownCodec(String);

impl Codec {
    /// In the order they are offered unless the configuration says otherwise: best sound first.
    pub const ALL: [Self; 4] = [Self::Opus, Self::G722, Self::Pcma, Self::Pcmu];

    /// The payload type we offer it with; fixed by RFC 3551 but for Opus.
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Opus => 111,
            Self::G722 => 9,
            Self::Pcma => 8,
            Self::Pcmu => 0,
        }
    }

    /// Its payload type without an `a=rtpmap`; none where every offer has to say it.
    pub(super) const fn static_payload_type(self) -> Option<u8> {
        match self {
            Self::Opus => None,
            _ => Some(self.payload_type()),
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::G722 => "G722",
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
        }
    }

    /// RTP clock, Hz. That of G.722 is 8000 though it samples at 16 kHz (RFC 3551 4.5.2).
    pub const fn clock_hz(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            _ => 8000,
        }
    }

    /// Channels as SDP names them: always two for Opus, however many are sent (RFC 7587 7).
    pub(super) const fn channels(self) -> u32 {
        match self {
            Self::Opus => 2,
            _ => 1,
        }
    }

    /// Carries more than telephone speech: 16 kHz rather than 8.
    pub const fn is_wideband(self) -> bool {
        matches!(self, Self::Opus | Self::G722)
    }

    /// What we ask of a sender (RFC 7587 6.1): no more than we keep, and redundancy against loss.
    pub(super) const fn fmtp(self) -> Option<&'static str> {
        match self {
            Self::Opus => Some("minptime=10;useinbandfec=1;maxplaybackrate=16000;maxaveragebitrate=32000"),
            _ => None,
        }
    }
}

impl FromStr for Codec {
    type Err = UnknownCodec;

    /// By its name, in any case.
    fn from_str(text: &str) -> Result<Self, UnknownCodec> {
        Self::ALL
            .into_iter()
            .find(|codec| codec.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownCodec(text.to_owned()))
    }
}

impl TryFrom<String> for Codec {
    type Error = UnknownCodec;

    fn try_from(text: String) -> Result<Self, UnknownCodec> {
        text.parse()
    }
}
