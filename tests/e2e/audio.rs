//! How the tests listen: tone sequences that are told apart by ear of a program, found again in what the far end
//! heard and in recordings, with their place and completeness. G.711 A-law of our own, so that a mistake in the
//! program's tables cannot hide itself.
//!
//! A sequence changes its tone every [`SYMBOL_MS`]; citizen, operator and colleague use different tones, so one is never
//! taken for the other, even where they speak at the same time.

use std::f64::consts::TAU;

/// Hz. Telephone speech.
pub const RATE: usize = 8000;
pub const SAMPLES_PER_MS: usize = RATE / 1000;
/// Length of one tone.
pub const SYMBOL_MS: usize = 120;
/// Frames are looked at every 5 ms, each 20 ms long: 50 Hz of resolution, half the distance of two tones.
const HOP_MS: usize = 5;
const FRAME_MS: usize = 20;
/// A frame holds a tone when this share of its energy is that tone's.
const TONE_SHARE: f64 = 0.6;
/// The same where several speak at once: a third of a mix of three, and half as loud as the others.
pub const AMONG_OTHERS: f64 = 0.08;
/// And where one of them is hardly let through: a browser turns its microphone down while others are loud.
pub const FAINTLY: f64 = 0.01;
/// Frames quieter than this root mean square hold nothing.
const SILENCE_RMS: f64 = 200.0;
const AMPLITUDE: f64 = 9000.0;

const CITIZEN_TONES: [f64; 6] = [500.0, 700.0, 900.0, 1100.0, 1300.0, 1500.0];
const OPERATOR_TONES: [f64; 6] = [600.0, 800.0, 1000.0, 1200.0, 1400.0, 1600.0];
const COLLEAGUE_TONES: [f64; 6] = [1750.0, 1900.0, 2050.0, 2200.0, 2350.0, 2500.0];

/// A known, seeded sequence of tones.
#[derive(Clone, Debug)]
pub struct ToneSequence {
    tones: [f64; 6],
    symbols: Vec<usize>,
}

/// Where a sequence was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Of its first sample, milliseconds from the start of what was heard; negative when the start is missing.
    pub start_ms: i64,
    /// Share of the sequence that is there, 0 to 1.
    pub share: f64,
}

impl ToneSequence {
    pub fn citizen(seed: u64, length_ms: usize) -> Self {
        Self::new(CITIZEN_TONES, seed, length_ms)
    }

    pub fn operator(seed: u64, length_ms: usize) -> Self {
        Self::new(OPERATOR_TONES, seed, length_ms)
    }

    /// The third one on the line.
    pub fn colleague(seed: u64, length_ms: usize) -> Self {
        Self::new(COLLEAGUE_TONES, seed, length_ms)
    }

    fn new(tones: [f64; 6], seed: u64, length_ms: usize) -> Self {
        let mut random = seed.wrapping_mul(2).wrapping_add(1);
        let mut symbols: Vec<usize> = Vec::new();
        while symbols.len() * SYMBOL_MS < length_ms {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let symbol = usize::try_from(random >> 33).expect("31 bits fit") % tones.len();
            if symbols.last() != Some(&symbol) {
                symbols.push(symbol);
            }
        }
        Self { tones, symbols }
    }

    pub fn length_ms(&self) -> usize {
        self.symbols.len() * SYMBOL_MS
    }

    pub fn samples(&self) -> Vec<i16> {
        let mut phase = 0.0_f64;
        let mut samples = Vec::with_capacity(self.length_ms() * SAMPLES_PER_MS);
        for &symbol in &self.symbols {
            for _ in 0..SYMBOL_MS * SAMPLES_PER_MS {
                samples.push(sample(phase.sin() * AMPLITUDE));
                phase = (phase + TAU * self.tones[symbol] / RATE as f64) % TAU;
            }
        }
        samples
    }

    /// Looks for the whole sequence in `heard`; the best place, however bad.
    pub fn find(&self, heard: &[i16]) -> Found {
        self.find_part(heard, 0, self.length_ms())
    }

