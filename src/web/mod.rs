//! HTTP: the API under `/api/v1`, the pages, the event stream (axum). Holds no machine: it sends commands to the
//! switchboard and reads snapshots and the store. Which role may do what stands in `access.rs`, which URL does
//! what in `router.rs`, how an error looks in `error.rs` (RFC 9457).

mod access;
mod addresses;
mod admin;
mod assignments;
mod audit;
mod callbacks;
mod calls;
mod cases;
mod citizen;
mod city;
mod disclosures;
mod error;
mod escalations;
mod events;
mod extract;
mod filing;
mod gate;
mod headers;
mod health;
mod hearings;
mod incidents;
mod limits;
mod log;
mod login_limit;
mod masked_calls;
mod messages;
mod oidc;
mod once;
mod open311;
mod operators;
mod pages;
mod password;
mod phone;
mod receptions;
mod records;
mod reports;
mod router;
mod second_factor;
mod server;
mod session;
mod sessions;
mod sip_socket;
mod sms_reports;
mod terms;
#[cfg(test)]
mod tests;
mod timeline;
mod unread;
mod verifications;
mod view;
mod web_calls;
mod work_orders;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::address::Register;
use crate::call::ladder::Ladder;
use crate::call::masked;
use crate::case::city::CityPlan;
use crate::files::TileFolder;
use crate::ids::{ContactId, Mint};
use crate::journal::Draft;
use crate::net::GuestEntrance;
use crate::notify::Board;
use crate::store::Store;
use crate::switchboard::{Command, CommandError, Snapshot};
use crate::time::{self, Timestamp};
use crate::verification::Policy;

use admin::Provisions;
use error::ApiError;
use events::Feed;
use limits::Limits;
use login_limit::LoginLimit;

pub use admin::{
    CITY, CONFIG, DIALPLAN, InForce, PlanFile, QueueInForce, ReloadRequest, Reloaded, SipEntrance,
    TrunkInForce, VERIFICATION, Wanted,
};
pub use disclosures::DisclosureTerms;
pub use oidc::{OidcTerms, Passwords, is_safe_address};
pub use password::{PasswordError, check as check_password, hash as hash_password};
pub use reports::file::Form as ReportForm;
pub use router::{openapi, router};
pub use server::{MAX_CONNECTIONS, ServeError, serve};
pub use terms::{
    ApiKey, AuditTerms, CitizenTerms, HearingRule, HearingTerms, Open311Terms, PublicTerms, SignInTerms,
};

/// A command on its way to the switchboard, and the way back.
pub type CommandRequest = (Command, oneshot::Sender<Result<(), CommandError>>);

/// Whose SIP messages are wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LadderOf {
    Call(ContactId),
    /// By name: its registrations and probes.
    Trunk(String),
}

/// Asks for SIP messages; none when the switchboard has forgotten the call, or does not know the trunk.
pub type LadderRequest = (LadderOf, oneshot::Sender<Option<Ladder>>);

/// Where pages come from, as in `https://city.example`.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// Our own as browsers have it; none where nobody has said.
    pub own: Option<Arc<str>>,
    /// Others whose pages may open the WebSocket of SIP.
    pub others: Arc<[String]>,
}

