//! What a REGISTER asks for: its Contact and Expires headers (RFC 3261 10.2, 10.3), and when two contacts
//! are the same (19.1.4).

use std::time::Duration;

use super::{DEFAULT_EXPIRES, MAX_BINDINGS_PER_USER};
use crate::sip::message::{NameAddr, Request, Scheme, Uri};

/// What a REGISTER asks for.
#[derive(Debug)]
pub(super) enum Wish {
    /// No Contact: which bindings are there?
    Query,
    /// `Contact: *` with `Expires: 0`.
    RemoveAll,
    /// Each contact with the time asked for; zero removes it.
    Bind(Vec<(Uri, Duration)>),
}

/// Parameters that make another address when only one side has them (RFC 3261 19.1.4).
const DISTINGUISHING: [&str; 5] = ["transport", "user", "ttl", "method", "maddr"];

/// The error is the reason phrase of a 400.
pub(super) fn wish(request: &Request) -> Result<Wish, &'static str> {
    let lines: Vec<&str> = request.headers.all("Contact").collect();
    let all_expire = request.headers.first("Expires").and_then(seconds);
    if lines.iter().any(|line| line.trim() == "*") {
        // Only alone and only with Expires: 0 (RFC 3261 10.2.2).
        return match (lines.len(), all_expire) {
            (1, Some(Duration::ZERO)) => Ok(Wish::RemoveAll),
            _ => Err("Wildcard Contact needs Expires 0"),
        };
    }
    let mut contacts = Vec::new();
    for line in lines {
        for contact in NameAddr::parse_list(line).map_err(|_| "Bad Contact")? {
            if !matches!(contact.uri.scheme, Scheme::Sip | Scheme::Sips) {
                return Err("Contact is no SIP URI");
            }
            let own = contact.params.find("expires").and_then(seconds);
            contacts.push((contact.uri, own.or(all_expire).unwrap_or(DEFAULT_EXPIRES)));
        }
    }
    match contacts.len() {
        0 => Ok(Wish::Query),
        1..=MAX_BINDINGS_PER_USER => Ok(Wish::Bind(contacts)),
        _ => Err("Too many Contacts"),
    }
}

/// Delta-seconds; what cannot be read counts as not said (RFC 3261 20.19), what is too large as the largest.
fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(u64::from(text.parse().unwrap_or(u32::MAX))))
}

/// URI equality of RFC 3261 19.1.4, without header parts: contacts have none worth comparing.
pub(super) fn same_address(a: &Uri, b: &Uri) -> bool {
    let differs = |name: &str| match (a.params.find(name), b.params.find(name)) {
        (Some(one), Some(other)) => !one.eq_ignore_ascii_case(other),
        (None, None) => false,
        _ => DISTINGUISHING.iter().any(|known| known.eq_ignore_ascii_case(name)),
    };
    a.scheme == b.scheme
        && a.user == b.user
        && a.password == b.password
        && a.host == b.host
        && a.port == b.port
        && !a.params.0.iter().chain(&b.params.0).any(|(name, _)| differs(name))
}
