//! Engagements over HTTP: before the first moment and from the last one on nothing plays and nothing is told, by whatever
//! endpoint; in between the scope holds.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Service;
use super::service::{new_uuid, user_id};
use crate::audit::{Engagement, Scope};
use crate::case::CaseDraft;
use crate::ids::{ContactId, EngagementId};
use crate::journal::SignerKey;
use crate::people::Actor;
use crate::people::Role::{Admin, Auditor, Operator, Records};
use crate::time::{self, Timestamp};
use crate::web::access::engagement::{Need, need};
use crate::web::access::{RULES, Who};
use crate::web::calls::stereo_wav;

const HOUR: Duration = Duration::from_secs(3600);

/// Put into the store past the API, which opens nothing that is over already.
async fn engage(service: &Service, from: Timestamp, until: Timestamp, scope: Scope) -> EngagementId {
    let id = EngagementId(new_uuid());
    let engagement = Engagement {
        id,
        auditor: user_id(Auditor),
        from,
        until,
        scope,
        purpose: "audit".to_owned(),
        opened_by: user_id(Records),
        opened_at: from,
        closed: None,
    };
    service.store.open_engagement(engagement, Actor::person(Records, user_id(Records), None)).await.unwrap();
    id
}

/// A recorded call on a case about water.
async fn told(service: &Service) -> (ContactId, String) {
    let call = service.recorded_call(&stereo_wav(&[[0, 0]; 8000]), None).await;
    let draft = CaseDraft { contact: Some(call), ..crate::case::tests::draft() };
    let at = time::now().utc;
    let case = service.store.register_case(draft, at, Actor::system("test"), None).await.unwrap();
    (call, case.number.0)
}

async fn problem(answer: reqwest::Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap_or_default();
    (status, body["type"].as_str().unwrap_or_default().replace("urn:ringback:problem:", ""))
}

fn address(path: &str, call: ContactId, case: &str) -> String {
    let id = if path.starts_with("/api/v1/calls") { call.to_string() } else { new_uuid().to_string() };
    path.replace("{id}", &id).replace("{number}", case).replace("{place}", "1").replace("{seq}", "1")
}

/// Every endpoint an auditor has, but what tells of the auditor alone.
fn telling() -> Vec<(Method, &'static str)> {
    let open = RULES.iter().filter(|rule| match rule.who {
        Who::Roles(roles) => roles.contains(&Auditor),
        Who::SignedIn => true,
        Who::Public => false,
    });
    let told = open.filter(|rule| need(rule.path) != Need::Nothing);
    told.map(|rule| (rule.method.parse().unwrap(), rule.path)).collect()
}

