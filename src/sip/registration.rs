//! Our own binding at somebody else's registrar (RFC 3261 10.2): made, refreshed, moved to the next server when one
//! fails, and taken back at the end. Sans-IO: who drives it sends what [`Registration::poll_output`] gives and tells
//! the outcome. The registrar's side is `registrar`; trunks and the telephone of our own use this one.
//!
//! A round asks the servers in their order until one says 200, but those that want to be left alone for a while
//! (Retry-After). After a round without success it rests as RFC 5626 4.5 says; a refresh is a round, too, so that the
//! first server has us back as soon as it answers.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::credentials::{Challenge, Credentials};
use super::message::{CSeq, Headers, Host, Method, NameAddr, Request, Response, StatusCode, Uri};
use super::server_location::Server;
use crate::ids::Mint;
use crate::time::TimerTable;

/// A server that says nothing for this long is passed over: time for five copies over UDP, and short enough that
/// the next server is asked before a binding of a minute lapses.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
/// Rest after the first round without success, and the longest (RFC 5626 4.5).
pub const BASE_REST: Duration = Duration::from_secs(30);
pub const MAX_REST: Duration = Duration::from_secs(1800);
/// No registrar may make us ask more often than this, whatever expiry it grants.
const MIN_GRANTED: Duration = Duration::from_secs(10);
/// Nor may one that says 423 bind us for longer than a day.
const MAX_EXPIRES_SECS: u32 = 86_400;
/// Challenges answered in one attempt: a new nonce, and one more when that was stale already.
const MAX_CHALLENGES: u32 = 2;
/// A connection that closed is replaced after this, jittered: not at once, for all others lost theirs, too.
const REOPEN: Duration = Duration::from_secs(2);

/// Who we are, and how our binding looks.
#[derive(Clone, Debug)]
pub struct Account {
    /// User part of the address of record.
    pub user: String,
    /// Host of the address of record; none is the server's own.
    pub domain: Option<Host>,
    pub credentials: Credentials,
    /// User part of our Contact: what the provider puts into the Request-URI of calls to us.
    pub contact_user: String,
    /// Host of our Contact behind address translation; none is the address the flow leaves from.
    pub advertised: Option<std::net::IpAddr>,
    /// Lifetime asked for, seconds.
    pub expires_secs: u32,
}

#[derive(Debug)]
pub enum Output {
    /// Send it; the outcome comes back by [`Registration::handle_response`] or [`Registration::handle_failed`].
    Send { request: Box<Request>, server: Server },
    /// The binding stands, at this server.
    Registered { server: Server },
    /// No server took us; the last one's reason. The binding of before may still stand.
    Failed { failure: Failure },
    /// The binding has lapsed, or was taken back.
    Unregistered,
}

/// Why a server was passed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    #[error("no answer")]
    Unanswered,
    #[error("the challenge cannot be met with this user and password")]
    Challenged,
    #[error("refused: {} {}", .0.0, .0.default_reason())]
    Refused(StatusCode),
    #[error("no server is known")]
    NoServer,
}

#[derive(Debug)]
pub struct Registration {
    account: Account,
    call_id: String,
    tag: String,
    /// A parameter of our Contact, by which calls to this binding are known.
    line: String,
    seq: u32,
    expires_secs: u32,
    servers: Vec<Server>,
    /// Servers that said when to come back; some of those above, or of those before them.
    busy: Vec<(Server, Instant)>,
    binding: Option<Server>,
    /// A connection that closes sooner does not make us register anew: some servers close each one at once.
    reopen_at: Option<Instant>,
    challenge: Option<(Challenge, Server)>,
    state: State,
    /// Rounds without success since the last one with.
    failed_rounds: u32,
    timers: TimerTable<Timer>,
    mint: Mint,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    /// Nothing is on its way: before the first round and between rounds.
    Resting,
    Asking(Attempt),
    /// The binding is being taken back.
    Leaving(Attempt),
    Left,
}

