//! The transaction layer under any order of messages, answers, time-outs and broken transports: RFC 3261 17.
//! What a user of the layer would do with the calls is not here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ringback::sip::message::{
    Flow, Message, Method, Request, Response, StatusCode, Transport, parse_datagram,
};
use ringback::sip::transaction::timer::T1;
use ringback::sip::transaction::{ClientTransactionId, Output, ServerTransactionId, TransactionLayer};

use super::bytes::Choices;

/// Steps of one run; longer inputs say nothing new.
const MAX_STEPS: usize = 200;
/// Longer than any transaction lives after its answer.
const FOR_EVER: Duration = Duration::from_secs(400);
const STATUSES: [u16; 6] = [100, 180, 200, 302, 486, 503];

/// What the user of the layer knows.
struct User {
    layer: TransactionLayer,
    now: Instant,
    /// Requests received; false once finally answered.
    servers: BTreeMap<ServerTransactionId, (Request, bool)>,
    /// Requests sent; the failures that were reported.
    clients: BTreeMap<ClientTransactionId, u32>,
    /// Messages of ours on the wire.
    sent: Vec<Vec<u8>>,
}

/// No panic; each request is handed up once; a client transaction fails at most once; and when all is answered and
/// time has passed, nothing is left.
pub fn transaction(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut user = User {
        layer: TransactionLayer::new([3; 32]),
        now: ringback::time::now().mono,
        servers: BTreeMap::new(),
        clients: BTreeMap::new(),
        sent: Vec::new(),
    };
    for _ in 0..MAX_STEPS {
        if choices.is_over() {
            break;
        }
        user.step(&mut choices);
        user.drain();
    }
    user.answer_all();
    let end = user.now + FOR_EVER;
    while let Some(at) = user.layer.poll_timeout().filter(|at| *at <= end) {
        user.pass_to(at.max(user.now));
    }
    assert!(user.layer.is_empty(), "{} transactions are left", user.layer.len());
    assert_eq!(user.layer.poll_timeout(), None);
}

impl User {
    fn step(&mut self, choices: &mut Choices<'_>) {
        match choices.one_of(8) {
            0 | 1 => {
                let method = choices.pick(&["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"]);
                let request = self.received(method, choices);
                self.layer.handle_message(Message::Request(request), flow(choices), self.now);
            }
            2 => {
                let ids: Vec<ServerTransactionId> = self.servers.keys().copied().collect();
                if !ids.is_empty() {
                    let id = choices.pick(&ids);
                    self.respond(id, choices.pick(&STATUSES));
                }
            }
            3 => {
                let method = choices.pick(&["INVITE", "BYE", "OPTIONS"]);
                let mut request = self.received(method, choices);
                request.via.clear();
                if let Ok(id) = self.layer.send_request(request, flow(choices), self.now) {
                    self.clients.insert(id, 0);
                }
            }
            4 => self.hear_an_answer(choices),
            5 => {
                let pause = T1 * u32::from(choices.one_of(40));
                self.pass_to(self.now + pause);
            }
            6 => self.layer.handle_transport_failed(&flow(choices), self.now),
            _ => {
                let ids: Vec<ClientTransactionId> = self.clients.keys().copied().collect();
                if !ids.is_empty() {
                    self.layer.cancel(choices.pick(&ids), self.now);
                }
                for id in self.servers.keys() {
                    // Refused for all that were not accepted.
                    let _ = self.layer.retransmit_success(*id);
                }
            }
        }
    }

    /// A peer's request; few branches, so that they meet.
    fn received(&self, method: &str, choices: &mut Choices<'_>) -> Request {
        let branch = choices.pick(&["z9hG4bKa", "z9hG4bKb", "z9hG4bK", "old"]);
        let to_tag = choices.pick(&["", ";tag=t"]);
        let seq = choices.one_of(3);
        let text = format!(
            "{method} sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch={branch};rport\r\n\
             From: <sip:b@c>;tag=f\r\nTo: <sip:a@c>{to_tag}\r\nCall-ID: x\r\nCSeq: {seq} {method}\r\n\r\n"
        );
        match parse_datagram(text.as_bytes()) {
            Ok(Message::Request(request)) => request,
            other => unreachable!("a sound request: {other:?}"),
        }
    }

    fn respond(&mut self, id: ServerTransactionId, status: u16) {
        let Some((request, open)) = self.servers.get_mut(&id) else { return };
        let response = request.response(StatusCode(status), "t");
        // Refused for those that are over.
        let _ = self.layer.respond(id, &response, self.now);
        *open &= status < 200;
    }

    /// An answer to something we sent, perhaps long ago.
    fn hear_an_answer(&mut self, choices: &mut Choices<'_>) {
        if self.sent.is_empty() {
            return;
        }
        let last = &self.sent[self.sent.len().saturating_sub(8)..].to_vec();
        if let Ok(Message::Request(request)) = parse_datagram(&choices.pick(last)) {
            let response: Response = request.response(StatusCode(choices.pick(&STATUSES)), "t");
            self.layer.handle_message(Message::Response(response), flow(choices), self.now);
        }
    }

    /// Lets time pass, from one deadline to the next.
    fn pass_to(&mut self, end: Instant) {
        while let Some(at) = self.layer.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.layer.handle_timeout(self.now);
            self.drain();
            assert!(self.layer.poll_timeout() > Some(self.now) || self.layer.poll_timeout().is_none());
        }
        self.now = end;
    }

    fn answer_all(&mut self) {
        let open: Vec<ServerTransactionId> =
            self.servers.iter().filter(|(_, (_, open))| *open).map(|(id, _)| *id).collect();
        for id in open {
            self.respond(id, 500);
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.layer.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => self.sent.push(bytes),
                Output::RequestReceived { transaction, request, .. } => {
                    assert!(!matches!(request.method, Method::Ack | Method::Cancel));
                    let before = self.servers.insert(transaction, (*request, true));
                    assert!(before.is_none(), "a request is handed up once");
                }
                Output::RequestFailed { transaction, .. } => {
                    let failures = self.clients.get_mut(&transaction).expect("a request of ours");
                    *failures += 1;
                    assert_eq!(*failures, 1, "a request fails once");
                }
                Output::CancelReceived { invite } => {
                    let (_, open) = &self.servers[&invite];
                    assert!(open, "what is answered is not cancelled");
                }
                Output::ResponseReceived { transaction, .. } => {
                    assert!(self.clients.contains_key(&transaction));
                }
                Output::AckReceived { .. } | Output::ResponseFailed { .. } => {}
            }
        }
    }
}

fn flow(choices: &mut Choices<'_>) -> Flow {
    let port = 5060 + u16::from(choices.one_of(2));
    Flow {
        transport: choices.pick(&[Transport::Udp, Transport::Tcp]),
        local: ([127, 0, 0, 1], 5060).into(),
        remote: ([127, 0, 0, 1], port).into(),
    }
}
