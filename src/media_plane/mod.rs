//! The media threads: UDP sockets, a 20 ms tick and an [`Exchange`](crate::media::Exchange) each; recording
//! blocks go to writer threads through bounded rings.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::ids::{ContactId, RecordingId};
use crate::media;
use crate::recording::{Marker, Sealed};
use crate::time::Timestamp;

#[derive(Clone, Debug)]
pub struct MediaPlaneSettings {
    /// Where RTP sockets are bound, and the address written into SDP unless `advertised` is set.
    pub bind: IpAddr,
    pub ports: RangeInclusive<u16>,
    pub threads: usize,
    pub recording_dir: PathBuf,
}

/// What the signalling side tells the plane.
#[derive(Debug)]
pub enum Order {
    Media(media::Command),
    /// Creates the file durably (folder and file synced, header valid) and answers [`Report::RecordingOpened`].
    OpenRecording {
        recording: RecordingId,
        contact: ContactId,
        path: String,
        started_at: Timestamp,
        description: String,
    },
    /// Sets the start time of a file that was opened before the answer (rewrites `bext`).
    StartRecording {
        recording: RecordingId,
        started_at: Timestamp,
    },
    /// Adds a cue point.
    Mark {
        recording: RecordingId,
        marker: Marker,
    },
    /// After the last block: markers, sizes and digest, synced; answers [`Report::RecordingSealed`].
    SealRecording {
        recording: RecordingId,
    },
    /// The call was never answered: remove the empty file.
    DiscardRecording {
        recording: RecordingId,
    },
}

/// What the plane reports.
#[derive(Debug)]
pub enum Report {
    Media(media::Event),
    RecordingOpened { recording: RecordingId },
    RecordingOpenFailed { recording: RecordingId, error: String },
    RecordingSealed(Sealed),
}

/// The running media plane.
#[derive(Debug)]
pub struct MediaPlane {}

impl MediaPlane {
    /// Starts the threads. `report` is called from them and must not block.
    pub fn start(
        _settings: MediaPlaneSettings,
        _report: impl Fn(Report) + Send + Sync + Clone + 'static,
    ) -> std::io::Result<Self> {
        todo!()
    }

    /// Never blocks; the queue is bounded and an overflow is answered by the matching failure report.
    pub fn order(&self, _order: Order) {
        todo!()
    }

    /// RTP ports in use, for metrics and the leak test.
    pub fn ports_in_use(&self) -> usize {
        todo!()
    }
}
