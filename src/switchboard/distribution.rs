//! What the distributor decides, carried out on calls; and what people command.
//! The choice of caller and operator is `acd/`'s; ringing, talking and ending are the call's own.

use serde_json::json;

use crate::acd::{OfferFailure, OperatorError, OperatorStatus, Output, WrapUpError};
use crate::call::effect::Effect;
use crate::call::turn::Turn;
use crate::call::{Call, Device, OfferTarget};
use crate::ids::{ContactId, UserId};
use crate::journal::{Draft, EventType};
use crate::people::{Actor, Role};
use crate::sip::message::{Host, NameAddr, Uri};
use crate::sip::registrar::Binding;
use crate::switchboard::{Command, CommandError, Conflict, Switchboard};
use crate::time::Now;

impl Switchboard {
    pub(super) fn handle_acd_output(&mut self, output: Output, now: Now) {
        match output {
            Output::Offer { contact, operator } => self.offer(contact, operator, now),
            Output::WithdrawOffer { contact, operator } => {
                self.with_call(contact, now, |call, turn| call.withdraw_offer(operator, turn));
            }
            Output::AnnouncePosition { contact, position, expected_wait } => {
                let announce = |call: &mut Call, turn: &mut Turn<'_>| {
                    call.announce_position(position, expected_wait, turn);
                };
                self.with_call(contact, now, announce);
            }
            Output::Overflow { contact } => self.with_call(contact, now, Call::handle_overflow),
            Output::SurgeChanged { queue, on } => self.journal_surge(&queue, on, now),
            Output::StatusChanged { operator, status } => self.journal_status(operator, &status, now),
            Output::WrapUpEnded { contact, operator } => {
                self.with_call(contact, now, |call, turn| call.handle_wrap_up_ended(operator, turn));
            }
        }
    }

    fn offer(&mut self, contact: ContactId, operator: UserId, now: Now) {
        self.begin_attempt(contact, now);
        let from = self.calls.get(&contact).map(|call| self.shown_caller(call));
        let offer = from.and_then(|from| OfferTarget::new(operator, from, self.phones_of(operator)));
        let Some(offer) = offer else {
            self.acd.offer_failed(contact, operator, OfferFailure::Unreachable, now.mono);
            return;
        };
        self.with_call(contact, now, |call, turn| call.offer_to(offer, turn));
    }

    /// What an operator's phone shows: the citizen's number, and what the call is about.
    pub(super) fn shown_caller(&self, call: &Call) -> NameAddr {
        let caller = &call.contact().caller;
        let user = if caller.is_withheld() { "anonymous" } else { caller.as_str() };
        let realm = Host::Name(self.settings.realm.to_ascii_lowercase());
        let mut from = NameAddr::new(Uri::sip(Some(user), realm, None));
        from.display = Some(pop_text(call, &self.settings.short_number));
        from
    }

    fn journal_surge(&mut self, queue: &str, on: bool, now: Now) {
        tracing::warn!(queue.name = queue, on, "surge");
        let event = if on { EventType::QueueSurged } else { EventType::QueueCalmed };
        let mut draft = Draft::new(event, now.utc, Actor::system("acd"));
        draft.data = json!({ "queue": queue });
        self.effects.push_back(Effect::Commit {
            ticket: None,
            contact: None,
            recording: None,
            entries: vec![draft],
        });
    }

    fn journal_status(&mut self, operator: UserId, status: &OperatorStatus, now: Now) {
        let mut draft =
            Draft::new(EventType::OperatorStatus, now.utc, Actor::person(Role::Operator, operator, None));
        draft.data = json!({ "operator": operator, "status": status });
        self.effects.push_back(Effect::Commit {
            ticket: None,
            contact: None,
            recording: None,
            entries: vec![draft],
        });
    }

    pub(super) fn carry_out(&mut self, command: Command, now: Now) -> Result<(), CommandError> {
        match command {
            Command::SetReady { operator } => self.acd.set_ready(operator, now.mono)?,
            Command::SetNotReady { operator, reason } => {
                self.acd.set_not_ready(operator, &reason, now.mono)?
            }
            Command::EndWrapUp { operator } => self.acd.end_wrap_up(operator, now.mono)?,
            Command::ExtendWrapUp { operator } => self.acd.extend_wrap_up(operator)?,
            Command::Dispose { operator, contact, disposition } => {
                let call = self.calls.get(&contact).ok_or(CommandError::Unknown)?;
                if !call.belongs_to(operator) {
                    return Err(CommandError::NotYours);
                }
                if let Some(already) = call.contact().disposition {
                    return Err(Conflict::Disposed(already).into());
                }
                self.with_call(contact, now, |call, turn| call.dispose(disposition, operator, turn));
            }
            Command::RingApplicant { case } => self.ring_now(&case, now)?,
            Command::CallApplicant(wanted) => self.call_applicant(*wanted, now)?,
            Command::StopAsking { case } => self.give_up_asking(&case, now)?,
            Command::AllowCalls { number } => self.verifications.allow_calls(&number, now),
            Command::LetGuestIn { user, ha1, source, guest } => {
                self.let_guest_in(user, ha1, source, guest, now)?;
            }
            Command::LinkCase { contact, case } => {
                self.with_call(contact, now, |call, turn| call.handle_case_registered(case, turn));
            }
            Command::Transfer { contact, by, target } => {
                self.transfer_by_command(contact, by, &target, now)?;
            }
            Command::Supervise { contact, by, wish } => self.supervise(contact, by, wish, now)?,
            Command::EndSupervision { contact, by } => self.end_supervision(contact, by, now)?,
            Command::WithdrawCallback { origin, by, reason } => {
                self.withdraw_by_command(origin, by, &reason, now)?;
            }
            Command::SetStatusOf { operator, by, not_ready } => {
                self.set_status_of(operator, by, not_ready, now)?;
            }
            Command::Dictate { by, prompt, speak } => self.dictate(by, prompt, speak, now)?,
            Command::Drain { drain, by } => self.drain(drain, by, now)?,
            Command::HangUp { contact, by } => {
                let call = self.calls.get(&contact).ok_or(CommandError::Unknown)?;
                if call.is_over() {
                    return Err(Conflict::CallOver.into());
                }
                let is_operator = self.settings.operators.iter().any(|known| known.user == by);
                if is_operator && !call.belongs_to(by) {
                    return Err(CommandError::NotYours);
                }
                let role = if is_operator { Role::Operator } else { Role::Supervisor };
                tracing::info!(call.id = %contact, user.id = %by, "call ended by command");
                self.with_call(contact, now, |call, turn| call.end_by(Actor::person(role, by, None), turn));
            }
        }
        Ok(())
    }
}

/// What the operator's phone shows while it rings: topic and language in a few characters.
fn pop_text(call: &Call, short_number: &str) -> String {
    let contact = call.contact();
    let language = contact.language.map_or("", crate::language::Language::code);
    format!("{} {language}", contact.topic.as_deref().unwrap_or(short_number))
}

impl From<&Binding> for Device {
    fn from(binding: &Binding) -> Self {
        Self { target: binding.contact.clone(), flow: binding.flow, route: binding.route() }
    }
}

impl From<OperatorError> for CommandError {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::Unknown => Self::Unknown,
            OperatorError::NotRegistered => Conflict::PhoneOffline.into(),
            OperatorError::Busy => Conflict::OperatorBusy.into(),
        }
    }
}

impl From<WrapUpError> for CommandError {
    fn from(error: WrapUpError) -> Self {
        match error {
            WrapUpError::Unknown => Self::Unknown,
            WrapUpError::NotInWrapUp => Conflict::NotInWrapUp.into(),
            WrapUpError::NoMoreTime => Conflict::NoMoreTime.into(),
        }
    }
}
