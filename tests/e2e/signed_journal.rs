//! A call, the checkpoint that is signed after it, and the proof that its entry stands in the journal: checked by a script of
//! stock tools (python3, openssl), and by `ringback verify` against a checkpoint that was noted before.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::api::event;
use crate::citizen::Invite;
use crate::server::{KEYS_TO_QUEUE, Server, Setup};
use crate::wait;

const SOON: Duration = Duration::from_secs(20);

fn check(public_key: &str, file: &Path) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/check-proof.py");
    let output =
        Command::new("python3").arg(script).arg(public_key).arg(file).output().expect("python3 starts");
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (output.status.success(), said)
}

#[test]
fn a_call_stands_in_the_signed_journal() {
    let more = "[journal]\nkey_file = \"journal.key\"\ncheckpoint_secs = 1\n".to_owned();
    let mut server = Server::prepare(&Setup { more, ..Setup::default() });
    let key = server.folder().join("journal.key");
    // Before there is a key the configuration is refused, so it is made from elsewhere.
    let file = key.display().to_string();
    let made = server.output(&["journal-key", &file, "--origin", "city.example/1580"]);
    let public_key = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    assert!(made.status.success() && public_key.starts_with("city.example/1580+"), "{made:?}");
    server.run();
    let mut citizen = Invite { caller: "380440000729".to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    citizen.hang_up();
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call("380440000729");
    let seq = event(&auditor.timeline(&call), "contact.ended").expect("the call ended")["seq"].clone();

    let path = format!("/api/v1/journal/{seq}/proof");
    wait::until_true("a checkpoint after the call", SOON, || auditor.send("GET", &path, None).0 == 200);
    let mut proof = auditor.get(&path);
    let file = server.folder().join("proof.json");
    fs::write(&file, proof.to_string()).expect("a temporary folder can be written");
    let (good, said) = check(&public_key, &file);
    assert!(good && said.contains("(contact.ended) stands in the journal"), "{said}");
    let published = server.anonymous().get_raw("/log/checkpoint", None);
    let noted = published.text().expect("a text");
    let checkpoint = server.folder().join("noted");
    fs::write(&checkpoint, &noted).expect("a temporary folder can be written");

    // The script can say no.
    let at = proof["entry"]["at"].as_i64().expect("a moment");
    proof["entry"]["at"] = (at - 60_000_000).into();
    fs::write(&file, proof.to_string()).expect("a temporary folder can be written");
    let (good, said) = check(&public_key, &file);
    assert!(!good && said.contains("does not have the hash"), "{said}");

    let verify = server.output(&["verify", "--checkpoint", &checkpoint.display().to_string()]);
    assert!(verify.status.success(), "{verify:?}");
    // Another journal does not begin with those entries.
    let mut other = server.ringback(&["verify", "--checkpoint", &checkpoint.display().to_string()]);
    let empty = format!("sqlite://{}", server.folder().join("empty.db").display());
    let verify = other.env("RINGBACK_STORE__URL", empty).output().expect("the program starts");
    let said = String::from_utf8_lossy(&verify.stdout).into_owned();
    assert!(!verify.status.success() && said.contains("history was"), "{verify:?}");
}
