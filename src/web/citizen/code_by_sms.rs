//! A code for whoever has lost theirs: asked for with the case's number and the telephone number it was filed with, and sent
//! to the number the case knows, nowhere else. The answer is the same whether the two fit or not.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::case::{Case, CaseNumber};
use crate::ids::Mint;
use crate::notification::{Channel, Occasion};
use crate::notify::{Whom, outgoing_to};
use crate::phone_number::PhoneNumber;
use crate::store::{CodeRefusal, Outgoing};
use crate::time::{self, Timestamp};

use super::super::error::ApiError;
use super::super::extract::Json;
use super::super::filing::MAX_WORD_CHARS;
use super::super::terms::hourly;
use super::super::{Shared, Web};
use super::From;
use super::hearing::tail;

/// Codes asked for by one source in an hour, whatever the cases: a household, an office where people come for help.
const CODE_REQUESTS_PER_HOUR: u32 = 10;
/// Nobody waits longer for it, and the code in a message that comes next day surprises.
const CODE_WITHIN: std::time::Duration = std::time::Duration::from_secs(3_600);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct CodeAsked {
    /// Register number.
    #[schema(example = "2026-01-000042")]
    number: String,
    /// The telephone number the request was made with.
    #[schema(example = "+380501112233")]
    phone: String,
}

/// The same for everybody.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct CodeOnItsWay {
    /// Always true: if number and telephone belong together, a message is on its way.
    accepted: bool,
}

/// Have a code sent by SMS to the number the request was made with.
#[utoipa::path(post, path = "/api/v1/citizen/code", tag = "citizen", request_body = CodeAsked,
    responses((status = 202, body = CodeOnItsWay, description = "whether the two fit is not told"),
        (status = 409, description = "the city sends no SMS"), (status = 422), (status = 429)))]
pub(in crate::web) async fn ask(
    State(web): State<Shared>,
    from: From,
    Json(asked): Json<CodeAsked>,
) -> Result<impl IntoResponse, ApiError> {
    if !web.given.notices.settings().is_on(Channel::Sms) {
        return Err(ApiError::Conflict("codes are not sent by SMS here: call us".to_owned()));
    }
    if asked.number.chars().count() > MAX_WORD_CHARS {
        return Err(ApiError::Unprocessable("this is no number of a request".to_owned()));
    }
    let given = PhoneNumber::written(&asked.phone);
    let given = given.ok_or_else(|| ApiError::Unprocessable("this is no telephone number".to_owned()))?;
    let taken = web.limits.code(from.0, hourly(CODE_REQUESTS_PER_HOUR), time::now().mono);
    taken.map_err(|retry_after| ApiError::TooManyRequests { retry_after })?;
    // Register numbers are public: only of a case that is there anything has to be written down.
    let number: CaseNumber = asked.number.trim().parse().unwrap_or(CaseNumber(String::new()));
    if let Some(case) = web.store().case(&number).await? {
        let at = time::now().utc;
        let answer = web.code_message(&case, &given, at);
        let answered = web.store().answer_code_request(&case.number, answer, super::actor(), at).await?;
        tracing::info!(case.id = %case.number, refusal = ?answered.err(), "a code was asked for");
    }
    Ok((StatusCode::ACCEPTED, Answer(CodeOnItsWay { accepted: true })))
}

impl Web {
    /// To the number the case knows, when that is the one that was given.
    fn code_message(&self, case: &Case, given: &PhoneNumber, at: Timestamp) -> Result<Outgoing, CodeRefusal> {
        let own = case.applicant.number.as_ref().and_then(|own| tail(own.as_str()));
        let fits = own.is_some() && own == tail(given.as_str());
        // Made in any case: a wrong number takes as long as the right one.
        let message = self.with_mint(|mint| code_to(mint, self, case, at));
        match message {
            Some(outgoing) if fits => Ok(outgoing),
            None if fits => Err(CodeRefusal::NotWritable),
            _ => Err(CodeRefusal::OtherNumber),
        }
    }
}

fn code_to(mint: &mut Mint, web: &Web, case: &Case, at: Timestamp) -> Option<Outgoing> {
    let settings = web.given.notices.settings();
    let recipient = settings.texts_to(case.applicant.number.as_ref())?;
    let whom =
        Whom { case: &case.number, cycle: case.cycle, since: at, language: case.language, visit: None };
    let what = (Occasion::Code, Channel::Sms, recipient);
    Some(outgoing_to(mint, &settings, whom, what, at.plus(CODE_WITHIN), at))
}
