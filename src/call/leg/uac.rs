//! The calling side of a leg: INVITE, its answers, CANCEL and the 2xx that crosses it.
//! RFC 3261 8.1.3, 9.1 and 13.2. A refusal that says how to ask better is followed: another target, a longer
//! interval, a proof of who we are. Retransmissions are the transaction layer's; whom to call and for how long is
//! decided above.

use std::net::SocketAddr;

use crate::call::leg::body::{SDP, description_of};
use crate::call::leg::early::{Confirmed, EarlyDialogs};
use crate::call::leg::{CONTACT_USER, Leg, LegEnd, LegEvent, Peer, SentInvite, State, authorize, send_bye};
use crate::call::refusal::{ACCEPT, ALLOW, SUPPORTED};
use crate::call::turn::Turn;
use crate::sdp::{AudioOffer, NegotiationError};
use crate::sip::credentials::{Credentials, Login};
use crate::sip::dialog::Dialog;
use crate::sip::message::{
    CSeq, Flow, Headers, Host, Method, NameAddr, Request, Response, StatusCode, Transport, Uri,
};
use crate::sip::redirection::{MAX_TARGETS, Targets};
use crate::sip::session_timer::{Terms, Wish};
use crate::sip::transaction::ClientTransactionId;

/// INVITEs after the first: one for each further target, and what it takes to satisfy the most particular peer:
/// a challenge of a proxy and one of its own, a nonce that grew old, two larger intervals.
const MAX_FURTHER_INVITES: u8 = (MAX_TARGETS + 4) as u8;
/// SIP's port when a target names none (RFC 3261 19.1.2).
const SIP_PORT: u16 = 5060;

/// What trying again needs to know.
#[derive(Debug)]
pub(super) struct Attempts {
    targets: Targets,
    wish: Wish,
    left: u8,
}

impl Leg {
    /// Calls `target` over `flow`; the INVITE goes out as soon as media is open. `headers` are added to it.
    pub fn outgoing(
        target: Uri,
        from: NameAddr,
        headers: Vec<(&'static str, String)>,
        flow: Flow,
        turn: &mut Turn<'_>,
    ) -> Self {
        let id = turn.mint.leg();
        let state =
            State::Preparing { target: Box::new(target), from: Box::new(from), headers, is_parked: false };
        Self::new(id, flow, state, turn)
    }

    /// Opens media and goes no further until [`Self::dial`].
    #[must_use]
    pub fn parked(mut self) -> Self {
        if let State::Preparing { is_parked, .. } = &mut self.state {
            *is_parked = true;
        }
        self
    }

    /// Sends the INVITE of a parked leg, whose media is open.
    pub fn dial(&mut self, turn: &mut Turn<'_>) -> Option<LegEvent> {
        self.send_invite(turn).filter(|event| *event != LegEvent::Prepared)
    }

    /// What to prove ourselves with, should the peer ask.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Option<Credentials>) -> Self {
        self.login = credentials.map(|credentials| Box::new(Login::new(credentials)));
        self
    }

    /// True until the INVITE of a leg that calls has its final answer.
    pub fn is_ringing(&self) -> bool {
        matches!(self.state, State::Calling { .. })
    }

