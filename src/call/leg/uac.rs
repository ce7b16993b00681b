//! The calling side of a leg: INVITE, its answers, CANCEL and the 2xx that crosses it.
//! RFC 3261 9.1 and 13.2. Retransmissions are the transaction layer's; whom to
//! call and for how long is decided above.

use crate::call::leg::{CONTACT_USER, Leg, LegEnd, LegEvent, SentInvite, State, send_bye};
use crate::call::refusal::ALLOW;
use crate::call::turn::Turn;
use crate::sdp::AudioOffer;
use crate::sip::dialog::Dialog;
use crate::sip::message::{CSeq, Flow, Headers, Method, NameAddr, Request, Response, StatusCode, Uri};
use crate::sip::transaction::ClientTransactionId;

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
        let state = State::Preparing { target: Box::new(target), from: Box::new(from), headers };
        Self::new(id, flow, state, turn)
    }

    pub(super) fn send_invite(&mut self, turn: &mut Turn<'_>) -> Option<LegEvent> {
        let offer = self.local_description(turn);
        let State::Preparing { target, from, headers } = &self.state else { return None };
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
        invite.headers.push("Contact", self.contact().to_string());
        invite.headers.push("Allow", ALLOW);
        invite.headers.push("Content-Type", "application/sdp");
        match turn.sip.send_request(invite.clone(), self.flow, turn.now.mono) {
            Ok(transaction) => {
                turn.routes.requests.insert(transaction, self.id);
                self.state = State::Calling { invite: Box::new(invite), transaction, offer };
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
                    turn.sip.send_ack(dialog.ack(response.cseq.seq), dialog.flow);
                } else {
                    release_fork(&sent.invite, response, self.contact(), self.flow, turn);
                }
                None
            }
            _ => None,
        }
    }

    fn handle_calling_response(&mut self, response: &Response, turn: &mut Turn<'_>) -> Option<LegEvent> {
        if response.status.is_provisional() {
            return (response.status == StatusCode::RINGING).then_some(LegEvent::Ringing);
        }
        let State::Calling { invite, offer, .. } = &self.state else { return None };
        if !response.status.is_success() {
            let status = response.status;
            self.end(turn);
            return Some(LegEvent::Ended(LegEnd::Refused(status)));
        }
        let (invite, offer) = (invite.clone(), offer.clone());
        self.establish(&invite, &offer, response, turn)
    }

    fn establish(
        &mut self,
        invite: &Request,
        offer: &AudioOffer,
        response: &Response,
        turn: &mut Turn<'_>,
    ) -> Option<LegEvent> {
        let mut dialog = match Dialog::uac(invite, response, self.contact(), self.flow) {
            Ok(dialog) => dialog,
            Err(error) => {
                tracing::info!(leg.id = self.id.0, %error, "2xx cannot open a dialog");
                self.end(turn);
                return Some(LegEvent::Ended(LegEnd::Unreachable));
            }
        };
        turn.sip.send_ack(dialog.ack(invite.cseq.seq), dialog.flow);
        let sent = match &self.state {
            State::Calling { transaction, .. } => {
                Some(Box::new(SentInvite { transaction: *transaction, invite: invite.clone() }))
            }
            _ => None,
        };
        match offer.accept_answer(&response.body) {
            Ok(session) => {
                turn.routes.dialogs.insert(dialog.id.clone(), self.id);
                self.state = State::Established { dialog: Box::new(dialog), awaited: None, sent };
                self.apply_session(session, turn);
                Some(LegEvent::Established)
            }
            Err(error) => {
                tracing::info!(leg.id = self.id.0, %error, "answer cannot be used");
                send_bye(&mut dialog, turn);
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

/// A 2xx nobody wants any more, of another fork or one that crossed our CANCEL: acknowledged, then ended (RFC 3261
/// 13.2.2.4, 15).
fn release_fork(invite: &Request, response: &Response, contact: NameAddr, flow: Flow, turn: &mut Turn<'_>) {
    if let Ok(mut dialog) = Dialog::uac(invite, response, contact, flow) {
        turn.sip.send_ack(dialog.ack(invite.cseq.seq), dialog.flow);
        send_bye(&mut dialog, turn);
    }
}
