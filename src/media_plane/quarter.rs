//! A quarter: legs of one media thread whose turn comes together, once in a tick, and the other quarters' in between,
//! so that packets leave evenly. Their sockets, their secure fronts, their exchange; blocks of their recordings on the
//! way to the writers. When a turn comes is `media_thread`.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::batch::{Batch, Envelope};
use super::collector::Collector;
use super::fronts::{Fronts, Sockets};
use super::secure::Passed;
use super::sockets::{MAX_DATAGRAM, Readiness, SocketPair, Stream};
use super::{Report, Reporter};
use crate::ids::{LegId, RecordingId};
use crate::media::{Command, Drops, Event, Exchange, LegStats, Sink, TICK_MS};
use crate::sdp::AudioSession;

/// Turns of a tick.
pub(super) const QUARTERS: usize = 4;
/// From one turn to the next.
pub(super) const TURN: Duration = Duration::from_millis(TICK_MS / QUARTERS as u64);

/// Turns after which a socket is read until it is empty, though it gives one datagram a turn: what piled up does not
/// stay.
const TURNS_PER_DRAIN: u64 = 16;

pub(super) struct Quarter {
    exchange: Exchange,
    sockets: Sockets,
    fronts: Fronts,
    collector: Collector,
    report: Reporter,
    turns: u64,
}

/// Datagrams on their way in and out; one pair serves all quarters of a thread.
#[derive(Debug)]
pub(super) struct Mail {
    incoming: Batch,
    outgoing: Batch,
    /// Of a watched socket.
    datagram: Box<[u8; MAX_DATAGRAM]>,
}

impl Mail {
    pub(super) fn new() -> Self {
        Self { incoming: Batch::new(), outgoing: Batch::new(), datagram: Box::new([0; MAX_DATAGRAM]) }
    }
}

/// Where the exchange's output goes.
struct Out<'a> {
    sockets: &'a Sockets,
    fronts: &'a mut Fronts,
    collector: &'a mut Collector,
    outgoing: &'a mut Batch,
    report: &'a Reporter,
    /// Told only once the ports are free again.
    closed: Option<LegStats>,
    /// Whose packets come from one address only from now on.
    settled: Vec<(LegId, SocketAddr)>,
}

