//! Where it is, as somebody outside says it: a place on the map, words, or an address of the register. What the register
//! knows gets its territory; what it does not is kept as it was said, for an operator to place.

use super::super::addresses;
use super::super::error::ApiError;
use super::said;
use crate::address::{HitHouse, Point, Reading, Register};
use crate::case::{Place, Site};
use crate::language::Language;

/// As long as the longest address that people write.
const MAX_ADDRESS_CHARS: usize = 200;
/// Within this of a house, the house is meant, metres.
const AT_THE_HOUSE: f64 = 40.0;
/// Further from any house is not in the city, metres.
const NEAR_A_HOUSE: f64 = 2_000.0;

/// The house that is meant, or the spot and what is near it. A spot far from everything has no territory.
pub(in crate::web) fn by_point(
    register: &Register,
    point: Point,
    words: Option<&str>,
    language: Language,
) -> Result<Place, ApiError> {
    let words = said(words, MAX_ADDRESS_CHARS, "an address")?;
    let near = register.nearest(point).filter(|(_, _, metres)| *metres <= NEAR_A_HOUSE);
    let Some((street, house, metres)) = near else {
        let text = words.unwrap_or_else(|| spot(point));
        let site = Site { point: Some(point), ..addresses::written(&text) };
        return Ok(Place { address: text, territory: None, site: Some(site) });
    };
    let of_house = Site {
        key: street.key.clone(),
        street: street.name.clone(),
        settlement: street.settlement.clone(),
        house: Some(house.text.clone()),
        flat: None,
        in_register: true,
        point: Some(point),
        holder: house.holder.clone(),
    };
    let territory = Some(house.territory.clone());
    let address = addresses::in_words(&of_house, language);
    if metres <= AT_THE_HOUSE {
        return Ok(Place { address, territory, site: Some(of_house) });
    }
    let text = words.unwrap_or_else(|| format!("≈ {address} ({})", spot(point)));
    let site = Site { point: Some(point), ..addresses::written(&text) };
    Ok(Place { address: text, territory, site: Some(site) })
}

/// The register's when it reads just so with a house it has; otherwise the words.
pub(in crate::web) fn by_words(
    register: &Register,
    words: &str,
    language: Language,
) -> Result<Option<Place>, ApiError> {
    let Some(words) = said(Some(words), MAX_ADDRESS_CHARS, "an address")? else { return Ok(None) };
    let hits = register.search(&words);
    if let [hit, rest @ ..] = &hits[..]
        && hit.reading == Reading::AsTyped
        && rest.iter().all(|other| other.street.key == hit.street.key || other.reading != Reading::AsTyped)
        && let Some(HitHouse::Known(house)) = &hit.house
    {
        return by_key(register, &hit.street.key, Some(&house.text), hit.flat.as_deref(), language).map(Some);
    }
    let site = addresses::written(&words);
    Ok(Some(Place { address: words, territory: None, site: Some(site) }))
}

/// `street` or `street|house`, as the register names them.
pub(in crate::web) fn by_id(register: &Register, id: &str, language: Language) -> Result<Place, ApiError> {
    let (key, house) = id.split_once('|').map_or((id, None), |(key, house)| (key, Some(house)));
    by_key(register, key, house, None, language)
}

pub(in crate::web) fn by_key(
    register: &Register,
    key: &str,
    house: Option<&str>,
    flat: Option<&str>,
    language: Language,
) -> Result<Place, ApiError> {
    addresses::SiteChoice::new(key, house, flat).place(register, language)
}

fn spot(point: Point) -> String {
    format!("{:.5}, {:.5}", point.lat(), point.lon())
}
