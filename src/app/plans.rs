//! What can be read again while calls run: configuration, dialplan, prompts, city plan, addresses and users. All is read
//! and checked before any of it comes into force.

mod reload;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::verification_watch::Rules;
use crate::acd::OperatorProfile;
use crate::address::{self, Register};
use crate::case::city::CityPlan;
use crate::config::{self, Config};
use crate::diagnostic::Diagnostic;
use crate::dialplan::Dialplan;
use crate::dialplan::node::Node;
use crate::notify;
use crate::people::Role;
use crate::phone_number::PhoneNumber;
use crate::speech::{self, PromptLibrary};
use crate::store::User;
use crate::switchboard::Settings;
use crate::switchboard::settings::Account;
use crate::web::{CITY, CONFIG, DIALPLAN, InForce, PlanFile, PublicTerms, VERIFICATION};

pub(super) use reload::Reloader;

/// The files behind the configuration, read and checked.
#[derive(Clone, Debug)]
pub struct Plans {
    pub dialplan: Arc<Dialplan>,
    pub city: Arc<CityPlan>,
    pub addresses: Arc<Register>,
    pub prompts: Arc<PromptLibrary>,
    /// What applicants hear who are asked whether work is done; none where the program rings nobody.
    pub asking: Option<Arc<Dialplan>>,
    /// What speaks words that no plan has.
    pub(super) voice: Voice,
    sources: Arc<Sources>,
}

/// A speech program and the folder it may write in.
#[derive(Clone, Debug)]
pub(super) struct Voice {
    pub(super) engine: PathBuf,
    pub(super) folder: PathBuf,
}

/// What the files said when they were read.
#[derive(Debug)]
struct Sources {
    dialplan: String,
    city: String,
    /// None where nobody is asked.
    asking: Option<String>,
}

impl Plans {
    /// Reads and checks all of them; every complaint of every file is listed. Rendering prompts takes seconds the
    /// first time: call it where that is no matter.
    pub fn load(config: &Config, progress: &mut dyn FnMut(usize, usize)) -> Result<Self, Vec<Diagnostic>> {
        let (dialplan, city, addresses, mut sources) = Self::read_with_sources(config)?;
        let (asking, asking_text) = read_asking(config, &dialplan)?.unzip();
        sources.asking = asking_text;
        let plans: Vec<&Dialplan> = std::iter::once(&dialplan).chain(&asking).collect();
        let prompts = PromptLibrary::load_all(
            &plans,
            &config.prompts(),
            &config.speech.cache,
            &config.speech.engine,
            progress,
        )?;
        Ok(Self {
            dialplan: Arc::new(dialplan),
            city: Arc::new(city),
            addresses: Arc::new(addresses),
            prompts: Arc::new(prompts),
            asking: asking.map(Arc::new),
            voice: Voice { engine: config.speech.engine.clone(), folder: config.speech.cache.clone() },
            sources: Arc::new(sources),
        })
    }

    /// Dialplan, city plan and addresses alone, checked against each other, the prompt texts and the configuration; no
    /// sound is made.
    pub fn read(config: &Config) -> Result<(Dialplan, CityPlan, Register), Vec<Diagnostic>> {
        Self::read_with_sources(config).map(|(dialplan, city, addresses, _)| (dialplan, city, addresses))
    }

    fn read_with_sources(
        config: &Config,
    ) -> Result<(Dialplan, CityPlan, Register, Sources), Vec<Diagnostic>> {
        let dialplan = read(&config.number.dialplan, Dialplan::parse);
        let city = read(&config.city.file, CityPlan::parse);
        let ((dialplan, dialplan_text), (city, city_text)) = match (dialplan, city) {
            (Ok(dialplan), Ok(city)) => (dialplan, city),
            (dialplan, city) => {
                return Err([dialplan.err(), city.err()].into_iter().flatten().flatten().collect());
            }
        };
        let addresses = read_addresses(config, &city)?;
        let texts = speech::read_texts(&config.prompts(), dialplan.languages())?;
        let mut complaints = dialplan.check_prompts(&texts);
        complaints.extend(unknown_queues(config, &dialplan));
        complaints.extend(unknown_rosters(&dialplan, &city));
        complaints.extend(unknown_territories(&dialplan, &city));
        if dialplan.machine().is_some() {
            let message = "a plan with `machine` asks applicants; callers need another";
            complaints.push(Diagnostic::at_offset(dialplan.file(), "", 0, message));
        }
        match read_asking(config, &dialplan) {
            Ok(Some((asking, _))) => {
                let texts = speech::read_texts(&config.prompts(), asking.languages())?;
                complaints.extend(asking.check_prompts(&texts));
            }
            Ok(None) => {}
            Err(more) => complaints.extend(more),
        }
        let sources = Sources { dialplan: dialplan_text, city: city_text, asking: None };
        if complaints.is_empty() { Ok((dialplan, city, addresses, sources)) } else { Err(complaints) }
    }

