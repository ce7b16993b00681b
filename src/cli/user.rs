//! `ringback user`: people who sign in, their roles, and the phones of operators.
//! Checks what was typed and keeps digests only, never a password; rows are `store/users.rs`,
//! what a role may do is `web/access.rs`.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::{Failure, Outcome};
use crate::acd::MAX_SKILL_LEVEL;
use crate::config::Config;
use crate::ids::{Mint, UserId};
use crate::journal::{Draft, EventType};
use crate::language::Language;
use crate::people::{Actor, Role};
use crate::sip::digest_auth::Ha1;
use crate::store::{SipAccount, Store, StoreError, User};

/// Shorter passwords are refused.
const MIN_PASSWORD_CHARS: usize = 8;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Adds a person. The first line of standard input is the password, a second one that of the phone (the same
    /// when there is none).
    Add(Add),
    /// Lists everybody.
    List,
    /// Takes the second factor of somebody away who has lost app and recovery codes, and signs them out everywhere. For an
    /// administrator whom no other can help; open pages of theirs notice within seconds.
    ResetSecondFactor { name: String },
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    name: String,
    /// operator, supervisor, control, executor, mayor_office, records, auditor or admin.
    #[arg(long)]
    role: String,
    /// The phone's extension; it registers under this name.
    #[arg(long)]
    sip_extension: Option<String>,
    /// Languages the operator speaks, as in uk,en.
    #[arg(long, value_delimiter = ',')]
    languages: Vec<String>,
    /// Queues the operator serves; all of the configuration when left out.
    #[arg(long, value_delimiter = ',')]
    queues: Vec<String>,
    /// Skills and their levels, 1 to 5, as in water=3,heating=5; queues may ask for them.
    #[arg(long, value_delimiter = ',')]
    skills: Vec<String>,
    /// The executor's organisation in the city plan.
    #[arg(long)]
    organisation: Option<String>,
    #[arg(long, required = true)]
    password_stdin: bool,
}

pub(super) async fn run(file: &Path, command: Command) -> Outcome {
    let config = super::load(file)?;
    let store = crate::app::open_store(&config).await?;
    let outcome = match command {
        Command::Add(add) => self::add(&config, &store, add).await,
        Command::List => list(&store).await,
        Command::ResetSecondFactor { name } => reset_second_factor(&store, &name).await,
    };
    store.close().await;
    outcome
}

async fn reset_second_factor(store: &Store, name: &str) -> Outcome {
    let user = store.user_by_name(name).await?.with_context(|| format!("there is no user {name}"))?;
    let by = Actor::system("command line");
    let mut entry = Draft::new(EventType::UserSecondFactorReset, crate::time::now().utc, by);
    entry.data = serde_json::json!({ "user": user.id });
    if !store.reset_second_factor(user.id, entry).await? {
        return Err(anyhow::anyhow!("{name} has no second factor").into());
    }
    println!("{name} signs in by password alone now");
    Ok(())
}

async fn list(store: &Store) -> Outcome {
    for user in store.users().await? {
        let extension = user.sip.as_ref().map_or("-", |sip| &sip.extension);
        let state = if user.disabled { "disabled" } else { "active" };
        println!("{}\t{}\t{extension}\t{state}", user.name, user.role.name());
    }
    Ok(())
}

async fn add(config: &Config, store: &Store, add: Add) -> Outcome {
    let mut lines = std::io::stdin().lock().lines();
    let password = lines.next().transpose()?.unwrap_or_default();
    let phone_password = lines.next().transpose()?.filter(|line| !line.is_empty());
    let user = build(config, add, &password, phone_password.as_deref())?;
    match store.create_user(&user).await {
        Ok(()) => {
            println!("{} {}", user.id, user.name);
            Ok(())
        }
        Err(StoreError::Exists(what)) => Err(Failure::No(format!("{what} already exists"))),
        Err(error) => Err(error.into()),
    }
}

fn build(config: &Config, add: Add, password: &str, phone_password: Option<&str>) -> anyhow::Result<User> {
    if password.chars().count() < MIN_PASSWORD_CHARS {
        bail!("the password on standard input has less than {MIN_PASSWORD_CHARS} characters");
    }
    let role = Role::from_name(&add.role).with_context(|| {
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        format!("'{}' is no role; roles are {}", add.role, names.join(", "))
    })?;
    if role == Role::Executor && add.organisation.is_none() {
        bail!("an executor needs --organisation");
    }
    let languages: Vec<Language> =
        add.languages.iter().map(|code| code.parse()).collect::<Result<_, _>>().context("--languages")?;
    let queues = if add.queues.is_empty() {
        config.queue.iter().map(|queue| queue.name.clone()).collect()
    } else {
        add.queues
    };
    if let Some(unknown) = queues.iter().find(|name| !config.queue.iter().any(|queue| queue.name == **name)) {
        bail!("there is no queue '{unknown}' in the configuration");
    }
    let skills = add.skills.iter().map(|skill| self::skill(skill)).collect::<anyhow::Result<_>>()?;
    let user = account(
        config,
        add.name,
        role,
        add.organisation,
        languages,
        queues,
        add.sip_extension,
        password,
        phone_password,
    )?;
    Ok(User { skills, ..user })
}

/// A name and a level, as in water=3.
fn skill(text: &str) -> anyhow::Result<(String, u8)> {
    let read = || {
        let (name, level) = text.split_once('=')?;
        let level = level.parse().ok().filter(|level| (1..=MAX_SKILL_LEVEL).contains(level))?;
        (!name.is_empty()).then(|| (name.to_owned(), level))
    };
    read().with_context(|| format!("--skills: '{text}' is no skill with a level, as in water=3 (1 to 5)"))
}

#[expect(clippy::too_many_arguments, reason = "a row has that many columns")]
pub(super) fn account(
    config: &Config,
    name: String,
    role: Role,
    organisation: Option<String>,
    languages: Vec<Language>,
    queues: Vec<String>,
    extension: Option<String>,
    password: &str,
    phone_password: Option<&str>,
) -> anyhow::Result<User> {
    let sip = extension.map(|extension| {
        let ha1 = Ha1::new(&extension, &config.sip.realm, phone_password.unwrap_or(password));
        SipAccount { extension, ha1 }
    });
    Ok(User {
        id: UserId(Mint::new(rand::random()).uuid(crate::time::now().utc)),
        name,
        role,
        password_hash: crate::web::hash_password(password)?,
        organisation,
        languages,
        queues,
        skills: BTreeMap::new(),
        posts: Vec::new(),
        clearances: Vec::new(),
        second_factor: false,
        sip,
        disabled: false,
    })
}
