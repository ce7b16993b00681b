//! The page of one request: how far it is, what is promised and by whom, what happened. Organisations, not persons; steps,
//! not what anybody wrote about them; pictures only where the category shows them.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::case::city::CityPlan;
use crate::case::retention::Content;
use crate::case::work_order::EvidenceRef;
use crate::case::{Case, CaseState, ClosingCode};
use crate::ids::{AttachmentId, EvidenceId, WorkOrderId};
use crate::store::{Feedback, TimelineEntry, ViewSize};
use crate::time;

use super::super::city::{category_name, organisation_name};
use super::super::error::ApiError;
use super::super::extract::Json;
use super::super::open311::words::Step;
use super::super::view::UtcTime;
use super::super::{Shared, Web, addresses};
use super::hearing::OwnCallView;
use super::receptions::OwnAppointmentView;
use super::{From, Key, moves};

/// Pictures of the work shown, the latest: of a case that went round the earlier ones showed what was not done.
const MAX_WORK_PICTURES: usize = 6;
/// Steps shown at most, the latest.
const MAX_STEPS: usize = 200;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct StatusView {
    number: String,
    /// `registered`, `assigned`, `accepted`, `started`, `reported`, `checked`, `explained`, `forwarded`, `on_hold`,
    /// `merged`, `withdrawn` or `closed`.
    state: &'static str,
    open: bool,
    category: String,
    category_name: String,
    description: String,
    /// As the applicant or the register named it.
    address: Option<String>,
    registered_at: UtcTime,
    /// The organisation that has it now.
    responsible: Option<String>,
    promised_by: Option<UtcTime>,
    /// What was promised at first, where that was something else.
    first_promised_by: Option<UtcTime>,
    /// Past what is promised, while somebody is to keep it.
    overdue: bool,
    /// Where a request goes on that was joined with another one; the promise is that one's.
    continued: Option<ContinuedView>,
    /// Why it is closed.
    #[schema(value_type = Option<String>)]
    closing_code: Option<ClosingCode>,
    /// 1 for the first run through; each reopening adds one.
    cycle: u16,
    steps: Vec<RequestStepView>,
    /// Ids of the pictures that are shown.
    pictures: Vec<String>,
    may: MayView,
    /// What the applicant thought of this result.
    rating: Option<u8>,
    /// Ids of the executor's pictures, shown once control has believed them.
    work_pictures: Vec<WorkPictureView>,
    appointment: Option<OwnAppointmentView>,
    /// Calls that the applicant may ask to hear.
    calls: Vec<OwnCallView>,
    /// Whether the telephone number of a call is asked for beside number and code.
    calls_ask_number: bool,
    /// The city's, by its IANA name.
    time_zone: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct WorkPictureView {
    id: String,
    /// `before`, `after` or `other`.
    role: String,
}

/// How far the other request is; no more of it, for it is another person's.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ContinuedView {
    number: String,
    /// As in the request itself.
    state: &'static str,
    open: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct RequestStepView {
    at: UtcTime,
    /// A state, or `declined`, `returned`, `reopened`.
    step: &'static str,
    /// The organisation it was given to.
    organisation: Option<String>,
}

/// What the applicant may do now.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct MayView {
    /// The city waits for the answer: is it fixed?
    answer: bool,
    reopen: bool,
    reopen_until: Option<UtcTime>,
    withdraw: bool,
    rate: bool,
    add: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct PictureKey {
    number: String,
    code: String,
    /// One of `pictures`.
    id: String,
}

/// What has become of a request.
#[utoipa::path(post, path = "/api/v1/citizen/status", tag = "citizen", request_body = Key,
    responses((status = 200, body = StatusView),
        (status = 404, description = "there is none of this number, or the code is another"), (status = 429)))]
pub(in crate::web) async fn show(
    State(web): State<Shared>,
    from: From,
    Json(key): Json<Key>,
) -> Result<Answer<StatusView>, ApiError> {
    let case = web.opened(&key, from).await?;
    Ok(Answer(web.status(&case).await?))
}

/// A picture of a request.
#[utoipa::path(post, path = "/api/v1/citizen/picture", tag = "citizen", request_body = PictureKey,
    responses((status = 200, content_type = "image/jpeg"), (status = 404), (status = 429)))]
pub(in crate::web) async fn picture(
    State(web): State<Shared>,
    from: From,
    Json(asked): Json<PictureKey>,
) -> Result<Response, ApiError> {
    let case = web.opened(&Key { number: asked.number, code: asked.code }, from).await?;
    let unknown = ApiError::NotFound("picture");
    let Ok(id) = asked.id.parse::<AttachmentId>() else { return Err(unknown) };
    let found = web.store().shown_attachment(id).await?;
    match found {
        Some((picture, bytes)) if picture.case == case.number && shows_pictures(&case, &web.city()) => {
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
            let policy = HeaderValue::from_static("sandbox; default-src 'none'");
            Ok(([kind, (header::CONTENT_SECURITY_POLICY, policy)], bytes).into_response())
        }
        _ => Err(unknown),
    }
}

/// A picture of the work, made anew: nothing of what the camera wrote into it.
#[utoipa::path(post, path = "/api/v1/citizen/work-picture", tag = "citizen", request_body = PictureKey,
    responses((status = 200, content_type = "image/jpeg"), (status = 404), (status = 429)))]
