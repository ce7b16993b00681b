//! What can be read again while calls run: configuration, dialplan, prompts, city plan and users. All of it is read
//! and checked before any of it comes into force.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::{Change, MAX_RELOADS, USERS_EVERY};
use crate::acd::OperatorProfile;
use crate::case::city::CityPlan;
use crate::config::{self, Config};
use crate::diagnostic::Diagnostic;
use crate::dialplan::Dialplan;
use crate::net::SipNet;
use crate::people::Role;
use crate::phone_number::PhoneNumber;
use crate::speech::{self, PromptLibrary};
use crate::store::{Store, User};
use crate::switchboard::Settings;
use crate::switchboard::settings::Account;
use crate::web::ReloadRequest;

/// The files behind the configuration, read and checked.
#[derive(Clone, Debug)]
pub struct Plans {
    pub dialplan: Arc<Dialplan>,
    pub city: Arc<CityPlan>,
    pub prompts: Arc<PromptLibrary>,
}

impl Plans {
    /// Reads and checks all of them; every complaint of every file is listed. Rendering prompts takes seconds the
    /// first time: call it where that is no matter.
    pub fn load(config: &Config, progress: &mut dyn FnMut(usize, usize)) -> Result<Self, Vec<Diagnostic>> {
        let (dialplan, city) = Self::read(config)?;
        let prompts = PromptLibrary::load(
            &dialplan,
            &config.prompts(),
            &config.speech.cache,
            &config.speech.engine,
            progress,
        )?;
        Ok(Self { dialplan: Arc::new(dialplan), city: Arc::new(city), prompts: Arc::new(prompts) })
    }

    /// Dialplan and city plan alone, checked against each other, the prompt texts and the configuration; no sound is
    /// made.
    pub fn read(config: &Config) -> Result<(Dialplan, CityPlan), Vec<Diagnostic>> {
        let dialplan = read(&config.number.dialplan, Dialplan::parse);
        let city = read(&config.city.file, CityPlan::parse);
        let (dialplan, city) = match (dialplan, city) {
            (Ok(dialplan), Ok(city)) => (dialplan, city),
            (dialplan, city) => {
                return Err([dialplan.err(), city.err()].into_iter().flatten().flatten().collect());
            }
        };
        let texts = speech::read_texts(&config.prompts(), dialplan.languages())?;
        let mut complaints = dialplan.check_prompts(&texts);
        let unknown = dialplan
            .queues()
            .into_iter()
            .filter(|name| !config.queue.iter().any(|queue| queue.name == *name))
            .map(|name| {
                let file = config.number.dialplan.display().to_string();
                Diagnostic::at_offset(
                    &file,
                    "",
                    0,
                    format!("queue `{name}` is not among the [[queue]]s of the configuration"),
                )
            });
        complaints.extend(unknown);
        if complaints.is_empty() { Ok((dialplan, city)) } else { Err(complaints) }
    }

    /// What the switchboard needs of all this.
    pub fn settings(&self, config: &Config, users: &[User]) -> anyhow::Result<Settings> {
        let Config { sip, number, .. } = config;
        let trunks =
            config.trunk.iter().map(|trunk| trunk.settings(&sip.realm, &number.short, sip.advertised));
        let trunks = trunks.collect::<Result<_, _>>().map_err(anyhow::Error::msg)?;
        let live = || users.iter().filter(|user| !user.disabled);
        let accounts: HashMap<String, Account> = live()
            .filter_map(|user| {
                let sip = user.sip.as_ref()?;
                Some((sip.extension.clone(), Account { user: user.id, ha1: sip.ha1.clone() }))
            })
            .collect();
        let operators = live().filter(|user| user.role == Role::Operator).filter_map(profile).collect();
        Ok(Settings {
            realm: config.sip.realm.clone(),
            digest: config.sip.digest.clone(),
            capacity: usize::try_from(config.sip.capacity).unwrap_or(usize::MAX),
            ask_phones_every: config.sip.ask_phones_every(),
            guard: config.sip.guard(),
            advertised: config.sip.advertised,
            session_expires_secs: u32::try_from(config.sip.session_expires_secs).unwrap_or(u32::MAX),
            short_number: number.short.clone(),
            recording: config.recording.when_unable(),
            aliases: number.aliases.iter().map(|alias| PhoneNumber::from_user_part(alias)).collect(),
            codecs: config.rtp.codecs.clone(),
            srtp: config.rtp.srtp,
            plan: self.dialplan.clone(),
            topic_categories: Arc::new(self.city.topic_categories().clone()),
            trunks,
            accounts,
            operators,
            queues: config.queue.iter().map(config::Queue::settings).collect(),
            queue_extensions: config
                .queue
                .iter()
                .filter_map(|queue| Some((queue.extension.clone()?, queue.name.clone())))
                .collect(),
            ready_code: config.operator.ready_code.clone(),
            not_ready_code: config.operator.not_ready_code.clone(),
        })
    }
}

