//! Appointments over HTTP: booked from the page and by the desk, moved, given back, held, missed; whose list is
//! whose.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Service;
use super::service::{plan, user_id};
use crate::case::reception::{Booking, Slot};
use crate::case::{CaseNumber, CaseState};
use crate::journal::{Draft, EventType};
use crate::people::{Actor, Role};
use crate::store::{AppointmentState, UserChange};
use crate::time;

async fn send(service: &Service, path: &str, body: Value) -> (StatusCode, Value) {
    let path = format!("/api/v1/citizen/{path}");
    let answer = service.request(Method::POST, &path).json(&body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

/// Free times with the mayor.
async fn free(service: &Service) -> Vec<String> {
    let answer = service.request(Method::GET, "/api/v1/citizen/receptions").send().await.unwrap();
    let list: Value = answer.json().await.unwrap();
    let mayor = list["items"].as_array().unwrap().iter().find(|one| one["id"] == "mayor").unwrap().clone();
    let times = mayor["free"].as_array().unwrap().iter();
    times.map(|slot| slot["starts_at"].as_str().unwrap().to_owned()).collect()
}

fn wish(starts_at: &str) -> Value {
    json!({
        "reception": "mayor", "starts_at": starts_at, "category": "water", "topic": "Третій рік без води",
        "language": "uk", "name": "Олена", "number": "+380 50 111 22 33", "consent": true,
    })
}

async fn booked(service: &Service, starts_at: &str) -> Value {
    let (status, answer) = send(service, "appointments", wish(starts_at)).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    json!({ "number": answer["number"], "code": answer["code"] })
}

/// A case whose reception has begun.
async fn begun(service: &Service) -> String {
    let now = time::now().utc;
    let ago = |minutes: i64| crate::time::Timestamp::from_micros(now.micros() - minutes * 60_000_000);
    let draft = crate::store::Filing {
        draft: crate::case::CaseDraft {
            contact: None,
            category: "water".to_owned(),
            language: crate::language::Language::Uk,
            priority: crate::case::Priority::Normal,
            applicant: crate::case::Applicant {
                identity: crate::case::IdentityLevel::Stated,
                number: None,
                name: Some("Олена".to_owned()),
            },
            place: None,
            description: "Третій рік без води".to_owned(),
            ivr_path: Vec::new(),
        },
        at: ago(60),
        actor: Actor { kind: crate::people::ActorKind::Applicant, ..Actor::system("page") },
        source: "page".to_owned(),
        mail: None,
        media_url: None,
        answers: Vec::new(),
        consent: false,
        code: None,
    };
    let slot = Slot { starts_at: ago(20), ends_at: ago(5) };
    let booking = Booking { reception: "mayor".to_owned(), post: "mayor.reception".to_owned(), slot };
    service.store.file_and_book(draft, booking).await.unwrap().number.0
}

async fn give_post(service: &Service) {
    let change = UserChange { posts: Some(vec!["mayor.reception".to_owned()]), ..UserChange::default() };
    let entry = Draft::new(EventType::UserChanged, time::now().utc, Actor::system("test"));
    service.store.change_user(user_id(Role::MayorOffice), change, entry).await.unwrap();
}

#[tokio::test]
async fn a_citizen_books_moves_and_gives_back() {
    let service = Service::start().await;
    let times = free(&service).await;
    assert!(times.len() > 24, "{times:?}");
    let key = booked(&service, &times[0]).await;
    assert!(!free(&service).await.contains(&times[0]));
    let (status, problem) = send(&service, "appointments", wish(&times[0])).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    let (_, page) = send(&service, "status", key.clone()).await;
    let own = &page["appointment"];
    assert_eq!((&own["starts_at"], &own["may_move"]), (&json!(times[0]), &json!(true)), "{page}");
    assert_eq!(own["name"]["he"], "ראש העיר");

    let mut other = key.clone();
    other["starts_at"] = json!(times[5]);
    let (status, page) = send(&service, "appointment-move", other).await;
    assert_eq!((status, &page["appointment"]["starts_at"]), (StatusCode::OK, &json!(times[5])), "{page}");
    assert!(free(&service).await.contains(&times[0]));
    let (status, page) = send(&service, "appointment-cancel", key.clone()).await;
    assert_eq!((status, &page["open"]), (StatusCode::OK, &json!(false)), "{page}");
    assert_eq!(page["appointment"]["state"], "cancelled");
    assert!(free(&service).await.contains(&times[5]));
    assert_eq!(send(&service, "appointment-cancel", key).await.0, StatusCode::NOT_FOUND);
    for event in ["appt.booked", "appt.moved", "case.withdrawn"] {
        let entries = service.journalled(event).await;
        assert_eq!(entries.len(), 1, "{event}");
        let said = entries[0].data.to_string();
        assert!(!said.contains("Олена") && !said.contains("38050") && !said.contains("води"), "{said}");
    }
}

#[tokio::test]
async fn what_is_no_appointment_is_refused_in_words() {
    let service = Service::start().await;
    let times = free(&service).await;
    for (field, value, status) in [
        ("starts_at", json!("2026-01-01T00:00:00Z"), StatusCode::CONFLICT),
        ("reception", json!("nobody"), StatusCode::NOT_FOUND),
        ("category", json!("ufo"), StatusCode::UNPROCESSABLE_ENTITY),
        ("name", json!(" "), StatusCode::UNPROCESSABLE_ENTITY),
        ("topic", json!("x".repeat(4_001)), StatusCode::UNPROCESSABLE_ENTITY),
        ("consent", json!(false), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let mut asked = wish(&times[0]);
        asked[field] = value;
        let (answered, problem) = send(&service, "appointments", asked).await;
        assert_eq!(answered, status, "{field}: {problem}");
    }
    service.allow(|terms| terms.citizen.enabled = false);
    assert_eq!(send(&service, "appointments", wish(&times[0])).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_secretary_keeps_the_list_and_others_of_the_office_do_not() {
    let service = Service::start().await;
    let number = begun(&service).await;
    let path = "/api/v1/receptions/mayor/appointments";
    assert_eq!(service.get(Role::MayorOffice, path).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(service.get(Role::Executor, path).await.status(), StatusCode::FORBIDDEN);
    give_post(&service).await;
    let list: Value = service.get(Role::MayorOffice, path).await.json().await.unwrap();
    // The test may run in the first twenty minutes of a day.
    if let Some(visit) = list["items"].as_array().unwrap().first() {
        assert_eq!((&visit["number"], &visit["applicant"]), (&json!(number), &json!("Олена")), "{list}");
    }
    assert_eq!(service.journalled("access.viewed").await.len(), 1);
    let case = format!("/api/v1/cases/{number}");
    let minutes = json!({ "minutes": "Воду буде подано до п’ятниці" });
    let early = json!({ "category": "water", "task": "Подати воду" });
    let answer = service.post(Role::MayorOffice, &format!("{case}/instructions"), early.clone()).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT, "not held yet");
    let answer = service.post(Role::Operator, &format!("{case}/appointment-held"), minutes.clone()).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let answer = service.post(Role::MayorOffice, &format!("{case}/appointment-held"), minutes.clone()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let held: Value = answer.json().await.unwrap();
    assert_eq!(
        (&held["state"], &held["state_data"]["code"]),
        (&json!("closed"), &json!("explained")),
        "{held}"
    );
    let again = service.post(Role::MayorOffice, &format!("{case}/appointment-missed"), json!({})).await;
    assert_eq!(again.status(), StatusCode::CONFLICT, "it was held");
    let answer = service.post(Role::MayorOffice, &format!("{case}/instructions"), early.clone()).await;
    let follows: Value = answer.json().await.unwrap();
    assert_eq!(follows["state"], "registered", "{follows}");
    assert_eq!(follows["relations"], json!([{ "kind": "follows", "other": number }]));
    assert_eq!(service.journalled("appt.instructed").await.len(), 1);
    let report = service.store.verify(&mut |_| {}, None).await.unwrap();
    assert!(report.is_good(), "{:?}", report.findings);

    let (archived_at, by, number) = (time::now().utc, Actor::system("test"), CaseNumber(number));
    let archived = service.store.change_case(&number, &by, archived_at, move |mut case, _| {
        let (code, closed_at) = case.state.closing().unwrap();
        case.state = CaseState::Archived { code, closed_at, archived_at };
        Ok((case, Vec::new()))
    });
    archived.await.unwrap();
    let registered = service.journalled("case.registered").await.len();
    let answer = service.post(Role::MayorOffice, &format!("{case}/instructions"), early).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT, "nothing follows what is in the archive");
    assert_eq!(service.journalled("case.registered").await.len(), registered, "and nothing is registered");
}

#[tokio::test]
async fn nobody_came_and_the_desk_books_for_a_caller() {
    let service = Service::start().await;
    let number = begun(&service).await;
    let path = format!("/api/v1/cases/{number}/appointment-missed");
    assert_eq!(service.post(Role::Supervisor, &path, json!({})).await.status(), StatusCode::OK);
    let kept = service.store.appointment_of(&CaseNumber(number)).await.unwrap().unwrap();
    assert_eq!(kept.state, AppointmentState::NoShow);

    let other = booked(&service, &free(&service).await[0]).await;
    let (times, number) = (free(&service).await, other["number"].as_str().unwrap().to_owned());
    let path = format!("/api/v1/cases/{number}/appointment");
    let wish = json!({ "reception": "mayor", "starts_at": times[3] });
    assert_eq!(service.post(Role::Operator, &path, wish).await.status(), StatusCode::OK);
    assert!(!free(&service).await.contains(&times[3]));
    let city = plan();
    let mayor = city.reception("mayor").unwrap();
    assert_eq!(mayor.notice, Duration::from_secs(12 * 3_600));
}
