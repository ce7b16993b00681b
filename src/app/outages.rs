//! Which open incident a caller should hear of: by the district they named, else by where their last case with an address
//! was. How an area has a spot is `crate::incident`'s; how it is said is `ivr/outage.rs`'s.

use crate::case::city::CityPlan;
use crate::case::{Case, Place};
use crate::ids::IncidentNumber;
use crate::incident::{Incident, Nearness, Spot};
use crate::ivr::{Answer, Outage, OutagePlace};
use crate::phone_number::PhoneNumber;
use crate::store::{Store, StoreError};

/// Cases of the caller that are looked at: the place they called about last is among them.
const MAX_OWN: u32 = 20;

/// What the caller has said so far.
pub(super) struct Asked<'a> {
    /// Topic of the IVR.
    pub topic: Option<&'a str>,
    /// Territory id of the city plan.
    pub territory: Option<&'a str>,
    /// Incidents heard of already.
    pub except: &'a [IncidentNumber],
}

pub(super) async fn find(
    store: &Store,
    city: &CityPlan,
    caller: &PhoneNumber,
    asked: &Asked<'_>,
) -> Result<Answer, StoreError> {
    let mut open = store.open_incidents().await?;
    open.retain(|incident| {
        let topic = city.topic_of(&incident.matter.category);
        !asked.except.contains(&incident.number) && asked.topic.is_none_or(|wanted| topic == Some(wanted))
    });
    if open.is_empty() {
        return Ok(Answer::NotFound);
    }
    let spot = match asked.territory {
        Some(territory) => Some(Spot { territory: Some(territory.to_owned()), ..Spot::default() }),
        None => last_spot(&store.cases_of_caller(caller, MAX_OWN).await?),
    };
    let here = spot.clone().unwrap_or_default();
    let covering = open.iter().filter_map(|incident| Some((incident.matter.area.covers(&here)?, incident)));
    // The nearest, and of those the latest.
    match covering.min_by_key(|(nearness, incident)| (*nearness, std::cmp::Reverse(incident.number))) {
        Some((nearness, incident)) => Ok(Answer::Incident(outage(incident, nearness, city))),
        None if spot.is_none() => Ok(Answer::PlaceUnknown),
        None => Ok(Answer::NotFound),
    }
}

/// Where the caller was last, as far as their cases tell.
fn last_spot(cases: &[Case]) -> Option<Spot> {
    let placed = cases.iter().filter_map(|case| Some((case.registered_at, spot_of(case.place.as_ref()?)?)));
    placed.max_by_key(|(registered_at, _)| *registered_at).map(|(_, spot)| spot)
}

/// None for a place that says nothing an area could be compared with.
fn spot_of(place: &Place) -> Option<Spot> {
    let site = place.site.as_ref().filter(|site| !site.key.is_empty());
    let spot = Spot {
        territory: place.territory.clone(),
        street: site.map(|site| site.key.clone()),
        house: site.and_then(|site| site.house.clone()),
    };
    (spot.territory.is_some() || spot.street.is_some()).then_some(spot)
}

fn outage(incident: &Incident, nearness: Nearness, city: &CityPlan) -> Outage {
    Outage {
        incident: incident.number,
        topic: city.topic_of(&incident.matter.category).map(str::to_owned),
        cause: incident.matter.cause.name().to_owned(),
        place: match nearness {
            Nearness::Address => OutagePlace::Address,
            Nearness::District => OutagePlace::District,
            Nearness::City => OutagePlace::City,
        },
        expected: incident.expected,
    }
}
