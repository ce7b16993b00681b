//! A supervisor in a citizen's talk: listens, prompts the operator, speaks with both, or takes the talk over. The
//! supervisor's phone is rung as a leg of its own beside the two who talk; who hears whom is mixed in `media/`.
//!
//! A supervisor comes to a talk and goes with it: when the citizen waits again, nobody listens. Each coming, each change
//! and each going is on the journal (DOMAIN.md, invariant 11). What is said to the operator alone is not on the recording,
//! which holds what the citizen hears; the journal says from when to when it could be.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call::leg::{Leg, LegEnd, LegEvent};
use crate::call::party::AnswerMode;
use crate::call::turn::Turn;
use crate::call::{Call, LONGEST_RINGING, OfferTarget, Party, Phase, Timer};
use crate::ids::{LegId, UserId};
use crate::journal::EventType;
use crate::media;
use crate::people::{Actor, Role};

/// In one talk: one who helps the operator and one who learns to.
const MAX_SUPERVISORS: usize = 2;

/// What a supervisor does in a talk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supervision {
    /// Hears both, is heard by nobody.
    Listen,
    /// Hears both, is heard by the operator.
    Whisper,
    /// Talks with both.
    Barge,
    /// Talks with the citizen in the operator's place.
    TakeOver,
}

/// What is asked for, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wish {
    pub how: Supervision,
    /// For the journal.
    pub reason: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotSupervised {
    #[error("nobody talks with the citizen now")]
    NoTalk,
    #[error("{MAX_SUPERVISORS} supervisors are in this talk already")]
    Full,
}

/// One supervisor: at the phone, or being rung.
#[derive(Debug)]
pub(super) struct Supervisor {
    user: UserId,
    party: Party,
    wish: Wish,
    is_present: bool,
}

impl Supervisor {
    pub(super) fn leg(&self) -> &Leg {
        &self.party.leg
    }

    pub(super) fn leg_mut(&mut self) -> &mut Leg {
        &mut self.party.leg
    }

    fn actor(&self) -> Actor {
        Actor::person(Role::Supervisor, self.user, None)
    }
}

/// What is asked for.
impl Call {
    /// Whether somebody talks with the citizen, so that there is something to supervise.
    pub fn may_be_supervised(&self) -> Result<(), NotSupervised> {
        let talks = matches!(self.phase, Phase::Talking) && !self.is_consultation();
        if talks { Ok(()) } else { Err(NotSupervised::NoTalk) }
    }

    /// Who supervises, how, and whether they are there already.
    pub fn supervisors(&self) -> impl Iterator<Item = (UserId, Supervision, bool)> {
        self.supervisors.iter().map(|known| (known.user, known.wish.how, known.is_present))
    }

    pub fn is_supervised_by(&self, user: UserId) -> bool {
        self.supervisors.iter().any(|known| known.user == user)
    }

    /// Who is there changes at once what they do; who is not is rung first, at `phone`.
    pub fn supervise(
        &mut self,
        mut phone: OfferTarget,
        wish: Wish,
        turn: &mut Turn<'_>,
    ) -> Result<(), NotSupervised> {
        self.may_be_supervised()?;
        let user = phone.user;
        if let Some(known) = self.supervisors.iter_mut().find(|known| known.user == user) {
            known.wish = wish;
            if known.is_present {
                let leg = known.party.leg.id;
                self.admit(leg, turn);
            }
            return Ok(());
        }
        if self.supervisors.len() >= MAX_SUPERVISORS {
            return Err(NotSupervised::Full);
        }
        phone.answer_mode = AnswerMode::Auto;
        let party = self.call_phone(phone, turn).supervising();
        self.supervisors.push(Supervisor { user, party, wish, is_present: false });
        self.timers.set(Timer::RingSupervisor, turn.now.mono + LONGEST_RINGING);
        Ok(())
    }

    /// The supervisor has seen enough. False when there is none of that name.
    pub fn end_supervision(&mut self, user: UserId, turn: &mut Turn<'_>) -> bool {
        let leg = self.supervisors.iter().find(|known| known.user == user).map(|known| known.leg().id);
        leg.inspect(|leg| self.dismiss_supervisor(*leg, turn)).is_some()
    }
}

/// What becomes of it.
impl Call {
    pub(super) fn supervisor_at(&self, leg: LegId) -> Option<UserId> {
        self.supervisors.iter().find(|known| known.leg().id == leg).map(|known| known.user)
    }

