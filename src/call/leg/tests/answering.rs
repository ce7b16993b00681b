//! The answering side: ringing with and without PRACK (RFC 3262), requests within the early dialog, CANCEL and BYE
//! before and after the answer.

use super::*;

const RELIABLY: &str = "Require: 100rel\r\n";

fn offering(more: &str) -> String {
    format!("{more}{}", typed(OFFER))
}

fn rack(bench: &Bench) -> String {
    format!("RAck: {} 1 INVITE\r\n", bench.last_response().headers.first("RSeq").unwrap())
}

#[test]
fn who_does_not_insist_hears_plain_ringing() {
    for more in ["", "Supported: 100rel\r\n"] {
        let mut bench = Bench::new();
        assert_eq!(bench.rung(&offering(more)), ["Prepared", "> 180"]);
        let ringing = bench.last_response();
        assert!(ringing.headers.first("RSeq").is_none() && ringing.headers.first("Require").is_none());
        assert!(ringing.headers.first("Contact").is_some() && ringing.to.tag().is_some());
        assert_eq!(bench.answer(), ["> 200"]);
        assert_eq!(bench.last_response().to.tag(), ringing.to.tag(), "one dialog");
    }
}

#[test]
fn ringing_is_repeated_until_its_prack() {
    let mut bench = Bench::new();
    assert_eq!(bench.rung(&offering(RELIABLY)), ["Prepared", "> 180"]);
    let ringing = bench.last_response();
    assert_eq!(ringing.headers.first("Require"), Some("100rel"));
    assert!(ringing.body.is_empty(), "the answer comes with the 200");
    assert_eq!(bench.run(secs(2)), at(&[(500, "> 180"), (1_500, "> 180")]));
    assert_eq!(bench.last_response(), ringing, "the same response with the same number");
    let (tag, rack) = (bench.our_tag(), rack(&bench));
    let wrong = bench.request("PRACK", 2, &tag, "RAck: 1 2 INVITE\r\n");
    assert_eq!(bench.receive_text(&wrong), ["> 481"]);
    let prack = bench.request("PRACK", 3, &tag, &rack);
    assert_eq!(bench.receive_text(&prack), ["> 200"]);
    assert_eq!(bench.run(secs(20)), at(&[]));
    let again = bench.request("PRACK", 4, &tag, &rack);
    assert_eq!(bench.receive_text(&again), ["> 481"], "acknowledged already");
    assert_eq!(bench.answer(), ["> 200"]);
}

#[test]
fn ringing_nobody_acknowledges_is_given_up_with_504() {
    let mut bench = Bench::new();
    bench.rung(&offering(RELIABLY));
    let events = bench.run(secs(40));
    let (last, before) = events.split_last().unwrap();
    assert!(
        before.iter().any(|(millis, what)| *millis == 32_000 && what == "Ended(NotAcknowledged)"),
        "{events:?}"
    );
    assert_eq!(last.1, "> 504", "repeated until its ACK");
    bench.assert_nothing_left();
}

#[test]
fn the_200_ends_the_repeating_and_its_prack_may_come_late() {
    let mut bench = Bench::new();
    bench.rung(&offering(RELIABLY));
    let rack = rack(&bench);
    assert_eq!(bench.answer(), ["> 200"], "the ringing said nothing about media: no need to wait");
    let tag = bench.our_tag();
    let ack = bench.request("ACK", 1, &tag, "");
    assert_eq!(bench.receive_text(&ack), ["Established"]);
    assert_eq!(bench.run(secs(20)), at(&[]));
    let prack = bench.request("PRACK", 2, &tag, &rack);
    assert_eq!(bench.receive_text(&prack), ["> 200"]);
}

#[test]
fn who_insists_and_offers_nothing_gets_our_offer_with_the_ringing() {
    let mut bench = Bench::new();
    assert_eq!(bench.rung(RELIABLY), ["Prepared", "> 180"]);
    assert!(bench.last_response().body.starts_with(b"v=0"), "RFC 3261 13.2.1");
    assert!(bench.leg.as_ref().unwrap().awaits_prack());
    assert_eq!(bench.answer(), [""; 0], "the 2xx waits for the PRACK (RFC 3262 3)");
    let (tag, rack) = (bench.our_tag(), rack(&bench));
    let update = bench.request("UPDATE", 2, &tag, &typed(OFFER));
    assert_eq!(bench.receive_text(&update), ["> 491"], "our offer is unanswered");
    let prack = bench.request("PRACK", 3, &tag, &format!("{rack}{}", typed(OFFER)));
    assert_eq!(bench.receive_text(&prack), ["Acknowledged", "> 200"]);
    let update = bench.request("UPDATE", 4, &tag, &typed(&sdp("sendonly")));
    assert_eq!(bench.receive_text(&update), ["Held", "> 200"], "and from here on either side may offer");
    assert_eq!(bench.answer(), ["> 200"]);
    assert!(bench.last_response().body.is_empty(), "all was said before");
    let ack = bench.request("ACK", 1, &tag, "");
    assert_eq!(bench.receive_text(&ack), ["Established"]);
}

