//! The second factor over HTTP: set up, asked for, refused when it comes again, lost and taken away; roles that must have
//! one; and how often one may guess.

#![allow(clippy::unwrap_used, clippy::panic)]

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::Service;
use super::service::{PASSWORD, user_id};
use crate::one_time_code::Secret;
use crate::people::Role::{self, Auditor, Operator};
use crate::time;

async fn sign_in(service: &Service, code: Option<&str>) -> Response {
    let mut body = json!({ "user": "auditor", "password": PASSWORD });
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    service.request(Method::POST, "/api/v1/session").json(&body).send().await.unwrap()
}

/// The status, and the name of the problem.
async fn outcome(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap_or_default();
    (status, body["type"].as_str().unwrap_or_default().trim_start_matches("urn:ringback:problem:").to_owned())
}

fn is(status: u16, name: &str) -> (u16, String) {
    (status, name.to_owned())
}

/// The secret that the service holds, as the app has read it from the QR code.
async fn secret(service: &Service) -> Secret {
    service.store.second_factor(user_id(Auditor)).await.unwrap().unwrap().secret
}

/// Sets it up; the recovery codes. The code of this half minute is spent by that.
async fn set_up(service: &Service) -> Vec<String> {
    let asked = json!({ "password": PASSWORD });
    let offered: Value = service.post(Auditor, "/api/v1/second-factor", asked).await.json().await.unwrap();
    let secret = secret(service).await;
    assert_eq!(offered["secret"], secret.base32());
    assert!(offered["uri"].as_str().unwrap().starts_with("otpauth://totp/Ringback:auditor?secret="));
    assert!(offered["qr"].as_array().unwrap().len() > 20);
    // Nobody is asked for it before the app has shown that it has it.
    assert_eq!(sign_in(service, None).await.status(), StatusCode::OK);
    let code = json!({ "code": secret.shown(time::now().utc) });
    let confirmed = service.post(Auditor, "/api/v1/second-factor/confirm", code).await;
    let confirmed: Value = confirmed.json().await.unwrap();
    let codes = confirmed["recovery_codes"].as_array().unwrap_or_else(|| panic!("{confirmed}"));
    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

/// The app's next code, which our clock takes half a minute early.
async fn next_code(service: &Service) -> String {
    secret(service).await.shown(time::now().utc.plus(std::time::Duration::from_secs(30)))
}

#[tokio::test]
async fn the_password_alone_does_not_do_and_a_code_does_once() {
    let service = Service::start().await;
    set_up(&service).await;
    assert_eq!(outcome(sign_in(&service, None).await).await, is(401, "second_factor"));
    assert_eq!(outcome(sign_in(&service, Some("000000")).await).await, is(401, "second_factor_wrong"));
    let code = next_code(&service).await;
    let answer = sign_in(&service, Some(&code)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let view: Value = answer.json().await.unwrap();
    assert_eq!(
        (&view["user"]["second_factor"], &view["user"]["second_factor_needed"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        outcome(sign_in(&service, Some(&code)).await).await,
        is(401, "second_factor_wrong"),
        "replayed"
    );
    // Whether there is one is told only to who knows the password.
    let body = json!({ "user": "auditor", "password": "wrong", "code": code });
    let guess = service.request(Method::POST, "/api/v1/session").json(&body).send().await.unwrap();
    assert_eq!(outcome(guess).await.0, 401);
}

#[tokio::test]
async fn each_recovery_code_signs_in_once() {
    let service = Service::start().await;
    let codes = set_up(&service).await;
    assert_eq!(codes.len(), 10);
    assert_eq!(sign_in(&service, Some(&codes[3].to_uppercase())).await.status(), StatusCode::OK);
    assert_eq!(outcome(sign_in(&service, Some(&codes[3])).await).await, is(401, "second_factor_wrong"));
    let state: Value = service.get(Auditor, "/api/v1/second-factor").await.json().await.unwrap();
    assert_eq!(state, json!({ "set": true, "required": false, "recovery_left": 9 }));
    let used = service.journalled("user.recovery_code_used").await;
    assert_eq!(used.len(), 1);
    assert!(!serde_json::to_string(&used[0].data).unwrap().contains(&codes[3][..4]));
}

#[tokio::test]
async fn codes_are_guessed_as_often_as_passwords() {
    let service = Service::start().await;
    set_up(&service).await;
    for n in 0..10 {
        assert_eq!(outcome(sign_in(&service, Some("123456")).await).await.0, 401, "{n}");
    }
    let right = next_code(&service).await;
    assert_eq!(sign_in(&service, Some(&right)).await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_secret_is_shown_once_and_given_for_the_password_only() {
    let service = Service::start().await;
    let wrong = service.post(Auditor, "/api/v1/second-factor", json!({ "password": "wrong" })).await;
    assert_eq!(outcome(wrong).await, is(422, "wrong_password"));
    let early = service.post(Auditor, "/api/v1/second-factor/confirm", json!({ "code": "123456" })).await;
    assert_eq!(early.status(), StatusCode::CONFLICT);
    set_up(&service).await;
    let again = service.post(Auditor, "/api/v1/second-factor", json!({ "password": PASSWORD })).await;
    assert_eq!(outcome(again).await, is(409, "second_factor_set"));
    let secret = secret(&service).await.base32();
    for path in ["/api/v1/second-factor", "/api/v1/session"] {
        assert!(!service.get(Auditor, path).await.text().await.unwrap().contains(&secret), "{path}");
    }
    let users = service.get(Role::Admin, "/api/v1/admin/users").await.text().await.unwrap();
    assert!(!users.contains(&secret) && users.contains("\"second_factor\":true"));
    let journal = service.store.entries_after(0, 1000).await.unwrap();
    assert!(journal.iter().all(|entry| !entry.data.to_string().contains(&secret)));
}

#[tokio::test]
async fn a_role_that_must_have_one_does_nothing_before() {
    let service = Service::start().await;
    service.change_sign_in(|terms| terms.second_factor = vec![Auditor]);
    let refused = service.get(Auditor, "/api/v1/cases").await;
    assert_eq!(outcome(refused).await, is(403, "second_factor_needed"));
    let who: Value = service.get(Auditor, "/api/v1/session").await.json().await.unwrap();
    assert_eq!(who["user"]["second_factor_needed"], true);
    assert_eq!(service.get(Operator, "/api/v1/cases").await.status(), StatusCode::OK);
    set_up(&service).await;
    assert_eq!(service.get(Auditor, "/api/v1/cases").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_administrator_takes_it_away_and_signs_out() {
    let service = Service::start().await;
    set_up(&service).await;
    let path = format!("/api/v1/admin/users/{}/second-factor", user_id(Auditor));
    let reset = || service.by(Role::Admin, Method::DELETE, &path).send();
    assert_eq!(reset().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(reset().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(service.get(Auditor, "/api/v1/session").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in(&service, None).await.status(), StatusCode::OK);
    let entries = service.journalled("user.second_factor_reset").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].actor.id, user_id(Role::Admin).to_string());
}

#[tokio::test]
async fn a_link_stands_for_the_password_alone() {
    let service = Service::start().await;
    set_up(&service).await;
    let until = time::now().utc.plus(std::time::Duration::from_secs(60));
    service.store.create_session("a-link", user_id(Auditor), until, true).await.unwrap();
    let answer = service.request(Method::GET, "/signin?token=a-link").send().await.unwrap();
    assert!(!answer.headers().contains_key("set-cookie"));
}
