//! The registrar (RFC 3261 10.3): bindings of operators' phones, with expiry, Path (RFC 3327), flows of one device
//! (RFC 5626), and whether the phone still answers.
//!
//! Users are authenticated and authorised before they come here, so the table is bounded by the accounts
//! times [`MAX_BINDINGS_PER_USER`]. The OPTIONS that are asked for here are sent by the switchboard.

mod binding;
mod contacts;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use self::binding::Due;
use self::contacts::{Wanted, Wish, path, supports, wish};
use super::message::{Flow, Request, Response, StatusCode};

pub use self::binding::{Binding, BindingId, FAILURES_UNTIL_UNREACHABLE, KeptBinding, Outbound};

/// Shortest accepted registration; shorter ones are refused 423 with Min-Expires.
pub const MIN_EXPIRES: Duration = Duration::from_secs(30);
/// Longest granted registration; longer wishes are shortened.
pub const MAX_EXPIRES: Duration = Duration::from_secs(3600);
/// Granted when the phone asks for nothing (RFC 3261 10.2.1.1 suggests an hour; a lost phone should vanish
/// sooner).
pub const DEFAULT_EXPIRES: Duration = Duration::from_secs(300);
/// Most contacts of one address of record. A further one takes the place of the one longest without
/// refresh: that is a phone which restarted under another port, not one in use.
pub const MAX_BINDINGS_PER_USER: usize = 8;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// The first phone of `user` can be reached.
    Registered { user: String },
    /// The last phone of `user` that could be reached left, expired, or does not answer any more.
    Unregistered { user: String },
    /// Ask this phone by OPTIONS whether it is still there; an answer comes back by [`Registrar::handle_answered`].
    Ask { user: String, binding: BindingId },
}

#[derive(Default, Debug)]
pub struct Registrar {
    /// Bindings of each user who has one, the latest refreshed last.
    users: HashMap<String, Vec<Binding>>,
    /// The earliest deadline of each user: an expiry or a question.
    deadlines: BTreeSet<(Instant, String)>,
    /// How often phones are asked whether they are still there.
    ask_every: Option<Duration>,
    last_id: u64,
    outputs: VecDeque<Output>,
}

impl Registrar {
    /// Applies an authenticated REGISTER for `user` and makes the whole answer: 200 with every current
    /// Contact and its `expires`, 400, 423, or 500 for a CSeq out of order.
    pub fn register(
        &mut self,
        user: &str,
        request: &Request,
        flow: Flow,
        to_tag: &str,
        now: Instant,
    ) -> Response {
        self.handle_timeout(now);
        let (wish, path) = match wish(request).and_then(|wish| Ok((wish, path(request)?))) {
            Ok(read) => read,
            Err(fault) => return fault.response(request, to_tag),
        };
        if let Wish::Bind(contacts) = &wish
            && contacts.iter().any(|wanted| !wanted.expires.is_zero() && wanted.expires < MIN_EXPIRES)
        {
            let min_expires = MIN_EXPIRES.as_secs().to_string();
            return request
                .response(StatusCode::INTERVAL_TOO_BRIEF, to_tag)
                .with_header("Min-Expires", min_expires);
        }
        // All or nothing (RFC 3261 10.3 step 7): checked before anything is changed.
        if self.is_out_of_order(user, request, &wish) {
            return request.response(StatusCode::SERVER_ERROR, to_tag).with_reason("CSeq out of order");
        }
        let (every, mut last_id) = (self.ask_every, self.last_id);
        self.change(user, |bindings| match wish {
            Wish::Query => {}
            Wish::RemoveAll => bindings.clear(),
            Wish::Bind(contacts) => {
                bindings.retain(|binding| !binding.is_of_former_life(request, &path, &flow));
                for wanted in contacts {
                    let expires_at = now + wanted.expires.min(MAX_EXPIRES);
                    let Some(id) = make_room(bindings, &wanted, &mut last_id) else { continue };
                    let mut binding = Binding::new(id, wanted, request, path.clone(), flow, expires_at);
                    binding.ask_every(every, now);
                    bindings.push(binding);
                }
            }
        });
        self.last_id = last_id;
        self.success(user, request, to_tag, now)
    }

