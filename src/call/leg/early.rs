//! The calling side before the answer: early dialogs, one for each phone a proxy lets ring (RFC 3261 13.2.2.1),
//! their reliable responses (RFC 3262 4) and their sound (RFC 3960).
//!
//! Which of them is answered first, and what becomes of the others, is `uac`'s.

use crate::call::leg::body::description_of;
use crate::call::leg::{Leg, LegEvent, State, authorize};
use crate::call::turn::Turn;
use crate::ids::LegId;
use crate::sdp::{AudioOffer, AudioSession};
use crate::sip::dialog::Dialog;
use crate::sip::message::rack::reliable_number;
use crate::sip::message::{Flow, Method, NameAddr, Request, Response, StatusCode};
use crate::sip::reliable::TakenReliably;

/// Phones that may ring for one INVITE. Further ones are not followed while they ring; should one of them
/// answer first, it is taken like any other.
const MAX_EARLY_DIALOGS: usize = 8;

#[derive(Default, Debug)]
pub(super) struct EarlyDialogs(Vec<Early>);

/// One phone that rings.
#[derive(Debug)]
struct Early {
    dialog: Dialog,
    taken: TakenReliably,
    /// What its provisional responses agreed to.
    session: Option<AudioSession>,
    /// The agreement came reliably, so it stands and no later one replaces it (RFC 6337 2.1).
    settled: bool,
}

/// What an early dialog hands over to the confirmed one.
#[derive(Debug)]
pub(super) struct Confirmed {
    pub(super) dialog: Dialog,
    pub(super) session: Option<AudioSession>,
    pub(super) settled: bool,
}

impl EarlyDialogs {
    pub(super) fn of_request(&mut self, request: &Request) -> Option<&mut Dialog> {
        let id = Dialog::id_of_request(request)?;
        self.0.iter_mut().map(|early| &mut early.dialog).find(|dialog| dialog.id == id)
    }

    /// True when the dialog of `request` has its agreement, so that either side may offer anew.
    pub(super) fn is_settled(&self, request: &Request) -> bool {
        let id = Dialog::id_of_request(request);
        self.0.iter().any(|early| early.settled && Some(&early.dialog.id) == id.as_ref())
    }

    /// None when there are too many, and for a response that opens no dialog.
    fn enter(
        &mut self,
        invite: &Request,
        response: &Response,
        (contact, flow, leg): (NameAddr, Flow, LegId),
        turn: &mut Turn<'_>,
    ) -> Option<&mut Early> {
        let tag = response.to.tag()?;
        if let Some(at) = self.0.iter().position(|early| early.dialog.id.remote_tag == tag) {
            return self.0.get_mut(at);
        }
        if self.0.len() >= MAX_EARLY_DIALOGS {
            return None;
        }
        let dialog = Dialog::uac(invite, response, contact, flow).ok()?;
        turn.routes.dialogs.insert(dialog.id.clone(), leg);
        self.0.push(Early { dialog, taken: TakenReliably::default(), session: None, settled: false });
        self.0.last_mut()
    }

    /// Takes out the one that `success` confirms; the others are over.
    pub(super) fn confirm(&mut self, success: &Response, turn: &mut Turn<'_>) -> Option<Confirmed> {
        let tag = success.to.tag()?;
        let at = self.0.iter().position(|early| early.dialog.id.remote_tag == tag);
        let confirmed = at.map(|at| self.0.swap_remove(at));
        self.forget(turn);
        let Early { mut dialog, session, settled, .. } = confirmed?;
        if dialog.confirm(success).is_err() {
            // A 2xx without Contact: its target is known from the ringing.
            tracing::debug!(sip.call_id = %dialog.id.call_id, "2xx without Contact");
        }
        Some(Confirmed { dialog, session, settled })
    }

    /// Nothing more is expected within any of them.
    pub(super) fn forget(&self, turn: &mut Turn<'_>) {
        for early in &self.0 {
            turn.routes.dialogs.remove(&early.dialog.id);
        }
    }
}

impl Leg {
    /// 101 to 199. A reliable one is acknowledged, in order and once; a copy changes nothing.
    pub(super) fn handle_provisional(
        &mut self,
        response: &Response,
        turn: &mut Turn<'_>,
    ) -> Option<LegEvent> {
        let (contact, flow, id) = (self.contact(), self.flow, self.id);
        let State::Calling { invite, offer, early, .. } = &mut self.state else { return None };
        let reliable = reliable_number(&response.headers);
        let early = early.enter(invite, response, (contact, flow, id), turn);
        let mut heard = None;
        if let Some(early) = early {
            if let Some(rseq) = reliable {
                let rack = early.taken.take(rseq, response)?;
                let mut prack = early.dialog.request(Method::Prack);
                prack.headers.push("RAck", rack.to_string());
                authorize(&mut prack, self.login.as_deref_mut(), turn);
                if let Err(error) = turn.sip.send_request(prack, flow, turn.now.mono) {
                    tracing::warn!(leg.id = self.id.0, %error, "PRACK not sent");
                }
            }
            heard = early.hear(response, offer, reliable.is_some());
        }
        if let Some(session) = heard {
            self.apply_session(session, turn);
            return Some(LegEvent::EarlyMedia);
        }
        (response.status == StatusCode::RINGING).then_some(LegEvent::Ringing)
    }
}

impl Early {
    /// What `response` lets us hear, when that is news.
    fn hear(&mut self, response: &Response, offer: &AudioOffer, reliable: bool) -> Option<AudioSession> {
        if self.settled {
            return None;
        }
        let answer = description_of(&response.headers, &response.body)?;
        let session = offer.accept_answer(answer).ok()?;
        self.settled = reliable;
        let news = self.session.as_ref() != Some(&session);
        self.session = Some(session.clone());
        news.then_some(session)
    }
}
