//! A talk moves to another phone while the recording goes on: blind to a colleague or a queue, attended from a
//! consultation, or from one phone of an operator to another. RFC 3515, 3891, 5589; we are the transferee.
//!
//! The citizen has at most one operator at any moment and is never lost: a target that does not answer gives the talk
//! back to the transferor or, when that one has left, to the queue. Who may refer whom where is judged in
//! `switchboard/transfer.rs`; what the transferor is told is in `referral.rs`.

use serde_json::json;

use crate::acd::{Enqueued, OperatorError, QueueEntry};
use crate::call::leg::{Leg, LegEnd, LegEvent};
use crate::call::referral::Referral;
use crate::call::refusal::Refusal;
use crate::call::talking::operator_actor;
use crate::call::turn::Turn;
use crate::call::{Call, LONGEST_RINGING, OfferTarget, OperatorLeg, Phase, Timer};
use crate::dialplan::NodeKind;
use crate::ids::{ContactId, LegId, UserId};
use crate::journal::EventType;
use crate::language::Language;
use crate::media;
use crate::sip::message::{Flow, Request, StatusCode};
use crate::sip::refer::Refer;
use crate::sip::transaction::ServerTransactionId;
use crate::termination::Termination;

/// Where a transfer goes.
#[derive(Clone, Debug)]
pub enum Destination {
    Phone(Box<OfferTarget>),
    Queue(String),
    /// Nobody can be rung; what the transferor hears.
    Nowhere(StatusCode),
}

/// A talk on its way from one leg to another.
#[derive(Debug)]
pub(super) enum Transfer {
    /// The target's phone rings, the citizen hears music. The transferor is still there as the call's operator, or
    /// has hung up.
    Ringing { target: OperatorLeg, by: UserId, referral: Option<Referral> },
    /// Another phone of the same operator opens its media; both talk on over the old one.
    Replacing { successor: OperatorLeg },
}

impl Transfer {
    /// The leg that is not yet the operator's.
    pub(super) fn leg(&self) -> &Leg {
        match self {
            Self::Ringing { target: next, .. } | Self::Replacing { successor: next } => &next.leg,
        }
    }

    pub(super) fn leg_mut(&mut self) -> &mut Leg {
        match self {
            Self::Ringing { target: next, .. } | Self::Replacing { successor: next } => &mut next.leg,
        }
    }
}

/// Requests of phones.
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

    /// REFER to a person or a queue: accepted first, carried out then (RFC 3515 2.4.2).
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

    /// REFER that names a consultation: accepted, and its outcome told in the same turn, because it is known.
    pub fn refer_attended(
        &mut self,
        leg: LegId,
        transaction: ServerTransactionId,
        request: &Request,
        refer: &Refer,
        outcome: StatusCode,
        turn: &mut Turn<'_>,
    ) {
        if let Some(mut referral) = self.accept_refer(leg, transaction, request, refer, turn) {
            self.notify(&mut referral, outcome, turn);
        }
    }

    /// INVITE with Replaces from another phone of the operator who talks (RFC 3891 3).
    pub fn replace(
        &mut self,
        transaction: ServerTransactionId,
        invite: Request,
        flow: Flow,
        turn: &mut Turn<'_>,
    ) -> Result<(), (Refusal, Box<Request>)> {
        let user = match (&self.phase, self.operator()) {
            (Phase::Talking, Some(user)) => user,
            (Phase::Transferring { .. }, _) => return Err((Refusal::RequestPending, Box::new(invite))),
            _ => return Err((Refusal::Declined, Box::new(invite))),
        };
        let leg = Leg::incoming(transaction, invite, flow, turn)?;
        self.legs.push(leg.id);
        self.phase = Phase::Transferring {
            transfer: Box::new(Transfer::Replacing {
                successor: OperatorLeg { leg, user, next_phones: None },
            }),
        };
        Ok(())
    }
}

/// Blind transfer.
impl Call {
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
            Destination::Phone(target) => self.ring_target(*target, &mut referral, referred_by, turn),
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
        self.release_operator(turn);
        self.forget_hold();
        self.contact.queue = Some(queue.clone());
        self.enter(Phase::Waiting { announcing: false }, turn);
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