#[test]
fn a_prack_whose_answer_cannot_be_used_ends_the_call() {
    for body in [String::new(), typed("v=0\r\nnonsense"), typed(&OFFER.replace("AVP 8", "AVP 97"))] {
        let mut bench = Bench::new();
        bench.rung(RELIABLY);
        let (tag, rack) = (bench.our_tag(), rack(&bench));
        let prack = bench.request("PRACK", 2, &tag, &format!("{rack}{body}"));
        let seen = bench.receive_text(&prack);
        assert_eq!(seen[0], "Ended(MediaFailed)", "{seen:?}");
        assert!(seen[1..].iter().all(|what| what == "> 400" || what == "> 488"), "{seen:?}");
        bench.assert_nothing_left();
    }
}

#[test]
fn an_offer_before_the_first_one_is_answered_is_put_off() {
    let mut bench = Bench::new();
    bench.rung(&offering(""));
    let tag = bench.our_tag();
    for (seq, method) in [(2, "UPDATE"), (3, "INVITE")] {
        let request = bench.request(method, seq, &tag, &typed(OFFER));
        assert_eq!(bench.receive_text(&request), ["> 500"], "{method}");
        let wait: u32 = bench.last_response().headers.first("Retry-After").unwrap().parse().unwrap();
        assert!(wait <= 10, "{wait}");
    }
    let target = bench.request("UPDATE", 4, &tag, "").replace("peer@192.0.2.7:5070", "peer@192.0.2.9");
    assert_eq!(bench.receive_text(&target), ["> 200"], "without an offer there is nothing to cross");
    assert!(bench.last_response().headers.first("Session-Expires").is_none(), "no session to time yet");
    bench.answer();
    let ack = bench.request("ACK", 1, &tag, "");
    bench.receive_text(&ack);
    bench.step(|leg, turn| {
        leg.hang_up(turn);
        None
    });
    assert_eq!(bench.last_request().uri.to_string(), "sip:peer@192.0.2.9", "the target was moved");
}

#[test]
fn cancel_before_the_answer_ends_the_call_and_after_it_changes_nothing() {
    let mut bench = Bench::new();
    let invite = bench.request("INVITE", 1, "", &typed(OFFER));
    bench.receive_text(&invite);
    let cancel = |invite: &str| {
        let head = invite.split("Content-Type").next().unwrap().replace("INVITE", "CANCEL");
        format!("{head}Content-Length: 0\r\n\r\n")
    };
    assert_eq!(bench.receive_text(&cancel(&invite)), ["> 200", "Ended(PeerCancelled)", "> 487"]);
    bench.assert_nothing_left();

    let mut bench = Bench::new();
    let invite = bench.request("INVITE", 1, "", &typed(OFFER));
    bench.receive_text(&invite);
    bench.open_media();
    bench.answer();
    let tag = bench.our_tag();
    assert_eq!(bench.receive_text(&cancel(&invite)), ["> 200"], "too late");
    let ack = bench.request("ACK", 1, &tag, "");
    assert_eq!(bench.receive_text(&ack), ["Established"]);
}

#[test]
fn bye_may_end_a_call_that_still_rings() {
    let mut bench = Bench::new();
    bench.rung(&offering(""));
    let tag = bench.our_tag();
    let bye = bench.request("BYE", 2, &tag, "");
    assert_eq!(bench.receive_text(&bye), ["Ended(PeerCancelled)", "> 200", "> 487"]);
    assert_eq!(bench.our_tag(), tag, "the refusal belongs to the same dialog");
    bench.assert_nothing_left();
}

#[test]
fn what_cannot_be_taken_is_refused_before_anything_is_opened() {
    let mixed = |parts: &str| {
        format!("Content-Type: multipart/mixed;boundary=b\r\nContent-Length: {}\r\n\r\n{parts}", parts.len())
    };
    let part = |kind: &str, body: &str| format!("--b\r\n{kind}\r\n\r\n{body}\r\n");
    let sdp = part("Content-Type: application/sdp", OFFER);
    let unknown = part("Content-Type: application/isup", "x");
    let optional =
        part("Content-Type: application/isup\r\nContent-Disposition: signal;handling=optional", "x");
    for (tail, status, header) in [
        (mixed(&format!("{unknown}{sdp}--b--")), 415, Some("Accept")),
        (mixed(&format!("{sdp}{unknown}")), 400, None),
        (format!("Content-Encoding: gzip\r\n{}", typed(OFFER)), 415, Some("Accept-Encoding")),
        (format!("Supported: timer\r\nSession-Expires: 60\r\n{}", typed(OFFER)), 422, Some("Min-SE")),
    ] {
        let mut bench = Bench::new();
        let invite = bench.request("INVITE", 1, "", &tail);
        assert_eq!(bench.receive_text(&invite), [format!("> {status}")], "{tail}");
        assert!(header.is_none_or(|header| bench.last_response().headers.first(header).is_some()), "{tail}");
        assert!(bench.leg.is_none() && bench.effects.is_empty());
    }
    let mut bench = Bench::new();
    assert_eq!(bench.rung(&mixed(&format!("{optional}{sdp}--b--"))), ["Prepared", "> 180"]);
    assert_eq!(bench.answer(), ["> 200"]);
    assert!(bench.last_response().body.starts_with(b"v=0"));
    for header in ["Allow", "Supported", "Accept", "Contact"] {
        assert!(bench.last_response().headers.first(header).is_some(), "{header}");
    }
}
