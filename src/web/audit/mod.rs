//! `/api/v1/audit/engagements`: auditors' rights to read and play, given for a time by the administrator or the records
//! office. What they open is `access/engagement.rs`; samples are `samples.rs`.

pub(super) mod reached;
pub(super) mod samples;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::{Closed, Engagement, InvalidEngagement, MAX_PURPOSE_CHARS, Scope, Standing};
use crate::ids::{EngagementId, UserId};
use crate::people::Role;
use crate::time;

use super::Shared;
use super::error::ApiError;
use super::extract::{Json, Path};
use super::filing::said;
use super::gate::Principal;
use super::view::{ListView, UtcTime};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, open))
        .routes(routes!(close))
        .routes(routes!(choices))
        .routes(routes!(samples::list, samples::commit))
        .routes(routes!(samples::show))
        .routes(routes!(samples::frame))
        .routes(routes!(samples::draw))
        .routes(routes!(samples::judge))
}

/// Which calls; what is left out narrows nothing.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ScopeView {
    /// Category ids of the cases that calls are on.
    categories: Vec<String>,
    /// Names of queues.
    queues: Vec<String>,
    /// Calls offered at this moment or later.
    calls_from: Option<UtcTime>,
    /// Calls offered before this moment.
    calls_until: Option<UtcTime>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EngagementView {
    id: String,
    /// User id and name.
    auditor: String,
    auditor_name: String,
    from: UtcTime,
    /// From this moment on nothing plays any more.
    until: UtcTime,
    scope: ScopeView,
    purpose: String,
    opened_at: UtcTime,
    /// `not_yet`, `running` or `over`.
    #[schema(value_type = String)]
    standing: Standing,
    /// When it was ended before its time, and why.
    closed_at: Option<UtcTime>,
    closing: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEngagement {
    #[schema(value_type = String)]
    auditor: UserId,
    from: UtcTime,
    until: UtcTime,
    #[serde(default)]
    scope: ScopeView,
    /// At most 1,000 characters; on the journal for ever.
    purpose: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Closing {
    /// At most 1,000 characters; on the journal for ever.
    reason: String,
}

/// Somebody who may be engaged.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditorView {
    id: String,
    name: String,
}

/// What an engagement is opened with.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChoicesView {
    auditors: Vec<AuditorView>,
    /// Names of queues.
    queues: Vec<String>,
}

/// Engagements, those that begin last first: an auditor's own, everybody's for those who open them.
#[utoipa::path(get, path = "/api/v1/audit/engagements", tag = "audit",
    responses((status = 200, body = ListView<EngagementView>), (status = 403)))]
pub(super) async fn list(
    State(web): State<Shared>,
    principal: Principal,
) -> Result<Answer<ListView<EngagementView>>, ApiError> {
    let own = (principal.role() == Role::Auditor).then_some(principal.user.id);
    let found = web.store().engagements(own).await?;
    let items = found.into_iter().map(|(it, name)| EngagementView::new(it, name)).collect();
    Ok(Answer(ListView { items, next: None }))
}

/// Opens one. It cannot be changed, only closed.
#[utoipa::path(post, path = "/api/v1/audit/engagements", tag = "audit", request_body = NewEngagement,
    responses((status = 201, body = EngagementView), (status = 403), (status = 404), (status = 422)))]
pub(super) async fn open(
    State(web): State<Shared>,
    principal: Principal,
    Json(new): Json<NewEngagement>,
) -> Result<(StatusCode, Answer<EngagementView>), ApiError> {
    let opened_at = time::now().utc;
    check_names(&web, &new.scope)?;
    let engagement = Engagement {
        id: EngagementId(web.with_mint(|mint| mint.uuid(opened_at))),
        auditor: new.auditor,
        from: new.from.0,
        until: new.until.0,
        scope: Scope {
            categories: new.scope.categories,
            queues: new.scope.queues,
            calls_from: new.scope.calls_from.map(|at| at.0),
            calls_until: new.scope.calls_until.map(|at| at.0),
        },
        purpose: new.purpose.trim().to_owned(),
        opened_by: principal.user.id,
        opened_at,
        closed: None,
    };
    let engagement = engagement.open().map_err(refused)?;
    web.store().open_engagement(engagement.clone(), principal.actor()).await?;
    let auditor = web.store().user(engagement.auditor).await?;
    let name = auditor.map(|user| user.name).unwrap_or_default();
    Ok((StatusCode::CREATED, Answer(EngagementView::new(engagement, name))))
}

