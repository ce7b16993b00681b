//! Strangers and surges: scanners we did not write (SIPVicious), wrong passwords, twice the capacity, sound from
//! elsewhere. Nobody is found, nobody gets in, and the citizen's call beside it is perfect.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::audio::ToneSequence;
use crate::call_audio::{Said, assert_heard};
use crate::citizen::{Citizen, Invite};
use crate::phone::{self, Answering, Event, Phone};
use crate::rtp_peer::RtpPeer;
use crate::server::{KEYS_TO_QUEUE, LOOPBACK, PASSWORD, Server, Setup, TRUNK};
use crate::sip_wire::{Message, Transport, Wire, token, with_body};
use crate::sipp::{Place, Sipp, free_port};
use crate::wait;

const SOON: Duration = Duration::from_secs(10);
/// Long enough for an answer that must not come.
const SILENCE: Duration = Duration::from_millis(400);
/// A loopback address that is neither trunk nor phone.
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
/// The password of the trunk that has one.
const TRUNK_PASSWORD: &str = "provider-secret";

/// A citizen and an operator who hear each other.
struct Talk {
    citizen: Citizen,
    phone: Phone,
}

impl Talk {
    fn begin(server: &Server) -> Self {
        let phone = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
        server.sign_in("olena").set_ready();
        let citizen = Invite::default().call(server.sip);
        citizen.rtp.press(KEYS_TO_QUEUE);
        phone.rings(SOON);
        phone.expect(&Event::Talking, SOON);
        Self { citizen, phone }
    }

    /// Both speak, and all of it is heard at the other end without an audible delay.
    fn assert_perfect(&self, seed: u64) {
        let (said, answered) = (ToneSequence::citizen(seed, 3000), ToneSequence::operator(seed, 3000));
        self.citizen.rtp.listen_anew();
        self.phone.rtp.listen_anew();
        self.citizen.rtp.say(&said.samples());
        self.phone.rtp.say(&answered.samples());
        let (said, answered) = (Said::by(&self.citizen.rtp, said), Said::by(&self.phone.rtp, answered));
        assert_heard(&self.phone.rtp, &said);
        assert_heard(&self.citizen.rtp, &answered);
    }

    fn end(mut self) {
        self.citizen.hang_up();
        self.phone.expect(&Event::HungUpOn, SOON);
    }
}

/// One tool of SIPVicious from the stranger's address, whatever the tool makes of the option that names it. In disguise
/// it does not say in its messages who it is.
fn sipvicious(server: &Server, tool: &str, disguised: bool, arguments: &[&str]) -> String {
    let disguise = "helper.makeRequest.__defaults__ = tuple('Desk phone 2.1' if value == 'friendly-scanner' else value \
                    for value in helper.makeRequest.__defaults__)";
    let program = format!(
        "import socket, sys\nimport sipvicious.libs.svhelper as helper\nbind = socket.socket.bind\n\
         socket.socket.bind = lambda self, address: bind(self, ('{STRANGER}', address[1]))\n{disguise}\n\
         from sipvicious.{tool} import main\nsys.argv[0] = '{tool}'\nmain()\n",
        disguise = if disguised { disguise } else { "" },
    );
    let port = server.sip.port().to_string();
    let stranger = STRANGER.to_string();
    let mut command = Command::new("python3");
    command
        .env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/sipvicious"))
        .env("HOME", server.folder())
        .arg("-c")
        .arg(program)
        .args(["-x", &stranger, "-p", &port])
        .args(arguments)
        .arg(server.sip.ip().to_string())
        .stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().expect("python3 starts");
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(
        !said.contains("ModuleNotFoundError"),
        "scripts/install-tools.sh test installs SIPVicious: {status}\n{said}"
    );
    said
}

/// What SIPVicious prints when it has found an extension or a password.
fn assert_nobody_found(tool: &str, said: &str) {
    for found in ["reqauth", "noauth", "weird", "201", "202", PASSWORD] {
        let results = said.lines().filter(|line| line.contains('|'));
        assert!(!results.into_iter().any(|line| line.contains(found)), "{tool} found {found}:\n{said}");
    }
}

/// A register and a word list with the right password in it.
fn word_list(server: &Server, right_at: usize) -> String {
    let mut words: Vec<String> = (0..40).map(|number| format!("guess{number}")).collect();
    words.insert(right_at, PASSWORD.to_owned());
    let path = server.folder().join("words");
    fs::write(&path, words.join("\n") + "\n").expect("a temporary folder can be written");
    path.display().to_string()
}

