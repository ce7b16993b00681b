//! `/api/v1/receptions`: when officials receive citizens, who comes, and what became of it. Booking for a caller is the
//! desk's, the list is the official's secretary's; the citizens' own door is `citizen/receptions.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::Method;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::calendar::parse_date;
use crate::case::city::CityPlan;
use crate::case::reception::{Booking, Reception, Slot};
use crate::case::{Case, CaseDraft, InvalidTransition};
use crate::journal::{Draft, EventType};
use crate::store::{Appointment, AppointmentState, User};
use crate::time::{self, Timestamp};

use super::access::Sight;
use super::cases::parse_number;
use super::cases::transitions::Outcome;
use super::error::ApiError;
use super::extract::{Json, Path, Query};
use super::filing::{MAX_TEXT_CHARS, said};
use super::gate::{Principal, Subject};
use super::view::UtcTime;
use super::{Shared, Web, access};

/// Other cases shown with a visit: the official has minutes.
const EARLIER: u32 = 5;
/// A day, whatever the clock does to it.
const DAY: Duration = Duration::from_secs(25 * 60 * 60);

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReceptionsView {
    items: Vec<ReceptionView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReceptionView {
    pub(super) id: String,
    /// Who receives, by language code.
    pub(super) name: BTreeMap<&'static str, String>,
    /// Where to come.
    pub(super) place: String,
    /// Ids of the categories one may come with.
    pub(super) categories: Vec<String>,
    /// Times that nobody has, the earliest first.
    pub(super) free: Vec<SlotView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SlotView {
    pub(super) starts_at: UtcTime,
    pub(super) ends_at: UtcTime,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DayQuery {
    /// `2026-11-24`, by the city's clock; today where none is given.
    date: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReceptionListView {
    /// Who receives, by language code.
    name: BTreeMap<&'static str, String>,
    place: String,
    date: String,
    items: Vec<VisitView>,
}

/// Somebody who comes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VisitView {
    /// Register number of the case.
    number: String,
    starts_at: UtcTime,
    ends_at: UtcTime,
    /// `booked`, `held` or `no_show`.
    #[schema(value_type = String)]
    state: AppointmentState,
    applicant: Option<String>,
    phone: Option<String>,
    #[schema(value_type = String)]
    language: crate::language::Language,
    category: String,
    /// What they come with.
    topic: String,
    /// Register numbers of other cases of the same telephone number, open ones first, at most 5.
    earlier: Vec<String>,
}

impl VisitView {
    /// Of a restricted case: that somebody comes.
    fn withheld(appointment: &Appointment, case: &Case) -> Self {
        Self {
            number: case.number.to_string(),
            starts_at: appointment.slot.starts_at.into(),
            ends_at: appointment.slot.ends_at.into(),
            state: appointment.state,
            applicant: None,
            phone: None,
            language: case.language,
            category: String::new(),
            topic: String::new(),
            earlier: Vec::new(),
        }
    }
}

/// A time with an official.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    reception: String,
    starts_at: UtcTime,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Minutes {
    /// What the official answered, at most 4,000 characters; it is the city's word and stays in the journal.
    minutes: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Instruction {
    category: String,
    /// What is to be done, at most 4,000 characters.
    task: String,
}

/// Officials who receive citizens, with the times that can be booked.
#[utoipa::path(get, path = "/api/v1/receptions", tag = "receptions",
    responses((status = 200, body = ReceptionsView)))]
pub(super) async fn list(State(web): State<Shared>) -> Result<Answer<ReceptionsView>, ApiError> {
    Ok(Answer(ReceptionsView { items: web.receptions(Some(Duration::ZERO)).await? }))
}

/// Who comes on a day; for the official's secretary and the desk. Looking is journalled.
#[utoipa::path(get, path = "/api/v1/receptions/{id}/appointments", tag = "receptions",
    params(("id" = String, Path), DayQuery),
    responses((status = 200, body = ReceptionListView), (status = 400), (status = 403), (status = 404)))]
pub(super) async fn day(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<String>,
    Query(query): Query<DayQuery>,
) -> Result<Answer<ReceptionListView>, ApiError> {
    let plan = web.city();
    let reception = plan.reception(&id).ok_or(ApiError::NotFound("reception"))?;
    let path = "/api/v1/receptions/{id}/appointments";
    web.admit_to_list(&principal, reception, &Method::GET, path).await?;
    let date = match query.date.as_deref() {
        Some(text) => parse_date(text).map_err(|wrong| ApiError::BadRequest(wrong.to_string()))?,
        None => plan.clock().date_of(time::now().utc),
    };
    let items = web.visits(&plan, reception, date, &principal.user).await?;
    let mut draft = Draft::new(EventType::AccessViewed, time::now().utc, principal.actor());
    draft.data = serde_json::json!({ "what": "reception", "reception": id, "date": date.to_string() });
    web.journal(draft).await?;
    Ok(Answer(ReceptionListView {
        name: by_code(reception),
        place: reception.place.clone(),
        date: date.to_string(),
        items,
    }))
}