/// A name that nothing has covers nothing, and nobody would notice.
fn check_names(web: &Shared, scope: &ScopeView) -> Result<(), ApiError> {
    let plan = web.city();
    if let Some(unknown) = scope.categories.iter().find(|id| plan.category(id).is_none()) {
        return Err(ApiError::Unprocessable(format!("there is no category '{unknown}'")));
    }
    let in_force = web.in_force();
    let known = |name: &String| in_force.queues.iter().any(|queue| queue.name == *name);
    match scope.queues.iter().find(|name| !known(name)) {
        Some(unknown) => Err(ApiError::Unprocessable(format!("there is no queue '{unknown}'"))),
        None => Ok(()),
    }
}

fn refused(refused: InvalidEngagement) -> ApiError {
    match refused {
        InvalidEngagement::Over => ApiError::conflict("engagement_over", refused.to_string()),
        _ => ApiError::Unprocessable(refused.to_string()),
    }
}

/// Ends one before its time: from now on nothing plays.
#[utoipa::path(post, path = "/api/v1/audit/engagements/{id}/close", tag = "audit", params(("id" = String, Path)),
    request_body = Closing,
    responses((status = 200, body = EngagementView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn close(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<EngagementId>,
    Json(closing): Json<Closing>,
) -> Result<Answer<EngagementView>, ApiError> {
    let reason = said(Some(&closing.reason), MAX_PURPOSE_CHARS, "a reason")?;
    let reason = reason.ok_or_else(|| ApiError::Unprocessable("say why".to_owned()))?;
    let closed = Closed { by: principal.user.id, at: time::now().utc, reason };
    let ended = web.store().close_engagement(id, closed, principal.actor()).await?.map_err(refused)?;
    let auditor = web.store().user(ended.auditor).await?;
    let name = auditor.map(|user| user.name).unwrap_or_default();
    Ok(Answer(EngagementView::new(ended, name)))
}

/// Whom an engagement can be opened for, and what its scope can name beside categories.
#[utoipa::path(get, path = "/api/v1/audit/choices", tag = "audit",
    responses((status = 200, body = ChoicesView), (status = 403)))]
pub(super) async fn choices(State(web): State<Shared>) -> Result<Answer<ChoicesView>, ApiError> {
    let users = web.store().users().await?.into_iter();
    let auditors = users.filter(|user| user.role == Role::Auditor && !user.disabled);
    let auditors = auditors.map(|user| AuditorView { id: user.id.to_string(), name: user.name }).collect();
    let queues = web.in_force().queues.iter().map(|queue| queue.name.clone()).collect();
    Ok(Answer(ChoicesView { auditors, queues }))
}

impl EngagementView {
    fn new(it: Engagement, auditor_name: String) -> Self {
        let standing = it.standing(time::now().utc);
        let (closed_at, closing) = it.closed.map(|closed| (closed.at.into(), closed.reason)).unzip();
        Self {
            id: it.id.to_string(),
            auditor: it.auditor.to_string(),
            auditor_name,
            from: it.from.into(),
            until: it.until.into(),
            scope: ScopeView {
                categories: it.scope.categories,
                queues: it.scope.queues,
                calls_from: it.scope.calls_from.map(UtcTime),
                calls_until: it.scope.calls_until.map(UtcTime),
            },
            purpose: it.purpose,
            opened_at: it.opened_at.into(),
            standing,
            closed_at,
            closing,
        }
    }
}
