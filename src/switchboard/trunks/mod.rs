//! All trunks: which one a caller comes from, what it takes, and the requests that keep the way to its provider open.
//! One trunk is `provider.rs`, its limits are `gate.rs`, the way of a call out is `route_out.rs`. Who may call at all
//! is decided in `switchboard/admission.rs`.

mod gate;
mod provider;
mod route_out;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use crate::call::Call;
use crate::call::contact::Direction;
use crate::call::effect::{Effect, ResolutionId};
use crate::call::refusal::Refusal;
use crate::ids::Mint;
use crate::phone_number::{NumberingPlan, PhoneNumber};
use crate::sip::message::{Flow, Request, Response, Uri};
use crate::sip::server_location::Located;
use crate::sip::transaction::ClientTransactionId;
use crate::switchboard::Switchboard;
use crate::switchboard::settings;
use crate::switchboard::snapshot::LiveTrunk;
use crate::time::Now;

pub use gate::TrunkHold;
pub use route_out::{DialOut, NoRoute, Route};

use provider::{Provider, Purpose, Wish};

/// Names a trunk among all that were there since the start: a reload may give its name to another.
type TrunkId = u64;

#[derive(Debug)]
pub struct Trunks {
    /// In the order of the configuration.
    providers: Vec<(TrunkId, Provider)>,
    /// No longer configured, still taking their binding back.
    leaving: Vec<(TrunkId, Provider)>,
    /// Requests that wait for an answer. As many as the transaction layer takes at most.
    requests: HashMap<ClientTransactionId, (TrunkId, Purpose)>,
    /// Questions to DNS; one for each entry of each trunk at most.
    resolutions: HashMap<ResolutionId, (TrunkId, usize)>,
    last_id: u64,
    mint: Mint,
}

impl Trunks {
    pub(super) fn new(settings: &[settings::Trunk], seed: [u8; 32], now: Now) -> Self {
        let mut trunks = Self {
            providers: Vec::new(),
            leaving: Vec::new(),
            requests: HashMap::new(),
            resolutions: HashMap::new(),
            last_id: 0,
            mint: Mint::new(seed),
        };
        trunks.configure(settings, now);
        trunks
    }

    /// Trunks that stay as they were keep their registration; the others leave or come.
    pub(super) fn configure(&mut self, settings: &[settings::Trunk], now: Now) {
        let mut old = std::mem::take(&mut self.providers);
        for wanted in settings {
            let kept = old.iter().position(|(_, provider)| provider.settings == *wanted);
            let entry = match kept {
                Some(index) => old.remove(index),
                None => (self.next_id(), Provider::new(wanted.clone(), self.mint.seed(), now)),
            };
            self.providers.push(entry);
        }
        for (id, mut provider) in old {
            provider.leave(now);
            if !provider.has_left() {
                self.leaving.push((id, provider));
            }
        }
    }

    /// Takes all our bindings back, so that providers send their calls elsewhere.
    pub(super) fn leave(&mut self, now: Now) {
        self.resolutions.clear();
        for (_, provider) in &mut self.providers {
            provider.leave(now);
        }
    }

    /// The trunk that brings a request from `source`: where several share an address, the one whose binding the
    /// request came to, failing that the one whose account it names.
    pub(super) fn of_source(&self, request_uri: &Uri, source: IpAddr) -> Option<&str> {
        let mut trusting =
            self.providers.iter().map(|(_, provider)| provider).filter(|one| one.trusts(source));
        let addressed = trusting.clone().find(|provider| provider.is_addressed(request_uri));
        let named = || trusting.clone().find(|provider| provider.is_named(request_uri));
        addressed.or_else(named).or_else(|| trusting.next()).map(Provider::name)
    }

    /// Whether some trunk is at that address.
    pub(super) fn trust(&self, source: IpAddr) -> bool {
        self.providers.iter().any(|(_, provider)| provider.trusts(source))
    }

    /// Whether a provider's server is at that address: what is sent there may cost money.
    pub fn lead_to(&self, address: IpAddr) -> bool {
        self.providers.iter().any(|(_, provider)| provider.has_server_at(address))
    }

    /// Whether some trunk takes calls to this number.
    pub(super) fn take(&self, number: &PhoneNumber) -> bool {
        self.providers.iter().any(|(_, provider)| provider.settings.takes(number))
    }

    /// How the trunk of this name writes numbers.
    pub(super) fn numbering(&self, name: &str) -> NumberingPlan {
        self.by_name(name).map(|provider| provider.settings.numbering.clone()).unwrap_or_default()
    }

