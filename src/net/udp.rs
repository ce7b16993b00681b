//! SIP over one UDP socket: every datagram is one message (RFC 3261 18.1.1, 18.2.1).
//! Loss is nobody's business here: retransmission belongs to the transaction layer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::Counters;
use super::intake::Intake;
use super::local_address::LocalAddress;
use crate::sip::message::{Flow, MAX_MESSAGE_LEN, Transport};

/// Asked of the kernel: a surge of 600 INVITEs of 1.5 kB while the switchboard is busy for a moment.
const RECEIVE_BUFFER_LEN: usize = 1 << 20;
/// Pause after a receive error, so that a lasting one does not take the processor.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER_LEN) {
        tracing::debug!(%error, "receive buffer stays as it is");
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    let socket = UdpSocket::from_std(socket.into())?;
    // Until the socket was once seen writable, `try_send_to` refuses.
    socket.writable().await?;
    Ok(socket)
}

/// Receives for ever. A full arrival queue loses the datagram; its sender repeats it.
pub(super) async fn receive(socket: Arc<UdpSocket>, bound: SocketAddr, intake: Intake) {
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
        let bytes = &buffer[..len];
        if is_keep_alive(bytes) {
            Counters::count(&intake.counters().keep_alives);
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

/// False when the datagram can never go out; one that finds the buffer full is lost like any other.
pub(super) fn send(socket: &UdpSocket, bytes: &[u8], flow: Flow, intake: &Intake) -> bool {
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
