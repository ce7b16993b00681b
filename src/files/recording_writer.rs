//! Writes one recording so that the file opens at any moment.
//!
//! Samples come in blocks of a second and are written at once: first the samples behind the end, then the head with
//! the new sizes, so that the head never claims more than is there. What a power cut reorders, `recording_repair` sets
//! right. The digest is computed on the way, the head's part of it last: nothing is read back.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

use crate::digest::{Hasher, Sha256};
use crate::ids::RecordingId;
use crate::recording::{Gap, GapReason, Marker, RecordingResult, Sealed};
use crate::time::Timestamp;
use crate::wav::header::{FRAME_LEN, MAX_FRAMES};
use crate::wav::{HEADER_LEN, RecordingHeader, cue};

/// Markers of one recording; a call of an hour has some dozens of events.
const MAX_MARKERS: usize = 1000;
/// Gaps listed one by one; further ones lengthen the last.
const MAX_GAPS: usize = 1000;
/// Octets of silence written at once.
const SILENCE: [u8; 16 * 1024] = [0; 16 * 1024];

#[derive(Debug, thiserror::Error)]
pub enum RecordingFileError {
    #[error("recording path {0:?} leaves the recording folder")]
    Path(String),
    #[error("cannot create {path}: {source}")]
    Create { path: PathBuf, source: io::Error },
}

/// An open recording.
#[derive(Debug)]
pub struct RecordingWriter {
    recording: RecordingId,
    file: File,
    path: PathBuf,
    header: RecordingHeader,
    /// Frames that are in the file.
    written: u64,
    /// Silent frames that come next: the disk refused them, or what they stand for.
    owed_silence: u64,
    /// Of all that is written behind the head.
    digest: Hasher,
    gaps: Vec<Gap>,
    markers: Vec<Marker>,
}

impl RecordingWriter {
    /// Creates the file durably: head written, file and folders synced. An existing file is never touched.
    pub fn create(
        folder: &Path,
        recording: RecordingId,
        path: &str,
        header: RecordingHeader,
    ) -> Result<Self, RecordingFileError> {
        let path = path_within(folder, path)?;
        let file = create_durably(folder, &path, &header)
            .map_err(|source| RecordingFileError::Create { path: path.clone(), source })?;
        Ok(Self {
            recording,
            file,
            path,
            header,
            written: 0,
            owed_silence: 0,
            digest: Hasher::default(),
            gaps: Vec::new(),
            markers: Vec::new(),
        })
    }

    fn frames_per_ms(&self) -> u64 {
        u64::from(self.header.sample_rate / 1000).max(1)
    }

    /// Frames so far, written or not: the time on the recording.
    pub fn frames(&self) -> u64 {
        self.written + self.owed_silence
    }

    /// Sets the moment of the first frame.
    pub fn set_start(&mut self, started_at: Timestamp) {
        self.header.started_at = started_at;
        if let Err(error) = self.write_head(0) {
            self.warn("cannot write the start time", &error);
        }
    }

    /// Adds whole frames: interleaved samples, little-endian. What cannot be written becomes silence and a gap; writing
    /// goes on when the disk lets it.
    pub fn append(&mut self, frames: &[u8]) {
        let count = frames.len() as u64 / FRAME_LEN;
        if MAX_FRAMES.saturating_sub(self.frames()) < count {
            self.note_gap(self.frames(), count, GapReason::DiskError);
            return;
        }
        if let Err(error) = self.write(frames) {
            self.warn("cannot write", &error);
            self.note_gap(self.frames(), count, GapReason::DiskError);
            self.owed_silence += count;
        }
    }

    /// Frames that never came: silence keeps the time right, the gap is listed.
    pub fn append_gap(&mut self, frames: u64, reason: GapReason) {
        let frames_within = frames.min(MAX_FRAMES.saturating_sub(self.frames()));
        self.note_gap(self.frames(), frames, reason);
        self.owed_silence += frames_within;
        self.settle();
    }

    /// Writes the silence that is owed, if the disk lets it.
    fn settle(&mut self) {
        if self.owed_silence > 0
            && let Err(error) = self.write(&[])
        {
            self.warn("cannot write", &error);
        }
    }

    /// Adds a cue point; it is written when the file is sealed.
    pub fn mark(&mut self, marker: Marker) {
        if self.markers.len() < MAX_MARKERS {
            self.markers.push(marker);
        }
    }

    fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        while self.owed_silence > 0 {
            let silent = self.owed_silence.min(SILENCE.len() as u64 / FRAME_LEN);
            self.write_behind(&SILENCE[..(silent * FRAME_LEN) as usize])?;
            self.owed_silence -= silent;
        }
        self.write_behind(frames)?;
        // The next write brings the head up to date.
        if let Err(error) = self.write_head(0) {
            self.warn("cannot write the head", &error);
        }
        Ok(())
    }

    fn write_behind(&mut self, frames: &[u8]) -> io::Result<()> {
        self.file.write_all_at(frames, self.end())?;
        self.digest.update(frames);
        self.written += frames.len() as u64 / FRAME_LEN;
        Ok(())
    }

    fn write_head(&self, trailer_len: u64) -> io::Result<()> {
        self.file.write_all_at(&self.header.to_bytes(self.written, trailer_len), 0)
    }

    /// Where the next frame goes.
    fn end(&self) -> u64 {
        HEADER_LEN as u64 + self.written * FRAME_LEN
    }

    fn note_gap(&mut self, at_frame: u64, frames: u64, reason: GapReason) {
        let (offset_ms, duration_ms) =
            (at_frame / self.frames_per_ms(), frames.div_ceil(self.frames_per_ms()));
        if duration_ms == 0 {
            return;
        }
        let full = self.gaps.len() >= MAX_GAPS;
        match self.gaps.last_mut() {
            Some(last) if full || last.reason == reason && last.offset_ms + last.duration_ms >= offset_ms => {
                last.duration_ms =
                    (offset_ms + duration_ms).saturating_sub(last.offset_ms).max(last.duration_ms);
            }
            _ => self.gaps.push(Gap { offset_ms, duration_ms, reason }),
        }
    }

    /// Completes the file: markers, sizes, sync, digest. A recording without a single frame is a failed one.
    pub fn seal(mut self) -> Sealed {
        self.settle();
        let sha256 = match self.complete() {
            Ok(sha256) => Some(sha256),
            Err(error) => {
                self.warn("cannot complete", &error);
                None
            }
        };
        let result = match (self.written, &sha256) {
            (0, _) => RecordingResult::Failed,
            (_, Some(_)) if self.gaps.is_empty() && self.owed_silence == 0 => RecordingResult::Ok,
            _ => RecordingResult::Degraded,
        };
        Sealed { recording: self.recording, frames: self.written, gaps: self.gaps, result, sha256 }
    }

    fn complete(&mut self) -> io::Result<Sha256> {
        let frames_per_ms = self.frames_per_ms();
        let point = |marker: &'_ Marker| marker.offset_ms.saturating_mul(frames_per_ms);
        let points: Vec<cue::Point<'_>> = self
            .markers
            .iter()
            .map(|marker| cue::Point { frame: point(marker), label: &marker.label })
            .collect();
        let trailer = cue::to_bytes(&points, self.written);
        self.file.write_all_at(&trailer, self.end())?;
        self.write_head(trailer.len() as u64)?;
        // A failed write may have left octets behind the end.
        self.file.set_len(self.end() + trailer.len() as u64)?;
        self.file.sync_all()?;
        let mut digest = std::mem::take(&mut self.digest);
        digest.update(&trailer);
        digest.update(&self.header.to_bytes(self.written, trailer.len() as u64));
        Ok(digest.finish())
    }

    /// Removes the file of a call that was never answered.
    pub fn discard(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            self.warn("cannot remove", &error);
        }
    }

    fn warn(&self, what: &'static str, error: &io::Error) {
        tracing::warn!(recording.id = %self.recording, path = %self.path.display(), %error, "{what}");
    }
}

/// Only plain names below the folder: the path comes from the database.
fn path_within(folder: &Path, path: &str) -> Result<PathBuf, RecordingFileError> {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || !plain {
        return Err(RecordingFileError::Path(path.to_owned()));
    }
    Ok(folder.join(path))
}

