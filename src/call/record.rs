//! What a call leaves on the record: journal entries with their place in the recording, the contact row, the
//! recording row and its markers.

use std::time::Instant;

use serde_json::Value;

use crate::call::Call;
use crate::call::effect::{Effect, Ticket};
use crate::call::turn::Turn;
use crate::ids::{ContactId, LegId, RecordingId};
use crate::journal::{Draft, EventType, MediaPosition};
use crate::media;
use crate::people::{Actor, ActorKind};
use crate::recording::{
    Gap, GapReason, Impairment, Keeping, Marker, Recording, RecordingResult, RecordingState, Sealed,
    WhenUnable, day_folder,
};

/// The recording of one call.
#[derive(Debug)]
pub(super) struct Track {
    recording: Recording,
    when_unable: WhenUnable,
    state: TrackState,
}

#[derive(Debug)]
enum TrackState {
    /// The file is being made; nothing was said yet.
    Prepared,
    Running {
        leg: LegId,
        since: Instant,
    },
    /// The last block was cut; the file is being completed.
    Sealing,
    /// The same, asked for once more.
    SealingLate,
    Sealed,
    /// There is no file: the call goes on without, and the record says why.
    Failed {
        reason: String,
    },
    /// The call was never answered.
    Discarded,
}

impl Track {
    /// None where nothing is recorded. The rate is settled before a sample is heard: that of the codec the citizen will
    /// speak.
    pub(super) fn of(
        keeping: Keeping,
        contact: ContactId,
        wideband: bool,
        turn: &mut Turn<'_>,
    ) -> Option<Self> {
        let (when_unable, impairment) = match keeping {
            Keeping::Off => return None,
            Keeping::Recorded { when_unable } => (when_unable, None),
            Keeping::Unrecorded(impairment) => (WhenUnable::AnswerUnrecorded, Some(impairment)),
        };
        let at = turn.now.utc;
        let recording = Recording {
            id: RecordingId(turn.mint.uuid(at)),
            contact,
            path: format!("{}/{contact}.wav", day_folder(at)),
            state: RecordingState::Capturing,
            started_at: at,
            sample_rate: if wideband { media::WIDEBAND_SAMPLE_RATE } else { media::SAMPLE_RATE },
            frames: 0,
            gaps: Vec::new(),
            result: None,
            sha256: None,
            proof: None,
        };
        let mut track = Self { recording, when_unable, state: TrackState::Prepared };
        if let Some(impairment) = impairment {
            track.fail(impairment.name());
        }
        Some(track)
    }

    pub(super) fn recording(&self) -> &Recording {
        &self.recording
    }

    pub(super) fn is_sealed(&self) -> bool {
        matches!(self.state, TrackState::Sealed | TrackState::Failed { .. } | TrackState::Discarded)
    }

