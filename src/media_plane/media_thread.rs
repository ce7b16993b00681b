//! The media thread: a turn every 5 ms, each for a quarter of its legs, so that every leg has one each 20 ms and packets
//! leave evenly; handshakes and reports are looked for in between. Turns follow a fixed rhythm; after a stall each
//! missed one is made up, so recordings keep their time. An order wakes the thread at once.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::setpriority_process;
use rustix::thread::gettid;

use super::collector::Collector;
use super::fronts::Fronts;
use super::homes::Homes;
use super::ports::PortPool;
use super::punctuality::Punctuality;
use super::quarter::{Mail, QUARTERS, Quarter, TURN};
use super::queue::{Intake, Outlet};
use super::secure::Identity;
use super::sockets::{Readiness, SocketPair, Watched};
use super::writer_thread::Work;
use super::{Report, Reporter};
use crate::ids::LegId;
use crate::media::{Command, Event};

/// Missed turns made up in one go before orders get theirs: 0.5 s.
const MAX_TURNS_AT_ONCE: usize = 25 * QUARTERS;
/// Orders carried out in one go; the rest waits for the next turn, a moment later.
const MAX_ORDERS_AT_ONCE: usize = 256;
/// Looks at the watched sockets in one turn, each a datagram per socket: a flood on one leg does not starve the others.
const MAX_LOOKS: usize = 16;
/// Before everything else on the machine that is not in real time; as much as desktops give their sound (nice(2)).
const NICENESS: i32 = -11;
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
    /// Media threads that do not keep up.
    pub(super) overloaded: AtomicUsize,
}

impl Shared {
    pub(super) fn homes(&self) -> MutexGuard<'_, Homes> {
        self.homes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ports(&self) -> MutexGuard<'_, PortPool> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command, and the quarter that has its leg.
#[derive(Debug)]
pub(super) struct Addressed {
    pub(super) quarter: usize,
    pub(super) command: Command,
}

/// One media thread: its legs by quarters, and its clock.
pub(super) struct MediaThread {
    bind: Vec<IpAddr>,
    readiness: Readiness,
    shared: Arc<Shared>,
    orders: Outlet<Addressed>,
    quarters: [Quarter; QUARTERS],
    report: Reporter,
    /// Whose turn is next, and when.
    next: usize,
    next_turn_at: Instant,
    punctuality: Punctuality,
    mail: Mail,
}

impl MediaThread {
    pub(super) fn new(
        bind: Vec<IpAddr>,
        readiness: Readiness,
        shared: Arc<Shared>,
        identity: &Arc<Identity>,
        orders: Outlet<Addressed>,
        writers: &[Intake<Work>],
        report: Reporter,
    ) -> Self {
        let quarters = std::array::from_fn(|_| {
            Quarter::new(Fronts::new(identity.clone()), Collector::new(writers.to_vec()), report.clone())
        });
        let (next, next_turn_at) = (0, crate::time::now().mono);
        let punctuality = Punctuality::new(next_turn_at);
        let mail = Mail::new();
        Self { bind, readiness, shared, orders, quarters, report, next, next_turn_at, punctuality, mail }
    }

    pub(super) fn run(mut self) {
        // Without the right to do so it is one thread among others: late under load, but right.
        if let Err(error) = setpriority_process(Some(gettid()), NICENESS) {
            tracing::info!(%error, "media threads have no priority");
        }
        while !self.shared.stop.load(Ordering::Relaxed) {
            let rest = self.rest();
            if !rest.is_zero() {
                std::thread::park_timeout(rest);
            }
            self.carry_out_orders();
            if self.next_turn_at <= crate::time::now().mono {
                self.look();
                self.take_turns();
            }
        }
        for quarter in &mut self.quarters {
            quarter.hand_out();
        }
    }

    /// Until the next turn; as nobody has any while there are no legs, until a round of them has passed.
    fn rest(&self) -> Duration {
        let wanted =
            if self.is_empty() { self.next_turn_at + TURN * QUARTERS as u32 } else { self.next_turn_at };
        wanted.saturating_duration_since(crate::time::now().mono)
    }

    fn is_empty(&self) -> bool {
        self.quarters.iter().all(Quarter::is_empty)
    }