fn profile(user: &User) -> Option<OperatorProfile> {
    let sip = user.sip.as_ref()?;
    Some(OperatorProfile {
        user: user.id,
        name: user.name.clone(),
        extension: sip.extension.clone(),
        languages: user.languages.clone(),
        queues: user.queues.clone(),
        skills: user.skills.clone(),
    })
}

fn read<T>(
    file: &std::path::Path,
    parse: impl Fn(&str, &str) -> Result<T, Vec<Diagnostic>>,
) -> Result<T, Vec<Diagnostic>> {
    let name = file.display().to_string();
    let text = config::read(file).map_err(|error| vec![Diagnostic::at_offset(&name, "", 0, error)])?;
    parse(&name, &text)
}

/// Reads everything again when asked, and the users regularly.
pub(super) struct Reloader {
    pub config: Config,
    /// The configuration file; none for a demo, whose configuration cannot change.
    pub file: Option<PathBuf>,
    pub store: Store,
    pub plans: Plans,
    pub changes: mpsc::Sender<Change>,
    pub city: watch::Sender<Arc<CityPlan>>,
    /// Room kept free on the recordings' disk, octets.
    pub floor: watch::Sender<u64>,
    pub users: Vec<User>,
    /// Takes new certificates.
    pub net: SipNet,
}

impl Reloader {
    /// Starts its task; what asks it to read everything again.
    pub(super) fn start(self) -> mpsc::Sender<ReloadRequest> {
        let (asking, asked) = mpsc::channel(MAX_RELOADS);
        tokio::spawn(self.run(asked));
        asking
    }

    /// Ends when nobody can ask any more.
    async fn run(mut self, mut requests: mpsc::Receiver<ReloadRequest>) {
        let mut refresh = tokio::time::interval(USERS_EVERY);
        refresh.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = requests.recv() => {
                    let Some(answer) = request else { return };
                    let outcome = self.reload().await;
                    if let Err(complaints) = &outcome {
                        for complaint in complaints {
                            tracing::error!(%complaint, "reload refused; the old configuration stays");
                        }
                    }
                    // Who asked may be gone; the reload stands.
                    answer.send(outcome).ok();
                }
                _ = refresh.tick() => self.refresh_users().await,
            }
            if self.changes.is_closed() {
                return;
            }
        }
    }

    async fn reload(&mut self) -> Result<(), Vec<Diagnostic>> {
        let complain = |error: String| vec![Diagnostic::at_offset("reload", "", 0, error)];
        let (file, current) = (self.file.clone(), self.config.clone());
        let loaded = tokio::task::spawn_blocking(move || {
            let config = file.as_deref().map_or(Ok(current), Config::load)?;
            let credentials = config.sip.credentials().map_err(|error| complain(error.to_string()))?;
            Plans::load(&config, &mut |_, _| {}).map(|plans| (config, plans, credentials))
        });
        let (mut config, plans, credentials) =
            loaded.await.map_err(|error| complain(error.to_string()))??;
        let users = self.store.users().await.map_err(|error| complain(error.to_string()))?;
        let deferred = self.config.needs_restart(&config);
        // The switchboard's challenges keep the running realm, so the trunks' secrets must be digested with it.
        config.keep_until_restart(&self.config);
        let settings = plans.settings(&config, &users).map_err(|error| complain(error.to_string()))?;
        self.net.renew(&credentials).map_err(|error| complain(error.to_string()))?;
        for key in deferred {
            tracing::warn!(key, "changed, but comes into force only after a restart");
        }
        self.city.send_replace(plans.city.clone());
        self.floor.send_replace(config.recording.floor());
        (self.config, self.users, self.plans) = (config, users, plans.clone());
        self.send(Change { settings, plans: Some(plans) }).await;
        tracing::info!("configuration reloaded");
        Ok(())
    }

    async fn refresh_users(&mut self) {
        let users = match self.store.users().await {
            Ok(users) => users,
            Err(error) => {
                tracing::warn!(%error, "users not read");
                return;
            }
        };
        if users == self.users {
            return;
        }
        match self.plans.settings(&self.config, &users) {
            Ok(settings) => {
                self.users = users;
                self.send(Change { settings, plans: None }).await;
            }
            Err(error) => tracing::error!(%error, "users not taken over"),
        }
    }

    async fn send(&self, change: Change) {
        if self.changes.send(change).await.is_err() {
            tracing::debug!("the switchboard is gone");
        }
    }
}
