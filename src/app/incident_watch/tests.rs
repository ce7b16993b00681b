//! Many callers attached to one incident, its end carried out, killed in the middle and carried out again: everybody has one
//! delivery record in their language; who says no is back at work, and the journal tells the same.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::app::fixture::contact;
use crate::call::contact::Contact;
use crate::case::part_of::NoticeState;
use crate::case::{
    Applicant, CaseDraft, CaseNumber, CaseState, ClosingCode, IdentityLevel, Priority, TellingChannel, Told,
};
use crate::ids::{IncidentNumber, UserId};
use crate::incident::{Area, Cause, Incident, Matter};
use crate::journal::{Draft, EventType};
use crate::language::Language;
use crate::people::Role;
use crate::phone_number::PhoneNumber;
use crate::store::Batch;

/// As many as the issue asks for.
const CALLERS: u32 = 5_000;

fn plan() -> CityPlan {
    CityPlan::parse("city.toml", include_str!("../../../city.toml")).unwrap()
}

fn control() -> Actor {
    Actor::person(Role::Control, UserId(uuid::Uuid::from_u128(9)), None)
}

fn language(n: u32) -> Language {
    Language::ALL[n as usize % Language::ALL.len()]
}

fn caller(n: u32) -> PhoneNumber {
    PhoneNumber::from_user_part(&format!("+38050{n:07}"))
}

fn draft(n: u32) -> CaseDraft {
    CaseDraft {
        contact: Some(contact(n).id),
        category: "water".to_owned(),
        language: language(n),
        priority: Priority::Normal,
        applicant: Applicant { identity: IdentityLevel::CallerNumber, number: Some(caller(n)), name: None },
        place: None,
        description: String::new(),
        ivr_path: Vec::new(),
    }
}

async fn declared(store: &Store) -> Incident {
    let matter = Matter {
        category: "water".to_owned(),
        cause: Cause::Failure,
        area: Area { whole_city: true, ..Area::default() },
        executor: "vodokanal".to_owned(),
    };
    store.declare_incident(matter, None, &control(), crate::time::now().utc).await.unwrap()
}

fn offered(contact: &Contact) -> Draft {
    let draft = Draft::new(EventType::ContactOffered, contact.offered_at, Actor::system("switchboard"));
    Draft { contact: Some(contact.id), ..draft }
}

/// Callers `numbers` press the key, many at once as in a surge; their cases.
async fn attached(store: &Store, incident: IncidentNumber, numbers: &[u32]) -> Vec<Case> {
    let mut cases = Vec::new();
    for some in numbers.chunks(500) {
        let call = |n: &u32| Contact { caller: caller(*n), language: Some(language(*n)), ..contact(*n) };
        let contacts: Vec<Contact> = some.iter().map(call).collect();
        let entries = contacts.iter().map(offered).collect();
        store.commit(Batch { contacts, entries, ..Batch::default() }).await.unwrap();
        let mut receipts = Vec::new();
        for n in some {
            let at = crate::time::now().utc;
            receipts.push(store.enqueue_attachment(incident, draft(*n), at, None).await.unwrap());
        }
        for receipt in receipts {
            cases.push(receipt.durable().await.unwrap());
        }
    }
    cases
}

async fn restored(store: &Store, number: IncidentNumber) -> IncidentSummary {
    let (by, at) = (control(), crate::time::now().utc);
    store.move_incident(number, &control(), at, move |incident| incident.restore(&by, at)).await.unwrap();
    store.incident(number).await.unwrap().unwrap()
}

fn mint(seed: u8) -> Mint {
    Mint::new([seed; 32])
}

async fn is_verified(store: &Store) {
    let report = store.verify(&mut |_| {}, None).await.unwrap();
    assert!(report.is_good(), "{:?}", report.findings);
}

/// What an applicant says, as the calls that ask have it written.
async fn answers(store: &Store, case: &CaseNumber, confirmed: Option<bool>) -> Case {
    let (by, at) = (Actor::system("verification"), crate::time::now().utc);
    let rule = plan().verify_rule().clone();
    let actor = by.clone();
    let told = store.change_case(case, &actor, at, move |case, _| {
        let told = Told {
            at,
            language: case.language,
            channel: TellingChannel::Voice,
            delivered: true,
            confirmed,
            cycle: case.cycle,
            whom: None,
            contact: None,
            notification: None,
        };
        let (case, mut events) = case.tell(told, &by, at)?;
        if confirmed != Some(true) {
            return Ok((case, events));
        }
        let (case, closing) = case.close(ClosingCode::FixedConfirmed, &rule, &by, at)?;
        events.extend(closing);
        Ok((case, events))
    });
    told.await.unwrap()
}

