//! What is made of rows and files as a crash leaves them: during the call, after the file was complete, in wrap-up,
//! before the answer.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::app::fixture::{at, contact, recording, store};
use crate::files::{RecordingFolder, RecordingWriter};
use crate::recording::Marker;
use crate::wav::{HEADER_LEN, RecordingHeader};

struct City {
    store: Store,
    folder: tempfile::TempDir,
}

impl City {
    async fn new() -> Self {
        Self { store: store().await, folder: tempfile::tempdir().unwrap() }
    }

    async fn keep(&self, contact: Contact, recording: Option<Recording>) {
        let batch = Batch {
            contacts: vec![contact],
            recordings: recording.into_iter().collect(),
            ..Batch::default()
        };
        self.store.commit(batch).await.unwrap();
    }

    /// Three seconds of recording `n` with a marker, not yet sealed.
    fn file(&self, n: u32) -> RecordingWriter {
        let Recording { id, path, started_at, sample_rate, .. } = recording(n);
        let header =
            RecordingHeader { started_at, sample_rate, description: "test".into(), reference: "x".into() };
        let mut writer =
            RecordingWriter::create(&mut RecordingFolder::new(self.folder.path()), id, &path, header)
                .unwrap();
        writer.mark(Marker { offset_ms: 0, label: "contact.answered".into() });
        writer.append(&[1, 0, 2, 0].repeat(24_000)).unwrap();
        writer
    }

    async fn recover(&self) {
        close_what_a_crash_left_open(&self.store, self.folder.path(), &BTreeMap::new()).await.unwrap();
        assert_eq!(self.store.open_contacts().await.unwrap(), []);
        assert_eq!(self.store.open_recordings().await.unwrap(), []);
        assert_eq!(self.store.undisposed_contacts().await.unwrap(), []);
    }

    async fn contact(&self, n: u32) -> Contact {
        self.store.contact(contact(n).id).await.unwrap().unwrap()
    }

    async fn recording(&self, n: u32) -> Recording {
        self.store.recordings_of(contact(n).id).await.unwrap().remove(0)
    }

    /// In journal order.
    async fn events(&self) -> Vec<String> {
        let entries = self.store.entries_after(0, 100).await.unwrap();
        entries.iter().map(|entry| entry.event.clone()).collect()
    }
}

fn answered(n: u32) -> Contact {
    Contact { answered_at: Some(at(100)), recording: Some(recording(n).id), ..contact(n) }
}

#[tokio::test]
async fn a_call_cut_short_ended_with_its_recording() {
    let city = City::new().await;
    city.keep(answered(1), Some(recording(1))).await;
    drop(city.file(1));
    city.recover().await;
    let (closed, cut) = (city.contact(1).await, city.recording(1).await);
    assert_eq!((closed.ended_at, closed.termination), (Some(at(103)), Some(Termination::Crashed)));
    assert_eq!(closed.disposition, Some(Disposition::Technical));
    assert_eq!((cut.frames, cut.result), (24_000, Some(RecordingResult::Degraded)));
    assert_eq!(cut.gaps, [Gap { offset_ms: 3000, duration_ms: 0, reason: GapReason::Crash }]);
    let events = ["rec.gap", "rec.sealed", "contact.ended", "contact.disposed"];
    assert_eq!(city.events().await, events);
    city.recover().await;
    assert_eq!(city.events().await, events, "a second start finds nothing to do");
}

#[tokio::test]
async fn a_file_that_was_complete_is_not_called_degraded() {
    let city = City::new().await;
    city.keep(Contact { ended_at: Some(at(103)), ..answered(1) }, Some(recording(1))).await;
    let sealed = city.file(1).seal();
    city.recover().await;
    let found = city.recording(1).await;
    assert_eq!((found.frames, found.result), (24_000, Some(RecordingResult::Ok)));
    assert_eq!((found.sha256, found.gaps), (sealed.sha256, vec![]));
    assert_eq!(city.events().await, ["rec.sealed", "contact.disposed"]);
}

