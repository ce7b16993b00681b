//! The clocks of a case through the API: a pause asked for, granted and ended; a missed promise answered by its post and
//! by nobody else.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Service;
use crate::case::city::CityPlan;
use crate::case::{Applicant, Case, CaseDraft, IdentityLevel, Priority};
use crate::language::Language;
use crate::people::Actor;
use crate::people::Role::{Control, Executor, MayorOffice, Operator};
use crate::time::{self, Timestamp};

const DAY: Duration = Duration::from_secs(24 * 3_600);

async fn register(service: &Service, registered_at: Timestamp) -> Case {
    let draft = CaseDraft {
        contact: None,
        category: "water".to_owned(),
        language: Language::Uk,
        priority: Priority::Normal,
        applicant: Applicant { identity: IdentityLevel::Anonymous, number: None, name: None },
        place: None,
        description: String::new(),
        ivr_path: Vec::new(),
    };
    service.store.register_case(draft, registered_at, Actor::system("test"), None).await.unwrap()
}

async fn sent(service: &Service, role: crate::people::Role, path: &str, body: Value) -> (StatusCode, Value) {
    let answer = service.post(role, path, body).await;
    let status = answer.status();
    (status, answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn a_pause_is_asked_for_granted_and_ended() {
    let service = Service::start().await;
    let case = register(&service, time::now().utc).await;
    let to = |step: &str| format!("/api/v1/cases/{}/{step}", case.number);
    for (role, step) in [(Operator, "assign"), (Executor, "accept"), (Executor, "start")] {
        assert_eq!(sent(&service, role, &to(step), json!({})).await.0, StatusCode::OK, "{step}");
    }
    let until = time::now().utc.plus(5 * DAY).utc().date_naive().to_string();
    let wish =
        json!({ "wish": "pause", "reason": "awaiting_third_party", "until": until, "why": "чекаємо газ" });
    let (status, asked) = sent(&service, Executor, &to("ask"), wish).await;
    assert_eq!((status, &asked["clocks"]["asked"]["until"]), (StatusCode::OK, &json!(until)));
    assert_eq!(asked["clocks"]["executor"]["stage"], "fresh");
    let (status, held) = sent(&service, Control, &to("ask-approve"), json!({})).await;
    assert_eq!((status, &held["state"]), (StatusCode::OK, &json!("on_hold")), "{held}");
    let clocks = &held["clocks"];
    assert_eq!((&clocks["executor"]["stage"], &clocks["moved"]), (&json!("paused"), &json!(1)));
    assert_ne!(clocks["executor"]["first"], clocks["executor"]["resolve_by"]);
    let (status, problem) = sent(&service, Control, &to("ask-approve"), json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    let (status, resumed) = sent(&service, Executor, &to("resume"), json!({ "why": "газ є" })).await;
    assert_eq!((status, &resumed["state"]), (StatusCode::OK, &json!("in_progress")));
    // The norm of water allows no extension, and says so.
    let more = json!({ "clock": "executor", "until": until, "why": "ще" });
    let (status, problem) = sent(&service, Control, &to("extend"), more).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    for (body, why) in [
        (json!({ "reason": "season", "until": "tomorrow", "why": "x" }), "no date"),
        (json!({ "reason": "boredom", "until": until, "why": "x" }), "no reason"),
        (json!({ "reason": "season", "until": until, "why": " " }), "no words"),
    ] {
        let (status, _) = sent(&service, Control, &to("hold"), body).await;
        assert!(status.is_client_error(), "{why}");
    }
    assert_eq!(service.journalled("norm.clock_paused").await.len(), 1);
    assert_eq!(service.journalled("norm.clock_resumed").await.len(), 1);
}

#[tokio::test]
async fn a_missed_promise_is_answered_by_its_post_only() {
    let service = Service::start().await;
    let now = time::now().utc;
    let case = register(&service, Timestamp::from_micros(now.micros() - 60 * 86_400_000_000)).await;
    let plan = Arc::new(CityPlan::parse("city.toml", include_str!("../../../city.toml")).unwrap());
    let system = Actor::system("test");
    let watched =
        service.store.change_case(&case.number, &system, now, move |case, _| Ok(case.watch(&plan, now)));
    let raised = watched.await.unwrap().clocks.escalations.len();
    // Nobody holds the work: the deputy is asked, and three working days later the mayor's office.
    assert_eq!(raised, 2);
    let listed: Value = service.get(Control, "/api/v1/escalations").await.json().await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed}");
    let mine: Value = service.get(MayorOffice, "/api/v1/escalations?mine=true").await.json().await.unwrap();
    assert_eq!(mine["items"].as_array().unwrap().len(), 1, "{mine}");
    let one = &mine["items"][0];
    assert_eq!((&one["escalation"]["level"], &one["may_answer"]), (&json!(3), &json!(true)));
    let path = format!("/api/v1/escalations/{}/{}/answer", case.number, one["escalation"]["number"]);
    let text = json!({ "text": "завтра призначимо" });
    assert_eq!(sent(&service, Control, &path, text.clone()).await.0, StatusCode::FORBIDDEN);
    assert_eq!(sent(&service, MayorOffice, &path, text.clone()).await.0, StatusCode::NO_CONTENT);
    assert_eq!(sent(&service, MayorOffice, &path, text).await.0, StatusCode::CONFLICT, "answered once");
    let mine: Value = service.get(MayorOffice, "/api/v1/escalations?mine=true").await.json().await.unwrap();
    assert_eq!(mine["items"], json!([]));
    assert_eq!(service.journalled("esc.answered").await.len(), 1);
}
