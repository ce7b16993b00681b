//! How loud a recording is over time: the loudest sample of every 10 ms on each side. Waveforms and spans of silence are
//! drawn from it; it is a five-hundredth of the sound, so that those of the calls looked at last are kept.

use std::collections::VecDeque;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use crate::files::ContentFile;
use crate::ids::RecordingId;

use super::wav_layout::{HEAD_BYTES, WavLayout};

/// One step of an envelope.
const STEP_MS: u64 = 10;
/// Sound is read in blocks of this size.
const BLOCK_BYTES: usize = 256 * 1024;
/// What is kept of the calls looked at last: some twenty of an hour each, two thousand of usual length.
const KEPT_BYTES: usize = 32 * 1024 * 1024;

/// Nobody waits through less.
const MIN_SILENCE_MS: u64 = 2_000;
/// Left standing on either side of a silence, so that no word loses its beginning.
const SILENCE_MARGIN_MS: u64 = 250;
/// A line's own noise is the level that a fifth of the call stays under; silence is what is at most twice as loud.
const NOISE_SHARE: usize = 5;
/// Silence even where the line has no noise at all: -50 dB of full scale.
const QUIETEST: u16 = 104;
/// Never silence, however loud the line: -34 dB, a person who speaks low.
const SPEECH: u16 = 654;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Envelope {
    pub(super) sample_rate: u32,
    /// Samples per channel.
    pub(super) frames: u64,
    /// First byte of sound in the file.
    pub(super) data_offset: u64,
    /// Left, then right.
    channels: Vec<Vec<u16>>,
}

impl Envelope {
    /// Reads the whole file once.
    ///
    /// # Errors
    /// When it cannot be read or holds no 16-bit PCM.
    pub(super) fn read(mut file: ContentFile) -> std::io::Result<Self> {
        let length = file.length()?;
        let mut head = Vec::new();
        Read::by_ref(&mut file).take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        let layout =
            WavLayout::of(&head).filter(|layout| layout.bits == 16 && (1..=2).contains(&layout.channels));
        let layout = layout.ok_or_else(|| std::io::Error::other("not a 16-bit PCM file"))?;
        let frames = layout.sound_bytes(length) / layout.frame_bytes();
        file.seek(SeekFrom::Start(layout.data_offset))?;
        let channels = usize::from(layout.channels);
        let per_step = usize::try_from(u64::from(layout.sample_rate) * STEP_MS / 1000).unwrap_or(1).max(1);
        let mut sound = file.take(frames * layout.frame_bytes());
        let mut steps = Steps::new(channels, per_step);
        let mut block = vec![0; BLOCK_BYTES / (2 * channels * per_step) * (2 * channels * per_step)];
        loop {
            let read = read_full(&mut sound, &mut block)?;
            if read == 0 {
                break;
            }
            steps.add(&block[..read]);
        }
        Ok(Self {
            sample_rate: layout.sample_rate,
            frames,
            data_offset: layout.data_offset,
            channels: steps.loudest,
        })
    }

    /// The loudest moment of each bin, as a share of full scale; a bin shorter than a step has that of its step.
    pub(super) fn peaks(&self, bins: usize) -> Vec<Vec<f32>> {
        let of_channel = |channel: &Vec<u16>| {
            let steps = channel.len();
            let bin = |i: usize| {
                let from = i * steps / bins;
                let to = ((i + 1) * steps / bins).max(from + 1).min(steps);
                channel.get(from..to).and_then(|steps| steps.iter().max()).copied().unwrap_or(0)
            };
            (0..bins).map(|i| f32::from(bin(i)) / 32768.0).collect()
        };
        self.channels.iter().map(of_channel).collect()
    }

    /// Where both sides are silent for long: from and to, in milliseconds.
    pub(super) fn silences(&self) -> Vec<[u64; 2]> {
        let limits: Vec<u16> = self.channels.iter().map(|channel| silence_limit(channel)).collect();
        let steps = self.channels.first().map_or(0, Vec::len);
        let is_silent =
            |step: usize| self.channels.iter().zip(&limits).all(|(channel, limit)| channel[step] <= *limit);
        let mut silences = Vec::new();
        let mut began = None;
        for step in 0..=steps {
            if step < steps && is_silent(step) {
                began = began.or(Some(step));
            } else if let Some(from) = began.take() {
                let [from, to] = [from, step].map(|step| u64::try_from(step).unwrap_or(u64::MAX) * STEP_MS);
                if to - from >= MIN_SILENCE_MS {
                    silences.push([from + SILENCE_MARGIN_MS, to - SILENCE_MARGIN_MS]);
                }
            }
        }
        silences
    }

    fn bytes(&self) -> usize {
        self.channels.iter().map(|channel| channel.len() * 2).sum()
    }
}

/// The loudest sample of each step, found while blocks of whole steps go by.
struct Steps {
    per_step: usize,
    loudest: Vec<Vec<u16>>,
}

impl Steps {
    fn new(channels: usize, per_step: usize) -> Self {
        Self { per_step, loudest: vec![Vec::new(); channels] }
    }

    fn add(&mut self, block: &[u8]) {
        let channels = self.loudest.len();
        for step in block.chunks(self.per_step * 2 * channels) {
            for (side, loudest) in self.loudest.iter_mut().enumerate() {
                let samples = step
                    .chunks_exact(2 * channels)
                    .map(|frame| i16::from_le_bytes([frame[2 * side], frame[2 * side + 1]]).unsigned_abs());
                loudest.push(samples.fold(0, u16::max));
            }
        }
    }
}

