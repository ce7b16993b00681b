//! Which servers a SIP URI means, and in which order they are tried (RFC 3263 4, RFC 2782): what to ask of DNS, and
//! what its answers say. Pure; the questions are asked by `resolver/`, the servers used by registration, probes and
//! calls.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::message::{Flow, Host, Scheme, Transport, Uri};
use crate::ids::Mint;

/// Servers tried for one URI at most; a provider has a handful, and each one that is dead costs the caller seconds.
pub const MAX_SERVERS: usize = 16;

/// One server of a provider: what it is called, and the way to it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Server {
    /// The URI it was found by, without user.
    pub uri: Uri,
    pub flow: Flow,
}

/// Where a URI leads, first choice first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Located {
    pub flows: Vec<Flow>,
    /// How long this may be believed.
    pub valid_for: Duration,
}

/// What has to be asked for a URI (RFC 3263 4.1, 4.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// Nothing: the URI says it all.
    Nothing { transport: Transport, address: SocketAddr },
    /// Addresses of this host alone.
    Addresses { transport: Transport, host: String, port: u16 },
    /// SRV records of these services, in this order; [`Self::Addresses`] of `or_else` when there are none.
    Services { services: Vec<Service>, or_else: Fallback },
    /// NAPTR records of this domain, read by [`chosen_services`]; `or_else` when there are none.
    Naptr { domain: String, services: Vec<Service>, or_else: Fallback },
}

/// An SRV name and the transport it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    pub name: String,
    pub transport: Transport,
}

/// The host itself, at its default port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fallback {
    pub host: String,
    pub port: u16,
    pub transport: Transport,
}

/// A NAPTR record (RFC 3403 4.1), as far as SIP reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Naptr {
    pub order: u16,
    pub preference: u16,
    pub flags: String,
    pub service: String,
    pub replacement: String,
}

/// An SRV record (RFC 2782).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Srv {
    pub priority: u16,
    pub weight: u16,
    pub port: u16,
    pub target: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LocationError {
    #[error("the URI names a transport that is not spoken here")]
    Transport,
    #[error("only sip and sips URIs name servers")]
    Scheme,
}

/// What to ask for `uri`; `available` are the transports we have, best first.
pub fn question(uri: &Uri, available: &[Transport]) -> Result<Question, LocationError> {
    let secure = match uri.scheme {
        Scheme::Sip => false,
        Scheme::Sips => true,
        Scheme::Tel | Scheme::Other(_) => return Err(LocationError::Scheme),
    };
    let named = uri.params.find("transport").map(|name| transport_named(name, secure)).transpose()?;
    let plain = named.unwrap_or(if secure { Transport::Tls } else { Transport::Udp });
    let port = uri.port.unwrap_or(default_port(plain));
    let may =
        |transport: Transport| available.contains(&transport) && (!secure || transport == Transport::Tls);
    let host = match &uri.host {
        Host::Ip(ip) if may(plain) => {
            return Ok(Question::Nothing { transport: plain, address: SocketAddr::new(*ip, port) });
        }
        Host::Name(name) if uri.port.is_some() && may(plain) => {
            return Ok(Question::Addresses { transport: plain, host: name.clone(), port });
        }
        Host::Name(name) if uri.port.is_none() => name.clone(),
        _ => return Err(LocationError::Transport),
    };
    let services: Vec<Service> = available
        .iter()
        .filter(|transport| may(**transport) && named.is_none_or(|named| named == **transport))
        .filter_map(|transport| Some(Service { name: srv_name(*transport, &host)?, transport: *transport }))
        .collect();
    if services.is_empty() {
        return Err(LocationError::Transport);
    }
    let transport = if may(plain) { plain } else { services[0].transport };
    let or_else = Fallback { host: host.clone(), port: default_port(transport), transport };
    Ok(match named {
        Some(_) => Question::Services { services, or_else },
        None => Question::Naptr { domain: host, services, or_else },
    })
}

/// The services NAPTR records offer over `available` transports, by order and preference. None of ours: empty, and
/// SRV is asked without them (RFC 3263 4.1).
pub fn chosen_services(mut records: Vec<Naptr>, wanted: &[Service]) -> Vec<Service> {
    records.sort_by_key(|record| (record.order, record.preference));
    let mut chosen: Vec<Service> = Vec::new();
    for record in records {
        let transport = match record.service.to_ascii_uppercase().as_str() {
            "SIP+D2U" => Transport::Udp,
            "SIP+D2T" => Transport::Tcp,
            "SIPS+D2T" => Transport::Tls,
            _ => continue,
        };
        let usable = record.flags.eq_ignore_ascii_case("s")
            && wanted.iter().any(|service| service.transport == transport)
            && chosen.len() < MAX_SERVERS;
        if usable {
            chosen.push(Service { name: record.replacement, transport });
        }
    }
    chosen
}

/// The order in which SRV targets are tried: by priority, and among equals by lot, weighted (RFC 2782 "Weight").
/// A lone target `.` means that the service is not there.
pub fn in_order(mut records: Vec<Srv>, mint: &mut Mint) -> Vec<Srv> {
    records.retain(|record| !record.target.trim_end_matches('.').is_empty());
    // Weight 0 stands first in its priority, so that it is chosen only when the lot is 0.
    records.sort_by_key(|record| (record.priority, record.weight != 0));
    let mut ordered = Vec::new();
    while let Some(first) = records.first().filter(|_| ordered.len() < MAX_SERVERS) {
        let equals = records.iter().take_while(|record| record.priority == first.priority).count();
        let total: u32 = records[..equals].iter().map(|record| u32::from(record.weight)).sum();
        let lot = mint.u32() % (total + 1);
        let mut running = 0;
        let drawn = records[..equals].iter().position(|record| {
            running += u32::from(record.weight);
            running >= lot
        });
        // The running sum reaches the total, and no lot is above it.
        ordered.push(records.remove(drawn.unwrap_or(0)));
    }
    ordered
}

/// RFC 3261 19.1.2.
pub const fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Tls | Transport::Wss => 5061,
        Transport::Udp | Transport::Tcp | Transport::Ws => 5060,
    }
}

fn transport_named(name: &str, secure: bool) -> Result<Transport, LocationError> {
    match (name.to_ascii_lowercase().as_str(), secure) {
        ("udp", false) => Ok(Transport::Udp),
        ("tcp", false) => Ok(Transport::Tcp),
        ("tcp", true) | ("tls", _) => Ok(Transport::Tls),
        _ => Err(LocationError::Transport),
    }
}

fn srv_name(transport: Transport, host: &str) -> Option<String> {
    match transport {
        Transport::Udp => Some(format!("_sip._udp.{host}")),
        Transport::Tcp => Some(format!("_sip._tcp.{host}")),
        Transport::Tls => Some(format!("_sips._tcp.{host}")),
        Transport::Ws | Transport::Wss => None,
    }
}

/// The first [`MAX_SERVERS`] addresses, each once, at `port`.
pub fn at_port(addresses: impl IntoIterator<Item = IpAddr>, port: u16) -> Vec<SocketAddr> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for ip in addresses {
        let address = SocketAddr::new(ip, port);
        if found.len() < MAX_SERVERS && !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests;
