//! A call that became a case leaves the city: asked for by one person, let go by a second one, fetched as a ZIP, and proven by
//! tools that the program did not bring (python3, openssl, sha256sum). One changed octet, and they say so.

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Api, event};
use crate::audio::ToneSequence;
use crate::citizen::Invite;
use crate::node_script::NodeScript;
use crate::server::{KEYS_TO_QUEUE, Server, Setup};
use crate::wait;

const SOON: Duration = Duration::from_secs(40);

/// A city whose journal is signed, and the public key it publishes.
fn signing_city() -> (Server, String) {
    let more =
        "[journal]\nkey_file = \"journal.key\"\ncheckpoint_secs = 1\n\n[disclosure]\ndir = \"packages\"\n";
    let mut server = Server::prepare(&Setup { more: more.to_owned(), ..Setup::default() });
    let key = server.folder().join("journal.key").display().to_string();
    let made = server.output(&["journal-key", &key, "--origin", "city.example/1580"]);
    assert!(made.status.success(), "{made:?}");
    server.run();
    (server, String::from_utf8_lossy(&made.stdout).trim().to_owned())
}

/// A call with sound, ended; its case.
fn case_of_a_call(server: &Server, caller: &str) -> String {
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    citizen.rtp.say(&ToneSequence::citizen(77, 1500).samples());
    wait::until_true("the citizen to finish", SOON, || {
        citizen.rtp.speech_began().is_some() && citizen.rtp.has_finished_speaking()
    });
    citizen.hang_up();
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call(caller);
    wait::until_true("the recording is sealed", SOON, || {
        event(&auditor.timeline(&call), "rec.sealed").is_some()
    });
    call["case"].as_str().expect("the call has a case").to_owned()
}

fn one(api: &Api, id: &str) -> Value {
    let listed = api.items("/api/v1/disclosures");
    listed.into_iter().find(|one| one["id"] == id).expect("the disclosure is listed")
}

fn unpack(zip: &[u8], folder: &Path) {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).expect("a ZIP");
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).expect("a file");
        let path = folder.join(file.enclosed_name().expect("a name inside"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        let mut octets = Vec::new();
        file.read_to_end(&mut octets).expect("it can be read");
        fs::write(path, octets).expect("it can be written");
    }
}

