//! The registrar (RFC 3261 10.3): bindings of operators' phones, with expiry.

use std::time::{Duration, Instant};

use super::message::{Flow, Request, Response, Uri};

/// Shortest accepted registration; shorter ones are refused 423 with Min-Expires.
pub const MIN_EXPIRES: Duration = Duration::from_secs(30);
/// Longest granted registration; longer wishes are shortened.
pub const MAX_EXPIRES: Duration = Duration::from_secs(3600);
/// Granted when the phone asks for nothing (RFC 3261 10.2.1.1 suggests an hour; a lost phone should vanish sooner).
pub const DEFAULT_EXPIRES: Duration = Duration::from_secs(300);
/// Most contacts of one address of record.
pub const MAX_BINDINGS_PER_USER: usize = 8;

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
pub struct Registrar {}

impl Registrar {
    /// Applies an authenticated REGISTER for `user` and makes the whole answer: 200 with every current
    /// Contact and its `expires`, 400, 423, or 500 for a CSeq out of order.
    pub fn register(
        &mut self,
        _user: &str,
        _request: &Request,
        _flow: Flow,
        _to_tag: &str,
        _now: Instant,
    ) -> Response {
        todo!()
    }

    /// Live bindings of `user`, latest first.
    pub fn bindings(&self, _user: &str) -> Vec<&Binding> {
        todo!()
    }

    /// Drops every binding that goes over a flow that broke (TCP connection closed).
    pub fn handle_flow_closed(&mut self, _flow: &Flow) {
        todo!()
    }

    pub fn handle_timeout(&mut self, _now: Instant) {
        todo!()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        todo!()
    }
}
