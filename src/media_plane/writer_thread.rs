//! A writer thread: the open recordings of its share, fed with blocks and orders through one bounded queue, so that
//! the order to seal comes after the last block.

use std::collections::HashMap;
use std::path::PathBuf;

use super::queue::{Intake, Outlet};
use super::{Report, Reporter};
use crate::files::RecordingWriter;
use crate::ids::{ContactId, RecordingId};
use crate::recording::{GapReason, Marker, Sealed};
use crate::time::Timestamp;
use crate::wav::RecordingHeader;

/// Recordings one thread keeps open; with more the machine is beyond its disk and its descriptors.
const MAX_OPEN: usize = 4096;

/// About a second of one recording.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) recording: RecordingId,
    /// Its place; a hole before it is blocks that found the queue full.
    pub(super) first_frame: u64,
    /// Interleaved samples, little-endian.
    pub(super) frames: Vec<u8>,
}

/// What a file is created with.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) recording: RecordingId,
    pub(super) contact: ContactId,
    pub(super) path: String,
    pub(super) started_at: Timestamp,
    pub(super) sample_rate: u32,
    pub(super) description: String,
}

#[derive(Debug)]
pub(super) enum Work {
    Open(Opening),
    Start {
        recording: RecordingId,
        started_at: Timestamp,
    },
    Block(Block),
    Mark {
        recording: RecordingId,
        marker: Marker,
    },
    /// The media side is done; `frames` is the true length.
    Ended {
        recording: RecordingId,
        frames: u64,
    },
    Seal {
        recording: RecordingId,
    },
    Discard {
        recording: RecordingId,
    },
}

/// The writer that has a recording.
pub(super) fn writer_of(writers: &[Intake<Work>], recording: RecordingId) -> &Intake<Work> {
    &writers[(recording.0.as_u128() % writers.len() as u128) as usize]
}

/// One writer thread.
pub(super) struct WriterThread {
    pub(super) folder: PathBuf,
    pub(super) work: Outlet<Work>,
    pub(super) open: HashMap<RecordingId, RecordingWriter>,
    pub(super) report: Reporter,
}

impl WriterThread {
    /// Works until every sending end is gone; what is open then stays whole and unsealed, as after a crash.
    pub(super) fn run(mut self) {
        while let Some(work) = self.work.pop() {
            self.handle(work);
        }
    }

    fn handle(&mut self, work: Work) {
        match work {
            Work::Open(opening) => self.create(opening),
            Work::Start { recording, started_at } => {
                self.with(recording, |writer| writer.set_start(started_at));
            }
            Work::Block(block) => self.with(block.recording, |writer| {
                fill_up_to(writer, block.first_frame);
                writer.append(&block.frames);
            }),
            Work::Mark { recording, marker } => self.with(recording, |writer| writer.mark(marker)),
            Work::Ended { recording, frames } => self.with(recording, |writer| fill_up_to(writer, frames)),
            Work::Seal { recording } => {
                let sealed = self.open.remove(&recording).map(RecordingWriter::seal);
                let sealed = sealed.unwrap_or_else(|| Sealed::failed(recording));
                self.report.report(Report::RecordingSealed(sealed));
            }
            Work::Discard { recording } => {
                if let Some(writer) = self.open.remove(&recording) {
                    writer.discard();
                }
            }
        }
    }

    fn with(&mut self, recording: RecordingId, step: impl FnOnce(&mut RecordingWriter)) {
        if let Some(writer) = self.open.get_mut(&recording) {
            step(writer);
        }
    }

    fn create(&mut self, opening: Opening) {
        let Opening { recording, contact, path, started_at, sample_rate, description } = opening;
        let created = if self.open.len() >= MAX_OPEN {
            Err(format!("{MAX_OPEN} recordings are open"))
        } else if self.open.contains_key(&recording) {
            Err("is open already".to_owned())
        } else {
            let reference = contact.0.simple().to_string();
            let header = RecordingHeader { started_at, sample_rate, description, reference };
            RecordingWriter::create(&self.folder, recording, &path, header).map_err(|error| error.to_string())
        };
        self.report.report(match created {
            Ok(writer) => {
                self.open.insert(recording, writer);
                Report::RecordingOpened { recording }
            }
            Err(error) => Report::RecordingOpenFailed { recording, error },
        });
    }
}

/// Blocks that the queue refused are silence in their place.
fn fill_up_to(writer: &mut RecordingWriter, frame: u64) {
    let missing = frame.saturating_sub(writer.frames());
    if missing > 0 {
        writer.append_gap(missing, GapReason::RingOverflow);
    }
}
