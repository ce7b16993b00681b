//! `make bench`: the whole service as a process of its own, up to thousands of telephones that speak and listen, and
//! what it costs: processor time per second of a call, set-up times, losses, jitter, memory, descriptors, beside two
//! floors measured in the same run. Nothing is asserted; a table and one line of JSON are printed.
//!
//! `CALLS=n SECONDS=n RATE=n` change how many calls are held, for how long, and how many are dialled a second;
//! `ONLY=bridged|ivr|rate|floor` leaves out the rest; `CHART=FILE` draws the costs. `ONLY=crash|plateau|hour` are long
//! runs of their own.

// It stands outside the program, and it fails by panicking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, clippy::print_stdout)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
#![allow(clippy::cast_possible_wrap, unreachable_pub)]

mod account;
mod chart;
mod crash;
mod desks;
mod figures;
mod floor;
mod hour;
mod ledger;
mod orders;
mod phones;
mod plateau;
mod recordings;
mod riff;
mod service;
mod speech;
mod streams;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};

use chart::Bar;
use desks::Desks;
use figures::Usage;
use ledger::Conduct;
use orders::{Findings, Order, Report};
use phones::Phones;
use service::Service;
use speech::Speech;

/// Everything that is waited for comes within this time, or the run has failed.
const PATIENCE: Duration = Duration::from_secs(300);
/// After the last call is up, before figures are taken.
const SETTLING: Duration = Duration::from_secs(5);

fn main() {
    // Cargo passes `--bench` too.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match &words[..] {
        [floor, calls] if floor == "floor" => floor::serve(calls.parse().unwrap(), None),
        [floor, calls, folder] if floor == "floor" => {
            floor::serve(calls.parse().unwrap(), Some(Path::new(folder)))
        }
        _ => run(),
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn run() {
    let (calls, seconds) = (number("CALLS", 200) as usize, number("SECONDS", 20));
    let per_second = number("RATE", 25) as f64;
    let only = std::env::var("ONLY").unwrap_or_default();
    let wanted = |name: &str| only.is_empty() || only == name;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let speech = Arc::new(Speech::new(2 * calls));
    let mut report = json!({ "calls": calls, "seconds": seconds });
    let mut bars = Vec::new();
    if wanted("floor") {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let moving = floor::measure(calls, seconds.min(10), &speech, None);
        let writing = floor::measure(calls, seconds.min(10), &speech, Some(folder.path()));
        println!("floor, packets only                 {moving:.2} ms per call-second");
        println!("floor, packets and octets on disk   {writing:.2} ms per call-second\n");
        bars.push(Bar { name: "packets only", ms: moving, is_floor: true });
        bars.push(Bar { name: "packets, octets on disk", ms: writing, is_floor: true });
        report["floor_ms"] = json!({ "moving": moving, "writing": writing });
    }
    if wanted("bridged") {
        let held = runtime.block_on(hold(calls, calls, seconds, per_second, &speech));
        bars.push(Bar { name: "bridged, recorded", ms: held.cpu_ms(calls), is_floor: false });
        report["bridged"] = print("bridged, recorded", calls, held);
    }
    if wanted("ivr") {
        let held = runtime.block_on(hold(calls, 0, seconds, per_second, &speech));
        bars.push(Bar { name: "waiting, recorded", ms: held.cpu_ms(calls), is_floor: false });
        report["ivr"] = print("waiting with music, recorded", calls, held);
    }
    if wanted("rate") {
        let per_second = number("NEW_CALLS", 100);
        report["rate"] = runtime.block_on(dial(per_second, seconds));
    }
    match only.as_str() {
        "crash" => report["crash"] = runtime.block_on(crash::run(calls, &speech)),
        "plateau" => report["plateau"] = runtime.block_on(plateau::run()),
        "hour" => report["hour"] = runtime.block_on(hour::run()),
        _ => {}
    }
    if let Ok(file) = std::env::var("CHART") {
        let caption = format!("Processor time per second of a call, ms ({calls} calls)");
        std::fs::write(file, chart::draw(&bars, &caption)).unwrap();
    }
    println!("{report}");
}

/// What one scenario came to.
struct Held {
    idle: Usage,
    before: Usage,
    after: Usage,
    findings: Findings,
    recordings: recordings::Findings,
}

impl Held {
    /// Milliseconds of processor time per second of a call.
    fn cpu_ms(&self, calls: usize) -> f64 {
        self.after.cpu_ms_per_sec(&self.before) / calls as f64
    }
}

/// The thread of the telephones.
struct Telephony {
    orders: Sender<Order>,
    reports: Receiver<Report>,
    thread: std::thread::JoinHandle<Findings>,
}

impl Telephony {
    fn start(service: &Service, citizens: usize, operators: usize, speech: &Arc<Speech>) -> Self {
        let (orders, orders_out) = channel();
        let (reports_in, reports) = channel();
        let (sip, speech) = (service.sip, speech.clone());
        let thread = std::thread::Builder::new()
            .name("telephones".to_owned())
            .spawn(move || Phones::new(sip, citizens, operators, speech, reports_in).run(&orders_out));
        Self { orders, reports, thread: thread.unwrap() }
    }

    fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    fn wait(&self) -> Report {
        self.reports.recv_timeout(PATIENCE).unwrap()
    }

    fn stop(self) -> Findings {
        self.order(Order::Stop);
        self.thread.join().unwrap()
    }
}

/// Holds `calls` for some seconds, each with an operator where there are any.
async fn hold(calls: usize, operators: usize, seconds: u64, per_second: f64, speech: &Arc<Speech>) -> Held {
    let mut service = Service::start(service::Order { capacity: calls + 10, operators }).await;
    let telephony = Telephony::start(&service, calls, operators, speech);
    if operators > 0 {
        telephony.order(Order::Register);
        telephony.wait();
        Desks::sign_in(&service.http, operators).await.get_ready().await;
    }
    let idle = Usage::of(service.pid());
    telephony.order(Order::Dial { calls: calls as u64, per_second, conducts: vec![Conduct::STAYS] });
    telephony.wait();
    tokio::time::sleep(SETTLING).await;
    telephony.order(Order::Measure(true));
    let before = Usage::of(service.pid());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = Usage::of(service.pid());
    telephony.order(Order::Measure(false));
    telephony.order(Order::HangUp);
    telephony.wait();
    let findings = telephony.stop();
    service.stop().await;
    let lengths: Vec<f64> = findings.lengths.iter().map(Duration::as_secs_f64).collect();
    let recordings = recordings::check(&service.recordings(), speech, &lengths);
    Held { idle, before, after, findings, recordings }
}

/// New calls at a steady rate, each answered after its record is durable, and over again soon after.
async fn dial(per_second: u64, seconds: u64) -> Value {
    let hold = Duration::from_secs(2);
    let lines = per_second as usize * 6;
    let service = Service::start(service::Order { capacity: lines, operators: 0 }).await;
    let speech = Arc::new(Speech::new(lines));
    let telephony = Telephony::start(&service, lines, 0, &speech);
    let calls = per_second * seconds;
    let before = Usage::of(service.pid());
    let conducts = vec![Conduct::STAYS.leaving(hold)];
    telephony.order(Order::Dial { calls, per_second: per_second as f64, conducts });
    telephony.wait();
    let after = Usage::of(service.pid());
    telephony.order(Order::HangUp);
    telephony.wait();
    let findings = telephony.stop();
    let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| findings.setup.quantile_ms(share));
    let cpu = after.cpu_ms_per_sec(&before);
    println!("new calls a second                  {per_second} for {seconds} s");
    println!(
        "dialled / answered / failed         {} / {} / {}",
        findings.dialled, findings.answered, findings.failed
    );
    println!("set-up p50 / p95 / p99              {p50:.1} / {p95:.1} / {p99:.1} ms");
    println!("CPU of the service                  {cpu:.0} ms per second\n");
    json!({
        "per_second": per_second, "dialled": findings.dialled, "answered": findings.answered,
        "failed": findings.failed, "setup_ms": { "p50": p50, "p95": p95, "p99": p99 }, "cpu_ms_per_second": cpu,
    })
}

