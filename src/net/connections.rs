//! All connections, whatever carries them: takes in accepted ones, opens others, routes bytes to them, tells when one
//! is gone. One task owns the table, so there is no lock.
//!
//! A flow keeps its name for the connection's whole life: of one we open, `flow.local` is what the caller said, not
//! the port the kernel chose. Where there is no room, a stranger's connection makes some: who has shown a password
//! and whom we call ourselves do not lose theirs to a flood.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use super::connection::{ByteStream, Connection, OpenedBy};
use super::guest::Refused;
use super::intake::Intake;
use super::listener::{self, Accepted};
use super::tls::Tls;
use super::{Arrival, Counters, Limits};
use crate::sip::guard::Source;
use crate::sip::message::{Flow, Transport};

/// TLS peers whose names are remembered: trunks and their fall-backs; the oldest is forgotten first.
const MAX_NAMES: usize = 256;

/// How a response begins. It goes back over the connection its request came by, or not at all: nobody listens at the
/// port that a client calls from, and whoever asks and closes must not make us call.
const RESPONSE: &[u8] = b"SIP/2.0 ";

/// What the owner of the table is asked for.
#[derive(Debug)]
pub(super) enum Order {
    Send {
        bytes: Vec<u8>,
        flow: Flow,
    },
    /// A connection that somebody else accepted and serves; `queue` takes what is to be sent over it.
    TakeIn {
        flow: Flow,
        queue: mpsc::Sender<Vec<u8>>,
        answer: oneshot::Sender<Result<(), Refused>>,
    },
    /// Whom TLS peers at this address must prove to be.
    ExpectName {
        remote: SocketAddr,
        name: String,
    },
    /// Whoever is behind this connection is no stranger.
    Vouch {
        flow: Flow,
    },
    /// So many connections from now on; none that stands is ended for it.
    Limit(Limits),
}

pub(super) struct Connections {
    accepted: mpsc::Receiver<Accepted>,
    orders: mpsc::Receiver<Order>,
    intake: Intake,
    limits: Limits,
    /// None where TLS is not wanted at all.
    tls: Option<Tls>,
    names: VecDeque<(SocketAddr, String)>,
    table: HashMap<Flow, Entry>,
    /// Connections in the table that each source has opened.
    sources: HashMap<Source, usize>,
    /// Connections of strangers, in the order in which they came.
    strangers: BTreeMap<u64, Flow>,
    last_stranger: u64,
    tasks: JoinSet<()>,
}

struct Entry {
    queue: mpsc::Sender<Vec<u8>>,
    task: AbortHandle,
    opened_by: OpenedBy,
    /// Its place among the strangers; none once somebody vouched for it.
    stranger: Option<u64>,
}

impl Entry {
    /// Ends the task; until it is gone, further messages find a closed queue.
    fn give_up(&mut self) {
        self.task.abort();
        self.queue = mpsc::channel(1).0;
    }
}

impl Connections {
    pub fn new(
        accepted: mpsc::Receiver<Accepted>,
        orders: mpsc::Receiver<Order>,
        intake: Intake,
        limits: Limits,
        tls: Option<Tls>,
    ) -> Self {
        Self {
            accepted,
            orders,
            intake,
            limits,
            tls,
            names: VecDeque::new(),
            table: HashMap::new(),
            sources: HashMap::new(),
            strangers: BTreeMap::new(),
            last_stranger: 0,
            tasks: JoinSet::new(),
        }
    }

