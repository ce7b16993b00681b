//! A prompt spoken into a telephone: the administrator's own phone rings and is told what to do; after the tone what is
//! said is kept until a key, played back, and becomes the prompt by one more key. No contact: nobody but the system speaks
//! here with its own staff, and what is recorded is the prompt itself. Whose phone rings is `dictations.rs`'s to say, what a
//! recording must be `speech/recorded.rs`'s; files are read and written in `app/studio.rs`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::call::effect::Effect;
use crate::call::leg::{Leg, LegEvent};
use crate::call::turn::Turn;
use crate::call::{AnswerMode, OfferTarget};
use crate::dialplan::PromptRef;
use crate::dialplan::prompt::BEEP;
use crate::dtmf::Digit;
use crate::ids::{ContactId, RecordingId, UserId};
use crate::language::Language;
use crate::media::{self, PlayId, SAMPLE_RATE, Sound};
use crate::recording::{Recording, RecordingResult, RecordingState, Sealed};
use crate::sip::message::{Request, Response};
use crate::sip::transaction::{ClientTransactionId, ServerTransactionId};

/// The phone rings so long.
const LONGEST_RINGING: Duration = Duration::from_secs(30);
/// What to do is said, or the prompt played back, within this.
const LONGEST_PLAYING: Duration = Duration::from_secs(180);
/// A prompt lasts no longer; as much as an upload may.
pub const LONGEST_PROMPT: Duration = Duration::from_secs(120);
/// Disk and store answer by then.
const LONGEST_WRITING: Duration = Duration::from_secs(8);
/// Who has heard the prompt decides by then.
const LONGEST_CHOOSING: Duration = Duration::from_secs(30);
/// Whoever has not been content with so many is better served by a studio.
pub(super) const MAX_TAKES: u32 = 20;
/// A key pressed as a tone is heard before it is known to be one, and its end 30 ms late.
const KEY_MARGIN_MS: u32 = 80;

/// How far it is, for the page that asked for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LiveDictation {
    pub by: UserId,
    pub prompt: String,
    pub language: Language,
    pub stage: &'static str,
    /// How often it was spoken, from 1.
    pub takes: u32,
}

impl LiveDictation {
    /// The phone is free again.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, "kept" | "not_kept" | "not_answered")
    }
}

#[derive(Debug)]
enum Stage {
    Ringing,
    /// What to do is said, then the tone; the file is made meanwhile.
    Instructing {
        is_said: bool,
        has_file: bool,
    },
    Speaking,
    /// The last sample is on its way to the disk, and back.
    Reading {
        cut_ms: u32,
    },
    /// It was nothing that could be a prompt: said so, and asked anew.
    Rejecting,
    Choosing {
        sound: Arc<Sound>,
    },
    Keeping,
    /// The last words.
    Parting,
    Over,
}

/// One prompt on its way.
#[derive(Debug)]
pub(super) struct Dictation {
    pub(super) leg: Leg,
    pub(super) by: UserId,
    prompt: PromptRef,
    /// In which the phone is spoken to.
    speak: Language,
    stage: Stage,
    /// Of the stage.
    deadline: Instant,
    take: Option<Recording>,
    takes: u32,
    play: PlayId,
    kept: bool,
}

impl Dictation {
    pub(super) fn ringing(
        phone: OfferTarget,
        prompt: PromptRef,
        speak: Language,
        turn: &mut Turn<'_>,
    ) -> Self {
        let OfferTarget { user, target, from, flow, route, answer_mode, .. } = phone;
        let mut headers = route;
        if answer_mode == AnswerMode::Auto {
            headers.push(("Answer-Mode", "Auto".to_owned()));
        }
        Self {
            leg: Leg::outgoing(target, from, headers, flow, turn),
            by: user,
            prompt,
            speak,
            stage: Stage::Ringing,
            deadline: turn.now.mono + LONGEST_RINGING,
            take: None,
            takes: 0,
            play: PlayId(0),
            kept: false,
        }
    }

    pub(super) fn live(&self) -> LiveDictation {
        let stage = match self.stage {
            Stage::Ringing => "ringing",
            Stage::Instructing { .. } | Stage::Rejecting => "instructing",
            Stage::Speaking => "speaking",
            Stage::Reading { .. } => "reading",
            Stage::Choosing { .. } => "choosing",
            Stage::Keeping => "keeping",
            Stage::Parting | Stage::Over if self.kept => "kept",
            Stage::Parting | Stage::Over if self.takes == 0 => "not_answered",
            Stage::Parting | Stage::Over => "not_kept",
        };
        LiveDictation {
            by: self.by,
            prompt: self.prompt.id.clone(),
            language: self.prompt.language,
            stage,
            takes: self.takes,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over) && self.leg.is_ended()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let own = (!matches!(self.stage, Stage::Over)).then_some(self.deadline);
        [self.leg.poll_timeout(), own].into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        let event = self.leg.handle_timeout(turn);
        self.handle_leg_event(event, turn);
        if self.deadline > turn.now.mono {
            return;
        }
        match self.stage {
            Stage::Over => {}
            // As if a key had been pressed: the longest prompt there may be.
            Stage::Speaking => self.stop_speaking(0, turn),
            _ => self.hang_up(turn),
        }
    }

