//! What `/metrics` shows: Prometheus text of the switchboard's counters and of what only the running program
//! knows. The switchboard counts for itself and is copied from here; the URL is served by `web/health.rs`.

mod text;
#[cfg(test)]
mod watched;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::acd::OperatorStatus;
use crate::call::turn::Counters;
use crate::media::{Drops, LegStats};
use crate::sip::guard;
use crate::switchboard::snapshot::{LiveQueue, LiveTrunk, Snapshot};
use crate::switchboard::{IntakeState, Switchboard};

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub(super) struct Gauge(AtomicU64);

impl Gauge {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Never more than was added.
    pub(super) fn sub(&self, count: u64) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(super) struct Meters {
    /// Reports of the media plane that found the switchboard's queue full.
    pub reports_lost: Counter,
    /// Changes on their way to the store: waiting, being written, or to be tried again.
    pub jobs_waiting: Gauge,
    /// Changes that never reached the store.
    pub jobs_lost: Counter,
    /// Changes the store refused at first.
    pub jobs_retried: Counter,
    /// Prompts asked for that neither a recording nor the speech engine provided.
    pub prompts_missing: Counter,
    /// Recordings whose files were encrypted.
    pub recordings_encrypted: Counter,
    /// Recordings that could not be encrypted when last looked at.
    pub recordings_left_plain: Gauge,
    /// 1 while calls cannot be recorded, though they should be.
    pub recording_impaired: Gauge,
    /// 1 while media threads do not keep up and new calls are refused for it.
    pub media_overloaded: Gauge,
    /// Copies of SIP messages that went to the collector of `[hep]`, and those it did not get.
    pub hep_sent: Counter,
    pub hep_lost: Counter,
    /// By what was wrong; the parser's names are a closed list.
    sip_malformed: Mutex<BTreeMap<&'static str, u64>>,
    packets: Packets,
    observed: Mutex<Observed>,
}

/// RTP packets of the legs that are over.
#[derive(Debug, Default)]
struct Packets {
    received: Counter,
    sent: Counter,
    lost: Counter,
    drops: Mutex<Drops>,
}

#[derive(Debug, Default)]
struct Observed {
    counters: Counters,
    guard: guard::Counts,
    calls: usize,
    drains: bool,
    guest_calls: usize,
    guest_fates: BTreeMap<&'static str, u64>,
    transactions: usize,
    queues: Vec<LiveQueue>,
    /// By status.
    operators: BTreeMap<&'static str, u64>,
    trunks: Vec<LiveTrunk>,
    trunk_refusals: Vec<(String, &'static str, u64)>,
}

impl Meters {
    /// `what` is the grammar rule that was broken.
    pub(super) fn count_malformed(&self, what: &'static str) {
        *self.sip_malformed.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
    }

    /// Called by the switchboard's owner, at most as often as desks are told.
    pub(super) fn observe(&self, switchboard: &Switchboard) {
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        observed.counters.clone_from(switchboard.counters());
        observed.guard.clone_from(switchboard.guard_counts());
        observed.counters.dropped.insert("stray_response", switchboard.stray_responses());
        observed.calls = switchboard.calls().filter(|call| !call.is_over()).count();
        observed.drains = switchboard.intake().state != IntakeState::Open;
        observed.guest_calls = switchboard.guest_calls();
        observed.guest_fates.clone_from(switchboard.guest_fates());
        observed.transactions = switchboard.transactions();
        observed.trunks = switchboard.live_trunks();
        let refusals = switchboard.trunk_refusals();
        observed.trunk_refusals =
            refusals.map(|(trunk, reason, count)| (trunk.to_owned(), reason, count)).collect();
    }

    /// What desks see, as often as they see it.
    pub(super) fn observe_desks(&self, snapshot: &Snapshot) {
        let mut operators = BTreeMap::from(STATUSES.map(|status| (status, 0)));
        for operator in &snapshot.operators {
            *operators.entry(status_name(&operator.status)).or_default() += 1;
        }
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        observed.queues.clone_from(&snapshot.queues);
        observed.operators = operators;
    }

