//! SIP over UDP and TCP: sockets, framing, connections. Parsed messages up, bytes down.

use std::net::SocketAddr;

use crate::sip::message::{Flow, Message};

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

/// The bound sockets; cheap to clone.
#[derive(Clone, Debug)]
pub struct SipNet {}

impl SipNet {
    /// Binds and starts receiving into `arrivals` (bounded; a full queue drops datagrams and counts them, and
    /// makes TCP wait).
    pub async fn start(
        _listeners: SipListeners,
        _arrivals: tokio::sync::mpsc::Sender<Arrival>,
    ) -> std::io::Result<Self> {
        todo!()
    }

    /// Sends now or queues on the connection; opens a TCP connection when `flow` has none. Never blocks.
    pub fn send(&self, _bytes: Vec<u8>, _flow: Flow) {
        todo!()
    }

    /// What UDP is bound to (the port when 0 was asked for).
    pub fn udp_local(&self) -> Option<SocketAddr> {
        todo!()
    }

    pub fn tcp_local(&self) -> Option<SocketAddr> {
        todo!()
    }
}
