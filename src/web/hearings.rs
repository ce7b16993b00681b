//! `/api/v1/hearings`: applicants who ask to hear their own calls, and the records office that lets them or says why not
//! (DOMAIN.md: disclosure is its own). Who asks, and how they prove who they are, is `citizen/hearing.rs`.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::HearingId;
use crate::store::{Hearing, HearingState};
use crate::time;

use super::Shared;
use super::error::ApiError;
use super::extract::{Json, Path};
use super::filing::{MAX_WORD_CHARS, said};
use super::gate::Principal;
use super::view::{ListView, UtcTime};

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HearingView {
    id: String,
    /// Register number.
    case: String,
    /// Id of the call.
    call: String,
    asked_at: UtcTime,
    /// `asked`, `allowed` or `refused`.
    #[schema(value_type = String)]
    state: HearingState,
    reason: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Refusal {
    /// Told to the applicant.
    reason: String,
}

/// Who waits to hear a call, the longest first.
#[utoipa::path(get, path = "/api/v1/hearings", tag = "hearings",
    responses((status = 200, body = ListView<HearingView>)))]
pub(super) async fn list(State(web): State<Shared>) -> Result<Answer<ListView<HearingView>>, ApiError> {
    let waiting = web.store().hearings_waiting().await?;
    Ok(Answer(ListView { items: waiting.into_iter().map(HearingView::from).collect(), next: None }))
}

/// The applicant may hear the call.
#[utoipa::path(post, path = "/api/v1/hearings/{id}/allow", tag = "hearings", params(("id" = String, Path)),
    responses((status = 200, body = HearingView), (status = 403), (status = 404)))]
pub(super) async fn allow(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<HearingId>,
) -> Result<Answer<HearingView>, ApiError> {
    let decided = web.store().decide_hearing(id, None, principal.actor(), time::now().utc).await?;
    Ok(Answer(decided.into()))
}

/// The applicant may not, and is told why.
#[utoipa::path(post, path = "/api/v1/hearings/{id}/refuse", tag = "hearings", params(("id" = String, Path)),
    request_body = Refusal,
    responses((status = 200, body = HearingView), (status = 403), (status = 404), (status = 422)))]
pub(super) async fn refuse(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<HearingId>,
    Json(Refusal { reason }): Json<Refusal>,
) -> Result<Answer<HearingView>, ApiError> {
    let reason = said(Some(&reason), MAX_WORD_CHARS, "a reason")?;
    let reason = reason.ok_or_else(|| ApiError::Unprocessable("say why not".to_owned()))?;
    let decided = web.store().decide_hearing(id, Some(reason), principal.actor(), time::now().utc).await?;
    Ok(Answer(decided.into()))
}

impl From<Hearing> for HearingView {
    fn from(hearing: Hearing) -> Self {
        Self {
            id: hearing.id.to_string(),
            case: hearing.case.to_string(),
            call: hearing.contact.to_string(),
            asked_at: hearing.asked_at.into(),
            state: hearing.state,
            reason: hearing.reason,
        }
    }
}
