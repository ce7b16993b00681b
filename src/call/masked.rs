//! An executor calls the applicant of an order through the city: their own telephone is rung over a trunk, then the
//! applicant's; both see the city's number, neither the other's. A contact of its own on the case, recorded from the
//! applicant's first word; the applicant hears that first. Whether it may be is `may_call`; the ways out are the
//! switchboard's.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use crate::calendar::Calendar;
use crate::call::contact::{Contact, Direction};
use crate::call::effect::Effect;
use crate::call::leg::{Leg, LegEnd, LegEvent};
use crate::call::party::{Party, WayOut, Who};
use crate::call::record::Track;
use crate::call::turn::Turn;
use crate::call::{Call, Missing, Phase, Purpose, Timer};
use crate::callback::Outcome;
use crate::case::{Case, CaseNumber, CaseState};
use crate::dialplan::{Dialplan, PromptRef};
use crate::ids::{ContactId, UserId, WorkOrderId};
use crate::journal::EventType;
use crate::language::Language;
use crate::media::{self, PlayId};
use crate::people::{Actor, Role};
use crate::phone_number::PhoneNumber;
use crate::recording::Keeping;
use crate::sip::message::StatusCode;
use crate::termination::Termination;
use crate::time::Timestamp;
use crate::verification::diallable;

/// An announcement plays for so long at most, whatever its text.
const LONGEST_ANNOUNCEMENT: Duration = Duration::from_secs(30);
/// Said to the executor who has picked up.
const CONNECTING: &str = "masked.connecting";
/// Said to the applicant who has picked up, before they hear the executor.
const ANNOUNCEMENT: &str = "masked.announcement";
/// Said to the executor when the applicant was not reached.
const NOT_REACHED: &str = "masked.not_reached";

/// The city's rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// When applicants may be rung.
    pub hours: Calendar,
    /// Calls about one order on one day, at least 1.
    pub attempts_per_day: u32,
    /// Each of the two telephones rings for so long.
    pub ring_for: Duration,
}

/// Why an executor cannot call an applicant, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum NotCalled {
    #[error("calls to applicants are switched off")]
    Off,
    #[error("this order is not yours")]
    NotYours,
    #[error("the order is not open any more")]
    NotOpen,
    #[error("the applicant left no number that can be dialled")]
    NoNumber,
    #[error("no telephone of yours is on record; the administrator enters it")]
    NoPhone,
    #[error("applicants are not rung at this hour")]
    OutsideHours,
    #[error("this applicant was called often enough today")]
    UsedUp,
}

/// What is known when an executor wants to call.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'w> {
    pub case: &'w Case,
    pub order: WorkOrderId,
    /// The executor's.
    pub organisation: Option<&'w str>,
    /// The executor's own telephone.
    pub phone: Option<&'w PhoneNumber>,
    /// Calls about this order begun today.
    pub begun_today: u32,
}

/// The applicant's number and the executor's.
///
/// # Errors
/// Why there is to be no call now.
pub fn may_call(
    policy: Option<&Policy>,
    wish: Wish<'_>,
    at: Timestamp,
) -> Result<(PhoneNumber, PhoneNumber), NotCalled> {
    let policy = policy.ok_or(NotCalled::Off)?;
    let at_work = matches!(
        wish.case.state,
        CaseState::Assigned { .. }
            | CaseState::Accepted { .. }
            | CaseState::InProgress { .. }
            | CaseState::OnHold { .. }
    );
    if !at_work || wish.case.state.order() != Some(wish.order) {
        return Err(NotCalled::NotOpen);
    }
    let has_it = |own: &str| wish.case.state.executor() == Some(own) || wish.case.part_of(own).is_some();
    if !wish.organisation.is_some_and(has_it) {
        return Err(NotCalled::NotYours);
    }
    let applicant = diallable(wish.case.applicant.number.as_ref()).ok_or(NotCalled::NoNumber)?;
    let phone = diallable(wish.phone).ok_or(NotCalled::NoPhone)?;
    if !policy.hours.is_open(at) {
        return Err(NotCalled::OutsideHours);
    }
    if wish.begun_today >= policy.attempts_per_day {
        return Err(NotCalled::UsedUp);
    }
    Ok((applicant, phone))
}

