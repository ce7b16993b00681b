//! Receptions with officials: hours cut into slots, and what booking, moving, holding and missing one does to its case. A
//! reception is a case like any other: it waits `registered` until it was held, ends `explained` with what was said, or
//! `withdrawn` when nobody came; what the official instructs is a case of its own that follows it. Which slots are taken is
//! the store's to know.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::routing::closeness;
use super::transition::{DESK, InvalidTransition, Transition, allow, said};
use super::{Case, CaseEvent, CaseNumber, CaseState, ClosingCode, NextAction, TellingChannel, Told};
use crate::calendar::Calendar;
use crate::language::Language;
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

/// What the official's secretary has to do about a case with an appointment.
pub const RECEIVE: &str = "receive the applicant";

/// Slots of one reception that are worked out at once: half a year of whole days.
pub const MAX_SLOTS: usize = 5_000;

/// A reminder that comes later than this before the beginning is of no use to somebody who must still get there.
const LEAST_LEAD: Duration = Duration::from_secs(2 * 3_600);
/// What must go out before an evening goes out so long before it: the gateway may be slow.
const BEFORE_CLOSING: Duration = Duration::from_secs(3_600);
/// Days looked back for hours in which people may be disturbed: over a week of holidays nobody remembers a reminder.
pub const MAX_DAYS_EARLIER: u64 = 7;

/// An official's hours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reception {
    pub id: String,
    /// Who receives, in every language of service.
    pub name: BTreeMap<Language, String>,
    /// Who keeps the list: the post of the official's secretary.
    pub post: String,
    /// Where to come.
    pub place: String,
    /// Category ids, parents of categories, or `*`: what one may come with.
    pub categories: Vec<String>,
    pub slot: Duration,
    /// Days ahead that can be booked.
    pub ahead_days: u32,
    /// A slot that begins sooner is neither booked nor moved by the applicant; the desk may.
    pub notice: Duration,
    /// The applicant is reminded so long before.
    pub remind: Duration,
    /// Days and hours of the official.
    pub(super) hours: Calendar,
    /// The city's own days: nobody is received on a holiday.
    pub(super) days: Calendar,
}

/// One appointment's time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Slot {
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
}

/// A slot that somebody wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booking {
    /// Id of the reception.
    pub reception: String,
    pub post: String,
    pub slot: Slot,
}

impl Reception {
    pub fn takes(&self, category: &str) -> bool {
        self.categories.iter().any(|pattern| closeness(pattern, category).is_some())
    }

    /// Slots that begin `notice` after `now` or later, the earliest first, whether they are taken or not; at most
    /// [`MAX_SLOTS`].
    pub fn slots(&self, now: Timestamp, notice: Duration) -> Vec<Slot> {
        let (first, today) = (now.plus(notice), self.hours.date_of(now));
        let dates = today.iter_days().take(self.ahead_days as usize + 1);
        let slots = dates.flat_map(|date| self.slots_on(date));
        slots.filter(|slot| slot.starts_at >= first).take(MAX_SLOTS).collect()
    }

    /// The slot that begins at `starts_at`.
    ///
    /// # Errors
    /// `Invariant` when there is none, or it begins sooner than `notice` after `now`.
    pub fn booking(
        &self,
        starts_at: Timestamp,
        now: Timestamp,
        notice: Duration,
    ) -> Result<Booking, InvalidTransition> {
        let wanted = self.slots(now, notice).into_iter().find(|slot| slot.starts_at == starts_at);
        let slot = wanted.ok_or(InvalidTransition::Invariant(
            "there is no reception at this time, or it is too late or too early to book it",
        ))?;
        Ok(Booking { reception: self.id.clone(), post: self.post.clone(), slot })
    }

    /// When the applicant is reminded of `slot`: `remind` before it. Outside `hours`, in which people may be disturbed, it is
    /// the next of them, or the last before when the next would be too late to be of use.
    pub fn remind_at(&self, slot: Slot, hours: Option<&Calendar>) -> Timestamp {
        let due = slot.starts_at.minus(self.remind);
        let Some(hours) = hours.filter(|hours| !hours.is_open(due)) else { return due };
        let useful_until = slot.starts_at.minus(LEAST_LEAD);
        if let Some(next) = hours.next_opening(due).filter(|next| *next <= useful_until) {
            return next;
        }
        let dates = hours.date_of(due).iter_days().rev().take(MAX_DAYS_EARLIER as usize + 1);
        let mut openings = dates.filter(|date| hours.is_working_day(*date)).filter_map(|date| {
            let opens = hours.next_opening(hours.start_of(date))?;
            Some((opens, hours.end_of(date).minus(BEFORE_CLOSING).max(opens)))
        });
        openings.find(|(opens, _)| *opens <= due).map_or(due, |(_, last)| last.min(due))
    }

    fn slots_on(&self, date: chrono::NaiveDate) -> impl Iterator<Item = Slot> + use<> {
        let received = self.hours.is_working_day(date) && self.days.is_working_day(date);
        let opening = self.hours.next_opening(self.hours.start_of(date)).filter(|_| received);
        let closing = self.hours.end_of(date).min(self.days.end_of(date));
        let length = self.slot;
        let first = opening.map(|starts_at| Slot { starts_at, ends_at: starts_at.plus(length) });
        let slots = std::iter::successors(first, move |slot| {
            Some(Slot { starts_at: slot.ends_at, ends_at: slot.ends_at.plus(length) })
        });
        slots.take_while(move |slot| slot.ends_at <= closing)
    }
}

