//! The simulated city: one switchboard, its media, and everybody who calls or answers, joined by the lossy link.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use ringback::acd::{OperatorProfile, OperatorStatus, QueueSettings};
use ringback::call::contact::Disposition;
use ringback::call::effect::Effect;
use ringback::call::leg::LegEvent;
use ringback::case::CaseNumber;
use ringback::dialplan::Dialplan;
use ringback::dtmf::Digit;
use ringback::ids::{LegId, Mint, RecordingId, UserId};
use ringback::ivr::Answer;
use ringback::language::Language;
use ringback::media::{self, Exchange, PlayId, Sink, Sound};
use ringback::recording::{RecordingResult, Sealed};
use ringback::sip::digest_auth::{Algorithm, Ha1};
use ringback::sip::message::{Flow, Host, Message, StatusCode, Transport, Uri, parse_datagram};
use ringback::softphone::line::{self, Line};
use ringback::softphone::{Account, Registration};
use ringback::switchboard::settings::{Account as PhoneAccount, Trunk};
use ringback::switchboard::{Command, Input, Settings, Switchboard};
use ringback::time::{Now, now};

use super::invariants;
use super::link::{Agenda, SLOWEST};
use super::people::{Person, Reaction, Role, Temper, later, millis, tone};
use super::record::{Record, Tape};

const SHORT_NUMBER: &str = "1580";
const REALM: &str = "ringback";
const TICK: Duration = Duration::from_millis(media::TICK_MS);
/// After the last hang-up every machine must be at rest within this: 64*T1, the media timeout and the wrap-up, and
/// the sealing of recordings.
const REST: Duration = Duration::from_secs(200);

/// What the run is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub seed: u64,
    pub operators: usize,
    pub loss: f64,
    pub commit_failures: f64,
}

/// What a run saw.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tally {
    pub offered: usize,
    pub queued: usize,
    pub talked: usize,
    pub abandoned: usize,
    pub technical: usize,
    pub heard: usize,
}

#[derive(Debug)]
enum Happening {
    /// A datagram arrives at the service, or at a person.
    ToService {
        bytes: Vec<u8>,
        from: SocketAddr,
    },
    ToPerson {
        person: usize,
        bytes: Vec<u8>,
    },
    RtpToService {
        leg: LegId,
        from: SocketAddr,
        packet: Vec<u8>,
    },
    RtpToPerson {
        person: usize,
        from: SocketAddr,
        packet: Vec<u8>,
    },
    Input(Box<Input>),
    Press {
        person: usize,
        key: char,
    },
    HangUp {
        person: usize,
    },
    Vanish {
        person: usize,
    },
    React {
        person: usize,
        rung: u64,
        answer: bool,
    },
    Ready {
        person: usize,
    },
    Wake {
        person: usize,
    },
}

pub(super) struct World {
    plan: Plan,
    rng: StdRng,
    now: Now,
    agenda: Agenda<Happening>,
    board: Switchboard,
    media: Exchange,
    record: Record,
    tapes: HashMap<RecordingId, Tape>,
    people: Vec<Person>,
    by_sip: HashMap<SocketAddr, usize>,
    by_rtp: HashMap<SocketAddr, usize>,
    service_ports: HashMap<SocketAddr, LegId>,
    next_tick: Instant,
    /// Commits are answered in order.
    store_free_at: Instant,
    tone: Arc<Sound>,
}

fn service() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 5060))
}

/// Where a leg of the service listens: one address per leg, so that nothing depends on port reuse.
fn service_rtp(leg: LegId) -> SocketAddr {
    let [_, a, b, c] = u32::try_from(leg.0).unwrap().to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(100, a, b, c), 20_000))
}

/// A person's telephone: 127.1.x.y.
fn address(person: usize, port: u16) -> SocketAddr {
    let [.., a, b] = u32::try_from(person).unwrap().to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(127, 1, a, b), port))
}

fn dialplan() -> Arc<Dialplan> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/dialplans/1580.toml");
    Arc::new(Dialplan::parse(file, &std::fs::read_to_string(file).unwrap()).unwrap())
}

