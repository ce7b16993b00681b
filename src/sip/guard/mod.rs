//! The guard before the transaction layer: which requests from outside any call are heard at all. Knows sources, rates,
//! scanners and wrong passwords; nothing of accounts, trunks or calls, which its user looks up.
//!
//! Trusted sources (trunks) have only the limit that is configured for them. A source that has shown a password is an
//! acquaintance: limited, but never put into the penalty box, because its address could be forged to have it put there.
//! Everybody else is a stranger, who is dropped without a word where an acquaintance would hear 503: an answer costs,
//! tells that somebody is here, and may hit the owner of a forged address.

mod bucket;
mod lock_out;
mod penalty;
mod recent;
mod scanner;
mod source;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

pub use bucket::{Bucket, Rate};
pub use lock_out::{Lock, LockOutPolicy};
pub use recent::Recent;
pub use source::Source;

use lock_out::LockOut;
use penalty::PenaltyBox;
use scanner::Questions;

/// Sources with a token bucket. One pushed out starts again with a full one, which [`STRANGERS_FACTOR`] makes harmless.
pub const MAX_BUCKETS: usize = 8192;
/// Sources remembered for a password they have shown: every phone of a city and then some.
pub const MAX_ACQUAINTANCES: usize = 8192;
/// Requests of all strangers together, as a multiple of those of one: addresses can be forged, time cannot. Who has a
/// connection cannot have forged its address and is counted apart, so that a flood of datagrams leaves a way in.
const STRANGERS_FACTOR: u32 = 50;
/// Seconds of its rate that a source may use at once: an office after a power cut, a page that loads.
pub const BURST_SECS: u32 = 5;
/// A password shown counts this long: longer than the longest registration (an hour), whose refresh shows it again.
const ACQUAINTANCE: Duration = Duration::from_secs(2 * 3600);

/// What the guard enforces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Requests of one stranger.
    pub strangers: Rate,
    /// Requests of one source that has shown a password.
    pub phones: Rate,
    /// Requests of one trunk's address; none for no limit.
    pub trunks: Option<Rate>,
    /// Different names a stranger may ask for within a minute without showing a password; 0 for any number.
    pub asked_names: usize,
    /// First time in the penalty box; zero for no box.
    pub penalty: Duration,
    pub lock_out: LockOutPolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            strangers: Rate::per_second(10, BURST_SECS),
            phones: Rate::per_second(50, BURST_SECS),
            trunks: None,
            asked_names: 30,
            penalty: Duration::from_secs(60),
            lock_out: LockOutPolicy { failures: 5, lasts: Duration::from_secs(300) },
        }
    }
}

/// A request from outside any call, as far as the guard looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Knock<'a> {
    pub source: Source,
    /// The address belongs to a trunk.
    pub trusted: bool,
    /// It came over a connection.
    pub connected: bool,
    pub user_agent: &'a str,
    /// Display name of From.
    pub display: &'a str,
    /// Who is asked for: whom a REGISTER names, whom another request wants to reach.
    pub name: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judgement {
    Pass,
    /// Too much from somebody who deserves an answer: 503.
    Busy,
    /// Not a word.
    Drop,
}

/// Why a request was not heard; the labels of a counter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    Penalty,
    Scanner,
    Scan,
    SourceRate,
    StrangersRate,
}

impl Reason {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Penalty => "penalty",
            Self::Scanner => "scanner",
            Self::Scan => "scan",
            Self::SourceRate => "source_rate",
            Self::StrangersRate => "strangers_rate",
        }
    }
}

/// What happened, for `/metrics`; keys are closed lists.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub unheard: BTreeMap<&'static str, u64>,
    pub locks: BTreeMap<&'static str, u64>,
    /// Times a source was put into the penalty box.
    pub penalties: u64,
}

#[derive(Debug)]
pub struct Guard {
    policy: Policy,
    buckets: Recent<Source, Bucket>,
    /// All strangers who send datagrams, and all who have a connection.
    strangers: [Option<Bucket>; 2],
    acquaintances: Recent<Source, Instant>,
    questions: Questions,
    penalties: PenaltyBox,
    locks: LockOut,
    shunned: VecDeque<(Source, Instant)>,
    counts: Counts,
}

