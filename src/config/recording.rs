//! `[recording]`: where the recordings are kept.
//! Their states are `recording/`, their bytes `files/` and `wav/`. A change takes a restart.

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recording {
    pub dir: PathBuf,
}

impl Default for Recording {
    fn default() -> Self {
        Self { dir: PathBuf::from("recordings") }
    }
}
