//! For those who run the program: is it alive, is it ready, what does it count, what is its API. Open to everybody
//! and free of content.

use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::switchboard::IntakeState;

use super::error::ApiError;
use super::{Shared, router};

/// A store that does not answer a trivial question within this time is not ready.
const STORE_DEADLINE: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alive {
    status: &'static str,
}

/// The process runs and answers.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, body = Alive)))]
pub(super) async fn livez() -> Answer<Alive> {
    Answer(Alive { status: "alive" })
}

/// Calls can be taken: the store answers, the switchboard listens and is in service, and calls that must be recorded can
/// be.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, body = Alive), (status = 503)))]
pub(super) async fn readyz(State(web): State<Shared>) -> Result<Answer<Alive>, ApiError> {
    if web.given.commands.is_closed() {
        return Err(ApiError::Unavailable("the switchboard has stopped"));
    }
    if web.snapshot().recording.refuses_calls {
        return Err(ApiError::Unavailable("the disk of the recordings is full, slow or broken"));
    }
    match web.snapshot().intake.state {
        IntakeState::Open => {}
        IntakeState::Draining => return Err(ApiError::Unavailable("taken out of service: no new calls")),
        IntakeState::Stopping => return Err(ApiError::Unavailable("the program is stopping")),
    }
    // Past the end of any journal: nothing is read, but the database must answer.
    let end = u64::try_from(i64::MAX).unwrap_or_default();
    let asked = tokio::time::timeout(STORE_DEADLINE, web.store().entries_after(end, 1)).await;
    match asked {
        Ok(Ok(_)) => Ok(Answer(Alive { status: "ready" })),
        Ok(Err(_)) | Err(_) => Err(ApiError::Unavailable("the store is not answering")),
    }
}

/// Counters in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn metrics(State(web): State<Shared>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        (web.given.metrics)() + &web.log.metrics(),
    )
}

/// This description.
#[utoipa::path(get, path = "/api/openapi.json", tag = "health",
    responses((status = 200, content_type = "application/json")))]
pub(super) async fn openapi() -> Result<impl IntoResponse, ApiError> {
    let json = router::openapi().to_json().map_err(|error| ApiError::internal("openapi.json", &error))?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], json))
}
