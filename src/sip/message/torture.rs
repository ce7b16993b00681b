//! Tests only: single odd things of every kind, each with the outcome it must have: what is read, what is answered,
//! what is met with silence. The messages of RFC 4475 are in `rfc4475.rs`.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

/// Header lines of a sound request with the given CSeq method; templates replace single lines of it.
const SOUND: &str = "Via: SIP/2.0/UDP phone.example:5070;branch=z9hG4bKsound;rport\r\n\
    Max-Forwards: 70\r\n\
    From: \"Caller\" <sip:caller@phone.example>;tag=f1\r\n\
    To: <sip:1580@city.example>\r\n\
    Call-ID: torture@phone.example\r\n\
    CSeq: 7 OPTIONS\r\n";

/// A sound OPTIONS whose line `name` is replaced by `line` (none: left out).
fn with_line(name: &str, line: Option<&str>) -> String {
    let mut text = "OPTIONS sip:1580@city.example SIP/2.0\r\n".to_owned();
    let mut found = false;
    for known in SOUND.split_inclusive("\r\n") {
        if known.starts_with(name) {
            found = true;
            text.extend(line.map(|line| format!("{line}\r\n")));
        } else {
            text.push_str(known);
        }
    }
    assert!(found, "{name} is a line of the template");
    text + "\r\n"
}

fn with_more(lines: &str) -> String {
    format!("OPTIONS sip:1580@city.example SIP/2.0\r\n{SOUND}{lines}\r\n")
}

fn with_start(start: &str) -> String {
    format!("{start}\r\n{SOUND}\r\n")
}

fn request(text: impl AsRef<[u8]>) -> Request {
    match parse_datagram(text.as_ref()) {
        Ok(Message::Request(request)) => {
            let again = parse_datagram(&request.to_bytes());
            assert_eq!(again, Ok(Message::Request(request.clone())), "print and parse again");
            request
        }
        other => panic!("no request: {other:?}\n{}", String::from_utf8_lossy(text.as_ref())),
    }
}

fn response(text: impl AsRef<[u8]>) -> Response {
    match parse_datagram(text.as_ref()) {
        Ok(Message::Response(response)) => {
            let again = parse_datagram(&response.to_bytes());
            assert_eq!(again, Ok(Message::Response(response.clone())), "print and parse again");
            response
        }
        other => panic!("no response: {other:?}"),
    }
}

/// The cause and the status answered; 0 for silence.
fn refusal(text: impl AsRef<[u8]>) -> (&'static str, u16) {
    match parse_datagram(text.as_ref()) {
        Err(ParseError { cause, answer }) => {
            if let Some(answer) = &answer {
                let again = parse_datagram(&answer.to_bytes());
                assert!(cause.what == "Call-ID" || again.is_ok(), "the answer is readable: {again:?}");
                assert!(answer.to.tag().is_some());
            }
            (cause.what, answer.map_or(0, |answer| answer.status.0))
        }
        Ok(message) => panic!("taken: {message:?}"),
    }
}

#[test]
fn white_space_folding_and_case_everywhere() {
    let request = request(
        "INVITE sip:desk@city.example;unknownparam SIP/2.0\r\n\
         TO :\r\n sip:desk@city.example ;   tag    = 1918n\r\n\
         from   : \"J R \\\\\\\"\"       <sip:jr@phone.example>\r\n  ;\r\n  tag = 98asj\r\n\
         MaX-fOrWaRdS: 0068\r\n\
         Call-ID: folded.0ha0@192.0.2.1\r\n\
         Content-Length   : 5\r\n\
         cseq: 0009\r\n  INVITE\r\n\
         Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390s\r\n\
         s :\r\n\
         NewFangled:   new value\r\n goes on\r\n\
         Odd: ;;,,;;,;\r\n\
         v:  SIP  / 2.0  / TCP     relay.example   ;\r\n  branch  =   z9hG4bK9ik ,\x20\
         SIP/2.0/TLS [2001:db8::9] : 5061\r\n\
         m:\"Quoted \\\"\\\"\" <sip:jr@phone.example> ; newparam =\r\n      newvalue ;\r\n  secondparam ; q = 0.33\r\n\r\nhello",
    );
    assert_eq!(request.via.len(), 3);
    assert_eq!(request.via[2].host, Host::Ip("2001:db8::9".parse().unwrap()));
    assert_eq!(request.to.tag(), Some("1918n"));
    assert_eq!(request.from.display.as_deref(), Some("J R \\\""));
    assert_eq!(request.from.tag(), Some("98asj"));
    assert_eq!(request.max_forwards, 68);
    assert_eq!(request.cseq, CSeq { seq: 9, method: Method::Invite });
    assert_eq!(request.headers.first("NEWFANGLED"), Some("new value goes on"));
    assert_eq!(request.headers.first("Subject"), Some(""));
    let contact = &request.headers.addresses("Contact").unwrap()[0];
    assert_eq!(contact.params.find("q"), Some("0.33"));
    assert_eq!(request.body, b"hello");
}

