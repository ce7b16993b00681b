//! `POST /api/v1/cases/{number}/...`: the less straight ways: to another body and back, refused, withdrawn, merged,
//! repeated, inspected, reopened, given to another executor. Each names one transition of `crate::case`; the rules are
//! there. The straight way is `transitions.rs`.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::calendar::parse_date;
use crate::case::forwarding::ForwardAnswer;
use crate::case::routing::{self, RoutingError};
use crate::case::transition::InvalidTransition;
use crate::case::{Case, CaseDraft, CaseState, ClosingCode, RelationKind, ReopenCause};
use crate::ids::{ContactId, WorkOrderId};
use crate::time;

use super::super::error::ApiError;
use super::super::extract::{Json, Path, Query};
use super::super::gate::Principal;
use super::super::view::{ListView, Paging, UtcTime};
use super::super::{Shared, Web};
use super::parse_number;
use super::transitions::{MAX_WORD_CHARS, Outcome, check_length, check_text};
use super::view::CaseView;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Forwarding {
    /// The other body's name.
    to: String,
    /// The last day on which its answer is awaited, in the city's time zone.
    #[schema(example = "2026-12-21")]
    answer_by: String,
    reason: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct BodyAnswer {
    /// They act on it; otherwise the case comes back to the desk.
    taken_over: bool,
    /// What they answered.
    text: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Refusal {
    /// `refused_lawful`, `unfounded` or `planned_programme`.
    #[schema(value_type = String, example = "refused_lawful")]
    code: ClosingCode,
    /// The act, the finding or the programme it rests on.
    ground: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct CaseWithdrawal {
    reason: String,
    /// The call on this case in which the applicant said so; operators name one.
    #[schema(value_type = Option<String>)]
    call: Option<ContactId>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct MergeInto {
    /// Register number of the case that goes on.
    into: String,
    reason: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Relating {
    /// `repeat_of` or `follows`.
    #[schema(value_type = String, example = "repeat_of")]
    kind: RelationKind,
    /// Register number of the earlier case.
    other: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Visit {
    /// The work was found done.
    passed: bool,
    /// What the inspector saw.
    note: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ByHand {
    /// Organisation id.
    executor: String,
    reason: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Again {
    /// What is wrong again.
    reason: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct DrawQuery {
    /// `true`: only those that nobody has visited yet.
    due: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct DrawnView {
    case: CaseView,
    /// The cycle that was closed.
    cycle: u16,
    /// Journal entry whose hash decided.
    entry: u64,
    drawn_at: UtcTime,
    inspected_at: Option<UtcTime>,
    passed: Option<bool>,
}

/// The matter is another body's; its answer is awaited.
#[utoipa::path(post, path = "/api/v1/cases/{number}/forward", tag = "cases", params(("number" = String, Path)),
    request_body = Forwarding,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn forward(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(forwarding): Json<Forwarding>,
) -> Outcome {
    check_text(&forwarding.reason)?;
    check_length(Some(&forwarding.to), MAX_WORD_CHARS)?;
    let day =
        parse_date(&forwarding.answer_by).map_err(|error| ApiError::Unprocessable(error.to_string()))?;
    let (actor, answer_by) = (principal.actor(), web.city().end_of_day(day));
    web.move_case(&number, &principal, move |case, _, at| {
        case.forward(&forwarding.to, answer_by, &forwarding.reason, &actor, at)
    })
    .await
}

/// What the other body answered.
#[utoipa::path(post, path = "/api/v1/cases/{number}/forward-answer", tag = "cases",
    params(("number" = String, Path)), request_body = BodyAnswer,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn forward_answer(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(BodyAnswer { taken_over, text }): Json<BodyAnswer>,
) -> Outcome {
    check_text(&text)?;
    let answer = if taken_over { ForwardAnswer::TakenOver } else { ForwardAnswer::SentBack };
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| case.forward_answered(answer, &text, &actor, at))
        .await
}

/// The city decides not to do it; the applicant is to be told why.
#[utoipa::path(post, path = "/api/v1/cases/{number}/refuse", tag = "cases", params(("number" = String, Path)),
    request_body = Refusal,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn refuse(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Refusal { code, ground }): Json<Refusal>,
) -> Outcome {
    check_text(&ground)?;
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| case.refuse(code, &ground, &actor, at)).await
}

/// The applicant takes the case back; an order that is out is cancelled.
#[utoipa::path(post, path = "/api/v1/cases/{number}/withdraw", tag = "cases", params(("number" = String, Path)),
    request_body = CaseWithdrawal,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn withdraw(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(CaseWithdrawal { reason, call }): Json<CaseWithdrawal>,
) -> Outcome {
    check_text(&reason)?;
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| case.withdraw(&reason, call, &actor, at)).await
}

/// Close the case as a duplicate of another, which goes on and tells both applicants.
#[utoipa::path(post, path = "/api/v1/cases/{number}/merge", tag = "cases", params(("number" = String, Path)),
    request_body = MergeInto,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn merge(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(MergeInto { into, reason }): Json<MergeInto>,
) -> Outcome {
    check_text(&reason)?;
    let (from, into) = (parse_number(&number)?, parse_number(&into)?);
    for number in [&from, &into] {
        web.check_clearance(number, &principal, "/api/v1/cases/{number}/merge").await?;
    }
    let at = time::now().utc;
    let case = web.store().merge_cases((&from, &into), &reason, &principal.actor(), at).await?;
    tracing::info!(case.id = %from, into = %into, "case merged");
    Ok(Answer(web.whole_view(&case, &principal).await?))
}

/// Say that the case repeats or follows an earlier one.
#[utoipa::path(post, path = "/api/v1/cases/{number}/relations", tag = "cases", params(("number" = String, Path)),
    request_body = Relating,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn relate(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Relating { kind, other }): Json<Relating>,
) -> Outcome {
    web.check_clearance(&parse_number(&other)?, &principal, "/api/v1/cases/{number}/relations").await?;
    let other = web.store().case(&parse_number(&other)?).await?.ok_or(ApiError::NotFound("case"))?;
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| case.relate(kind, &other, &actor, at)).await
}

/// Broken again after the window: a new case that repeats this one. The answer is the new case.
#[utoipa::path(post, path = "/api/v1/cases/{number}/repeat", tag = "cases", params(("number" = String, Path)),
    responses((status = 200, body = CaseView), (status = 403), (status = 404),
        (status = 409, description = "the case is open, or may still be reopened")))]
pub(in crate::web) async fn repeat(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
) -> Outcome {
    let (at, actor) = (time::now().utc, principal.actor());
    web.check_clearance(&parse_number(&number)?, &principal, "/api/v1/cases/{number}/repeat").await?;
    let earlier = web.store().case(&parse_number(&number)?).await?.ok_or(ApiError::NotFound("case"))?;
    if earlier.state.is_open() {
        return Err(ApiError::Conflict("the case is open: it needs no repeat".to_owned()));
    }
    if earlier.check_reopening(web.city().reopen_rule(), ReopenCause::Applicant, &actor, at).is_ok() {
        return Err(ApiError::Conflict("the case can still be reopened under its number".to_owned()));
    }
    let draft = CaseDraft {
        contact: None,
        category: earlier.category.clone(),
        language: earlier.language,
        priority: earlier.priority,
        applicant: earlier.applicant.clone(),
        place: earlier.place.clone(),
        description: earlier.description.clone(),
        ivr_path: Vec::new(),
    };
    let case = web.store().register_repeat(draft, earlier, at, actor).await?;
    tracing::info!(case.id = %case.number, "case registered as a repeat");
    Ok(Answer(web.whole_view(&case, &principal).await?))
}

/// Broken again within the window: back to work under the same number, one level up.
#[utoipa::path(post, path = "/api/v1/cases/{number}/reopen", tag = "cases", params(("number" = String, Path)),
    request_body = Again,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn reopen(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Again { reason }): Json<Again>,
) -> Outcome {
    check_text(&reason)?;
    web.send_back(&number, &principal, ReopenCause::Applicant, reason).await
}

/// An inspector was there; what was not found done goes back to work one level up.
#[utoipa::path(post, path = "/api/v1/cases/{number}/inspection", tag = "cases", params(("number" = String, Path)),
    request_body = Visit,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn inspect(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Visit { passed, note }): Json<Visit>,
) -> Outcome {
    check_text(&note)?;
    let case = web.store().case(&parse_number(&number)?).await?.ok_or(ApiError::NotFound("case"))?;
    if !passed && matches!(case.state, CaseState::Closed { .. }) {
        return web.send_back(&number, &principal, ReopenCause::Inspection, note).await;
    }
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| case.inspect(passed, &note, &actor, at)).await
}

