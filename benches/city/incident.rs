//! `make bench ONLY=incident`: how soon everybody who was attached to an incident is queued to be told once it is over, and
//! how long the records of calls that go on meanwhile wait for the one writer.
//!
//! `CALLERS=n` (5,000) callers, each in one of the six languages, in a new SQLite database with full synchronisation. The
//! wave is the program's own; nothing rings. It fails when somebody is told twice, in another language, or not at all.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt;
use serde_json::json;
use uuid::Uuid;

use ringback::app::end_incidents;
use ringback::call::contact::Contact;
use ringback::case::city::CityPlan;
use ringback::case::part_of::NoticeState;
use ringback::case::{Applicant, CaseDraft, IdentityLevel, Priority};
use ringback::ids::{ContactId, IncidentNumber, Mint, UserId};
use ringback::incident::{Area, Cause, Matter};
use ringback::journal::{Draft, EventType};
use ringback::language::Language;
use ringback::people::{Actor, Role};
use ringback::phone_number::PhoneNumber;
use ringback::store::{Batch, Store};
use ringback::time;

/// Callers who press the key at the same time, as in a surge: the writer's queue takes a thousand.
const SURGE: u32 = 500;
/// Between the records of two calls: a hundred a second, eight times the design load.
const BETWEEN_RECORDS: Duration = Duration::from_millis(10);
/// How long records are timed while nothing else is written.
const QUIET: Duration = Duration::from_secs(3);
/// The bound.
const WANTED: Duration = Duration::from_secs(2);

pub async fn run() {
    let callers = super::number("CALLERS", 5_000) as u32;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("city");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("incident.db");
    let forget = || ["db", "db-wal", "db-shm"].map(|left| std::fs::remove_file(file.with_extension(left)));
    let _ = forget();
    let store = Store::open(&super::url(&file), "01").await.unwrap();
    let plan = CityPlan::parse("city.toml", include_str!("../../city.toml")).unwrap();
    let control = Actor::person(Role::Control, UserId(Uuid::from_u128(9)), None);

    let incident = declared(&store, &control).await;
    let began = Instant::now();
    attached(&store, incident, callers).await;
    let attaching = began.elapsed();
    let quiet = Records::start(&store, 1);
    tokio::time::sleep(QUIET).await;
    let quiet = quiet.stop().await;

    let before = store.counts().await.unwrap();
    let records = Records::start(&store, 2);
    let (began, at, by) = (Instant::now(), time::now().utc, control.clone());
    store.move_incident(incident, &control, at, move |it| it.restore(&by, at)).await.unwrap();
    end_incidents(&store, &plan, &mut Mint::new(rand::rng().random())).await.unwrap();
    let wave = began.elapsed();
    let during = records.stop().await;
    let after = store.counts().await.unwrap();

    let found = found(&store, incident, callers).await;
    let is_good = store.verify(&mut |_| {}, None).await.unwrap().is_good();
    let ms = |it: Duration| it.as_secs_f64() * 1e3;
    println!(
        "{callers} callers attached in {:.1} s; load of the machine {}\n",
        attaching.as_secs_f64(),
        load()
    );
    for (what, value) in [
        ("until everybody is queued to be told, ms", format!("{:.0} (wanted {:.0})", ms(wave), ms(WANTED))),
        ("a call's record, nothing else written, ms", quiet.told()),
        ("a call's record during the wave, ms", during.told()),
        ("transactions, those of the calls included", (after.transactions - before.transactions).to_string()),
        ("journal entries", (after.journal_seq - before.journal_seq).to_string()),
        ("delivery records", found.records.to_string()),
        ("told twice", found.twice.to_string()),
        ("in their language", found.right.to_string()),
        ("rows and journal agree", is_good.to_string()),
    ] {
        println!("{what:<44} {value}");
    }
    let told = json!({
        "callers": callers, "load": load(), "attached_ms": ms(attaching), "queued_ms": ms(wave),
        "wanted_ms": ms(WANTED), "record_quiet_ms": quiet.json(), "record_during_ms": during.json(),
        "transactions": after.transactions - before.transactions,
        "entries": after.journal_seq - before.journal_seq, "delivery_records": found.records,
        "told_twice": found.twice, "languages_right": found.right, "verified": is_good,
    });
    println!("\n{told}");
    store.close().await;
    let _ = forget();
    assert!(is_good, "rows and journal differ");
    assert_eq!((found.records, found.twice, found.right), (u64::from(callers), 0, callers as usize));
}

/// As the system tells it: processes that wanted a processor in the last minute.
fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|minute| minute.parse().ok()).unwrap_or_default()
}

fn language(n: u32) -> Language {
    Language::ALL[n as usize % Language::ALL.len()]
}

fn number(n: u32) -> PhoneNumber {
    PhoneNumber::from_user_part(&format!("+38050{n:07}"))
}

