//! A flood of every table that strangers can reach, from many forged addresses, through the pure core: nothing of it
//! stays beyond its bound, and the next good call is taken.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ringback::call::effect::Effect;
use ringback::ids::{Mint, UserId};
use ringback::sip::digest_auth::Algorithm;
use ringback::sip::guard::{Policy, Rate};
use ringback::sip::message::{Flow, Message, Transport, parse_datagram};
use ringback::switchboard::{Input, Settings, Switchboard};
use ringback::time::Now;

use crate::simulation::city;

/// Of the one phone that strangers guess at.
const EXTENSION: &str = "201";
/// More than any table that strangers can reach has places.
const STRANGERS: u32 = 9_000;

struct Service {
    switchboard: Switchboard,
    now: Now,
    answers: HashMap<u16, u32>,
    shunned: u32,
}

impl Service {
    fn new() -> Self {
        let now = ringback::time::now();
        let user = UserId(Mint::new([1; 32]).uuid(now.utc));
        let settings = Settings {
            digest: vec![Algorithm::Md5],
            // Every message is to reach the tables behind the rates, too.
            guard: Policy { strangers: Rate::per_second(10_000, 5), ..Policy::default() },
            ask_phones_every: None,
            callback: None,
            verification: None,
            duties: Default::default(),
            ..city::settings(&[(user, EXTENSION.to_owned())])
        };
        let switchboard = Switchboard::new(settings, [7; 32], now);
        Self { switchboard, now, answers: HashMap::new(), shunned: 0 }
    }

    /// One message from there; the last answer to it.
    fn send(&mut self, from: SocketAddr, text: &str) -> Option<String> {
        let flow =
            Flow { transport: Transport::Udp, local: SocketAddr::from(([127, 0, 0, 1], 5060)), remote: from };
        let message: Message = parse_datagram(text.as_bytes()).unwrap();
        self.switchboard.handle_input(Input::Sip { message: Box::new(message), flow }, self.now);
        let mut answer = None;
        while let Some(effect) = self.switchboard.poll_effect() {
            match effect {
                Effect::Transmit { bytes, .. } => {
                    let text = String::from_utf8(bytes).unwrap();
                    let status = text[8..11].parse().unwrap();
                    *self.answers.entry(status).or_default() += 1;
                    answer = Some(text);
                }
                Effect::Shun { .. } => self.shunned += 1,
                _ => {}
            }
        }
        answer
    }

    fn wait(&mut self, millis: u64) {
        self.now = self.now.plus(Duration::from_millis(millis));
        self.switchboard.handle_timeout(self.now);
    }
}

fn request(method: &str, user: &str, number: u32, more: &str) -> String {
    format!(
        "{method} sip:{user}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK{method}{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{user}@x.test>;tag=f{number}\r\nTo: <sip:{user}@127.0.0.1>{to}\r\n\
         Call-ID: c{number}\r\nCSeq: 1 {method}\r\nContact: <sip:{user}@10.0.0.1>\r\n{more}Content-Length: 0\r\n\r\n",
        to = if method == "BYE" { ";tag=none" } else { "" },
    )
}

/// An answer to the challenge with a wrong password.
fn wrong(challenge: &str, user: &str) -> String {
    let value = challenge.lines().find_map(|line| line.strip_prefix("WWW-Authenticate: ")).unwrap();
    let method = ringback::sip::message::Method::Register;
    let proof =
        ringback::sip::digest_auth::authorization(value, user, "wrong", &method, "sip:201@127.0.0.1", 1, "c");
    format!("Authorization: {}\r\n", proof.unwrap())
}

#[test]
fn a_flood_from_everywhere_leaves_room_for_the_next_good_call() {
    let mut service = Service::new();
    for number in 0..STRANGERS {
        let from = SocketAddr::from((Ipv4Addr::from(0x0B00_0000 + number), 5060));
        service.wait(1);
        service.send(from, &request("INVITE", "1580", number, ""));
        service.send(from, &request("BYE", "1580", number, ""));
        if let Some(challenge) = service.send(from, &request("REGISTER", EXTENSION, number, "")) {
            let proof = wrong(&challenge, &format!("name {number}"));
            service.send(from, &request("REGISTER", EXTENSION, number + STRANGERS, &proof));
        }
        if number % 3 == 0 {
            service.send(from, &request("OPTIONS", "100", number + STRANGERS, "User-Agent: svmap\r\n"));
        }
    }
    assert_eq!(service.switchboard.transactions(), 0, "strangers hold none");
    assert_eq!(service.switchboard.open_routes(), 0);
    assert_eq!(service.shunned, STRANGERS / 3);
    assert!(service.answers[&401] > STRANGERS && service.answers[&481] == STRANGERS, "{:?}", service.answers);
    let digests = &service.switchboard.counters().digests;
    assert!(digests["refused"] > u64::from(STRANGERS) / 2, "{digests:?}");

    let citizen = SocketAddr::from(([127, 1, 0, 1], 5060));
    service.send(citizen, &request("INVITE", "1580", 900_000, ""));
    assert_eq!(service.switchboard.counters().calls_offered, 1, "the citizen is heard");
}
