//! Session descriptions: bytes <-> types, total (RFC 8866).
//!
//! Knows lines, not meaning: [`offer_answer`](super::offer_answer) decides what a stream is good for. Lines of
//! no use to a telephone (b= k= r= i= ...) are skipped; order is checked only where a line belongs to a stream.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most m-lines taken; every one must be answered (RFC 3264 6), and browsers stay below ten.
pub const MAX_MEDIA: usize = 32;
/// Most lines of one description; a browser's longest has about 150.
pub const MAX_LINES: usize = 1000;
/// Most formats of one m-line: RTP has seven bits for them. Each is looked up among the attributes of its stream.
pub const MAX_FORMATS: usize = 128;

/// Which rule of the grammar was broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("malformed {0}")]
pub struct InvalidDescription(pub &'static str);

/// `a=name` or `a=name:value`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribute {
    pub name: String,
    pub value: Option<String>,
}

/// `c=`: where media goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Connection {
    Ip(IpAddr),
    /// A domain name or an unknown address type, as it came.
    Other(String),
}

/// `o=` (RFC 8866 5.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    pub username: String,
    pub session_id: u64,
    pub session_version: u64,
    pub address: Connection,
}

/// One m-line and what belongs to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    /// `audio`, `video`, ...
    pub kind: String,
    /// 0 rejects or ends the stream (RFC 3264 6, 8.2).
    pub port: u16,
    pub protocol: String,
    /// Payload types for RTP protocols; never empty.
    pub formats: Vec<String>,
    pub connection: Option<Connection>,
    pub attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionDescription {
    pub origin: Origin,
    pub session_name: String,
    pub connection: Option<Connection>,
    /// `t=` values, as they came; an answer repeats them (RFC 3264 6).
    pub times: Vec<String>,
    pub attributes: Vec<Attribute>,
    pub media: Vec<Media>,
}

impl SessionDescription {
    /// Reads a body; text that is no UTF-8 is read with replacement characters.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidDescription> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        if lines.next() != Some("v=0") {
            return Err(InvalidDescription("v="));
        }
        let mut parsed = Parsed::default();
        for (count, line) in lines.enumerate() {
            if count == MAX_LINES {
                return Err(InvalidDescription("number of lines"));
            }
            let (kind, value) = line.split_once('=').ok_or(InvalidDescription("line"))?;
            parsed.take(kind, value.trim())?;
        }
        Ok(Self {
            origin: parsed.origin.ok_or(InvalidDescription("o="))?,
            session_name: parsed.session_name,
            connection: parsed.connection,
            times: parsed.times,
            attributes: parsed.attributes,
            media: parsed.media,
        })
    }
}

/// What was read so far.
#[derive(Default)]
struct Parsed {
    origin: Option<Origin>,
    session_name: String,
    connection: Option<Connection>,
    times: Vec<String>,
    attributes: Vec<Attribute>,
    media: Vec<Media>,
}

impl Parsed {
    fn take(&mut self, kind: &str, value: &str) -> Result<(), InvalidDescription> {
        let full = self.media.len() == MAX_MEDIA;
        match (kind, self.media.last_mut()) {
            ("m", _) if full => return Err(InvalidDescription("number of m-lines")),
            ("m", _) => self.media.push(Media::parse(value)?),
            ("c", Some(media)) => media.connection = Some(Connection::parse(value)?),
            ("c", None) => self.connection = Some(Connection::parse(value)?),
            ("a", Some(media)) => media.attributes.push(Attribute::parse(value)),
            ("a", None) => self.attributes.push(Attribute::parse(value)),
            ("o", None) => self.origin = Some(Origin::parse(value)?),
            ("s", None) => value.clone_into(&mut self.session_name),
            ("t", None) => self.times.push(value.to_owned()),
            _ => {}
        }
        Ok(())
    }
}

