//! Reads prompts and music: WAV files of any usual rate, mono or stereo, 8 or 16 bits, as one [`Sound`] at 8 kHz.
//! Which prompt is wanted when is `dialplan/`; playing it is `media/`.

use std::io::Read;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use crate::media::{SAMPLE_RATE, Sound};
use crate::wav::resample::resample;

/// Rates of telephone and studio files, Hz.
const RATES: std::ops::RangeInclusive<u32> = 4000..=192_000;
/// Longest sound, 20 minutes: music on hold; 19 MB in memory.
const MAX_SECS: u32 = 20 * 60;

/// Every message names the file, for the person who put it there.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    #[error("{path}: {source}")]
    Unreadable { path: PathBuf, source: hound::Error },
    #[error("{path}: {what}; wanted: WAV, PCM of 8 or 16 bits, mono or stereo, at most 20 minutes")]
    Unusable { path: PathBuf, what: String },
}

/// Which channel of a stereo file is the sound.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Channel {
    Both,
    Left,
}

/// Reads a whole file. Stereo is mixed to mono; other rates are converted.
pub fn read(path: &Path) -> Result<Sound, PromptError> {
    decode(path, WavReader::open(path), Channel::Both)
}

/// The same of the left channel alone: of a recording of ours what was said at the other end.
pub fn read_left(path: &Path) -> Result<Sound, PromptError> {
    decode(path, WavReader::open(path), Channel::Left)
}

/// The same of bytes that are no file yet; `path` names them in the error.
pub fn read_bytes(path: &Path, bytes: &[u8]) -> Result<Sound, PromptError> {
    decode(path, WavReader::new(bytes), Channel::Both)
}

/// A sound as a file of its own: WAV, PCM, 16 bits, mono, 8 kHz.
pub fn wav(sound: &Sound) -> Result<Vec<u8>, hound::Error> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec)?;
    for sample in &sound.samples {
        writer.write_sample(*sample)?;
    }
    writer.finalize()?;
    Ok(bytes.into_inner())
}

fn decode<R: Read>(
    path: &Path,
    reader: Result<WavReader<R>, hound::Error>,
    channel: Channel,
) -> Result<Sound, PromptError> {
    let unreadable = |source| PromptError::Unreadable { path: path.to_owned(), source };
    let mut reader = reader.map_err(unreadable)?;
    let spec = reader.spec();
    if let Some(what) = objection(spec, reader.duration()) {
        return Err(PromptError::Unusable { path: path.to_owned(), what });
    }
    let channels = usize::from(spec.channels);
    let mut mono = Vec::with_capacity(reader.duration() as usize);
    let (mut sum, mut of_frame) = (0_i32, 0);
    for sample in reader.samples::<i16>() {
        let sample = i32::from(sample.map_err(unreadable)?);
        if channel == Channel::Both || of_frame == 0 {
            sum += if spec.bits_per_sample == 8 { sample << 8 } else { sample };
        }
        of_frame += 1;
        if of_frame == channels {
            let heard = if channel == Channel::Both { channels } else { 1 };
            mono.push((sum / heard as i32) as i16);
            (sum, of_frame) = (0, 0);
        }
    }
    Ok(Sound { samples: resample(&mono, spec.sample_rate, SAMPLE_RATE) })
}

/// Why a file cannot be used; `frames` is its length.
fn objection(spec: WavSpec, frames: u32) -> Option<String> {
    if spec.sample_format != SampleFormat::Int || !matches!(spec.bits_per_sample, 8 | 16) {
        return Some(format!("{:?} samples of {} bits", spec.sample_format, spec.bits_per_sample));
    }
    if !matches!(spec.channels, 1 | 2) {
        return Some(format!("{} channels", spec.channels));
    }
    if !RATES.contains(&spec.sample_rate) {
        return Some(format!("a sample rate of {} Hz", spec.sample_rate));
    }
    let secs = frames / spec.sample_rate;
    (secs > MAX_SECS).then(|| format!("{secs} seconds"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn write(path: &Path, channels: u16, sample_rate: u32, bits_per_sample: u16) {
        let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format: SampleFormat::Int };
        let mut writer = hound::WavWriter::create(path, spec).unwrap();
        for i in 0..sample_rate {
            let level = if bits_per_sample == 8 { 60.0 } else { 15_360.0 };
            let sample =
                level * (f64::from(i) * 500.0 * std::f64::consts::TAU / f64::from(sample_rate)).sin();
            (0..channels).for_each(|_| writer.write_sample(sample as i16).unwrap());
        }
        writer.finalize().unwrap();
    }

    #[test]
    fn usual_files_sound_alike() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompt.wav");
        for (channels, rate, bits) in
            [(1, 8000, 16), (2, 44_100, 16), (1, 16_000, 8), (2, 48_000, 8), (1, 22_050, 16)]
        {
            write(&path, channels, rate, bits);
            let sound = read(&path).unwrap();
            assert!(sound.samples.len().abs_diff(8000) <= 1, "{rate} Hz: {}", sound.samples.len());
            for (i, sample) in sound.samples.iter().enumerate().skip(200).take(7600) {
                let expected = (15_360.0 * (i as f64 * 500.0 * std::f64::consts::TAU / 8000.0).sin()) as i16;
                assert!(sample.abs_diff(expected) < 400, "{channels} x {bits} bits at {rate} Hz, sample {i}");
            }
        }
    }

    #[test]
    fn a_sound_is_the_same_after_it_was_a_file() {
        let sound = Sound { samples: (0..8000).map(|i| (i * 7 % 2000) as i16 - 1000).collect() };
        let bytes = wav(&sound).unwrap();
        assert_eq!(read_bytes(Path::new("x.wav"), &bytes).unwrap(), sound);
        assert!(read_bytes(Path::new("x.wav"), &bytes[..20]).is_err());
    }

    #[test]
    fn errors_name_the_file_and_the_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("welcome.uk.wav");
        let message = |path: &Path| read(path).unwrap_err().to_string();
        assert!(message(&path).contains("welcome.uk.wav"));
        std::fs::write(&path, "RIFF....").unwrap();
        assert!(message(&path).contains("welcome.uk.wav"));
        write(&path, 3, 8000, 16);
        assert!(message(&path).contains("3 channels"), "{}", message(&path));
        write(&path, 1, 8000, 24);
        assert!(message(&path).contains("24 bits"), "{}", message(&path));
        write(&path, 1, 2000, 16);
        assert!(message(&path).contains("2000 Hz"), "{}", message(&path));
    }
}
