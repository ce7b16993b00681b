//! Trunks inside the whole pure switchboard: what goes to the provider's servers, what comes back, and what that means
//! for callers and for calls out. DNS and the provider are written here; time is simulated.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod identity;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::call::leg::{Leg, LegEnd, LegEvent};
use crate::dialplan::Dialplan;
use crate::phone_number::PhoneNumber;
use crate::sip::credentials::Credentials;
use crate::sip::digest_auth::Algorithm;
use crate::sip::message::{Message, Method, Request, StatusCode, Transport, parse_datagram};
use crate::switchboard::settings::{Limits, Outward};
use crate::switchboard::snapshot::TrunkState;
use crate::switchboard::{
    Command, CommandError, Input, IntakeState, LiveIntake, Settings, Shortage, with_turn,
};

const SESSION: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                       m=audio 4000 RTP/AVP 8\r\n";

pub(in crate::switchboard) fn settings(trunks: Vec<settings::Trunk>) -> Settings {
    let plan = Dialplan::parse("1580.toml", include_str!("../../../dialplans/1580.toml")).unwrap();
    Settings {
        recording: None,
        callback: None,
        verification: None,
        duties: Default::default(),
        realm: "ringback".to_owned(),
        digest: vec![Algorithm::Md5],
        capacity: 10,
        advertised: None,
        session_expires_secs: 1800,
        srtp: crate::sdp::SrtpPolicy::Optional,
        codecs: crate::sdp::Codec::ALL.to_vec(),
        ask_phones_every: None,
        guard: crate::sip::guard::Policy::default(),
        short_number: "1580".to_owned(),
        aliases: vec![PhoneNumber::from_user_part("+3805421580")],
        plan: Arc::new(plan),
        topic_categories: Arc::default(),
        trunks,
        accounts: HashMap::new(),
        operators: Vec::new(),
        queues: Vec::new(),
        queue_extensions: Default::default(),
        ready_code: "*71".to_owned(),
        not_ready_code: "*72".to_owned(),
        masked: None,
        web_calls: None,
    }
}

/// A trunk to `p.example` that registers and probes.
fn provider() -> settings::Trunk {
    settings::Trunk {
        name: "provider".to_owned(),
        outward: Some(Outward {
            to: vec![Uri::parse("sip:p.example").unwrap()],
            register: Some(600),
            probe: Some(Duration::from_secs(30)),
            credentials: Some(Credentials {
                user: "city".to_owned(),
                password: "p4ss".to_owned(),
                realm: None,
            }),
            domain: None,
            caller: Some(PhoneNumber::from_user_part("0542001580")),
            takes: vec![PhoneNumber::from_user_part("+38050")],
            contact_user: "1580".to_owned(),
            advertised: None,
        }),
        numbering: NumberingPlan::of_country("380", "0", "00"),
        ..settings::Trunk::default()
    }
}

fn flow(last: u8) -> Flow {
    Flow {
        transport: Transport::Udp,
        local: "192.0.2.100:5060".parse().unwrap(),
        remote: format!("192.0.2.{last}:5060").parse().unwrap(),
    }
}

struct Bench {
    board: Switchboard,
    now: Now,
    /// Requests of the switchboard that wait for an answer.
    sent: Vec<(Request, Flow)>,
    /// Branches of all there were: a copy says nothing new.
    seen: HashSet<String>,
    /// Final answers of the switchboard.
    answers: Vec<crate::sip::message::Response>,
    calls: u32,
}

impl Bench {
    fn new(trunks: Vec<settings::Trunk>) -> Self {
        let now = crate::time::now();
        let board = Switchboard::new(settings(trunks), [9; 32], now);
        let mut bench =
            Self { board, now, sent: Vec::new(), seen: HashSet::new(), answers: Vec::new(), calls: 0 };
        bench.board.handle_timeout(now);
        bench
    }

    /// Carries effects out: everything asked of DNS is found at these servers.
    fn serve(&mut self, servers: &[u8]) {
        while let Some(effect) = self.board.poll_effect() {
            match effect {
                Effect::Resolve { resolution, .. } => {
                    let flows = servers.iter().map(|last| flow(*last)).collect();
                    let located = Located { flows, valid_for: Duration::from_secs(300) };
                    let input = Input::Resolved { resolution, located: Some(located) };
                    self.board.handle_input(input, self.now);
                }
                Effect::Transmit { bytes, flow } => match parse_datagram(&bytes).unwrap() {
                    Message::Request(request) => {
                        if self.seen.insert(request.via[0].branch().unwrap().to_owned()) {
                            self.sent.push((request, flow));
                        }
                    }
                    Message::Response(response) if response.status.is_final() => self.answers.push(response),
                    Message::Response(_) => {}
                },
                _ => {}
            }
        }
    }

