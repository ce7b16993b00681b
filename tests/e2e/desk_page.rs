//! The operator's desk with the phone in the page: the pages as they are built, in Chromium, on a real service. A citizen
//! on a trunk is put through, both are heard, held, muted, cut off from the SIP socket, hung up; the page leaves.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::Api;
use crate::audio::{self, ToneSequence};
use crate::citizen::{Citizen, Invite};
use crate::node_script::{self, NodeScript};
use crate::secure_media::middle_is_heard;
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server};
use crate::wait;

pub const SOON: Duration = Duration::from_secs(20);
/// On the record: Chromium's microphone runs by a busy machine's timer, some tones are cut.
const MOST: f64 = 0.8;
/// Of what is heard when nothing of a tone is: music has some of its own.
const HARDLY: f64 = 0.1;
/// The selectors of what the operator looks at and clicks on.
const PHONE_IN_THE_PAGE: &str = ".places button >> nth=0";
pub const REGISTERED: &str = ".phone .tag.good";
const MUTED: &str = ".controls button[aria-pressed=true] >> nth=0";
const HELD: &str = ".controls button[aria-pressed=true]:has-text(\"On hold\")";

/// The desk of one operator; its browser ends when dropped.
pub struct Desk {
    script: NodeScript,
    _folder: TempDir,
}

impl Desk {
    /// Signs in by the page. The microphone says `speech`, over and over.
    pub fn open(server: &Server, user: &str, speech: &[i16]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let wav = folder.path().join("speech.wav");
        audio::write_mono(&wav, speech, audio::RATE as u32);
        let service = format!("http://{}", server.http);
        let setup = json!({ "service": service, "user": user, "password": PASSWORD, "speech": wav });
        let mut desk =
            Self { script: NodeScript::start("tests/e2e/desk_page/desk.mjs", &setup), _folder: folder };
        desk.tell("open");
        desk.tell("signIn");
        desk
    }

    pub fn tell(&mut self, command: &str) -> Value {
        self.script.command(json!({ "command": command }))
    }

    pub fn press(&mut self, key: &str) {
        self.script.command(json!({ "command": "press", "key": key }));
    }

    pub fn types(&mut self, text: &str) {
        self.script.command(json!({ "command": "type", "text": text }));
    }

    pub fn click(&mut self, selector: &str) {
        self.script.command(json!({ "command": "click", "selector": selector }));
    }

    pub fn sees(&mut self, selector: &str) {
        self.script.command(json!({ "command": "sees", "selector": selector }));
    }

    /// As it is now.
    pub fn shows(&mut self, selector: &str) -> bool {
        self.script.command(json!({ "command": "shows", "selector": selector })) == true
    }

    /// Chooses the phone in the page, and tries its sound.
    pub fn take_phone(&mut self) {
        self.click(PHONE_IN_THE_PAGE);
        self.sees("dialog .yes");
        self.click("dialog .button.main");
        self.sees(REGISTERED);
    }

    pub fn heard(&mut self) -> Vec<i16> {
        node_script::samples(&self.tell("heard"))
    }
}

/// Share of the last second and more that the citizen heard which holds the operator's tones.
fn share_heard(citizen: &Citizen, spoken: &ToneSequence) -> f64 {
    citizen.rtp.listen_anew();
    wait::until("the citizen to hear something", SOON, || {
        let heard = citizen.rtp.heard()?;
        (heard.samples.len() > audio::RATE).then(|| spoken.presence(&heard.samples))
    })
}

fn operator_is_heard(citizen: &Citizen, spoken: &ToneSequence) {
    wait::until_true("the operator to be heard", SOON, || share_heard(citizen, spoken) > 0.5);
}

fn operator_is_silent(citizen: &Citizen, spoken: &ToneSequence) {
    wait::until_true("the operator not to be heard", SOON, || share_heard(citizen, spoken) < HARDLY);
}

