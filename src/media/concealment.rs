//! What stands in for lost telephone speech: the last pitch period over and over, fading, and a blend back into what
//! comes after. For the codecs that have no concealment of their own; the method is that of ITU-T G.711 Appendix I.

use super::block::Band;

/// Past sound kept, ms: the longest period, what is compared with it, and a quarter period for the seam.
const HISTORY_MS: usize = 40;
/// Periods looked for, ms: voices from 66 to 200 Hz; higher ones repeat in there twice.
const PERIOD_MS: std::ops::RangeInclusive<usize> = 5..=15;
/// Sound compared with itself one period earlier, ms.
const TEMPLATE_MS: usize = 10;
/// The stand-in keeps its level for this long, then falls to nothing, ms.
const HOLD_MS: usize = 10;
const FADE_MS: usize = 50;
/// What comes after is faded in over this time, ms.
const MERGE_MS: usize = 5;

/// The concealment of one stream.
#[derive(Debug)]
pub(super) struct Concealment {
    band: Band,
    /// The last real samples in a ring; before there are any, there is nothing to go on with.
    history: Vec<i16>,
    oldest: usize,
    /// One period with its end bent towards its beginning; empty while nothing is lost.
    period: Vec<i16>,
    /// Samples made up since the last real one.
    invented: usize,
}

impl Concealment {
    pub(super) const fn new(band: Band) -> Self {
        Self { band, history: Vec::new(), oldest: 0, period: Vec::new(), invented: 0 }
    }

    /// Takes real samples; those right after a loss are blended with what the stand-in would have gone on with.
    pub(super) fn received(&mut self, samples: &mut [i16]) {
        if !self.period.is_empty() {
            let merge = self.samples_of(MERGE_MS).min(samples.len());
            for (at, sample) in samples[..merge].iter_mut().enumerate() {
                let share = (at + 1) as f32 / (merge + 1) as f32;
                let stand_in = f32::from(self.next());
                *sample = (f32::from(*sample) * share + stand_in * (1.0 - share)) as i16;
            }
            self.period.clear();
            self.invented = 0;
        }
        let len = self.samples_of(HISTORY_MS);
        self.history.resize(len, 0);
        let kept = &samples[samples.len() - samples.len().min(len)..];
        let (first, rest) = kept.split_at(kept.len().min(len - self.oldest));
        self.history[self.oldest..self.oldest + first.len()].copy_from_slice(first);
        self.history[..rest.len()].copy_from_slice(rest);
        self.oldest = (self.oldest + kept.len()) % len;
    }

    /// Makes up what is missing.
    pub(super) fn conceal(&mut self, out: &mut [i16]) {
        if self.history.is_empty() {
            out.fill(0);
            return;
        }
        if self.period.is_empty() {
            self.history.rotate_left(self.oldest);
            self.oldest = 0;
            self.find_period();
        }
        for sample in out {
            *sample = self.next();
        }
    }

    /// Nothing is made up until sound was received again.
    pub(super) fn forget(&mut self, band: Band) {
        self.band = band;
        self.history.clear();
        self.oldest = 0;
        self.period.clear();
        self.invented = 0;
    }

    fn next(&mut self) -> i16 {
        let (hold, fade) = (self.samples_of(HOLD_MS), self.samples_of(FADE_MS));
        let faded = self.invented.saturating_sub(hold).min(fade);
        let sample = i32::from(self.period[self.invented % self.period.len()]);
        self.invented += 1;
        (sample * (fade - faded) as i32 / fade as i32) as i16
    }

    fn samples_of(&self, ms: usize) -> usize {
        self.band.sample_rate() as usize / 1000 * ms
    }

    /// The lag at which the last sound is most like itself, and one period of it that can follow itself without a
    /// seam.
    fn find_period(&mut self) {
        let template = self.samples_of(TEMPLATE_MS);
        let (shortest, longest) = (self.samples_of(*PERIOD_MS.start()), self.samples_of(*PERIOD_MS.end()));
        let len = (shortest..=longest)
            .max_by(|a, b| self.likeness(*a, template).total_cmp(&self.likeness(*b, template)))
            .unwrap_or(longest);
        let end = self.history.len();
        self.period.extend_from_slice(&self.history[end - len..]);
        let seam = len / 4;
        for at in 0..seam {
            let share = (at + 1) as f32 / (seam + 1) as f32;
            let earlier = f32::from(self.history[end - len - seam + at]);
            let sample = &mut self.period[len - seam + at];
            *sample = (f32::from(*sample) * (1.0 - share) + earlier * share) as i16;
        }
        self.invented = 0;
    }

    /// Correlation of the last `template` samples with those `lag` before, by the level of the latter. Every second
    /// sample is enough to find a voice's period.
    fn likeness(&self, lag: usize, template: usize) -> f32 {
        let end = self.history.len();
        let now = &self.history[end - template..];
        let then = &self.history[end - template - lag..end - lag];
        let (mut product, mut energy) = (0.0, 1.0);
        for (now, then) in now.iter().zip(then).step_by(2) {
            let (now, then) = (f32::from(*now), f32::from(*then));
            product += now * then;
            energy += then * then;
        }
        product / f32::sqrt(energy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(band: Band, from: usize, len: usize) -> Vec<i16> {
        let step = 150.0 * std::f64::consts::TAU / f64::from(band.sample_rate());
        (from..from + len).map(|i| (8000.0 * (i as f64 * step).sin()) as i16).collect()
    }

    #[test]
    fn a_lost_packet_of_a_voice_is_hardly_missed() {
        for band in [Band::Narrow, Band::Wide] {
            let tick = band.samples();
            let mut concealment = Concealment::new(band);
            concealment.received(&mut tone(band, 0, 4 * tick));
            let mut made_up = vec![0; tick];
            concealment.conceal(&mut made_up);
            let lost = tone(band, 4 * tick, tick);
            // The first half has its full level.
            for (at, (made_up, lost)) in made_up.iter().zip(&lost).take(tick / 2).enumerate() {
                assert!(made_up.abs_diff(*lost) < 900, "{band:?} sample {at}: {made_up} for {lost}");
            }
            let mut after = tone(band, 5 * tick, tick);
            concealment.received(&mut after);
            let last = *made_up.last().unwrap_or(&0);
            assert!(after[0].abs_diff(last) < 1500, "{band:?}: a step from {last} to {}", after[0]);
            assert_eq!(after[tick / 2..], tone(band, 5 * tick, tick)[tick / 2..], "{band:?}");
        }
    }

    #[test]
    fn a_long_loss_ends_in_silence() {
        let mut concealment = Concealment::new(Band::Narrow);
        concealment.received(&mut tone(Band::Narrow, 0, 640));
        let mut made_up = [0; 800];
        concealment.conceal(&mut made_up);
        assert!(made_up[..80].iter().any(|sample| sample.abs() > 7000));
        assert!(made_up[480..].iter().all(|sample| *sample == 0));
    }

    #[test]
    fn of_nothing_comes_nothing() {
        let mut concealment = Concealment::new(Band::Narrow);
        let mut made_up = [1; 160];
        concealment.conceal(&mut made_up);
        assert_eq!(made_up, [0; 160]);
    }
}
