//! Via (RFC 3261 20.42, RFC 3581).

use std::net::IpAddr;

use super::uri::{Host, Params};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
}

impl Transport {
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
}