#[test]
fn wide_range_of_characters_in_method_and_uri() {
    let method = "!odd-Method0123456789_*+`.%indeed'~";
    let text = with_start(&format!(
        "{method} sip:1_u.U~(so-be!it)&is+it$/yes?,/;;*:&it=1*pa$wo~d.(x'y)@example.com SIP/2.0"
    ))
    .replace("7 OPTIONS", &format!("7 {method}"));
    let request = request(text);
    assert_eq!(request.method, Method::Other(method.to_owned()));
    assert_eq!(request.uri.user.as_deref(), Some("1_u.U~(so-be!it)&is+it$/yes?,/;;*"));
    assert_eq!(request.uri.password.as_deref(), Some("&it=1*pa$wo~d.(x'y)"));
}

#[test]
fn escapes_are_read_in_the_user_part_and_never_in_a_method() {
    let request = request(
        with_start("RE%47IST%45R sip:sips%3Auser%40example.com@host%2Dless SIP/2.0")
            .replace("host%2Dless", "h.example")
            .replace("7 OPTIONS", "7 RE%47IST%45R"),
    );
    assert_eq!(request.method, Method::Other("RE%47IST%45R".to_owned()));
    assert_eq!(request.uri.user.as_deref(), Some("sips:user@example.com"));
}

#[test]
fn unusual_but_valid_requests_are_taken() {
    let nul = request(with_start("OPTIONS sip:null-%00-null@city.example SIP/2.0"));
    assert_eq!(nul.uri.user.as_deref(), Some("null-\0-null"));
    let semicolon = request(with_start("OPTIONS sip:user;par=u%40example.net@city.example SIP/2.0"));
    assert_eq!(semicolon.uri.user.as_deref(), Some("user;par=u@example.net"));
    assert!(semicolon.uri.params.0.is_empty());
    let unknown_scheme = request(with_start("OPTIONS nobodyKnows:opaque SIP/2.0"));
    assert_eq!(unknown_scheme.uri.scheme, Scheme::Other("nobodyKnows".to_owned()));
    assert_eq!(
        request(with_line("To", Some("To: isbn:2983792873"))).to.uri.opaque.as_deref(),
        Some("2983792873")
    );
    let no_space = request(with_line("From", Some("f: caller<sip:caller@phone.example>;tag=3")));
    assert_eq!(no_space.from.display.as_deref(), Some("caller"));
    let trailing_space = request(with_start("OPTIONS sip:1580@city.example SIP/2.0  "));
    assert_eq!(trailing_space.method, Method::Options);
    assert_eq!(
        request(with_line("To", Some("To: \"W, Th\" < sip:t.w@x.example >"))).to.uri.user.as_deref(),
        Some("t.w")
    );
    let tel = request(with_start("OPTIONS tel:+380-32-1580;phone-context=city.example SIP/2.0"));
    assert_eq!(tel.uri.scheme, Scheme::Tel);
    assert_eq!(request(with_line("Max", Some("Max-Forwards: 0"))).max_forwards, 0);
    assert_eq!(request(with_line("Max", None)).max_forwards, 70);
    assert_eq!(request(format!("\r\n\r\n{}", with_more(""))).cseq.seq, 7);
    assert_eq!(request(with_more("").replace("\r\n", "\n")).cseq.seq, 7);
    assert_eq!(request(with_more("this line is no header\r\nX: y\r\n")).headers.first("x"), Some("y"));
    assert_eq!(request(with_more("Contact: *\r\nDate: Fri, 01 Jan 2010 16:00:00 EST\r\n")).headers.len(), 2);
}

