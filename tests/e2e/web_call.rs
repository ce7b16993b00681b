//! A citizen calls from the web page: the pages as they are built, in Chromium, on a real service. The menu is heard and
//! answered with the page's keys, an operator picks up a telephone, both are heard and recorded, nothing is left running.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::event;
use crate::audio::{self, ToneSequence};
use crate::desk_phone::DeskPhone;
use crate::node_script::{self, NodeScript};
use crate::secure_media::middle_is_heard;
use crate::server::{Server, Setup};
use crate::wait;

const SOON: Duration = Duration::from_secs(20);
/// On the record: Chromium's microphone runs by a busy machine's timer, some tones are cut.
const MOST: f64 = 0.8;
/// Of 16 bits; speech is far louder.
const AUDIBLE_RMS: f64 = 300.0;
const OPEN: &str = "button.here";
const CALL: &str = ".web-call form button[type=submit]";

/// The page of one citizen; its browser ends when dropped.
struct CitizenPage {
    script: NodeScript,
    _folder: TempDir,
}

impl CitizenPage {
    /// The microphone says `speech`, over and over.
    fn open(server: &Server, speech: &[i16]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let wav = folder.path().join("speech.wav");
        audio::write_mono(&wav, speech, audio::RATE as u32);
        let setup = json!({ "service": format!("http://{}", server.http), "speech": wav });
        let script = NodeScript::start("tests/e2e/web_call/citizen.mjs", &setup);
        let mut page = Self { script, _folder: folder };
        page.tell("open");
        page
    }

    fn tell(&mut self, command: &str) -> Value {
        self.script.command(json!({ "command": command }))
    }

    fn at(&mut self, command: &str, selector: &str) -> Value {
        self.script.command(json!({ "command": command, "selector": selector }))
    }

    /// What the page plays from now on, once it is more than a second.
    fn hears(&mut self) -> Vec<i16> {
        self.tell("listenAnew");
        wait::until("the page to play something", SOON, || {
            Some(node_script::samples(&self.tell("heard"))).filter(|heard| heard.len() > audio::RATE)
        })
    }
}

#[test]
fn a_citizen_calls_from_the_page_and_talks_with_an_operator() {
    let more = "[web_call]\nenabled = true\n".to_owned();
    let server = Server::start_with(&Setup { alone: true, more, ..Setup::default() });
    let auditor = server.sign_in("audyt");
    let mut phone = DeskPhone::register(server.sip, "201");
    server.sign_in("olena").set_ready();
    let said = ToneSequence::citizen(91, 20_000);
    let mut page = CitizenPage::open(&server, &said.samples());
    page.at("click", OPEN);
    let stated =
        json!({ "command": "fill", "selector": ".web-call input[type=tel]", "text": "+48 22 555 01 18" });
    page.script.command(stated);
    page.at("click", CALL);
    page.at("sees", ".keys");
    wait::until_true("the menu to be heard", SOON, || audio::rms(&page.hears()) > AUDIBLE_RMS);

    // English by touch, water by the keyboard.
    page.at("click", ".keys button >> nth=1");
    page.script.command(json!({ "command": "press", "key": "1" }));
    let invite = phone.is_called();
    assert!(invite.expect("From").contains("sip:anonymous@"), "{invite:?}");
    let talk = phone.pick_up(&invite);
    page.at("sees", ".web-call h2:has-text(\"You are talking with an operator\")");
    let number = page.at("text", ".figures div >> nth=1 >> dd");
    let spoken = ToneSequence::operator(91, 60_000);
    talk.rtp.say(&spoken.samples());
    wait::until_true("the operator to be heard in the page", SOON, || spoken.presence(&page.hears()) > 0.5);
    wait::until_true("the citizen to be heard", SOON, || {
        talk.rtp.listen_anew();
        let heard = wait::until("the operator to hear something", SOON, || {
            talk.rtp.heard().filter(|heard| heard.samples.len() > audio::RATE)
        });
        said.presence(&heard.samples) > 0.5
    });
    assert_eq!(auditor.metric("ringback_web_calls"), 1);
    page.at("click", ".web-call button.bad");
    phone.is_hung_up_on(&talk);
    page.at("sees", ".web-call h2:has-text(\"The call is over\")");

    let call = auditor.finished_call("");
    assert_eq!(call["origin"], "web", "{call}");
    assert_eq!(call["caller"], "");
    assert_eq!(call["stated_number"], "+48225550118");
    assert_eq!(call["language"], "en");
    assert_eq!(call["ivr_path"], json!(["language", "english", "topics", "water"]));
    assert_eq!(call["termination"], "caller_hung_up");
    assert_eq!(call["case"], number, "the page told the number of the case");
    let timeline = auditor.timeline(&call);
    let offered = event(&timeline, "contact.offered").expect("the call is on the record");
    assert_eq!(offered["data"]["caller_says"]["number"], "+48225550118", "{offered}");
    let recording = auditor.recording(&call);
    middle_is_heard(&said, &recording.left, MOST);
    middle_is_heard(&spoken, &recording.right, MOST);

    let left = json!({ "began": [1, 1, 1], "sockets": 0, "connections": 0, "tracks": 0 });
    wait::until_true("nothing of the call to run on", SOON, || page.tell("running") == left);
    assert_eq!(page.tell("complaints"), json!([]));
    assert_eq!(auditor.metric("ringback_web_calls"), 0);
    assert_eq!(auditor.metric_of("ringback_web_call_passes_total", "fate", "used"), 1);
}

#[test]
fn where_it_is_switched_off_there_is_no_button_and_no_pass() {
    let server = Server::start();
    let citizen = server.anonymous();
    assert_eq!(citizen.get("/api/v1/web-calls")["open"], false);
    let (status, problem) = citizen.send("POST", "/api/v1/web-calls", Some(&json!({})));
    assert_eq!((status, &problem["status"]), (403, &json!(403)), "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("switched off")), "{problem}");
    let mut page = CitizenPage::open(&server, &ToneSequence::citizen(92, 1000).samples());
    page.at("sees", "a.call");
    assert_eq!(page.at("count", OPEN), 0);

    // A reload opens it.
    let config = std::fs::read_to_string(server.config_path()).expect("the configuration can be read");
    std::fs::write(server.config_path(), format!("{config}\n[web_call]\nenabled = true\n"))
        .expect("the configuration can be written");
    server.signal("HUP");
    wait::until_true("calls from the page to be open", SOON, || {
        citizen.get("/api/v1/web-calls")["open"] == true
    });
    page.tell("open");
    page.at("sees", OPEN);
}
