//! Listening sockets of TCP and TLS: bound, accepted from, and how an accepted connection is set up.
//! Whether a connection may stay is `connections`' decision.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::inherited::Inherited;
use crate::sip::message::Transport;

/// Connections the kernel holds until we accept them: a building's phones after a power cut.
const BACKLOG: i32 = 1024;
/// Pause after a failed accept (no descriptors left), so that it does not take the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A silent connection is probed after this: a phone that lost its network is noticed before its next call, not at
/// the end of its registration.
const PROBE_AFTER: Duration = Duration::from_secs(60);
/// A peer that takes nothing of what was sent for this long is gone.
const UNSENT_DEADLINE: Duration = Duration::from_secs(30);

/// A connection on its way to the table.
#[derive(Debug)]
pub(super) struct Accepted {
    pub transport: Transport,
    pub stream: TcpStream,
    pub remote: SocketAddr,
}

/// Takes over what is bound to `address`, or binds it. A socket of IPv6 is of IPv6 only: otherwise the same peer would have two addresses.
pub(super) fn bind(address: SocketAddr, inherited: &mut Inherited) -> io::Result<TcpListener> {
    if let Some(listener) = inherited.take_tcp(address) {
        listener.set_nonblocking(true)?;
        return TcpListener::from_std(listener);
    }
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for connections of the former run to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts for ever, or until nobody takes connections any more.
pub(super) async fn accept(listener: TcpListener, transport: Transport, taken: mpsc::Sender<Accepted>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                if taken.send(Accepted { transport, stream, remote }).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, flow.transport = transport.name(), "accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Small messages at once, and dead peers noticed; a kernel that refuses leaves a connection that works.
pub(super) fn prepare(stream: &TcpStream) {
    let options = stream.set_nodelay(true).and_then(|()| {
        let socket = SockRef::from(stream);
        socket
            .set_tcp_keepalive(&TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_AFTER / 4))?;
        socket.set_tcp_user_timeout(Some(UNSENT_DEADLINE))
    });
    if let Err(error) = options {
        tracing::debug!(%error, "socket options");
    }
}
