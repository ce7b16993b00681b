//! What the switchboard must know of the configuration; replaced whole on reload, running calls keep theirs.
//! Put together in `app/plans.rs` from files and store; nothing is read here.
//! Network ranges are matched here, too.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::acd::{OperatorProfile, QueueSettings};
use crate::call::masked;
use crate::callback;
use crate::case::city::Duties;
use crate::dialplan::Dialplan;
use crate::ids::UserId;
use crate::phone_number::{NumberingPlan, PhoneNumber};
use crate::recording::WhenUnable;
use crate::sdp::{Codec, SrtpPolicy};
use crate::sip::credentials::Credentials;
use crate::sip::digest_auth::{Algorithm, Ha1};
use crate::sip::guard;
use crate::sip::message::{Host, Uri};
use crate::switchboard::verification::Verification;

#[derive(Clone, Debug)]
pub struct Settings {
    /// Digest realm.
    pub realm: String,
    /// Digest algorithms asked for, in order of preference.
    pub digest: Vec<Algorithm>,
    /// Most calls at once; the next INVITE is answered 503.
    pub capacity: usize,
    /// How often a registered phone is asked whether it is still there; none for never.
    pub ask_phones_every: Option<Duration>,
    /// How much is heard from whom.
    pub guard: guard::Policy,
    /// Written into SDP instead of the bound address.
    pub advertised: Option<IpAddr>,
    /// Session interval we ask for (RFC 4028), in seconds.
    pub session_expires_secs: u32,
    /// Spoken on every leg, in order of preference.
    pub codecs: Vec<Codec>,
    /// Whether media may, can or must be encrypted.
    pub srtp: SrtpPolicy,
    /// What a call gets whose recording cannot be made; none where nothing is recorded.
    pub recording: Option<WhenUnable>,
    pub short_number: String,
    /// Other forms of the short number.
    pub aliases: Vec<PhoneNumber>,
    pub plan: Arc<Dialplan>,
    /// Category of the case draft by IVR topic.
    pub topic_categories: Arc<BTreeMap<String, String>>,
    pub trunks: Vec<Trunk>,
    /// Registered phones by extension.
    pub accounts: HashMap<String, Account>,
    pub operators: Vec<OperatorProfile>,
    pub queues: Vec<QueueSettings>,
    /// Who is on duty when the desks are closed.
    pub duties: Arc<Duties>,
    /// When citizens are rung back; none where they are not.
    pub callback: Option<callback::Policy>,
    /// When and how applicants are asked whether work is done; none where the program does not.
    pub verification: Option<Verification>,
    /// When executors may call applicants through the city; none where they may not.
    pub masked: Option<masked::Policy>,
    /// Queues that operators transfer to by number, for phones that cannot dial a name.
    pub queue_extensions: BTreeMap<String, String>,
    /// Dialled by an operator's phone to become ready and not ready.
    pub ready_code: String,
    pub not_ready_code: String,
    /// None where nobody may call from the web page.
    pub web_calls: Option<WebCalls>,
}

/// What citizens who call from the web page may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WebCalls {
    /// At the same time, those on the way included.
    pub calls: usize,
    /// At least 1.
    pub calls_per_address_per_hour: u32,
    /// How long who has asked to call may wait to do so.
    pub pass_lives: Duration,
    /// Then the call is ended.
    pub longest_call: Duration,
}

impl Settings {
    /// Whether `number`, as a trunk of this numbering plan dials it, means the short number.
    pub fn is_short_number(&self, number: &PhoneNumber, plan: &NumberingPlan) -> bool {
        let known = |form: &PhoneNumber| form.as_str() == self.short_number || self.aliases.contains(form);
        known(number) || known(&plan.normalise(number))
    }
}

/// Where calls to the short number may come from, and calls of ours go out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trunk {
    pub name: String,
    /// Addresses trusted as this trunk.
    pub from: Vec<Network>,
    /// Digest user and secret, for trunks without a fixed address.
    pub digest: Option<(String, Ha1)>,
    /// The provider's servers, where the trunk has any.
    pub outward: Option<Outward>,
    pub limits: Limits,
    /// How it writes numbers.
    pub numbering: NumberingPlan,
}

/// E.164 allows no more (ITU-T E.164 6.1).
const MAX_DIALLED_DIGITS: usize = 15;

impl Trunk {
    /// Whether `number`, as anybody writes it, may be called over it.
    pub fn takes(&self, number: &PhoneNumber) -> bool {
        let Some(outward) = &self.outward else { return false };
        let number = self.numbering.normalise(number);
        let digits = number.as_str().strip_prefix('+').unwrap_or(number.as_str());
        let dialled = (1..=MAX_DIALLED_DIGITS).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        dialled
            && outward.takes.iter().any(|taken| {
                number == *taken
                    || taken.as_str().starts_with('+') && number.as_str().starts_with(taken.as_str())
            })
    }
}

/// The way to a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outward {
    /// Servers, first choice first; without user.
    pub to: Vec<Uri>,
    /// Lifetime asked for, seconds, when we register there.
    pub register: Option<u32>,
    /// Pause between OPTIONS to each server.
    pub probe: Option<Duration>,
    pub credentials: Option<Credentials>,
    /// Host of our address of record and of From; none is the server's.
    pub domain: Option<Host>,
    /// The number our calls come from.
    pub caller: Option<PhoneNumber>,
    /// Numbers that may be called over it: with `+` by how they begin in E.164, without it whole. None unless named: a
    /// phone in the wrong hands must not call the other end of the world at the city's expense.
    pub takes: Vec<PhoneNumber>,
    /// User part of our Contact.
    pub contact_user: String,
    /// Host of our Contact behind address translation.
    pub advertised: Option<IpAddr>,
}

/// What a trunk takes, both directions together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Calls at once.
    pub calls: Option<usize>,
    /// New calls in any second.
    pub calls_per_second: Option<u32>,
}

/// A phone that may register.
#[derive(Clone, Debug)]
pub struct Account {
    pub user: UserId,
    pub ha1: Ha1,
}

/// An address range in CIDR notation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is no address or network, as in 192.0.2.1 or 192.0.2.0/24")]
pub struct InvalidNetwork(pub String);

impl std::str::FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidNetwork(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|bits| *bits <= longest).ok_or_else(invalid)?,
            None => longest,
        };
        Ok(Self { address, prefix })
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl TryFrom<String> for Network {
    type Error = InvalidNetwork;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                u32::from(network) & mask == u32::from(address) & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                u128::from(network) & mask == u128::from(address) & mask
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn networks_match_by_prefix() {
        assert!(contains("127.0.0.0/8", "127.9.9.9"));
        assert!(!contains("127.0.0.0/8", "128.0.0.1"));
        assert!(contains("0.0.0.0/0", "203.0.113.9"));
        assert!(contains("192.0.2.7", "192.0.2.7"));
        assert!(!contains("192.0.2.7", "192.0.2.8"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1"));
        assert!(contains("::/0", "2001:db8::1"));
        assert!(contains("127.0.0.1", "::ffff:127.0.0.1"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "300.1.1.1", "10.0.0.0/33", "::1/129", "10.0.0.0/x"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
