//! `[open311]`: what the city offers other programs by GeoReport v2, and whose keys may file requests.
//! Keys stand here as digests or in files of their own; what they may do is `web/open311/`'s.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::checks::within;
use crate::digest::Sha256;
use crate::web::{ApiKey, Open311Terms};

/// Shorter keys can be tried out.
const MIN_KEY_CHARS: usize = 20;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Open311 {
    pub enabled: bool,
    /// Our address as the world has it, as in `https://city.example`.
    pub url: Option<String>,
    pub test_url: Option<String>,
    pub contact: String,
    pub key_service: String,
    pub jurisdictions: Vec<String>,
    pub key: Vec<Key>,
    /// Requests of one key in an hour, 1 to 100,000.
    #[serde(deserialize_with = "within::<1, 100_000, _>")]
    pub filings_per_key_per_hour: u64,
    /// Questions of one address in a minute, 1 to 10,000.
    #[serde(deserialize_with = "within::<1, 10_000, _>")]
    pub looks_per_address_per_minute: u64,
}

/// `[[open311.key]]`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    pub name: String,
    /// SHA-256 of the key, 64 hexadecimal digits.
    pub sha256: Option<String>,
    /// A file with the key itself.
    pub file: Option<PathBuf>,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidKey {
    #[error("a key has either `sha256` or `file`")]
    Either,
    #[error("`sha256` has 64 hexadecimal digits: printf %s THE-KEY | sha256sum")]
    Digest,
    #[error("the file of the key {0}")]
    File(String),
    #[error("a key has at least {MIN_KEY_CHARS} characters")]
    Short,
}

impl Default for Open311 {
    fn default() -> Self {
        Self {
            enabled: true,
            url: None,
            test_url: None,
            contact: "Ask the city's contact centre.".to_owned(),
            key_service: "Keys are given by the city's contact centre.".to_owned(),
            jurisdictions: Vec::new(),
            key: Vec::new(),
            filings_per_key_per_hour: 600,
            looks_per_address_per_minute: 120,
        }
    }
}

impl Key {
    pub(super) fn resolve(&mut self, base: &Path) {
        if let Some(file) = &mut self.file {
            *file = base.join(&*file);
        }
    }

    pub(super) fn digest(&self) -> Result<Sha256, InvalidKey> {
        match (&self.sha256, &self.file) {
            (Some(digest), None) => Sha256::from_hex(digest).ok_or(InvalidKey::Digest),
            (None, Some(file)) => {
                let text = super::read(file).map_err(InvalidKey::File)?;
                let key = text.trim();
                if key.chars().count() < MIN_KEY_CHARS {
                    return Err(InvalidKey::Short);
                }
                Ok(Sha256::of(key.as_bytes()))
            }
            _ => Err(InvalidKey::Either),
        }
    }
}

impl Open311 {
    pub fn terms(&self) -> Open311Terms {
        let whole = |url: &Option<String>| url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
        // What cannot be read was complained about when the file was checked; such a key opens nothing.
        let keys = self
            .key
            .iter()
            .filter_map(|key| Some(ApiKey { name: key.name.clone(), sha256: key.digest().ok()? }));
        Open311Terms {
            enabled: self.enabled,
            url: whole(&self.url),
            test_url: whole(&self.test_url),
            contact: self.contact.clone(),
            key_service: self.key_service.clone(),
            jurisdictions: self.jurisdictions.clone(),
            keys: keys.collect(),
            filings_per_key_per_hour: u32::try_from(self.filings_per_key_per_hour).unwrap_or(u32::MAX),
            looks_per_address_per_minute: u32::try_from(self.looks_per_address_per_minute)
                .unwrap_or(u32::MAX),
        }
    }
}