    pub(super) fn send_invite(&mut self, turn: &mut Turn<'_>) -> Option<LegEvent> {
        let offer = self.local_description(turn);
        self.media.offered = Some(offer.clone());
        let State::Preparing { target, from, headers, .. } = &self.state else { return None };
        let mut from = from.as_ref().clone();
        from.set_tag(&turn.mint.token());
        let mut invite = Request {
            method: Method::Invite,
            uri: target.as_ref().clone(),
            via: Vec::new(),
            from,
            to: NameAddr::new(target.as_ref().clone()),
            call_id: format!("{}@{CONTACT_USER}", turn.mint.token()),
            cseq: CSeq { seq: 1, method: Method::Invite },
            max_forwards: 70,
            headers: Headers::default(),
            body: offer.to_sdp().into_bytes(),
        };
        for (name, value) in headers {
            invite.headers.push(name, value.as_str());
        }
        let wish = Wish::new(turn.session_expires_secs);
        invite.headers.push("Contact", self.contact().to_string());
        invite.headers.push("Allow", ALLOW);
        invite.headers.push("Supported", supported_towards(self.flow));
        invite.headers.push("Accept", ACCEPT);
        wish.write(&mut invite.headers, false);
        invite.headers.push("Content-Type", SDP);
        let targets = Targets::new(invite.uri.clone());
        let attempts = Box::new(Attempts { targets, wish, left: MAX_FURTHER_INVITES });
        match turn.sip.send_request(invite.clone(), self.flow, turn.now.mono) {
            Ok(transaction) => {
                turn.routes.requests.insert(transaction, self.id);
                let (invite, early) = (Box::new(invite), EarlyDialogs::default());
                self.state = State::Calling { invite, transaction, offer, early, attempts };
                Some(LegEvent::Prepared)
            }
            Err(error) => {
                tracing::warn!(leg.id = self.id.0, %error, "INVITE not sent");
                self.end(turn);
                Some(LegEvent::Ended(LegEnd::Unreachable))
            }
        }
    }

    pub fn handle_response(
        &mut self,
        transaction: ClientTransactionId,
        response: &Response,
        turn: &mut Turn<'_>,
    ) -> Option<LegEvent> {
        self.follow_response(turn.sip.client_flow(transaction));
        if self.refresh.as_ref().is_some_and(|refresh| refresh.transaction == transaction) {
            return self.handle_refresh_response(response, turn);
        }
        match &self.state {
            State::Calling { transaction: pending, .. } if *pending == transaction => {
                self.handle_calling_response(response, turn)
            }
            State::Cancelling { transaction: pending, .. } if *pending == transaction => {
                self.handle_cancelling_response(response, turn);
                None
            }
            State::Established { dialog, sent: Some(sent), .. }
                if response.status.is_success() && sent.transaction == transaction =>
            {
                if response.to.tag() == Some(dialog.id.remote_tag.as_str()) {
                    // Our ACK was lost: the peer repeats its 2xx and gets the ACK again (RFC 3261 13.2.2.4).
                    turn.sip.send_ack(acknowledgement(dialog, &sent.invite), dialog.flow);
                } else {
                    release_fork(&sent.invite, response, self.contact(), self.flow, turn);
                }
                None
            }
            _ => None,
        }
    }

    fn handle_calling_response(&mut self, response: &Response, turn: &mut Turn<'_>) -> Option<LegEvent> {
        if response.status == StatusCode::TRYING {
            return None;
        }
        if response.status.is_provisional() {
            return self.handle_provisional(response, turn);
        }
        if !response.status.is_success() {
            let again = self.plain_attempt(response, turn).or_else(|| self.next_attempt(response, turn));
            return match again {
                Some(invite) => self.invite_again(invite, turn),
                None => {
                    self.end(turn);
                    Some(LegEvent::Ended(LegEnd::Refused(response.status)))
                }
            };
        }
        self.establish(response, turn)
    }

    /// The INVITE changed as `refusal` asks for; none when there is nothing left to try.
    fn next_attempt(&mut self, refusal: &Response, turn: &Turn<'_>) -> Option<Request> {
        let over_trunk = self.trunk_place.is_some();
        let State::Calling { invite, attempts, .. } = &mut self.state else { return None };
        attempts.left = attempts.left.checked_sub(1)?;
        let mut again = invite.as_ref().clone();
        if self.login.as_mut().is_some_and(|login| login.handle_challenge(refusal)) {
            return Some(again);
        }
        if refusal.status == StatusCode(422) {
            attempts.wish = attempts.wish.raise(refusal)?;
            attempts.wish.write(&mut again.headers, false);
            return Some(again);
        }
        attempts.targets.redirect(refusal);
        // 6xx speaks for everybody who could be asked (RFC 3261 21.6).
        if refusal.status.0 >= 600 {
            return None;
        }
        again.uri = loop {
            let target = attempts.targets.next_target()?;
            if over_trunk || !leads_out(&target, turn) {
                break target;
            }
        };
        Some(again)
    }

