//! Where an incident is: territories of the city plan, streets of the address register, ranges of houses on them. And
//! whether a spot lies inside, and how near that says it is.

use serde::{Deserialize, Serialize};

use super::Refused;
use crate::address::house_key;

/// Districts, neighbourhoods and villages named at most; a city has fewer.
const MAX_TERRITORIES: usize = 100;
/// Streets named at most: more of them are a district.
const MAX_STREETS: usize = 200;
/// Ranges of one street.
const MAX_RANGES: usize = 50;

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Area {
    /// All of it, whatever else is named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole_city: bool,
    /// Territory ids of the city plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub territories: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streets: Vec<Stretch>,
}

/// A street, or houses of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stretch {
    /// Keys of the register: today's, then those of former names, under which cases may have been kept.
    pub keys: Vec<String>,
    /// As the city writes it.
    pub name: String,
    /// Empty for the whole street.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub houses: Vec<HouseRange>,
}

/// Houses by their numbers, whatever letters follow them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HouseRange {
    pub from: u32,
    /// The last one, `from` or above.
    pub to: u32,
    #[serde(default)]
    pub side: Side,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    #[default]
    Both,
    Odd,
    Even,
}

/// A place that may lie in an area, as far as it is known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spot {
    pub territory: Option<String>,
    /// Key of the street in the register.
    pub street: Option<String>,
    pub house: Option<String>,
}

/// How an area has a spot; the nearest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nearness {
    /// The very street or house is named.
    Address,
    District,
    City,
}

impl Area {
    /// How the area has the spot; none when it lies outside, or nobody knows.
    pub fn covers(&self, spot: &Spot) -> Option<Nearness> {
        let street = spot.street.as_deref();
        let named = self.streets.iter().any(|stretch| {
            street.is_some_and(|street| stretch.keys.iter().any(|key| key == street))
                && stretch.has(spot.house.as_deref())
        });
        let district = spot.territory.as_ref().is_some_and(|territory| self.territories.contains(territory));
        if named {
            Some(Nearness::Address)
        } else if district {
            Some(Nearness::District)
        } else {
            self.whole_city.then_some(Nearness::City)
        }
    }

    pub(super) fn check(&self) -> Result<(), Refused> {
        if !self.whole_city && self.territories.is_empty() && self.streets.is_empty() {
            return Err(Refused::Incomplete("say where: the whole city, districts or streets"));
        }
        let bad_range = |range: &HouseRange| range.from == 0 || range.to < range.from;
        if self.streets.iter().any(|stretch| stretch.keys.is_empty() || stretch.houses.iter().any(bad_range))
        {
            return Err(Refused::Incomplete("houses are numbered from 1, the first one before the last"));
        }
        let is_large = self.streets.iter().any(|stretch| stretch.houses.len() > MAX_RANGES);
        if is_large || self.territories.len() > MAX_TERRITORIES || self.streets.len() > MAX_STREETS {
            return Err(Refused::Incomplete("so many streets are a district: name that"));
        }
        Ok(())
    }
}

impl Stretch {
    /// A street without a house may be any of them.
    fn has(&self, house: Option<&str>) -> bool {
        let Some(house) = house.filter(|_| !self.houses.is_empty()) else { return true };
        let (number, _) = house_key(house);
        self.houses.iter().any(|range| range.has(number))
    }
}

impl HouseRange {
    fn has(self, number: u32) -> bool {
        let side = match self.side {
            Side::Both => true,
            Side::Odd => !number.is_multiple_of(2),
            Side::Even => number.is_multiple_of(2),
        };
        side && number >= self.from && number <= self.to
    }
}
