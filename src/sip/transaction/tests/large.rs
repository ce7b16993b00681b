//! Requests too large for a datagram (RFC 3261 18.1.1): what is spared, when TCP is tried, when UDP follows.
//! Also peers that change connections in mid-transaction (RFC 5626 5.3).

use super::super::large::MAX_DATAGRAM_LEN;
use super::*;
use crate::sip::message::Transport::{Tcp, Udp, Ws};

/// An INVITE of ours with so large a body.
fn invite(body: usize) -> Request {
    let mut invite = unsent(Method::Invite);
    invite.headers.push("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO");
    invite.body = vec![b'x'; body];
    invite
}

/// The transport of each message that went out, and how its Via calls it.
fn ways(bench: &Bench) -> Vec<(Transport, String)> {
    let sent = bench.seen.iter().filter_map(|output| match output {
        Output::Transmit { bytes, flow } => Some((flow.transport, parse(bytes))),
        _ => None,
    });
    sent.map(|(transport, message)| match message {
        Message::Request(request) => (transport, request.via[0].transport.clone()),
        Message::Response(response) => panic!("{} is no request", response.status.0),
    })
    .collect()
}

fn large(bench: &mut Bench) -> ClientTransactionId {
    let transaction = bench.layer.send_request(invite(MAX_DATAGRAM_LEN), bench.flow, bench.now).unwrap();
    assert_eq!(bench.drain(), ["> INVITE"]);
    transaction
}

#[test]
fn what_can_be_spared_is_left_out_before_tcp_is_tried() {
    let mut bench = Bench::new(Udp);
    let head = {
        let mut bench = Bench::new(Tcp);
        bench.layer.send_request(invite(0), bench.flow, bench.now).unwrap();
        bench.drain();
        bench.last_sent_request().to_bytes().len()
    };
    for (body, allow, transport) in
        [(MAX_DATAGRAM_LEN - head - 10, true, Udp), (MAX_DATAGRAM_LEN - head, false, Udp), (1300, false, Tcp)]
    {
        bench.layer.send_request(invite(body), bench.flow, bench.now).unwrap();
        bench.drain();
        let sent = bench.last_sent_request();
        assert_eq!(sent.headers.first("Allow").is_some(), allow, "{body}");
        assert_eq!(ways(&bench).last().unwrap().0, transport, "{body}");
    }
}

#[test]
fn tcp_that_answers_carries_the_transaction() {
    let mut bench = Bench::new(Udp);
    large(&mut bench);
    assert_eq!(ways(&bench), [(Tcp, "TCP".to_owned())]);
    bench.flow.transport = Tcp;
    let trying = bench.last_sent_request().response(StatusCode::TRYING, "");
    assert_eq!(bench.receive(trying), ["response 100"]);
    assert_eq!(bench.run(secs(10)), [], "no copy by UDP");
    let busy = bench.last_sent_request().response(StatusCode::BUSY_HERE, "b1");
    assert_eq!(bench.receive(busy), ["> ACK", "response 486"]);
    assert_eq!(ways(&bench)[1], (Tcp, "TCP".to_owned()));
    bench.run(secs(100));
    assert!(bench.layer.table.is_blank());
}

#[test]
fn udp_follows_when_tcp_fails_or_says_nothing() {
    for fails in [true, false] {
        let mut bench = Bench::new(Udp);
        let transaction = large(&mut bench);
        let over_tcp = bench.last_sent_request();
        bench.layer.cancel(transaction, bench.now);
        if fails {
            bench.layer.handle_transport_failed(&flow(Tcp), bench.now);
            assert_eq!(bench.drain(), ["> INVITE"]);
        } else {
            assert_eq!(bench.run(secs(1)), at(&[(1_000, "> INVITE")]));
        }
        let over_udp = bench.last_sent_request();
        assert_eq!(ways(&bench), [(Tcp, "TCP".to_owned()), (Udp, "UDP".to_owned())]);
        assert_eq!(over_udp.via[0].branch(), over_tcp.via[0].branch(), "a peer that got both sees one");
        // It is repeated like any other, and what was wanted of it is not forgotten.
        assert_eq!(bench.run(Duration::from_millis(500)).len(), 1);
        let ringing = over_udp.response(StatusCode::RINGING, "b1");
        assert_eq!(bench.receive(ringing), ["response 180", "> CANCEL"]);
        // This peer is not asked by TCP again for a while.
        large(&mut bench);
        assert_eq!(ways(&bench).last().unwrap().0, Udp);
        bench.run(secs(700));
        assert!(bench.layer.table.is_blank());
        large(&mut bench);
        assert_eq!(ways(&bench).last().unwrap().0, Tcp);
    }
}

#[test]
fn a_peer_that_reconnects_gets_its_ack_there() {
    let mut bench = Bench::new(Ws);
    let transaction = bench.send(Method::Invite);
    bench.drain();
    let invite = bench.last_sent_request();
    let old = bench.flow;
    bench.receive(invite.response(StatusCode::RINGING, "b1"));
    bench.flow.remote.set_port(6000);
    bench.receive(invite.response(StatusCode::RINGING, "b1"));
    assert_eq!(bench.layer.client_flow(transaction), Some(bench.flow));
    bench.layer.handle_transport_failed(&old, bench.now);
    assert_eq!(bench.drain(), [""; 0], "the old connection is nobody's any more");
    assert_eq!(bench.receive(invite.response(StatusCode::BUSY_HERE, "b1")), ["> ACK", "response 486"]);
    let Some(Output::Transmit { flow, .. }) =
        bench.seen.iter().rev().find(|output| matches!(output, Output::Transmit { .. }))
    else {
        panic!("no ACK")
    };
    assert_eq!(*flow, bench.flow);
}

#[test]
fn a_repeated_2xx_is_seen_after_its_connection_broke() {
    let mut bench = Bench::new(Ws);
    bench.send(Method::Invite);
    bench.drain();
    let success = bench.last_sent_request().response(StatusCode::OK, "b1");
    assert_eq!(bench.receive(success.clone()), ["response 200"]);
    bench.layer.handle_transport_failed(&bench.flow.clone(), bench.now);
    bench.flow.remote.set_port(6000);
    assert_eq!(bench.receive(success), ["response 200"], "its ACK was lost with the connection");
}
