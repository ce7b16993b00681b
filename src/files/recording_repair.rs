//! Sets right what a crash left of a recording: whole frames, true sizes. A sealed file is not touched; repairing
//! twice changes nothing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::recording_digest::examine_content;
use crate::digest::Sha256;
use crate::recording::{Proof, Sound};
use crate::time::Timestamp;
use crate::wav::chunks::{SEARCHED_LEN, is_whole_trailer};
use crate::wav::header::{FRAME_LEN, MAX_FRAMES, SAMPLE_RATES};
use crate::wav::{HEADER_LEN, Layout, RecordingHeader, Unreadable};

/// Octets behind the samples that can be markers; more is samples. [`cue`](crate::wav::cue) writes far less.
const MAX_TRAILER: u64 = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path}: {source}")]
    NotWave { path: PathBuf, source: Unreadable },
    #[error("{path}: not a recording of this program (16-bit stereo PCM at 8 or 16 kHz)")]
    OtherFormat { path: PathBuf },
}

/// What is left of a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repaired {
    /// Samples per channel.
    pub frames: u64,
    /// SHA-256 of the whole file as it is now.
    pub sha256: Sha256,
    /// Its seconds as they are now; none for a head of another length than ours.
    pub proof: Option<Proof>,
    /// False when the file was whole already.
    pub changed: bool,
}

/// What has to be done to a file.
struct Plan {
    data_len: u64,
    trailer_len: u64,
    /// Where the `data` chunk's samples begin.
    data_start: u64,
    changed: bool,
}

/// Repairs the file in place and syncs it.
pub fn repair(path: &Path) -> Result<Repaired, RepairError> {
    let io_error = |source| RepairError::Io { path: path.to_owned(), source };
    let mut file = File::options().read(true).write(true).open(path).map_err(io_error)?;
    let len = file.metadata().map_err(io_error)?.len();
    let mut beginning = Vec::new();
    (&file).take(SEARCHED_LEN as u64).read_to_end(&mut beginning).map_err(io_error)?;
    let mut sample_rate = SAMPLE_RATES[0];
    let plan = match Layout::read(&beginning) {
        Ok(layout) if !is_ours(&layout) => return Err(RepairError::OtherFormat { path: path.to_owned() }),
        Ok(layout) => {
            sample_rate = layout.sample_rate;
            plan(&mut file, &layout, len).map_err(io_error)?
        }
        Err(_) if is_cut_head(&beginning) => {
            write_empty(&file).map_err(io_error)?;
            Plan { data_len: 0, trailer_len: 0, data_start: HEADER_LEN as u64, changed: true }
        }
        Err(source) => return Err(RepairError::NotWave { path: path.to_owned(), source }),
    };
    if plan.changed {
        carry_out(&file, &plan).map_err(io_error)?;
    }
    let frames = plan.data_len / FRAME_LEN;
    let examined =
        examine_content(&mut file, &Sound { sample_rate, frames, length: None }).map_err(io_error)?;
    let sha256 = examined.sha256;
    let proof = (plan.data_start == HEADER_LEN as u64).then(|| examined.proof());
    Ok(Repaired { frames, sha256, proof, changed: plan.changed })
}

fn is_ours(layout: &Layout) -> bool {
    (layout.format, layout.channels, layout.bits_per_sample) == (1, 2, 16)
        && SAMPLE_RATES.contains(&layout.sample_rate)
}

/// Creation was cut short: nothing was recorded, the beginning of a head at most.
fn is_cut_head(beginning: &[u8]) -> bool {
    let zeros = beginning.iter().all(|octet| *octet == 0);
    beginning.len() < HEADER_LEN
        && (zeros || beginning.starts_with(b"RIFF") || b"RIFF".starts_with(beginning))
}

fn write_empty(file: &File) -> io::Result<()> {
    let header = RecordingHeader {
        started_at: Timestamp::from_micros(0),
        sample_rate: SAMPLE_RATES[0],
        description: "repaired: nothing was recorded".into(),
        reference: String::new(),
    };
    file.write_all_at(&header.to_bytes(0, 0), 0)
}

/// Decides where the samples end. Behind the claimed end there may be samples that the head does not count yet, or
/// markers that were just being written.
fn plan(file: &mut File, layout: &Layout, len: u64) -> io::Result<Plan> {
    let available = len.saturating_sub(layout.data_start).min(MAX_FRAMES * FRAME_LEN);
    let claimed = u64::from(layout.data_len);
    let whole = Plan { data_len: claimed, trailer_len: 0, data_start: layout.data_start, changed: false };
    if claimed <= available && claimed.is_multiple_of(FRAME_LEN) {
        if layout.file_len == len {
            return Ok(whole);
        }
        let behind = len - layout.data_start - claimed;
        let trailer = read_trailer(file, layout.data_start + claimed, behind)?;
        if is_whole_trailer(&trailer) {
            return Ok(Plan { trailer_len: behind, changed: true, ..whole });
        }
        if trailer.starts_with(b"cue ") {
            return Ok(Plan { changed: true, ..whole });
        }
    }
    Ok(Plan { data_len: available - available % FRAME_LEN, changed: true, ..whole })
}

fn read_trailer(file: &mut File, at: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut trailer = Vec::new();
    if len <= MAX_TRAILER {
        file.seek(SeekFrom::Start(at))?;
        file.take(len).read_to_end(&mut trailer)?;
    }
    Ok(trailer)
}

