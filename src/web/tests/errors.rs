//! Every error is a problem (RFC 9457), whoever makes it: our handlers, axum's routing or its extractors. And the
//! headers that every answer has.

#![allow(clippy::unwrap_used, clippy::panic)]

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use super::Service;
use crate::people::Role::{self, Auditor, Executor, Operator, Supervisor};

async fn problem(answer: Response, status: u16) -> Value {
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "about:blank");
    assert_eq!(problem["status"], status);
    assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    problem
}

#[tokio::test]
async fn unknown_addresses_are_404() {
    let service = Service::start().await;
    for path in [
        "/api/v1/nothing",
        "/api/v2/calls",
        "/nothing.html",
        "/assets/../Cargo.toml",
        "/api/v1/calls/not-an-id",
    ] {
        problem(service.get(Operator, path).await, 404).await;
    }
    problem(service.get(Operator, "/api/v1/cases/2026%2F..%2Fx").await, 404).await;
}

#[tokio::test]
async fn wrong_methods_are_405_and_say_what_is_right() {
    let service = Service::start().await;
    let answer = service.by(Operator, Method::PUT, "/api/v1/calls").send().await.unwrap();
    let allow = answer.headers()["allow"].to_str().unwrap().to_owned();
    assert!(allow.contains("GET"), "{allow}");
    problem(answer, 405).await;
}

#[tokio::test]
async fn bodies_are_bounded_typed_and_checked() {
    let service = Service::start().await;
    let path = "/api/v1/operators/me/status";
    let post = |content_type: &'static str, body: String| {
        service.by(Operator, Method::POST, path).header("content-type", content_type).body(body).send()
    };
    let large = format!("{{\"status\":\"not_ready\",\"reason\":\"{}\"}}", "x".repeat(70_000));
    problem(post("application/json", large).await.unwrap(), 413).await;
    problem(post("text/plain", "ready".to_owned()).await.unwrap(), 415).await;
    problem(post("application/json", "{\"status\":".to_owned()).await.unwrap(), 400).await;
    problem(post("application/json", "{\"status\":\"asleep\"}".to_owned()).await.unwrap(), 422).await;
    problem(
        post("application/json", "{\"status\":\"not_ready\",\"reason\":\" \"}".to_owned()).await.unwrap(),
        422,
    )
    .await;
    let good = post("application/json", "{\"status\":\"ready\"}".to_owned()).await.unwrap();
    assert_eq!(good.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn queries_are_checked() {
    let service = Service::start().await;
    for query in ["limit=0", "limit=201", "limit=x", "from=yesterday", "disposition=lost", "operator=1"] {
        problem(service.get(Supervisor, &format!("/api/v1/calls?{query}")).await, 400).await;
    }
    assert!(service.get(Supervisor, "/api/v1/calls?limit=200&cursor=%27").await.status().is_client_error());
    problem(service.get(Role::MayorOffice, "/api/v1/calls?caller=38067").await, 403).await;
    let page: Value =
        service.get(Auditor, "/api/v1/calls?from=2026-01-01T00:00:00Z").await.json().await.unwrap();
    assert_eq!(page, serde_json::json!({ "items": [], "next": null }));
}

#[tokio::test]
async fn a_bad_reload_names_the_places() {
    let service = Service::start().await;
    let reload = || service.by(Role::Admin, Method::POST, "/api/v1/admin/reload").send();
    let reloaded = reload().await.unwrap();
    assert_eq!(reloaded.status(), StatusCode::OK);
    let reloaded: Value = reloaded.json().await.unwrap();
    assert_eq!(reloaded, serde_json::json!({ "restart_needed": ["http.bind"] }));
    let refused = problem(reload().await.unwrap(), 422).await;
    assert_eq!(refused["diagnostics"], serde_json::json!(["city.toml:3:7: unknown key"]));
}

#[tokio::test]
async fn health_and_metrics_are_for_everybody() {
    let service = Service::start().await;
    for path in ["/livez", "/readyz", "/api/openapi.json"] {
        let answer = service.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    let metrics = service.request(Method::GET, "/metrics").send().await.unwrap();
    assert!(metrics.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    assert!(metrics.text().await.unwrap().starts_with("ringback_calls_offered_total 3\n# HELP "));
    service.store.close().await;
    let closed = service.request(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(closed.headers()["retry-after"], "1");
    problem(closed, 503).await;
}

#[tokio::test]
async fn pages_have_a_strict_policy() {
    let service = Service::start().await;
    for path in ["/", "/desk", "/signin.html"] {
        let page = service.request(Method::GET, path).send().await.unwrap();
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'self';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(page.headers()["referrer-policy"], "no-referrer");
    }
}

#[tokio::test]
async fn an_upload_that_is_no_form_is_415() {
    let service = Service::start().await;
    let path = "/api/v1/cases/2026-01-000001/evidence";
    problem(service.by(Executor, Method::POST, path).body("x").send().await.unwrap(), 415).await;
}

#[tokio::test]
async fn a_stopping_service_answers_what_is_running_and_takes_no_more() {
    let mut service = Service::start().await;
    assert_eq!(service.get(Operator, "/livez").await.status(), StatusCode::OK);
    service.stop();
    let served = &mut service.served;
    tokio::time::timeout(std::time::Duration::from_secs(5), served).await.unwrap().unwrap();
    assert!(service.request(Method::GET, "/livez").send().await.is_err());
}
