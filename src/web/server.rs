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
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections at once: every desk of a large city with a browser's six, and room to spare. More wait in the
/// listener's backlog.
const MAX_CONNECTIONS: usize = 4096;

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
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
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
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        prepare(&stream);
        let connection = graceful.watch(connection(stream, peer, router.clone()));
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::trace!(%error, "connection ended");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_DEADLINE, graceful.shutdown()).await.is_err() {
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

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Future<Output = Result<(), hyper::Error>> {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.call(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_header_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
}
