//! `ONLY=board`: many operators with their desks open, more citizens in the line than there are operators, and a
//! supervisor's board. How long from a ringing telephone to the desk that shows it, from picking up until both hear each
//! other, and from what happened to the board that tells it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use ringback::time::now;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::Telephony;
use crate::desks::Desks;
use crate::figures::Distribution;
use crate::ledger::Conduct;
use crate::number;
use crate::orders::{Findings, Order};
use crate::service::{self, DIGIT_TO_QUEUE, SUPERVISOR, Service};
use crate::speech::Speech;

/// How long a telephone rings: each ringing is on at least one picture.
const RINGING: Duration = Duration::from_secs(1);
const PRESSES_AFTER: Duration = Duration::from_millis(300);
/// The shortest call, waiting included, and how much longer the others last, in turn.
const SHORTEST: Duration = Duration::from_secs(40);
const LONGER_BY: Duration = Duration::from_secs(1);
const LENGTHS: u64 = 40;
/// Every so manieth desk is read; the others take what they are sent, as any page does.
const READ_DESKS: usize = 10;

/// A status that somebody's stream of events told.
struct Told {
    reader: Reader,
    extension: String,
    status: String,
    at: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Board,
    /// Operator by number.
    Desk(usize),
}

pub async fn run() -> Value {
    let (operators, waiting) = (number("OPERATORS", 200) as usize, number("CALLERS", 500) as usize);
    let (lines, per_second) = (operators + waiting, number("RATE", 40) as f64);
    let speech = Arc::new(Speech::new(lines + operators));
    let order = service::Order { capacity: lines + 10, operators, is_recorded: true };
    let mut service = Service::start(order).await;
    let telephony = Telephony::start(&service, lines, operators, &speech);
    telephony.order(Order::Register);
    telephony.wait();
    let desks = Desks::sign_in(&service.http, operators).await;
    let (tell, told) = channel();
    for operator in 0..operators {
        let reader = (operator % READ_DESKS == 0).then_some(Reader::Desk(operator));
        watch(&service, &service::operator_name(operator), reader, &tell).await;
    }
    watch(&service, SUPERVISOR, Some(Reader::Board), &tell).await;
    drop(tell);
    desks.get_ready().await;
    telephony.order(Order::PickUpAfter(RINGING));
    telephony.order(Order::Dial { calls: lines as u64, per_second, conducts: conducts() });
    telephony.wait();
    telephony.order(Order::HangUp);
    telephony.wait();
    let findings = telephony.stop();
    service.stop().await;
    print(operators, waiting, &findings, told)
}

/// In turn, so that somebody leaves all the time and the next in the line is rung for.
fn conducts() -> Vec<Conduct> {
    let length = |turn: u64| SHORTEST + LONGER_BY * (turn * 17 % LENGTHS) as u32;
    let conduct =
        |turn| Conduct { presses: Some((DIGIT_TO_QUEUE, PRESSES_AFTER)), leaves: Some(length(turn)) };
    (0..LENGTHS).map(conduct).collect()
}

/// Opens the stream of events of a desk or the board, and reads it in a task until the service closes it.
async fn watch(service: &Service, user: &str, reader: Option<Reader>, tell: &Sender<Told>) {
    let client = reqwest::Client::new();
    let body = json!({ "user": user, "password": service::PASSWORD });
    let session =
        client.post(format!("{}/api/v1/session", service.http)).header("X-Ringback", "1").json(&body);
    let answer = session.send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let address = format!("{}/api/v1/events", service.http.replacen("http", "ws", 1));
    let mut request = address.into_client_request().unwrap();
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let tell = tell.clone();
    tokio::spawn(async move {
        let mut last = HashMap::new();
        while let Some(Ok(frame)) = socket.next().await {
            let at = now().mono;
            let Some(reader) = reader else { continue };
            let Ok(text) = frame.to_text() else { continue };
            let Ok(message) = serde_json::from_str::<Value>(text) else { continue };
            for operator in message["operators"].as_array().into_iter().flatten() {
                let text = |key: &str| operator[key].as_str().unwrap_or_default().to_owned();
                let (extension, status) = (text("extension"), text("status"));
                if last.insert(extension.clone(), status.clone()).as_ref() != Some(&status) {
                    let _ = tell.send(Told { reader, extension, status, at });
                }
            }
        }
    });
}

/// How soon what happened was told, and how often it was over before anybody told it.
#[derive(Default)]
struct Lags {
    told: Distribution,
    missed: u64,
}

impl Lags {
    /// When `status`, which began at `from` and was over at `until`, was told. `told` is all that a reader was told of
    /// one operator. The telephones here are looked at every 20 ms, so a picture may be there first: that is no wait.
    fn look(&mut self, told: &[&Told], status: &str, from: Instant, until: Instant) {
        let shown = told.iter().rev().find(|told| told.at < from);
        let next = told.iter().find(|told| told.at >= from && told.at <= until && told.status == status);
        match next {
            _ if shown.is_some_and(|told| told.status == status) => self.told.add(0),
            Some(told) => self.told.add((told.at - from).as_micros() as u64),
            None => self.missed += 1,
        }
    }
}

fn print(operators: usize, waiting: usize, findings: &Findings, told: Receiver<Told>) -> Value {
    let told: Vec<Told> = told.into_iter().collect();
    let (mut pop, mut board, mut sound) = (Lags::default(), Lags::default(), Lags::default());
    for operator in 0..operators {
        let extension = service::extension(operator);
        let talks: Vec<_> = findings.talks.iter().filter(|talk| talk.operator == operator).collect();
        let seen = |reader: Reader| -> Vec<&Told> {
            told.iter().filter(|told| told.reader == reader && told.extension == extension).collect()
        };
        let (on_desk, on_board) = (seen(Reader::Desk(operator)), seen(Reader::Board));
        for (turn, talk) in talks.iter().enumerate() {
            // A caller who left while it rang may have rung too short for any picture.
            let Some(picked_up_at) = talk.picked_up_at else { continue };
            let over = talks.get(turn + 1).map_or(picked_up_at + SHORTEST, |next| next.rang_at);
            if operator % READ_DESKS == 0 {
                pop.look(&on_desk, "offered", talk.rang_at, picked_up_at);
            }
            board.look(&on_board, "offered", talk.rang_at, picked_up_at);
            board.look(&on_board, "talking", picked_up_at, over);
        }
    }
    for talk in &findings.talks {
        if let (Some(up), Some(one), Some(other)) =
            (talk.picked_up_at, talk.operator_heard_at, talk.citizen_heard_at)
        {
            sound.told.add(one.max(other).saturating_duration_since(up).as_micros() as u64);
        }
    }
    println!("{operators} operators, {waiting} more callers than operators, {} talks", findings.talks.len());
    let figures =
        [("ring to desk", &pop), ("pick-up to sound both ways", &sound), ("happening to board", &board)];
    let mut report = json!({ "talks": findings.talks.len(), "failed": findings.failed });
    for (name, lags) in figures {
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| lags.told.quantile_ms(share));
        let (count, missed) = (lags.told.count(), lags.missed);
        println!(
            "{name:<28} {p50:>7.1} / {p99:>7.1} / {most:>7.1} ms (p50 / p99 / most of {count}), not told {missed}"
        );
        report[name] = json!({ "p50": p50, "p99": p99, "most": most, "count": count, "not told": missed });
    }
    println!("failed {}\n", findings.failed);
    report
}
