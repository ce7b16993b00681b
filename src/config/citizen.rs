//! `[citizen]`: whether citizens may file requests from the page at `/`, and how often from one address.
//! What a request becomes is `web/citizen/`'s.

use serde::Deserialize;

use super::checks::within;
use crate::web::CitizenTerms;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Citizen {
    pub enabled: bool,
    /// Address of the page as citizens have it, as in `https://city.example`; messages lead there.
    pub url: Option<String>,
    /// Requests of one address in an hour, 1 to 1,000.
    #[serde(deserialize_with = "within::<1, 1_000, _>")]
    pub filings_per_address_per_hour: u64,
    /// Address searches and other questions of one address in a minute, 1 to 10,000.
    #[serde(deserialize_with = "within::<1, 10_000, _>")]
    pub looks_per_address_per_minute: u64,
}

impl Default for Citizen {
    fn default() -> Self {
        Self { enabled: true, url: None, filings_per_address_per_hour: 10, looks_per_address_per_minute: 120 }
    }
}

impl Citizen {
    /// The page's address without a slash at its end.
    pub fn page(&self) -> Option<String> {
        self.url.as_ref().map(|url| url.trim_end_matches('/').to_owned())
    }

    pub fn terms(&self) -> CitizenTerms {
        CitizenTerms {
            enabled: self.enabled,
            filings_per_address_per_hour: u32::try_from(self.filings_per_address_per_hour)
                .unwrap_or(u32::MAX),
            looks_per_address_per_minute: u32::try_from(self.looks_per_address_per_minute)
                .unwrap_or(u32::MAX),
        }
    }
}
