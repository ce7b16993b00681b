//! Citizens who are to be rung back: from calls onto the list, from the list into the line, from there to an attempt, and
//! what came of it. The list is `crate::callback`'s, the line `acd/`'s, the attempt `call/callback.rs`'s.

use serde_json::json;

use crate::acd::QueueEntry;
use crate::call::callback::NewCallBack;
use crate::call::effect::Effect;
use crate::call::{Call, Purpose, WayOut};
use crate::callback::{CallBack, NotListed, Outcome, State, Why};
use crate::ids::{ContactId, UserId};
use crate::journal::{Draft, EventType};
use crate::language::Language;
use crate::people::{Actor, Role};
use crate::phone_number::PhoneNumber;
use crate::switchboard::trunks::DialOut;
use crate::switchboard::{CommandError, Conflict, Switchboard, with_turn};
use crate::time::Now;

impl Switchboard {
    /// Those whom the store remembers from before the start. Whoever was being rung is rung again.
    pub fn remember_callbacks(&mut self, remembered: Vec<CallBack>, now: Now) {
        for callback in remembered {
            let origin = callback.origin;
            if let Err(error) = self.callbacks.list(callback, now) {
                tracing::warn!(call.id = %origin, %error, "not rung back");
            }
        }
        self.settle(now);
    }

    /// Those who wait to be rung back in `queue`, for the board.
    pub(super) fn callbacks_in(&self, queue: &str) -> usize {
        self.callbacks.waiting_in(queue)
    }

    /// After each step of a call: whether somebody is to be rung back, or need not be any more.
    pub(super) fn note_callback(&mut self, call: &mut Call, now: Now) {
        if let Some(outcome) = call.take_outcome() {
            self.end_attempt(call.id(), outcome, now);
        }
        if let Some(number) = call.take_call_back_wish() {
            self.list_callback(call, number, now);
        }
        let connected = matches!(call.purpose(), Purpose::Service) && call.contact().connected_at.is_some();
        if connected && let Some(origin) = self.callbacks.at(&call.contact().caller) {
            self.withdraw_callback(origin, Actor::system("switchboard"), "called_again", now);
        }
    }

    fn list_callback(&mut self, call: &Call, number: PhoneNumber, now: Now) {
        let contact = call.contact();
        let why = if call.asked_for_call_back() { Why::Requested } else { Why::Abandoned };
        let since = contact.queued_at.or(contact.ended_at).unwrap_or(now.utc);
        let waited = contact.ended_at.unwrap_or(now.utc).since(since);
        let patience = self.callbacks.policy().and_then(|policy| policy.abandoned_after);
        if why == Why::Abandoned && patience.is_none_or(|patience| waited < patience) {
            return;
        }
        let first = self.settings.queues.first().map(|queue| queue.name.as_str());
        let Some(queue) = call.sought_queue().or(first) else { return };
        let callback = CallBack {
            origin: contact.id,
            number,
            queue: queue.to_owned(),
            language: contact.language.unwrap_or(Language::Uk),
            topic: contact.topic.clone(),
            case: contact.case.clone(),
            why,
            since,
            attempts: 0,
            not_before: now.utc,
            state: State::Waiting,
        };
        match self.callbacks.list(callback, now) {
            Ok(row) => {
                let data = json!({ "why": row.why, "queue": row.queue, "not_before": row.not_before });
                self.save_callback(row, EventType::CallbackListed, Actor::system("switchboard"), data, now);
            }
            Err(NotListed::Off | NotListed::Known) => {}
            Err(error @ NotListed::Full) => tracing::error!(call.id = %contact.id, %error, "not rung back"),
        }
    }

    /// Puts the next whose time has come into the line, at the place of their arrival. False when there is none.
    pub(super) fn serve_callbacks(&mut self, now: Now) -> bool {
        let (mint, list) = (&mut self.mint, &mut self.callbacks);
        let Some((token, callback)) = list.take_due(now, || ContactId(mint.uuid(now.utc))) else {
            return false;
        };
        let waited = now.utc.since(callback.since);
        let since = now.mono.checked_sub(waited).unwrap_or(now.mono);
        let CallBack { queue, language, .. } = callback;
        let entry = QueueEntry { contact: token, queue, language, urgent: false };
        if !self.acd.hold_place(entry, since, now.mono) {
            self.callbacks.rest(token, now);
        }
        true
    }

