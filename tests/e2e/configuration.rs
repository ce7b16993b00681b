//! A wrong configuration never starts half a server, and a reload with one keeps the old one running: calls that
//! are on stay on, new ones are answered. Every complaint has its place, file:line:column.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::citizen::Invite;
use crate::server::{KEYS_TO_QUEUE, Server, Setup};

/// The exit code of a configuration that cannot be used (sysexits' EX_CONFIG).
const EX_CONFIG: i32 = 78;

/// What is broken: the file, what stands there, what is put there, and what the complaint must name.
const BREAKS: &[(&str, &str, &str, &str)] = &[
    ("config.toml", "capacity = 50", "capacity = \"many\"", "config.toml:4:"),
    ("config.toml", "[recording]", "[recordings]", "recording"),
    ("config.toml", "name = \"city\"", "name = \"town\"", "city"),
    ("config.toml", "[http]", "[http", "config.toml:"),
    ("dialplans/1580.toml", "1 = \"ukrainian\"", "1 = \"ukrainain\"", "dialplans/1580.toml:12:"),
    ("dialplans/1580.toml", "test.topics", "test.nothing", "test.nothing"),
    ("city.toml", "[", "[[[", "city.toml:"),
    ("addresses.csv", "\ncenter,", "\ncentre,", "addresses.csv:4:1:"),
];

/// Breaks a file of the server; what stood there before.
fn break_file(server: &Server, (file, from, to, _): &(&str, &str, &str, &str)) -> String {
    let path = server.folder().join(file);
    let good = fs::read_to_string(&path).expect("the file is there");
    assert!(good.contains(from), "{file} has no {from}");
    fs::write(&path, good.replacen(from, to, 1)).expect("the file can be written");
    good
}

fn mend_file(server: &Server, file: &str, good: &str) {
    fs::write(server.folder().join(file), good).expect("the file can be written");
}

/// Every complaint is `file:line:column: message`.
fn is_placed(line: &str) -> bool {
    let mut parts = line.splitn(4, ':').skip(1);
    let mut number = || parts.next().is_some_and(|part| part.parse::<usize>().is_ok());
    number() && number()
}

fn assert_nothing_is_bound(sip: SocketAddr, http: SocketAddr) {
    assert!(UdpSocket::bind(sip).is_ok(), "UDP {sip} is bound");
    assert!(TcpListener::bind(sip).is_ok(), "TCP {sip} is bound");
    assert!(TcpListener::bind(http).is_ok(), "TCP {http} is bound");
}

#[test]
fn a_wrong_file_never_starts_a_server() {
    let server = Server::prepare(&Setup::default());
    for breakage in BREAKS {
        let good = break_file(&server, breakage);
        for command in ["serve", "check"] {
            let output = server.output(&[command]);
            let complaints = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(EX_CONFIG), "{command} with {breakage:?}: {complaints}");
            assert!(complaints.contains(breakage.3), "{breakage:?}: {complaints}");
            assert!(complaints.lines().any(is_placed), "no file:line:column: {complaints}");
        }
        assert_nothing_is_bound(server.sip, server.http);
        mend_file(&server, breakage.0, &good);
    }
    let output = server.output(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_reload_with_a_wrong_file_keeps_the_old_one() {
    let mut server = Server::start();
    let admin = server.sign_in("admin");
    let mut citizen = Invite { caller: "380440000701".to_owned(), ..Invite::default() }.call(server.sip);
    for breakage in BREAKS {
        let good = break_file(&server, breakage);
        let (status, problem) = admin.send("POST", "/api/v1/admin/reload", Some(&json!({})));
        assert_eq!(status, 422, "{breakage:?}: {problem}");
        let diagnostics = problem["diagnostics"].as_array().expect("diagnostics");
        assert!(diagnostics.iter().all(|line| line.as_str().is_some_and(is_placed)), "{problem}");
        assert!(problem.to_string().contains(breakage.3), "{breakage:?}: {problem}");
        server.signal("HUP");
        let mut other = Invite { caller: "380440000702".to_owned(), ..Invite::default() }.call(server.sip);
        other.hang_up();
        assert!(server.is_running(), "after {breakage:?}");
        mend_file(&server, breakage.0, &good);
    }
    let (status, problem) = admin.send("POST", "/api/v1/admin/reload", Some(&json!({})));
    assert_eq!(status, 200, "{problem}");
    // The call that was on all the time goes on by the plan it began with.
    citizen.rtp.press(KEYS_TO_QUEUE);
    let auditor = server.sign_in("audyt");
    let call = auditor.call_where("380440000701", "in the queue", |call| call["case"].is_string());
    assert_eq!(call["topic"], "water", "{call}");
    citizen.hang_up();
}

#[test]
fn a_good_reload_is_followed() {
    let server = Server::start();
    let path = server.dialplan_path();
    let plan = fs::read_to_string(&path).expect("the dialplan is there");
    fs::write(&path, plan.replace("1 = \"water\", 8 = \"bye\"", "1 = \"bye\", 8 = \"water\""))
        .expect("it can be written");
    let (status, problem) = server.sign_in("admin").send("POST", "/api/v1/admin/reload", Some(&json!({})));
    assert_eq!(status, 200, "{problem}");
    let mut citizen = Invite { caller: "380440000703".to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    // What led to water now says good-bye.
    citizen.is_hung_up_on(std::time::Duration::from_secs(10));
}

/// The soft limit is raised to the hard one; where that is too low, too, the log says so, and by which name.
#[test]
fn too_few_descriptors_are_told_at_the_start() {
    let server = Server::prepare(&Setup::default());
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -Sn 300 && ulimit -Hn 900 && exec \"$0\" serve --config \"$1\""])
        .arg(env!("CARGO_BIN_EXE_ringback"))
        .arg(server.config_path())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let log = BufReader::new(child.stderr.take().expect("standard error is a pipe"));
    let until_up = log.lines().map_while(Result::ok).take_while(|line| !line.contains("answering"));
    let warning = until_up.filter(|line| line.contains("RLIMIT_NOFILE")).last();
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap_or_default();
    child.kill().expect("our own child can be killed");
    child.wait().expect("our own child can be awaited");
    let warning = warning.expect("a warning before it answers");
    for wanted in ["WARN", "900", "capacity"] {
        assert!(warning.contains(wanted), "{wanted} in {warning}");
    }
    let open_files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    assert_eq!(open_files.split_whitespace().skip(3).take(2).collect::<Vec<_>>(), ["900", "900"]);
}
