//! A telephone of our own, on the same machines as the service: `ringback call`, and the citizens and operators of the
//! demo. It has one line, speaks real SIP and RTP, follows a [`Script`], and can save what it hears.

pub mod line;
mod registration;
mod script;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::call::leg::{LegEnd, LegEvent};
use crate::ids::{ContactId, RecordingId};
use crate::media::{self, PlayId};
use crate::media_plane::{MediaPlane, MediaPlaneSettings, Order, Report};
use crate::net::{Arrival, SipListeners, SipNet};
use crate::recording::Sealed;
use crate::sip::message::{Flow, Transport, Uri};
use crate::time::now;

use line::{Line, Output};

pub use registration::Account;
pub use script::{Act, Script};

/// Messages and reports waiting; one line needs few.
const QUEUE: usize = 256;
/// A call nobody answers is given up after this.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// After hanging up, the recording and the last transactions get this long to be completed.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it is looked whether the call is over: the end of a cancelled call is no event.
const FINISH_STEP: Duration = Duration::from_millis(50);
/// Of the finish, what the last answers and their ACK get when the call itself is over; the timers that only catch
/// retransmissions (RFC 3261 17.1, D and K) are not waited for.
const FAREWELL_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    #[error("the phone's sockets: {0}")]
    Io(#[from] std::io::Error),
    #[error("refused: {0} {1}")]
    Refused(u16, &'static str),
    #[error("no answer")]
    NoAnswer,
    #[error("given up before the answer")]
    GivenUp,
    #[error("the far end cannot be reached")]
    Unreachable,
    #[error("the media could not be agreed on")]
    Media,
    #[error("not registered: {0}")]
    NotRegistered(String),
    #[error("the phone's tasks are gone")]
    Gone,
}

/// How a call went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// From the answer to the end.
    pub duration: Duration,
    /// True when the far end hung up.
    pub ended_by_peer: bool,
    /// The recording, when one was wanted: left the far end, right what we played.
    pub recording: Option<Sealed>,
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the phone listens; port 0 picks one.
    pub sip: SocketAddr,
    pub rtp_ports: RangeInclusive<u16>,
    /// Folder of what it records.
    pub recordings: PathBuf,
}

#[derive(Debug)]
enum Event {
    Line(line::Event),
    PlayFinished(PlayId),
    RecordingEnded(RecordingId),
    Sealed(Sealed),
    HangUpWanted,
}

/// Hangs up from another task, whatever the phone is doing: the call ends in order and its recording is completed.
#[derive(Clone, Debug)]
pub struct Hook(mpsc::Sender<()>);

impl Hook {
    pub fn hang_up(&self) {
        // One wish waiting is enough.
        self.0.try_send(()).ok();
    }
}

#[derive(Debug)]
pub struct Softphone {
    line: Line,
    net: SipNet,
    media: MediaPlane,
    arrivals: mpsc::Receiver<Arrival>,
    reports: mpsc::Receiver<Report>,
    recording: Option<RecordingId>,
    plays: u64,
    hook: Hook,
    hang_ups: mpsc::Receiver<()>,
}

impl Softphone {
    pub async fn start(settings: Settings) -> Result<Self, PhoneError> {
        let (arrivals_in, arrivals) = mpsc::channel(QUEUE);
        let listeners = SipListeners { udp: vec![settings.sip], ..SipListeners::default() };
        let net = SipNet::start(listeners, arrivals_in).await?;
        let (reports_in, reports) = mpsc::channel(QUEUE);
        let plane = MediaPlaneSettings {
            bind: vec![settings.sip.ip()],
            ports: settings.rtp_ports,
            threads: 1,
            recording_dir: settings.recordings,
        };
        let media = MediaPlane::start(plane, move |report| {
            // A full queue means that the phone's own task has stopped.
            reports_in.try_send(report).ok();
        })?;
        let line = Line::new(net.udp_local().ok_or(PhoneError::Gone)?, rand::random());
        let (hook, hang_ups) = mpsc::channel(1);
        let hook = Hook(hook);
        Ok(Self { line, net, media, arrivals, reports, recording: None, plays: 0, hook, hang_ups })
    }

