//! One operator calls another, or somebody outside over a trunk: to ask, often with a citizen on hold, before a transfer.
//! A contact of its own, recorded like every call (docs/decisions/0004), whose first leg is the asking operator's and
//! whose second that of who is asked. Who may ask whom is `switchboard/internal.rs`'s; what becomes of a consultation
//! that ends in a transfer is in `takeover.rs`.

use serde_json::json;

use crate::acd::OperatorError;
use crate::call::callback::Attempt;
use crate::call::duty::Sought;
use crate::call::leg::{LegEnd, LegEvent};
use crate::call::masked::Masked;
use crate::call::party::{Party, WayOut, Who};
use crate::call::refusal::Refusal;
use crate::call::transfer::LONGEST_RINGING_OUTSIDE;
use crate::call::turn::Turn;
use crate::call::verification::Asking;
use crate::call::{Call, LONGEST_RINGING, OfferTarget, Phase, Timer};
use crate::ids::{LegId, UserId};
use crate::journal::EventType;
use crate::switchboard::trunks::DialOut;
use crate::termination::Termination;

/// What a call is for.
#[derive(Debug)]
pub enum Purpose {
    /// A citizen calls the city.
    Service,
    /// An operator calls a colleague, or somebody outside.
    Consultation { by: UserId, asked: Asked },
    /// The city calls a citizen.
    CallBack(Attempt),
    /// The city asks an applicant whether the work is done.
    Verification(Asking),
    /// An executor calls an applicant through the city.
    Masked(Box<Masked>),
}

/// Whom an operator asks.
#[derive(Debug)]
pub enum Asked {
    Colleague(Box<OfferTarget>),
    /// A number outside; the first way there is sought like every further one: [`Call::sought`].
    Outside(DialOut),
}

impl Call {
    pub fn is_consultation(&self) -> bool {
        matches!(self.purpose, Purpose::Consultation { .. })
    }

    /// The operator who asks somebody.
    pub fn placed_by(&self) -> Option<UserId> {
        match &self.purpose {
            Purpose::Consultation { by, .. } => Some(*by),
            Purpose::Service | Purpose::CallBack(_) | Purpose::Verification(_) | Purpose::Masked(_) => None,
        }
    }

    /// The operator whose phone is at the other end of `leg`, talking or ringing.
    pub fn operator_at(&self, leg: LegId) -> Option<UserId> {
        if self.citizen.id == leg {
            self.placed_by()
        } else {
            self.parties().find(|party| party.leg.id == leg).and_then(Party::operator)
        }
    }

    /// Both talk and no transfer is under way.
    pub fn is_talking(&self) -> bool {
        matches!(self.phase, Phase::Talking)
    }

    /// Contact and file are there: now the phone of who is asked rings.
    pub(super) fn ring_asked(&mut self, turn: &mut Turn<'_>) {
        let Purpose::Consultation { asked, .. } = &self.purpose else { return };
        let longest = match asked {
            Asked::Colleague(colleague) => {
                let colleague = colleague.as_ref().clone();
                if let Err(error) = turn.acd.call_by_name(self.contact.id, colleague.user, turn.now.mono) {
                    self.give_up_calling(Refusal::from(&error), turn);
                    return;
                }
                self.party = Some(self.call_phone(colleague, turn));
                LONGEST_RINGING
            }
            Asked::Outside(_) => LONGEST_RINGING_OUTSIDE,
        };
        self.timers.set(Timer::Ring, turn.now.mono + longest);
        self.enter(Phase::Calling, turn);
    }

    /// The number outside that needs a way, the first one or the next.
    pub(super) fn asked_sought(&self) -> Option<Sought> {
        let (Phase::Calling, Purpose::Consultation { asked: Asked::Outside(wanted), .. }) =
            (&self.phase, &self.purpose)
        else {
            return None;
        };
        match &self.party {
            None => Some(Sought::WayOut(wanted.clone())),
            Some(Party { leg, who: Who::Outside { dial_out, .. } }) if leg.is_ended() => {
                Some(Sought::WayOut(dial_out.clone()))
            }
            Some(_) => None,
        }
    }

