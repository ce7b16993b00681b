//! The running service: configuration in, sockets, threads and tasks out, joined by bounded queues.
//!
//! `signalling` owns the switchboard and carries out its effects; `record_keeper` takes its rows to the store in
//! order; `plans` reads what may be reloaded; `sounds` keeps what running calls hear; `recovery` closes what a crash
//! left open; `field_calls` answers executors on the telephone; `recording_watch` raises the alarm when the disk fails;
//! `checkpointer` signs how the journal grows; `encrypter` encrypts calls that are over; `eraser` destroys what may not be
//! kept; `clock_watch` lets the clocks of cases run, `reminder_watch` reminds of receptions; `standing` keeps where the
//! phones are; `leisure` reads files out of the way of sound; `vital` tells when a part has died; `metrics` counts.

mod archivist;
mod checkpointer;
mod clock_watch;
mod descriptors;
mod encrypter;
mod eraser;
mod field_calls;
#[cfg(test)]
mod fixture;
mod hep_agent;
mod incident_watch;
mod leisure;
mod log_filter;
mod metrics;
mod outages;
mod pace;
mod plans;
mod record_keeper;
mod recording_watch;
mod recovery;
mod reminder_watch;
mod signalling;
mod sounds;
mod standing;
mod studio;
mod verification_watch;
mod vital;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::case::city::CityPlan;
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::files::{TileFolder, recording_probe};
use crate::media;
use crate::media_plane::{MediaPlane, MediaPlaneSettings, Report};
use crate::net::{Arrival, Inherited, Limits, SipNet};
use crate::notification::Channel;
use crate::notify::{self, Board, Sender};
use crate::people::Actor;
use crate::recording::Impairment;
use crate::resolver::Resolver;
use crate::sip::digest_auth::Algorithm;
use crate::store::{Publication, Store};
use crate::switchboard::{Input, Settings, Snapshot, Switchboard};
use crate::web::{self, CommandRequest, DisclosureTerms, InForce, ReloadRequest, Reloaded, Wanted, WebState};

pub use incident_watch::end_incidents;
pub use log_filter::start_logging;
pub use plans::Plans;

use archivist::Archivist;
use checkpointer::{Cadence, Checkpointer};
use clock_watch::ClockWatch;
use encrypter::Encrypter;
use eraser::{Eraser, Folders};
use hep_agent::HepAgent;
use incident_watch::IncidentWatch;
use metrics::Meters;
use record_keeper::RecordKeeper;
use recording_watch::{MAX_FAILURES, Pace, RecordingWatch};
use reminder_watch::ReminderWatch;
use signalling::{Signalling, Wires};
use standing::StandingKeeper;
use studio::Studio;
use verification_watch::{Rules, VerificationWatch};
use vital::{Vital, Vitals};

/// Messages waiting for the switchboard: some seconds of the design load. More are dropped by the network layer,
/// where phones send them again.
const MAX_ARRIVALS: usize = 4_096;
/// Reports and outcomes waiting for the switchboard; a lost one is counted, and the call's own deadlines end it.
const MAX_INPUTS: usize = 65_536;
/// Commands of desks waiting for the switchboard.
const MAX_COMMANDS: usize = 256;
/// Reloads waiting: one runs, the others would only repeat it.
const MAX_RELOADS: usize = 4;
/// How often the user table is read again: an operator added on the command line can register this soon.
const USERS_EVERY: Duration = Duration::from_secs(5);
/// HTTP connections get this long to finish when the service stops.
const HTTP_GRACE: Duration = Duration::from_secs(3);

/// The service, up and answering.
#[derive(Debug)]
pub struct Service {
    pub http: SocketAddr,
    pub store: Store,
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    pub commands: mpsc::Sender<CommandRequest>,
    stop: watch::Sender<Stop>,
    reload: mpsc::Sender<ReloadRequest>,
    signalling: JoinHandle<()>,
    http_server: JoinHandle<Result<(), web::ServeError>>,
    /// Names of parts that have ended.
    ended: mpsc::Receiver<&'static str>,
}

