//! Via (RFC 3261 20.42, RFC 3581): parsing, printing, and the mark of where a request really came from.
//! Branches are text here; matching by them belongs to the transaction layer.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::grammar;
use super::parse::Malformed;
use super::uri::{Host, Params};

const MALFORMED: Malformed = Malformed { what: "Via" };

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
}

impl Transport {
    pub const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    /// Reliable transports need no retransmission (RFC 3261 17).
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Via {
    /// As signalled, e.g. `UDP`; unknown transports are kept.
    pub transport: String,
    pub host: Host,
    pub port: Option<u16>,
    pub params: Params,
}

/// Branches of RFC 3261 begin with it; without it RFC 2543 matching applies.
pub const MAGIC_COOKIE: &str = "z9hG4bK";

impl Via {
    pub fn branch(&self) -> Option<&str> {
        self.params.find("branch")
    }

    pub fn received(&self) -> Option<IpAddr> {
        self.params.find("received").and_then(|text| text.parse().ok())
    }

    /// `Some(None)` when the client asks (`;rport`), `Some(Some(port))` when it is filled in.
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.find("rport").map(|text| text.parse().ok())
    }

    /// Marks the source of a request in its top Via: `received` where sent-by says otherwise or `rport` was
    /// asked for, and the port of `rport` (RFC 3261 18.2.1, RFC 3581 4).
    pub fn stamp_source(&mut self, remote: SocketAddr) {
        let ip = remote.ip().to_canonical();
        let rport_asked = self.rport().is_some();
        if rport_asked {
            self.params.set("rport", Some(remote.port().to_string()));
        }
        if rport_asked || self.host != Host::Ip(ip) || self.params.contains("received") {
            self.params.set("received", Some(ip.to_string()));
        }
    }

    /// Parses one value: `SIP/2.0/UDP host:port;params`, white space allowed around every separator.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (via, version) = Self::parse_any_version(text)?;
        if version == "2.0" { Ok(via) } else { Err(MALFORMED) }
    }

    /// The same, and the version it names.
    fn parse_any_version(text: &str) -> Result<(Self, &str), Malformed> {
        let (sent, params) = text.split_once(';').unwrap_or((text, ""));
        let mut protocol = sent.splitn(3, '/').map(str::trim);
        let (name, version) = (protocol.next().unwrap_or_default(), protocol.next().unwrap_or_default());
        if !name.eq_ignore_ascii_case("SIP") {
            return Err(MALFORMED);
        }
        let rest = protocol.next().unwrap_or_default();
        let (transport, sent_by) = rest.split_once(char::is_whitespace).ok_or(MALFORMED)?;
        if !grammar::is_token(transport) {
            return Err(MALFORMED);
        }
        let (host, port) = Host::parse_with_port(sent_by).ok_or(MALFORMED)?;
        let params = grammar::params(params, MALFORMED.what)?;
        Ok((Self { transport: transport.to_owned(), host, port, params }, version))
    }

    /// The values a line begins with, up to the first that cannot be read, of any version of SIP: what an answer to
    /// a broken request needs to find its way.
    pub(super) fn parse_leading(text: &str) -> Vec<Self> {
        let values = grammar::split(text, ',', MALFORMED.what).unwrap_or_default();
        values
            .into_iter()
            .map_while(|value| Self::parse_any_version(value).ok())
            .map(|(via, _)| via)
            .collect()
    }

    /// Parses one header line, which may hold several values.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, Malformed> {
        grammar::split(text, ',', MALFORMED.what)?.into_iter().map(Self::parse).collect()
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    #[test]
    fn via_is_read_through_any_white_space() {
        let via = Via::parse("SIP  / 2.0 /UDP     [2001:db8::9] : 5070 ; branch = z9hG4bKa;rport").unwrap();
        assert_eq!(via.to_string(), "SIP/2.0/UDP [2001:db8::9]:5070;branch=z9hG4bKa;rport");
        assert_eq!(via.branch(), Some("z9hG4bKa"));
        assert_eq!(via.rport(), Some(None));
        assert_eq!(Via::parse(&via.to_string()).unwrap(), via);
    }

    #[test]
    fn several_values_share_a_line() {
        let list = Via::parse_list("SIP/2.0/UNKNOWN a;branch=1, SIP/2.0/TCP b.example:5060").unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].transport, "UNKNOWN");
        for bad in ["", "SIP/2.0/UDP", "SIP/3.0/UDP a", "HTTP/2.0/UDP a", "SIP/2.0/U<P a", "SIP/2.0/UDP a b"]
        {
            assert!(Via::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_source_is_stamped_when_it_differs_or_is_asked_for() {
        let stamped = |text: &str| {
            let mut via = Via::parse(text).unwrap();
            via.stamp_source("192.0.2.7:4000".parse().unwrap());
            via.to_string()
        };
        assert_eq!(stamped("SIP/2.0/UDP 192.0.2.7"), "SIP/2.0/UDP 192.0.2.7");
        assert_eq!(stamped("SIP/2.0/UDP host.example"), "SIP/2.0/UDP host.example;received=192.0.2.7");
        assert_eq!(
            stamped("SIP/2.0/UDP 192.0.2.7;rport;branch=x"),
            "SIP/2.0/UDP 192.0.2.7;rport=4000;branch=x;received=192.0.2.7"
        );
        let forged = stamped("SIP/2.0/UDP 192.0.2.7;received=203.0.113.1");
        assert_eq!(forged, "SIP/2.0/UDP 192.0.2.7;received=192.0.2.7");
    }
}
