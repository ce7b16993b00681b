//! What happened on the sockets, counted since the start.
//! Read for metrics, never reset; nothing is decided by these numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Shared by all tasks of the net. Each counter stands alone, so no ordering between them is promised.
#[derive(Default, Debug)]
pub struct Counters {
    pub(super) messages: AtomicU64,
    pub(super) keep_alives: AtomicU64,
    pub(super) garbage: AtomicU64,
    pub(super) malformed: AtomicU64,
    pub(super) oversize: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) shunned: AtomicU64,
    pub(super) arrivals_dropped: AtomicU64,
    pub(super) sends_dropped: AtomicU64,
    pub(super) sends_failed: AtomicU64,
    pub(super) connections_opened: AtomicU64,
    pub(super) connections_closed: AtomicU64,
    pub(super) connections_refused: AtomicU64,
    pub(super) sources_refused: AtomicU64,
    pub(super) strangers_displaced: AtomicU64,
    pub(super) handshakes_failed: AtomicU64,
    pub(super) connections_timed_out: AtomicU64,
}

/// One reading of [`Counters`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Messages that could be read.
    pub messages: u64,
    /// Empty lines that keep a path open.
    pub keep_alives: u64,
    /// Datagrams that were never meant to be SIP: STUN, scans of other services.
    pub garbage: u64,
    /// Messages and streams that could not be read, oversize ones included.
    pub malformed: u64,
    /// Messages above the size limit.
    pub oversize: u64,
    /// Malformed requests that were answered 400, 505 or 513.
    pub rejected: u64,
    /// Datagrams and connections of sources that are not listened to, dropped unread.
    pub shunned: u64,
    /// Messages and reports lost because the arrival queue was full.
    pub arrivals_dropped: u64,
    /// Datagrams lost because the socket's buffer was full.
    pub sends_dropped: u64,
    /// Messages that could not be sent: no such transport, an error, a full queue.
    pub sends_failed: u64,
    /// Accepted or tried; minus the closed ones, those in the table.
    pub connections_opened: u64,
    pub connections_closed: u64,
    /// Turned away at the limit.
    pub connections_refused: u64,
    /// Turned away because their source holds its share already.
    pub sources_refused: u64,
    /// Closed at the limit for a later one, without having shown a password.
    pub strangers_displaced: u64,
    /// TLS handshakes of either direction that came to nothing: refused, broken off, out of time.
    pub handshakes_failed: u64,
    /// Closed for silence or for not reading.
    pub connections_timed_out: u64,
}

impl Counters {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn read(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            messages: read(&self.messages),
            keep_alives: read(&self.keep_alives),
            garbage: read(&self.garbage),
            malformed: read(&self.malformed),
            oversize: read(&self.oversize),
            rejected: read(&self.rejected),
            shunned: read(&self.shunned),
            arrivals_dropped: read(&self.arrivals_dropped),
            sends_dropped: read(&self.sends_dropped),
            sends_failed: read(&self.sends_failed),
            connections_opened: read(&self.connections_opened),
            connections_closed: read(&self.connections_closed),
            connections_refused: read(&self.connections_refused),
            sources_refused: read(&self.sources_refused),
            strangers_displaced: read(&self.strangers_displaced),
            handshakes_failed: read(&self.handshakes_failed),
            connections_timed_out: read(&self.connections_timed_out),
        }
    }
}