/// Contact `n` of a series.
fn contact(series: u128, n: u32) -> Contact {
    let id = ContactId(Uuid::from_u128((series << 32) | u128::from(n)));
    let called = PhoneNumber::from_user_part("1580");
    let offered = Contact::offered(id, time::now().utc, number(n), called, "city".to_owned(), id.to_string());
    Contact { language: Some(language(n)), ..offered }
}

async fn declared(store: &Store, control: &Actor) -> IncidentNumber {
    let matter = Matter {
        category: "water".to_owned(),
        cause: Cause::Failure,
        area: Area { whole_city: true, ..Area::default() },
        executor: "vodokanal".to_owned(),
    };
    store.declare_incident(matter, None, control, time::now().utc).await.unwrap().number
}

async fn attached(store: &Store, incident: IncidentNumber, callers: u32) {
    let numbers: Vec<u32> = (1..=callers).collect();
    for some in numbers.chunks(SURGE as usize) {
        let contacts: Vec<_> = some.iter().map(|n| contact(0, *n)).collect();
        let mut receipts = Vec::new();
        for (contact, n) in contacts.iter().zip(some) {
            let offered = Batch { contacts: vec![contact.clone()], ..Batch::default() };
            store.enqueue(offered).await.unwrap();
            let draft = CaseDraft {
                contact: Some(contact.id),
                category: "water".to_owned(),
                language: language(*n),
                priority: Priority::Normal,
                applicant: Applicant {
                    identity: IdentityLevel::CallerNumber,
                    number: Some(number(*n)),
                    name: None,
                },
                place: None,
                description: String::new(),
                ivr_path: vec!["welcome".to_owned(), "incident".to_owned()],
            };
            receipts.push(store.enqueue_attachment(incident, draft, time::now().utc, None).await.unwrap());
        }
        for receipt in receipts {
            receipt.durable().await.unwrap();
        }
    }
}

/// Records of calls that come in whatever the writer does: each is timed by itself, so that one that waits hides no other.
struct Records {
    is_over: Arc<AtomicBool>,
    timed: tokio::task::JoinHandle<Vec<Duration>>,
}

impl Records {
    fn start(store: &Store, series: u128) -> Self {
        let (store, is_over) = (store.clone(), Arc::new(AtomicBool::new(false)));
        let over = is_over.clone();
        let timed = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(BETWEEN_RECORDS);
            let mut written = tokio::task::JoinSet::new();
            for n in 1.. {
                ticks.tick().await;
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let (store, contact) = (store.clone(), contact(series, n));
                written.spawn(async move {
                    let mut offered =
                        Draft::new(EventType::ContactOffered, contact.offered_at, Actor::system("bench"));
                    offered.contact = Some(contact.id);
                    let batch = Batch { contacts: vec![contact], entries: vec![offered], ..Batch::default() };
                    let began = Instant::now();
                    store.commit(batch).await.unwrap();
                    began.elapsed()
                });
            }
            written.join_all().await
        });
        Self { is_over, timed }
    }

    async fn stop(self) -> Waits {
        self.is_over.store(true, Ordering::Relaxed);
        let mut times = self.timed.await.unwrap();
        times.sort_unstable();
        Waits { times }
    }
}

/// From the asking to the answer that it is durable.
struct Waits {
    times: Vec<Duration>,
}

impl Waits {
    fn at(&self, percent: usize) -> f64 {
        let index = (self.times.len() * percent / 100).min(self.times.len().saturating_sub(1));
        self.times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }

    fn told(&self) -> String {
        let (p50, p95, max) = (self.at(50), self.at(95), self.at(100));
        format!("p50 {p50:.1}, p95 {p95:.1}, max {max:.1} of {}", self.times.len())
    }

    fn json(&self) -> serde_json::Value {
        json!({ "times": self.times.len(), "p50": self.at(50), "p95": self.at(95), "max": self.at(100) })
    }
}

struct Found {
    records: u64,
    /// Telephones that would be asked more than once.
    twice: usize,
    /// Telephones asked, and told by their delivery record, in the language they called in.
    right: usize,
}

async fn found(store: &Store, incident: IncidentNumber, callers: u32) -> Found {
    let summary = store.incident(incident).await.unwrap().unwrap();
    assert_eq!((summary.waiting, summary.attached), (0, u64::from(callers)), "somebody was left out");
    let mut asked: BTreeMap<String, usize> = BTreeMap::new();
    let mut right = 0;
    for asking in store.askings().await.unwrap() {
        let number = asking.number.unwrap().as_str().to_owned();
        let expected = language(number[6..].parse().unwrap());
        let notices = asking.case.incident_notices();
        right += usize::from(asking.language == expected && notices.iter().all(|it| it.language == expected));
        *asked.entry(number).or_default() += 1;
    }
    Found {
        records: summary.notices.get(&NoticeState::Queued).copied().unwrap_or(0),
        twice: asked.values().filter(|times| **times > 1).count(),
        right,
    }
}