#[test]
fn an_old_style_request_without_branch_tag_and_rport_is_taken() {
    let request = request(
        "INVITE sip:1580@city.example SIP/2.0\nVia: SIP/2.0/UDP old.example\nFrom: sip:old@phone.example\n\
         To: sip:1580@city.example\nCall-ID: 98asdh\nCSeq: 756 INVITE\n\nv=0",
    );
    assert_eq!((request.via[0].branch(), request.via[0].rport(), request.from.tag()), (None, None, None));
    assert_eq!(request.body, b"v=0", "without Content-Length the body runs to the end");
}

#[test]
fn other_code_pages_do_not_lose_the_message() {
    let mut text = with_line("From", Some("From: \"@@\" <sip:caller@phone.example>;tag=f1")).into_bytes();
    let at = text.windows(2).position(|pair| pair == b"@@").unwrap();
    text.splice(at..at + 2, [0xcb, 0xb3]);
    let request = request(&text);
    assert_eq!((request.from.tag(), request.headers.len()), (Some("f1"), 0));
    let cyrillic = self::request(with_line("From", Some("From: Львів <sip:caller@phone.example>;tag=f1")));
    assert_eq!(cyrillic.from.display.as_deref(), Some("Львів"));
}

#[test]
fn bodies_are_cut_kept_or_refused_by_content_length() {
    assert_eq!(request(with_more("l: 3\r\n") + "abcdef").body, b"abc");
    assert_eq!(request(with_more("") + "abcdef").body, b"abcdef");
    let mut binary = with_more("Content-Length: 4\r\n").into_bytes();
    binary.extend([0, 0xff, b'\r', b'\n']);
    assert_eq!(request(binary).body, [0, 0xff, b'\r', b'\n']);
    for length in ["9999", "-999", "abc", "18446744073709551616", "3\r\nl: 4", "3\r\nContent-Length: 3"] {
        let text = with_more(&format!("Content-Length: {length}\r\n")) + "abcdef";
        assert_eq!(refusal(text), ("Content-Length", 400), "{length}");
    }
}

#[test]
fn broken_request_lines_are_answered() {
    for (start, cause, status) in [
        ("OPTIONS <sip:1580@city.example> SIP/2.0", "Request-URI", 400),
        ("OPTIONS sip:1580@city.example; lr SIP/2.0", "Request-URI", 400),
        ("OPTIONS  sip:1580@city.example  SIP/2.0", "Request-URI", 400),
        ("OPTIONS sip:1580@city.example?Route=%3Csip:evil.example%3E SIP/2.0", "Request-URI", 400),
        ("OPTIONS sip:1580@city.example SIP/7.0", "SIP-Version", 505),
        ("OPTIONS sip:1580@city.example", "Request-Line", 400),
        ("OPTIONS sip:1580@city.example HTTP/1.1", "Request-Line", 400),
        ("OPTIONS sip:1580@city.example:99999 SIP/2.0", "Request-URI", 400),
        ("OPT<>IONS sip:1580@city.example SIP/2.0", "Request-Line", 0),
        ("ACK sip:1580@city.example SIP/7.0", "SIP-Version", 0),
        ("", "Request-Line", 0),
    ] {
        assert_eq!(refusal(format!("{start}\r\n{SOUND}\r\n")), (cause, status), "{start}");
    }
}

#[test]
fn broken_and_missing_headers_are_answered() {
    for (name, line, cause) in [
        ("To", Some("To: \"Mr. J. User <sip:j.user@example.com>"), "To"),
        ("To", Some("To: "), "To"),
        ("To", Some("To: <sip:a@b>\r\nt: <sip:c@d>"), "To"),
        ("To", None, "To"),
        ("From", None, "From"),
        ("From", Some("From: sip:caller@phone.example?Route=%3Csip:x%3E;tag=1"), "From"),
        ("Call-ID", None, "Call-ID"),
        ("Call-ID", Some("Call-ID: two words"), "Call-ID"),
        ("Call-ID", Some("Call-ID: a\r\ni: a"), "Call-ID"),
        ("CSeq", None, "CSeq"),
        ("CSeq", Some("CSeq: 7 INVITE"), "CSeq"),
        ("CSeq", Some("CSeq: 36893488147419103232 OPTIONS"), "CSeq"),
        ("CSeq", Some("CSeq: 2147483648 OPTIONS"), "CSeq"),
        ("CSeq", Some("CSeq: 7 OPTIONS\r\nCSeq: 8 OPTIONS"), "CSeq"),
        ("Max", Some("Max-Forwards: 300"), "Max-Forwards"),
        ("Max", Some("Max-Forwards: 5\r\nMax-Forwards: 6"), "Max-Forwards"),
    ] {
        assert_eq!(refusal(with_line(name, line)), (cause, 400), "{line:?}");
    }
}

