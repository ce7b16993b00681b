//! Offer/answer for one audio stream (RFC 3264): who sends what, to where, as which payload type.
//!
//! Of an offer, the first audio stream with a codec of ours is taken, and of it the first such codec: the
//! offerer's preference counts. Both styles of hold are understood: `a=sendonly`/`a=inactive` and the address
//! 0.0.0.0 (RFC 3264 8.4). RTCP shares RTP's port where the peer offers that, else it has the next one or that of
//! `a=rtcp` (RFC 3605). Profiles, keys and ICE are `transport`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::description::{
    self, Attribute, Connection, InvalidDescription, Media, Origin, SessionDescription,
};
use super::transport::{LocalTransport, MediaTransport, Protocol};
use super::{Codec, Format, formats};

/// Milliseconds per packet we send and ask for.
const PTIME_MS: u8 = 20;
/// What a peer's wish is brought into: shorter floods, longer delays speech.
const PTIME_RANGE_MS: std::ops::RangeInclusive<u16> = 10..=60;

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
    /// Clock of those events, Hz: that of the codec, or another one where the peer knows no better.
    pub event_clock_hz: u32,
    /// What else the peer may send without asking again (RFC 3264 5.1): other codecs and events of the offer.
    pub alternatives: Vec<Format>,
    /// Where the peer wants RTP and RTCP; a 0.0.0.0 address (RFC 2543 hold) makes `direction` not send.
    pub remote_rtp: SocketAddr,
    pub remote_rtcp: SocketAddr,
    /// Ours: what we may do.
    pub direction: Direction,
    /// Milliseconds per packet the peer wants, 10 to 60; 20, or its `a=maxptime` if less, when it says nothing.
    pub ptime: u8,
    pub transport: Box<MediaTransport>,
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
    /// Answer 488.
    #[error("no protection of media in common")]
    NoSecurity,
}

/// Our end of a session description; `session_version` grows by one with each new description (RFC 3264 8).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AudioOffer {
    pub session_id: u64,
    pub session_version: u64,
    pub address: IpAddr,
    /// RTP port; RTCP is the next one.
    pub port: u16,
    /// In order of preference.
    pub codecs: Vec<Codec>,
    /// What we receive already, [`AudioSession::receivable`]; empty in the first description.
    pub running: Vec<Format>,
    pub direction: Direction,
    pub transport: LocalTransport,
}

impl AudioSession {
    /// All that the peer may send, and as which payload types.
    pub fn receivable(&self) -> Vec<Format> {
        let audio =
            Format { payload_type: self.receive_payload_type, content: formats::Content::Audio(self.codec) };
        let event = self.receive_event_payload_type.map(|payload_type| Format {
            payload_type,
            content: formats::Content::Event { clock_hz: self.event_clock_hz },
        });
        std::iter::once(audio).chain(event).chain(self.alternatives.iter().copied()).collect()
    }
}

impl From<InvalidDescription> for NegotiationError {
    fn from(invalid: InvalidDescription) -> Self {
        Self::Malformed(invalid.0)
    }
}

impl AudioOffer {
    /// The offer's text, telephone events included.
    pub fn to_sdp(&self) -> String {
        let media = self.media("RTP/AVP", &self.offered(), self.direction);
        let mut description = self.describe(Vec::new(), vec![media]);
        self.transport.write_offer(&mut description, self.host());
        description.to_string()
    }

    /// Answers a received offer: our text and what was agreed. Every further m-line of the offer is
    /// answered with port 0. `self.direction` is what we would like (SendRecv, or less when we hold).
    pub fn answer(&self, offer: &[u8]) -> Result<(String, AudioSession), NegotiationError> {
        let offer = SessionDescription::parse(offer)?;
        let (chosen, stream, mut transport) = self.choose_stream(&offer)?;
        transport.refused = (0..)
            .zip(&offer.media)
            .filter(|(at, _)| *at != chosen)
            .map(|(at, it)| (at, it.refused()))
            .collect();
        // RFC 3264 6.1: the answer uses the payload types of the offer, so both directions share them.
        let session = self.session(&stream, Some, stream.formats.clone(), transport)?;
        let media = offer.media.iter().enumerate().map(|(at, media)| {
            if at == chosen {
                let chosen: Vec<Format> = std::iter::once(stream.audio).chain(stream.event).collect();
                self.media(&media.protocol, &chosen, session.direction)
            } else {
                media.refused()
            }
        });
        let mut answer = self.describe(offer.times.clone(), media.collect());
        self.transport.write_answer(&session.transport, &offer, chosen, &mut answer, self.host());
        Ok((answer.to_string(), session))
    }

    /// Reads the answer to our offer.
    pub fn accept_answer(&self, answer: &[u8]) -> Result<AudioSession, NegotiationError> {
        let answer = SessionDescription::parse(answer)?;
        // We offer one stream; whatever else stands in the answer was not asked for (RFC 3264 6).
        let media = answer.media.get(self.transport.place()).filter(|media| is_open_audio(media));
        let media = media.ok_or(NegotiationError::NoAudio)?;
        let stream = Stream::read(&answer, media, &self.codecs).ok_or(NegotiationError::NoCodec)?;
        let transport = self.transport.accept(&answer, media)?;
        let offered = self.offered();
        let ours = |chosen: Format| offered.iter().copied().find(|it| it.content == chosen.content);
        self.session(&stream, ours, offered.clone(), transport)
    }