    /// Sends the INVITE once more, in the same dialog-to-be, as a request of its own (RFC 3261 8.1.3.4, 8.1.3.5).
    fn invite_again(&mut self, mut again: Request, turn: &mut Turn<'_>) -> Option<LegEvent> {
        let State::Calling { invite, transaction, early, .. } = &mut self.state else { return None };
        if again.uri != invite.uri {
            self.flow = flow_to(self.flow, &again.uri);
        }
        again.cseq.seq += 1;
        authorize(&mut again, self.login.as_deref_mut(), turn);
        early.forget(turn);
        *early = EarlyDialogs::default();
        turn.routes.requests.remove(transaction);
        match turn.sip.send_request(again.clone(), self.flow, turn.now.mono) {
            Ok(id) => {
                turn.routes.requests.insert(id, self.id);
                *transaction = id;
                **invite = again;
                None
            }
            Err(error) => {
                tracing::warn!(leg.id = self.id.0, %error, "INVITE not sent");
                self.end(turn);
                Some(LegEvent::Ended(LegEnd::Unreachable))
            }
        }
    }

    /// The first 2xx is the call; whoever else rang or answers is let go.
    fn establish(&mut self, response: &Response, turn: &mut Turn<'_>) -> Option<LegEvent> {
        let contact = self.contact();
        let State::Calling { invite, transaction, offer, early, .. } = &mut self.state else { return None };
        let confirmed = early.confirm(response, turn);
        let confirmed = confirmed.map_or_else(|| Confirmed::new(invite, response, contact, self.flow), Ok);
        let Confirmed { mut dialog, session, settled } = match confirmed {
            Ok(confirmed) => confirmed,
            Err(error) => {
                tracing::info!(leg.id = self.id.0, %error, "2xx cannot open a dialog");
                self.end(turn);
                return Some(LegEvent::Ended(LegEnd::Unreachable));
            }
        };
        turn.sip.send_ack(acknowledgement(&dialog, invite), dialog.flow);
        let agreed = agreement(offer, response, session, settled);
        let sent = Box::new(SentInvite { transaction: *transaction, invite: invite.as_ref().clone() });
        if let Some(login) = &mut self.login {
            login.handle_success();
        }
        match agreed {
            Ok(session) => {
                turn.routes.dialogs.insert(dialog.id.clone(), self.id);
                self.peer = Peer::of(&response.headers);
                self.state = State::Established { dialog: Box::new(dialog), awaited: None, sent: Some(sent) };
                if self.media.session.as_ref() != Some(&session) {
                    self.apply_session(session, turn);
                }
                self.start_session(Terms::of_success(response), turn);
                Some(LegEvent::Established)
            }
            Err(error) => {
                tracing::info!(leg.id = self.id.0, %error, "answer cannot be used");
                send_bye(&mut dialog, self.login.as_deref_mut(), turn);
                self.end(turn);
                Some(LegEvent::Ended(LegEnd::MediaFailed))
            }
        }
    }

    /// After CANCEL: the INVITE still gets a final answer. A 2xx that crossed it is acknowledged and ended
    /// with BYE (RFC 3261 9.1, 15).
    fn handle_cancelling_response(&mut self, response: &Response, turn: &mut Turn<'_>) {
        if response.status.is_provisional() {
            return;
        }
        if let State::Cancelling { invite, .. } = &self.state
            && response.status.is_success()
        {
            release_fork(invite, response, self.contact(), self.flow, turn);
        }
        self.end(turn);
    }

