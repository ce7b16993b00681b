//! The telephones: citizens who dial, operators who take the calls, all on one thread that sends their RTP, too. Each
//! is a line of the project's own telephone; the SIP messages of all citizens share a socket, and those of all
//! operators. What they are told is `orders.rs`; what callers do and have seen is kept in `ledger.rs`.

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use ringback::call::leg::LegEvent;
use ringback::media::{self, Command};
use ringback::sip::credentials::Credentials;
use ringback::sip::message::{Flow, Host, Message, Transport, Uri, parse_datagram};
use ringback::sip::registration::{self, Registration};
use ringback::sip::transaction::ClientTransactionId;
use ringback::softphone::Account;
use ringback::softphone::line::{Event, Line, Output, Ringing};
use ringback::time::now;
use rustix::process::setpriority_process;
use rustix::thread::gettid;

use crate::ledger::{Conduct, Ledger};
use crate::orders::{Findings, Order, Report, Talk};
use crate::service::{self, CALLER_PREFIX, PASSWORD};
use crate::speech::{Listener, Speech};
use crate::streams::Streams;

/// How often the timers of all lines are looked at.
const TIMER_STEP: Duration = Duration::from_millis(20);
/// Length of a piece of speech, ms.
const PIECE_MS: u64 = 20;
const MAX_DATAGRAM: usize = 65_535;
/// As the service's own media threads.
const NICENESS: i32 = -11;
/// Between two who hang up.
const LEAVE_EVERY: Duration = Duration::from_millis(5);
/// Registrations sent per round of the loop.
const REGISTRATIONS_AT_ONCE: usize = 1;

/// One telephone.
struct Phone {
    line: Line,
    state: State,
    registration: Option<(Registration, Option<ClientTransactionId>)>,
    dialled_at: Instant,
    answered_at: Instant,
    /// When the caller has had enough.
    ends_at: Option<Instant>,
    /// The key that is still to be pressed, and before which piece.
    key: Option<(u8, u64)>,
    /// The call that rings here, and when it is taken.
    rings: Option<(Ringing, Instant)>,
    /// The talk it is in, among the findings: an operator's own, a citizen's latest.
    talk: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Calling,
    Talking,
    /// We have hung up.
    Leaving,
}

/// Who dials, and when the next one does.
struct Dialling {
    left: u64,
    every: Duration,
    next: Instant,
    conducts: VecDeque<Conduct>,
}

pub struct Phones {
    service: SocketAddr,
    citizens: usize,
    phones: Vec<Phone>,
    sockets: [UdpSocket; 2],
    by_call_id: HashMap<String, usize>,
    free: VecDeque<usize>,
    streams: Streams,
    unregistered: VecDeque<usize>,
    /// Callers who are about to hang up.
    leaving: VecDeque<usize>,
    leave_at: Instant,
    registered: usize,
    dialling: Option<Dialling>,
    pick_up_after: Duration,
    ledger: Ledger,
    findings: Findings,
    reports: Sender<Report>,
    awaits_all_up: bool,
    awaits_idle: bool,
    timers_at: Instant,
}

