//! The line of a telephone, pure: one call at a time, in or out, and requests of its own such as REGISTER. Real-time
//! machine form; the shell that drives it has the sockets, a simulation has none.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use crate::acd::Distributor;
use crate::call::effect::Effect;
use crate::call::leg::{Leg, LegEvent};
use crate::call::turn::{Counters, Routes, Turn};
use crate::ids::{LegId, Mint};
use crate::media;
use crate::sdp::Codec;
use crate::sip::credentials::Credentials;
use crate::sip::dialog::Dialog;
use crate::sip::message::{Flow, Host, Message, Method, NameAddr, Request, Response, StatusCode, Uri};
use crate::sip::session_timer;
use crate::sip::transaction::{
    self, ClientTransactionId, ServerTransactionId, TransactionError, TransactionLayer,
};
use crate::time::Now;

/// What the line wants done or tells.
#[derive(Debug)]
pub enum Output {
    Transmit { bytes: Vec<u8>, flow: Flow },
    Media(media::Command),
    Event(Event),
}

#[derive(Debug)]
pub enum Event {
    Leg(LegEvent),
    /// Somebody rings; answer with [`Line::accept`] or [`Line::reject`].
    Incoming(Ringing),
    /// A response to a request of [`Line::send`].
    Response {
        transaction: ClientTransactionId,
        response: Box<Response>,
    },
    Failed {
        transaction: ClientTransactionId,
    },
}

/// A call that rings here.
#[derive(Debug)]
pub struct Ringing {
    transaction: ServerTransactionId,
    invite: Box<Request>,
    flow: Flow,
}

#[derive(Debug)]
pub struct Line {
    local: SocketAddr,
    sip: TransactionLayer,
    /// A telephone distributes nothing; its legs only pass this along.
    acd: Distributor,
    mint: Mint,
    routes: Routes,
    effects: VecDeque<Effect>,
    counters: Counters,
    tickets: u64,
    leg: Option<Leg>,
    /// Who we are, when somebody we call asks.
    credentials: Option<Credentials>,
    /// The INVITE that rings. Who cancels it hears 487, and is neither accepted nor rejected any more.
    ringing: Option<(ServerTransactionId, Box<Request>)>,
    outputs: VecDeque<Output>,
}

/// What this telephone speaks: it stands in for one on a trunk.
const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

impl Line {
    /// `local` is where the telephone listens.
    pub fn new(local: SocketAddr, seed: [u8; 32]) -> Self {
        let mut mint = Mint::new(seed);
        Self {
            local,
            sip: TransactionLayer::new(mint.seed()),
            acd: Distributor::new(Vec::new()),
            mint,
            routes: Routes::default(),
            effects: VecDeque::new(),
            counters: Counters::default(),
            tickets: 0,
            leg: None,
            credentials: None,
            ringing: None,
            outputs: VecDeque::new(),
        }
    }

    pub fn mint(&mut self) -> &mut Mint {
        &mut self.mint
    }

    /// What calls from now on prove themselves with when they are challenged.
    pub fn set_credentials(&mut self, credentials: Credentials) {
        self.credentials = Some(credentials);
    }

    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The leg of the call that is on.
    pub fn leg(&self) -> Option<LegId> {
        self.leg.as_ref().filter(|leg| !leg.is_ended()).map(|leg| leg.id)
    }

    /// Somebody rings and has not given up.
    pub fn is_ringing(&self) -> bool {
        self.ringing.is_some()
    }

    /// No call and no open transaction.
    pub fn is_idle(&self) -> bool {
        self.leg().is_none() && self.sip.is_empty()
    }

    pub fn call(&mut self, target: Uri, flow: Flow, from: &str, now: Now) {
        self.call_with(target, flow, from, Vec::new(), now);
    }