    /// No final response will come for one of our requests.
    pub fn handle_request_failed(
        &mut self,
        transaction: ClientTransactionId,
        turn: &mut Turn<'_>,
    ) -> Option<LegEvent> {
        if self.refresh.as_ref().is_some_and(|refresh| refresh.transaction == transaction) {
            return self.handle_refresh_failed(turn);
        }
        match &self.state {
            State::Calling { transaction: pending, .. } if *pending == transaction => {
                self.end(turn);
                Some(LegEvent::Ended(LegEnd::Unreachable))
            }
            State::Cancelling { transaction: pending, .. } if *pending == transaction => {
                self.end(turn);
                None
            }
            _ => None,
        }
    }
}

impl Confirmed {
    /// From a 2xx of a phone that did not ring before.
    fn new(
        invite: &Request,
        success: &Response,
        contact: NameAddr,
        flow: Flow,
    ) -> Result<Self, crate::sip::dialog::DialogError> {
        let dialog = Dialog::uac(invite, success, contact, flow)?;
        Ok(Self { dialog, session: None, settled: false })
    }
}

/// What was agreed on: reliably before the 2xx, or in it; a 2xx without description confirms what was heard before.
fn agreement(
    offer: &AudioOffer,
    success: &Response,
    early: Option<crate::sdp::AudioSession>,
    settled: bool,
) -> Result<crate::sdp::AudioSession, NegotiationError> {
    match (description_of(&success.headers, &success.body), early) {
        (_, Some(session)) if settled => Ok(session),
        (None, Some(session)) => Ok(session),
        (answer, _) => offer.accept_answer(answer.unwrap_or_default()),
    }
}

/// The ACK of a 2xx, with the proof its INVITE had (RFC 3261 13.2.2.4, 22.1).
fn acknowledgement(dialog: &Dialog, invite: &Request) -> Request {
    let mut ack = dialog.ack(invite.cseq.seq);
    for name in ["Authorization", "Proxy-Authorization"] {
        for value in invite.headers.all(name) {
            ack.headers.push(name, value);
        }
    }
    ack
}

/// A phone's redirection to a provider would be a call out that nobody has allowed.
fn leads_out(target: &Uri, turn: &Turn<'_>) -> bool {
    matches!(target.host, Host::Ip(ip) if turn.trunks.is_some_and(|trunks| trunks.lead_to(ip)))
}

/// Browsers' telephones know no PRACK; everybody else is offered it.
fn supported_towards(flow: Flow) -> &'static str {
    match flow.transport {
        Transport::Ws | Transport::Wss => "timer",
        Transport::Udp | Transport::Tcp | Transport::Tls => SUPPORTED,
    }
}

/// A target at an address is asked there; one with a name, and any over a connection, is left to whoever sits
/// at the other end of the flow. Names are not resolved here.
fn flow_to(flow: Flow, target: &Uri) -> Flow {
    let datagrams = target.params.find("transport").is_none_or(|name| name.eq_ignore_ascii_case("udp"));
    match target.host {
        Host::Ip(ip)
            if flow.transport == Transport::Udp && datagrams && ip.is_ipv4() == flow.local.is_ipv4() =>
        {
            Flow { remote: SocketAddr::new(ip, target.port.unwrap_or(SIP_PORT)), ..flow }
        }
        _ => flow,
    }
}

/// A 2xx nobody wants any more, of another fork or one that crossed our CANCEL: acknowledged, then ended (RFC 3261
/// 13.2.2.4, 15).
fn release_fork(invite: &Request, response: &Response, contact: NameAddr, flow: Flow, turn: &mut Turn<'_>) {
    if let Ok(mut dialog) = Dialog::uac(invite, response, contact, flow) {
        turn.sip.send_ack(acknowledgement(&dialog, invite), dialog.flow);
        send_bye(&mut dialog, None, turn);
    }
}
