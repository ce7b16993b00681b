//! Writes one recording so that the file opens at any moment.
//!
//! Samples come in blocks of some tenths of a second and are written at once: first the samples behind the end, then the head with
//! the new sizes, so that the head never claims more than is there. What a power cut reorders, `recording_repair` sets
//! right. The digest is computed on the way, the head's part of it last: nothing is read back. What the disk refuses is
//! silence in its place and a gap; every write that fails is told to the caller, who goes on as if it had not.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::leaf_pages::Kept;
use super::recording_folder::{RecordingFileError, RecordingFolder};
use crate::digest::{Hasher, Sha256};
use crate::ids::RecordingId;
use crate::recording::{Examined, Gap, GapReason, Impairment, Marker, RecordingResult, Sealed, SecondHasher};
use crate::time::Timestamp;
use crate::wav::header::{FRAME_LEN, MAX_FRAMES};
use crate::wav::{HEADER_LEN, RecordingHeader, cue};

/// Markers of one recording; a call of an hour has some dozens of events.
const MAX_MARKERS: usize = 1000;
/// Gaps listed one by one; further ones lengthen the last.
const MAX_GAPS: usize = 1000;
/// Octets of silence digested at once.
const SILENCE: [u8; 16 * 1024] = [0; 16 * 1024];

/// An open recording.
#[derive(Debug)]
pub struct RecordingWriter {
    recording: RecordingId,
    file: File,
    path: PathBuf,
    header: RecordingHeader,
    /// Frames that are in the file.
    written: u64,
    /// Those of them that are sound, not silence for something lost.
    sound: u64,
    /// Silent frames that come next: the disk refused them, or what they stand for.
    owed_silence: u64,
    /// Of all that is written behind the head.
    digest: Hasher,
    /// Of the samples alone, second by second.
    seconds: SecondHasher,
    /// The digests of the seconds before those that `seconds` has.
    kept: Kept,
    gaps: Vec<Gap>,
    markers: Vec<Marker>,
}

