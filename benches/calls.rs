//! `make bench`: the whole service as a process of its own, callers and operators on telephones of ours, and what it
//! costs: processor time of the service per second of a bridged, recorded call, set-up time, memory, descriptors.
//! Nothing is asserted; the figures are printed as a table and as one line of JSON. `CALLS=n SECONDS=n` change it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringback::media::Sound;
use ringback::sip::message::{Host, Uri};
use ringback::softphone::{Account, Act, Script, Settings, Softphone};
use ringback::time::now;

const PASSWORD: &str = "benchmark-phone";
/// The whole run may take this long; a service that hangs is a result too.
const DEADLINE: Duration = Duration::from_secs(300);
/// Kernel ticks per second in /proc/<pid>/stat.
const CLOCK_TICKS: f64 = 100.0;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The service under measurement, ended with the value.
struct Service {
    child: Child,
    sip: SocketAddr,
    http: String,
    folder: tempfile::TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A dialplan that only queues: what is measured is signalling, media and recording, not prompts.
const PLAN: &str = r#"
languages = ["en"]
time_zone = "UTC"
start = "queue"
operator = "queue"
emergency = "queue"

[node.queue]
kind = "queue"
queue = "city"
urgent = true
topic = "other"
full = "full"

[node.full]
kind = "hangup"
prompt = "goodbye"
"#;

fn start_service(calls: u64) -> Service {
    let folder = tempfile::tempdir().unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::write(folder.path().join("plan.toml"), PLAN).unwrap();
    let prompts = repository.join("dialplans/prompts");
    std::os::unix::fs::symlink(prompts, folder.path().join("prompts")).unwrap();
    let sip = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let http = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let config = format!(
        "[sip]\nudp = \"{sip}\"\ntcp = \"{sip}\"\ncapacity = {capacity}\n\
         [http]\nbind = \"{http}\"\n[number]\ndialplan = \"plan.toml\"\n[city]\nfile = \"{city}\"\n\
         [speech]\ncache = \"{cache}\"\n[[queue]]\nname = \"city\"\ncapacity = 1000\nwrap_up_secs = 0\n\
         [[trunk]]\nname = \"loopback\"\nfrom = [\"127.0.0.0/8\"]\n",
        capacity = calls + 10,
        city = repository.join("city.toml").display(),
        cache = repository.join("target/speech").display(),
    );
    let file = folder.path().join("config.toml");
    std::fs::write(&file, config).unwrap();
    for operator in 0..calls {
        add_operator(&file, operator);
    }
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let child = ringback(&file).arg("serve").stderr(log).stdin(Stdio::null()).spawn().unwrap();
    Service { child, sip, http: format!("http://{http}"), folder }
}

fn ringback(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringback"));
    command.arg("--config").arg(config);
    command
}

fn extension(operator: u64) -> String {
    format!("{}", 1000 + operator)
}

fn add_operator(config: &Path, operator: u64) {
    let name = format!("operator{operator}");
    let extension = extension(operator);
    let mut child = ringback(config)
        .args(["user", "add", &name, "--role", "operator", "--languages", "en", "--password-stdin"])
        .args(["--sip-extension", &extension])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(child.wait().unwrap().success());
}

fn free_port() -> u16 {
    std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// What /proc knows of the service.
#[derive(Clone, Copy)]
struct Usage {
    at: Instant,
    cpu_secs: f64,
    resident_kib: u64,
    descriptors: usize,
}

fn usage(pid: u32) -> Usage {
    let proc = PathBuf::from(format!("/proc/{pid}"));
    let stat = std::fs::read_to_string(proc.join("stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|field| field.parse::<f64>().unwrap()).sum();
    let status = std::fs::read_to_string(proc.join("status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    Usage {
        at: now().mono,
        cpu_secs: ticks / CLOCK_TICKS,
        resident_kib: resident.trim().trim_end_matches(" kB").parse().unwrap(),
        descriptors: std::fs::read_dir(proc.join("fd")).unwrap().count(),
    }
}

async fn telephone(index: u64) -> Softphone {
    let first = 40_000 + u16::try_from(index).unwrap() * 10;
    let settings = Settings {
        sip: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        rtp_ports: first..=first + 9,
        recordings: std::env::temp_dir(),
    };
    Softphone::start(settings).await.unwrap()
}

/// Speech-like noise for a second, always the same.
fn voice() -> Arc<Sound> {
    let mut state = 0x2545_f491_u32;
    let samples = (0..8000)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            i16::try_from(state % 8000).unwrap() - 4000
        })
        .collect();
    Arc::new(Sound { samples })
}

fn talking(seconds: u64) -> Script {
    Script::new([Act::Play { sounds: vec![voice()], repeat: true }], Duration::from_secs(seconds))
}

/// Signs in as the operator and says "ready", once the switchboard has seen the phone's registration.
async fn get_ready(http: &str, index: u64) {
    let client = reqwest::Client::builder().cookie_store(true).build().unwrap();
    let credentials = serde_json::json!({ "user": format!("operator{index}"), "password": PASSWORD });
    let session = client.post(format!("{http}/api/v1/session")).json(&credentials).send().await.unwrap();
    assert!(session.status().is_success(), "{session:?}");
    let status = client.post(format!("{http}/api/v1/operators/me/status"));
    let status = status.header("X-Ringback", "1").json(&serde_json::json!({ "status": "ready" }));
    let answer = status.send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

/// Registers, gets ready, takes one call. True when there was one.
async fn operator(index: u64, service: SocketAddr, http: String, seconds: u64) -> bool {
    let mut phone = telephone(index).await;
    let account = Account { extension: extension(index), password: PASSWORD.to_owned(), registrar: service };
    phone.register(account).await.unwrap();
    get_ready(&http, index).await;
    phone.answer(talking(seconds + 60), now().mono + DEADLINE).await.is_ok_and(|outcome| outcome.is_some())
}

/// Calls and talks. True when the call lasted as long as the caller wanted.
async fn citizen(index: u64, service: SocketAddr, seconds: u64) -> bool {
    let mut phone = telephone(1_000 + index).await;
    let target = Uri::sip(Some("1580"), Host::Ip(service.ip()), Some(service.port()));
    let from = format!("38050{index:07}");
    let outcome = phone.call(target, service, &from, talking(seconds), None).await;
    outcome.is_ok_and(|outcome| !outcome.ended_by_peer)
}

/// Until `/readyz` says so; a service that ended shows its last words.
async fn wait_until_ready(service: &mut Service) {
    let address = format!("{}/readyz", service.http);
    let deadline = now().mono + DEADLINE;
    loop {
        if reqwest::get(&address).await.is_ok_and(|answer| answer.status().is_success()) {
            return;
        }
        let ended = service.child.try_wait().unwrap();
        if ended.is_some() || now().mono > deadline {
            let log = std::fs::read_to_string(service.folder.path().join("log")).unwrap_or_default();
            panic!("the service did not come up: {ended:?}\n{log}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn count(outcomes: Vec<bool>) -> usize {
    outcomes.into_iter().filter(|good| *good).count()
}

async fn measure(calls: u64, seconds: u64) {
    let mut service = start_service(calls);
    wait_until_ready(&mut service).await;
    let pid = service.child.id();
    let idle = usage(pid);
    // Everybody dials within this time, and it is not measured.
    let ramp = 10;
    let operators: Vec<_> = (0..calls)
        .map(|index| tokio::spawn(operator(index, service.sip, service.http.clone(), seconds + ramp)))
        .collect();
    let mut citizens = Vec::new();
    for index in 0..calls {
        citizens.push(tokio::spawn(citizen(index, service.sip, seconds + 2 * ramp)));
        tokio::time::sleep(Duration::from_millis(ramp * 500 / calls.max(1))).await;
    }
    tokio::time::sleep(Duration::from_secs(ramp / 2)).await;
    let before = usage(pid);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = usage(pid);
    let mut held = Vec::new();
    for citizen in citizens {
        held.push(citizen.await.unwrap());
    }
    let mut answered = Vec::new();
    for operator in operators {
        answered.push(
            tokio::time::timeout(Duration::from_secs(10), operator).await.is_ok_and(|done| done.unwrap()),
        );
    }
    report(calls, count(held), count(answered), idle, before, after);
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn report(calls: u64, held: usize, bridged: usize, idle: Usage, before: Usage, after: Usage) {
    let wall = after.at.saturating_duration_since(before.at).as_secs_f64();
    let cpu_ms = (after.cpu_secs - before.cpu_secs) * 1000.0 / (wall * calls as f64);
    let kib = (after.resident_kib.saturating_sub(idle.resident_kib)) as f64 / calls as f64;
    let descriptors = after.descriptors.saturating_sub(idle.descriptors) as f64 / calls as f64;
    println!("bridged, recorded PCMA calls        {calls}");
    println!("held to their end / bridged         {held} / {bridged}");
    println!("CPU of the service per call-second  {cpu_ms:.2} ms");
    println!("memory per call, sign-ins included  {kib:.0} KiB");
    println!("descriptors per call                {descriptors:.1}");
    let json = serde_json::json!({
        "calls": calls, "held": held, "bridged": bridged, "cpu_ms_per_call_second": cpu_ms,
        "kib_per_call": kib, "descriptors_per_call": descriptors, "seconds": wall,
    });
    println!("{json}");
}

fn main() {
    let (calls, seconds) = (number("CALLS", 40), number("SECONDS", 20));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure(calls, seconds));
}
