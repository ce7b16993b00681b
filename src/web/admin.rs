//! `/api/v1/admin`: running the program. Admins configure; they read no content. What is read again is decided
//! elsewhere, here is the asking.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use tokio::sync::oneshot;

use crate::journal::{Draft, EventType};
use crate::time;

use super::Shared;
use super::error::ApiError;
use super::gate::Principal;

/// Reading and checking all configuration files takes well under a second.
const RELOAD_DEADLINE: Duration = Duration::from_secs(15);

/// Read configuration, city plan and dialplan again. What is refused changes nothing.
#[utoipa::path(post, path = "/api/v1/admin/reload", tag = "admin",
    responses((status = 204), (status = 403),
        (status = 422, description = "refused; `diagnostics` lists file:line:column: message"), (status = 503)))]
pub(super) async fn reload(State(web): State<Shared>, principal: Principal) -> Result<StatusCode, ApiError> {
    let gone = || ApiError::Unavailable("the program does not answer to a reload");
    let (answer, answered) = oneshot::channel();
    let asked = async {
        web.given.reload.send(answer).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    };
    let outcome = tokio::time::timeout(RELOAD_DEADLINE, asked).await.unwrap_or_else(|_| Err(gone()))?;
    outcome.map_err(ApiError::Refused)?;
    let draft = Draft::new(EventType::ConfigChanged, time::now().utc, principal.actor());
    web.journal(draft).await?;
    Ok(StatusCode::NO_CONTENT)
}
