//! One trunk: its provider's servers as DNS knows them, our registration there, the probes, and what comes of all
//! that: whether the trunk is up. The machines are `sip/registration.rs` and `sip/probe.rs`; requests go out and
//! answers come in through `mod.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::call::refusal::Refusal;
use crate::ids::Mint;
use crate::sip::message::{Flow, Request, Response, Uri};
use crate::sip::probe::{self, Probe, Reachability};
use crate::sip::registration::{self, Registration};
use crate::sip::server_location::{Located, Server};
use crate::switchboard::settings;
use crate::switchboard::snapshot::{LiveFailure, LiveServer, TrunkState};
use crate::switchboard::trunks::gate::{Gate, TrunkHold};
use crate::time::{Now, Timestamp};

/// Servers of one trunk, over all its names; further addresses are not used.
const MAX_SERVERS: usize = 16;
/// DNS is not asked again sooner than this, whatever a record's lifetime says, nor later than that.
const MIN_LOCATION_LIFE: Duration = Duration::from_secs(30);
const MAX_LOCATION_LIFE: Duration = Duration::from_secs(3600);
/// Where DNS failed it is asked again after this; what it said before stays in force.
const LOCATION_RETRY: Duration = Duration::from_secs(30);

/// What a request of ours was for, and its CSeq: an end that comes late is not that of the next request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    Register {
        seq: u32,
    },
    /// The server is named by its way.
    Probe {
        flow: Flow,
        seq: u32,
    },
}

/// What a trunk wants done.
#[derive(Debug)]
pub(super) enum Wish {
    Send { request: Box<Request>, flow: Flow, purpose: Purpose },
    Locate { place: usize, uri: Uri },
}

#[derive(Debug)]
pub(super) struct Provider {
    pub(super) settings: settings::Trunk,
    places: Vec<Place>,
    registration: Option<Registration>,
    /// Why the last round of the registration failed.
    failure: Option<registration::Failure>,
    probes: Vec<Probe>,
    gate: Gate,
    refused: BTreeMap<&'static str, u64>,
    /// Why a call was turned away last, and when.
    turned_away: Option<(&'static str, Timestamp)>,
    state: TrunkState,
    since: Timestamp,
    mint: Mint,
    wishes: VecDeque<Wish>,
}

/// One entry of `to`, and the servers behind it.
#[derive(Debug)]
struct Place {
    uri: Uri,
    servers: Vec<Server>,
    asking: Asking,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asking {
    /// DNS is asked at this moment.
    Due { at: Instant, known: bool },
    /// And has not answered.
    Pending { known: bool },
}

impl Place {
    /// Whether DNS has said anything yet.
    fn is_known(&self) -> bool {
        matches!(self.asking, Asking::Due { known: true, .. } | Asking::Pending { known: true })
    }
}

impl Provider {
    pub(super) fn new(settings: settings::Trunk, seed: [u8; 32], now: Now) -> Self {
        let mut mint = Mint::new(seed);
        let outward = settings.outward.as_ref();
        let account = outward.and_then(|outward| {
            let credentials = outward.credentials.clone()?;
            Some(registration::Account {
                user: credentials.user.clone(),
                domain: outward.domain.clone(),
                credentials,
                contact_user: outward.contact_user.clone(),
                advertised: outward.advertised,
                expires_secs: outward.register?,
            })
        });
        let places = outward.map(|outward| outward.to.clone()).unwrap_or_default();
        let due = Asking::Due { at: now.mono, known: false };
        Self {
            places: places.into_iter().map(|uri| Place { uri, servers: Vec::new(), asking: due }).collect(),
            registration: account.map(|account| Registration::new(account, mint.seed())),
            failure: None,
            probes: Vec::new(),
            gate: Gate::new(settings.limits),
            refused: BTreeMap::new(),
            turned_away: None,
            state: TrunkState::Unknown,
            since: now.utc,
            mint,
            wishes: VecDeque::new(),
            settings,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.settings.name
    }

    pub(super) fn state(&self) -> (TrunkState, Timestamp) {
        (self.state, self.since)
    }

    /// None where we do not register.
    pub(super) fn is_registered(&self) -> Option<bool> {
        self.registration.as_ref().map(|registration| registration.binding().is_some())
    }

    /// Calls of ours over this trunk that are out now.
    pub(super) fn outgoing(&self) -> usize {
        self.gate.outgoing()
    }

    /// Calls refused here, by reason.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.refused.iter().map(|(reason, count)| (*reason, *count))
    }