    /// Runs until the net is dropped or nobody takes arrivals any more.
    pub async fn run(mut self) {
        loop {
            let goes_on = tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.carry_out(order).await,
                    None => false,
                },
                Some(accepted) = self.accepted.recv() => {
                    self.take_in(accepted);
                    true
                }
                Some(_) = self.tasks.join_next(), if !self.tasks.is_empty() => self.announce_closed().await,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// False when nobody takes arrivals any more; so also below.
    async fn carry_out(&mut self, order: Order) -> bool {
        match order {
            Order::Send { bytes, flow } => return self.send(bytes, flow).await,
            Order::TakeIn { flow, queue, answer } => {
                let taken = self.take_in_guest(flow, queue);
                // Who asked may be gone; then the queue is closed, too, and the entry will be.
                answer.send(taken).ok();
            }
            Order::ExpectName { remote, name } => {
                self.names.retain(|(known, _)| *known != remote);
                if self.names.len() == MAX_NAMES {
                    self.names.pop_front();
                }
                self.names.push_back((remote, name));
            }
            Order::Vouch { flow } => {
                let entry = self.table.get_mut(&flow);
                if let Some(place) = entry.and_then(|entry| entry.stranger.take()) {
                    self.strangers.remove(&place);
                }
            }
            Order::Limit(limits) => self.limits = limits,
        }
        true
    }

    async fn send(&mut self, bytes: Vec<u8>, flow: Flow) -> bool {
        let opens =
            !self.table.contains_key(&flow) && self.can_open(flow.transport) && !bytes.starts_with(RESPONSE);
        let queue = match self.table.get(&flow) {
            Some(entry) => Some(entry.queue.clone()),
            None => (opens && self.has_room()).then(|| self.open(flow)),
        };
        let queued = match queue {
            Some(queue) => queue.try_send(bytes),
            None => {
                if opens {
                    Counters::count(&self.intake.counters().connections_refused);
                }
                Counters::count(&self.intake.counters().sends_failed);
                return self.intake.deliver(Arrival::FlowClosed { flow }).await;
            }
        };
        if let Err(failure) = queued {
            Counters::count(&self.intake.counters().sends_failed);
            // A closed queue belongs to a task that has just ended; its end is announced in a moment.
            if let (TrySendError::Full(_), Some(entry)) = (failure, self.table.get_mut(&flow)) {
                tracing::info!(flow.remote = %flow.remote, "peer does not read: connection closed");
                Counters::count(&self.intake.counters().connections_timed_out);
                entry.give_up();
            }
        }
        true
    }

    /// A WebSocket is opened by the browser or not at all.
    fn can_open(&self, transport: Transport) -> bool {
        match transport {
            Transport::Tcp => true,
            Transport::Tls => self.tls.is_some(),
            Transport::Udp | Transport::Ws | Transport::Wss => false,
        }
    }

    fn open(&mut self, flow: Flow) -> mpsc::Sender<Vec<u8>> {
        let (limits, tls, intake) = (self.limits, self.tls.clone(), self.intake.clone());
        let name = self.names.iter().find(|(known, _)| *known == flow.remote).map(|(_, name)| name.clone());
        let expected = name.clone().unwrap_or_else(|| flow.remote.ip().to_string());
        self.start(flow, OpenedBy::Us, async move {
            let stream = connect(flow, &limits).await?;
            let Some(tls) = tls.filter(|_| flow.transport == Transport::Tls) else {
                return Ok(Box::new(stream) as Box<dyn ByteStream>);
            };
            let secured = tls.connect(stream, flow.remote, name, limits.handshake).await;
            let secured = secured.inspect_err(|error| {
                Counters::count(&intake.counters().handshakes_failed);
                let remote = flow.remote;
                tracing::warn!(flow.remote = %remote, expected, %error, "TLS peer does not prove who it is");
            })?;
            Ok(Box::new(secured) as Box<dyn ByteStream>)
        })
    }

    fn take_in(&mut self, Accepted { transport, stream, remote }: Accepted) {
        // Already gone when it has no address any more.
        let Ok(local) = stream.local_addr() else { return };
        let flow = Flow { transport, local, remote };
        if self.admit(flow).is_err() {
            return;
        }
        listener::prepare(&stream);
        let (limit, tls, intake) = (self.limits.handshake, self.tls.clone(), self.intake.clone());
        self.start(flow, OpenedBy::Peer, async move {
            let Some(tls) = tls.filter(|_| transport == Transport::Tls) else {
                return Ok(Box::new(stream) as Box<dyn ByteStream>);
            };
            let secured = tls.accept(stream, limit).await;
            let secured = secured.inspect_err(|_| Counters::count(&intake.counters().handshakes_failed))?;
            Ok(Box::new(secured) as Box<dyn ByteStream>)
        });
    }

    fn take_in_guest(&mut self, flow: Flow, queue: mpsc::Sender<Vec<u8>>) -> Result<(), Refused> {
        self.admit(flow)?;
        let served = queue.clone();
        // Its end is announced like that of all others.
        let task = self.tasks.spawn(async move { served.closed().await });
        self.insert(flow, queue, task, OpenedBy::Peer);
        Ok(())
    }

    /// Whether there is a place, or was made: the stranger who has been here longest goes, which is time enough to show
    /// a password.
    fn has_room(&mut self) -> bool {
        if self.table.len() < self.limits.connections {
            return true;
        }
        let Some((_, flow)) = self.strangers.pop_first() else { return false };
        tracing::debug!(flow.remote = %flow.remote, "a stranger makes room");
        Counters::count(&self.intake.counters().strangers_displaced);
        if let Some(entry) = self.table.get(&flow) {
            entry.task.abort();
        }
        self.remove(&flow);
        // Of a stranger nothing hangs on it: the report may be lost.
        self.intake.offer(Arrival::FlowClosed { flow });
        true
    }

    /// Whether a peer may open one more connection.
    fn admit(&mut self, flow: Flow) -> Result<(), Refused> {
        if !self.intake.admits(flow.remote) {
            return Err(Refused::Source);
        }
        let source = Source::from(flow.remote.ip());
        let holds_its_share = self.sources.get(&source).is_some_and(|held| *held >= self.limits.per_source);
        if holds_its_share || !self.intake.gate().may_connect(source, crate::time::now().mono) {
            Counters::count(&self.intake.counters().sources_refused);
            tracing::debug!(flow.remote = %flow.remote, "source has its share of connections");
            return Err(Refused::Source);
        }
        if self.table.contains_key(&flow) || !self.has_room() {
            Counters::count(&self.intake.counters().connections_refused);
            return Err(Refused::Full);
        }
        Ok(())
    }

    /// Starts the task of one connection; `stream` is what it is made of.
    fn start(
        &mut self,
        flow: Flow,
        opened_by: OpenedBy,
        stream: impl Future<Output = io::Result<Box<dyn ByteStream>>> + Send + 'static,
    ) -> mpsc::Sender<Vec<u8>> {
        let (queue, queued) = mpsc::channel(self.limits.send_queue);
        let (intake, limits) = (self.intake.clone(), self.limits);
        let connection = Connection { flow, opened_by, intake, limits, replies: queue.clone() };
        let task = self.tasks.spawn(async move {
            match stream.await {
                Ok(stream) => connection.serve(stream, queued).await,
                Err(error) => {
                    let transport = flow.transport.name();
                    tracing::debug!(flow.remote = %flow.remote, flow.transport = transport, %error, "no connection");
                }
            }
        });
        self.insert(flow, queue.clone(), task, opened_by);
        queue
    }

    fn insert(&mut self, flow: Flow, queue: mpsc::Sender<Vec<u8>>, task: AbortHandle, opened_by: OpenedBy) {
        Counters::count(&self.intake.counters().connections_opened);
        let mut stranger = None;
        if opened_by == OpenedBy::Peer {
            *self.sources.entry(Source::from(flow.remote.ip())).or_default() += 1;
            self.last_stranger += 1;
            self.strangers.insert(self.last_stranger, flow);
            stranger = Some(self.last_stranger);
        }
        self.table.insert(flow, Entry { queue, task, opened_by, stranger });
    }

    fn remove(&mut self, flow: &Flow) {
        let Some(entry) = self.table.remove(flow) else { return };
        Counters::count(&self.intake.counters().connections_closed);
        if let Some(place) = entry.stranger {
            self.strangers.remove(&place);
        }
        let source = Source::from(flow.remote.ip());
        if entry.opened_by == OpenedBy::Peer
            && let Some(held) = self.sources.get_mut(&source)
        {
            *held -= 1;
            if *held == 0 {
                self.sources.remove(&source);
            }
        }
    }

    /// A task has ended, with it the receiver of its queue: that is how its entry is found, even if it panicked.
    async fn announce_closed(&mut self) -> bool {
        let closed: Vec<Flow> =
            self.table.iter().filter(|(_, entry)| entry.queue.is_closed()).map(|(flow, _)| *flow).collect();
        for flow in closed {
            self.remove(&flow);
            if !self.intake.deliver(Arrival::FlowClosed { flow }).await {
                return false;
            }
        }
        true
    }
}

/// Connects from the address the flow names, so that the peer sees the one our Via tells it.
async fn connect(flow: Flow, limits: &Limits) -> io::Result<TcpStream> {
    let remote = SocketAddr::new(flow.remote.ip().to_canonical(), flow.remote.port());
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    let local = flow.local.ip().to_canonical();
    if !local.is_unspecified() && local.is_ipv4() == remote.is_ipv4() {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    let connecting = tokio::time::timeout(limits.connect, socket.connect(remote));
    let stream = connecting.await.map_err(io::Error::from)??;
    listener::prepare(&stream);
    Ok(stream)
}
