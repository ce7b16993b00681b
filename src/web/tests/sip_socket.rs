//! `/sip` over a real WebSocket (RFC 7118): one message per frame both ways, who may not come in, and how it ends.
//! Calls over it are placed by `tests/e2e/transports.rs`.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Service;
use crate::net::Arrival;
use crate::sip::message::{self, Flow, MAX_MESSAGE_LEN, Transport};

const PATIENCE: Duration = Duration::from_secs(5);
const OPTIONS: &str = "OPTIONS sip:1580@city.example SIP/2.0\r\nVia: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK1\r\n\
                       From: <sip:a@city.example>;tag=1\r\nTo: <sip:1580@city.example>\r\nCall-ID: one\r\n\
                       CSeq: 1 OPTIONS\r\n\r\n";

type Socket = WebSocketStream<TcpStream>;

async fn connect(service: &Service, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
    let mut request = format!("ws://{}/sip", service.address).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(service.address).await.unwrap();
    match client_async(request, stream).await {
        Ok((socket, answer)) => {
            assert_eq!(answer.headers()["sec-websocket-protocol"], "sip");
            Ok(socket)
        }
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

const SIP: (&str, &str) = ("sec-websocket-protocol", "sip");

async fn frame(socket: &mut Socket) -> Message {
    let frame = tokio::time::timeout(PATIENCE, socket.next()).await;
    frame.expect("a frame in time").expect("the socket is open").unwrap()
}

async fn arrival(service: &mut Service) -> Arrival {
    tokio::time::timeout(PATIENCE, service.arrivals.recv()).await.expect("an arrival in time").unwrap()
}

async fn request(service: &mut Service) -> (String, Flow) {
    match arrival(service).await {
        Arrival::Message { message, flow, .. } => match *message {
            message::Message::Request(request) => (request.call_id, flow),
            message::Message::Response(_) => panic!("a response"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn messages_pass_as_frames_of_either_kind() {
    let mut service = Service::start().await;
    let mut socket = connect(&service, &[SIP]).await.unwrap();
    for message in [Message::text(OPTIONS), Message::binary(OPTIONS.as_bytes().to_vec())] {
        socket.send(message).await.unwrap();
        let (call_id, flow) = request(&mut service).await;
        assert_eq!((call_id.as_str(), flow.transport, flow.local), ("one", Transport::Ws, service.address));
        service.net.send(b"SIP/2.0 200 OK".to_vec(), flow);
        assert_eq!(frame(&mut socket).await, Message::text("SIP/2.0 200 OK"));
        service.net.send(vec![0xff, 0xfe], flow);
        assert_eq!(frame(&mut socket).await, Message::binary(vec![0xff, 0xfe]), "no text");
    }
    socket.send(Message::text("\r\n\r\n")).await.unwrap();
    assert_eq!(frame(&mut socket).await, Message::text("\r\n"), "RFC 5626 3.5.1");
    socket.send(Message::text(OPTIONS.replace("1 OPTIONS", "x OPTIONS"))).await.unwrap();
    assert!(frame(&mut socket).await.into_text().unwrap().starts_with("SIP/2.0 400 "));
    assert!(matches!(arrival(&mut service).await, Arrival::Malformed { .. }));
    socket.close(None).await.unwrap();
    assert!(matches!(arrival(&mut service).await, Arrival::FlowClosed { .. }));
}

#[tokio::test]
async fn who_may_not_come_in() {
    let service = Service::start().await;
    assert_eq!(connect(&service, &[]).await.err(), Some(400), "no subprotocol");
    let other = ("sec-websocket-protocol", "chat");
    assert_eq!(connect(&service, &[other]).await.err(), Some(400), "another subprotocol");
    let foreign = ("origin", "https://evil.example");
    assert_eq!(connect(&service, &[SIP, foreign]).await.err(), Some(403));
    let own = format!("http://{}", service.address);
    assert!(connect(&service, &[SIP, ("origin", &own)]).await.is_ok());
    let answer = service.request(reqwest::Method::GET, "/sip").send().await.unwrap();
    assert_eq!(answer.status(), 400, "no WebSocket at all");
}

#[tokio::test]
async fn a_proxy_on_this_machine_tells_whose_socket_it_is() {
    let mut service = Service::start().await;
    let forwarded = ("x-forwarded-for", "203.0.113.9");
    let mut socket = connect(&service, &[SIP, forwarded]).await.unwrap();
    socket.send(Message::text(OPTIONS)).await.unwrap();
    let (_, flow) = request(&mut service).await;
    assert_eq!(flow.remote.ip().to_string(), "203.0.113.9");
    service.net.send(b"answer".to_vec(), flow);
    assert_eq!(frame(&mut socket).await, Message::text("answer"));
}

#[tokio::test]
async fn a_giant_ends_its_socket_and_no_other() {
    let mut service = Service::start().await;
    let mut socket = connect(&service, &[SIP]).await.unwrap();
    let mut other = connect(&service, &[SIP]).await.unwrap();
    // It may be cut off while it still writes.
    let _ = socket.send(Message::text("x".repeat(MAX_MESSAGE_LEN + 1))).await;
    assert!(matches!(arrival(&mut service).await, Arrival::FlowClosed { .. }));
    other.send(Message::text(OPTIONS)).await.unwrap();
    assert_eq!(request(&mut service).await.0, "one");
}

#[tokio::test]
async fn the_phone_of_a_page_ends_with_the_session_of_its_page() {
    let mut service = Service::start().await;
    let id = super::service::user_id(crate::people::Role::Operator);
    let until = crate::time::now().utc.plus(Duration::from_secs(60));
    service.store.create_session("of-the-page", id, until, false).await.unwrap();
    let mut of_the_page =
        connect(&service, &[SIP, ("cookie", "ringback_session=of-the-page")]).await.unwrap();
    let mut of_a_program = connect(&service, &[SIP]).await.unwrap();
    let path = format!("/api/v1/admin/users/{id}/sessions");
    let admin = service.by(crate::people::Role::Admin, reqwest::Method::DELETE, &path);
    assert!(admin.send().await.unwrap().status().is_success());
    let Message::Close(Some(close)) = frame(&mut of_the_page).await else { panic!("it goes on") };
    assert_eq!(u16::from(close.code), 1008);
    of_a_program.send(Message::Text(OPTIONS.into())).await.unwrap();
    // That the other socket is gone may be told before.
    while matches!(arrival(&mut service).await, Arrival::FlowClosed { .. }) {}
}
