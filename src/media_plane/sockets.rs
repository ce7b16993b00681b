//! The two UDP sockets of a leg, RTP and RTCP, non-blocking, and which of a thread's have something to read. Which
//! ports they have is `ports`.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;

use rustix::event::{Timespec, epoll};
use socket2::SockRef;

use crate::ids::LegId;

/// Expedited forwarding (RFC 3246) in the DSCP bits: voice before everything else.
const EXPEDITED_FORWARDING: u32 = 0xb8;

/// Sockets found by one look; the others are found by the next.
pub(super) const MAX_READY: usize = 1024;

/// Which of a leg's sockets has something to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    Rtp,
    Rtcp,
}

/// Which sockets of a thread have something to read (epoll(7)).
#[derive(Debug)]
pub(super) struct Readiness {
    epoll: OwnedFd,
    /// Names of the sockets that the last look has found.
    ready: Vec<u64>,
}

impl Readiness {
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, ready: Vec::with_capacity(MAX_READY) })
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
    pub(super) fn found(&self, index: usize) -> Option<(LegId, Stream)> {
        self.ready.get(index).copied().map(leg_of)
    }
}

#[derive(Debug)]
pub(super) struct SocketPair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

impl SocketPair {
    /// Binds `rtp_port` and the next one. A socket that is closed is no longer watched.
    pub(super) fn bind(ip: IpAddr, rtp_port: u16, leg: LegId, readiness: &Readiness) -> io::Result<Self> {
        let pair = Self {
            rtp: bind_one(ip, rtp_port)?,
            rtcp: bind_one(ip, rtp_port.checked_add(1).ok_or(io::ErrorKind::InvalidInput)?)?,
        };
        for stream in [Stream::Rtp, Stream::Rtcp] {
            let key = epoll::EventData::new_u64(key(leg, stream));
            epoll::add(&readiness.epoll, pair.socket(stream), key, epoll::EventFlags::IN)?;
        }
        Ok(pair)
    }

    pub(super) fn socket(&self, stream: Stream) -> &UdpSocket {
        match stream {
            Stream::Rtp => &self.rtp,
            Stream::Rtcp => &self.rtcp,
        }
    }

    pub(super) fn local_rtp(&self) -> io::Result<SocketAddr> {
        self.rtp.local_addr()
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

/// The name of a socket.
fn key(leg: LegId, stream: Stream) -> u64 {
    leg.0 << 1 | u64::from(stream == Stream::Rtcp)
}

/// The socket of a name.
fn leg_of(key: u64) -> (LegId, Stream) {
    (LegId(key >> 1), if key & 1 == 0 { Stream::Rtp } else { Stream::Rtcp })
}