/// The page plays what the citizen says. How well is `browser_call.rs`'s question; here it is whether.
fn citizen_is_heard(desk: &mut Desk, said: &ToneSequence) {
    wait::until_true("the citizen to be heard in the page", SOON, || {
        desk.tell("listenAnew");
        let heard = wait::until("the page to play something", SOON, || {
            Some(desk.heard()).filter(|heard| heard.len() > audio::RATE)
        });
        said.presence(&heard) > 0.5
    });
}

pub fn is_on_the_phone(api: &Api, name: &str, registered: bool) {
    wait::until_true("the registration to be seen", SOON, || {
        let operators = api.items("/api/v1/operators");
        let operator = operators.iter().find(|operator| operator["name"] == name);
        operator.is_some_and(|operator| operator["registered"] == registered)
    });
}

#[test]
fn an_operator_talks_in_the_page() {
    let server = Server::start_alone();
    let auditor = server.sign_in("audyt");
    let spoken = ToneSequence::operator(71, 20_000);
    let mut desk = Desk::open(&server, "olena", &spoken.samples());
    desk.take_phone();
    is_on_the_phone(&auditor, "olena", true);
    desk.sees(".status button:not(:disabled)");
    desk.press("F2");
    wait::until_true("the operator to be ready", SOON, || auditor.status_of("olena") == "ready");

    let caller = "380440000701";
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    desk.sees(".call.ringing");
    desk.sees(".take");
    desk.press("F9");
    desk.sees(".controls");
    let said = ToneSequence::citizen(71, 60_000);
    citizen.rtp.say(&said.samples());
    operator_is_heard(&citizen, &spoken);
    citizen_is_heard(&mut desk, &said);
    desk.sees(".quality:has-text(\"Loss\")");

    desk.press("F6");
    desk.sees(HELD);
    operator_is_silent(&citizen, &spoken);
    desk.press("F6");
    operator_is_heard(&citizen, &spoken);
    citizen_is_heard(&mut desk, &said);
    desk.press("F3");
    desk.sees(MUTED);
    operator_is_silent(&citizen, &spoken);
    desk.press("F3");
    operator_is_heard(&citizen, &spoken);

    // The socket breaks in the middle of the call: sound goes on, and the phone comes back for its BYE.
    desk.tell("cutSocket");
    desk.sees(".phone .tag.warn");
    desk.sees(REGISTERED);
    operator_is_heard(&citizen, &spoken);
    citizen_is_heard(&mut desk, &said);
    desk.press("F8");
    citizen.is_hung_up_on(SOON);

    let call = auditor.finished_call(caller);
    assert_eq!(call["termination"], "operator_hung_up", "{call}");
    let recording = auditor.recording(&call);
    middle_is_heard(&spoken, &recording.right, MOST);
    middle_is_heard(&said, &recording.left, MOST);

    desk.tell("leave");
    is_on_the_phone(&auditor, "olena", false);
    assert_eq!(desk.tell("complaints"), json!([]));
}

#[test]
fn a_page_declines_and_comes_back_after_the_service_does() {
    let mut server = Server::start_alone();
    let mut desk = Desk::open(&server, "olena", &ToneSequence::operator(73, 2000).samples());
    desk.take_phone();
    server.sign_in("olena").set_ready();
    let mut citizen = Invite { caller: "380440000702".to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    desk.sees(".take");
    desk.press("F8");
    // The caller waits for somebody else.
    server.sign_in("audyt").call_where("380440000702", "declined", |call| call["connected_at"].is_null());
    wait::until_true("the operator not to be offered it", SOON, || {
        !["offered", "talking"].contains(&server.sign_in("audyt").status_of("olena").as_str())
    });
    citizen.hang_up();

    server.kill();
    desk.sees(".phone .tag.warn");
    server.run();
    desk.sees(REGISTERED);
    is_on_the_phone(&server.sign_in("audyt"), "olena", true);
}
