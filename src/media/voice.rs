//! Whether somebody speaks on a leg, or a machine whistles: the loudness of each tick, and whether it is one pure tone.
//! What that says of whoever answered is judged in `call/answering.rs`.

use super::TICK_MS;
use super::block::{Band, Block, Converter};
use super::decoded::Heard;

/// Root mean square of a tick that is speech, in steps of 16 bits: -41 dBFS, above the noise of a quiet line and below
/// the quietest talker that ITU-T P.56 levels allow for.
const LOUD: f64 = 290.0;
/// Loud ticks in a row that are no click: 60 ms.
const BEGINS: u32 = 3;
/// Quiet ticks in a row that end speech: 200 ms, longer than the gap inside a word.
const ENDS: u32 = 200 / TICK_MS as u32;
/// Ticks of one tone in a row that are a machine's: 160 ms, shorter than any that machines give before they record.
const TONE_TICKS: u32 = 8;
/// The share of a tick's energy that does not follow from one tone; companding to eight bits alone makes 0.002.
const IMPURE: f64 = 0.02;
/// Machines whistle within this, Hz; hum is below, fax and modem answer within (2100).
const TONE_HZ: std::ops::RangeInclusive<f64> = 350.0..=2_250.0;
/// A tone keeps its pitch: change from tick to tick, as a share.
const DRIFT: f64 = 0.03;

/// What a tick brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    Started,
    Stopped,
    /// A tone is over.
    ToneEnded,
}

#[derive(Debug)]
pub(super) struct Voice {
    converter: Converter,
    speaks: bool,
    /// Ticks in a row that contradict `speaks`.
    contrary: u32,
    tone_hz: f64,
    tone_ticks: u32,
}

impl Voice {
    pub(super) fn new() -> Self {
        Self { converter: Converter::new(), speaks: false, contrary: 0, tone_hz: 0.0, tone_ticks: 0 }
    }

    pub(super) fn hear(&mut self, heard: &Heard) -> Option<Change> {
        let mut room = Block::silent(Band::Narrow);
        let narrow = self.converter.convert(&heard.block, Band::Narrow, &mut room);
        self.hear_samples(narrow.samples())
    }

    /// A tick at 8 kHz. A tone is no speech.
    fn hear_samples(&mut self, samples: &[i16]) -> Option<Change> {
        let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let loud = (energy / samples.len().max(1) as f64).sqrt() >= LOUD;
        let pitch = if loud { tone(samples) } else { None };
        match pitch {
            Some(hz) if self.tone_ticks > 0 && (hz - self.tone_hz).abs() <= self.tone_hz * DRIFT => {
                self.tone_ticks += 1;
            }
            Some(_) => self.tone_ticks = 1,
            None => {
                if std::mem::take(&mut self.tone_ticks) >= TONE_TICKS {
                    self.speaks = false;
                    self.contrary = 0;
                    return Some(Change::ToneEnded);
                }
            }
        }
        self.tone_hz = pitch.unwrap_or_default();
        let speaks = loud && pitch.is_none();
        self.contrary = if speaks == self.speaks { 0 } else { self.contrary + 1 };
        let enough = if self.speaks { ENDS } else { BEGINS };
        if self.contrary < enough {
            return None;
        }
        self.speaks = speaks;
        self.contrary = 0;
        Some(if speaks { Change::Started } else { Change::Stopped })
    }
}

/// The pitch of a tick that is one tone. Each sample of a tone follows from the two around it: x[n-1] + x[n+1] =
/// 2 cos(w) x[n]; the best such factor is found, and what it leaves unexplained.
fn tone(samples: &[i16]) -> Option<f64> {
    let (mut product, mut energy) = (0.0, 0.0);
    let around = |n: usize| f64::from(samples[n - 1]) + f64::from(samples[n + 1]);
    let inner = 1..samples.len().saturating_sub(1);
    for n in inner.clone() {
        let here = f64::from(samples[n]);
        product += here * around(n);
        energy += here * here;
    }
    if energy <= 0.0 {
        return None;
    }
    let factor = product / energy;
    let left: f64 = inner.map(|n| (around(n) - factor * f64::from(samples[n])).powi(2)).sum();
    let hz = (factor / 2.0).clamp(-1.0, 1.0).acos() * 8_000.0 / std::f64::consts::TAU;
    (left / energy <= IMPURE && TONE_HZ.contains(&hz)).then_some(hz)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::rtp::g711::Law;

    /// Ticks of a sum of tones, as they come out of a telephone line.
    fn sound(tones: &[f64], amplitude: f64, ms: usize) -> Vec<i16> {
        let sample = |n: usize| {
            let at = n as f64 / 8_000.0;
            let sum: f64 = tones.iter().map(|hz| (at * hz * std::f64::consts::TAU).sin()).sum();
            Law::A.decode(Law::A.encode((sum / tones.len() as f64 * amplitude) as i16))
        };
        (0..ms * 8).map(sample).collect()
    }

    fn changes(samples: &[i16]) -> Vec<(usize, Change)> {
        let mut voice = Voice::new();
        let ticks = samples.chunks_exact(160).enumerate();
        ticks.filter_map(|(tick, samples)| Some((tick * 20, voice.hear_samples(samples)?))).collect()
    }

    #[test]
    fn speech_begins_after_a_click_would_be_over_and_ends_after_a_pause() {
        let speech = sound(&[210.0, 540.0, 1_230.0, 2_500.0], 9_000.0, 600);
        let pause = vec![0; 8 * 160];
        let line = [pause.clone(), speech.clone(), pause, speech, vec![0; 8 * 400]].concat();
        let expected = [(200, Change::Started), (1_700, Change::Stopped)];
        assert_eq!(changes(&line), expected, "a gap inside a word ends nothing");
    }

    #[test]
    fn a_click_and_the_noise_of_a_line_are_no_speech() {
        let click = [sound(&[300.0, 900.0], 20_000.0, 40), vec![0; 8 * 500]].concat();
        assert_eq!(changes(&click), []);
        assert_eq!(changes(&sound(&[150.0, 420.0, 900.0], 200.0, 2_000)), []);
    }

    #[test]
    fn a_machines_tone_is_told_from_speech_and_from_keys() {
        for hz in [440.0, 1_000.0, 1_400.0, 2_100.0] {
            for ms in [200, 900] {
                let beep = [vec![0; 800], sound(&[hz], 8_000.0, ms), vec![0; 8 * 100]].concat();
                let kinds: Vec<Change> = changes(&beep).into_iter().map(|(_, change)| change).collect();
                assert_eq!(kinds, [Change::ToneEnded], "{hz} Hz for {ms} ms");
            }
        }
        let key = [sound(&[770.0, 1_336.0], 9_000.0, 300), vec![0; 8 * 400]].concat();
        assert!(changes(&key).iter().all(|(_, change)| *change != Change::ToneEnded));
    }
}