    /// What gives the pages the plans in force, and where they read them.
    pub(super) fn publish(
        &self,
    ) -> (Published, watch::Receiver<Arc<CityPlan>>, watch::Receiver<Arc<Register>>) {
        let (city, city_read) = watch::channel(self.city.clone());
        let (addresses, addresses_read) = watch::channel(self.addresses.clone());
        (Published { city, addresses }, city_read, addresses_read)
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
            duties: Arc::new(self.city.duties().clone()),
            callback: config.callback.policy(self.dialplan.time_zone().name())?,
            verification: config.verification.settings(self.rules(config)?.policy, self.asking.clone()),
            masked: config.masked_call.policy(self.dialplan.time_zone().name())?,
            queue_extensions: config
                .queue
                .iter()
                .filter_map(|queue| Some((queue.extension.clone()?, queue.name.clone())))
                .collect(),
            ready_code: config.operator.ready_code.clone(),
            not_ready_code: config.operator.not_ready_code.clone(),
            web_calls: config.web_call.settings(),
        })
    }
}

impl Plans {
    /// By what applicants are written to.
    pub(super) fn notices(&self, config: &Config) -> anyhow::Result<Arc<notify::Settings>> {
        Ok(Arc::new(notify::Settings {
            sms: config.sms.way(self.dialplan.time_zone().name())?,
            mail: config.email.way(),
            short: config.number.short.clone(),
            page: config.citizen.page(),
        }))
    }

    /// How applicants are asked.
    pub(super) fn rules(&self, config: &Config) -> anyhow::Result<Rules> {
        let policy = config.verification.policy(self.dialplan.time_zone().name(), &self.city)?;
        let masked = config.masked_call.policy(self.dialplan.time_zone().name())?;
        let machine_counts = config.verification.machine_counts;
        Ok(Rules { policy, masked, city: self.city.clone(), machine_counts })
    }
}

/// What applicants hear who are asked, held to the plan that callers hear; none where the program rings nobody.
fn read_asking(config: &Config, dialplan: &Dialplan) -> Result<Option<(Dialplan, String)>, Vec<Diagnostic>> {
    if !config.verification.automatic {
        return Ok(None);
    }
    let (plan, text) = read(&config.verification.dialplan, Dialplan::parse)?;
    let mut complaints = unknown_queues(config, &plan);
    let mut complain = |message: String| complaints.push(Diagnostic::at_offset(plan.file(), "", 0, message));
    if plan.machine().is_none() {
        complain("a plan that asks applicants needs `machine`: what an answering machine hears".to_owned());
    }
    for language in dialplan.languages().iter().filter(|language| !plan.languages().contains(language)) {
        complain(format!("callers may speak '{language}', so applicants must be asked in it, too"));
    }
    if complaints.is_empty() { Ok(Some((plan, text))) } else { Err(complaints) }
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
) -> Result<(T, String), Vec<Diagnostic>> {
    let name = file.display().to_string();
    let text = config::read(file).map_err(|error| vec![Diagnostic::at_offset(&name, "", 0, error)])?;
    Ok((parse(&name, &text)?, text))
}