    /// Whether a request from `source` is this trunk's: a trusted address, or one of the provider's servers.
    pub(super) fn trusts(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        self.settings.from.iter().any(|network| network.contains(source)) || self.has_server_at(source)
    }

    pub(super) fn has_server_at(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.servers().any(|server| server.flow.remote.ip().to_canonical() == address)
    }

    /// Whether a request came to our binding here.
    pub(super) fn is_addressed(&self, request_uri: &Uri) -> bool {
        self.registration.as_ref().is_some_and(|registration| registration.is_addressed(request_uri))
    }

    /// Whether a request names our account here: some providers call that instead of the binding.
    pub(super) fn is_named(&self, request_uri: &Uri) -> bool {
        let outward = self.settings.outward.as_ref();
        let account = outward.and_then(|outward| outward.credentials.as_ref());
        account.is_some_and(|account| request_uri.user.as_deref() == Some(account.user.as_str()))
    }

    pub(super) fn turned_away(&self) -> Option<(&'static str, Timestamp)> {
        self.turned_away
    }

    /// Why the last round of the registration failed; none once it stands.
    pub(super) fn failure(&self) -> Option<LiveFailure> {
        let (reason, status) = match self.failure? {
            registration::Failure::Unanswered => ("unanswered", None),
            registration::Failure::Challenged => ("challenged", None),
            registration::Failure::Refused(status) => ("refused", Some(status.0)),
            registration::Failure::NoServer => ("no_server", None),
        };
        Some(LiveFailure { reason, status })
    }

    /// The provider's servers, and what is known of each.
    pub(super) fn live_servers(&self) -> Vec<LiveServer> {
        let bound = self.registration.as_ref().and_then(Registration::binding);
        let live = |server: &Server| {
            let probe = self.probes.iter().find(|probe| probe.server() == server);
            LiveServer {
                address: server.flow.remote,
                transport: server.flow.transport.name(),
                reachable: match probe.map(Probe::reachability) {
                    Some(Reachability::Up) => Some(true),
                    Some(Reachability::Down) => Some(false),
                    Some(Reachability::Unknown) | None => None,
                },
                registered: Some(server) == bound,
            }
        };
        self.servers().map(live).collect()
    }

    pub(super) fn pass(&mut self, incoming: usize, now: Now) -> Result<(), Refusal> {
        let passed = self.gate.pass(incoming, now.mono);
        if let Err(refusal) = passed {
            self.turned_away = Some((refusal.name(), now.utc));
            *self.refused.entry(refusal.name()).or_default() += 1;
        }
        passed
    }

    pub(super) fn hold(&self) -> TrunkHold {
        self.gate.hold()
    }

    /// Servers a call may go to, best first: the one that has us registered, then those not known to be down.
    pub(super) fn usable_servers(&self) -> Vec<Server> {
        let bound = self.registration.as_ref().and_then(Registration::binding);
        let is_down = |server: &Server| {
            let probe = self.probes.iter().find(|probe| probe.server() == server);
            probe.is_some_and(|probe| probe.reachability() == Reachability::Down)
        };
        let mut usable: Vec<Server> = self.servers().filter(|server| !is_down(server)).cloned().collect();
        // A stable sort: the others keep their order.
        usable.sort_by_key(|server| Some(server) != bound);
        usable
    }

