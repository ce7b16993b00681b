//! Requests too large for a datagram (RFC 3261 18.1.1): first what can be spared is left out, then TCP is tried, and
//! where that fails or stays silent the request goes by UDP after all. Keeps who has shown to have no TCP; starting
//! transactions is the layer's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Audience;
use crate::sip::message::{Flow, Request, Transport};

/// Larger requests may be cut into fragments on the way, and firewalls lose those.
pub(super) const MAX_DATAGRAM_LEN: usize = 1300;
/// How long TCP may take to bring a first response; two retransmissions by UDP would have gone out by then.
const TCP_PATIENCE: Duration = Duration::from_secs(1);
/// How long a peer that did not answer over TCP is spared another try.
const WITHOUT_TCP: Duration = Duration::from_secs(600);
/// Peers without TCP remembered; when it is full it is emptied, and each is tried once more.
const MAX_WITHOUT_TCP: usize = 1024;
/// What a peer can do without: it may ask by OPTIONS, or just try.
const SPARED: [&str; 4] = ["User-Agent", "Allow-Events", "Accept", "Allow"];

/// The same request for UDP.
#[derive(Debug)]
pub(super) struct Fallback {
    pub audience: Audience,
    pub request: Request,
    pub flow: Flow,
    /// The user wanted the INVITE cancelled meanwhile.
    pub cancelled: bool,
}

/// Large requests that are out over TCP and not answered yet; as many as there are transactions at most.
#[derive(Debug, Default)]
pub(super) struct Large {
    waiting: BTreeMap<u64, Fallback>,
    deadlines: BTreeSet<(Instant, u64)>,
    without_tcp: HashMap<SocketAddr, Instant>,
}

impl Large {
    /// The flow to try first, when it is not `flow`. Spares the request what it can.
    pub fn way(&self, request: &mut Request, flow: Flow, now: Instant) -> Option<Flow> {
        if flow.transport != Transport::Udp || fits(request) {
            return None;
        }
        for name in SPARED {
            request.headers.remove(name);
            if fits(request) {
                return None;
            }
        }
        let spared = self.without_tcp.get(&flow.remote).is_some_and(|until| *until > now);
        (!spared).then_some(Flow { transport: Transport::Tcp, ..flow })
    }

    pub fn wait(&mut self, id: u64, fallback: Fallback, now: Instant) {
        self.waiting.insert(id, fallback);
        self.deadlines.insert((now + TCP_PATIENCE, id));
    }

    /// A response came: TCP it is.
    pub fn settle(&mut self, id: u64) {
        if self.waiting.remove(&id).is_some() {
            self.deadlines.retain(|(_, waiting)| *waiting != id);
        }
    }

    pub fn cancel(&mut self, id: u64) {
        if let Some(fallback) = self.waiting.get_mut(&id) {
            fallback.cancelled = true;
        }
    }

    /// TCP brought nothing: what is to be sent by UDP.
    pub fn give_up(&mut self, id: u64, now: Instant) -> Option<Fallback> {
        let fallback = self.waiting.remove(&id)?;
        self.deadlines.retain(|(_, waiting)| *waiting != id);
        if self.without_tcp.len() >= MAX_WITHOUT_TCP {
            self.without_tcp.clear();
        }
        self.without_tcp.insert(fallback.flow.remote, now + WITHOUT_TCP);
        Some(fallback)
    }

    /// One request whose patience is over.
    pub fn due(&self, now: Instant) -> Option<u64> {
        self.deadlines.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }
}

fn fits(request: &Request) -> bool {
    request.to_bytes().len() <= MAX_DATAGRAM_LEN
}
