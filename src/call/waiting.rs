//! In the queue: the case is registered, music plays, operators are rung, one after the other or several at once.
//! Who is rung next, for how long, when a place is announced and how long a caller may wait is `acd/`'s choice; here it
//! becomes legs and prompts.

use std::time::Duration;

use serde_json::json;

use crate::acd::{Enqueued, OfferFailure, QueueEntry};
use crate::call::effect::Effect;
use crate::call::leg::{LegEnd, LegEvent};
use crate::call::party::{Party, is_persons_no};
use crate::call::turn::Turn;
use crate::call::{Call, OfferTarget, Phase, WrapUp, case_draft};
use crate::callback::Outcome;
use crate::case::{CaseNumber, Priority};
use crate::ids::UserId;
use crate::ivr;
use crate::journal::EventType;
use crate::language::Language;
use crate::people::Actor;
use crate::sip::message::StatusCode;

impl Call {
    /// The caller waits for an operator; from here on there is a case, whatever happens to the call.
    pub(super) fn enter_queue(
        &mut self,
        queue: String,
        topic: Option<String>,
        urgent: bool,
        turn: &mut Turn<'_>,
    ) {
        if !matches!(self.phase, Phase::Ivr { .. }) {
            return;
        }
        let language = self.contact.language.unwrap_or(Language::Uk);
        let entry = QueueEntry { contact: self.contact.id, queue: queue.clone(), language, urgent };
        self.contact.topic = topic.or(self.contact.topic.take());
        self.sought_queue = Some(queue.clone());
        if self.meets_surge(&queue, urgent, turn) {
            return;
        }
        self.contact.queue = Some(queue.clone());
        let enqueued = turn.acd.enqueue(entry, turn.now.mono);
        if enqueued != Enqueued::Waiting {
            tracing::warn!(call.id = %self.contact.id, queue.name = %queue, outcome = ?enqueued, "not queued");
            self.contact.queue = None;
            if let Phase::Ivr { walk } = &mut self.phase {
                walk.handle_queue_full(turn.now);
            }
            self.drain_walk(turn);
            return;
        }
        let walk = match std::mem::replace(&mut self.phase, Phase::Answered) {
            Phase::Ivr { walk } => Some(walk),
            _ => None,
        };
        self.enter(Phase::Waiting { announcing: false, walk }, turn);
        self.contact.queued_at.get_or_insert(turn.now.utc);
        let priority = if urgent { Priority::LifeSafety } else { Priority::Normal };
        self.register_case(priority, "", turn);
        let queued = self
            .draft(EventType::ContactQueued, Actor::system("acd"), turn)
            .with(json!({ "queue": queue, "language": language, "urgent": urgent }));
        self.commit(None, false, vec![queued.draft], turn);
        self.play_music(turn);
    }

    /// Where too many call, the dialplan has its say before the caller waits, once in a call. There is a case all the
    /// same, whatever the caller chooses then.
    fn meets_surge(&mut self, queue: &str, urgent: bool, turn: &mut Turn<'_>) -> bool {
        if std::mem::replace(&mut self.has_arrived, true) {
            return false;
        }
        let is_surge = turn.acd.note_arrival(queue, turn.now.mono);
        let Phase::Ivr { walk } = &mut self.phase else { return false };
        if urgent || !is_surge || !walk.handle_surge(turn.now) {
            return false;
        }
        self.register_case(Priority::Normal, "", turn);
        self.drain_walk(turn);
        true
    }

    /// Asks for a case once per contact; its number comes back by [`Self::handle_case_registered`].
    pub(super) fn register_case(&mut self, priority: Priority, description: &str, turn: &mut Turn<'_>) {
        if std::mem::replace(&mut self.case_asked, true) {
            return;
        }
        let draft = case_draft::of_contact(&self.contact, &self.topic_categories, priority, description);
        turn.effect(Effect::RegisterCase {
            contact: self.contact.id,
            draft: Box::new(draft),
            at: turn.now.utc,
            media: self.position(turn.now.mono),
        });
    }

    /// The store gave the case its number.
    pub fn handle_case_registered(&mut self, number: CaseNumber, turn: &mut Turn<'_>) {
        self.contact.case = Some(number);
        if matches!(self.phase, Phase::Ended { wrap_up: WrapUp::None }) {
            self.dispose_now(turn);
        }
    }

    pub(super) fn play_music(&mut self, turn: &mut Turn<'_>) {
        let play = self.next_play();
        turn.effect(Effect::PlayMusic { leg: self.citizen.id, play });
    }

    /// The wait became too long: the dialplan goes on as if the queue had been full.
    pub fn handle_overflow(&mut self, turn: &mut Turn<'_>) {
        let Phase::Waiting { walk, .. } = &mut self.phase else { return };
        let Some(walk) = walk.take() else {
            self.wait_again("overflow", turn);
            return;
        };
        let waited = turn.now.utc.micros() - self.since.micros();
        let queue = self.contact.queue.take();
        tracing::info!(call.id = %self.contact.id, queue.name = queue, "waited for too long");
        let overflowed = self
            .draft(EventType::ContactOverflowed, Actor::system("acd"), turn)
            .with(json!({ "queue": queue, "waited_ms": waited / 1_000 }));
        self.commit(None, false, vec![overflowed.draft], turn);
        // What plays is replaced, or ends with the call.
        self.next_play();
        self.enter(Phase::Ivr { walk }, turn);
        if let Phase::Ivr { walk } = &mut self.phase {
            walk.handle_queue_full(turn.now);
        }
        self.drain_walk(turn);
    }

