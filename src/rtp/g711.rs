//! G.711 A-law and mu-law (ITU-T G.711): one octet <-> one 16-bit linear sample at 8 kHz.
//!
//! Both ways are table look-ups: every packet passes here. Linear values are left-justified in 16 bits, as
//! in WAV files; the sign conventions are those of ITU-T G.191.

static ALAW_TO_LINEAR: [i16; 256] = decode_table(Law::A);
static ULAW_TO_LINEAR: [i16; 256] = decode_table(Law::Mu);

/// Low bits of a sample that its octet does not depend on: A-law has 13 bits of a sample, mu-law 14.
const ALAW_DROPPED: u32 = 4;
const ULAW_DROPPED: u32 = 2;
static LINEAR_TO_ALAW: [u8; 1 << (16 - ALAW_DROPPED)] = encode_table(Law::A, ALAW_DROPPED);
static LINEAR_TO_ULAW: [u8; 1 << (16 - ULAW_DROPPED)] = encode_table(Law::Mu, ULAW_DROPPED);

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
            Self::A => LINEAR_TO_ALAW[usize::from(sample as u16 >> ALAW_DROPPED)],
            Self::Mu => LINEAR_TO_ULAW[usize::from(sample as u16 >> ULAW_DROPPED)],
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
        match self {
            Self::A => look_up(samples, &LINEAR_TO_ALAW, ALAW_DROPPED, octets),
            Self::Mu => look_up(samples, &LINEAR_TO_ULAW, ULAW_DROPPED, octets),
        }
    }

    fn table(self) -> &'static [i16; 256] {
        match self {
            Self::A => &ALAW_TO_LINEAR,
            Self::Mu => &ULAW_TO_LINEAR,
        }
    }
}

/// Octets for samples, by a table of `N` entries for the bits that are not `dropped`.
fn look_up<const N: usize>(samples: &[i16], table: &[u8; N], dropped: u32, octets: &mut [u8]) {
    for (octet, sample) in octets.iter_mut().zip(samples) {
        *octet = table[usize::from(*sample as u16 >> dropped) % N];
    }
}

/// Eight segments of sixteen steps; the first two have the same step.
const fn encode_alaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x00 } else { 0x80 };
    let magnitude = (if sample < 0 { !sample } else { sample }) as u32;
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

const fn encode_ulaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0x00 };
    let magnitude = (if sample < 0 { !sample } else { sample }) as i32;
    let magnitude = (if magnitude > ULAW_CLIP { ULAW_CLIP } else { magnitude }) + ULAW_BIAS;
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

const fn encode_table<const N: usize>(law: Law, dropped: u32) -> [u8; N] {
    let mut table = [0; N];
    let mut entry = 0;
    while entry < N {
        let sample = ((entry as u16) << dropped) as i16;
        table[entry] = match law {
            Law::A => encode_alaw(sample),
            Law::Mu => encode_ulaw(sample),
        };
        entry += 1;
    }
    table
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
    fn the_tables_say_what_the_formulas_say() {
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(Law::A.encode(sample), encode_alaw(sample), "A-law {sample}");
            assert_eq!(Law::Mu.encode(sample), encode_ulaw(sample), "mu-law {sample}");
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