/// Fills `block` unless the sound ends.
fn read_full(sound: &mut impl Read, block: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match sound.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn silence_limit(channel: &[u16]) -> u16 {
    if channel.is_empty() {
        return QUIETEST;
    }
    let mut levels = channel.to_vec();
    let (_, noise, _) = levels.select_nth_unstable(channel.len() / NOISE_SHARE);
    noise.saturating_mul(2).clamp(QUIETEST, SPEECH)
}

/// The envelopes of the recordings looked at last.
#[derive(Debug, Default)]
pub(in crate::web) struct Kept(Mutex<VecDeque<(RecordingId, Arc<Envelope>)>>);

impl Kept {
    pub(super) fn of(&self, recording: RecordingId) -> Option<Arc<Envelope>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = kept.iter().position(|(id, _)| *id == recording)?;
        let found = kept.remove(index)?;
        let envelope = found.1.clone();
        kept.push_back(found);
        Some(envelope)
    }

    /// Of a sealed recording only: it does not change any more.
    pub(super) fn keep(&self, recording: RecordingId, envelope: Arc<Envelope>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(id, _)| *id != recording);
        kept.push_back((recording, envelope));
        while kept.iter().map(|(_, envelope)| envelope.bytes()).sum::<usize>() > KEPT_BYTES {
            kept.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::super::wav_layout::tests::stereo_wav;
    use super::*;
    use crate::time;

    fn envelope_of(frames: &[[i16; 2]]) -> Envelope {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.wav");
        std::fs::write(&path, stereo_wav(frames)).unwrap();
        Envelope::read(open(&path)).unwrap()
    }

    fn open(path: &std::path::Path) -> ContentFile {
        ContentFile::open(path, uuid::Uuid::nil(), None).unwrap()
    }

    /// `millis` of both sides at these levels.
    fn sound(parts: &[(usize, i16, i16)]) -> Vec<[i16; 2]> {
        parts.iter().flat_map(|(millis, left, right)| vec![[*left, *right]; millis * 8]).collect()
    }

    #[test]
    fn each_bin_has_its_loudest_sample() {
        let mut frames = sound(&[(40, 0, 0)]);
        frames[3] = [-16384, 0];
        frames[319] = [4, i16::MIN];
        let envelope = envelope_of(&frames);
        assert_eq!((envelope.sample_rate, envelope.frames), (8000, 320));
        assert_eq!(envelope.peaks(2), [[0.5, 4.0 / 32768.0], [0.0, 1.0]]);
        assert_eq!(envelope.peaks(8)[0][..3], [0.5, 0.5, 0.0], "a bin shorter than a step has its step's");
        assert_eq!(envelope_of(&[]).peaks(2), [[0.0, 0.0], [0.0, 0.0]]);
    }

    #[test]
    fn blocks_do_not_cut_steps() {
        let frames = sound(&[(30_000, 100, 0), (10, 9000, 7), (30_000, 100, 0)]);
        let peaks = envelope_of(&frames).peaks(6001);
        let loud: Vec<_> = peaks[0].iter().enumerate().filter(|(_, peak)| **peak > 0.1).collect();
        assert_eq!(loud, [(3000, &(9000.0 / 32768.0))]);
    }

    #[test]
    fn silence_is_where_neither_side_says_anything_for_long() {
        let envelope = envelope_of(&sound(&[
            (1000, 9000, 0),
            (3000, 20, 20),
            (1000, 0, 9000),
            (1900, 0, 0),
            (500, 9000, 0),
            (2000, 60, 90),
        ]));
        assert_eq!(envelope.silences(), [[1250, 3750], [7650, 8900 + 250]]);
        assert_eq!(envelope_of(&[]).silences(), Vec::<[u64; 2]>::new());
    }

    #[test]
    fn a_noisy_line_has_silences_and_a_low_voice_is_none() {
        let noisy = envelope_of(&sound(&[(2000, 6000, 250), (4000, 300, 250), (1000, 6000, 250)]));
        assert_eq!(noisy.silences(), [[2250, 5750]]);
        let low_voice = envelope_of(&sound(&[(9000, 700, 700)]));
        assert_eq!(low_voice.silences(), Vec::<[u64; 2]>::new());
    }

    #[test]
    fn what_is_kept_has_a_bound_and_the_oldest_goes() {
        let hour = Arc::new(Envelope {
            sample_rate: 8000,
            frames: 28_800_000,
            data_offset: 44,
            channels: vec![vec![0; 360_000]; 2],
        });
        let kept = Kept::default();
        let ids: Vec<_> = (0..30).map(|n| RecordingId(uuid::Uuid::from_u128(n))).collect();
        for id in &ids {
            kept.keep(*id, hour.clone());
            assert!(kept.of(ids[0]).is_some(), "what is looked at stays");
        }
        assert!(kept.of(ids[1]).is_none());
        assert!(kept.of(ids[29]).is_some());
        assert!(kept.0.lock().unwrap().len() * hour.bytes() <= KEPT_BYTES);
    }

    #[test]
    fn an_hour_is_read_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hour.wav");
        let second = sound(&[(500, 5000, 30), (500, 20, 4000)]);
        std::fs::write(&path, stereo_wav(&second.repeat(3600))).unwrap();
        let began = time::now().mono;
        let envelope = Envelope::read(open(&path)).unwrap();
        println!("an hour of two sides: envelope in {:?}", time::now().mono.duration_since(began));
        let began = time::now().mono;
        assert_eq!(envelope.peaks(1600)[0].len(), 1600);
        assert_eq!(envelope.silences(), Vec::<[u64; 2]>::new());
        println!("peaks and silences of it in {:?}", time::now().mono.duration_since(began));
        assert_eq!(envelope.frames, 28_800_000);
    }
}
