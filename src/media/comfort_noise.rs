//! Comfort noise (RFC 3389): the level a peer says its room has while nobody speaks, as noise for whoever listens to
//! it. The spectrum it may send is ignored; we send none of our own.

/// The static payload type, at 8000 Hz.
pub(super) const PAYLOAD_TYPE: u8 = 13;

/// Noise of one level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ComfortNoise {
    /// Largest magnitude.
    peak: i32,
    state: u32,
}

impl ComfortNoise {
    /// From a payload: its first octet is the level in dB below overload (RFC 3389 3.1); none when it is empty.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let level = f32::from(payload.first()? & 0x7f);
        // Evenly spread noise has a root mean square of its peak by the square root of 3.
        let peak = f32::from(i16::MAX) * 10_f32.powf(-level / 20.0) * 3_f32.sqrt();
        Some(Self { peak: (peak as i32).min(i32::from(i16::MAX)), state: 0x9e37_79b9 })
    }

    pub(super) fn fill(&mut self, out: &mut [i16]) {
        for sample in out {
            // Marsaglia's xorshift: nobody listens for patterns in it.
            self.state ^= self.state << 13;
            self.state ^= self.state >> 17;
            self.state ^= self.state << 5;
            let spread = (self.state >> 16) as i32 - 0x8000;
            *sample = (spread * self.peak / 0x8000) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn noise_has_the_level_that_was_sent() {
        for level in [30_u8, 50, 70] {
            let mut out = [0; 8000];
            ComfortNoise::parse(&[level, 1, 2]).unwrap().fill(&mut out);
            let rms = (out.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / 8000.0).sqrt();
            let decibels = 20.0 * (rms / 32_768.0).log10();
            assert!((decibels + f64::from(level)).abs() < 1.5, "{level}: {decibels}");
        }
        assert_eq!(ComfortNoise::parse(&[]), None);
        let mut loudest = [0; 100];
        ComfortNoise::parse(&[0]).unwrap().fill(&mut loudest);
    }
}
