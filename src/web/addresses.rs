//! `/api/v1/addresses`: what operators type into the address box, found in the register; and the one chosen, taken
//! from the register again when a case keeps it. The search itself is `address/search.rs`.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::address::{self, Hit, HitHouse, Register};
use crate::case::city::CityPlan;
use crate::case::{Place, Site};
use crate::language::Language;

use super::Shared;
use super::error::ApiError;
use super::extract::Query;

/// Houses and flats have few characters; a text instead of a number is refused.
const MAX_NUMBER_CHARS: usize = 20;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AddressQuery {
    /// Parts of street, house and flat as one types them, at most 200 characters.
    q: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AddressesView {
    /// Best first, at most 8.
    items: Vec<AddressView>,
    /// Whether the city has a register at all.
    register: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AddressView {
    /// What names the street when it is chosen.
    key: String,
    /// As it is called today.
    street: String,
    /// The former name it was found by, else the last one it had.
    former: Option<String>,
    /// Whether it was found by that name.
    by_former: bool,
    settlement: Option<String>,
    house: Option<String>,
    flat: Option<String>,
    /// Street and house are both in the register; a street alone counts as such.
    in_register: bool,
    /// The highest number of a flat is lower than the flat typed.
    flat_unknown: bool,
    /// Territory id, where it is certain.
    territory: Option<String>,
    /// Who keeps the house.
    holder_name: Option<String>,
    /// `as_typed`, `same_sound`, `other_layout` or `similar`.
    reading: &'static str,
}

/// Addresses that may be meant.
#[utoipa::path(get, path = "/api/v1/addresses", tag = "city", params(AddressQuery),
    responses((status = 200, body = AddressesView), (status = 400), (status = 403)))]
pub(super) async fn search(
    State(web): State<Shared>,
    Query(query): Query<AddressQuery>,
) -> Result<Answer<AddressesView>, ApiError> {
    if query.q.chars().count() > address::MAX_QUERY_CHARS {
        return Err(ApiError::BadRequest(format!("q has at most {} characters", address::MAX_QUERY_CHARS)));
    }
    let (register, city) = (web.addresses(), web.city());
    let items = register.search(&query.q).iter().map(|hit| AddressView::new(hit, &city)).collect();
    Ok(Answer(AddressesView { items, register: !register.is_empty() }))
}

impl AddressView {
    fn new(hit: &Hit<'_>, city: &CityPlan) -> Self {
        let known = match &hit.house {
            Some(HitHouse::Known(house)) => Some(*house),
            _ => None,
        };
        let house = match &hit.house {
            Some(HitHouse::Known(house)) => Some(house.text.clone()),
            Some(HitHouse::Unknown(text)) => Some(text.clone()),
            None => None,
        };
        let holder = known.and_then(|house| house.holder.as_deref());
        let highest = known.and_then(|house| house.flats);
        Self {
            key: hit.street.key.clone(),
            street: hit.street.name.clone(),
            former: hit.former.map(str::to_owned).or_else(|| hit.street.former.last().cloned()),
            by_former: hit.former.is_some(),
            settlement: hit.street.settlement.clone(),
            in_register: known.is_some() || house.is_none(),
            house,
            flat_unknown: is_above(hit.flat.as_deref(), highest),
            flat: hit.flat.clone(),
            territory: known.map(|house| house.territory.clone()).or_else(|| hit.street.territory.clone()),
            holder_name: holder.map(|id| super::city::organisation_name(city, id)),
            reading: hit.reading.name(),
        }
    }
}

fn is_above(flat: Option<&str>, highest: Option<u16>) -> bool {
    let number =
        flat.map(|flat| flat.trim_end_matches(char::is_alphabetic)).and_then(|flat| flat.parse::<u32>().ok());
    number.zip(highest).is_some_and(|(flat, highest)| flat > u32::from(highest))
}

/// A street of the register, and a house that it may not have.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SiteChoice {
    /// `key` of the address that was found.
    key: String,
    house: Option<String>,
    flat: Option<String>,
}

impl SiteChoice {
    pub(super) fn new(key: &str, house: Option<&str>, flat: Option<&str>) -> Self {
        Self { key: key.to_owned(), house: house.map(str::to_owned), flat: flat.map(str::to_owned) }
    }

    /// The place as the register has it now: nobody's claim, the register's word.
    pub(super) fn place(&self, register: &Register, language: Language) -> Result<Place, ApiError> {
        let street = register.street(&self.key).ok_or_else(|| {
            ApiError::Unprocessable("this street is not in the address register any more".to_owned())
        })?;
        check_number(self.house.as_deref())?;
        check_number(self.flat.as_deref())?;
        let house = said(self.house.as_deref());
        let known = house.and_then(|house| street.house(house));
        let territory = known.map(|house| house.territory.clone()).or_else(|| street.territory.clone());
        let site = Site {
            key: street.key.clone(),
            street: street.name.clone(),
            settlement: street.settlement.clone(),
            house: known.map(|house| house.text.clone()).or_else(|| house.map(str::to_owned)),
            flat: said(self.flat.as_deref()).map(str::to_owned),
            in_register: house.is_none() || known.is_some(),
            point: known.and_then(|house| house.point),
            holder: known.and_then(|house| house.holder.clone()),
        };
        Ok(Place { address: in_words(&site, language), territory, site: Some(site) })
    }
}

/// A place that nobody could find in the register.
pub(super) fn written(text: &str) -> Site {
    Site { key: address::plain(text), street: text.to_owned(), ..Site::default() }
}

/// The address as the city's executors read it.
pub(super) fn in_words(site: &Site, language: Language) -> String {
    let (between, flat_word) = match language {
        Language::Uk | Language::Ru => (", ", "кв."),
        Language::En => (" ", "flat"),
        Language::Lt => (" ", "bt."),
        Language::Pl => (" ", "m."),
        Language::He => (" ", "דירה"),
    };
    let settlement = site.settlement.iter().map(|settlement| format!("{settlement}, "));
    let house = site.house.iter().map(|house| format!("{between}{house}"));
    let flat = site.flat.iter().map(|flat| format!(", {flat_word} {flat}"));
    settlement.chain(std::iter::once(site.street.clone())).chain(house).chain(flat).collect()
}

pub(super) fn check_number(text: Option<&str>) -> Result<(), ApiError> {
    if text.is_some_and(|text| text.chars().count() > MAX_NUMBER_CHARS) {
        return Err(ApiError::Unprocessable(format!(
            "a house or flat has at most {MAX_NUMBER_CHARS} characters"
        )));
    }
    Ok(())
}

fn said(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn addresses_read_as_the_citys_people_write_them() {
        let site =
            Site {
                house: Some("12".to_owned()), flat: Some("5".to_owned()), ..written("вулиця Садова")
            };
        assert_eq!(in_words(&site, Language::Uk), "вулиця Садова, 12, кв. 5");
        assert_eq!(
            in_words(&Site { settlement: Some("с. Зелене".to_owned()), ..site }, Language::Uk),
            "с. Зелене, вулиця Садова, 12, кв. 5"
        );
        assert_eq!(in_words(&written("біля ринку"), Language::He), "біля ринку");
    }

    #[test]
    fn flats_above_the_highest_are_seen() {
        for (flat, highest, above) in [
            ("41", Some(40), true),
            ("40", Some(40), false),
            ("41а", Some(40), true),
            ("41", None, false),
            ("x", Some(1), false),
        ] {
            assert_eq!(is_above(Some(flat), highest), above, "{flat}");
        }
    }
}
