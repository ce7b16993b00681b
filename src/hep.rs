//! HEP version 3, the Homer encapsulation protocol: one packet that was seen on the network, with where it came from, where
//! it went and when, for a collector such as Homer. Written, never read. "The HEP/EEP protocol", revision 3, sections 4 to 6.

use std::net::{IpAddr, SocketAddr};

use crate::time::Timestamp;

/// Chunks of the generic vendor, by their numbers in the specification.
const IP_FAMILY: u16 = 0x0001;
const IP_PROTOCOL: u16 = 0x0002;
const IPV4_SOURCE: u16 = 0x0003;
const IPV6_SOURCE: u16 = 0x0005;
const SOURCE_PORT: u16 = 0x0007;
const DESTINATION_PORT: u16 = 0x0008;
const SECONDS: u16 = 0x0009;
const MICROSECONDS: u16 = 0x000a;
const PAYLOAD_TYPE: u16 = 0x000b;
const AGENT: u16 = 0x000c;
const PAYLOAD: u16 = 0x000f;

const SIP: u8 = 1;
/// Before vendor, type and length of the first chunk: `HEP3` and the length of all.
const HEAD: usize = 6;

/// A payload that is longer does not fit into a datagram with what is said about it.
pub const MAX_PAYLOAD: usize = 64_000;

/// A SIP message on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen<'a> {
    pub from: SocketAddr,
    pub to: SocketAddr,
    /// 17 for UDP, 6 for what runs over TCP.
    pub ip_protocol: u8,
    pub at: Timestamp,
    /// Tells the collector who saw it.
    pub agent: u32,
    pub message: &'a [u8],
}

impl Seen<'_> {
    /// The datagram for the collector; none for a message above [`MAX_PAYLOAD`].
    pub fn encode(&self) -> Option<Vec<u8>> {
        if self.message.len() > MAX_PAYLOAD {
            return None;
        }
        let mut out = Vec::with_capacity(self.message.len() + 120);
        out.extend_from_slice(b"HEP3\0\0");
        self.addresses(&mut out);
        let micros = self.at.micros().max(0).unsigned_abs();
        let seconds = u32::try_from(micros / 1_000_000).unwrap_or(u32::MAX);
        // Below a million.
        let rest = u32::try_from(micros % 1_000_000).unwrap_or(0);
        chunk(&mut out, SOURCE_PORT, &self.from.port().to_be_bytes());
        chunk(&mut out, DESTINATION_PORT, &self.to.port().to_be_bytes());
        chunk(&mut out, SECONDS, &seconds.to_be_bytes());
        chunk(&mut out, MICROSECONDS, &rest.to_be_bytes());
        chunk(&mut out, PAYLOAD_TYPE, &[SIP]);
        chunk(&mut out, AGENT, &self.agent.to_be_bytes());
        chunk(&mut out, PAYLOAD, self.message);
        let length = u16::try_from(out.len()).ok()?;
        out[HEAD - 2..HEAD].copy_from_slice(&length.to_be_bytes());
        Some(out)
    }

    /// Family, protocol and both addresses: as IPv4 where both are, IPv4 written as IPv6 included; else as IPv6.
    fn addresses(&self, out: &mut Vec<u8>) {
        let (from, to) = (self.from.ip().to_canonical(), self.to.ip().to_canonical());
        let (family, first, pair): (u8, u16, [Vec<u8>; 2]) = match (from, to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                (2, IPV4_SOURCE, [from.octets().to_vec(), to.octets().to_vec()])
            }
            _ => (10, IPV6_SOURCE, [six(from), six(to)]),
        };
        chunk(out, IP_FAMILY, &[family]);
        chunk(out, IP_PROTOCOL, &[self.ip_protocol]);
        // The destination's number follows the source's.
        chunk(out, first, &pair[0]);
        chunk(out, first + 1, &pair[1]);
    }
}

fn six(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(four) => four.to_ipv6_mapped().octets().to_vec(),
        IpAddr::V6(six) => six.octets().to_vec(),
    }
}

/// Vendor 0, the chunk's number, its length with these six octets, and what it holds.
fn chunk(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    // At most MAX_PAYLOAD and the six.
    let length = u16::try_from(value.len() + 6).unwrap_or(u16::MAX);
    out.extend_from_slice(&0_u16.to_be_bytes());
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn seen<'a>(from: &str, to: &str, message: &'a [u8]) -> Seen<'a> {
        let at = Timestamp::from_micros(1_000_000_002);
        Seen {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            ip_protocol: 17,
            at,
            agent: 1580,
            message,
        }
    }

    /// Octet by octet from the specification's tables.
    #[test]
    fn a_message_over_ipv4_by_hand() {
        let found = seen("192.0.2.1:5060", "198.51.100.2:5062", b"SIP").encode().unwrap();
        let wanted: &[&[u8]] = &[
            b"HEP3\x00\x66",
            b"\x00\x00\x00\x01\x00\x07\x02",
            b"\x00\x00\x00\x02\x00\x07\x11",
            b"\x00\x00\x00\x03\x00\x0a\xc0\x00\x02\x01",
            b"\x00\x00\x00\x04\x00\x0a\xc6\x33\x64\x02",
            b"\x00\x00\x00\x07\x00\x08\x13\xc4",
            b"\x00\x00\x00\x08\x00\x08\x13\xc6",
            b"\x00\x00\x00\x09\x00\x0a\x00\x00\x03\xe8",
            b"\x00\x00\x00\x0a\x00\x0a\x00\x00\x00\x02",
            b"\x00\x00\x00\x0b\x00\x07\x01",
            b"\x00\x00\x00\x0c\x00\x0a\x00\x00\x06\x2c",
            b"\x00\x00\x00\x0f\x00\x09SIP",
        ];
        assert_eq!(found, wanted.concat());
    }

    #[test]
    fn ipv6_and_ipv4_written_as_ipv6() {
        let found = seen("[2001:db8::1]:5060", "192.0.2.9:5060", b"").encode().unwrap();
        assert_eq!(found[6..13], *b"\x00\x00\x00\x01\x00\x07\x0a");
        assert_eq!(found[20..26], *b"\x00\x00\x00\x05\x00\x16");
        assert_eq!(found[42..48], *b"\x00\x00\x00\x06\x00\x16");
        assert_eq!(found[48..64], *b"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x09");
        let mapped = seen("[::ffff:192.0.2.1]:5060", "192.0.2.9:5060", b"").encode().unwrap();
        assert_eq!(mapped, seen("192.0.2.1:5060", "192.0.2.9:5060", b"").encode().unwrap());
    }

    #[test]
    fn what_fits_into_a_datagram_and_what_does_not() {
        let message = vec![b'x'; MAX_PAYLOAD + 1];
        let most = seen("[::1]:1", "[::2]:2", &message[1..]).encode().unwrap();
        assert_eq!(usize::from(u16::from_be_bytes([most[4], most[5]])), most.len());
        // What IPv4 leaves of 65,535 octets.
        assert!(most.len() <= 65_507);
        assert_eq!(seen("[::1]:1", "[::2]:2", &message).encode(), None);
    }
}
