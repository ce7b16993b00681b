//! `/api/v1/disclosures`: handing a case over takes a purpose, a recipient, a legal basis and two persons; then there is a package
//! to fetch for a while (`making`), each fetch on the journal. What may follow what is `bundle/disclosure.rs`.

mod making;

use axum::Json as Answer;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use utoipa::ToSchema;

use crate::bundle::disclosure::{Disclosure, DisclosureState, MAX_FETCHES, Terms};
use crate::ids::DisclosureId;
use crate::store::DisclosureStep;
use crate::time;

use super::access;
use super::calls::recording::text_value;
use super::error::ApiError;
use super::extract::{Json, Path};
use super::filing::{MAX_WORD_CHARS, said};
use super::gate::{Principal, Subject};
use super::view::{ListView, UtcTime};
use super::{Shared, Web};

/// Octets of a package read at once.
const CHUNK: usize = 64 * 1024;

pub use making::DisclosureTerms;
pub(super) use making::Making;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    purpose: String,
    recipient: String,
    /// Legal basis.
    basis: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhyNot {
    reason: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DisclosureView {
    id: String,
    /// Register number.
    case: String,
    /// `asked`, `refused`, `approved`, `made` or `failed`.
    #[schema(value_type = String)]
    state: DisclosureState,
    purpose: String,
    recipient: String,
    basis: String,
    asked_at: UtcTime,
    /// Names of people.
    asked_by: String,
    decided_at: Option<UtcTime>,
    decided_by: Option<String>,
    reason: Option<String>,
    /// Hundredths; none when nothing is being made.
    percent: Option<u8>,
    /// SHA-256 of the package, hexadecimal.
    sha256: Option<String>,
    /// Octets of the package.
    length: Option<u64>,
    /// The package is removed then.
    until_at: Option<UtcTime>,
    fetches: u32,
    most_fetches: u32,
    /// Whether the one who reads this may decide, have it made, or fetch it.
    may_decide: bool,
    may_make: bool,
    may_fetch: bool,
}

/// Asks to hand the case over. A second person decides.
#[utoipa::path(post, path = "/api/v1/cases/{number}/disclosures", tag = "disclosures",
    params(("number" = String, Path)), request_body = Wanted,
    responses((status = 201, body = DisclosureView), (status = 403), (status = 404), (status = 422)))]
pub(super) async fn ask(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Answer<DisclosureView>), ApiError> {
    let case = web.case_to_read(&number, &principal, "/api/v1/cases/{number}/disclosures").await?;
    let word = |text: &str, what: &'static str| {
        let missing = || ApiError::Unprocessable(format!("say {what}"));
        said(Some(text), MAX_WORD_CHARS, what)?.ok_or_else(missing)
    };
    let terms = Terms {
        purpose: word(&wanted.purpose, "the purpose")?,
        recipient: word(&wanted.recipient, "the recipient")?,
        basis: word(&wanted.basis, "the legal basis")?,
    };
    let at = time::now().utc;
    let disclosure = Disclosure {
        id: DisclosureId(web.with_mint(|mint| mint.uuid(at))),
        case: case.number,
        state: DisclosureState::Asked,
        terms,
        asked_at: at,
        asked_by: principal.actor().id,
        decided_at: None,
        decided_by: None,
        reason: None,
        package: None,
        fetches: 0,
    };
    web.store().ask_disclosure(disclosure.clone(), principal.actor()).await?;
    Ok((StatusCode::CREATED, Answer(web.disclosure_view(disclosure, &principal).await?)))
}

/// The newest first, at most 500.
#[utoipa::path(get, path = "/api/v1/disclosures", tag = "disclosures",
    responses((status = 200, body = ListView<DisclosureView>)))]
pub(super) async fn list(
    State(web): State<Shared>,
    principal: Principal,
) -> Result<Answer<ListView<DisclosureView>>, ApiError> {
    let mut items = Vec::new();
    for disclosure in web.store().disclosures().await? {
        items.push(web.disclosure_view(disclosure, &principal).await?);
    }
    Ok(Answer(ListView { items, next: None }))
}

/// The second person lets the case go; the package is made at once.
#[utoipa::path(post, path = "/api/v1/disclosures/{id}/approve", tag = "disclosures", params(("id" = String, Path)),
    responses((status = 200, body = DisclosureView), (status = 403), (status = 404), (status = 409)))]
pub(super) async fn approve(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<DisclosureId>,
) -> Result<Answer<DisclosureView>, ApiError> {
    let path = "/api/v1/disclosures/{id}/approve";
    web.disclosure_to_read(id, &principal, path).await?;
    let step = DisclosureStep::Approve;
    let approved = web.store().step_disclosure(id, step, principal.actor(), time::now().utc).await?;
    // Where it cannot begin now, somebody has it made later.
    if let Err(error) = Making::begin(&web, &approved) {
        tracing::info!(%error, "an approved disclosure is not being made yet");
    }
    Ok(Answer(web.disclosure_view(approved, &principal).await?))
}