    /// What a later run can still ring, by user: phones that come by datagrams and answer. A connection ends with the
    /// program, and its phone comes back by itself.
    pub fn kept(&self, now: Instant) -> Vec<(String, KeptBinding)> {
        let lasts = |binding: &&Binding| {
            !binding.flow.transport.is_reliable() && binding.is_reachable() && binding.expires_at > now
        };
        let mut users: Vec<&String> = self.users.keys().collect();
        users.sort_unstable();
        let kept = users.into_iter().flat_map(|user| {
            let bindings = self.users.get(user).into_iter().flatten().filter(lasts);
            bindings.map(|binding| (user.clone(), binding.kept(now)))
        });
        kept.collect()
    }

    /// Takes a binding over from a former run, for as long as it would still have lasted; false when that is over, or
    /// `user` has as many as there may be.
    pub fn restore(&mut self, user: &str, kept: KeptBinding, now: Instant) -> bool {
        let has_room = self.users.get(user).is_none_or(|known| known.len() < MAX_BINDINGS_PER_USER);
        if kept.expires_in.is_zero() || !has_room || kept.flow.transport.is_reliable() {
            return false;
        }
        self.last_id += 1;
        let (id, every) = (BindingId(self.last_id), self.ask_every);
        self.change(user, |bindings| {
            let expires_at = now + kept.expires_in.min(MAX_EXPIRES);
            let mut binding = Binding::restored(id, kept, expires_at);
            binding.ask_every(every, now);
            bindings.push(binding);
        });
        true
    }

    /// Asks phones every so often whether they are still there; `None` for never.
    pub fn ask_every(&mut self, every: Option<Duration>, now: Instant) {
        if self.ask_every == every {
            return;
        }
        self.ask_every = every;
        let users: Vec<String> = self.users.keys().cloned().collect();
        for user in users {
            self.change(&user, |bindings| {
                bindings.iter_mut().for_each(|binding| binding.ask_every(every, now));
            });
        }
    }

    /// Live bindings of `user`, latest first.
    pub fn bindings(&self, user: &str) -> Vec<&Binding> {
        self.users.get(user).map(|bindings| bindings.iter().rev().collect()).unwrap_or_default()
    }

    /// The phones of `user` that can be rung, in the order in which they should be: by `q`, then the latest first.
    pub fn reachable(&self, user: &str) -> Vec<&Binding> {
        let mut reachable = self.bindings(user);
        reachable.retain(|binding| binding.is_reachable());
        reachable.sort_by_key(|binding| Reverse(binding.priority));
        reachable
    }

    /// The phone said something to OPTIONS; whatever it was, it is there.
    pub fn handle_answered(&mut self, user: &str, id: BindingId, now: Instant) {
        let every = self.ask_every;
        self.change_one(user, id, |binding| binding.handle_answered(every, now));
    }

    /// OPTIONS was not sent for want of room, which says nothing of the phone.
    pub fn handle_unasked(&mut self, user: &str, id: BindingId, now: Instant) {
        let every = self.ask_every;
        self.change_one(user, id, |binding| binding.ask_every(every, now));
    }

