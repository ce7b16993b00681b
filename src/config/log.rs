//! `[log]`: what is written to the log.
//! Read again on reload, so that one module can be looked at closely while calls run. The form of the lines stands in
//! `RINGBACK_LOG_FORMAT` and is that of the whole run; `RINGBACK_LOG` in the environment goes before `filter`.

use serde::{Deserialize, Deserializer};
use tracing_subscriber::EnvFilter;

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Directives of `tracing`: `info`, or `info,ringback::call=debug`.
    #[serde(deserialize_with = "directives")]
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned() }
    }
}

fn directives<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match EnvFilter::builder().parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(serde::de::Error::custom(format!(
            "'{text}' says not what is logged, as in info,ringback::call=debug: {error}"
        ))),
    }
}