impl Quarter {
    pub(super) fn new(fronts: Fronts, collector: Collector, report: Reporter) -> Self {
        Self { exchange: Exchange::new(), sockets: Sockets::new(), fronts, collector, report, turns: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    pub(super) fn has(&self, leg: LegId) -> bool {
        self.sockets.contains_key(&leg)
    }

    fn split<'a>(&'a mut self, outgoing: &'a mut Batch) -> (&'a mut Exchange, Out<'a>) {
        let Self { exchange, sockets, fronts, collector, report, .. } = self;
        let (closed, settled) = (None, Vec::new());
        (exchange, Out { sockets, fronts, collector, outgoing, report, closed, settled })
    }

    /// What has come in, then the tick. `nominal` is the time at which the turn was due.
    pub(super) fn take_turn(&mut self, nominal: Instant, readiness: &Readiness, mail: &mut Mail) {
        if self.sockets.is_empty() {
            return;
        }
        self.turns += 1;
        self.receive(mail);
        let (exchange, mut out) = self.split(&mut mail.outgoing);
        exchange.handle_tick(nominal, &mut out);
        out.send();
        for (leg, address) in out.settled {
            // Where a secure leg is to be reached is its front's to say.
            if let Some(pair) = self.sockets.get_mut(&leg).filter(|_| !self.fronts.has(leg)) {
                pair.connect(address, readiness);
            }
        }
        for leg in self.fronts.handle_timeouts(crate::time::now().mono, &self.sockets) {
            self.report.report(Report::Media(Event::SecurityFailed { leg }));
        }
    }

    fn receive(&mut self, mail: &mut Mail) {
        let Mail { incoming, outgoing, .. } = mail;
        let (now, turns) = (crate::time::now().mono, self.turns);
        let (exchange, mut out) = self.split(outgoing);
        let sockets = out.sockets;
        let mut hand_over = |incoming: &mut Batch| {
            incoming.drain(|Envelope { leg, address, .. }, packet| {
                exchange.handle_rtp(leg, address, packet, now, &mut out);
            });
        };
        for (leg, pair) in sockets.iter().filter(|(_, pair)| pair.is_read_at_turns()) {
            if incoming.is_full() {
                hand_over(incoming);
            }
            let drains = (turns + leg.0).is_multiple_of(TURNS_PER_DRAIN);
            if !pair.read_turn(*leg, drains, incoming) {
                hand_over(incoming);
                pair.read_turn(*leg, drains, incoming);
            }
        }
        hand_over(incoming);
    }

    /// One datagram of a socket that is watched.
    pub(super) fn read(&mut self, leg: LegId, stream: Stream, now: Instant, mail: &mut Mail) {
        let Mail { datagram, outgoing, .. } = mail;
        let (exchange, mut out) = self.split(outgoing);
        let pair = out.sockets.get(&leg);
        let Some((len, from)) = pair.and_then(|pair| pair.receive(stream, &mut datagram[..])) else { return };
        let opened = out.fronts.open((leg, stream), from, &mut datagram[..len], now, out.sockets);
        let Some(Passed { stream, from, len }) = opened else { return };
        match stream {
            Stream::Rtp => exchange.handle_rtp(leg, from, &datagram[..len], now, &mut out),
            Stream::Rtcp => exchange.handle_rtcp(leg, from, &datagram[..len], now, &mut out),
        }
    }

    /// Adds a leg.
    pub(super) fn open(&mut self, leg: LegId, pair: SocketPair, command: Command, mail: &mut Mail) {
        self.sockets.insert(leg, pair);
        self.carry_out(command, mail);
    }

    /// What was agreed for a leg, for the first time or anew: its peer may be elsewhere. `open` undoes what was settled
    /// with its socket.
    pub(super) fn connect(
        &mut self,
        leg: LegId,
        session: &AudioSession,
        open: impl FnOnce(&mut SocketPair) -> io::Result<()>,
    ) {
        if let Some(Err(error)) = self.sockets.get_mut(&leg).map(open) {
            tracing::error!(leg.id = %leg, %error, "cannot open the socket to a new peer");
        }
        self.fronts.connect(leg, session, crate::time::now().mono, &self.sockets);
    }

    /// What the leg counted, if the command has closed it: its sockets are still to be released.
    pub(super) fn carry_out(&mut self, command: Command, mail: &mut Mail) -> Option<LegStats> {
        let (exchange, mut out) = self.split(&mut mail.outgoing);
        exchange.handle_command(command, crate::time::now().mono, &mut out);
        out.send();
        out.closed
    }

    /// Forgets a leg that is closed: its sockets, and the packets its front dropped.
    pub(super) fn release(&mut self, leg: LegId) -> (Option<SocketPair>, Drops) {
        (self.sockets.remove(&leg), self.fronts.remove(leg))
    }

    /// Gives the writers all they do not have yet.
    pub(super) fn hand_out(&mut self) {
        self.collector.hand_out();
    }
}

impl Out<'_> {
    fn post(&mut self, leg: LegId, stream: Stream, to: SocketAddr, packet: &[u8]) {
        if self.outgoing.is_full() {
            self.send();
        }
        self.fronts.post((leg, stream), to, packet, self.outgoing);
    }

    fn send(&mut self) {
        let sockets = self.sockets;
        self.outgoing.drain(|Envelope { leg, stream, address }, packet| {
            // A full socket buffer or an unreachable peer is loss, as on any other hop.
            if let Some(Err(error)) = sockets.get(&leg).map(|pair| pair.send(stream, address, packet)) {
                tracing::trace!(leg.id = %leg, %error, "packet not sent");
            }
        });
    }
}

impl Sink for Out<'_> {
    fn transmit_rtp(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]) {
        self.post(leg, Stream::Rtp, to, packet);
    }

    fn transmit_rtcp(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]) {
        self.post(leg, Stream::Rtcp, to, packet);
    }

    fn settled(&mut self, leg: LegId, address: SocketAddr) {
        self.settled.push((leg, address));
    }

    fn record(&mut self, recording: RecordingId, left: &[i16], right: &[i16]) {
        self.collector.record(recording, left, right);
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Closed { stats, .. } => {
                self.closed = Some(stats);
                return;
            }
            Event::RecordingEnded { recording, frames } => self.collector.end(recording, frames),
            _ => {}
        }
        self.report.report(Report::Media(event));
    }
}
