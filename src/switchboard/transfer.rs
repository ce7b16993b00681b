//! Transfers: who may refer which call where (REFER, RFC 3515), which dialog a Replaces names and who may replace it
//! (RFC 3891). How a call then moves is `call/transfer.rs`.

use crate::call::duty::Sought;
use crate::call::refusal::Refusal;
use crate::call::{Destination, OfferTarget, WayOut};
use crate::ids::{ContactId, LegId, UserId};
use crate::phone_number::{NumberingPlan, PhoneNumber};
use crate::sip::message::{Flow, Request, StatusCode};
use crate::sip::refer::Refer;
use crate::sip::replaces::Replaces;
use crate::sip::transaction::ServerTransactionId;
use crate::switchboard::trunks::{DialOut, NoRoute};
use crate::switchboard::{CommandError, Conflict, Owner, Switchboard, with_turn};
use crate::time::Now;

/// Two calls of one operator that are to become one.
struct Pair {
    /// The citizen's, which goes on.
    call: ContactId,
    /// The one that ends in it.
    consultation: ContactId,
}

impl Switchboard {
    /// REFER in the dialog of `leg`.
    pub(super) fn handle_refer(
        &mut self,
        leg: LegId,
        transaction: ServerTransactionId,
        request: &Request,
        now: Now,
    ) {
        match self.judge_refer(leg, request, now) {
            Ok((contact, refer)) => match &refer.replaces {
                Some(replaces) => {
                    let pair = self.pair(contact, leg, replaces);
                    self.refer_attended(leg, transaction, request, &refer, contact, pair, now);
                }
                None => {
                    let may_leave = self.comes_from_own_phone(contact, leg, transaction);
                    let destination = self.destination(contact, &refer, may_leave, now);
                    self.with_call(contact, now, |call, turn| {
                        call.refer_blind(leg, transaction, request, &refer, destination, turn);
                    });
                }
            },
            Err(refusal) => self.refuse(transaction, request, refusal, now),
        }
    }

    fn judge_refer(
        &mut self,
        leg: LegId,
        request: &Request,
        now: Now,
    ) -> Result<(ContactId, Refer), Refusal> {
        let Some(Owner::Call(contact)) = self.owners.get(&leg).copied() else {
            return Err(Refusal::Declined);
        };
        let mut allowed = Err(Refusal::NoSuchDialog);
        self.with_call(contact, now, |call, _| allowed = call.may_refer(leg, request));
        allowed?;
        Ok((contact, Refer::read(request)?))
    }

    #[expect(clippy::too_many_arguments, reason = "a judged request is all of these")]
    fn refer_attended(
        &mut self,
        leg: LegId,
        transaction: ServerTransactionId,
        request: &Request,
        refer: &Refer,
        contact: ContactId,
        pair: Result<Pair, StatusCode>,
        now: Now,
    ) {
        let outcome = pair.as_ref().map_or_else(|status| *status, |_| StatusCode::OK);
        self.with_call(contact, now, |call, turn| {
            call.refer_attended(leg, transaction, request, refer, outcome, turn);
        });
        if let Ok(pair) = pair {
            self.merge(&pair, now);
        }
    }

    /// The other call that a Replaces names, when both are of the operator at `leg`, one of them with a citizen. What
    /// is no such pair gets the answer that an INVITE with this Replaces would have got.
    fn pair(&self, contact: ContactId, leg: LegId, replaces: &Replaces) -> Result<Pair, StatusCode> {
        let other_leg = *self.routes.dialogs.get(&replaces.dialog()).ok_or(StatusCode::NO_SUCH_DIALOG)?;
        let Some(Owner::Call(other)) = self.owners.get(&other_leg).copied() else {
            return Err(StatusCode::DECLINE);
        };
        if replaces.early_only {
            return Err(StatusCode::BUSY_HERE);
        }
        let (Some(this_call), Some(other_call)) = (self.calls.get(&contact), self.calls.get(&other)) else {
            return Err(StatusCode::NO_SUCH_DIALOG);
        };
        let operator = this_call.operator_at(leg);
        if operator.is_none() || operator != other_call.operator_at(other_leg) {
            return Err(StatusCode::DECLINE);
        }
        let pair = match (this_call.is_consultation(), other_call.is_consultation()) {
            (false, true) => Pair { call: contact, consultation: other },
            (true, false) => Pair { call: other, consultation: contact },
            _ => return Err(StatusCode::DECLINE),
        };
        let joinable = [pair.call, pair.consultation]
            .iter()
            .all(|id| self.calls.get(id).is_some_and(|call| call.is_talking()));
        // Only who asked may hand the citizen over, not the colleague who was asked.
        let asked = self.calls.get(&pair.consultation).and_then(|call| call.placed_by());
        if joinable && asked == operator { Ok(pair) } else { Err(StatusCode::DECLINE) }
    }

