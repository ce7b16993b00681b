//! One tick of sound, and the streaming conversion between the two rates in use: 8 kHz of telephone speech and 16 kHz
//! of the wideband codecs. Whole sounds of any rate are `wav/resample.rs`.

use std::f32::consts::PI;
use std::sync::LazyLock;

use super::SAMPLES_PER_TICK;
use crate::sdp::Codec;

/// Samples of the longest block, a tick at 16 kHz.
pub(super) const MAX_SAMPLES: usize = 2 * SAMPLES_PER_TICK;

/// How much of the voice a stream carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Band {
    /// 8 kHz.
    Narrow,
    /// 16 kHz.
    Wide,
}

impl Band {
    pub(super) const fn of(codec: Codec) -> Self {
        if codec.is_wideband() { Self::Wide } else { Self::Narrow }
    }

    /// Anything above telephone speech is recorded at 16 kHz.
    pub(super) const fn of_rate(sample_rate: u32) -> Self {
        if sample_rate > super::SAMPLE_RATE { Self::Wide } else { Self::Narrow }
    }

    /// Samples per tick.
    pub(super) const fn samples(self) -> usize {
        match self {
            Self::Narrow => SAMPLES_PER_TICK,
            Self::Wide => MAX_SAMPLES,
        }
    }

    pub(super) const fn sample_rate(self) -> u32 {
        match self {
            Self::Narrow => super::SAMPLE_RATE,
            Self::Wide => 2 * super::SAMPLE_RATE,
        }
    }
}

/// One tick of mono sound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    band: Band,
    samples: [i16; MAX_SAMPLES],
}

impl Block {
    pub(super) const fn silent(band: Band) -> Self {
        Self { band, samples: [0; MAX_SAMPLES] }
    }

    /// The same, where a block is looked at only.
    pub(super) fn silence(band: Band) -> &'static Self {
        static NARROW: Block = Block::silent(Band::Narrow);
        static WIDE: Block = Block::silent(Band::Wide);
        match band {
            Band::Narrow => &NARROW,
            Band::Wide => &WIDE,
        }
    }

    /// Makes it a silent one.
    pub(super) fn clear(&mut self, band: Band) {
        self.band = band;
        self.samples_mut().fill(0);
    }

    /// Makes it the same as another, without moving what a narrow one leaves unused.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.band = other.band;
        self.samples_mut().copy_from_slice(other.samples());
    }

    /// Its samples mean nothing until they are written.
    pub(super) fn set_band(&mut self, band: Band) {
        self.band = band;
    }

    pub(super) fn band(&self) -> Band {
        self.band
    }

    pub(super) fn samples(&self) -> &[i16] {
        &self.samples[..self.band.samples()]
    }

    pub(super) fn samples_mut(&mut self) -> &mut [i16] {
        &mut self.samples[..self.band.samples()]
    }

    pub(super) fn is_silent(&self) -> bool {
        self.samples().iter().all(|sample| *sample == 0)
    }

    /// Adds a block of the same band; what is too loud is clipped.
    pub(super) fn mix(&mut self, other: &Self) {
        debug_assert_eq!(self.band, other.band, "converted before it is mixed");
        for (sample, other) in self.samples_mut().iter_mut().zip(other.samples()) {
            *sample = sample.saturating_add(*other);
        }
    }
}

/// Taps of the half-band filter: 3.4 kHz passes, images and what folds back from above 4.6 kHz are 50 dB down.
const TAPS: usize = 47;
/// Taps that are not zero besides the middle one; they meet every second sample at 16 kHz.
const SIDE_TAPS: usize = TAPS.div_ceil(2);
/// Samples at 8 kHz that the filter still needs of the tick before.
const HISTORY: usize = SIDE_TAPS - 1;

/// The side taps of a half-band low-pass: every second value of a sinc under a Hamming window. They sum to 1/2, as does
/// the middle tap.
static SIDES: LazyLock<[f32; SIDE_TAPS]> = LazyLock::new(|| {
    let taps: [f32; SIDE_TAPS] = std::array::from_fn(|i| {
        let offset = 2.0 * i as f32 - HISTORY as f32;
        let window = 0.54 + 0.46 * (PI * offset / (HISTORY as f32 + 1.0)).cos();
        (PI * offset / 2.0).sin() / (PI * offset) * window
    });
    let sum: f32 = taps.iter().sum();
    taps.map(|tap| tap / (2.0 * sum))
});

/// Converts one stream between the bands, 1.4 ms late; blocks of the wanted band pass as they are.
#[derive(Debug)]
pub(super) struct Converter {
    /// None while blocks pass: most legs never need one.
    filter: Option<Box<Filter>>,
}

#[derive(Debug)]
struct Filter {
    to: Band,
    /// The last samples that the side taps met, and that the middle tap met.
    sides: [f32; HISTORY],
    middle: [f32; HISTORY],
}

impl Converter {
    pub(super) const fn new() -> Self {
        Self { filter: None }
    }

    /// The block in `band`: itself, or what `room` is made into.
    pub(super) fn convert<'a>(&mut self, block: &'a Block, band: Band, room: &'a mut Block) -> &'a Block {
        let wanted = (block.band != band).then_some(band);
        if self.filter.as_ref().map(|filter| filter.to) != wanted {
            self.filter = wanted.map(|to| Box::new(Filter::new(to)));
        }
        let Some(filter) = &mut self.filter else { return block };
        match filter.to {
            Band::Wide => filter.up(block, room),
            Band::Narrow => filter.down(block, room),
        }
        room
    }
}

