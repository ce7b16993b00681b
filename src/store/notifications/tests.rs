//! Messages queued once, claimed, settled and ended by time; what of them is kept and journalled, and what is not.
//! Moments are seconds of the fixture's clock.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::digest::Sha256;
use crate::store::fixture::{at, fresh, registered};
use uuid::Uuid;

fn outgoing(n: u128, case: Option<&CaseNumber>, channel: Channel) -> Outgoing {
    Outgoing {
        id: NotificationId(Uuid::from_u128(n)),
        case: case.cloned(),
        cycle: 1,
        since: at(1),
        occasion: if case.is_some() { Occasion::Registered } else { Occasion::Test },
        channel,
        recipient: "+380501112233".to_owned(),
        language: Language::Uk,
        subject: "subject".to_owned(),
        text: "code K7QM-3XPA".to_owned(),
        code: case.map(|_| CodeDigest { salt: "00".to_owned(), sha256: Sha256::of(b"code") }),
        expires_at: at(1_000),
    }
}

async fn queue(store: &Store, outgoing: Outgoing) -> bool {
    store.queue_notification(outgoing, Actor::system("test"), at(10)).await.unwrap()
}

async fn claim(store: &Store, seconds: i64) -> Vec<Claimed> {
    store.claim_notifications(Channel::Sms, at(seconds), at(seconds + 15), 10, false).await.unwrap()
}

async fn journalled(store: &Store) -> Vec<String> {
    let entries = store.entries_after(0, 1_000).await.unwrap();
    entries.into_iter().filter(|entry| entry.event.starts_with("notif.")).map(|entry| entry.event).collect()
}

#[tokio::test]
async fn a_message_is_queued_once_and_sent_again_only_after_its_claim() {
    let (store, _files) = fresh().await;
    let case = registered(&store, 1).await.number;
    assert!(queue(&store, outgoing(1, Some(&case), Channel::Sms)).await);
    assert!(!queue(&store, outgoing(2, Some(&case), Channel::Sms)).await, "there is one about the same");
    assert!(queue(&store, outgoing(3, Some(&case), Channel::Mail)).await, "another way");
    assert!(store.has_notifications(Channel::Sms, at(11)).await.unwrap());
    let [first] = &claim(&store, 11).await[..] else { unreachable!("one waits") };
    assert_eq!((first.attempts, first.text.as_str()), (1, "code K7QM-3XPA"));
    assert_eq!(claim(&store, 25).await, [], "it is being sent");
    // The program was killed meanwhile: the same id again.
    let [again] = &claim(&store, 26).await[..] else { unreachable!("its claim is over") };
    assert_eq!((again.id, again.attempts), (first.id, 2));
    let settle = async |settlement, seconds| {
        store.settle_notification(first.id, settlement, at(seconds)).await.unwrap()
    };
    assert!(settle(Settlement::Again(at(90)), 27).await);
    assert_eq!(claim(&store, 89).await, []);
    assert_eq!(claim(&store, 90).await.len(), 1);
    let sent = Settlement::Sent { gateway_id: Some("g-17".to_owned()), report_by: Some(at(500)) };
    assert!(settle(sent.clone(), 91).await);
    assert_eq!(claim(&store, 200).await, []);
    assert_eq!(store.notification_reported("g-17").await.unwrap(), Some(first.id));
    assert_eq!(store.notification_reported(&first.id.to_string()).await.unwrap(), Some(first.id));
    assert_eq!(store.notification_reported("g-18").await.unwrap(), None);
    assert!(settle(Settlement::Delivered, 95).await);
    assert!(!settle(Settlement::Failed(Failure::Undelivered), 96).await, "the first report counts");
    assert!(!settle(sent, 97).await, "an answer that comes after the report changes nothing");
    let expected = ["notif.queued", "notif.queued", "notif.sent", "notif.delivered"];
    assert_eq!(journalled(&store).await, expected);
    let kept = store.notifications_of(&case).await.unwrap();
    assert_eq!((kept[0].writing.progress, kept[0].masked.as_str()), (Progress::Delivered, "***********33"));
    let counts = store.outbox_counts(Channel::Sms, at(100)).await.unwrap();
    assert_eq!(counts, OutboxCounts { reached: 1, ..OutboxCounts::default() });
}

