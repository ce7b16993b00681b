//! The end of a call: both legs down, the recording sealed, exactly one disposition.
//! How long an operator's wrap-up lasts is `acd/`'s business; how a leg says BYE or CANCEL is `leg/`'s.

use std::time::Duration;

use serde_json::json;

use crate::acd::OperatorStatus;
use crate::call::contact::Disposition;
use crate::call::effect::Effect;
use crate::call::leg::{Leg, LegEnd};
use crate::call::talking::operator_actor;
use crate::call::turn::Turn;
use crate::call::{Call, Phase, Purpose, Timer, WrapUp};
use crate::callback::Outcome;
use crate::ids::{RecordingId, UserId};
use crate::journal::{Draft, EventType};
use crate::media;
use crate::people::Actor;
use crate::termination::Termination;

/// The disk gets this long to complete a file before the record says `failed`.
pub(super) const SEAL_TIMEOUT: Duration = Duration::from_secs(60);
/// The disposition waits this long for the number of a case that was asked for.
const CASE_TIMEOUT: Duration = Duration::from_secs(60);
/// Wrap-up can never keep a contact without disposition for longer than this.
const DISPOSE_TIMEOUT: Duration = Duration::from_secs(30 * 60);

impl Call {
    pub(super) fn handle_citizen_ended(&mut self, end: LegEnd, turn: &mut Turn<'_>) {
        if matches!(self.phase, Phase::Setup { .. } | Phase::Calling) {
            self.drop_colleague(turn);
            self.handle_unanswered(end, turn);
            return;
        }
        self.end(
            match end {
                LegEnd::PeerHungUp => Termination::CallerHungUp,
                LegEnd::PeerCancelled => Termination::CallerCancelled,
                LegEnd::NotAcknowledged => Termination::NotAcknowledged,
                LegEnd::MediaFailed => Termination::TechnicalFailure,
                LegEnd::SessionExpired => Termination::SessionExpired,
                LegEnd::Refused(_) | LegEnd::Unreachable => Termination::SignallingLost,
            },
            turn,
        );
    }

    /// Somebody of the staff ends the call from a desk.
    pub fn end_by(&mut self, by: Actor, turn: &mut Turn<'_>) {
        self.end_with(Termination::OperatorHungUp, by, turn);
    }

    /// Ends the call in order, from whatever phase; safe to call twice.
    pub fn end(&mut self, termination: Termination, turn: &mut Turn<'_>) {
        let by = self.who_ended(termination);
        self.end_with(termination, by, turn);
    }

    fn end_with(&mut self, termination: Termination, by: Actor, turn: &mut Turn<'_>) {
        if matches!(self.phase, Phase::Ended { .. }) {
            return;
        }
        if self.rings_back() {
            self.give_up_call_back(Outcome::Dropped, turn);
            return;
        }
        if matches!(self.phase, Phase::Setup { .. }) {
            self.abandon_setup(super::refusal::Refusal::Stopping, turn);
            return;
        }
        if matches!(self.phase, Phase::Calling) {
            self.colleague_failed(super::refusal::Refusal::Stopping, turn);
            return;
        }
        self.abandon_transfer(turn);
        self.conclude_asking(termination, turn);
        self.timers.clear();
        self.contact.ended_at = Some(turn.now.utc);
        self.contact.termination = Some(termination);
        let ended = self
            .draft(EventType::ContactEnded, by, turn)
            .with(json!({ "termination": termination, "phase": self.phase() }));
        if self.track.as_mut().is_some_and(|track| track.stop(turn)) {
            self.timers.set(Timer::Seal, turn.now.mono + SEAL_TIMEOUT);
        }
        let waiting = matches!(self.phase, Phase::Waiting { .. });
        let writer = self.writer(turn);
        self.citizen.hang_up(turn);
        if let Some(party) = &mut self.party {
            party.leg.hang_up(turn);
        }
        self.release_others(turn);
        self.end_aside(turn);
        let wrap_up = writer.map_or(WrapUp::None, WrapUp::By);
        self.enter(Phase::Ended { wrap_up }, turn);
        self.retire_party(turn);
        if waiting {
            self.contact.callback = (!self.contact.caller.is_withheld()).then(|| self.contact.caller.clone());
            self.wants_call_back = self.contact.callback.is_some();
            turn.acd.leave(self.contact.id, turn.now.mono);
        }
        self.count_end(termination, turn);
        self.commit(None, false, vec![ended.draft], turn);
        tracing::info!(call.id = %self.contact.id, termination = termination.name(), "call ended");
        match writer {
            Some(user) => {
                self.timers.set(Timer::Dispose, turn.now.mono + DISPOSE_TIMEOUT);
                turn.acd.call_ended(self.contact.id, user, turn.now.mono);
            }
            None => self.dispose_by_default(turn),
        }
    }

    /// Who says how the contact ended: the operator who talks, or who has passed the citizen on to the outside and still
    /// writes it up.
    fn writer(&self, turn: &Turn<'_>) -> Option<UserId> {
        let owner = self.owner().filter(|_| matches!(self.phase, Phase::Talking))?;
        // A supervisor who took the talk over has no wrap-up that would ever end.
        turn.acd.status(owner)?;
        let writes_up = OperatorStatus::WrapUp { contact: self.contact.id };
        (self.operator().is_some() || turn.acd.status(owner) == Some(&writes_up)).then_some(owner)
    }

