//! `/api/v1/cases/{number}/evidence`: photos of the work. The original bytes are kept as they came; what they are is
//! decided by their content, and what they say of themselves is compared with the order (`case/proof.rs`). Originals
//! are given out as a download that no browser will take for a page, copies without metadata are shown.

use axum::Json as Answer;
use axum::extract::State;
use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::case::proof::Claim;
use crate::case::work_order::EvidenceRef;
use crate::case::{Case, CaseState};
use crate::digest::Sha256;
use crate::ids::{EvidenceId, WorkOrderId};
use crate::journal::{Draft, EventType};
use crate::picture::{Kind, Picture};
use crate::store::{Examined, Once, StoreError, Submission, ViewSize};
use crate::time;

use super::super::error::ApiError;
use super::super::extract::Path;
use super::super::gate::Principal;
use super::super::once::OnceKey;
use super::super::{Shared, Web};
use super::parse_number;
use super::pressed::site_of;

/// A photo of a telephone's camera has 2 to 6 MiB.
pub(in crate::web) const MAX_EVIDENCE_BYTES: usize = 10 * 1024 * 1024;
/// Read of one upload, kept or not: a client that sends too much hears why only when it was heard out.
pub(in crate::web) const MAX_UPLOAD_BYTES: usize = 4 * MAX_EVIDENCE_BYTES;
/// Pieces per work order: far more than any rule demands, few enough to look at.
const MAX_PIECES: usize = 50;
/// `before`, `after`, `other`.
const ROLES: [&str; 3] = ["before", "after", "other"];
/// Whatever a picture turns out to be, it is no page.
const NOTHING_RUNS: &str = "sandbox; default-src 'none'";
/// Fields read of a form that should have two.
const MAX_FIELDS: usize = 8;
/// The longest text field is the role.
const MAX_TEXT_BYTES: usize = 64;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Received {
    id: String,
    sha256: String,
}

/// Which copy is asked for.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::web) enum Size {
    Display,
    Thumbnail,
}

/// The form of an upload.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the multipart form in openapi.json")]
pub(in crate::web) struct EvidenceForm {
    /// `before`, `after` or `other`.
    role: String,
    /// JPEG, PNG or WebP, at most 10 MiB.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Upload a photo of the work in hand.
#[utoipa::path(post, path = "/api/v1/cases/{number}/evidence", tag = "cases",
    params(("number" = String, Path), OnceKey), request_body(content = EvidenceForm, content_type = "multipart/form-data"),
    responses((status = 200, body = Received), (status = 403), (status = 404), (status = 409), (status = 413),
        (status = 415), (status = 422), (status = 503)))]
