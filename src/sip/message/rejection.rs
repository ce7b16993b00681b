//! The stateless answer to a request that could not be read (RFC 3261 8.2.7, 16.3): as much of its identity as
//! was readable, so that the client can match it by branch and CSeq method.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::head::Head;
use super::parse::{self, Malformed};
use super::{CSeq, Headers, Host, Method, NameAddr, Response, StatusCode, Uri, Via, grammar};

/// The answer to the request `head` begins; none for responses, for ACK, and when the top Via is unreadable
/// or the message has been round too many of them.
pub(super) fn answer(head: &Head, cause: &Malformed) -> Option<Box<Response>> {
    let method = head.start.split(' ').next().filter(|method| grammar::is_token(method))?;
    if head.is_response() || method == "ACK" {
        return None;
    }
    let mut lines = head.headers.all("Via").map(Via::parse_leading);
    let mut via = lines.next().filter(|top| !top.is_empty())?;
    via.extend(lines.flatten());
    if via.len() > parse::MAX_VIAS {
        return None;
    }

    let status = match cause {
        cause if *cause == parse::VERSION => StatusCode::VERSION_NOT_SUPPORTED,
        cause if *cause == parse::SIZE => StatusCode::MESSAGE_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    let cseq = head.headers.first("CSeq").and_then(|value| CSeq::parse(value).ok());
    let call_id = head.headers.first("Call-ID").unwrap_or_default().to_owned();
    let mut to = address(head, "To");
    if to.tag().is_none() {
        to.set_tag(&tag(&call_id, &via));
    }
    Some(Box::new(Response {
        status,
        reason: format!("{} ({})", status.default_reason(), cause.what),
        from: address(head, "From"),
        to,
        cseq: cseq.unwrap_or_else(|| CSeq { seq: 0, method: Method::from_token(method) }),
        call_id,
        via,
        headers: Headers::default(),
        body: Vec::new(),
    }))
}

/// What stands for an unreadable From or To is an address nobody can have (RFC 2606 2).
fn address(head: &Head, name: &str) -> NameAddr {
    let read = head.headers.first(name).and_then(|value| NameAddr::parse(value).ok());
    read.unwrap_or_else(|| NameAddr::new(Uri::sip(None, Host::Name("unreadable.invalid".to_owned()), None)))
}

/// The same request always hears the same tag, without anything being remembered (RFC 3261 8.2.7).
fn tag(call_id: &str, via: &[Via]) -> String {
    let mut hasher = DefaultHasher::new();
    call_id.hash(&mut hasher);
    via.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