impl Phones {
    pub fn new(
        service: SocketAddr,
        citizens: usize,
        operators: usize,
        speech: Arc<Speech>,
        reports: Sender<Report>,
    ) -> Self {
        let start = now().mono;
        let sockets = [0, 1].map(|_| {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20).unwrap();
            socket
        });
        let phones = (0..citizens + operators).map(|index| {
            let local = sockets[usize::from(index >= citizens)].local_addr().unwrap();
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&(index as u64).to_le_bytes());
            Phone {
                line: Line::new(local, seed),
                state: State::Idle,
                registration: None,
                dialled_at: start,
                answered_at: start,
                ends_at: None,
                key: None,
                rings: None,
                talk: None,
            }
        });
        let phones: Vec<Phone> = phones.collect();
        Self {
            service,
            citizens,
            streams: Streams::new(speech, phones.len(), start),
            phones,
            sockets,
            by_call_id: HashMap::new(),
            free: (0..citizens).collect(),
            unregistered: VecDeque::new(),
            leaving: VecDeque::new(),
            leave_at: start,
            registered: 0,
            dialling: None,
            pick_up_after: Duration::ZERO,
            ledger: Ledger::default(),
            findings: Findings { lengths: vec![Duration::ZERO; citizens], ..Findings::default() },
            reports,
            awaits_all_up: false,
            awaits_idle: false,
            timers_at: start,
        }
    }

    /// Until told to stop.
    pub fn run(mut self, orders: &Receiver<Order>) -> Findings {
        // Telephones are machines of their own: the service may not make them late.
        setpriority_process(Some(gettid()), NICENESS).ok();
        loop {
            match orders.try_recv() {
                Ok(Order::Stop) | Err(std::sync::mpsc::TryRecvError::Disconnected) => return self.finish(),
                Ok(order) => self.carry_out(order),
                Err(std::sync::mpsc::TryRecvError::Empty) => {}
            }
            self.streams.receive();
            self.note_first_words();
            self.streams.send(now().mono);
            self.receive_sip();
            self.register_next();
            self.dial_due();
            self.leave_next();
            if self.timers_at <= now().mono {
                self.timers_at += TIMER_STEP;
                self.look_at_timers();
            }
            self.tell();
            let rest = self.streams.next_turn().saturating_duration_since(now().mono);
            if !rest.is_zero() {
                std::thread::sleep(rest);
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Register => self.unregistered = (self.citizens..self.phones.len()).collect(),
            Order::PickUpAfter(time) => self.pick_up_after = time,
            Order::Dial { calls, per_second, conducts } => {
                let every = Duration::from_secs_f64(1.0 / per_second);
                let conducts = conducts.into();
                self.dialling = Some(Dialling { left: calls, every, next: now().mono, conducts });
                self.awaits_all_up = true;
            }
            Order::Measure(measures) => self.streams.measures = measures,
            Order::HangUp => {
                self.leaving = (0..self.citizens).collect();
                self.awaits_idle = true;
            }
            Order::Kill(pid) => self.kill(pid),
            Order::Stop => {}
        }
    }

    fn tell(&mut self) {
        let operators = self.phones.len() - self.citizens;
        if self.registered == operators && operators > 0 {
            self.registered += 1;
            self.reports.send(Report::Registered).unwrap();
        }
        let dialled = self.dialling.as_ref().is_some_and(|dialling| dialling.left == 0);
        if self.awaits_all_up && dialled {
            let citizens = &self.phones[..self.citizens];
            let ringing = citizens.iter().filter(|phone| phone.state == State::Calling).count();
            let talking = citizens.iter().filter(|phone| phone.state == State::Talking).count();
            let taken = self.phones[self.citizens..].iter().filter(|phone| phone.state == State::Talking);
            if ringing == 0 && (operators == 0 || taken.count() >= talking) {
                self.awaits_all_up = false;
                self.reports.send(Report::AllUp).unwrap();
            }
        }
        if self.awaits_idle && self.leaving.is_empty() && self.phones.iter().all(|phone| phone.line.is_idle())
        {
            self.awaits_idle = false;
            self.reports.send(Report::Idle).unwrap();
        }
    }

    fn register_next(&mut self) {
        for _ in 0..REGISTRATIONS_AT_ONCE {
            let Some(index) = self.unregistered.pop_front() else { return };
            let account = Account {
                extension: service::extension(index - self.citizens),
                password: PASSWORD.to_owned(),
                registrar: self.service,
            };
            let phone = &mut self.phones[index];
            let credentials =
                Credentials { user: account.extension.clone(), password: PASSWORD.to_owned(), realm: None };
            phone.line.set_credentials(credentials);
            let registration = account.registration(phone.line.local(), seed(index), now().mono);
            phone.registration = Some((registration, None));
            self.drain(index);
        }
    }

    /// No city hangs up all at once.
    fn leave_next(&mut self) {
        if self.leave_at <= now().mono
            && let Some(index) = self.leaving.pop_front()
        {
            self.leave_at = now().mono + LEAVE_EVERY;
            self.hang_up(index);
        }
    }

    fn dial_due(&mut self) {
        let at = now();
        loop {
            let Some(dialling) = &mut self.dialling else { return };
            if dialling.left == 0 || dialling.next > at.mono {
                return;
            }
            // All lines are taken: the service is slower than the callers; the call is late, not left out.
            let Some(index) = self.free.pop_front() else { return };
            dialling.left -= 1;
            dialling.next += dialling.every;
            let conduct = dialling.conducts.front().copied().unwrap_or(Conduct::STAYS);
            dialling.conducts.rotate_left(usize::from(!dialling.conducts.is_empty()));
            let phone = &mut self.phones[index];
            let target = Uri::sip(Some("1580"), Host::Ip(self.service.ip()), Some(self.service.port()));
            let flow = Flow { transport: Transport::Udp, local: phone.line.local(), remote: self.service };
            phone.line.call(target, flow, &format!("{CALLER_PREFIX}{index:07}"), at);
            phone.state = State::Calling;
            phone.dialled_at = at.mono;
            phone.ends_at = conduct.leaves.map(|after| at.mono + after);
            phone.key = conduct.presses.map(|(key, after)| (key, after.as_millis() as u64 / PIECE_MS));
            self.findings.dialled += 1;
            self.drain(index);
        }
    }

    fn receive_sip(&mut self) {
        let mut buffer = [0; MAX_DATAGRAM];
        for socket in 0..self.sockets.len() {
            while let Ok((len, remote)) = self.sockets[socket].recv_from(&mut buffer) {
                let Ok(message) = parse_datagram(&buffer[..len]) else { continue };
                let local = self.sockets[socket].local_addr().unwrap();
                let flow = Flow { transport: Transport::Udp, local, remote };
                let Some(index) = self.phone_of(&message) else { continue };
                self.phones[index].line.handle_message(message, flow, now());
                self.drain(index);
            }
        }
    }

    fn phone_of(&mut self, message: &Message) -> Option<usize> {
        match message {
            Message::Response(response) => self.by_call_id.get(&response.call_id).copied(),
            Message::Request(request) => self.by_call_id.get(&request.call_id).copied().or_else(|| {
                let extension: usize = request.uri.user.as_deref()?.parse().ok()?;
                let first: usize = service::extension(0).parse().ok()?;
                let index = self.citizens + extension.checked_sub(first)?;
                let caller = request.from.uri.user.as_deref().unwrap_or_default();
                self.ledger.rang(caller, now().mono);
                let citizen = caller.strip_prefix(CALLER_PREFIX).and_then(|number| number.parse().ok());
                if let Some(citizen) = citizen.filter(|citizen| *citizen < self.citizens) {
                    self.begin_talk(index, citizen);
                }
                self.by_call_id.insert(request.call_id.clone(), index);
                Some(index)
            }),
        }
    }

    fn begin_talk(&mut self, operator: usize, citizen: usize) {
        self.phones[operator].talk = Some(self.findings.talks.len());
        self.phones[citizen].talk = self.phones[operator].talk;
        self.findings.talks.push(Talk {
            operator: operator - self.citizens,
            rang_at: now().mono,
            picked_up_at: None,
            operator_heard_at: None,
            citizen_heard_at: None,
        });
    }

    fn picks_up(&mut self, operator: usize, at: Instant) {
        if let Some(talk) = self.phones[operator].talk {
            self.findings.talks[talk].picked_up_at = Some(at);
        }
    }

    fn note_first_words(&mut self) {
        for (telephone, at) in std::mem::take(&mut self.streams.first_words) {
            let Some(talk) = self.phones[telephone].talk else { continue };
            let talk = &mut self.findings.talks[talk];
            let heard = if telephone < self.citizens {
                &mut talk.citizen_heard_at
            } else {
                &mut talk.operator_heard_at
            };
            heard.get_or_insert(at);
        }
    }

    fn look_at_timers(&mut self) {
        let at = now();
        for index in 0..self.phones.len() {
            let phone = &mut self.phones[index];
            if phone.line.poll_timeout().is_some_and(|due| due <= at.mono) {
                phone.line.handle_timeout(at);
                self.drain(index);
            }
            let phone = &mut self.phones[index];
            if let Some((ringing, _)) = phone.rings.take_if(|(_, due)| *due <= at.mono) {
                phone.line.accept(ringing, at);
                self.picks_up(index, at.mono);
                self.drain(index);
            }
            let phone = &mut self.phones[index];
            if index >= self.citizens {
                continue;
            }
            let number = self.streams.streams()[index].number;
            if phone.state == State::Talking
                && let Some((key, _)) = phone.key.take_if(|(_, before)| *before <= number)
            {
                self.streams.press(index, key);
            }
            if phone.ends_at.is_some_and(|end| end <= at.mono) {
                self.hang_up(index);
            }
            let phone = &mut self.phones[index];
            if phone.state == State::Leaving && phone.line.leg().is_none() {
                phone.state = State::Idle;
                self.free.push_back(index);
            }
        }
    }

    fn hang_up(&mut self, index: usize) {
        let phone = &mut self.phones[index];
        phone.ends_at = None;
        if !matches!(phone.state, State::Talking | State::Calling) {
            return;
        }
        if phone.state == State::Talking {
            self.findings.lengths[index] = now().mono.saturating_duration_since(phone.answered_at);
        }
        phone.state = State::Leaving;
        phone.line.hang_up(now());
        self.end(index, now().mono);
        self.drain(index);
    }

    fn end(&mut self, index: usize, at: Instant) {
        let stream = &self.streams.streams()[index];
        let listener = &stream.listener;
        let heard = listener.last().map(|place| (place, listener.exact));
        self.ledger.ended(index, at, stream.number, heard);
    }

    fn kill(&mut self, pid: u32) {
        let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        let at = now().mono;
        self.findings.killed_at = Some(at);
        for index in self.ledger.on() {
            self.end(index, at);
        }
    }

    /// Carries out what a line wants, until it wants nothing.
    fn drain(&mut self, index: usize) {
        self.drain_registration(index);
        while let Some(output) = self.phones[index].line.poll_output() {
            match output {
                Output::Transmit { bytes, flow } => {
                    if let Some(call_id) = call_id(&bytes)
                        && !self.by_call_id.contains_key(call_id)
                    {
                        self.by_call_id.insert(call_id.to_owned(), index);
                        if index < self.citizens {
                            self.ledger.dialled(index, call_id.to_owned());
                        }
                    }
                    let socket = &self.sockets[usize::from(index >= self.citizens)];
                    socket.send_to(&bytes, flow.remote).ok();
                }
                Output::Media(command) => self.carry_out_media(index, command),
                Output::Event(event) => self.handle_event(index, event),
            }
        }
    }

    fn drain_registration(&mut self, index: usize) {
        let phone = &mut self.phones[index];
        let Some((registration, sent)) = &mut phone.registration else { return };
        let mut done = false;
        while let Some(output) = registration.poll_output() {
            match output {
                registration::Output::Send { request, server } => {
                    *sent = Some(phone.line.send(*request, server.flow, now()).unwrap());
                }
                registration::Output::Registered { .. } => done = true,
                registration::Output::Failed { failure } => panic!("an operator cannot register: {failure}"),
                registration::Output::Unregistered => {}
            }
        }
        if done {
            phone.registration = None;
            self.registered += 1;
        }
    }

    fn carry_out_media(&mut self, index: usize, command: Command) {
        match command {
            Command::Open { leg, .. } => {
                let opened = media::Event::Opened { leg, local_rtp: self.streams.address(index) };
                self.phones[index].line.handle_media(&opened, now());
            }
            Command::Connect { session, .. } => self.streams.connect(index, session.remote_rtp),
            Command::Close { .. } => {
                let listener = self.streams.close(index);
                self.count(&listener);
            }
            _ => {}
        }
    }

    fn count(&mut self, listener: &Listener) {
        self.findings.exact += listener.exact;
        self.findings.jumps += listener.jumps;
        self.findings.unknown += listener.unknown;
        self.findings.heard_nobody += u64::from(listener.speaker.is_none());
    }

    fn handle_event(&mut self, index: usize, event: Event) {
        let at = now();
        let phone = &mut self.phones[index];
        match event {
            Event::Incoming(ringing) => {
                phone.state = State::Calling;
                phone.rings = Some((ringing, at.mono + self.pick_up_after));
                if self.pick_up_after.is_zero()
                    && let Some((ringing, _)) = phone.rings.take()
                {
                    phone.line.accept(ringing, at);
                    self.picks_up(index, at.mono);
                }
            }
            Event::Leg(LegEvent::Established) if phone.state == State::Calling => {
                phone.state = State::Talking;
                phone.answered_at = at.mono;
                if index < self.citizens {
                    self.findings.answered += 1;
                    self.ledger.answered(index, at.mono);
                    let took = at.mono.saturating_duration_since(phone.dialled_at);
                    let Findings { setup, setup_beside, .. } = &mut self.findings;
                    let setup = if self.streams.measures { setup_beside } else { setup };
                    setup.add(took.as_micros() as u64);
                } else {
                    self.findings.bridged += 1;
                }
            }
            Event::Leg(LegEvent::Ended(_)) => {
                if index < self.citizens {
                    self.findings.failed += u64::from(phone.state != State::Leaving);
                    phone.state = State::Leaving;
                    self.end(index, at.mono);
                } else {
                    phone.state = State::Idle;
                }
            }
            Event::Leg(_) => {}
            Event::Response { transaction, response } => {
                if let Some((registration, Some(sent))) = &mut phone.registration
                    && *sent == transaction
                {
                    registration.handle_response(&response, at.mono);
                    self.drain_registration(index);
                }
            }
            Event::Failed { .. } => self.findings.failed += 1,
        }
    }

    fn finish(mut self) -> Findings {
        for stream in self.streams.streams() {
            self.findings.sent += stream.sent;
            self.findings.received += stream.received;
            self.findings.lost += stream.lost;
        }
        self.findings.calls = std::mem::take(&mut self.ledger.calls);
        self.findings.deviation = std::mem::take(&mut self.streams.deviation);
        self.findings.lateness = std::mem::take(&mut self.streams.lateness);
        self.findings
    }
}

/// Of its own for each telephone: two with one would have the same Call-ID.
fn seed(index: usize) -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&(index as u64).to_be_bytes());
    seed
}

fn call_id(message: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(message).ok()?;
    let line = text.split("\r\n").find_map(|line| line.strip_prefix("Call-ID: "));
    line.map(str::trim)
}
