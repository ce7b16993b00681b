//! What was counted, as Prometheus reads it: names, help and labels of `/metrics`. Counting is `metrics.rs`'s; whoever
//! watches a city relies on these names.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::PoisonError;

use super::Meters;
use crate::histogram::Histogram;
use crate::net::Counts;
use crate::switchboard::snapshot::{LiveQueue, LiveTrunk, TrunkState};

impl Meters {
    /// `rtp_ports` are those in use, `sip` what the sockets counted.
    pub(in crate::app) fn text(&self, rtp_ports: u64, sip: &Counts) -> String {
        let mut page = Page::default();
        self.calls_text(&mut page);
        self.desks_text(&mut page);
        self.masked_calls_text(&mut page);
        self.intake_text(&mut page);
        self.recordings_text(&mut page);
        self.trunks_text(&mut page);
        self.guard_text(&mut page);
        page.gauge(
            "ringback_media_overloaded",
            "1 while sound comes too late and new calls are refused for it.",
            self.media_overloaded.value(),
        );
        page.gauge("ringback_rtp_ports", "RTP and RTCP ports in use.", rtp_ports);
        page.counters(
            "ringback_sip_malformed_total",
            "Datagrams and streams that were no SIP, by what was wrong.",
            "cause",
            &self.sip_malformed.lock().unwrap_or_else(PoisonError::into_inner),
        );
        self.packets_text(&mut page);
        self.hep_text(&mut page);
        sockets_text(&mut page, sip);
        self.store_text(&mut page);
        page.counter(
            "ringback_prompts_missing_total",
            "Prompts asked for that do not exist.",
            self.prompts_missing.value(),
        );
        page.text
    }

    fn hep_text(&self, page: &mut Page) {
        let fates = BTreeMap::from([("sent", self.hep_sent.value()), ("lost", self.hep_lost.value())]);
        page.counters(
            "ringback_hep_messages_total",
            "Copies of SIP messages for the collector of [hep]; lost: too long, or nobody took them.",
            "fate",
            &fates,
        );
    }

    fn packets_text(&self, page: &mut Page) {
        let packets = &self.packets;
        let fates = BTreeMap::from([
            ("received", packets.received.value()),
            ("sent", packets.sent.value()),
            ("lost", packets.lost.value()),
        ]);
        page.counters("ringback_rtp_packets_total", "RTP packets of legs that are over.", "fate", &fates);
        let drops = packets.drops.lock().unwrap_or_else(PoisonError::into_inner);
        page.counters(
            "ringback_rtp_dropped_total",
            "Packets on the media ports of legs that are over that were not used, by reason; third_address: from \
             somewhere else after the peer's address was known.",
            "reason",
            &drops.iter().map(|(reason, count)| (reason.name(), count)).collect(),
        );
    }

    fn intake_text(&self, page: &mut Page) {
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        page.gauge(
            "ringback_draining",
            "1 while no new calls are taken: an administrator took the node out of service, or the program stops.",
            u64::from(observed.drains),
        );
    }

    fn masked_calls_text(&self, page: &mut Page) {
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        page.counters(
            "ringback_masked_calls_total",
            "Calls of executors to applicants, by what came of them.",
            "outcome",
            &observed.counters.masked_calls,
        );
    }

    fn calls_text(&self, page: &mut Page) {
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = &observed.counters;
        page.gauge("ringback_calls", "Calls that are on now.", observed.calls as u64);
        page.gauge(
            "ringback_web_calls",
            "Calls from the web page that are on now.",
            observed.guest_calls as u64,
        );
        page.counters(
            "ringback_web_call_passes_total",
            "Passes for calls from the web page, by what became of them; overstepped: used for what they are not good for.",
            "fate",
            &observed.guest_fates,
        );
        page.gauge("ringback_sip_transactions", "Open SIP transactions.", observed.transactions as u64);
        page.counter(
            "ringback_calls_offered_total",
            "INVITEs that became a citizen's call.",
            counters.calls_offered,
        );
        page.counter("ringback_calls_answered_total", "Citizens' calls answered.", counters.calls_answered);
        page.counter(
            "ringback_consultations_total",
            "Calls of operators to colleagues.",
            counters.consultations,
        );
        page.counters(
            "ringback_callbacks_total",
            "Attempts to ring citizens back, by what came of them.",
            "outcome",
            &counters.callbacks,
        );
        page.counters(
            "ringback_verifications_total",
            "Calls to ask applicants whether the work is done, by what came of them.",
            "outcome",
            &counters.verifications,
        );
        page.counter("ringback_offers_total", "Times an operator's phone was rung.", counters.offers);
        page.counter(
            "ringback_commits_failed_total",
            "Calls refused because they could not be made durable.",
            counters.commits_failed,
        );
        page.counters(
            "ringback_calls_ended_total",
            "Citizens' calls over, by what ended them.",
            "termination",
            &counters.calls_ended,
        );
        page.counters(
            "ringback_sip_refusals_total",
            "Requests refused, by reason.",
            "reason",
            &counters.refusals,
        );
        page.counters(
            "ringback_sip_transactions_failed_total",
            "SIP transactions that ended without what they waited for, by reason.",
            "reason",
            &counters.transactions_failed,
        );
        page.counters(
            "ringback_dropped_total",
            "SIP messages that came and were not used, by reason.",
            "reason",
            &counters.dropped,
        );
    }

