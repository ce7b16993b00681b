//! STUN (RFC 8489) as far as an ICE-lite agent needs it (RFC 8445): Binding requests are read and checked, answers
//! are written. Which checks count and what follows from them is `media_plane/secure/ice.rs`.

mod answer;
mod request;
#[cfg(test)]
pub(crate) mod tests;

pub use answer::{Answer, MAX_ANSWER};
pub use request::{BindingRequest, MalformedStun, Role};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Second word of every message.
const MAGIC_COOKIE: u32 = 0x2112_a442;
const HEADER: usize = 20;

/// Message types: class and method in one number.
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

/// Attribute types (RFC 8489 14, RFC 8445 16.1).
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;
/// Attribute types from here on may be ignored by who does not know them.
const OPTIONAL: u16 = 0x8000;

const INTEGRITY_LEN: usize = 20;
const FINGERPRINT_LEN: usize = 4;
/// Type and length of an attribute.
const ATTRIBUTE_HEADER: usize = 4;

/// Names one request, so that its answer can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransactionId(pub [u8; 12]);

/// Whether a datagram on a media port is STUN: the first two bits are zero and the cookie stands (RFC 7983 7).
pub fn is_stun(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(0..=3)) && datagram.get(4..8) == Some(&MAGIC_COOKIE.to_be_bytes())
}

/// HMAC-SHA1 over what stands before MESSAGE-INTEGRITY, with the length as if the message ended after it.
fn integrity(before: &[u8], password: &str) -> [u8; INTEGRITY_LEN] {
    let mut hmac = Hmac::<Sha1>::new_from_slice(password.as_bytes()).expect("HMAC takes any key");
    let len = (before.len() - HEADER + ATTRIBUTE_HEADER + INTEGRITY_LEN) as u16;
    hmac.update(&before[..2]);
    hmac.update(&len.to_be_bytes());
    hmac.update(&before[4..]);
    hmac.finalize().into_bytes().into()
}

/// CRC-32 (ISO 3309) of what stands before FINGERPRINT, which counts in the length, XOR "STUN" in ASCII.
fn fingerprint(before: &[u8]) -> u32 {
    let len = ((before.len() - HEADER + ATTRIBUTE_HEADER + FINGERPRINT_LEN) as u16).to_be_bytes();
    let octets = before[..2].iter().chain(&len).chain(&before[4..]);
    let crc = octets.fold(u32::MAX, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    });
    !crc ^ 0x5354_554e
}
