//! The media threads: UDP sockets and [`Exchange`](crate::media::Exchange)s, every call in one of them, whose turn comes
//! each 20 ms; recording blocks go to writer threads through bounded rings.

mod batch;
mod collector;
mod fronts;
mod homes;
mod media_thread;
mod ports;
mod punctuality;
mod quarter;
mod queue;
pub mod secure;
#[cfg(test)]
mod secure_calls;
mod sockets;
#[cfg(test)]
mod tests;
mod writer_thread;

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use self::homes::{Home, Homes};
use self::media_thread::{Addressed, MediaThread, Shared};
use self::ports::PortPool;
use self::queue::Intake;
use self::secure::Identity;
use self::sockets::Readiness;
use self::writer_thread::{Opening, Work, WriterThread, writer_of};
use crate::ids::{ContactId, LegId, RecordingId};
use crate::media;
use crate::recording::{Impairment, Marker, Sealed};
use crate::sdp::Fingerprint;
use crate::time::Timestamp;

/// Commands waiting for the media thread before new legs are refused, and the room kept for all others: at 25 new
/// calls a second even a stall of several seconds stays far below.
const OPEN_QUEUE: usize = 4096;
const COMMAND_RESERVE: usize = 4096;
/// Writer threads: while one waits for a sync of the disk the others go on, and share the sync if they want one too.
const WRITERS: usize = 4;
/// Blocks waiting for each writer: 6 s of 1000 calls; 53 MB each when the disk stands, twice that where all calls are
/// wideband, nothing else.
const RING_BLOCKS: usize = 2048;
/// Room kept for orders to a writer when its ring is full of blocks.
const WORK_RESERVE: usize = 1024;

#[derive(Clone, Debug)]
pub struct MediaPlaneSettings {
    /// Where RTP sockets are bound, and the address written into SDP unless `advertised` is set: the first of the
    /// peer's family, or failing that the first.
    pub bind: Vec<IpAddr>,
    pub ports: RangeInclusive<u16>,
    /// Media threads, at least 1.
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
        /// Hz.
        sample_rate: u32,
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
    RecordingOpened {
        recording: RecordingId,
    },
    RecordingOpenFailed {
        recording: RecordingId,
        error: String,
    },
    RecordingSealed(Sealed),
    /// A write was refused, or sound came to a disk too slow to take it; the recording it was for goes on.
    DiskFailed(Impairment),
}

/// The callback, shared by the threads.
#[derive(Clone)]
struct Reporter(Arc<dyn Fn(Report) + Send + Sync>);

impl Reporter {
    fn report(&self, report: Report) {
        (self.0)(report);
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporter")
    }
}

/// A media thread, seen from outside.
#[derive(Debug)]
struct Thread {
    commands: Intake<Addressed>,
    running: JoinHandle<()>,
}

/// The running media plane. Dropping it ends the threads; open recordings stay whole files, unsealed.
#[derive(Debug)]
pub struct MediaPlane {
    shared: Arc<Shared>,
    identity: Arc<Identity>,
    media_threads: Vec<Thread>,
    /// Empty only while the plane is dropped.
    writers: Vec<Intake<Work>>,
    report: Reporter,
    writer_threads: Vec<JoinHandle<()>>,
}

