//! The calling side: early dialogs and their PRACKs, sound before the answer, forks, redirections, challenges, larger
//! intervals (RFC 3261 8.1.3, 13.2, RFC 3262 4, RFC 4028 7.3).

use super::*;
use crate::sip::credentials::Credentials;
use crate::sip::message::Method;

const RELIABLY: (&str, &str) = ("Require", "100rel");

#[test]
fn our_invite_says_what_we_can_and_demands_nothing() {
    let mut bench = Bench::new();
    let invite = bench.calling(|leg| leg);
    assert!(invite.headers.tokens("Supported").any(|tag| tag == "100rel"));
    assert_eq!(invite.headers.first("Session-Expires"), Some("1800"));
    assert_eq!(invite.headers.first("Min-SE"), Some("90"));
    assert!(invite.headers.tokens("Allow").any(|method| method == "UPDATE"));
    assert!(invite.headers.first("Require").is_none());
}

#[test]
fn a_browser_is_not_told_of_prack() {
    let mut bench = Bench::new();
    let invite = bench.calling(|mut leg| {
        leg.flow.transport = Transport::Wss;
        leg
    });
    let tags: Vec<&str> = invite.headers.tokens("Supported").collect();
    assert_eq!(tags, ["timer"]);
}

#[test]
fn reliable_ringing_is_acknowledged_in_order_and_once() {
    let mut bench = Bench::new();
    let invite = bench.calling(|leg| leg);
    assert_eq!(bench.respond(&invite, 180, "desk", &[RELIABLY, ("RSeq", "40")], ""), ["Ringing", "> PRACK"]);
    let prack = bench.last_request();
    assert_eq!(prack.headers.first("RAck"), Some("40 1 INVITE"));
    assert_eq!((prack.uri.to_string().as_str(), prack.cseq.seq), ("sip:desk@192.0.2.7:5070", 2));
    assert_eq!(bench.respond(&prack, 200, "", &[], ""), [""; 0]);
    assert_eq!(bench.respond(&invite, 180, "desk", &[RELIABLY, ("RSeq", "40")], ""), [""; 0], "a copy");
    assert_eq!(bench.respond(&invite, 180, "desk", &[RELIABLY, ("RSeq", "42")], ""), [""; 0], "too early");
    assert_eq!(bench.respond(&invite, 180, "desk", &[RELIABLY, ("RSeq", "41")], ""), ["Ringing", "> PRACK"]);
    let prack = bench.last_request();
    bench.respond(&prack, 200, "", &[], "");
    assert_eq!(bench.respond(&invite, 200, "desk", &[], OFFER), ["Established", "> ACK"]);
    assert_eq!(bench.last_request().cseq.seq, 1, "ACK has the number of its INVITE");
    bench.step(|leg, turn| {
        leg.hang_up(turn);
        None
    });
    assert_eq!(bench.last_request().cseq.seq, 4, "above both PRACKs");
    bench.assert_nothing_left();
}

#[test]
fn plain_ringing_gets_no_prack() {
    let mut bench = Bench::new();
    let invite = bench.calling(|leg| leg);
    assert_eq!(bench.respond(&invite, 180, "desk", &[("RSeq", "40")], ""), ["Ringing"]);
}

#[test]
fn sound_before_the_answer_is_told_once() {
    let mut bench = Bench::new();
    let invite = bench.calling(|leg| leg);
    assert_eq!(bench.respond(&invite, 183, "desk", &[], OFFER), ["EarlyMedia"]);
    assert_eq!(bench.respond(&invite, 183, "desk", &[], OFFER), [""; 0]);
    assert_eq!(bench.respond(&invite, 200, "desk", &[], ""), ["Established", "> ACK"], "as heard before");
}

#[test]
fn what_was_agreed_reliably_stands() {
    let mut bench = Bench::new();
    let invite = bench.calling(|leg| leg);
    let seen = bench.respond(&invite, 183, "desk", &[RELIABLY, ("RSeq", "1")], OFFER);
    assert_eq!(seen, ["EarlyMedia", "> PRACK"]);
    let port = |bench: &Bench| {
        bench.leg.as_ref().unwrap().media.session.as_ref().map(|session| session.remote_rtp.port())
    };
    let other = OFFER.replace("audio 4000", "audio 4002");
    assert_eq!(bench.respond(&invite, 200, "desk", &[], &other), ["Established", "> ACK"]);
    assert_eq!(port(&bench), Some(4_000));
}

