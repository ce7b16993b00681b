//! What belongs to the layer as a whole: Via, flows, bounds, merged requests. The single machines are tested
//! in `client` and `server`.

use super::*;
use crate::sip::message::Transport::{Tcp, Udp};
use crate::sip::transaction::{IN_DIALOG_RESERVE, MAX_TRANSACTIONS, TransactionError};

#[test]
fn the_source_of_a_request_is_noted_in_its_via() {
    let mut bench = Bench::new(Udp);
    bench.receive(received(Method::Options, "z9hG4bK1"));
    let via = bench.last_request().via[0].clone();
    assert_eq!(via.received(), Some(bench.flow.remote.ip()), "sent-by is a name");
    assert_eq!(via.rport(), None, "not asked for");

    let mut asked = received(Method::Options, "z9hG4bK2");
    asked.via[0].host = Host::Ip(bench.flow.remote.ip());
    asked.via[0].params.set("rport", None);
    bench.flow.remote.set_port(40_000);
    bench.receive(asked);
    let via = bench.last_request().via[0].clone();
    assert_eq!((via.received(), via.rport()), (Some(bench.flow.remote.ip()), Some(Some(40_000))));

    let mut plain = received(Method::Options, "z9hG4bK3");
    plain.via[0].host = Host::Ip(bench.flow.remote.ip());
    bench.receive(plain);
    assert_eq!(bench.last_request().via[0].received(), None, "nothing to add");

    let mut lying = received(Method::Options, "z9hG4bK4");
    lying.via[0].params.set("received", Some("203.0.113.1".to_owned()));
    bench.receive(lying);
    assert_eq!(bench.last_request().via[0].received(), Some(bench.flow.remote.ip()));
}

#[test]
fn our_via_names_the_flow_and_asks_for_rport() {
    let mut bench = Bench::new(Tcp);
    bench.send(Method::Options);
    bench.drain();
    let first = bench.last_sent_request().via[0].clone();
    assert_eq!((first.transport.as_str(), first.port), ("TCP", Some(5060)));
    assert_eq!(first.host, Host::Ip(bench.flow.local.ip()));
    assert_eq!(first.rport(), Some(None));
    bench.send(Method::Options);
    bench.drain();
    let second = bench.last_sent_request().via[0].clone();
    assert!(first.branch().unwrap().starts_with("z9hG4bK"));
    assert_ne!(first.branch(), second.branch());
}

#[test]
fn ack_of_a_success_has_a_branch_of_its_own_and_no_transaction() {
    let mut bench = Bench::new(Udp);
    bench.layer.send_ack(unsent(Method::Ack), bench.flow);
    assert_eq!(bench.drain(), ["> ACK"]);
    assert!(bench.last_sent_request().via[0].branch().is_some());
    assert!(bench.layer.table.is_blank());
}

#[test]
fn stray_ack_goes_to_the_user_and_leaves_nothing_behind() {
    let mut bench = Bench::new(Udp);
    assert_eq!(bench.receive(received(Method::Ack, "z9hG4bK1")), ["ack"]);
    assert!(bench.layer.table.is_blank());
}

#[test]
fn request_without_via_is_dropped() {
    let mut bench = Bench::new(Udp);
    for method in [Method::Invite, Method::Ack, Method::Cancel] {
        assert_eq!(bench.receive(unsent(method)), [""; 0]);
    }
}

#[test]
fn merged_invite_is_refused() {
    let mut bench = Bench::new(Udp);
    bench.receive(received(Method::Invite, "z9hG4bKway1"));
    assert_eq!(bench.receive(received(Method::Invite, "z9hG4bKway2")), ["> 482 INVITE"]);
    assert_eq!(bench.layer.len(), 1);
    let mut other = received(Method::Invite, "z9hG4bKway2");
    other.cseq.seq += 1;
    assert_eq!(bench.receive(other), ["request INVITE"]);
}

#[test]
fn invite_repeated_with_credentials_under_the_same_cseq_is_no_merged_request() {
    let mut bench = Bench::new(Udp);
    bench.receive(received(Method::Invite, "z9hG4bK1"));
    let transaction = bench.last_transaction();
    bench.respond(transaction, 401);
    assert_eq!(bench.receive(received(Method::Invite, "z9hG4bK2")), ["request INVITE"]);
}

#[test]
fn broken_flow_ends_its_transactions_and_no_others() {
    let mut bench = Bench::new(Tcp);
    bench.send(Method::Invite);
    bench.send(Method::Options);
    bench.receive(received(Method::Invite, "z9hG4bK1"));
    bench.receive(received(Method::Bye, "z9hG4bK2"));
    let mut elsewhere = bench.flow;
    elsewhere.remote.set_port(5071);
    bench.layer.send_request(unsent(Method::Options), elsewhere, bench.now).unwrap();
    bench.drain();
    bench.layer.handle_transport_failed(&bench.flow.clone(), bench.now);
    let expected = ["failed Transport", "failed Transport", "response failed", "response failed"];
    assert_eq!(bench.drain(), expected);
    assert_eq!(bench.layer.len(), 1);
    bench.layer.handle_transport_failed(&bench.flow.clone(), bench.now);
    assert_eq!(bench.drain(), [""; 0]);
}

