//! What supervisors do to the calls and operators of others. Who is a supervisor is settled before, in `web/access.rs`;
//! what happens in the talk is `call/supervision.rs`'s.

use serde_json::json;

use crate::call::OfferTarget;
use crate::call::effect::Effect;
use crate::call::supervision::{NotSupervised, Wish};
use crate::ids::{ContactId, UserId};
use crate::journal::{Draft, EventType};
use crate::people::{Actor, Role};
use crate::switchboard::{CommandError, Conflict, Switchboard};
use crate::time::Now;

impl Switchboard {
    /// Rings the supervisor's own phone for the talk, or changes what they do there. In one talk at a time: another one
    /// is left.
    pub(super) fn supervise(
        &mut self,
        contact: ContactId,
        by: UserId,
        wish: Wish,
        now: Now,
    ) -> Result<(), CommandError> {
        let call = self.calls.get(&contact).ok_or(CommandError::Unknown)?;
        call.may_be_supervised()?;
        if call.operator() == Some(by) {
            return Err(Conflict::OwnTalk.into());
        }
        let phone =
            OfferTarget::new(by, self.shown_caller(call), self.phones_of(by)).ok_or(Conflict::NoPhone)?;
        let elsewhere = self.calls.values().find(|call| call.id() != contact && call.is_supervised_by(by));
        if let Some(left) = elsewhere.map(|call| call.id()) {
            self.end_supervision(left, by, now)?;
        }
        let mut outcome = Ok(());
        self.with_call(contact, now, |call, turn| outcome = call.supervise(phone, wish, turn));
        Ok(outcome?)
    }

    pub(super) fn end_supervision(
        &mut self,
        contact: ContactId,
        by: UserId,
        now: Now,
    ) -> Result<(), CommandError> {
        let mut was_there = false;
        self.with_call(contact, now, |call, turn| was_there = call.end_supervision(by, turn));
        if was_there { Ok(()) } else { Err(CommandError::Unknown) }
    }

    /// The journal says of the status alone that it changed; here it says who wanted it.
    pub(super) fn set_status_of(
        &mut self,
        operator: UserId,
        by: UserId,
        not_ready: Option<String>,
        now: Now,
    ) -> Result<(), CommandError> {
        match &not_ready {
            None => self.acd.set_ready(operator, now.mono)?,
            Some(reason) => self.acd.set_not_ready(operator, reason, now.mono)?,
        }
        let actor = Actor::person(Role::Supervisor, by, None);
        let mut draft = Draft::new(EventType::OperatorStatus, now.utc, actor);
        draft.data = json!({ "operator": operator, "asked_for": if not_ready.is_some() { "not_ready" } else { "ready" } });
        draft.reason = not_ready;
        let entries = vec![draft];
        self.effects.push_back(Effect::Commit { ticket: None, contact: None, recording: None, entries });
        Ok(())
    }
}

impl From<NotSupervised> for CommandError {
    fn from(error: NotSupervised) -> Self {
        Self::Conflict(match error {
            NotSupervised::NoTalk => Conflict::NoTalk,
            NotSupervised::Full => Conflict::TalkFull,
        })
    }
}
