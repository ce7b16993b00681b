//! Two layers talk over a link that loses, repeats, delays and reorders: every transaction ends, both sides
//! agree on what happened, nothing is left behind.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::sip::transaction::timer::{T1, T2, TRANSACTION_TIMEOUT};

/// Requests of one run.
const REQUESTS: usize = 60;

/// One side: a layer and a user who answers everything, 2xx to INVITE until acknowledged.
struct Side {
    layer: TransactionLayer,
    flow: Flow,
    /// 2xx sent, by Call-ID: transaction, next repetition, interval.
    unacknowledged: BTreeMap<String, (ServerTransactionId, Instant, Duration)>,
    /// Open INVITEs by transaction, for CANCEL.
    pending: BTreeMap<ServerTransactionId, Request>,
    started: BTreeSet<u64>,
    /// Final outcome of each client transaction.
    outcomes: BTreeMap<u64, String>,
}

struct Link {
    rng: StdRng,
    /// Bytes on the way by arrival, to side 0 or 1; the number keeps the order of equal moments.
    on_the_way: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    sent: u64,
    loss: f64,
}

impl Link {
    fn carry(&mut self, to: usize, bytes: &[u8], now: Instant) {
        let copies = if self.rng.random_bool(0.1) { 2 } else { 1 };
        for _ in 0..copies {
            if self.rng.random_bool(self.loss) {
                continue;
            }
            let delay = Duration::from_millis(self.rng.random_range(1..300));
            self.sent += 1;
            self.on_the_way.insert((now + delay, self.sent), (to, bytes.to_vec()));
        }
    }
}

impl Side {
    fn new(seed: u8, local: u16, remote: u16) -> Self {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            layer: TransactionLayer::new([seed; 32]),
            flow: Flow { transport: Transport::Udp, local: address(local), remote: address(remote) },
            unacknowledged: BTreeMap::new(),
            pending: BTreeMap::new(),
            started: BTreeSet::new(),
            outcomes: BTreeMap::new(),
        }
    }

    fn start(&mut self, number: usize, rng: &mut StdRng, now: Instant) {
        let methods = [Method::Invite, Method::Options, Method::Bye, Method::Register];
        let mut request = unsent(methods[rng.random_range(0..methods.len())].clone());
        request.call_id = format!("call-{number}");
        let is_invite = request.method == Method::Invite;
        let transaction = self.layer.send_request(request, self.flow, now).unwrap();
        self.started.insert(transaction.0);
        if is_invite && rng.random_bool(0.3) {
            self.layer.cancel(transaction, now);
        }
    }

    fn drain(&mut self, peer: usize, link: &mut Link, now: Instant) {
        while let Some(output) = self.layer.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => link.carry(peer, &bytes, now),
                Output::RequestReceived { transaction, request, .. } => {
                    self.answer(transaction, *request, &mut link.rng, now);
                }
                Output::CancelReceived { invite } => {
                    if let Some(request) = self.pending.remove(&invite) {
                        let response = request.response(StatusCode::REQUEST_TERMINATED, "b1");
                        self.layer.respond(invite, &response, now).unwrap();
                    }
                }
                Output::AckReceived { request, .. } => {
                    self.unacknowledged.remove(&request.call_id);
                }
                Output::ResponseReceived { transaction, response, .. } => {
                    if response.status.is_success() && response.cseq.method == Method::Invite {
                        let mut ack = unsent(Method::Ack);
                        ack.call_id = response.call_id.clone();
                        ack.to = response.to.clone();
                        self.layer.send_ack(ack, self.flow);
                    }
                    if response.status.is_final() {
                        self.note(transaction, format!("{}", response.status.0));
                    }
                }
                Output::RequestFailed { transaction, failure } => {
                    self.note(transaction, format!("{failure:?}"))
                }
                Output::ResponseFailed { .. } => {}
            }
        }
    }

    /// One outcome for each request; only a 2xx may come again.
    fn note(&mut self, transaction: ClientTransactionId, outcome: String) {
        assert!(self.started.contains(&transaction.0), "an outcome nobody asked for");
        let earlier = self.outcomes.insert(transaction.0, outcome.clone());
        assert!(earlier.is_none_or(|earlier| earlier == "200" && outcome == "200"));
    }

    fn answer(&mut self, transaction: ServerTransactionId, request: Request, rng: &mut StdRng, now: Instant) {
        if request.method == Method::Invite && rng.random_bool(0.5) {
            let ringing = request.response(StatusCode::RINGING, "b1");
            self.layer.respond(transaction, &ringing, now).unwrap();
            self.pending.insert(transaction, request);
            return;
        }
        self.finish(transaction, &request, rng, now);
    }

    fn finish(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        rng: &mut StdRng,
        now: Instant,
    ) {
        let status = if rng.random_bool(0.6) { StatusCode::OK } else { StatusCode::BUSY_HERE };
        self.layer.respond(transaction, &request.response(status, "b1"), now).unwrap();
        if status.is_success() && request.method == Method::Invite {
            self.unacknowledged.insert(request.call_id.clone(), (transaction, now + T1, T1));
        }
    }

    /// The user's own deadlines: repeat a 2xx, answer a ringing INVITE.
    fn user_deadline(&self) -> Option<Instant> {
        self.unacknowledged.values().map(|(_, at, _)| *at).min()
    }

    fn handle_user_timeout(&mut self, now: Instant) {
        let due: Vec<String> = self
            .unacknowledged
            .iter()
            .filter(|(_, (_, at, _))| *at <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for call_id in due {
            let (transaction, at, interval) = self.unacknowledged.get_mut(&call_id).unwrap();
            *interval = (*interval * 2).min(T2);
            *at = now + *interval;
            let transaction = *transaction;
            if self.layer.retransmit_success(transaction).is_err() {
                self.unacknowledged.remove(&call_id);
            }
        }
    }

    fn answer_one_pending(&mut self, rng: &mut StdRng, now: Instant) {
        if let Some((transaction, request)) = self.pending.pop_first() {
            self.finish(transaction, &request, rng, now);
        }
    }
}

