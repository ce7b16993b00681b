//! `/sip`: the WebSocket of browser phones (RFC 7118), one SIP message per frame, text or binary. Frames, pings and
//! origins are here; what the messages say is none of the web's business, it hands them to `net`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Extension;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::Response;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use crate::net::{Guest, Received};
use crate::sip::message::MAX_MESSAGE_LEN;
use crate::time;

use super::Shared;
use super::error::ApiError;
use super::gate::Credential;
use super::server::AcceptedAt;

/// Where it is, on the port of the pages.
pub(super) const PATH: &str = "/sip";
/// The subprotocol both sides must name (RFC 7118 4.1).
const SUBPROTOCOL: &str = "sip";
/// Keeps the way through proxies open, whose patience is a minute as a rule.
const PING_EVERY: Duration = Duration::from_secs(20);
/// A browser that was silent for two pings and a bit is gone; its phone may be reached by another way by now.
const SILENCE_DEADLINE: Duration = Duration::from_secs(45);
/// A browser that does not take a message within this time is gone.
const SEND_DEADLINE: Duration = Duration::from_secs(10);
/// Who a proxy on this machine speaks for; the last entry is the one the proxy itself has seen.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// By what the browser reached that proxy: `https` or `http`.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Opens the WebSocket. Anybody may; who registers or calls over it proves it by digest, as over any transport.
pub(super) async fn accept(
    State(web): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(AcceptedAt(local)): Extension<AcceptedAt>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|refused| ApiError::BadRequest(refused.body_text()))?;
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Err(ApiError::BadRequest("the WebSocket subprotocol 'sip' is needed".to_owned()));
    }
    if !is_welcome(&headers, &web.in_force().origins.others, peer.ip()) {
        return Err(ApiError::forbidden("pages of this origin may not use our SIP"));
    }
    let remote = SocketAddr::new(speaks_for(&headers, peer.ip()), peer.port());
    let guest = web.given.sip.enter(local, remote).await.map_err(|refused| {
        tracing::info!(flow.remote = %remote, error = %refused, "WebSocket refused");
        ApiError::Unavailable("no further SIP connection is taken now")
    })?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE_LEN).max_frame_size(MAX_MESSAGE_LEN);
    // Before the session is looked at: no end of it is missed.
    let sign_outs = web.sign_outs.subscribe();
    let session = session_of(&web, &headers).await;
    Ok(upgrade.on_upgrade(move |socket| converse(socket, guest, web, session, sign_outs)))
}

/// A program that is no browser tells no origin. A browser's page must be our own or of a configured origin; on one
/// machine, where pages are developed, it may come from another port.
pub(super) fn is_welcome(headers: &HeaderMap, origins: &[String], peer: IpAddr) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(origin) = text(header::ORIGIN) else { return true };
    let Some((_, ours)) = origin.split_once("://") else { return false };
    let host = text(header::HOST).unwrap_or_default();
    ours == host
        || origins.iter().any(|known| known.eq_ignore_ascii_case(origin))
        || peer.to_canonical().is_loopback() && is_loopback(ours) && is_loopback(host)
}

/// Whether `host[:port]` is this machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The browser's address: that of the connection, unless a proxy on this machine speaks for it. Limits by source
/// would otherwise count all browsers as one.
pub(super) fn speaks_for(headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let forwarded =
        headers.get_all(FORWARDED_FOR).into_iter().next_back().and_then(|value| value.to_str().ok());
    let last = forwarded.and_then(|list| list.rsplit(',').next()?.trim().parse().ok());
    last.filter(|_| peer.to_canonical().is_loopback()).unwrap_or(peer)
}

/// Whether the browser's connection is encrypted as far as the proxy on this machine, which alone can tell.
pub(super) fn came_over_tls(headers: &HeaderMap, peer: IpAddr) -> bool {
    let proto = headers.get(FORWARDED_PROTO).and_then(|value| value.to_str().ok());
    peer.to_canonical().is_loopback() && proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
}

/// The session of the page that opened the socket; none of a program or a citizen's page.
async fn session_of(web: &Shared, headers: &HeaderMap) -> Option<String> {
    let Credential::Cookie(token) = Credential::of(headers) else { return None };
    let stands = web.store().session_stands(&token, time::now().utc).await;
    matches!(stands, Ok(Some(_))).then_some(token)
}

/// Done when the session was ended; what ends by its own limit ends no call.
async fn signed_out(web: &Shared, session: Option<&str>, sign_outs: &mut watch::Receiver<u64>) {
    let Some(token) = session else { return std::future::pending().await };
    loop {
        if sign_outs.changed().await.is_err() {
            return std::future::pending().await;
        }
        // A store that is slow for a moment ends no phone.
        if let Ok(None) = web.store().session_stands(token, time::now().utc).await {
            return;
        }
    }
}

