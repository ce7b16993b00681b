//! `make bench ONLY=city`: a city-sized database from a seed, and how long the store takes over it for what people wait
//! for: timelines, the address box, pages of lists, the weekly report, and the report once more from the journal.
//!
//! `ONLY=incident`: the end of an incident with thousands of callers, incident.rs. `ONLY=verify`, `HOURS=n` (2,000) of
//! recorded sound beside the cases: `ringback verify` as a process over all of it, how long it takes and how much memory.
//!
//! `CASES=n` (1,000,000) cases with some twenty journal entries each, `SEED=n` (1580). The database stays under
//! `target/city` and is used again by the same numbers. Nothing is asserted but that both ways to the report agree.

// It stands outside the program, and it fails by panicking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, clippy::print_stdout)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
#![allow(unreachable_pub)]

mod incident;
mod life;
mod rows;
mod sound;
mod streets;
mod verify;

use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use ringback::calendar::Calendar;
use ringback::case::{Case, CaseNumber};
use ringback::report::{Week, differences, report};
use ringback::store::{CaseFilter, ContactFilter, Page, Store, Surroundings, WorkOrderFilter};
use ringback::time::Timestamp;

use life::City;
use rows::Rows;

/// Entries between two words about how far it is.
const SAID_EVERY: u64 = 1_000_000;
/// Questions of each kind.
const ASKED: usize = 200;

