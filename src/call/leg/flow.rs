//! Where a leg's peer is reached: a phone that reconnects in the middle of a call sends from another flow, and our
//! requests must find it there (RFC 5626 5.3). Also which address family its media is of. Which flows there are is
//! the net's business.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use crate::call::leg::body::description_of;
use crate::call::leg::{Leg, State};
use crate::sdp;
use crate::sip::message::{Flow, Host, Scheme, Transport, Uri};
use crate::sip::transaction::TransactionLayer;

/// Ports of RFC 3261 19.1.2.
const SIP_PORT: u16 = 5060;
const SIPS_PORT: u16 = 5061;

/// Where the peer's media will be: as its offer says, or failing that where it signals from.
pub(super) fn media_side(state: &State, flow: Flow) -> IpAddr {
    let offered = match state {
        State::Offered { invite, .. } => {
            description_of(&invite.headers, &invite.body).and_then(sdp::audio_address)
        }
        _ => None,
    };
    // A browser names no address before its checks: 0.0.0.0 says nothing about its family.
    offered.filter(|ip| !ip.is_unspecified()).unwrap_or(flow.remote.ip())
}

impl Leg {
    /// The peer was heard on `flow`, in order and within the dialog: what we have to say goes there from now on. Only a
    /// peer that reaches us through proxies over UDP keeps its way, which its route set names.
    pub(super) fn follow(&mut self, flow: Option<Flow>) {
        let Some(flow) = flow.filter(|flow| *flow != self.flow) else { return };
        let routed = self.dialog().is_some_and(|dialog| !dialog.route_set.is_empty());
        if flow.transport.is_reliable() || !routed {
            self.move_to(flow);
        }
    }

    /// A response to a request of ours came over another connection than the request went out by.
    pub(super) fn follow_response(&mut self, flow: Option<Flow>) {
        let same = |flow: &Flow| flow.transport.is_reliable() && flow.transport == self.flow.transport;
        self.follow(flow.filter(same));
    }

    /// A phone registered `contact` anew over `flow`; a leg to that very contact moves there. One that had lost power is back
    /// and is asked at once what it left unanswered.
    pub fn follow_registration(
        &mut self,
        contact: &Uri,
        flow: Flow,
        sip: &mut TransactionLayer,
        now: Instant,
    ) {
        let Some(dialog) = self.dialog() else { return };
        let target = &dialog.remote_target;
        let is_it = (&target.user, &target.host, target.port) == (&contact.user, &contact.host, contact.port);
        let is_direct = dialog.route_set.is_empty();
        if flow != self.flow && is_it {
            self.move_to(flow);
        } else if flow == self.flow && (is_it || is_direct) {
            self.hurry_refresh(sip, now);
        }
    }

    /// The connection is gone. Whoever told an address to connect to is called back there; a browser is not, it comes
    /// back by itself, or the media timeout ends the call, or that of a hold (`talking.rs`).
    pub fn handle_flow_closed(&mut self, closed: &Flow) {
        if self.flow != *closed || !matches!(closed.transport, Transport::Tcp | Transport::Tls) {
            return;
        }
        let Some(dialog) = self.dialog() else { return };
        let next_hop = dialog.route_set.first().map_or(&dialog.remote_target, |route| &route.uri);
        if let Some(remote) = address_of(next_hop, closed.transport).filter(|remote| *remote != closed.remote)
        {
            self.move_to(Flow { remote, ..*closed });
        }
    }

    /// The peer is a browser behind `flow`, and cannot be called back when that is gone.
    pub fn is_reached_by_socket(&self, flow: &Flow) -> bool {
        self.flow == *flow && matches!(flow.transport, Transport::Ws | Transport::Wss)
    }

    fn move_to(&mut self, flow: Flow) {
        tracing::info!(leg.id = %self.id, flow.remote = %flow.remote, "peer is reached over another flow");
        self.flow = flow;
        let contact = self.contact();
        if let Some(dialog) = self.dialog_mut() {
            dialog.flow = flow;
            dialog.contact = contact;
        }
    }
}

/// The address a URI names, if it names one and is to be reached over `transport`.
fn address_of(uri: &Uri, transport: Transport) -> Option<SocketAddr> {
    let Host::Ip(ip) = uri.host else { return None };
    let secure = uri.scheme == Scheme::Sips;
    let wanted = uri.params.find("transport").unwrap_or(if secure { "tls" } else { "udp" });
    let fits = wanted.eq_ignore_ascii_case(transport.name()) || secure && transport == Transport::Tls;
    let default = if transport == Transport::Tls { SIPS_PORT } else { SIP_PORT };
    fits.then(|| SocketAddr::new(ip, uri.port.unwrap_or(default)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_an_address_for_this_transport_is_called_back() {
        let over = |text: &str, transport| {
            address_of(&Uri::parse(text).unwrap(), transport).map(|to| to.to_string())
        };
        assert_eq!(
            over("sip:a@192.0.2.1:4000;transport=tcp", Transport::Tcp).as_deref(),
            Some("192.0.2.1:4000")
        );
        assert_eq!(
            over("sip:a@[2001:db8::1];transport=TLS", Transport::Tls).as_deref(),
            Some("[2001:db8::1]:5061")
        );
        assert_eq!(over("sips:a@192.0.2.1;transport=tcp", Transport::Tls).as_deref(), Some("192.0.2.1:5061"));
        assert_eq!(over("sip:a@192.0.2.1", Transport::Tcp), None, "that is UDP");
        assert_eq!(
            over("sip:a@phone.example;transport=tcp", Transport::Tcp),
            None,
            "nobody resolves names here"
        );
        assert_eq!(over("sip:a@192.0.2.1:4000;transport=tcp", Transport::Tls), None);
    }
}
