//! A case from its registration to its end through the API, each step by the role that takes it; evidence going in
//! and out; who sees what of a case.

#![allow(clippy::unwrap_used, clippy::panic)]

use reqwest::{Method, Response, StatusCode, multipart};
use serde_json::{Value, json};

use super::Service;
use super::service::{add_user_of, new_uuid, user_id};
use crate::case::{Applicant, CaseDraft, IdentityLevel, Priority};
use crate::people::Actor;
use crate::people::Role::{Auditor, Control, Executor, MayorOffice, Operator, Supervisor};
use crate::phone_number::PhoneNumber;
use crate::picture::samples;
use crate::time;

/// A photograph of the work.
fn jpeg(seed: u64) -> Vec<u8> {
    samples::jpeg(&samples::scene(seed, 64, 48), 80)
}

/// A service with one registered case; its path.
pub(super) async fn with_case() -> (Service, String) {
    let service = Service::start().await;
    let draft = CaseDraft {
        contact: None,
        category: "water".to_owned(),
        language: crate::language::Language::En,
        priority: Priority::Normal,
        applicant: Applicant {
            identity: IdentityLevel::CallerNumber,
            number: Some(PhoneNumber::from_user_part("+380671234567")),
            name: None,
        },
        place: None,
        description: String::new(),
        ivr_path: Vec::new(),
    };
    let actor = Actor::system("test");
    let case = service.store.register_case(draft, time::now().utc, actor, None).await.unwrap();
    (service, format!("/api/v1/cases/{}", case.number))
}