fn create_durably(folder: &Path, path: &Path, header: &RecordingHeader) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let file = File::options().read(true).write(true).create_new(true).open(path)?;
    file.write_all_at(&header.to_bytes(0, 0), 0)?;
    file.sync_all()?;
    // The name is durable once every folder on the way is.
    for ancestor in path.ancestors().skip(1).take_while(|ancestor| ancestor.starts_with(folder)) {
        File::open(ancestor)?.sync_all()?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use uuid::Uuid;

    use super::*;

    const RECORDING: RecordingId = RecordingId(Uuid::from_u128(1));
    const PATH: &str = "2026/11/21/contact.wav";

    fn header(sample_rate: u32) -> RecordingHeader {
        RecordingHeader {
            started_at: Timestamp::from_micros(0),
            sample_rate,
            description: "test".into(),
            reference: "a contact".into(),
        }
    }

    fn create(folder: &Path) -> RecordingWriter {
        RecordingWriter::create(folder, RECORDING, PATH, header(8000)).unwrap()
    }

    fn read(path: &Path) -> Vec<i16> {
        hound::WavReader::open(path).unwrap().samples::<i16>().map(Result::unwrap).collect()
    }

    fn interleaved(left: &[i16], right: &[i16]) -> Vec<u8> {
        left.iter()
            .zip(right)
            .flat_map(|(left, right)| [left.to_le_bytes(), right.to_le_bytes()].concat())
            .collect()
    }

    fn block(number: i16) -> Vec<u8> {
        interleaved(&std::array::from_fn::<i16, 160, _>(|i| number * 160 + i as i16), &[-number; 160])
    }

    #[test]
    fn the_file_opens_at_every_moment_and_lacks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.wav");
        let mut writer = create(folder.path());
        for number in 0..110_i16 {
            writer.append(&block(number));
            fs::copy(folder.path().join(PATH), &copy).unwrap();
            assert_eq!(read(&copy).len() as u64 / 2, writer.frames(), "block {number}");
        }
        writer.mark(Marker { offset_ms: 1500, label: "ivr.digit".into() });
        let sealed = writer.seal();
        assert_eq!((sealed.frames, sealed.result, sealed.gaps), (17_600, RecordingResult::Ok, vec![]));
        let samples = read(&folder.path().join(PATH));
        for (i, frame) in samples.chunks(2).enumerate() {
            assert_eq!(frame, [i as i16, -(i as i16 / 160)]);
        }
        let bytes = fs::read(folder.path().join(PATH)).unwrap();
        let (head, rest) = bytes.split_at(HEADER_LEN);
        assert_eq!(sealed.sha256, Some(Sha256::of(&[rest, head].concat())));
        assert_eq!(sealed.sha256, crate::files::recording_digest(&folder.path().join(PATH)).ok());
        assert!(bytes.windows(14).any(|window| window == b"\x01\0\0\0ivr.digit\0"));
        assert_eq!(u32::from_le_bytes(*bytes[4..].first_chunk().unwrap()) as usize, bytes.len() - 8);
    }

    #[test]
    fn missing_frames_are_silence_in_their_place_and_listed() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = create(folder.path());
        writer.append(&interleaved(&[1; 160], &[2; 160]));
        writer.append_gap(320, GapReason::RingOverflow);
        writer.append_gap(160, GapReason::RingOverflow);
        writer.append(&interleaved(&[3; 160], &[4; 160]));
        let sealed = writer.seal();
        let gap = Gap { offset_ms: 20, duration_ms: 60, reason: GapReason::RingOverflow };
        assert_eq!((sealed.frames, sealed.result, sealed.gaps), (800, RecordingResult::Degraded, vec![gap]));
        let samples = read(&folder.path().join(PATH));
        assert_eq!(samples[318..322], [1, 2, 0, 0]);
        assert_eq!(samples[1278..1282], [0, 0, 3, 4]);
    }

    #[test]
    fn a_wideband_file_keeps_its_own_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = RecordingWriter::create(folder.path(), RECORDING, PATH, header(16_000)).unwrap();
        writer.append(&interleaved(&[1; 320], &[2; 320]));
        writer.append_gap(320, GapReason::RingOverflow);
        writer.mark(Marker { offset_ms: 20, label: "a".into() });
        let sealed = writer.seal();
        let gap = Gap { offset_ms: 20, duration_ms: 20, reason: GapReason::RingOverflow };
        assert_eq!((sealed.frames, sealed.gaps), (640, vec![gap]));
        let bytes = fs::read(folder.path().join(PATH)).unwrap();
        let cue = bytes.windows(4).position(|window| window == b"cue ").unwrap();
        assert_eq!(bytes[cue + 32..cue + 36], 320_u32.to_le_bytes());
        let spec = hound::WavReader::open(folder.path().join(PATH)).unwrap().spec();
        assert_eq!(spec.sample_rate, 16_000);
    }

    #[test]
    fn a_disk_that_refuses_leaves_a_gap_and_time_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = create(folder.path());
        writer.append(&interleaved(&[1; 4000], &[1; 4000]));
        let good = std::mem::replace(&mut writer.file, File::open(folder.path().join(PATH)).unwrap());
        writer.append(&interleaved(&[2; 4000], &[2; 4000]));
        writer.file = good;
        writer.append(&interleaved(&[3; 4000], &[3; 4000]));
        let sealed = writer.seal();
        let gap = Gap { offset_ms: 500, duration_ms: 500, reason: GapReason::DiskError };
        assert_eq!((sealed.frames, sealed.gaps), (12_000, vec![gap]));
        let samples = read(&folder.path().join(PATH));
        assert_eq!([samples[7999], samples[8000], samples[15_999], samples[16_000]], [1, 0, 0, 3]);
    }

    #[test]
    fn paths_stay_in_the_folder_and_files_are_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let create = |path| RecordingWriter::create(folder.path(), RECORDING, path, header(8000));
        for path in ["", "/etc/x.wav", "../x.wav", "a/../../x.wav"] {
            assert!(matches!(create(path), Err(RecordingFileError::Path(_))), "{path}");
        }
        let writer = create("a.wav").unwrap();
        assert!(matches!(create("a.wav"), Err(RecordingFileError::Create { .. })));
        writer.discard();
        let empty = create("a.wav").unwrap().seal();
        assert_eq!((empty.frames, empty.result), (0, RecordingResult::Failed));
    }
}
