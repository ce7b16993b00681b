//! Wrong passwords: who guesses is locked out for a while. A lock hears the same challenge as everybody, and the right
//! password is not taken while it lasts, so nothing is learnt by trying.
//!
//! Counted are: a name from one source, a source whatever the name, and, slower, a name from everywhere. The last lock
//! spares sources that have shown the name's password before: strangers must not keep the owner out.

use std::time::{Duration, Instant};

use super::bucket::{Bucket, Rate};
use super::recent::Recent;
use super::source::Source;
use crate::digest::Sha256;

/// Entries of each table. A guesser needs a source of its own for each few tries, and its tries are counted there, too,
/// so that names made up cannot push out what counts.
pub const MAX_LOCKS: usize = 8192;
/// Wrong passwords from one source, whatever the names, as a multiple of those for one name: an office behind one
/// address has several phones.
const SOURCE_FACTOR: u32 = 4;
/// Wrong passwords for one name from everywhere, as such a multiple.
const NAME_FACTOR: u32 = 20;

/// When it comes to a lock, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LockOutPolicy {
    /// Wrong passwords for one name from one source that lock; 0 for never.
    pub failures: u32,
    /// How long a lock lasts, and in which time wrong passwords are forgotten.
    pub lasts: Duration,
}

/// Which limit was reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lock {
    NameFromSource,
    Source,
    Name,
}

impl Lock {
    pub const fn name(self) -> &'static str {
        match self {
            Self::NameFromSource => "name_from_source",
            Self::Source => "source",
            Self::Name => "name",
        }
    }
}

/// Names come from strangers and may be long: their digest stands for them.
type Name = Sha256;

#[derive(Debug)]
pub(super) struct LockOut {
    pairs: Recent<(Name, Source), Record>,
    sources: Recent<Source, Record>,
    names: Recent<Name, Record>,
    /// Sources that have shown the password of a name.
    proven: Recent<(Name, Source), ()>,
}

#[derive(Debug)]
struct Record {
    failures: Bucket,
    locked_until: Option<Instant>,
}

impl Record {
    fn new(now: Instant) -> Self {
        Self { failures: Bucket::full(now), locked_until: None }
    }

    fn is_locked(&self, now: Instant) -> bool {
        self.locked_until.is_some_and(|until| now < until)
    }

    /// Counts a failure; true when it is the `limit`th and locks. One is forgotten in each `forgotten_in`.
    fn fail(&mut self, limit: u32, forgotten_in: Duration, lasts: Duration, now: Instant) -> bool {
        if self.is_locked(now) {
            return false;
        }
        let allowed = Rate { interval: forgotten_in, burst: limit.saturating_sub(1).max(1) };
        let locks = limit == 1 || !self.failures.take(allowed, now);
        if locks {
            *self = Self { failures: Bucket::full(now + lasts), locked_until: Some(now + lasts) };
        }
        locks
    }
}

impl LockOut {
    pub(super) fn new() -> Self {
        Self {
            pairs: Recent::new(MAX_LOCKS),
            sources: Recent::new(MAX_LOCKS),
            names: Recent::new(MAX_LOCKS),
            proven: Recent::new(MAX_LOCKS),
        }
    }

    /// The lock that stands between this source and this name.
    pub(super) fn lock_of(&self, name: &str, source: Source, now: Instant) -> Option<Lock> {
        let name = Name::of(name.as_bytes());
        let locked = |record: Option<&Record>| record.is_some_and(|record| record.is_locked(now));
        if locked(self.pairs.get(&(name, source))) {
            Some(Lock::NameFromSource)
        } else if locked(self.sources.get(&source)) {
            Some(Lock::Source)
        } else if locked(self.names.get(&name)) && self.proven.get(&(name, source)).is_none() {
            Some(Lock::Name)
        } else {
            None
        }
    }

    /// A wrong password, or one for a name that does not exist: the same. The locks that fall in now.
    pub(super) fn note_failure(
        &mut self,
        name: &str,
        source: Source,
        policy: LockOutPolicy,
        now: Instant,
    ) -> Vec<Lock> {
        let LockOutPolicy { failures, lasts } = policy;
        if failures == 0 || self.lock_of(name, source, now).is_some() {
            return Vec::new();
        }
        let name = Name::of(name.as_bytes());
        let make = || Record::new(now);
        let forgotten_in = lasts / failures;
        let mut locks = Vec::new();
        if self.pairs.touch((name, source), make).fail(failures, forgotten_in, lasts, now) {
            locks.push(Lock::NameFromSource);
        }
        let (of_source, of_name) =
            (failures.saturating_mul(SOURCE_FACTOR), failures.saturating_mul(NAME_FACTOR));
        if self.sources.touch(source, make).fail(of_source, forgotten_in / SOURCE_FACTOR, lasts, now) {
            locks.push(Lock::Source);
        }
        // One a minute, say, for the whole world: slow enough for the longest guessing.
        if self.names.touch(name, make).fail(of_name, forgotten_in, lasts, now) {
            locks.push(Lock::Name);
        }
        locks
    }