    /// The answer to [`Sought::WayOut`].
    pub(super) fn handle_way_to_asked(&mut self, way: Option<WayOut>, turn: &mut Turn<'_>) {
        let Some(way) = way else {
            self.colleague_failed(Refusal::NoLineOut, turn);
            return;
        };
        let next = self.call_outside(way, turn);
        if let Some(old) = self.party.replace(next) {
            self.retire(old.leg);
        }
    }

    pub(super) fn handle_colleague_event(&mut self, event: LegEvent, turn: &mut Turn<'_>) {
        match event {
            LegEvent::Established => self.colleague_answered(turn),
            LegEvent::Ended(end) if self.ring_next_phone(end, turn) => {}
            LegEvent::Ended(end) if self.party.as_ref().is_some_and(|asked| asked.seeks_way_out(end)) => {
                // The switchboard finds one that the ended leg waits for.
            }
            LegEvent::Ended(end) => self.colleague_failed(refusal_of(end), turn),
            // The caller has heard 180 already.
            LegEvent::Prepared
            | LegEvent::Ringing
            | LegEvent::EarlyMedia
            | LegEvent::Acknowledged
            | LegEvent::Held
            | LegEvent::Resumed
            | LegEvent::Digit(_) => {}
        }
    }

    /// The recording begins with the first word, as it does for a citizen.
    fn colleague_answered(&mut self, turn: &mut Turn<'_>) {
        let Some(asked) = &self.party else { return };
        let (colleague, answers) = (asked.operator(), asked.actor());
        self.timers.stop(Timer::Ring);
        if let Err(refusal) = self.citizen.answer(turn) {
            self.colleague_failed(refusal, turn);
            return;
        }
        if let Some(user) = colleague {
            turn.acd.call_by_name_answered(self.contact.id, user, None, turn.now.mono);
        }
        let mut entries = self.answered(turn);
        // With somebody outside only the one who asks is of the city.
        self.contact.operator = colleague.or(self.placed_by());
        self.contact.connected_at = Some(turn.now.utc);
        self.enter(Phase::Talking, turn);
        let connected = self.draft(EventType::ContactConnected, answers, turn);
        entries.push(connected.with(json!({ "operator": colleague, "queue": null })).draft);
        self.commit(None, true, entries, turn);
        self.join(turn);
        tracing::info!(call.id = %self.contact.id, "who was asked has answered");
    }

    /// Busy, refused, no answer: passed on to the one who called.
    pub(super) fn colleague_failed(&mut self, refusal: Refusal, turn: &mut Turn<'_>) {
        self.drop_colleague(turn);
        self.give_up_calling(refusal, turn);
    }

    /// Stops the ringing at once.
    pub(super) fn drop_colleague(&mut self, turn: &mut Turn<'_>) {
        let colleague = self.operator();
        self.release_party(turn);
        if let Some(user) = colleague {
            turn.acd.call_by_name_failed(self.contact.id, user, turn.now.mono);
        }
    }

    fn give_up_calling(&mut self, refusal: Refusal, turn: &mut Turn<'_>) {
        self.citizen.refuse(refusal, turn);
        self.close_unanswered(Termination::NotAnswered, refusal.name(), Vec::new(), turn);
    }

    /// The asking operator has no call of their own any more.
    pub(super) fn end_aside(&mut self, turn: &mut Turn<'_>) {
        if let Some(by) = self.placed_by() {
            turn.acd.aside_ended(self.contact.id, by, turn.now.mono);
        }
    }
}

fn refusal_of(end: LegEnd) -> Refusal {
    match end {
        LegEnd::Refused(status) if matches!(status.0, 486 | 600) => Refusal::Busy,
        LegEnd::Refused(status) if status.0 == 603 => Refusal::Declined,
        _ => Refusal::Unavailable,
    }
}

impl From<&OperatorError> for Refusal {
    fn from(error: &OperatorError) -> Self {
        match error {
            OperatorError::Unknown => Self::UnknownNumber,
            OperatorError::NotRegistered => Self::Unavailable,
            OperatorError::Busy => Self::Busy,
        }
    }
}
