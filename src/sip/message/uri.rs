//! SIP, SIPS and tel URIs (RFC 3261 19.1, RFC 3966); other schemes are kept as text.

use std::net::IpAddr;

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
    pub fn parse(_text: &str) -> Result<Self, super::parse::Malformed> {
        todo!()
    }
}
