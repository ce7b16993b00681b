//! Encoding and decoding of one leg: state per direction and codec, made when the codec is first met and kept, so that
//! no packet allocates. G.711 is `rtp/g711.rs`, G.722 and Opus are libraries; what each is called is `sdp/codec.rs`.

use std::fmt;

use audio_codec::g722::{G722Decoder, G722Encoder};
use audio_codec::{Decoder as _, Encoder as _};

use super::block::Band;
use crate::rtp::g711::Law;
use crate::sdp::Codec;

/// Longest packet taken, ms: the longest Opus knows (RFC 6716 3.2.5).
pub(super) const MAX_PACKET_MS: u32 = 120;
/// Bits per second of our Opus: wide-band speech beyond doubt, with room for the redundancy (RFC 7587 3.1.1).
const OPUS_BITRATE: i32 = 32_000;
/// Loss that our Opus protects against, percent. Below 5 the encoder hardly adds redundancy.
const OPUS_EXPECTED_LOSS: i32 = 5;
/// Effort of the Opus encoder, 0 to 10. 5 sounds as good as 10 for speech at this rate, for half the time.
const OPUS_COMPLEXITY: i32 = 5;

/// Samples that `units` of the codec's RTP clock stand for.
pub(super) fn samples(codec: Codec, units: u32) -> usize {
    (u64::from(units) * u64::from(Band::of(codec).sample_rate()) / u64::from(codec.clock_hz())) as usize
}

/// Units of the codec's RTP clock for that many samples.
pub(super) fn units(codec: Codec, samples: usize) -> u32 {
    (samples as u64 * u64::from(codec.clock_hz()) / u64::from(Band::of(codec).sample_rate())) as u32
}

/// How long a payload sounds, in units of the RTP clock; none when it is no payload of the codec or too long.
pub(super) fn duration(codec: Codec, payload: &[u8]) -> Option<u32> {
    let units = match codec {
        // One octet is 125 us.
        Codec::Pcma | Codec::Pcmu | Codec::G722 => payload.len(),
        // The library checks the table of contents, not whether there is one.
        Codec::Opus if payload.is_empty() => 0,
        Codec::Opus => opus::packet::get_nb_samples(payload, codec.clock_hz()).ok()?,
    };
    let longest = codec.clock_hz() / 1000 * MAX_PACKET_MS;
    u32::try_from(units).ok().filter(|units| (1..=longest).contains(units))
}

/// A packet says all that its decoder needs to know.
pub(super) fn is_stateless(codec: Codec) -> bool {
    law_of(codec).is_some()
}

fn law_of(codec: Codec) -> Option<Law> {
    match codec {
        Codec::Pcma => Some(Law::A),
        Codec::Pcmu => Some(Law::Mu),
        Codec::G722 | Codec::Opus => None,
    }
}

/// The receiving half.
#[derive(Default)]
pub(super) struct Decoders {
    g722: Option<Box<G722Decoder>>,
    opus: Option<opus::Decoder>,
}

impl Decoders {
    /// Decodes a payload that [`duration`] has measured; the number of samples, 0 when it cannot be decoded.
    pub(super) fn decode(&mut self, codec: Codec, payload: &[u8], out: &mut [i16]) -> usize {
        if let Some(law) = law_of(codec) {
            law.decode_into(payload, out);
            return payload.len().min(out.len());
        }
        match codec {
            Codec::G722 => self.g722.get_or_insert_default().decode_into(payload, out).unwrap_or(0),
            _ => self.decode_opus(payload, out, false),
        }
    }

    /// What a packet tells of the one lost before it; `out` is as long as that was.
    pub(super) fn recover(&mut self, codec: Codec, next: &[u8], out: &mut [i16]) -> bool {
        codec == Codec::Opus && self.decode_opus(next, out, true) == out.len()
    }

    /// The codec's own guess of what was lost, for as long as `out` is; false where it has none.
    pub(super) fn conceal(&mut self, codec: Codec, out: &mut [i16]) -> bool {
        codec == Codec::Opus && self.decode_opus(&[], out, false) == out.len()
    }

    fn decode_opus(&mut self, payload: &[u8], out: &mut [i16], redundancy: bool) -> usize {
        if self.opus.is_none() {
            self.opus = opus::Decoder::new(Band::Wide.sample_rate(), opus::Channels::Mono).ok();
        }
        self.opus.as_mut().and_then(|decoder| decoder.decode(payload, out, redundancy).ok()).unwrap_or(0)
    }

    /// The next packet is of another source.
    pub(super) fn reset(&mut self) {
        if let Some(g722) = &mut self.g722 {
            **g722 = G722Decoder::new();
        }
        if let Some(opus) = &mut self.opus
            && opus.reset_state().is_err()
        {
            self.opus = None;
        }
    }
}