/// Give the work to an executor whom a person chose.
#[utoipa::path(post, path = "/api/v1/cases/{number}/executor", tag = "cases", params(("number" = String, Path)),
    request_body = ByHand,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(in crate::web) async fn assign_by_hand(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(ByHand { executor, reason }): Json<ByHand>,
) -> Outcome {
    check_text(&reason)?;
    check_length(Some(&executor), MAX_WORD_CHARS)?;
    web.check_clearance(&parse_number(&number)?, &principal, "/api/v1/cases/{number}/executor").await?;
    let case = web.store().case(&parse_number(&number)?).await?.ok_or(ApiError::NotFound("case"))?;
    let (order, plan, actor) = (web.new_order(), web.city(), principal.actor());
    routing::route_to(&plan, &case, &executor, order, time::now().utc).map_err(undecided)?;
    web.move_case(&number, &principal, move |case, _, at| {
        let assignment = routing::route_to(&plan, &case, &executor, order, at).map_err(|_| CHANGED)?;
        case.assign_by_hand(assignment, &reason, &actor, at)
    })
    .await
}

/// Closed cases drawn for an inspection, the oldest draw first.
#[utoipa::path(get, path = "/api/v1/inspections", tag = "cases", params(DrawQuery, Paging),
    responses((status = 200, body = ListView<DrawnView>), (status = 400), (status = 403)))]