    pub(super) fn handle_response(
        &mut self,
        transaction: ClientTransactionId,
        response: &Response,
        turn: &mut Turn<'_>,
    ) {
        let event = self.leg.handle_response(transaction, response, turn);
        self.handle_leg_event(event, turn);
    }

    pub(super) fn handle_request_failed(&mut self, transaction: ClientTransactionId, turn: &mut Turn<'_>) {
        let event = self.leg.handle_request_failed(transaction, turn);
        self.handle_leg_event(event, turn);
    }

    pub(super) fn handle_request(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        turn: &mut Turn<'_>,
    ) {
        let event = self.leg.handle_request(transaction, request, turn);
        self.handle_leg_event(event, turn);
    }

    pub(super) fn handle_ack(&mut self, ack: &Request, turn: &mut Turn<'_>) {
        let event = self.leg.handle_ack(ack, turn);
        self.handle_leg_event(event, turn);
    }

    fn handle_leg_event(&mut self, event: Option<LegEvent>, turn: &mut Turn<'_>) {
        match event {
            Some(LegEvent::Established) if matches!(self.stage, Stage::Ringing) => self.begin_take(turn),
            Some(LegEvent::Digit(digit)) => self.handle_key(digit, 0, turn),
            Some(LegEvent::Ended(_)) => self.finish(turn),
            _ => {}
        }
    }

    pub(super) fn handle_media(&mut self, event: &media::Event, turn: &mut Turn<'_>) {
        match event {
            media::Event::Opened { local_rtp, .. } => {
                let event = self.leg.handle_media_opened(*local_rtp, turn);
                self.handle_leg_event(event, turn);
            }
            media::Event::OpenFailed { .. } => {
                let event = self.leg.handle_media_failed(turn);
                self.handle_leg_event(event, turn);
            }
            media::Event::PlayFinished { play, .. } if *play == self.play => self.handle_played(turn),
            media::Event::DigitPressed { digit, duration_ms, .. } => {
                self.handle_key(*digit, duration_ms.saturating_add(KEY_MARGIN_MS), turn);
            }
            media::Event::MediaTimeout { .. } | media::Event::SecurityFailed { .. } => self.hang_up(turn),
            _ => {}
        }
    }

    /// A new file, and what to do, in words and by a tone.
    fn begin_take(&mut self, turn: &mut Turn<'_>) {
        if self.takes >= MAX_TAKES {
            self.hang_up(turn);
            return;
        }
        self.takes += 1;
        let id = RecordingId(turn.mint.uuid(turn.now.utc));
        let take = Recording {
            id,
            contact: ContactId(id.0),
            path: format!("dictations/{id}.wav"),
            state: RecordingState::Capturing,
            started_at: turn.now.utc,
            sample_rate: SAMPLE_RATE,
            frames: 0,
            gaps: Vec::new(),
            result: None,
            sha256: None,
            proof: None,
        };
        let description = format!("Prompt {}", self.prompt.id);
        turn.effect(Effect::OpenRecording { recording: take.clone(), description });
        self.take = Some(take);
        self.enter(Stage::Instructing { is_said: false, has_file: false }, LONGEST_PLAYING, turn);
        self.say(&["studio.speak", BEEP], turn);
    }

    fn say(&mut self, ids: &[&str], turn: &mut Turn<'_>) {
        self.play.0 += 1;
        let language = self.speak;
        let prompts = ids.iter().map(|id| PromptRef { id: (*id).to_owned(), language }).collect();
        turn.effect(Effect::PlayPrompts { leg: self.leg.id, play: self.play, prompts });
    }

    fn enter(&mut self, stage: Stage, longest: Duration, turn: &Turn<'_>) {
        tracing::debug!(leg.id = %self.leg.id, ?stage, "dictation");
        self.stage = stage;
        self.deadline = turn.now.mono + longest;
    }

    fn handle_played(&mut self, turn: &mut Turn<'_>) {
        match &mut self.stage {
            Stage::Instructing { is_said, .. } => {
                *is_said = true;
                self.listen_when_ready(turn);
            }
            Stage::Rejecting => self.begin_take(turn),
            Stage::Choosing { .. } => self.deadline = turn.now.mono + LONGEST_CHOOSING,
            Stage::Parting => self.hang_up(turn),
            _ => {}
        }
    }

