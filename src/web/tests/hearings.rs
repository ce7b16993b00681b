//! Applicants hear their own calls: by which rule, whose calls, whose voice, how long, and what the journal keeps
//! of it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::calls::wav_layout::tests::stereo_wav;
use super::Service;
use crate::case::{Applicant, CaseDraft, IdentityLevel, Priority};
use crate::ids::ContactId;
use crate::language::Language;
use crate::people::{Actor, Role};
use crate::time;
use crate::web::HearingRule;

async fn send(service: &Service, path: &str, body: &Value) -> (StatusCode, Value) {
    let path = format!("/api/v1/citizen/{path}");
    let answer = service.request(Method::POST, &path).json(body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

/// Somebody's call with sound, its case, and what its applicant types to hear it.
async fn called(service: &Service) -> (ContactId, Value) {
    let frames: Vec<[i16; 2]> = (0..8_000).map(|n| [n, -n]).collect();
    let call = service.recorded_call(&stereo_wav(&frames), None).await;
    let contact = service.store.contact(call).await.unwrap().unwrap();
    let draft = CaseDraft {
        contact: Some(call),
        category: "water".to_owned(),
        language: Language::Uk,
        priority: Priority::Normal,
        applicant: Applicant {
            identity: IdentityLevel::CallerNumber,
            number: Some(contact.caller.clone()),
            name: None,
        },
        place: None,
        description: String::new(),
        ivr_path: Vec::new(),
    };
    let actor = Actor::system("test");
    let case = service.store.register_case(draft, time::now().utc, actor, None).await.unwrap();
    let path = format!("/api/v1/cases/{}/code", case.number);
    let given: Value = service.post(Role::Operator, &path, json!({})).await.json().await.unwrap();
    let phone = contact.caller.as_str();
    (call, json!({ "number": case.number, "code": given["code"], "call": call.to_string(), "phone": phone }))
}

fn key(asked: &Value) -> Value {
    json!({ "number": asked["number"], "code": asked["code"] })
}

#[tokio::test]
async fn where_the_rule_is_off_there_are_no_calls_to_ask_for() {
    let service = Service::start().await;
    let (_, asked) = called(&service).await;
    let (_, page) = send(&service, "status", &key(&asked)).await;
    assert_eq!(page["calls"], json!([]), "{page}");
    assert_eq!(send(&service, "recording", &asked).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_records_office_decides_and_its_refusal_is_told() {
    let service = Service::start().await;
    service.allow(|terms| terms.citizen.hearing.rule = HearingRule::Approval);
    let (call, asked) = called(&service).await;
    for (field, value, status) in [
        ("phone", json!("+380440000000"), StatusCode::FORBIDDEN),
        ("phone", Value::Null, StatusCode::FORBIDDEN),
        ("code", json!("0000-0000"), StatusCode::NOT_FOUND),
        ("call", json!("nonsense"), StatusCode::NOT_FOUND),
    ] {
        let mut wrong = asked.clone();
        wrong[field] = value;
        assert_eq!(send(&service, "recording", &wrong).await.0, status, "{field}");
    }
    let (status, page) = send(&service, "recording", &asked).await;
    assert_eq!((status, &page["calls"][0]["state"]), (StatusCode::OK, &json!("asked")), "{page}");
    assert_eq!(send(&service, "recording-link", &asked).await.0, StatusCode::FORBIDDEN, "not yet");
    let waiting: Value = service.get(Role::Records, "/api/v1/hearings").await.json().await.unwrap();
    let one = &waiting["items"][0];
    assert_eq!(one["call"], json!(call.to_string()));
    let refuse = format!("/api/v1/hearings/{}/refuse", one["id"].as_str().unwrap());
    let why = json!({ "reason": "триває розслідування" });
    assert_eq!(service.post(Role::Supervisor, &refuse, why.clone()).await.status(), StatusCode::FORBIDDEN);
    let silent = service.post(Role::Records, &refuse, json!({ "reason": " " })).await;
    assert_eq!(silent.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(service.post(Role::Records, &refuse, why.clone()).await.status(), StatusCode::OK);
    assert_eq!(service.post(Role::Records, &refuse, why).await.status(), StatusCode::NOT_FOUND, "decided");
    let (_, page) = send(&service, "status", &key(&asked)).await;
    let told = &page["calls"][0];
    assert_eq!((&told["state"], &told["reason"]), (&json!("refused"), &json!("триває розслідування")));
    for event in ["access.asked", "access.refused"] {
        assert_eq!(service.journalled(event).await.len(), 1, "{event}");
    }
}

#[tokio::test]
async fn a_link_gives_the_own_voice_for_a_while_and_each_listening_is_journalled() {
    let service = Service::start().await;
    service.allow(|terms| terms.citizen.hearing.rule = HearingRule::AtOnce);
    let (call, asked) = called(&service).await;
    assert_eq!(send(&service, "recording", &asked).await.1["calls"][0]["state"], "allowed");
    assert_eq!(service.journalled("access.disclosed").await.len(), 1);
    let (status, link) = send(&service, "recording-link", &asked).await;
    assert_eq!(status, StatusCode::OK, "{link}");
    let address = link["address"].as_str().unwrap().to_owned();
    let whole = service.request(Method::GET, &address).send().await.unwrap();
    let sound = whole.bytes().await.unwrap();
    assert_eq!(sound.len(), 44 + 2 * 8_000, "one channel");
    assert_eq!(sound[44..48], [0, 0, 1, 0], "the citizen's");
    let part = service.request(Method::GET, &address).header("Range", "bytes=44-8043").send().await.unwrap();
    assert_eq!((part.status(), part.bytes().await.unwrap().len()), (StatusCode::PARTIAL_CONTENT, 8_000));
    let played = service.journalled("access.played").await;
    assert_eq!(played.len(), 2);
    assert_eq!((played[1].contact, &played[1].data["millis"]), (Some(call), &json!([0, 500])));
    assert_eq!(played[1].data["own_voice_only"], true);

    service.allow(|terms| terms.citizen.hearing.both_channels = true);
    let both = service.request(Method::GET, &address).send().await.unwrap().bytes().await.unwrap();
    assert!(both.len() > 4 * 8_000);
    let (_, second) = send(&service, "recording-link", &asked).await;
    let old = service.request(Method::GET, &address).send().await.unwrap();
    assert_eq!(old.status(), StatusCode::NOT_FOUND, "the link before opens nothing any more");
    let address = second["address"].as_str().unwrap().to_owned();
    service.allow(|terms| terms.citizen.hearing.rule = HearingRule::Off);
    assert_eq!(service.request(Method::GET, &address).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    service.allow(|terms| {
        terms.citizen.hearing.rule = HearingRule::AtOnce;
        terms.citizen.hearing.link_for = Duration::ZERO;
    });
    let (_, over) = send(&service, "recording-link", &asked).await;
    let over = service.request(Method::GET, over["address"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(over.status(), StatusCode::NOT_FOUND);
}
