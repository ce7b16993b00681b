//! `/api/v1/admin/service`, `/drain` and `/reload`: how the program is doing, whether it takes new calls, and bringing
//! changed files into force. What the files
//! would change is `changes.rs`.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::acd::OperatorStatus;
use crate::switchboard::{Command, TrunkState};

use super::super::Shared;
use super::super::error::ApiError;
use super::super::events::view::{IntakeView, RecordingLiveView};
use super::super::gate::Principal;
use super::super::view::UtcTime;
use super::Wanted;

/// How the program is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ServiceView {
    #[schema(example = "0.1.0")]
    version: &'static str,
    started_at: UtcTime,
    /// Since when the files are in force as they are.
    in_force_at: UtcTime,
    short_number: String,
    calls: usize,
    trunks: usize,
    trunks_down: usize,
    operators: usize,
    /// Operators whose phone is there.
    operators_present: usize,
    prompts_recorded: usize,
    /// Prompts spoken by a program.
    prompts_spoken: usize,
    recording: RecordingLiveView,
    intake: IntakeView,
    /// Keys of the configuration that have changed and wait for a restart.
    restart_needed: Vec<&'static str>,
}

/// How the program is doing.
#[utoipa::path(get, path = "/api/v1/admin/service", tag = "admin",
    responses((status = 200, body = ServiceView), (status = 403)))]
pub(in crate::web) async fn show(State(web): State<Shared>) -> Answer<ServiceView> {
    let (snapshot, in_force) = (web.snapshot(), web.in_force());
    let origins = in_force.prompts.origins();
    let present = snapshot.operators.iter().filter(|one| !matches!(one.status, OperatorStatus::LoggedOut));
    Answer(ServiceView {
        version: env!("CARGO_PKG_VERSION"),
        started_at: web.started_at.into(),
        in_force_at: in_force.at.into(),
        short_number: web.given.short_number.clone(),
        calls: snapshot.calls.len(),
        trunks: snapshot.trunks.len(),
        trunks_down: snapshot.trunks.iter().filter(|trunk| trunk.state == TrunkState::Down).count(),
        operators: snapshot.operators.len(),
        operators_present: present.count(),
        prompts_recorded: origins.recorded,
        prompts_spoken: origins.cached + origins.rendered,
        recording: snapshot.recording.into(),
        intake: snapshot.intake.into(),
        restart_needed: in_force.deferred.clone(),
    })
}

/// What a reload left for later.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ReloadedView {
    /// Keys of the configuration that have changed and wait for a restart.
    #[schema(example = json!(["sip.udp"]))]
    restart_needed: Vec<&'static str>,
}

/// Read configuration, certificates, city plan, dialplan, prompts and users again. What is refused changes nothing; what
/// only a restart can change is named.
#[utoipa::path(post, path = "/api/v1/admin/reload", tag = "admin",
    responses((status = 200, body = ReloadedView), (status = 403),
        (status = 422, description = "refused; `diagnostics` lists file:line:column: message"), (status = 503)))]
pub(in crate::web) async fn reload(
    State(web): State<Shared>,
    principal: Principal,
) -> Result<Answer<ReloadedView>, ApiError> {
    let reloaded = web.ask_for_reload(Wanted::Publish, principal.actor()).await?;
    let restart_needed = reloaded.map_err(ApiError::Refused)?;
    Ok(Answer(ReloadedView { restart_needed }))
}

/// Take this node out of service: no new calls, OPTIONS of the proxies in front hear 503; running calls and those who wait
/// go on. Repeating it changes nothing.
#[utoipa::path(post, path = "/api/v1/admin/drain", tag = "admin",
    responses((status = 204), (status = 403), (status = 503)))]
pub(in crate::web) async fn drain(
    State(web): State<Shared>,
    principal: Principal,
) -> Result<StatusCode, ApiError> {
    web.command(Command::Drain { drain: true, by: principal.user.id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take calls again. Repeating it changes nothing.
#[utoipa::path(delete, path = "/api/v1/admin/drain", tag = "admin",
    responses((status = 204), (status = 403), (status = 503, description = "the program is stopping")))]
pub(in crate::web) async fn resume(
    State(web): State<Shared>,
    principal: Principal,
) -> Result<StatusCode, ApiError> {
    web.command(Command::Drain { drain: false, by: principal.user.id }).await?;
    Ok(StatusCode::NO_CONTENT)
}