    pub(super) fn handle_located(&mut self, place: usize, located: Option<Located>, now: Now) {
        let Some(place) = self.places.get_mut(place) else { return };
        let wait = match &located {
            Some(located) => located.valid_for.clamp(MIN_LOCATION_LIFE, MAX_LOCATION_LIFE),
            None => LOCATION_RETRY,
        };
        place.asking = Asking::Due { at: now.mono + wait, known: true };
        if let Some(located) = located {
            let uri = &place.uri;
            let flows = located.flows.into_iter().take(MAX_SERVERS);
            place.servers = flows.map(|flow| Server { uri: uri.clone(), flow }).collect();
        }
        // The first choice is the first that is known when all have been asked.
        if self.places.iter().all(Place::is_known) {
            self.take_servers(now);
        }
        self.review(now);
    }

    pub(super) fn handle_response(&mut self, purpose: Purpose, response: &Response, now: Now) {
        match purpose {
            Purpose::Register { .. } => {
                if let Some(registration) = &mut self.registration {
                    registration.handle_response(response, now.mono);
                }
            }
            Purpose::Probe { flow, .. } => {
                if let Some(probe) = self.probe_mut(&flow) {
                    probe.handle_response(response, now.mono);
                }
            }
        }
        self.review(now);
    }

    pub(super) fn handle_failed(&mut self, purpose: Purpose, now: Now) {
        match purpose {
            Purpose::Register { seq } => {
                if let Some(registration) = &mut self.registration {
                    registration.handle_failed(seq, now.mono);
                }
            }
            Purpose::Probe { flow, seq } => {
                if let Some(probe) = self.probe_mut(&flow) {
                    probe.handle_failed(seq, now.mono);
                }
            }
        }
        self.review(now);
    }

    pub(super) fn handle_flow_closed(&mut self, flow: &Flow, now: Now) {
        if let Some(registration) = &mut self.registration {
            registration.handle_flow_closed(flow, now.mono);
        }
        self.review(now);
    }

