//! The city rings an applicant to ask whether the work is done: dialled over a trunk, and once somebody has answered and
//! it is clear who (`answering`), a dialplan of its own is walked. A contact of its own, recorded from the answer on; what
//! came of it stands on the contact as soon as it is known. Whom to ask when is `crate::verification`'s.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::call::answering::{Answering, Sound, Who};
use crate::call::contact::{Contact, Direction};
use crate::call::leg::{Leg, LegEnd, LegEvent};
use crate::call::party::WayOut;
use crate::call::record::Track;
use crate::call::turn::Turn;
use crate::call::{Call, Missing, Phase, Purpose, Timer};
use crate::callback;
use crate::dialplan::Dialplan;
use crate::ids::ContactId;
use crate::ivr::{About, Exit, Verdict, Walk};
use crate::journal::EventType;
use crate::media;
use crate::people::Actor;
use crate::phone_number::PhoneNumber;
use crate::recording::Keeping;
use crate::sip::message::StatusCode;
use crate::termination::Termination;
use crate::verification::{Asked, Inquiry, Outcome};

/// An applicant whose turn has come.
#[derive(Debug)]
pub struct NewAsking {
    pub id: ContactId,
    pub inquiry: Inquiry,
    pub number: PhoneNumber,
    pub way: WayOut,
    /// The city's number.
    pub city: PhoneNumber,
    pub keeping: Keeping,
    pub plan: Arc<Dialplan>,
    pub topic_categories: Arc<BTreeMap<String, String>>,
    pub manners: Manners,
}

/// How applicants are rung.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Manners {
    /// A phone rings for so long.
    pub ring_for: Duration,
    /// Speech without a pause for longer than this is a machine's.
    pub machine_after: Duration,
}

/// What is known of the applicant so far.
#[derive(Debug)]
pub struct Asking {
    topic: Option<String>,
    /// The number the applicant knows the matter by.
    known_as: String,
    /// It is the end of an incident that they are told of.
    restored: bool,
    manners: Manners,
    /// Somebody spoke, or pressed a key.
    is_somebody: bool,
    is_machine: bool,
    /// The result was said to its end.
    is_told: bool,
    /// Told once.
    outcome: Option<Outcome>,
}

impl Call {
    /// Opens media, file and contact; nobody is rung yet.
    pub fn asking(new: NewAsking, turn: &mut Turn<'_>) -> Self {
        let NewAsking { id, inquiry, number, way: WayOut { route, .. }, city, keeping, .. } = new;
        let trunk = route.trunk.clone();
        let citizen = Leg::over_trunk(route, Vec::new(), turn).parked();
        let mut contact = Contact::offered(id, turn.now.utc, number, city, trunk, String::new());
        contact.direction = Direction::Outbound;
        contact.language = Some(inquiry.language);
        contact.topic.clone_from(&inquiry.topic);
        let known_as = inquiry.known_as().0.clone();
        contact.case = Some(inquiry.recipient.case);
        contact.asked = Some(Asked::default());
        let track = Track::of(keeping, id, false, turn);
        let asking = Asking {
            topic: inquiry.topic,
            known_as,
            restored: inquiry.restored,
            manners: new.manners,
            is_somebody: false,
            is_machine: false,
            is_told: false,
            outcome: None,
        };
        let mut call = Self::new(contact, Purpose::Verification(asking), citizen, track, new.plan);
        call.topic_categories = new.topic_categories;
        call.case_asked = true;
        let data = json!({ "caller": call.contact.caller, "called": call.contact.called,
            "origin": call.contact.origin, "asks": inquiry.attempts.len() });
        let offered = call.draft(EventType::ContactOffered, Actor::system("switchboard"), turn).with(data);
        call.prepare(offered.draft, turn);
        tracing::info!(call.id = %id, attempt = inquiry.attempts.len(), "an applicant is to be asked");
        call
    }

    pub fn is_asking(&self) -> bool {
        matches!(self.purpose, Purpose::Verification(_))
    }

    /// What came of it, once, as soon as it is known; the call may go on.
    pub fn take_asked(&mut self) -> Option<Outcome> {
        match &mut self.purpose {
            Purpose::Verification(asking) => asking.outcome.take(),
            _ => None,
        }
    }

