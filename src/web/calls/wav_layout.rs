//! Where the sound lies in a RIFF/WAVE file: enough to turn byte positions into moments and to read samples while
//! the file still grows. Writing and repairing files is `files/`.

/// The chunks before `data` fit in here: `fmt ` and a `bext` of some hundred bytes.
pub(in crate::web) const HEAD_BYTES: usize = 64 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::web) struct WavLayout {
    /// First byte of sound.
    pub(in crate::web) data_offset: u64,
    /// Bytes of sound the header promises.
    pub(in crate::web) data_length: u64,
    /// Frames per second.
    pub(in crate::web) sample_rate: u32,
    pub(in crate::web) channels: u16,
    pub(in crate::web) bits: u16,
}

impl WavLayout {
    /// Walks the chunks at the beginning of a file; none when it is not PCM in RIFF/WAVE (or RF64).
    pub(in crate::web) fn of(head: &[u8]) -> Option<Self> {
        let riff = head.get(..12)?;
        if !(riff.starts_with(b"RIFF") || riff.starts_with(b"RF64")) || &riff[8..] != b"WAVE" {
            return None;
        }
        let mut at = 12_usize;
        let mut format = None;
        loop {
            let name = head.get(at..at + 4)?;
            let length = u32_at(head, at + 4)?;
            let body = at + 8;
            match name {
                b"fmt " => {
                    format =
                        Some((u16_at(head, body + 2)?, u32_at(head, body + 4)?, u16_at(head, body + 14)?))
                }
                b"data" => {
                    let (channels, sample_rate, bits) = format?;
                    let layout = Self {
                        data_offset: u64::try_from(body).ok()?,
                        data_length: u64::from(length),
                        sample_rate,
                        channels,
                        bits,
                    };
                    return (layout.bytes_per_second() > 0).then_some(layout);
                }
                _ => {}
            }
            // Chunks are padded to even lengths.
            let length = usize::try_from(length).ok()?;
            at = body.checked_add(length)?.checked_add(length % 2)?;
        }
    }

    pub(in crate::web) fn frame_bytes(&self) -> u64 {
        u64::from(self.channels) * u64::from(self.bits / 8)
    }

    fn bytes_per_second(&self) -> u64 {
        self.frame_bytes() * u64::from(self.sample_rate)
    }

    /// Bytes of sound in a file of `file_length` bytes; a file that still grows has fewer than it promises, or more.
    pub(in crate::web) fn sound_bytes(&self, file_length: u64) -> u64 {
        self.data_length.min(file_length.saturating_sub(self.data_offset))
    }

    /// The milliseconds of sound in the bytes `first..=last` of the file, from and to, rounded outwards.
    pub(in crate::web) fn millis(&self, first: u64, last: u64, file_length: u64) -> [u64; 2] {
        let sound = self.sound_bytes(file_length);
        let rate = self.bytes_per_second();
        let inside = |byte: u64| byte.saturating_sub(self.data_offset).min(sound);
        let from = inside(first).saturating_mul(1000) / rate;
        let to = inside(last.saturating_add(1)).saturating_mul(1000).div_ceil(rate);
        [from, to]
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
pub(in crate::web) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    /// A two-channel 16-bit file at 8 kHz with a `bext` of odd length before its sound.
    pub(in crate::web) fn stereo_wav(frames: &[[i16; 2]]) -> Vec<u8> {
        let sound: Vec<u8> = frames.iter().flatten().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut wav = b"RIFF\0\0\0\0WAVEbext\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0\x02\0".to_vec();
        wav.extend(8000_u32.to_le_bytes());
        wav.extend(32_000_u32.to_le_bytes());
        wav.extend(4_u16.to_le_bytes());
        wav.extend(16_u16.to_le_bytes());
        wav.extend(b"data");
        wav.extend(u32::try_from(sound.len()).unwrap().to_le_bytes());
        wav.extend(sound);
        wav
    }

    #[test]
    fn finds_the_sound_behind_odd_chunks() {
        let wav = stereo_wav(&[[1, 2]; 8000]);
        let layout = WavLayout::of(&wav).unwrap();
        assert_eq!(layout.data_offset, 12 + 12 + 24 + 8);
        assert_eq!((layout.sample_rate, layout.channels, layout.bits), (8000, 2, 16));
        assert_eq!(layout.sound_bytes(wav.len() as u64), 32_000);
    }

    #[test]
    fn bytes_become_moments() {
        let wav = stereo_wav(&[[0, 0]; 16_000]);
        let length = wav.len() as u64;
        let layout = WavLayout::of(&wav).unwrap();
        let start = layout.data_offset;
        assert_eq!(layout.millis(0, length - 1, length), [0, 2000]);
        assert_eq!(layout.millis(0, start - 1, length), [0, 0]);
        assert_eq!(layout.millis(start + 32_000, start + 32_003, length), [1000, 1001]);
        assert_eq!(layout.millis(0, u64::MAX, length), [0, 2000]);
    }

    #[test]
    fn cut_or_foreign_files_are_no_layout() {
        let wav = stereo_wav(&[[0, 0]; 4]);
        for cut in 0..56 {
            assert_eq!(WavLayout::of(&wav[..cut]), None, "cut at {cut}");
        }
        assert_eq!(WavLayout::of(b"RIFF\0\0\0\0WAVEdata\0\0\0\0"), None);
        assert_eq!(WavLayout::of(b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\xff"), None);
    }
}
