//! What the watch does when the store does not take what it has decided. How applicants are asked is tested in
//! `crate::verification` and on real calls.
#![allow(clippy::unwrap_used)]

use sqlx::{Connection, SqliteConnection};

use super::*;
use crate::app::vital::Vitals;
use crate::calendar::Calendar;
use crate::case::{Applicant, CaseDraft, CaseState, IdentityLevel, Priority};
use crate::ids::WorkOrderId;

/// Calls are made at any hour.
fn policy() -> Policy {
    let pause = std::time::Duration::from_secs(60);
    Policy {
        hours: Calendar::always("UTC").unwrap(),
        attempts: 3,
        on_days: 1,
        retry_busy: pause,
        retry_after: pause,
        between_cases: pause,
        at_once: 1,
    }
}

/// A case whose work is done, of an applicant who left no number.
async fn in_verification(store: &Store) -> CaseNumber {
    let draft = CaseDraft {
        contact: None,
        category: "water".to_owned(),
        language: Language::Uk,
        priority: Priority::Normal,
        applicant: Applicant { identity: IdentityLevel::Anonymous, number: None, name: None },
        place: None,
        description: String::new(),
        ivr_path: Vec::new(),
    };
    let (at, by) = (crate::time::now().utc, Actor::system("test"));
    let number = store.register_case(draft, at, by.clone(), None).await.unwrap().number;
    let done = store.change_case(&number, &by, at, move |mut case, _| {
        case.state = CaseState::Verification {
            order: WorkOrderId(uuid::Uuid::from_u128(1)),
            executor: "vodokanal".to_owned(),
            reported_at: at,
            evidence_accepted_at: at,
        };
        Ok((case, Vec::new()))
    });
    done.await.unwrap();
    number
}

#[tokio::test]
async fn what_the_store_could_not_take_is_concluded_with_the_next_look() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("city.db").display());
    let store = Store::open(&url, "01").await.unwrap();
    let number = in_verification(&store).await;
    let city = CityPlan::parse("city.toml", include_str!("../../../city.toml")).unwrap();
    let rules = Rules { policy: Some(policy()), masked: None, city: Arc::new(city), machine_counts: false };
    let (rules, notices) = (watch::channel(rules).1, watch::channel(Arc::default()).1);
    let (inputs, _asked) = mpsc::channel(8);
    let vital = Vitals::new().0.of("test");
    let mut watch = VerificationWatch::new(store.clone(), rules, inputs, notices, vital);

    let mut broken = SqliteConnection::connect(&url).await.unwrap();
    let trigger = "CREATE TRIGGER broken BEFORE UPDATE ON cases BEGIN SELECT RAISE(ABORT, 'disk'); END";
    sqlx::query(trigger).execute(&mut broken).await.unwrap();
    assert!(watch.look().await.is_err());
    sqlx::query("DROP TRIGGER broken").execute(&mut broken).await.unwrap();

    watch.look().await.unwrap();
    let case = store.case(&number).await.unwrap().unwrap();
    assert_eq!(case.told.len(), 1, "on the record as one who was not reached");
    watch.look().await.unwrap();
    assert_eq!(store.case(&number).await.unwrap().unwrap().told.len(), 1, "once");
}