    fn asking_mut(&mut self) -> Option<&mut Asking> {
        match &mut self.purpose {
            Purpose::Verification(asking) => Some(asking),
            _ => None,
        }
    }

    /// Contact and file are there: now the applicant's phone rings.
    pub(super) fn ring_applicant(&mut self, turn: &mut Turn<'_>) {
        let Some(ring_for) = self.asking_mut().map(|asking| asking.manners.ring_for) else { return };
        self.enter(Phase::CallingBack, turn);
        self.timers.set(Timer::Ring, turn.now.mono + ring_for);
        let (leg, event) = (self.citizen.id, self.citizen.dial(turn));
        self.contact.sip_call_id = self.citizen.sip_call_id().unwrap_or_default().to_owned();
        self.commit(None, false, Vec::new(), turn);
        self.handle_leg_event(leg, event, turn);
    }

    /// What happens on the applicant's leg before it is answered. Early media is the network's, and nobody hears it.
    pub(super) fn handle_rung_applicant(&mut self, event: LegEvent, turn: &mut Turn<'_>) {
        match event {
            LegEvent::Prepared => self.have(Missing::Media, turn),
            LegEvent::Established => self.applicant_answered(turn),
            LegEvent::Ended(end) => self.give_up_asking(outcome_of(end), turn),
            LegEvent::Ringing
            | LegEvent::EarlyMedia
            | LegEvent::Acknowledged
            | LegEvent::Held
            | LegEvent::Resumed
            | LegEvent::Digit(_) => {}
        }
    }

    fn applicant_answered(&mut self, turn: &mut Turn<'_>) {
        let Some(manners) = self.asking_mut().map(|asking| asking.manners) else { return };
        self.timers.stop(Timer::Ring);
        let entries = self.answered(turn);
        let answering = Answering::new(manners.machine_after, turn.now.mono);
        self.timers.set(Timer::Answering, answering.deadline());
        self.enter(Phase::Answering { answering }, turn);
        self.commit(None, true, entries, turn);
        turn.media(media::Command::Listen { leg: self.citizen.id });
        tracing::info!(call.id = %self.contact.id, "applicant answered");
    }

    pub(super) fn handle_applicant_sound(&mut self, sound: Sound, turn: &mut Turn<'_>) {
        if sound == Sound::VoiceStarted
            && let Some(asking) = self.asking_mut()
        {
            asking.is_somebody = true;
        }
        if let Phase::Answering { answering } = &mut self.phase {
            let who = answering.hear(sound, turn.now.mono);
            self.timers.set(Timer::Answering, answering.deadline());
            self.speak_to(who, turn);
        }
    }

    pub(super) fn handle_answering_timeout(&mut self, turn: &mut Turn<'_>) {
        if let Phase::Answering { answering } = &mut self.phase {
            let who = answering.handle_timeout(turn.now.mono);
            self.timers.set(Timer::Answering, answering.deadline());
            self.speak_to(who, turn);
        }
    }

    /// A key of whoever answered: a person, even where a machine was heard. True when the call begins to ask by that.
    pub(super) fn note_person(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some(asking) = self.asking_mut() else { return false };
        asking.is_somebody = true;
        let begins = std::mem::take(&mut asking.is_machine) || matches!(self.phase, Phase::Answering { .. });
        if begins && matches!(self.phase, Phase::Answering { .. } | Phase::Ivr { .. }) {
            self.speak_to(Some(Who::Person), turn);
            return true;
        }
        false
    }

    fn speak_to(&mut self, who: Option<Who>, turn: &mut Turn<'_>) {
        let Some(who) = who else { return };
        self.timers.stop(Timer::Answering);
        let (plan, caller) = (self.plan.clone(), self.contact.caller.clone());
        let language = self.contact.language.unwrap_or(crate::language::Language::Uk);
        let Some(asking) = self.asking_mut() else { return };
        asking.is_machine = who == Who::Machine;
        let walk = Walk::asking(
            plan,
            &caller,
            About {
                case: &asking.known_as,
                topic: asking.topic.as_deref(),
                language,
                restored: asking.restored,
            },
            asking.is_machine,
            turn.now,
        );
        tracing::info!(call.id = %self.contact.id, ?who, "speaks to whoever answered");
        self.enter(Phase::Ivr { walk: Box::new(walk) }, turn);
        self.drain_walk(turn);
    }

