//! After a talk: the operator writes the contact up, asks for more time or is done. One clock for all queues; what the
//! operator wanted to be before the call is what they are after it.

use std::time::{Duration, Instant};

use super::super::operator::Work;
use super::super::{OperatorError, OperatorStatus, Output, WrapUpError};
use super::{Distributor, Timer};
use crate::ids::{ContactId, UserId};

/// What "more time" adds.
const MORE: Duration = Duration::from_secs(60);
/// Wrap-up lasts no longer, however often more time is asked for: callers wait, and the contact must get its outcome.
const MAX_WRAP_UP: Duration = Duration::from_secs(15 * 60);

impl Distributor {
    /// The operator's leg of this contact ended: wrap-up begins.
    pub fn call_ended(&mut self, contact: ContactId, operator: UserId, now: Instant) {
        let Some(known) = self.operators.get_mut(&operator) else { return };
        let Work::Talking { contact: current, wrap_up, since } = known.work() else { return };
        if current != contact {
            return;
        }
        known.tally.count(since, now);
        known.take_up(Work::WrapUp { contact });
        if wrap_up.is_zero() {
            self.finish_wrap_up(operator, contact, now);
        } else {
            self.timers.set(Timer::WrapUp(operator), now + wrap_up);
        }
        self.settle(operator, now);
    }

    /// The operator is done with the contact before the time is up. Nothing to do when not in wrap-up.
    pub fn end_wrap_up(&mut self, operator: UserId, now: Instant) -> Result<(), OperatorError> {
        let known = self.operators.get(&operator).ok_or(OperatorError::Unknown)?;
        match known.work() {
            Work::WrapUp { contact } => self.finish_wrap_up(operator, contact, now),
            Work::None => {}
            Work::Offered { .. } | Work::Called { .. } | Work::Talking { .. } => {
                return Err(OperatorError::Busy);
            }
        }
        self.settle(operator, now);
        Ok(())
    }

    /// The operator needs a minute more, up to 15 minutes after the talk.
    pub fn extend_wrap_up(&mut self, operator: UserId) -> Result<(), WrapUpError> {
        let known = self.operators.get(&operator).ok_or(WrapUpError::Unknown)?;
        let wrap_up_deadline = self.wrap_up_deadline(operator).ok_or(WrapUpError::NotInWrapUp)?;
        let last_deadline = known.status_since() + MAX_WRAP_UP;
        if wrap_up_deadline >= last_deadline {
            return Err(WrapUpError::NoMoreTime);
        }
        self.timers.set(Timer::WrapUp(operator), last_deadline.min(wrap_up_deadline + MORE));
        Ok(())
    }

    /// When the operator's wrap-up ends by itself; none outside of one.
    pub fn wrap_up_deadline(&self, operator: UserId) -> Option<Instant> {
        let writes_up = matches!(self.status(operator), Some(OperatorStatus::WrapUp { .. }));
        self.timers.deadline(Timer::WrapUp(operator)).filter(|_| writes_up)
    }

    pub(super) fn finish_wrap_up(&mut self, operator: UserId, contact: ContactId, now: Instant) {
        self.timers.stop(Timer::WrapUp(operator));
        if let Some(known) = self.operators.get_mut(&operator) {
            known.take_up(Work::None);
            if let Some((queue, since)) = known.handling.take()
                && let Some(queue) = self.queues.get_mut(&queue)
            {
                queue.note_handling(now.saturating_duration_since(since));
            }
        }
        self.outputs.push_back(Output::WrapUpEnded { contact, operator });
    }
}