/// What is to be done, judged already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MaskedCall {
    pub id: ContactId,
    pub by: UserId,
    /// Organisation id.
    pub organisation: String,
    pub case: CaseNumber,
    pub order: WorkOrderId,
    pub applicant: PhoneNumber,
    /// The executor's telephone.
    pub executor: PhoneNumber,
    /// The applicant's.
    pub language: Language,
    /// What executors read.
    pub staff_language: Language,
    /// It begins when this call is over: the executor asked for it there.
    pub after: Option<ContactId>,
}

/// With the ways out.
#[derive(Debug)]
pub struct NewMasked {
    pub wanted: MaskedCall,
    pub to_applicant: WayOut,
    pub to_executor: WayOut,
    /// The city's number.
    pub city: PhoneNumber,
    pub keeping: Keeping,
    pub plan: Arc<Dialplan>,
    pub ring_for: Duration,
}

/// Until both talk.
#[derive(Debug)]
pub struct Masked {
    wanted: MaskedCall,
    /// Until the executor is rung.
    way: Option<Box<WayOut>>,
    ring_for: Duration,
}

/// How far it has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    ExecutorRings,
    /// The executor is there and hears it ring.
    ApplicantRings,
    /// The applicant is told that it is recorded.
    Announcing,
    /// The executor is told that nobody answers.
    Apologising(Outcome),
}

impl Masked {
    fn actor(&self) -> Actor {
        Actor::person(Role::Executor, self.wanted.by, Some(self.wanted.organisation.clone()))
    }
}

impl Call {
    /// Opens media, file and contact; nobody is rung yet.
    pub fn masked(new: NewMasked, turn: &mut Turn<'_>) -> Self {
        let NewMasked { wanted, to_applicant: WayOut { route, .. }, to_executor, city, keeping, .. } = new;
        let (id, trunk) = (wanted.id, route.trunk.clone());
        let citizen = Leg::over_trunk(route, Vec::new(), turn).parked();
        let number = wanted.applicant.clone();
        let mut contact = Contact::offered(id, turn.now.utc, number, city, trunk, String::new());
        contact.direction = Direction::Outbound;
        contact.language = Some(wanted.language);
        contact.case = Some(wanted.case.clone());
        let track = Track::of(keeping, id, false, turn);
        let masked = Masked { wanted, way: Some(Box::new(to_executor)), ring_for: new.ring_for };
        let (by, data) = (
            masked.actor(),
            json!({ "caller": contact.caller, "called": contact.called, "origin": contact.origin,
                "masked": true, "order": masked.wanted.order }),
        );
        let mut call = Self::new(contact, Purpose::Masked(Box::new(masked)), citizen, track, new.plan);
        call.case_asked = true;
        let offered = call.draft(EventType::ContactOffered, by, turn).with(data);
        call.prepare(offered.draft, turn);
        tracing::info!(call.id = %id, case.id = call.contact.case.as_ref().map(tracing::field::display), "masked call");
        call
    }

    pub fn is_masked(&self) -> bool {
        matches!(self.purpose, Purpose::Masked(_))
    }

    /// Who is called through the city, and by whom; none of other calls.
    pub fn masked_call(&self) -> Option<&MaskedCall> {
        match &self.purpose {
            Purpose::Masked(masked) => Some(&masked.wanted),
            _ => None,
        }
    }

    fn masked_mut(&mut self) -> Option<&mut Masked> {
        match &mut self.purpose {
            Purpose::Masked(masked) => Some(masked),
            _ => None,
        }
    }

