//! The recording of a contact: its states, gaps and result; and, in `recorder`, whether there can be one.
//! The bytes are `wav/` and `files/`.

mod recorder;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::ids::{ContactId, RecordingId};
use crate::time::Timestamp;

pub use recorder::{CALM, Health, Impairment, Keeping, Recorder, WhenUnable};

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
            cause: None,
        }
    }
}
