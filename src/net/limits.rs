//! Bounds of the connections: how many, from whom, and how long each step may take.
//! Tests make them small; the service runs with the defaults.

use std::time::Duration;

/// Open connections of a small city: some hundred phones, their strays and a few trunks.
const MIN_CONNECTIONS: usize = 1024;
/// Open connections for each call that is let in: that of the operator's phone, and one of a phone that is idle or
/// has lost its former connection without a word.
const CONNECTIONS_PER_CALL: usize = 2;
/// Of all connections one source may hold a quarter: an office full of phones behind one address, not all there are.
const SOURCES_SHARE: usize = 4;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections of all kinds, both directions; above it strangers make room, longest here first, and where
    /// there is none, peers are turned away. Each connection costs a descriptor and up to 64 KiB.
    pub connections: usize,
    /// Of these, what one source may hold.
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
            connections: MIN_CONNECTIONS,
            per_source: MIN_CONNECTIONS / SOURCES_SHARE,
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

impl Limits {
    /// Room for the phones and trunks of so many calls at once.
    pub fn for_calls(calls: usize) -> Self {
        let connections = calls.saturating_mul(CONNECTIONS_PER_CALL).max(MIN_CONNECTIONS);
        Self { connections, per_source: connections / SOURCES_SHARE, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_grow_with_the_calls_that_are_let_in() {
        let of = |calls| (Limits::for_calls(calls).connections, Limits::for_calls(calls).per_source);
        assert_eq!((of(0), of(200), of(512)), ((1024, 256), (1024, 256), (1024, 256)));
        assert_eq!(of(10_000), (20_000, 5_000));
    }
}
