//! The writer under many callers, refused changes, callers without patience, a locked file, an orderly end and a
//! sudden one.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{Change, Ledger, Message, Writer};
use crate::journal::EventType;
use crate::store::fixture::{self, Files, contact, contact_id, entry, offered, recording};
use crate::store::{Batch, Store, StoreError};

async fn assert_whole(store: &Store) {
    let report = store.verify(&mut |_| {}, None).await.unwrap();
    assert!(report.is_good(), "{:?}", report.findings);
}

/// The number in the data of each entry, in journal order.
async fn numbers(store: &Store) -> Vec<u64> {
    let entries = store.entries_after(0, 1_000).await.unwrap();
    assert!(entries.iter().zip(1..).all(|(entry, seq)| entry.seq == seq), "sequence numbers have a gap");
    entries.iter().map(|entry| entry.data["n"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn many_callers_share_transactions() {
    let files = Files::new();
    let store = files.open().await;
    let committers: Vec<_> = (1..=200)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.commit(offered(n)).await })
        })
        .collect();
    for committer in committers {
        committer.await.unwrap().unwrap();
    }
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.changes, counts.journal_seq, counts.open_contacts), (200, 200, 200));
    assert!(counts.transactions < 100, "{} transactions for 200 changes", counts.transactions);
    assert_whole(&store).await;
}

/// Hundreds of rows for somebody who is in no hurry.
struct Long(u32);

impl Change for Long {
    type Answer = ();
    const IS_LONG: bool = true;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        offered(self.0).apply(ledger).await
    }
}

#[tokio::test]
async fn nobody_waits_for_a_long_change_that_came_later() {
    let files = Files::new();
    let store = files.open().await;
    let before = store.counts().await.unwrap().transactions;
    let (first, second) =
        (store.enqueue(offered(1)).await.unwrap(), store.enqueue(offered(2)).await.unwrap());
    let long = store.writer.enqueue(Long(3)).await.unwrap();
    let third = store.enqueue(offered(4)).await.unwrap();
    for receipt in [first, second, long, third] {
        receipt.durable().await.unwrap();
    }
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.transactions - before, counts.changes), (3, 4), "alone, those around it together");
    assert_eq!(numbers(&store).await, [1, 2, 3, 4], "each in its turn");
    assert_whole(&store).await;
}

#[tokio::test]
async fn a_refused_batch_leaves_no_trace_and_harms_no_other() {
    let files = Files::new();
    let store = files.open().await;
    // The recording of a contact that nobody knows, behind a contact that is good.
    let bad = Batch { recordings: vec![recording(99)], ..offered(2) };
    let mut receipts = Vec::new();
    for batch in [offered(1), bad, offered(3)] {
        receipts.push(store.enqueue(batch).await.unwrap());
    }
    let mut answers = Vec::new();
    for receipt in receipts {
        answers.push(receipt.durable().await);
    }
    assert!(matches!(answers[..], [Ok(()), Err(StoreError::Database(_)), Ok(())]), "{answers:?}");
    assert_eq!(store.contact(contact_id(2)).await.unwrap(), None);
    assert_eq!(numbers(&store).await, [1, 3]);
    assert_whole(&store).await;
}

#[tokio::test]
async fn of_snapshots_written_together_the_last_counts() {
    let files = Files::new();
    let store = files.open().await;
    let case = fixture::registered(&store, 1).await.number;
    let (first, mut second, mut third) = (contact(7), contact(7), contact(7));
    second.case = Some(case.clone());
    third.topic = Some("water".to_owned());
    let mut receipts = Vec::new();
    let mut told = entry(EventType::ContactOffered, 7, 7);
    told.case = Some(case.clone());
    let mut entries = vec![told];
    for snapshot in [first, second, third] {
        let batch =
            Batch { contacts: vec![snapshot], entries: std::mem::take(&mut entries), ..Batch::default() };
        receipts.push(store.enqueue(batch).await.unwrap());
    }
    for receipt in receipts {
        receipt.durable().await.unwrap();
    }
    let saved = store.contact(contact_id(7)).await.unwrap().unwrap();
    assert_eq!((saved.topic.as_deref(), saved.case), (Some("water"), Some(case)));
    assert_whole(&store).await;
}

#[tokio::test]
async fn what_is_enqueued_first_is_made_first() {
    let files = Files::new();
    let store = files.open().await;
    let mut receipts = Vec::new();
    for n in 1..=300 {
        receipts.push(store.enqueue(offered(n)).await.unwrap());
    }
    let case = store.enqueue_case(
        fixture::case_draft(300),
        fixture::at(300),
        crate::people::Actor::system("test"),
        None,
    );
    let case = case.await.unwrap();
    // The later snapshot does not know of the case yet.
    let later = store.enqueue(offered(300)).await.unwrap();
    for receipt in receipts {
        receipt.durable().await.unwrap();
    }
    let case = case.durable().await.unwrap();
    later.durable().await.unwrap();
    let offers = store.entries_after(0, 300).await.unwrap();
    assert!(offers.iter().zip(1..).all(|(entry, n)| entry.data["n"] == n), "out of order");
    assert_eq!(store.contact(contact_id(300)).await.unwrap().unwrap().case, Some(case.number));
}

