//! The head of a recording: RIFF, `bext` (EBU Tech 3285), `fmt ` and the head of `data`, always [`HEADER_LEN`] octets,
//! so that it can be rewritten in place. PCM, 16 bits, two channels, 8 or 16 kHz; the samples follow it directly.

use chrono::{Timelike, Utc};

use crate::time::Timestamp;

/// Rates of recordings, Hz: telephone speech, and what the wideband codecs carry.
pub const SAMPLE_RATES: [u32; 2] = [8000, 16_000];
/// Left and right.
pub const CHANNELS: u16 = 2;
/// Octets of one frame: a sample of each channel.
pub const FRAME_LEN: u64 = 4;
/// Octets before the first sample.
pub const HEADER_LEN: usize = RIFF_LEN + BEXT_LEN + FMT_LEN + CHUNK_HEAD_LEN;
/// Frames a file can hold: RIFF sizes have 32 bits, 1 MiB is left for markers. 37 hours at 8 kHz.
pub const MAX_FRAMES: u64 = (u32::MAX as u64 - (1 << 20)) / FRAME_LEN;

const CHUNK_HEAD_LEN: usize = 8;
const RIFF_LEN: usize = 12;
const FMT_LEN: usize = CHUNK_HEAD_LEN + 16;
const BEXT_LEN: usize = CHUNK_HEAD_LEN + BEXT_FIXED_LEN + CODING_HISTORY_LEN;
/// `bext` up to its coding history.
const BEXT_FIXED_LEN: usize = 602;
/// `A=PCM,F=16000,W=16,M=stereo` and the end of its line, padded: chunks end at even places.
const CODING_HISTORY_LEN: usize = 30;
const DESCRIPTION_LEN: usize = 256;
const ORIGINATOR: &[u8] = b"Ringback";

/// What the head of a recording says, besides its sizes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordingHeader {
    /// The moment of the first frame; `bext` has the second of it and the samples since midnight, UTC.
    pub started_at: Timestamp,
    /// Hz, one of [`SAMPLE_RATES`].
    pub sample_rate: u32,
    /// Cut to 256 octets; other than printable ASCII becomes `?`.
    pub description: String,
    /// At most 32 characters: the contact.
    pub reference: String,
}

impl RecordingHeader {
    /// The head of a file of `frames`, followed by `trailer_len` octets of further chunks.
    pub fn to_bytes(&self, frames: u64, trailer_len: u64) -> [u8; HEADER_LEN] {
        let data_len = frames.min(MAX_FRAMES) * FRAME_LEN;
        let riff_len = HEADER_LEN as u64 - 8 + data_len + trailer_len;
        let mut bytes = Writer { bytes: [0; HEADER_LEN], at: 0 };
        bytes.chunk(*b"RIFF", riff_len as u32);
        bytes.put(b"WAVE");
        self.put_bext(&mut bytes);
        bytes.chunk(*b"fmt ", 16);
        bytes.put(&1_u16.to_le_bytes());
        bytes.put(&CHANNELS.to_le_bytes());
        bytes.put(&self.sample_rate.to_le_bytes());
        bytes.put(&self.sample_rate.saturating_mul(FRAME_LEN as u32).to_le_bytes());
        bytes.put(&(FRAME_LEN as u16).to_le_bytes());
        bytes.put(&16_u16.to_le_bytes());
        bytes.chunk(*b"data", data_len as u32);
        bytes.bytes
    }

