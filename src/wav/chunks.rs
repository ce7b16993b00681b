//! Finding the samples in the head of a RIFF file, whatever chunks stand before them; total, for files that a crash
//! may have left in any state.

/// Octets of a file's beginning that are searched for its chunks; ours need [`HEADER_LEN`](super::HEADER_LEN).
pub const SEARCHED_LEN: usize = 64 * 1024;

/// Where a file's samples are and what they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// 1 for PCM.
    pub format: u16,
    pub channels: u16,
    /// Hz.
    pub sample_rate: u32,
    pub bits_per_sample: u16,
    /// Octets before the first sample.
    pub data_start: u64,
    /// Octets of samples that the head claims.
    pub data_len: u32,
    /// Octets of the whole file that the head claims.
    pub file_len: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("not a RIFF WAVE file")]
    NotWave,
    #[error("no format chunk before the samples")]
    NoFormat,
    #[error("no data chunk")]
    NoData,
}

impl Layout {
    /// Reads the chunks at the beginning of a file.
    pub fn read(beginning: &[u8]) -> Result<Self, Unreadable> {
        let (riff, mut rest) = beginning.split_first_chunk::<12>().ok_or(Unreadable::NotWave)?;
        if !riff.starts_with(b"RIFF") || !riff.ends_with(b"WAVE") {
            return Err(Unreadable::NotWave);
        }
        let file_len = u64::from(u32::from_le_bytes([riff[4], riff[5], riff[6], riff[7]])) + 8;
        let mut format = None;
        while let Some((head, body)) = rest.split_first_chunk::<8>() {
            let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
            match &head[..4] {
                b"data" => {
                    let (code, channels, sample_rate, bits_per_sample) =
                        format.ok_or(Unreadable::NoFormat)?;
                    let data_start = (beginning.len() - body.len()) as u64;
                    let format = code;
                    return Ok(Self {
                        format,
                        channels,
                        sample_rate,
                        bits_per_sample,
                        data_start,
                        data_len: len,
                        file_len,
                    });
                }
                b"fmt " => format = Some(read_format(body).ok_or(Unreadable::NoFormat)?),
                _ => {}
            }
            let padded = len as usize + len as usize % 2;
            rest = body.get(padded..).ok_or(Unreadable::NoData)?;
        }
        Err(Unreadable::NoData)
    }
}

/// Format code, channels, Hz, bits per sample.
fn read_format(body: &[u8]) -> Option<(u16, u16, u32, u16)> {
    let body = body.first_chunk::<16>()?;
    let word = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
    let rate = u32::from_le_bytes([body[4], body[5], body[6], body[7]]);
    Some((word(0), word(2), rate, word(14)))
}

/// True when `bytes` is a sequence of whole chunks to its end, the first of them `cue `: a finished trailer.
pub fn is_whole_trailer(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        match body.get(len + len % 2..) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    bytes.starts_with(b"cue ") && rest.is_empty()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::time::Timestamp;
    use crate::wav::{HEADER_LEN, RecordingHeader, cue};

    fn head() -> [u8; HEADER_LEN] {
        let header = RecordingHeader {
            started_at: Timestamp::from_micros(0),
            sample_rate: 8000,
            description: String::new(),
            reference: String::new(),
        };
        header.to_bytes(100, 40)
    }

    #[test]
    fn our_own_head_is_understood_and_any_cut_of_it_refused() {
        let layout = Layout::read(&head()).unwrap();
        assert_eq!(
            (layout.format, layout.channels, layout.sample_rate, layout.bits_per_sample),
            (1, 2, 8000, 16)
        );
        assert_eq!((layout.data_start, layout.data_len), (HEADER_LEN as u64, 400));
        assert_eq!(layout.file_len, HEADER_LEN as u64 + 440);
        for len in 0..HEADER_LEN {
            assert!(Layout::read(&head()[..len]).is_err(), "cut at {len}");
        }
    }

    #[test]
    fn a_trailer_is_known_when_whole() {
        let trailer = cue::to_bytes(&[cue::Point { frame: 8, label: "abc" }], 10);
        assert!(is_whole_trailer(&trailer));
        for len in 0..trailer.len() {
            // A cut between the two chunks leaves a whole `cue `.
            assert_eq!(is_whole_trailer(&trailer[..len]), len == 36, "cut at {len}");
        }
    }
}
