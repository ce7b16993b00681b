//! Within the dialog: UPDATE and re-INVITE that hold, resume and cross (RFC 3311, RFC 3261 14), and the session timer
//! on both sides (RFC 4028 10).

use super::*;

/// A timer of 90 s that the peer has to refresh, and one that we do.
const PEER_REFRESHES: &str = "Supported: timer\r\nSession-Expires: 90\r\n";
const WE_REFRESH: &str = "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n";
const UPDATE_ALLOWED: &str = "Allow: INVITE, ACK, BYE, UPDATE\r\n";

fn offering(more: &str) -> String {
    format!("{more}{}", typed(OFFER))
}

#[test]
fn update_holds_and_resumes() {
    let mut bench = Bench::new();
    let tag = bench.talking(&offering(""));
    let hold = bench.request("UPDATE", 2, &tag, &typed(&sdp("sendonly")));
    assert_eq!(bench.receive_text(&hold), ["Held", "> 200"]);
    let answer = String::from_utf8(bench.last_response().body).unwrap();
    assert!(answer.contains("a=recvonly") && answer.contains(" 2 IN IP4"), "a new version: {answer}");
    let keep = bench.request("UPDATE", 3, &tag, "");
    assert_eq!(bench.receive_text(&keep), ["> 200"], "without an offer nothing changes");
    let resume = bench.request("UPDATE", 4, &tag, &typed(OFFER));
    assert_eq!(bench.receive_text(&resume), ["Resumed", "> 200"]);
}

#[test]
fn an_update_that_cannot_be_used_changes_nothing() {
    let mut bench = Bench::new();
    let tag = bench.talking(&offering(""));
    let opus = OFFER.replace("AVP 8", "AVP 97");
    for (seq, tail, status) in [
        (2, typed(&opus), "> 488"),
        (3, "Content-Type: text/html\r\nContent-Length: 1\r\n\r\nx".to_owned(), "> 415"),
        (4, "Supported: timer\r\nSession-Expires: 30\r\n".to_owned(), "> 422"),
    ] {
        let update = bench.request("UPDATE", seq, &tag, &tail);
        assert_eq!(bench.receive_text(&update), [status]);
    }
    assert!(!bench.leg.as_ref().unwrap().is_held());
}

#[test]
fn a_second_reinvite_before_the_ack_of_the_first_is_put_off() {
    let mut bench = Bench::new();
    let tag = bench.talking(&offering(""));
    let hold = bench.request("INVITE", 2, &tag, &typed(&sdp("inactive")));
    assert_eq!(bench.receive_text(&hold), ["Held", "> 200"]);
    let early = bench.request("INVITE", 3, &tag, &typed(OFFER));
    assert_eq!(bench.receive_text(&early), ["> 491"]);
    let ack = bench.request("ACK", 2, &tag, "");
    bench.receive_text(&ack);
    let ack = bench.request("ACK", 3, &tag, "");
    bench.receive_text(&ack);
    let resume = bench.request("INVITE", 4, &tag, &typed(OFFER));
    assert_eq!(bench.receive_text(&resume), ["Resumed", "> 200"]);
}

#[test]
fn a_session_the_peer_refreshes_goes_on_and_then_expires() {
    let mut bench = Bench::new();
    let tag = bench.talking(&offering(PEER_REFRESHES));
    let answer = bench.last_response();
    assert_eq!(answer.headers.first("Session-Expires"), Some("90;refresher=uac"));
    assert_eq!(answer.headers.first("Require"), Some("timer"));
    assert_eq!(bench.run(secs(59)), at(&[]));
    let refresh =
        bench.request("UPDATE", 2, &tag, "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n");
    assert_eq!(bench.receive_text(&refresh), ["> 200"]);
    assert_eq!(bench.last_response().headers.first("Session-Expires"), Some("90;refresher=uac"));
    assert_eq!(bench.run(secs(59)), at(&[]));
    let events = bench.run(secs(1));
    assert_eq!(events, at(&[(119_000, "Ended(SessionExpired)"), (119_000, "> BYE")]), "30 s before its end");
    bench.assert_nothing_left();
}

#[test]
fn a_reinvite_refreshes_too_and_one_without_timer_ends_the_timing() {
    let mut bench = Bench::new();
    let tag = bench.talking(&offering(PEER_REFRESHES));
    bench.run(secs(50));
    let reinvite = bench.request("INVITE", 2, &tag, &offering(PEER_REFRESHES));
    assert_eq!(bench.receive_text(&reinvite), ["> 200"]);
    let ack = bench.request("ACK", 2, &tag, "");
    bench.receive_text(&ack);
    assert_eq!(bench.run(secs(50)), at(&[]));
    let plain = bench.request("INVITE", 3, &tag, &typed(OFFER));
    bench.receive_text(&plain);
    assert!(bench.last_response().headers.first("Session-Expires").is_none());
    let ack = bench.request("ACK", 3, &tag, "");
    bench.receive_text(&ack);
    assert_eq!(bench.run(secs(3_600)), at(&[]), "a peer without timers is not timed");
}

