//! A name server that we wrote for the tests: a few records by name and type, over UDP on loopback; NXDOMAIN for the
//! rest. It keeps what it was asked. RFC 1035 4, RFC 2782, RFC 3403.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Seconds its answers live.
const TTL: u32 = 60;
const NXDOMAIN: u8 = 3;

#[derive(Clone, Debug)]
pub enum Record {
    A(Ipv4Addr),
    /// Priority, weight, port, target.
    Srv(u16, u16, u16, &'static str),
    /// Order, preference, service, replacement; always flag `s`.
    Naptr(u16, u16, &'static str, &'static str),
}

impl Record {
    fn kind(&self) -> u16 {
        match self {
            Self::A(_) => 1,
            Self::Srv(..) => 33,
            Self::Naptr(..) => 35,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let numbers =
            |values: &[u16]| values.iter().flat_map(|value| value.to_be_bytes()).collect::<Vec<u8>>();
        let text = |value: &str| [&[value.len() as u8], value.as_bytes()].concat();
        match self {
            Self::A(ip) => ip.octets().to_vec(),
            Self::Srv(priority, weight, port, target) => {
                [numbers(&[*priority, *weight, *port]), name(target)].concat()
            }
            Self::Naptr(order, preference, service, replacement) => {
                [numbers(&[*order, *preference]), text("s"), text(service), text(""), name(replacement)]
                    .concat()
            }
        }
    }
}

#[derive(Debug)]
pub struct NameServer {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    pub fn start(records: Vec<(&'static str, Record)>) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket takes options");
        let address = socket.local_addr().expect("a bound socket has an address");
        let (asked, stopped) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let thread = std::thread::spawn({
            let (asked, stopped) = (Arc::clone(&asked), Arc::clone(&stopped));
            move || serve(&socket, &records, &asked, &stopped)
        });
        Self { address, asked, stopped, thread: Some(thread) }
    }

    /// The questions so far, `name type`, each once.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics while holding the questions").clone()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(
    socket: &UdpSocket,
    records: &[(&'static str, Record)],
    asked: &Mutex<Vec<String>>,
    stopped: &AtomicBool,
) {
    let mut buffer = [0; 1500];
    while !stopped.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let Some((wanted, kind, question_end)) = question(&buffer[..length]) else { continue };
        {
            let question = format!("{wanted} {kind}");
            let mut asked = asked.lock().expect("nobody panics while holding the questions");
            if !asked.contains(&question) {
                asked.push(question);
            }
        }
        let known = records.iter().any(|(owner, _)| owner.eq_ignore_ascii_case(&wanted));
        let answers: Vec<&Record> = records
            .iter()
            .filter(|(owner, record)| owner.eq_ignore_ascii_case(&wanted) && record.kind() == kind)
            .map(|(_, record)| record)
            .collect();
        let mut reply = buffer[..question_end].to_vec();
        // QR, AA, RD kept, RA; the counts of RFC 1035 4.1.1: one question, the answers, nothing else.
        reply[2] = 0x84 | buffer[2] & 1;
        reply[3] = 0x80 | if known { 0 } else { NXDOMAIN };
        reply[4..12].copy_from_slice(&[0, 1, 0, answers.len() as u8, 0, 0, 0, 0]);
        for record in answers {
            let data = record.bytes();
            // The owner's name stands in the question, at byte 12.
            reply.extend([0xc0, 12]);
            reply.extend(kind.to_be_bytes());
            reply.extend(1_u16.to_be_bytes());
            reply.extend(TTL.to_be_bytes());
            reply.extend((data.len() as u16).to_be_bytes());
            reply.extend(data);
        }
        let _ = socket.send_to(&reply, from);
    }
}

/// The name and type asked for, and where the question ends.
fn question(packet: &[u8]) -> Option<(String, u16, usize)> {
    let mut labels = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*packet.get(at)?);
        let label = packet.get(at + 1..at + 1 + length)?;
        at += 1 + length;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(label).to_lowercase());
    }
    let kind = u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]);
    Some((labels.join("."), kind, at + 4))
}

fn name(dotted: &str) -> Vec<u8> {
    let labels = dotted.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
    labels.chain([0]).collect()
}
