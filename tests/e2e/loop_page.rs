//! The whole loop on the pages as they are built, in Chromium, on a real service and over real SIP: a citizen calls, an
//! operator writes the case, an executor's phone proves the work, control believes it, the city rings the citizen back, who
//! says no and then yes; and the auditor hears the very second.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::{Api, event, event_names};
use crate::audio::{self, ToneSequence};
use crate::citizen::Invite;
use crate::desk_page::{SOON, is_on_the_phone};
use crate::desk_phone::DeskPhone;
use crate::node_script::NodeScript;
use crate::photo::{jpeg, scene};
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server};
use crate::verification::{MOBILE, asking_server, hears, question};
use crate::wait;

/// Everybody's browsers; they end when dropped.
pub struct People {
    script: NodeScript,
    _folder: TempDir,
}

impl People {
    pub fn gather(server: &Server, speech: &[i16]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let wav = folder.path().join("speech.wav");
        audio::write_mono(&wav, speech, audio::RATE as u32);
        let setup = json!({ "service": format!("http://{}", server.http), "speech": wav });
        Self { script: NodeScript::start("tests/e2e/loop_page/people.mjs", &setup), _folder: folder }
    }

    /// Somebody opens a page and signs in there.
    pub fn enter(&mut self, who: &'static str, path: &str, size: &str) -> Person<'_> {
        let enter =
            json!({ "command": "enter", "who": who, "path": path, "size": size, "password": PASSWORD });
        self.script.command(enter);
        self.of(who)
    }

    /// A citizen opens a page, as everybody may.
    pub fn visit(&mut self, who: &'static str, path: &str, size: &str) -> Person<'_> {
        self.script.command(json!({ "command": "enter", "who": who, "path": path, "size": size }));
        self.of(who)
    }

    pub fn of(&mut self, who: &'static str) -> Person<'_> {
        Person { script: &mut self.script, who }
    }

    pub fn complaints(&mut self) -> Value {
        self.script.command(json!({ "command": "complaints" }))
    }
}

/// One of them, before the page.
pub struct Person<'a> {
    script: &'a mut NodeScript,
    who: &'static str,
}

impl Person<'_> {
    fn tell(&mut self, command: &str, selector: &str, text: &str) -> Value {
        let who = self.who;
        self.script.command(json!({ "command": command, "who": who, "selector": selector, "text": text }))
    }

    pub fn click(&mut self, selector: &str) -> &mut Self {
        self.tell("click", selector, "");
        self
    }

    pub fn press(&mut self, key: &str) -> &mut Self {
        self.tell("press", "", key);
        self
    }

    pub fn fill(&mut self, selector: &str, text: &str) -> &mut Self {
        self.tell("fill", selector, text);
        self
    }

    pub fn sees(&mut self, selector: &str) -> &mut Self {
        self.tell("sees", selector, "");
        self
    }

    pub fn reload(&mut self) -> &mut Self {
        self.tell("reload", "", "");
        self
    }

    pub fn count(&mut self, selector: &str) -> u64 {
        self.tell("count", selector, "").as_u64().expect("a count is a number")
    }

    pub fn text(&mut self, selector: &str) -> String {
        self.tell("text", selector, "").as_str().unwrap_or_default().trim().to_owned()
    }

    /// Presses the player's own button.
    pub fn plays(&mut self) -> &mut Self {
        self.tell("play", "", "");
        self
    }

    /// The second of the recording that sounds, once it is not before `from_secs`.
    pub fn hears_from(&mut self, from_secs: f64) -> f64 {
        self.tell("plays", "", &from_secs.to_string()).as_f64().expect("a place in a recording")
    }

    pub fn photographs(&mut self, selector: &str, seed: u64) -> &mut Self {
        let bytes = STANDARD.encode(jpeg(&scene(seed, 320, 240), 85));
        let who = self.who;
        let photo = json!({ "command": "photo", "who": who, "selector": selector, "name": "photo.jpg", "bytes": bytes });
        self.script.command(photo);
        self
    }
}

/// The citizen's call, answered and written up by an operator in the page; the register number.
fn operator_writes_the_case(server: &Server, people: &mut People, caller: &str) -> String {
    let auditor = server.sign_in("audyt");
    let mut olena = people.enter("olena", "/desk", "desk");
    olena
        .click(".places button >> nth=0")
        .sees("dialog .yes")
        .click("dialog .button.main")
        .sees(".phone .tag.good");
    is_on_the_phone(&auditor, "olena", true);
    olena.sees(".status button:not(:disabled)").press("F2");
    wait::until_true("the operator to be ready", SOON, || auditor.status_of("olena") == "ready");
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    olena.sees(".call.ringing").sees(".take").press("F9").sees(".controls");
    citizen.rtp.say(&ToneSequence::citizen(171, 60_000).samples());

    olena.click("#category").fill("#category", "burst").press("Enter").sees(".saved:has-text(\"Saved\")");
    olena.click("#address").fill("#address", "леніна 12").sees("#address-list [role=option]").press("Enter");
    olena.sees(".promise:has-text(\"will do it by\")");
    olena.fill("#description", "Water runs over the road").press("F4").sees(".tag:has-text(\"assigned\")");
    let number = olena.text(".column h2 bdi.num");
    olena.press("F8").click("button:has-text(\"Case created\")");
    citizen.is_hung_up_on(SOON);
    number
}

/// On a phone in the street: photos before and after, and the report.
fn executor_proves_and_reports(people: &mut People, seed: u64) {
    let mut worker = people.of("vykonavets");
    let (before, after) = (".photos label:nth-child(1) input", ".photos label:nth-child(2) input");
    let told = worker.count(".caption:has-text(\"Before\")");
    worker.photographs(before, seed).sees(&format!(".caption:has-text(\"Before\") >> nth={told}"));
    worker.photographs(after, seed + 1).sees(&format!(".caption:has-text(\"After\") >> nth={told}"));
    worker.click(".steps button:has-text(\"Work done\")");
    worker.fill("dialog textarea", "The pipe is mended").click("dialog button.main");
    worker.sees(".notice.good:has-text(\"Sent for checking\")");
}

/// Control looks at the photographs and believes them; the telephone of the citizen rings, and what they press counts.
fn control_believes_and_the_citizen_presses(
    people: &mut People,
    line: &mut DeskPhone,
    number: &str,
    key: &str,
) {
    let mut control = people.of("kontrol");
    control.click(&format!(".list li button:has-text(\"{number}\")"));
    control.sees("figure img").sees("p:has-text(\"The pipe is mended\")");
    control.click("button:has-text(\"Accept evidence\")").sees(".asking");
    let invite = line.is_called();
    assert!(invite.start_line.contains(MOBILE), "{invite:?}");
    let talk = line.pick_up(&invite);
    hears(&talk, "the question", &question());
    talk.rtp.press(key);
    line.is_hung_up_on(&talk);
}

#[test]
fn a_case_goes_round_until_the_citizen_says_yes() {
    let (server, mut line) = asking_server();
    let mut people = People::gather(&server, &ToneSequence::operator(172, 20_000).samples());
    let number = operator_writes_the_case(&server, &mut people, MOBILE);

    let mut worker = people.enter("vykonavets", "/work", "phone");
    worker.click(&format!(".order:has-text(\"{number}\")"));
    worker.click(".steps button:has-text(\"Accept\")").click(".steps button:has-text(\"On site\")");
    worker.sees(".steps button:has-text(\"Work done\")");
    executor_proves_and_reports(&mut people, 1_700);
    people.enter("kontrol", "/control", "desk");
    control_believes_and_the_citizen_presses(&mut people, &mut line, &number, "2");
    // Who looks at the case sees it go back to work, one level up, without asking.
    people.of("kontrol").sees(".detail .tag:has-text(\"Level 1\")");

    people.of("vykonavets").reload().sees(".steps button:has-text(\"Work done\")").sees(".notice.warn");
    executor_proves_and_reports(&mut people, 1_710);
    control_believes_and_the_citizen_presses(&mut people, &mut line, &number, "1");
    people
        .of("kontrol")
        .sees(".detail:has-text(\"The case is closed.\"):has-text(\"Fixed, applicant confirmed\")");

    let auditor = server.sign_in("audyt");
    let refuted = every_step_has_its_place(&auditor, &number);
    let mut audit = people.enter("audyt", "/audit", "desk");
    audit.fill("#case", &number).click(".filters button.main");
    // Newest first: two calls that asked, and below them the one that began it.
    audit.sees(".list li >> nth=2").click(".list li >> nth=2 >> button");
    audit.click("button:has-text(\"With the case\")").sees("li:has-text(\"Case closed\")");
    for step in [
        "Case registered",
        "Operator picked up",
        "Case classified",
        "Work order issued",
        "Work order accepted",
        "Work started",
        "Photo received",
        "Work reported",
        "Evidence accepted",
        "Applicant said no",
        "Applicant confirmed",
        "Case closed",
    ] {
        audit.sees(&format!("li .name:has-text(\"{step}\")"));
    }
    // What the operator did while talking is heard in this recording, what the citizen answered in another one.
    audit.click("li:has-text(\"Work order issued\") .jump");
    audit.hears_from(1.0);
    audit.click("li:has-text(\"Applicant said no\") .jump");
    let second = audit.hears_from(refuted);
    assert!(second < refuted + 5.0, "{second} for {refuted}");
    let played = wait::until("the listening to be journalled", SOON, || {
        let timeline = auditor.get(&format!("/api/v1/cases/{number}/timeline"));
        let items = timeline["items"].as_array().expect("a timeline has items").clone();
        let played = items.into_iter().filter(|item| item["type"] == "access.played").collect::<Vec<_>>();
        (played.len() >= 2).then_some(played)
    });
    assert!(played.iter().all(|item| item["actor"]["kind"] == "auditor"), "{played:?}");
    the_citizen_sees_and_hears(&server, &mut people, &number);
    assert_eq!(people.complaints(), json!([]));
}

/// With the code that the operator tells, on a phone: what was done, and, where the city's rule says so, the own voice.
fn the_citizen_sees_and_hears(server: &Server, people: &mut People, number: &str) {
    let mut olena = people.of("olena");
    olena.click("button:has-text(\"Give a code\")").sees("dialog .code");
    let code = olena.text("dialog .code");
    let mut citizen = people.visit("citizen", "/", "phone");
    citizen.click("#request .row > button >> nth=1");
    citizen.fill("#request form input >> nth=0", number).fill("#request form input >> nth=1", &code);
    citizen.click("#request form button[type=submit]").sees("#request figure img >> nth=3");
    citizen.fill(".own input", MOBILE).click(".own li:last-child button").click(".own li:last-child button");
    citizen.sees("audio").plays().hears_from(0.5);
    let auditor = server.sign_in("audyt");
    let timeline = auditor.get(&format!("/api/v1/cases/{number}/timeline"));
    let items = timeline["items"].as_array().expect("a timeline has items").clone();
    let heard = items.iter().rfind(|item| item["type"] == "access.played").expect("somebody listened");
    assert_eq!(heard["actor"]["kind"], "applicant", "{heard}");
    assert_eq!(heard["data"]["own_voice_only"], true, "{heard}");
}

/// Each step is on the timeline, in order; those of a call say where in its recording. The second of "not fixed".
fn every_step_has_its_place(auditor: &Api, number: &str) -> f64 {
    let timeline = wait::until("all recordings to be sealed", SOON, || {
        let timeline = auditor.get(&format!("/api/v1/cases/{number}/timeline"));
        let items = timeline["items"].as_array().expect("a timeline has items").clone();
        (event_names(&items).iter().filter(|name| **name == "rec.sealed").count() == 3).then_some(items)
    });
    let names = event_names(&timeline);
    let mut rest = names.iter();
    for step in [
        "contact.offered",
        "case.registered",
        "contact.connected",
        "case.classified",
        "wo.issued",
        "contact.ended",
        "wo.accepted",
        "wo.started",
        "evidence.received",
        "wo.reported",
        "evidence.accepted",
        "verify.refuted",
        "evidence.received",
        "wo.reported",
        "evidence.accepted",
        "verify.confirmed",
        "case.closed",
    ] {
        assert!(rest.any(|name| *name == step), "no {step} in its place in {names:?}");
    }
    for item in &timeline {
        let name = item["type"].as_str().unwrap_or_default();
        let said =
            ["verify.refuted", "verify.confirmed", "case.classified", "wo.issued", "contact.connected"];
        if said.contains(&name) || name.starts_with("ivr.") {
            assert!(item["recording"].is_string() && item["offset_ms"].is_u64(), "where was it said? {item}");
        }
    }
    let closed = event(&timeline, "case.closed").expect("checked above");
    assert_eq!(closed["data"]["code"], "fixed_confirmed", "{closed}");
    let refuted = event(&timeline, "verify.refuted").expect("checked above");
    assert_eq!(refuted["data"]["level"], 1, "one level up: {refuted}");
    refuted["offset_ms"].as_f64().unwrap_or_default() / 1000.0
}
