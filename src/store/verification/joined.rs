//! Applicants of one case who write and are written to each by themselves: the case's own, and those who came with merged
//! cases. Whose message it was is told by the number they know their case by.

#![allow(clippy::unwrap_used, clippy::panic)]

use uuid::Uuid;

use super::*;
use crate::case::rules::VerifyRule;
use crate::case::{CaseDraft, CaseState, ClosingCode, TellingChannel, Told};
use crate::digest::Sha256;
use crate::ids::{NotificationId, UserId, WorkOrderId};
use crate::notification::chain::Fate;
use crate::notification::{Channel, Occasion};
use crate::people::Role;
use crate::store::fixture::{at, case_draft, fresh, registered};
use crate::store::{CodeDigest, Filing, Outgoing, Settlement};

const SINCE: i64 = 100;

fn operator() -> Actor {
    Actor::person(Role::Operator, UserId(Uuid::from_u128(5)), None)
}

/// Somebody filed it on the page, in Polish, with an address for mails.
async fn filed(store: &Store, n: u32, consent: bool) -> CaseNumber {
    let filing = Filing {
        draft: CaseDraft { contact: None, language: Language::Pl, ..case_draft(n) },
        at: at(i64::from(n)),
        actor: Actor::system("page"),
        source: "page".to_owned(),
        mail: Some(format!("applicant{n}@city.example")),
        media_url: None,
        answers: Vec::new(),
        consent,
        code: Some(CodeDigest { salt: "00".to_owned(), sha256: Sha256::of(b"code") }),
    };
    store.file_case(filing).await.unwrap().number
}

/// Their work is one, and done: its evidence was accepted at [`SINCE`].
async fn merged_and_done(store: &Store, into: &CaseNumber, from: &[&CaseNumber]) -> Case {
    for one in from {
        store.merge_cases((one, into), "the same pipe", &operator(), at(50)).await.unwrap();
    }
    let done = |mut case: Case, _: &[_]| {
        case.state = CaseState::Verification {
            order: WorkOrderId(Uuid::from_u128(1)),
            executor: "vodokanal".to_owned(),
            reported_at: at(90),
            evidence_accepted_at: at(SINCE),
        };
        Ok((case, Vec::new()))
    };
    store.change_case(into, &Actor::system("test"), at(SINCE), done).await.unwrap()
}

fn message(n: u128, case: &CaseNumber, since: i64) -> Outgoing {
    Outgoing {
        id: NotificationId(Uuid::from_u128(n)),
        case: Some(case.clone()),
        cycle: 1,
        since: at(since),
        occasion: Occasion::Done,
        channel: Channel::Sms,
        recipient: format!("+38050111220{n}"),
        language: Language::Pl,
        subject: String::new(),
        text: "is it fixed?".to_owned(),
        code: None,
        expires_at: at(1_000),
    }
}

async fn queue(store: &Store, message: Outgoing) -> bool {
    store.queue_notification(message, Actor::system("asking"), at(SINCE + 1)).await.unwrap()
}

fn told(case: &Case, whom: Option<&CaseNumber>, language: Language, notification: NotificationId) -> Told {
    Told {
        at: at(SINCE + 3),
        language,
        channel: TellingChannel::Sms,
        delivered: true,
        confirmed: None,
        cycle: case.cycle,
        whom: whom.cloned(),
        contact: None,
        notification: Some(notification),
    }
}

#[tokio::test]
async fn each_applicant_of_a_case_is_written_to_as_they_came() {
    let (store, _files) = fresh().await;
    let own = registered(&store, 1).await;
    let (wants, wants_not) = (filed(&store, 2, true).await, filed(&store, 3, false).await);
    merged_and_done(&store, &own.number, &[&wants, &wants_not]).await;
    let askings = store.askings().await.unwrap();
    let seen: Vec<_> = askings
        .iter()
        .map(|one| (one.known_as(), one.language, one.may_text, one.mail.as_deref(), one.since))
        .collect();
    let expected = [
        (&own.number, Language::Uk, true, None, at(SINCE)),
        (&wants, Language::Pl, true, Some("applicant2@city.example"), at(SINCE)),
        (&wants_not, Language::Pl, false, None, at(SINCE)),
    ];
    assert_eq!(seen, expected);
    let numbers: Vec<_> = askings.iter().map(|one| one.number.clone()).collect();
    assert_eq!(numbers, [1, 2, 3].map(|n| case_draft(n).applicant.number));
}