    fn wait(&mut self, for_: Duration, servers: &[u8]) {
        let until = self.now.plus(for_);
        while let Some(at) = self.board.poll_timeout().filter(|at| *at <= until.mono) {
            self.now = self.now.plus(at.saturating_duration_since(self.now.mono));
            self.board.handle_timeout(self.now);
            self.serve(servers);
        }
        self.now = until;
    }

    /// Takes the first request of this method that waits.
    fn take(&mut self, method: &Method) -> (Request, Flow) {
        let index = self.sent.iter().position(|(request, _)| request.method == *method);
        self.sent.remove(index.unwrap_or_else(|| panic!("no {method}")))
    }

    fn answer(&mut self, (request, flow): &(Request, Flow), status: u16, headers: &[(&str, &str)]) {
        let mut response = request.response(StatusCode(status), "t");
        for (name, value) in headers {
            response.headers.push(name, *value);
        }
        let message = Box::new(Message::Response(response));
        self.board.handle_input(Input::Sip { message, flow: *flow }, self.now);
    }

    fn trunk(&self) -> LiveTrunk {
        self.board.live_trunks().remove(0)
    }

    /// An INVITE from `source` to `called`; the final answer when there is one at once.
    fn invite(&mut self, source: u8, called: &str, caller: &str) -> Option<crate::sip::message::Response> {
        self.calls += 1;
        let text = format!(
            "INVITE sip:{called}@192.0.2.100 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.{source};branch=z9hG4bK{n}\r\n\
             From: <sip:{caller}@p.example>;tag=a\r\nTo: <sip:{called}@192.0.2.100>\r\nCall-ID: call{n}\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:{caller}@192.0.2.{source}>\r\nMax-Forwards: 70\r\n\
             Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{SESSION}",
            n = self.calls,
            length = SESSION.len(),
        );
        let message = Box::new(parse_datagram(text.as_bytes()).unwrap());
        self.board.handle_input(Input::Sip { message, flow: flow(source) }, self.now);
        self.serve(&[1, 2]);
        let call_id = format!("call{}", self.calls);
        std::mem::take(&mut self.answers).into_iter().find(|answer| answer.call_id == call_id)
    }
}

/// A bench whose trunk is registered at server 1 and knows server 2.
fn registered() -> Bench {
    let mut bench = Bench::new(vec![provider()]);
    bench.serve(&[1, 2]);
    let register = bench.take(&Method::Register);
    bench.answer(&register, 200, &[("Expires", "600")]);
    bench.serve(&[1, 2]);
    assert_eq!(bench.trunk().registered, Some(true));
    bench
}

#[test]
fn it_registers_where_dns_says_and_knows_its_calls_by_it() {
    let mut bench = Bench::new(vec![provider()]);
    assert_eq!(bench.invite(1, "1580", "0501234567").unwrap().status, StatusCode::UNAUTHORIZED);
    bench.serve(&[1, 2]);
    let register = bench.take(&Method::Register);
    assert_eq!(register.1, flow(1));
    bench.answer(&register, 200, &[("Expires", "600")]);
    assert_eq!((bench.trunk().state, bench.trunk().registered), (TrunkState::Up, Some(true)));
    for (source, called) in [(1, "1580"), (2, "+3805421580"), (1, "05421580")] {
        assert_eq!(
            bench.invite(source, called, "0501234567"),
            None,
            "{called} from server {source} is taken"
        );
    }
    assert_eq!(bench.invite(1, "1581", "0501234567").unwrap().status, StatusCode::NOT_FOUND);
    assert_eq!(bench.invite(7, "1580", "0501234567").unwrap().status, StatusCode::UNAUTHORIZED);
    let mut callers = bench.board.calls().map(|call| call.contact().caller.as_str().to_owned());
    assert!(callers.all(|caller| caller == "+380501234567"));
    assert_eq!(bench.trunk().calls, 3);
}

