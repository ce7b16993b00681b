//! Digest access authentication for SIP (RFC 3261 22, RFC 7616, RFC 8760): server side with a bounded
//! nonce table and nonce-count check, and the client's answer.

use std::time::{Duration, Instant};

use super::message::{Method, Request};

/// A nonce is good for this long; then it is `stale`.
pub const NONCE_LIFETIME: Duration = Duration::from_secs(300);
/// Most nonces remembered; the oldest go first.
pub const MAX_NONCES: usize = 10_000;

/// H(user:realm:password) for both algorithms: what is stored instead of the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    pub md5: [u8; 16],
    pub sha256: [u8; 32],
}

impl std::fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ha1(redacted)")
    }
}

impl Ha1 {
    pub fn new(_user: &str, _realm: &str, _password: &str) -> Self {
        todo!()
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The named user proved the password.
    Accepted { user: String },
    /// No or unusable credentials: answer 401 with [`Authenticator::challenge`].
    Challenge { stale: bool },
    /// Wrong password or unknown user; answered like a challenge so that nothing is learnt.
    Refused,
}

#[derive(Debug)]
pub struct Authenticator {}

impl Authenticator {
    pub fn new(_realm: &str, _seed: [u8; 32]) -> Self {
        todo!()
    }

    /// Values for `WWW-Authenticate`, strongest algorithm first: one nonce, SHA-256 then MD5, qop="auth".
    pub fn challenge(&mut self, _stale: bool, _now: Instant) -> Vec<String> {
        todo!()
    }

    /// Checks the `Authorization` of `request` against what `secret_of` knows. Realm, nonce, nonce count
    /// and digest-uri are checked against our own, never taken from the client.
    pub fn verify(
        &mut self,
        _request: &Request,
        _secret_of: impl Fn(&str) -> Option<Ha1>,
        _now: Instant,
    ) -> Verdict {
        todo!()
    }
}

/// The client's `Authorization` value for a challenge; none when no algorithm or qop is known.
/// `nonce_count` starts at 1 for each nonce; `cnonce` comes from the caller's mint.
pub fn authorization(
    _challenge: &str,
    _user: &str,
    _password: &str,
    _method: &Method,
    _digest_uri: &str,
    _nonce_count: u32,
    _cnonce: &str,
) -> Option<String> {
    todo!()
}
