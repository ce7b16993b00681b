//! Tests of the net over loopback sockets.
//! Every wait is for an event, with a limit; none is for time to pass.
#![allow(clippy::unwrap_used, clippy::panic)]

mod guests;
mod tls;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::*;
use crate::sip::message::MAX_MESSAGE_LEN;

const PATIENCE: Duration = Duration::from_secs(10);

fn options(call_id: &str) -> Vec<u8> {
    format!(
        "OPTIONS sip:1580@city.example SIP/2.0\r\nVia: SIP/2.0/UDP phone.example;branch=z9hG4bK{call_id};rport\r\n\
         From: <sip:a@phone.example>;tag=1\r\nTo: <sip:1580@city.example>\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn broken() -> Vec<u8> {
    String::from_utf8(options("broken")).unwrap().replace("CSeq: 1", "CSeq: x").into_bytes()
}

async fn start(arrivals: usize, limits: Limits) -> (SipNet, mpsc::Receiver<Arrival>) {
    let any: Vec<SocketAddr> = vec!["127.0.0.1:0".parse().unwrap()];
    start_at(SipListeners { udp: any.clone(), tcp: any, ..SipListeners::default() }, arrivals, limits).await
}

async fn start_at(
    listeners: SipListeners,
    arrivals: usize,
    limits: Limits,
) -> (SipNet, mpsc::Receiver<Arrival>) {
    let (sender, receiver) = mpsc::channel(arrivals);
    (SipNet::start_with(listeners, sender, limits).await.unwrap(), receiver)
}

async fn next(arrivals: &mut mpsc::Receiver<Arrival>) -> Arrival {
    timeout(PATIENCE, arrivals.recv()).await.expect("an arrival in time").unwrap()
}

async fn message(arrivals: &mut mpsc::Receiver<Arrival>) -> (String, Flow) {
    match next(arrivals).await {
        Arrival::Message { message, flow, .. } => match *message {
            Message::Request(request) => (request.call_id, flow),
            Message::Response(response) => (response.call_id, flow),
        },
        other => panic!("no message: {other:?}"),
    }
}

async fn closed(arrivals: &mut mpsc::Receiver<Arrival>) -> Flow {
    match next(arrivals).await {
        Arrival::FlowClosed { flow } => flow,
        other => panic!("no end: {other:?}"),
    }
}

async fn phone() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

async fn heard(phone: &UdpSocket) -> String {
    let mut buffer = vec![0; 4096];
    let len = timeout(PATIENCE, phone.recv(&mut buffer)).await.expect("a datagram in time").unwrap();
    String::from_utf8(buffer[..len].to_vec()).unwrap()
}

/// Reads until `wanted` is the end of what came.
async fn heard_tcp(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.ends_with(wanted) {
        let len = timeout(PATIENCE, stream.read(&mut buffer)).await.expect("bytes in time").unwrap();
        assert_ne!(len, 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&buffer[..len]).unwrap());
    }
    text
}

/// True when the peer closed without another word.
async fn hung_up(stream: &mut TcpStream) -> bool {
    let read = timeout(PATIENCE, stream.read(&mut [0; 16])).await.expect("an end in time");
    matches!(read, Ok(0) | Err(_))
}

#[tokio::test]
async fn datagrams_come_up_and_answers_go_back() {
    let (net, mut arrivals) = start(8, Limits::default()).await;
    let phone = phone().await;
    phone.send_to(&options("one"), net.udp_local().unwrap()).await.unwrap();
    let (call_id, flow) = message(&mut arrivals).await;
    assert_eq!(call_id, "one");
    assert_eq!(flow.local, net.udp_local().unwrap());
    assert_eq!(flow.remote, phone.local_addr().unwrap());
    net.send(b"answer".to_vec(), flow);
    assert_eq!(heard(&phone).await, "answer");
}

