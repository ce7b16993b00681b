//! A writer thread: the open recordings of its share, fed with blocks and orders through one bounded queue, so that
//! the order to seal comes after the last block. Each trouble with the disk is reported: whoever watches over it decides
//! what that means for new calls.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use super::queue::{Intake, Outlet};
use super::{Report, Reporter};
use crate::files::{RecordingFolder, RecordingWriter};
use crate::ids::{ContactId, RecordingId};
use crate::recording::{GapReason, Impairment, Marker, Sealed};
use crate::time::Timestamp;
use crate::wav::RecordingHeader;

/// Recordings one thread keeps open; with more the machine is beyond its disk and its descriptors.
const MAX_OPEN: usize = 4096;

/// The better part of a second of one recording.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) recording: RecordingId,
    /// Its place; a hole before it is blocks that found the queue full.
    pub(super) first_frame: u64,
    /// Interleaved samples, little-endian, one piece behind the other.
    pub(super) pieces: Vec<Vec<u8>>,
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
    folder: RecordingFolder,
    work: Outlet<Work>,
    open: HashMap<RecordingId, RecordingWriter>,
    report: Reporter,
    /// A block in one piece; keeps its room.
    frames: Vec<u8>,
}

impl WriterThread {
    pub(super) fn new(folder: PathBuf, work: Outlet<Work>, report: Reporter) -> Self {
        Self { folder: RecordingFolder::new(folder), work, open: HashMap::new(), report, frames: Vec::new() }
    }

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
                self.with(recording, |writer| tried(writer.set_start(started_at)));
            }
            Work::Block(block) => {
                let mut frames = std::mem::take(&mut self.frames);
                frames.clear();
                block.pieces.iter().for_each(|piece| frames.extend_from_slice(piece));
                self.with(block.recording, |writer| {
                    let filled = fill_up_to(writer, block.first_frame);
                    tried(writer.append(&frames)).and(filled)
                });
                self.frames = frames;
            }
            Work::Mark { recording, marker } => self.with(recording, |writer| {
                writer.mark(marker);
                Ok(())
            }),
            Work::Ended { recording, frames } => self.with(recording, |writer| fill_up_to(writer, frames)),
            Work::Seal { recording } => {
                let sealed = self.open.remove(&recording).map(RecordingWriter::seal);
                let sealed = sealed.unwrap_or_else(|| Sealed::failed(recording));
                self.tell(sealed.cause);
                self.report.report(Report::RecordingSealed(sealed));
            }
            Work::Discard { recording } => {
                if let Some(writer) = self.open.remove(&recording) {
                    writer.discard();
                }
            }
        }
    }

    fn with(
        &mut self,
        recording: RecordingId,
        step: impl FnOnce(&mut RecordingWriter) -> Result<(), Impairment>,
    ) {
        let stepped = self.open.get_mut(&recording).map_or(Ok(()), step);
        self.tell(stepped.err());
    }

    fn tell(&self, trouble: Option<Impairment>) {
        if let Some(cause) = trouble {
            self.report.report(Report::DiskFailed(cause));
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
            RecordingWriter::create(&mut self.folder, recording, &path, header).map_err(|error| {
                let cause = error.impairment();
                tracing::warn!(recording.id = %recording, %error, "no recording file");
                self.tell(cause);
                cause.map_or_else(|| error.to_string(), |cause| cause.name().to_owned())
            })
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

fn tried(written: io::Result<()>) -> Result<(), Impairment> {
    written.map_err(|error| Impairment::of(&error))
}

/// Blocks that the queue refused are silence in their place: the disk was too slow for them.
fn fill_up_to(writer: &mut RecordingWriter, frame: u64) -> Result<(), Impairment> {
    let missing = frame.saturating_sub(writer.frames());
    if missing == 0 {
        return Ok(());
    }
    tried(writer.append_gap(missing, GapReason::RingOverflow)).and(Err(Impairment::DiskSlow))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::sync::{Arc, Mutex};
    use std::thread::JoinHandle;

    use uuid::Uuid;

    use super::super::queue;
    use super::*;
    use crate::recording::{Gap, RecordingResult};

    const TALK: RecordingId = RecordingId(Uuid::from_u128(1));
    /// Whoever makes this one waits for the disk.
    const STUCK: RecordingId = RecordingId(Uuid::from_u128(2));
    const LATER: RecordingId = RecordingId(Uuid::from_u128(3));
    const RING: usize = 4;
    const FRAMES: u64 = 160;

    /// A running writer whose disk stands from the moment `STUCK` is made until the test lets it go.
    struct Bench {
        folder: tempfile::TempDir,
        ring: Intake<Work>,
        reports: Receiver<Report>,
        let_go: SyncSender<()>,
        running: JoinHandle<()>,
    }

    impl Bench {
        fn start() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (ring, work) = queue::bounded(RING, 8);
            let (told, reports) = sync_channel(16);
            let (let_go, gate) = sync_channel(1);
            let gate = Mutex::new(gate);
            let report = Reporter(Arc::new(move |report| {
                let stands = matches!(report, Report::RecordingOpened { recording: STUCK });
                told.send(report).unwrap();
                if stands {
                    gate.lock().unwrap().recv().unwrap();
                }
            }));
            let writer = WriterThread::new(folder.path().to_owned(), work, report);
            let running = std::thread::spawn(move || writer.run());
            Self { folder, ring, reports, let_go, running }
        }

        /// Returns when the writer has come so far.
        fn open(&self, recording: RecordingId) {
            let opening = Opening {
                recording,
                contact: ContactId(recording.0),
                path: format!("{recording}.wav"),
                started_at: Timestamp::from_micros(0),
                sample_rate: 8000,
                description: String::new(),
            };
            self.ring.push_reserved(Work::Open(opening)).unwrap();
            self.until(|report| matches!(report, Report::RecordingOpened { recording: opened } if *opened == recording));
        }

        /// The reports up to the wanted one.
        fn until(&self, wanted: impl Fn(&Report) -> bool) -> Vec<Report> {
            let mut seen = Vec::new();
            while !seen.last().is_some_and(&wanted) {
                seen.push(self.reports.recv_timeout(std::time::Duration::from_secs(10)).unwrap());
            }
            seen
        }

        /// The ring took the block with this number.
        fn takes(&self, number: u64) -> bool {
            let frames = [5, 0, 6, 0].repeat(FRAMES as usize);
            let block = Block { recording: TALK, first_frame: number * FRAMES, pieces: vec![frames] };
            self.ring.push(Work::Block(block)).is_ok()
        }
    }

    #[test]
    fn a_disk_that_stands_costs_sound_but_nobody_waits_for_it() {
        let bench = Bench::start();
        bench.open(TALK);
        bench.open(STUCK);
        // The writer stands in the middle of all of this, and every block is taken or refused all the same.
        let taken: Vec<bool> = (0..10).map(|number| bench.takes(number)).collect();
        assert_eq!(taken, [[true; RING].as_slice(), &[false; 6]].concat());
        bench.let_go.send(()).unwrap();
        bench.open(LATER);
        assert!(bench.takes(10) && bench.takes(11));
        bench.ring.push_reserved(Work::Ended { recording: TALK, frames: 12 * FRAMES }).unwrap();
        bench.ring.push_reserved(Work::Seal { recording: TALK }).unwrap();
        let mut reports = bench.until(|report| matches!(report, Report::RecordingSealed(_)));
        let Some(Report::RecordingSealed(sealed)) = reports.pop() else { panic!("not sealed") };
        let gap = Gap { offset_ms: 80, duration_ms: 120, reason: GapReason::RingOverflow };
        assert_eq!((sealed.frames, sealed.result), (12 * FRAMES, RecordingResult::Degraded));
        assert_eq!(sealed.gaps, [gap]);
        assert!(
            matches!(reports[..], [Report::DiskFailed(Impairment::DiskSlow)]),
            "the slow disk is told once: {reports:?}"
        );
        let file = hound::WavReader::open(bench.folder.path().join(format!("{TALK}.wav"))).unwrap();
        let left: Vec<i16> = file.into_samples().step_by(2).map(Result::unwrap).collect();
        let loud: Vec<bool> =
            left.chunks(FRAMES as usize).map(|block| block.iter().all(|sample| *sample == 5)).collect();
        assert_eq!(loud, [[true; RING].as_slice(), &[false; 6], &[true; 2]].concat());
        drop(bench.ring);
        bench.running.join().unwrap();
    }
}
