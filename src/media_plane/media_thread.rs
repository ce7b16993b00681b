//! The media thread: looks for packets four times in a tick of 20 ms, so that hundreds of calls wake it no more often
//! than one, and lets the exchange do the rest. Ticks follow a fixed rhythm; after a stall each missed one is made up,
//! so recordings keep their time. An order wakes it at once.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::fronts::{Fronts, Sockets};
use super::homes::Homes;
use super::ports::PortPool;
use super::queue::{Intake, Outlet};
use super::secure::{Identity, Passed};
use super::sockets::{Readiness, SocketPair, Stream};
use super::writer_thread::{Block, Work, writer_of};
use super::{Report, Reporter};
use crate::ids::{LegId, RecordingId};
use crate::media::{Command, Drops, Event, Exchange, Sink, TICK_MS};

const TICK: Duration = Duration::from_millis(TICK_MS);
/// Missed ticks made up in one go before sockets and orders get their turn: 0.5 s.
const MAX_TICKS_AT_ONCE: usize = 25;
/// Orders carried out in one go; the rest waits for the next turn, a moment later.
const MAX_ORDERS_AT_ONCE: usize = 256;
/// Time from one look at the sockets to the next. A packet waits for the next tick anyway; a handshake is this much
/// slower.
const LOOK: Duration = Duration::from_millis(TICK_MS / 4);
/// Datagrams read from one socket at one look: a flood on one leg does not starve the others.
const MAX_DATAGRAMS_AT_ONCE: usize = 16;
/// Octets read of a datagram; a longer one is cut and then refused as malformed or not.
const MAX_DATAGRAM: usize = 1500;
/// Ticks that a recording's writer gets at once, 0.96 s: a process that is killed loses less than a second.
const TICKS_PER_BLOCK: usize = 48;
/// Octets of a sample on both channels.
const FRAME_LEN: usize = 4;
/// Pairs tried when others hold ports of our range.
const MAX_BINDS: usize = 64;

/// What the media threads share with each other and with the plane that started them. Locked when a leg is opened or
/// closed or told something, never for a packet.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) stop: AtomicBool,
    pub(super) ports: Mutex<PortPool>,
    pub(super) ports_in_use: AtomicUsize,
    pub(super) homes: Mutex<Homes>,
}

impl Shared {
    pub(super) fn homes(&self) -> MutexGuard<'_, Homes> {
        self.homes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ports(&self) -> MutexGuard<'_, PortPool> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sound of a running recording that its writer does not have yet.
#[derive(Debug, Default)]
struct Collected {
    /// Frames handed out.
    handed_out: u64,
    /// Interleaved samples, little-endian.
    frames: Vec<u8>,
}

/// One media thread: its legs, their sockets and its clock.
pub(super) struct MediaThread {
    bind: Vec<IpAddr>,
    readiness: Readiness,
    shared: Arc<Shared>,
    orders: Outlet<Command>,
    exchange: Exchange,
    out: Out,
    next_look_at: Instant,
    next_tick_at: Instant,
}

/// Where the exchange's output goes.
struct Out {
    sockets: Sockets,
    fronts: Fronts,
    writers: Vec<Intake<Work>>,
    collected: HashMap<RecordingId, Collected>,
    /// Told only once the ports are free again.
    closed: Option<Event>,
    report: Reporter,
}

impl MediaThread {
    pub(super) fn new(
        bind: Vec<IpAddr>,
        readiness: Readiness,
        shared: Arc<Shared>,
        identity: Arc<Identity>,
        orders: Outlet<Command>,
        writers: Vec<Intake<Work>>,
        report: Reporter,
    ) -> Self {
        let out = Out {
            sockets: HashMap::new(),
            fronts: Fronts::new(identity),
            writers,
            collected: HashMap::new(),
            closed: None,
            report,
        };
        let now = crate::time::now().mono;
        let (next_look_at, next_tick_at) = (now, now + TICK);
        Self { bind, readiness, shared, orders, exchange: Exchange::new(), out, next_look_at, next_tick_at }
    }

