//! The program's own commands, as an administrator types them: a test call that saves what it hears, a walk through
//! the dialplan without a telephone, the proof that nothing was changed. Exit codes are part of the contract.

use std::fs;
use std::io::Write as _;

use crate::audio::{Stereo, rms};
use crate::server::{Server, Setup};

/// A server that takes calls from this machine's own address too, as `ringback call` places them.
fn open_server() -> Server {
    let mut server = Server::prepare(&Setup::default());
    let mut config =
        fs::File::options().append(true).open(server.config_path()).expect("the configuration is there");
    writeln!(config, "\n[[trunk]]\nname = \"here\"\nfrom = [\"127.0.0.1\"]").expect("a trunk can be added");
    server.run();
    server
}

fn call(server: &Server, number: &str, more: &[&str]) -> (Option<i32>, String) {
    let uri = format!("sip:{number}@{}", server.sip);
    let output = server.output(&[&["call", &uri, "--seconds", "20"], more].concat());
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_call_presses_keys_and_saves_what_it_hears() {
    let server = open_server();
    let heard = server.folder().join("heard.wav");
    let file = heard.to_str().expect("a plain path");
    let keys = ["--from", "380501590001", "--digits", "w1s,2,w1s,8", "--record", file];
    let (code, said) = call(&server, "1580", &keys);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the far end hung up"), "8 ends the call: {said}");
    let stereo = Stereo::read(fs::File::open(&heard).expect("it was saved"));
    assert!(stereo.duration_ms() > 2_000 && rms(&stereo.left) > 100.0, "the prompts are on the left");
    let auditor = server.sign_in("audyt");
    let contact = auditor.finished_call("380501590001");
    let path = contact["ivr_path"].as_array().expect("a path").clone();
    assert!(path.iter().any(|node| node == "bye"), "both keys arrived: {path:?}");
    let recorded = auditor.recording(&contact);
    assert!(rms(&recorded.right) > 100.0 && rms(&recorded.left) < 20.0, "the city spoke, the caller did not");
}

#[test]
fn a_refused_call_says_why_and_exits_with_1() {
    let server = open_server();
    let file = server.folder().join("nothing.wav");
    let (code, said) = call(&server, "9999", &["--record", file.to_str().expect("a plain path")]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("404"), "{said}");
    assert!(!file.exists(), "nothing was heard, nothing is saved");
}

#[test]
fn verify_finds_a_changed_recording() {
    let server = open_server();
    let (code, said) = call(&server, "1580", &["--from", "380501590002", "--digits", "w1s,2,w1s,8"]);
    assert_eq!(code, Some(0), "{said}");
    server.sign_in("audyt").finished_call("380501590002");
    let output = server.output(&["verify"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("1 recordings checked"), "{said}");

    let recording = server.recordings().pop().expect("one recording");
    let mut bytes = fs::read(&recording).expect("it can be read");
    let last = bytes.len() / 2;
    bytes[last] ^= 1;
    fs::write(&recording, bytes).expect("it can be changed");
    let output = server.output(&["verify"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("recording"), "it is named: {said}");
}

#[test]
fn the_dialplan_is_walked_without_a_telephone() {
    let server = Server::prepare(&Setup::default());
    let plan = server.dialplan_path();
    let plan = plan.to_str().expect("a plain path");
    let output = server.output(&["ivr", "simulate", plan, "2", "1"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("queue") && said.contains("water"), "{said}");
    assert_eq!(server.output(&["ivr", "simulate", plan, "x"]).status.code(), Some(1));
    assert_eq!(server.output(&["no-such-command"]).status.code(), Some(2));
}

#[test]
fn the_api_is_described() {
    let server = Server::prepare(&Setup::default());
    let output = server.output(&["openapi"]);
    let described: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    for path in ["/api/v1/calls/{id}/timeline", "/api/v1/cases/{number}/assign", "/api/v1/work-orders"] {
        assert!(described["paths"][path].is_object(), "{path} is described");
    }
}

/// What `ringback route` says of a matter, and its exit code.
fn route(server: &Server, matter: &[&str]) -> (Option<i32>, String) {
    let output = server.output(&[&["route"], matter].concat());
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn routing_is_asked_without_a_service() {
    let server = Server::prepare(&Setup::default());
    // A Saturday at night, and the Monday after at noon; the house is found by the street's former name, too.
    let house = ["--category", "housing", "--address", "lenina 12"];
    let (code, night) = route(&server, &[&house[..], &["--at", "2026-11-21T23:00"]].concat());
    assert_eq!(code, Some(0), "{night}");
    let lines: Vec<&str> = night.lines().collect();
    assert_eq!(lines[0], "executor   duty (Чергова служба міської ради)");
    assert_eq!(lines[1], "because    Житло");
    assert_eq!(lines[2], "place      вулиця Тараса Шевченка 12");
    // Seven working days of the office after Saturday: Tuesday, 1 December, at five in Kyiv.
    assert_eq!(lines[3], "resolve by 2026-12-01T15:00:00.000Z (norm housing)");
    assert_eq!(lines.len(), 4, "{night}");
    let (code, day) = route(&server, &[&house[..], &["--at", "2026-11-23T12:00"]].concat());
    assert_eq!(code, Some(0), "{day}");
    assert!(day.starts_with("executor   zhek-right-bank (КП «Житлосервіс Правобережний»)\n"), "{day}");
    assert!(day.contains("because    Житло x Центральний район x crews\n"), "{day}");
    let (code, lift) = route(&server, &["--category", "housing.lift", "--territory", "north"]);
    assert!(code == Some(0) && lift.starts_with("executor   lift "), "{lift}");
    for (matter, why) in [
        (&["--category", "no.such"][..], "the category 'no.such' is not in the city plan"),
        (&["--category", "housing", "--territory", "moon"], "the territory 'moon' is not in the city plan"),
        (&["--category", "housing", "--address", "Xyzzy 7"], "no street of the register is 'Xyzzy 7'"),
        (&["--category", "housing", "--at", "tomorrow"], "'tomorrow' is no moment"),
        (&["--category", "housing", "--priority", "huge"], "there is no priority 'huge'"),
    ] {
        let (code, said) = route(&server, matter);
        assert!(code == Some(1) && said.contains(why), "{matter:?}: {code:?} {said}");
    }
    assert_eq!(route(&server, &[]).0, Some(2), "a category must be named");
}