    /// Looks for the part between two of its own moments; the place returned is still that of its first sample.
    pub fn find_part(&self, heard: &[i16], from_ms: usize, to_ms: usize) -> Found {
        let heard = self.track(heard);
        let wanted: Vec<(usize, usize)> = (from_ms / HOP_MS..to_ms / HOP_MS)
            .filter_map(|hop| self.symbol_at(hop * HOP_MS).map(|symbol| (hop, symbol)))
            .collect();
        let hops = |n: usize| i64::try_from(n).expect("a recording's length fits");
        let last = hops(to_ms / HOP_MS);
        let best = (-last..hops(heard.len()))
            .map(|shift| {
                let matching = wanted.iter().filter(|(hop, symbol)| {
                    let at = usize::try_from(hops(*hop) + shift).ok();
                    at.and_then(|at| heard.get(at)) == Some(&Some(*symbol))
                });
                (matching.count(), shift)
            })
            // Of equally good places the first.
            .max_by_key(|(matching, shift)| (*matching, -shift))
            .unwrap_or((0, 0));
        Found { start_ms: best.1 * hops(HOP_MS), share: best.0 as f64 / wanted.len().max(1) as f64 }
    }

    /// The tone that sounds throughout the frame starting at `at_ms`.
    fn symbol_at(&self, at_ms: usize) -> Option<usize> {
        let whole = at_ms % SYMBOL_MS + FRAME_MS <= SYMBOL_MS;
        self.symbols.get(at_ms / SYMBOL_MS).copied().filter(|_| whole)
    }

    /// The tone in each frame of `heard`, one frame per hop.
    fn track(&self, heard: &[i16]) -> Vec<Option<usize>> {
        let frame = FRAME_MS * SAMPLES_PER_MS;
        heard.windows(frame).step_by(HOP_MS * SAMPLES_PER_MS).map(|frame| self.tone_in(frame)).collect()
    }

    fn tone_in(&self, frame: &[i16]) -> Option<usize> {
        self.tone_above(frame, TONE_SHARE)
    }

    fn tone_above(&self, frame: &[i16], least: f64) -> Option<usize> {
        if rms(frame) < SILENCE_RMS {
            return None;
        }
        let energy: f64 = frame.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
        let shares =
            self.tones.iter().map(|&tone| goertzel(frame, tone) * 2.0 / (energy * frame.len() as f64));
        let best = shares.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        best.filter(|(_, share)| *share > least).map(|(symbol, _)| symbol)
    }

    /// What was heard, for a person who reads a failure: one character per 20 ms, the tone's letter or a dot; first
    /// what this sequence says.
    pub fn sketch(&self, heard: &[i16]) -> String {
        let letters = |samples: &[i16]| -> String {
            let tones = self.track(samples).into_iter().step_by(FRAME_MS / HOP_MS);
            tones.map(|tone| tone.map_or('.', |tone| char::from(b'A' + tone as u8))).collect()
        };
        format!("said {} heard {}", letters(&self.samples()), letters(heard))
    }

    /// Share of the frames of `heard` that hold one of this sequence's tones: what must be 0 on the other channel.
    pub fn presence(&self, heard: &[i16]) -> f64 {
        let track = self.track(heard);
        track.iter().flatten().count() as f64 / track.len().max(1) as f64
    }
}

impl ToneSequence {
    /// Share of the frames of `heard` that hold one of this sequence's tones with `least` of their energy, others
    /// sounding at the same time.
    pub fn presence_among(&self, heard: &[i16], least: f64) -> f64 {
        let frames: Vec<bool> = heard
            .windows(FRAME_MS * SAMPLES_PER_MS)
            .step_by(HOP_MS * SAMPLES_PER_MS)
            .map(|frame| self.tone_above(frame, least).is_some())
            .collect();
        frames.iter().filter(|held| **held).count() as f64 / frames.len().max(1) as f64
    }
}

