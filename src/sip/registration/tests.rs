//! A registration through its life in simulated time: challenge, refresh, stale nonce, 423, servers that die and come
//! back, back-off, taking the binding back. The registrar's answers are written here; the real one answers in
//! `softphone` and `tests/it`.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::sip::message::{Flow, Transport};
use crate::time::now;

const CHALLENGE: &str = r#"Digest realm="provider", nonce="n1", qop="auth", algorithm=MD5"#;

fn account() -> Account {
    Account {
        user: "city".to_owned(),
        domain: None,
        credentials: Credentials { user: "city".to_owned(), password: "p4ss".to_owned(), realm: None },
        contact_user: "1580".to_owned(),
        advertised: None,
        expires_secs: 600,
    }
}

fn server(name: &str) -> Server {
    let remote = format!("192.0.2.{}:5060", name.len());
    let flow = Flow {
        transport: Transport::Udp,
        local: "192.0.2.100:5060".parse().unwrap(),
        remote: remote.parse().unwrap(),
    };
    Server { uri: Uri::parse(&format!("sip:{name}.example")).unwrap(), flow }
}

struct Bench {
    machine: Registration,
    now: Instant,
}

impl Bench {
    fn new(servers: &[&str]) -> Self {
        let mut bench = Self { machine: Registration::new(account(), [5; 32]), now: now().mono };
        bench.machine.set_servers(servers.iter().map(|name| server(name)).collect(), bench.now);
        bench
    }

    /// The REGISTER that is due now, and the server it goes to.
    fn sent(&mut self) -> (Request, String) {
        match self.machine.poll_output() {
            Some(Output::Send { request, server }) => (*request, server.uri.host.to_string()),
            other => panic!("a REGISTER is due, not {other:?}"),
        }
    }

    fn answer(&mut self, request: &Request, status: u16, headers: &[(&str, &str)]) {
        let mut response = request.response(StatusCode(status), "t");
        for (name, value) in headers {
            response.headers.push(name, *value);
        }
        self.machine.handle_response(&response, self.now);
    }

    fn accept(&mut self, request: &Request) -> String {
        let contact = request.headers.first("Contact").unwrap().to_owned();
        self.answer(request, 200, &[("Contact", &format!("{contact};expires=100"))]);
        match self.machine.poll_output() {
            Some(Output::Registered { server }) => server.uri.host.to_string(),
            other => panic!("registered, not {other:?}"),
        }
    }

    /// Time passes until the machine's next deadline; how much.
    fn wait(&mut self) -> Duration {
        let at = self.machine.poll_timeout().unwrap();
        let waited = at.saturating_duration_since(self.now);
        self.now = at;
        self.machine.handle_timeout(at);
        waited
    }

    /// What was sent last got no answer.
    fn fail(&mut self) {
        self.machine.handle_failed(self.machine.seq, self.now);
    }

    fn fails(&mut self) -> Failure {
        match self.machine.poll_output() {
            Some(Output::Failed { failure }) => failure,
            other => panic!("the round failed, not {other:?}"),
        }
    }
}