fn run(seed: u64, loss: f64) {
    println!("seed {seed}, loss {loss}");
    let start = crate::time::now().mono;
    let mut now = start;
    let mut sides = [Side::new(1, 5060, 5070), Side::new(2, 5070, 5060)];
    let mut link = Link { rng: StdRng::seed_from_u64(seed), on_the_way: BTreeMap::new(), sent: 0, loss };
    let mut next_start = Some(start);
    let mut started = 0;
    let last_start = start + secs(REQUESTS as u64);
    loop {
        let deadlines = sides.iter().flat_map(|side| [side.layer.poll_timeout(), side.user_deadline()]);
        let arrival = link.on_the_way.first_key_value().map(|((at, _), _)| *at);
        let Some(at) = deadlines.chain([arrival, next_start]).flatten().min() else { break };
        now = now.max(at);
        assert!(now < last_start + 4 * TRANSACTION_TIMEOUT, "a transaction does not end");
        if next_start.is_some_and(|at| at <= now) {
            let side = link.rng.random_range(0..2);
            sides[side].start(started, &mut link.rng, now);
            started += 1;
            next_start = (started < REQUESTS).then(|| now + secs(1));
            sides[1 - side].answer_one_pending(&mut link.rng, now);
        }
        while let Some(entry) = link.on_the_way.first_entry()
            && entry.key().0 <= now
        {
            let (to, bytes) = entry.remove();
            let flow = sides[to].flow;
            sides[to].layer.handle_message(parse(&bytes), flow, now);
            sides[to].drain(1 - to, &mut link, now);
        }
        for (i, side) in sides.iter_mut().enumerate() {
            side.layer.handle_timeout(now);
            side.handle_user_timeout(now);
            side.drain(1 - i, &mut link, now);
        }
        if started == REQUESTS {
            for side in &mut sides {
                side.answer_one_pending(&mut link.rng, now);
            }
        }
    }
    for side in &sides {
        assert!(side.layer.table.is_blank(), "{:?}", side.layer);
        let ended: BTreeSet<u64> = side.outcomes.keys().copied().collect();
        assert_eq!(ended, side.started, "every request has an outcome");
        assert!(side.unacknowledged.is_empty());
    }
    if loss == 0.0 {
        let failed =
            sides.iter().flat_map(|side| side.outcomes.values()).filter(|outcome| *outcome == "Timeout");
        assert_eq!(failed.count(), 0, "nothing times out where nothing is lost");
    }
}

#[test]
fn every_transaction_ends_over_a_lossy_link() {
    for seed in 0..12 {
        run(seed, 0.3);
    }
}

#[test]
fn every_transaction_ends_over_a_dead_link() {
    run(100, 1.0);
}

#[test]
fn nothing_fails_over_a_link_that_only_delays() {
    for seed in 200..206 {
        run(seed, 0.0);
    }
}
