//! Tests of the transaction layer: a bench with simulated time that reads like a ladder diagram.
//!
//! Every expectation is a list of (milliseconds since the start, what happened).

#![allow(clippy::unwrap_used, clippy::panic)]

mod client;
mod large;
mod layer;
mod lossy;
mod server;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{ClientTransactionId, Output, ServerTransactionId, TransactionLayer};
use crate::sip::message::{
    Flow, Host, Message, Method, Params, Request, Response, StatusCode, Transport, Via, parse_datagram,
    sample,
};

pub(super) const SEED: [u8; 32] = [3; 32];

pub(super) fn flow(transport: Transport) -> Flow {
    Flow {
        transport,
        local: SocketAddr::from(([127, 0, 0, 1], 5060)),
        remote: SocketAddr::from(([127, 0, 0, 2], 5070)),
    }
}

/// A request of a peer, outside of dialogs, with its own Via.
pub(super) fn received(method: Method, branch: &str) -> Request {
    let mut request = unsent(method);
    let mut params = Params::default();
    params.set("branch", Some(branch.to_owned()));
    let host = Host::Name("phone.example".to_owned());
    request.via.push(Via { transport: "UDP".to_owned(), host, port: Some(5070), params });
    request
}

/// A request of ours before the layer has put its Via on it.
pub(super) fn unsent(method: Method) -> Request {
    sample::request(method, "alice", "1580")
}

pub(super) fn parse(bytes: &[u8]) -> Message {
    parse_datagram(bytes).unwrap()
}

fn label(output: &Output) -> String {
    match output {
        Output::Transmit { bytes, .. } => match parse(bytes) {
            Message::Request(request) => format!("> {}", request.method),
            Message::Response(response) => format!("> {} {}", response.status.0, response.cseq.method),
        },
        Output::RequestReceived { request, .. } => format!("request {}", request.method),
        Output::AckReceived { .. } => "ack".to_owned(),
        Output::CancelReceived { .. } => "cancel".to_owned(),
        Output::ResponseReceived { response, .. } => format!("response {}", response.status.0),
        Output::RequestFailed { failure, .. } => format!("failed {failure:?}"),
        Output::ResponseFailed { .. } => "response failed".to_owned(),
    }
}

pub(super) struct Bench {
    pub(super) layer: TransactionLayer,
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) flow: Flow,
    /// All that came out, with its labels already taken.
    pub(super) seen: Vec<Output>,
}

impl Bench {
    pub(super) fn new(transport: Transport) -> Self {
        let start = crate::time::now().mono;
        let layer = TransactionLayer::new(SEED);
        Self { layer, start, now: start, flow: flow(transport), seen: Vec::new() }
    }

    /// What has come out since the last look.
    pub(super) fn drain(&mut self) -> Vec<String> {
        let mut labels = Vec::new();
        while let Some(output) = self.layer.poll_output() {
            labels.push(label(&output));
            self.seen.push(output);
        }
        labels
    }

    /// Lets time pass, stopping at each deadline; tells when what came out, from the start of the bench.
    pub(super) fn run(&mut self, by: Duration) -> Vec<(u128, String)> {
        let until = self.now + by;
        let mut events = Vec::new();
        while let Some(at) = self.layer.poll_timeout().filter(|at| *at <= until) {
            assert!(at >= self.now, "a deadline in the past");
            self.now = at;
            self.layer.handle_timeout(at);
            let millis = at.duration_since(self.start).as_millis();
            events.extend(self.drain().into_iter().map(|label| (millis, label)));
            assert_ne!(self.layer.poll_timeout(), Some(at), "a deadline that does not go away");
        }
        self.now = until;
        events
    }

    pub(super) fn send(&mut self, method: Method) -> ClientTransactionId {
        self.layer.send_request(unsent(method), self.flow, self.now).unwrap()
    }

    pub(super) fn receive(&mut self, message: impl Into<Message>) -> Vec<String> {
        self.layer.handle_message(message.into(), self.flow, self.now);
        self.drain()
    }

    pub(super) fn respond(&mut self, transaction: ServerTransactionId, status: u16) -> Vec<String> {
        let response = self.last_request().response(StatusCode(status), "b1");
        self.layer.respond(transaction, &response, self.now).unwrap();
        self.drain()
    }

    /// The latest request given to the user.
    pub(super) fn last_request(&self) -> Request {
        let requests = self.seen.iter().rev().find_map(|output| match output {
            Output::RequestReceived { request, .. } => Some(request.as_ref().clone()),
            _ => None,
        });
        requests.unwrap()
    }

    pub(super) fn last_transaction(&self) -> ServerTransactionId {
        let transactions = self.seen.iter().rev().find_map(|output| match output {
            Output::RequestReceived { transaction, .. } => Some(*transaction),
            _ => None,
        });
        transactions.unwrap()
    }

    /// The latest message on the wire.
    pub(super) fn last_sent(&self) -> Message {
        let sent = self.seen.iter().rev().find_map(|output| match output {
            Output::Transmit { bytes, .. } => Some(parse(bytes)),
            _ => None,
        });
        sent.unwrap()
    }

    pub(super) fn last_sent_request(&self) -> Request {
        match self.last_sent() {
            Message::Request(request) => request,
            Message::Response(response) => panic!("{} is no request", response.status.0),
        }
    }

    pub(super) fn last_sent_response(&self) -> Response {
        match self.last_sent() {
            Message::Response(response) => response,
            Message::Request(request) => panic!("{} is no response", request.method),
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

/// `at(&[(500, "> INVITE")])`: an expectation of [`Bench::run`].
pub(super) fn at(events: &[(u128, &str)]) -> Vec<(u128, String)> {
    events.iter().map(|(millis, label)| (*millis, (*label).to_owned())).collect()
}

pub(super) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