#[test]
fn without_a_usable_via_there_is_silence() {
    for line in [
        None,
        Some("Via: "),
        Some("Via: SIP/2.0/UDP"),
        Some("Via: SIP/2.0/UDP a b"),
        Some("Via: SIP/2.0/UDP :5060"),
    ] {
        assert_eq!(refusal(with_line("Via", line)), ("Via", 0), "{line:?}");
    }
    let below_the_top = "Via: SIP/2.0/UDP good.example;branch=z9hG4bKa\r\nVia: nonsense";
    assert_eq!(refusal(with_line("Via", Some(below_the_top))), ("Via", 400));
    let many = "Via: SIP/2.0/UDP a.example\r\n".repeat(101);
    assert_eq!(refusal(with_line("Via", Some(many.trim_end()))), ("Via", 0));
}

#[test]
fn the_answer_tells_the_client_which_request_it_answers() {
    let text = with_line("To", Some("To: \"open <sip:j.user@example.com>"));
    let first = parse_datagram(text.as_bytes()).unwrap_err().answer.unwrap();
    assert_eq!(first.via[0].branch(), Some("z9hG4bKsound"));
    assert_eq!(
        (first.call_id.as_str(), first.cseq.to_string().as_str()),
        ("torture@phone.example", "7 OPTIONS")
    );
    assert_eq!(first.from.tag(), Some("f1"));
    assert_eq!(first.reason, "Bad Request (To)");
    let second = parse_datagram(text.as_bytes()).unwrap_err().answer.unwrap();
    assert_eq!(first, second, "a repeated request hears the same tag");
}

#[test]
fn responses_are_read_or_dropped_in_silence() {
    let with_status = |line: &str| format!("{line}\r\n{SOUND}\r\n");
    let utf8 = response(with_status("SIP/2.0 200 = 2**3 * 5**2 але тридцять"));
    assert_eq!(utf8.reason, "= 2**3 * 5**2 але тридцять");
    assert_eq!(response(with_status("SIP/2.0 100 ")).reason, "");
    assert_eq!(response(with_status("sip/2.0 699")).status, StatusCode(699));
    assert_eq!(response(with_status("SIP/2.0 404 Not Found")).headers.first("Max-Forwards"), Some("70"));
    for line in [
        "SIP/2.0 4294967301 better not",
        "SIP/2.0 99 low",
        "SIP/2.0 700 high",
        "SIP/2.0",
        "SIP/3.0 200 OK",
        "SIP/2.0 2x0 OK",
    ] {
        assert_eq!(refusal(with_status(line)).1, 0, "{line}");
    }
    assert_eq!(refusal(with_status("SIP/2.0 503 x").replace("CSeq: 7", "CSeq: 9999999999")), ("CSeq", 0));
}

#[test]
fn many_long_headers_are_taken_and_giants_refused() {
    let long = with_more(&format!(
        "X-Long: {}\r\n{}",
        "longvalue".repeat(700),
        "Via: SIP/2.0/TCP sip33.example\r\n".repeat(33)
    ));
    let request = request(&long);
    assert_eq!(request.via.len(), 34);
    let giant = with_more("") + &"x".repeat(MAX_MESSAGE_LEN);
    assert_eq!(refusal(&giant), ("message size", 513));
    assert_eq!(refusal(vec![b'x'; MAX_MESSAGE_LEN + 1]), ("message size", 0));
    assert_eq!(refusal(with_more(&"X: y\r\n".repeat(300))), ("number of header lines", 0));
    assert_eq!(refusal(with_more("").trim_end()), ("end of headers", 400));
}
