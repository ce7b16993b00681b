//! The answering side of a leg: offer, answer, its acknowledgement, re-INVITE.
//! RFC 3261 13.3 and 14.2. The 2xx is repeated here until its ACK comes, because no transaction does;
//! when to answer is for the call to say.

use crate::call::leg::{ACK_TIMEOUT, AwaitedAck, HangUp, Leg, LegEnd, LegEvent, State, Timer, send_bye};
use crate::call::refusal::{ALLOW, Refusal};
use crate::call::turn::Turn;
use crate::sdp::{self, AudioOffer, Codec, Direction};
use crate::sip::dialog::Dialog;
use crate::sip::message::{Flow, Request, Response, StatusCode};
use crate::sip::transaction::ServerTransactionId;
use crate::sip::transaction::timer::{T1, T2};

const SDP: &str = "application/sdp";

impl Leg {
    /// Takes an INVITE: checks its offer before anything is reserved, then opens media.
    pub fn incoming(
        transaction: ServerTransactionId,
        invite: Request,
        flow: Flow,
        turn: &mut Turn<'_>,
    ) -> Result<Self, (Refusal, Box<Request>)> {
        if let Err(refusal) = check_offer(&invite, flow) {
            return Err((refusal, Box::new(invite)));
        }
        let id = turn.mint.leg();
        turn.routes.invites.insert(transaction, id);
        Ok(Self::new(id, flow, State::Offered { invite: Box::new(invite), transaction }, turn))
    }

    /// Sends 200 OK with our session description.
    pub fn answer(&mut self, turn: &mut Turn<'_>) -> Result<(), Refusal> {
        let State::Offered { invite, transaction } = &self.state else { return Ok(()) };
        let (invite, transaction) = (invite.clone(), *transaction);
        let local_tag = turn.mint.token();
        let dialog =
            Dialog::uas(&invite, &local_tag, self.contact(), self.flow).map_err(|_| Refusal::NoContact)?;
        let description = self.local_description(turn);
        let response = invite.response(StatusCode::OK, &local_tag);
        turn.routes.dialogs.insert(dialog.id.clone(), self.id);
        let awaited = self.send_success(transaction, &invite, response, description, turn)?;
        self.state = State::Answered { dialog: Box::new(dialog), awaited, hang_up: HangUp::No };
        Ok(())
    }

    /// Final failure to an unanswered INVITE.
    pub fn refuse(&mut self, refusal: Refusal, turn: &mut Turn<'_>) {
        if let State::Offered { invite, transaction } = &self.state {
            let (invite, transaction) = (invite.clone(), *transaction);
            turn.refuse(transaction, &invite, refusal);
            self.end(turn);
        }
    }

    /// CANCEL of an unanswered INVITE; the layer has answered the CANCEL itself.
    pub fn handle_cancel(&mut self, turn: &mut Turn<'_>) -> Option<LegEvent> {
        if !matches!(self.state, State::Offered { .. }) {
            return None;
        }
        self.refuse(Refusal::Cancelled, turn);
        Some(LegEvent::Ended(LegEnd::PeerCancelled))
    }

    /// The ACK of a 2xx; with an answer in it when the offer was ours.
    pub fn handle_ack(&mut self, ack: &Request, turn: &mut Turn<'_>) -> Option<LegEvent> {
        let awaited = match &self.state {
            State::Answered { awaited, .. } | State::Established { awaited: Some(awaited), .. } => awaited,
            _ => return None,
        };
        if awaited.seq != ack.cseq.seq {
            return None;
        }
        let offer = awaited.offer.clone();
        self.timers.clear();
        let first = self.acknowledge(turn)?;
        let change = match offer {
            Some(offer) => match offer.accept_answer(&ack.body) {
                Ok(session) => self.apply_session(session, turn),
                Err(error) => {
                    tracing::info!(leg.id = self.id.0, %error, "answer in ACK cannot be used");
                    self.hang_up(turn);
                    return Some(LegEvent::Ended(LegEnd::MediaFailed));
                }
            },
            None => None,
        };
        if first { Some(LegEvent::Established) } else { change }
    }

