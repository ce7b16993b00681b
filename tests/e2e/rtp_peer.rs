//! The sound of a phone that we wrote for the tests: sends PCMA every 20 ms without a break, presses RFC 4733
//! digits, keeps what it hears on the time line of its arrival. No signalling: SIPp, `citizen.rs` and
//! `phone.rs` do that.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::audio::{RATE, ToneSequence, alaw_decode, alaw_encode};

const TICK: Duration = Duration::from_millis(20);
const SAMPLES_PER_TICK: usize = 160;
const PCMA: u8 = 8;
/// Ticks one digit sounds (RFC 4733: at least 40 ms), then three end packets.
const DIGIT_TICKS: u16 = 5;
/// A packet whose time stamp is further from its arrival than this starts a new stretch of sound.
const REANCHOR: Duration = Duration::from_millis(150);
/// Of its own lateness. A machine that takes more fails the test: with all forgiven, silence would pass.
const MOST_FORGIVEN: Duration = Duration::from_millis(250);
/// Nobody calls for longer in a test.
const MAX_HEARD_SAMPLES: usize = RATE * 180;

/// A running peer; it stops when dropped.
#[derive(Debug)]
pub struct RtpPeer {
    pub address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

/// What was heard, on one time line.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When the first sample arrived.
    pub since: Instant,
    pub samples: Vec<i16>,
}

impl Heard {
    /// When the last sample arrived, by the time line of the samples.
    pub fn until(&self) -> Instant {
        self.since + Duration::from_millis((self.samples.len() * 1000 / RATE) as u64)
    }
}

#[derive(Debug, Default)]
struct Shared {
    stopping: bool,
    remote: Option<SocketAddr>,
    speech: VecDeque<i16>,
    /// When the first sample of the speech left.
    speech_began: Option<Instant>,
    digits: VecDeque<u8>,
    event_payload_type: u8,
    heard: Option<Hearing>,
    packets: usize,
    arrived_at: Option<Instant>,
    longest_gap: Duration,
    worst_lag: Duration,
}

#[derive(Debug)]
struct Hearing {
    since: Instant,
    samples: Vec<i16>,
    /// A time stamp and its place in `samples`.
    anchor: (u32, usize),
}

impl RtpPeer {
    /// Binds a free even port. Sends to whoever is heard first, or to [`Self::set_remote`].
    pub fn start(ip: IpAddr) -> Self {
        let socket = bind_even(ip);
        let address = socket.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Mutex::new(Shared { event_payload_type: 101, ..Shared::default() }));
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || run(&socket, &shared)
        });
        Self { address, shared, thread: Some(thread) }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("the peer's thread does not panic")
    }

    pub fn set_remote(&self, remote: SocketAddr) {
        self.lock().remote = Some(remote);
    }

    /// Where sound is sent to.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.lock().remote
    }

    pub fn set_event_payload_type(&self, payload_type: u8) {
        self.lock().event_payload_type = payload_type;
    }

    /// Speaks from the next tick on; silence before and after.
    pub fn say(&self, samples: &[i16]) {
        let mut shared = self.lock();
        shared.speech = samples.iter().copied().collect();
        shared.speech_began = None;
    }

    /// When the speech began to be sent; none before.
    pub fn speech_began(&self) -> Option<Instant> {
        self.lock().speech_began
    }

    pub fn has_finished_speaking(&self) -> bool {
        self.lock().speech.is_empty()
    }

    /// `0-9 * #`, one after the other.
    pub fn press(&self, digits: &str) {
        let events = digits.chars().map(|digit| match digit {
            '*' => 10,
            '#' => 11,
            digit => u8::try_from(digit.to_digit(10).expect("a key of a phone")).expect("one digit"),
        });
        self.lock().digits.extend(events);
    }

    pub fn heard(&self) -> Option<Heard> {
        let shared = self.lock();
        shared.heard.as_ref().map(|heard| Heard { since: heard.since, samples: heard.samples.clone() })
    }

    /// Forgets what was heard so far.
    pub fn listen_anew(&self) {
        self.lock().heard = None;
    }

    /// How late this peer itself was at worst: what a busy machine took from the test, which limits in milliseconds
    /// forgive the program, up to [`MOST_FORGIVEN`].
    pub fn worst_lag(&self) -> Duration {
        self.lock().worst_lag.min(MOST_FORGIVEN)
    }

    /// The share of a sequence, 0 to 1, that this lateness may have cost.
    pub fn forgiven(&self, sequence: &ToneSequence) -> f64 {
        self.worst_lag().as_secs_f64() * 1000.0 / sequence.length_ms() as f64
    }

    /// The longest time between two packets of sound since [`Self::watch_gaps`], as they came.
    pub fn longest_gap(&self) -> Duration {
        self.lock().longest_gap
    }

    /// Forgets the gaps and the lateness so far.
    pub fn watch_gaps(&self) {
        let mut shared = self.lock();
        (shared.arrived_at, shared.longest_gap, shared.worst_lag) = (None, Duration::ZERO, Duration::ZERO);
    }

    pub fn packets_received(&self) -> usize {
        self.lock().packets
    }
}

