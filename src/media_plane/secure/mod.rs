//! The secure front of a leg, between its sockets and the exchange: tells STUN, DTLS and media apart by their first
//! octet (RFC 7983), answers the former, opens and protects the latter. What is inside a packet, jitter, sound and
//! reports, is the same for every leg and the business of `media/`.
//!
//! Sans-IO: after each `handle_*` drain [`SecureFront::poll_transmit`].

mod association;
mod handshake;
mod ice;
mod identity;
#[cfg(test)]
pub(super) mod tests;

pub use super::sockets::Stream;
pub use identity::Identity;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::association::Association;
use self::ice::IceAgent;
use crate::media::{DropReason, Drops};
use crate::sdp::{AudioSession, Security};
use crate::stun;

/// From the answered call to its keys. A browser takes a tenth of a second; a citizen does not listen to silence for
/// longer than this.
pub(super) const SECURITY_DEADLINE: Duration = Duration::from_secs(15);
/// Datagrams of ours between two drains: a flight of a handshake, and an answer to a check.
const MAX_OUTBOX: usize = 32;

/// A datagram of our own making.
#[derive(Debug)]
pub struct Transmit {
    pub stream: Stream,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// A plain packet for the exchange: the first `len` octets of the buffer it came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Passed {
    pub stream: Stream,
    pub from: SocketAddr,
    pub len: usize,
}

/// The front of one leg.
#[derive(Debug)]
pub struct SecureFront {
    identity: Arc<Identity>,
    rtcp_mux: bool,
    ice: Option<IceAgent>,
    /// The RTP port, and both when RTCP is multiplexed or has no association of its own.
    rtp: Port,
    /// RTCP's own, with a DTLS peer that does not multiplex.
    rtcp: Option<Port>,
    outbox: VecDeque<Transmit>,
    drops: Drops,
}

/// One of the peer's ports.
#[derive(Debug)]
struct Port {
    stream: Stream,
    /// Where the description says it is. With ICE only a name for it: the exchange sees every packet come from here,
    /// and a peer that moves from one network to another stays the same source.
    signalled: SocketAddr,
    /// Without ICE: where the peer's last record came from, and ours go.
    records_to: SocketAddr,
    association: Association,
}

impl SecureFront {
    /// None where packets pass as they are.
    pub fn new(identity: Arc<Identity>, session: &AudioSession, now: Instant) -> Option<Self> {
        let transport = &session.transport;
        if transport.security == Security::None && transport.ice.is_none() && !transport.rtcp_mux {
            return None;
        }
        let mut front = Self {
            identity,
            rtcp_mux: transport.rtcp_mux,
            ice: None,
            rtp: Port::new(Stream::Rtp, session.remote_rtp),
            rtcp: None,
            outbox: VecDeque::new(),
            drops: Drops::default(),
        };
        front.reconfigure(session, now);
        Some(front)
    }

    /// What was agreed anew. What is the same goes on: sound does not stop for a hold.
    pub fn reconfigure(&mut self, session: &AudioSession, now: Instant) {
        let transport = &session.transport;
        self.rtcp_mux = transport.rtcp_mux;
        match (&mut self.ice, &transport.ice) {
            (Some(agent), Some(session)) if agent.session() != session => agent.restart(session.clone()),
            (Some(_), Some(_)) => {}
            (ice, session) => *ice = session.clone().map(IceAgent::new),
        }
        let apart = matches!(transport.security, Security::Dtls { .. }) && !transport.rtcp_mux;
        let rtcp =
            apart.then(|| self.rtcp.take().unwrap_or_else(|| Port::new(Stream::Rtcp, session.remote_rtcp)));
        self.rtcp = rtcp;
        self.rtp.move_to(session.remote_rtp);
        self.rtcp.iter_mut().for_each(|port| port.move_to(session.remote_rtcp));
        for port in std::iter::once(&mut self.rtp).chain(&mut self.rtcp) {
            port.association.agree(&transport.security, &self.identity, self.ice.is_some(), now);
        }
        self.begin(now);
    }

    /// The client's first flight, as soon as there is somewhere to send it.
    fn begin(&mut self, now: Instant) {
        for stream in [Stream::Rtp, Stream::Rtcp] {
            let reachable = self.ice.as_ref().is_none_or(|ice| ice.destination(now).is_some());
            if reachable && self.port(stream).association.is_to_begin() {
                self.drive(stream, None, now);
            }
        }
    }

    fn port(&mut self, stream: Stream) -> &mut Port {
        match &mut self.rtcp {
            Some(rtcp) if stream == Stream::Rtcp => rtcp,
            _ => &mut self.rtp,
        }
    }

