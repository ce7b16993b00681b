//! What applicants say afterwards: it is broken again, never mind, thank you, one thing more, and a picture of it. Their words
//! are kept beside the case; the journal has only that they came.

use axum::Json as Answer;
use axum::extract::State;
use axum::extract::multipart::{Multipart, MultipartRejection};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::case::{Case, CaseEvent, InvalidTransition};
use crate::ids::{NoteId, WorkOrderId};
use crate::store::Note;
use crate::time::{self, Timestamp};

use super::super::error::ApiError;
use super::super::extract::Json;
use super::super::filing::{MAX_TEXT_CHARS, picture, said};
use super::super::{Shared, Web};
use super::status::StatusView;
use super::{From, Key, actor, moves};

/// A picture with number and code.
pub(in crate::web) const MAX_PHOTO_FORM_BYTES: usize = picture::MAX_BYTES + 16 * 1024;
/// Number and code are short.
const MAX_FIELD_BYTES: usize = 256;
/// Fields read of a form that should have three.
const MAX_FIELDS: usize = 8;

type Outcome = Result<Answer<StatusView>, ApiError>;

/// Number, code, and what the applicant says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Words {
    number: String,
    code: String,
    /// At most 4,000 characters.
    text: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Rating {
    number: String,
    code: String,
    /// 1 to 5, 5 is best.
    #[schema(minimum = 1, maximum = 5)]
    score: u8,
    /// At most 4,000 characters.
    #[serde(default)]
    text: String,
}

/// The form of a picture.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the multipart form in openapi.json")]
pub(in crate::web) struct PhotoForm {
    number: String,
    code: String,
    /// JPEG, PNG or WebP, at most 10 MiB and 52 million pixels.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// It is not fixed, or broken again.
#[utoipa::path(post, path = "/api/v1/citizen/reopen", tag = "citizen", request_body = Words,
    responses((status = 200, body = StatusView), (status = 404), (status = 409, description = "not now, with the reason"),
        (status = 422), (status = 429)))]
pub(in crate::web) async fn reopen(
    State(web): State<Shared>,
    from: From,
    Json(words): Json<Words>,
) -> Outcome {
    let (case, text) = web.heard(words, from).await?;
    let at = time::now().utc;
    let order = WorkOrderId(web.with_mint(|mint| mint.uuid(at)));
    let (plan, by, reason) = (web.city(), actor(), text.clone());
    web.moved(&case, at, move |case| moves::reopen(case, &plan, order, &reason, &by, at)).await?;
    web.note(&case, text, at).await?;
    web.shown(&case).await
}

/// Never mind.
#[utoipa::path(post, path = "/api/v1/citizen/withdraw", tag = "citizen", request_body = Words,
    responses((status = 200, body = StatusView), (status = 404), (status = 409), (status = 422), (status = 429)))]
pub(in crate::web) async fn withdraw(
    State(web): State<Shared>,
    from: From,
    Json(words): Json<Words>,
) -> Outcome {
    let (case, text) = web.heard(words, from).await?;
    let at = time::now().utc;
    let (by, reason) = (actor(), text.clone());
    web.moved(&case, at, move |case| moves::withdraw(case, &reason, &by, at)).await?;
    web.note(&case, text, at).await?;
    web.shown(&case).await
}

/// One thing more.
#[utoipa::path(post, path = "/api/v1/citizen/notes", tag = "citizen", request_body = Words,
    responses((status = 200, body = StatusView), (status = 404), (status = 409), (status = 422), (status = 429)))]
pub(in crate::web) async fn note(State(web): State<Shared>, from: From, Json(words): Json<Words>) -> Outcome {
    let (case, text) = web.heard(words, from).await?;
    web.note(&case, text, time::now().utc).await?;
    web.shown(&case).await
}

/// What the applicant thinks of the result, once for each.
#[utoipa::path(post, path = "/api/v1/citizen/rating", tag = "citizen", request_body = Rating,
    responses((status = 200, body = StatusView), (status = 404), (status = 409, description = "not closed, or rated already"),
        (status = 422), (status = 429)))]
