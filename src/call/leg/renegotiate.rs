//! Offers within a dialog: re-INVITE (RFC 3261 14.2) and UPDATE (RFC 3311), hold and resume, another address, a
//! session kept alive. An offer that crosses ours, or overtakes an earlier one, is put off.
//!
//! What is offered and answered is `sdp`'s; requests of ours are `refresh`'s.

use crate::call::leg::body::{SDP, session_description};
use crate::call::leg::transport::probe;
use crate::call::leg::{Leg, LegEvent, State};
use crate::call::refusal::{Refusal, with_abilities};
use crate::call::turn::Turn;
use crate::sdp::{self, AudioOffer, Codec, Direction, SrtpTerms};
use crate::sip::message::{Flow, Request, StatusCode};
use crate::sip::session_timer::{Terms, Wish};
use crate::sip::transaction::ServerTransactionId;

impl Leg {
    /// A new offer within the dialog: hold, resume, another address (RFC 3261 14.2).
    pub(super) fn handle_reinvite(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        turn: &mut Turn<'_>,
    ) -> Option<LegEvent> {
        let refusal = match &self.state {
            State::Established { awaited: None, .. } if self.refresh_is_pending() => {
                Some(Refusal::RequestPending)
            }
            State::Established { awaited: None, .. } => None,
            State::Offered { .. } => Some(Refusal::OverlappingOffer),
            _ => Some(Refusal::RequestPending),
        };
        let checked = match refusal {
            Some(refusal) => Err(refusal),
            None => check_offer(request, self.flow, turn).and_then(|()| terms(request, turn)),
        };
        let terms = match checked {
            Ok(terms) => terms,
            Err(refusal) => {
                turn.refuse(transaction, request, refusal);
                return None;
            }
        };
        let was_held = self.is_held();
        self.media.session_version += 1;
        let response = request.response(StatusCode::OK, "");
        match self.send_success(transaction, request, response, terms, turn) {
            Ok(sent) => {
                if let State::Established { awaited, .. } = &mut self.state {
                    *awaited = Some(sent);
                }
                self.start_session(terms, turn);
            }
            Err(refusal) => turn.refuse(transaction, request, refusal),
        }
        match (was_held, self.is_held()) {
            (false, true) => Some(LegEvent::Held),
            (true, false) => Some(LegEvent::Resumed),
            _ => None,
        }
    }

    /// With an offer it is answered at once; without, it keeps the session alive or moves the target.
    pub(super) fn handle_update(
        &mut self,
        transaction: ServerTransactionId,
        update: &Request,
        turn: &mut Turn<'_>,
    ) -> Option<LegEvent> {
        let outcome = self.answer_update(update, turn);
        match outcome {
            Ok((response, change)) => {
                turn.respond(transaction, &response);
                change
            }
            Err(refusal) => {
                turn.refuse(transaction, update, refusal);
                None
            }
        }
    }

    fn answer_update(
        &mut self,
        update: &Request,
        turn: &mut Turn<'_>,
    ) -> Result<(crate::sip::message::Response, Option<LegEvent>), Refusal> {
        let offer = session_description(&update.headers, &update.body)?;
        let terms = terms(update, turn)?;
        let mut response = with_abilities(update.response(StatusCode::OK, ""))
            .with_header("Contact", self.contact().to_string());
        let mut change = None;
        if let Some(offer) = offer {
            self.may_offer(update)?;
            let mut description = self.local_description(turn);
            description.session_version += 1;
            let (text, session) = description.answer(offer).map_err(|error| Refusal::from(&error))?;
            self.media.session_version += 1;
            self.media.offered = None;
            change = self.apply_session(session, turn);
            response = response.with_body(SDP, text.into_bytes());
        }
        // An early dialog has no session to time yet (RFC 4028 9: the 2xx of the INVITE begins it).
        if matches!(self.state, State::Answered { .. } | State::Established { .. }) {
            if let Some(terms) = terms {
                terms.write(update, &mut response.headers);
            }
            self.start_session(terms, turn);
        }
        Ok((response, change))
    }

    /// Whether the peer may offer now (RFC 3311 5.2): 491 while an offer of ours is unanswered, 500 while an earlier
    /// one of its own is.
    fn may_offer(&self, update: &Request) -> Result<(), Refusal> {
        let agreed = self.media.session.is_some();
        match &self.state {
            State::Offered { offer: Some(_), .. } => Err(Refusal::RequestPending),
            State::Offered { .. } if !agreed => Err(Refusal::OverlappingOffer),
            State::Answered { awaited, .. } if awaited.offer.is_some() => Err(Refusal::RequestPending),
            State::Calling { early, .. } if !early.is_settled(update) => Err(Refusal::RequestPending),
            State::Established { awaited: Some(awaited), .. } if awaited.offer.is_some() => {
                Err(Refusal::RequestPending)
            }
            State::Established { .. } if self.refresh_offers() => Err(Refusal::RequestPending),
            _ => Ok(()),
        }
    }
}

/// The session interval a request of the peer is answered with.
pub(super) fn terms(request: &Request, turn: &Turn<'_>) -> Result<Option<Terms>, Refusal> {
    let wish = Wish::new(turn.session_expires_secs);
    Terms::answer(request, wish).map_err(|_| Refusal::SessionIntervalTooSmall)
}

/// Everything about an offer that can be refused before a port is opened.
pub(super) fn check_offer(invite: &Request, flow: Flow, turn: &Turn<'_>) -> Result<(), Refusal> {
    let Some(offer) = session_description(&invite.headers, &invite.body)? else { return Ok(()) };
    let answer = trial(offer, turn.codecs.to_vec(), flow, turn.srtp).answer(offer);
    answer.map(|_| ()).map_err(|error| Refusal::from(&error))
}

/// Our end of the answer to `offer` as far as it is known without ports and keys.
pub(super) fn trial(offer: &[u8], codecs: Vec<Codec>, flow: Flow, terms: SrtpTerms) -> AudioOffer {
    AudioOffer {
        session_id: 0,
        session_version: 0,
        address: sdp::audio_address(offer).unwrap_or(flow.local.ip()),
        port: 9,
        codecs,
        running: Vec::new(),
        direction: Direction::SendRecv,
        transport: probe(terms, flow),
    }
}
