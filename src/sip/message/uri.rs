//! SIP, SIPS and tel URIs (RFC 3261 19.1, RFC 3966); other schemes are kept as text.
//! Parsing takes `;`, `?` and `/` in the user part and unescaped oddities; printing escapes by the book.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::grammar;
use super::parse::Malformed;

const MALFORMED: Malformed = Malformed { what: "URI" };
/// The longest domain name (RFC 1035 2.3.4).
const MAX_HOST_LEN: usize = 255;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    Sip,
    Sips,
    Tel,
    /// Anything else; [`Uri::opaque`] holds what follows the colon.
    Other(String),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Host {
    /// Lower-cased domain name.
    Name(String),
    Ip(IpAddr),
}

/// `;name=value` parameters in order; names compare without case.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Params(pub Vec<(String, Option<String>)>);

impl Params {
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_deref().unwrap_or(""))
    }

    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Sets or replaces `name`.
    pub fn set(&mut self, name: &str, value: Option<String>) {
        match self.0.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Uri {
    pub scheme: Scheme,
    /// Unescaped user part (for `tel`, the number).
    pub user: Option<String>,
    pub password: Option<String>,
    /// Empty name for `tel` and unknown schemes.
    pub host: Host,
    pub port: Option<u16>,
    pub params: Params,
    /// What follows `?`, as it came.
    pub uri_headers: Option<String>,
    /// The rest of a URI of an unknown scheme.
    pub opaque: Option<String>,
}

impl Uri {
    /// `sip:user@host:port`.
    pub fn sip(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        Self {
            scheme: Scheme::Sip,
            user: user.map(str::to_owned),
            password: None,
            host,
            port,
            params: Params::default(),
            uri_headers: None,
            opaque: None,
        }
    }

    /// Parses a bare URI (no angle brackets).
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let text = text.trim();
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"".contains(c)) {
            return Err(MALFORMED);
        }
        let (scheme, rest) = text.split_once(':').ok_or(MALFORMED)?;
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        {
            return Err(MALFORMED);
        }
        match scheme.to_ascii_lowercase().as_str() {
            "sip" => Self::parse_sip(Scheme::Sip, rest),
            "sips" => Self::parse_sip(Scheme::Sips, rest),
            "tel" => Self::parse_tel(rest),
            _ => {
                Ok(Self { opaque: Some(rest.to_owned()), ..Self::hostless(Scheme::Other(scheme.to_owned())) })
            }
        }
    }

    /// The values of the header `name` in the part after `?`, unescaped (RFC 3261 19.1.1).
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        let pairs = self.uri_headers.iter().flat_map(|headers| headers.split('&'));
        pairs
            .filter_map(|pair| pair.split_once('='))
            .filter(move |(known, _)| grammar::unescape(known).eq_ignore_ascii_case(name))
            .map(|(_, value)| grammar::unescape(value))
    }

    fn hostless(scheme: Scheme) -> Self {
        Self { scheme, ..Self::sip(None, Host::Name(String::new()), None) }
    }

    /// `@` stands nowhere but between user and host, so it is looked for first: the user part may hold `;` and `?`.
    fn parse_sip(scheme: Scheme, rest: &str) -> Result<Self, Malformed> {
        let (user_info, rest) = match rest.split_once('@') {
            Some((user_info, rest)) => (Some(user_info), rest),
            None => (None, rest),
        };
        let (rest, uri_headers) = match rest.split_once('?') {
            Some((rest, headers)) => (rest, Some(headers.to_owned())),
            None => (rest, None),
        };
        let (host_port, params) = rest.split_once(';').unwrap_or((rest, ""));
        let (host, port) = Host::parse_with_port(host_port).ok_or(MALFORMED)?;
        let (user, password) = match user_info.map(|info| info.split_once(':').unwrap_or((info, ""))) {
            Some(("", _)) => return Err(MALFORMED),
            Some((user, "")) => (Some(grammar::unescape(user)), None),
            Some((user, password)) => (Some(grammar::unescape(user)), Some(grammar::unescape(password))),
            None => (None, None),
        };
        let params = grammar::params(params, MALFORMED.what)?;
        Ok(Self { scheme, user, password, host, port, params, uri_headers, opaque: None })
    }

    fn parse_tel(rest: &str) -> Result<Self, Malformed> {
        let (number, params) = rest.split_once(';').unwrap_or((rest, ""));
        if number.is_empty() || !number.bytes().all(is_phone_digit) {
            return Err(MALFORMED);
        }
        let params = grammar::params(params, MALFORMED.what)?;
        Ok(Self { user: Some(number.to_owned()), params, ..Self::hostless(Scheme::Tel) })
    }
}

