//! Every route there is, asked of the router itself: each is in the table of `access.rs` or answers nobody, knows the
//! methods of the table and no others, and has the headers of security whatever it answers.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Method, Response, StatusCode};

use super::Service;
use super::service::new_uuid;
use crate::people::Role;
use crate::web::access::{RULES, Who};

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];

/// Whatever its path, an answer to the world may be kept by whom it likes.
const MAY_BE_KEPT: [&str; 2] = ["/log/checkpoint", "/log/tile/{level}/{*index}"];

/// Spends a token with the first request, and knows nothing it could tell without.
const NOT_BY_HEAD: &str = "/provision/{token}";

/// The paths in the router, as it was put together: what it prints of itself when it is debugged.
fn routes(service: &Service) -> BTreeSet<String> {
    let text = &service.routes;
    let node = text.find("paths: {").map(|start| &text[start..]).unwrap();
    let quoted = node[..matching(node)].split('"').skip(1).step_by(2);
    quoted.filter(|path| path.starts_with('/')).map(str::to_owned).collect()
}

/// Where the braces that open in `text` close again, those in quotes left out.
fn matching(text: &str) -> usize {
    let (mut depth, mut quoted) = (0_i32, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    panic!("braces do not close");
}

/// An address below `path` that names nothing there is.
pub(super) fn address(path: &str) -> String {
    path.replace("{id}", &new_uuid().to_string())
        .replace("{number}", "2026-01-999999")
        .replace("{*index}", "x001/067")
        .split('/')
        .map(|step| if step.starts_with('{') { "1" } else { step })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test]
async fn every_route_of_the_router_is_in_the_table() {
    let service = Service::start().await;
    let found = routes(&service);
    let ruled: BTreeSet<String> = RULES.iter().map(|rule| rule.path.to_owned()).collect();
    assert!(found.len() > 150, "the router tells its routes: {}", found.len());
    assert_eq!(found, ruled);
}

#[tokio::test]
async fn a_route_knows_the_methods_of_the_table_and_no_others() {
    let service = Service::start().await;
    let mut ruled: BTreeMap<&str, BTreeMap<&str, Who>> = BTreeMap::new();
    for rule in RULES {
        let twice = ruled.entry(rule.path).or_default().insert(rule.method, rule.who);
        assert!(twice.is_none(), "{} {} is in the table twice", rule.method, rule.path);
    }
    for (path, methods) in &ruled {
        for method in METHODS {
            let request = service.request(method.parse().unwrap(), &address(path));
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let asked = if method == "HEAD" { "GET" } else { method };
            match methods.get(asked) {
                _ if method == "HEAD" && *path == NOT_BY_HEAD => {
                    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
                }
                None => assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}"),
                Some(Who::Public) => {
                    assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                    assert!(!is_failure(status), "{method} {path}: {status}");
                }
                Some(_) => assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}"),
            }
            check_headers(&answer, method, path, false);
        }
    }
}

/// 503 says that something is switched off or missing here; anything else from 500 on is ours to mend.
fn is_failure(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE
}

/// What every answer has.
fn check_headers(answer: &Response, method: &str, path: &str, page: bool) {
    let text = |name: &str| {
        let mut values = answer.headers().get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{method} {path}: {name} twice");
        value.unwrap_or_else(|| panic!("{method} {path} ({}) has no {name}", answer.status()))
    };
    assert_eq!(text("x-content-type-options"), "nosniff");
    assert_eq!(text("x-frame-options"), "DENY");
    assert_eq!(text("referrer-policy"), "no-referrer");
    assert_eq!(text("cross-origin-opener-policy"), "same-origin");
    assert!(text("permissions-policy").contains("microphone=(self)"));
    assert!(text("permissions-policy").contains("camera=()"));
    let published = path.starts_with("/open311/") || path.starts_with("/log/");
    let who = if published { "cross-origin" } else { "same-origin" };
    assert_eq!(text("cross-origin-resource-policy"), who, "{method} {path}");
    let policy = text("content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-eval"), "{path}: {policy}");
    assert!(!policy.contains("script-src") && !policy.contains('*'), "{path}: {policy}");
    assert_eq!(policy.contains("default-src 'none'"), !page, "{path}: {policy}");
    assert_eq!(answer.headers().contains_key("cross-origin-embedder-policy"), page, "{path}");
    if !page && !MAY_BE_KEPT.contains(&path) {
        assert_eq!(text("cache-control"), "no-store", "{method} {path}");
    }
    assert!(!answer.headers().contains_key("server"), "{path} names the program");
}

#[tokio::test]
async fn answers_to_every_role_have_the_headers_too() {
    let service = Service::start().await;
    for rule in RULES.iter().filter(|rule| rule.who != Who::Public && rule.path != "/api/v1/session") {
        for role in Role::ALL {
            let request = service.by(role, rule.method.parse().unwrap(), &address(rule.path));
            let answer = request.header("content-type", "application/json").body("{").send().await.unwrap();
            assert!(!is_failure(answer.status()), "{} {}: {}", rule.method, rule.path, answer.status());
            check_headers(&answer, rule.method, rule.path, false);
        }
    }
}

#[tokio::test]
async fn pages_and_what_is_none_have_them_too() {
    let service = Service::start().await;
    for path in ["/", "/desk", "/signin.html", "/no-such-page", "/api/v1/no-such", "/../etc/passwd"] {
        for method in ["GET", "HEAD", "POST", "TRACE"] {
            let answer = service.request(method.parse().unwrap(), path).send().await.unwrap();
            check_headers(&answer, method, path, true);
        }
    }
}

#[tokio::test]
async fn browsers_are_told_to_stay_with_tls_where_there_is_tls() {
    let service = Service::start().await;
    let asked = async |headers: &[(&'static str, &'static str)], path: &str| {
        let mut request = service.request(Method::GET, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        answer.headers().get("strict-transport-security").map(|value| value.to_str().unwrap().to_owned())
    };
    for path in ["/livez", "/", "/api/v1/session", "/nowhere"] {
        assert_eq!(asked(&[], path).await, None, "{path}: loopback, as it is shipped");
        assert_eq!(asked(&[("host", "other.example")], path).await, None);
        for told in [("x-forwarded-proto", "https"), ("host", "city.example"), ("host", "CITY.example")] {
            let told = asked(&[told], path).await.unwrap();
            assert!(told.starts_with("max-age=63072000"), "{path}: {told}");
        }
    }
}