/// One server of a round being asked.
#[derive(Debug)]
struct Attempt {
    server: Server,
    /// Those after it in this round.
    rest: VecDeque<Server>,
    challenges: u32,
    /// 423 was obeyed once (RFC 3261 10.2.8).
    prolonged: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    /// The server asked must have answered.
    Answer,
    /// The next round: refresh, or another try.
    Round,
    /// The binding is gone when it was not refreshed by then.
    Expiry,
}

impl Registration {
    pub fn new(account: Account, seed: [u8; 32]) -> Self {
        let mut mint = Mint::new(seed);
        Self {
            call_id: mint.token(),
            tag: mint.token(),
            line: format!("{:08x}", mint.u32()),
            seq: 0,
            expires_secs: account.expires_secs,
            account,
            servers: Vec::new(),
            busy: Vec::new(),
            binding: None,
            reopen_at: None,
            challenge: None,
            state: State::Resting,
            failed_rounds: 0,
            timers: TimerTable::default(),
            mint,
            outputs: VecDeque::new(),
        }
    }

    /// The servers of the rounds to come, first choice first. The first ones begin a round at once.
    pub fn set_servers(&mut self, servers: Vec<Server>, now: Instant) {
        let first = self.servers.is_empty() && !servers.is_empty();
        self.servers = servers;
        if first && matches!(self.state, State::Resting) {
            self.begin_round(now);
        }
    }

    /// Where the binding stands.
    pub fn binding(&self) -> Option<&Server> {
        self.binding.as_ref()
    }

    /// Whether a request came to this binding: a proxy keeps the parameters of our Contact (RFC 3261 16.5).
    pub fn is_addressed(&self, request_uri: &Uri) -> bool {
        request_uri.params.find("line") == Some(&self.line)
    }

