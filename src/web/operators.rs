//! `/api/v1/operators` and `/api/v1/queues`: the live picture, and what operators say about themselves. What becomes
//! of it is the switchboard's business; its answer is passed on.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::switchboard::Command;

use super::Shared;
use super::error::ApiError;
use super::events::view::{OperatorView, QueueView};
use super::extract::Json;
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
    let command = match choice {
        StatusChoice::Ready => Command::SetReady { operator },
        StatusChoice::NotReady { reason } => {
            if reason.trim().is_empty() || reason.chars().count() > MAX_REASON_CHARS {
                return Err(ApiError::Unprocessable(format!(
                    "a reason has 1 to {MAX_REASON_CHARS} characters"
                )));
            }
            Command::SetNotReady { operator, reason }
        }
    };
    web.command(command).await?;
    Ok(StatusCode::NO_CONTENT)
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
