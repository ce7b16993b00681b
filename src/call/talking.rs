//! Citizen and operator talk, or somebody outside in the operator's place: bridge, hold, and what happens when one side
//! goes. An operator who is lost sends the citizen back into the queue; a call that is over goes on in `ending`.
//! Samples are mixed and passed on in `media/`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::acd::{Enqueued, QueueEntry};
use crate::call::leg::LegEnd;
use crate::call::turn::Turn;
use crate::call::{Call, Phase, Timer};
use crate::callback::Outcome;
use crate::ids::LegId;
use crate::journal::EventType;
use crate::language::Language;
use crate::media;
use crate::people::{Actor, Role};
use crate::sip::message::Flow;
use crate::termination::Termination;

/// Nobody is kept on hold for longer, and no phone that died on hold keeps a call alive.
const LONGEST_HOLD: Duration = Duration::from_secs(30 * 60);
/// A page whose socket broke has a new one within seconds; after so long without one it is closed, and whom it holds waits
/// for nobody.
const LONGEST_HOLD_WITHOUT_SOCKET: Duration = Duration::from_secs(60);

impl Call {
    /// The operator picked up: announcement and music stop, both hear each other with the next tick.
    pub(super) fn connect(&mut self, turn: &mut Turn<'_>) {
        let Some(user) = self.operator() else { return };
        if !turn.acd.offer_answered(self.contact.id, user, turn.now.mono) {
            self.release_party(turn);
            self.party = self.also_ringing.pop();
            return;
        }
        self.release_others(turn);
        if self.rings_back() {
            self.dial_citizen(user, turn);
            return;
        }
        self.bridge(turn);
        self.contact.operator = Some(user);
        if let (None, Some(queued_at)) = (self.contact.connected_at, self.contact.queued_at) {
            turn.counters.lengths.wait.observe(turn.now.utc.since(queued_at));
        }
        self.contact.connected_at.get_or_insert(turn.now.utc);
        self.enter(Phase::Talking, turn);
        let answered = self
            .draft(EventType::ContactConnected, operator_actor(user), turn)
            .with(json!({ "operator": user, "queue": self.contact.queue }));
        self.commit(None, false, vec![answered.draft], turn);
        tracing::info!(call.id = %self.contact.id, operator.id = %user, "operator connected");
    }

    /// The other party holds: the citizen hears music.
    pub(super) fn hold(&mut self, turn: &mut Turn<'_>) {
        if let (Phase::Talking, Some(party)) = (&self.phase, &self.party) {
            let (by, actor) = (party.side(), party.actor());
            turn.media(media::Command::Unbridge { leg: self.citizen.id });
            self.play_music(turn);
            self.note_hold(by, actor, true, turn);
        }
    }

    pub(super) fn resume(&mut self, turn: &mut Turn<'_>) {
        if let (Phase::Talking, Some(party)) = (&self.phase, &self.party) {
            let (by, actor) = (party.side(), party.actor());
            self.bridge(turn);
            self.note_hold(by, actor, false, turn);
        }
    }

    /// Both hear each other again, or music while the operator holds.
    pub(super) fn join(&mut self, turn: &mut Turn<'_>) {
        let Some(party) = &self.party else { return };
        if party.leg.is_held() {
            self.play_music(turn);
            self.timers.set(Timer::Hold, turn.now.mono + LONGEST_HOLD);
            return;
        }
        self.bridge(turn);
        self.forget_hold();
    }

    pub(super) fn bridge(&mut self, turn: &mut Turn<'_>) {
        let Some(leg) = self.party_leg() else { return };
        turn.media(media::Command::Bridge { a: self.citizen.id, b: leg });
        self.next_play();
        // The bridge is a new one, without those who listened to the old one.
        self.let_supervisors_in(turn);
    }

    /// Nobody is kept waiting any more, unless somebody holds.
    pub(super) fn forget_hold(&mut self) {
        if !self.is_held() {
            self.timers.stop(Timer::Hold);
        }
    }

    pub(super) fn note_hold(&mut self, by: &str, actor: Actor, held: bool, turn: &mut Turn<'_>) {
        let event = if held { EventType::ContactHeld } else { EventType::ContactResumed };
        if held {
            self.timers.set(Timer::Hold, turn.now.mono + LONGEST_HOLD);
        } else {
            self.forget_hold();
        }
        let note = self.draft(event, actor, turn).with(json!({ "by": by }));
        self.commit(None, false, vec![note.draft], turn);
    }

    /// The connection `closed` is gone. A browser that talks and died is found out by its silence, one that holds by this
    /// alone.
    pub(super) fn doubt_hold(&mut self, closed: &Flow, now: Instant) {
        if self.holds_over(closed) {
            self.timers.set(Timer::Hold, now + LONGEST_HOLD_WITHOUT_SOCKET);
        }
    }

