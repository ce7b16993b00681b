//! Watches over the disk of the recordings: takes what the writers say, asks the disk itself, and tells the switchboard
//! and the administrator when the answer changes. What counts as trouble, and when it is over, is `recording/`'s.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::metrics::Meters;
use super::vital::Vital;
use crate::recording::{Health, Impairment, Recorder};
use crate::switchboard::Input;

/// Troubles that the writers tell and nobody has looked at; more of them say the same.
pub(super) const MAX_FAILURES: usize = 64;

/// How often the disk is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Pause between probes of a disk that is well.
    pub well: Duration,
    /// And of one that is not: new calls wait for the answer.
    pub impaired: Duration,
    /// A probe that takes longer shows a disk too slow for new calls, whose files would be as late.
    pub slow: Duration,
}

impl Default for Pace {
    /// A caller waits for 4 s at most until the file is there: half of that is slow.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { well: seconds(5), impaired: seconds(1), slow: seconds(2) }
    }
}

/// Where the watch looks and whom it tells. `probe` may block; it is given the floor, octets.
#[derive(Debug)]
pub(super) struct RecordingWatch<P> {
    pub pace: Pace,
    pub probe: P,
    pub floor: watch::Receiver<u64>,
    /// What the writers say.
    pub failures: mpsc::Receiver<Impairment>,
    pub inputs: mpsc::Sender<Input>,
    pub meters: Arc<Meters>,
    pub vital: Vital,
}

impl<P> RecordingWatch<P>
where
    P: Fn(u64) -> Result<(), Impairment> + Clone + Send + 'static,
{
    /// Runs until the switchboard is gone.
    pub(super) async fn run(mut self) {
        let (mut health, mut probing) = (Health::default(), None);
        // When the next probe begins, or the running one is late.
        let mut due = after(Duration::ZERO);
        loop {
            let before = health.recorder();
            tokio::select! {
                Some(cause) = self.failures.recv() => health.handle_failure(cause, crate::time::now()),
                probed = outcome(&mut probing) => {
                    probing = None;
                    match probed {
                        Ok(()) => health.handle_success(crate::time::now()),
                        Err(cause) => health.handle_failure(cause, crate::time::now()),
                    }
                    let well = health.recorder() == Recorder::Able;
                    due = after(if well { self.pace.well } else { self.pace.impaired });
                }
                () = tokio::time::sleep_until(due) => {
                    if probing.is_some() {
                        health.handle_failure(Impairment::DiskSlow, crate::time::now());
                    } else {
                        let (probe, floor) = (self.probe.clone(), *self.floor.borrow());
                        probing = Some(tokio::task::spawn_blocking(move || probe(floor)));
                    }
                    due = after(self.pace.slow);
                }
                () = self.inputs.closed() => break,
            }
            if health.recorder() != before {
                self.tell(before, health.recorder()).await;
                // A new trouble is looked at closely from now on.
                due = due.min(after(self.pace.impaired));
            }
        }
        drop(self.vital);
    }

    /// The alarm, once for each change.
    async fn tell(&self, before: Recorder, recorder: Recorder) {
        match (before, recorder) {
            (_, Recorder::Impaired { cause, since }) => {
                tracing::error!(cause = cause.name(), %since, "recording is impaired");
            }
            (Recorder::Impaired { cause, since }, _) => {
                tracing::info!(cause = cause.name(), %since, "recording works again");
            }
            _ => {}
        }
        self.meters.recording_impaired.set(u64::from(recorder != Recorder::Able));
        // Closed only when the switchboard is gone.
        self.inputs.send(Input::RecorderChanged(recorder)).await.ok();
    }
}

fn after(pause: Duration) -> Instant {
    Instant::from_std(crate::time::now().mono + pause)
}

/// The outcome of the running probe; never when none runs. One that died says nothing good about the disk.
async fn outcome(probing: &mut Option<JoinHandle<Result<(), Impairment>>>) -> Result<(), Impairment> {
    match probing {
        Some(running) => running.await.unwrap_or(Err(Impairment::DiskError)),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::sync::Mutex;
    use std::sync::mpsc as blocking;

    use super::super::vital::Vitals;
    use super::*;

    const OFTEN: Duration = Duration::from_millis(5);

    /// A watch whose probes wait for the test to answer them.
    struct Bench {
        /// Without it every probe is good.
        answers: Option<blocking::SyncSender<Result<(), Impairment>>>,
        failures: mpsc::Sender<Impairment>,
        inputs: mpsc::Receiver<Input>,
        meters: Arc<Meters>,
    }

    impl Bench {
        fn start(slow: Duration) -> Self {
            let (answers, answered) = blocking::sync_channel(10);
            let answered = Arc::new(Mutex::new(answered));
            let (failures, failures_out) = mpsc::channel(MAX_FAILURES);
            let (inputs_in, inputs) = mpsc::channel(10);
            let meters = Arc::new(Meters::default());
            let watch = RecordingWatch {
                pace: Pace { well: OFTEN, impaired: OFTEN, slow },
                probe: move |_| answered.lock().unwrap().recv().unwrap_or(Ok(())),
                floor: watch::channel(0).1,
                failures: failures_out,
                inputs: inputs_in,
                meters: meters.clone(),
                vital: Vitals::new().0.of("recording watch"),
            };
            tokio::spawn(watch.run());
            Self { answers: Some(answers), failures, inputs, meters }
        }

        async fn told(&mut self) -> Recorder {
            match self.inputs.recv().await {
                Some(Input::RecorderChanged(recorder)) => recorder,
                other => panic!("{other:?}"),
            }
        }
    }

    fn cause(recorder: Recorder) -> Option<Impairment> {
        match recorder {
            Recorder::Impaired { cause, .. } => Some(cause),
            Recorder::Off | Recorder::Able => None,
        }
    }

    #[tokio::test]
    async fn each_change_is_told_once_and_the_gauge_shows_it() {
        let mut bench = Bench::start(Duration::from_secs(60));
        for _ in 0..10 {
            bench.failures.send(Impairment::DiskError).await.unwrap();
        }
        assert_eq!(cause(bench.told().await), Some(Impairment::DiskError));
        assert_eq!(bench.meters.recording_impaired.value(), 1);
        for _ in 0..3 {
            bench.answers.as_ref().unwrap().send(Err(Impairment::DiskFull)).unwrap();
        }
        assert_eq!(cause(bench.told().await), Some(Impairment::DiskFull));
        bench.answers = None;
        assert_eq!(bench.told().await, Recorder::Able);
        assert_eq!(bench.meters.recording_impaired.value(), 0);
        assert!(bench.inputs.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_disk_that_does_not_answer_is_slow_until_it_does() {
        let mut bench = Bench::start(OFTEN);
        assert_eq!(cause(bench.told().await), Some(Impairment::DiskSlow));
        bench.answers = None;
        assert_eq!(bench.told().await, Recorder::Able);
    }
}
