//! Passes for calls from the page: who gets one, what stands in it, and what is said to everybody else. The call itself is
//! `tests/e2e/web_call.rs`.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Service;
use crate::call::Guest;
use crate::language::Language;
use crate::phone_number::PhoneNumber;
use crate::switchboard::snapshot::LiveWebCalls;
use crate::switchboard::{Command, CommandError, Snapshot};

const PATH: &str = "/api/v1/web-calls";

async fn ask(service: &Service, body: Value) -> reqwest::Response {
    service.request(Method::POST, PATH).json(&body).send().await.unwrap()
}

async fn problem(answer: reqwest::Response) -> (u16, String) {
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let status = answer.status().as_u16();
    (status, answer.json::<Value>().await.unwrap()["detail"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_citizen_gets_a_pass_of_their_own_each_time() {
    let mut service = Service::start().await;
    let mut users = Vec::new();
    for body in [json!({ "language": "he", "number": " +380 (50) 111-22-33 " }), json!({ "number": "" })] {
        let answer = ask(&service, body).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let pass: Value = answer.json().await.unwrap();
        assert_eq!(
            (&pass["realm"], &pass["socket"], &pass["number"]),
            (&json!("ringback"), &json!("/sip"), &json!("1580"))
        );
        let Command::LetGuestIn { user, ha1, source, guest } = service.commands.recv().await.unwrap() else {
            panic!("another command")
        };
        assert_eq!(pass["user"], user);
        assert_eq!(pass["ha1"], ha1.md5.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        assert_eq!(source.to_string(), "127.0.0.1");
        users.push((user, guest));
    }
    assert_ne!(users[0].0, users[1].0);
    let said = Guest { language: Some(Language::He), number: PhoneNumber::written("+380501112233") };
    assert_eq!((&users[0].1, &users[1].1), (&said, &Guest::default()));
}

#[tokio::test]
async fn who_gets_none_is_told_why() {
    for (error, status, header) in [
        (CommandError::SwitchedOff, 403, None),
        (CommandError::TooOften { retry_after: Duration::from_secs(360) }, 429, Some("360")),
        (CommandError::Full, 503, Some("1")),
    ] {
        let answered = error.clone();
        let service = Service::with_switchboard(Arc::new(move |_| Err(answered.clone()))).await;
        let answer = ask(&service, json!({})).await;
        assert_eq!(
            answer.headers().get("retry-after").map(|value| value.to_str().unwrap()),
            header,
            "{error}"
        );
        assert_eq!(problem(answer).await, (status, error.to_string()));
    }
    let service = Service::without_page_phones().await;
    assert_eq!(problem(ask(&service, json!({})).await).await.0, 403);
    let service = Service::start().await;
    for (body, status) in [
        (json!({ "number": "112" }), 422),
        (json!({ "number": "sip:anybody@elsewhere" }), 422),
        (json!({ "language": "tlh" }), 422),
        (json!({ "role": "operator" }), 422),
    ] {
        assert_eq!(problem(ask(&service, body.clone()).await).await.0, status, "{body}");
    }
}

#[tokio::test]
async fn pages_of_other_sites_get_none() {
    let service = Service::start().await;
    let own = format!("http://{}", service.address);
    for (origin, status) in [("https://evil.example", 403), ("null", 403), (own.as_str(), 201)] {
        let request = service.request(Method::POST, PATH).header("origin", origin).json(&json!({}));
        assert_eq!(request.send().await.unwrap().status(), status, "{origin}");
    }
    // What a form of another site can send without asking.
    let form = service.request(Method::POST, PATH).header("content-type", "text/plain").body("{}");
    assert_eq!(form.send().await.unwrap().status(), 415);
}

#[tokio::test]
async fn the_page_learns_whether_it_may_call() {
    let service = Service::start().await;
    let show =
        async || -> Value { service.request(Method::GET, PATH).send().await.unwrap().json().await.unwrap() };
    assert_eq!(show().await["open"], false);
    let live = LiveWebCalls { languages: vec![Language::Uk, Language::He], longest_call_secs: 3600 };
    service.snapshot.send_replace(Arc::new(Snapshot { web_calls: Some(live), ..Snapshot::default() }));
    let open =
        json!({ "open": true, "number": "1580", "languages": ["uk", "he"], "longest_call_secs": 3600 });
    assert_eq!(show().await, open);
    let nobodys = service.request(Method::GET, &format!("{PATH}/web-guessed")).send().await.unwrap();
    assert_eq!(nobodys.status(), 204);
}
