//! The sound of all telephones: RTP in batches over a few shared sockets, evenly spread over the 20 ms, and what comes
//! back: losses by sequence number, content piece by piece, arrival times taken by the kernel.

use std::io::{ErrorKind, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, setsockopt, sockopt,
};
use ringback::media::SAMPLES_PER_TICK;
use ringback::rtp::RtpHeader;
use ringback::time::now;
use socket2::SockRef;

use crate::figures::Distribution;
use crate::speech::{Heard, Listener, Speech};

/// Sockets, and turns of a 20 ms round: the telephones of one socket send together, every socket a millisecond later.
pub const SOCKETS: usize = 20;
/// Below those that the kernel gives away, above those of the service.
const FIRST_PORT: u16 = 30_000;
const TURN: Duration = Duration::from_millis(1);
/// Turns in which all sockets are read once.
const SHARES: usize = 4;
/// Packets taken from the kernel at once.
const BATCH: usize = 128;
const MAX_PACKET: usize = 1500;
const PCMA: u8 = 8;
const EVENT: u8 = 101;
/// Packets of a pressed key: 100 ms, its end three times.
const PRESS_PACKETS: u16 = 7;
/// Octets of a socket's buffer in the kernel: a second of 100 telephones.
const SOCKET_BUFFER: usize = 4 << 20;

/// The stream of one telephone, both ways.
#[derive(Debug)]
pub struct Stream {
    remote: Option<SocketAddr>,
    sequence: u16,
    timestamp: u32,
    /// Pieces said so far.
    pub number: u64,
    /// Packets of the pressed key that were sent, and the key.
    press: Option<(u8, u16)>,
    last: Option<(u16, u64)>,
    pub sent: u64,
    pub received: u64,
    pub lost: u64,
    pub listener: Listener,
}

pub struct Streams {
    speech: Arc<Speech>,
    sockets: Vec<UdpSocket>,
    /// Bound, so that nobody is told that nobody is there; never read.
    _rtcp: Vec<UdpSocket>,
    streams: Vec<Stream>,
    /// Who talks to the server's port, by that port.
    by_port: Vec<u32>,
    next_turn: Instant,
    turn: usize,
    batch: Box<[[u8; MAX_PACKET]; BATCH]>,
    headers: MultiHeaders<SockaddrIn>,
    /// Deviation of the time between two packets from 20 ms.
    pub deviation: Distribution,
    /// How late a turn was sent.
    pub lateness: Distribution,
    /// Whether distributions are taken.
    pub measures: bool,
    /// Telephones that have just heard somebody for the first time in their call.
    pub first_words: Vec<(usize, Instant)>,
}

const NOBODY: u32 = u32::MAX;

