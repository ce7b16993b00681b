//! Calls that are held: as many as wanted, each with an operator or with the waiting music, recorded or not, alone or
//! beside new ones that come all the time. What they cost and whether they were whole.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::desks::Desks;
use crate::figures::Usage;
use crate::ledger::Conduct;
use crate::orders::{Findings, Order};
use crate::service::{self, Service};
use crate::speech::Speech;
use crate::{Telephony, recordings};

/// After the last call is up, before figures are taken.
const SETTLING: Duration = Duration::from_secs(5);
/// How long a call beside the held ones lasts, and lines for each such call a second.
const BESIDE: Duration = Duration::from_secs(2);
const LINES_BESIDE: f64 = 4.0;

/// What is held, and how.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    pub name: &'static str,
    pub calls: usize,
    pub operators: usize,
    pub seconds: u64,
    /// Dialled a second until all are up.
    pub per_second: f64,
    /// New calls a second while figures are taken; they hear the waiting music for a while and leave.
    pub beside: f64,
    pub is_recorded: bool,
}

impl Scene {
    /// Callers, those beside included.
    pub fn lines(&self) -> usize {
        self.calls + (self.beside * LINES_BESIDE) as usize
    }
}

/// What one scene came to.
#[derive(Debug)]
pub struct Held {
    idle: Usage,
    before: Usage,
    after: Usage,
    findings: Findings,
    recordings: recordings::Findings,
}

/// Holds the calls of a scene. `speech` is for all its callers and operators.
pub async fn hold(scene: &Scene, speech: &Arc<Speech>) -> Held {
    let Scene { calls, operators, seconds, per_second, beside, is_recorded, .. } = *scene;
    let lines = scene.lines();
    let order = service::Order { capacity: lines + 10, operators, is_recorded };
    let mut service = Service::start(order).await;
    let telephony = Telephony::start(&service, lines, operators, speech);
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
    if beside > 0.0 {
        let calls = (beside * seconds as f64) as u64;
        let conducts = vec![Conduct::STAYS.leaving(BESIDE)];
        telephony.order(Order::Dial { calls, per_second: beside, conducts });
        telephony.wait();
    } else {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
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

impl Held {
    /// Milliseconds of processor time per second of a call.
    pub fn cpu_ms(&self, scene: &Scene) -> f64 {
        self.after.cpu_ms_per_sec(&self.before) / scene.calls as f64
    }

    /// Prints the table; the same as JSON.
    pub fn print(&self, scene: &Scene) -> Value {
        println!("{}, PCMA", scene.name);
        let costs = self.print_costs(scene);
        let sound = self.print_sound();
        let recorded = if scene.is_recorded { self.print_recordings(scene) } else { Value::Null };
        println!();
        json!({ "costs": costs, "sound": sound, "recorded": recorded })
    }

    fn print_costs(&self, scene: &Scene) -> Value {
        let Self { idle, after, findings, .. } = self;
        let cpu = self.cpu_ms(scene);
        let kib = after.resident_kib.saturating_sub(idle.resident_kib) as f64 / scene.calls as f64;
        let descriptors = after.descriptors.saturating_sub(idle.descriptors) as f64 / scene.calls as f64;
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| findings.setup.quantile_ms(share));
        let beside = [0.5, 0.95, 0.99].map(|share| findings.setup_beside.quantile_ms(share));
        println!(
            "dialled / answered / bridged        {} / {} / {}",
            findings.dialled, findings.answered, findings.bridged
        );
        println!("failed                              {}", findings.failed);
        println!("set-up p50 / p95 / p99              {p50:.1} / {p95:.1} / {p99:.1} ms");
        if scene.beside > 0.0 {
            let [p50, p95, p99] = beside;
            println!("set-up beside, {:.0} a second         {p50:.1} / {p95:.1} / {p99:.1} ms", scene.beside);
        }
        println!("CPU of the service                  {cpu:.2} ms per call-second");
        println!("memory / descriptors per call       {kib:.0} KiB / {descriptors:.1}");
        json!({
            "dialled": findings.dialled, "answered": findings.answered, "bridged": findings.bridged,
            "failed": findings.failed, "setup_ms": { "p50": p50, "p95": p95, "p99": p99 },
            "setup_beside_ms": { "p50": beside[0], "p95": beside[1], "p99": beside[2] },
            "cpu_ms_per_call_second": cpu, "kib_per_call": kib, "descriptors_per_call": descriptors,
        })
    }

    fn print_sound(&self) -> Value {
        let findings = &self.findings;
        let [jitter95, jitter99] = [0.95, 0.99].map(|share| findings.deviation.quantile_ms(share));
        let late99 = findings.lateness.quantile_ms(0.99);
        let loss = 100.0 * findings.lost as f64 / (findings.received + findings.lost).max(1) as f64;
        println!(
            "packets sent / received / lost      {} / {} / {loss:.4} %",
            findings.sent, findings.received
        );
        println!(
            "off the 20 ms, p95 / p99            {jitter95:.1} / {jitter99:.1} ms (we were late by {late99:.1})"
        );
        println!(
            "heard: exact / jumps / unknown      {} / {} / {}, nobody {}",
            findings.exact, findings.jumps, findings.unknown, findings.heard_nobody
        );
        json!({
            "sent": findings.sent, "received": findings.received, "loss_percent": loss,
            "deviation_ms": { "p95": jitter95, "p99": jitter99 }, "generator_late_ms_p99": late99,
            "exact": findings.exact, "jumps": findings.jumps, "unknown": findings.unknown,
        })
    }

    fn print_recordings(&self, scene: &Scene) -> Value {
        let recordings = &self.recordings;
        let furthest = recordings.furthest as f64 * 1000.0 / recordings::RATE;
        let worst = recordings.worst_length * 1000.0;
        println!(
            "recorded: exact / unknown           {} / {} in {} files, {} broken, {} anonymous",
            recordings.exact, recordings.unknown, recordings.files, recordings.broken, recordings.anonymous
        );
        println!(
            "silent pieces / jumps / furthest    {} / {} / {furthest:.1} ms",
            recordings.silent, recordings.jumps
        );
        // A line that is used again has the length of its last call only.
        if scene.beside == 0.0 {
            println!("length of file against call         within {worst:.0} ms");
        }
        json!({
            "files": recordings.files, "broken": recordings.broken, "exact": recordings.exact,
            "jumps": recordings.jumps, "silent": recordings.silent, "unknown": recordings.unknown,
            "furthest_jump_ms": furthest, "worst_length_ms": worst,
        })
    }
}