    /// The right password, with no lock in the way.
    pub(super) fn note_proof(&mut self, name: &str, source: Source) {
        let name = Name::of(name.as_bytes());
        self.pairs.remove(&(name, source));
        self.proven.touch((name, source), || ());
    }

    /// Entries of the largest table.
    pub(super) fn len(&self) -> usize {
        self.pairs.len().max(self.sources.len()).max(self.names.len()).max(self.proven.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: LockOutPolicy = LockOutPolicy { failures: 5, lasts: Duration::from_secs(300) };

    fn source(number: u32) -> Source {
        Source::from(std::net::IpAddr::from(number.to_be_bytes()))
    }

    struct Gate {
        locks: LockOut,
        now: Instant,
    }

    impl Gate {
        fn new() -> Self {
            Self { locks: LockOut::new(), now: crate::time::now().mono }
        }

        fn fail(&mut self, name: &str, from: u32) -> Vec<Lock> {
            self.locks.note_failure(name, source(from), POLICY, self.now)
        }

        fn lock(&self, name: &str, from: u32) -> Option<Lock> {
            self.locks.lock_of(name, source(from), self.now)
        }

        fn wait(&mut self, secs: u64) {
            self.now += Duration::from_secs(secs);
        }
    }

    #[test]
    fn five_wrong_passwords_lock_a_name_for_its_guesser_until_it_decays() {
        let mut gate = Gate::new();
        for _ in 1..5 {
            assert_eq!(gate.fail("201", 1), []);
            assert_eq!(gate.lock("201", 1), None);
        }
        assert_eq!(gate.fail("201", 1), [Lock::NameFromSource]);
        assert_eq!(gate.lock("201", 1), Some(Lock::NameFromSource));
        assert_eq!((gate.lock("202", 1), gate.lock("201", 2)), (None, None), "nobody else is locked");
        gate.wait(299);
        assert_eq!(gate.fail("201", 1), [], "knocking on does not lengthen it");
        assert!(gate.lock("201", 1).is_some());
        gate.wait(1);
        assert_eq!(gate.lock("201", 1), None);
    }

    #[test]
    fn after_a_lock_there_are_as_many_tries_as_before() {
        let mut gate = Gate::new();
        for _ in 0..5 {
            gate.fail("201", 1);
        }
        gate.wait(300);
        for _ in 1..5 {
            assert_eq!(gate.fail("201", 1), []);
        }
        assert_eq!(gate.fail("201", 1), [Lock::NameFromSource]);
    }

    #[test]
    fn a_forgetful_owner_is_not_locked() {
        let mut gate = Gate::new();
        for _ in 0..50 {
            assert_eq!(gate.fail("201", 1), []);
            gate.wait(60);
        }
        for _ in 0..4 {
            gate.fail("201", 1);
        }
        gate.locks.note_proof("201", source(1));
        assert_eq!(gate.fail("201", 1), [], "the right password wipes the slate");
    }

    #[test]
    fn many_names_lock_the_source() {
        let mut gate = Gate::new();
        let locks: Vec<Lock> = (0..20).flat_map(|name| gate.fail(&name.to_string(), 1)).collect();
        assert_eq!(locks, [Lock::Source]);
        assert_eq!(gate.lock("never tried", 1), Some(Lock::Source));
        assert_eq!(gate.lock("never tried", 2), None);
    }

    #[test]
    fn many_sources_lock_the_name_but_not_for_its_owner() {
        let mut gate = Gate::new();
        gate.locks.note_proof("201", source(9999));
        let locks: Vec<Lock> = (0..100).flat_map(|from| gate.fail("201", from)).collect();
        assert_eq!(locks, [Lock::Name]);
        assert_eq!(gate.lock("201", 5000), Some(Lock::Name));
        assert_eq!(gate.lock("201", 9999), None, "the owner was here before");
        gate.wait(300);
        assert_eq!(gate.lock("201", 5000), None, "strangers cannot lock a name for ever");
    }

    #[test]
    fn never_means_never() {
        let mut gate = Gate::new();
        let never = LockOutPolicy { failures: 0, ..POLICY };
        for _ in 0..1000 {
            assert_eq!(gate.locks.note_failure("201", source(1), never, gate.now), []);
        }
        assert_eq!((gate.lock("201", 1), gate.locks.len()), (None, 0));
    }

    #[test]
    fn the_tables_are_bounded_and_the_next_good_password_counts() {
        let mut gate = Gate::new();
        for from in 0..u32::try_from(MAX_LOCKS).unwrap_or(u32::MAX) + 1000 {
            gate.fail(&format!("name {from}"), from);
        }
        assert_eq!(gate.locks.len(), MAX_LOCKS);
        assert_eq!(gate.lock("201", 1_000_000), None);
    }
}