    /// Drops every binding that goes over a connection that closed. A datagram that could not be sent closes nothing:
    /// the network is away for a moment, and the phone does not know that it should register anew.
    pub fn handle_flow_closed(&mut self, flow: &Flow) {
        if !flow.transport.is_reliable() {
            return;
        }
        let mut affected: Vec<String> = self
            .users
            .iter()
            .filter(|(_, bindings)| bindings.iter().any(|binding| binding.flow == *flow))
            .map(|(user, _)| user.clone())
            .collect();
        affected.sort_unstable();
        for user in affected {
            self.change(&user, |bindings| bindings.retain(|binding| binding.flow != *flow));
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let every = self.ask_every;
        while let Some((at, user)) = self.deadlines.first().cloned()
            && at <= now
        {
            let mut asked = Vec::new();
            self.change(&user, |bindings| {
                bindings.retain(|binding| binding.expires_at > now);
                for binding in bindings {
                    if binding.handle_timeout(every, now) == Due::Ask {
                        asked.push(binding.id);
                    }
                }
            });
            let ask = |binding| Output::Ask { user: user.clone(), binding };
            self.outputs.extend(asked.into_iter().map(ask));
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn change_one(&mut self, user: &str, id: BindingId, step: impl FnOnce(&mut Binding)) {
        self.change(user, |bindings| {
            if let Some(binding) = bindings.iter_mut().find(|binding| binding.id == id) {
                step(binding);
            }
        });
    }

    /// Changes the bindings of `user`, keeps the deadlines right and tells of the first and the last that is there.
    fn change(&mut self, user: &str, step: impl FnOnce(&mut Vec<Binding>)) {
        let mut bindings = self.users.remove(user).unwrap_or_default();
        let is_reachable = |bindings: &[Binding]| bindings.iter().any(Binding::is_reachable);
        let was_reachable = is_reachable(&bindings);
        if let Some(at) = earliest_deadline(&bindings) {
            self.deadlines.remove(&(at, user.to_owned()));
        }
        step(&mut bindings);
        if let Some(at) = earliest_deadline(&bindings) {
            self.deadlines.insert((at, user.to_owned()));
        }
        match (was_reachable, is_reachable(&bindings)) {
            (false, true) => self.outputs.push_back(Output::Registered { user: user.to_owned() }),
            (true, false) => self.outputs.push_back(Output::Unregistered { user: user.to_owned() }),
            _ => {}
        }
        if !bindings.is_empty() {
            self.users.insert(user.to_owned(), bindings);
        }
    }

    /// True when a binding to be changed was made by the same phone (Call-ID) with this or a later CSeq.
    fn is_out_of_order(&self, user: &str, request: &Request, wish: &Wish) -> bool {
        let Some(bindings) = self.users.get(user) else { return false };
        bindings.iter().any(|binding| {
            let concerned = match wish {
                Wish::Query => false,
                Wish::RemoveAll => true,
                Wish::Bind(contacts) => contacts.iter().any(|wanted| binding.is_of(wanted)),
            };
            concerned && binding.call_id == request.call_id && binding.seq >= request.cseq.seq
        })
    }

    fn success(&self, user: &str, request: &Request, to_tag: &str, now: Instant) -> Response {
        let mut response = request.response(StatusCode::OK, to_tag);
        for path in request.headers.all("Path") {
            response.headers.push("Path", path);
        }
        let bindings = self.bindings(user);
        let is_flow = |binding: &&Binding| binding.call_id == request.call_id && binding.outbound.is_some();
        if supports(request, "outbound") && bindings.iter().any(is_flow) {
            response.headers.push("Require", "outbound");
        }
        for binding in bindings {
            response.headers.push("Contact", binding.listed(now).to_string());
        }
        response
    }
}

/// Takes out what `wanted` replaces; the name of the new binding, or none when it is only to go.
fn make_room(bindings: &mut Vec<Binding>, wanted: &Wanted, last_id: &mut u64) -> Option<BindingId> {
    let known = bindings.iter().find(|binding| binding.is_of(wanted)).map(|binding| binding.id);
    bindings.retain(|binding| !binding.is_of(wanted));
    if wanted.expires.is_zero() {
        return None;
    }
    if bindings.len() == MAX_BINDINGS_PER_USER {
        bindings.remove(0);
    }
    Some(known.unwrap_or_else(|| {
        *last_id += 1;
        BindingId(*last_id)
    }))
}

fn earliest_deadline(bindings: &[Binding]) -> Option<Instant> {
    bindings.iter().map(Binding::deadline).min()
}
