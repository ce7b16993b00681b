//! Which protection of its media a leg offers, and the keys of its next description. What the peer's description
//! makes of it is `sdp/transport.rs`; the packets are `media_plane/secure`.

use crate::call::leg::{Leg, State};
use crate::call::turn::Turn;
use crate::sdp::{FreshKeys, IceCredentials, LocalTransport, Protection, SrtpPolicy, SrtpTerms};
use crate::sip::message::{Flow, Request, Response, StatusCode, Transport};

impl Leg {
    /// Our side of the transport in the next description: what runs, or else fresh keys for what is offered first.
    pub(super) fn local_transport(&self, turn: &mut Turn<'_>) -> LocalTransport {
        let keys = FreshKeys {
            ice: IceCredentials::from_tokens(&turn.mint.token(), &turn.mint.token()),
            master: [turn.mint.bytes(), turn.mint.bytes()],
        };
        LocalTransport {
            terms: turn.srtp,
            offers: if self.media.plain { Protection::None } else { offered(turn.srtp.policy, self.flow) },
            keys: Some(keys),
            agreed: self.media.session.as_ref().map(|session| session.transport.clone()),
        }
    }

    /// The INVITE once more without encryption, for a phone over TLS that knows none, where none is demanded.
    pub(super) fn plain_attempt(&mut self, refusal: &Response, turn: &mut Turn<'_>) -> Option<Request> {
        let State::Calling { offer, .. } = &self.state else { return None };
        let refused =
            refusal.status == StatusCode::NOT_ACCEPTABLE_HERE && offer.transport.offers == Protection::Sdes;
        if !refused || turn.srtp.policy != SrtpPolicy::Optional {
            return None;
        }
        self.media.plain = true;
        self.media.session_version += 1;
        let description = self.local_description(turn);
        self.media.offered = Some(description.clone());
        let State::Calling { invite, offer, .. } = &mut self.state else { return None };
        let mut again = invite.as_ref().clone();
        again.body = description.to_sdp().into_bytes();
        *offer = description;
        Some(again)
    }
}

/// For trying an offer before anything is reserved.
pub(super) fn probe(terms: SrtpTerms, flow: Flow) -> LocalTransport {
    LocalTransport { terms, offers: offered(terms.policy, flow), keys: None, agreed: None }
}

/// Keys in a description are as secret as its path: they are offered unasked only over TLS. A browser takes DTLS and
/// nothing else (RFC 8827 6.5), and nobody but browsers comes over WebSocket.
fn offered(policy: SrtpPolicy, flow: Flow) -> Protection {
    match (policy, flow.transport) {
        (SrtpPolicy::Off, _) => Protection::None,
        (_, Transport::Ws | Transport::Wss) => Protection::Dtls,
        (_, Transport::Tls) | (SrtpPolicy::Required, _) => Protection::Sdes,
        (SrtpPolicy::Optional, _) => Protection::None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn who_is_offered_what_follows_from_policy_and_path() {
        let address = SocketAddr::from(([192, 0, 2, 1], 5060));
        for (policy, udp, tls, ws) in [
            (SrtpPolicy::Off, Protection::None, Protection::None, Protection::None),
            (SrtpPolicy::Optional, Protection::None, Protection::Sdes, Protection::Dtls),
            (SrtpPolicy::Required, Protection::Sdes, Protection::Sdes, Protection::Dtls),
        ] {
            for (transport, expected) in [
                (Transport::Udp, udp),
                (Transport::Tcp, udp),
                (Transport::Tls, tls),
                (Transport::Ws, ws),
                (Transport::Wss, ws),
            ] {
                let flow = Flow { transport, local: address, remote: address };
                assert_eq!(offered(policy, flow), expected, "{policy:?} {transport:?}");
            }
        }
    }
}