#[tokio::test]
async fn nothing_of_whom_it_went_to_or_what_it_said_is_journalled_or_kept() {
    let (store, files) = fresh().await;
    let case = registered(&store, 1).await.number;
    queue(&store, outgoing(1, Some(&case), Channel::Sms)).await;
    assert_eq!(store.written_codes(&case, 4).await.unwrap().len(), 1);
    let id = claim(&store, 11).await[0].id;
    let failed = Settlement::Failed(Failure::Refused);
    store.settle_notification(id, failed, at(12)).await.unwrap();
    let entries = store.entries_after(0, 1_000).await.unwrap();
    let all: String = entries.iter().map(|entry| format!("{} {:?}", entry.data, entry.reason)).collect();
    assert!(!all.contains("38050") && !all.contains("K7QM"), "{all}");
    let mut intruder = files.intruder().await;
    let row = sqlx::query("SELECT text, subject FROM notifications").fetch_one(&mut intruder).await.unwrap();
    let fields = Fields::of(&row, "notification");
    assert_eq!(fields.plain::<Option<String>>("text").unwrap(), None);
    assert_eq!(fields.plain::<Option<String>>("subject").unwrap(), None);
    store
        .give_code(
            &case,
            CodeDigest { salt: "1".to_owned(), sha256: Sha256::of(b"new") },
            Actor::system("test"),
            at(13),
        )
        .await
        .unwrap();
    assert_eq!(store.written_codes(&case, 4).await.unwrap(), [], "a new code is the only one");
}

#[tokio::test]
async fn time_ends_what_is_not_sent_and_what_is_not_reported() {
    let (store, _files) = fresh().await;
    for n in 1..=2 {
        queue(&store, outgoing(n, None, Channel::Sms)).await;
    }
    let sent = Settlement::Sent { gateway_id: None, report_by: Some(at(300)) };
    let id = store.claim_notifications(Channel::Sms, at(11), at(20), 1, true).await.unwrap()[0].id;
    store.settle_notification(id, sent, at(12)).await.unwrap();
    assert_eq!(store.expire_notifications(at(299)).await.unwrap(), 0);
    assert_eq!(store.expire_notifications(at(300)).await.unwrap(), 1);
    assert_eq!(store.expire_notifications(at(1_000)).await.unwrap(), 1);
    let failures: Vec<_> =
        store.latest_notifications(10).await.unwrap().iter().filter_map(|one| one.writing.failure).collect();
    assert_eq!(failures.len(), 2);
    assert!(failures.contains(&Failure::Unreported) && failures.contains(&Failure::Expired));
    assert_eq!(claim(&store, 2_000).await, []);
}

#[tokio::test]
async fn nobody_gets_more_than_their_share_of_a_day() {
    let (store, _files) = fresh().await;
    for n in 0..=u128::from(u64::try_from(MAX_PER_RECIPIENT_AND_DAY).unwrap()) {
        let since = Timestamp::from_micros(i64::try_from(n).unwrap());
        assert!(queue(&store, Outgoing { since, ..outgoing(n + 1, None, Channel::Sms) }).await);
    }
    assert_eq!(claim(&store, 11).await.len(), 10);
    let last = &store.latest_notifications(1).await.unwrap()[0];
    assert_eq!(last.writing.failure, Some(Failure::Limit));
    assert_eq!(journalled(&store).await.last().map(String::as_str), Some("notif.failed"));
}

#[tokio::test]
async fn new_cases_are_found_until_they_are_told_of() {
    let (store, _files) = fresh().await;
    let case = registered(&store, 1).await;
    let new = store.unannounced_cases(at(0), 10).await.unwrap();
    assert_eq!((&new[0].number, new[0].phone.is_some(), new.len()), (&case.number, true, 1));
    assert_eq!(store.unannounced_cases(case.registered_at, 10).await.unwrap(), [], "later ones only");
    queue(&store, outgoing(1, Some(&case.number), Channel::Sms)).await;
    assert_eq!(store.unannounced_cases(at(0), 10).await.unwrap(), []);
}
