//! From INVITE to 200 OK: nothing is answered before media, contact row, first journal entry and recording
//! file are there. Where the city would rather answer than record, a file that cannot be made is not waited for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::call::caller::{Caller, Guest};
use crate::call::contact::{Contact, Disposition};
use crate::call::effect::{Effect, Ticket};
use crate::call::leg::{Leg, LegEnd};
use crate::call::record::Track;
use crate::call::refusal::Refusal;
use crate::call::turn::Turn;
use crate::call::{Call, Missing, Phase, Purpose, Timer, WrapUp};
use crate::callback::Outcome;
use crate::dialplan::Dialplan;
use crate::ids::ContactId;
use crate::journal::{Draft, EventType};
use crate::media::PlayId;
use crate::people::Actor;
use crate::phone_number::{NumberingPlan, PhoneNumber};
use crate::recording::{Impairment, Keeping};
use crate::sdp::Codec;
use crate::sip::message::{Flow, Request};
use crate::sip::transaction::ServerTransactionId;
use crate::termination::Termination;
use crate::time::TimerTable;

/// Longest wait for disk and database before the caller hears 503. Below timer B (32 s) by far: a caller
/// would rather hear "busy" than nothing.
const SETUP_TIMEOUT: Duration = Duration::from_secs(4);

/// An admitted INVITE.
#[derive(Debug)]
pub struct NewCall {
    pub transaction: ServerTransactionId,
    pub invite: Request,
    pub flow: Flow,
    /// Trunk name or extension it came from.
    pub origin: String,
    /// It came from a trunk, which is believed who calls.
    pub trusted: bool,
    /// A citizen at the web page; none for everybody else.
    pub guest: Option<Guest>,
    pub called: PhoneNumber,
    /// How its origin writes numbers.
    pub numbering: NumberingPlan,
    pub purpose: Purpose,
    pub keeping: Keeping,
    pub plan: Arc<Dialplan>,
    pub topic_categories: Arc<BTreeMap<String, String>>,
}

impl Call {
    /// Opens media, file and contact for an admitted INVITE.
    pub fn offered(new: NewCall, turn: &mut Turn<'_>) -> Result<Self, (Refusal, Box<Request>)> {
        let mut caller = match &new.guest {
            Some(guest) => Caller::guest(guest),
            None => Caller::of(&new.invite, new.trusted),
        };
        caller.number = new.numbering.normalise(&caller.number);
        caller.diverted_from = caller.diverted_from.map(|number| new.numbering.normalise(&number));
        let sip_call_id = new.invite.call_id.clone();
        let citizen = Leg::incoming(new.transaction, new.invite, new.flow, turn)?;
        let id = ContactId(turn.mint.uuid(turn.now.utc));
        let wideband = citizen.codec(turn).is_some_and(Codec::is_wideband);
        let track = Track::of(new.keeping, id, wideband, turn);
        let (now, caller_number) = (turn.now.utc, caller.number.clone());
        let mut contact = Contact::offered(id, now, caller_number, new.called, new.origin, sip_call_id);
        contact.language = new.guest.as_ref().and_then(|guest| guest.language);
        contact.stated_number.clone_from(&caller.stated);
        let mut call = Self::new(contact, new.purpose, citizen, track, new.plan);
        call.topic_categories = new.topic_categories;
        match call.placed_by() {
            Some(by) => {
                turn.counters.consultations += 1;
                turn.acd.aside_began(id, by, turn.now.mono);
            }
            None => turn.counters.calls_offered += 1,
        }
        let offered = call.offered_draft(&caller, turn);
        call.prepare(offered, turn);
        tracing::info!(call.id = %id, sip.call_id = %call.contact.sip_call_id, "call offered");
        Ok(call)
    }

