//! `POST /api/v1/cases/{number}/hold`, `resume`, `extend`, `ask`, `approve`, `refuse`: what moves the clocks of a case.
//! An executor asks, control and supervisors decide; the rules are `crate::case::hold`.

use axum::extract::State;
use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::calendar::{date_text, parse_date};
use crate::case::hold::Wish;
use crate::case::{Clock, HoldReason};

use super::super::Shared;
use super::super::error::ApiError;
use super::super::extract::{Json, Path};
use super::super::gate::Principal;
use super::transitions::{Outcome, check_text};
use super::view::CaseView;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Holding {
    #[schema(value_type = String, example = "awaiting_third_party")]
    reason: HoldReason,
    /// The day on which the work goes on, `2026-12-01`.
    #[serde(with = "date_text")]
    #[schema(value_type = String, format = Date)]
    until: NaiveDate,
    /// In words.
    why: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Extending {
    #[schema(value_type = String, example = "executor")]
    clock: Clock,
    /// The last day of the longer term.
    #[serde(with = "date_text")]
    #[schema(value_type = String, format = Date)]
    until: NaiveDate,
    why: String,
}

/// A pause has a reason; more time has none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Asking {
    /// `pause` or `extension`.
    wish: String,
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    reason: Option<HoldReason>,
    until: String,
    why: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Why {
    why: String,
}

/// Put the work on hold: both clocks stand still.
#[utoipa::path(post, path = "/api/v1/cases/{number}/hold", tag = "clocks", params(("number" = String, Path)),
    request_body = Holding,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn hold(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Holding { reason, until, why }): Json<Holding>,
) -> Outcome {
    check_text(&why)?;
    let (actor, plan) = (principal.actor(), web.city());
    web.move_case(&number, &principal, move |case, _, at| case.hold(reason, until, &why, &plan, &actor, at))
        .await
}

/// The work goes on before its day: the clocks go on where they stopped.
#[utoipa::path(post, path = "/api/v1/cases/{number}/resume", tag = "clocks", params(("number" = String, Path)),
    request_body = Why,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn resume(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Why { why }): Json<Why>,
) -> Outcome {
    check_text(&why)?;
    let (actor, plan) = (principal.actor(), web.city());
    web.move_case(&number, &principal, move |case, _, at| case.resume(&why, &plan, &actor, at)).await
}

/// Give more time, as far as the norm allows.
#[utoipa::path(post, path = "/api/v1/cases/{number}/extend", tag = "clocks", params(("number" = String, Path)),
    request_body = Extending,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn extend(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Extending { clock, until, why }): Json<Extending>,
) -> Outcome {
    check_text(&why)?;
    let (actor, plan) = (principal.actor(), web.city());
    web.move_case(&number, &principal, move |case, _, at| case.extend(clock, until, &why, &plan, &actor, at))
        .await
}

/// The executor asks for a pause or for more time; a later wish takes the place of an earlier one.
#[utoipa::path(post, path = "/api/v1/cases/{number}/ask", tag = "clocks", params(("number" = String, Path)),
    request_body = Asking,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn ask(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(asking): Json<Asking>,
) -> Outcome {
    check_text(&asking.why)?;
    let until = parse_date(&asking.until).map_err(|error| ApiError::Unprocessable(error.to_string()))?;
    let wish = match (asking.wish.as_str(), asking.reason) {
        ("pause", Some(reason)) => Wish::Pause { reason, until },
        ("extension", None) => Wish::Extension { clock: Clock::Executor, until },
        _ => {
            let say = "'wish' is pause, with its 'reason', or extension, without one";
            return Err(ApiError::Unprocessable(say.to_owned()));
        }
    };
    let (actor, plan) = (principal.actor(), web.city());
    web.move_case(&number, &principal, move |case, _, at| {
        case.ask(wish.clone(), &asking.why, &plan, &actor, at)
    })
    .await
}

/// What the executor asks for is granted.
#[utoipa::path(post, path = "/api/v1/cases/{number}/ask-approve", tag = "clocks", params(("number" = String, Path)),
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn approve(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
) -> Outcome {
    let (actor, plan) = (principal.actor(), web.city());
    web.move_case(&number, &principal, move |case, _, at| case.approve(&plan, &actor, at)).await
}

/// What the executor asks for is refused.
#[utoipa::path(post, path = "/api/v1/cases/{number}/ask-refuse", tag = "clocks", params(("number" = String, Path)),
    request_body = Why,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn turn_down(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Why { why }): Json<Why>,
) -> Outcome {
    check_text(&why)?;
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| case.turn_down(&why, &actor, at)).await
}
