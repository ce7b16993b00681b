//! A citizen on a telephone trunk (PCMA over plain RTP) and an operator in a browser: SIP over WebSocket, ICE,
//! DTLS-SRTP, with Opus, G.722 and PCMA. Each is heard at the other end and stands in the recording.

use std::time::Duration;

use crate::api::event;
use crate::audio::ToneSequence;
use crate::browser_phone::BrowserPhone;
use crate::citizen::Invite;
use crate::secure_media::middle_is_heard;
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server};
use crate::wait;

const SOON: Duration = Duration::from_secs(20);
/// Chromium's audio path runs by the sound card's clock, which here is a busy machine's timer: some tones are cut.
const MOST: f64 = 0.8;

#[test]
fn opus() {
    talk_with_a_browser(&["opus"], "audio/opus", "380440000301");
}

#[test]
fn g722() {
    talk_with_a_browser(&["g722"], "audio/G722", "380440000302");
}

#[test]
fn pcma() {
    talk_with_a_browser(&["pcma"], "audio/PCMA", "380440000303");
}

fn talk_with_a_browser(codecs: &[&str], mime_type: &str, caller: &str) {
    let server = Server::start_alone();
    let spoken = ToneSequence::operator(41, 20_000);
    let mut operator = BrowserPhone::register(&server, "201", PASSWORD, &spoken.samples(), codecs);
    server.sign_in("olena").set_ready();
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    operator.expect_event("rings", SOON);
    operator.command("answer");
    operator.expect_event("confirmed", SOON);
    operator.is_connected(SOON);

    citizen.rtp.listen_anew();
    wait::until_true("the operator to be heard", SOON, || {
        citizen.rtp.heard().is_some_and(|heard| spoken.presence(&heard.samples) > 0.5)
    });
    operator.command("listenAnew");
    let said = ToneSequence::citizen(41, 3000);
    citizen.rtp.say(&[said.samples(), vec![0; 8000]].concat());
    wait::until_true("the citizen to finish", SOON, || citizen.rtp.has_finished_speaking());
    let heard = operator.heard();
    let found = said.find(&heard);
    assert!(found.share > MOST, "in the browser: {found:?}: {}", said.sketch(&heard));
    // By now seconds of the operator were heard, who speaks without end.
    let heard = citizen.rtp.heard().expect("the operator was heard before");
    middle_is_heard(&spoken, &heard.samples, MOST);
    let statistics = operator.command("statistics");
    assert_eq!(statistics["heard_with"], mime_type, "{statistics}");

    operator.command("hangUp");
    citizen.is_hung_up_on(SOON);
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call(caller);
    assert_eq!(call["termination"], "operator_hung_up", "{call}");
    assert!(event(&auditor.timeline(&call), "contact.connected").is_some());
    let recording = auditor.recording(&call);
    let left = said.find(&recording.left);
    let least = 0.95 - citizen.rtp.forgiven(&said);
    assert!(left.share > least, "the citizen in the recording: {left:?}: {}", said.sketch(&recording.left));
    middle_is_heard(&spoken, &recording.right, MOST);
}
