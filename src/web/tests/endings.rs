//! The less straight ways of a case through the API: forwarded and back, refused, withdrawn, merged, given to another
//! executor, inspected, reopened, repeated.

#![allow(clippy::unwrap_used, clippy::panic)]

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::Service;
use crate::case::{Applicant, CaseDraft, IdentityLevel, Priority};
use crate::language::Language;
use crate::people::Actor;
use crate::people::Role::{Auditor, Control, Operator, Supervisor};
use crate::phone_number::PhoneNumber;
use crate::time;

/// One more registered case of the service; its path.
async fn case_of(service: &Service, phone: &str) -> String {
    let draft = CaseDraft {
        contact: None,
        category: "water".to_owned(),
        language: Language::En,
        priority: Priority::Normal,
        applicant: Applicant {
            identity: IdentityLevel::CallerNumber,
            number: Some(PhoneNumber::from_user_part(phone)),
            name: None,
        },
        place: None,
        description: String::new(),
        ivr_path: Vec::new(),
    };
    let case =
        service.store.register_case(draft, time::now().utc, Actor::system("test"), None).await.unwrap();
    let path = format!("/api/v1/cases/{}", case.number);
    let place = json!({ "territory": "center" });
    let placed = service.by(Operator, Method::PATCH, &path).json(&place).send().await.unwrap();
    assert_eq!(placed.status(), StatusCode::OK);
    path
}

