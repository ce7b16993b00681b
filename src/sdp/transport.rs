//! How an audio stream travels: profile, protection, ICE and multiplexed RTCP, offered, answered and read from
//! answers (RFC 5124, RFC 5763, RFC 5761, RFC 8843). Codecs and directions are `offer_answer`, single attributes
//! `security` and `ice`.

use std::fmt;
use std::net::SocketAddr;

use serde::Deserialize;

use super::NegotiationError;
use super::description::{Attribute, Media, SessionDescription};
use super::ice::{IceCredentials, IceSession};
use super::security::{Crypto, DtlsRole, Fingerprint, Security};
use crate::srtp::{MAX_MATERIAL, MasterKey, Suite};

/// What we ask for in our own SDES offers, the one that every peer has first.
const OFFERED_SUITES: [Suite; 2] = [Suite::AesCm128HmacSha1_80, Suite::AeadAes128Gcm];
/// Our name for the one stream of our offers (RFC 5888).
const MID: &str = "0";

/// Whether media may, can or must be encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SrtpPolicy {
    /// Plain RTP only; who insists on SRTP, every browser among them, hears 488.
    Off,
    /// As the peer offers it; ours to phones whose signalling is encrypted or a browser's.
    #[default]
    Optional,
    /// Plain offers hear 488, and we offer nothing plain.
    Required,
}

/// What the service allows and is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SrtpTerms {
    pub policy: SrtpPolicy,
    /// Of our DTLS certificate; without one there is no DTLS.
    pub fingerprint: Option<Fingerprint>,
}

/// What we offer first.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Protection {
    #[default]
    None,
    Sdes,
    /// With ICE and multiplexed RTCP, as browsers demand.
    Dtls,
}

/// The transport protocol of an m-line.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Protocol {
    #[default]
    Avp,
    Avpf,
    Savp,
    Savpf,
    TlsSavp,
    TlsSavpf,
}

impl Protocol {
    const ALL: [Self; 6] = [Self::Avp, Self::Avpf, Self::Savp, Self::Savpf, Self::TlsSavp, Self::TlsSavpf];

    pub(super) fn of(media: &Media) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name() == media.protocol)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Avp => "RTP/AVP",
            Self::Avpf => "RTP/AVPF",
            Self::Savp => "RTP/SAVP",
            Self::Savpf => "RTP/SAVPF",
            Self::TlsSavp => "UDP/TLS/RTP/SAVP",
            Self::TlsSavpf => "UDP/TLS/RTP/SAVPF",
        }
    }

    const fn is_plain(self) -> bool {
        matches!(self, Self::Avp | Self::Avpf)
    }
}

/// How an agreed stream travels.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct MediaTransport {
    pub protocol: Protocol,
    /// RTCP shares the port of RTP.
    pub rtcp_mux: bool,
    pub security: Security,
    /// The peer checks the path and chooses its end of it; addresses in its description do not count.
    pub ice: Option<IceSession>,
    /// The stream's name (RFC 5888), where the offerer gave it one.
    pub mid: Option<String>,
    /// The m-lines beside it, by their places: they stay in every later description (RFC 3264 8).
    pub refused: Vec<(usize, Media)>,
}

/// Random octets for one description of ours; unused where what runs goes on.
#[derive(Clone, PartialEq, Eq)]
pub struct FreshKeys {
    pub ice: IceCredentials,
    pub master: [[u8; MAX_MATERIAL]; OFFERED_SUITES.len()],
}

impl fmt::Debug for FreshKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FreshKeys")
    }
}

/// Our side of the transport in the next description.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalTransport {
    pub terms: SrtpTerms,
    pub offers: Protection,
    /// None where a description is only tried.
    pub keys: Option<FreshKeys>,
    /// What runs: a later description changes only what the peer changed (RFC 8842 5, RFC 8839 4.4).
    pub agreed: Option<Box<MediaTransport>>,
}

impl LocalTransport {
    /// Plain RTP, and nothing else is taken.
    pub fn plain() -> Self {
        let terms = SrtpTerms { policy: SrtpPolicy::Off, fingerprint: None };
        Self { terms, offers: Protection::None, keys: None, agreed: None }
    }

    /// Whether an m-line is spoken here at all.
    pub(super) fn takes(&self, media: &Media) -> bool {
        Protocol::of(media).is_some_and(|it| it.is_plain() || self.terms.policy != SrtpPolicy::Off)
    }

