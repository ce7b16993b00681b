//! A leg against a peer of hand-made messages, in simulated time: the bench the tests beside it use.
//!
//! What comes out is a list of short lines: `> 180` for a response, `> BYE` for a request, `Held` for an event.

#![allow(clippy::unwrap_used, clippy::panic)]

mod answering;
mod calling;
mod digits;
mod session;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Leg, LegEvent, State};
use crate::acd::Distributor;
use crate::call::refusal::Refusal;
use crate::call::turn::{Counters, Routes, Turn};
use crate::ids::Mint;
use crate::sip::dialog::Dialog;
use crate::sip::message::{
    Flow, Message, NameAddr, Request, Response, StatusCode, Transport, Uri, parse_datagram,
};
use crate::sip::session_timer::DEFAULT_EXPIRES_SECS;
use crate::sip::transaction::{Output, ServerTransactionId, TransactionLayer};
use crate::time::Now;

pub(super) const OFFER: &str = "v=0\r\no=peer 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
                                m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";

pub(super) fn flow() -> Flow {
    Flow {
        transport: Transport::Udp,
        local: SocketAddr::from(([192, 0, 2, 1], 5060)),
        remote: SocketAddr::from(([192, 0, 2, 7], 5070)),
    }
}

/// The peer's session description with this direction.
pub(super) fn sdp(direction: &str) -> String {
    format!("{OFFER}a={direction}\r\n")
}

