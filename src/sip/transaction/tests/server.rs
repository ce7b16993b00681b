//! Server transactions, timer by timer: RFC 3261 17.2, RFC 6026 7.1. The peer is played by hand-made
//! requests.

use super::*;
use crate::sip::message::Transport::{Tcp, Udp};
use crate::sip::transaction::TransactionError;

const BRANCH: &str = "z9hG4bKpeer1";

/// The bench after a request arrived, and its transaction.
fn arrived(transport: Transport, method: Method) -> (Bench, ServerTransactionId) {
    let mut bench = Bench::new(transport);
    assert_eq!(bench.receive(received(method.clone(), BRANCH)), [format!("request {method}")]);
    let transaction = bench.last_transaction();
    (bench, transaction)
}

/// The ACK a client sends for a failure: same branch.
fn ack() -> Request {
    let mut ack = received(Method::Ack, BRANCH);
    ack.to.set_tag("b1");
    ack
}

#[test]
fn invite_not_answered_soon_gets_trying() {
    let (mut bench, _) = arrived(Udp, Method::Invite);
    assert_eq!(bench.run(secs(60)), at(&[(100, "> 100 INVITE")]));
    assert_eq!(bench.last_sent_response().to.tag(), None, "100 makes no dialog");
    assert_eq!(bench.layer.len(), 1, "the user may take its time");
}

#[test]
fn trying_copies_the_timestamp() {
    let mut bench = Bench::new(Udp);
    let mut invite = received(Method::Invite, BRANCH);
    invite.headers.push("Timestamp", "54");
    bench.receive(invite);
    bench.run(secs(1));
    assert_eq!(bench.last_sent_response().headers.first("Timestamp"), Some("54"));
}

#[test]
fn invite_answered_soon_gets_no_trying() {
    let (mut bench, transaction) = arrived(Udp, Method::Invite);
    assert_eq!(bench.respond(transaction, 180), ["> 180 INVITE"]);
    assert_eq!(bench.run(secs(60)), at(&[]));
}

#[test]
fn repeated_invite_gets_the_latest_provisional_response() {
    let (mut bench, transaction) = arrived(Udp, Method::Invite);
    assert_eq!(bench.receive(received(Method::Invite, BRANCH)), ["> 100 INVITE"]);
    bench.respond(transaction, 180);
    bench.respond(transaction, 183);
    assert_eq!(bench.receive(received(Method::Invite, BRANCH)), ["> 183 INVITE"]);
    assert_eq!(bench.run(secs(1)), at(&[]), "no 100 after all that");
}

#[test]
fn failure_is_repeated_by_timer_g_and_given_up_by_timer_h() {
    let (mut bench, transaction) = arrived(Udp, Method::Invite);
    assert_eq!(bench.respond(transaction, 486), ["> 486 INVITE"]);
    let times = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    let mut expected: Vec<_> = times.iter().map(|millis| (*millis, "> 486 INVITE".to_owned())).collect();
    expected.push((32_000, "response failed".to_owned()));
    assert_eq!(bench.run(secs(100)), expected);
    assert!(bench.layer.table.is_blank());
}

#[test]
fn failure_over_tcp_is_not_repeated_but_awaits_its_ack() {
    let (mut bench, transaction) = arrived(Tcp, Method::Invite);
    bench.respond(transaction, 486);
    assert_eq!(bench.run(secs(100)), at(&[(32_000, "response failed")]));
}

#[test]
fn ack_stops_timers_g_and_h_and_its_copies_are_absorbed_until_timer_i() {
    let (mut bench, transaction) = arrived(Udp, Method::Invite);
    bench.respond(transaction, 486);
    assert_eq!(bench.receive(received(Method::Invite, BRANCH)), ["> 486 INVITE"]);
    assert_eq!(bench.receive(ack()), [""; 0], "the ACK of a failure is no news for the user");
    assert_eq!(bench.receive(ack()), [""; 0]);
    assert_eq!(bench.receive(received(Method::Invite, BRANCH)), [""; 0]);
    assert_eq!(bench.layer.poll_timeout(), Some(bench.start + secs(5)));
    assert_eq!(bench.run(secs(5)), at(&[]));
    assert!(bench.layer.table.is_blank());
}

#[test]
fn ack_over_tcp_ends_the_transaction_at_once() {
    let (mut bench, transaction) = arrived(Tcp, Method::Invite);
    bench.respond(transaction, 486);
    bench.receive(ack());
    assert!(bench.layer.table.is_blank());
}

#[test]
fn success_is_repeated_on_request_only_until_timer_l() {
    let (mut bench, transaction) = arrived(Udp, Method::Invite);
    assert_eq!(bench.layer.retransmit_success(transaction), Err(TransactionError::Unknown));
    assert_eq!(bench.respond(transaction, 200), ["> 200 INVITE"]);
    let first = bench.last_sent_response();
    assert_eq!(bench.receive(received(Method::Invite, BRANCH)), [""; 0], "copies are absorbed");
    assert_eq!(bench.run(secs(31)), at(&[]));
    bench.layer.retransmit_success(transaction).unwrap();
    assert_eq!(bench.drain(), ["> 200 INVITE"]);
    assert_eq!(bench.last_sent_response(), first);
    bench.run(secs(1));
    assert!(bench.layer.table.is_blank());
    assert_eq!(bench.layer.retransmit_success(transaction), Err(TransactionError::Unknown));
}