impl MediaPlane {
    /// Starts the threads. `report` is called from them and must not block.
    pub fn start(
        settings: MediaPlaneSettings,
        report: impl Fn(Report) + Send + Sync + Clone + 'static,
    ) -> std::io::Result<Self> {
        let report = Reporter(Arc::new(report));
        let threads = settings.threads.max(1);
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            ports: Mutex::new(PortPool::new(&settings.ports)),
            ports_in_use: AtomicUsize::new(0),
            homes: Mutex::new(Homes::new(threads)),
            overloaded: AtomicUsize::new(0),
        });
        let identity = Arc::new(Identity::generate()?);
        let (writers, outlets): (Vec<_>, Vec<_>) =
            (0..WRITERS).map(|_| queue::bounded(RING_BLOCKS, WORK_RESERVE)).unzip();
        // Built first, so that threads already started end with it when a later one cannot be.
        let mut plane =
            Self { shared, identity, media_threads: Vec::new(), writers, report, writer_threads: Vec::new() };
        for work in outlets {
            let (folder, report) = (settings.recording_dir.clone(), plane.report.clone());
            let writer = WriterThread::new(folder, work, report);
            plane.writer_threads.push(spawn("recorder", move || writer.run())?);
        }
        for _ in 0..threads {
            plane.start_media_thread(settings.bind.clone())?;
        }
        Ok(plane)
    }

    fn start_media_thread(&mut self, bind: Vec<IpAddr>) -> std::io::Result<()> {
        let (commands, orders) = queue::bounded(OPEN_QUEUE, COMMAND_RESERVE);
        let thread = MediaThread::new(
            bind,
            Readiness::new()?,
            self.shared.clone(),
            &self.identity,
            orders,
            &self.writers,
            self.report.clone(),
        );
        let running = spawn("media", move || thread.run())?;
        self.media_threads.push(Thread { commands, running });
        Ok(())
    }

    /// Never blocks; the queue is bounded and an overflow is answered by the matching failure report.
    pub fn order(&self, order: Order) {
        match order {
            Order::Media(command) => self.command(command),
            Order::OpenRecording { recording, contact, path, started_at, sample_rate, description } => {
                let opening = Opening { recording, contact, path, started_at, sample_rate, description };
                if writer_of(&self.writers, recording).push(Work::Open(opening)).is_err() {
                    let error = "the writer cannot keep up".to_owned();
                    self.report.report(Report::RecordingOpenFailed { recording, error });
                }
            }
            Order::StartRecording { recording, started_at } => {
                self.write(recording, Work::Start { recording, started_at });
            }
            Order::Mark { recording, marker } => {
                self.write(recording, Work::Mark { recording, marker });
            }
            Order::SealRecording { recording } => {
                if !self.write(recording, Work::Seal { recording }) {
                    self.report.report(Report::RecordingSealed(Sealed::failed(recording)));
                }
            }
            Order::DiscardRecording { recording } => {
                self.write(recording, Work::Discard { recording });
            }
        }
    }

    /// To the thread that has the leg.
    fn command(&self, command: media::Command) {
        let leg = command.leg();
        let home = match command {
            media::Command::Open { beside, .. } => Some(self.shared.homes().open(leg, beside)),
            media::Command::Close { .. } => self.shared.homes().close(leg),
            media::Command::Bridge { b: other, .. } | media::Command::Join { leg: other, .. } => {
                self.shared_home(leg, other)
            }
            _ => self.shared.homes().of(leg),
        };
        // A leg that nobody has was closed meanwhile.
        if let Some(home) = home {
            self.hand_over(home, command);
        }
    }

    fn shared_home(&self, leg: LegId, other: LegId) -> Option<Home> {
        let homes = self.shared.homes();
        let (home, others) = (homes.of(leg)?, homes.of(other)?);
        if home != others {
            tracing::error!(leg.id = %leg, other.id = %other, "legs of two homes cannot hear each other");
        }
        (home == others).then_some(home)
    }

    fn hand_over(&self, Home { thread, quarter }: Home, command: media::Command) {
        let thread = &self.media_threads[thread];
        let addressed = Addressed { quarter, command };
        let pushed = match addressed.command {
            media::Command::Open { .. } => thread.commands.push(addressed),
            _ => thread.commands.push_reserved(addressed),
        };
        match pushed.map_err(|refused| refused.command) {
            Ok(()) => {}
            Err(media::Command::Open { leg, .. }) => {
                self.shared.homes().close(leg);
                self.report.report(Report::Media(media::Event::OpenFailed { leg }));
            }
            Err(media::Command::Play { leg, play, .. }) => {
                self.report.report(Report::Media(media::Event::PlayFinished { leg, play }));
            }
            Err(command) => tracing::error!(?command, "media thread is stuck: command lost"),
        }
        thread.running.thread().unpark();
    }

    /// False when the writer is stuck and its reserve full.
    fn write(&self, recording: RecordingId, work: Work) -> bool {
        let written = writer_of(&self.writers, recording).push_reserved(work).is_ok();
        if !written {
            tracing::error!(recording.id = %recording, "writer is stuck: order lost");
        }
        written
    }

    /// Of the certificate that legs do DTLS with.
    pub fn dtls_fingerprint(&self) -> Fingerprint {
        self.identity.fingerprint
    }

    /// True while a media thread takes most of its turns too late: more calls would be heard by all of them.
    pub fn is_overloaded(&self) -> bool {
        self.shared.overloaded.load(Ordering::Relaxed) > 0
    }

    /// RTP ports in use, for metrics and the leak test.
    pub fn ports_in_use(&self) -> usize {
        self.shared.ports_in_use.load(Ordering::Relaxed)
    }
}

impl Drop for MediaPlane {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in &self.media_threads {
            thread.running.thread().unpark();
        }
        // The media threads first: they hold sending ends of the writers' queues.
        let media_threads = self.media_threads.drain(..).map(|thread| thread.running);
        self.writers.clear();
        for thread in media_threads.chain(self.writer_threads.drain(..)) {
            if thread.join().is_err() {
                tracing::error!("a media thread panicked");
            }
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}
