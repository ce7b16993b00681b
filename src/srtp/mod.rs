//! Secure RTP (RFC 3711) and its AES-GCM form (RFC 7714): packets in, packets out, in place and without allocation.
//!
//! `keystream` is AES counter mode and the key derivation, `transform` protects one packet whose index is known,
//! `sender` and `receiver` know the indexes: rollover, replay, sources. Where keys come from is `sdp/security.rs`
//! (SDES) and `media_plane/secure` (DTLS).

mod keystream;
mod receiver;
mod sender;
mod transform;

pub use receiver::{Rejection, SrtpReceiver};
pub use sender::SrtpSender;

use std::fmt;

/// Octets that protection adds to a packet at most: SRTCP with a GCM tag of 16 and the index word of 4.
pub const MAX_OVERHEAD: usize = 20;
/// Octets of the longest master key with its salt.
pub const MAX_MATERIAL: usize = 44;

/// How packets are encrypted and authenticated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Suite {
    /// AES-128 in counter mode, 80 bits of HMAC-SHA1: the one every peer has.
    AesCm128HmacSha1_80,
    /// The same with 32 bits for RTP; RTCP keeps 80 (RFC 4568 6.2.2).
    AesCm128HmacSha1_32,
    AeadAes128Gcm,
    AeadAes256Gcm,
}

impl Suite {
    pub const ALL: [Self; 4] =
        [Self::AesCm128HmacSha1_80, Self::AesCm128HmacSha1_32, Self::AeadAes128Gcm, Self::AeadAes256Gcm];

    /// As `a=crypto` spells it (RFC 4568 6.2, RFC 7714 14.2).
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Octets of the master key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 | Self::AeadAes128Gcm => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Octets of the master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// Octets of key and salt together, as `inline:` carries them.
    pub const fn material_len(self) -> usize {
        self.key_len() + self.salt_len()
    }
}

/// A master key with its salt, for one direction. Never shown: `Debug` names the suite only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MasterKey {
    suite: Suite,
    material: [u8; MAX_MATERIAL],
}

impl MasterKey {
    /// None unless `material` is exactly the suite's key and salt, one after the other.
    pub fn new(suite: Suite, material: &[u8]) -> Option<Self> {
        if material.len() != suite.material_len() {
            return None;
        }
        let mut padded = [0; MAX_MATERIAL];
        padded[..material.len()].copy_from_slice(material);
        Some(Self { suite, material: padded })
    }

    /// The beginning of random octets as key and salt.
    pub fn from_random(suite: Suite, random: &[u8; MAX_MATERIAL]) -> Self {
        let mut material = *random;
        material[suite.material_len()..].fill(0);
        Self { suite, material }
    }

    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Key and salt, for the `inline:` of an `a=crypto` line.
    pub fn material(&self) -> &[u8] {
        &self.material[..self.suite.material_len()]
    }

    fn key(&self) -> &[u8] {
        &self.material[..self.suite.key_len()]
    }

    fn salt(&self) -> &[u8] {
        &self.material[self.suite.key_len()..self.suite.material_len()]
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.suite.name())
    }
}

#[cfg(test)]
mod tests;