    /// The colleague of the consultation becomes the citizen's operator.
    fn merge(&mut self, pair: &Pair, now: Now) {
        let Some(mut consultation) = self.calls.remove(&pair.consultation) else { return };
        let Some(mut call) = self.calls.remove(&pair.call) else {
            self.keep(consultation);
            return;
        };
        with_turn!(self, now, |turn| {
            if let Some(colleague) = consultation.hand_over(pair.call, turn) {
                call.take_over(colleague, pair.consultation, turn);
            }
        });
        self.keep(consultation);
        self.keep(call);
    }

    /// Where the target of a REFER is. Its host is not looked at: phones write down whatever name they know us by.
    fn destination(&mut self, contact: ContactId, refer: &Refer, may_leave: bool, now: Now) -> Destination {
        let number = PhoneNumber::from_user_part(refer.target.user.as_deref().unwrap_or_default());
        match self.destination_inside(contact, &number) {
            None if may_leave => self.destination_outside(number, now),
            inside => inside.unwrap_or(Destination::Nowhere(StatusCode::DECLINE)),
        }
    }

    /// An operator's extension, or the name or number of a queue.
    fn destination_inside(&self, contact: ContactId, number: &PhoneNumber) -> Option<Destination> {
        if let Some(operator) = self.operator_of(number.as_str()) {
            let phone = self.offer_target(contact, operator);
            return Some(phone.map_or(Destination::Nowhere(StatusCode::TEMPORARILY_UNAVAILABLE), |target| {
                Destination::Phone(Box::new(target))
            }));
        }
        let named = |queue: &&crate::acd::QueueSettings| queue.name == number.as_str();
        let queue = self.settings.queues.iter().find(named).map(|queue| &queue.name);
        let queue = queue.or_else(|| self.settings.queue_extensions.get(number.as_str()));
        queue.map(|queue| Destination::Queue(queue.clone()))
    }

    /// A number that some trunk takes. Our own would only bring the citizen back to the start.
    fn destination_outside(&mut self, number: PhoneNumber, now: Now) -> Destination {
        if self.settings.is_short_number(&number, &NumberingPlan::default()) {
            return Destination::Nowhere(StatusCode::DECLINE);
        }
        let mut dial_out = DialOut::new(number);
        match self.route_out(&mut dial_out, now) {
            Ok(route) => Destination::Outside(Box::new(WayOut { dial_out, route })),
            Err(NoRoute::NotTaken) => Destination::Nowhere(StatusCode::DECLINE),
            Err(NoRoute::NoTrunk | NoRoute::Full | NoRoute::AllTried) => {
                Destination::Nowhere(StatusCode::SERVICE_UNAVAILABLE)
            }
        }
    }

    /// Whether a request in the dialog of `leg` was sent from where a phone of its operator is registered now. Calls
    /// that cost money are placed for nobody else, whoever may have learnt the names of the dialog.
    fn comes_from_own_phone(&self, contact: ContactId, leg: LegId, transaction: ServerTransactionId) -> bool {
        let operator = self.calls.get(&contact).and_then(|call| call.operator_at(leg));
        let source = self.sip.server_flow(transaction).map(|flow| flow.remote.ip());
        let mut phones = operator.map(|operator| self.phones_of(operator)).unwrap_or_default().into_iter();
        phones.any(|phone| Some(phone.flow.remote.ip()) == source)
    }