impl Guard {
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            buckets: Recent::new(MAX_BUCKETS),
            strangers: [None; 2],
            acquaintances: Recent::new(MAX_ACQUAINTANCES),
            questions: Questions::new(),
            penalties: PenaltyBox::new(),
            locks: LockOut::new(),
            shunned: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// Another policy from now on; what is known of sources stays.
    pub fn configure(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Whether a request is to be looked at. Not asked for what belongs to a known transaction or dialog.
    pub fn judge(&mut self, knock: Knock<'_>, now: Instant) -> Judgement {
        let source = knock.source;
        if knock.trusted {
            let limited = self.policy.trunks.is_some_and(|rate| !self.take(source, rate, now));
            return if limited { self.busy() } else { Judgement::Pass };
        }
        let acquainted = self.is_acquainted(source, now);
        let is_scanner = scanner::is_scanner(knock.user_agent) || scanner::is_scanner(knock.display);
        if acquainted {
            return if is_scanner {
                self.drop_for(Reason::Scanner)
            } else if self.take(source, self.policy.phones, now) {
                Judgement::Pass
            } else {
                self.busy()
            };
        }
        if self.penalties.holds(source, now) {
            return self.drop_for(Reason::Penalty);
        }
        if is_scanner {
            self.punish(source, now);
            return self.drop_for(Reason::Scanner);
        }
        if !self.take(source, self.policy.strangers, now) {
            return self.drop_for(Reason::SourceRate);
        }
        let all = Rate {
            interval: self.policy.strangers.interval / STRANGERS_FACTOR,
            burst: self.policy.strangers.burst.saturating_mul(STRANGERS_FACTOR),
        };
        let together = &mut self.strangers[usize::from(knock.connected)];
        if !together.get_or_insert(Bucket::full(now)).take(all, now) {
            return self.drop_for(Reason::StrangersRate);
        }
        let limit = self.policy.asked_names;
        if limit > 0 && !knock.name.is_empty() && self.questions.ask(source, knock.name, limit, now) {
            self.punish(source, now);
            return self.drop_for(Reason::Scan);
        }
        Judgement::Pass
    }

    /// True for a source that has shown a password lately.
    pub fn is_acquainted(&self, source: Source, now: Instant) -> bool {
        self.acquaintances
            .get(&source)
            .is_some_and(|shown_at| now.saturating_duration_since(*shown_at) < ACQUAINTANCE)
    }

    /// Whether the right password of `name` may be taken from `source`.
    pub fn is_locked_out(&self, name: &str, source: Source, now: Instant) -> bool {
        self.locks.lock_of(name, source, now).is_some()
    }

    pub fn note_proof(&mut self, name: &str, source: Source, now: Instant) {
        *self.acquaintances.touch(source, || now) = now;
        self.locks.note_proof(name, source);
        self.questions.forget(source);
        self.penalties.release(source);
    }

    pub fn note_failure(&mut self, name: &str, source: Source, now: Instant) {
        for lock in self.locks.note_failure(name, source, self.policy.lock_out, now) {
            *self.counts.locks.entry(lock.name()).or_default() += 1;
            tracing::warn!(%source, by = lock.name(), "wrong passwords: locked out for a while");
        }
    }

    /// Sources to be kept out before anything is read of what they send, and until when.
    pub fn poll_shunned(&mut self) -> Option<(Source, Instant)> {
        self.shunned.pop_front()
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Entries of the largest table, for the test of the bounds.
    pub fn len(&self) -> usize {
        [
            self.buckets.len(),
            self.acquaintances.len(),
            self.questions.len(),
            self.penalties.len(),
            self.locks.len(),
        ]
        .into_iter()
        .max()
        .unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take(&mut self, source: Source, rate: Rate, now: Instant) -> bool {
        self.buckets.touch(source, || Bucket::full(now)).take(rate, now)
    }

    fn punish(&mut self, source: Source, now: Instant) {
        if self.policy.penalty.is_zero() {
            return;
        }
        let until = self.penalties.put(source, self.policy.penalty, now);
        self.shunned.push_back((source, until));
        self.counts.penalties += 1;
        tracing::info!(%source, "scans us: not listened to for a while");
    }

    fn busy(&mut self) -> Judgement {
        self.count(Reason::SourceRate);
        Judgement::Busy
    }

    fn drop_for(&mut self, reason: Reason) -> Judgement {
        self.count(reason);
        Judgement::Drop
    }

    fn count(&mut self, reason: Reason) {
        *self.counts.unheard.entry(reason.name()).or_default() += 1;
    }
}
