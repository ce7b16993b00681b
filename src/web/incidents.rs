//! `/api/v1/incidents`: mass outages declared, moved, ended; the cases that are part of them and how telling their applicants
//! goes; and what the world may know of them, at `/api/v1/citizen/incidents`. The rules are `crate::incident`'s and
//! `crate::case::part_of`'s.

mod view;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::address::Register;
use crate::case::CaseNumber;
use crate::case::city::CityPlan;
use crate::ids::IncidentNumber;
use crate::incident::{Area, Cause, HouseRange, Incident, Matter, Nearness, Spot, Step, Stretch};
use crate::people::Actor;
use crate::time::{self, Timestamp};

use super::cases::transitions::{Outcome, check_text};
use super::cases::view::CaseView;
use super::error::ApiError;
use super::extract::{Json, Path, Query};
use super::gate::Principal;
use super::view::{ListView, Paging, UtcTime};
use super::{Shared, Web};

use view::{HousesView, KnownIncident, MemberView};
pub(in crate::web) use view::{IncidentView, KnownIncidents};

/// An attached case of an incident that nobody can foresee is looked at again after this.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// Where an incident is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AreaWish {
    #[serde(default)]
    whole_city: bool,
    /// Territory ids.
    #[serde(default)]
    territories: Vec<String>,
    #[serde(default)]
    streets: Vec<StretchWish>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StretchWish {
    /// Key of the street in the register.
    key: String,
    /// Left out for the whole street.
    #[serde(default)]
    houses: Vec<HousesView>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Declaration {
    /// Category id.
    #[schema(example = "water")]
    category: String,
    /// `failure`, `planned_works`, `power_cut`, `weather` or `unknown`.
    #[schema(value_type = String, example = "failure")]
    cause: Cause,
    area: AreaWish,
    /// Organisation id of who has the work.
    executor: String,
    /// When it should be over; left out while nobody can say.
    expected: Option<UtcTime>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectation {
    /// When it should be over now; null when nobody can say.
    expected: Option<UtcTime>,
    reason: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Because {
    reason: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IncidentOfCase {
    /// Number of an open incident.
    incident: u32,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct IncidentQuery {
    /// `true`: only open ones.
    open: Option<bool>,
}

/// Incidents, open ones first, then the latest; at most 500.
#[utoipa::path(get, path = "/api/v1/incidents", tag = "incidents", params(IncidentQuery),
    responses((status = 200, body = ListView<IncidentView>), (status = 403)))]
pub(super) async fn list(
    State(web): State<Shared>,
    _principal: Principal,
    Query(query): Query<IncidentQuery>,
) -> Result<Answer<ListView<IncidentView>>, ApiError> {
    let mut incidents = web.store().incidents().await?;
    incidents.retain(|summary| query.open != Some(true) || summary.incident.is_open());
    let city = web.city();
    let items = incidents.iter().map(|summary| IncidentView::counted(summary, &city)).collect();
    Ok(Answer(ListView { items, next: None }))
}

/// Declares an incident: from now on callers from its area hear of it before they wait.
#[utoipa::path(post, path = "/api/v1/incidents", tag = "incidents", request_body = Declaration,
    responses((status = 201, body = IncidentView), (status = 403), (status = 409), (status = 422)))]
pub(super) async fn declare(
    State(web): State<Shared>,
    principal: Principal,
    Json(declaration): Json<Declaration>,
) -> Result<(StatusCode, Answer<IncidentView>), ApiError> {
    let (city, register) = (web.city(), web.addresses());
    let Declaration { category, cause, area, executor, expected } = declaration;
    if city.category(&category).is_none() {
        return Err(ApiError::Unprocessable(format!("the category '{category}' is not in the city plan")));
    }
    if city.organisation(&executor).is_none() {
        return Err(ApiError::Unprocessable(format!(
            "the organisation '{executor}' is not in the city plan"
        )));
    }
    let matter = Matter { category, cause, area: area.read(&city, &register)?, executor };
    let (actor, at) = (principal.actor(), time::now().utc);
    let incident = web.store().declare_incident(matter, expected.map(|at| at.0), &actor, at).await?;
    tracing::info!(incident = %incident.number, "incident declared");
    Ok((StatusCode::CREATED, Answer(web.incident_view(incident.number).await?)))
}

/// One incident, with its cases counted.
#[utoipa::path(get, path = "/api/v1/incidents/{number}", tag = "incidents", params(("number" = u32, Path)),
    responses((status = 200, body = IncidentView), (status = 403), (status = 404)))]
