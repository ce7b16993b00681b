//! `/api/v1/calls/{id}/supervision`: a supervisor listens to a talk, prompts the operator, speaks with both or takes the
//! talk over, at the supervisor's own phone. The reason is asked for here, and goes on the journal when it happens.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::call::supervision::{Supervision, Wish};
use crate::ids::ContactId;
use crate::switchboard::Command;

use super::super::Shared;
use super::super::error::ApiError;
use super::super::extract::{Json, Path};
use super::super::gate::Principal;

/// A sentence.
const MAX_REASON_CHARS: usize = 200;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct SupervisionWish {
    /// `listen whisper barge take_over`.
    #[schema(value_type = String, example = "listen")]
    how: Supervision,
    /// Why, for the journal.
    #[schema(example = "training")]
    reason: String,
}

/// The supervisor comes into the talk at their own phone, which rings; who is there already changes what they do.
#[utoipa::path(post, path = "/api/v1/calls/{id}/supervision", tag = "calls", params(("id" = String, Path)),
    request_body = SupervisionWish,
    responses((status = 204), (status = 403), (status = 404),
        (status = 409, description = "nobody talks, the talk is full, or no phone of the supervisor's is registered"),
        (status = 422), (status = 503)))]
pub(in crate::web) async fn begin(
    State(web): State<Shared>,
    principal: Principal,
    Path(contact): Path<ContactId>,
    Json(wish): Json<SupervisionWish>,
) -> Result<StatusCode, ApiError> {
    let reason = wish.reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARS {
        return Err(ApiError::Unprocessable(format!("say why, in 1 to {MAX_REASON_CHARS} characters")));
    }
    if let Some(case) = web.contact(contact).await?.case {
        web.check_clearance(&case, &principal, "/api/v1/calls/{id}/supervision").await?;
    }
    let wish = Wish { how: wish.how, reason: Some(reason.to_owned()) };
    web.command(Command::Supervise { contact, by: principal.user.id, wish }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The supervisor leaves the talk.
#[utoipa::path(delete, path = "/api/v1/calls/{id}/supervision", tag = "calls", params(("id" = String, Path)),
    responses((status = 204), (status = 403), (status = 404), (status = 503)))]
pub(in crate::web) async fn end(
    State(web): State<Shared>,
    principal: Principal,
    Path(contact): Path<ContactId>,
) -> Result<StatusCode, ApiError> {
    web.command(Command::EndSupervision { contact, by: principal.user.id }).await?;
    Ok(StatusCode::NO_CONTENT)
}
