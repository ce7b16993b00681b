//! Sign-ins that were begun and wait for the browser to come back from the identity provider. Each is good once, for the
//! browser that began it, and for a while; the table has a bound, at which the oldest give way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Somebody types a password and a code at the provider in this time.
pub(super) const GOOD_FOR: Duration = Duration::from_secs(600);
/// Sign-ins under way at once: a large city at the change of shifts, several times over.
const MAX_PENDING: usize = 4096;

/// A sign-in under way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Begun {
    /// What the browser has in its cookie.
    pub(super) browser: String,
    pub(super) nonce: String,
    /// Of PKCE (RFC 7636): the code is worth nothing to whoever does not have it.
    pub(super) verifier: String,
    /// Where it was begun: the configuration may have changed meanwhile.
    pub(super) issuer: String,
    /// The page to go to.
    pub(super) to: &'static str,
    pub(super) at: Instant,
}

/// By `state`.
#[derive(Debug, Default)]
pub(in crate::web) struct Pending {
    begun: Mutex<HashMap<String, Begun>>,
}

impl Pending {
    pub(super) fn begin(&self, state: String, new: Begun) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.len() >= MAX_PENDING {
            begun.retain(|_, other| new.at.saturating_duration_since(other.at) < GOOD_FOR);
        }
        if begun.len() >= MAX_PENDING {
            let oldest = begun.iter().min_by_key(|(_, other)| other.at).map(|(state, _)| state.clone());
            oldest.and_then(|state| begun.remove(&state));
        }
        begun.insert(state, new);
    }

    /// Takes the sign-in out, so that it is good once; none that is over, or that another browser began.
    pub(super) fn take(&self, state: &str, browser: Option<&str>, now: Instant) -> Option<Begun> {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner).remove(state)?;
        let is_good = now.saturating_duration_since(begun.at) < GOOD_FOR;
        (is_good && browser == Some(begun.browser.as_str())).then_some(begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(at: Instant) -> Begun {
        let word = |text: &str| text.to_owned();
        Begun { browser: word("b"), nonce: word("n"), verifier: word("v"), issuer: word("i"), to: "/", at }
    }

    #[test]
    fn a_sign_in_is_good_once_in_its_browser_and_in_its_time() {
        let (pending, now) = (Pending::default(), crate::time::now().mono);
        for state in ["once", "another browser", "no browser", "late"] {
            pending.begin(state.to_owned(), begun(now));
        }
        assert_eq!(pending.take("once", Some("b"), now), Some(begun(now)));
        assert_eq!(pending.take("once", Some("b"), now), None);
        assert_eq!(pending.take("another browser", Some("c"), now), None);
        assert_eq!(pending.take("no browser", None, now), None);
        assert_eq!(pending.take("late", Some("b"), now + GOOD_FOR), None);
        assert_eq!(pending.take("never begun", Some("b"), now), None);
    }

    #[test]
    fn at_the_bound_the_oldest_gives_way() {
        let (pending, now) = (Pending::default(), crate::time::now().mono);
        for n in 0..=MAX_PENDING {
            pending.begin(n.to_string(), begun(now + Duration::from_micros(n as u64)));
        }
        let len = || pending.begun.lock().unwrap_or_else(PoisonError::into_inner).len();
        assert_eq!(len(), MAX_PENDING);
        let soon = now + Duration::from_secs(1);
        assert_eq!(pending.take("0", Some("b"), soon), None);
        assert!(pending.take("1", Some("b"), soon).is_some());
        pending.begin("more".to_owned(), begun(now));
        pending.begin("later".to_owned(), begun(now + 2 * GOOD_FOR));
        assert_eq!(len(), 1, "all that were over went");
    }
}
