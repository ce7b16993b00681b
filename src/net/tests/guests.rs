//! Connections that others serve: what goes through them, and the limits they share with all others.
//! The WebSocket itself is tested where it is spoken, in `web/tests/sip_socket.rs`.

use super::*;

async fn enter(net: &SipNet, port: u16) -> Result<Guest, Refused> {
    let local = "127.0.0.1:8080".parse().unwrap();
    net.guest_entrance().enter(local, SocketAddr::from(([127, 0, 0, 1], port))).await
}

#[tokio::test]
async fn messages_pass_both_ways_and_the_end_is_told() {
    let (net, mut arrivals) = start(8, Limits::default()).await;
    let mut guest = enter(&net, 4000).await.unwrap();
    assert_eq!(guest.receive(&options("one")).await, Received::Taken);
    let (call_id, flow) = message(&mut arrivals).await;
    assert_eq!((call_id.as_str(), flow.transport, flow.remote.port()), ("one", Transport::Ws, 4000));
    net.send(b"answer".to_vec(), flow);
    assert_eq!(guest.next().await.as_deref(), Some(&b"answer"[..]));
    assert_eq!(guest.receive(b"\r\n\r\n").await, Received::Answer(b"\r\n".to_vec()), "RFC 5626 3.5.1");
    assert_eq!(guest.receive(b"\r\n").await, Received::Taken);
    let Received::Answer(rejection) = guest.receive(&broken()).await else { panic!("no rejection") };
    assert!(rejection.starts_with(b"SIP/2.0 400 "));
    assert!(matches!(next(&mut arrivals).await, Arrival::Malformed { .. }));
    drop(guest);
    assert_eq!(closed(&mut arrivals).await, flow);
    net.send(b"too late".to_vec(), flow);
    assert_eq!(closed(&mut arrivals).await, flow, "a WebSocket is not opened by us");
    assert_eq!((net.counts().connections_opened, net.counts().connections_closed), (1, 1));
}

#[tokio::test]
async fn guests_have_the_limits_of_everybody() {
    let limits = Limits { per_source: 1, first_message: Duration::from_millis(20), ..Limits::default() };
    let (net, mut arrivals) = start(8, limits).await;
    let mut silent = enter(&net, 4000).await.unwrap();
    assert_eq!(enter(&net, 4001).await.err(), Some(Refused::Source));
    assert_eq!(silent.next().await, None, "it never said anything");
    drop(silent);
    closed(&mut arrivals).await;
    enter(&net, 4001).await.unwrap();
    assert_eq!((net.counts().sources_refused, net.counts().connections_timed_out), (1, 1));

    let (net, mut arrivals) = start(8, Limits { send_queue: 1, ..Limits::default() }).await;
    let mut deaf = enter(&net, 4000).await.unwrap();
    deaf.receive(&options("deaf")).await;
    let (_, flow) = message(&mut arrivals).await;
    for _ in 0..3 {
        net.send(b"unread".to_vec(), flow);
    }
    assert_eq!(closed(&mut arrivals).await, flow, "a guest that does not read loses its place");
    let entrance = net.guest_entrance();
    drop(net);
    assert_eq!(deaf.next().await.as_deref(), Some(&b"unread"[..]), "what was queued is there");
    assert_eq!(deaf.next().await, None);
    let refused = entrance.enter(flow.local, flow.remote).await.err();
    assert_eq!(refused, Some(Refused::Closed));
}
