//! Passes and what they are good for, in the whole pure switchboard: pages, phones and scanners are written here, time is
//! simulated.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::call::effect::Effect;
use crate::ids::UserId;
use crate::language::Language;
use crate::media;
use crate::sip::credentials::{Challenge, Credentials};
use crate::sip::message::{Message, Response, StatusCode, parse_datagram};
use crate::switchboard::settings::Account;
use crate::switchboard::trunks::tests::settings;
use crate::switchboard::{Command, Input, Settings};

const REALM: &str = "ringback";
const SECRET: &str = "s3cret";
const SESSION: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
                       m=audio 4000 RTP/AVP 8\r\n";
const TERMS: WebCalls = WebCalls {
    calls: 3,
    calls_per_address_per_hour: 5,
    pass_lives: Duration::from_secs(30),
    longest_call: Duration::from_secs(600),
};

/// Of the page at `last`.
fn flow(transport: Transport, last: u8) -> Flow {
    let local = "192.0.2.100:8080".parse().unwrap();
    Flow { transport, local, remote: format!("192.0.2.{last}:40000").parse().unwrap() }
}

fn address(last: u8) -> IpAddr {
    flow(Transport::Ws, last).remote.ip()
}

/// A request as it is sent first.
#[derive(Clone)]
struct Asked {
    method: &'static str,
    to: &'static str,
    user: &'static str,
    more: &'static str,
    flow: Flow,
}

fn call(user: &'static str) -> Asked {
    Asked { method: "INVITE", to: "1580", user, more: "", flow: flow(Transport::Ws, 7) }
}

struct Bench {
    board: Switchboard,
    now: Now,
    answers: Vec<Response>,
    vouched: usize,
    branch: u32,
}

impl Bench {
    fn new(web_calls: Option<WebCalls>) -> Self {
        Self::with(Settings { web_calls, ..settings(Vec::new()) })
    }

    fn with(settings: Settings) -> Self {
        let now = crate::time::now();
        let board = Switchboard::new(settings, [4; 32], now);
        Self { board, now, answers: Vec::new(), vouched: 0, branch: 0 }
    }

    fn ask(&mut self, user: &str, last: u8) -> Result<(), CommandError> {
        let guest = Guest { language: Some(Language::He), number: PhoneNumber::written("+380 50 111 22 33") };
        let ha1 = Ha1::new(user, REALM, SECRET);
        let command = Command::LetGuestIn { user: user.to_owned(), ha1, source: address(last), guest };
        self.board.handle_command(command, self.now)
    }

    /// Disk, store and media answer at once.
    fn serve(&mut self) {
        while let Some(effect) = self.board.poll_effect() {
            match effect {
                Effect::Transmit { bytes, .. } => {
                    if let Message::Response(response) = parse_datagram(&bytes).unwrap() {
                        self.answers.push(response);
                    }
                }
                Effect::Vouch { .. } => self.vouched += 1,
                Effect::Media(media::Command::Open { leg, .. }) => {
                    let local_rtp = "192.0.2.100:20000".parse().unwrap();
                    let opened = media::Event::Opened { leg, local_rtp };
                    self.board.handle_input(Input::Media(opened), self.now);
                }
                Effect::Commit { ticket: Some(ticket), .. } => {
                    self.board.handle_input(Input::Committed { ticket, durable: true }, self.now);
                }
                _ => {}
            }
        }
    }

    fn send(
        &mut self,
        asked: &Asked,
        to_tag: &str,
        authorization: Option<(&str, String)>,
    ) -> Option<Response> {
        self.branch += 1;
        let Asked { method, to, user, more, flow } = asked;
        let authorization =
            authorization.map_or(String::new(), |(name, value)| format!("{name}: {value}\r\n"));
        let text = format!(
            "{method} sip:{to}@city.example SIP/2.0\r\n\
             Via: SIP/2.0/WS 192.0.2.7;branch=z9hG4bK{branch}\r\nFrom: <sip:{user}@city.example>;tag=a\r\n\
             To: <sip:{to}@city.example>{to_tag}\r\nCall-ID: of-{user}\r\nCSeq: {branch} {method}\r\n\
             Contact: <sip:{user}@192.0.2.7:40000;transport=ws>\r\nMax-Forwards: 70\r\n{more}{authorization}\
             Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{SESSION}",
            branch = self.branch,
            length = SESSION.len(),
        );
        let message = Box::new(parse_datagram(text.as_bytes()).unwrap());
        self.board.handle_input(Input::Sip { message, flow: *flow }, self.now);
        self.serve();
        std::mem::take(&mut self.answers).into_iter().rfind(|answer| answer.status.is_final())
    }

    /// The final answer, a challenge having been met with `secret`.
    fn send_proven(&mut self, asked: &Asked, secret: &str) -> Option<Response> {
        let challenged = self.send(asked, "", None)?;
        if challenged.status != StatusCode::UNAUTHORIZED {
            return Some(challenged);
        }
        let credentials =
            Credentials { user: asked.user.to_owned(), password: secret.to_owned(), realm: None };
        let mut challenge = Challenge::of_response(&challenged, &credentials).unwrap();
        let uri = crate::sip::message::Uri::parse(&format!("sip:{}@city.example", asked.to)).unwrap();
        let method = Method::from_token(asked.method);
        let header = challenge.answer(&credentials, &method, &uri, "cnonce").unwrap();
        self.send(asked, "", Some(header))
    }

