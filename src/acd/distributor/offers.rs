//! Phones that ring for callers of the line: reserved, rung, answered, given up. Who is rung for whom is `routing`'s
//! choice. An operator is reserved for one caller; a caller may have several operators rung, of whom the first to answer
//! has the call.

use std::time::Instant;

use super::super::operator::{Operator, Work};
use super::super::routing::{self, MAX_RINGING_AT_ONCE};
use super::super::{AfterNoAnswer, OfferFailure, Output, Strategy};
use super::{Distributor, Timer};
use crate::ids::{ContactId, UserId};

impl Distributor {
    /// The operator picked up; other phones stop ringing. False when the reservation is gone (the caller just left, or
    /// somebody else was faster): hang up on them.
    pub fn offer_answered(&mut self, contact: ContactId, operator: UserId, now: Instant) -> bool {
        if !self.is_reserved(contact, operator) {
            return false;
        }
        let Some(waiting) = self.take_out(contact) else { return false };
        let wrap_up = self.settings_of(&waiting.entry.queue).map(|queue| queue.wrap_up).unwrap_or_default();
        self.timers.stop(Timer::Ring(operator));
        if let Some(known) = self.operators.get_mut(&operator) {
            known.take_up(Work::Talking { contact, wrap_up, since: now });
            known.handling = Some((waiting.entry.queue, now));
        }
        let slower: Vec<UserId> = waiting.offered_to.into_iter().filter(|rung| *rung != operator).collect();
        for rung in &slower {
            self.withdraw(contact, *rung);
        }
        for rung in slower {
            self.report_status(rung, now);
        }
        self.settle(operator, now);
        true
    }

    /// The offer came to nothing; the caller is offered to the next operator. Ignored when the reservation is gone.
    pub fn offer_failed(
        &mut self,
        contact: ContactId,
        operator: UserId,
        failure: OfferFailure,
        now: Instant,
    ) {
        if self.is_reserved(contact, operator) {
            self.release(contact, operator);
            self.note_failure(contact, operator, failure, now);
            self.settle(operator, now);
        }
    }

    /// Rings phones until nobody fits anybody.
    pub(super) fn dispatch(&mut self, now: Instant) {
        while let Some((contact, operator)) = routing::next_offer(&self.line, &self.operators, &self.queues) {
            self.offer(contact, operator, now);
        }
        self.send_overdue_on();
    }

    /// Reserves the operator; the pair was chosen from a caller who waits and an operator who is ready.
    fn offer(&mut self, contact: ContactId, operator: UserId, now: Instant) {
        let (Some(waiting), Some(known)) = (self.line.find_mut(contact), self.operators.get_mut(&operator))
        else {
            return;
        };
        waiting.offered_to.push(operator);
        waiting.attempts += 1;
        known.take_up(Work::Offered { contact });
        let (mut ring_deadline, mut another_deadline) = (now, None);
        if let Some(queue) = self.queues.get_mut(&waiting.entry.queue) {
            queue.last_rung = Some(operator);
            ring_deadline = now + queue.settings.ring_timeout;
            let grows = queue.settings.strategy == Strategy::Progressive;
            another_deadline = grows.then(|| now + queue.settings.ring_another_after);
        }
        self.timers.set(Timer::Ring(operator), ring_deadline);
        // Not put off by a phone that is rung again: the next one would never be added.
        if let Some(at) = another_deadline.filter(|_| !self.timers.is_set(Timer::RingAnother(contact))) {
            self.timers.set(Timer::RingAnother(contact), at);
        }
        self.outputs.push_back(Output::Offer { contact, operator });
        self.report_status(operator, now);
    }

    pub(super) fn ring_another(&mut self, contact: ContactId, now: Instant) {
        if let Some(waiting) = self.line.find_mut(contact) {
            waiting.phones_at_once = (waiting.phones_at_once + 1).min(MAX_RINGING_AT_ONCE);
            self.dispatch(now);
        }
    }

    pub(super) fn handle_no_answer(&mut self, operator: UserId, now: Instant) {
        let Some(Work::Offered { contact }) = self.operators.get(&operator).map(Operator::work) else {
            return;
        };
        self.withdraw(contact, operator);
        self.note_failure(contact, operator, OfferFailure::NoAnswer, now);
        self.settle(operator, now);
    }

    fn note_failure(&mut self, contact: ContactId, operator: UserId, failure: OfferFailure, now: Instant) {
        let rings_many = self.rings_many(contact);
        let policy = if rings_many { AfterNoAnswer::BackOfLine } else { self.after_no_answer };
        let Some(known) = self.operators.get_mut(&operator) else { return };
        match (failure, policy) {
            (OfferFailure::NoAnswer, AfterNoAnswer::BackOfLine) => known.idle_since = now,
            (OfferFailure::NoAnswer, AfterNoAnswer::NotReady) => known.want_not_ready("no_answer"),
            // Left ready, they would be rung again in the same moment, for ever.
            (OfferFailure::Rejected, _) => known.want_not_ready("rejected"),
            (OfferFailure::Unreachable, _) => known.want_not_ready("unreachable"),
        }
    }

    /// Where several phones ring, letting one ring is left to somebody else, and no sign of an empty desk.
    fn rings_many(&self, contact: ContactId) -> bool {
        let queue = self.line.find(contact).and_then(|waiting| self.settings_of(&waiting.entry.queue));
        queue.is_some_and(|queue| matches!(queue.strategy, Strategy::RingAll | Strategy::Progressive))
    }

    fn is_reserved(&self, contact: ContactId, operator: UserId) -> bool {
        self.operators.get(&operator).is_some_and(|known| known.work() == Work::Offered { contact })
    }

    /// Undoes a reservation; the phone is told to stop.
    pub(super) fn withdraw(&mut self, contact: ContactId, operator: UserId) {
        self.release(contact, operator);
        self.outputs.push_back(Output::WithdrawOffer { contact, operator });
    }

    fn release(&mut self, contact: ContactId, operator: UserId) {
        self.timers.stop(Timer::Ring(operator));
        if let Some(known) = self.operators.get_mut(&operator) {
            known.take_up(Work::None);
        }
        if let Some(waiting) = self.line.find_mut(contact) {
            waiting.offered_to.retain(|rung| *rung != operator);
        }
    }
}
