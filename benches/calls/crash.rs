//! `ONLY=crash`: SIGKILL at random moments under recorded calls, each time on the same database and folder, and what
//! is left of them. Kills hit set-up, talk, hanging up and sealing: the callers stay for a few seconds each. What is
//! looked at is `account.rs`.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use ringback::time::now;
use serde_json::{Value, json};

use crate::Telephony;
use crate::account::{Account, Life};
use crate::desks::Desks;
use crate::figures::Usage;
use crate::ledger::Conduct;
use crate::number;
use crate::orders::Order;
use crate::service::{self, DIGIT_TO_QUEUE, Service};
use crate::speech::Speech;

/// The first kill comes no sooner after the first INVITE, the last no later after the last INVITE.
const SOONEST: Duration = Duration::from_millis(500);
const LATEST: Duration = Duration::from_secs(4);
/// How long callers stay, ms, from dialling on.
const STAY_MS: std::ops::Range<u64> = 300..6000;
/// When they press the key, ms after the answer.
const PRESS_MS: std::ops::Range<u64> = 100..1000;
/// One in so many never presses it.
const ONE_STAYS_IN_THE_MENU: u64 = 6;
/// Operators let it ring, so that some callers are hit, or leave, before anybody answers.
const RINGING: Duration = Duration::from_millis(300);
/// Descriptors more or less from one start to the next: connections of those who ask, and those of the store's four
/// readers, two each, which are opened when there is something to read.
const SLACK: usize = 11;
/// Complaints that are printed.
const PRINTED: usize = 20;

pub async fn run(calls: usize, speech: &Arc<Speech>) -> Value {
    let (kills, per_second) = (number("KILLS", 50), number("RATE", 100) as f64);
    let seed = number("SEED", now().utc.micros() as u64 % 1_000_000);
    println!("SEED={seed} repeats the moments of these {kills} kills under {calls} calls");
    let mut random = StdRng::seed_from_u64(seed);
    let mut service =
        Service::start(service::Order { capacity: calls + 10, operators: calls, is_recorded: true }).await;
    let fresh = Usage::of(service.pid());
    let desks = Desks::sign_in(&service.http, calls).await;
    let mut account = Account::default();
    let mut slowest_start = Duration::ZERO;
    for kill in 1..=kills {
        let began_at = now().utc;
        let telephony = Telephony::start(&service, calls, calls, speech);
        telephony.order(Order::Register);
        telephony.wait();
        desks.get_ready().await;
        telephony.order(Order::PickUpAfter(RINGING));
        let conducts = (0..calls).map(|_| conduct(&mut random)).collect();
        let ramp = Duration::from_secs_f64(calls as f64 / per_second);
        let moment = random.random_range(SOONEST..ramp + LATEST);
        telephony.order(Order::Dial { calls: calls as u64, per_second, conducts });
        tokio::time::sleep(moment).await;
        telephony.order(Order::Kill(service.pid()));
        let findings = telephony.stop();
        let folder = service.recordings();
        service.wait_for_end();
        account.open_all(&folder);
        let started_at = now().mono;
        service.start_again().await;
        slowest_start = slowest_start.max(now().mono.saturating_duration_since(started_at));
        look_at(&service, fresh, &mut account).await;
        let killed_at = findings.killed_at.unwrap_or(started_at);
        let store = service.store().await;
        account.settle(&store, &folder, &Life { calls: &findings.calls, began_at, killed_at }, speech).await;
        store.close().await;
        match service.verify() {
            Ok(cases) if cases == account.with_case => {}
            Ok(cases) => account.complain(format!("{cases} cases of {} contacts", account.with_case)),
            Err(said) => account.complain(format!("verify: {said}")),
        }
        let talking = findings.calls.iter().filter(|call| call.ended_at == Some(killed_at)).count();
        println!(
            "kill {kill:2} at {:4} ms: {:3} dialled, {talking:3} on, {} complaints so far",
            moment.as_millis(),
            findings.calls.len(),
            account.complaints.len()
        );
    }
    service.stop().await;
    print(kills, seed, slowest_start, &account)
}

fn conduct(random: &mut StdRng) -> Conduct {
    let asks = random.random_range(0..ONE_STAYS_IN_THE_MENU) > 0;
    let after = Duration::from_millis(random.random_range(PRESS_MS));
    let stay = Duration::from_millis(random.random_range(STAY_MS));
    Conduct { presses: asks.then_some((DIGIT_TO_QUEUE, after)), leaves: Some(stay) }
}

/// A new process has what a first one had.
async fn look_at(service: &Service, fresh: Usage, account: &mut Account) {
    for gauge in service::QUIET {
        match service.gauge(gauge).await {
            0 => {}
            value => account.complain(format!("{gauge} is {value} after a start")),
        }
    }
    let descriptors = Usage::of(service.pid()).descriptors;
    if descriptors > fresh.descriptors + SLACK {
        account.complain(format!("{descriptors} descriptors after a start, {} at first", fresh.descriptors));
    }
}

fn print(kills: u64, seed: u64, slowest_start: Duration, account: &Account) -> Value {
    for complaint in account.complaints.iter().take(PRINTED) {
        println!("  {complaint}");
    }
    println!("\nkilled, started again               {kills} times, ready within {slowest_start:.1?}");
    println!(
        "calls / answered / with a case      {} / {} / {}",
        account.calls, account.answered, account.with_case
    );
    println!(
        "files opened as left / uncounted    {} / {}, listened to {}",
        account.opened, account.uncounted, account.listened
    );
    println!(
        "recordings whole / cut / discarded  {} / {} / {}",
        account.whole, account.degraded, account.discarded
    );
    println!(
        "missing at most: time, said, heard  {} / {} / {} ms",
        account.lack_ms, account.said_lack_ms, account.heard_lack_ms
    );
    println!("callers' pieces exact / unknown     {} / {}", account.exact, account.unknown);
    println!("answered, the row does not say so   {}", account.answer_unwritten);
    println!("unaccounted                         {}\n", account.complaints.len());
    json!({
        "kills": kills, "seed": seed, "slowest_start_ms": slowest_start.as_millis() as u64,
        "calls": account.calls, "answered": account.answered, "with_case": account.with_case,
        "files_opened": account.opened, "uncounted": account.uncounted, "listened": account.listened,
        "whole": account.whole, "degraded": account.degraded, "discarded": account.discarded,
        "missing_ms": {
            "time": account.lack_ms, "said": account.said_lack_ms, "heard": account.heard_lack_ms,
        },
        "exact": account.exact, "unknown": account.unknown,
        "answer_unwritten": account.answer_unwritten, "unaccounted": account.complaints.len(),
    })
}
