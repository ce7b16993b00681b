//! The citizen's end points: a request filed from the page, its page by number and code,
//! and what strangers do not get.

#![allow(clippy::unwrap_used, clippy::panic)]

use reqwest::{Method, StatusCode, multipart};
use serde_json::{Value, json};

use super::Service;
use super::service::picture;
use crate::case::{CaseNumber, CaseState, ClosingCode};
use crate::people::{Actor, Role};

async fn send(service: &Service, path: &str, body: Value) -> (StatusCode, Value) {
    let path = format!("/api/v1/citizen/{path}");
    let answer = service.request(Method::POST, &path).json(&body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

async fn get(service: &Service, path: &str) -> Value {
    let answer = service.request(Method::GET, &format!("/api/v1/citizen/{path}")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json().await.unwrap()
}

fn lamp() -> Value {
    json!({
        "category": "light", "description": "Лампа не світить", "language": "he", "address": "біля ринку",
        "number": "+380 50 111 22 33", "consent": true, "name": "Олена", "answers": { "kind": ["dark"] },
    })
}

/// Number and code of a new request.
async fn filed(service: &Service) -> (String, String) {
    let (status, answer) = send(service, "requests", lamp()).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    (answer["number"].as_str().unwrap().to_owned(), answer["code"].as_str().unwrap().to_owned())
}

async fn close(service: &Service, number: &str) {
    let at = crate::time::now().utc;
    let (number, actor) = (CaseNumber(number.to_owned()), Actor::system("test"));
    let closed = service.store.change_case(&number, &actor, at, move |mut case, _| {
        case.state = CaseState::Closed { code: ClosingCode::FixedConfirmed, closed_at: at };
        Ok((case, Vec::new()))
    });
    closed.await.unwrap();
}

#[tokio::test]
async fn the_form_knows_categories_questions_and_streets_and_nothing_about_who_is_responsible() {
    let service = Service::start().await;
    let form = get(&service, "form").await;
    let light = form["categories"].as_array().unwrap().iter().find(|one| one["id"] == "light").unwrap();
    assert_eq!(light["name"]["he"], "תאורת רחוב");
    assert_eq!(light["questions"][1]["values"][0]["name"]["en"], "It is dark");
    let found = get(&service, "addresses?q=тараса шевченка 2").await;
    let first = &found["items"][0];
    assert_eq!((&first["street"], &first["house"]), (&json!("вулиця Тараса Шевченка"), &json!("2")));
    let keys: Vec<_> = first.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["house", "key", "settlement", "street"]);
}

#[tokio::test]
async fn a_request_becomes_a_case_and_its_page_opens_with_number_and_code() {
    let service = Service::start().await;
    let (number, code) = filed(&service).await;
    let case = service.store.case(&CaseNumber(number.clone())).await.unwrap().unwrap();
    assert_eq!((case.category.as_str(), case.language.code()), ("light", "he"));
    assert_eq!(case.applicant.number.unwrap().as_str(), "+380501112233");
    for typed in [code.clone(), code.to_lowercase().replace('-', "")] {
        let (status, page) = send(&service, "status", json!({ "number": number, "code": typed })).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert_eq!((&page["state"], &page["open"]), (&json!("registered"), &json!(true)));
        assert_eq!(page["category_name"], "תאורת רחוב");
        assert_eq!(page["steps"][0]["step"], "registered");
        let shown = page.to_string();
        assert!(!shown.contains("Олена") && !shown.contains("38050"), "{shown}");
    }
    let kept = service.store.code_of(&case.number).await.unwrap().unwrap();
    assert!(!format!("{kept:?}").contains(&code));
}

#[tokio::test]
async fn an_unknown_number_is_answered_as_a_wrong_code_is() {
    let service = Service::start().await;
    let (number, code) = filed(&service).await;
    let ask = async |number: &str, code: &str| {
        send(&service, "status", json!({ "number": number, "code": code })).await
    };
    let wrong = ask(&number, "0000-0000").await;
    assert_eq!(wrong.0, StatusCode::NOT_FOUND);
    for (number, code) in [
        ("2026-01-999999", code.as_str()),
        (number.as_str(), "nonsense"),
        ("", ""),
        ("' OR 1=1", "K7QM-3XPA"),
    ] {
        assert_eq!(ask(number, code).await, wrong, "{number} {code}");
    }
    for path in ["reopen", "withdraw", "notes"] {
        let words = json!({ "number": number, "code": "0000-0000", "text": "так" });
        assert_eq!(send(&service, path, words).await, wrong, "{path}");
    }
}

#[tokio::test]
async fn ten_wrong_codes_close_a_number_to_their_source_only() {
    let service = Service::start().await;
    let (number, code) = filed(&service).await;
    let ask = async |code: &str| send(&service, "status", json!({ "number": number, "code": code })).await.0;
    for _ in 0..10 {
        assert_eq!(ask("0000-0000").await, StatusCode::NOT_FOUND);
    }
    assert_eq!(ask(&code).await, StatusCode::TOO_MANY_REQUESTS);
    let elsewhere =
        service.request(Method::POST, "/api/v1/citizen/status").header("X-Forwarded-For", "203.0.113.9");
    let elsewhere = elsewhere.json(&json!({ "number": number, "code": code })).send().await.unwrap();
    assert_eq!(elsewhere.status(), StatusCode::OK);
}

#[tokio::test]
async fn floods_of_requests_stop_at_the_configured_number() {
    let service = Service::start().await;
    service.allow(|terms| terms.citizen.filings_per_address_per_hour = 3);
    // What is refused for its content is not counted.
    for _ in 0..5 {
        let (status, _) =
            send(&service, "requests", json!({ "category": "ufo", "description": "x", "language": "uk" }))
                .await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    for _ in 0..3 {
        filed(&service).await;
    }
    let refused =
        service.request(Method::POST, "/api/v1/citizen/requests").json(&lamp()).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=1200).contains(&wait), "{wait}");
    assert_eq!(service.store.counts().await.unwrap().open_cases, 3);
    service.allow(|terms| terms.citizen.enabled = false);
    assert_eq!(send(&service, "requests", lamp()).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn texts_and_answers_are_held_to_their_bounds() {
    let service = Service::start().await;
    for (field, value) in [
        ("description", json!("x".repeat(4_001))),
        ("description", json!("  ")),
        ("address", json!("x".repeat(201))),
        ("name", json!("x".repeat(301))),
        ("number", json!("112")),
        ("consent", json!(false)),
        ("answers", json!({ "kind": ["green"] })),
        ("answers", json!({ "colour": ["green"] })),
        ("lat", json!(95.0)),
    ] {
        let mut request = lamp();
        request[field] = value;
        request["lon"] = json!(30.0);
        let (status, answer) = send(&service, "requests", request).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {answer}");
        assert!(answer["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
    let mut whole = lamp();
    whole["description"] = json!("є".repeat(4_000));
    assert_eq!(send(&service, "requests", whole).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn pictures_are_kept_shown_small_and_bounded() {
    let service = Service::start().await;
    let (number, code) = filed(&service).await;
    let upload = async |bytes: Vec<u8>| {
        let form = multipart::Form::new().text("number", number.clone()).text("code", code.clone());
        let form = form.part("file", multipart::Part::bytes(bytes).file_name("a.png"));
        let sent =
            service.request(Method::POST, "/api/v1/citizen/photos").multipart(form).send().await.unwrap();
        (sent.status(), sent.json::<Value>().await.unwrap())
    };
    let (status, page) = upload(picture(64, 48)).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let id = &page["pictures"][0];
    let shown = service.request(Method::POST, "/api/v1/citizen/picture");
    let shown = shown.json(&json!({ "number": number, "code": code, "id": id })).send().await.unwrap();
    assert_eq!(shown.headers()["content-type"], "image/jpeg");
    // Those who work on it see what came, and that they looked is journalled.
    let filing = service.get(Role::Operator, &format!("/api/v1/cases/{number}/filing")).await;
    let filing: Value = filing.json().await.unwrap();
    assert_eq!((&filing["source"], &filing["answers"][0]["value"]), (&json!("page"), &json!("dark")));
    assert_eq!(&filing["attachments"][0]["id"], id);
    let path = format!("/api/v1/cases/{number}/attachments/{}", id.as_str().unwrap());
    assert_eq!(service.get(Role::Operator, &path).await.headers()["content-type"], "image/jpeg");
    assert_eq!(service.journalled("access.viewed").await.len(), 1);
    // Of another's case it is no picture, whoever holds a code.
    let (other, its_code) = filed(&service).await;
    let (status, _) = send(&service, "picture", json!({ "number": other, "code": its_code, "id": id })).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(upload(picture(8_000, 7_000)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(upload(b"GIF89a".to_vec()).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let huge = [&b"\xff\xd8\xff"[..], &vec![0; 10 * 1024 * 1024]].concat();
    assert_eq!(upload(huge).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    for _ in 1..10 {
        upload(picture(64, 48)).await;
    }
    assert_eq!(upload(picture(64, 48)).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_result_is_rated_once_and_words_are_not_journalled() {
    let service = Service::start().await;
    let (number, code) = filed(&service).await;
    let rate = async |score: u8| {
        let rating = json!({ "number": number, "code": code, "score": score, "text": "Дякую Петрові" });
        send(&service, "rating", rating).await
    };
    assert_eq!(rate(5).await.0, StatusCode::CONFLICT);
    let note = json!({ "number": number, "code": code, "text": "Мій поверх третій" });
    assert_eq!(send(&service, "notes", note).await.0, StatusCode::OK);
    close(&service, &number).await;
    for wrong in [0, 6] {
        assert_eq!(rate(wrong).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let (status, page) = rate(4).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert_eq!(
        (&page["rating"], &page["may"]["rate"], &page["open"]),
        (&json!(4), &json!(false), &json!(false))
    );
    assert_eq!(rate(1).await.0, StatusCode::CONFLICT);
    let rated = service.journalled("applicant.rated").await;
    assert_eq!((rated.len(), &rated[0].data["score"]), (1, &json!(4)));
    let entries = service.store.entries_after(0, 1000).await.unwrap();
    let all: String = entries.iter().map(|entry| format!("{} {:?}", entry.data, entry.reason)).collect();
    for words in ["Дякую", "поверх", "ринку", "світить"] {
        assert!(!all.contains(words), "{words}");
    }
}

#[tokio::test]
async fn an_operator_gives_a_code_and_the_one_before_opens_nothing() {
    let service = Service::start().await;
    let (number, code) = filed(&service).await;
    let given = service.post(Role::Operator, &format!("/api/v1/cases/{number}/code"), json!({})).await;
    let given: Value = given.json().await.unwrap();
    let ask = async |code: &str| send(&service, "status", json!({ "number": number, "code": code })).await.0;
    assert_eq!(ask(given["code"].as_str().unwrap()).await, StatusCode::OK);
    assert_eq!(ask(&code).await, StatusCode::NOT_FOUND);
    assert_eq!(service.journalled("applicant.code_given").await.len(), 2);
    let unknown = service.post(Role::Operator, "/api/v1/cases/2026-01-999999/code", json!({})).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

/// Control has found the work done.
async fn verifying(service: &Service, number: &str) {
    let at = crate::time::now().utc;
    let (number, actor) = (CaseNumber(number.to_owned()), Actor::system("test"));
    let changed = service.store.change_case(&number, &actor, at, move |mut case, _| {
        case.state = CaseState::Verification {
            order: crate::ids::WorkOrderId(uuid::Uuid::from_u128(1)),
            executor: "vodokanal".to_owned(),
            reported_at: at,
            evidence_accepted_at: at,
        };
        Ok((case, Vec::new()))
    });
    changed.await.unwrap();
}

#[tokio::test]
async fn who_has_no_telephone_answers_on_the_page() {
    let service = Service::start().await;
    let mut request = lamp();
    request["number"] = Value::Null;
    let (_, answer) = send(&service, "requests", request).await;
    let (number, code) = (answer["number"].clone(), answer["code"].clone());
    let say = async |fixed: bool| {
        let verdict = json!({ "number": number, "code": code, "fixed": fixed, "text": "блимає" });
        send(&service, "verdict", verdict).await
    };
    let (status, problem) = say(true).await;
    assert_eq!(status, StatusCode::CONFLICT, "before the work is done: {problem}");
    verifying(&service, number.as_str().unwrap()).await;
    let key = json!({ "number": number, "code": code });
    assert_eq!(send(&service, "status", key.clone()).await.1["may"]["answer"], true);
    let (status, page) = say(false).await;
    assert_eq!((status, &page["state"]), (StatusCode::OK, &json!("started")), "{page}");
    assert_eq!(page["may"]["answer"], false);
    let refuted = service.journalled("verify.refuted").await.remove(0);
    assert_eq!(
        (&refuted.data["level"], refuted.actor.kind),
        (&json!(1), crate::people::ActorKind::Applicant)
    );
    assert_eq!(service.journalled("applicant.noted").await.len(), 1);
    let wrong = json!({ "number": number, "code": "0000-0000", "fixed": true });
    assert_eq!(send(&service, "verdict", wrong).await.0, StatusCode::NOT_FOUND);

    verifying(&service, number.as_str().unwrap()).await;
    let (status, page) = say(true).await;
    assert_eq!((status, &page["state"]), (StatusCode::OK, &json!("closed")), "{page}");
    assert_eq!(page["closing_code"], "fixed_confirmed");
    let attempted = service.journalled("verify.attempted").await.pop().unwrap();
    assert_eq!(
        (&attempted.data["channel"], &attempted.data["outcome"]),
        (&json!("page"), &json!("confirmed"))
    );
    assert_eq!(say(true).await.0, StatusCode::CONFLICT, "once");
    let told = json!({ "channel": "page", "delivered": true, "confirmed": true });
    let path = format!("/api/v1/cases/{}/tell", number.as_str().unwrap());
    let staff = service.post(Role::Control, &path, told).await;
    assert!(!staff.status().is_success(), "staff do not answer on the page");
}
