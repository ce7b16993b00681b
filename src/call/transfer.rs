//! Blind transfer: a talk moves to a colleague, a queue or a number outside while the recording goes on. RFC 3515, 5589;
//! we are the transferee.
//!
//! The citizen has at most one operator at any moment and is never lost: a target that does not answer gives the talk
//! back to the transferor or, when that one has left, to the queue. Who may refer whom where is judged in
//! `switchboard/transfer.rs`; what the transferor is told is in `referral.rs`; phones that are there already take over
//! in `takeover.rs`.

use std::time::Duration;

use serde_json::json;

use crate::acd::{Enqueued, OperatorError, QueueEntry};
use crate::call::duty::Sought;
use crate::call::leg::{LegEnd, LegEvent};
use crate::call::party::Who;
use crate::call::referral::Referral;
use crate::call::refusal::Refusal;
use crate::call::talking::operator_actor;
use crate::call::turn::Turn;
use crate::call::{Call, LONGEST_RINGING, OfferTarget, Party, Phase, Timer, WayOut};
use crate::callback::Outcome;
use crate::dialplan::NodeKind;
use crate::ids::{LegId, UserId};
use crate::journal::EventType;
use crate::language::Language;
use crate::media;
use crate::sip::message::{Request, StatusCode};
use crate::sip::refer::Refer;
use crate::sip::transaction::ServerTransactionId;

/// A phone outside rings this long, the search for a way included: a mobile is found in ten seconds, then it rings as
/// long as a colleague's.
pub(super) const LONGEST_RINGING_OUTSIDE: Duration = Duration::from_secs(45);

/// Where a transfer goes.
#[derive(Debug)]
pub enum Destination {
    Phone(Box<OfferTarget>),
    Queue(String),
    Outside(Box<WayOut>),
    /// Nobody can be rung; what the transferor hears.
    Nowhere(StatusCode),
}

/// A talk on its way from one leg to another.
#[derive(Debug)]
pub(super) enum Transfer {
    /// The target's phone rings, the citizen hears music. The transferor is still there as the call's operator, or
    /// has hung up.
    Ringing { target: Party, by: UserId, referral: Option<Referral> },
    /// Another phone of the same operator opens its media; both talk on over the old one.
    Replacing { successor: Party },
}

impl Transfer {
    /// Who does not talk yet.
    pub(super) fn next(&self) -> &Party {
        match self {
            Self::Ringing { target: next, .. } | Self::Replacing { successor: next } => next,
        }
    }

    pub(super) fn next_mut(&mut self) -> &mut Party {
        match self {
            Self::Ringing { target: next, .. } | Self::Replacing { successor: next } => next,
        }
    }
}

/// What is asked for.
impl Call {
    /// Whether the phone of `leg` may transfer now; takes the CSeq of its request.
    pub fn may_refer(&mut self, leg: LegId, request: &Request) -> Result<(), Refusal> {
        self.leg_mut(leg).ok_or(Refusal::NoSuchDialog)?.receive(request)?;
        match &self.phase {
            Phase::Transferring { .. } => Err(Refusal::RequestPending),
            Phase::Talking if self.operator_at(leg).is_some() => Ok(()),
            _ => Err(Refusal::Declined),
        }
    }

    /// REFER to somebody or a queue: accepted first, carried out then (RFC 3515 2.4.2).
    pub fn refer_blind(
        &mut self,
        leg: LegId,
        transaction: ServerTransactionId,
        request: &Request,
        refer: &Refer,
        destination: Destination,
        turn: &mut Turn<'_>,
    ) {
        if self.is_consultation() {
            turn.refuse(transaction, request, Refusal::Declined);
            return;
        }
        let referral = self.accept_refer(leg, transaction, request, refer, turn);
        // The outcome is told by NOTIFY.
        self.transfer(destination, referral, refer.referred_by.as_deref(), turn).ok();
    }

    /// Asked for from a desk; there is nobody to notify.
    pub fn transfer_by_command(
        &mut self,
        destination: Destination,
        turn: &mut Turn<'_>,
    ) -> Result<(), StatusCode> {
        self.transfer(destination, None, None, turn)
    }

