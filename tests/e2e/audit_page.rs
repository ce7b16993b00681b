//! The auditor's page on a real service, in Chromium: a real call with known tones is searched for, opened, and heard from
//! an event on. What the page plays is that very second of what was said, soon, one side alone when so wanted; and the
//! journal names the seconds. A finding stays where it was noted.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::{Api, event};
use crate::audio::{self, RATE, ToneSequence};
use crate::call_audio::{Keys, call_through};
use crate::node_script::{self, NodeScript};
use crate::server::{PASSWORD, Server};
use crate::sip_wire::Transport;
use crate::wait;

const SOON: Duration = Duration::from_secs(25);
const CALLER: &str = "380440000725";
/// As long as `call_through` lets each side speak.
const SPEECH_MS: usize = 4000;
/// Of what the citizen said, what must be heard again in the page.
const WHOLE: f64 = 0.9;
/// From the click to the first sample, in milliseconds.
const FIRST_SOUND_MS: f64 = 1000.0;
/// What is heard against the moment that was clicked on.
const PLACE_MS: i64 = 200;

/// An auditor before the page; the browser ends when dropped.
struct Auditor {
    script: NodeScript,
    _folder: TempDir,
}

impl Auditor {
    fn enter(server: &Server) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let wav = folder.path().join("speech.wav");
        audio::write_mono(&wav, &[0; RATE], RATE as u32);
        let setup = json!({ "service": format!("http://{}", server.http), "speech": wav });
        let script = NodeScript::start("tests/e2e/audit_page/auditor.mjs", &setup);
        let mut auditor = Self { script, _folder: folder };
        auditor.tell(json!({ "command": "enter", "user": "audyt", "password": PASSWORD }));
        auditor
    }

    fn tell(&mut self, command: Value) -> Value {
        self.script.command(command)
    }

    fn click(&mut self, selector: &str) {
        self.tell(json!({ "command": "click", "selector": selector }));
    }

    fn press(&mut self, key: &str) {
        self.tell(json!({ "command": "press", "key": key }));
    }

    fn fill(&mut self, selector: &str, text: &str) {
        self.tell(json!({ "command": "fill", "selector": selector, "text": text }));
    }

    fn sees(&mut self, selector: &str) {
        self.tell(json!({ "command": "sees", "selector": selector }));
    }

    /// What the page has played since `listen_anew`, once it is this long.
    fn hears(&mut self, millis: usize) -> Vec<i16> {
        wait::until("the page to play", SOON, || {
            let heard = node_script::samples(&self.tell(json!({ "command": "heard" })));
            (heard.len() > millis * RATE / 1000).then_some(heard)
        })
    }
}

/// Milliseconds that the journal says the auditor was sent, joined.
fn sent(auditor: &Api, call: &Value) -> Vec<[u64; 2]> {
    let timeline = auditor.timeline(call);
    let played =
        timeline.iter().filter(|item| item["type"] == "access.played" && item["actor"]["kind"] == "auditor");
    played.filter_map(|item| serde_json::from_value(item["data"]["millis"].clone()).ok()).collect()
}

#[test]
fn an_event_is_clicked_and_that_second_is_heard() {
    let server = Server::start_alone();
    call_through(&server, server.sip, Transport::Udp, Keys::Event { payload_type: 101 }, CALLER);
    let api = server.sign_in("audyt");
    let call = api.finished_call(CALLER);
    let timeline = api.timeline(&call);
    let connected = event(&timeline, "contact.connected").expect("the operator was connected");
    let offset_ms = connected["offset_ms"].as_i64().expect("it has a place in the recording");
    let before = sent(&api, &call).len();

    let mut auditor = Auditor::enter(&server);
    auditor.fill("#caller", &CALLER[3..]);
    auditor.click(".filters button.main");
    let opened = auditor
        .tell(json!({ "command": "opens", "selector": ".list li button", "until": ".player .canvas" }));
    println!("the call opens in {opened} ms");
    auditor.sees("li:has-text(\"Operator picked up\") .jump");
    assert_eq!(sent(&api, &call).len(), before, "nothing was sent before it was to be heard");
    // The citizen alone.
    auditor.press("2");
    auditor.tell(json!({ "command": "listenAnew" }));
    auditor.click("li:has-text(\"Operator picked up\") .jump");
    let heard = auditor.hears(SPEECH_MS + 2500);
    let delay = auditor.tell(json!({ "command": "delay" })).as_f64().expect("something was heard");
    auditor.press("k");
    // Before the test itself listens to the recording.
    let named = sent(&api, &call)[before..].to_vec();

    let said = ToneSequence::citizen(1, SPEECH_MS);
    let answered = ToneSequence::operator(2, SPEECH_MS);
    let recorded = said.find(&api.recording(&call).left);
    let found = said.find(&heard);
    assert!(found.share > WHOLE, "{found:?}: {}", said.sketch(&heard));
    assert!(answered.presence(&heard) < 0.05, "the city's side was silenced");
    let off = offset_ms + found.start_ms - recorded.start_ms;
    println!("first sound {delay:.0} ms after the click, {off} ms from the event's place");
    assert!(delay < FIRST_SOUND_MS, "the first sound came after {delay} ms");
    assert!(off.abs() <= PLACE_MS, "heard {off} ms from where it was said");

    let place = offset_ms as u64;
    assert!(named.iter().any(|[from, to]| *from <= place && place < *to), "{place} is not in {named:?}");
    // Nothing of the menus before, which were not listened to, but for what stands in the same block.
    assert!(named.iter().all(|[from, _]| *from + 5000 > place), "{named:?} for {place}");
    auditor.sees("section:has(h2:has-text(\"Who listened\")) li:has-text(\"you\")");

    auditor.press("m");
    auditor.fill("#finding", "Interrupts the caller");
    auditor.click(".findings button.main");
    auditor.sees(".findings li:has-text(\"Interrupts the caller\") .jump");
    let path = format!("/api/v1/calls/{}/findings", call["id"].as_str().unwrap_or_default());
    let findings = api.items(&path);
    let noted_ms = findings[0]["offset_ms"].as_i64().unwrap_or_default();
    assert!(noted_ms >= offset_ms + SPEECH_MS as i64, "{findings:?}");
    let told = api.timeline(&call);
    let told = event(&told, "finding.noted").expect("it is on the journal");
    assert!(!told.to_string().contains("Interrupts"), "{told}");
    assert_eq!(auditor.tell(json!({ "command": "complaints" })), json!([]));
}