    /// The last way to the outside has failed: the next one, if there is one. Or the first one to who is on duty.
    pub(super) fn seek_way_out(&mut self, contact: ContactId, now: Now) {
        let mut dial_out = match self.calls.get(&contact).and_then(|call| call.sought()) {
            Some(Sought::WayOut(dial_out)) => dial_out,
            Some(Sought::OnDuty(roster)) => {
                let found = self.settings.duties.on_duty(&roster, now.utc).to_vec();
                self.with_call(contact, now, |call, turn| call.handle_on_duty(&found, turn));
                return;
            }
            None => return,
        };
        let route = self.route_out(&mut dial_out, now);
        if let Err(error) = &route {
            tracing::info!(call.id = %contact, %error, "no further way out");
        }
        let way = route.ok().map(|route| WayOut { dial_out, route });
        self.with_call(contact, now, |call, turn| call.handle_way_out(way, turn));
    }

    fn offer_target(&self, contact: ContactId, operator: UserId) -> Option<OfferTarget> {
        let from = self.shown_caller(self.calls.get(&contact)?);
        OfferTarget::new(operator, from, self.phones_of(operator))
    }

    /// A desk transfers the call of its operator.
    pub(super) fn transfer_by_command(
        &mut self,
        contact: ContactId,
        by: UserId,
        target: &PhoneNumber,
        now: Now,
    ) -> Result<(), CommandError> {
        let call = self.calls.get(&contact).ok_or(CommandError::Unknown)?;
        if !call.belongs_to(by) {
            return Err(CommandError::NotYours);
        }
        if !call.is_talking() || call.operator() != Some(by) || call.is_consultation() {
            return Err(Conflict::NotTransferable.into());
        }
        let inside = self.destination_inside(contact, target);
        let destination = inside.unwrap_or_else(|| self.destination_outside(target.clone(), now));
        let mut outcome = Ok(());
        self.with_call(contact, now, |call, turn| outcome = call.transfer_by_command(destination, turn));
        outcome.map_err(|status| match status {
            StatusCode::BUSY_HERE => Conflict::TargetBusy.into(),
            StatusCode::TEMPORARILY_UNAVAILABLE => Conflict::TargetAway.into(),
            StatusCode::SERVICE_UNAVAILABLE => Conflict::NoLineOut.into(),
            StatusCode::NOT_FOUND => CommandError::Unknown,
            _ => Conflict::NoTarget.into(),
        })
    }

    /// INVITE with Replaces: a phone of the operator takes the place of another one, which talks or rings (RFC 3891 3).
    pub(super) fn handle_replacing_invite(
        &mut self,
        transaction: ServerTransactionId,
        request: Request,
        flow: Flow,
        now: Now,
    ) {
        let Some(user) = self.authenticate(transaction, &request, now) else { return };
        match self.judge_replaces(&user, &request) {
            Ok((contact, place)) => {
                let mut refused = None;
                self.with_call(contact, now, |call, turn| {
                    refused = call.replace(place, transaction, request, flow, turn).err();
                });
                if let Some((refusal, invite)) = refused {
                    self.refuse(transaction, &invite, refusal, now);
                }
            }
            Err(refusal) => self.refuse(transaction, &request, refusal, now),
        }
    }

    /// The call, and the leg there that an operator's phone may replace.
    fn judge_replaces(
        &self,
        extension: &str,
        invite: &Request,
    ) -> Result<(ContactId, (LegId, UserId)), Refusal> {
        let replaces = Replaces::of(&invite.headers)?.ok_or(Refusal::MalformedTransfer)?;
        let leg = *self.routes.dialogs.get(&replaces.dialog()).ok_or(Refusal::NoSuchDialog)?;
        let Some(Owner::Call(contact)) = self.owners.get(&leg).copied() else {
            return Err(Refusal::Declined);
        };
        let call = self.calls.get(&contact).ok_or(Refusal::NoSuchDialog)?;
        // A stranger to the dialog learns no more than that it may not (RFC 3891 8).
        let operator = self.operator_of(extension).filter(|user| call.operator_at(leg) == Some(*user));
        let operator = operator.ok_or(Refusal::Forbidden)?;
        call.may_be_replaced(leg, replaces.early_only)?;
        Ok((contact, (leg, operator)))
    }
}