impl Case {
    /// A slot is booked: the case waits for it at the official's secretary.
    pub fn book(mut self, booking: &Booking, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::Registered = self.state else { return Err(self.refused("taken to a reception")) };
        arranges(by)?;
        let Slot { starts_at, ends_at } = booking.slot;
        if starts_at < at {
            return Err(InvalidTransition::Invariant("that time is over"));
        }
        let booked = json!({ "reception": booking.reception, "starts_at": starts_at, "ends_at": ends_at });
        self.await_reception(booking);
        Ok((self, vec![CaseEvent::new("appt.booked", booked)]))
    }

    /// Another time, with the same official or another.
    pub fn move_reception(mut self, from: Slot, to: &Booking, by: &Actor, at: Timestamp) -> Transition {
        let CaseState::Registered = self.state else { return Err(self.refused("moved to another time")) };
        arranges(by)?;
        if to.slot.starts_at < at {
            return Err(InvalidTransition::Invariant("that time is over"));
        }
        let moved = json!({
            "reception": to.reception, "from": from.starts_at,
            "starts_at": to.slot.starts_at, "ends_at": to.slot.ends_at,
        });
        self.await_reception(to);
        Ok((self, vec![CaseEvent::new("appt.moved", moved)]))
    }

    /// The official has received the applicant; `minutes` is what the city said. The applicant heard it there and then.
    pub fn hold_reception(mut self, slot: Slot, minutes: &str, by: &Actor, at: Timestamp) -> Transition {
        receives(by)?;
        if at < slot.starts_at {
            return Err(InvalidTransition::Invariant("the reception has not begun yet"));
        }
        let minutes = said(minutes, "say what the official answered")?;
        let mut events = vec![CaseEvent::new("appt.held", json!({ "starts_at": slot.starts_at }))];
        // A case that was given to an executor meanwhile goes its own way.
        if self.state == CaseState::Registered && self.joined.is_empty() {
            events.push(CaseEvent::new("case.explained", json!({ "text": minutes })));
            let told = Told {
                at,
                language: self.language,
                channel: TellingChannel::SameContact,
                delivered: true,
                confirmed: None,
                cycle: self.cycle,
                whom: None,
                contact: None,
                notification: None,
            };
            let (channel, language) = (told.channel, told.language);
            let sent =
                json!({ "channel": channel, "language": language, "delivered": true, "cycle": self.cycle });
            events.push(CaseEvent::new("reply.sent", sent));
            self.told.push(told);
            self.state = CaseState::Explained { explained_at: at, code: ClosingCode::Explained };
            events.push(self.closed(ClosingCode::Explained, None, at));
        } else {
            events[0].reason = Some(minutes.to_owned());
            self.leave_reception(at);
        }
        Ok((self, events))
    }

    /// Nobody came.
    pub fn miss_reception(mut self, slot: Slot, by: &Actor, at: Timestamp) -> Transition {
        receives(by)?;
        if at < slot.starts_at {
            return Err(InvalidTransition::Invariant("the reception has not begun yet"));
        }
        let mut events = vec![CaseEvent::new("appt.no_show", json!({ "starts_at": slot.starts_at }))];
        if self.state == CaseState::Registered && self.joined.is_empty() {
            events.push(self.closed(ClosingCode::Withdrawn, None, at));
        } else {
            self.leave_reception(at);
        }
        Ok((self, events))
    }

    /// What the official instructed at the reception has become a case of its own.
    pub fn instruct(self, instruction: &CaseNumber, by: &Actor) -> Transition {
        receives(by)?;
        if matches!(self.state, CaseState::Archived { .. }) {
            return Err(self.refused("followed by an instruction"));
        }
        let instructed = CaseEvent::new("appt.instructed", json!({ "instruction": instruction }));
        Ok((self, vec![instructed]))
    }

    /// An official waits for the applicant.
    pub(super) fn awaits_reception(&self) -> bool {
        self.next.as_ref().is_some_and(|next| next.action == RECEIVE)
    }

    /// Others came with merged cases and wait for an answer: the desk goes on with it.
    fn leave_reception(&mut self, at: Timestamp) {
        if self.state == CaseState::Registered && self.awaits_reception() {
            self.back_to_desk(at);
        }
    }

    fn await_reception(&mut self, booking: &Booking) {
        self.next = Some(NextAction::new(&booking.post, RECEIVE, booking.slot.ends_at));
    }
}

/// Who makes appointments: the applicant, the desk for a caller, and the official's secretary.
fn arranges(by: &Actor) -> Result<(), InvalidTransition> {
    if matches!(by.kind, ActorKind::Applicant | ActorKind::MayorOffice) {
        return Ok(());
    }
    allow(by, DESK, "only the applicant, the desk and the official's secretary make appointments")
}

/// Who was there: the official's secretary, or the supervisor for one.
fn receives(by: &Actor) -> Result<(), InvalidTransition> {
    const SECRETARIES: &[ActorKind] = &[ActorKind::MayorOffice, ActorKind::Supervisor, ActorKind::Control];
    allow(by, SECRETARIES, "only the official's secretary says what became of a reception")
}
