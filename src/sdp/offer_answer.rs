//! Offer/answer for one audio stream (RFC 3264): who sends what, to where, as which payload type.
//!
//! Of an offer, the first audio stream with a codec of ours is taken, and of it the first such codec: the
//! offerer's preference counts. Both styles of hold are understood: `a=sendonly`/`a=inactive` and the address
//! 0.0.0.0 (RFC 3264 8.4). RTCP has its own port (no `a=rtcp-mux`), the next one or that of `a=rtcp` (RFC 3605).

use std::net::{IpAddr, SocketAddr};

use super::Codec;
use super::description::{
    self, Attribute, Connection, InvalidDescription, Media, Origin, SessionDescription,
};

/// What the media plane speaks: plain RTP. AVPF adds only feedback, which nobody is obliged to send.
const PROTOCOLS: [&str; 2] = ["RTP/AVP", "RTP/AVPF"];
/// Milliseconds per packet we send and ask for.
const PTIME_MS: u8 = 20;
/// What a peer's wish is brought into: shorter floods, longer delays speech.
const PTIME_RANGE_MS: std::ops::RangeInclusive<u16> = 10..=60;
/// Sampling rate of G.711 and of its telephone-events (RFC 4733 2.1: the event clock is the audio's).
const CLOCK_HZ: u32 = 8000;

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

    const fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// What we may do, given what we would like and what the peer says of itself (RFC 3264 6.1).
    const fn meet(self, peer: Self) -> Self {
        Self::new(self.sends() && peer.receives(), self.receives() && peer.sends())
    }

    const fn attribute(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    const ALL: [Self; 4] = [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive];
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

impl From<InvalidDescription> for NegotiationError {
    fn from(invalid: InvalidDescription) -> Self {
        Self::Malformed(invalid.0)
    }
}

impl AudioOffer {
    /// The offer's text, telephone-event at 8000 Hz included.
    pub fn to_sdp(&self) -> String {
        let codecs: Vec<(Codec, u8)> =
            self.codecs.iter().map(|codec| (*codec, codec.payload_type())).collect();
        let media = self.media("RTP/AVP", &codecs, Some(EVENT_PAYLOAD_TYPE), self.direction);
        self.describe(Vec::new(), vec![media]).to_string()
    }

    /// Answers a received offer: our text and what was agreed. Every further m-line of the offer is
    /// answered with port 0. `self.direction` is what we would like (SendRecv, or less when we hold).
    pub fn answer(&self, offer: &[u8]) -> Result<(String, AudioSession), NegotiationError> {
        let offer = SessionDescription::parse(offer)?;
        let (chosen, stream) = self.choose_stream(&offer)?;
        // RFC 3264 6.1: the answer uses the payload types of the offer, so both directions share them.
        let session = self.session(&stream, stream.payload_type, stream.event_payload_type)?;
        let media = offer.media.iter().enumerate().map(|(at, media)| {
            if at == chosen {
                let codecs = [(stream.codec, stream.payload_type)];
                self.media(&media.protocol, &codecs, stream.event_payload_type, session.direction)
            } else {
                Media { port: 0, connection: None, attributes: Vec::new(), ..media.clone() }
            }
        });
        let media = media.collect();
        Ok((self.describe(offer.times, media).to_string(), session))
    }

    /// Reads the answer to our offer.
    pub fn accept_answer(&self, answer: &[u8]) -> Result<AudioSession, NegotiationError> {
        let answer = SessionDescription::parse(answer)?;
        // We offer one stream; whatever else stands in the answer was not asked for (RFC 3264 6).
        let media =
            answer.media.first().filter(|media| is_open_audio(media)).ok_or(NegotiationError::NoAudio)?;
        let stream = Stream::read(&answer, media, &self.codecs).ok_or(NegotiationError::NoCodec)?;
        let receive_event = stream.event_payload_type.map(|_| EVENT_PAYLOAD_TYPE);
        self.session(&stream, stream.codec.payload_type(), receive_event)
    }

    /// The first audio stream of the offer with a codec of ours, and its place.
    fn choose_stream<'o>(
        &self,
        offer: &'o SessionDescription,
    ) -> Result<(usize, Stream<'o>), NegotiationError> {
        let mut audio = offer.media.iter().enumerate().filter(|(_, media)| is_open_audio(media)).peekable();
        if audio.peek().is_none() {
            return Err(NegotiationError::NoAudio);
        }
        audio
            .find_map(|(at, media)| Some((at, Stream::read(offer, media, &self.codecs)?)))
            .ok_or(NegotiationError::NoCodec)
    }

    fn session(
        &self,
        stream: &Stream<'_>,
        receive_payload_type: u8,
        receive_event_payload_type: Option<u8>,
    ) -> Result<AudioSession, NegotiationError> {
        let remote_rtp = stream.remote_rtp(self.address)?;
        let mut direction = self.direction.meet(stream.direction());
        if remote_rtp.ip().is_unspecified() {
            direction = Direction::new(false, direction.receives());
        }
        Ok(AudioSession {
            codec: stream.codec,
            send_payload_type: stream.payload_type,
            receive_payload_type,
            send_event_payload_type: stream.event_payload_type,
            receive_event_payload_type,
            remote_rtp,
            remote_rtcp: stream.remote_rtcp(remote_rtp),
            direction,
            ptime: stream.ptime(),
        })
    }

    fn media(
        &self,
        protocol: &str,
        codecs: &[(Codec, u8)],
        event: Option<u8>,
        direction: Direction,
    ) -> Media {
        let mut formats = Vec::new();
        let mut attributes = Vec::new();
        for (codec, payload_type) in codecs {
            formats.push(payload_type.to_string());
            let map = format_args!("{payload_type} {}/{CLOCK_HZ}", codec.name()).to_string();
            attributes.push(Attribute::with_value("rtpmap", map));
        }
        if let Some(event) = event {
            formats.push(event.to_string());
            attributes
                .push(Attribute::with_value("rtpmap", format_args!("{event} telephone-event/{CLOCK_HZ}")));
            attributes.push(Attribute::with_value("fmtp", format_args!("{event} 0-15")));
        }
        attributes.push(Attribute::with_value("ptime", PTIME_MS));
        attributes.push(Attribute::flag(direction.attribute()));
        let (kind, protocol) = ("audio".to_owned(), protocol.to_owned());
        Media { kind, port: self.port, protocol, formats, connection: None, attributes }
    }

    fn describe(&self, times: Vec<String>, media: Vec<Media>) -> SessionDescription {
        let address = Connection::Ip(self.address);
        SessionDescription {
            origin: Origin {
                username: "ringback".to_owned(),
                session_id: self.session_id,
                session_version: self.session_version,
                address: address.clone(),
            },
            session_name: "-".to_owned(),
            connection: Some(address),
            times,
            attributes: Vec::new(),
            media,
        }
    }
}

