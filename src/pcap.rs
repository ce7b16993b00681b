//! Writes capture files that Wireshark and its kin open: messages as UDP datagrams, with the IP and UDP headers they
//! would have had. Classic pcap with microseconds and raw IP (LINKTYPE_RAW); RFC 791, RFC 768, RFC 8200.
//!
//! What really came over TCP, TLS or a WebSocket is shown as UDP between the same addresses: one message is one
//! packet, and no stream has to be invented around it.

use std::net::{IpAddr, SocketAddr};

use crate::time::Timestamp;

/// Bytes of a datagram's payload at most: what a UDP header over IPv4 can announce.
pub const MAX_PAYLOAD: usize = 65_507;

/// pcap with microseconds, written in little-endian.
const MAGIC: u32 = 0xa1b2_c3d4;
const VERSION: [u16; 2] = [2, 4];
/// Longer than any packet here.
const SNAP_LEN: u32 = 262_144;
/// A packet begins with its IP header, whose first half-byte tells IPv4 from IPv6.
const LINKTYPE_RAW: u32 = 101;
const UDP: u8 = 17;
const UDP_HEADER_LEN: u16 = 8;
const IPV4_HEADER_LEN: u16 = 20;
/// Hop limit of packets that never travelled.
const HOPS: u8 = 64;

/// A capture file in memory.
#[derive(Debug)]
pub struct Capture {
    bytes: Vec<u8>,
}

impl Default for Capture {
    fn default() -> Self {
        let mut bytes = Vec::new();
        bytes.extend(MAGIC.to_le_bytes());
        bytes.extend(VERSION.into_iter().flat_map(u16::to_le_bytes));
        // Time zone and accuracy, which nobody fills in.
        bytes.extend([0; 8]);
        bytes.extend(SNAP_LEN.to_le_bytes());
        bytes.extend(LINKTYPE_RAW.to_le_bytes());
        Self { bytes }
    }
}

impl Capture {
    /// Adds one datagram; `payload` is cut at [`MAX_PAYLOAD`]. Addresses of different families are both written as
    /// IPv6. A moment before 1970 or after 2106 becomes the nearest that the format knows.
    pub fn add(&mut self, at: Timestamp, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let payload = &payload[..payload.len().min(MAX_PAYLOAD)];
        let packet = match (from.ip().to_canonical(), to.ip().to_canonical()) {
            (IpAddr::V4(source), IpAddr::V4(target)) => {
                let udp = datagram(&[&source.octets(), &target.octets()], from.port(), to.port(), payload);
                ipv4(source.octets(), target.octets(), udp)
            }
            (source, target) => {
                let (source, target) = (as_ipv6(source), as_ipv6(target));
                let udp = datagram(&[&source, &target], from.port(), to.port(), payload);
                ipv6(source, target, udp)
            }
        };
        let seconds = u32::try_from(at.micros().div_euclid(1_000_000).max(0)).unwrap_or(u32::MAX);
        let micros = u32::try_from(at.micros().rem_euclid(1_000_000)).unwrap_or(0);
        let length = u32::try_from(packet.len()).unwrap_or(SNAP_LEN);
        for field in [seconds, micros, length, length] {
            self.bytes.extend(field.to_le_bytes());
        }
        self.bytes.extend(packet);
    }