    pub fn hook(&self) -> Hook {
        self.hook.clone()
    }

    /// Rings `target` at `address` and follows `script` once it answers. `record` is a file name in the recordings
    /// folder.
    pub async fn call(
        &mut self,
        target: Uri,
        address: SocketAddr,
        from: &str,
        script: Script,
        record: Option<&Path>,
    ) -> Result<Outcome, PhoneError> {
        let reliable = target.params.find("transport").is_some_and(|name| name.eq_ignore_ascii_case("tcp"));
        let transport = if reliable { Transport::Tcp } else { Transport::Udp };
        let flow = Flow { transport, local: self.line.local(), remote: address };
        self.line.call(target, flow, from, now());
        self.prepare_recording(record);
        if let Err(error) = self.ring().await {
            self.give_up().await?;
            return Err(error);
        }
        self.talk(script).await
    }

    /// Until the far end answers.
    async fn ring(&mut self) -> Result<(), PhoneError> {
        let deadline = now().mono + ANSWER_TIMEOUT;
        loop {
            match self.next(deadline).await? {
                Some(Event::Line(line::Event::Leg(LegEvent::Established))) => return Ok(()),
                Some(Event::Line(line::Event::Leg(LegEvent::Ended(end)))) => return Err(failure(end)),
                Some(Event::HangUpWanted) => return Err(PhoneError::GivenUp),
                Some(_) => {}
                None => return Err(PhoneError::NoAnswer),
            }
        }
    }

    /// After a call that was not answered: no empty file stays behind, and a CANCEL is seen through to the 487.
    async fn give_up(&mut self) -> Result<(), PhoneError> {
        if let Some(recording) = self.recording.take() {
            self.media.order(Order::DiscardRecording { recording });
        }
        self.finish().await.map(drop)
    }

