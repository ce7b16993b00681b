//! SIP over UDP sockets: every datagram is one message (RFC 3261 18.1.1, 18.2.1).
//! Loss is nobody's business here: retransmission belongs to the transaction layer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::Counters;
use super::inherited::Inherited;
use super::intake::Intake;
use super::local_address::LocalAddress;
use crate::sip::message::{Flow, MAX_MESSAGE_LEN, Transport};

/// Asked of the kernel: a surge of 600 INVITEs of 1.5 kB while the switchboard is busy for a moment.
const RECEIVE_BUFFER_LEN: usize = 1 << 20;
/// Octets of the shortest SIP message there can be, and room to spare: start line, Via, From, To, Call-ID, CSeq.
const MIN_MESSAGE_LEN: usize = 64;
/// Pause after a receive error, so that a lasting one does not take the processor.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// The sockets, one for each address we listen at.
#[derive(Clone, Debug)]
pub(super) struct UdpSockets(Arc<[Bound]>);

#[derive(Debug)]
struct Bound {
    socket: Arc<UdpSocket>,
    address: SocketAddr,
}

impl UdpSockets {
    pub async fn bind(addresses: &[SocketAddr], inherited: &mut Inherited) -> io::Result<Self> {
        let mut sockets = Vec::with_capacity(addresses.len());
        for address in addresses {
            let socket = match inherited.take_udp(*address) {
                Some(socket) => adopt(socket.into()).await?,
                None => adopt(bind(*address)?).await?,
            };
            let socket = Arc::new(socket);
            sockets.push(Bound { address: socket.local_addr()?, socket });
        }
        Ok(Self(sockets.into()))
    }

    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().map(|bound| bound.address)
    }

    /// What each socket receives, for ever.
    pub fn receive<'a>(
        &'a self,
        intake: &'a Intake,
    ) -> impl Iterator<Item = impl Future<Output = ()> + use<>> + 'a {
        self.0.iter().map(|bound| receive(bound.socket.clone(), bound.address, intake.clone()))
    }

    /// False when the datagram can never go out; one that finds the buffer full is lost like any other.
    pub fn send(&self, bytes: &[u8], flow: Flow, intake: &Intake) -> bool {
        let Some(socket) = self.towards(flow) else { return false };
        match socket.try_send_to(bytes, flow.remote) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Counters::count(&intake.counters().sends_dropped);
                true
            }
            Err(error) => {
                tracing::debug!(flow.remote = %flow.remote, %error, "UDP send");
                false
            }
        }
    }

    /// The socket a flow stands for: that of its local address, bound to it or to all addresses; else one that can
    /// reach the peer at all.
    fn towards(&self, flow: Flow) -> Option<&UdpSocket> {
        let of_family = || self.0.iter().filter(|bound| bound.address.is_ipv4() == flow.remote.is_ipv4());
        let local = flow.local;
        let exact = of_family().find(|bound| bound.address == local);
        let wildcard = || {
            of_family()
                .find(|bound| bound.address.ip().is_unspecified() && bound.address.port() == local.port())
        };
        exact.or_else(wildcard).or_else(|| of_family().next()).map(|bound| bound.socket.as_ref())
    }
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // Otherwise the same peer would have two addresses.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

async fn adopt(socket: Socket) -> io::Result<UdpSocket> {
    if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER_LEN) {
        tracing::debug!(%error, "receive buffer stays as it is");
    }
    socket.set_nonblocking(true)?;
    let socket = UdpSocket::from_std(socket.into())?;
    // Until the socket was once seen writable, `try_send_to` refuses.
    socket.writable().await?;
    Ok(socket)
}

/// Receives for ever. A full arrival queue loses the datagram; its sender repeats it.
async fn receive(socket: Arc<UdpSocket>, bound: SocketAddr, intake: Intake) {
    let mut local = LocalAddress::new(bound);
    let mut buffer = vec![0; MAX_MESSAGE_LEN];
    loop {
        let (len, remote) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                tracing::warn!(%error, "UDP receive");
                tokio::time::sleep(ERROR_PAUSE).await;
                continue;
            }
        };
        if !intake.admits(remote) {
            continue;
        }
        let bytes = &buffer[..len];
        if is_keep_alive(bytes) {
            Counters::count(&intake.counters().keep_alives);
            continue;
        }
        if !may_be_sip(bytes) {
            Counters::count(&intake.counters().garbage);
            continue;
        }
        let flow = Flow { transport: Transport::Udp, local: local.towards(remote), remote };
        let taken = intake.take(bytes, flow);
        if let Some(rejection) = taken.rejection
            && socket.try_send_to(&rejection, remote).is_err()
        {
            Counters::count(&intake.counters().sends_dropped);
        }
        intake.offer(taken.arrival);
    }
}

/// Phones behind address translation send empty lines, or four zero bytes, to keep their path open.
fn is_keep_alive(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0))
}

/// A method or `SIP/2.0` begins with a letter or digit after empty lines. STUN (two zero bits), DTLS, DNS and other
/// strays do not, and cost no more than this look.
fn may_be_sip(bytes: &[u8]) -> bool {
    let first = bytes.iter().find(|byte| !matches!(byte, b'\r' | b'\n'));
    bytes.len() >= MIN_MESSAGE_LEN && first.is_some_and(|byte| byte.is_ascii_graphic())
}