#[tokio::test]
async fn malformed_datagrams_are_answered_once_and_counted_and_keep_alives_ignored() {
    let (net, mut arrivals) = start(8, Limits::default()).await;
    let phone = phone().await;
    let to = net.udp_local().unwrap();
    for bytes in [
        &b"\r\n\r\n"[..],
        b"\0\0\0\0",
        b"",
        b"SIP/2.0 200 OK\r\nnonsense that is long enough to be looked at more closely\r\n\r\n",
        &broken(),
    ] {
        phone.send_to(bytes, to).await.unwrap();
    }
    let answer = heard(&phone).await;
    let port = phone.local_addr().unwrap().port();
    assert!(answer.starts_with("SIP/2.0 400 Bad Request (CSeq)\r\n"), "{answer}");
    assert!(answer.contains(&format!(";rport={port};received=127.0.0.1\r\n")), "{answer}");
    for _ in 0..2 {
        assert!(matches!(next(&mut arrivals).await, Arrival::Malformed { .. }));
    }
    let counts = net.counts();
    assert_eq!((counts.malformed, counts.rejected, counts.keep_alives, counts.messages), (2, 1, 3, 0));
}

#[tokio::test]
async fn a_full_queue_drops_datagrams_and_counts_them() {
    let (net, mut arrivals) = start(1, Limits::default()).await;
    let phone = phone().await;
    for call_id in ["kept", "lost1", "lost2"] {
        phone.send_to(&options(call_id), net.udp_local().unwrap()).await.unwrap();
    }
    phone.send_to(&broken(), net.udp_local().unwrap()).await.unwrap();
    heard(&phone).await;
    // The answer goes out just before its report is offered; a second one comes after the first report.
    phone.send_to(&broken(), net.udp_local().unwrap()).await.unwrap();
    heard(&phone).await;
    assert!(net.counts().arrivals_dropped >= 3, "{:?}", net.counts());
    assert_eq!(message(&mut arrivals).await.0, "kept");
}

#[tokio::test]
async fn a_stream_carries_messages_and_pings_both_ways() {
    let (net, mut arrivals) = start(8, Limits::default()).await;
    let mut phone = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    let stream = [options("one"), b"\r\n\r\n".to_vec(), options("two"), broken(), options("three")].concat();
    let (first, second) = stream.split_at(stream.len() / 2);
    phone.write_all(first).await.unwrap();
    let (call_id, flow) = message(&mut arrivals).await;
    assert_eq!(call_id, "one");
    assert_eq!(flow.remote, phone.local_addr().unwrap());
    phone.write_all(second).await.unwrap();
    assert_eq!(message(&mut arrivals).await.0, "two");
    assert!(matches!(next(&mut arrivals).await, Arrival::Malformed { .. }));
    assert_eq!(
        message(&mut arrivals).await,
        ("three".to_owned(), flow),
        "one bad message does not end the stream"
    );
    let answers = heard_tcp(&mut phone, "Content-Length: 0\r\n\r\n").await;
    assert!(answers.starts_with("\r\nSIP/2.0 400 "), "the pong, then the rejection: {answers:?}");
    net.send(b"answer".to_vec(), flow);
    assert_eq!(heard_tcp(&mut phone, "answer").await, "answer");
    drop(phone);
    assert_eq!(closed(&mut arrivals).await, flow);
    assert_eq!((net.counts().connections_opened, net.counts().connections_closed), (1, 1));
}

#[tokio::test]
async fn a_connection_is_opened_once_and_used_both_ways() {
    let (net, mut arrivals) = start(8, Limits::default()).await;
    let trunk = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let local = net.tcp_local().unwrap();
    let flow = Flow { transport: Transport::Tcp, local, remote: trunk.local_addr().unwrap() };
    net.send(b"first ".to_vec(), flow);
    net.send(b"second".to_vec(), flow);
    let (mut stream, _) = timeout(PATIENCE, trunk.accept()).await.unwrap().unwrap();
    assert_eq!(heard_tcp(&mut stream, "second").await, "first second");
    stream.write_all(&options("back")).await.unwrap();
    assert_eq!(message(&mut arrivals).await, ("back".to_owned(), flow));
    assert_eq!(net.counts().connections_opened, 1);
}

