//! What a REGISTER asks for: its Contact and Expires headers (RFC 3261 10.2, 10.3), its Path and its flow (RFC 3327,
//! RFC 5626); and when two contacts are the same (RFC 3261 19.1.4).

use std::time::Duration;

use super::binding::Outbound;
use super::{DEFAULT_EXPIRES, MAX_BINDINGS_PER_USER};
use crate::sip::message::{NameAddr, Request, Response, Scheme, StatusCode, Uri};

/// What a REGISTER asks for.
#[derive(Debug)]
pub(super) enum Wish {
    /// No Contact: which bindings are there?
    Query,
    /// `Contact: *` with `Expires: 0`.
    RemoveAll,
    Bind(Vec<Wanted>),
}

/// One contact as it is wanted.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub contact: Uri,
    /// Zero removes it.
    pub expires: Duration,
    /// `q` in thousandths.
    pub priority: u16,
    pub outbound: Option<Outbound>,
}

/// Why a REGISTER cannot be done, as its answer says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// 400 with this reason.
    Malformed(&'static str),
    /// 420: a proxy put itself into Path and the phone does not know (RFC 3327 5.3), or an extension we lack is
    /// required.
    Extension,
    /// 439: outbound is wanted, but the proxy between us does not do it (RFC 5626 6).
    FirstHop,
}

/// Extensions a REGISTER may require.
const EXTENSIONS: [&str; 2] = ["path", "outbound"];
/// Proxies between a phone and us; more are a loop.
const MAX_PATH: usize = 8;
/// `q` of a contact without one (RFC 3261 20.10 names no default; everybody takes the highest).
const DEFAULT_PRIORITY: u16 = 1000;
/// Parameters that make another address when only one side has them (RFC 3261 19.1.4).
const DISTINGUISHING: [&str; 5] = ["transport", "user", "ttl", "method", "maddr"];

impl Fault {
    pub(super) fn response(self, request: &Request, to_tag: &str) -> Response {
        match self {
            Self::Malformed(reason) => request.response(StatusCode::BAD_REQUEST, to_tag).with_reason(reason),
            Self::Extension => {
                let unknown: Vec<&str> =
                    request.headers.tokens("Require").filter(|token| !EXTENSIONS.contains(token)).collect();
                let unsupported = if unknown.is_empty() { "path".to_owned() } else { unknown.join(", ") };
                request.response(StatusCode::BAD_EXTENSION, to_tag).with_header("Unsupported", unsupported)
            }
            Self::FirstHop => {
                request.response(StatusCode(439), to_tag).with_reason("First Hop Lacks Outbound Support")
            }
        }
    }
}

pub(super) fn wish(request: &Request) -> Result<Wish, Fault> {
    let lines: Vec<&str> = request.headers.all("Contact").collect();
    let all_expire = request.headers.first("Expires").and_then(seconds);
    if lines.iter().any(|line| line.trim() == "*") {
        // Only alone and only with Expires: 0 (RFC 3261 10.2.2).
        return match (lines.len(), all_expire) {
            (1, Some(Duration::ZERO)) => Ok(Wish::RemoveAll),
            _ => Err(Fault::Malformed("Wildcard Contact needs Expires 0")),
        };
    }
    let takes_flows = takes_flows(request);
    let mut contacts = Vec::new();
    for line in lines {
        for contact in NameAddr::parse_list(line).map_err(|_| Fault::Malformed("Bad Contact"))? {
            if !matches!(contact.uri.scheme, Scheme::Sip | Scheme::Sips) {
                return Err(Fault::Malformed("Contact is no SIP URI"));
            }
            let own = contact.params.find("expires").and_then(seconds);
            let outbound = outbound(&contact);
            if outbound.is_some() && !takes_flows && supports(request, "outbound") {
                return Err(Fault::FirstHop);
            }
            contacts.push(Wanted {
                expires: own.or(all_expire).unwrap_or(DEFAULT_EXPIRES),
                priority: contact.params.find("q").map_or(DEFAULT_PRIORITY, thousandths),
                outbound: outbound.filter(|_| takes_flows),
                contact: contact.uri,
            });
        }
    }
    // One flow is one phone on one connection (RFC 5626 6).
    let kept = contacts.iter().filter(|wanted| !wanted.expires.is_zero());
    if kept.count() > 1 && contacts.iter().any(|wanted| wanted.outbound.is_some()) {
        return Err(Fault::Malformed("One Contact for each flow"));
    }
    match contacts.len() {
        0 => Ok(Wish::Query),
        1..=MAX_BINDINGS_PER_USER => Ok(Wish::Bind(contacts)),
        _ => Err(Fault::Malformed("Too many Contacts")),
    }
}

/// The proxies on the way to the phone. One that the phone does not know of is refused, as RFC 3327 5.3 recommends:
/// it might have been put there to listen.
pub(super) fn path(request: &Request) -> Result<Vec<NameAddr>, Fault> {
    if request.headers.tokens("Require").any(|token| !EXTENSIONS.contains(&token)) {
        return Err(Fault::Extension);
    }
    let path = request.headers.addresses("Path").map_err(|_| Fault::Malformed("Bad Path"))?;
    if path.len() > MAX_PATH {
        return Err(Fault::Malformed("Path too long"));
    }
    if path.is_empty() || supports(request, "path") { Ok(path) } else { Err(Fault::Extension) }
}

pub(super) fn supports(request: &Request, extension: &str) -> bool {
    let mut said = ["Supported", "Require"].into_iter().flat_map(|name| request.headers.tokens(name));
    said.any(|token| token.eq_ignore_ascii_case(extension))
}

/// A connection can be told from another when it ends at us, or at a proxy that keeps it (`ob` in its Path).
fn takes_flows(request: &Request) -> bool {
    let path = request.headers.addresses("Path").unwrap_or_default();
    request.via.len() <= 1 || path.iter().any(|hop| hop.uri.params.contains("ob"))
}

/// `reg-id` means nothing without an instance (RFC 5626 6).
fn outbound(contact: &NameAddr) -> Option<Outbound> {
    let instance = contact.params.find("+sip.instance").filter(|instance| !instance.is_empty())?;
    let reg_id = contact.params.find("reg-id")?.parse().ok().filter(|reg_id| *reg_id > 0)?;
    Some(Outbound { instance: instance.to_owned(), reg_id })
}

/// `q` from 0 to 1 with up to three decimals; what cannot be read is the lowest.
fn thousandths(text: &str) -> u16 {
    let (whole, decimals) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) || decimals.len() > 3 {
        return 0;
    }
    match whole {
        "1" => 1000,
        "0" => format!("{decimals:0<3}").parse().unwrap_or(0),
        _ => 0,
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
