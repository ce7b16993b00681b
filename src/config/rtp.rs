//! `[rtp]`: the address, the ports and the codecs of media.
//! Which leg gets which pair of ports is `media_plane/ports.rs` (RFC 3550 11). A change takes a restart.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU8;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::Deserialize;

use super::addresses::OneOrMore;
use crate::sdp::{Codec, SrtpPolicy};

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rtp {
    /// Addresses the media sockets are bound to, at most one of IPv4 and one of IPv6: a leg takes its peer's family.
    pub bind: OneOrMore<IpAddr>,
    pub ports: PortRange,
    /// Media threads; none is one for each processor.
    pub threads: Option<NonZeroU8>,
    /// In order of preference.
    pub codecs: Vec<Codec>,
    /// Whether media may, can or must be encrypted.
    pub srtp: SrtpPolicy,
}

impl Default for Rtp {
    fn default() -> Self {
        Self {
            bind: OneOrMore::one(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            ports: PortRange(20_000..=29_999),
            threads: None,
            codecs: Codec::ALL.to_vec(),
            srtp: SrtpPolicy::Optional,
        }
    }
}

/// Ports below belong to the system.
const LOWEST_PORT: u16 = 1024;

/// `20000-29999`: both ends included; each leg takes an even port and the odd one after it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct PortRange(pub RangeInclusive<u16>);

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is no port range, as in 20000-29999 (1024 to 65535, room for at least one pair)")]
pub struct InvalidPortRange(String);

impl PortRange {
    /// How many legs find a pair of ports at the same time.
    pub fn pairs(&self) -> u64 {
        let first = u64::from(*self.0.start()).next_multiple_of(2);
        (u64::from(*self.0.end()) + 1).saturating_sub(first) / 2
    }
}

impl FromStr for PortRange {
    type Err = InvalidPortRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidPortRange(text.to_owned());
        let (first, last) = text.split_once('-').ok_or_else(invalid)?;
        let first: u16 = first.trim().parse().map_err(|_| invalid())?;
        let last: u16 = last.trim().parse().map_err(|_| invalid())?;
        let even = first.checked_next_multiple_of(2).ok_or_else(invalid)?;
        if first < LOWEST_PORT || even >= last {
            return Err(invalid());
        }
        Ok(Self(first..=last))
    }
}

impl TryFrom<String> for PortRange {
    type Error = InvalidPortRange;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.start(), self.0.end())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_range_has_room_for_a_pair() {
        for (text, pairs) in [
            ("20000-29999", 5000),
            ("20001-20003", 1),
            ("20000-20004", 2),
            ("65534-65535", 1),
            ("1024-1025", 1),
        ] {
            assert_eq!(text.parse::<PortRange>().unwrap().pairs(), pairs, "{text}");
        }
        for text in ["65535-65535", "65535-1", "20001-20002", "1023-1030", "2000-1999", "2000", "2000-70000"]
        {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }
}
