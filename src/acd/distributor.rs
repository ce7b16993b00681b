//! The distributor's machine: what happens to lines and operators on each input. Reservations, wrap-up, places and
//! relaxed languages are deadlines of one table.

mod by_name;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use super::line::Line;
use super::operator::{Operator, Work};
use super::{
    AfterNoAnswer, Enqueued, OfferFailure, OperatorError, OperatorProfile, OperatorStatus, Output,
    QueueEntry, QueueSettings, routing,
};
use crate::ids::{ContactId, UserId};
use crate::time::TimerTable;

/// Urgent callers are let into a full queue, up to so many more: life-safety is not refused for a long line, and a
/// caller whose operator was lost is not thrown out.
const URGENT_HEADROOM: usize = 20;

/// Every deadline of the distributor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    /// The reservation of this operator lapses.
    Ring(UserId),
    /// The operator's wrap-up is over.
    WrapUp(UserId),
    /// The caller is told their place again.
    Announce(ContactId),
    /// From now on any language will do for this caller.
    RelaxLanguage(ContactId),
}

#[derive(Debug)]
struct Queue {
    settings: QueueSettings,
    /// False once the configuration no longer names the queue: nobody enters, and those who wait are anybody's.
    open: bool,
}

/// The distributor: all queues and all operators of this node.
///
/// After every input, drain [`Self::poll_output`], then arm [`Self::poll_timeout`]. An operator and a caller are
/// reserved for each other from [`Output::Offer`] until one of: [`Self::offer_answered`], [`Self::offer_failed`],
/// [`Output::WithdrawOffer`].
#[derive(Debug)]
pub struct Distributor {
    queues: HashMap<String, Queue>,
    operators: BTreeMap<UserId, Operator>,
    line: Line,
    timers: TimerTable<Timer>,
    /// Drained by the owner after each input, so it never holds more than one input causes.
    outputs: VecDeque<Output>,
    after_no_answer: AfterNoAnswer,
}

impl Distributor {
    pub fn new(queues: Vec<QueueSettings>) -> Self {
        let mut distributor = Self {
            queues: HashMap::new(),
            operators: BTreeMap::new(),
            line: Line::default(),
            timers: TimerTable::default(),
            outputs: VecDeque::new(),
            after_no_answer: AfterNoAnswer::default(),
        };
        distributor.replace_queues(queues);
        distributor
    }

    /// From now on operators who let the phone ring become this.
    pub fn set_after_no_answer(&mut self, policy: AfterNoAnswer) {
        self.after_no_answer = policy;
    }

    /// Replaces settings and profiles (start, reload); running offers and calls stay. Callers of a queue that is
    /// gone are served by any operator; an operator who is gone finishes the call at hand.
    pub fn configure(&mut self, queues: Vec<QueueSettings>, operators: Vec<OperatorProfile>, now: Instant) {
        self.replace_queues(queues);
        for operator in self.operators.values_mut() {
            operator.leaving = true;
        }
        for profile in operators {
            match self.operators.get_mut(&profile.user) {
                Some(known) => {
                    known.leaving = false;
                    known.profile = profile;
                }
                None => {
                    self.operators.insert(profile.user, Operator::new(profile, now));
                }
            }
        }
        let leavers: Vec<UserId> =
            self.operators.iter().filter(|(_, known)| known.leaving).map(|(user, _)| *user).collect();
        for leaver in leavers {
            self.report_status(leaver, now);
        }
        self.dispatch(now);
    }

    /// The operator's phone registered or lost its last registration. A lost phone leaves routing at once;
    /// a call in progress goes on. A phone that returns is `NotReady("signed_in")`, or what it was within a minute.
    pub fn handle_registered(&mut self, operator: UserId, now: Instant) {
        if let Some(known) = self.operators.get_mut(&operator) {
            known.phone_registered(now);
            self.settle(operator, now);
        }
    }

    pub fn handle_unregistered(&mut self, operator: UserId, now: Instant) {
        let Some(known) = self.operators.get_mut(&operator) else { return };
        known.phone_lost(now);
        if let Work::Offered { contact } = known.work() {
            self.withdraw(contact, operator);
        }
        self.settle(operator, now);
    }

