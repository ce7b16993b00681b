//! Messages over HTTP: a test message of the administrator, the gateway's reports, and what each of them may not do. No
//! gateway is asked: what it would say is written into the outbox.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Service;
use crate::notification::{Channel, Patience};
use crate::notify::{Gateway, Reports, Secret, Settings, Sms};
use crate::people::Role;
use crate::store::Settlement;

const SECRET: &str = "0123456789abcdef";

pub(super) fn settings() -> Settings {
    let reports = Reports {
        secret: Secret(SECRET.to_owned()),
        id: "/message/id".to_owned(),
        status: "status".to_owned(),
        delivered: vec!["DELIVRD".to_owned()],
        failed: vec!["UNDELIV".to_owned()],
    };
    let gateway = Gateway {
        method: Method::POST,
        url: "http://127.0.0.1:1/".to_owned(),
        headers: Vec::new(),
        body: String::new(),
        secret: Secret::default(),
        success: String::new(),
        message_id: None,
        reports: Some(reports),
    };
    let patience = Patience {
        attempts: 2,
        retry: Duration::from_secs(1),
        within: Duration::from_secs(60),
        at_once: 1,
        timeout: Duration::from_secs(1),
        hours: None,
        report_within: Some(Duration::from_secs(60)),
    };
    let sms = Sms { gateway, patience, takes: vec!["+380".to_owned()], registered: true };
    Settings { sms: Some(sms), mail: None, short: "1580".to_owned(), page: None }
}

async fn test(service: &Service, channel: &str, to: &str) -> (StatusCode, Value) {
    let path = "/api/v1/admin/notifications/test";
    let answer = service.post(Role::Admin, path, json!({ "channel": channel, "to": to })).await;
    (answer.status(), answer.json().await.unwrap())
}

async fn report(service: &Service, secret: &str, said: Value) -> StatusCode {
    let path = format!("/api/v1/sms-reports/{secret}");
    service.request(Method::POST, &path).json(&said).send().await.unwrap().status()
}

#[tokio::test]
async fn a_test_goes_where_the_city_writes_to_and_its_fate_is_seen() {
    let service = Service::start().await;
    assert_eq!(test(&service, "sms", "+380501112233").await.0, StatusCode::CONFLICT, "switched off");
    service.notices.send_replace(Arc::new(settings()));
    for wrong in ["+12125550100", "112", "olena"] {
        assert_eq!(test(&service, "sms", wrong).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    assert_eq!(test(&service, "mail", "a@city.example").await.0, StatusCode::CONFLICT);
    let (status, queued) = test(&service, "sms", "+380 50 111 22 33").await;
    assert_eq!(status, StatusCode::ACCEPTED, "{queued}");
    let entry = service.journalled("notif.queued").await.remove(0);
    assert_eq!(
        (&entry.data["occasion"], entry.actor.kind),
        (&json!("test"), crate::people::ActorKind::Admin)
    );
    assert!(!entry.data.to_string().contains("38050"));

    let at = crate::time::now().utc;
    let until = at.plus(Duration::from_secs(9));
    let [claimed] = &service.store.claim_notifications(Channel::Sms, at, until, 5, true).await.unwrap()[..]
    else {
        panic!("one waits")
    };
    let sent = Settlement::Sent { gateway_id: Some("17".to_owned()), report_by: Some(until) };
    service.store.settle_notification(claimed.id, sent, at).await.unwrap();
    let delivered = json!([{ "message": { "id": 17 }, "status": "delivrd" }, { "nothing": "of ours" }]);
    assert_eq!(report(&service, "0123456789abcdeX", delivered.clone()).await, StatusCode::NOT_FOUND);
    assert!(service.journalled("notif.delivered").await.is_empty());
    assert_eq!(report(&service, SECRET, delivered).await, StatusCode::NO_CONTENT);
    assert_eq!(service.journalled("notif.delivered").await.len(), 1);
    let many = Value::Array(vec![json!({}); 101]);
    assert_eq!(report(&service, SECRET, many).await, StatusCode::BAD_REQUEST);
    let shown = service.get(Role::Admin, "/api/v1/admin/notifications").await;
    let shown: Value = shown.json().await.unwrap();
    assert_eq!((&shown["ways"][0]["on"], &shown["ways"][0]["reached"]), (&json!(true), &json!(1)), "{shown}");
    let latest = &shown["latest"][0];
    assert_eq!((&latest["state"], &latest["to"]), (&json!("delivered"), &json!("***********33")), "{latest}");
}
