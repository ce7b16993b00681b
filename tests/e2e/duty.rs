//! When the desks are closed, whoever is on duty is rung on a telephone outside: one after the other, with sound and a
//! recording; nobody there, and the caller may leave a message. There is a case either way.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use serde_json::json;

use crate::api::{event, event_names};
use crate::audio::ToneSequence;
use crate::citizen::Invite;
use crate::desk_phone::DeskPhone;
use crate::server::{Server, Setup};
use crate::transfer::{SOON, assert_one_recording, say};
use crate::wait;

const LINE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5));
const OFFICER: &str = "+380501110001";
const DEPUTY: &str = "+380501110002";

/// A city whose tree leads to who is on duty with key 7, and a line that takes calls to them.
fn at_night() -> (Server, DeskPhone) {
    let mut server = Server::prepare(&Setup { alone: true, ..Setup::default() });
    let line = DeskPhone::elsewhere(server.sip, "line", LINE);
    let add = |path: std::path::PathBuf, more: &str| {
        let text = fs::read_to_string(&path).expect("the file is there") + more;
        fs::write(path, text).expect("the file can be written");
    };
    let trunk = format!(
        "[[trunk]]\nname = \"line\"\nto = [\"sip:{}\"]\nprobe_secs = 0\ncountry_code = \"380\"\n\
         takes = [\"+38050\"]\n",
        line.address()
    );
    add(server.config_path(), &trunk);
    let duty = format!("[[duty]]\nroster = \"center\"\nphones = [\"{OFFICER}\", \"{DEPUTY}\"]\n");
    add(server.folder().join("city.toml"), &duty);
    let dialplan = fs::read_to_string(server.dialplan_path()).expect("the dialplan is there");
    let with_key = dialplan.replace("keys = { 1 = \"water\", 8", "keys = { 1 = \"water\", 7 = \"duty\", 8");
    assert_ne!(dialplan, with_key);
    let node = "[node.duty]\nkind = \"duty\"\ntopic = \"water\"\nroster = \"center\"\nprompt = [\"test.short\"]\n\
                nobody = \"message\"\n";
    fs::write(server.dialplan_path(), with_key + node).expect("the dialplan can be written");
    server.run();
    (server, line)
}

#[test]
fn the_deputy_answers_when_the_officer_is_engaged() {
    let (server, mut line) = at_night();
    let mut citizen = Invite { caller: "380440000961".to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press("27");
    let officer = line.is_called();
    assert!(officer.start_line.starts_with(&format!("INVITE sip:{OFFICER}@")), "{officer:?}");
    line.refuse(&officer, 486);
    let deputy = line.is_called();
    assert!(deputy.start_line.starts_with(&format!("INVITE sip:{DEPUTY}@")), "{deputy:?}");
    let talk = line.pick_up(&deputy);
    let asked = say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(131, 1500));
    let told = say(&talk.rtp, &citizen.rtp, ToneSequence::operator(132, 1500));
    citizen.hang_up();
    let length = Instant::now() - citizen.answered_at;
    line.is_hung_up_on(&talk);
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call("380440000961");
    assert!(call["case"].is_string(), "{call}");
    assert_eq!(call["disposition"], "case_created", "{call}");
    assert_one_recording(&auditor, &call, &[&asked], &[&told], length);
    let timeline = auditor.timeline(&call);
    let moved = event(&timeline, "contact.transferred").expect("it is told");
    assert_eq!(
        (&moved["data"]["kind"], &moved["data"]["roster"]),
        (&json!("duty"), &json!("center")),
        "{moved}"
    );
}

#[test]
fn nobody_on_duty_answers_and_the_caller_leaves_a_message() {
    let (server, mut line) = at_night();
    let mut citizen = Invite { caller: "380440000962".to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press("27");
    for _ in [OFFICER, DEPUTY] {
        let invite = line.is_called();
        line.refuse(&invite, 480);
    }
    let auditor = server.sign_in("audyt");
    auditor.call_where("380440000962", "at the answering machine", |call| {
        let names = auditor.timeline(call);
        event_names(&names).iter().filter(|name| **name == "ivr.left").count() == 2
    });
    let message = ToneSequence::citizen(133, 1500);
    citizen.rtp.say(&message.samples());
    wait::until_true("the message to be left", SOON, || citizen.rtp.has_finished_speaking());
    citizen.rtp.press("#");
    citizen.is_hung_up_on(SOON);
    let call = auditor.finished_call("380440000962");
    assert!(call["case"].is_string(), "{call}");
    let found = message.find(&auditor.recording(&call).left);
    assert!(found.share > 0.95 - citizen.rtp.forgiven(&message), "{found:?}");
}

#[test]
fn a_citizen_who_gives_up_stops_the_ringing() {
    let (server, mut line) = at_night();
    let mut citizen = Invite { caller: "380440000963".to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press("27");
    let officer = line.is_called();
    line.let_ring(&officer);
    citizen.hang_up();
    line.is_cancelled(&officer);
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call("380440000963");
    assert_eq!((&call["disposition"], call["case"].is_string()), (&json!("abandoned"), true), "{call}");
}
