//! A phone that is there already takes a talk over: that of who was asked in a consultation (attended transfer), or another
//! phone of the same operator, in a talk or while the first one rings (directed pick-up). RFC 3891, RFC 5589 7.
//!
//! Which dialog a Replaces names, and who may replace it, is judged in `switchboard/transfer.rs`.

use serde_json::json;

use crate::call::leg::Leg;
use crate::call::refusal::Refusal;
use crate::call::talking::operator_actor;
use crate::call::transfer::Transfer;
use crate::call::turn::Turn;
use crate::call::{Call, Party, Phase};
use crate::ids::{ContactId, LegId, UserId};
use crate::journal::EventType;
use crate::media;
use crate::sip::message::{Flow, Request, StatusCode};
use crate::sip::refer::Refer;
use crate::sip::transaction::ServerTransactionId;
use crate::termination::Termination;

/// Attended transfer: two calls of one operator become one.
impl Call {
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

    /// Gives who was asked in a consultation to the call of `to`; the consultation is over.
    pub fn hand_over(&mut self, to: ContactId, turn: &mut Turn<'_>) -> Option<Party> {
        if !self.is_consultation() || !matches!(self.phase, Phase::Talking) {
            return None;
        }
        let colleague = self.party.take()?;
        self.legs.retain(|leg| *leg != colleague.leg.id);
        turn.media(media::Command::Unbridge { leg: self.citizen.id });
        tracing::info!(call.id = %self.contact.id, into = %to, "consultation becomes a transfer");
        self.end(Termination::Transferred, turn);
        Some(colleague)
    }

    /// The citizen goes on with who was asked.
    pub fn take_over(&mut self, asked: Party, consultation: ContactId, turn: &mut Turn<'_>) {
        let contact = self.contact.id;
        let Some(from) = self.operator() else { return };
        let mut data = asked.as_target(from);
        data["consultation"] = json!(consultation);
        self.release_party(turn);
        turn.acd.call_ended(contact, from, turn.now.mono);
        if let Some(to) = asked.operator() {
            data["kind"] = json!("attended");
            turn.acd.talk_moved(consultation, contact, to, self.contact.queue.as_deref(), turn.now.mono);
        }
        self.legs.push(asked.leg.id);
        tracing::info!(call.id = %contact, to = asked.side(), "attended transfer");
        self.talk_with(asked, turn);
        let note = self.draft(EventType::ContactTransferred, operator_actor(from), turn).with(data);
        self.commit(None, false, vec![note.draft], turn);
    }
}

/// One operator, another phone.
impl Call {
    /// Whether another phone of the operator may take the place of the one at `leg` (RFC 3891 3).
    pub fn may_be_replaced(&self, leg: LegId, early_only: bool) -> Result<(), Refusal> {
        if leg == self.citizen.id {
            // The recording hangs on the leg that came in: that one cannot be replaced. Before its answer the dialog
            // is early and not of our making, which counts as none.
            let talks = self.citizen.dialog().is_some();
            return Err(if talks { Refusal::Declined } else { Refusal::NoSuchDialog });
        }
        if self.parties().any(|party| party.leg.id == leg && party.leg.is_ringing()) {
            return Ok(());
        }
        match &self.phase {
            _ if early_only => Err(Refusal::Busy),
            Phase::Talking if self.party_leg() == Some(leg) => Ok(()),
            Phase::Transferring { .. } => Err(Refusal::RequestPending),
            _ => Err(Refusal::Declined),
        }
    }

    /// INVITE with Replaces, by a phone of `user`, whose phone at `leg` [`Self::may_be_replaced`].
    pub fn replace(
        &mut self,
        (leg, user): (LegId, UserId),
        transaction: ServerTransactionId,
        invite: Request,
        flow: Flow,
        turn: &mut Turn<'_>,
    ) -> Result<(), (Refusal, Box<Request>)> {
        let successor = Party::at(user, Leg::incoming(transaction, invite, flow, turn)?);
        self.legs.push(successor.leg.id);
        if matches!(self.phase, Phase::Talking) {
            self.phase = Phase::Transferring { transfer: Box::new(Transfer::Replacing { successor }) };
        } else {
            self.pick_up(leg, successor, turn);
        }
        Ok(())
    }

    /// `successor` stands in for the phone that rings, and is answered when its media is open. Its offer has been
    /// found good: should ports be missing now, it counts as a phone that cannot be reached.
    fn pick_up(&mut self, ringing: LegId, successor: Party, turn: &mut Turn<'_>) {
        if let Some(leg) = self.leg_mut(ringing) {
            leg.hang_up(turn);
        }
        self.bring_forward(|party| party.leg.id == ringing);
        if self.party_leg() == Some(ringing) {
            self.retire_party(turn);
            self.party = Some(successor);
        } else {
            self.replace_target(successor);
        }
    }

    /// The new phone is answered; now the old one may go (RFC 3891 3).
    pub(super) fn succeed(&mut self, turn: &mut Turn<'_>) {
        let Some(Transfer::Replacing { successor }) = self.take_transfer() else { return };
        let Some(user) = successor.operator() else { return };
        self.release_party(turn);
        self.party = Some(successor);
        self.join(turn);
        let note = self
            .draft(EventType::ContactTransferred, operator_actor(user), turn)
            .with(json!({ "kind": "phone", "from": user, "to": user }));
        self.commit(None, false, vec![note.draft], turn);
    }
}