/// Moves messages until either side is done.
async fn converse(
    mut socket: WebSocket,
    mut guest: Guest,
    web: Shared,
    session: Option<String>,
    mut sign_outs: watch::Receiver<u64>,
) {
    let mut ended = std::pin::pin!(signed_out(&web, session.as_deref(), &mut sign_outs));
    let mut heard_at = Instant::from_std(time::now().mono);
    let mut ping = tokio::time::interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    loop {
        let goes_on = tokio::select! {
            outgoing = guest.next() => match outgoing {
                Some(bytes) => send(&mut socket, frame(bytes)).await,
                None => {
                    let reason = "no SIP was heard, or the server is stopping".into();
                    send(&mut socket, Frame::Close(Some(CloseFrame { code: close_code::AWAY, reason }))).await;
                    false
                }
            },
            incoming = socket.recv() => {
                heard_at = Instant::from_std(time::now().mono);
                match incoming {
                    Some(Ok(Frame::Text(text))) => take(&mut socket, &mut guest, text.as_bytes()).await,
                    Some(Ok(Frame::Binary(bytes))) => take(&mut socket, &mut guest, &bytes).await,
                    Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => true,
                    Some(Ok(Frame::Close(_)) | Err(_)) | None => false,
                }
            },
            () = &mut ended => {
                let reason = "the session ended".into();
                send(&mut socket, Frame::Close(Some(CloseFrame { code: close_code::POLICY, reason }))).await;
                false
            }
            at = ping.tick() => {
                at.saturating_duration_since(heard_at) <= SILENCE_DEADLINE
                    && send(&mut socket, Frame::Ping(bytes::Bytes::new())).await
            }
        };
        if !goes_on {
            return;
        }
    }
}

async fn take(socket: &mut WebSocket, guest: &mut Guest, message: &[u8]) -> bool {
    match guest.receive(message).await {
        Received::Taken => true,
        Received::Answer(bytes) => send(socket, frame(bytes)).await,
        Received::Closed => false,
    }
}

/// Text as a rule, because every browser phone takes it; binary what is no text, such as a name in an old encoding.
fn frame(bytes: Vec<u8>) -> Frame {
    match String::from_utf8(bytes) {
        Ok(text) => Frame::Text(text.into()),
        Err(other) => Frame::Binary(other.into_bytes().into()),
    }
}

async fn send(socket: &mut WebSocket, frame: Frame) -> bool {
    matches!(tokio::time::timeout(SEND_DEADLINE, socket.send(frame)).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const HERE: &str = "127.0.0.1";
    const AWAY: &str = "192.0.2.7";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn welcome(origin: &str, host: &str, peer: &str) -> bool {
        let known = ["https://desk.city.example".to_owned()];
        is_welcome(&headers(&[("origin", origin), ("host", host)]), &known, peer.parse().unwrap())
    }

    #[test]
    fn our_pages_and_configured_ones_are_welcome_and_no_others() {
        assert!(welcome("https://city.example", "city.example", AWAY));
        assert!(welcome("https://desk.city.example", "city.example", AWAY));
        assert!(!welcome("https://evil.example", "city.example", AWAY));
        assert!(!welcome("https://desk.city.example.evil.example", "city.example", AWAY));
        assert!(!welcome("null", "city.example", AWAY));
        assert!(is_welcome(&headers(&[("host", "city.example")]), &[], AWAY.parse().unwrap()));
    }

    #[test]
    fn on_one_machine_another_port_will_do() {
        assert!(welcome("http://localhost:5173", "127.0.0.1:8080", HERE));
        assert!(welcome("http://[::1]:5173", "localhost:8080", "::1"));
        assert!(!welcome("http://localhost:5173", "127.0.0.1:8080", AWAY));
        assert!(!welcome("http://localhost.evil.example", "127.0.0.1:8080", HERE));
        assert!(!welcome("http://localhost:5173", "city.example", HERE));
    }

    #[test]
    fn only_a_proxy_on_this_machine_speaks_for_others() {
        let forwarded = headers(&[("x-forwarded-for", "203.0.113.1, 198.51.100.2")]);
        let source = |peer: &str| speaks_for(&forwarded, peer.parse().unwrap()).to_string();
        assert_eq!(source(HERE), "198.51.100.2");
        assert_eq!(source(AWAY), AWAY);
        assert_eq!(speaks_for(&headers(&[]), HERE.parse().unwrap()).to_string(), HERE);
        let nonsense = headers(&[("x-forwarded-for", "unknown")]);
        assert_eq!(speaks_for(&nonsense, HERE.parse().unwrap()).to_string(), HERE);
    }
}