    /// Adds our side to an offer of one stream at `host`.
    pub(super) fn write_offer(&self, description: &mut SessionDescription, host: SocketAddr) {
        let Some(media) = description.media.first_mut() else { return };
        let (transport, cryptos) = self.offered();
        transport.protocol.name().clone_into(&mut media.protocol);
        let attributes = &mut media.attributes;
        attributes.extend(cryptos.iter().map(Crypto::attribute));
        if matches!(transport.security, Security::Dtls { .. }) {
            attributes.extend(self.terms.fingerprint.map(|fingerprint| fingerprint.attribute()));
            attributes.push(Attribute::with_value("setup", "actpass"));
        }
        transport.write_path(host, attributes);
        attributes.extend(transport.mid.as_ref().map(|mid| Attribute::with_value("mid", mid)));
        if let (Some(_), Some(mid)) = (&transport.ice, &transport.mid) {
            description.attributes.push(Attribute::with_value("group", format_args!("BUNDLE {mid}")));
        }
        if transport.ice.is_some() {
            description.attributes.push(Attribute::flag("ice-lite"));
        }
        for (at, refused) in transport.refused {
            description.media.insert(at.min(description.media.len()), refused);
        }
    }

    /// Where our stream stands among the m-lines of our offer.
    pub(super) fn place(&self) -> usize {
        let refused = self.agreed.as_ref().map_or(&[][..], |agreed| &agreed.refused);
        refused.iter().zip(0..).take_while(|((at, _), place)| at == place).count()
    }

    /// What we propose, and the keys we would send with.
    fn offered(&self) -> (MediaTransport, Vec<Crypto>) {
        if let Some(agreed) = &self.agreed {
            let crypto = match agreed.security {
                Security::Sdes { tag, send, .. } => Some(Crypto { tag, key: send }),
                _ => None,
            };
            return (agreed.as_ref().clone(), crypto.into_iter().collect());
        }
        match (self.offers, &self.keys, self.terms.fingerprint) {
            (Protection::Sdes, Some(keys), _) => {
                let cryptos = OFFERED_SUITES.into_iter().zip(&keys.master).zip(1..);
                let cryptos = cryptos
                    .map(|((suite, random), tag)| Crypto { tag, key: MasterKey::from_random(suite, random) });
                (MediaTransport { protocol: Protocol::Savp, ..MediaTransport::default() }, cryptos.collect())
            }
            (Protection::Dtls, Some(keys), Some(fingerprint)) => {
                // The peer's half of both is still unknown; only ours is written.
                let ice = IceSession { local: keys.ice.clone(), remote: keys.ice.clone() };
                let security = Security::Dtls { role: DtlsRole::Server, fingerprint };
                let transport = MediaTransport {
                    protocol: Protocol::TlsSavpf,
                    rtcp_mux: true,
                    security,
                    ice: Some(ice),
                    mid: Some(MID.to_owned()),
                    refused: Vec::new(),
                };
                (transport, Vec::new())
            }
            _ => (MediaTransport::default(), Vec::new()),
        }
    }

    /// What we agree to of an offered stream.
    pub(super) fn answer(
        &self,
        description: &SessionDescription,
        media: &Media,
    ) -> Result<MediaTransport, NegotiationError> {
        let protocol = Protocol::of(media).ok_or(NegotiationError::NoAudio)?;
        let security =
            self.answer_security(protocol, description, media).ok_or(NegotiationError::NoSecurity)?;
        if security == Security::None && self.terms.policy == SrtpPolicy::Required {
            return Err(NegotiationError::NoSecurity);
        }
        let rtcp_mux = media.attribute("rtcp-mux").is_some();
        // With a port of its own RTCP would need checks of its own, and who does ICE today multiplexes.
        let ice = IceCredentials::read(description, media).filter(|_| rtcp_mux).and_then(|remote| {
            let running = self.agreed.as_ref().and_then(|agreed| agreed.ice.as_ref());
            let kept = running.filter(|ice| ice.remote == remote).map(|ice| ice.local.clone());
            let local = kept.or_else(|| self.keys.as_ref().map(|keys| keys.ice.clone()))?;
            Some(IceSession { local, remote })
        });
        let mid = media.attribute("mid").map(str::to_owned);
        Ok(MediaTransport { protocol, rtcp_mux, security, ice, mid, refused: Vec::new() })
    }

    /// None when what the offer insists on cannot be done.
    fn answer_security(
        &self,
        protocol: Protocol,
        description: &SessionDescription,
        media: &Media,
    ) -> Option<Security> {
        if self.terms.policy == SrtpPolicy::Off {
            return protocol.is_plain().then_some(Security::None);
        }
        let sdes = || Crypto::first_usable(media).map(|crypto| self.answer_crypto(crypto));
        let dtls = || {
            self.terms.fingerprint?;
            let fingerprint = Fingerprint::read(description, media)?;
            let role = self.running_role(fingerprint).or_else(|| DtlsRole::opposite(description, media))?;
            Some(Security::Dtls { role, fingerprint })
        };
        match protocol {
            // Keys in a plain profile are a wish: whoever knows them may use them, and says so in the answer.
            Protocol::Avp | Protocol::Avpf => Some(sdes().unwrap_or_default()),
            Protocol::Savp | Protocol::Savpf => sdes().or_else(dtls),
            Protocol::TlsSavp | Protocol::TlsSavpf => dtls(),
        }
    }

