//! The two UDP sockets of a leg, RTP and RTCP, non-blocking, and which of those that are watched have something to read.
//! Which ports they have is `ports`.

use std::cell::Cell;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;

use rustix::event::{Timespec, epoll};
use rustix::net::connect_unspec;
use socket2::SockRef;

use super::batch::Batch;
use super::quarter::QUARTERS;
use crate::ids::LegId;

/// Expedited forwarding (RFC 3246) in the DSCP bits: voice before everything else.
const EXPEDITED_FORWARDING: u32 = 0xb8;

/// Sockets found by one look; the others are found by the next.
const MAX_READY: usize = 1024;
/// Datagrams read from one socket at one turn: a flood on one leg does not starve the others.
const MAX_DATAGRAMS_AT_ONCE: usize = 64;
/// Octets read of a datagram; a longer one is cut and then refused as malformed or not.
pub(super) const MAX_DATAGRAM: usize = 1500;

/// Which of a leg's sockets has something to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    Rtp,
    Rtcp,
}

/// A socket that is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Watched {
    pub(super) quarter: usize,
    pub(super) leg: LegId,
    pub(super) stream: Stream,
}

impl Watched {
    fn key(self) -> u64 {
        (self.leg.0 * QUARTERS as u64 + self.quarter as u64) << 1 | u64::from(self.stream == Stream::Rtcp)
    }

    fn of_key(key: u64) -> Self {
        let (leg, quarter) = ((key >> 1) / QUARTERS as u64, (key >> 1) % QUARTERS as u64);
        let stream = if key & 1 == 0 { Stream::Rtp } else { Stream::Rtcp };
        Self { quarter: quarter as usize, leg: LegId(leg), stream }
    }
}

/// Which watched sockets of a thread have something to read (epoll(7)). A socket that is closed is no longer watched.
#[derive(Debug)]
pub(super) struct Readiness {
    epoll: OwnedFd,
    /// Keys of the sockets that the last look has found.
    ready: Vec<u64>,
}

impl Readiness {
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, ready: Vec::with_capacity(MAX_READY) })
    }

    fn watch(&self, socket: &UdpSocket, watched: Watched) -> io::Result<()> {
        let key = epoll::EventData::new_u64(watched.key());
        Ok(epoll::add(&self.epoll, socket, key, epoll::EventFlags::IN)?)
    }

    /// Looks without waiting; how many there are, [`MAX_READY`] at most.
    pub(super) fn look(&mut self) -> io::Result<usize> {
        let mut events = [const { MaybeUninit::uninit() }; MAX_READY];
        let (found, _) = epoll::wait(&self.epoll, &mut events, Some(&Timespec::default()))?;
        self.ready.clear();
        self.ready.extend(found.iter().map(|event| { event.data }.u64()));
        Ok(self.ready.len())
    }

    /// One of those that the last look has found.
    pub(super) fn found(&self, index: usize) -> Option<Watched> {
        self.ready.get(index).copied().map(Watched::of_key)
    }
}

#[derive(Debug)]
pub(super) struct SocketPair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// The kernel lets RTP in from there only, and knows the way there.
    connected: Option<SocketAddr>,
    /// RTP is looked for, not read at each turn.
    is_watched: bool,
    /// When this socket was last read until it was empty it gave one datagram, from there.
    even: Cell<Option<SocketAddr>>,
}

impl SocketPair {
    /// Binds `rtp_port` and the next one; RTCP is watched.
    pub(super) fn bind(
        ip: IpAddr,
        rtp_port: u16,
        leg: LegId,
        quarter: usize,
        readiness: &Readiness,
    ) -> io::Result<Self> {
        let rtp = bind_one(ip, rtp_port)?;
        let rtcp = bind_one(ip, rtp_port.checked_add(1).ok_or(io::ErrorKind::InvalidInput)?)?;
        readiness.watch(&rtcp, Watched { quarter, leg, stream: Stream::Rtcp })?;
        Ok(Self { rtp, rtcp, connected: None, is_watched: false, even: Cell::new(None) })
    }

    /// RTP is looked for from now on: a handshake does not wait for its leg's turn.
    pub(super) fn watch(&mut self, leg: LegId, quarter: usize, readiness: &Readiness) -> io::Result<()> {
        if !self.is_watched {
            readiness.watch(&self.rtp, Watched { quarter, leg, stream: Stream::Rtp })?;
            self.is_watched = true;
        }
        Ok(())
    }

    pub(super) fn is_watched(&self) -> bool {
        self.is_watched
    }

    pub(super) fn local_rtp(&self) -> io::Result<SocketAddr> {
        self.rtp.local_addr()
    }

    /// RTP comes from there only, and goes there: the kernel refuses strangers, and need not look for the way each
    /// time.
    pub(super) fn connect(&mut self, peer: SocketAddr) {
        match self.rtp.connect(peer) {
            Ok(()) => self.connected = Some(peer),
            Err(error) => tracing::debug!(%error, "RTP socket stays open to all"),
        }
    }

    /// RTP may come from anywhere again.
    pub(super) fn disconnect(&mut self) {
        if self.connected.take().is_some()
            && let Err(error) = connect_unspec(&self.rtp)
        {
            tracing::warn!(%error, "RTP socket stays closed to other addresses");
        }
    }

    /// Reads what has come for a turn, as far as the batch has room. Nearly every phone sends one packet a turn: such a
    /// one is not asked for a second, unless the socket `drains`.
    pub(super) fn read_turn(&self, leg: LegId, drains: bool, batch: &mut Batch) {
        let expected = self.even.get().filter(|_| !drains);
        let mut last = None;
        for count in 0..MAX_DATAGRAMS_AT_ONCE {
            let Some(room) = batch.room() else { break };
            let Some((len, from)) = self.receive(Stream::Rtp, room) else {
                self.even.set(last.filter(|_| count == 1));
                return;
            };
            batch.push(leg, Stream::Rtp, from, len);
            if expected == Some(from) {
                return;
            }
            last = Some(from);
        }
        self.even.set(None);
    }

    /// One datagram, if there is one: its length, cut to [`MAX_DATAGRAM`], and where it came from.
    pub(super) fn receive(&self, stream: Stream, room: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let len = room.len().min(MAX_DATAGRAM);
        unless_refused(|| self.socket(stream).recv_from(&mut room[..len])).ok()
    }

    pub(super) fn send(&self, stream: Stream, to: SocketAddr, packet: &[u8]) -> io::Result<usize> {
        let goes_straight = stream == Stream::Rtp && self.connected == Some(to);
        unless_refused(|| match goes_straight {
            true => self.rtp.send(packet),
            false => self.socket(stream).send_to(packet, to),
        })
    }

    fn socket(&self, stream: Stream) -> &UdpSocket {
        match stream {
            Stream::Rtp => &self.rtp,
            Stream::Rtcp => &self.rtcp,
        }
    }
}

/// A connected socket tells once that an earlier packet found nobody: that is not about this one.
fn unless_refused<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    match attempt() {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => attempt(),
        done => done,
    }
}

fn bind_one(ip: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((ip, port))?;
    socket.set_nonblocking(true)?;
    let options = SockRef::from(&socket);
    // A network that does not let us ask for priority still carries the call.
    match ip {
        IpAddr::V4(_) => options.set_tos_v4(EXPEDITED_FORWARDING).ok(),
        IpAddr::V6(_) => options.set_tclass_v6(EXPEDITED_FORWARDING).ok(),
    };
    Ok(socket)
}