impl Streams {
    pub fn new(speech: Arc<Speech>, telephones: usize, now: Instant) -> Self {
        let ports = (0..SOCKETS).map(|socket| FIRST_PORT + 2 * socket as u16);
        let sockets = ports.clone().map(open).collect();
        let rtcp = ports.map(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port + 1)).unwrap()).collect();
        let stream = |number: usize| Stream {
            remote: None,
            sequence: number as u16,
            timestamp: number as u32,
            number: 0,
            press: None,
            last: None,
            sent: 0,
            received: 0,
            lost: 0,
            listener: Listener::default(),
        };
        Self {
            speech,
            sockets,
            _rtcp: rtcp,
            streams: (0..telephones).map(stream).collect(),
            by_port: vec![NOBODY; 1 << 16],
            next_turn: now,
            turn: 0,
            batch: Box::new([[0; MAX_PACKET]; BATCH]),
            headers: MultiHeaders::preallocate(BATCH, Some(nix::cmsg_space!(nix::sys::time::TimeSpec))),
            deviation: Distribution::default(),
            lateness: Distribution::default(),
            measures: false,
            first_words: Vec::new(),
        }
    }

    /// Where `telephone` wants to be sent to.
    pub fn address(&self, telephone: usize) -> SocketAddr {
        self.sockets[telephone % SOCKETS].local_addr().unwrap()
    }

    pub fn connect(&mut self, telephone: usize, remote: SocketAddr) {
        self.by_port[usize::from(remote.port())] = telephone as u32;
        self.streams[telephone].remote = Some(remote);
        self.streams[telephone].last = None;
    }

    /// The call is over; what was heard is taken away.
    pub fn close(&mut self, telephone: usize) -> Listener {
        let stream = &mut self.streams[telephone];
        if let Some(remote) = stream.remote.take() {
            self.by_port[usize::from(remote.port())] = NOBODY;
        }
        stream.number = 0;
        std::mem::take(&mut stream.listener)
    }

    pub fn press(&mut self, telephone: usize, key: u8) {
        self.streams[telephone].press = Some((key, 0));
    }

    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    pub fn next_turn(&self) -> Instant {
        self.next_turn
    }

    /// Sends the turns that are due.
    pub fn send(&mut self, now: Instant) {
        while self.next_turn <= now {
            if self.measures {
                self.lateness.add(now.saturating_duration_since(self.next_turn).as_micros() as u64);
            }
            self.send_turn(self.turn);
            self.turn = (self.turn + 1) % SOCKETS;
            self.next_turn += TURN;
        }
    }

    /// One by one: sending costs the delivery, and saving the system calls in between gains little.
    fn send_turn(&mut self, turn: usize) {
        let mut packet = [0; MAX_PACKET];
        for telephone in (turn..self.streams.len()).step_by(SOCKETS) {
            let stream = &mut self.streams[telephone];
            let Some(remote) = stream.remote else { continue };
            let len = stream.write(telephone, &self.speech, &mut packet);
            match self.sockets[turn].send_to(&packet[..len], remote) {
                Ok(_) => {}
                // The port of a call that has just ended.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => panic!("cannot send: {error}"),
            }
        }
    }

    /// Takes what has arrived at a share of the sockets: the kernel has noted when.
    pub fn receive(&mut self) {
        for socket in (self.turn % SHARES..SOCKETS).step_by(SHARES) {
            while self.receive_batch(socket) == BATCH {}
        }
    }

    fn receive_batch(&mut self, socket: usize) -> usize {
        let mut slices = self.batch.each_mut().map(|packet| [IoSliceMut::new(packet)]);
        let fd = self.sockets[socket].as_raw_fd();
        let mut found: [(usize, u16, u64); BATCH] = [(0, 0, 0); BATCH];
        let mut count = 0;
        match recvmmsg(fd, &mut self.headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None) {
            Ok(messages) => {
                for message in messages {
                    let from = message.address.map_or(0, |address| address.port());
                    let at = message.cmsgs().unwrap().find_map(|entry| match entry {
                        ControlMessageOwned::ScmTimestampns(at) => Some(at),
                        _ => None,
                    });
                    let at = at.map_or(0, |at| at.tv_sec() as u64 * 1_000_000 + at.tv_nsec() as u64 / 1000);
                    found[count] = (message.bytes, from, at);
                    count += 1;
                }
            }
            Err(nix::errno::Errno::EAGAIN) => return 0,
            Err(error) => panic!("cannot receive: {error}"),
        }
        for (index, (len, from, at)) in found[..count].iter().copied().enumerate() {
            let telephone = self.by_port[usize::from(from)];
            if telephone != NOBODY {
                let stream = &mut self.streams[telephone as usize];
                let heard_nobody = !stream.listener.knows_somebody();
                let deviation = stream.hear(&self.batch[index][..len], at, &self.speech);
                if heard_nobody && stream.listener.knows_somebody() {
                    self.first_words.push((telephone as usize, now().mono));
                }
                if self.measures
                    && let Some(deviation) = deviation
                {
                    self.deviation.add(deviation);
                }
            }
        }
        count
    }
}

impl Stream {
    /// The next packet.
    fn write(&mut self, telephone: usize, speech: &Speech, packet: &mut [u8; MAX_PACKET]) -> usize {
        let (number, timestamp) = (self.number, self.timestamp);
        self.number += 1;
        self.timestamp = timestamp.wrapping_add(SAMPLES_PER_TICK as u32);
        let mut header = RtpHeader {
            marker: number == 0,
            payload_type: PCMA,
            sequence_number: self.sequence,
            timestamp,
            ssrc: telephone as u32 + 1,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.sent += 1;
        let Some((key, count)) = self.press else {
            return header.write(speech.said(telephone, number), packet).unwrap().len();
        };
        header.payload_type = EVENT;
        header.marker = count == 0;
        header.timestamp = timestamp.wrapping_sub(u32::from(count) * SAMPLES_PER_TICK as u32);
        let ends = count + 3 >= PRESS_PACKETS;
        let duration = (count + 1).min(PRESS_PACKETS - 2) * SAMPLES_PER_TICK as u16;
        let [high, low] = duration.to_be_bytes();
        self.press = (count + 1 < PRESS_PACKETS).then_some((key, count + 1));
        header.write(&[key, 10 | if ends { 0x80 } else { 0 }, high, low], packet).unwrap().len()
    }

    /// How far, µs, the time since the packet before was from what their sequence numbers say.
    fn hear(&mut self, packet: &[u8], at: u64, speech: &Speech) -> Option<u64> {
        let (header, payload) = RtpHeader::parse(packet).ok()?;
        self.received += 1;
        let mut deviation = None;
        if let Some((last, last_at)) = self.last {
            let step = header.sequence_number.wrapping_sub(last);
            if step == 0 || step > 1000 {
                return None;
            }
            self.lost += u64::from(step) - 1;
            // None where the kernel told no time.
            deviation =
                (at > 0).then(|| (at as i64 - last_at as i64 - i64::from(step) * 20_000).unsigned_abs());
        }
        self.last = Some((header.sequence_number, at));
        if header.payload_type == PCMA {
            let heard = payload.try_into().map_or(Heard::Other, Heard::Speech);
            self.listener.hear(heard, speech);
        }
        deviation
    }
}

fn open(port: u16) -> UdpSocket {
    let socket = UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let options = SockRef::from(&socket);
    options.set_recv_buffer_size(SOCKET_BUFFER).unwrap();
    options.set_send_buffer_size(SOCKET_BUFFER).unwrap();
    setsockopt(&socket, sockopt::RcvBufForce, &SOCKET_BUFFER).ok();
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true).unwrap();
    socket
}