    /// Somebody came back over `flow`: their hold is one again.
    pub(super) fn trust_hold(&mut self, flow: &Flow, now: Instant) {
        if self.holds_over(flow) {
            self.timers.set(Timer::Hold, now + LONGEST_HOLD);
        }
    }

    fn holds_over(&self, flow: &Flow) -> bool {
        let talks = self.party.as_ref().map(|party| &party.leg);
        std::iter::once(&self.citizen).chain(talks).any(|leg| leg.is_held() && leg.is_reached_by_socket(flow))
    }

    /// Nobody can tell a phone on hold from one that died: the operator's is given up and the caller waits for another
    /// one, and so it is with one outside; a caller's call is ended.
    pub(super) fn handle_hold_timeout(&mut self, turn: &mut Turn<'_>) {
        if self.citizen.is_held() {
            self.end(Termination::LimitReached, turn);
        } else if let Some(party) = self.party.as_mut().filter(|party| party.leg.is_held()) {
            party.leg.hang_up(turn);
            self.handle_party_lost(turn);
        }
    }

    /// The other party's leg ended while talking: hung up means the call is over; lost means the caller goes
    /// back into the queue.
    pub(super) fn handle_party_left(&mut self, end: LegEnd, turn: &mut Turn<'_>) {
        match (end, self.operator()) {
            (LegEnd::PeerHungUp, Some(_)) => self.end(Termination::OperatorHungUp, turn),
            (LegEnd::PeerHungUp, None) => self.end(Termination::OutsideHungUp, turn),
            _ => self.requeue(turn),
        }
    }

    /// The other party's phone is gone without a BYE; a transfer that rings already goes on without it.
    fn handle_party_lost(&mut self, turn: &mut Turn<'_>) {
        if matches!(self.phase, Phase::Transferring { .. }) {
            self.handle_transferor_left(turn);
        } else {
            self.requeue(turn);
        }
    }

    /// An operator's phone that was restarted, or whose BYE was lost, sends nothing any more and says so when it is asked;
    /// one that only mutes itself knows its call. Strangers' phones behind a trunk are left in peace.
    pub(super) fn handle_quiet(&mut self, leg: LegId, turn: &mut Turn<'_>) {
        let Some(party) = self.party.as_mut().filter(|party| party.leg.id == leg) else { return };
        if party.operator().is_some() {
            party.leg.ask_whether_it_knows_the_call(turn);
        }
    }

    pub(super) fn handle_media_timeout(&mut self, leg: LegId, turn: &mut Turn<'_>) {
        if self.rings_back() {
            self.give_up_call_back(Outcome::Dropped, turn);
        } else if leg == self.citizen.id {
            self.end(Termination::MediaTimeout, turn);
        } else if self.supervisor_at(leg).is_some() {
            self.dismiss_supervisor(leg, turn);
        } else if matches!(self.phase, Phase::Talking | Phase::Transferring { .. })
            && self.party_leg() == Some(leg)
        {
            tracing::warn!(call.id = %self.contact.id, leg.id = %leg, "the other party's phone went silent");
            if let Some(party) = &mut self.party {
                party.leg.hang_up(turn);
            }
            self.handle_party_lost(turn);
        }
    }

    /// The other party was lost, the caller is still there: wait for another operator.
    fn requeue(&mut self, turn: &mut Turn<'_>) {
        if self.is_masked() {
            // No operator was to talk here.
            self.end(Termination::SignallingLost, turn);
            return;
        }
        let lost = self.operator();
        self.retire_party(turn);
        if let Some(user) = lost {
            turn.acd.call_ended(self.contact.id, user, turn.now.mono);
        }
        self.wait_again(if lost.is_some() { "operator_lost" } else { "outside_lost" }, turn);
    }

    /// Back into the queue, before all others: this caller has waited once.
    pub(super) fn wait_again(&mut self, why: &str, turn: &mut Turn<'_>) {
        let language = self.contact.language.unwrap_or(Language::Uk);
        let queue = self.contact.queue.clone().unwrap_or_default();
        let entry = QueueEntry { contact: self.contact.id, queue: queue.clone(), language, urgent: true };
        if turn.acd.enqueue(entry, turn.now.mono) != Enqueued::Waiting {
            self.end(Termination::SignallingLost, turn);
            return;
        }
        turn.media(media::Command::Unbridge { leg: self.citizen.id });
        self.enter(Phase::Waiting { announcing: false, walk: None }, turn);
        let note = self
            .draft(EventType::ContactQueued, Actor::system("acd"), turn)
            .with(json!({ "queue": queue, "language": language, "urgent": true }))
            .because(why);
        self.commit(None, false, vec![note.draft], turn);
        self.play_music(turn);
    }
}

/// The operator as the one who did it.
pub(super) fn operator_actor(user: crate::ids::UserId) -> Actor {
    Actor::person(Role::Operator, user, None)
}