    /// Each watched socket gives one datagram a look, until none has any.
    fn look(&mut self) {
        for _ in 0..MAX_LOOKS {
            let count = match self.readiness.look() {
                Ok(0) => return,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    // Secure legs are deaf now, but play-out and recordings go on.
                    tracing::error!(%error, "cannot look for packets");
                    return;
                }
            };
            let now = crate::time::now().mono;
            for index in 0..count {
                if let Some(Watched { quarter, leg, stream }) = self.readiness.found(index) {
                    self.quarters[quarter].read(leg, stream, now, &mut self.mail);
                }
            }
        }
    }

    fn take_turns(&mut self) {
        let now = crate::time::now().mono;
        self.judge(now);
        for _ in 0..MAX_TURNS_AT_ONCE {
            if self.next_turn_at > now {
                break;
            }
            self.quarters[self.next].take_turn(self.next_turn_at, &self.readiness, &mut self.mail);
            self.next = (self.next + 1) % QUARTERS;
            self.next_turn_at += TURN;
        }
    }

    /// Whether the turns come in time; without legs nobody waits for them.
    fn judge(&mut self, now: Instant) {
        let due = if self.is_empty() { now } else { self.next_turn_at };
        if !self.punctuality.note(due, now) {
            return;
        }
        if self.punctuality.is_overloaded() {
            self.shared.overloaded.fetch_add(1, Ordering::Relaxed);
            tracing::error!("media is late: no new calls until it keeps up again");
        } else {
            self.shared.overloaded.fetch_sub(1, Ordering::Relaxed);
            tracing::info!("media keeps up again");
        }
    }

    fn carry_out_orders(&mut self) {
        for _ in 0..MAX_ORDERS_AT_ONCE {
            let Some(Addressed { quarter, command }) = self.orders.try_pop() else { return };
            match command {
                Command::Open { .. } => self.open(quarter, command),
                command => self.carry_out(quarter, command),
            }
        }
        // There may be more: come back without a rest.
        std::thread::current().unpark();
    }

    fn carry_out(&mut self, quarter: usize, command: Command) {
        let (leg, legs) = (command.leg(), &mut self.quarters[quarter]);
        if let Command::Connect { session, .. } = &command {
            legs.connect(leg, session, |pair| pair.disconnect(leg, quarter, &self.readiness));
        }
        if let Some(mut stats) = legs.carry_out(command, &mut self.mail) {
            let (pair, drops) = legs.release(leg);
            stats.drops.add(&drops);
            self.free(pair);
            self.report.report(Report::Media(Event::Closed { leg, stats }));
        }
    }

    fn open(&mut self, quarter: usize, command: Command) {
        let Command::Open { leg, towards, .. } = command else { return };
        if self.quarters[quarter].has(leg) {
            return;
        }
        let event = match self.bind(leg, quarter, towards) {
            Some((pair, local_rtp)) => {
                self.shared.ports_in_use.fetch_add(1, Ordering::Relaxed);
                self.quarters[quarter].open(leg, pair, command, &mut self.mail);
                Event::Opened { leg, local_rtp }
            }
            None => {
                tracing::warn!(leg.id = %leg, "no RTP port free");
                self.shared.homes().close(leg);
                Event::OpenFailed { leg }
            }
        };
        self.report.report(Report::Media(event));
    }

    fn bind(&mut self, leg: LegId, quarter: usize, towards: IpAddr) -> Option<(SocketPair, SocketAddr)> {
        let is_ipv4 = towards.to_canonical().is_ipv4();
        let ip = *self.bind.iter().find(|ip| ip.is_ipv4() == is_ipv4).or(self.bind.first())?;
        for _ in 0..MAX_BINDS {
            let now = crate::time::now().mono;
            let port = self.shared.ports().take(now)?;
            match SocketPair::bind(ip, port, (leg, quarter), &self.readiness).and_then(|pair| {
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

    /// Gives the ports of a leg back.
    fn free(&self, pair: Option<SocketPair>) {
        let Some(pair) = pair else { return };
        if let Ok(local_rtp) = pair.local_rtp() {
            self.shared.ports().put_back(local_rtp.port(), crate::time::now().mono);
        }
        self.shared.ports_in_use.fetch_sub(1, Ordering::Relaxed);
    }
}