    fn status(&mut self, asked: &Asked) -> u16 {
        self.send_proven(asked, SECRET).map_or(0, |answer| answer.status.0)
    }

    fn wait(&mut self, for_: Duration) {
        self.now = self.now.plus(for_);
        self.board.handle_timeout(self.now);
        self.serve();
    }

    fn fate(&self, name: &str) -> u64 {
        self.board.guest_fates().get(name).copied().unwrap_or_default()
    }
}

#[test]
fn a_pass_is_good_for_one_call_and_says_what_the_guest_said() {
    let mut bench = Bench::new(Some(TERMS));
    assert_eq!(bench.ask("web-1", 7), Ok(()));
    assert_eq!(bench.status(&call("web-1")), 200);
    let contact = bench.board.calls().next().unwrap().contact().clone();
    assert!(contact.caller.is_withheld(), "the name of a pass is nobody's number");
    assert_eq!(contact.origin, ORIGIN);
    assert_eq!(contact.stated_number.unwrap().as_str(), "+380501112233");
    assert_eq!(contact.language, Some(Language::He), "greeted in the language of the page");
    let live = bench.board.snapshot(bench.now).calls.remove(0);
    assert!(live.from_web && live.pass.as_deref() == Some("web-1"));
    assert_eq!(bench.vouched, 1, "its connection keeps its place while the call lasts");

    assert_eq!(bench.status(&Asked { more: "X: again\r\n", ..call("web-1") }), 403);
    assert_eq!(bench.board.calls().count(), 1);
    assert_eq!((bench.fate("given"), bench.fate("used"), bench.fate("overstepped")), (1, 1, 1));
}

#[test]
fn a_guest_can_do_nothing_else() {
    let mut bench = Bench::new(Some(TERMS));
    bench.ask("web-1", 7).unwrap();
    let other_ways = [
        Asked { method: "REGISTER", to: "web-1", ..call("web-1") },
        Asked { method: "OPTIONS", ..call("web-1") },
        Asked { method: "SUBSCRIBE", more: "Event: presence\r\n", ..call("web-1") },
        Asked { method: "REFER", more: "Refer-To: <sip:201@city.example>\r\n", ..call("web-1") },
        Asked { method: "MESSAGE", ..call("web-1") },
        Asked { to: "201", ..call("web-1") },
        Asked { to: "*71", ..call("web-1") },
        Asked { to: "+380501112233", ..call("web-1") },
        Asked { more: "Replaces: x;to-tag=a;from-tag=b\r\n", ..call("web-1") },
        Asked { flow: flow(Transport::Udp, 7), ..call("web-1") },
        Asked { flow: flow(Transport::Tcp, 7), ..call("web-1") },
    ];
    for asked in &other_ways {
        assert_eq!(bench.status(asked), 403, "{} {}", asked.method, asked.to);
    }
    assert_eq!(bench.fate("overstepped"), other_ways.len() as u64);
    assert_eq!(bench.board.counters().refusals["forbidden"], other_ways.len() as u64);
    assert_eq!(bench.status(&call("web-1")), 200, "the pass is as good as before");
}

#[test]
fn within_the_call_a_guest_passes_nobody_on() {
    let mut bench = Bench::new(Some(TERMS));
    bench.ask("web-1", 7).unwrap();
    let answered = bench.send_proven(&call("web-1"), SECRET).unwrap();
    let tag = format!(";tag={}", answered.to.tag().unwrap());
    bench.send(&Asked { method: "ACK", ..call("web-1") }, &tag, None);
    for (method, more, expected) in [
        ("REFER", "Refer-To: <sip:201@city.example>\r\n", 403),
        ("SUBSCRIBE", "Event: refer\r\n", 403),
        ("MESSAGE", "", 403),
        ("UPDATE", "", 200),
        ("BYE", "", 200),
    ] {
        let answer = bench.send(&Asked { method, more, ..call("web-1") }, &tag, None);
        assert_eq!(answer.map(|answer| answer.status.0), Some(expected), "{method}");
    }
}

#[test]
fn a_pass_runs_out_and_a_wrong_secret_is_only_challenged() {
    let mut bench = Bench::new(Some(TERMS));
    bench.ask("web-1", 7).unwrap();
    assert_eq!(bench.send_proven(&call("web-1"), "guess").unwrap().status, StatusCode::UNAUTHORIZED);
    assert_eq!(bench.status(&call("web-1")), 200, "one wrong try spoils nothing");
    bench.ask("web-2", 7).unwrap();
    bench.wait(TERMS.pass_lives);
    assert_eq!(bench.status(&call("web-2")), 401, "a name like any that was made up");
    assert_eq!((bench.fate("expired"), bench.board.guests.passes.len()), (1, 0));
}