#[test]
fn we_refresh_by_update_at_half_the_interval() {
    let mut bench = Bench::new();
    bench.talking(&offering(&format!("{WE_REFRESH}{UPDATE_ALLOWED}")));
    for round in 1..=3 {
        assert_eq!(bench.run(secs(45)), at(&[(round * 45_000, "> UPDATE")]));
        let update = bench.last_request();
        assert_eq!(update.headers.first("Session-Expires"), Some("90;refresher=uac"));
        assert!(update.body.is_empty());
        bench.respond(&update, 200, "", &[("Session-Expires", "90;refresher=uac")], "");
    }
}

#[test]
fn who_takes_no_update_gets_a_reinvite_that_changes_nothing() {
    let mut bench = Bench::new();
    bench.talking(&offering(WE_REFRESH));
    assert_eq!(bench.run(secs(45)), at(&[(45_000, "> INVITE")]));
    let reinvite = bench.last_request();
    assert!(
        String::from_utf8(reinvite.body.clone()).unwrap().contains(" 2 IN IP4"),
        "more than the answer said"
    );
    let more = [("Session-Expires", "90;refresher=uac")];
    assert_eq!(bench.respond(&reinvite, 200, "", &more, OFFER), ["> ACK"]);
    assert_eq!(bench.respond(&reinvite, 200, "", &more, OFFER), ["> ACK"], "our ACK was lost");
    assert_eq!(bench.run(secs(44)), at(&[]));
    assert_eq!(bench.run(secs(1)), at(&[(90_000, "> INVITE")]));
    assert_eq!(bench.last_request().body, reinvite.body, "the same again is no new version (RFC 3264 8)");
}

#[test]
fn our_reinvite_keeps_the_peers_payload_types_and_m_lines() {
    let mut bench = Bench::new();
    let offer = OFFER.replace("m=audio", "m=video 4002 RTP/AVP 97\r\nm=audio").replace("101", "96");
    bench.talking(&format!("{WE_REFRESH}{}", typed(&offer)));
    bench.run(secs(45));
    let body = String::from_utf8(bench.sent_request("INVITE").body).unwrap();
    for line in
        ["m=video 0 RTP/AVP 97\r\nm=audio 20000 RTP/AVP 8 0 96\r\n", "a=rtpmap:96 telephone-event/8000\r\n"]
    {
        assert!(body.contains(line), "{line}: {body}");
    }
}

#[test]
fn who_promised_update_and_refuses_it_gets_a_reinvite() {
    let mut bench = Bench::new();
    bench.talking(&offering(&format!("{WE_REFRESH}{UPDATE_ALLOWED}")));
    bench.run(secs(45));
    let update = bench.last_request();
    assert_eq!(bench.respond(&update, 501, "", &[], ""), ["> INVITE"]);
}

#[test]
fn a_refresh_that_crosses_another_offer_waits_by_the_rule() {
    for (ours, range) in [(false, 0..=2_000), (true, 2_100..=4_000)] {
        let mut bench = Bench::new();
        if ours {
            bench.answered(&[("Session-Expires", "90;refresher=uac")]);
        } else {
            bench.talking(&offering(WE_REFRESH));
        }
        bench.run(secs(45));
        let reinvite = bench.sent_request("INVITE");
        assert_eq!(bench.respond(&reinvite, 491, "", &[], ""), ["> ACK"]);
        let events = bench.run(secs(5));
        let waited = events.first().filter(|(_, what)| what == "> INVITE").map(|(at, _)| at - 45_000);
        assert!(waited.is_some_and(|waited| range.contains(&waited)), "ours {ours}: {events:?}");
    }
}

#[test]
fn offers_that_cross_our_reinvite_are_put_off() {
    let mut bench = Bench::new();
    let tag = bench.talking(&offering(WE_REFRESH));
    bench.run(secs(45));
    for (seq, method) in [(2, "INVITE"), (3, "UPDATE")] {
        let request = bench.request(method, seq, &tag, &typed(OFFER));
        assert_eq!(bench.receive_text(&request), ["> 491"], "{method}");
    }
    let update = bench.request("UPDATE", 4, &tag, "");
    assert_eq!(bench.receive_text(&update), ["> 200"], "there is no offer in it");
}

