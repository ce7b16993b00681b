//! `[disclosure]`: where packages of cases that are handed over lie, and how long. Who may have one made is
//! `web/access.rs`; what is in one `bundle/`. A change takes a restart.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::checks::within;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disclosure {
    /// Folder of the packages; nobody but the program should read it.
    pub dir: PathBuf,
    /// Hours until a package is removed, 1 to 720.
    #[serde(deserialize_with = "within::<1, 720, _>")]
    pub keep_hours: u64,
}

impl Default for Disclosure {
    fn default() -> Self {
        Self { dir: PathBuf::from("data/disclosures"), keep_hours: 72 }
    }
}

impl Disclosure {
    pub(super) fn resolve(&mut self, base: &Path) {
        self.dir = base.join(&self.dir);
    }
}