    /// A leg is over.
    pub(super) fn count_leg(&self, stats: &LegStats) {
        self.packets.received.add(stats.packets_received);
        self.packets.sent.add(stats.packets_sent);
        self.packets.lost.add(stats.packets_lost);
        self.packets.drops.lock().unwrap_or_else(PoisonError::into_inner).add(&stats.drops);
    }
}

/// As the API has them.
const STATUSES: [&str; 6] = ["logged_out", "not_ready", "ready", "offered", "talking", "wrap_up"];

const fn status_name(status: &OperatorStatus) -> &'static str {
    match status {
        OperatorStatus::LoggedOut => STATUSES[0],
        OperatorStatus::NotReady { .. } => STATUSES[1],
        OperatorStatus::Ready => STATUSES[2],
        OperatorStatus::Offered { .. } => STATUSES[3],
        OperatorStatus::Talking { .. } => STATUSES[4],
        OperatorStatus::WrapUp { .. } => STATUSES[5],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::DropReason;
    use crate::net::Counts;
    use crate::switchboard::snapshot::TrunkState;
    use crate::time::Timestamp;

    #[test]
    fn a_trunk_shows_what_is_known_of_it() {
        let meters = Meters::default();
        let trunk = LiveTrunk {
            name: "a \"b\"".to_owned(),
            state: TrunkState::Down,
            since: Timestamp::default(),
            registered: Some(false),
            calls: 3,
            servers: Vec::new(),
            failure: None,
            turned_away: None,
        };
        let known_by_address =
            LiveTrunk { name: "c".to_owned(), state: TrunkState::Unknown, registered: None, ..trunk.clone() };
        if let Ok(mut observed) = meters.observed.lock() {
            observed.trunks = vec![trunk, known_by_address];
            observed.trunk_refusals = vec![("c".to_owned(), "trunk_full", 2)];
        }
        let text = meters.text(0, &Counts::default());
        for line in [
            r#"ringback_trunk_up{trunk="a \"b\""} 0"#,
            r#"ringback_trunk_registered{trunk="a \"b\""} 0"#,
            r#"ringback_trunk_calls{trunk="c"} 3"#,
            r#"ringback_trunk_refusals_total{trunk="c",reason="trunk_full"} 2"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        assert!(!text.contains(r#"ringback_trunk_up{trunk="c"}"#));
    }

    #[test]
    fn sockets_and_the_stores_backlog_are_shown() {
        let meters = Meters::default();
        meters.count_malformed("Content-Length");
        meters.count_malformed("Content-Length");
        meters.jobs_waiting.add(5);
        meters.jobs_waiting.sub(2);
        let mut drops = Drops::default();
        (0..6).for_each(|_| drops.count(DropReason::ThirdAddress));
        meters.count_leg(&LegStats { drops, packets_sent: 5, ..LegStats::default() });
        meters.count_leg(&LegStats { packets_sent: 10, ..LegStats::default() });
        let sip = Counts { sends_failed: 7, sends_dropped: 8, arrivals_dropped: 9, ..Counts::default() };
        let text = meters.text(4, &sip);
        for line in [
            "ringback_sip_malformed_total{cause=\"Content-Length\"} 2",
            "ringback_store_changes_waiting 3",
            "ringback_sip_sends_failed_total 7",
            "ringback_sip_sends_dropped_total 8",
            "ringback_sip_arrivals_dropped_total 9",
            "ringback_rtp_ports 4",
            "ringback_rtp_packets_total{fate=\"sent\"} 15",
            "ringback_rtp_dropped_total{reason=\"third_address\"} 6",
            "ringback_rtp_dropped_total{reason=\"forged\"} 0",
            "ringback_calls 0",
            "ringback_prompts_missing_total 0",
        ] {
            assert_eq!(text.lines().filter(|found| *found == line).count(), 1, "{line} in\n{text}");
        }
    }
}
