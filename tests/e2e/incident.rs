//! A mass outage by telephone: callers from its district hear of it before they wait, press a key to be told, are rung when it
//! is over; who says "no" is back at work one level up, the last answer closes it. And the journal tells the same.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::api::{Api, event, event_names};
use crate::audio::{ToneSequence, write_mono};
use crate::citizen::Invite;
use crate::desk_phone::{DeskPhone, Talk};
use crate::outside::with_lines_and;
use crate::server::Server;
use crate::transfer::SOON;
use crate::verification::{
    LINE, MOBILE, OTHER, VERIFICATION, executor_of_water, hears, path, question, reported, state, water,
};
use crate::wait;

/// English.
const KEYS_TO_OUTAGE: &str = "2";
/// Asked as the shipped plan asks.
const OUTAGE: &str = r#"
[node.outages]
kind = "lookup"
what = "incident"
found = "outage"
not_found = "topics"
failed = "topics"
unknown = "topics"

[node.outage]
kind = "menu"
prompt = ["$incident", "incident.offer"]
keys = { 1 = "attach", 2 = "topics", 0 = "urgent" }
timeout_secs = 10
no_input = { after = 1, to = "topics" }
no_match = { after = 1, to = "topics" }

[node.attach]
kind = "attach"
next = "attached"
no_number = "topics"

[node.attached]
kind = "hangup"
prompt = "incident.attached"
"#;

fn district() -> ToneSequence {
    ToneSequence::operator(231, 1_500)
}

fn soon() -> ToneSequence {
    ToneSequence::colleague(232, 1_500)
}

fn restored() -> ToneSequence {
    ToneSequence::operator(233, 1_500)
}

/// A server with one line, whose plan looks for incidents and whose prompts can be told apart by ear.
fn server_in_an_outage() -> (Server, DeskPhone) {
    let (mut server, mut lines) = with_lines_and(&[LINE], "");
    server.kill();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("dialplans/verification.toml");
    let plan = fs::read_to_string(shipped).expect("the shipped plan is there");
    let plan = plan
        .replace("\"uk\", \"en\", \"lt\", \"pl\", \"ru\", \"he\"", "\"uk\", \"en\"")
        .replace("timeout_secs = 6", "timeout_secs = 10");
    let folder = server.folder().join("dialplans");
    fs::write(folder.join("verification.toml"), plan).expect("the plan can be written");
    let tree = fs::read_to_string(server.dialplan_path()).expect("the tree is there");
    let tree = tree.replace("language = \"en\"\nnext = \"topics\"", "language = \"en\"\nnext = \"outages\"");
    fs::write(server.dialplan_path(), tree + OUTAGE).expect("the tree can be written");
    fs::create_dir_all(folder.join("prompts/en")).expect("a folder can be made");
    let sounds = [
        ("incident.in_district", district()),
        ("incident.until_unknown", soon()),
        ("verify.restored", restored()),
        ("verify.question", question()),
    ];
    for (id, sound) in sounds {
        write_mono(&folder.join(format!("prompts/en/{id}.wav")), &sound.samples(), 8_000);
    }
    // What is said before is short, and of other tones.
    let digits = (0..10).map(|digit| format!("number.{digit}"));
    for (seed, id) in (240..).zip(digits.chain(["verify.greeting".to_owned(), "verify.case".to_owned()])) {
        write_mono(
            &folder.join(format!("prompts/en/{id}.wav")),
            &ToneSequence::citizen(seed, 300).samples(),
            8_000,
        );
    }
    let text = fs::read_to_string(server.config_path()).expect("the configuration is there");
    fs::write(server.config_path(), text + VERIFICATION).expect("the configuration can be written");
    server.run();
    server.add_person("vykonavets", "executor", &["--organisation", &executor_of_water(&server)]);
    (server, lines.remove(0))
}

fn incident(api: &Api, number: u64) -> Value {
    api.get(&format!("/api/v1/incidents/{number}"))
}

