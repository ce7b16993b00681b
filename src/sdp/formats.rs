//! What the payload types of a stream stand for: codecs and telephone events, read from its m-line and printed into
//! ours. Which of them is chosen is `offer_answer`'s. RFC 8866 6.6, RFC 4733, RFC 7587.

use super::Codec;
use super::description::{Attribute, Media};

/// Clocks of telephone events that we understand, Hz: the clock of an event is its audio's (RFC 4733 2.1), and
/// phones differ in whether they heed that.
const EVENT_CLOCKS: [u32; 3] = [8000, 16_000, 48_000];

/// Payload types without a meaning of their own (RFC 3551 6).
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;

/// One payload type and what it carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Format {
    /// 0 to 127.
    pub payload_type: u8,
    pub content: Content,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    Audio(Codec),
    /// Keys (RFC 4733), their durations in units of this clock.
    Event {
        clock_hz: u32,
    },
}

impl Format {
    /// As we offer it.
    pub(super) const fn of(codec: Codec) -> Self {
        Self { payload_type: codec.payload_type(), content: Content::Audio(codec) }
    }

    /// Telephone events as we offer them; an answer uses the offerer's payload type (RFC 3264 6.1).
    pub(super) const fn of_events(clock_hz: u32) -> Self {
        let payload_type = match clock_hz {
            48_000 => 110,
            16_000 => 102,
            _ => 101,
        };
        Self { payload_type, content: Content::Event { clock_hz } }
    }

    pub(super) fn codec(self) -> Option<Codec> {
        match self.content {
            Content::Audio(codec) => Some(codec),
            Content::Event { .. } => None,
        }
    }

    pub(super) fn event_clock(self) -> Option<u32> {
        match self.content {
            Content::Event { clock_hz } => Some(clock_hz),
            Content::Audio(_) => None,
        }
    }

    /// Its `a=rtpmap` and `a=fmtp`.
    pub(super) fn attributes(self) -> impl Iterator<Item = Attribute> {
        let Self { payload_type, content } = self;
        let (map, parameters) = match content {
            Content::Audio(codec) => {
                let channels = if codec.channels() == 1 { "" } else { "/2" };
                (format!("{}/{}{channels}", codec.name(), codec.clock_hz()), codec.fmtp())
            }
            Content::Event { clock_hz } => (format!("telephone-event/{clock_hz}"), Some("0-15")),
        };
        let map = Attribute::with_value("rtpmap", format_args!("{payload_type} {map}"));
        let parameters = parameters
            .map(|parameters| Attribute::with_value("fmtp", format_args!("{payload_type} {parameters}")));
        std::iter::once(map).chain(parameters)
    }
}

/// What an offer of these codecs lists: them, and telephone events at the clock of each. A payload type in use keeps its
/// meaning, and its meaning its number (RFC 3264 8.3.2): `running` is what we receive already.
pub(super) fn offered(codecs: &[Codec], running: &[Format]) -> Vec<Format> {
    let clocks =
        EVENT_CLOCKS.into_iter().filter(|clock| codecs.iter().any(|codec| codec.clock_hz() == *clock));
    let mut formats: Vec<Format> = Vec::new();
    for wanted in codecs.iter().copied().map(Format::of).chain(clocks.map(Format::of_events)) {
        let in_use = |payload_type| {
            running.iter().chain(&formats).any(|format: &Format| format.payload_type == payload_type)
        };
        let same = running.iter().find(|format| format.content == wanted.content).copied();
        let own = || Some(wanted.payload_type).filter(|payload_type| !in_use(*payload_type));
        let payload_type = same
            .map(|format| format.payload_type)
            .or_else(own)
            .or_else(|| DYNAMIC.rev().find(|it| !in_use(*it)));
        formats.extend(payload_type.map(|payload_type| Format { payload_type, ..wanted }));
    }
    formats
}

/// The formats of a peer's stream that we understand, in its order of preference.
pub(super) fn understood(media: &Media, codecs: &[Codec]) -> Vec<Format> {
    let format = |number: &String| {
        // RTP has seven bits for it.
        let payload_type = number.parse().ok().filter(|payload_type| *payload_type < 128)?;
        let content = content_of(media, number, payload_type)?;
        let wanted = match content {
            Content::Audio(codec) => codecs.contains(&codec),
            Content::Event { .. } => true,
        };
        wanted.then_some(Format { payload_type, content })
    };
    media.formats.iter().filter_map(format).collect()
}

/// By its `a=rtpmap`, else by the static table of RFC 3551.
fn content_of(media: &Media, number: &str, payload_type: u8) -> Option<Content> {
    match media.rtpmap(number) {
        Some((name, clock_hz, _)) if name.eq_ignore_ascii_case("telephone-event") => {
            EVENT_CLOCKS.contains(&clock_hz).then_some(Content::Event { clock_hz })
        }
        Some((name, clock_hz, channels)) => {
            let codec: Codec = name.parse().ok()?;
            let same = codec.clock_hz() == clock_hz && codec.channels() == channels;
            same.then_some(Content::Audio(codec))
        }
        None => {
            let codec = Codec::ALL.into_iter().find(|it| it.static_payload_type() == Some(payload_type))?;
            Some(Content::Audio(codec))
        }
    }
}
