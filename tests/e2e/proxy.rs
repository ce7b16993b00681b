//! Kamailio in front, as a city's session border would be: it record-routes, so every request within the call has
//! to take its way through it. Beside it, in the second test, rtpengine carries the sound.

use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::audio::ToneSequence;
use crate::call_audio::{Keys, Said, assert_heard, call_through};
use crate::citizen::Invite;
use crate::phone::{Answering, Event, Phone};
use crate::server::{KEYS_TO_QUEUE, LOOPBACK, PASSWORD, Server, TRUNK};
use crate::sip_wire::Transport;
use crate::sipp::free_port;
use crate::wait;

const START_TIMEOUT: Duration = Duration::from_secs(10);
const SOON: Duration = Duration::from_secs(10);
/// Where rtpengine takes and sends sound.
const RELAY_PORTS: RangeInclusive<u16> = 40_000..=40_100;

/// A daemon of the test, ended in order when dropped: it has children of its own.
#[derive(Debug)]
struct Daemon {
    folder: TempDir,
    child: Child,
}

impl Daemon {
    /// Starts it and waits until it listens at `address`.
    fn start(program: &str, folder: TempDir, arguments: &[&str], address: SocketAddr) -> Self {
        let log = File::create(folder.path().join("log")).expect("a temporary folder can be written");
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be opened twice"))
            .stderr(log)
            .spawn()
            .expect("it starts; scripts/install-tools.sh test installs it");
        let daemon = Self { folder, child };
        wait::until_true(program, START_TIMEOUT, || UdpSocket::bind(address).is_err());
        daemon
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- its last words ---\n{}", self.log());
        }
    }
}

fn kamailio(listen: SocketAddr, service: SocketAddr, rtpengine: Option<SocketAddr>) -> Daemon {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let control = rtpengine.unwrap_or_else(|| free_port(LOOPBACK));
    let text = include_str!("proxy/kamailio.cfg")
        .replace("{{listen}}", &listen.to_string())
        .replace("{{service}}", &service.to_string())
        .replace("{{control}}", &control.to_string());
    let file = folder.path().join("kamailio.cfg");
    fs::write(&file, text).expect("a temporary folder can be written");
    let (file, place) = (file.display().to_string(), folder.path().display().to_string());
    let mut arguments = vec!["-f", &file, "-DD", "-E", "-Y", &place, "-w", &place, "-m", "32", "-M", "4"];
    if rtpengine.is_some() {
        arguments.extend(["-A", "WITH_RTPENGINE"]);
    }
    Daemon::start("kamailio", folder, &arguments, listen)
}

fn rtpengine(control: SocketAddr, media: IpAddr) -> Daemon {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (control_at, media) = (control.to_string(), media.to_string());
    let arguments = [
        "--foreground",
        "--log-stderr",
        "--no-log-timestamps",
        "--table=-1",
        "--num-threads=2",
        "--config-file=none",
        &format!("--interface={media}"),
        &format!("--listen-ng={control_at}"),
        &format!("--port-min={}", RELAY_PORTS.start()),
        &format!("--port-max={}", RELAY_PORTS.end()),
    ];
    Daemon::start("rtpengine", folder, &arguments, control)
}

#[test]
fn kamailio_record_routes_the_call() {
    let server = Server::start_alone();
    // It sends to the service from where it listens: the address of the trunk.
    let listen = free_port(TRUNK);
    let _proxy = kamailio(listen, server.sip, None);
    call_through(&server, listen, Transport::Udp, Keys::Event { payload_type: 101 }, "380440000401");
}

/// What we begin ourselves goes back by the proxies that recorded themselves (RFC 3261 12.2.1.1).
#[test]
fn our_bye_goes_through_kamailio() {
    let server = Server::start_alone();
    let listen = free_port(TRUNK);
    let _proxy = kamailio(listen, server.sip, None);
    let phone = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    server.sign_in("olena").set_ready();
    let mut citizen = Invite { caller: "380440000403".to_owned(), ..Invite::default() }.call(listen);
    citizen.rtp.press(KEYS_TO_QUEUE);
    phone.rings(SOON);
    phone.expect(&Event::Talking, SOON);
    wait::until_true("the bridge", SOON, || phone.rtp.packets_received() > 0);
    let said = ToneSequence::citizen(43, 1000);
    citizen.rtp.say(&said.samples());
    assert_heard(&phone.rtp, &Said::by(&citizen.rtp, said));
    phone.hang_up();
    let bye = citizen.expect_bye(SOON);
    let way: Vec<&str> = bye.headers_named("Via").collect();
    assert_eq!(way.len(), 2, "{bye:?}");
    assert!(way[0].contains(&listen.to_string()), "{way:?}");
    assert!(bye.headers_named("Route").next().is_none(), "the proxy was the whole way: {bye:?}");
}

#[test]
fn rtpengine_carries_the_sound() {
    let server = Server::start_alone();
    let (listen, control) = (free_port(TRUNK), free_port(LOOPBACK));
    let _relay = rtpengine(control, TRUNK);
    let _proxy = kamailio(listen, server.sip, Some(control));
    let keys = Keys::Event { payload_type: 101 };
    let heard_from = call_through(&server, listen, Transport::Udp, keys, "380440000402");
    assert!(RELAY_PORTS.contains(&heard_from.port()), "the sound went past rtpengine: {heard_from}");
}