    fn desks_text(&self, page: &mut Page) {
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let lengths = &observed.counters.lengths;
        page.histogram(
            "ringback_call_set_up_seconds",
            "From a citizen's INVITE to its 200.",
            &lengths.set_up,
        );
        page.histogram(
            "ringback_queue_wait_seconds",
            "In the line until an operator, of citizens who were connected.",
            &lengths.wait,
        );
        page.histogram(
            "ringback_talk_seconds",
            "Talks of citizens' calls, from the operator to the end.",
            &lengths.talk,
        );
        page.head("ringback_operators", "Operators by what they do.", "gauge");
        for (status, count) in &observed.operators {
            writeln!(page.text, "ringback_operators{{status=\"{status}\"}} {count}").ok();
        }
        let queues = &observed.queues;
        page.queues("ringback_queue_waiting", "Callers in the line.", queues, |queue| queue.waiting as u64);
        page.queues(
            "ringback_queue_longest_wait_seconds",
            "Of the caller who waits longest now.",
            queues,
            |queue| queue.longest_wait_secs,
        );
        page.queues(
            "ringback_queue_callbacks_waiting",
            "Citizens who wait to be rung back.",
            queues,
            |queue| queue.callbacks as u64,
        );
        page.queues("ringback_queue_operators_ready", "Operators who would be rung now.", queues, |queue| {
            queue.operators_ready as u64
        });
        page.queues("ringback_queue_surge", "1 while more call than can be answered.", queues, |queue| {
            u64::from(queue.surge_since.is_some())
        });
    }

    fn recordings_text(&self, page: &mut Page) {
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        page.gauge(
            "ringback_recording_impaired",
            "1 while the disk of the recordings is full, slow or broken; the log says which.",
            self.recording_impaired.value(),
        );
        page.counters(
            "ringback_recordings_total",
            "Recordings of answered calls that are over, by result; failed: also those that never began.",
            "result",
            &from_zero(["ok", "degraded", "failed"], &observed.counters.recordings),
        );
        page.counters(
            "ringback_recording_gaps_total",
            "Stretches of recordings that are over where silence stands for lost sound, by reason.",
            "reason",
            &observed.counters.recording_gaps,
        );
        page.counter(
            "ringback_recordings_encrypted_total",
            "Recordings of calls that are over whose files were encrypted.",
            self.recordings_encrypted.value(),
        );
        page.gauge(
            "ringback_recordings_left_plain",
            "Recordings that could not be encrypted when last tried: the log says why.",
            self.recordings_left_plain.value(),
        );
    }

    fn guard_text(&self, page: &mut Page) {
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        page.counters(
            "ringback_sip_digest_total",
            "Requests that had to show a password, by what came of it.",
            "outcome",
            &observed.counters.digests,
        );
        page.counters(
            "ringback_sip_unheard_total",
            "Requests dropped or answered 503 before they cost anything, by reason.",
            "reason",
            &observed.guard.unheard,
        );
        page.counters(
            "ringback_sip_lock_outs_total",
            "Lock-outs after wrong passwords, by what was locked.",
            "lock",
            &from_zero(["name_from_source", "source", "name"], &observed.guard.locks),
        );
        page.counter(
            "ringback_sip_penalties_total",
            "Sources put into the penalty box.",
            observed.guard.penalties,
        );
    }

    fn trunks_text(&self, page: &mut Page) {
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let trunks = &observed.trunks;
        let up = |trunk: &LiveTrunk| match trunk.state {
            TrunkState::Up => Some(1),
            TrunkState::Down => Some(0),
            TrunkState::Unknown => None,
        };
        page.trunks("ringback_trunk_up", "1 up, 0 down; absent where nobody knows.", trunks, up);
        page.trunks(
            "ringback_trunk_registered",
            "1 where our registration stands, 0 where it should.",
            trunks,
            |trunk| trunk.registered.map(u64::from),
        );
        page.trunks("ringback_trunk_calls", "Calls on a trunk, both directions.", trunks, |trunk| {
            Some(trunk.calls as u64)
        });
        page.head(
            "ringback_trunk_refusals_total",
            "Calls a trunk's limits turned away, by reason.",
            "counter",
        );
        let none_yet = trunks
            .iter()
            .flat_map(|trunk| ["trunk_full", "trunk_rate"].map(|reason| ((trunk.name.as_str(), reason), 0)));
        let counted =
            observed.trunk_refusals.iter().map(|(trunk, reason, count)| ((trunk.as_str(), *reason), *count));
        for ((trunk, reason), count) in none_yet.chain(counted).collect::<BTreeMap<_, _>>() {
            let (name, trunk) = ("ringback_trunk_refusals_total", escaped(trunk));
            writeln!(page.text, "{name}{{trunk=\"{trunk}\",reason=\"{reason}\"}} {count}").ok();
        }
    }

