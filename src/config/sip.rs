//! `[sip]`: where the service listens and how much it takes.
//! Who may call is not said here: trunks are `[[trunk]]`, operators' phones are users in the store. Which of
//! these keys change with a restart only is listed in `config/mod.rs`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::addresses::OneOrMore;
use super::checks::within;
use crate::net::{Credentials, CredentialsError, SipListeners};
use crate::sip::digest_auth::Algorithm;
use crate::sip::guard::{BURST_SECS, LockOutPolicy, Policy, Rate};
use crate::sip::session_timer;
use crate::web::SipEntrance;

/// Where TLS is listened for when only a certificate is set (RFC 3261 19.1.2).
const TLS_PORT: u16 = 5061;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sip {
    pub udp: OneOrMore<SocketAddr>,
    pub tcp: OneOrMore<SocketAddr>,
    /// None: port 5061 of the addresses of `tcp` when there is a certificate, else no TLS.
    pub tls: Option<OneOrMore<SocketAddr>>,
    /// Our certificate chain, leaf first, and its private key: PEM files. Read again on reload.
    pub certificate: Option<PathBuf>,
    pub private_key: Option<PathBuf>,
    /// Certificates that vouch for the TLS peers we connect to; none: those of the system.
    pub trusted_certificates: Option<PathBuf>,
    /// Digest realm; the stored secrets are bound to it.
    pub realm: String,
    /// Digest algorithms asked for, in order of preference.
    pub digest: Vec<Algorithm>,
    /// Most calls at once, 1 to 10,000; the next INVITE hears 503.
    #[serde(deserialize_with = "within::<1, 10_000, _>")]
    pub capacity: u64,
    /// Written into SDP instead of the bound address, behind NAT.
    pub advertised: Option<IpAddr>,
    /// Seconds a call may last without news of the peer, 90 to 86,400 (RFC 4028).
    #[serde(deserialize_with = "within::<90, 86_400, _>")]
    pub session_expires_secs: u64,
    /// The name server asked for providers' servers; none asks those of the machine.
    pub dns: Option<SocketAddr>,
    /// The file of what outlives the program: where phones are, and which operators take calls.
    pub standing: PathBuf,
    /// Seconds running calls may go on after a stop was asked for, 0 to 3,600.
    #[serde(deserialize_with = "within::<0, 3_600, _>")]
    pub drain_secs: u64,
    /// Seconds between two OPTIONS to a registered phone, 0 to 3,600; 0 for none.
    #[serde(deserialize_with = "within::<0, 3_600, _>")]
    pub qualify_secs: u64,
    /// Requests a second of one address that has shown no password, 1 to 10,000; a burst takes those of five seconds.
    #[serde(deserialize_with = "within::<1, 10_000, _>")]
    pub stranger_requests_per_sec: u64,
    /// The same of an address that has, 1 to 10,000.
    #[serde(deserialize_with = "within::<1, 10_000, _>")]
    pub phone_requests_per_sec: u64,
    /// The same of one address of a trunk, 0 to 100,000; 0 for no limit.
    #[serde(deserialize_with = "within::<0, 100_000, _>")]
    pub trunk_requests_per_sec: u64,
    /// Names a stranger may ask for within a minute, 0 to 100; 0 for any number.
    #[serde(deserialize_with = "within::<0, 100, _>")]
    pub scan_names: u64,
    /// Seconds a scanner is not listened to, 0 to 900; longer each time; 0 for never.
    #[serde(deserialize_with = "within::<0, 900, _>")]
    pub penalty_secs: u64,
    /// Wrong passwords that lock a name for their source, 0 to 100; 0 for never.
    #[serde(deserialize_with = "within::<0, 100, _>")]
    pub lock_out_failures: u64,
    /// Seconds a lock lasts, 1 to 86,400.
    #[serde(deserialize_with = "within::<1, 86_400, _>")]
    pub lock_out_secs: u64,
}

impl Default for Sip {
    fn default() -> Self {
        let loopback = OneOrMore::one(SocketAddr::from(([127, 0, 0, 1], 5060)));
        Self {
            udp: loopback.clone(),
            tcp: loopback,
            tls: None,
            certificate: None,
            private_key: None,
            trusted_certificates: None,
            realm: "ringback".to_owned(),
            digest: vec![Algorithm::Md5],
            capacity: 200,
            advertised: None,
            session_expires_secs: u64::from(session_timer::DEFAULT_EXPIRES_SECS),
            dns: None,
            standing: PathBuf::from("data/standing.json"),
            drain_secs: 10,
            qualify_secs: 60,
            stranger_requests_per_sec: 10,
            phone_requests_per_sec: 50,
            trunk_requests_per_sec: 0,
            scan_names: 30,
            penalty_secs: 60,
            lock_out_failures: 5,
            lock_out_secs: 300,
        }
    }
}

impl Sip {
    /// Where TLS is listened for.
    pub fn tls_listeners(&self) -> OneOrMore<SocketAddr> {
        match &self.tls {
            Some(addresses) => addresses.clone(),
            None if self.certificate.is_some() => {
                OneOrMore(self.tcp.0.iter().map(|address| SocketAddr::new(address.ip(), TLS_PORT)).collect())
            }
            None => OneOrMore(Vec::new()),
        }
    }

    /// Reads the certificates; both directions of TLS depend on them.
    pub fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let identity = self.certificate.as_deref().zip(self.private_key.as_deref());
        Credentials::read(identity, self.trusted_certificates.as_deref())
    }

    /// All sockets of SIP but the WebSocket, which is `[http]`'s.
    pub fn listeners(&self) -> Result<SipListeners, CredentialsError> {
        Ok(SipListeners {
            udp: self.udp.0.clone(),
            tcp: self.tcp.0.clone(),
            tls: self.tls_listeners().0,
            credentials: Some(self.credentials()?),
        })
    }

    /// How phones reach us.
    pub fn entrance(&self) -> SipEntrance {
        SipEntrance {
            realm: self.realm.clone(),
            digest: self.digest.clone(),
            advertised: self.advertised,
            udp: self.udp.0.clone(),
            tcp: self.tcp.0.clone(),
            tls: self.tls_listeners().0,
        }
    }

    /// How often a registered phone is asked whether it is still there; none for never.
    pub fn ask_phones_every(&self) -> Option<Duration> {
        (self.qualify_secs > 0).then(|| Duration::from_secs(self.qualify_secs))
    }

    /// What the guard of the signalling enforces.
    pub fn guard(&self) -> Policy {
        let rate = |per_sec: u64| Rate::per_second(u32::try_from(per_sec).unwrap_or(u32::MAX), BURST_SECS);
        Policy {
            strangers: rate(self.stranger_requests_per_sec),
            phones: rate(self.phone_requests_per_sec),
            trunks: (self.trunk_requests_per_sec > 0).then(|| rate(self.trunk_requests_per_sec)),
            asked_names: usize::try_from(self.scan_names).unwrap_or(usize::MAX),
            penalty: Duration::from_secs(self.penalty_secs),
            lock_out: LockOutPolicy {
                failures: u32::try_from(self.lock_out_failures).unwrap_or(u32::MAX),
                lasts: Duration::from_secs(self.lock_out_secs),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_guard() {
        assert_eq!(Sip::default().guard(), Policy::default());
    }
}