    /// True when nothing will be sent any more.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Left)
    }

    pub fn handle_response(&mut self, response: &Response, now: Instant) {
        let current = response.cseq.seq == self.seq && response.status.is_final();
        let (State::Asking(attempt) | State::Leaving(attempt)) = &mut self.state else { return };
        if !current {
            return;
        }
        match response.status {
            status if status.is_success() => self.succeed(response, now),
            StatusCode::INTERVAL_TOO_BRIEF if !attempt.prolonged => {
                attempt.prolonged = true;
                self.prolong(response, now);
            }
            status => match Challenge::of_response(response, &self.account.credentials) {
                Some(challenge) => self.meet(challenge, now),
                None => {
                    self.note_retry_after(response, now);
                    self.pass_over(Failure::Refused(status), now);
                }
            },
        }
    }

    /// The request with this CSeq got no answer, or could not be sent. A server that was passed over meanwhile does not
    /// take the next one along.
    pub fn handle_failed(&mut self, seq: u32, now: Instant) {
        if seq == self.seq {
            self.pass_over(Failure::Unanswered, now);
        }
    }

    /// `server` answers again: it is asked now if it comes before the one that has us.
    pub fn handle_recovered(&mut self, server: &Server, now: Instant) {
        let place = |wanted: &Server| self.servers.iter().position(|known| known == wanted);
        let better = match (place(server), self.binding.as_ref().map(place)) {
            (Some(recovered), Some(Some(bound))) => recovered < bound,
            (Some(_), _) => self.binding.as_ref() != Some(server),
            (None, _) => false,
        };
        if better && matches!(self.state, State::Resting) {
            self.begin_round(now);
        }
    }

    /// A connection closed: the provider cannot call over it any more.
    pub fn handle_flow_closed(&mut self, flow: &super::message::Flow, now: Instant) {
        let over_it = |server: &Server| server.flow == *flow;
        if matches!(self.state, State::Resting) && self.binding.as_ref().is_some_and(over_it) {
            let soon = now + self.part_of(REOPEN, 50, 150);
            self.timers.set(Timer::Round, self.reopen_at.map_or(soon, |at| at.max(soon)));
        }
    }

    /// Takes the binding back; afterwards only the answer is awaited.
    pub fn leave(&mut self, now: Instant) {
        if matches!(self.state, State::Leaving(_) | State::Left) {
            return;
        }
        self.timers.clear();
        // A server that was asked and has not answered may yet have taken us.
        let asked = match &self.state {
            State::Asking(attempt) => Some(attempt.server.clone()),
            _ => None,
        };
        match self.binding.clone().or(asked) {
            Some(server) => {
                let attempt = Attempt { server, rest: VecDeque::new(), challenges: 0, prolonged: false };
                self.state = State::Leaving(attempt);
                self.send(now);
            }
            None => self.state = State::Left,
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.take_expired(now) {
            match timer {
                Timer::Answer => self.pass_over(Failure::Unanswered, now),
                Timer::Round => self.begin_round(now),
                Timer::Expiry => self.lose_binding(),
            }
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn begin_round(&mut self, now: Instant) {
        let servers = &self.servers;
        self.busy.retain(|(server, until)| *until > now && servers.contains(server));
        let is_busy = |server: &Server| self.busy.iter().any(|(busy, _)| busy == server);
        let mut rest: VecDeque<Server> = servers.iter().filter(|server| !is_busy(server)).cloned().collect();
        let Some(server) = rest.pop_front() else {
            match self.busy.iter().map(|(_, until)| *until).min() {
                Some(first) => self.timers.set(Timer::Round, first),
                None => self.rest(Failure::NoServer, now),
            }
            return;
        };
        self.timers.stop(Timer::Round);
        self.state = State::Asking(Attempt { server, rest, challenges: 0, prolonged: false });
        self.send(now);
    }

    /// The server asked says when it can be asked again (RFC 3261 20.33); not later than [`MAX_REST`], whatever it says.
    fn note_retry_after(&mut self, response: &Response, now: Instant) {
        let State::Asking(attempt) = &self.state else { return };
        let Some(secs) = response.headers.seconds("Retry-After") else { return };
        let pause = Duration::from_secs(u64::from(secs)).min(MAX_REST);
        self.busy.retain(|(server, _)| *server != attempt.server);
        self.busy.push((attempt.server.clone(), now + pause));
    }

    /// The server asked did not take us: the next one, or a rest.
    fn pass_over(&mut self, failure: Failure, now: Instant) {
        self.timers.stop(Timer::Answer);
        match &mut self.state {
            State::Asking(attempt) => match attempt.rest.pop_front() {
                Some(server) => {
                    *attempt = Attempt {
                        server,
                        rest: std::mem::take(&mut attempt.rest),
                        challenges: 0,
                        prolonged: false,
                    };
                    self.send(now);
                }
                None => self.rest(failure, now),
            },
            State::Leaving(_) => {
                self.state = State::Left;
                self.lose_binding();
            }
            State::Resting | State::Left => {}
        }
    }

    /// RFC 5626 4.5: twice as long after each round, at most [`MAX_REST`], between half of it and all.
    fn rest(&mut self, failure: Failure, now: Instant) {
        let longest = BASE_REST.saturating_mul(2_u32.saturating_pow(self.failed_rounds)).min(MAX_REST);
        self.failed_rounds = self.failed_rounds.saturating_add(1);
        let pause = self.part_of(longest, 50, 100);
        self.state = State::Resting;
        self.timers.set(Timer::Round, now + pause);
        self.outputs.push_back(Output::Failed { failure });
    }

    fn succeed(&mut self, response: &Response, now: Instant) {
        self.timers.stop(Timer::Answer);
        let server = match std::mem::replace(&mut self.state, State::Resting) {
            State::Asking(attempt) => attempt.server,
            State::Leaving(_) => {
                self.state = State::Left;
                self.lose_binding();
                return;
            }
            other => {
                self.state = other;
                return;
            }
        };
        let granted = self.granted(response);
        self.failed_rounds = 0;
        self.reopen_at = Some(now + MIN_GRANTED);
        self.timers.set(Timer::Expiry, now + granted);
        // Between half and three quarters: a dead server or two still leave time for the next one.
        let refresh = self.part_of(granted, 50, 75);
        self.timers.set(Timer::Round, now + refresh);
        self.binding = Some(server.clone());
        self.outputs.push_back(Output::Registered { server });
    }

    /// The lifetime the registrar gave our Contact (RFC 3261 10.2.4).
    fn granted(&self, response: &Response) -> Duration {
        let contacts = response.headers.addresses("Contact").unwrap_or_default();
        let ours = contacts.iter().find(|contact| self.is_addressed(&contact.uri));
        // Some registrars drop parameters they do not know.
        let ours = ours.or(contacts.first().filter(|_| contacts.len() == 1));
        let expires = ours.and_then(|contact| contact.params.find("expires")?.parse().ok());
        let secs: u32 = expires.or_else(|| response.headers.seconds("Expires")).unwrap_or(self.expires_secs);
        Duration::from_secs(u64::from(secs.min(self.expires_secs))).max(MIN_GRANTED)
    }

    fn prolong(&mut self, response: &Response, now: Instant) {
        match response.headers.seconds("Min-Expires") {
            Some(secs) if secs > self.expires_secs && secs <= MAX_EXPIRES_SECS => {
                self.expires_secs = secs;
                self.send(now);
            }
            _ => self.pass_over(Failure::Refused(response.status), now),
        }
    }

    /// Answers a challenge, unless the same server refused our answer to one before.
    fn meet(&mut self, challenge: Challenge, now: Instant) {
        let (State::Asking(attempt) | State::Leaving(attempt)) = &mut self.state else { return };
        attempt.challenges += 1;
        let again = attempt.challenges > 1 && !challenge.is_stale();
        if again || attempt.challenges > MAX_CHALLENGES {
            self.challenge = None;
            self.pass_over(Failure::Challenged, now);
            return;
        }
        self.challenge = Some((challenge, attempt.server.clone()));
        self.send(now);
    }

    fn lose_binding(&mut self) {
        self.timers.stop(Timer::Expiry);
        if self.binding.take().is_some() {
            self.outputs.push_back(Output::Unregistered);
        }
    }

    fn send(&mut self, now: Instant) {
        let (server, expires_secs) = match &self.state {
            State::Asking(attempt) => (attempt.server.clone(), self.expires_secs),
            State::Leaving(attempt) => (attempt.server.clone(), 0),
            State::Resting | State::Left => return,
        };
        self.seq += 1;
        let mut request = self.request(&server, expires_secs);
        let cnonce = self.mint.token();
        // A nonce is its server's; it serves again there until that says it is stale.
        if let Some((challenge, from)) = &mut self.challenge
            && *from == server
            && let Some((name, value)) =
                challenge.answer(&self.account.credentials, &Method::Register, &request.uri, &cnonce)
        {
            request.headers.push(name, value);
        }
        self.timers.set(Timer::Answer, now + ANSWER_TIMEOUT);
        self.outputs.push_back(Output::Send { request: Box::new(request), server });
    }

    fn request(&self, server: &Server, expires_secs: u32) -> Request {
        let mut registrar = server.uri.clone();
        registrar.user = None;
        let domain = self.account.domain.clone().unwrap_or_else(|| server.uri.host.clone());
        let port = if self.account.domain.is_some() { None } else { server.uri.port };
        let me = NameAddr::new(Uri::sip(Some(&self.account.user), domain, port));
        let mut from = me.clone();
        from.set_tag(&self.tag);
        let local = server.flow.local;
        let host = Host::Ip(self.account.advertised.unwrap_or(local.ip()));
        let mut contact = Uri::sip(Some(&self.account.contact_user), host, Some(local.port()));
        if server.flow.transport.is_reliable() {
            let transport = server.flow.transport.name().to_ascii_lowercase();
            contact.params.set("transport", Some(transport));
        }
        contact.params.set("line", Some(self.line.clone()));
        let mut headers = Headers::default();
        headers.push("Contact", NameAddr::new(contact).to_string());
        headers.push("Expires", expires_secs.to_string());
        Request {
            method: Method::Register,
            uri: registrar,
            via: Vec::new(),
            from,
            to: me,
            call_id: self.call_id.clone(),
            cseq: CSeq { seq: self.seq, method: Method::Register },
            max_forwards: 70,
            headers,
            body: Vec::new(),
        }
    }

    /// A share of `whole` by lot, in per cent, so that a thousand of us do not come at once.
    fn part_of(&mut self, whole: Duration, least: u32, most: u32) -> Duration {
        let share = least + self.mint.u32() % (most - least + 1);
        whole * share / 100
    }
}

#[cfg(test)]
mod tests;