    /// A prompt was played to its end: the first of the walk says the result.
    pub(super) fn note_told(&mut self) {
        if let Some(asking) = self.asking_mut() {
            asking.is_told = true;
        }
    }

    /// The answer, as soon as it is given: the call only says good-bye after it.
    pub(super) fn note_verdict(&mut self, verdict: Verdict, turn: &mut Turn<'_>) {
        let outcome = match verdict {
            Verdict::Fixed => Outcome::Confirmed,
            Verdict::NotFixed => Outcome::Refuted,
            Verdict::NoMoreCalls => Outcome::NoMoreCalls,
        };
        self.note_asked(outcome, turn);
        let refused = (verdict == Verdict::NoMoreCalls)
            .then(|| self.draft(EventType::ConsentCallsRefused, self.applicant(), turn).draft);
        self.commit(None, false, refused.into_iter().collect(), turn);
    }

    /// Whoever leaves for an operator, or to be rung back by one, is no longer asked here.
    pub(super) fn note_exit(&mut self, exit: &Exit, turn: &mut Turn<'_>) {
        if !matches!(exit, Exit::Hangup) {
            self.note_asked(Outcome::Operator, turn);
        }
    }

    /// The first word counts.
    fn note_asked(&mut self, outcome: Outcome, turn: &mut Turn<'_>) {
        let offset_ms = self.position(turn.now.mono).map(|position| position.offset_ms);
        let is_open = self.contact.asked.is_some_and(|asked| asked.outcome.is_none());
        let Some(asking) = self.asking_mut().filter(|_| is_open) else { return };
        asking.outcome = Some(outcome);
        self.contact.asked = Some(Asked { outcome: Some(outcome), offset_ms });
        *turn.counters.verifications.entry(outcome.name()).or_default() += 1;
        tracing::info!(call.id = %self.contact.id, outcome = outcome.name(), "applicant asked");
    }

    /// The call ends: what it shows, when nobody has said it.
    pub(super) fn conclude_asking(&mut self, termination: Termination, turn: &mut Turn<'_>) {
        let Purpose::Verification(asking) = &self.purpose else { return };
        let by_itself = matches!(termination, Termination::CallerHungUp | Termination::IvrHungUp);
        let outcome = match asking {
            Asking { is_told: true, is_machine: true, .. } => Outcome::Machine,
            Asking { is_told: true, is_somebody: true, .. } => Outcome::Heard,
            Asking { is_told: true, .. } => Outcome::Silent,
            _ if by_itself => Outcome::HungUp,
            _ => Outcome::Interrupted,
        };
        self.note_asked(outcome, turn);
    }

    /// Nobody has answered; the list decides when the next attempt is.
    pub(super) fn give_up_asking(&mut self, outcome: Outcome, turn: &mut Turn<'_>) {
        if !self.rings_back() || matches!(self.phase, Phase::Ended { .. }) {
            return;
        }
        self.citizen.hang_up(turn);
        self.note_asked(outcome, turn);
        self.close_unanswered(Termination::NotAnswered, outcome.name(), Vec::new(), turn);
    }
}

fn outcome_of(end: LegEnd) -> Outcome {
    match end {
        LegEnd::Refused(StatusCode(486 | 600 | 603)) => Outcome::Busy,
        LegEnd::Refused(StatusCode(408 | 480 | 487)) => Outcome::NoAnswer,
        _ => Outcome::Unreachable,
    }
}

impl From<callback::Outcome> for Outcome {
    fn from(outcome: callback::Outcome) -> Self {
        match outcome {
            callback::Outcome::Busy => Self::Busy,
            callback::Outcome::NoAnswer => Self::NoAnswer,
            callback::Outcome::Unreachable => Self::Unreachable,
            callback::Outcome::Reached | callback::Outcome::Dropped | callback::Outcome::NoOperator => {
                Self::Interrupted
            }
        }
    }
}
