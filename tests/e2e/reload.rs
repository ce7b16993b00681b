//! Everything that may be read again is read again, a hundred times, while the program carries calls (PAINS 12): no call
//! ends, nobody hears it, every recording is whole. What only a restart can change is named.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::load;
use crate::server::{Server, Setup};
use crate::wait;

const CALLS: usize = 40;
const RELOADS: usize = 100;
const SOON: Duration = Duration::from_secs(30);

/// Another dialplan, capacity, log filter and certificate each time.
fn change_files(server: &Server, turn: usize, config: &str, dialplan: &str) {
    let capacity = format!("capacity = {}", 50 + turn % 7);
    let log = format!(
        "\n[log]\nfilter = \"{}\"\n",
        if turn.is_multiple_of(2) { "info" } else { "info,ringback::app=debug" }
    );
    fs::write(server.config_path(), config.replacen("capacity = 50", &capacity, 1) + &log)
        .expect("the file can be written");
    let keys =
        if turn.is_multiple_of(2) { "1 = \"water\", 8 = \"bye\"" } else { "1 = \"bye\", 8 = \"water\"" };
    fs::write(server.dialplan_path(), dialplan.replacen("1 = \"water\", 8 = \"bye\"", keys, 1))
        .expect("the file can be written");
    if turn.is_multiple_of(10) {
        server.renew_certificate();
    }
}

#[test]
fn a_hundred_reloads_end_no_call_and_nobody_hears_them() {
    let server = Server::start_with(&Setup {
        alone: true,
        doors: true,
        sip: load::SIP.to_owned(),
        ..Setup::default()
    });
    let talks = load::talks(&server, CALLS);
    let (config, dialplan) = (
        fs::read_to_string(server.config_path()).expect("the configuration is there"),
        fs::read_to_string(server.dialplan_path()).expect("the dialplan is there"),
    );
    let admin = server.sign_in("admin");
    talks.iter().for_each(load::Talk::watch_gaps);
    let began = Instant::now();
    for turn in 0..RELOADS {
        change_files(&server, turn, &config, &dialplan);
        if turn == RELOADS / 4 {
            talks.iter().for_each(load::Talk::speak);
        }
        if turn % 10 == 9 {
            let before = admin.get("/api/v1/admin/service")["in_force_at"].clone();
            server.signal("HUP");
            wait::until_true("the reload to be in force", SOON, || {
                admin.get("/api/v1/admin/service")["in_force_at"] != before
            });
        } else {
            let (status, answer) = admin.send("POST", "/api/v1/admin/reload", Some(&json!({})));
            assert_eq!((status, &answer["restart_needed"]), (200, &json!([])), "turn {turn}: {answer}");
        }
    }
    let took = began.elapsed();
    wait::until_true("everybody to have spoken", SOON, || talks.iter().all(load::Talk::has_spoken));
    let (gap, lag) = load::judge_gaps(&talks);
    println!(
        "{RELOADS} reloads in {took:.1?} under {CALLS} talks: longest gap between packets {gap:.1?}, the listeners \
         themselves late by {lag:.1?} at most"
    );
    assert_eq!(admin.metric("ringback_calls"), CALLS as u64);
    talks.iter().for_each(load::Talk::assert_heard);
    talks.into_iter().for_each(|talk| talk.end(&server));
    let verified = server.output(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn what_needs_a_restart_is_named_and_the_rest_is_in_force() {
    let server = Server::start();
    let config = fs::read_to_string(server.config_path()).expect("the configuration is there");
    let changed = config.replacen("[sip]\n", "[sip]\ndrain_secs = 1\nrealm = \"elsewhere\"\n", 1)
        + "\n[log]\nfilter = \"info,ringback=debug\"\n";
    fs::write(server.config_path(), changed).expect("the file can be written");
    let admin = server.sign_in("admin");
    let answer = admin.post("/api/v1/admin/reload", &json!({}));
    assert_eq!(answer["restart_needed"], json!(["sip.realm"]), "{answer}");
    assert_eq!(admin.get("/api/v1/admin/service")["restart_needed"], json!(["sip.realm"]));
    assert!(server.log().contains("changed, but needs a restart"), "{}", server.log());
    // The filter is in force: requests are logged one by one now.
    admin.get("/api/v1/admin/service");
    wait::until_true("the log to say more", SOON, || server.log().contains("DEBUG"));
}