    pub(super) fn handle_supervisor_event(&mut self, leg: LegId, event: LegEvent, turn: &mut Turn<'_>) {
        match event {
            LegEvent::Established => self.admit(leg, turn),
            LegEvent::Ended(end) => self.handle_supervisor_ended(leg, end, turn),
            // Nobody waits for a supervisor's phone; on hold it hears nothing, and that is all.
            LegEvent::Prepared
            | LegEvent::Ringing
            | LegEvent::EarlyMedia
            | LegEvent::Acknowledged
            | LegEvent::Held
            | LegEvent::Resumed
            | LegEvent::Digit(_) => {}
        }
    }

    /// The supervisor at `leg` is there and does what was asked for, from now on.
    fn admit(&mut self, leg: LegId, turn: &mut Turn<'_>) {
        let Some(index) = self.supervisors.iter().position(|known| known.leg().id == leg) else { return };
        if self.supervisors[index].wish.how == Supervision::TakeOver {
            let supervisor = self.supervisors.remove(index);
            self.take_over_from_operator(supervisor, turn);
            return;
        }
        self.supervisors[index].is_present = true;
        let known = &self.supervisors[index];
        tracing::info!(call.id = %self.contact.id, user.id = %known.user, how = ?known.wish.how, "supervised");
        let mut note = self
            .draft(EventType::AccessMonitored, known.actor(), turn)
            .with(json!({ "how": known.wish.how, "operator": self.operator() }));
        note.draft.reason.clone_from(&known.wish.reason);
        self.commit(None, false, vec![note.draft], turn);
        self.let_supervisors_in(turn);
    }

    /// Puts each who is there into the room of the operator. Beside the operator and not the citizen, who may be alone
    /// with the music.
    pub(super) fn let_supervisors_in(&self, turn: &mut Turn<'_>) {
        let Some(party) = &self.party else { return };
        for known in self.supervisors.iter().filter(|known| known.is_present) {
            let role = match known.wish.how {
                Supervision::Barge => media::Role::Talk,
                Supervision::Whisper if party.operator().is_some() => {
                    media::Role::Whisper { to: party.leg.id }
                }
                _ => media::Role::Listen,
            };
            turn.media(media::Command::Join { leg: known.leg().id, beside: party.leg.id, role });
        }
    }

    /// The citizen goes on with the supervisor, the operator writes up what there was.
    fn take_over_from_operator(&mut self, supervisor: Supervisor, turn: &mut Turn<'_>) {
        self.abandon_transfer(turn);
        let (contact, from) = (self.contact.id, self.operator());
        self.release_party(turn);
        if let Some(from) = from {
            turn.acd.call_ended(contact, from, turn.now.mono);
        }
        let actor = supervisor.actor();
        let Supervisor { user, party, wish, .. } = supervisor;
        self.talk_with(party, turn);
        let mut note = self
            .draft(EventType::ContactTransferred, actor, turn)
            .with(json!({ "kind": "take_over", "from": from, "to": user }));
        note.draft.reason = wish.reason;
        self.commit(None, false, vec![note.draft], turn);
        tracing::info!(call.id = %contact, user.id = %user, "taken over by a supervisor");
    }

    /// The leg is over: hung up, or a phone that could not be reached and has others beside it.
    fn handle_supervisor_ended(&mut self, leg: LegId, end: LegEnd, turn: &mut Turn<'_>) {
        let Some(index) = self.supervisors.iter().position(|known| known.leg().id == leg) else { return };
        let next = Some(&mut self.supervisors[index])
            .filter(|known| !known.is_present)
            .and_then(|known| known.party.next_phone(end));
        match next {
            Some(next) => self.supervisors[index].party = self.call_phone(next, turn).supervising(),
            None => self.dismiss_supervisor(leg, turn),
        }
    }

    pub(super) fn handle_supervisor_ring_timeout(&mut self, turn: &mut Turn<'_>) {
        let ringing = self.supervisors.iter().filter(|known| !known.is_present);
        for leg in ringing.map(|known| known.leg().id).collect::<Vec<_>>() {
            self.dismiss_supervisor(leg, turn);
        }
    }

    pub(super) fn dismiss_supervisors(&mut self, turn: &mut Turn<'_>) {
        while let Some(known) = self.supervisors.last() {
            self.dismiss_supervisor(known.leg().id, turn);
        }
    }

    /// Lets one go, in whatever state their phone is.
    pub(super) fn dismiss_supervisor(&mut self, leg: LegId, turn: &mut Turn<'_>) {
        let Some(index) = self.supervisors.iter().position(|known| known.leg().id == leg) else { return };
        let mut known = self.supervisors.remove(index);
        known.leg_mut().hang_up(turn);
        if known.is_present {
            let note = self.draft(EventType::AccessMonitoringEnded, known.actor(), turn);
            self.commit(None, false, vec![note.draft], turn);
        }
        self.retire(known.party.leg);
    }
}
