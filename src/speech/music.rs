//! Sounds we make ourselves: music on hold, composed for this program and free of anybody's rights, and the beep.
//! Everything stays within the telephone band (300 to 3400 Hz) and well below speech.

use std::f32::consts::TAU;

use crate::media::{SAMPLE_RATE, Sound};

/// Samples of one eighth note: 0.3 s, 100 quarter notes a minute.
const EIGHTH: usize = SAMPLE_RATE as usize * 3 / 10;
/// Eighths of one bar of 4/4.
const BAR: usize = 8;
/// Loudest sample of the music: 15 dB below full scale, softer than the prompts.
const MUSIC_PEAK: f32 = 5800.0;
/// Semitones from the octave's A to the A of 440 Hz are 12 steps of this ratio.
const CONCERT_A: (i32, f32) = (69, 440.0);
/// A note sounds until it has died away, longer than it is written, samples.
const RING: usize = SAMPLE_RATE as usize * 2;

/// One bar each: the broken chord under it, lowest note first (MIDI note numbers).
const CHORDS: [[i32; 4]; 16] = [
    [60, 64, 67, 71],
    [57, 64, 67, 72],
    [62, 65, 69, 72],
    [55, 62, 65, 71],
    [64, 67, 71, 74],
    [57, 64, 69, 72],
    [62, 65, 69, 72],
    [55, 62, 67, 71],
    [65, 69, 72, 76],
    [67, 71, 74, 77],
    [64, 67, 71, 74],
    [57, 64, 67, 72],
    [62, 65, 69, 72],
    [55, 62, 65, 71],
    [60, 64, 67, 72],
    [55, 62, 65, 71],
];
/// The order the four notes of a chord are played in.
const PATTERN: [usize; BAR] = [0, 2, 1, 3, 2, 1, 3, 2];
/// The melody: eighth it begins at, note.
const MELODY: [(usize, i32); 40] = [
    (0, 76),
    (4, 79),
    (6, 76),
    (8, 72),
    (12, 74),
    (14, 76),
    (16, 77),
    (20, 76),
    (22, 74),
    (24, 71),
    (28, 74),
    (32, 79),
    (36, 76),
    (38, 74),
    (40, 72),
    (44, 76),
    (48, 74),
    (51, 72),
    (52, 69),
    (56, 71),
    (60, 74),
    (64, 81),
    (68, 79),
    (70, 77),
    (72, 79),
    (76, 74),
    (80, 76),
    (84, 79),
    (86, 78),
    (88, 76),
    (92, 72),
    (96, 77),
    (99, 76),
    (100, 74),
    (104, 74),
    (108, 71),
    (112, 72),
    (118, 67),
    (120, 71),
    (124, 74),
];

/// 38.4 s of quiet music. What still rings at the end goes on at the beginning: repeated, it has no seam.
pub(super) fn on_hold() -> Sound {
    let mut mix = vec![0.0; CHORDS.len() * BAR * EIGHTH];
    for (bar, chord) in CHORDS.iter().enumerate() {
        for (eighth, voice) in PATTERN.iter().enumerate() {
            add_note(&mut mix, (bar * BAR + eighth) * EIGHTH, chord[*voice], 0.35);
        }
    }
    for (eighth, note) in MELODY {
        add_note(&mut mix, eighth * EIGHTH, note, 1.0);
    }
    let peak = mix.iter().fold(1.0_f32, |peak, sample| peak.max(sample.abs()));
    let level = MUSIC_PEAK / peak;
    Sound { samples: mix.iter().map(|sample| (sample * level) as i16).collect() }
}

/// A soft struck note: three partials, a short rise, an exponential fall; higher notes fall faster.
fn add_note(mix: &mut [f32], start: usize, note: i32, loudness: f32) {
    let frequency = CONCERT_A.1 * 2.0_f32.powf((note - CONCERT_A.0) as f32 / 12.0);
    let rate = SAMPLE_RATE as f32;
    let rise = rate * 0.012;
    let fall = rate * 0.45 * (440.0 / frequency).sqrt();
    let len = mix.len();
    for n in 0..RING {
        let time = n as f32;
        let phase = TAU * frequency * time / rate;
        let tone = phase.sin()
            + 0.28 * (2.0 * phase).sin() * (-time / (fall * 0.5)).exp()
            + 0.08 * (3.0 * phase).sin();
        // The last tenth fades to nothing, so that cutting the tail makes no click.
        let fade = ((RING - n) as f32 / (RING as f32 / 10.0)).min(1.0);
        let envelope = (time / rise).min(1.0) * (-time / fall).exp() * fade;
        mix[(start + n) % len] += loudness * envelope * tone;
    }
}

/// "Speak now": 0.2 s of silence, 0.3 s of 1000 Hz with soft edges.
pub(super) fn beep() -> Sound {
    const SILENT: usize = 1600;
    const SOUNDING: usize = 2400;
    const EDGE: f32 = 80.0;
    let tone = (0..SOUNDING).map(|n| {
        let edge = (n.min(SOUNDING - n) as f32 / EDGE).min(1.0);
        (edge * 8000.0 * (TAU * 1000.0 * n as f32 / SAMPLE_RATE as f32).sin()) as i16
    });
    Sound { samples: std::iter::repeat_n(0, SILENT).chain(tone).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_music_is_soft_long_and_without_a_seam() {
        let music = on_hold().samples;
        assert_eq!(music.len(), 307_200);
        let peak = music.iter().map(|sample| sample.unsigned_abs()).max();
        assert_eq!(peak, Some(5800));
        // No stretch of a quarter of a second is silent, the ends included.
        for (at, stretch) in music.chunks(2000).enumerate() {
            let energy: i64 = stretch.iter().map(|sample| i64::from(*sample).pow(2)).sum();
            assert!(energy / stretch.len() as i64 > 10_000, "silent at {} ms", at * 250);
        }
        // The step over the seam is no larger than steps elsewhere.
        let steps = music.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max();
        let seam = music.first().zip(music.last()).map(|(first, last)| first.abs_diff(*last));
        assert!(seam <= steps && seam < Some(1000), "{seam:?} of {steps:?}");
    }

    #[test]
    fn the_melody_fits_the_bars_and_the_telephone() {
        assert!(MELODY.is_sorted_by_key(|(eighth, _)| *eighth));
        assert!(MELODY.iter().all(|(eighth, _)| *eighth < CHORDS.len() * BAR));
        // The third partial of the highest note is below 3400 Hz.
        assert!(MELODY.iter().all(|(_, note)| (60..=84).contains(note)));
    }

    #[test]
    fn the_beep_begins_and_ends_softly() {
        let beep = beep().samples;
        assert_eq!(beep.len(), 4000);
        assert!(beep[..1600].iter().all(|sample| *sample == 0));
        assert!(beep[1600].unsigned_abs() < 100 && beep[3999].unsigned_abs() < 200);
        assert!(beep.iter().any(|sample| *sample > 7500));
    }
}
