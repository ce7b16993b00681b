//! The secure fronts of a quarter's legs, joined to their sockets: what comes in is opened, what goes out is
//! protected, and what a front says of its own is sent. A leg without a front has its packets passed as they are.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::batch::Batch;
use super::secure::{Identity, Passed, SecureFront};
use super::sockets::{SocketPair, Stream};
use crate::ids::LegId;
use crate::media::Drops;
use crate::sdp::AudioSession;
use crate::srtp::MAX_OVERHEAD;

/// Octets of the longest packet we send, protected: the longest of Opus has 1287.
const MAX_PROTECTED: usize = 1500 + MAX_OVERHEAD;

pub(super) type Sockets = BTreeMap<LegId, SocketPair>;

#[derive(Debug)]
pub(super) struct Fronts {
    identity: Arc<Identity>,
    legs: BTreeMap<LegId, Box<SecureFront>>,
    /// Where packets are protected.
    buffer: Box<[u8; MAX_PROTECTED]>,
}

impl Fronts {
    pub(super) fn new(identity: Arc<Identity>) -> Self {
        Self { identity, legs: BTreeMap::new(), buffer: Box::new([0; MAX_PROTECTED]) }
    }

    /// What was agreed for a leg, for the first time or anew.
    pub(super) fn connect(&mut self, leg: LegId, session: &AudioSession, now: Instant, sockets: &Sockets) {
        match self.legs.get_mut(&leg) {
            Some(front) => front.reconfigure(session, now),
            None => {
                let front = SecureFront::new(self.identity.clone(), session, now);
                self.legs.extend(front.map(|front| (leg, Box::new(front))));
            }
        }
        self.flush(leg, sockets);
    }

    pub(super) fn has(&self, leg: LegId) -> bool {
        self.legs.contains_key(&leg)
    }

    /// Opens a datagram in place; none when it was the front's, or nobody's.
    pub(super) fn open(
        &mut self,
        (leg, stream): (LegId, Stream),
        from: SocketAddr,
        datagram: &mut [u8],
        now: Instant,
        sockets: &Sockets,
    ) -> Option<Passed> {
        let Some(front) = self.legs.get_mut(&leg) else {
            return Some(Passed { stream, from, len: datagram.len() });
        };
        let passed = front.handle_datagram(stream, from, datagram, now);
        self.flush(leg, sockets);
        passed
    }

    /// Puts a packet of the exchange's into a batch that is not full, protected where the leg is secure.
    pub(super) fn post(
        &mut self,
        (leg, stream): (LegId, Stream),
        to: SocketAddr,
        packet: &[u8],
        batch: &mut Batch,
    ) {
        let (stream, to, packet) = match self.legs.get_mut(&leg) {
            Some(front) => {
                let now = crate::time::now().mono;
                let protected = front.protect(stream, to, packet, &mut self.buffer[..], now);
                let Some(protected) = protected else { return };
                protected
            }
            None => (stream, to, packet),
        };
        if let Some(room) = batch.room().and_then(|room| room.get_mut(..packet.len())) {
            room.copy_from_slice(packet);
            batch.push(leg, stream, to, packet.len());
        }
    }

    /// Call every tick; the legs whose security has just failed.
    pub(super) fn handle_timeouts(&mut self, now: Instant, sockets: &Sockets) -> Vec<LegId> {
        let mut failed = Vec::new();
        for (leg, front) in &mut self.legs {
            if front.poll_timeout().is_some_and(|at| at <= now) {
                front.handle_timeout(now);
                transmit(front, sockets.get(leg));
            }
            if front.take_failure() {
                failed.push(*leg);
            }
        }
        failed
    }

    /// Forgets a leg; the packets its front dropped.
    pub(super) fn remove(&mut self, leg: LegId) -> Drops {
        self.legs.remove(&leg).map_or_else(Drops::default, |front| *front.drops())
    }

    fn flush(&mut self, leg: LegId, sockets: &Sockets) {
        if let Some(front) = self.legs.get_mut(&leg) {
            transmit(front, sockets.get(&leg));
        }
    }
}

fn transmit(front: &mut SecureFront, pair: Option<&SocketPair>) {
    while let Some(transmit) = front.poll_transmit() {
        let sent = pair.map(|pair| pair.send(transmit.stream, transmit.to, &transmit.bytes));
        if let Some(Err(error)) = sent {
            tracing::trace!(%error, "answer not sent");
        }
    }
}