impl Filter {
    fn new(to: Band) -> Self {
        Self { to, sides: [0.0; HISTORY], middle: [0.0; HISTORY] }
    }

    /// Between two samples stands what the side taps say; the samples themselves pass.
    fn up(&mut self, block: &Block, out: &mut Block) {
        let mut line = [0.0; HISTORY + SAMPLES_PER_TICK];
        fill(&mut line, &mut self.sides, block.samples().iter());
        out.band = Band::Wide;
        for (at, pair) in out.samples_mut().chunks_exact_mut(2).enumerate() {
            pair[0] = to_sample(line[at + SIDE_TAPS / 2 - 1]);
            pair[1] = to_sample(2.0 * side_sum(&line[at..]));
        }
    }

    fn down(&mut self, block: &Block, out: &mut Block) {
        let (mut sides, mut middle) = ([0.0; HISTORY + SAMPLES_PER_TICK], [0.0; HISTORY + SAMPLES_PER_TICK]);
        fill(&mut middle, &mut self.middle, block.samples().iter().step_by(2));
        fill(&mut sides, &mut self.sides, block.samples().iter().skip(1).step_by(2));
        out.band = Band::Narrow;
        for (at, sample) in out.samples_mut().iter_mut().enumerate() {
            *sample = to_sample(side_sum(&sides[at..]) + middle[at + SIDE_TAPS / 2] / 2.0);
        }
    }
}

/// `history` and the new samples in a row; `history` becomes the end of it.
fn fill<'a>(
    line: &mut [f32; HISTORY + SAMPLES_PER_TICK],
    history: &mut [f32; HISTORY],
    samples: impl Iterator<Item = &'a i16>,
) {
    line[..HISTORY].copy_from_slice(history);
    for (place, sample) in line[HISTORY..].iter_mut().zip(samples) {
        *place = f32::from(*sample);
    }
    history.copy_from_slice(&line[SAMPLES_PER_TICK..]);
}

fn side_sum(line: &[f32]) -> f32 {
    SIDES.iter().zip(line).map(|(tap, sample)| tap * sample).sum()
}

fn to_sample(value: f32) -> i16 {
    // `as` saturates.
    value.round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(band: Band, hz: f64, tick: usize) -> Block {
        let mut block = Block::silent(band);
        let first = tick * band.samples();
        for (i, sample) in block.samples_mut().iter_mut().enumerate() {
            let angle = (first + i) as f64 * hz * std::f64::consts::TAU / f64::from(band.sample_rate());
            *sample = (10_000.0 * angle.sin()) as i16;
        }
        block
    }

    fn convert(converter: &mut Converter, block: &Block, band: Band) -> Block {
        *converter.convert(block, band, &mut Block::silent(band))
    }

    /// Root mean square after conversion, the first ticks left out.
    fn level(from: Band, to: Band, hz: f64) -> f64 {
        let mut converter = Converter::new();
        let blocks: Vec<Block> =
            (0..20).map(|tick| convert(&mut converter, &tone(from, hz, tick), to)).collect();
        let samples: Vec<f64> =
            blocks[2..].iter().flat_map(|block| block.samples().to_vec()).map(f64::from).collect();
        (samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len() as f64).sqrt()
    }

    #[test]
    fn speech_keeps_its_level_both_ways() {
        for hz in [200.0, 1000.0, 3000.0, 3400.0] {
            for (from, to) in [(Band::Narrow, Band::Wide), (Band::Wide, Band::Narrow)] {
                let decibels = 20.0 * (level(from, to, hz) / 7071.0).log10();
                assert!(decibels.abs() < 0.3, "{from:?} to {to:?}, {hz} Hz: {decibels} dB");
            }
        }
    }

    #[test]
    fn what_8_khz_cannot_carry_is_removed() {
        for hz in [4650.0, 5000.0, 7000.0] {
            let decibels = 20.0 * (level(Band::Wide, Band::Narrow, hz).max(0.1) / 7071.0).log10();
            assert!(decibels < -45.0, "{hz} Hz: {decibels} dB");
        }
    }

    #[test]
    fn there_and_back_is_the_same_sound_a_little_later() {
        let (mut up, mut down) = (Converter::new(), Converter::new());
        let mut out = Vec::new();
        for tick in 0..20 {
            let wide = convert(&mut up, &tone(Band::Narrow, 700.0, tick), Band::Wide);
            out.extend(convert(&mut down, &wide, Band::Narrow).samples().to_vec());
        }
        let first: Vec<i16> =
            (0..20).flat_map(|tick| tone(Band::Narrow, 700.0, tick).samples().to_vec()).collect();
        let same = |lag: usize| out[lag + 320..].iter().zip(&first[320..]).all(|(a, b)| a.abs_diff(*b) < 150);
        assert!((0..60).any(same), "no delay makes them alike");
    }

    #[test]
    fn loud_sounds_are_clipped_not_wrapped() {
        let mut block = Block::silent(Band::Narrow);
        block.samples_mut().fill(30_000);
        let other = block;
        block.mix(&other);
        assert!(block.samples().iter().all(|sample| *sample == i16::MAX));
    }
}
