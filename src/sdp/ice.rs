//! ICE in session descriptions (RFC 8839), as an ICE-lite agent needs it: credentials of both sides and our one host
//! candidate. The peer's candidates are not read, names ending in `.local` among them: a full agent comes to us, and
//! where it comes from is learnt from its checks (`media_plane/secure/ice.rs`).

use std::fmt;
use std::net::SocketAddr;

use super::description::{self, Attribute, Media, SessionDescription};

/// Lengths RFC 8839 5.4 allows.
const UFRAG_LEN: std::ops::RangeInclusive<usize> = 4..=256;
const PASSWORD_LEN: std::ops::RangeInclusive<usize> = 22..=256;
/// Of a host candidate, the only one of its kind, for RTP (RFC 8445 5.1.2.1).
const HOST_PRIORITY: u32 = 126 << 24 | 65_535 << 8 | 255;

/// One side's user name fragment and password.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    pub ufrag: String,
    pub password: String,
}

/// Both sides' credentials: what a check is checked with. A new pair is an ICE restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IceSession {
    pub local: IceCredentials,
    pub remote: IceCredentials,
}

impl IceCredentials {
    /// Ours, from two random words of at least 32 hexadecimal digits.
    pub fn from_tokens(ufrag: &str, password: &str) -> Self {
        Self { ufrag: ufrag.chars().take(8).collect(), password: password.to_owned() }
    }

    /// The peer's, of the stream or else of the session; none when it offers no ICE, or is itself lite: then nobody
    /// would check, and addresses count as they are written.
    pub(super) fn read(description: &SessionDescription, media: &Media) -> Option<Self> {
        let session = |name| description::find(&description.attributes, name);
        let value = |name| media.attribute(name).or_else(|| session(name));
        if session("ice-lite").is_some() {
            return None;
        }
        let (ufrag, password) = (value("ice-ufrag")?, value("ice-pwd")?);
        let good = is_ice_text(ufrag, UFRAG_LEN) && is_ice_text(password, PASSWORD_LEN);
        good.then(|| Self { ufrag: ufrag.to_owned(), password: password.to_owned() })
    }

    /// Credentials and our candidate: the address the stream itself names.
    pub(super) fn write(&self, host: SocketAddr, attributes: &mut Vec<Attribute>) {
        attributes.push(Attribute::with_value("ice-ufrag", &self.ufrag));
        attributes.push(Attribute::with_value("ice-pwd", &self.password));
        let candidate = format_args!("1 1 udp {HOST_PRIORITY} {} {} typ host", host.ip(), host.port());
        attributes.push(Attribute::with_value("candidate", candidate));
        attributes.push(Attribute::flag("end-of-candidates"));
    }
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IceCredentials({})", self.ufrag)
    }
}

fn is_ice_text(text: &str, len: std::ops::RangeInclusive<usize>) -> bool {
    len.contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'+' || c == b'/')
}