    fn ring_target(
        &mut self,
        target: OfferTarget,
        referral: &mut Option<Referral>,
        referred_by: Option<&str>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StatusCode> {
        let (Phase::Talking, Some(by)) = (&self.phase, &self.operator) else {
            return Err(StatusCode::DECLINE);
        };
        let (by, on_hold) = (by.user, by.leg.is_held());
        turn.acd.call_by_name(self.contact.id, target.user, turn.now.mono).map_err(|error| match error {
            OperatorError::Unknown => StatusCode::NOT_FOUND,
            OperatorError::NotRegistered => StatusCode::TEMPORARILY_UNAVAILABLE,
            OperatorError::Busy => StatusCode::BUSY_HERE,
        })?;
        let more = referred_by.map(|value| ("Referred-By", value.to_owned()));
        let target = self.call_phone(target, more, turn);
        if !on_hold {
            turn.media(media::Command::Unbridge { leg: self.citizen.id });
            self.play_music(turn);
        }
        self.timers.set(Timer::Ring, turn.now.mono + LONGEST_RINGING);
        tracing::info!(call.id = %self.contact.id, operator.id = %by, "transfer rings");
        let transfer = Transfer::Ringing { target, by, referral: referral.take() };
        self.enter(Phase::Transferring { transfer: Box::new(transfer) }, turn);
        Ok(())
    }

    /// The target picked up: the transferor is told and let go, the citizen goes on with the target.
    fn target_answered(&mut self, turn: &mut Turn<'_>) {
        let Some(Transfer::Ringing { target, by, referral }) = self.take_transfer() else { return };
        self.timers.stop(Timer::Ring);
        if let Some(mut referral) = referral {
            self.notify(&mut referral, StatusCode::OK, turn);
        }
        let (contact, to) = (self.contact.id, target.user);
        if self.operator.is_some() {
            self.release_operator(turn);
            turn.acd.call_ended(contact, by, turn.now.mono);
        }
        turn.acd.call_by_name_answered(contact, to, self.contact.queue.as_deref(), turn.now.mono);
        self.talk_with(target, turn);
        let note = self
            .draft(EventType::ContactTransferred, operator_actor(by), turn)
            .with(json!({ "kind": "blind", "from": by, "to": to }));
        self.commit(None, false, vec![note.draft], turn);
        tracing::info!(call.id = %contact, operator.id = %to, "transfer answered");
    }

    /// The target will not pick up. Who transferred talks on; without them the citizen waits for somebody else.
    fn transfer_failed(&mut self, status: StatusCode, turn: &mut Turn<'_>) {
        let Some(Transfer::Ringing { target, referral, .. }) = self.take_transfer() else { return };
        self.give_up_target(target, referral, status, turn);
        if self.operator.is_some() {
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
            _ => {}
        }
    }

    /// The transferor's leg has ended: hung up after a blind transfer, or lost. The target rings on.
    pub(super) fn handle_transferor_left(&mut self, turn: &mut Turn<'_>) {
        let Phase::Transferring { transfer } = &self.phase else { return };
        match transfer.as_ref() {
            Transfer::Ringing { by, .. } => {
                let by = *by;
                self.retire_operator(turn);
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
        mut target: OperatorLeg,
        referral: Option<Referral>,
        status: StatusCode,
        turn: &mut Turn<'_>,
    ) {
        self.timers.stop(Timer::Ring);
        tracing::info!(call.id = %self.contact.id, operator.id = %target.user, status = status.0, "transfer failed");
        target.leg.hang_up(turn);
        self.retire(target.leg);
        turn.acd.call_by_name_failed(self.contact.id, target.user, turn.now.mono);
        if let Some(mut referral) = referral {
            self.notify(&mut referral, status, turn);
        }
    }

    /// What happens on the leg that is not yet the operator's.
    pub(super) fn handle_transfer_event(&mut self, event: LegEvent, turn: &mut Turn<'_>) {
        let Phase::Transferring { transfer } = &self.phase else { return };
        let ringing = matches!(transfer.as_ref(), Transfer::Ringing { .. });
        match event {
            LegEvent::Ringing if ringing => self.tell_transferor(StatusCode::RINGING, turn),
            LegEvent::Established if ringing => self.target_answered(turn),
            LegEvent::Ended(end) if ringing => self.transfer_failed(failure_status(end), turn),
            LegEvent::Prepared if !ringing => self.answer_successor(turn),
            LegEvent::Ended(_) => {
                self.take_transfer();
            }
            _ => {}
        }
    }

    fn tell_transferor(&mut self, status: StatusCode, turn: &mut Turn<'_>) {
        if let Some(mut referral) = self.take_referral() {
            self.notify(&mut referral, status, turn);
            self.put_referral(referral);
        }
    }

    pub(super) fn take_referral(&mut self) -> Option<Referral> {
        match &mut self.phase {
            Phase::Transferring { transfer } => match transfer.as_mut() {
                Transfer::Ringing { referral, .. } => referral.take(),
                Transfer::Replacing { .. } => None,
            },
            _ => None,
        }
    }

    pub(super) fn put_referral(&mut self, back: Referral) {
        if let Phase::Transferring { transfer } = &mut self.phase
            && let Transfer::Ringing { referral, .. } = transfer.as_mut()
        {
            *referral = Some(back);
        }
    }

    /// The transferor's dialog changed, and may end with this request: NOTIFY goes on from there.
    pub(super) fn keep_referral_current(&mut self, leg: LegId) {
        if let Some(mut referral) = self.take_referral() {
            if let Some(leg) = self.leg_mut(leg) {
                referral.follow(leg);
            }
            self.put_referral(referral);
        }
    }
}

/// Attended transfer: two calls of one operator become one.
impl Call {
    /// Gives the colleague of a consultation to the call of `to`; the consultation is over.
    pub fn hand_over(&mut self, to: ContactId, turn: &mut Turn<'_>) -> Option<OperatorLeg> {
        if !self.is_consultation() || !matches!(self.phase, Phase::Talking) {
            return None;
        }
        let colleague = self.operator.take()?;
        self.legs.retain(|leg| *leg != colleague.leg.id);
        turn.media(media::Command::Unbridge { leg: self.citizen.id });
        tracing::info!(call.id = %self.contact.id, into = %to, "consultation becomes a transfer");
        self.end(Termination::Transferred, turn);
        Some(colleague)
    }

    /// The citizen goes on with the colleague who was asked.
    pub fn take_over(&mut self, colleague: OperatorLeg, consultation: ContactId, turn: &mut Turn<'_>) {
        let (contact, to) = (self.contact.id, colleague.user);
        let Some(from) = self.operator() else { return };
        self.release_operator(turn);
        turn.acd.call_ended(contact, from, turn.now.mono);
        turn.acd.talk_moved(consultation, contact, to, self.contact.queue.as_deref(), turn.now.mono);
        self.legs.push(colleague.leg.id);
        self.talk_with(colleague, turn);
        let note = self
            .draft(EventType::ContactTransferred, operator_actor(from), turn)
            .with(json!({ "kind": "attended", "from": from, "to": to, "consultation": consultation }));
        self.commit(None, false, vec![note.draft], turn);
        tracing::info!(call.id = %contact, operator.id = %to, "attended transfer");
    }
}

/// One operator, another phone.
impl Call {
    /// The new phone's media is open: answer it, then let the old one go (RFC 3891 3).
    fn answer_successor(&mut self, turn: &mut Turn<'_>) {
        let Phase::Transferring { transfer } = &mut self.phase else { return };
        let leg = transfer.leg_mut();
        match leg.answer(turn) {
            Ok(()) => self.succeed(turn),
            Err(refusal) => {
                leg.refuse(refusal, turn);
                self.take_transfer();
            }
        }
    }

    fn succeed(&mut self, turn: &mut Turn<'_>) {
        let Some(Transfer::Replacing { successor }) = self.take_transfer() else { return };
        let user = successor.user;
        self.release_operator(turn);
        self.operator = Some(successor);
        self.join(turn);
        let note = self
            .draft(EventType::ContactTransferred, operator_actor(user), turn)
            .with(json!({ "kind": "phone", "from": user, "to": user }));
        self.commit(None, false, vec![note.draft], turn);
    }
}

/// Steps that several kinds share.
impl Call {
    /// Leaves the transfer; who is the operator goes on talking until somebody says otherwise.
    fn take_transfer(&mut self) -> Option<Transfer> {
        match std::mem::replace(&mut self.phase, Phase::Talking) {
            Phase::Transferring { transfer } => Some(*transfer),
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// BYE to the operator who is done; what they are in the distributor is for the caller to say.
    fn release_operator(&mut self, turn: &mut Turn<'_>) {
        if let Some(operator) = &mut self.operator {
            operator.leg.hang_up(turn);
        }
        self.retire_operator(turn);
    }

    fn talk_with(&mut self, operator: OperatorLeg, turn: &mut Turn<'_>) {
        self.contact.operator = Some(operator.user);
        self.operator = Some(operator);
        self.enter(Phase::Talking, turn);
        self.join(turn);
    }

    /// Who is rung for a transfer.
    pub fn transfer_target(&self) -> Option<UserId> {
        match &self.phase {
            Phase::Transferring { transfer } => match transfer.as_ref() {
                Transfer::Ringing { target, .. } => Some(target.user),
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