#[test]
fn a_trunk_whose_name_leads_nowhere_is_down_and_one_found_before_is_not() {
    let mut bench = Bench::new(vec![provider()]);
    let lose = |bench: &mut Bench| {
        while let Some(effect) = bench.board.poll_effect() {
            if let Effect::Resolve { resolution, .. } = effect {
                bench.board.handle_input(Input::Resolved { resolution, located: None }, bench.now);
            }
        }
    };
    assert_eq!(bench.trunk().state, TrunkState::Unknown);
    lose(&mut bench);
    assert_eq!(bench.trunk().state, TrunkState::Down);
    bench.wait(Duration::from_secs(30), &[1]);
    let register = bench.take(&Method::Register);
    bench.answer(&register, 200, &[("Expires", "3600")]);
    assert_eq!(bench.trunk().state, TrunkState::Up);
    bench.now = bench.now.plus(Duration::from_secs(300));
    bench.board.handle_timeout(bench.now);
    lose(&mut bench);
    assert_eq!(bench.trunk().state, TrunkState::Up, "what DNS said before stays in force");
}

#[test]
fn probes_take_a_trunk_down_and_up() {
    let mut bench = registered();
    bench.wait(Duration::from_secs(1), &[1, 2]);
    let probe = bench.take(&Method::Options);
    bench.answer(&probe, 200, &[]);
    let down_at = |bench: &mut Bench| {
        (0..300).find(|_| {
            bench.wait(Duration::from_secs(1), &[1, 2]);
            while let Some(index) = bench.sent.iter().position(|(sent, _)| sent.method == Method::Register) {
                let register = bench.sent.remove(index);
                bench.answer(&register, 200, &[("Expires", "600")]);
            }
            bench.trunk().state == TrunkState::Down
        })
    };
    let seconds = down_at(&mut bench).expect("silence takes it down");
    assert!((30..90).contains(&seconds), "{seconds} s");
    let mut call = DialOut::new(PhoneNumber::from_user_part("0501234567"));
    assert_eq!(bench.board.route_out(&mut call, bench.now).unwrap_err(), NoRoute::NoTrunk);
    bench.sent.clear();
    while bench.sent.is_empty() {
        bench.wait(Duration::from_secs(1), &[1, 2]);
    }
    let probe = bench.take(&Method::Options);
    bench.answer(&probe, 404, &[]);
    assert_eq!(bench.trunk().state, TrunkState::Up, "any answer is a sign of life");
    assert!(bench.board.route_out(&mut call, bench.now).is_ok());
}

#[test]
fn limits_refuse_exactly_and_say_when_to_come_back() {
    let mut trunk = provider();
    trunk.from = vec!["192.0.2.1".parse().unwrap()];
    trunk.outward = None;
    trunk.limits = Limits { calls: Some(2), calls_per_second: None };
    let mut bench = Bench::new(vec![trunk.clone()]);
    assert_eq!(bench.invite(1, "1580", "1"), None);
    assert_eq!(bench.invite(1, "1580", "1"), None);
    let refused = bench.invite(1, "1580", "1").unwrap();
    assert_eq!((refused.status, refused.headers.first("Retry-After")), (StatusCode(503), Some("5")));
    bench.board.end_all(crate::termination::Termination::Shutdown, bench.now);
    assert_eq!(bench.invite(1, "1580", "1"), None, "a call that ended gave its place back");

    trunk.limits = Limits { calls: None, calls_per_second: Some(3) };
    let mut bench = Bench::new(vec![trunk]);
    let taken = (0..5).filter(|_| bench.invite(1, "1580", "1").is_none()).count();
    assert_eq!(taken, 3);
    let refused = bench.invite(1, "1580", "1").unwrap();
    assert_eq!((refused.status, refused.headers.first("Retry-After")), (StatusCode(503), Some("1")));
    bench.now = bench.now.plus(Duration::from_secs(1));
    assert_eq!(bench.invite(1, "1580", "1"), None);
    let refusals: Vec<_> = bench.board.trunk_refusals().collect();
    assert_eq!(refusals, [("provider", "trunk_rate", 3)]);
}

#[test]
fn while_anything_cannot_keep_up_new_calls_hear_503_and_those_that_are_on_go_on() {
    let mut trunk = provider();
    trunk.from = vec!["192.0.2.1".parse().unwrap()];
    trunk.outward = None;
    let mut bench = Bench::new(vec![trunk]);
    assert_eq!(bench.invite(1, "1580", "1"), None);
    for (shortage, name) in [(Shortage::Media, "overloaded"), (Shortage::Store, "not_durable")] {
        bench.board.throttle(Some(shortage));
        let refused = bench.invite(1, "1580", "1").unwrap();
        assert_eq!((refused.status, refused.headers.first("Retry-After")), (StatusCode(503), Some("5")));
        assert_eq!(bench.board.counters().refusals.get(name), Some(&1), "{name}");
        assert_eq!(bench.board.calls().filter(|call| !call.is_over()).count(), 1);
    }
    bench.board.throttle(None);
    assert_eq!(bench.invite(1, "1580", "1"), None, "it keeps up again");
    bench.board.close_intake(bench.now);
    bench.board.throttle(None);
    assert!(bench.invite(1, "1580", "1").is_some(), "who stops does not begin again");
}

