//! `[masked_call]`: whether and when executors may call applicants through the city, who sees the city's number only.
//! Seconds and their ranges; they come into force in `crate::call::masked`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::calendar::{Calendar, CalendarError, DayHours, Week};
use crate::call::masked::Policy;

use super::checks::within;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskedCall {
    /// Where it is false, executors reach applicants through the desk.
    pub enabled: bool,
    /// Days on which applicants may be rung.
    #[serde(deserialize_with = "parsed")]
    pub days: Week,
    /// Hours in which they may be, by the city's clock.
    #[serde(deserialize_with = "parsed")]
    pub hours: DayHours,
    /// Calls about one order on one day, 1 to 20.
    #[serde(deserialize_with = "within::<1, 20, _>")]
    pub attempts_per_day: u64,
    /// Seconds for which each of the two telephones rings, 10 to 120.
    #[serde(deserialize_with = "within::<10, 120, _>")]
    pub ring_secs: u64,
}

impl Default for MaskedCall {
    fn default() -> Self {
        Self {
            enabled: true,
            days: Week::ALL,
            hours: DayHours::from_hour_to_hour(8, 21),
            attempts_per_day: 5,
            ring_secs: 40,
        }
    }
}

impl MaskedCall {
    /// None where nobody may; `zone` is the city's.
    pub fn policy(&self, zone: &str) -> Result<Option<Policy>, CalendarError> {
        if !self.enabled {
            return Ok(None);
        }
        Ok(Some(Policy {
            hours: Calendar::weekly(zone, self.days, self.hours, Default::default())?,
            attempts_per_day: u32::try_from(self.attempts_per_day).unwrap_or(u32::MAX),
            ring_for: Duration::from_secs(self.ring_secs),
        }))
    }
}

fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err = CalendarError>,
{
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
