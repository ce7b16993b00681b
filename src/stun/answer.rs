//! The answers to a Binding request, signed like it (RFC 8489 6.3, RFC 8445 7.3.1): where the request came from, or
//! what was wrong with it.

use std::net::{IpAddr, SocketAddr};

use super::{
    BINDING_ERROR, BINDING_SUCCESS, ERROR_CODE, FINGERPRINT, HEADER, MAGIC_COOKIE, MESSAGE_INTEGRITY,
    TransactionId, UNKNOWN_ATTRIBUTES, XOR_MAPPED_ADDRESS, fingerprint, integrity,
};

/// Octets of the longest answer: header, an IPv6 address, integrity and fingerprint.
pub const MAX_ANSWER: usize = HEADER + 24 + 24 + 8;

/// What is said to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The check succeeded; this is where it was seen to come from.
    Success(SocketAddr),
    /// Both want to be controlled: the other side has to control (RFC 8445 7.3.1.1).
    RoleConflict,
    /// An attribute that may not be ignored is not known here.
    UnknownAttribute(u16),
}

impl Answer {
    /// Writes the answer to the start of `buffer`, signed with our password.
    pub fn write<'b>(
        self,
        transaction: TransactionId,
        password: &str,
        buffer: &'b mut [u8; MAX_ANSWER],
    ) -> &'b [u8] {
        let mut message = Writer { buffer, len: HEADER };
        let kind = match self {
            Self::Success(_) => BINDING_SUCCESS,
            Self::RoleConflict | Self::UnknownAttribute(_) => BINDING_ERROR,
        };
        message.buffer[..2].copy_from_slice(&kind.to_be_bytes());
        message.buffer[4..8].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
        message.buffer[8..HEADER].copy_from_slice(&transaction.0);
        match self {
            Self::Success(from) => message.mapped_address(from, transaction),
            Self::RoleConflict => message.attribute(ERROR_CODE, &[0, 0, 4, 87]),
            Self::UnknownAttribute(kind) => {
                message.attribute(ERROR_CODE, &[0, 0, 4, 20]);
                message.attribute(UNKNOWN_ATTRIBUTES, &kind.to_be_bytes());
            }
        }
        let signature = integrity(message.written(), password);
        message.attribute(MESSAGE_INTEGRITY, &signature);
        let crc = fingerprint(message.written());
        message.attribute(FINGERPRINT, &crc.to_be_bytes());
        let Writer { buffer, len } = message;
        &buffer[..len]
    }
}

/// A message that grows.
struct Writer<'b> {
    buffer: &'b mut [u8; MAX_ANSWER],
    len: usize,
}

impl Writer<'_> {
    fn written(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// Appends an attribute, padded with zeros to a word, and counts it.
    fn attribute(&mut self, kind: u16, value: &[u8]) {
        let at = self.len;
        self.len += 4 + value.len().next_multiple_of(4);
        self.buffer[at..self.len].fill(0);
        self.buffer[at..at + 2].copy_from_slice(&kind.to_be_bytes());
        self.buffer[at + 2..at + 4].copy_from_slice(&(value.len() as u16).to_be_bytes());
        self.buffer[at + 4..at + 4 + value.len()].copy_from_slice(value);
        let body = (self.len - HEADER) as u16;
        self.buffer[2..4].copy_from_slice(&body.to_be_bytes());
    }

    /// RFC 8489 14.2: port and address XOR cookie and transaction, so that no rewriting router recognises them.
    fn mapped_address(&mut self, address: SocketAddr, transaction: TransactionId) {
        let mut mask = [0; 16];
        mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
        mask[4..].copy_from_slice(&transaction.0);
        let mut value = [0; 20];
        let port = address.port() ^ (MAGIC_COOKIE >> 16) as u16;
        value[2..4].copy_from_slice(&port.to_be_bytes());
        let (family, octets) = match address.ip() {
            IpAddr::V4(ip) => {
                value[4..8].copy_from_slice(&ip.octets());
                (1, 4)
            }
            IpAddr::V6(ip) => {
                value[4..].copy_from_slice(&ip.octets());
                (2, 16)
            }
        };
        value[1] = family;
        value[4..].iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
        self.attribute(XOR_MAPPED_ADDRESS, &value[..4 + octets]);
    }
}