    fn put_bext(&self, bytes: &mut Writer) {
        let at = self.started_at.utc();
        bytes.chunk(*b"bext", (BEXT_LEN - CHUNK_HEAD_LEN) as u32);
        bytes.put_text(self.description.as_bytes(), DESCRIPTION_LEN);
        bytes.put_text(ORIGINATOR, 32);
        bytes.put_text(self.reference.as_bytes(), 32);
        bytes.put_text(at.format("%Y-%m-%d").to_string().as_bytes(), 10);
        bytes.put_text(at.format("%H:%M:%S").to_string().as_bytes(), 8);
        bytes.put(&samples_since_midnight(at, self.sample_rate).to_le_bytes());
        bytes.put(&1_u16.to_le_bytes());
        // UMID (64) and the reserved octets (190 in version 1) stay zero.
        bytes.at += 64 + 190;
        let history = format!("A=PCM,F={},W=16,M=stereo\r\n", self.sample_rate);
        bytes.put_octets(history.as_bytes(), CODING_HISTORY_LEN);
    }
}

fn samples_since_midnight(at: chrono::DateTime<Utc>, sample_rate: u32) -> u64 {
    let nanos = u64::from(at.num_seconds_from_midnight()) * 1_000_000_000 + u64::from(at.nanosecond());
    // A day of nanoseconds times the rate does not fit 64 bits; a day of samples does.
    (u128::from(nanos) * u128::from(sample_rate) / 1_000_000_000) as u64
}

struct Writer {
    bytes: [u8; HEADER_LEN],
    at: usize,
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn chunk(&mut self, id: [u8; 4], len: u32) {
        self.put(&id);
        self.put(&len.to_le_bytes());
    }

    /// A field of `len` octets, cut or padded with zeros.
    fn put_octets(&mut self, octets: &[u8], len: usize) {
        for (place, octet) in self.bytes[self.at..self.at + len].iter_mut().zip(octets) {
            *place = *octet;
        }
        self.at += len;
    }

    /// The same for text that people wrote.
    fn put_text(&mut self, text: &[u8], len: usize) {
        for (place, octet) in self.bytes[self.at..self.at + len].iter_mut().zip(text) {
            *place = if octet.is_ascii_graphic() || *octet == b' ' { *octet } else { b'?' };
        }
        self.at += len;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn header() -> RecordingHeader {
        RecordingHeader {
            started_at: Timestamp::from_micros(1_763_707_101_250_000),
            sample_rate: 8000,
            description: "Contact of the \u{436} city".into(),
            reference: "x".repeat(40),
        }
    }

    #[test]
    fn the_head_is_whole_and_readable() {
        let mut file = header().to_bytes(2, 0).to_vec();
        file.extend([1, 0, 2, 0, 3, 0, 4, 0]);
        let mut reader = hound::WavReader::new(file.as_slice()).unwrap();
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 8000, 16));
        assert_eq!(reader.samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(u32::from_le_bytes([file[4], file[5], file[6], file[7]]) as usize, file.len() - 8);
    }

    #[test]
    fn bext_tells_start_and_source() {
        let head = header().to_bytes(0, 0);
        let field =
            |at: usize, len: usize| String::from_utf8_lossy(&head[20 + at..20 + at + len]).into_owned();
        assert_eq!(field(0, 24), "Contact of the ?? city\0\0");
        assert_eq!(field(256, 10), "Ringback\0\0");
        assert_eq!(field(288, 32), "x".repeat(32));
        assert_eq!(field(320, 18), "2025-11-2106:38:21");
        let reference = u64::from_le_bytes(*head[20 + 338..].first_chunk().unwrap());
        assert_eq!(reference, ((6 * 60 + 38) * 60 + 21) * 8000 + 2000);
        assert_eq!(field(602, 30), "A=PCM,F=8000,W=16,M=stereo\r\n\0\0");
        let wide = RecordingHeader { sample_rate: 16_000, ..header() }.to_bytes(3, 0);
        let file = [&wide[..], &[0; 12]].concat();
        let reader = hound::WavReader::new(file.as_slice()).unwrap();
        assert_eq!((reader.spec().sample_rate, reader.duration()), (16_000, 3));
        assert_eq!(wide[20 + 602..20 + 632], *b"A=PCM,F=16000,W=16,M=stereo\r\n\0");
    }
}