fn carry_out(file: &File, plan: &Plan) -> io::Result<()> {
    let end = plan.data_start + plan.data_len + plan.trailer_len;
    // Both fit: `data_len` is at most MAX_FRAMES, head and trailer are below 2 MiB together.
    file.write_all_at(&(plan.data_len as u32).to_le_bytes(), plan.data_start - 4)?;
    file.write_all_at(&((end - 8) as u32).to_le_bytes(), 4)?;
    file.set_len(end)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::fs;

    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};
    use uuid::Uuid;

    use super::*;
    use crate::files::{RecordingFolder, RecordingWriter};
    use crate::ids::RecordingId;
    use crate::recording::Marker;

    /// A sealed recording of 20,000 frames with one marker, and its bytes.
    fn sealed(folder: &Path) -> (PathBuf, Vec<u8>) {
        let header = RecordingHeader {
            started_at: Timestamp::from_micros(0),
            sample_rate: 8000,
            description: "test".into(),
            reference: "a contact".into(),
        };
        let recording = RecordingId(Uuid::from_u128(1));
        let mut writer =
            RecordingWriter::create(&mut RecordingFolder::new(folder), recording, "a.wav", header).unwrap();
        for number in 1..=125_i16 {
            writer.append(&[number.to_le_bytes(), (-number).to_le_bytes()].concat().repeat(160)).unwrap();
        }
        writer.mark(Marker { offset_ms: 100, label: "ivr.digit".into() });
        let sealed = writer.seal();
        let path = folder.join("a.wav");
        assert_eq!(repair(&path).unwrap().proof, sealed.proof, "found again, it has the same seconds");
        let bytes = fs::read(&path).unwrap();
        (path, bytes)
    }

    fn assert_whole(path: &Path, frames: u64, what: &str) {
        let mut reader = hound::WavReader::open(path).unwrap();
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert_eq!(samples.len() as u64, 2 * frames, "{what}");
        for (i, frame) in samples.chunks(2).enumerate() {
            let number = (i / 160) as i16 + 1;
            assert_eq!(frame, [number, -number], "{what}: frame {i}");
        }
        let bytes = fs::read(path).unwrap();
        let claimed = u32::from_le_bytes(*bytes[4..].first_chunk().unwrap()) as usize;
        assert_eq!(claimed + 8, bytes.len(), "{what}");
    }

    #[test]
    fn a_sealed_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, bytes) = sealed(folder.path());
        let repaired = repair(&path).unwrap();
        assert_eq!((repaired.frames, repaired.changed), (20_000, false));
        let (head, rest) = bytes.split_at(HEADER_LEN);
        assert_eq!(repaired.sha256, Sha256::of(&[rest, head].concat()));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn any_cut_is_repaired_to_the_whole_frames_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, bytes) = sealed(folder.path());
        let samples_end = HEADER_LEN + 80_000;
        let seed = 5;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut cuts: Vec<usize> = (0..200).map(|_| rng.random_range(0..bytes.len())).collect();
        cuts.extend([0, 1, 3, 4, HEADER_LEN - 1, HEADER_LEN, HEADER_LEN + 3, samples_end, bytes.len() - 1]);
        for cut in cuts {
            fs::write(&path, &bytes[..cut]).unwrap();
            let repaired = repair(&path).unwrap();
            let frames = (cut.saturating_sub(HEADER_LEN) / 4).min(20_000) as u64;
            assert_eq!(repaired.frames, frames, "seed {seed}, cut at {cut}");
            assert_whole(&path, frames, &format!("cut at {cut}"));
            let seconds = repaired.proof.as_ref().map(|proof| proof.seal.seconds);
            assert_eq!(seconds, Some(frames.div_ceil(8000)), "cut at {cut}");
            let again = repair(&path).unwrap();
            assert_eq!(again, Repaired { changed: false, ..repaired }, "cut at {cut}");
        }
    }

    #[test]
    fn frames_and_markers_that_the_head_does_not_count_yet_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut bytes) = sealed(folder.path());
        let whole = bytes.clone();
        let samples_end = HEADER_LEN + 80_000;
        // Killed between the markers and the head.
        bytes[4..8].copy_from_slice(&(samples_end as u32 - 8).to_le_bytes());
        fs::write(&path, &bytes).unwrap();
        assert_eq!(repair(&path).unwrap().frames, 20_000);
        assert_eq!(fs::read(&path).unwrap(), whole);
        // Killed between the last samples and the head.
        bytes[4..8].copy_from_slice(&(samples_end as u32 - 8 - 8000).to_le_bytes());
        bytes[HEADER_LEN - 4..HEADER_LEN].copy_from_slice(&72_000_u32.to_le_bytes());
        bytes.truncate(samples_end - 2);
        fs::write(&path, &bytes).unwrap();
        assert_eq!(repair(&path).unwrap().frames, 19_999);
        assert_whole(&path, 19_999, "uncounted samples");
    }

    #[test]
    fn other_files_are_refused_and_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other");
        fs::write(&path, "not a recording at all").unwrap();
        assert!(matches!(repair(&path), Err(RepairError::NotWave { .. })));
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        hound::WavWriter::create(&path, spec).unwrap().finalize().unwrap();
        assert!(matches!(repair(&path), Err(RepairError::OtherFormat { .. })));
        assert!(matches!(repair(&folder.path().join("none")), Err(RepairError::Io { .. })));
    }
}
