//! A call as its applicant hears it: the whole recording, or a file made on the way that holds the left channel alone, the
//! citizen's voice. Of the latter nothing is ever written; any part of it is worked out from the recording.

use bytes::Bytes;
use futures_util::stream::{self, Stream};

use crate::files::ContentFile;

use super::super::calls::recording::{Opened, part_of};
use super::super::calls::wav_layout::WavLayout;

/// RIFF, `fmt ` and the head of `data`.
const HEAD_BYTES: u64 = 44;
/// 16-bit samples.
const SAMPLE_BYTES: u64 = 2;
/// Frames read at once: two seconds at 16 kHz.
const FRAMES_AT_ONCE: u64 = 32_000;

#[derive(Clone, Copy, Debug)]
pub(super) struct OwnSound {
    layout: WavLayout,
    /// Of the recording's file.
    file_length: u64,
    both: bool,
}

impl OwnSound {
    /// None when the file is no 16-bit PCM.
    pub(super) fn of(opened: &Opened, both: bool) -> Option<Self> {
        let layout = opened.layout.filter(|layout| layout.bits == 16 && layout.channels > 0)?;
        Some(Self { layout, file_length: opened.length, both: both || layout.channels == 1 })
    }

    /// The recording as it is.
    pub(super) const fn is_whole(&self) -> bool {
        self.both
    }

    fn frames(&self) -> u64 {
        self.layout.sound_bytes(self.file_length) / self.layout.frame_bytes()
    }

    /// Bytes of what is sent.
    pub(super) fn length(&self) -> u64 {
        if self.both { self.file_length } else { HEAD_BYTES + self.frames() * SAMPLE_BYTES }
    }

    /// The milliseconds of sound in the bytes `first..=last` of what is sent, rounded outwards.
    pub(super) fn millis(&self, first: u64, last: u64) -> [u64; 2] {
        if self.both {
            return self.layout.millis(first, last, self.file_length);
        }
        let rate = u64::from(self.layout.sample_rate) * SAMPLE_BYTES;
        let inside = |byte: u64| byte.saturating_sub(HEAD_BYTES);
        [inside(first) * 1000 / rate, (inside(last.saturating_add(1)) * 1000).div_ceil(rate)]
    }

    fn head(&self) -> Vec<u8> {
        let sound = u32::try_from(self.frames() * SAMPLE_BYTES).unwrap_or(u32::MAX);
        let rate = self.layout.sample_rate;
        let mut head = Vec::with_capacity(44);
        head.extend(b"RIFF");
        head.extend(sound.saturating_add(36).to_le_bytes());
        head.extend(b"WAVEfmt ");
        head.extend(16_u32.to_le_bytes());
        // PCM, one channel.
        head.extend([1, 0, 1, 0]);
        head.extend(rate.to_le_bytes());
        head.extend(rate.saturating_mul(2).to_le_bytes());
        head.extend([2, 0, 16, 0]);
        head.extend(b"data");
        head.extend(sound.to_le_bytes());
        head
    }

    /// The bytes `first..=last` of the left channel's file.
    pub(super) fn bytes(
        self,
        file: ContentFile,
        first: u64,
        last: u64,
    ) -> impl Stream<Item = std::io::Result<Bytes>> {
        stream::try_unfold((file, first), move |(file, at)| async move {
            if at > last {
                return Ok(None);
            }
            let (file, part) = match usize::try_from(at) {
                Ok(from) if at < HEAD_BYTES => (file, self.head().split_off(from)),
                _ => self.samples(file, at - HEAD_BYTES).await?,
            };
            let left = usize::try_from(last - at + 1).unwrap_or(usize::MAX);
            let length = left.min(part.len());
            let part = Bytes::from(part).slice(..length);
            let next = at + part.len() as u64;
            Ok(Some((part, (file, next))))
        })
    }

    /// Samples of the left channel from the byte `at` of its sound on.
    async fn samples(&self, file: ContentFile, at: u64) -> std::io::Result<(ContentFile, Vec<u8>)> {
        let frame_bytes = self.layout.frame_bytes();
        let frame = at / SAMPLE_BYTES;
        let count = FRAMES_AT_ONCE.min(self.frames().saturating_sub(frame));
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let length = usize::try_from(count * frame_bytes).unwrap_or_default();
        let (file, frames) = part_of(file, self.layout.data_offset + frame * frame_bytes, length).await?;
        let step = usize::try_from(frame_bytes).unwrap_or(1);
        let left: Vec<u8> = frames.chunks_exact(step).flat_map(|frame| [frame[0], frame[1]]).collect();
        // A range may begin inside a sample.
        Ok((file, left[usize::from(!at.is_multiple_of(SAMPLE_BYTES))..].to_vec()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use futures_util::TryStreamExt;

    use super::super::super::calls::wav_layout::tests::stereo_wav;
    use super::*;

    async fn sent(sound: OwnSound, path: &std::path::Path, first: u64, last: u64) -> Vec<u8> {
        let file = ContentFile::open(path, uuid::Uuid::nil(), None).unwrap();
        let parts: Vec<Bytes> = sound.bytes(file, first, last).try_collect().await.unwrap();
        parts.concat()
    }

    #[tokio::test]
    async fn the_left_channel_alone_and_any_part_of_it() {
        let frames: Vec<[i16; 2]> = (0..70_000_i32).map(|n| [(n % 30_000) as i16, -7]).collect();
        let wav = stereo_wav(&frames);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("call.wav");
        std::fs::write(&path, &wav).unwrap();
        let sound =
            OwnSound { layout: WavLayout::of(&wav).unwrap(), file_length: wav.len() as u64, both: false };
        let whole = sent(sound, &path, 0, sound.length() - 1).await;
        assert_eq!(whole.len() as u64, sound.length());
        let layout = WavLayout::of(&whole).unwrap();
        assert_eq!((layout.channels, layout.sample_rate, layout.bits), (1, 8000, 16));
        let heard = whole[44..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]));
        assert!(heard.eq(frames.iter().map(|[citizen, _]| *citizen)), "nobody else's voice");
        for (first, last) in [(0, 0), (10, 44), (44, 45), (45, 46), (60_001, 131_071), (140_043, 140_043)] {
            let part = sent(sound, &path, first, last).await;
            assert_eq!(part, whole[first as usize..=last as usize], "{first}-{last}");
        }
        assert_eq!(sound.millis(44, 44 + 15_999), [0, 1000]);
        let both = OwnSound { both: true, ..sound };
        assert_eq!((both.length(), both.is_whole()), (wav.len() as u64, true));
    }
}
