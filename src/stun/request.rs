//! A Binding request: read in place, total, and checked against a password. FINGERPRINT must be there and right
//! (RFC 8445 7.1.1); MESSAGE-INTEGRITY is checked by who knows the password.

use subtle::ConstantTimeEq;

use super::{
    ATTRIBUTE_HEADER, BINDING_REQUEST, FINGERPRINT, FINGERPRINT_LEN, HEADER, ICE_CONTROLLED, ICE_CONTROLLING,
    INTEGRITY_LEN, MESSAGE_INTEGRITY, OPTIONAL, PRIORITY, TransactionId, USE_CANDIDATE, USERNAME,
    fingerprint, integrity, is_stun,
};

/// Why a datagram is no request of ours to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MalformedStun {
    #[error("no STUN message")]
    NotStun,
    #[error("no Binding request")]
    OtherMessage,
    #[error("shorter or longer than it says")]
    Length,
    #[error("no FINGERPRINT at its end, or a wrong one")]
    Fingerprint,
    #[error("no USERNAME or no MESSAGE-INTEGRITY")]
    Unsigned,
}

/// What the sender says it is (RFC 8445 7.1.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Controlling,
    Controlled,
    Unsaid,
}

/// A Binding request, a connectivity check.
#[derive(Clone, Copy, Debug)]
pub struct BindingRequest<'a> {
    pub transaction: TransactionId,
    /// Our name fragment, a colon, the sender's.
    pub username: &'a [u8],
    pub role: Role,
    pub use_candidate: bool,
    /// The first attribute we do not know and may not ignore.
    pub unknown: Option<u16>,
    before_integrity: &'a [u8],
    integrity: &'a [u8],
}

impl<'a> BindingRequest<'a> {
    pub fn parse(datagram: &'a [u8]) -> Result<Self, MalformedStun> {
        if !is_stun(datagram) {
            return Err(MalformedStun::NotStun);
        }
        let head = datagram.first_chunk::<HEADER>().ok_or(MalformedStun::Length)?;
        if u16::from_be_bytes([head[0], head[1]]) != BINDING_REQUEST {
            return Err(MalformedStun::OtherMessage);
        }
        if usize::from(u16::from_be_bytes([head[2], head[3]])) != datagram.len() - HEADER {
            return Err(MalformedStun::Length);
        }
        let body = check_fingerprint(datagram)?;
        let transaction = TransactionId(std::array::from_fn(|at| head[8 + at]));
        let mut attributes = Attributes { datagram: body, at: HEADER };
        let mut request = Self {
            transaction,
            username: &[],
            role: Role::Unsaid,
            use_candidate: false,
            unknown: None,
            before_integrity: &[],
            integrity: &[],
        };
        // What follows MESSAGE-INTEGRITY is not signed and does not count (RFC 8489 14.5).
        while request.integrity.is_empty()
            && let Some(attribute) = attributes.next()
        {
            let (at, kind, value) = attribute.ok_or(MalformedStun::Length)?;
            request.take(at, kind, value, datagram);
        }
        if request.username.is_empty() || request.integrity.len() != INTEGRITY_LEN {
            return Err(MalformedStun::Unsigned);
        }
        Ok(request)
    }

    fn take(&mut self, at: usize, kind: u16, value: &'a [u8], datagram: &'a [u8]) {
        match kind {
            USERNAME => self.username = value,
            USE_CANDIDATE => self.use_candidate = true,
            ICE_CONTROLLING => self.role = Role::Controlling,
            ICE_CONTROLLED => self.role = Role::Controlled,
            MESSAGE_INTEGRITY => (self.before_integrity, self.integrity) = (&datagram[..at], value),
            PRIORITY | OPTIONAL.. => {}
            _ => {
                self.unknown.get_or_insert(kind);
            }
        }
    }

    /// Whether the sender knows our password; compared in constant time.
    pub fn is_signed_with(&self, password: &str) -> bool {
        integrity(self.before_integrity, password).ct_eq(self.integrity).into()
    }
}

/// What stands before FINGERPRINT, which is the last attribute.
fn check_fingerprint(datagram: &[u8]) -> Result<&[u8], MalformedStun> {
    let at = datagram.len().checked_sub(ATTRIBUTE_HEADER + FINGERPRINT_LEN).filter(|at| *at >= HEADER);
    let (before, attribute) = datagram.split_at(at.ok_or(MalformedStun::Fingerprint)?);
    let mut expected = [0; ATTRIBUTE_HEADER + FINGERPRINT_LEN];
    expected[..2].copy_from_slice(&FINGERPRINT.to_be_bytes());
    expected[3] = FINGERPRINT_LEN as u8;
    expected[4..].copy_from_slice(&fingerprint(before).to_be_bytes());
    if attribute == expected { Ok(before) } else { Err(MalformedStun::Fingerprint) }
}

/// The attributes in order; each is padded to a word.
struct Attributes<'a> {
    datagram: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Attributes<'a> {
    /// Where it begins, its type and value; none inside for one that is cut.
    type Item = Option<(usize, u16, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = self.datagram.get(at..).filter(|rest| !rest.is_empty())?;
        let read = || {
            let head = rest.first_chunk::<ATTRIBUTE_HEADER>()?;
            let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = rest.get(ATTRIBUTE_HEADER..ATTRIBUTE_HEADER + len)?;
            Some((at, u16::from_be_bytes([head[0], head[1]]), value))
        };
        let attribute = read();
        let len = attribute.map_or(rest.len(), |(_, _, value)| value.len().next_multiple_of(4));
        self.at = at + ATTRIBUTE_HEADER + len;
        Some(attribute)
    }
}