    /// Contact and file are there: now the executor's telephone rings.
    pub(super) fn ring_executor(&mut self, turn: &mut Turn<'_>) {
        let Some(masked) = self.masked_mut() else { return };
        let (ring_for, actor) = (masked.ring_for, masked.actor());
        let Some(way) = masked.way.take() else { return };
        self.enter(Phase::Masking { stage: Stage::ExecutorRings }, turn);
        self.timers.set(Timer::Ring, turn.now.mono + ring_for);
        let Party { leg, .. } = self.call_outside(*way, turn);
        self.party = Some(Party { leg, who: Who::Executor { actor } });
    }

    /// What happens at the executor's telephone before both talk.
    pub(super) fn handle_masking_executor(&mut self, event: LegEvent, turn: &mut Turn<'_>) {
        let Phase::Masking { stage } = self.phase else { return };
        match (event, stage) {
            (LegEvent::Established, Stage::ExecutorRings) => self.executor_answered(turn),
            (LegEvent::Ended(end), Stage::ExecutorRings) => self.give_up_masked(outcome_of(end), turn),
            (LegEvent::Ended(_), Stage::Apologising(outcome)) => self.give_up_masked(outcome, turn),
            // The applicant hears the announcement, or their telephone rings: nobody would be there.
            (LegEvent::Ended(_), Stage::ApplicantRings) => self.give_up_masked(Outcome::Dropped, turn),
            (LegEvent::Ended(_), Stage::Announcing) => self.end(Termination::OutsideHungUp, turn),
            _ => {}
        }
    }

    fn executor_answered(&mut self, turn: &mut Turn<'_>) {
        let Some(masked) = self.masked_mut() else { return };
        let ring_for = masked.ring_for;
        self.enter(Phase::Masking { stage: Stage::ApplicantRings }, turn);
        self.timers.set(Timer::Ring, turn.now.mono + ring_for);
        self.tell_executor(CONNECTING, turn);
        let (leg, event) = (self.citizen.id, self.citizen.dial(turn));
        self.contact.sip_call_id = self.citizen.sip_call_id().unwrap_or_default().to_owned();
        self.commit(None, false, Vec::new(), turn);
        self.handle_leg_event(leg, event, turn);
    }

    fn tell_executor(&mut self, id: &str, turn: &mut Turn<'_>) {
        let language = self.masked_call().map_or(Language::Uk, |wanted| wanted.staff_language);
        let play = self.next_play();
        if let Some(leg) = self.party_leg() {
            let prompts = vec![PromptRef { id: id.to_owned(), language }];
            turn.effect(Effect::PlayPrompts { leg, play, prompts });
        }
    }

    /// What happens at the applicant's telephone before it is answered. Early media is the network's, and nobody hears it.
    pub(super) fn handle_masked_applicant(&mut self, event: LegEvent, turn: &mut Turn<'_>) {
        match event {
            LegEvent::Prepared => self.have(Missing::Media, turn),
            LegEvent::Established => self.masked_applicant_answered(turn),
            LegEvent::Ended(end) => self.apologise(outcome_of(end), turn),
            LegEvent::Ringing
            | LegEvent::EarlyMedia
            | LegEvent::Acknowledged
            | LegEvent::Held
            | LegEvent::Resumed
            | LegEvent::Digit(_) => {}
        }
    }

    fn masked_applicant_answered(&mut self, turn: &mut Turn<'_>) {
        let entries = self.answered(turn);
        self.enter(Phase::Masking { stage: Stage::Announcing }, turn);
        self.timers.set(Timer::Ring, turn.now.mono + LONGEST_ANNOUNCEMENT);
        self.commit(None, true, entries, turn);
        let language = self.contact.language.unwrap_or(Language::Uk);
        let play = self.next_play();
        let prompts = vec![PromptRef { id: ANNOUNCEMENT.to_owned(), language }];
        turn.effect(Effect::PlayPrompts { leg: self.citizen.id, play, prompts });
    }

