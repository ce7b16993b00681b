//! `[sip]`: where the service listens and how much it takes.
//! Who may call is not said here: trunks are `[[trunk]]`, operators' phones are users in the store. Which of
//! these keys change with a restart only is listed in `config/mod.rs`.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use super::checks::within;
use crate::sip::digest_auth::Algorithm;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sip {
    pub udp: Option<SocketAddr>,
    pub tcp: Option<SocketAddr>,
    /// Digest realm; the stored secrets are bound to it.
    pub realm: String,
    /// Digest algorithms asked for, in order of preference.
    pub digest: Vec<Algorithm>,
    /// Most calls at once, 1 to 10,000; the next INVITE hears 503.
    #[serde(deserialize_with = "within::<1, 10_000, _>")]
    pub capacity: u64,
    /// Written into SDP instead of the bound address, behind NAT.
    pub advertised: Option<IpAddr>,
    /// Seconds running calls may go on after a stop was asked for, 0 to 3,600.
    #[serde(deserialize_with = "within::<0, 3_600, _>")]
    pub drain_secs: u64,
}

impl Default for Sip {
    fn default() -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 5060));
        Self {
            udp: Some(loopback),
            tcp: Some(loopback),
            realm: "ringback".to_owned(),
            digest: vec![Algorithm::Md5],
            capacity: 200,
            advertised: None,
            drain_secs: 10,
        }
    }
}