pub(super) async fn show(
    State(web): State<Shared>,
    _principal: Principal,
    Path(number): Path<u32>,
) -> Result<Answer<IncidentView>, ApiError> {
    web.incident_view(IncidentNumber(number)).await.map(Answer)
}

/// Its cases by their register numbers, those that left it included.
#[utoipa::path(get, path = "/api/v1/incidents/{number}/cases", tag = "incidents",
    params(("number" = u32, Path), Paging),
    responses((status = 200, body = ListView<MemberView>), (status = 400), (status = 403)))]
pub(super) async fn members(
    State(web): State<Shared>,
    _principal: Principal,
    Path(number): Path<u32>,
    Query(paging): Query<Paging>,
) -> Result<Answer<ListView<MemberView>>, ApiError> {
    let page = paging.page()?;
    let after = page.cursor.map(CaseNumber);
    let found = web.store().cases_of_incident(IncidentNumber(number), after.as_ref(), page.limit + 1).await?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let items: Vec<MemberView> = found.iter().take(limit).map(MemberView::new).collect();
    let next = items.last().filter(|_| found.len() > limit).map(|last| last.case.clone());
    Ok(Answer(ListView { items, next }))
}

/// The time by which it should be over moves.
#[utoipa::path(post, path = "/api/v1/incidents/{number}/expect", tag = "incidents", params(("number" = u32, Path)),
    request_body = Expectation,
    responses((status = 200, body = IncidentView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn expect(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<u32>,
    Json(Expectation { expected, reason }): Json<Expectation>,
) -> Result<Answer<IncidentView>, ApiError> {
    let expected = expected.map(|at| at.0);
    web.move_incident(number, &principal, move |incident, by, at| incident.update(expected, &reason, by, at))
        .await
}

/// It is over: all who are attached are told and asked.
#[utoipa::path(post, path = "/api/v1/incidents/{number}/restore", tag = "incidents",
    params(("number" = u32, Path)),
    responses((status = 200, body = IncidentView), (status = 403), (status = 404), (status = 409)))]
pub(super) async fn restore(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<u32>,
) -> Result<Answer<IncidentView>, ApiError> {
    web.move_incident(number, &principal, |incident, by, at| incident.restore(by, at)).await
}