    fn answer_crypto(&self, offered: Crypto) -> Security {
        let Crypto { tag, key: receive } = offered;
        if let Some(Security::Sdes { send, receive: running, .. }) =
            self.agreed.as_ref().map(|it| &it.security)
            && *running == receive
        {
            return Security::Sdes { tag, send: *send, receive };
        }
        let random = self.keys.as_ref().map_or([0; MAX_MATERIAL], |keys| keys.master[0]);
        Security::Sdes { tag, send: MasterKey::from_random(receive.suite(), &random), receive }
    }

    /// Our role in the association that runs with this peer; it goes on whatever `a=setup` says (RFC 8842 5.3).
    fn running_role(&self, peer: Fingerprint) -> Option<DtlsRole> {
        match self.agreed.as_ref()?.security {
            Security::Dtls { role, fingerprint } if fingerprint == peer => Some(role),
            _ => None,
        }
    }

    /// Adds what was agreed to our answer to `offer`; `chosen` is the stream's place in it.
    pub(super) fn write_answer(
        &self,
        agreed: &MediaTransport,
        offer: &SessionDescription,
        chosen: usize,
        answer: &mut SessionDescription,
        host: SocketAddr,
    ) {
        let Some(media) = answer.media.get_mut(chosen) else { return };
        media.attributes.extend(agreed.mid.as_ref().map(|mid| Attribute::with_value("mid", mid)));
        match agreed.security {
            Security::None => {}
            Security::Sdes { tag, send, .. } => media.attributes.push(Crypto { tag, key: send }.attribute()),
            Security::Dtls { role, .. } => {
                media.attributes.extend(self.terms.fingerprint.map(|fingerprint| fingerprint.attribute()));
                media.attributes.push(Attribute::with_value("setup", role.setup()));
            }
        }
        agreed.write_path(host, &mut media.attributes);
        let mut groups =
            offer.attributes.iter().filter(|it| it.name == "group").filter_map(|it| it.value.as_deref());
        if let Some(mid) = &agreed.mid
            && groups.any(|group| group.starts_with("BUNDLE") && group.split(' ').any(|member| member == mid))
        {
            answer.attributes.push(Attribute::with_value("group", format_args!("BUNDLE {mid}")));
        }
        if agreed.ice.is_some() {
            answer.attributes.push(Attribute::flag("ice-lite"));
        }
    }

    /// What a peer's answer to our offer agrees to.
    pub(super) fn accept(
        &self,
        description: &SessionDescription,
        media: &Media,
    ) -> Result<MediaTransport, NegotiationError> {
        let (offered, cryptos) = self.offered();
        let protocol = Protocol::of(media).ok_or(NegotiationError::NoAudio)?;
        let security = match offered.security {
            Security::Dtls { .. } => {
                let fingerprint =
                    Fingerprint::read(description, media).ok_or(NegotiationError::NoSecurity)?;
                let role = self.running_role(fingerprint).or_else(|| DtlsRole::opposite(description, media));
                Security::Dtls { role: role.ok_or(NegotiationError::NoSecurity)?, fingerprint }
            }
            _ if cryptos.is_empty() => Security::None,
            _ => {
                let taken = Crypto::first_usable(media).ok_or(NegotiationError::NoSecurity)?;
                let ours = cryptos.iter().find(|ours| ours.tag == taken.tag);
                let ours = ours.filter(|ours| ours.key.suite() == taken.key.suite());
                let send = ours.ok_or(NegotiationError::NoSecurity)?.key;
                Security::Sdes { tag: taken.tag, send, receive: taken.key }
            }
        };
        let rtcp_mux = offered.rtcp_mux && media.attribute("rtcp-mux").is_some();
        let ice = offered.ice.filter(|_| rtcp_mux).and_then(|ice| {
            Some(IceSession { local: ice.local, remote: IceCredentials::read(description, media)? })
        });
        Ok(MediaTransport { protocol, rtcp_mux, security, ice, ..offered })
    }
}

impl MediaTransport {
    fn write_path(&self, host: SocketAddr, attributes: &mut Vec<Attribute>) {
        if self.rtcp_mux {
            attributes.push(Attribute::flag("rtcp-mux"));
        }
        if let Some(ice) = &self.ice {
            ice.local.write(host, attributes);
        }
    }
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