/// How far stopping has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stop {
    Running,
    /// No new calls; running ones may finish.
    Draining,
    /// Running calls are ended in order.
    Ending,
}

impl Service {
    /// Binds everything, then repairs what a crash left open, then answers. `file` is read again on reload. Nothing
    /// stays bound when it fails.
    pub async fn start(config: Config, file: Option<PathBuf>, plans: Plans) -> anyhow::Result<Self> {
        let Ground { http_socket, http, net, arrivals, store } = Ground::prepare(&config, &plans).await?;
        let (inputs_in, inputs) = mpsc::channel(MAX_INPUTS);
        let (meters, (vitals, ended)) = (Arc::new(Meters::default()), Vitals::new());
        let (media, floor) = start_media(&config, inputs_in.clone(), meters.clone(), &vitals)?;
        let keeper =
            RecordKeeper::start(store.clone(), inputs_in.clone(), meters.clone(), vitals.of("record keeper"));
        let ((control, commands), (ladders_in, ladders)) = (from_desks(), from_desks());
        let ((stop, stopping), (change_in, changes)) = (watch::channel(Stop::Running), mpsc::channel(1));
        let (in_force_out, in_force) = put_in_force(&config, file.as_deref(), &plans, &store).await?;
        let users = store.users().await?;
        let switchboard = make_switchboard(plans.settings(&config, &users)?, &config, &store, &media).await?;
        let (snapshot_out, snapshot) = watch::channel(first_snapshot(&switchboard));
        let (published, city, addresses) = plans.publish();
        let asking = start_asking(&config, &plans, &store, inputs_in.clone(), &vitals)?;
        work_beside(&config, &store, &meters, &city, &asking.board, &stopping, &vitals);
        let signalling = Signalling::new(
            switchboard,
            plans.clone(),
            net.clone(),
            HepAgent::start(&config.hep, &meters)?,
            Terms::of(&config)?,
            StandingKeeper::new(config.sip.standing.clone(), crate::time::now()),
            media.clone(),
            keeper,
            Studio::new(&config.recording.dir, store.clone(), inputs_in.clone()),
            inputs_in,
            snapshot_out,
            meters.clone(),
        );
        let wires = Wires { arrivals, inputs, commands, ladders, changes, stopping: stopping.clone() };
        let signalling = tokio::spawn(signalling.run(wires, vitals.of("signalling")));
        let reload = plans::Reloader {
            config: config.clone(),
            file,
            store: store.clone(),
            plans,
            changes: change_in,
            published,
            floor,
            users,
            net: net.clone(),
            in_force: in_force_out,
            asking: asking.renewal,
        }
        .start();
        let state = WebState {
            store: store.clone(),
            commands: control.clone(),
            ladders: ladders_in,
            snapshot: snapshot.clone(),
            city,
            addresses,
            recording_dir: config.recording.dir.clone(),
            short_number: config.number.short.clone(),
            page_realm: config.sip.digest.contains(&Algorithm::Md5).then(|| config.sip.realm.clone()),
            metrics: metrics_text(meters, media, net.clone(), asking.board.clone()),
            reload: reload.clone(),
            in_force,
            sip: net.guest_entrance(),
            masked: masked_terms(asking.rules.clone()),
            asking: Arc::new(move || asking.rules.borrow().policy.clone()),
            notices: asking.board,
            tiles: sign_the_journal(&config, &store, &stopping),
            disclosures: disclosure_terms(&config),
        };
        announce(&net, http);
        let http_server = serve_http(http_socket, state, stopping, vitals.of("HTTP server"));
        Ok(Self { http, store, snapshot, commands: control, stop, reload, signalling, http_server, ended })
    }

    /// Reads configuration, dialplan and city plan again; what is wrong with them leaves the old ones in force. The keys
    /// that have changed and wait for a restart.
    pub async fn reload(&self) -> Reloaded {
        let (answer, answered) = oneshot::channel();
        let refused = || Diagnostic::at_offset("reload", "", 0, "the service is stopping");
        let request = ReloadRequest { wanted: Wanted::Publish, by: Actor::system("signal"), answer };
        self.reload.send(request).await.map_err(|_| vec![refused()])?;
        answered.await.map_err(|_| vec![refused()])?
    }

