//! HTTP: the API under `/api/v1`, the pages, the event stream (axum). Holds no machine: it sends commands to the
//! switchboard and reads snapshots and the store. Which role may do what stands in `access.rs`, which URL does
//! what in `router.rs`, how an error looks in `error.rs` (RFC 9457).

mod access;
mod admin;
mod calls;
mod cases;
mod city;
mod error;
mod events;
mod extract;
mod gate;
mod health;
mod login_limit;
mod operators;
mod pages;
mod password;
mod phone;
mod router;
mod server;
mod session;
mod sip_socket;
#[cfg(test)]
mod tests;
mod timeline;
mod view;
mod work_orders;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::call::ladder::Ladder;
use crate::case::city::CityPlan;
use crate::ids::{ContactId, Mint};
use crate::journal::Draft;
use crate::net::GuestEntrance;
use crate::store::Store;
use crate::switchboard::{Command, CommandError, Snapshot};

use error::ApiError;
use events::Feed;
use login_limit::LoginLimit;

pub use password::{PasswordError, hash as hash_password};
pub use router::{openapi, router};
pub use server::{MAX_CONNECTIONS, ServeError, serve};

/// A command on its way to the switchboard, and the way back.
pub type CommandRequest = (Command, oneshot::Sender<Result<(), CommandError>>);

/// Asks for the SIP messages of a call; none when the switchboard has forgotten it.
pub type LadderRequest = (ContactId, oneshot::Sender<Option<Ladder>>);

/// Asks the program to read its configuration again; the complaints when it is refused.
pub type ReloadRequest = oneshot::Sender<Result<(), Vec<crate::diagnostic::Diagnostic>>>;

/// All the web layer needs of the rest; cheap to clone.
#[derive(Clone)]
pub struct WebState {
    pub store: Store,
    pub commands: mpsc::Sender<CommandRequest>,
    pub ladders: mpsc::Sender<LadderRequest>,
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    pub city: watch::Receiver<Arc<CityPlan>>,
    pub recording_dir: PathBuf,
    /// `1580`, shown to citizens and staff.
    pub short_number: String,
    /// Prometheus text of the counters, made when asked.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Re-reads configuration, city plan and dialplan; the complaints when they are refused.
    pub reload: mpsc::Sender<ReloadRequest>,
    /// Digest realm of the phones in pages; none where phones must prove themselves by what pages cannot compute.
    pub page_realm: Option<String>,
    /// Takes in the WebSockets of `/sip`.
    pub sip: GuestEntrance,
    /// Origins besides our own whose pages may open one.
    pub origins: Arc<[String]>,
}

impl std::fmt::Debug for WebState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebState").field("short_number", &self.short_number).finish_non_exhaustive()
    }
}

/// The switchboard answers within a turn of its loop; whoever waits longer is told it is unavailable.
const COMMAND_DEADLINE: Duration = Duration::from_secs(2);

/// Passwords checked at once: each takes a core and 19 MiB for some 30 ms.
const PASSWORD_CHECKS: usize = 2;

/// Waveforms computed at once: each reads a whole recording on a blocking thread.
const PEAK_COMPUTATIONS: usize = 2;

/// Uploads held in memory at once, each of at most `cases::evidence::MAX_EVIDENCE_BYTES`.
const UPLOADS: usize = 8;

/// Event streams open at once: ten times the desks of a large city.
const EVENT_STREAMS: usize = 512;

/// The web layer itself: what it was given, and its own bounds.
struct Web {
    given: WebState,
    mint: Mutex<Mint>,
    logins: Mutex<LoginLimit>,
    password_checks: Arc<Semaphore>,
    peak_computations: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    event_streams: Arc<Semaphore>,
    feed: watch::Receiver<Feed>,
}

/// What handlers take as axum state.
type Shared = Arc<Web>;

impl Web {
    /// Starts the task that turns snapshots into deltas; it ends with the switchboard's last snapshot sender.
    fn start(given: WebState) -> Shared {
        let feed = events::follow(given.snapshot.clone());
        Arc::new(Self {
            given,
            mint: Mutex::new(Mint::new(rand::rng().random())),
            logins: Mutex::default(),
            password_checks: Arc::new(Semaphore::new(PASSWORD_CHECKS)),
            peak_computations: Arc::new(Semaphore::new(PEAK_COMPUTATIONS)),
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            event_streams: Arc::new(Semaphore::new(EVENT_STREAMS)),
            feed,
        })
    }

    fn store(&self) -> &Store {
        &self.given.store
    }

    fn city(&self) -> Arc<CityPlan> {
        self.given.city.borrow().clone()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.given.snapshot.borrow().clone()
    }

    fn with_mint<T>(&self, make: impl FnOnce(&mut Mint) -> T) -> T {
        make(&mut self.mint.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn journal(&self, draft: Draft) -> Result<(), ApiError> {
        Ok(self.store().journal(vec![draft]).await?)
    }

    /// Has the switchboard carry out `command`.
    async fn command(&self, command: Command) -> Result<(), ApiError> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.given.commands.send((command, answer)).await.map_err(|_| CommandError::Unavailable)?;
            answered.await.map_err(|_| CommandError::Unavailable)?
        };
        let outcome = tokio::time::timeout(COMMAND_DEADLINE, asked).await;
        Ok(outcome.unwrap_or(Err(CommandError::Unavailable))?)
    }
}
