//! Every prompt of a dialplan as a [`Sound`] in memory, and the files they come from:
//! `<folder>/<lang>.toml` for texts, `<folder>/<lang>/<id>.wav` for recordings.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::engine::Engine;
use super::render::{Job, render_all};
use super::{cache, music};
use crate::diagnostic::Diagnostic;
use crate::dialplan::prompt::{BEEP, TONE_PREFIX};
use crate::dialplan::{Dialplan, PromptRef, PromptText, PromptTexts};
use crate::digest::Sha256;
use crate::files::prompt_reader;
use crate::language::Language;
use crate::media::Sound;

/// All sounds of one dialplan; replaced whole on reload, running calls keep what they play.
#[derive(Debug)]
pub struct PromptLibrary {
    sounds: HashMap<PromptRef, Arc<Sound>>,
    music: Arc<Sound>,
    origins: Origins,
    texts: Arc<PromptTexts>,
    /// What the recorded files were, to the byte.
    recordings: BTreeMap<PromptRef, Sha256>,
    /// Where they are looked for.
    folder: PathBuf,
}

/// How many prompts came from where.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Origins {
    pub recorded: usize,
    pub cached: usize,
    pub rendered: usize,
}

impl PromptLibrary {
    /// Gathers every prompt `plan` may play. Blocks: some ten milliseconds for each prompt that is neither
    /// recorded in `folder` nor in `cache` (a directory that is made if need be and may be deleted at any time).
    /// `progress` is told how many of how many speech prompts are there.
    ///
    /// The error lists every missing text, unreadable recording, or why `engine` could not render.
    pub fn load(
        plan: &Dialplan,
        folder: &Path,
        cache: &Path,
        engine: &Path,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, Vec<Diagnostic>> {
        Self::load_all(&[plan], folder, cache, engine, progress)
    }

    /// The same for several plans that share their prompts.
    pub fn load_all(
        plans: &[&Dialplan],
        folder: &Path,
        cache: &Path,
        engine: &Path,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, Vec<Diagnostic>> {
        let languages: BTreeSet<Language> = plans.iter().flat_map(|plan| plan.languages()).copied().collect();
        let languages: Vec<Language> = languages.into_iter().collect();
        let texts = read_texts(folder, &languages)?;
        let complaints: Vec<_> = plans.iter().flat_map(|plan| plan.check_prompts(&texts)).collect();
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let mut sounds = HashMap::new();
        let mut jobs = Vec::new();
        let mut recordings = BTreeMap::new();
        let mut complaints = Vec::new();
        let prompts: BTreeSet<PromptRef> = plans.iter().flat_map(|plan| plan.prompts()).collect();
        for prompt in prompts {
            let recording = recording_of(folder, &prompt);
            if prompt.id.starts_with(TONE_PREFIX) {
                continue;
            } else if recording.exists() {
                match prompt_reader::read(&recording) {
                    Ok(sound) => {
                        recordings.extend(digest_of(&recording).map(|digest| (prompt.clone(), digest)));
                        sounds.insert(prompt, Arc::new(sound));
                    }
                    Err(error) => complaints.push(placed(&recording, error.to_string())),
                }
            } else if let Some(text) = texts.text(&prompt) {
                jobs.push(Job::new(prompt, text));
            }
        }
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let mut origins = Origins { recorded: sounds.len(), ..Origins::default() };
        if !jobs.is_empty() {
            let complain = |error: String| vec![placed(engine, error)];
            let engine = Engine::find(engine).map_err(|error| complain(error.to_string()))?;
            cache::prepare(cache)
                .map_err(|error| vec![placed(cache, format!("cannot keep speech here: {error}"))])?;
            let rendered =
                render_all(&engine, cache, jobs, progress).map_err(|error| complain(error.to_string()))?;
            (origins.cached, origins.rendered) = (rendered.cached, rendered.rendered);
            sounds.extend(rendered.sounds);
        }
        let beep = Arc::new(music::beep());
        for language in languages {
            sounds.insert(PromptRef { id: BEEP.to_owned(), language }, beep.clone());
        }
        tracing::info!(
            recorded = origins.recorded,
            cached = origins.cached,
            rendered = origins.rendered,
            "prompts loaded"
        );
        let music = Arc::new(music::on_hold());
        let folder = folder.to_owned();
        Ok(Self { sounds, music, origins, texts: Arc::new(texts), recordings, folder })
    }

    /// A second of some sound for each prompt, recorded in `folder` where there is a file.
    #[cfg(test)]
    pub fn sounding(plan: &Dialplan, texts: PromptTexts, folder: &Path) -> Self {
        let sound = Arc::new(music::beep());
        let prompts = plan.prompts();
        let recorded = prompts
            .iter()
            .filter_map(|prompt| Some((prompt.clone(), digest_of(&recording_of(folder, prompt))?)));
        let recordings: BTreeMap<_, _> = recorded.collect();
        let origins = Origins { recorded: recordings.len(), ..Origins::default() };
        let sounds = prompts.into_iter().map(|prompt| (prompt, sound.clone())).collect();
        let folder = folder.to_owned();
        Self { sounds, music: sound, origins, texts: Arc::new(texts), recordings, folder }
    }

    /// None for a prompt the plan did not have when it was loaded.
    pub fn sound(&self, prompt: &PromptRef) -> Option<&Arc<Sound>> {
        self.sounds.get(prompt)
    }

    /// The sounds of `prompts` in order; missing ones are left out, with a warning each.
    pub fn sounds(&self, prompts: &[PromptRef]) -> Vec<Arc<Sound>> {
        let known = |prompt: &PromptRef| {
            let sound = self.sound(prompt);
            if sound.is_none() {
                tracing::warn!(prompt.id = prompt.id, prompt.language = %prompt.language, "prompt has no sound");
            }
            sound.cloned()
        };
        prompts.iter().filter_map(known).collect()
    }

    /// Music on hold, made to be repeated without a seam.
    pub fn music(&self) -> Arc<Sound> {
        self.music.clone()
    }

    /// The words it was made of.
    pub fn texts(&self) -> &Arc<PromptTexts> {
        &self.texts
    }

    /// The digest of the file this prompt was recorded in; none where the words are spoken by a program.
    pub fn recording(&self, prompt: &PromptRef) -> Option<Sha256> {
        self.recordings.get(prompt).copied()
    }

    /// Where recordings of prompts are looked for.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn origins(&self) -> Origins {
        self.origins
    }
}

/// Where the recording of `prompt` is looked for.
pub fn recording_of(folder: &Path, prompt: &PromptRef) -> PathBuf {
    folder.join(prompt.language.code()).join(format!("{}.wav", prompt.id))
}

/// None when there is no such file.
pub fn digest_of(recording: &Path) -> Option<Sha256> {
    std::fs::read(recording).ok().map(|bytes| Sha256::of(&bytes))
}

/// Any words as a sound, from `cache` or rendered by `engine`. Blocks.
pub fn speak(words: &str, language: Language, engine: &Path, cache: &Path) -> Result<Arc<Sound>, Diagnostic> {
    let complain = |error: String| placed(engine, error);
    let prompt = PromptRef { id: "words".to_owned(), language };
    let job = Job::new(prompt.clone(), &PromptText { text: words.to_owned(), said: None });
    let engine = Engine::find(engine).map_err(|error| complain(error.to_string()))?;
    cache::prepare(cache).map_err(|error| complain(error.to_string()))?;
    let rendered =
        render_all(&engine, cache, vec![job], &mut |_, _| {}).map_err(|error| complain(error.to_string()))?;
    rendered.sounds.get(&prompt).cloned().ok_or_else(|| complain("nothing was said".to_owned()))
}

/// Reads `<folder>/<lang>.toml` of each language.
pub fn read_texts(folder: &Path, languages: &[Language]) -> Result<PromptTexts, Vec<Diagnostic>> {
    let mut texts = PromptTexts::default();
    let mut complaints = Vec::new();
    for language in languages {
        let file = folder.join(format!("{language}.toml"));
        let added = match std::fs::read_to_string(&file) {
            Ok(text) => texts.add(*language, &file.display().to_string(), &text),
            Err(error) => Err(vec![placed(&file, format!("cannot be read: {error}"))]),
        };
        complaints.extend(added.err().into_iter().flatten());
    }
    if complaints.is_empty() { Ok(texts) } else { Err(complaints) }
}

fn placed(file: &Path, message: String) -> Diagnostic {
    Diagnostic::at_offset(&file.display().to_string(), "", 0, message)
}

#[cfg(test)]
mod tests;