    /// Moves to `Established`; true for the first ACK of the dialog, none when the leg was only waiting for
    /// it to hang up.
    fn acknowledge(&mut self, turn: &mut Turn<'_>) -> Option<bool> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Answered { mut dialog, hang_up: HangUp::OnceAcknowledged, .. } => {
                send_bye(&mut dialog, turn);
                turn.routes.dialogs.remove(&dialog.id);
                None
            }
            State::Answered { dialog, hang_up: HangUp::No, .. } => {
                self.state = State::Established { dialog, awaited: None, sent: None };
                Some(true)
            }
            State::Established { dialog, sent, .. } => {
                self.state = State::Established { dialog, awaited: None, sent };
                Some(false)
            }
            other => {
                self.state = other;
                None
            }
        }
    }

    /// A new offer within the dialog: hold, resume, another address (RFC 3261 14.2).
    pub(super) fn handle_reinvite(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        turn: &mut Turn<'_>,
    ) -> Option<LegEvent> {
        if !matches!(self.state, State::Established { awaited: None, .. }) {
            turn.refuse(transaction, request, Refusal::RequestPending);
            return None;
        }
        if let Err(refusal) = check_offer(request, self.flow) {
            turn.refuse(transaction, request, refusal);
            return None;
        }
        let was_held = self.is_held();
        self.media.session_version += 1;
        let description = self.local_description(turn);
        let response = request.response(StatusCode::OK, "");
        match self.send_success(transaction, request, response, description, turn) {
            Ok(sent) => {
                if let State::Established { awaited, .. } = &mut self.state {
                    *awaited = Some(sent);
                }
            }
            Err(refusal) => turn.refuse(transaction, request, refusal),
        }
        match (was_held, self.is_held()) {
            (false, true) => Some(LegEvent::Held),
            (true, false) => Some(LegEvent::Resumed),
            _ => None,
        }
    }

    /// 2xx to an INVITE with our answer, or with our offer when it had none; starts the wait for its ACK.
    fn send_success(
        &mut self,
        transaction: ServerTransactionId,
        invite: &Request,
        response: Response,
        description: AudioOffer,
        turn: &mut Turn<'_>,
    ) -> Result<AwaitedAck, Refusal> {
        let (text, offer) = if invite.body.is_empty() {
            (description.to_sdp(), Some(description))
        } else {
            let (text, session) = description.answer(&invite.body).map_err(|error| Refusal::from(&error))?;
            self.apply_session(session, turn);
            (text, None)
        };
        let response = response
            .with_header("Contact", self.contact().to_string())
            .with_header("Allow", ALLOW)
            .with_body(SDP, text.into_bytes());
        turn.respond(transaction, &response);
        self.timers.set(Timer::RetransmitAnswer, turn.now.mono + T1);
        self.timers.set(Timer::AckDeadline, turn.now.mono + ACK_TIMEOUT);
        Ok(AwaitedAck { transaction, seq: invite.cseq.seq, interval: T1, offer })
    }

    /// RFC 3261 13.3.1.4: the 2xx goes out again at T1, 2*T1, ... T2, over every transport.
    pub(super) fn retransmit_answer(&mut self, turn: &mut Turn<'_>) {
        let (State::Answered { awaited, .. } | State::Established { awaited: Some(awaited), .. }) =
            &mut self.state
        else {
            return;
        };
        awaited.interval = (awaited.interval * 2).min(T2);
        self.timers.set(Timer::RetransmitAnswer, turn.now.mono + awaited.interval);
        if turn.sip.retransmit_success(awaited.transaction).is_err() {
            self.timers.stop(Timer::RetransmitAnswer);
        }
    }

    pub(super) fn give_up_ack(&mut self, turn: &mut Turn<'_>) -> Option<LegEvent> {
        match &mut self.state {
            State::Answered { dialog, .. } | State::Established { dialog, awaited: Some(_), .. } => {
                send_bye(dialog, turn);
                self.end(turn);
                Some(LegEvent::Ended(LegEnd::NotAcknowledged))
            }
            _ => None,
        }
    }
}

/// Everything about an offer that can be refused before a port is opened.
fn check_offer(invite: &Request, flow: Flow) -> Result<(), Refusal> {
    if invite.body.is_empty() {
        return Ok(());
    }
    let content_type = invite.headers.first("Content-Type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(SDP) {
        return Err(Refusal::UnknownContentType);
    }
    let probe = AudioOffer {
        session_id: 0,
        session_version: 0,
        address: sdp::audio_address(&invite.body).unwrap_or(flow.local.ip()),
        port: 9,
        codecs: Codec::ALL.to_vec(),
        direction: Direction::SendRecv,
    };
    probe.answer(&invite.body).map(|_| ()).map_err(|error| Refusal::from(&error))
}