fn stock(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1");
    command.output().expect("stock tools are there")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What both verifiers and the shell say of an unpacked bundle.
fn verdicts(server: &Server, folder: &Path, key: &str) -> [(bool, String); 3] {
    let place = folder.display().to_string();
    let python = stock(folder, "python3", &["verify.py", "--key", key]);
    let shell = stock(folder, "sh", &["verify.sh"]);
    let ours = server.output(&["verify", "--bundle", &place, "--key", key]);
    [python, shell, ours].map(|output| (output.status.success(), said(&output)))
}

#[test]
fn a_case_leaves_by_two_persons_and_is_proven_without_us() {
    let (server, key) = signing_city();
    let number = case_of_a_call(&server, "380440000931");
    server.add_person("archiv", "records", &[]);
    let (control, records, auditor) =
        (server.sign_in("kontrol"), server.sign_in("archiv"), server.sign_in("audyt"));
    let path = format!("/api/v1/cases/{number}/disclosures");
    let terms = json!({ "purpose": "скарга", "recipient": "Окружний суд", "basis": "ухвала 1580" });
    let asked = records.post(&path, &terms);
    let id = asked["id"].as_str().expect("an id").to_owned();
    let step = |what: &str| format!("/api/v1/disclosures/{id}/{what}");
    assert_eq!(records.send("POST", &step("approve"), Some(&json!({}))).0, 403, "whoever asked");
    assert_eq!(control.send("POST", &step("approve"), Some(&json!({}))).0, 403, "not this role");
    assert_eq!(records.send("GET", &step("package"), None).0, 409, "nobody has approved");
    auditor.post(&step("approve"), &json!({}));
    wait::until_true("the package is made", SOON, || one(&records, &id)["state"] == "made");
    assert_eq!(control.send("GET", &step("package"), None).0, 403, "somebody else's");
    let zip = records.get_raw(&step("package"), None).bytes().expect("the package").to_vec();
    assert_eq!(one(&records, &id)["fetches"], 1);

    let folder = server.folder().join("bundle");
    unpack(&zip, &folder);
    for (good, said) in verdicts(&server, &folder, &key) {
        assert!(good, "{said}");
    }
    let recording = sound_of(&folder);
    let mut octets = fs::read(&recording).expect("a recording");
    let place = octets.len() / 2;
    octets[place] ^= 1;
    fs::write(&recording, &octets).expect("it can be written");
    for (good, said) in verdicts(&server, &folder, &key) {
        assert!(!good && said.contains(".wav"), "{said}");
    }
    octets[place] ^= 1;
    fs::write(&recording, &octets).expect("it can be written");
    fs::write(folder.join("more.txt"), "more").expect("it can be written");
    for (good, said) in [0, 2].map(|n| verdicts(&server, &folder, &key)[n].clone()) {
        assert!(!good && said.contains("more.txt"), "{said}");
    }

    // All of it is on the journal, and the rows say the same.
    let history = auditor.get(&format!("/api/v1/cases/{number}/timeline"));
    let names: Vec<&str> = history["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|item| item["type"].as_str())
        .collect();
    for name in ["requested", "approved", "made", "fetched"] {
        assert_eq!(
            names.iter().filter(|one| **one == format!("disclosure.{name}")).count(),
            1,
            "{name}: {names:?}"
        );
    }
    let verify = server.output(&["verify"]);
    assert!(verify.status.success(), "{}", said(&verify));
}

/// The one recording of a bundle.
fn sound_of(folder: &Path) -> PathBuf {
    let files =
        fs::read_dir(folder.join("recordings")).expect("recordings").flatten().map(|file| file.path());
    files
        .into_iter()
        .find(|file| file.extension().is_some_and(|ending| ending == "wav"))
        .expect("a recording")
}

#[test]
fn the_command_line_exports_and_is_journalled() {
    let (server, key) = signing_city();
    let number = case_of_a_call(&server, "380440000932");
    let zip = server.folder().join("case.zip");
    let place = zip.display().to_string();
    let export = server.output(&["export", "--case", &number, "--out", &place, "--reason", "перевірка"]);
    assert!(export.status.success(), "{}", said(&export));
    let ours = server.output(&["verify", "--bundle", &place, "--key", &key]);
    assert!(ours.status.success(), "{}", said(&ours));
    let again = server.output(&["export", "--case", &number, "--out", &place]);
    assert!(!again.status.success(), "an existing file is not touched");
    let nobody = server.output(&["export", "--case", "2026-01-999999", "--out", "nowhere"]);
    assert_eq!(nobody.status.code(), Some(1), "{}", said(&nobody));
    assert!(!server.folder().join("nowhere").exists());
    let auditor = server.sign_in("audyt");
    let history = auditor.get(&format!("/api/v1/cases/{number}/timeline"));
    let items = history["items"].as_array().expect("a list");
    let exported = event(items, "access.exported").expect("it is journalled");
    assert_eq!(exported["reason"], "перевірка", "{exported}");
}

/// Events clicked in the page of a bundle; `RINGBACK_TEST_EVENTS` says otherwise.
const EVENTS: usize = 50;
/// From the click to moving sound, and where that is against the event; both in milliseconds.
const FIRST_SOUND_MS: f64 = 1000.0;
const PLACE_MS: f64 = 200.0;

#[test]
fn any_event_is_heard_at_its_second_in_a_bundle_from_the_disk() {
    let (server, _) = signing_city();
    let number = case_of_a_call(&server, "380440000933");
    let folder = server.folder().join("case");
    let place = folder.display().to_string();
    let export = server.output(&["export", "--case", &number, "--out", &place]);
    assert!(export.status.success(), "{}", said(&export));
    let speech = server.folder().join("speech.wav");
    crate::audio::write_mono(&speech, &[0; crate::audio::RATE], crate::audio::RATE as u32);
    let setup = json!({ "folder": folder, "speech": speech });
    let mut reader = NodeScript::start("tests/e2e/bundle_page/reader.mjs", &setup);
    assert!(
        reader.command(json!({ "command": "title" })).as_str().is_some_and(|title| title.contains(&number))
    );
    let events = reader.command(json!({ "command": "events" })).as_u64().expect("a number");
    assert!(events > 3, "the call's events can be heard: {events}");
    let count =
        std::env::var("RINGBACK_TEST_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(EVENTS);
    let (mut slowest, mut farthest) = (0.0_f64, 0.0_f64);
    for _ in 0..count {
        let nth = rand::random::<u64>() % events;
        let heard = reader.command(json!({ "command": "hear", "nth": nth }));
        let of = |what: &str| heard[what].as_f64().expect("a number");
        (slowest, farthest) = (slowest.max(of("waited")), farthest.max(of("off")));
        assert!(of("waited") < FIRST_SOUND_MS && of("off") <= PLACE_MS, "event {nth}: {heard}");
    }
    println!("{count} events: sound within {slowest:.0} ms, at most {farthest:.0} ms beside");
    // By keyboard alone, too.
    reader.command(json!({ "command": "press", "key": "Home" }));
    assert!(reader.command(json!({ "command": "state" }))["at"].as_f64().is_some_and(|at| at < 1000.0));
    assert_eq!(
        reader.command(json!({ "command": "complaints" })),
        json!([]),
        "nothing is refused or fetched"
    );
    if let Ok(shots) = std::env::var("RINGBACK_TEST_SHOTS") {
        for width in [360, 1200] {
            let path = format!("{shots}/bundle.{width}.png");
            reader.command(json!({ "command": "shoot", "path": path, "width": width }));
        }
    }
}
