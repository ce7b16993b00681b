//! The registrar (RFC 3261 10.3): bindings of operators' phones, with expiry.
//!
//! Users are authenticated and authorised before they come here, so the table is bounded by the accounts
//! times [`MAX_BINDINGS_PER_USER`].

mod contacts;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use self::contacts::{Wish, same_address, wish};
use super::message::{Flow, NameAddr, Request, Response, StatusCode, Uri};

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
/// Longest User-Agent text kept, in bytes.
const MAX_USER_AGENT_LEN: usize = 128;

#[derive(Clone, Debug)]
pub struct Binding {
    pub contact: Uri,
    /// Where the REGISTER came from: INVITEs go there (symmetric signalling).
    pub flow: Flow,
    pub call_id: String,
    pub seq: u32,
    pub expires_at: Instant,
    pub user_agent: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// The first binding of `user` appeared.
    Registered { user: String },
    /// The last binding of `user` expired or was removed.
    Unregistered { user: String },
}

#[derive(Default, Debug)]
pub struct Registrar {
    /// Bindings of each user who has one, the latest refreshed last.
    users: HashMap<String, Vec<Binding>>,
    /// The earliest expiry of each user.
    deadlines: BTreeSet<(Instant, String)>,
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
        let wish = match wish(request) {
            Ok(wish) => wish,
            Err(reason) => return request.response(StatusCode::BAD_REQUEST, to_tag).with_reason(reason),
        };
        if let Wish::Bind(contacts) = &wish
            && contacts.iter().any(|(_, expires)| !expires.is_zero() && *expires < MIN_EXPIRES)
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
        self.change(user, |bindings| match wish {
            Wish::Query => {}
            Wish::RemoveAll => bindings.clear(),
            Wish::Bind(contacts) => {
                for (contact, expires) in contacts {
                    bind(bindings, contact, expires, request, flow, now);
                }
            }
        });
        self.success(user, request, to_tag, now)
    }

    /// Live bindings of `user`, latest first.
    pub fn bindings(&self, user: &str) -> Vec<&Binding> {
        self.users.get(user).map(|bindings| bindings.iter().rev().collect()).unwrap_or_default()
    }

    /// Drops every binding that goes over a flow that broke (TCP connection closed).
    pub fn handle_flow_closed(&mut self, flow: &Flow) {
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
        while let Some((at, user)) = self.deadlines.first().cloned()
            && at <= now
        {
            self.change(&user, |bindings| bindings.retain(|binding| binding.expires_at > now));
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Changes the bindings of `user`, keeps the deadlines right and tells of the first and the last.
    fn change(&mut self, user: &str, step: impl FnOnce(&mut Vec<Binding>)) {
        let mut bindings = self.users.remove(user).unwrap_or_default();
        let was_registered = !bindings.is_empty();
        if let Some(at) = earliest_expiry(&bindings) {
            self.deadlines.remove(&(at, user.to_owned()));
        }
        step(&mut bindings);
        if let Some(at) = earliest_expiry(&bindings) {
            self.deadlines.insert((at, user.to_owned()));
        }
        match (was_registered, !bindings.is_empty()) {
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
                Wish::Bind(contacts) => {
                    contacts.iter().any(|(contact, _)| same_address(contact, &binding.contact))
                }
            };
            concerned && binding.call_id == request.call_id && binding.seq >= request.cseq.seq
        })
    }

    fn success(&self, user: &str, request: &Request, to_tag: &str, now: Instant) -> Response {
        let mut response = request.response(StatusCode::OK, to_tag);
        for binding in self.bindings(user) {
            let mut contact = NameAddr::new(binding.contact.clone());
            let left = binding.expires_at.saturating_duration_since(now);
            contact.params.set("expires", Some(left.as_secs().to_string()));
            response.headers.push("Contact", contact.to_string());
        }
        response
    }
}

/// Adds, refreshes or (`expires` zero) removes one contact.
fn bind(
    bindings: &mut Vec<Binding>,
    contact: Uri,
    expires: Duration,
    request: &Request,
    flow: Flow,
    now: Instant,
) {
    bindings.retain(|binding| !same_address(&binding.contact, &contact));
    if expires.is_zero() {
        return;
    }
    if bindings.len() == MAX_BINDINGS_PER_USER {
        bindings.remove(0);
    }
    bindings.push(Binding {
        contact,
        flow,
        call_id: request.call_id.clone(),
        seq: request.cseq.seq,
        expires_at: now + expires.min(MAX_EXPIRES),
        user_agent: user_agent(request),
    });
}

fn earliest_expiry(bindings: &[Binding]) -> Option<Instant> {
    bindings.iter().map(|binding| binding.expires_at).min()
}

fn user_agent(request: &Request) -> String {
    let text = request.headers.first("User-Agent").unwrap_or_default();
    text[..text.floor_char_boundary(MAX_USER_AGENT_LEN)].to_owned()
}
