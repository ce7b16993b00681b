//! The command line: one file per command. Exit codes: 0 good, 1 the answer is no, 2 usage, 78 configuration.
//! Commands read arguments and print; the work is done by the modules below.

mod call;
mod check;
mod content_key;
mod demo;
mod export;
mod ivr;
mod journal_key;
mod report;
mod retention;
mod route;
mod serve;
mod simulate_city;
mod user;
mod verify;
mod verify_bundle;
mod verify_log;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::start_logging;
use crate::config::Config;
use crate::diagnostic::Diagnostic;

/// `EX_CONFIG` of sysexits.h.
const EXIT_CONFIG: u8 = 78;

#[derive(Debug, Parser)]
#[command(name = "ringback", version, about = "Contact centre core for a city's short number")]
struct Cli {
    /// Configuration file.
    #[arg(long, global = true, default_value = "config.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answers the short number until it is told to stop.
    Serve,
    /// Shows everything to a newcomer: a demo city, accounts, and citizens who call.
    Demo(demo::Args),
    /// Reads configuration, dialplan and city plan and says what is wrong, as file:line:column.
    Check(check::Args),
    /// People who sign in, and their phones.
    #[command(subcommand)]
    User(user::Command),
    /// Places a call and saves what it hears.
    Call(call::Args),
    /// The dialplan without a telephone.
    #[command(subcommand)]
    Ivr(ivr::Command),
    /// Whom routing would choose for a matter, there and then, and why.
    Route(route::Args),
    /// Makes the key that signs checkpoints of the journal.
    JournalKey(journal_key::Args),
    /// Makes the key under which content is encrypted, or changes to a new one.
    ContentKey(content_key::Args),
    /// Proves that journal, register, calls and recordings are whole.
    Verify(verify::Args),
    /// A case with its calls, pictures and proofs, to be handed over.
    Export(export::Args),
    /// The weekly control report, from the rows or from the journal.
    Report(report::Args),
    /// What the city plan's rules would erase now.
    Retention(retention::Args),
    /// A city on paper: operators against waiting, an outage, and the machines it takes.
    SimulateCity(simulate_city::Args),
    /// Brings the database to this version.
    Migrate,
    /// Prints the API's description.
    Openapi,
}

/// Why a command did not do what it was asked for.
#[derive(Debug)]
enum Failure {
    /// The configuration is wrong.
    Config(Vec<Diagnostic>),
    /// It was done, and the answer is no.
    No(String),
    Other(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl Failure {
    /// What `verify` says of anything it found.
    fn changed() -> Self {
        Self::No("something was changed or is missing".to_owned())
    }
}

type Outcome = Result<(), Failure>;

/// The whole program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ringback: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(cli));
    // What is still running then has been told to stop and had its time.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    conclude(outcome)
}

async fn run(cli: Cli) -> Outcome {
    let file = cli.config.as_path();
    match cli.command {
        Command::Serve => {
            start_logging("info");
            serve::run(file).await
        }
        Command::Demo(args) => {
            start_logging("warn");
            demo::run(args).await
        }
        Command::Check(args) => check::run(file, &args),
        Command::User(command) => user::run(file, command).await,
        Command::Call(args) => {
            start_logging("warn");
            call::run(args).await
        }
        Command::Ivr(command) => ivr::run(command),
        Command::Route(args) => route::run(file, &args),
        Command::JournalKey(args) => journal_key::run(file, &args),
        Command::ContentKey(args) => content_key::run(file, &args).await,
        Command::Verify(args) => match &args.bundle {
            Some(bundle) => verify_bundle::run(bundle, &args.key),
            None => verify::run(file, &args).await,
        },
        Command::Export(args) => export::run(file, args).await,
        Command::Report(args) => report::run(file, args).await,
        Command::Retention(args) => retention::run(file, args).await,
        Command::SimulateCity(args) => simulate_city::run(&args),
        Command::Migrate => {
            let config = load(file)?;
            crate::app::open_store(&config).await?.close().await;
            Ok(())
        }
        Command::Openapi => {
            println!("{}", crate::web::openapi().to_pretty_json()?);
            Ok(())
        }
    }
}

fn load(file: &Path) -> Result<Config, Failure> {
    Config::load(file).map_err(Failure::Config)
}

fn conclude(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Config(complaints)) => {
            for complaint in complaints {
                eprintln!("{complaint}");
            }
            ExitCode::from(EXIT_CONFIG)
        }
        Err(Failure::No(answer)) => {
            eprintln!("{answer}");
            ExitCode::FAILURE
        }
        Err(Failure::Other(error)) => {
            eprintln!("ringback: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A folder's path for people.
fn show(path: &Path) -> String {
    path.display().to_string()
}