impl Origin {
    fn parse(value: &str) -> Result<Self, InvalidDescription> {
        const ORIGIN: InvalidDescription = InvalidDescription("o=");
        let words: Vec<&str> = value.split_whitespace().collect();
        // The user name may not hold spaces, but phones write their owner's there.
        let (username, rest) =
            words.split_at(words.len().checked_sub(5).filter(|len| *len > 0).ok_or(ORIGIN)?);
        Ok(Self {
            username: username.join(" "),
            session_id: rest[0].parse().map_err(|_| ORIGIN)?,
            session_version: rest[1].parse().map_err(|_| ORIGIN)?,
            address: Connection::parse(&rest[2..].join(" "))?,
        })
    }
}

impl Connection {
    /// `IN IP4 192.0.2.1[/ttl]`; o= ends in the same three words.
    fn parse(value: &str) -> Result<Self, InvalidDescription> {
        let words: Vec<&str> = value.split_whitespace().collect();
        let [network, kind, address] = words[..] else { return Err(InvalidDescription("c=")) };
        let bare = address.split('/').next().unwrap_or_default();
        let ip = match (network, kind) {
            ("IN", "IP4") => bare.parse::<Ipv4Addr>().ok().map(IpAddr::from),
            ("IN", "IP6") => bare.parse::<Ipv6Addr>().ok().map(IpAddr::from),
            _ => None,
        };
        Ok(ip.map_or_else(|| Self::Other(words.join(" ")), Self::Ip))
    }
}

impl Media {
    /// `audio 49170[/count] RTP/AVP 8 0 101`.
    fn parse(value: &str) -> Result<Self, InvalidDescription> {
        const MEDIA: InvalidDescription = InvalidDescription("m=");
        let mut words = value.split_whitespace();
        let mut word = || words.next().ok_or(MEDIA);
        let (kind, port, protocol) = (word()?, word()?, word()?);
        let port: u16 = port.split('/').next().and_then(|port| port.parse().ok()).ok_or(MEDIA)?;
        let mut formats: Vec<String> = words.by_ref().take(MAX_FORMATS).map(str::to_owned).collect();
        if words.next().is_some() {
            return Err(InvalidDescription("number of formats"));
        }
        match (formats.is_empty(), port) {
            // Some phones leave them out of a stream that they refuse.
            (true, 0) => formats.push("0".to_owned()),
            (true, _) => return Err(MEDIA),
            (false, _) => {}
        }
        Ok(Self {
            kind: kind.to_owned(),
            port,
            protocol: protocol.to_owned(),
            formats,
            connection: None,
            attributes: Vec::new(),
        })
    }

    /// As an answer refuses it: no port, and of its attributes only its name (RFC 3264 6, RFC 5888 9.1).
    pub(super) fn refused(&self) -> Self {
        let attributes =
            self.attribute("mid").map(|mid| Attribute::with_value("mid", mid)).into_iter().collect();
        Self { port: 0, connection: None, attributes, ..self.clone() }
    }

    /// The value of the first attribute of that name; empty for a property attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        find(&self.attributes, name)
    }

    /// The `a=rtpmap` of a payload type: encoding name, clock rate, channels.
    pub fn rtpmap(&self, format: &str) -> Option<(&str, u32, u32)> {
        let maps = self.attributes.iter().filter(|attribute| attribute.name == "rtpmap");
        let mut maps = maps.filter_map(|attribute| attribute.value.as_deref()?.split_once(' '));
        let (_, encoding) = maps.find(|(known, _)| *known == format)?;
        let mut parts = encoding.trim().split('/');
        let (name, rate) = (parts.next()?, parts.next()?.parse().ok()?);
        let channels = parts.next().map_or(Some(1), |count| count.parse().ok())?;
        Some((name, rate, channels))
    }
}

/// The value of the first attribute `name`; empty for a property attribute.
pub(super) fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.name == name)?;
    Some(found.value.as_deref().unwrap_or_default())
}

impl Attribute {
    pub fn flag(name: &str) -> Self {
        Self { name: name.to_owned(), value: None }
    }

    pub fn with_value(name: &str, value: impl fmt::Display) -> Self {
        Self { name: name.to_owned(), value: Some(value.to_string()) }
    }

    fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some((name, value)) => Self::with_value(name.trim(), value.trim()),
            None => Self::flag(text),
        }
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(ip)) => write!(f, "IN IP4 {ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "IN IP6 {ip}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "a={}:{value}\r\n", self.name),
            None => write!(f, "a={}\r\n", self.name),
        }
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {} {} {}\r\n", self.kind, self.port, self.protocol, self.formats.join(" "))?;
        if let Some(connection) = &self.connection {
            write!(f, "c={connection}\r\n")?;
        }
        self.attributes.iter().try_for_each(|attribute| attribute.fmt(f))
    }
}

impl fmt::Display for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { username, session_id, session_version, address } = &self.origin;
        write!(f, "v=0\r\no={username} {session_id} {session_version} {address}\r\n")?;
        write!(f, "s={}\r\n", if self.session_name.is_empty() { "-" } else { &self.session_name })?;
        if let Some(connection) = &self.connection {
            write!(f, "c={connection}\r\n")?;
        }
        if self.times.is_empty() {
            f.write_str("t=0 0\r\n")?;
        }
        self.times.iter().try_for_each(|time| write!(f, "t={time}\r\n"))?;
        self.attributes.iter().try_for_each(|attribute| attribute.fmt(f))?;
        self.media.iter().try_for_each(|media| media.fmt(f))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const BROWSERLIKE: &str = "v=0\r\no=- 4611731400430051336 2 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
        a=group:BUNDLE 0\r\nm=audio 9 RTP/AVP 111 8 101\r\nc=IN IP4 203.0.113.1\r\na=rtpmap:111 opus/48000/2\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\nm=video 0 RTP/AVP 96\r\n";

    #[test]
    fn descriptions_print_as_they_came() {
        let parsed = SessionDescription::parse(BROWSERLIKE.as_bytes()).unwrap();
        assert_eq!(parsed.to_string(), BROWSERLIKE);
        assert_eq!(parsed.media[0].rtpmap("111"), Some(("opus", 48000, 2)));
        assert_eq!(parsed.media[0].rtpmap("101"), Some(("telephone-event", 8000, 1)));
        assert_eq!(parsed.media[0].rtpmap("8"), None);
        assert_eq!(parsed.media[0].attribute("sendrecv"), Some(""));
    }

    #[test]
    fn line_ends_unknown_lines_and_old_forms_are_forgiven() {
        let text = "v=0\no=x 1 1 IN IP4 a.example\nb=AS:64\nk=clear:x\n\
            m=audio 4000/2 RTP/AVP 0\nc=IN IP4 224.2.36.42/127\ni=\n\n";
        let parsed = SessionDescription::parse(text.as_bytes()).unwrap();
        assert_eq!(parsed.origin.address, Connection::Other("IN IP4 a.example".to_owned()));
        assert_eq!(parsed.media[0].connection, Some(Connection::Ip("224.2.36.42".parse().unwrap())));
        assert_eq!(parsed.media[0].port, 4000);
    }

    #[test]
    fn broken_descriptions_name_the_line() {
        let many = format!("v=0\n{}", "m=audio 1 RTP/AVP 0\n".repeat(MAX_MEDIA + 1));
        let long = format!("v=0\n{}", "a=x\n".repeat(MAX_LINES + 1));
        for (text, cause) in [
            ("", "v="),
            ("v=1\n", "v="),
            ("v=0\n", "o="),
            ("v=0\no=x 1\n", "o="),
            ("v=0\no=x y 1 IN IP4 1.2.3.4\n", "o="),
            ("v=0\nc=IN IP4\n", "c="),
            ("v=0\nm=audio 70000 RTP/AVP 0\n", "m="),
            ("v=0\nm=audio 7000 RTP/AVP\n", "m="),
            ("v=0\nnonsense\n", "line"),
            (&many, "number of m-lines"),
            (&long, "number of lines"),
        ] {
            assert_eq!(SessionDescription::parse(text.as_bytes()), Err(InvalidDescription(cause)), "{text}");
        }
    }
}
