//! A code for a case that came by telephone, or a new one for a code that was lost: an operator reads it out. The one
//! before opens nothing any more.

use axum::Json as Answer;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::time;

use super::super::Shared;
use super::super::cases::parse_number;
use super::super::error::ApiError;
use super::super::extract::Path;
use super::super::filing::code::Code;
use super::super::gate::Principal;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct CodeGiven {
    /// To be told to the applicant now: it is shown once.
    #[schema(example = "K7QM-3XPA")]
    code: String,
}

/// A new code for the applicant's page.
#[utoipa::path(post, path = "/api/v1/cases/{number}/code", tag = "cases", params(("number" = String, Path)),
    responses((status = 200, body = CodeGiven), (status = 403), (status = 404)))]
pub(in crate::web) async fn give(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
) -> Result<Answer<CodeGiven>, ApiError> {
    let number = parse_number(&number)?;
    // With the code its page is read. Who talks with the applicant about it at this moment knows what is there.
    if web.said_in(&number, &principal.user, time::now().utc).await?.is_none() {
        web.check_clearance(&number, &principal, "/api/v1/cases/{number}/code").await?;
    }
    let code = web.with_mint(Code::new);
    let kept = code.kept(&web.with_mint(|mint| mint.token()));
    web.store().give_code(&number, kept, principal.actor(), time::now().utc).await?;
    Ok(Answer(CodeGiven { code: code.to_string() }))
}