    pub(super) fn handle_timeout(&mut self, now: Now) {
        for (index, place) in self.places.iter_mut().enumerate() {
            if let Asking::Due { at, known } = place.asking
                && at <= now.mono
            {
                place.asking = Asking::Pending { known };
                self.wishes.push_back(Wish::Locate { place: index, uri: place.uri.clone() });
            }
        }
        for probe in &mut self.probes {
            probe.handle_timeout(now.mono);
        }
        if let Some(registration) = &mut self.registration {
            registration.handle_timeout(now.mono);
        }
        self.review(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let places = self.places.iter().filter_map(|place| match place.asking {
            Asking::Due { at, .. } => Some(at),
            Asking::Pending { .. } => None,
        });
        let probes = self.probes.iter().filter_map(Probe::poll_timeout);
        let registration = self.registration.as_ref().and_then(Registration::poll_timeout);
        places.chain(probes).chain(registration).min()
    }

    pub(super) fn poll_wish(&mut self) -> Option<Wish> {
        self.wishes.pop_front()
    }

    /// Takes our binding back; nothing else is asked any more. Who we trusted we still trust: a late call is told
    /// that we stop.
    pub(super) fn leave(&mut self, now: Now) {
        for place in &mut self.places {
            place.asking = Asking::Pending { known: true };
        }
        self.probes.clear();
        if let Some(registration) = &mut self.registration {
            registration.leave(now.mono);
        }
        self.review(now);
    }

    /// True when [`Self::leave`] has nothing left to do.
    pub(super) fn has_left(&self) -> bool {
        self.registration.as_ref().is_none_or(Registration::is_over)
    }

    fn servers(&self) -> impl Iterator<Item = &Server> {
        self.places.iter().flat_map(|place| &place.servers).take(MAX_SERVERS)
    }

    fn probe_mut(&mut self, flow: &Flow) -> Option<&mut Probe> {
        self.probes.iter_mut().find(|probe| probe.server().flow == *flow)
    }

    /// The servers as they are now; what is known of those that stay is kept.
    fn take_servers(&mut self, now: Now) {
        let servers: Vec<Server> = self.servers().cloned().collect();
        if let Some(interval) = self.settings.outward.as_ref().and_then(|outward| outward.probe) {
            let mut old = std::mem::take(&mut self.probes);
            for server in &servers {
                let known = old.iter().position(|probe| probe.server() == server);
                self.probes.push(match known {
                    Some(index) => old.swap_remove(index),
                    None => Probe::new(server.clone(), interval, self.mint.seed(), now.mono),
                });
            }
        }
        if let Some(registration) = &mut self.registration {
            registration.set_servers(servers, now.mono);
        }
    }

    /// Drains the machines and tells, once, what has changed.
    fn review(&mut self, now: Now) {
        let mut recovered = Vec::new();
        for probe in &mut self.probes {
            let flow = probe.server().flow;
            while let Some(output) = probe.poll_output() {
                match output {
                    probe::Output::Send { request } => {
                        let purpose = Purpose::Probe { flow, seq: request.cseq.seq };
                        self.wishes.push_back(Wish::Send { request, flow, purpose });
                    }
                    probe::Output::Changed { reachability } => {
                        tracing::info!(trunk.name = %self.settings.name, server = %flow.remote, ?reachability, "probed");
                        if reachability == Reachability::Up {
                            recovered.push(probe.server().clone());
                        }
                    }
                }
            }
        }
        if let Some(registration) = &mut self.registration {
            for server in &recovered {
                registration.handle_recovered(server, now.mono);
            }
            while let Some(output) = registration.poll_output() {
                match output {
                    registration::Output::Send { request, server } => {
                        let (flow, purpose) = (server.flow, Purpose::Register { seq: request.cseq.seq });
                        self.wishes.push_back(Wish::Send { request, flow, purpose });
                    }
                    registration::Output::Registered { .. } => self.failure = None,
                    registration::Output::Failed { failure } => self.failure = Some(failure),
                    registration::Output::Unregistered => {}
                }
            }
        }
        self.note_state(now);
    }

    fn note_state(&mut self, now: Now) {
        let state = self.judge();
        if state == self.state {
            return;
        }
        let (name, failure) = (&self.settings.name, self.failure.map(tracing::field::display));
        match state {
            TrunkState::Up => tracing::info!(trunk.name = %name, "trunk is up"),
            TrunkState::Unknown => tracing::info!(trunk.name = %name, "trunk is in doubt"),
            TrunkState::Down => tracing::warn!(trunk.name = %name, registration = failure, "trunk is down"),
        }
        (self.state, self.since) = (state, now.utc);
    }

    /// Down when no server is known, answers or has us registered; up when something says so and nothing against it.
    fn judge(&self) -> TrunkState {
        let is_lost = |place: &Place| place.is_known() && place.servers.is_empty();
        if !self.places.is_empty() && self.places.iter().all(is_lost) {
            return TrunkState::Down;
        }
        let probed = if self.probes.iter().any(|probe| probe.reachability() == Reachability::Up) {
            TrunkState::Up
        } else if !self.probes.is_empty()
            && self.probes.iter().all(|probe| probe.reachability() == Reachability::Down)
        {
            TrunkState::Down
        } else {
            TrunkState::Unknown
        };
        let registered = match self.is_registered() {
            Some(true) => TrunkState::Up,
            Some(false) if self.failure.is_some() => TrunkState::Down,
            _ => TrunkState::Unknown,
        };
        match (probed, registered) {
            (TrunkState::Down, _) | (_, TrunkState::Down) => TrunkState::Down,
            (TrunkState::Up, _) | (_, TrunkState::Up) => TrunkState::Up,
            _ => TrunkState::Unknown,
        }
    }
}
