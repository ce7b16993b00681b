//! Why packets were not used: one counter per reason, a closed list, so that attacks, odd phones and bad networks can be
//! told apart on `/metrics`. Who drops is the leg (`source`, `jitter_buffer`) and, before it, the secure front of the
//! media plane.

/// Why a packet was not used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DropReason {
    /// Nothing was agreed yet.
    Unconnected,
    /// Cut short, or of no kind that belongs on a media port.
    Malformed,
    /// Its payload type means nothing in this session.
    PayloadType,
    /// From a third address, after the peer's was known; on a leg with ICE, from one that was not checked.
    ThirdAddress,
    /// From an address or a source that had yet to prove itself.
    Unproven,
    /// Its time had been played, or made up, already.
    Late,
    /// There already.
    Duplicate,
    /// Far from the time of the others, or of another clock, and the first of its kind.
    Misplaced,
    /// No payload of its codec.
    Undecodable,
    /// No room left to wait in.
    Overflow,
    /// Before the keys of its leg, or after their handshake failed.
    NoKeys,
    /// Its authentication failed.
    Forged,
    /// Secure, and seen before or too late to tell.
    Replayed,
    /// Of one source more than a peer may have under one key.
    TooManySources,
    /// A connectivity check of somebody who does not know the password.
    Check,
}

impl DropReason {
    /// In the order of their declaration.
    pub const ALL: [Self; 15] = [
        Self::Unconnected,
        Self::Malformed,
        Self::PayloadType,
        Self::ThirdAddress,
        Self::Unproven,
        Self::Late,
        Self::Duplicate,
        Self::Misplaced,
        Self::Undecodable,
        Self::Overflow,
        Self::NoKeys,
        Self::Forged,
        Self::Replayed,
        Self::TooManySources,
        Self::Check,
    ];

    /// The label on `/metrics`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unconnected => "unconnected",
            Self::Malformed => "malformed",
            Self::PayloadType => "payload_type",
            Self::ThirdAddress => "third_address",
            Self::Unproven => "unproven",
            Self::Late => "late",
            Self::Duplicate => "duplicate",
            Self::Misplaced => "misplaced",
            Self::Undecodable => "undecodable",
            Self::Overflow => "overflow",
            Self::NoKeys => "no_keys",
            Self::Forged => "forged",
            Self::Replayed => "replayed",
            Self::TooManySources => "too_many_sources",
            Self::Check => "check",
        }
    }
}

/// Packets not used, by reason.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Drops([u64; DropReason::ALL.len()]);

impl Drops {
    pub fn count(&mut self, reason: DropReason) {
        self.0[reason as usize] += 1;
    }

    pub fn add(&mut self, others: &Self) {
        self.0.iter_mut().zip(others.0).for_each(|(count, other)| *count += other);
    }

    pub fn of(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }

    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Every reason with its count, those with none included.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL.into_iter().zip(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_a_place_and_a_name_of_its_own() {
        let mut drops = Drops::default();
        for (place, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place, "{reason:?}");
            (0..=place).for_each(|_| drops.count(reason));
        }
        let names: BTreeSet<&str> = DropReason::ALL.into_iter().map(DropReason::name).collect();
        assert_eq!(names.len(), DropReason::ALL.len());
        drops.add(&drops.clone());
        assert!(drops.iter().enumerate().all(|(place, (_, count))| count == 2 * (place as u64 + 1)));
        assert_eq!(drops.total(), 15 * 16);
        assert_eq!(drops.of(DropReason::Check), 30);
    }
}