#[test]
fn the_secret_of_one_pass_opens_no_other_and_no_phone() {
    let user = UserId(uuid::Uuid::from_u128(1));
    let mut settings = Settings { web_calls: Some(TERMS), ..settings(Vec::new()) };
    settings.accounts.insert("201".to_owned(), Account { user, ha1: Ha1::new("201", REALM, "phone") });
    let mut bench = Bench::with(settings);
    bench.ask("web-1", 7).unwrap();
    bench.ask("web-2", 7).unwrap();
    // Credentials of one under the name of the other.
    for (from, by) in [("web-1", "web-2"), ("201", "web-1"), ("web-1", "201")] {
        let asked = call(from);
        let challenged = bench.send(&asked, "", None).unwrap();
        let password = if by == "201" { "phone" } else { SECRET };
        let credentials = Credentials { user: by.to_owned(), password: password.to_owned(), realm: None };
        let mut challenge = Challenge::of_response(&challenged, &credentials).unwrap();
        let uri = crate::sip::message::Uri::parse("sip:1580@city.example").unwrap();
        let header = challenge.answer(&credentials, &Method::Invite, &uri, "c").unwrap();
        let answer = bench.send(&asked, "", Some(header)).unwrap();
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{from} by {by}");
    }
    assert_eq!(bench.board.calls().count(), 0);
}

#[test]
fn a_pass_makes_no_acquaintance() {
    let mut bench = Bench::new(Some(TERMS));
    bench.ask("web-1", 7).unwrap();
    assert_eq!(bench.status(&call("web-1")), 200);
    assert!(!bench.board.is_acquainted(flow(Transport::Ws, 7), bench.now));
    let options = Asked { method: "OPTIONS", user: "scanner", ..call("web-1") };
    assert_eq!(bench.send(&options, "", None).unwrap().status, StatusCode::UNAUTHORIZED);
}

#[test]
fn places_are_bounded_and_come_back() {
    let mut bench = Bench::new(Some(TERMS));
    for (user, last) in [("web-1", 1), ("web-2", 2), ("web-3", 3)] {
        assert_eq!(bench.ask(user, last), Ok(()));
    }
    assert_eq!(bench.ask("web-4", 4), Err(CommandError::Full), "passes on their way hold their places");
    assert_eq!(bench.status(&call("web-1")), 200);
    assert_eq!(bench.ask("web-4", 4), Err(CommandError::Full), "a pass becomes a call in the same place");
    bench.wait(TERMS.pass_lives);
    assert_eq!(bench.ask("web-5", 5), Ok(()), "those who did not call");
    assert_eq!(bench.ask("web-6", 6), Ok(()));
    assert_eq!(bench.ask("web-7", 7), Err(CommandError::Full));
    bench.wait(TERMS.longest_call);
    assert_eq!(bench.board.guest_calls(), 0, "a call is ended after its time");
    let ended = bench.board.counters().calls_ended.get("limit_reached").copied();
    assert_eq!(ended, Some(1));
    assert_eq!(bench.ask("web-8", 8), Ok(()));
}

#[test]
fn one_address_asks_only_so_often() {
    let mut bench = Bench::new(Some(WebCalls { calls: 100, ..TERMS }));
    let names = ["web-1", "web-2", "web-3", "web-4", "web-5"];
    assert!(names.iter().all(|user| bench.ask(user, 7).is_ok()));
    let every = Duration::from_secs(720);
    assert_eq!(bench.ask("web-6", 7), Err(CommandError::TooOften { retry_after: every }));
    assert_eq!(bench.ask("web-6", 8), Ok(()), "a neighbour is not hindered");
    bench.wait(every);
    assert_eq!(bench.ask("web-7", 7), Ok(()));
    assert_eq!(bench.fate("too_often"), 1);
}

#[test]
fn switched_off_nobody_comes_in() {
    let mut bench = Bench::new(None);
    assert_eq!(bench.ask("web-1", 7), Err(CommandError::SwitchedOff));
    assert_eq!(bench.board.snapshot(bench.now).web_calls, None);
    assert_eq!(bench.status(&call("web-1")), 401);

    let mut bench = Bench::new(Some(TERMS));
    bench.ask("web-1", 7).unwrap();
    assert!(bench.board.snapshot(bench.now).web_calls.is_some());
    bench.board.configure(settings(Vec::new()), bench.now);
    assert_eq!(bench.status(&call("web-1")), 403, "switched off between pass and call");
}

#[test]
fn a_full_line_is_full_for_guests_too() {
    let mut bench = Bench::with(Settings { web_calls: Some(TERMS), capacity: 1, ..settings(Vec::new()) });
    bench.ask("web-1", 7).unwrap();
    bench.ask("web-2", 7).unwrap();
    assert_eq!(bench.status(&call("web-1")), 200);
    assert_eq!(bench.status(&call("web-2")), 503);
    assert_eq!(bench.ask("web-3", 7), Err(CommandError::Full));
    bench.board.close_intake(bench.now);
    assert_eq!(bench.ask("web-4", 8), Err(CommandError::Full));
}
