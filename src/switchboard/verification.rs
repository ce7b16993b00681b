//! Applicants who are to be asked whether the work is done: from the list to a call, and what came of it back to the list.
//! The list is `crate::verification`'s, the call `call/verification.rs`'s; that the case hears of it is the store's readers'.

use std::sync::Arc;

use serde_json::json;

use crate::call::contact::{Contact, Direction, Disposition};
use crate::call::effect::Effect;
use crate::call::verification::{Manners, NewAsking};
use crate::call::{Call, WayOut};
use crate::case::CaseNumber;
use crate::dialplan::Dialplan;
use crate::ids::ContactId;
use crate::journal::{Draft, EventType};
use crate::people::Actor;
use crate::phone_number::PhoneNumber;
use crate::switchboard::trunks::{DialOut, NoRoute};
use crate::switchboard::{CommandError, Conflict, Switchboard, with_turn};
use crate::termination::Termination;
use crate::time::Now;
use crate::verification::{Asked, Inquiry, NotAsked, Outcome, Policy};

/// Who is asked when, and how.
#[derive(Clone, Debug)]
pub struct Verification {
    pub policy: Policy,
    /// What they hear.
    pub plan: Arc<Dialplan>,
    pub manners: Manners,
    /// Lines of a trunk, and calls of the whole, that are left to citizens who call.
    pub keep_free: usize,
}

/// Why nobody is rung for it now.
enum NotNow {
    /// No line for anybody.
    NoLine,
    /// The citizen talks with us.
    Talks,
    /// No line ever takes this number.
    NotTaken,
}

impl Switchboard {
    /// Rings the next whose time has come. False when there is none.
    pub(super) fn serve_verifications(&mut self, now: Now) -> bool {
        let (mint, list) = (&mut self.mint, &mut self.verifications);
        let Some((id, inquiry)) = list.take_due(now, || ContactId(mint.uuid(now.utc))) else { return false };
        let Some(number) = inquiry.number.clone() else { return false };
        match self.ring_applicant(id, inquiry.clone(), number.clone(), now) {
            Ok(()) => {}
            Err(NotNow::NoLine) => self.verifications.postpone(id, now),
            Err(NotNow::Talks) => self.verifications.put_off(id, now),
            Err(NotNow::NotTaken) => {
                self.note_unreachable(id, inquiry, number, now);
                self.verifications.note(id, Outcome::Unreachable, now);
                self.verifications.end(id, now);
            }
        }
        true
    }

    fn ring_applicant(
        &mut self,
        id: ContactId,
        inquiry: Inquiry,
        number: PhoneNumber,
        now: Now,
    ) -> Result<(), NotNow> {
        let verification = self.settings.verification.clone().ok_or(NotNow::NoLine)?;
        let talks = |call: &Call| !call.is_over() && call.contact().caller == number;
        if self.calls().any(talks) {
            return Err(NotNow::Talks);
        }
        let room = self.settings.capacity.saturating_sub(self.citizens_calls());
        let keeping = self.keeping().map_err(|_| NotNow::NoLine)?;
        if self.intake.refusal().is_some() || room <= verification.keep_free {
            return Err(NotNow::NoLine);
        }
        let mut dial_out = DialOut::new(number.clone());
        let route = self.route_out(&mut dial_out, now).map_err(|error| match error {
            NoRoute::NotTaken => NotNow::NotTaken,
            NoRoute::NoTrunk | NoRoute::Full | NoRoute::AllTried => NotNow::NoLine,
        })?;
        // The route has its place already.
        if self.lines_left(&route.trunk).is_some_and(|left| left < verification.keep_free) {
            return Err(NotNow::NoLine);
        }
        let new = NewAsking {
            id,
            inquiry,
            number,
            way: WayOut { dial_out, route },
            city: PhoneNumber::from_user_part(&self.settings.short_number),
            keeping,
            plan: verification.plan,
            topic_categories: self.settings.topic_categories.clone(),
            manners: verification.manners,
        };
        let call = with_turn!(self, now, |turn| Call::asking(new, turn));
        self.recordings.extend(call.recording().map(|recording| (recording, call.id())));
        self.waiting_for.extend(call.awaited_ticket().map(|ticket| (ticket, call.id())));
        self.keep(Box::new(call));
        Ok(())
    }

    /// An attempt that reached nobody, not even a trunk, is one all the same, and is on the record.
    fn note_unreachable(&mut self, id: ContactId, inquiry: Inquiry, number: PhoneNumber, now: Now) {
        tracing::warn!(call.id = %id, case.id = %inquiry.case(), "no trunk takes the applicant's number");
        let city = PhoneNumber::from_user_part(&self.settings.short_number);
        let nowhere = String::new;
        let mut contact = Contact::offered(id, now.utc, number, city, nowhere(), nowhere());
        contact.direction = Direction::Outbound;
        contact.language = Some(inquiry.language);
        contact.case = Some(inquiry.recipient.case.clone());
        contact.asked = Some(Asked { outcome: Some(Outcome::Unreachable), offset_ms: None });
        contact.ended_at = Some(now.utc);
        contact.termination = Some(Termination::NotAnswered);
        contact.disposition = Some(Disposition::Technical);
        *self.counters.verifications.entry(Outcome::Unreachable.name()).or_default() += 1;
        let entry = |event, data| {
            let mut draft = Draft::new(event, now.utc, Actor::system("switchboard"));
            (draft.contact, draft.case, draft.data) = (Some(id), Some(inquiry.recipient.case.clone()), data);
            draft
        };
        let offered =
            json!({ "caller": contact.caller, "called": contact.called, "asks": inquiry.attempts.len() });
        let mut ended = entry(
            EventType::ContactEnded,
            json!({ "termination": Termination::NotAnswered, "answered": false }),
        );
        ended.reason = Some("no trunk takes calls to this number".to_owned());
        let disposed = json!({ "disposition": contact.disposition, "case": contact.case });
        let entries = vec![
            entry(EventType::ContactOffered, offered),
            ended,
            entry(EventType::ContactDisposed, disposed),
        ];
        let contact = Some(Box::new(contact));
        self.effects.push_back(Effect::Commit { ticket: None, contact, recording: None, entries });
    }

    /// After each step of a call: what came of asking, and that its line is free again.
    pub(super) fn note_asking(&mut self, call: &mut Call, now: Now) {
        if let Some(outcome) = call.take_asked() {
            self.verifications.note(call.id(), outcome, now);
        }
        if call.is_asking() && call.is_over() {
            self.verifications.end(call.id(), now);
        }
    }

    pub(super) fn ring_now(&mut self, case: &CaseNumber, now: Now) -> Result<(), CommandError> {
        self.verifications.ring_now(case, now).map_err(refused)
    }

    pub(super) fn give_up_asking(&mut self, case: &CaseNumber, now: Now) -> Result<(), CommandError> {
        self.verifications.give_up(case, now).map_err(refused)
    }
}

fn refused(why: NotAsked) -> CommandError {
    match why {
        NotAsked::Unknown => CommandError::Unknown,
        why => Conflict::NotAsked(why).into(),
    }
}
