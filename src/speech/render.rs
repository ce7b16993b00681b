//! Many prompts at once: from the cache, or rendered a few at a time, trimmed and kept.
//! Which prompts there must be is `library.rs`'s business, how the speech program is run `engine.rs`'s.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio::task::JoinSet;

use super::engine::{Engine, EngineError, voice};
use super::{cache, hebrew};
use crate::dialplan::{PromptRef, PromptText};
use crate::digest::Sha256;
use crate::files::{PromptError, prompt_reader};
use crate::language::Language;
use crate::media::Sound;

/// Children at once: enough to keep a small machine busy, few enough to leave it some room for calls.
const PARALLEL: usize = 2;
/// Samples below this are the silence around speech, of 32767.
const SILENCE: u16 = 160;
/// Kept before the first sound, samples: 30 ms.
const LEAD: usize = 240;
/// Kept after the last, samples: 180 ms, the pause between two prompts of a list.
const TAIL: usize = 1440;

/// One prompt to be spoken.
#[derive(Debug)]
pub(super) struct Job {
    prompt: PromptRef,
    said: String,
}

impl Job {
    pub(super) fn new(prompt: PromptRef, text: &PromptText) -> Self {
        let said = match (&text.said, prompt.language) {
            (Some(latin), Language::He) => hebrew::phonemes(latin),
            (Some(said), _) => said.clone(),
            (None, _) => text.text.clone(),
        };
        Self { prompt, said }
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum RenderError {
    #[error("prompt '{id}' in '{language}': {source}", id = prompt.id, language = prompt.language)]
    Engine { prompt: PromptRef, source: EngineError },
    #[error("prompt '{id}' in '{language}': {source}", id = prompt.id, language = prompt.language)]
    Unusable { prompt: PromptRef, source: PromptError },
    #[error("prompt '{id}' in '{language}': the speech program said nothing", id = prompt.id, language = prompt.language)]
    Silent { prompt: PromptRef },
    #[error("rendered speech cannot be kept: {0}")]
    Cache(#[from] hound::Error),
    #[error("the rendering thread: {0}")]
    Thread(#[from] std::io::Error),
}

#[derive(Debug, Default)]
pub(super) struct Rendered {
    pub(super) sounds: HashMap<PromptRef, Arc<Sound>>,
    pub(super) cached: usize,
    pub(super) rendered: usize,
}

/// Prompts that sound the same are one file and one sound.
struct Task {
    key: Sha256,
    prompts: Vec<PromptRef>,
    said: String,
}

/// Speaks every job; `progress` hears of each. The first failure ends it, what was rendered stays cached.
pub(super) fn render_all(
    engine: &Engine,
    folder: &Path,
    jobs: Vec<Job>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Rendered, RenderError> {
    let total = jobs.len();
    let mut outcome = Rendered::default();
    let mut missing = Vec::new();
    for task in tasks(engine, jobs) {
        match cache::read(folder, &task.key) {
            Some(sound) => {
                outcome.cached += task.prompts.len();
                keep(&mut outcome.sounds, task.prompts, sound);
            }
            None => missing.push(task),
        }
    }
    progress(outcome.cached, total);
    if missing.is_empty() {
        return Ok(outcome);
    }
    // A thread of its own: the caller may or may not be inside a runtime.
    let (sender, results) = sync_channel(PARALLEL);
    let (engine, folder) = (engine.clone(), folder.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let worker = std::thread::Builder::new().name("speech".to_owned());
    let worker = worker.spawn(move || runtime.block_on(run(engine, folder, missing, sender)))?;
    for result in results {
        let (prompts, sound) = result?;
        outcome.rendered += prompts.len();
        keep(&mut outcome.sounds, prompts, sound);
        progress(outcome.cached + outcome.rendered, total);
    }
    if worker.join().is_err() {
        return Err(RenderError::Thread(std::io::Error::other("died")));
    }
    Ok(outcome)
}

fn tasks(engine: &Engine, jobs: Vec<Job>) -> Vec<Task> {
    let mut by_key: BTreeMap<[u8; 32], Task> = BTreeMap::new();
    for job in jobs {
        let (voice, rate) = voice(job.prompt.language);
        let key = cache::key(&engine.version, voice, rate, &job.said);
        let new = || Task { key, prompts: Vec::new(), said: job.said };
        by_key.entry(key.0).or_insert_with(new).prompts.push(job.prompt);
    }
    by_key.into_values().collect()
}

fn keep(sounds: &mut HashMap<PromptRef, Arc<Sound>>, prompts: Vec<PromptRef>, sound: Sound) {
    let sound = Arc::new(sound);
    sounds.extend(prompts.into_iter().map(|prompt| (prompt, sound.clone())));
}

type Outcome = Result<(Vec<PromptRef>, Sound), RenderError>;

/// Runs [`PARALLEL`] children at a time until all is spoken or nobody listens any more.
async fn run(engine: Engine, folder: PathBuf, tasks: Vec<Task>, results: SyncSender<Outcome>) {
    let mut running = JoinSet::new();
    let mut waiting = tasks.into_iter();
    loop {
        while running.len() < PARALLEL
            && let Some(task) = waiting.next()
        {
            running.spawn(speak(engine.clone(), folder.clone(), task));
        }
        let Some(Ok(outcome)) = running.join_next().await else { return };
        if results.send(outcome).is_err() {
            return;
        }
    }
}

async fn speak(engine: Engine, folder: PathBuf, task: Task) -> Outcome {
    let Some(first) = task.prompts.first().cloned() else {
        return Err(RenderError::Thread(std::io::Error::other("a task without a prompt")));
    };
    let raw = cache::temporary_path(&folder, &task.key);
    if let Err(source) = engine.render(first.language, &task.said, &raw).await {
        // After a failure there may be no scratch file to remove.
        std::fs::remove_file(&raw).ok();
        return Err(RenderError::Engine { prompt: first, source });
    }
    // Resampling is work for a core of its own.
    let treated = tokio::task::spawn_blocking(move || treat(&raw, &folder, &task.key, first)).await;
    let sound = treated.map_err(|error| RenderError::Thread(std::io::Error::other(error)))??;
    Ok((task.prompts, sound))
}

/// Takes the scratch file at `raw` away, its speech trimmed into the cache.
fn treat(raw: &Path, folder: &Path, key: &Sha256, prompt: PromptRef) -> Result<Sound, RenderError> {
    let spoken = prompt_reader::read(raw);
    std::fs::remove_file(raw).ok();
    let spoken = spoken.map_err(|source| RenderError::Unusable { prompt: prompt.clone(), source })?;
    let sound = Sound { samples: trimmed(&spoken.samples).to_vec() };
    if sound.samples.is_empty() {
        return Err(RenderError::Silent { prompt });
    }
    cache::write(folder, key, &sound)?;
    Ok(sound)
}

/// Without the silence around it but for a short lead and tail; empty when there is only silence.
fn trimmed(samples: &[i16]) -> &[i16] {
    let is_sound = |sample: &i16| sample.unsigned_abs() > SILENCE;
    let (Some(first), Some(last)) = (samples.iter().position(is_sound), samples.iter().rposition(is_sound))
    else {
        return &[];
    };
    &samples[first.saturating_sub(LEAD)..(last + TAIL).min(samples.len())]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn job(id: &str, language: Language, text: &str) -> Job {
        let text = PromptText { text: text.to_owned(), said: None };
        Job::new(PromptRef { id: id.to_owned(), language }, &text)
    }

    fn jobs() -> Vec<Job> {
        vec![
            job("a", Language::Uk, "Залишайтеся на лінії."),
            job("b", Language::Uk, "Залишайтеся на лінії."),
            job("c", Language::En, "--version"),
        ]
    }

    #[test]
    fn prompts_are_spoken_once_and_then_cached() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::find(Path::new("espeak-ng")).unwrap();
        let mut heard = Vec::new();
        let first =
            render_all(&engine, folder.path(), jobs(), &mut |done, total| heard.push((done, total))).unwrap();
        assert_eq!((first.cached, first.rendered, first.sounds.len()), (0, 3, 3));
        assert_eq!((heard.first(), heard.last()), (Some(&(0, 3)), Some(&(3, 3))));
        let sound = |id: &str, language| &first.sounds[&PromptRef { id: id.to_owned(), language }];
        assert!(Arc::ptr_eq(sound("a", Language::Uk), sound("b", Language::Uk)));
        let spoken = sound("a", Language::Uk);
        assert!((6_000..32_000).contains(&spoken.samples.len()), "{spoken:?}");
        assert!(spoken.samples.iter().any(|sample| sample.unsigned_abs() > 3000));
        assert!(sound("c", Language::En).samples.len() > 4000, "an option was taken for one");
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 2, "one file per sound and no scratch");

        let again = render_all(&engine, folder.path(), jobs(), &mut |_, _| {}).unwrap();
        assert_eq!((again.cached, again.rendered), (3, 0));
        assert!(again.sounds.iter().all(|(prompt, sound)| *sound == first.sounds[prompt]));
        // A broken file is no cached sound, and another version of the program renders anew.
        for file in std::fs::read_dir(folder.path()).unwrap() {
            std::fs::write(file.unwrap().path(), "RIFF").unwrap();
        }
        assert_eq!(render_all(&engine, folder.path(), jobs(), &mut |_, _| {}).unwrap().rendered, 3);
        let newer = Engine { version: "newer".to_owned(), ..engine };
        assert_eq!(render_all(&newer, folder.path(), jobs(), &mut |_, _| {}).unwrap().rendered, 3);
    }

    #[test]
    fn failures_name_the_prompt() {
        let folder = tempfile::tempdir().unwrap();
        let broken = || Engine { version: String::new(), ..Engine::find(Path::new("true")).unwrap() };
        let error = render_all(&broken(), folder.path(), jobs(), &mut |_, _| {}).unwrap_err().to_string();
        assert!(error.contains("prompt '") && error.contains("in '"), "{error}");
        let engine = Engine::find(Path::new("espeak-ng")).unwrap();
        let silent = vec![job("quiet", Language::En, " . ")];
        let error = render_all(&engine, folder.path(), silent, &mut |_, _| {}).unwrap_err().to_string();
        assert!(error.contains("prompt 'quiet' in 'en'"), "{error}");
        let error = Engine::find(Path::new("/no/such/program")).unwrap_err().to_string();
        assert!(error.contains("install espeak-ng"), "{error}");
    }

    #[test]
    fn silence_around_speech_goes() {
        let mut samples = vec![0; 20_000];
        samples[8000] = 1000;
        samples[9000] = -1000;
        assert_eq!(trimmed(&samples).len(), LEAD + 1000 + TAIL);
        assert_eq!(trimmed(&samples[8000..9001]).len(), 1001);
        assert!(trimmed(&[10; 100]).is_empty());
    }
}
