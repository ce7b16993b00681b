//! Prompts that are spoken into telephones: whose phone rings, how many at a time, which step is whose, and what came of
//! the last. One of them is `dictation.rs`; who may ask for one is settled before, in `web/access.rs`.

use std::sync::Arc;

use crate::call::effect::Effect;
use crate::call::turn::Turn;
use crate::call::{AnswerMode, OfferTarget};
use crate::dialplan::PromptRef;
use crate::ids::{LegId, RecordingId, UserId};
use crate::language::Language;
use crate::media::Sound;
use crate::recording::Sealed;
use crate::sip::message::{Host, NameAddr, Uri};
use crate::switchboard::dictation::{Dictation, LiveDictation};
use crate::switchboard::dispatch::Owner;
use crate::switchboard::{CommandError, Conflict, Switchboard, with_turn};
use crate::time::Now;

/// Prompts spoken at the same time; each takes two ports and a file.
const MAX_DICTATIONS: usize = 4;

impl Switchboard {
    /// Rings the phone of `by` for `prompt`.
    pub(super) fn dictate(
        &mut self,
        by: UserId,
        prompt: PromptRef,
        speak: Language,
        now: Now,
    ) -> Result<(), CommandError> {
        if self.dictations.values().any(|one| one.by == by) {
            return Err(Conflict::Dictating.into());
        }
        if self.dictations.len() >= MAX_DICTATIONS {
            return Err(CommandError::Full);
        }
        let realm = Host::Name(self.settings.realm.to_ascii_lowercase());
        let mut from = NameAddr::new(Uri::sip(Some(&self.settings.short_number), realm, None));
        from.display = Some(prompt.id.clone());
        let phone = OfferTarget::new(by, from, self.phones_of(by)).ok_or(Conflict::NoPhone)?;
        let phone = OfferTarget { answer_mode: AnswerMode::Auto, ..phone };
        let dictation = with_turn!(self, now, |turn| Dictation::ringing(phone, prompt, speak, turn));
        let leg = dictation.leg.id;
        self.last_dictations.remove(&by);
        self.owners.insert(leg, Owner::Dictation);
        self.dictations.insert(leg, dictation);
        Ok(())
    }

    /// One step of one dictation; what came of one that is over is told until its person begins another.
    pub(super) fn with_dictation(
        &mut self,
        leg: LegId,
        now: Now,
        step: impl FnOnce(&mut Dictation, &mut Turn<'_>),
    ) {
        let Some(mut dictation) = self.dictations.remove(&leg) else { return };
        with_turn!(self, now, |turn| step(&mut dictation, turn));
        if dictation.is_over() {
            self.owners.remove(&leg);
            // One for each person who has a phone.
            self.last_dictations.insert(dictation.by, dictation.live());
        } else {
            self.dictations.insert(leg, dictation);
        }
    }

    fn with_take(
        &mut self,
        recording: RecordingId,
        now: Now,
        step: impl FnOnce(&mut Dictation, &mut Turn<'_>),
    ) {
        let of_take = self.dictations.iter().find(|(_, one)| one.has_take(recording)).map(|(leg, _)| *leg);
        if let Some(leg) = of_take {
            self.with_dictation(leg, now, step);
        }
    }

    pub(super) fn handle_take_opened(&mut self, recording: RecordingId, is_open: bool, now: Now) {
        self.with_take(recording, now, |one, turn| one.handle_opened(is_open, turn));
    }

    pub(super) fn handle_take_ended(&mut self, recording: RecordingId, now: Now) {
        self.with_take(recording, now, |_, turn| turn.effect(Effect::SealRecording { recording }));
    }

    pub(super) fn handle_take_sealed(&mut self, sealed: &Sealed, now: Now) {
        self.with_take(sealed.recording, now, |one, turn| one.handle_sealed(sealed, turn));
    }

    pub(super) fn handle_dictation_read(&mut self, leg: LegId, sound: Option<Arc<Sound>>, now: Now) {
        self.with_dictation(leg, now, |one, turn| one.handle_read(sound, turn));
    }

    pub(super) fn handle_prompt_kept(&mut self, leg: LegId, kept: bool, now: Now) {
        self.with_dictation(leg, now, |one, turn| one.handle_kept(kept, turn));
    }

    pub(super) fn handle_dictation_timeouts(&mut self, now: Now) {
        let is_due = |one: &Dictation| one.poll_timeout().is_some_and(|at| at <= now.mono);
        let due: Vec<LegId> =
            self.dictations.iter().filter(|(_, one)| is_due(one)).map(|(leg, _)| *leg).collect();
        for leg in due {
            self.with_dictation(leg, now, Dictation::handle_timeout);
        }
    }

    /// Those under way, and of everybody else the last.
    pub(super) fn live_dictations(&self) -> Vec<LiveDictation> {
        let last = self.last_dictations.values().cloned();
        self.dictations.values().map(Dictation::live).chain(last).collect()
    }
}

#[cfg(test)]
mod tests;
