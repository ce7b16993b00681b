//! `ONLY=hour`: a few long calls, bridged and recorded, and whether their recordings keep time: both channels in step
//! from the beginning to the end, as long as the call was, every octet of the file accounted for. The telephones say
//! their pieces by one clock, so what was said at the same moment has to stay together.

use std::sync::Arc;
use std::time::Duration;

use ringback::recording::RecordingResult;
use ringback::store::{ContactFilter, Page, Store};
use ringback::wav::HEADER_LEN;
use serde_json::{Value, json};

use crate::Telephony;
use crate::desks::Desks;
use crate::ledger::Call;
use crate::number;
use crate::orders::Order;
use crate::recordings::{self, Channel, Mark, RATE, Recording};
use crate::service::{self, Service};
use crate::speech::Speech;

/// The step is taken as the middle of so many samples, 10 s: one late piece is not a channel out of step.
const STRETCH: i64 = 80_000;
const PIECE: i64 = 160;
const SAMPLES_PER_MS: f64 = RATE / 1000.0;

pub async fn run() -> Value {
    let (calls, seconds) = (number("CALLS", 2) as usize, number("SECONDS", 3600));
    let speech = Arc::new(Speech::new(2 * calls));
    let mut service =
        Service::start(service::Order { capacity: calls + 10, operators: calls, is_recorded: true }).await;
    let telephony = Telephony::start(&service, calls, calls, &speech);
    telephony.order(Order::Register);
    telephony.wait();
    Desks::sign_in(&service.http, calls).await.get_ready().await;
    telephony.order(Order::Dial { calls: calls as u64, per_second: 5.0, conducts: Vec::new() });
    telephony.wait();
    telephony.order(Order::Measure(true));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    telephony.order(Order::Measure(false));
    telephony.order(Order::HangUp);
    telephony.wait();
    let findings = telephony.stop();
    service.stop().await;
    let store = service.store().await;
    let late99 = findings.lateness.quantile_ms(0.99);
    println!("{} calls of {seconds} s, {} failed", findings.dialled, findings.failed);
    println!("we were late by, p99                {late99:.1} ms");
    let mut found = Vec::new();
    for call in &findings.calls {
        found.push(look_at(call, &store, &service, &speech).await);
    }
    store.close().await;
    println!();
    json!({
        "dialled": findings.dialled, "failed": findings.failed, "generator_late_ms_p99": late99,
        "calls": found,
    })
}

async fn look_at(call: &Call, store: &Store, service: &Service, speech: &Speech) -> Value {
    let page = Page { limit: 200, cursor: None };
    let contacts = store.contacts(&ContactFilter::default(), &page).await.unwrap().items;
    let contact = contacts.iter().find(|contact| contact.sip_call_id == call.call_id).unwrap();
    let row = store.recordings_of(contact.id).await.unwrap().remove(0);
    let sound = match recordings::listen(&service.recordings().join(&row.path), speech) {
        Ok(sound) => sound,
        Err(error) => {
            println!("a file does not open: {error}");
            return json!({ "broken": error });
        }
    };
    let Recording { left, right, frames, sizes: [head, samples, trailer] } = &sound;
    let is_exact = *head == HEADER_LEN && *samples as u64 == row.frames * 4 && *frames == row.frames;
    let length = call.length().unwrap_or_default().as_secs_f64();
    let off_ms = (*frames as f64 / RATE - length) * 1000.0;
    let step = step(left, right, speech);
    let (exact, unknown) =
        (left.listener.exact + right.listener.exact, left.listener.unknown + right.listener.unknown);
    let jumps = left.listener.jumps + right.listener.jumps;
    let is_whole = row.result == Some(RecordingResult::Ok);
    println!("length of the call, of the file     {length:.3} s, {off_ms:+.0} ms");
    println!("size: head, samples, trailer        {head} + {samples} + {trailer}, exact: {is_exact}");
    println!("recording is whole                  {is_whole}");
    match &step {
        Some(step) => println!(
            "channels out of step, end / worst   {:.2} / {:.2} ms over {} s; left moved {:+.2}, right {:+.2} ms",
            step.end_ms, step.worst_ms, step.seconds, step.left_ms, step.right_ms
        ),
        None => println!("channels out of step                both sides were not heard for long enough"),
    }
    println!("exact / jumps / unknown             {exact} / {jumps} / {unknown}");
    json!({
        "seconds": length, "length_off_ms": off_ms, "size_exact": is_exact, "whole": is_whole,
        "step_ms": step.map(|step| {
            json!({ "end": step.end_ms, "worst": step.worst_ms, "left": step.left_ms, "right": step.right_ms })
        }),
        "exact": exact, "jumps": jumps, "unknown": unknown,
    })
}

/// How far the channels moved since the talk began, ms: each by itself until the end, and against each other.
struct Step {
    left_ms: f64,
    right_ms: f64,
    end_ms: f64,
    worst_ms: f64,
    seconds: i64,
}

/// Stretch by stretch from the first one in which both sides are heard; the last may be a part.
fn step(left: &Channel, right: &Channel, speech: &Speech) -> Option<Step> {
    let begin = left.marks.first()?.sample.max(right.marks.first()?.sample);
    let end = left.marks.last()?.sample.min(right.marks.last()?.sample);
    let place = |from: i64| {
        let middle = |channel: &Channel| {
            let stretch = channel.marks.iter().filter(|mark| (from..from + STRETCH).contains(&mark.sample));
            median(stretch.map(|mark| lateness(mark, &channel.marks, speech)).collect())
        };
        Some((middle(left)?, middle(right)?))
    };
    let first = place(begin)?;
    let from = (begin..end - STRETCH / 2).step_by(STRETCH as usize);
    let ms = |samples: i64| samples as f64 / SAMPLES_PER_MS;
    let moved: Vec<(f64, f64)> =
        from.filter_map(place).map(|(left, right)| (ms(left - first.0), ms(right - first.1))).collect();
    let (left_ms, right_ms) = *moved.last()?;
    Some(Step {
        left_ms,
        right_ms,
        end_ms: left_ms - right_ms,
        worst_ms: moved.iter().map(|(left, right)| (left - right).abs()).fold(0.0, f64::max),
        seconds: (end - begin) / RATE as i64,
    })
}

/// Samples that a piece came later than the first of its channel, had both been said one after the other without end.
/// The text begins anew every few seconds: the nearest of its rounds is meant.
fn lateness(mark: &Mark, marks: &[Mark], speech: &Speech) -> i64 {
    let round = speech.pieces() as i64 * PIECE;
    let behind = |mark: &Mark| mark.sample - mark.place as i64 * PIECE;
    let first = marks.first().map_or(0, behind);
    (behind(mark) - first + round / 2).rem_euclid(round) - round / 2
}

fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}
