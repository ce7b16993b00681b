//! What auditors do beside listening: they search for calls, also by words, and note findings; both are on the journal, and
//! what was searched for and what was found are not.

#![allow(clippy::unwrap_used, clippy::panic)]

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Service;
use super::service::new_uuid;
use crate::case::CaseDraft;
use crate::ids::ContactId;
use crate::people::Actor;
use crate::people::Role::{Auditor, Control, MayorOffice, Operator, Supervisor};
use crate::time;
use crate::web::calls::stereo_wav;

/// A recorded second on a case about water in a yard.
async fn told() -> (Service, ContactId) {
    let service = Service::start().await;
    let id = service.recorded_call(&stereo_wav(&[[0, 0]; 8000]), None).await;
    let draft = CaseDraft {
        contact: Some(id),
        description: "Вода у дворі, прорвало трубу".to_owned(),
        ..crate::case::tests::draft()
    };
    service.store.register_case(draft, time::now().utc, Actor::system("test"), None).await.unwrap();
    (service, id)
}

async fn found(service: &Service, query: &str) -> usize {
    let list: Value = service.get(Auditor, &format!("/api/v1/calls?{query}")).await.json().await.unwrap();
    list["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn calls_are_searched_by_words_and_category_and_only_how_is_journalled() {
    let (service, _) = told().await;
    let category = crate::case::tests::draft().category;
    assert_eq!(found(&service, "").await, 1);
    assert!(service.journalled("access.viewed").await.is_empty(), "the list of all is no search");
    assert_eq!(found(&service, "words=труба").await, 1);
    assert_eq!(found(&service, "words=газ").await, 0);
    assert_eq!(found(&service, &format!("category={category}&words=вода%20двір")).await, 0);
    assert_eq!(found(&service, &format!("category={category}&words=вода%20дворі")).await, 1);
    assert_eq!(found(&service, "category=elsewhere").await, 0);
    let entries = service.journalled("access.viewed").await;
    let by: Vec<_> = entries.iter().map(|entry| entry.data["by"].clone()).collect();
    let (words, both) = (json!(["words"]), json!(["category", "words"]));
    assert_eq!(by, [words.clone(), words, both.clone(), both, json!(["category"])]);
    assert!(
        !serde_json::to_string(&entries.iter().map(|entry| &entry.data).collect::<Vec<_>>())
            .unwrap()
            .contains("вод")
    );
}

#[tokio::test]
async fn words_of_citizens_are_for_those_who_oversee() {
    let (service, _) = told().await;
    let path = "/api/v1/calls?words=труба";
    for role in [Supervisor, Control, MayorOffice, Auditor] {
        assert_eq!(service.get(role, path).await.status(), StatusCode::OK, "{role:?}");
    }
    assert_eq!(service.journalled("access.viewed").await.len(), 4);
    assert_eq!(service.get(Operator, path).await.status(), StatusCode::FORBIDDEN);
    let long = format!("/api/v1/calls?words={}", "a".repeat(201));
    assert_eq!(service.get(Auditor, &long).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn findings_are_noted_read_and_never_in_words_on_the_journal() {
    let (service, id) = told().await;
    let path = format!("/api/v1/calls/{id}/findings");
    let call: Value = service.get(Auditor, &format!("/api/v1/calls/{id}")).await.json().await.unwrap();
    let recording = &call["recordings"][0]["id"];
    let note =
        |offset_ms: u64, text: &str| json!({ "recording": recording, "offset_ms": offset_ms, "text": text });
    let noted = service.post(Auditor, &path, note(750, "  interrupts the caller ")).await;
    assert_eq!(noted.status(), StatusCode::CREATED);
    let noted: Value = noted.json().await.unwrap();
    assert_eq!((&noted["text"], &noted["offset_ms"]), (&json!("interrupts the caller"), &json!(750)));
    for (bad, status) in [
        (note(1001, "behind the end"), StatusCode::UNPROCESSABLE_ENTITY),
        (note(0, "  "), StatusCode::UNPROCESSABLE_ENTITY),
        (note(0, &"a".repeat(2001)), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "recording": new_uuid(), "offset_ms": 0, "text": "x" }), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(service.post(Auditor, &path, bad.clone()).await.status(), status, "{bad}");
    }
    assert_eq!(service.post(MayorOffice, &path, note(0, "x")).await.status(), StatusCode::FORBIDDEN);
    let list: Value = service.get(MayorOffice, &path).await.json().await.unwrap();
    assert_eq!(list["items"], json!([noted]));
    let entries = service.journalled("finding.noted").await;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].contact, entries[0].media.unwrap().offset_ms), (Some(id), 750));
    assert!(!entries[0].data.to_string().contains("interrupts"), "{}", entries[0].data);
    let viewed = service.journalled("access.viewed").await;
    assert_eq!(viewed.last().unwrap().data, json!({ "what": "findings" }));
}
