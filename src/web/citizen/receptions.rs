//! Appointments from the citizens' page: a free time with an official, taken with a name and a topic; with number and code
//! moved or given back. Booking is filing a request, with the same limits.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

use crate::case::city::CityPlan;
use crate::case::{Applicant, Case, CaseDraft, IdentityLevel, Priority};
use crate::language::Language;
use crate::store::{AppointmentState, Filing};
use crate::time;

use super::super::error::ApiError;
use super::super::extract::Json;
use super::super::filing::code::Code;
use super::super::filing::{MAX_TEXT_CHARS, MAX_WORD_CHARS, said};
use super::super::receptions::{ReceptionView, by_code, refused};
use super::super::terms::hourly;
use super::super::view::UtcTime;
use super::super::{Shared, Web};
use super::ask::{RequestFiled, stated_number};
use super::status::StatusView;
use super::{From, Key};

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct OpenReceptionsView {
    /// Whether appointments can be made here.
    open: bool,
    /// The city's, by its IANA name.
    time_zone: &'static str,
    items: Vec<ReceptionView>,
}

/// An appointment as the applicant sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct OwnAppointmentView {
    /// Id of the reception.
    reception: String,
    /// Who receives, by language code.
    name: BTreeMap<&'static str, String>,
    /// Where to come.
    place: String,
    starts_at: UtcTime,
    ends_at: UtcTime,
    /// `booked`, `held`, `no_show` or `cancelled`.
    #[schema(value_type = String)]
    state: AppointmentState,
    /// Whether it may still be moved.
    may_move: bool,
    may_cancel: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct AppointmentAsked {
    reception: String,
    /// One of its free times.
    starts_at: UtcTime,
    category: String,
    /// What one comes with, at most 4,000 characters.
    topic: String,
    #[schema(value_type = String, example = "uk")]
    language: Language,
    name: String,
    /// Where to call or write to when something changes; only with `consent`.
    number: Option<String>,
    #[serde(default)]
    consent: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct OtherTime {
    number: String,
    code: String,
    starts_at: UtcTime,
}

type Outcome = Result<Answer<StatusView>, ApiError>;

/// Officials who receive, with their free times.
#[utoipa::path(get, path = "/api/v1/citizen/receptions", tag = "citizen",
    responses((status = 200, body = OpenReceptionsView), (status = 429)))]
pub(in crate::web) async fn list(
    State(web): State<Shared>,
    from: From,
) -> Result<Answer<OpenReceptionsView>, ApiError> {
    web.admit_look(from)?;
    let open = web.citizen().enabled;
    let time_zone = web.city().clock().zone();
    Ok(Answer(OpenReceptionsView { open, time_zone, items: web.receptions(None).await? }))
}

/// Make an appointment.
#[utoipa::path(post, path = "/api/v1/citizen/appointments", tag = "citizen", request_body = AppointmentAsked,
    responses((status = 201, body = RequestFiled), (status = 403, description = "switched off"),
        (status = 409, description = "somebody was faster, or there is no such time"), (status = 422),
        (status = 429, description = "too many requests from this address; see Retry-After")))]
pub(in crate::web) async fn book(
    State(web): State<Shared>,
    from: From,
    Json(asked): Json<AppointmentAsked>,
) -> Result<impl IntoResponse, ApiError> {
    let terms = web.citizen();
    if !terms.enabled {
        return Err(ApiError::forbidden("appointments are made by telephone only"));
    }
    let (plan, at) = (web.city(), time::now().utc);
    let reception = plan.reception(&asked.reception).ok_or(ApiError::NotFound("reception"))?;
    let draft = checked(&asked, &plan)?;
    let booking = reception.booking(asked.starts_at.0, at, reception.notice).map_err(refused)?;
    let rate = hourly(terms.filings_per_address_per_hour);
    let taken = web.limits.file(from.0, rate, time::now().mono);
    taken.map_err(|retry_after| ApiError::TooManyRequests { retry_after })?;
    let code = web.with_mint(Code::new);
    let filing = Filing {
        draft,
        at,
        actor: super::actor(),
        source: "page".to_owned(),
        mail: None,
        media_url: None,
        answers: Vec::new(),
        consent: asked.consent,
        code: Some(code.kept(&web.with_mint(|mint| mint.token()))),
    };
    let case = web.store().file_and_book(filing, booking).await?;
    tracing::info!(case.id = %case.number, "appointment made");
    Ok((StatusCode::CREATED, Answer(RequestFiled::new(&case, code.to_string()))))
}

