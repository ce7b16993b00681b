//! Keys heard as sound: the two tones of ITU-T Q.23 by Goertzel's algorithm, with the checks of Q.24 that keep voices
//! from pressing keys. For phones that send no telephone events; samples at 8 kHz, 10 ms at a time.

use std::f32::consts::TAU;
use std::sync::LazyLock;

use super::Digit;
use super::telephone_event::Press;

/// Samples of one step, 10 ms.
pub const HOP: usize = 80;
/// Samples looked at together, 20 ms: two steps.
const FRAME: usize = 2 * HOP;
const HOP_MS: u32 = 10;
/// Frames in a row that must show the same key, and frames without it that end it: a tone of 50 ms is a key, one of 20
/// ms is none (Q.24 leaves 20 to 50 ms open); a break of 40 ms parts two keys, one of 10 ms does not.
const BEGIN_FRAMES: u32 = 3;
const END_FRAMES: u32 = 3;
/// After lost sound of this many steps nobody knows whether the key is still down; 200 ms.
const MAX_UNKNOWN: u32 = 20;

const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Mean square of the faintest pair of tones, about -32 dBm0 each (Q.24 asks for -25 at least).
const MIN_POWER: f32 = 300_000.0;
/// The two tones' share of all that is heard; a voice spreads over more.
const MIN_SHARE: f32 = 0.9;
/// Tones may be so far beside their frequency and still have all of their share (Q.24: 1.5 % is taken, 3.5 % is not).
const DETUNED: f32 = 0.012;
/// The stronger tone may be so much stronger than the other, as a ratio of powers: 8 dB (Q.24 asks for 4 to 8).
const MAX_TWIST: f32 = 6.3;
/// The other tones of the same group must be weaker by 6 dB.
const MIN_PROMINENCE: f32 = 4.0;
/// A voice has harmonics: twice either frequency must be weaker than the stronger tone by 10 dB.
const MAX_HARMONIC: f32 = 0.1;

/// Twice the cosine of each tone's step, and of its second harmonic's.
static STEPS: LazyLock<[[f32; 4]; 4]> = LazyLock::new(|| {
    let steps = |tones: [f32; 4], times: f32| tones.map(|hz| step_of(times * hz));
    [steps(ROWS, 1.0), steps(COLUMNS, 1.0), steps(ROWS, 2.0), steps(COLUMNS, 2.0)]
});

/// Listens to one source.
#[derive(Debug)]
pub struct Listener {
    frame: [f32; FRAME],
    /// Steps until the frame holds nothing made up any more.
    unusable: u32,
    unknown: u32,
    /// The key of the last frames, and how many showed it.
    candidate: Option<(Digit, u32)>,
    down: Option<Down>,
}

/// A key that is held.
#[derive(Clone, Copy, Debug)]
struct Down {
    digit: Digit,
    frames: u32,
    missing: u32,
}

impl Default for Listener {
    fn default() -> Self {
        Self { frame: [0.0; FRAME], unusable: 0, unknown: 0, candidate: None, down: None }
    }
}

impl Listener {
    /// Takes 10 ms; `received` is false when any of them was made up in place of a lost packet. The press is told when
    /// the key is let go.
    pub fn hear(&mut self, hop: &[i16; HOP], received: bool) -> Option<Press> {
        self.frame.copy_within(HOP.., 0);
        for (place, sample) in self.frame[HOP..].iter_mut().zip(hop) {
            *place = f32::from(*sample);
        }
        self.unusable = if received { self.unusable.saturating_sub(1) } else { 2 };
        if self.unusable > 0 {
            // What was lost neither holds a key nor lets it go.
            self.unknown += 1;
            return if self.unknown > MAX_UNKNOWN { self.release() } else { self.lengthen() };
        }
        self.unknown = 0;
        self.step(key_of(&self.frame))
    }

    fn step(&mut self, key: Option<Digit>) -> Option<Press> {
        if let Some(down) = &mut self.down {
            down.frames += 1;
            if key == Some(down.digit) {
                down.missing = 0;
                return None;
            }
            down.missing += 1;
            self.candidate = count(self.candidate, key);
            if down.missing < END_FRAMES {
                return None;
            }
            return self.release();
        }
        self.candidate = count(self.candidate, key);
        if let Some((digit, BEGIN_FRAMES)) = self.candidate {
            self.candidate = None;
            self.down = Some(Down { digit, frames: BEGIN_FRAMES, missing: 0 });
        }
        None
    }