pub(in crate::web) async fn upload(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    key: OnceKey,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Answer<Received>, ApiError> {
    let Ok(_turn) = web.uploads.try_acquire() else {
        return Err(ApiError::Unavailable("too many uploads at this moment"));
    };
    let form =
        form.map_err(|_| ApiError::UnsupportedMediaType("send a multipart/form-data form".to_owned()))?;
    let (role, bytes) = read_form(form).await?;
    let kind = Kind::sniff(&bytes).map_err(|why| ApiError::UnsupportedMediaType(why.to_string()))?;
    let digested = tokio::task::spawn_blocking(move || (Sha256::of(&bytes), bytes)).await;
    let (sha256, bytes) = digested.map_err(|error| ApiError::internal("digest died", &error))?;
    let once = key.once(&principal, "evidence", &[&number, &role, &sha256.to_string()]);
    // Before the case is looked at: the work may have been reported, or sent back, since it came the first time.
    if let Some(received) = web.received_before(once.as_ref(), sha256).await? {
        return Ok(received);
    }
    let case = web.case_to_read(&number, &principal, "/api/v1/cases/{number}/evidence").await?;
    let order = order_in_hand(&case)?;
    if web.store().evidence_of(order).await?.len() >= MAX_PIECES {
        return Err(ApiError::Conflict(format!("this order has {MAX_PIECES} pieces of evidence already")));
    }
    let (picture, bytes) = web.pictures.examine(kind, bytes).await?;
    let at = time::now().utc;
    let evidence = EvidenceRef {
        id: EvidenceId(web.with_mint(|mint| mint.uuid(at))),
        order,
        role,
        content_type: kind.content_type().to_owned(),
        length: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        sha256,
        received_at: at,
        cycle: case.cycle,
    };
    let examined = Some(web.held_against_order(&case, &evidence, picture).await?);
    let received = Received { id: evidence.id.to_string(), sha256: sha256.to_string() };
    let submission = Submission { evidence, bytes, examined, once };
    match web.store().add_evidence(submission, &case.number, &principal.actor()).await {
        Ok(()) => Ok(Answer(received)),
        Err(StoreError::Repeated { outcome: Some(id) }) => {
            Ok(Answer(Received { id, sha256: received.sha256 }))
        }
        Err(error) => Err(error.into()),
    }
}

/// Evidence belongs to work that was accepted and is not reported yet.
fn order_in_hand(case: &Case) -> Result<WorkOrderId, ApiError> {
    match case.state {
        CaseState::Accepted { order, .. } | CaseState::InProgress { order, .. } => Ok(order),
        _ => Err(ApiError::Conflict(format!(
            "a case that is '{}' takes no evidence: accept the order first",
            case.state.name()
        ))),
    }
}

/// The role and the picture of a form.
async fn read_form(mut form: Multipart) -> Result<(String, Vec<u8>), ApiError> {
    let (mut role, mut file) = (None, None);
    let mut fields = 0;
    while let Some(field) = form.next_field().await? {
        fields += 1;
        if fields > MAX_FIELDS {
            return Err(ApiError::Unprocessable("the form has too many fields".to_owned()));
        }
        match field.name() {
            Some("role") => role = Some(read(field, MAX_TEXT_BYTES).await?),
            Some("file") => file = Some(read(field, MAX_EVIDENCE_BYTES).await?),
            _ => {}
        }
    }
    let incomplete = |what: &str| ApiError::Unprocessable(format!("the form lacks '{what}'"));
    let role = role.ok_or_else(|| incomplete("role"))?;
    let file = file.ok_or_else(|| incomplete("file"))?;
    let role = ROLES.into_iter().find(|known| known.as_bytes() == role);
    let role = role.ok_or_else(|| ApiError::Unprocessable("role is before, after or other".to_owned()))?;
    Ok((role.to_owned(), file))
}

/// A field's bytes, at most `limit` of them; what is over is read and dropped.
async fn read(mut field: Field<'_>, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    let mut is_too_large = false;
    while let Some(chunk) = field.chunk().await? {
        is_too_large |= bytes.len() + chunk.len() > limit;
        if is_too_large {
            bytes = Vec::new();
        } else {
            bytes.extend_from_slice(&chunk);
        }
    }
    if is_too_large { Err(ApiError::TooLarge { limit }) } else { Ok(bytes) }
}

impl From<MultipartError> for ApiError {
    fn from(error: MultipartError) -> Self {
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge { limit: MAX_EVIDENCE_BYTES },
            _ => Self::BadRequest("the form cannot be read".to_owned()),
        }
    }
}

/// The original bytes of a piece of evidence.
#[utoipa::path(get, path = "/api/v1/cases/{number}/evidence/{id}", tag = "cases",
    params(("number" = String, Path), ("id" = String, Path)),
    responses((status = 200, content_type = "image/jpeg"), (status = 403), (status = 404)))]
pub(in crate::web) async fn show(
    State(web): State<Shared>,
    principal: Principal,
    Path((number, id)): Path<(String, EvidenceId)>,
) -> Result<Response, ApiError> {
    let case = web.case_to_read(&number, &principal, "/api/v1/cases/{number}/evidence/{id}").await?;
    let (evidence, bytes) = web.store().evidence_bytes(id).await?.ok_or(ApiError::NotFound("evidence"))?;
    if bytes.is_empty() {
        return Err(ApiError::erased("the picture"));
    }
    if !web.is_of_case(&evidence, &case).await? {
        return Err(ApiError::NotFound("evidence"));
    }
    let mut draft = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
    draft.case = Some(parse_number(&number)?);
    draft.data = serde_json::json!({ "what": "evidence", "evidence": evidence.id });
    web.journal(draft).await?;
    Ok((download_headers(&evidence)?, bytes).into_response())
}

/// A copy of the picture for the screen: JPEG without metadata, turned upright.
#[utoipa::path(get, path = "/api/v1/cases/{number}/evidence/{id}/{size}", tag = "cases",
    params(("number" = String, Path), ("id" = String, Path), ("size" = String, Path, description = "display or thumbnail")),
    responses((status = 200, content_type = "image/jpeg"), (status = 403), (status = 404), (status = 422)))]