#[test]
fn a_challenge_is_met_and_its_nonce_serves_again() {
    let mut bench = Bench::new(&["a"]);
    let (first, _) = bench.sent();
    assert_eq!(first.uri.to_string(), "sip:a.example");
    assert_eq!(first.to.uri.to_string(), "sip:city@a.example");
    assert!(first.headers.first("Contact").unwrap().starts_with("<sip:1580@192.0.2.100:5060;line="));
    assert_eq!(first.headers.first("Authorization"), None);
    bench.answer(&first, 401, &[("WWW-Authenticate", CHALLENGE)]);
    let (second, _) = bench.sent();
    assert!(second.headers.first("Authorization").unwrap().contains("nc=00000001"));
    assert_eq!((&second.call_id, second.cseq.seq), (&first.call_id, 2));
    bench.accept(&second);
    bench.wait();
    let (refresh, _) = bench.sent();
    assert!(refresh.headers.first("Authorization").unwrap().contains("nc=00000002"), "no further challenge");
    bench.answer(&refresh, 401, &[("WWW-Authenticate", &CHALLENGE.replace("n1", "n2"))]);
    let (again, _) = bench.sent();
    assert!(again.headers.first("Authorization").unwrap().contains(r#"nonce="n2""#));
    bench.accept(&again);
}

#[test]
fn a_refresh_comes_between_half_and_three_quarters_of_what_was_granted() {
    for seed in 0..50 {
        let mut bench = Bench::new(&["a"]);
        bench.machine = Registration::new(account(), [seed; 32]);
        bench.machine.set_servers(vec![server("a")], bench.now);
        let (request, _) = bench.sent();
        bench.accept(&request);
        let waited = bench.wait();
        assert!((50..=75).contains(&waited.as_secs()), "{waited:?} of the 100 s granted");
    }
}

#[test]
fn a_registrar_cannot_make_us_hurry() {
    let mut bench = Bench::new(&["a"]);
    let (request, _) = bench.sent();
    bench.answer(&request, 200, &[("Expires", "0")]);
    bench.machine.poll_output();
    assert!(bench.wait() >= MIN_GRANTED / 2);
}

#[test]
fn a_wrong_password_is_not_hammered() {
    let mut bench = Bench::new(&["a"]);
    let (first, _) = bench.sent();
    bench.answer(&first, 401, &[("WWW-Authenticate", CHALLENGE)]);
    let (second, _) = bench.sent();
    bench.answer(&second, 401, &[("WWW-Authenticate", &CHALLENGE.replace("n1", "n2"))]);
    assert_eq!(bench.fails(), Failure::Challenged);
    assert!(bench.wait() >= BASE_REST / 2);
}

#[test]
fn a_stale_nonce_is_replaced_once() {
    let mut bench = Bench::new(&["a"]);
    let (first, _) = bench.sent();
    bench.answer(&first, 401, &[("WWW-Authenticate", CHALLENGE)]);
    let stale = format!("{CHALLENGE}, stale=true");
    let (second, _) = bench.sent();
    bench.answer(&second, 401, &[("WWW-Authenticate", &stale)]);
    let (third, _) = bench.sent();
    bench.answer(&third, 401, &[("WWW-Authenticate", &stale)]);
    assert_eq!(bench.fails(), Failure::Challenged);
}

#[test]
fn too_brief_is_prolonged() {
    let mut bench = Bench::new(&["a"]);
    let (first, _) = bench.sent();
    assert_eq!(first.headers.first("Expires"), Some("600"));
    bench.answer(&first, 423, &[("Min-Expires", "1800")]);
    let (second, _) = bench.sent();
    assert_eq!(second.headers.first("Expires"), Some("1800"));
    bench.answer(&second, 423, &[("Min-Expires", "3600")]);
    assert_eq!(bench.fails(), Failure::Refused(StatusCode::INTERVAL_TOO_BRIEF), "obeyed once");
}

#[test]
fn the_next_server_is_asked_and_the_first_has_us_back() {
    let mut bench = Bench::new(&["a", "bb"]);
    assert_eq!(bench.sent().1, "a.example");
    assert_eq!(bench.wait(), ANSWER_TIMEOUT);
    let (request, name) = bench.sent();
    assert_eq!(name, "bb.example");
    assert_eq!(bench.accept(&request), "bb.example");
    // Still dead at the refresh: the binding moves on to the second server in time.
    bench.wait();
    assert_eq!(bench.sent().1, "a.example");
    bench.fail();
    let (request, name) = bench.sent();
    assert_eq!(name, "bb.example");
    bench.accept(&request);
    // A probe was answered: back at once.
    bench.machine.handle_recovered(&server("a"), bench.now);
    let (request, name) = bench.sent();
    assert_eq!(name, "a.example");
    assert_eq!(bench.accept(&request), "a.example");
    bench.machine.handle_recovered(&server("bb"), bench.now);
    assert!(bench.machine.poll_output().is_none(), "the first choice stays");
}

#[test]
fn a_late_answer_of_a_server_passed_over_means_nothing() {
    let mut bench = Bench::new(&["a", "bb"]);
    let (late, _) = bench.sent();
    bench.wait();
    let (request, _) = bench.sent();
    bench.answer(&late, 200, &[]);
    // Its transaction ends long after its turn (timer F).
    bench.machine.handle_failed(late.cseq.seq, bench.now);
    assert!(bench.machine.poll_output().is_none());
    assert_eq!(bench.accept(&request), "bb.example");
}

#[test]
fn rests_double_up_to_half_an_hour() {
    let mut bench = Bench::new(&["a"]);
    let mut longest = BASE_REST;
    for _ in 0..12 {
        bench.sent();
        bench.fail();
        assert_eq!(bench.fails(), Failure::Unanswered);
        let rest = bench.wait();
        assert!(rest >= longest / 2 && rest <= longest, "{rest:?} of {longest:?}");
        longest = (longest * 2).min(MAX_REST);
    }
    let (request, _) = bench.sent();
    bench.accept(&request);
    bench.wait();
    bench.sent();
    bench.fail();
    bench.fails();
    assert!(bench.wait() <= BASE_REST, "success forgives");
}

#[test]
fn a_binding_that_is_not_refreshed_lapses() {
    let mut bench = Bench::new(&["a"]);
    let (request, _) = bench.sent();
    bench.accept(&request);
    let mut lapsed = false;
    for _ in 0..20 {
        bench.wait();
        while let Some(output) = bench.machine.poll_output() {
            lapsed |= matches!(output, Output::Unregistered);
        }
    }
    assert!(lapsed && bench.machine.binding().is_none());
}

#[test]
fn a_closed_connection_is_opened_again_soon() {
    let mut bench = Bench::new(&["a"]);
    let (request, _) = bench.sent();
    bench.accept(&request);
    bench.machine.handle_flow_closed(&server("bb").flow, bench.now);
    assert!(bench.machine.poll_timeout().unwrap() > bench.now + REOPEN * 2);
    bench.now += MIN_GRANTED;
    bench.machine.handle_flow_closed(&server("a").flow, bench.now);
    assert!(bench.wait() <= REOPEN * 2);
    bench.sent();
}

#[test]
fn a_server_that_closes_every_connection_does_not_make_us_ask_all_the_time() {
    let mut bench = Bench::new(&["a"]);
    for _ in 0..5 {
        let (request, _) = bench.sent();
        bench.accept(&request);
        bench.machine.handle_flow_closed(&server("a").flow, bench.now);
        assert!(bench.wait() >= MIN_GRANTED);
    }
}

#[test]
fn a_server_that_says_when_to_come_back_is_left_alone_until_then() {
    let mut bench = Bench::new(&["a", "bb"]);
    let (request, _) = bench.sent();
    bench.answer(&request, 503, &[("Retry-After", "500 (maintenance)")]);
    let (request, name) = bench.sent();
    assert_eq!(name, "bb.example");
    bench.accept(&request);
    let mut waited = bench.wait();
    let (refresh, name) = bench.sent();
    assert_eq!(name, "bb.example", "the first server is not asked at the refresh");
    bench.answer(&refresh, 503, &[("Retry-After", "4000")]);
    bench.fails();
    while waited < Duration::from_secs(500) {
        assert!(!matches!(bench.machine.poll_output(), Some(Output::Send { .. })), "after {waited:?}");
        waited += bench.wait();
    }
    assert_eq!((bench.sent().1.as_str(), waited.as_secs()), ("a.example", 500));
    // Nor does anybody keep us away for longer than we would rest ourselves.
    bench.fail();
    bench.fails();
    assert!(bench.machine.busy.iter().all(|(_, until)| *until <= bench.now + MAX_REST));
}

#[test]
fn leaving_takes_the_binding_back() {
    let mut bench = Bench::new(&["a"]);
    let (request, _) = bench.sent();
    bench.accept(&request);
    bench.machine.leave(bench.now);
    let (leaving, _) = bench.sent();
    assert_eq!(leaving.headers.first("Expires"), Some("0"));
    bench.answer(&leaving, 401, &[("WWW-Authenticate", CHALLENGE)]);
    let (leaving, _) = bench.sent();
    bench.answer(&leaving, 200, &[]);
    assert!(matches!(bench.machine.poll_output(), Some(Output::Unregistered)));
    assert!(bench.machine.is_over() && bench.machine.poll_timeout().is_none());
}

#[test]
fn who_was_never_registered_just_goes() {
    let mut bench = Bench::new(&[]);
    bench.machine.leave(bench.now);
    assert!(bench.machine.is_over() && bench.machine.poll_output().is_none());
}
