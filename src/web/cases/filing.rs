//! `/api/v1/cases/{number}/filing` and `/attachments`: what came in writing with a case and after it, for the people who
//! work on it. Pictures are given as they are shown, never as they came.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::case::retention::Content;
use crate::ids::AttachmentId;
use crate::journal::{Draft, EventType};
use crate::time;

use super::super::error::ApiError;
use super::super::extract::Path;
use super::super::gate::Principal;
use super::super::view::UtcTime;
use super::super::{Shared, access};

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct FilingView {
    /// `page`, or the name of the key it was filed with; null for a case that did not come in writing.
    source: Option<String>,
    /// For those who talk to citizens.
    mail: Option<String>,
    /// A picture somewhere else, as the applicant named it; nobody has looked at it.
    media_url: Option<String>,
    /// May be called and written to.
    consent: bool,
    answers: Vec<GivenView>,
    notes: Vec<FiledNoteView>,
    attachments: Vec<AttachmentView>,
    ratings: Vec<RatingView>,
}

/// An answer to a question of the category.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct GivenView {
    code: String,
    value: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct FiledNoteView {
    at: UtcTime,
    source: String,
    text: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct AttachmentView {
    id: String,
    received_at: UtcTime,
    /// Of the original.
    sha256: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct RatingView {
    cycle: u16,
    /// 1 to 5.
    score: u8,
    text: String,
    at: UtcTime,
}

/// What came in writing with a case and after it.
#[utoipa::path(get, path = "/api/v1/cases/{number}/filing", tag = "cases", params(("number" = String, Path)),
    responses((status = 200, body = FilingView), (status = 403), (status = 404)))]
pub(in crate::web) async fn show(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
) -> Result<Answer<FilingView>, ApiError> {
    let case = web.case_to_read(&number, &principal, "/api/v1/cases/{number}/filing").await?;
    let filed = web.store().filed(&case.number).await?;
    let notes = web.store().notes_of(&case.number).await?.into_iter();
    let attachments = match case.erased.contains(&Content::Photos) {
        true => Vec::new(),
        false => web.store().attachments_of(&case.number).await?,
    };
    let attachments = attachments.into_iter();
    let ratings = web.store().feedback_of(&case.number).await?.into_iter();
    let answers = filed.as_ref().map(|filed| filed.answers.clone()).unwrap_or_default().into_iter();
    let seen = access::sees_applicants(principal.role());
    Ok(Answer(FilingView {
        source: filed.as_ref().map(|filed| filed.source.clone()),
        mail: filed.as_ref().and_then(|filed| filed.mail.clone()).filter(|_| seen),
        media_url: filed.as_ref().and_then(|filed| filed.media_url.clone()),
        consent: filed.as_ref().is_some_and(|filed| filed.consent),
        answers: answers.map(|(code, value)| GivenView { code, value }).collect(),
        notes: notes
            .map(|note| FiledNoteView { at: note.at.into(), source: note.source, text: note.text })
            .collect(),
        attachments: attachments
            .map(|one| AttachmentView {
                id: one.id.to_string(),
                received_at: one.received_at.into(),
                sha256: one.sha256.to_string(),
            })
            .collect(),
        ratings: ratings
            .map(|one| RatingView { cycle: one.cycle, score: one.score, text: one.text, at: one.at.into() })
            .collect(),
    }))
}

/// A picture from the applicant.
#[utoipa::path(get, path = "/api/v1/cases/{number}/attachments/{id}", tag = "cases",
    params(("number" = String, Path), ("id" = String, Path)),
    responses((status = 200, content_type = "image/jpeg"), (status = 403), (status = 404)))]
pub(in crate::web) async fn attachment(
    State(web): State<Shared>,
    principal: Principal,
    Path((number, id)): Path<(String, AttachmentId)>,
) -> Result<Response, ApiError> {
    let case = web.case_to_read(&number, &principal, "/api/v1/cases/{number}/attachments/{id}").await?;
    let found = web.store().shown_attachment(id).await?.filter(|(picture, _)| picture.case == case.number);
    let (picture, bytes) = found.ok_or(ApiError::NotFound("attachment"))?;
    if bytes.is_empty() {
        return Err(ApiError::erased("the picture"));
    }
    let mut draft = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
    draft.case = Some(case.number);
    draft.data = serde_json::json!({ "what": "attachment", "attachment": picture.id });
    web.journal(draft).await?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    let policy = HeaderValue::from_static("sandbox; default-src 'none'");
    Ok(([kind, (header::CONTENT_SECURITY_POLICY, policy)], bytes).into_response())
}
