//! The agreement on session timers, case by case (RFC 4028 7 to 10). Requests and answers are written by hand;
//! what a leg does with the terms is tested beside the leg.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::sip::message::{Message, StatusCode, parse_datagram};

fn request(more: &str) -> Request {
    let text = format!(
        "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:x@y>;tag=1\r\n\
         To: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n{more}\r\n"
    );
    match parse_datagram(text.as_bytes()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!("a request was written"),
    }
}

fn answer(more: &str) -> Result<Option<(u32, Refresher)>, TooSmall> {
    let terms = Terms::answer(&request(more), Wish::new(DEFAULT_EXPIRES_SECS))?;
    Ok(terms.map(|terms| (terms.interval_secs, terms.refresher)))
}

fn success(session_expires: &str) -> Response {
    request("").response(StatusCode::OK, "t").with_header("Session-Expires", session_expires)
}

#[test]
fn who_neither_asks_nor_knows_gets_no_timer() {
    assert_eq!(answer(""), Ok(None));
    assert_eq!(answer("Session-Expires: soon\r\n"), Ok(None));
}

#[test]
fn the_refresher_is_chosen_by_table_2() {
    for (more, expected) in [
        ("k: timer\r\nx: 600\r\n", Refresher::Peer),
        ("Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n", Refresher::Peer),
        ("Supported: timer\r\nSession-Expires: 600 ; Refresher = UAS\r\n", Refresher::Us),
        ("Session-Expires: 600\r\n", Refresher::Us),
    ] {
        assert_eq!(answer(more), Ok(Some((600, expected))), "{more}");
    }
}

#[test]
fn the_interval_is_never_raised_nor_taken_below_what_either_bears() {
    let known = |more: &str| answer(&format!("Supported: timer\r\n{more}")).unwrap().unwrap().0;
    assert_eq!(known("Session-Expires: 90\r\n"), 90);
    assert_eq!(known("Session-Expires: 7200\r\n"), DEFAULT_EXPIRES_SECS, "we would like it shorter");
    assert_eq!(known("Session-Expires: 7200\r\nMin-SE: 3600\r\n"), 3_600, "but not below theirs");
    assert_eq!(known(""), DEFAULT_EXPIRES_SECS, "who knows timers gets one");
    assert_eq!(known("Min-SE: 3600\r\n"), 3_600);
}

#[test]
fn too_short_an_interval_is_refused_to_who_understands() {
    assert_eq!(answer("Supported: timer\r\nSession-Expires: 89\r\n"), Err(TooSmall));
    assert_eq!(answer("Session-Expires: 89\r\n"), Ok(None), "a 422 would mean nothing to this phone");
}

#[test]
fn the_answer_names_interval_and_refresher_and_requires_the_timer_of_who_knows_it() {
    let written = |more: &str| {
        let request = request(more);
        let terms = Terms::answer(&request, Wish::new(DEFAULT_EXPIRES_SECS)).unwrap().unwrap();
        let mut headers = Headers::default();
        terms.write(&request, &mut headers);
        (headers.first("Session-Expires").unwrap().to_owned(), headers.first("Require").map(str::to_owned))
    };
    assert_eq!(
        written("Supported: timer\r\nSession-Expires: 90\r\n"),
        ("90;refresher=uac".to_owned(), Some("timer".to_owned()))
    );
    assert_eq!(written("Session-Expires: 90\r\n"), ("90;refresher=uas".to_owned(), None));
}

#[test]
fn a_422_raises_the_wish_and_only_raises_it() {
    let wish = Wish::new(1_800);
    let refusal = |min_se: &str| request("").response(StatusCode(422), "t").with_header("Min-SE", min_se);
    let raised = wish.raise(&refusal("3600")).unwrap();
    let mut headers = Headers::default();
    raised.write(&mut headers, false);
    assert_eq!((headers.first("Session-Expires"), headers.first("Min-SE")), (Some("3600"), Some("3600")));
    assert_eq!(raised.raise(&refusal("3600")), None, "the same again would go round in circles");
    assert_eq!(wish.raise(&refusal("90")), None);
    assert_eq!(wish.raise(&refusal("4000000000")), None, "absurd");
    assert_eq!(wish.raise(&request("").response(StatusCode(422), "t")), None, "no Min-SE");
    let lower = wish.raise(&refusal("120")).unwrap();
    assert_eq!((lower.expires_secs, lower.min_secs), (1_800, 120));
}

#[test]
fn what_the_peer_agreed_to_is_read_from_its_2xx() {
    let terms = |text| Terms::of_success(&success(text)).map(|terms| (terms.interval_secs, terms.refresher));
    assert_eq!(terms("600;refresher=uas"), Some((600, Refresher::Peer)));
    assert_eq!(terms("600;refresher=uac"), Some((600, Refresher::Us)));
    assert_eq!(terms("600"), Some((600, Refresher::Us)));
    assert_eq!(terms("1;refresher=uas"), Some((90, Refresher::Peer)), "nobody is hung up on every second");
    assert_eq!(Terms::of_success(&request("").response(StatusCode::OK, "t")), None);
}

#[test]
fn deadlines_are_half_the_interval_and_a_bit_before_its_end() {
    let now = crate::time::now().mono;
    let secs = Duration::from_secs;
    let terms = |interval_secs, refresher| Terms { interval_secs, refresher };
    assert_eq!(terms(1_800, Refresher::Us).refresh_deadline(now), Some(now + secs(900)));
    assert_eq!(terms(1_800, Refresher::Peer).refresh_deadline(now), None);
    assert_eq!(terms(1_800, Refresher::Peer).expiry_deadline(now), now + secs(1_768));
    assert_eq!(terms(90, Refresher::Us).expiry_deadline(now), now + secs(60));
}