    /// The tone is over and the file is there.
    fn listen_when_ready(&mut self, turn: &mut Turn<'_>) {
        let (Stage::Instructing { is_said: true, has_file: true }, Some(take)) = (&self.stage, &self.take)
        else {
            return;
        };
        let (recording, leg) = (take.id, self.leg.id);
        turn.effect(Effect::StartRecording { recording, started_at: turn.now.utc });
        turn.media(media::Command::Record { leg, recording, sample_rate: SAMPLE_RATE });
        self.enter(Stage::Speaking, LONGEST_PROMPT, turn);
    }

    /// `lasted_ms` of what was heard last was the key itself.
    fn handle_key(&mut self, digit: Digit, lasted_ms: u32, turn: &mut Turn<'_>) {
        match (&self.stage, digit.as_char()) {
            (Stage::Speaking, _) => self.stop_speaking(lasted_ms, turn),
            (Stage::Choosing { sound }, '1') => {
                let (leg, by, prompt, sound) = (self.leg.id, self.by, self.prompt.clone(), sound.clone());
                turn.media(media::Command::StopPlay { leg });
                turn.effect(Effect::KeepPrompt { leg, by, prompt, sound });
                self.enter(Stage::Keeping, LONGEST_WRITING, turn);
            }
            (Stage::Choosing { .. }, '2') => self.begin_take(turn),
            (Stage::Choosing { sound }, _) => {
                let sound = sound.clone();
                self.play_back(sound, turn);
            }
            _ => {}
        }
    }

    fn stop_speaking(&mut self, cut_ms: u32, turn: &mut Turn<'_>) {
        let Some(take) = &self.take else { return };
        turn.media(media::Command::StopRecording { leg: self.leg.id, recording: take.id });
        self.enter(Stage::Reading { cut_ms }, LONGEST_WRITING, turn);
    }

    fn play_back(&mut self, sound: Arc<Sound>, turn: &mut Turn<'_>) {
        self.play.0 += 1;
        let then = PromptRef { id: "studio.choose".to_owned(), language: self.speak };
        let (leg, play) = (self.leg.id, self.play);
        turn.effect(Effect::PlayBack { leg, play, sound: sound.clone(), then: vec![then] });
        self.enter(Stage::Choosing { sound }, LONGEST_PLAYING, turn);
    }

    pub(super) fn handle_opened(&mut self, is_open: bool, turn: &mut Turn<'_>) {
        match &mut self.stage {
            Stage::Instructing { has_file, .. } if is_open => {
                *has_file = true;
                self.listen_when_ready(turn);
            }
            _ if is_open => {}
            _ => {
                self.take = None;
                self.part("operator.refused", turn);
            }
        }
    }

    pub(super) fn handle_sealed(&mut self, sealed: &Sealed, turn: &mut Turn<'_>) {
        let (Stage::Reading { cut_ms }, Some(take)) = (&self.stage, self.take.take()) else { return };
        if sealed.result == RecordingResult::Failed {
            self.part("operator.refused", turn);
            return;
        }
        turn.effect(Effect::ReadDictation { leg: self.leg.id, path: take.path, cut_ms: *cut_ms });
    }

    /// None when it cannot be a prompt: too short, or nothing to be heard.
    pub(super) fn handle_read(&mut self, sound: Option<Arc<Sound>>, turn: &mut Turn<'_>) {
        if !matches!(self.stage, Stage::Reading { .. }) {
            return;
        }
        match sound {
            Some(sound) => self.play_back(sound, turn),
            None => {
                self.enter(Stage::Rejecting, LONGEST_PLAYING, turn);
                self.say(&["studio.unfit"], turn);
            }
        }
    }

    pub(super) fn handle_kept(&mut self, kept: bool, turn: &mut Turn<'_>) {
        if matches!(self.stage, Stage::Keeping) {
            self.kept = kept;
            self.part(if kept { "studio.kept" } else { "operator.refused" }, turn);
        }
    }

    fn part(&mut self, words: &str, turn: &mut Turn<'_>) {
        self.enter(Stage::Parting, LONGEST_PLAYING, turn);
        self.say(&[words], turn);
    }

    fn hang_up(&mut self, turn: &mut Turn<'_>) {
        self.leg.hang_up(turn);
        self.finish(turn);
    }

    /// A take that nobody will hear goes with its file.
    fn finish(&mut self, turn: &mut Turn<'_>) {
        if let Some(take) = self.take.take() {
            turn.effect(Effect::DiscardRecording { recording: take.id });
        }
        self.stage = Stage::Over;
    }

    pub(super) fn has_take(&self, recording: RecordingId) -> bool {
        self.take.as_ref().is_some_and(|take| take.id == recording)
    }
}
