//! `/api/v1/calls/{id}/findings`: what auditors note about moments of a recording. Who reads them is on the journal, as
//! with everything that is not for all.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{ContactId, FindingId, RecordingId};
use crate::journal::{Draft, EventType};
use crate::store::{MAX_FINDING_CHARS, NotedFinding};
use crate::time;

use super::super::error::ApiError;
use super::super::extract::{Json, Path};
use super::super::filing::said;
use super::super::gate::Principal;
use super::super::view::{ListView, UtcTime};
use super::super::{Shared, Web};

const PATH: &str = "/api/v1/calls/{id}/findings";

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct FindingView {
    id: String,
    at: UtcTime,
    /// Name of the auditor.
    author: String,
    recording: String,
    /// Milliseconds from the start of the recording.
    offset_ms: u64,
    text: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct FindingNote {
    #[schema(value_type = String)]
    recording: RecordingId,
    /// Milliseconds from the start of the recording; not behind its end.
    offset_ms: u64,
    /// At most 2,000 characters. It cannot be changed or deleted.
    text: String,
}

/// Findings about a call, by their places in the sound.
#[utoipa::path(get, path = "/api/v1/calls/{id}/findings", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = ListView<FindingView>), (status = 403), (status = 404)))]
pub(in crate::web) async fn list(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<ContactId>,
) -> Result<Answer<ListView<FindingView>>, ApiError> {
    web.contact_with_clearance(id, &principal).await?;
    let found = web.store().findings_of(id).await?;
    if !found.is_empty() {
        let mut draft = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
        draft.contact = Some(id);
        draft.data = serde_json::json!({ "what": "findings" });
        web.journal(draft).await?;
    }
    let items = found.into_iter().map(|(finding, author)| FindingView::new(finding, author)).collect();
    Ok(Answer(ListView { items, next: None }))
}

/// Notes a finding.
#[utoipa::path(post, path = "/api/v1/calls/{id}/findings", tag = "calls", params(("id" = String, Path)),
    request_body = FindingNote,
    responses((status = 201, body = FindingView), (status = 403), (status = 404), (status = 422)))]
pub(in crate::web) async fn note(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<ContactId>,
    Json(note): Json<FindingNote>,
) -> Result<(StatusCode, Answer<FindingView>), ApiError> {
    let text = said(Some(&note.text), MAX_FINDING_CHARS, "a finding")?;
    let text = text.ok_or_else(|| ApiError::Unprocessable("say what you found".to_owned()))?;
    web.contact_with_clearance(id, &principal).await?;
    let recording = web.recording(id, Some(note.recording)).await?;
    let rate = u64::from(recording.sample_rate.max(1));
    if note.offset_ms > recording.frames.saturating_mul(1000).div_ceil(rate) {
        return Err(ApiError::Unprocessable("the recording ends before this moment".to_owned()));
    }
    let at = time::now().utc;
    let finding = NotedFinding {
        id: FindingId(web.with_mint(|mint| mint.uuid(at))),
        contact: id,
        recording: note.recording,
        offset_ms: note.offset_ms,
        author: principal.user.id,
        at,
        text,
    };
    web.store().note_finding(finding.clone(), principal.actor()).await?;
    Ok((StatusCode::CREATED, Answer(FindingView::new(finding, principal.user.name.clone()))))
}

impl Web {
    /// What is noted about a call tells of its case.
    async fn contact_with_clearance(&self, id: ContactId, principal: &Principal) -> Result<(), ApiError> {
        match self.contact(id).await?.case {
            Some(case) => self.check_clearance(&case, principal, PATH).await,
            None => Ok(()),
        }
    }
}

impl FindingView {
    fn new(finding: NotedFinding, author: String) -> Self {
        Self {
            id: finding.id.to_string(),
            at: finding.at.into(),
            author,
            recording: finding.recording.to_string(),
            offset_ms: finding.offset_ms,
            text: finding.text,
        }
    }
}
