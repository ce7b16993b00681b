//! `[[trunk]]`: who may bring calls to the short number, by address or by digest.
//! Reads the secret and keeps it out of `Debug`; callers are matched and
//! challenged in `switchboard/admission.rs`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::switchboard::settings::Network;

#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trunk {
    pub name: String,
    /// Addresses and networks trusted as this trunk.
    #[serde(default)]
    pub from: Vec<Network>,
    /// Digest user, for a provider without a fixed address.
    pub user: Option<String>,
    pub password: Option<String>,
    pub password_file: Option<PathBuf>,
}

impl std::fmt::Debug for Trunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trunk").field("name", &self.name).field("from", &self.from).finish_non_exhaustive()
    }
}

impl Trunk {
    /// The digest password, from the key or from its file.
    pub fn secret(&self) -> Result<Option<String>, String> {
        match (&self.password, &self.password_file) {
            (Some(password), None) => Ok(Some(password.clone())),
            (None, Some(file)) => super::read(file)
                .map(|text| Some(text.trim_end().to_owned()))
                .map_err(|error| format!("the file that `password_file` names {error}")),
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err("`password` and `password_file` exclude each other".to_owned()),
        }
    }
}
