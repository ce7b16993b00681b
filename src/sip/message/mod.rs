//! SIP messages: bytes <-> types, total and without a clock (RFC 3261 7, 20, 25).
//!
//! The six headers every machine needs are typed fields and therefore always present and valid;
//! all others stay in [`Headers`] as they came, in order.

pub mod address;
pub mod cseq;
pub mod framing;
mod grammar;
mod head;
pub mod headers;
pub mod mask;
pub mod method;
pub mod multipart;
#[cfg(test)]
mod mutation;
pub mod parse;
pub mod print;
pub mod rack;
mod rejection;
#[cfg(test)]
mod rfc4475;
#[cfg(test)]
pub mod sample;
pub mod status;
#[cfg(test)]
mod torture;
pub mod uri;
pub mod via;

pub use address::NameAddr;
pub use cseq::CSeq;
pub use headers::Headers;
pub use method::Method;
pub use parse::{ParseError, parse_datagram};
pub use status::StatusCode;
pub use uri::{Host, Params, Scheme, Uri};
pub use via::{Transport, Via};

use std::net::SocketAddr;

/// The largest message taken from the network, in bytes; longer ones are answered 513 or dropped.
pub const MAX_MESSAGE_LEN: usize = 65_535;

/// A transport path: where a message came from, and so where its answer goes (RFC 3581, RFC 5923).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    pub transport: Transport,
    pub local: SocketAddr,
    pub remote: SocketAddr,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    Request(Request),
    Response(Response),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    pub method: Method,
    pub uri: Uri,
    /// Topmost first; never empty in a received request.
    pub via: Vec<Via>,
    pub from: NameAddr,
    pub to: NameAddr,
    pub call_id: String,
    pub cseq: CSeq,
    /// 70 when the header is absent (RFC 3261 8.1.1.6 demands it, old peers forget it).
    pub max_forwards: u8,
    /// All headers that have no field of their own, in order.
    pub headers: Headers,
    pub body: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    pub status: StatusCode,
    pub reason: String,
    pub via: Vec<Via>,
    pub from: NameAddr,
    pub to: NameAddr,
    pub call_id: String,
    pub cseq: CSeq,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Request {
    /// A response to this request (RFC 3261 8.2.6): Via, From, To, Call-ID, CSeq and Record-Route
    /// copied; `to_tag` added to To unless it has one or `status` is 100.
    pub fn response(&self, status: StatusCode, to_tag: &str) -> Response {
        let mut to = self.to.clone();
        if to.tag().is_none() && status != StatusCode::TRYING {
            to.set_tag(to_tag);
        }
        let mut headers = Headers::default();
        for route in self.headers.all("Record-Route") {
            headers.push("Record-Route", route);
        }
        Response {
            status,
            reason: status.default_reason().to_owned(),
            via: self.via.clone(),
            from: self.from.clone(),
            to,
            call_id: self.call_id.clone(),
            cseq: self.cseq.clone(),
            headers,
            body: Vec::new(),
        }
    }
}

impl Response {
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Sets the body and its Content-Type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.headers.push("Content-Type", content_type);
        self.body = body;
        self
    }

    /// Replaces the reason phrase by one that tells a person what happened.
    #[must_use]
    pub fn with_reason(mut self, reason: &str) -> Self {
        reason.clone_into(&mut self.reason);
        self
    }
}
