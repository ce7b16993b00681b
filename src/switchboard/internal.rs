//! Calls that operators place: to a colleague's extension, or to a number outside about the call they have at hand. Who
//! may call whom, and where the colleague's phone is; the call itself is `call/consultation.rs`, the way out
//! `trunks/route_out.rs`.

use std::collections::VecDeque;

use crate::call::refusal::Refusal;
use crate::call::{Asked, Call, Device, NewCall, OfferTarget, Purpose};
use crate::ids::{LegId, UserId};
use crate::phone_number::{NumberingPlan, PhoneNumber};
use crate::sip::message::{Flow, Host, NameAddr, Request, Uri};
use crate::sip::transaction::ServerTransactionId;
use crate::switchboard::trunks::DialOut;
use crate::switchboard::{Switchboard, with_turn};
use crate::time::Now;

/// Consultations at once. They count beside `capacity`: a citizen's call must not stand in the way of asking about
/// it. Each takes four ports of what citizens' calls leave over.
const MAX_CONSULTATIONS: usize = 64;

impl Switchboard {
    /// `extension` has proved its password and dials `colleague`.
    pub(super) fn start_consultation(
        &mut self,
        transaction: ServerTransactionId,
        request: Request,
        flow: Flow,
        extension: String,
        colleague: UserId,
        now: Now,
    ) {
        let judged = self.judge_colleague(&extension, colleague);
        self.start_asking(transaction, request, flow, extension, judged, now);
    }

    /// `extension` has proved its password and dials a number that some trunk takes.
    pub(super) fn start_consultation_outside(
        &mut self,
        transaction: ServerTransactionId,
        request: Request,
        flow: Flow,
        extension: String,
        number: PhoneNumber,
        now: Now,
    ) {
        let judged = self.judge_outside(&extension).map(|by| (by, Asked::Outside(DialOut::new(number))));
        self.start_asking(transaction, request, flow, extension, judged, now);
    }

    fn start_asking(
        &mut self,
        transaction: ServerTransactionId,
        request: Request,
        flow: Flow,
        extension: String,
        judged: Result<(UserId, Asked), Refusal>,
        now: Now,
    ) {
        let placed = judged.and_then(|judged| Ok((judged, self.keeping()?)));
        let placed = placed.map(|((by, asked), keeping)| NewCall {
            transaction,
            called: PhoneNumber::from_user_part(request.uri.user.as_deref().unwrap_or_default()),
            invite: request.clone(),
            flow,
            origin: extension,
            trusted: false,
            guest: None,
            numbering: NumberingPlan::default(),
            purpose: Purpose::Consultation { by, asked },
            keeping,
            plan: self.settings.plan.clone(),
            topic_categories: self.settings.topic_categories.clone(),
        });
        match placed {
            Ok(new) => self.start_call(new, now),
            Err(refusal) => self.refuse(transaction, &request, refusal, now),
        }
    }

    /// The operator who may ask somebody now.
    fn judge_asking(&self, extension: &str) -> Result<UserId, Refusal> {
        if let Some(refusal) = self.intake.refusal_beside() {
            return Err(refusal);
        }
        let by = self.operator_of(extension).ok_or(Refusal::Forbidden)?;
        let running = self.calls.values().filter(|call| call.is_consultation() && !call.is_over()).count();
        if running >= MAX_CONSULTATIONS {
            return Err(Refusal::OverCapacity);
        }
        if self.acd.has_aside(by) { Err(Refusal::Busy) } else { Ok(by) }
    }

    /// Whoever learns a phone's password must not call the world at the city's expense: outside are asked those whom a
    /// call at hand, or one that is being written up, may concern.
    fn judge_outside(&self, extension: &str) -> Result<UserId, Refusal> {
        let by = self.judge_asking(extension)?;
        let has_call = self.calls.values().any(|call| !call.is_consultation() && call.belongs_to(by));
        if has_call { Ok(by) } else { Err(Refusal::Forbidden) }
    }

    fn judge_colleague(&self, extension: &str, colleague: UserId) -> Result<(UserId, Asked), Refusal> {
        let by = self.judge_asking(extension)?;
        if by == colleague {
            return Err(Refusal::Busy);
        }
        self.acd.can_be_called(colleague).map_err(|error| Refusal::from(&error))?;
        let realm = Host::Name(self.settings.realm.to_ascii_lowercase());
        let mut from = NameAddr::new(Uri::sip(Some(extension), realm, None));
        let name =
            self.settings.operators.iter().find(|known| known.user == by).map(|known| known.name.clone());
        from.display = name;
        let target = OfferTarget::new(colleague, from, self.phones_of(colleague));
        Ok((by, Asked::Colleague(Box::new(target.ok_or(Refusal::Unavailable)?))))
    }

    /// Somebody's phones that can be reached now, in the order in which they are tried.
    pub(super) fn phones_of(&self, user: UserId) -> VecDeque<Device> {
        let mut accounts = self.settings.accounts.iter();
        let extension = accounts.find(|(_, account)| account.user == user).map(|(extension, _)| extension);
        let reachable = extension.map(|extension| self.registrar.reachable(extension));
        reachable.unwrap_or_default().into_iter().map(Device::from).collect()
    }

    /// Offers a judged call to the call machine, and keeps it or refuses its INVITE.
    pub(super) fn start_call(&mut self, new: NewCall, now: Now) {
        let transaction = new.transaction;
        let beside = self.may_become_one_with(&new);
        let offered = with_turn!(self, now, |turn| {
            turn.beside = beside;
            Call::offered(new, turn)
        });
        match offered {
            Ok(call) => {
                self.recordings.extend(call.recording().map(|recording| (recording, call.id())));
                self.waiting_for.extend(call.awaited_ticket().map(|ticket| (ticket, call.id())));
                self.keep(Box::new(call));
            }
            Err((refusal, invite)) => self.refuse(transaction, &invite, refusal, now),
        }
    }

    /// A leg of the call that a consultation is about: an attended transfer makes one call of both.
    fn may_become_one_with(&self, new: &NewCall) -> Option<LegId> {
        let Purpose::Consultation { by, .. } = &new.purpose else { return None };
        // The call may still be on its way to who asks: rung for a transfer, and answered in the meantime.
        let concerns = |call: &&Call| [call.operator(), call.transfer_target()].contains(&Some(*by));
        self.calls().find(concerns).map(Call::first_leg)
    }
}
