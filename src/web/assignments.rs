//! `/api/v1/operators/{id}/queues`: a supervisor says which queues an operator serves from now on. It is a row like any
//! other of the operator's (`store/assignments.rs`), so it outlives a restart; the switchboard takes it over at once, a
//! call at hand goes on, and the operator's desk says who changed it and why.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ids::UserId;
use crate::journal::{Draft, EventType};
use crate::store::Assignment;
use crate::time;

use super::Shared;
use super::admin::users::check_skills;
use super::error::ApiError;
use super::extract::{Json, Path};
use super::gate::Principal;
use super::messages::DeskMessage;

/// A sentence.
const MAX_REASON_CHARS: usize = 200;

/// What an operator serves from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueChoice {
    /// All of them, at least one.
    queues: Vec<String>,
    /// Levels from 1 to 5, all of them; what is left out stays as it is.
    #[serde(default)]
    skills: Option<BTreeMap<String, u8>>,
    /// Why, for the journal and for the operator.
    #[schema(example = "many callers")]
    reason: String,
}

/// Changes which queues an operator serves, at once and until it is changed again.
#[utoipa::path(put, path = "/api/v1/operators/{id}/queues", tag = "live", params(("id" = String, Path)),
    request_body = QueueChoice,
    responses((status = 204), (status = 403), (status = 404),
        (status = 409, description = "nobody else serves a queue that is taken away, or a skill is missing"),
        (status = 422, description = "no such queue, none at all, or no reason"), (status = 503)))]
pub(super) async fn assign(
    State(web): State<Shared>,
    principal: Principal,
    Path(operator): Path<UserId>,
    Json(choice): Json<QueueChoice>,
) -> Result<StatusCode, ApiError> {
    let QueueChoice { queues, skills, reason } = choice;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARS {
        return Err(ApiError::unfit("no_reason", format!("say why, in 1 to {MAX_REASON_CHARS} characters")));
    }
    web.check_queues(&queues)?;
    // Each once, in the order of the configuration.
    let all = web.snapshot();
    let queues: Vec<String> =
        all.queues.iter().map(|queue| queue.name.clone()).filter(|name| queues.contains(name)).collect();
    if queues.is_empty() {
        return Err(ApiError::unfit("no_queues", "an operator serves one queue at least"));
    }
    if let Some(skills) = &skills {
        check_skills(skills)?;
    }
    let known = all.operators.iter().find(|known| known.id == operator);
    let had = skills.as_ref().or_else(|| known.map(|known| &known.skills));
    for queue in all.queues.iter().filter(|queue| queues.contains(&queue.name)) {
        let is_new = known.is_some_and(|known| !known.queues.contains(&queue.name));
        let level = |skill: &String| had.and_then(|had| had.get(skill)).copied().unwrap_or(0);
        let missing = queue.skills.iter().find(|(skill, wanted)| is_new && level(skill) < **wanted);
        if let Some((skill, wanted)) = missing {
            return Err(ApiError::conflict(
                "lacks_skill",
                format!("the queue '{}' asks for '{skill}' at level {wanted}", queue.name),
            ));
        }
    }
    let mut entry = Draft::new(EventType::OperatorAssigned, time::now().utc, principal.actor());
    entry.reason = Some(reason.to_owned());
    let assignment = Assignment { operator, queues: queues.clone(), skills };
    let assigned = web.store().assign(assignment, entry).await?;
    if !assigned.is_nothing() {
        web.take_over_users(principal.actor()).await;
        // Read by whoever has a page open; the desk shows its queues all the time.
        let message = DeskMessage::assigned(&principal, queues, reason.to_owned());
        web.desks.send(operator, &Arc::new(message));
    }
    Ok(StatusCode::NO_CONTENT)
}
