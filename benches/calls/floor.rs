//! The floor: a bare loop, in a process of its own, that moves the packets of as many calls from port to port, and one
//! that also writes as many octets to disk. No telephony can cost less on this machine.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ringback::time::now;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;

use crate::figures::Usage;
use crate::speech::Speech;
use crate::streams::Streams;

const MAX_DATAGRAM: usize = 1500;
/// Octets of a second of stereo sound.
const SECOND: usize = 32_000;
/// Octets of 20 ms on one channel.
const TICK: usize = 320;

/// Milliseconds of processor time per second of a call that only passes through.
pub fn measure(calls: usize, seconds: u64, speech: &Arc<Speech>, folder: Option<&Path>) -> f64 {
    let mut child = spawn(calls, folder);
    let ports = ports(&mut child, 2 * calls);
    let mut streams = Streams::new(speech.clone(), 2 * calls, now().mono);
    for (telephone, port) in ports.into_iter().enumerate() {
        streams.connect(telephone, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    run(&mut streams, Duration::from_secs(2));
    let before = Usage::of(child.id());
    run(&mut streams, Duration::from_secs(seconds));
    let after = Usage::of(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    after.cpu_ms_per_sec(&before) / calls as f64
}

fn run(streams: &mut Streams, time: Duration) {
    let end = now().mono + time;
    while now().mono < end {
        streams.receive();
        streams.send(now().mono);
        std::thread::sleep(streams.next_turn().saturating_duration_since(now().mono));
    }
}

fn spawn(calls: usize, folder: Option<&Path>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("floor").arg(calls.to_string()).args(folder);
    command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap()
}

fn ports(child: &mut Child, count: usize) -> Vec<u16> {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    lines.take(count).map(|line| line.unwrap().parse().unwrap()).collect()
}

/// A port, and where its packets go on: the far end of the other port of its pair.
struct Port {
    socket: UdpSocket,
    peer: Option<SocketAddr>,
}

/// The process itself: moves packets until it is killed.
pub fn serve(calls: usize, folder: Option<&Path>) -> ! {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let mut ports: Vec<Port> = (0..2 * calls).map(|_| open()).collect();
    for (number, port) in ports.iter().enumerate() {
        let key = epoll::EventData::new_u64(number as u64);
        epoll::add(&epoll, &port.socket, key, epoll::EventFlags::IN).unwrap();
        println!("{}", port.socket.local_addr().unwrap().port());
    }
    std::io::stdout().flush().unwrap();
    let mut files: HashMap<usize, (File, Vec<u8>)> = HashMap::new();
    let mut ready = Vec::with_capacity(2 * calls);
    let mut packet = [0; MAX_DATAGRAM];
    loop {
        ready.clear();
        epoll::wait(&epoll, spare_capacity(&mut ready), None).unwrap();
        for event in &ready {
            let number = { event.data }.u64() as usize;
            let other = (number + calls) % (2 * calls);
            let Ok((len, from)) = ports[number].socket.recv_from(&mut packet) else { continue };
            ports[number].peer = Some(from);
            if let Some(to) = ports[other].peer {
                ports[other].socket.send_to(&packet[..len], to).ok();
            }
            if let Some(folder) = folder {
                write(folder, number % calls, &mut files);
            }
        }
    }
}

/// Both directions of a call write half of its octets each.
fn write(folder: &Path, call: usize, files: &mut HashMap<usize, (File, Vec<u8>)>) {
    let (file, octets) = files.entry(call).or_insert_with(|| {
        (File::create(folder.join(call.to_string())).unwrap(), Vec::with_capacity(SECOND + TICK))
    });
    octets.extend_from_slice(&[0x55; TICK]);
    if octets.len() >= SECOND {
        file.write_all(octets).unwrap();
        octets.clear();
    }
}

fn open() -> Port {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    Port { socket, peer: None }
}
