//! The disk of the recordings fills up under live calls: they keep their sound, the alarm goes up, new calls get what
//! is configured, and when there is room again everything is as before. Nothing is missing from the record: every call
//! says what became of its recording. And a city that records nothing has calls all the same.
//!
//! The disk is a real one, small and of the server alone: `unshare` and `mount -t tmpfs`.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Api, event, event_names};
use crate::audio::{SAMPLES_PER_MS, Stereo, ToneSequence, rms};
use crate::citizen::{Citizen, Invite};
use crate::phone::{Answering, Event, Phone};
use crate::secure_media::middle_is_heard;
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server, Setup};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);
/// Longer than any talk here.
const SPEECH_MS: usize = 30_000;
/// Room for some calls of half a minute.
const DISK_KIB: u32 = 3 * 1024;
/// Of a piece of speech that is looked for.
const PIECE_MS: usize = 1200;
/// One block of a recording, and the time until it is written.
const BLOCK_MS: i64 = 1000;
/// How far two pieces of one recording may be out of step with what was said.
const STEP_MS: i64 = 40;

/// A citizen and an operator who both say something all the time.
struct Talk {
    caller: &'static str,
    citizen: Citizen,
    said: ToneSequence,
    answered: ToneSequence,
}

impl Talk {
    fn begin(server: &Server, phone: &Phone, caller: &'static str, seed: u64) -> Self {
        let citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
        citizen.rtp.press(KEYS_TO_QUEUE);
        phone.rings(SOON);
        phone.expect(&Event::Talking, SOON);
        let (said, answered) =
            (ToneSequence::citizen(seed, SPEECH_MS), ToneSequence::operator(seed, SPEECH_MS));
        citizen.rtp.say(&said.samples());
        phone.rtp.say(&answered.samples());
        let talk = Self { caller, citizen, said, answered };
        talk.is_heard_for(phone, Duration::from_millis(500));
        talk
    }

    /// Both hear something for so long from now on.
    fn is_heard_for(&self, phone: &Phone, length: Duration) {
        self.citizen.rtp.listen_anew();
        phone.rtp.listen_anew();
        let wanted = length.as_millis() as usize * SAMPLES_PER_MS;
        wait::until_true("both to be heard", length + SOON, || {
            [&self.citizen.rtp, &phone.rtp]
                .iter()
                .all(|peer| peer.heard().is_some_and(|heard| heard.samples.len() >= wanted))
        });
    }

    /// And what they hear is what the other one says.
    fn is_understood(&self, phone: &Phone) {
        self.is_heard_for(phone, Duration::from_millis(3200));
        let heard = |peer: &crate::rtp_peer::RtpPeer| peer.heard().expect("something was heard").samples;
        middle_is_heard(&self.said, &heard(&phone.rtp), 0.9);
        middle_is_heard(&self.answered, &heard(&self.citizen.rtp), 0.9);
    }

    /// How far the citizen's speech has come.
    fn said_ms(&self) -> usize {
        self.citizen.rtp.speech_began().expect("the citizen speaks").elapsed().as_millis() as usize
    }

    fn end(mut self, phone: &Phone, auditor: &Api) -> Value {
        self.citizen.hang_up();
        phone.expect(&Event::HungUpOn, SOON);
        auditor.finished_call(self.caller)
    }
}

/// Takes all the room that is left on the server's disk, until it is dropped.
struct Filler(PathBuf);