/// All the web layer needs of the rest; cheap to clone.
#[derive(Clone)]
pub struct WebState {
    pub store: Store,
    pub commands: mpsc::Sender<CommandRequest>,
    pub ladders: mpsc::Sender<LadderRequest>,
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    pub city: watch::Receiver<Arc<CityPlan>>,
    pub addresses: watch::Receiver<Arc<Register>>,
    pub recording_dir: PathBuf,
    /// `1580`, shown to citizens and staff.
    pub short_number: String,
    /// Prometheus text of the counters, made when asked.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Re-reads configuration, city plan and dialplan; the complaints when they are refused.
    pub reload: mpsc::Sender<ReloadRequest>,
    /// What the administrator's pages show.
    pub in_force: watch::Receiver<Arc<InForce>>,
    /// Digest realm of the phones in pages; none where phones must prove themselves by what pages cannot compute.
    pub page_realm: Option<String>,
    /// Takes in the WebSockets of `/sip`.
    pub sip: GuestEntrance,
    /// When applicants are asked; none where the program does not.
    pub asking: Arc<dyn Fn() -> Option<Policy> + Send + Sync>,
    /// By what applicants are written to, and how that does.
    pub notices: Board,
    /// Tiles of the journal's tree.
    pub tiles: TileFolder,
    pub disclosures: DisclosureTerms,
    /// When executors may call applicants; none where they may not.
    pub masked: Arc<dyn Fn() -> Option<masked::Policy> + Send + Sync>,
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
    started_at: Timestamp,
    mint: Mutex<Mint>,
    provisions: Mutex<Provisions>,
    logins: Mutex<LoginLimit>,
    /// Wrong codes by number and source.
    codes: Mutex<LoginLimit>,
    limits: Limits,
    provider: oidc::Provider,
    /// Sign-ins through it that are under way.
    pending: oidc::Pending,
    log: log::LogCounts,
    tokens: open311::filing::Tokens,
    password_checks: Arc<Semaphore>,
    peak_computations: Arc<Semaphore>,
    envelopes: calls::envelope::Kept,
    uploads: Arc<Semaphore>,
    pictures: cases::image::Pictures,
    reports: reports::Kept,
    disclosing: disclosures::Making,
    event_streams: Arc<Semaphore>,
    desks: messages::Desks,
    feed: watch::Receiver<Feed>,
    live_cases: events::LiveCases,
    /// Moves whenever sessions were ended: whoever holds a connection open looks whether its own still stands.
    sign_outs: watch::Sender<u64>,
}

/// What handlers take as axum state.
type Shared = Arc<Web>;

impl Web {
    /// Starts the task that turns snapshots into deltas; it ends with the switchboard's last snapshot sender.
    fn start(given: WebState) -> Shared {
        let live_cases = events::LiveCases::default();
        let first = Feed::first(given.snapshot.borrow().clone(), &live_cases, &given.city.borrow());
        let (publish, feed) = watch::channel(first);
        let disclosing = disclosures::Making::new(given.disclosures.clone());
        let web = Arc::new(Self {
            given,
            started_at: time::now().utc,
            mint: Mutex::new(Mint::new(rand::rng().random())),
            provisions: Mutex::default(),
            logins: Mutex::default(),
            codes: Mutex::default(),
            limits: Limits::default(),
            provider: Default::default(),
            pending: Default::default(),
            log: Default::default(),
            tokens: Default::default(),
            password_checks: Arc::new(Semaphore::new(PASSWORD_CHECKS)),
            peak_computations: Arc::new(Semaphore::new(PEAK_COMPUTATIONS)),
            envelopes: Default::default(),
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            pictures: cases::image::Pictures::default(),
            reports: reports::Kept::default(),
            disclosing,
            event_streams: Arc::new(Semaphore::new(EVENT_STREAMS)),
            desks: messages::Desks::default(),
            feed,
            live_cases,
            sign_outs: watch::Sender::new(0),
        });
        events::follow(&web, publish);
        tokio::spawn(disclosures::Making::keep_clean(Arc::downgrade(&web)));
        web
    }

    fn store(&self) -> &Store {
        &self.given.store
    }

    fn city(&self) -> Arc<CityPlan> {
        self.given.city.borrow().clone()
    }

    fn asking_policy(&self) -> Option<Policy> {
        (self.given.asking)()
    }

    fn addresses(&self) -> Arc<Register> {
        self.given.addresses.borrow().clone()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.given.snapshot.borrow().clone()
    }

    fn with_mint<T>(&self, make: impl FnOnce(&mut Mint) -> T) -> T {
        make(&mut self.mint.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_codes<T>(&self, count: impl FnOnce(&mut LoginLimit) -> T) -> T {
        count(&mut self.codes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sessions have ended: connections that were opened with them end now.
    fn sessions_ended(&self) {
        self.sign_outs.send_modify(|count| *count = count.wrapping_add(1));
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
