//! Client transactions, timer by timer: RFC 3261 17.1, RFC 6026 7.2. The peer is played by hand-made
//! responses.

use super::*;
use crate::sip::message::Transport::{Tcp, Udp};

/// The bench after our request went out, and that request.
fn sent(transport: Transport, method: Method) -> (Bench, ClientTransactionId, Request) {
    let mut bench = Bench::new(transport);
    let transaction = bench.send(method.clone());
    assert_eq!(bench.drain(), [format!("> {method}")]);
    let request = bench.last_sent_request();
    (bench, transaction, request)
}

#[test]
fn invite_without_answer_is_repeated_by_timer_a_and_given_up_by_timer_b() {
    let (mut bench, ..) = sent(Udp, Method::Invite);
    let expected = at(&[
        (500, "> INVITE"),
        (1_500, "> INVITE"),
        (3_500, "> INVITE"),
        (7_500, "> INVITE"),
        (15_500, "> INVITE"),
        (31_500, "> INVITE"),
        (32_000, "failed Timeout"),
    ]);
    assert_eq!(bench.run(secs(100)), expected);
    assert!(bench.layer.table.is_blank());
}

#[test]
fn invite_over_tcp_is_not_repeated() {
    let (mut bench, ..) = sent(Tcp, Method::Invite);
    assert_eq!(bench.run(secs(100)), at(&[(32_000, "failed Timeout")]));
    assert!(bench.layer.table.is_blank());
}

#[test]
fn a_request_in_a_hurry_starts_over_with_short_intervals_and_is_given_up_when_it_would_have_been() {
    for method in [Method::Update, Method::Invite] {
        let (mut bench, transaction, _) = sent(Udp, method.clone());
        bench.run(secs(8));
        bench.layer.hurry(transaction, bench.now);
        assert_eq!(bench.drain(), [format!("> {method}")]);
        let expected = [8_500, 9_500, 11_500, 15_500].map(|ms| (ms, format!("> {method}")));
        assert_eq!(bench.run(secs(8)), expected);
        assert_eq!(bench.run(secs(60)).last(), Some(&(32_000, "failed Timeout".to_owned())));
        assert!(bench.layer.table.is_blank());

        let (mut bench, answered, request) = sent(Udp, method.clone());
        bench.receive(request.response(StatusCode::OK, "b1"));
        bench.layer.hurry(answered, bench.now);
        let (mut over_tcp, waiting, _) = sent(Tcp, method);
        over_tcp.layer.hurry(waiting, over_tcp.now);
        assert_eq!((bench.drain(), over_tcp.drain()), (vec![], vec![]), "nothing of these is lost");
    }
}

#[test]
fn provisional_response_stops_timers_a_and_b() {
    let (mut bench, _, invite) = sent(Udp, Method::Invite);
    assert_eq!(bench.receive(invite.response(StatusCode::RINGING, "b1")), ["response 180"]);
    assert_eq!(bench.run(secs(180)), at(&[]));
    assert_eq!(bench.receive(invite.response(StatusCode::RINGING, "b1")), ["response 180"]);
    assert_eq!(bench.run(secs(180)), at(&[]), "each provisional response starts timer C again");
    assert_eq!(bench.layer.len(), 1);
}

#[test]
fn endless_ringing_is_cancelled_by_timer_c() {
    let (mut bench, _, invite) = sent(Tcp, Method::Invite);
    bench.receive(invite.response(StatusCode::RINGING, "b1"));
    let expected = at(&[(185_000, "> CANCEL"), (217_000, "failed Timeout")]);
    assert_eq!(bench.run(secs(300)), expected);
    assert!(bench.layer.table.is_blank());
}

#[test]
fn failure_is_acknowledged_each_time_until_timer_d() {
    let (mut bench, _, invite) = sent(Udp, Method::Invite);
    let busy = invite.response(StatusCode::BUSY_HERE, "b1");
    assert_eq!(bench.receive(busy.clone()), ["> ACK", "response 486"]);
    let ack = bench.last_sent_request();
    assert_eq!(ack.via, invite.via, "the ACK of a failure has the branch of its INVITE");
    assert_eq!(ack.to.tag(), Some("b1"));
    assert_eq!((ack.cseq.seq, &ack.cseq.method), (invite.cseq.seq, &Method::Ack));
    assert_eq!(bench.receive(busy.clone()), ["> ACK"], "the user hears of it once");
    assert_eq!(bench.receive(invite.response(StatusCode::RINGING, "b1")), [""; 0]);
    assert_eq!(bench.run(Duration::from_millis(31_999)), at(&[]));
    assert_eq!(bench.receive(busy.clone()), ["> ACK"]);
    bench.run(Duration::from_millis(1));
    assert!(bench.layer.table.is_blank());
    assert_eq!(bench.receive(busy), [""; 0]);
}

