//! HTTP: the API under `/api/v1`, the pages, the event stream (axum). Holds no machine: it sends commands to the
//! switchboard and reads snapshots and the store.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::case::city::CityPlan;
use crate::store::Store;
use crate::switchboard::{Command, CommandError, Snapshot};

/// A command on its way to the switchboard, and the way back.
pub type CommandRequest = (Command, oneshot::Sender<Result<(), CommandError>>);

/// All the web layer needs of the rest; cheap to clone.
#[derive(Clone)]
pub struct WebState {
    pub store: Store,
    pub commands: mpsc::Sender<CommandRequest>,
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    pub city: watch::Receiver<Arc<CityPlan>>,
    pub recording_dir: PathBuf,
    /// `1580`, shown to citizens and staff.
    pub short_number: String,
    /// Prometheus text of the counters, made when asked.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Re-reads configuration, city plan and dialplan; the complaints when they are refused.
    pub reload: mpsc::Sender<oneshot::Sender<Result<(), Vec<crate::diagnostic::Diagnostic>>>>,
}

/// The whole HTTP service.
pub fn router(_state: WebState) -> axum::Router {
    todo!()
}
