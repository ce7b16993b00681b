//! Received bytes on their way to the switchboard: parsed, counted, or rejected without any state
//! (RFC 3261 16.3, 18.3). Every transport shares it; they differ in what happens when the queue is full.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::gate::Gate;
use super::{Arrival, Counters};
use crate::sip::message::parse::{ParseError, SIZE};
use crate::sip::message::{Flow, parse_datagram};

#[derive(Clone, Debug)]
pub(super) struct Intake {
    arrivals: mpsc::Sender<Arrival>,
    counters: Arc<Counters>,
    gate: Arc<Gate>,
}

/// What became of received bytes.
#[derive(Debug)]
pub(super) struct Taken {
    pub arrival: Arrival,
    /// Bytes to send back the way they came.
    pub rejection: Option<Vec<u8>>,
}

impl Intake {
    pub fn new(arrivals: mpsc::Sender<Arrival>) -> Self {
        let gate = Arc::new(Gate::new(crate::time::now().mono));
        Self { arrivals, counters: Arc::default(), gate }
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// False for a source that is not listened to now.
    pub fn admits(&self, remote: SocketAddr) -> bool {
        let admitted = self.gate.admits(remote.ip(), crate::time::now().mono);
        if !admitted {
            Counters::count(&self.counters.shunned);
        }
        admitted
    }

    /// Reads one whole message.
    pub fn take(&self, bytes: &[u8], flow: Flow) -> Taken {
        match parse_datagram(bytes) {
            Ok(message) => {
                Counters::count(&self.counters.messages);
                let arrival = Arrival::Message { message: Box::new(message), raw: bytes.to_vec(), flow };
                Taken { arrival, rejection: None }
            }
            Err(error) => self.reject(error, flow),
        }
    }

    /// What cannot be read: counted, and answered where an answer can be matched.
    pub fn reject(&self, error: ParseError, flow: Flow) -> Taken {
        tracing::debug!(flow.remote = %flow.remote, error = %error.cause, answered = error.answer.is_some(), "malformed");
        Counters::count(&self.counters.malformed);
        if error.cause == SIZE {
            Counters::count(&self.counters.oversize);
        }
        let what = error.cause.what;
        let answer = error.answer.filter(|_| self.gate.may_answer(crate::time::now().mono));
        let rejection = answer.map(|mut answer| {
            Counters::count(&self.counters.rejected);
            if let Some(top) = answer.via.first_mut() {
                top.stamp_source(flow.remote);
            }
            answer.to_bytes()
        });
        Taken { arrival: Arrival::Malformed { flow, what }, rejection }
    }

    /// Hands up without waiting; a full queue loses the arrival and counts it.
    pub fn offer(&self, arrival: Arrival) {
        if self.arrivals.try_send(arrival).is_err() {
            Counters::count(&self.counters.arrivals_dropped);
        }
    }

    /// Hands up, waiting for room; false when nobody listens any more.
    pub async fn deliver(&self, arrival: Arrival) -> bool {
        self.arrivals.send(arrival).await.is_ok()
    }
}
