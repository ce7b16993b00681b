//! The keeper over a real store: changes that fail beside those that do not, tries in rounds, rows that must not be
//! overtaken, and a stop that does not wait for ever. A recording of an unknown contact is what the store refuses.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::*;
use crate::app::fixture::{at, contact, recording, store};
use crate::app::vital::Vitals;
use crate::journal::EventType;

/// Far below one pause for each of the failing changes.
const SOON: Duration = Duration::from_secs(5);
const FAILING: u32 = 40;

fn keeper(store: &Store) -> (RecordKeeper, mpsc::Receiver<Input>, Arc<Meters>) {
    let (outcomes, answers) = mpsc::channel(1_000);
    let meters = Arc::new(Meters::default());
    let vital = Vitals::new().0.of("keeper");
    (RecordKeeper::start(store.clone(), outcomes, meters.clone(), vital), answers, meters)
}

fn entry(n: u32) -> Draft {
    let mut draft = Draft::new(EventType::RecStarted, at(0), Actor::system("test"));
    draft.contact = Some(contact(n).id);
    draft
}

fn recorded(n: u32) -> Job {
    Job::commit(None, None, Some(Box::new(recording(n))), vec![entry(n)])
}

fn offered(ticket: Option<Ticket>, contact: Contact) -> Job {
    Job::commit(ticket, Some(Box::new(contact)), None, Vec::new())
}

async fn soon<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, event).await.unwrap_or_else(|_| panic!("not within {SOON:?}"))
}

#[tokio::test]
async fn failing_changes_hold_up_nobody_and_are_written_once_in_the_end() {
    let store = store().await;
    let (keeper, mut answers, meters) = keeper(&store);
    for n in 1..=FAILING {
        keeper.submit(recorded(n)).unwrap();
    }
    keeper.submit(offered(Some(Ticket(7)), contact(100))).unwrap();
    let answer = soon(answers.recv()).await;
    assert!(matches!(answer, Some(Input::Committed { ticket: Ticket(7), durable: true })), "{answer:?}");
    assert_eq!(meters.jobs_waiting.value(), u64::from(FAILING));

    for n in 1..=FAILING {
        keeper.submit(offered(None, contact(n))).unwrap();
    }
    soon(keeper.finish()).await;
    assert_eq!(meters.jobs_waiting.value(), 0);
    assert_eq!(store.open_recordings().await.unwrap().len(), FAILING as usize);
    assert_eq!(store.counts().await.unwrap().journal_seq, u64::from(FAILING), "an entry is lost or doubled");
}

#[tokio::test]
async fn a_retried_change_does_not_bring_an_older_row_back() {
    let store = store().await;
    let (keeper, mut answers, _) = keeper(&store);
    let stale = Job::commit(None, Some(Box::new(contact(1))), Some(Box::new(recording(2))), vec![entry(1)]);
    keeper.submit(stale).unwrap();
    keeper.submit(offered(Some(Ticket(1)), contact(3))).unwrap();
    soon(answers.recv()).await.unwrap();
    // The first has failed for now; what comes here is newer, and lets it succeed.
    let newer = Contact { answered_at: Some(at(9)), ..contact(1) };
    keeper.submit(offered(None, newer.clone())).unwrap();
    keeper.submit(offered(None, contact(2))).unwrap();
    soon(keeper.finish()).await;
    assert_eq!(store.contact(newer.id).await.unwrap(), Some(newer));
    assert_eq!(store.open_recordings().await.unwrap(), [recording(2)]);
    assert_eq!(store.counts().await.unwrap().journal_seq, 1);
}

#[tokio::test]
async fn a_stop_gives_up_what_the_store_never_takes() {
    let store = store().await;
    let (keeper, _answers, meters) = keeper(&store);
    for n in 1..=3 {
        keeper.submit(recorded(n)).unwrap();
    }
    keeper.submit(offered(None, contact(9))).unwrap();
    soon(keeper.finish_within(Duration::from_secs(1))).await;
    assert_eq!(store.contact(contact(9).id).await.unwrap(), Some(contact(9)));
    assert_eq!(meters.text(0, &crate::net::Counts::default()).matches("changes_lost_total 3\n").count(), 1);
    assert_eq!(meters.jobs_waiting.value(), 0);
}

#[test]
fn every_change_names_its_call() {
    assert_eq!(recorded(4).contact(), Some(contact(4).id));
    assert_eq!(offered(None, contact(5)).contact(), Some(contact(5).id));
    assert_eq!(Job::commit(None, None, None, vec![entry(6)]).contact(), Some(contact(6).id));
}
