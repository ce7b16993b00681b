//! The way of a call out of the city: over which trunk, to which server, under which name; and the next one when that
//! fails (RFC 3263 4.3). The leg is made by who calls; it keeps the trunk's place until it ends.

use crate::call::leg::LegEnd;
use crate::phone_number::PhoneNumber;
use crate::sip::credentials::Credentials;
use crate::sip::message::{Flow, NameAddr, Uri};
use crate::sip::server_location::Server;
use crate::switchboard::Switchboard;
use crate::switchboard::snapshot::TrunkState;
use crate::switchboard::trunks::gate::TrunkHold;
use crate::switchboard::trunks::provider::Provider;
use crate::time::Now;

/// Ways tried for one call at most: whoever waits for it has heard enough silence by then.
pub const MAX_TRIES: usize = 6;

/// One call to the outside, over as many ways as it needs.
#[derive(Clone, Debug)]
pub struct DialOut {
    number: PhoneNumber,
    tried: Vec<(String, Server)>,
}

/// One way, and all that an INVITE over it needs.
#[derive(Debug)]
pub struct Route {
    pub trunk: String,
    pub target: Uri,
    pub from: NameAddr,
    pub flow: Flow,
    /// What answers the provider's challenge.
    pub credentials: Option<Credentials>,
    /// The call's place on the trunk; to be kept as long as the leg lives.
    pub hold: TrunkHold,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoRoute {
    #[error("no trunk takes calls to this number")]
    NotTaken,
    #[error("no trunk is up that calls can go out by")]
    NoTrunk,
    #[error("every trunk is at its limit")]
    Full,
    #[error("every way was tried")]
    AllTried,
}

impl DialOut {
    pub fn new(number: PhoneNumber) -> Self {
        Self { number, tried: Vec::new() }
    }

    pub fn number(&self) -> &PhoneNumber {
        &self.number
    }

    /// Whether another way may do better: the far person's own no is final, a server that cannot serve is not.
    pub fn goes_on_after(end: LegEnd) -> bool {
        match end {
            // Whom a provider does not know, or does not let call there, another one may.
            LegEnd::Refused(status) => matches!(status.0, 401 | 403 | 407 | 408 | 500..=599),
            LegEnd::Unreachable => true,
            _ => false,
        }
    }

    fn has_tried(&self, trunk: &str, server: &Server) -> bool {
        self.tried.iter().any(|(name, known)| name == trunk && known == server)
    }
}

impl Switchboard {
    /// The next way for `call`, as things stand now: trunks in the order of the configuration, those that do not take
    /// the number and those down left out, of each the servers in theirs. Takes a place on the trunk. Ask again when [`DialOut::goes_on_after`] says so.
    pub fn route_out(&mut self, call: &mut DialOut, now: Now) -> Result<Route, NoRoute> {
        if call.tried.len() >= MAX_TRIES {
            return Err(NoRoute::AllTried);
        }
        let mut verdict = if call.tried.is_empty() { NoRoute::NotTaken } else { NoRoute::AllTried };
        for index in 0..self.trunks.providers.len() {
            let (_, provider) = &self.trunks.providers[index];
            if !provider.settings.takes(&call.number) {
                continue;
            }
            if verdict == NoRoute::NotTaken {
                verdict = NoRoute::NoTrunk;
            }
            if provider.state().0 == TrunkState::Down {
                continue;
            }
            let name = provider.name().to_owned();
            let servers = provider.usable_servers();
            let Some(server) = servers.into_iter().find(|server| !call.has_tried(&name, server)) else {
                continue;
            };
            let incoming = self.incoming_over(&name);
            let (_, provider) = &mut self.trunks.providers[index];
            if provider.pass(incoming, now).is_err() {
                verdict = NoRoute::Full;
                continue;
            }
            let Some(route) = route(provider, &server, &call.number) else { continue };
            call.tried.push((name, server));
            return Ok(route);
        }
        Err(verdict)
    }
}

fn route(provider: &Provider, server: &Server, number: &PhoneNumber) -> Option<Route> {
    let outward = provider.settings.outward.as_ref()?;
    let plan = &provider.settings.numbering;
    let mut target = server.uri.clone();
    target.user = Some(plan.dialled(number));
    let account = outward.credentials.as_ref().map(|credentials| credentials.user.clone());
    let caller = outward.caller.as_ref().map(|caller| plan.dialled(caller));
    let domain = outward.domain.clone().unwrap_or_else(|| server.uri.host.clone());
    let user = caller.or(account).unwrap_or_else(|| outward.contact_user.clone());
    Some(Route {
        trunk: provider.name().to_owned(),
        target,
        from: NameAddr::new(Uri::sip(Some(&user), domain, None)),
        flow: server.flow,
        credentials: outward.credentials.clone(),
        hold: provider.hold(),
    })
}