#[test]
fn sipvicious_finds_nobody_and_the_call_beside_it_is_perfect() {
    let mut server = Server::start_alone();
    let talk = Talk::begin(&server);
    let words = word_list(&server, 2);
    let scans: [(&str, Vec<&str>); 3] = [
        ("svmap", vec!["-m", "OPTIONS"]),
        ("svwar", vec!["-e", "195-260", "-m", "REGISTER", "--force", "--maximumtime", "5"]),
        ("svcrack", vec!["-u", "201", "-d", &words, "--maximumtime", "5"]),
    ];
    for (seed, (tool, arguments)) in (41..).zip(&scans) {
        let said = std::thread::scope(|scope| {
            let scan = scope.spawn(|| sipvicious(&server, tool, false, arguments));
            talk.assert_perfect(seed);
            scan.join().expect("the scanner ends")
        });
        assert_nobody_found(tool, &said);
    }
    let api = server.anonymous();
    wait::until_true("the scans to be counted", SOON, || {
        api.metric("ringback_sip_penalties_total") >= 1 && api.metric("ringback_sip_shunned_total") > 0
    });
    assert!(server.is_running());
    talk.end();
}

/// The same tools without their name: they are known by what they do.
#[test]
fn sipvicious_in_disguise_finds_nobody_either() {
    let setup = Setup {
        alone: true,
        // Patience for the lists to be worked through; what stops them is the lock and the scan.
        sip: "stranger_requests_per_sec = 1000\npenalty_secs = 1\n".to_owned(),
        ..Setup::default()
    };
    let mut server = Server::start_with(&setup);
    let talk = Talk::begin(&server);
    let words = word_list(&server, 20);
    let range = ["-e", "195-260", "--force", "--maximumtime", "5"];
    let with = |method: &'static str| [&range[..], &["-m", method]].concat();
    let scans = [
        ("svwar", with("REGISTER")),
        ("svwar", with("OPTIONS")),
        ("svwar", with("INVITE")),
        ("svcrack", vec!["-u", "201", "-d", &words, "--maximumtime", "5"]),
    ];
    for (seed, (tool, arguments)) in (51..).zip(&scans) {
        let said = std::thread::scope(|scope| {
            let scan = scope.spawn(|| sipvicious(&server, tool, true, arguments));
            talk.assert_perfect(seed);
            scan.join().expect("the scanner ends")
        });
        // Every name needs a password here, those that exist as those that do not: nothing to be learnt.
        let rows = || said.lines().filter(|line| line.starts_with('|'));
        let known = |name: &str| rows().filter(|row| row.contains(name) && row.contains("auth")).count();
        assert_eq!(known("201"), known("203"), "{tool} tells 201 from 203:\n{said}");
        assert!(!said.lines().any(|line| line.contains('|') && line.contains(PASSWORD)), "{said}");
    }
    let locks = "ringback_sip_lock_outs_total{lock=\"name_from_source\"}";
    assert!(counted(&server, locks) >= 1);
    assert!(server.is_running());
    talk.end();
}

/// The proof that the guesser of these tests guesses: without a lock it finds the password.
#[test]
fn sipvicious_finds_the_password_when_nothing_stops_it() {
    let setup = Setup {
        sip: "lock_out_failures = 0\npenalty_secs = 0\nstranger_requests_per_sec = 1000\n".to_owned(),
        ..Setup::default()
    };
    let server = Server::start_with(&setup);
    let words = word_list(&server, 20);
    let said = sipvicious(&server, "svcrack", true, &["-u", "201", "-d", &words, "--maximumtime", "5"]);
    assert!(said.lines().any(|line| line.contains('|') && line.contains(PASSWORD)), "{said}");
}

/// A counter with a label in `/metrics`, 0 when it is not there.
fn counted(server: &Server, series: &str) -> u64 {
    server.anonymous().find_metric(series).unwrap_or(0)
}

/// An INVITE with the answer to its challenge; what comes of it.
fn dial_with_password(server: &Server, user: &str, password: &str) -> Result<Citizen, Message> {
    let invite = Invite { from: STRANGER, ..Invite::default() };
    let challenged = match invite.clone().dial(server.sip).answered() {
        Err(challenged) => challenged,
        Ok(_) => panic!("a stranger was let in"),
    };
    assert_eq!(challenged.status(), Some(401), "{challenged:?}");
    let uri = format!("sip:1580@{}", server.sip);
    let challenge = challenged.expect("WWW-Authenticate");
    let proof = phone::authorization(challenge, user, password, "INVITE", &uri);
    let more = format!("Authorization: {proof}\r\n");
    Invite { more, ..invite }.dial(server.sip).answered()
}

