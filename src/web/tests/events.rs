//! The event stream over a real WebSocket (RFC 6455): the picture, deltas, resuming, who may not connect, and how
//! it ends.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Service;
use super::service::token;
use crate::people::Role::{self, Executor, MayorOffice, Operator};
use crate::recording::{Impairment, Recorder};
use crate::switchboard::Snapshot;
use crate::switchboard::snapshot::{LiveQueue, LiveRecording};
use crate::time::Timestamp;

pub(super) type Socket = WebSocketStream<TcpStream>;

pub(super) async fn connect(
    service: &Service,
    role: Role,
    query: &str,
    origin: Option<&str>,
) -> Result<Socket, u16> {
    let mut request = format!("ws://{}/api/v1/events{query}", service.address).into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("authorization", format!("Bearer {}", token(role)).parse().unwrap());
    if let Some(origin) = origin {
        headers.insert("origin", origin.parse().unwrap());
    }
    let stream = TcpStream::connect(service.address).await.unwrap();
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

pub(super) async fn next(socket: &mut Socket) -> Value {
    loop {
        let frame = tokio::time::timeout(Duration::from_secs(5), socket.next()).await;
        match frame.expect("a message within five seconds").unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(close) => return json!({ "closed": close.map(|frame| u16::from(frame.code)) }),
            _ => {}
        }
    }
}

fn picture(seq: u64, waiting: usize) -> Arc<Snapshot> {
    let queue = LiveQueue {
        name: "water".to_owned(),
        waiting,
        longest_wait_secs: 0,
        callbacks: 0,
        expected_wait_secs: None,
        surge_since: None,
        operators_ready: 1,
        operators_talking: 0,
        skills: Default::default(),
    };
    Arc::new(Snapshot { seq, queues: vec![queue], ..Snapshot::default() })
}

#[tokio::test]
async fn the_picture_comes_first_then_what_changes() {
    let service = Service::start().await;
    let mut socket = connect(&service, Operator, "", None).await.unwrap();
    let first = next(&mut socket).await;
    assert_eq!((&first["type"], &first["seq"]), (&json!("snapshot"), &json!(1)));
    assert!(first["snapshot"]["queues"].is_array());
    service.snapshot.send_replace(picture(2, 4));
    let delta = next(&mut socket).await;
    assert_eq!((&delta["type"], &delta["seq"]), (&json!("delta"), &json!(2)));
    assert_eq!(delta["queues"][0]["waiting"], 4);
}

#[tokio::test]
async fn supervisors_see_that_calls_cannot_be_recorded_and_the_service_is_not_ready() {
    let service = Service::start().await;
    let ready = async || service.request(Method::GET, "/readyz").send().await.unwrap().status().as_u16();
    let mut socket = connect(&service, Operator, "", None).await.unwrap();
    assert_eq!(next(&mut socket).await["snapshot"]["recording"]["state"], "able");
    let recorder = Recorder::Impaired { cause: Impairment::DiskFull, since: Timestamp::from_micros(0) };
    let impaired = |seq, refuses_calls| {
        let recording = LiveRecording { recorder, refuses_calls };
        Arc::new(Snapshot { seq, recording, ..Snapshot::default() })
    };
    service.snapshot.send_replace(impaired(2, true));
    let told = next(&mut socket).await["recording"].take();
    assert_eq!((&told["state"], &told["cause"]), (&json!("impaired"), &json!("disk_full")));
    assert_eq!((&told["since"], &told["refuses_calls"]), (&json!("1970-01-01T00:00:00.000Z"), &json!(true)));
    assert_eq!(ready().await, 503);
    service.snapshot.send_replace(impaired(3, false));
    assert_eq!(next(&mut socket).await["recording"]["refuses_calls"], false);
    assert_eq!(ready().await, 200, "calls are answered, if unrecorded");
    service.snapshot.send_replace(Arc::new(Snapshot { seq: 4, ..Snapshot::default() }));
    assert_eq!(next(&mut socket).await["recording"]["state"], "able");
    service.snapshot.send_replace(picture(5, 1));
    assert_eq!(next(&mut socket).await["recording"], Value::Null, "nothing new");
}

#[tokio::test]
async fn a_stream_resumes_where_it_was() {
    let service = Service::start().await;
    let mut watching = connect(&service, MayorOffice, "", None).await.unwrap();
    next(&mut watching).await;
    for seq in 2..=4 {
        service.snapshot.send_replace(picture(seq, usize::try_from(seq).unwrap()));
        assert_eq!(next(&mut watching).await["seq"], seq);
    }
    let mut resumed = connect(&service, Operator, "?after=2", None).await.unwrap();
    assert_eq!(next(&mut resumed).await["queues"][0]["waiting"], 3);
    assert_eq!(next(&mut resumed).await["seq"], 4);
    let mut lost = connect(&service, Operator, "?after=999", None).await.unwrap();
    assert_eq!(next(&mut lost).await["type"], "snapshot");
}

#[tokio::test]
async fn executors_and_foreign_pages_get_no_stream() {
    let service = Service::start().await;
    assert_eq!(connect(&service, Executor, "", None).await.unwrap_err(), 403);
    assert_eq!(connect(&service, Operator, "", Some("http://evil.example")).await.unwrap_err(), 403);
    assert_eq!(connect(&service, Operator, "?after=x", None).await.unwrap_err(), 400);
    let own = format!("http://{}", service.address);
    assert!(connect(&service, Operator, "", Some(&own)).await.is_ok());
}

#[tokio::test]
async fn streams_end_in_order_with_the_switchboard() {
    let service = Service::start().await;
    let mut socket = connect(&service, Operator, "", None).await.unwrap();
    next(&mut socket).await;
    drop(service.snapshot);
    assert_eq!(next(&mut socket).await, json!({ "closed": 1001 }));
}

#[tokio::test]
async fn a_stream_ends_at_once_with_its_session() {
    let service = Service::start().await;
    let changes = [
        ("PATCH", "", json!({ "password": "another long password" })),
        ("DELETE", "/sessions", json!(null)),
        ("PATCH", "", json!({ "blocked": true })),
    ];
    for (method, what, body) in changes {
        let renewed = crate::time::now().utc.plus(Duration::from_secs(60));
        let id = super::service::user_id(Operator);
        let _ = service.store.create_session(&token(Operator), id, renewed, false).await;
        let mut socket = connect(&service, Operator, "", None).await.unwrap();
        assert_eq!(next(&mut socket).await["type"], "snapshot");
        let path = format!("/api/v1/admin/users/{id}{what}");
        let request = service.by(Role::Admin, Method::from_bytes(method.as_bytes()).unwrap(), &path);
        let answer = request.json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{method} {what}: {}", answer.status());
        // Far sooner than the next ping, after which it would be looked at anyway.
        assert_eq!(next(&mut socket).await, json!({ "closed": 1008 }), "{method} {what}");
    }
}
