//! Signing in and out, and what protects it: cookie attributes, the CSRF header, the limit of failures, one-time
//! links.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::Service;
use super::service::{PASSWORD, user_id};
use crate::people::Role::{self, Operator};
use crate::time;

async fn sign_in(service: &Service, user: &str, password: &str) -> Response {
    let body = json!({ "user": user, "password": password });
    service.request(Method::POST, "/api/v1/session").json(&body).send().await.unwrap()
}

fn cookie(answer: &Response) -> String {
    let set = answer.headers()["set-cookie"].to_str().unwrap();
    for wanted in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(set.split("; ").any(|part| part == wanted), "{set}");
    }
    set.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_cookie_works_until_signed_out() {
    let service = Service::start().await;
    let answer = sign_in(&service, "operator", PASSWORD).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let cookie = cookie(&answer);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["user"]["role"], "operator");
    assert_eq!(body["user"]["id"], user_id(Operator).to_string());
    let with_cookie = |method: Method| service.request(method, "/api/v1/session").header("cookie", &cookie);
    let again: Value = with_cookie(Method::GET).send().await.unwrap().json().await.unwrap();
    assert_eq!(again, body);
    let out = with_cookie(Method::DELETE).header("x-ringback", "1").send().await.unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert_eq!(with_cookie(Method::GET).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_cookie_changes_nothing_without_the_header() {
    let service = Service::start().await;
    let cookie = cookie(&sign_in(&service, "operator", PASSWORD).await);
    let post = || {
        let request = service.request(Method::POST, "/api/v1/operators/me/wrap-up-done");
        request.header("cookie", &cookie)
    };
    assert_eq!(post().send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(post().header("x-ringback", "0").send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(post().header("x-ringback", "1").send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let by_token =
        service.by(Operator, Method::POST, "/api/v1/operators/me/wrap-up-done").send().await.unwrap();
    assert_eq!(by_token.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn wrong_names_and_wrong_passwords_look_alike() {
    let service = Service::start().await;
    let mut bodies = Vec::new();
    for (user, password) in
        [("operator", "wrong"), ("nobody", PASSWORD), ("", ""), ("operator", &"x".repeat(300))]
    {
        let answer = sign_in(&service, user, password).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(answer.headers().get("set-cookie").is_none());
        bodies.push(answer.text().await.unwrap());
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
}

#[tokio::test]
async fn the_eleventh_failure_waits() {
    let service = Service::start().await;
    for _ in 0..10 {
        assert_eq!(sign_in(&service, "operator", "wrong").await.status(), StatusCode::UNAUTHORIZED);
    }
    let limited = sign_in(&service, "operator", PASSWORD).await;
    assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = limited.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=300).contains(&wait), "{wait}");
    assert_eq!(sign_in(&service, "auditor", PASSWORD).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_one_time_link_works_once_and_leads_to_our_pages_only() {
    let service = Service::start().await;
    let expires_at = time::now().utc.plus(Duration::from_secs(60));
    for (token, to, wanted) in
        [("link-1", "/desk", "/desk"), ("link-2", "//evil.example", "/"), ("link-3", "", "/")]
    {
        service.store.create_session(token, user_id(Role::Operator), expires_at, true).await.unwrap();
        let path = format!("/signin?token={token}&to={to}");
        let answer = service.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        assert_eq!(answer.headers()["location"], wanted);
        let cookie = cookie(&answer);
        let who =
            service.request(Method::GET, "/api/v1/session").header("cookie", cookie).send().await.unwrap();
        assert_eq!(who.status(), StatusCode::OK);
        let again = service.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::SEE_OTHER);
        assert_eq!(again.headers()["location"], "/signin.html?link=expired");
        assert!(!again.headers().contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn expired_and_invented_tokens_are_nobody() {
    let service = Service::start().await;
    let past = time::now().utc;
    service.store.create_session("old", user_id(Operator), past, false).await.unwrap();
    for token in ["old", "invented", "", &"x".repeat(5000)] {
        let answer = service.request(Method::GET, "/api/v1/session").bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{token:.10}");
        assert!(answer.headers().contains_key("www-authenticate"));
    }
}

/// Signs in as a browser that has `cookie` already.
async fn sign_in_again(service: &Service, user: &str, cookie: &str) -> Response {
    let body = json!({ "user": user, "password": PASSWORD });
    let request = service.request(Method::POST, "/api/v1/session").header("cookie", cookie);
    request.header("user-agent", "a browser").json(&body).send().await.unwrap()
}

async fn status(service: &Service, cookie: &str) -> StatusCode {
    service.request(Method::GET, "/api/v1/session").header("cookie", cookie).send().await.unwrap().status()
}

#[tokio::test]
async fn a_sign_in_gives_a_new_token_and_ends_the_old_one() {
    let service = Service::start().await;
    // What somebody has planted in the browser is not taken over.
    let planted = "ringback_session=0123456789abcdef0123456789abcdef";
    let first = cookie(&sign_in_again(&service, "operator", planted).await);
    assert_ne!(first, planted);
    assert_eq!(status(&service, planted).await, StatusCode::UNAUTHORIZED);
    let second = cookie(&sign_in_again(&service, "operator", &first).await);
    assert_ne!(second, first);
    assert_eq!(status(&service, &first).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&service, &second).await, StatusCode::OK);
}

#[tokio::test]
async fn behind_a_proxy_with_tls_the_cookie_is_for_tls_only() {
    let service = Service::start().await;
    let body = json!({ "user": "operator", "password": PASSWORD });
    for (proto, secure) in [("https", true), ("http", false)] {
        let request = service.request(Method::POST, "/api/v1/session").header("x-forwarded-proto", proto);
        let answer = request.json(&body).send().await.unwrap();
        let set = answer.headers()["set-cookie"].to_str().unwrap();
        assert_eq!(set.split("; ").any(|part| part == "Secure"), secure, "{set}");
    }
}

async fn sessions(service: &Service, cookie: &str) -> Vec<Value> {
    let request = service.request(Method::GET, "/api/v1/sessions").header("cookie", cookie);
    let list: Value = request.send().await.unwrap().json().await.unwrap();
    list["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn ones_own_sessions_are_listed_and_ended_and_nobody_elses() {
    let service = Service::start().await;
    let [here, there, third] = [
        cookie(&sign_in_again(&service, "operator", "").await),
        cookie(&sign_in_again(&service, "operator", "").await),
        cookie(&sign_in_again(&service, "operator", "").await),
    ];
    let stranger = cookie(&sign_in_again(&service, "supervisor", "").await);
    let listed = sessions(&service, &here).await;
    assert_eq!(listed.len(), 3, "tokens of programs are not on it: {listed:?}");
    assert_eq!(listed.iter().filter(|one| one["own"] == true).count(), 1);
    assert!(listed.iter().all(|one| one["browser"] == "a browser" && one["source"] == "127.0.0.1"));
    let end = async |by: &str, path: &str| {
        let request = service.request(Method::DELETE, path).header("cookie", by).header("x-ringback", "1");
        request.send().await.unwrap().status()
    };
    let of_there = sessions(&service, &there).await;
    let id = of_there.iter().find(|one| one["own"] == true).unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/sessions/{id}");
    assert_eq!(end(&stranger, &path).await, StatusCode::NOT_FOUND);
    assert_eq!(end(&here, &path).await, StatusCode::NO_CONTENT);
    assert_eq!(status(&service, &there).await, StatusCode::UNAUTHORIZED);
    assert_eq!(end(&here, "/api/v1/sessions").await, StatusCode::NO_CONTENT);
    assert_eq!(status(&service, &third).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&service, &here).await, StatusCode::OK);
    assert_eq!(status(&service, &stranger).await, StatusCode::OK);
    assert_eq!(service.journalled("user.sessions_ended").await.len(), 2);
}

#[tokio::test]
async fn the_administrator_sees_and_ends_the_sessions_of_another() {
    let service = Service::start().await;
    let cookie = cookie(&sign_in_again(&service, "operator", "").await);
    let path = format!("/api/v1/admin/users/{}/sessions", user_id(Operator));
    let listed: Value = service.get(Role::Admin, &path).await.json().await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert!(!listed.to_string().contains(cookie.split_once('=').unwrap().1), "a token is told to nobody");
    let ended = service.by(Role::Admin, Method::DELETE, &path).send().await.unwrap();
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    assert_eq!(status(&service, &cookie).await, StatusCode::UNAUTHORIZED);
    let entries = service.journalled("user.sessions_ended").await;
    assert_eq!(entries[0].actor.id, user_id(Role::Admin).to_string());
    assert_eq!(entries[0].data["user"], user_id(Operator).to_string());
    let unknown = format!("/api/v1/admin/users/{}/sessions", super::service::new_uuid());
    assert_eq!(service.get(Role::Admin, &unknown).await.status(), StatusCode::NOT_FOUND);
}