#[tokio::test]
async fn messages_and_their_fates_are_those_of_the_applicant_they_went_to() {
    let (store, _files) = fresh().await;
    let own = registered(&store, 1).await.number;
    let joined = filed(&store, 2, true).await;
    // About work of before that was found undone: it says nothing about the work as it stands.
    assert!(queue(&store, message(7, &joined, 20)).await);
    let case = merged_and_done(&store, &own, &[&joined]).await;
    let writings = async || -> Vec<Vec<(NotificationId, Fate)>> {
        let askings = store.askings().await.unwrap();
        askings.iter().map(|one| one.writings.iter().map(|it| (it.id, it.fate())).collect()).collect()
    };
    assert!(writings().await.iter().all(Vec::is_empty));
    assert!(queue(&store, message(1, &own, SINCE)).await);
    assert!(queue(&store, message(2, &joined, SINCE)).await);
    assert!(!queue(&store, message(3, &joined, SINCE)).await, "one message about the same by the same way");
    let ids = [1, 2].map(|n| NotificationId(Uuid::from_u128(n)));
    assert_eq!(writings().await, [[(ids[0], Fate::Pending)], [(ids[1], Fate::Pending)]]);
    assert!(store.settle_notification(ids[1], Settlement::Delivered, at(SINCE + 2)).await.unwrap());
    assert_eq!(writings().await, [[(ids[0], Fate::Pending)], [(ids[1], Fate::Reached(at(SINCE + 2)))]]);

    let system = Actor::system("asking");
    let tell = async |whom: Option<&CaseNumber>, language, id| {
        let (told, by) = (told(&case, whom, language, id), system.clone());
        let change = move |case: Case, _: &[_]| case.tell(told.clone(), &by, at(SINCE + 3));
        store.change_case(&own, &system, at(SINCE + 3), change).await
    };
    let wrong_language = tell(Some(&joined), Language::Uk, ids[1]).await;
    assert!(matches!(wrong_language, Err(StoreError::Transition(_))), "{wrong_language:?}");
    let case = tell(Some(&joined), Language::Pl, ids[1]).await.unwrap();
    let rule = VerifyRule {
        attempts: 1,
        on_days: 1,
        answer_days: 1,
        inspect_per_mille: 0,
        clock: crate::calendar::Calendar::always("Europe/Kyiv").unwrap(),
    };
    assert!(
        case.is_told(Some(&joined), &rule) && !case.is_told(None, &rule),
        "the other hears for themselves"
    );
    let close = |case: Case| case.close(ClosingCode::FixedUnconfirmed, &rule, &system, at(900_000));
    assert!(close(case.clone()).is_err(), "its own applicant was not told");
    let case = tell(None, Language::Uk, ids[0]).await.unwrap();
    assert_eq!(close(case).unwrap().0.state.name(), "closed");
    let entries = store.entries_after(0, 100).await.unwrap();
    let attempted: Vec<_> = entries
        .iter()
        .filter(|it| it.event == "verify.attempted")
        .map(|it| it.data["whom"].clone())
        .collect();
    assert_eq!(attempted, [serde_json::json!(joined), serde_json::Value::Null]);
}

#[tokio::test]
async fn no_more_calls_of_one_applicant_is_not_the_others() {
    let (store, _files) = fresh().await;
    let own = registered(&store, 1).await;
    let joined = registered(&store, 2).await;
    merged_and_done(&store, &own.number, &[&joined.number]).await;
    let call = Contact {
        case: Some(own.number.clone()),
        caller: joined.applicant.number.clone().unwrap(),
        offered_at: at(SINCE + 5),
        asked: Some(crate::verification::Asked { outcome: Some(Outcome::NoMoreCalls), offset_ms: None }),
        ..crate::store::fixture::contact(12)
    };
    store.commit(crate::store::Batch { contacts: vec![call], ..Default::default() }).await.unwrap();
    let askings = store.askings().await.unwrap();
    let seen: Vec<_> = askings.iter().map(|one| (one.refuses_calls, one.calls.len())).collect();
    assert_eq!(seen, [(false, 0), (true, 1)]);
}
