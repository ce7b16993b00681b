//! `[[trunk]]`: who may bring calls to the short number, by address or by digest, and where calls of ours go out.
//! Reads the secret and keeps it out of `Debug`; what a trunk does is `switchboard/trunks/`, callers are matched and
//! challenged in `switchboard/admission.rs`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::checks::within;
use crate::phone_number::{NumberingPlan, PhoneNumber};
use crate::sip::credentials::Credentials;
use crate::sip::digest_auth::Ha1;
use crate::sip::message::{Host, Transport, Uri};
use crate::sip::server_location;
use crate::switchboard::settings::{self, Limits, Network, Outward};
use crate::web::TrunkInForce;

/// Servers of one trunk; each may be a name with several addresses.
const MAX_SERVERS: usize = 8;
/// The longest prefix in use, such as 81010 with a carrier's code, has five digits.
const MAX_PREFIX_DIGITS: usize = 5;

#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trunk {
    pub name: String,
    /// Addresses and networks trusted as this trunk.
    #[serde(default)]
    pub from: Vec<Network>,
    /// Digest user: ours at the provider where `to` is set, else the provider's here.
    pub user: Option<String>,
    pub password: Option<String>,
    pub password_file: Option<PathBuf>,
    /// The provider's servers, first choice first.
    #[serde(default)]
    pub to: Vec<ServerUri>,
    /// Whether we register there.
    #[serde(default)]
    pub register: bool,
    /// The only digest realm that `user` and `password` are shown to.
    pub realm: Option<String>,
    /// Host of our address of record, where it is not the server's.
    pub domain: Option<String>,
    /// Lifetime asked for when registering, seconds, 30 to 86,400.
    #[serde(default = "default_expires_secs", deserialize_with = "within::<30, 86_400, _>")]
    pub expires_secs: u64,
    /// Seconds between OPTIONS to each server, 0 to 3,600; 0 asks nothing.
    #[serde(default = "default_probe_secs", deserialize_with = "within::<0, 3_600, _>")]
    pub probe_secs: u64,
    /// Most calls at once, 1 to 10,000.
    #[serde(default, deserialize_with = "limit::<10_000, _>")]
    pub max_calls: Option<u64>,
    /// Most new calls in a second, 1 to 1,000.
    #[serde(default, deserialize_with = "limit::<1_000, _>")]
    pub max_calls_per_second: Option<u64>,
    /// Digits of the own country's code; without it numbers stay as they come.
    pub country_code: Option<String>,
    pub national_prefix: Option<String>,
    pub international_prefix: Option<String>,
    /// Whether numbers are sent with `+`.
    #[serde(default = "default_plus")]
    pub plus: bool,
    /// The number our calls come from; `user` where it is missing.
    pub caller: Option<String>,
    /// Numbers that may be called over it: `+380` by how they begin, `112` as they are.
    #[serde(default)]
    pub takes: Vec<String>,
}

/// `sip:host[:port][;transport=udp|tcp|tls]`, or `sips:`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct ServerUri(pub Uri);

#[derive(Debug, thiserror::Error)]
#[error("'{0}' is no server, as in sip:provider.example or sip:192.0.2.1:5060;transport=tcp")]
pub struct InvalidServer(String);

impl TryFrom<String> for ServerUri {
    type Error = InvalidServer;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let spoken = [Transport::Udp, Transport::Tcp, Transport::Tls];
        Uri::parse(&text)
            .ok()
            .filter(|uri| uri.user.is_none() && server_location::question(uri, &spoken).is_ok())
            .map(Self)
            .ok_or(InvalidServer(text))
    }
}

impl std::fmt::Debug for Trunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trunk")
            .field("name", &self.name)
            .field("from", &self.from)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

const fn default_expires_secs() -> u64 {
    600
}

const fn default_probe_secs() -> u64 {
    30
}

const fn default_plus() -> bool {
    true
}

/// A limit that is there only when it is written.
fn limit<'de, const MAX: u64, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    within::<1, MAX, D>(deserializer).map(Some)
}

impl Trunk {
    /// The digest password, from the key or from its file.
    pub fn secret(&self) -> Result<Option<String>, String> {
        match (&self.password, &self.password_file) {
            (Some(password), None) => Ok(Some(password.clone())),
            (None, Some(file)) => super::read(file)
                .map(|text| Some(text.trim_end().to_owned()))
                .map_err(|error| format!("the file that `password_file` names {error}")),
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err("`password` and `password_file` exclude each other".to_owned()),
        }
    }

