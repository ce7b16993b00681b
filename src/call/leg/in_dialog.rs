//! Requests of the peer within the dialog, early or confirmed (RFC 3261 12.2.2, 15.1.2), and the dialog itself, for
//! requests that somebody else judges: REFER and its subscription. Offers are `renegotiate`'s, PRACK is `reliable`'s.

use crate::call::leg::{Leg, LegEnd, LegEvent, State};
use crate::call::refusal::{Refusal, with_abilities};
use crate::call::turn::Turn;
use crate::dtmf;
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, Request, StatusCode};
use crate::sip::transaction::ServerTransactionId;

impl Leg {
    /// A request within the dialog, early or confirmed. Always answered.
    pub fn handle_request(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        turn: &mut Turn<'_>,
    ) -> Option<LegEvent> {
        let Some(dialog) = self.dialog_of(request) else {
            turn.refuse(transaction, request, Refusal::NoSuchDialog);
            return None;
        };
        if dialog.receive(request).is_err() {
            turn.refuse(transaction, request, Refusal::OutOfOrder);
            return None;
        }
        self.follow(turn.sip.server_flow(transaction));
        match request.method {
            Method::Bye => self.handle_bye(transaction, request, turn),
            Method::Invite => self.handle_reinvite(transaction, request, turn),
            Method::Update => self.handle_update(transaction, request, turn),
            Method::Prack => self.handle_prack(transaction, request, turn),
            Method::Info => {
                turn.respond(transaction, &request.response(StatusCode::OK, ""));
                let content_type = request.headers.first("Content-Type").unwrap_or_default();
                dtmf::info::parse(content_type, &request.body).map(|(digit, _)| LegEvent::Digit(digit))
            }
            Method::Options => {
                turn.respond(transaction, &with_abilities(request.response(StatusCode::OK, "")));
                None
            }
            _ => {
                turn.refuse(transaction, request, Refusal::MethodNotAllowed);
                None
            }
        }
    }

    /// The dialog a received request belongs to.
    fn dialog_of(&mut self, request: &Request) -> Option<&mut Dialog> {
        match &mut self.state {
            State::Offered { dialog, .. }
            | State::Answered { dialog, .. }
            | State::Established { dialog, .. } => Some(dialog),
            State::Calling { early, .. } => early.of_request(request),
            State::Preparing { .. } | State::Cancelling { .. } | State::Ended => None,
        }
    }

    /// A caller may end an early dialog by BYE, who is called may not (RFC 3261 15).
    fn handle_bye(
        &mut self,
        transaction: ServerTransactionId,
        bye: &Request,
        turn: &mut Turn<'_>,
    ) -> Option<LegEvent> {
        if matches!(self.state, State::Calling { .. }) {
            turn.refuse(transaction, bye, Refusal::NoSuchDialog);
            return None;
        }
        turn.respond(transaction, &bye.response(StatusCode::OK, ""));
        if matches!(self.state, State::Offered { .. }) {
            self.refuse(Refusal::Cancelled, turn);
            return Some(LegEvent::Ended(LegEnd::PeerCancelled));
        }
        self.end(turn);
        Some(LegEvent::Ended(LegEnd::PeerHungUp))
    }

    /// The dialog while there is one.
    pub fn dialog(&self) -> Option<&Dialog> {
        match &self.state {
            State::Answered { dialog, .. } | State::Established { dialog, .. } => Some(dialog),
            _ => None,
        }
    }

    pub fn dialog_mut(&mut self) -> Option<&mut Dialog> {
        match &mut self.state {
            State::Answered { dialog, .. } | State::Established { dialog, .. } => Some(dialog),
            _ => None,
        }
    }

    /// Takes the CSeq of a request in the dialog whose answer is up to the call (RFC 3261 12.2.2).
    pub fn receive(&mut self, request: &Request) -> Result<(), Refusal> {
        let dialog = self.dialog_mut().ok_or(Refusal::NoSuchDialog)?;
        dialog.receive(request).map_err(|_| Refusal::OutOfOrder)
    }
}
