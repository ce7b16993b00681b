//! The certificate this run of the program does DTLS with, made at its start: peers know it by its fingerprint in the
//! session description, nobody by its name (RFC 8122), so nothing of it is kept on disk.

use std::sync::Arc;
use std::time::Duration;

use dimpl::crypto::rust_crypto;
use dimpl::{Config, DtlsCertificate};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use crate::digest::Sha256;
use crate::sdp::Fingerprint;

/// First repetition of a lost flight; the intervals double. A second, the protocol's own value, is heard as silence at
/// the beginning of a call, and browsers begin with 50 ms.
const FIRST_RETRANSMISSION: Duration = Duration::from_millis(100);
/// Repetitions of a flight before the deadline of the handshake ends them.
const RETRANSMISSIONS: usize = 8;

/// Certificate, its fingerprint, and what handshakes are configured with.
#[derive(Clone)]
pub struct Identity {
    pub(super) certificate: DtlsCertificate,
    pub fingerprint: Fingerprint,
    /// For peers whose address ICE has proved; others must first return a cookie (RFC 6347 4.2.1).
    pub(super) without_cookie: Arc<Config>,
    pub(super) with_cookie: Arc<Config>,
}

impl Identity {
    /// A new key and certificate; fails when the machine has no randomness.
    pub fn generate() -> std::io::Result<Self> {
        let made = || {
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::default();
            params.distinguished_name = DistinguishedName::new();
            // Firefox refuses two certificates with one serial number.
            params.serial_number = Some(rand::random::<[u8; 16]>().to_vec().into());
            let certificate = params.self_signed(&key)?.der().to_vec();
            Ok::<_, rcgen::Error>(DtlsCertificate { certificate, private_key: key.serialize_der() })
        };
        let certificate = made().map_err(std::io::Error::other)?;
        let config = |cookie| {
            let config = Config::builder()
                .with_crypto_provider(rust_crypto::default_provider())
                .use_server_cookie(cookie)
                .flight_start_rto(FIRST_RETRANSMISSION)
                .flight_retries(RETRANSMISSIONS)
                .handshake_timeout(super::SECURITY_DEADLINE)
                .build();
            config.map(Arc::new).map_err(std::io::Error::other)
        };
        let fingerprint = fingerprint_of(&certificate.certificate);
        Ok(Self { certificate, fingerprint, without_cookie: config(false)?, with_cookie: config(true)? })
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({:?})", self.fingerprint)
    }
}

/// SHA-256 of a certificate in DER.
pub(super) fn fingerprint_of(certificate: &[u8]) -> Fingerprint {
    Fingerprint(Sha256::of(certificate).0)
}
