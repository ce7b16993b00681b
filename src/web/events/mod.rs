//! `/api/v1/events`: the live picture over a WebSocket (RFC 6455). First the whole, then what changes; `?after=`
//! resumes. What is sent is `view.rs`, what is remembered is `feed.rs`.

mod classes;
mod feed;
pub(super) mod view;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, MissedTickBehavior};
use utoipa::IntoParams;

use crate::acd::OperatorStatus;
use crate::time;

use super::Shared;
use super::error::ApiError;
use super::extract::Query;
use super::gate::Principal;
use super::messages::DeskMessage;
use classes::Viewer;
use feed::Seen;
use view::Message;

pub(super) use classes::LiveCases;
#[cfg(test)]
pub(super) use feed::tests::call as live_call;
pub(super) use feed::{Feed, follow};

/// Also how often the session behind a stream is looked at again.
const PING_EVERY: Duration = Duration::from_secs(20);
/// A client that was silent for two pings and a bit is gone.
const SILENCE_DEADLINE: Duration = Duration::from_secs(45);
/// A client that does not take a message within this time is gone.
const SEND_DEADLINE: Duration = Duration::from_secs(10);
/// Clients have nothing to say but pongs.
const MAX_FRAME_BYTES: usize = 4096;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Resume {
    /// `seq` of the last message seen.
    after: Option<u64>,
}

/// The live picture: a snapshot, then deltas, as WebSocket text messages.
#[utoipa::path(get, path = "/api/v1/events", tag = "live", params(Resume),
    responses((status = 101, description = "then messages of this form", body = Message), (status = 403),
        (status = 503)))]
pub(super) async fn events(
    State(web): State<Shared>,
    principal: Principal,
    Query(resume): Query<Resume>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|refused| ApiError::BadRequest(refused.body_text()))?;
    check_same_origin(&headers)?;
    let Ok(place) = web.event_streams.clone().try_acquire_owned() else {
        return Err(ApiError::Unavailable("too many event streams are open"));
    };
    let upgrade = upgrade.max_message_size(MAX_FRAME_BYTES).max_frame_size(MAX_FRAME_BYTES);
    Ok(upgrade.on_upgrade(move |socket| {
        let (viewer, messages) = (Viewer::new(&principal.user), web.desks.open(principal.user.id));
        Stream {
            web,
            principal,
            viewer,
            messages,
            seen: resume.after.map(|seq| Seen { seq, recasts: 0 }),
            heard_at: Instant::from_std(time::now().mono),
            _place: place,
        }
        .run(socket)
    }))
}

/// A browser tells where a page came from; a page of another site gets no stream, cookie or not.
fn check_same_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return Ok(()) };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    if authority.is_some() && authority == text(header::HOST) {
        return Ok(());
    }
    Err(ApiError::forbidden("event streams are for our own pages"))
}

/// One client of the event stream.
struct Stream {
    web: Shared,
    principal: Principal,
    viewer: Viewer,
    messages: mpsc::Receiver<Arc<DeskMessage>>,
    seen: Option<Seen>,
    heard_at: Instant,
    _place: OwnedSemaphorePermit,
}

/// Why a stream ends.
enum Ended {
    /// The client left, or its connection did.
    Gone,
    /// We are stopping.
    GoingAway,
    /// The session ended.
    SignedOut,
}

impl Stream {
    async fn run(mut self, mut socket: WebSocket) {
        let ended = self.serve(&mut socket).await;
        let (code, reason) = match ended {
            Ended::Gone => return,
            Ended::GoingAway => (close_code::AWAY, "the server is stopping"),
            Ended::SignedOut => (close_code::POLICY, "the session ended"),
        };
        let close = Frame::Close(Some(CloseFrame { code, reason: reason.into() }));
        // The client may be gone already; there is nobody left to tell.
        let _ = tokio::time::timeout(SEND_DEADLINE, socket.send(close)).await;
    }

    async fn serve(&mut self, socket: &mut WebSocket) -> Ended {
        let mut feed = self.web.feed.clone();
        let mut sign_outs = self.web.sign_outs.subscribe();
        if let Some(ended) = self.session_over().await {
            return ended;
        }
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        loop {
            let due = feed.borrow_and_update().due(self.seen, &self.viewer);
            for text in due.messages {
                if !send(socket, Frame::Text(text)).await {
                    return Ended::Gone;
                }
            }
            self.seen = Some(due.seen);
            tokio::select! {
                changed = feed.changed() => if changed.is_err() {
                    return Ended::GoingAway;
                },
                Some(message) = self.messages.recv() => {
                    if !send(socket, Frame::Text(feed::text(&Message::Said { message }))).await {
                        return Ended::Gone;
                    }
                }
                frame = socket.recv() => match frame {
                    Some(Ok(Frame::Close(_)) | Err(_)) | None => return Ended::Gone,
                    Some(Ok(_)) => self.heard_at = Instant::from_std(time::now().mono),
                },
                Ok(()) = sign_outs.changed() => if let Some(ended) = self.session_over().await {
                    return ended;
                },
                at = ping.tick() => if let Some(ended) = self.check(socket, at).await {
                    return ended;
                },
            }
        }
    }

    /// At each ping: is the client still there, and still allowed to be?
    async fn check(&mut self, socket: &mut WebSocket, at: Instant) -> Option<Ended> {
        if at.saturating_duration_since(self.heard_at) > SILENCE_DEADLINE
            || !send(socket, Frame::Ping(bytes::Bytes::new())).await
        {
            return Some(Ended::Gone);
        }
        self.session_over().await
    }

    /// An operator on duty uses the session by being there; of anybody else the open page is no use of it.
    async fn session_over(&mut self) -> Option<Ended> {
        let (token, at) = (&self.principal.token, time::now().utc);
        let stands = if self.is_on_duty() {
            self.web.store().session_user(token, at).await
        } else {
            self.web.store().session_stands(token, at).await
        };
        match stands {
            Ok(Some(user)) if user.role == self.principal.role() => {
                let viewer = Viewer::new(&user);
                if viewer != self.viewer {
                    (self.viewer, self.seen) = (viewer, None);
                }
                match self.web.reach_of(&user).await {
                    Ok(Err(_)) => Some(Ended::SignedOut),
                    Ok(Ok(reach)) => (!reach.is_whole()).then_some(Ended::SignedOut),
                    Err(_) => None,
                }
            }
            Ok(_) => Some(Ended::SignedOut),
            // A store that is slow for a moment ends no stream.
            Err(_) => None,
        }
    }

    fn is_on_duty(&self) -> bool {
        let snapshot = self.web.snapshot();
        let own = snapshot.operators.iter().find(|operator| operator.id == self.principal.user.id);
        own.is_some_and(|own| {
            !matches!(own.status, OperatorStatus::LoggedOut | OperatorStatus::NotReady { .. })
        })
    }
}

async fn send(socket: &mut WebSocket, frame: Frame) -> bool {
    matches!(tokio::time::timeout(SEND_DEADLINE, socket.send(frame)).await, Ok(Ok(())))
}