#[test]
fn a_node_out_of_service_sends_callers_elsewhere_until_it_is_back() {
    let mut bench = registered();
    let by = crate::ids::UserId(uuid::Uuid::from_u128(7));
    bench.sent.clear();
    let drain = |bench: &mut Bench, drain| {
        let outcome = bench.board.handle_command(Command::Drain { drain, by }, bench.now);
        bench.serve(&[1, 2]);
        outcome
    };
    for _ in 0..2 {
        assert_eq!(drain(&mut bench, true), Ok(()), "a second time changes nothing");
    }
    assert_eq!(bench.board.intake().state, IntakeState::Draining);
    assert!(bench.sent.is_empty(), "the provider keeps our registration");
    bench.board.throttle(None);
    let refused = bench.invite(1, "1580", "1").unwrap();
    assert_eq!((refused.status, refused.headers.first("Retry-After")), (StatusCode(503), Some("5")));
    assert_eq!(bench.board.counters().refusals.get("draining"), Some(&1));
    assert_eq!(drain(&mut bench, false), Ok(()));
    assert_eq!(bench.board.intake(), LiveIntake::default());
    assert_eq!(bench.invite(1, "1580", "1"), None, "calls are taken again");
    bench.board.close_intake(bench.now);
    assert_eq!(drain(&mut bench, false), Err(CommandError::Unavailable), "who stops does not begin again");
    assert_eq!((drain(&mut bench, true), bench.board.intake().state), (Ok(()), IntakeState::Stopping));
}

#[test]
fn a_reload_keeps_what_has_not_changed() {
    let mut bench = registered();
    bench.sent.clear();
    bench.board.configure(settings(vec![provider()]), bench.now);
    bench.serve(&[1, 2]);
    assert!(bench.sent.is_empty() && bench.trunk().registered == Some(true));
    bench.board.configure(settings(Vec::new()), bench.now);
    bench.serve(&[1, 2]);
    let leaving = bench.take(&Method::Register);
    assert_eq!(leaving.0.headers.first("Expires"), Some("0"));
    bench.answer(&leaving, 200, &[]);
    bench.wait(Duration::from_secs(120), &[1, 2]);
    assert!(bench.sent.is_empty() && bench.board.trunks.leaving.is_empty());
    assert!(bench.board.trunks.requests.is_empty(), "nothing is remembered of it");
}

#[test]
fn stopping_takes_the_binding_back() {
    let mut bench = registered();
    bench.board.leave_trunks(bench.now);
    bench.serve(&[1, 2]);
    assert_eq!(bench.take(&Method::Register).0.headers.first("Expires"), Some("0"));
    bench.board.close_intake(bench.now);
    assert_eq!(bench.invite(1, "1580", "1").unwrap().status, StatusCode(503), "still known, still polite");
}

#[test]
fn a_call_out_tries_server_after_server_then_trunk_after_trunk() {
    let second = settings::Trunk {
        name: "second".to_owned(),
        outward: Some(Outward {
            to: vec![Uri::parse("sip:q.example:5080").unwrap()],
            register: None,
            probe: None,
            credentials: None,
            caller: None,
            takes: vec![PhoneNumber::from_user_part("0501234567")],
            ..provider().outward.unwrap()
        }),
        ..settings::Trunk::default()
    };
    let mut bench = Bench::new(vec![provider(), second]);
    bench.serve(&[1, 2]);
    let register = bench.take(&Method::Register);
    bench.board.handle_input(Input::FlowClosed { flow: register.1 }, bench.now);
    bench.serve(&[1, 2]);
    let register = bench.take(&Method::Register);
    bench.answer(&register, 200, &[("Expires", "600")]);
    let mut call = DialOut::new(PhoneNumber::from_user_part("0501234567"));
    let mut ways = Vec::new();
    while let Ok(route) = bench.board.route_out(&mut call, bench.now) {
        ways.push((route.target.to_string(), route.from.uri.to_string(), route.flow.remote.to_string()));
    }
    let way =
        |target: &str, from: &str, remote: &str| (target.to_owned(), from.to_owned(), remote.to_owned());
    assert_eq!(
        ways,
        [
            // Server 2 has us registered; server 1 comes next.
            way("sip:+380501234567@p.example", "sip:+380542001580@p.example", "192.0.2.2:5060"),
            way("sip:+380501234567@p.example", "sip:+380542001580@p.example", "192.0.2.1:5060"),
            way("sip:0501234567@q.example:5080", "sip:1580@q.example", "192.0.2.1:5060"),
            way("sip:0501234567@q.example:5080", "sip:1580@q.example", "192.0.2.2:5060"),
        ]
    );
    assert_eq!(bench.board.route_out(&mut call, bench.now).unwrap_err(), NoRoute::AllTried);
    assert!(DialOut::goes_on_after(LegEnd::Unreachable));
    for (status, goes_on) in [(503, true), (500, true), (408, true), (403, true), (486, false), (603, false)]
    {
        assert_eq!(DialOut::goes_on_after(LegEnd::Refused(StatusCode(status))), goes_on, "{status}");
    }
}