/// Squared magnitude of one frequency (Goertzel).
fn goertzel(frame: &[i16], frequency: f64) -> f64 {
    let coefficient = 2.0 * (TAU * frequency / RATE as f64).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for &s in frame {
        (last, before) = (f64::from(s) + coefficient * last - before, last);
    }
    last * last + before * before - coefficient * last * before
}

/// Root mean square; 0 of nothing.
pub fn rms(samples: &[i16]) -> f64 {
    let energy: f64 = samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
    (energy / samples.len().max(1) as f64).sqrt()
}

fn sample(value: f64) -> i16 {
    value.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16
}

/// The two channels of a recording.
#[derive(Debug)]
pub struct Stereo {
    /// At [`RATE`], whatever the file has.
    pub left: Vec<i16>,
    pub right: Vec<i16>,
    pub file_rate: u32,
}

impl Stereo {
    /// Reads 16-bit stereo PCM with `hound`, at [`RATE`] or twice that; anything else fails the test.
    pub fn read(wav: impl std::io::Read) -> Self {
        let reader = hound::WavReader::new(wav).expect("the recording opens in hound");
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.bits_per_sample), (2, 16), "format of a recording");
        assert!([8000, 16_000].contains(&spec.sample_rate), "{} Hz", spec.sample_rate);
        let samples: Vec<i16> =
            reader.into_samples().collect::<Result<_, _>>().expect("every sample is there");
        let step = 2 * spec.sample_rate as usize / RATE;
        let channel = |first: usize| samples.iter().copied().skip(first).step_by(step).collect();
        Self { left: channel(0), right: channel(1), file_rate: spec.sample_rate }
    }

    pub fn duration_ms(&self) -> i64 {
        i64::try_from(self.left.len() / SAMPLES_PER_MS).expect("a recording's length fits")
    }
}

/// Reads a mono or stereo file of a foreign program, whose rate is a multiple of [`RATE`]; the first channel. Our tones
/// are low enough to leave samples out.
pub fn read_first_channel(path: &std::path::Path) -> Vec<i16> {
    let reader = hound::WavReader::open(path).expect("the file opens");
    let spec = reader.spec();
    let (bits, rate) = (spec.bits_per_sample, spec.sample_rate as usize);
    assert_eq!((bits, rate % RATE), (16, 0), "format of {}", path.display());
    let samples: Vec<i16> = reader.into_samples().collect::<Result<_, _>>().expect("every sample is there");
    samples.into_iter().step_by(usize::from(spec.channels) * rate / RATE).collect()
}

/// Writes samples at [`RATE`] as a file of `rate`, a multiple of it: straight lines between them.
pub fn write_mono(path: &std::path::Path, samples: &[i16], rate: u32) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).expect("a temporary file can be written");
    let steps = i32::try_from(rate as usize / RATE).expect("a rate is small");
    for (at, &from) in samples.iter().enumerate() {
        let to = samples.get(at + 1).copied().unwrap_or(from);
        for step in 0..steps {
            let between = (i32::from(from) * (steps - step) + i32::from(to) * step) / steps;
            writer.write_sample(between as i16).expect("a temporary file can be written");
        }
    }
    writer.finalize().expect("a temporary file can be written");
}

/// G.711 A-law, from the formula: sign, 3 bits of segment, 4 bits of step, even bits inverted.
pub fn alaw_encode(linear: i16) -> u8 {
    let sign = if linear >= 0 { 0x80 } else { 0 };
    let magnitude = if linear >= 0 { i32::from(linear) } else { -i32::from(linear) - 1 } >> 3;
    let code = if magnitude < 32 {
        magnitude >> 1
    } else {
        let segment = (32 - u32::leading_zeros(magnitude.unsigned_abs()) as i32) - 5;
        (segment << 4) | ((magnitude >> segment) & 0x0F)
    };
    (sign | u8::try_from(code.min(0x7F)).expect("7 bits fit")) ^ 0x55
}

