//! The desks are closed and somebody is on duty: their telephones are rung over a trunk, one after the other, while the
//! caller hears music; who answers talks with the caller, recorded like every call. Nobody there, and the dialplan goes on.
//! Who is on duty when stands in the city plan; the way out is the switchboard's to find.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::json;

use crate::call::leg::LegEvent;
use crate::call::party::{Party, WayOut, Who};
use crate::call::turn::Turn;
use crate::call::{Call, Phase, Timer};
use crate::case::Priority;
use crate::ivr::Walk;
use crate::journal::EventType;
use crate::phone_number::PhoneNumber;
use crate::switchboard::trunks::DialOut;

/// One telephone rings this long: long enough to leave the table, short enough for the next one.
const LONGEST_DUTY_RINGING: Duration = Duration::from_secs(30);

/// Looking for somebody on duty.
#[derive(Debug)]
pub(super) struct Search {
    roster: String,
    /// Not rung yet; none before the roster was asked.
    phones: Option<VecDeque<PhoneNumber>>,
    walk: Box<Walk>,
}

/// What only the switchboard knows.
#[derive(Clone, Debug)]
pub enum Sought {
    /// A way to the next number, or another one to the same.
    WayOut(DialOut),
    /// Who is on duty in this roster.
    OnDuty(String),
}

impl Call {
    /// The dialplan wants the caller to talk with whoever is on duty. There is a case, whatever comes of it.
    pub(super) fn seek_duty(&mut self, roster: String, topic: Option<String>, turn: &mut Turn<'_>) {
        self.contact.topic = topic.or(self.contact.topic.take());
        let walk = match std::mem::replace(&mut self.phase, Phase::Answered) {
            Phase::Ivr { walk } => walk,
            other => {
                self.phase = other;
                return;
            }
        };
        self.enter(Phase::Duty { search: Search { roster, phones: None, walk } }, turn);
        self.contact.queued_at.get_or_insert(turn.now.utc);
        self.register_case(Priority::Normal, "", turn);
        self.commit(None, false, Vec::new(), turn);
        self.play_music(turn);
    }

    /// What the search waits for.
    pub(super) fn duty_sought(&self) -> Option<Sought> {
        let Phase::Duty { search } = &self.phase else { return None };
        let Some(phones) = &search.phones else { return Some(Sought::OnDuty(search.roster.clone())) };
        match &self.party {
            Some(Party { leg, who: Who::Outside { dial_out, .. } }) if leg.is_ended() => {
                Some(Sought::WayOut(dial_out.clone()))
            }
            Some(_) => None,
            None => phones.front().map(|number| Sought::WayOut(DialOut::new(number.clone()))),
        }
    }

    /// The answer to [`Sought::OnDuty`].
    pub fn handle_on_duty(&mut self, found: &[PhoneNumber], turn: &mut Turn<'_>) {
        let Phase::Duty { search } = &mut self.phase else { return };
        search.phones = Some(found.iter().cloned().collect());
        if found.is_empty() {
            self.nobody_on_duty(turn);
        }
    }

    /// The answer to [`Sought::WayOut`]: none when this number cannot be reached, or no longer.
    pub(super) fn handle_way_to_duty(&mut self, way: Option<WayOut>, turn: &mut Turn<'_>) {
        match way {
            Some(way) => {
                let next = self.call_outside(way, turn);
                if let Some(old) = self.party.replace(next) {
                    self.retire(old.leg);
                }
                self.timers.set(Timer::Ring, turn.now.mono + LONGEST_DUTY_RINGING);
            }
            None => self.ring_next_on_duty(turn),
        }
    }

    pub(super) fn handle_duty_event(&mut self, event: LegEvent, turn: &mut Turn<'_>) {
        match event {
            LegEvent::Established => self.duty_answered(turn),
            LegEvent::Ended(end) if self.party.as_ref().is_some_and(|party| party.seeks_way_out(end)) => {
                // The switchboard finds one that the ended leg waits for.
            }
            LegEvent::Ended(_) => self.ring_next_on_duty(turn),
            LegEvent::Prepared
            | LegEvent::Ringing
            | LegEvent::EarlyMedia
            | LegEvent::Acknowledged
            | LegEvent::Held
            | LegEvent::Resumed
            | LegEvent::Digit(_) => {}
        }
    }

    fn duty_answered(&mut self, turn: &mut Turn<'_>) {
        let Some(party) = self.party.take() else { return };
        let Phase::Duty { search } = &self.phase else { return };
        let roster = search.roster.clone();
        self.timers.stop(Timer::Ring);
        self.contact.connected_at.get_or_insert(turn.now.utc);
        let actor = party.actor();
        self.talk_with(party, turn);
        let note = self
            .draft(EventType::ContactTransferred, actor, turn)
            .with(json!({ "kind": "duty", "roster": roster }));
        self.commit(None, false, vec![note.draft], turn);
        tracing::info!(call.id = %self.contact.id, roster, "talks with who is on duty");
    }

    /// This one does not answer.
    pub(super) fn ring_next_on_duty(&mut self, turn: &mut Turn<'_>) {
        self.timers.stop(Timer::Ring);
        if let Some(mut party) = self.party.take() {
            party.leg.hang_up(turn);
            self.retire(party.leg);
        }
        let Phase::Duty { search } = &mut self.phase else { return };
        let phones = search.phones.get_or_insert_default();
        phones.pop_front();
        if phones.is_empty() {
            self.nobody_on_duty(turn);
        }
    }

    fn nobody_on_duty(&mut self, turn: &mut Turn<'_>) {
        let Phase::Duty { search } = std::mem::replace(&mut self.phase, Phase::Answered) else { return };
        tracing::warn!(call.id = %self.contact.id, roster = search.roster, "nobody on duty answers");
        // What plays is replaced, or ends with the call.
        self.next_play();
        self.enter(Phase::Ivr { walk: search.walk }, turn);
        if let Phase::Ivr { walk } = &mut self.phase {
            walk.handle_queue_full(turn.now);
        }
        self.drain_walk(turn);
    }
}