async fn done(answer: Response) -> Value {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn refused(answer: Response, status: StatusCode) -> String {
    let found = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(found, status, "{body}");
    body["detail"].as_str().unwrap().to_owned()
}

fn number(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn to_another_body_and_back_and_there_again() {
    let service = Service::start().await;
    let path = case_of(&service, "380671234567").await;
    let to = |step: &str| format!("{path}/{step}");
    let order = json!({ "to": "Обленерго", "answer_by": "2099-12-31", "reason": "їхня опора" });
    let past = json!({ "to": "Обленерго", "answer_by": "2020-01-01", "reason": "їхня опора" });
    refused(service.post(Operator, &to("forward"), past).await, StatusCode::UNPROCESSABLE_ENTITY).await;
    let forwarded = done(service.post(Operator, &to("forward"), order.clone()).await).await;
    assert_eq!(forwarded["state"], "forwarded");
    // Midnight in Kyiv.
    assert_eq!(forwarded["state_data"]["answer_by"], "2099-12-31T22:00:00.000Z", "{forwarded}");
    let close = json!({ "code": "not_competent_forwarded" });
    let detail =
        refused(service.post(Operator, &to("close"), close.clone()).await, StatusCode::CONFLICT).await;
    assert_eq!(detail, "the case is with another body, whose answer is awaited: it cannot be closed now");
    let back = json!({ "taken_over": false, "text": "не наша опора" });
    let back = done(service.post(Operator, &to("forward-answer"), back).await).await;
    assert_eq!(back["state"], "registered");
    done(service.post(Operator, &to("forward"), order).await).await;
    let taken = json!({ "taken_over": true, "text": "бригада виїде" });
    done(service.post(Supervisor, &to("forward-answer"), taken).await).await;
    refused(service.post(Operator, &to("close"), close.clone()).await, StatusCode::CONFLICT).await;
    let told = json!({ "channel": "voice", "delivered": true });
    done(service.post(Operator, &to("tell"), told).await).await;
    let closed = done(service.post(Operator, &to("close"), close).await).await;
    assert_eq!(closed["state_data"]["code"], "not_competent_forwarded");
    assert!(service.store.verify(&mut |_| {}, None).await.unwrap().is_good());
}

#[tokio::test]
async fn a_refusal_is_told_before_it_is_closed() {
    let service = Service::start().await;
    let path = case_of(&service, "380671234567").await;
    let to = |step: &str| format!("{path}/{step}");
    let refusal = json!({ "code": "refused_lawful", "ground": "стаття 8 закону про звернення" });
    assert_eq!(service.post(Operator, &to("refuse"), refusal.clone()).await.status(), StatusCode::FORBIDDEN);
    let wrong = json!({ "code": "withdrawn", "ground": "так" });
    refused(service.post(Supervisor, &to("refuse"), wrong).await, StatusCode::UNPROCESSABLE_ENTITY).await;
    done(service.post(Supervisor, &to("refuse"), refusal).await).await;
    let close = json!({ "code": "refused_lawful" });
    let untold =
        refused(service.post(Supervisor, &to("close"), close.clone()).await, StatusCode::CONFLICT).await;
    assert_eq!(untold, "the applicant was not told yet");
    let told = json!({ "channel": "same_contact", "delivered": true });
    done(service.post(Operator, &to("tell"), told).await).await;
    done(service.post(Supervisor, &to("close"), close).await).await;
}

#[tokio::test]
async fn merged_cases_are_found_from_both_sides_and_cancelled_numbers_stay() {
    let service = Service::start().await;
    let (one, two) = (case_of(&service, "380671234567").await, case_of(&service, "380502223344").await);
    done(service.post(Operator, &format!("{two}/assign"), json!({})).await).await;
    let merge = json!({ "into": number(&one), "reason": "той самий стояк" });
    let merged = done(service.post(Operator, &format!("{two}/merge"), merge.clone()).await).await;
    assert_eq!(merged["relations"], json!([{ "kind": "duplicate_of", "other": number(&one) }]));
    assert_eq!((&merged["state"], &merged["state_data"]["code"]), (&json!("closed"), &json!("duplicate")));
    let into = done(service.get(Control, &one).await).await;
    assert_eq!(
        (&into["joined"][0]["from"], &into["joined"][0]["told"]),
        (&json!(number(&two)), &json!(false))
    );
    refused(service.post(Operator, &format!("{two}/merge"), merge).await, StatusCode::CONFLICT).await;
    let into_the_closed = json!({ "into": number(&two), "reason": "навпаки" });
    refused(service.post(Operator, &format!("{one}/merge"), into_the_closed).await, StatusCode::CONFLICT)
        .await;
    let naming =
        done(service.get(Operator, &format!("/api/v1/cases?related_to={}", number(&one))).await).await;
    assert_eq!(naming["items"][0]["number"], number(&two));
    let orders = done(service.get(Supervisor, "/api/v1/work-orders?state=cancelled").await).await;
    assert_eq!(orders["items"][0]["number"], number(&two), "the order was taken back: {orders}");
    let all = done(service.get(Operator, "/api/v1/cases?state=closed").await).await;
    assert_eq!(all["items"][0]["number"], number(&two), "a cancelled number stays in the register");
    assert!(service.store.verify(&mut |_| {}, None).await.unwrap().is_good());
}

#[tokio::test]
async fn a_withdrawal_names_its_call_and_a_closed_case_is_reopened() {
    let service = Service::start().await;
    let path = case_of(&service, "380671234567").await;
    let to = |step: &str| format!("{path}/{step}");
    done(service.post(Operator, &to("assign"), json!({})).await).await;
    let reason = json!({ "reason": "полагодили самі" });
    let unheard = service.post(Operator, &to("withdraw"), reason.clone()).await;
    let detail = refused(unheard, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(detail, "name the call in which the applicant withdrew the case");
    let withdrawn = done(service.post(Supervisor, &to("withdraw"), reason.clone()).await).await;
    assert_eq!(withdrawn["state_data"]["code"], "withdrawn");
    assert!(withdrawn["reopen_until"].as_str().unwrap().ends_with('Z'));
    let early = service.post(Operator, &to("repeat"), json!({})).await;
    assert_eq!(refused(early, StatusCode::CONFLICT).await, "the case can still be reopened under its number");
    let again = done(service.post(Operator, &to("reopen"), reason).await).await;
    assert_eq!(
        (&again["state"], &again["cycle"], &again["level"]),
        (&json!("assigned"), &json!(2), &json!(1))
    );
    assert_eq!(again["number"], number(&path));
    assert_eq!(again["executor"], "vodokanal");
    let timeline = done(service.get(Auditor, &to("timeline")).await).await;
    let names: Vec<_> = timeline["items"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    for wanted in ["wo.cancelled", "case.withdrawn", "case.closed", "case.reopened", "wo.issued"] {
        assert!(names.contains(&&json!(wanted)), "{wanted} in {names:?}");
    }
}

#[tokio::test]
async fn a_person_chooses_the_executor_and_links_cases() {
    let service = Service::start().await;
    let (one, two) = (case_of(&service, "380671234567").await, case_of(&service, "380502223344").await);
    let by_hand = |executor: &str| json!({ "executor": executor, "reason": "їхня труба" });
    let path = format!("{two}/executor");
    assert_eq!(service.post(Operator, &path, by_hand("heat")).await.status(), StatusCode::FORBIDDEN);
    refused(service.post(Supervisor, &path, by_hand("dragons")).await, StatusCode::UNPROCESSABLE_ENTITY)
        .await;
    let assigned = done(service.post(Supervisor, &path, by_hand("roads")).await).await;
    assert_eq!((&assigned["state"], &assigned["executor"]), (&json!("assigned"), &json!("roads")));
    let relate = json!({ "kind": "repeat_of", "other": number(&one) });
    let linked = done(service.post(Operator, &format!("{two}/relations"), relate).await).await;
    assert_eq!(linked["relations"], json!([{ "kind": "repeat_of", "other": number(&one) }]));
    let circle = json!({ "kind": "follows", "other": number(&two) });
    refused(service.post(Operator, &format!("{one}/relations"), circle).await, StatusCode::CONFLICT).await;
    let open = service.post(Operator, &format!("{one}/repeat"), json!({})).await;
    assert_eq!(refused(open, StatusCode::CONFLICT).await, "the case is open: it needs no repeat");
    let nothing = done(service.get(Control, "/api/v1/inspections?due=true").await).await;
    assert_eq!(nothing["items"], json!([]));
}
