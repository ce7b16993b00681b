//! Sample-rate conversion of whole sounds by a windowed-sinc low-pass: linear phase, no delay, any rational ratio.
//! For prompts, once, when they are loaded.

use std::f64::consts::PI;

/// Zero crossings of the kernel on each side: a transition band of about a tenth of the output band.
const ZERO_CROSSINGS: f64 = 24.0;
/// Pass band as a share of the smaller Nyquist frequency; the rest is the transition.
const PASS_BAND: f64 = 0.92;
/// Kernels kept, one per phase; ratios with more phases are rounded to this grid (error below 1/4096 of a sample).
const MAX_PHASES: usize = 4096;

/// `samples` at `from_hz` as samples at `to_hz`; both must be above 0. The length keeps the duration.
pub fn resample(samples: &[i16], from_hz: u32, to_hz: u32) -> Vec<i16> {
    if from_hz == to_hz || from_hz == 0 || to_hz == 0 {
        return samples.to_vec();
    }
    let kernel = Kernel::new(from_hz, to_hz);
    // With silence on both sides, so that the kernel reads a plain slice: a city has a thousand prompts to convert.
    let mut padded = vec![0.0; samples.len() + 2 * kernel.reach + 1];
    for (slot, sample) in padded[kernel.reach..].iter_mut().zip(samples) {
        *slot = f64::from(*sample);
    }
    let len = samples.len() as u64 * u64::from(to_hz) / u64::from(from_hz);
    (0..len).map(|i| kernel.at(&padded, i)).collect()
}

struct Kernel {
    from_hz: u64,
    to_hz: u64,
    /// Input samples on each side of the centre.
    reach: usize,
    /// Weights of the `2 * reach + 1` samples around the whole position, per phase.
    phases: Vec<Vec<f64>>,
}

impl Kernel {
    fn new(from_hz: u32, to_hz: u32) -> Self {
        let divisor = gcd(from_hz, to_hz);
        let (from_hz, to_hz) = (from_hz / divisor, to_hz / divisor);
        // In cycles per input sample, doubled.
        let cutoff = PASS_BAND * (f64::from(to_hz) / f64::from(from_hz)).min(1.0);
        let reach = (ZERO_CROSSINGS / cutoff).ceil() as usize;
        let count = (to_hz as usize).min(MAX_PHASES);
        let phases = (0..count).map(|phase| weights(phase as f64 / count as f64, cutoff, reach)).collect();
        Self { from_hz: from_hz.into(), to_hz: to_hz.into(), reach, phases }
    }

    /// Output sample `i` of input that has `reach` samples of silence before it, and as many after.
    fn at(&self, padded: &[f64], i: u64) -> i16 {
        let position = i * self.from_hz;
        let (whole, fraction) = ((position / self.to_hz) as usize, position % self.to_hz);
        let weights = &self.phases[(fraction * self.phases.len() as u64 / self.to_hz) as usize];
        let sum: f64 = weights.iter().zip(&padded[whole..]).map(|(weight, sample)| weight * sample).sum();
        sum.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16
    }
}

/// Sinc under a Hann window, centred `fraction` after the middle sample; sums to 1.
fn weights(fraction: f64, cutoff: f64, reach: usize) -> Vec<f64> {
    let reach = reach as i64;
    let weight = |tap: i64| {
        let x = tap as f64 - fraction;
        let window = 0.5 + 0.5 * (PI * x / (reach + 1) as f64).cos();
        let sinc = if x == 0.0 { 1.0 } else { (PI * cutoff * x).sin() / (PI * cutoff * x) };
        sinc * window
    };
    let mut weights: Vec<f64> = (-reach..=reach).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    weights
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, rate: u32, len: usize) -> Vec<i16> {
        let step = hz * 2.0 * PI / f64::from(rate);
        (0..len).map(|i| (10_000.0 * (i as f64 * step).sin()) as i16).collect()
    }

    fn rms(samples: &[i16]) -> f64 {
        (samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
    }

    #[test]
    fn speech_frequencies_keep_level_phase_and_length() {
        for rate in [11_025, 16_000, 22_050, 44_100, 48_000, 6000] {
            let out = resample(&tone(1000.0, rate, rate as usize / 4), rate, 8000);
            let expected = tone(1000.0, 8000, out.len());
            assert!(out.len().abs_diff(2000) <= 1, "{rate} Hz: {}", out.len());
            for (a, b) in out.iter().zip(&expected).skip(100).take(1800) {
                assert!(a.abs_diff(*b) < 120, "{rate} Hz: {a} for {b}");
            }
        }
    }

    #[test]
    fn what_8_khz_cannot_carry_is_removed() {
        for hz in [4600.0, 6000.0, 9000.0] {
            let out = resample(&tone(hz, 48_000, 12_000), 48_000, 8000);
            assert!(rms(&out[100..1900]) < 20.0, "{hz} Hz: {}", rms(&out[100..1900]));
        }
    }
}