/// `phonedigit-hex` and the leading `+` (RFC 3966 3).
fn is_phone_digit(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || b"+*#-.()".contains(&byte)
}

impl Host {
    /// A domain name, an IPv4 address, or an IPv6 address in brackets. `_` is taken: it occurs in the wild.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            return inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(|ip| Self::Ip(ip.into()));
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Some(Self::Ip(ip.into()));
        }
        let is_name = !text.is_empty()
            && text.len() <= MAX_HOST_LEN
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        is_name.then(|| Self::Name(text.to_ascii_lowercase()))
    }

    /// `host[:port]`, white space around the colon allowed (Via); port 1 to 65535.
    pub(super) fn parse_with_port(text: &str) -> Option<(Self, Option<u16>)> {
        let text = text.trim();
        let host_end =
            if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
        let (host, rest) = text.split_at(host_end);
        let port = match rest.trim_start() {
            "" => None,
            rest => {
                let port = grammar::number(rest.strip_prefix(':')?)?;
                Some(u16::try_from(port).ok().filter(|port| *port != 0)?)
            }
        };
        Some((Self::parse(host.trim_end())?, port))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_deref();
        match &self.scheme {
            Scheme::Other(scheme) => {
                return write!(f, "{scheme}:{}", self.opaque.as_deref().unwrap_or_default());
            }
            Scheme::Tel => {
                return write!(f, "tel:{}{}", grammar::escape(user.unwrap_or_default(), "+#"), self.params);
            }
            Scheme::Sip => f.write_str("sip:")?,
            Scheme::Sips => f.write_str("sips:")?,
        }
        if let Some(user) = user {
            f.write_str(&grammar::escape(user, "&=+$,;?/"))?;
            if let Some(password) = &self.password {
                write!(f, ":{}", grammar::escape(password, "&=+$,"))?;
            }
            f.write_str("@")?;
        }
        write!(f, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)?;
        match &self.uri_headers {
            Some(headers) => write!(f, "?{headers}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn same(text: &str) {
        let uri = Uri::parse(text).unwrap();
        assert_eq!(uri.to_string(), text);
        assert_eq!(Uri::parse(&uri.to_string()).unwrap(), uri);
    }

    #[test]
    fn uris_print_as_they_came() {
        for text in [
            "sip:1580@city.example",
            "sip:city.example:5070;transport=tcp;lr",
            "sips:a:secret@[2001:db8::1]:5061;x=%20y?Subject=x&Route=%3Csip:a%3E",
            "sip:user;par=u%40example.net@example.com",
            "sip:who?,/;;*@192.0.2.1",
            "tel:+380-32-1580;phone-context=example.com",
            "isbn:2983792873",
            "urn:service:sos",
        ] {
            same(text);
        }
    }

    #[test]
    fn parts_are_unescaped_and_lower_cased() {
        let uri = Uri::parse("SIP:%61b%00:p%3Aw@Exam_PLE.com:05060").unwrap();
        assert_eq!(uri.user.as_deref(), Some("ab\0"));
        assert_eq!(uri.password.as_deref(), Some("p:w"));
        assert_eq!(uri.host, Host::Name("exam_ple.com".to_owned()));
        assert_eq!(uri.port, Some(5060));
        assert_eq!(uri.to_string(), "sip:ab%00:p%3Aw@exam_ple.com:5060");
    }

    #[test]
    fn broken_uris_are_refused() {
        for text in [
            "",
            "sip",
            "sip:",
            ":x",
            "1sip:x",
            "<sip:a@b>",
            "sip:a b@c",
            "sip:@host",
            "sip:a@",
            "sip:a@b:0",
            "sip:a@b:x",
            "sip:a@b:65536",
            "sip:a@::1",
            "sip:a@[::1",
            "sip:a@[::1]x",
            "sip:a@b;=c",
            "sip:a@ho/st",
            "tel:",
            "tel:abcx",
        ] {
            assert!(Uri::parse(text).is_err(), "{text}");
        }
    }
}
