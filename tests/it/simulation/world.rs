//! The simulated world: one switchboard, its media and everybody on the telephone, moved on
//! from one happening to the next in simulated time. Here stand the agenda, the steps and what
//! must be true at the end; what the service wants done is carried out in `service.rs`, what
//! people's telephones do is in `street.rs`.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use ringback::acd::OperatorStatus;
use ringback::call::contact::Disposition;
use ringback::ids::{ContactId, LegId, Mint, RecordingId, UserId};
use ringback::journal::EventType;
use ringback::media::{self, Exchange, Sound};
use ringback::sip::message::{Flow, Transport, parse_datagram};
use ringback::switchboard::{Input, Settings, Switchboard};
use ringback::time::{Now, now};

use super::city::{service, settings};
use super::ears::Ears;
use super::invariants;
use super::link::{Agenda, SLOWEST};
use super::people::{Person, Role, millis, tone};
use super::record::{Record, Tape};

pub(super) const TICK: Duration = Duration::from_millis(media::TICK_MS);
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
    /// Share of citizens whose telephone is suddenly gone.
    pub vanishing: f64,
    /// Chance that an operator's telephone loses its power while it rings or during the talk.
    pub crashes: f64,
    /// Chance that an operator's telephone forgets the talk without a word, as if no BYE of it ever arrived.
    pub lost_byes: f64,
    /// Chance that an operator takes a break within each look at the desk.
    pub breaks: f64,
}

impl Plan {
    /// Nothing goes wrong.
    pub(super) const fn smooth(seed: u64, operators: usize) -> Self {
        Self {
            seed,
            operators,
            loss: 0.0,
            commit_failures: 0.0,
            vanishing: 0.0,
            crashes: 0.0,
            lost_byes: 0.0,
            breaks: 0.0,
        }
    }
}

/// What a run saw.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tally {
    pub offered: usize,
    pub queued: usize,
    pub talked: usize,
    /// Times a citizen was passed on.
    pub transferred: usize,
    /// Times a citizen had waited for too long.
    pub overflowed: usize,
    pub rang_many: usize,
    pub abandoned: usize,
    pub technical: usize,
    pub heard: usize,
    /// Telephones that lost power, talks that were forgotten, breaks taken.
    pub crashed: usize,
    pub forgot: usize,
    pub breaks: usize,
    /// What happened at all, packets included.
    pub happenings: u64,
    /// The longest that desk and telephone of one operator disagreed.
    pub longest_wrong: Duration,
}

#[derive(Debug)]
pub(super) enum Happening {
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
    Transfer {
        person: usize,
        to: String,
        by_phone: bool,
    },
    Vanish {
        person: usize,
    },
    /// An operator's telephone is back, and has forgotten everything; after a loss of power it registers anew.
    Restart {
        person: usize,
        registers: bool,
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
    pub plan: Plan,
    pub rng: StdRng,
    pub now: Now,
    pub agenda: Agenda<Happening>,
    pub board: Switchboard,
    pub media: Exchange,
    pub record: Record,
    pub tapes: HashMap<RecordingId, Tape>,
    /// Calls for which several phones rang at once.
    pub rang_many: HashSet<ContactId>,
    pub operators: Vec<(UserId, String)>,
    pub people: Vec<Person>,
    /// What the run has seen so far, without what is in `record`.
    pub seen: Tally,
    /// Since when desk and telephone of an operator disagree.
    pub wrong_since: HashMap<UserId, Instant>,
    pub by_sip: HashMap<SocketAddr, usize>,
    pub by_rtp: HashMap<SocketAddr, usize>,
    pub service_ports: HashMap<SocketAddr, LegId>,
    pub next_tick: Instant,
    /// Commits are answered in order.
    pub store_free_at: Instant,
    pub tone: Arc<Sound>,
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
            rang_many: HashSet::new(),
            operators: operators.clone(),
            people: Vec::new(),
            seen: Tally::default(),
            wrong_since: HashMap::new(),
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
        // Questions to phones whether they are there go on for ever.
        let settings = Settings { ask_phones_every: None, ..settings(&self.operators) };
        self.board.configure(settings, self.now);
        self.carry_out();
        while self.now.mono < end && !(self.board.calls().next().is_none() && self.board.transactions() == 0)
        {
            self.run_for(Duration::from_secs(1));
        }
    }

    fn look(&mut self) {
        let snapshot = self.board.snapshot(self.now);
        invariants::after_each_step(&snapshot);
        let many = snapshot.calls.iter().filter(|call| !call.also_ringing.is_empty());
        self.rang_many.extend(many.map(|call| call.id));
        self.check_phones(&snapshot);
    }

    fn step(&mut self) {
        while let Some(happening) = self.agenda.take_due(self.now.mono) {
            let signalling =
                !matches!(happening, Happening::RtpToService { .. } | Happening::RtpToPerson { .. });
            self.happen(happening);
            if signalling {
                self.look();
            }
        }
        if self.board.poll_timeout().is_some_and(|at| at <= self.now.mono) {
            self.board.handle_timeout(self.now);
            self.carry_out();
            self.look();
        }
        if self.next_tick <= self.now.mono {
            self.next_tick += TICK;
            self.tick();
        }
    }

    fn happen(&mut self, happening: Happening) {
        self.seen.happenings += 1;
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
            Happening::Transfer { person, to, by_phone } => self.transfer(person, &to, by_phone),
            Happening::Vanish { person } => self.people[person].vanished = true,
            Happening::Restart { person, registers } => self.restart(person, registers),
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

    pub(super) fn arrives(&mut self) -> bool {
        !self.rng.random_bool(self.plan.loss)
    }

    pub(super) fn arrival(&mut self) -> Instant {
        self.now.mono + millis(&mut self.rng, 1, u64::try_from(SLOWEST.as_millis()).unwrap())
    }

    fn tick(&mut self) {
        if !self.wrong_since.is_empty() {
            self.look();
        }
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
        let mut tally = self.seen;
        for contact in self.record.contacts.values() {
            tally.offered += 1;
            tally.queued += usize::from(contact.queued_at.is_some());
            tally.talked += usize::from(contact.connected_at.is_some());
            tally.abandoned += usize::from(contact.disposition == Some(Disposition::Abandoned));
            tally.technical += usize::from(contact.disposition == Some(Disposition::Technical));
        }
        let entries = || self.record.entries.values().flatten();
        let count = |event| entries().filter(|entry| entry.event == event).count();
        tally.transferred = count(EventType::ContactTransferred);
        tally.overflowed = count(EventType::ContactOverflowed);
        tally.rang_many = self.rang_many.len();
        tally.heard = self.tapes.values().filter(|tape| tape.loud_ticks > 0).count();
        tally
    }
}