pub(in crate::web) async fn work_picture(
    State(web): State<Shared>,
    from: From,
    Json(asked): Json<PictureKey>,
) -> Result<Response, ApiError> {
    let case = web.opened(&Key { number: asked.number, code: asked.code }, from).await?;
    let found = match asked.id.parse::<EvidenceId>() {
        Ok(id) => web.store().evidence(id).await?,
        Err(_) => None,
    };
    let found = found.filter(|piece| Some(piece.order) == believed(&case));
    let piece = found.ok_or(ApiError::NotFound("picture"))?;
    let bytes = web.copy_of(&piece, ViewSize::Display).await?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    let policy = HeaderValue::from_static("sandbox; default-src 'none'");
    Ok(([kind, (header::CONTENT_SECURITY_POLICY, policy)], bytes).into_response())
}

/// The order whose evidence control has accepted: the applicant may see what was done.
fn believed(case: &Case) -> Option<WorkOrderId> {
    match &case.state {
        CaseState::Verification { order, .. } => Some(*order),
        CaseState::Closed { code, .. } | CaseState::Archived { code, .. } if code.is_fixed() => {
            case.last_order.as_ref().map(|last| last.order)
        }
        _ => None,
    }
}

fn shows_pictures(case: &Case, plan: &CityPlan) -> bool {
    let is_there = !case.erased.contains(&Content::Photos);
    is_there && plan.category(&case.category).is_some_and(|category| category.filing.publishes_pictures)
}

impl Web {
    async fn work_pictures(&self, case: &Case) -> Result<Vec<WorkPictureView>, ApiError> {
        let Some(order) = believed(case) else { return Ok(Vec::new()) };
        let pieces = self.store().evidence_of(order).await?;
        // Pieces of a cycle that was sent back belong to the same order: the last of them are what was believed.
        let shown = pieces.len().saturating_sub(MAX_WORK_PICTURES);
        let view =
            |piece: &EvidenceRef| WorkPictureView { id: piece.id.to_string(), role: piece.role.clone() };
        Ok(pieces[shown..].iter().map(view).collect())
    }

    pub(super) async fn status(&self, case: &Case) -> Result<StatusView, ApiError> {
        let plan = self.city();
        let entries = self.store().case_timeline(&case.number).await?;
        let pictures = match shows_pictures(case, &plan) {
            true => self.store().attachments_of(&case.number).await?,
            false => Vec::new(),
        };
        let rated = self.store().feedback_of(&case.number).await?;
        let rating = rated.iter().find(|rated| rated.cycle == case.cycle).map(|rated| rated.score);
        let continued = match case.merged_into() {
            Some(into) => self.store().case(into).await?,
            None => None,
        };
        let worked_on = continued.as_ref().unwrap_or(case);
        let deadline = worked_on.promise_shown();
        Ok(StatusView {
            number: case.number.to_string(),
            state: Step::of_state(case.state.told_as()).name(),
            open: case.state.is_open(),
            category: case.category.clone(),
            category_name: category_name(&plan, &case.category, case.language),
            description: case.description.clone(),
            address: shown_address(case, &plan),
            registered_at: case.registered_at.into(),
            responsible: worked_on.state.executor().map(|id| organisation_name(&plan, id)),
            promised_by: deadline.map(|deadline| deadline.resolve_by.into()),
            first_promised_by: deadline
                .filter(|deadline| deadline.first != deadline.resolve_by)
                .map(|deadline| deadline.first.into()),
            overdue: worked_on.is_overdue(time::now().utc),
            continued: continued.as_ref().map(|case| ContinuedView {
                number: case.number.to_string(),
                state: Step::of_state(case.state.told_as()).name(),
                open: case.state.is_open(),
            }),
            closing_code: case.state.closing().map(|(code, _)| code),
            cycle: case.cycle,
            steps: steps(entries, &plan),
            pictures: pictures.iter().map(|picture| picture.id.to_string()).collect(),
            may: may(case, worked_on, &plan, &rated),
            rating,
            work_pictures: self.work_pictures(case).await?,
            appointment: self.own_appointment(case).await?,
            calls: self.own_calls(case).await?,
            calls_ask_number: self.citizen().hearing.ask_number,
            time_zone: plan.clock().zone(),
        })
    }
}

fn may(case: &Case, worked_on: &Case, plan: &CityPlan, rated: &[Feedback]) -> MayView {
    let at = time::now().utc;
    let reopen_until = moves::reopen_deadline(case, plan, &super::actor(), at);
    MayView {
        answer: moves::may_answer(worked_on, case.merged_into().map(|_| &case.number)),
        reopen: reopen_until.is_some(),
        reopen_until: reopen_until.map(UtcTime),
        withdraw: moves::may_withdraw(case),
        rate: case.state.has_result() && !rated.iter().any(|rated| rated.cycle == case.cycle),
        add: case.state.is_open(),
    }
}

fn steps(entries: Vec<TimelineEntry>, plan: &CityPlan) -> Vec<RequestStepView> {
    let steps = entries.into_iter().filter_map(|entry| {
        let executor = entry.data.get("executor").and_then(|executor| executor.as_str());
        let organisation = executor.map(|id| organisation_name(plan, id));
        Some(RequestStepView {
            at: entry.at.into(),
            step: Step::of_event(&entry.event)?.name(),
            organisation,
        })
    });
    let mut steps: Vec<_> = steps.collect();
    let hidden = steps.len().saturating_sub(MAX_STEPS);
    steps.split_off(hidden)
}

/// Without the flat: who looks over the applicant's shoulder need not know it.
fn shown_address(case: &Case, plan: &CityPlan) -> Option<String> {
    let place = case.place.as_ref()?;
    Some(match &place.site {
        Some(site) => {
            let site = crate::case::Site { flat: None, ..site.clone() };
            addresses::in_words(&site, plan.language())
        }
        None => place.address.clone(),
    })
}
