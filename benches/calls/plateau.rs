//! `ONLY=plateau`: many short calls in waves, and what an idle service keeps after each wave: memory, descriptors,
//! ports, threads, and what it counts itself. Half of the callers talk with an operator; the others leave before the
//! answer, in the menu, while an operator's telephone rings, or in a queue that nobody serves.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Telephony;
use crate::desks::Desks;
use crate::figures::Usage;
use crate::ledger::Conduct;
use crate::number;
use crate::orders::{Findings, Order};
use crate::service::{self, DIGIT_TO_NOBODY, DIGIT_TO_QUEUE, Service};
use crate::speech::Speech;

const WAVES: u64 = 10;
/// Waves that fill what is kept on purpose: caches, connections, the allocator's reserve.
const WARM_UP: usize = 2;
/// Callers' telephones for each call that is dialled in a second: the longest call takes less, on a slow machine too.
const LINES: u64 = 6;
/// An operator for so many of them.
const LINES_PER_OPERATOR: u64 = 2;
/// Longer than any call stays.
const LAST_CALLS: Duration = Duration::from_secs(4);
/// The SIP messages of a call are forgotten a moment after its last transaction.
const AFTERMATH: Duration = Duration::from_secs(3);
const RINGING: Duration = Duration::from_millis(400);
const PRESSES_AFTER: Duration = Duration::from_millis(300);

pub async fn run() -> Value {
    let (total, per_second) = (number("TOTAL", 10_000), number("RATE", 50));
    let (lines, operators) =
        ((per_second * LINES) as usize, (per_second * LINES / LINES_PER_OPERATOR) as usize);
    let speech = Arc::new(Speech::new(lines + operators));
    let mut service =
        Service::start(service::Order { capacity: lines + 10, operators, is_recorded: true }).await;
    let telephony = Telephony::start(&service, lines, operators, &speech);
    telephony.order(Order::Register);
    telephony.wait();
    Desks::sign_in(&service.http, operators).await.get_ready().await;
    telephony.order(Order::PickUpAfter(RINGING));
    println!("idle after   RSS KiB  anonymous  descriptors  ports  threads  calls  transactions  changes");
    let mut levels = vec![level(&service, 0).await];
    for wave in 1..=WAVES {
        let dial = Order::Dial { calls: total / WAVES, per_second: per_second as f64, conducts: conducts() };
        telephony.order(dial);
        telephony.wait();
        tokio::time::sleep(LAST_CALLS).await;
        telephony.order(Order::HangUp);
        telephony.wait();
        levels.push(level(&service, wave * (total / WAVES)).await);
    }
    let findings = telephony.stop();
    service.stop().await;
    print(&levels, &findings)
}

/// In turn: every other caller talks with an operator.
fn conducts() -> Vec<Conduct> {
    let caller = |key: Option<u8>, leaves_ms| Conduct {
        presses: key.map(|key| (key, PRESSES_AFTER)),
        leaves: Some(Duration::from_millis(leaves_ms)),
    };
    let talks = caller(Some(DIGIT_TO_QUEUE), 2500);
    let before_the_answer = caller(None, 2);
    let in_the_menu = caller(None, 700);
    let while_it_rings = caller(Some(DIGIT_TO_QUEUE), 650);
    let in_the_queue = caller(Some(DIGIT_TO_NOBODY), 1200);
    vec![talks, before_the_answer, talks, in_the_menu, talks, while_it_rings, talks, in_the_queue]
}

/// What an idle service keeps.
struct Level {
    calls_so_far: u64,
    usage: Usage,
    gauges: [u64; 4],
}

async fn level(service: &Service, calls_so_far: u64) -> Level {
    service.wait_until_quiet().await;
    tokio::time::sleep(AFTERMATH).await;
    let mut gauges = [0; 4];
    for (value, gauge) in gauges.iter_mut().zip(service::QUIET) {
        *value = service.gauge(gauge).await;
    }
    let usage = Usage::of(service.pid());
    let [calls, ports, transactions, changes] = gauges;
    println!(
        "{calls_so_far:>10} {:>9}  {:>9}  {:>11}  {ports:>5}  {:>7}  {calls:>5}  {transactions:>12}  {changes:>7}",
        usage.resident_kib, usage.anonymous_kib, usage.descriptors, usage.threads,
    );
    Level { calls_so_far, usage, gauges }
}

/// KiB per call: the straight line through all idle levels after the first waves, by least squares.
fn slope(levels: &[Level]) -> f64 {
    let points: Vec<(f64, f64)> = levels[WARM_UP..]
        .iter()
        .map(|level| (level.calls_so_far as f64, level.usage.resident_kib as f64))
        .collect();
    let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let together: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let alone: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    together / alone
}

fn print(levels: &[Level], findings: &Findings) -> Value {
    let slope = slope(levels);
    println!(
        "dialled / answered / bridged        {} / {} / {}",
        findings.dialled, findings.answered, findings.bridged
    );
    println!("failed                              {}", findings.failed);
    println!("memory kept                         {slope:.3} KiB per call\n");
    let series: Vec<Value> = levels
        .iter()
        .map(|level| {
            let [calls, ports, transactions, changes] = level.gauges;
            json!({
                "after": level.calls_so_far, "resident_kib": level.usage.resident_kib,
                "anonymous_kib": level.usage.anonymous_kib, "descriptors": level.usage.descriptors, "threads": level.usage.threads, "rtp_ports": ports,
                "calls": calls, "transactions": transactions, "changes_waiting": changes,
            })
        })
        .collect();
    json!({
        "dialled": findings.dialled, "answered": findings.answered, "bridged": findings.bridged,
        "failed": findings.failed, "levels": series, "kib_per_call": slope,
    })
}
