//! `[recording]`: whether calls are recorded and where, and what happens when they cannot be.
//! The states of recordings are `recording/`, their bytes `files/` and `wav/`. `enabled` and `dir` take a restart.

use std::path::PathBuf;

use serde::Deserialize;

use super::checks::within;
use crate::recording::WhenUnable;

/// Nobody keeps more than a tebibyte free.
const MAX_FLOOR_MIB: u64 = 1 << 20;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recording {
    pub enabled: bool,
    pub dir: PathBuf,
    /// The default holds what the rest of the program promises: no call is answered that is not on the record. A line
    /// for people in danger decides the other way.
    pub when_unable: WhenUnable,
    /// Mebibytes; with less room no new recording is begun, and what is left is for those that run. 0 is no floor.
    #[serde(deserialize_with = "within::<0, MAX_FLOOR_MIB, _>")]
    pub min_free_mib: u64,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            enabled: true,
            dir: PathBuf::from("recordings"),
            when_unable: WhenUnable::default(),
            min_free_mib: 0,
        }
    }
}

impl Recording {
    /// What a call gets whose recording cannot be made; none where nothing is recorded.
    pub fn when_unable(&self) -> Option<WhenUnable> {
        self.enabled.then_some(self.when_unable)
    }

    /// Octets.
    pub fn floor(&self) -> u64 {
        self.min_free_mib << 20
    }
}
