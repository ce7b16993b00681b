//! Sockets that were bound before the program began: systemd's socket activation (sd_listen_fds(3)). While the program is
//! restarted they stay open at whoever holds them, and the kernel keeps what comes: datagrams and connections wait for the
//! seconds until the new run takes them, and nobody is refused.
//!
//! A socket is known by the address it is bound to; one that the configuration does not name is told and left alone.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use listenfd::ListenFd;

/// What is not taken yet.
#[derive(Debug, Default)]
pub struct Inherited {
    datagrams: Vec<(SocketAddr, UdpSocket)>,
    listeners: Vec<(SocketAddr, TcpListener)>,
}

impl Inherited {
    /// What `LISTEN_FDS` and `LISTEN_PID` of the environment say; nothing where they are for another process.
    ///
    /// # Errors
    /// When one of them is no socket of UDP, nor one that listens for TCP.
    pub fn from_environment() -> io::Result<Self> {
        let mut given = ListenFd::from_env();
        let mut inherited = Self::default();
        for index in 0..given.len() {
            if let Ok(Some(socket)) = given.take_udp_socket(index) {
                inherited.datagrams.push((socket.local_addr()?, socket));
            } else if let Some(listener) = given.take_tcp_listener(index)? {
                inherited.listeners.push((listener.local_addr()?, listener));
            }
        }
        Ok(inherited)
    }

    /// The socket of UDP that is bound to this very address.
    pub fn take_udp(&mut self, address: SocketAddr) -> Option<UdpSocket> {
        let place = self.datagrams.iter().position(|(bound, _)| *bound == address)?;
        Some(self.datagrams.swap_remove(place).1)
    }

    /// The same for connections.
    pub fn take_tcp(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let place = self.listeners.iter().position(|(bound, _)| *bound == address)?;
        Some(self.listeners.swap_remove(place).1)
    }

    /// Addresses of those that nobody wanted.
    pub fn left(&self) -> impl Iterator<Item = SocketAddr> {
        let datagrams = self.datagrams.iter().map(|(bound, _)| *bound);
        datagrams.chain(self.listeners.iter().map(|(bound, _)| *bound))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_socket_is_taken_once_and_by_its_address() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (udp, tcp) = (UdpSocket::bind(any).unwrap(), TcpListener::bind(any).unwrap());
        let (at, listens) = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
        let mut inherited = Inherited { datagrams: vec![(at, udp)], listeners: vec![(listens, tcp)] };
        assert!(inherited.take_udp(any).is_none() && inherited.take_tcp(any).is_none());
        assert_eq!(inherited.left().collect::<Vec<_>>(), [at, listens]);
        assert!(inherited.take_udp(at).is_some() && inherited.take_udp(at).is_none());
        assert!(inherited.take_tcp(listens).is_some() && inherited.take_tcp(listens).is_none());
        assert_eq!(inherited.left().count(), 0);
    }
}
