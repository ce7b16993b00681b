//! The listening side: connections in, bounded in number, each with deadlines; an orderly end. TLS is the business
//! of the proxy in front.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// Connections at once: every desk of a large city with a browser's six, and room to spare. More wait in the
/// listener's backlog.
pub const MAX_CONNECTIONS: u32 = 4096;

/// The head of a request, or the next request on a kept connection, comes within this time.
const HEAD_DEADLINE: Duration = Duration::from_secs(30);

/// The head of a request: cookies and a query, no more.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// A peer that takes nothing of what is sent for this long is cut off.
const UNSENT_DEADLINE: Duration = Duration::from_secs(60);

/// Running answers get this long to finish when the program stops.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// After a failed `accept` (no descriptors left) the next try waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Our end of the connection a request came over.
#[derive(Clone, Copy, Debug)]
pub(super) struct AcceptedAt(pub(super) SocketAddr);

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the listener has no address: {0}")]
    Listener(#[from] std::io::Error),
}

/// Serves `router` on `listener` until `stop` is done, then lets running answers finish within 10 s.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "http listening");
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    let (stopping, stopped) = watch::channel(());
    let mut stop = std::pin::pin!(stop);
    loop {
        let place = tokio::select! {
            () = &mut stop => break,
            place = places.clone().acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                prepare(&stream);
                let connection = converse(stream, peer, router.clone(), stopped.clone());
                tokio::spawn(async move {
                    let _place = place;
                    connection.await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    stopping.send_replace(());
    // All places are free again when the last connection has ended.
    if tokio::time::timeout(DRAIN_DEADLINE, places.acquire_many(MAX_CONNECTIONS)).await.is_err() {
        tracing::warn!("answers were still running when the program stopped");
    }
    Ok(())
}

fn prepare(stream: &TcpStream) {
    let options = stream.set_nodelay(true).and_then(|()| {
        let socket = SockRef::from(stream);
        socket.set_tcp_user_timeout(Some(UNSENT_DEADLINE))
    });
    if let Err(error) = options {
        tracing::debug!(%error, "socket options");
    }
}

/// One connection, from its first request to its last; when the program stops, the running request is the last.
async fn converse(stream: TcpStream, peer: SocketAddr, router: Router, mut stopped: watch::Receiver<()>) {
    let router = TowerToHyperService::new(router);
    // Already gone when it has no address any more.
    let Ok(local) = stream.local_addr() else { return };
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(AcceptedAt(local));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_header_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "connection ended");
    }
}