    /// Its file has to be there before the call is answered.
    pub(super) fn needs_file(&self) -> bool {
        matches!(self.state, TrackState::Prepared)
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, TrackState::Running { .. })
    }

    /// Where in the recording `now` is; none before its start and after its end.
    pub(super) fn position(&self, now: Instant) -> Option<MediaPosition> {
        match self.state {
            TrackState::Running { since, .. } => Some(MediaPosition {
                recording: self.recording.id,
                offset_ms: u64::try_from(now.saturating_duration_since(since).as_millis())
                    .unwrap_or(u64::MAX),
            }),
            _ => None,
        }
    }

    /// From now on everything is on the recording, if it has a file.
    pub(super) fn start(&mut self, leg: LegId, turn: &mut Turn<'_>) {
        if !self.needs_file() {
            *turn.counters.recordings.entry(RecordingResult::Failed.name()).or_default() += 1;
            return;
        }
        self.recording.started_at = turn.now.utc;
        self.state = TrackState::Running { leg, since: turn.now.mono };
        turn.effect(Effect::StartRecording { recording: self.recording.id, started_at: turn.now.utc });
        let (recording, sample_rate) = (self.recording.id, self.recording.sample_rate);
        turn.media(media::Command::Record { leg, recording, sample_rate });
    }

    /// The last sample is cut here. True when there is something to seal.
    pub(super) fn stop(&mut self, turn: &mut Turn<'_>) -> bool {
        if let TrackState::Running { leg, .. } = self.state {
            self.state = TrackState::Sealing;
            turn.media(media::Command::StopRecording { leg, recording: self.recording.id });
            return true;
        }
        false
    }

    /// There is no file and there will be none.
    fn fail(&mut self, reason: &str) {
        self.state = TrackState::Failed { reason: reason.to_owned() };
        self.recording.state = RecordingState::Sealed;
        self.recording.result = Some(RecordingResult::Failed);
    }

    /// Nothing was said: the file goes, its row stays as one without a file.
    pub(super) fn discard(&mut self, turn: &mut Turn<'_>) {
        self.state = TrackState::Discarded;
        self.recording.state = RecordingState::Sealed;
        self.recording.result = Some(RecordingResult::Discarded);
        turn.effect(Effect::DiscardRecording { recording: self.recording.id });
    }

    /// True the first time the disk is late.
    fn ask_again(&mut self) -> bool {
        let first = matches!(self.state, TrackState::Sealing);
        if first {
            self.state = TrackState::SealingLate;
        }
        first
    }

    fn seal(&mut self, sealed: Sealed) {
        self.recording.state = RecordingState::Sealed;
        self.recording.frames = sealed.frames;
        self.recording.gaps = sealed.gaps;
        self.recording.result = Some(sealed.result);
        self.recording.sha256 = sealed.sha256;
        self.recording.proof = sealed.proof;
        self.state = TrackState::Sealed;
    }
}

/// A journal draft on its way; lets the caller add data and a reason in one line.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) draft: Draft,
}

impl Note {
    pub(super) fn with(mut self, data: Value) -> Self {
        self.draft.data = data;
        self
    }

    pub(super) fn because(mut self, reason: &str) -> Self {
        self.draft.reason = Some(reason.to_owned());
        self
    }
}

impl Call {
    /// An entry about this contact, placed in its recording; the recording gets a marker of the same name.
    pub(super) fn draft(&self, event: EventType, actor: Actor, turn: &mut Turn<'_>) -> Note {
        let mut draft = Draft::new(event, turn.now.utc, actor);
        draft.contact = Some(self.contact.id);
        draft.case.clone_from(&self.contact.case);
        draft.media = self.position(turn.now.mono);
        if let Some(position) = draft.media {
            let marker = Marker { offset_ms: position.offset_ms, label: event.name().to_owned() };
            turn.effect(Effect::Mark { recording: position.recording, marker });
        }
        Note { draft }
    }

    /// Where in the recording `now` is; none while nothing is recorded.
    pub(super) fn position(&self, now: Instant) -> Option<MediaPosition> {
        self.track.as_ref().and_then(|track| track.position(now))
    }

    /// Who called: the citizen, or the operator who asks a colleague.
    pub(super) fn applicant(&self) -> Actor {
        if let Some(by) = self.placed_by() {
            return super::talking::operator_actor(by);
        }
        Actor {
            kind: ActorKind::Applicant,
            id: self.contact.id.to_string(),
            on_behalf: None,
            organisation: None,
        }
    }

    /// Writes the contact as it is now, with its entries, in one transaction; the recording row too when it changed.
    pub(super) fn commit(
        &self,
        ticket: Option<Ticket>,
        with_recording: bool,
        entries: Vec<Draft>,
        turn: &mut Turn<'_>,
    ) {
        turn.effect(Effect::Commit {
            ticket,
            contact: Some(Box::new(self.contact.clone())),
            recording: self
                .track
                .as_ref()
                .filter(|_| with_recording)
                .map(|track| Box::new(track.recording.clone())),
            entries,
        });
    }

