//! `[callback]`: whether and when citizens are rung back who asked for it or gave up waiting. Seconds and their ranges;
//! they come into force in `crate::callback`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::calendar::{Calendar, CalendarError, DayHours, Week};
use crate::callback::Policy;

use super::checks::within;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Callback {
    /// Where it is false, call-backs are left to the people at the desks, who see them in their cases.
    pub automatic: bool,
    /// Days on which citizens may be rung.
    #[serde(deserialize_with = "parsed")]
    pub days: Week,
    /// Hours in which they may be, by the city's clock.
    #[serde(deserialize_with = "parsed")]
    pub hours: DayHours,
    /// Attempts in all, 1 to 10.
    #[serde(deserialize_with = "within::<1, 10, _>")]
    pub attempts: u64,
    /// Seconds from one attempt to the next, 10 to 86,400.
    #[serde(deserialize_with = "within::<10, 86_400, _>")]
    pub retry_after_secs: u64,
    /// Seconds somebody must have waited who is rung back without having asked for it, 0 to 3,600; none for never.
    pub abandoned_after_secs: Option<u64>,
}

impl Default for Callback {
    fn default() -> Self {
        Self {
            automatic: false,
            days: Week::ALL,
            hours: DayHours::from_hour_to_hour(9, 20),
            attempts: 3,
            retry_after_secs: 900,
            abandoned_after_secs: None,
        }
    }
}

impl Callback {
    /// None where nobody is rung back; `zone` is the city's.
    pub fn policy(&self, zone: &str) -> Result<Option<Policy>, CalendarError> {
        if !self.automatic {
            return Ok(None);
        }
        Ok(Some(Policy {
            hours: Calendar::weekly(zone, self.days, self.hours, Default::default())?,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            retry_after: Duration::from_secs(self.retry_after_secs),
            abandoned_after: self.abandoned_after_secs.map(Duration::from_secs),
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