fn settings(operators: &[(UserId, String)]) -> Settings {
    let plan = dialplan();
    let queues: Vec<QueueSettings> = plan
        .queues()
        .into_iter()
        .map(|name| QueueSettings {
            name: name.to_owned(),
            capacity: 12,
            ring_timeout: Duration::from_secs(8),
            wrap_up: Duration::from_secs(5),
            announce_every: Duration::from_secs(15),
            relax_language_after: Duration::from_secs(10),
        })
        .collect();
    let names: Vec<String> = queues.iter().map(|queue| queue.name.clone()).collect();
    let profile = |(index, (user, extension)): (usize, &(UserId, String))| OperatorProfile {
        user: *user,
        name: format!("Operator {index}"),
        extension: extension.clone(),
        languages: Language::ALL.into_iter().skip(index % 3).take(4).collect(),
        queues: names.clone(),
    };
    Settings {
        realm: REALM.to_owned(),
        digest: Algorithm::ALL.to_vec(),
        capacity: 60,
        advertised: None,
        short_number: SHORT_NUMBER.to_owned(),
        plan,
        topic_categories: Arc::default(),
        trunks: vec![Trunk {
            name: "city".to_owned(),
            from: vec!["127.1.0.0/16".parse().unwrap()],
            digest: None,
        }],
        accounts: operators
            .iter()
            .map(|(user, extension)| {
                let account = PhoneAccount { user: *user, ha1: Ha1::new(extension, REALM, extension) };
                (extension.clone(), account)
            })
            .collect(),
        operators: operators.iter().enumerate().map(profile).collect(),
        queues,
        ready_code: "*71".to_owned(),
        not_ready_code: "*72".to_owned(),
    }
}

impl World {
    pub(super) fn new(plan: Plan) -> Self {
        let mut rng = StdRng::seed_from_u64(plan.seed);
        let start = now();
        let mut mint = Mint::new(rng.random());
        let operators: Vec<(UserId, String)> =
            (0..plan.operators).map(|i| (UserId(mint.uuid(start.utc)), format!("10{i}"))).collect();
        let board = Switchboard::new(settings(&operators), rng.random(), start);
        let mut world = Self {
            plan,
            now: start,
            agenda: Agenda::default(),
            board,
            media: Exchange::new(),
            record: Record::default(),
            tapes: HashMap::new(),
            people: Vec::new(),
            by_sip: HashMap::new(),
            by_rtp: HashMap::new(),
            service_ports: HashMap::new(),
            next_tick: start.mono + TICK,
            store_free_at: start.mono,
            tone: tone(440.0),
            rng,
        };
        for (user, extension) in operators {
            world.add_person(Role::Operator { user, extension });
        }
        world
    }

    fn add_person(&mut self, role: Role) -> usize {
        let index = self.people.len();
        let (sip, rtp) = (address(index, 5060), address(index, 4000));
        self.by_sip.insert(sip, index);
        self.by_rtp.insert(rtp, index);
        self.people.push(Person {
            line: Line::new(sip, self.rng.random()),
            media: Exchange::new(),
            rtp,
            leg: None,
            role,
            vanished: false,
            wakes_at: None,
            final_response: None,
            ringing: None,
            rung: 0,
            talked: false,
        });
        index
    }

    /// Every operator's telephone registers; readiness is asked for whenever it is missing.
    pub(super) fn sign_operators_in(&mut self) {
        for person in 0..self.people.len() {
            let Role::Operator { extension, .. } = &self.people[person].role else { continue };
            let account =
                Account { extension: extension.clone(), password: extension.clone(), registrar: service() };
            let local = self.people[person].line.local();
            let mint = self.people[person].line.mint();
            let registration = Registration { account, call_id: mint.token(), tag: mint.token(), local };
            self.register(person, &registration);
            self.agenda.add(self.now.mono, Happening::Ready { person });
        }
    }

    /// Until the registrar says 200; the transaction layers see lost datagrams through.
    fn register(&mut self, person: usize, registration: &Registration) {
        let mut credentials = None;
        for seq in 1.. {
            let request = registration.request(seq, credentials.take());
            let time = self.now;
            self.people[person].line.send(request, registration.flow(), time).unwrap();
            let response = loop {
                self.serve_person(person);
                self.run_for(TICK);
                if let Some(response) = self.people[person].final_response.take() {
                    break response;
                }
            };
            match response.status {
                StatusCode::OK => return,
                StatusCode::UNAUTHORIZED => {
                    let challenge = response.headers.first("WWW-Authenticate").unwrap();
                    credentials = Some(registration.credentials(challenge, "0123456789abcdef").unwrap());
                }
                other => panic!("registration answered {}", other.0),
            }
        }
    }

