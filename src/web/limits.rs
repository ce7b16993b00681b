//! How often one source may do what anybody may: a token bucket for each, in tables with a bound. Passwords have a
//! limit of their own (`login_limit.rs`).

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sip::guard::{Bucket, Rate, Recent, Source};

/// Sources remembered; one pushed out begins anew, and pays for it with as many others.
const MAX_SOURCES: usize = 8192;
/// API keys in use at once.
const MAX_KEYS: usize = 256;

#[derive(Debug)]
pub(super) struct Limits {
    /// Requests filed from the page.
    filings: Mutex<Recent<Source, Bucket>>,
    /// Questions of the page and of Open311.
    looks: Mutex<Recent<Source, Bucket>>,
    /// Number and code.
    openings: Mutex<Recent<Source, Bucket>>,
    /// Codes asked for by SMS.
    codes: Mutex<Recent<Source, Bucket>>,
    /// Requests filed by key, by its name.
    keys: Mutex<Recent<String, Bucket>>,
    /// Keys that nobody has.
    bad_keys: Mutex<Recent<Source, Bucket>>,
    /// Checkpoints and tiles of the journal.
    log: Mutex<Recent<Source, Bucket>>,
    /// Ways to the identity provider.
    oidc: Mutex<Recent<Source, Bucket>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            filings: Mutex::new(Recent::new(MAX_SOURCES)),
            looks: Mutex::new(Recent::new(MAX_SOURCES)),
            openings: Mutex::new(Recent::new(MAX_SOURCES)),
            codes: Mutex::new(Recent::new(MAX_SOURCES)),
            keys: Mutex::new(Recent::new(MAX_KEYS)),
            bad_keys: Mutex::new(Recent::new(MAX_SOURCES)),
            log: Mutex::new(Recent::new(MAX_SOURCES)),
            oidc: Mutex::new(Recent::new(MAX_SOURCES)),
        }
    }
}

impl Limits {
    /// The wait until it is allowed again.
    pub(super) fn file(&self, source: IpAddr, rate: Rate, now: Instant) -> Result<(), Duration> {
        take(&self.filings, source.into(), rate, now)
    }

    pub(super) fn look(&self, source: IpAddr, rate: Rate, now: Instant) -> Result<(), Duration> {
        take(&self.looks, source.into(), rate, now)
    }

    pub(super) fn open(&self, source: IpAddr, rate: Rate, now: Instant) -> Result<(), Duration> {
        take(&self.openings, source.into(), rate, now)
    }

    pub(super) fn code(&self, source: IpAddr, rate: Rate, now: Instant) -> Result<(), Duration> {
        take(&self.codes, source.into(), rate, now)
    }

    pub(super) fn file_by_key(&self, key: &str, rate: Rate, now: Instant) -> Result<(), Duration> {
        take(&self.keys, key.to_owned(), rate, now)
    }

    pub(super) fn bad_key(&self, source: IpAddr, rate: Rate, now: Instant) -> Result<(), Duration> {
        take(&self.bad_keys, source.into(), rate, now)
    }

    pub(super) fn log(&self, source: IpAddr, rate: Rate, now: Instant) -> Result<(), Duration> {
        take(&self.log, source.into(), rate, now)
    }

    pub(super) fn begin_oidc(&self, source: IpAddr, rate: Rate, now: Instant) -> Result<(), Duration> {
        take(&self.oidc, source.into(), rate, now)
    }
}

fn take<K: Clone + Eq + Hash>(
    table: &Mutex<Recent<K, Bucket>>,
    key: K,
    rate: Rate,
    now: Instant,
) -> Result<(), Duration> {
    let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
    if table.touch(key, || Bucket::full(now)).take(rate, now) { Ok(()) } else { Err(rate.interval) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_source_does_not_spend_what_another_has() {
        let (limits, now) = (Limits::default(), crate::time::now().mono);
        let rate = super::super::terms::hourly(2);
        let [olena, petro] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse::<IpAddr>().unwrap());
        assert!(limits.file(olena, rate, now).is_ok() && limits.file(olena, rate, now).is_ok());
        assert_eq!(limits.file(olena, rate, now), Err(Duration::from_secs(1800)));
        assert!(limits.file(petro, rate, now).is_ok());
        assert!(limits.look(olena, rate, now).is_ok());
        assert!(limits.file(olena, rate, now + Duration::from_secs(1800)).is_ok());
    }
}