#[test]
fn a_trunk_and_a_phone_call_with_their_password_and_nobody_else_does() {
    let trunk =
        format!("[[trunk]]\nname = \"roaming\"\nuser = \"provider\"\npassword = \"{TRUNK_PASSWORD}\"\n");
    let server = Server::start_with(&Setup { more: trunk, ..Setup::default() });
    let shape = |refusal: &Message| {
        let challenge = refusal.expect("WWW-Authenticate");
        let nonce = challenge.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next());
        (refusal.status(), challenge.replace(nonce.expect("a nonce"), ""))
    };
    let mut refusals = Vec::new();
    for (user, password) in
        [("provider", "wrong"), ("201", "wrong"), ("999", "wrong"), ("999", PASSWORD), ("provider", PASSWORD)]
    {
        match dial_with_password(&server, user, password) {
            Err(refusal) => refusals.push(shape(&refusal)),
            Ok(_) => panic!("{user} got in with {password}"),
        }
    }
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:?}");
    assert_eq!(refusals[0].0, Some(401));
    for (user, password) in [("provider", TRUNK_PASSWORD), ("201", PASSWORD)] {
        let mut citizen = dial_with_password(&server, user, password).expect("the password is right");
        citizen.hang_up();
    }
}

#[test]
fn a_guesser_is_locked_out_until_it_decays_and_the_owner_is_not() {
    let setup = Setup {
        sip: "lock_out_failures = 3\nlock_out_secs = 2\nstranger_requests_per_sec = 1000\n".to_owned(),
        ..Setup::default()
    };
    let server = Server::start_with(&setup);
    let mut guesser = Wire::open(Transport::Udp, STRANGER, server.sip);
    for _ in 0..3 {
        assert_eq!(phone::register(&mut guesser, "201", "wrong").status(), Some(401));
    }
    let right = phone::register(&mut guesser, "201", PASSWORD);
    assert_eq!(right.status(), Some(401), "the right password comes too late: {right:?}");
    let mut owner = Wire::open(Transport::Udp, LOOPBACK, server.sip);
    assert_eq!(phone::register(&mut owner, "201", PASSWORD).status(), Some(200));
    wait::until_true("the lock to open", SOON, || {
        phone::register(&mut guesser, "201", PASSWORD).status() == Some(200)
    });
    let locks = "ringback_sip_lock_outs_total{lock=\"name_from_source\"}";
    wait::until_true("the lock to be counted", SOON, || counted(&server, locks) == 1);
}

fn options(wire: &Wire, call_id: &str, user_agent: &str) -> String {
    let head = format!(
        "OPTIONS sip:{server} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: <sip:a@b.test>;tag=a\r\nTo: <sip:{server}>\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\nUser-Agent: {user_agent}\r\n",
        server = wire.server,
        via = wire.via(&token("branch")),
    );
    with_body(head, "")
}

/// A scanner that does not say so: one name after the other, and nothing is heard any more.
#[test]
fn who_asks_for_many_names_hears_no_more() {
    let setup = Setup { sip: "scan_names = 10\n".to_owned(), ..Setup::default() };
    let server = Server::start_with(&setup);
    let mut wire = Wire::open(Transport::Udp, STRANGER, server.sip);
    let mut is_answered = |name: u32, at_most: Duration| {
        let text = options(&wire, &token("call"), "Desk phone");
        wire.send(text.replace("OPTIONS sip:", &format!("OPTIONS sip:{name}@")));
        wire.receive(at_most).is_some()
    };
    assert!((100..110).all(|name| is_answered(name, SOON)));
    assert!(!(110..113).any(|name| is_answered(name, SILENCE)));
    wait::until_true("the scan to be counted", SOON, || {
        counted(&server, "ringback_sip_unheard_total{reason=\"scan\"}") == 1
    });
}

#[test]
fn a_scanner_hears_nothing_until_the_box_opens() {
    // Long enough for two questions while it is shut.
    let setup = Setup { sip: "penalty_secs = 3\n".to_owned(), ..Setup::default() };
    let server = Server::start_with(&setup);
    for transport in [Transport::Udp, Transport::Tcp] {
        let ask = |user_agent: &str| {
            let mut wire = Wire::open(transport, STRANGER, server.sip);
            let call_id = token("call");
            let text = options(&wire, &call_id, user_agent);
            wire.send(text);
            wire.receive(SILENCE)
        };
        wait::until_true("a stranger to be challenged", SOON, || {
            ask("Desk phone").is_some_and(|answer| answer.status() == Some(401))
        });
        assert!(ask("friendly-scanner").is_none());
        assert!(ask("Desk phone").is_none(), "it is in the box now");
        wait::until_true("the box to open", SOON, || ask("Desk phone").is_some());
    }
}

