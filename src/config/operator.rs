//! `[operator]`: the star codes operators dial from their phones.
//! What they do is `switchboard/service_code.rs`; operators themselves are
//! users in the store, not in this file.

use serde::Deserialize;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operator {
    pub ready_code: String,
    pub not_ready_code: String,
}

impl Default for Operator {
    fn default() -> Self {
        Self { ready_code: "*71".to_owned(), not_ready_code: "*72".to_owned() }
    }
}
