//! Incidents as the API shows them: to staff with their cases counted, to the world without them.
//! Who is asked to see what is `access.rs`'s business; how an incident moves, `crate::incident`'s.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::case::city::CityPlan;
use crate::case::part_of::NoticeState;
use crate::incident::{Area, HouseRange, Incident, IncidentState, Nearness, Side, Stretch};
use crate::store::{IncidentCase, IncidentSummary};
use crate::time::{self, Timestamp};

use super::super::view::UtcTime;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct AreaView {
    whole_city: bool,
    territories: Vec<TerritoryName>,
    streets: Vec<StretchView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct TerritoryName {
    id: String,
    name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct StretchView {
    /// Key of the street in the register.
    key: String,
    name: String,
    /// Empty for the whole street.
    houses: Vec<HousesView>,
}

/// Houses of a street by their numbers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct HousesView {
    pub(super) from: u32,
    /// The last one.
    pub(super) to: u32,
    /// `both`, `odd` or `even`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "odd")]
    pub(super) side: Side,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct IncidentView {
    number: u32,
    /// `open`, `restored`, `closed` or `cancelled`.
    state: &'static str,
    /// Category id.
    category: String,
    /// `failure`, `planned_works`, `power_cut`, `weather` or `unknown`.
    cause: &'static str,
    area: AreaView,
    /// Organisation id of who has the work.
    executor: String,
    declared_at: UtcTime,
    /// When it should be over; null while nobody can say.
    expected: Option<UtcTime>,
    /// That time has passed, and callers hear that it is being clarified.
    late: bool,
    /// Times the expectation was moved.
    updates: u32,
    restored_at: Option<UtcTime>,
    ended_at: Option<UtcTime>,
    /// How its area has the case that was asked about: `address`, `district` or `city`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    nearness: Option<Nearness>,
    /// Left out where only the incident itself is asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    cases: Option<ProgressView>,
}

/// The cases of an incident, and how telling their applicants goes.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ProgressView {
    /// Part of it now.
    attached: u64,
    /// The end of the incident has not come to so many of them.
    waiting: u64,
    queued: u64,
    /// Tried, not reached yet.
    trying: u64,
    /// Told, and without an answer.
    told: u64,
    confirmed: u64,
    refuted: u64,
    not_reached: u64,
}

impl ProgressView {
    fn new(summary: &IncidentSummary) -> Self {
        let count = |state| summary.notices.get(&state).copied().unwrap_or(0);
        Self {
            attached: summary.attached,
            waiting: summary.waiting,
            queued: count(NoticeState::Queued),
            trying: count(NoticeState::Trying),
            told: count(NoticeState::Told),
            confirmed: count(NoticeState::Confirmed),
            refuted: count(NoticeState::Refuted),
            not_reached: count(NoticeState::NotReached),
        }
    }
}

impl AreaView {
    fn new(area: &Area, city: &CityPlan) -> Self {
        let territory = |id: &String| TerritoryName {
            id: id.clone(),
            name: city.territory(id).map_or_else(|| id.clone(), |territory| territory.name.clone()),
        };
        let houses = |range: &HouseRange| HousesView { from: range.from, to: range.to, side: range.side };
        let stretch = |stretch: &Stretch| StretchView {
            key: stretch.keys.first().cloned().unwrap_or_default(),
            name: stretch.name.clone(),
            houses: stretch.houses.iter().map(houses).collect(),
        };
        Self {
            whole_city: area.whole_city,
            territories: area.territories.iter().map(territory).collect(),
            streets: area.streets.iter().map(stretch).collect(),
        }
    }
}

impl IncidentView {
    pub(in crate::web) fn new(incident: &Incident, city: &CityPlan) -> Self {
        let (restored_at, ended_at) = match incident.state {
            IncidentState::Open => (None, None),
            IncidentState::Restored { restored_at, .. } => (Some(restored_at), None),
            IncidentState::Closed { restored_at, closed_at } => (Some(restored_at), Some(closed_at)),
            IncidentState::Cancelled { cancelled_at } => (None, Some(cancelled_at)),
        };
        let now = time::now().utc;
        Self {
            number: incident.number.0,
            state: incident.state.name(),
            category: incident.matter.category.clone(),
            cause: incident.matter.cause.name(),
            area: AreaView::new(&incident.matter.area, city),
            executor: incident.matter.executor.clone(),
            declared_at: incident.declared_at.into(),
            expected: incident.expected.map(UtcTime),
            late: incident.is_open() && incident.expected.is_some() && incident.announced(now).is_none(),
            updates: incident.updates,
            restored_at: restored_at.map(UtcTime),
            ended_at: ended_at.map(UtcTime),
            nearness: None,
            cases: None,
        }
    }

    pub(super) fn counted(summary: &IncidentSummary, city: &CityPlan) -> Self {
        let cases = Some(ProgressView::new(summary));
        Self { cases, ..Self::new(&summary.incident, city) }
    }

    pub(in crate::web) fn near(self, nearness: Option<Nearness>) -> Self {
        Self { nearness, ..self }
    }
}

/// One case of an incident.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct MemberView {
    /// Register number.
    pub(super) case: String,
    attached_at: UtcTime,
    /// When it left; null while it is part of it.
    detached_at: Option<UtcTime>,
    /// Of its own applicant: `queued`, `trying`, `told`, `confirmed`, `refuted` or `not_reached`; null before the end.
    #[schema(value_type = Option<String>)]
    notice: Option<NoticeState>,
}

impl MemberView {
    pub(super) fn new(member: &IncidentCase) -> Self {
        Self {
            case: member.case.to_string(),
            attached_at: member.attached_at.into(),
            detached_at: member.detached_at.map(UtcTime),
            notice: member.notice,
        }
    }
}

/// An open incident as the world may know it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct KnownIncident {
    number: u32,
    /// What is out of order, by language.
    #[schema(value_type = BTreeMap<String, String>)]
    category: BTreeMap<&'static str, String>,
    /// `failure`, `planned_works`, `power_cut`, `weather` or `unknown`.
    cause: &'static str,
    area: AreaView,
    since: UtcTime,
    /// When it should be over; null while nobody can say, and once that time has passed.
    expected: Option<UtcTime>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct KnownIncidents {
    pub(super) items: Vec<KnownIncident>,
    /// Always null: they are all there.
    pub(super) next: Option<String>,
    /// The city's, by its IANA name.
    pub(super) time_zone: &'static str,
}

impl KnownIncident {
    /// None for what the city does not show to the world.
    pub(super) fn new(incident: &Incident, city: &CityPlan, now: Timestamp) -> Option<Self> {
        let id = &incident.matter.category;
        let category = city.category(id).filter(|_| !city.is_restricted(id))?;
        Some(Self {
            number: incident.number.0,
            category: category.name.iter().map(|(language, name)| (language.code(), name.clone())).collect(),
            cause: incident.matter.cause.name(),
            area: AreaView::new(&incident.matter.area, city),
            since: incident.declared_at.into(),
            expected: incident.announced(now).map(UtcTime),
        })
    }
}
