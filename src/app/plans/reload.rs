//! Reads everything behind the configuration again when somebody asks for it, and the users regularly. All is read and
//! checked before any of it comes into force; what is refused leaves files and calls as they were.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::{Plans, Published};
use crate::app::leisure::at_leisure;
use crate::app::{Change, MAX_RELOADS, Renewal, Terms, USERS_EVERY, log_filter, make_room};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::files::whole_file;
use crate::net::SipNet;
use crate::people::Actor;
use crate::store::{PlanText, Publication, Store, User};
use crate::switchboard::Settings;
use crate::web::{InForce, ReloadRequest, Reloaded, Wanted};

/// Reads everything again when asked, and the users regularly.
pub(in crate::app) struct Reloader {
    pub config: Config,
    /// The configuration file; none for a demo, whose configuration cannot change.
    pub file: Option<PathBuf>,
    pub store: Store,
    pub plans: Plans,
    pub changes: mpsc::Sender<Change>,
    pub published: Published,
    /// Room kept free on the recordings' disk, octets.
    pub floor: watch::Sender<u64>,
    pub users: Vec<User>,
    /// Takes new certificates.
    pub net: SipNet,
    /// What the administrator's pages show.
    pub in_force: watch::Sender<Arc<InForce>>,
    /// How applicants are asked.
    pub asking: Renewal,
}

impl Reloader {
    /// Starts its task; what asks it to read everything again.
    pub(in crate::app) fn start(self) -> mpsc::Sender<ReloadRequest> {
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
                    let Some(ReloadRequest { wanted, by, answer }) = request else { return };
                    let outcome = match wanted {
                        Wanted::Check => self.check().await.map(|()| Vec::new()),
                        Wanted::Publish => self.reload(Publication::Published, by).await,
                        Wanted::Restore(text) => self.restore(text, by).await,
                        Wanted::Users => {
                            self.refresh_users().await;
                            Ok(Vec::new())
                        }
                    };
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

    /// What a reload would say; nothing comes into force and no sound is made.
    async fn check(&self) -> Result<(), Vec<Diagnostic>> {
        let (file, current) = (self.file.clone(), self.config.clone());
        let checked = at_leisure(move || {
            let config = file.as_deref().map_or(Ok(current), Config::load)?;
            config.sip.credentials().map_err(|error| complain(error.to_string()))?;
            Plans::read(&config).map(drop)
        });
        checked.await.map_err(|error| complain(error.to_string()))?
    }

    async fn reload(&mut self, how: Publication, by: Actor) -> Reloaded {
        let outcome = self.read_again(how, by).await;
        for complaint in outcome.as_ref().err().into_iter().flatten() {
            tracing::error!(%complaint, "reload refused; the old configuration stays");
        }
        outcome
    }

    async fn read_again(&mut self, how: Publication, by: Actor) -> Reloaded {
        let (file, current) = (self.file.clone(), self.config.clone());
        let loaded = at_leisure(move || {
            let read = |file: &Path| Config::load_with_text(file);
            let (config, text) = file.as_deref().map_or_else(|| Ok((current, String::new())), read)?;
            let credentials = config.sip.credentials().map_err(|error| complain(error.to_string()))?;
            Plans::load(&config, &mut |_, _| {}).map(|plans| (config, text, plans, credentials))
        });
        let (mut config, text, plans, credentials) =
            loaded.await.map_err(|error| complain(error.to_string()))??;
        let users = self.store.users().await.map_err(|error| complain(error.to_string()))?;
        let deferred = self.config.needs_restart(&config);
        // The switchboard's challenges keep the running realm, so the trunks' secrets must be digested with it.
        config.keep_until_restart(&self.config);
        let settings = plans.settings(&config, &users).map_err(|error| complain(error.to_string()))?;
        let rules = plans.rules(&config).map_err(|error| complain(error.to_string()))?;
        let notices = plans.notices(&config).map_err(|error| complain(error.to_string()))?;
        let terms = Terms::of(&config).map_err(|error| complain(format!("{error:#}")))?;
        self.net.renew(&credentials).map_err(|error| complain(error.to_string()))?;
        let in_force =
            InForce { deferred: deferred.clone(), ..plans.in_force(&config, self.file.as_deref(), &text) };
        let published = self.store.publish(in_force.texts(), how, by, in_force.at).await;
        published.map_err(|error| complain(error.to_string()))?;
        self.in_force.send_replace(Arc::new(in_force));
        self.published.renew(&plans);
        self.asking.rules.send_replace(rules);
        self.asking.notices.send_replace(notices);
        self.floor.send_replace(config.recording.floor());
        (self.config, self.users, self.plans) = (config, users, plans.clone());
        log_filter::renew(&self.config.log.filter);
        self.net.limit(make_room(&self.config)).await;
        self.hand_over(settings, Some(terms), Some(plans)).await;
        tracing::info!("configuration reloaded");
        if !deferred.is_empty() {
            tracing::warn!(keys = deferred.join(", "), "changed, but needs a restart");
        }
        Ok(deferred)
    }

    /// Puts an earlier text back into its file and reads everything again. Where that is refused, the file is as it was.
    async fn restore(&mut self, wanted: PlanText, by: Actor) -> Reloaded {
        let in_force = self.in_force.borrow().clone();
        let file = in_force.files.iter().find(|file| file.is_versioned() && file.name == wanted.file);
        let path =
            file.ok_or_else(|| complain(format!("there is no file '{}' now", wanted.file)))?.path.clone();
        let replaced = std::fs::read_to_string(&path).ok();
        if let Some(text) = replaced.clone() {
            let text = PlanText { file: wanted.file.clone(), text };
            let kept = self.store.publish(vec![text], Publication::SetAside, by.clone(), in_force.at).await;
            kept.map_err(|error| complain(error.to_string()))?;
        }
        let write = |text: &str| {
            whole_file::replace(&path, text.as_bytes())
                .map_err(|error| complain(format!("{}: {error}", path.display())))
        };
        write(&wanted.text)?;
        let outcome = self.reload(Publication::Restored, by).await;
        if outcome.is_err()
            && let Some(text) = replaced
        {
            write(&text)?;
        }
        outcome
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
                self.hand_over(settings, None, None).await;
            }
            Err(error) => tracing::error!(%error, "users not taken over"),
        }
    }

    /// Resolves when the next call is served by them: who was told that a plan is in force may try it.
    async fn hand_over(&self, settings: Settings, terms: Option<Terms>, plans: Option<Plans>) {
        let (taken, is_taken) = oneshot::channel();
        let change = Change { settings, terms, plans, taken };
        if self.changes.send(change).await.is_err() || is_taken.await.is_err() {
            tracing::debug!("the switchboard is gone");
        }
    }
}

