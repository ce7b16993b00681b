//! Whether a server answers (RFC 3261 11): OPTIONS every so often, up with the first answer, down after several
//! without. Sans-IO, one machine for each server; what being down means is decided by who asks.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::message::{CSeq, Headers, Host, Method, NameAddr, Request, Response, StatusCode, Uri};
use super::server_location::Server;
use crate::ids::Mint;
use crate::time::TimerTable;

/// Probes in a row without an answer after which a server is down: one may be lost with its copies, three are not.
pub const FAILURES_UNTIL_DOWN: u32 = 3;
/// Longest wait for an answer: time for five copies over UDP.
const MAX_PATIENCE: Duration = Duration::from_secs(8);
/// While a server is in doubt it is asked again after this, or after the interval when that is shorter.
const DOUBT_INTERVAL: Duration = Duration::from_secs(5);
/// User part of the From: what a provider's trace shows.
const PROBE_USER: &str = "ringback";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reachability {
    /// Not asked often enough to know.
    Unknown,
    Up,
    Down,
}

#[derive(Debug)]
pub enum Output {
    /// Send it to the server; the outcome comes back by [`Probe::handle_response`] or [`Probe::handle_failed`].
    Send {
        request: Box<Request>,
    },
    Changed {
        reachability: Reachability,
    },
}

#[derive(Debug)]
pub struct Probe {
    server: Server,
    interval: Duration,
    reachability: Reachability,
    failures: u32,
    asked: bool,
    call_id: String,
    tag: String,
    seq: u32,
    timers: TimerTable<Timer>,
    mint: Mint,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    Ask,
    Answer,
}

impl Probe {
    /// The first question goes out within a second, at a moment of its own.
    pub fn new(server: Server, interval: Duration, seed: [u8; 32], now: Instant) -> Self {
        let mut mint = Mint::new(seed);
        let mut timers = TimerTable::default();
        timers.set(Timer::Ask, now + Duration::from_millis(u64::from(mint.u32() % 1_000)));
        Self {
            server,
            interval,
            reachability: Reachability::Unknown,
            failures: 0,
            asked: false,
            call_id: mint.token(),
            tag: mint.token(),
            seq: 0,
            timers,
            mint,
            outputs: VecDeque::new(),
        }
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    pub fn reachability(&self) -> Reachability {
        self.reachability
    }

    /// Any answer is a sign of life, 503 and 408 are not: who says so cannot take a call.
    pub fn handle_response(&mut self, response: &Response, now: Instant) {
        if response.cseq.seq != self.seq || !response.status.is_final() || !std::mem::take(&mut self.asked) {
            return;
        }
        match response.status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => self.fail(now),
            _ => {
                self.failures = 0;
                self.turn(Reachability::Up);
                self.ask_in(self.interval, now);
            }
        }
    }

