//! `/api/v1/cases/{number}/context`: what an operator should know before asking, while the phone still rings: who
//! calls from this number, what else is open for it, and what is open around the address.

use axum::Json as Answer;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::address::house_key;
use crate::case::{Case, CaseState, Site};
use crate::incident::Spot;
use crate::phone_number::PhoneNumber;
use crate::store::Surroundings;

use super::super::access::{self, Sight};
use super::super::error::ApiError;
use super::super::extract::Path;
use super::super::gate::Principal;
use super::super::incidents::IncidentView;
use super::super::{Shared, Web};
use super::view::{CaseView, PlaceView};

/// Cases of one number that are looked at: who has more of them is known by name.
const MAX_OWN: u32 = 20;
/// Shown of each list.
const MAX_SHOWN: usize = 8;
/// Cases on one street and around a point that are looked at.
const MAX_AROUND: u32 = 50;
/// As far as trouble with pipes, lamps and rubbish reaches, metres.
const NEAR_METRES: f64 = 300.0;
/// Two cases of one kind in one place within this time are probably about one trouble.
const SAME_TROUBLE: std::time::Duration = std::time::Duration::from_secs(48 * 60 * 60);

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ContextView {
    /// Stated in a former case of this number; null for a number nobody has named.
    known_name: Option<String>,
    /// Where this number's last case with an address was.
    last_place: Option<PlaceView>,
    /// Cases of this number besides this one, open ones first, at most 8.
    of_number: Vec<CaseView>,
    /// Open cases near the address, else near where the last one was; at most 8.
    nearby: Vec<NearbyView>,
    /// `nearby` is about the last place: this case has no address yet.
    near_last_place: bool,
    /// Open incidents at the address or where the last one was, the nearest first; then others of the same kind.
    incidents: Vec<IncidentView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct NearbyView {
    case: CaseView,
    /// `same_house`, `same_street` or `near`.
    how: &'static str,
    /// Metres, where the register knows both places.
    metres: Option<u32>,
    /// Of the same kind and about the same time: probably the same trouble, to be merged or attached to.
    likely_duplicate: bool,
}

/// What is known of the caller and around the address.
#[utoipa::path(get, path = "/api/v1/cases/{number}/context", tag = "cases", params(("number" = String, Path)),
    responses((status = 200, body = ContextView), (status = 403), (status = 404)))]
pub(in crate::web) async fn show(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
) -> Result<Answer<ContextView>, ApiError> {
    let case = web.case_to_read(&number, &principal, "/api/v1/cases/{number}/context").await?;
    let own = match &case.applicant.number {
        Some(caller) => web.others_of(caller, &case, &principal).await?,
        None => Vec::new(),
    };
    let name = case.applicant.name.clone();
    let last = own.iter().filter(|other| other.place.as_ref().is_some_and(|place| place.site.is_some()));
    let last = last.max_by_key(|other| other.registered_at).and_then(|other| other.place.as_ref());
    let site_of = |case: &Case| case.place.as_ref().and_then(|place| place.site.clone());
    let (site, near_last_place) = match site_of(&case) {
        Some(site) => (Some(site), false),
        None => (last.and_then(|place| place.site.clone()), last.is_some()),
    };
    let territory = case.place.as_ref().or(last).and_then(|place| place.territory.clone());
    let spot = Spot {
        territory,
        street: site.as_ref().map(|site| site.key.clone()),
        house: site.as_ref().and_then(|site| site.house.clone()),
    };
    let incidents = web.incidents_near(&spot, &case.category).await?;
    let nearby = match site {
        Some(site) => web.nearby(&site, &case, &principal).await?,
        None => Vec::new(),
    };
    let newest_name = own.iter().filter(|other| other.applicant.name.is_some());
    let newest_name = newest_name.max_by_key(|other| other.registered_at);
    let (role, city) = (principal.role(), web.city());
    Ok(Answer(ContextView {
        known_name: name.or_else(|| newest_name.and_then(|other| other.applicant.name.clone())),
        last_place: last.map(PlaceView::from),
        of_number: own.iter().take(MAX_SHOWN).map(|other| CaseView::new(other, &[], role, &city)).collect(),
        nearby,
        near_last_place,
        incidents,
    }))
}

