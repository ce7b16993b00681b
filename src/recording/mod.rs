//! The recording of a contact: its states, gaps and result; and, in `recorder`, whether there can be one.
//! The bytes are `wav/` and `files/`.

mod recorder;
mod seconds;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::ids::{ContactId, RecordingId};
use crate::time::Timestamp;

pub use recorder::{CALM, Health, Impairment, Keeping, Recorder, WhenUnable};
pub use seconds::{Seal, SecondHasher, Seconds, proven_root};

/// A segment of a contact: one stereo WAV file, left the citizen, right the city.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Recording {
    pub id: RecordingId,
    pub contact: ContactId,
    /// Relative to the recording folder, `2026/11/21/<contact-id>.wav`.
    pub path: String,
    pub state: RecordingState,
    pub started_at: Timestamp,
    /// Hz.
    pub sample_rate: u32,
    /// Samples per channel; final once sealed.
    pub frames: u64,
    pub gaps: Vec<Gap>,
    pub result: Option<RecordingResult>,
    /// SHA-256 of the whole sealed file.
    pub sha256: Option<Sha256>,
    /// Its seconds, on their way into the store, which keeps them apart: a row that was read has none.
    #[serde(skip)]
    pub proof: Option<Proof>,
}

/// What is sealed of a file's sound, and the digests behind it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    pub seal: Seal,
    pub seconds: Seconds,
}

/// The sound a file should have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sound {
    /// Hz.
    pub sample_rate: u32,
    /// Samples per channel.
    pub frames: u64,
    /// Octets of the whole file when it was sealed, where that is known.
    pub length: Option<u64>,
}

/// A recording's file as it lies on the disk now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Examined {
    /// Of the whole file, as [`Recording::sha256`].
    pub sha256: Sha256,
    /// The same of as many octets as were sealed; none of a file that is shorter, or where that is not known.
    pub beginning: Option<Sha256>,
    /// SHA-256 of the head.
    pub head: Sha256,
    /// Octets.
    pub length: u64,
    /// Hz, as was asked for.
    pub sample_rate: u32,
    /// Of the sound that should be there, as far as it is.
    pub seconds: Seconds,
}

impl Examined {
    /// What a recording is sealed with.
    pub fn proof(self) -> Proof {
        let seconds = self.seconds.leaves().len() as u64;
        let root = self.seconds.root();
        let Self { sample_rate, head, length, .. } = self;
        Proof { seal: Seal { seconds, sample_rate, root, head, length }, seconds: self.seconds }
    }
}

/// Where the files of calls offered at `at` lie, relative to the recording folder: `2026/11/21`, the day in UTC.
pub fn day_folder(at: Timestamp) -> String {
    at.utc().format("%Y/%m/%d").to_string()
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    Capturing,
    Sealed,
    /// Its file was destroyed, by an erasure that the journal tells of.
    Erased,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingResult {
    Ok,
    /// Complete but for the listed gaps.
    Degraded,
    /// No usable file.
    Failed,
    /// The call was never answered: there was nothing to record.
    Discarded,
}

impl RecordingResult {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Discarded => "discarded",
        }
    }
}

/// Samples that are silence because the original did not reach the disk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gap {
    pub offset_ms: u64,
    pub duration_ms: u64,
    pub reason: GapReason,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The ring to the writer thread was full.
    RingOverflow,
    DiskFull,
    DiskError,
    /// The program died; what was not yet written is missing at the end.
    Crash,
}

impl GapReason {
    pub const fn name(self) -> &'static str {
        match self {
            Self::RingOverflow => "ring_overflow",
            Self::DiskFull => "disk_full",
            Self::DiskError => "disk_error",
            Self::Crash => "crash",
        }
    }
}

/// A moment inside the recording that gets a cue point and an `adtl` label.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Marker {
    pub offset_ms: u64,
    /// ASCII label, e.g. `ivr.digit`, `contact.answered`.
    pub label: String,
}

/// What the disk side reports when a file is closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    pub recording: RecordingId,
    pub frames: u64,
    pub gaps: Vec<Gap>,
    pub result: RecordingResult,
    pub sha256: Option<Sha256>,
    /// There with the digest.
    pub proof: Option<Proof>,
    /// Why the file could not be completed.
    pub cause: Option<Impairment>,
}

impl Sealed {
    /// There is no file that could be used.
    pub fn failed(recording: RecordingId) -> Self {
        Self {
            recording,
            frames: 0,
            gaps: Vec::new(),
            result: RecordingResult::Failed,
            sha256: None,
            proof: None,
            cause: None,
        }
    }
}
