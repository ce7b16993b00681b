//! The SIP messages of a real call, as support sees them: both legs from INVITE to BYE in order, while the call is on
//! and after a restart; no secret among them; a capture that tshark, which we did not write, reads without complaint.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::api::Api;
use crate::citizen::{Citizen, Invite};
use crate::phone::{self, Answering, Event, Phone};
use crate::rtp_peer::RtpPeer;
use crate::server::{KEYS_TO_QUEUE, LOOPBACK, PASSWORD, Server};
use crate::sip_wire::{Transport, session};

/// Generous: the citizen hears two menus before a phone rings.
const SOON: Duration = Duration::from_secs(20);
const CALLER: &str = "380440000301";
/// What nobody may read afterwards: a media key, and a key that was pressed.
const SDES_KEY: &str = "c2VjcmV0IG1lZGlhIGtleSBvZiB0aGlydHkgYnl0";
const PRESSED: &str = "Signal=9";

/// A call that proves a password, offers a media key and presses a key by INFO; the answer to the challenge.
fn secretive_call(server: &Server) -> (Citizen, String) {
    let rtp = RtpPeer::start(LOOPBACK);
    let body = session(rtp.address, 101, "sendrecv")
        + &format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{SDES_KEY}|2^20\r\n");
    let invite = Invite {
        transport: Transport::Tcp,
        from: LOOPBACK,
        caller: CALLER.to_owned(),
        body: Some(body),
        ..Invite::default()
    };
    let challenged = invite.clone().dial(server.sip).answered().expect_err("a stranger is challenged");
    let challenge = challenged.headers_named("WWW-Authenticate").find(|value| !value.contains("SHA-256"));
    let uri = format!("sip:1580@{}", server.sip);
    let proof = phone::authorization(challenge.expect("MD5 is offered"), "202", PASSWORD, "INVITE", &uri);
    let answer = proof.split_once("response=\"").expect("a proof").1.split('"').next().expect("a value");
    let more = format!("Authorization: {proof}\r\n");
    let citizen = Invite { more, ..invite }.call(server.sip);
    (citizen, answer.to_owned())
}

fn ladder(api: &Api, call: &Value) -> Value {
    api.get(&format!("/api/v1/calls/{}/ladder", call["id"].as_str().expect("a call has an id")))
}

/// First lines of one party's messages without versions and addresses: `> INVITE`, `< 200`.
fn rungs(ladder: &Value, party: &str) -> Vec<String> {
    let items = ladder["items"].as_array().expect("a ladder has items").iter();
    let of_party = items.filter(|item| item["party"] == party);
    of_party
        .map(|item| {
            let line = item["first_line"].as_str().expect("a message has a first line");
            let words: Vec<&str> = line.split(' ').collect();
            let word = if words[0] == "SIP/2.0" { words[1] } else { words[0] };
            let arrow = if item["direction"] == "received" { '>' } else { '<' };
            format!("{arrow} {word}")
        })
        .collect()
}

#[test]
fn a_calls_messages_are_kept_in_order_without_secrets_and_open_in_tshark() {
    let mut server = Server::start();
    let operator = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    server.sign_in("olena").set_ready();
    let (mut citizen, proof) = secretive_call(&server);
    citizen.rtp.press(KEYS_TO_QUEUE);
    operator.rings(SOON);
    operator.expect(&Event::Talking, SOON);
    let pressed = citizen.request("INFO", "Content-Type: application/dtmf-relay\r\n", PRESSED);
    assert_eq!(pressed.status(), Some(200));
    let auditor = server.sign_in("audyt");
    let running = auditor.call_where(CALLER, "on", |call| call["connected_at"].is_string());
    let citizens = rungs(&ladder(&auditor, &running), "citizen");
    assert_eq!(citizens.first().map(String::as_str), Some("> INVITE"), "{citizens:?}");
    assert!(
        citizens.contains(&"> INFO".to_owned()) && !citizens.contains(&"> BYE".to_owned()),
        "{citizens:?}"
    );
    citizen.hang_up();
    operator.expect(&Event::HungUpOn, SOON);

    let call = auditor.finished_call(CALLER);
    let kept = ladder(&auditor, &call);
    assert_eq!(kept["left_out"], 0);
    let citizens = rungs(&kept, "citizen");
    assert_eq!(citizens[citizens.len() - 2..], ["> BYE", "< 200"], "{citizens:?}");
    let operators = rungs(&kept, "operator");
    assert_eq!(operators.first().map(String::as_str), Some("< INVITE"), "{operators:?}");
    assert!(
        operators.contains(&"> 200".to_owned()) && operators.contains(&"< BYE".to_owned()),
        "{operators:?}"
    );
    let moments: Vec<&str> =
        kept["items"].as_array().unwrap().iter().filter_map(|item| item["at"].as_str()).collect();
    assert!(moments.is_sorted(), "{moments:?}");
    for secret in [&proof, SDES_KEY, PRESSED] {
        assert!(!kept.to_string().contains(secret), "{secret} in {kept}");
    }

    let capture = capture_of(&server, &auditor, &call);
    for secret in [&proof, SDES_KEY, PRESSED] {
        let found = capture.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} in the capture");
    }
    server.kill();
    server.run();
    let auditor = server.sign_in("audyt");
    assert_eq!(rungs(&ladder(&auditor, &call), "citizen"), citizens, "from the store");
}

/// Downloads the capture and has tshark read it: as many messages as there are rungs, each whole and with right
/// checksums.
fn capture_of(server: &Server, api: &Api, call: &Value) -> Vec<u8> {
    let id = call["id"].as_str().expect("a call has an id");
    let response = api.get_raw(&format!("/api/v1/calls/{id}/ladder.pcap"), None);
    assert_eq!(response.status(), 200);
    let bytes = response.bytes().expect("the capture arrives").to_vec();
    let path = server.folder().join("ladder.pcap");
    std::fs::write(&path, &bytes).expect("a temporary folder can be written");
    let decode = format!("udp.port=={},sip", server.sip.port());
    let output = Command::new("tshark")
        .args(["-r", &path.display().to_string(), "-d", &decode, "-T", "fields", "-E", "separator=/s"])
        .args(["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"])
        .args(["-e", "ip.checksum.status", "-e", "udp.checksum.status", "-e", "sip.CSeq.method"])
        .args(["-e", "_ws.malformed"])
        .output()
        .expect("tshark is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let packets: Vec<&str> = text.lines().map(str::trim_end).collect();
    let rungs = ladder(api, call)["items"].as_array().map_or(0, Vec::len);
    assert_eq!(packets.len(), rungs, "{text}");
    for packet in &packets {
        // 1: checked and good. Then the method, and nothing malformed.
        let method = packet.strip_prefix("1 1 ").unwrap_or_default();
        assert!(["INVITE", "ACK", "INFO", "BYE", "CANCEL"].contains(&method), "{packet:?} of\n{text}");
    }
    bytes
}
