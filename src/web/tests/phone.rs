//! The account that a page registers its phone with: whose it is, that it proves itself, and who gets none.
//! Registering with it is `tests/e2e/desk_page.rs`.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::Service;
use super::service::new_uuid;
use crate::ids::UserId;
use crate::people::Role;
use crate::sip::digest_auth::Ha1;
use crate::store::{SipAccount, User};
use crate::time;

const PATH: &str = "/api/v1/operators/me/phone";

/// Somebody with a phone, as a bearer token.
async fn with_phone(service: &Service, role: Role, extension: &str) -> String {
    let ha1 = Ha1::new(extension, "ringback", &format!("secret of {extension}"));
    let user = User {
        id: UserId(new_uuid()),
        name: format!("desk {extension}"),
        role,
        password_hash: String::new(),
        organisation: None,
        languages: Vec::new(),
        queues: Vec::new(),
        skills: Default::default(),
        posts: Vec::new(),
        clearances: Vec::new(),
        second_factor: false,
        sip: Some(SipAccount { extension: extension.to_owned(), ha1 }),
        disabled: false,
    };
    service.store.create_user(&user).await.unwrap();
    let token = format!("token-of-{extension}");
    let expires_at = time::now().utc.plus(Duration::from_secs(60));
    service.store.create_session(&token, user.id, expires_at, false).await.unwrap();
    token
}

#[tokio::test]
async fn an_operator_gets_the_own_account_and_nothing_is_kept() {
    let service = Service::start().await;
    let tokens = [
        with_phone(&service, Role::Operator, "201").await,
        with_phone(&service, Role::Operator, "202").await,
    ];
    for (token, extension) in tokens.iter().zip(["201", "202"]) {
        let answer = service.request(Method::GET, PATH).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let text = answer.text().await.unwrap();
        assert!(!text.contains("secret of"), "{text}");
        let view: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(view["extension"], extension);
        assert_eq!(view["realm"], "ringback");
        assert_eq!(view["socket"], "/sip");
        // What a phone that knows the password would compute.
        let text = format!("{extension}:ringback:secret of {extension}");
        let expected: String = {
            use md5::Digest;
            md5::Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
        };
        assert_eq!(view["ha1"], expected);
    }
}

#[tokio::test]
async fn who_takes_no_calls_gets_no_account() {
    let service = Service::start().await;
    let answer = service.get(Role::Operator, PATH).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND, "an operator without an extension");
    let auditor = with_phone(&service, Role::Auditor, "301").await;
    let answer = service.request(Method::GET, PATH).bearer_auth(auditor).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(!answer.text().await.unwrap().contains("ha1"));
    let answer = service.request(Method::GET, PATH).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_city_that_asks_for_more_than_md5_says_so() {
    let service = Service::without_page_phones().await;
    let token = with_phone(&service, Role::Operator, "201").await;
    let answer = service.request(Method::GET, PATH).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let text = answer.text().await.unwrap();
    assert!(text.contains("MD5") && !text.contains("ha1"), "{text}");
}
