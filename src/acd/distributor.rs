//! The distributor's machine: what happens to lines and operators on each input. Who waits is `waiting`, whose phone
//! rings `offers`, what comes after a talk `wrap_up`, who is called by name `by_name`, when too many call `surges`. All
//! deadlines are of one table.

mod by_name;
mod offers;
mod surges;
mod waiting;
mod wrap_up;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use super::line::{Line, Waiting};
use super::operator::{Operator, Work};
use super::queue::Queue;
use super::tally::Tally;
use super::{
    AfterNoAnswer, OperatorError, OperatorProfile, OperatorStatus, Output, QueueEntry, QueueSettings,
};
use crate::ids::{ContactId, UserId};
use crate::time::TimerQueue;

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
    /// One level less of each skill will do for this caller.
    RelaxSkills(ContactId),
    /// One more phone rings for this caller.
    RingAnother(ContactId),
    /// This caller has waited for too long.
    Overflow(ContactId),
    /// Whether there is a surge anywhere is looked at again.
    Surges,
}

/// The distributor: all queues and all operators of this node.
///
/// After every input, drain [`Self::poll_output`], then arm [`Self::poll_timeout`]. An operator is reserved for a caller
/// from [`Output::Offer`] until one of: [`Self::offer_answered`], [`Self::offer_failed`], [`Output::WithdrawOffer`].
/// Where several phones ring for one caller, the first to be answered has the call.
#[derive(Debug)]
pub struct Distributor {
    queues: HashMap<String, Queue>,
    operators: BTreeMap<UserId, Operator>,
    line: Line,
    timers: TimerQueue<Timer>,
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
            timers: TimerQueue::default(),
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
        let Some(known) = self.operators.get_mut(&operator) else { return };
        if known.phone_registered(now) {
            let colleagues = self.operators.values().filter(|known| known.profile.user != operator);
            let at_work = colleagues.filter(|known| known.is_registered()).map(|known| known.tally);
            let tally = Tally::level_with(at_work);
            if let Some(known) = self.operators.get_mut(&operator) {
                known.tally = tally;
            }
        }
        self.settle(operator, now);
    }

    /// Operators who have no call at hand, and why they take none; none for who is ready.
    pub fn standing(&self) -> impl Iterator<Item = (UserId, Option<&str>)> {
        self.operators.values().filter_map(|known| Some((known.profile.user, known.standing()?)))
    }

    /// An operator as a former run of the program left them at `left_at`; in force as soon as the phone is there, if that
    /// is soon enough.
    pub fn restore(&mut self, operator: UserId, not_ready: Option<&str>, left_at: Instant) {
        if let Some(known) = self.operators.get_mut(&operator) {
            known.restore(not_ready, left_at);
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
            self.finish_wrap_up(operator, contact, now);
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

    /// Callers of `queue` who are on the line, in the order they would be served, with since when.
    pub fn waiting(&self, queue: &str) -> Vec<(&QueueEntry, Instant)> {
        let is_caller = |waiting: &&Waiting| waiting.entry.queue == queue && !waiting.is_absent;
        let of_queue = self.line.iter().filter(is_caller);
        of_queue.map(|waiting| (&waiting.entry, waiting.since)).collect()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.take_expired(now) {
            match timer {
                Timer::Ring(operator) => self.handle_no_answer(operator, now),
                Timer::WrapUp(operator) => {
                    if let Some(Work::WrapUp { contact }) = self.operators.get(&operator).map(Operator::work)
                    {
                        self.finish_wrap_up(operator, contact, now);
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
                Timer::RelaxSkills(contact) => self.relax_skills(contact, now),
                Timer::RingAnother(contact) => self.ring_another(contact, now),
                Timer::Overflow(contact) => self.note_overdue(contact, now),
                Timer::Surges => self.judge_surges(now),
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
        for known in self.queues.values_mut() {
            known.open = false;
        }
        for settings in queues {
            match self.queues.get_mut(&settings.name) {
                Some(known) => (known.settings, known.open) = (settings, true),
                None => drop(self.queues.insert(settings.name.clone(), Queue::new(settings))),
            }
        }
        let line = &self.line;
        self.queues.retain(|name, queue| queue.open || line.of_queue(name).next().is_some());
    }
}
