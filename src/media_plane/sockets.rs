//! The two UDP sockets of a leg, RTP and RTCP, non-blocking and watched by the thread's poller. Which ports is
//! `ports`; this is the only file of the program that needs `unsafe`.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use polling::{Event, PollMode, Poller};
use socket2::SockRef;

use crate::ids::LegId;

/// Expedited forwarding (RFC 3246) in the DSCP bits: voice before everything else.
const EXPEDITED_FORWARDING: u32 = 0xb8;

/// Which of a leg's sockets has something to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    Rtp,
    Rtcp,
}

#[derive(Debug)]
pub(super) struct SocketPair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    poller: Arc<Poller>,
}

impl SocketPair {
    /// Binds `rtp_port` and the next one.
    pub(super) fn bind(ip: IpAddr, rtp_port: u16, leg: LegId, poller: &Arc<Poller>) -> io::Result<Self> {
        let pair = Self {
            rtp: bind_one(ip, rtp_port)?,
            rtcp: bind_one(ip, rtp_port.checked_add(1).ok_or(io::ErrorKind::InvalidInput)?)?,
            poller: poller.clone(),
        };
        pair.watch(Stream::Rtp, leg)?;
        pair.watch(Stream::Rtcp, leg)?;
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

    #[expect(
        unsafe_code,
        reason = "the poller wants the promise that a socket leaves it before it is closed"
    )]
    fn watch(&self, stream: Stream, leg: LegId) -> io::Result<()> {
        let event = Event::readable(key(leg, stream));
        // SAFETY: `self` owns the socket and the poller, and `drop` takes the socket out before it closes.
        unsafe { self.poller.add_with_mode(self.socket(stream), event, PollMode::Level) }
    }
}

impl Drop for SocketPair {
    fn drop(&mut self) {
        for socket in [&self.rtp, &self.rtcp] {
            // Fails only for a socket that was not added yet.
            self.poller.delete(socket).ok();
        }
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

/// The poller's name of a socket.
fn key(leg: LegId, stream: Stream) -> usize {
    (leg.0 as usize) << 1 | usize::from(stream == Stream::Rtcp)
}

/// The socket of a poller's name.
pub(super) fn leg_of(key: usize) -> (LegId, Stream) {
    (LegId((key >> 1) as u64), if key & 1 == 0 { Stream::Rtp } else { Stream::Rtcp })
}