pub(in crate::web) async fn rate(
    State(web): State<Shared>,
    from: From,
    Json(rating): Json<Rating>,
) -> Outcome {
    let case = web.opened(&Key { number: rating.number, code: rating.code }, from).await?;
    if !(1..=5).contains(&rating.score) {
        return Err(ApiError::Unprocessable("score is 1 to 5".to_owned()));
    }
    let text = said(Some(&rating.text), MAX_TEXT_CHARS, "the text")?.unwrap_or_default();
    web.store().rate(&case.number, rating.score, text, actor(), time::now().utc).await?;
    web.shown(&case).await
}

/// A picture for a request that is still open.
#[utoipa::path(post, path = "/api/v1/citizen/photos", tag = "citizen",
    request_body(content = PhotoForm, content_type = "multipart/form-data"),
    responses((status = 200, body = StatusView), (status = 404), (status = 409), (status = 413), (status = 415),
        (status = 422), (status = 429), (status = 503)))]
pub(in crate::web) async fn photo(
    State(web): State<Shared>,
    from: From,
    form: Result<Multipart, MultipartRejection>,
) -> Outcome {
    let Ok(_turn) = web.uploads.try_acquire() else {
        return Err(ApiError::Unavailable("too many uploads at this moment"));
    };
    let form =
        form.map_err(|_| ApiError::UnsupportedMediaType("send a multipart/form-data form".to_owned()))?;
    let (key, bytes) = read_form(form).await?;
    let case = web.opened(&key, from).await?;
    if super::super::open311::words::Step::of_state(case.state.name()).is_end() {
        return Err(ApiError::Conflict("the request is closed: reopen it first".to_owned()));
    }
    let checked = picture::check(&web.pictures, bytes).await?;
    web.attach(&case, checked, &actor()).await?;
    web.shown(&case).await
}

async fn read_form(mut form: Multipart) -> Result<(Key, Vec<u8>), ApiError> {
    let (mut number, mut code, mut file) = (None, None, None);
    for _ in 0..MAX_FIELDS {
        let Some(mut field) = form.next_field().await? else { break };
        let name = field.name().unwrap_or_default().to_owned();
        let limit = if name == "file" { picture::MAX_BYTES } else { MAX_FIELD_BYTES };
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await? {
            if bytes.len() + chunk.len() > limit {
                return Err(ApiError::TooLarge { limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        match name.as_str() {
            "number" => number = String::from_utf8(bytes).ok(),
            "code" => code = String::from_utf8(bytes).ok(),
            "file" => file = Some(bytes),
            _ => {}
        }
    }
    let incomplete = |what: &str| ApiError::Unprocessable(format!("the form lacks '{what}'"));
    let number = number.ok_or_else(|| incomplete("number"))?;
    let code = code.ok_or_else(|| incomplete("code"))?;
    Ok((Key { number, code }, file.ok_or_else(|| incomplete("file"))?))
}

impl Web {
    /// The case and what was said about it.
    async fn heard(&self, words: Words, from: From) -> Result<(Case, String), ApiError> {
        let case = self.opened(&Key { number: words.number, code: words.code }, from).await?;
        let text = said(Some(&words.text), MAX_TEXT_CHARS, "the text")?;
        Ok((case, text.ok_or_else(|| ApiError::Unprocessable("say it in words".to_owned()))?))
    }

    async fn note(&self, case: &Case, text: String, at: Timestamp) -> Result<(), ApiError> {
        let id = NoteId(self.with_mint(|mint| mint.uuid(at)));
        let note = Note { id, source: "page".to_owned(), text, at };
        Ok(self.store().add_note(&case.number, note, actor()).await?)
    }

    async fn moved<F>(&self, case: &Case, at: Timestamp, change: F) -> Result<(), ApiError>
    where
        F: Fn(Case) -> Result<(Case, Vec<CaseEvent>), InvalidTransition> + Send + Sync + 'static,
    {
        let moved = self.store().change_case(&case.number, &actor(), at, move |case, _| change(case)).await?;
        tracing::info!(case.id = %moved.number, case.state = moved.state.name(), "case moved by its applicant");
        Ok(())
    }

    /// The page as it is now.
    pub(super) async fn shown(&self, case: &Case) -> Outcome {
        let case = self.store().case(&case.number).await?.ok_or(ApiError::NotFound("case"))?;
        Ok(Answer(self.status(&case).await?))
    }
}