    /// What the journal says when the call is answered: where its recording is, or why there is none. Nothing where
    /// nothing is recorded.
    pub(super) fn recording_draft(&self, turn: &mut Turn<'_>) -> Option<Draft> {
        let track = self.track.as_ref()?;
        if let TrackState::Failed { reason } = &track.state {
            let failed =
                serde_json::json!({ "frames": 0, "result": RecordingResult::Failed, "sha256": null });
            let note = self.draft(EventType::RecSealed, Actor::system("recorder"), turn);
            return Some(note.with(failed).because(reason).draft);
        }
        let channels = serde_json::json!({ "left": "applicant", "right": "city" });
        let started = serde_json::json!({ "path": track.recording.path, "channels": channels });
        Some(self.draft(EventType::RecStarted, Actor::system("switchboard"), turn).with(started).draft)
    }

    /// The disk cannot take the recording: the call goes on without, if that is what the city wants. The file may still
    /// be made late, and goes then.
    pub(super) fn go_unrecorded(&mut self, reason: &str, turn: &mut Turn<'_>) -> bool {
        let Some(track) = self.track.as_mut().filter(|track| track.needs_file()) else { return false };
        if track.when_unable == WhenUnable::Refuse {
            return false;
        }
        track.fail(reason);
        turn.effect(Effect::DiscardRecording { recording: track.recording.id });
        true
    }

    /// The file is complete: its digest, length and gaps go on the record.
    pub fn handle_sealed(&mut self, sealed: Sealed, turn: &mut Turn<'_>) {
        let Some(recording) = self.unsealed() else { return };
        self.timers.stop(super::Timer::Seal);
        let mut entries = Vec::new();
        for gap in &sealed.gaps {
            *turn.counters.recording_gaps.entry(gap.reason.name()).or_default() += 1;
            let mut note = self.draft(EventType::RecGap, Actor::system("recorder"), turn);
            note.draft.media = Some(MediaPosition { recording, offset_ms: gap.offset_ms });
            entries.push(
                note.with(serde_json::json!({ "duration_ms": gap.duration_ms, "cause": gap.reason })).draft,
            );
        }
        let mut note =
            self.draft(EventType::RecSealed, Actor::system("recorder"), turn).with(serde_json::json!({
                "frames": sealed.frames,
                "result": sealed.result,
                "sha256": sealed.sha256,
                "seal": sealed.proof.as_ref().map(|proof| proof.seal),
            }));
        note.draft.reason = sealed.cause.map(|cause| cause.name().to_owned());
        entries.push(note.draft);
        *turn.counters.recordings.entry(sealed.result.name()).or_default() += 1;
        if sealed.result != RecordingResult::Ok {
            tracing::error!(call.id = %self.contact.id, result = ?sealed.result, "recording is not whole");
        }
        if let Some(track) = &mut self.track {
            track.seal(sealed);
        }
        self.commit(None, true, entries, turn);
    }

    /// The recording, while it is not sealed.
    pub(super) fn unsealed(&self) -> Option<RecordingId> {
        self.track.as_ref().filter(|track| !track.is_sealed()).map(|track| track.recording.id)
    }

    /// The disk has not answered in time. Perhaps it was never asked: it is, once; then the record says that the file
    /// failed rather than staying open.
    pub(super) fn handle_seal_timeout(&mut self, turn: &mut Turn<'_>) {
        let Some(track) = &mut self.track else { return };
        let recording = track.recording.id;
        if track.ask_again() {
            turn.effect(Effect::SealRecording { recording });
            self.timers.set(super::Timer::Seal, turn.now.mono + super::ending::SEAL_TIMEOUT);
        } else {
            let gap = Gap { offset_ms: 0, duration_ms: 0, reason: GapReason::DiskError };
            let cause = Some(Impairment::DiskSlow);
            self.handle_sealed(Sealed { gaps: vec![gap], cause, ..Sealed::failed(recording) }, turn);
        }
    }
}