    /// Waits for a call until `deadline`, answers it and follows `script`; none when nobody called.
    pub async fn answer(&mut self, script: Script, deadline: Instant) -> Result<Option<Outcome>, PhoneError> {
        while let Some(event) = self.next(deadline).await? {
            match event {
                Event::Line(line::Event::Incoming(ringing)) => self.line.accept(ringing, now()),
                Event::Line(line::Event::Leg(LegEvent::Established)) => {
                    return self.talk(script).await.map(Some);
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// From the answer to the end of the call.
    async fn talk(&mut self, mut script: Script) -> Result<Outcome, PhoneError> {
        let since = now().mono;
        self.start_recording();
        let mut ended_by_peer = false;
        loop {
            match script.step(now().mono) {
                script::Step::Do(Act::HangUp) => break,
                script::Step::Do(act) => {
                    self.perform(act);
                    continue;
                }
                script::Step::Wait => {}
            }
            match self.next(script.deadline(since)).await? {
                Some(Event::Line(line::Event::Leg(LegEvent::Ended(_)))) => {
                    ended_by_peer = true;
                    break;
                }
                Some(Event::HangUpWanted) => break,
                Some(Event::PlayFinished(play)) if play.0 == self.plays => script.play_finished(),
                Some(_) => {}
                None if script.is_over(since, now().mono) => break,
                None => {}
            }
        }
        let duration = now().mono.saturating_duration_since(since);
        let recording = self.finish().await?;
        Ok(Outcome { duration, ended_by_peer, recording })
    }

    fn perform(&mut self, act: Act) {
        let Some(leg) = self.line.leg() else { return };
        let command = match act {
            Act::Play { sounds, repeat } => {
                self.plays += 1;
                media::Command::Play { leg, play: PlayId(self.plays), sounds, repeat }
            }
            Act::Press(digit) => media::Command::SendDigit { leg, digit },
            Act::Wait(_) | Act::HangUp => return,
        };
        self.media.order(Order::Media(command));
    }

    fn prepare_recording(&mut self, file: Option<&Path>) {
        let Some(file) = file else { return };
        let at = now().utc;
        let recording = RecordingId(self.line.mint().uuid(at));
        self.recording = Some(recording);
        self.media.order(Order::OpenRecording {
            recording,
            contact: ContactId(self.line.mint().uuid(at)),
            path: file.display().to_string(),
            started_at: at,
            sample_rate: media::SAMPLE_RATE,
            description: "ringback call".to_owned(),
        });
    }

    fn start_recording(&self) {
        if let (Some(recording), Some(leg)) = (self.recording, self.line.leg()) {
            self.media.order(Order::StartRecording { recording, started_at: now().utc });
            let sample_rate = media::SAMPLE_RATE;
            self.media.order(Order::Media(media::Command::Record { leg, recording, sample_rate }));
        }
    }

    /// Hangs up, completes the recording, and sees the last transactions through: without the answer to its BYE the
    /// far end would be asked again.
    async fn finish(&mut self) -> Result<Option<Sealed>, PhoneError> {
        self.line.hang_up(now());
        let deadline = now().mono + FINISH_TIMEOUT;
        let mut sealed = None;
        while (self.recording.is_some() && sealed.is_none()) || self.line.leg().is_some() {
            match self.next(deadline.min(now().mono + FINISH_STEP)).await? {
                Some(Event::RecordingEnded(recording)) => {
                    self.media.order(Order::SealRecording { recording })
                }
                Some(Event::Sealed(file)) => sealed = Some(file),
                Some(_) => {}
                None if deadline <= now().mono => break,
                None => {}
            }
        }
        self.recording = None;
        let patience = deadline.min(now().mono + FAREWELL_TIMEOUT);
        while !self.line.is_idle() && self.next(patience).await?.is_some() {}
        Ok(sealed)
    }

    /// The next thing that matters to the person at the phone; none at `deadline`.
    async fn next(&mut self, deadline: Instant) -> Result<Option<Event>, PhoneError> {
        loop {
            while let Some(output) = self.line.poll_output() {
                match output {
                    Output::Transmit { bytes, flow } => self.net.send(bytes, flow),
                    Output::Media(command) => self.media.order(Order::Media(command)),
                    Output::Event(event) => return Ok(Some(Event::Line(event))),
                }
            }
            if deadline <= now().mono {
                return Ok(None);
            }
            let wake = self.line.poll_timeout().map_or(deadline, |at| at.min(deadline));
            tokio::select! {
                arrival = self.arrivals.recv() => match arrival.ok_or(PhoneError::Gone)? {
                    Arrival::Message { message, flow, .. } => self.line.handle_message(*message, flow, now()),
                    Arrival::FlowClosed { flow } => self.line.handle_transport_failed(&flow, now()),
                    Arrival::Malformed { .. } => {}
                },
                report = self.reports.recv() => {
                    if let Some(event) = self.handle_report(report.ok_or(PhoneError::Gone)?) {
                        return Ok(Some(event));
                    }
                }
                Some(()) = self.hang_ups.recv() => return Ok(Some(Event::HangUpWanted)),
                () = tokio::time::sleep_until(wake.into()) => self.line.handle_timeout(now()),
            }
        }
    }

    fn handle_report(&mut self, report: Report) -> Option<Event> {
        match report {
            Report::Media(media::Event::PlayFinished { play, .. }) => return Some(Event::PlayFinished(play)),
            Report::Media(media::Event::RecordingEnded { recording, .. }) => {
                return Some(Event::RecordingEnded(recording));
            }
            Report::Media(event) => self.line.handle_media(&event, now()),
            Report::RecordingSealed(sealed) => return Some(Event::Sealed(sealed)),
            Report::RecordingOpenFailed { error, .. } => {
                tracing::error!(error, "what is heard cannot be saved");
                self.recording = None;
            }
            Report::RecordingOpened { .. } | Report::DiskFailed(_) => {}
        }
        None
    }
}

fn failure(end: LegEnd) -> PhoneError {
    match end {
        LegEnd::Refused(status) => PhoneError::Refused(status.0, status.default_reason()),
        LegEnd::MediaFailed => PhoneError::Media,
        LegEnd::PeerHungUp
        | LegEnd::PeerCancelled
        | LegEnd::NotAcknowledged
        | LegEnd::Unreachable
        | LegEnd::SessionExpired => PhoneError::Unreachable,
    }
}

#[cfg(test)]
mod tests;