/// The second person does not let it go, and says why.
#[utoipa::path(post, path = "/api/v1/disclosures/{id}/refuse", tag = "disclosures", params(("id" = String, Path)),
    request_body = WhyNot,
    responses((status = 200, body = DisclosureView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn refuse(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<DisclosureId>,
    Json(WhyNot { reason }): Json<WhyNot>,
) -> Result<Answer<DisclosureView>, ApiError> {
    web.disclosure_to_read(id, &principal, "/api/v1/disclosures/{id}/refuse").await?;
    let reason = said(Some(&reason), MAX_WORD_CHARS, "a reason")?;
    let reason = reason.ok_or_else(|| ApiError::Unprocessable("say why not".to_owned()))?;
    let step = DisclosureStep::Refuse { reason };
    let refused = web.store().step_disclosure(id, step, principal.actor(), time::now().utc).await?;
    Ok(Answer(web.disclosure_view(refused, &principal).await?))
}

/// Makes the package again: after a failure, or when its time was over. 409 while one is being made, or many are kept.
#[utoipa::path(post, path = "/api/v1/disclosures/{id}/make", tag = "disclosures", params(("id" = String, Path)),
    responses((status = 202, body = DisclosureView), (status = 403), (status = 404), (status = 409), (status = 503)))]
pub(super) async fn make(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<DisclosureId>,
) -> Result<(StatusCode, Answer<DisclosureView>), ApiError> {
    let disclosure = web.disclosure_to_read(id, &principal, "/api/v1/disclosures/{id}/make").await?;
    disclosure.approved()?;
    Making::begin(&web, &disclosure)?;
    Ok((StatusCode::ACCEPTED, Answer(web.disclosure_view(disclosure, &principal).await?)))
}

/// The package, a ZIP file. It is journalled before its first octet leaves.
#[utoipa::path(get, path = "/api/v1/disclosures/{id}/package", tag = "disclosures", params(("id" = String, Path)),
    responses((status = 200, content_type = "application/zip"), (status = 403), (status = 404), (status = 409)))]
pub(super) async fn fetch(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<DisclosureId>,
) -> Result<Response, ApiError> {
    let path = "/api/v1/disclosures/{id}/package";
    let disclosure = web.disclosure_to_read(id, &principal, path).await?;
    if !access::fetches_disclosure(&principal.user, &disclosure) {
        let detail = "only who asked, the records office and auditors fetch a package".to_owned();
        let subject = Subject::case(&disclosure.case);
        return Err(web.denied(&principal, subject, &axum::http::Method::GET, path, detail).await);
    }
    let file = tokio::fs::File::open(web.disclosing.file(id)).await;
    let (file, at) = (file.map_err(|_| ApiError::NotFound("package")), time::now().utc);
    let file = match (file, disclosure.clone().fetched(at)) {
        (_, Err(refused)) => return Err(refused.into()),
        (file, Ok(_)) => file?,
    };
    let length = file.metadata().await.map_err(|error| ApiError::internal("package", &error))?.len();
    web.store().step_disclosure(id, DisclosureStep::Fetch, principal.actor(), at).await?;
    let mut response = Response::new(Body::from_stream(octets_of(file, length)));
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = format!("attachment; filename=\"case-{}.zip\"", disclosure.case);
    fields.insert(header::CONTENT_DISPOSITION, text_value(name)?);
    Ok(response)
}

/// The package as it is sent, `length` octets; an error when the file is shorter.
fn octets_of(file: tokio::fs::File, length: u64) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = vec![0; wanted];
        file.read_exact(&mut chunk).await?;
        Ok(Some((Bytes::from(chunk), (file, left - wanted as u64))))
    })
}

impl Web {
    /// The disclosure, when the person may read its case.
    async fn disclosure_to_read(
        &self,
        id: DisclosureId,
        principal: &Principal,
        path: &str,
    ) -> Result<Disclosure, ApiError> {
        let disclosure = self.store().disclosure(id).await?.ok_or(ApiError::NotFound("disclosure"))?;
        self.check_clearance(&disclosure.case, principal, path).await?;
        Ok(disclosure)
    }

    async fn disclosure_view(
        &self,
        of: Disclosure,
        principal: &Principal,
    ) -> Result<DisclosureView, ApiError> {
        let is_deciding = access::decides_disclosures(principal.role());
        let package = of.package.filter(|package| package.until_at > time::now().utc);
        let percent = self.disclosing.percent(of.id);
        let asked_by = self.name_of(&of.asked_by).await?;
        let decided_by = match &of.decided_by {
            Some(id) => Some(self.name_of(id).await?),
            None => None,
        };
        Ok(DisclosureView {
            id: of.id.to_string(),
            case: of.case.to_string(),
            state: of.state,
            may_decide: is_deciding
                && of.state == DisclosureState::Asked
                && of.asked_by != principal.actor().id,
            may_make: is_deciding && of.approved().is_ok() && package.is_none() && percent.is_none(),
            may_fetch: package.is_some()
                && of.fetches < MAX_FETCHES
                && access::fetches_disclosure(&principal.user, &of),
            purpose: of.terms.purpose,
            recipient: of.terms.recipient,
            basis: of.terms.basis,
            asked_at: of.asked_at.into(),
            asked_by,
            decided_at: of.decided_at.map(UtcTime::from),
            decided_by,
            reason: of.reason,
            percent,
            sha256: package.map(|package| package.sha256.to_string()),
            length: package.map(|package| package.length),
            until_at: package.map(|package| package.until_at.into()),
            fetches: of.fetches,
            most_fetches: MAX_FETCHES,
        })
    }

    /// A person's name; the id of one who is gone.
    async fn name_of(&self, id: &str) -> Result<String, ApiError> {
        let Ok(user) = id.parse() else { return Ok(id.to_owned()) };
        Ok(self.store().user(user).await?.map_or_else(|| id.to_owned(), |user| user.name))
    }
}