    /// A datagram from the network, opened in place; what is to be told the exchange, if anything.
    pub fn handle_datagram(
        &mut self,
        stream: Stream,
        from: SocketAddr,
        datagram: &mut [u8],
        now: Instant,
    ) -> Option<Passed> {
        let passed = match datagram.first() {
            Some(0..=3) if stun::is_stun(datagram) => {
                self.handle_stun(stream, from, datagram, now).map(|()| None)
            }
            Some(20..=63) => self.handle_dtls(stream, from, datagram, now).map(|()| None),
            Some(128..=191) => self.open(stream, from, datagram).map(Some),
            _ => Err(DropReason::Malformed),
        };
        passed.unwrap_or_else(|reason| {
            self.drops.count(reason);
            None
        })
    }

    fn handle_stun(
        &mut self,
        stream: Stream,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
    ) -> Result<(), DropReason> {
        let answered = self.ice.as_mut().and_then(|ice| ice.handle_check(from, datagram, now));
        let answered = answered.ok_or(DropReason::Check)?;
        push(&mut self.outbox, stream, from, &answered.bytes);
        if answered.valid {
            self.begin(now);
        }
        Ok(())
    }

    /// Only from a path that ICE has proved, or else from the host that was signalled: a stranger starts no handshake.
    fn handle_dtls(
        &mut self,
        stream: Stream,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
    ) -> Result<(), DropReason> {
        let known = match &self.ice {
            Some(ice) => ice.admits(from),
            None => from.ip() == self.rtp.signalled.ip(),
        };
        if !known {
            return Err(DropReason::ThirdAddress);
        }
        self.port(stream).records_to = from;
        self.drive(stream, Some(datagram), now);
        Ok(())
    }

    fn drive(&mut self, stream: Stream, datagram: Option<&[u8]>, now: Instant) {
        let (port, mut transmit) = self.port_and_way(stream, now);
        port.association.drive(datagram, now, &mut transmit);
    }

    /// A port, and what sends records to it.
    fn port_and_way(&mut self, stream: Stream, now: Instant) -> (&mut Port, impl FnMut(&[u8])) {
        let Self { ice, rtp, rtcp, outbox, .. } = self;
        let port = match rtcp {
            Some(rtcp) if stream == Stream::Rtcp => rtcp,
            _ => rtp,
        };
        let to = ice.as_ref().map_or(Some(port.records_to), |ice| ice.destination(now));
        let stream = port.stream;
        (port, move |record: &[u8]| to.into_iter().for_each(|to| push(outbox, stream, to, record)))
    }

    fn open(&mut self, stream: Stream, from: SocketAddr, datagram: &mut [u8]) -> Result<Passed, DropReason> {
        if self.ice.as_ref().is_some_and(|ice| !ice.admits(from)) {
            return Err(DropReason::ThirdAddress);
        }
        let len = self.port(stream).association.open(datagram)?;
        let from = if self.ice.is_some() { self.rtp.signalled } else { from };
        Ok(Passed { stream, from, len })
    }

    /// What goes out for a plain packet, over which socket and to where; none when it must not or cannot be sent.
    pub fn protect<'b>(
        &mut self,
        stream: Stream,
        to: SocketAddr,
        packet: &'b [u8],
        buffer: &'b mut [u8],
        now: Instant,
    ) -> Option<(Stream, SocketAddr, &'b [u8])> {
        let to = self.ice.as_ref().map_or(Some(to), |ice| ice.destination(now))?;
        let bytes = self.port(stream).association.protect(stream, packet, buffer)?;
        Some((if self.rtcp_mux { Stream::Rtp } else { stream }, to, bytes))
    }

    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.outbox.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let ports = std::iter::once(&self.rtp).chain(&self.rtcp);
        ports.filter_map(|port| port.association.poll_timeout()).min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        for stream in [Stream::Rtp, Stream::Rtcp] {
            let (port, mut transmit) = self.port_and_way(stream, now);
            port.association.handle_timeout(now, &mut transmit);
        }
    }

    /// True once, when the leg can never carry sound; without reports it can.
    pub fn take_failure(&mut self) -> bool {
        self.rtp.association.take_failure()
    }

    pub fn drops(&self) -> &Drops {
        &self.drops
    }
}

impl Port {
    fn new(stream: Stream, signalled: SocketAddr) -> Self {
        Self { stream, signalled, records_to: signalled, association: Association::plain() }
    }

    fn move_to(&mut self, signalled: SocketAddr) {
        if self.signalled != signalled {
            (self.signalled, self.records_to) = (signalled, signalled);
        }
    }
}

/// A full outbox is loss: whoever misses an answer asks again.
fn push(outbox: &mut VecDeque<Transmit>, stream: Stream, to: SocketAddr, bytes: &[u8]) {
    if outbox.len() < MAX_OUTBOX {
        outbox.push_back(Transmit { stream, to, bytes: bytes.to_vec() });
    }
}