    /// Tells the caller their place and how long it will take, then the music goes on.
    pub fn announce_position(
        &mut self,
        position: usize,
        expected_wait: Option<Duration>,
        turn: &mut Turn<'_>,
    ) {
        let language = self.contact.language.unwrap_or(Language::Uk);
        let Phase::Waiting { announcing, .. } = &mut self.phase else { return };
        *announcing = true;
        let play = self.next_play();
        let prompts = ivr::position_prompts(position, expected_wait, language);
        turn.effect(Effect::PlayPrompts { leg: self.citizen.id, play, prompts });
    }

    /// The distributor chose an operator: ring their phone.
    pub fn offer_to(&mut self, offer: OfferTarget, turn: &mut Turn<'_>) {
        if self.keep_offer(&offer) {
            return;
        }
        if !matches!(self.phase, Phase::Waiting { .. }) {
            turn.acd.offer_failed(self.contact.id, offer.user, OfferFailure::Unreachable, turn.now.mono);
            return;
        }
        turn.counters.offers += 1;
        let party = self.call_phone(offer, turn);
        if self.party.is_none() {
            self.party = Some(party);
            self.since = turn.now.utc;
        } else {
            self.also_ringing.push(party);
        }
    }

    /// Stop ringing: CANCEL goes out at once.
    pub fn withdraw_offer(&mut self, from: UserId, turn: &mut Turn<'_>) {
        self.forget_offer(from, turn);
        if !matches!(self.phase, Phase::Waiting { .. }) {
            return;
        }
        self.bring_forward(|party| party.operator() == Some(from));
        if self.operator() == Some(from) {
            self.release_party(turn);
            self.party = self.also_ringing.pop();
            self.note_nobody_rings(turn);
        }
    }

    /// Nobody on the line waits for the next operator: the place in the line is given back for now.
    fn note_nobody_rings(&mut self, turn: &mut Turn<'_>) {
        if self.rings_back() && self.party.is_none() {
            self.give_up_call_back(Outcome::NoOperator, turn);
        }
    }

    /// Of the phones that ring, the one that something happens to takes the place of `party`.
    pub(super) fn bring_forward(&mut self, which: impl Fn(&Party) -> bool) {
        if let (Some(index), Some(party)) = (self.also_ringing.iter().position(which), &mut self.party) {
            std::mem::swap(party, &mut self.also_ringing[index]);
        }
    }

    /// All phones but that of `party` stop ringing.
    pub(super) fn release_others(&mut self, turn: &mut Turn<'_>) {
        for mut party in std::mem::take(&mut self.also_ringing) {
            party.leg.hang_up(turn);
            self.retire(party.leg);
        }
    }

    pub(super) fn handle_party_event(&mut self, event: LegEvent, turn: &mut Turn<'_>) {
        match (event, &self.phase) {
            (_, Phase::Duty { .. }) => self.handle_duty_event(event, turn),
            (_, Phase::Masking { .. }) => self.handle_masking_executor(event, turn),
            // A phone that picks up is answered; one that was called has only sent its INVITE.
            (LegEvent::Prepared, _) => {
                let Some(party) = &mut self.party else { return };
                let (leg, ended) = (party.leg.id, party.leg.answer_or_refuse(turn));
                self.handle_leg_event(leg, ended, turn);
            }
            (_, Phase::Calling) => self.handle_colleague_event(event, turn),
            (LegEvent::Ended(_), Phase::CallingBack) => self.give_up_call_back(Outcome::Dropped, turn),
            (_, Phase::CallingBack) => {}
            (LegEvent::Established, Phase::Waiting { .. }) => self.connect(turn),
            // A phone that took over from another one acknowledges; it talks already.
            (LegEvent::Established, _) => {}
            (LegEvent::Held, _) => self.hold(turn),
            (LegEvent::Resumed, _) => self.resume(turn),
            (LegEvent::Ended(_), Phase::Transferring { .. }) => self.handle_transferor_left(turn),
            (LegEvent::Ended(end), Phase::Talking) => self.handle_party_left(end, turn),
            (LegEvent::Ended(end), _) => self.handle_offer_failed(end, turn),
            // What an operator's phone plays before it is answered is not for the caller, who hears music.
            (LegEvent::Ringing | LegEvent::EarlyMedia | LegEvent::Acknowledged | LegEvent::Digit(_), _) => {}
        }
    }

    fn handle_offer_failed(&mut self, end: LegEnd, turn: &mut Turn<'_>) {
        if self.ring_next_phone(end, turn) {
            return;
        }
        let Some(user) = self.operator() else { return };
        let failure = match end {
            LegEnd::Refused(StatusCode::REQUEST_TIMEOUT | StatusCode::TEMPORARILY_UNAVAILABLE) => {
                OfferFailure::NoAnswer
            }
            end if is_persons_no(end) => OfferFailure::Rejected,
            _ => OfferFailure::Unreachable,
        };
        tracing::info!(call.id = %self.contact.id, operator.id = %user, ?failure, "offer failed");
        self.retire_party(turn);
        self.party = self.also_ringing.pop();
        turn.acd.offer_failed(self.contact.id, user, failure, turn.now.mono);
        self.note_nobody_rings(turn);
    }

    /// True when the operator has another phone, which rings now in place of the one that failed.
    pub(super) fn ring_next_phone(&mut self, end: LegEnd, turn: &mut Turn<'_>) -> bool {
        let Some(next) = self.party.as_mut().and_then(|party| party.next_phone(end)) else { return false };
        self.retire_party(turn);
        self.party = Some(self.call_phone(next, turn));
        true
    }
}