fn complain(error: String) -> Vec<Diagnostic> {
    vec![Diagnostic::at_offset("reload", "", 0, error)]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::app::fixture;
    use crate::app::plans::{Sources, Voice};
    use crate::case::city::CityPlan;
    use crate::dialplan::{Dialplan, PromptTexts};
    use crate::net::SipListeners;
    use crate::speech::PromptLibrary;
    use crate::web::{CONFIG, DIALPLAN};

    /// Of a city whose files would lie in `folder`.
    async fn reloader(folder: &Path, changes: mpsc::Sender<Change>) -> Reloader {
        let mut config = Config::default();
        config.number.dialplan = folder.join("1580.toml");
        config.city.file = folder.join("city.toml");
        let sources = Sources {
            dialplan: include_str!("../../../dialplans/1580.toml").to_owned(),
            city: include_str!("../../../city.toml").to_owned(),
            asking: None,
        };
        let dialplan = Dialplan::parse("1580.toml", &sources.dialplan).unwrap();
        let city = Arc::new(CityPlan::parse("city.toml", &sources.city).unwrap());
        let prompts = PromptLibrary::sounding(&dialplan, PromptTexts::default(), folder);
        let plans = Plans {
            dialplan: Arc::new(dialplan),
            city,
            addresses: Arc::default(),
            prompts: Arc::new(prompts),
            asking: None,
            voice: Voice { engine: PathBuf::new(), folder: folder.to_owned() },
            sources: Arc::new(sources),
        };
        let in_force = Arc::new(plans.in_force(&config, None, ""));
        Reloader {
            file: None,
            store: fixture::store().await,
            changes,
            published: plans.publish().0,
            floor: watch::channel(0).0,
            users: Vec::new(),
            net: SipNet::start(SipListeners::default(), mpsc::channel(1).0).await.unwrap(),
            in_force: watch::channel(in_force).0,
            asking: Renewal {
                rules: watch::channel(plans.rules(&config).unwrap()).0,
                notices: watch::channel(plans.notices(&config).unwrap()).0,
            },
            plans,
            config,
        }
    }

    #[tokio::test]
    async fn a_version_that_does_not_check_leaves_its_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut reloader = reloader(folder.path(), mpsc::channel(1).0).await;
        let (dialplan, store) = (reloader.config.number.dialplan.clone(), reloader.store.clone());
        std::fs::write(&reloader.config.city.file, &reloader.plans.sources.city).unwrap();
        std::fs::write(&dialplan, "half = \"done\"").unwrap();
        let mut restore = async |file: &str| {
            let wanted = PlanText { file: file.to_owned(), text: "start = 1".to_owned() };
            reloader.restore(wanted, Actor::system("test")).await
        };
        assert!(restore(DIALPLAN).await.is_err());
        assert_eq!(std::fs::read_to_string(&dialplan).unwrap(), "half = \"done\"");
        let kept: Vec<_> = store.plan_versions().await.unwrap().into_iter().map(|one| one.how).collect();
        assert_eq!(kept, [Publication::SetAside], "what the file held is not lost");
        assert!(restore(CONFIG).await.is_err(), "the configuration has no versions");
    }

    #[tokio::test]
    async fn a_plan_is_handed_over_when_the_switchboard_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let (changes, mut taken_by) = mpsc::channel(1);
        let reloader = reloader(folder.path(), changes).await;
        let settings = || reloader.plans.settings(&reloader.config, &[]).unwrap();
        let mut handed_over = Box::pin(reloader.hand_over(settings(), None, None));
        assert!(futures_util::poll!(&mut handed_over).is_pending());
        let change = taken_by.recv().await.unwrap();
        assert!(futures_util::poll!(&mut handed_over).is_pending(), "on its way is not there");
        change.taken.send(()).unwrap();
        handed_over.await;
        drop(taken_by);
        reloader.hand_over(settings(), None, None).await;
    }
}
