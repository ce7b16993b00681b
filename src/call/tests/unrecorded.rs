//! Calls whose recording cannot be made: refused or answered as configured, and on the record in every case. Whether it
//! can be made is decided elsewhere; here the call is told.

use std::time::Duration;

use super::*;
use crate::journal::{Draft, EventType};
use crate::recording::{Impairment, Recording, RecordingResult, RecordingState};
use crate::termination::Termination;

/// Longer than a call is set up.
const TOO_LONG: Duration = Duration::from_secs(5);

/// What a call has left on the record.
#[derive(Default)]
struct Written {
    contact: Option<Contact>,
    recording: Option<Recording>,
    entries: Vec<Draft>,
}

impl Written {
    fn by(bench: &Bench) -> Self {
        let mut written = Self::default();
        for effect in &bench.effects {
            let Effect::Commit { contact, recording, entries, .. } = effect else { continue };
            written.contact = contact.as_deref().cloned();
            written.recording = recording.as_deref().cloned().or(written.recording);
            written.entries.extend(entries.iter().cloned());
        }
        written
    }

    fn entry(&self, event: EventType) -> Option<&Draft> {
        self.entries.iter().find(|entry| entry.event == event)
    }

    fn says_that_the_recording_failed(&self, reason: &str) {
        let recording = self.recording.as_ref().unwrap();
        let state = (recording.state, recording.result, recording.frames);
        assert_eq!(state, (RecordingState::Sealed, Some(RecordingResult::Failed), 0));
        assert_eq!(self.contact.as_ref().unwrap().recording, Some(recording.id));
        let sealed = self.entry(EventType::RecSealed).unwrap();
        assert_eq!((sealed.reason.as_deref(), &sealed.data["result"]), (Some(reason), &"failed".into()));
        assert!(
            self.entry(EventType::RecStarted).is_none() && self.entries.iter().all(|it| it.media.is_none())
        );
    }
}

/// A call that lacks nothing any more but its file, if it wants one.
fn ready(keeping: Keeping) -> (Bench, Call) {
    let mut bench = Bench { keeping, ..Bench::new() };
    let invite = bench.invite("citizen");
    let mut call = bench.offered(invite, Purpose::Service);
    let leg = call.first_leg();
    bench.open_media(&mut call, leg);
    let ticket = call.awaited_ticket().unwrap();
    bench.turn(|turn| call.handle_committed(ticket, true, turn));
    (bench, call)
}

fn wanted(bench: &Bench) -> bool {
    bench.effects.iter().any(|effect| matches!(effect, Effect::OpenRecording { .. }))
}

fn discarded(bench: &Bench) -> bool {
    bench.effects.iter().any(|effect| matches!(effect, Effect::DiscardRecording { .. }))
}

fn status(bench: &Bench) -> Option<u16> {
    bench.sent.iter().rev().find_map(|message| match message {
        Message::Response(response) => Some(response.status.0),
        Message::Request(_) => None,
    })
}

#[test]
fn a_file_that_cannot_be_made_is_answered_503_or_done_without() {
    let (mut bench, mut call) = ready(Keeping::Recorded { when_unable: WhenUnable::Refuse });
    bench.turn(|turn| call.handle_recording_open_failed("disk_full", turn));
    assert_eq!((status(&bench), call.is_over()), (Some(503), true));
    let ended = Written::by(&bench);
    assert_eq!(ended.entry(EventType::ContactEnded).unwrap().reason.as_deref(), Some("cannot_record"));
    assert_eq!(ended.recording.unwrap().result, Some(RecordingResult::Discarded));

    let (mut bench, mut call) = ready(Keeping::Recorded { when_unable: WhenUnable::AnswerUnrecorded });
    assert!(wanted(&bench) && bench.answered("citizen").is_none(), "the file is asked for, and waited for");
    bench.turn(|turn| call.handle_recording_open_failed("disk_full", turn));
    assert!(bench.answered("citizen").is_some() && !call.is_recorded());
    Written::by(&bench).says_that_the_recording_failed("disk_full");
    bench.turn(|turn| call.end(Termination::CallerHungUp, turn));
    assert_eq!(call.unsealed(), None, "nobody waits for a file");
    assert_eq!(bench.counters.recordings["failed"], 1);
}

#[test]
fn a_disk_that_does_not_answer_is_not_waited_for_too_long() {
    let (mut bench, mut call) = ready(Keeping::Recorded { when_unable: WhenUnable::Refuse });
    bench.now.mono += TOO_LONG;
    bench.turn(|turn| call.handle_timeout(turn));
    assert_eq!(status(&bench), Some(503));

    let (mut bench, mut call) = ready(Keeping::Recorded { when_unable: WhenUnable::AnswerUnrecorded });
    bench.now.mono += TOO_LONG;
    bench.turn(|turn| call.handle_timeout(turn));
    assert!(bench.answered("citizen").is_some());
    assert!(discarded(&bench), "the file may still be made, and would be empty");
    Written::by(&bench).says_that_the_recording_failed("disk_slow");
    bench.turn(|turn| call.handle_recording_opened(turn));
    bench.turn(|turn| call.handle_recording_open_failed("disk_full", turn));
    assert!(!call.is_over() && !call.is_recorded(), "what the disk says later changes nothing");
}

#[test]
fn a_missing_store_is_another_matter() {
    let mut bench =
        Bench { keeping: Keeping::Recorded { when_unable: WhenUnable::AnswerUnrecorded }, ..Bench::new() };
    let invite = bench.invite("citizen");
    let mut call = bench.offered(invite, Purpose::Service);
    let leg = call.first_leg();
    bench.open_media(&mut call, leg);
    bench.now.mono += TOO_LONG;
    bench.turn(|turn| call.handle_timeout(turn));
    assert_eq!(status(&bench), Some(503), "no call is answered that is nowhere on the record");
}

#[test]
fn while_the_recorder_is_impaired_the_disk_is_not_even_asked() {
    let (bench, call) = ready(Keeping::Unrecorded(Impairment::LowSpace));
    assert!(bench.answered("citizen").is_some() && !wanted(&bench) && !call.is_recorded());
    Written::by(&bench).says_that_the_recording_failed("low_space");
}

#[test]
fn where_nothing_is_recorded_the_record_is_silent_about_it() {
    let (mut bench, mut call) = ready(Keeping::Off);
    assert!(bench.answered("citizen").is_some() && !wanted(&bench));
    bench.turn(|turn| call.end(Termination::CallerHungUp, turn));
    let written = Written::by(&bench);
    assert!(written.recording.is_none() && written.contact.unwrap().recording.is_none());
    assert!(written.entries.iter().all(|entry| !entry.event.name().starts_with("rec.")));
    assert!(bench.counters.recordings.is_empty() && call.unsealed().is_none());
}