    fn lengthen(&mut self) -> Option<Press> {
        if let Some(down) = &mut self.down {
            down.frames += 1;
        }
        None
    }

    fn release(&mut self) -> Option<Press> {
        let down = self.down.take()?;
        Some(Press { digit: down.digit, duration_ms: (down.frames - down.missing) * HOP_MS })
    }
}

fn count(candidate: Option<(Digit, u32)>, key: Option<Digit>) -> Option<(Digit, u32)> {
    match (candidate, key) {
        (Some((digit, frames)), Some(key)) if digit == key => Some((digit, frames + 1)),
        (_, key) => key.map(|key| (key, 1)),
    }
}

/// The key whose tones a frame holds.
fn key_of(frame: &[f32; FRAME]) -> Option<Digit> {
    let energy: f32 = frame.iter().map(|sample| sample * sample).sum();
    if energy < MIN_POWER * FRAME as f32 {
        return None;
    }
    let [rows, columns, row_harmonics, column_harmonics] = &*STEPS;
    let (row, low) = strongest(frame, rows)?;
    let (column, high) = strongest(frame, columns)?;
    let (low, high) = (nearby(frame, ROWS[row], low), nearby(frame, COLUMNS[column], high));
    // A pure tone has a power of half its energy times the frame's length.
    let share = 2.0 * (low + high) / (energy * FRAME as f32);
    if share < MIN_SHARE || low > high * MAX_TWIST || high > low * MAX_TWIST {
        return None;
    }
    let most = low.max(high) * MAX_HARMONIC;
    let voice = power(frame, row_harmonics[row]) > most || power(frame, column_harmonics[column]) > most;
    if voice { None } else { Digit::from_char(KEYS[row][column]) }
}

/// The tone of a group that stands out, and its power.
fn strongest(frame: &[f32; FRAME], group: &[f32; 4]) -> Option<(usize, f32)> {
    let powers = group.map(|step| power(frame, step));
    let (tone, strength) = powers.into_iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let alone = powers.into_iter().enumerate().all(|(i, it)| i == tone || it * MIN_PROMINENCE <= strength);
    alone.then_some((tone, strength))
}

/// The power of a tone that may be a little beside its frequency, where it has `exact`.
fn nearby(frame: &[f32; FRAME], hz: f32, exact: f32) -> f32 {
    let beside = |share: f32| power(frame, step_of(hz * (1.0 + share)));
    exact.max(beside(DETUNED)).max(beside(-DETUNED))
}

fn step_of(hz: f32) -> f32 {
    2.0 * (TAU * hz / 8000.0).cos()
}