/// Requests of strangers, and dialogs made up, leave nothing behind.
#[test]
fn strangers_hold_no_transactions() {
    let setup =
        Setup { sip: "stranger_requests_per_sec = 10000\nscan_names = 0\n".to_owned(), ..Setup::default() };
    let server = Server::start_with(&setup);
    let mut wire = Wire::open(Transport::Udp, STRANGER, server.sip);
    for number in 0..400 {
        let (method, tag, expected) = match number % 4 {
            0 => ("INVITE", "", 401),
            1 => ("REGISTER", "", 401),
            2 => ("BYE", ";tag=made-up", 481),
            _ => ("INVITE", ";tag=made-up", 481),
        };
        let call_id = token("call");
        let head = format!(
            "{method} sip:{number}@{server} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: <sip:a@b.test>;tag=a\r\n\
             To: <sip:{number}@{server}>{tag}\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\nContact: {contact}\r\n",
            server = wire.server,
            via = wire.via(&token("branch")),
            contact = wire.contact("a"),
        );
        wire.send(with_body(head, ""));
        let answer = wire.final_response(&call_id, method).expect("a stranger is answered");
        assert_eq!(answer.status(), Some(expected), "{method}{tag}");
    }
    let mut citizen = Invite::default().call(server.sip);
    wait::until_true("only the call's own transactions to be there", SOON, || {
        server.anonymous().metric("ringback_sip_transactions") <= 2
    });
    citizen.hang_up();
}

/// Sound from a third address is not heard, and it is counted.
#[test]
fn sound_from_elsewhere_is_dropped_and_counted() {
    let server = Server::start_alone();
    let talk = Talk::begin(&server);
    talk.assert_perfect(61);
    let targets: Vec<SocketAddr> =
        [&talk.citizen.rtp, &talk.phone.rtp].iter().filter_map(|rtp| rtp.remote()).collect();
    assert_eq!(targets.len(), 2);
    let intruder = UdpSocket::bind((STRANGER, 0)).expect("loopback has free ports");
    for sequence in 0..100_u16 {
        let [high, low] = sequence.to_be_bytes();
        let mut packet = vec![0x80, 8, high, low, 0, 0, high, low, 1, 2, 3, 4];
        packet.extend([0x2A; 160]);
        for target in &targets {
            let _ = intruder.send_to(&packet, target);
        }
    }
    talk.assert_perfect(62);
    talk.end();
    let api = server.anonymous();
    wait::until_true("the packets to be counted", SOON, || {
        api.metric_of("ringback_rtp_dropped_total", "reason", "third_address") == 200
    });
}

/// Twice the capacity: whoever is refused hears exactly 503 with Retry-After, which the scenario checks, and nobody who
/// was let in notices. `make overload` does it for a minute.
#[test]
fn twice_the_capacity_is_refused_with_503_and_admitted_calls_are_untouched() {
    const CAPACITY: u32 = 10;
    const HOLD_SECS: u32 = 4;
    let secs: u32 =
        std::env::var("RINGBACK_OVERLOAD_SECS").ok().and_then(|secs| secs.parse().ok()).unwrap_or(8);
    let rate = 2 * CAPACITY / HOLD_SECS;
    let offered = rate * secs;
    let server = Server::start_with(&Setup { alone: true, capacity: CAPACITY, ..Setup::default() });
    let talk = Talk::begin(&server);
    let citizens = RtpPeer::start(TRUNK);
    let place = Place { transport: Transport::Udp, local: free_port(TRUNK), server: server.sip };
    let values =
        [("rtp_port", citizens.address.port().to_string()), ("talk_ms", (HOLD_SECS * 1000).to_string())];
    let (rate, count) = (rate.to_string(), offered.to_string());
    let more = ["-r", &rate, "-m", &count, "-l", "1000", "-timeout", "600s"];
    let crowd = Sipp::start(include_str!("sipp/crowd.xml"), &place, &values, &more);
    for seed in 0..u64::from(secs / 4) {
        talk.assert_perfect(71 + seed);
    }
    crowd.succeed(Duration::from_secs(u64::from(secs) + 30));
    talk.end();
    let api = server.anonymous();
    let refused = || counted(&server, "ringback_sip_refusals_total{reason=\"over_capacity\"}");
    wait::until_true("all calls to be counted", SOON, || {
        // The talk beside them is one of those answered.
        api.metric("ringback_calls_answered_total") - 1 + refused() == u64::from(offered)
    });
    let admitted = api.metric("ringback_calls_answered_total") - 1;
    assert!(admitted >= u64::from(CAPACITY) - 1 && refused() > u64::from(offered) / 4, "{admitted} admitted");
}