fn print(name: &str, calls: usize, held: Held) -> Value {
    let cpu = held.cpu_ms(calls);
    let Held { idle, after, findings, recordings, .. } = held;
    let kib = after.resident_kib.saturating_sub(idle.resident_kib) as f64 / calls as f64;
    let descriptors = after.descriptors.saturating_sub(idle.descriptors) as f64 / calls as f64;
    let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| findings.setup.quantile_ms(share));
    let [jitter95, jitter99] = [0.95, 0.99].map(|share| findings.deviation.quantile_ms(share));
    let late99 = findings.lateness.quantile_ms(0.99);
    let loss = 100.0 * findings.lost as f64 / (findings.received + findings.lost).max(1) as f64;
    println!("{name}, PCMA");
    println!(
        "dialled / answered / bridged        {} / {} / {}",
        findings.dialled, findings.answered, findings.bridged
    );
    println!("failed                              {}", findings.failed);
    println!("set-up p50 / p95 / p99              {p50:.1} / {p95:.1} / {p99:.1} ms");
    println!("CPU of the service                  {cpu:.2} ms per call-second");
    println!("memory / descriptors per call       {kib:.0} KiB / {descriptors:.1}");
    println!("packets sent / received / lost      {} / {} / {loss:.4} %", findings.sent, findings.received);
    println!(
        "off the 20 ms, p95 / p99            {jitter95:.1} / {jitter99:.1} ms (we were late by {late99:.1})"
    );
    println!(
        "heard: exact / jumps / unknown      {} / {} / {}, nobody {}",
        findings.exact, findings.jumps, findings.unknown, findings.heard_nobody
    );
    println!(
        "recorded: exact / unknown           {} / {} in {} files, {} broken, {} anonymous",
        recordings.exact, recordings.unknown, recordings.files, recordings.broken, recordings.anonymous
    );
    println!(
        "silent pieces / jumps / furthest    {} / {} / {:.1} ms",
        recordings.silent,
        recordings.jumps,
        recordings.furthest as f64 * 1000.0 / recordings::RATE
    );
    println!("length of file against call         within {:.0} ms\n", recordings.worst_length * 1000.0);
    json!({
        "dialled": findings.dialled, "answered": findings.answered, "bridged": findings.bridged,
        "failed": findings.failed, "setup_ms": { "p50": p50, "p95": p95, "p99": p99 },
        "cpu_ms_per_call_second": cpu, "kib_per_call": kib, "descriptors_per_call": descriptors,
        "sent": findings.sent, "received": findings.received, "loss_percent": loss,
        "deviation_ms": { "p95": jitter95, "p99": jitter99 }, "generator_late_ms_p99": late99,
        "heard": { "exact": findings.exact, "jumps": findings.jumps, "unknown": findings.unknown },
        "recorded": {
            "files": recordings.files, "broken": recordings.broken, "exact": recordings.exact,
            "jumps": recordings.jumps, "silent": recordings.silent, "unknown": recordings.unknown,
            "furthest_jump_ms": recordings.furthest as f64 * 1000.0 / recordings::RATE,
            "worst_length_ms": recordings.worst_length * 1000.0,
        },
    })
}
