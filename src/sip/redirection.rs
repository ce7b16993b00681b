//! Where a call goes on after a 3xx (RFC 3261 8.1.3.4, 19.1.4): every target once, the most wanted first.
//!
//! Whether a redirection is followed at all, and over which transport path, is decided above.

use std::cmp::Reverse;

use super::message::{NameAddr, Response, Scheme, Uri};

/// Targets one call ever tries. A phone forwarded to a phone that is forwarded is three; what is longer goes
/// round in circles or wanders off.
pub const MAX_TARGETS: usize = 5;

#[derive(Debug)]
pub struct Targets {
    /// Tried or waiting to be; never asked twice.
    known: Vec<Uri>,
    /// Most wanted last.
    waiting: Vec<Uri>,
}

impl Targets {
    /// `first` is the one that is being tried.
    pub fn new(first: Uri) -> Self {
        Self { known: vec![first], waiting: Vec::new() }
    }

    /// Takes the Contacts of 300, 301 and 302: they go before what is still waiting, by their `q`. 305 and 380
    /// are not followed: the one lets a peer put a proxy in our way, the other wants another kind of session.
    pub fn redirect(&mut self, response: &Response) {
        if !matches!(response.status.0, 300..=302) {
            return;
        }
        let mut contacts = response.headers.addresses("Contact").unwrap_or_default();
        contacts.sort_by_key(|contact| Reverse(thousandths(contact)));
        let room = MAX_TARGETS.saturating_sub(self.known.len());
        let mut fresh = Vec::new();
        for uri in contacts.into_iter().map(|contact| in_request_line(contact.uri)) {
            let new = !self.known.iter().chain(&fresh).any(|known| same(known, &uri));
            if new && fresh.len() < room && matches!(uri.scheme, Scheme::Sip) {
                fresh.push(uri);
            }
        }
        self.known.extend(fresh.iter().cloned());
        self.waiting.extend(fresh.into_iter().rev());
    }

    /// The next one to try.
    pub fn next_target(&mut self) -> Option<Uri> {
        self.waiting.pop()
    }
}

/// `q` in thousandths, which is all its grammar can say (RFC 3261 25.1); 1 when it is absent or unreadable.
fn thousandths(contact: &NameAddr) -> u16 {
    let Some((whole, part)) = contact.params.find("q").map(|q| q.split_once('.').unwrap_or((q, ""))) else {
        return 1_000;
    };
    let digits: String = part.chars().chain("000".chars()).take(3).collect();
    match (whole, digits.parse()) {
        ("0" | "", Ok(part)) => part,
        _ => 1_000,
    }
}

/// Equal as far as a loop is concerned: user, host and port (RFC 3261 19.1.4).
fn same(a: &Uri, b: &Uri) -> bool {
    (&a.user, &a.host, a.port) == (&b.user, &b.host, b.port)
}

/// A Request-URI has no header part (RFC 3261 19.1.1): headers a peer asks us to send are not sent.
fn in_request_line(mut uri: Uri) -> Uri {
    uri.uri_headers = None;
    uri.params.0.retain(|(name, _)| !name.eq_ignore_ascii_case("method"));
    uri
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::sip::message::{Message, parse_datagram};

    fn response(status: u16, contacts: &str) -> Response {
        let text = format!(
            "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:x@y>;tag=1\r\n\
             To: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\nContact: {contacts}\r\n\r\n"
        );
        match parse_datagram(text.as_bytes()).unwrap() {
            Message::Response(response) => response,
            Message::Request(_) => unreachable!("a response was written"),
        }
    }

    fn targets() -> Targets {
        Targets::new(Uri::parse("sip:first@h").unwrap())
    }

    fn rest(targets: &mut Targets) -> Vec<String> {
        std::iter::from_fn(|| targets.next_target()).map(|uri| uri.to_string()).collect()
    }

    #[test]
    fn the_most_wanted_is_tried_first() {
        let mut targets = targets();
        targets.redirect(&response(302, "<sip:c@h>;q=0.25, <sip:a@h>, <sip:b@h>;q=0.7, <sip:d@h>;q=0"));
        assert_eq!(rest(&mut targets), ["sip:a@h", "sip:b@h", "sip:c@h", "sip:d@h"]);
    }

    #[test]
    fn a_redirection_of_a_redirection_goes_before_what_waits() {
        let mut targets = targets();
        targets.redirect(&response(300, "<sip:a@h>;q=0.9, <sip:b@h>;q=0.1"));
        assert_eq!(targets.next_target().unwrap().to_string(), "sip:a@h");
        targets.redirect(&response(301, "<sip:c@h>;q=0.05"));
        assert_eq!(rest(&mut targets), ["sip:c@h", "sip:b@h"]);
    }

    #[test]
    fn nobody_is_asked_twice_and_the_list_has_an_end() {
        let mut targets = targets();
        targets.redirect(&response(302, "<sip:first@h;x=1>, <sip:a@h>, <sip:a@h>;q=0.1"));
        assert_eq!(rest(&mut targets), ["sip:a@h"]);
        for hop in 0..20 {
            targets.redirect(&response(302, &format!("<sip:hop{hop}@h>, <sip:first@h>")));
        }
        assert_eq!(rest(&mut targets).len() + 2, MAX_TARGETS);
    }

    #[test]
    fn proxies_services_and_other_schemes_are_not_followed() {
        for (status, contacts) in [
            (305, "<sip:proxy@h>"),
            (380, "<sip:service@h>"),
            (302, "<mailto:a@h>, <tel:+380>, <sips:a@h>"),
            (302, "<sip:broken"),
        ] {
            let mut targets = targets();
            targets.redirect(&response(status, contacts));
            assert_eq!(rest(&mut targets), [""; 0], "{status} {contacts}");
        }
        let mut targets = targets();
        targets.redirect(&response(302, "<sip:a@h;method=BYE?Route=%3Csip:evil%3E>"));
        assert_eq!(rest(&mut targets), ["sip:a@h"]);
    }
}
