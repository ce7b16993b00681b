//! SIP over UDP, TCP, TLS and WebSocket: sockets, framing, connections. Parsed messages up, bytes down.
//!
//! Owns no protocol state: a message that cannot be read is answered here once and forgotten; everything else is
//! the switchboard's. RFC 3261 18, RFC 5626 3.5.1 (keep-alive), RFC 7118. The WebSocket protocol itself is spoken by
//! the HTTP server, whose connections come in as guests.

mod connection;
mod connections;
mod counters;
mod gate;
mod guest;
mod inherited;
mod intake;
mod limits;
mod listener;
mod local_address;
mod tls;
mod udp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::sip::guard::Source;
use crate::sip::message::{Flow, Message, Transport};

pub use counters::{Counters, Counts};
pub use guest::{Guest, GuestEntrance, Received, Refused};
pub use inherited::Inherited;
pub use limits::Limits;
pub use tls::{Credentials, CredentialsError};

use connections::{Connections, Order};
use intake::Intake;
use tls::{Tls, TlsRenewal};
use udp::UdpSockets;

/// Messages on their way to the task that owns the connections. It only hands them on, so this fills up
/// only when the machine is overloaded.
const ORDER_QUEUE_LEN: usize = 1024;
/// Accepted connections on their way to the same task; more wait in the kernel.
const ACCEPTED_QUEUE_LEN: usize = 64;

/// What the sockets tell the switchboard.
#[derive(Debug)]
pub enum Arrival {
    Message {
        message: Box<Message>,
        /// The bytes it was read from.
        raw: Vec<u8>,
        flow: Flow,
    },
    /// Bytes that were no message but deserve an answer are answered by the shell; this one counts them.
    Malformed {
        flow: Flow,
        /// The grammar rule that was broken, as [`Malformed`](crate::sip::message::parse::Malformed) names it.
        what: &'static str,
    },
    /// The connection closed or the datagram could not be sent.
    FlowClosed { flow: Flow },
}

/// Where to listen; port 0 picks one. A transport without an address is not listened for.
#[derive(Clone, Default, Debug)]
pub struct SipListeners {
    pub udp: Vec<SocketAddr>,
    pub tcp: Vec<SocketAddr>,
    pub tls: Vec<SocketAddr>,
    /// Without them no TLS in either direction.
    pub credentials: Option<Credentials>,
}

/// The bound sockets; cheap to clone. The last clone that goes closes them.
#[derive(Clone, Debug)]
pub struct SipNet {
    udp: UdpSockets,
    tcp: Vec<SocketAddr>,
    tls: Vec<SocketAddr>,
    /// Whether TLS peers can be connected to.
    trusts: bool,
    orders: mpsc::Sender<Order>,
    intake: Intake,
    limits: Limits,
    renewal: Option<TlsRenewal>,
    _tasks: Arc<Tasks>,
}

/// Background tasks, ended with their owner.
#[derive(Debug)]
struct Tasks(Vec<AbortHandle>);

