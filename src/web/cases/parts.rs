//! `POST /api/v1/cases/{number}/part-...`: organisations that work with the lead answer for their part, and a dispatcher
//! gives a part to somebody else. The rules are `case/part.rs`'s.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::case::city::CityPlan;
use crate::case::{Case, Part, PartState};

use super::super::error::ApiError;
use super::super::extract::{Json, OrEmpty, Path};
use super::super::gate::Principal;
use super::super::once::OnceKey;
use super::super::view::UtcTime;
use super::super::{Shared, city};
use super::pressed::{self, Step};
use super::transitions::{Outcome, check_text};
use super::view::CaseView;

/// What one organisation beside the lead does.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct PartView {
    /// Organisation id.
    executor: String,
    executor_name: String,
    /// `asked`, `accepted`, `reported` or `declined`.
    state: &'static str,
    /// The order's deadline, which is every part's; null of a part that is reported.
    resolve_by: Option<UtcTime>,
    /// Why it was declined.
    reason: Option<String>,
}

impl PartView {
    /// The parts of the order that went out last.
    pub(in crate::web) fn all_of(case: &Case, plan: &CityPlan) -> Vec<Self> {
        let resolve_by = case.deadline.as_ref().map(|deadline| UtcTime::from(deadline.resolve_by));
        let view = |part: &Part| Self {
            executor_name: city::organisation_name(plan, &part.executor),
            executor: part.executor.clone(),
            state: part.state.name(),
            resolve_by: resolve_by.filter(|_| part.state != PartState::Reported),
            reason: part.reason.clone(),
        };
        case.parts.iter().map(view).collect()
    }

    /// Those of the case as it stands: none once nobody has the work, or another was asked.
    pub(super) fn of_case(case: &Case, plan: &CityPlan) -> Vec<Self> {
        let was_fixed = case.state.closing().is_some_and(|(code, _)| code.is_fixed());
        if case.state.order().is_some() || was_fixed { Self::all_of(case, plan) } else { Vec::new() }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct PartDone {
    /// What was done, in words.
    result: String,
    pressed_at: Option<UtcTime>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct PartDeclined {
    /// Why, in words.
    reason: String,
    pressed_at: Option<UtcTime>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct PartGiven {
    /// Organisation id of who has the part now.
    from: String,
    /// Who is to have it; left out, the others do without.
    to: Option<String>,
    /// Why, in words.
    reason: String,
}

/// A co-executor takes its part on.
#[utoipa::path(post, path = "/api/v1/cases/{number}/part-accept", tag = "cases",
    params(("number" = String, Path), OnceKey), request_body = Step,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409)))]
pub(in crate::web) async fn accept(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    key: OnceKey,
    OrEmpty(step): OrEmpty<Step>,
) -> Outcome {
    let (actor, once) = (principal.actor(), key.once(&principal, "part-accept", &[&number, &step.digest()]));
    web.move_case_once(&number, &principal, once, move |case, _, at| {
        let site = pressed::site_of(&case);
        Ok(pressed::noted(case.accept_part(&actor, at)?, &step.facts(site)))
    })
    .await
}

/// A co-executor has done its part.
#[utoipa::path(post, path = "/api/v1/cases/{number}/part-report", tag = "cases",
    params(("number" = String, Path), OnceKey), request_body = PartDone,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn report(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    key: OnceKey,
    Json(PartDone { result, pressed_at }): Json<PartDone>,
) -> Outcome {
    check_text(&result)?;
    let (actor, once) = (principal.actor(), key.once(&principal, "part-report", &[&number, &result]));
    let step = Step { pressed_at, place: None };
    web.move_case_once(&number, &principal, once, move |case, _, at| {
        Ok(pressed::noted(case.report_part(&result, &actor, at)?, &step.facts(None)))
    })
    .await
}

/// A co-executor sends its part back.
#[utoipa::path(post, path = "/api/v1/cases/{number}/part-decline", tag = "cases",
    params(("number" = String, Path), OnceKey), request_body = PartDeclined,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn decline(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    key: OnceKey,
    Json(PartDeclined { reason, pressed_at }): Json<PartDeclined>,
) -> Outcome {
    check_text(&reason)?;
    let (actor, once) = (principal.actor(), key.once(&principal, "part-decline", &[&number, &reason]));
    let step = Step { pressed_at, place: None };
    web.move_case_once(&number, &principal, once, move |case, _, at| {
        Ok(pressed::noted(case.decline_part(&reason, &actor, at)?, &step.facts(None)))
    })
    .await
}

/// A dispatcher takes a part from one organisation and gives it to another, or to none.
#[utoipa::path(post, path = "/api/v1/cases/{number}/part-give", tag = "cases",
    params(("number" = String, Path)), request_body = PartGiven,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn give(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(PartGiven { from, to, reason }): Json<PartGiven>,
) -> Outcome {
    check_text(&reason)?;
    if let Some(id) = to.as_deref().filter(|id| web.city().organisation(id).is_none()) {
        return Err(ApiError::Unprocessable(format!("the city plan has no organisation '{id}'")));
    }
    let actor = principal.actor();
    let change = move |case: Case, _: &[_], at| case.give_part(&from, to.as_deref(), &reason, &actor, at);
    web.move_case(&number, &principal, change).await
}
