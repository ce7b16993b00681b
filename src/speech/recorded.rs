//! A recorded prompt, before it is one: what it must be, whether it came as a file or by telephone, and where it is kept.
//! Callers hear it from the next publication on (`library.rs` reads it then).

use std::io;
use std::path::Path;

use crate::dialplan::PromptRef;
use crate::digest::Sha256;
use crate::files::{prompt_reader, whole_file};
use crate::media::{SAMPLE_RATE, Sound};

use super::recording_of;

/// Nobody listens to a longer prompt, milliseconds.
pub const MAX_MS: usize = 120_000;
/// Shorter than any word, milliseconds.
pub const MIN_MS: usize = 200;
/// A recording whose loudest sample is below this has nobody speaking in it, of 32,767.
const MIN_PEAK: u16 = 500;
/// Below this nobody speaks: what is so quiet at the beginning and the end of a take is cut off.
const QUIET: u16 = 250;
/// Kept before the first word and after the last, milliseconds.
const BREATH_MS: usize = 150;

/// Why it cannot be a prompt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unfit {
    #[error("a prompt lasts {MIN_MS} ms to {} s; this one {ms} ms", MAX_MS / 1000)]
    Length { ms: usize },
    #[error("nothing is to be heard in this recording")]
    Silent,
}

/// A recording in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    pub duration_ms: usize,
    /// Of the file: mono, 8 kHz, 16 bits.
    pub sha256: Sha256,
}

pub fn duration_ms(sound: &Sound) -> usize {
    sound.samples.len() * 1000 / SAMPLE_RATE as usize
}

/// Whether `sound` can be a prompt.
pub fn judge(sound: &Sound) -> Result<(), Unfit> {
    let ms = duration_ms(sound);
    if !(MIN_MS..=MAX_MS).contains(&ms) {
        return Err(Unfit::Length { ms });
    }
    if sound.samples.iter().all(|sample| sample.unsigned_abs() < MIN_PEAK) {
        return Err(Unfit::Silent);
    }
    Ok(())
}

/// What was said between two silences; the last `cut_ms` were a key.
pub fn trimmed(samples: &[i16], cut_ms: u32) -> Sound {
    let frames = |ms: usize| ms * SAMPLE_RATE as usize / 1000;
    let said = &samples[..samples.len().saturating_sub(frames(cut_ms as usize))];
    let is_loud = |sample: &i16| sample.unsigned_abs() >= QUIET;
    let (Some(first), Some(last)) = (said.iter().position(is_loud), said.iter().rposition(is_loud)) else {
        return Sound { samples: Vec::new() };
    };
    let from = first.saturating_sub(frames(BREATH_MS));
    let to = (last + 1 + frames(BREATH_MS)).min(said.len());
    Sound { samples: said[from..to].to_vec() }
}

/// Puts `sound` into the place of `prompt` in `folder`, whole or not at all. Blocks.
pub fn keep(folder: &Path, prompt: &PromptRef, sound: &Sound) -> io::Result<Kept> {
    let wav = prompt_reader::wav(sound).map_err(io::Error::other)?;
    let file = recording_of(folder, prompt);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    whole_file::replace(&file, &wav)?;
    Ok(Kept { duration_ms: duration_ms(sound), sha256: Sha256::of(&wav) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(ms: usize, level: i16) -> Vec<i16> {
        (0..ms * 8).map(|n| if n % 2 == 0 { level } else { -level }).collect()
    }

    #[test]
    fn the_silence_around_the_words_and_the_key_after_them_are_cut_off() {
        let said = [tone(700, 20), tone(1000, 8000), tone(900, 20), tone(100, 9000)].concat();
        let sound = trimmed(&said, 180);
        assert_eq!(duration_ms(&sound), 1000 + 2 * BREATH_MS);
        assert_eq!(judge(&sound), Ok(()));
        assert!(trimmed(&tone(100, 9000), 180).samples.is_empty(), "nothing but the key");
        assert!(trimmed(&tone(3000, 200), 0).samples.is_empty());
    }

    #[test]
    fn what_is_too_short_too_long_or_silent_is_no_prompt() {
        let judged = |ms, level| judge(&Sound { samples: tone(ms, level) });
        assert_eq!(judged(MIN_MS - 1, 8000), Err(Unfit::Length { ms: MIN_MS - 1 }));
        assert_eq!(judged(MIN_MS, 8000), Ok(()));
        assert_eq!(judged(MAX_MS, 8000), Ok(()));
        assert_eq!(judged(MAX_MS + 1, 8000), Err(Unfit::Length { ms: MAX_MS + 1 }));
        assert_eq!(judged(1000, 499), Err(Unfit::Silent));
    }
}
