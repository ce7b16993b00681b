//! G.711 A-law and mu-law (ITU-T G.711): one octet <-> one 16-bit linear sample at 8 kHz.
//!
//! Decoding is a table look-up, encoding a few integer operations. Linear values are left-justified in 16 bits, as
//! in WAV files; the sign conventions are those of ITU-T G.191.

static ALAW_TO_LINEAR: [i16; 256] = decode_table(Law::A);
static ULAW_TO_LINEAR: [i16; 256] = decode_table(Law::Mu);

/// The two companding laws: A in Europe, mu in North America and Japan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Law {
    A,
    Mu,
}

/// The smallest mu-law magnitude offset: half of the first segment's width, left-justified (G.711 table 2).
const ULAW_BIAS: i32 = 0x84;
/// Mu-law cannot code more than this magnitude.
const ULAW_CLIP: i32 = 32_635;

impl Law {
    /// The octet of a silent sample.
    pub const fn silence(self) -> u8 {
        match self {
            Self::A => 0xd5,
            Self::Mu => 0xff,
        }
    }

    /// One octet as a linear sample.
    pub fn decode(self, octet: u8) -> i16 {
        self.table()[usize::from(octet)]
    }

    /// The octet nearest to a linear sample.
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Self::A => encode_alaw(sample),
            Self::Mu => encode_ulaw(sample),
        }
    }

    /// Decodes as many octets as both slices have room for.
    pub fn decode_into(self, octets: &[u8], samples: &mut [i16]) {
        let table = self.table();
        for (sample, octet) in samples.iter_mut().zip(octets) {
            *sample = table[usize::from(*octet)];
        }
    }

    /// Encodes as many samples as both slices have room for.
    pub fn encode_into(self, samples: &[i16], octets: &mut [u8]) {
        for (octet, sample) in octets.iter_mut().zip(samples) {
            *octet = self.encode(*sample);
        }
    }

    fn table(self) -> &'static [i16; 256] {
        match self {
            Self::A => &ALAW_TO_LINEAR,
            Self::Mu => &ULAW_TO_LINEAR,
        }
    }
}

/// Eight segments of sixteen steps; the first two have the same step.
fn encode_alaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x00 } else { 0x80 };
    let magnitude = u32::from((if sample < 0 { !sample } else { sample }).unsigned_abs());
    let code = match magnitude {
        0..=255 => magnitude >> 4,
        _ => {
            let segment = magnitude.ilog2() - 7;
            segment << 4 | (magnitude >> (segment + 3)) & 0x0f
        }
    };
    // Even bits are inverted on the line (G.711 2.2). `code` has seven bits.
    (code as u8 | sign) ^ 0x55
}

fn encode_ulaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0x00 };
    let magnitude = i32::from(if sample < 0 { !sample } else { sample }).min(ULAW_CLIP) + ULAW_BIAS;
    let segment = magnitude.ilog2() - 7;
    let step = (magnitude >> (segment + 3)) & 0x0f;
    // All bits are inverted on the line; segment and step have seven bits together.
    !((segment << 4) as u8 | step as u8 | sign)
}

const fn expand_alaw(octet: u8) -> i16 {
    let code = octet ^ 0x55;
    let segment = (code & 0x70) >> 4;
    let step = ((code & 0x0f) as i16) << 4;
    let magnitude = match segment {
        0 => step + 0x08,
        _ => (step + 0x108) << (segment - 1),
    };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

const fn expand_ulaw(octet: u8) -> i16 {
    let code = !octet;
    let segment = (code & 0x70) >> 4;
    let magnitude = (((((code & 0x0f) as i32) << 3) + ULAW_BIAS) << segment) - ULAW_BIAS;
    (if code & 0x80 != 0 { -magnitude } else { magnitude }) as i16
}

const fn decode_table(law: Law) -> [i16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < table.len() {
        table[octet] = match law {
            Law::A => expand_alaw(octet as u8),
            Law::Mu => expand_ulaw(octet as u8),
        };
        octet += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // G.711 tables 1a and 2a, left-justified: first, last and segment limits.
        for (octet, sample) in
            [(0xd5, 8), (0x55, -8), (0xaa, 32_256), (0x2a, -32_256), (0xc5, 264), (0xf5, 528)]
        {
            assert_eq!(Law::A.decode(octet), sample, "A-law {octet:#x}");
            assert_eq!(Law::A.encode(sample), octet, "A-law {sample}");
        }
        for (octet, sample) in
            [(0xff, 0), (0x80, 32_124), (0x00, -32_124), (0xfe, 8), (0x7e, -8), (0xef, 132)]
        {
            assert_eq!(Law::Mu.decode(octet), sample, "mu-law {octet:#x}");
            assert_eq!(Law::Mu.encode(sample), octet, "mu-law {sample}");
        }
    }

    #[test]
    fn every_octet_survives_a_round_trip() {
        for law in [Law::A, Law::Mu] {
            for octet in 0..=255 {
                let expected = if (law, octet) == (Law::Mu, 0x7f) { 0xff } else { octet };
                assert_eq!(law.encode(law.decode(octet)), expected, "{law:?} {octet:#x}");
            }
            assert_eq!(law.encode(0), law.silence());
        }
    }

    #[test]
    fn every_sample_is_coded_within_half_a_step() {
        for law in [Law::A, Law::Mu] {
            for sample in i16::MIN..=i16::MAX {
                let error = (i32::from(law.decode(law.encode(sample))) - i32::from(sample)).abs();
                // A segment's step is at most 1/16 of its lower limit; clipping costs up to 644.
                let bound = (i32::from(sample).abs() / 32 + 9).max(if sample.unsigned_abs() > 32_000 {
                    1100
                } else {
                    0
                });
                assert!(error <= bound, "{law:?} {sample}: error {error} > {bound}");
            }
        }
    }

    #[test]
    fn the_codes_rise_with_the_samples() {
        for law in [Law::A, Law::Mu] {
            let decoded = (i16::MIN..=i16::MAX).map(|sample| law.decode(law.encode(sample)));
            assert!(decoded.is_sorted(), "{law:?}");
        }
    }
}
