//! Nonces: numbered, dated and signed for one address, so that only used ones need memory; counted, so that none serves
//! twice (RFC 7616 3.3, 5.4, 5.12). Who forges an address never sees the nonces made for it, and so cannot have wrong
//! passwords counted against its owner.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use sha2::Digest as _;
use subtle::ConstantTimeEq as _;

use super::fields::hex;
use super::{MAX_NONCES, NONCE_LIFETIME};

/// Hexadecimal digits of a nonce: number, age and 128 bits of keyed digest.
const NONCE_LEN: usize = 16 + 16 + 32;

#[derive(Debug)]
pub(super) struct Nonces {
    secret: [u8; 32],
    /// What the dates in nonces count from; the first moment seen.
    epoch: Option<Instant>,
    last_number: u64,
    /// The highest count seen of each nonce in use, by number and so by age.
    used: BTreeMap<u64, Use>,
    /// Nonces up to this number that are not in `used` were forgotten: they may have been used.
    forgotten: u64,
}

#[derive(Clone, Copy, Debug)]
struct Use {
    issued_at: Duration,
    count: u32,
}

impl Nonces {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self { secret, epoch: None, last_number: 0, used: BTreeMap::new(), forgotten: 0 }
    }

    pub(super) fn issue(&mut self, source: IpAddr, now: Instant) -> String {
        self.last_number += 1;
        let issued_at = self.since_epoch(now);
        self.sign(self.last_number, issued_at, source)
    }

    /// True when `nonce` is ours, was made for `source`, and is not too old.
    pub(super) fn is_fresh(&mut self, nonce: &str, source: IpAddr, now: Instant) -> bool {
        let now = self.since_epoch(now);
        self.read(nonce, source).is_some_and(|(_, issued_at)| now.saturating_sub(issued_at) <= NONCE_LIFETIME)
    }

    /// True when `nonce` is fresh and was not used with this count or a higher one. A request overtaken by a later
    /// one of the same phone therefore fails and is tried again with a new nonce.
    pub(super) fn use_once(&mut self, nonce: &str, source: IpAddr, count: u32, now: Instant) -> bool {
        let now = self.since_epoch(now);
        self.forget_expired(now);
        let Some((number, issued_at)) = self.read(nonce, source) else { return false };
        if now.saturating_sub(issued_at) > NONCE_LIFETIME || count == 0 {
            return false;
        }
        match self.used.get_mut(&number) {
            Some(used) if count > used.count => used.count = count,
            Some(_) => return false,
            None if number <= self.forgotten => return false,
            None => self.remember(number, Use { issued_at, count }),
        }
        true
    }

    fn remember(&mut self, number: u64, first: Use) {
        if self.used.len() == MAX_NONCES
            && let Some((oldest, _)) = self.used.pop_first()
        {
            self.forgotten = self.forgotten.max(oldest);
        }
        self.used.insert(number, first);
    }

    fn forget_expired(&mut self, now: Duration) {
        while let Some(oldest) = self.used.first_entry()
            && now.saturating_sub(oldest.get().issued_at) > NONCE_LIFETIME
        {
            oldest.remove();
        }
    }

    /// Number and date of a nonce that we made for `source`.
    fn read(&self, nonce: &str, source: IpAddr) -> Option<(u64, Duration)> {
        if nonce.len() != NONCE_LEN || !nonce.is_ascii() {
            return None;
        }
        let number = u64::from_str_radix(&nonce[..16], 16).ok()?;
        let issued_at = Duration::from_millis(u64::from_str_radix(&nonce[16..32], 16).ok()?);
        let is_ours: bool = self.sign(number, issued_at, source).as_bytes().ct_eq(nonce.as_bytes()).into();
        is_ours.then_some((number, issued_at))
    }

    /// The message has a fixed length, so a digest over secret and message cannot be extended.
    fn sign(&self, number: u64, issued_at: Duration, source: IpAddr) -> String {
        let millis = u64::try_from(issued_at.as_millis()).unwrap_or(u64::MAX);
        let address = match source {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        let mut keyed = sha2::Sha256::new();
        keyed.update(self.secret);
        keyed.update(number.to_be_bytes());
        keyed.update(millis.to_be_bytes());
        keyed.update(address.octets());
        format!("{number:016x}{millis:016x}{}", hex(&keyed.finalize()[..16]))
    }

    fn since_epoch(&mut self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.epoch.get_or_insert(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = [7; 32];
    const PHONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    /// Any moment will do; `time::now` is the one place that may ask for it.
    fn start() -> Instant {
        crate::time::now().mono
    }

    #[test]
    fn a_count_serves_once_and_only_upwards() {
        let now = start();
        let mut nonces = Nonces::new(SECRET);
        let nonce = nonces.issue(PHONE, now);
        assert!(!nonces.use_once(&nonce, PHONE, 0, now));
        assert!(nonces.use_once(&nonce, PHONE, 1, now));
        assert!(!nonces.use_once(&nonce, PHONE, 1, now));
        assert!(nonces.use_once(&nonce, PHONE, 16, now));
        assert!(!nonces.use_once(&nonce, PHONE, 9, now));
        assert!(nonces.use_once(&nonce, PHONE, 17, now));
    }

    #[test]
    fn a_nonce_grows_old() {
        let now = start();
        let mut nonces = Nonces::new(SECRET);
        let nonce = nonces.issue(PHONE, now);
        assert!(nonces.use_once(&nonce, PHONE, 1, now + NONCE_LIFETIME));
        assert!(!nonces.use_once(&nonce, PHONE, 2, now + NONCE_LIFETIME + Duration::from_millis(1)));
        assert!(nonces.used.is_empty(), "expired nonces are forgotten");
    }

    #[test]
    fn only_our_own_nonces_are_known() {
        let now = start();
        let mut nonces = Nonces::new(SECRET);
        let nonce = nonces.issue(PHONE, now);
        let foreign = Nonces::new([8; 32]).issue(PHONE, now);
        let mut forged = nonce.clone();
        forged.replace_range(15..16, "2");
        let not_ascii = "é".repeat(NONCE_LEN / 2);
        for text in [foreign.as_str(), &forged, "", &nonce[1..], &not_ascii] {
            assert!(!nonces.use_once(text, PHONE, 1, now), "{text}");
        }
        assert!(nonces.use_once(&nonce, PHONE, 1, now));
    }

    #[test]
    fn a_nonce_serves_only_whom_it_was_made_for() {
        let now = start();
        let mut nonces = Nonces::new(SECRET);
        let nonce = nonces.issue(PHONE, now);
        let other = IpAddr::from([192, 0, 2, 2]);
        assert!(!nonces.is_fresh(&nonce, other, now) && !nonces.use_once(&nonce, other, 1, now));
        assert!(nonces.is_fresh(&nonce, PHONE, now) && nonces.use_once(&nonce, PHONE, 1, now));
        let mapped = IpAddr::from(std::net::Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped());
        assert!(nonces.is_fresh(&nonce, mapped, now), "the same address on a socket for both families");
    }

    #[test]
    fn the_table_is_bounded_and_a_forgotten_nonce_cannot_come_again() {
        let now = start();
        let mut nonces = Nonces::new(SECRET);
        let unused = nonces.issue(PHONE, now);
        let first = nonces.issue(PHONE, now);
        assert!(nonces.use_once(&first, PHONE, 1, now));
        for _ in 0..MAX_NONCES {
            let nonce = nonces.issue(PHONE, now);
            assert!(nonces.use_once(&nonce, PHONE, 1, now));
        }
        assert_eq!(nonces.used.len(), MAX_NONCES);
        assert!(!nonces.use_once(&first, PHONE, 1, now), "replay of a forgotten nonce");
        assert!(!nonces.use_once(&unused, PHONE, 1, now), "it cannot be told from a forgotten one");
    }
}
