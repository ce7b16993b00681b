//! The citizen's walk through the dialplan, joined to play-out, digits, look-ups and the record.
//! What a node does and which exit it takes is decided in `ivr/`; here its outputs become effects,
//! journal entries and the call's next phase.

use std::time::Duration;

use serde_json::json;

use crate::call::effect::Effect;
use crate::call::turn::Turn;
use crate::call::{Call, Key, KeySource, Phase, Timer, case_draft};
use crate::case::{CaseNumber, IdentityLevel, Priority};
use crate::dtmf::Digit;
use crate::ids::{IncidentNumber, LegId};
use crate::ivr::{Answer, Exit, Output, Step, Walk};
use crate::journal::{Draft, EventType};
use crate::media::{self, PlayId};
use crate::people::{Actor, Role};
use crate::phone_number::PhoneNumber;
use crate::termination::Termination;

/// A phone that sends keys both as INFO and as RFC 4733 events sends them this close together, the event's end being
/// as late as the key was held.
const SAME_KEY: Duration = Duration::from_secs(1);

impl Call {
    /// The citizen hears us: the walk begins.
    pub(super) fn start_walk(&mut self, turn: &mut Turn<'_>) {
        if !matches!(self.phase, Phase::Answered) {
            return;
        }
        let wanted = self.contact.language;
        let walk = Walk::begun_in(wanted, self.plan.clone(), &self.contact.caller, turn.now);
        self.contact.language = Some(walk.language());
        self.enter(Phase::Ivr { walk: Box::new(walk) }, turn);
        self.drain_walk(turn);
    }

    /// A key of the citizen. The same key by the other way within [`SAME_KEY`] is the same press.
    pub(super) fn handle_key(&mut self, digit: Digit, by: KeySource, turn: &mut Turn<'_>) {
        let key = Key { digit, by, at: turn.now.mono };
        let repeated = self.last_key.is_some_and(|last| {
            last.digit == digit && last.by != by && key.at.saturating_duration_since(last.at) < SAME_KEY
        });
        self.last_key = (!repeated).then_some(key);
        if !repeated {
            self.handle_digit(digit, turn);
        }
    }

    fn handle_digit(&mut self, digit: Digit, turn: &mut Turn<'_>) {
        // A key in answer to a question that was not put yet says only that somebody is there.
        if self.note_person(turn) {
            return;
        }
        match &mut self.phase {
            Phase::Ivr { walk } => {
                walk.handle_digit(digit, turn.now);
                self.drain_walk(turn);
            }
            Phase::Voicemail if digit.as_char() == '#' => self.end_voicemail(turn),
            _ => {}
        }
    }

    pub(super) fn handle_play_finished(&mut self, leg: LegId, play: PlayId, turn: &mut Turn<'_>) {
        if self.handle_masking_play_finished(play, turn) || leg != self.citizen.id || play != self.last_play {
            return;
        }
        match &mut self.phase {
            Phase::Ivr { walk } => {
                walk.handle_play_finished(turn.now);
                self.note_told();
                self.drain_walk(turn);
            }
            Phase::Waiting { announcing, .. } if *announcing => {
                *announcing = false;
                self.play_music(turn);
            }
            _ => {}
        }
    }

    pub fn handle_lookup(&mut self, answer: Answer, turn: &mut Turn<'_>) {
        if let Phase::Ivr { walk } = &mut self.phase {
            self.informed |=
                matches!(answer, Answer::CaseStatus { .. } | Answer::Count(_) | Answer::Order(_));
            walk.handle_lookup(answer, turn.now);
            self.drain_walk(turn);
        }
    }

    /// Carries out everything the walk wants; its steps go on the record in one transaction.
    pub(super) fn drain_walk(&mut self, turn: &mut Turn<'_>) {
        let mut entries = Vec::new();
        let mut exit = None;
        while let Phase::Ivr { walk } = &mut self.phase {
            let Some(output) = walk.poll_output() else { break };
            match output {
                Output::PlayPrompt { prompts } => {
                    let play = self.next_play();
                    turn.effect(Effect::PlayPrompts { leg: self.citizen.id, play, prompts });
                }
                Output::StopPrompt => turn.media(media::Command::StopPlay { leg: self.citizen.id }),
                Output::Step(step) => entries.extend(self.note_step(&step, turn)),
                Output::Lookup(lookup) => turn.effect(Effect::Lookup {
                    contact: self.contact.id,
                    lookup,
                    caller: self.contact.caller.clone(),
                    media: self.position(turn.now.mono),
                }),
                Output::Answered(verdict) => self.note_verdict(verdict, turn),
                Output::Attach { incident, number } => self.attach(incident, number, turn),
                Output::OrderOpened { case, by } => {
                    self.contact.case = Some(CaseNumber(case));
                    self.is_executors = true;
                    let executor = Actor::person(Role::Executor, by, None);
                    let viewed = self.draft(EventType::AccessViewed, executor, turn);
                    entries.push(viewed.with(json!({ "what": "work_order", "channel": "phone" })).draft);
                }
                Output::Leave(left) => {
                    exit = Some(left);
                    break;
                }
            }
        }
        if let Some(exit) = &exit {
            let left = self.draft(EventType::IvrLeft, Actor::system("ivr"), turn);
            entries.push(left.with(json!({ "exit": exit_name(exit) })).draft);
        }
        if !entries.is_empty() {
            self.commit(None, false, entries, turn);
        }
        if let Some(exit) = exit {
            self.leave_walk(exit, turn);
        }
    }