    pub(super) fn handle_flow_closed(&mut self, flow: &Flow, now: Now) {
        for (_, provider) in &mut self.providers {
            provider.handle_flow_closed(flow, now);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Now) {
        for (_, provider) in self.providers.iter_mut().chain(&mut self.leaving) {
            provider.handle_timeout(now);
        }
        self.leaving.retain(|(_, provider)| !provider.has_left());
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let all = self.providers.iter().chain(&self.leaving);
        all.filter_map(|(_, provider)| provider.poll_timeout()).min()
    }

    fn by_name(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().map(|(_, provider)| provider).find(|provider| provider.name() == name)
    }

    fn provider_mut(&mut self, id: TrunkId) -> Option<&mut Provider> {
        let mut all = self.providers.iter_mut().chain(&mut self.leaving);
        all.find(|(known, _)| *known == id).map(|(_, provider)| provider)
    }

    fn poll_wish(&mut self) -> Option<(TrunkId, Wish)> {
        let mut all = self.providers.iter_mut().chain(&mut self.leaving);
        all.find_map(|(id, provider)| provider.poll_wish().map(|wish| (*id, wish)))
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

impl Switchboard {
    /// Takes our bindings at providers back: the first step of stopping.
    pub fn leave_trunks(&mut self, now: Now) {
        self.trunks.leave(now);
        self.settle(now);
    }

    /// Carries out what trunks want; true while there was something.
    pub(super) fn serve_trunks(&mut self, now: Now) -> bool {
        let Some((trunk, wish)) = self.trunks.poll_wish() else { return false };
        match wish {
            Wish::Send { request, flow, purpose } => {
                if let Some(provider) = self.trunks.provider_mut(trunk) {
                    self.ladders.follow(&request.call_id, provider.name());
                }
                self.send_for_trunk(*request, flow, trunk, purpose, now);
            }
            Wish::Locate { place, uri } => {
                let resolution = ResolutionId(self.trunks.next_id());
                self.trunks.resolutions.insert(resolution, (trunk, place));
                self.effects.push_back(Effect::Resolve { resolution, uri });
            }
        }
        true
    }

    fn send_for_trunk(&mut self, request: Request, flow: Flow, trunk: TrunkId, purpose: Purpose, now: Now) {
        match self.sip.send_request(request, flow, now.mono) {
            Ok(transaction) => {
                self.trunks.requests.insert(transaction, (trunk, purpose));
            }
            Err(error) => {
                tracing::warn!(%error, "request to a trunk not sent");
                if let Some(provider) = self.trunks.provider_mut(trunk) {
                    provider.handle_failed(purpose, now);
                }
            }
        }
    }

    pub(super) fn handle_trunk_response(
        &mut self,
        transaction: ClientTransactionId,
        response: &Response,
        now: Now,
    ) {
        let known = match response.status.is_final() {
            true => self.trunks.requests.remove(&transaction),
            false => self.trunks.requests.get(&transaction).copied(),
        };
        if let Some((trunk, purpose)) = known
            && let Some(provider) = self.trunks.provider_mut(trunk)
        {
            provider.handle_response(purpose, response, now);
        }
    }

    pub(super) fn handle_trunk_request_failed(&mut self, transaction: ClientTransactionId, now: Now) {
        if let Some((trunk, purpose)) = self.trunks.requests.remove(&transaction)
            && let Some(provider) = self.trunks.provider_mut(trunk)
        {
            provider.handle_failed(purpose, now);
        }
    }

    pub(super) fn handle_resolved(&mut self, resolution: ResolutionId, located: Option<Located>, now: Now) {
        // One that leaves needs no servers any more.
        if let Some((trunk, place)) = self.trunks.resolutions.remove(&resolution)
            && let Some((_, provider)) = self.trunks.providers.iter_mut().find(|(id, _)| *id == trunk)
        {
            provider.handle_located(place, located, now);
        }
    }

    /// Lets one more call of this trunk in, or says why not.
    pub(super) fn pass_trunk(&mut self, trunk: &str, now: Now) -> Result<(), Refusal> {
        let incoming = self.incoming_over(trunk);
        let provider = self.trunks.providers.iter_mut().find(|(_, provider)| provider.name() == trunk);
        provider.map_or(Ok(()), |(_, provider)| provider.pass(incoming, now))
    }

    /// Calls this trunk has brought that are on.
    fn incoming_over(&self, trunk: &str) -> usize {
        let incoming = |call: &&Call| {
            let contact = call.contact();
            !call.is_over() && contact.direction == Direction::Inbound && contact.origin == trunk
        };
        self.calls().filter(incoming).count()
    }

    /// Calls that the trunk could take beside those it has; none where it has no limit.
    pub(in crate::switchboard) fn lines_left(&self, trunk: &str) -> Option<usize> {
        let provider = self.trunks.by_name(trunk)?;
        let used = self.incoming_over(trunk) + provider.outgoing();
        provider.settings.limits.calls.map(|most| most.saturating_sub(used))
    }

    /// The trunks as they are now.
    pub fn live_trunks(&self) -> Vec<LiveTrunk> {
        let live = |provider: &Provider| {
            let (state, since) = provider.state();
            LiveTrunk {
                name: provider.name().to_owned(),
                state,
                since,
                registered: provider.is_registered(),
                calls: self.incoming_over(provider.name()) + provider.outgoing(),
                servers: provider.live_servers(),
                failure: provider.failure(),
                turned_away: provider.turned_away(),
            }
        };
        self.trunks.providers.iter().map(|(_, provider)| live(provider)).collect()
    }

    /// Calls that trunks' limits turned away: trunk, reason, count.
    pub fn trunk_refusals(&self) -> impl Iterator<Item = (&str, &'static str, u64)> {
        self.trunks.providers.iter().flat_map(|(_, provider)| {
            provider.refused().map(|(reason, count)| (provider.name(), reason, count))
        })
    }
}

#[cfg(test)]
pub(super) mod tests;