#[test]
fn failure_over_tcp_ends_the_transaction_at_once() {
    let (mut bench, _, invite) = sent(Tcp, Method::Invite);
    assert_eq!(bench.receive(invite.response(StatusCode::BUSY_HERE, "b1")), ["> ACK", "response 486"]);
    assert!(bench.layer.table.is_blank());
}

#[test]
fn route_and_via_of_the_invite_lead_its_ack_and_cancel() {
    let mut bench = Bench::new(Udp);
    let mut invite = unsent(Method::Invite);
    invite.headers.push("Route", "<sip:p1.example;lr>");
    invite.headers.push("Route", "<sip:p2.example;lr>");
    let transaction = bench.layer.send_request(invite, bench.flow, bench.now).unwrap();
    bench.drain();
    let invite = bench.last_sent_request();
    bench.receive(invite.response(StatusCode::RINGING, "b1"));
    bench.layer.cancel(transaction, bench.now);
    assert_eq!(bench.drain(), ["> CANCEL"]);
    let cancel = bench.last_sent_request();
    bench.receive(invite.response(StatusCode::REQUEST_TERMINATED, "b1"));
    let ack = bench.last_sent_request();
    for companion in [&cancel, &ack] {
        let routes: Vec<&str> = companion.headers.all("Route").collect();
        assert_eq!(routes, ["<sip:p1.example;lr>", "<sip:p2.example;lr>"]);
        assert_eq!(companion.via, invite.via);
        assert_eq!(companion.uri, invite.uri);
        assert_eq!(companion.cseq.seq, invite.cseq.seq);
    }
    assert_eq!(cancel.to, invite.to, "CANCEL repeats To as it was in the INVITE");
}

#[test]
fn every_success_reaches_the_user_until_timer_m() {
    let (mut bench, _, invite) = sent(Udp, Method::Invite);
    let ok = invite.response(StatusCode::OK, "b1");
    let fork = invite.response(StatusCode::OK, "b2");
    assert_eq!(bench.receive(ok.clone()), ["response 200"], "no ACK of the layer's own");
    assert_eq!(bench.run(secs(31)), at(&[]));
    assert_eq!(bench.receive(ok.clone()), ["response 200"]);
    assert_eq!(bench.receive(fork), ["response 200"]);
    assert_eq!(bench.receive(invite.response(StatusCode::BUSY_HERE, "b2")), [""; 0]);
    bench.run(secs(1));
    assert!(bench.layer.table.is_blank());
    assert_eq!(bench.receive(ok), [""; 0]);
}

#[test]
fn cancel_waits_for_a_provisional_response() {
    let (mut bench, transaction, invite) = sent(Udp, Method::Invite);
    bench.layer.cancel(transaction, bench.now);
    assert_eq!(bench.drain(), [""; 0]);
    assert_eq!(bench.run(secs(1)), at(&[(500, "> INVITE")]), "the INVITE is still repeated");
    assert_eq!(bench.receive(invite.response(StatusCode::TRYING, "")), ["response 100", "> CANCEL"]);
    let cancel = bench.last_sent_request();
    bench.layer.cancel(transaction, bench.now);
    assert_eq!(bench.drain(), [""; 0], "cancelling twice sends nothing");
    assert_eq!(bench.receive(cancel.response(StatusCode::OK, "b1")), [""; 0], "its answer is nobody's news");
    assert_eq!(
        bench.receive(invite.response(StatusCode::REQUEST_TERMINATED, "b1")),
        ["> ACK", "response 487"]
    );
    bench.run(secs(40));
    assert!(bench.layer.table.is_blank());
}

