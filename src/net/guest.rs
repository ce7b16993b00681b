//! Connections that another part of the program accepts and serves: WebSockets of the HTTP server (RFC 7118). It
//! moves whole messages; that they are SIP, whether there is room for the connection, and how long it may be silent
//! is decided here. Frames, pings and origins are not.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::connection::{PING, PONG};
use super::connections::Order;
use super::intake::{Intake, Taken};
use super::{Counters, Limits};
use crate::sip::message::{Flow, Transport};

/// Why a connection may not come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    #[error("too many SIP connections are open")]
    Full,
    #[error("too many SIP connections are open from this address")]
    Source,
    #[error("SIP is shutting down")]
    Closed,
}

/// Lets guests in; cheap to clone, and keeps no socket open.
#[derive(Clone, Debug)]
pub struct GuestEntrance {
    orders: mpsc::Sender<Order>,
    intake: Intake,
    limits: Limits,
}

impl GuestEntrance {
    pub(super) fn new(orders: mpsc::Sender<Order>, intake: Intake, limits: Limits) -> Self {
        Self { orders, intake, limits }
    }

    /// A WebSocket from `remote`, accepted at `local`.
    pub async fn enter(&self, local: SocketAddr, remote: SocketAddr) -> Result<Guest, Refused> {
        let flow = Flow { transport: Transport::Ws, local, remote };
        let (queue, queued) = mpsc::channel(self.limits.send_queue);
        let (answer, answered) = oneshot::channel();
        let order = Order::TakeIn { flow, queue, answer };
        self.orders.send(order).await.map_err(|_| Refused::Closed)?;
        answered.await.map_err(|_| Refused::Closed)??;
        let deadline = crate::time::now().mono + self.limits.first_message;
        let (intake, idle) = (self.intake.clone(), self.limits.idle);
        Ok(Guest { flow, queued, intake, idle, deadline: deadline.into() })
    }
}

/// One connection from outside the net, in its table until this is dropped.
#[derive(Debug)]
pub struct Guest {
    flow: Flow,
    queued: mpsc::Receiver<Vec<u8>>,
    intake: Intake,
    idle: Duration,
    /// Its next message must be there by then.
    deadline: Instant,
}

/// What became of a received message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Received {
    Taken,
    /// To be sent back over the same connection.
    Answer(Vec<u8>),
    /// Nobody listens any more, or not to this source.
    Closed,
}

impl Guest {
    /// The next message to send; none when the connection is to be closed. Nothing is lost when the wait is broken
    /// off.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        match timeout_at(self.deadline, self.queued.recv()).await {
            Ok(next) => next,
            Err(_) => {
                Counters::count(&self.intake.counters().connections_timed_out);
                None
            }
        }
    }

    /// Takes one whole message (RFC 7118 5) or a keep-alive.
    pub async fn receive(&mut self, bytes: &[u8]) -> Received {
        if bytes == PING {
            Counters::count(&self.intake.counters().keep_alives);
            return Received::Answer(PONG.to_vec());
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Received::Taken;
        }
        if !self.intake.admits(self.flow.remote) {
            return Received::Closed;
        }
        self.deadline = Instant::from_std(crate::time::now().mono) + self.idle;
        let Taken { arrival, rejection } = self.intake.take(bytes, self.flow);
        if !self.intake.deliver(arrival).await {
            return Received::Closed;
        }
        rejection.map_or(Received::Taken, Received::Answer)
    }
}
