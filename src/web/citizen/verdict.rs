//! "Is it fixed?", answered on the page: the same as keys 1 and 2 in the call that asks. A yes closes the case where the
//! city's rules let the program close it, a no sends it back to work one level up; in either case nobody is rung any more.

use axum::Json as Answer;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::case::ClosingCode;
use crate::people::Actor;
use crate::store::StoreError;
use crate::time;

use super::super::error::ApiError;
use super::super::extract::Json;
use super::super::filing::{MAX_TEXT_CHARS, said};
use super::super::{Shared, Web};
use super::status::StatusView;
use super::{From, Key, actor, moves};

/// Who closes what the applicant confirmed: the program, as after a call.
const CLOSER: &str = "verification";

/// Number, code, and the answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Verdict {
    number: String,
    code: String,
    /// "It is fixed", or "it is not".
    fixed: bool,
    /// What is not, in words, at most 4,000 characters; kept as a note.
    #[serde(default)]
    text: String,
}

/// Whether what was reported done is done.
#[utoipa::path(post, path = "/api/v1/citizen/verdict", tag = "citizen", request_body = Verdict,
    responses((status = 200, body = StatusView), (status = 404),
        (status = 409, description = "nobody asks now, with the reason"), (status = 422), (status = 429)))]
pub(in crate::web) async fn give(
    State(web): State<Shared>,
    from: From,
    Json(verdict): Json<Verdict>,
) -> Result<Answer<StatusView>, ApiError> {
    let Verdict { number, code, fixed, text } = verdict;
    let case = web.opened(&Key { number, code }, from).await?;
    let words = said(Some(&text), MAX_TEXT_CHARS, "the text")?;
    let at = time::now().utc;
    let by = actor();
    // Who came with a merged case answers about the one that has the work.
    let (asked_in, whom) = match case.merged_into() {
        Some(into) => {
            let into = web.store().case(into).await?.ok_or(ApiError::NotFound("case"))?;
            (into, Some(case.number.clone()))
        }
        None => (case.clone(), None),
    };
    web.moved(&asked_in, at, move |case| moves::answer(case, whom.as_ref(), fixed, &by, at)).await?;
    if let Some(words) = words {
        web.note(&case, words, at).await?;
    }
    if fixed {
        web.close_confirmed(&asked_in.number).await?;
    }
    web.shown(&case).await
}

impl Web {
    /// Closed where nobody else is to be told first; else the control desk has the last word.
    async fn close_confirmed(&self, number: &crate::case::CaseNumber) -> Result<(), ApiError> {
        let (closer, at) = (Actor::system(CLOSER), time::now().utc);
        let (rule, by) = (self.city().verify_rule().clone(), closer.clone());
        let closed = self.store().change_case(number, &closer, at, move |case, _| {
            case.close(ClosingCode::FixedConfirmed, &rule, &by, at)
        });
        match closed.await {
            Ok(_) => Ok(()),
            Err(StoreError::Transition(refused)) => {
                tracing::info!(case.id = %number, %refused, "left to the control desk");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}