/// Take the case to an official, or to another time.
#[utoipa::path(post, path = "/api/v1/cases/{number}/appointment", tag = "receptions",
    params(("number" = String, Path)), request_body = Wish,
    responses((status = 200, body = super::cases::view::CaseView), (status = 403), (status = 404),
        (status = 409, description = "somebody has this time, there is none, or the case is not at the desk")))]
pub(super) async fn arrange(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Wish { reception, starts_at }): Json<Wish>,
) -> Outcome {
    let plan = web.city();
    let reception = plan.reception(&reception).ok_or(ApiError::NotFound("reception"))?;
    let booking = reception.booking(starts_at.0, time::now().utc, Duration::ZERO).map_err(refused)?;
    let held = web.store().appointment_of(&parse_number(&number)?).await?;
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| arranged(case, held.as_ref(), &booking, &actor, at))
        .await
}

/// The official has received the applicant.
#[utoipa::path(post, path = "/api/v1/cases/{number}/appointment-held", tag = "receptions",
    params(("number" = String, Path)), request_body = Minutes,
    responses((status = 200, body = super::cases::view::CaseView), (status = 403), (status = 404),
        (status = 409), (status = 422)))]
pub(super) async fn held(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Minutes { minutes }): Json<Minutes>,
) -> Outcome {
    let slot = web.awaited(&number, &principal, "/api/v1/cases/{number}/appointment-held").await?;
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| case.hold_reception(slot, &minutes, &actor, at))
        .await
}

/// Nobody came.
#[utoipa::path(post, path = "/api/v1/cases/{number}/appointment-missed", tag = "receptions",
    params(("number" = String, Path)),
    responses((status = 200, body = super::cases::view::CaseView), (status = 403), (status = 404), (status = 409)))]
pub(super) async fn missed(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
) -> Outcome {
    let slot = web.awaited(&number, &principal, "/api/v1/cases/{number}/appointment-missed").await?;
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| case.miss_reception(slot, &actor, at)).await
}

/// What the official instructed becomes a case that follows this one. The answer is the new case.
#[utoipa::path(post, path = "/api/v1/cases/{number}/instructions", tag = "receptions",
    params(("number" = String, Path)), request_body = Instruction,
    responses((status = 200, body = super::cases::view::CaseView), (status = 403), (status = 404),
        (status = 409), (status = 422)))]
pub(super) async fn instruct(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Instruction { category, task }): Json<Instruction>,
) -> Outcome {
    let plan = web.city();
    let number = parse_number(&number)?;
    let appointment = web.store().appointment_of(&number).await?.ok_or(ApiError::NotFound("appointment"))?;
    let path = "/api/v1/cases/{number}/instructions";
    web.admit_to_case(&principal, &plan, &appointment, path).await?;
    // Who and where go over to the new case, which anybody may read.
    web.check_clearance(&number, &principal, path).await?;
    if appointment.state != AppointmentState::Held {
        return Err(ApiError::Conflict("the reception has not been held".to_owned()));
    }
    super::city::check_known(&plan, Some(&category), None)?;
    let task = said(Some(&task), MAX_TEXT_CHARS, "the instruction")?
        .ok_or_else(|| ApiError::Unprocessable("say what is to be done".to_owned()))?;
    let (at, actor) = (time::now().utc, principal.actor());
    let received = web.store().case(&number).await?.ok_or(ApiError::NotFound("case"))?;
    // Refused before anything is registered: a number that was given stays given.
    received.clone().instruct(&number, &actor).map_err(refused)?;
    let draft = CaseDraft {
        contact: None,
        category,
        language: received.language,
        priority: received.priority,
        applicant: received.applicant.clone(),
        place: received.place.clone(),
        description: task,
        ivr_path: Vec::new(),
    };
    let made = web.store().register_instruction(draft, received, at, actor.clone()).await?;
    let instruction = made.number.clone();
    let by = actor.clone();
    let noted = web.store().change_case(&number, &actor, at, move |case, _| case.instruct(&instruction, &by));
    noted.await?;
    tracing::info!(case.id = %made.number, "an instruction follows a reception");
    Ok(Answer(web.whole_view(&made, &principal).await?))
}

/// Booked where nothing is, moved where something is.
pub(super) fn arranged(
    case: Case,
    held: Option<&Appointment>,
    booking: &Booking,
    by: &crate::people::Actor,
    at: Timestamp,
) -> Result<(Case, Vec<crate::case::CaseEvent>), InvalidTransition> {
    match held.filter(|held| held.state == AppointmentState::Booked) {
        Some(held) => case.move_reception(held.slot, booking, by, at),
        None => case.book(booking, by, at),
    }
}