fn copied(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[tokio::test]
async fn five_thousand_are_told_once_each_in_their_language_even_when_killed_halfway() {
    let (folder, later) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let url = |folder: &tempfile::TempDir| format!("sqlite://{}", folder.path().join("city.db").display());
    let store = Store::open(&url(&folder), "01").await.unwrap();
    let incident = declared(&store).await;
    let numbers: Vec<u32> = (1..=CALLERS).collect();
    attached(&store, incident.number, &numbers).await;
    let summary = restored(&store, incident.number).await;
    assert_eq!((summary.attached, summary.waiting), (u64::from(CALLERS), u64::from(CALLERS)));
    // Some of them were moved on when the program was killed: the files as they lay at that moment.
    let some = store.cases_awaiting_incident(incident.number, None, 150).await.unwrap();
    let (city, by, at) = (plan(), Actor::system(ACTOR), crate::time::now().utc);
    let worked_out = store.work_out(&some, &by, at, |case| {
        let order = WorkOrderId(uuid::Uuid::from_u128(u128::from(case.number.sequence().unwrap())));
        let assignment = assignment(&city, &case, "vodokanal", order, at);
        case.restored(assignment, &by, at)
    });
    assert_eq!(store.write(worked_out.await.unwrap()).await.unwrap(), 150);
    copied(folder.path(), later.path());
    store.close().await;

    let store = Store::open(&url(&later), "01").await.unwrap();
    let began = crate::time::now().mono;
    end_incidents(&store, &city, &mut mint(1)).await.unwrap();
    let took = crate::time::now().mono.saturating_duration_since(began);
    println!("{} applicants queued to be told in {took:?}", CALLERS - 150);
    // Few transactions, so that it is soon done, and none so large that a call's record waits long for it.
    let transactions = store.counts().await.unwrap().transactions;
    assert_eq!(transactions, u64::from(CALLERS - 150).div_ceil(MOST_AT_ONCE as u64));
    // Once more changes nothing.
    end_incidents(&store, &city, &mut mint(2)).await.unwrap();
    assert_eq!(store.counts().await.unwrap().transactions, transactions);
    let summary = store.incident(incident.number).await.unwrap().unwrap();
    assert_eq!(summary.waiting, 0);
    assert_eq!(summary.notices, BTreeMap::from([(NoticeState::Queued, u64::from(CALLERS))]));
    assert_eq!(summary.incident.state.name(), "restored");
    let askings = store.askings().await.unwrap();
    assert_eq!(askings.len(), CALLERS as usize, "each is asked once");
    for asking in &askings {
        let n: u32 = asking.number.as_ref().unwrap().as_str()[6..].parse().unwrap();
        assert_eq!(asking.language, language(n));
        let notices = asking.case.incident_notices();
        assert_eq!((notices.len(), notices[0].language), (1, language(n)));
    }
    is_verified(&store).await;
}

#[tokio::test]
async fn no_takes_a_case_out_and_back_to_work_and_the_last_answer_closes_the_incident() {
    let store = Store::open("sqlite::memory:", "01").await.unwrap();
    let (city, incident) = (plan(), declared(&store).await);
    let cases = attached(&store, incident.number, &[1, 2, 3]).await;
    // The same caller once more: the same case, one more call on it.
    let again = contact(40);
    let call = Contact { caller: caller(1), ..again.clone() };
    store
        .commit(Batch { entries: vec![offered(&call)], contacts: vec![call], ..Batch::default() })
        .await
        .unwrap();
    let once_more = CaseDraft { contact: Some(again.id), ..draft(1) };
    let at = crate::time::now().utc;
    let receipt = store.enqueue_attachment(incident.number, once_more, at, None).await.unwrap();
    let first = receipt.durable().await.unwrap();
    assert_eq!((&first.number, first.contacts.len()), (&cases[0].number, 2));
    assert!(first.awaits_incident(), "the incident has the work");
    end(&store, &city, restored(&store, incident.number).await, &mut mint(1)).await.unwrap();

    let refuted = answers(&store, &cases[0].number, Some(false)).await;
    assert_eq!((refuted.incident(), refuted.level), (None, 1));
    assert!(matches!(&refuted.state, CaseState::InProgress { executor, .. } if executor == "vodokanal"));
    let confirmed = answers(&store, &cases[1].number, Some(true)).await;
    assert_eq!((confirmed.state.name(), confirmed.incident()), ("closed", Some(incident.number)));
    let summaries = store.incidents_to_end().await.unwrap();
    end(&store, &city, summaries[0].clone(), &mut mint(1)).await.unwrap();
    assert_eq!(store.incidents_to_end().await.unwrap().len(), 1, "one has not been reached");
    answers(&store, &cases[2].number, None).await;
    end(&store, &city, summaries[0].clone(), &mut mint(1)).await.unwrap();
    let summary = store.incident(incident.number).await.unwrap().unwrap();
    assert_eq!(summary.incident.state.name(), "closed");
    let wave = summary.wave();
    assert_eq!((wave.notices, wave.told, wave.confirmed, wave.refuted), (3, 3, 1, 1));
    assert_eq!(summary.attached, 2, "one left");
    is_verified(&store).await;
}

#[tokio::test]
async fn an_incident_declared_in_error_gives_its_cases_back() {
    let store = Store::open("sqlite::memory:", "01").await.unwrap();
    let (city, incident) = (plan(), declared(&store).await);
    let cases = attached(&store, incident.number, &[1, 2]).await;
    let (by, at) = (control(), crate::time::now().utc);
    let cancelled = move |incident: Incident| incident.cancel("another street", &by, at);
    store.move_incident(incident.number, &control(), at, cancelled).await.unwrap();
    for summary in store.incidents_to_end().await.unwrap() {
        end(&store, &city, summary, &mut mint(1)).await.unwrap();
    }
    for case in cases {
        let case = store.case(&case.number).await.unwrap().unwrap();
        assert_eq!((case.state.name(), case.incident()), ("registered", None));
    }
    assert_eq!(store.askings().await.unwrap(), []);
    // Who presses the key a moment too late has a case all the same.
    let late = attached(&store, incident.number, &[3]).await.remove(0);
    assert_eq!((late.state.name(), late.incident()), ("registered", None));
    is_verified(&store).await;
}