pub fn alaw_decode(code: u8) -> i16 {
    let code = code ^ 0x55;
    let segment = (code >> 4) & 7;
    let step = i16::from(code & 0x0F);
    let magnitude = match segment {
        0 => (step << 4) + 8,
        _ => ((step << 4) + 0x108) << (segment - 1),
    };
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}

#[test]
fn alaw_is_the_published_code() {
    // Silence, the loudest codes, and the round trip of every code.
    assert_eq!(alaw_encode(0), 0xD5);
    assert_eq!(alaw_encode(i16::MAX), 0xAA);
    assert_eq!(alaw_encode(i16::MIN), 0x2A);
    assert_eq!(alaw_decode(0xD5), 8);
    assert_eq!(alaw_decode(0xAA), 32256);
    for code in 0..=u8::MAX {
        assert_eq!(alaw_encode(alaw_decode(code)), code, "code {code:#04x}");
    }
}

#[test]
fn a_sequence_is_found_where_it_is() {
    let sequence = ToneSequence::citizen(7, 3000);
    let coded: Vec<i16> = sequence.samples().into_iter().map(|s| alaw_decode(alaw_encode(s))).collect();
    let mut heard = vec![0; 735 * SAMPLES_PER_MS];
    heard.extend(&coded);
    heard.extend(vec![0; 4000]);
    let found = sequence.find(&heard);
    assert!((found.start_ms - 735).abs() <= 5, "{found:?}");
    assert!(found.share > 0.98, "{found:?}");
    let end = sequence.find_part(&heard, 2000, 3000);
    assert!((end.start_ms - 735).abs() <= 5, "{end:?}");
}

#[test]
fn a_sequence_is_not_found_where_it_is_not() {
    let wanted = ToneSequence::citizen(7, 3000);
    let other = ToneSequence::citizen(8, 3000);
    let operator = ToneSequence::operator(7, 3000);
    assert!(wanted.find(&other.samples()).share < 0.6);
    assert!(wanted.find(&operator.samples()).share < 0.02);
    assert!(wanted.presence(&operator.samples()) < 0.02);
    assert!(wanted.find(&vec![0; 24_000]).share < 0.01);
    assert!(wanted.find(&[]).share < 0.01);
}

#[test]
fn each_voice_of_a_mix_is_heard_and_no_other() {
    let voices =
        [ToneSequence::citizen(1, 3000), ToneSequence::operator(2, 3000), ToneSequence::colleague(3, 3000)];
    let mix = |voices: &[&ToneSequence]| -> Vec<i16> {
        let spoken: Vec<Vec<i16>> = voices.iter().map(|voice| voice.samples()).collect();
        (0..24_000).map(|at| spoken.iter().map(|samples| samples[at] / 3).sum()).collect()
    };
    let all = mix(&voices.each_ref());
    for voice in &voices {
        assert!(voice.presence_among(&all, AMONG_OTHERS) > 0.95);
        let others: Vec<&ToneSequence> = voices.iter().filter(|other| other.tones != voice.tones).collect();
        let without = voice.presence_among(&mix(&others), AMONG_OTHERS);
        assert!(without < 0.35, "{without}");
    }
}

#[test]
fn missing_parts_lower_the_share_and_delays_show() {
    let sequence = ToneSequence::operator(3, 4000);
    let mut heard = sequence.samples();
    heard[1000 * SAMPLES_PER_MS..2000 * SAMPLES_PER_MS].fill(0);
    let found = sequence.find(&heard);
    assert!((0.7..0.8).contains(&found.share), "{found:?}");
    // 60 ms slipped in at two seconds: beginning and end are no longer in step.
    let mut slipped = sequence.samples();
    slipped.splice(2000 * SAMPLES_PER_MS..2000 * SAMPLES_PER_MS, vec![0; 60 * SAMPLES_PER_MS]);
    let late =
        sequence.find_part(&slipped, 3000, 4000).start_ms - sequence.find_part(&slipped, 0, 1000).start_ms;
    assert!((late - 60).abs() <= 5, "{late}");
}