pub(super) fn refused(reason: InvalidTransition) -> ApiError {
    crate::store::StoreError::from(reason).into()
}

pub(super) fn by_code(reception: &Reception) -> BTreeMap<&'static str, String> {
    reception.name.iter().map(|(language, name)| (language.code(), name.clone())).collect()
}

impl Web {
    /// All receptions with what is free; `notice` in the place of each one's own.
    pub(super) async fn receptions(&self, notice: Option<Duration>) -> Result<Vec<ReceptionView>, ApiError> {
        let (plan, now) = (self.city(), time::now().utc);
        let mut views = Vec::new();
        for reception in plan.receptions() {
            let slots = reception.slots(now, notice.unwrap_or(reception.notice));
            let until = slots.last().map_or(now, |slot| slot.ends_at);
            let taken = self.store().appointments(&reception.id, now, until).await?;
            let taken: BTreeSet<Timestamp> = taken.iter().map(|one| one.slot.starts_at).collect();
            let free = slots.into_iter().filter(|slot| !taken.contains(&slot.starts_at));
            views.push(ReceptionView {
                id: reception.id.clone(),
                name: by_code(reception),
                place: reception.place.clone(),
                categories: plan
                    .categories()
                    .iter()
                    .filter(|category| reception.takes(&category.id))
                    .map(|category| category.id.clone())
                    .collect(),
                free: free.map(SlotView::from).collect(),
            });
        }
        Ok(views)
    }

    async fn visits(
        &self,
        plan: &Arc<CityPlan>,
        reception: &Reception,
        date: NaiveDate,
        user: &User,
    ) -> Result<Vec<VisitView>, ApiError> {
        let from = plan.clock().start_of(date);
        let appointments = self.store().appointments(&reception.id, from, from.plus(DAY)).await?;
        let mut visits = Vec::new();
        for one in appointments.into_iter().filter(|one| plan.clock().date_of(one.slot.starts_at) == date) {
            let Some(case) = self.store().case(&one.case).await? else { continue };
            if access::sight(user, plan, &case.category) == Sight::Existence {
                visits.push(VisitView::withheld(&one, &case));
                continue;
            }
            let earlier = match &case.applicant.number {
                Some(number) => self.store().cases_of_caller(number, EARLIER + 1).await?,
                None => Vec::new(),
            };
            visits.push(VisitView {
                number: case.number.to_string(),
                starts_at: one.slot.starts_at.into(),
                ends_at: one.slot.ends_at.into(),
                state: one.state,
                applicant: case.applicant.name.clone(),
                phone: case.applicant.number.as_ref().map(|number| number.as_str().to_owned()),
                language: case.language,
                category: case.category.clone(),
                topic: case.description.clone(),
                earlier: earlier
                    .iter()
                    .filter(|other| other.number != case.number)
                    .take(EARLIER as usize)
                    .map(|other| other.number.to_string())
                    .collect(),
            });
        }
        Ok(visits)
    }

    /// The slot of a case that waits for its reception, for who keeps that list.
    async fn awaited(&self, number: &str, principal: &Principal, path: &str) -> Result<Slot, ApiError> {
        let number = parse_number(number)?;
        let found = self.store().appointment_of(&number).await?.ok_or(ApiError::NotFound("appointment"))?;
        self.admit_to_case(principal, &self.city(), &found, path).await?;
        if found.state != AppointmentState::Booked {
            return Err(ApiError::Conflict(
                "what became of this reception is on the record already".to_owned(),
            ));
        }
        Ok(found.slot)
    }

    async fn admit_to_case(
        &self,
        principal: &Principal,
        plan: &CityPlan,
        appointment: &Appointment,
        path: &str,
    ) -> Result<(), ApiError> {
        match plan.reception(&appointment.reception) {
            Some(reception) => self.admit_to_list(principal, reception, &Method::POST, path).await,
            // The official receives no more; somebody still ends what was booked.
            None => Ok(()),
        }
    }

    async fn admit_to_list(
        &self,
        principal: &Principal,
        reception: &Reception,
        method: &Method,
        path: &str,
    ) -> Result<(), ApiError> {
        if access::keeps_list(&principal.user, &reception.post) {
            return Ok(());
        }
        let detail = "this reception's list is kept by somebody else".to_owned();
        Err(self.denied(principal, Subject::default(), method, path, detail).await)
    }
}

impl From<Slot> for SlotView {
    fn from(slot: Slot) -> Self {
        Self { starts_at: slot.starts_at.into(), ends_at: slot.ends_at.into() }
    }
}