    /// What was said while the two were brought together is over. True when it was this call's business.
    pub(super) fn handle_masking_play_finished(&mut self, play: PlayId, turn: &mut Turn<'_>) -> bool {
        let Phase::Masking { stage } = self.phase else { return false };
        if play != self.last_play {
            return true;
        }
        match (stage, self.party_leg()) {
            (Stage::ApplicantRings, Some(leg)) => {
                let play = self.next_play();
                turn.effect(Effect::PlayRinging { leg, play });
            }
            (Stage::Announcing, _) => self.let_masked_talk(turn),
            (Stage::Apologising(outcome), _) => self.give_up_masked(outcome, turn),
            _ => {}
        }
        true
    }

    fn let_masked_talk(&mut self, turn: &mut Turn<'_>) {
        let Some(masked) = self.masked_mut() else { return };
        let (by, actor) = (masked.wanted.by, masked.actor());
        self.timers.stop(Timer::Ring);
        self.contact.connected_at = Some(turn.now.utc);
        self.enter(Phase::Talking, turn);
        let connected = self.draft(EventType::ContactConnected, actor, turn);
        let connected = connected.with(json!({ "executor": by, "masked": true })).draft;
        self.commit(None, false, vec![connected], turn);
        self.count_masked("reached", turn);
        self.join(turn);
        tracing::info!(call.id = %self.contact.id, "executor and applicant talk");
    }

    pub(super) fn handle_masking_timeout(&mut self, turn: &mut Turn<'_>) {
        let Phase::Masking { stage } = self.phase else { return };
        match stage {
            Stage::ExecutorRings => self.give_up_masked(Outcome::NoAnswer, turn),
            Stage::ApplicantRings => {
                self.citizen.hang_up(turn);
                self.apologise(Outcome::NoAnswer, turn);
            }
            Stage::Announcing => self.let_masked_talk(turn),
            Stage::Apologising(outcome) => self.give_up_masked(outcome, turn),
        }
    }

    /// The applicant was not reached: the executor, who is there, is told.
    fn apologise(&mut self, outcome: Outcome, turn: &mut Turn<'_>) {
        if !matches!(self.phase, Phase::Masking { stage: Stage::ApplicantRings }) {
            self.give_up_masked(outcome, turn);
            return;
        }
        self.enter(Phase::Masking { stage: Stage::Apologising(outcome) }, turn);
        self.timers.set(Timer::Ring, turn.now.mono + LONGEST_ANNOUNCEMENT);
        self.tell_executor(NOT_REACHED, turn);
    }

    /// Nobody talks. What came of it is the reason of the contact's end.
    pub(super) fn give_up_masked(&mut self, outcome: Outcome, turn: &mut Turn<'_>) {
        if matches!(self.phase, Phase::Ended { .. }) {
            return;
        }
        let at_executor =
            matches!(self.phase, Phase::Setup { .. } | Phase::Masking { stage: Stage::ExecutorRings });
        let who = if at_executor { "executor" } else { "applicant" };
        self.citizen.hang_up(turn);
        turn.media(media::Command::StopPlay { leg: self.citizen.id });
        self.release_party(turn);
        self.count_masked(outcome.name(), turn);
        tracing::info!(call.id = %self.contact.id, who, outcome = outcome.name(), "masked call came to nothing");
        let reason = format!("{who}_{}", outcome.name());
        self.close_unanswered(Termination::NotAnswered, &reason, Vec::new(), turn);
    }

    fn count_masked(&self, outcome: &'static str, turn: &mut Turn<'_>) {
        *turn.counters.masked_calls.entry(outcome).or_default() += 1;
    }
}