#[test]
fn cancel_is_repeated_until_answered() {
    let (mut bench, transaction, invite) = sent(Udp, Method::Invite);
    bench.receive(invite.response(StatusCode::RINGING, "b1"));
    bench.layer.cancel(transaction, bench.now);
    assert_eq!(bench.drain(), ["> CANCEL"]);
    let events = bench.run(secs(10));
    assert_eq!(
        events,
        at(&[(500, "> CANCEL"), (1_500, "> CANCEL"), (3_500, "> CANCEL"), (7_500, "> CANCEL")])
    );
}

#[test]
fn cancelled_invite_without_final_response_ends_after_64_t1() {
    let (mut bench, transaction, invite) = sent(Tcp, Method::Invite);
    bench.receive(invite.response(StatusCode::RINGING, "b1"));
    bench.run(secs(2));
    bench.layer.cancel(transaction, bench.now);
    bench.drain();
    assert_eq!(bench.run(secs(100)), at(&[(34_000, "failed Timeout")]));
    assert!(bench.layer.table.is_blank());
}

#[test]
fn cancel_after_the_final_response_does_nothing() {
    let (mut bench, transaction, invite) = sent(Udp, Method::Invite);
    bench.receive(invite.response(StatusCode::OK, "b1"));
    bench.layer.cancel(transaction, bench.now);
    assert_eq!(bench.drain(), [""; 0]);
}

#[test]
fn request_without_answer_is_repeated_by_timer_e_up_to_t2_and_given_up_by_timer_f() {
    let (mut bench, ..) = sent(Udp, Method::Options);
    let times = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    let mut expected: Vec<_> = times.iter().map(|millis| (*millis, "> OPTIONS".to_owned())).collect();
    expected.push((32_000, "failed Timeout".to_owned()));
    assert_eq!(bench.run(secs(100)), expected);
    assert!(bench.layer.table.is_blank());
}

#[test]
fn provisional_response_slows_timer_e_to_t2() {
    let (mut bench, _, bye) = sent(Udp, Method::Bye);
    assert_eq!(bench.receive(bye.response(StatusCode::TRYING, "")), ["response 100"]);
    let expected = at(&[(500, "> BYE"), (4_500, "> BYE"), (8_500, "> BYE")]);
    assert_eq!(bench.run(secs(9)), expected);
}

#[test]
fn final_response_is_told_once_and_absorbed_until_timer_k() {
    let (mut bench, _, bye) = sent(Udp, Method::Bye);
    let ok = bye.response(StatusCode::OK, "b1");
    assert_eq!(bench.receive(ok.clone()), ["response 200"]);
    assert_eq!(bench.receive(ok), [""; 0]);
    assert_eq!(bench.layer.poll_timeout(), Some(bench.start + secs(5)));
    assert_eq!(bench.run(secs(5)), at(&[]));
    assert!(bench.layer.table.is_blank());
}

#[test]
fn final_response_over_tcp_ends_the_transaction_at_once() {
    let (mut bench, _, bye) = sent(Tcp, Method::Bye);
    bench.receive(bye.response(StatusCode::OK, "b1"));
    assert!(bench.layer.table.is_blank());
}

#[test]
fn a_lost_response_is_made_good_by_the_next_copy() {
    let (mut bench, _, bye) = sent(Udp, Method::Bye);
    assert_eq!(bench.run(secs(2)), at(&[(500, "> BYE"), (1_500, "> BYE")]));
    assert_eq!(bench.last_sent_request(), bye, "copies are the same message");
    assert_eq!(bench.receive(bye.response(StatusCode::OK, "b1")), ["response 200"]);
    bench.run(secs(5));
    assert!(bench.layer.table.is_blank());
}

#[test]
fn responses_that_are_not_ours_are_dropped() {
    let (mut bench, _, bye) = sent(Udp, Method::Bye);
    let mut foreign = bye.response(StatusCode::OK, "b1");
    foreign.via[0].params.set("branch", Some("z9hG4bKother".to_owned()));
    let mut misrouted = bye.response(StatusCode::OK, "b1");
    misrouted.via.push(misrouted.via[0].clone());
    let mut other_method = bye.response(StatusCode::OK, "b1");
    other_method.cseq.method = Method::Invite;
    let mut without_via = bye.response(StatusCode::OK, "b1");
    without_via.via.clear();
    for response in [foreign, misrouted, other_method, without_via] {
        assert_eq!(bench.receive(response), [""; 0]);
    }
    assert_eq!(bench.layer.len(), 1);
}
