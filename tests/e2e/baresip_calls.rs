//! baresip, a softphone we did not write, by every transport and codec it has in common with us: as the operator's phone
//! beside a caller on PCMA, and as the caller. Each side is heard at the other end and on its own channel of the
//! recording; the ladder of the call says that it went by the way the test is named for.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api::Api;
use crate::audio::{ToneSequence, rms};
use crate::baresip::{Baresip, Manners};
use crate::citizen::{Citizen, Invite};
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server, Setup};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);
/// Of a sequence, what must be there. A lost second would cost 0.25.
const WHOLE: f64 = 0.95;
/// The predictor of G.722 needs some milliseconds when one pure tone jumps to a far one, Opus smears such a jump.
const WHOLE_WIDEBAND: f64 = 0.88;
/// From baresip's word that the call stands to its first sound, on a busy machine.
const FIRST_WORD: Duration = Duration::from_secs(2);
const SECOND: usize = crate::audio::RATE;
/// As baresip names them.
const G722: &str = "G722/16000/1";
const OPUS: &str = "opus/48000/2";

#[test]
fn operator_over_udp() {
    operator_talks("UDP", "PCMA/8000", WHOLE, |_| Manners::default());
}

#[test]
fn operator_over_tcp() {
    operator_talks("TCP", "PCMA/8000", WHOLE, |_| Manners { transport: "tcp", ..Manners::default() });
}

#[test]
fn operator_over_tls_with_sdes() {
    operator_talks("TLS", "RTP/SAVP", WHOLE, |server| Manners::over_tls(&server.certificate()));
}

#[test]
fn operator_on_g722() {
    operator_talks("UDP", "G722/8000", WHOLE_WIDEBAND, |_| Manners::speaking(G722));
}

#[test]
fn operator_on_opus() {
    operator_talks("UDP", "opus/48000", WHOLE_WIDEBAND, |_| Manners::speaking(OPUS));
}

/// The phone answers a citizen over `transport`, with a description that says `says`; of what each one says, `least` is
/// heard and recorded.
fn operator_talks(transport: &str, says: &str, least: f64, manners: impl Fn(&Server) -> Manners) {
    let doors = transport == "TLS";
    let server = Server::start_with(&Setup { alone: true, doors, ..Setup::default() });
    let door = if doors { server.doors().tls } else { server.sip };
    let (said, answered) = (ToneSequence::citizen(40, 3000), ToneSequence::operator(40, 3000));
    // It goes on without words: who has nothing more to say still sends.
    let speech = [answered.samples(), vec![0; 20 * SECOND]].concat();
    let mut phone = Baresip::start_as(manners(&server), door, "201", Some(PASSWORD), &speech);
    server.sign_in("olena").set_ready();
    let caller = "380440000240";
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    phone.expect_event("CALL_INCOMING", SOON);
    phone.command("accept");
    let since = phone.expect_event("CALL_ESTABLISHED", SOON);
    // The silence behind it pushes the last tone through baresip's buffer.
    citizen.rtp.say(&[said.samples(), vec![0; SECOND / 2]].concat());
    assert_hears_all(&citizen, &answered, since, least);
    wait::until_true("the citizen to finish", SOON, || citizen.rtp.has_finished_speaking());
    phone.command("hangup");
    citizen.is_hung_up_on(SOON);
    let least = least - citizen.rtp.forgiven(&said);
    let heard = phone.heard();
    assert!(said.find(&heard).share >= least, "the phone heard {}", said.sketch(&heard));

    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call(caller);
    let recording = auditor.recording(&call);
    assert_eq!(recording.file_rate, 8000, "the caller's rate is the recording's");
    for (sequence, channel) in [(&said, &recording.left), (&answered, &recording.right)] {
        let found = sequence.find(channel);
        assert!(found.share >= least, "recorded {found:?} {}", sequence.sketch(channel));
    }
    assert!(answered.presence(&recording.left) < 0.01, "the operator is on the citizen's channel");
    assert_way(&auditor, &call, transport, says);
}

/// The citizen hears all that was said from `since` on.
fn assert_hears_all(citizen: &Citizen, sequence: &ToneSequence, since: Instant, least: f64) {
    let end = since + Duration::from_millis(sequence.length_ms() as u64) + FIRST_WORD;
    wait::until_true("as much as was said to be heard", SOON, || {
        citizen.rtp.heard().is_some_and(|heard| heard.until() >= end)
    });
    let heard = citizen.rtp.heard().expect("it was heard just now").samples;
    let found = sequence.find(&heard);
    let least = least - citizen.rtp.forgiven(sequence);
    assert!(found.share >= least, "the citizen heard {found:?} {}", sequence.sketch(&heard));
}

/// Every message between us and the operator's phone went over `transport`, and its answer says `says`.
fn assert_way(auditor: &Api, call: &Value, transport: &str, says: &str) {
    let id = call["id"].as_str().expect("a call has an id");
    let ladder = auditor.get(&format!("/api/v1/calls/{id}/ladder"));
    let rungs = ladder["items"].as_array().expect("a ladder has items").iter();
    let rungs: Vec<&Value> = rungs.filter(|rung| rung["party"] == "operator").collect();
    assert!(!rungs.is_empty() && rungs.iter().all(|rung| rung["transport"] == transport), "{rungs:?}");
    let mut texts = rungs.iter().filter_map(|rung| rung["text"].as_str());
    let answer = texts.find(|text| text.starts_with("SIP/2.0 200 ")).expect("the phone answered");
    assert!(answer.contains(says), "no {says} in {answer}");
}

#[test]
fn a_g722_caller_is_recorded_at_16_khz() {
    wideband_caller(G722);
}

#[test]
fn an_opus_caller_is_recorded_at_16_khz() {
    wideband_caller(OPUS);
}

/// A colleague's phone calls the short number, hears the greeting and speaks meanwhile.
fn wideband_caller(codec: &'static str) {
    let server = Server::start_alone();
    let auditor = server.sign_in("audyt");
    let said = ToneSequence::citizen(50, 3000);
    let speech = [said.samples(), vec![0; 20 * SECOND]].concat();
    let mut phone = Baresip::start_as(Manners::speaking(codec), server.sip, "201", Some(PASSWORD), &speech);
    phone.dial(&format!("sip:1580@{}", server.sip));
    phone.expect_event("CALL_ESTABLISHED", SOON);
    server.records_for(Duration::from_secs(4), 16_000);
    phone.command("hangup");
    let call = auditor.finished_call("201");
    let recording = auditor.recording(&call);
    assert_eq!(recording.file_rate, 16_000, "{codec}");
    assert_eq!(call["recordings"][0]["sample_rate"], 16_000, "{call}");
    let found = said.find(&recording.left);
    assert!(found.share > WHOLE_WIDEBAND, "{codec}: {found:?} {}", said.sketch(&recording.left));
    let greeting = rms(&recording.right);
    assert!(greeting > 100.0, "{codec}: the greeting is not on the right channel ({greeting})");
    assert!(rms(&phone.heard()) > 100.0, "{codec}: the phone heard no greeting");
}