    /// No new calls from now on; running ones may finish within `[sip] drain_secs`.
    pub fn drain(&self) {
        self.stop
            .send_if_modified(|stop| std::mem::replace(stop, (*stop).max(Stop::Draining)) < Stop::Draining);
    }

    /// What ends running calls in order, at once; usable while [`Self::stopped`] is awaited.
    pub fn ender(&self) -> impl Fn() + use<> {
        let stop = self.stop.clone();
        move || {
            stop.send_replace(Stop::Ending);
        }
    }

    /// Waits until a part has ended that the service cannot do without, and names it. When no stop was asked for,
    /// that part is dead, and nothing but a new start helps.
    pub async fn failed(&mut self) -> &'static str {
        match self.ended.recv().await {
            Some(part) => part,
            None => std::future::pending().await,
        }
    }

    /// Waits until every call is over and written, then closes the store. Ask for it with [`Self::drain`]
    /// first.
    pub async fn stopped(mut self) -> anyhow::Result<()> {
        let calls = (&mut self.signalling).await.context("the switchboard's task");
        self.stop.send_replace(Stop::Ending);
        let pages = match tokio::time::timeout(HTTP_GRACE, &mut self.http_server).await {
            Ok(Ok(served)) => served.context("the HTTP server"),
            Ok(Err(died)) => Err(died).context("the HTTP server's task"),
            Err(_) => {
                self.http_server.abort();
                Ok(())
            }
        };
        self.store.close().await;
        calls.and(pages)
    }
}

/// A queue of what desks and administrators ask of the switchboard.
fn from_desks<T>() -> (mpsc::Sender<T>, mpsc::Receiver<T>) {
    mpsc::channel(MAX_COMMANDS)
}

/// What the administrator's pages show, kept as the version the program began with.
async fn put_in_force(
    config: &Config,
    file: Option<&Path>,
    plans: &Plans,
    store: &Store,
) -> anyhow::Result<(watch::Sender<Arc<InForce>>, watch::Receiver<Arc<InForce>>)> {
    let text = file.and_then(|file| crate::config::read(file).ok()).unwrap_or_default();
    let in_force = plans.in_force(config, file, &text);
    store.publish(in_force.texts(), Publication::Started, Actor::system("start"), in_force.at).await?;
    Ok(watch::channel(Arc::new(in_force)))
}

/// What must be there before anything runs.
struct Ground {
    http_socket: tokio::net::TcpListener,
    http: SocketAddr,
    net: SipNet,
    arrivals: mpsc::Receiver<Arrival>,
    store: Store,
}

impl Ground {
    async fn prepare(config: &Config, plans: &Plans) -> anyhow::Result<Self> {
        log_filter::renew(&config.log.filter);
        let limits = make_room(config);
        let mut inherited = Inherited::from_environment().context("LISTEN_FDS")?;
        let http_socket = bind_http(config.http.bind, &mut inherited)
            .await
            .with_context(|| format!("[http] bind: {}", config.http.bind))?;
        let http = http_socket.local_addr()?;
        let (arrivals_in, arrivals) = mpsc::channel(MAX_ARRIVALS);
        let listeners = config.sip.listeners()?;
        let net = SipNet::start_on(&mut inherited, listeners, arrivals_in, limits).await;
        let net = net.context("[sip] udp, tcp, tls")?;
        for address in inherited.left() {
            tracing::warn!(%address, "was given to us bound, but [sip] and [http] do not name it");
        }
        let store = open_store(config).await?;
        store.wrap_second_factors().await.context("[keys]: the secrets of second factors")?;
        recovery::close_what_a_crash_left_open(&store, &config.recording.dir, plans.city.topic_categories())
            .await?;
        Ok(Self { http_socket, http, net, arrivals, store })
    }
}