/// Another time with the same official.
#[utoipa::path(post, path = "/api/v1/citizen/appointment-move", tag = "citizen", request_body = OtherTime,
    responses((status = 200, body = StatusView), (status = 404),
        (status = 409, description = "too late, somebody was faster, or there is no such time"), (status = 429)))]
pub(in crate::web) async fn another_time(
    State(web): State<Shared>,
    from: From,
    Json(OtherTime { number, code, starts_at }): Json<OtherTime>,
) -> Outcome {
    let case = web.opened(&Key { number, code }, from).await?;
    let (plan, now) = (web.city(), time::now().utc);
    let own = web.store().appointment_of(&case.number).await?;
    let own =
        own.filter(|own| own.state == AppointmentState::Booked).ok_or(ApiError::NotFound("appointment"))?;
    let reception = plan.reception(&own.reception).ok_or(ApiError::NotFound("reception"))?;
    if own.slot.starts_at < now.plus(reception.notice) {
        return Err(ApiError::Conflict("it is too late to move the appointment: call us".to_owned()));
    }
    let booking = reception.booking(starts_at.0, now, reception.notice).map_err(refused)?;
    let actor = super::actor();
    let change = web.store().change_case(&case.number, &actor, now, move |case, _| {
        case.move_reception(own.slot, &booking, &super::actor(), now)
    });
    change.await?;
    web.shown(&case).await
}

/// The appointment is given back, and the case with it.
#[utoipa::path(post, path = "/api/v1/citizen/appointment-cancel", tag = "citizen", request_body = Key,
    responses((status = 200, body = StatusView), (status = 404), (status = 409), (status = 429)))]
pub(in crate::web) async fn cancel(State(web): State<Shared>, from: From, Json(key): Json<Key>) -> Outcome {
    let case = web.opened(&key, from).await?;
    let now = time::now().utc;
    let own = web.store().appointment_of(&case.number).await?;
    let own =
        own.filter(|own| own.state == AppointmentState::Booked).ok_or(ApiError::NotFound("appointment"))?;
    if own.slot.starts_at <= now {
        return Err(ApiError::Conflict("the reception has begun".to_owned()));
    }
    let actor = super::actor();
    let change = web.store().change_case(&case.number, &actor, now, move |case, _| {
        case.withdraw("gives the appointment back", None, &super::actor(), now)
    });
    change.await?;
    web.shown(&case).await
}

fn checked(asked: &AppointmentAsked, plan: &CityPlan) -> Result<CaseDraft, ApiError> {
    let wrong = |what: &str| ApiError::Unprocessable(what.to_owned());
    let takes = plan.reception(&asked.reception).is_some_and(|reception| reception.takes(&asked.category));
    if !takes || plan.category(&asked.category).is_none() {
        return Err(wrong("this official does not receive people about this"));
    }
    let topic = said(Some(&asked.topic), MAX_TEXT_CHARS, "the topic")?;
    let name = said(Some(&asked.name), MAX_WORD_CHARS, "a name")?;
    Ok(CaseDraft {
        contact: None,
        category: asked.category.clone(),
        language: asked.language,
        priority: Priority::Normal,
        applicant: Applicant {
            identity: IdentityLevel::Stated,
            number: stated_number(asked.number.as_deref(), asked.consent)?,
            name: Some(name.ok_or_else(|| wrong("say whom the official is to receive"))?),
        },
        place: None,
        description: topic.ok_or_else(|| wrong("say what you come with"))?,
        ivr_path: Vec::new(),
    })
}

impl Web {
    pub(super) async fn own_appointment(&self, case: &Case) -> Result<Option<OwnAppointmentView>, ApiError> {
        let Some(own) = self.store().appointment_of(&case.number).await? else { return Ok(None) };
        let (plan, now) = (self.city(), time::now().utc);
        let reception = plan.reception(&own.reception);
        let booked = own.state == AppointmentState::Booked;
        Ok(Some(OwnAppointmentView {
            name: reception.map(by_code).unwrap_or_default(),
            place: reception.map(|reception| reception.place.clone()).unwrap_or_default(),
            starts_at: own.slot.starts_at.into(),
            ends_at: own.slot.ends_at.into(),
            state: own.state,
            may_move: booked && reception.is_some_and(|one| own.slot.starts_at >= now.plus(one.notice)),
            may_cancel: booked && own.slot.starts_at > now,
            reception: own.reception,
        }))
    }
}
