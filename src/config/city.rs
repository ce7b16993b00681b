//! `[city]`: where the city plan stands (categories, executors, norms, calendars).
//! Only its place: the plan is read and checked by `case/city.rs`.

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct City {
    pub file: PathBuf,
}

impl Default for City {
    fn default() -> Self {
        Self { file: PathBuf::from("city.toml") }
    }
}