/// Squared magnitude of one frequency (Goertzel); `step` is twice the cosine of its angle per sample.
fn power(frame: &[f32; FRAME], step: f32) -> f32 {
    let (mut last, mut before) = (0.0, 0.0);
    for sample in frame {
        (last, before) = (sample + step * last - before, last);
    }
    last * last + before * before - step * last * before
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const ALL: &str = "123A456B789C*0#D";

    fn tones(key: char, ms: usize, level: f64, detuned: f64, twist_db: f64) -> Vec<i16> {
        let at = ALL.find(key).unwrap();
        let (row, column) = (f64::from(ROWS[at / 4]) * detuned, f64::from(COLUMNS[at % 4]) * detuned);
        let high = level * 10_f64.powf(twist_db / 20.0);
        (0..ms * 8)
            .map(|i| {
                let angle = |hz: f64| i as f64 * hz * std::f64::consts::TAU / 8000.0;
                (level * angle(row).sin() + high * angle(column).sin()) as i16
            })
            .collect()
    }

    fn heard(samples: &[i16]) -> Vec<Press> {
        let mut listener = Listener::default();
        samples.chunks_exact(HOP).filter_map(|hop| listener.hear(hop.first_chunk().unwrap(), true)).collect()
    }

    fn text(presses: &[Press]) -> String {
        presses.iter().map(|press| press.digit.as_char()).collect()
    }

    #[test]
    fn every_key_is_heard_at_its_limits() {
        for key in ALL.chars() {
            for (level, detuned, twist) in [
                (9000.0, 1.0, 0.0),
                (700.0, 1.0, 0.0),
                (5000.0, 1.015, 0.0),
                (5000.0, 0.985, 0.0),
                (5000.0, 1.0, 4.0),
                (5000.0, 1.0, -7.0),
            ] {
                // Any place of the tone between the steps.
                for offset in [0, 27, 53] {
                    let mut samples = vec![0; 800 + offset];
                    samples.extend(tones(key, 50, level, detuned, twist));
                    samples.extend(vec![0; 800]);
                    assert_eq!(text(&heard(&samples)), key.to_string(), "{level} {detuned} {twist} {offset}");
                }
            }
        }
    }

    #[test]
    fn pauses_part_keys_and_breaks_do_not() {
        let tone = tones('5', 80, 5000.0, 1.0, 0.0);
        for (pause_ms, expected) in [(10, "5"), (45, "55"), (100, "55")] {
            let samples = [&tone[..], &vec![0; pause_ms * 8], &tone, &[0; 800]].concat();
            assert_eq!(text(&heard(&samples)), expected, "{pause_ms} ms");
        }
        let presses = heard(&[&tone[..], &tones('6', 80, 5000.0, 1.0, 0.0), &[0; 800]].concat());
        assert_eq!(text(&presses), "56");
        assert!(presses[0].duration_ms.abs_diff(80) <= 20, "{presses:?}");
    }

    #[test]
    fn other_sounds_are_no_keys() {
        let one = |hz: f64| -> Vec<i16> {
            (0..8000)
                .map(|i| (6000.0 * (i as f64 * hz * std::f64::consts::TAU / 8000.0).sin()) as i16)
                .collect()
        };
        for hz in [425.0, 697.0, 1000.0, 1336.0, 1400.0, 2100.0] {
            assert_eq!(heard(&one(hz)), [], "{hz} Hz");
        }
        for (detuned, twist) in [(1.06, 0.0), (1.0, 12.0), (1.0, -12.0)] {
            assert_eq!(heard(&tones('5', 500, 3000.0, detuned, twist)), [], "{detuned} {twist}");
        }
        let short = [&[0; 800][..], &tones('5', 20, 5000.0, 1.0, 0.0), &[0; 800]].concat();
        assert_eq!(heard(&short), []);
    }

    /// Vowels of gliding pitch, changing formants and loudness, with noise between them: ten minutes of talk.
    #[test]
    fn talk_presses_no_keys() {
        let seed = 24;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut listener = Listener::default();
        let (mut pitch, mut formants, mut level, mut phase) = (120.0, [500.0, 1500.0, 2500.0], 0.0, 0.0_f64);
        let mut glide = 1.0;
        for hop in 0..60_000 {
            if hop % 12 == 0 {
                pitch = rng.random_range(80.0..300.0);
                formants = [rng.random_range(250.0..900.0), rng.random_range(800.0..2300.0), 2700.0];
                level = if rng.random_bool(0.3) { 0.0 } else { rng.random_range(500.0..9000.0) };
                // An octave in two seconds: livelier than a monotone, calmer than an exclamation.
                glide = if rng.random_bool(0.5) { 1.0035 } else { 0.9965 };
            }
            pitch *= glide;
            let mut samples = [0; HOP];
            for sample in &mut samples {
                phase += pitch / 8000.0;
                let voice: f64 = (1..(3800.0 / pitch) as u32)
                    .map(|n| {
                        let hz = f64::from(n) * pitch;
                        let gain: f64 =
                            formants.iter().map(|f| 1.0 / (1.0 + ((hz - f) / 60.0).powi(2))).sum();
                        gain * (f64::from(n) * phase * std::f64::consts::TAU).sin()
                    })
                    .sum();
                *sample = (level * voice + rng.random_range(-200.0..200.0)) as i16;
            }
            assert_eq!(listener.hear(&samples, true), None, "seed {seed}, after {} ms", hop * 10);
        }
    }

    #[test]
    fn lost_packets_neither_double_nor_swallow_a_key() {
        let seed = 33;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut listener = Listener::default();
        let (mut pressed, mut told) = (String::new(), String::new());
        for _ in 0..10_000 {
            let key = char::from(ALL.as_bytes()[rng.random_range(0..16)]);
            pressed.push(key);
            let samples = [&tones(key, 160, 4000.0, 1.0, 0.0)[..], &[0; 960]].concat();
            // Packets of 20 ms, one in twenty lost.
            for packet in samples.chunks_exact(2 * HOP) {
                let received = !rng.random_bool(0.05);
                for hop in packet.chunks_exact(HOP) {
                    let hop: [i16; HOP] = if received { *hop.first_chunk().unwrap() } else { [0; HOP] };
                    told.extend(listener.hear(&hop, received).map(|press| press.digit.as_char()));
                }
            }
        }
        assert_eq!(told.len(), pressed.len(), "seed {seed}");
        assert_eq!(told, pressed, "seed {seed}");
    }
}