fn main() {
    // Built with all targets, it is not meant to run with the tests.
    let only = std::env::var("ONLY").unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match only.as_str() {
        "city" => runtime.block_on(run()),
        "verify" => runtime.block_on(verify::run()),
        "incident" => runtime.block_on(incident::run()),
        _ => {}
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

async fn run() {
    let (cases, seed) = (number("CASES", 1_000_000), number("SEED", 1580));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("city");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{cases}-{seed}.db"));
    let made = generate(&file, &mut City::new(seed, cases, None), seed).await;
    let store = Store::open(&url(&file), "01").await.unwrap();
    let counts = store.counts().await.unwrap();
    println!(
        "{cases} cases wanted: {} entries, {} open cases, {:.1} GB, made in {:.0} s\n",
        counts.journal_seq,
        counts.open_cases,
        std::fs::metadata(&file).unwrap().len() as f64 / 1e9,
        made.as_secs_f64()
    );
    println!("{:<44} {:>8} {:>9} {:>9} {:>9} {:>8}", "ms", "times", "p50", "p95", "max", "wanted");
    let mut told = json!({ "cases": cases, "entries": counts.journal_seq, "seed": seed });
    lists(&store, &mut told).await;
    single(&store, seed, &mut told).await;
    addresses(&City::new(seed, cases, None), seed, &mut told);
    weekly(&store, &mut told).await;
    println!("\n{told}");
    store.close().await;
}

fn url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

/// The database, unless it is there from an earlier run.
async fn generate(file: &Path, city: &mut City, seed: u64) -> Duration {
    let done = file.with_extension("done");
    if done.exists() {
        return Duration::ZERO;
    }
    for left in ["db", "db-wal", "db-shm"] {
        let _ = std::fs::remove_file(file.with_extension(left));
    }
    let began = Instant::now();
    Store::open(&url(file), "01").await.unwrap().close().await;
    let mut rows = Rows::open(&url(file), seed).await;
    let mut said = 0;
    while let Some(moment) = city.next() {
        rows.add(moment).await;
        if rows.events() >= said + SAID_EVERY {
            said = rows.events();
            eprintln!("{said} entries, {} closed cases, {:.0} s", rows.cases, began.elapsed().as_secs_f64());
        }
    }
    for underway in city.open() {
        rows.keep(underway).await;
    }
    println!("{} cases, {} calls, {} entries; indexes...", rows.cases, rows.calls, rows.events());
    rows.finish().await;
    city.finish();
    std::fs::write(done, "").unwrap();
    began.elapsed()
}

/// Prints a line and keeps it.
fn tell(told: &mut Value, name: &str, wanted_ms: u64, mut times: Vec<Duration>) {
    times.sort_unstable();
    let ms = |it: Duration| it.as_secs_f64() * 1e3;
    let at = |percent: usize| ms(times[(times.len() * percent / 100).min(times.len() - 1)]);
    let (p50, p95, max) = (at(50), at(95), ms(times[times.len() - 1]));
    println!("{name:<44} {:>8} {p50:>9.2} {p95:>9.2} {max:>9.2} {wanted_ms:>8}", times.len());
    told[name] =
        json!({ "times": times.len(), "p50_ms": p50, "p95_ms": p95, "max_ms": max, "wanted_ms": wanted_ms });
}

async fn pages(store: &Store, filter: &CaseFilter, count: usize) -> Vec<Duration> {
    let (mut times, mut cursor) = (Vec::new(), None);
    for _ in 0..count {
        let began = Instant::now();
        let listed = store.cases(filter, &Page { limit: 50, cursor }).await.unwrap();
        times.push(began.elapsed());
        cursor = listed.next;
    }
    times
}

async fn lists(store: &Store, told: &mut Value) {
    let states = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let any = CaseFilter::default();
    let executor = sample(store).await.into_iter().find_map(|case| case.state.executor().map(str::to_owned));
    for (name, filter) in [
        ("cases, newest first", any.clone()),
        ("cases in verification", CaseFilter { states: states(&["verification"]), ..any.clone() }),
        (
            "cases open at the desk",
            CaseFilter { states: states(&["registered", "explained"]), ..any.clone() },
        ),
        ("cases of an executor", CaseFilter { executor: executor.clone(), ..any.clone() }),
        ("cases of a category", CaseFilter { category: Some("water.burst".to_owned()), ..any.clone() }),
        (
            "cases of a category, archived",
            CaseFilter { category: Some("light".to_owned()), states: states(&["archived"]), ..any.clone() },
        ),
        ("cases overdue", CaseFilter { overdue_at: Some(Timestamp(life::END)), ..any.clone() }),
        ("cases by part of a number", CaseFilter { caller: Some("0001234".to_owned()), ..any.clone() }),
    ] {
        let times = pages(store, &filter, 40).await;
        tell(told, name, 100, times);
    }
    let mut times = Vec::new();
    let mut cursor = None;
    for _ in 0..40 {
        let began = Instant::now();
        let filter = ContactFilter::default();
        cursor = store.contacts(&filter, &Page { limit: 50, cursor }).await.unwrap().next;
        times.push(began.elapsed());
    }
    tell(told, "calls, newest first", 100, times);
    let mut times = Vec::new();
    let mut cursor = None;
    for _ in 0..40 {
        let began = Instant::now();
        let filter = WorkOrderFilter { executor: executor.clone(), states: Vec::new() };
        cursor = store.work_orders(&filter, &Page { limit: 50, cursor }).await.unwrap().next;
        times.push(began.elapsed());
    }
    tell(told, "work orders of an executor", 100, times);
}

async fn sample(store: &Store) -> Vec<Case> {
    let filter = CaseFilter { states: vec!["in_progress".to_owned()], ..CaseFilter::default() };
    store.cases(&filter, &Page { limit: 200, cursor: None }).await.unwrap().items
}

async fn single(store: &Store, seed: u64, told: &mut Value) {
    let mut rng = StdRng::seed_from_u64(seed);
    let newest = store.cases(&CaseFilter::default(), &Page { limit: 1, cursor: None }).await.unwrap();
    let last = newest.items[0].number.sequence().unwrap();
    let (mut timelines, mut calls, mut around, mut callers) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ASKED {
        let number = CaseNumber::new(2026, "01", rng.random_range(1..=last));
        let began = Instant::now();
        let entries = store.case_timeline(&number).await.unwrap();
        timelines.push(began.elapsed());
        assert!(!entries.is_empty(), "{number} has no entries");
        let case = store.case(&number).await.unwrap().unwrap();
        let began = Instant::now();
        store.contact_timeline(case.contacts[0]).await.unwrap();
        calls.push(began.elapsed());
        let site = case.place.unwrap().site.unwrap();
        let surroundings = Surroundings {
            streets: vec![site.key.clone()],
            house: site.house.clone(),
            square: site.point.map(|point| point.around(150.0)),
        };
        let began = Instant::now();
        store.open_cases_around(&surroundings, &number, 20).await.unwrap();
        around.push(began.elapsed());
        let began = Instant::now();
        store.cases_of_caller(case.applicant.number.as_ref().unwrap(), 20).await.unwrap();
        callers.push(began.elapsed());
    }
    tell(told, "timeline of a case", 50, timelines);
    tell(told, "timeline of a call", 50, calls);
    tell(told, "open cases around an address", 50, around);
    tell(told, "cases of a caller", 50, callers);
}

/// The address box, letter by letter.
fn addresses(city: &City, seed: u64, told: &mut Value) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut times = Vec::new();
    for typed in ["ба", "ваго", "раливинська 12", "вулиця комо", "shaliko 5", "xfkb", "нська 60"]
    {
        for _ in 0..ASKED / 7 {
            let text = format!("{typed}{}", rng.random_range(0..10));
            let began = Instant::now();
            std::hint::black_box(city.register.search(&text));
            times.push(began.elapsed());
        }
    }
    tell(told, "address search", 50, times);
}

async fn weekly(store: &Store, told: &mut Value) {
    let clock = Calendar::always("Europe/Kyiv").unwrap();
    let now = Timestamp(life::END);
    let (mut times, within) = (Vec::new(), Duration::from_secs(20));
    let last = Week::of(now, &clock).before();
    let mut week = last;
    for _ in 0..5 {
        let began = Instant::now();
        let (period, before) = (week.period(now, within, &clock), week.before().period(now, within, &clock));
        let facts = (store.report_facts(&period).await.unwrap(), store.report_facts(&before).await.unwrap());
        std::hint::black_box(report((&period, &facts.0), (&before, &facts.1)));
        times.push(began.elapsed());
        week = week.before();
    }
    tell(told, "weekly report", 30_000, times);
    let (period, before) = (last.period(now, within, &clock), last.before().period(now, within, &clock));
    let facts = (store.report_facts(&period).await.unwrap(), store.report_facts(&before).await.unwrap());
    let rows = report((&period, &facts.0), (&before, &facts.1));
    let began = Instant::now();
    let [now, earlier] = store.report_facts_from_journal([&period, &before]).await.unwrap();
    let journal = report((&period, &now), (&before, &earlier));
    tell(told, "weekly report from the journal", 0, vec![began.elapsed()]);
    let found = differences(&rows, &journal);
    println!("rows and journal differ in {} figures of the week {last}", found.len());
    assert!(found.is_empty(), "{:?}", &found[..found.len().min(5)]);
}