    fn store_text(&self, page: &mut Page) {
        page.gauge(
            "ringback_store_changes_waiting",
            "Changes on their way to the store.",
            self.jobs_waiting.value(),
        );
        page.counter(
            "ringback_media_reports_lost_total",
            "Media reports lost to a full queue.",
            self.reports_lost.value(),
        );
        page.counter(
            "ringback_store_changes_retried_total",
            "Changes the store refused at first.",
            self.jobs_retried.value(),
        );
        page.counter(
            "ringback_store_changes_lost_total",
            "Changes that never reached the store.",
            self.jobs_lost.value(),
        );
    }
}

fn sockets_text(page: &mut Page, sip: &Counts) {
    for (name, help, value) in [
        (
            "ringback_sip_sends_failed_total",
            "SIP messages that could not be sent: no way, an error, a full queue.",
            sip.sends_failed,
        ),
        (
            "ringback_sip_sends_dropped_total",
            "SIP datagrams lost to a full socket buffer.",
            sip.sends_dropped,
        ),
        (
            "ringback_sip_arrivals_dropped_total",
            "SIP messages lost because too many waited for the switchboard.",
            sip.arrivals_dropped,
        ),
        (
            "ringback_sip_shunned_total",
            "SIP datagrams and connections dropped unread: their source scanned us.",
            sip.shunned,
        ),
        (
            "ringback_sip_connections_refused_total",
            "SIP connections turned away at the limit.",
            sip.connections_refused,
        ),
        (
            "ringback_sip_sources_refused_total",
            "SIP connections turned away because their source holds its share.",
            sip.sources_refused,
        ),
        (
            "ringback_sip_strangers_displaced_total",
            "SIP connections closed at the limit for a later one, without having shown a password.",
            sip.strangers_displaced,
        ),
        (
            "ringback_sip_handshakes_failed_total",
            "TLS handshakes of SIP that came to nothing.",
            sip.handshakes_failed,
        ),
        (
            "ringback_sip_connections_timed_out_total",
            "SIP connections closed for silence or for not reading.",
            sip.connections_timed_out,
        ),
        ("ringback_sip_garbage_total", "Datagrams that were never meant to be SIP.", sip.garbage),
    ] {
        page.counter(name, help, value);
    }
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn head(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a String cannot fail.
        writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "gauge");
        writeln!(self.text, "{name} {value}").ok();
    }

    /// A gauge with a line for each trunk that has a value.
    fn trunks(
        &mut self,
        name: &str,
        help: &str,
        trunks: &[LiveTrunk],
        value: impl Fn(&LiveTrunk) -> Option<u64>,
    ) {
        self.head(name, help, "gauge");
        for trunk in trunks {
            if let Some(value) = value(trunk) {
                writeln!(self.text, "{name}{{trunk=\"{}\"}} {value}", escaped(&trunk.name)).ok();
            }
        }
    }

    /// A gauge with a line for each queue.
    fn queues(&mut self, name: &str, help: &str, queues: &[LiveQueue], value: impl Fn(&LiveQueue) -> u64) {
        self.head(name, help, "gauge");
        for queue in queues {
            writeln!(self.text, "{name}{{queue=\"{}\"}} {}", escaped(&queue.name), value(queue)).ok();
        }
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.head(name, help, "histogram");
        for (bound, count) in histogram.buckets() {
            writeln!(self.text, "{name}_bucket{{le=\"{}\"}} {count}", bound.as_secs_f64()).ok();
        }
        let (count, sum) = (histogram.count(), histogram.sum().as_secs_f64());
        writeln!(self.text, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}")
            .ok();
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "counter");
        writeln!(self.text, "{name} {value}").ok();
    }

    fn counters(&mut self, name: &str, help: &str, label: &str, values: &BTreeMap<&'static str, u64>) {
        self.head(name, help, "counter");
        for (key, value) in values {
            writeln!(self.text, "{name}{{{label}=\"{key}\"}} {value}").ok();
        }
    }
}

/// `counts` with a zero for those of `names` that have not happened: what appears with its first one has no growth that
/// an alert could see.
fn from_zero<const N: usize>(
    names: [&'static str; N],
    counts: &BTreeMap<&'static str, u64>,
) -> BTreeMap<&'static str, u64> {
    let zeros = names.into_iter().map(|name| (name, 0));
    zeros.chain(counts.iter().map(|(name, count)| (*name, *count))).collect()
}

/// A label's value, as the text format wants it.
fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
