//! DNS: finds the servers a SIP URI means. Asks what `sip/server_location.rs` says and gives its answers back to it;
//! nothing is decided here. RFC 3263, RFC 2782, RFC 3403. The switchboard asks by an effect and never waits.
//!
//! Answers are kept as long as their records live, in the library's bounded cache.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};

use crate::ids::Mint;
use crate::sip::message::{Transport, Uri};
use crate::sip::server_location::{
    self, LocationError, MAX_SERVERS, Naptr, Question, Service, Srv, at_port, chosen_services, in_order,
};

/// All questions for one URI together; below the time in which a registration would ask again.
const DEADLINE: Duration = Duration::from_secs(5);
/// One question to one name server; it is asked twice.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(2);
/// Answers kept; a city has a handful of providers with a few names each.
const CACHE_SIZE: u64 = 256;
/// Longest life of an answer, whatever its record says: a provider that moves is found again within the hour.
const MAX_LIFE: Duration = Duration::from_secs(3600);
/// That a name has nothing is believed this long at most.
const MAX_NEGATIVE_LIFE: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error(transparent)]
    Location(#[from] LocationError),
    #[error("DNS: {0}")]
    Dns(#[from] NetError),
    #[error("no answer within {} s", DEADLINE.as_secs())]
    Deadline,
    #[error("the name has no addresses")]
    Nothing,
}

/// Where a URI leads, first choice first, and how long that holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub addresses: Vec<(Transport, SocketAddr)>,
    pub valid_for: Duration,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Resolver {
    dns: TokioResolver,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl Resolver {
    /// Asks `server`, or those of the machine. Nothing is asked before the first question.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, NetError> {
        let (config, mut options) = match server {
            Some(server) => (only(server), ResolverOpts::default()),
            None => hickory_resolver::system_conf::read_system_conf().unwrap_or_else(|error| {
                tracing::warn!(%error, "this machine names no DNS server: providers can be given by address only");
                (ResolverConfig::from_parts(None, Vec::new(), Vec::new()), ResolverOpts::default())
            }),
        };
        options.timeout = QUESTION_TIMEOUT;
        options.attempts = 2;
        options.cache_size = CACHE_SIZE;
        options.positive_max_ttl = Some(MAX_LIFE);
        options.negative_max_ttl = Some(MAX_NEGATIVE_LIFE);
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        Ok(Self { dns: builder.build()? })
    }

    /// Finds the servers of `uri`. `available` are the transports that are spoken here, best first; `seed` draws lots
    /// among servers of the same priority.
    pub async fn locate(
        &self,
        uri: &Uri,
        available: &[Transport],
        seed: [u8; 32],
    ) -> Result<Found, ResolveError> {
        let question = server_location::question(uri, available)?;
        let mut search = Search { dns: &self.dns, mint: Mint::new(seed), valid_for: MAX_LIFE };
        let addresses = tokio::time::timeout(DEADLINE, search.answer(question))
            .await
            .map_err(|_| ResolveError::Deadline)??;
        match addresses.is_empty() {
            true => Err(ResolveError::Nothing),
            false => Ok(Found { addresses, valid_for: search.valid_for }),
        }
    }
}

fn only(server: SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    let server = NameServerConfig::new(server.ip(), true, connections.into());
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

/// The questions for one URI; the shortest life among their answers counts.
struct Search<'a> {
    dns: &'a TokioResolver,
    mint: Mint,
    valid_for: Duration,
}

impl Search<'_> {
    async fn answer(&mut self, question: Question) -> Result<Vec<(Transport, SocketAddr)>, ResolveError> {
        let (services, or_else) = match question {
            Question::Nothing { transport, address } => return Ok(vec![(transport, address)]),
            Question::Addresses { transport, host, port } => {
                return self.addresses(transport, &host, port).await;
            }
            Question::Services { services, or_else } => (services, or_else),
            Question::Naptr { domain, services, or_else } => {
                // Some name servers do not know the type at all; SRV finds the same (RFC 3263 4.1).
                let records = self.naptr(&domain).await.unwrap_or_else(|error| {
                    tracing::debug!(%error, "NAPTR cannot be asked for");
                    Vec::new()
                });
                let chosen = chosen_services(records, &services);
                (if chosen.is_empty() { services } else { chosen }, or_else)
            }
        };
        let found = self.services(services).await?;
        if !found.is_empty() {
            return Ok(found);
        }
        self.addresses(or_else.transport, &or_else.host, or_else.port).await
    }

    async fn services(
        &mut self,
        services: Vec<Service>,
    ) -> Result<Vec<(Transport, SocketAddr)>, ResolveError> {
        let mut found = Vec::new();
        for Service { name, transport } in services {
            for record in in_order(self.srv(&name).await?, &mut self.mint) {
                if found.len() >= MAX_SERVERS {
                    return Ok(found);
                }
                // One target without address does not spoil the others.
                match self.addresses(transport, &record.target, record.port).await {
                    Ok(addresses) => found.extend(addresses),
                    Err(error) => tracing::debug!(%error, "a server of an SRV record has no address"),
                }
            }
        }
        Ok(found)
    }

    async fn addresses(
        &mut self,
        transport: Transport,
        host: &str,
        port: u16,
    ) -> Result<Vec<(Transport, SocketAddr)>, ResolveError> {
        let looked_up = self.dns.lookup_ip(absolute(host)).await?;
        self.lives_until(looked_up.as_lookup().valid_until());
        let found = at_port(looked_up.iter(), port);
        Ok(found.into_iter().map(|address| (transport, address)).collect())
    }

    async fn naptr(&mut self, domain: &str) -> Result<Vec<Naptr>, ResolveError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let naptr = |record: RData| match record {
            RData::NAPTR(record) => Some(Naptr {
                order: record.order,
                preference: record.preference,
                flags: text(&record.flags),
                service: text(&record.services),
                replacement: record.replacement.to_utf8(),
            }),
            _ => None,
        };
        Ok(self.records(domain, RecordType::NAPTR).await?.into_iter().filter_map(naptr).collect())
    }

    async fn srv(&mut self, name: &str) -> Result<Vec<Srv>, ResolveError> {
        let srv = |record: RData| match record {
            RData::SRV(record) => Some(Srv {
                priority: record.priority,
                weight: record.weight,
                port: record.port,
                target: record.target.to_utf8(),
            }),
            _ => None,
        };
        Ok(self.records(name, RecordType::SRV).await?.into_iter().filter_map(srv).collect())
    }

    /// None at all where the name has none: that is an answer, not a failure.
    async fn records(&mut self, name: &str, kind: RecordType) -> Result<Vec<RData>, NetError> {
        let looked_up = match self.dns.lookup(absolute(name), kind).await {
            Ok(looked_up) => looked_up,
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        self.lives_until(looked_up.valid_until());
        Ok(looked_up.answers().iter().map(|record| record.data.clone()).collect())
    }

    fn lives_until(&mut self, at: Instant) {
        let left = at.saturating_duration_since(crate::time::now().mono);
        self.valid_for = self.valid_for.min(left);
    }
}

/// With the dot that keeps the machine's search domains out.
fn absolute(name: &str) -> String {
    if name.ends_with('.') { name.to_owned() } else { format!("{name}.") }
}
