//! Encryption at rest: a content key of its own for each call and each case, wrapped by the city's master key, so that who
//! destroys one small key destroys what it opens, in every copy of the files (decision 0033). Owns the keys, their wrapping and
//! the format of an encrypted file; pure: randomness comes in. Where keys lie is `store/content_keys.rs`, files `files/`.

mod master;
mod segments;

use std::fmt;

use ring::hkdf;

pub use master::{KeyRing, KeyUnreadable, MasterKey, NONCE_LEN, SEALED_EXTRA, Wrapped};
pub use segments::{Cut, Header, NotOurs, OfAnother, Segment, SegmentCipher, open_whole, seal_whole};

/// Octets of every key here: AES-256.
pub const KEY_LEN: usize = 32;

/// What content is encrypted with.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentKey([u8; KEY_LEN]);

impl ContentKey {
    /// From 32 random octets.
    pub const fn new(octets: [u8; KEY_LEN]) -> Self {
        Self(octets)
    }

    /// A key for one file alone, so that its segments may count their nonces from 0 (HKDF-SHA-256, RFC 5869). `salt` is random
    /// and stands in the file.
    fn of_file(&self, salt: &[u8; KEY_LEN]) -> hkdf::Prk {
        hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&self.0)
    }
}

/// Without the octets.
impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(..)")
    }
}

/// It was not encrypted with this key for this purpose, or was changed since.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it does not open: it was changed, or belongs to another key")]
pub struct CannotOpen;

#[cfg(test)]
mod tests;
