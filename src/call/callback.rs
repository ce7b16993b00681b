//! The city rings a citizen back. An operator is rung first, as for a caller in the line; when they pick up the citizen's
//! phone is dialled over a trunk, and the operator hears it ring. A contact of its own, recorded from the citizen's first
//! word. Who is rung back when is `crate::callback`'s; which line it goes out by, the switchboard's.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use crate::call::contact::{Contact, Direction};
use crate::call::effect::Effect;
use crate::call::leg::{Leg, LegEnd, LegEvent};
use crate::call::party::WayOut;
use crate::call::record::Track;
use crate::call::talking::operator_actor;
use crate::call::transfer::LONGEST_RINGING_OUTSIDE;
use crate::call::turn::Turn;
use crate::call::{Call, Missing, OfferTarget, Phase, Purpose, Timer};
use crate::callback::{CallBack, Outcome};
use crate::dialplan::Dialplan;
use crate::ids::{ContactId, UserId};
use crate::journal::EventType;
use crate::people::Actor;
use crate::phone_number::PhoneNumber;
use crate::recording::Keeping;
use crate::sip::message::StatusCode;
use crate::termination::Termination;

/// An attempt whose turn has come.
#[derive(Debug)]
pub struct NewCallBack {
    /// The name under which the place in the line was held.
    pub id: ContactId,
    pub callback: CallBack,
    pub way: WayOut,
    /// The city's number.
    pub city: PhoneNumber,
    pub keeping: Keeping,
    pub plan: Arc<Dialplan>,
    pub topic_categories: Arc<BTreeMap<String, String>>,
}

/// Until the citizen has answered.
#[derive(Debug, Default)]
pub struct Attempt {
    /// Phones to ring as soon as contact and file are there.
    offers: Vec<OfferTarget>,
    /// Told once.
    outcome: Option<Outcome>,
}

impl Call {
    /// Opens media, file and contact for an attempt; nobody is rung yet.
    pub fn calling_back(new: NewCallBack, turn: &mut Turn<'_>) -> Self {
        let NewCallBack { id, callback, way: WayOut { route, .. }, city, keeping, plan, topic_categories } =
            new;
        let trunk = route.trunk.clone();
        let citizen = Leg::over_trunk(route, Vec::new(), turn).parked();
        let number = callback.number;
        let mut contact = Contact::offered(id, turn.now.utc, number, city, trunk, String::new());
        contact.language = Some(callback.language);
        contact.topic = callback.topic;
        contact.queue = Some(callback.queue);
        contact.queued_at = Some(turn.now.utc);
        contact.case = callback.case;
        contact.direction = Direction::Outbound;
        let track = Track::of(keeping, id, false, turn);
        let mut call = Self::new(contact, Purpose::CallBack(Attempt::default()), citizen, track, plan);
        call.topic_categories = topic_categories;
        call.case_asked = true;
        let data = json!({ "caller": call.contact.caller, "called": call.contact.called,
            "origin": call.contact.origin, "callback_of": callback.origin });
        let offered = call.draft(EventType::ContactOffered, Actor::system("switchboard"), turn).with(data);
        call.prepare(offered.draft, turn);
        tracing::info!(call.id = %id, of = %callback.origin, attempt = callback.attempts, "call-back");
        call
    }

    /// The citizen is to be rung, and has not answered yet.
    pub(super) fn rings_back(&self) -> bool {
        matches!(self.purpose, Purpose::CallBack(_) | Purpose::Verification(_) | Purpose::Masked(_))
            && self.contact.answered_at.is_none()
    }

    pub fn is_call_back(&self) -> bool {
        matches!(self.purpose, Purpose::CallBack(_))
    }

    /// What came of the attempt, once.
    pub fn take_outcome(&mut self) -> Option<Outcome> {
        match &mut self.purpose {
            Purpose::CallBack(attempt) => attempt.outcome.take(),
            _ => None,
        }
    }

    /// Keeps the offer until contact and file are there. False when they are: it can be made now.
    pub(super) fn keep_offer(&mut self, offer: &OfferTarget) -> bool {
        let preparing = matches!(self.phase, Phase::Setup { .. });
        match &mut self.purpose {
            Purpose::CallBack(attempt) if preparing => {
                attempt.offers.push(offer.clone());
                true
            }
            _ => false,
        }
    }

    pub(super) fn forget_offer(&mut self, from: UserId, turn: &mut Turn<'_>) {
        if let Purpose::CallBack(attempt) = &mut self.purpose {
            attempt.offers.retain(|offer| offer.user != from);
            if attempt.offers.is_empty() && matches!(self.phase, Phase::Setup { .. }) {
                self.give_up_call_back(Outcome::NoOperator, turn);
            }
        }
    }

    /// Contact and file are there: now the operators' phones ring.
    pub(super) fn ring_operators(&mut self, turn: &mut Turn<'_>) {
        let Purpose::CallBack(attempt) = &mut self.purpose else { return };
        let offers = std::mem::take(&mut attempt.offers);
        self.enter(Phase::Waiting { announcing: false, walk: None }, turn);
        for offer in offers {
            self.offer_to(offer, turn);
        }
    }

