//! Which of our addresses a peer talks to, when the socket is bound to all of them: the one the routing table
//! answers with. Our Contact and Via are made of it; 0.0.0.0 there would lead nowhere.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Most peers remembered; when it is full it is emptied and fills again, a look-up costs three system calls.
const MAX_KNOWN: usize = 4096;

#[derive(Debug)]
pub(super) struct LocalAddress {
    bound: SocketAddr,
    towards: HashMap<IpAddr, IpAddr>,
}

impl LocalAddress {
    pub fn new(bound: SocketAddr) -> Self {
        Self { bound, towards: HashMap::new() }
    }

    /// Our address as `remote` sees it, with the bound port.
    pub fn towards(&mut self, remote: SocketAddr) -> SocketAddr {
        if !self.bound.ip().is_unspecified() {
            return self.bound;
        }
        if self.towards.len() >= MAX_KNOWN {
            self.towards.clear();
        }
        let bound = self.bound.ip();
        let ours = *self.towards.entry(remote.ip()).or_insert_with(|| route(bound, remote).unwrap_or(bound));
        SocketAddr::new(ours, self.bound.port())
    }
}

/// Our address as `remote` sees it, of a socket bound to `bound`; none when that cannot reach its kind of address.
pub(super) fn local_towards(bound: SocketAddr, remote: SocketAddr) -> Option<SocketAddr> {
    let dual = bound.ip().is_unspecified() && bound.is_ipv6();
    (dual || bound.is_ipv4() == remote.is_ipv4()).then(|| LocalAddress::new(bound).towards(remote))
}

/// The source address the kernel would use; nothing is sent.
fn route(unspecified: IpAddr, remote: SocketAddr) -> std::io::Result<IpAddr> {
    let probe = UdpSocket::bind((unspecified, 0))?;
    probe.connect(remote)?;
    Ok(probe.local_addr()?.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_wildcard_becomes_the_address_the_peer_sees() {
        let peer = "127.0.0.1:4000".parse().unwrap();
        let mut everywhere = LocalAddress::new("0.0.0.0:5060".parse().unwrap());
        assert_eq!(everywhere.towards(peer), "127.0.0.1:5060".parse().unwrap());
        let mut one = LocalAddress::new("192.0.2.1:5060".parse().unwrap());
        assert_eq!(one.towards(peer), "192.0.2.1:5060".parse().unwrap());
    }
}