#[tokio::test]
async fn wrap_up_that_a_crash_ended_is_disposed_and_nothing_else() {
    let city = City::new().await;
    let ended = Contact {
        queued_at: Some(at(101)),
        connected_at: Some(at(102)),
        ended_at: Some(at(150)),
        termination: Some(Termination::CallerHungUp),
        ..answered(1)
    };
    city.keep(ended.clone(), None).await;
    city.recover().await;
    let disposed = city.contact(1).await;
    assert!(disposed.case.is_some(), "who reached the queue has a case");
    assert_eq!(disposed.disposition, Some(Disposition::CaseCreated));
    assert_eq!((disposed.ended_at, disposed.termination), (ended.ended_at, ended.termination));
    let events = city.events().await;
    assert_eq!(events.iter().filter(|event| event.starts_with("contact.")).count(), 1, "{events:?}");
    assert_eq!(events.last().map(String::as_str), Some("contact.disposed"));
}

#[tokio::test]
async fn a_call_that_was_never_answered_has_no_gap() {
    let city = City::new().await;
    city.keep(contact(1), Some(recording(1))).await;
    city.keep(answered(2), Some(recording(2))).await;
    city.recover().await;
    let (closed, none) = (city.contact(1).await, city.recording(1).await);
    assert_eq!(closed.ended_at, Some(closed.offered_at));
    assert_eq!((none.result, none.gaps), (Some(RecordingResult::Discarded), vec![]));
    let lost = city.recording(2).await;
    assert_eq!((lost.result, lost.gaps.len()), (Some(RecordingResult::Failed), 1), "this one is missed");
}

#[tokio::test]
async fn an_empty_file_that_no_row_asks_for_goes_and_others_stay() {
    let city = City::new().await;
    let last = Draft::new(EventType::ContactOffered, at(23 * 3600), Actor::system("switchboard"));
    city.store.journal(vec![last]).await.unwrap();
    let in_folder = |n: u32, folder: &str| format!("{folder}/{}.wav", contact(n).id);
    let make = |path: &str, octets: usize| {
        let file = city.folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, vec![0; octets]).unwrap();
    };
    let [today, tomorrow] = ["1970/01/01", "1970/01/02"];
    // Never committed: whole head, half a head, offered after midnight; committed as never answered.
    let [first, second, third, fourth] =
        [(1, today), (2, today), (3, tomorrow), (4, today)].map(|(n, day)| in_folder(n, day));
    // Committed, but its file had not got its name.
    let unnamed = in_folder(5, today).replace(".wav", ".part");
    let strays = [first, second, third, fourth, unnamed];
    for (path, octets) in strays.iter().zip([HEADER_LEN, 0, HEADER_LEN, HEADER_LEN, HEADER_LEN]) {
        make(path, octets);
    }
    let row = |n: u32| Recording { path: in_folder(n, today), ..recording(n) };
    let discarded =
        Recording { state: RecordingState::Sealed, result: Some(RecordingResult::Discarded), ..row(4) };
    let disposed = Contact { disposition: Some(Disposition::Abandoned), ..answered(4) };
    city.keep(Contact { ended_at: Some(at(5)), ..disposed }, Some(discarded)).await;
    // Has a row; holds a sample; is no recording of ours; from before the last entry, when every file had a row.
    city.keep(answered(5), Some(row(5))).await;
    let kept =
        [in_folder(5, today), in_folder(6, today), format!("{today}/notes.wav"), in_folder(7, "1969/12/31")];
    for (path, octets) in kept.iter().zip([HEADER_LEN - 1, HEADER_LEN + 4, 0, 0]) {
        make(path, octets);
    }
    strays::remove(&city.store, city.folder.path(), at(25 * 3600)).await.unwrap();
    let is_there = |path: &String| city.folder.path().join(path).exists();
    assert_eq!(strays.each_ref().map(is_there), [false; 5]);
    assert_eq!(kept.each_ref().map(is_there), [true; 4]);
}

#[test]
fn the_end_is_not_before_what_is_known_to_have_happened() {
    let connected = Contact { connected_at: Some(at(110)), ..answered(1) };
    assert_eq!(end_of(&connected, Duration::from_secs(9)), at(110));
    assert_eq!(end_of(&connected, Duration::from_secs(30)), at(130));
}

#[test]
fn a_list_that_does_not_get_shorter_ends() {
    let mut seen = BTreeSet::new();
    assert_eq!(unseen(vec![1, 2], |row| *row, &mut seen), [1, 2]);
    assert_eq!(unseen(vec![2, 3], |row| *row, &mut seen), [3]);
    assert_eq!(unseen(vec![2, 3], |row| *row, &mut seen), Vec::<i32>::new());
}
