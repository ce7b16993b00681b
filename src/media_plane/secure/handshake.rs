//! The DTLS handshake of a leg (RFC 5763, RFC 5764): records in, records and in the end the SRTP keys out. The peer is
//! who the certificate with the signalled fingerprint belongs to, nobody else. `dimpl` does the protocol, without
//! sockets and with the clock it is given.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use dimpl::{Dtls, KeyingMaterial, Output, SrtpProfile};

use super::identity::{Identity, fingerprint_of};
use crate::sdp::{DtlsRole, Fingerprint};
use crate::srtp::{MasterKey, Suite};

/// Octets of the longest record `dimpl` writes; its datagrams end at 1150.
const MAX_RECORD: usize = 2048;

/// Why there will be no keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("{0}")]
    Dtls(#[from] dimpl::Error),
    #[error("the certificate is not the one that was announced")]
    WrongCertificate,
    #[error("keys came before a certificate, or do not fit their profile")]
    NoKeys,
    #[error("a record longer than any is")]
    LongRecord,
    #[error("the library panicked")]
    Panicked,
}

/// The keys of both directions.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionKeys {
    pub(super) send: MasterKey,
    pub(super) receive: MasterKey,
}

/// One association; it stays after the handshake, to repeat its last flight when that was lost.
pub(super) struct Handshake {
    dtls: Dtls,
    role: DtlsRole,
    expected: Fingerprint,
    verified: bool,
    timeout: Option<Instant>,
}

impl Handshake {
    /// `proven`: ICE has shown that the peer is where it says.
    pub(super) fn new(
        identity: &Identity,
        role: DtlsRole,
        expected: Fingerprint,
        proven: bool,
        now: Instant,
    ) -> Self {
        let config = if proven { &identity.without_cookie } else { &identity.with_cookie };
        let mut dtls = Dtls::new_12(config.clone(), identity.certificate.clone(), now);
        dtls.set_active(role == DtlsRole::Client);
        Self { dtls, role, expected, verified: false, timeout: None }
    }

    pub(super) fn role(&self) -> DtlsRole {
        self.role
    }

    /// A datagram of the peer's; the keys when it was the last that was missing.
    pub(super) fn handle_datagram(
        &mut self,
        datagram: &[u8],
        now: Instant,
        transmit: impl FnMut(&[u8]),
    ) -> Result<Option<SessionKeys>, HandshakeError> {
        guarded(|| {
            self.dtls.handle_timeout(now)?;
            self.dtls.handle_packet(datagram)?;
            self.drain(transmit)
        })
    }

    /// The client's first step, and every repetition.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        transmit: impl FnMut(&[u8]),
    ) -> Result<Option<SessionKeys>, HandshakeError> {
        guarded(|| {
            self.dtls.handle_timeout(now)?;
            self.drain(transmit)
        })
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    fn drain(&mut self, mut transmit: impl FnMut(&[u8])) -> Result<Option<SessionKeys>, HandshakeError> {
        let mut buffer = [0; MAX_RECORD];
        let mut keys = None;
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(record) => transmit(record),
                Output::PeerCert(certificate) if fingerprint_of(certificate) == self.expected => {
                    self.verified = true;
                }
                Output::PeerCert(_) => return Err(HandshakeError::WrongCertificate),
                Output::KeyingMaterial(material, profile) => {
                    let split = self.verified.then(|| split(&material, profile, self.role)).flatten();
                    keys = Some(split.ok_or(HandshakeError::NoKeys)?);
                }
                Output::BufferTooSmall { .. } => return Err(HandshakeError::LongRecord),
                Output::Timeout(at) => {
                    self.timeout = Some(at);
                    return Ok(keys);
                }
                // Media is all we came for: application data is nobody's, and BYE ends the call.
                _ => {}
            }
        }
    }
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handshake({:?})", self.role)
    }
}

/// A fault of the library's costs this leg and not the thread that all legs share. A handshake that failed is dropped,
/// so nobody sees its state again.
fn guarded<T>(step: impl FnOnce() -> Result<T, HandshakeError>) -> Result<T, HandshakeError> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or(Err(HandshakeError::Panicked))
}

/// RFC 5764 4.2: the client's key, the server's, the client's salt, the server's.
fn split(material: &KeyingMaterial, profile: SrtpProfile, role: DtlsRole) -> Option<SessionKeys> {
    let suite = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Suite::AesCm128HmacSha1_80,
        SrtpProfile::AEAD_AES_128_GCM => Suite::AeadAes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => Suite::AeadAes256Gcm,
        _ => return None,
    };
    let (keys, salts) = material.split_at_checked(2 * suite.key_len())?;
    let of = |side: usize| {
        let key = keys.get(side * suite.key_len()..)?.get(..suite.key_len())?;
        let salt = salts.get(side * suite.salt_len()..)?.get(..suite.salt_len())?;
        MasterKey::new(suite, &[key, salt].concat())
    };
    let (client, server) = (of(0)?, of(1)?);
    Some(match role {
        DtlsRole::Client => SessionKeys { send: client, receive: server },
        DtlsRole::Server => SessionKeys { send: server, receive: client },
    })
}
