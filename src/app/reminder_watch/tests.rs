//! Reminders from booking to the gateway's door: who is written to when, by which way, in which words, and what is never
//! sent: about a time that was given back or moved, twice, or by night.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use super::*;
use crate::app::fixture::store;
use crate::case::reception::{Booking, Slot};
use crate::case::{Applicant, Case, CaseDraft, CaseNumber, IdentityLevel, Priority};
use crate::config::Config;
use crate::language::Language;
use crate::notification::{Failure, Progress};
use crate::people::ActorKind;
use crate::phone_number::PhoneNumber;
use crate::store::{Claimed, Filing, Settlement};

const PHONE: &str = "+380501112233";
const HOUR: i64 = 3_600;

fn plan() -> CityPlan {
    CityPlan::parse("city.toml", include_str!("../../../city.toml")).unwrap()
}

/// So many hours after midnight in Kyiv on Monday, 23 November 2026; the mayor receives on Wednesday from hour 57.
fn hour(hours: i64) -> Timestamp {
    let midnight = chrono::DateTime::parse_from_rfc3339("2026-11-23T00:00:00+02:00").unwrap();
    Timestamp::from_micros(midnight.timestamp_micros() + hours * HOUR * 1_000_000)
}

fn settings() -> Settings {
    let text = "[sms]\nurl = \"https://sms.example\"\nbody = \"{number}{text}\"\ntakes = [\"+380\"]\n\
                [email]\nhost = \"mail.example\"\nfrom = \"City <noreply@city.example>\"\n";
    let config = Config::parse("config.toml", text, std::iter::empty(), Path::new("/")).unwrap();
    let sms = config.sms.way("Europe/Kyiv").unwrap();
    Settings { sms, mail: config.email.way(), short: "1580".to_owned(), page: None }
}

fn applicant() -> Actor {
    Actor { kind: ActorKind::Applicant, ..Actor::system("page") }
}

fn booking(hours: i64) -> Booking {
    let slot = Slot { starts_at: hour(hours), ends_at: hour(hours).plus(Duration::from_secs(900)) };
    Booking { reception: "mayor".to_owned(), post: "mayor.reception".to_owned(), slot }
}

async fn booked_with(store: &Store, hours: i64, mail: Option<&str>, consent: bool) -> Case {
    let filing = Filing {
        draft: CaseDraft {
            contact: None,
            category: "water".to_owned(),
            language: Language::Pl,
            priority: Priority::Normal,
            applicant: Applicant {
                identity: IdentityLevel::Stated,
                number: Some(PhoneNumber::from_user_part(PHONE)),
                name: Some("Олена".to_owned()),
            },
            place: None,
            description: "Третій рік без води".to_owned(),
            ivr_path: Vec::new(),
        },
        at: hour(1),
        actor: applicant(),
        source: "page".to_owned(),
        mail: mail.map(str::to_owned),
        media_url: None,
        answers: Vec::new(),
        consent,
        code: None,
    };
    store.file_and_book(filing, booking(hours)).await.unwrap()
}

async fn look(store: &Store, at: Timestamp) {
    // A mint of its own each time, as after a restart.
    let mut mint = Mint::new(rand::random());
    remind(store, &plan(), &settings(), &mut mint, at).await.unwrap();
}

async fn taken(store: &Store, channel: Channel, at: Timestamp) -> Vec<Claimed> {
    let is_open = settings().patience(channel).unwrap().is_open(at);
    let until = at.plus(Duration::from_secs(15));
    store.claim_notifications(channel, at, until, 10, !is_open).await.unwrap()
}

async fn ways(store: &Store, case: &CaseNumber) -> Vec<(Channel, Progress)> {
    let written = store.notifications_of(case).await.unwrap();
    assert!(written.iter().all(|one| one.occasion == Occasion::Reminder));
    written.iter().map(|one| (one.writing.channel, one.writing.progress)).collect()
}