    fn note_step(&mut self, step: &Step, turn: &mut Turn<'_>) -> Option<Draft> {
        let (event, actor) = match step {
            Step::Entered { node } => {
                self.contact.ivr_path.push(node.clone());
                (EventType::IvrEntered, Actor::system("ivr"))
            }
            Step::Digit { .. } => (EventType::IvrDigit, self.applicant()),
            Step::LanguageChosen { language } => {
                self.contact.language = Some(*language);
                (EventType::IvrLanguageChosen, self.applicant())
            }
            Step::NoInput { .. } => (EventType::IvrNoInput, Actor::system("ivr")),
            Step::NoMatch { .. } => (EventType::IvrNoMatch, Actor::system("ivr")),
            Step::TopicChosen { topic } => {
                self.contact.topic = Some(topic.clone());
                (EventType::IvrTopicChosen, self.applicant())
            }
        };
        let data = serde_json::to_value(step).unwrap_or_default();
        Some(self.draft(event, actor, turn).with(data).draft)
    }

    fn leave_walk(&mut self, exit: Exit, turn: &mut Turn<'_>) {
        self.note_exit(&exit, turn);
        match exit {
            Exit::Queue { queue, topic, urgent } => self.enter_queue(queue, topic, urgent, turn),
            Exit::Duty { roster, topic } => self.seek_duty(roster, topic, turn),
            Exit::Callback { topic, number } => {
                self.left_word = true;
                let number = number.map(|typed| PhoneNumber::from_user_part(&typed));
                self.contact.callback = number
                    .or_else(|| (!self.contact.caller.is_withheld()).then(|| self.contact.caller.clone()));
                self.wants_call_back = self.contact.callback.is_some();
                self.contact.topic = topic.or(self.contact.topic.take());
                self.register_case(Priority::Normal, "Call-back requested", turn);
                self.end(Termination::IvrHungUp, turn);
            }
            Exit::Voicemail { topic, max_secs } => {
                self.left_word = true;
                self.contact.topic = topic.or(self.contact.topic.take());
                self.register_case(Priority::Normal, "Voice message", turn);
                self.timers.set(Timer::Voicemail, turn.now.mono + Duration::from_secs(u64::from(max_secs)));
                self.enter(Phase::Voicemail, turn);
            }
            Exit::Hangup => self.end(Termination::IvrHungUp, turn),
        }
    }

    /// The caller's case, a new one or one they have, becomes part of the incident. There is a case from here on.
    fn attach(&mut self, incident: IncidentNumber, number: Option<String>, turn: &mut Turn<'_>) {
        self.case_asked = true;
        self.left_word = true;
        let mut draft = case_draft::of_contact(&self.contact, &self.topic_categories, Priority::Normal, "");
        if let Some(number) = number {
            draft.applicant.number = Some(PhoneNumber::from_user_part(&number));
            draft.applicant.identity = IdentityLevel::Stated;
        }
        turn.effect(Effect::AttachCaller {
            contact: self.contact.id,
            incident,
            draft: Box::new(draft),
            at: turn.now.utc,
            media: self.position(turn.now.mono),
        });
    }

    pub(super) fn end_voicemail(&mut self, turn: &mut Turn<'_>) {
        if matches!(self.phase, Phase::Voicemail) {
            self.end(Termination::IvrHungUp, turn);
        }
    }
}

const fn exit_name(exit: &Exit) -> &'static str {
    match exit {
        Exit::Queue { .. } => "queue",
        Exit::Duty { .. } => "duty",
        Exit::Callback { .. } => "callback",
        Exit::Voicemail { .. } => "voicemail",
        Exit::Hangup => "hangup",
    }
}
