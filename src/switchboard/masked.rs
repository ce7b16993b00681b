//! Executors who call applicants through the city: from the command to a call, with a way out to each of the two
//! telephones. Whether they may was judged before (`call/masked.rs`); here, whether lines and telephones are free.

use crate::call::masked::{MaskedCall, NewMasked, Policy};
use crate::call::{Call, WayOut};
use crate::phone_number::PhoneNumber;
use crate::switchboard::trunks::{DialOut, NoRoute};
use crate::switchboard::{CommandError, Switchboard, with_turn};
use crate::time::Now;

/// Calls that wait for another one to end. Each waits for a caller of ours, so there are never more than calls.
const MAX_WAITING: usize = 1_000;

impl Switchboard {
    pub fn masked_policy(&self) -> Option<&Policy> {
        self.settings.masked.as_ref()
    }

    /// Begins the call, or keeps it until the one is over in which it was asked for.
    pub(super) fn call_applicant(&mut self, wanted: MaskedCall, now: Now) -> Result<(), CommandError> {
        if wanted.after.is_none_or(|contact| self.calls.get(&contact).is_none_or(|call| call.is_over())) {
            return self.begin_masked(wanted, now);
        }
        if self.masked_waiting.len() >= MAX_WAITING {
            return Err(CommandError::Full);
        }
        self.masked_waiting.push(wanted);
        Ok(())
    }

    /// After each step of a call: who wanted to call an applicant when it was over.
    pub(super) fn note_masked(&mut self, call: &Call, now: Now) {
        if !call.is_over() {
            return;
        }
        let ended = Some(call.id());
        while let Some(at) = self.masked_waiting.iter().position(|wanted| wanted.after == ended) {
            let wanted = self.masked_waiting.swap_remove(at);
            let id = wanted.id;
            if let Err(error) = self.begin_masked(wanted, now) {
                tracing::warn!(call.id = %id, %error, "an executor is not rung");
            }
        }
    }

    fn begin_masked(&mut self, wanted: MaskedCall, now: Now) -> Result<(), CommandError> {
        let conflict = |why: &str| Err(CommandError::Conflict(why.to_owned()));
        let Some(ring_for) = self.settings.masked.as_ref().map(|policy| policy.ring_for) else {
            return conflict("calls to applicants are switched off");
        };
        let live = || self.calls().filter(|call| !call.is_over());
        if live().any(|call| call.contact().caller == wanted.applicant) {
            return conflict("the applicant is talking with the city at this moment");
        }
        let same = |call: &Call| {
            call.masked_call().is_some_and(|other| other.by == wanted.by || other.executor == wanted.executor)
        };
        if live().any(same) {
            return conflict("you are being connected already");
        }
        if self.intake.refusal().is_some() || self.citizens_calls() >= self.settings.capacity {
            return Err(CommandError::Full);
        }
        let keeping = self.keeping().map_err(|_| CommandError::Full)?;
        let to_applicant =
            self.way_to(&wanted.applicant, "no line takes calls to the applicant's number", now)?;
        let to_executor = self.way_to(&wanted.executor, "no line takes calls to your number", now)?;
        let new = NewMasked {
            wanted,
            to_applicant,
            to_executor,
            city: PhoneNumber::from_user_part(&self.settings.short_number),
            keeping,
            plan: self.settings.plan.clone(),
            ring_for,
        };
        let call = with_turn!(self, now, |turn| Call::masked(new, turn));
        self.recordings.extend(call.recording().map(|recording| (recording, call.id())));
        self.waiting_for.extend(call.awaited_ticket().map(|ticket| (ticket, call.id())));
        self.keep(Box::new(call));
        Ok(())
    }

    fn way_to(&mut self, number: &PhoneNumber, not_taken: &str, now: Now) -> Result<WayOut, CommandError> {
        let mut dial_out = DialOut::new(number.clone());
        match self.route_out(&mut dial_out, now) {
            Ok(route) => Ok(WayOut { dial_out, route }),
            Err(NoRoute::NotTaken) => Err(CommandError::Conflict(not_taken.to_owned())),
            Err(NoRoute::NoTrunk | NoRoute::Full | NoRoute::AllTried) => Err(CommandError::Full),
        }
    }
}
