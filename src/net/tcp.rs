//! All TCP connections: accepts them, opens them, routes bytes to them, tells when one is gone.
//!
//! One task owns the table, so there is no lock. A flow keeps its name for the connection's whole life: of one we
//! open, `flow.local` is what the caller said, not the port the kernel chose.

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::{AbortHandle, JoinSet};

use super::connection::Connection;
use super::intake::Intake;
use super::{Arrival, Counters, Limits};
use crate::sip::message::{Flow, Transport};

/// Pause after a failed accept (no descriptors left), so that it does not take the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Connections {
    listener: Option<TcpListener>,
    orders: mpsc::Receiver<(Vec<u8>, Flow)>,
    intake: Intake,
    limits: Limits,
    table: HashMap<Flow, Entry>,
    tasks: JoinSet<()>,
}

struct Entry {
    queue: mpsc::Sender<Vec<u8>>,
    task: AbortHandle,
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
        listener: Option<TcpListener>,
        orders: mpsc::Receiver<(Vec<u8>, Flow)>,
        intake: Intake,
        limits: Limits,
    ) -> Self {
        Self { listener, orders, intake, limits, table: HashMap::new(), tasks: JoinSet::new() }
    }

    /// Runs until the net is dropped or nobody takes arrivals any more.
    pub async fn run(mut self) {
        loop {
            let goes_on = tokio::select! {
                order = self.orders.recv() => match order {
                    Some((bytes, flow)) => self.send(bytes, flow).await,
                    None => false,
                },
                accepted = accept(self.listener.as_ref()) => {
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
    async fn send(&mut self, bytes: Vec<u8>, flow: Flow) -> bool {
        let queued = match self.table.get(&flow) {
            Some(entry) => entry.queue.try_send(bytes),
            None if self.table.len() < self.limits.connections => {
                let limit = self.limits.connect;
                let queue = self.start(flow, async move { connect(flow, limit).await });
                queue.try_send(bytes)
            }
            None => {
                Counters::count(&self.intake.counters().connections_refused);
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

    fn take_in(&mut self, accepted: io::Result<(TcpStream, SocketAddr)>) {
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "TCP accept");
                return;
            }
        };
        if self.table.len() >= self.limits.connections {
            Counters::count(&self.intake.counters().connections_refused);
            return;
        }
        // Already gone when it has no address any more.
        let Ok(local) = stream.local_addr() else { return };
        self.start(Flow { transport: Transport::Tcp, local, remote }, async { Ok(stream) });
    }

    /// Starts the task of one connection; `stream` is what it is made of.
    fn start(
        &mut self,
        flow: Flow,
        stream: impl Future<Output = io::Result<TcpStream>> + Send + 'static,
    ) -> mpsc::Sender<Vec<u8>> {
        let (queue, queued) = mpsc::channel(self.limits.send_queue);
        let connection =
            Connection { flow, intake: self.intake.clone(), limits: self.limits, replies: queue.clone() };
        let task = self.tasks.spawn(async move {
            match stream.await {
                Ok(stream) => connection.serve(stream, queued).await,
                Err(error) => tracing::debug!(flow.remote = %flow.remote, %error, "TCP connect"),
            }
        });
        Counters::count(&self.intake.counters().connections_opened);
        self.table.insert(flow, Entry { queue: queue.clone(), task });
        queue
    }

    /// A task has ended, with it the receiver of its queue: that is how its entry is found, even if it panicked.
    async fn announce_closed(&mut self) -> bool {
        let closed: Vec<Flow> =
            self.table.iter().filter(|(_, entry)| entry.queue.is_closed()).map(|(flow, _)| *flow).collect();
        for flow in closed {
            self.table.remove(&flow);
            Counters::count(&self.intake.counters().connections_closed);
            if !self.intake.deliver(Arrival::FlowClosed { flow }).await {
                return false;
            }
        }
        true
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    let Some(listener) = listener else { return pending().await };
    let accepted = listener.accept().await;
    if accepted.is_err() {
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
    accepted
}

/// Connects from the address the flow names, so that the peer sees the one our Via tells it.
async fn connect(flow: Flow, limit: Duration) -> io::Result<TcpStream> {
    let remote = SocketAddr::new(flow.remote.ip().to_canonical(), flow.remote.port());
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    let local = flow.local.ip().to_canonical();
    if !local.is_unspecified() && local.is_ipv4() == remote.is_ipv4() {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    tokio::time::timeout(limit, socket.connect(remote)).await.map_err(io::Error::from)?
}