#[tokio::test]
async fn what_cannot_be_sent_is_told() {
    let (net, mut arrivals) = start(8, Limits::default()).await;
    let local = net.tcp_local().unwrap();
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = Flow { transport: Transport::Tcp, local, remote: unused };
    net.send(options("x"), refused);
    assert_eq!(closed(&mut arrivals).await, refused);
    let tls = Flow { transport: Transport::Tls, local, remote: unused };
    net.send(options("x"), tls);
    assert_eq!(closed(&mut arrivals).await, tls);
    let datagram = Flow { transport: Transport::Udp, local, remote: unused };
    net.send(vec![b'x'; 70_000], datagram);
    assert_eq!(closed(&mut arrivals).await, datagram);
}

#[tokio::test]
async fn a_giant_hears_513_and_a_stream_without_bounds_is_closed() {
    let (net, mut arrivals) = start(8, Limits::default()).await;
    let mut phone = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    let giant = String::from_utf8(options("giant")).unwrap().replace("Length: 0", "Length: 99999999");
    phone.write_all(giant.as_bytes()).await.unwrap();
    let answer = heard_tcp(&mut phone, "Content-Length: 0\r\n\r\n").await;
    assert!(answer.starts_with("SIP/2.0 513 "), "{answer}");
    assert!(hung_up(&mut phone).await);
    assert!(matches!(next(&mut arrivals).await, Arrival::Malformed { .. }));
    closed(&mut arrivals).await;

    let mut endless = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    // The peer may be cut off while it still writes.
    let _ = endless.write_all(&vec![b'x'; MAX_MESSAGE_LEN + 10]).await;
    assert!(matches!(next(&mut arrivals).await, Arrival::Malformed { .. }));
    closed(&mut arrivals).await;
    assert_eq!((net.counts().oversize, net.counts().malformed), (2, 2));
}

#[tokio::test]
async fn silence_and_trickling_bytes_end_a_connection() {
    let limits = Limits { first_message: Duration::from_millis(50), ..Limits::default() };
    let (net, mut arrivals) = start(8, limits).await;
    let mut silent = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    silent.write_all(b"OPTIONS sip:a SIP/2.0\r\n").await.unwrap();
    assert_eq!(closed(&mut arrivals).await.remote, silent.local_addr().unwrap());
    assert!(hung_up(&mut silent).await);
    assert_eq!(net.counts().connections_timed_out, 1);

    let limits = Limits { idle: Duration::from_millis(50), ..Limits::default() };
    let (net, mut arrivals) = start(8, limits).await;
    let mut idle = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    idle.write_all(&options("once")).await.unwrap();
    assert_eq!(message(&mut arrivals).await.0, "once");
    closed(&mut arrivals).await;
}

#[tokio::test]
async fn connections_are_bounded_in_both_directions() {
    let (net, mut arrivals) = start(8, Limits { connections: 1, ..Limits::default() }).await;
    let mut first = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    first.write_all(&options("first")).await.unwrap();
    let (_, flow) = message(&mut arrivals).await;
    net.vouch(flow);
    let mut second = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    assert!(hung_up(&mut second).await);
    let other = Flow { remote: "127.0.0.1:9".parse().unwrap(), ..flow };
    net.send(options("out"), other);
    assert_eq!(closed(&mut arrivals).await, other);
    assert_eq!(net.counts().connections_refused, 2);
    drop(first);
    assert_eq!(closed(&mut arrivals).await, flow);
    let mut third = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    third.write_all(&options("third")).await.unwrap();
    assert_eq!(message(&mut arrivals).await.0, "third", "the place is free again");
}

