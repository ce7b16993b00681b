//! `[web_call]`: whether citizens may call from the web page, and how much of that is taken.
//! What a guest may do is `switchboard/guests.rs`'s.

use std::time::Duration;

use serde::Deserialize;

use super::checks::within;
use crate::switchboard::settings::WebCalls;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebCall {
    pub enabled: bool,
    /// Calls from the page at the same time, 1 to 1,000.
    #[serde(deserialize_with = "within::<1, 1_000, _>")]
    pub calls: u64,
    /// Calls of one address in an hour, 1 to 1,000.
    #[serde(deserialize_with = "within::<1, 1_000, _>")]
    pub calls_per_address_per_hour: u64,
    /// Seconds from the permission to call to the call, 5 to 300.
    #[serde(deserialize_with = "within::<5, 300, _>")]
    pub pass_secs: u64,
    /// Seconds after which a call is ended, 60 to 86,400.
    #[serde(deserialize_with = "within::<60, 86_400, _>")]
    pub longest_call_secs: u64,
}

impl Default for WebCall {
    fn default() -> Self {
        Self {
            enabled: false,
            calls: 20,
            calls_per_address_per_hour: 10,
            pass_secs: 30,
            longest_call_secs: 3600,
        }
    }
}

impl WebCall {
    /// None where nobody may call from the page.
    pub fn settings(&self) -> Option<WebCalls> {
        self.enabled.then(|| WebCalls {
            calls: usize::try_from(self.calls).unwrap_or(usize::MAX),
            calls_per_address_per_hour: u32::try_from(self.calls_per_address_per_hour).unwrap_or(u32::MAX),
            pass_lives: Duration::from_secs(self.pass_secs),
            longest_call: Duration::from_secs(self.longest_call_secs),
        })
    }
}