    /// The question with this CSeq got no answer, or could not be sent.
    pub fn handle_failed(&mut self, seq: u32, now: Instant) {
        if seq == self.seq && std::mem::take(&mut self.asked) {
            self.fail(now);
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.take_expired(now) {
            match timer {
                Timer::Ask => self.ask(now),
                Timer::Answer => self.handle_failed(self.seq, now),
            }
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn ask(&mut self, now: Instant) {
        self.seq += 1;
        self.asked = true;
        self.timers.set(Timer::Answer, now + self.interval.min(MAX_PATIENCE));
        let request = Box::new(self.request());
        self.outputs.push_back(Output::Send { request });
    }

    fn fail(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_UNTIL_DOWN {
            self.turn(Reachability::Down);
            self.ask_in(self.interval, now);
        } else {
            self.ask_in(self.interval.min(DOUBT_INTERVAL), now);
        }
    }

    /// After `pause`, a tenth more or less, so that many probes do not keep step.
    fn ask_in(&mut self, pause: Duration, now: Instant) {
        self.timers.stop(Timer::Answer);
        let share = 90 + self.mint.u32() % 21;
        self.timers.set(Timer::Ask, now + pause * share / 100);
    }

    fn turn(&mut self, reachability: Reachability) {
        if std::mem::replace(&mut self.reachability, reachability) != reachability {
            self.outputs.push_back(Output::Changed { reachability });
        }
    }

    fn request(&self) -> Request {
        let mut target = self.server.uri.clone();
        target.user = None;
        let local = self.server.flow.local;
        let me = Uri::sip(Some(PROBE_USER), Host::Ip(local.ip()), Some(local.port()));
        let mut from = NameAddr::new(me.clone());
        from.set_tag(&self.tag);
        let mut headers = Headers::default();
        headers.push("Contact", NameAddr::new(me).to_string());
        headers.push("Accept", "application/sdp");
        Request {
            method: Method::Options,
            uri: target.clone(),
            via: Vec::new(),
            from,
            to: NameAddr::new(target),
            call_id: self.call_id.clone(),
            cseq: CSeq { seq: self.seq, method: Method::Options },
            max_forwards: 70,
            headers,
            body: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::sip::message::{Flow, Transport};

    const INTERVAL: Duration = Duration::from_secs(30);

    struct Bench {
        probe: Probe,
        now: Instant,
    }

    impl Bench {
        fn new() -> Self {
            let address = "192.0.2.1:5060".parse().unwrap();
            let flow = Flow { transport: Transport::Udp, local: address, remote: address };
            let server = Server { uri: Uri::parse("sip:p.example").unwrap(), flow };
            let now = crate::time::now().mono;
            Self { probe: Probe::new(server, INTERVAL, [3; 32], now), now }
        }

        /// Waits for the next question; how long that took.
        fn asked(&mut self) -> (Request, Duration) {
            let since = self.now;
            loop {
                match self.probe.poll_output() {
                    Some(Output::Send { request }) => return (*request, self.now - since),
                    Some(Output::Changed { .. }) => panic!("an unseen change"),
                    None => {}
                }
                self.now = self.probe.poll_timeout().unwrap();
                self.probe.handle_timeout(self.now);
            }
        }

        fn answer(&mut self, request: &Request, status: u16) -> Option<Reachability> {
            let response = request.response(StatusCode(status), "t");
            self.probe.handle_response(&response, self.now);
            self.change()
        }

        fn change(&mut self) -> Option<Reachability> {
            match self.probe.poll_output() {
                Some(Output::Changed { reachability }) => Some(reachability),
                None => None,
                Some(other) => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn any_answer_is_a_sign_of_life_told_once() {
        let mut bench = Bench::new();
        let (request, waited) = bench.asked();
        assert!(waited < Duration::from_secs(1), "the first question does not wait for the interval");
        assert_eq!(request.method, Method::Options);
        assert_eq!(bench.answer(&request, 404), Some(Reachability::Up));
        let (request, waited) = bench.asked();
        assert!(waited >= INTERVAL * 9 / 10 && waited <= INTERVAL * 11 / 10, "{waited:?}");
        assert_eq!(bench.answer(&request, 200), None);
    }

    #[test]
    fn three_silences_or_refusals_make_it_down_and_one_answer_up() {
        let mut bench = Bench::new();
        let (request, _) = bench.asked();
        assert_eq!(bench.answer(&request, 503), None);
        let (second, waited) = bench.asked();
        assert!(waited < INTERVAL / 2, "in doubt it is asked sooner: {waited:?}");
        bench.probe.handle_failed(request.cseq.seq, bench.now);
        assert!(bench.probe.asked, "the first question ends late and says nothing of the second");
        bench.probe.handle_failed(second.cseq.seq, bench.now);
        assert_eq!(bench.change(), None);
        let (late, _) = bench.asked();
        bench.now += MAX_PATIENCE;
        bench.probe.handle_timeout(bench.now);
        assert_eq!(bench.change(), Some(Reachability::Down));
        assert_eq!(bench.answer(&late, 200), None, "too late");
        let (request, waited) = bench.asked();
        assert!(waited >= INTERVAL * 9 / 10, "{waited:?}");
        assert_eq!(bench.answer(&request, 200), Some(Reachability::Up));
    }

    #[test]
    fn provisional_answers_and_copies_count_for_nothing() {
        let mut bench = Bench::new();
        let (request, _) = bench.asked();
        assert_eq!(bench.answer(&request, 100), None);
        assert_eq!(bench.answer(&request, 200), Some(Reachability::Up));
        let asked_at = bench.probe.poll_timeout();
        assert_eq!(bench.answer(&request, 503), None);
        assert_eq!(bench.probe.poll_timeout(), asked_at);
    }
}
