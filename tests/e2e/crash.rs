//! `kill -9` at random moments of live calls, again and again on the same data: every recording opens, at most a
//! second of sound is missing, every contact and case is there, the register has no gap, and the program starts
//! again by itself and closes what was open with a reason.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api::{Api, event};
use crate::audio::{Stereo, ToneSequence};
use crate::citizen::{Citizen, Invite};
use crate::phone::{Answering, Phone};
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server};

const ROUNDS: u64 = 20;
/// Sound that may be missing at the end.
const LOST_MS: i64 = 1000;
/// The kill comes this long after the last answer: within the tree, the queue, the ringing or the talk.
const KILL_AFTER_MS: std::ops::Range<u64> = 50..2500;

/// A repeatable random number; the seed is printed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A call that was alive when the program died.
struct Caught {
    caller: String,
    alive_ms: i64,
    queued: bool,
}

#[test]
fn killed_twenty_times_nothing_is_lost() {
    let seed = std::env::var("RINGBACK_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1580);
    println!("RINGBACK_TEST_SEED={seed}");
    let mut random = Random(seed);
    let mut server = Server::start();
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        let caught = one_round(&mut server, round, &mut random);
        for path in server.recordings() {
            assert_opens(&path);
        }
        server.run();
        let auditor = server.sign_in("audyt");
        for call in &caught {
            assert_closed_with_reason(&auditor, call, round);
        }
        all.extend(caught);
    }
    for path in server.recordings() {
        assert_opens(&path);
    }
    let auditor = server.sign_in("audyt");
    assert_eq!(
        auditor.calls().len(),
        all.len(),
        "every answered call has its contact, and there is no other"
    );
    assert_eq!(server.recordings().len(), all.len(), "and its recording");
    assert_register_has_no_gap(&server.sign_in("kontrol"), all.iter().filter(|call| call.queued).count());
}

/// Three callers, one of them for an operator who takes the call, and the end of the program.
fn one_round(server: &mut Server, round: u64, random: &mut Random) -> Vec<Caught> {
    let phone = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    server.sign_in("olena").set_ready();
    let mut citizens: Vec<(String, Citizen)> = Vec::new();
    for place in 0..3 {
        let caller = format!("3804455{round:03}{place}");
        let citizen = Invite { caller: caller.clone(), ..Invite::default() }.call(server.sip);
        citizen.rtp.say(&ToneSequence::citizen(round, 4000).samples());
        if place > 0 {
            citizen.rtp.press(KEYS_TO_QUEUE);
        }
        citizens.push((caller, citizen));
    }
    let kill_at = Instant::now()
        + Duration::from_millis(KILL_AFTER_MS.start + random.below(KILL_AFTER_MS.end - KILL_AFTER_MS.start));
    // The moment itself is the event waited for.
    while let Some(left) = kill_at.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
    let supervisor = server.sign_in("kontrol");
    let queued: BTreeSet<String> = supervisor
        .items("/api/v1/cases?limit=200")
        .iter()
        .filter_map(|case| case["applicant"]["number"].as_str().map(str::to_owned))
        .collect();
    server.kill();
    let killed_at = Instant::now();
    drop(phone);
    citizens
        .into_iter()
        .map(|(caller, citizen)| Caught {
            queued: queued.contains(&caller),
            alive_ms: (killed_at - citizen.answered_at).as_millis() as i64,
            caller,
        })
        .collect()
}

/// The contact is there, closed with a reason in the journal, its case where it had one, its sound but the last second.
fn assert_closed_with_reason(auditor: &Api, caught: &Caught, round: u64) {
    let call = auditor.finished_call(&caught.caller);
    let what = format!("round {round}, {}, alive for {} ms: {call}", caught.caller, caught.alive_ms);
    assert_eq!(call["termination"], "crashed", "{what}");
    let timeline = auditor.timeline(&call);
    let ended =
        event(&timeline, "contact.ended").unwrap_or_else(|| panic!("not closed in the journal: {what}"));
    assert!(ended["reason"].is_string() || ended["data"]["termination"] == "crashed", "{ended}");
    assert!(!caught.queued || call["case"].is_string(), "the case is lost: {what}");
    let recorded = auditor.recording(&call).duration_ms();
    assert!(recorded >= caught.alive_ms - LOST_MS, "only {recorded} ms are recorded: {what}");
    assert!(recorded <= caught.alive_ms + 200, "{recorded} ms are recorded: {what}");
}

/// In `hound` and in `ffprobe`, which knows how long it is.
fn assert_opens(path: &Path) {
    let ours = Stereo::read(File::open(path).expect("the recording is there")).duration_ms();
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "stream=codec_name,channels,duration", "-of", "json"])
        .arg(path)
        .output()
        .expect("ffprobe starts; scripts/install-tools.sh test installs it");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{}: {complaints}", path.display());
    let probed: Value = serde_json::from_slice(&output.stdout).expect("ffprobe speaks JSON");
    let stream = &probed["streams"][0];
    assert_eq!(
        (&stream["codec_name"], &stream["channels"]),
        (&"pcm_s16le".into(), &2.into()),
        "{}",
        path.display()
    );
    let theirs: f64 = stream["duration"].as_str().and_then(|seconds| seconds.parse().ok()).unwrap_or(0.0);
    assert!((theirs * 1000.0 - ours as f64).abs() < 20.0, "{}: {theirs} s and {ours} ms", path.display());
}

/// Numbers run from 1 without a hole, and there are at least as many as cases were seen.
fn assert_register_has_no_gap(control: &Api, at_least: usize) {
    let cases = control.items("/api/v1/cases?limit=200");
    let mut sequence: Vec<usize> = cases
        .iter()
        .map(|case| {
            let number = case["number"].as_str().expect("a case has a number");
            number.rsplit('-').next().and_then(|tail| tail.parse().ok()).expect("year-office-sequence")
        })
        .collect();
    sequence.sort_unstable();
    assert!(sequence.len() >= at_least && at_least > 0, "{} cases, {at_least} seen", sequence.len());
    assert!(sequence.iter().copied().eq(1..=sequence.len()), "{sequence:?}");
}