    /// Asked for by desk, API or star code. During a call it takes effect after wrap-up; in wrap-up it ends it.
    pub fn set_ready(&mut self, operator: UserId, now: Instant) -> Result<(), OperatorError> {
        let known = self.operators.get_mut(&operator).ok_or(OperatorError::Unknown)?;
        if !known.is_registered() {
            return Err(OperatorError::NotRegistered);
        }
        known.want_ready();
        if let Work::WrapUp { contact } = known.work() {
            self.finish_wrap_up(operator, contact);
        }
        self.settle(operator, now);
        Ok(())
    }

    /// During a call it takes effect after wrap-up; a phone that rings stops ringing.
    pub fn set_not_ready(
        &mut self,
        operator: UserId,
        reason: &str,
        now: Instant,
    ) -> Result<(), OperatorError> {
        let known = self.operators.get_mut(&operator).ok_or(OperatorError::Unknown)?;
        if !known.is_registered() {
            return Err(OperatorError::NotRegistered);
        }
        known.want_not_ready(reason);
        if let Work::Offered { contact } = known.work() {
            self.withdraw(contact, operator);
        }
        self.settle(operator, now);
        Ok(())
    }

    /// A caller who waits already keeps the place; one who talks leaves that operator.
    pub fn enqueue(&mut self, entry: QueueEntry, now: Instant) -> Enqueued {
        if self.line.contains(entry.contact) {
            return Enqueued::Waiting;
        }
        let Some(Queue { settings: queue, open: true }) = self.queues.get(&entry.queue) else {
            return Enqueued::Unknown;
        };
        let headroom = if entry.urgent { URGENT_HEADROOM } else { 0 };
        if self.line.of_queue(&entry.queue).count() >= queue.capacity + headroom {
            return Enqueued::Full;
        }
        let (announce_deadline, relax_deadline) =
            (now + queue.announce_every, now + queue.relax_language_after);
        self.leave_operator(entry.contact, now);
        self.timers.set(Timer::Announce(entry.contact), announce_deadline);
        if relax_deadline > now {
            self.timers.set(Timer::RelaxLanguage(entry.contact), relax_deadline);
        }
        self.line.push(entry, relax_deadline <= now, now);
        self.dispatch(now);
        Enqueued::Waiting
    }

    /// The caller hung up or was taken elsewhere: out of the queue, any offer withdrawn.
    pub fn leave(&mut self, contact: ContactId, now: Instant) {
        if let Some(operator) = self.line.find(contact).and_then(|waiting| waiting.offered_to) {
            self.withdraw(contact, operator);
            self.take_out(contact);
            self.settle(operator, now);
        } else {
            self.take_out(contact);
        }
    }

    /// The operator picked up. False when the reservation is gone (the caller just left): hang up on them.
    pub fn offer_answered(&mut self, contact: ContactId, operator: UserId, now: Instant) -> bool {
        if !self.is_reserved(contact, operator) {
            return false;
        }
        let Some(waiting) = self.take_out(contact) else { return false };
        let wrap_up = self.settings_of(&waiting.entry.queue).map(|queue| queue.wrap_up).unwrap_or_default();
        self.timers.stop(Timer::Ring(operator));
        if let Some(known) = self.operators.get_mut(&operator) {
            known.take_up(Work::Talking { contact, wrap_up });
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
            self.note_failure(operator, failure, now);
            self.settle(operator, now);
        }
    }

    /// The operator's leg of this contact ended: wrap-up begins.
    pub fn call_ended(&mut self, contact: ContactId, operator: UserId, now: Instant) {
        let Some(known) = self.operators.get_mut(&operator) else { return };
        let Work::Talking { contact: current, wrap_up } = known.work() else { return };
        if current != contact {
            return;
        }
        known.take_up(Work::WrapUp { contact });
        if wrap_up.is_zero() {
            self.finish_wrap_up(operator, contact);
        } else {
            let wrap_up_deadline = now + wrap_up;
            self.timers.set(Timer::WrapUp(operator), wrap_up_deadline);
        }
        self.settle(operator, now);
    }

