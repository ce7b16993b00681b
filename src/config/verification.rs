//! `[verification]`: whether and when the program rings applicants to ask whether what was reported done is done. How often
//! stands in `[verify]` of the city plan. Seconds and their ranges; they come into force in `crate::verification`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::calendar::{Calendar, CalendarError, DayHours, Week};
use crate::call::verification::Manners;
use crate::case::city::CityPlan;
use crate::dialplan::Dialplan;
use crate::switchboard::verification::Verification as InForce;
use crate::verification::Policy;

use super::checks::within;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Verification {
    /// Where it is false, applicants are asked by the people at the control desk.
    pub automatic: bool,
    /// What applicants hear.
    pub dialplan: PathBuf,
    /// Days on which they may be rung.
    #[serde(deserialize_with = "parsed")]
    pub days: Week,
    /// Hours in which they may be, by the city's clock.
    #[serde(deserialize_with = "parsed")]
    pub hours: DayHours,
    /// Seconds from an attempt to the next, 10 to 86,400.
    #[serde(deserialize_with = "within::<10, 86_400, _>")]
    pub retry_after_secs: u64,
    /// The same where the line was busy.
    #[serde(deserialize_with = "within::<10, 86_400, _>")]
    pub retry_busy_secs: u64,
    /// Seconds from a call to the next with the same number about another case, 0 to 86,400.
    #[serde(deserialize_with = "within::<0, 86_400, _>")]
    pub between_cases_secs: u64,
    /// Seconds for which a phone rings, 10 to 120.
    #[serde(deserialize_with = "within::<10, 120, _>")]
    pub ring_secs: u64,
    /// Such calls at the same time, 1 to 200.
    #[serde(deserialize_with = "within::<1, 200, _>")]
    pub calls: u64,
    /// Lines left to citizens who call, of each trunk that has a limit and of `capacity`, 0 to 1,000.
    #[serde(deserialize_with = "within::<0, 1_000, _>")]
    pub keep_free: u64,
    /// Milliseconds of speech without a pause that are an answering machine's, 1,000 to 10,000.
    #[serde(deserialize_with = "within::<1_000, 10_000, _>")]
    pub machine_after_ms: u64,
    /// A message left on an answering machine counts as told.
    pub machine_counts: bool,
}

impl Default for Verification {
    fn default() -> Self {
        Self {
            automatic: false,
            dialplan: PathBuf::from("dialplans/verification.toml"),
            days: Week::ALL,
            hours: DayHours::from_hour_to_hour(9, 20),
            retry_after_secs: 7_200,
            retry_busy_secs: 900,
            between_cases_secs: 900,
            ring_secs: 40,
            calls: 4,
            keep_free: 10,
            machine_after_ms: 2_500,
            machine_counts: false,
        }
    }
}

impl Verification {
    /// None where the program rings nobody; `zone` is the city's.
    pub fn policy(&self, zone: &str, city: &CityPlan) -> Result<Option<Policy>, CalendarError> {
        if !self.automatic {
            return Ok(None);
        }
        Ok(Some(Policy {
            hours: Calendar::weekly(zone, self.days, self.hours, Default::default())?,
            attempts: city.verify_rule().attempts.max(1),
            on_days: city.verify_rule().on_days.max(1),
            retry_busy: Duration::from_secs(self.retry_busy_secs),
            retry_after: Duration::from_secs(self.retry_after_secs),
            between_cases: Duration::from_secs(self.between_cases_secs),
            at_once: usize::try_from(self.calls).unwrap_or(usize::MAX),
        }))
    }

    /// What the switchboard needs; none where there is no policy or no plan.
    pub fn settings(&self, policy: Option<Policy>, plan: Option<Arc<Dialplan>>) -> Option<InForce> {
        Some(InForce {
            policy: policy?,
            plan: plan?,
            manners: Manners {
                ring_for: Duration::from_secs(self.ring_secs),
                machine_after: Duration::from_millis(self.machine_after_ms),
            },
            keep_free: usize::try_from(self.keep_free).unwrap_or(usize::MAX),
        })
    }
}

fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err = CalendarError>,
{
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