#[tokio::test]
async fn strangers_make_room_for_others_and_nobody_we_know_does() {
    let (net, mut arrivals) = start(8, Limits { connections: 2, ..Limits::default() }).await;
    let mut phone = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    phone.write_all(&options("phone")).await.unwrap();
    let (_, known) = message(&mut arrivals).await;
    net.vouch(known);
    for call_id in ["one", "two", "three"] {
        let mut stranger = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
        stranger.write_all(&options(call_id)).await.unwrap();
        let (come, flow) = message(&mut arrivals).await;
        assert_eq!(come, call_id);
        // A trunk is reached over a place of our own, however many strangers there are.
        let trunk = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = Flow { remote: trunk.local_addr().unwrap(), ..known };
        net.send(options("out"), to);
        assert_eq!(closed(&mut arrivals).await, flow);
        assert!(hung_up(&mut stranger).await);
        drop(timeout(PATIENCE, trunk.accept()).await.unwrap().unwrap());
        assert_eq!(closed(&mut arrivals).await, to);
    }
    phone.write_all(&options("still-here")).await.unwrap();
    assert_eq!(message(&mut arrivals).await, ("still-here".to_owned(), known));
    assert_eq!((net.counts().strangers_displaced, net.counts().connections_refused), (3, 0));
}

#[tokio::test]
async fn a_response_is_no_reason_to_connect() {
    let (net, mut arrivals) = start(8, Limits::default()).await;
    let mut gone = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    gone.write_all(&options("gone")).await.unwrap();
    let (_, flow) = message(&mut arrivals).await;
    drop(gone);
    assert_eq!(closed(&mut arrivals).await, flow);
    net.send(b"SIP/2.0 200 OK\r\n\r\n".to_vec(), flow);
    assert_eq!(closed(&mut arrivals).await, flow);
    assert_eq!((net.counts().connections_opened, net.counts().sends_failed), (1, 1));
}

#[tokio::test]
async fn who_is_shunned_does_not_get_in_by_a_connection_either() {
    let (net, _arrivals) = start(8, Limits::default()).await;
    let until = crate::time::now().mono + PATIENCE;
    net.shun(Source::from(std::net::IpAddr::from([127, 0, 0, 1])), until);
    let mut stranger = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    assert!(hung_up(&mut stranger).await);
    assert_eq!((net.counts().shunned, net.counts().connections_opened), (1, 0));
}

