//! The answering side before the answer: ringing, reliably where the caller demands it (RFC 3262 3), and the PRACK
//! that acknowledges it.
//!
//! A caller who only can take reliable responses gets plain ones: nobody is asked to acknowledge who did not
//! insist. When a caller without offer insists, ours goes with the ringing (RFC 3261 13.2.1), and the answer
//! comes with its PRACK.

use crate::call::leg::body::{SDP, session_description};
use crate::call::leg::{Leg, LegEnd, LegEvent, State, Timer};
use crate::call::refusal::{ALLOW, Refusal};
use crate::call::turn::Turn;
use crate::sip::message::rack::RAck;
use crate::sip::message::{Request, StatusCode};
use crate::sip::reliable::{Due, SentReliably};
use crate::sip::transaction::ServerTransactionId;

impl Leg {
    /// Sends 180 Ringing, once, as soon as the media ports are open.
    pub fn ring(&mut self, turn: &mut Turn<'_>) {
        let description = self.local_description(turn);
        let contact = self.contact().to_string();
        let State::Offered { invite, transaction, dialog, offer } = &mut self.state else { return };
        if self.provisional.is_some() || turn.routes.dialogs.contains_key(&dialog.id) {
            return;
        }
        turn.routes.dialogs.insert(dialog.id.clone(), self.id);
        let mut ringing = invite
            .response(StatusCode::RINGING, &dialog.id.local_tag)
            .with_header("Contact", contact)
            .with_header("Allow", ALLOW);
        if demands_reliability(invite) {
            if let Ok(None) = session_description(&invite.headers, &invite.body) {
                ringing = ringing.with_body(SDP, description.to_sdp().into_bytes());
                self.media.offered = Some(description.clone());
                *offer = Some(Box::new(description));
            }
            let rseq = turn.mint.u32() >> 1 | 1;
            let sent = SentReliably::new(ringing, rseq, turn.now.mono);
            turn.respond(*transaction, sent.response());
            self.provisional = Some(Box::new(sent));
            self.schedule_provisional();
        } else {
            turn.respond(*transaction, &ringing);
        }
    }

    /// True while the offer in our ringing is unanswered: [`Self::answer`] has to wait for
    /// [`LegEvent::Acknowledged`].
    pub fn awaits_prack(&self) -> bool {
        self.provisional.as_ref().is_some_and(|provisional| provisional.holds_success())
    }

    pub(super) fn handle_prack(
        &mut self,
        transaction: ServerTransactionId,
        prack: &Request,
        turn: &mut Turn<'_>,
    ) -> Option<LegEvent> {
        let rack = prack.headers.first("RAck").and_then(|value| RAck::parse(value).ok());
        let held = self.awaits_prack();
        let known = match (&mut self.provisional, rack) {
            (Some(provisional), Some(rack)) => provisional.handle_prack(&rack),
            _ => false,
        };
        if !known {
            turn.refuse(transaction, prack, Refusal::NoSuchProvisional);
            return None;
        }
        self.schedule_provisional();
        if held {
            return self.take_early_answer(transaction, prack, turn);
        }
        // Our ringing carried no answer, so there is nothing a further offer could follow (RFC 3262 5).
        match session_description(&prack.headers, &prack.body) {
            Ok(None) => turn.respond(transaction, &prack.response(StatusCode::OK, "")),
            Ok(Some(_)) => turn.refuse(transaction, prack, Refusal::OverlappingOffer),
            Err(refusal) => turn.refuse(transaction, prack, refusal),
        }
        None
    }

    /// The answer to the offer in our ringing. One that cannot be used ends the call before it began.
    fn take_early_answer(
        &mut self,
        transaction: ServerTransactionId,
        prack: &Request,
        turn: &mut Turn<'_>,
    ) -> Option<LegEvent> {
        let State::Offered { offer, .. } = &mut self.state else { return None };
        let offer = offer.take()?;
        let session = session_description(&prack.headers, &prack.body).and_then(|answer| {
            offer.accept_answer(answer.unwrap_or_default()).map_err(|error| Refusal::from(&error))
        });
        match session {
            Ok(session) => {
                turn.respond(transaction, &prack.response(StatusCode::OK, ""));
                self.apply_session(session, turn);
                Some(LegEvent::Acknowledged)
            }
            Err(refusal) => {
                turn.refuse(transaction, prack, refusal);
                self.refuse(refusal, turn);
                Some(LegEvent::Ended(LegEnd::MediaFailed))
            }
        }
    }

    pub(super) fn handle_provisional_timeout(&mut self, turn: &mut Turn<'_>) -> Option<LegEvent> {
        let due = self.provisional.as_mut().and_then(|provisional| provisional.handle_timeout(turn.now.mono));
        match (due, &self.provisional, &self.state) {
            (Some(Due::Resend), Some(provisional), State::Offered { transaction, .. }) => {
                turn.respond(*transaction, provisional.response());
            }
            (Some(Due::GiveUp), _, State::Offered { .. }) => {
                self.refuse(Refusal::ProvisionalNotAcknowledged, turn);
                return Some(LegEvent::Ended(LegEnd::NotAcknowledged));
            }
            _ => {}
        }
        self.schedule_provisional();
        None
    }

    /// A final response goes out: nothing provisional is repeated after it.
    pub(super) fn supersede_provisional(&mut self) {
        if let Some(provisional) = &mut self.provisional {
            provisional.supersede();
        }
        self.schedule_provisional();
    }

    fn schedule_provisional(&mut self) {
        match self.provisional.as_ref().and_then(|provisional| provisional.poll_timeout()) {
            Some(at) => self.timers.set(Timer::Provisional, at),
            None => self.timers.stop(Timer::Provisional),
        }
    }
}

fn demands_reliability(invite: &Request) -> bool {
    invite.headers.tokens("Require").any(|tag| tag.eq_ignore_ascii_case("100rel"))
}