    /// The same with these headers in the INVITE.
    pub fn call_with(
        &mut self,
        target: Uri,
        flow: Flow,
        from: &str,
        headers: Vec<(&'static str, String)>,
        now: Now,
    ) {
        let caller = NameAddr::new(Uri::sip(Some(from), Host::Ip(self.local.ip()), Some(self.local.port())));
        let credentials = self.credentials.clone();
        let leg = self.turn(now, |turn| Leg::outgoing(target, caller, headers, flow, turn));
        self.leg = Some(leg.with_credentials(credentials));
    }

    /// Takes the call; it is answered as soon as its media is open. One whose caller has left is let be.
    pub fn accept(&mut self, ringing: Ringing, now: Now) {
        if !self.stop_ringing(ringing.transaction) {
            return;
        }
        let Ringing { transaction, invite, flow } = ringing;
        match self.turn(now, |turn| Leg::incoming(transaction, *invite, flow, turn)) {
            Ok(leg) => self.leg = Some(leg),
            Err((refusal, invite)) => self.turn(now, |turn| turn.refuse(transaction, &invite, refusal)),
        }
    }

    pub fn reject(&mut self, ringing: &Ringing, status: StatusCode, now: Now) {
        if self.stop_ringing(ringing.transaction) {
            self.respond(ringing.transaction, &ringing.invite, status, now);
        }
    }

    /// Whether this INVITE still rang.
    fn stop_ringing(&mut self, invite: ServerTransactionId) -> bool {
        self.ringing.take_if(|(transaction, _)| *transaction == invite).is_some()
    }

    /// Ends the call, whatever it is doing.
    pub fn hang_up(&mut self, now: Now) {
        if let Some(mut leg) = self.leg.take() {
            self.turn(now, |turn| leg.hang_up(turn));
            self.leg = (!leg.is_ended()).then_some(leg);
        }
    }

    /// Sends a request outside any call.
    pub fn send(
        &mut self,
        request: Request,
        flow: Flow,
        now: Now,
    ) -> Result<ClientTransactionId, TransactionError> {
        self.sip.send_request(request, flow, now.mono)
    }

    pub fn handle_message(&mut self, message: Message, flow: Flow, now: Now) {
        self.sip.handle_message(message, flow, now.mono);
        self.settle(now);
    }

    pub fn handle_transport_failed(&mut self, flow: &Flow, now: Now) {
        self.sip.handle_transport_failed(flow, now.mono);
        self.settle(now);
    }

    pub fn handle_media(&mut self, event: &media::Event, now: Now) {
        match event {
            media::Event::Opened { local_rtp, .. } => {
                self.with_leg(now, |leg, turn| leg.handle_media_opened(*local_rtp, turn));
                self.answer_when_prepared(now);
            }
            media::Event::OpenFailed { .. } => self.with_leg(now, Leg::handle_media_failed),
            _ => {}
        }
        self.settle(now);
    }

    pub fn handle_timeout(&mut self, now: Now) {
        self.sip.handle_timeout(now.mono);
        self.with_leg(now, Leg::handle_timeout);
        self.settle(now);
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let leg = self.leg.as_ref().and_then(Leg::poll_timeout);
        [self.sip.poll_timeout(), leg].into_iter().flatten().min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        if self.outputs.is_empty() {
            self.drain_transmits();
        }
        self.outputs.pop_front()
    }

    /// An accepted call waits only for its ports; a call of our own has nothing to answer.
    fn answer_when_prepared(&mut self, now: Now) {
        let prepared = |output: &Output| matches!(output, Output::Event(Event::Leg(LegEvent::Prepared)));
        if self.outputs.iter().any(prepared)
            && let Some(mut leg) = self.leg.take()
        {
            if let Err(refusal) = self.turn(now, |turn| leg.answer(turn)) {
                self.turn(now, |turn| leg.refuse(refusal, turn));
            }
            self.leg = Some(leg);
        }
    }

    fn drain_transmits(&mut self) {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Transmit { bytes, flow } => self.outputs.push_back(Output::Transmit { bytes, flow }),
                Effect::Media(command) => self.outputs.push_back(Output::Media(command)),
                other => tracing::debug!(?other, "a telephone has no use for this"),
            }
        }
        while let Some(output) = self.sip.poll_output() {
            if let transaction::Output::Transmit { bytes, flow } = output {
                self.outputs.push_back(Output::Transmit { bytes, flow });
            }
        }
    }

    /// Everything the transaction layer has to say, until it is quiet.
    fn settle(&mut self, now: Now) {
        while let Some(output) = self.sip.poll_output() {
            match output {
                transaction::Output::Transmit { bytes, flow } => {
                    self.outputs.push_back(Output::Transmit { bytes, flow });
                }
                transaction::Output::RequestReceived { transaction, request, flow } => {
                    self.handle_request(transaction, request, flow, now);
                }
                transaction::Output::AckReceived { request, .. } => {
                    self.with_leg(now, |leg, turn| leg.handle_ack(&request, turn));
                }
                transaction::Output::CancelReceived { invite } => self.handle_cancel(invite, now),
                transaction::Output::ResponseReceived { transaction, response, .. } => {
                    if self.routes.requests.contains_key(&transaction) {
                        self.with_leg(now, |leg, turn| leg.handle_response(transaction, &response, turn));
                    } else {
                        self.outputs.push_back(Output::Event(Event::Response { transaction, response }));
                    }
                }
                transaction::Output::RequestFailed { transaction, .. } => {
                    if self.routes.requests.contains_key(&transaction) {
                        self.with_leg(now, |leg, turn| leg.handle_request_failed(transaction, turn));
                    } else {
                        self.outputs.push_back(Output::Event(Event::Failed { transaction }));
                    }
                }
                transaction::Output::ResponseFailed { .. } => {}
            }
        }
    }

    fn handle_request(
        &mut self,
        transaction: ServerTransactionId,
        request: Box<Request>,
        flow: Flow,
        now: Now,
    ) {
        if Dialog::id_of_request(&request).is_some_and(|id| self.routes.dialogs.contains_key(&id)) {
            self.with_leg(now, |leg, turn| leg.handle_request(transaction, &request, turn));
        } else if request.method == Method::Invite && self.leg().is_none() && self.ringing.is_none() {
            self.ringing = Some((transaction, request.clone()));
            let ringing = Ringing { transaction, invite: request, flow };
            self.outputs.push_back(Output::Event(Event::Incoming(ringing)));
        } else {
            let status = match request.method {
                Method::Invite => StatusCode::BUSY_HERE,
                Method::Options => StatusCode::OK,
                _ => StatusCode::NO_SUCH_DIALOG,
            };
            self.respond(transaction, &request, status, now);
        }
    }

    fn handle_cancel(&mut self, invite: ServerTransactionId, now: Now) {
        match self.ringing.take_if(|(transaction, _)| *transaction == invite) {
            Some((_, request)) => self.respond(invite, &request, StatusCode::REQUEST_TERMINATED, now),
            None => self.with_leg(now, Leg::handle_cancel),
        }
    }

    fn respond(&mut self, transaction: ServerTransactionId, request: &Request, status: StatusCode, now: Now) {
        let tag = self.mint.token();
        self.turn(now, |turn| turn.respond(transaction, &request.response(status, &tag)));
    }

    fn with_leg(&mut self, now: Now, step: impl FnOnce(&mut Leg, &mut Turn<'_>) -> Option<LegEvent>) {
        let Some(mut leg) = self.leg.take() else { return };
        let event = self.turn(now, |turn| step(&mut leg, turn));
        self.leg = Some(leg);
        self.outputs.extend(event.map(|event| Output::Event(Event::Leg(event))));
    }

    fn turn<T>(&mut self, now: Now, step: impl FnOnce(&mut Turn<'_>) -> T) -> T {
        step(&mut Turn {
            now,
            sip: &mut self.sip,
            acd: &mut self.acd,
            mint: &mut self.mint,
            routes: &mut self.routes,
            effects: &mut self.effects,
            counters: &mut self.counters,
            tickets: &mut self.tickets,
            advertised: None,
            session_expires_secs: session_timer::DEFAULT_EXPIRES_SECS,
            codecs: &CODECS,
            srtp: crate::sdp::SrtpTerms::default(),
            beside: None,
            trunks: None,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::sip::message::{Transport, parse_datagram};

    fn request(method: &str) -> Message {
        let text = format!(
            "{method} sip:201@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bKa\r\n\
             From: <sip:b@c>;tag=f\r\nTo: <sip:201@c>\r\nCall-ID: x\r\nCSeq: 1 {method}\r\nContact: <sip:b@127.0.0.2>\r\n\r\n"
        );
        parse_datagram(text.as_bytes()).unwrap()
    }

    /// Status lines of what was sent, and the call that rings.
    fn drain(line: &mut Line) -> (Vec<String>, Option<Ringing>) {
        let (mut sent, mut rings) = (Vec::new(), None);
        while let Some(output) = line.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => {
                    let text = String::from_utf8(bytes).unwrap();
                    let cseq = text.lines().find_map(|line| line.strip_prefix("CSeq: ")).unwrap();
                    sent.push(format!("{} {cseq}", &text[8..11]));
                }
                Output::Event(Event::Incoming(ringing)) => rings = Some(ringing),
                other => panic!("{other:?}"),
            }
        }
        (sent, rings)
    }

    #[test]
    fn a_caller_who_leaves_while_it_rings_hears_487_and_is_not_answered() {
        let (local, now) = (([127, 0, 0, 1], 5060).into(), crate::time::now());
        let flow = Flow { transport: Transport::Udp, local, remote: ([127, 0, 0, 2], 5060).into() };
        let mut line = Line::new(local, [1; 32]);
        line.handle_message(request("INVITE"), flow, now);
        let ringing = drain(&mut line).1.unwrap();
        line.handle_message(request("CANCEL"), flow, now);
        let sent = drain(&mut line).0;
        assert!(
            sent.contains(&"200 1 CANCEL".to_owned()) && sent.contains(&"487 1 INVITE".to_owned()),
            "{sent:?}"
        );
        line.accept(ringing, now);
        assert_eq!((drain(&mut line).0, line.leg()), (Vec::new(), None));
    }
}