    /// Whose the citizen is: the operator's who talks, or who passed the talk on to the outside.
    fn owner(&self) -> Option<UserId> {
        self.party.as_ref().and_then(|party| party.operator().or(self.contact.operator))
    }

    fn who_ended(&self, termination: Termination) -> Actor {
        match (termination, &self.party) {
            (Termination::CallerHungUp | Termination::CallerCancelled, _) => self.applicant(),
            (Termination::OperatorHungUp | Termination::OutsideHungUp, Some(party)) => party.actor(),
            _ => Actor::system("switchboard"),
        }
    }

    /// What ended citizens' calls.
    pub(super) fn count_end(&self, termination: Termination, turn: &mut Turn<'_>) {
        if matches!(self.purpose, Purpose::Service) {
            *turn.counters.calls_ended.entry(termination.name()).or_default() += 1;
            if let Some(connected_at) = self.contact.connected_at {
                turn.counters.lengths.talk.observe(turn.now.utc.since(connected_at));
            }
        }
    }

    /// The last block is with the disk: complete the file.
    pub fn handle_recording_ended(&mut self, recording: RecordingId, turn: &mut Turn<'_>) {
        if self.unsealed() == Some(recording) {
            turn.effect(Effect::SealRecording { recording });
        }
    }

    /// The operator is done with the contact, or the time for it is.
    pub fn handle_wrap_up_ended(&mut self, operator: UserId, turn: &mut Turn<'_>) {
        if matches!(self.phase, Phase::Ended { wrap_up: WrapUp::By(user) } if user == operator) {
            // From here on only the number of the case is waited for.
            self.phase = Phase::Ended { wrap_up: WrapUp::None };
            self.dispose_by_default(turn);
        }
    }

    /// The operator says how the contact ended for the city.
    pub fn dispose(&mut self, disposition: Disposition, by: UserId, turn: &mut Turn<'_>) {
        self.contact.disposition = Some(disposition);
        let draft = self.disposed_draft(operator_actor(by), turn);
        self.commit(None, false, vec![draft], turn);
    }

    /// Nobody said anything: what the call itself shows, as soon as a case that was asked for has its number.
    pub fn dispose_by_default(&mut self, turn: &mut Turn<'_>) {
        if self.case_asked && self.contact.case.is_none() && self.contact.disposition.is_none() {
            self.timers.set(Timer::Dispose, turn.now.mono + CASE_TIMEOUT);
        } else {
            self.dispose_now(turn);
        }
    }

    pub(super) fn dispose_now(&mut self, turn: &mut Turn<'_>) {
        self.timers.stop(Timer::Dispose);
        if self.contact.disposition.is_none() {
            let shown = match &self.contact.case {
                // Rung about it.
                Some(_)
                    if (self.is_call_back() || self.is_masked()) && self.contact.connected_at.is_some() =>
                {
                    Disposition::CaseLinked
                }
                Some(_) if self.is_executors => Disposition::CaseLinked,
                _ => self.contact.default_disposition(self.informed, self.left_word),
            };
            // The store never gave the number, but a case was asked for and is being tried.
            let disposition = if self.case_asked && shown == Disposition::Consultation {
                Disposition::CaseCreated
            } else {
                shown
            };
            self.contact.disposition = Some(disposition);
            let draft = self.disposed_draft(Actor::system("switchboard"), turn);
            self.commit(None, false, vec![draft], turn);
        }
    }

    pub(super) fn disposed_draft(&self, by: Actor, turn: &mut Turn<'_>) -> Draft {
        self.draft(EventType::ContactDisposed, by, turn)
            .with(json!({
                "disposition": self.contact.disposition,
                "case": self.contact.case,
                "language": self.contact.language,
                "topic": self.contact.topic,
            }))
            .draft
    }

    /// BYE or CANCEL to the other party; what an operator is in the distributor is for the caller to say.
    pub(super) fn release_party(&mut self, turn: &mut Turn<'_>) {
        if let Some(party) = &mut self.party {
            party.leg.hang_up(turn);
        }
        self.retire_party(turn);
    }

    /// Puts the other party's leg aside: it may still have a CANCEL or a crossing 2xx to see through.
    pub(super) fn retire_party(&mut self, turn: &mut Turn<'_>) {
        if let Some(party) = self.party.take() {
            turn.media(media::Command::Unbridge { leg: self.citizen.id });
            self.retire(party.leg);
        }
    }

    pub(super) fn retire(&mut self, leg: Leg) {
        if !leg.is_ended() {
            self.retired.push(leg);
        }
    }

    /// True while `operator` talks with this citizen, or has passed them on to the outside, or writes up the contact.
    pub fn belongs_to(&self, operator: UserId) -> bool {
        match &self.phase {
            Phase::Talking | Phase::Transferring { .. } => self.owner() == Some(operator),
            Phase::Ended { wrap_up: WrapUp::By(user) } => *user == operator,
            _ => false,
        }
    }
}