    /// The whole file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

fn as_ipv6(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// UDP header and payload. `addresses` are in its checksum, as the standard wants.
fn datagram(addresses: &[&[u8]; 2], from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let length = UDP_HEADER_LEN + u16::try_from(payload.len()).unwrap_or(u16::MAX - UDP_HEADER_LEN);
    let mut udp = Vec::with_capacity(usize::from(length));
    for field in [from, to, length, 0] {
        udp.extend(field.to_be_bytes());
    }
    udp.extend(payload);
    let pseudo_header = [&[0, UDP], &length.to_be_bytes()[..]].concat();
    // Zero would mean that there is none.
    let sum = match checksum(&[addresses[0], addresses[1], &pseudo_header, &udp]) {
        0 => u16::MAX,
        sum => sum,
    };
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
    udp
}

fn ipv4(source: [u8; 4], target: [u8; 4], udp: Vec<u8>) -> Vec<u8> {
    let length = IPV4_HEADER_LEN + u16::try_from(udp.len()).unwrap_or(u16::MAX - IPV4_HEADER_LEN);
    // Version 4, five words of header, no service class.
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    // Identification, and "don't fragment".
    packet.extend([0, 0, 0x40, 0]);
    packet.extend([HOPS, UDP, 0, 0]);
    packet.extend(source);
    packet.extend(target);
    let sum = checksum(&[&packet]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(udp);
    packet
}

fn ipv6(source: [u8; 16], target: [u8; 16], udp: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(udp.len()).unwrap_or(u16::MAX);
    // Version 6, no traffic class, no flow label.
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([UDP, HOPS]);
    packet.extend(source);
    packet.extend(target);
    packet.extend(udp);
    packet
}

/// The Internet checksum (RFC 1071). Every part but the last has an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u64 =
        words.map(|word| u64::from(word[0]) << 8 | word.get(1).copied().map_or(0, u64::from)).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const HEADER: usize = 24;
    const RECORD: usize = 16;

    fn packet(from: &str, to: &str, payload: &[u8]) -> Vec<u8> {
        let mut capture = Capture::default();
        capture.add(Timestamp(1_700_000_000_000_123), from.parse().unwrap(), to.parse().unwrap(), payload);
        capture.into_bytes()
    }

    #[test]
    fn file_and_record_say_what_follows() {
        let file = packet("192.0.2.1:5060", "192.0.2.2:5070", b"hello");
        assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
        assert_eq!(file[20..24], [101, 0, 0, 0]);
        let field = |at: usize| u32::from_le_bytes(file[HEADER + at..HEADER + at + 4].try_into().unwrap());
        assert_eq!((field(0), field(4)), (1_700_000_000, 123));
        assert_eq!((field(8), field(12)), (33, 33));
        assert_eq!(file.len(), HEADER + RECORD + 33);
        assert!(file.ends_with(b"hello"));
    }

    /// A receiver sums everything, checksum included, and finds zero.
    #[test]
    fn checksums_are_right_for_both_families_and_odd_lengths() {
        for payload in [&b""[..], b"x", b"odd", b"even", &[0xff; 1001]] {
            let file = packet("192.0.2.1:5060", "192.0.2.2:5070", payload);
            let ip = &file[HEADER + RECORD..];
            assert_eq!(checksum(&[&ip[..20]]), 0);
            let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
            assert_eq!(checksum(&[&ip[12..20], &[0, UDP], &length, &ip[20..]]), 0);

            let file = packet("[2001:db8::1]:5060", "[2001:db8::2]:5070", payload);
            let ip = &file[HEADER + RECORD..];
            assert_eq!((ip[0], ip[6], &ip[4..6]), (0x60, UDP, &length[..]));
            assert_eq!(checksum(&[&ip[8..40], &[0, UDP], &length, &ip[40..]]), 0);
        }
    }

    #[test]
    fn odd_addresses_moments_and_giants_are_written_too() {
        let mapped = packet("[::ffff:192.0.2.1]:1", "192.0.2.2:2", b"x");
        assert_eq!(mapped[HEADER + RECORD], 0x45);
        let mixed = packet("192.0.2.1:1", "[2001:db8::2]:2", b"x");
        assert_eq!(mixed[HEADER + RECORD], 0x60);
        assert_eq!(
            packet("192.0.2.1:1", "192.0.2.2:2", &[1; 70_000]).len(),
            HEADER + RECORD + 28 + MAX_PAYLOAD
        );
        let mut capture = Capture::default();
        for at in [i64::MIN, -1, i64::MAX] {
            capture.add(Timestamp(at), "192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap(), b"");
        }
        assert_eq!(capture.into_bytes().len(), HEADER + 3 * (RECORD + 28));
    }
}