impl Tasks {
    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.push(tokio::spawn(task).abort_handle());
    }
}

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
        Self::start_on(&mut Inherited::default(), listeners, arrivals, limits).await
    }

    /// The same on sockets that are bound already, where there are such.
    pub async fn start_on(
        inherited: &mut Inherited,
        listeners: SipListeners,
        arrivals: mpsc::Sender<Arrival>,
        limits: Limits,
    ) -> std::io::Result<Self> {
        let intake = Intake::new(arrivals);
        let mut tasks = Tasks(Vec::new());
        let udp = UdpSockets::bind(&listeners.udp, inherited).await?;
        for receiving in udp.receive(&intake) {
            tasks.spawn(receiving);
        }
        let (accepted_in, accepted) = mpsc::channel(ACCEPTED_QUEUE_LEN);
        let mut listen = |addresses: &[SocketAddr], transport| -> std::io::Result<Vec<SocketAddr>> {
            let bound = addresses.iter().map(|address| listener::bind(*address, inherited));
            let bound = bound.collect::<std::io::Result<Vec<TcpListener>>>()?;
            let locals = bound.iter().map(TcpListener::local_addr).collect();
            for listener in bound {
                tasks.spawn(listener::accept(listener, transport, accepted_in.clone()));
            }
            locals
        };
        let tcp = listen(&listeners.tcp, Transport::Tcp)?;
        let tls = listen(&listeners.tls, Transport::Tls)?;
        let (handshakes, renewal) = listeners.credentials.as_ref().map(Tls::new).transpose()?.unzip();
        let (orders, taken_orders) = mpsc::channel(ORDER_QUEUE_LEN);
        let connections = Connections::new(accepted, taken_orders, intake.clone(), limits, handshakes);
        tasks.spawn(connections.run());
        let trusts = renewal.is_some();
        Ok(Self { udp, tcp, tls, trusts, orders, intake, limits, renewal, _tasks: Arc::new(tasks) })
    }

    /// Sends now or queues on the connection; opens one when `flow` has none. Never blocks. What cannot be sent is
    /// told by [`Arrival::FlowClosed`], a datagram the kernel has no room for only counted.
    pub fn send(&self, bytes: Vec<u8>, flow: Flow) {
        let taken = match flow.transport {
            Transport::Udp => self.udp.send(&bytes, flow, &self.intake),
            _ => self.orders.try_send(Order::Send { bytes, flow }).is_ok(),
        };
        if !taken {
            tracing::debug!(flow.remote = %flow.remote, flow.transport = flow.transport.name(), "not sent");
            Counters::count(&self.intake.counters().sends_failed);
            self.intake.offer(Arrival::FlowClosed { flow });
        }
    }

    /// Reads nothing more from `source` until then.
    pub fn shun(&self, source: Source, until: Instant) {
        self.intake.gate().shun(source, until, crate::time::now().mono);
    }

    /// From now on a TLS peer that we connect to at `remote` must have a certificate of `name` (RFC 5922 7.2); one
    /// nobody named must have one of its address.
    pub async fn expect_name(&self, remote: SocketAddr, name: &str) {
        let order = Order::ExpectName { remote, name: name.to_owned() };
        if self.orders.send(order).await.is_err() {
            tracing::debug!("the task of the connections is gone");
        }
    }

    /// Whoever is at the other end of `flow` has shown a password or is a trunk: the connection makes no room for others.
    /// Nothing happens where there is no such connection.
    pub fn vouch(&self, flow: Flow) {
        if flow.transport.is_reliable() && self.orders.try_send(Order::Vouch { flow }).is_err() {
            tracing::debug!(flow.remote = %flow.remote, "overloaded: nobody vouches for this connection yet");
        }
    }

    /// New certificates for the handshakes to come; connections that stand stay. Without TLS from the start nothing
    /// happens.
    pub fn renew(&self, credentials: &Credentials) -> std::io::Result<()> {
        self.renewal.as_ref().map_or(Ok(()), |renewal| renewal.renew(credentials))
    }

    /// Other bounds for the connections to come; those that stand stay.
    pub async fn limit(&self, limits: Limits) {
        if self.orders.send(Order::Limit(limits)).await.is_err() {
            tracing::debug!("the task of the connections is gone");
        }
    }

    /// The way in for WebSockets.
    pub fn guest_entrance(&self) -> GuestEntrance {
        GuestEntrance::new(self.orders.clone(), self.intake.clone(), self.limits)
    }

    /// What the first UDP address is bound to (the port when 0 was asked for).
    pub fn udp_local(&self) -> Option<SocketAddr> {
        self.udp.addresses().next()
    }

    /// The flow that a request of ours to `remote` begins with; none when this transport is not spoken here, or not
    /// to that kind of address.
    pub fn flow_towards(&self, transport: Transport, remote: SocketAddr) -> Option<Flow> {
        let mut local = self.ways_out(transport).into_iter();
        let local = local.find_map(|bound| local_address::local_towards(bound, remote))?;
        Some(Flow { transport, local, remote })
    }

    /// Transports that requests of ours can go out by, best first.
    pub fn transports(&self) -> Vec<Transport> {
        let ways = [Transport::Udp, Transport::Tcp, Transport::Tls];
        ways.into_iter().filter(|transport| !self.ways_out(*transport).is_empty()).collect()
    }

    /// The addresses that our requests name as ours. Without a certificate nobody can connect to us over TLS, but we to
    /// others: they call back over the connection that stands (RFC 5626), and we name the address of TCP.
    fn ways_out(&self, transport: Transport) -> Vec<SocketAddr> {
        match transport {
            Transport::Udp => self.udp.addresses().collect(),
            Transport::Tcp => self.tcp.clone(),
            Transport::Tls if !self.trusts => Vec::new(),
            Transport::Tls if self.tls.is_empty() => self.tcp.clone(),
            Transport::Tls => self.tls.clone(),
            Transport::Ws | Transport::Wss => Vec::new(),
        }
    }

    /// What the first TCP address is bound to.
    pub fn tcp_local(&self) -> Option<SocketAddr> {
        self.tcp.first().copied()
    }

    /// What the first TLS address is bound to.
    pub fn tls_local(&self) -> Option<SocketAddr> {
        self.tls.first().copied()
    }

    /// What has happened on the sockets so far, for metrics.
    pub fn counts(&self) -> Counts {
        self.intake.counters().read()
    }
}

#[cfg(test)]
mod tests;
