//! Bounds of the connections: how many, from whom, and how long each step may take.
//! Tests make them small; the service runs with the defaults.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections of all kinds, both directions; further peers are turned away. A city has some hundred
    /// phones and a few trunks; each connection costs a descriptor and up to 64 KiB.
    pub connections: usize,
    /// Of these, what one source may hold: an office full of phones behind one address, not all there are.
    pub per_source: usize,
    /// Messages waiting to be written on one connection; a peer that lets more pile up does not read.
    pub send_queue: usize,
    /// How long connecting may take: less than timer B, so that another way could still be tried.
    pub connect: Duration,
    /// How long a TLS handshake may take, in either direction: three round trips of a bad mobile network.
    pub handshake: Duration,
    /// How long a new peer may take for its first message: 64*T1, after which no transaction lives.
    pub first_message: Duration,
    /// Silence after that; longer than the longest registration (an hour), whose refresh breaks it.
    pub idle: Duration,
    /// How long one write may wait for the peer to read.
    pub write: Duration,
    /// Silence of ours on a connection we opened until we send an empty line, which keeps what stands in between
    /// from forgetting it (RFC 5626 4.4.1 asks for less than 120 s).
    pub keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            per_source: 256,
            send_queue: 64,
            connect: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            first_message: Duration::from_secs(32),
            idle: Duration::from_secs(3900),
            write: Duration::from_secs(10),
            keep_alive: Duration::from_secs(100),
        }
    }
}

/// Whom a connection is counted for: one IPv6 subscriber owns a /64, so its addresses are one source.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Source(IpAddr);

impl Source {
    pub fn of(remote: SocketAddr) -> Self {
        Self(match remote.ip().to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_subscriber_is_one_source() {
        let source = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(source("[2001:db8::1]:1"), source("[2001:db8::2]:2"));
        assert_ne!(source("[2001:db8::1]:1"), source("[2001:db8:0:1::1]:1"));
        assert_eq!(source("[::ffff:192.0.2.1]:1"), source("192.0.2.1:9"));
        assert_ne!(source("192.0.2.1:1"), source("192.0.2.2:1"));
    }
}