#[test]
fn an_early_dialog_takes_requests_and_offers_once_it_is_settled() {
    let mut bench = Bench::new();
    let invite = bench.calling(|leg| leg);
    bench.respond(&invite, 180, "desk", &[], "");
    let from_desk = |bench: &mut Bench, method: &str, seq: u32, tail: &str| {
        let text = bench.request(method, seq, "x", tail);
        let Message::Request(mut request) = parse_datagram(text.as_bytes()).unwrap() else {
            unreachable!("a request was written")
        };
        (request.from, request.to) = (invite.to.clone(), invite.from.clone());
        request.from.set_tag("desk");
        request.call_id = invite.call_id.clone();
        bench.receive(Message::Request(request))
    };
    assert_eq!(from_desk(&mut bench, "UPDATE", 1, ""), ["> 200"]);
    assert_eq!(from_desk(&mut bench, "UPDATE", 2, &typed(OFFER)), ["> 491"], "our offer is unanswered");
    assert_eq!(from_desk(&mut bench, "BYE", 3, ""), ["> 481"], "who is called may not (RFC 3261 15)");
    bench.respond(&invite, 183, "desk", &[RELIABLY, ("RSeq", "1")], OFFER);
    assert_eq!(from_desk(&mut bench, "UPDATE", 4, &typed(&sdp("inactive"))), ["Held", "> 200"]);
}

#[test]
fn the_first_who_answers_has_the_call_and_the_others_are_let_go() {
    let mut bench = Bench::new();
    let invite = bench.calling(|leg| leg);
    for tag in ["a", "b", "c"] {
        bench.respond(&invite, 180, tag, &[], "");
    }
    assert_eq!(bench.routes.dialogs.len(), 3);
    assert_eq!(bench.respond(&invite, 200, "b", &[], OFFER), ["Established", "> ACK"]);
    assert_eq!(bench.routes.dialogs.len(), 1, "the others are over");
    assert_eq!(bench.respond(&invite, 200, "b", &[], OFFER), ["> ACK"], "our ACK was lost");
    for late in ["a", "d"] {
        assert_eq!(bench.respond(&invite, 200, late, &[], OFFER), ["> ACK", "> BYE"], "{late}");
        assert_eq!(bench.last_request().to.tag(), Some(late));
    }
    assert!(!bench.is_ended());
}

#[test]
fn phones_that_ring_are_bounded() {
    let mut bench = Bench::new();
    let invite = bench.calling(|leg| leg);
    for tag in 0..40 {
        assert_eq!(bench.respond(&invite, 180, &format!("t{tag}"), &[], ""), ["Ringing"]);
    }
    assert_eq!(bench.routes.dialogs.len(), 8);
    assert_eq!(
        bench.respond(&invite, 200, "t39", &[], OFFER),
        ["Established", "> ACK"],
        "and still may answer"
    );
    assert_eq!(bench.routes.dialogs.len(), 1);
}

#[test]
fn a_200_that_crosses_our_cancel_is_acknowledged_and_ended() {
    let mut bench = Bench::new();
    let invite = bench.calling(|leg| leg);
    bench.respond(&invite, 180, "desk", &[], "");
    bench.step(|leg, turn| {
        leg.hang_up(turn);
        None
    });
    assert_eq!(bench.drain(), ["> CANCEL"]);
    assert_eq!(bench.respond(&invite, 200, "desk", &[], OFFER), ["> ACK", "> BYE"]);
    bench.assert_nothing_left();
}