#[tokio::test]
async fn before_and_after_nothing_plays_and_nothing_is_told_by_any_endpoint() {
    let now = time::now().utc;
    let times = [
        ("engagement_not_yet", now.plus(HOUR), now.plus(2 * HOUR)),
        ("engagement_over", now.minus(2 * HOUR), now.minus(HOUR)),
    ];
    for (name, from, until) in times {
        let service = Service::start().await;
        let (call, case) = told(&service).await;
        engage(&service, from, until, Scope::default()).await;
        let endpoints = telling();
        assert!(endpoints.len() > 30, "{}", endpoints.len());
        for (n, (method, path)) in endpoints.iter().enumerate() {
            let request = service.by(Auditor, method.clone(), &address(path, call, &case)).json(&json!({}));
            let answer = problem(request.send().await.unwrap()).await;
            assert_eq!(answer, (403, name.to_owned()), "{method} {path}");
            assert_eq!(service.journalled("access.denied").await.len(), n + 1, "{path}");
        }
        assert!(service.journalled("access.played").await.is_empty());
        for path in ["/api/v1/session", "/api/v1/audit/engagements", "/api/v1/city"] {
            assert_eq!(service.get(Auditor, path).await.status(), StatusCode::OK, "{path}");
        }
        // Others go on.
        assert_eq!(service.get(Records, "/api/v1/calls").await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn without_any_engagement_the_citys_rule_decides() {
    let service = Service::start().await;
    let (call, _) = told(&service).await;
    let path = format!("/api/v1/calls/{call}/recording");
    assert_eq!(service.get(Auditor, &path).await.status(), StatusCode::OK);
    service.change_audit(|terms| terms.engagements_required = true);
    let refused = problem(service.get(Auditor, &path).await).await;
    assert_eq!(refused, (403, "engagement_missing".to_owned()));
    let now = time::now().utc;
    engage(&service, now.minus(HOUR), now.plus(HOUR), Scope::default()).await;
    assert_eq!(service.get(Auditor, &path).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_scope_holds_for_each_call_and_case_and_for_lists() {
    let service = Service::start().await;
    let (call, case) = told(&service).await;
    let now = time::now().utc;
    let other = Scope { categories: vec!["elsewhere".to_owned()], ..Scope::default() };
    engage(&service, now.minus(HOUR), now.plus(HOUR), other).await;
    for path in ["", "/timeline", "/recording", "/peaks", "/findings", "/ladder"] {
        let refused = problem(service.get(Auditor, &format!("/api/v1/calls/{call}{path}")).await).await;
        assert_eq!(refused, (403, "engagement_outside".to_owned()), "{path}");
    }
    for path in ["", "/timeline", "/filing"] {
        let refused = problem(service.get(Auditor, &format!("/api/v1/cases/{case}{path}")).await).await;
        assert_eq!(refused, (403, "engagement_outside".to_owned()), "{path}");
    }
    // Lists of people and of what is live are for who may see the whole city.
    for path in ["/api/v1/callbacks", "/api/v1/hearings", "/api/v1/operators", "/api/v1/work-orders"] {
        let refused = problem(service.get(Auditor, path).await).await;
        assert_eq!(refused, (403, "engagement_outside".to_owned()), "{path}");
    }
    let listed = async |path: &str| {
        let list: Value = service.get(Auditor, path).await.json().await.unwrap();
        list["items"].as_array().unwrap().len()
    };
    assert_eq!((listed("/api/v1/calls").await, listed("/api/v1/cases").await), (0, 0));
    // A second one that covers it.
    let water = Scope { categories: vec![crate::case::tests::draft().category], ..Scope::default() };
    engage(&service, now.minus(HOUR), now.plus(HOUR), water).await;
    assert_eq!((listed("/api/v1/calls").await, listed("/api/v1/cases").await), (1, 1));
    let recording = format!("/api/v1/calls/{call}/recording");
    assert_eq!(service.get(Auditor, &recording).await.status(), StatusCode::OK);
    assert_eq!(service.get(Auditor, &format!("/api/v1/cases/{case}")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_player_that_is_open_stops_with_its_engagement() {
    let service = Service::start().await;
    let (call, _) = told(&service).await;
    let now = time::now().utc;
    let id = engage(&service, now.minus(HOUR), now.plus(HOUR), Scope::default()).await;
    let path = format!("/api/v1/calls/{call}/recording");
    let block = |first: u32| {
        let range = format!("bytes={first}-{}", first + 3_999);
        service.by(Auditor, Method::GET, &path).header("range", range).send()
    };
    assert_eq!(block(44).await.unwrap().status(), StatusCode::PARTIAL_CONTENT);
    let close = format!("/api/v1/audit/engagements/{id}/close");
    assert_eq!(service.post(Auditor, &close, json!({ "reason": "x" })).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        service.post(Records, &close, json!({ "reason": " " })).await.status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let closed: Value =
        service.post(Records, &close, json!({ "reason": "done" })).await.json().await.unwrap();
    assert_eq!((&closed["standing"], &closed["closing"]), (&json!("over"), &json!("done")));
    assert_eq!(problem(block(4_044).await.unwrap()).await, (403, "engagement_over".to_owned()));
    assert_eq!(service.journalled("access.played").await.len(), 1);
    let again = problem(service.post(Admin, &close, json!({ "reason": "more" })).await).await;
    assert_eq!(again, (409, "engagement_over".to_owned()));
}

#[tokio::test]
async fn administrator_and_records_open_engagements_and_each_is_on_the_journal() {
    let service = Service::start().await;
    let now = time::now().utc;
    let path = "/api/v1/audit/engagements";
    let new = |auditor: String, scope: Value| {
        json!({
            "auditor": auditor, "from": now.rfc3339(), "until": now.plus(HOUR).rfc3339(), "scope": scope,
            "purpose": "order 17",
        })
    };
    let auditor = user_id(Auditor).to_string();
    for role in [Admin, Records] {
        let opened = service.post(role, path, new(auditor.clone(), json!({ "queues": ["city"] }))).await;
        assert_eq!(opened.status(), StatusCode::CREATED, "{role:?}");
        let opened: Value = opened.json().await.unwrap();
        assert_eq!((&opened["standing"], &opened["auditor_name"]), (&json!("running"), &json!("auditor")));
    }
    for (bad, status) in [
        (new(user_id(Operator).to_string(), json!({})), StatusCode::NOT_FOUND),
        (new(user_id(Records).to_string(), json!({})), StatusCode::UNPROCESSABLE_ENTITY),
        (new(auditor.clone(), json!({ "queues": ["nowhere"] })), StatusCode::UNPROCESSABLE_ENTITY),
        (new(auditor.clone(), json!({ "categories": ["nothing"] })), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(service.post(Records, path, bad.clone()).await.status(), status, "{bad}");
    }
    let entries = service.journalled("audit.engaged").await;
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].reason.as_deref(), Some("order 17"));
    assert_eq!(entries[0].data["scope"], json!({ "queues": ["city"] }));
    let list: Value = service.get(Admin, path).await.json().await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    let choices: Value = service.get(Records, "/api/v1/audit/choices").await.json().await.unwrap();
    assert_eq!(choices["auditors"], json!([{ "id": auditor, "name": "auditor" }]));
    assert_eq!(choices["queues"], json!(["city", "emergency", "duty"]));
}

#[tokio::test]
async fn a_sample_is_fixed_drawn_and_judged() {
    let service = Service::start().await;
    let (call, _) = told(&service).await;
    let now = time::now().utc;
    let id = engage(&service, now.minus(HOUR), now.plus(HOUR), Scope::default()).await;
    let path = format!("/api/v1/audit/engagements/{id}/samples");
    let new = |size: usize, until: Timestamp, public: Timestamp| {
        json!({
            "calls_from": now.minus(24 * HOUR).rfc3339(), "calls_until": until.rfc3339(), "size": size,
            "strata": "queue", "source": "the lottery", "public_at": public.rfc3339(),
        })
    };
    let soon = now.plus(HOUR);
    // The call came a moment before.
    let until = time::now().utc;
    for (bad, expected) in [
        (new(0, until, soon), (422, "")),
        (new(2_001, until, soon), (422, "")),
        (new(2, until, soon), (422, "frame_too_small")),
        (new(1, now.plus(HOUR), soon), (422, "period_not_over")),
        (new(1, until, now.plus(HOUR / 60)), (422, "public_too_early")),
    ] {
        let (status, name) = problem(service.post(Auditor, &path, bad.clone()).await).await;
        assert_eq!((status, name.replace("about:blank", "").as_str()), expected, "{bad}");
    }
    let fixed: Value = service.post(Auditor, &path, new(1, until, soon)).await.json().await.unwrap();
    assert_eq!((&fixed["frame_size"], &fixed["drawn"]), (&json!(1), &Value::Null));
    let sample = format!("/api/v1/audit/samples/{}", fixed["id"].as_str().unwrap());
    let frame = service.get(Auditor, &format!("{sample}/frame")).await.text().await.unwrap();
    assert_eq!(frame, format!("{call} water\n"));
    assert_eq!(crate::digest::Sha256::of(frame.as_bytes()).to_string(), fixed["frame_sha256"]);
    let draw = format!("{sample}/draw");
    let value = json!({ "value": "4 8 15" });
    let refused = problem(service.post(Auditor, &draw, value.clone()).await).await;
    assert_eq!(refused, (409, "draw_without_checkpoint".to_owned()));
    let size = service.store.counts().await.unwrap().journal_seq;
    let note =
        SignerKey::new("city.example/1580", [7; 32]).unwrap().sign(size, crate::digest::Sha256([3; 32]));
    service.store.keep_checkpoint(note, Actor::system("test"), time::now().utc).await.unwrap();
    let refused = problem(service.post(Auditor, &draw, value).await).await;
    assert_eq!(refused, (409, "draw_too_early".to_owned()));
    // The lottery of the evening is over.
    let auditor = Actor::person(Auditor, user_id(Auditor), None);
    let drawn = service.store.draw_sample(
        fixed["id"].as_str().unwrap().parse().unwrap(),
        "4 8 15".to_owned(),
        soon,
        auditor,
    );
    drawn.await.unwrap().unwrap();
    let shown: Value = service.get(Records, &sample).await.json().await.unwrap();
    assert_eq!(shown["items"][0]["call"], call.to_string());
    let item = format!("{sample}/items/1");
    let refused = problem(service.post(Auditor, &item, json!({ "outcome": "finding" })).await).await;
    assert_eq!(refused, (409, "nothing_noted".to_owned()));
    assert_eq!(
        service.post(Records, &item, json!({ "outcome": "in_order" })).await.status(),
        StatusCode::FORBIDDEN
    );
    let judged: Value =
        service.post(Auditor, &item, json!({ "outcome": "in_order" })).await.json().await.unwrap();
    assert_eq!((&judged["judged"], &judged["items"][0]["outcome"]), (&json!(1), &json!("in_order")));
    assert_eq!(service.journalled("audit.item_judged").await[0].contact, Some(call));
    // Another auditor's sample is none.
    let missing = service.get(Auditor, &format!("/api/v1/audit/samples/{}", new_uuid())).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}