impl Drop for RtpPeer {
    fn drop(&mut self) {
        if let Ok(mut shared) = self.shared.lock() {
            shared.stopping = true;
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// RTP ports are even (RFC 3550 11).
fn bind_even(ip: IpAddr) -> UdpSocket {
    loop {
        let socket = UdpSocket::bind((ip, 0)).expect("loopback has free ports");
        if socket.local_addr().is_ok_and(|address| address.port() % 2 == 0) {
            return socket;
        }
    }
}

/// The digit that is being sent.
struct Pressed {
    event: u8,
    tick: u16,
    time_stamp: u32,
}

/// What the sender keeps between ticks.
struct Sender {
    sequence: u16,
    time_stamp: u32,
    ssrc: u32,
    pressed: Option<Pressed>,
}

fn run(socket: &UdpSocket, shared: &Mutex<Shared>) {
    let port = u32::from(socket.local_addr().map_or(0, |address| address.port()));
    let mut sender = Sender { sequence: 1, time_stamp: port * 7, ssrc: 0x5150_0000 | port, pressed: None };
    let mut next_tick = Instant::now() + TICK;
    let mut buffer = [0_u8; 1500];
    loop {
        let now = Instant::now();
        if now >= next_tick {
            let mut shared = shared.lock().expect("no test panics while it holds the peer");
            if shared.stopping {
                return;
            }
            shared.worst_lag = shared.worst_lag.max(now - next_tick);
            sender.tick(socket, &mut shared, now);
            next_tick += TICK;
            continue;
        }
        let _ = socket.set_read_timeout(Some((next_tick - now).max(Duration::from_micros(100))));
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let arrived = Instant::now();
            shared.lock().expect("no test panics while it holds the peer").hear(
                &buffer[..length],
                from,
                arrived,
            );
        }
    }
}

impl Sender {
    fn tick(&mut self, socket: &UdpSocket, shared: &mut Shared, now: Instant) {
        self.time_stamp = self.time_stamp.wrapping_add(160);
        let Some(remote) = shared.remote else { return };
        if self.pressed.is_none() {
            self.pressed = shared.digits.pop_front().map(|event| Pressed {
                event,
                tick: 0,
                time_stamp: self.time_stamp,
            });
        }
        if let Some(pressed) = self.pressed.as_mut() {
            pressed.tick += 1;
            let ending = pressed.tick > DIGIT_TICKS;
            let duration = 160 * pressed.tick.min(DIGIT_TICKS);
            let [high, low] = duration.to_be_bytes();
            let payload = [pressed.event, if ending { 0x8A } else { 0x0A }, high, low];
            let marker = if pressed.tick == 1 { 0x80 } else { 0 };
            let (time_stamp, over) = (pressed.time_stamp, pressed.tick == DIGIT_TICKS + 3);
            self.send(socket, remote, marker | shared.event_payload_type, time_stamp, &payload);
            if over {
                self.pressed = None;
            }
            return;
        }
        if !shared.speech.is_empty() && shared.speech_began.is_none() {
            shared.speech_began = Some(now);
        }
        let payload: Vec<u8> =
            (0..SAMPLES_PER_TICK).map(|_| alaw_encode(shared.speech.pop_front().unwrap_or(0))).collect();
        self.send(socket, remote, PCMA, self.time_stamp, &payload);
    }

    fn send(&mut self, socket: &UdpSocket, remote: SocketAddr, kind: u8, time_stamp: u32, payload: &[u8]) {
        let mut packet = vec![0x80, kind];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(time_stamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        // A port that is closed by now is the end of a call, not a failure of the test.
        let _ = socket.send_to(&packet, remote);
    }
}

impl Shared {
    fn hear(&mut self, packet: &[u8], from: SocketAddr, now: Instant) {
        self.remote.get_or_insert(from);
        let (Some(&[0x80, kind]), Some(time_stamp)) = (packet.first_chunk::<2>(), packet.get(4..8)) else {
            return;
        };
        if kind & 0x7F != PCMA {
            return;
        }
        self.packets += 1;
        if let Some(before) = self.arrived_at.replace(now) {
            self.longest_gap = self.longest_gap.max(now - before);
        }
        let time_stamp = u32::from_be_bytes(time_stamp.try_into().expect("four bytes"));
        let heard = self.heard.get_or_insert_with(|| Hearing {
            since: now,
            samples: Vec::new(),
            anchor: (time_stamp, 0),
        });
        let by_clock = (now - heard.since).as_millis() as usize * RATE / 1000;
        let by_stamp = heard.anchor.1 + time_stamp.wrapping_sub(heard.anchor.0) as usize;
        let apart = by_clock.abs_diff(by_stamp);
        let place = if apart > REANCHOR.as_millis() as usize * RATE / 1000 {
            heard.anchor = (time_stamp, by_clock);
            by_clock
        } else {
            by_stamp
        };
        let end = place + packet.len() - 12;
        if end > MAX_HEARD_SAMPLES {
            return;
        }
        if heard.samples.len() < end {
            heard.samples.resize(end, 0);
        }
        for (sample, code) in heard.samples[place..end].iter_mut().zip(&packet[12..]) {
            *sample = alaw_decode(*code);
        }
    }
}

#[test]
fn two_peers_hear_each_other() {
    let _machine = crate::server::Slot::all();
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let (citizen, operator) = (RtpPeer::start(loopback), RtpPeer::start(loopback));
    citizen.set_remote(operator.address);
    let (said, answered) = (ToneSequence::citizen(1, 1000), ToneSequence::operator(1, 1000));
    citizen.say(&said.samples());
    operator.say(&answered.samples());
    crate::wait::until_true("both to finish", Duration::from_secs(5), || {
        citizen.has_finished_speaking() && operator.has_finished_speaking()
    });
    crate::wait::until_true("the last packets", Duration::from_secs(2), || {
        let whole = |peer: &RtpPeer, sequence: &ToneSequence| {
            peer.heard().is_some_and(|heard| sequence.find(&heard.samples).share > 0.95)
        };
        whole(&operator, &said) && whole(&citizen, &answered)
    });
}