    /// Nothing is there yet.
    pub(super) fn new(
        mut contact: Contact,
        purpose: Purpose,
        citizen: Leg,
        track: Option<Track>,
        plan: Arc<Dialplan>,
    ) -> Self {
        contact.recording = track.as_ref().map(|track| track.recording().id);
        Self {
            since: contact.offered_at,
            contact,
            purpose,
            legs: vec![citizen.id],
            citizen,
            party: None,
            also_ringing: Vec::new(),
            supervisors: Vec::new(),
            retired: Vec::new(),
            track,
            phase: Phase::Setup { missing: vec![Missing::Media] },
            plan,
            topic_categories: Arc::default(),
            last_play: PlayId(0),
            timers: TimerTable::default(),
            unwritten: None,
            case_asked: false,
            informed: false,
            left_word: false,
            wants_call_back: false,
            sought_queue: None,
            is_executors: false,
            has_arrived: false,
            last_key: None,
        }
    }

    /// Asks for the file, and writes the contact with its first entry.
    pub(super) fn prepare(&mut self, offered: Draft, turn: &mut Turn<'_>) {
        let ticket = turn.ticket();
        let file = self.track.as_ref().filter(|track| track.needs_file());
        if let Phase::Setup { missing } = &mut self.phase {
            missing.push(Missing::Commit(ticket));
            missing.extend(file.map(|_| Missing::File));
        }
        if let Some(track) = file {
            let description = format!("Contact {}", self.contact.id);
            turn.effect(Effect::OpenRecording { recording: track.recording().clone(), description });
        }
        self.unwritten = Some(offered.clone());
        self.commit(Some(ticket), true, vec![offered], turn);
        self.timers.set(Timer::Setup, turn.now.mono + SETUP_TIMEOUT);
    }

    fn offered_draft(&self, caller: &Caller, turn: &mut Turn<'_>) -> Draft {
        let mut data = json!({
            "caller": self.contact.caller,
            "called": self.contact.called,
            "origin": self.contact.origin,
            "sip_call_id": self.contact.sip_call_id,
        });
        caller.note(&mut data);
        self.draft(EventType::ContactOffered, Actor::system("switchboard"), turn).with(data).draft
    }

    pub fn handle_recording_opened(&mut self, turn: &mut Turn<'_>) {
        self.have(Missing::File, turn);
    }

    /// There will be no recording, for `reason`.
    pub fn handle_recording_open_failed(&mut self, reason: &str, turn: &mut Turn<'_>) {
        let Phase::Setup { missing } = &self.phase else { return };
        if !missing.contains(&Missing::File) {
            return;
        }
        if self.go_unrecorded(reason, turn) {
            self.have(Missing::File, turn);
        } else {
            self.abandon_setup(Refusal::CannotRecord, turn);
        }
    }

    pub fn handle_committed(&mut self, ticket: Ticket, durable: bool, turn: &mut Turn<'_>) {
        if durable {
            self.unwritten = None;
            self.have(Missing::Commit(ticket), turn);
            return;
        }
        // The store refused the first batch: what it would have said goes with the next.
        let offered: Vec<_> = self.unwritten.take().into_iter().collect();
        if self.rings_back() {
            self.commit(None, false, offered, turn);
            self.give_up_call_back(Outcome::Unreachable, turn);
        } else if matches!(self.phase, Phase::Setup { .. }) {
            self.citizen.refuse(Refusal::NotDurable, turn);
            let reason = Refusal::NotDurable.name();
            self.close_unanswered(Termination::TechnicalFailure, reason, offered, turn);
        } else {
            self.commit(None, false, offered, turn);
        }
    }

    /// The caller hears that we are there while disk and database are asked.
    pub(super) fn ring(&mut self, turn: &mut Turn<'_>) {
        self.citizen.ring(turn);
        if let Phase::Setup { missing } = &mut self.phase
            && self.citizen.awaits_prack()
        {
            missing.push(Missing::Prack);
        }
    }

    /// One of the things setup waits for is there; the last one answers the call.
    pub(super) fn have(&mut self, found: Missing, turn: &mut Turn<'_>) {
        let Phase::Setup { missing } = &mut self.phase else { return };
        missing.retain(|wanted| *wanted != found);
        if missing.iter().all(|wanted| *wanted == Missing::Prack) {
            // From here on only the caller is waited for, by the clock of the leg.
            self.timers.stop(Timer::Setup);
        }
        if !missing.is_empty() {
            return;
        }
        if self.is_consultation() {
            self.ring_asked(turn);
            return;
        }
        if self.is_call_back() {
            self.ring_operators(turn);
            return;
        }
        if self.is_asking() {
            self.ring_applicant(turn);
            return;
        }
        if self.is_masked() {
            self.ring_executor(turn);
            return;
        }
        if let Err(refusal) = self.citizen.answer(turn) {
            self.abandon_setup(refusal, turn);
            return;
        }
        let entries = self.answered(turn);
        self.enter(Phase::Answered, turn);
        self.commit(None, true, entries, turn);
        tracing::info!(call.id = %self.contact.id, "call answered");
    }