    /// The turn of `token` has come: the call that rings the citizen back, unless `token` is somebody on the line.
    pub(super) fn begin_attempt(&mut self, token: ContactId, now: Now) {
        let Some(callback) = self.callbacks.of_token(token).filter(|_| !self.calls.contains_key(&token))
        else {
            return;
        };
        let number = callback.number.clone();
        let on_the_line = |call: &Call| !call.is_over() && call.contact().caller == number;
        if self.intake.refusal().is_some()
            || !self.callbacks.is_permitted(now.utc)
            || self.calls().any(on_the_line)
        {
            self.callbacks.rest(token, now);
            self.acd.leave(token, now.mono);
            return;
        }
        let Some(callback) = self.callbacks.begin(token) else { return };
        let data = json!({ "attempt": callback.attempts, "contact": token });
        let actor = Actor::system("switchboard");
        self.save_callback(callback.clone(), EventType::CallbackBegun, actor, data, now);
        let mut dial_out = DialOut::new(number);
        let prepared = self
            .route_out(&mut dial_out, now)
            .map_err(|error| error.to_string())
            .and_then(|route| Ok((route, self.keeping().map_err(|refusal| refusal.name().to_owned())?)));
        let (route, keeping) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                tracing::warn!(call.id = %token, error, "nobody can be rung back now");
                self.acd.leave(token, now.mono);
                self.end_attempt(token, Outcome::Unreachable, now);
                return;
            }
        };
        let new = NewCallBack {
            id: token,
            callback,
            way: WayOut { dial_out, route },
            city: PhoneNumber::from_user_part(&self.settings.short_number),
            keeping,
            plan: self.settings.plan.clone(),
            topic_categories: self.settings.topic_categories.clone(),
        };
        let call = with_turn!(self, now, |turn| Call::calling_back(new, turn));
        self.recordings.extend(call.recording().map(|recording| (recording, call.id())));
        self.waiting_for.extend(call.awaited_ticket().map(|ticket| (ticket, call.id())));
        self.keep(Box::new(call));
    }

    fn end_attempt(&mut self, token: ContactId, outcome: Outcome, now: Now) {
        let Some(row) = self.callbacks.end(token, outcome, now) else { return };
        let data =
            json!({ "outcome": outcome, "attempt": row.attempts, "contact": token, "state": row.state });
        self.save_callback(row, EventType::CallbackEnded, Actor::system("switchboard"), data, now);
    }

    /// A supervisor or operator takes somebody off the list.
    pub(super) fn withdraw_by_command(
        &mut self,
        origin: ContactId,
        by: (UserId, Role),
        reason: &str,
        now: Now,
    ) -> Result<(), CommandError> {
        let (user, role) = by;
        if self.withdraw_callback(origin, Actor::person(role, user, None), reason, now) {
            Ok(())
        } else {
            Err(Conflict::NobodyWaits.into())
        }
    }

    fn withdraw_callback(&mut self, origin: ContactId, actor: Actor, reason: &str, now: Now) -> bool {
        let Some((row, token)) = self.callbacks.withdraw(origin) else { return false };
        if let Some(token) = token {
            self.acd.leave(token, now.mono);
        }
        // Somebody's own words: a reason, and no data.
        let mut draft = Draft::new(EventType::CallbackWithdrawn, now.utc, actor);
        (draft.contact, draft.reason) = (Some(row.origin), Some(reason.to_owned()));
        draft.case.clone_from(&row.case);
        self.effects.push_back(Effect::SaveCallBack { callback: Box::new(row), entries: vec![draft] });
        true
    }

    /// The row and the entry that tells of it, which belongs to the contact that it comes from.
    fn save_callback(
        &mut self,
        row: CallBack,
        event: EventType,
        actor: Actor,
        data: serde_json::Value,
        now: Now,
    ) {
        let mut draft = Draft::new(event, now.utc, actor);
        draft.contact = Some(row.origin);
        draft.case.clone_from(&row.case);
        draft.data = data;
        self.effects.push_back(Effect::SaveCallBack { callback: Box::new(row), entries: vec![draft] });
    }
}