#[test]
fn ack_of_a_success_goes_to_the_user_whatever_its_branch() {
    let (mut bench, transaction) = arrived(Udp, Method::Invite);
    bench.respond(transaction, 200);
    assert_eq!(bench.receive(ack()), ["ack"], "branch of the INVITE, as careless clients do");
    let mut ack = ack();
    ack.via[0].params.set("branch", Some("z9hG4bKpeer2".to_owned()));
    assert_eq!(bench.receive(ack), ["ack"]);
}

#[test]
fn only_one_final_response_is_taken() {
    let (mut bench, transaction) = arrived(Udp, Method::Invite);
    bench.respond(transaction, 200);
    let late = bench.last_request().response(StatusCode::BUSY_HERE, "b1");
    let again = bench.layer.respond(transaction, &late, bench.now);
    assert_eq!(again, Err(TransactionError::AlreadyAnswered));
    bench.run(secs(40));
    let too_late = bench.layer.respond(transaction, &late, bench.now);
    assert_eq!(too_late, Err(TransactionError::Unknown));
    assert_eq!(bench.drain(), [""; 0]);
}

#[test]
fn request_is_absorbed_until_answered_and_its_answer_repeated_until_timer_j() {
    let (mut bench, transaction) = arrived(Udp, Method::Bye);
    assert_eq!(bench.receive(received(Method::Bye, BRANCH)), [""; 0]);
    assert_eq!(bench.respond(transaction, 100), ["> 100 BYE"]);
    assert_eq!(bench.receive(received(Method::Bye, BRANCH)), ["> 100 BYE"]);
    assert_eq!(bench.respond(transaction, 200), ["> 200 BYE"]);
    assert_eq!(bench.run(secs(31)), at(&[]), "never repeated unasked");
    assert_eq!(bench.receive(received(Method::Bye, BRANCH)), ["> 200 BYE"]);
    bench.run(secs(1));
    assert!(bench.layer.table.is_blank());
}

#[test]
fn answer_over_tcp_ends_the_transaction_at_once() {
    let (mut bench, transaction) = arrived(Tcp, Method::Bye);
    bench.respond(transaction, 200);
    assert!(bench.layer.table.is_blank());
}

#[test]
fn cancel_is_answered_and_told_while_the_invite_is_pending() {
    let (mut bench, transaction) = arrived(Udp, Method::Invite);
    assert_eq!(bench.receive(received(Method::Cancel, BRANCH)), ["> 200 CANCEL", "cancel"]);
    let tag = bench.last_sent_response().to.tag().map(str::to_owned);
    assert_eq!(bench.respond(transaction, 487), ["> 487 INVITE"]);
    assert_eq!(bench.receive(received(Method::Cancel, BRANCH)), ["> 200 CANCEL"], "its copy is no news");
    assert_eq!(bench.last_sent_response().to.tag().map(str::to_owned), tag, "the same answer");
    assert_eq!(bench.layer.len(), 1, "CANCEL takes no place in the table");
}

#[test]
fn cancel_without_its_invite_is_answered_481() {
    let (mut bench, _) = arrived(Udp, Method::Invite);
    assert_eq!(bench.receive(received(Method::Cancel, "z9hG4bKpeer2")), ["> 481 CANCEL"]);
    let mut other_sender = received(Method::Cancel, BRANCH);
    other_sender.via[0].port = Some(5071);
    assert_eq!(bench.receive(other_sender), ["> 481 CANCEL"]);
    bench.flow.remote = SocketAddr::from(([127, 0, 0, 9], 5070));
    assert_eq!(bench.receive(received(Method::Cancel, BRANCH)), ["> 481 CANCEL"], "from elsewhere");
}

#[test]
fn peers_without_the_magic_cookie_are_matched_by_call_id_and_cseq() {
    let mut bench = Bench::new(Udp);
    assert_eq!(bench.receive(received(Method::Invite, "1")), ["request INVITE"]);
    let transaction = bench.last_transaction();
    assert_eq!(bench.receive(received(Method::Invite, "1")), ["> 100 INVITE"]);
    assert_eq!(bench.receive(received(Method::Cancel, "1")), ["> 200 CANCEL", "cancel"]);
    bench.respond(transaction, 487);
    let mut ack = received(Method::Ack, "1");
    ack.to.set_tag("b1");
    assert_eq!(bench.receive(ack), [""; 0]);
    bench.run(secs(5));
    assert!(bench.layer.table.is_blank());
    let mut next = received(Method::Invite, "1");
    next.cseq.seq += 1;
    assert_eq!(bench.receive(next), ["request INVITE"]);
}
