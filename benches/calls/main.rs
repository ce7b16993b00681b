//! `make bench`: the whole service as a process of its own, up to thousands of telephones that speak and listen, and
//! what it costs: processor time per second of a call, set-up times, losses, jitter, memory, descriptors, beside two
//! floors measured in the same run. Nothing is asserted; a table and one line of JSON are printed.
//!
//! `CALLS=n SECONDS=n RATE=n` change how many calls are held, for how long, and how many are dialled a second;
//! `ONLY=floor|bridged|unrecorded|ivr|beside|rate` leaves out the rest; `CHART=FILE` draws the costs.
//! `ONLY=sipp|crash|plateau|hour|board` are runs of their own.

// It stands outside the program, and it fails by panicking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, clippy::print_stdout)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
#![allow(clippy::cast_possible_wrap, unreachable_pub)]

mod account;
mod board;
mod chart;
mod crash;
mod desks;
mod figures;
mod floor;
mod hold;
mod hour;
mod ledger;
mod orders;
mod phones;
mod plateau;
mod recordings;
mod riff;
mod service;
mod sipp;
mod speech;
mod streams;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};

use chart::Bar;
use figures::Usage;
use hold::{Scene, hold};
use ledger::Conduct;
use orders::{Findings, Order, Report};
use phones::Phones;
use service::Service;
use speech::Speech;

/// Everything that is waited for comes within this time, or the run has failed.
const PATIENCE: Duration = Duration::from_secs(300);
/// New calls a second beside those that are held.
const NEW_BESIDE: f64 = 25.0;
/// Lines for them, at most.
const MAX_BESIDE: usize = 200;

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
    let speech = Arc::new(Speech::new(2 * calls + MAX_BESIDE));
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
    let scene =
        Scene { name: "", calls, operators: calls, seconds, per_second, beside: 0.0, is_recorded: true };
    let scenes = [
        ("bridged", Scene { name: "bridged, recorded", ..scene }),
        ("unrecorded", Scene { name: "bridged, not recorded", is_recorded: false, ..scene }),
        ("ivr", Scene { name: "waiting with music, recorded", operators: 0, ..scene }),
        ("beside", Scene { name: "bridged, and new calls beside", beside: NEW_BESIDE, ..scene }),
    ];
    for (key, scene) in scenes.iter().filter(|(key, _)| wanted(key)) {
        let held = runtime.block_on(hold(scene, &speech));
        // What new calls cost is no cost of those that are held.
        if scene.beside == 0.0 {
            bars.push(Bar { name: scene.name, ms: held.cpu_ms(scene), is_floor: false });
        }
        report[*key] = held.print(scene);
    }
    if wanted("rate") {
        let per_second = number("NEW_CALLS", 100);
        report["rate"] = runtime.block_on(dial(per_second, seconds));
    }
    match only.as_str() {
        "crash" => report["crash"] = runtime.block_on(crash::run(calls, &speech)),
        "plateau" => report["plateau"] = runtime.block_on(plateau::run()),
        "sipp" => report["sipp"] = runtime.block_on(sipp::run(number("NEW_CALLS", 100), seconds)),
        "board" => report["board"] = runtime.block_on(board::run()),
        "hour" => report["hour"] = runtime.block_on(hour::run()),
        _ => {}
    }
    if let Ok(file) = std::env::var("CHART") {
        let caption = format!("Processor time per second of a call, ms ({calls} calls)");
        std::fs::write(file, chart::draw(&bars, &caption)).unwrap();
    }
    println!("{report}");
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

/// New calls at a steady rate, each answered after its record is durable, and over again soon after.
async fn dial(per_second: u64, seconds: u64) -> Value {
    let hold = Duration::from_secs(2);
    let lines = per_second as usize * 6;
    let service = Service::start(service::Order { capacity: lines, operators: 0, is_recorded: true }).await;
    let speech = Arc::new(Speech::new(lines));
    let telephony = Telephony::start(&service, lines, 0, &speech);
    let calls = per_second * seconds;
    let before = Usage::of(service.pid());
    let conducts = vec![Conduct::STAYS.leaving(hold)];
    telephony.order(Order::Measure(true));
    telephony.order(Order::Dial { calls, per_second: per_second as f64, conducts });
    telephony.wait();
    let after = Usage::of(service.pid());
    telephony.order(Order::HangUp);
    telephony.wait();
    let findings = telephony.stop();
    // All were dialled while it was measured.
    let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| findings.setup_beside.quantile_ms(share));
    let cpu = after.cpu_ms_per_sec(&before);
    println!("new calls a second                  {per_second} for {seconds} s");
    println!(
        "dialled / answered / failed         {} / {} / {}",
        findings.dialled, findings.answered, findings.failed
    );
    println!("set-up p50 / p95 / p99              {p50:.1} / {p95:.1} / {p99:.1} ms");
    // A turn that is late by 70 ms is one of thousands, and still delays the seven calls that were dialled meanwhile.
    let [late95, late99, latest] = [0.95, 0.99, 1.0].map(|share| findings.lateness.quantile_ms(share));
    println!("generator late p95 / p99 / most     {late95:.1} / {late99:.1} / {latest:.1} ms");
    println!("CPU of the service                  {cpu:.0} ms per second\n");
    json!({
        "generator_late_ms": { "p95": late95, "p99": late99, "most": latest },
        "per_second": per_second, "dialled": findings.dialled, "answered": findings.answered,
        "failed": findings.failed, "setup_ms": { "p50": p50, "p95": p95, "p99": p99 }, "cpu_ms_per_second": cpu,
    })
}
