//! `/api/v1/operators` and `/api/v1/queues`: the live picture, and what operators say about themselves or
//! a supervisor about them. What becomes
//! of it is the switchboard's business; its answer is passed on.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ids::UserId;
use crate::switchboard::Command;

use super::Shared;
use super::error::ApiError;
use super::events::view::{OperatorView, QueueView};
use super::extract::{Json, Path};
use super::gate::Principal;
use super::view::ListView;

/// A pause reason is a word or two.
const MAX_REASON_CHARS: usize = 60;

/// Operators and what they are doing.
#[utoipa::path(get, path = "/api/v1/operators", tag = "live",
    responses((status = 200, body = ListView<OperatorView>)))]
pub(super) async fn list(State(web): State<Shared>) -> Answer<ListView<OperatorView>> {
    let snapshot = web.snapshot();
    Answer(ListView { items: snapshot.operators.iter().map(OperatorView::from).collect(), next: None })
}

/// Queues and who waits in them.
#[utoipa::path(get, path = "/api/v1/queues", tag = "live",
    responses((status = 200, body = ListView<QueueView>)))]
pub(super) async fn queues(State(web): State<Shared>) -> Answer<ListView<QueueView>> {
    let snapshot = web.snapshot();
    Answer(ListView { items: snapshot.queues.iter().map(QueueView::from).collect(), next: None })
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum StatusChoice {
    Ready,
    NotReady {
        /// Shown on the board.
        reason: String,
    },
}

/// The operator signed in is ready, or is not and says why.
#[utoipa::path(post, path = "/api/v1/operators/me/status", tag = "live", request_body = StatusChoice,
    responses((status = 204), (status = 404), (status = 409), (status = 422), (status = 503)))]
pub(super) async fn set_status(
    State(web): State<Shared>,
    principal: Principal,
    Json(choice): Json<StatusChoice>,
) -> Result<StatusCode, ApiError> {
    let operator = principal.user.id;
    let command = match choice.not_ready()? {
        None => Command::SetReady { operator },
        Some(reason) => Command::SetNotReady { operator, reason },
    };
    web.command(command).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A supervisor makes an operator ready or not, who left the desk for instance.
#[utoipa::path(post, path = "/api/v1/operators/{id}/status", tag = "live", params(("id" = String, Path)),
    request_body = StatusChoice,
    responses((status = 204), (status = 403), (status = 404), (status = 409), (status = 422), (status = 503)))]
pub(super) async fn set_status_of(
    State(web): State<Shared>,
    principal: Principal,
    Path(operator): Path<UserId>,
    Json(choice): Json<StatusChoice>,
) -> Result<StatusCode, ApiError> {
    let not_ready = choice.not_ready()?;
    web.command(Command::SetStatusOf { operator, by: principal.user.id, not_ready }).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl StatusChoice {
    /// Why not ready; none when ready.
    fn not_ready(self) -> Result<Option<String>, ApiError> {
        match self {
            Self::Ready => Ok(None),
            Self::NotReady { reason }
                if reason.trim().is_empty() || reason.chars().count() > MAX_REASON_CHARS =>
            {
                Err(ApiError::Unprocessable(format!("a reason has 1 to {MAX_REASON_CHARS} characters")))
            }
            Self::NotReady { reason } => Ok(Some(reason)),
        }
    }
}

/// The operator signed in has finished with the last call.
#[utoipa::path(post, path = "/api/v1/operators/me/wrap-up-done", tag = "live",
    responses((status = 204), (status = 404), (status = 409), (status = 503)))]
pub(super) async fn end_wrap_up(
    State(web): State<Shared>,
    principal: Principal,
) -> Result<StatusCode, ApiError> {
    web.command(Command::EndWrapUp { operator: principal.user.id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The operator signed in needs a minute more to write up the last call, up to 15 minutes in all.
#[utoipa::path(post, path = "/api/v1/operators/me/wrap-up-more", tag = "live",
    responses((status = 204), (status = 404), (status = 409), (status = 503)))]
pub(super) async fn extend_wrap_up(
    State(web): State<Shared>,
    principal: Principal,
) -> Result<StatusCode, ApiError> {
    web.command(Command::ExtendWrapUp { operator: principal.user.id }).await?;
    Ok(StatusCode::NO_CONTENT)
}
