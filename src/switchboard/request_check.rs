//! What every request from outside a call must satisfy before anybody looks at what it wants (RFC 3261 8.2).
//! Who sends it, and what it is for, is `admission.rs`'s; bodies are checked by the leg that reads them.

use crate::call::refusal::{Refusal, unsupported};
use crate::sip::message::{Method, Request, Scheme};

pub(super) fn check(request: &Request) -> Result<(), Refusal> {
    if request.max_forwards == 0 && request.method != Method::Options {
        return Err(Refusal::TooManyHops);
    }
    if matches!(request.uri.scheme, Scheme::Other(_)) {
        return Err(Refusal::UnknownScheme);
    }
    // What a REGISTER may require is the registrar's to know.
    if request.method != Method::Register {
        check_extensions(request)?;
    }
    if request.method == Method::Invite && !accepts_sdp(request) {
        return Err(Refusal::NotAcceptable);
    }
    Ok(())
}

/// Also for requests within a dialog (RFC 3261 8.2.2.3).
pub(super) fn check_extensions(request: &Request) -> Result<(), Refusal> {
    if unsupported(request).next().is_some() { Err(Refusal::ExtensionRequired) } else { Ok(()) }
}

/// No Accept in an INVITE means SDP (RFC 3261 20.1). An empty one means that no body is acceptable.
fn accepts_sdp(request: &Request) -> bool {
    if request.headers.first("Accept").is_none() {
        return true;
    }
    request.headers.tokens("Accept").any(|range| {
        let range = range.split(';').next().unwrap_or_default().trim();
        ["application/sdp", "application/*", "*/*"].iter().any(|known| range.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::sip::message::{Message, parse_datagram};

    fn verdict(method: &str, more: &str) -> Result<(), Refusal> {
        let text = format!(
            "{method} sip:1580@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:x@y>;tag=1\r\n\
             To: <sip:1580@b>\r\nCall-ID: c\r\nCSeq: 7 {method}\r\n{more}\r\n"
        );
        match parse_datagram(text.as_bytes()).unwrap() {
            Message::Request(request) => check(&request),
            Message::Response(_) => unreachable!("a request was written"),
        }
    }

    #[test]
    fn what_we_have_may_be_required_and_nothing_else() {
        assert_eq!(verdict("INVITE", "Require: 100rel, Timer\r\n"), Ok(()));
        let refused = Err(Refusal::ExtensionRequired);
        assert_eq!(verdict("INVITE", "Require: 100rel, teleport\r\n"), refused);
        assert_eq!(verdict("INVITE", "Proxy-Require: teleport\r\n"), refused);
        assert_eq!(verdict("INVITE", "Supported: teleport\r\n"), Ok(()));
    }

    #[test]
    fn a_caller_who_cannot_take_sdp_cannot_be_answered() {
        for takes in ["", "Accept: application/sdp\r\n", "Accept: text/html, Application/*;q=0.1\r\n"] {
            assert_eq!(verdict("INVITE", takes), Ok(()), "{takes}");
        }
        for takes_not in ["Accept: text/html\r\n", "Accept:\r\n"] {
            assert_eq!(verdict("INVITE", takes_not), Err(Refusal::NotAcceptable), "{takes_not}");
            assert_eq!(verdict("OPTIONS", takes_not), Ok(()), "our answer has no body");
        }
    }

    #[test]
    fn hops_run_out_for_everything_but_a_trace_of_the_route() {
        assert_eq!(verdict("INVITE", "Max-Forwards: 0\r\n"), Err(Refusal::TooManyHops));
        assert_eq!(verdict("INVITE", "Max-Forwards: 1\r\n"), Ok(()));
        assert_eq!(verdict("OPTIONS", "Max-Forwards: 0\r\n"), Ok(()));
    }
}