#[test]
fn a_refresh_nobody_answers_ends_the_call() {
    let mut bench = Bench::new();
    bench.talking(&offering(&format!("{WE_REFRESH}{UPDATE_ALLOWED}")));
    let events = bench.run(secs(80));
    let end = events.iter().find(|(_, what)| what.starts_with("Ended"));
    // The session is over 60 s after the last news; the UPDATE itself would be given up later.
    assert_eq!(end, Some(&(60_000, "Ended(SessionExpired)".to_owned())), "{events:?}");
    bench.assert_nothing_left();
}

#[test]
fn a_refresh_answered_481_ends_the_call_and_another_refusal_does_not() {
    let mut bench = Bench::new();
    bench.talking(&offering(&format!("{WE_REFRESH}{UPDATE_ALLOWED}")));
    bench.run(secs(45));
    let update = bench.last_request();
    assert_eq!(bench.respond(&update, 500, "", &[], ""), [""; 0]);
    assert_eq!(bench.run(secs(10)), at(&[(55_000, "> UPDATE")]), "tried again");
    let update = bench.last_request();
    assert_eq!(bench.respond(&update, 481, "", &[], ""), ["Ended(Unreachable)", "> BYE"]);
    bench.assert_nothing_left();
}

/// Asks the peer, which went quiet, once more.
fn ask(bench: &mut Bench) -> Vec<String> {
    bench.step(|leg, turn| {
        leg.ask_whether_it_knows_the_call(turn);
        None
    });
    bench.drain()
}

#[test]
fn a_quiet_peer_is_asked_and_only_one_that_knows_no_call_ends_it() {
    for more in ["", WE_REFRESH] {
        let mut bench = Bench::new();
        bench.talking(&offering(&format!("{more}{UPDATE_ALLOWED}")));
        assert_eq!(ask(&mut bench), ["> UPDATE"], "{more}");
        let update = bench.last_request();
        let timed = update.headers.first("Session-Expires").is_some();
        assert_eq!(timed, !more.is_empty(), "no timer is begun by asking");
        assert_eq!(ask(&mut bench), [""; 0], "one question at a time");
        assert_eq!(bench.respond(&update, 200, "", &[], ""), [""; 0], "muted, but there");
        assert_eq!(ask(&mut bench), ["> UPDATE"], "{more}");
        let update = bench.last_request();
        assert_eq!(bench.respond(&update, 481, "", &[], ""), ["Ended(Unreachable)", "> BYE"]);
        bench.assert_nothing_left();
    }
}

#[test]
fn a_quiet_phone_that_comes_back_is_asked_at_once_what_it_left_unanswered() {
    let mut bench = Bench::new();
    bench.talking(&offering(UPDATE_ALLOWED));
    assert_eq!(ask(&mut bench), ["> UPDATE"]);
    bench.run(secs(8));
    let registers = |bench: &mut Bench, contact: &str| {
        let contact = Uri::parse(contact).unwrap();
        bench.step(|leg, turn| {
            leg.follow_registration(&contact, leg.flow, turn.sip, turn.now.mono);
            None
        });
        bench.drain()
    };
    let of_this_boot = "sip:another-name@192.0.2.9:5070";
    assert_eq!(registers(&mut bench, of_this_boot), ["> UPDATE"]);
    let update = bench.last_request();
    assert_eq!(bench.respond(&update, 481, "", &[], ""), ["Ended(Unreachable)", "> BYE"]);
    assert_eq!(registers(&mut bench, of_this_boot), [""; 0]);
    bench.assert_nothing_left();
}

#[test]
fn a_quiet_peer_that_takes_no_update_is_asked_by_a_reinvite_that_changes_nothing() {
    let mut bench = Bench::new();
    bench.talking(&offering(""));
    assert_eq!(ask(&mut bench), ["> INVITE"]);
    let reinvite = bench.last_request();
    assert_eq!(bench.respond(&reinvite, 200, "", &[], OFFER), ["> ACK"]);
}

#[test]
fn a_call_of_ours_is_timed_as_its_answer_says() {
    let mut bench = Bench::new();
    bench.answered(&[("Session-Expires", "90;refresher=uas"), ("Require", "timer")]);
    assert_eq!(bench.run(secs(59)), at(&[]));
    assert_eq!(bench.run(secs(1)), at(&[(60_000, "Ended(SessionExpired)"), (60_000, "> BYE")]));

    let mut bench = Bench::new();
    bench.answered(&[]);
    assert_eq!(bench.run(secs(7_200)), at(&[]), "a phone without timers is not timed");
}
