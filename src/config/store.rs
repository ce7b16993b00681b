//! `[store]`: the database and the register's office code.
//! Opening and migrating it is `store/`; how a register number is written is
//! `case/number.rs`. A change takes a restart.

use std::path::Path;

use serde::Deserialize;

const SQLITE: &str = "sqlite://";

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `sqlite://path`; a relative path stands beside the configuration file.
    pub url: String,
    /// Office code in the register numbers: two digits.
    pub office: String,
}

impl Default for Store {
    fn default() -> Self {
        Self { url: "sqlite://data/ringback.db".to_owned(), office: "01".to_owned() }
    }
}

/// The URL with its path made absolute to `base`.
pub(super) fn resolve(url: &str, base: &Path) -> String {
    match url.strip_prefix(SQLITE) {
        Some(path) if !path.is_empty() => format!("{SQLITE}{}", base.join(path).display()),
        _ => url.to_owned(),
    }
}

impl Store {
    /// The database file's folder, for one that must be made first.
    pub fn folder(&self) -> Option<&Path> {
        self.url.strip_prefix(SQLITE).and_then(|path| Path::new(path).parent())
    }

    pub(super) fn is_supported(&self) -> bool {
        self.url.starts_with(SQLITE) || self.url == "sqlite::memory:"
    }
}