/// The sending half.
#[derive(Default)]
pub(super) struct Encoders {
    g722: Option<Box<G722Encoder>>,
    opus: Option<opus::Encoder>,
}

impl Encoders {
    /// Encodes one packet's samples, at the codec's rate; its length in octets, none when it cannot be encoded. Opus
    /// takes 10, 20, 40 and 60 ms.
    pub(super) fn encode(&mut self, codec: Codec, samples: &[i16], out: &mut [u8]) -> Option<usize> {
        if let Some(law) = law_of(codec) {
            law.encode_into(samples, out);
            return Some(samples.len().min(out.len()));
        }
        let written = match codec {
            Codec::G722 => self.g722.get_or_insert_default().encode_into(samples, out).ok()?,
            _ => {
                if self.opus.is_none() {
                    self.opus = opus_encoder().ok();
                }
                self.opus.as_mut()?.encode(samples, out).ok()?
            }
        };
        (written > 0).then_some(written)
    }
}

fn opus_encoder() -> Result<opus::Encoder, opus::Error> {
    let rate = Band::Wide.sample_rate();
    let mut encoder = opus::Encoder::new(rate, opus::Channels::Mono, opus::Application::Voip)?;
    encoder.set_bitrate(opus::Bitrate::Bits(OPUS_BITRATE))?;
    encoder.set_complexity(OPUS_COMPLEXITY)?;
    encoder.set_inband_fec(true)?;
    encoder.set_packet_loss_perc(OPUS_EXPECTED_LOSS)?;
    Ok(encoder)
}

impl fmt::Debug for Decoders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoders(G722: {}, opus: {})", self.g722.is_some(), self.opus.is_some())
    }
}

impl fmt::Debug for Encoders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoders(G722: {}, opus: {})", self.g722.is_some(), self.opus.is_some())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn tone(codec: Codec, hz: f64, ms: usize) -> Vec<i16> {
        let rate = Band::of(codec).sample_rate();
        (0..ms * rate as usize / 1000)
            .map(|i| (8000.0 * (i as f64 * hz * std::f64::consts::TAU / f64::from(rate)).sin()) as i16)
            .collect()
    }

    /// Decoded without losses, packets of `ms`.
    fn through(codec: Codec, samples: &[i16], ms: usize) -> Vec<i16> {
        let (mut encoders, mut decoders) = (Encoders::default(), Decoders::default());
        let mut out = Vec::new();
        for packet in samples.chunks_exact(ms * Band::of(codec).sample_rate() as usize / 1000) {
            let (mut octets, mut decoded) = ([0; 1500], [0; 1920]);
            let len = encoders.encode(codec, packet, &mut octets).unwrap();
            assert_eq!(
                duration(codec, &octets[..len]),
                Some(units(codec, packet.len())),
                "{codec:?} {ms} ms"
            );
            let count = decoders.decode(codec, &octets[..len], &mut decoded);
            assert_eq!(count, packet.len(), "{codec:?} {ms} ms");
            out.extend_from_slice(&decoded[..count]);
        }
        out
    }

    #[test]
    fn every_codec_keeps_a_tone_in_packets_of_any_length() {
        for codec in Codec::ALL {
            for ms in [10, 20, 40, 60] {
                let sent = tone(codec, 1000.0, 1200);
                let heard = through(codec, &sent, ms);
                let level = |samples: &[i16]| {
                    (samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
                };
                let half = sent.len() / 2;
                let decibels = 20.0 * (level(&heard[half..]) / level(&sent[half..])).log10();
                assert!(decibels.abs() < 1.0, "{codec:?} {ms} ms: {decibels} dB");
            }
        }
    }

    #[test]
    fn garbage_neither_panics_nor_overflows() {
        let seed = 5;
        let mut rng = StdRng::seed_from_u64(seed);
        for codec in Codec::ALL {
            let mut decoders = Decoders::default();
            for _ in 0..2000 {
                let payload: Vec<u8> = (0..rng.random_range(0..1500)).map(|_| rng.random()).collect();
                let mut out = [0; 1920];
                if let Some(units) = duration(codec, &payload) {
                    let count = decoders.decode(codec, &payload, &mut out);
                    assert!(count <= samples(codec, units), "seed {seed} {codec:?}");
                }
                decoders.recover(codec, &payload, &mut out[..320]);
                decoders.conceal(codec, &mut out[..320]);
            }
            decoders.reset();
        }
    }

    #[test]
    fn lengths_that_are_none_are_refused() {
        assert_eq!(duration(Codec::Pcma, &[]), None);
        assert_eq!(duration(Codec::Opus, &[]), None);
        assert_eq!(duration(Codec::G722, &[0; 160]), Some(160));
        assert_eq!(duration(Codec::Pcmu, &[0; 961]), None);
        // Code 3 with 48 frames of 20 ms: more than 120 ms.
        assert_eq!(duration(Codec::Opus, &[0x4b, 48]), None);
    }
}
