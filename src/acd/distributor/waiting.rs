//! Callers on their way into the line and out of it: who is let in, what they are told while they wait, what time makes
//! easier for them, and when they have waited for too long. Whose phone rings for them is `offers`.

use std::time::{Duration, Instant};

use super::super::line::Waiting;
use super::super::operator::{Operator, Work};
use super::super::{Enqueued, MAX_SKILL_LEVEL, Output, QueueEntry};
use super::{Distributor, Timer};
use crate::ids::ContactId;

/// Urgent callers are let into a full queue, up to so many more: life-safety is not refused for a long line, and a
/// caller whose operator was lost is not thrown out.
const URGENT_HEADROOM: usize = 20;

impl Distributor {
    /// A caller who waits already keeps the place; one who talks leaves that operator.
    pub fn enqueue(&mut self, entry: QueueEntry, now: Instant) -> Enqueued {
        if self.line.contains(entry.contact) {
            return Enqueued::Waiting;
        }
        let Some(queue) = self.queues.get(&entry.queue).filter(|queue| queue.open) else {
            return Enqueued::Unknown;
        };
        let settings = queue.settings.clone();
        let headroom = if entry.urgent { URGENT_HEADROOM } else { 0 };
        let ahead = self.line.of_queue(&entry.queue).filter(|other| !other.is_absent).count();
        if ahead >= settings.capacity + headroom || !entry.urgent && self.would_wait_too_long(&entry, ahead) {
            return Enqueued::Full;
        }
        let contact = entry.contact;
        self.leave_operator(contact, now);
        self.timers.set(Timer::Announce(contact), now + settings.announce_every);
        if let Some(after) = settings.max_wait.filter(|_| !entry.urgent) {
            self.timers.set(Timer::Overflow(contact), now + after);
        }
        if let Some(every) = settings.relax_skills_every.filter(|_| !settings.skills.is_empty()) {
            self.timers.set(Timer::RelaxSkills(contact), now + every);
        }
        let waiting = self.line.push(entry, settings.head_start, now);
        waiting.relaxed = settings.relax_language_after.is_zero();
        if !waiting.relaxed {
            self.timers.set(Timer::RelaxLanguage(contact), now + settings.relax_language_after);
        }
        self.dispatch(now);
        Enqueued::Waiting
    }

    /// Holds the place of somebody who came at `since` and is to be rung back when their turn comes. Neither the capacity
    /// nor the longest wait is for them: they stand on a list of their own. False when there is no such queue.
    pub fn hold_place(&mut self, entry: QueueEntry, since: Instant, now: Instant) -> bool {
        let Some(queue) = self.queues.get(&entry.queue).filter(|queue| queue.open) else { return false };
        let (head_start, relax_after) = (queue.settings.head_start, queue.settings.relax_language_after);
        let waiting = self.line.push(entry, head_start, since);
        waiting.is_absent = true;
        waiting.relaxed = now.saturating_duration_since(since) >= relax_after;
        if !waiting.relaxed {
            let contact = waiting.entry.contact;
            self.timers.set(Timer::RelaxLanguage(contact), since + relax_after);
        }
        self.dispatch(now);
        true
    }

    /// The caller hung up or was taken elsewhere: out of the queue, any offer withdrawn.
    pub fn leave(&mut self, contact: ContactId, now: Instant) {
        let rung = self.line.find(contact).map(|waiting| waiting.offered_to.clone()).unwrap_or_default();
        for operator in &rung {
            self.withdraw(contact, *operator);
        }
        self.take_out(contact);
        for operator in rung {
            self.report_status(operator, now);
        }
        self.dispatch(now);
    }

    /// How long a caller of `queue` at `position`, from 1, will wait; none where nobody can say.
    pub fn expected_wait(&self, queue: &str, position: usize) -> Option<Duration> {
        let at_work = self.operators.values().filter(|known| known.is_at_work() && known.serves(queue));
        self.queues.get(queue)?.expected_wait(position, at_work.count())
    }

    /// Where somebody is free nobody waits, whatever the mean says.
    fn would_wait_too_long(&self, entry: &QueueEntry, ahead: usize) -> bool {
        let limit = self.settings_of(&entry.queue).and_then(|settings| settings.max_expected_wait);
        let is_free = |known: &Operator| known.is_ready() && known.serves(&entry.queue);
        let Some(limit) = limit.filter(|_| !self.operators.values().any(is_free)) else { return false };
        self.expected_wait(&entry.queue, ahead + 1).is_some_and(|wait| wait > limit)
    }

    pub(super) fn announce(&mut self, contact: ContactId, now: Instant) {
        let Some(waiting) = self.line.find(contact) else { return };
        let Some(queue) = self.settings_of(&waiting.entry.queue) else { return };
        let announce_deadline = now + queue.announce_every;
        // While a phone rings the answer may come at any moment: no announcement to talk over it.
        if waiting.offered_to.is_empty() {
            let ahead = self.line.of_queue(&queue.name).take_while(|other| other.entry.contact != contact);
            let position = ahead.count() + 1;
            let expected_wait = self.expected_wait(&queue.name, position);
            self.outputs.push_back(Output::AnnouncePosition { contact, position, expected_wait });
        }
        self.timers.set(Timer::Announce(contact), announce_deadline);
    }

    /// One level less of each skill will do from now on.
    pub(super) fn relax_skills(&mut self, contact: ContactId, now: Instant) {
        let Some(waiting) = self.line.find_mut(contact) else { return };
        waiting.levels_spared += 1;
        let again = waiting.levels_spared < MAX_SKILL_LEVEL;
        let settings = self.queues.get(&waiting.entry.queue).map(|queue| &queue.settings);
        if let Some(every) = settings.and_then(|settings| settings.relax_skills_every).filter(|_| again) {
            self.timers.set(Timer::RelaxSkills(contact), now + every);
        }
        self.dispatch(now);
    }

    /// Who is being rung for may still be answered; everybody else leaves.
    pub(super) fn note_overdue(&mut self, contact: ContactId, now: Instant) {
        if let Some(waiting) = self.line.find_mut(contact) {
            waiting.overdue = true;
            self.dispatch(now);
        }
    }

    /// Sends on those who have waited for too long and for whom no phone rings now.
    pub(super) fn send_overdue_on(&mut self) {
        let given_up = |waiting: &&Waiting| waiting.overdue && waiting.offered_to.is_empty();
        let gone: Vec<ContactId> =
            self.line.iter().filter(given_up).map(|waiting| waiting.entry.contact).collect();
        for contact in gone {
            self.take_out(contact);
            self.outputs.push_back(Output::Overflow { contact });
        }
    }

    pub(super) fn take_out(&mut self, contact: ContactId) -> Option<Waiting> {
        for timer in
            [Timer::Announce, Timer::RelaxLanguage, Timer::RelaxSkills, Timer::RingAnother, Timer::Overflow]
        {
            self.timers.stop(timer(contact));
        }
        self.line.remove(contact)
    }

    /// Never may a caller wait for one operator while talking to another.
    fn leave_operator(&mut self, contact: ContactId, now: Instant) {
        let talks = |known: &Operator| matches!(known.work(), Work::Talking { contact: current, .. } if current == contact);
        if let Some(operator) = self.operators.iter().find(|(_, known)| talks(known)).map(|(user, _)| *user) {
            self.call_ended(contact, operator, now);
        }
    }
}
