//! Rendered prompts on disk, found by what they were rendered from. Files appear whole or not at all.
//! Nothing is ever removed here: the folder may be emptied by anybody, what is
//! missing is rendered again (`render.rs`).

use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Sha256;
use crate::files::prompt_reader;
use crate::media::{SAMPLE_RATE, Sound};

/// Changes whenever our treatment of the rendered sound does.
const TREATMENT: &str = "1";

pub(super) fn prepare(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

/// The name of what these inputs sound like.
pub(super) fn key(engine_version: &str, voice: &str, rate: u32, said: &str) -> Sha256 {
    let rate = rate.to_string();
    Sha256::of([TREATMENT, engine_version, voice, &rate, said].join("\n").as_bytes())
}

pub(super) fn path(folder: &Path, key: &Sha256) -> PathBuf {
    folder.join(format!("{key}.wav"))
}

/// A file beside the cached one that no other process writes.
pub(super) fn temporary_path(folder: &Path, key: &Sha256) -> PathBuf {
    folder.join(format!("{key}.{}.part", std::process::id()))
}

/// None when it is not there or cannot be read: then it is rendered again.
pub(super) fn read(folder: &Path, key: &Sha256) -> Option<Sound> {
    prompt_reader::read(&path(folder, key)).ok()
}

/// Writes beside, then renames.
pub(super) fn write(folder: &Path, key: &Sha256, sound: &Sound) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let temporary = temporary_path(folder, key);
    let mut writer = hound::WavWriter::create(&temporary, spec)?;
    for sample in &sound.samples {
        writer.write_sample(*sample)?;
    }
    writer.finalize()?;
    std::fs::rename(&temporary, path(folder, key))?;
    Ok(())
}