    pub(super) fn place_call(&mut self) {
        let temper = Temper::draw(&mut self.rng);
        let at = self.now.mono;
        let person = self.add_person(Role::Citizen(temper.clone()));
        let target = Uri::sip(Some(SHORT_NUMBER), Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)), Some(5060));
        let local = self.people[person].line.local();
        let flow = Flow { transport: Transport::Udp, local, remote: service() };
        let time = self.now;
        self.people[person].line.call(target, flow, &format!("38050{person:07}"), time);
        self.agenda.add(at + temper.patience, Happening::HangUp { person });
        if temper.vanishes {
            let when = later(at, &mut self.rng, 500, 8_000);
            self.agenda.add(when, Happening::Vanish { person });
        }
        self.serve_person(person);
    }

    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now.mono + time;
        loop {
            let wake = [self.agenda.next_at(), self.board.poll_timeout(), Some(self.next_tick)];
            let Some(at) = wake.into_iter().flatten().min().filter(|at| *at <= end) else { break };
            self.now = self.now.plus(at.saturating_duration_since(self.now.mono));
            self.step();
        }
        self.now = self.now.plus(end.saturating_duration_since(self.now.mono));
    }

    /// Until every machine is at rest, which it must be within [`REST`].
    pub(super) fn run_until_quiet(&mut self) {
        let end = self.now.mono + REST;
        while self.now.mono < end && !(self.board.calls().next().is_none() && self.board.transactions() == 0)
        {
            self.run_for(Duration::from_secs(1));
        }
    }

    fn step(&mut self) {
        while let Some(happening) = self.agenda.take_due(self.now.mono) {
            let signalling =
                !matches!(happening, Happening::RtpToService { .. } | Happening::RtpToPerson { .. });
            self.happen(happening);
            if signalling {
                invariants::after_each_step(&self.board.snapshot(self.now));
            }
        }
        if self.board.poll_timeout().is_some_and(|at| at <= self.now.mono) {
            self.board.handle_timeout(self.now);
            self.carry_out();
            invariants::after_each_step(&self.board.snapshot(self.now));
        }
        if self.next_tick <= self.now.mono {
            self.next_tick += TICK;
            self.tick();
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::ToService { bytes, from } => {
                let message = Box::new(parse_datagram(&bytes).unwrap());
                let flow = Flow { transport: Transport::Udp, local: service(), remote: from };
                self.input(Input::Sip { message, flow });
            }
            Happening::ToPerson { person, bytes } if !self.people[person].vanished => {
                let message = parse_datagram(&bytes).unwrap();
                let person_at = self.people[person].line.local();
                let flow = Flow { transport: Transport::Udp, local: person_at, remote: service() };
                let time = self.now;
                self.people[person].line.handle_message(message, flow, time);
                self.serve_person(person);
            }
            Happening::RtpToService { leg, from, packet } => {
                let mut sink = Ears::default();
                self.media.handle_rtp(leg, from, &packet, self.now.mono, &mut sink);
                self.hear_service(sink);
            }
            Happening::RtpToPerson { person, from, packet } if !self.people[person].vanished => {
                let Some(leg) = self.people[person].leg else { return };
                let mut sink = Ears::default();
                let at = self.now.mono;
                self.people[person].media.handle_rtp(leg, from, &packet, at, &mut sink);
                self.hear_person(person, sink);
            }
            Happening::ToPerson { .. } | Happening::RtpToPerson { .. } => {}
            Happening::Input(input) => self.input(*input),
            Happening::Press { person, key } => self.press(person, key),
            Happening::HangUp { person } => {
                let time = self.now;
                self.people[person].line.hang_up(time);
                self.serve_person(person);
            }
            Happening::Vanish { person } => self.people[person].vanished = true,
            Happening::React { person, rung, answer } => self.react(person, rung, answer),
            Happening::Ready { person } => self.ask_for_readiness(person),
            Happening::Wake { person } => {
                let time = self.now;
                self.people[person].wakes_at = None;
                if !self.people[person].vanished {
                    self.people[person].line.handle_timeout(time);
                    self.serve_person(person);
                }
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.board.handle_input(input, self.now);
        self.carry_out();
    }

    fn ask_for_readiness(&mut self, person: usize) {
        let Role::Operator { user, .. } = self.people[person].role else { return };
        let snapshot = self.board.snapshot(self.now);
        let status =
            snapshot.operators.iter().find(|operator| operator.id == user).map(|operator| &operator.status);
        if matches!(status, Some(OperatorStatus::NotReady { .. })) {
            self.board.handle_command(Command::SetReady { operator: user }, self.now).unwrap();
            self.carry_out();
        }
        let again = later(self.now.mono, &mut self.rng, 1_000, 4_000);
        self.agenda.add(again, Happening::Ready { person });
    }

    fn react(&mut self, person: usize, rung: u64, answer: bool) {
        if self.people[person].rung != rung {
            return;
        }
        let Some(ringing) = self.people[person].ringing.take() else { return };
        let time = self.now;
        let line = &mut self.people[person].line;
        if answer {
            line.accept(ringing, time);
        } else {
            line.reject(&ringing, StatusCode::BUSY_HERE, time);
        }
        self.serve_person(person);
    }

    fn press(&mut self, person: usize, key: char) {
        let Some(leg) = self.people[person].leg else { return };
        let digit = Digit::from_char(key).unwrap();
        self.media_command(person, media::Command::SendDigit { leg, digit });
    }

    fn media_command(&mut self, person: usize, command: media::Command) {
        let mut sink = Ears::default();
        let at = self.now.mono;
        self.people[person].media.handle_command(command, at, &mut sink);
        self.hear_person(person, sink);
    }

    /// Takes what a person's line has to say.
    fn serve_person(&mut self, person: usize) {
        while let Some(output) = self.people[person].line.poll_output() {
            match output {
                line::Output::Transmit { bytes, .. } => {
                    let from = self.people[person].line.local();
                    if !self.people[person].vanished && self.arrives() {
                        let at = self.arrival();
                        self.agenda.add(at, Happening::ToService { bytes, from });
                    }
                }
                line::Output::Media(command) => self.person_media(person, command),
                line::Output::Event(line::Event::Leg(event)) => self.person_event(person, event),
                line::Output::Event(line::Event::Incoming(ringing)) => self.ring(person, ringing),
                line::Output::Event(line::Event::Response { response, .. }) => {
                    if response.status.is_final() {
                        self.people[person].final_response = Some(response);
                    }
                }
                line::Output::Event(line::Event::Failed { .. }) => {}
            }
        }
        if let Some(at) = self.people[person].line.poll_timeout()
            && self.people[person].wakes_at.is_none_or(|earlier| at < earlier)
        {
            self.people[person].wakes_at = Some(at);
            self.agenda.add(at, Happening::Wake { person });
        }
    }

    fn ring(&mut self, person: usize, ringing: line::Ringing) {
        self.people[person].rung += 1;
        let rung = self.people[person].rung;
        self.people[person].ringing = Some(ringing);
        match Reaction::draw(&mut self.rng) {
            Reaction::Answer { after } => {
                self.agenda.add(self.now.mono + after, Happening::React { person, rung, answer: true });
            }
            Reaction::Reject { after } => {
                self.agenda.add(self.now.mono + after, Happening::React { person, rung, answer: false });
            }
            Reaction::LetRing => {}
        }
    }

    fn person_media(&mut self, person: usize, command: media::Command) {
        if let media::Command::Open { leg, .. } = command {
            self.people[person].leg = Some(leg);
            self.media_command(person, command);
            let event = media::Event::Opened { leg, local_rtp: self.people[person].rtp };
            let time = self.now;
            self.people[person].line.handle_media(&event, time);
            return;
        }
        if matches!(command, media::Command::Close { .. }) {
            self.people[person].leg = None;
        }
        self.media_command(person, command);
    }

    fn person_event(&mut self, person: usize, event: LegEvent) {
        if event != LegEvent::Established {
            return;
        }
        self.people[person].talked = true;
        if let Some(leg) = self.people[person].leg {
            let sounds = vec![self.tone.clone()];
            self.media_command(person, media::Command::Play { leg, play: PlayId(1), sounds, repeat: true });
        }
        match self.people[person].role.clone() {
            Role::Citizen(temper) => {
                for (after, key) in temper.keys {
                    self.agenda.add(self.now.mono + after, Happening::Press { person, key });
                }
            }
            Role::Operator { .. } => {
                let at = later(self.now.mono, &mut self.rng, 1_000, 12_000);
                if self.rng.random_bool(0.6) {
                    self.agenda.add(at, Happening::HangUp { person });
                }
            }
        }
    }

    fn arrives(&mut self) -> bool {
        !self.rng.random_bool(self.plan.loss)
    }

    fn arrival(&mut self) -> Instant {
        self.now.mono + millis(&mut self.rng, 1, u64::try_from(SLOWEST.as_millis()).unwrap())
    }

    fn tick(&mut self) {
        let mut sink = Ears::default();
        self.media.handle_tick(self.now.mono, &mut sink);
        self.hear_service(sink);
        for person in 0..self.people.len() {
            if self.people[person].leg.is_some() && !self.people[person].vanished {
                let mut sink = Ears::default();
                let at = self.now.mono;
                self.people[person].media.handle_tick(at, &mut sink);
                self.hear_person(person, sink);
            }
        }
    }

    fn hear_person(&mut self, person: usize, sink: Ears) {
        for (to, packet) in sink.rtp {
            if let Some(leg) = self.service_ports.get(&to).copied()
                && !self.people[person].vanished
                && self.arrives()
            {
                let from = self.people[person].rtp;
                let at = self.now.mono + millis(&mut self.rng, 1, 15);
                self.agenda.add(at, Happening::RtpToService { leg, from, packet });
            }
        }
    }

    fn hear_service(&mut self, sink: Ears) {
        for (recording, frames, loud) in sink.blocks {
            let tape = self.tapes.get_mut(&recording).unwrap();
            assert!(tape.open && !tape.sealed, "a block for a tape that is not open");
            tape.frames += frames;
            tape.loud_ticks += u64::from(loud);
        }
        for (leg, to, packet) in sink.rtp_of {
            if let Some(person) = self.by_rtp.get(&to).copied()
                && self.arrives()
            {
                let at = self.now.mono + millis(&mut self.rng, 1, 15);
                self.agenda.add(at, Happening::RtpToPerson { person, from: service_rtp(leg), packet });
            }
        }
        for event in sink.events {
            self.agenda.add(self.now.mono, Happening::Input(Box::new(Input::Media(event))));
        }
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.board.poll_effect() {
            self.carry_out_one(effect);
        }
    }

    fn later(&mut self, from: u64, to: u64, input: Input) {
        let at = self.now.mono + millis(&mut self.rng, from, to);
        self.agenda.add(at, Happening::Input(Box::new(input)));
    }

    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::Transmit { bytes, flow } => self.transmit(bytes, flow.remote),
            Effect::Media(command) => self.service_media(command),
            Effect::PlayPrompts { leg, play, prompts } => {
                let length = 800 * prompts.len();
                let sounds = vec![Arc::new(Sound { samples: vec![0; length] })];
                self.service_media(media::Command::Play { leg, play, sounds, repeat: false });
            }
            Effect::PlayMusic { leg, play } => {
                let sounds = vec![Arc::new(Sound { samples: vec![0; 8_000] })];
                self.service_media(media::Command::Play { leg, play, sounds, repeat: true });
            }
            Effect::OpenRecording { recording, .. } => {
                self.tapes.insert(recording.id, Tape { open: true, ..Tape::default() });
                self.later(1, 20, Input::RecordingOpened { recording: recording.id });
            }
            Effect::StartRecording { .. } | Effect::Mark { .. } => {}
            Effect::SealRecording { recording } => {
                let tape = self.tapes.get_mut(&recording).unwrap();
                tape.sealed = true;
                let sealed = Sealed {
                    recording,
                    frames: tape.frames,
                    gaps: Vec::new(),
                    result: RecordingResult::Ok,
                    sha256: None,
                };
                self.later(1, 50, Input::RecordingSealed(sealed));
            }
            Effect::DiscardRecording { recording } => {
                self.tapes.get_mut(&recording).unwrap().discarded = true
            }
            Effect::Commit { ticket, contact, recording, entries } => {
                let fails = ticket.is_some() && self.rng.random_bool(self.plan.commit_failures);
                if !fails {
                    self.record.write(contact.map(|row| *row), recording.map(|row| *row), entries);
                }
                self.store_free_at = self.store_free_at.max(self.now.mono) + millis(&mut self.rng, 1, 6);
                if let Some(ticket) = ticket {
                    let input = Box::new(Input::Committed { ticket, durable: !fails });
                    self.agenda.add(self.store_free_at, Happening::Input(input));
                }
            }
            Effect::RegisterCase { contact, draft, .. } => {
                self.record.cases.entry(contact).or_default().push(*draft);
                self.record.registered += 1;
                let number = CaseNumber(format!("2026-01-{:06}", self.record.registered));
                self.store_free_at = self.store_free_at.max(self.now.mono) + millis(&mut self.rng, 1, 6);
                let input = Box::new(Input::CaseRegistered { contact, number });
                self.agenda.add(self.store_free_at, Happening::Input(input));
            }
            Effect::Lookup { contact, .. } => {
                let answer =
                    [Answer::NotFound, Answer::Count(2), Answer::Failed][self.rng.random_range(0..3)].clone();
                self.later(1, 400, Input::LookupAnswered { contact, answer });
            }
        }
    }

    /// Nothing is answered before it is durable: the one message this must be true of.
    fn transmit(&mut self, bytes: Vec<u8>, to: SocketAddr) {
        if let Ok(Message::Response(response)) = parse_datagram(&bytes)
            && response.status == StatusCode::OK
            && response.cseq.method == ringback::sip::message::Method::Invite
        {
            let contact =
                self.record.by_call_id.get(&response.call_id).expect("answered before it was written");
            assert!(
                self.tapes[&self.record.contacts[contact].recording.unwrap()].open,
                "answered without a tape"
            );
        }
        let Some(person) = self.by_sip.get(&to).copied() else { return };
        if self.arrives() {
            let at = self.arrival();
            self.agenda.add(at, Happening::ToPerson { person, bytes });
        }
    }

    fn service_media(&mut self, command: media::Command) {
        match &command {
            media::Command::Open { leg, .. } => {
                let (leg, local_rtp) = (*leg, service_rtp(*leg));
                self.service_ports.insert(local_rtp, leg);
                self.later(1, 5, Input::Media(media::Event::Opened { leg, local_rtp }));
            }
            media::Command::Close { leg } => {
                self.service_ports.remove(&service_rtp(*leg));
            }
            _ => {}
        }
        let mut sink = Ears::default();
        self.media.handle_command(command, self.now.mono, &mut sink);
        self.hear_service(sink);
    }

    pub(super) fn check_the_end(&self) {
        assert_eq!(
            self.board.calls().count(),
            0,
            "calls are left: {:?}",
            self.board.snapshot(self.now).calls
        );
        assert_eq!(self.board.transactions(), 0, "transactions are left");
        assert_eq!(self.board.open_routes(), 0, "routes are left");
        assert!(self.service_ports.is_empty(), "media ports are left");
        for operator in self.board.snapshot(self.now).operators {
            let free = matches!(operator.status, OperatorStatus::Ready | OperatorStatus::NotReady { .. });
            assert!(free, "operator {} is stuck: {:?}", operator.id, operator.status);
        }
        invariants::at_the_end(&self.record, &self.tapes);
    }

    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for contact in self.record.contacts.values() {
            tally.offered += 1;
            tally.queued += usize::from(contact.queued_at.is_some());
            tally.talked += usize::from(contact.connected_at.is_some());
            tally.abandoned += usize::from(contact.disposition == Some(Disposition::Abandoned));
            tally.technical += usize::from(contact.disposition == Some(Disposition::Technical));
        }
        tally.heard = self.tapes.values().filter(|tape| tape.loud_ticks > 0).count();
        tally
    }
}

/// What the media machine hands out in one step.
#[derive(Default)]
struct Ears {
    rtp: Vec<(SocketAddr, Vec<u8>)>,
    rtp_of: Vec<(LegId, SocketAddr, Vec<u8>)>,
    blocks: Vec<(RecordingId, u64, bool)>,
    events: Vec<media::Event>,
}

impl Sink for Ears {
    fn transmit_rtp(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]) {
        self.rtp.push((to, packet.to_vec()));
        self.rtp_of.push((leg, to, packet.to_vec()));
    }

    fn transmit_rtcp(&mut self, _leg: LegId, _to: SocketAddr, _packet: &[u8]) {}

    fn record(&mut self, recording: RecordingId, left: &[i16], right: &[i16]) {
        assert_eq!(left.len(), right.len());
        let loud = left.iter().any(|sample| sample.unsigned_abs() > 4_000);
        self.blocks.push((recording, left.len() as u64, loud));
    }

    fn event(&mut self, event: media::Event) {
        self.events.push(event);
    }
}