pub(super) async fn json_of(answer: Response) -> Value {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn upload(service: &Service, path: &str, role: &str, bytes: Vec<u8>) -> Response {
    let file = multipart::Part::bytes(bytes).file_name("C:\\photo.exe").mime_str("text/html").unwrap();
    let form = multipart::Form::new().text("role", role.to_owned()).part("file", file);
    service.by(Executor, Method::POST, &format!("{path}/evidence")).multipart(form).send().await.unwrap()
}

/// Classified, assigned and accepted.
pub(super) async fn in_hand(service: &Service, path: &str) -> Value {
    let change = json!({ "category": "water.burst", "territory": "center", "address": "1 Main St",
        "description": "a fountain", "applicant_name": "Olena" });
    let classified = service.by(Operator, Method::PATCH, path).json(&change).send().await.unwrap();
    let place = json_of(classified).await["place"].clone();
    assert_eq!((&place["address"], &place["territory"]), (&json!("1 Main St"), &json!("center")));
    assert_eq!(place["site"]["in_register"], false);
    let assigned = json_of(service.post(Operator, &format!("{path}/assign"), json!({})).await).await;
    assert_eq!((&assigned["state"], &assigned["executor"]), (&json!("assigned"), &json!("vodokanal")));
    json_of(service.post(Executor, &format!("{path}/accept"), json!({})).await).await
}

#[tokio::test]
async fn from_registration_to_the_end() {
    let (service, path) = with_case().await;
    let to = |step: &str| format!("{path}/{step}");
    let accepted = in_hand(&service, &path).await;
    assert!(accepted["deadline"]["resolve_by"].as_str().unwrap().ends_with('Z'));
    assert!(accepted["state_data"]["accepted_at"].as_str().unwrap().ends_with('Z'));
    json_of(service.post(Executor, &to("start"), json!({})).await).await;
    let unproven = service.post(Executor, &to("report"), json!({ "result": "mended" })).await;
    assert!(unproven.status().is_client_error(), "no work is reported without evidence");
    for (seed, role) in [(1, "before"), (2, "after")] {
        json_of(upload(&service, &path, role, jpeg(seed)).await).await;
    }
    json_of(service.post(Executor, &to("report"), json!({ "result": "mended" })).await).await;
    json_of(service.post(Control, &to("evidence-accept"), json!({})).await).await;
    let untold = service.post(Control, &to("close"), json!({ "code": "fixed_confirmed" })).await;
    assert_eq!(untold.status(), StatusCode::CONFLICT);
    let told = json!({ "channel": "voice", "delivered": true, "confirmed": true });
    json_of(service.post(Control, &to("tell"), told).await).await;
    let closed =
        json_of(service.post(Control, &to("close"), json!({ "code": "fixed_confirmed" })).await).await;
    assert_eq!(
        (&closed["state"], &closed["state_data"]["code"]),
        (&json!("closed"), &json!("fixed_confirmed"))
    );
    assert_eq!(closed["evidence"].as_array().unwrap().len(), 2, "evidence of a closed case is still shown");
    let timeline = json_of(service.get(Auditor, &to("timeline")).await).await;
    let names: Vec<_> =
        timeline["items"].as_array().unwrap().iter().map(|item| item["type"].clone()).collect();
    for wanted in ["case.registered", "wo.issued", "evidence.received", "verify.confirmed", "case.closed"] {
        assert!(names.contains(&json!(wanted)), "{wanted} in {names:?}");
    }
}

#[tokio::test]
async fn what_the_city_plan_does_not_know_is_refused_with_the_reason() {
    let (service, path) = with_case().await;
    for change in
        [json!({ "category": "dragons" }), json!({ "territory": "atlantis" }), json!({ "colour": "red" })]
    {
        let refused = service.by(Operator, Method::PATCH, &path).json(&change).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{change}");
    }
    let preview =
        json_of(service.get(Operator, "/api/v1/city/preview?category=water.burst&territory=center").await);
    assert_eq!(preview.await["executor"], "vodokanal");
    let unknown = service.get(Operator, "/api/v1/city/preview?category=dragons&territory=center").await;
    assert_eq!(unknown.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let city = json_of(service.get(Executor, "/api/v1/city").await).await;
    assert!(city["categories"].as_array().unwrap().iter().any(|one| one["name"]["en"] == "Burst water main"));
}

#[tokio::test]
async fn evidence_is_judged_by_its_content_and_comes_back_safe() {
    let (service, path) = with_case().await;
    let photo = jpeg(1);
    assert_eq!(
        upload(&service, &path, "after", photo.clone()).await.status(),
        403,
        "not assigned to them yet"
    );
    in_hand(&service, &path).await;
    assert_eq!(upload(&service, &path, "after", b"<script>".to_vec()).await.status(), 415);
    assert_eq!(upload(&service, &path, "selfie", photo.clone()).await.status(), 422);
    let mut large = photo.clone();
    large.resize(11 * 1024 * 1024, 0);
    assert_eq!(upload(&service, &path, "after", large).await.status(), 413);
    let received = json_of(upload(&service, &path, "after", photo.clone()).await).await;
    assert_eq!(received["sha256"], crate::digest::Sha256::of(&photo).to_string());
    let id = received["id"].as_str().unwrap();
    let answer = service.get(Control, &format!("{path}/evidence/{id}")).await;
    let headers = answer.headers().clone();
    assert_eq!(headers["content-type"], "image/jpeg");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["content-disposition"], format!("attachment; filename=\"{id}.jpg\""));
    assert!(headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
    assert_eq!(answer.bytes().await.unwrap(), photo);
    assert_eq!(service.journalled("access.viewed").await.len(), 1);
    let elsewhere = service.get(Control, &format!("{path}/evidence/{}", new_uuid())).await;
    assert_eq!(elsewhere.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn executors_see_their_own_cases_and_no_applicants() {
    let (service, path) = with_case().await;
    let foreign = service.get(Executor, &path).await;
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let denied = service.journalled("access.denied").await;
    assert_eq!(denied[0].actor.id, user_id(Executor).to_string());
    assert!(path.ends_with(&denied[0].case.as_ref().unwrap().0));
    for list in ["/api/v1/cases", "/api/v1/cases?executor=teplo"] {
        assert_eq!(json_of(service.get(Executor, list).await).await["items"], json!([]));
    }
    in_hand(&service, &path).await;
    let own = json_of(service.get(Executor, &path).await).await;
    assert_eq!(own["applicant"]["number"], "***********67");
    assert_eq!(own["applicant"]["name"], Value::Null);
    let whole = json_of(service.get(Supervisor, &path).await).await;
    assert_eq!(
        (&whole["applicant"]["number"], &whole["applicant"]["name"]),
        (&json!("+380671234567"), &json!("Olena"))
    );
    let timeline = json_of(service.get(Executor, &format!("{path}/timeline")).await).await;
    assert!(
        !timeline.to_string().contains("380671234567") && !timeline.to_string().contains("case.registered")
    );
    assert!(
        !json_of(service.get(MayorOffice, &format!("{path}/timeline")).await)
            .await
            .to_string()
            .contains("380671234567")
    );
}

#[tokio::test]
async fn orders_are_for_the_organisation_that_holds_them() {
    let (service, path) = with_case().await;
    in_hand(&service, &path).await;
    let stranger = add_user_of(&service.store, Executor, "teplo").await;
    let order = |list: Value| list["items"][0].clone();
    let own = order(json_of(service.get(Executor, "/api/v1/work-orders").await).await);
    assert_eq!((&own["category_name"], &own["case_state"]), (&json!("Burst water main"), &json!("accepted")));
    assert!(path.ends_with(own["number"].as_str().unwrap()));
    assert_eq!(own["place"]["address"], "1 Main St");
    let all = json_of(service.get(Control, "/api/v1/work-orders?state=accepted").await).await;
    assert_eq!(all["items"][0]["id"], own["id"]);
    let others =
        service.request(Method::GET, "/api/v1/work-orders").bearer_auth(&stranger).send().await.unwrap();
    assert_eq!(json_of(others).await["items"], json!([]));
    let start =
        service.request(Method::POST, &format!("{path}/start")).bearer_auth(&stranger).send().await.unwrap();
    assert_eq!(start.status(), StatusCode::FORBIDDEN);
    let wrong = service.get(Control, "/api/v1/work-orders?state=lost").await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
}