    pub(super) fn run(mut self) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            let rest = self.next_look_at.saturating_duration_since(crate::time::now().mono);
            if !rest.is_zero() {
                std::thread::park_timeout(rest);
            }
            self.carry_out_orders();
            if self.next_look_at <= crate::time::now().mono {
                self.receive();
                self.tick();
                self.plan_look();
            }
        }
        for (recording, collected) in &mut self.out.collected {
            hand_out(&self.out.writers, *recording, collected);
        }
    }

    /// A quarter of a tick later, and exactly at the tick.
    fn plan_look(&mut self) {
        let wanted = if self.exchange.is_empty() { TICK } else { LOOK };
        self.next_look_at = (crate::time::now().mono + wanted).min(self.next_tick_at);
    }

    /// Each socket gives one datagram a round, until none has any.
    fn receive(&mut self) {
        for _ in 0..MAX_DATAGRAMS_AT_ONCE {
            let count = match self.readiness.look() {
                Ok(0) => return,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    // Sockets are deaf now, but play-out and recordings go on.
                    tracing::error!(%error, "cannot look for packets");
                    return;
                }
            };
            let now = crate::time::now().mono;
            for index in 0..count {
                if let Some((leg, stream)) = self.readiness.found(index) {
                    self.read(leg, stream, now);
                }
            }
        }
    }

    fn read(&mut self, leg: LegId, stream: Stream, now: Instant) {
        let mut buffer = [0; MAX_DATAGRAM];
        let Some(pair) = self.out.sockets.get(&leg) else { return };
        let Ok((len, from)) = pair.socket(stream).recv_from(&mut buffer) else { return };
        let Out { fronts, sockets, .. } = &mut self.out;
        let opened = fronts.open((leg, stream), from, &mut buffer[..len], now, sockets);
        let Some(Passed { stream, from, len }) = opened else { return };
        match stream {
            Stream::Rtp => self.exchange.handle_rtp(leg, from, &buffer[..len], now, &mut self.out),
            Stream::Rtcp => self.exchange.handle_rtcp(leg, from, &buffer[..len], now, &mut self.out),
        }
    }

    fn tick(&mut self) {
        let now = crate::time::now().mono;
        for _ in 0..MAX_TICKS_AT_ONCE {
            if self.next_tick_at > now {
                break;
            }
            self.exchange.handle_tick(self.next_tick_at, &mut self.out);
            self.next_tick_at += TICK;
        }
        for leg in self.out.fronts.handle_timeouts(now, &self.out.sockets) {
            self.out.report.report(Report::Media(Event::SecurityFailed { leg }));
        }
    }

    fn carry_out_orders(&mut self) {
        for _ in 0..MAX_ORDERS_AT_ONCE {
            match self.orders.try_pop() {
                Some(Command::Open { leg, seed, towards, .. }) => self.open(leg, seed, towards),
                Some(command) => self.carry_out(command),
                None => return,
            }
        }
        // There may be more: come back without a rest.
        std::thread::current().unpark();
    }

    fn carry_out(&mut self, command: Command) {
        let now = crate::time::now().mono;
        if let Command::Connect { leg, session } = &command {
            self.out.fronts.connect(*leg, session, now, &self.out.sockets);
        }
        self.exchange.handle_command(command, now, &mut self.out);
        if let Some(Event::Closed { leg, mut stats }) = self.out.closed.take() {
            stats.drops.add(&self.release(leg));
            self.out.report.report(Report::Media(Event::Closed { leg, stats }));
        }
    }

    fn open(&mut self, leg: LegId, seed: u64, towards: IpAddr) {
        if self.out.sockets.contains_key(&leg) {
            return;
        }
        let event = match self.bind(leg, towards) {
            Some((pair, local_rtp)) => {
                self.out.sockets.insert(leg, pair);
                self.shared.ports_in_use.fetch_add(1, Ordering::Relaxed);
                self.carry_out(Command::Open { leg, seed, towards, beside: None });
                Event::Opened { leg, local_rtp }
            }
            None => {
                tracing::warn!(leg.id = %leg, "no RTP port free");
                self.shared.homes().close(leg);
                Event::OpenFailed { leg }
            }
        };
        self.out.report.report(Report::Media(event));
    }

    fn bind(&mut self, leg: LegId, towards: IpAddr) -> Option<(SocketPair, SocketAddr)> {
        let is_ipv4 = towards.to_canonical().is_ipv4();
        let ip = *self.bind.iter().find(|ip| ip.is_ipv4() == is_ipv4).or(self.bind.first())?;
        for _ in 0..MAX_BINDS {
            let now = crate::time::now().mono;
            let port = self.shared.ports().take(now)?;
            match SocketPair::bind(ip, port, leg, &self.readiness).and_then(|pair| {
                let local_rtp = pair.local_rtp()?;
                Ok((pair, local_rtp))
            }) {
                Ok(bound) => return Some(bound),
                Err(error) => {
                    tracing::debug!(port, %error, "RTP port is not ours");
                    self.shared.ports().put_back(port, now);
                }
            }
        }
        None
    }

    /// Gives the ports of a leg back; the packets its front dropped.
    fn release(&mut self, leg: LegId) -> Drops {
        if let Some(pair) = self.out.sockets.remove(&leg) {
            if let Ok(local_rtp) = pair.local_rtp() {
                self.shared.ports().put_back(local_rtp.port(), crate::time::now().mono);
            }
            self.shared.ports_in_use.fetch_sub(1, Ordering::Relaxed);
        }
        self.out.fronts.remove(leg)
    }
}

impl Sink for Out {
    fn transmit_rtp(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]) {
        self.fronts.send((leg, Stream::Rtp), to, packet, &self.sockets);
    }

    fn transmit_rtcp(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]) {
        self.fronts.send((leg, Stream::Rtcp), to, packet, &self.sockets);
    }

    fn record(&mut self, recording: RecordingId, left: &[i16], right: &[i16]) {
        let collected = self.collected.entry(recording).or_default();
        for (left, right) in left.iter().zip(right) {
            collected.frames.extend(left.to_le_bytes());
            collected.frames.extend(right.to_le_bytes());
        }
        if collected.frames.len() >= left.len() * FRAME_LEN * TICKS_PER_BLOCK {
            hand_out(&self.writers, recording, collected);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Closed { .. } => {
                self.closed = Some(event);
                return;
            }
            Event::RecordingEnded { recording, frames } => {
                if let Some(mut collected) = self.collected.remove(&recording) {
                    hand_out(&self.writers, recording, &mut collected);
                }
                let ended = Work::Ended { recording, frames };
                if writer_of(&self.writers, recording).push_reserved(ended).is_err() {
                    tracing::error!(recording.id = %recording, "writer is stuck: the end is not known to it");
                }
            }
            _ => {}
        }
        self.report.report(Report::Media(event));
    }
}

/// Gives what was collected to the writer. A refused block is seen by it as a hole before the next one, and listed as a
/// gap.
fn hand_out(writers: &[Intake<Work>], recording: RecordingId, collected: &mut Collected) {
    let first_frame = collected.handed_out;
    let next = Vec::with_capacity(collected.frames.len());
    let frames = std::mem::replace(&mut collected.frames, next);
    collected.handed_out += (frames.len() / FRAME_LEN) as u64;
    writer_of(writers, recording).push(Work::Block(Block { recording, first_frame, frames })).ok();
}
