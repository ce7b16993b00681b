//! Operators called by name instead of from the line: the target of a transfer, a colleague who is asked.
//! One operator, one call: who is reserved, talks or writes up cannot be called; who may not be ready, can.

use std::time::{Duration, Instant};

use super::super::operator::Work;
use super::{Distributor, OperatorError};
use crate::ids::{ContactId, UserId};

impl Distributor {
    /// Whether `operator` could be called now.
    pub fn can_be_called(&self, operator: UserId) -> Result<(), OperatorError> {
        let known =
            self.operators.get(&operator).filter(|known| !known.leaving).ok_or(OperatorError::Unknown)?;
        if !known.is_registered() {
            Err(OperatorError::NotRegistered)
        } else if known.work() != Work::None || known.aside.is_some() {
            Err(OperatorError::Busy)
        } else {
            Ok(())
        }
    }

    /// Reserves `operator` for a call by name until [`Self::call_by_name_answered`] or
    /// [`Self::call_by_name_failed`]; for how long the phone rings is the caller's to say.
    pub fn call_by_name(
        &mut self,
        contact: ContactId,
        operator: UserId,
        now: Instant,
    ) -> Result<(), OperatorError> {
        self.can_be_called(operator)?;
        if let Some(known) = self.operators.get_mut(&operator) {
            known.take_up(Work::Called { contact });
        }
        self.settle(operator, now);
        Ok(())
    }

    /// The operator picked up. `queue` says how long the wrap-up will be; a talk among colleagues has none. False
    /// when the reservation is gone.
    pub fn call_by_name_answered(
        &mut self,
        contact: ContactId,
        operator: UserId,
        queue: Option<&str>,
        now: Instant,
    ) -> bool {
        let wrap_up = self.wrap_up_of(queue);
        let Some(known) = self.operators.get_mut(&operator) else { return false };
        let reserved = known.work() == Work::Called { contact };
        if reserved {
            known.take_up(Work::Talking { contact, wrap_up, since: now });
            self.settle(operator, now);
        }
        reserved
    }

    /// Busy, refused, no answer, or nobody wants it any more. No fault of the operator's: the intent stays.
    pub fn call_by_name_failed(&mut self, contact: ContactId, operator: UserId, now: Instant) {
        if let Some(known) = self.operators.get_mut(&operator)
            && known.work() == (Work::Called { contact })
        {
            known.take_up(Work::None);
            self.settle(operator, now);
        }
    }

    /// Who was asked about a call takes it over: `operator` goes on from one contact to the other without a break.
    pub fn talk_moved(
        &mut self,
        from: ContactId,
        to: ContactId,
        operator: UserId,
        queue: Option<&str>,
        now: Instant,
    ) {
        let wrap_up = self.wrap_up_of(queue);
        if let Some(known) = self.operators.get_mut(&operator)
            && let Work::Talking { contact, since, .. } = known.work()
            && contact == from
        {
            known.take_up(Work::Talking { contact: to, wrap_up, since });
            self.settle(operator, now);
        }
    }

    /// The operator calls a colleague, whatever else is at hand. Ends with [`Self::aside_ended`].
    pub fn aside_began(&mut self, contact: ContactId, operator: UserId, now: Instant) {
        if let Some(known) = self.operators.get_mut(&operator) {
            known.aside = Some(contact);
            self.settle(operator, now);
        }
    }

    pub fn aside_ended(&mut self, contact: ContactId, operator: UserId, now: Instant) {
        if let Some(known) = self.operators.get_mut(&operator)
            && known.aside == Some(contact)
        {
            known.aside = None;
            self.settle(operator, now);
        }
    }

    /// True while the operator has a call to a colleague of their own.
    pub fn has_aside(&self, operator: UserId) -> bool {
        self.operators.get(&operator).is_some_and(|known| known.aside.is_some())
    }

    fn wrap_up_of(&self, queue: Option<&str>) -> Duration {
        queue.and_then(|name| self.settings_of(name)).map(|queue| queue.wrap_up).unwrap_or_default()
    }
}