#[tokio::test]
async fn requests_of_ours_leave_from_an_address_of_the_peers_family() {
    let both: Vec<SocketAddr> = vec!["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()];
    let listeners = SipListeners { tcp: both, ..SipListeners::default() };
    let (net, _arrivals) = start_at(listeners, 8, Limits::default()).await;
    for peer in ["127.0.0.1:5060", "[::1]:5060"] {
        let remote: SocketAddr = peer.parse().unwrap();
        let flow = net.flow_towards(Transport::Tcp, remote).unwrap();
        assert_eq!(flow.local.is_ipv4(), remote.is_ipv4(), "{peer}");
    }
    assert_eq!(net.flow_towards(Transport::Udp, "127.0.0.1:5060".parse().unwrap()), None);
    assert_eq!(net.transports(), [Transport::Tcp], "no TLS without knowing whom to trust");
}

#[tokio::test]
async fn a_peer_that_does_not_read_loses_its_connection() {
    let limits = Limits { write: Duration::from_millis(50), send_queue: 4, ..Limits::default() };
    let (net, mut arrivals) = start(8, limits).await;
    let mut deaf = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    deaf.write_all(&options("deaf")).await.unwrap();
    let (_, flow) = message(&mut arrivals).await;
    // Well above what the kernel buffers for one loopback connection.
    for _ in 0..400 {
        net.send(vec![b'x'; 60_000], flow);
    }
    assert_eq!(closed(&mut arrivals).await, flow);
    // What is still sent to the flow tries, in vain, to connect to the peer; that may be given up, too.
    assert!(net.counts().connections_timed_out >= 1);
}

#[tokio::test]
async fn one_source_does_not_take_every_place() {
    let (net, mut arrivals) = start(8, Limits { per_source: 2, ..Limits::default() }).await;
    let mut places = Vec::new();
    for call_id in ["one", "two"] {
        let mut phone = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
        phone.write_all(&options(call_id)).await.unwrap();
        message(&mut arrivals).await;
        places.push(phone);
    }
    let mut third = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    assert!(hung_up(&mut third).await);
    assert_eq!((net.counts().sources_refused, net.counts().connections_refused), (1, 0));
    // Connections of ours to that address are not counted against it.
    let trunk = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let local = net.tcp_local().unwrap();
    net.send(options("out"), Flow { transport: Transport::Tcp, local, remote: trunk.local_addr().unwrap() });
    let _accepted = timeout(PATIENCE, trunk.accept()).await.unwrap().unwrap();
    drop(places.pop());
    closed(&mut arrivals).await;
    let mut next = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    next.write_all(&options("next")).await.unwrap();
    assert_eq!(message(&mut arrivals).await.0, "next", "the place is free again");
}

#[tokio::test]
async fn a_silent_connection_of_ours_is_kept_open() {
    let (net, _arrivals) =
        start(8, Limits { keep_alive: Duration::from_millis(20), ..Limits::default() }).await;
    let trunk = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let local = net.tcp_local().unwrap();
    net.send(b"x".to_vec(), Flow { transport: Transport::Tcp, local, remote: trunk.local_addr().unwrap() });
    let (mut stream, _) = timeout(PATIENCE, trunk.accept()).await.unwrap().unwrap();
    assert_eq!(heard_tcp(&mut stream, "\r\n\r\n\r\n\r\n").await, "x\r\n\r\n\r\n\r\n");
}

#[tokio::test]
async fn strays_cost_one_look_and_giants_come_whole() {
    let (net, mut arrivals) = start(8, Limits::default()).await;
    let (phone, to) = (phone().await, net.udp_local().unwrap());
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 92]].concat();
    for bytes in [&stun[..], &[0x80; 172], b"short", &[0x16; 200]] {
        phone.send_to(bytes, to).await.unwrap();
    }
    let body = "x".repeat(60_000);
    let giant = String::from_utf8(options("giant")).unwrap().replace("Length: 0", "Length: 60000") + &body;
    phone.send_to(giant.as_bytes(), to).await.unwrap();
    assert_eq!(message(&mut arrivals).await.0, "giant");
    let counts = net.counts();
    assert_eq!((counts.garbage, counts.malformed, counts.messages), (4, 0, 1));
}

#[tokio::test]
async fn both_families_are_listened_to_and_each_is_answered_from_its_own_socket() {
    let both: Vec<SocketAddr> = vec!["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()];
    let listeners = SipListeners { udp: both.clone(), tcp: both, ..SipListeners::default() };
    let (net, mut arrivals) = start_at(listeners, 8, Limits::default()).await;
    let six = net.udp.addresses().find(SocketAddr::is_ipv6).unwrap();
    for to in [net.udp_local().unwrap(), six] {
        let phone = UdpSocket::bind(SocketAddr::new(to.ip(), 0)).await.unwrap();
        phone.send_to(&options("one"), to).await.unwrap();
        let (_, flow) = message(&mut arrivals).await;
        assert_eq!((flow.local, flow.remote), (to, phone.local_addr().unwrap()));
        net.send(b"answer".to_vec(), flow);
        let mut buffer = [0; 16];
        let (len, from) = timeout(PATIENCE, phone.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!((&buffer[..len], from), (&b"answer"[..], to));
    }
}

#[tokio::test]
async fn dropping_the_net_closes_its_sockets() {
    let (net, mut arrivals) = start(8, Limits::default()).await;
    let mut phone = TcpStream::connect(net.tcp_local().unwrap()).await.unwrap();
    phone.write_all(&options("last")).await.unwrap();
    message(&mut arrivals).await;
    drop(net);
    assert!(hung_up(&mut phone).await);
    assert!(timeout(PATIENCE, arrivals.recv()).await.unwrap().is_none());
}
