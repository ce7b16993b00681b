//! `/api/v1/escalations`: missed promises that wait for the answer of a post. Who holds the post answers, nobody else;
//! what is raised when, and whom it climbs to, is `crate::case::watch`.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::case::city::CityPlan;
use crate::store::{EscalationFilter, RaisedEscalation, User};

use super::cases::clock_view::EscalationView;
use super::cases::transitions::check_text;
use super::cases::view::CaseView;
use super::error::ApiError;
use super::extract::{Json, Path, Query};
use super::gate::Principal;
use super::view::{ListView, Paging};
use super::{Shared, access};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EscalationQuery {
    /// `true`: only those that the posts of the person who asks are to answer. Executors see no others.
    mine: Option<bool>,
    /// `true`: answered ones too.
    answered: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RaisedView {
    escalation: EscalationView,
    /// Null for an executor whose organisation does not hold the case any more.
    case: Option<CaseView>,
    /// Register number.
    number: String,
    /// The person who asks holds a post that is to answer.
    may_answer: bool,
}

impl RaisedView {
    fn new(raised: &RaisedEscalation, user: &User, plan: &CityPlan) -> Option<Self> {
        let escalation = raised.case.clocks.escalations.get(raised.number.checked_sub(1)?)?;
        let posts = access::posts(user);
        let holds = escalation.post_of(&posts, user.organisation.as_deref()).is_some();
        Some(Self {
            escalation: EscalationView::new(raised.number, escalation, plan),
            case: access::sees_case(user, &raised.case)
                .then(|| CaseView::new(&raised.case, &[], user.role, plan)),
            number: raised.case.number.to_string(),
            may_answer: holds && escalation.answer.is_none(),
        })
    }
}

/// Missed promises that wait for an answer, the earliest first.
#[utoipa::path(get, path = "/api/v1/escalations", tag = "clocks", params(EscalationQuery, Paging),
    responses((status = 200, body = ListView<RaisedView>), (status = 400), (status = 403)))]
pub(super) async fn list(
    State(web): State<Shared>,
    principal: Principal,
    Query(query): Query<EscalationQuery>,
    Query(paging): Query<Paging>,
) -> Result<Answer<ListView<RaisedView>>, ApiError> {
    let user = &principal.user;
    let confined = access::confined_to(user).is_some();
    let filter = EscalationFilter {
        posts: (confined || query.mine.unwrap_or(false)).then(|| access::posts(user)),
        organisation: user.organisation.clone(),
        open: !query.answered.unwrap_or(false),
    };
    let listed = web.store().escalations(&filter, &paging.page()?).await?;
    let plan = web.city();
    let items = listed.items.iter().filter_map(|raised| RaisedView::new(raised, user, &plan)).collect();
    Ok(Answer(ListView { items, next: listed.next }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EscalationAnswer {
    /// What is done about it, and until when.
    text: String,
}

/// The post answers; it ends this escalation, not the delay.
#[utoipa::path(post, path = "/api/v1/escalations/{number}/{escalation}/answer", tag = "clocks",
    params(("number" = String, Path), ("escalation" = usize, Path)), request_body = EscalationAnswer,
    responses((status = 204), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn answer(
    State(web): State<Shared>,
    principal: Principal,
    Path((number, escalation)): Path<(String, usize)>,
    Json(EscalationAnswer { text }): Json<EscalationAnswer>,
) -> Result<StatusCode, ApiError> {
    check_text(&text)?;
    let (actor, posts) = (principal.actor(), access::posts(&principal.user));
    let moved = web.move_case(&number, &principal, move |case, _, at| {
        case.answer_escalation(escalation, &text, &posts, &actor, at)
    });
    moved.await.map(|_| StatusCode::NO_CONTENT)
}
