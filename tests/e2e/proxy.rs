//! Kamailio in front, as a city's session border would be: it record-routes, so every request within the call has
//! to take its way through it. Beside it, in the second test, rtpengine carries the sound.

use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::call_audio::{Keys, call_through};
use crate::server::{LOOPBACK, Server, Setup, TRUNK};
use crate::sip_wire::Transport;
use crate::sipp::free_port;
use crate::wait;

const START_TIMEOUT: Duration = Duration::from_secs(10);

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
        "--port-min=40000",
        "--port-max=40100",
    ];
    Daemon::start("rtpengine", folder, &arguments, control)
}

#[test]
fn kamailio_record_routes_the_call() {
    let server = Server::start_with(&Setup { alone: true, ..Setup::default() });
    // It sends to the service from where it listens: the address of the trunk.
    let listen = free_port(TRUNK);
    let _proxy = kamailio(listen, server.sip, None);
    call_through(&server, listen, Transport::Udp, Keys::Event { payload_type: 101 }, "380440000401");
}

#[test]
fn rtpengine_carries_the_sound() {
    let server = Server::start_with(&Setup { alone: true, ..Setup::default() });
    let (listen, control) = (free_port(TRUNK), free_port(LOOPBACK));
    let _relay = rtpengine(control, TRUNK);
    let _proxy = kamailio(listen, server.sip, Some(control));
    call_through(&server, listen, Transport::Udp, Keys::Event { payload_type: 101 }, "380440000402");
}