pub(in crate::web) async fn view(
    State(web): State<Shared>,
    principal: Principal,
    Path((number, id, size)): Path<(String, EvidenceId, Size)>,
) -> Result<Response, ApiError> {
    let case = web.case_to_read(&number, &principal, "/api/v1/cases/{number}/evidence/{id}/{size}").await?;
    let evidence = web.store().evidence(id).await?.ok_or(ApiError::NotFound("evidence"))?;
    if !web.is_of_case(&evidence, &case).await? {
        return Err(ApiError::NotFound("evidence"));
    }
    let size = match size {
        Size::Display => ViewSize::Display,
        Size::Thumbnail => ViewSize::Thumbnail,
    };
    let bytes = web.copy_of(&evidence, size).await?;
    let mut draft = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
    draft.case = Some(case.number);
    draft.data = serde_json::json!({ "what": "evidence", "evidence": id, "size": size.name() });
    web.journal(draft).await?;
    let headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("inline")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING_RUNS)),
    ]);
    Ok((headers, bytes).into_response())
}

/// The stored type only when it is one of ours, never to be shown as a page.
fn download_headers(evidence: &EvidenceRef) -> Result<HeaderMap, ApiError> {
    let kind = Kind::of_content_type(&evidence.content_type);
    let extension = kind.map_or("bin", Kind::extension);
    let name = format!("attachment; filename=\"{}.{extension}\"", evidence.id);
    let name = HeaderValue::try_from(name).map_err(|error| ApiError::internal("header value", &error))?;
    let content_type = kind.map_or("application/octet-stream", Kind::content_type);
    Ok(HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_DISPOSITION, name),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING_RUNS)),
    ]))
}

impl Web {
    /// What this very request made the first time it came.
    async fn received_before(
        &self,
        once: Option<&Once>,
        sha256: Sha256,
    ) -> Result<Option<Answer<Received>>, ApiError> {
        let Some(once) = once else { return Ok(None) };
        match self.store().refuse_repeated(once).await {
            Ok(()) => Ok(None),
            Err(StoreError::Repeated { outcome: Some(id) }) => {
                Ok(Some(Answer(Received { id, sha256: sha256.to_string() })))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The picture with the findings on it, by the rule of this moment.
    async fn held_against_order(
        &self,
        case: &Case,
        evidence: &EvidenceRef,
        picture: Picture,
    ) -> Result<Examined, ApiError> {
        let order = self.store().work_order(evidence.order).await?.ok_or(ApiError::NotFound("work order"))?;
        let plan = self.city();
        let claim = Claim {
            rule: plan.proof_rule(),
            clock: plan.clock(),
            site: site_of(case),
            issued_at: order.issued_at,
            received_at: evidence.received_at,
        };
        Ok(Examined {
            check: claim.check(&picture.capture, (picture.width, picture.height)),
            fingerprint: picture.fingerprint,
            alike_bits: plan.proof_rule().alike_bits,
            display: picture.display,
            thumbnail: picture.thumbnail,
        })
    }

    /// The copy that was made when the picture came; of older pictures it is made now.
    pub(in crate::web) async fn copy_of(
        &self,
        evidence: &EvidenceRef,
        size: ViewSize,
    ) -> Result<Vec<u8>, ApiError> {
        if let Some(kept) = self.store().evidence_view(evidence.sha256, size).await? {
            return Ok(kept);
        }
        let found = self.store().evidence_bytes(evidence.id).await?;
        let (_, bytes) = found.ok_or(ApiError::NotFound("evidence"))?;
        if bytes.is_empty() {
            return Err(ApiError::erased("the picture"));
        }
        let kind = Kind::sniff(&bytes).map_err(|why| ApiError::Unprocessable(why.to_string()))?;
        let (picture, _) = self.pictures.examine(kind, bytes).await?;
        Ok(match size {
            ViewSize::Display => picture.display,
            ViewSize::Thumbnail => picture.thumbnail,
        })
    }

    pub(in crate::web) async fn is_of_case(
        &self,
        evidence: &EvidenceRef,
        case: &Case,
    ) -> Result<bool, ApiError> {
        let order = self.store().work_order(evidence.order).await?;
        Ok(order.is_some_and(|order| order.case == case.number))
    }
}