#[tokio::test]
async fn only_who_waits_in_vain_withdraws() {
    let (queue, mut messages) = mpsc::channel(1);
    let writer = Writer { queue, throughput: Arc::default() };
    let mut next = async || match messages.recv().await {
        Some(Message::Make(request)) => request,
        _ => panic!("nothing was enqueued"),
    };
    let impatient = writer.enqueue(offered(1)).await.unwrap();
    let answer = impatient.outcome_within(Duration::ZERO).await;
    assert!(matches!(answer, Err(StoreError::Timeout)), "{answer:?}");
    assert!(!next().await.claim(), "made although its caller was told of a failure");

    drop(writer.enqueue(offered(2)).await.unwrap());
    assert!(next().await.claim(), "a dropped receipt took the change back");
}

/// Who asks again after a `Timeout` must not double what the writer had in hand.
#[tokio::test]
async fn the_outcome_of_a_change_in_the_writers_hand_is_waited_for() {
    let (queue, mut messages) = mpsc::channel(2);
    let writer = Writer { queue, throughput: Arc::default() };
    let patient = writer.enqueue(offered(1)).await.unwrap();
    let impatient = writer.enqueue(offered(2)).await.unwrap();
    let mut taken = Vec::new();
    while let Ok(Message::Make(request)) = messages.try_recv() {
        assert!(request.claim());
        taken.push(request);
    }
    let answer = impatient.answered_within(Duration::ZERO).await;
    assert!(matches!(answer, Err(StoreError::Timeout)), "{answer:?}");

    let mut outcome = std::pin::pin!(patient.outcome_within(Duration::ZERO));
    let early = tokio::time::timeout(Duration::from_millis(50), &mut outcome).await;
    assert!(early.is_err(), "answered before the writer did: {early:?}");
    for request in taken {
        request.answer(Some(&sqlx::Error::PoolTimedOut));
    }
    // The writer's own word: the transaction failed, so that asking again is safe.
    assert!(matches!(outcome.await, Err(StoreError::Timeout)));
}

#[tokio::test]
async fn closing_commits_what_is_queued() {
    let files = Files::new();
    let store = files.open().await;
    for n in 1..=50 {
        // Nobody waits for the receipt.
        store.enqueue(offered(n)).await.unwrap();
    }
    store.close().await;
    assert!(matches!(store.commit(offered(51)).await, Err(StoreError::Closed)));
    assert!(matches!(store.contact(contact_id(1)).await, Err(StoreError::Closed)));
    store.close().await;

    let again = files.open().await;
    assert_eq!(numbers(&again).await, (1..=50).collect::<Vec<_>>());
    assert_whole(&again).await;
}

#[tokio::test]
async fn what_was_answered_is_in_the_files() {
    let files = Files::new();
    let store = files.open().await;
    store.commit(Batch { recordings: vec![recording(1)], ..offered(1) }).await.unwrap();
    let left = files.after_crash();
    store.commit(offered(2)).await.unwrap();

    let found = left.open().await;
    assert_eq!(found.open_contacts().await.unwrap(), [contact(1)]);
    assert_eq!(found.open_recordings().await.unwrap(), [recording(1)]);
    // The chain goes on where it ended.
    found.commit(offered(3)).await.unwrap();
    assert_eq!(numbers(&found).await, [1, 3]);
    assert_whole(&found).await;
}

/// The runtime is torn down with work in the queue, without `close`.
#[test]
fn a_sudden_end_loses_nothing_that_was_answered() {
    let files = Files::new();
    let doomed = runtime();
    let answered: u64 = doomed.block_on(async {
        let store = files.open().await;
        let mut receipts = Vec::new();
        for n in 1..=600 {
            receipts.push(store.enqueue(offered(n)).await.unwrap());
        }
        let mut answered = 0;
        for receipt in receipts.into_iter().take(100) {
            receipt.durable().await.unwrap();
            answered += 1;
        }
        answered
    });
    doomed.shutdown_background();

    runtime().block_on(async {
        let store = files.open().await;
        let kept = numbers(&store).await;
        assert!(kept.len() as u64 >= answered, "{} kept of {answered} answered", kept.len());
        assert_eq!(kept, (1..=kept.len() as u64).collect::<Vec<_>>(), "a later batch without an earlier one");
        assert_eq!(store.counts().await.unwrap().open_contacts, kept.len() as u64, "rows and journal differ");
        store
            .commit(Batch { entries: vec![entry(EventType::LogVerified, 7, 7)], ..Batch::default() })
            .await
            .unwrap();
        assert_whole(&store).await;
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[tokio::test]
async fn a_file_locked_by_another_program_is_a_timeout_and_then_work_goes_on() {
    let files = Files::new();
    let store = files.open().await;
    store.commit(offered(1)).await.unwrap();
    let mut intruder = files.intruder().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut intruder).await.unwrap();
    let asked = crate::time::now().mono;
    let locked_out = store.commit(offered(2)).await;
    assert!(matches!(locked_out, Err(StoreError::Timeout)), "{locked_out:?}");
    assert!(asked.elapsed() < super::WRITE_DEADLINE + Duration::from_secs(1));
    sqlx::query("ROLLBACK").execute(&mut intruder).await.unwrap();
    store.commit(offered(3)).await.unwrap();
    assert_eq!(numbers(&store).await, [1, 3]);
}

#[tokio::test]
async fn a_store_in_memory_works_alike() {
    let store = Store::open("sqlite::memory:", "01").await.unwrap();
    let case = fixture::registered(&store, 1).await;
    assert_eq!(store.case(&case.number).await.unwrap(), Some(case));
    assert_whole(&store).await;
}