impl Plans {
    /// All of it as the administrator's pages show it. `text` is that of the configuration file.
    pub(super) fn in_force(&self, config: &Config, file: Option<&Path>, text: &str) -> InForce {
        let plan_file = |name: String, path: &Path, text: &str| PlanFile {
            name,
            path: path.to_owned(),
            text: text.into(),
        };
        let mut files: Vec<PlanFile> =
            file.map(|path| plan_file(CONFIG.to_owned(), path, text)).into_iter().collect();
        files.push(plan_file(DIALPLAN.to_owned(), &config.number.dialplan, &self.sources.dialplan));
        if let Some(asking) = &self.sources.asking {
            files.push(plan_file(VERIFICATION.to_owned(), &config.verification.dialplan, asking));
        }
        files.push(plan_file(CITY.to_owned(), &config.city.file, &self.sources.city));
        let folder = config.prompts();
        for language in self.dialplan.languages() {
            let text = self.prompts.texts().source(*language).unwrap_or_default();
            files.push(plan_file(
                format!("prompts/{language}"),
                &folder.join(format!("{language}.toml")),
                text,
            ));
        }
        InForce {
            at: crate::time::now().utc,
            plan: self.dialplan.clone(),
            asking: self.asking.clone(),
            prompts: self.prompts.clone(),
            prompt_folder: folder,
            files,
            queues: config.queue.iter().map(config::Queue::described).collect(),
            trunks: config.trunk.iter().map(config::Trunk::described).collect(),
            entrance: config.sip.entrance(),
            public: PublicTerms { open311: config.open311.terms(), citizen: config.citizen.terms() },
            sign_in: config.sign_in.terms(),
            audit: config.audit.terms(),
            origins: config.http.origins(),
            answer_within: config.report.answer_within(),
            deferred: Vec::new(),
        }
    }
}

/// The register, held to the city plan; an empty one where none is configured.
fn read_addresses(config: &Config, city: &CityPlan) -> Result<Register, Vec<Diagnostic>> {
    let Some(file) = &config.city.addresses else { return Ok(Register::default()) };
    let name = file.display().to_string();
    let bytes = config::read_bytes(file, address::MAX_FILE_BYTES)
        .map_err(|error| vec![Diagnostic::at_offset(&name, "", 0, error)])?;
    let known = address::Known {
        territories: city.territories().iter().map(|territory| territory.id.as_str()).collect(),
        holders: city.organisations().iter().map(|organisation| organisation.id.as_str()).collect(),
    };
    let register = Register::import(&name, &bytes, &known)?;
    tracing::info!(streets = register.street_count(), houses = register.house_count(), "addresses read");
    Ok(register)
}

fn unknown_queues(config: &Config, dialplan: &Dialplan) -> Vec<Diagnostic> {
    let is_known = |name: &str| config.queue.iter().any(|queue| queue.name == name);
    let complain = |name: &str| {
        let message = format!("queue `{name}` is not among the [[queue]]s of the configuration");
        Diagnostic::at_offset(dialplan.file(), "", 0, message)
    };
    dialplan.queues().into_iter().filter(|name| !is_known(name)).map(complain).collect()
}

fn unknown_rosters(dialplan: &Dialplan, city: &CityPlan) -> Vec<Diagnostic> {
    let unknown = dialplan.rosters().into_iter().filter(|roster| !city.duties().knows(roster));
    let complain = |roster: &str| {
        let message = format!("roster `{roster}` is in no [[duty]] of the city plan");
        Diagnostic::at_offset(dialplan.file(), "", 0, message)
    };
    unknown.map(complain).collect()
}

fn unknown_territories(dialplan: &Dialplan, city: &CityPlan) -> Vec<Diagnostic> {
    let named = dialplan.nodes().filter_map(|node| Some((node, node.territory.as_deref()?)));
    let unknown = named.filter(|(_, territory)| city.territory(territory).is_none());
    let complain = |(node, territory): (&Node, &str)| Diagnostic {
        file: dialplan.file().to_owned(),
        line: node.at.line,
        column: node.at.column,
        message: format!("territory '{territory}' of node '{}' is not in the city plan", node.name),
    };
    unknown.map(complain).collect()
}

/// Plans that pages read while they are in force.
pub(super) struct Published {
    city: watch::Sender<Arc<CityPlan>>,
    addresses: watch::Sender<Arc<Register>>,
}

impl Published {
    fn renew(&self, plans: &Plans) {
        self.city.send_replace(plans.city.clone());
        self.addresses.send_replace(plans.addresses.clone());
    }
}
