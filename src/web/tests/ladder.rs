//! The SIP messages of a call: as a list and as a capture, who sees the citizen's number in them, and that looking is
//! journalled.

#![allow(clippy::unwrap_used, clippy::panic)]

use reqwest::StatusCode;
use serde_json::Value;

use super::Service;
use super::service::{contact, new_uuid};
use crate::call::ladder::{Ladder, MessageDirection};
use crate::ids::ContactId;
use crate::people::Role::{Admin, Auditor, Operator, Supervisor};
use crate::sip::message::{Flow, Transport};
use crate::store::Batch;
use crate::time;

/// A call with an INVITE of its citizen, and an answer on another leg.
async fn traced_call(service: &Service) -> ContactId {
    let id = ContactId(new_uuid());
    let contact = contact(id, time::now().utc);
    let invite = format!(
        "INVITE sip:1580@city SIP/2.0\r\nFrom: \"Oksana\" <sip:{}@t>\r\nCall-ID: {}\r\n\r\n",
        contact.caller.as_str(),
        contact.sip_call_id
    );
    let flow = Flow {
        transport: Transport::Tls,
        local: "192.0.2.1:5061".parse().unwrap(),
        remote: "192.0.2.9:40000".parse().unwrap(),
    };
    let mut ladder = Ladder::default();
    ladder.add(MessageDirection::Received, invite.as_bytes(), flow, time::now().utc);
    ladder.add(MessageDirection::Sent, &[b'x'; 20_000], flow, time::now().utc);
    ladder.add(MessageDirection::Sent, b"SIP/2.0 200 OK\r\nCall-ID: other\r\n\r\n", flow, time::now().utc);
    service.store.commit(Batch { contacts: vec![contact], ..Batch::default() }).await.unwrap();
    service.store.enqueue_ladder(id, ladder).await.unwrap().durable().await.unwrap();
    id
}

#[tokio::test]
async fn messages_are_listed_with_their_ways() {
    let service = Service::start().await;
    let id = traced_call(&service).await;
    let answer = service.get(Supervisor, &format!("/api/v1/calls/{id}/ladder")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let ladder: Value = answer.json().await.unwrap();
    assert_eq!(ladder["left_out"], 1);
    let [first, second] = ladder["items"].as_array().unwrap().as_slice() else { panic!("{ladder}") };
    assert_eq!(first["first_line"], "INVITE sip:1580@city SIP/2.0");
    for (field, received, sent) in [
        ("direction", "received", "sent"),
        ("party", "citizen", "operator"),
        ("from", "192.0.2.9:40000", "192.0.2.1:5061"),
        ("to", "192.0.2.1:5061", "192.0.2.9:40000"),
        ("transport", "TLS", "TLS"),
    ] {
        assert_eq!((&first[field], &second[field]), (&received.into(), &sent.into()), "{field}");
    }
    assert_eq!((&first["seq"], &second["seq"]), (&1.into(), &3.into()));
    let entries = service.journalled("access.viewed").await;
    assert_eq!(entries.last().unwrap().data["what"], "ladder");
}

#[tokio::test]
async fn the_capture_is_a_file_to_download() {
    let service = Service::start().await;
    let id = traced_call(&service).await;
    let answer = service.get(Auditor, &format!("/api/v1/calls/{id}/ladder.pcap")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/vnd.tcpdump.pcap");
    assert_eq!(answer.headers()["content-disposition"], format!("attachment; filename=\"{id}.pcap\""));
    let bytes = answer.bytes().await.unwrap();
    assert_eq!(bytes[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
    assert!(bytes.windows(20).any(|window| window == b"INVITE sip:1580@city"));
    let entries = service.journalled("access.viewed").await;
    assert_eq!(entries.last().unwrap().data["what"], "ladder.pcap");
}

#[tokio::test]
async fn who_does_not_talk_to_citizens_sees_no_number_and_no_name() {
    let service = Service::start().await;
    let id = traced_call(&service).await;
    let caller = contact(id, time::now().utc).caller;
    let number = caller.as_str().trim_start_matches('+');
    for (role, sees) in [(Supervisor, true), (Auditor, true), (Admin, false)] {
        for path in ["ladder", "ladder.pcap"] {
            let answer = service.get(role, &format!("/api/v1/calls/{id}/{path}")).await;
            let bytes = answer.bytes().await.unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(text.contains(number), sees, "{role:?} {path}: {text}");
            assert_eq!(text.contains("Oksana"), sees, "{role:?} {path}: {text}");
        }
    }
}

#[tokio::test]
async fn a_call_without_messages_is_empty_and_an_unknown_one_is_not_found() {
    let service = Service::start().await;
    let id = ContactId(new_uuid());
    let batch = Batch { contacts: vec![contact(id, time::now().utc)], ..Batch::default() };
    service.store.commit(batch).await.unwrap();
    let ladder: Value = service.get(Admin, &format!("/api/v1/calls/{id}/ladder")).await.json().await.unwrap();
    assert_eq!(ladder, serde_json::json!({ "items": [], "left_out": 0 }));
    for path in ["ladder", "ladder.pcap"] {
        let unknown = service.get(Admin, &format!("/api/v1/calls/{}/{path}", new_uuid())).await;
        assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
        assert_eq!(unknown.headers()["content-type"], "application/problem+json");
        let refused = service.get(Operator, &format!("/api/v1/calls/{id}/{path}")).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    }
}
