//! `/api/v1/sessions`: where one is signed in, and ending that from elsewhere; `/api/v1/admin/users/{id}/sessions` is the
//! same for the administrator. What is ended ends at once, with its event streams and the phone in its page.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ids::{SessionId, UserId};
use crate::journal::{Draft, EventType};
use crate::store::{Ending, OpenSession};
use crate::time;

use super::error::ApiError;
use super::extract::Path;
use super::gate::Principal;
use super::view::{ListView, UtcTime};
use super::{Shared, Web};

/// One place where somebody is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenSessionView {
    id: String,
    opened_at: UtcTime,
    /// Up to a minute late.
    seen_at: UtcTime,
    /// Unless it is used meanwhile.
    ends_at: UtcTime,
    /// Address it was opened from.
    source: String,
    /// What the browser calls itself.
    browser: String,
    /// The session of this request.
    own: bool,
}

impl From<OpenSession> for OpenSessionView {
    fn from(session: OpenSession) -> Self {
        Self {
            id: session.id.to_string(),
            opened_at: session.opened_at.into(),
            seen_at: session.seen_at.into(),
            ends_at: session.ends_at.into(),
            source: session.source,
            browser: session.browser,
            own: session.own,
        }
    }
}

type Sessions = Answer<ListView<OpenSessionView>>;

/// Where one is signed in, the place used last first.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "session",
    responses((status = 200, body = ListView<OpenSessionView>), (status = 401)))]
pub(super) async fn list(State(web): State<Shared>, principal: Principal) -> Result<Sessions, ApiError> {
    web.sessions_of(principal.user.id, &principal).await
}

/// End one of one's own sessions.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "session", params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 404)))]
pub(super) async fn end(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<SessionId>,
) -> Result<StatusCode, ApiError> {
    match web.end_sessions(principal.user.id, Ending::One(id), &principal).await? {
        0 => Err(ApiError::NotFound("session of yours")),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// End all of one's own sessions but this one.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "session", responses((status = 204), (status = 401)))]
pub(super) async fn end_others(
    State(web): State<Shared>,
    principal: Principal,
) -> Result<StatusCode, ApiError> {
    web.end_sessions(principal.user.id, Ending::Others(principal.token.to_string()), &principal).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where somebody is signed in.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}/sessions", tag = "admin", params(("id" = String, Path)),
    responses((status = 200, body = ListView<OpenSessionView>), (status = 403), (status = 404)))]
pub(super) async fn list_of(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<UserId>,
) -> Result<Sessions, ApiError> {
    web.store().user(id).await?.ok_or(ApiError::NotFound("user"))?;
    web.sessions_of(id, &principal).await
}

/// Sign somebody out everywhere.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}/sessions", tag = "admin", params(("id" = String, Path)),
    responses((status = 204), (status = 403), (status = 404)))]
pub(super) async fn end_of(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<UserId>,
) -> Result<StatusCode, ApiError> {
    web.store().user(id).await?.ok_or(ApiError::NotFound("user"))?;
    web.end_sessions(id, Ending::All, &principal).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Web {
    async fn sessions_of(&self, user: UserId, principal: &Principal) -> Result<Sessions, ApiError> {
        let open = self.store().sessions_of(user, &principal.token, time::now().utc).await?;
        Ok(Answer(ListView { items: open.into_iter().map(OpenSessionView::from).collect(), next: None }))
    }

    async fn end_sessions(
        &self,
        user: UserId,
        which: Ending,
        principal: &Principal,
    ) -> Result<u64, ApiError> {
        let entry = Draft::new(EventType::UserSessionsEnded, time::now().utc, principal.actor());
        let ended = self.store().end_sessions(user, which, entry).await?;
        self.sessions_ended();
        Ok(ended)
    }
}
