//! The code by SMS: the same answer whoever asks, a message only to the number that the case knows, and the bounds of a case
//! and of a source. No gateway is asked: what it would be given is read from the outbox.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Service;
use super::notices::settings;
use crate::notification::Channel;
use crate::store::MAX_CODES_PER_CASE_AND_HOUR;

async fn send(service: &Service, path: &str, body: Value) -> (StatusCode, Value) {
    let path = format!("/api/v1/citizen/{path}");
    let answer = service.request(Method::POST, &path).json(&body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

async fn ask(service: &Service, number: &str, phone: &str) -> (StatusCode, Value) {
    send(service, "code", json!({ "number": number, "phone": phone })).await
}

/// Number of a new case whose applicant gave `phone`.
async fn filed(service: &Service, phone: Option<&str>) -> String {
    let request = json!({
        "category": "light", "description": "Лампа не світить", "language": "he", "address": "біля ринку",
        "number": phone, "consent": phone.is_some(), "name": "Олена", "answers": { "kind": ["dark"] },
    });
    let (status, answer) = send(service, "requests", request).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    answer["number"].as_str().unwrap().to_owned()
}

async fn outbox(service: &Service) -> Vec<crate::store::Claimed> {
    let at = crate::time::now().utc;
    let until = at.plus(Duration::from_secs(9));
    service.store.claim_notifications(Channel::Sms, at, until, 50, true).await.unwrap()
}

#[tokio::test]
async fn the_number_of_the_case_gets_it_and_everybody_hears_the_same() {
    let service = Service::start().await;
    let number = filed(&service, Some("+380 50 111 22 33")).await;
    assert_eq!(ask(&service, &number, "0501112233").await.0, StatusCode::CONFLICT, "no SMS here");
    service.notices.send_replace(Arc::new(settings()));
    let without = filed(&service, None).await;
    let abroad = filed(&service, Some("+12125550100")).await;
    let asked = [
        (number.as_str(), "+380509999999"),
        (without.as_str(), "+380501112233"),
        (without.as_str(), "1112233"),
        (abroad.as_str(), "+12125550100"),
        ("2026-01-999999", "+380501112233"),
        ("nonsense", "+380501112233"),
    ];
    let (status, fits) = ask(&service, &number, "050 111-22-33").await;
    assert_eq!(status, StatusCode::ACCEPTED);
    for (number, phone) in asked {
        assert_eq!(ask(&service, number, phone).await, (status, fits.clone()), "{number} {phone}");
    }
    let messages = outbox(&service).await;
    let [message] = &messages[..] else { panic!("one message, not {}", messages.len()) };
    assert_eq!(message.recipient, "+380501112233");
    let code = message.text.split_whitespace().last().unwrap();
    let (status, page) = send(&service, "status", json!({ "number": number, "code": code })).await;
    assert_eq!((status, &page["number"]), (StatusCode::OK, &json!(number)), "{page}");
    assert_eq!(page["time_zone"], "Europe/Kyiv");

    let refused = service.journalled("applicant.code_refused").await;
    let reasons: Vec<_> = refused.iter().map(|entry| entry.data["refusal"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["other_number", "other_number", "other_number", "not_writable"]);
    assert!(refused.iter().all(|entry| entry.actor.kind == crate::people::ActorKind::Applicant));
    let given = service.journalled("applicant.code_given").await;
    let said = refused.iter().chain(&given).map(|entry| entry.data.to_string()).collect::<String>();
    assert!(!said.contains(code) && !said.contains("501112233"), "{said}");
}

#[tokio::test]
async fn at_the_bounds_nothing_goes_out_and_the_source_waits() {
    let service = Service::start().await;
    service.notices.send_replace(Arc::new(settings()));
    let number = filed(&service, Some("+380501112233")).await;
    for wrong in ["olena", "", "112"] {
        assert_eq!(ask(&service, &number, wrong).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    for n in 0..10 {
        assert_eq!(ask(&service, &number, "+380501112233").await.0, StatusCode::ACCEPTED, "{n}");
    }
    let (status, problem) = ask(&service, &number, "+380501112233").await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{problem}");
    assert_eq!(outbox(&service).await.len(), usize::try_from(MAX_CODES_PER_CASE_AND_HOUR).unwrap());
    let refused = service.journalled("applicant.code_refused").await;
    assert_eq!(refused.len(), 7);
    assert!(refused.iter().all(|entry| entry.data["refusal"] == "limit"));
}
