//! `[city]`: where the city plan stands (categories, executors, norms, calendars) and the address register.
//! Only their places: the plan is read and checked by `case/city.rs`, the register by `address/import.rs`.

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct City {
    pub file: PathBuf,
    /// Without one, addresses are what operators write.
    pub addresses: Option<PathBuf>,
}

impl Default for City {
    fn default() -> Self {
        Self { file: PathBuf::from("city.toml"), addresses: None }
    }
}
