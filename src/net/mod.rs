//! SIP over UDP and TCP: sockets, framing, connections. Parsed messages up, bytes down.
//!
//! Owns no protocol state: a message that cannot be read is answered here once and forgotten; everything else is
//! the switchboard's. RFC 3261 18, RFC 5626 3.5.1 (keep-alive). TLS and WebSocket are not here.

mod connection;
mod counters;
mod intake;
mod local_address;
mod tcp;
mod udp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::sip::message::{Flow, Message, Transport};

pub use counters::{Counters, Counts};
use intake::Intake;

/// Messages on their way to the task that owns the connections. It only hands them on, so this fills up
/// only when the machine is overloaded.
const ORDER_QUEUE_LEN: usize = 1024;

/// What the sockets tell the switchboard.
#[derive(Debug)]
pub enum Arrival {
    Message {
        message: Box<Message>,
        flow: Flow,
    },
    /// Bytes that were no message but deserve an answer are answered by the shell; this one counts them.
    Malformed {
        flow: Flow,
    },
    /// The connection closed or the datagram could not be sent.
    FlowClosed {
        flow: Flow,
    },
}

#[derive(Clone, Debug)]
pub struct SipListeners {
    pub udp: Option<SocketAddr>,
    pub tcp: Option<SocketAddr>,
}

/// Bounds of the connections; tests make them small.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open TCP connections, both directions; further peers are turned away. A city has some hundred phones
    /// and a few trunks; each connection costs a descriptor and up to 64 KiB.
    pub connections: usize,
    /// Messages waiting to be written on one connection; a peer that lets more pile up does not read.
    pub send_queue: usize,
    /// How long connecting may take: less than timer B, so that another way could still be tried.
    pub connect: Duration,
    /// How long a new peer may take for its first message: 64*T1, after which no transaction lives.
    pub first_message: Duration,
    /// Silence after that; longer than the longest registration (an hour), whose refresh breaks it.
    pub idle: Duration,
    /// How long one write may wait for the peer to read.
    pub write: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            send_queue: 64,
            connect: Duration::from_secs(5),
            first_message: Duration::from_secs(32),
            idle: Duration::from_secs(3900),
            write: Duration::from_secs(10),
        }
    }
}

/// The bound sockets; cheap to clone. The last clone that goes closes them.
#[derive(Clone, Debug)]
pub struct SipNet {
    udp: Option<Arc<UdpSocket>>,
    udp_local: Option<SocketAddr>,
    tcp_local: Option<SocketAddr>,
    orders: mpsc::Sender<(Vec<u8>, Flow)>,
    intake: Intake,
    _tasks: Arc<Tasks>,
}

/// Background tasks, ended with their owner.
#[derive(Debug)]
struct Tasks(Vec<AbortHandle>);

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl SipNet {
    /// Binds and starts receiving into `arrivals` (bounded; a full queue drops datagrams and counts them, and
    /// makes TCP wait).
    pub async fn start(listeners: SipListeners, arrivals: mpsc::Sender<Arrival>) -> std::io::Result<Self> {
        Self::start_with(listeners, arrivals, Limits::default()).await
    }

    /// [`Self::start`] with other limits.
    pub async fn start_with(
        listeners: SipListeners,
        arrivals: mpsc::Sender<Arrival>,
        limits: Limits,
    ) -> std::io::Result<Self> {
        let intake = Intake::new(arrivals);
        let mut tasks = Tasks(Vec::new());

        let udp = match listeners.udp {
            Some(address) => Some(Arc::new(udp::bind(address).await?)),
            None => None,
        };
        let udp_local = udp.as_ref().map(|socket| socket.local_addr()).transpose()?;
        if let (Some(socket), Some(bound)) = (&udp, udp_local) {
            let receiving = udp::receive(Arc::clone(socket), bound, intake.clone());
            tasks.0.push(tokio::spawn(receiving).abort_handle());
        }

        let listener = match listeners.tcp {
            Some(address) => Some(TcpListener::bind(address).await?),
            None => None,
        };
        let tcp_local = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let (orders, taken_orders) = mpsc::channel(ORDER_QUEUE_LEN);
        let connections = tcp::Connections::new(listener, taken_orders, intake.clone(), limits);
        tasks.0.push(tokio::spawn(connections.run()).abort_handle());

        Ok(Self { udp, udp_local, tcp_local, orders, intake, _tasks: Arc::new(tasks) })
    }

    /// Sends now or queues on the connection; opens a TCP connection when `flow` has none. Never blocks. What
    /// cannot be sent is told by [`Arrival::FlowClosed`], a datagram the kernel has no room for only counted.
    pub fn send(&self, bytes: Vec<u8>, flow: Flow) {
        let taken = match (flow.transport, &self.udp) {
            (Transport::Udp, Some(socket)) => udp::send(socket, &bytes, flow, &self.intake),
            (Transport::Tcp, _) => self.orders.try_send((bytes, flow)).is_ok(),
            _ => false,
        };
        if !taken {
            tracing::debug!(flow.remote = %flow.remote, flow.transport = flow.transport.name(), "not sent");
            Counters::count(&self.intake.counters().sends_failed);
            self.intake.offer(Arrival::FlowClosed { flow });
        }
    }

    /// What UDP is bound to (the port when 0 was asked for).
    pub fn udp_local(&self) -> Option<SocketAddr> {
        self.udp_local
    }

    pub fn tcp_local(&self) -> Option<SocketAddr> {
        self.tcp_local
    }

    /// What has happened on the sockets so far, for metrics.
    pub fn counts(&self) -> Counts {
        self.intake.counters().read()
    }
}

#[cfg(test)]
mod tests;