impl Filler {
    fn fill(server: &Server) -> Self {
        let path = server.recording_folder().join("filler");
        let mut file = File::create(&path).expect("the disk takes files");
        let full = loop {
            if let Err(error) = file.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        Self(path)
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        let removed = fs::remove_file(&self.0);
        assert!(removed.is_ok() || std::thread::panicking(), "{removed:?}");
    }
}

fn start(recording: &'static str) -> (Server, Phone, Api) {
    let setup = Setup { alone: true, disk_kib: Some(DISK_KIB), recording, ..Setup::default() };
    let server = Server::start_with(&setup);
    let phone = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    server.sign_in("olena").set_ready();
    let auditor = server.sign_in("audyt");
    (server, phone, auditor)
}

fn alarm_is(api: &Api, up: bool) {
    let what = if up { "the alarm" } else { "the end of the alarm" };
    wait::until_true(what, SOON, || api.metric("ringback_recording_impaired") == u64::from(up));
}

/// Counters are shown a moment after they counted.
fn counts(api: &Api, series: &str, count: u64) {
    wait::until_true(series, SOON, || api.find_metric(series) == Some(count));
}

/// A moment after the alarm: when the switchboard has heard of it.
fn readiness_is(api: &Api, status: u16) {
    wait::until_true("the switchboard to know", SOON, || api.status("/readyz") == Some(status));
}

/// The journal, the register and every file that has a digest.
fn store_is_whole(server: &Server) {
    let output = server.output(&["verify"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The administrator reads of it once, and once of its end.
fn alarm_was_logged_once(server: &Server) {
    let log = server.log();
    let lines = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!((lines("recording is impaired"), lines("recording works again")), (1, 1), "{log}");
}

#[test]
fn a_full_disk_costs_the_call_only_its_recording_and_new_calls_are_refused() {
    let (server, phone, auditor) = start("when_unable = \"refuse\"\n");
    let talk = Talk::begin(&server, &phone, "380440007001", 71);
    talk.is_heard_for(&phone, Duration::from_millis(2000));
    let filler = Filler::fill(&server);
    let (full_at, full_from) = (Instant::now(), talk.said_ms());
    alarm_is(&auditor, true);
    readiness_is(&auditor, 503);
    let refused = Invite { caller: "380440007002".to_owned(), ..Invite::default() };
    let refusal = refused.dial(server.sip).answered().expect_err("nobody is answered unrecorded");
    assert_eq!(refusal.status(), Some(503), "{refusal:?}");
    assert!(refusal.expect("Retry-After").parse::<u32>().is_ok_and(|secs| secs > 0));
    counts(&auditor, "ringback_sip_refusals_total{reason=\"cannot_record\"}", 1);
    talk.is_understood(&phone);
    drop(filler);
    let full_ms = full_at.elapsed().as_millis() as i64;
    let full_to = talk.said_ms();
    alarm_is(&auditor, false);
    readiness_is(&auditor, 200);
    let said = talk.said.clone();
    let after = full_to + BLOCK_MS as usize;
    wait::until_true("the end of the piece", SOON, || talk.said_ms() > after + PIECE_MS + 500);
    let lag_ms = talk.citizen.rtp.worst_lag().as_millis() as i64;
    let call = talk.end(&phone, &auditor);
    let recording = auditor.recording(&call);
    silence_stands_for_what_was_lost(&call, &recording, full_ms);
    let before = said.find_part(
        &recording.left,
        full_from - PIECE_MS - BLOCK_MS as usize,
        full_from - BLOCK_MS as usize,
    );
    let after = said.find_part(&recording.left, after, after + PIECE_MS);
    assert!(before.share > 0.9 && after.share > 0.9, "{before:?} {after:?}");
    assert!((before.start_ms - after.start_ms).abs() <= STEP_MS + lag_ms, "{before:?} {after:?}");

    let talk = Talk::begin(&server, &phone, "380440007003", 73);
    talk.is_heard_for(&phone, Duration::from_millis(500));
    let call = talk.end(&phone, &auditor);
    assert_eq!(
        (&call["recordings"][0]["result"], &call["recordings"][0]["gaps"]),
        (&json!("ok"), &json!([]))
    );
    counts(&auditor, "ringback_recordings_total{result=\"ok\"}", 1);
    counts(&auditor, "ringback_recordings_total{result=\"degraded\"}", 1);
    counts(&auditor, "ringback_recording_gaps_total{reason=\"disk_full\"}", 1);
    assert_eq!(auditor.calls().len(), 2, "who was refused is no contact");
    alarm_was_logged_once(&server);
    store_is_whole(&server);
}

/// One gap, as long as the disk was full, and nothing sounds in it.
fn silence_stands_for_what_was_lost(call: &Value, recording: &Stereo, full_ms: i64) {
    let row = &call["recordings"][0];
    assert_eq!(row["result"], "degraded", "{row}");
    let [gap] = row["gaps"].as_array().expect("a list").as_slice() else { panic!("one gap: {row}") };
    assert_eq!(gap["reason"], "disk_full");
    let number = |field: &str| gap[field].as_i64().expect("milliseconds");
    let (offset, length) = (number("offset_ms"), number("duration_ms"));
    assert!((length - full_ms).abs() <= BLOCK_MS, "{gap}, full for {full_ms} ms");
    let range = offset as usize * SAMPLES_PER_MS..(offset + length) as usize * SAMPLES_PER_MS;
    assert_eq!([rms(&recording.left[range.clone()]), rms(&recording.right[range])], [0.0, 0.0]);
    assert_eq!(row["duration_ms"], recording.duration_ms());
    assert!(row["sha256"].is_string(), "{row}");
}

#[test]
fn a_line_that_answers_all_the_same_says_that_the_recording_failed() {
    let (server, phone, auditor) = start("when_unable = \"answer_unrecorded\"\n");
    let filler = Filler::fill(&server);
    // The first finds out, the second is told.
    let mut first = Invite { caller: "380440007011".to_owned(), ..Invite::default() }.call(server.sip);
    alarm_is(&auditor, true);
    assert_eq!(auditor.status("/readyz"), Some(200), "calls are taken");
    let second = Talk::begin(&server, &phone, "380440007012", 81);
    second.is_understood(&phone);
    first.hang_up();
    let calls = [auditor.finished_call("380440007011"), second.end(&phone, &auditor)];
    for call in &calls {
        recording_failed(&auditor, call);
    }
    assert!(calls[1]["case"].is_string(), "the case is there without its recording: {}", calls[1]);
    counts(&auditor, "ringback_recordings_total{result=\"failed\"}", 2);
    assert_eq!(server.recordings(), Vec::<PathBuf>::new(), "no file without a head");
    drop(filler);
    alarm_is(&auditor, false);
    let talk = Talk::begin(&server, &phone, "380440007013", 83);
    let call = talk.end(&phone, &auditor);
    assert_eq!(call["recordings"][0]["result"], "ok", "{call}");
    alarm_was_logged_once(&server);
    store_is_whole(&server);
}

/// On the contact, in the journal, and for who asks for the sound.
fn recording_failed(auditor: &Api, call: &Value) {
    assert_eq!(call["recordings"][0]["result"], "failed", "{call}");
    let timeline = auditor.timeline(call);
    assert!(event(&timeline, "rec.started").is_none(), "{:?}", event_names(&timeline));
    let sealed = event(&timeline, "rec.sealed").expect("the journal says what became of it");
    assert_eq!((&sealed["data"]["result"], &sealed["reason"]), (&json!("failed"), &json!("disk_full")));
    let id = call["id"].as_str().expect("a call has an id");
    assert_eq!(auditor.status(&format!("/api/v1/calls/{id}/recording")), Some(404));
}

#[test]
fn a_city_that_records_nothing_has_calls_cases_and_a_journal_all_the_same() {
    let setup = Setup { alone: true, recording: "enabled = false\n", ..Setup::default() };
    let server = Server::start_with(&setup);
    let phone = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    server.sign_in("olena").set_ready();
    let talk = Talk::begin(&server, &phone, "380440007021", 91);
    talk.is_understood(&phone);
    let Talk { mut citizen, .. } = talk;
    citizen.hang_up();
    phone.expect(&Event::HungUpOn, SOON);
    let auditor = server.sign_in("audyt");
    let call = auditor.call_where("380440007021", "over", |call| {
        call["ended_at"].is_string() && call["disposition"].is_string()
    });
    assert_eq!(call["recordings"], json!([]), "{call}");
    assert!(call["case"].is_string(), "{call}");
    let timeline = auditor.timeline(&call);
    let names = event_names(&timeline);
    assert!(!names.iter().any(|name| name.starts_with("rec.")), "{names:?}");
    for wanted in ["contact.answered", "ivr.digit", "contact.connected", "contact.ended", "contact.disposed"]
    {
        assert!(names.contains(&wanted), "{wanted} in {names:?}");
    }
    assert!(timeline.iter().all(|item| item["offset_ms"].is_null()), "{timeline:?}");
    let id = call["id"].as_str().expect("a call has an id");
    assert_eq!(auditor.status(&format!("/api/v1/calls/{id}/recording")), Some(404));
    assert_eq!(auditor.metric("ringback_recording_impaired"), 0);
    assert_eq!(server.recordings(), Vec::<PathBuf>::new());
    store_is_whole(&server);
}