/// It was declared in error: its cases go back to the desk.
#[utoipa::path(post, path = "/api/v1/incidents/{number}/cancel", tag = "incidents", params(("number" = u32, Path)),
    request_body = Because,
    responses((status = 200, body = IncidentView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn cancel(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<u32>,
    Json(Because { reason }): Json<Because>,
) -> Result<Answer<IncidentView>, ApiError> {
    web.move_incident(number, &principal, move |incident, by, at| incident.cancel(&reason, by, at)).await
}

/// The case becomes part of an open incident; an order out for it alone is cancelled.
#[utoipa::path(post, path = "/api/v1/cases/{number}/incident", tag = "incidents",
    params(("number" = String, Path)), request_body = IncidentOfCase,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn attach(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(IncidentOfCase { incident }): Json<IncidentOfCase>,
) -> Outcome {
    let known = web.store().incident(IncidentNumber(incident)).await?;
    let incident = known.ok_or(ApiError::NotFound("incident"))?.incident;
    if !incident.is_open() {
        return Err(ApiError::Conflict("the incident is over: its applicants are being told".to_owned()));
    }
    let (actor, number_of) = (principal.actor(), incident.number);
    let until = move |at: Timestamp| incident.announced(at).unwrap_or_else(|| at.plus(LOOK_AGAIN));
    web.move_case(&number, &principal, move |case, _, at| case.attach(number_of, until(at), &actor, at)).await
}

/// The case is not part of its incident after all: back to the desk.
#[utoipa::path(post, path = "/api/v1/cases/{number}/incident-leave", tag = "incidents",
    params(("number" = String, Path)), request_body = Because,
    responses((status = 200, body = CaseView), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn detach(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(Because { reason }): Json<Because>,
) -> Outcome {
    check_text(&reason)?;
    let actor = principal.actor();
    web.move_case(&number, &principal, move |case, _, at| case.detach(&reason, &actor, at)).await
}

/// Open incidents, for everybody.
#[utoipa::path(get, path = "/api/v1/citizen/incidents", tag = "citizen",
    responses((status = 200, body = KnownIncidents), (status = 429)))]
pub(super) async fn known(
    State(web): State<Shared>,
    from: super::citizen::From,
) -> Result<Answer<KnownIncidents>, ApiError> {
    web.admit_look(from)?;
    let (city, now) = (web.city(), time::now().utc);
    let view = |incident: &Incident| KnownIncident::new(incident, &city, now);
    let items = web.store().open_incidents().await?.iter().filter_map(view).collect();
    Ok(Answer(KnownIncidents { items, next: None, time_zone: city.clock().zone() }))
}

impl AreaWish {
    fn read(self, city: &CityPlan, register: &Register) -> Result<Area, ApiError> {
        if let Some(unknown) = self.territories.iter().find(|id| city.territory(id).is_none()) {
            let detail = format!("the territory '{unknown}' is not in the city plan");
            return Err(ApiError::Unprocessable(detail));
        }
        let stretch = |wish: StretchWish| {
            let street = register.street(&wish.key).ok_or_else(|| {
                ApiError::Unprocessable("this street is not in the address register".to_owned())
            })?;
            let range =
                |houses: HousesView| HouseRange { from: houses.from, to: houses.to, side: houses.side };
            let name = match &street.settlement {
                Some(settlement) => format!("{}, {settlement}", street.name),
                None => street.name.clone(),
            };
            Ok(Stretch {
                keys: register.keys_of(street),
                name,
                houses: wish.houses.into_iter().map(range).collect(),
            })
        };
        Ok(Area {
            whole_city: self.whole_city,
            territories: self.territories,
            streets: self.streets.into_iter().map(stretch).collect::<Result<_, ApiError>>()?,
        })
    }
}

impl Web {
    async fn incident_view(&self, number: IncidentNumber) -> Result<IncidentView, ApiError> {
        let summary = self.store().incident(number).await?.ok_or(ApiError::NotFound("incident"))?;
        Ok(IncidentView::counted(&summary, &self.city()))
    }

    async fn move_incident<F>(
        &self,
        number: u32,
        principal: &Principal,
        step: F,
    ) -> Result<Answer<IncidentView>, ApiError>
    where
        F: FnOnce(Incident, &Actor, Timestamp) -> Step + Send + 'static,
    {
        let (actor, at) = (principal.actor(), time::now().utc);
        let by = actor.clone();
        let number = IncidentNumber(number);
        let moved = self.store().move_incident(number, &actor, at, move |incident| step(incident, &by, at));
        let incident = moved.await?;
        tracing::info!(incident = %number, state = incident.state.name(), "incident moved");
        self.incident_view(number).await.map(Answer)
    }

    /// Open incidents that have the spot, the nearest first; then those of the category, wherever they are.
    pub(in crate::web) async fn incidents_near(
        &self,
        spot: &Spot,
        category: &str,
    ) -> Result<Vec<IncidentView>, ApiError> {
        let (open, city) = (self.store().open_incidents().await?, self.city());
        let root = |id: &str| id.split('.').next().unwrap_or_default().to_owned();
        let mut near: Vec<(Option<Nearness>, &Incident)> = open
            .iter()
            .map(|incident| (incident.matter.area.covers(spot), incident))
            .filter(|(nearness, incident)| {
                nearness.is_some() || root(&incident.matter.category) == root(category)
            })
            .collect();
        near.sort_by_key(|(nearness, incident)| {
            (nearness.is_none(), *nearness, std::cmp::Reverse(incident.number))
        });
        Ok(near
            .into_iter()
            .map(|(nearness, incident)| IncidentView::new(incident, &city).near(nearness))
            .collect())
    }
}
