//! `/api/v1/callbacks`: who is to be rung back, and taking somebody off the list. Who is rung when decides
//! `crate::callback`.

use std::collections::HashMap;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::callback::{CallBack, Why};
use crate::ids::ContactId;
use crate::people::Role;
use crate::switchboard::Command;

use super::error::ApiError;
use super::extract::{Json, Path};
use super::gate::Principal;
use super::view::{ListView, UtcTime, number_for};
use super::{Shared, Web, access};

/// A sentence.
const MAX_REASON_CHARS: usize = 200;

/// Somebody who waits to be rung back.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallbackView {
    /// Id of the call it comes from.
    origin: String,
    /// Its case or topic takes a clearance: who is to be rung, and what about, is not told here.
    withheld: bool,
    /// Empty when withheld.
    number: String,
    queue: String,
    language: &'static str,
    topic: Option<String>,
    case: Option<String>,
    /// `requested` in the menu, or `abandoned` the line.
    #[schema(value_type = String)]
    why: Why,
    /// The place in the line is that of this moment.
    since: UtcTime,
    /// Attempts begun.
    attempts: u32,
    /// No attempt before.
    not_before: UtcTime,
}

impl CallbackView {
    fn new(callback: &CallBack, role: Role, is_told: bool) -> Self {
        Self {
            origin: callback.origin.to_string(),
            withheld: !is_told,
            number: if is_told { number_for(role, &callback.number) } else { String::new() },
            queue: callback.queue.clone(),
            language: callback.language.code(),
            topic: callback.topic.clone().filter(|_| is_told),
            case: callback.case.as_ref().map(ToString::to_string),
            why: callback.why,
            since: callback.since.into(),
            attempts: callback.attempts,
            not_before: callback.not_before.into(),
        }
    }
}

/// Who waits to be rung back, the longest first.
#[utoipa::path(get, path = "/api/v1/callbacks", tag = "live",
    responses((status = 200, body = ListView<CallbackView>), (status = 403)))]
pub(super) async fn list(
    State(web): State<Shared>,
    principal: Principal,
) -> Result<Answer<ListView<CallbackView>>, ApiError> {
    let callbacks = web.store().callbacks().await?;
    let told = web.callbacks_told(&callbacks, &principal).await?;
    let items = callbacks
        .iter()
        .zip(told)
        .map(|(callback, is_told)| CallbackView::new(callback, principal.role(), is_told))
        .collect();
    Ok(Answer(ListView { items, next: None }))
}

impl Web {
    /// Which of them the person may know more of than that somebody waits.
    async fn callbacks_told(
        &self,
        callbacks: &[CallBack],
        principal: &Principal,
    ) -> Result<Vec<bool>, ApiError> {
        let plan = self.city();
        let cases: Vec<_> = callbacks.iter().filter_map(|callback| callback.case.clone()).collect();
        let known: HashMap<_, _> = self.store().categories_of(&cases).await?.into_iter().collect();
        let is_told = |callback: &CallBack| {
            let category = match &callback.case {
                Some(case) => known.get(case).map(String::as_str),
                None => plan.topic_categories().get(callback.topic.as_ref()?).map(String::as_str),
            };
            Some(access::is_found(&principal.user, &plan, category?))
        };
        Ok(callbacks.iter().map(|callback| is_told(callback).unwrap_or(true)).collect())
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Withdrawal {
    /// Why, for the journal.
    reason: String,
}

/// Takes somebody off the list, who was reached by other means for instance. Not while being rung.
#[utoipa::path(post, path = "/api/v1/callbacks/{origin}/withdraw", tag = "live",
    params(("origin" = String, Path)), request_body = Withdrawal,
    responses((status = 204), (status = 403), (status = 409), (status = 422), (status = 503)))]
pub(super) async fn withdraw(
    State(web): State<Shared>,
    principal: Principal,
    Path(origin): Path<ContactId>,
    Json(withdrawal): Json<Withdrawal>,
) -> Result<StatusCode, ApiError> {
    let reason = withdrawal.reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARS {
        return Err(ApiError::Unprocessable(format!("say why, in 1 to {MAX_REASON_CHARS} characters")));
    }
    let by = (principal.user.id, principal.role());
    web.command(Command::WithdrawCallback { origin, by, reason: reason.to_owned() }).await?;
    Ok(StatusCode::NO_CONTENT)
}
