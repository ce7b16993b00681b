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
/// Turns with one packet each after which a phone is believed to send no more than that: with packets of 10 ms no eight
/// turns in a row have one.
const EVEN_TURNS: u8 = 8;
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

    fn forget(&self, socket: &UdpSocket) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, socket)?)
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
    /// RTP is read when it is found, within a quarter of a tick, so that times of arrival are exact and handshakes do not
    /// wait; once connected it is read at each turn.
    is_watched: bool,
    pace: Cell<Pace>,
}

/// How many turns in a row a socket has given one datagram, each from there and of that length.
#[derive(Clone, Copy, Default, Debug)]
struct Pace {
    alike: Option<(SocketAddr, usize)>,
    turns: u8,
}

impl Pace {
    /// After a turn that gave one datagram, or another number of them.
    fn after(self, one: Option<(SocketAddr, usize)>) -> Self {
        let goes_on = one.is_some() && one == self.alike;
        let turns = if goes_on { self.turns.saturating_add(1) } else { u8::from(one.is_some()) };
        Self { alike: one, turns }
    }
}

impl SocketPair {
    /// Binds `rtp_port` and the next one; both are watched.
    pub(super) fn bind(
        ip: IpAddr,
        rtp_port: u16,
        (leg, quarter): (LegId, usize),
        readiness: &Readiness,
    ) -> io::Result<Self> {
        let rtp = bind_one(ip, rtp_port)?;
        let rtcp = bind_one(ip, rtp_port.checked_add(1).ok_or(io::ErrorKind::InvalidInput)?)?;
        readiness.watch(&rtp, Watched { quarter, leg, stream: Stream::Rtp })?;
        readiness.watch(&rtcp, Watched { quarter, leg, stream: Stream::Rtcp })?;
        Ok(Self { rtp, rtcp, connected: None, is_watched: true, pace: Cell::default() })
    }

    /// RTP is read by [`Self::read_turn`], not when it is found.
    pub(super) fn is_read_at_turns(&self) -> bool {
        !self.is_watched
    }

    pub(super) fn local_rtp(&self) -> io::Result<SocketAddr> {
        self.rtp.local_addr()
    }

    /// RTP comes from there only, and goes there: the kernel refuses strangers, and need not look for the way each time.
    /// It is read at each turn from now on.
    pub(super) fn connect(&mut self, peer: SocketAddr, readiness: &Readiness) {
        if let Err(error) = self.rtp.connect(peer) {
            tracing::debug!(%error, "RTP socket stays open to all");
            return;
        }
        self.connected = Some(peer);
        if self.is_watched && readiness.forget(&self.rtp).is_ok() {
            self.is_watched = false;
        }
    }

    /// RTP may come from anywhere again, and is watched. A socket that cannot be watched is not read at all: it may be a
    /// secure leg's, which nobody reads at its turns.
    pub(super) fn disconnect(&mut self, leg: LegId, quarter: usize, readiness: &Readiness) -> io::Result<()> {
        if self.connected.take().is_some() {
            connect_unspec(&self.rtp)?;
        }
        if !self.is_watched {
            self.is_watched = true;
            readiness.watch(&self.rtp, Watched { quarter, leg, stream: Stream::Rtp })?;
        }
        Ok(())
    }

    /// Reads what has come for a turn; false when the batch had no room for all of it. A phone that has sent one packet
    /// a turn for a while is not asked for a second, unless the socket `drains`.
    pub(super) fn read_turn(&self, leg: LegId, drains: bool, batch: &mut Batch) -> bool {
        let pace = self.pace.take();
        let expected = pace.alike.filter(|_| pace.turns >= EVEN_TURNS && !drains);
        let mut last = None;
        for count in 0..MAX_DATAGRAMS_AT_ONCE {
            let Some(room) = batch.room() else { return false };
            let Some((len, from)) = self.receive(Stream::Rtp, room) else {
                self.pace.set(pace.after(last.filter(|_| count == 1)));
                return true;
            };
            batch.push(leg, Stream::Rtp, from, len);
            last = Some((from, len));
            if count == 0 && expected == last {
                self.pace.set(pace);
                return true;
            }
        }
        true
    }

    /// One datagram, if there is one: its length, cut to [`MAX_DATAGRAM`], and where it came from.
    pub(super) fn receive(&self, stream: Stream, room: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let len = room.len().min(MAX_DATAGRAM);
        twice(|| self.socket(stream).recv_from(&mut room[..len])).ok()
    }