#[test]
fn a_leg_over_a_trunk_meets_the_challenge_and_gives_its_place_back() {
    let mut trunk = provider();
    trunk.limits.calls = Some(1);
    let mut bench = Bench::new(vec![trunk]);
    bench.serve(&[1]);
    let register = bench.take(&Method::Register);
    bench.answer(&register, 200, &[("Expires", "600")]);
    let mut call = DialOut::new(PhoneNumber::from_user_part("0501234567"));
    let route = bench.board.route_out(&mut call, bench.now).unwrap();
    let (board, now) = (&mut bench.board, bench.now);
    let mut leg = with_turn!(board, now, |turn| Leg::over_trunk(route, Vec::new(), turn));
    assert_eq!(board.live_trunks()[0].calls, 1);
    let mut other = DialOut::new(PhoneNumber::from_user_part("0501234568"));
    assert_eq!(board.route_out(&mut other, now).unwrap_err(), NoRoute::Full);

    with_turn!(board, now, |turn| leg.handle_media_opened("192.0.2.100:4000".parse().unwrap(), turn));
    bench.board.settle(now);
    bench.serve(&[1]);
    let invite = bench.take(&Method::Invite).0;
    assert_eq!(invite.from.uri.user.as_deref(), Some("+380542001580"));
    let challenge = r#"Digest realm="p", nonce="n", qop="auth""#;
    let mut respond = |bench: &mut Bench, request: &Request, status: u16| {
        let transaction = *bench.board.routes.requests.keys().next().unwrap();
        let response = request.response(StatusCode(status), "t").with_header("Proxy-Authenticate", challenge);
        let (board, now) = (&mut bench.board, bench.now);
        let event = with_turn!(board, now, |turn| leg.handle_response(transaction, &response, turn));
        bench.board.settle(now);
        bench.serve(&[1]);
        event
    };
    assert_eq!(respond(&mut bench, &invite, 407), None);
    let again = bench.take(&Method::Invite).0;
    assert_eq!(again.cseq.seq, 2);
    assert!(again.headers.first("Proxy-Authorization").unwrap().contains("username=\"city\""));
    let end = respond(&mut bench, &again, 407);
    assert_eq!(
        end,
        Some(LegEvent::Ended(LegEnd::Refused(StatusCode(407)))),
        "a wrong password is not repeated"
    );
    assert_eq!(bench.board.live_trunks()[0].calls, 0);
    assert!(bench.board.routes.requests.is_empty());
    assert!(bench.board.route_out(&mut other, bench.now).is_ok());
}

#[test]
fn only_numbers_that_a_trunk_takes_go_out_by_it() {
    let mut trunk = provider();
    trunk.outward.as_mut().unwrap().takes = ["+38050", "112"].map(PhoneNumber::from_user_part).to_vec();
    for (number, taken) in [
        ("0501234567", true),
        ("+380501234567", true),
        ("00380501234567", true),
        ("112", true),
        ("1120", false),
        ("0671234567", false),
        ("+79001234567", false),
        ("+3805012345678901", false),
        ("+38050x1234567", false),
        ("", false),
    ] {
        assert_eq!(trunk.takes(&PhoneNumber::from_user_part(number)), taken, "{number}");
    }
    trunk.outward = None;
    assert!(!trunk.takes(&PhoneNumber::from_user_part("112")));
    let mut bench = registered();
    let mut abroad = DialOut::new(PhoneNumber::from_user_part("+79001234567"));
    assert_eq!(bench.board.route_out(&mut abroad, bench.now).unwrap_err(), NoRoute::NotTaken);
}