    /// The operator has picked up.
    pub(super) fn dial_citizen(&mut self, user: UserId, turn: &mut Turn<'_>) {
        self.contact.operator = Some(user);
        self.enter(Phase::CallingBack, turn);
        self.timers.set(Timer::Ring, turn.now.mono + LONGEST_RINGING_OUTSIDE);
        if let Some(leg) = self.party_leg() {
            let play = self.next_play();
            turn.effect(Effect::PlayRinging { leg, play });
        }
        let (leg, event) = (self.citizen.id, self.citizen.dial(turn));
        self.contact.sip_call_id = self.citizen.sip_call_id().unwrap_or_default().to_owned();
        self.commit(None, false, Vec::new(), turn);
        self.handle_leg_event(leg, event, turn);
    }

    /// What happens on the citizen's leg before it is answered.
    pub(super) fn handle_rung_citizen(&mut self, event: LegEvent, turn: &mut Turn<'_>) {
        if self.is_asking() {
            self.handle_rung_applicant(event, turn);
            return;
        }
        if self.is_masked() {
            self.handle_masked_applicant(event, turn);
            return;
        }
        match event {
            LegEvent::Prepared => self.have(Missing::Media, turn),
            // The citizen's network speaks: "the number cannot be reached", in its own words.
            LegEvent::EarlyMedia => self.bridge(turn),
            LegEvent::Established => self.citizen_answered(turn),
            LegEvent::Ended(end) => self.give_up_call_back(outcome_of(end), turn),
            LegEvent::Ringing
            | LegEvent::Acknowledged
            | LegEvent::Held
            | LegEvent::Resumed
            | LegEvent::Digit(_) => {}
        }
    }

    fn citizen_answered(&mut self, turn: &mut Turn<'_>) {
        let Some(user) = self.operator() else { return };
        self.timers.stop(Timer::Ring);
        let mut entries = self.answered(turn);
        self.contact.connected_at = Some(turn.now.utc);
        self.enter(Phase::Talking, turn);
        let connected = self.draft(EventType::ContactConnected, operator_actor(user), turn);
        entries.push(connected.with(json!({ "operator": user, "queue": self.contact.queue })).draft);
        self.commit(None, true, entries, turn);
        self.note_outcome(Outcome::Reached, turn);
        self.join(turn);
        tracing::info!(call.id = %self.contact.id, operator.id = %user, "citizen rung back");
    }

    /// Nobody talks: the operator is free again, and the list decides when the next attempt is.
    pub(super) fn give_up_call_back(&mut self, outcome: Outcome, turn: &mut Turn<'_>) {
        if self.is_asking() {
            self.give_up_asking(outcome.into(), turn);
            return;
        }
        if self.is_masked() {
            self.give_up_masked(outcome, turn);
            return;
        }
        if !self.rings_back() || matches!(self.phase, Phase::Ended { .. }) {
            return;
        }
        let (contact, operator) = (self.contact.id, self.operator());
        self.citizen.hang_up(turn);
        self.release_party(turn);
        self.release_others(turn);
        if matches!(self.phase, Phase::CallingBack) {
            if let Some(operator) = operator {
                turn.acd.call_ended(contact, operator, turn.now.mono);
            }
        } else {
            turn.acd.leave(contact, turn.now.mono);
        }
        self.note_outcome(outcome, turn);
        let reason = outcome.name();
        tracing::info!(call.id = %contact, reason, "call-back came to nothing");
        self.close_unanswered(Termination::NotAnswered, reason, Vec::new(), turn);
    }

    fn note_outcome(&mut self, outcome: Outcome, turn: &mut Turn<'_>) {
        *turn.counters.callbacks.entry(outcome.name()).or_default() += 1;
        if let Purpose::CallBack(attempt) = &mut self.purpose {
            attempt.outcome = Some(outcome);
        }
    }

    /// Who of a citizen's call is to be rung back, and why; told once, when the case has its number or never will.
    pub fn take_call_back_wish(&mut self) -> Option<PhoneNumber> {
        let settled = self.contact.case.is_some() || self.is_complete();
        if !self.wants_call_back || !settled || matches!(self.purpose, Purpose::CallBack(_)) {
            return None;
        }
        self.wants_call_back = false;
        self.contact.callback.clone()
    }

    /// Chosen in the menu, and not only left in the line.
    pub fn asked_for_call_back(&self) -> bool {
        self.left_word
    }

    /// The queue that the caller waits in or was on the way to.
    pub fn sought_queue(&self) -> Option<&str> {
        self.contact.queue.as_deref().or(self.sought_queue.as_deref())
    }
}

fn outcome_of(end: LegEnd) -> Outcome {
    match end {
        LegEnd::Refused(StatusCode(486 | 600 | 603)) => Outcome::Busy,
        LegEnd::Refused(StatusCode(408 | 480 | 487)) => Outcome::NoAnswer,
        _ => Outcome::Unreachable,
    }
}