    /// The first audio stream of the offer with a codec of ours that can travel as it asks, and its place.
    fn choose_stream<'o>(
        &self,
        offer: &'o SessionDescription,
    ) -> Result<(usize, Stream<'o>, MediaTransport), NegotiationError> {
        let mut refusal = NegotiationError::NoAudio;
        let audio = offer.media.iter().enumerate().filter(|(_, media)| is_open_audio(media));
        for (at, media) in audio.filter(|(_, media)| self.transport.takes(media)) {
            let stream = Stream::read(offer, media, &self.codecs).ok_or(NegotiationError::NoCodec);
            match stream.and_then(|stream| Ok((at, stream, self.transport.answer(offer, media)?))) {
                Ok(chosen) => return Ok(chosen),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    fn offered(&self) -> Vec<Format> {
        formats::offered(&self.codecs, &self.running)
    }

    /// Where our end of the stream is, as candidates name it.
    fn host(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// `received_as` gives the format that the peer sends where we send one of its own; `receivable` is everything it
    /// may send.
    fn session(
        &self,
        stream: &Stream<'_>,
        received_as: impl Fn(Format) -> Option<Format>,
        receivable: Vec<Format>,
        transport: MediaTransport,
    ) -> Result<AudioSession, NegotiationError> {
        let remote_rtp = match stream.remote_rtp(self.address) {
            // The peer's checks will tell; browsers write 0.0.0.0, or an address of the other family.
            _ if transport.ice.is_some() => SocketAddr::new(self.unspecified(), stream.media.port),
            stated => stated?,
        };
        let mut direction = self.direction.meet(stream.direction());
        if transport.ice.is_none() && remote_rtp.ip().is_unspecified() {
            direction = Direction::new(false, direction.receives());
        }
        let audio = received_as(stream.audio).ok_or(NegotiationError::NoCodec)?;
        let event = stream.event.and_then(received_as);
        let alternatives =
            receivable.into_iter().filter(|it| *it != audio && Some(*it) != event).collect::<Vec<_>>();
        let codec = stream.codec;
        Ok(AudioSession {
            codec,
            send_payload_type: stream.audio.payload_type,
            receive_payload_type: audio.payload_type,
            send_event_payload_type: stream.event.map(|event| event.payload_type),
            receive_event_payload_type: event.map(|event| event.payload_type),
            event_clock_hz: stream.event.and_then(Format::event_clock).unwrap_or(codec.clock_hz()),
            alternatives,
            remote_rtp,
            remote_rtcp: if transport.rtcp_mux { remote_rtp } else { stream.remote_rtcp(remote_rtp) },
            direction,
            ptime: stream.ptime(),
            transport: Box::new(transport),
        })
    }

    fn unspecified(&self) -> IpAddr {
        if self.address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
    }

    fn media(&self, protocol: &str, formats: &[Format], direction: Direction) -> Media {
        let mut attributes: Vec<Attribute> = formats.iter().flat_map(|format| format.attributes()).collect();
        attributes.push(Attribute::with_value("ptime", PTIME_MS));
        attributes.push(Attribute::with_value("maxptime", PTIME_RANGE_MS.end()));
        attributes.push(Attribute::flag(direction.attribute()));
        let (kind, protocol) = ("audio".to_owned(), protocol.to_owned());
        let formats = formats.iter().map(|format| format.payload_type.to_string()).collect();
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

/// Sound for one is not sent to all: a call must not flood a network.
fn is_many(ip: IpAddr) -> bool {
    ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST)
}

fn is_open_audio(media: &Media) -> bool {
    media.kind == "audio" && media.port != 0 && Protocol::of(media).is_some()
}

/// A peer's audio stream, with what we can use of it.
struct Stream<'d> {
    description: &'d SessionDescription,
    media: &'d Media,
    /// Everything in it that we understand.
    formats: Vec<Format>,
    codec: Codec,
    audio: Format,
    event: Option<Format>,
}

impl<'d> Stream<'d> {
    /// None when no codec of `codecs` is in it; the first of the m-line is taken.
    fn read(description: &'d SessionDescription, media: &'d Media, codecs: &[Codec]) -> Option<Self> {
        let formats = formats::understood(media, codecs);
        let (audio, codec) = formats.iter().find_map(|format| Some((*format, format.codec()?)))?;
        let events = || formats.iter().copied().filter(|format| format.event_clock().is_some());
        let event =
            events().find(|event| event.event_clock() == Some(codec.clock_hz())).or_else(|| events().next());
        Some(Self { description, media, formats, codec, audio, event })
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

    /// Where the peer wants RTP. A name, an address our socket cannot reach, or one of many is no stream for us.
    fn remote_rtp(&self, ours: IpAddr) -> Result<SocketAddr, NegotiationError> {
        match self.media.connection.as_ref().or(self.description.connection.as_ref()) {
            None => Err(NegotiationError::Malformed("c=")),
            Some(Connection::Ip(ip)) if is_many(*ip) => Err(NegotiationError::NoAudio),
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
            if let Some(ip) = address.filter(|ip| ip.is_ipv4() == rtp.is_ipv4() && !is_many(*ip)) {
                rtcp.set_ip(ip);
            }
        }
        rtcp
    }

    fn ptime(&self) -> u8 {
        let ms = |name| self.media.attribute(name).and_then(|value| value.parse::<u16>().ok());
        let wish = ms("ptime").unwrap_or(PTIME_MS.into()).min(ms("maxptime").unwrap_or(u16::MAX));
        let clamped = wish.clamp(*PTIME_RANGE_MS.start(), *PTIME_RANGE_MS.end());
        u8::try_from(clamped).unwrap_or(PTIME_MS)
    }
}

#[cfg(test)]
#[path = "offer_answer_tests.rs"]
mod tests;