impl RecordingWriter {
    /// Creates the file durably, its head written. An existing file is never touched.
    pub fn create(
        folder: &mut RecordingFolder,
        recording: RecordingId,
        path: &str,
        header: RecordingHeader,
    ) -> Result<Self, RecordingFileError> {
        let (path, file) = folder.create(path, &header)?;
        let seconds = SecondHasher::new(u64::from(header.sample_rate) * FRAME_LEN);
        Ok(Self {
            recording,
            file,
            path,
            header,
            written: 0,
            sound: 0,
            owed_silence: 0,
            digest: Hasher::default(),
            seconds,
            kept: Kept::new(folder.leaf_pages.clone()),
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
    pub fn set_start(&mut self, started_at: Timestamp) -> io::Result<()> {
        self.header.started_at = started_at;
        self.write_head(0)
    }

    /// Adds whole frames: interleaved samples, little-endian. What cannot be written becomes silence and a gap; writing
    /// goes on when the disk lets it.
    pub fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        let count = frames.len() as u64 / FRAME_LEN;
        if MAX_FRAMES.saturating_sub(self.frames()) < count {
            self.note_gap(self.frames(), count, GapReason::DiskError);
            return Ok(());
        }
        let placed = self.settle().and_then(|()| self.write_behind(frames));
        if let Err(error) = placed {
            self.note_gap(self.frames(), count, Impairment::of(&error).into());
            self.owed_silence += count;
            return Err(error);
        }
        // The next write brings the head up to date if this one fails.
        self.write_head(0)
    }

    /// Frames that never came: silence keeps the time right, the gap is listed.
    pub fn append_gap(&mut self, frames: u64, reason: GapReason) -> io::Result<()> {
        let frames_within = frames.min(MAX_FRAMES.saturating_sub(self.frames()));
        self.note_gap(self.frames(), frames, reason);
        self.owed_silence += frames_within;
        self.settle()?;
        self.write_head(0)
    }

    /// Puts the silence that is owed into its place: as a hole, which takes no room on a disk that has only just found
    /// some.
    fn settle(&mut self) -> io::Result<()> {
        if self.owed_silence == 0 {
            return Ok(());
        }
        // A failed write may have left octets here, and a hole has to be silent.
        self.file.set_len(self.end())?;
        let silent = std::mem::take(&mut self.owed_silence);
        self.written += silent;
        if let Err(error) = self.file.set_len(self.end()) {
            self.written -= silent;
            self.owed_silence = silent;
            return Err(error);
        }
        let mut left = silent * FRAME_LEN;
        while left > 0 {
            let piece = left.min(SILENCE.len() as u64);
            self.digest.update(&SILENCE[..piece as usize]);
            self.seconds.update(&SILENCE[..piece as usize]);
            left -= piece;
        }
        self.keep_leaves();
        Ok(())
    }

    /// Whole pages of digests leave the memory; what cannot be kept elsewhere stays in it.
    fn keep_leaves(&mut self) {
        while let Some(page) = self.seconds.leaves().first_chunk() {
            if self.kept.push(page).is_err() {
                break;
            }
            self.seconds.forget(page.len());
        }
    }

    /// Adds a cue point; it is written when the file is sealed.
    pub fn mark(&mut self, marker: Marker) {
        if self.markers.len() < MAX_MARKERS {
            self.markers.push(marker);
        }
    }

    fn write_behind(&mut self, frames: &[u8]) -> io::Result<()> {
        self.file.write_all_at(frames, self.end())?;
        self.digest.update(frames);
        self.seconds.update(frames);
        self.keep_leaves();
        let count = frames.len() as u64 / FRAME_LEN;
        self.written += count;
        self.sound += count;
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

    /// Completes the file: markers, sizes, sync, digest. A disk without room for the markers, which are in the journal
    /// too, still gets a file with its digest. A recording without a single sound is a failed one.
    pub fn seal(mut self) -> Sealed {
        let settled = self.settle();
        let marked = self.complete(&self.trailer());
        let failure = settled.as_ref().err().or(marked.as_ref().err());
        let cause = failure.inspect(|error| self.warn("cannot complete", error)).map(Impairment::of);
        let result = match self.sound {
            0 => RecordingResult::Failed,
            _ if cause.is_none() && self.gaps.is_empty() => RecordingResult::Ok,
            _ => RecordingResult::Degraded,
        };
        let examined = marked.or_else(|_| self.complete(&[])).ok();
        let sha256 = examined.as_ref().map(|examined| examined.sha256);
        let proof = examined.map(Examined::proof);
        let Self { recording, written, gaps, .. } = self;
        Sealed { recording, frames: written, gaps, result, sha256, proof, cause }
    }

    /// The markers, as they stand behind the samples.
    fn trailer(&self) -> Vec<u8> {
        let frames_per_ms = self.frames_per_ms();
        let points: Vec<cue::Point<'_>> = self
            .markers
            .iter()
            .map(|marker| cue::Point {
                frame: marker.offset_ms.saturating_mul(frames_per_ms),
                label: &marker.label,
            })
            .collect();
        cue::to_bytes(&points, self.written)
    }

    fn complete(&self, trailer: &[u8]) -> io::Result<Examined> {
        self.file.write_all_at(trailer, self.end())?;
        self.write_head(trailer.len() as u64)?;
        // A failed write may have left octets behind the end.
        self.file.set_len(self.end() + trailer.len() as u64)?;
        self.file.sync_all()?;
        let mut digest = self.digest.clone();
        digest.update(trailer);
        let head = self.header.to_bytes(self.written, trailer.len() as u64);
        digest.update(&head);
        let sha256 = digest.finish();
        let mut leaves = self.kept.read()?;
        leaves.extend(self.seconds.clone().finish().leaves());
        Ok(Examined {
            sha256,
            beginning: Some(sha256),
            head: Sha256::of(&head),
            length: self.end() + trailer.len() as u64,
            sample_rate: self.header.sample_rate,
            seconds: leaves.into(),
        })
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::path::Path;

    use uuid::Uuid;

    use super::*;
    use crate::recording::{Sound, proven_root};

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
        RecordingWriter::create(&mut RecordingFolder::new(folder), RECORDING, PATH, header(8000)).unwrap()
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

    /// What was digested while writing is what lies on the disk, and each second of it is proven by the root alone.
    fn assert_proven(sealed: &Sealed, path: &Path, sample_rate: u32) {
        let proof = sealed.proof.clone().unwrap();
        let sound = Sound { sample_rate, frames: sealed.frames, length: Some(proof.seal.length) };
        let examined = crate::files::examine(path, RECORDING, None, &sound).unwrap();
        assert_eq!((Some(examined.sha256), examined.beginning), (sealed.sha256, sealed.sha256));
        assert_eq!(examined.proof(), proof);
        let bytes = fs::read(path).unwrap();
        let sound = &bytes[HEADER_LEN..][..(sealed.frames * FRAME_LEN) as usize];
        for (index, second) in sound.chunks(sample_rate as usize * 4).enumerate().take(20) {
            let path = proof.seconds.proof(index).unwrap();
            let root = proven_root(second, index as u64, proof.seal.seconds, &path);
            assert_eq!(root, Some(proof.seal.root), "second {index}");
        }
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
            writer.append(&block(number)).unwrap();
            fs::copy(folder.path().join(PATH), &copy).unwrap();
            assert_eq!(read(&copy).len() as u64 / 2, writer.frames(), "block {number}");
        }
        writer.mark(Marker { offset_ms: 1500, label: "ivr.digit".into() });
        let sealed = writer.seal();
        assert_eq!((sealed.frames, sealed.result, &sealed.gaps), (17_600, RecordingResult::Ok, &vec![]));
        let samples = read(&folder.path().join(PATH));
        for (i, frame) in samples.chunks(2).enumerate() {
            assert_eq!(frame, [i as i16, -(i as i16 / 160)]);
        }
        let bytes = fs::read(folder.path().join(PATH)).unwrap();
        let (head, rest) = bytes.split_at(HEADER_LEN);
        assert_eq!(sealed.sha256, Some(Sha256::of(&[rest, head].concat())));
        assert_proven(&sealed, &folder.path().join(PATH), 8000);
        assert_eq!(sealed.proof.as_ref().map(|proof| proof.seal.seconds), Some(3));
        assert!(bytes.windows(14).any(|window| window == b"\x01\0\0\0ivr.digit\0"));
        assert_eq!(u32::from_le_bytes(*bytes[4..].first_chunk().unwrap()) as usize, bytes.len() - 8);
    }

    #[test]
    fn missing_frames_are_silence_in_their_place_and_listed() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = create(folder.path());
        writer.append(&interleaved(&[1; 160], &[2; 160])).unwrap();
        writer.append_gap(320, GapReason::RingOverflow).unwrap();
        writer.append_gap(160, GapReason::RingOverflow).unwrap();
        writer.append(&interleaved(&[3; 160], &[4; 160])).unwrap();
        let sealed = writer.seal();
        let gap = Gap { offset_ms: 20, duration_ms: 60, reason: GapReason::RingOverflow };
        assert_eq!(
            (sealed.frames, sealed.result, &sealed.gaps),
            (800, RecordingResult::Degraded, &vec![gap])
        );
        let samples = read(&folder.path().join(PATH));
        assert_eq!(samples[318..322], [1, 2, 0, 0]);
        assert_eq!(samples[1278..1282], [0, 0, 3, 4]);
    }

    #[test]
    fn a_wideband_file_keeps_its_own_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut recordings = RecordingFolder::new(folder.path());
        let mut writer = RecordingWriter::create(&mut recordings, RECORDING, PATH, header(16_000)).unwrap();
        writer.append(&interleaved(&[1; 320], &[2; 320])).unwrap();
        writer.append_gap(320, GapReason::RingOverflow).unwrap();
        writer.mark(Marker { offset_ms: 20, label: "a".into() });
        let sealed = writer.seal();
        let gap = Gap { offset_ms: 20, duration_ms: 20, reason: GapReason::RingOverflow };
        assert_proven(&sealed, &folder.path().join(PATH), 16_000);
        assert_eq!((sealed.frames, &sealed.gaps), (640, &vec![gap]));
        let bytes = fs::read(folder.path().join(PATH)).unwrap();
        let cue = bytes.windows(4).position(|window| window == b"cue ").unwrap();
        assert_eq!(bytes[cue + 32..cue + 36], 320_u32.to_le_bytes());
        let spec = hound::WavReader::open(folder.path().join(PATH)).unwrap().spec();
        assert_eq!(spec.sample_rate, 16_000);
    }

    /// A handle that every write and cut is refused on.
    fn refusing(folder: &Path) -> File {
        File::open(folder.join(PATH)).unwrap()
    }

    #[test]
    fn a_disk_that_refuses_leaves_a_gap_and_time_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = create(folder.path());
        writer.append(&interleaved(&[1; 4000], &[1; 4000])).unwrap();
        let good = std::mem::replace(&mut writer.file, refusing(folder.path()));
        assert!(writer.append(&interleaved(&[2; 4000], &[2; 4000])).is_err());
        writer.file = good;
        // The refused write had got a part of its octets down.
        writer.file.write_all_at(&[7; 4096], writer.end()).unwrap();
        writer.append(&interleaved(&[3; 4000], &[3; 4000])).unwrap();
        let sealed = writer.seal();
        assert_proven(&sealed, &folder.path().join(PATH), 8000);
        let gap = Gap { offset_ms: 500, duration_ms: 500, reason: GapReason::DiskError };
        assert_eq!(
            (sealed.frames, sealed.result, &sealed.gaps),
            (12_000, RecordingResult::Degraded, &vec![gap])
        );
        let samples = read(&folder.path().join(PATH));
        assert!(samples[..8000].iter().all(|sample| *sample == 1));
        assert!(samples[8000..16_000].iter().all(|sample| *sample == 0));
        assert!(samples[16_000..].iter().all(|sample| *sample == 3));
        assert_eq!(sealed.sha256, crate::files::recording_digest(&folder.path().join(PATH)).ok());
    }

