//! The sounds that calls hear, across reloads: a running call keeps its dialplan, whose prompts a newer library may
//! have under another name or not at all. What a prompt sounds like is `speech/library.rs`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::dialplan::PromptRef;
use crate::media::{SAMPLE_RATE, Sound};
use crate::speech::PromptLibrary;

/// Libraries kept behind the one in force: calls that outlive more than two reloads with renamed prompts are rare,
/// and each library takes some megabytes.
const MAX_FORMER: usize = 2;
/// Sounds kept that were rendered for one call: each is heard within a second, and takes some 100 kB.
const MAX_SPOKEN: usize = 64;

/// A phone that rings far away, as most of Europe knows it: 425 Hz, one second on and four off (ETSI TR 101 041-2).
pub(super) fn ringing() -> Arc<Sound> {
    static RINGING: OnceLock<Arc<Sound>> = OnceLock::new();
    const RATE: usize = SAMPLE_RATE as usize;
    let tone = |n: usize| (std::f64::consts::TAU * 425.0 * n as f64 / RATE as f64).sin() * 3_000.0;
    let sound = || {
        let samples = (0..5 * RATE).map(|n| if n < RATE { tone(n) as i16 } else { 0 });
        Arc::new(Sound { samples: samples.collect() })
    };
    RINGING.get_or_init(sound).clone()
}

/// What was rendered for one call, an address for instance: the latest of all calls, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Spoken(Mutex<VecDeque<(PromptRef, Arc<Sound>)>>);

impl Spoken {
    pub(super) fn keep(&self, prompt: PromptRef, sound: Arc<Sound>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != prompt);
        kept.push_front((prompt, sound));
        kept.truncate(MAX_SPOKEN);
    }

    fn of(&self, prompt: &PromptRef) -> Option<Arc<Sound>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == prompt).map(|(_, sound)| sound.clone())
    }
}

#[derive(Debug)]
pub(super) struct Sounds {
    current: Arc<PromptLibrary>,
    /// The latest first.
    former: VecDeque<Arc<PromptLibrary>>,
    spoken: Arc<Spoken>,
}

impl Sounds {
    pub(super) fn new(current: Arc<PromptLibrary>) -> Self {
        Self { current, former: VecDeque::new(), spoken: Arc::default() }
    }

    pub(super) fn replace(&mut self, library: Arc<PromptLibrary>) {
        self.former.push_front(std::mem::replace(&mut self.current, library));
        self.former.truncate(MAX_FORMER);
    }

    /// In order; a prompt that no library has is left out, with a warning.
    pub(super) fn of(&self, prompts: &[PromptRef]) -> Vec<Arc<Sound>> {
        let sound = |prompt: &PromptRef| {
            let found = std::iter::once(&self.current).chain(&self.former).find_map(|it| it.sound(prompt));
            let found = found.cloned().or_else(|| self.spoken.of(prompt));
            if found.is_none() {
                tracing::warn!(prompt.id = prompt.id, prompt.language = %prompt.language, "prompt has no sound");
            }
            found
        };
        prompts.iter().filter_map(sound).collect()
    }

    /// Where sounds are put that no plan has.
    pub(super) fn spoken(&self) -> Arc<Spoken> {
        self.spoken.clone()
    }

    pub(super) fn music(&self) -> Arc<Sound> {
        self.current.music()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::path::Path;

    use super::*;
    use crate::dialplan::Dialplan;
    use crate::language::Language;

    fn prompt(id: &str) -> PromptRef {
        PromptRef { id: id.to_owned(), language: Language::En }
    }

    /// A library whose prompts are recordings of one `sample`, among them one named `greeting`.
    fn library(greeting: &str, sample: i16) -> Arc<PromptLibrary> {
        let plan = format!(
            "languages = [\"en\"]\ntime_zone = \"Europe/Vilnius\"\nstart = \"city\"\noperator = \"city\"\n\
             emergency = \"city\"\n\
             node.city = {{ kind = \"queue\", prompt = \"{greeting}\", queue = \"city\", urgent = true, \
             full = \"bye\" }}\nnode.bye = {{ kind = \"voicemail\", prompt = \"{greeting}\" }}\n"
        );
        let plan = Dialplan::parse("small.toml", &plan).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("en")).unwrap();
        let mut texts = String::new();
        for prompt in plan.prompts() {
            texts.push_str(&format!("{} = \"yes\"\n", prompt.id));
            let spec = hound::WavSpec {
                channels: 1,
                sample_rate: 8000,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            };
            let file = folder.path().join("en").join(format!("{}.wav", prompt.id));
            let mut wav = hound::WavWriter::create(file, spec).unwrap();
            (0..800).for_each(|_| wav.write_sample(sample).unwrap());
            wav.finalize().unwrap();
        }
        std::fs::write(folder.path().join("en.toml"), texts).unwrap();
        let engine = Path::new("no-engine-is-needed");
        let loaded = PromptLibrary::load(&plan, folder.path(), folder.path(), engine, &mut |_, _| {});
        Arc::new(loaded.unwrap_or_else(|wrong| panic!("{wrong:#?}")))
    }

    #[test]
    fn a_running_call_hears_a_prompt_that_a_reload_renamed() {
        let mut sounds = Sounds::new(library("welcome", 1));
        sounds.replace(library("hello", 2));
        let heard: Vec<i16> =
            sounds.of(&[prompt("welcome"), prompt("hello")]).iter().map(|sound| sound.samples[9]).collect();
        assert_eq!(heard, [1, 2]);
        sounds.replace(library("welcome", 3));
        assert_eq!(sounds.of(&[prompt("welcome")])[0].samples[9], 3, "the newest that has it");
        sounds.replace(library("good_day", 4));
        sounds.replace(library("good_day", 5));
        assert_eq!(sounds.of(&[prompt("hello")]).len(), 0, "three reloads ago");
        assert_eq!(sounds.of(&[prompt("welcome")]).len(), 1, "two reloads ago");
    }
}