    pub(super) fn send(&self, stream: Stream, to: SocketAddr, packet: &[u8]) -> io::Result<usize> {
        let goes_straight = stream == Stream::Rtp && self.connected == Some(to);
        twice(|| match goes_straight {
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

/// A connected socket tells once that an earlier packet did not arrive (ICMP): that is not about this one.
fn twice<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    match attempt() {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => attempt(),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    const LEG: LegId = LegId(1);
    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    struct Bench {
        readiness: Readiness,
        pair: SocketPair,
        plane: SocketAddr,
        batch: Batch,
    }

    impl Bench {
        fn new() -> Self {
            let readiness = Readiness::new().unwrap();
            // Beyond the range of the plane's own tests.
            let ports = (61_000..65_000).step_by(2).skip(std::process::id() as usize % 1000);
            let bind = |port| SocketPair::bind(LOOPBACK, port, (LEG, 3), &readiness).ok();
            let pair = ports.into_iter().find_map(bind).unwrap();
            let plane = pair.local_rtp().unwrap();
            Self { readiness, pair, plane, batch: Batch::new() }
        }

        fn peer() -> UdpSocket {
            UdpSocket::bind((LOOPBACK, 0)).unwrap()
        }

        /// Packets of that length from a peer, there before this returns.
        fn hear(&self, peer: &UdpSocket, len: usize, count: usize) {
            let queued = || SockRef::from(&self.pair.rtp).peek(&mut [MaybeUninit::uninit(); 1]).is_ok();
            for _ in 0..count {
                peer.send_to(&[0x80; 200][..len], self.plane).unwrap();
            }
            while !queued() {
                std::thread::yield_now();
            }
        }

        /// Lengths of what a turn gave.
        fn turn(&mut self, drains: bool) -> Vec<usize> {
            assert!(self.pair.read_turn(LEG, drains, &mut self.batch));
            let mut lengths = Vec::new();
            self.batch.drain(|_, datagram| lengths.push(datagram.len()));
            lengths
        }
    }

    #[test]
    fn a_socket_found_names_its_leg() {
        for watched in [(0, 1, Stream::Rtp), (3, u64::MAX >> 3, Stream::Rtcp)] {
            let (quarter, leg, stream) = watched;
            let watched = Watched { quarter, leg: LegId(leg), stream };
            assert_eq!(Watched::of_key(watched.key()), watched);
        }
    }

    #[test]
    fn one_packet_is_read_of_an_even_phone_and_all_of_any_other() {
        let (mut bench, peer) = (Bench::new(), Bench::peer());
        for _ in 0..EVEN_TURNS {
            bench.hear(&peer, 172, 1);
            assert_eq!(bench.turn(false), [172]);
        }
        bench.hear(&peer, 172, 2);
        assert_eq!(bench.turn(false), [172], "is believed to send one");
        bench.hear(&peer, 172, 1);
        assert_eq!(bench.turn(true), [172, 172], "drained");
        bench.hear(&peer, 172, 2);
        assert_eq!(bench.turn(false), [172, 172], "no longer believed");
        for _ in 0..EVEN_TURNS {
            bench.hear(&peer, 172, 1);
            bench.turn(false);
        }
        bench.hear(&peer, 16, 1);
        bench.hear(&peer, 172, 1);
        assert_eq!(bench.turn(false), [16, 172], "a key beside the sound");
        assert_eq!(bench.turn(false), [0; 0]);
    }

    #[test]
    fn a_connected_socket_hears_its_peer_only_until_it_is_open_again() {
        let (mut bench, peer, stranger) = (Bench::new(), Bench::peer(), Bench::peer());
        bench.pair.connect(peer.local_addr().unwrap(), &bench.readiness);
        assert!(bench.pair.is_read_at_turns());
        // Refused before it comes in: what the peer says afterwards is first.
        stranger.send_to(&[0; 50], bench.plane).unwrap();
        bench.hear(&peer, 172, 1);
        assert_eq!(bench.turn(false), [172]);
        assert_eq!(bench.readiness.look().unwrap(), 0);
        bench.pair.disconnect(LEG, 3, &bench.readiness).unwrap();
        assert_eq!(bench.pair.local_rtp().unwrap(), bench.plane);
        bench.hear(&stranger, 50, 1);
        assert_eq!(bench.readiness.look().unwrap(), 1);
        let watched = Watched { quarter: 3, leg: LEG, stream: Stream::Rtp };
        assert_eq!(bench.readiness.found(0), Some(watched));
        assert_eq!(bench.turn(false), [50]);
    }

    #[test]
    fn a_peer_that_was_away_misses_no_packet_once_it_is_back() {
        let (mut bench, peer) = (Bench::new(), Bench::peer());
        let address = peer.local_addr().unwrap();
        bench.pair.connect(address, &bench.readiness);
        drop(peer);
        bench.pair.send(Stream::Rtp, address, b"to nobody").unwrap();
        let peer = UdpSocket::bind(address).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(bench.pair.send(Stream::Rtp, address, b"sound").unwrap(), 5);
        assert_eq!(peer.recv(&mut [0; 20]).unwrap(), 5);
        bench.hear(&peer, 172, 1);
        assert_eq!(bench.turn(false), [172]);
    }
}