    /// 200 OK is out: the recording runs, if there is one; the entries that say so.
    pub(super) fn answered(&mut self, turn: &mut Turn<'_>) -> Vec<Draft> {
        self.contact.answered_at = Some(turn.now.utc);
        if matches!(self.purpose, Purpose::Service) {
            turn.counters.calls_answered += 1;
            turn.counters.lengths.set_up.observe(turn.now.utc.since(self.contact.offered_at));
        }
        if let Some(track) = &mut self.track {
            track.start(self.citizen.id, turn);
        }
        let answered = self.draft(EventType::ContactAnswered, Actor::system("switchboard"), turn).draft;
        let recording = self.recording_draft(turn);
        std::iter::once(answered).chain(recording).collect()
    }

    pub(super) fn handle_setup_timeout(&mut self, turn: &mut Turn<'_>) {
        let is_file = |missing: &Missing| matches!(missing, Missing::File | Missing::Prack);
        match &self.phase {
            Phase::Setup { missing } if missing.iter().all(is_file) => {
                self.handle_recording_open_failed(Impairment::DiskSlow.name(), turn);
            }
            _ => self.abandon_setup(Refusal::NotDurable, turn),
        }
    }

    /// The call will not be answered: refuse, and leave a record that says why.
    pub(super) fn abandon_setup(&mut self, refusal: Refusal, turn: &mut Turn<'_>) {
        self.give_up_call_back(Outcome::Unreachable, turn);
        if matches!(self.phase, Phase::Setup { .. }) {
            self.citizen.refuse(refusal, turn);
            self.close_unanswered(Termination::TechnicalFailure, refusal.name(), Vec::new(), turn);
        }
    }

    /// The citizen's leg ended before it was answered.
    pub(super) fn handle_unanswered(&mut self, end: LegEnd, turn: &mut Turn<'_>) {
        match end {
            LegEnd::PeerCancelled => {
                self.close_unanswered(Termination::CallerCancelled, "cancelled", Vec::new(), turn)
            }
            LegEnd::MediaFailed => {
                self.close_unanswered(Termination::TechnicalFailure, "no_media", Vec::new(), turn)
            }
            LegEnd::NotAcknowledged => {
                self.close_unanswered(Termination::NotAcknowledged, "no_prack", Vec::new(), turn)
            }
            _ => self.close_unanswered(Termination::SignallingLost, "signalling_lost", Vec::new(), turn),
        }
    }

    /// `entries` go before those of the end.
    pub(super) fn close_unanswered(
        &mut self,
        termination: Termination,
        reason: &str,
        mut entries: Vec<Draft>,
        turn: &mut Turn<'_>,
    ) {
        self.timers.clear();
        self.contact.ended_at = Some(turn.now.utc);
        self.contact.termination = Some(termination);
        self.contact.recording = None;
        self.contact.disposition = Some(match termination {
            Termination::CallerCancelled | Termination::NotAnswered => Disposition::Abandoned,
            _ => Disposition::Technical,
        });
        if let Some(track) = &mut self.track {
            track.discard(turn);
        }
        self.end_aside(turn);
        self.enter(Phase::Ended { wrap_up: WrapUp::None }, turn);
        let ended = self
            .draft(EventType::ContactEnded, Actor::system("switchboard"), turn)
            .with(json!({ "termination": termination, "answered": false }))
            .because(reason);
        let disposed = self.disposed_draft(Actor::system("switchboard"), turn);
        entries.extend([ended.draft, disposed]);
        self.commit(None, true, entries, turn);
        self.count_end(termination, turn);
    }
}
