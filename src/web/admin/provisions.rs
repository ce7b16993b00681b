//! Links by which a softphone sets itself up: unguessable, short-lived, good for one visit, few at a time. Pure: who takes
//! what when. Only digests of the tokens are kept.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::digest::Sha256;
use crate::ids::UserId;

/// Time to walk to the operator's desk and point a phone at the screen.
pub(super) const LINK_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// Links alive at once: a shift that is set up together. One more takes the place of the oldest.
const MAX_LINKS: usize = 64;

#[derive(Debug, Default)]
pub(in crate::web) struct Provisions {
    links: HashMap<Sha256, Link>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    user: UserId,
    made_at: Instant,
}

impl Provisions {
    /// A link for `user`; an earlier one of the same person is void.
    pub(super) fn offer(&mut self, token: &str, user: UserId, now: Instant) {
        self.links.retain(|_, link| link.user != user && now < link.made_at + LINK_LIFETIME);
        if self.links.len() >= MAX_LINKS {
            let oldest = self.links.iter().min_by_key(|(_, link)| link.made_at).map(|(digest, _)| *digest);
            self.links.retain(|digest, _| Some(*digest) != oldest);
        }
        self.links.insert(Sha256::of(token.as_bytes()), Link { user, made_at: now });
    }

    /// Whose link it is, once.
    pub(super) fn take(&mut self, token: &str, now: Instant) -> Option<UserId> {
        let link = self.links.remove(&Sha256::of(token.as_bytes()))?;
        (now < link.made_at + LINK_LIFETIME).then_some(link.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u128) -> UserId {
        UserId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_link_is_good_once_and_not_for_long() {
        let (mut provisions, now) = (Provisions::default(), crate::time::now().mono);
        provisions.offer("a", user(1), now);
        provisions.offer("b", user(2), now);
        assert_eq!(provisions.take("a", now), Some(user(1)));
        assert_eq!(provisions.take("a", now), None, "once");
        assert_eq!(provisions.take("b", now + LINK_LIFETIME), None, "too late");
        assert_eq!(provisions.take("c", now), None, "invented");
    }

    #[test]
    fn a_new_link_of_a_person_voids_the_old_and_links_are_bounded() {
        let (mut provisions, now) = (Provisions::default(), crate::time::now().mono);
        provisions.offer("a", user(1), now);
        provisions.offer("b", user(1), now);
        assert_eq!(provisions.take("a", now), None);
        for n in 0..100_u64 {
            provisions.offer(&n.to_string(), user(u128::from(n) + 10), now + Duration::from_millis(n));
        }
        assert_eq!(provisions.links.len(), MAX_LINKS);
        assert_eq!(provisions.take("b", now), None, "the oldest went first");
        assert_eq!(provisions.take("99", now), Some(user(109)));
    }
}