#[test]
fn redirections_are_followed_by_q_and_the_rest_is_kept_for_later() {
    let mut bench = Bench::new();
    let invite = bench.calling(|leg| leg);
    let moved = "<sip:203@desk.example>;q=0.1, <sip:202@192.0.2.8:5080>;q=0.9";
    let refusal = |bench: &mut Bench, invite: &Request, status: u16, contact: &str| {
        let mut response = invite.response(StatusCode(status), "x");
        response.headers.push("Contact", contact);
        bench.receive(Message::Response(response))
    };
    assert_eq!(refusal(&mut bench, &invite, 302, moved), ["> ACK", "> INVITE"]);
    let second = bench.last_request();
    assert_eq!(second.uri.to_string(), "sip:202@192.0.2.8:5080");
    assert_eq!((second.cseq.seq, &second.call_id, &second.to), (2, &invite.call_id, &invite.to));
    assert_eq!(bench.leg.as_ref().unwrap().flow.remote.to_string(), "192.0.2.8:5080");
    assert_eq!(bench.respond(&second, 486, "x", &[], ""), ["> ACK", "> INVITE"]);
    let third = bench.last_request();
    assert_eq!(third.uri.to_string(), "sip:203@desk.example");
    assert_eq!(
        refusal(&mut bench, &third, 302, "<sip:201@192.0.2.7:5070>"),
        ["> ACK", "Ended(Refused(StatusCode(302)))"]
    );
    bench.assert_nothing_left();
}

#[test]
fn redirections_end_somewhere() {
    let mut bench = Bench::new();
    let mut invite = bench.calling(|leg| leg);
    let mut hops = 0;
    loop {
        let mut response = invite.response(StatusCode(302), "x");
        response.headers.push("Contact", format!("<sip:hop{hops}@192.0.2.9>"));
        let seen = bench.receive(Message::Response(response));
        if seen.last().unwrap() != "> INVITE" {
            break;
        }
        hops += 1;
        invite = bench.last_request();
    }
    assert_eq!(hops, 4, "five targets with the first");
    bench.assert_nothing_left();
}

#[test]
fn proxies_and_other_services_are_not_followed() {
    for status in [305, 380, 603] {
        let mut bench = Bench::new();
        let invite = bench.calling(|leg| leg);
        let expected = ["> ACK".to_owned(), format!("Ended(Refused(StatusCode({status})))")];
        assert_eq!(bench.respond(&invite, status, "elsewhere", &[], ""), expected);
        bench.assert_nothing_left();
    }
}

#[test]
fn a_challenge_is_answered_where_there_are_credentials() {
    let challenge = ("WWW-Authenticate", "Digest realm=\"provider\", nonce=\"n1\", qop=\"auth\"");
    let mut bench = Bench::new();
    let invite = bench.calling(|leg| leg);
    assert_eq!(bench.respond(&invite, 401, "x", &[challenge], "")[1], "Ended(Refused(StatusCode(401)))");

    let mut bench = Bench::new();
    let credentials = Credentials { user: "city".to_owned(), password: "secret".to_owned(), realm: None };
    let invite = bench.calling(|leg| leg.with_credentials(Some(credentials)));
    assert_eq!(bench.respond(&invite, 401, "x", &[challenge], ""), ["> ACK", "> INVITE"]);
    let again = bench.last_request();
    let proof = again.headers.first("Authorization").unwrap().to_owned();
    assert!(proof.contains("nc=00000001"), "{proof}");
    assert_eq!(bench.respond(&again, 200, "desk", &[], OFFER), ["Established", "> ACK"]);
    assert_eq!(bench.last_request().headers.first("Authorization"), Some(proof.as_str()));
    bench.step(|leg, turn| {
        leg.hang_up(turn);
        None
    });
    let bye = bench.last_request();
    assert_eq!(bye.method, Method::Bye);
    assert!(bye.headers.first("Authorization").unwrap().contains("nc=00000002"), "answered beforehand");
}

#[test]
fn a_larger_interval_is_asked_for_after_422() {
    let mut bench = Bench::new();
    let invite = bench.calling(|leg| leg);
    assert_eq!(bench.respond(&invite, 422, "x", &[("Min-SE", "3600")], ""), ["> ACK", "> INVITE"]);
    let again = bench.last_request();
    assert_eq!(again.headers.first("Session-Expires"), Some("3600"));
    assert_eq!(again.headers.first("Min-SE"), Some("3600"));
    assert_eq!(again.cseq.seq, 2);
    let refused = bench.respond(&again, 422, "x", &[("Min-SE", "3600")], "");
    assert_eq!(refused, ["> ACK", "Ended(Refused(StatusCode(422)))"], "no larger: no circles");
}
