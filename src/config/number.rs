//! `[number]`: the short number and the dialplan behind it.
//! What the dialplan may say is `dialplan/`; which requests reach it is
//! decided in `switchboard/admission.rs`.

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Number {
    /// Digits as dialled.
    pub short: String,
    /// Other forms in which trunks hand the short number on.
    pub aliases: Vec<String>,
    pub dialplan: PathBuf,
}

impl Default for Number {
    fn default() -> Self {
        Self { short: "1580".to_owned(), aliases: Vec::new(), dialplan: PathBuf::from("dialplans/1580.toml") }
    }
}
