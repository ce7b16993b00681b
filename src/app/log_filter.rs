//! What the log takes: set up once for the process, changed by each reload. `RINGBACK_LOG` in the environment goes before
//! the configuration: who starts the program so wants to see something, whatever the file says. Which lines there are is
//! everybody's own business.

use std::sync::OnceLock;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

/// The variable that goes before the configuration.
const VARIABLE: &str = "RINGBACK_LOG";
/// `json` for one object a line.
const FORMAT_VARIABLE: &str = "RINGBACK_LOG_FORMAT";

/// Of the process, as the subscriber of `tracing` is. None where the environment has decided.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Logs to standard error from now on, for the rest of the process; `first` is taken until the configuration is read.
pub fn start_logging(first: &str) {
    let decided = EnvFilter::try_from_env(VARIABLE).ok();
    let is_decided = decided.is_some();
    let (filter, handle) = reload::Layer::new(decided.unwrap_or_else(|| EnvFilter::new(first)));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let is_json = std::env::var(FORMAT_VARIABLE).is_ok_and(|format| format == "json");
    let lines = if is_json { lines.json().boxed() } else { lines.boxed() };
    tracing_subscriber::registry().with(filter).with(lines).init();
    if !is_decided {
        // A second call would have failed above.
        FILTER.set(handle).ok();
    }
}

/// Takes what the configuration says; what is running is logged by it from the next line on.
pub(super) fn renew(directives: &str) {
    let Some(handle) = FILTER.get() else { return };
    // Checked as the configuration was read.
    let Ok(filter) = EnvFilter::builder().parse(directives) else { return };
    if let Err(error) = handle.reload(filter) {
        tracing::warn!(%error, "the log's filter stays as it is");
    }
}