/// Calls from the area, hears of it and presses 1; the case that is attached.
fn attached(server: &Server, caller: &str, number: u64, before: u64) -> String {
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_OUTAGE);
    for (what, sound) in [("where it is", district()), ("that the time is being clarified", soon())] {
        wait::until_true(what, 3 * SOON, || {
            citizen.rtp.heard().is_some_and(|heard| sound.find(&heard.samples).share > 0.6)
        });
    }
    citizen.rtp.press("1");
    citizen.is_hung_up_on(3 * SOON);
    let control = server.sign_in("kontrol");
    wait::until_true("the caller to be attached", SOON, || {
        incident(&control, number)["cases"]["attached"] == before + 1
    });
    let auditor = server.sign_in("audyt");
    let call = wait::until("the call to be over and on a case", SOON, || {
        let over = |call: &Value| {
            call["ivr_path"].as_array().is_some_and(|path| path.contains(&json!("attach")))
                && call["ended_at"].is_string()
                && call["case"].is_string()
        };
        auditor.calls_of(&caller[1..]).into_iter().find(over)
    });
    call["case"].as_str().expect("it has one").to_owned()
}

#[test]
fn callers_hear_of_an_outage_are_attached_rung_and_asked() {
    let (server, mut line) = server_in_an_outage();
    // What is known of them: each called from there before.
    let before = [reported(&server, MOBILE), reported(&server, OTHER)];
    let (category, territory, executor) = water(&server);
    let control = server.sign_in("kontrol");
    let matter = json!({ "category": category, "cause": "unknown", "executor": executor,
        "area": { "territories": [territory] } });
    let declared = control.post("/api/v1/incidents", &matter);
    let number = declared["number"].as_u64().expect("it is numbered");
    let first = attached(&server, MOBILE, number, 0);
    let second = attached(&server, OTHER, number, 1);
    assert!(!before.contains(&first) && !before.contains(&second), "work that goes on is not theirs");
    assert_eq!(control.get(&path(&first, ""))["incident"], number);
    let (status, problem) = server.sign_in("olena").send("POST", &path(&first, "/assign"), Some(&json!({})));
    assert!(status == 409 && problem["detail"].to_string().contains("incident"), "{status} {problem}");

    control.post(&format!("/api/v1/incidents/{number}/restore"), &json!({}));
    let mut answers = [(MOBILE, "2"), (OTHER, "1")].to_vec();
    let mut talks: Vec<(Talk, &str)> = Vec::new();
    // Both are rung at the same time; an INVITE may come twice.
    while !answers.is_empty() {
        let invite = line.is_called();
        let Some(rung) = answers.iter().position(|(mobile, _)| invite.start_line.contains(mobile)) else {
            continue;
        };
        let (_, key) = answers.remove(rung);
        line.let_ring(&invite);
        talks.push((line.pick_up(&invite), key));
    }
    for (talk, key) in &talks {
        hears(talk, "that it is over", &restored());
        hears(talk, "the question", &question());
        talk.rtp.press(key);
        line.is_hung_up_on(talk);
    }
    let auditor = server.sign_in("audyt");
    wait::until_true("work again", SOON, || state(&auditor, &first) == "in_progress");
    wait::until_true("the end", SOON, || state(&auditor, &second) == "closed");
    let back = auditor.get(&path(&first, ""));
    assert_eq!((&back["incident"], &back["level"]), (&Value::Null, &json!(1)), "{back}");
    wait::until_true("the incident to be closed", SOON, || incident(&control, number)["state"] == "closed");
    let told = incident(&control, number)["cases"].clone();
    assert_eq!(
        told,
        json!({ "attached": 1, "waiting": 0, "queued": 0, "trying": 0, "told": 0,
        "confirmed": 1, "refuted": 1, "not_reached": 0 })
    );
    let timeline = auditor.get(&path(&first, "/timeline"));
    let items = timeline["items"].as_array().expect("a timeline has items");
    for name in ["incident.case_attached", "verify.refuted", "incident.case_detached"] {
        let entry = event(items, name).unwrap_or_else(|| panic!("no {name} in {:?}", event_names(items)));
        assert!(entry["recording"].is_string(), "said in a call: {entry}");
    }
}