fn outcome_of(end: LegEnd) -> Outcome {
    match end {
        LegEnd::Refused(StatusCode(486 | 600 | 603)) => Outcome::Busy,
        LegEnd::Refused(StatusCode(408 | 480 | 487)) => Outcome::NoAnswer,
        LegEnd::PeerHungUp | LegEnd::PeerCancelled => Outcome::Dropped,
        _ => Outcome::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::case::{Applicant, CaseDraft, Deadline, IdentityLevel, Part, PartState, Priority};
    use uuid::Uuid;

    const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(7));

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_micros(1_795_219_200_000_000 + hour * 3_600_000_000)
    }

    /// Open from nine to eight by UTC.
    fn policy() -> Policy {
        let hours = crate::calendar::DayHours::from_hour_to_hour(9, 20);
        let hours = Calendar::weekly("UTC", crate::calendar::Week::ALL, hours, Default::default()).unwrap();
        Policy { hours, attempts_per_day: 3, ring_for: Duration::from_secs(30) }
    }

    fn case() -> Case {
        let applicant = Applicant {
            identity: IdentityLevel::CallerNumber,
            number: Some(PhoneNumber::from_user_part("+380671234567")),
            name: None,
        };
        let draft = CaseDraft {
            contact: None,
            category: "water".to_owned(),
            language: Language::Uk,
            priority: Priority::Normal,
            applicant,
            place: None,
            description: String::new(),
            ivr_path: Vec::new(),
        };
        let (mut case, _) = Case::register(draft, CaseNumber::new(2026, "01", 1), at(0));
        case.deadline = Some(Deadline::default());
        case.state =
            CaseState::Accepted { order: ORDER, executor: "vodokanal".to_owned(), accepted_at: at(1) };
        case
    }

    #[test]
    fn the_order_must_be_theirs_and_open_and_the_hour_right() {
        let (policy, phone) = (policy(), PhoneNumber::from_user_part("+380501234567"));
        let whole = case();
        let wish = Wish {
            case: &whole,
            order: ORDER,
            organisation: Some("vodokanal"),
            phone: Some(&phone),
            begun_today: 2,
        };
        let judged = |wish: Wish<'_>, hour| may_call(Some(&policy), wish, at(hour)).map(drop);
        let (applicant, executor) = may_call(Some(&policy), wish, at(12)).unwrap();
        assert_eq!((applicant.as_str(), executor.as_str()), ("+380671234567", "+380501234567"));
        assert_eq!(may_call(None, wish, at(12)).unwrap_err(), NotCalled::Off);
        assert_eq!(judged(Wish { organisation: Some("heat"), ..wish }, 12), Err(NotCalled::NotYours));
        assert_eq!(judged(Wish { organisation: None, ..wish }, 12), Err(NotCalled::NotYours));
        let other = WorkOrderId(Uuid::from_u128(8));
        assert_eq!(judged(Wish { order: other, ..wish }, 12), Err(NotCalled::NotOpen));
        assert_eq!(judged(Wish { phone: None, ..wish }, 12), Err(NotCalled::NoPhone));
        assert_eq!(judged(wish, 8), Err(NotCalled::OutsideHours));
        assert_eq!(judged(wish, 20), Err(NotCalled::OutsideHours));
        assert_eq!(judged(Wish { begun_today: 3, ..wish }, 12), Err(NotCalled::UsedUp));
        let mut changed = case();
        changed.applicant.number = Some(PhoneNumber::from_user_part(""));
        assert_eq!(judged(Wish { case: &changed, ..wish }, 12), Err(NotCalled::NoNumber));
        let mut changed = case();
        changed.parts = vec![Part { executor: "heat".to_owned(), state: PartState::Asked, reason: None }];
        assert_eq!(judged(Wish { case: &changed, organisation: Some("heat"), ..wish }, 12), Ok(()));
        changed.state =
            CaseState::WorkReported { order: ORDER, executor: "vodokanal".to_owned(), reported_at: at(2) };
        assert_eq!(judged(Wish { case: &changed, ..wish }, 12), Err(NotCalled::NotOpen));
    }
}
