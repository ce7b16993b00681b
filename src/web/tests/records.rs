//! The records office over HTTP: holds with reason and reference, erasures by two people, and what everybody else is
//! told.

#![allow(clippy::unwrap_used, clippy::panic)]

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::super::calls::wav_layout::tests::stereo_wav;
use super::Service;
use crate::case::retention::Content;
use crate::ids::ContactId;
use crate::people::Role;
use crate::store::ErasureState;
use crate::time;

async fn told(answer: reqwest::Response) -> (StatusCode, Value) {
    (answer.status(), answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn a_call_is_held_asked_for_agreed_to_and_gone_in_words() {
    let service = Service::start().await;
    let call = service.recorded_call(&stereo_wav(&[[0, 0]; 8_000]), None).await;
    let subject = json!({ "call": call.to_string() });
    let with = |more: Value| {
        let mut body = subject.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (body, status) in [
        (with(json!({ "reason": " ", "reference": "758/26" })), StatusCode::UNPROCESSABLE_ENTITY),
        (with(json!({ "reason": "court", "reference": "" })), StatusCode::UNPROCESSABLE_ENTITY),
        (
            with(json!({ "reason": "court", "reference": "x", "case": "2026-01-000001" })),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (json!({ "case": "2026-01-999999", "reason": "court", "reference": "x" }), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(
            service.post(Role::Records, "/api/v1/holds", body.clone()).await.status(),
            status,
            "{body}"
        );
    }
    let placed = with(json!({ "reason": "ухвала", "reference": "758/1580/26" }));
    let (status, hold) = told(service.post(Role::Records, "/api/v1/holds", placed).await).await;
    assert_eq!((status, &hold["reference"]), (StatusCode::CREATED, &json!("758/1580/26")), "{hold}");
    let keeping = format!("/api/v1/calls/{call}/keeping");
    let (_, of_operator) = told(service.get(Role::Operator, &keeping).await).await;
    assert_eq!(of_operator, json!({ "held": true, "holds": [], "erased": [] }), "why is not for everybody");
    let (_, of_auditor) = told(service.get(Role::Auditor, &keeping).await).await;
    assert_eq!(of_auditor["holds"][0]["reason"], "ухвала");
    let asked = with(json!({ "reason": "стаття 17" }));
    let (status, refused) = told(service.post(Role::Records, "/api/v1/erasures", asked.clone()).await).await;
    assert_eq!(
        (status, &refused["type"]),
        (StatusCode::CONFLICT, &json!("urn:ringback:problem:held")),
        "{refused}"
    );

    let lift = format!("/api/v1/holds/{}/lift", hold["id"].as_str().unwrap());
    let because = json!({ "reason": "справу закрито" });
    assert_eq!(service.post(Role::Records, &lift, because).await.status(), StatusCode::OK);
    let (status, erasure) = told(service.post(Role::Records, "/api/v1/erasures", asked).await).await;
    assert_eq!(
        (status, &erasure["what"]),
        (StatusCode::CREATED, &json!(["recordings", "words"])),
        "{erasure}"
    );
    let agree = format!("/api/v1/erasures/{}/agree", erasure["id"].as_str().unwrap());
    let (status, own) = told(service.post(Role::Records, &agree, json!({})).await).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "nobody agrees with themselves: {own}");
    let (status, agreed) = told(service.post(Role::Admin, &agree, json!({})).await).await;
    assert_eq!((status, &agreed["state"]), (StatusCode::OK, &json!("decided")), "{agreed}");

    assert_gone_in_words(&service, call, &keeping).await;
}

/// After what the running service does next.
async fn assert_gone_in_words(service: &Service, call: ContactId, keeping: &str) {
    let decided = service.store.erasures_in(ErasureState::Decided, 5).await.unwrap();
    service.store.finish_erasure(decided[0].id, true, time::now().utc).await.unwrap();
    let (status, gone) =
        told(service.get(Role::Auditor, &format!("/api/v1/calls/{call}/recording")).await).await;
    assert_eq!((status, &gone["type"]), (StatusCode::GONE, &json!("urn:ringback:problem:erased")), "{gone}");
    let (_, shown) = told(service.get(Role::Auditor, &format!("/api/v1/calls/{call}")).await).await;
    assert_eq!(
        (&shown["recordings"][0]["state"], &shown["caller"]),
        (&json!("erased"), &json!("")),
        "{shown}"
    );
    let (_, kept) = told(service.get(Role::Operator, keeping).await).await;
    assert_eq!(kept["erased"], json!([Content::Recordings, Content::Words]));
    let (_, done) = told(service.get(Role::Records, "/api/v1/erasures?state=done").await).await;
    assert_eq!(done["items"][0]["is_yours"], true, "{done}");
    for event in
        ["hold.placed", "hold.lifted", "erasure.asked", "erasure.agreed", "contact.erased", "rec.erased"]
    {
        assert_eq!(service.journalled(event).await.len(), 1, "{event}");
    }
}

#[tokio::test]
async fn without_a_rule_nothing_is_due() {
    let service = Service::start().await;
    let (status, retention) = told(service.get(Role::Records, "/api/v1/retention").await).await;
    assert_eq!((status, retention), (StatusCode::OK, json!({ "rules": [], "due": [], "more": false })));
}