async fn bind_http(
    address: SocketAddr,
    inherited: &mut Inherited,
) -> std::io::Result<tokio::net::TcpListener> {
    let Some(listener) = inherited.take_tcp(address) else {
        return tokio::net::TcpListener::bind(address).await;
    };
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

/// Room for as many calls as are configured; what bounds their connections.
fn make_room(config: &Config) -> Limits {
    let limits = Limits::for_calls(usize::try_from(config.sip.capacity).unwrap_or(usize::MAX));
    descriptors::provide(config, &limits);
    limits
}

/// What is done beside the calls.
fn work_beside(
    config: &Config,
    store: &Store,
    meters: &Arc<Meters>,
    city: &watch::Receiver<Arc<CityPlan>>,
    board: &Board,
    stopping: &watch::Receiver<Stop>,
    vitals: &Vitals,
) {
    let (recordings, packages) = (config.recording.dir.clone(), config.disclosure.dir.clone());
    keep_cases(store, Folders { recordings, packages }, city, board, stopping, vitals);
    encrypt_what_is_over(config, store, meters, stopping);
}

/// What happens to cases by the passing of time alone: their clocks, the end of incidents, receptions that come near, the
/// archive, and the end of what is kept.
fn keep_cases(
    store: &Store,
    folders: Folders,
    city: &watch::Receiver<Arc<CityPlan>>,
    board: &Board,
    stopping: &watch::Receiver<Stop>,
    vitals: &Vitals,
) {
    let clocks = ClockWatch { store: store.clone(), city: city.clone(), _vital: vitals.of("clock watch") };
    let archivist = Archivist { store: store.clone(), city: city.clone(), stopping: stopping.clone() };
    let incidents = IncidentWatch::new(store.clone(), city.clone(), vitals.of("incident watch"));
    let reminders =
        ReminderWatch::new(store.clone(), city.clone(), board.clone(), vitals.of("reminder watch"));
    tokio::spawn(clocks.run());
    tokio::spawn(reminders.run());
    tokio::spawn(incidents.run());
    tokio::spawn(archivist.run());
    let (city, stopping) = (city.clone(), stopping.clone());
    tokio::spawn(Eraser::new(store.clone(), folders, city, stopping).run());
}

/// Starts what encrypts recordings, where there is a key for them.
fn encrypt_what_is_over(
    config: &Config,
    store: &Store,
    meters: &Arc<Meters>,
    stopping: &watch::Receiver<Stop>,
) {
    if !store.encrypts() {
        tracing::warn!("[keys] has no key: recordings lie on the disk as they were heard");
        return;
    }
    let (store, folder) = (store.clone(), config.recording.dir.clone());
    tokio::spawn(Encrypter { store, folder, meters: meters.clone(), stopping: stopping.clone() }.run());
}

/// Starts what makes checkpoints, where there is a key for them; the folder of their tiles.
fn sign_the_journal(config: &Config, store: &Store, stopping: &watch::Receiver<Stop>) -> TileFolder {
    let tiles = TileFolder::new(config.journal.dir.clone());
    let Some(signer) = config.journal.signer() else {
        tracing::warn!("[journal] has no key: nobody outside could prove that the journal was rewritten");
        return tiles;
    };
    tracing::info!(key = %signer.verifier(), "the journal is signed");
    let cadence = Cadence {
        every: Duration::from_secs(config.journal.checkpoint_secs),
        entries: config.journal.checkpoint_entries,
    };
    let (store, signer, stopping) = (store.clone(), Arc::new(signer), stopping.clone());
    tokio::spawn(Checkpointer { store, tiles: tiles.clone(), signer, cadence, stopping }.run());
    tiles
}

/// Beside the time between two checkpoints, for the one that covers a case which is handed over.
const MORE_PATIENCE: Duration = Duration::from_secs(15);

fn disclosure_terms(config: &Config) -> DisclosureTerms {
    DisclosureTerms {
        key: config.journal.signer().map(Arc::new),
        dir: config.disclosure.dir.clone(),
        keep: Duration::from_secs(config.disclosure.keep_hours * 3600),
        patience: Duration::from_secs(config.journal.checkpoint_secs) + MORE_PATIENCE,
    }
}

/// When executors may call applicants, as it is at the moment of asking.
fn masked_terms(
    rules: watch::Receiver<Rules>,
) -> Arc<dyn Fn() -> Option<crate::call::masked::Policy> + Send + Sync> {
    Arc::new(move || rules.borrow().masked.clone())
}

fn announce(net: &SipNet, http: SocketAddr) {
    let (udp, tcp, tls) = (net.udp_local(), net.tcp_local(), net.tls_local());
    tracing::info!(sip.udp = ?udp, sip.tcp = ?tcp, sip.tls = ?tls, %http, "answering");
}

/// Makes the database's folder when it is missing, opens and migrates.
pub async fn open_store(config: &Config) -> anyhow::Result<Store> {
    if let Some(folder) = config.store.folder() {
        make_folder(folder)?;
    }
    let store = Store::open(&config.store.url, &config.store.office)
        .await
        .with_context(|| format!("[store] url: {}", config.store.url))?;
    Ok(store.with_keys(config.keys.ring()))
}

fn make_folder(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

/// What desks see before anything has happened: everybody who works here, nobody signed in. Numbers of a former run must not
/// look like numbers of this one to a desk that resumes.
fn first_snapshot(switchboard: &Switchboard) -> Arc<Snapshot> {
    let now = crate::time::now();
    let seq = u64::try_from(now.utc.micros() / 1000).unwrap_or(0);
    Arc::new(Snapshot { seq, ..switchboard.snapshot(now) })
}

/// What asks applicants, by telephone and in writing.
struct Asking {
    renewal: Renewal,
    rules: watch::Receiver<Rules>,
    /// What the pages show of messages.
    board: Board,
}

/// What takes new rules for it.
#[derive(Debug)]
struct Renewal {
    rules: watch::Sender<Rules>,
    /// By what applicants are written to.
    notices: watch::Sender<Arc<notify::Settings>>,
}

/// Starts the watch over cases that wait for their applicant's answer, and what writes to applicants.
fn start_asking(
    config: &Config,
    plans: &Plans,
    store: &Store,
    inputs: mpsc::Sender<Input>,
    vitals: &Vitals,
) -> anyhow::Result<Asking> {
    let (notices_in, notices) = watch::channel(plans.notices(config)?);
    let board = start_senders(store, &notices, vitals);
    let (rules_in, rules) = watch::channel(plans.rules(config)?);
    let vital = vitals.of("verification");
    tokio::spawn(VerificationWatch::new(store.clone(), rules.clone(), inputs, notices, vital).run());
    Ok(Asking { renewal: Renewal { rules: rules_in, notices: notices_in }, rules, board })
}

/// Starts what empties the outbox; what the pages show of it.
fn start_senders(store: &Store, notices: &watch::Receiver<Arc<notify::Settings>>, vitals: &Vitals) -> Board {
    let board = Board::new(notices.clone());
    for (channel, part) in [(Channel::Sms, "SMS sender"), (Channel::Mail, "mail sender")] {
        let sender = Sender::new(store.clone(), notices.clone(), board.clone(), channel);
        let vital = vitals.of(part);
        tokio::spawn(async move {
            let _vital = vital;
            sender.run().await;
        });
    }
    board
}

/// It remembers from the store whom to ring back, and from the last run where the phones are.
async fn make_switchboard(
    settings: Settings,
    config: &Config,
    store: &Store,
    media: &MediaPlane,
) -> anyhow::Result<Switchboard> {
    let (remembered, now) = (store.callbacks().await?, crate::time::now());
    let mut switchboard = Switchboard::new(settings, rand::random(), now);
    switchboard.remember_callbacks(remembered, now);
    switchboard.set_dtls_fingerprint(media.dtls_fingerprint());
    if let Some(folder) = config.sip.standing.parent() {
        make_folder(folder)?;
    }
    standing::restore(&config.sip.standing, &mut switchboard, now);
    Ok(switchboard)
}

/// As configured, or one for each processor that we may use.
fn media_threads(config: &Config) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    config.rtp.threads.map_or_else(processors, |threads| threads.get().into())
}

/// The media plane with the watch over the disk of its recordings, and what takes a new floor for that.
fn start_media(
    config: &Config,
    inputs: mpsc::Sender<Input>,
    meters: Arc<Meters>,
    vitals: &Vitals,
) -> anyhow::Result<(Arc<MediaPlane>, watch::Sender<u64>)> {
    if config.recording.enabled {
        make_folder(&config.recording.dir)?;
    }
    let (failures_in, failures) = mpsc::channel(MAX_FAILURES);
    let floor = watch_recordings(config, failures, inputs.clone(), meters.clone(), vitals);
    let settings = MediaPlaneSettings {
        bind: config.rtp.bind.0.clone(),
        ports: config.rtp.ports.0.clone(),
        threads: media_threads(config),
        recording_dir: config.recording.dir.clone(),
    };
    let report = move |report: Report| {
        if let Report::Media(media::Event::Closed { stats, .. }) = &report {
            meters.count_leg(stats);
        }
        let input = match report {
            Report::Media(event) => Input::Media(event),
            Report::RecordingOpened { recording } => Input::RecordingOpened { recording },
            Report::RecordingOpenFailed { recording, error } => {
                tracing::error!(recording.id = %recording, error, "recording file not made");
                Input::RecordingOpenFailed { recording, reason: error }
            }
            Report::RecordingSealed(sealed) => Input::RecordingSealed(sealed),
            Report::DiskFailed(cause) => {
                // A full queue says the same already; without recordings nobody watches.
                failures_in.try_send(cause).ok();
                return;
            }
        };
        if inputs.try_send(input).is_err() {
            meters.reports_lost.add(1);
        }
    };
    let media = MediaPlane::start(settings, report).context("[rtp] bind, ports")?;
    Ok((Arc::new(media), floor))
}

/// Starts the watch, where there is something to record; what takes a new floor.
fn watch_recordings(
    config: &Config,
    failures: mpsc::Receiver<Impairment>,
    inputs: mpsc::Sender<Input>,
    meters: Arc<Meters>,
    vitals: &Vitals,
) -> watch::Sender<u64> {
    let (floor_in, floor) = watch::channel(config.recording.floor());
    if config.recording.enabled {
        let (pace, folder) = (Pace::default(), config.recording.dir.clone());
        let probe = move |floor| recording_probe::probe(&folder, floor);
        let vital = vitals.of("recording watch");
        tokio::spawn(RecordingWatch { pace, probe, floor, failures, inputs, meters, vital }.run());
    }
    floor_in
}

fn metrics_text(
    meters: Arc<Meters>,
    media: Arc<MediaPlane>,
    net: SipNet,
    board: Board,
) -> Arc<dyn Fn() -> String + Send + Sync> {
    Arc::new(move || {
        meters.media_overloaded.set(u64::from(media.is_overloaded()));
        meters.text(media.ports_in_use() as u64, &net.counts()) + &board.metrics()
    })
}

fn serve_http(
    socket: tokio::net::TcpListener,
    state: WebState,
    mut stopping: watch::Receiver<Stop>,
    vital: Vital,
) -> JoinHandle<Result<(), web::ServeError>> {
    let router = web::router(state);
    tokio::spawn(async move {
        let _vital = vital;
        let stop = async move {
            // Desks stay connected while running calls finish. An error means that the service itself is gone.
            stopping.wait_for(|stop| *stop >= Stop::Ending).await.ok();
        };
        web::serve(socket, router, stop).await
    })
}

/// What the owner of the switchboard itself goes by.
#[derive(Clone, Debug)]
struct Terms {
    /// How long running calls may go on when the program stops.
    drain: Duration,
    resolver: Resolver,
}

impl Terms {
    fn of(config: &Config) -> anyhow::Result<Self> {
        let resolver = Resolver::new(config.sip.dns).context("[sip] dns")?;
        Ok(Self { drain: Duration::from_secs(config.sip.drain_secs), resolver })
    }
}

/// What the reloader hands to the owner of the switchboard.
#[derive(Debug)]
struct Change {
    settings: Settings,
    /// None where only people have changed.
    terms: Option<Terms>,
    /// New prompts and city plan, when those were read again.
    plans: Option<Plans>,
    /// Hears when the next call is served by it.
    taken: oneshot::Sender<()>,
}