fn is_open_audio(media: &Media) -> bool {
    media.kind == "audio" && media.port != 0 && PROTOCOLS.contains(&media.protocol.as_str())
}

/// A peer's audio stream, with what we can use of it.
struct Stream<'d> {
    description: &'d SessionDescription,
    media: &'d Media,
    codec: Codec,
    payload_type: u8,
    event_payload_type: Option<u8>,
}

impl<'d> Stream<'d> {
    /// None when no codec of `codecs` is in it; the first of the m-line is taken.
    fn read(description: &'d SessionDescription, media: &'d Media, codecs: &[Codec]) -> Option<Self> {
        let mut formats = media.formats.iter();
        let (codec, payload_type) = formats.find_map(|format| {
            let codec = codec_of(media, format).filter(|codec| codecs.contains(codec))?;
            Some((codec, number_of(format)?))
        })?;
        let mut events = media.formats.iter().filter(|format| {
            media.rtpmap(format).is_some_and(|(name, rate, _)| {
                name.eq_ignore_ascii_case("telephone-event") && rate == CLOCK_HZ
            })
        });
        let event_payload_type = events.find_map(|format| number_of(format));
        Some(Self { description, media, codec, payload_type, event_payload_type })
    }

    /// What the peer says it does; an attribute of the stream goes before one of the session.
    fn direction(&self) -> Direction {
        let said = |attributes: &[Attribute]| {
            Direction::ALL.into_iter().find(|it| description::find(attributes, it.attribute()).is_some())
        };
        said(&self.media.attributes)
            .or_else(|| said(&self.description.attributes))
            .unwrap_or(Direction::SendRecv)
    }

    /// Where the peer wants RTP. A name, or an address our socket cannot reach, is no stream for us.
    fn remote_rtp(&self, ours: IpAddr) -> Result<SocketAddr, NegotiationError> {
        match self.media.connection.as_ref().or(self.description.connection.as_ref()) {
            None => Err(NegotiationError::Malformed("c=")),
            Some(Connection::Ip(ip)) if ip.is_unspecified() || ip.is_ipv4() == ours.is_ipv4() => {
                Ok(SocketAddr::new(*ip, self.media.port))
            }
            Some(_) => Err(NegotiationError::NoAudio),
        }
    }

    /// `a=rtcp:53020 [IN IP4 192.0.2.1]` (RFC 3605), else the next port.
    fn remote_rtcp(&self, rtp: SocketAddr) -> SocketAddr {
        let mut rtcp = SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1));
        let mut words = self.media.attribute("rtcp").unwrap_or_default().split_whitespace();
        if let Some(port) = words.next().and_then(|port| port.parse().ok()).filter(|port| *port != 0) {
            rtcp.set_port(port);
            let address = words.nth(2).and_then(|address| address.parse::<IpAddr>().ok());
            if let Some(ip) = address.filter(|ip| ip.is_ipv4() == rtp.is_ipv4()) {
                rtcp.set_ip(ip);
            }
        }
        rtcp
    }

    fn ptime(&self) -> u8 {
        let wish: Option<u16> = self.media.attribute("ptime").and_then(|value| value.parse().ok());
        let clamped = wish.map(|wish| wish.clamp(*PTIME_RANGE_MS.start(), *PTIME_RANGE_MS.end()));
        clamped.and_then(|ms| u8::try_from(ms).ok()).unwrap_or(PTIME_MS)
    }
}

/// What a payload type stands for: its `a=rtpmap`, else the static table of RFC 3551.
fn codec_of(media: &Media, format: &str) -> Option<Codec> {
    match media.rtpmap(format) {
        Some((name, CLOCK_HZ, 1)) => {
            Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
        }
        Some(_) => None,
        None => Codec::ALL.into_iter().find(|codec| format == codec.payload_type().to_string()),
    }
}

/// RTP has seven bits for it.
fn number_of(format: &str) -> Option<u8> {
    format.parse().ok().filter(|number| *number < 128)
}

#[cfg(test)]
#[path = "offer_answer_tests.rs"]
mod tests;