#[tokio::test]
async fn a_day_before_by_sms_and_where_that_is_lost_by_mail() {
    let store = store().await;
    let case = booked_with(&store, 57, Some("olena@city.example"), true).await.number;
    look(&store, hour(33).minus(Duration::from_secs(1))).await;
    assert_eq!(ways(&store, &case).await, [], "more than a day before");
    for _ in 0..2 {
        look(&store, hour(33)).await;
    }
    assert_eq!(ways(&store, &case).await, [(Channel::Sms, Progress::Queued)], "once, whoever looks");
    let [sms] = &taken(&store, Channel::Sms, hour(33)).await[..] else { panic!("one is taken") };
    assert_eq!(sms.recipient, PHONE);
    assert!(sms.text.contains("wizyta") && sms.text.contains("25.11.2026 09:00"), "{}", sms.text);
    assert!(sms.text.contains("кабінет 21") && sms.text.contains(&case.0), "{}", sms.text);
    look(&store, hour(34)).await;
    let lost = Settlement::Failed(Failure::Refused);
    assert!(store.settle_notification(sms.id, lost, hour(34)).await.unwrap());
    look(&store, hour(34)).await;
    let [mail] = &taken(&store, Channel::Mail, hour(34)).await[..] else { panic!("one is taken") };
    assert_eq!(mail.recipient, "olena@city.example");
    assert!(mail.text.contains("Burmistrz"), "{}", mail.text);
    let sent = Settlement::Sent { gateway_id: None, report_by: None };
    assert!(store.settle_notification(mail.id, sent, hour(34)).await.unwrap());
    for hours in [35, 36, 56] {
        look(&store, hour(hours)).await;
    }
    let both = [(Channel::Sms, Progress::Failed), (Channel::Mail, Progress::Sent)];
    assert_eq!(ways(&store, &case).await, both);
    assert!(store.reminders_due("mayor", hour(36), hour(60)).await.unwrap().is_empty(), "settled");
    assert!(store.verify(&mut |_| {}, None).await.unwrap().is_good());
}

#[tokio::test]
async fn a_time_given_back_or_moved_is_not_reminded_of() {
    let store = store().await;
    let (given_back, moved) =
        (booked_with(&store, 57, None, true).await, booked_with(&store, 58, None, true).await);
    look(&store, hour(40)).await;
    let by = applicant();
    let withdrawn = store.change_case(&given_back.number, &by, hour(41), |case, _| {
        case.withdraw("ill", None, &applicant(), hour(41))
    });
    withdrawn.await.unwrap();
    // The same hour with another official is another appointment.
    let elsewhere = Booking { reception: "utilities".to_owned(), ..booking(58) };
    let other = store.change_case(&moved.number, &by, hour(41), move |case, _| {
        case.move_reception(booking(58).slot, &elsewhere, &applicant(), hour(41))
    });
    other.await.unwrap();
    assert_eq!(taken(&store, Channel::Sms, hour(42)).await, [], "neither of the two goes out");
    look(&store, hour(42)).await;
    let [again] = &taken(&store, Channel::Sms, hour(42)).await[..] else { panic!("of the new time") };
    assert_eq!(again.case.as_ref(), Some(&moved.number));
    assert!(again.text.contains("кабінет 14"), "{}", again.text);
    assert_eq!(store.expire_notifications(hour(58)).await.unwrap(), 3, "nothing is left in the outbox");
    assert_eq!(taken(&store, Channel::Sms, hour(58)).await, []);
    assert!(store.verify(&mut |_| {}, None).await.unwrap().is_good());
}

#[tokio::test]
async fn nobody_is_disturbed_by_night_or_against_their_will_or_once_it_has_begun() {
    let store = store().await;
    let night = booked_with(&store, 57, None, true).await.number;
    // Booked late: due since Tuesday morning, seen on Tuesday evening.
    look(&store, hour(24 + 22)).await;
    assert_eq!(taken(&store, Channel::Sms, hour(24 + 22)).await, []);
    assert_eq!(store.expire_notifications(hour(57)).await.unwrap(), 1, "its time has come unsent");
    assert_eq!(ways(&store, &night).await, [(Channel::Sms, Progress::Failed)]);
    let unwilling = booked_with(&store, 58, Some("olena@city.example"), false).await.number;
    let late = booked_with(&store, 59, None, true).await.number;
    look(&store, hour(59)).await;
    look(&store, hour(57)).await;
    assert_eq!(ways(&store, &unwilling).await, []);
    assert_eq!(ways(&store, &late).await.len(), 1);
    // Whoever cannot be written to is settled, and does not stand in the way of others.
    let left = store.reminders_due("mayor", hour(57), hour(70)).await.unwrap();
    assert_eq!(left.iter().map(|one| &one.appointment.case).collect::<Vec<_>>(), [&late]);
}