impl Web {
    /// Whose a restricted case is, is told to nobody here: what they say comes from cases that anybody may read.
    async fn others_of(
        &self,
        caller: &PhoneNumber,
        case: &Case,
        principal: &Principal,
    ) -> Result<Vec<Case>, ApiError> {
        let (mut own, city) = (self.store().cases_of_caller(caller, MAX_OWN).await?, self.city());
        own.retain(|other| other.number != case.number);
        own.retain(|other| access::sight(&principal.user, &city, &other.category) == Sight::Free);
        Ok(own)
    }

    async fn nearby(
        &self,
        site: &Site,
        case: &Case,
        principal: &Principal,
    ) -> Result<Vec<NearbyView>, ApiError> {
        let register = self.addresses();
        let around = Surroundings {
            // A street renamed since has cases under its former name.
            streets: register
                .street(&site.key)
                .map_or_else(|| vec![site.key.clone()], |street| register.keys_of(street)),
            house: site.house.clone(),
            square: site.point.map(|point| point.around(NEAR_METRES)),
        };
        let city = self.city();
        let found = self.store().open_cases_around(&around, &case.number, MAX_AROUND).await?;
        let mut near: Vec<(Nearness, &Case)> = found
            .iter()
            .filter(|other| !matches!(other.state, CaseState::Explained { .. }))
            .filter(|other| access::sight(&principal.user, &city, &other.category) == Sight::Free)
            .filter_map(|other| Some((nearness(site, other, &around.streets)?, other)))
            .collect();
        near.sort_by_key(|(nearness, other)| {
            (!is_likely_duplicate(case, other), *nearness, std::cmp::Reverse(other.registered_at))
        });
        let role = principal.role();
        let view = |(nearness, other): (Nearness, &Case)| NearbyView {
            case: CaseView::new(other, &[], role, &city),
            how: nearness.name(),
            metres: metres(site, other),
            likely_duplicate: is_likely_duplicate(case, other),
        };
        Ok(near.into_iter().take(MAX_SHOWN).map(view).collect())
    }
}

/// Whether the two are probably about one trouble, both being near each other.
fn is_likely_duplicate(case: &Case, other: &Case) -> bool {
    let root = |case: &Case| case.category.split('.').next().map(str::to_owned);
    let (earlier, later) =
        (case.registered_at.min(other.registered_at), case.registered_at.max(other.registered_at));
    root(case) == root(other) && later.since(earlier) <= SAME_TROUBLE
}

/// In the order they are shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Nearness {
    SameHouse,
    SameStreet,
    /// Metres.
    Near(u32),
}

impl Nearness {
    const fn name(self) -> &'static str {
        match self {
            Self::SameHouse => "same_house",
            Self::SameStreet => "same_street",
            Self::Near(_) => "near",
        }
    }
}

/// None when it is not near: a square has corners.
fn nearness(site: &Site, other: &Case, streets: &[String]) -> Option<Nearness> {
    let there = other.place.as_ref()?.site.as_ref()?;
    if !streets.contains(&there.key) {
        return metres(site, other).filter(|metres| f64::from(*metres) <= NEAR_METRES).map(Nearness::Near);
    }
    let key = |site: &Site| site.house.as_deref().map(house_key);
    Some(if key(site) == key(there) { Nearness::SameHouse } else { Nearness::SameStreet })
}

fn metres(site: &Site, other: &Case) -> Option<u32> {
    let there = other.place.as_ref()?.site.as_ref()?.point?;
    // At most half the girth of the earth.
    Some(site.point?.metres_to(there).round() as u32)
}