pub(super) fn typed(body: &str) -> String {
    format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

pub(super) struct Bench {
    pub(super) now: Now,
    start: Now,
    sip: TransactionLayer,
    acd: Distributor,
    mint: Mint,
    pub(super) routes: Routes,
    counters: Counters,
    effects: VecDeque<crate::call::effect::Effect>,
    tickets: u64,
    pub(super) leg: Option<Leg>,
    /// The peer's INVITE as the layer gave it to us.
    transaction: Option<ServerTransactionId>,
    branch: u32,
    /// Every message on the wire, ours only.
    pub(super) sent: Vec<Message>,
    seen: Vec<String>,
    /// The keys among the events, which do not show themselves.
    digits: String,
}

impl Bench {
    pub(super) fn new() -> Self {
        let now = crate::time::now();
        Self {
            now,
            start: now,
            sip: TransactionLayer::new([5; 32]),
            acd: Distributor::new(Vec::new()),
            mint: Mint::new([6; 32]),
            routes: Routes::default(),
            counters: Counters::default(),
            effects: VecDeque::new(),
            tickets: 0,
            leg: None,
            transaction: None,
            branch: 0,
            sent: Vec::new(),
            seen: Vec::new(),
            digits: String::new(),
        }
    }

    pub(super) fn turn<T>(&mut self, step: impl FnOnce(&mut Turn<'_>) -> T) -> T {
        step(&mut Turn {
            now: self.now,
            sip: &mut self.sip,
            acd: &mut self.acd,
            mint: &mut self.mint,
            routes: &mut self.routes,
            effects: &mut self.effects,
            counters: &mut self.counters,
            tickets: &mut self.tickets,
            advertised: None,
            session_expires_secs: DEFAULT_EXPIRES_SECS,
            codecs: &[crate::sdp::Codec::Pcma, crate::sdp::Codec::Pcmu],
            srtp: crate::sdp::SrtpTerms::default(),
            beside: None,
            trunks: None,
        })
    }

    /// One step of the leg; its event is noted.
    pub(super) fn step(&mut self, step: impl FnOnce(&mut Leg, &mut Turn<'_>) -> Option<LegEvent>) {
        let mut leg = self.leg.take().unwrap();
        let event = self.turn(|turn| step(&mut leg, turn));
        self.leg = Some(leg);
        if let Some(LegEvent::Digit(digit)) = event {
            self.digits.push(digit.as_char());
        }
        self.seen.extend(event.map(|event| format!("{event:?}")));
        self.settle();
    }

    /// What happened since the last look.
    pub(super) fn drain(&mut self) -> Vec<String> {
        self.settle();
        std::mem::take(&mut self.seen)
    }

    fn settle(&mut self) {
        while let Some(output) = self.sip.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => {
                    let message = parse_datagram(&bytes).unwrap();
                    self.seen.push(match &message {
                        Message::Request(request) => format!("> {}", request.method),
                        Message::Response(response) => format!("> {}", response.status.0),
                    });
                    self.sent.push(message);
                }
                Output::RequestReceived { transaction, request, flow } => {
                    self.take_request(transaction, *request, flow);
                }
                Output::AckReceived { request, .. } => self.step(|leg, turn| leg.handle_ack(&request, turn)),
                Output::CancelReceived { .. } => self.step(Leg::handle_cancel),
                Output::ResponseReceived { transaction, response, .. } => {
                    if self.routes.requests.contains_key(&transaction) {
                        self.step(|leg, turn| leg.handle_response(transaction, &response, turn));
                    }
                }
                Output::RequestFailed { transaction, .. } => {
                    if self.routes.requests.contains_key(&transaction) {
                        self.step(|leg, turn| leg.handle_request_failed(transaction, turn));
                    }
                }
                Output::ResponseFailed { .. } => {}
            }
        }
    }

    fn take_request(&mut self, transaction: ServerTransactionId, request: Request, flow: Flow) {
        let known = Dialog::id_of_request(&request).is_some_and(|id| self.routes.dialogs.contains_key(&id));
        if known {
            self.step(|leg, turn| leg.handle_request(transaction, &request, turn));
        } else if request.to.tag().is_some() {
            self.turn(|turn| turn.refuse(transaction, &request, Refusal::NoSuchDialog));
        } else {
            match self.turn(|turn| Leg::incoming(transaction, request, flow, turn)) {
                Ok(leg) => self.leg = Some(leg),
                Err((refusal, invite)) => self.turn(|turn| turn.refuse(transaction, &invite, refusal)),
            }
            self.transaction = Some(transaction);
        }
    }

    /// Lets time pass, stopping at each deadline; when what happened, in milliseconds since the start.
    pub(super) fn run(&mut self, by: Duration) -> Vec<(u128, String)> {
        let until = self.now.mono + by;
        let mut events = Vec::new();
        loop {
            let leg = self.leg.as_ref().and_then(Leg::poll_timeout);
            let next = [leg, self.sip.poll_timeout()].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= until) else { break };
            self.now = self.now.plus(at.saturating_duration_since(self.now.mono));
            self.sip.handle_timeout(at);
            self.step(Leg::handle_timeout);
            let millis = at.duration_since(self.start.mono).as_millis();
            events.extend(self.drain().into_iter().map(|what| (millis, what)));
        }
        self.now = self.now.plus(until.saturating_duration_since(self.now.mono));
        events
    }

    pub(super) fn receive_text(&mut self, text: &str) -> Vec<String> {
        let message = parse_datagram(text.as_bytes()).unwrap();
        self.receive(message)
    }

    pub(super) fn receive(&mut self, message: Message) -> Vec<String> {
        self.sip.handle_message(message, flow(), self.now.mono);
        self.drain()
    }

    /// A request of the peer: `tail` is further header lines, and a body behind an empty one.
    pub(super) fn request(&mut self, method: &str, seq: u32, to_tag: &str, tail: &str) -> String {
        self.branch += 1;
        let to_tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
        let end = if tail.contains("\r\n\r\n") { "" } else { "Content-Length: 0\r\n\r\n" };
        format!(
            "{method} sip:1580@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bK{branch}\r\n\
             From: <sip:380441112233@peer>;tag=peer\r\nTo: <sip:1580@city>{to_tag}\r\nCall-ID: c1\r\n\
             CSeq: {seq} {method}\r\nContact: <sip:peer@192.0.2.7:5070>\r\nMax-Forwards: 70\r\n{tail}{end}",
            branch = self.branch,
        )
    }

    pub(super) fn last_response(&self) -> Response {
        let responses = self.sent.iter().rev().find_map(|message| match message {
            Message::Response(response) => Some(response.clone()),
            Message::Request(_) => None,
        });
        responses.unwrap()
    }

    pub(super) fn last_request(&self) -> Request {
        let requests = self.sent.iter().rev().find_map(|message| match message {
            Message::Request(request) => Some(request.clone()),
            Message::Response(_) => None,
        });
        requests.unwrap()
    }

    /// The last request of this method.
    pub(super) fn sent_request(&self, method: &str) -> Request {
        let requests = self.sent.iter().rev().find_map(|message| match message {
            Message::Request(request) if request.method.as_str() == method => Some(request.clone()),
            _ => None,
        });
        requests.unwrap()
    }

    /// The media ports are there.
    pub(super) fn open_media(&mut self) {
        self.step(|leg, turn| leg.handle_media_opened(SocketAddr::from(([192, 0, 2, 1], 20_000)), turn));
    }

    /// An INVITE of the peer, and our ringing.
    pub(super) fn rung(&mut self, tail: &str) -> Vec<String> {
        let invite = self.request("INVITE", 1, "", tail);
        let mut seen = self.receive_text(&invite);
        self.open_media();
        self.step(|leg, turn| {
            leg.ring(turn);
            None
        });
        seen.extend(self.drain());
        seen
    }

    pub(super) fn answer(&mut self) -> Vec<String> {
        self.step(|leg, turn| {
            leg.answer(turn).unwrap();
            None
        });
        self.drain()
    }

    /// The tag we gave in our last response.
    pub(super) fn our_tag(&self) -> String {
        self.last_response().to.tag().unwrap().to_owned()
    }

    /// A call of the peer, answered and acknowledged.
    pub(super) fn talking(&mut self, tail: &str) -> String {
        self.rung(tail);
        self.answer();
        let tag = self.our_tag();
        let ack = self.request("ACK", 1, &tag, "");
        assert_eq!(self.receive_text(&ack), ["Established"]);
        tag
    }

    /// A call of ours, its INVITE just sent.
    pub(super) fn calling(&mut self, change: impl FnOnce(Leg) -> Leg) -> Request {
        let uri = |text: &str| Uri::parse(text).unwrap();
        let from = NameAddr::new(uri("sip:1580@city"));
        let leg =
            self.turn(|turn| Leg::outgoing(uri("sip:201@192.0.2.7:5070"), from, Vec::new(), flow(), turn));
        self.leg = Some(change(leg));
        self.open_media();
        assert_eq!(self.drain(), ["Prepared", "> INVITE"]);
        self.last_request()
    }

    /// The peer answers `request`.
    pub(super) fn respond(
        &mut self,
        request: &Request,
        status: u16,
        tag: &str,
        lines: &[(&str, &str)],
        body: &str,
    ) -> Vec<String> {
        let mut response = request
            .response(StatusCode(status), tag)
            .with_header("Contact", format!("<sip:{tag}@192.0.2.7:5070>"));
        for (name, value) in lines {
            response.headers.push(name, *value);
        }
        if !body.is_empty() {
            response = response.with_body("application/sdp", body.as_bytes().to_vec());
        }
        self.receive(Message::Response(response))
    }

    /// A call of ours, answered by `tag` with these header lines.
    pub(super) fn answered(&mut self, lines: &[(&str, &str)]) -> Request {
        let invite = self.calling(|leg| leg);
        assert_eq!(self.respond(&invite, 200, "desk", lines, OFFER), ["Established", "> ACK"]);
        invite
    }

    pub(super) fn is_ended(&self) -> bool {
        matches!(self.leg.as_ref().unwrap().state, State::Ended)
    }

    /// Nothing points to a leg that is over.
    pub(super) fn assert_nothing_left(&self) {
        assert!(self.is_ended());
        let Routes { dialogs, requests, invites } = &self.routes;
        assert!(dialogs.is_empty() && requests.is_empty() && invites.is_empty(), "{:?}", self.routes);
    }
}

/// `at(&[(500, "> 180")])`: an expectation of [`Bench::run`].
pub(super) fn at(events: &[(u128, &str)]) -> Vec<(u128, String)> {
    events.iter().map(|(millis, what)| (*millis, (*what).to_owned())).collect()
}

pub(super) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