#[test]
fn full_table_answers_503_and_keeps_the_reserve_for_dialogs() {
    let mut bench = Bench::new(Udp);
    for i in 0..MAX_TRANSACTIONS - IN_DIALOG_RESERVE {
        let request = received(Method::Options, &format!("z9hG4bK{i}"));
        bench.layer.handle_message(request.into(), bench.flow, bench.now);
        while bench.layer.poll_output().is_some() {}
    }
    let full = bench.layer.len();
    assert_eq!(bench.receive(received(Method::Invite, "z9hG4bKlate")), ["> 503 INVITE"]);
    let refusal = bench.last_sent_response();
    assert_eq!(refusal.headers.first("Retry-After"), Some("32"));
    assert_eq!(bench.receive(received(Method::Invite, "z9hG4bKlate")), ["> 503 INVITE"]);
    assert_eq!(bench.last_sent_response(), refusal, "a copy gets the same answer");
    assert_eq!(bench.layer.len(), full);
    let ours = bench.layer.send_request(unsent(Method::Options), bench.flow, bench.now);
    assert_eq!(ours, Err(TransactionError::Full));

    let mut bye = received(Method::Bye, "z9hG4bKbye");
    bye.to.set_tag("b1");
    assert_eq!(bench.receive(bye), ["request BYE"]);
    let mut bye = unsent(Method::Bye);
    bye.to.set_tag("b1");
    bench.layer.send_request(bye, bench.flow, bench.now).unwrap();
    assert_eq!(bench.drain(), ["> BYE"]);
    assert_eq!(bench.layer.len(), full + 2);
}

#[test]
fn the_reserve_has_an_end_too() {
    let mut bench = Bench::new(Udp);
    for i in 0..=MAX_TRANSACTIONS {
        let mut request = received(Method::Bye, &format!("z9hG4bK{i}"));
        request.to.set_tag("b1");
        bench.layer.handle_message(request.into(), bench.flow, bench.now);
        bench.seen.clear();
        while let Some(output) = bench.layer.poll_output() {
            bench.seen.push(output);
        }
    }
    assert_eq!(bench.layer.len(), MAX_TRANSACTIONS);
    assert_eq!(bench.last_sent_response().status, StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn a_request_of_ours_that_comes_back_is_a_loop() {
    let mut bench = Bench::new(Udp);
    bench.send(Method::Invite);
    bench.drain();
    let ours = bench.last_sent_request();
    let mut looped = received(Method::Invite, "z9hG4bKproxy");
    looped.call_id = "another".to_owned();
    looped.via.extend(ours.via.clone());
    assert_eq!(bench.receive(looped.clone()), ["> 482 INVITE"]);
    assert_eq!(bench.layer.len(), 1, "nothing is remembered of it");
    looped.via[1].params.set("branch", Some("z9hG4bKsomebody-elses".to_owned()));
    assert_eq!(bench.receive(looped), ["request INVITE"]);
}

#[test]
fn a_dismissed_request_is_answered_and_forgotten() {
    let mut bench = Bench::new(Udp);
    for method in [Method::Invite, Method::Register] {
        let request = received(method.clone(), "z9hG4bK1");
        for _ in 0..2 {
            assert_eq!(
                bench.receive(request.clone()),
                [format!("request {method}")],
                "a copy is a new request"
            );
            let transaction = bench.last_transaction();
            let taken = bench.last_request();
            assert_eq!(bench.layer.server_flow(transaction), Some(bench.flow));
            let tag = bench.layer.stateless_tag(&taken);
            bench.layer.dismiss(transaction, &taken.response(StatusCode::UNAUTHORIZED, &tag));
            assert_eq!(bench.drain(), [format!("> 401 {method}")]);
            assert!(bench.layer.table.is_blank() && bench.layer.poll_timeout().is_none());
            bench.layer.dismiss(transaction, &taken.response(StatusCode::UNAUTHORIZED, &tag));
            assert_eq!(bench.drain(), [""; 0], "there is nothing left to answer");
        }
    }
}

#[test]
fn an_answer_without_a_transaction_goes_back_by_its_via() {
    let mut bench = Bench::new(Udp);
    let bye = received(Method::Bye, "z9hG4bK1");
    bench.layer.answer_without_transaction(bye, StatusCode::NO_SUCH_DIALOG, bench.flow);
    assert_eq!(bench.drain(), ["> 481 BYE"]);
    assert_eq!(bench.last_sent_response().via[0].received(), Some(bench.flow.remote.ip()));
    assert!(bench.layer.table.is_blank());
}

#[test]
fn copies_ack_and_cancel_of_a_request_are_known() {
    let mut bench = Bench::new(Udp);
    let invite = received(Method::Invite, "z9hG4bK1");
    assert!(!bench.layer.knows(&invite, Udp));
    bench.receive(invite.clone());
    let with = |method: Method, branch: &str| received(method, branch);
    assert!(bench.layer.knows(&invite, Udp));
    assert!(bench.layer.knows(&with(Method::Ack, "z9hG4bK1"), Udp));
    assert!(bench.layer.knows(&with(Method::Cancel, "z9hG4bK1"), Udp));
    assert!(!bench.layer.knows(&with(Method::Bye, "z9hG4bK1"), Udp));
    assert!(!bench.layer.knows(&with(Method::Cancel, "z9hG4bK2"), Udp));
}