    fn transfer(
        &mut self,
        destination: Destination,
        mut referral: Option<Referral>,
        referred_by: Option<&str>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StatusCode> {
        let outcome = match destination {
            Destination::Nowhere(status) => Err(status),
            Destination::Queue(queue) => self.transfer_to_queue(queue, &mut referral, turn),
            Destination::Phone(mut target) => {
                target.referred_by = referred_by.map(str::to_owned);
                self.ring_colleagues_phone(*target, &mut referral, turn)
            }
            Destination::Outside(way) => self.ring_outside(*way, &mut referral, turn),
        };
        if let (Err(status), Some(referral)) = (outcome, &mut referral) {
            self.notify(referral, status, turn);
        }
        outcome
    }

    fn transfer_to_queue(
        &mut self,
        queue: String,
        referral: &mut Option<Referral>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StatusCode> {
        let (Phase::Talking, Some(from)) = (&self.phase, self.operator()) else {
            return Err(StatusCode::DECLINE);
        };
        let language = self.contact.language.unwrap_or(Language::Uk);
        let urgent = self.is_urgent(&queue);
        let entry = QueueEntry { contact: self.contact.id, queue: queue.clone(), language, urgent };
        match turn.acd.enqueue(entry, turn.now.mono) {
            Enqueued::Waiting => {}
            Enqueued::Full => return Err(StatusCode::BUSY_HERE),
            Enqueued::Unknown => return Err(StatusCode::NOT_FOUND),
        }
        if let Some(referral) = referral {
            self.notify(referral, StatusCode::OK, turn);
        }
        self.release_party(turn);
        self.forget_hold();
        self.contact.queue = Some(queue.clone());
        self.enter(Phase::Waiting { announcing: false, walk: None }, turn);
        let transferred = self
            .draft(EventType::ContactTransferred, operator_actor(from), turn)
            .with(json!({ "kind": "blind", "from": from, "queue": queue }));
        let queued = self
            .draft(EventType::ContactQueued, operator_actor(from), turn)
            .with(json!({ "queue": queue, "language": language, "urgent": urgent }));
        self.commit(None, false, vec![transferred.draft, queued.draft], turn);
        self.play_music(turn);
        Ok(())
    }

    /// The dialplan sends its life-safety callers to this queue.
    fn is_urgent(&self, queue: &str) -> bool {
        self.plan
            .nodes()
            .any(|node| matches!(&node.kind, NodeKind::Queue(to) if to.urgent && to.queue == queue))
    }

    fn ring_colleagues_phone(
        &mut self,
        target: OfferTarget,
        referral: &mut Option<Referral>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StatusCode> {
        let by = self.transferor()?;
        turn.acd.call_by_name(self.contact.id, target.user, turn.now.mono).map_err(|error| match error {
            OperatorError::Unknown => StatusCode::NOT_FOUND,
            OperatorError::NotRegistered => StatusCode::TEMPORARILY_UNAVAILABLE,
            OperatorError::Busy => StatusCode::BUSY_HERE,
        })?;
        let target = self.call_phone(target, turn);
        self.let_ring(Transfer::Ringing { target, by, referral: referral.take() }, LONGEST_RINGING, turn);
        Ok(())
    }

    fn ring_outside(
        &mut self,
        way: WayOut,
        referral: &mut Option<Referral>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StatusCode> {
        let by = self.transferor()?;
        let target = self.call_outside(way, turn);
        let transfer = Transfer::Ringing { target, by, referral: referral.take() };
        self.let_ring(transfer, LONGEST_RINGING_OUTSIDE, turn);
        Ok(())
    }

    fn transferor(&self) -> Result<UserId, StatusCode> {
        self.operator().filter(|_| self.is_talking()).ok_or(StatusCode::DECLINE)
    }

    /// The citizen hears music until somebody answers.
    fn let_ring(&mut self, transfer: Transfer, longest: Duration, turn: &mut Turn<'_>) {
        if !self.party.as_ref().is_some_and(|transferor| transferor.leg.is_held()) {
            turn.media(media::Command::Unbridge { leg: self.citizen.id });
            self.play_music(turn);
        }
        self.timers.set(Timer::Ring, turn.now.mono + longest);
        tracing::info!(call.id = %self.contact.id, to = transfer.next().side(), "transfer rings");
        self.enter(Phase::Transferring { transfer: Box::new(transfer) }, turn);
    }
}

/// What becomes of the target.
impl Call {
    /// The target picked up: the transferor is told and let go, the citizen goes on with the target.
    fn target_answered(&mut self, turn: &mut Turn<'_>) {
        let Some(Transfer::Ringing { target, by, referral }) = self.take_transfer() else { return };
        self.timers.stop(Timer::Ring);
        if let Some(mut referral) = referral {
            self.notify(&mut referral, StatusCode::OK, turn);
        }
        let contact = self.contact.id;
        if self.party.is_some() {
            self.release_party(turn);
            turn.acd.call_ended(contact, by, turn.now.mono);
        }
        if let Some(to) = target.operator() {
            turn.acd.call_by_name_answered(contact, to, self.contact.queue.as_deref(), turn.now.mono);
        }
        tracing::info!(call.id = %contact, to = target.side(), "transfer answered");
        let data = target.as_target(by);
        self.talk_with(target, turn);
        let note = self.draft(EventType::ContactTransferred, operator_actor(by), turn).with(data);
        self.commit(None, false, vec![note.draft], turn);
    }

    /// The leg of the target is over. There may be another phone, or another way to the same one.
    fn handle_target_ended(&mut self, end: LegEnd, turn: &mut Turn<'_>) {
        let Phase::Transferring { transfer } = &mut self.phase else { return };
        let target = transfer.next_mut();
        if target.seeks_way_out(end) {
            // The switchboard finds one that the ended leg waits for: `sought`.
            return;
        }
        match target.next_phone(end) {
            Some(next) => {
                let next = self.call_phone(next, turn);
                self.replace_target(next);
            }
            None => self.transfer_failed(failure_status(end), turn),
        }
    }

    /// The number outside for which the last way has failed and another one is needed, or who is on duty.
    pub fn sought(&self) -> Option<Sought> {
        let Phase::Transferring { transfer } = &self.phase else {
            return self.duty_sought().or_else(|| self.asked_sought());
        };
        match &transfer.next() {
            Party { leg, who: Who::Outside { dial_out, .. } } if leg.is_ended() => {
                Some(Sought::WayOut(dial_out.clone()))
            }
            _ => None,
        }
    }

    /// The answer to [`Sought::WayOut`].
    pub fn handle_way_out(&mut self, way: Option<WayOut>, turn: &mut Turn<'_>) {
        if matches!(self.phase, Phase::Duty { .. }) {
            self.handle_way_to_duty(way, turn);
            return;
        }
        if matches!(self.phase, Phase::Calling) {
            self.handle_way_to_asked(way, turn);
            return;
        }
        match way {
            Some(way) => {
                let next = self.call_outside(way, turn);
                self.replace_target(next);
            }
            None => self.transfer_failed(StatusCode::SERVICE_UNAVAILABLE, turn),
        }
    }

    /// Another leg to the same target; what the old one still has to do it does by itself.
    pub(super) fn replace_target(&mut self, next: Party) {
        if let Phase::Transferring { transfer } = &mut self.phase {
            let old = std::mem::replace(transfer.next_mut(), next);
            self.retire(old.leg);
        }
    }

    /// The target will not pick up. Who transferred talks on; without them the citizen waits for somebody else.
    fn transfer_failed(&mut self, status: StatusCode, turn: &mut Turn<'_>) {
        let Some(Transfer::Ringing { target, referral, .. }) = self.take_transfer() else { return };
        self.give_up_target(target, referral, status, turn);
        if self.party.is_some() {
            self.enter(Phase::Talking, turn);
            self.join(turn);
        } else {
            self.wait_again("transfer_failed", turn);
        }
    }

    pub(super) fn handle_ring_timeout(&mut self, turn: &mut Turn<'_>) {
        match &self.phase {
            Phase::Transferring { .. } => self.transfer_failed(StatusCode::TEMPORARILY_UNAVAILABLE, turn),
            Phase::Calling => self.colleague_failed(Refusal::Unavailable, turn),
            Phase::Duty { .. } => self.ring_next_on_duty(turn),
            Phase::CallingBack => self.give_up_call_back(Outcome::NoAnswer, turn),
            Phase::Masking { .. } => self.handle_masking_timeout(turn),
            _ => {}
        }
    }

    /// The transferor's leg has ended: hung up after a blind transfer, or lost. The target rings on.
    pub(super) fn handle_transferor_left(&mut self, turn: &mut Turn<'_>) {
        let Phase::Transferring { transfer } = &self.phase else { return };
        match transfer.as_ref() {
            Transfer::Ringing { by, .. } => {
                let by = *by;
                self.retire_party(turn);
                turn.acd.call_ended(self.contact.id, by, turn.now.mono);
                self.forget_hold();
            }
            Transfer::Replacing { .. } => self.succeed(turn),
        }
    }

    /// The call ends meanwhile: nobody needs the other leg any more.
    pub(super) fn abandon_transfer(&mut self, turn: &mut Turn<'_>) {
        match self.take_transfer() {
            Some(Transfer::Ringing { target, referral, .. }) => {
                self.give_up_target(target, referral, StatusCode::REQUEST_TERMINATED, turn);
            }
            Some(Transfer::Replacing { mut successor }) => {
                successor.leg.hang_up(turn);
                self.retire(successor.leg);
            }
            None => {}
        }
    }

    fn give_up_target(
        &mut self,
        mut target: Party,
        referral: Option<Referral>,
        status: StatusCode,
        turn: &mut Turn<'_>,
    ) {
        self.timers.stop(Timer::Ring);
        let side = target.side();
        tracing::info!(call.id = %self.contact.id, to = side, status = status.0, "transfer failed");
        let called = target.operator();
        target.leg.hang_up(turn);
        self.retire(target.leg);
        if let Some(user) = called {
            turn.acd.call_by_name_failed(self.contact.id, user, turn.now.mono);
        }
        if let Some(mut referral) = referral {
            self.notify(&mut referral, status, turn);
        }
    }

    /// What happens on the leg of who does not talk yet.
    pub(super) fn handle_transfer_event(&mut self, event: LegEvent, turn: &mut Turn<'_>) {
        let Phase::Transferring { transfer } = &mut self.phase else { return };
        let ringing = matches!(transfer.as_ref(), Transfer::Ringing { .. });
        match event {
            LegEvent::Prepared => match transfer.next_mut().leg.answer_or_refuse(turn) {
                Some(ended) => self.handle_transfer_event(ended, turn),
                None if ringing => {}
                None => self.succeed(turn),
            },
            LegEvent::Ringing if ringing => self.tell_transferor(StatusCode::RINGING, turn),
            LegEvent::Established if ringing => self.target_answered(turn),
            LegEvent::Ended(end) if ringing => self.handle_target_ended(end, turn),
            LegEvent::Ended(_) => {
                self.take_transfer();
            }
            _ => {}
        }
    }
}

/// Steps that several kinds share.
impl Call {
    /// Leaves the transfer; who talks goes on talking until somebody says otherwise.
    pub(super) fn take_transfer(&mut self) -> Option<Transfer> {
        match std::mem::replace(&mut self.phase, Phase::Talking) {
            Phase::Transferring { transfer } => Some(*transfer),
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// The city's last operator stays on the contact while the citizen talks with somebody outside.
    pub(super) fn talk_with(&mut self, party: Party, turn: &mut Turn<'_>) {
        self.contact.operator = party.operator().or(self.contact.operator);
        self.party = Some(party);
        self.enter(Phase::Talking, turn);
        self.join(turn);
    }

    /// The colleague who is rung for a transfer.
    pub fn transfer_target(&self) -> Option<UserId> {
        match &self.phase {
            Phase::Transferring { transfer } => match transfer.as_ref() {
                Transfer::Ringing { target, .. } => target.operator(),
                Transfer::Replacing { .. } => None,
            },
            _ => None,
        }
    }
}

/// What the transferor is told of a leg that ended before it was answered.
fn failure_status(end: LegEnd) -> StatusCode {
    match end {
        LegEnd::Refused(status) => status,
        LegEnd::MediaFailed => StatusCode::NOT_ACCEPTABLE_HERE,
        _ => StatusCode::TEMPORARILY_UNAVAILABLE,
    }
}
