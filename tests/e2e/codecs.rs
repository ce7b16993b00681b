//! Codecs of phones we did not write: baresip speaks G.722 and Opus, as the operator's phone beside a caller on PCMA
//! and as the caller. Each is heard at the other end and in the recording.

use std::time::Duration;

use crate::audio::ToneSequence;
use crate::baresip::Baresip;
use crate::citizen::Invite;
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);
/// Of a sequence, what must be there. The predictor of G.722 needs some milliseconds when one pure tone jumps to a far
/// one; a lost second would cost 0.25.
const WHOLE: f64 = 0.88;
/// As baresip names them.
const WIDEBAND: [&str; 2] = ["G722/16000/1", "opus/48000/2"];

#[test]
fn wideband_phones_talk_to_a_narrowband_caller() {
    let server = Server::start();
    let (olena, auditor) = (server.sign_in("olena"), server.sign_in("audyt"));
    for (number, codec) in (40_u64..).zip(WIDEBAND) {
        let caller = format!("3804400002{number}");
        let (said, answered) = (ToneSequence::citizen(number, 3000), ToneSequence::operator(number, 4000));
        let mut phone = Baresip::speaking(codec, server.sip, "201", Some(PASSWORD), &answered.samples());
        olena.set_ready();
        let mut citizen = Invite { caller: caller.clone(), ..Invite::default() }.call(server.sip);
        citizen.rtp.press(KEYS_TO_QUEUE);
        phone.expect_event("CALL_INCOMING", SOON);
        phone.command("accept");
        phone.expect_event("CALL_ESTABLISHED", SOON);
        citizen.rtp.say(&said.samples());
        wait::until_true("the operator to be heard", SOON, || {
            citizen.rtp.heard().is_some_and(|heard| answered.find(&heard.samples).share > WHOLE)
        });
        wait::until_true("the citizen to finish", SOON, || citizen.rtp.has_finished_speaking());
        // The last packets are still on their way to the phone's loudspeaker.
        citizen.rtp.say(&[0; 4000]);
        wait::until_true("the silence behind it", SOON, || citizen.rtp.has_finished_speaking());
        phone.command("hangup");
        citizen.is_hung_up_on(SOON);
        let heard = phone.heard();
        assert!(said.find(&heard).share > WHOLE, "{codec}: the phone heard {}", said.sketch(&heard));
        let recording = auditor.recording(&auditor.finished_call(&caller));
        assert_eq!(recording.file_rate, 8000, "{codec}: the caller's rate is the recording's");
        for (sequence, channel) in [(&said, &recording.left), (&answered, &recording.right)] {
            let found = sequence.find(channel);
            assert!(found.share > WHOLE, "{codec}: recorded {found:?} {}", sequence.sketch(channel));
        }
        olena.post("/api/v1/operators/me/wrap-up-done", &serde_json::json!({}));
    }
}

#[test]
fn a_g722_caller_is_recorded_at_16_khz() {
    wideband_caller(WIDEBAND[0]);
}

#[test]
fn an_opus_caller_is_recorded_at_16_khz() {
    wideband_caller(WIDEBAND[1]);
}

/// A colleague's phone calls the short number, hears the greeting and speaks meanwhile.
fn wideband_caller(codec: &'static str) {
    let server = Server::start();
    let auditor = server.sign_in("audyt");
    let said = ToneSequence::citizen(50, 3000);
    let mut phone = Baresip::speaking(codec, server.sip, "201", Some(PASSWORD), &said.samples());
    phone.dial(&format!("sip:1580@{}", server.sip));
    let since = phone.expect_event("CALL_ESTABLISHED", SOON);
    wait::until_true("the talk to be over", SOON, || since.elapsed() > Duration::from_secs(4));
    phone.command("hangup");
    let call = auditor.finished_call("201");
    let recording = auditor.recording(&call);
    assert_eq!(recording.file_rate, 16_000, "{codec}");
    assert_eq!(call["recordings"][0]["sample_rate"], 16_000, "{call}");
    let found = said.find(&recording.left);
    assert!(found.share > WHOLE, "{codec}: {found:?} {}", said.sketch(&recording.left));
    let greeting = crate::audio::rms(&recording.right);
    assert!(greeting > 100.0, "{codec}: the greeting is not on the right channel ({greeting})");
    assert!(crate::audio::rms(&phone.heard()) > 100.0, "{codec}: the phone heard no greeting");
}