    #[test]
    fn silence_for_what_was_lost_takes_no_room() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let mut writer = create(folder.path());
        // An hour, and then a second.
        writer.append_gap(8000 * 3600, GapReason::DiskFull).unwrap();
        writer.append(&interleaved(&[3; 8000], &[3; 8000])).unwrap();
        let sealed = writer.seal();
        assert_proven(&sealed, &folder.path().join(PATH), 8000);
        assert_eq!(sealed.proof.as_ref().map(|proof| proof.seal.seconds), Some(3601));
        let file = fs::metadata(folder.path().join(PATH)).unwrap();
        assert_eq!((sealed.frames, sealed.result), (8000 * 3601, RecordingResult::Degraded));
        assert_eq!(file.len(), HEADER_LEN as u64 + sealed.frames * FRAME_LEN);
        assert!(file.blocks() * 512 < 100_000, "{} blocks", file.blocks());
        assert_eq!(sealed.sha256, crate::files::recording_digest(&folder.path().join(PATH)).ok());
    }

    #[test]
    fn a_recording_that_cannot_be_completed_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = create(folder.path());
        writer.append(&interleaved(&[1; 160], &[1; 160])).unwrap();
        writer.file = refusing(folder.path());
        let sealed = writer.seal();
        assert_eq!((sealed.frames, sealed.result), (160, RecordingResult::Degraded));
        assert_eq!((sealed.sha256, sealed.cause), (None, Some(Impairment::DiskError)));
        assert_eq!(read(&folder.path().join(PATH)).len(), 320, "the file opens all the same");
    }

    #[test]
    fn a_recording_of_which_nothing_reached_the_disk_has_failed() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = create(folder.path());
        let good = std::mem::replace(&mut writer.file, refusing(folder.path()));
        assert!(writer.append(&interleaved(&[1; 160], &[1; 160])).is_err());
        writer.file = good;
        let sealed = writer.seal();
        assert_eq!((sealed.frames, sealed.result), (160, RecordingResult::Failed));
    }

    #[test]
    fn paths_stay_in_the_folder_and_files_are_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let mut recordings = RecordingFolder::new(folder.path());
        let mut create = |path| RecordingWriter::create(&mut recordings, RECORDING, path, header(8000));
        for path in ["", "/etc/x.wav", "../x.wav", "a/../../x.wav"] {
            assert!(matches!(create(path), Err(RecordingFileError::Path(_))), "{path}");
        }
        let writer = create("a.wav").unwrap();
        assert!(matches!(create("a.wav"), Err(RecordingFileError::Create { .. })));
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(files.collect::<Vec<_>>(), ["a.wav"], "nothing is left of what was refused");
        writer.discard();
        let empty = create("a.wav").unwrap().seal();
        assert_eq!((empty.frames, empty.result), (0, RecordingResult::Failed));
    }
}