pub(in crate::web) async fn drawn(
    State(web): State<Shared>,
    principal: Principal,
    Query(query): Query<DrawQuery>,
    Query(paging): Query<Paging>,
) -> Result<Answer<ListView<DrawnView>>, ApiError> {
    let listed = web.store().drawn_cases(query.due.unwrap_or(false), &paging.page()?).await?;
    let city = web.city();
    let mut items = Vec::with_capacity(listed.items.len());
    for drawn in listed.items {
        let case = web.store().case(&drawn.case).await?;
        let case = case.ok_or_else(|| ApiError::internal("draw without its case", &drawn.case))?;
        items.push(DrawnView {
            case: CaseView::new(&case, &[], principal.role(), &city),
            cycle: drawn.cycle,
            entry: drawn.entry,
            drawn_at: drawn.drawn_at.into(),
            inspected_at: drawn.inspected_at.map(UtcTime),
            passed: drawn.passed,
        });
    }
    Ok(Answer(ListView { items, next: listed.next }))
}

const CHANGED: InvalidTransition =
    InvalidTransition::Incomplete("the case changed and routing cannot decide any more");

fn undecided(reason: RoutingError) -> ApiError {
    ApiError::Unprocessable(reason.to_string())
}

impl Web {
    fn new_order(&self) -> WorkOrderId {
        let at = time::now().utc;
        WorkOrderId(self.with_mint(|mint| mint.uuid(at)))
    }

    /// A closed case goes back to whom it is routed now.
    async fn send_back(
        &self,
        number: &str,
        principal: &Principal,
        cause: ReopenCause,
        reason: String,
    ) -> Outcome {
        self.check_clearance(&parse_number(number)?, principal, "/api/v1/cases/{number}").await?;
        let (order, plan, actor) = (self.new_order(), self.city(), principal.actor());
        let case = self.store().case(&parse_number(number)?).await?.ok_or(ApiError::NotFound("case"))?;
        // First for the reason in full; then again on the row as it stands when it is changed.
        let at = time::now().utc;
        case.check_reopening(plan.reopen_rule(), cause, &actor, at)?;
        routing::reroute(&plan, &case, order, at).map_err(undecided)?;
        self.move_case(number, principal, move |case: Case, _, at| {
            let assignment = routing::reroute(&plan, &case, order, at).map_err(|_| CHANGED)?;
            case.reopen(assignment, plan.reopen_rule(), cause, &reason, &actor, at)
        })
        .await
    }
}
