//! One real call and all that is known of it: asked to be erased, kept by a court, agreed to by two, and gone from the disk
//! of the real program, which proves itself afterwards.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::audio::ToneSequence;
use crate::citizen::Invite;
use crate::phone::{Answering, Event, Phone};
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server};
use crate::wait;

const SOON: Duration = Duration::from_secs(15);
const CALLER: &str = "380671580911";
const NAME: &str = "Одарка Стиральна";
const WORDS: &str = "перекотиполе під під'їздом";

/// Files below `folder` in which one of the needles stands.
fn told_in(folder: &Path, needles: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut ahead = vec![folder.to_owned()];
    while let Some(path) = ahead.pop() {
        if path.is_dir() {
            ahead.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
            continue;
        }
        let Ok(bytes) = fs::read(&path) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let is_log = path.extension().is_some_and(|extension| extension == "log");
        found.extend(
            needles
                .iter()
                .filter(|needle| !is_log && text.contains(**needle))
                .map(|needle| format!("{needle} in {}", path.display())),
        );
    }
    found
}

fn verify(server: &Server) -> (Option<i32>, String) {
    let output = server.output(&["verify"]);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// A call that is taken, its case completed and withdrawn; its number.
fn closed_case(server: &Server) -> String {
    let phone = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    let operator = server.sign_in("olena");
    operator.set_ready();
    let mut citizen = Invite { caller: CALLER.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    phone.rings(SOON);
    phone.expect(&Event::Talking, SOON);
    let said = ToneSequence::citizen(51, 1000);
    citizen.rtp.say(&said.samples());
    wait::until_true("the operator to hear", SOON, || {
        phone.rtp.heard().is_some_and(|heard| said.find(&heard.samples).share > 0.6)
    });
    citizen.hang_up();
    let call = server.sign_in("audyt").finished_call(CALLER);
    let number = call["case"].as_str().expect("the call has a case").to_owned();
    let path = format!("/api/v1/cases/{number}");
    operator.patch(
        &path,
        &json!({ "address": "Шевченка 12, кв. 4", "description": WORDS, "applicant_name": NAME }),
    );
    let withdrawal = json!({ "reason": "подзвонили, вже не треба", "call": call["id"] });
    operator.post(&format!("{path}/withdraw"), &withdrawal);
    number
}

#[test]
fn a_call_is_erased_by_two_people_and_not_while_a_court_wants_it() {
    let server = Server::start();
    server.add_person("lidia", "records", &[]);
    server.add_person("roman", "records", &[]);
    let number = closed_case(&server);
    let (lidia, roman, auditor) = (server.sign_in("lidia"), server.sign_in("roman"), server.sign_in("audyt"));
    let (code, said) = verify(&server);
    assert_eq!(code, Some(0), "{said}");
    assert!(!told_in(server.folder(), &[NAME]).is_empty(), "there is something to erase");

    let reason = json!({ "case": number, "reason": "заява, стаття 17" });
    let hold = json!({ "case": number, "reason": "ухвала суду", "reference": "758/1580/26" });
    let asked = lidia.post("/api/v1/erasures", &reason);
    let placed = roman.post("/api/v1/holds", &hold);
    let path = |what: &str, one: &Value, step: &str| {
        format!("/api/v1/{what}/{}/{step}", one["id"].as_str().expect("an id"))
    };
    let (status, held) = roman.send("POST", &path("erasures", &asked, "agree"), Some(&json!({})));
    assert_eq!((status, &held["type"]), (409, &json!("urn:ringback:problem:held")), "{held}");
    let (status, _) =
        lidia.send("POST", &path("holds", &placed, "lift"), Some(&json!({ "reason": "хочу стерти" })));
    assert_eq!(status, 403, "who wants it erased does not lift the hold");
    roman.post(&path("holds", &placed, "lift"), &json!({ "reason": "справу закрито" }));
    let (status, _) = roman.send("POST", &path("erasures", &asked, "agree"), Some(&json!({})));
    assert_eq!(status, 403, "who lifted the hold does not agree");
    server.add_person("olha", "records", &[]);
    server.sign_in("olha").post(&path("erasures", &asked, "agree"), &json!({}));

    let keeping = format!("/api/v1/cases/{number}/keeping");
    wait::until_true("the case to be erased", SOON, || {
        auditor.get(&keeping)["erased"].as_array().is_some_and(|gone| gone.len() == 3)
    });
    assert_eq!(server.recordings(), [] as [std::path::PathBuf; 0]);
    wait::until_true("the log to be emptied", SOON, || told_in(server.folder(), &[NAME]).is_empty());
    assert_eq!(told_in(server.folder(), &[NAME, WORDS, CALLER, "Шевченка 12, кв. 4"]), [] as [String; 0]);
    let (code, said) = verify(&server);
    assert_eq!(code, Some(0), "{said}");
    let case = auditor.get(&format!("/api/v1/cases/{number}"));
    assert_eq!((&case["number"], &case["description"]), (&json!(number), &json!("")), "{case}");
}