    /// The operator is done with the contact before the time is up. Nothing to do when not in wrap-up.
    pub fn end_wrap_up(&mut self, operator: UserId, now: Instant) -> Result<(), OperatorError> {
        let known = self.operators.get(&operator).ok_or(OperatorError::Unknown)?;
        match known.work() {
            Work::WrapUp { contact } => self.finish_wrap_up(operator, contact),
            Work::None => {}
            Work::Offered { .. } | Work::Called { .. } | Work::Talking { .. } => {
                return Err(OperatorError::Busy);
            }
        }
        self.settle(operator, now);
        Ok(())
    }

    pub fn status(&self, operator: UserId) -> Option<&OperatorStatus> {
        self.operators.get(&operator).map(Operator::status)
    }

    /// All operators with status and since when, for the board.
    pub fn operators(&self) -> Vec<(&OperatorProfile, &OperatorStatus, Instant)> {
        self.operators
            .values()
            .map(|operator| (&operator.profile, operator.status(), operator.status_since()))
            .collect()
    }

    /// Waiting callers of `queue` in the order they would be served, with since when.
    pub fn waiting(&self, queue: &str) -> Vec<(&QueueEntry, Instant)> {
        let of_queue = self.line.iter().filter(|waiting| waiting.entry.queue == queue);
        of_queue.map(|waiting| (&waiting.entry, waiting.since)).collect()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.take_expired(now) {
            match timer {
                Timer::Ring(operator) => self.handle_no_answer(operator, now),
                Timer::WrapUp(operator) => {
                    if let Some(Work::WrapUp { contact }) = self.operators.get(&operator).map(Operator::work)
                    {
                        self.finish_wrap_up(operator, contact);
                        self.settle(operator, now);
                    }
                }
                Timer::Announce(contact) => self.announce(contact, now),
                Timer::RelaxLanguage(contact) => {
                    if let Some(waiting) = self.line.find_mut(contact) {
                        waiting.relaxed = true;
                        self.dispatch(now);
                    }
                }
            }
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}

/// Steps that several inputs share.
impl Distributor {
    /// Rings phones until nobody fits anybody.
    fn dispatch(&mut self, now: Instant) {
        let is_open =
            |queues: &HashMap<String, Queue>, name: &str| queues.get(name).is_some_and(|queue| queue.open);
        while let Some((contact, operator)) =
            routing::next_offer(&self.line, &self.operators, |name| is_open(&self.queues, name))
        {
            self.offer(contact, operator, now);
        }
    }

    /// Reserves both for each other; the pair was chosen from a caller who waits and an operator who is ready.
    fn offer(&mut self, contact: ContactId, operator: UserId, now: Instant) {
        let (Some(waiting), Some(known)) = (self.line.find_mut(contact), self.operators.get_mut(&operator))
        else {
            return;
        };
        waiting.offered_to = Some(operator);
        known.take_up(Work::Offered { contact });
        let queue = self.queues.get(&waiting.entry.queue);
        let ring_deadline = now + queue.map(|queue| queue.settings.ring_timeout).unwrap_or_default();
        self.timers.set(Timer::Ring(operator), ring_deadline);
        self.outputs.push_back(Output::Offer { contact, operator });
        self.report_status(operator, now);
    }

    fn handle_no_answer(&mut self, operator: UserId, now: Instant) {
        let Some(Work::Offered { contact }) = self.operators.get(&operator).map(Operator::work) else {
            return;
        };
        self.withdraw(contact, operator);
        self.note_failure(operator, OfferFailure::NoAnswer, now);
        self.settle(operator, now);
    }

    fn note_failure(&mut self, operator: UserId, failure: OfferFailure, now: Instant) {
        let policy = self.after_no_answer;
        let Some(known) = self.operators.get_mut(&operator) else { return };
        match (failure, policy) {
            (OfferFailure::NoAnswer, AfterNoAnswer::BackOfLine) => known.idle_since = now,
            (OfferFailure::NoAnswer, AfterNoAnswer::NotReady) => known.want_not_ready("no_answer"),
            // Left ready, they would be rung again in the same moment, for ever.
            (OfferFailure::Rejected, _) => known.want_not_ready("rejected"),
            (OfferFailure::Unreachable, _) => known.want_not_ready("unreachable"),
        }
    }

    fn announce(&mut self, contact: ContactId, now: Instant) {
        let Some(waiting) = self.line.find(contact) else { return };
        let Some(queue) = self.settings_of(&waiting.entry.queue) else { return };
        let announce_deadline = now + queue.announce_every;
        // While a phone rings the answer may come at any moment: no announcement to talk over it.
        if waiting.offered_to.is_none() {
            let ahead = self.line.of_queue(&queue.name).take_while(|other| other.entry.contact != contact);
            let position = ahead.count() + 1;
            self.outputs.push_back(Output::AnnouncePosition { contact, position });
        }
        self.timers.set(Timer::Announce(contact), announce_deadline);
    }

    fn is_reserved(&self, contact: ContactId, operator: UserId) -> bool {
        self.operators.get(&operator).is_some_and(|known| known.work() == Work::Offered { contact })
    }

    /// Undoes a reservation; the phone is told to stop.
    fn withdraw(&mut self, contact: ContactId, operator: UserId) {
        self.release(contact, operator);
        self.outputs.push_back(Output::WithdrawOffer { contact, operator });
    }

    fn release(&mut self, contact: ContactId, operator: UserId) {
        self.timers.stop(Timer::Ring(operator));
        if let Some(known) = self.operators.get_mut(&operator) {
            known.take_up(Work::None);
        }
        if let Some(waiting) = self.line.find_mut(contact) {
            waiting.offered_to = None;
        }
    }

    fn finish_wrap_up(&mut self, operator: UserId, contact: ContactId) {
        self.timers.stop(Timer::WrapUp(operator));
        if let Some(known) = self.operators.get_mut(&operator) {
            known.take_up(Work::None);
        }
        self.outputs.push_back(Output::WrapUpEnded { contact, operator });
    }

    fn take_out(&mut self, contact: ContactId) -> Option<super::line::Waiting> {
        self.timers.stop(Timer::Announce(contact));
        self.timers.stop(Timer::RelaxLanguage(contact));
        self.line.remove(contact)
    }

    /// Never may a caller wait for one operator while talking to another.
    fn leave_operator(&mut self, contact: ContactId, now: Instant) {
        let talks = |known: &Operator| matches!(known.work(), Work::Talking { contact: current, .. } if current == contact);
        if let Some(operator) = self.operators.iter().find(|(_, known)| talks(known)).map(|(user, _)| *user) {
            self.call_ended(contact, operator, now);
        }
    }

    /// After a change to one operator: the board is told, and calls are distributed anew.
    fn settle(&mut self, operator: UserId, now: Instant) {
        self.report_status(operator, now);
        self.dispatch(now);
    }

    /// Tells a changed status. Who was taken out of the configuration is forgotten once nothing is left to do.
    fn report_status(&mut self, operator: UserId, now: Instant) {
        let Some(known) = self.operators.get_mut(&operator) else { return };
        let status = known.settle(now);
        let gone = known.leaving && known.work() == Work::None;
        if let Some(status) = status {
            self.outputs.push_back(Output::StatusChanged { operator, status });
        }
        if gone {
            self.operators.remove(&operator);
        }
    }

    fn settings_of(&self, queue: &str) -> Option<&QueueSettings> {
        self.queues.get(queue).map(|queue| &queue.settings)
    }

    /// Queues that are gone stay, closed, while somebody waits in them.
    fn replace_queues(&mut self, queues: Vec<QueueSettings>) {
        let line = &self.line;
        self.queues.retain(|name, queue| {
            queue.open = false;
            line.of_queue(name).next().is_some()
        });
        for settings in queues {
            self.queues.insert(settings.name.clone(), Queue { settings, open: true });
        }
    }
}