    /// As the administrator sees it: without the secret.
    pub fn described(&self) -> TrunkInForce {
        TrunkInForce {
            name: self.name.clone(),
            from: self.from.iter().map(ToString::to_string).collect(),
            to: self.to.iter().map(|server| server.0.to_string()).collect(),
            register: self.register,
            user: self.user.clone(),
            probe_secs: self.probe_secs,
            max_calls: self.max_calls,
            max_calls_per_second: self.max_calls_per_second,
            caller: self.caller.clone(),
            takes: self.takes.clone(),
        }
    }

    /// What is wrong between the keys of this trunk alone: the key, and the complaint.
    pub(super) fn complaints(&self) -> Vec<(&'static str, &'static str)> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let mut found = Vec::new();
        if self.register && (self.to.is_empty() || self.user.is_none()) {
            found.push(("register", "registering needs `to`, `user` and `password_file` or `password`"));
        }
        if self.to.len() > MAX_SERVERS {
            found.push(("to", "at most 8 servers are tried"));
        }
        if self.domain.as_deref().is_some_and(|domain| Host::parse(domain).is_none()) {
            found.push(("domain", "the domain is a host name or address, as in provider.example"));
        }
        if let Some(code) = &self.country_code
            && (!(1..=3).contains(&code.len()) || !digits(code) || code.starts_with('0'))
        {
            found.push(("country_code", "a country code is one to three digits without +, as in 380"));
        }
        for (key, prefix) in
            [("national_prefix", &self.national_prefix), ("international_prefix", &self.international_prefix)]
        {
            match prefix {
                Some(_) if self.country_code.is_none() => {
                    found.push((key, "a prefix means nothing without `country_code`"));
                }
                Some(prefix) if !digits(prefix) || prefix.len() > MAX_PREFIX_DIGITS => {
                    found.push((key, "a prefix is up to five digits, as in 0 or 00"));
                }
                _ => {}
            }
        }
        let is_number = |text: &str| {
            let number = text.strip_prefix('+').unwrap_or(text);
            !number.is_empty() && digits(number)
        };
        if self.caller.as_deref().is_some_and(|caller| !is_number(caller)) {
            found.push(("caller", "the caller is a number, as in +380542001580"));
        }
        if !self.takes.iter().all(|number| is_number(number)) {
            found.push((
                "takes",
                "`takes` lists beginnings with +, as in +380, and whole short numbers, as in 112",
            ));
        } else if self.to.is_empty() && !self.takes.is_empty() {
            found.push(("takes", "calls go out to the servers in `to`"));
        }
        found
    }

    /// What the switchboard needs of it. `realm` is ours, `short` the short number, `advertised` our address behind
    /// translation. Fails when the secret cannot be read.
    pub fn settings(
        &self,
        realm: &str,
        short: &str,
        advertised: Option<IpAddr>,
    ) -> Result<settings::Trunk, String> {
        let account = self.user.clone().zip(self.secret()?);
        let (inward, outward) = if self.to.is_empty() { (account, None) } else { (None, account) };
        let credentials =
            outward.map(|(user, password)| Credentials { user, password, realm: self.realm.clone() });
        let count = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(settings::Trunk {
            name: self.name.clone(),
            from: self.from.clone(),
            digest: inward.map(|(user, secret)| (user.clone(), Ha1::new(&user, realm, &secret))),
            outward: (!self.to.is_empty()).then(|| Outward {
                to: self.to.iter().map(|server| server.0.clone()).collect(),
                register: self.register.then(|| u32::try_from(self.expires_secs).unwrap_or(u32::MAX)),
                probe: (self.probe_secs != 0).then(|| Duration::from_secs(self.probe_secs)),
                credentials,
                domain: self.domain.as_deref().and_then(Host::parse),
                caller: self.caller.as_deref().map(PhoneNumber::from_user_part),
                takes: self.takes.iter().map(|number| PhoneNumber::from_user_part(number)).collect(),
                contact_user: short.to_owned(),
                advertised,
            }),
            limits: Limits {
                calls: self.max_calls.map(count),
                calls_per_second: self.max_calls_per_second.and_then(|rate| u32::try_from(rate).ok()),
            },
            numbering: self.numbering(),
        })
    }

    fn numbering(&self) -> NumberingPlan {
        let Some(code) = &self.country_code else { return NumberingPlan::default() };
        let national = self.national_prefix.as_deref().unwrap_or("0");
        let international = self.international_prefix.as_deref().unwrap_or("00");
        let plan = NumberingPlan::of_country(code, national, international);
        if self.plus { plan } else { plan.without_plus() }
    }
}
