//! `[report]`: what the weekly control report measures by.
//! The indicators themselves are `crate::report`'s.

use std::time::Duration;

use serde::Deserialize;

use super::checks::within;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Report {
    /// The city's own service level: seconds from the queue to an operator, 1 to 3,600.
    #[serde(deserialize_with = "within::<1, 3_600, _>")]
    pub answer_within_secs: u64,
}

impl Default for Report {
    fn default() -> Self {
        Self { answer_within_secs: 20 }
    }
}

impl Report {
    pub const fn answer_within(&self) -> Duration {
        Duration::from_secs(self.answer_within_secs)
    }
}
