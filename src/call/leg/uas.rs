//! The answering side of a leg: offer, answer and its acknowledgement.
//! RFC 3261 13.3. The 2xx is repeated here until its ACK comes, because no transaction does; when to ring and
//! to answer is for the call to say. Offers within the dialog are `renegotiate`'s.

use crate::call::leg::body::{SDP, description_of, session_description};
use crate::call::leg::renegotiate::{check_offer, terms};
use crate::call::leg::{
    ACK_TIMEOUT, AwaitedAck, HangUp, Leg, LegEnd, LegEvent, Peer, State, Timer, contact_over, send_bye,
};
use crate::call::refusal::{Refusal, with_abilities};
use crate::call::turn::Turn;
use crate::sip::dialog::Dialog;
use crate::sip::message::{Flow, Request, Response, StatusCode};
use crate::sip::session_timer::Terms;
use crate::sip::transaction::ServerTransactionId;
use crate::sip::transaction::timer::{T1, T2};

impl Leg {
    /// Takes an INVITE: checks its offer before anything is reserved, then opens media.
    pub fn incoming(
        transaction: ServerTransactionId,
        invite: Request,
        flow: Flow,
        turn: &mut Turn<'_>,
    ) -> Result<Self, (Refusal, Box<Request>)> {
        let checked = check_offer(&invite, flow, turn).and_then(|()| terms(&invite, turn)).and_then(|_| {
            let local_tag = turn.mint.token();
            Dialog::uas(&invite, &local_tag, contact_over(flow), flow).map_err(|_| Refusal::NoContact)
        });
        let dialog = match checked {
            Ok(dialog) => Box::new(dialog),
            Err(refusal) => return Err((refusal, Box::new(invite))),
        };
        let id = turn.mint.leg();
        turn.routes.invites.insert(transaction, id);
        let peer = Peer::of(&invite.headers);
        let state = State::Offered { invite: Box::new(invite), transaction, dialog, offer: None };
        let mut leg = Self::new(id, flow, state, turn);
        leg.peer = peer;
        Ok(leg)
    }

    /// Sends 200 OK with our session description. Not while [`Self::awaits_prack`].
    pub fn answer(&mut self, turn: &mut Turn<'_>) -> Result<(), Refusal> {
        let State::Offered { invite, transaction, dialog, offer: None } = &self.state else { return Ok(()) };
        let (invite, transaction, dialog) = (invite.clone(), *transaction, dialog.clone());
        let terms = terms(&invite, turn)?;
        let response = invite.response(StatusCode::OK, &dialog.id.local_tag);
        let awaited = self.send_success(transaction, &invite, response, terms, turn)?;
        turn.routes.dialogs.insert(dialog.id.clone(), self.id);
        self.supersede_provisional();
        self.state = State::Answered { dialog, awaited, hang_up: HangUp::No };
        self.start_session(terms, turn);
        Ok(())
    }

    /// Answers an INVITE, or refuses it when its offer cannot be used after all. Nothing to do on a leg that called.
    pub fn answer_or_refuse(&mut self, turn: &mut Turn<'_>) -> Option<LegEvent> {
        let refusal = self.answer(turn).err()?;
        self.refuse(refusal, turn);
        Some(LegEvent::Ended(LegEnd::MediaFailed))
    }

    /// Final failure to an unanswered INVITE.
    pub fn refuse(&mut self, refusal: Refusal, turn: &mut Turn<'_>) {
        if let State::Offered { invite, transaction, dialog, .. } = &self.state {
            turn.refuse_as(*transaction, invite, refusal, &dialog.id.local_tag);
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
        self.timers.stop(Timer::RetransmitAnswer);
        self.timers.stop(Timer::AckDeadline);
        let first = self.acknowledge(turn)?;
        let change = match offer {
            Some(offer) => {
                match offer.accept_answer(description_of(&ack.headers, &ack.body).unwrap_or_default()) {
                    Ok(session) => self.apply_session(session, turn),
                    Err(error) => {
                        tracing::info!(leg.id = self.id.0, %error, "answer in ACK cannot be used");
                        self.hang_up(turn);
                        return Some(LegEvent::Ended(LegEnd::MediaFailed));
                    }
                }
            }
            None => None,
        };
        if first { Some(LegEvent::Established) } else { change }
    }

    /// Moves to `Established`; true for the first ACK of the dialog, none when the leg was only waiting for
    /// it to hang up.
    fn acknowledge(&mut self, turn: &mut Turn<'_>) -> Option<bool> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Answered { mut dialog, hang_up: HangUp::OnceAcknowledged, .. } => {
                send_bye(&mut dialog, self.login.as_deref_mut(), turn);
                turn.routes.dialogs.remove(&dialog.id);
                self.timers.clear();
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

    /// 2xx to an INVITE with our answer, or with our offer when it had none; starts the wait for its ACK. What was
    /// agreed on before the 2xx is not said again (RFC 6337 2.2).
    pub(super) fn send_success(
        &mut self,
        transaction: ServerTransactionId,
        invite: &Request,
        response: Response,
        terms: Option<Terms>,
        turn: &mut Turn<'_>,
    ) -> Result<AwaitedAck, Refusal> {
        let agreed = matches!(self.state, State::Offered { .. }) && self.media.session.is_some();
        let description = self.local_description(turn);
        let (text, offer) = match session_description(&invite.headers, &invite.body)? {
            _ if agreed => (None, None),
            None => (Some(description.to_sdp()), Some(description)),
            Some(offered) => {
                let (text, session) = description.answer(offered).map_err(|error| Refusal::from(&error))?;
                self.apply_session(session, turn);
                (Some(text), None)
            }
        };
        if text.is_some() {
            self.media.offered.clone_from(&offer);
        }
        let mut response = with_abilities(response).with_header("Contact", self.contact().to_string());
        if let Some(terms) = terms {
            terms.write(invite, &mut response.headers);
        }
        if let Some(text) = text {
            response = response.with_body(SDP, text.into_bytes());
        }
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
                send_bye(dialog, self.login.as_deref_mut(), turn);
                self.end(turn);
                Some(LegEvent::Ended(LegEnd::NotAcknowledged))
            }
            _ => None,
        }
    }
}
